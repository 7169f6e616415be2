//! The audit chain: sealed at once, the same on every node, and broken by whoever touches a sealed event. RL29.

use std::time::Duration;

use nutzerkonto::audit::head::SignedHead;
use nutzerkonto::audit::verify::{Report, verify};
use nutzerkonto::audit::{chain, head, prune};
use nutzerkonto::kernel::time::days;
use nutzerkonto::store::db::Tx;
use sqlx::AssertSqlSafe;

use crate::both;
use crate::support::World;
use crate::support::browser::PASSWORD;
use crate::support::dice::Dice;
use crate::support::surface::EMAIL;

/// People who make events.
async fn lively(world: &World) {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    signs_in(world).await;
}

async fn signs_in(world: &World) {
    for number in 0..8 {
        world.pass(Duration::from_secs(60));
        world.browser().sign_in(EMAIL, if number % 2 == 0 { PASSWORD } else { "falsch-falsch-falsch" }).await;
    }
}

async fn execute(tx: &mut Tx, text: &str) -> u64 {
    let text = AssertSqlSafe(text.to_owned());
    match tx {
        Tx::Sqlite(connection) => sqlx::query(text).execute(Tx::sqlite(connection)).await.unwrap().rows_affected(),
        Tx::Postgres(connection) => sqlx::query(text).execute(Tx::postgres(connection)).await.unwrap().rows_affected(),
    }
}

async fn report(world: &World, tx: &mut Tx, kept: &[String]) -> Report {
    verify(tx, &world.app.keys.current(), &world.app.config.issuer, kept, world.app.now()).await.unwrap()
}

async fn is_sound(world: &World) -> Report {
    let report = report(world, &mut world.app.read().await.unwrap(), &[]).await;
    assert!(report.is_sound(), "{:?}", report.findings);
    report
}

both!(events_are_sealed_within_a_second, async |world| {
    lively(&world).await;
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let report = is_sound(&world).await;
    assert!(report.unsealed == 0 && report.events > 10, "{report:?}");
    assert_eq!(report.position as u64, report.events, "no gap");
    assert!(report.heads >= 1, "the first head is signed at once");
});

both!(two_nodes_make_one_chain, async |world| {
    let node = world.second_node().await;
    lively(&world).await;
    // Both nodes' jobs and these all want to seal at the same time.
    let sealers = (0..8).map(|_| chain::seal(&world.app.db, world.app.now()));
    futures_util::future::try_join_all(sealers).await.unwrap();
    let report = is_sound(&world).await;
    assert_eq!((report.position as u64, report.unsealed), (report.events, 0));
    node.running.abort().await;
});

/// One way to change the sealed past, from a throw of the dice.
fn change(dice: &mut Dice, events: i64) -> String {
    let mut place = || 1 + dice.below(events as usize) as i64;
    let (one, two) = (place(), place());
    let column = ["kind", "actor", "detail", "id", "subject", "reason", "request"][dice.below(7)];
    match dice.below(9) {
        0..=2 => format!("UPDATE audit_event SET {column} = 'anders-{one}-{two}' WHERE position = {one}"),
        3 => format!("UPDATE audit_event SET at = at + {two} WHERE position = {one}"),
        4 => format!("DELETE FROM audit_event WHERE position = {one}"),
        5 => format!("DELETE FROM audit_event WHERE position >= {one}"),
        6 => format!("UPDATE audit_event SET seal = NULL, position = NULL WHERE position = {one}"),
        7 => format!("UPDATE audit_event SET position = position + {} WHERE position = {one}", events + two),
        _ => format!(
            "UPDATE audit_event SET seal = (SELECT other.seal FROM audit_event AS other WHERE other.position = {})
              WHERE position = {one}",
            one % events + 1
        ),
    }
}

both!(rl29_five_hundred_ways_of_changing_the_past_are_found, async |world| {
    lively(&world).await;
    let head = head::sign(&world.app).await.unwrap();
    let sound = is_sound(&world).await;
    for seed in 0..500 {
        let change = change(&mut Dice(seed), sound.position);
        // Never committed: every way begins with the same past.
        let mut tx = world.app.db.begin().await.unwrap();
        assert!(execute(&mut tx, &change).await > 0, "{seed}: {change}");
        let found = report(&world, &mut tx, std::slice::from_ref(&head)).await;
        assert!(!found.is_sound(), "{seed}: {change}");
    }
    is_sound(&world).await;
});

both!(rl29_a_chain_that_was_recomputed_is_found_by_a_head_kept_elsewhere, async |world| {
    lively(&world).await;
    let kept = head::sign(&world.app).await.unwrap();
    let before = is_sound(&world).await;
    // Somebody with the whole database in hands removes an event, forgets all heads, and seals anew.
    let mut tx = world.app.db.begin().await.unwrap();
    execute(&mut tx, "DELETE FROM audit_event WHERE position = 3").await;
    execute(&mut tx, "UPDATE audit_event SET position = NULL, seal = NULL").await;
    execute(&mut tx, "DELETE FROM audit_head").await;
    execute(&mut tx, "DELETE FROM audit_signed_head").await;
    world.app.db.commit(tx).await.unwrap();
    chain::seal(&world.app.db, world.app.now()).await.unwrap();
    let mut tx = world.app.read().await.unwrap();
    assert!(report(&world, &mut tx, &[]).await.is_sound(), "by itself the new chain looks good");
    let found = report(&world, &mut tx, std::slice::from_ref(&kept)).await;
    assert!(!found.is_sound() && found.position < before.position);
    let forged = format!("{}x", &kept[..kept.len() - 1]);
    assert!(!report(&world, &mut tx, &[forged]).await.is_sound(), "a head that we did not sign is a finding");
});

both!(the_chain_goes_on_after_a_crash, async |mut world| {
    lively(&world).await;
    // As after kill -9 in the middle of sealing: the transaction never happened.
    let mut tx = world.app.db.begin().await.unwrap();
    execute(&mut tx, "UPDATE audit_head SET position = position + 5").await;
    drop(tx);
    world.restart(|_| {}).await;
    lively_again(&world).await;
    chain::seal(&world.app.db, world.app.now()).await.unwrap();
    let report = is_sound(&world).await;
    assert_eq!((report.position as u64, report.unsealed), (report.events, 0));
});

async fn lively_again(world: &World) {
    for _ in 0..3 {
        world.browser().sign_in(EMAIL, PASSWORD).await;
    }
}

both!(what_is_older_than_two_years_goes_up_to_a_signed_head, async |world| {
    lively(&world).await;
    let old = head::sign(&world.app).await.unwrap();
    let before = is_sound(&world).await.position;
    world.pass(days(365));
    signs_in(&world).await;
    head::sign(&world.app).await.unwrap();
    let all = is_sound(&world).await;
    assert_eq!(prune::tend(&world.app).await.unwrap(), 0, "nothing is two years old");
    world.pass(days(367));
    let mut gone = 0;
    for _ in 0..5 {
        gone += prune::tend(&world.app).await.unwrap();
    }
    assert_eq!(gone as i64, before, "what the heads of that time cover");
    let report = is_sound(&world).await;
    assert!(report.events >= all.events - gone && report.position >= all.position);
    // A head kept elsewhere that is older than the beginning proves nothing any more, and disturbs nothing.
    let mut tx = world.app.read().await.unwrap();
    assert!(self::report(&world, &mut tx, &[old]).await.is_sound());
    drop(tx);
    // The chain goes on.
    signs_in(&world).await;
    chain::seal(&world.app.db, world.app.now()).await.unwrap();
    assert!(is_sound(&world).await.position > report.position);
    assert_eq!(prune::tend(&world.app).await.unwrap(), 0);
});

both!(rl29_a_beginning_that_is_too_young_is_found, async |world| {
    lively(&world).await;
    let token = head::sign(&world.app).await.unwrap();
    let head = SignedHead::read(&world.app.keys.current(), &world.app.config.issuer, &token).unwrap();
    world.pass(days(30));
    signs_in(&world).await;
    chain::seal(&world.app.db, world.app.now()).await.unwrap();
    let seal: String = head.seal_bytes().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let seal = if world.database.url.starts_with("sqlite:") { format!("X'{seal}'") } else { format!("'\\x{seal}'") };
    // Somebody removes the past as the program itself would, two years later; or at a place that no head covers.
    for position in [head.position, head.position - 1] {
        let mut tx = world.app.db.begin().await.unwrap();
        execute(&mut tx, &format!("DELETE FROM audit_event WHERE position <= {position}")).await;
        execute(
            &mut tx,
            &format!(
                "INSERT INTO audit_head (name, position, seal, sealed_at) VALUES ('start', {position}, {seal}, 1)"
            ),
        )
        .await;
        let found = report(&world, &mut tx, &[]).await;
        assert!(!found.is_sound(), "{position}");
    }
});
