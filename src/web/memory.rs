//! What this node remembers of signed-in people, so that a page of theirs costs no statement while they click.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::account::{self, Account};
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::secret::token_hash;
use crate::oidc::connection::{self, Connection};
use crate::organisation::acting::{self, Present};
use crate::postbox::reader::Reader;
use crate::store::recent::Recent;

/// One session and what was looked up for it.
pub struct Remembered {
    pub present: Present,
    /// How many notices are new in the postbox of whom they act for; none if they act for nobody.
    pub unread: Option<i64>,
    account: OnceCell<Arc<Account>>,
    connections: OnceCell<Arc<Vec<Connection>>>,
}

async fn unread(app: &AppParts, present: &Present) -> Result<Option<i64>, Error> {
    let reader = present.acting.as_ref().map(|_| Reader::of(present, present.session.level(app.now())));
    match reader {
        Some(Ok(reader)) => reader.unread(&mut app.read().await?).await.map(Some),
        _ => Ok(None),
    }
}

impl Remembered {
    pub async fn account(&self, app: &AppParts) -> Result<Arc<Account>, Error> {
        let load = async || {
            let mut tx = app.read().await?;
            account::load(&mut tx, &app.vault, &self.present.session.account_id).await.map(Arc::new)
        };
        self.account.get_or_try_init(load).await.cloned()
    }

    pub async fn connections(&self, app: &AppParts, registry: &Registry) -> Result<Arc<Vec<Connection>>, Error> {
        let load = async || {
            let mut tx = app.read().await?;
            connection::list(&mut tx, registry, &self.present.session.account_id).await.map(Arc::new)
        };
        self.connections.get_or_try_init(load).await.cloned()
    }
}

/// Cheap to clone; one per process.
#[derive(Clone, Default)]
pub struct Memory(pub Recent<[u8; 32], Remembered>);

impl Memory {
    /// The session of a token, remembered or read.
    pub async fn session(&self, app: &AppParts, token: &str) -> Result<Option<Arc<Remembered>>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let now = app.now();
        let read = async || {
            let found = acting::find_session(&mut app.read().await?, &app.vault, token, now).await?;
            let Some(present) = found else { return Ok(None) };
            let unread = unread(app, &present).await?;
            let (account, connections) = (OnceCell::new(), OnceCell::new());
            Ok(Some((present.session.account_id.clone(), Remembered { present, unread, account, connections })))
        };
        let is_good = |known: &Remembered| known.present.session.ends_at() > now;
        self.0.get((&app.db.changes, now), token_hash(token), is_good, read).await
    }
}
