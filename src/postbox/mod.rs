//! The postbox: notices of authorities to people and organisations, with proof for both sides.
//!
//! A notice is provided by an authority's client and never changed afterwards; what happens to it, each once and for good, stands in its
//! row and in the audit trail. The days that the law attaches to it are computed once ([`clock`]). Its contents are sealed under a
//! key of its own, which the owner's key opens; who may read is asked at each look ([`reader`]). It has been opened when somebody who may
//! has asked for its text, signed in at the level that it needs; nothing else opens it: no list, no mail, no operator.

pub mod attachment;
pub mod clock;
pub mod content;
pub mod due;
pub mod ending;
pub mod event;
pub mod feed;
pub mod incoming;
pub mod loss;
pub mod notify;
pub mod opening;
pub mod paper;
pub mod proof;
pub mod provide;
pub mod push;
pub mod reader;
pub mod receipt;
pub mod reply;
pub mod returned;
pub mod search;
pub mod sender;
mod store;
pub mod told;
pub mod web;

pub use store::{After, Shelf};

use serde::{Deserialize, Serialize};
use time::Date;

use crate::kernel::holiday::Land;
use crate::kernel::id::{AccountId, AreaId, AuthorityId, ClientId, MessageId};
use crate::kernel::level::Level;
use crate::kernel::secret::hex;
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;
use crate::organisation::acting::{Party, Service};
use clock::{Facts, LegalBasis, Remedy};

/// What an authority says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Kind {
    /// Bescheid: an administrative act that is announced by being provided.
    Decision,
    /// Anhörung: somebody is heard before a decision.
    Hearing,
    /// Nachforderung: something is missing.
    Request,
    /// Mitteilung: for information.
    Information,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Decision, Self::Hearing, Self::Request, Self::Information];

    /// As people read it.
    pub const fn label(self, t: &Texts) -> &Text {
        let t = &t.postbox;
        match self {
            Self::Decision => &t.kind_decision,
            Self::Hearing => &t.kind_hearing,
            Self::Request => &t.kind_request,
            Self::Information => &t.kind_information,
        }
    }

    /// Whether it may be announced by such a rule: a decision has to be, everything else is announced by none.
    pub const fn fits(self, basis: LegalBasis) -> bool {
        matches!(self, Self::Decision) != matches!(basis, LegalBasis::None)
    }
}

/// The days of a notice, as far as they are certain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// From then on it counts as announced.
    pub announced_on: Option<Date>,
    /// The last day on which it is provided, where provision ends by itself.
    pub offer_ends_on: Option<Date>,
    /// The last day to object.
    pub objection_ends_on: Option<Date>,
    /// The authority's own deadline.
    pub due_on: Option<Date>,
}

/// A notice without its contents.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: MessageId,
    pub owner: Party,
    pub area: Option<AreaId>,
    pub client: ClientId,
    /// The service whose notice it is, where that is another client.
    pub of_service: Option<ClientId>,
    pub authority: Option<AuthorityId>,
    pub kind: Kind,
    /// Below that nobody opens it.
    pub level: Level,
    pub legal_basis: LegalBasis,
    pub land: Land,
    pub remedy: Option<Remedy>,
    pub facts: Facts,
    /// Who has opened it first.
    pub opened_by: Option<AccountId>,
    /// The names of the rules that the days were computed with.
    pub rule: Option<String>,
    pub period: Option<String>,
    pub days: Days,
    /// SHA-256 of what was delivered.
    pub content_hash: Vec<u8>,
    pub archived_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    sealed: store::Sealed,
}

impl Message {
    /// Whose it is, as powers know services.
    pub(super) fn service(&self) -> Service<'_> {
        Service { client: self.of_service.as_ref().unwrap_or(&self.client), authority: self.authority.as_ref() }
    }

    /// SHA-256 of what was delivered, in hexadecimal digits.
    pub fn content_sha256(&self) -> String {
        hex(&self.content_hash)
    }

    pub const fn is_unread(&self) -> bool {
        self.facts.retrieved_at.is_none()
    }

    /// Whether a period runs for which it may be needed.
    pub fn is_running(&self, today: Date) -> bool {
        let offer_ends_on = self.days.offer_ends_on.filter(|_| self.is_unread());
        let ends = [self.days.objection_ends_on, self.days.due_on, offer_ends_on];
        ends.into_iter().flatten().any(|end| end >= today)
    }

    /// Whether provision has ended without anybody having opened it.
    pub fn has_lapsed(&self, today: Date) -> bool {
        self.is_unread() && self.days.offer_ends_on.is_some_and(|end| end < today)
    }
}

/// The postbox as a link, with how many are new in it.
pub fn count_words(t: &Texts, unread: i64) -> String {
    let t = &t.postbox;
    let count = match unread {
        0 => return t.title.to_string(),
        1..=reader::UNREAD_MAX => unread.to_string(),
        _ => t.many.with("count", reader::UNREAD_MAX).to_string(),
    };
    t.count_new.with("title", &t.title).with("count", count).to_string()
}
