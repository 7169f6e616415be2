//! The public keys of clients: the same rules whether they stand in the file or are fetched.

use std::collections::BTreeSet;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use serde_json::Value;

/// Members that only private or symmetric keys have (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1; RFC 8037 section 2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Longest text of one member; an RSA modulus of 8192 bits has 1366 characters.
const MEMBER_MAX: usize = 1400;

/// What a client's key set must be like.
pub fn check(jwks: &JwkSet) -> Result<(), &'static str> {
    if jwks.keys.is_empty() || jwks.keys.len() > 10 {
        return Err("jwks: between one and ten keys");
    }
    let mut ids = BTreeSet::new();
    // One alone is the one that is meant (OpenID Connect Core 1.0 section 10.1).
    let is_alone = jwks.keys.len() == 1;
    for key in &jwks.keys {
        if !key.common.key_id.as_ref().map_or(is_alone, |id| ids.insert(id)) {
            return Err("jwks: every key needs a kid of its own, unless there is only one key");
        }
        if key_algorithm(key).is_none() {
            return Err(
                "jwks: keys must be EC P-256 (ES256), RSA (PS256, RS256) or Ed25519 (EdDSA) public keys, for signatures",
            );
        }
    }
    Ok(())
}

/// The one algorithm a client's key may sign with: its own `alg`, or what its type means by default.
/// One that is for encryption signs nothing (RFC 7517 section 4.2).
pub fn key_algorithm(key: &Jwk) -> Option<jsonwebtoken::Algorithm> {
    if key.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    match (&key.algorithm, key.common.key_algorithm) {
        (AlgorithmParameters::EllipticCurve(curve), None | Some(KeyAlgorithm::ES256)) => {
            (curve.curve == EllipticCurve::P256).then_some(jsonwebtoken::Algorithm::ES256)
        }
        (AlgorithmParameters::OctetKeyPair(pair), None | Some(KeyAlgorithm::EdDSA)) => {
            (pair.curve == EllipticCurve::Ed25519).then_some(jsonwebtoken::Algorithm::EdDSA)
        }
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::PS256)) => Some(jsonwebtoken::Algorithm::PS256),
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS256)) => Some(jsonwebtoken::Algorithm::RS256),
        _ => None,
    }
}

/// The key of this `kid`, or without one the only one there is.
pub fn select<'a>(jwks: &'a JwkSet, kid: Option<&str>) -> Option<&'a Jwk> {
    match kid {
        Some(id) => jwks.find(id),
        None => jwks.keys.first().filter(|_| jwks.keys.len() == 1),
    }
}

/// Whether there is a key in it that nobody but its owner should have. The types drop such members silently, hence this look
/// at the text itself.
pub fn has_private_key(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let is_key = members.contains_key("kty");
            (is_key && PRIVATE.iter().any(|member| members.contains_key(*member)))
                || members.values().any(has_private_key)
        }
        Value::Array(values) => values.iter().any(has_private_key),
        _ => false,
    }
}

/// Reads a fetched set. Keys marked as being for encryption are left out (OpenID Connect Dynamic Client Registration 1.0
/// section 2, `jwks_uri`), but none may be for both.
pub fn read(json: &[u8]) -> Result<JwkSet, &'static str> {
    let mut set: Value = serde_json::from_slice(json).map_err(|_| "the key set is not JSON")?;
    if has_private_key(&set) {
        return Err("the key set contains a private key");
    }
    let keys = set.get_mut("keys").and_then(Value::as_array_mut).ok_or("the key set has no keys")?;
    let (mut ids, mut materials) = (BTreeSet::new(), BTreeSet::new());
    for key in keys.iter() {
        let text = |member: &str| key.get(member).and_then(Value::as_str).unwrap_or_default();
        if ["kid", "n", "e", "x", "y"].iter().any(|member| text(member).len() > MEMBER_MAX) {
            return Err("the key set has a key that is too long");
        }
        if !ids.insert(text("kid").to_owned()) {
            return Err("the key set has two keys of one kid");
        }
        if !materials.insert([text("n").to_owned(), text("x").to_owned()]) {
            return Err("the key set has one key twice");
        }
    }
    keys.retain(|key| key.get("use").and_then(Value::as_str) != Some("enc"));
    for key in keys.iter_mut().filter_map(Value::as_object_mut) {
        // Certificates are never looked at, and would only fill memory.
        key.retain(|member, _| ["kty", "crv", "kid", "use", "alg", "n", "e", "x", "y"].contains(&member.as_str()));
    }
    let set: JwkSet = serde_json::from_value(set).map_err(|_| "the key set cannot be read")?;
    check(&set)?;
    Ok(set)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{key_algorithm, read};

    const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
    const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
    /// RFC 8037 appendix A.2.
    const ED: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn key(change: impl FnOnce(&mut Value)) -> Value {
        let mut key = json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": X, "y": Y });
        change(&mut key);
        key
    }

    fn set(keys: &[Value]) -> Result<Vec<jsonwebtoken::Algorithm>, &'static str> {
        let set = read(json!({ "keys": keys }).to_string().as_bytes())?;
        Ok(set.keys.iter().filter_map(key_algorithm).collect())
    }

    #[test]
    fn sec_h03_h05_a_fetched_set_is_judged_as_a_declared_one() {
        use jsonwebtoken::Algorithm::{ES256, EdDSA};
        let ed = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": ED });
        assert_eq!(set(&[key(|_| {}), ed.clone()]), Ok(vec![ES256, EdDSA]));
        let for_encryption =
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": "enc", "x": X, "use": "enc", "alg": "ECDH-ES" });
        assert_eq!(set(&[for_encryption.clone(), ed.clone()]), Ok(vec![EdDSA]), "a key for encryption stands aside");
        let nameless = |key: &mut Value| drop(key.as_object_mut().unwrap().remove("kid"));
        assert_eq!(set(&[key(nameless)]), Ok(vec![ES256]), "one alone needs no name");
        assert_eq!(
            set(&[key(nameless), key(|key| (key["kid"], key["x"], key["use"]) = (json!("b"), json!(Y), json!("enc")))]),
            Ok(vec![ES256])
        );
        let refused: [(&[Value], &str); 11] = [
            (&[], "between one and ten"),
            (&[for_encryption], "between one and ten"),
            (&[key(|key| key["d"] = json!(X))], "private"),
            (&[json!({ "kty": "oct", "kid": "a", "k": X })], "private"),
            (&[key(|_| {}), json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": ED })], "two keys of one kid"),
            (&[key(|_| {}), key(|key| key["kid"] = json!("b"))], "twice"),
            (&[key(|_| {}), key(|key| (key["kid"], key["use"]) = (json!("b"), json!("enc")))], "twice"),
            (&[key(nameless), ed], "kid of its own"),
            (&[key(|key| key["alg"] = json!("ES384"))], "must be"),
            (&[json!({ "kty": "OKP", "crv": "X25519", "kid": "a", "x": ED })], "must be"),
            (&[key(|key| key["kid"] = json!("a".repeat(2000)))], "too long"),
        ];
        for (keys, why) in refused {
            assert!(set(keys).is_err_and(|error| error.contains(why)), "{why}: {:?}", set(keys));
        }
        for text in ["", "[]", "{}", "{\"keys\":{}}", "<html>"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
