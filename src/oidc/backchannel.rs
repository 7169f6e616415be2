//! Telling services that a session has ended (OpenID Connect Back-Channel Logout 1.0). Whatever ends a session writes one
//! job; that becomes one job for each service that knew the session and wants to be told, repeated until it answers.
//! A session that runs out unused is not told: the service's own limit is as near.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::logout_state::{self, Due};
use super::store;
use crate::app::AppParts;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, JobId, SessionId};
use crate::kernel::keys::Purpose;
use crate::kernel::mail::NotSent;
use crate::kernel::time::minutes;
use crate::organisation::mandate::party;
use crate::store::outbox::{self, Job, Lane};
use crate::store::work::Actor;

/// The job that tells one service.
pub const TELL: &str = "logout.tell";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

#[derive(Serialize, Deserialize)]
struct Told {
    client: ClientId,
    /// Not there if the client has known the session by several: then the session alone says which it is (section 2.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    sid: String,
}

/// Whom a job is about, beside what it tells.
struct Known {
    account: AccountId,
    session: SessionId,
    told: Told,
}

/// Makes a job for each service that is to be told of the sessions in the payload, once, and the row that says what has
/// become of it.
pub async fn fan_out(app: &AppParts, registry: &Registry, ended: &Job) -> Result<(), Error> {
    let sessions: Vec<SessionId> = serde_json::from_slice(ended.plain()).map_err(Error::broken)?;
    let mut known = Vec::new();
    let mut tx = app.read().await?;
    for session in &sessions {
        for rows in
            store::clients_of_session(&mut tx, session).await?.chunk_by(|one, next| one.client_id == next.client_id)
        {
            let [row, others @ ..] = rows else { continue };
            let client = registry.find(&row.client_id).filter(|client| client.backchannel_logout_uri.is_some());
            let subject = |client: &Client| match &row.represented {
                None => Some(client.subject(&app.vault, &row.account_id)),
                Some(represented) => party::parse(represented).map(|party| client.subject_of(&app.vault, &party)),
            };
            known.extend(client.map(|client| Known {
                told: Told {
                    sub: subject(&client).filter(|_| others.is_empty()),
                    sid: client.session(&app.vault, session),
                    client: row.client_id.clone(),
                },
                account: row.account_id.clone(),
                session: session.clone(),
            }));
        }
    }
    drop(tx);
    if known.is_empty() {
        return Ok(());
    }
    let mut work = app.begin(Actor::System("logout")).await?;
    for Known { account, session, told } in &known {
        let job = JobId::new(work.now, &work.random);
        let due = Due { account, client: &told.client, session, ended_at: ended.created_at };
        if logout_state::begin(&mut work, &job, &due).await? {
            let payload = serde_json::to_vec(told).map_err(Error::broken)?;
            outbox::put_as(&mut work, &app.vault, &job, (Lane::Services, TELL), &payload).await?;
        }
    }
    work.commit().await
}

/// Sends one logout token (section 2.5). The address is the registered one, as it is now. `Ok` means that the service has
/// confirmed it.
pub async fn tell(app: &AppParts, registry: &Registry, payload: &[u8]) -> Result<(), NotSent> {
    let Told { client, sub, sid } =
        serde_json::from_slice(payload).map_err(|error| NotSent::for_now(error.to_string()))?;
    let nobody = |reason: &str| NotSent { reason: reason.to_owned(), is_final: true };
    let client = registry.find(&client).ok_or_else(|| nobody("the service is not registered any more"))?;
    let uri = client.backchannel_logout_uri.as_ref();
    let uri = uri.ok_or_else(|| nobody("the service does not want to be told any more"))?;
    let now = app.now();
    let mut claims = json!({
        "iss": app.config.issuer,
        "aud": client.id,
        "sid": sid,
        "iat": now.seconds(),
        "exp": now.plus(minutes(2)).seconds(),
        "jti": app.random.token().expose(),
        "events": { EVENT: {} },
    });
    if let Some(sub) = sub {
        claims["sub"] = json!(sub);
    }
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
