//! Ending a mandate: revoked by the principal (§ 168 BGB; § 14 Abs. 1 VwVfG) or by whoever has passed it on, given up by the
//! agent, gone with the account of a party. It counts at once: power is looked up at each use. What was passed on from it ends
//! in the same transaction.

use super::super::acting::Party;
use super::super::store::members;
use super::answer::tell_all;
use super::event::{self, Happened};
use super::party::{Side, Words};
use super::{Mandate, Origin, State, find, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, MandateId};
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::Work;

/// A service at which a mandate, or what was passed on from it, has been used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    pub client: ClientId,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// Where a mandate has been used, the last one first.
pub async fn uses(tx: &mut Tx, id: &MandateId) -> Result<Vec<Use>, Error> {
    let read =
        |row: store::UseRow| Use { client: row.client_id, first_at: row.first_used_at, last_at: row.last_used_at };
    Ok(store::uses(tx, id).await?.into_iter().map(read).collect())
}

/// Writes down that a mandate is used at a service; for whoever issues something under it.
pub async fn note_use(work: &mut Work, id: &MandateId, client: &ClientId) -> Result<(), Error> {
    Ok(store::put_use(work, id, client).await?)
}

impl Mandate {
    /// What ending it is to a party; `None` if it may not. A guardianship ends where it was recorded.
    pub fn end_by(&self, party: &Party) -> Option<State> {
        if self.origin == Origin::Guardian {
            None
        } else if self.agent.as_ref() == Some(party) {
            Some(State::Returned)
        } else {
            self.side(party).map(|_| State::Revoked)
        }
    }
}

/// Ends a mandate that is active, by one of its parties.
pub async fn end(app: &AppParts, side: Side<'_>, id: &MandateId) -> Result<(), Error> {
    let mut begun = side.begin(app).await?;
    let mandate = find(&mut begun.work.tx, id).await?.filter(|mandate| mandate.side(&begun.party).is_some());
    let mandate = mandate.ok_or(Error::NotFound)?;
    let to = mandate.end_by(&begun.party).ok_or(Error::NotAllowed("mandate"))?;
    if !store::end(&mut begun.work, id, (State::Active, to), &begun.by).await? {
        return Err(Error::Conflict("mandate"));
    }
    let happened = if to == State::Returned { Happened::Returned } else { Happened::Revoked };
    finish(app, &mut begun.work, &mandate, happened).await?;
    for child in store::end_children(&mut begun.work, id, &begun.by).await? {
        if let Some(child) = find(&mut begun.work.tx, &child).await? {
            finish(app, &mut begun.work, &child, Happened::Revoked).await?;
        }
    }
    begun.work.commit().await
}

/// Whoever has something to do with it has what their node remembers of them voided: it ends there at once.
pub(super) async fn touch(work: &mut Work, mandate: &Mandate) -> Result<(), Error> {
    for party in mandate.parties() {
        match party {
            Party::Person(account) => work.touched.push(account),
            Party::Organisation(id) => work.touched.extend(members::accounts(&mut work.tx, &id).await?),
        }
    }
    Ok(())
}

async fn finish(app: &AppParts, work: &mut Work, mandate: &Mandate, happened: Happened) -> Result<(), Error> {
    event::record(work, mandate, happened).await?;
    touch(work, mandate).await?;
    let words: Words = |mail| (&mail.mandate_ended_subject, &mail.mandate_ended_body);
    tell_all(app, work, mandate, (Kind::MandateEnded, words)).await
}

/// Ends everything that a party has to do with that is gone. The others read it in their protocols.
pub async fn end_of_party(work: &mut Work, party: &str) -> Result<(), Error> {
    for id in store::end_of_party(work, party).await? {
        if let Some(mandate) = find(&mut work.tx, &id).await? {
            event::record(work, &mandate, Happened::Gone).await?;
            touch(work, &mandate).await?;
        }
        for child in store::end_children(work, &id, party).await? {
            if let Some(child) = find(&mut work.tx, &child).await? {
                event::record(work, &child, Happened::Gone).await?;
                touch(work, &child).await?;
            }
        }
    }
    Ok(())
}
