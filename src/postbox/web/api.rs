//! The delivery interface for authorities' programs. Its description for programs is `docs/postbox-api.json`, served beside it.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::client::registry::Registry;
use crate::client::{Client, delivery};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::{MessageEventId, MessageId};
use crate::kernel::keys::Purpose;
use crate::oidc::{address, api};
use crate::postbox::attachment::{Attachment, Description};
use crate::postbox::incoming::{
    BATCH_MAX, BATCH_MAX_BYTES, Batch, Incoming, Item, MESSAGE_MAX_BYTES, Supposed, check_key, expected,
};
use crate::postbox::provide::{Attempt, Provided, look, provide};
use crate::postbox::receipt::{self, moment};
use crate::postbox::{Message, told};
use crate::web::bearer::{credential, no_token};
use crate::web::guard::RequestFacts;

pub(super) type Answer = Result<HttpResponse, Error>;

const DESCRIPTION: &str = include_str!("../../../docs/postbox-api.json");
/// Events told at once.
const EVENTS_MAX: i64 = 100;
/// Notices of a batch that are provided side by side.
const AT_ONCE: usize = 8;

/// Whoever calls; nobody without a token.
pub(super) async fn caller(app: &App, registry: &Registry, http: &HttpRequest) -> Result<Option<Arc<Client>>, Error> {
    let Some(credential) = credential(app, http)? else { return Ok(None) };
    api::caller(app, registry, &credential, delivery::SCOPE).await.map(Some)
}

/// The body, up to a limit.
async fn body(mut payload: web::Payload, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Error::Incomplete)?;
        if body.len() + chunk.len() > bytes_max {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A refusal that says what is expected where (RFC 9457).
fn refused(status: StatusCode, kind: &str, detail: &str, problems: &[FieldProblem]) -> HttpResponse {
    let fields = problems.iter().map(
        |FieldProblem { field, problem }| json!({ "field": field, "problem": problem, "expected": expected(problem) }),
    );
    problem(status, kind, detail, fields.collect())
}

pub(super) fn problem(status: StatusCode, kind: &str, detail: &str, fields: Vec<Value>) -> HttpResponse {
    let title = status.canonical_reason().unwrap_or("refused");
    let mut body =
        json!({ "type": format!("postbox/{kind}"), "title": title, "status": status.as_u16(), "detail": detail });
    if !fields.is_empty() {
        body["fields"] = json!(fields);
    }
    HttpResponseBuilder::new(status).content_type("application/problem+json").json(body)
}

fn malformed(error: &serde_json::Error) -> HttpResponse {
    // What serde says names the member and what it expected, and nothing of ours.
    problem(StatusCode::BAD_REQUEST, "malformed", &format!("the body is not what is expected: {error}"), Vec::new())
}

/// What has become of one notice that somebody wants to provide.
enum Outcome {
    Provided(StatusCode, Box<Message>, Vec<Attachment>),
    Checked,
    Refused(HttpResponse),
}

/// Says what is wrong; `Err` is only for what is wrong here.
pub(super) fn explained(error: Error) -> Result<HttpResponse, Error> {
    match error {
        Error::Invalid(problems) => {
            let kind = match problems.first().map(|one| one.problem) {
                Some("recipient_unknown") => "unknown-recipient",
                Some("excluded") => "excluded",
                Some(problem) if problem.starts_with("file_") => "attachment-refused",
                _ => "invalid",
            };
            Ok(refused(StatusCode::UNPROCESSABLE_ENTITY, kind, "it is not accepted", &problems))
        }
        Error::Gone => {
            let detail = "this postbox is closed, or locked: nobody can read what is put there; choose another way";
            Ok(problem(StatusCode::GONE, "closed", detail, Vec::new()))
        }
        error => Err(error),
    }
}

/// Provides one notice, or only looks whether it would be taken.
async fn one(app: &App, client: &Client, attempt: Attempt<'_>, is_dry: bool) -> Result<Outcome, Error> {
    let incoming: Incoming = match serde_json::from_slice(attempt.body) {
        Ok(incoming) => incoming,
        Err(error) => return Ok(Outcome::Refused(malformed(&error))),
    };
    let accepted = async {
        check_key(attempt.idempotency_key)?;
        incoming.check(app.now())?;
        let owner = address::owner(&mut app.read().await?, &app.vault, client, &incoming.recipient).await?;
        let owner = owner.ok_or_else(|| Error::field("recipient", "recipient_unknown"))?;
        let notice = incoming.notice(client, owner)?;
        if is_dry {
            return look(app, client, &notice).await.map(|()| None);
        }
        provide(app, client, &notice, attempt).await.map(Some)
    };
    let provided = async |code, message: Message| {
        let enclosed = match incoming.attachments.as_slice() {
            [] => Vec::new(),
            _ => told::attachments(app, &message).await?,
        };
        Ok::<_, Error>(Outcome::Provided(code, Box::new(message), enclosed))
    };
    Ok(match accepted.await {
        Ok(None) => Outcome::Checked,
        Ok(Some(Provided::New(message))) => provided(StatusCode::CREATED, message).await?,
        Ok(Some(Provided::Again(message))) => provided(StatusCode::OK, message).await?,
        Ok(Some(Provided::Differs)) => {
            let detail = "this Idempotency-Key has come before with another notice; nothing was provided now";
            Outcome::Refused(problem(StatusCode::CONFLICT, "key-used", detail, Vec::new()))
        }
        Err(error) => Outcome::Refused(explained(error)?),
    })
}

/// A notice, as its authority may see it.
fn status(app: &App, client: &Client, (message, attachments): (&Message, &[Attachment])) -> Result<Value, Error> {
    let (facts, days) = (&message.facts, &message.days);
    Ok(json!({
        "id": message.id,
        "provided_at": moment(facts.provided_at),
        "notified_at": facts.notified_at.map(moment),
        "opened_at": facts.retrieved_at.map(moment),
        "acknowledged_at": facts.acknowledged_at.map(moment),
        "deleted_at": message.deleted_at.map(moment),
        "rule": message.rule,
        "announced_on": days.announced_on.map(|day| day.to_string()),
        "offer_ends_on": days.offer_ends_on.map(|day| day.to_string()),
        "period": message.period,
        "objection_ends_on": days.objection_ends_on.map(|day| day.to_string()),
        "due_on": days.due_on.map(|day| day.to_string()),
        "attachments": attachments.iter().map(described).collect::<Value>(),
        "receipt": receipt::sign(app, client, message)?,
    }))
}

/// A file, as whoever has sent it may see it.
pub(super) fn described(Attachment { id, description, .. }: &Attachment) -> Value {
    let Description { name, kind, bytes, sha256, scan, seal, judged } = description;
    let mut value = json!({ "id": id, "name": name, "type": kind, "bytes": bytes, "sha256": sha256, "scan": scan });
    if let Some(seal) = seal {
        value["seal"] = json!(seal);
    }
    if let Some(judged) = judged {
        value["judged"] = crate::web::seal::described(judged);
    }
    value
}

pub(super) fn request_id(http: &HttpRequest) -> String {
    http.extensions().get::<RequestFacts>().map(|facts| facts.id.clone()).unwrap_or_default()
}

/// `POST /api/postbox/v1/messages`
pub async fn deliver(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let Some(client) = caller(&app, &registry, &http).await? else { return Ok(no_token()) };
    let body = body(payload, MESSAGE_MAX_BYTES).await?;
    let key = http.headers().get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let attempt = Attempt { idempotency_key: key, body: &body, request: &request_id(&http) };
    match one(&app, &client, attempt, false).await? {
        Outcome::Provided(code, message, attachments) => {
            let location = format!("/api/postbox/v1/messages/{}", message.id);
            let mut response = HttpResponseBuilder::new(code);
            response.insert_header((header::LOCATION, location));
            Ok(response.json(status(&app, &client, (&message, &attachments))?))
        }
        Outcome::Checked => Ok(HttpResponse::NoContent().finish()),
        Outcome::Refused(refusal) => Ok(refusal),
    }
}

/// `POST /api/postbox/v1/batches`: each notice by itself, in any order; what has become of each, in theirs.
pub async fn batch(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let Some(client) = caller(&app, &registry, &http).await? else { return Ok(no_token()) };
    let Batch { dry_run, messages } = match serde_json::from_slice(&body(payload, BATCH_MAX_BYTES).await?) {
        Ok(batch) => batch,
        Err(error) => return Ok(malformed(&error)),
    };
    if !(1..=BATCH_MAX).contains(&messages.len()) {
        let detail = "a batch has 1 to 1000 messages";
        return Ok(problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail, Vec::new()));
    }
    let request = request_id(&http);
    let each = messages.iter().map(|item| of_batch(&app, &client, item, (&request, dry_run)));
    let results: Vec<Result<Value, Error>> = stream::iter(each).buffered(AT_ONCE).collect().await;
    let results = results.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(HttpResponse::Ok().json(json!({ "results": results })))
}

async fn of_batch(
    app: &App,
    client: &Client,
    Item { idempotency_key, message }: &Item,
    (request, is_dry): (&str, bool),
) -> Result<Value, Error> {
    let body = message.to_string();
    let attempt = Attempt { idempotency_key, body: body.as_bytes(), request };
    let outcome = match one(app, client, attempt, is_dry).await {
        // What is told of one must not hide what has become of the others.
        Err(error @ (Error::TooMany(_) | Error::Busy { .. })) => {
            let status = actix_web::ResponseError::status_code(&error).as_u16();
            return Ok(json!({ "idempotency_key": idempotency_key, "status": status }));
        }
        outcome => outcome?,
    };
    Ok(match outcome {
        Outcome::Provided(code, message, attachments) => json!({
            "idempotency_key": idempotency_key, "status": code.as_u16(),
            "message": status(app, client, (&message, &attachments))?,
        }),
        Outcome::Checked => json!({ "idempotency_key": idempotency_key, "status": 200 }),
        Outcome::Refused(refusal) => {
            let status = refusal.status().as_u16();
            let body = actix_web::body::to_bytes(refusal.into_body()).await.map_err(|_| Error::broken("no body"))?;
            let problem: Value = serde_json::from_slice(&body).map_err(Error::broken)?;
            json!({ "idempotency_key": idempotency_key, "status": status, "problem": problem })
        }
    })
}

/// `GET /api/postbox/v1/messages/{id}`
pub async fn show(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    id: web::Path<String>,
) -> Answer {
    let Some(client) = caller(&app, &registry, &http).await? else { return Ok(no_token()) };
    let id = MessageId::parse(&id).ok_or(Error::NotFound)?;
    let message = told::find(&app, &client, &id).await?;
    let attachments = told::attachments(&app, &message).await?;
    Ok(HttpResponse::Ok().json(status(&app, &client, (&message, &attachments))?))
}

/// `GET /api/postbox/v1/events`: what has happened and has not been taken yet, the oldest first.
pub async fn events(app: web::Data<App>, registry: web::Data<Registry>, http: HttpRequest) -> Answer {
    let Some(client) = caller(&app, &registry, &http).await? else { return Ok(no_token()) };
    let events = told::events(&app, &client, EVENTS_MAX).await?;
    let events = events.iter().map(|event| {
        let mut said =
            json!({ "id": event.id, "message": event.message_id, "kind": event.kind, "at": moment(event.at) });
        if let Some(reply) = &event.reply_id {
            said["reply"] = json!(reply);
        }
        said
    });
    Ok(HttpResponse::Ok().json(json!({ "events": events.collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Taken {
    ids: Vec<String>,
}

/// `POST /api/postbox/v1/events/taken`: these need not be told again.
pub async fn take(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let Some(client) = caller(&app, &registry, &http).await? else { return Ok(no_token()) };
    let Taken { ids } = match serde_json::from_slice(&body(payload, MESSAGE_MAX_BYTES).await?) {
        Ok(taken) => taken,
        Err(error) => return Ok(malformed(&error)),
    };
    if ids.len() > EVENTS_MAX as usize {
        let detail = "at most 100 events at once";
        return Ok(problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail, Vec::new()));
    }
    // What is no such id is nothing that could be taken.
    let ids: Vec<_> = ids.iter().filter_map(|id| MessageEventId::parse(id)).collect();
    let taken = told::take(&app, &client, &ids).await?;
    Ok(HttpResponse::Ok().json(json!({ "taken": taken })))
}

/// `POST /api/postbox/v1/computations`: the days that a notice would have with these moments; nothing is written.
pub async fn compute(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let Some(client) = caller(&app, &registry, &http).await? else { return Ok(no_token()) };
    let supposed: Supposed = match serde_json::from_slice(&body(payload, MESSAGE_MAX_BYTES).await?) {
        Ok(supposed) => supposed,
        Err(error) => return Ok(malformed(&error)),
    };
    let land = client.postbox.as_ref().ok_or(Error::NotFound)?.land;
    Ok(HttpResponse::Ok().json(supposed.compute(land)))
}

/// `GET /api/postbox/v1/openapi.json`
pub async fn description() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DESCRIPTION)
}

/// `GET /api/postbox/v1/receipt-keys`: with these anybody checks receipts.
pub async fn receipt_keys(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().json(app.keys.current().jwk_set_of(Purpose::Receipt))
}
