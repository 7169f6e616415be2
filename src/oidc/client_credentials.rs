//! A client's token in its own name (RFC 6749 section 4.4): for nobody's data, for the API and the scopes that are
//! registered. Nothing is stored of it but the assertion that the client may have used; it ends after five minutes. An
//! organisation's own program gets one in the name of the organisation.

use super::access_token::AccessToken;
use super::client_auth::Authenticated;
use super::request::{Parameters, check_resource};
use super::token::TokenResponse;
use crate::app::AppParts;
use crate::client::Client;
use crate::kernel::error::Error;

pub async fn issue(
    app: &AppParts,
    authenticated: Authenticated,
    parameters: &Parameters,
) -> Result<TokenResponse, Error> {
    let authenticated = authenticated.confidential()?;
    let client = &authenticated.client;
    if client.own_scopes.is_empty() {
        return Err(Error::protocol("unauthorized_client", "this client may not use client_credentials"));
    }
    let scope = scope(client, parameters)?;
    check_resource(client, parameters).map_err(Error::Protocol)?;
    authenticated.spend_alone(app).await?;
    let (subject, organisation) = match &authenticated.machine {
        // RFC 9068 section 2.2: without a person the subject is the client.
        None => (client.id.0.clone(), None),
        Some(machine) => machine.look_again(app).await?,
    };
    let mut token = AccessToken::new(app, client, subject, &scope);
    token.organisation = organisation;
    if let Some(resource) = &client.resource {
        token.aud.clone_from(resource);
    }
    token.cnf.clone_from(&authenticated.confirmation);
    token.issue(app, client)
}

/// RFC 6749 section 3.3: everything registered, or exactly what is asked of it.
fn scope(client: &Client, parameters: &Parameters) -> Result<String, Error> {
    let Some(asked) = parameters.get("scope") else { return Ok(client.own_scopes.join(" ")) };
    let names: Vec<&str> = asked.split(' ').collect();
    if names.iter().all(|name| client.own_scopes.iter().any(|known| known == name)) {
        // In the order of the registration, each once.
        let chosen = client.own_scopes.iter().map(String::as_str).filter(|known| names.contains(known));
        return Ok(chosen.collect::<Vec<_>>().join(" "));
    }
    Err(Error::protocol("invalid_scope", "this client may not have that scope"))
}
