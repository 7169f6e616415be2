//! How many transactions a request may cost, and that assertions which share one still count once each.

use std::time::Duration;

use futures_util::future::join_all;
use nutzerkonto::kernel::error::Error;
use nutzerkonto::store::replay::{self, Once, QUEUE_MAX};
use nutzerkonto::store::work::Actor;
use serde_json::json;

use crate::both;
use crate::security_assertion::{ASSERTION_TYPE, Signer, parken};
use crate::support::browser::Answer;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const MACHINE: &str = "own_scopes = [\"postfach.lesen\"]";

async fn machine(world: &World) -> Signer {
    let machine = Signer::new("maschine");
    world.clients(&machine.declaration(MACHINE)).await;
    machine
}

async fn ask(browser: &Browser, path: &str, assertion: &str, field: (&str, &str)) -> Answer {
    let form = [field, ("client_assertion", assertion), ("client_assertion_type", ASSERTION_TYPE)];
    browser.without_cookies().post_exactly(path, &form).await
}

const OWN_NAME: (&str, &str) = ("grant_type", "client_credentials");

// The code is stored in one transaction and redeemed in another; userinfo only reads.
both!(a_code_flow_with_a_session_is_two_transactions, async |world| {
    let parken = parken(&world).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    parken.service.code(&mut renate, &[]).await;
    let commits = world.app.db.commits();
    let code = parken.service.code(&mut renate, &[]).await;
    assert_eq!(world.app.db.commits() - commits, 1, "one stores the code");
    let answer = parken.redeem(&renate, &parken.assertion(&world, |_| {}), &code, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.app.db.commits() - commits, 2, "one redeems it and remembers the assertion");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(parken.service.userinfo(&world, &token).await.status, 200);
    assert_eq!(world.app.db.commits() - commits, 2);
});

// The first assertion is kept from being recorded until everybody has come: it is recorded elsewhere, and that taken back.
both!(assertions_that_come_together_share_transactions, async |world| {
    let machine = machine(&world).await;
    let browser = world.browser();
    let token = ask(&browser, "/oauth2/token", &machine.assertion(&world, |_| {}), OWN_NAME).await.json();
    let token = token["access_token"].as_str().unwrap();
    for (path, field) in [("/oauth2/token", OWN_NAME), ("/oauth2/introspect", ("token", token))] {
        let first = machine.assertion(&world, |claims| claims["jti"] = json!(path));
        let assertions: Vec<_> = (0..31).map(|_| machine.assertion(&world, |_| {})).collect();
        let mut elsewhere = world.app.begin(Actor::System("test")).await.unwrap();
        assert!(replay::insert(&mut elsewhere, &remembered(&world, path)).await.unwrap());
        let commits = world.app.db.commits();
        let others = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            join_all(assertions.iter().map(|assertion| ask(&browser, path, assertion, field))).await
        };
        let all_wait = async {
            while world.app.replay.waiting() < assertions.len() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let end = async {
            // Less than what a statement may wait for another.
            drop(tokio::time::timeout(Duration::from_millis(1500), all_wait).await);
            drop(elsewhere);
        };
        let (first, others, ()) = tokio::join!(ask(&browser, path, &first, field), others, end);
        assert!(others.iter().chain([&first]).all(|answer| answer.status == 200), "{path}: {first:?}");
        let spent = world.app.db.commits() - commits;
        assert!((1..=24).contains(&spent), "{path}: {spent} transactions for 32 requests");
    }
    assert_eq!(world.rows("spent_token").await, 65);
});

fn remembered(world: &World, jti: &str) -> Once {
    Once::new("maschine", jti, world.app.now().plus(Duration::from_secs(60)))
}

both!(sec_e05_an_assertion_that_shares_a_transaction_counts_once_on_two_nodes, async |world| {
    let machine = machine(&world).await;
    let node = world.second_node().await;
    let (one, two) = (world.browser(), world.browser().at(node.running.address));
    let (mut counted, mut assertion) = (0, String::new());
    for round in 0..12 {
        assertion = machine.assertion(&world, |_| {});
        let fresh = machine.assertion(&world, |_| {});
        // Beside it another one, so that it is not alone in its batch.
        let tries = (0..64).map(|number| {
            let assertion = if number == 32 { &fresh } else { &assertion };
            ask(if number % 2 == 0 { &one } else { &two }, "/oauth2/token", assertion, OWN_NAME)
        });
        let statuses: Vec<_> = join_all(tries).await.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses[32], 200, "round {round}");
        let granted = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(granted, 2, "round {round}: {statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 62, "round {round}: {statuses:?}");
        counted += granted as i64;
    }
    assert_eq!(world.rows("spent_token").await, counted);
    let other = ask(&one, "/oauth2/introspect", &assertion, ("token", "x")).await;
    assert_eq!(other.status, 401, "at no other endpoint either");
    let revoked = ask(&two, "/oauth2/revoke", &assertion, ("token", "x")).await;
    assert_eq!(revoked.status, 401, "sec_m05");
    node.running.abort().await;
});

both!(sec_e05_an_assertion_does_not_count_again_after_a_restart, async |mut world| {
    let machine = machine(&world).await;
    let assertion = machine.assertion(&world, |_| {});
    assert_eq!(ask(&world.browser(), "/oauth2/token", &assertion, OWN_NAME).await.status, 200);
    world.restart(|_| {}).await;
    assert_eq!(ask(&world.browser(), "/oauth2/token", &assertion, OWN_NAME).await.status, 401);
    let other = machine.assertion(&world, |_| {});
    assert_eq!(ask(&world.browser(), "/oauth2/token", &other, OWN_NAME).await.status, 200);
});

both!(sec_e07_more_assertions_than_can_wait_are_sent_away, async |world| {
    let mut elsewhere = world.app.begin(Actor::System("test")).await.unwrap();
    let blocked = remembered(&world, "0");
    assert!(replay::insert(&mut elsewhere, &blocked).await.unwrap());
    let spend = |number: usize| world.app.replay.spend(remembered(&world, &number.to_string()));
    let end = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(elsewhere);
    };
    let (answers, ()) = tokio::join!(join_all((0..QUEUE_MAX + 200).map(spend)), end);
    let fresh = answers.iter().filter(|answer| matches!(answer, Ok(true))).count();
    let busy = answers.iter().filter(|answer| matches!(answer, Err(Error::Busy { .. }))).count();
    assert_eq!(fresh + busy, answers.len());
    assert!(fresh >= QUEUE_MAX && busy > 0, "{fresh} recorded, {busy} sent away");
    assert_eq!(world.rows("spent_token").await, fresh as i64, "who was sent away may come again");
});
