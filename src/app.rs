//! What a request can reach: database, clock, chance, keys, vault, mail, configuration.

use std::sync::Arc;

use crate::config::{Config, SecretSource};
use crate::kernel::error::Error;
use crate::kernel::keys::{KeySet, Purpose, SigningKey};
use crate::kernel::mail::{Mailer, SmtpSettings};
use crate::kernel::outbound::Outbound;
use crate::kernel::password::{Cost, Hasher};
use crate::kernel::random::Random;
use crate::kernel::seal::{MasterKey, Vault};
use crate::kernel::secret::{Secret, sha256};
use crate::kernel::time::{Clock, Timestamp};
use crate::store::db::{Db, DbError, Tx};
use crate::store::work::{Actor, Work};

/// The keys of `keys-dev`, which everybody has.
pub const DEVELOPMENT_MASTER_KEY: &str = include_str!("../keys-dev/master.key");
pub const DEVELOPMENT_SIGNING_KEYS: [(Purpose, &str); 4] = [
    (Purpose::IdToken, include_str!("../keys-dev/id-token-es256.pem")),
    (Purpose::IdToken, include_str!("../keys-dev/id-token-rs256.pem")),
    (Purpose::AccessToken, include_str!("../keys-dev/access-token-es256.pem")),
    (Purpose::Audit, include_str!("../keys-dev/audit-es256.pem")),
];

/// Cheap to clone; one per process.
pub type App = Arc<AppParts>;

pub struct AppParts {
    pub config: Config,
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    pub vault: Vault,
    pub keys: KeySet,
    pub hasher: Hasher,
    pub mailer: Mailer,
    pub outbound: Outbound,
}

/// What the tests replace: time, chance and the post.
pub struct Surroundings {
    pub clock: Clock,
    pub random: Random,
    pub mailer: Option<Mailer>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { clock: Clock::System, random: Random::System, mailer: None }
    }
}

/// Reads the keys, opens the database and starts the hashing threads. Every refusal to start is made here.
pub async fn open(config: Config, surroundings: Surroundings) -> Result<App, String> {
    config.check()?;
    let Surroundings { clock, random, mailer } = surroundings;
    let keys = signing_keys(&config)?;
    let master = master_key(&config)?;
    let mailer = mailer.map_or_else(|| open_mailer(&config), Ok)?;
    let outbound = open_outbound(&config)?;
    let db = open_database(&config).await?;
    let vault = crate::store::root::open_vault(&db, master, &random).await?;
    let cost = Cost { memory_kibibytes: config.password.memory_kibibytes, iterations: config.password.iterations };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if config.password.threads == 0 { cores } else { config.password.threads };
    let hasher = Hasher::start(cost, threads, config.password.queue_length, vault.pepper(), random.clone())
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(AppParts { config, db, clock, random, vault, keys, hasher, mailer, outbound }))
}

impl AppParts {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn begin(&self, actor: Actor) -> Result<Work, Error> {
        Ok(Work::new(self.db.begin().await?, &self.db, self.now(), actor, &self.random))
    }

    /// Work of a single statement, which costs a third of the ways to the database and lasts from its execution on.
    pub async fn single(&self, actor: Actor) -> Result<Work, Error> {
        Ok(Work::new(self.db.single().await?, &self.db, self.now(), actor, &self.random))
    }

    pub async fn read(&self) -> Result<Tx, DbError> {
        self.db.read().await
    }
}

async fn open_database(config: &Config) -> Result<Db, String> {
    let mut url = config.database.url.clone();
    if let Some(source) = &config.database.password {
        let password = read_text(source)?;
        let mut parsed = url::Url::parse(&url).map_err(|error| format!("database.url: {error}"))?;
        parsed.set_password(Some(password.expose())).map_err(|()| "database.url: takes no password".to_owned())?;
        url = parsed.to_string();
    }
    Db::open(&url, config.database.connections_max).await
}

/// Reads everything that the settings point to, and opens nothing.
pub fn check(config: &Config) -> Result<(), String> {
    signing_keys(config)?;
    master_key(config)?;
    open_mailer(config)?;
    open_outbound(config)?;
    config.database.password.as_ref().map(read_text).transpose().map(drop)
}

/// The signing keys in force, refused if they are everybody's and the issuer is not on loopback.
pub fn signing_keys(config: &Config) -> Result<KeySet, String> {
    let mut keys = Vec::new();
    for source in &config.keys.signing {
        let pem = Secret::new(source.key.read()?);
        let key =
            SigningKey::from_pem(source.purpose, pem.expose()).map_err(|error| format!("{}: {error}", source.key.0))?;
        keys.push(key);
    }
    if !config.is_loopback() {
        for (purpose, pem) in DEVELOPMENT_SIGNING_KEYS {
            let known = SigningKey::from_pem(purpose, pem.as_bytes())?;
            if keys.iter().any(|key| key.key_id == known.key_id) {
                return Err("keys.signing: a key from keys-dev is refused outside loopback".to_owned());
            }
        }
    }
    KeySet::new(keys).map_err(|error| format!("keys.signing: {error}"))
}

fn master_key(config: &Config) -> Result<MasterKey, String> {
    use base64::Engine as _;
    let text = read_text(&config.keys.master_key)?;
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text.trim());
    let bytes = decode(text.expose()).map_err(|_| "keys.master_key: not base64".to_owned())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| "keys.master_key: must be 32 bytes in base64".to_owned())?;
    let development = decode(DEVELOPMENT_MASTER_KEY).unwrap_or_default();
    if !config.is_loopback() && sha256(&bytes) == sha256(&development) {
        return Err("keys.master_key: the key from keys-dev is refused outside loopback".to_owned());
    }
    Ok(MasterKey::local(bytes))
}

fn open_mailer(config: &Config) -> Result<Mailer, String> {
    let mail = &config.mail;
    let from = mail.from.parse().map_err(|error| format!("mail.from: {error}"))?;
    if let Some(directory) = &mail.directory {
        std::fs::create_dir_all(directory).map_err(|error| format!("mail.directory: {error}"))?;
        return Ok(Mailer::Directory(directory.clone(), from));
    }
    let authority = mail.smtp_authority_file.as_ref().map(std::fs::read).transpose();
    let settings = SmtpSettings {
        host: mail.smtp_host.clone(),
        port: mail.smtp_port,
        tls: mail.smtp_tls,
        user: mail.smtp_user.clone(),
        password: mail.smtp_password.as_ref().map(read_text).transpose()?,
        authority: authority.map_err(|error| format!("mail.smtp_authority_file: {error}"))?,
    };
    Mailer::smtp(&settings, from).map_err(|error| format!("mail: {error}"))
}

fn open_outbound(config: &Config) -> Result<Outbound, String> {
    let authority = config.outbound.authority_file.as_ref().map(std::fs::read).transpose();
    let authority = authority.map_err(|error| format!("outbound.authority_file: {error}"))?;
    Outbound::new(&config.outbound.allowed_hosts, authority.as_deref()).map_err(|error| format!("outbound: {error}"))
}

fn read_text(source: &SecretSource) -> Result<Secret<String>, String> {
    let bytes = source.read()?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{}: not text", source.0))?;
    Ok(Secret::new(text.trim().to_owned()))
}
