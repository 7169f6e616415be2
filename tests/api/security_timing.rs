//! Attack row O02: nobody learns from the time of an answer whether an address has an account.

use std::time::Duration;

use crate::both;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const SAMPLES: usize = 40;
/// What noise may do to two medians; a missing hash would halve one of them and more.
const GAP_MAX: f64 = 0.05;

async fn time_of(browser: &mut Browser, path: &str, fields: &[(&str, &str)], expected: u16) -> Duration {
    let began_at = tokio::time::Instant::now();
    let answer = browser.post(path, fields).await;
    assert_eq!(answer.status, expected, "{path}");
    began_at.elapsed()
}

fn median(mut samples: Vec<Duration>) -> f64 {
    samples.sort();
    samples[samples.len() / 2].as_secs_f64()
}

/// How far apart the medians are of a known and an unknown address, asked in turns.
async fn gap(world: &World, round: usize) -> f64 {
    let mut stranger = world.browser();
    stranger.get("/anmelden").await;
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..SAMPLES {
        // The same number of letters, another address each time, as a search would do it.
        let unknown = format!("nie{round}{number:02}@example.org");
        for (place, email) in [EMAIL, &unknown].into_iter().enumerate() {
            let fields = [("email", email), ("password", "falsch-falsch-falsch")];
            times[place].push(time_of(&mut stranger, "/anmelden", &fields, 422).await);
        }
    }
    let [known, unknown] = times.map(median);
    (known - unknown).abs() / known.max(unknown)
}

both!(sec_o02_an_unknown_address_costs_the_same, async |mut world| {
    world
        .restart(|config| {
            (config.password.memory_kibibytes, config.password.iterations) = (19 * 1024, 2);
            (config.limits.attempts_per_account, config.limits.attempts_per_network) = (1_000_000, 1_000_000);
        })
        .await;
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    let mut gaps = Vec::new();
    // Other tests run beside this one: what is really slower is slower every time.
    for round in 0..5 {
        gaps.push(gap(&world, round).await);
        if gaps.last().is_some_and(|gap| *gap < GAP_MAX) {
            return;
        }
    }
    panic!("the medians are always apart: {gaps:?}");
});
