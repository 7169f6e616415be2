//! The security page: sessions, history, password, recovery codes, devices, and what strangers do not get through it.

use std::time::Duration;

use nutzerkonto::signin::recovery_codes;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const NEW_PASSWORD: &str = "tisch-wolke-gondel-24";

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// Somebody who signs in to her account from another browser.
async fn elsewhere(world: &World) -> Browser {
    let mut other = world.browser();
    assert_eq!(other.sign_in(EMAIL, PASSWORD).await.status, 303);
    other
}

both!(renate_sees_and_ends_her_sessions, async |world| {
    let mut renate = renate(&world).await;
    let (mut one, mut two) = (elsewhere(&world).await, elsewhere(&world).await);
    let page = renate.get("/sicherheit").await;
    assert_eq!(page.body.matches("Angemeldet seit").count(), 3, "{}", page.body);
    assert_eq!(page.body.matches("dieses Gerät").count(), 1);
    let id = page.hidden("sitzung");
    let ended = renate.post("/sicherheit/sitzungen/beenden", &[("sitzung", &id)]).await;
    assert_eq!(ended.location(), "/sicherheit?erledigt=sitzung");
    let alive = [one.get("/konto").await.status, two.get("/konto").await.status];
    assert_eq!(alive.iter().filter(|status| **status == 200).count(), 1, "{alive:?}");
    renate.post("/sicherheit/sitzungen/andere-beenden", &[]).await;
    assert_eq!([one.get("/konto").await.status, two.get("/konto").await.status], [303, 303]);
    assert_eq!(renate.get("/sicherheit?erledigt=sitzungen").await.body.matches("Angemeldet seit").count(), 1);
});

both!(sec_n09_a_session_is_ended_by_its_owner, async |world| {
    renate(&world).await;
    let victims = world.texts("SELECT session.id FROM session").await.remove(0);
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    let ids = world.texts("SELECT session.id FROM session ORDER BY created_at, id").await;
    mallory.get("/sicherheit").await;
    for id in [victims.as_str(), "ses_00000000000000000000000000", "x", ""] {
        let answer = mallory.post("/sicherheit/sitzungen/beenden", &[("sitzung", id)]).await;
        assert_eq!(answer.status, 404, "{id}");
    }
    assert_eq!(world.texts("SELECT session.id FROM session ORDER BY created_at, id").await, ids);
});

both!(renate_changes_her_password, async |world| {
    let mut renate = renate(&world).await;
    let mut other = elsewhere(&world).await;
    world.mail_to(EMAIL).await;
    let before = renate.clone();
    renate.get("/sicherheit/passwort").await;
    let wrong = renate.post("/sicherheit/passwort", &[("current", "falsch-falsch"), ("password", NEW_PASSWORD)]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("Das jetzige Passwort stimmt nicht"));
    let weak = renate.post("/sicherheit/passwort", &[("current", PASSWORD), ("password", "kurz")]).await;
    assert!(weak.status == 422 && weak.body.contains("mindestens 12 Zeichen"));
    let done = renate.post("/sicherheit/passwort", &[("current", PASSWORD), ("password", NEW_PASSWORD)]).await;
    assert_eq!(done.location(), "/sicherheit?erledigt=passwort");
    world.mail_about(EMAIL, "Passwort wurde geändert").await;
    assert_eq!(renate.get("/konto").await.status, 200);
    assert_eq!(before.clone().get("/konto").await.status, 303, "sec_n02: the old token of this session is dead");
    assert_eq!(other.get("/konto").await.status, 303, "sec_n08: other sessions have ended");
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 422);
    assert_eq!(world.browser().sign_in(EMAIL, NEW_PASSWORD).await.status, 303);
});

both!(sec_o12_the_current_password_is_guessed_as_often_as_at_the_door, async |world| {
    let mut renate = renate(&world).await;
    renate.get("/sicherheit/passwort").await;
    let form = [("current", "falsch-falsch"), ("password", NEW_PASSWORD)];
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(renate.post("/sicherheit/passwort", &form).await.status);
    }
    assert_eq!(statuses, [[422; 10].as_slice(), &[429; 2]].concat());
    assert_eq!(renate.post("/sicherheit/codes", &[("current", PASSWORD)]).await.status, 429, "sec_o08: one counter");
    assert_eq!(renate.post("/sicherheit/passwort", &[("current", ""), ("password", NEW_PASSWORD)]).await.status, 429);
});

both!(renate_renews_her_recovery_codes, async |world| {
    let mut renate = renate(&world).await;
    let before = world.texts("SELECT account_id FROM recovery_code").await.len();
    assert_eq!(before, recovery_codes::COUNT);
    let hashes = world.dump().await["recovery_code"].clone();
    renate.get("/sicherheit/codes").await;
    assert_eq!(renate.post("/sicherheit/codes", &[("current", "falsch-falsch")]).await.status, 422);
    let page = renate.post("/sicherheit/codes", &[("current", PASSWORD)]).await;
    let codes = page.body.matches("<li>").count();
    assert!(codes >= recovery_codes::COUNT, "{}", page.body);
    assert_eq!(page.header("cache-control"), "no-store");
    let after = world.dump().await["recovery_code"].clone();
    assert_eq!(after.len(), recovery_codes::COUNT);
    assert!(after.iter().all(|hash| !hashes.contains(hash)), "the old ones are gone");
    world.mail_about(EMAIL, "Wiederherstellungscodes").await;
});

both!(a_new_device_is_told_once, async |world| {
    let mut renate = renate(&world).await;
    renate.post("/abmelden", &[]).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    let mut other = elsewhere(&world).await;
    let mail = world.mail_to(EMAIL).await;
    assert!(mail.subject.contains("Neue Anmeldung"), "{}", mail.subject);
    let code = mail.body.split("Prüfcode ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    other.post("/abmelden", &[]).await;
    other.sign_in(EMAIL, PASSWORD).await;
    let mut anybody = world.browser();
    anybody.get("/echt").await;
    assert!(anybody.post("/echt", &[("code", &code)]).await.body.contains("neuen Gerät"));
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(world.mails.lock().unwrap().iter().all(|mail| mail.to != EMAIL), "the same device again");
});

// O07: ten thousand wrong tries elsewhere, and the person signs in as ever on the own device.
both!(sec_o07_nobody_is_locked_out_of_a_known_device, async |mut world| {
    world.restart(|config| config.limits.attempts_per_network = 30).await;
    let mut renate = renate(&world).await;
    renate.post("/abmelden", &[]).await;
    let mut stranger = world.browser();
    let mut last = 0;
    for _ in 0..60 {
        last = stranger.sign_in(EMAIL, "falsch-falsch-falsch").await.status;
    }
    assert_eq!(last, 429);
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 429, "a device nobody knows has to wait");
    let mut elsewhere = renate.clone();
    elsewhere.cookies.insert("nk_g".to_owned(), "A".repeat(43));
    assert_eq!(elsewhere.sign_in(EMAIL, PASSWORD).await.status, 429, "an invented device as well");
    assert_eq!(renate.sign_in(EMAIL, PASSWORD).await.status, 303, "from the same network, on a known device");
    // And the known device is a lane of its own, not a way around.
    renate.post("/abmelden", &[]).await;
    let statuses: Vec<u16> = {
        let mut statuses = Vec::new();
        for _ in 0..12 {
            statuses.push(renate.sign_in(EMAIL, "falsch-falsch-falsch").await.status);
        }
        statuses
    };
    assert_eq!(statuses, [[422; 10].as_slice(), &[429; 2]].concat());
});

both!(that_was_not_me, async |world| {
    let mut renate = renate(&world).await;
    let mut thief = elsewhere(&world).await;
    let page = renate.get("/sicherheit/verlauf").await;
    assert!(page.body.contains("Zum ersten Mal auf diesem Gerät"));
    assert!(renate.get("/sicherheit/notfall").await.body.contains("drei Schritte"));
    let done = renate.post("/sicherheit/notfall", &[]).await;
    assert_eq!(done.location(), "/sicherheit/notfall?erledigt=1");
    assert!(renate.get(done.location()).await.body.contains("Nur dieses Gerät"));
    assert_eq!(thief.get("/konto").await.status, 303);
    let devices = world.texts("SELECT name FROM device").await;
    assert_eq!(devices.len(), 1, "only this one is known: {devices:?}");
});

both!(renate_chooses_how_long_a_session_lives, async |world| {
    let mut renate = renate(&world).await;
    let mut other = elsewhere(&world).await;
    assert_eq!(renate.post("/sicherheit/sitzungen/dauer", &[("dauer", "525600")]).await.status, 403);
    let saved = renate.post("/sicherheit/sitzungen/dauer", &[("dauer", "10")]).await;
    assert_eq!(saved.location(), "/sicherheit?erledigt=dauer");
    world.pass(Duration::from_secs(9 * 60));
    assert_eq!(renate.get("/konto").await.status, 200);
    world.pass(Duration::from_secs(9 * 60));
    assert_eq!(other.get("/konto").await.status, 303, "sessions under way as well");
    assert_eq!(renate.get("/konto").await.status, 200);
    world.pass(Duration::from_secs(10 * 60));
    assert_eq!(renate.get("/konto").await.status, 303);
    let mut next = elsewhere(&world).await;
    world.pass(Duration::from_secs(10 * 60));
    assert_eq!(next.get("/konto").await.status, 303, "and those that begin later");
});

both!(the_history_tells_of_everything, async |world| {
    let mut renate = renate(&world).await;
    let mut stranger = world.browser();
    for _ in 0..3 {
        stranger.sign_in(EMAIL, "falsch-falsch-falsch").await;
    }
    let page = renate.get("/sicherheit/verlauf").await;
    assert_eq!(page.body.matches("Falsches Passwort").count(), 3, "{}", page.body);
    assert!(page.body.contains("Angemeldet mit Passwort"));
    for number in 0..30 {
        world.pass(Duration::from_secs(60 * 60));
        let mut browser = renate.clone();
        assert_eq!(browser.sign_in(EMAIL, PASSWORD).await.status, 303, "{number}");
    }
    let mut renate = elsewhere(&world).await;
    let first = renate.get("/sicherheit/verlauf").await;
    let older = first.body.split("/sicherheit/verlauf?vor=").nth(1).unwrap().split('"').next().unwrap();
    let second = renate.get(&format!("/sicherheit/verlauf?vor={older}")).await;
    assert!(second.body.contains("Falsches Passwort") && !first.body.contains("Falsches Passwort"));
    assert_eq!(renate.get("/sicherheit/verlauf?vor=%27--").await.status, 200, "nonsense is an empty history");
});
