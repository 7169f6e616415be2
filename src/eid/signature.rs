//! Keys that sign XML, and those whose signatures we believe. RSA from 3000 bits with SHA-256, and ECDSA, as BSI TR-03116-4
//! section 4.3 wants them. A key is known from a file of ours, never from the message (attack row Y07).

use std::path::Path;

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PKCS1_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const RSA_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384";
const RSA_SHA512: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512";
const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
const ECDSA_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";

pub const DIGEST_SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const DIGEST_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
const DIGEST_SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";

/// Object identifiers of public keys (RFC 3279 section 2.3, RFC 5480 section 2.1.1).
const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";

const RSA_BITS_MIN: usize = 3000;
/// Of the certificates in the file of those whose signatures are believed: the present one and its successor.
const PINNED_MAX: usize = 4;

/// The digest of some bytes; nothing for an algorithm that is not good enough.
pub fn digest(algorithm: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match algorithm {
        DIGEST_SHA256 => &SHA256,
        DIGEST_SHA384 => &SHA384,
        DIGEST_SHA512 => &SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, bytes).as_ref().to_vec())
}

/// A public key out of a certificate: the bytes that the library wants, and whether they are RSA.
#[derive(PartialEq, Eq)]
struct PublicKey {
    bytes: Vec<u8>,
    is_rsa: bool,
}

impl PublicKey {
    fn of(certificate: &Certificate) -> Result<Self, String> {
        let key = certificate.tbs_certificate().subject_public_key_info();
        let bytes = key.subject_public_key.as_bytes().ok_or("a public key of odd length")?.to_vec();
        match key.algorithm.oid.to_string().as_str() {
            RSA => {
                // RSAPublicKey (RFC 8017 appendix A.1.1): the modulus, and 14 bytes around it with the usual exponent 65537.
                if bytes.len().saturating_sub(14) * 8 < RSA_BITS_MIN {
                    return Err(format!("an RSA key of less than {RSA_BITS_MIN} bits"));
                }
                Ok(Self { bytes, is_rsa: true })
            }
            EC => Ok(Self { bytes, is_rsa: false }),
            _ => Err("a key that is neither RSA nor of an elliptic curve".to_owned()),
        }
    }

    /// The algorithm must be one for this kind of key; the library refuses points of another curve.
    fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        let verification: &'static dyn VerificationAlgorithm = match (self.is_rsa, algorithm) {
            (true, RSA_SHA256) => &RSA_PKCS1_2048_8192_SHA256,
            (true, RSA_SHA384) => &RSA_PKCS1_2048_8192_SHA384,
            (true, RSA_SHA512) => &RSA_PKCS1_2048_8192_SHA512,
            (false, ECDSA_SHA256) => &ECDSA_P256_SHA256_FIXED,
            (false, ECDSA_SHA384) => &ECDSA_P384_SHA384_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(verification, &self.bytes).verify(message, signature).is_ok()
    }
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let explain = |error: rustls::pki_types::pem::Error| format!("{}: {error}", file.display());
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(explain)?.collect();
    read.map_err(explain)
}

/// Whose signatures are believed: the pinned certificates of the other side.
pub struct Pinned {
    keys: Vec<PublicKey>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Pinned {
    /// One certificate, or several while one takes the other's place.
    pub fn read(file: &Path) -> Result<Self, String> {
        let certificates = read_certificates(file)?;
        if certificates.is_empty() || certificates.len() > PINNED_MAX {
            return Err(format!("{}: one to {PINNED_MAX} certificates", file.display()));
        }
        let explain = |error: String| format!("{}: {error}", file.display());
        let key =
            |der: &CertificateDer<'_>| PublicKey::of(&Certificate::from_der(der).map_err(|error| error.to_string())?);
        let keys = certificates.iter().map(key).collect::<Result<_, _>>().map_err(explain)?;
        Ok(Self { keys, certificates })
    }

    /// Whether one of them is this very certificate.
    pub fn contains(&self, pem: &str) -> bool {
        CertificateDer::from_pem_slice(pem.as_bytes()).is_ok_and(|known| self.certificates.contains(&known))
    }

    pub fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        self.keys.iter().any(|key| key.verify(algorithm, message, signature))
    }
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// Our key, and how the other side finds the certificate of it: by issuer and serial number (BSI TR-03130-1 section 3.5.2).
pub struct Signer {
    pair: Pair,
    pub algorithm: &'static str,
    /// The distinguished name of the issuer (RFC 4514).
    pub issuer: String,
    /// In decimal digits.
    pub serial_number: String,
}

impl Signer {
    /// Reads certificate and PKCS#8 key, and refuses those that do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        let first = read_certificates(certificate)?.into_iter().next();
        let first = first.ok_or_else(|| format!("{}: no certificate", certificate.display()))?;
        let read = Certificate::from_der(&first).map_err(|error| format!("{}: {error}", certificate.display()))?;
        let der = PrivatePkcs8KeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
        let (pair, algorithm) =
            Self::pair(der.secret_pkcs8_der()).map_err(|error| format!("{}: {error}", key.display()))?;
        let bytes = match &pair {
            Pair::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        };
        let public = PublicKey::of(&read).map_err(|error| format!("{}: {error}", certificate.display()))?;
        if public.bytes != bytes {
            return Err(format!("{} does not belong to {}", key.display(), certificate.display()));
        }
        let read = read.tbs_certificate();
        let (issuer, serial_number) = (read.issuer().to_string(), decimal(read.serial_number().as_bytes()));
        Ok(Self { pair, algorithm, issuer, serial_number })
    }

    fn pair(der: &[u8]) -> Result<(Pair, &'static str), &'static str> {
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Ok((Pair::Ecdsa(pair), ECDSA_SHA256));
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der) {
            return Ok((Pair::Ecdsa(pair), ECDSA_SHA384));
        }
        let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| "neither a P-256, a P-384 nor an RSA key in PKCS#8")?;
        Ok((Pair::Rsa(Box::new(pair)), RSA_SHA256))
    }

    /// The signature as XML has it: for ECDSA both numbers one after the other.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, &'static str> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => {
                pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| "ECDSA failed")
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| "RSA failed")?;
                Ok(signature)
            }
        }
    }
}

/// A number of big-endian bytes in decimal digits.
fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0_u8];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            let value = u32::from(*digit) * 256 + carry;
            *digit = u8::try_from(value % 10).unwrap_or_default();
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 10).unwrap_or_default());
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_decimal() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[0, 0xFF]), "255");
        assert_eq!(decimal(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), "18446744073709551616");
    }

    #[test]
    fn sec_y07_weak_digests_are_none() {
        assert!(digest(DIGEST_SHA256, b"x").is_some());
        for weak in ["http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmldsig-more#md5", ""] {
            assert!(digest(weak, b"x").is_none());
        }
    }
}
