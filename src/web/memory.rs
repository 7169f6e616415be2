//! What this node remembers of signed-in people for at most one second, so that a page of theirs costs no
//! statement while they click.
//!
//! Everything a person does on this node is seen at once (the account's change number is compared); what
//! another node does is seen within a second, which is how long a revocation may take anywhere.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::account::{self, Account};
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::secret::token_hash;
use crate::kernel::time::Timestamp;
use crate::oidc::connection::{self, Connection};
use crate::signin::session::{self, Session};

const LIFETIME: Duration = Duration::from_secs(1);
/// Beyond this everything is forgotten rather than something grow.
const ENTRIES_MAX: usize = 20_000;

/// One session and what was looked up for it.
pub struct Remembered {
    pub session: Session,
    generation: u64,
    at: Timestamp,
    account: OnceCell<Arc<Account>>,
    connections: OnceCell<Arc<Vec<Connection>>>,
}

impl Remembered {
    fn holds(&self, app: &AppParts, now: Timestamp) -> bool {
        now < self.at.plus(LIFETIME)
            && self.session.ends_at() > now
            && app.db.changes.generation(&self.session.account_id) == self.generation
    }

    pub async fn account(&self, app: &AppParts) -> Result<Arc<Account>, Error> {
        let load = async || {
            let mut tx = app.read().await?;
            account::load(&mut tx, &app.vault, &self.session.account_id).await.map(Arc::new)
        };
        self.account.get_or_try_init(load).await.cloned()
    }

    pub async fn connections(&self, app: &AppParts, registry: &Registry) -> Result<Arc<Vec<Connection>>, Error> {
        let load = async || {
            let mut tx = app.read().await?;
            connection::list(&mut tx, registry, &self.session.account_id).await.map(Arc::new)
        };
        self.connections.get_or_try_init(load).await.cloned()
    }
}

/// Cheap to clone; one per process.
#[derive(Clone, Default)]
pub struct Memory(Arc<RwLock<HashMap<[u8; 32], Arc<Remembered>>>>);

impl Memory {
    /// The session of a token, remembered or read.
    pub async fn session(&self, app: &AppParts, token: &str) -> Result<Option<Arc<Remembered>>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let (key, now) = (token_hash(token), app.now());
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known.filter(|known| known.holds(app, now)) {
            return Ok(Some(known));
        }
        let epoch = app.db.changes.epoch();
        let mut tx = app.read().await?;
        let Some(session) = session::find(&mut tx, token, now).await? else { return Ok(None) };
        drop(tx);
        let generation = app.db.changes.generation(&session.account_id);
        let fresh = Remembered { session, generation, at: now, account: OnceCell::new(), connections: OnceCell::new() };
        let fresh = Arc::new(fresh);
        // A change while the row was read may be one of this account: answer with it, but do not keep it.
        if app.db.changes.epoch() != epoch {
            return Ok(Some(fresh));
        }
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES_MAX {
            entries.clear();
        }
        entries.insert(key, Arc::clone(&fresh));
        Ok(Some(fresh))
    }

    /// Drops what no longer holds; nobody's data stays in memory longer than it is used.
    pub fn sweep(&self, app: &AppParts) {
        let now = app.now();
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|_, entry| entry.holds(app, now));
    }
}
