//! What an API has for organisations' own programs: the scopes that their keys may be given, and which public keys count.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, ThumbprintHash};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use x509_cert::der::asn1::{ObjectIdentifier, Uint};
use x509_cert::der::{Decode as _, oid::db::rfc5912};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{Bilingual, Client, jwks, key_algorithm};

/// A scope, and what it lets a program do, as people read it who give a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationScope {
    pub name: String,
    pub label: Bilingual,
}

impl Client {
    /// What is left of the scopes of a key, in the order of the declaration: what has been taken back since is gone.
    pub fn organisation_scopes_of<'a>(&'a self, text: &str) -> Vec<&'a OrganisationScope> {
        self.organisation_scopes.iter().filter(|scope| text.split(' ').any(|name| name == scope.name)).collect()
    }
}

/// A public key as somebody has pasted it, judged as those that clients declare.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKey {
    /// With a `kid`: its own, or its thumbprint.
    pub jwk: Jwk,
    /// RFC 7638, SHA-256.
    pub thumbprint: String,
    pub algorithm: jsonwebtoken::Algorithm,
}

/// Room for an RSA key of 8192 bits in either form.
const TEXT_MAX: usize = 4000;
const KID_MAX: usize = 200;
/// Of an RSA modulus; shorter ones verify nothing here.
const RSA_BYTES_MIN: usize = 256;
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

impl PublicKey {
    /// Reads a JWK, a set of one, or PEM (RFC 7468 section 13). The refusal is a problem of a form; a private key has one of its
    /// own, because it must not be used any more by whoever has shown it.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.len() > TEXT_MAX {
            return Err("key_format");
        }
        if text.contains("PRIVATE KEY") {
            return Err("key_private");
        }
        let mut key: Value = if text.starts_with('{') {
            serde_json::from_str(text).map_err(|_| "key_format")?
        } else {
            of_pem(text).ok_or("key_format")?
        };
        if jwks::has_private_key(&key) {
            return Err("key_private");
        }
        if let Some(keys) = key.get_mut("keys") {
            key = keys.take();
        } else {
            key = json!([key]);
        }
        let set: JwkSet = jwks::read(json!({ "keys": key }).to_string().as_bytes()).map_err(|_| "key_format")?;
        let [mut jwk] = <[Jwk; 1]>::try_from(set.keys).map_err(|_| "key_format")?;
        let algorithm = key_algorithm(&jwk).ok_or("key_format")?;
        let is_long = match &jwk.algorithm {
            AlgorithmParameters::RSA(key) => URL_SAFE_NO_PAD.decode(&key.n).is_ok_and(|n| n.len() >= RSA_BYTES_MIN),
            _ => true,
        };
        if !is_long {
            return Err("key_short");
        }
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| "key_format")?;
        let kid = jwk.common.key_id.get_or_insert_with(|| thumbprint.clone());
        if kid.is_empty() || kid.len() > KID_MAX {
            return Err("key_format");
        }
        Ok(Self { jwk, thumbprint, algorithm })
    }
}

/// A SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) as a JWK.
fn of_pem(text: &str) -> Option<Value> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).ok()?;
    let info = SubjectPublicKeyInfoRef::from_der(&der).ok()?;
    let key = info.subject_public_key.as_bytes()?;
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match info.algorithm.oid {
        rfc5912::ID_EC_PUBLIC_KEY => {
            let curve = info.algorithm.parameters_oid().ok()?;
            let is_point = curve == rfc5912::SECP_256_R_1 && key.len() == 65 && key[0] == 4;
            is_point.then(|| json!({ "kty": "EC", "crv": "P-256", "x": encode(&key[1..33]), "y": encode(&key[33..]) }))
        }
        // RFC 8017 appendix A.1.1: modulus and exponent.
        rfc5912::RSA_ENCRYPTION => {
            let [n, e] = <[Uint; 2]>::try_from(Vec::<Uint>::from_der(key).ok()?).ok()?;
            Some(json!({ "kty": "RSA", "n": encode(n.as_bytes()), "e": encode(e.as_bytes()) }))
        }
        ED25519 => Some(json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(key) })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
    const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
    /// RFC 8037 appendix A: the key, and its thumbprint (A.3).
    const ED: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const ED_THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

    fn ec(change: impl FnOnce(&mut Value)) -> Value {
        let mut key = json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y });
        change(&mut key);
        key
    }

    #[test]
    fn only_an_api_for_organisations_has_scopes_for_them() {
        let file = include_str!("../demo/clients.toml").replace("{service}", "https://parken.example");
        let file = file.replace("{register}", "https://register.example").replace("{hash}", &"ab".repeat(32));
        let parse = |from: &str, to: &str| {
            assert!(file.contains(from), "{from}");
            crate::client::ClientFile::parse(&file.replacen(from, to, 1), false).err().unwrap_or_default()
        };
        assert_eq!(parse("ausweise.lesen", "ausweise.sehen"), "");
        for (from, to) in [
            ("resource_server = \"https://parken.example/\"\n", ""),
            (
                "serves = [\"persons\", \"organisations\"]\nmandates = true\nscopes = [\"openid\", \"profile\", \"email\", \"organisation\"",
                "scopes = [\"openid\", \"profile\", \"email\"",
            ),
            ("ausweise.lesen", "ausweise.beantragen"),
            ("ausweise.lesen", "openid"),
            ("ausweise.lesen", "ausweise lesen"),
            ("Read the permits of the organisation", ""),
        ] {
            assert!(parse(from, to).contains("organisation_scopes"), "{to}: {}", parse(from, to));
        }
    }

    #[test]
    fn a_key_is_read_from_either_form() {
        use jsonwebtoken::Algorithm::{ES256, EdDSA, PS256, RS256};
        let read = |text: &str| PublicKey::read(text).unwrap();
        let own = read(&ec(|key| key["kid"] = json!("eins")).to_string());
        assert_eq!((own.jwk.common.key_id.as_deref(), own.algorithm), (Some("eins"), ES256));
        let ed = read(&json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": ED }] }).to_string());
        assert_eq!((ed.jwk.common.key_id.as_deref(), ed.algorithm), (Some(ED_THUMBPRINT), EdDSA));
        assert_eq!(ed.thumbprint, ED_THUMBPRINT);
        // RFC 8410 section 10.1; its key as a JWK.
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";
        let x = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE";
        let same = json!({ "kty": "OKP", "crv": "Ed25519", "x": x }).to_string();
        assert_eq!(read(&format!("\n{pem}\n")).thumbprint, read(&same).thumbprint);
        let rsa = |alg: Value, bytes: usize| {
            json!({ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(vec![0xC1; bytes]), "alg": alg }).to_string()
        };
        assert_eq!(read(&rsa(json!("RS256"), 256)).algorithm, RS256);
        assert_eq!(read(&rsa(Value::Null, 512)).algorithm, PS256);
        assert_eq!(PublicKey::read(&rsa(json!("PS256"), 255)), Err("key_short"));
    }

    #[test]
    fn sec_h03_what_is_no_public_key_is_refused() {
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----";
        for text in [private, &private.replace("PRIVATE", "EC PRIVATE"), &ec(|key| key["d"] = json!(X)).to_string()] {
            assert_eq!(PublicKey::read(text), Err("key_private"), "{text}");
        }
        let two = json!({ "keys": [ec(|key| key["kid"] = json!("a")), json!({ "kty": "OKP", "crv": "Ed25519", "kid": "b", "x": ED })] });
        for text in [
            String::new(),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5".to_owned(),
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----".to_owned(),
            "{}".to_owned(),
            two.to_string(),
            ec(|key| key["use"] = json!("enc")).to_string(),
            ec(|key| key["alg"] = json!("ES384")).to_string(),
            ec(|key| key["crv"] = json!("P-384")).to_string(),
            ec(|key| key["kid"] = json!("")).to_string(),
            ec(|key| key["kid"] = json!("a".repeat(201))).to_string(),
            format!("{}{}", ec(|_| {}), " ".repeat(4001)) + "x",
        ] {
            assert_eq!(PublicKey::read(&text), Err("key_format"), "{text}");
        }
    }
}
