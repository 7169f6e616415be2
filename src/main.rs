//! The commands.

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commands::{ConfigFile, open, say};
use nutzerkonto::account::email::EmailAddress;
use nutzerkonto::app::{self, App, Surroundings};
use nutzerkonto::audit;
use nutzerkonto::config::{Config, LogFormat};
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::key_times::State;
use nutzerkonto::kernel::keys::Purpose;
use nutzerkonto::operator::{self, Inquiry};
use nutzerkonto::organisation::elsewhere;
use nutzerkonto::proofing::upstream::Providers;
use nutzerkonto::store::retention;
use nutzerkonto::{demo, keys, serve};
use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(Parser)]
#[command(version, about = "OpenID Provider and user account for public administration")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests
    Serve(ConfigFile),
    /// Try everything out on this machine: people, a municipal service, mail to look at
    Demo {
        /// Forget everything of earlier demonstrations
        #[arg(long)]
        fresh: bool,
        /// Where it keeps its data
        #[arg(long, default_value = "data/demo")]
        directory: PathBuf,
        /// Port of the account; the service, its register, the eID-Server, the eID-Client, the other Land and the company register take the next six
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// A PostgreSQL database instead of a file in the directory, as `postgres://user@host/name`
        #[arg(long, conflicts_with = "fresh")]
        database: Option<String>,
        /// A file with the settings of `[objects]`, as for a bucket, instead of files in the directory
        #[arg(long, conflicts_with = "fresh")]
        objects: Option<PathBuf>,
    },
    /// Bring the database's schema up to date and stop
    Migrate(ConfigFile),
    /// Print the settings in force, or what is wrong with them
    CheckConfig(ConfigFile),
    /// Signing keys and the master key
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Relying parties
    #[command(subcommand)]
    Client(commands::client::ClientCommand),
    /// Files of people and organisations
    #[command(subcommand)]
    Objects(commands::objects::ObjectsCommand),
    /// Devices that show one-time codes
    #[command(subcommand)]
    CodeDevices(commands::code_devices::CodeDevicesCommand),
    /// Offices with a registration desk
    #[command(subcommand)]
    Office(commands::office::OfficeCommand),
    /// Who acts for them
    #[command(subcommand)]
    Officer(commands::office::OfficerCommand),
    /// Legal guardians whom a registration desk has recorded
    #[command(subcommand)]
    Guardian(commands::guardian::GuardianCommand),
    /// Companies, associations and authorities: every look and every act needs a reason, which their members read
    #[command(subcommand)]
    Organisation(commands::organisation::OrganisationCommand),
    /// Deliver notices as an authority's program does, over the interface
    Deliver(commands::deliver::Deliver),
    /// Check a receipt of a notice, without a connection to anything
    VerifyReceipt(commands::receipt::VerifyReceipt),
    /// After a restore: which notices do authorities have receipts for that are not here
    MissingNotices(commands::receipt::MissingNotices),
    /// The audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Support for accounts: every look and every act needs a reason, which the owner reads
    #[command(subcommand)]
    Account(AccountCommand),
    /// Print what is kept how long, and what is due to go now; changes nothing
    Retention(ConfigFile),
    /// Make many accounts, to measure with
    #[command(hide = true)]
    Seed {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(long)]
        accounts: u64,
        /// Let an office have checked who they are
        #[arg(long)]
        proven: bool,
    },
}

#[derive(Subcommand)]
enum KeysCommand {
    /// List the signing keys and what each does
    List(ConfigFile),
    /// Make new signing keys, which are published at once and sign from an hour on
    Rotate {
        #[command(flatten)]
        config: ConfigFile,
        /// Only for this purpose: id-token, access-token, audit or receipt
        #[arg(long, value_parser = Purpose::parse)]
        purpose: Option<Purpose>,
        /// Instead: this key is not believed any more from now on; if it signs, a new one takes its place at once
        #[arg(long, value_name = "KEY_ID", conflicts_with = "purpose")]
        revoke: Option<String>,
        /// Instead: wrap everything that another master key wrapped with the one in force
        #[arg(long, conflicts_with_all = ["purpose", "revoke"])]
        master: bool,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Recompute the whole chain and compare it with every signed head
    Verify {
        #[command(flatten)]
        config: ConfigFile,
        /// Signed heads that were kept elsewhere, one in each line
        #[arg(long)]
        heads: Option<PathBuf>,
    },
    /// Show the newest events
    Show {
        #[command(flatten)]
        config: ConfigFile,
        /// Only of this account or client
        #[arg(long)]
        subject: Option<String>,
        /// Only of this kind, such as `session.begun`
        #[arg(long)]
        kind: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: i64,
    },
    /// Seal what is unsealed and print the signed end of the chain, to be kept elsewhere
    ExportHead(ConfigFile),
}

/// Which account, by whom and why.
#[derive(clap::Args)]
struct Inquired {
    #[command(flatten)]
    config: ConfigFile,
    /// The account's number, `acc_...`
    #[arg(long, required_unless_present = "email", conflicts_with = "email")]
    id: Option<String>,
    /// One of its addresses, exactly
    #[arg(long)]
    email: Option<String>,
    /// One sentence; the owner of the account reads it
    #[arg(long)]
    reason: String,
    /// The name under which you work; it stays in the audit trail, the owner does not read it
    #[arg(long, env = "USER")]
    operator: String,
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Say whether an account exists and how it stands
    Find(Inquired),
    /// Let nobody in, end all sessions, give services nothing
    Lock(Inquired),
    /// End the lock
    Unlock(Inquired),
    /// Print the data protocol as its owner reads it
    ShowProtocol(Inquired),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return complain("the cryptographic provider is already installed");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.to_string()),
    };
    match runtime.block_on(run(arguments.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

#[expect(clippy::print_stderr, reason = "a command line program explains its refusal there")]
fn complain(error: &str) -> ExitCode {
    eprintln!("nutzerkonto: {error}");
    ExitCode::FAILURE
}

async fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Serve(file) => serve_until_told(Config::read(&file.config)?).await,
        Command::Demo { fresh, directory, port, database, objects } => {
            let options = demo::Options { directory, fresh, port, database, objects };
            demo::run(&options, say, StopSignal::listen()?.wait()).await
        }
        Command::Migrate(file) => {
            open(&file).await?.db.close().await;
            say("the schema is up to date");
            Ok(())
        }
        Command::CheckConfig(file) => {
            let config = Config::read(&file.config)?;
            app::check(&config)?;
            serve::tls(&config.server)?;
            Providers::open(&config.upstream)?;
            elsewhere::check(&config.upstream)?;
            say(&config.in_force()?);
            Ok(())
        }
        Command::Keys(command) => run_keys(command).await,
        Command::Client(command) => commands::client::run(command).await,
        Command::CodeDevices(command) => commands::code_devices::run(command).await,
        Command::Objects(command) => commands::objects::run(command).await,
        Command::Office(command) => commands::office::run(command).await,
        Command::Officer(command) => commands::office::run_officer(command).await,
        Command::Guardian(command) => commands::guardian::run(command).await,
        Command::Organisation(command) => commands::organisation::run(command).await,
        Command::Deliver(command) => commands::deliver::run(&command).await,
        Command::VerifyReceipt(command) => commands::receipt::verify(&command),
        Command::MissingNotices(command) => commands::receipt::missing(&command).await,
        Command::Audit(command) => run_audit(command).await,
        Command::Account(command) => run_account(command).await,
        Command::Retention(config) => {
            let app = open(&config).await?;
            let due = retention::report(&app.db, app.now()).await.map_err(|error| error.to_string())?;
            for (rule, rows) in due {
                say(&rule.line(rows));
            }
            Ok(())
        }
        Command::Seed { config, accounts, proven } => {
            let app = open(&config).await?;
            demo::people::seed(&app, accounts, proven).await.map_err(|error| error.to_string())
        }
    }
}

async fn run_keys(command: KeysCommand) -> Result<(), String> {
    let text = |error: nutzerkonto::kernel::error::Error| error.to_string();
    match command {
        KeysCommand::List(config) => {
            for (times, state) in open(&config).await?.keys.list() {
                say(&keys::Line(&times, state).to_string());
            }
        }
        KeysCommand::Rotate { config, master: true, .. } => {
            let done = keys::master::rewrap(&*open(&config).await?).await.map_err(text)?;
            let root = if done.root { 1 } else { 0 };
            say(&format!(
                "wrapped anew: {} accounts, {} registrations, {} organisations, {root} root secret",
                done.accounts, done.registrations, done.organisations
            ));
            if done.left > 0 {
                return Err(format!("{} keys are left: see docs/operations.md, Another master key", done.left));
            }
            say("the master key in force has wrapped everything");
        }
        KeysCommand::Rotate { config, revoke: Some(key_id), .. } => {
            let replacement = keys::rotate::revoke(&*open(&config).await?, &key_id).await.map_err(text)?;
            say(&format!("{key_id}  revoked: no node believes it or publishes it a second from now"));
            if let Some(times) = replacement {
                say(&keys::Line(&times, State::Signs).to_string());
            }
        }
        KeysCommand::Rotate { config, purpose, .. } => {
            let purposes = purpose.map_or(Purpose::ALL.to_vec(), |purpose| vec![purpose]);
            for times in keys::rotate::rotate(&*open(&config).await?, &purposes).await.map_err(text)? {
                say(&keys::Line(&times, State::Next).to_string());
            }
            say(
                "published now; those that sign until then verify for another day, those of the audit trail and of receipts for ever",
            );
        }
    }
    Ok(())
}

async fn run_audit(command: AuditCommand) -> Result<(), String> {
    let text = |error: Error| error.to_string();
    match command {
        AuditCommand::Verify { config, heads } => {
            let kept = heads.map_or_else(|| Ok(String::new()), std::fs::read_to_string);
            let kept: Vec<String> = kept.map_err(|error| error.to_string())?.lines().map(str::to_owned).collect();
            let app = open(&config).await?;
            let mut tx = app.read().await.map_err(|error| error.to_string())?;
            let report = audit::verify::verify(&mut tx, &app.keys.current(), &app.config.issuer, &kept, app.now())
                .await
                .map_err(text)?;
            for finding in &report.findings {
                say(&finding.to_string());
            }
            let (events, heads, unsealed) = (report.events, report.heads, report.unsealed);
            say(&format!("{events} sealed events, {heads} signed heads, {unsealed} events not sealed yet"));
            if report.is_sound() { Ok(()) } else { Err(format!("{} findings", report.findings_total)) }
        }
        AuditCommand::Show { config, subject, kind, limit } => {
            let mut tx = open(&config).await?.read().await.map_err(|error| error.to_string())?;
            let limit = limit.clamp(1, 10_000);
            let events = audit::newest(&mut tx, subject.as_deref(), kind.as_deref(), limit).await.map_err(text)?;
            for event in events {
                say(&event.to_string());
            }
            Ok(())
        }
        AuditCommand::ExportHead(config) => {
            say(&audit::head::sign(&*open(&config).await?).await.map_err(text)?);
            Ok(())
        }
    }
}

/// The account that is meant, if there is one.
async fn meant(app: &App, asked: &Inquired) -> Result<Option<AccountId>, String> {
    let Some(email) = &asked.email else {
        let id = asked.id.as_deref().and_then(AccountId::parse);
        return id.map(Some).ok_or_else(|| "id: an account's number has 30 characters and begins with acc_".to_owned());
    };
    let email = EmailAddress::parse(email).ok_or_else(|| "email: not an address".to_owned())?;
    operator::find_by_email(app, &email).await.map_err(|error| error.to_string())
}

async fn run_account(command: AccountCommand) -> Result<(), String> {
    let text = |error: Error| match error {
        Error::NotFound => "there is no such account, or it has been erased".to_owned(),
        Error::Conflict(_) => "the account is not in a state that allows this; see `account find`".to_owned(),
        other => other.to_string(),
    };
    let (AccountCommand::Find(asked)
    | AccountCommand::Lock(asked)
    | AccountCommand::Unlock(asked)
    | AccountCommand::ShowProtocol(asked)) = &command;
    let by = Inquiry::new(&asked.operator, &asked.reason)?;
    let app = open(&asked.config).await?;
    let id = meant(&app, asked).await?;
    if let AccountCommand::Find(_) = command {
        let found = operator::find(&app, &by, id).await.map_err(text)?;
        say(&found.ok_or_else(|| text(Error::NotFound))?.to_string());
        return Ok(());
    }
    let id = id.ok_or_else(|| text(Error::NotFound))?;
    match command {
        AccountCommand::Lock(_) => operator::lock(&app, &by, &id).await.map_err(text)?,
        AccountCommand::Unlock(_) => operator::unlock(&app, &by, &id).await.map_err(text)?,
        _ => {
            for entry in operator::read_protocol(&app, &by, &id).await.map_err(text)? {
                say(&entry.to_string());
            }
        }
    }
    Ok(())
}

async fn serve_until_told(config: Config) -> Result<(), String> {
    // Before anything else: told to stop while starting, it still stops in order.
    let stop = StopSignal::listen()?;
    start_log(&config);
    let (listen, operations_listen) = (config.server.listen, config.server.operations_listen);
    let app = app::open(config, Surroundings::default()).await?;
    let metrics = serve::install_metrics()?;
    let operations = serve::start_operations(app.clone(), serve::bind(operations_listen)?, metrics)?;
    let running = serve::start(app.clone(), serve::bind(listen)?).await?;
    tracing::info!(issuer = app.config.issuer, %listen, "ready");
    stop.wait().await;
    tracing::info!("stopping");
    running.stop().await;
    operations.stop(true).await;
    app.db.close().await;
    Ok(())
}

/// SIGINT and SIGTERM, from the moment on at which one listens.
struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| error.to_string());
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn start_log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log.level).unwrap_or_else(|_| "info".into());
    // What a stranger sends as a passkey is no error of ours, however the library calls it; refusals are told where they are made.
    let filter = match "webauthn_rs_core=off".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Human => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
}
