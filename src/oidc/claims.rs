//! Which data a scope stands for, and userinfo.

use serde_json::{Map, Value, json};

use super::{grant, scopes_of, token};
use crate::account::{self, Account, AttributeName};
use crate::app::AppParts;
use crate::client::Scope;
use crate::client::registry::Registry;
use crate::kernel::error::Error;

/// One thing a person sees on the consent page: which data, and its value.
pub struct Shown {
    pub attribute: Shows,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    Attribute(AttributeName),
    Email,
}

/// The data of an account behind a scope, as people see it.
pub fn shown(account: &Account, scopes: &[Scope]) -> Vec<Shown> {
    let mut out = Vec::new();
    if scopes.contains(&Scope::Profile) {
        for name in account.attributes.keys() {
            let value = account.value(*name).unwrap_or_default().to_owned();
            out.push(Shown { attribute: Shows::Attribute(*name), value });
        }
    }
    if scopes.contains(&Scope::Email) {
        out.push(Shown { attribute: Shows::Email, value: account.email.address.as_str().to_owned() });
    }
    out
}

/// The same as claims (OpenID Connect Core section 5.1 and 5.4). Nothing is null and nothing is empty.
fn claims(account: &Account, scopes: &[Scope]) -> Map<String, Value> {
    let mut claims = Map::new();
    if scopes.contains(&Scope::Profile) {
        claims.insert("name".to_owned(), json!(account.full_name()));
        for (name, claim) in [
            (AttributeName::GivenNames, "given_name"),
            (AttributeName::FamilyName, "family_name"),
            (AttributeName::BirthDate, "birthdate"),
        ] {
            if let Some(value) = account.value(name) {
                claims.insert(claim.to_owned(), json!(value));
            }
        }
        if let Some(updated) = account.attributes.values().map(|attribute| attribute.recorded_at).max() {
            claims.insert("updated_at".to_owned(), json!(updated.seconds()));
        }
    }
    if scopes.contains(&Scope::Email) {
        claims.insert("email".to_owned(), json!(account.email.address.as_str()));
        claims.insert("email_verified".to_owned(), json!(true));
    }
    claims
}

/// OpenID Connect Core section 5.3. The token must be ours and its grant alive; what it covers is what both still cover.
pub async fn userinfo(app: &AppParts, registry: &Registry, bearer: &str) -> Result<Map<String, Value>, Error> {
    let refused = || Error::protocol("invalid_token", "the access token is wrong, expired or revoked");
    let presented = token::read_access_token(app, bearer).filter(|token| token.aud == app.config.issuer);
    let presented = presented.ok_or_else(refused)?;
    let grant_id = presented.grant.as_ref().ok_or_else(refused)?;
    let mut tx = app.read().await?;
    let live = grant::find(&mut tx, registry, grant::By::Id(grant_id), app.now()).await?;
    let live = live.filter(|live| live.client.id.0 == presented.client_id).ok_or_else(refused)?;
    let mut scopes = scopes_of(&presented.scope);
    scopes.retain(|scope| live.scopes.contains(scope));
    let account = account::load(&mut tx, &app.vault, &live.row.account_id).await?;
    let mut claims = claims(&account, &scopes);
    claims.insert("sub".to_owned(), json!(live.client.subject(&app.vault, &live.row.account_id)));
    Ok(claims)
}
