//! `client`: relying parties as the operator runs them.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use nutzerkonto::app::App;
use nutzerkonto::client::state::Standing;
use nutzerkonto::client::{Authentication, ClientFile};
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::ClientId;
use nutzerkonto::kernel::random::Random;
use nutzerkonto::kernel::secret::{hex, sha256};
use nutzerkonto::kernel::texts::{Language, moment};
use nutzerkonto::oidc::logout_state;
use nutzerkonto::operator::client::{self, Applied, Plan};
use nutzerkonto::operator::{Inquiry, operator_name};

use super::registration::{self, RegistrationCommand};
use super::{ConfigFile, open, say};

/// Which client, by whom and why.
#[derive(clap::Args)]
pub struct Switched {
    #[command(flatten)]
    pub config: ConfigFile,
    pub id: String,
    /// One sentence; it stays in the audit trail
    #[arg(long)]
    pub reason: String,
    /// The name under which you work; it stays in the audit trail
    #[arg(long, env = "USER")]
    pub operator: String,
}

#[derive(Subcommand)]
pub enum ClientCommand {
    /// Say what applying a file would change
    Plan {
        #[command(flatten)]
        config: ConfigFile,
        /// The file that declares all clients
        file: PathBuf,
    },
    /// Make the clients be what a file says
    Apply {
        #[command(flatten)]
        config: ConfigFile,
        /// The file that declares all clients
        file: PathBuf,
        /// Also if services that people are connected with will not recognise them any more
        #[arg(long)]
        change_subjects: bool,
    },
    /// List the clients and how they stand
    List(ConfigFile),
    /// Say everything that is in force for a client
    Show {
        #[command(flatten)]
        config: ConfigFile,
        id: String,
    },
    /// Switch a client off: within a second it is refused everywhere
    Disable(Switched),
    /// Switch it on again
    Enable(Switched),
    /// Make a new secret for a client whose file declares none, and show it this once
    RotateSecret {
        #[command(flatten)]
        config: ConfigFile,
        id: String,
        /// For how long the secret before counts on; with 0 every secret before ends at once
        #[arg(long, default_value_t = 24)]
        overlap_hours: u64,
        /// The name under which you work; it stays in the audit trail
        #[arg(long, env = "USER")]
        operator: String,
    },
    /// Say which services have been told that people have signed out: how many, the oldest, the last reason
    Logouts {
        #[command(flatten)]
        config: ConfigFile,
        /// Only of this client
        #[arg(long)]
        client: Option<String>,
        /// Only these: waiting, told or failed
        #[arg(long, value_parser = logout_state::State::parse)]
        state: Option<logout_state::State>,
        #[arg(long, default_value_t = 100)]
        limit: i64,
    },
    /// Make a client secret and the hash that belongs into the file
    Secret,
    #[command(flatten)]
    Registration(RegistrationCommand),
}

pub async fn run(command: ClientCommand) -> Result<(), String> {
    match command {
        ClientCommand::Plan { config, file } => {
            let app = open(&config).await?;
            let declared = read_clients(&app, &file)?;
            tell(&client::plan(&app, &declared).await.map_err(text)?);
        }
        ClientCommand::Apply { config, file, change_subjects } => {
            let app = open(&config).await?;
            let declared = read_clients(&app, &file)?;
            match client::apply(&app, &declared, change_subjects).await.map_err(text)? {
                Applied::Done(plan) => tell(&plan),
                Applied::Refused(plan) => {
                    tell(&plan);
                    return Err("nothing was changed: if subjects are to change, say --change-subjects".to_owned());
                }
            }
        }
        ClientCommand::List(config) => {
            let app = open(&config).await?;
            for (standing, accounts) in client::list(&app).await.map_err(text)? {
                say(&line(&app, &standing, accounts));
            }
        }
        ClientCommand::Show { config, id } => {
            let app = open(&config).await?;
            let (standing, accounts) = client::find(&app, &ClientId(id)).await.map_err(text)?;
            say(standing.describe(accounts, app.now()).trim_end());
        }
        ClientCommand::Disable(asked) => {
            let by = Inquiry::new(&asked.operator, &asked.reason)?;
            let id = ClientId(asked.id);
            client::disable(&*open(&asked.config).await?, &by, &id).await.map_err(text)?;
            say(&format!("{id}  switched off: no node knows it a second from now"));
        }
        ClientCommand::Enable(asked) => {
            let by = Inquiry::new(&asked.operator, &asked.reason)?;
            let id = ClientId(asked.id);
            client::enable(&*open(&asked.config).await?, &by, &id).await.map_err(text)?;
            say(&format!("{id}  switched on"));
        }
        ClientCommand::RotateSecret { config, id, overlap_hours, operator } => {
            rotate(&config, &ClientId(id), (overlap_hours, &operator)).await?;
        }
        ClientCommand::Logouts { config, client, state, limit } => {
            let filter = logout_state::Filter { client: client.map(ClientId), state, limit: limit.clamp(1, 10_000) };
            tell_logouts(&config, &filter).await?;
        }
        ClientCommand::Secret => tell_secret(),
        ClientCommand::Registration(command) => registration::run(command).await?,
    }
    Ok(())
}

fn tell_secret() {
    let secret = Random::System.token();
    let hash = hex(&sha256(secret.expose().as_bytes()));
    let secret = secret.expose();
    say(&format!("secret        = {secret}   (for the service; it is not stored here)\nsecret_sha256 = \"{hash}\""));
}

async fn tell_logouts(config: &ConfigFile, filter: &logout_state::Filter) -> Result<(), String> {
    let mut tx = open(config).await?.read().await.map_err(|error| error.to_string())?;
    for line in logout_state::report(&mut tx, filter).await.map_err(text)? {
        say(&line.to_string());
    }
    Ok(())
}

pub fn text(error: Error) -> String {
    match error {
        Error::NotFound => "there is no such client".to_owned(),
        Error::Conflict(why) => why.to_owned(),
        other => other.to_string(),
    }
}

async fn rotate(config: &ConfigFile, id: &ClientId, (hours, operator): (u64, &str)) -> Result<(), String> {
    let (overlap, operator) = (client::overlap(hours)?, operator_name(operator)?);
    let app = open(config).await?;
    let secret = client::rotate_secret(&app, &operator, id, overlap).await.map_err(text)?;
    let before = if overlap.is_zero() {
        "those before it have ended".to_owned()
    } else {
        format!("those before it end {}", moment::date_and_clock(Language::En, app.now().plus(overlap)))
    };
    say(&format!("secret = {}   (for the service; nobody can show it again)\n{before}", secret.expose()));
    Ok(())
}

fn line(app: &App, standing: &Standing, accounts: i64) -> String {
    let client = &standing.client;
    let state = match (&standing.disabled, &standing.origin) {
        (Some(_), _) => "off",
        (None, Some(origin)) if origin.approved.is_none() => "on (not approved)",
        (None, _) => "on",
    };
    let method = match &client.authentication {
        Authentication::PrivateKeyJwt { .. } => "private_key_jwt",
        Authentication::ClientSecretBasic { .. } => "client_secret_basic",
        Authentication::ClientSecretPost { .. } => "client_secret_post",
        Authentication::SelfSignedTlsClientAuth { .. } => "self_signed_tls_client_auth",
        Authentication::TlsClientAuth { .. } => "tls_client_auth",
        Authentication::None {} => "none",
    };
    let lacking = if standing.lacks_secret(app.now()) { " (no secret)" } else { "" };
    let (title, level, profile) = (client.title(Language::De), client.level.name(), client.profile.name());
    format!("{}  {state}  {title}  {level}  {profile}  {method}{lacking}  {accounts} accounts", client.id)
}

fn read_clients(app: &App, file: &Path) -> Result<ClientFile, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    ClientFile::parse(&text, app.config.is_loopback()).map_err(|error| format!("{}: {error}", file.display()))
}

fn tell(plan: &Plan) {
    if plan.changes.is_empty() {
        say("nothing to change");
    }
    for (id, change) in &plan.changes {
        say(&format!("{}  {id}", format!("{change:?}").to_lowercase()));
    }
    for warning in &plan.warnings {
        say(&format!("note  {warning}"));
    }
}
