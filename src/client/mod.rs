//! Relying parties: what the operator has agreed with each, and the pairwise subject each one sees.
//!
//! A client is declared in a TOML file and applied as a whole, or has registered itself ([`metadata`], [`registered`]) and is
//! not trusted until the operator approves it; every field is checked on every save. All nodes hold the clients in memory and
//! look at a version number twice a second.

mod apply;
pub mod claim;
mod credentials;
mod declaration;
pub mod delivery;
mod describe;
mod jwks;
pub mod machine;
pub mod metadata;
pub mod registered;
pub mod registration_token;
pub mod registry;
mod remote_keys;
pub mod secret;
mod serves;
pub mod state;
mod store;
mod uri;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, AuthorityId, ClientId, SessionId};
use crate::kernel::jwe::{self, Content};
use crate::kernel::keys::Algorithm;
use crate::kernel::level::Level;
use crate::kernel::seal::Vault;
use crate::kernel::texts::Language;
use crate::organisation::acting::Party;

pub use crate::kernel::texts::Bilingual;
pub use apply::{Change, apply, plan, subject_changes};
pub use claim::Claim;
pub use declaration::ClientFile;
pub use delivery::Delivery;
pub use jwks::{has_private_key, key_algorithm};
pub use machine::OrganisationScope;
pub use serves::Serves;
pub use uri::check_redirect_uri;

/// A bundle of rules, so that nobody assembles security from switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Current best practice (RFC 9700): PKCE always.
    #[default]
    Baseline,
    /// What OpenID Connect Core alone asks: a client may leave PKCE out.
    OidcCore,
    /// FAPI 2.0 Security Profile: for data that must be useless to whoever steals a token. Deposited requests, clients that
    /// sign or have a certificate, and tokens bound to a key or to that.
    Fapi2,
    /// FAPI 2.0 Message Signing: requests are signed, too.
    Fapi2MessageSigning,
}

impl Profile {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::OidcCore => "oidc-core",
            Self::Fapi2 => "fapi2",
            Self::Fapi2MessageSigning => "fapi2-message-signing",
        }
    }

    /// FAPI 2.0 Security Profile sections 5.3.2 and 5.4: requests are deposited, tokens are bound, and neither RSA
    /// with PKCS#1 v1.5 nor a shared secret counts.
    pub const fn is_fapi2(self) -> bool {
        matches!(self, Self::Fapi2 | Self::Fapi2MessageSigning)
    }

    /// FAPI 2.0 Message Signing section 5.3.1.
    pub const fn signs_requests(self) -> bool {
        matches!(self, Self::Fapi2MessageSigning)
    }
}

/// How a client proves itself at the token endpoint: exactly one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Authentication {
    /// Signed assertion (RFC 7523) with one of these public keys, or of those that stand at that address: exactly one of both.
    PrivateKeyJwt {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jwks: Option<JwkSet>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jwks_uri: Option<String>,
    },
    /// Secret in the Authorization header, declared as SHA-256 in hexadecimal. Without it, one that we make.
    ClientSecretBasic {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret_sha256: Option<String>,
    },
    /// Secret in the body.
    ClientSecretPost {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret_sha256: Option<String>,
    },
    /// A certificate of its own (RFC 8705 section 2.2): one of these, as the SHA-256 of its DER in base64url.
    SelfSignedTlsClientAuth { certificates: Vec<String> },
    /// A certificate that the authority in the settings has issued (RFC 8705 section 2.1), by exactly one of its names.
    TlsClientAuth {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        san_dns: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        san_uri: Option<String>,
    },
    /// None: a program on people's own devices, which can keep no secret (RFC 6749 section 2.1). With braces, so
    /// that other keys beside it are refused.
    None {},
}

/// What a client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Openid,
    Profile,
    Email,
    Address,
    Phone,
    /// Of the organisation for which somebody acts: what it is, how well that is known, and as what they act.
    Organisation,
    /// An address of the postbox that the client may hand to any authority.
    PostboxReference,
    /// Access that outlives the session (OpenID Connect Core section 11): a refresh token.
    OfflineAccess,
}

impl Scope {
    pub const ALL: [Scope; 8] = [
        Scope::Openid,
        Scope::Profile,
        Scope::Email,
        Scope::Address,
        Scope::Phone,
        Scope::Organisation,
        Scope::PostboxReference,
        Scope::OfflineAccess,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Openid => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::Organisation => "organisation",
            Self::PostboxReference => "postbox_reference",
            Self::OfflineAccess => "offline_access",
        }
    }
}

/// Whether clients of different sectors know a person by the same subject (OpenID Connect Core section 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    #[default]
    Pairwise,
    /// The same for every client that has this: only where the operator has decided that services must be able to compare.
    Public,
}

/// What a client's access tokens look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// RFC 9068: an API can check it by itself.
    #[default]
    Jwt,
    /// Only we can read it; an API asks by introspection (RFC 7662).
    Opaque,
}

/// Answers that a client may want to have encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    IdToken,
    Userinfo,
    Introspection,
}

/// How a client wants its answers encrypted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// Its public key: of EC P-256 for ECDH-ES, of RSA for RSA-OAEP-256.
    #[serde(deserialize_with = "read_encryption_key")]
    pub key: Jwk,
    #[serde(default)]
    pub content: Content,
    pub answers: Vec<Answer>,
}

/// `jsonwebtoken` does not know the name ECDH-ES, which many write into their key (RFC 7517 section 4.4): it says what the type
/// of the key says.
fn read_encryption_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Jwk, D::Error> {
    let mut key = serde_json::Map::deserialize(deserializer)?;
    let says = |name: &str, value: &str| key.get(name).is_some_and(|found| found == value);
    if says("kty", "EC") && says("alg", "ECDH-ES") {
        key.remove("alg");
    }
    serde_json::from_value(key.into()).map_err(serde::de::Error::custom)
}

/// Claims that a client may have, what for, and by what right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRule {
    pub names: Vec<Claim>,
    /// By default the purpose of the client.
    #[serde(default)]
    pub purpose: Option<Bilingual>,
    /// The paragraph that lets the service process the data without consent (Art. 6(1)(c), (e) GDPR). Without one the
    /// person's consent is the basis.
    #[serde(default)]
    pub legal_basis: Option<Bilingual>,
    /// The person may leave it out.
    #[serde(default)]
    pub optional: bool,
    /// The client gets it of somebody who acts for others, too: without this it learns nothing of them but that they act.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acting: bool,
}

impl ClaimRule {
    /// Everything that people are told about a claim under this rule.
    pub fn said(&self, claim: Claim) -> (Claim, &Option<Bilingual>, &Option<Bilingual>, bool) {
        (claim, &self.purpose, &self.legal_basis, self.optional)
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
    /// Under which authority and service the registers know it, such as an ARS and a LeiKa number. Who gives a mandate for all services
    /// of an authority means those that have it.
    #[serde(default)]
    pub authority_id: Option<AuthorityId>,
    #[serde(default)]
    pub service_id: Option<String>,
    /// Whom to write to when something is wrong with it.
    #[serde(default)]
    pub contacts: Vec<String>,
    #[serde(default)]
    pub profile: Profile,
    /// May be empty for a client that only ever acts in its own name or for devices.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Only requests that it has deposited before (RFC 9126 section 6).
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// Where it may have put a signed request for us to fetch (RFC 9101 section 5.2); what follows a # is not compared with
    /// anything.
    #[serde(default)]
    pub request_uris: Vec<String>,
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where people begin with it from our pages: it then starts an authorization request (OpenID Connect Core section 4).
    #[serde(default)]
    pub initiate_login_uri: Option<String>,
    /// Where it wants to be told that a session has ended (OpenID Connect Back-Channel Logout 1.0).
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    pub authentication: Authentication,
    /// The keys that it signs requests with, where it does not authenticate with them (RFC 9101).
    #[serde(default)]
    pub jwks: Option<JwkSet>,
    /// Where it publishes those instead.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// For people, for organisations, or for both. The default is not written into what is stored, so that a node that does not
    /// know the key yet reads it.
    #[serde(default = "serves::persons", skip_serializing_if = "serves::is_persons")]
    pub serves: Vec<Serves>,
    /// Whoever has a mandate may use it there. The client has to say so, because it must read in `act` that the subject is not who
    /// has signed in, and what the mandate allows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mandates: bool,
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// All that it may ever learn of a person. What is not listed is not delivered, whatever is asked.
    #[serde(default)]
    pub claims: Vec<ClaimRule>,
    /// May sign people in on a device that has no keyboard or browser (RFC 8628).
    #[serde(default)]
    pub device: bool,
    /// What it may do in its own name (client credentials, RFC 6749 section 4.4); the words of whoever reads its tokens.
    #[serde(default)]
    pub own_scopes: Vec<String>,
    /// The one API its access tokens may be meant for (RFC 8707), besides userinfo here.
    #[serde(default)]
    pub resource: Option<String>,
    /// The API that this client is: it may introspect access tokens that are meant for it.
    #[serde(default)]
    pub resource_server: Option<String>,
    /// What keys of organisations may be given at this API. None is not written into what is stored, see `serves`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organisation_scopes: Vec<OrganisationScope>,
    /// There if it may put notices into postboxes, in its own name. None is not written into what is stored, see `serves`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postbox: Option<Delivery>,
    /// The APIs that it may call for the person with whose token it was called (token exchange, RFC 8693).
    #[serde(default)]
    pub exchange: Vec<String>,
    #[serde(default)]
    pub access_token_format: AccessTokenFormat,
    /// Its tokens are bound to the certificate that it comes with (RFC 8705 section 3.4), unless it sends a DPoP proof.
    #[serde(default)]
    pub certificate_bound_tokens: bool,
    /// The least level that the service accepts.
    #[serde(default = "basic")]
    pub level: Level,
    /// Why it needs that level, as people read it.
    #[serde(default)]
    pub level_reason: Option<Bilingual>,
    #[serde(default)]
    pub subject_type: SubjectType,
    /// Clients of one sector see the same subject. By default those of one authority and service, or the client alone.
    #[serde(default)]
    pub sector: Option<String>,
    #[serde(default = "es256")]
    pub id_token_algorithm: Algorithm,
    /// Userinfo as a token signed with this (OpenID Connect Core section 5.3.2); by default it is JSON.
    #[serde(default)]
    pub userinfo_algorithm: Option<Algorithm>,
    #[serde(default)]
    pub encryption: Option<Encryption>,
    /// There if it has registered itself; no file says so.
    #[serde(skip)]
    pub registration: Option<Registration>,
}

/// What people are shown of a client that has registered itself, beside what they are shown of any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub is_approved: bool,
    pub terms_uri: Option<String>,
    pub has_logo: bool,
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
        URL_SAFE_NO_PAD.encode(vault.pairwise(&self.sector(), account.as_str()))
    }

    /// The subject that it sees of whomever something is about.
    pub fn subject_of(&self, vault: &Vault, party: &Party) -> String {
        URL_SAFE_NO_PAD.encode(vault.pairwise(&self.sector(), party.as_str()))
    }

    /// By what it knows somebody who acts for others. Not the subject that it sees of them where they act for themselves: what people
    /// do at work and in their own affairs does not come together by it.
    pub fn actor(&self, vault: &Vault, account: &AccountId) -> String {
        URL_SAFE_NO_PAD.encode(vault.pairwise(&format!("acting in {}", self.sector()), account.as_str()))
    }

    /// From what its subjects are computed: another one, and everybody has another subject. No declared sector contains a space.
    pub fn sector(&self) -> Cow<'_, str> {
        match (self.subject_type, &self.sector, &self.authority_id, &self.service_id) {
            (SubjectType::Public, ..) => "for everybody".into(),
            (_, Some(sector), ..) => sector.into(),
            (_, None, Some(authority), Some(service)) => format!("{authority}/{service}").into(),
            _ => (&self.id.0).into(),
        }
    }

    /// The rule under which it may have a claim; what only speaks of others is allowed with one of them.
    pub fn rule(&self, claim: Claim) -> Option<&ClaimRule> {
        let allows = |known: &Claim| *known == claim || claim.speaks_of(*known);
        self.claims.iter().find(|rule| rule.names.iter().any(allows))
    }

    /// The session as this client knows it, the `sid` of its tokens: another one for every client, as the subject is.
    pub fn session(&self, vault: &Vault, session: &SessionId) -> String {
        URL_SAFE_NO_PAD.encode(vault.pairwise(&format!("session of {}", self.id), session.as_str()))
    }

    /// Whether its keys are fetched.
    pub fn has_remote_keys(&self) -> bool {
        self.signing_keys().1.is_some()
    }

    /// The keys that it signs with, or where it publishes them. Whoever authenticates with keys signs requests with the same.
    pub fn signing_keys(&self) -> (Option<&JwkSet>, Option<&str>) {
        match &self.authentication {
            Authentication::PrivateKeyJwt { jwks, jwks_uri } => (jwks.as_ref(), jwks_uri.as_deref()),
            _ => (self.jwks.as_ref(), self.jwks_uri.as_deref()),
        }
    }

    /// Whether it has registered itself and nobody of the operator's has approved it.
    pub fn is_unchecked(&self) -> bool {
        self.registration.as_ref().is_some_and(|registration| !registration.is_approved)
    }

    /// Where a link of ours leads to it, naming us (OpenID Connect Core section 4).
    pub fn start_uri(&self, issuer: &str) -> Option<String> {
        let mut uri = Url::parse(self.initiate_login_uri.as_deref()?).ok()?;
        uri.query_pairs_mut().append_pair("iss", issuer);
        Some(uri.into())
    }

    /// Whether its profile trusts what it signs so.
    pub fn may_sign_with(&self, algorithm: jsonwebtoken::Algorithm) -> bool {
        !(self.profile.is_fapi2() && algorithm == jsonwebtoken::Algorithm::RS256)
    }

    /// Whether it may only ask by what it has deposited.
    pub fn must_push(&self) -> bool {
        self.require_pushed_authorization_requests || self.profile.is_fapi2()
    }

    /// Whoever can read its program can act as it.
    pub fn is_public(&self) -> bool {
        matches!(self.authentication, Authentication::None {})
    }

    /// Whether userinfo goes to it as a token, and how that is signed.
    pub fn userinfo_signature(&self) -> Option<Algorithm> {
        let is_encrypted = self.encryption.as_ref().is_some_and(|wanted| wanted.answers.contains(&Answer::Userinfo));
        self.userinfo_algorithm.or_else(|| is_encrypted.then_some(self.id_token_algorithm))
    }

    /// A signed token, encrypted if the client wants that for such an answer.
    pub fn protect(&self, answer: Answer, token: String) -> Result<String, Error> {
        match &self.encryption {
            Some(wanted) if wanted.answers.contains(&answer) => jwe::encrypt(&wanted.key, wanted.content, &token),
            _ => Ok(token),
        }
    }

    /// "Stadt Musterhausen – Bewohnerparken".
    pub fn title(&self, language: Language) -> String {
        format!("{} – {}", self.operator.get(language), self.name.get(language))
    }
}
