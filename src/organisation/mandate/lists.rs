//! Mandates as their parties see them: what somebody has given, what they hold, what is open.

use super::super::acting::Party;
use super::super::roster;
use super::party;
use super::{Done, Mandate, find, store};
use crate::app::AppParts;
use crate::kernel::ROWS_PER_PAGE;
use crate::kernel::error::Error;
use crate::kernel::id::{MandateId, MembershipId};
use crate::kernel::seal::Vault;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;

/// After every id.
const NEWEST: &str = "mdt_~";

/// A mandate, and what the other side is called; `None` for what nobody is to know, or what is gone.
pub struct Listed {
    pub mandate: Mandate,
    pub other: Option<String>,
}

/// What a party has given, the newest first, older than the one that is named.
pub async fn granted(
    tx: &mut Tx,
    vault: &Vault,
    party: &Party,
    before: Option<&MandateId>,
) -> Result<Vec<Listed>, Error> {
    let before = before.map_or(NEWEST, MandateId::as_str);
    let rows = store::of_party(tx, (Some(party.as_str()), None), before, ROWS_PER_PAGE).await?;
    listed(tx, vault, party, rows).await
}

/// The same of what it holds.
pub async fn held(tx: &mut Tx, vault: &Vault, party: &Party, before: Option<&MandateId>) -> Result<Vec<Listed>, Error> {
    let before = before.map_or(NEWEST, MandateId::as_str);
    let rows = store::of_party(tx, (None, Some(party.as_str())), before, ROWS_PER_PAGE).await?;
    listed(tx, vault, party, rows).await
}

/// What waits for the answer of others.
pub async fn waiting(
    tx: &mut Tx,
    vault: &Vault,
    party: &Party,
    (before, now): (Option<&MandateId>, Timestamp),
) -> Result<Vec<Listed>, Error> {
    let before = before.map_or(NEWEST, MandateId::as_str);
    let rows = store::waiting(tx, party.as_str(), (before, now), ROWS_PER_PAGE).await?;
    listed(tx, vault, party, rows).await
}

/// What this party has to answer.
pub async fn to_answer(
    tx: &mut Tx,
    vault: &Vault,
    party: &Party,
    (before, now): (Option<&MandateId>, Timestamp),
) -> Result<Vec<Listed>, Error> {
    let before = before.map_or(NEWEST, MandateId::as_str);
    let rows = store::to_answer(tx, party.as_str(), (before, now), ROWS_PER_PAGE).await?;
    listed(tx, vault, party, rows).await
}

/// Everything that a party has to do with, for a copy of its data.
pub async fn all(tx: &mut Tx, vault: &Vault, party: &Party, now: Timestamp) -> Result<Vec<Listed>, Error> {
    let mut found = Vec::new();
    for list in 0..4 {
        let mut before: Option<MandateId> = None;
        loop {
            let at = before.as_ref();
            let page = match list {
                0 => to_answer(tx, vault, party, (at, now)).await?,
                1 => waiting(tx, vault, party, (at, now)).await?,
                2 => granted(tx, vault, party, at).await?,
                _ => held(tx, vault, party, at).await?,
            };
            let Some(last) = page.last() else { break };
            before = Some(last.mandate.id.clone());
            found.extend(page);
        }
    }
    Ok(found)
}

async fn listed(
    tx: &mut Tx,
    vault: &Vault,
    viewer: &Party,
    rows: Vec<store::MandateRow>,
) -> Result<Vec<Listed>, Error> {
    let mut found = Vec::with_capacity(rows.len());
    let mut key = None;
    for row in rows {
        let mandate = row.read()?;
        let other = if is_as_named(&mandate, viewer) {
            // Of a page full of one's own requests the key is opened once.
            let key = match &key {
                Some(key) => key,
                None => key.insert(party::key(tx, vault, viewer).await?),
            };
            mandate.named_with(key)?
        } else {
            other_name(tx, vault, &mandate, viewer).await?
        };
        found.push(Listed { mandate, other });
    }
    Ok(found)
}

fn is_as_named(mandate: &Mandate, viewer: &Party) -> bool {
    mandate.opener == *viewer && mandate.accepted.is_none()
}

/// What the other side is called. Before anybody has accepted, whoever has asked or offered reads what they have typed,
/// whether or not somebody has that account; and whose mandate is passed on does not read to whom.
async fn other_name(tx: &mut Tx, vault: &Vault, mandate: &Mandate, viewer: &Party) -> Result<Option<String>, Error> {
    if is_as_named(mandate, viewer) {
        return mandate.named(tx, vault).await;
    }
    let other = if mandate.agent.as_ref() == Some(viewer) {
        mandate.principal.as_ref()
    } else {
        mandate.agent.as_ref().filter(|agent| mandate.accepted.is_some() || **agent == mandate.opener)
    };
    match other {
        Some(other) => party::name(tx, vault, other).await,
        None => Ok(None),
    }
}

/// One mandate as a party sees it.
pub struct Shown {
    pub mandate: Mandate,
    pub principal: Option<String>,
    pub agent: Option<String>,
    /// Who has passed it on.
    pub passed_on_by: Option<String>,
}

/// A mandate, for one of its parties; `NotFound` for everybody else.
pub async fn look(tx: &mut Tx, app: &AppParts, viewer: &Party, id: &MandateId) -> Result<Shown, Error> {
    let mandate = find(tx, id).await?.filter(|mandate| mandate.side(viewer).is_some()).ok_or(Error::NotFound)?;
    let vault = &app.vault;
    let other = other_name(tx, vault, &mandate, viewer).await?;
    let own = party::name(tx, vault, viewer).await?;
    let is_agent = mandate.agent.as_ref() == Some(viewer);
    let is_opener_only = !is_agent && mandate.principal.as_ref() != Some(viewer);
    let (principal, agent) = match (&mandate.principal, is_agent) {
        (_, true) => (other, own),
        (Some(principal), false) if is_opener_only => (party::name(tx, vault, principal).await?, other),
        _ => (own, other),
    };
    let passed_on_by = match &mandate.parent {
        Some(_) => party::name(tx, vault, &mandate.opener).await?,
        None => None,
    };
    Ok(Shown { mandate, principal, agent, passed_on_by })
}

/// Who did something, as a party reads it: a name, if it was somebody of its own.
pub async fn who(tx: &mut Tx, app: &AppParts, viewer: &Party, done: &Done) -> Result<Option<String>, Error> {
    match (viewer, MembershipId::parse(&done.by)) {
        (Party::Organisation(organisation), Some(member)) => {
            roster::name_of(tx, &app.vault, organisation, &member).await
        }
        (Party::Person(account), None) if account.as_str() == done.by => party::name(tx, &app.vault, viewer).await,
        _ => Ok(None),
    }
}
