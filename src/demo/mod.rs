//! The demonstration: everything on one machine with keys that everybody has. `serve` never reaches it.

pub mod code_device;
pub mod company_register;
pub mod eid;
pub mod lands;
pub mod letters;
pub mod mail;
mod organisation;
pub mod people;
mod postbox;
mod register;
mod service;
mod signed;

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;

use crate::app::{self, App, Surroundings};
use crate::client::{self, ClientFile};
use crate::kernel::secret::{hex, sha256};
use crate::proofing::office::{self, OfficeFile};
use crate::serve;
use crate::store::work::Actor;
use lands::{OTHER, OWN, Place};
use service::Addresses;

const CLIENT_ID: &str = "bewohnerparken";
/// What the office has delivered last.
const NOTICE_FILE: &str = "nachricht.json";

/// What the command line says.
pub struct Options {
    pub directory: PathBuf,
    pub fresh: bool,
    /// The account's; the service, the register, the eID-Server, the eID-Client, the other Land and the company register take
    /// the next six.
    pub port: u16,
    /// Instead of a file in the directory.
    pub database: Option<String>,
    /// A file with the settings of `[objects]`, instead of files in the directory.
    pub objects: Option<PathBuf>,
}

impl Options {
    fn objects(&self) -> Result<Option<String>, String> {
        let Some(file) = &self.objects else { return Ok(None) };
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Some(text))
    }
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
    let eid_files = eid::Files::write(&directory.join("eid"))?;
    let eid_ports = (port(3)?, port(4)?);
    let (database, objects) = (options.database.clone(), options.objects()?);
    let own = Place { land: &OWN, directory: directory.clone(), port: port(0)?, database, objects };
    let directory_of_other = directory.join(OTHER.id);
    let other = Place { land: &OTHER, directory: directory_of_other, port: port(5)?, database: None, objects: None };
    let listener = |port| serve::bind(([127, 0, 0, 1], port).into());
    let eid_listeners = (listener(eid_ports.0)?, listener(eid_ports.1)?);
    let companies = address(port(6)?);
    let more = lands::organisation_account(&own, &other)
        + &company_register::settings(&companies)
        + &desk_settings(&directory)
        + &eid_files.settings(eid_ports.0, eid_ports.1);
    let config = own.config(&other, &more)?;
    let app = app::open(config, Surroundings::default()).await?;
    let clients = clients(&directory, &at, &own.client_of(&other))?;
    apply(&app, &clients, &offices(&directory)?).await?;
    people::introduce(&app).await.map_err(|error| error.to_string())?;
    organisation::introduce(&app).await.map_err(|error| error.to_string())?;
    postbox::introduce(&app).await.map_err(|error| error.to_string())?;
    let running = serve::start(app.clone(), listener(port(0)?)?).await?;
    let (other_app, other_running) = lands::start(&other, &own).await?;
    let http = http()?;
    let company_register = company_register::start(listener(port(6)?)?)?;
    let register = register::start(&at.issuer, &at.register, http.clone(), listener(port(2)?)?)?;
    let eid = eid::start(&eid_files, eid_listeners, &app.clock, &app.random)?;
    say(&greeting(&directory, &at, &other, (eid_ports, &companies)));
    let service = service::start(at, http, listener(port(1)?)?, directory.join(NOTICE_FILE))?;
    stop.await;
    say("Wird beendet / stopping …");
    service.stop(true).await;
    register.stop(true).await;
    company_register.stop(true).await;
    eid.stop().await;
    running.stop().await;
    other_running.stop().await;
    app.db.close().await;
    other_app.db.close().await;
    Ok(())
}

fn greeting(
    directory: &Path,
    at: &Addresses,
    other: &Place,
    ((eid_server, eid_client), companies): ((u16, u16), &str),
) -> String {
    let list = |people: &[people::Person]| {
        let line = |one: &people::Person| format!("    {:24} {:28} {}\n", one.full_name(), one.email, people::PASSWORD);
        people.iter().map(line).collect::<String>()
    };
    let officers: String = people::OFFICERS.iter().map(|(person, _)| list(std::slice::from_ref(person))).collect();
    let (people, neighbours, land) = (list(OWN.people) + &officers, list(OTHER.people), other.issuer());
    let Addresses { issuer, service, register } = at;
    let (directory, owner) = (directory.display(), people::owner_of_device(OWN.people).full_name());
    format!(
        "\nDAS IST EINE DEMONSTRATION. Die Schlüssel kennt jeder; geben Sie keine echten Daten ein.\n\
         THIS IS A DEMONSTRATION. Everybody has its keys; do not enter real data.\n\n\
         \x20 Bewohnerparken, Stadt Musterhausen (start here)   {service}\n\
         \x20 Nutzerkonto / your account                        {issuer}\n\
         \x20 E-Mails, die verschickt würden / mails            {issuer}/demo/mail\n\
         \x20 Code-Gerät von {owner} / code device    {issuer}/demo/codegeraet\n\
         \x20 Briefe, die gedruckt würden / letters             {issuer}/demo/briefe\n\
         \x20 Registrierungsstelle / registration desk          {issuer}/amt   (Olga, Peter, Nora, Niklas)\n\
         \x20 Ausweisregister (API)                             {register}/ausweise\n\
         \x20 Simuliertes Unternehmensregister / companies      {issuer}/organisation, {companies}/entries?kind=HRB&court=Mainz&number=1234\n\
         \x20 Simulierter eID-Server / eID-Client               https://localhost:{eid_server}/eID, http://127.0.0.1:{eid_client}/eID-Client\n\
         \x20 Daten / data                                      {directory}   (--fresh starts over)\n\
         \x20 Konto Land Nordmark / the other Land's account    {land}\n\
         \x20 Code-Gerät dort / code device there               {land}/demo/codegeraet\n\n\
         \x20 Personen / people:\n{people}\n\
         \x20 Personen mit Konto in Nordmark / people with an account there:\n{neighbours}\n\
         \x20 Zum Ausprobieren / what to try:\n\
         \x20   1. Beim Dienst anmelden, Daten ansehen / sign in at the service, look at the data\n\
         \x20   2. Ausweise abrufen: eine API, die das Token selbst prüft / fetch permits: an API that checks the token\n\
         \x20   3. Token erneuern / refresh the tokens\n\
         \x20   4. Im Konto abmelden, beim Dienst neu laden / sign out at the account, reload the service\n\
         \x20   5. Die Knöpfe unter „Mehr ausprobieren“ / the buttons under \"more to try\"\n\
         \x20   6. „Niveau hoch“, oder mit dem Online-Ausweis anmelden: Testkarten / \"level high\", or sign in with the online ID: test cards\n\
         \x20   7. Unter „Sicherheit“ das Konto Land Nordmark verknüpfen / link the other Land's account under \"Security\"\n\
         \x20   8. Als Nadine Weber: „Für eine Organisation“ / as Nadine Weber: \"for an organisation\"\n\
         \x20   9. Als Nadine Weber die Bäckerei mit dem Organisationskonto aus Nordmark nachweisen / prove the bakery with its account in Nordmark\n\
         \x20  10. Als Renate Muster: „Postfach“; ebenso für die Bäckerei / as Renate Muster: \"Postbox\"; for the bakery, too\n\
         \x20  11. Beim Dienst: „Bescheid zustellen“; danach tausend davon / at the service: \"deliver a decision\"; then a thousand:\n\
         \x20      nutzerkonto deliver --issuer {issuer} --client bewohnerparken-amt --key keys-dev/office-es256.pem --copies 1000 {directory}/{NOTICE_FILE}\n\
         \x20  12. Beim Dienst: „Dokument anfordern“, auch langsam abrufen und dabei beenden / at the service: \"ask for a document\", and end it while it comes\n\
         \x20  13. Ihr eigener Dienst / your own service: docs/integrate.md, {directory}/clients.toml\n\n\
         Beenden mit / stop with Ctrl-C.\n"
    )
}

/// What the registration desk and letters need.
fn desk_settings(directory: &Path) -> String {
    let letters = toml::Value::from(directory.join("briefe").display().to_string());
    format!(
        "# So that officers can try a passkey of their own device, also one that is copied to others.\n\
         [[assurance.rules]]\nvalid_from = \"2026-01-01\"\nmeans = \"synchronised_passkey\"\nlevel = \"substantial\"\n\
         signed_by = \"Demonstration\"\nreason = \"To try the registration desk\"\n\n\
         [letter]\ndirectory = {letters}\nsender = \"Stadt Musterhausen, Marktplatz 1, 55116 Musterhausen\"\n\n\
         # The simulated eID-Server and eID-Client. Everybody has their keys.\n"
    )
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
    secret_of(CLIENT_ID)
}

fn secret_of(id: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256(id.as_bytes()))
}

/// What stands below this line in the file of clients is the developer's and stays.
const OWN_CLIENTS: &str = "# --- Below this line is yours; what stands above is written anew at every start. ---\n";

/// The file of clients: the demonstration's own, and whatever somebody has added to try out.
fn clients(directory: &Path, at: &Addresses, other_land: &str) -> Result<ClientFile, String> {
    let file = directory.join("clients.toml");
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    let added = before.split_once(OWN_CLIENTS).map_or("", |(_, added)| added);
    let hash = hex(&sha256(client_secret().as_bytes()));
    let own = include_str!("clients.toml");
    let own = own.replace("{service}", &at.service).replace("{register}", &at.register).replace("{hash}", &hash);
    let text = format!("{own}\n{other_land}\n{OWN_CLIENTS}{added}");
    let read = ClientFile::parse(&text, true).map_err(|error| format!("{}: {error}", file.display()))?;
    write(&file, &text)?;
    Ok(read)
}

/// The file of offices.
fn offices(directory: &Path) -> Result<OfficeFile, String> {
    let text = include_str!("offices.toml");
    write(&directory.join("offices.toml"), text)?;
    OfficeFile::parse(text)
}

async fn apply(app: &App, clients: &ClientFile, offices: &OfficeFile) -> Result<(), String> {
    let text = |error: crate::kernel::error::Error| error.to_string();
    let mut work = app.begin(Actor::System("demo")).await.map_err(text)?;
    client::apply(&mut work, clients).await.map_err(text)?;
    office::apply(&mut work, offices).await.map_err(text)?;
    work.commit().await.map_err(text)
}
