//! An organisation's own program: it proves itself with a key of the organisation (`organisation::machine`) as a client does
//! with its own, and gets tokens for the one API that the key is for. The API knows the organisation by the subject that it
//! knows when somebody acts for it; nobody acts here, so there is no `act`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::access_token::AccessToken;
use super::claims::of_organisation;
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Client, Scope, Serves};
use crate::kernel::error::{Error, Protocol};
use crate::kernel::id::{ClientId, OrganisationKeyId};
use crate::organisation::machine::{self, KeyRow};
use crate::organisation::{self, acting::Party};

/// A key that has neither ended nor expired, and the API that it is for.
pub struct Machine {
    row: KeyRow,
    service: Arc<Client>,
}

fn uncounted(detail: &str) -> Error {
    let description = "this key does not count at this time";
    Error::Protocol(Protocol { code: "unauthorized_client", description, detail: Some(detail.to_owned()) })
}

/// A service as an API for organisations' programs, if it still is one.
fn api(registry: &Registry, id: &ClientId) -> Option<Arc<Client>> {
    registry.find(id).filter(|client| client.serves(Serves::Organisations) && client.resource_server.is_some())
}

impl Machine {
    /// The key as a client that can do nothing but get tokens in its own name; everything else is as little as there is.
    fn client(&self) -> Result<Client, Error> {
        let Self { row, service } = self;
        let jwk: Value = serde_json::from_str(&row.jwk).map_err(Error::broken)?;
        let scopes = service.organisation_scopes_of(&row.scope);
        let declared = json!({
            "id": row.id,
            "name": service.name,
            "operator": service.operator,
            "purpose": service.purpose,
            "privacy_uri": service.privacy_uri,
            "profile": service.profile,
            "authentication": { "method": "private_key_jwt", "jwks": { "keys": [jwk] } },
            "own_scopes": scopes.iter().map(|scope| &scope.name).collect::<Vec<_>>(),
            "resource": service.resource_server,
            "access_token_format": service.access_token_format,
        });
        serde_json::from_value(declared).map_err(Error::broken)
    }

    /// Asks once more whether the key counts, after everything that the request has used up: whoever has been told before that it
    /// has ended gets nothing. Then the subject, and what the token says of it.
    pub async fn look_again(&self, app: &AppParts) -> Result<(String, Option<Value>), Error> {
        let ended = || uncounted("it has ended");
        let (mut tx, now) = (app.read().await?, app.now());
        let row = machine::find(&mut tx, &self.row.id, now).await?.ok_or_else(ended)?;
        let power = machine::power(&mut tx, &row, now).await?;
        let power = power.ok_or_else(|| uncounted("its owner may not answer for it, or the organisation not act"))?;
        let subject = self.service.subject_of(&app.vault, &Party::Organisation(row.organisation.clone()));
        let organisation = if self.service.scopes.contains(&Scope::Organisation) {
            let organisation = organisation::load(&mut tx, &app.vault, &row.organisation).await?;
            Some(of_organisation(&organisation, power.identity()))
        } else {
            None
        };
        drop(tx);
        if machine::note_use(app, &row).await? { Ok((subject, organisation)) } else { Err(ended()) }
    }
}

/// The key of this id as a client.
pub async fn find(
    app: &AppParts,
    registry: &Registry,
    id: &OrganisationKeyId,
) -> Result<Option<(Client, Machine)>, Error> {
    let row = machine::find(&mut app.read().await?, id, app.now()).await?;
    let Some(row) = row else { return Ok(None) };
    let Some(service) = api(registry, &row.client) else { return Ok(None) };
    let machine = Machine { row, service };
    Ok(Some((machine.client()?, machine)))
}

/// Whether a token still counts that was issued to such a program: asked of the database each time, and remembered nowhere.
pub async fn counts(
    app: &AppParts,
    registry: &Registry,
    token: &AccessToken,
    id: &OrganisationKeyId,
) -> Result<bool, Error> {
    let (mut tx, now) = (app.read().await?, app.now());
    let Some(row) = machine::find(&mut tx, id, now).await? else { return Ok(false) };
    let Some(service) = api(registry, &row.client) else { return Ok(false) };
    let scopes = service.organisation_scopes_of(&row.scope);
    let is_covered = token.scope.split(' ').all(|name| scopes.iter().any(|scope| scope.name == name));
    let is_meant = service.resource_server.as_ref() == Some(&token.aud);
    Ok(is_covered && is_meant && machine::power(&mut tx, &row, now).await?.is_some())
}
