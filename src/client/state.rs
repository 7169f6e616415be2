//! How a client stands, beside what it or its file says: how it came to be, switched off by the operator, and with which secrets.

use std::sync::Arc;

use super::registered::{self, Origin};
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
    /// For one that has registered itself.
    pub origin: Option<Origin>,
    pub disabled: Option<Disabled>,
    /// Newest first; also such as have ended.
    pub secrets: Vec<StoredSecret>,
}

impl Standing {
    /// When it ends by itself.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.origin.as_ref().filter(|origin| origin.approved.is_none()).map(|origin| origin.expires_at)
    }

    /// Whether it has to authenticate and nothing to do so with.
    pub fn lacks_secret(&self, now: Timestamp) -> bool {
        self.client.takes_stored_secrets() && !self.secrets.iter().any(|secret| secret.counts(now))
    }
}

/// All clients that count at this time: those that are declared, by id, and those that have registered themselves.
pub async fn list(tx: &mut Tx, now: Timestamp) -> Result<Vec<Standing>, Error> {
    let (declared, registered) = (store::load_all(tx).await?, registered::list(tx, now).await?);
    let (mut disabled, mut secrets) = (store::load_disabled(tx).await?, store::load_secrets(tx).await?);
    let standing = |(client, origin): (Client, Option<Origin>)| Standing {
        origin,
        disabled: disabled.remove(&client.id),
        secrets: secrets.remove(&client.id).unwrap_or_default(),
        client: Arc::new(client),
    };
    let declared = declared.into_iter().map(|client| (client, None));
    let registered = registered.into_iter().map(|one| (one.client, Some(one.origin)));
    Ok(declared.chain(registered).map(standing).collect())
}

/// One of them.
pub async fn find(tx: &mut Tx, id: &ClientId, now: Timestamp) -> Result<Standing, Error> {
    list(tx, now).await?.into_iter().find(|standing| standing.client.id == *id).ok_or(Error::NotFound)
}

async fn check_exists(tx: &mut Tx, id: &ClientId) -> Result<(), Error> {
    let is_there = store::load(tx, id).await?.is_some() || registered::exists(tx, id).await?;
    if is_there { Ok(()) } else { Err(Error::NotFound) }
}

/// Switches a client off: within a second no node knows it any more, as far as it can tell.
pub async fn disable(work: &mut Work, id: &ClientId, operator: &str, reason: &str) -> Result<(), Error> {
    check_exists(&mut work.tx, id).await?;
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
    check_exists(&mut work.tx, id).await?;
    Err(Error::Conflict("it is not switched off"))
}
