//! Encrypting for one recipient (RFC 7516, compact form), so that only the service itself can read what it gets: ECDH-ES and
//! RSA-OAEP-256, with AES-GCM. The other algorithms of RFC 7518 are not there to be chosen.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::RsaPublicKeyComponents;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::Error;
use super::secret::sha256;

/// RSA below this is refused (SOG-IS agreed mechanisms, since 2026).
const RSA_MINIMUM_BYTES: usize = 3000 / 8;
const POINT_BYTES: usize = 32;

/// How the content is encrypted (RFC 7518 section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    A128GCM,
    #[default]
    A256GCM,
}

impl Content {
    pub const ALL: [Self; 2] = [Self::A128GCM, Self::A256GCM];

    pub const fn name(self) -> &'static str {
        match self {
            Self::A128GCM => "A128GCM",
            Self::A256GCM => "A256GCM",
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::A128GCM => &AES_128_GCM,
            Self::A256GCM => &AES_256_GCM,
        }
    }
}

/// How the key of the content reaches the recipient (RFC 7518 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyManagement {
    EcdhEs,
    RsaOaep256,
}

impl KeyManagement {
    pub const ALL: [Self; 2] = [Self::EcdhEs, Self::RsaOaep256];

    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdhEs => "ECDH-ES",
            Self::RsaOaep256 => "RSA-OAEP-256",
        }
    }

    /// What the type of a public key means; why it is not one to encrypt with.
    pub fn of(key: &Jwk) -> Result<Self, &'static str> {
        if key.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Encryption) {
            return Err("the key is not for encryption (use)");
        }
        match (&key.algorithm, key.common.key_algorithm) {
            (AlgorithmParameters::EllipticCurve(curve), None) if curve.curve == EllipticCurve::P256 => Ok(Self::EcdhEs),
            (AlgorithmParameters::RSA(rsa), None | Some(KeyAlgorithm::RSA_OAEP_256)) => match read(&rsa.n) {
                Ok(modulus) if modulus.len() >= RSA_MINIMUM_BYTES => Ok(Self::RsaOaep256),
                _ => Err("the RSA key needs at least 3000 bits"),
            },
            _ => Err("the key must be EC P-256 (ECDH-ES) or RSA (RSA-OAEP-256)"),
        }
    }
}

/// The key of the content, and what tells the recipient of it.
struct Agreed {
    content_key: Vec<u8>,
    encrypted_key: Vec<u8>,
    ephemeral: Option<Value>,
}

/// Encrypts a signed token (RFC 7519 section 11.2: signed first).
pub fn encrypt(key: &Jwk, content: Content, token: &str) -> Result<String, Error> {
    let management = KeyManagement::of(key).map_err(Error::broken)?;
    let agreed = match &key.algorithm {
        AlgorithmParameters::EllipticCurve(point) => agree(&point.x, &point.y, content)?,
        AlgorithmParameters::RSA(rsa) => wrap(&rsa.n, &rsa.e, content)?,
        _ => return Err(Error::broken("no key to encrypt with")),
    };
    let mut header = Map::new();
    header.insert("alg".to_owned(), json!(management.name()));
    header.insert("enc".to_owned(), json!(content.name()));
    header.insert("cty".to_owned(), json!("JWT"));
    header.extend(key.common.key_id.as_ref().map(|id| ("kid".to_owned(), json!(id))));
    header.extend(agreed.ephemeral.map(|key| ("epk".to_owned(), key)));
    let header = URL_SAFE_NO_PAD.encode(Value::Object(header).to_string());

    let failed = |_| Error::broken("encryption failed");
    let mut nonce = [0; NONCE_LEN];
    fill(&mut nonce).map_err(failed)?;
    let cipher = LessSafeKey::new(UnboundKey::new(content.algorithm(), &agreed.content_key).map_err(failed)?);
    let mut text = token.as_bytes().to_vec();
    let aad = Aad::from(header.as_bytes());
    let tag = cipher.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text).map_err(failed)?;
    let parts = [&agreed.encrypted_key[..], &nonce, &text, tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
    Ok(format!("{header}.{}", parts.join(".")))
}

fn read(part: &str) -> Result<Vec<u8>, Error> {
    URL_SAFE_NO_PAD.decode(part).map_err(Error::broken)
}

/// A key that both compute (RFC 7518 section 4.6): another one for every token.
fn agree(x: &str, y: &str, content: Content) -> Result<Agreed, Error> {
    let failed = || Error::broken("the client's key takes no part in ECDH");
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(|_| failed())?;
    let public = own.compute_public_key().map_err(|_| failed())?;
    let (own_x, own_y) =
        public.as_ref().get(1..).ok_or_else(failed)?.split_at_checked(POINT_BYTES).ok_or_else(failed)?;
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let ephemeral = json!({ "kty": "EC", "crv": "P-256", "x": text(own_x), "y": text(own_y) });
    let peer = UnparsedPublicKey::new(&ECDH_P256, [&[4][..], &read(x)?, &read(y)?].concat());
    let content_key = agree_ephemeral(own, peer, failed(), |secret| Ok(derive(secret, content, [&[]; 2])))?;
    Ok(Agreed { content_key, encrypted_key: Vec::new(), ephemeral: Some(ephemeral) })
}

/// Concat KDF (RFC 7518 section 4.6.2); one round of SHA-256 is enough for either length.
fn derive(secret: &[u8], content: Content, parties: [&[u8]; 2]) -> Vec<u8> {
    let length = content.algorithm().key_len();
    let mut input = [&1_u32.to_be_bytes()[..], secret].concat();
    for part in [content.name().as_bytes(), parties[0], parties[1]] {
        input.extend((part.len() as u32).to_be_bytes());
        input.extend(part);
    }
    input.extend((8 * length as u32).to_be_bytes());
    sha256(&input)[..length].to_vec()
}

fn wrap(n: &str, e: &str, content: Content) -> Result<Agreed, Error> {
    let failed = |_| Error::broken("the client's RSA key encrypts nothing");
    let key: PublicEncryptingKey = RsaPublicKeyComponents { n: read(n)?, e: read(e)? }.try_into().map_err(failed)?;
    let key = OaepPublicEncryptingKey::new(key).map_err(failed)?;
    let mut content_key = vec![0; content.algorithm().key_len()];
    fill(&mut content_key).map_err(failed)?;
    let mut encrypted_key = vec![0; key.ciphertext_size()];
    key.encrypt(&OAEP_SHA256_MGF1SHA256, &content_key, &mut encrypted_key, None).map_err(failed)?;
    Ok(Agreed { content_key, encrypted_key, ephemeral: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7518 appendix C.
    #[test]
    fn the_key_is_derived_as_the_standard_shows() {
        let secret = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128,
            106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let key = derive(&secret, Content::A128GCM, [b"Alice", b"Bob"]);
        assert_eq!(URL_SAFE_NO_PAD.encode(key), "VqqN6vgjbSBcIijNcacQGg");
    }
}
