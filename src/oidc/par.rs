//! Pushed authorization requests (RFC 9126): the client deposits its parameters here, authenticated, and sends the browser
//! with a reference that is answered once, and counts for a minute and for this client alone.

use serde::Serialize;

use super::client_auth::Authenticated;
use super::request::{self, AuthorizationRequest, Parameters};
use super::{request_object, store};
use crate::app::AppParts;
use crate::client::Client;
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

/// Checks the parameters as if they came by the browser, and keeps what came out of it. A proof that came along binds the
/// code as `dpop_jkt` does (RFC 9449 section 10.1).
pub async fn push(
    app: &AppParts,
    registry: &Registry,
    authenticated: &Authenticated,
    parameters: &Parameters,
) -> Result<Pushed, Error> {
    let client = authenticated.client.clone();
    // RFC 9126 section 2.1.
    if parameters.get("request_uri").is_some() {
        return Err(Error::protocol("invalid_request", "request_uri has no place in a pushed request"));
    }
    let opened = request_object::open(app, registry, &client, parameters).await?;
    let parameters = opened.as_ref().unwrap_or(parameters);
    let mut request = request::check_pushed(app, client.clone(), parameters).map_err(Error::Protocol)?;
    if let Some(proven) = &authenticated.confirmation {
        let announced = request.confirmation.replace(proven.clone());
        if announced.is_some_and(|announced| announced != *proven) {
            return Err(Error::protocol("invalid_dpop_proof", "dpop_jkt is not the key of the DPoP proof"));
        }
    }
    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    authenticated.spend(app, &mut work).await?;
    let token = work.random.token();
    let hash = token_hash(token.expose());
    let plain = serde_json::to_vec(&request).map_err(Error::broken)?;
    let sealed = app.vault.system.seal(place(&hex(&hash)), &plain, &work.random).map_err(Error::broken)?;
    let expires_at = work.now.plus(LIFETIME);
    store::insert_pushed_request(&mut work, &hash, &client.id, &sealed, expires_at).await?;
    work.commit().await?;
    Ok(Pushed { request_uri: format!("{PREFIX}{}", token.expose()), expires_in: LIFETIME.as_secs() })
}

/// The request behind a reference, and by what it is spent when it has been answered: until then, or for a minute, it may be
/// opened again (RFC 9126 section 7.3). Other parameters of the browser's request do not count (section 4).
pub async fn find(
    app: &AppParts,
    client: &Client,
    parameters: &Parameters,
) -> Result<(AuthorizationRequest, PushedHash), Error> {
    let token = parameters.get("request_uri").and_then(|uri| uri.strip_prefix(PREFIX)).ok_or_else(unusable)?;
    let hash = token_hash(token);
    let row = store::find_pushed_request(&mut app.read().await?, &hash, &client.id, app.now()).await?;
    let row = row.ok_or_else(unusable)?;
    let plain = app.vault.system.open(place(&hex(&hash)), &row.request).map_err(Error::broken)?;
    let request = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    Ok((request, PushedHash(hash)))
}

/// What names a deposited request.
#[derive(Clone, Copy)]
pub struct PushedHash(pub [u8; 32]);

pub fn unusable() -> Error {
    Error::protocol("invalid_request_uri", "request_uri is unknown, used, expired, or another client's")
}
