//! The only file that knows two databases.
//!
//! SQLite has one writing connection ([`writer`](super::writer)) and several read-only ones; PostgreSQL has a pool whose sessions have
//! time limits and a second, read-only one. A statement is written once, through [`sql!`](crate::sql).

use std::ops::DerefMut;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Executor, IntoArguments, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::changes::Changes;
use super::later::{Form, Later};
use super::writer::{Turn, Writer};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// SQLite before 3.51.3 can corrupt its write-ahead log.
const SQLITE_MINIMUM: (u32, u32, u32) = (3, 51, 3);
/// Statements that a connection keeps compiled, nearly all that there are: compiling one takes longer than running it.
const STATEMENTS_MAX: usize = 512;
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const RETRY_AFTER_SECONDS: u64 = 2;

#[derive(Clone, Debug, thiserror::Error)]
#[error("database: {0}")]
pub struct DbError(Arc<sqlx::Error>);

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl DbError {
    /// Whether a uniqueness rule refused the row: somebody else was first.
    pub fn is_conflict(&self) -> bool {
        matches!(&*self.0, sqlx::Error::Database(error) if error.is_unique_violation())
    }

    /// Whether others were in the way for too long. Nothing has happened: the database has taken the transaction back.
    fn is_in_each_others_way(&self) -> bool {
        match &*self.0 {
            sqlx::Error::PoolTimedOut => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| IN_EACH_OTHERS_WAY.contains(&&*code)),
            _ => false,
        }
    }
}

/// PostgreSQL: `serialization_failure`, `deadlock_detected`, `lock_not_available`, `query_canceled`. SQLite: `SQLITE_BUSY`,
/// another process writes.
const IN_EACH_OTHERS_WAY: [&str; 5] = ["40001", "40P01", "55P03", "57014", "5"];

impl From<DbError> for crate::kernel::error::Error {
    /// Whoever could not get through in time may come again: there is too much at once, nothing is broken.
    fn from(error: DbError) -> Self {
        if !error.is_in_each_others_way() {
            return Self::broken(error);
        }
        tracing::warn!("{error}");
        Self::Busy { retry_after_seconds: RETRY_AFTER_SECONDS }
    }
}

#[derive(Clone)]
enum Pools {
    Sqlite { write: SqlitePool, writer: Writer, read: SqlitePool },
    Postgres { write: PgPool, read: PgPool },
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    commits: Arc<AtomicU64>,
    statements: Arc<AtomicU64>,
    /// What has changed through this node.
    pub changes: Arc<Changes>,
}

/// A connection: inside a transaction that may write, or read-only, where every statement stands alone.
pub enum Tx {
    Sqlite(Connection<Sqlite>),
    Postgres(Connection<Postgres>),
}

/// How a database writes.
pub trait Engine: sqlx::Database {
    /// A transaction of it, with the connection.
    type Writing: DerefMut<Target = Self::Connection> + Send;
    /// How it takes several statements at once.
    const FORM: Form;
}

impl Engine for Sqlite {
    type Writing = Turn;
    const FORM: Form = Form::Sequence;
}

impl Engine for Postgres {
    type Writing = Transaction<'static, Self>;
    const FORM: Form = Form::Parts;
}

/// A connection, and who counts what is asked through it.
pub struct Connection<D: Engine> {
    kind: Kind<D>,
    later: Later<D::Arguments>,
    statements: Arc<AtomicU64>,
}

enum Kind<D: Engine> {
    Writing(D::Writing),
    /// One statement that writes and commits itself.
    Single(PoolConnection<D>),
    Reading(PoolConnection<D>),
}

impl<D: Engine> Connection<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    D::Arguments: IntoArguments<D>,
{
    /// Puts a statement off until the next one is sent, or the commit. Outside a transaction it is sent at once.
    pub async fn put_off(
        &mut self,
        text: &'static str,
        bind: impl FnOnce(&mut D::Arguments) -> Result<(), BoxDynError>,
    ) -> Result<(), sqlx::Error> {
        if !self.later.takes(text) {
            self.send().await?;
        }
        self.later.put(text, bind)?;
        if matches!(self.kind, Kind::Writing(_)) { Ok(()) } else { self.send().await }
    }

    /// Sends what has been put off.
    async fn send(&mut self) -> Result<(), sqlx::Error> {
        if self.later.is_empty() {
            return Ok(());
        }
        let (text, arguments) = self.later.take(D::FORM)?;
        // Made of nothing but texts that stand in the source.
        Box::pin(sqlx::query_with::<D, _>(AssertSqlSafe(text), arguments).execute(self.get())).await.map(drop)
    }
}

impl<D: Engine> Connection<D> {
    fn get(&mut self) -> &mut D::Connection {
        self.statements.fetch_add(1, Ordering::Relaxed);
        match &mut self.kind {
            Kind::Writing(transaction) => &mut *transaction,
            Kind::Single(connection) | Kind::Reading(connection) => connection.deref_mut(),
        }
    }
}

impl Db {
    /// Opens `sqlite:<file>` or `postgres://...` and brings the schema up to date.
    ///
    /// Refuses a SQLite library that is too old and a schema that is newer than this program.
    pub async fn open(url: &str, connections_max: u32) -> Result<Self, String> {
        let pools = match url.strip_prefix("sqlite:") {
            Some(file) => open_sqlite(Path::new(file)).await,
            None => open_postgres(url, connections_max).await,
        };
        let pools = pools.map_err(|error| format!("the database cannot be opened: {error}"))?;
        let db = Self { pools, commits: Arc::default(), statements: Arc::default(), changes: Arc::default() };
        db.check_version().await?;
        db.migrate().await?;
        Ok(db)
    }

    async fn check_version(&self) -> Result<(), String> {
        let Pools::Sqlite { read, .. } = &self.pools else { return Ok(()) };
        let version: String =
            sqlx::query_scalar("SELECT sqlite_version()").fetch_one(read).await.map_err(|error| error.to_string())?;
        let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        if (next(), next(), next()) < SQLITE_MINIMUM {
            return Err(format!("SQLite {version} is too old: before 3.51.3 it can corrupt its write-ahead log"));
        }
        Ok(())
    }

    async fn migrate(&self) -> Result<(), String> {
        let result = match &self.pools {
            Pools::Sqlite { write, .. } => MIGRATIONS.run(write).await,
            Pools::Postgres { write, .. } => MIGRATIONS.run(write).await,
        };
        result.map_err(|error| match error {
            MigrateError::VersionMissing(version) => {
                format!("the schema (migration {version}) is newer than this program: start the newer program")
            }
            error => format!("the schema cannot be brought up to date: {error}"),
        })
    }

    fn connection<D: Engine>(&self, kind: Kind<D>) -> Connection<D> {
        Connection { kind, later: Later::default(), statements: Arc::clone(&self.statements) }
    }

    /// Begins a transaction that may write. On SQLite the only one at its time.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        Ok(match &self.pools {
            Pools::Sqlite { writer, .. } => Tx::Sqlite(self.connection(Kind::Writing(writer.begin().await?))),
            Pools::Postgres { write, .. } => Tx::Postgres(self.connection(Kind::Writing(write.begin().await?))),
        })
    }

    /// A connection for one statement that writes and commits itself: without two of the three ways to the database.
    pub async fn single(&self) -> Result<Tx, DbError> {
        Ok(match &self.pools {
            Pools::Sqlite { write, .. } => Tx::Sqlite(self.connection(Kind::Single(write.acquire().await?))),
            Pools::Postgres { write, .. } => Tx::Postgres(self.connection(Kind::Single(write.acquire().await?))),
        })
    }

    /// A connection that can only read. Each statement sees the database as it is at that moment.
    pub async fn read(&self) -> Result<Tx, DbError> {
        Ok(match &self.pools {
            Pools::Sqlite { read, .. } => Tx::Sqlite(self.connection(Kind::Reading(read.acquire().await?))),
            Pools::Postgres { read, .. } => Tx::Postgres(self.connection(Kind::Reading(read.acquire().await?))),
        })
    }

    /// Makes a transaction's changes last.
    pub async fn commit(&self, mut tx: Tx) -> Result<(), DbError> {
        tx.send().await?;
        match tx {
            Tx::Sqlite(Connection { kind: Kind::Writing(turn), .. }) => turn.commit().await?,
            Tx::Postgres(Connection { kind: Kind::Writing(transaction), .. }) => transaction.commit().await?,
            Tx::Sqlite(Connection { kind: Kind::Single(_), .. })
            | Tx::Postgres(Connection { kind: Kind::Single(_), .. }) => {}
            Tx::Sqlite(Connection { kind: Kind::Reading(_), .. })
            | Tx::Postgres(Connection { kind: Kind::Reading(_), .. }) => return Ok(()),
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// How many transactions this process has committed: a figure for metrics, and for the test that counts.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How many statements this process has sent, for the tests that count what a request costs.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The same database for work that no request causes: its commits and statements are not counted among theirs.
    pub fn aside(&self) -> Self {
        Self { commits: Arc::default(), statements: Arc::default(), ..self.clone() }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        match &self.pools {
            Pools::Sqlite { read, .. } => sqlx::query("SELECT 1").execute(read).await.map(drop)?,
            Pools::Postgres { write, .. } => sqlx::query("SELECT 1").execute(write).await.map(drop)?,
        }
        Ok(())
    }

    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

async fn open_sqlite(file: &Path) -> Result<Pools, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        // 16 MiB of pages, so that a commit reads none; the log is folded in less often, which saves writing a page
        // that many commits change.
        .pragma("cache_size", "-16384")
        .pragma("wal_autocheckpoint", "4000")
        // Rows come through a channel: with more room in it, long lists cost fewer switches between threads.
        .row_buffer_size(1024)
        .statement_cache_capacity(STATEMENTS_MAX);
    let write = pool(1).connect_with(options.clone()).await?;
    let read = pool(4).connect_with(options.create_if_missing(false).read_only(true)).await?;
    Ok(Pools::Sqlite { writer: Writer::new(write.clone()), write, read })
}

async fn open_postgres(url: &str, connections_max: u32) -> Result<Pools, sqlx::Error> {
    let limits = [
        ("statement_timeout", "5s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("application_name", "nutzerkonto"),
    ];
    let options = PgConnectOptions::from_str(url)?.options(limits).statement_cache_capacity(STATEMENTS_MAX);
    let read_only = options.clone().options([("default_transaction_read_only", "on")]);
    let half = (connections_max / 2).max(1);
    Ok(Pools::Postgres {
        write: pool(half).connect_with(options).await?,
        read: pool(half).connect_lazy_with(read_only),
    })
}

fn pool<D: sqlx::Database>(connections_max: u32) -> PoolOptions<D> {
    PoolOptions::new().max_connections(connections_max).acquire_timeout(ACQUIRE_TIMEOUT).test_before_acquire(false)
}

/// What [`sql!`](crate::sql) needs of either connection.
impl Tx {
    pub fn sqlite(connection: &mut Connection<Sqlite>) -> &mut SqliteConnection {
        connection.get()
    }

    pub fn postgres(connection: &mut Connection<Postgres>) -> &mut PgConnection {
        connection.get()
    }

    /// Sends what has been put off, before something is asked.
    pub async fn send(&mut self) -> Result<(), DbError> {
        let sent = match self {
            Self::Sqlite(connection) => connection.send().await,
            Self::Postgres(connection) => connection.send().await,
        };
        Ok(sent?)
    }

    /// Prepares a statement without running it, for the test that checks every text on both databases.
    pub async fn prepare(&mut self, text: &'static str) -> Result<(), DbError> {
        use sqlx::Executor as _;
        match self {
            Self::Sqlite(connection) => drop(connection.get().prepare(sqlx::SqlStr::from_static(text)).await?),
            Self::Postgres(connection) => drop(connection.get().prepare(sqlx::SqlStr::from_static(text)).await?),
        }
        Ok(())
    }
}

/// The highest `$n` of a statement. A statement that skips a number does not compile.
pub const fn placeholders(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut highest, mut place) = (0, 0);
    while place < bytes.len() {
        if bytes[place] == b'$' {
            let mut number = 0;
            while place + 1 < bytes.len() && bytes[place + 1].is_ascii_digit() {
                number = number * 10 + (bytes[place + 1] - b'0') as usize;
                place += 1;
            }
            if number > highest {
                highest = number;
            }
        }
        place += 1;
    }
    highest
}

/// Counts the arguments of [`sql!`](crate::sql).
#[macro_export]
macro_rules! count {
    () => { 0 };
    ($head:expr $(, $tail:expr)*) => { 1 + $crate::count!($($tail),*) };
}

/// Runs one statement on whichever database there is: `sql!(tx, fetch_optional Row, "SELECT ...", arguments)`,
/// or `sql!(tx, execute, "UPDATE ...", arguments)` for the number of rows, or `sql!(tx, later, "INSERT ...", arguments)` for one that is
/// sent with others ([`later`](crate::store::later)): it can be refused by nothing, and reads nothing but the row that it changes.
///
/// The same text serves both. A statement that names more or fewer places than it has arguments does not compile.
#[macro_export]
macro_rules! sql {
    ($tx:expr, later, $text:literal $(, $arg:expr)+ $(,)?) => {{
        const { assert!($crate::store::db::placeholders($text) == $crate::count!($($arg),*), "statement and arguments disagree") };
        match &mut *$tx {
            $crate::store::db::Tx::Sqlite(connection) => connection.put_off($text, |arguments| {
                $(sqlx::Arguments::add(arguments, $arg)?;)+
                Ok(())
            }).await,
            $crate::store::db::Tx::Postgres(connection) => connection.put_off($text, |arguments| {
                $(sqlx::Arguments::add(arguments, $arg)?;)+
                Ok(())
            }).await,
        }.map_err($crate::store::db::DbError::from)
    }};
    ($tx:expr, execute, $text:literal $(, $arg:expr)* $(,)?) => {{
        const { assert!($crate::store::db::placeholders($text) == $crate::count!($($arg),*), "statement and arguments disagree") };
        match &mut *$tx {
            tx => match tx.send().await {
                Err(error) => Err(error),
                Ok(()) => match tx {
                    $crate::store::db::Tx::Sqlite(connection) => sqlx::query::<sqlx::Sqlite>($text)$(.bind($arg))*
                        .execute($crate::store::db::Tx::sqlite(connection)).await.map(|done| done.rows_affected()),
                    $crate::store::db::Tx::Postgres(connection) => sqlx::query::<sqlx::Postgres>($text)$(.bind($arg))*
                        .execute($crate::store::db::Tx::postgres(connection)).await.map(|done| done.rows_affected()),
                }.map_err($crate::store::db::DbError::from),
            },
        }
    }};
    ($tx:expr, $fetch:ident $row:ty, $text:literal $(, $arg:expr)* $(,)?) => {{
        const { assert!($crate::store::db::placeholders($text) == $crate::count!($($arg),*), "statement and arguments disagree") };
        match &mut *$tx {
            tx => match tx.send().await {
                Err(error) => Err(error),
                Ok(()) => match tx {
                    $crate::store::db::Tx::Sqlite(connection) => sqlx::query_as::<sqlx::Sqlite, $row>($text)$(.bind($arg))*
                        .$fetch($crate::store::db::Tx::sqlite(connection)).await,
                    $crate::store::db::Tx::Postgres(connection) => sqlx::query_as::<sqlx::Postgres, $row>($text)$(.bind($arg))*
                        .$fetch($crate::store::db::Tx::postgres(connection)).await,
                }.map_err($crate::store::db::DbError::from),
            },
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::placeholders;

    #[test]
    fn placeholders_are_counted() {
        assert_eq!(placeholders("SELECT 1"), 0);
        assert_eq!(placeholders("a = $1 AND b = $2 OR a = $1"), 2);
        assert_eq!(placeholders("VALUES ($10, $2)"), 10);
    }
}
