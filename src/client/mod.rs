//! Relying parties: what the operator has agreed with each, and the pairwise subject each one sees.
//!
//! A client is declared in a TOML file and applied as a whole; every field is checked on every save. All
//! nodes hold the clients in memory and look at a version number twice a second.

pub mod registry;
mod store;
mod uri;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, SessionId};
use crate::kernel::keys::Algorithm;
use crate::kernel::level::Level;
use crate::kernel::outbound;
use crate::kernel::seal::Vault;
use crate::kernel::texts::Language;
use crate::store::db::Tx;
use crate::store::work::Work;

pub use uri::check_redirect_uri;

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    pub de: String,
    pub en: String,
}

impl Bilingual {
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::De => &self.de,
            Language::En => &self.en,
        }
    }
}

/// A bundle of rules, so that nobody assembles security from switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Current best practice (RFC 9700): PKCE always.
    #[default]
    Baseline,
    /// What OpenID Connect Core alone asks: a client may leave PKCE out.
    OidcCore,
}

/// How a client proves itself at the token endpoint: exactly one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Authentication {
    /// Signed assertion (RFC 7523) with one of these public keys.
    PrivateKeyJwt { jwks: JwkSet },
    /// Secret in the Authorization header. Stored as SHA-256 in hexadecimal.
    ClientSecretBasic { secret_sha256: String },
    /// Secret in the body.
    ClientSecretPost { secret_sha256: String },
    /// None: a program on people's own devices, which can keep no secret (RFC 6749 section 2.1).
    None,
}

/// What a client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Openid,
    Profile,
    Email,
    /// Access that outlives the session (OpenID Connect Core section 11): a refresh token.
    OfflineAccess,
}

impl Scope {
    pub const ALL: [Scope; 4] = [Scope::Openid, Scope::Profile, Scope::Email, Scope::OfflineAccess];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Openid => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::OfflineAccess => "offline_access",
        }
    }
}

/// One relying party.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub id: ClientId,
    /// What people read: the service, as in "Bewohnerparken".
    pub name: Bilingual,
    /// Whose service it is, as in "Stadt Musterhausen".
    pub operator: Bilingual,
    /// Why it needs the data.
    pub purpose: Bilingual,
    /// Where the operator explains what happens to the data.
    pub privacy_uri: String,
    #[serde(default)]
    pub profile: Profile,
    /// May be empty for a client that only ever acts in its own name.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Only requests that it has deposited before (RFC 9126 section 6).
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it wants to be told that a session has ended (OpenID Connect Back-Channel Logout 1.0).
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    pub authentication: Authentication,
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// What it may do in its own name (client credentials, RFC 6749 section 4.4); the words of whoever reads its tokens.
    #[serde(default)]
    pub own_scopes: Vec<String>,
    /// The one API its access tokens may be meant for (RFC 8707), besides userinfo here.
    #[serde(default)]
    pub resource: Option<String>,
    /// The least level that the service accepts.
    #[serde(default = "basic")]
    pub level: Level,
    /// Clients of one sector see the same subject. By default the client alone.
    #[serde(default)]
    pub sector: Option<String>,
    #[serde(default = "es256")]
    pub id_token_algorithm: Algorithm,
}

const fn basic() -> Level {
    Level::Basic
}

const fn es256() -> Algorithm {
    Algorithm::ES256
}

impl Client {
    /// The subject this client sees (OpenID Connect Core section 8.1).
    pub fn subject(&self, vault: &Vault, account: &AccountId) -> String {
        let sector = self.sector.as_deref().unwrap_or(&self.id.0);
        URL_SAFE_NO_PAD.encode(vault.pairwise(sector, account.as_str()))
    }

    /// The session as this client knows it, the `sid` of its tokens: another one for every client, as the subject is.
    pub fn session(&self, vault: &Vault, session: &SessionId) -> String {
        URL_SAFE_NO_PAD.encode(vault.pairwise(&format!("session of {}", self.id), session.as_str()))
    }

    /// Whoever can read its program can act as it.
    pub fn is_public(&self) -> bool {
        self.authentication == Authentication::None
    }

    /// "Stadt Musterhausen – Bewohnerparken".
    pub fn title(&self, language: Language) -> String {
        format!("{} – {}", self.operator.get(language), self.name.get(language))
    }

    /// Everything that must hold; the first thing that does not, with its field.
    fn check(&self, loopback_allowed: bool) -> Result<(), String> {
        let at = |field: &str, problem: &str| Err(format!("client {}: {field}: {problem}", self.id));
        let id_is_sound = (1..=100).contains(&self.id.0.len())
            && self.id.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !id_is_sound {
            return at("id", "1 to 100 letters, digits, '-', '_', '.'");
        }
        for (field, text) in [("name", &self.name), ("operator", &self.operator), ("purpose", &self.purpose)] {
            if [&text.de, &text.en].iter().any(|text| text.trim().is_empty() || text.chars().count() > 160) {
                return at(field, "needs a German and an English text of at most 160 characters");
            }
        }
        if self.redirect_uris.is_empty() && self.own_scopes.is_empty() {
            return at("redirect_uris", "at least one");
        }
        for (field, uris) in
            [("redirect_uris", &self.redirect_uris), ("post_logout_redirect_uris", &self.post_logout_redirect_uris)]
        {
            for uri in uris {
                check_redirect_uri(uri, loopback_allowed).or_else(|problem| at(field, &format!("{uri}: {problem}")))?;
            }
        }
        check_redirect_uri(&self.privacy_uri, loopback_allowed).or_else(|problem| at("privacy_uri", problem))?;
        if let Some(uri) = &self.backchannel_logout_uri {
            check_redirect_uri(uri, loopback_allowed)
                .and_then(|()| outbound::check_host(uri, loopback_allowed))
                .or_else(|problem| at("backchannel_logout_uri", problem))?;
        }
        if let Some(resource) = &self.resource {
            check_redirect_uri(resource, loopback_allowed).or_else(|problem| at("resource", problem))?;
        }
        if !self.scopes.contains(&Scope::Openid) && !self.redirect_uris.is_empty() {
            return at("scopes", "must contain openid");
        }
        if !self.own_scopes.is_empty() && self.is_public() {
            return at("own_scopes", "only for a client that authenticates");
        }
        if self.own_scopes.len() > OWN_SCOPES_MAX || !self.own_scopes.iter().all(|name| is_own_scope(name)) {
            return at(
                "own_scopes",
                "at most 32 names of letters, digits, '.', ':', '_', '-', none of them a person's scope",
            );
        }
        if self.is_public() && self.profile != Profile::Baseline {
            return at("profile", "without client authentication it is baseline (PKCE always)");
        }
        self.authentication.check().or_else(|problem| at("authentication", problem))
    }
}

const OWN_SCOPES_MAX: usize = 32;

fn is_own_scope(name: &str) -> bool {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:_-".contains(&byte));
    (1..=100).contains(&name.len()) && is_plain && !Scope::ALL.iter().any(|scope| scope.name() == name)
}

impl Authentication {
    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::None => Ok(()),
            Self::PrivateKeyJwt { jwks } => check_jwks(jwks),
            Self::ClientSecretBasic { secret_sha256 } | Self::ClientSecretPost { secret_sha256 } => {
                let is_hash = secret_sha256.len() == 64 && secret_sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_hash { Ok(()) } else { Err("secret_sha256 is 64 hexadecimal digits; `client secret` makes one") }
            }
        }
    }
}

fn check_jwks(jwks: &JwkSet) -> Result<(), &'static str> {
    if jwks.keys.is_empty() || jwks.keys.len() > 10 {
        return Err("jwks: between one and ten keys");
    }
    let mut ids = std::collections::BTreeSet::new();
    for key in &jwks.keys {
        if !key.common.key_id.as_ref().is_some_and(|id| ids.insert(id)) {
            return Err("jwks: every key needs a kid of its own");
        }
        if key_algorithm(key).is_none() {
            return Err("jwks: keys must be EC P-256 (ES256) or RSA (PS256, RS256) public keys");
        }
    }
    Ok(())
}

/// The one algorithm a client's key may sign with: its own `alg`, or what its type means by default.
/// One that is for encryption signs nothing (RFC 7517 section 4.2).
pub fn key_algorithm(key: &Jwk) -> Option<jsonwebtoken::Algorithm> {
    if key.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return None;
    }
    match (&key.algorithm, key.common.key_algorithm) {
        (AlgorithmParameters::EllipticCurve(curve), None | Some(KeyAlgorithm::ES256)) => {
            (curve.curve == EllipticCurve::P256).then_some(jsonwebtoken::Algorithm::ES256)
        }
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::PS256)) => Some(jsonwebtoken::Algorithm::PS256),
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS256)) => Some(jsonwebtoken::Algorithm::RS256),
        _ => None,
    }
}

/// The file that declares all clients.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFile {
    #[serde(default)]
    pub client: Vec<Client>,
}

impl ClientFile {
    /// Reads and checks a file. Loopback redirect URIs are only for an issuer on loopback.
    pub fn parse(text: &str, loopback_allowed: bool) -> Result<Self, String> {
        let explain = |error: toml::de::Error| crate::config::explain(text, &error);
        // Private members of a key are silently dropped by its type, hence this look at the text itself.
        if has_private_key(&toml::Value::Table(toml::from_str(text).map_err(explain)?)) {
            return Err("jwks: only public keys; this file contains a private one".to_owned());
        }
        let file: Self = toml::from_str(text).map_err(explain)?;
        let mut ids = std::collections::BTreeSet::new();
        for client in &file.client {
            client.check(loopback_allowed)?;
            if !ids.insert(&client.id) {
                return Err(format!("client {}: declared twice", client.id));
            }
        }
        Ok(file)
    }
}

fn has_private_key(value: &toml::Value) -> bool {
    match value {
        toml::Value::Table(table) => {
            let is_key = table.contains_key("kty");
            (is_key && ["d", "p", "q", "dp", "dq", "qi", "k"].iter().any(|member| table.contains_key(*member)))
                || table.values().any(has_private_key)
        }
        toml::Value::Array(values) => values.iter().any(has_private_key),
        _ => false,
    }
}

/// All clients in force.
pub async fn list(tx: &mut Tx) -> Result<Vec<Client>, Error> {
    store::load_all(tx).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Add,
    Change,
    Remove,
}

/// What applying a file would do, by client.
pub async fn plan(tx: &mut Tx, file: &ClientFile) -> Result<BTreeMap<ClientId, Change>, Error> {
    let stored = store::load_all(tx).await?;
    let mut changes = BTreeMap::new();
    for client in &file.client {
        match stored.iter().find(|known| known.id == client.id) {
            None => drop(changes.insert(client.id.clone(), Change::Add)),
            Some(known) if known != client => drop(changes.insert(client.id.clone(), Change::Change)),
            Some(_) => {}
        }
    }
    for known in stored.iter().filter(|known| !file.client.iter().any(|client| client.id == known.id)) {
        changes.insert(known.id.clone(), Change::Remove);
    }
    Ok(changes)
}

#[derive(Serialize)]
struct ClientApplied {
    #[serde(skip)]
    client: ClientId,
    change: Change,
}

impl Event for ClientApplied {
    fn kind(&self) -> &'static str {
        "client.applied"
    }

    fn subject(&self) -> Option<String> {
        Some(format!("client:{}", self.client))
    }
}

/// Makes the clients be what the file says, in one transaction.
pub async fn apply(work: &mut Work, file: &ClientFile) -> Result<BTreeMap<ClientId, Change>, Error> {
    let changes = plan(&mut work.tx, file).await?;
    for (id, change) in &changes {
        match file.client.iter().find(|client| client.id == *id) {
            Some(client) => store::put(work, client).await?,
            None => store::remove(work, id).await?,
        }
        audit::record(work, &ClientApplied { client: id.clone(), change: *change }).await?;
    }
    if !changes.is_empty() {
        store::raise_version(work).await?;
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(extra: &str) -> String {
        format!(
            "[[client]]\nid = \"parken\"\nname = {{ de = \"Parken\", en = \"Parking\" }}\noperator = {{ de = \"Stadt\", en = \"City\" }}\n\
             purpose = {{ de = \"Antrag\", en = \"Application\" }}\nprivacy_uri = \"https://rp.example/datenschutz\"\n\
             redirect_uris = [\"https://rp.example/cb\"]\nscopes = [\"openid\"]\n{extra}\n\
             [client.authentication]\nmethod = \"client_secret_basic\"\nsecret_sha256 = \"{}\"\n",
            "ab".repeat(32)
        )
    }

    #[test]
    fn a_file_is_read_and_checked() {
        assert!(ClientFile::parse(&file(""), false).is_ok());
        let refused = |extra: &str| ClientFile::parse(&file(extra), false).unwrap_err();
        assert!(refused("redirect_uri = \"x\"").contains("redirect_uri"), "unknown key");
        assert!(refused("post_logout_redirect_uris = [\"http://rp.example/\"]").contains("https"));
        assert!(refused("level = \"gold\"").contains("level"));
    }

    #[test]
    fn own_scopes_and_public_clients_are_checked() {
        let refused = |extra: &str| ClientFile::parse(&file(extra), false).unwrap_err();
        for scope in ["openid", "", "a b", "offline_access"] {
            assert!(refused(&format!("own_scopes = [\"{scope}\"]")).contains("own_scopes"), "{scope}");
        }
        assert!(ClientFile::parse(&file("own_scopes = [\"postfach.lesen\"]"), false).is_ok());
        assert!(refused("resource = \"http://api.example/\"").contains("resource"));
        let public = |extra: &str| {
            let (front, _) = file(extra).split_once("method").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            ClientFile::parse(&format!("{front}method = \"none\"\n"), false)
        };
        assert!(public("").is_ok());
        assert!(public("own_scopes = [\"postfach.lesen\"]").unwrap_err().contains("own_scopes"));
        assert!(public("profile = \"oidc-core\"").unwrap_err().contains("profile"));
    }

    #[test]
    fn sec_h03_a_private_key_is_refused() {
        let text = file("").replace(
            &format!("method = \"client_secret_basic\"\nsecret_sha256 = \"{}\"", "ab".repeat(32)),
            "method = \"private_key_jwt\"\njwks = { keys = [{ kty = \"EC\", crv = \"P-256\", kid = \"1\", x = \"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\", y = \"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\", d = \"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\" }] }",
        );
        assert!(ClientFile::parse(&text, false).unwrap_err().contains("private"));
    }

    #[test]
    fn sec_p1_sectors_cannot_be_linked() {
        use crate::kernel::{
            random::Random,
            seal::{DataKey, MasterKey, MasterKeys},
            time::Timestamp,
        };
        let random = Random::seeded(1);
        let vault =
            Vault::new(MasterKeys { current: MasterKey::local([1; 32]), other: None }, &DataKey::random(&random));
        let one = ClientFile::parse(&file(""), false).unwrap().client.remove(0);
        let other = Client { id: ClientId("bibliothek".into()), ..one.clone() };
        let same_sector = Client { sector: Some("parken".into()), ..other.clone() };
        let account = AccountId::new(Timestamp::from_seconds(1), &random);
        assert_ne!(one.subject(&vault, &account), other.subject(&vault, &account));
        assert_eq!(one.subject(&vault, &account), same_sector.subject(&vault, &account));
    }
}
