//! A maker of authenticators, who vouches for them with certificates (packed attestation, Web Authentication Level 3 section 8.2).

use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, DnValue, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// The model that [`Maker::voucher`] is for.
pub const MODEL: [u8; 16] = *b"\x08\x98\x70\x58\xca\xdc\x4b\x81\xb6\xe1\x30\xde\x50\xdc\xbe\x96";
pub const MODEL_TEXT: &str = "08987058-cadc-4b81-b6e1-30de50dcbe96";

pub struct Maker {
    issuer: Issuer<'static, KeyPair>,
    root: String,
}

/// What a device of a maker signs new keys with.
#[derive(Clone)]
pub struct Voucher {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

fn named(organisation: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap()));
    params.distinguished_name.push(DnType::OrganizationName, organisation);
    params.distinguished_name.push(DnType::OrganizationalUnitName, "Authenticator Attestation");
    params.distinguished_name.push(DnType::CommonName, organisation);
    params.is_ca = IsCa::ExplicitNoCa;
    params
}

impl Maker {
    pub fn new(organisation: &str) -> Self {
        let mut params = named(organisation);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// The root certificate as a file that the settings may name.
    pub fn root_in(&self, directory: &Path) -> PathBuf {
        let file = directory.join("root.pem");
        std::fs::write(&file, &self.root).unwrap();
        file
    }

    /// For devices of [`MODEL`].
    pub fn voucher(&self, change: impl FnOnce(&mut CertificateParams)) -> Voucher {
        let (mut params, key) = (named("Gerätebau"), KeyPair::generate().unwrap());
        let model = [&[0x04, 0x10][..], &MODEL].concat();
        params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4], model));
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Voucher { certificate, key: key.serialize_der() }
    }
}

/// A byte string or text of CBOR with a length of two bytes (RFC 8949 section 3).
fn counted(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[kind << 5 | 25][..], &length, bytes].concat()
}

impl Voucher {
    /// `{ "fmt": "packed", "attStmt": { "alg": -7, "sig": ..., "x5c": [...] }, "authData": ... }`.
    pub fn attestation(&self, authenticator_data: &[u8], client_data_hash: &[u8]) -> Vec<u8> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.key).unwrap();
        let signature = pair.sign(&SystemRandom::new(), &[authenticator_data, client_data_hash].concat()).unwrap();
        let head = b"\xA3\x63fmt\x66packed\x67attStmt\xA3\x63alg\x26\x63sig";
        let (signature, chain) = (counted(2, signature.as_ref()), counted(2, &self.certificate));
        [&head[..], &signature, b"\x63x5c\x81", &chain, b"\x68authData", &counted(2, authenticator_data)].concat()
    }
}
