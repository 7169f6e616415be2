//! From a subject back to whom it names: how an authority addresses what it has for somebody. A subject is computed and never stored;
//! what leads back is a keyed hash of it in the row of the agreement, and goes with that.

use super::store::address as store;
use super::whose::Whose;
use crate::app::AppParts;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::seal::Vault;
use crate::organisation::acting::Party;
use crate::organisation::mandate::party;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// Agreements that get theirs in one round.
const ROUND: i64 = 500;
/// No subject of ours is longer.
const SUBJECT_MAX_BYTES: usize = 64;

/// Under what a subject is found.
fn index(vault: &Vault, subject: &str) -> [u8; 32] {
    vault.index("subject", subject)
}

/// Whom a client means by a subject: somebody who is connected with it, or with another service of its sector.
pub async fn owner(tx: &mut Tx, vault: &Vault, client: &Client, subject: &str) -> Result<Option<Party>, Error> {
    if subject.len() > SUBJECT_MAX_BYTES {
        return Ok(None);
    }
    let found = store::find(tx, &index(vault, subject)).await?;
    let owner = found.as_deref().and_then(party::parse);
    // A subject that another sector sees leads nowhere.
    Ok(owner.filter(|owner| client.subject_of(vault, owner) == subject))
}

/// Writes it down for an agreement that this work puts.
pub(super) async fn remember(work: &mut Work, app: &AppParts, client: &Client, whose: &Whose) -> Result<(), Error> {
    let subject = client.subject_of(&app.vault, &whose.party());
    let agreed = store::Agreed {
        account_id: whose.account.clone(),
        represented: whose.party().as_str().to_owned(),
        client_id: client.id.clone(),
    };
    Ok(store::put(work, &agreed, &index(&app.vault, &subject)).await?)
}

/// Adds the hash to agreements that have none: those from before it was kept.
pub async fn tend(app: &AppParts, registry: &Registry) -> Result<(), Error> {
    let rows = store::without(&mut app.read().await?, ROUND).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut work = app.begin(Actor::System("addresses")).await?;
    for row in rows {
        let (client, party) = (registry.known(&row.client_id.0), party::parse(&row.represented));
        // Of a client that is no more nothing is addressed; the empty hash is found by nobody.
        let subject = client.zip(party).map(|((client, _), party)| client.subject_of(&app.vault, &party));
        let hash = subject.map_or_else(Vec::new, |subject| index(&app.vault, &subject).to_vec());
        store::put(&mut work, &row, &hash).await?;
    }
    work.commit().await
}
