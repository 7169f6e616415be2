//! Two Länder, each with an account for its people, that know each other: whoever has an account in one signs in with it in the
//! other. The other one is the same program a second time, with its own address, database and people; they talk as any two
//! providers do.

use std::path::{Path, PathBuf};

use super::people::{self, Person};
use super::{apply, organisation, secret_of, write};
use crate::app::{self, App, DEVELOPMENT_MASTER_KEY, Surroundings};
use crate::client::ClientFile;
use crate::config::Config;
use crate::kernel::secret::{hex, sha256};
use crate::proofing::office::OfficeFile;
use crate::serve::{self, Running};

/// One Land.
pub struct Land {
    /// What it is called in addresses and settings.
    pub id: &'static str,
    pub name: &'static str,
    /// By name or by number: browsers tell cookies apart by host, and not by port.
    pub host: &'static str,
    pub people: &'static [Person],
}

pub const OWN: Land = Land { id: "musterland", name: "Musterland", host: "localhost", people: &people::PEOPLE };
pub const OTHER: Land =
    Land { id: "nordmark", name: "Land Nordmark", host: "127.0.0.1", people: &people::PEOPLE_OF_NORDMARK };

/// Where one Land keeps its things, and where it is reached.
pub struct Place {
    pub land: &'static Land,
    pub directory: PathBuf,
    pub port: u16,
    pub database: Option<String>,
    /// The lines of `[objects]`.
    pub objects: Option<String>,
}

impl Place {
    pub fn issuer(&self) -> String {
        format!("http://{}:{}", self.land.host, self.port)
    }

    fn database(&self) -> String {
        let file = || format!("sqlite:{}", self.directory.join("nutzerkonto.db").display());
        self.database.clone().unwrap_or_else(file)
    }

    fn objects(&self) -> String {
        let directory = || self.directory.join("objects").display().to_string();
        self.objects.clone().unwrap_or_else(|| format!("directory = {}", toml::Value::from(directory())))
    }

    /// The settings of a demonstration, and `more` of them: mail as files, the keys of `keys-dev`, and the other Land. They are written down, so that
    /// the other commands of the program can be tried on it.
    pub fn config(&self, other: &Self, more: &str) -> Result<Config, String> {
        let (key, secret) = (self.directory.join("master.key"), self.directory.join("other-land.secret"));
        write(&key, DEVELOPMENT_MASTER_KEY)?;
        write(&secret, &secret_of(self.land.id))?;
        let text = |text: &str| toml::Value::from(text).to_string();
        let file = |path: &Path| text(&format!("file:{}", path.display()));
        let banner =
            if self.land.id == OWN.id { String::new() } else { format!("banner = {}\n", text(self.land.name)) };
        let settings = format!(
            "# Written at every start of the demonstration.\n\
             issuer = {issuer}\n\n[server]\nlisten = \"127.0.0.1:{port}\"\n\n[database]\nurl = {database}\n\n\
             [keys]\nmaster_key = {key}\n\n[mail]\ndirectory = {mail}\n\n[objects]\n{objects}\n\n[operator]\nname = {name}\n{banner}\n\
             # The codes of a device that an authority hands out make a sign-in substantial.\n\
             [[assurance.rules]]\nvalid_from = \"2026-01-01\"\nmeans = \"device_code\"\nlevel = \"substantial\"\n\
             signed_by = \"Demonstration\"\nreason = \"To try a sign-in at level substantial\"\n\n\
             # Services on this machine may be told that a session has ended, and the other Land may be asked.\n\
             [outbound]\nallowed_hosts = [\"localhost\", \"127.0.0.1\"]\n\n\
             [[upstream]]\nid = \"{other_id}\"\nname = {{ de = {other_name}, en = {other_name} }}\nissuer = {other}\n\
             client_id = \"land-{id}\"\nclient_secret = {secret}\nconfirms_identity = true\n\
             levels = [\n  {{ acr = \"http://eidas.europa.eu/LoA/low\", level = \"low\" }},\n  \
             {{ acr = \"http://eidas.europa.eu/LoA/substantial\", level = \"substantial\" }},\n]\n\n{more}",
            issuer = text(&self.issuer()),
            port = self.port,
            database = text(&self.database()),
            key = file(&key),
            mail = text(&self.directory.join("mail").display().to_string()),
            objects = self.objects(),
            name = text(self.land.name),
            other_id = other.land.id,
            other_name = text(other.land.name),
            other = text(&other.issuer()),
            id = self.land.id,
            secret = file(&secret),
        );
        write(&self.directory.join("nutzerkonto.toml"), &settings)?;
        let mut config = Config::parse(&settings)?;
        config.demo = true;
        Ok(config)
    }

    /// How the other Land is registered here.
    pub fn client_of(&self, other: &Self) -> String {
        let hash = hex(&sha256(secret_of(other.land.id).as_bytes()));
        include_str!("clients_other_land.toml")
            .replace("{id}", &format!("land-{}", other.land.id))
            .replace("{land}", other.land.name)
            .replace("{there}", &other.issuer())
            .replace("{here}", self.land.id)
            .replace("{hash}", &hash)
    }
}

/// The settings by which organisations are shown here with their accounts there. What an organisation is called there stands in the
/// claims that every service gets of one; `act` says who acts.
pub fn organisation_account(own: &Place, other: &Place) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let secret = format!("file:{}", own.directory.join("other-land.secret").display());
    let (id, name, issuer) = (other.land.id, other.land.name, text(&other.issuer()));
    format!(
        "# Organisations with an account in the other Land are shown with it.\n\
         [[upstream]]\nid = \"{id}-organisationen\"\nissuer = {issuer}\nclient_id = \"land-{own}-organisationen\"\n\
         name = {{ de = \"{name}\", en = \"{name}\" }}\n\
         client_secret = {secret}\nscopes = [\"openid\", \"organisation\", \"profile\"]\n\
         claims = {{ given_names = \"act.given_name\", family_name = \"act.family_name\", birth_date = \"act.birthdate\" }}\n\
         levels = [{{ acr = \"http://eidas.europa.eu/LoA/substantial\", level = \"substantial\" }}]\n\n\
         [upstream.organisation]\nid = \"sub\"\nname = \"organisation.name\"\nlegal_form = \"organisation.legal_form\"\n\
         seat = \"organisation.seat\"\nregister_kind = \"organisation.register.kind\"\n\
         register_court = \"organisation.register.court\"\nregister_number = \"organisation.register.number\"\n\
         level = \"organisation.level\"\n\n",
        own = own.land.id,
        secret = text(&secret),
    )
}

/// The people of the Land whose settings these are.
pub fn people_of(config: &Config) -> &'static [Person] {
    if config.operator.name == OTHER.name { OTHER.people } else { OWN.people }
}

/// Whether they are those of the Land that the demonstration is about, which has offices.
pub fn is_own(config: &Config) -> bool {
    config.operator.name == OWN.name
}

/// Starts the other Land.
pub async fn start(place: &Place, own: &Place) -> Result<(App, Running), String> {
    let complain = |error: std::io::Error| format!("{}: {error}", place.directory.display());
    std::fs::create_dir_all(&place.directory).map_err(complain)?;
    let listener = serve::bind(([127, 0, 0, 1], place.port).into())?;
    let app = app::open(place.config(own, "")?, Surroundings::default()).await?;
    apply(&app, &ClientFile::parse(&place.client_of(own), true)?, &OfficeFile::parse("")?).await?;
    people::introduce(&app).await.map_err(|error| error.to_string())?;
    organisation::introduce_there(&app).await.map_err(|error| error.to_string())?;
    let running = serve::start(app.clone(), listener).await?;
    Ok((app, running))
}
