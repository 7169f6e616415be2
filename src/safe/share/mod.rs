//! Sharing: one version of one document, with one service, for a time and a purpose. Only that service gets it, for the same owner, and only with a
//! token that is bound to a key or a certificate. It ends when its time is over, when it was fetched as often as was said, or at once when its
//! owner ends it, also in the middle of a fetch. Each fetch is in the owner's protocol.

pub mod fetch;
pub mod give;
mod store;

use std::time::Duration;

use super::Document;
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, DocumentId, ShareId};
use crate::kernel::seal::{DataKey, Place};
use crate::kernel::time::{Timestamp, days};
use crate::organisation::acting::Party;
use crate::organisation::mandate::party;
use crate::store::db::Tx;
use crate::store::work::Work;

pub const PURPOSE_MAX_CHARACTERS: usize = 200;
/// Of one safe: shares that count.
pub const SHARES_MAX: i64 = 200;
/// So long somebody may take to fetch what was shared once.
const ONCE_LIFETIME: Duration = days(7);

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// For one fetch, within a week.
    Once,
    Days(u16),
}

impl Term {
    /// The terms that a person chooses from, the shortest first.
    pub const ALL: [Self; 3] = [Self::Once, Self::Days(7), Self::Days(30)];

    /// Those that a service has not asked less than: for the days that it wants, or fewer.
    pub fn within(days: Option<u16>) -> Vec<Self> {
        let Some(days) = days else { return vec![Self::Once] };
        let shorter = Self::ALL.into_iter().filter(|term| matches!(term, Self::Days(other) if *other < days));
        [Self::Once].into_iter().chain(shorter).chain([Self::Days(days)]).collect()
    }

    /// As a form says it.
    pub fn name(self) -> String {
        match self {
            Self::Once => "einmal".to_owned(),
            Self::Days(days) => days.to_string(),
        }
    }

    fn until(self, now: Timestamp) -> Timestamp {
        now.plus(match self {
            Self::Once => ONCE_LIFETIME,
            Self::Days(count) => days(u64::from(count)),
        })
    }

    const fn fetches_max(self) -> Option<i64> {
        match self {
            Self::Once => Some(1),
            Self::Days(_) => None,
        }
    }
}

/// What somebody has shared.
#[derive(Clone, Debug)]
pub struct Share {
    pub id: ShareId,
    pub owner: Party,
    pub document: DocumentId,
    pub version: i64,
    pub client: ClientId,
    pub purpose: String,
    pub until: Timestamp,
    pub fetches_max: Option<i64>,
    pub fetches: i64,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl Share {
    /// Whether anything can be fetched by it at this time.
    pub fn counts(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.until > now && self.fetches_max.is_none_or(|most| self.fetches < most)
    }
}

fn place(id: &ShareId) -> Place<'_> {
    Place { table: "safe_share", column: "purpose", row: id.as_str(), version: 1 }
}

impl store::Row {
    fn read(self, key: &DataKey) -> Result<Share, Error> {
        let purpose = key.open_text(place(&self.id), &self.purpose).map_err(Error::broken)?;
        Ok(Share {
            owner: party::parse(&self.owner).ok_or_else(|| Error::broken("a share is nobody's"))?,
            purpose,
            id: self.id,
            document: self.document_id,
            version: self.version,
            client: self.client_id,
            until: self.until,
            fetches_max: self.fetches_max,
            fetches: self.fetches,
            created_at: self.created_at,
            ended_at: self.ended_at,
        })
    }
}

/// What counts of a document's shares at this time, the newest first. The key is the owner's.
pub async fn of_document(
    tx: &mut Tx,
    document: &Document,
    (key, now): (&DataKey, Timestamp),
) -> Result<Vec<Share>, Error> {
    let rows = store::of_document(tx, &document.id, now).await?;
    rows.into_iter().map(|row| row.read(key)).collect()
}

/// With a document its shares go.
pub(super) async fn forget_document(work: &mut Work, document: &DocumentId) -> Result<(), Error> {
    Ok(store::delete_of_document(work, document).await?)
}

/// With a version end those that are of it.
pub(super) async fn end_version(work: &mut Work, document: &DocumentId, version: i64) -> Result<(), Error> {
    Ok(store::end_of_version(work, document, version).await?)
}

/// With a safe all of them.
pub(super) async fn forget(work: &mut Work, owner: &str) -> Result<(), Error> {
    Ok(store::delete_of(work, owner).await?)
}

#[cfg(test)]
mod tests {
    use super::Term;

    #[test]
    fn nobody_is_offered_to_share_longer_than_a_service_asks() {
        assert_eq!(Term::within(None), [Term::Once]);
        assert_eq!(Term::within(Some(3)), [Term::Once, Term::Days(3)]);
        assert_eq!(Term::within(Some(7)), [Term::Once, Term::Days(7)]);
        assert_eq!(Term::within(Some(30)), [Term::Once, Term::Days(7), Term::Days(30)]);
    }
}
