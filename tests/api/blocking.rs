//! Blocking what one signs in with: by anybody who is signed in, and undone by nobody but its owner with the thing itself.

use nutzerkonto::account::Source;
use nutzerkonto::account::evidence::{self, Record};
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::store::work::Actor;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::passkey::{Key, PROBE};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// The id of what the nth link of this kind on a list leads to.
async fn ids(browser: &mut Browser, list: &str) -> Vec<String> {
    let page = browser.get(list).await;
    let found = page
        .body
        .split("mea_")
        .skip(1)
        .map(|rest| format!("mea_{}", rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>()));
    let mut ids: Vec<String> = found.collect();
    ids.dedup();
    ids
}

async fn identity(world: &World) -> String {
    world.texts("SELECT identity_level FROM account").await.remove(0)
}

both!(a_passkey_is_blocked_from_any_session_and_unblocked_only_with_itself, async |world| {
    let mut renate = renate(&world).await;
    let (mut phone, mut token) = (Key::new(&world), Key::new(&world));
    renate.add(&mut phone, "Mein Handy").await;
    world.pass(std::time::Duration::from_secs(1));
    renate.add(&mut token, "Schlüssel").await;
    let account = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    evidence::prove(
        &mut work,
        &world.app.vault,
        &account,
        (Level::Substantial, Source::RegistrationDesk),
        Record::default(),
    )
    .await
    .unwrap();
    work.commit().await.unwrap();
    let ids = ids(&mut renate, "/sicherheit/passkeys").await;

    let mut weak = world.browser();
    weak.sign_in(EMAIL, PASSWORD).await;
    let page = weak.get(&format!("/sicherheit/zugaenge/{}/sperren", ids[0])).await;
    assert!(page.body.contains("Mein Handy sperren"), "{}", page.body);
    let blocked = weak.post(&format!("/sicherheit/zugaenge/{}/sperren", ids[0]), &[("current", PASSWORD)]).await;
    assert_eq!(blocked.location(), "/sicherheit/passkeys?erledigt=gesperrt");
    world.mail_about(EMAIL, "Ein Zugang zu Ihrem Nutzerkonto ist gesperrt").await;
    assert!(weak.get("/sicherheit/passkeys").await.body.contains("Gesperrt seit"));
    assert_eq!(identity(&world).await, "substantial", "nothing that was proven is lost");
    let again = weak.post(&format!("/sicherheit/zugaenge/{}/sperren", ids[0]), &[("current", PASSWORD)]).await;
    assert_eq!(again.status, 404);

    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 422, "nobody signs in with it");
    assert_eq!(weak.use_at(PROBE, &mut phone).await.status, 422, "nor does a weaker session unblock it");
    let mut strong = world.browser();
    assert_eq!(strong.sign_in_with(&mut token).await.location(), "/konto");
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 422, "a strong session alone changes nothing");
    assert_eq!(strong.use_at(PROBE, &mut phone).await.location(), "/sicherheit/passkeys?erledigt=bereit");
    world.mail_about(EMAIL, "Ein Zugang zu Ihrem Nutzerkonto ist entsperrt").await;
    assert_eq!(world.browser().sign_in_with(&mut phone).await.location(), "/konto");
    let history = strong.get("/sicherheit/verlauf").await;
    assert!(history.body.contains("Zugang gesperrt") && history.body.contains("Zugang entsperrt"), "{}", history.body);
});

both!(nobody_blocks_what_is_anothers, async |world| {
    let mut renate = renate(&world).await;
    renate.add(&mut Key::new(&world), "Mein Handy").await;
    let ids = ids(&mut renate, "/sicherheit/passkeys").await;
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Öztürk"]).await;
    let path = format!("/sicherheit/zugaenge/{}/sperren", ids[0]);
    assert_eq!(emre.get(&path).await.status, 404);
    assert_eq!(emre.post(&path, &[("current", PASSWORD)]).await.status, 404);
    assert_eq!(emre.get("/sicherheit/zugaenge/mea_x/sperren").await.status, 404);
});

both!(a_code_app_that_is_blocked_completes_no_sign_in, async |world| {
    let mut renate = renate(&world).await;
    let phone = renate.sets_up_a_code_app(&world).await;
    let codes = renate.renews_recovery_codes().await;
    let id = ids(&mut renate, "/sicherheit/app").await.remove(0);
    world.pass(std::time::Duration::from_secs(301));
    let wrong =
        renate.post(&format!("/sicherheit/zugaenge/{id}/sperren"), &[("current", "falsch-falsch-falsch")]).await;
    assert_eq!(wrong.status, 422, "the password is asked for again");
    let blocked = renate.post(&format!("/sicherheit/zugaenge/{id}/sperren"), &[("current", PASSWORD)]).await;
    assert_eq!(blocked.location(), "/sicherheit/app?erledigt=gesperrt");

    let mut elsewhere = world.browser();
    elsewhere.gives_the_password(EMAIL).await;
    assert_eq!(elsewhere.types_code(&phone.code(&world)).await.status, 422, "its codes do not count");
    assert_eq!(elsewhere.get("/konto").await.status, 303, "and the password alone is not enough");
    let inside = elsewhere
        .post("/anmelden/wiederherstellung", &[("recovery", codes[0].as_str()), ("code", codes[0].as_str())])
        .await;
    assert_eq!(inside.status, 303, "{}", inside.body);

    let path = format!("/sicherheit/zugaenge/{id}/entsperren");
    assert!(elsewhere.get(&path).await.body.contains("id=\"entsperren\""));
    assert_eq!(elsewhere.post(&path, &[("code", &phone.wrong_code(&world))]).await.status, 422);
    world.pass(std::time::Duration::from_secs(30));
    let unblocked = elsewhere.post(&path, &[("code", &phone.code(&world))]).await;
    assert_eq!(unblocked.location(), "/sicherheit/app?erledigt=entsperrt", "{}", unblocked.body);
    world.pass(std::time::Duration::from_secs(30));
    world.browser().signs_in_with_a_code(&world, EMAIL, &phone).await;
});
