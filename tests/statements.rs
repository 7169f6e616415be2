//! Prepares every statement of the source on both databases: what compiles must also be understood.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "api/support/database.rs"]
mod database;

use std::fs;
use std::path::Path;

use nutzerkonto::store::db::Db;

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
