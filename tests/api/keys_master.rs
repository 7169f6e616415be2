//! Another master key takes the place of the old one while people sign in and register.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nutzerkonto::app::App;
use nutzerkonto::config::{Config, SecretSource};
use nutzerkonto::demo::people;
use nutzerkonto::kernel::error::Error;
use nutzerkonto::keys::master::{Rewrapped, rewrap};
use nutzerkonto::keys::rotate::revoke;

use crate::both;
use crate::keys::own_master_key;
use crate::support::World;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::dice::Dice;
use crate::support::organisation::club;
use crate::support::surface::EMAIL;

fn old(config: &Config) -> SecretSource {
    config.keys.master_key.clone()
}

/// The new one is in force, the old one is read with.
fn swapped(config: &mut Config) {
    let new = own_master_key(config, 7);
    config.keys.other_master_key = Some(std::mem::replace(&mut config.keys.master_key, new));
}

/// The old one is in force, the new one is read with.
fn announced(config: &mut Config) {
    config.keys.other_master_key = Some(own_master_key(config, 7));
}

/// The old one is gone.
fn removed(config: &mut Config) {
    config.keys.master_key = own_master_key(config, 7);
}

async fn seed(world: &World, accounts: u64) {
    people::seed(&world.app, accounts, false).await.unwrap();
}

async fn can_sign_in(world: &World, email: &str) -> bool {
    world.browser().sign_in(email, PASSWORD).await.status == 303
}

async fn finish_registration(world: &World, browser: &mut crate::support::Browser, email: &str) -> Answer {
    let code = world.code_for(email).await;
    browser.post("/registrieren/code", &[("code", &code)]).await;
    let person = [("given_names", "Emre"), ("family_name", "Öztürk"), ("one_name", "")];
    let birth = [("birth_day", "12"), ("birth_month", "5"), ("birth_year", "1959")];
    browser.post("/registrieren/name", &[person.as_slice(), &birth].concat()).await;
    browser.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
    browser.post("/registrieren/wiederherstellung", &[("kept", "ja")]).await;
    browser.get("/registrieren/pruefen").await;
    browser.post("/registrieren/pruefen", &[]).await
}

both!(nobody_notices_that_another_master_key_takes_over, async |mut world| {
    seed(&world, 600).await;
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    let choir = world.organisation(EMAIL, &club("Chor Musterhausen")).await;
    let mut emre = world.browser();
    emre.get("/registrieren/email").await;
    emre.post("/registrieren/email", &[("email", "emre@example.org")]).await;

    // Step 1 and 2, one node after the other: while one still writes with the old key, the other does with the new one.
    world.restart(announced).await;
    let (back, first) = (old(&world.config), world.config.keys.other_master_key.clone());
    let node = world
        .node_with(|config| {
            config.keys.master_key = first.unwrap();
            config.keys.other_master_key = Some(back);
        })
        .await;
    let mut suharto = world.browser().at(node.running.address);
    suharto.register(&world, "suharto@example.org", ["", "Suharto"]).await;
    assert!(
        can_sign_in(&world, "suharto@example.org").await,
        "the node with the old key reads what the new one wrapped"
    );
    node.running.abort().await;
    world.config.keys.master_key = old(&world.config);
    world.config.keys.other_master_key = None;
    world.restart(swapped).await;

    // Step 3, while people sign in and register.
    let operator = world.open_with(|_| {}).await.unwrap();
    let is_over = AtomicBool::new(false);
    let people = async {
        let mut signed_in = 0;
        while !is_over.load(Ordering::SeqCst) || signed_in == 0 {
            for email in [EMAIL, "konto-1@example.org", "konto-599@example.org"] {
                assert!(can_sign_in(&world, email).await, "{email}");
                signed_in += 1;
            }
        }
        world.browser().register(&world, "mai@example.org", ["Mai", "Nguyễn"]).await;
    };
    let done = async {
        let done = rewrap(&operator).await.unwrap();
        is_over.store(true, Ordering::SeqCst);
        done
    };
    let (_, done) = tokio::join!(people, done);
    assert_eq!(done, Rewrapped { accounts: 601, registrations: 1, organisations: 1, root: true, left: 0 });
    assert_eq!(rewrap(&operator).await.unwrap(), Rewrapped::default(), "nothing is left");
    let kinds = world.texts("SELECT kind FROM audit_event WHERE kind LIKE 'keys.%' ORDER BY kind").await;
    assert_eq!(kinds, ["keys.master_rotated", "keys.master_rotation_begun"]);

    // Step 4.
    world.restart(|config| config.keys.other_master_key = None).await;
    for email in [EMAIL, "suharto@example.org", "mai@example.org", "konto-0@example.org", "konto-300@example.org"] {
        assert!(can_sign_in(&world, email).await, "{email}");
    }
    let mut tx = world.app.read().await.unwrap();
    let choir = nutzerkonto::organisation::load(&mut tx, &world.app.vault, &choir).await.unwrap();
    assert_eq!(choir.record.name, "Chor Musterhausen");
    drop(tx);
    finish_registration(&world, &mut emre, "emre@example.org").await;
    assert!(can_sign_in(&world, "emre@example.org").await, "a registration that had begun before goes on");
});

both!(a_key_that_changed_hands_during_a_registration_is_wrapped_by_the_one_in_force, async |mut world| {
    let mut emre = world.browser();
    emre.get("/registrieren/email").await;
    emre.post("/registrieren/email", &[("email", "emre@example.org")]).await;
    world.restart(swapped).await;
    finish_registration(&world, &mut emre, "emre@example.org").await;
    let operator = world.open_with(|_| {}).await.unwrap();
    assert_eq!(rewrap(&operator).await.unwrap(), Rewrapped { root: true, ..Rewrapped::default() });
});

both!(interrupted_at_any_time_it_goes_on_where_it_was, async |mut world| {
    seed(&world, 1000).await;
    let forth = world.open_with(swapped).await.unwrap();
    let back = world.open_with(announced).await.unwrap();
    let mut dice = Dice(11);
    let (mut interrupted, mut finished) = (0, 0);
    for _ in 0..40 {
        let app: &App = if dice.below(4) == 0 { &back } else { &forth };
        let limit = Duration::from_micros(dice.below(120_000) as u64);
        match tokio::time::timeout(limit, rewrap(app)).await {
            // A busy machine interrupts, too.
            Ok(Err(Error::Busy { .. })) | Err(_) => interrupted += 1,
            Ok(done) => {
                done.unwrap();
                finished += 1;
            }
        }
    }
    assert!(interrupted > 3, "{interrupted} interrupted, {finished} finished");
    // What was on its way to the database when it was interrupted may still arrive, on a busy machine late.
    let (mut quiet, mut rounds) = (0, 0);
    while quiet < 4 && rounds < 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        rounds += 1;
        quiet = if rewrap(&forth).await.unwrap() == Rewrapped::default() { quiet + 1 } else { 0 };
    }
    assert_eq!(quiet, 4, "it never ends");
    world.restart(removed).await;
    for number in (0..1000).step_by(100) {
        assert!(can_sign_in(&world, &format!("konto-{number}@example.org")).await, "{number}");
    }
});

both!(a_key_that_is_destroyed_meanwhile_stays_destroyed, async |world| {
    seed(&world, 500).await;
    let forth = world.open_with(swapped).await.unwrap();
    let back = world.open_with(announced).await.unwrap();
    let ids = world.texts("SELECT id FROM account ORDER BY id").await;
    let is_over = AtomicBool::new(false);
    let destroy = async {
        for id in &ids[..300] {
            let mut tx = world.app.db.begin().await.unwrap();
            nutzerkonto::sql!(&mut tx, execute, "UPDATE account SET key_wrapped = NULL WHERE id = $1", id).unwrap();
            world.app.db.commit(tx).await.unwrap();
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let exchange = async {
        while !is_over.load(Ordering::SeqCst) {
            for app in [&forth, &back] {
                rewrap(app).await.unwrap();
            }
        }
        rewrap(&forth).await.unwrap()
    };
    let (_, done) = tokio::join!(destroy, exchange);
    assert_eq!((done.accounts, done.left), (200, 0));
    let destroyed = world.texts("SELECT id FROM account WHERE key_wrapped IS NULL ORDER BY id").await;
    assert_eq!(destroyed, &ids[..300]);
});

both!(without_the_key_that_is_needed_nothing_begins, async |world| {
    let refused = world.open_with(removed).await.err().unwrap();
    assert!(refused.contains("keys.master_key") && refused.contains("keys.other_master_key"), "{refused}");
    rewrap(&world.open_with(swapped).await.unwrap()).await.unwrap();
    let third = |config: &mut Config| {
        config.keys.master_key = own_master_key(config, 9);
        config.keys.other_master_key = Some(own_master_key(config, 7));
    };
    people::introduce(&world.open_with(third).await.unwrap()).await.unwrap();
    let before = world.dump().await;
    let refused = rewrap(&world.open_with(removed).await.unwrap()).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict(why) if why.contains("keys.other_master_key")), "{refused}");
    assert_eq!(world.dump().await["account"], before["account"]);
    let right = |config: &mut Config| {
        removed(config);
        config.keys.other_master_key = Some(own_master_key(config, 9));
    };
    assert_eq!(rewrap(&world.open_with(right).await.unwrap()).await.unwrap().accounts, 5);
});

both!(a_key_that_does_not_open_is_counted_and_left, async |world| {
    seed(&world, 3).await;
    let mut tx = world.app.db.begin().await.unwrap();
    let id = &world.texts("SELECT id FROM account ORDER BY id").await[1];
    let broken = vec![1_u8; 61];
    nutzerkonto::sql!(&mut tx, execute, "UPDATE account SET key_wrapped = $2 WHERE id = $1", id, &broken).unwrap();
    world.app.db.commit(tx).await.unwrap();
    let done = rewrap(&world.open_with(swapped).await.unwrap()).await.unwrap();
    assert_eq!(done, Rewrapped { accounts: 2, registrations: 0, organisations: 0, root: true, left: 1 });
});

both!(signing_keys_that_everybody_has_stay_on_loopback, async |world| {
    rewrap(&world.open_with(swapped).await.unwrap()).await.unwrap();
    let public = |config: &mut Config| {
        removed(config);
        config.issuer = "https://konto.example.org".to_owned();
        (config.password.memory_kibibytes, config.password.iterations) = (19 * 1024, 2);
    };
    let refused = world.open_with(public).await.err().unwrap();
    assert!(refused.contains("signing key") && refused.contains("keys-dev"), "{refused}");
    let operator = world.open_with(removed).await.unwrap();
    for (times, _) in operator.keys.list() {
        revoke(&operator, &times.key_id).await.unwrap();
    }
    world.open_with(public).await.unwrap();
});
