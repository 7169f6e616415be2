//! The demonstration: everything on one machine with keys that everybody has. `serve` never reaches it.

pub mod mail;
pub mod people;
pub mod service;

use std::path::Path;

use base64::Engine as _;

use crate::app::{self, App, DEVELOPMENT_MASTER_KEY, Surroundings};
use crate::client::{self, ClientFile};
use crate::config::{Config, Database, SecretSource};
use crate::kernel::secret::{hex, sha256};
use crate::serve;
use crate::store::work::Actor;

/// Where people reach the account and the municipal service.
const ISSUER: &str = "http://localhost:8080";
const SERVICE: &str = "http://localhost:8081";

/// Runs until told to stop.
pub async fn run(
    directory: &Path,
    fresh: bool,
    say: impl Fn(&str),
    stop: impl Future<Output = ()>,
) -> Result<(), String> {
    let complain = |error: std::io::Error| format!("{}: {error}", directory.display());
    if fresh && directory.join("nutzerkonto.db").exists() {
        std::fs::remove_dir_all(directory).map_err(complain)?;
    }
    std::fs::create_dir_all(directory).map_err(complain)?;
    let config = config(directory)?;
    let (listen, service_listen) = (config.server.listen, ([127, 0, 0, 1], 8081).into());
    let app = app::open(config, Surroundings::default()).await?;
    apply_clients(&app).await?;
    people::introduce(&app).await.map_err(|error| error.to_string())?;
    let running = serve::start(app.clone(), serve::bind(listen)?).await?;
    let service = service::start(ISSUER, SERVICE, serve::bind(service_listen)?)?;
    say(&greeting(directory));
    stop.await;
    say("Wird beendet / stopping …");
    service.stop(true).await;
    running.stop().await;
    app.db.close().await;
    Ok(())
}

fn greeting(directory: &Path) -> String {
    let people: String = people::PEOPLE
        .iter()
        .map(|person| format!("    {:24} {:28} {}\n", person.full_name(), person.email, people::PASSWORD))
        .collect();
    format!(
        "\nDAS IST EINE DEMONSTRATION. Die Schlüssel kennt jeder; geben Sie keine echten Daten ein.\n\
         THIS IS A DEMONSTRATION. Everybody has its keys; do not enter real data.\n\n\
         \x20 Bewohnerparken, Stadt Musterhausen (start here)   {SERVICE}\n\
         \x20 Nutzerkonto / your account                        {ISSUER}\n\
         \x20 E-Mails, die verschickt würden / mails            {ISSUER}/demo/mail\n\
         \x20 Daten / data                                      {}   (--fresh starts over)\n\n\
         \x20 Personen / people:\n{people}\n\
         Beenden mit / stop with Ctrl-C.\n",
        directory.display()
    )
}

/// The settings of a demonstration: SQLite, mail as files, the keys of `keys-dev`.
fn config(directory: &Path) -> Result<Config, String> {
    let key = directory.join("master.key");
    std::fs::write(&key, DEVELOPMENT_MASTER_KEY).map_err(|error| format!("{}: {error}", key.display()))?;
    let mut config = Config::parse(&format!("issuer = \"{ISSUER}\""))?;
    config.keys.master_key = SecretSource(format!("file:{}", key.display()));
    let url = format!("sqlite:{}", directory.join("nutzerkonto.db").display());
    config.database = Database { url, ..Database::default() };
    config.mail.directory = Some(directory.join("mail"));
    config.demo = true;
    Ok(config)
}

/// The secret of the demonstration's service; as public as everything here.
fn service_secret() -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256(b"bewohnerparken"))
}

async fn apply_clients(app: &App) -> Result<(), String> {
    let hash = hex(&sha256(service_secret().as_bytes()));
    let text = include_str!("clients.toml").replace("{service}", SERVICE).replace("{hash}", &hash);
    let file = ClientFile::parse(&text, true)?;
    let text = |error: crate::kernel::error::Error| error.to_string();
    let mut work = app.begin(Actor::System("demo")).await.map_err(text)?;
    client::apply(&mut work, &file).await.map_err(text)?;
    work.commit().await.map_err(text)
}
