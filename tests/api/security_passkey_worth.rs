//! Attack rows Q08, P05, N02: what a passkey is worth, and who may add and remove one.

use std::time::Duration;

use crate::both;
use crate::security_passkey::{EMRE, assert_refused, last_refusal, registered, with_passkey};
use crate::support::browser::PASSWORD;
use crate::support::passkey::{BACKED_UP, BACKUP_ELIGIBLE, Key, NEW, PROBE};
use crate::support::surface::EMAIL;

both!(sec_q08_what_a_key_says_of_copies_holds_for_good, async |world| {
    let (renate, mut stays) = with_passkey(&world, Key::new(&world)).await;
    let mut renate = renate;
    world.pass(Duration::from_millis(1));
    let mut travels = Key::synchronised(&world);
    renate.add(&mut travels, "").await;
    let kinds = world.texts("SELECT kind || ' ' || registered FROM passkey ORDER BY created_at, id").await;
    assert_eq!(kinds, ["device_passkey substantial", "synchronised_passkey low"]);
    stays.flags |= BACKUP_ELIGIBLE;
    let mut browser = world.browser();
    assert_refused(&browser.sign_in_with(&mut stays).await, &browser);
    assert_eq!(last_refusal(&world).await, "kind");
    travels.flags &= !(BACKUP_ELIGIBLE | BACKED_UP);
    assert_refused(&browser.sign_in_with(&mut travels).await, &browser);

    // Whether there is a copy may change.
    travels.flags |= BACKUP_ELIGIBLE;
    assert_eq!(browser.sign_in_with(&mut travels).await.status, 303);
    assert!(browser.get("/sicherheit/passkeys").await.body.contains("Wird nicht mit anderen Geräten abgeglichen"));
    let copies =
        world.texts("SELECT CAST(is_synchronised AS TEXT) FROM passkey WHERE kind = 'synchronised_passkey'").await;
    assert!(["0", "false"].contains(&copies[0].as_str()), "{copies:?}");
});

// Registered by a weaker sign-in, a key is worth no more than that (TR-03160-1).
both!(sec_q08_no_key_is_worth_more_than_who_registered_it, async |world| {
    let (_, mut stays) = with_passkey(&world, Key::new(&world)).await;
    let mut thief = world.browser();
    thief.sign_in(EMAIL, PASSWORD).await;
    world.pass(Duration::from_millis(1));
    thief.add(&mut Key::new(&world), "").await;
    world.pass(Duration::from_millis(1));
    let mut renate = world.browser();
    renate.sign_in_with(&mut stays).await;
    renate.add(&mut Key::new(&world), "").await;
    let levels = world.texts("SELECT registered FROM passkey ORDER BY created_at, id").await;
    assert_eq!(levels, ["substantial", "low", "substantial"]);
});

// Two that wait for their first use: the first makes the account stronger, and the second is no upgrade any more.
both!(sec_q08_a_level_is_settled_at_the_first_use, async |world| {
    let mut renate = registered(&world, EMAIL).await;
    let mut tablet = world.browser();
    tablet.sign_in(EMAIL, PASSWORD).await;
    let mut waits = Key::new(&world);
    tablet.make(&mut waits, "").await;
    world.pass(Duration::from_millis(1));
    renate.add(&mut Key::new(&world), "").await;
    tablet.get("/profil").await;
    assert_eq!(tablet.use_at(PROBE, &mut waits).await.status, 303);
    let levels = world.texts("SELECT registered FROM passkey ORDER BY created_at, id").await;
    assert_eq!(levels, ["low", "substantial"]);
});

both!(sec_p05_a_key_is_first_used_where_it_was_made, async |world| {
    let mut renate = registered(&world, EMAIL).await;
    let mut phone = Key::new(&world);
    renate.make(&mut phone, "").await;
    let mut elsewhere = world.browser();
    assert_refused(&elsewhere.sign_in_with(&mut phone).await, &elsewhere);
    let mut tablet = world.browser();
    tablet.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(tablet.use_at(PROBE, &mut phone).await.status, 422, "the same person, another session");
    assert_eq!(last_refusal(&world).await, "unconfirmed");
    renate.get("/profil").await;
    assert_eq!(renate.use_at(PROBE, &mut phone).await.status, 303);
    assert_eq!(elsewhere.sign_in_with(&mut phone).await.status, 303);
});

both!(sec_p05_adding_and_removing_asks_again, async |world| {
    let (mut renate, _) = with_passkey(&world, Key::synchronised(&world)).await;
    let list = renate.get("/sicherheit/passkeys").await;
    let (_, rest) = list.body.split_once("href=\"/sicherheit/passkeys/mea_").unwrap();
    let removal = format!("/sicherheit/passkeys/mea_{}/entfernen", rest.split('"').next().unwrap());
    world.pass(Duration::from_secs(5 * 60));
    assert!(renate.get(NEW).await.body.contains("name=\"current\""));
    for password in ["", "falsch-falsch-falsch"] {
        let page = renate.challenge_to_make(password).await.err().unwrap();
        assert_eq!(page.status, 422, "{password}");
        let page = renate.post(&removal, &[("current", password)]).await;
        assert_eq!(page.status, 422, "{password}");
    }
    assert_eq!(world.rows("passkey").await, 1);
    assert!(renate.challenge_to_make(PASSWORD).await.is_ok());
    assert_eq!(renate.post(&removal, &[("current", PASSWORD)]).await.status, 303);
    assert_eq!(world.rows("passkey").await, 0);
    for subject in ["Neuer Passkey", "Ein Passkey Ihres Nutzerkontos wurde entfernt"] {
        world.mail_about(EMAIL, subject).await;
    }
});

both!(sec_p05_nobody_removes_a_stronger_means_from_a_weaker_sign_in, async |world| {
    let (_, mut phone) = with_passkey(&world, Key::new(&world)).await;
    let mut thief = world.browser();
    thief.sign_in(EMAIL, PASSWORD).await;
    let list = thief.get("/sicherheit/passkeys").await;
    let (_, rest) = list.body.split_once("href=\"/sicherheit/passkeys/mea_").unwrap();
    let removal = format!("/sicherheit/passkeys/mea_{}/entfernen", rest.split('"').next().unwrap());
    let page = thief.get(&removal).await;
    assert!(page.body.contains("mindestens dem Vertrauensniveau"), "{}", page.body);
    let page = thief.post(&removal, &[("current", PASSWORD)]).await;
    assert_eq!((page.status, world.rows("passkey").await), (422, 1));
    let stepped_up = thief.sign_in_with(&mut phone).await;
    assert_eq!(stepped_up.status, 303, "whoever has the key may");
    assert_eq!(thief.post(&removal, &[]).await.status, 303);
});

both!(sec_n02_stepping_up_renews_the_session, async |world| {
    let (mut renate, mut phone) = with_passkey(&world, Key::new(&world)).await;
    let before = renate.clone();
    renate.sign_in_with(&mut phone).await;
    assert_ne!(renate.cookies["nk_s"], before.cookies["nk_s"]);
    assert_eq!((before.clone().get("/konto").await.status, renate.get("/konto").await.status), (303, 200));
    assert_eq!(world.rows("session").await, 1);
    let mut emre = registered(&world, EMRE).await;
    let first = emre.clone();
    emre.sign_in_with(&mut phone).await;
    assert!(emre.get("/konto").await.heading().contains("Renate"));
    assert_eq!(first.clone().get("/konto").await.status, 303, "somebody else's session has ended");
});
