//! The audit chain and the keys of accounts in bulk: sealed, verified, wrapped anew while people click.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nutzerkonto::app::{self, App, Surroundings};
use nutzerkonto::audit::{chain, head, verify};
use nutzerkonto::config::Config;
use nutzerkonto::sql;

use super::http::{Connection, Outcome, get};
use super::server::Instance;
use super::storm::percentile;
use super::visitors::sessions;

/// Events per second.
pub struct Trail {
    pub sealed: f64,
    pub verified: f64,
}

/// Adds so many events at once, seals them, and verifies the whole chain.
pub async fn trail(instance: &Instance, events: i64) -> Outcome<Trail> {
    let config = Config::read(&instance.config())?;
    let app = app::open(config, Surroundings::default()).await?;
    append(&app, events).await?;
    let began = Instant::now();
    let sealed = chain::seal(&app.db, app.now()).await? as f64 / began.elapsed().as_secs_f64();
    head::sign(&app).await?;
    let began = Instant::now();
    let mut tx = app.read().await?;
    let report = verify::verify(&mut tx, &app.keys.current(), &app.config.issuer, &[], app.now()).await?;
    let verified = report.events as f64 / began.elapsed().as_secs_f64();
    drop(tx);
    app.db.close().await;
    if report.is_sound() { Ok(Trail { sealed, verified }) } else { Err("the chain is not sound".into()) }
}

/// Rows as signing in writes them.
async fn append(app: &App, events: i64) -> Outcome<()> {
    let mut tx = app.db.begin().await?;
    let detail = "{\"session\":\"ses_01M83T81T0R8JG6M7H0DMEJF41\",\"methods\":\"pwd\",\"device\":\"chrome linux\"}";
    sql!(
        &mut tx,
        execute,
        "INSERT INTO audit_event (id, at, kind, actor, subject, detail, request)
         WITH RECURSIVE line(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM line WHERE i < $1)
         SELECT 'evt_01M83T81T0R8JG' || CAST(100000000 + i AS TEXT), $2 + i, 'session.begun',
                'acc_01M83T81T0R8JG6M7H0DMEJF41', 'acc_01M83T81T0R8JG6M7H0DMEJF41', $3, 'DWSA-FV15-AQKS'
           FROM line",
        events,
        app.now(),
        detail
    )?;
    Ok(app.db.commit(tx).await?)
}

/// What people noticed while every key was wrapped anew.
pub struct Rewrapping {
    pub keys_per_second: f64,
    pub requests: usize,
    pub failed: usize,
    pub p99_milliseconds: f64,
}

/// Exchanges the master key of an instance that serves.
pub fn rewrap(instance: &Instance, accounts: u64) -> Outcome<Rewrapping> {
    instance.exchange_master_key()?;
    let (_server, _) = instance.start()?;
    let session = sessions(instance, accounts.min(1_000), 1)?.remove(0);
    let request = get(&instance.host, "/konto", &session);
    let done = AtomicBool::new(false);
    let (times, failed, took) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(instance, &request, &done));
        let began = Instant::now();
        let result = instance.run(&["keys", "rotate", "--master", "--config"]);
        done.store(true, Ordering::Relaxed);
        let (times, failed) = reader.join().map_err(|_| "the reader failed")?;
        result.map(|()| (times, failed, began.elapsed()))
    })?;
    let mut times = times;
    Ok(Rewrapping {
        keys_per_second: accounts as f64 / took.as_secs_f64(),
        requests: times.len(),
        failed,
        p99_milliseconds: percentile(&mut times, 99),
    })
}

/// One page after the other until told to stop.
fn read(instance: &Instance, request: &[u8], done: &AtomicBool) -> (Vec<f64>, usize) {
    let (mut times, mut failed) = (Vec::new(), 0);
    let mut connection = None;
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        let open = connection.take().map_or_else(|| Connection::open(instance.address), Ok);
        let asked = open.and_then(|mut open| {
            open.ask(request)?.expect(200)?;
            Ok(open)
        });
        failed += usize::from(asked.is_err());
        connection = asked.ok();
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        std::thread::sleep(Duration::from_millis(5));
    }
    (times, failed)
}
