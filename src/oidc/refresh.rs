//! A refresh token becomes new tokens (RFC 6749 section 6), never for more than its grant still covers.
//!
//! A public client gets another refresh token each time, and one that comes again ends the grant (RFC 9700 section
//! 4.14.2): there is no tolerance for a lost answer, because it cannot be told from a theft. Such a client signs its
//! person in again. A client that authenticates keeps the one token it has, as FAPI 2.0 wants it, so that it can repeat a
//! request whose answer was lost.

use super::client_auth::Authenticated;
use super::confirmation::Confirmation;
use super::grant::{self, Live, RefreshToken};
use super::request::Parameters;
use super::token::{self, TokenResponse};
use super::{OidcEvent, scope_text, scopes_of, store, whose};
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Client, Scope};
use crate::kernel::error::{Error, Protocol};
use crate::organisation::acting;
use crate::store::work::{Actor, Work};

/// A refusal may have ended the grant, so it is an outcome.
enum Outcome {
    Refreshed { live: Box<Live>, scope: String, successor: Option<RefreshToken> },
    Refused(Protocol),
    Ended(Protocol),
}

/// Refreshes in one transaction.
pub async fn refresh(
    app: &AppParts,
    registry: &Registry,
    authenticated: &Authenticated,
    parameters: &Parameters,
) -> Result<TokenResponse, Error> {
    let client = &authenticated.client;
    let presented = parameters.get("refresh_token");
    let presented = presented.ok_or_else(|| Error::protocol("invalid_request", "refresh_token is missing"))?;
    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    authenticated.spend(app, &mut work).await?;
    let outcome = match RefreshToken::parse(presented) {
        Some(token) => take(&mut work, registry, authenticated, &token, parameters).await?,
        None => Outcome::Refused(refusal("not a refresh token")),
    };
    // What anybody can send as a public client leaves no trace, not even the proof that came with it.
    if !(client.is_public() && matches!(outcome, Outcome::Refused(_))) {
        work.commit().await?;
    }
    match outcome {
        Outcome::Refused(error) | Outcome::Ended(error) => Err(Error::Protocol(error)),
        Outcome::Refreshed { live, scope, successor } => {
            let single = token::single_claims(app, Some(&live)).await?;
            let proven = proven(authenticated);
            let basis = token::Basis::of_grant(&live, &scope, proven.as_deref());
            let mut response = token::respond(app, client, &basis, single)?;
            response.refresh_token = successor.map(|token| token.text());
            Ok(response)
        }
    }
}

fn refusal(why: &str) -> Protocol {
    Protocol {
        code: "invalid_grant",
        description: "the refresh token is wrong, used, expired, revoked, or another client's",
        detail: Some(why.to_owned()),
    }
}

async fn take(
    work: &mut Work,
    registry: &Registry,
    authenticated: &Authenticated,
    presented: &RefreshToken,
    parameters: &Parameters,
) -> Result<Outcome, Error> {
    let (client, now) = (&authenticated.client, work.now);
    let found = grant::find(&mut work.tx, registry, grant::By::Family(&presented.family_hash()), now).await?;
    let Some(live) = found.filter(|live| live.scopes.contains(&Scope::OfflineAccess)) else {
        return Ok(Outcome::Refused(refusal("the grant does not count any more")));
    };
    if live.client.id != client.id {
        return end(work, client, &live, "another client came with the refresh token; the grant has ended").await;
    }
    // Who has the token but not the key ends nothing: its owner goes on.
    if !is_holder(&live, proven(authenticated).as_deref()) {
        let why = "the proof or the certificate is missing, or another than the refresh token is bound to";
        return Ok(Outcome::Refused(refusal(why)));
    }
    let resource = parameters.get("resource");
    if resource.is_some() && resource != live.row.resource.as_deref() {
        return Err(token::other_resource());
    }
    let scope = match parameters.get("scope") {
        None => scope_text(&live.scopes),
        Some(asked) => match narrow(&live, asked) {
            Some(scope) => scope,
            None => {
                let description = "scope is wider than what was granted";
                return Ok(Outcome::Refused(Protocol { code: "invalid_scope", description, detail: None }));
            }
        },
    };
    if let Some(power) = &live.power
        && !acting::hand_over(work, power, &client.id).await?
    {
        return Ok(Outcome::Refused(refusal("the mandate has ended")));
    }
    let successor = client.is_public().then(|| presented.next(&work.random));
    if !store::use_refresh_token(work, &live.row, presented, successor.as_ref().unwrap_or(presented)).await? {
        return end(work, client, &live, "the refresh token came a second time; the grant has ended").await;
    }
    Ok(Outcome::Refreshed { live: Box::new(live), scope, successor })
}

/// To which key the new tokens are bound.
fn proven(authenticated: &Authenticated) -> Option<String> {
    authenticated.confirmation.as_ref().map(Confirmation::to_text)
}

/// RFC 9449 section 5: a public client's refresh token is bound to its key. A client that authenticates has bound it by that,
/// and may bring another key, but not come without one again.
fn is_holder(live: &Live, proven: Option<&str>) -> bool {
    let bound = live.row.confirmation.as_deref();
    if live.client.is_public() { proven == bound } else { proven.is_some() || bound.is_none() }
}

/// RFC 6749 section 6: every scope that is asked for must be covered. Who leaves some out gets less this time only.
fn narrow(live: &Live, asked: &str) -> Option<String> {
    let scopes = scopes_of(asked);
    let all_known = asked.split(' ').filter(|name| !name.is_empty()).count() == scopes.len();
    let covered = scopes.contains(&Scope::Openid) && scopes.iter().all(|scope| live.scopes.contains(scope));
    (all_known && covered).then(|| scope_text(&scopes))
}

async fn end(work: &mut Work, client: &Client, live: &Live, why: &'static str) -> Result<Outcome, Error> {
    store::end_grant(work, &live.row.id, &live.row.account_id).await?;
    let event = OidcEvent::RefreshRefused { client: client.id.clone(), grant: live.row.id.clone(), why };
    whose::record(work, &live.whose, &event).await?;
    Ok(Outcome::Ended(refusal(why)))
}
