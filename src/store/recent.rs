//! What this node remembers of accounts for at most one second, so that whoever asks again costs no statement.
//!
//! Everything that is done to an account on this node is seen at once (its change number is compared); what another node
//! does is seen within a second, which is how long a revocation may take anywhere.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::changes::Changes;
use crate::kernel::id::AccountId;
use crate::kernel::time::Timestamp;

const LIFETIME: Duration = Duration::from_secs(1);
/// Beyond this everything is forgotten rather than something grow.
const ENTRIES_MAX: usize = 20_000;

struct Entry<V> {
    value: Arc<V>,
    account: AccountId,
    generation: u64,
    at: Timestamp,
}

impl<V> Entry<V> {
    fn holds(&self, changes: &Changes, now: Timestamp) -> bool {
        now < self.at.plus(LIFETIME) && changes.generation(&self.account) == self.generation
    }
}

/// Cheap to clone; one of a kind per process.
pub struct Recent<K, V>(Arc<RwLock<HashMap<K, Entry<V>>>>);

impl<K, V> Clone for Recent<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// What is remembered under a key and still good, or what is read; with the account that it is about.
    pub async fn get<E>(
        &self,
        (changes, now): (&Changes, Timestamp),
        key: K,
        is_good: impl Fn(&V) -> bool,
        read: impl AsyncFnOnce() -> Result<Option<(AccountId, V)>, E>,
    ) -> Result<Option<Arc<V>>, E> {
        if let Some(entry) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key)
            && entry.holds(changes, now)
            && is_good(&entry.value)
        {
            return Ok(Some(Arc::clone(&entry.value)));
        }
        let epoch = changes.epoch();
        let Some((account, value)) = read().await? else { return Ok(None) };
        let (value, generation) = (Arc::new(value), changes.generation(&account));
        // A change while it was read may be one of this account: answer with it, but do not keep it.
        if changes.epoch() == epoch {
            let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if entries.len() >= ENTRIES_MAX {
                entries.clear();
            }
            entries.insert(key, Entry { value: Arc::clone(&value), account, generation, at: now });
        }
        Ok(Some(value))
    }

    /// Drops what no longer holds; nobody's data stays in memory longer than it is used.
    pub fn sweep(&self, changes: &Changes, now: Timestamp) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|_, entry| entry.holds(changes, now));
    }
}
