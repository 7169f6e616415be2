//! The public keys of clients.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};

/// What a client's key set must be like.
pub fn check(jwks: &JwkSet) -> Result<(), &'static str> {
    if jwks.keys.is_empty() || jwks.keys.len() > 10 {
        return Err("jwks: between one and ten keys");
    }
    let mut ids = std::collections::BTreeSet::new();
    for key in &jwks.keys {
        if !key.common.key_id.as_ref().is_some_and(|id| ids.insert(id)) {
            return Err("jwks: every key needs a kid of its own");
        }
        if key_algorithm(key).is_none() {
            return Err("jwks: keys must be EC P-256 (ES256) or RSA (PS256, RS256) public keys");
        }
    }
    Ok(())
}

/// The one algorithm a client's key may sign with: its own `alg`, or what its type means by default.
/// One that is for encryption signs nothing (RFC 7517 section 4.2).
pub fn key_algorithm(key: &Jwk) -> Option<jsonwebtoken::Algorithm> {
    if key.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return None;
    }
    match (&key.algorithm, key.common.key_algorithm) {
        (AlgorithmParameters::EllipticCurve(curve), None | Some(KeyAlgorithm::ES256)) => {
            (curve.curve == EllipticCurve::P256).then_some(jsonwebtoken::Algorithm::ES256)
        }
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::PS256)) => Some(jsonwebtoken::Algorithm::PS256),
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS256)) => Some(jsonwebtoken::Algorithm::RS256),
        _ => None,
    }
}
