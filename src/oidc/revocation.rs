//! What a client may ask about its tokens and do to them: introspection (RFC 7662) and revocation (RFC 7009).

use serde::Serialize;

use super::client_auth::Authenticated;
use super::request::Parameters;
use super::token::{AccessToken, read_access_token};
use super::{OidcEvent, store};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::GrantId;
use crate::store::work::Actor;

/// RFC 7662 section 2.2. Of a token that does not count, or is somebody else's, nothing else is said.
#[derive(Serialize)]
pub struct Introspection {
    active: bool,
    #[serde(flatten)]
    token: Option<ActiveToken>,
}

#[derive(Serialize)]
struct ActiveToken {
    token_type: &'static str,
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    scope: String,
    exp: i64,
    iat: i64,
    jti: String,
}

fn token(parameters: &Parameters) -> Result<&str, Error> {
    parameters.get("token").ok_or_else(|| Error::protocol("invalid_request", "token is missing"))
}

/// The client's own token; of another client's it learns nothing (RFC 7009 section 2.1).
fn own(app: &AppParts, authenticated: &Authenticated, token: &str) -> Option<(AccessToken, GrantId)> {
    read_access_token(app, token).filter(|(claims, _)| claims.client_id == authenticated.client.id.0)
}

/// Says whether a token still counts at this moment. Writes nothing, but the assertion that a client may have used.
pub async fn introspect(
    app: &AppParts,
    authenticated: &Authenticated,
    parameters: &Parameters,
) -> Result<Introspection, Error> {
    let token = token(parameters)?;
    authenticated.spend_alone(app).await?;
    let Some((claims, grant)) = own(app, authenticated, token) else { return Ok(Introspection::inactive()) };
    let live = store::find_live_grant(&mut app.read().await?, &grant, app.now()).await?;
    if live.is_none() {
        return Ok(Introspection::inactive());
    }
    let AccessToken { iss, sub, aud, exp, iat, jti, client_id, scope, .. } = claims;
    let token = ActiveToken { token_type: "Bearer", iss, sub, aud, client_id, scope, exp, iat, jti };
    Ok(Introspection { active: true, token: Some(token) })
}

impl Introspection {
    fn inactive() -> Self {
        Self { active: false, token: None }
    }
}

/// Ends the grant behind a token, and with it everything that came of it. A token that is unknown, expired or another
/// client's is left alone, and the answer is the same (RFC 7009 section 2.2).
pub async fn revoke(app: &AppParts, authenticated: &Authenticated, parameters: &Parameters) -> Result<(), Error> {
    let token = token(parameters)?;
    let client = authenticated.client.id.clone();
    let Some((_, grant)) = own(app, authenticated, token) else { return authenticated.spend_alone(app).await };
    let mut work = app.begin(Actor::Client(client.clone())).await?;
    authenticated.spend(&mut work).await?;
    let now = work.now;
    if let Some(live) = store::find_live_grant(&mut work.tx, &grant, now).await? {
        store::end_grant(&mut work, &grant).await?;
        audit::record(&mut work, &OidcEvent::GrantRevoked { account: live.account_id, client, grant }).await?;
    }
    work.commit().await
}
