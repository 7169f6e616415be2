//! Connected services: which clients have a person's consent, and withdrawing it.

use std::sync::Arc;

use super::claims::{self, Shows};
use super::{OidcEvent, store};
use crate::app::AppParts;
use crate::audit;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId};
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::Actor;

pub struct Connection {
    pub client: Arc<Client>,
    /// Which data the service gets.
    pub data: Vec<Shows>,
    pub since: Timestamp,
}

/// The services connected with an account, newest first. Removed clients are not listed.
pub async fn list(tx: &mut Tx, registry: &Registry, account: &AccountId) -> Result<Vec<Connection>, Error> {
    let rows = store::list_consents(tx, account).await?;
    let connection = |row: store::ConsentRow| {
        let client = registry.find(&row.client_id)?;
        Some(Connection { client, data: claims::covered(&row.scope), since: row.granted_at })
    };
    Ok(rows.into_iter().filter_map(connection).collect())
}

/// Withdraws: from now on the client gets nothing, and what it holds is worth nothing here.
pub async fn withdraw(app: &AppParts, account: &AccountId, client: &ClientId) -> Result<(), Error> {
    let mut work = app.begin(Actor::Account(account.clone())).await?;
    if !store::delete_consent(&mut work, account, client).await? {
        return Err(Error::NotFound);
    }
    store::end_grants(&mut work, account, client).await?;
    let event = OidcEvent::ConsentWithdrawn { account: account.clone(), client: client.clone() };
    audit::record(&mut work, &event).await?;
    work.commit().await
}
