//! Making the clients be what a file says.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Client, ClientFile, registered, store};
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::store::db::Tx;
use crate::store::work::Work;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Add,
    Change,
    Remove,
}

/// What applying a file would do, by client.
pub async fn plan(tx: &mut Tx, file: &ClientFile) -> Result<BTreeMap<ClientId, Change>, Error> {
    check_ids(tx, file).await?;
    Ok(compare(&load(tx).await?, file))
}

/// A file neither sees nor changes the clients that have registered themselves; it must not declare one of their ids either.
async fn check_ids(tx: &mut Tx, file: &ClientFile) -> Result<(), Error> {
    for client in &file.client {
        if registered::exists(tx, &client.id).await? {
            return Err(Error::Conflict("an id in the file is that of a client that has registered itself"));
        }
    }
    Ok(())
}

type Stored = BTreeMap<ClientId, Client>;

async fn load(tx: &mut Tx) -> Result<Stored, Error> {
    Ok(store::load_all(tx).await?.into_iter().map(|client| (client.id.clone(), client)).collect())
}

fn compare(stored: &Stored, file: &ClientFile) -> BTreeMap<ClientId, Change> {
    let mut changes: BTreeMap<_, _> = stored.keys().map(|id| (id.clone(), Change::Remove)).collect();
    for client in &file.client {
        match stored.get(&client.id) {
            None => drop(changes.insert(client.id.clone(), Change::Add)),
            Some(known) if known != client => drop(changes.insert(client.id.clone(), Change::Change)),
            Some(_) => drop(changes.remove(&client.id)),
        }
    }
    changes
}

/// The clients that would know everybody by another subject after applying a file.
pub async fn subject_changes(tx: &mut Tx, file: &ClientFile) -> Result<Vec<ClientId>, Error> {
    let stored = load(tx).await?;
    let is_other = |client: &&Client| stored.get(&client.id).is_some_and(|known| known.sector() != client.sector());
    Ok(file.client.iter().filter(is_other).map(|client| client.id.clone()).collect())
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
    check_ids(&mut work.tx, file).await?;
    let stored = load(&mut work.tx).await?;
    let changes = compare(&stored, file);
    let declared: BTreeMap<_, _> = file.client.iter().map(|client| (&client.id, client)).collect();
    for (id, change) in &changes {
        match declared.get(id) {
            Some(client) => store::put(work, client).await?,
            None => store::remove(work, id).await?,
        }
        // Not to come back to life when the file says another day what it said before.
        let took = stored.get(id).is_some_and(Client::takes_stored_secrets);
        if took && !declared.get(id).is_some_and(|client| client.takes_stored_secrets()) {
            store::remove_secrets(work, id).await?;
        }
        audit::record(work, &ClientApplied { client: id.clone(), change: *change }).await?;
    }
    if !changes.is_empty() {
        store::raise_version(work).await?;
    }
    Ok(changes)
}
