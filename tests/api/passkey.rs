//! Passkeys as people use them: set up, tried, used, named, removed.

use std::time::Duration;

use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::time::days;
use nutzerkonto::operator::{self, Inquiry};
use nutzerkonto::store::retention;

use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::support::browser::PASSWORD;
use crate::support::passkey::{Key, MAKE, NEW, PROBE, SIGN_IN};
use crate::support::service::claims;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// The address of the only passkey's page.
async fn page_of(browser: &mut Browser) -> String {
    let list = browser.get("/sicherheit/passkeys").await;
    let (_, rest) = list.body.split_once("href=\"/sicherheit/passkeys/mea_").unwrap();
    format!("/sicherheit/passkeys/mea_{}", rest.split('"').next().unwrap())
}

both!(renate_sets_up_a_passkey_and_signs_in_with_it, async |world| {
    let mut renate = renate(&world).await;
    let mut phone = Key::synchronised(&world);
    let made = renate.make(&mut phone, "Mein Handy").await;
    assert_eq!(made.location(), PROBE);
    assert!(renate.get("/sicherheit/passkeys").await.body.contains("Noch nicht ausprobiert"));
    assert!(world.mails.lock().unwrap().is_empty(), "nothing to tell yet");
    let tried = renate.use_at(PROBE, &mut phone).await;
    assert_eq!(tried.location(), "/sicherheit/passkeys?erledigt=bereit");
    world.mail_about(EMAIL, "Neuer Passkey").await;
    let list = renate.get(tried.location()).await;
    for words in ["Ihr Passkey ist bereit", "Mein Handy", "Wird mit anderen Geräten abgeglichen", "niedrig"] {
        assert!(list.body.contains(words), "{words}: {}", list.body);
    }
    let mut elsewhere = world.browser();
    let inside = elsewhere.sign_in_with(&mut phone).await;
    assert_eq!(inside.location(), "/konto");
    assert!(elsewhere.get("/konto").await.heading().contains("Renate"));
    world.mail_about(EMAIL, "Neue Anmeldung").await;
    let history = elsewhere.get("/sicherheit/verlauf").await;
    assert!(history.body.contains("Angemeldet mit Passkey") && history.body.contains("Passkey hinzugefügt"));
    let protocol = elsewhere.get("/daten/protokoll").await;
    assert!(protocol.body.contains("Passkey hinzugefügt"));
});

both!(a_service_learns_how_somebody_signed_in, async |world| {
    let service = Service::new("parken");
    world.clients(&service.declaration("")).await;
    let mut renate = renate(&world).await;
    for (mut key, expected) in [(Key::new(&world), "hwk user mfa"), (Key::synchronised(&world), "swk user mfa")] {
        renate.add(&mut key, "Schlüssel").await;
        let mut elsewhere = world.browser();
        let page = elsewhere.visit(&service.request(&[])).await;
        let flow = format!("?vorgang={}", crate::support::service::vorgang(&page));
        let inside = elsewhere.use_at(&format!("{SIGN_IN}{flow}"), &mut key).await;
        assert_eq!(inside.location(), format!("/weiter{flow}"));
        let code = service.code(&mut elsewhere, &[]).await;
        let tokens = service.redeem(&world, &code).await.json();
        let amr = claims(tokens["id_token"].as_str().unwrap())["amr"].clone();
        assert_eq!(amr, serde_json::json!(expected.split(' ').collect::<Vec<_>>()));
    }
});

both!(a_passkey_that_nobody_tries_goes_after_a_day, async |world| {
    let mut renate = renate(&world).await;
    renate.make(&mut Key::new(&world), "Halb").await;
    renate.add(&mut Key::new(&world), "Ganz").await;
    renate.challenge().await;
    assert_eq!(world.rows("passkey").await, 2);
    world.pass(Duration::from_secs(5 * 60 + 1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("passkey").await, 2);
    world.pass(days(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("passkey").await, 1);
});

both!(renate_names_and_removes_a_passkey, async |world| {
    let mut renate = renate(&world).await;
    let mut phone = Key::new(&world);
    renate.add(&mut phone, "").await;
    world.mail_about(EMAIL, "Neuer Passkey").await;
    let page = page_of(&mut renate).await;
    assert!(renate.get(&page).await.body.contains("Unbekanntes Gerät"), "named after the device");
    assert_eq!(renate.post(&page, &[("name", " ")]).await.status, 422);
    assert_eq!(renate.post(&page, &[("name", "Mein  Handy")]).await.location(), "/sicherheit/passkeys?erledigt=name");
    assert!(renate.get("/sicherheit/passkeys").await.body.contains("Mein Handy"));
    let asked = renate.get(&format!("{page}/entfernen")).await;
    assert!(
        asked.body.contains("Mein Handy") && !asked.body.contains("name=\"current\""),
        "just signed in: {}",
        asked.body
    );
    let gone = renate.post(&format!("{page}/entfernen"), &[]).await;
    assert_eq!(gone.location(), "/sicherheit/passkeys?erledigt=entfernt");
    world.mail_about(EMAIL, "Ein Passkey Ihres Nutzerkontos wurde entfernt").await;
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 422);
    assert_eq!(renate.get(&page).await.status, 404);
    assert!(renate.get("/daten/protokoll").await.body.contains("Passkey entfernt"));
});

both!(nobody_touches_the_passkeys_of_others, async |world| {
    let mut renate = renate(&world).await;
    renate.add(&mut Key::new(&world), "Mein Handy").await;
    let page = page_of(&mut renate).await;
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Öztürk"]).await;
    for path in [page.clone(), format!("{page}/entfernen")] {
        assert_eq!(emre.get(&path).await.status, 404);
        emre.get("/profil").await;
        assert_eq!(emre.post(&path, &[("name", "Emres")]).await.status, 404);
    }
    assert!(renate.get("/sicherheit/passkeys").await.body.contains("Mein Handy"));
});

both!(a_locked_account_stays_locked, async |world| {
    let mut renate = renate(&world).await;
    let mut phone = Key::new(&world);
    renate.add(&mut phone, "Mein Handy").await;
    let id = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    let by = Inquiry::new("k.muster", "Anruf der Inhaberin wegen fremder Anmeldungen").unwrap();
    operator::lock(&world.app, &by, &id).await.unwrap();
    let mut elsewhere = world.browser();
    let refused = elsewhere.sign_in_with(&mut phone).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("Anruf der Inhaberin") && !elsewhere.is_signed_in());
    operator::unlock(&world.app, &by, &id).await.unwrap();
    assert_eq!(elsewhere.sign_in_with(&mut phone).await.status, 303);
});

both!(whoever_leaves_may_return_with_a_passkey_and_loses_it_in_the_end, async |world| {
    let mut renate = renate(&world).await;
    let mut phone = Key::new(&world);
    renate.add(&mut phone, "Mein Handy").await;
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "spaeter"), ("current", PASSWORD)]).await;
    let inside = renate.sign_in_with(&mut phone).await;
    assert_eq!(inside.status, 303);
    let returning = renate.get("/daten/rueckkehr").await;
    assert_eq!(returning.status, 200);
    renate.post("/daten/rueckkehr", &[("wahl", "behalten")]).await;
    renate.sign_in_with(&mut phone).await;
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert_eq!(world.rows("passkey").await, 0);
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 422);
});

both!(a_browser_says_why_it_has_no_key, async |world| {
    let mut renate = renate(&world).await;
    for (error, words) in [
        ("NotAllowedError", "abgebrochen"),
        ("InvalidStateError", "hat schon einen Passkey"),
        ("NotSupportedError", "kann das hier nicht"),
    ] {
        renate.get(NEW).await;
        let page = renate.post(MAKE, &[("fehler", error)]).await;
        assert!(page.status == 422 && page.body.contains(words), "{error}: {page:?}");
        let mut nobody = world.browser();
        nobody.get(SIGN_IN).await;
        let page = nobody.post(SIGN_IN, &[("fehler", error)]).await;
        assert!(page.status == 422 && page.body.contains(words), "{error}: {page:?}");
    }
});

both!(an_account_has_twenty_passkeys_at_most, async |world| {
    let mut renate = renate(&world).await;
    let waiting = renate.challenge_to_make("").await.unwrap();
    for number in 0..20 {
        let made = renate.make(&mut Key::new(&world), &format!("Nummer {number}")).await;
        assert_eq!(made.location(), PROBE);
    }
    let page = renate.challenge_to_make("").await.err().unwrap();
    assert!(page.status == 422 && page.body.contains("Ein Konto kann 20 Passkeys haben"));
    let late = Key::new(&world).make(&waiting.options);
    assert_eq!(renate.send_key(&waiting, &late, "Nummer 21").await.status, 422);
    assert_eq!(world.rows("passkey").await, 20);
});

both!(a_copy_of_the_data_lists_passkeys, async |world| {
    let mut renate = renate(&world).await;
    renate.add(&mut Key::new(&world), "Mein Handy").await;
    let key = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &key).await;
    let json: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    let one = &json["signin"]["passkeys"][0];
    assert_eq!((one["name"].as_str(), one["kind"].as_str()), (Some("Mein Handy"), Some("device_passkey")));
    assert_eq!((one["level"].as_str(), one["is_synchronised"].as_bool()), (Some("substantial"), Some(false)));
});
