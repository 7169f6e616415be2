//! What a request can reach: database, clock, chance, keys, vault, mail, configuration.

use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;

use crate::config::{AttestationPolicy, Config, SecretSource};
use crate::eid::EidServer;
use crate::kernel::attestation::Makers;
use crate::kernel::certificate::ClientAuthority;
use crate::kernel::error::Error;
use crate::kernel::key_times::State;
use crate::kernel::keys::{Purpose, SigningKey};
use crate::kernel::mail::{Mailer, SmtpSettings};
use crate::kernel::outbound::Outbound;
use crate::kernel::password::{Cost, Hasher};
use crate::kernel::pdf_seal::TrustAnchors;
use crate::kernel::random::Random;
use crate::kernel::scan::Scanner;
use crate::kernel::seal::{MasterKey, MasterKeys, Vault};
use crate::kernel::secret::Secret;
use crate::kernel::time::{Clock, Timestamp};
use crate::store::db::{Db, DbError, Tx};
use crate::store::key_ring::KeyRing;
use crate::store::object::Objects;
use crate::store::object::shelf::{Bucket, BucketSettings, Directory, Shelf};
use crate::store::replay::Replay;
use crate::store::work::{Actor, Work};

/// The keys of `keys-dev`, which everybody has.
pub const DEVELOPMENT_MASTER_KEY: &str = include_str!("../keys-dev/master.key");
pub const DEVELOPMENT_SIGNING_KEYS: [(Purpose, &str); 6] = [
    (Purpose::IdToken, include_str!("../keys-dev/id-token-es256.pem")),
    (Purpose::IdToken, include_str!("../keys-dev/id-token-eddsa.pem")),
    (Purpose::IdToken, include_str!("../keys-dev/id-token-rs256.pem")),
    (Purpose::AccessToken, include_str!("../keys-dev/access-token-es256.pem")),
    (Purpose::Audit, include_str!("../keys-dev/audit-es256.pem")),
    (Purpose::Receipt, include_str!("../keys-dev/receipt-es256.pem")),
];

/// Cheap to clone; one per process.
pub type App = Arc<AppParts>;

pub struct AppParts {
    pub config: Config,
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    pub vault: Vault,
    pub keys: KeyRing,
    pub objects: Objects,
    /// Who sees files before they are taken, if there is somebody.
    pub scanner: Option<Scanner>,
    /// Whose seals of files count.
    pub seal_anchors: TrustAnchors,
    pub hasher: Hasher,
    pub mailer: Mailer,
    pub outbound: Outbound,
    /// Who reads identity cards, where there is such a contract.
    pub eid: Option<EidServer>,
    /// Who issues the certificates of clients that authenticate so.
    pub client_authority: Option<ClientAuthority>,
    /// Whose word counts for passkeys, where one is asked for.
    pub makers: Option<Makers>,
    /// Keys of those whose software statements let clients register.
    pub statement_keys: Option<JwkSet>,
    /// Remembers the assertions of requests that write nothing else.
    pub replay: Replay,
}

/// What the tests replace: time, chance, the post, and where files lie.
pub struct Surroundings {
    pub clock: Clock,
    pub random: Random,
    pub mailer: Option<Mailer>,
    pub shelf: Option<Shelf>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { clock: Clock::System, random: Random::System, mailer: None, shelf: None }
    }
}

/// Reads the master key, opens the database and starts the hashing threads. Every refusal to start is made here.
pub async fn open(config: Config, surroundings: Surroundings) -> Result<App, String> {
    config.check()?;
    let Surroundings { clock, random, mailer, shelf } = surroundings;
    let master = master_keys(&config)?;
    // Where everybody's master key seals them, signing keys need not be secret either.
    let given: &[_] = if master.mark() == development_key()?.mark() { &DEVELOPMENT_SIGNING_KEYS } else { &[] };
    let mailer = mailer.map_or_else(|| open_mailer(&config), Ok)?;
    let (outbound, eid) = (open_outbound(&config)?, open_eid(&config)?);
    if let Some(directory) = &config.letter.directory {
        std::fs::create_dir_all(directory).map_err(|error| format!("letter.directory: {error}"))?;
    }
    let shelf = shelf.map_or_else(|| open_shelf(&config), |shelf| Ok(Some(shelf)))?;
    let (client_authority, statement_keys) = (read_client_authority(&config)?, read_statement_keys(&config)?);
    let (makers, seal_anchors) = (read_makers(&config)?, read_seal_anchors(&config)?);
    let db = open_database(&config).await?;
    let vault = crate::store::root::open_vault(&db, master, &random).await?;
    let keys = KeyRing::open(&db, &vault, given, (clock.now(), &random)).await?;
    refuse_development_keys(&config, &keys)?;
    let cost = Cost { memory_kibibytes: config.password.memory_kibibytes, iterations: config.password.iterations };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if config.password.threads == 0 { cores } else { config.password.threads };
    let hasher = Hasher::start(cost, threads, config.password.queue_length, vault.pepper(), random.clone())
        .map_err(|error| error.to_string())?;
    let scanner = config.objects.scanner()?.map(Scanner::new);
    let objects = Objects::new(shelf, &db, &clock, &random);
    let replay = Replay::start(db.clone(), config.limits.signed_per_client);
    Ok(Arc::new(AppParts {
        config,
        db,
        clock,
        random,
        vault,
        keys,
        objects,
        scanner,
        seal_anchors,
        hasher,
        mailer,
        outbound,
        eid,
        client_authority,
        makers,
        statement_keys,
        replay,
    }))
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
    master_keys(config)?;
    open_mailer(config)?;
    open_outbound(config)?;
    open_eid(config)?;
    read_client_authority(config)?;
    read_statement_keys(config)?;
    read_makers(config)?;
    read_seal_anchors(config)?;
    open_bucket(config)?;
    config.database.password.as_ref().map(read_text).transpose().map(drop)
}

/// Signing keys that everybody has stay on loopback, also if the database got another master key meanwhile.
fn refuse_development_keys(config: &Config, keys: &KeyRing) -> Result<(), String> {
    for (purpose, pem) in DEVELOPMENT_SIGNING_KEYS {
        let known = SigningKey::from_pkcs8(purpose, SigningKey::read_pem(pem)?.expose())?.key_id;
        let is_in_use = |state| !matches!(state, State::Retired | State::Revoked);
        if !config.is_loopback() && keys.list().iter().any(|(key, state)| key.key_id == known && is_in_use(*state)) {
            return Err(format!("the signing key {known} from keys-dev is refused outside loopback"));
        }
    }
    Ok(())
}

fn master_keys(config: &Config) -> Result<MasterKeys, String> {
    let current = master_key(config, &config.keys.master_key, "keys.master_key")?;
    let other = config.keys.other_master_key.as_ref();
    let other = other.map(|source| master_key(config, source, "keys.other_master_key")).transpose()?;
    Ok(MasterKeys { current, other })
}

fn master_key(config: &Config, source: &SecretSource, name: &str) -> Result<MasterKey, String> {
    let key = decode_master_key(read_text(source)?.expose()).map_err(|problem| format!("{name}: {problem}"))?;
    if !config.is_loopback() && key.mark() == development_key()?.mark() {
        return Err(format!("{name}: the key from keys-dev is refused outside loopback"));
    }
    Ok(key)
}

fn development_key() -> Result<MasterKey, String> {
    decode_master_key(DEVELOPMENT_MASTER_KEY).map_err(str::to_owned)
}

fn decode_master_key(text: &str) -> Result<MasterKey, &'static str> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).map_err(|_| "not base64")?;
    Ok(MasterKey::local(bytes.try_into().map_err(|_| "must be 32 bytes in base64")?))
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

/// Makes the directory if there is to be one. A bucket is called when something is put into it.
fn open_shelf(config: &Config) -> Result<Option<Shelf>, String> {
    if let Some(directory) = config.object_directory() {
        let opened = Directory::open(&directory).map_err(|error| format!("objects.directory: {error}"))?;
        return Ok(Some(Shelf::Directory(opened)));
    }
    Ok(open_bucket(config)?.map(Shelf::Bucket))
}

fn open_bucket(config: &Config) -> Result<Option<Bucket>, String> {
    let Some(s3) = config.objects.s3() else { return Ok(None) };
    let authority = config.objects.s3_authority_file.as_ref().map(std::fs::read).transpose();
    let settings = BucketSettings {
        endpoint: s3.endpoint.to_owned(),
        region: config.objects.s3_region.clone(),
        bucket: s3.bucket.to_owned(),
        access_key_id: s3.access_key_id.to_owned(),
        secret_access_key: read_text(s3.secret_access_key)?,
        authority: authority.map_err(|error| format!("objects.s3_authority_file: {error}"))?,
    };
    Bucket::open(&settings).map(Some).map_err(|error| format!("objects: {error}"))
}

fn open_outbound(config: &Config) -> Result<Outbound, String> {
    let authority = config.outbound.authority_file.as_ref().map(std::fs::read).transpose();
    let authority = authority.map_err(|error| format!("outbound.authority_file: {error}"))?;
    Outbound::new(&config.outbound.allowed_hosts, authority.as_deref()).map_err(|error| format!("outbound: {error}"))
}

fn open_eid(config: &Config) -> Result<Option<EidServer>, String> {
    let server = EidServer::open(&config.eid)?;
    if !config.is_loopback() && server.as_ref().is_some_and(EidServer::is_of_the_demonstration) {
        return Err("eid.server_certificate_file: the certificate from keys-dev is refused outside loopback".to_owned());
    }
    Ok(server)
}

fn read_client_authority(config: &Config) -> Result<Option<ClientAuthority>, String> {
    let file = config.server.client_certificate_authority_file.as_deref();
    let read = file.map(ClientAuthority::read_file).transpose();
    read.map_err(|error| format!("server.client_certificate_authority_file: {error}"))
}

fn read_statement_keys(config: &Config) -> Result<Option<JwkSet>, String> {
    let Some(file) = &config.registration.software_statement_keys_file else { return Ok(None) };
    let explain = |error: &dyn std::fmt::Display| format!("registration.software_statement_keys_file: {error}");
    let text = std::fs::read(file).map_err(|error| explain(&error))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| explain(&error))
}

fn read_makers(config: &Config) -> Result<Option<Makers>, String> {
    let settings = &config.passkey;
    if settings.attestation == AttestationPolicy::None {
        return Ok(None);
    }
    let makers = Makers::read(&settings.attestation_roots, settings.aaguids.clone());
    makers.map(Some).map_err(|error| format!("passkey.attestation_roots: {error}"))
}

fn read_seal_anchors(config: &Config) -> Result<TrustAnchors, String> {
    let Some(file) = &config.seals.trust_anchors else { return Ok(TrustAnchors::default()) };
    TrustAnchors::read_file(file).map_err(|error| format!("seals.trust_anchors: {}: {error}", file.display()))
}

fn read_text(source: &SecretSource) -> Result<Secret<String>, String> {
    let bytes = source.read()?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{}: not text", source.0))?;
    Ok(Secret::new(text.trim().to_owned()))
}
