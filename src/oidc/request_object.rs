//! Request objects (RFC 9101, OpenID Connect Core section 6): the parameters of an authorization request, signed by the client,
//! in the request or at an address of the client's. Where there is one, nothing beside it counts.

use std::time::Duration;

use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::request::Parameters;
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Client, key_algorithm};
use crate::kernel::error::{Error, Protocol};
use crate::kernel::jws::Compact;
use crate::kernel::time::minutes;

const OBJECT_MAX_BYTES: usize = 16 * 1024;
const CLOCKS_DIFFER: Duration = Duration::from_secs(30);
/// FAPI 2.0 Message Signing section 5.3.1: `nbf` and `exp` are no further away.
const AGE_MAX: Duration = minutes(60);
/// Members of the token itself, which are no parameters.
const OF_THE_TOKEN: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/// What a request object says in place of the parameters beside it; nothing if there is none.
pub async fn open(
    app: &AppParts,
    registry: &Registry,
    client: &Client,
    parameters: &Parameters,
) -> Result<Option<Parameters>, Error> {
    let fetched;
    let text = match (parameters.get("request"), parameters.get("request_uri")) {
        (Some(_), Some(_)) => {
            return Err(Error::protocol("invalid_request", "request and request_uri exclude each other"));
        }
        (Some(text), None) => text,
        (None, Some(uri)) => {
            fetched = registry.request_at(&app.outbound, client, uri).await?;
            fetched.trim()
        }
        (None, None) if client.profile.signs_requests() => {
            return Err(Error::protocol("invalid_request", "this client must sign its requests (request)"));
        }
        (None, None) => return Ok(None),
    };
    let token = Some(text).filter(|text| text.len() <= OBJECT_MAX_BYTES).and_then(Compact::parse);
    let token = token.ok_or_else(|| refused("it cannot be read"))?;
    let is_typed = token
        .header
        .typ
        .as_deref()
        .is_none_or(|typ| ["jwt", "oauth-authz-req+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known)));
    if !is_typed {
        return Err(refused("typ must be oauth-authz-req+jwt"));
    }
    let key = registry.key((&app.outbound, app.now()), client, token.header.kid.as_deref()).await;
    let key = key.ok_or_else(|| refused("no key of the client has this kid"))?;
    let algorithm = key_algorithm(&key)
        .filter(|algorithm| *algorithm == token.header.alg && client.may_sign_with(*algorithm))
        .ok_or_else(|| refused("wrong algorithm"))?;
    if !token.is_signed(&DecodingKey::from_jwk(&key).map_err(Error::broken)?, algorithm) {
        return Err(refused("wrong signature"));
    }
    let claims: Map<String, Value> = token.claims().ok_or_else(|| refused("its claims cannot be read"))?;
    check(app, client, &claims).map_err(refused)?;
    Ok(Some(into_parameters(claims)?))
}

fn refused(detail: &str) -> Error {
    let description = "the request object is wrong, expired, or not signed by this client";
    Error::Protocol(Protocol { code: "invalid_request_object", description, detail: Some(detail.to_owned()) })
}

/// RFC 9101 section 4; FAPI 2.0 Message Signing section 5.3.1.
fn check(app: &AppParts, client: &Client, claims: &Map<String, Value>) -> Result<(), &'static str> {
    let (now, issuer) = (app.now().seconds(), Value::from(app.config.issuer.as_str()));
    let is_client = |name: &str| claims.get(name).and_then(Value::as_str) == Some(&client.id.0);
    if !is_client("client_id") || !is_client("iss") {
        return Err("iss and client_id must be the client");
    }
    let is_ours = match claims.get("aud") {
        Some(Value::Array(values)) => values.contains(&issuer),
        value => value == Some(&issuer),
    };
    if !is_ours {
        return Err("aud must be the issuer");
    }
    if claims.contains_key("request") || claims.contains_key("request_uri") {
        return Err("it must not refer to another request");
    }
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(|seconds| Some(seconds as i64)).ok_or("exp and nbf are numbers"),
    };
    let (expires_at, not_before) = (time("exp")?, time("nbf")?);
    let (slack, age) = (CLOCKS_DIFFER.as_secs() as i64, AGE_MAX.as_secs() as i64);
    if expires_at.is_some_and(|at| at <= now - slack) {
        return Err("it has expired");
    }
    if not_before.is_some_and(|at| at > now + slack) {
        return Err("it is from the future");
    }
    let is_limited =
        expires_at.is_some_and(|at| at <= now + age + slack) && not_before.is_some_and(|at| at >= now - age);
    if client.profile.is_fapi2() && !is_limited {
        return Err("nbf and exp must be there, and at most an hour away");
    }
    Ok(())
}

/// OpenID Connect Core section 6.1: what is JSON in a request of its own is JSON in here.
fn into_parameters(claims: Map<String, Value>) -> Result<Parameters, Error> {
    let parameters = claims.into_iter().filter(|(name, _)| !OF_THE_TOKEN.contains(&name.as_str()));
    let text = |value: Value| match value {
        Value::String(text) => text,
        value => value.to_string(),
    };
    Parameters::new(parameters.map(|(name, value)| (name, text(value))).collect())
}
