//! SQLite's one writer. A durable commit costs more than most works, so that those share one who come at once: each has its turn inside a
//! savepoint of one transaction, which is committed for all of them, and nobody is answered before it is.
//!
//! Whoever finishes while others wait leaves the transaction to the next of them, and the first of them queues behind those who wait already: at
//! that turn it is committed. Whoever finishes while nobody waits commits at once. What goes wrong in one work is undone there and harms no other;
//! what goes wrong with the transaction has happened to nobody.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, SqlitePool};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::db::{ACQUIRE_TIMEOUT, DbError};

/// So many works share a commit at most: the first of them waits for the others.
const SHARED_MAX: usize = 16;

/// Gives turns. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    pool: SqlitePool,
    /// In the order of coming. Between two turns of one transaction it lies here.
    turn: Arc<Mutex<Option<Group>>>,
    waiting: Arc<AtomicUsize>,
    /// Outlives every request: somebody who goes away while others rely on their commit stops nothing.
    runtime: Handle,
}

/// A transaction under way, and who waits for its commit.
struct Group {
    connection: PoolConnection<Sqlite>,
    has_ended: bool,
    /// Whether the savepoint of the last one is open, for sure: not if somebody has gone away while they were let in.
    is_sure: bool,
    finished: Vec<oneshot::Sender<Result<(), DbError>>>,
}

/// A work's turn. Dropped without [`commit`](Turn::commit), it never happened.
pub struct Turn {
    /// Taken by what ends it.
    held: Option<Held>,
    writer: Writer,
}

struct Held {
    turn: OwnedMutexGuard<Option<Group>>,
    group: Group,
}

/// Counts somebody who waits, for as long as they do.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Writer {
    /// Inside a runtime that lasts as long as the database is used.
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool, turn: Arc::default(), waiting: Arc::default(), runtime: Handle::current() }
    }

    /// Waits for a turn; `PoolTimedOut` if others take too long.
    pub async fn begin(&self) -> Result<Turn, sqlx::Error> {
        loop {
            let waiting = Waiting::new(&self.waiting);
            let turn = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(&self.turn).lock_owned());
            let mut turn = turn.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
            drop(waiting);
            // It stays where it lies until nothing is waited for any more: whoever goes away here takes nothing along.
            let group = match turn.as_mut() {
                None => Some(Group::begin(&self.pool).await?),
                Some(group) => group.go_on().await.then(|| turn.take()).flatten(),
            };
            match group {
                Some(group) => return Ok(Turn { held: Some(Held { turn, group }), writer: self.clone() }),
                None => drop(self.runtime.spawn(commit(turn))),
            }
        }
    }

    /// Ends a turn that nothing is wrong with.
    fn finish(&self, Held { mut turn, mut group }: Held, told: oneshot::Sender<Result<(), DbError>>) {
        group.finished.push(told);
        let is_last = self.waiting.load(Ordering::Relaxed) == 0 || group.finished.len() == SHARED_MAX;
        let is_first = group.finished.len() == 1;
        *turn = Some(group);
        if is_last {
            self.runtime.spawn(commit(turn));
        } else if is_first {
            drop(turn);
            let turn = Arc::clone(&self.turn);
            self.runtime.spawn(async move { commit(turn.lock_owned().await).await });
        }
    }
}

impl Deref for Turn {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.held.as_ref().expect("only what ends a turn takes it").group.connection
    }
}

impl DerefMut for Turn {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.held.as_mut().expect("only what ends a turn takes it").group.connection
    }
}

impl Turn {
    /// Makes it last. Whoever does not wait for the answer does not know whether it has.
    pub async fn commit(mut self) -> Result<(), DbError> {
        let (told, outcome) = oneshot::channel();
        if let Some(held) = self.held.take() {
            self.writer.finish(held, told);
        }
        outcome.await.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.writer.runtime.spawn(undo(held));
        }
    }
}

/// Commits what lies there, if it has not been by then.
async fn commit(mut turn: OwnedMutexGuard<Option<Group>>) {
    if let Some(group) = turn.take() {
        group.commit().await;
    }
}

async fn undo(Held { mut turn, mut group }: Held) {
    if group.finished.is_empty() {
        return group.roll_back().await;
    }
    match group.run("ROLLBACK TO work").await {
        Ok(()) => *turn = Some(group),
        // After some failures SQLite has ended the whole transaction on its own: this tells.
        Err(error) => group.fail(error),
    }
}

impl Group {
    async fn begin(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        let connection = pool.acquire().await?;
        let mut group = Self { connection, has_ended: false, is_sure: true, finished: Vec::new() };
        group.run("BEGIN IMMEDIATE; SAVEPOINT work").await?;
        Ok(group)
    }

    /// Lets the next one in; `false` if it has to be committed instead, which may tell what is wrong with it.
    async fn go_on(&mut self) -> bool {
        self.is_sure = std::mem::take(&mut self.is_sure) && self.run("RELEASE work; SAVEPOINT work").await.is_ok();
        self.is_sure
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(&mut *self.connection).await.map(drop)
    }

    async fn commit(mut self) {
        match self.run("COMMIT").await {
            Ok(()) => {
                self.has_ended = true;
                self.tell(&Ok(()));
            }
            Err(error) => self.fail(error),
        }
    }

    async fn roll_back(mut self) {
        match self.run("ROLLBACK").await {
            Ok(()) => self.has_ended = true,
            Err(error) => self.fail(error),
        }
    }

    fn fail(mut self, error: sqlx::Error) {
        self.tell(&Err(error.into()));
    }

    fn tell(&mut self, outcome: &Result<(), DbError>) {
        for finished in self.finished.drain(..) {
            // Who has gone away does not want to know.
            drop(finished.send(outcome.clone()));
        }
    }
}

impl Drop for Group {
    /// What is unclear ends with its connection: the next transaction has another.
    fn drop(&mut self) {
        if !self.has_ended {
            self.connection.close_on_drop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::{FutureExt as _, join_all};
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

    use super::*;

    async fn writer(name: &str) -> Writer {
        let file = std::env::temp_dir().join(format!("nk_writer_{name}_{}", std::process::id()));
        drop(std::fs::remove_file(&file));
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let options = options.journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        sqlx::query("CREATE TABLE done (number INTEGER PRIMARY KEY)").execute(&pool).await.unwrap();
        Writer::new(pool)
    }

    async fn write(turn: &mut Turn, number: i64) {
        sqlx::query("INSERT INTO done (number) VALUES ($1)").bind(number).execute(&mut **turn).await.unwrap();
    }

    async fn done(writer: &Writer) -> Vec<i64> {
        sqlx::query_scalar("SELECT number FROM done ORDER BY number").fetch_all(&writer.pool).await.unwrap()
    }

    /// Lets everybody who has been spawned come as far as they get.
    async fn settle() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    #[tokio::test]
    async fn works_share_a_commit_and_one_that_is_given_up_harms_no_other() {
        let writer = writer("shared").await;
        let first = writer.begin().await.unwrap();
        let work = async |number: i64| {
            let mut turn = writer.begin().await.unwrap();
            write(&mut turn, number).await;
            // What is open now is open for all of them.
            let shared = turn.held.as_ref().unwrap().group.finished.len();
            if number % 3 == 0 {
                drop(turn);
            } else {
                turn.commit().await.unwrap();
            }
            shared
        };
        let (shared, ()) = tokio::join!(join_all((1..=9).map(work)), async {
            settle().await;
            drop(first);
        });
        assert_eq!(done(&writer).await, [1, 2, 4, 5, 7, 8]);
        assert_eq!(shared, [0, 1, 2, 2, 3, 4, 4, 5, 6]);
    }

    #[tokio::test]
    async fn nobody_is_answered_before_the_commit() {
        let writer = writer("answered").await;
        let mut first = writer.begin().await.unwrap();
        write(&mut first, 1).await;
        let second = tokio::spawn({
            let writer = writer.clone();
            async move { writer.begin().await.unwrap() }
        });
        settle().await;
        let first = tokio::spawn(first.commit());
        settle().await;
        assert!(!first.is_finished(), "the second has the turn, and nothing is durable");
        drop(second.await.unwrap());
        first.await.unwrap().unwrap();
        assert_eq!(done(&writer).await, [1]);
    }

    #[tokio::test]
    async fn what_goes_wrong_with_the_transaction_has_happened_to_nobody() {
        let writer = writer("wrong").await;
        for is_given_up in [true, false] {
            let mut first = writer.begin().await.unwrap();
            write(&mut first, 1).await;
            let second = tokio::spawn({
                let writer = writer.clone();
                async move { writer.begin().await.unwrap() }
            });
            settle().await;
            let first = tokio::spawn(first.commit());
            let mut second = second.await.unwrap();
            // As SQLite does by itself when a disk is full.
            sqlx::query("ROLLBACK").execute(&mut *second).await.unwrap();
            if is_given_up {
                drop(second);
            } else {
                second.commit().await.unwrap_err();
            }
            first.await.unwrap().unwrap_err();
            assert!(done(&writer).await.is_empty());
        }
        let mut next = writer.begin().await.unwrap();
        write(&mut next, 2).await;
        next.commit().await.unwrap();
        assert_eq!(done(&writer).await, [2]);
    }

    /// Three who come one behind the other, and what happens to the transaction in the second's turn; what they are told.
    async fn third(writer: &Writer, spoil: impl AsyncFnOnce(&mut Turn)) -> [Result<(), DbError>; 3] {
        let mut first = writer.begin().await.unwrap();
        write(&mut first, 1).await;
        let next = || {
            let writer = writer.clone();
            tokio::spawn(async move { writer.begin().await.unwrap() })
        };
        let (second, third) = (next(), next());
        settle().await;
        let first = tokio::spawn(first.commit());
        let mut second = second.await.unwrap();
        write(&mut second, 2).await;
        spoil(&mut second).await;
        let second = tokio::spawn(second.commit());
        let mut third = third.await.unwrap();
        write(&mut third, 3).await;
        let third = third.commit().await;
        [first.await.unwrap(), second.await.unwrap(), third]
    }

    #[tokio::test]
    async fn whoever_comes_behind_a_transaction_that_is_lost_has_another() {
        let writer = writer("behind").await;
        let spoil = async |turn: &mut Turn| {
            sqlx::query("ROLLBACK").execute(&mut **turn).await.unwrap();
        };
        let [first, second, third] = third(&writer, spoil).await;
        assert!(first.is_err() && second.is_err() && third.is_ok(), "{first:?} {second:?} {third:?}");
        assert_eq!(done(&writer).await, [3]);
    }

    #[tokio::test]
    async fn what_is_not_known_of_a_transaction_ends_it() {
        let writer = writer("unsure").await;
        let spoil = async |turn: &mut Turn| turn.held.as_mut().unwrap().group.is_sure = false;
        for outcome in third(&writer, spoil).await {
            outcome.unwrap();
        }
        assert_eq!(done(&writer).await, [1, 2, 3]);
        let mut next = writer.begin().await.unwrap();
        write(&mut next, 4).await;
        next.commit().await.unwrap();
        assert_eq!(done(&writer).await, [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn whoever_goes_away_leaves_nothing_behind_and_nobody_waiting() {
        let writer = writer("away").await;
        let first = writer.begin().await.unwrap();
        let given_up: Vec<_> = (0..3)
            .map(|_| {
                let writer = writer.clone();
                tokio::spawn(async move { writer.begin().await.map(drop) })
            })
            .collect();
        settle().await;
        given_up.iter().for_each(tokio::task::JoinHandle::abort);
        // The answer is not waited for, either.
        assert!(first.commit().now_or_never().is_none());
        let mut next = writer.begin().await.unwrap();
        write(&mut next, 1).await;
        next.commit().await.unwrap();
        assert_eq!((done(&writer).await, writer.waiting.load(Ordering::Relaxed)), (vec![1], 0));
    }
}
