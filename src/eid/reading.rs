//! What a `getResultResponse` says of a card (BSI TR-03130-1 section 3.3), and whether it counts.

use roxmltree::Node;
use time::{Date, Month};

use super::message::{Accepted, EID, is_hex, smart_eid_name};
use super::xml::{Malformed, child, child_text, elements};
use super::{Address, BirthDate, Card, Datum, DocumentType, EidType, Failure, Person, Place, Refusal, country};
use crate::config::SmartEid;
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;

/// § 10 Abs. 3 PAuswG.
const AGE_MIN: i32 = 16;

/// The card; or why it does not count. What is written in no way that it may be is a failure of the eID-Server.
pub fn card(answer: Node<'_, '_>, accepted: &Accepted<'_>, now: Timestamp) -> Result<Result<Card, Refusal>, Failure> {
    let malformed = |what: &str| Failure::Malformed(what.to_owned());
    let data = child(answer, (EID, "PersonalData"))?.ok_or_else(|| malformed("a result without data"))?;
    let read = |name: &str| child_text(data, (EID, name));
    let eid_type = eid_type(answer)?.ok_or_else(|| malformed("no type of eID"))?;
    let is_accepted = match eid_type {
        EidType::Card => true,
        EidType::Smart(kind) => accepted.smart_eids.contains(&kind),
    };
    if !is_accepted {
        return Ok(Err(Refusal::TypeNotAccepted));
    }
    let document_type = read("DocumentType")?;
    let Some(document) = document_type.as_deref().map(document) else {
        return Ok(Err(Refusal::MissingData(vec![Datum::DocumentType])));
    };
    let Some(document_type) = document.filter(|kind| *kind != DocumentType::Test || accepted.test_documents) else {
        return Ok(Err(Refusal::TypeNotAccepted));
    };
    let expires =
        read("DateOfExpiry")?.map(|text| date(&text).ok_or_else(|| malformed("a date of expiry"))).transpose()?;
    let today = now.in_germany().date();
    if expires.is_some_and(|last| last < today) {
        return Ok(Err(Refusal::Expired));
    }
    let pseudonym = child(data, (EID, "RestrictedID"))?.map_or(Ok(None), |node| child_text(node, (EID, "ID")))?;
    if pseudonym.as_ref().is_some_and(|text| !(16..=256).contains(&text.len()) || !is_hex(text)) {
        return Err(malformed("a pseudonym"));
    }
    let birth_date = birth_date(data)?;
    let person = person(data, birth_date)?;
    let (person, restricted_id) = match (person, pseudonym) {
        (Ok(person), Some(pseudonym)) => (person, pseudonym.to_ascii_lowercase()),
        (person, pseudonym) => {
            let mut missing = person.err().unwrap_or_default();
            missing.extend(pseudonym.is_none().then_some(Datum::Pseudonym));
            return Ok(Err(Refusal::MissingData(missing)));
        }
    };
    if is_too_young(person.birth_date, today) {
        return Ok(Err(Refusal::TooYoung));
    }
    let (loa, issuing_state) = (level(answer, eid_type)?, read("IssuingState")?);
    Ok(Ok(Card { restricted_id, person, document_type, eid_type, issuing_state, expires, loa }))
}

/// The data of the person; or what is missing that is needed.
fn person(data: Node<'_, '_>, birth_date: Option<BirthDate>) -> Result<Result<Person, Vec<Datum>>, Failure> {
    let read = |name: &str| child_text(data, (EID, name));
    let (given_names, family_name) = (name(read("GivenNames")?), name(read("FamilyNames")?));
    let mut missing = Vec::new();
    missing.extend((given_names.is_none() && family_name.is_none()).then_some(Datum::Name));
    missing.extend(birth_date.is_none().then_some(Datum::BirthDate));
    let (true, Some(birth_date)) = (missing.is_empty(), birth_date) else { return Ok(Err(missing)) };
    Ok(Ok(Person {
        given_names,
        family_name,
        academic_title: read("AcademicTitle")?,
        birth_name: name(read("BirthName")?),
        birth_date,
        place_of_birth: place(data, "PlaceOfBirth")?.to_text(),
        nationality: read("Nationality")?.map(country_of),
        address: place(data, "PlaceOfResidence")?,
    }))
}

/// Registers write dashes where somebody has no such name.
fn name(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.chars().all(|character| matches!(character, '-' | '+' | ' ')))
}

fn country_of(code: String) -> String {
    country::from_document(&code).unwrap_or(code)
}

fn document(code: &str) -> Option<DocumentType> {
    match code {
        "ID" => Some(DocumentType::IdentityCard),
        "UB" => Some(DocumentType::EidCard),
        "AR" | "AS" | "AF" => Some(DocumentType::ResidencePermit),
        other if other.len() == 2 && other.starts_with('T') => Some(DocumentType::Test),
        _ => None,
    }
}

/// Exactly one type says `USED` (section 3.3.24).
fn eid_type(answer: Node<'_, '_>) -> Result<Option<EidType>, Malformed> {
    let Some(types) = child(answer, (EID, "EIDTypeResponse"))? else { return Ok(None) };
    let mut used = Vec::new();
    for kind in [EidType::Card].into_iter().chain(SmartEid::ALL.map(EidType::Smart)) {
        let name = match kind {
            EidType::Card => "CardCertified",
            EidType::Smart(kind) => smart_eid_name(kind),
        };
        if child_text(types, (EID, name))?.as_deref() == Some("USED") {
            used.push(kind);
        }
    }
    Ok(if used.len() == 1 { used.pop() } else { None })
}

/// What the eID-Server says (section 3.3.12). A Smart-eID is worth no more than substantial; a card of which nothing is said,
/// high (BSI TR-03107-1).
fn level(answer: Node<'_, '_>, eid_type: EidType) -> Result<Level, Failure> {
    let most = match eid_type {
        EidType::Card => Level::High,
        EidType::Smart(_) => Level::Substantial,
    };
    let said = match child_text(answer, (EID, "LevelOfAssuranceResult"))?.as_deref() {
        None => most,
        Some("http://bsi.bund.de/eID/LoA/hoch" | "http://eidas.europa.eu/LoA/high") => Level::High,
        Some("http://bsi.bund.de/eID/LoA/substantiell" | "http://eidas.europa.eu/LoA/substantial") => {
            Level::Substantial
        }
        Some("http://bsi.bund.de/eID/LoA/normal" | "http://eidas.europa.eu/LoA/low") => Level::Low,
        Some("http://bsi.bund.de/eID/LoA/undefined") => Level::Basic,
        Some(_) => return Err(Failure::Malformed("a level that is none".to_owned())),
    };
    Ok(said.min(most))
}

/// Blanks count here: they stand for what is unknown, and an unknown day is at the end of the text.
fn birth_date(data: Node<'_, '_>) -> Result<Option<BirthDate>, Failure> {
    let malformed = || Failure::Malformed("a date of birth".to_owned());
    let Some(node) = child(data, (EID, "DateOfBirth"))? else { return Ok(None) };
    let Some(node) = child(node, (EID, "DateString"))? else { return Ok(None) };
    if elements(node).next().is_some() {
        return Err(malformed());
    }
    // Eight characters, whether or not somebody has laid out the message for reading.
    let text: String = node.children().filter_map(|part| part.text()).collect();
    let text = text.trim_matches(['\n', '\r', '\t']);
    let text = if text.len() > 8 { text.trim() } else { text };
    if text.trim().is_empty() {
        return Ok(None);
    }
    BirthDate::parse(&format!("{text:8}")).map(Some).ok_or_else(malformed)
}

/// `xs:date`, whose time zone says nothing about a day.
fn date(text: &str) -> Option<Date> {
    let (day, zone) = text.split_at_checked(10)?;
    if !matches!(zone.as_bytes(), [] | b"Z" | [b'+' | b'-', _, _, b':', _, _]) {
        return None;
    }
    let mut parts = day.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

/// Surely younger than 16; of a date that is not known as a whole the first day counts that it can be.
fn is_too_young(birth_date: BirthDate, today: Date) -> bool {
    let Some(born) = birth_date.earliest() else { return false };
    let had_birthday = (u8::from(today.month()), today.day()) >= (u8::from(born.month()), born.day());
    today.year() - born.year() - i32::from(!had_birthday) < AGE_MIN
}

impl Address {
    fn to_text(&self) -> Option<String> {
        match self {
            Self::Structured(place) => Some(place.locality.clone()),
            Self::Free(text) => Some(text.clone()),
            Self::None => None,
        }
    }
}

/// One of three forms (section 3.3.4). A street or postal code without a place is not enough for an address.
fn place(data: Node<'_, '_>, name: &str) -> Result<Address, Failure> {
    let Some(node) = child(data, (EID, name))? else { return Ok(Address::None) };
    if let Some(text) = child_text(node, (EID, "FreetextPlace"))? {
        return Ok(Address::Free(text));
    }
    let Some(node) = child(node, (EID, "StructuredPlace"))? else { return Ok(Address::None) };
    let read = |name: &str| child_text(node, (EID, name));
    let (Some(locality), Some(country)) = (read("City")?, read("Country")?) else { return Ok(Address::None) };
    let (street, postal_code, region) = (read("Street")?, read("ZipCode")?, read("State")?);
    Ok(Address::Structured(Place { street, postal_code, locality, country: country_of(country), region }))
}
