//! PDF files with seals, made byte by byte: their own CMS, their own ranges, and whatever can be wrong with them.

use der::{Decode as _, Encode as _};
use nutzerkonto::kernel::pdf_seal::TrustAnchors;
use nutzerkonto::kernel::secret::{hex, sha256};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SigningKey};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use time::macros::datetime;
use x509_cert::Certificate;

/// Digits for the signature.
pub const SPACE: usize = 4000;

/// Who issues the certificates of those who sign.
pub struct Authority {
    pub pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// Who signs.
pub struct Signer {
    key: KeyPair,
    certificate: Vec<u8>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    pub fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signer {
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, "Stadt Musterhausen");
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Signer { key, certificate }
    }

    /// One that is good for sealing, for the whole time of the tests.
    pub fn seal(&self, name: &str) -> Signer {
        self.issue(name, |_| {})
    }

    pub fn anchors(&self) -> TrustAnchors {
        let mut anchors = TrustAnchors::default();
        anchors.add(&self.der).unwrap();
        anchors
    }
}

/// A certificate that has run out on that day.
pub fn until_2020(params: &mut CertificateParams) {
    let day: OffsetDateTime = datetime!(2020-01-01 00:00 UTC);
    (params.not_before, params.not_after) = (day - time::Duration::days(365), day);
}

/// A certificate for a server on the web.
pub fn for_a_server(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
}

/// An element of DER: tag, length in its shortest form, contents.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let [high, low] = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let head = match (high, low) {
        (0, 0..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, contents].concat()
}

fn oid(text: &str) -> Vec<u8> {
    der::asn1::ObjectIdentifier::new_unwrap(text).to_der().unwrap()
}

fn algorithm(text: &str) -> Vec<u8> {
    tlv(0x30, &[&oid(text)])
}

const SHA256: &str = "2.16.840.1.101.3.4.2.1";

/// CMS over a digest, by this signer, who names this certificate.
pub fn cms(signer: &Signer, digest: &[u8; 32], named: &[u8]) -> Vec<u8> {
    let attribute = |name: &str, value: Vec<u8>| tlv(0x30, &[&oid(name), &tlv(0x31, &[&value])]);
    let named = tlv(0x30, &[&tlv(0x30, &[&tlv(0x30, &[&tlv(0x04, &[&sha256(named)])])])]);
    let mut attributes = [
        attribute("1.2.840.113549.1.9.3", oid("1.2.840.113549.1.7.1")),
        attribute("1.2.840.113549.1.9.4", tlv(0x04, &[digest])),
        attribute("1.2.840.113549.1.9.5", tlv(0x17, &[b"261123080000Z"])),
        attribute("1.2.840.113549.1.9.16.2.47", named),
    ];
    attributes.sort();
    let attributes = attributes.concat();
    let signature = signer.key.sign(&tlv(0x31, &[&attributes])).unwrap();
    let read = Certificate::from_der(&signer.certificate).unwrap();
    let read = read.tbs_certificate();
    let signer_id = tlv(0x30, &[&read.issuer().to_der().unwrap(), &read.serial_number().to_der().unwrap()]);
    let info = tlv(
        0x30,
        &[
            &[2, 1, 1],
            &signer_id,
            &algorithm(SHA256),
            &tlv(0xA0, &[&attributes]),
            &algorithm("1.2.840.10045.4.3.2"),
            &tlv(0x04, &[&signature]),
        ],
    );
    let encapsulated = algorithm("1.2.840.113549.1.7.1");
    let digests = tlv(0x31, &[&algorithm(SHA256)]);
    let certificates = tlv(0xA0, &[&signer.certificate]);
    let data = tlv(0x30, &[&[2, 1, 1], &digests, &encapsulated, &certificates, &tlv(0x31, &[&info])]);
    tlv(0x30, &[&oid("1.2.840.113549.1.7.2"), &tlv(0xA0, &[&data])])
}

pub const UNSEALED: &[u8] =
    b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n4 0 obj\n<< /Length 24 >>\nstream\n\
      BT (Bescheid /ByteRange [\nendstream\nendobj\n3 0 obj\n<< /T (/Type /Sig \\) \\( ) /Contents (Hinweis) >>\nendobj\n\
      trailer << /Root 1 0 R >>\nstartxref\n0\n%%EOF\n";

/// What is to be done otherwise than right.
pub struct Way<'a> {
    pub sub_filter: &'a str,
    /// Changes the bytes before they are signed.
    pub dictionary: fn(String) -> String,
    /// The certificate that the attributes name, if it is another.
    pub named: Option<&'a Signer>,
    /// What stands in the gap before and behind the signature.
    pub around: [&'a str; 2],
}

impl Default for Way<'_> {
    fn default() -> Self {
        Self { sub_filter: "ETSI.CAdES.detached", dictionary: |text| text, named: None, around: [""; 2] }
    }
}

/// The file with one more seal at its end.
pub fn sealed_in(file: &[u8], signer: &Signer, way: &Way<'_>) -> Vec<u8> {
    let text = format!(
        "5 0 obj\n<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /{} /ByteRange [0 @@@@@@@@A @@@@@@@@B @@@@@@@@C] \
         /M (D:20261123090000+01'00') /Contents <> /Name (Siegel) >>\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n0\n%%EOF\n",
        way.sub_filter
    );
    let text = (way.dictionary)(text);
    let (before, after) = text.split_once("<>").unwrap();
    let gap = file.len() + before.len();
    let places =
        [("@@@@@@@@A", gap), ("@@@@@@@@B", gap + way.around.concat().len() + SPACE + 2), ("@@@@@@@@C", after.len())];
    let before = places.iter().fold(before.to_owned(), |text, (mark, at)| text.replace(mark, &format!("{at:09}")));
    let digest = sha256(&[file, before.as_bytes(), after.as_bytes()].concat());
    let named = &way.named.unwrap_or(signer).certificate;
    let digits = hex(&cms(signer, &digest, named));
    let padding = "0".repeat(SPACE - digits.len());
    let [first, last] = way.around;
    let signature = format!("{first}<{digits}{padding}>{last}");
    [file, before.as_bytes(), signature.as_bytes(), after.as_bytes()].concat()
}

pub fn sealed(file: &[u8], signer: &Signer) -> Vec<u8> {
    sealed_in(file, signer, &Way::default())
}

/// Where the signature of a file with one seal begins and ends.
pub fn gap(file: &[u8]) -> std::ops::Range<usize> {
    let start = file.windows(11).rposition(|part| part == b"/Contents <").unwrap() + 10;
    start..start + SPACE + 2
}
