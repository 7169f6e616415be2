//! The program under measurement, as a child process with a configuration and a database of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nutzerkonto::kernel::secret::sha256;

use super::bare::THREADS;
use super::http::{Connection, Outcome, get};
use super::service::Signer;

/// Names another build of the program, to compare two of them.
const PROGRAM_VARIABLE: &str = "NK_BENCH_PROGRAM";
const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/keys-dev");
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// How the kernel counts processor time: a hundred ticks a second, on every Linux.
const MICROSECONDS_PER_TICK: f64 = 10_000.0;

/// The client with a secret.
pub const CLIENT_ID: &str = "bench";
/// The client with a key.
pub const SIGNER_ID: &str = "signer";
/// The client with a key whose tokens are bound to another.
pub const FAPI_ID: &str = "fapi";
pub const REDIRECT_URI: &str = "https://service.example/rueckkehr";
const CLIENT_SECRET: &str = "a-secret-for-measurements-only";

pub fn basic() -> String {
    format!("authorization: Basic {}\r\n", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A directory that goes away with its value.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new(name: &str) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("nutzerkonto-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Processor time that a process has used so far, by all its threads. `self` is this one.
pub fn cpu_microseconds(process: &str) -> Outcome<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = text.rsplit_once(')').ok_or("unreadable stat")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks * MICROSECONDS_PER_TICK)
}

/// A child that ends with its value.
pub struct Process(Child);

impl Process {
    pub fn cpu_microseconds(&self) -> Outcome<f64> {
        cpu_microseconds(&self.0.id().to_string())
    }

    /// Memory in use now, in mebibytes.
    pub fn resident_mebibytes(&self) -> Outcome<f64> {
        self.mebibytes("VmRSS:")
    }

    /// The most that was in use at once, in mebibytes, since [`forget_peak`](Self::forget_peak).
    pub fn peak_mebibytes(&self) -> Outcome<f64> {
        self.mebibytes("VmHWM:")
    }

    pub fn forget_peak(&self) -> Outcome<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5")?)
    }

    fn mebibytes(&self, what: &str) -> Outcome<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = text.lines().find(|line| line.starts_with(what)).ok_or("unreadable status")?;
        Ok(line.split_whitespace().nth(1).ok_or("unreadable status")?.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asks first: a database that is closed in order opens faster, which one of the figures is about.
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while asked.is_ok() && Instant::now() < deadline && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The bare handler of [`super::bare::serve`], in a process of its own.
pub struct Bare {
    pub address: SocketAddr,
    pub process: Process,
}

impl Bare {
    pub fn start(length: usize) -> Outcome<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        let arguments = ["serve-bare".to_owned(), address.to_string(), length.to_string()];
        let process = Process(command.args(arguments).stdin(Stdio::null()).spawn()?);
        wait_for(address, "/")?;
        Ok(Self { address, process })
    }
}

fn program() -> Command {
    Command::new(std::env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| env!("CARGO_BIN_EXE_nutzerkonto").into()))
}

/// A configured instance: its directory, its database, not yet running.
pub struct Instance {
    pub address: SocketAddr,
    pub host: String,
    pub database_url: String,
    operations: SocketAddr,
    pub directory: Arc<Directory>,
    /// The key of [`SIGNER_ID`].
    pub signer: Arc<Signer>,
}

impl Instance {
    /// Writes the configuration, creates the schema, applies one client, seeds the accounts.
    pub async fn prepare(database: Database, name: &str, accounts: u64) -> Outcome<Self> {
        let instance = Self::prepare_empty(database, name).await?;
        let began = Instant::now();
        instance.run(&["seed", "--accounts", &accounts.to_string(), "--config"])?;
        if accounts > 10_000 {
            eprintln!("{accounts} accounts made in {:.0} s", began.elapsed().as_secs_f64());
        }
        Ok(instance)
    }

    /// The same without accounts.
    pub async fn prepare_empty(database: Database, name: &str) -> Outcome<Self> {
        let directory = Directory::new(name)?;
        let database_url = match database {
            Database::Sqlite => format!("sqlite:{}", directory.0.join("bench.db").display()),
            Database::Postgres => create_postgres_database(name).await?,
        };
        let (address, operations) = (free_address()?, free_address()?);
        let host = format!("localhost:{}", address.port());
        let signer = Arc::new(Signer::new(format!("http://{host}"))?);
        let directory = Arc::new(directory);
        let instance = Self { address, host, database_url, operations, directory, signer };
        std::fs::write(instance.config(), instance.settings())?;
        instance.declare(&[])?;
        instance.run(&["migrate", "--config"])?;
        instance.run(&["client", "apply", "--config"])?;
        Ok(instance)
    }

    pub fn config(&self) -> PathBuf {
        self.directory.0.join(format!("{}.toml", self.address.port()))
    }

    /// Writes the file of clients: the two that are always there, and others that have the second one's key.
    pub fn declare(&self, others: &[String]) -> Outcome<()> {
        let mut text = client(CLIENT_ID, "", &secret());
        text.push_str(&client(FAPI_ID, "profile = \"fapi2\"\n", &self.signer.authentication()));
        for id in [SIGNER_ID].into_iter().chain(others.iter().map(String::as_str)) {
            text.push_str(&client(id, MACHINE, &self.signer.authentication()));
        }
        Ok(std::fs::write(self.directory.0.join("clients.toml"), text)?)
    }

    /// Another node of the same instance, with an address of its own.
    pub fn another_node(&self) -> Outcome<Self> {
        let (address, operations) = (free_address()?, free_address()?);
        let (host, database_url) = (self.host.clone(), self.database_url.clone());
        let (directory, signer) = (Arc::clone(&self.directory), Arc::clone(&self.signer));
        let node = Self { address, host, database_url, operations, directory, signer };
        std::fs::write(node.config(), node.settings())?;
        Ok(node)
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome<()> {
        let mut command = program();
        command.args(arguments).arg(self.config());
        if arguments.contains(&"apply") {
            command.arg(self.directory.0.join("clients.toml"));
        }
        run(&mut command)
    }

    /// Everything by default but what a measurement needs: one browser network, many sign-ins.
    fn settings(&self) -> String {
        let (host, address, operations, url) = (&self.host, self.address, self.operations, &self.database_url);
        let mails = self.directory.0.join("mail");
        format!(
            "issuer = \"http://{host}\"\n[server]\nlisten = \"{address}\"\noperations_listen = \"{operations}\"\n\
             workers = {THREADS}\n[database]\nurl = \"{url}\"\n[password]\nthreads = {THREADS}\n[limits]\n\
             attempts_per_account = 1000000\nattempts_per_network = 1000000\nattempts_per_range = 1000000\n[mail]\ndirectory = {mails:?}\n\
             [keys]\nmaster_key = \"file:{KEYS}/master.key\"\n"
        )
    }

    /// Another master key takes the first one's place; the first is still read with.
    pub fn exchange_master_key(&self) -> Outcome<()> {
        let key = self.directory.0.join("other.key");
        std::fs::write(&key, STANDARD.encode([9; 32]))?;
        let settings = self.settings().replace("master_key = ", "other_master_key = ");
        Ok(std::fs::write(self.config(), format!("{settings}master_key = \"file:{}\"\n", key.display()))?)
    }

    /// Starts the program and waits until it is ready; also how long that took.
    pub fn start(&self) -> Outcome<(Process, Duration)> {
        self.start_with(program())
    }

    /// As [`start`](Self::start), held to one processor.
    pub fn start_on(&self, processor: usize) -> Outcome<Process> {
        let (plain, mut held) = (program(), Command::new("taskset"));
        held.args(["--cpu-list", &processor.to_string()]).arg(plain.get_program());
        Ok(self.start_with(held)?.0)
    }

    fn start_with(&self, mut command: Command) -> Outcome<(Process, Duration)> {
        // The log is written, as it is in production; into a file, as a service's log is.
        let log = std::fs::File::create(self.directory.0.join(format!("{}.log", self.address.port())))?;
        command.args(["serve", "--config"]).arg(self.config()).stdin(Stdio::null()).stderr(log);
        let began = Instant::now();
        let process = Process(command.spawn()?);
        wait_for(self.operations, "/health/ready")?;
        Ok((process, began.elapsed()))
    }
}

/// What a client needs to act in its own name, too.
const MACHINE: &str = "own_scopes = [\"postfach.lesen\"]\n";

fn secret() -> String {
    let hash: String = sha256(CLIENT_SECRET.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("method = \"client_secret_basic\"\nsecret_sha256 = \"{hash}\"\n")
}

fn client(id: &str, extra: &str, authentication: &str) -> String {
    format!(
        "[[client]]\nid = \"{id}\"\nname = {{ de = \"Bewohnerparken\", en = \"Residents' parking\" }}\n\
         operator = {{ de = \"Stadt Musterhausen\", en = \"City of Musterhausen\" }}\n\
         purpose = {{ de = \"Ihren Antrag bearbeiten\", en = \"To process your application\" }}\n\
         privacy_uri = \"https://service.example/datenschutz\"\nredirect_uris = [\"{REDIRECT_URI}\"]\n\
         scopes = [\"openid\", \"profile\", \"email\", \"offline_access\"]\n\
         claims = [{{ names = [\"name\", \"given_name\", \"family_name\", \"birthdate\", \"email\"] }}]\n{extra}\
         [client.authentication]\n{authentication}"
    )
}

fn run(command: &mut Command) -> Outcome<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned().into()) }
}

fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn wait_for(address: SocketAddr, path: &str) -> Outcome<()> {
    let request = get("localhost", path, "");
    let deadline = Instant::now() + START_TIMEOUT;
    while Instant::now() < deadline {
        if let Ok(mut connection) = Connection::open(address)
            && connection.ask(&request).is_ok_and(|answer| answer.status == 200)
        {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(format!("{address}{path} did not answer within {START_TIMEOUT:?}").into())
}

async fn create_postgres_database(name: &str) -> Outcome<String> {
    use sqlx::Connection as _;
    let server = std::env::var("NK_TEST_POSTGRES_URL")
        .map_err(|_| "no PostgreSQL: use NK_PG_DURABLE=1 tests/postgres run cargo bench ...")?;
    let name = format!("bench_{}_{name}", std::process::id());
    let mut connection = sqlx::PgConnection::connect(&server).await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
    connection.close().await?;
    Ok(format!("{}/{name}", server.rsplit_once('/').ok_or("NK_TEST_POSTGRES_URL has no database")?.0))
}

/// Where a database file of one's own may be, beside the instance's.
pub fn beside(instance: &Instance, name: &str) -> PathBuf {
    Path::new(&instance.directory.0).join(name)
}
