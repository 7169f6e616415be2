//! From a subject back to whom it names: how an authority addresses what it has for somebody. A subject is computed and never stored;
//! what leads back is a keyed hash of it in the row of the agreement, and goes with that.
//!
//! A postbox reference is a client's subject, sealed: whoever gets it from that client may send there, learns no subject of that
//! client from it, and from its own receipt only the subject that its own sector sees. It leads anywhere as long as the agreement of its
//! client names the scope.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::scopes_of;
use super::store::address as store;
use super::whose::Whose;
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Client, Scope};
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::seal::{Place, Vault};
use crate::organisation::acting::Party;
use crate::organisation::mandate::party;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// Agreements that get theirs in one round.
const ROUND: i64 = 500;
/// No subject of ours is longer.
const SUBJECT_MAX_BYTES: usize = 64;

/// No reference of ours is longer.
const REFERENCE_MAX_BYTES: usize = 512;
/// Of the 16 random bytes that each has, to a key of its own.
const SEED_LETTERS: usize = 22;
/// What a reference begins with.
const REFERENCE: &str = "pbx_";
/// The name of the claim.
pub const CLAIM: &str = "postbox_reference";

/// How an authority says for whom something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// The subject by which services of its sector know them.
    Subject(String),
    /// What a service has handed on.
    PostboxReference(String),
}

/// What a reference says, to us.
#[derive(Serialize, Deserialize)]
struct Reference {
    client: ClientId,
    subject: String,
}

const SEALED_AT: Place<'static> = Place { table: "consent", column: "postbox_reference", row: "", version: 1 };

/// Under what a subject is found.
fn index(vault: &Vault, subject: &str) -> [u8; 32] {
    vault.index("subject", subject)
}

/// Whom an authority means: somebody who is connected with it or with another service of its sector, or whose postbox a service
/// that they are connected with has handed on.
pub async fn owner(tx: &mut Tx, vault: &Vault, client: &Client, address: &Address) -> Result<Option<Party>, Error> {
    match address {
        Address::Subject(subject) => named(tx, vault, client, subject).await,
        Address::PostboxReference(reference) => referred(tx, vault, reference).await,
    }
}

async fn named(tx: &mut Tx, vault: &Vault, client: &Client, subject: &str) -> Result<Option<Party>, Error> {
    if subject.len() > SUBJECT_MAX_BYTES {
        return Ok(None);
    }
    let found = store::find(tx, &index(vault, subject)).await?;
    let owner = found.as_deref().and_then(party::parse);
    // A subject that another sector sees leads nowhere.
    Ok(owner.filter(|owner| client.subject_of(vault, owner) == subject))
}

async fn referred(tx: &mut Tx, vault: &Vault, reference: &str) -> Result<Option<Party>, Error> {
    let Some(Reference { client, subject }) = open_reference(vault, reference) else { return Ok(None) };
    let agreed = store::find_agreed(tx, &index(vault, &subject), &client).await?;
    let agreed = agreed.into_iter().find(|agreed| scopes_of(&agreed.scope).contains(&Scope::PostboxReference));
    Ok(agreed.as_ref().and_then(|agreed| party::parse(&agreed.owner)))
}

/// A reference to the postbox of a party, for this client. Each time another one; all of them lead to the same place.
pub(super) fn reference(app: &AppParts, client: &Client, party: &Party) -> Result<String, Error> {
    let said = Reference { client: client.id.clone(), subject: client.subject_of(&app.vault, party) };
    let seed = URL_SAFE_NO_PAD.encode(app.random.bytes::<16>());
    let plain = serde_json::to_vec(&said).map_err(Error::broken)?;
    let sealed = app.vault.token_key(&seed).seal(SEALED_AT, &plain, &app.random).map_err(Error::broken)?;
    Ok(format!("{REFERENCE}{seed}{}", URL_SAFE_NO_PAD.encode(sealed)))
}

/// `None` if we have not made it.
fn open_reference(vault: &Vault, reference: &str) -> Option<Reference> {
    let text = reference.strip_prefix(REFERENCE).filter(|text| text.len() <= REFERENCE_MAX_BYTES && text.is_ascii())?;
    let (seed, sealed) = text.split_at_checked(SEED_LETTERS)?;
    let plain = vault.token_key(seed).open(SEALED_AT, &URL_SAFE_NO_PAD.decode(sealed).ok()?).ok()?;
    serde_json::from_slice(plain.expose()).ok()
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
