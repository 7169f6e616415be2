//! The keys of clients that publish them at an address (`jwks_uri`), as this node has fetched them.
//!
//! Fetched at the first use, again when they are a quarter of an hour old or a key is asked for that is not among them, but
//! at most once a minute for a client, whatever comes of it and whoever asks: anybody can name a client and a key. One fetch
//! at a time for a client; who finds a key that is known does not wait for it. If a fetch fails, what was fetched before counts
//! for up to a day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::jwks;
use crate::kernel::id::ClientId;
use crate::kernel::outbound::Outbound;
use crate::kernel::time::{Timestamp, days, minutes};

const FRESH: Duration = minutes(15);
const KEPT: Duration = days(1);
const PAUSE: Duration = minutes(1);
/// Of a whole key set.
const BYTES_MAX: usize = 64 * 1024;
/// Of all clients together; beyond that nothing is fetched until one has ended, which takes five seconds at most.
const FETCHES_MAX: usize = 64;

/// Cheap to clone; one per process.
#[derive(Clone)]
pub struct RemoteKeys(Arc<Parts>);

struct Parts {
    /// Only of registered clients, hence bounded.
    sets: Mutex<HashMap<ClientId, Arc<RemoteSet>>>,
    slots: Arc<Semaphore>,
}

/// What is known of one address.
struct RemoteSet {
    uri: String,
    kept: RwLock<Kept>,
    /// Held by the fetch that is under way.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Default)]
struct Kept {
    fetched: Option<(Arc<JwkSet>, Timestamp)>,
    tried_at: Option<Timestamp>,
}

impl Kept {
    /// The key, if it is among those that are not older than that.
    fn find(&self, kid: Option<&str>, now: Timestamp, age: Duration) -> Option<Jwk> {
        let (keys, _) = self.fetched.as_ref().filter(|(_, at)| now < at.plus(age))?;
        jwks::select(keys, kid).cloned()
    }

    fn may_try(&self, now: Timestamp) -> bool {
        self.tried_at.is_none_or(|at| now >= at.plus(PAUSE))
    }
}

impl Default for RemoteKeys {
    fn default() -> Self {
        Self(Arc::new(Parts { sets: Mutex::default(), slots: Arc::new(Semaphore::new(FETCHES_MAX)) }))
    }
}

impl RemoteKeys {
    /// The key of this `kid`, or without one the only one there is.
    pub async fn key(
        &self,
        (outbound, now): (&Outbound, Timestamp),
        (client, uri): (&ClientId, &str),
        kid: Option<&str>,
    ) -> Option<Jwk> {
        let set = self.set(client, uri);
        let kept = set.kept();
        if let Some(key) = kept.find(kid, now, FRESH) {
            return Some(key);
        }
        match Arc::clone(&set.fetching).try_lock_owned() {
            // Looked at again, now that nobody else can be fetching.
            Ok(guard) if set.kept().may_try(now) => {
                if let Ok(permit) = Arc::clone(&self.0.slots).try_acquire_owned() {
                    set.change(|kept| kept.tried_at = Some(now));
                    // By itself, so that it comes to its end also if whoever asked has gone.
                    let fetch = fetch((outbound.clone(), now), (client.clone(), Arc::clone(&set)), (guard, permit));
                    drop(tokio::spawn(fetch).await);
                }
            }
            Ok(guard) => drop(guard),
            Err(_) => match kept.find(kid, now, KEPT) {
                Some(key) => return Some(key),
                None => drop(set.fetching.lock().await),
            },
        }
        set.kept().find(kid, now, KEPT)
    }

    /// Forgets the keys of other clients.
    pub fn retain(&self, is_known: impl Fn(&ClientId) -> bool) {
        self.0.sets.lock().unwrap_or_else(PoisonError::into_inner).retain(|client, _| is_known(client));
    }

    /// What is kept for a client; nothing, if that was of another address.
    fn set(&self, client: &ClientId, uri: &str) -> Arc<RemoteSet> {
        let mut sets = self.0.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sets.get(client).filter(|known| known.uri == uri) {
            return Arc::clone(known);
        }
        let (kept, fetching) = (RwLock::default(), Arc::default());
        let fresh = Arc::new(RemoteSet { uri: uri.to_owned(), kept, fetching });
        sets.insert(client.clone(), Arc::clone(&fresh));
        fresh
    }
}

impl RemoteSet {
    fn kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Fetches, and keeps what was fetched if it is any good.
async fn fetch(
    (outbound, now): (Outbound, Timestamp),
    (client, set): (ClientId, Arc<RemoteSet>),
    _held: (OwnedMutexGuard<()>, OwnedSemaphorePermit),
) {
    let fetched = outbound.get(&set.uri, BYTES_MAX).await;
    match fetched.and_then(|bytes| jwks::read(&bytes).map_err(str::to_owned)) {
        Ok(keys) => set.change(|kept| kept.fetched = Some((Arc::new(keys), now))),
        Err(reason) => {
            tracing::warn!(client = client.0, reason, "the keys of a client could not be fetched");
            metrics::counter!("nutzerkonto_client_keys_failed_total").increment(1);
        }
    }
}
