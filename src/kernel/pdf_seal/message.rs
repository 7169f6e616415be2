//! What a signature is: CMS (RFC 5652) with the attributes of ETSI EN 319 122-1. Everything in it comes from a stranger.

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, Decode as _, Encode as _, Reader as _, Sequence, SliceReader, Tag, Tagged as _};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use webpki::aws_lc_rs as algorithms;
use webpki::{EndEntityCert, Error};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::{KeyUsage, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use super::ber;
use crate::kernel::time::Timestamp;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.1");
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = oid("1.2.840.113549.1.9.5");
/// RFC 5035.
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");

const DIGEST_SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
const DIGEST_SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
const DIGEST_SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");

const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
const RSA_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
const ECDSA_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");

/// The modulus of an RSA key of 2048 bits, which is the least.
const RSA_MIN_BYTES: usize = 256;
/// No chain of anybody is longer.
pub const CERTIFICATES_MAX: usize = 16;

#[derive(Sequence)]
struct ContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: SignedData,
}

#[derive(Sequence)]
struct SignedData {
    version: u8,
    digest_algorithms: SetOfVec<Any>,
    encapsulated: Encapsulated,
    // As they stand there: what is signed of a certificate are its bytes.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    certificates: Option<SetOfVec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    revoked: Option<SetOfVec<Any>>,
    signers: SetOfVec<Any>,
}

#[derive(Sequence)]
struct Encapsulated {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    content: Option<Any>,
}

#[derive(Sequence)]
struct SignerInfo {
    version: u8,
    /// A choice of two.
    signer: Any,
    digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    signed: Option<SetOfVec<Attribute>>,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    unsigned: Option<SetOfVec<Any>>,
}

#[derive(Sequence)]
struct IssuerAndSerialNumber {
    issuer: Name,
    serial_number: SerialNumber,
}

#[derive(Sequence)]
struct SigningCertificates {
    certificates: Vec<SigningCertificate>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

/// `ESSCertIDv2`: without an algorithm it is SHA-256.
#[derive(Sequence)]
struct SigningCertificate {
    #[asn1(optional = "true")]
    algorithm: Option<AlgorithmIdentifierOwned>,
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_and_serial: Option<Any>,
}

/// RFC 4055 section 3.1. What is not said means SHA-1, which is not good enough.
#[derive(Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_length: Option<u8>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

type Algorithms = Vec<&'static dyn SignatureVerificationAlgorithm>;

/// A signature that can be judged.
pub struct Message {
    /// With which what is signed is digested, and the digest that was signed.
    pub digest_algorithm: &'static digest::Algorithm,
    stated_digest: Vec<u8>,
    /// What the signature is over.
    attributes: Vec<u8>,
    algorithms: Algorithms,
    signature: Vec<u8>,
    /// The one that says with which key it was made, and what may lead from it to an issuer that is known.
    pub certificate: CertificateDer<'static>,
    pub others: Vec<CertificateDer<'static>>,
    pub read: Certificate,
    /// Whether the signed attributes name another certificate.
    is_for_another: bool,
    pub signing_time: Option<Timestamp>,
}

/// What has become of what was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    Whole,
    Changed,
    /// Made in a way that is not checked.
    Unknown,
}

impl Message {
    /// Nothing of what cannot be read, or is made in a way that is not checked. Behind it there are zeros, and nothing else.
    pub fn read(contents: &[u8]) -> Option<Self> {
        let definite = ber::definite_if_needed(contents)?;
        let mut reader = SliceReader::new(&definite).ok()?;
        let message = reader.tlv_bytes().ok()?;
        if definite.get(message.len()..)?.iter().any(|byte| *byte != 0) {
            return None;
        }
        let ContentInfo { content_type, content } = ContentInfo::from_der(message).ok()?;
        let is_detached = content.encapsulated.content_type == DATA && content.encapsulated.content.is_none();
        let [signer] = content.signers.as_slice() else { return None };
        if content_type != SIGNED_DATA || !is_detached {
            return None;
        }
        Self::of(signer.decode_as().ok()?, content.certificates.unwrap_or_default())
    }

    fn of(signer: SignerInfo, certificates: SetOfVec<Any>) -> Option<Self> {
        let signed = signer.signed?;
        let digest_algorithm = digest_algorithm(&signer.digest_algorithm.oid)?;
        let algorithms = algorithms_of(&signer.signature_algorithm, &signer.digest_algorithm.oid)?;
        if value(&signed, CONTENT_TYPE)?.decode_as::<ObjectIdentifier>().ok()? != DATA {
            return None;
        }
        let stated_digest = value(&signed, MESSAGE_DIGEST)?.decode_as::<OctetString>().ok()?.as_bytes().to_vec();
        let (mut others, mut found) = (Vec::new(), None);
        for any in certificates.iter().take(CERTIFICATES_MAX) {
            let bytes = any.to_der().ok()?;
            match Certificate::from_der(&bytes) {
                Ok(read) if found.is_none() && is_of(&read, &signer.signer) => found = Some((bytes, read)),
                _ => others.push(CertificateDer::from(bytes)),
            }
        }
        let (certificate, read) = found?;
        Some(Self {
            digest_algorithm,
            stated_digest,
            attributes: signed.to_der().ok()?,
            algorithms,
            signature: signer.signature.as_bytes().to_vec(),
            is_for_another: names_another(&signed, &certificate)?,
            certificate: CertificateDer::from(certificate),
            others,
            read,
            signing_time: value(&signed, SIGNING_TIME).and_then(|time| instant(&time.decode_as().ok()?)),
        })
    }

    /// Judges what is signed by its digest.
    pub fn check(&self, digest: &[u8]) -> Integrity {
        let Ok(certificate) = EndEntityCert::try_from(&self.certificate) else { return Integrity::Unknown };
        if !self.may_sign() {
            return Integrity::Unknown;
        }
        let mut outcome = Integrity::Unknown;
        for algorithm in &self.algorithms {
            match certificate.verify_signature(*algorithm, &self.attributes, &self.signature) {
                Ok(()) if digest == self.stated_digest && !self.is_for_another => return Integrity::Whole,
                Ok(()) | Err(Error::InvalidSignatureForPublicKey) => outcome = Integrity::Changed,
                // The algorithm is for another kind of key.
                Err(_) => {}
            }
        }
        outcome
    }

    /// A key is long enough, and for signatures if it is said what it is for (RFC 5280 section 4.2.1.3).
    fn may_sign(&self) -> bool {
        let certificate = self.read.tbs_certificate();
        let key = certificate.subject_public_key_info();
        let is_long = key.algorithm.oid != RSA || key.subject_public_key.raw_bytes().len() >= RSA_MIN_BYTES;
        let usage = certificate
            .get_extension::<KeyUsage>()
            .map(|usage| usage.is_none_or(|(_, usage)| usage.digital_signature() || usage.non_repudiation()));
        is_long && usage.unwrap_or(false)
    }
}

/// The one value of an attribute that stands there once.
fn value(attributes: &SetOfVec<Attribute>, oid: ObjectIdentifier) -> Option<&Any> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let (attribute, None) = (found.next()?, found.next()) else { return None };
    let [value] = attribute.values.as_slice() else { return None };
    Some(value)
}

fn digest_algorithm(oid: &ObjectIdentifier) -> Option<&'static digest::Algorithm> {
    match *oid {
        DIGEST_SHA256 => Some(&SHA256),
        DIGEST_SHA384 => Some(&SHA384),
        DIGEST_SHA512 => Some(&SHA512),
        _ => None,
    }
}

/// Those that may be meant; for which kind of key each is knows the library.
fn algorithms_of(algorithm: &AlgorithmIdentifierOwned, digest: &ObjectIdentifier) -> Option<Algorithms> {
    Some(match algorithm.oid {
        RSA_SHA256 => vec![algorithms::RSA_PKCS1_2048_8192_SHA256],
        RSA_SHA384 => vec![algorithms::RSA_PKCS1_2048_8192_SHA384],
        RSA_SHA512 => vec![algorithms::RSA_PKCS1_2048_8192_SHA512],
        // With which digest is said elsewhere (RFC 3370 section 3.2).
        RSA => match *digest {
            DIGEST_SHA256 => vec![algorithms::RSA_PKCS1_2048_8192_SHA256],
            DIGEST_SHA384 => vec![algorithms::RSA_PKCS1_2048_8192_SHA384],
            DIGEST_SHA512 => vec![algorithms::RSA_PKCS1_2048_8192_SHA512],
            _ => return None,
        },
        RSA_PSS => pss(algorithm.parameters.as_ref()?)?,
        ECDSA_SHA256 => vec![algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256],
        ECDSA_SHA384 => vec![algorithms::ECDSA_P256_SHA384, algorithms::ECDSA_P384_SHA384],
        ECDSA_SHA512 => vec![algorithms::ECDSA_P256_SHA512, algorithms::ECDSA_P384_SHA512],
        _ => return None,
    })
}

/// One digest for everything, and a salt as long as it.
fn pss(parameters: &Any) -> Option<Algorithms> {
    let PssParameters { hash, mask, salt_length, trailer } = parameters.decode_as().ok()?;
    let (hash, mask) = (hash?, mask?);
    let masked_with: AlgorithmIdentifierOwned = mask.parameters?.decode_as().ok()?;
    let (algorithms, length): (Algorithms, _) = match hash.oid {
        DIGEST_SHA256 => (vec![algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY], 32),
        DIGEST_SHA384 => (vec![algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY], 48),
        DIGEST_SHA512 => (vec![algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY], 64),
        _ => return None,
    };
    let is_usual = masked_with.oid == hash.oid && salt_length == Some(length) && trailer.unwrap_or(1) == 1;
    is_usual.then_some(algorithms)
}

fn is_of(certificate: &Certificate, signer: &Any) -> bool {
    let certificate = certificate.tbs_certificate();
    if signer.tag() == Tag::Sequence {
        let named = signer.decode_as::<IssuerAndSerialNumber>();
        return named.is_ok_and(|named| {
            named.issuer == *certificate.issuer() && named.serial_number == *certificate.serial_number()
        });
    }
    let key = certificate.get_extension::<SubjectKeyIdentifier>();
    key.is_ok_and(|key| key.is_some_and(|(_, key)| key.0.as_bytes() == signer.value()))
}

/// Whether the attribute that names the certificate names another (RFC 5035 section 5.4.1). Nothing if it cannot be read.
fn names_another(signed: &SetOfVec<Attribute>, certificate: &[u8]) -> Option<bool> {
    if !signed.iter().any(|attribute| attribute.oid == SIGNING_CERTIFICATE_V2) {
        return Some(false);
    }
    let named: SigningCertificates = value(signed, SIGNING_CERTIFICATE_V2)?.decode_as().ok()?;
    let SigningCertificate { algorithm, hash, .. } = named.certificates.first()?;
    let algorithm = algorithm.as_ref().map_or(Some(&SHA256), |algorithm| digest_algorithm(&algorithm.oid))?;
    Some(digest::digest(algorithm, certificate).as_ref() != hash.as_bytes())
}

fn instant(time: &Time) -> Option<Timestamp> {
    i64::try_from(time.to_unix_duration().as_secs()).ok().map(Timestamp::from_seconds)
}
