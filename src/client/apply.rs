//! Making the clients be what a file says.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Client, ClientFile, store};
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::store::db::Tx;
use crate::store::work::Work;

/// All clients in force.
pub async fn list(tx: &mut Tx) -> Result<Vec<Client>, Error> {
    store::load_all(tx).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Add,
    Change,
    Remove,
}

/// What applying a file would do, by client.
pub async fn plan(tx: &mut Tx, file: &ClientFile) -> Result<BTreeMap<ClientId, Change>, Error> {
    // Ten thousand clients are looked up, not searched for.
    let mut stored: BTreeMap<_, _> =
        store::load_all(tx).await?.into_iter().map(|known| (known.id.clone(), known)).collect();
    let mut changes = BTreeMap::new();
    for client in &file.client {
        match stored.remove(&client.id) {
            None => drop(changes.insert(client.id.clone(), Change::Add)),
            Some(known) if known != *client => drop(changes.insert(client.id.clone(), Change::Change)),
            Some(_) => {}
        }
    }
    changes.extend(stored.into_keys().map(|id| (id, Change::Remove)));
    Ok(changes)
}

#[derive(Serialize)]
struct ClientApplied {
    #[serde(skip)]
    client: ClientId,
    change: Change,
}

impl Event for ClientApplied {
    fn kind(&self) -> &'static str {
        "client.applied"
    }

    fn subject(&self) -> Option<String> {
        Some(format!("client:{}", self.client))
    }
}

/// Makes the clients be what the file says, in one transaction.
pub async fn apply(work: &mut Work, file: &ClientFile) -> Result<BTreeMap<ClientId, Change>, Error> {
    let changes = plan(&mut work.tx, file).await?;
    let declared: BTreeMap<_, _> = file.client.iter().map(|client| (&client.id, client)).collect();
    for (id, change) in &changes {
        match declared.get(id) {
            Some(client) => store::put(work, client).await?,
            None => store::remove(work, id).await?,
        }
        audit::record(work, &ClientApplied { client: id.clone(), change: *change }).await?;
    }
    if !changes.is_empty() {
        store::raise_version(work).await?;
    }
    Ok(changes)
}
