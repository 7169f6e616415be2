//! One other provider: its settings, its metadata and keys as this node has fetched them (OpenID Connect Discovery 1.0), and what
//! it costs to ask it.
//!
//! Fetched at the first use, again when they are a quarter of an hour old or a key is missing, but at most once a minute, whatever
//! comes of it. If that fails, what was fetched before counts for up to a day; without that the provider is out of reach for a
//! minute, and nobody waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, ClientId, ClientSecret, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IssuerUrl, ProviderMetadata, RedirectUrl,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::Told;
use crate::account::AttributeName;
use crate::app::AppParts;
use crate::config::{SecretSource, Upstream};
use crate::kernel::keys::{Purpose, SigningKey};
use crate::kernel::outbound::Outbound;
use crate::kernel::secret::Secret;
use crate::kernel::time::{Timestamp, days, minutes};

const FRESH: Duration = minutes(15);
const KEPT: Duration = days(1);
const PAUSE: Duration = minutes(1);
/// Of any answer.
pub const BYTES_MAX: usize = 64 * 1024;
/// People who wait for one provider at a time.
const WAITING_MAX: usize = 32;
/// Longer nobody waits, whatever has to be asked.
const PATIENCE: Duration = Duration::from_secs(9);

/// What a provider says of itself beyond OpenID Connect Discovery.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Further {
    /// RFC 9207 section 3.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Further {}

pub type Metadata = ProviderMetadata<
    Further,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
pub type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// How we say there who we are.
pub enum Credential {
    Secret(Secret<String>),
    Key(SigningKey),
}

/// What was fetched, and when.
pub struct Known {
    pub metadata: Metadata,
    pub keys: JwkSet,
    pub fetched_at: Timestamp,
}

#[derive(Default)]
struct Kept {
    known: Option<Arc<Known>>,
    tried_at: Option<Timestamp>,
}

pub struct Provider {
    pub settings: Upstream,
    pub credential: Credential,
    /// What it vouches for, and how it calls that.
    pub claims: BTreeMap<AttributeName, String>,
    kept: RwLock<Kept>,
    /// Held by the fetch that is under way.
    fetching: tokio::sync::Mutex<()>,
    slots: Semaphore,
}

/// The providers that may be used. Cheap to clone; one per process.
#[derive(Clone, Default)]
pub struct Providers(Arc<BTreeMap<String, Provider>>);

impl Providers {
    /// Reads what their settings point to. Calls nobody.
    pub fn open(all: &[Upstream]) -> Result<Self, String> {
        let open = |settings: &Upstream| {
            let provider = Provider::open(settings);
            let provider = provider.map_err(|problem| format!("upstream {:?}: {problem}", settings.id))?;
            Ok((settings.id.clone(), provider))
        };
        let enabled = all.iter().filter(|settings| settings.enabled);
        Ok(Self(Arc::new(enabled.map(open).collect::<Result<_, String>>()?)))
    }

    pub fn find(&self, id: &str) -> Option<&Provider> {
        self.0.get(id).filter(|provider| provider.settings.organisation.is_none())
    }

    /// One whose accounts are of organisations.
    pub fn find_of_organisations(&self, id: &str) -> Option<&Provider> {
        self.0.get(id).filter(|provider| provider.settings.organisation.is_some())
    }
}

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotFetched(String);

/// Sends what the library wants to ask.
pub async fn send(outbound: &Outbound, request: HttpRequest) -> Result<HttpResponse, NotFetched> {
    let (parts, body) = request.into_parts();
    let called = outbound.call((parts.method, &parts.uri.to_string()), parts.headers, body, BYTES_MAX).await;
    let answer = called.map_err(NotFetched)?;
    let mut response = HttpResponse::new(answer.body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

impl Provider {
    fn open(settings: &Upstream) -> Result<Self, String> {
        let text = |source: &SecretSource| {
            let text = String::from_utf8(source.read()?).map_err(|_| format!("{}: not text", source.0))?;
            Ok::<_, String>(Secret::new(text))
        };
        let credential = match (&settings.client_secret, &settings.client_key) {
            (Some(source), None) => Credential::Secret(Secret::new(text(source)?.expose().trim().to_owned())),
            (None, Some(source)) => {
                let der =
                    SigningKey::read_pem(text(source)?.expose()).map_err(|error| format!("{}: {error}", source.0))?;
                Credential::Key(SigningKey::from_pkcs8(Purpose::IdToken, der.expose())?)
            }
            _ => return Err("client_secret or client_key: one of them".to_owned()),
        };
        let name = |(name, claim): (&String, &String)| {
            let known = AttributeName::ALL.into_iter().find(|known| known.name() == name);
            Ok((known.ok_or_else(|| format!("claims: there is no {name} here"))?, claim.clone()))
        };
        let claims = settings.claims.iter().map(name).collect::<Result<_, String>>()?;
        let (kept, fetching) = (RwLock::default(), tokio::sync::Mutex::default());
        let slots = Semaphore::new(WAITING_MAX);
        Ok(Self { settings: settings.clone(), credential, claims, kept, fetching, slots })
    }

    /// Where people come back to from it. Registered there, and nobody else's.
    pub fn redirect_uri(&self, app: &AppParts) -> String {
        let (issuer, id) = (&app.config.issuer, &self.settings.id);
        match self.settings.organisation {
            None => format!("{issuer}/anmelden/konto/{id}/zurueck"),
            Some(_) => format!("{issuer}/organisation/rueckkehr/{id}"),
        }
    }

    /// Asks it something: nobody waits longer than that, and no more people than that.
    pub async fn ask<T>(&self, asking: impl Future<Output = Result<T, Told>>) -> Result<T, Told> {
        let Ok(_slot) = self.slots.try_acquire() else { return Err(Told::Busy) };
        let answered = tokio::time::timeout(PATIENCE, asking).await;
        let answered = answered.unwrap_or(Err(Told::NotReached));
        if matches!(answered, Err(Told::NotReached)) {
            metrics::counter!("nutzerkonto_upstream_not_reached_total", "provider" => self.settings.id.clone())
                .increment(1);
        }
        answered
    }

    /// Its metadata and keys. `NotReached` if there are none that still count.
    pub async fn known(&self, app: &AppParts) -> Result<Arc<Known>, Told> {
        let is_fresh = |known: &Arc<Known>| app.now() < known.fetched_at.plus(FRESH);
        match self.last() {
            Some(known) if is_fresh(&known) => Ok(known),
            _ => self.fetched_since(app, app.now().minus(FRESH)).await,
        }
    }

    /// The same once more, if a key was missing and the last look is a minute ago.
    pub async fn renewed(&self, app: &AppParts, missing_in: &Known) -> Result<Arc<Known>, Told> {
        self.fetched_since(app, missing_in.fetched_at).await
    }

    fn last(&self) -> Option<Arc<Known>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).known.clone()
    }

    /// One fetch at a time; who waited for another's takes what that has brought.
    async fn fetched_since(&self, app: &AppParts, at: Timestamp) -> Result<Arc<Known>, Told> {
        let _fetch = self.fetching.lock().await;
        let (last, now) = (self.last(), app.now());
        if let Some(known) = last.as_ref().filter(|known| known.fetched_at > at) {
            return Ok(Arc::clone(known));
        }
        let old = last.filter(|known| now < known.fetched_at.plus(KEPT)).ok_or(Told::NotReached);
        if !self.may_try(now) {
            return old;
        }
        match self.fetch(app, now).await {
            Ok(known) => {
                let known = Arc::new(known);
                self.kept.write().unwrap_or_else(PoisonError::into_inner).known = Some(Arc::clone(&known));
                Ok(known)
            }
            Err(reason) => {
                tracing::warn!(provider = self.settings.id, reason, "another provider could not be asked for its keys");
                old
            }
        }
    }

    /// Whether the last try is long enough ago; then this is one.
    fn may_try(&self, now: Timestamp) -> bool {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let may = kept.tried_at.is_none_or(|at| now >= at.plus(PAUSE));
        if may {
            kept.tried_at = Some(now);
        }
        may
    }

    /// The library compares the issuer (OpenID Connect Discovery section 4.3).
    async fn fetch(&self, app: &AppParts, now: Timestamp) -> Result<Known, String> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| error.to_string())?;
        let metadata = Metadata::discover_async(issuer, &|request| send(&app.outbound, request)).await;
        let metadata = metadata.map_err(|error| format!("{error:?}"))?;
        if metadata.token_endpoint().is_none() {
            return Err("no token endpoint".to_owned());
        }
        let authorization = metadata.authorization_endpoint().url().scheme();
        if authorization != "https" && !app.config.is_loopback() {
            return Err("the authorization endpoint is not https".to_owned());
        }
        let keys = serde_json::to_value(metadata.jwks()).and_then(serde_json::from_value);
        Ok(Known { metadata, keys: keys.map_err(|error| error.to_string())?, fetched_at: now })
    }

    /// The library's view of us there.
    pub fn client(&self, app: &AppParts, known: &Known) -> Result<Client, Told> {
        let secret = match &self.credential {
            Credential::Secret(secret) => Some(ClientSecret::new(secret.expose().clone())),
            Credential::Key(_) => None,
        };
        let redirect = RedirectUrl::new(self.redirect_uri(app)).map_err(|_| Told::NotReached)?;
        let id = ClientId::new(self.settings.client_id.clone());
        Ok(CoreClient::from_provider_metadata(known.metadata.clone(), id, secret).set_redirect_uri(redirect))
    }
}
