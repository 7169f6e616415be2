//! Attack groups P, S and O against the way back without a second factor: nobody shortens it, skips it or takes it twice.

use std::time::Duration;

use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::time::{days, hours, minutes};
use nutzerkonto::operator::{self, Inquiry};

use crate::both;
use crate::recovery::{MOMENT, WAITING, renate};
use crate::support::browser::PASSWORD;
use crate::support::passkey::{Key, SIGN_IN};
use crate::support::phone::STEP;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const NEW_PASSWORD: &str = "neues-passwort-mit-wolken";

async fn whys(world: &World) -> Vec<String> {
    world.texts("SELECT detail FROM audit_event WHERE kind = 'recovery.cancelled' ORDER BY id").await
}

/// How many mails about this have come to anybody and were not looked at.
async fn mails_about(world: &World, subject: &str) -> usize {
    world.settle().await;
    world.mails.lock().unwrap().iter().filter(|mail| mail.subject.contains(subject)).count()
}

both!(sec_s10_the_mailbox_alone_shortens_nothing, async |world| {
    let (_, _) = renate(&world).await;
    world.browser().asks_for_release(&world).await;
    world.pass(WAITING - hours(1));
    // Somebody who reads the mails sets another password in the last hour.
    let mut thief = world.browser();
    let code = thief.reset_code(&world, EMAIL).await;
    thief.post("/wieder-anmelden/code", &[("code", &code)]).await;
    let set = thief.post("/wieder-anmelden/passwort", &[("password", NEW_PASSWORD)]).await;
    assert_eq!(set.location(), "/wieder-anmelden/fertig");
    world.mail_about(EMAIL, "ist abgebrochen").await;
    assert_eq!((whys(&world).await, world.rows("recovery").await), (vec!["{\"why\":\"password\"}".to_owned()], 0));
    world.pass(hours(1));
    assert_eq!(thief.sign_in(EMAIL, NEW_PASSWORD).await.location(), "/anmelden/code");
    assert_eq!(thief.get("/anmelden/freigabe").await.heading(), "Konto freigeben lassen", "from the beginning");
    let code = thief.release_code_of(&world, EMAIL).await;
    assert_eq!(thief.types_release_code(&code).await.location(), "/anmelden/freigabe");
    world.mail_about(EMAIL, "wird bald freigegeben").await;
    world.pass(WAITING - MOMENT);
    thief.sign_in(EMAIL, NEW_PASSWORD).await;
    thief.get("/anmelden/freigabe").await;
    assert_eq!(thief.post("/anmelden/freigabe", &[]).await.location(), "/anmelden/freigabe");
    assert!(!thief.is_signed_in());
});

both!(sec_s10_without_the_password_there_is_nothing_to_ask_for, async |world| {
    let (mut own, _) = renate(&world).await;
    let mut stranger = world.browser();
    stranger.get("/anmelden").await;
    for path in ["/anmelden/freigabe", "/anmelden/freigabe/code"] {
        assert!(stranger.get(path).await.location().starts_with("/anmelden"), "{path}");
        assert_eq!(stranger.post(path, &[("code", "123456")]).await.location(), "/anmelden", "{path}");
    }
    assert_eq!(stranger.post("/anmelden/freigabe/abbrechen", &[]).await.location(), "/anmelden");
    // Nor with half of a sign-in that is too old.
    let mut slow = world.browser();
    let code = slow.release_code(&world).await;
    world.pass(minutes(10));
    assert_eq!(slow.types_release_code(&code).await.location(), "/anmelden");
    // Whoever has no second factor signs in with the password.
    own.get("/sicherheit/app").await;
    assert_eq!(world.rows("recovery").await, 0);
    assert_eq!(mails_about(&world, "freigegeben").await, 0);
});

both!(sec_s03_another_accounts_code_counts_for_nothing, async |world| {
    let (_, _) = renate(&world).await;
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    mallory.sets_up_a_code_app(&world).await;
    mallory.post("/abmelden", &[]).await;
    // Her own password, her own mailbox; then the stolen password in the same browser.
    mallory.gives_the_password("mallory@example.org").await;
    let code = mallory.release_code_of(&world, "mallory@example.org").await;
    mallory.gives_the_password(EMAIL).await;
    mallory.get("/anmelden/freigabe").await;
    let refused = mallory.types_release_code(&code).await;
    assert_eq!(refused.location(), "/anmelden/freigabe", "no code waits for this account: {refused:?}");
    assert_eq!(world.rows("recovery").await, 0);
});

both!(sec_s09_a_code_is_for_one_step_one_browser_one_time, async |world| {
    let (_, _) = renate(&world).await;
    let (mut first, mut other) = (world.browser(), world.browser());
    let code = first.release_code(&world).await;
    other.release_code(&world).await;
    assert_eq!(other.types_release_code(&code).await.status, 422, "of another browser");
    assert_eq!(first.types_release_code(&code).await.location(), "/anmelden/freigabe");
    assert_eq!(first.types_release_code(&code).await.location(), "/anmelden/freigabe", "nothing to confirm");
    // A code of the first step, sent in the last minutes before another one began, does not lead in.
    world.pass(hours(1));
    assert_eq!(world.rows("recovery").await, 1);
    world.pass(WAITING);
    let code = first.release_code(&world).await;
    world.pass(minutes(10));
    first.gives_the_password(EMAIL).await;
    assert_eq!(first.types_release_code(&code).await.status, 422, "too old");
    assert_eq!((world.rows("code_generator").await, world.rows("recovery").await), (1, 1));
});

both!(sec_o08_codes_of_mails_count_with_all_others, async |world| {
    let (_, phone) = renate(&world).await;
    let mut thief = world.browser();
    let code = thief.release_code(&world).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for _ in 0..4 {
        assert_eq!(thief.types_release_code(wrong).await.status, 422);
    }
    assert_eq!(thief.types_code(&phone.wrong_code(&world)).await.status, 422);
    assert_eq!(thief.types_release_code(&code).await.status, 429, "the right one, too");
    assert_eq!(world.rows("recovery").await, 0);
});

both!(sec_s14_it_begins_three_times_a_day, async |world| {
    let (_, _) = renate(&world).await;
    for number in 0..4 {
        let mut browser = world.browser();
        let code = browser.release_code(&world).await;
        let answer = browser.types_release_code(&code).await;
        assert_eq!(answer.status, if number < 3 { 303 } else { 429 }, "{number}");
        if number < 3 {
            browser.get("/anmelden/freigabe").await;
            browser.post("/anmelden/freigabe/abbrechen", &[]).await;
        }
        // Mails have a limit of their own.
        world.pass(hours(1));
    }
    assert_eq!(world.rows("recovery").await, 0);
    world.pass(days(1));
    world.browser().asks_for_release(&world).await;
});

both!(sec_p03_the_owner_learns_that_codes_are_guessed, async |world| {
    let (_, phone) = renate(&world).await;
    let mut thief = world.browser();
    for number in 0..5 {
        assert_eq!(mails_about(&world, "kennt Ihr Passwort").await, 0, "{number}");
        thief.gives_the_password(EMAIL).await;
        assert_eq!(thief.types_code(&phone.wrong_code(&world)).await.status, 422);
    }
    let mail = world.mail_about(EMAIL, "Jemand kennt Ihr Passwort").await;
    assert!(mail.body.contains("fünfmal einen falschen Code"), "{}", mail.body);
    // One a day, however long it goes on.
    for round in 1..=96 {
        world.pass(minutes(15));
        if [1, 50, 95].contains(&round) {
            for _ in 0..5 {
                thief.gives_the_password(EMAIL).await;
                assert_eq!(thief.types_code(&phone.wrong_code(&world)).await.status, 422, "{round}");
            }
            assert_eq!(mails_about(&world, "kennt Ihr Passwort").await, 0, "{round}");
        }
    }
    let mut tries = Vec::new();
    for _ in 0..5 {
        let mut one = world.browser();
        one.gives_the_password(EMAIL).await;
        tries.push(one);
    }
    let wrong = phone.wrong_code(&world);
    futures_util::future::join_all(tries.iter_mut().map(async |one| one.types_code(&wrong).await.status)).await;
    assert_eq!(mails_about(&world, "kennt Ihr Passwort").await, 1, "a day later, once");
});

both!(sec_p04_every_complete_sign_in_ends_it, async |world| {
    let (mut own, phone) = renate(&world).await;
    let codes = own.renews_recovery_codes().await;
    let mut key = Key::new(&world);
    own.add(&mut key, "Mein Schlüssel").await;
    own.post("/abmelden", &[]).await;
    for way in 0..3 {
        world.browser().asks_for_release(&world).await;
        let mut back = world.browser();
        match way {
            0 => back.signs_in_with_a_code(&world, EMAIL, &phone).await,
            1 => {
                back.gives_the_password(EMAIL).await;
                let used = back.post("/anmelden/wiederherstellung", &[("code", &codes[0])]).await;
                assert_eq!(used.status, 303);
            }
            _ => {
                back.get(SIGN_IN).await;
                assert_eq!(back.sign_in_with(&mut key).await.status, 303);
            }
        }
        assert!(back.is_signed_in());
        world.mail_about(EMAIL, "ist abgebrochen").await;
        assert_eq!(world.rows("recovery").await, 0, "{way}");
        world.pass(hours(1));
    }
    assert_eq!(whys(&world).await, ["{\"why\":\"signed_in\"}"; 3]);
    assert_eq!((world.rows("code_generator").await, world.rows("passkey").await), (1, 1));
});

both!(sec_s12_whatever_changes_the_account_ends_it, async |world| {
    let (mut own, phone) = renate(&world).await;
    let id = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    let asks = async |world: &World| {
        world.browser().asks_for_release(world).await;
        assert_eq!(world.rows("recovery").await, 1);
    };
    asks(&world).await;
    own.get("/sicherheit/app/neu").await;
    own.sets_up_a_code_app(&world).await;
    assert_eq!(world.rows("recovery").await, 0);
    asks(&world).await;
    own.get("/sicherheit/passwort").await;
    let changed = own.post("/sicherheit/passwort", &[("current", PASSWORD), ("password", NEW_PASSWORD)]).await;
    assert_eq!((changed.status, world.rows("recovery").await), (303, 0));
    own.get("/sicherheit/passwort").await;
    own.post("/sicherheit/passwort", &[("current", NEW_PASSWORD), ("password", PASSWORD)]).await;
    world.pass(days(1));
    own = world.browser();
    own.signs_in_with_a_code(&world, EMAIL, &phone).await;
    asks(&world).await;
    own.get("/profil/kontakt/neu").await;
    own.post("/profil/kontakt/neu", &[("email", "neu@example.org"), ("current", PASSWORD)]).await;
    let (old, new) = (world.code_for(EMAIL).await, world.code_for("neu@example.org").await);
    assert_eq!(world.rows("recovery").await, 1, "until it is confirmed");
    own.post("/profil/kontakt/codes", &[("code_new", &new), ("code_old", &old)]).await;
    assert_eq!(world.rows("recovery").await, 0);
    world.pass(days(1));
    own = world.browser();
    own.signs_in_with_a_code(&world, EMAIL, &phone).await;
    asks(&world).await;
    own.get("/sicherheit/notfall").await;
    own.post("/sicherheit/notfall", &[]).await;
    assert_eq!(world.rows("recovery").await, 0);
    world.pass(hours(1));
    asks(&world).await;
    let by = Inquiry::new("k.muster", "Gestohlenes Handy gemeldet").unwrap();
    operator::lock(&world.app, &by, &id).await.unwrap();
    assert_eq!(world.rows("recovery").await, 0);
    let reasons = ["means_added", "password", "addresses", "emergency", "locked"];
    assert_eq!(whys(&world).await, reasons.map(|why| format!("{{\"why\":\"{why}\"}}")));
});

both!(sec_s10_a_locked_account_is_not_released, async |world| {
    let (_, _) = renate(&world).await;
    let id = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    let mut thief = world.browser();
    let code = thief.release_code(&world).await;
    let by = Inquiry::new("k.muster", "Gestohlenes Handy gemeldet").unwrap();
    operator::lock(&world.app, &by, &id).await.unwrap();
    let refused = thief.types_release_code(&code).await;
    assert!(refused.status == 403 && refused.body.contains("Gestohlenes Handy gemeldet"), "{}", refused.body);
    assert_eq!(world.rows("recovery").await, 0);
});

/// Browsers that have given the password and have the code that leads in.
async fn at_the_door(world: &World, count: usize) -> Vec<(Browser, String)> {
    let mut ready = Vec::new();
    for _ in 0..count {
        let mut browser = world.browser();
        let code = browser.release_code(world).await;
        ready.push((browser, code));
    }
    ready
}

both!(sec_p01_it_leads_in_once_on_two_nodes, async |world| {
    let (_, _) = renate(&world).await;
    world.browser().asks_for_release(&world).await;
    world.pass(WAITING);
    let node = world.second_node().await;
    let ready = at_the_door(&world, 3).await;
    let entering = ready.into_iter().enumerate().map(|(number, (browser, code))| {
        let mut browser = if number % 2 == 1 { browser.at(node.running.address) } else { browser };
        async move {
            let answer = browser.types_release_code(&code).await;
            (answer.status, browser.is_signed_in())
        }
    });
    let answers = futures_util::future::join_all(entering).await;
    assert_eq!(answers.iter().filter(|(_, is_in)| *is_in).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, _)| [200, 303, 422].contains(status)), "{answers:?}");
    let finished = world.texts("SELECT id FROM audit_event WHERE kind = 'recovery.finished'").await;
    let removed = world.texts("SELECT id FROM audit_event WHERE kind = 'code_generator.removed'").await;
    assert_eq!((finished.len(), removed.len(), world.rows("session").await), (1, 1, 1));
    node.running.abort().await;
});

both!(sec_p01_the_same_code_twice_at_once_begins_once, async |world| {
    let (_, _) = renate(&world).await;
    let node = world.second_node().await;
    let mut browser = world.browser();
    let code = browser.release_code(&world).await;
    let (mut here, mut there) = (browser.clone(), browser.at(node.running.address));
    let (one, two) = tokio::join!(here.types_release_code(&code), there.types_release_code(&code));
    assert!([303, 422].contains(&one.status) && [303, 422].contains(&two.status), "{one:?} {two:?}");
    assert_eq!(world.rows("recovery").await, 1);
    assert_eq!(mails_about(&world, "wird bald freigegeben").await, 1);
    node.running.abort().await;
});

both!(sec_p01_cancelled_or_taken_but_not_both, async |mut world| {
    for round in 0..4 {
        let email_free = round == 0;
        if email_free {
            renate(&world).await;
        }
        let link = world.browser().asks_for_release(&world).await;
        world.pass(WAITING);
        // What has begun outlasts the process.
        world.restart(|_| {}).await;
        let node = world.second_node().await;
        let (mut browser, code) = at_the_door(&world, 1).await.remove(0);
        let mut reader = world.browser().at(node.running.address);
        reader.get(&link).await;
        let pause = Duration::from_millis(2 * round);
        let (taken, ended) = tokio::join!(browser.types_release_code(&code), async {
            tokio::time::sleep(pause).await;
            reader.post(&link, &[]).await
        });
        let (is_in, is_ended) = (browser.is_signed_in(), ended.location() == "/wieder-anmelden/abgebrochen");
        assert!(is_in != is_ended, "{round}: {taken:?} {ended:?}");
        let generators = world.rows("code_generator").await;
        assert_eq!((generators, world.rows("recovery").await), (i64::from(!is_in), 0), "{round}");
        node.running.abort().await;
        if is_in {
            browser.get("/sicherheit/app/neu").await;
            browser.sets_up_a_code_app(&world).await;
            browser.post("/abmelden", &[]).await;
        }
        world.pass(days(1) + STEP);
    }
});
