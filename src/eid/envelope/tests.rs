//! What is believed and what is not. The messages of `other_library.xml` were canonicalized and signed by other people's code.

use std::path::{Path, PathBuf};

use super::*;
use crate::kernel::time::days;

const OTHER_LIBRARY: &str = include_str!("other_library.xml");

/// 2026-11-24T09:02:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_795_510_920);

fn key_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("keys-dev").join(name)
}

fn signer(name: &str) -> Signer {
    Signer::read(&key_file(&format!("{name}.pem")), &key_file(&format!("{name}.key"))).unwrap()
}

fn pinned() -> Pinned {
    Pinned::read(&key_file("eid-server.pem")).unwrap()
}

fn sealed(content: &str) -> String {
    seal(content, &signer("eid-server"), NOW, &Random::seeded(1)).unwrap()
}

fn opened(message: &str) -> Result<String, Untrusted> {
    open(message.as_bytes(), &pinned(), NOW)
}

/// The part of a message from one text to another, both included.
fn part<'a>(message: &'a str, from: &str, to: &str) -> &'a str {
    let start = message.find(from).unwrap();
    let end = message[start..].find(to).unwrap() + start + to.len();
    &message[start..end]
}

#[test]
fn what_is_sealed_opens_and_only_the_body_is_read() {
    let body = opened(&sealed("<a xmlns=\"urn:a\" b=\"1\">ä&amp;</a>")).unwrap();
    assert!(
        body.starts_with("<soapenv:Body") && body.ends_with("<a xmlns=\"urn:a\" b=\"1\">ä&amp;</a></soapenv:Body>")
    );
    assert!(!body.contains("Timestamp"));
}

/// With declarations elsewhere, lists of prefixes, other headers, white space and a signature on several lines.
#[test]
fn the_signature_of_another_library_is_understood() {
    let body = opened(OTHER_LIBRARY).unwrap();
    assert!(body.contains("<FreetextPlace>MüNCHEN &amp; \"&gt;</FreetextPlace>"), "{body}");
    assert_eq!(
        open(OTHER_LIBRARY.replace('\n', "\r\n").as_bytes(), &pinned(), NOW),
        Ok(body),
        "lines end as they like"
    );
}

#[test]
fn sec_y07_only_the_certificate_that_was_agreed_on_counts() {
    let message = seal("<a/>", &signer("eid-client"), NOW, &Random::seeded(1)).unwrap();
    assert!(matches!(opened(&message), Err(Untrusted::Signature(_))), "another key of the same authority");
    for (from, to) in [
        ("xmldsig-more#ecdsa-sha256", "xmldsig-more#rsa-sha256"),
        ("xmldsig-more#ecdsa-sha256", "xmldsig-more#ecdsa-sha1"),
        ("2001/04/xmldsig-more#ecdsa-sha256", "2000/09/xmldsig#hmac-sha1"),
        ("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1"),
        ("<ds:SignatureMethod", "<ds:Other"),
        ("2001/10/xml-exc-c14n#", "2001/10/xml-exc-c14n#WithComments"),
    ] {
        let changed = sealed("<a/>").replace(from, to).replace("</ds:Other>", "");
        assert!(opened(&changed).is_err(), "{from} -> {to}");
    }
}

#[test]
fn sec_y02_not_a_letter_may_change() {
    let message = sealed("<a b=\"1\">Erika</a>");
    assert!(opened(&message).is_ok());
    for (from, to) in [
        ("Erika", "Erikb"),
        ("b=\"1\"", "b=\"2\""),
        ("<a b=\"1\">", "<a b=\"1\" c=\"\">"),
        ("09:02:00Z</wsu:Created>", "09:02:01Z</wsu:Created>"),
        ("</wsu:Expires>", "</wsu:Expires><wsu:Created>2026-11-24T09:02:00Z</wsu:Created>"),
    ] {
        assert!(message.contains(from), "{from}");
        assert!(matches!(opened(&message.replace(from, to)), Err(Untrusted::Signature(_))), "{from} -> {to}");
    }
    let value = part(&message, "<ds:SignatureValue>", "</ds:SignatureValue>");
    for other in ["<ds:SignatureValue></ds:SignatureValue>", "<ds:SignatureValue>AAAA</ds:SignatureValue>", ""] {
        assert!(opened(&message.replace(value, other)).is_err(), "{other}");
    }
}

/// The classic shapes: the signed body is carried along somewhere, and a forged one stands where it is looked for.
#[test]
fn sec_y02_signature_wrapping_gains_nothing() {
    let message = sealed("<a>Erika</a>");
    let body = part(&message, "<soapenv:Body", "</soapenv:Body>");
    let stamp = part(&message, "<wsu:Timestamp", "</wsu:Timestamp>");
    let signature = part(&message, "<ds:Signature ", "</ds:Signature>");
    let id = part(body, "body-", "\"").trim_end_matches('"');
    let forged = body.replace("Erika", "Mallory");
    let (renamed, nameless) = (forged.replace(id, "body-0"), forged.replace(&format!(" wsu:Id=\"{id}\""), ""));
    let wrapped = |inner: &str| format!("<Wrapper xmlns=\"urn:w\">{inner}</Wrapper>");
    for evil in [&forged, &renamed, &nameless] {
        let shapes = [
            // Beside it, before and after.
            message.replace(body, &format!("{evil}{body}")),
            message.replace(body, &format!("{body}{evil}")),
            // Moved into a header, into the security header, into the signature, into the forged body.
            message.replace(body, evil).replace("<wsse:Security", &format!("{}<wsse:Security", wrapped(body))),
            message.replace(body, evil).replace(signature, &format!("{}{signature}", wrapped(body))),
            message.replace(body, evil).replace(signature, &format!("{body}{signature}")),
            message
                .replace(body, evil)
                .replace("</ds:Signature>", &format!("<ds:Object>{body}</ds:Object></ds:Signature>")),
            message.replace(body, &evil.replace("</soapenv:Body>", &format!("{}</soapenv:Body>", wrapped(body)))),
            message.replace(body, &evil.replace("</soapenv:Body>", &format!("{body}</soapenv:Body>"))),
            // As an element of another name, so that there is one body.
            message
                .replace(body, evil)
                .replace("<wsse:Security", &format!("{}<wsse:Security", body.replace("soapenv:Body", "soapenv:Other"))),
            // The whole message inside another.
            message.replace(body, &evil.replace("</soapenv:Body>", &format!("{message}</soapenv:Body>"))),
            message.replace(body, evil).replace("<wsse:Security", &format!("{}<wsse:Security", wrapped(&message))),
            // A second security header, a second signature, a second time stamp.
            message
                .replace(body, evil)
                .replace("</soapenv:Header>", "<wsse:Security xmlns:wsse=\"urn:x\"/></soapenv:Header>"),
            message.replace(body, evil).replace(signature, &format!("{signature}{signature}")),
            message.replace(stamp, &format!("{stamp}{stamp}")),
        ];
        for (number, shape) in shapes.iter().enumerate() {
            assert!(opened(shape).is_err(), "shape {number}: {:?}", opened(shape));
        }
    }
}

#[test]
fn sec_y02_an_id_is_there_once_however_it_is_spelled() {
    let message = sealed("<a>Erika</a>");
    let body = part(&message, "<soapenv:Body", "</soapenv:Body>");
    let id = part(body, "body-", "\"").trim_end_matches('"');
    for spelling in ["Id", "ID", "id", "xml:id", "wsu:Id"] {
        let twice = message
            .replace("<soapenv:Header>", &format!("<soapenv:Header><x xmlns:wsu=\"{WSU}\" {spelling}=\"{id}\"/>"));
        assert_eq!(opened(&twice), Err(Untrusted::Signature("two elements with the same id")), "{spelling}");
    }
}

/// Not even the right signer may put a second one of these anywhere.
#[test]
fn sec_y02_what_must_be_there_once_is_there_once() {
    for (space, name) in [(SOAP, "Envelope"), (SOAP, "Header"), (WSSE, "Security"), (DS, "Signature")] {
        let why = "an envelope, header, body, security header or signature that is missing or there twice";
        let message = sealed(&format!("<a><x:{name} xmlns:x=\"{space}\"/></a>"));
        assert_eq!(opened(&message), Err(Untrusted::Signature(why)), "{name}");
    }
}

/// A reference must lead to the body and to the time stamp; what else is signed does not help.
#[test]
fn sec_y02_body_and_time_stamp_must_both_be_signed() {
    let other = signer("eid-server");
    let resigned = |message: &str| {
        let info = canonical_of(message, (DS, "SignedInfo")).unwrap();
        let value = STANDARD.encode(other.sign(info.as_bytes()).unwrap());
        let old = part(message, "<ds:SignatureValue>", "</ds:SignatureValue>");
        message.replace(old, &format!("<ds:SignatureValue>{value}</ds:SignatureValue>"))
    };
    let message = sealed("<a/>");
    let first = part(&message, "<ds:Reference", "</ds:Reference>");
    let second = part(message.split_once(first).unwrap().1, "<ds:Reference", "</ds:Reference>");
    assert!(opened(&resigned(&message)).is_ok(), "signing anew works");
    for (without, why) in [(first, "the time stamp is not signed"), (second, "the body is not signed")] {
        assert_eq!(opened(&resigned(&message.replace(without, ""))), Err(Untrusted::Signature(why)));
    }
    for changed in [
        message.replace(first, "").replace(second, ""),
        message.replace("<ds:Transforms>", "").replace("</ds:Transforms>", ""),
        message.replace("URI=\"#body", "URI=\"body"),
        message.replace("URI=\"#body", "Other=\"#body"),
        message.replace("<ds:SignedInfo>", "<ds:SignedInfo><ds:Other/>"),
        message.replace(second, &second.repeat(9)),
    ] {
        assert!(opened(&resigned(&changed)).is_err());
    }
    // Something deeper, rightly signed: a reference leads to the body or to a header, and nowhere else.
    let deep = format!("<deep xmlns:wsu=\"{WSU}\" wsu:Id=\"deep\"></deep>");
    let reference = |text: &str| {
        let value = STANDARD.encode(digest(DIGEST_SHA256, text.as_bytes()).unwrap());
        let old = part(second, "<ds:DigestValue>", "</ds:DigestValue>");
        second
            .replace(part(second, "#body-", "\""), "#deep\"")
            .replace(old, &format!("<ds:DigestValue>{value}</ds:DigestValue>"))
    };
    let added = |header: &str| {
        let message = message.replace("<wsse:Security ", &format!("{header}<wsse:Security "));
        opened(&resigned(&message.replace(second, &format!("{second}{}", reference(&deep)))))
    };
    assert!(added(&deep).is_ok(), "another header may be signed, too");
    let why = Untrusted::Signature("a reference to what is neither the body nor a header");
    assert_eq!(added(&format!("<h>{deep}</h>")), Err(why));
    // One transform that would leave something out of what is digested.
    let filter = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"/>";
    let filtered = message.replace("<ds:Transforms>", &format!("<ds:Transforms>{filter}"));
    assert_eq!(opened(&resigned(&filtered)), Err(Untrusted::Signature("not exactly one transform")));
}

#[test]
fn sec_y05_a_message_counts_for_five_minutes() {
    let message = sealed("<a/>");
    let at = |now| open(message.as_bytes(), &pinned(), now).is_ok();
    for now in [NOW, NOW.minus(minutes(5)), NOW.plus(Duration::from_secs(299))] {
        assert!(at(now));
    }
    let late = NOW.plus(minutes(5));
    for now in [late, NOW.plus(days(1)), NOW.minus(Duration::from_secs(301))] {
        assert!(!at(now));
    }
    // A message that says it counts longer, or not how long, is believed no longer.
    let long = seal("<a/>", &signer("eid-server"), NOW.minus(minutes(6)), &Random::seeded(1)).unwrap();
    assert!(opened(&long).is_err());
}

#[test]
fn sec_y03_what_is_not_signed_is_refused() {
    let fault = format!("<s:Envelope xmlns:s=\"{SOAP}\"><s:Body><s:Fault/></s:Body></s:Envelope>");
    let with_header = format!("<s:Envelope xmlns:s=\"{SOAP}\"><s:Header/><s:Body><s:Fault/></s:Body></s:Envelope>");
    for message in ["<a/>", &fault, &with_header] {
        assert!(matches!(opened(message), Err(Untrusted::Signature(_))));
    }
    assert!(matches!(opened("<!DOCTYPE a><a/>"), Err(Untrusted::Malformed(_))));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Bytes changed, taken out or put in anywhere: either the message is refused, or exactly what was signed is read.
    #[test]
    fn fz13_a_changed_message_is_refused_or_reads_the_same(
        place in 0.0..1.0_f64, length in 0_usize..40, put in "[<>/a-z\"'= #&;]{0,20}",
    ) {
        let message = sealed("<a b=\"1\">Erika</a>");
        let start = (place * message.len() as f64) as usize;
        let end = (start + length).min(message.len());
        let changed = format!("{}{put}{}", &message[..start], &message[end..]);
        if let Ok(body) = opened(&changed) {
            proptest::prop_assert_eq!(body, opened(&message).unwrap());
        }
    }
}
