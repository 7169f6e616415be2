//! Client authentication at the token endpoint: exactly the one method that is registered.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::request::Parameters;
use super::store;
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Authentication, Client, Profile, key_algorithm};
use crate::kernel::error::{Error, Protocol};
use crate::kernel::keys::verify_signature;
use crate::kernel::secret::{equal, hex, sha256};
use crate::kernel::time::{Timestamp, minutes};
use crate::store::work::{Actor, Work};

/// RFC 7523 section 2.2
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that has proven itself, or that is registered as unable to, if [`spend`](Authenticated::spend) succeeds in the same transaction.
pub struct Authenticated {
    pub client: Arc<Client>,
    assertion: Option<Assertion>,
}

struct Assertion {
    jti_hash: [u8; 32],
    expires_at: Timestamp,
}

fn refused(detail: &str) -> Error {
    let description = "the client could not be authenticated";
    Error::Protocol(Protocol { code: "invalid_client", description, detail: Some(detail.to_owned()) })
}

/// Checks header, body or assertion. One method only (RFC 6749 section 2.3), and the registered one.
pub fn authenticate(
    app: &AppParts,
    registry: &Registry,
    header: Option<&str>,
    parameters: &Parameters,
) -> Result<Authenticated, Error> {
    let (secret, assertion) = (parameters.get("client_secret"), parameters.get("client_assertion"));
    match (header, secret, assertion) {
        (Some(header), None, None) => {
            let (id, secret) = parse_basic(header).ok_or_else(|| refused("malformed Authorization header"))?;
            let client = find(registry, &id, parameters)?;
            let Authentication::ClientSecretBasic { secret_sha256 } = &client.authentication else {
                return Err(refused("client_secret_basic is not registered"));
            };
            check_secret(secret_sha256, &secret)?;
            Ok(Authenticated { client, assertion: None })
        }
        (None, Some(secret), None) => {
            let client = find(registry, parameters.get("client_id").unwrap_or_default(), parameters)?;
            let Authentication::ClientSecretPost { secret_sha256 } = &client.authentication else {
                return Err(refused("client_secret_post is not registered"));
            };
            check_secret(secret_sha256, secret)?;
            Ok(Authenticated { client, assertion: None })
        }
        (None, None, Some(assertion)) => check_assertion(app, registry, assertion, parameters),
        (None, None, None) => {
            let client = find(registry, parameters.get("client_id").unwrap_or_default(), parameters)?;
            if client.is_public() {
                return Ok(Authenticated { client, assertion: None });
            }
            Err(refused("no authentication"))
        }
        _ => Err(refused("more than one authentication method")),
    }
}

impl Authenticated {
    /// For what is only for clients that can prove who they are.
    pub fn confidential(self) -> Result<Self, Error> {
        if self.client.is_public() { Err(refused("this client cannot authenticate")) } else { Ok(self) }
    }

    /// Spends the assertion: the same one never counts twice, on no node (RFC 7523 section 3, jti).
    pub async fn spend(&self, work: &mut Work) -> Result<(), Error> {
        let Some(assertion) = &self.assertion else { return Ok(()) };
        let fresh = store::insert_assertion(work, &self.client.id, &assertion.jti_hash, assertion.expires_at).await?;
        if fresh { Ok(()) } else { Err(refused("the assertion has been used before")) }
    }

    /// As [`spend`](Self::spend), where nothing else is written.
    pub async fn spend_alone(&self, app: &AppParts) -> Result<(), Error> {
        if self.assertion.is_none() {
            return Ok(());
        }
        let mut work = app.single(Actor::Client(self.client.id.clone())).await?;
        self.spend(&mut work).await?;
        work.commit().await
    }
}

fn find(registry: &Registry, id: &str, parameters: &Parameters) -> Result<Arc<Client>, Error> {
    if parameters.get("client_id").is_some_and(|named| named != id) {
        return Err(refused("client_id names another client"));
    }
    registry.get(id).ok_or_else(|| refused("unknown client"))
}

fn check_secret(expected_sha256: &str, secret: &str) -> Result<(), Error> {
    let given = hex(&sha256(secret.as_bytes()));
    if equal(given.as_bytes(), expected_sha256.to_ascii_lowercase().as_bytes()) {
        Ok(())
    } else {
        Err(refused("wrong secret"))
    }
}

/// RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined.
fn parse_basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 4096 {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |text: &str| {
        let mut pairs = url::form_urlencoded::parse(text.as_bytes());
        let (name, value) = pairs.next().unwrap_or_default();
        (pairs.next().is_none() && value.is_empty() && !text.contains(['&', '='])).then(|| name.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

#[derive(Clone, Deserialize)]
struct AssertionClaims {
    iss: String,
    sub: String,
    aud: serde_json::Value,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    jti: String,
}

fn check_assertion(
    app: &AppParts,
    registry: &Registry,
    token: &str,
    parameters: &Parameters,
) -> Result<Authenticated, Error> {
    if parameters.get("client_assertion_type") != Some(ASSERTION_TYPE) || token.len() > 8192 {
        return Err(refused("client_assertion_type is wrong"));
    }
    let claimed: AssertionClaims =
        jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| refused("the assertion cannot be read"))?;
    let client = find(registry, &claimed.sub, parameters)?;
    let Authentication::PrivateKeyJwt { jwks } = &client.authentication else {
        return Err(refused("private_key_jwt is not registered"));
    };
    let header = jsonwebtoken::decode_header(token).map_err(|_| refused("the assertion's header cannot be read"))?;
    let key = match &header.kid {
        Some(id) => jwks.find(id),
        None => jwks.keys.first().filter(|_| jwks.keys.len() == 1),
    };
    let key = key.ok_or_else(|| refused("no registered key has this kid"))?;
    // The algorithm is the key's, never the header's.
    let algorithm =
        key_algorithm(key).filter(|algorithm| *algorithm == header.alg).ok_or_else(|| refused("wrong algorithm"))?;
    let decoding = DecodingKey::from_jwk(key).map_err(Error::broken)?;
    let claims =
        verify_signature::<AssertionClaims>(token, &decoding, algorithm).ok_or_else(|| refused("wrong signature"))?;
    check_claims(app, &client, &claims).map_err(refused)?;
    let jti_hash = sha256(claims.jti.as_bytes());
    let expires_at = Timestamp::from_seconds(claims.exp).plus(minutes(1));
    Ok(Authenticated { client, assertion: Some(Assertion { jti_hash, expires_at }) })
}

/// RFC 7523 section 3.
fn check_claims(app: &AppParts, client: &Client, claims: &AssertionClaims) -> Result<(), &'static str> {
    let now = app.now().seconds();
    let issuer = app.config.issuer.as_str();
    let token_endpoint = format!("{issuer}/oauth2/token");
    let known = |value: &serde_json::Value| value.as_str().is_some_and(|text| text == issuer || text == token_endpoint);
    let addressed = match (&claims.aud, client.profile) {
        (serde_json::Value::Array(values), Profile::OidcCore) => values.iter().any(known),
        (value, Profile::OidcCore) => known(value),
        (value, Profile::Baseline) => value.as_str() == Some(issuer),
    };
    if claims.iss != client.id.0 || claims.sub != client.id.0 {
        return Err("iss and sub must be the client");
    }
    if !addressed {
        return Err("aud must be the issuer, as one string");
    }
    if claims.exp <= now || claims.exp > now + 300 + 30 {
        return Err("exp must be within the next five minutes");
    }
    if claims.nbf.is_some_and(|nbf| nbf > now + 30) || claims.iat.is_some_and(|iat| iat > now + 30) {
        return Err("the assertion is from the future");
    }
    if claims.jti.is_empty() || claims.jti.len() > 256 {
        return Err("jti is missing or too long");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{check_secret, parse_basic};
    use crate::kernel::secret::{hex, sha256};

    /// The median time of a refusal, for each of two registered hashes, asked in turns.
    fn medians(hashes: &[String; 2]) -> [Duration; 2] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..10_000 {
            for (place, hash) in hashes.iter().enumerate() {
                let began_at = Instant::now();
                assert!(check_secret(hash, "geraten").is_err());
                times[place].push(began_at.elapsed());
            }
        }
        times.map(|mut times| {
            times.sort();
            times[times.len() / 2]
        })
    }

    // What is compared is a hash, so that nobody comes nearer step by step; and it takes no longer where more of it agrees.
    #[test]
    fn sec_e04_a_nearly_right_secret_takes_as_long_as_a_wrong_one() {
        let right = hex(&sha256(b"geraten"));
        let other = |digit: char| if digit == '0' { '1' } else { '0' };
        let near: String =
            right.char_indices().map(|(place, digit)| if place == 63 { other(digit) } else { digit }).collect();
        let far: String = right.chars().map(other).collect();
        let mut gaps = Vec::new();
        for _ in 0..5 {
            let [near, far] = medians(&[near.clone(), far.clone()]).map(|median| median.as_secs_f64());
            gaps.push((near - far).abs() / near.max(far));
            if gaps.last().is_some_and(|gap| *gap < 0.02) {
                return;
            }
        }
        panic!("always apart: {gaps:?}");
    }

    #[test]
    fn sec_e03_the_header_is_read_strictly() {
        assert_eq!(parse_basic("Basic YTpi"), Some(("a".into(), "b".into())));
        assert_eq!(parse_basic("basic YSUyMGI6Yw=="), Some(("a b".into(), "c".into())));
        for bad in [
            "",
            "Basic",
            "Basic ",
            "Basic  YTpi",
            "Bearer YTpi",
            "Basic YTpi=",
            "Basic ????",
            "Basic YQ==",
            "Basic\tYTpi",
            "Basic Basic YTpi",
            "Basic YSZiPWM6ZA==",
        ] {
            assert_eq!(parse_basic(bad), None, "{bad:?}");
        }
    }
}
