//! All clients in memory, on every node the same within half a second: those that are declared, and those that have registered
//! themselves and have not ended.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use jsonwebtoken::jwk::Jwk;
use tokio::sync::Semaphore;

use super::remote_keys::RemoteKeys;
use super::secret;
use super::state::{self, Standing};
use super::{Client, store};
use crate::kernel::error::{Error, Protocol};
use crate::kernel::id::ClientId;
use crate::kernel::outbound::Outbound;
use crate::kernel::time::Timestamp;
use crate::store::db::Db;

#[derive(Default)]
struct Loaded {
    version: i64,
    /// When the first of those ends that have registered themselves.
    ends_at: Option<Timestamp>,
    clients: HashMap<String, Standing>,
    /// Where programs run that call us from a browser: the origins of public clients' redirect URIs.
    origins: HashSet<String>,
}

/// Fetches of signed requests at a time, of all clients together; each takes five seconds at most.
const REQUEST_FETCHES_MAX: usize = 16;
/// And of what belongs to registrations.
const REGISTRATION_FETCHES_MAX: usize = 4;
const REQUEST_BYTES_MAX: usize = 16 * 1024;
const RETRY_AFTER_SECONDS: u64 = 2;
const UNUSABLE: &str = "request_uri is not registered, or there is no request";

/// Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    loaded: Arc<RwLock<Loaded>>,
    remote_keys: RemoteKeys,
    request_fetches: Arc<Semaphore>,
    registration_fetches: Arc<Semaphore>,
}

impl Registry {
    pub async fn load(db: &Db, now: Timestamp) -> Result<Self, Error> {
        let loaded = Arc::new(RwLock::new(Loaded { version: -1, ..Loaded::default() }));
        let request_fetches = Arc::new(Semaphore::new(REQUEST_FETCHES_MAX));
        let registration_fetches = Arc::new(Semaphore::new(REGISTRATION_FETCHES_MAX));
        let registry = Self { loaded, remote_keys: RemoteKeys::default(), request_fetches, registration_fetches };
        registry.refresh(db, now).await?;
        Ok(registry)
    }

    fn loaded(&self) -> RwLockReadGuard<'_, Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client that may do something. Of one that is switched off nothing is known here.
    pub fn get(&self, id: &str) -> Option<Arc<Client>> {
        let loaded = self.loaded();
        let standing = loaded.clients.get(id).filter(|standing| standing.disabled.is_none());
        standing.map(|standing| Arc::clone(&standing.client))
    }

    /// Whether a public client lives at this origin.
    pub fn has_origin(&self, origin: &str) -> bool {
        self.loaded().origins.contains(origin)
    }

    /// Every client that may do something and that somebody of the operator's has approved, in the order of their ids.
    pub fn approved(&self) -> Vec<Arc<Client>> {
        let loaded = self.loaded();
        let enabled = loaded.clients.values().filter(|standing| standing.disabled.is_none());
        let mut clients: Vec<_> = enabled.map(|standing| Arc::clone(&standing.client)).collect();
        clients.retain(|client| !client.is_unchecked());
        clients.sort_by(|one, other| one.id.cmp(&other.id));
        clients
    }

    pub fn find(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.get(&id.0)
    }

    /// A client as people know it, whether or not it may do anything, and whether it is switched off. Only to speak of it.
    pub fn known(&self, id: &str) -> Option<(Arc<Client>, bool)> {
        let loaded = self.loaded();
        loaded.clients.get(id).map(|standing| (Arc::clone(&standing.client), standing.disabled.is_some()))
    }

    /// Whether this is the secret of a client that authenticates with one; `declared` is what its file says of it.
    pub fn is_secret(&self, client: &Client, declared: Option<&str>, secret: &str, now: Timestamp) -> bool {
        let loaded = self.loaded();
        let stored = loaded.clients.get(&client.id.0).map_or(&[][..], |standing| &standing.secrets);
        secret::is_right(declared, stored, secret, now)
    }

    /// The key of a client that signs: the one of this `kid`, or without one the only one there is.
    pub async fn key(
        &self,
        (outbound, now): (&Outbound, Timestamp),
        client: &Client,
        kid: Option<&str>,
    ) -> Option<Jwk> {
        match client.signing_keys() {
            (Some(jwks), _) => super::jwks::select(jwks, kid).cloned(),
            (None, Some(uri)) => self.remote_keys.key((outbound, now), (&client.id, uri), kid).await,
            (None, None) => None,
        }
    }

    /// The signed request that a client has put at one of its addresses. Anybody can name one: so few at a time that nobody
    /// makes us call for nothing but that.
    pub async fn request_at(&self, outbound: &Outbound, client: &Client, uri: &str) -> Result<String, Error> {
        let unusable = |detail: String| {
            Error::Protocol(Protocol { code: "invalid_request_uri", description: UNUSABLE, detail: Some(detail) })
        };
        if !client.request_uris.iter().any(|known| known == uri) {
            return Err(unusable("not registered".to_owned()));
        }
        let busy = |_| Error::Busy { retry_after_seconds: RETRY_AFTER_SECONDS };
        let _slot = self.request_fetches.try_acquire().map_err(busy)?;
        let address = uri.split('#').next().unwrap_or_default();
        let bytes = outbound.get(address, REQUEST_BYTES_MAX).await.map_err(unusable)?;
        String::from_utf8(bytes).map_err(|_| unusable("not a token".to_owned()))
    }

    /// What stands at an address that belongs to a registration. `Err(None)` where too many are fetched at this time.
    pub async fn fetch(&self, outbound: &Outbound, uri: &str, bytes_max: usize) -> Result<Vec<u8>, Option<String>> {
        let _slot = self.registration_fetches.try_acquire().map_err(|_| None)?;
        outbound.get(uri, bytes_max).await.map_err(Some)
    }

    /// Reads the clients again if their version number has changed, or one of them has ended.
    pub async fn refresh(&self, db: &Db, now: Timestamp) -> Result<(), Error> {
        let mut tx = db.read().await?;
        let version = store::version(&mut tx).await?;
        let is_current = {
            let loaded = self.loaded();
            version == loaded.version && loaded.ends_at.is_none_or(|end| now < end)
        };
        if is_current {
            return Ok(());
        }
        let clients = state::list(&mut tx, now).await?;
        let ends_at = clients.iter().filter_map(Standing::ends_at).min();
        let enabled = clients.iter().filter(|standing| standing.disabled.is_none());
        let public = enabled.map(|standing| &standing.client).filter(|client| client.is_public());
        let uris = public.flat_map(|client| &client.redirect_uris).filter_map(|uri| url::Url::parse(uri).ok());
        let origins = uris.map(|uri| uri.origin().ascii_serialization()).collect();
        let clients: HashMap<_, _> =
            clients.into_iter().map(|standing| (standing.client.id.0.clone(), standing)).collect();
        self.remote_keys.retain(|id| clients.get(&id.0).is_some_and(|standing| standing.client.has_remote_keys()));
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Loaded { version, ends_at, clients, origins };
        Ok(())
    }
}
