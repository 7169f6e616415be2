//! Proof of possession (RFC 9449, DPoP): a request shows that its sender holds a key, and what is issued upon it works with
//! that key only.
//!
//! A nonce of ours is always asked for. It tells how old a proof is by our clock, whatever the client's says, and bounds how
//! long a proof must be remembered so that it counts once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use url::Url;

use super::confirmation::Confirmation;
use crate::app::AppParts;
use crate::client::{has_private_key, key_algorithm};
use crate::kernel::error::Protocol;
use crate::kernel::jws::Compact;
use crate::kernel::seal::Vault;
use crate::kernel::secret::{equal, sha256};
use crate::kernel::time::{Timestamp, minutes};
use crate::store::replay::Once;

/// With which a proof may be signed.
pub const ALGORITHMS: [&str; 3] = ["ES256", "PS256", "EdDSA"];
const PROOF_MAX_BYTES: usize = 4096;
const JTI_MAX_BYTES: usize = 256;
/// A nonce is of one minute, and counts in that and so many more.
const NONCE_MINUTES: i64 = 5;

/// A proof that is right, if it has not been here before.
pub struct Proof {
    pub confirmation: Confirmation,
    /// To be spent with whatever the request does.
    pub once: Once,
}

/// What a proof must speak of.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The token that comes along, at an API.
    pub access_token: Option<&'a str>,
}

/// RFC 9449 section 4.2.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    #[expect(dead_code, reason = "must be there; the nonce says how old the proof is")]
    iat: i64,
    ath: Option<String>,
    nonce: Option<String>,
}

/// Checks one proof (RFC 9449 section 4.3).
pub fn check(app: &AppParts, proof: &str, request: &Request<'_>) -> Result<Proof, Protocol> {
    if proof.len() > PROOF_MAX_BYTES {
        return refuse("the proof is too long");
    }
    let Some(token) = Compact::parse(proof) else { return refuse("the proof cannot be read") };
    if token.header.typ.as_deref() != Some("dpop+jwt") {
        return refuse("typ must be dpop+jwt");
    }
    let thumbprint = check_key(&token)?;
    let Some(claims) = token.claims::<Claims>() else {
        return refuse("the proof needs jti, htm, htu and iat");
    };
    if claims.htm != request.method {
        return refuse("htm is not the method of this request");
    }
    // At whichever of our addresses the client sees the endpoint (RFC 8705 section 5).
    let mut origins = [Some(&app.config.issuer), app.config.server.mtls_issuer.as_ref()].into_iter().flatten();
    if !origins.any(|origin| is_address(&claims.htu, origin, request.path)) {
        return refuse("htu is not the address of this request");
    }
    let hash = request.access_token.map(|token| URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())));
    if hash.is_some() && hash != claims.ath {
        return refuse("ath is not the hash of the access token");
    }
    if claims.jti.is_empty() || claims.jti.len() > JTI_MAX_BYTES {
        return refuse("jti is empty or too long");
    }
    let until = claims.nonce.and_then(|nonce| nonce_end(&app.vault, &nonce, app.now()));
    let Some(until) = until else {
        return Err(Protocol {
            code: "use_dpop_nonce",
            description: "the proof needs the nonce in DPoP-Nonce",
            detail: None,
        });
    };
    let once = Once::new(&format!("proof {thumbprint}"), &claims.jti, until.plus(minutes(1)));
    Ok(Proof { confirmation: Confirmation::Key(thumbprint), once })
}

/// A proof that was here before (RFC 9449 section 11.1).
pub const fn used() -> Protocol {
    Protocol { code: "invalid_dpop_proof", description: "the DPoP proof has been used before", detail: None }
}

fn refuse<T>(detail: &str) -> Result<T, Protocol> {
    let description = "the DPoP proof is wrong for this request";
    Err(Protocol { code: "invalid_dpop_proof", description, detail: Some(detail.to_owned()) })
}

/// That the proof is signed with the key that it shows; the key's thumbprint.
fn check_key(token: &Compact<'_>) -> Result<String, Protocol> {
    let Some(key) = &token.header.jwk else { return refuse("jwk is missing") };
    if has_private_key(key) {
        return refuse("jwk contains a private key");
    }
    let Ok(key) = Jwk::deserialize(key) else { return refuse("jwk cannot be read") };
    let algorithm = key_algorithm(&key).filter(|algorithm| *algorithm != Algorithm::RS256);
    let Some(algorithm) = algorithm.filter(|algorithm| *algorithm == token.header.alg) else {
        return refuse("alg must be ES256, PS256 or EdDSA, and fit the key");
    };
    let is_signed = DecodingKey::from_jwk(&key).is_ok_and(|key| token.is_signed(&key, algorithm));
    match key.thumbprint(ThumbprintHash::SHA256) {
        Ok(thumbprint) if is_signed => Ok(thumbprint),
        _ => refuse("wrong signature"),
    }
}

/// Whether an address is that of a path of ours; query and fragment do not count.
fn is_address(htu: &str, origin: &str, path: &str) -> bool {
    let Ok(htu) = Url::parse(htu) else { return false };
    let Ok(own) = Url::parse(&format!("{origin}{path}")) else { return false };
    let origin = |url: &Url| url.origin().ascii_serialization();
    origin(&htu) == origin(&own) && htu.path() == own.path() && htu.username().is_empty() && htu.password().is_none()
}

/// What the next proof is to contain (RFC 9449 section 8). Every node makes the same.
pub fn nonce(vault: &Vault, now: Timestamp) -> String {
    nonce_of(vault, minute(now))
}

fn minute(at: Timestamp) -> i64 {
    at.seconds().div_euclid(60)
}

fn nonce_of(vault: &Vault, minute: i64) -> String {
    let minute = minute.to_be_bytes();
    let tag = vault.code("dpop nonce", &URL_SAFE_NO_PAD.encode(minute));
    URL_SAFE_NO_PAD.encode([&minute[4..], &tag[..16]].concat())
}

/// Until when a nonce of ours counts. One that a node a little ahead has made counts, too.
fn nonce_end(vault: &Vault, nonce: &str, now: Timestamp) -> Option<Timestamp> {
    let bytes = URL_SAFE_NO_PAD.decode(nonce).ok()?;
    let minute_bytes: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    let of = i64::from(u32::from_be_bytes(minute_bytes));
    let is_ours = equal(nonce_of(vault, of).as_bytes(), nonce.as_bytes());
    let age = minute(now) - of;
    (is_ours && (-1..=NONCE_MINUTES).contains(&age)).then(|| Timestamp::from_seconds((of + NONCE_MINUTES + 1) * 60))
}
