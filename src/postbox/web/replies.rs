//! What people have answered, for the programs of the authorities that asked.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::Answer;
use super::api::caller;
use crate::app::App;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{MessageId, ReplyId};
use crate::postbox::reply::authority;
use crate::web::bearer::no_token;

/// `GET /api/postbox/v1/messages/{id}/replies`: all replies to a notice, the oldest first.
pub async fn list(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    id: web::Path<String>,
) -> Answer {
    let Some(client) = caller(&app, &registry, &http).await? else { return Ok(no_token()) };
    let id = MessageId::parse(&id).ok_or(Error::NotFound)?;
    let replies = authority::list(&app, &client, &id).await?;
    Ok(HttpResponse::Ok().json(json!({ "replies": replies })))
}

/// `GET /api/postbox/v1/replies/{id}`
pub async fn show(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    id: web::Path<String>,
) -> Answer {
    let Some(client) = caller(&app, &registry, &http).await? else { return Ok(no_token()) };
    let id = ReplyId::parse(&id).ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().json(authority::show(&app, &client, &id).await?))
}
