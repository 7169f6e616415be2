//! What the machine can do without us: hashes, signatures, sealing, durable commits, an empty HTTP server.

use std::net::SocketAddr;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use actix_web::{App as ActixApp, HttpResponse, HttpServer, web};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use nutzerkonto::kernel::random::Random;
use nutzerkonto::kernel::seal::{DataKey, Place};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::http::{Failure, Outcome};

/// Threads of everything that computes, and workers of every server.
pub const THREADS: usize = 2;
/// Connections that PostgreSQL gets from the product for writing, by its default.
const POSTGRES_WRITERS: u32 = 16;
/// The length of a token that is signed.
const TOKEN: [u8; 700] = [b'x'; 700];

/// Runs `act` on all threads until the time is over; how often per second all together. `prepare` makes what
/// one thread keeps.
pub fn per_second<S, P, A>(duration: Duration, prepare: P, act: A) -> Outcome<f64>
where
    P: Fn() -> Outcome<S> + Sync,
    A: Fn(&mut S) -> Outcome<()> + Sync,
{
    std::thread::scope(|scope| {
        let work = || {
            let mut kept = prepare()?;
            act(&mut kept)?;
            let (began, mut count) = (Instant::now(), 0_u64);
            while began.elapsed() < duration {
                act(&mut kept)?;
                count += 1;
            }
            Ok::<f64, Failure>(count as f64 / began.elapsed().as_secs_f64())
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| Failure::from("a thread failed"))?).sum()
    })
}

/// Argon2id as the product hashes by default, each thread with memory of its own that it keeps.
pub fn argon2(duration: Duration) -> Outcome<f64> {
    let text = |error: &dyn std::fmt::Display| Failure::from(error.to_string());
    let prepare = || Ok(vec![Block::new(); 19 * 1024]);
    per_second(duration, prepare, |memory| {
        let params = Params::new(19 * 1024, 2, 1, Some(32)).map_err(|error| text(&error))?;
        let argon2 = Argon2::new_with_secret(&[7; 32], Algorithm::Argon2id, Version::V0x13, params);
        let argon2 = argon2.map_err(|error| text(&error))?;
        let mut tag = [0; 32];
        argon2
            .hash_password_into_with_memory(b"wolke-gondel-tisch-42", &[3; 16], &mut tag, memory)
            .map_err(|error| text(&error))
    })
}

pub fn es256(duration: Duration) -> Outcome<f64> {
    let random = SystemRandom::new();
    let prepare = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| "no key".into());
    per_second(duration, prepare, |key| key.sign(&random, &TOKEN).map(drop).map_err(|_| "no signature".into()))
}

pub fn es256_verify(duration: Duration) -> Outcome<f64> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| "no key")?;
    let signature = pair.sign(&SystemRandom::new(), &TOKEN).map_err(|_| "no signature")?;
    let prepare = || {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
            .map_err(|_| "not a public key".into())
    };
    per_second(duration, prepare, |key| key.verify_sig(&TOKEN, signature.as_ref()).map_err(|_| "wrong".into()))
}

pub fn rs256(duration: Duration) -> Outcome<f64> {
    let random = SystemRandom::new();
    let prepare = || RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).map_err(|_| "no key".into());
    per_second(duration, prepare, |key| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &random, &TOKEN, &mut signature).map_err(|_| "no signature".into())
    })
}

const PLACE: Place<'_> = Place { table: "attribute", column: "family_name", row: "acc_0123456789", version: 1 };

pub fn seal(duration: Duration) -> Outcome<f64> {
    let key = DataKey::random(&Random::System);
    per_second(duration, || Ok(()), |()| key.seal(PLACE, b"Beispiel", &Random::System).map(drop).map_err(Failure::from))
}

/// One seal over so many bytes.
pub fn seal_long(duration: Duration, bytes: usize) -> Outcome<f64> {
    let (key, text) = (DataKey::random(&Random::System), vec![b'x'; bytes]);
    per_second(duration, || Ok(()), |()| key.seal(PLACE, &text, &Random::System).map(drop).map_err(Failure::from))
}

pub fn open(duration: Duration) -> Outcome<f64> {
    let key = DataKey::random(&Random::System);
    let sealed = key.seal(PLACE, b"Beispiel", &Random::System)?;
    per_second(duration, || Ok(()), |()| key.open(PLACE, &sealed).map(drop).map_err(Failure::from))
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS bench (hash BYTEA NOT NULL PRIMARY KEY, owner TEXT NOT NULL, \
                      detail TEXT NOT NULL, at BIGINT NOT NULL)";
const INSERT: &str = "INSERT INTO bench (hash, owner, detail, at) VALUES ($1, $2, $3, $4)";
const DETAIL: &str = r#"{"scope":"openid profile email","redirect_uri":"https://service.example/rueckkehr"}"#;

/// Durable commits of one row each, on SQLite with the settings of the product: one writer.
pub async fn sqlite_commits(file: &std::path::Path, duration: Duration) -> Outcome<f64> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).connect_with(options).await?;
    sqlx::query(CREATE).execute(&pool).await?;
    let (began, mut count) = (Instant::now(), 0_u64);
    while began.elapsed() < duration {
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        let hash = Random::System.bytes::<32>();
        let insert = sqlx::query(INSERT).bind(hash.as_slice()).bind("acc_0123456789").bind(DETAIL).bind(count as i64);
        insert.execute(&mut *transaction).await?;
        transaction.commit().await?;
        count += 1;
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    pool.close().await;
    Ok(rate)
}

/// The same on PostgreSQL, with as many writers as the product has by default.
pub async fn postgres_commits(url: &str, duration: Duration) -> Outcome<f64> {
    let options = sqlx::postgres::PgConnectOptions::from_str(url)?;
    let pool = PgPoolOptions::new().max_connections(POSTGRES_WRITERS).test_before_acquire(false);
    let pool = pool.connect_with(options).await?;
    sqlx::query(CREATE).execute(&pool).await?;
    let began = Instant::now();
    let writers = (0..POSTGRES_WRITERS).map(|_| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut count = 0_u64;
            while began.elapsed() < duration {
                let mut transaction = pool.begin().await?;
                let hash = Random::System.bytes::<32>();
                let insert = sqlx::query(INSERT).bind(hash.as_slice()).bind("acc_0123456789").bind(DETAIL);
                insert.bind(count as i64).execute(&mut *transaction).await?;
                transaction.commit().await?;
                count += 1;
            }
            Ok::<u64, sqlx::Error>(count)
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut count = 0;
    for writer in writers {
        count += writer.await??;
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    pool.close().await;
    Ok(rate)
}

/// The bare handler: the product's HTTP server, its number of workers, an answer of the given length, nothing else.
pub async fn serve(address: SocketAddr, length: usize) -> Outcome<()> {
    let server = HttpServer::new(move || {
        let body = web::Bytes::from(vec![b'x'; length]);
        let answer = move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body) }
        };
        let posted = answer.clone();
        // A form is read, or the connection could not be used again.
        let post = web::post().to(move |_: web::Bytes| posted());
        ActixApp::new().route("/oauth2/token", post).default_service(web::to(answer))
    });
    Ok(server.workers(THREADS).keep_alive(Duration::from_secs(30)).bind(address)?.run().await?)
}
