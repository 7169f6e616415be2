//! A world: one database, one or more nodes on it, a clock that stands still, a post office in memory.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nutzerkonto::app::{self, App, DEVELOPMENT_MASTER_KEY, Surroundings};
use nutzerkonto::client::{self, ClientFile};
use nutzerkonto::config::{Config, SecretSource};
use nutzerkonto::kernel::mail::{Mail, Mailer};
use nutzerkonto::kernel::random::Random;
use nutzerkonto::kernel::time::{Clock, Timestamp};
use nutzerkonto::serve::{self, Running};
use nutzerkonto::store::object::shelf::{Memory, Shelf};
use nutzerkonto::store::work::Actor;

use super::browser::Browser;
use super::database::Database;

/// 23 November 2026, 10:02 in Germany.
pub const START: Timestamp = Timestamp::from_seconds(1_795_424_520);

pub struct World {
    pub app: App,
    pub config: Config,
    pub clock: Clock,
    pub mails: Arc<Mutex<Vec<Mail>>>,
    pub database: Database,
    node: Option<Running>,
    /// Held while the node is down: no other test takes the port.
    listener: TcpListener,
    restarts: u64,
    /// Other nodes so far: no two draw the same chance.
    nodes: AtomicU64,
    /// Where files lie, if not in a directory.
    shelf: Option<Shelf>,
}

/// Another process on the same database.
pub struct Node {
    pub running: Running,
}

impl World {
    pub async fn on_sqlite() -> Self {
        Self::start(Database::migrated_sqlite().await, |_| {}).await
    }

    pub async fn on_postgres() -> Option<Self> {
        Some(Self::start(Database::migrated_postgres().await?, |_| {}).await)
    }

    async fn start(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = config(&database, listener.local_addr().unwrap().port());
        change(&mut config);
        let (clock, mails) = (Clock::fixed(START), Arc::new(Mutex::new(Vec::new())));
        let app = open(&config, (&clock, &mails), None, 1).await;
        let node = serve::start(app.clone(), listener.try_clone().unwrap()).await.unwrap();
        Self {
            app,
            config,
            clock,
            mails,
            database,
            node: Some(node),
            listener,
            restarts: 0,
            nodes: AtomicU64::new(0),
            shelf: None,
        }
    }

    /// Stops everything and starts it again on the same data, with other settings if wished.
    pub async fn restart(&mut self, change: impl FnOnce(&mut Config)) {
        if let Some(node) = self.node.take() {
            node.abort().await;
        }
        self.app.db.close().await;
        change(&mut self.config);
        self.restarts += 1;
        let (surroundings, seed) = ((&self.clock, &self.mails), 100 + self.restarts);
        self.app = open(&self.config, surroundings, self.shelf.clone(), seed).await;
        self.node = Some(serve::start(self.app.clone(), self.listener.try_clone().unwrap()).await.unwrap());
    }

    /// A second process with the same issuer.
    pub async fn second_node(&self) -> Node {
        self.node_with(|_| {}).await
    }

    /// A second process whose clock stands still at another time.
    pub async fn node_at(&self, time: Timestamp) -> Node {
        let seed = u64::try_from(time.milliseconds()).unwrap();
        let surroundings = (&Clock::fixed(time), &self.mails);
        let app = open(&self.config, surroundings, self.shelf.clone(), seed).await;
        let running = serve::start(app, TcpListener::bind("127.0.0.1:0").unwrap()).await.unwrap();
        Node { running }
    }

    /// A second process on the same data, with other settings.
    pub async fn node_with(&self, change: impl FnOnce(&mut Config)) -> Node {
        let mut config = self.config.clone();
        change(&mut config);
        let seed = 2 + self.nodes.fetch_add(1, Ordering::Relaxed);
        let app = open(&config, (&self.clock, &self.mails), self.shelf.clone(), seed).await;
        let running = serve::start(app, TcpListener::bind("127.0.0.1:0").unwrap()).await.unwrap();
        Node { running }
    }

    /// What a command of the operator works with, or a node before it serves; with other settings if wished.
    pub async fn open_with(&self, change: impl FnOnce(&mut Config)) -> Result<App, String> {
        let mut config = self.config.clone();
        change(&mut config);
        let mailer = Some(Mailer::Memory(Arc::clone(&self.mails)));
        let (clock, shelf) = (self.clock.clone(), self.shelf.clone());
        app::open(config, Surroundings { clock, random: Random::System, mailer, shelf }).await
    }

    /// Starts everything again, with files in memory; they have to be watched from outside.
    pub async fn keep_files_in_memory(&mut self) -> Memory {
        let memory = Memory::default();
        self.shelf = Some(Shelf::Memory(memory.clone()));
        self.restart(|_| {}).await;
        memory
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.config.issuer, self.node.as_ref().unwrap().address)
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.node.as_ref().unwrap().address
    }

    /// Time passes.
    pub fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// Declares the clients of a file and waits until the node knows them.
    pub async fn clients(&self, text: &str) {
        let file = ClientFile::parse(text, true).unwrap();
        let mut work = self.app.begin(Actor::System("test")).await.unwrap();
        client::apply(&mut work, &file).await.unwrap();
        work.commit().await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
    }

    /// The next mail to an address, as soon as the post has it.
    pub async fn mail_to(&self, address: &str) -> Mail {
        self.mail_like(address, |_| true).await
    }

    /// The next mail to an address of which this is true: mails that are due together may come in any order.
    async fn mail_like(&self, address: &str, is_meant: impl Fn(&Mail) -> bool) -> Mail {
        // A busy machine with a slow disk may take its time.
        for _ in 0..600 {
            {
                let mut mails = self.mails.lock().unwrap();
                if let Some(place) = mails.iter().position(|mail| mail.to == address && is_meant(mail)) {
                    return mails.remove(place);
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let others: Vec<String> = self.mails.lock().unwrap().iter().map(|mail| mail.subject.clone()).collect();
        panic!("no such mail to {address} came within thirty seconds; there are {others:?}");
    }

    /// The next mail to an address with this in its subject.
    pub async fn mail_about(&self, address: &str, subject: &str) -> Mail {
        self.mail_like(address, |mail| mail.subject.contains(subject)).await
    }

    /// The six-digit code in the next mail to an address that has one.
    pub async fn code_for(&self, address: &str) -> String {
        let code = |mail: &Mail| {
            let mut numbers = mail.body.split(|letter: char| !letter.is_ascii_digit());
            numbers.find(|part| part.len() == 6).map(str::to_owned)
        };
        code(&self.mail_like(address, |mail| code(mail).is_some()).await).unwrap()
    }

    /// How many rows a table has.
    pub async fn rows(&self, table: &str) -> i64 {
        let query: &'static str = Box::leak(format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {table}").into_boxed_str());
        if self.database.url.starts_with("sqlite:") {
            let pool = sqlx::SqlitePool::connect(&self.database.url).await.unwrap();
            sqlx::query_scalar(query).fetch_one(&pool).await.unwrap()
        } else {
            let pool = sqlx::PgPool::connect(&self.database.url).await.unwrap();
            sqlx::query_scalar(query).fetch_one(&pool).await.unwrap()
        }
    }
}

/// On a machine that is very busy the first connection may take longer than the program waits.
async fn open(
    config: &Config,
    (clock, mails): (&Clock, &Arc<Mutex<Vec<Mail>>>),
    shelf: Option<Shelf>,
    seed: u64,
) -> App {
    let once = || {
        let mailer = Some(Mailer::Memory(Arc::clone(mails)));
        let surroundings =
            Surroundings { clock: clock.clone(), random: Random::seeded(seed), mailer, shelf: shelf.clone() };
        app::open(config.clone(), surroundings)
    };
    match once().await {
        Err(error) if error.to_string().contains("timed out") => once().await.unwrap(),
        opened => opened.unwrap(),
    }
}

fn config(database: &Database, port: u16) -> Config {
    let master_key = database.directory.join("master.key");
    std::fs::write(&master_key, DEVELOPMENT_MASTER_KEY).unwrap();
    let mut config = Config::parse(&format!("issuer = \"http://localhost:{port}\"")).unwrap();
    config.database.url.clone_from(&database.url);
    config.database.connections_max = 16;
    config.keys.master_key = SecretSource(format!("file:{}", master_key.display()));
    (config.password.memory_kibibytes, config.password.iterations, config.password.threads) = (64, 1, 2);
    config.server.workers = 2;
    config.objects.directory = Some(database.directory.join("objects"));
    config
}
