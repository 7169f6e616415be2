//! How a client stands, beside what its file declares: switched off by the operator, and with which secrets.

use std::sync::Arc;

use super::secret::StoredSecret;
use super::{Client, store};
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::Work;

/// Since when a client is switched off, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    pub since: Timestamp,
    pub operator: String,
    pub reason: String,
}

/// A client with everything that is in force for it.
#[derive(Clone, Debug)]
pub struct Standing {
    pub client: Arc<Client>,
    pub disabled: Option<Disabled>,
    /// Newest first; also such as have ended.
    pub secrets: Vec<StoredSecret>,
}

impl Standing {
    /// Whether it has to authenticate and nothing to do so with.
    pub fn lacks_secret(&self, now: Timestamp) -> bool {
        self.client.takes_stored_secrets() && !self.secrets.iter().any(|secret| secret.counts(now))
    }
}

/// All clients, by id.
pub async fn list(tx: &mut Tx) -> Result<Vec<Standing>, Error> {
    let clients = store::load_all(tx).await?;
    let (mut disabled, mut secrets) = (store::load_disabled(tx).await?, store::load_secrets(tx).await?);
    let standing = |client: Client| Standing {
        disabled: disabled.remove(&client.id),
        secrets: secrets.remove(&client.id).unwrap_or_default(),
        client: Arc::new(client),
    };
    Ok(clients.into_iter().map(standing).collect())
}

/// One of them.
pub async fn find(tx: &mut Tx, id: &ClientId) -> Result<Standing, Error> {
    list(tx).await?.into_iter().find(|standing| standing.client.id == *id).ok_or(Error::NotFound)
}

/// Switches a client off: within a second no node knows it any more, as far as it can tell.
pub async fn disable(work: &mut Work, id: &ClientId, operator: &str, reason: &str) -> Result<(), Error> {
    store::load(&mut work.tx, id).await?.ok_or(Error::NotFound)?;
    if !store::insert_disabled(work, id, operator, reason).await? {
        return Err(Error::Conflict("it is switched off already"));
    }
    Ok(store::raise_version(work).await?)
}

/// Switches it on again.
pub async fn enable(work: &mut Work, id: &ClientId) -> Result<(), Error> {
    if store::delete_disabled(work, id).await? {
        return Ok(store::raise_version(work).await?);
    }
    store::load(&mut work.tx, id).await?.ok_or(Error::NotFound)?;
    Err(Error::Conflict("it is not switched off"))
}
