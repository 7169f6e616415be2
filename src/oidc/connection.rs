//! Connected services: which clients have a person's consent, and withdrawing it.

use std::sync::Arc;

use super::claims::{self, Shows};
use super::{OidcEvent, scopes_of, store};
use crate::account::AttributeName;
use crate::app::AppParts;
use crate::audit;
use crate::client::registry::Registry;
use crate::client::{Client, Scope};
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
    pub data: Vec<Shows>,
    pub since: Timestamp,
}

/// The services connected with an account, newest first. Removed clients are not listed.
pub async fn list(tx: &mut Tx, registry: &Registry, account: &AccountId) -> Result<Vec<Connection>, Error> {
    let rows = store::list_consents(tx, account).await?;
    let connection = |row: store::ConsentRow| {
        let client = registry.find(&row.client_id)?;
        Some(Connection {
            client,
            scopes: scopes_of(&row.scope),
            data: claims::covered(&row.scope),
            since: row.granted_at,
        })
    };
    Ok(rows.into_iter().filter_map(connection).collect())
}

/// The data behind some scopes, in words.
pub fn data_names(language: Language, data: &[Shows]) -> String {
    let a = &language.texts().attribute;
    let name = |shows: &Shows| match shows {
        Shows::Attribute(AttributeName::GivenNames) => &a.given_names,
        Shows::Attribute(AttributeName::FamilyName) => &a.family_name,
        Shows::Attribute(AttributeName::BirthDate) => &a.birth_date,
        Shows::Email => &a.email,
    };
    data.iter().map(|shows| name(shows).to_string()).collect::<Vec<_>>().join(", ")
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
