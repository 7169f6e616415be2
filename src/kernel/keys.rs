//! Signing keys, cached as key pairs; the JWK set we publish; verification of what we signed ourselves. A token of one
//! purpose never verifies as another.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::Error;
use super::jws::Compact;
use super::key_times::{REQUIRED, State};
use super::secret::{Secret, sha256};

/// RSA below this is refused (SOG-IS agreed mechanisms, since 2026).
const RSA_MINIMUM_BITS: usize = 3000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "TEXT")]
pub enum Algorithm {
    ES256,
    /// RSASSA-PSS, with the key of RS256.
    PS256,
    /// Ed25519 (RFC 8037 section 3.1).
    EdDSA,
    /// PKCS#1 v1.5: only for clients that cannot do better.
    RS256,
}

impl Algorithm {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::PS256 => "PS256",
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
        }
    }

    const fn for_verification(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

/// What a key may sign. Each has keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "kebab-case")]
#[sqlx(type_name = "TEXT", rename_all = "kebab-case")]
pub enum Purpose {
    IdToken,
    AccessToken,
    /// The ends of the audit chain. Not for relying parties, and not among the keys that we publish.
    Audit,
    /// What proves that a notice was provided. Published by themselves, and for ever.
    Receipt,
}

impl Purpose {
    pub const ALL: [Self; 4] = [Self::IdToken, Self::AccessToken, Self::Audit, Self::Receipt];

    /// Whether what it has signed is to be believed for ever, and not for the minutes that a token lasts.
    pub const fn proves_the_past(self) -> bool {
        matches!(self, Self::Audit | Self::Receipt)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::IdToken => "id-token",
            Self::AccessToken => "access-token",
            Self::Audit => "audit",
            Self::Receipt => "receipt",
        }
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|purpose| purpose.name() == text);
        found.ok_or_else(|| format!("one of {}", Self::ALL.map(Self::name).join(", ")))
    }

    /// The `typ` header: `at+jwt` is RFC 9068 section 2.1.
    const fn token_type(self) -> &'static str {
        match self {
            Self::IdToken => "JWT",
            Self::AccessToken => "at+jwt",
            Self::Audit => "audit-head+jwt",
            Self::Receipt => "postbox-receipt+jwt",
        }
    }
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Box<Ed25519KeyPair>),
    Rsa(Box<RsaKeyPair>),
}

pub struct SigningKey {
    pub key_id: String,
    pub algorithm: Algorithm,
    pub purpose: Purpose,
    pair: Pair,
    public: serde_json::Value,
    verifier: DecodingKey,
}

impl SigningKey {
    /// A new private key as PKCS#8; RSA keys have 3072 bits. RSA takes a second of computing: not for a request.
    pub fn generate(algorithm: Algorithm) -> Result<Secret<Vec<u8>>, String> {
        // Like signatures, keys take their chance from the library: no test can need to foresee one.
        match algorithm {
            Algorithm::ES256 => {
                let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
                document.map(|document| Secret::new(document.as_ref().to_vec()))
            }
            Algorithm::EdDSA => {
                let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
                document.map(|document| Secret::new(document.as_ref().to_vec()))
            }
            Algorithm::PS256 | Algorithm::RS256 => RsaKeyPair::generate(KeySize::Rsa3072)
                .and_then(|pair| pair.as_der().map(|der: Pkcs8V1Der<'_>| Secret::new(der.as_ref().to_vec()))),
        }
        .map_err(|_| format!("no {} key could be made", algorithm.name()))
    }

    /// The PKCS#8 of a PEM.
    pub fn read_pem(pem: &str) -> Result<Secret<Vec<u8>>, String> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_| "not a PKCS#8 PEM private key".to_owned())?;
        Ok(Secret::new(der.secret_pkcs8_der().to_vec()))
    }

    /// Reads PKCS#8: a P-256 key signs ES256, an Ed25519 key EdDSA, an RSA key RS256. The key id is the RFC 7638 thumbprint.
    pub fn from_pkcs8(purpose: Purpose, der: &[u8]) -> Result<Self, String> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            let point = pair.public_key().as_ref();
            let public = json!({ "crv": "P-256", "kty": "EC", "x": text(&point[1..33]), "y": text(&point[33..]) });
            return Self::assemble(purpose, Algorithm::ES256, Pair::Ec(pair), public);
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            let public = json!({ "crv": "Ed25519", "kty": "OKP", "x": text(pair.public_key().as_ref()) });
            return Self::assemble(purpose, Algorithm::EdDSA, Pair::Ed(Box::new(pair)), public);
        }
        let pair =
            RsaKeyPair::from_pkcs8(der).map_err(|_| "neither a P-256, nor an Ed25519, nor an RSA key".to_owned())?;
        if pair.public_modulus_len() * 8 < RSA_MINIMUM_BITS {
            return Err(format!("RSA keys need at least {RSA_MINIMUM_BITS} bits"));
        }
        let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
        let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
        let public = json!({ "e": text(e), "kty": "RSA", "n": text(n) });
        Self::assemble(purpose, Algorithm::RS256, Pair::Rsa(Box::new(pair)), public)
    }

    fn assemble(
        purpose: Purpose,
        algorithm: Algorithm,
        pair: Pair,
        mut public: serde_json::Value,
    ) -> Result<Self, String> {
        // serde_json keeps object members sorted, which is the canonical form RFC 7638 section 3.3 asks for.
        let key_id = URL_SAFE_NO_PAD.encode(sha256(public.to_string().as_bytes()));
        public["kid"] = json!(key_id);
        // An RSA key signs both ways, so the set does not bind it to one.
        if algorithm != Algorithm::RS256 {
            public["alg"] = json!(algorithm.name());
        }
        public["use"] = json!("sig");
        let jwk = serde_json::from_value(public.clone()).map_err(|error| error.to_string())?;
        let verifier = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
        Ok(Self { key_id, algorithm, purpose, pair, public, verifier })
    }

    fn can_sign(&self, algorithm: Algorithm) -> bool {
        self.algorithm == algorithm || (self.algorithm == Algorithm::RS256 && algorithm == Algorithm::PS256)
    }

    /// A token in compact form, signed by this key.
    pub fn token(&self, token_type: &str, algorithm: Algorithm, claims: &impl Serialize) -> Result<String, Error> {
        // Nothing in it needs an escape.
        let header = format!(r#"{{"alg":"{}","kid":"{}","typ":"{token_type}"}}"#, algorithm.name(), self.key_id);
        let claims = serde_json::to_vec(claims).map_err(Error::broken)?;
        let mut token = String::with_capacity(2 * (header.len() + claims.len()));
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.sign(algorithm, token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ec(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| Error::broken("ES256 signing failed"))?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &dyn RsaEncoding =
                    if algorithm == Algorithm::PS256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(padding, &random, message, &mut signature)
                    .map_err(|_| Error::broken("RSA signing failed"))?;
                Ok(signature)
            }
        }
    }
}

/// The keys that count at one moment.
pub struct KeySet {
    /// Those that verify; for each purpose and algorithm one of them signs.
    keys: Vec<(Arc<SigningKey>, State)>,
    /// Ids of those that do not verify any more.
    former: Vec<String>,
    jwk_set: String,
}

impl KeySet {
    /// From the keys that verify, with what each does now.
    pub fn new(keys: Vec<(Arc<SigningKey>, State)>, former: Vec<String>) -> Result<Self, String> {
        for (purpose, algorithm) in REQUIRED {
            if find_signing(&keys, purpose, algorithm).is_none() {
                return Err(format!("no {} key signs for {}", algorithm.name(), purpose.name()));
            }
        }
        let public = keys.iter().filter(|(key, _)| !key.purpose.proves_the_past());
        let public: Vec<_> = public.map(|(key, _)| &key.public).collect();
        let jwk_set = json!({ "keys": public }).to_string();
        Ok(Self { keys, former, jwk_set })
    }

    /// The keys of one purpose that verify, as a set of their own.
    pub fn jwk_set_of(&self, purpose: Purpose) -> serde_json::Value {
        let keys: Vec<_> =
            self.keys.iter().filter(|(key, _)| key.purpose == purpose).map(|(key, _)| &key.public).collect();
        json!({ "keys": keys })
    }

    /// The JSON Web Key Set (RFC 7517 section 5): public members only.
    pub fn jwk_set(&self) -> &str {
        &self.jwk_set
    }

    /// A signed token in compact form.
    pub fn sign(&self, purpose: Purpose, algorithm: Algorithm, claims: &impl Serialize) -> Result<String, Error> {
        self.sign_as(purpose.token_type(), purpose, algorithm, claims)
    }

    /// As [`sign`](Self::sign), with a `typ` of its own, so that it never verifies as what the key is for.
    pub fn sign_as(
        &self,
        token_type: &str,
        purpose: Purpose,
        algorithm: Algorithm,
        claims: &impl Serialize,
    ) -> Result<String, Error> {
        let key = find_signing(&self.keys, purpose, algorithm);
        key.ok_or_else(|| Error::broken("no key for this purpose and algorithm"))?.token(token_type, algorithm, claims)
    }

    /// The claims of a token that we signed for this purpose; `None` for anything else. Times are the
    /// caller's to judge.
    pub fn verify<C: DeserializeOwned>(&self, purpose: Purpose, token: &str) -> Option<C> {
        let token = Compact::parse(token)?;
        let key_id = token.header.kid.as_deref()?;
        let (key, _) = self.keys.iter().find(|(key, _)| key.purpose == purpose && key.key_id == key_id)?;
        if token.header.typ.as_deref() != Some(purpose.token_type()) {
            return None;
        }
        let is_pss = token.header.alg == jsonwebtoken::Algorithm::PS256 && key.can_sign(Algorithm::PS256);
        let algorithm = if is_pss { Algorithm::PS256 } else { key.algorithm };
        if token.is_signed(&key.verifier, algorithm.for_verification()) { token.claims() } else { None }
    }

    /// Whether a token names a key that was ours: it may have been good once, and counts as absent.
    pub fn names_former_key(&self, token: &str) -> bool {
        let key_id = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        key_id.is_some_and(|key_id| self.former.contains(&key_id))
    }
}

fn find_signing(keys: &[(Arc<SigningKey>, State)], purpose: Purpose, algorithm: Algorithm) -> Option<&Arc<SigningKey>> {
    let signs = |(key, state): &&(Arc<SigningKey>, State)| {
        *state == State::Signs && key.purpose == purpose && key.can_sign(algorithm)
    };
    keys.iter().find(signs).map(|(key, _)| key)
}

/// Checks one signature with one key and one algorithm; judges no claim.
pub fn verify_signature<C: DeserializeOwned>(
    token: &str,
    key: &DecodingKey,
    algorithm: jsonwebtoken::Algorithm,
) -> Option<C> {
    let token = Compact::parse(token)?;
    if token.is_signed(key, algorithm) { token.claims() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> KeySet {
        let key = |(purpose, algorithm)| {
            // The only slow one.
            let der = match algorithm {
                Algorithm::PS256 | Algorithm::RS256 => {
                    SigningKey::read_pem(include_str!("../../keys-dev/id-token-rs256.pem"))
                }
                Algorithm::ES256 | Algorithm::EdDSA => SigningKey::generate(algorithm),
            };
            (Arc::new(SigningKey::from_pkcs8(purpose, der.unwrap().expose()).unwrap()), State::Signs)
        };
        KeySet::new(REQUIRED.map(key).into(), Vec::new()).unwrap()
    }

    #[test]
    fn signs_and_verifies_by_purpose_only() {
        let keys = keys();
        let claims = json!({ "sub": "somebody" });
        for algorithm in [Algorithm::ES256, Algorithm::PS256, Algorithm::EdDSA, Algorithm::RS256] {
            let token = keys.sign(Purpose::IdToken, algorithm, &claims).unwrap();
            assert_eq!(keys.verify::<serde_json::Value>(Purpose::IdToken, &token), Some(claims.clone()));
            assert_eq!(keys.verify::<serde_json::Value>(Purpose::AccessToken, &token), None);
            let broken = format!("{}A", &token[..token.len() - 1]);
            assert!(token.ends_with('A') || keys.verify::<serde_json::Value>(Purpose::IdToken, &broken).is_none());
        }
    }

    #[test]
    fn sec_h03_the_published_set_holds_no_private_member() {
        let set: serde_json::Value = serde_json::from_str(keys().jwk_set()).unwrap();
        for key in set["keys"].as_array().unwrap() {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(key.get(private).is_none());
            }
            assert!(key["kid"].as_str().unwrap().len() == 43);
        }
    }

    #[test]
    fn a_made_key_is_what_was_asked_for() {
        for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
            let der = SigningKey::generate(algorithm).unwrap();
            assert_eq!(SigningKey::from_pkcs8(Purpose::IdToken, der.expose()).unwrap().algorithm, algorithm);
        }
    }

    #[test]
    fn sec_g01_unsigned_and_foreign_tokens_do_not_verify() {
        let keys = keys();
        for token in ["", "..", "eyJhbGciOiJub25lIn0.e30.", "a.b.c", "eyJhbGciOiJIUzI1NiIsImtpZCI6IngifQ.e30.AAAA"] {
            assert_eq!(keys.verify::<serde_json::Value>(Purpose::IdToken, token), None, "{token}");
        }
    }
}
