//! Token exchange (RFC 8693), for delegation alone: an API that was called with a person's token gets one for the next API
//! behind it. The new token says who acts; it never says less than the truth, opens no more than the one it came of, and
//! ends with it.

use serde::Serialize;
use serde_json::{Value, json};

use super::access_token::AccessToken;
use super::client_auth::Authenticated;
use super::request::Parameters;
use super::token::TokenResponse;
use super::{OidcEvent, grant, whose};
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::organisation::acting;
use crate::store::work::Actor;

pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// How many may act one through the other.
const ACTORS_MAX: usize = 3;

/// RFC 8693 section 2.2.1.
#[derive(Serialize)]
pub struct Exchanged {
    #[serde(flatten)]
    tokens: TokenResponse,
    issued_token_type: &'static str,
}

/// Exchanges a token that the client was called with, in one transaction.
pub async fn exchange(
    app: &AppParts,
    registry: &Registry,
    authenticated: Authenticated,
    parameters: &Parameters,
) -> Result<Exchanged, Error> {
    let authenticated = authenticated.confidential()?;
    let client = &authenticated.client;
    if client.exchange.is_empty() {
        return Err(Error::protocol("unauthorized_client", "this client may not use token exchange"));
    }
    check(parameters)?;
    let resource = parameters.get("resource").unwrap_or_default();
    if !client.exchange.iter().any(|known| known == resource) {
        return Err(Error::protocol("invalid_target", "resource must be one that is registered for exchange"));
    }
    // RFC 8693 section 2.2.2: whatever is wrong with the subject token.
    let refused = || Error::protocol("invalid_request", "subject_token is not a valid token for this client");
    let subject = AccessToken::read(app, parameters.get("subject_token").unwrap_or_default());
    let subject =
        subject.filter(|subject| client.resource_server.as_ref() == Some(&subject.aud)).ok_or_else(refused)?;
    let grant_id = subject.grant.clone().ok_or_else(refused)?;
    let scope = narrow(&subject.scope, parameters.get("scope"))?;
    let act = json!({ "sub": client.id, "act": subject.act });

    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    authenticated.spend(app, &mut work).await?;
    let live = grant::find(&mut work.tx, registry, grant::By::Id(&grant_id), work.now).await?.ok_or_else(refused)?;
    if let Some(power) = &live.power
        && !acting::hand_over(&mut work, power, &client.id).await?
    {
        return Err(refused());
    }
    // The person who acts for others is one more.
    if depth(&act) > ACTORS_MAX + usize::from(live.whose.is_acting()) {
        return Err(Error::protocol("invalid_request", "too many services act through each other"));
    }
    let event = OidcEvent::TokenExchanged {
        client: client.id.clone(),
        of: subject.client_id.clone(),
        resource: resource.to_owned(),
    };
    whose::record(&mut work, &live.whose, &event).await?;
    work.commit().await?;

    let mut token = AccessToken::new(app, client, subject.sub, &scope);
    resource.clone_into(&mut token.aud);
    token.exp = token.exp.min(subject.exp);
    (token.acr, token.auth_time) = (subject.acr, subject.auth_time);
    (token.grant, token.act) = (Some(grant_id), Some(without_nothing(act)));
    token.cnf.clone_from(&authenticated.confirmation);
    Ok(Exchanged { tokens: token.issue(app, client)?, issued_token_type: ACCESS_TOKEN })
}

/// RFC 8693 section 2.1. Who acts is who asks: nobody brings a token of somebody else for that.
fn check(parameters: &Parameters) -> Result<(), Error> {
    let invalid = |description| Err(Error::protocol("invalid_request", description));
    if parameters.get("subject_token_type") != Some(ACCESS_TOKEN) {
        return invalid("subject_token_type must be an access token");
    }
    if parameters.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        return invalid("requested_token_type must be an access token");
    }
    if parameters.get("actor_token").is_some() || parameters.get("actor_token_type").is_some() {
        return invalid("actor_token is not supported: the client itself acts");
    }
    if parameters.get("audience").is_some() {
        return Err(Error::protocol("invalid_target", "audience is not supported: name the resource"));
    }
    Ok(())
}

/// Everything that the subject token opens, or less.
fn narrow(held: &str, asked: Option<&str>) -> Result<String, Error> {
    let Some(asked) = asked else { return Ok(held.to_owned()) };
    let held: Vec<&str> = held.split(' ').collect();
    let asked: Vec<&str> = asked.split(' ').filter(|name| !name.is_empty()).collect();
    if asked.is_empty() || !asked.iter().all(|name| held.contains(name)) {
        return Err(Error::protocol("invalid_scope", "scope is wider than that of subject_token"));
    }
    Ok(held.into_iter().filter(|name| asked.contains(name)).collect::<Vec<_>>().join(" "))
}

fn depth(act: &Value) -> usize {
    if act.is_object() { 1 + depth(&act["act"]) } else { 0 }
}

/// The first in the chain has nobody behind it.
fn without_nothing(mut act: Value) -> Value {
    if let Some(members) = act.as_object_mut().filter(|members| members["act"].is_null()) {
        members.remove("act");
    }
    act
}
