//! Connected services: which clients have a person's consent, and withdrawing it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::whose::{self, Whose};
use super::{OidcEvent, consent, store};
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Claim, Client, Scope};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, OrganisationId};
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Party;
use crate::organisation::mandate::party;
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

/// A service that somebody uses for others.
pub struct Acted {
    pub client: Arc<Client>,
    pub party: Party,
    pub scopes: Vec<Scope>,
    pub since: Timestamp,
}

/// What somebody is connected with for others, newest first. Removed clients are not listed.
pub async fn list_acted(tx: &mut Tx, registry: &Registry, account: &AccountId) -> Result<Vec<Acted>, Error> {
    let mut acted = Vec::new();
    for row in store::acting::list_consents(tx, account).await? {
        let known = registry.known(&row.consent.client_id.0).map(|(client, _)| client);
        let (Some(client), Some(party)) = (known, party::parse(&row.represented)) else { continue };
        let agreement = consent::read(row.consent)?;
        acted.push(Acted { client, party, scopes: agreement.scopes, since: agreement.granted_at });
    }
    Ok(acted)
}

/// A service that people use for an organisation.
pub struct UsedService {
    pub client: Arc<Client>,
    /// How many act there.
    pub people: i64,
    pub since: Timestamp,
    pub is_disabled: bool,
}

/// The services that people use for an organisation. Removed clients are not listed.
pub async fn of_organisation(
    tx: &mut Tx,
    registry: &Registry,
    organisation: &OrganisationId,
) -> Result<Vec<UsedService>, Error> {
    let rows = store::acting::clients_of(tx, organisation.as_str()).await?;
    let used = |row: store::acting::UsedRow| {
        let (client, is_disabled) = registry.known(&row.client_id.0)?;
        Some(UsedService { client, people: row.people, since: row.since, is_disabled })
    };
    Ok(rows.into_iter().filter_map(used).collect())
}

/// The services that know a party: by its own consent, or by that of somebody who acts for it. Removed clients are not among them.
pub async fn of_party(tx: &mut Tx, registry: &Registry, party: &Party) -> Result<Vec<Arc<Client>>, Error> {
    let acted = store::acting::clients_of(tx, party.as_str()).await?;
    let mut ids: Vec<ClientId> = acted.into_iter().map(|row| row.client_id).collect();
    if let Party::Person(account) = party {
        ids.extend(store::list_consents(tx, account).await?.into_iter().map(|row| row.client_id));
    }
    Ok(ids.iter().filter_map(|id| registry.known(&id.0)).map(|(client, _)| client).collect())
}

/// Ends it for everybody who uses a service for an organisation: from now on that gets nothing, and what it holds is worth
/// nothing here. Whoever does it holds the organisation.
pub async fn withdraw_for(work: &mut Work, organisation: &OrganisationId, client: &ClientId) -> Result<(), Error> {
    let owners = store::acting::delete_consents(work, organisation.as_str(), client).await?;
    if owners.is_empty() {
        return Err(Error::NotFound);
    }
    store::acting::end_grants(work, organisation.as_str(), client).await?;
    let event = OidcEvent::ConsentWithdrawn { client: client.clone() };
    whose::record_for(work, organisation, &event).await?;
    work.touched.extend(owners.into_iter().map(|row| row.account_id));
    Ok(())
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

/// Removes what clients may have of an organisation that is being erased.
pub async fn forget_organisation(work: &mut Work, organisation: &OrganisationId) -> Result<(), Error> {
    Ok(store::acting::delete_of_organisation(work, organisation).await?)
}

/// Withdraws: from now on the client gets nothing, and what it holds is worth nothing here.
pub async fn withdraw(app: &AppParts, account: &AccountId, client: &ClientId) -> Result<(), Error> {
    let mut work = app.begin(Actor::Account(account.clone())).await?;
    if !store::delete_consent(&mut work, account, client).await? {
        return Err(Error::NotFound);
    }
    store::end_grants(&mut work, account, client).await?;
    let event = OidcEvent::ConsentWithdrawn { client: client.clone() };
    whose::record(&mut work, &Whose::own(account), &event).await?;
    work.commit().await
}
