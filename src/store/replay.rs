//! Assertions and proofs that count once, on all nodes and after every restart (RFC 7523 section 3, RFC 9449 section 11.1;
//! jti), for requests that write nothing else: they share a commit instead of making one each.
//!
//! Whoever presents one waits in a queue. While one commit is under way, and two milliseconds from its beginning, the next
//! batch gathers; each is one statement, durable before anybody in it is answered. What is unclear counts as used: who does
//! not wait for the answer, or gets none, has to sign another.
//!
//! What has to be remembered stays bounded: whoever may leave something here has so many in ten minutes, on each node.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::db::{Db, DbError, Tx};
use super::work::Work;
use crate::kernel::error::Error;
use crate::kernel::secret::sha256;
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
/// About as long as a signed text is remembered.
const WINDOW_SECONDS: i64 = 600;

/// What is remembered of a signed text that counts once: its id, and whose that is.
#[derive(Clone, Copy, Debug)]
pub struct Once {
    hash: [u8; 32],
    /// Until when it would be believed.
    expires_at: Timestamp,
}

impl Once {
    /// `by` is among whose texts this `jti` is the only one: nobody can use up what another would send.
    pub fn new(by: &str, jti: &str, expires_at: Timestamp) -> Self {
        Self { hash: sha256(format!("{by} {jti}").as_bytes()), expires_at }
    }
}

struct Waiting {
    once: Once,
    answer: oneshot::Sender<Result<bool, String>>,
}

/// How many texts each one has used since the window began: those that have proven who they are, so that nobody uses up what
/// another may use.
#[derive(Default)]
struct Window {
    number: i64,
    used: HashMap<String, u32>,
}

/// The queue of this process. It ends with the value.
pub struct Replay {
    queue: mpsc::Sender<Waiting>,
    window: Mutex<Window>,
    most: u32,
}

impl Replay {
    /// `most` is how many texts one client or one grant may use in ten minutes.
    pub fn start(db: Db, most: u32) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(work(db, queue));
        Self { queue: sender, window: Mutex::default(), most }
    }

    /// How many wait that are in no batch yet.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Counts texts of a client or a grant before they are spent. `TooMany` if they would be more than it may use; other
    /// clients and grants do not feel it.
    pub fn admit(&self, owner: &str, texts: u32, now: Timestamp) -> Result<(), Error> {
        let number = now.seconds().div_euclid(WINDOW_SECONDS);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.number != number {
            *window = Window { number, used: HashMap::new() };
        }
        let used = window.used.get(owner).copied().unwrap_or_default().saturating_add(texts);
        if used > self.most {
            return Err(Error::TooMany(Timestamp::from_seconds((number + 1) * WINDOW_SECONDS)));
        }
        window.used.insert(owner.to_owned(), used);
        Ok(())
    }

    /// Whether the assertion was here for the first time. Who gets an error instead cannot know whether it counts as used.
    pub async fn spend(&self, once: Once) -> Result<bool, Error> {
        let busy = Error::Busy { retry_after_seconds: RETRY_AFTER_SECONDS };
        let (answer, answered) = oneshot::channel();
        match self.queue.try_send(Waiting { once, answer }) {
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
        for Waiting { once, answer } in batch.drain(..) {
            // Of the same assertion twice in one batch, one was inserted.
            let fresh = recorded.as_mut().map(|fresh| fresh.remove(&once.hash)).map_err(|error| error.clone());
            drop(answer.send(fresh));
        }
    }
}

/// Makes a batch last; which ids of it were not there before. Of the one that expires last goes the time for all: the others
/// are remembered a little longer than they must be.
async fn record(db: &Db, batch: &[Waiting]) -> Result<HashSet<[u8; 32]>, DbError> {
    let Some(expires_at) = batch.iter().map(|waiting| waiting.once.expires_at).max() else { return Ok(HashSet::new()) };
    let hashes: Vec<u8> = batch.iter().flat_map(|waiting| waiting.once.hash).collect();
    let mut tx = db.single().await?;
    let rows = insert_all(&mut tx, batch.len() as i64, &hashes, expires_at).await?;
    db.commit(tx).await?;
    Ok(rows.into_iter().filter_map(|row| row.hash.try_into().ok()).collect())
}

#[derive(sqlx::FromRow)]
struct Inserted {
    hash: Vec<u8>,
}

/// Many in one statement on either database, 32 bytes each. In the order of the key, so that two nodes with the same ones wait
/// for each other instead of blocking each other.
async fn insert_all(tx: &mut Tx, count: i64, hashes: &[u8], expires_at: Timestamp) -> Result<Vec<Inserted>, DbError> {
    // The COALESCE tells PostgreSQL which type $2 has; CAST to BYTEA means a number to SQLite. The WHERE keeps SQLite from
    // reading ON CONFLICT as the condition of a join.
    sql!(tx, fetch_all Inserted,
        "INSERT INTO spent_token (hash, expires_at)
         SELECT SUBSTR(COALESCE((SELECT hash FROM spent_token WHERE FALSE), $2), CAST(i * 32 + 1 AS INTEGER), 32), $3
           FROM (WITH RECURSIVE place(i) AS (
                     SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM place WHERE i + 1 < $1)
                 SELECT i FROM place) AS place
          WHERE TRUE ORDER BY 1
             ON CONFLICT (hash) DO NOTHING
      RETURNING hash",
        count, hashes, expires_at)
}

/// The same for two in the transaction of what they are presented for; which of them have not been here before.
pub async fn insert_two(work: &mut Work, [one, other]: [&Once; 2]) -> Result<[bool; 2], DbError> {
    let (first, second) = if one.hash < other.hash { (one, other) } else { (other, one) };
    let rows = sql!(
        &mut work.tx,
        fetch_all Inserted,
        "INSERT INTO spent_token (hash, expires_at) VALUES ($1, $2), ($3, $4)
             ON CONFLICT (hash) DO NOTHING RETURNING hash",
        &first.hash[..],
        first.expires_at,
        &second.hash[..],
        second.expires_at
    )?;
    let is_new = |once: &Once| rows.iter().any(|row| row.hash == once.hash);
    Ok([is_new(one), is_new(other)])
}

/// The same for one in the transaction of what it is presented for; `false` if it has been here before.
pub async fn insert(work: &mut Work, once: &Once) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO spent_token (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING",
        &once.hash[..],
        once.expires_at
    )?;
    Ok(rows == 1)
}
