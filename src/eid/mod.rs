//! The online identity card (§ 18 PAuswG): a real eID-Server is asked by BSI TR-03130-1, and what people have on their machine
//! or telephone, the eID-Client, is set going by BSI TR-03124-1.
//!
//! Here is neither database nor account nor page. What is promised: no answer is read that the eID-Server has not signed with
//! the certificate that was agreed on; no message is longer, deeper or later than the limits say; a server that hangs costs
//! whoever asked it ten seconds at most, and nobody else anything.
//!
//! One run: [`EidServer::begin`], then the eID-Client fetches [`EidServer::tc_token`] and reads the card, then the browser
//! comes to the refresh address ([`Returned`]), and [`EidServer::result`] is asked until it is no longer [`Reading::NotYet`].
//! That browser must be the one that began; that is for the pages to see to (attack row Y10).

mod activation;
mod canonical;
mod country;
pub mod envelope;
pub mod message;
mod reading;
mod server;
pub mod signature;
pub mod xml;

use serde::{Deserialize, Serialize};
use time::{Date, Month};

pub use activation::{ClientAddresses, Returned};
pub use server::EidServer;

use crate::config::SmartEid;
use crate::kernel::level::Level;
use crate::kernel::secret::Secret;

/// A run that the eID-Server knows of.
pub struct Begun {
    /// For [`EidServer::result`] alone; neither browser nor eID-Client learns it.
    pub session: Secret<String>,
    /// Where the eID-Client reaches the eID-Server.
    pub server_address: String,
    /// What the eID-Client names the run with, and the key that it shows to know it (RFC 4279).
    pub psk_id: String,
    /// In hexadecimal digits.
    pub psk: Secret<String>,
}

/// [`Begun`] as it is kept. Only sealed: it holds two secrets.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    session: &'a str,
    server_address: &'a str,
    psk_id: &'a str,
    psk: &'a str,
}

impl Begun {
    /// For keeping, sealed; [`Begun::from_bytes`] reads it again.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let (session, psk) = (self.session.expose().as_str(), self.psk.expose().as_str());
        let kept = Kept { session, server_address: &self.server_address, psk_id: &self.psk_id, psk };
        Secret::new(serde_json::to_vec(&kept).unwrap_or_default())
    }

    /// Nothing if these are no bytes of [`Begun::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        // None of the four has characters that JSON would write as an escape; the reader of messages sees to that.
        let kept: Kept<'_> = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            session: Secret::new(kept.session.to_owned()),
            server_address: kept.server_address.to_owned(),
            psk_id: kept.psk_id.to_owned(),
            psk: Secret::new(kept.psk.to_owned()),
        })
    }
}

/// What [`EidServer::result`] has brought.
pub enum Reading {
    /// The card has not been read yet; ask again, with a counter that is higher by one.
    NotYet,
    Read(Box<Card>),
    /// The card has been read, or not, and does not count. The run is over.
    Refused(Refusal),
}

/// What was read from a card. Data of a person: it has no `Debug`, so that it reaches no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The pseudonym of this card for this service, in small hexadecimal digits (restricted identification, BSI TR-03110-2).
    /// Another card of the same person has another one, and so has this card at another service.
    pub restricted_id: String,
    pub person: Person,
    pub document_type: DocumentType,
    pub eid_type: EidType,
    /// As the chip writes it, as in `D`.
    pub issuing_state: Option<String>,
    /// The last day on which it counts.
    pub expires: Option<Date>,
    /// What the eID-Server says of this reading, and never more than this type of eID can give.
    pub loa: Level,
}

/// A person as the chip writes them: older cards have capital letters only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// None for people with one name only, which is then [`Person::family_name`].
    pub given_names: Option<String>,
    /// The only name of people with one. None if a chip has given names alone; one of both is always there.
    pub family_name: Option<String>,
    pub academic_title: Option<String>,
    pub birth_name: Option<String>,
    pub birth_date: BirthDate,
    pub place_of_birth: Option<String>,
    /// ISO 3166-1 in two letters, as in `DE`; otherwise the code of the chip, as in `XXA` for stateless people.
    pub nationality: Option<String>,
    pub address: Address,
}

/// A date of birth of which the day, or day and month, may be unknown.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BirthDate {
    pub year: u16,
    pub month: Option<u8>,
    /// Only together with the month.
    pub day: Option<u8>,
}

impl BirthDate {
    /// Reads `yyyymmdd`, where blanks stand for what is unknown (BSI TR-03130-1 section 3.3.19). The year must be known.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month, day) = (text.get(..4)?, text.get(4..6)?, text.get(6..8)?);
        if text.len() != 8 || !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_digit()) {
            return None;
        }
        let known = |part: &str| if part == "  " { Some(None) } else { part.parse::<u8>().ok().map(Some) };
        let read = Self { year: year.parse().ok()?, month: known(month)?, day: known(day)? };
        read.is_possible().then_some(read)
    }

    fn is_possible(self) -> bool {
        match (self.month, self.day) {
            (None, day) => day.is_none(),
            (Some(month), None) => (1..=12).contains(&month),
            (Some(month), Some(day)) => {
                let month = Month::try_from(month);
                month.is_ok_and(|month| Date::from_calendar_date(i32::from(self.year), month, day).is_ok())
            }
        }
    }

    /// The first day that it can be.
    fn earliest(self) -> Option<Date> {
        let month = Month::try_from(self.month.unwrap_or(1)).ok()?;
        Date::from_calendar_date(i32::from(self.year), month, self.day.unwrap_or(1)).ok()
    }

    /// `1964-08-12`, `1964-08` or `1964`: as much of ISO 8601 as is known.
    pub fn to_text(self) -> String {
        match (self.month, self.day) {
            (Some(month), Some(day)) => format!("{:04}-{month:02}-{day:02}", self.year),
            (Some(month), None) => format!("{:04}-{month:02}", self.year),
            (None, _) => format!("{:04}", self.year),
        }
    }
}

/// Where somebody lives, in the three forms of BSI TR-03110-4 section 2.2.3.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Address {
    Structured(Place),
    /// In words, as in an address abroad.
    Free(String),
    /// No address, as of people without a home, and on eID cards for citizens of the Union.
    None,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// With the number. Villages without names of streets have none.
    pub street: Option<String>,
    pub postal_code: Option<String>,
    pub locality: String,
    /// ISO 3166-1 in two letters where there is such a code.
    pub country: String,
    pub region: Option<String>,
}

/// The kind of document that the data come from (BSI TR-03127).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentType {
    /// `ID`, § 1 PAuswG.
    IdentityCard,
    /// `UB`: for citizens of the European Union, § 1 eIDKG.
    EidCard,
    /// `AR`, `AS`, `AF`: the electronic residence permit, § 78 AufenthG.
    ResidencePermit,
    /// `TA` to `TZ`: for testing, accepted only where the configuration says so.
    Test,
}

/// What carries the identity (BSI TR-03130-1 section 3.3.17): a card, or a telephone that a card has been copied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EidType {
    Card,
    Smart(SmartEid),
}

/// What can be missing that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Datum {
    Name,
    BirthDate,
    DocumentType,
    Pseudonym,
}

/// Why a card does not count, as a page can explain it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The eID-Server does not take this kind of eID from us (`#deniedDocument`).
    DeniedDocument,
    /// Blocked, or not genuine (`#invalidDocument`).
    InvalidDocument,
    Expired,
    /// A kind of document or of Smart-eID that we do not accept.
    TypeNotAccepted,
    /// What the card does not have, or its owner did not want to give.
    MissingData(Vec<Datum>),
    /// Under 16: the online function is for people from then on (§ 10 Abs. 3 PAuswG).
    TooYoung,
    /// The eID-Server no longer knows of the run, or has given its result already.
    SessionGone,
    /// The eID-Server could not finish: called off, no connection to the card, or a fault of its own (`#internalError`).
    NotCompleted,
}

/// Why the eID-Server gave no answer that counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Too many runs at a time, here or there.
    #[error("too many are asking the eID-Server at the moment")]
    Busy,
    /// No answer in time, or no connection.
    #[error("the eID-Server does not answer")]
    NoAnswer,
    /// Not signed with the certificate that was agreed on, or not as a whole, or of another time.
    #[error("the answer of the eID-Server is not signed as it should be: {0}")]
    WrongSignature(&'static str),
    #[error("the answer of the eID-Server cannot be read: {0}")]
    Malformed(String),
    /// A fault of the eID-Server.
    #[error("the eID-Server reports a fault: {0}")]
    ServerError(String),
    /// The operator has to do something: rights, certificates, addresses.
    #[error("the eID-Server refuses what it is asked: {0}")]
    Configuration(String),
}

#[cfg(test)]
mod tests;
