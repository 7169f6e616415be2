//! Several addresses for one account, and who may not get one in.

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const NEW: &str = "neu@example.org";

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// Asks for the codes; the old address gets its own first.
async fn asks(renate: &mut Browser, email: &str) -> u16 {
    renate.get("/profil/kontakt/neu").await;
    renate.post("/profil/kontakt/neu", &[("email", email), ("current", PASSWORD)]).await.status
}

async fn adds(world: &World, renate: &mut Browser, email: &str) {
    assert_eq!(asks(renate, email).await, 303);
    let (old, new) = (world.code_for(EMAIL).await, world.code_for(email).await);
    let done = renate.post("/profil/kontakt/codes", &[("code_new", &new), ("code_old", &old)]).await;
    assert_eq!(done.location(), "/profil/kontakt?erledigt=1", "{}", done.body);
    world.mail_to(EMAIL).await;
    world.mail_to(email).await;
}

fn reference(page: &str) -> String {
    let rest = page.split("href=\"/profil/kontakt/").filter(|rest| !rest.starts_with("neu")).nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

both!(renate_has_two_addresses, async |world| {
    let mut renate = renate(&world).await;
    adds(&world, &mut renate, NEW).await;
    assert_eq!(world.browser().sign_in(NEW, PASSWORD).await.status, 303, "either address signs in");
    world.mail_about(EMAIL, "Neue Anmeldung").await;
    let page = renate.get("/profil/kontakt").await;
    let path = format!("/profil/kontakt/{}", reference(&page.body));
    assert!(renate.get(&path).await.body.contains(NEW));
    assert_eq!(renate.post(&path, &[("aktion", "haupt"), ("current", "falsch-falsch")]).await.status, 422);
    let done = renate.post(&path, &[("aktion", "haupt"), ("current", PASSWORD)]).await;
    assert_eq!(done.location(), "/profil/kontakt?erledigt=1");
    assert!(
        world.mail_to(EMAIL).await.subject.contains("geändert")
            && world.mail_to(NEW).await.subject.contains("geändert")
    );
    assert!(renate.get("/konto").await.body.contains(NEW));
    // The old one goes, and is free for somebody else.
    let path = format!("/profil/kontakt/{}", reference(&renate.get("/profil/kontakt").await.body));
    assert!(renate.get(&path).await.body.contains(EMAIL));
    assert_eq!(renate.post(&path, &[("aktion", "entfernen"), ("current", PASSWORD)]).await.status, 303);
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 422);
    assert_eq!(world.texts("SELECT account_id FROM email_address").await.len(), 1);
});

both!(sec_s12_one_mailbox_is_not_enough, async |world| {
    let mut renate = renate(&world).await;
    assert_eq!(asks(&mut renate, NEW).await, 303);
    let (_, new) = (world.code_for(EMAIL).await, world.code_for(NEW).await);
    let half = renate.post("/profil/kontakt/codes", &[("code_new", &new), ("code_old", &new)]).await;
    assert_eq!(half.status, 422, "the thief of a session reads one mailbox only");
    assert!(half.body.contains("code_old-e") && !half.body.contains("code_new-e"), "{}", half.body);
    assert_eq!(world.browser().sign_in(NEW, PASSWORD).await.status, 422);
    for _ in 0..6 {
        renate.post("/profil/kontakt/codes", &[("code_old", "000000")]).await;
    }
    assert_eq!(world.texts("SELECT account_id FROM email_address").await.len(), 1);
});

both!(sec_s12_the_password_comes_first, async |world| {
    let mut renate = renate(&world).await;
    renate.get("/profil/kontakt/neu").await;
    let wrong = renate.post("/profil/kontakt/neu", &[("email", NEW), ("current", "falsch-falsch")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("Das jetzige Passwort"));
    assert_eq!(renate.get("/profil/kontakt/codes").await.status, 409, "nothing waits for a code");
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert!(world.mails.lock().unwrap().is_empty());
});

both!(sec_s12_a_stale_change_is_void, async |world| {
    let mut renate = renate(&world).await;
    assert_eq!(asks(&mut renate, "tippfehler@example.org").await, 303);
    let (old, stale) = (world.code_for(EMAIL).await, world.code_for("tippfehler@example.org").await);
    assert_eq!(asks(&mut renate, NEW).await, 303);
    world.code_for(NEW).await;
    let answer = renate.post("/profil/kontakt/codes", &[("code_new", &stale), ("code_old", &old)]).await;
    assert_eq!(answer.status, 422, "codes of the change before");
    world.pass(std::time::Duration::from_secs(31 * 60));
    assert_eq!(renate.get("/profil/kontakt/codes").await.status, 409, "half an hour later nothing waits");
    let mut other = world.browser();
    other.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    assert_eq!(other.get("/profil/kontakt/codes").await.status, 409, "nor for anybody else");
});

both!(sec_o01_nobody_learns_whose_an_address_is, async |world| {
    let mut renate = renate(&world).await;
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    assert_eq!(asks(&mut mallory, EMAIL).await, 303);
    let taken = mallory.get("/profil/kontakt/codes").await;
    let old = world.code_for("mallory@example.org").await;
    world.mail_about(EMAIL, "eingegeben").await;
    assert_eq!(mallory.post("/profil/kontakt/codes", &[("code_new", &old), ("code_old", &old)]).await.status, 422);
    assert_eq!(asks(&mut mallory, NEW).await, 303);
    let free = mallory.get("/profil/kontakt/codes").await;
    let bare = |page: &str, email: &str| {
        let without = page.replace(email, "");
        without
            .split("<main")
            .nth(1)
            .unwrap()
            .split("csrf")
            .map(|part| part.split('"').skip(3).collect::<String>())
            .collect::<String>()
    };
    assert_eq!(bare(&taken.body, EMAIL), bare(&free.body, NEW));
    assert_eq!(asks(&mut renate, EMAIL.to_uppercase().as_str()).await, 422, "one's own, however it is spelled");
});

both!(an_account_has_five_addresses, async |mut world| {
    world.restart(|config| (config.limits.mails_per_hour, config.limits.mails_per_day) = (100, 100)).await;
    let mut renate = renate(&world).await;
    for number in 0..4 {
        adds(&world, &mut renate, &format!("weitere-{number}@example.org")).await;
    }
    assert_eq!(asks(&mut renate, NEW).await, 422);
});

// Of two that confirm the same change at once, on two nodes, one adds the address.
both!(sec_s12_a_change_happens_once, async |world| {
    let mut renate = renate(&world).await;
    let node = world.second_node().await;
    assert_eq!(asks(&mut renate, NEW).await, 303);
    let (old, new) = (world.code_for(EMAIL).await, world.code_for(NEW).await);
    let tries = (0..8).map(|number| {
        let mut browser = if number % 2 == 1 { renate.at(node.running.address) } else { renate.clone() };
        let (old, new) = (old.clone(), new.clone());
        async move { browser.post("/profil/kontakt/codes", &[("code_new", &new), ("code_old", &old)]).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert!(statuses.iter().all(|status| [303, 409, 422].contains(status)), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(world.texts("SELECT kind FROM audit_event WHERE kind = 'address.added'").await.len(), 1);
    node.running.abort().await;
});

both!(mails_come_in_the_language_of_the_account, async |world| {
    let mut renate = renate(&world).await;
    assert_eq!(renate.post("/profil/sprache", &[("sprache", "fr")]).await.status, 403);
    assert_eq!(renate.post("/profil/sprache", &[("sprache", "en")]).await.location(), "/profil");
    assert!(renate.get("/profil").await.body.contains("In which language"));
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 303);
    assert_eq!(world.mail_to(EMAIL).await.subject, "New sign-in to your Nutzerkonto");
});
