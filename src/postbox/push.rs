//! Telling an authority's program by itself what happens to its notices: security event tokens (RFC 8417), pushed to an address of
//! the program's (RFC 8935). Whatever happens is written down first and waits until it is taken. Here each event that waits becomes
//! one job, once, and the job takes the event when the program has confirmed it; an event that is given up waits to be fetched.

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::receipt::moment;
use super::store::{self, EventRow};
use super::told;
use crate::app::AppParts;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, MessageEventId};
use crate::kernel::keys::Purpose;
use crate::kernel::mail::NotSent;
use crate::store::outbox::{self, Job, Lane, Tried};
use crate::store::work::{Actor, Work};

/// The job that tells one program of one event.
pub const TELL: &str = "postbox.tell";
/// Events that become jobs in one transaction.
const ROUND: i64 = 100;
/// What is read of an answer. Nothing of it is needed.
const ANSWER_MAX_BYTES: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Handed {
    client: ClientId,
    event: MessageEventId,
}

fn address(client: &Client) -> Option<&str> {
    client.postbox.as_ref()?.events_uri.as_deref()
}

/// Makes a job for each event that waits and has none, for the programs that want to be told.
pub async fn hand_over(app: &AppParts, registry: &Registry) -> Result<(), Error> {
    for client in registry.approved().iter().filter(|client| address(client).is_some()) {
        while store::any_unhanded(&mut app.read().await?, &client.id).await? {
            let mut work = app.begin(Actor::System("postbox")).await?;
            for event in store::hand_over(&mut work, &client.id, ROUND).await? {
                let payload =
                    serde_json::to_vec(&Handed { client: client.id.clone(), event }).map_err(Error::broken)?;
                outbox::put_plain(&mut work, (Lane::Services, TELL), &payload).await?;
            }
            work.commit().await?;
        }
    }
    Ok(())
}

/// Sends one event. The address is the declared one, as it is now. `Ok` means that the program has it.
pub async fn tell(app: &AppParts, registry: &Registry, job: &Job) -> Result<(), NotSent> {
    let again = |error: Error| NotSent::for_now(error.to_string());
    let nobody = |reason: &str| NotSent { reason: reason.to_owned(), is_final: true };
    let Handed { client, event } = read(job).map_err(again)?;
    let client = registry.find(&client).ok_or_else(|| nobody("the client is not registered any more"))?;
    let uri = address(&client).ok_or_else(|| nobody("the client does not want to be told any more"))?;
    // It may have been fetched meanwhile.
    let Some(event) = waiting(app, &client.id, &event).await.map_err(again)? else { return Ok(()) };
    let kind = json!(event.kind);
    let kind = format!("{}/api/postbox/v1/events/{}", app.config.issuer, kind.as_str().unwrap_or_default());
    let mut said = json!({ "message": event.message_id, "at": moment(event.at) });
    if let Some(reply) = &event.reply_id {
        said["reply"] = json!(reply);
    }
    let claims = json!({
        "iss": app.config.issuer,
        "aud": client.id,
        "iat": app.now().seconds(),
        "jti": event.id,
        "events": { kind: said },
    });
    let token = app.keys.current().sign_as("secevent+jwt", Purpose::IdToken, client.id_token_algorithm, &claims);
    let token = token.map_err(again)?;
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/secevent+jwt")),
        (ACCEPT, HeaderValue::from_static("application/json")),
    ]);
    let answer = app.outbound.call((Method::POST, uri), headers, token.into_bytes(), ANSWER_MAX_BYTES).await;
    match answer.map(|answer| answer.status.as_u16()) {
        Ok(200..=299) => Ok(()),
        // RFC 8935 section 2.3: the program has read it and cannot take it; the same again would not help.
        Ok(400) => Err(nobody("the program answered 400")),
        Ok(status) => Err(NotSent::for_now(format!("the program answered {status}"))),
        Err(reason) => Err(NotSent::for_now(reason)),
    }
}

async fn waiting(app: &AppParts, client: &ClientId, event: &MessageEventId) -> Result<Option<EventRow>, Error> {
    Ok(store::waiting_event(&mut app.read().await?, client, event).await?)
}

/// Writes down what has become of it: what the program has confirmed it need not fetch.
pub async fn note(work: &mut Work, job: &Job, tried: &Tried<'_>) -> Result<(), Error> {
    if *tried == Tried::Done {
        let Handed { client, event } = read(job)?;
        told::take_one(work, &client, &event).await?;
    }
    Ok(())
}

fn read(job: &Job) -> Result<Handed, Error> {
    serde_json::from_slice(job.plain()).map_err(Error::broken)
}
