//! Many more people than can be hashed for at once, and what everybody else notices of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nutzerkonto::demo::people::PASSWORD;

use super::http::{Connection, Outcome, get, post};
use super::server::{Instance, Process};

/// Connections that sign in over and over, each so often that all together ask for ten times what can be hashed.
const CROWD: u64 = 1000;
const PAUSE: Duration = Duration::from_millis(900);
/// How often the others ask.
const PROBE_EVERY: Duration = Duration::from_millis(20);

/// What a storm did.
#[derive(Default)]
pub struct Storm {
    pub accepted: Vec<f64>,
    pub refused: Vec<f64>,
    /// Answers to somebody who is signed in already, and to a service that fetches keys.
    pub others: Vec<f64>,
    pub resident_mebibytes: f64,
    /// From the end of the storm to the first sign-in that took less than a second.
    pub recovery_seconds: f64,
}

/// The milliseconds below which so many per cent of the answers stayed.
pub fn percentile(milliseconds: &mut [f64], percent: usize) -> f64 {
    milliseconds.sort_by(f64::total_cmp);
    let place = (milliseconds.len() * percent / 100).min(milliseconds.len().saturating_sub(1));
    milliseconds.get(place).copied().unwrap_or(f64::NAN)
}

fn milliseconds_since(began_at: Instant) -> f64 {
    began_at.elapsed().as_secs_f64() * 1000.0
}

/// A browser that has the sign-in page open.
struct Visitor {
    connection: Connection,
    form: Vec<u8>,
}

impl Visitor {
    fn arrive(instance: &Instance, number: u64) -> Outcome<Self> {
        let mut connection = Connection::open(instance.address)?;
        let page = connection.ask(&get(&instance.host, "/anmelden", ""))?;
        page.expect(200)?;
        let cookie = page.cookie("nk_t").ok_or("no browser cookie")?.to_owned();
        let csrf = page.between("name=\"csrf\" value=\"", "\"").to_owned();
        let form = format!("csrf={csrf}&email=konto-{number}%40example.org&password={PASSWORD}");
        let form = post(&instance.host, "/anmelden", &format!("cookie: {cookie}\r\n"), &form);
        Ok(Self { connection, form })
    }

    fn sign_in(&mut self) -> Outcome<(u16, f64)> {
        let began_at = Instant::now();
        let status = self.connection.ask(&self.form)?.status;
        Ok((status, milliseconds_since(began_at)))
    }
}

pub fn storm(instance: &Instance, server: &Process, session: &str, duration: Duration) -> Outcome<Storm> {
    let (found, is_over) = (Mutex::new(Storm::default()), AtomicBool::new(false));
    let highest = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..CROWD)
            .map(|number| {
                scope.spawn({
                    let (found, is_over) = (&found, &is_over);
                    move || push(instance, number, found, is_over)
                })
            })
            .collect();
        let others = scope.spawn(|| ask(instance, session, &found, &is_over));
        let began_at = Instant::now();
        while began_at.elapsed() < duration {
            let now = server.resident_mebibytes()?;
            highest.fetch_max(now as u64, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(200));
        }
        is_over.store(true, Ordering::Relaxed);
        let ended_at = Instant::now();
        let mut after = Visitor::arrive(instance, 0)?;
        while after.sign_in()?.1 > 1000.0 {}
        found.lock().unwrap_or_else(PoisonError::into_inner).recovery_seconds = ended_at.elapsed().as_secs_f64();
        for thread in crowd.into_iter().chain([others]) {
            thread.join().map_err(|_| "a visitor panicked")??;
        }
        Ok::<_, super::http::Failure>(())
    })?;
    let mut storm = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    storm.resident_mebibytes = highest.into_inner() as f64;
    Ok(storm)
}

/// One of the crowd.
fn push(instance: &Instance, number: u64, found: &Mutex<Storm>, is_over: &AtomicBool) -> Outcome<()> {
    let mut visitor = Visitor::arrive(instance, number)?;
    while !is_over.load(Ordering::Relaxed) {
        let (status, milliseconds) = visitor.sign_in()?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        match status {
            303 => found.accepted.push(milliseconds),
            503 => found.refused.push(milliseconds),
            status => return Err(format!("a sign-in answered {status}").into()),
        }
        drop(found);
        std::thread::sleep(PAUSE.saturating_sub(Duration::from_secs_f64(milliseconds / 1000.0)));
    }
    Ok(())
}

/// The others: a page of somebody signed in, and the keys.
fn ask(instance: &Instance, session: &str, found: &Mutex<Storm>, is_over: &AtomicBool) -> Outcome<()> {
    let mut connection = Connection::open(instance.address)?;
    let requests = [get(&instance.host, "/konto", session), get(&instance.host, "/oauth2/jwks", "")];
    for request in requests.iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let began_at = Instant::now();
        connection.ask(request)?.expect(200)?;
        found.lock().unwrap_or_else(PoisonError::into_inner).others.push(milliseconds_since(began_at));
        std::thread::sleep(PROBE_EVERY);
    }
    Ok(())
}
