//! What the database holds, as text: for stories that say what must not be there, or must not change.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::Connection as _;

use super::world::World;

/// The rows of every table, each as one line. Binary columns stand there in hexadecimal.
pub type Dump = BTreeMap<String, Vec<String>>;

const SQLITE_TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
const POSTGRES_TABLES: &str = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";

impl World {
    pub async fn dump(&self) -> Dump {
        if self.database.url.starts_with("sqlite:") {
            dump_sqlite(&self.database.url).await
        } else {
            dump_postgres(&self.database.url).await
        }
    }

    /// The texts of one column, whatever the database.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        if self.database.url.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(&self.database.url).await.unwrap();
            sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.database.url).await.unwrap();
            sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
        }
    }

    /// What somebody does who can write into the database.
    pub async fn change(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        if self.database.url.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(&self.database.url).await.unwrap();
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.database.url).await.unwrap();
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        }
    }

    /// The fewest statements of several tries, each by a node that has forgotten who that is: jobs ask now and then, too.
    pub async fn statements_of(&self, mut act: impl AsyncFnMut()) -> u64 {
        let mut fewest = u64::MAX;
        for _ in 0..6 {
            self.later();
            let before = self.app.db.statements();
            act().await;
            fewest = fewest.min(self.app.db.statements() - before);
        }
        fewest
    }

    /// Waits until every mail has left the outbox and, for two seconds at most, until every event is sealed, so that only
    /// requests change the database.
    pub async fn settle(&self) {
        let unsealed = "SELECT id FROM audit_event WHERE seal IS NULL OR position IS NULL LIMIT 1";
        for round in 0..200 {
            if self.rows("outbox").await == 0 && (round >= 80 || self.texts(unsealed).await.is_empty()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let left = "SELECT kind || ' ' || CAST(attempts AS TEXT) || ' ' || COALESCE(failure, '') FROM outbox";
        panic!("the outbox did not empty within five seconds: {:?}", self.texts(left).await);
    }
}

async fn dump_sqlite(url: &str) -> Dump {
    let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(SQLITE_TABLES).fetch_all(&mut connection).await.unwrap();
    let mut dump = Dump::new();
    for table in tables {
        let columns = AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')"));
        let columns: Vec<String> = sqlx::query_scalar(columns).fetch_all(&mut connection).await.unwrap();
        let columns: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        let rows = AssertSqlSafe(format!("SELECT {} FROM {table} ORDER BY 1", columns.join(" || ',' || ")));
        let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut connection).await.unwrap();
        dump.insert(table, rows);
    }
    dump
}

async fn dump_postgres(url: &str) -> Dump {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(POSTGRES_TABLES).fetch_all(&mut connection).await.unwrap();
    let mut dump = Dump::new();
    for table in tables {
        let rows = AssertSqlSafe(format!("SELECT CAST({table} AS TEXT) FROM {table} ORDER BY 1"));
        dump.insert(table, sqlx::query_scalar(rows).fetch_all(&mut connection).await.unwrap());
    }
    dump
}

/// Which tables differ, and how: for the message of a failed comparison.
pub fn difference(before: &Dump, after: &Dump) -> Vec<String> {
    let mut found = Vec::new();
    for (table, rows) in after {
        let known = before.get(table).map_or(&[][..], Vec::as_slice);
        found.extend(rows.iter().filter(|row| !known.contains(row)).map(|row| format!("+ {table}: {row}")));
        found.extend(known.iter().filter(|row| !rows.contains(row)).map(|row| format!("- {table}: {row}")));
    }
    found
}
