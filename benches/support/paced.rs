//! Requests at a given rate, whether or not the answers keep up: how long each took from the moment it was due.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::http::{Connection, Outcome, Visitor};

/// Keeps to the rate on all connections together, and returns the milliseconds of the requests that are posted. A
/// request that goes out late, because the answer before it came late, counts from when it was due.
pub fn pace(
    address: SocketAddr,
    visitors: &mut [Box<dyn Visitor>],
    per_second: f64,
    duration: Duration,
) -> Outcome<Vec<f64>> {
    let (count, began_at) = (visitors.len(), Instant::now());
    let due = move |number: usize| {
        move |request: usize| began_at + Duration::from_secs_f64((request * count + number) as f64 / per_second)
    };
    std::thread::scope(|scope| {
        let alone = |(number, visitor)| {
            let due = due(number);
            scope.spawn(move || keep_pace(address, visitor, due, began_at + duration))
        };
        let threads: Vec<_> = visitors.iter_mut().enumerate().map(alone).collect();
        let times = threads.into_iter().map(|thread| thread.join().map_err(|_| "a visitor panicked")?);
        Ok(times.collect::<Outcome<Vec<_>>>()?.concat())
    })
}

fn keep_pace(
    address: SocketAddr,
    visitor: &mut Box<dyn Visitor>,
    due: impl Fn(usize) -> Instant,
    until: Instant,
) -> Outcome<Vec<f64>> {
    let mut connection = Connection::open(address)?;
    let (_, mut request) = visitor.next(None)?;
    let mut milliseconds = Vec::new();
    for number in 0.. {
        let due_at = due(number);
        if due_at >= until {
            break;
        }
        std::thread::sleep(due_at.saturating_duration_since(Instant::now()));
        let answer = connection.ask(&request)?;
        if request.starts_with(b"POST") {
            milliseconds.push(due_at.elapsed().as_secs_f64() * 1000.0);
        }
        request = visitor.next(Some(&answer))?.1;
    }
    Ok(milliseconds)
}
