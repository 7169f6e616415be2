//! Replies to notices. An authority says in its notice whether it takes one, and what it asks ([`asked`]); whoever may answer for the
//! postbox writes it ([`write`]): a draft that is kept, a page that shows everything as it will be sent and warns against haste, and one
//! press that sends it, once (§ 9a Abs. 2 to 4 OZG).
//!
//! What was sent lies there twice. The copy of the sender is sealed under the key of the notice, and goes with that; the one for the
//! authority under the key of the program, so that no end of an account takes away what has been sent. The authority has it when it has taken
//! note of the event that tells of it ([`authority`]).

pub mod asked;
pub mod authority;
pub mod receipt;
pub mod sent;
pub mod write;
pub mod written;

use serde::{Deserialize, Serialize};

use super::reader::Reader;
use crate::kernel::id::ReplyId;
use crate::kernel::seal::Place;
use crate::organisation::acting;

/// So many replies there may be to one notice.
pub const REPLIES_MAX: i64 = 10;

/// As what somebody has written, and all that the authority learns of who it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Role {
    /// Whose postbox it is.
    Owner,
    /// Somebody who may answer for the organisation.
    Member,
    /// Somebody with a mandate.
    Mandate,
}

impl Role {
    fn of(reader: &Reader) -> Self {
        match reader.power().map(acting::Power::role) {
            None => Self::Owner,
            Some(acting::Role::Mandate) => Self::Mandate,
            Some(acting::Role::Representative | acting::Role::Authorised) => Self::Member,
        }
    }
}

fn draft_place(id: &ReplyId) -> Place<'_> {
    Place { table: "postbox_draft", column: "content", row: id.as_str(), version: 1 }
}

fn own_place(id: &ReplyId) -> Place<'_> {
    Place { table: "postbox_reply", column: "own_copy", row: id.as_str(), version: 1 }
}

fn authority_place(id: &ReplyId) -> Place<'_> {
    Place { table: "postbox_reply", column: "for_authority", row: id.as_str(), version: 1 }
}
