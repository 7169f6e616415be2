//! The outbox: jobs written in the transaction that causes them, done afterwards by any node.
//!
//! At least once: a job is claimed for a while, retried with growing pauses, and given up visibly.

use std::time::Duration;

use crate::kernel::error::Error;
use crate::kernel::id::JobId;
use crate::kernel::mail::NotSent;
use crate::kernel::seal::{Place, Vault};
use crate::kernel::time::Timestamp;
use crate::sql;

use super::db::{Db, DbError};
use super::work::Work;

/// How long a node may keep a job before another takes it over.
const CLAIM: Duration = Duration::from_secs(60);
const ATTEMPTS_MAX: i64 = 12;

/// Two ways side by side, so that no mail waits for a service that answers slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Lane {
    /// What we do, and what our mail server takes.
    Own,
    /// What is sent to the programs of others.
    Services,
}

/// A job that this node holds until its claim ends.
pub struct Job {
    pub id: JobId,
    pub kind: String,
    /// This one included.
    pub attempts: i64,
    pub created_at: Timestamp,
    payload: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct JobRow {
    id: JobId,
    kind: String,
    attempts: i64,
    created_at: Timestamp,
    payload: Vec<u8>,
}

fn place(id: &JobId) -> Place<'_> {
    Place { table: "outbox", column: "payload", row: id.as_str(), version: 1 }
}

/// Puts a job into the work's transaction. The payload is sealed; it may name a person.
pub async fn put(work: &mut Work, vault: &Vault, kind: &'static str, payload: &[u8]) -> Result<(), Error> {
    let id = JobId::new(work.now, &work.random);
    put_as(work, vault, &id, (Lane::Own, kind), payload).await
}

/// As [`put`], for a job whose id stands in another row as well.
pub async fn put_as(
    work: &mut Work,
    vault: &Vault,
    id: &JobId,
    kind: (Lane, &'static str),
    payload: &[u8],
) -> Result<(), Error> {
    let sealed = vault.system.seal(place(id), payload, &work.random).map_err(Error::broken)?;
    insert(work, id, kind, &sealed).await
}

/// As [`put`], for a payload that names nobody and needs no seal; [`Job::plain`] reads it.
pub async fn put_plain(work: &mut Work, kind: (Lane, &'static str), payload: &[u8]) -> Result<(), Error> {
    let id = JobId::new(work.now, &work.random);
    insert(work, &id, kind, payload).await
}

async fn insert(work: &mut Work, id: &JobId, (lane, kind): (Lane, &str), payload: &[u8]) -> Result<(), Error> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO outbox (id, kind, payload, attempts, due_at, created_at, lane) VALUES ($1, $2, $3, 0, $4, $4, $5)",
        id,
        kind,
        payload,
        work.now,
        lane
    )?;
    Ok(())
}

/// Takes up to `limit` due jobs for this node: as many as it begins at once, so that none waits while it is claimed.
pub async fn claim(db: &Db, now: Timestamp, lane: Lane, limit: usize) -> Result<Vec<Job>, DbError> {
    if !any_due(db, now, lane).await? {
        return Ok(Vec::new());
    }
    let mut tx = db.begin().await?;
    let mut rows = sql!(&mut tx, fetch_all JobRow,
        "UPDATE outbox SET due_at = $2, attempts = attempts + 1
          WHERE due_at <= $1 AND given_up_at IS NULL
            AND id IN (SELECT id FROM outbox WHERE lane = $3 AND due_at <= $1 AND given_up_at IS NULL
                        ORDER BY due_at, id LIMIT $4)
      RETURNING id, kind, attempts, created_at, payload", now, now.plus(CLAIM), lane, limit as i64)?;
    db.commit(tx).await?;
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    let job = |row: JobRow| {
        let JobRow { id, kind, attempts, created_at, payload } = row;
        Job { id, kind, attempts, created_at, payload }
    };
    Ok(rows.into_iter().map(job).collect())
}

#[derive(sqlx::FromRow)]
struct Found {
    #[expect(dead_code, reason = "only its presence counts")]
    found: i64,
}

async fn any_due(db: &Db, now: Timestamp, lane: Lane) -> Result<bool, DbError> {
    let mut tx = db.read().await?;
    let found = sql!(&mut tx, fetch_optional Found,
        "SELECT CAST(1 AS BIGINT) AS found FROM outbox
          WHERE lane = $2 AND due_at <= $1 AND given_up_at IS NULL LIMIT 1", now, lane)?;
    Ok(found.is_some())
}

impl Job {
    pub fn plain(&self) -> &[u8] {
        &self.payload
    }

    pub fn payload(&self, vault: &Vault) -> Result<Vec<u8>, Error> {
        let plain = vault.system.open(place(&self.id), &self.payload).map_err(Error::broken)?;
        Ok(plain.expose().clone())
    }
}

/// What a try has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried<'a> {
    Done,
    /// Not done for this reason; it is tried again.
    Again(&'a str),
    /// Not done, and not tried any more.
    GivenUp(&'a str),
}

/// Ends a job that is done: nothing of it remains. One that failed is due again after a pause that doubles up to two hours,
/// or never again after twelve attempts or if that could not help; then it keeps its row and reason, without the payload.
pub async fn conclude<'a>(work: &mut Work, job: &Job, result: &'a Result<(), NotSent>) -> Result<Tried<'a>, DbError> {
    let Err(NotSent { reason, is_final }) = result else {
        sql!(&mut work.tx, later, "DELETE FROM outbox WHERE id = $1", &job.id)?;
        return Ok(Tried::Done);
    };
    if *is_final || job.attempts >= ATTEMPTS_MAX {
        give_up(work, job, reason).await?;
        return Ok(Tried::GivenUp(reason));
    }
    let doublings = u32::try_from(job.attempts).unwrap_or(0).min(10);
    let pause = Duration::from_secs(10 * 2_u64.pow(doublings)).min(Duration::from_secs(7200));
    sql!(
        &mut work.tx,
        later,
        "UPDATE outbox SET due_at = $2, failure = $3 WHERE id = $1",
        &job.id,
        work.now.plus(pause),
        reason
    )?;
    Ok(Tried::Again(reason))
}

async fn give_up(work: &mut Work, job: &Job, reason: &str) -> Result<(), DbError> {
    let nothing: &[u8] = &[];
    sql!(
        &mut work.tx,
        later,
        "UPDATE outbox SET given_up_at = $2, failure = $3, payload = $4 WHERE id = $1",
        &job.id,
        work.now,
        reason,
        nothing
    )
}
