//! The claims of an account, and userinfo.

use serde_json::{Map, Value, json};

use super::access_token::AccessToken;
use super::{consent, grant, scopes_of};
use crate::account::{self, Account, AttributeName};
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Claim, Scope};
use crate::kernel::error::Error;

/// The claims about an account (OpenID Connect Core section 5.1). Nothing is null and nothing is empty.
pub fn of(account: &Account, claims: &[Claim]) -> Map<String, Value> {
    claims.iter().filter_map(|claim| Some((claim.name().to_owned(), value(account, *claim)?))).collect()
}

fn value(account: &Account, claim: Claim) -> Option<Value> {
    let stated = |name| account.value(name).map(|value| json!(value));
    match claim {
        Claim::Name => Some(json!(account.full_name())),
        Claim::Email => Some(json!(account.email.address.as_str())),
        // An address of an account has always been confirmed.
        Claim::EmailVerified => Some(json!(true)),
        Claim::Locale => Some(json!(account.language.tag())),
        Claim::Address => address(account),
        // Nobody has called there.
        Claim::PhoneNumberVerified => stated(AttributeName::PhoneNumber).map(|_| json!(false)),
        Claim::UpdatedAt => {
            let updated = account.attributes.values().map(|attribute| attribute.recorded_at).max();
            updated.map(|at| json!(at.seconds()))
        }
        _ => claim.attributes().first().and_then(|name| stated(*name)),
    }
}

/// OpenID Connect Core section 5.1.1.
fn address(account: &Account) -> Option<Value> {
    let members = Claim::Address.attributes().iter();
    let members: Map<_, _> =
        members.filter_map(|name| Some((name.name().to_owned(), json!(account.value(*name)?)))).collect();
    if members.is_empty() {
        return None;
    }
    let of = |name| account.value(name);
    let town = [of(AttributeName::PostalCode), of(AttributeName::Locality)];
    let town = town.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let town = Some(town.as_str()).filter(|town| !town.is_empty());
    let lines = [of(AttributeName::StreetAddress), town, of(AttributeName::Region), of(AttributeName::Country)];
    let formatted = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    Some(Value::Object(members.into_iter().chain([("formatted".to_owned(), json!(formatted))]).collect()))
}

/// What of the claims that are asked for, by scope or one by one, may be delivered: still the client's to have, and still
/// agreed to.
pub fn deliverable(live: &grant::Live, scopes: &[Scope], single: &[Claim]) -> Vec<Claim> {
    let may_be = |claim: &Claim| {
        (scopes.contains(&claim.scope()) || single.contains(claim))
            && live.client.rule(*claim).is_some()
            && consent::is_agreed(&live.answers, *claim)
    };
    Claim::ALL.into_iter().filter(may_be).collect()
}

/// OpenID Connect Core section 5.3. The token must be ours and its grant alive; what it covers is what both still cover.
pub async fn userinfo(app: &AppParts, registry: &Registry, bearer: &str) -> Result<Map<String, Value>, Error> {
    let refused = || Error::protocol("invalid_token", "the access token is wrong, expired or revoked");
    let presented = AccessToken::read(app, bearer).filter(|token| token.aud == app.config.issuer);
    let presented = presented.ok_or_else(refused)?;
    let grant_id = presented.grant.as_ref().ok_or_else(refused)?;
    let mut tx = app.read().await?;
    let live = grant::find(&mut tx, registry, grant::By::Id(grant_id), app.now()).await?;
    let live = live.filter(|live| live.client.id.0 == presented.client_id).ok_or_else(refused)?;
    let mut scopes = scopes_of(&presented.scope);
    scopes.retain(|scope| live.scopes.contains(scope));
    let account = account::load(&mut tx, &app.vault, &live.row.account_id).await?;
    let mut claims = of(&account, &deliverable(&live, &scopes, &live.claims.userinfo));
    claims.insert("sub".to_owned(), json!(live.client.subject(&app.vault, &live.row.account_id)));
    Ok(claims)
}
