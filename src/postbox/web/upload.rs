//! `POST /api/postbox/v1/attachments`: an authority's program sends a file for a notice that is still to come.

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::json;

use super::api::{Answer, caller, described, explained, problem, request_id};
use crate::app::App;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::oidc::address::{self, Address};
use crate::postbox::attachment::FILE_MAX_BYTES;
use crate::postbox::attachment::upload::{Sent, Uploaded, upload};
use crate::postbox::receipt::moment;

/// Whoever could not be served because the scanner is silent may come again so many seconds later.
const RETRY_AFTER_SECONDS: &str = "30";

/// So long whoever is refused may go on sending.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// What the address says of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    /// The subject by which services of this authority know the recipient; or else the next one.
    subject: Option<String>,
    postbox_reference: Option<String>,
    name: String,
}

impl Said {
    fn address(&self) -> Option<Address> {
        match (&self.subject, &self.postbox_reference) {
            (Some(subject), None) => Some(Address::Subject(subject.clone())),
            (None, Some(reference)) => Some(Address::PostboxReference(reference.clone())),
            _ => None,
        }
    }
}

/// The body is the file; it is never in memory as a whole.
pub async fn take(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    mut payload: web::Payload,
) -> Answer {
    let Some(client) = caller(&app, &registry, &http).await? else { return Ok(crate::web::bearer::no_token()) };
    let said = match web::Query::<Said>::from_query(http.query_string()) {
        Ok(said) => said.into_inner(),
        Err(error) => {
            let detail =
                format!("the address has to have name, and subject or postbox_reference, and nothing else: {error}");
            return Ok(problem(StatusCode::BAD_REQUEST, "malformed", &detail, Vec::new()));
        }
    };
    let uploaded = keep(&app, &client, (&said, &request_id(&http)), &mut payload).await;
    if !matches!(uploaded, Ok(Uploaded::Kept(..))) {
        drain(&mut payload).await;
    }
    uploaded.map_or_else(explained, |uploaded| Ok(answer(uploaded)))
}

/// Lets what is still under way come, for a moment: many programs read no answer before they have sent everything, and would learn of a
/// connection that broke off, not why.
async fn drain(payload: &mut web::Payload) {
    let rest = async {
        let mut left = FILE_MAX_BYTES;
        while let Some(Ok(piece)) = payload.next().await {
            left = left.saturating_sub(piece.len() as u64);
            if left == 0 {
                break;
            }
        }
    };
    drop(tokio::time::timeout(DRAIN_MAX, rest).await);
}

async fn keep(
    app: &App,
    client: &Client,
    (said, request): (&Said, &str),
    payload: &mut web::Payload,
) -> Result<Uploaded, Error> {
    let unknown = || Error::field("recipient", "recipient_unknown");
    let address = said.address().ok_or_else(unknown)?;
    let recipient = address::owner(&mut app.read().await?, &app.vault, client, &address).await?.ok_or_else(unknown)?;
    upload(app, client, Sent { recipient: &recipient, name: &said.name, request }, payload).await
}

fn answer(uploaded: Uploaded) -> HttpResponse {
    match uploaded {
        Uploaded::Kept(attachment, expires_at) => {
            let mut value = described(&attachment);
            value["expires_at"] = json!(moment(expires_at));
            HttpResponse::Created().json(value)
        }
        Uploaded::Infected(finding) => {
            let detail = format!("the virus scanner has found something in it: {finding}; nothing of it is kept");
            let field = json!({ "field": "file", "problem": "infected", "expected": "a file in which the scanner finds nothing" });
            problem(StatusCode::UNPROCESSABLE_ENTITY, "attachment-refused", &detail, vec![field])
        }
        Uploaded::NotScanned => {
            let detail = "the virus scanner gives no answer, and nothing is taken unseen; send it again later";
            let mut refusal = problem(StatusCode::SERVICE_UNAVAILABLE, "not-scanned", detail, Vec::new());
            refusal.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER_SECONDS));
            refusal
        }
        Uploaded::NotKept => {
            let detail = "there is no place for files here: the operator has set neither objects.directory nor \
                          objects.s3_bucket; put the text into the notice, or send paper";
            problem(StatusCode::NOT_IMPLEMENTED, "attachments-not-kept", detail, Vec::new())
        }
    }
}
