//! Telling services that a session has ended (OpenID Connect Back-Channel Logout 1.0). Whatever ends a session writes one
//! job; that becomes one job for each service that knew the session and wants to be told, repeated until it answers.
//! A session that runs out unused is not told: the service's own limit is as near.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::store;
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, SessionId};
use crate::kernel::keys::Purpose;
use crate::kernel::mail::NotSent;
use crate::kernel::time::minutes;
use crate::store::outbox;
use crate::store::work::Actor;

/// The job that tells one service.
pub const TELL: &str = "logout.tell";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

#[derive(Serialize, Deserialize)]
struct Told {
    client: ClientId,
    sub: String,
    sid: String,
}

/// Makes a job for each service that is to be told of the sessions in the payload.
pub async fn fan_out(app: &AppParts, registry: &Registry, payload: &[u8]) -> Result<(), Error> {
    let sessions: Vec<SessionId> = serde_json::from_slice(payload).map_err(Error::broken)?;
    let mut told = Vec::new();
    let mut tx = app.read().await?;
    for session in &sessions {
        for row in store::clients_of_session(&mut tx, session).await? {
            let client = registry.find(&row.client_id).filter(|client| client.backchannel_logout_uri.is_some());
            told.extend(client.map(|client| Told {
                sub: client.subject(&app.vault, &row.account_id),
                sid: client.session(&app.vault, session),
                client: row.client_id,
            }));
        }
    }
    drop(tx);
    if told.is_empty() {
        return Ok(());
    }
    let mut work = app.begin(Actor::System("logout")).await?;
    for one in &told {
        outbox::put(&mut work, &app.vault, TELL, &serde_json::to_vec(one).map_err(Error::broken)?).await?;
    }
    work.commit().await
}

/// Sends one logout token (section 2.5). The address is the registered one, as it is now.
pub async fn tell(app: &AppParts, registry: &Registry, payload: &[u8]) -> Result<(), NotSent> {
    let Told { client, sub, sid } =
        serde_json::from_slice(payload).map_err(|error| NotSent::for_now(error.to_string()))?;
    let Some(client) = registry.find(&client) else { return Ok(()) };
    let Some(uri) = &client.backchannel_logout_uri else { return Ok(()) };
    let now = app.now();
    let claims = json!({
        "iss": app.config.issuer,
        "aud": client.id,
        "sub": sub,
        "sid": sid,
        "iat": now.seconds(),
        "exp": now.plus(minutes(2)).seconds(),
        "jti": app.random.token().expose(),
        "events": { EVENT: {} },
    });
    let token = app.keys.current().sign_as("logout+jwt", Purpose::IdToken, client.id_token_algorithm, &claims);
    let token = token.map_err(|error| NotSent::for_now(error.to_string()))?;
    match app.outbound.post_form(uri, &[("logout_token", &token)]).await {
        Ok(200..=299) => Ok(()),
        // Section 2.8: the service has understood and could not do it.
        Ok(400) => Err(NotSent { reason: "the service answered 400".to_owned(), is_final: true }),
        Ok(status) => Err(NotSent::for_now(format!("the service answered {status}"))),
        Err(reason) => Err(NotSent::for_now(reason)),
    }
}
