//! Which accounts have changed on this node: what was remembered of one before its last change is void.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::kernel::id::AccountId;

/// Accounts share a counter with few others; a shared one forgets too much, never too little.
const COUNTERS: usize = 4096;

pub struct Changes {
    all: AtomicU64,
    counters: Vec<AtomicU64>,
    hasher: RandomState,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            all: AtomicU64::new(0),
            counters: (0..COUNTERS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Changes {
    fn counter(&self, account: &AccountId) -> &AtomicU64 {
        let place = self.hasher.hash_one(account) % self.counters.len() as u64;
        &self.counters[place as usize]
    }

    /// Called after every commit of an account's own work.
    pub fn note(&self, account: &AccountId) {
        self.all.fetch_add(1, Ordering::SeqCst);
        self.counter(account).fetch_add(1, Ordering::SeqCst);
    }

    /// A number that is another one after any account's change.
    pub fn epoch(&self) -> u64 {
        self.all.load(Ordering::SeqCst)
    }

    /// A number that is another one after a change.
    pub fn generation(&self, account: &AccountId) -> u64 {
        self.counter(account).load(Ordering::SeqCst)
    }
}
