//! The messages of BSI TR-03130-1 section 3: what is asked of the eID-Server, and what its answers mean.

use roxmltree::Node;

use super::reading;
use super::xml::{self, Malformed, child, child_text, elements, escape};
use super::{Begun, Failure, Reading, Refusal};
use crate::config::SmartEid;
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;

pub const EID: &str = "http://bsi.bund.de/eID/";
pub const DSS: &str = "urn:oasis:names:tc:dss:1.0:core:schema";
pub const OK: &str = "http://www.bsi.bund.de/ecard/api/1.1/resultmajor#ok";
pub const ERROR: &str = "http://www.bsi.bund.de/ecard/api/1.1/resultmajor#error";
/// What every minor result begins with (section 3.4).
pub const MINOR: &str = "http://www.bsi.bund.de/eid/server/2.0/resultminor";
pub const NO_RESULT_YET: &str = "/getResult#noResultYet";
/// The least that is accepted; which types of eID are, is said one by one.
const LEVEL_MIN: &str = "http://bsi.bund.de/eID/LoA/substantiell";

/// Everything that is ever read, in the order of the schema (section 3.3.7). `REQUIRED` cannot be deselected; the rest is on
/// some cards only, or helps to recognise somebody with a new card.
const OPERATIONS: [(&str, &str); 12] = [
    ("DocumentType", "REQUIRED"),
    ("IssuingState", "REQUIRED"),
    ("DateOfExpiry", "ALLOWED"),
    ("GivenNames", "REQUIRED"),
    ("FamilyNames", "REQUIRED"),
    ("AcademicTitle", "ALLOWED"),
    ("DateOfBirth", "REQUIRED"),
    ("PlaceOfBirth", "ALLOWED"),
    ("Nationality", "ALLOWED"),
    ("BirthName", "ALLOWED"),
    ("PlaceOfResidence", "REQUIRED"),
    ("RestrictedID", "REQUIRED"),
];

/// The name of a type of eID in messages (section 3.3.13).
pub const fn smart_eid_name(kind: SmartEid) -> &'static str {
    match kind {
        SmartEid::SeCertified => "SECertified",
        SmartEid::SeEndorsed => "SEEndorsed",
        SmartEid::HwKeyStore => "HWKeyStore",
    }
}

pub fn use_id_request(accepted: &[SmartEid]) -> String {
    let operations: String =
        OPERATIONS.iter().map(|(name, value)| format!("<eid:{name}>{value}</eid:{name}>")).collect();
    let types: String = SmartEid::ALL
        .into_iter()
        .map(|kind| (smart_eid_name(kind), if accepted.contains(&kind) { "ALLOWED" } else { "DENIED" }))
        .map(|(name, value)| format!("<eid:{name}>{value}</eid:{name}>"))
        .collect();
    format!(
        "<eid:useIDRequest xmlns:eid=\"{EID}\"><eid:UseOperations>{operations}</eid:UseOperations>\
         <eid:LevelOfAssuranceRequest>{LEVEL_MIN}</eid:LevelOfAssuranceRequest><eid:EIDTypeRequest>\
         <eid:CardCertified>ALLOWED</eid:CardCertified>{types}</eid:EIDTypeRequest></eid:useIDRequest>"
    )
}

pub fn get_result_request(session: &str, counter: u32) -> String {
    format!(
        "<eid:getResultRequest xmlns:eid=\"{EID}\"><eid:Session><eid:ID>{}</eid:ID></eid:Session>\
         <eid:RequestCounter>{counter}</eid:RequestCounter></eid:getResultRequest>",
        escape(session)
    )
}

/// What an answer is about, and its result: nothing if it is fine, otherwise what follows [`MINOR`].
pub enum Outcome {
    Fine,
    Error(String),
}

/// The one element of a body, which must have this name, and hands it on.
fn in_body<T>(body: &str, name: &str, read: impl FnOnce(Node<'_, '_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let document = xml::parse(xml::admit(body.as_bytes())?)?;
    let mut content = elements(document.root_element());
    match (content.next(), content.next()) {
        (Some(node), None) if node.has_tag_name((EID, name)) => read(node),
        _ => Err(Failure::Malformed(format!("not a {name}"))),
    }
}

impl From<Malformed> for Failure {
    fn from(Malformed(why): Malformed) -> Self {
        Self::Malformed(why.to_owned())
    }
}

/// Reads `Result`. The examples of the guideline write its parts without a namespace, the schema with that of DSS.
fn outcome(answer: Node<'_, '_>) -> Result<Outcome, Failure> {
    let missing = || Failure::Malformed("an answer without a result".to_owned());
    let result = child(answer, (DSS, "Result"))?.ok_or_else(missing)?;
    let part = |name: &str| -> Result<Option<String>, Malformed> {
        Ok(child_text(result, (DSS, name))?.or(elements(result)
            .find(|node| node.tag_name().namespace().is_none() && node.tag_name().name() == name)
            .map_or(Ok(None), xml::text)?))
    };
    match (part("ResultMajor")?.as_deref(), part("ResultMinor")?) {
        (Some(OK), _) => Ok(Outcome::Fine),
        (Some(ERROR), Some(minor)) => {
            let known = minor.strip_prefix(MINOR).map(str::to_owned);
            Ok(Outcome::Error(known.unwrap_or_else(|| "a result that is not of the eID-Server".to_owned())))
        }
        _ => Err(missing()),
    }
}

/// Reads a `useIDResponse`. `server_address` is where eID-Clients reach the eID-Server if the answer does not say so.
pub fn read_begun(body: &str, server_address: Option<&str>) -> Result<Begun, Failure> {
    in_body(body, "useIDResponse", |answer| {
        if let Outcome::Error(minor) = outcome(answer)? {
            return Err(match minor.as_str() {
                "/useID#tooManyOpenSessions" => Failure::Busy,
                "/common#internalError" => Failure::ServerError(minor),
                _ => Failure::Configuration(minor),
            });
        }
        let within = |parent, name: &str| -> Result<String, Failure> {
            let text = child(answer, (EID, parent))?.map_or(Ok(None), |node| child_text(node, (EID, name)))?;
            text.filter(|text| is_token(text)).ok_or_else(|| Failure::Malformed(format!("no {parent} with its {name}")))
        };
        let session = Secret::new(within("Session", "ID")?);
        let (psk_id, psk) = (within("PSK", "ID")?, Secret::new(within("PSK", "Key")?));
        // 128 bits at least (section 3.3.1); the key is binary, in hexadecimal digits (section 3.3.18).
        if session.expose().len() < 32 || psk.expose().len() < 32 || !is_hex(psk.expose()) {
            return Err(Failure::Malformed("a session or a key that is too short".to_owned()));
        }
        let address = child_text(answer, (EID, "eCardServerAddress"))?;
        let server_address = address.or(server_address.map(str::to_owned));
        let server_address =
            server_address.ok_or_else(|| Failure::Configuration("eid.paos_url is missing".to_owned()))?;
        if !is_https(&server_address) {
            return Err(Failure::Malformed("an address for eID-Clients that is not https".to_owned()));
        }
        Ok(Begun { session, server_address, psk_id, psk })
    })
}

/// What identifies something: no space, nothing that has to be escaped anywhere.
fn is_token(text: &str) -> bool {
    text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~+/=".contains(&byte))
}

pub fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An address without anything that would have to be escaped in JSON or XML.
fn is_https(address: &str) -> bool {
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\`".contains(&byte));
    plain && url::Url::parse(address).is_ok_and(|url| url.scheme() == "https" && url.host_str().is_some())
}

/// What of the answers we take, by the operator's decision.
pub struct Accepted<'a> {
    pub smart_eids: &'a [SmartEid],
    pub test_documents: bool,
}

/// Reads a `getResultResponse`.
pub fn read_result(body: &str, accepted: &Accepted<'_>, now: Timestamp) -> Result<Reading, Failure> {
    in_body(body, "getResultResponse", |answer| {
        let Outcome::Error(minor) = outcome(answer)? else {
            let read = reading::card(answer, accepted, now)?;
            return Ok(read.map_or_else(Reading::Refused, |card| Reading::Read(Box::new(card))));
        };
        let refusal = match minor.as_str() {
            NO_RESULT_YET => return Ok(Reading::NotYet),
            // After a wrong counter the run cannot be trusted any more (section 3.2.2.1).
            "/getResult#invalidSession" | "/getResult#invalidCounter" => Refusal::SessionGone,
            "/getResult#deniedDocument" => Refusal::DeniedDocument,
            "/getResult#invalidDocument" => Refusal::InvalidDocument,
            "/common#internalError" => Refusal::NotCompleted,
            _ => return Err(Failure::Configuration(minor)),
        };
        Ok(Reading::Refused(refusal))
    })
}
