//! Identifiers: one type per kind of thing, made here and never by a database, ordered by time of birth.
//!
//! Text form: a prefix that names the kind, then 26 characters of Crockford's base 32 (48 bits of
//! milliseconds, 80 bits of chance). They are not secrets and open nothing.

use super::random::{CROCKFORD, Random};
use super::time::Timestamp;

pub(crate) fn new_text(prefix: &str, now: Timestamp, random: &Random) -> String {
    let milliseconds = u128::from(now.milliseconds().unsigned_abs() & 0xFFFF_FFFF_FFFF);
    let mut chance = [0; 16];
    chance[6..].copy_from_slice(&random.bytes::<10>());
    let value = milliseconds << 80 | u128::from_be_bytes(chance);
    let letters = (0..26).rev().map(|place| char::from(CROCKFORD[(value >> (place * 5)) as usize & 31]));
    prefix.chars().chain(letters).collect()
}

pub(crate) fn is_well_formed(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 26 && rest.bytes().all(|byte| CROCKFORD.contains(&byte)))
}

/// Declares an identifier type with its prefix.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(now: Timestamp, random: &Random) -> Self {
                Self(new_text($prefix, now, random))
            }

            /// Takes an identifier from outside; `None` if it cannot be one of this kind.
            pub fn parse(text: &str) -> Option<Self> {
                is_well_formed($prefix, text).then(|| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(/** A person's account. */ AccountId, "acc_");
id!(/** A signed-in browser; also the `sid` claim. */ SessionId, "ses_");
id!(/** Something an account signs in with beside its password. */ MeansId, "mea_");
id!(/** Something that has shown who somebody is. */ EvidenceId, "evi_");
id!(/** A case that somebody carries to a registration desk. */ CaseId, "cas_");
id!(/** A letter with a code. */ LetterId, "let_");
id!(/** A legal guardian, as a desk has recorded it. */ GuardianId, "gua_");
id!(/** A stored authorization request on its way through the dispatcher. */ RequestId, "req_");
id!(/** What one authorization gave a client. */ GrantId, "gra_");
id!(/** A row of the audit trail. */ EventId, "evt_");
id!(/** A job of the outbox. */ JobId, "job_");
id!(/** A sealed object: a file that belongs to somebody. */ ObjectId, "obj_");
id!(/** A token that lets clients register. */ RegistrationTokenId, "rtk_");

id!(/** A company, an association or an authority. */ OrganisationId, "org_");
id!(/** Somebody's belonging to an organisation. */ MembershipId, "mem_");
id!(/** A functional mailbox of an organisation. */ AreaId, "are_");
id!(/** An invitation into an organisation. */ InvitationId, "inv_");
id!(/** Something that has shown who an organisation is. */ OrganisationEvidenceId, "oev_");
id!(/** A case that an organisation has checked at a registration desk. */ OrganisationCaseId, "oca_");
id!(/** A letter to an organisation. */ OrganisationLetterId, "olt_");
id!(/** Somebody's claim to an organisation that others have registered. */ ClaimId, "clm_");
id!(/** A key of an organisation's own program; its `client_id`. */ OrganisationKeyId, "oky_");
id!(/** Rights that one member of an organisation passes on to another. */ HandoverId, "hov_");
id!(/** The power of one party to act for another. */ MandateId, "mdt_");

id!(/** A notice in a postbox. */ MessageId, "msg_");
id!(/** Something that has happened to a notice, as its authority is told. */ MessageEventId, "mev_");
id!(/** A file that an authority has sent for a notice. */ AttachmentId, "att_");
id!(/** A reply to a notice, and what is going to be one. */ ReplyId, "rep_");
id!(/** That somebody does not want decisions electronically. */ ExclusionId, "exc_");
id!(/** A document of a safe that is shared with a service. */ ShareId, "shr_");

id!(/** A document in a safe. */ DocumentId, "doc_");

/// A relying party. Chosen by the operator who declares the client; made here for one that registers itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct ClientId(pub String);

impl ClientId {
    /// Of a client that registers itself.
    pub fn registered(now: Timestamp, random: &Random) -> Self {
        Self(new_text("reg_", now, random))
    }
}

/// An authority whose services are clients, as the operator has declared it: an ARS, for example.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct AuthorityId(pub String);

impl std::fmt::Display for AuthorityId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_by_time_and_know_their_kind() {
        let random = Random::seeded(1);
        let early = AccountId::new(Timestamp::from_seconds(1_000), &random);
        let late = AccountId::new(Timestamp::from_seconds(1_001), &random);
        assert!(early < late);
        assert_eq!(AccountId::parse(early.as_str()), Some(early.clone()));
        assert_eq!(SessionId::parse(early.as_str()), None);
        assert_eq!(AccountId::parse("acc_lower"), None);
    }
}
