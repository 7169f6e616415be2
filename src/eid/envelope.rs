//! SOAP messages with a signature by WS-Security 1.1 (BSI TR-03130-1 section 3.5.2): body and time stamp are signed with the
//! keys that both sides have exchanged beforehand.
//!
//! Of a message nothing is believed but the bytes that were signed: what is handed on is the canonical text of the body whose
//! digest fits, and only that is read. What is signed must stand where it belongs, as the one body of the one envelope; an
//! element that bears the right number somewhere else counts for nothing (signature wrapping, attack row Y02).

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::canonical::{ALGORITHM, canonical};
use super::signature::{DIGEST_SHA256, Pinned, Signer, digest};
use super::xml::{self, Malformed, child, child_text, elements, escape};
use crate::kernel::random::Random;
use crate::kernel::secret::{equal, hex};
use crate::kernel::time::{Timestamp, minutes};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";

/// How far the clocks of both sides may be apart, and how long a message counts.
pub const VALID_FOR: Duration = minutes(5);
/// Body and time stamp, and what else a server signs of its headers.
const REFERENCES_MAX: usize = 8;

/// In one list of prefixes.
const PREFIXES_MAX: usize = 32;

/// Why a message is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Not signed by whom it should be, or not as a whole, or not in time.
    #[error("{0}")]
    Signature(&'static str),
}

fn refuse<T>(why: &'static str) -> Result<T, Untrusted> {
    Err(Untrusted::Signature(why))
}

/// A message with this content, signed at this time.
pub fn seal(content: &str, signer: &Signer, now: Timestamp, random: &Random) -> Result<String, String> {
    let id = |name: &str| format!("{name}-{}", hex(&random.bytes::<16>()));
    let (body_id, time_id) = (id("body"), id("time"));
    let (created, expires) = (date_time(now)?, date_time(now.plus(VALID_FOR))?);
    let envelope = |signature: &str| {
        format!(
            "<soapenv:Envelope xmlns:soapenv=\"{SOAP}\"><soapenv:Header><wsse:Security xmlns:wsse=\"{WSSE}\" \
             xmlns:wsu=\"{WSU}\" soapenv:mustUnderstand=\"1\"><wsu:Timestamp wsu:Id=\"{time_id}\"><wsu:Created>{created}\
             </wsu:Created><wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>{signature}</wsse:Security></soapenv:Header>\
             <soapenv:Body xmlns:wsu=\"{WSU}\" wsu:Id=\"{body_id}\">{content}</soapenv:Body></soapenv:Envelope>"
        )
    };
    let unsigned = envelope("");
    let mut references = String::new();
    for (id, name) in [(&time_id, (WSU, "Timestamp")), (&body_id, (SOAP, "Body"))] {
        let bytes = canonical_of(&unsigned, name)?;
        let value = digest(DIGEST_SHA256, bytes.as_bytes()).ok_or("no digest")?;
        references.push_str(&format!(
            "<ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{ALGORITHM}\"/></ds:Transforms>\
             <ds:DigestMethod Algorithm=\"{DIGEST_SHA256}\"/><ds:DigestValue>{}</ds:DigestValue></ds:Reference>",
            STANDARD.encode(value)
        ));
    }
    let (issuer, serial) = (escape(&signer.issuer), &signer.serial_number);
    let signature = |value: &str| {
        format!(
            "<ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"{ALGORITHM}\"/>\
             <ds:SignatureMethod Algorithm=\"{}\"/>{references}</ds:SignedInfo><ds:SignatureValue>{value}</ds:SignatureValue>\
             <ds:KeyInfo><wsse:SecurityTokenReference><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>{issuer}\
             </ds:X509IssuerName><ds:X509SerialNumber>{serial}</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>\
             </wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>",
            signer.algorithm
        )
    };
    let signed_info = canonical_of(&envelope(&signature("")), (DS, "SignedInfo"))?;
    let value = signer.sign(signed_info.as_bytes())?;
    Ok(envelope(&signature(&STANDARD.encode(value))))
}

/// The canonical text of the one element of this name in a message of our own.
fn canonical_of(message: &str, name: (&str, &str)) -> Result<String, String> {
    let document = xml::parse(xml::admit(message.as_bytes()).map_err(|error| error.to_string())?);
    let document = document.map_err(|error| error.to_string())?;
    let mut found = document.descendants().filter(|node| node.has_tag_name(name));
    match (found.next(), found.next()) {
        (Some(node), None) => Ok(canonical(node, &[])),
        _ => Err(format!("{} does not stand there once", name.1)),
    }
}

/// As `xs:dateTime` in UTC.
fn date_time(at: Timestamp) -> Result<String, String> {
    let nanoseconds = i128::from(at.milliseconds()) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).map_err(|error| error.to_string())?;
    at.format(&Rfc3339).map_err(|error| error.to_string())
}

/// The canonical text of the body, if one of these keys has signed it and the time stamp, and it is young enough.
pub fn open(message: &[u8], pinned: &Pinned, now: Timestamp) -> Result<String, Untrusted> {
    let text = xml::admit(message)?;
    let document = xml::parse(text)?;
    let parts = Parts::find(&document)?;
    let signed = parts.verify(pinned)?;
    let find = |node: Node<'_, '_>| signed.iter().find(|(id, _)| *id == node.id()).map(|(_, text)| text.clone());
    let Some(stamp) = find(parts.timestamp) else { return refuse("the time stamp is not signed") };
    check_time(&stamp, now)?;
    find(parts.body).map_or_else(|| refuse("the body is not signed"), Ok)
}

/// What a message must consist of.
struct Parts<'a, 'i> {
    document: &'a Document<'i>,
    body: Node<'a, 'i>,
    header: Node<'a, 'i>,
    security: Node<'a, 'i>,
    timestamp: Node<'a, 'i>,
    signature: Node<'a, 'i>,
}

impl<'a, 'i> Parts<'a, 'i> {
    /// Each exactly once, where it belongs and nowhere else.
    fn find(document: &'a Document<'i>) -> Result<Self, Untrusted> {
        let root = document.root_element();
        let children: Vec<_> = elements(root).collect();
        let (true, [header, body]) = (root.has_tag_name((SOAP, "Envelope")), &*children) else {
            return refuse("not an envelope with one header and one body");
        };
        if !header.has_tag_name((SOAP, "Header")) || !body.has_tag_name((SOAP, "Body")) {
            return refuse("not an envelope with one header and one body");
        }
        for name in [(SOAP, "Envelope"), (SOAP, "Header"), (SOAP, "Body"), (WSSE, "Security"), (DS, "Signature")] {
            if document.descendants().filter(|node| node.has_tag_name(name)).count() != 1 {
                return refuse(
                    "an envelope, header, body, security header or signature that is missing or there twice",
                );
            }
        }
        let within = |parent: Node<'a, 'i>, name: (&str, &str)| {
            child(parent, name)?.map_or_else(|| refuse("the message is not signed as it should be"), Ok)
        };
        let security = within(*header, (WSSE, "Security"))?;
        let (timestamp, signature) = (within(security, (WSU, "Timestamp"))?, within(security, (DS, "Signature"))?);
        Ok(Self { document, body: *body, header: *header, security, timestamp, signature })
    }

    /// The canonical text of each element that is signed.
    fn verify(&self, pinned: &Pinned) -> Result<Vec<(roxmltree::NodeId, String)>, Untrusted> {
        let of_signature: Vec<_> = elements(self.signature).map(|node| node.tag_name().name()).collect();
        if !matches!(&*of_signature, ["SignedInfo", "SignatureValue"] | ["SignedInfo", "SignatureValue", "KeyInfo"]) {
            return refuse("a signature with other parts than it should have");
        }
        let Some(info) = child(self.signature, (DS, "SignedInfo"))? else { return refuse("nothing is signed") };
        let value = base64_of(self.signature, "SignatureValue")?;
        let Some(method) = child(info, (DS, "CanonicalizationMethod"))? else { return refuse("no canonicalization") };
        let signed = canonical(info, &inclusive_prefixes(method)?);
        let algorithm = child(info, (DS, "SignatureMethod"))?.and_then(|node| node.attribute("Algorithm"));
        if !pinned.verify(algorithm.unwrap_or_default(), signed.as_bytes(), &value) {
            return refuse("not the signature of the certificate that was agreed on");
        }
        let references: Vec<_> = elements(info).filter(|node| node.has_tag_name((DS, "Reference"))).collect();
        // Nothing else may stand in what was signed: two methods and the references.
        if references.is_empty() || references.len() > REFERENCES_MAX || elements(info).count() != references.len() + 2
        {
            return refuse("a signature that refers to nothing, or to too much");
        }
        let named = self.named()?;
        references.into_iter().map(|reference| self.check(reference, &named)).collect()
    }

    /// Every element with an id, by whatever spelling; no id may be there twice.
    fn named(&self) -> Result<Vec<(&'a str, Node<'a, 'i>)>, Untrusted> {
        let mut named = Vec::new();
        let mut seen = HashSet::new();
        for node in self.document.descendants().filter(Node::is_element) {
            let ids = node.attributes().filter(|attribute| attribute.name().eq_ignore_ascii_case("id"));
            let values: HashSet<&str> = ids.map(|attribute| attribute.value()).collect();
            for id in values {
                if !seen.insert(id) {
                    return refuse("two elements with the same id");
                }
            }
            if let Some(id) = node.attribute((WSU, "Id")) {
                named.push((id, node));
            }
        }
        Ok(named)
    }

    /// That a reference leads to a part of this message, and that its digest fits.
    fn check(
        &self,
        reference: Node<'a, 'i>,
        named: &[(&str, Node<'a, 'i>)],
    ) -> Result<(roxmltree::NodeId, String), Untrusted> {
        let id = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')).filter(|id| !id.is_empty());
        let Some((_, node)) = named.iter().find(|(known, _)| Some(*known) == id) else {
            return refuse("a reference that leads nowhere");
        };
        let is_header = |parent| parent == Some(self.header) || parent == Some(self.security);
        if *node != self.body && !(is_header(node.parent()) && *node != self.signature) {
            return refuse("a reference to what is neither the body nor a header");
        }
        let transforms = child(reference, (DS, "Transforms"))?.map(|node| elements(node).collect::<Vec<_>>());
        let Some([transform]) = transforms.as_deref() else { return refuse("not exactly one transform") };
        let text = canonical(*node, &inclusive_prefixes(*transform)?);
        let algorithm = child(reference, (DS, "DigestMethod"))?.and_then(|node| node.attribute("Algorithm"));
        let Some(actual) = digest(algorithm.unwrap_or_default(), text.as_bytes()) else {
            return refuse("a digest that is not good enough");
        };
        if !equal(&actual, &base64_of(reference, "DigestValue")?) {
            return refuse("not what was signed");
        }
        Ok((node.id(), text))
    }
}

fn base64_of(parent: Node<'_, '_>, name: &str) -> Result<Vec<u8>, Untrusted> {
    let text: String = match child(parent, (DS, name))? {
        Some(node) => node.children().filter_map(|part| part.text()).collect(),
        None => return refuse("a signature without its value"),
    };
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).map_or_else(|_| refuse("a signature that is not base64"), Ok)
}

/// Of a method or transform, which must be exclusive canonicalization without comments. Prefixes are those of its element
/// `InclusiveNamespaces`, which some libraries always write.
fn inclusive_prefixes<'a>(method: Node<'a, '_>) -> Result<Vec<&'a str>, Untrusted> {
    if method.attribute("Algorithm") != Some(ALGORITHM) {
        return refuse("another canonicalization than the exclusive one");
    }
    let parts: Vec<_> = elements(method).collect();
    match &*parts {
        [] => Ok(Vec::new()),
        [part] if part.has_tag_name((ALGORITHM, "InclusiveNamespaces")) => {
            let prefixes = part.attribute("PrefixList").unwrap_or_default().split_ascii_whitespace();
            let prefixes = prefixes.map(|prefix| if prefix == "#default" { "" } else { prefix });
            let prefixes: Vec<_> = prefixes.take(PREFIXES_MAX + 1).collect();
            if prefixes.len() > PREFIXES_MAX { refuse("too many prefixes") } else { Ok(prefixes) }
        }
        _ => refuse("a canonicalization with parameters that are not known"),
    }
}

/// Made less than five minutes ago, by clocks that are no further apart, and not expired.
fn check_time(stamp: &str, now: Timestamp) -> Result<(), Untrusted> {
    let document = xml::parse(stamp)?;
    let read = |name| -> Result<Option<Timestamp>, Untrusted> {
        let Some(text) = child_text(document.root_element(), (WSU, name))? else { return Ok(None) };
        let Ok(at) = OffsetDateTime::parse(&text, &Rfc3339) else { return refuse("a time that is none") };
        Ok(Some(Timestamp::from_seconds(at.unix_timestamp())))
    };
    let Some(created) = read("Created")? else { return refuse("a message that does not say when it was made") };
    if created < now.minus(VALID_FOR) || created > now.plus(VALID_FOR) {
        return refuse("a message of another time");
    }
    if read("Expires")?.is_some_and(|end| end <= now) {
        return refuse("a message that has expired");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
