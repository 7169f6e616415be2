//! Attack row O02: nobody learns from the time of an answer whether an address has an account, or a password.

use std::time::Duration;

use crate::both;
use crate::only_passkeys::with_passkeys_only;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const SAMPLES: usize = 40;
/// What noise may do to two of them; a missing hash would halve one and more.
const GAP_MAX: f64 = 0.1;

async fn time_of(browser: &mut Browser, path: &str, fields: &[(&str, &str)], expected: u16) -> Duration {
    let began_at = tokio::time::Instant::now();
    let answer = browser.post(path, fields).await;
    assert_eq!(answer.status, expected, "{path}");
    began_at.elapsed()
}

/// What a quarter of the samples stays below: what else runs here makes an answer later, never sooner.
fn lower_quartile(mut samples: Vec<Duration>) -> f64 {
    samples.sort();
    samples[samples.len() / 4].as_secs_f64()
}

/// How far apart the lower quartiles are of two kinds of addresses, asked in turns.
async fn gap(world: &World, addresses: [&dyn Fn(usize) -> String; 2]) -> f64 {
    let mut stranger = world.browser();
    stranger.get("/anmelden").await;
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..SAMPLES {
        for (place, email) in addresses.map(|address| address(number)).iter().enumerate() {
            let fields = [("email", email.as_str()), ("password", "falsch-falsch-falsch")];
            times[place].push(time_of(&mut stranger, "/anmelden", &fields, 422).await);
        }
    }
    let [one, other] = times.map(lower_quartile);
    (one - other).abs() / one.max(other)
}

/// Other tests run beside this one: what is really slower is slower every time.
async fn assert_alike(world: &World, addresses: [&dyn Fn(usize) -> String; 2]) {
    let mut gaps = Vec::new();
    for _ in 0..15 {
        gaps.push(gap(world, addresses).await);
        if gaps.last().is_some_and(|gap| *gap < GAP_MAX) {
            return;
        }
    }
    panic!("they are always apart: {gaps:?}");
}

/// An address of as many letters as [`EMAIL`], another one each time, as a search would do it.
fn unknown(number: usize) -> String {
    format!("nie0{number:02}@example.org")
}

async fn with_real_hashes(world: &mut World) {
    world
        .restart(|config| {
            (config.password.memory_kibibytes, config.password.iterations) = (19 * 1024, 2);
            (config.limits.attempts_per_account, config.limits.attempts_per_network) = (1_000_000, 1_000_000);
        })
        .await;
}

both!(sec_o02_an_unknown_address_costs_the_same, async |mut world| {
    with_real_hashes(&mut world).await;
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    assert_alike(&world, [&|_| EMAIL.to_owned(), &unknown]).await;
});

both!(sec_o02_an_account_without_a_password_costs_the_same, async |mut world| {
    with_real_hashes(&mut world).await;
    with_passkeys_only(&world).await;
    assert_alike(&world, [&|_| EMAIL.to_owned(), &unknown]).await;
});
