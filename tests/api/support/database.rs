//! A database of its own for every test.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::Connection as _;

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub struct Database {
    pub url: String,
    pub directory: std::path::PathBuf,
}

fn name() -> String {
    format!("nk_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst))
}

impl Database {
    /// A fresh SQLite file in a directory that goes away with the test.
    pub fn sqlite() -> Self {
        let directory = std::env::temp_dir().join(name());
        std::fs::create_dir_all(&directory).unwrap();
        Self { url: format!("sqlite:{}", directory.join("test.db").display()), directory }
    }

    /// A fresh PostgreSQL database on the server of `NK_TEST_POSTGRES_URL`. Without a server the test is
    /// reported as skipped, unless `NK_REQUIRE_POSTGRES` forbids that.
    pub async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("NK_TEST_POSTGRES_URL") else {
            assert!(std::env::var_os("NK_REQUIRE_POSTGRES").is_none(), "NK_TEST_POSTGRES_URL is not set");
            eprintln!("SKIPPED: no PostgreSQL (set NK_TEST_POSTGRES_URL, or use tests/postgres run)");
            return None;
        };
        let name = name();
        let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
        let create: &'static str = Box::leak(format!("CREATE DATABASE {name}").into_boxed_str());
        sqlx::query(create).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let directory = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&directory).unwrap();
        let base = server.rsplit_once('/').unwrap().0;
        Some(Self { url: format!("{base}/{name}"), directory })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}
