//! Another provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0).

use std::collections::HashMap;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::Told;
use super::provider::Provider;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::jws::Compact;
use crate::kernel::time::Timestamp;
use crate::signin::linked::{self, ForeignSession, SignedOut, Subject};
use crate::store::replay::{self, Once};
use crate::store::work::Actor;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::PS256, Algorithm::RS256];
const CLOCKS_DIFFER_SECONDS: i64 = 60;
/// Such a token lives two minutes (section 4); one that claims longer is not remembered for ever.
const AGE_MAX_SECONDS: i64 = 600;

/// Section 2.4.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Value,
    iat: i64,
    exp: i64,
    jti: String,
    sub: Option<String>,
    sid: Option<String>,
    events: HashMap<String, Value>,
    nonce: Option<Value>,
}

/// What came of a logout token.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    Done,
    /// Not one, and why.
    Refused(&'static str),
    /// The provider's keys could not be fetched.
    NotNow,
}

/// Ends what has begun with that session or that account. Every token counts once.
pub async fn receive(app: &AppParts, provider: &Provider, token: &str) -> Result<Received, Error> {
    let claims = match provider.ask(verify(app, provider, token)).await {
        Ok(Ok(claims)) => claims,
        Ok(Err(reason)) => return Ok(Received::Refused(reason)),
        Err(_) => return Ok(Received::NotNow),
    };
    let issuer = &provider.settings.issuer;
    let gone = SignedOut {
        subject: claims.sub.as_ref().map(|sub| Subject::new(&app.vault, issuer, sub)),
        foreign: claims.sid.as_ref().map(|sid| ForeignSession::new(&app.vault, issuer, sid)),
    };
    let mut work = app.begin(Actor::System("upstream")).await?;
    let until = Timestamp::from_seconds(claims.exp + CLOCKS_DIFFER_SECONDS);
    if !replay::insert(&mut work, &Once::new(&format!("logout {issuer}"), &claims.jti, until)).await? {
        return Ok(Received::Refused("this token has been here before"));
    }
    linked::end_sessions(&mut work, &provider.settings.id, &gone).await?;
    work.commit().await?;
    Ok(Received::Done)
}

/// Section 2.6, in its order.
async fn verify(app: &AppParts, provider: &Provider, token: &str) -> Result<Result<Claims, &'static str>, Told> {
    let Some(token) = Compact::parse(token) else { return Ok(Err("not a signed token")) };
    let is_typed =
        |typ: &str| typ.eq_ignore_ascii_case("logout+jwt") || typ.eq_ignore_ascii_case("application/logout+jwt");
    // RFC 8725 section 3.11: without its type an ID token might pass for it.
    if !token.header.typ.as_deref().is_some_and(is_typed) {
        return Ok(Err("typ must be logout+jwt"));
    }
    if !ALGORITHMS.contains(&token.header.alg) {
        return Ok(Err("a signature of this kind does not count"));
    }
    let known = provider.known(app).await?;
    if !is_signed(&token, &known.keys) && !is_signed(&token, &provider.renewed(app, &known).await?.keys) {
        return Ok(Err("the signature is not this provider's"));
    }
    let Some(claims) = token.claims::<Claims>() else {
        return Ok(Err("iss, aud, iat, exp, jti and events must be there"));
    };
    Ok(check(provider, app.now().seconds(), &claims).map_or(Ok(claims), Err))
}

fn is_signed(token: &Compact<'_>, keys: &JwkSet) -> bool {
    let is_meant = |key: &&Jwk| token.header.kid.is_none() || key.common.key_id == token.header.kid;
    keys.keys
        .iter()
        .filter(is_meant)
        .any(|key| DecodingKey::from_jwk(key).is_ok_and(|key| token.is_signed(&key, token.header.alg)))
}

fn check(provider: &Provider, now: i64, claims: &Claims) -> Option<&'static str> {
    let us = provider.settings.client_id.as_str();
    let is_ours = match &claims.aud {
        Value::String(aud) => aud == us,
        Value::Array(all) => all.iter().any(|aud| aud == us),
        _ => false,
    };
    if claims.iss != provider.settings.issuer {
        return Some("iss is another provider's");
    }
    if !is_ours {
        return Some("aud is not this program");
    }
    let is_new = (now - AGE_MAX_SECONDS..=now + CLOCKS_DIFFER_SECONDS).contains(&claims.iat);
    if !is_new || claims.exp <= now || claims.exp > now + AGE_MAX_SECONDS {
        return Some("iat and exp must be of now");
    }
    if claims.sub.is_none() && claims.sid.is_none() {
        return Some("sub or sid must be there");
    }
    if !claims.events.get(EVENT).is_some_and(Value::is_object) {
        return Some("events must name a back-channel logout");
    }
    if claims.nonce.is_some() {
        return Some("nonce must not be there");
    }
    (claims.jti.is_empty() || claims.jti.len() > 255).then_some("jti must be there")
}
