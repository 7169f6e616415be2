//! Attack row S09, and RL12 for resets: a code counts once, for its purpose, its browser and ten minutes.

use std::time::Duration;

use futures_util::future::join_all;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

/// How often two requests of one browser race. Enough to hit a wrong order of locks most of the time.
const ROUNDS: u32 = 12;
const NEW_PASSWORD: &str = "neues-passwort-mit-wolken";

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    world.pass(Duration::from_secs(86_400));
    world.browser()
}

async fn confirm(browser: &mut Browser, code: &str) -> u16 {
    browser.post("/wieder-anmelden/code", &[("code", code)]).await.status
}

async fn set(browser: &mut Browser, password: &str) -> (u16, String) {
    let answer = browser.post("/wieder-anmelden/passwort", &[("password", password)]).await;
    (answer.status, answer.location().to_owned())
}

async fn no_limits(world: &mut World) {
    let raise = |config: &mut nutzerkonto::config::Config| {
        (config.limits.mails_per_hour, config.limits.mails_per_day) = (1000, 1000);
        config.limits.mails_per_network = 1000;
    };
    world.restart(raise).await;
}

async fn forget_mails(world: &World) {
    world.settle().await;
    world.mails.lock().unwrap().clear();
}

async fn password_is(world: &World, password: &str) -> bool {
    world.browser().sign_in(EMAIL, password).await.status == 303
}

both!(sec_s09_wrong_codes_end_the_right_one, async |world| {
    let mut renate = renate(&world).await;
    let code = renate.reset_code(&world, EMAIL).await;
    let wrong = ["", "0", "abcdef", &code[..5], &format!("{code}0"), &code.replace(&code[5..], "x"), "１２３４５６"];
    for (number, typed) in wrong.into_iter().enumerate() {
        assert_eq!(confirm(&mut renate, typed).await, 422, "{number}: {typed}");
        assert_eq!(set(&mut renate, NEW_PASSWORD).await.0, 409, "{typed}");
    }
    assert_eq!(confirm(&mut renate, &code).await, 422, "the right one comes too late");
    assert!(password_is(&world, PASSWORD).await);
});

both!(sec_s09_a_code_lives_ten_minutes, async |world| {
    let mut renate = renate(&world).await;
    let code = renate.reset_code(&world, EMAIL).await;
    world.pass(Duration::from_secs(600));
    assert_eq!(confirm(&mut renate, &code).await, 422, "ten minutes later");
    let code = renate.reset_code(&world, EMAIL).await;
    world.pass(Duration::from_millis(599_999));
    assert_eq!(confirm(&mut renate, &code).await, 303, "a moment before");
});

both!(sec_s09_a_confirmed_code_lives_half_an_hour, async |world| {
    let mut renate = renate(&world).await;
    let code = renate.reset_code(&world, EMAIL).await;
    assert_eq!(confirm(&mut renate, &code).await, 303);
    world.pass(Duration::from_secs(1800));
    assert_eq!(set(&mut renate, NEW_PASSWORD).await.0, 409);
    assert!(password_is(&world, PASSWORD).await);
});

both!(sec_s09_a_code_counts_once, async |world| {
    let mut renate = renate(&world).await;
    let code = renate.reset_code(&world, EMAIL).await;
    assert_eq!(confirm(&mut renate, &code).await, 303);
    assert_eq!(set(&mut renate, NEW_PASSWORD).await, (303, "/wieder-anmelden/fertig".to_owned()));
    assert_eq!(confirm(&mut renate, &code).await, 409, "nothing waits for a code");
    renate.get("/wieder-anmelden/email").await;
    renate.post("/wieder-anmelden/email", &[("email", EMAIL)]).await;
    assert_eq!(confirm(&mut renate, &code).await, 422, "not for the next reset either");
    assert!(password_is(&world, NEW_PASSWORD).await);
});

both!(sec_s09_a_code_belongs_to_its_browser, async |world| {
    let mut renate = renate(&world).await;
    let code = renate.reset_code(&world, EMAIL).await;
    let mut attacker = world.browser();
    attacker.get("/wieder-anmelden/email").await;
    assert_eq!(confirm(&mut attacker, &code).await, 409, "no reset of its own");
    let other = attacker.reset_code(&world, EMAIL).await;
    assert_eq!(confirm(&mut attacker, &code).await, 422, "with a reset of its own");
    assert_eq!(confirm(&mut renate, &other).await, 422, "the other way round");
    assert_eq!((confirm(&mut renate, &code).await, confirm(&mut attacker, &other).await), (303, 303), "each its own");
});

both!(sec_s09_a_new_code_voids_the_old_one, async |world| {
    let mut renate = renate(&world).await;
    let first = renate.reset_code(&world, EMAIL).await;
    let second = renate.reset_code(&world, EMAIL).await;
    assert_eq!(confirm(&mut renate, &first).await, 422);
    assert_eq!(confirm(&mut renate, &second).await, 303);
    renate.get("/wieder-anmelden/email").await;
    renate.post("/wieder-anmelden/email", &[("email", EMAIL)]).await;
    assert_eq!(set(&mut renate, NEW_PASSWORD).await.0, 409, "a new beginning takes the confirmation back");
});

// Whoever asks for an unknown address holds a code for nothing.
both!(sec_s09_a_reset_without_an_account_goes_nowhere, async |world| {
    let mut stranger = world.browser();
    stranger.get("/wieder-anmelden/email").await;
    stranger.post("/wieder-anmelden/email", &[("email", "niemand@example.org")]).await;
    let mail = world.mail_to("niemand@example.org").await;
    let digits = mail.body.split(|letter: char| !letter.is_ascii_digit()).any(|part| part.len() == 6);
    assert!(!digits, "{}", mail.body);
    assert_eq!(stranger.get("/wieder-anmelden/code").await.status, 200, "the same page as for everybody");
    assert_eq!(confirm(&mut stranger, "000000").await, 422);
});

// The address is asked anew in the same browser while the old code is being confirmed: no order of the statements
// may confirm the second reset with the first one's code, nor let the two wait for each other.
both!(sec_s09_a_confirmation_does_not_slip_to_another_account, async |mut world| {
    no_limits(&mut world).await;
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    world.browser().register(&world, "emre@example.org", ["Emre", "Öztürk"]).await;
    let node = world.second_node().await;
    for round in 0..ROUNDS {
        forget_mails(&world).await;
        let mut emre = world.browser();
        let code = emre.reset_code(&world, "emre@example.org").await;
        let (mut first, mut second) = (emre.clone(), emre.at(node.running.address));
        let (typed, address) = ([("code", code.as_str())], [("email", EMAIL)]);
        let (confirmed, _) =
            tokio::join!(first.post("/wieder-anmelden/code", &typed), second.post("/wieder-anmelden/email", &address));
        assert!(confirmed.status < 500, "round {round}: {}", confirmed.status);
        let (status, _) = set(&mut emre, &format!("{NEW_PASSWORD}-{round}")).await;
        assert!(status == 409 || !password_is(&world, &format!("{NEW_PASSWORD}-{round}")).await, "round {round}");
    }
    assert!(password_is(&world, PASSWORD).await, "Renate's password is what it was");
    node.running.abort().await;
});

// The same for a registration: two tabs of one browser, one that confirms and one that begins anew.
both!(sec_b05_two_tabs_that_register_do_not_break_each_other, async |mut world| {
    no_limits(&mut world).await;
    let node = world.second_node().await;
    for round in 0..ROUNDS {
        forget_mails(&world).await;
        let mut emre = world.browser();
        let code = emre.registration_code(&world, "emre@example.org").await;
        let (mut first, mut second) = (emre.clone(), emre.at(node.running.address));
        let (typed, address) = ([("code", code.as_str())], [("email", EMAIL)]);
        let (confirmed, begun) =
            tokio::join!(first.post("/registrieren/code", &typed), second.post("/registrieren/email", &address));
        assert!(confirmed.status < 500 && begun.status == 303, "round {round}: {} {}", confirmed.status, begun.status);
        // Whatever came first: what is confirmed is the address whose code was typed.
        let page = emre.get("/registrieren/passwort").await;
        assert!(!page.body.contains(EMAIL), "round {round}");
    }
    node.running.abort().await;
});

both!(rl12_of_parallel_resets_one_sets_the_password, async |world| {
    let mut renate = renate(&world).await;
    let node = world.second_node().await;
    let code = renate.reset_code(&world, EMAIL).await;
    let spread = |browser: &Browser, number: usize| {
        if number % 2 == 1 { browser.at(node.running.address) } else { browser.clone() }
    };
    let confirmations = (0..32).map(|number| {
        let (mut browser, code) = (spread(&renate, number), code.clone());
        async move { confirm(&mut browser, &code).await }
    });
    let statuses = join_all(confirmations).await;
    assert!(statuses.contains(&303) && statuses.iter().all(|status| [303, 422, 503].contains(status)), "{statuses:?}");
    let passwords = (0..32).map(|number| {
        let mut browser = spread(&renate, number);
        async move { set(&mut browser, &format!("{NEW_PASSWORD}-{number}")).await.0 }
    });
    let statuses = join_all(passwords).await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 409, 503].contains(status)), "{statuses:?}");
    let events = world.texts("SELECT kind FROM audit_event WHERE kind = 'password.reset'").await;
    assert_eq!(events.len(), 1, "one password change");
    let winner = statuses.iter().position(|status| *status == 303).unwrap();
    assert!(password_is(&world, &format!("{NEW_PASSWORD}-{winner}")).await);
    node.running.abort().await;
});
