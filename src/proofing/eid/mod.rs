//! The Online-Ausweis: signing in with it, and proving with it who one is.
//!
//! A run belongs to the browser that began it. It is worth something only where that browser's cookie and the secret of the
//! refresh address meet (attack row Y10): whoever lets somebody else read a card for them gets nothing, and neither does a
//! browser that an eID-Client opened by itself.
//!
//! At most three write transactions: the run begins, the card has been read, its owner agrees. A known card signs in with two, and
//! leads whoever has lost everything else to a new password with two.

mod agree;
mod begin;
mod finish;
mod recover;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::macros::format_description;

pub use agree::{Review, agree, review};
pub use begin::{Begun, begin, tc_token, under_way};
pub use finish::{Outcome, Return, finish};

use super::comparison::Shown;
use crate::account::AttributeName;
use crate::account::evidence::{Document, DocumentKind, Record};
use crate::eid::{self, Address, Card, DocumentType, EidType, Failure, Refusal, Returned};
use crate::kernel::error::Error;
use crate::kernel::seal::{Place, Vault};
use crate::kernel::secret::hex;
use crate::kernel::time::minutes;

/// From the first step to the card, and again from the card to the person's word.
pub const LIFETIME: Duration = minutes(10);

/// What a card is read for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To sign in, or to prove who one is.
    #[default]
    SignIn,
    /// To get back in without anything else.
    Recovery,
}

/// Why a card was not read, or does not count, as a page explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The eID-Client says so.
    Returned(Returned),
    Refused(Refusal),
    Failed(Failure),
    /// Begun in another browser, by another account, or not at all.
    OtherBrowser,
    /// Too old, or it has come back before.
    Gone,
    /// Nobody signs in with this card yet.
    UnknownCard,
    /// Nobody gets back in with it: it is no account's, and no account is known to be its owner's.
    NobodysAccount,
    /// More than one account is known to be its owner's.
    SeveralAccounts,
    /// It belongs to another account.
    OtherAccount,
    /// It is somebody else's than who this account was proven to belong to.
    OtherPerson,
    /// Its owner has blocked it.
    Blocked,
    /// The operator has locked the account.
    Locked,
    /// The account's owner has signed in more weakly than they can, and the card says other things than the account.
    SignInStronger,
}

/// A run as it waits, sealed.
#[derive(Serialize, Deserialize)]
struct Run {
    /// Not there in a run that an older node has begun.
    #[serde(default)]
    purpose: Purpose,
    /// What the addresses for the eID-Client and for the way back are worth.
    token: String,
    /// Of the refresh address; the eID-Client learns it with the TC token.
    back: String,
    begun: Vec<u8>,
}

fn place(row: &str, version: i64) -> Place<'_> {
    Place { table: "eid_reading", column: "sealed", row, version }
}

const RUN: i64 = 1;
const READ: i64 = 2;

fn open<T: serde::de::DeserializeOwned>(vault: &Vault, browser: &[u8], sealed: &[u8], what: i64) -> Result<T, Error> {
    let plain = vault.system.open(place(&hex(browser), what), sealed).map_err(Error::broken)?;
    serde_json::from_slice(plain.expose()).map_err(Error::broken)
}

/// What the card says, as attributes. What it has no place for is not named.
fn shown(card: &Card) -> Shown {
    use AttributeName as A;
    let person = &card.person;
    let mut shown = vec![
        (A::GivenNames, person.given_names.clone()),
        (A::FamilyName, person.family_name.clone()),
        (A::BirthDate, Some(person.birth_date.to_text())),
        (A::AcademicTitle, person.academic_title.clone()),
        (A::BirthName, person.birth_name.clone()),
        (A::BirthPlace, person.place_of_birth.clone()),
        (A::Nationality, person.nationality.clone()),
    ];
    if let Address::Structured(place) = &person.address {
        shown.extend([
            (A::StreetAddress, place.street.clone()),
            (A::PostalCode, place.postal_code.clone()),
            (A::Locality, Some(place.locality.clone())),
            (A::Country, Some(place.country.clone())),
            (A::Region, place.region.clone()),
        ]);
    }
    shown
}

/// What is kept of the card beside that.
fn record(card: &Card) -> Record {
    let kind = match (card.eid_type, card.document_type) {
        (EidType::Smart(_), _) => DocumentKind::SmartEid,
        (EidType::Card, DocumentType::IdentityCard | DocumentType::Test) => DocumentKind::IdCard,
        (EidType::Card, DocumentType::EidCard) => DocumentKind::EidCard,
        (EidType::Card, DocumentType::ResidencePermit) => DocumentKind::ResidencePermit,
    };
    // All of them are issued by German authorities.
    let issuing_country = Some("DE".to_owned());
    let day = format_description!("[year]-[month]-[day]");
    let expires_on = card.expires.and_then(|date| date.format(day).ok());
    Record { document: Some(Document { kind, issuing_country, expires_on }), checked_by: None }
}

fn server(eid: &Option<eid::EidServer>) -> Result<&eid::EidServer, Error> {
    eid.as_ref().ok_or(Error::NotFound)
}
