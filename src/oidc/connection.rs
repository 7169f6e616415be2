//! Connected services: which clients have a person's consent, and withdrawing it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{OidcEvent, consent, store};
use crate::app::AppParts;
use crate::audit;
use crate::client::registry::Registry;
use crate::client::{Claim, Client, Scope};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId};
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

pub struct Connection {
    pub client: Arc<Client>,
    pub scopes: Vec<Scope>,
    /// Which data the service gets.
    pub data: Vec<Claim>,
    pub since: Timestamp,
    /// The operator has switched the service off: it gets nothing, but the connection can be ended.
    pub is_disabled: bool,
}

/// The services connected with an account, newest first. Removed clients are not listed.
pub async fn list(tx: &mut Tx, registry: &Registry, account: &AccountId) -> Result<Vec<Connection>, Error> {
    let rows = store::list_consents(tx, account).await?;
    let mut connections = Vec::new();
    for row in rows {
        let Some((client, is_disabled)) = registry.known(&row.client_id.0) else { continue };
        let agreement = consent::read(row)?;
        let data = agreement.answers.into_iter().filter_map(|(claim, yes)| yes.then_some(claim)).collect();
        let since = agreement.granted_at;
        connections.push(Connection { client, scopes: agreement.scopes, data, since, is_disabled });
    }
    Ok(connections)
}

/// How many accounts are connected with each client.
pub async fn count(tx: &mut Tx) -> Result<BTreeMap<ClientId, i64>, Error> {
    let rows = store::count_consents(tx).await?;
    Ok(rows.into_iter().map(|row| (row.client_id, row.accounts)).collect())
}

/// How many accounts are connected with one client.
pub async fn count_of(tx: &mut Tx, client: &ClientId) -> Result<i64, Error> {
    Ok(store::count_consents_of(tx, client).await?)
}

/// Data in words.
pub fn data_names(language: Language, data: &[Claim]) -> String {
    let is_said = |claim: &Claim| *claim == Claim::Name && Claim::NAME_PARTS.iter().all(|part| data.contains(part));
    let told = data.iter().filter(|claim| !is_said(claim));
    told.map(|claim| claim.label(language.texts()).to_string()).collect::<Vec<_>>().join(", ")
}

/// Removes everything that clients hold of an account which is being erased.
pub async fn forget(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    store::logout_state::delete_of_account(work, account).await?;
    Ok(store::delete_connections(work, account).await?)
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
