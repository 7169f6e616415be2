//! Pushed authorization requests (RFC 9126): the client deposits its parameters here, authenticated, and sends the browser
//! with a reference that counts once, for a minute, and for this client alone.

use serde::Serialize;

use super::client_auth::Authenticated;
use super::request::{self, AuthorizationRequest, Parameters};
use super::store;
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::seal::Place;
use crate::kernel::secret::{hex, token_hash};
use crate::store::work::Actor;

const LIFETIME: std::time::Duration = std::time::Duration::from_secs(60);
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// RFC 9126 section 2.2.
#[derive(Serialize)]
pub struct Pushed {
    request_uri: String,
    expires_in: u64,
}

fn place(row: &str) -> Place<'_> {
    Place { table: "pushed_request", column: "request", row, version: 1 }
}

/// Whether an authorization request refers to something deposited here.
pub fn is_reference(parameters: &Parameters) -> bool {
    parameters.get("request_uri").is_some_and(|uri| uri.starts_with(PREFIX))
}

/// Checks the parameters as if they came by the browser, and keeps what came out of it.
pub async fn push(app: &AppParts, authenticated: &Authenticated, parameters: &Parameters) -> Result<Pushed, Error> {
    let client = authenticated.client.clone();
    let request = request::check_pushed(app, client.clone(), parameters).map_err(Error::Protocol)?;
    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    authenticated.spend(&mut work).await?;
    let token = work.random.token();
    let hash = token_hash(token.expose());
    let plain = serde_json::to_vec(&request).map_err(Error::broken)?;
    let sealed = app.vault.system.seal(place(&hex(&hash)), &plain, &work.random).map_err(Error::broken)?;
    let expires_at = work.now.plus(LIFETIME);
    store::insert_pushed_request(&mut work, &hash, &client.id, &sealed, expires_at).await?;
    work.commit().await?;
    Ok(Pushed { request_uri: format!("{PREFIX}{}", token.expose()), expires_in: LIFETIME.as_secs() })
}

/// The request behind a reference, which is spent by this whatever comes of it. Other parameters of the browser's request
/// do not count (RFC 9126 section 4).
pub async fn take(app: &AppParts, registry: &Registry, parameters: &Parameters) -> Result<AuthorizationRequest, Error> {
    let refused =
        || Error::protocol("invalid_request_uri", "request_uri is unknown, used, expired, or another client's");
    let client = request::find_client(registry, parameters).map_err(Error::Protocol)?;
    let token = parameters.get("request_uri").and_then(|uri| uri.strip_prefix(PREFIX)).ok_or_else(refused)?;
    let hash = token_hash(token);
    let mut work = app.single(Actor::Visitor).await?;
    let row = store::take_pushed_request(&mut work, &hash, &client.id).await?;
    work.commit().await?;
    let row = row.ok_or_else(refused)?;
    let plain = app.vault.system.open(place(&hex(&hash)), &row.request).map_err(Error::broken)?;
    serde_json::from_slice(plain.expose()).map_err(Error::broken)
}
