//! A database of its own for every test.

use std::sync::atomic::{AtomicU32, Ordering};

use nutzerkonto::store::db::Db;
use sqlx::Connection as _;
use tokio::sync::OnceCell;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// What the migrations make, made once: nearly every test begins with a copy.
static SQLITE_FILE: OnceCell<Vec<u8>> = OnceCell::const_new();
static POSTGRES_TEMPLATE: OnceCell<String> = OnceCell::const_new();

pub struct Database {
    pub url: String,
    pub directory: std::path::PathBuf,
}

fn name() -> String {
    format!("nk_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst))
}

/// The server of `NK_TEST_POSTGRES_URL`. Without one the test is reported as skipped, unless `NK_REQUIRE_POSTGRES` forbids
/// that.
fn server() -> Option<String> {
    let server = std::env::var("NK_TEST_POSTGRES_URL").ok();
    if server.is_none() {
        assert!(std::env::var_os("NK_REQUIRE_POSTGRES").is_none(), "NK_TEST_POSTGRES_URL is not set");
        eprintln!("SKIPPED: no PostgreSQL (set NK_TEST_POSTGRES_URL, or use tests/postgres run)");
    }
    server
}

impl Database {
    /// A fresh SQLite file in a directory that goes away with the test.
    pub fn sqlite() -> Self {
        let directory = std::env::temp_dir().join(name());
        std::fs::create_dir_all(&directory).unwrap();
        Self { url: format!("sqlite:{}", directory.join("test.db").display()), directory }
    }

    /// A SQLite file in which the migrations have been.
    pub async fn migrated_sqlite() -> Self {
        let file = SQLITE_FILE.get_or_init(|| async {
            let template = Self::sqlite();
            Db::open(&template.url, 1).await.unwrap().close().await;
            std::fs::read(template.directory.join("test.db")).unwrap()
        });
        let file = file.await;
        let database = Self::sqlite();
        std::fs::write(database.directory.join("test.db"), file).unwrap();
        database
    }

    /// As [`Self::postgres`], and the migrations have been in it.
    pub async fn migrated_postgres() -> Option<Self> {
        let server = server()?;
        let template = POSTGRES_TEMPLATE.get_or_init(|| async {
            let template = Self::postgres().await.unwrap();
            Db::open(&template.url, 1).await.unwrap().close().await;
            template.url.rsplit_once('/').unwrap().1.to_owned()
        });
        Some(Self::create(&server, template.await).await)
    }

    /// A fresh PostgreSQL database, if there is a [`server`].
    pub async fn postgres() -> Option<Self> {
        Some(Self::create(&server()?, "template1").await)
    }

    async fn create(server: &str, template: &str) -> Self {
        let name = name();
        let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
        let create: &'static str = Box::leak(format!("CREATE DATABASE {name} TEMPLATE {template}").into_boxed_str());
        sqlx::query(create).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let directory = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&directory).unwrap();
        let base = server.rsplit_once('/').unwrap().0;
        Self { url: format!("{base}/{name}"), directory }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}
