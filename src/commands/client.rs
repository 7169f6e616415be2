//! `client`: relying parties as the operator runs them.

use std::path::PathBuf;

use clap::Subcommand;
use nutzerkonto::app::App;
use nutzerkonto::client::{self, ClientFile};
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::random::Random;
use nutzerkonto::kernel::secret::{hex, sha256};
use nutzerkonto::store::work::Actor;

use super::{ConfigFile, open, say};

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
    },
    /// List the clients in force
    List(ConfigFile),
    /// Make a client secret and the hash that belongs into the file
    Secret,
}

pub async fn run(command: ClientCommand) -> Result<(), String> {
    let text = |error: Error| error.to_string();
    match command {
        ClientCommand::Plan { config, file } => {
            let app = open(&config).await?;
            let declared = read_clients(&app, &file)?;
            let mut tx = app.read().await.map_err(|error| error.to_string())?;
            tell(&client::plan(&mut tx, &declared).await.map_err(text)?);
        }
        ClientCommand::Apply { config, file } => {
            let app = open(&config).await?;
            let declared = read_clients(&app, &file)?;
            let mut work = app.begin(Actor::System("client apply")).await.map_err(text)?;
            let changes = client::apply(&mut work, &declared).await.map_err(text)?;
            work.commit().await.map_err(text)?;
            tell(&changes);
        }
        ClientCommand::List(config) => {
            let app = open(&config).await?;
            let mut tx = app.read().await.map_err(|error| error.to_string())?;
            for client in client::list(&mut tx).await.map_err(text)? {
                say(&format!(
                    "{}  {}  {:?}  {}",
                    client.id,
                    client.title(Default::default()),
                    client.profile,
                    client.level.name()
                ));
            }
        }
        ClientCommand::Secret => {
            let secret = Random::System.token();
            let hash = hex(&sha256(secret.expose().as_bytes()));
            say(&format!(
                "secret        = {}   (for the service; it is not stored here)\nsecret_sha256 = \"{hash}\"",
                secret.expose()
            ));
        }
    }
    Ok(())
}

fn read_clients(app: &App, file: &std::path::Path) -> Result<ClientFile, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    ClientFile::parse(&text, app.config.is_loopback()).map_err(|error| format!("{}: {error}", file.display()))
}

fn tell(changes: &std::collections::BTreeMap<nutzerkonto::kernel::id::ClientId, client::Change>) {
    if changes.is_empty() {
        say("nothing to change");
    }
    for (id, change) in changes {
        say(&format!("{}  {id}", format!("{change:?}").to_lowercase()));
    }
}
