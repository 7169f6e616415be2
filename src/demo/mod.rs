//! The demonstration: everything on one machine with keys that everybody has. `serve` never reaches it.

pub mod mail;
pub mod people;
mod register;
mod service;
mod signed;

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;

use crate::app::{self, App, DEVELOPMENT_MASTER_KEY, Surroundings};
use crate::client::{self, ClientFile};
use crate::config::Config;
use crate::kernel::secret::{hex, sha256};
use crate::serve;
use crate::store::work::Actor;
use service::Addresses;

const CLIENT_ID: &str = "bewohnerparken";

/// What the command line says.
pub struct Options {
    pub directory: PathBuf,
    pub fresh: bool,
    /// The account's; the service and the register take the next two.
    pub port: u16,
    /// Instead of a file in the directory.
    pub database: Option<String>,
}

/// Runs until told to stop.
pub async fn run(options: &Options, say: impl Fn(&str), stop: impl Future<Output = ()>) -> Result<(), String> {
    let complain = |error: std::io::Error| format!("{}: {error}", options.directory.display());
    if options.fresh && options.directory.join("nutzerkonto.db").exists() {
        std::fs::remove_dir_all(&options.directory).map_err(complain)?;
    }
    std::fs::create_dir_all(&options.directory).map_err(complain)?;
    let directory = options.directory.canonicalize().map_err(complain)?;
    let port = |further: u16| options.port.checked_add(further).ok_or("the port is too high");
    let address = |port| format!("http://localhost:{port}");
    let at = Addresses { issuer: address(port(0)?), service: address(port(1)?), register: address(port(2)?) };
    let config = config(options, &directory, &at)?;
    let listener = |port| serve::bind(([127, 0, 0, 1], port).into());
    let app = app::open(config, Surroundings::default()).await?;
    let clients = clients(&directory, &at)?;
    apply(&app, &clients).await?;
    people::introduce(&app).await.map_err(|error| error.to_string())?;
    let running = serve::start(app.clone(), listener(port(0)?)?).await?;
    let http = http()?;
    let register = register::start(&at.issuer, &at.register, http.clone(), listener(port(2)?)?)?;
    say(&greeting(&directory, &at));
    let service = service::start(at, http, listener(port(1)?)?)?;
    stop.await;
    say("Wird beendet / stopping …");
    service.stop(true).await;
    register.stop(true).await;
    running.stop().await;
    app.db.close().await;
    Ok(())
}

fn greeting(directory: &Path, at: &Addresses) -> String {
    let people: String = people::PEOPLE
        .iter()
        .map(|person| format!("    {:24} {:28} {}\n", person.full_name(), person.email, people::PASSWORD))
        .collect();
    let Addresses { issuer, service, register } = at;
    let directory = directory.display();
    format!(
        "\nDAS IST EINE DEMONSTRATION. Die Schlüssel kennt jeder; geben Sie keine echten Daten ein.\n\
         THIS IS A DEMONSTRATION. Everybody has its keys; do not enter real data.\n\n\
         \x20 Bewohnerparken, Stadt Musterhausen (start here)   {service}\n\
         \x20 Nutzerkonto / your account                        {issuer}\n\
         \x20 E-Mails, die verschickt würden / mails            {issuer}/demo/mail\n\
         \x20 Ausweisregister (API)                             {register}/ausweise\n\
         \x20 Daten / data                                      {directory}   (--fresh starts over)\n\n\
         \x20 Personen / people:\n{people}\n\
         \x20 Zum Ausprobieren / what to try:\n\
         \x20   1. Beim Dienst anmelden, Daten ansehen / sign in at the service, look at the data\n\
         \x20   2. Ausweise abrufen: eine API, die das Token selbst prüft / fetch permits: an API that checks the token\n\
         \x20   3. Token erneuern / refresh the tokens\n\
         \x20   4. Im Konto abmelden, beim Dienst neu laden / sign out at the account, reload the service\n\
         \x20   5. Die Knöpfe unter „Mehr ausprobieren“ / the buttons under \"more to try\"\n\
         \x20   6. Ihr eigener Dienst / your own service: docs/integrate.md, {directory}/clients.toml\n\n\
         Beenden mit / stop with Ctrl-C.\n"
    )
}

/// The settings of a demonstration: SQLite, mail as files, the keys of `keys-dev`. They are written down, so that the other
/// commands of the program can be tried on it.
fn config(options: &Options, directory: &Path, at: &Addresses) -> Result<Config, String> {
    let key = directory.join("master.key");
    write(&key, DEVELOPMENT_MASTER_KEY)?;
    let database = options.database.clone();
    let database = database.unwrap_or_else(|| format!("sqlite:{}", directory.join("nutzerkonto.db").display()));
    let text = |text: &str| toml::Value::from(text).to_string();
    let settings = format!(
        "# Written at every start of the demonstration.\n\
         issuer = {issuer}\n\n[server]\nlisten = \"127.0.0.1:{port}\"\n\n[database]\nurl = {database}\n\n\
         [keys]\nmaster_key = {key}\n\n[mail]\ndirectory = {mail}\n\n\
         # Services on this machine may be told that a session has ended.\n\
         [outbound]\nallowed_hosts = [\"localhost\"]\n",
        issuer = text(&at.issuer),
        port = options.port,
        database = text(&database),
        key = text(&format!("file:{}", key.display())),
        mail = text(&directory.join("mail").display().to_string()),
    );
    write(&directory.join("nutzerkonto.toml"), &settings)?;
    let mut config = Config::parse(&settings)?;
    config.demo = true;
    Ok(config)
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Calls from program to program: without redirects, which no answer of the protocol to a program needs.
fn http() -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.no_proxy().timeout(Duration::from_secs(10)).build().map_err(|error| error.to_string())
}

/// The secret of the demonstration's service; as public as everything here.
fn client_secret() -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256(CLIENT_ID.as_bytes()))
}

/// What stands below this line in the file of clients is the developer's and stays.
const OWN_CLIENTS: &str = "# --- Below this line is yours; what stands above is written anew at every start. ---\n";

/// The file of clients: the demonstration's own, and whatever somebody has added to try out.
fn clients(directory: &Path, at: &Addresses) -> Result<ClientFile, String> {
    let file = directory.join("clients.toml");
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    let added = before.split_once(OWN_CLIENTS).map_or("", |(_, added)| added);
    let hash = hex(&sha256(client_secret().as_bytes()));
    let own = include_str!("clients.toml");
    let own = own.replace("{service}", &at.service).replace("{register}", &at.register).replace("{hash}", &hash);
    let text = format!("{own}\n{OWN_CLIENTS}{added}");
    let read = ClientFile::parse(&text, true).map_err(|error| format!("{}: {error}", file.display()))?;
    write(&file, &text)?;
    Ok(read)
}

async fn apply(app: &App, clients: &ClientFile) -> Result<(), String> {
    let text = |error: crate::kernel::error::Error| error.to_string();
    let mut work = app.begin(Actor::System("demo")).await.map_err(text)?;
    client::apply(&mut work, clients).await.map_err(text)?;
    work.commit().await.map_err(text)
}
