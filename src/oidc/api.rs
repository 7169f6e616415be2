//! Our own interfaces for programs: whoever calls one comes with an access token in its own name (`client_credentials`), meant for us,
//! with the scope of the interface; or with one of a person's grant that is bound to a key or a certificate.

use std::sync::Arc;

use super::access_token::AccessToken;
use super::claims::{Credential, refused, spend};
use super::grant::{Grants, Live};
use crate::app::AppParts;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::{Error, Protocol};

/// The client behind a token with this scope. What the client is registered for now decides, not what the token says.
pub async fn caller(
    app: &AppParts,
    registry: &Registry,
    credential: &Credential,
    scope: &'static str,
) -> Result<Arc<Client>, Error> {
    let presented = AccessToken::read(app, &credential.token).filter(|token| token.aud == app.config.issuer);
    let presented = presented.filter(|token| token.grant.is_none()).ok_or_else(refused)?;
    if !credential.fits(presented.cnf.as_ref()) {
        return Err(refused());
    }
    let client = registry.find(&crate::kernel::id::ClientId(presented.client_id)).ok_or_else(refused)?;
    let has_scope = presented.scope.split(' ').any(|name| name == scope);
    if !has_scope || !client.own_scopes.iter().any(|name| name == scope) {
        let description = "the access token does not have the scope of this interface";
        return Err(Error::Resource(Protocol { code: "insufficient_scope", description, detail: None }));
    }
    spend(app, credential.proof.as_ref(), &client.id.0).await?;
    Ok(client)
}

/// The grant behind a token. It has to be bound: whoever has the token alone has nothing.
pub async fn grantee(
    app: &AppParts,
    registry: &Registry,
    grants: &Grants,
    credential: &Credential,
) -> Result<Arc<Live>, Error> {
    let presented = AccessToken::read(app, &credential.token).filter(|token| token.aud == app.config.issuer);
    let presented = presented.ok_or_else(refused)?;
    let Some(bound_to) = presented.cnf.as_ref() else {
        let description = "the access token has to be bound to a key (DPoP) or a certificate";
        return Err(Error::Resource(Protocol { code: "invalid_token", description, detail: None }));
    };
    let grant = presented.grant.as_ref().filter(|_| credential.fits(Some(bound_to))).ok_or_else(refused)?;
    let live = grants.find(app, registry, grant).await?;
    let live = live.filter(|live| live.client.id.0 == presented.client_id).ok_or_else(refused)?;
    spend(app, credential.proof.as_ref(), grant.as_str()).await?;
    Ok(live)
}
