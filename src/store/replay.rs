//! Assertions that count once, on all nodes and after every restart (RFC 7523 section 3, jti), for requests that write
//! nothing else: they share a commit instead of making one each.
//!
//! Whoever presents an assertion waits in a queue. While one commit is under way, and two milliseconds from its beginning,
//! the next batch gathers; each is one statement, durable before anybody in it is answered. What is unclear counts as used:
//! who does not wait for the answer, or gets none, has to sign another assertion.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::db::{Db, DbError, Tx};
use super::work::Work;
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::time::Timestamp;
use crate::sql;

/// Beyond this nobody may wait.
pub const QUEUE_MAX: usize = 1024;
const BATCH_MAX: usize = 128;
/// From the beginning of one commit to that of the next at least: a commit costs more processor time than five signatures, so
/// that under load fewer and fuller ones let more through. Whoever comes alone does not wait.
const SPACING: Duration = Duration::from_millis(2);
/// Longer than the database takes to answer or to refuse.
const PATIENCE: Duration = Duration::from_secs(8);
const RETRY_AFTER_SECONDS: u64 = 1;

/// What is remembered of an assertion.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Assertion {
    pub client: ClientId,
    pub jti_hash: [u8; 32],
}

struct Waiting {
    assertion: Assertion,
    expires_at: Timestamp,
    answer: oneshot::Sender<Result<bool, String>>,
}

/// The queue of this process. It ends with the value.
pub struct Replay(mpsc::Sender<Waiting>);

impl Replay {
    pub fn start(db: Db) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(work(db, queue));
        Self(sender)
    }

    /// How many wait that are in no batch yet.
    pub fn waiting(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }

    /// Whether the assertion was here for the first time. Who gets an error instead cannot know whether it counts as used.
    pub async fn spend(&self, assertion: Assertion, expires_at: Timestamp) -> Result<bool, Error> {
        let busy = Error::Busy { retry_after_seconds: RETRY_AFTER_SECONDS };
        let (answer, answered) = oneshot::channel();
        match self.0.try_send(Waiting { assertion, expires_at, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(busy),
            Err(TrySendError::Closed(_)) => return Err(Error::broken("nobody records assertions")),
        }
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(fresh)) => fresh.map_err(Error::Broken),
            Ok(Err(_)) => Err(Error::broken("an assertion got no answer")),
            Err(_) => Err(busy),
        }
    }
}

async fn work(db: Db, mut queue: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut pace = tokio::time::interval(SPACING);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
        pace.tick().await;
        while batch.len() < BATCH_MAX
            && let Ok(waiting) = queue.try_recv()
        {
            batch.push(waiting);
        }
        // Nobody is left to answer: the assertion was not used.
        batch.retain(|waiting: &Waiting| !waiting.answer.is_closed());
        let mut recorded = record(&db, &batch).await.map_err(|error| error.to_string());
        for Waiting { assertion, answer, .. } in batch.drain(..) {
            // Of the same assertion twice in one batch, one was inserted.
            let fresh = recorded.as_mut().map(|fresh| fresh.remove(&assertion)).map_err(|error| error.clone());
            drop(answer.send(fresh));
        }
    }
}

/// Makes a batch last; which of it was not there before.
async fn record(db: &Db, batch: &[Waiting]) -> Result<HashSet<Assertion>, DbError> {
    let Some(expires_at) = batch.iter().map(|waiting| waiting.expires_at).max() else { return Ok(HashSet::new()) };
    let assertions: HashSet<_> = batch.iter().map(|waiting| waiting.assertion.clone()).collect();
    let packed = Packed::new(&assertions, expires_at);
    let mut tx = db.single().await?;
    // Nearly always all of them are new, and then no row has to come back.
    let fresh = match insert_new(&mut tx, &packed).await {
        Ok(_) => assertions,
        Err(error) if error.is_conflict() => {
            let assertion =
                |row: Inserted| Some(Assertion { client: row.client_id, jti_hash: row.jti_hash.try_into().ok()? });
            insert_missing(&mut tx, &packed).await?.into_iter().filter_map(assertion).collect()
        }
        Err(error) => return Err(error),
    };
    db.commit(tx).await?;
    Ok(fresh)
}

/// Many assertions in one statement on either database.
struct Packed {
    count: i64,
    /// The clients' ids, each filled up with spaces to `width` letters.
    clients: String,
    width: i64,
    /// 32 bytes each.
    hashes: Vec<u8>,
    /// Of the one that expires last: the others are remembered a little longer than they must be.
    expires_at: Timestamp,
}

impl Packed {
    fn new(assertions: &HashSet<Assertion>, expires_at: Timestamp) -> Self {
        let width = assertions.iter().map(|assertion| assertion.client.0.chars().count()).max().unwrap_or_default();
        let (mut clients, mut hashes) = (String::new(), Vec::with_capacity(32 * assertions.len()));
        for Assertion { client, jti_hash } in assertions {
            clients.push_str(&format!("{:width$}", client.0));
            hashes.extend_from_slice(jti_hash);
        }
        Self { count: assertions.len() as i64, clients, width: width as i64, hashes, expires_at }
    }
}

#[derive(sqlx::FromRow)]
struct Inserted {
    client_id: ClientId,
    jti_hash: Vec<u8>,
}

/// In the order of the key, so that two nodes with the same assertions wait for each other instead of blocking each other.
/// A conflict if one of them is there, and then none is inserted.
async fn insert_new(tx: &mut Tx, packed: &Packed) -> Result<u64, DbError> {
    // The COALESCE tells PostgreSQL which type $4 has; CAST to BYTEA means a number to SQLite.
    sql!(
        tx,
        execute,
        "INSERT INTO client_assertion (client_id, jti_hash, expires_at)
         SELECT RTRIM(SUBSTR(CAST($2 AS TEXT), CAST(i * $3 + 1 AS INTEGER), CAST($3 AS INTEGER))),
                SUBSTR(COALESCE((SELECT jti_hash FROM client_assertion WHERE FALSE), $4), CAST(i * 32 + 1 AS INTEGER), 32),
                $5
           FROM (WITH RECURSIVE place(i) AS (
                     SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM place WHERE i + 1 < $1)
                 SELECT i FROM place) AS place
          ORDER BY 1, 2",
        packed.count,
        &packed.clients,
        packed.width,
        &packed.hashes,
        packed.expires_at
    )
}

/// As [`insert_new`], of those that are not there; returns them.
async fn insert_missing(tx: &mut Tx, packed: &Packed) -> Result<Vec<Inserted>, DbError> {
    // The WHERE keeps SQLite from reading ON CONFLICT as the condition of a join.
    sql!(tx, fetch_all Inserted,
        "INSERT INTO client_assertion (client_id, jti_hash, expires_at)
         SELECT RTRIM(SUBSTR(CAST($2 AS TEXT), CAST(i * $3 + 1 AS INTEGER), CAST($3 AS INTEGER))),
                SUBSTR(COALESCE((SELECT jti_hash FROM client_assertion WHERE FALSE), $4), CAST(i * 32 + 1 AS INTEGER), 32),
                $5
           FROM (WITH RECURSIVE place(i) AS (
                     SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM place WHERE i + 1 < $1)
                 SELECT i FROM place) AS place
          WHERE TRUE ORDER BY 1, 2
             ON CONFLICT (client_id, jti_hash) DO NOTHING
      RETURNING client_id, jti_hash",
        packed.count, &packed.clients, packed.width, &packed.hashes, packed.expires_at)
}

/// The same for one assertion in the transaction of what it is presented for; `false` if it has been here before.
pub async fn insert(work: &mut Work, assertion: &Assertion, expires_at: Timestamp) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO client_assertion (client_id, jti_hash, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (client_id, jti_hash) DO NOTHING",
        &assertion.client,
        &assertion.jti_hash[..],
        expires_at
    )?;
    Ok(rows == 1)
}
