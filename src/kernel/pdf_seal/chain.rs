//! Whose signature it is: the names in a certificate, and whether an issuer that is known stands behind it (RFC 5280 section 6).
//! Nobody is asked whether a certificate has been revoked.

use std::path::Path;
use std::time::Duration;

use der::asn1::ObjectIdentifier;
use der::{Any, Tag, Tagged as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter};
use x509_cert::name::Name;

use super::State;
use super::message::{CERTIFICATES_MAX, Message};
use crate::kernel::texts::is_sound;
use crate::kernel::time::Timestamp;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANISATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const NAME_MAX_CHARACTERS: usize = 120;

/// For what a certificate of somebody who signs documents may be restricted: any purpose, mail, documents (RFC 9336), and what the
/// programs of two makers called the same before.
const PURPOSES: [&[usize]; 5] = [
    &[2, 5, 29, 37, 0],
    &[1, 3, 6, 1, 5, 5, 7, 3, 4],
    &[1, 3, 6, 1, 5, 5, 7, 3, 36],
    &[1, 2, 840, 113_583, 1, 1, 5],
    &[1, 3, 6, 1, 4, 1, 311, 10, 3, 12],
];

/// The issuers whose certificates count. Without any nobody's does.
#[derive(Debug, Default)]
pub struct TrustAnchors(Vec<TrustAnchor<'static>>);

impl TrustAnchors {
    /// Reads the certificates of a PEM file.
    pub fn read_file(file: &Path) -> Result<Self, String> {
        let mut anchors = Self::default();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())? {
            anchors.add(&certificate.map_err(|error| error.to_string())?)?;
        }
        if anchors.0.is_empty() { Err("no certificate".to_owned()) } else { Ok(anchors) }
    }

    pub fn add(&mut self, certificate: &CertificateDer<'_>) -> Result<(), String> {
        let anchor = webpki::anchor_from_trusted_cert(certificate).map_err(|error| error.to_string())?;
        self.0.push(anchor.to_owned());
        Ok(())
    }

    /// What the certificate of a signature that holds is worth at this time.
    pub fn judge(&self, message: &Message, now: Timestamp) -> State {
        let mut at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or_default()));
        let mut state = State::Valid;
        // Once for each certificate that may have run out before the others.
        for _ in 0..CERTIFICATES_MAX {
            match self.find_path(message, at) {
                Ok(()) => return state,
                // Whether it was anybody's that is known is asked for the time when it still counted.
                Err(Error::CertExpired { not_after, .. }) if not_after < at => {
                    (at, state) = (not_after, State::Expired)
                }
                Err(_) => return State::Untrusted,
            }
        }
        State::Untrusted
    }

    fn find_path(&self, message: &Message, at: UnixTime) -> Result<(), Error> {
        let certificate = EndEntityCert::try_from(&message.certificate)?;
        let path =
            certificate.verify_for_usage(ALL_VERIFICATION_ALGS, &self.0, &message.others, at, Purpose, None, None);
        path.map(drop)
    }
}

struct Purpose;

impl ExtendedKeyUsageValidator for Purpose {
    /// A certificate that is restricted to nothing may sign documents; one for a server on the web may not.
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut is_restricted = false;
        for purpose in purposes {
            is_restricted = true;
            let purpose = purpose?.to_decoded_oid();
            if PURPOSES.iter().any(|known| *known == purpose) {
                return Ok(());
            }
        }
        if is_restricted { Err(Error::UnknownIssuer) } else { Ok(()) }
    }
}

/// Who signs, and the organisation of theirs, as the certificate says it.
pub fn names(name: &Name) -> (Option<String>, Option<String>) {
    let find = |oid| name.iter().find(|part| part.oid == oid).and_then(|part| text(&part.value));
    (find(COMMON_NAME), find(ORGANISATION))
}

/// A name as it may stand on a page: nothing in it turns the direction of what stands beside it.
fn text(value: &Any) -> Option<String> {
    let bytes = value.value();
    let text = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => String::from_utf8(bytes.to_vec()).ok()?,
        // In practice it is Latin-1.
        Tag::TeletexString => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Tag::BmpString => {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16(&units).ok()?
        }
        _ => return None,
    };
    let text: String = text.trim().chars().filter(|letter| is_sound(*letter)).take(NAME_MAX_CHARACTERS).collect();
    if text.is_empty() { None } else { Some(text) }
}
