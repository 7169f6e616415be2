//! RL12 for what changes several rows of one account: however two such acts meet, on whichever nodes, each has its answer, and nobody
//! reads that something is broken. On PostgreSQL two that take the same rows in another order stop each other for good; one of them
//! is then sent away as if too much was going on, and that is what these tests would see.

use std::time::Duration;

use nutzerkonto::account;
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::signin::session;
use nutzerkonto::store::work::{Actor, Work};

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

/// How often each pair meets. Enough to hit a wrong order of locks most of the time.
const ROUNDS: usize = 4;
const OTHER: &str = "anderes-passwort-mit-wolken";
const THIRD: &str = "drittes-passwort-mit-wolken";

async fn renate(world: &mut World) -> Browser {
    let raise = |config: &mut nutzerkonto::config::Config| {
        (config.limits.mails_per_hour, config.limits.mails_per_day) = (1000, 1000);
        config.limits.mails_per_network = 1000;
    };
    world.restart(raise).await;
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// What somebody is about to do, in a browser of their own.
#[derive(Clone, Copy, Debug)]
enum Act {
    Change,
    Reset,
    /// In the browser of a session that still holds.
    SignInAgain,
    EndOthers,
    ShortenSessions,
    Leave,
}

/// Everything before the last click.
async fn prepare(world: &World, mut browser: Browser, act: Act) -> Browser {
    match act {
        Act::Reset => {
            let code = browser.reset_code(world, EMAIL).await;
            assert_eq!(browser.post("/wieder-anmelden/code", &[("code", &code)]).await.status, 303);
            world.settle().await;
            world.mails.lock().unwrap().clear();
        }
        _ => assert_eq!(browser.sign_in(EMAIL, PASSWORD).await.status, 303),
    }
    browser
}

async fn click(mut browser: Browser, act: Act, password: &str) -> Answer {
    let current = ("current", PASSWORD);
    match act {
        Act::Change => browser.post("/sicherheit/passwort", &[current, ("password", password)]).await,
        Act::Reset => browser.post("/wieder-anmelden/passwort", &[("password", password)]).await,
        Act::SignInAgain => browser.sign_in(EMAIL, PASSWORD).await,
        Act::EndOthers => browser.post("/sicherheit/sitzungen/andere-beenden", &[]).await,
        Act::ShortenSessions => browser.post("/sicherheit/sitzungen/dauer", &[("dauer", "30")]).await,
        Act::Leave => browser.post("/daten/loeschen", &[("wann", "spaeter"), current]).await,
    }
}

/// Whichever password it is by now, it is the known one again.
async fn put_back(world: &World) {
    for password in [PASSWORD, OTHER, THIRD] {
        let mut browser = world.browser();
        if browser.sign_in(EMAIL, password).await.status == 303 {
            if password == PASSWORD {
                return;
            }
            let fields = [("current", password), ("password", PASSWORD)];
            assert_eq!(browser.post("/sicherheit/passwort", &fields).await.status, 303);
            return;
        }
    }
}

both!(rl12_of_two_who_change_one_account_nobody_finds_it_broken, async |mut world| {
    renate(&mut world).await;
    let node = world.second_node().await;
    for (one, other) in [
        (Act::Change, Act::Change),
        (Act::Change, Act::Reset),
        (Act::Change, Act::SignInAgain),
        (Act::Change, Act::ShortenSessions),
        (Act::EndOthers, Act::Reset),
        (Act::EndOthers, Act::EndOthers),
        (Act::Reset, Act::SignInAgain),
        (Act::ShortenSessions, Act::EndOthers),
    ] {
        for round in 0..ROUNDS {
            world.pass(Duration::from_secs(60));
            let here = prepare(&world, world.browser(), one).await;
            let there = prepare(&world, world.browser().at(node.running.address), other).await;
            let (first, second) = tokio::join!(click(here, one, OTHER), click(there, other, THIRD));
            // 409: somebody was faster; 422: it is not the password any more.
            let is_answered = |answer: &Answer| [303, 409, 422].contains(&answer.status);
            assert!(is_answered(&first) && is_answered(&second), "{one:?} {other:?} {round}: {first:?} {second:?}");
            put_back(&world).await;
        }
    }
    node.running.abort().await;
});

both!(rl12_leaving_and_a_new_password_at_once, async |mut world| {
    renate(&mut world).await;
    let node = world.second_node().await;
    let here = prepare(&world, world.browser(), Act::Leave).await;
    let there = prepare(&world, world.browser().at(node.running.address), Act::Reset).await;
    let (left, set) = tokio::join!(click(here, Act::Leave, ""), click(there, Act::Reset, OTHER));
    assert!([303, 422].contains(&left.status) && [303, 409].contains(&set.status), "{left:?} {set:?}");
    node.running.abort().await;
});

async fn the_account(world: &World) -> AccountId {
    AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap()
}

async fn another_work(world: &World) -> Work {
    world.app.begin(Actor::System("test")).await.unwrap()
}

// Whoever has to wait for too long has done nothing and may come again.
both!(who_waits_too_long_is_asked_to_come_again, async |mut world| {
    let mut renate = renate(&mut world).await;
    let account = the_account(&world).await;
    let mut work = another_work(&world).await;
    account::hold(&mut work, &account).await.unwrap();
    let answer = renate.post("/sicherheit/sitzungen/dauer", &[("dauer", "30")]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "2"), "{}", answer.body);
    drop(work);
    assert_eq!(renate.post("/sicherheit/sitzungen/dauer", &[("dauer", "30")]).await.status, 303);
});

// Should there be one that the order has forgotten: PostgreSQL ends one of the two, and that is no error of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_stop_each_other_on_postgres() {
    let Some(mut world) = World::on_postgres().await else { return };
    let mut renate = renate(&mut world).await;
    let account = the_account(&world).await;
    let now = world.app.now();
    let own = session::list(&mut world.app.read().await.unwrap(), &account, now).await.unwrap().remove(0);
    // The session first: the wrong way round.
    let mut work = another_work(&world).await;
    session::end(&mut work, &own).await.unwrap();
    let shorten = renate.post("/sicherheit/sitzungen/dauer", &[("dauer", "30")]);
    let wrong = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        account::hold(&mut work, &account).await
    };
    let (answer, held) = tokio::join!(shorten, wrong);
    let is_ended = matches!(held, Err(Error::Busy { .. }));
    assert!(held.is_ok() || is_ended, "{held:?}");
    assert_eq!(answer.status, if is_ended { 303 } else { 503 }, "{answer:?}");
}
