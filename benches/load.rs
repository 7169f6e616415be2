//! Measures the program from outside, against what the same machine does without it.
//!
//! `cargo bench --profile shipped --bench load -- [a|b|c|d|e|f|g|h|k|l|m|n|o|p|r|s|t|v|all] [--database sqlite|postgres] [--seconds N]
//! [--accounts N] [--clients N] [--connections N]`
//!
//! Starts the program itself as a child process with a fresh database, drives it over HTTP and prints tables.
//! `docs/performance.md` says what the letters mean. PostgreSQL comes from `tests/postgres run`.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
#![expect(clippy::print_stdout, reason = "its tables are what it is for")]

#[path = "support/bare.rs"]
mod bare;
#[path = "support/documents.rs"]
mod documents;
#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "support/fapi.rs"]
mod fapi;
#[path = "support/http.rs"]
mod http;
#[path = "support/levels.rs"]
mod levels;
#[path = "support/notices.rs"]
mod notices;
#[path = "support/organisations.rs"]
mod organisations;
#[path = "support/paced.rs"]
mod paced;
#[path = "support/passkey.rs"]
mod passkey;
#[path = "support/series.rs"]
mod series;
#[path = "support/server.rs"]
mod server;
#[path = "support/service.rs"]
mod service;
#[path = "support/storm.rs"]
mod storm;
#[path = "support/trail.rs"]
mod trail;
#[path = "support/visitors.rs"]
mod visitors;

use std::sync::Arc;
use std::time::Duration;

use bare::THREADS;
use http::{Connection, Outcome, drive, drive_apart, get};
use passkey::passkey_sign_ins;
use series::{Contender, compare, median};
use server::{Bare, CLIENT_ID, Database, Instance, Process, beside};
use tokio::runtime::Runtime;
use visitors::{SCOPE, Service, consent, flows, pages, sessions, sign_ins};

const PARTS: [char; 18] = ['p', 'a', 'g', 'b', 'c', 'f', 'h', 'l', 'd', 's', 't', 'k', 'n', 'm', 'o', 'r', 'v', 'e'];
/// Events that are sealed and verified.
const EVENTS: i64 = 500_000;
const ROUNDS: u32 = 5;
/// Connections under load, unless said otherwise.
const CONNECTIONS: usize = 32;
/// Connections of programs, in parts F, L, M and N: so many that neither a commit nor a processor waits for requests.
const PROGRAMS: usize = 128;
/// Connections that sign in: enough that no hashing thread ever waits, few enough that the queue never sheds.
const SIGNERS: u64 = 8;
/// So few that soon every device is known, as most are in life.
const PEOPLE: u64 = 16;
const SESSIONS: u64 = 64;
const ACCOUNTS: u64 = 1_000;

struct Options {
    parts: Vec<char>,
    database: Database,
    seconds: f64,
    /// The larger number of accounts of parts E and M; the number of part K.
    accounts: u64,
    /// The larger number of clients of part M.
    clients: usize,
    /// How many send requests at once in parts F, L, M and N.
    connections: usize,
}

impl Options {
    fn read() -> Outcome<Self> {
        let (database, accounts, clients) = (Database::Sqlite, 1_000_000, 10_000);
        let mut options = Self { parts: Vec::new(), database, seconds: 3.0, accounts, clients, connections: PROGRAMS };
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--seconds" => options.seconds = value()?.parse()?,
                "--accounts" => options.accounts = value()?.parse()?,
                "--clients" => options.clients = value()?.parse()?,
                "--connections" => options.connections = value()?.parse()?,
                "--database" if value()? == "postgres" => options.database = Database::Postgres,
                "--database" => {}
                "all" => options.parts.extend(PARTS),
                letter if PARTS.iter().any(|part| letter == part.to_string()) => options.parts.extend(letter.chars()),
                _ => return Err(format!("unknown argument {argument}").into()),
            }
        }
        if options.parts.is_empty() {
            options.parts.extend(PARTS);
        }
        Ok(options)
    }

    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn pace(&self) -> (u32, f64) {
        (ROUNDS, self.seconds)
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, command, address, length] = arguments.as_slice()
        && command == "serve-bare"
    {
        let (address, length) = (address.parse()?, length.parse()?);
        return actix_web::rt::System::new().block_on(bare::serve(address, length));
    }
    let options = Options::read()?;
    // One part opens the database itself; the program it compares with does this at its start.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    // Whoever reads the figures must know whether the machine was doing something else.
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    println!("\n## {:?}, {ROUNDS} rounds of {} s, load before {load}", options.database, options.seconds);
    let instance = runtime.block_on(Instance::prepare(options.database, "small", ACCOUNTS))?;
    for part in &options.parts {
        match part {
            'a' => sign_in(&options, &instance)?,
            'g' => passkey_sign_in(&options, &instance)?,
            'b' => signed_in_page(&options, &instance)?,
            'c' => code_flow(&options, &instance, &runtime)?,
            'd' => starting(&instance)?,
            'f' => endpoint::rates(&options, &instance, &runtime)?,
            'l' => endpoint::latency(&options, &instance)?,
            'm' => endpoint::many(&options, &runtime)?,
            'n' => endpoint::two_nodes(&options, &instance)?,
            's' => sign_in_storm(&options, &instance)?,
            't' => audit_trail(&instance, &runtime)?,
            'h' => fapi::bound_flow(&options, &instance, &runtime)?,
            'k' => another_master_key(&options, &runtime)?,
            'o' => organisations::organisations(&options, &runtime)?,
            'r' => notices::notices(&options, &runtime)?,
            'v' => documents::documents(&options, &runtime)?,
            'e' => many_accounts(&options, &instance, &runtime)?,
            _ => primitives(&options, &instance, &runtime)?,
        }
    }
    Ok(())
}

/// P: what the product is made of, alone.
fn primitives(options: &Options, instance: &Instance, runtime: &Runtime) -> Outcome<()> {
    let duration = options.duration();
    let contenders = vec![
        Contender::own("ES256 signature of 700 bytes", || bare::es256(duration)),
        Contender::own("RS256 signature of 700 bytes, 2048 bits", || bare::rs256(duration)),
        Contender::own("Argon2id, 19 MiB, 2 iterations", || bare::argon2(duration)),
        Contender::own("seal one attribute", || bare::seal(duration)),
        Contender::own("open one attribute", || bare::open(duration)),
        Contender::own("level of a sign-in and all claims of a person", || levels::levels(duration)),
        Contender::own("durable commit of one row, alone", || commits(options, instance, runtime)),
    ];
    compare("P. Primitives, 2 threads", options.pace(), contenders)?;
    Ok(())
}

fn commits(options: &Options, instance: &Instance, runtime: &Runtime) -> Outcome<f64> {
    let duration = options.duration();
    match options.database {
        Database::Sqlite => runtime.block_on(bare::sqlite_commits(&beside(instance, "commits.db"), duration)),
        Database::Postgres => runtime.block_on(bare::postgres_commits(&instance.database_url, duration)),
    }
}

/// A: signing in, against nothing but hashing.
fn sign_in(options: &Options, instance: &Instance) -> Outcome<()> {
    let (server, _) = instance.start()?;
    let mut people = sign_ins(instance, PEOPLE, SIGNERS);
    let contenders = vec![
        Contender::own("Argon2id alone, 2 threads", || bare::argon2(options.duration())),
        Contender::served("sign-in: GET and POST /anmelden", &server, || {
            drive_apart(instance.address, &mut people, options.duration())
        }),
    ];
    compare("A. Signing in", options.pace(), contenders)?;
    println!("\nMemory in use afterwards: {:.1} MiB", server.resident_mebibytes()?);
    Ok(())
}

/// G: signing in with a passkey, against signing in with a password.
fn passkey_sign_in(options: &Options, instance: &Instance) -> Outcome<()> {
    let (server, _) = instance.start()?;
    let mut with_password = sign_ins(instance, PEOPLE, SIGNERS);
    let mut with_passkey = passkey_sign_ins(instance, ACCOUNTS, SESSIONS)?;
    let contenders = vec![
        Contender::served("password: GET and POST /anmelden", &server, || {
            drive_apart(instance.address, &mut with_password, options.duration())
        }),
        Contender::served("passkey: page, challenge, POST /anmelden/passkey", &server, || {
            drive(instance.address, &mut with_passkey, options.duration())
        }),
    ];
    compare("G. Signing in with a passkey", options.pace(), contenders)?;
    Ok(())
}

/// S: ten times as many sign-ins as can be hashed, and what the others notice.
fn sign_in_storm(options: &Options, instance: &Instance) -> Outcome<()> {
    let (server, _) = instance.start()?;
    let session = sessions(instance, ACCOUNTS, 1)?.remove(0);
    let storm::Storm { mut accepted, mut refused, mut others, resident_mebibytes, recovery_seconds } =
        storm::storm(instance, &server, &session, options.duration())?;
    println!("\n### S. A storm of sign-ins, {} s\n", options.seconds);
    println!("| answers | per s | p50 ms | p99 ms |\n| --- | --: | --: | --: |");
    for (name, times) in [("signed in", &mut accepted), ("503, try later", &mut refused), ("others", &mut others)] {
        let (rate, middle) = (times.len() as f64 / options.seconds, storm::percentile(times, 50));
        println!("| {name} | {rate:.0} | {middle:.1} | {:.1} |", storm::percentile(times, 99));
    }
    println!("\nMemory: {resident_mebibytes:.0} MiB at most. Recovered after {recovery_seconds:.1} s.");
    Ok(())
}

/// T: the audit chain, on one thread.
fn audit_trail(instance: &Instance, runtime: &Runtime) -> Outcome<()> {
    let trail = runtime.block_on(trail::trail(instance, EVENTS))?;
    println!("\n### T. The audit chain, {EVENTS} events at once\n");
    println!(
        "| | events per s |\n| --- | --: |\n| sealed | {:.0} |\n| verified | {:.0} |",
        trail.sealed, trail.verified
    );
    Ok(())
}

/// K: every account's key wrapped by another master key while somebody clicks.
fn another_master_key(options: &Options, runtime: &Runtime) -> Outcome<()> {
    let instance = runtime.block_on(Instance::prepare(options.database, "keys", options.accounts))?;
    let done = trail::rewrap(&instance, options.accounts)?;
    println!("\n### K. Another master key, {} accounts\n", options.accounts);
    println!("| keys per s | requests meanwhile | failed | p99 ms |\n| --: | --: | --: | --: |");
    let trail::Rewrapping { keys_per_second, requests, failed, p99_milliseconds } = done;
    println!("| {keys_per_second:.0} | {requests} | {failed} | {p99_milliseconds:.1} |");
    Ok(())
}

fn page_requests(instance: &Instance, sessions: &[String], headers: &str) -> Vec<Vec<u8>> {
    sessions.iter().map(|session| get(&instance.host, "/konto", &format!("{session}{headers}"))).collect()
}

/// The length of an answer, and how much of it is body as the bare handler counts it.
fn length(instance: &Instance, request: &[u8]) -> Outcome<usize> {
    let mut connection = Connection::open(instance.address)?;
    let answer = connection.ask(request)?;
    answer.expect(200)?;
    Ok(answer.length)
}

/// B: a page for somebody signed in, against a bare handler with as many bytes.
fn signed_in_page(options: &Options, instance: &Instance) -> Outcome<()> {
    let (server, _) = instance.start()?;
    let sessions = sessions(instance, ACCOUNTS, SESSIONS)?;
    let many = page_requests(instance, &sessions, "");
    let one = vec![many[0].clone()];
    let compressed = page_requests(instance, &sessions, "accept-encoding: gzip, br\r\n");
    let size = length(instance, &many[0])?;
    let bare = Bare::start(size)?;
    let load = |requests: &Vec<Vec<u8>>| {
        let mut people = pages(CONNECTIONS, requests.clone());
        let (address, duration) = (instance.address, options.duration());
        move || drive(address, &mut people, duration)
    };
    let mut strangers = pages(CONNECTIONS, vec![get("localhost", "/", sessions[0].as_str())]);
    let sign_in_page = vec![get(&instance.host, "/anmelden", "")];
    let contenders = vec![
        Contender::served("bare handler", &bare.process, || drive(bare.address, &mut strangers, options.duration())),
        Contender::served("GET /konto, 64 sessions", &server, load(&many)),
        Contender::served("GET /konto, one session", &server, load(&one)),
        Contender::served("GET /konto, 64 sessions, gzip or br", &server, load(&compressed)),
        Contender::served("GET /anmelden, no session, no database", &server, load(&sign_in_page)),
    ];
    compare(&format!("B. A signed-in page ({size} bytes)"), options.pace(), contenders)?;
    Ok(())
}

/// C: the code flow with an existing session, against signatures, commits and bare requests.
fn code_flow(options: &Options, instance: &Instance, runtime: &Runtime) -> Outcome<()> {
    let (server, _) = instance.start()?;
    let sessions = Arc::new(sessions(instance, ACCOUNTS, SESSIONS)?);
    consent(instance, &sessions, CLIENT_ID, SCOPE)?;
    let bare = Bare::start(1_000)?;
    let mut strangers = pages(CONNECTIONS, vec![get("localhost", "/", sessions[0].as_str())]);
    let service = Service::with_secret();
    let mut short = flows(instance, &sessions, (&service, CONNECTIONS), false);
    let mut whole = flows(instance, &sessions, (&service, CONNECTIONS), true);
    let duration = options.duration();
    let contenders = vec![
        Contender::served("code flow: authorize, token", &server, || drive(instance.address, &mut short, duration)),
        Contender::served("the same and userinfo", &server, || drive(instance.address, &mut whole, duration)),
        Contender::own("durable commits alone", || commits(options, instance, runtime)),
        Contender::own("ES256 signatures alone, 2 threads", || bare::es256(duration)),
        Contender::served("bare requests", &bare.process, || drive(bare.address, &mut strangers, duration)),
    ];
    let measured = compare("C. The code flow", options.pace(), contenders)?;
    if let [short, whole, commits, signatures, requests] = measured.as_slice() {
        println!("\nOf what each alone would allow:\n");
        for (flow, name, count) in [(short, "without", 2.0), (whole, "with", 3.0)] {
            let share = |base: &Contender<'_>, times: f64| 100.0 * times * flow.ratio_to(base);
            // What a flow would take if its parts were everything and came one after another.
            let floor = 2.0 / commits.rate() + 2.0 / signatures.rate() + count / requests.rate();
            println!(
                "* {name} userinfo: {:.1} % of 2 commits, {:.1} % of 2 signatures, {:.1} % of {count} requests, \
                 {:.1} % of all of them in sequence",
                share(commits, 2.0),
                share(signatures, 2.0),
                share(requests, count),
                100.0 * flow.rate() * floor
            );
        }
    }
    Ok(())
}

/// D: what it takes before the first request.
fn starting(instance: &Instance) -> Outcome<()> {
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (server, took): (Process, Duration) = instance.start()?;
        times.push(1000.0 * took.as_secs_f64());
        std::thread::sleep(Duration::from_secs(2));
        memory.push(server.resident_mebibytes()?);
    }
    println!(
        "\n### D. Starting\n\nFrom exec to ready: {:.0} ms\nMemory two seconds later: {:.1} MiB",
        median(&times),
        median(&memory)
    );
    Ok(())
}

/// E: the same work with few accounts and with many.
fn many_accounts(options: &Options, small: &Instance, runtime: &Runtime) -> Outcome<()> {
    let large = runtime.block_on(Instance::prepare(options.database, "large", options.accounts))?;
    let (server_small, _) = small.start()?;
    let (server_large, _) = large.start()?;
    let duration = options.duration();
    let visit = |instance: &Instance, accounts| -> Outcome<_> {
        let sessions = sessions(instance, accounts, 4 * SESSIONS)?;
        let mut people = pages(CONNECTIONS, page_requests(instance, &sessions, ""));
        let address = instance.address;
        Ok(move || drive(address, &mut people, duration))
    };
    let mut few = sign_ins(small, ACCOUNTS, SIGNERS);
    let mut many = sign_ins(&large, options.accounts, SIGNERS);
    let (thousand, name) = (format!("{ACCOUNTS} accounts"), format!("{} accounts", options.accounts));
    let contenders = vec![
        Contender::served(&thousand, &server_small, || drive_apart(small.address, &mut few, duration)),
        Contender::served(&name, &server_large, || drive_apart(large.address, &mut many, duration)),
    ];
    compare("E. Signing in with few and with many accounts", options.pace(), contenders)?;
    let contenders = vec![
        Contender::served(&thousand, &server_small, visit(small, ACCOUNTS)?),
        Contender::served(&name, &server_large, visit(&large, options.accounts)?),
    ];
    compare("E. GET /konto with few and with many accounts", options.pace(), contenders)?;
    Ok(())
}
