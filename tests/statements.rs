//! Prepares every statement of the source on both databases: what compiles must also be understood.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "api/support/database.rs"]
mod database;

use std::fs;
use std::path::Path;

use nutzerkonto::sql;
use nutzerkonto::store::db::{Db, Tx};

/// The text literals that stand in `sql!(...)` calls.
fn statements() -> Vec<String> {
    fn visit(directory: &Path, out: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for call in text.split("sql!(").skip(1) {
                    if let Some(literal) = call.split('"').nth(1) {
                        let first = literal.split_whitespace().next().unwrap_or_default();
                        if ["SELECT", "INSERT", "UPDATE", "DELETE"].contains(&first) && !literal.contains("...") {
                            out.push(literal.to_owned());
                        }
                    }
                }
            }
        }
    }
    let mut found = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

async fn prepare_all(url: &str) {
    let db = Db::open(url, 4).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    for text in statements() {
        let text: &'static str = Box::leak(text.into_boxed_str());
        if let Err(error) = tx.prepare(text).await {
            panic!("{error}\n{text}");
        }
    }
    drop(tx);
    db.close().await;
}

#[test]
fn the_source_has_statements() {
    assert!(statements().len() > 40, "{} found", statements().len());
}

#[tokio::test]
async fn sqlite_understands_every_statement() {
    let database = database::Database::migrated_sqlite().await;
    prepare_all(&database.url).await;
}

/// As `.cargo/config.toml` says.
#[tokio::test]
async fn sqlite_plans_a_statement_once() {
    let database = database::Database::migrated_sqlite().await;
    let pool = sqlx::SqlitePool::connect(&database.url).await.unwrap();
    let options: Vec<String> = sqlx::query_scalar("PRAGMA compile_options").fetch_all(&pool).await.unwrap();
    let has = |name: &str| options.iter().any(|option| option == name);
    assert!(has("ENABLE_QPSG") && !has("ENABLE_STAT4") && !has("ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
}

#[tokio::test]
async fn postgres_understands_every_statement() {
    let Some(database) = database::Database::migrated_postgres().await else { return };
    prepare_all(&database.url).await;
}

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    value: i64,
}

async fn rows(tx: &mut Tx) -> Vec<(String, i64)> {
    let rows =
        sql!(tx, fetch_all Row, "SELECT name, value FROM version WHERE name LIKE 'test-%' ORDER BY name").unwrap();
    rows.into_iter().map(|row| (row.name, row.value)).collect()
}

/// What is put off has happened when somebody looks, in its order, and when it is committed; not if it never is.
async fn put_off(url: &str) {
    let db = Db::open(url, 4).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    for (name, value) in [("test-a", 1_i64), ("test-b", 2), ("test-c", 3), ("test-d", 4)] {
        sql!(&mut tx, later, "INSERT INTO version (name, value) VALUES ($1, $2)", name, value).unwrap();
    }
    for more in [10_i64, 100] {
        sql!(&mut tx, later, "UPDATE version SET value = value + $2 WHERE name = $1", "test-a", more).unwrap();
    }
    for name in ["test-b", "test-c", "test-b"] {
        sql!(&mut tx, later, "DELETE FROM version WHERE name = $1", name).unwrap();
    }
    let expected = vec![("test-a".to_owned(), 111), ("test-d".to_owned(), 4)];
    assert_eq!(rows(&mut tx).await, expected);
    for name in ["test-e", "test-f"] {
        sql!(&mut tx, later, "INSERT INTO version (name, value) VALUES ($1, $2)", name, 5_i64).unwrap();
    }
    sql!(&mut tx, later, "DELETE FROM version WHERE name = $1", "test-e").unwrap();
    db.commit(tx).await.unwrap();

    let mut dropped = db.begin().await.unwrap();
    sql!(&mut dropped, later, "DELETE FROM version WHERE name = $1", "test-a").unwrap();
    drop(dropped);
    // One that is refused all the same takes everything with it.
    let mut refused = db.begin().await.unwrap();
    sql!(&mut refused, later, "DELETE FROM version WHERE name = $1", "test-d").unwrap();
    sql!(&mut refused, later, "INSERT INTO version (name, value) VALUES ($1, $2)", "test-a", 1_i64).unwrap();
    db.commit(refused).await.unwrap_err();

    let mut tx = db.read().await.unwrap();
    assert_eq!(rows(&mut tx).await, [expected, vec![("test-f".to_owned(), 5)]].concat());
    drop(tx);
    db.close().await;
}

#[tokio::test]
async fn sqlite_does_what_is_put_off() {
    let database = database::Database::migrated_sqlite().await;
    put_off(&database.url).await;
}

#[tokio::test]
async fn postgres_does_what_is_put_off() {
    let Some(database) = database::Database::migrated_postgres().await else { return };
    put_off(&database.url).await;
}
