//! Where clients register themselves, and look after that.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::Answer;
use crate::app::App;
use crate::client::registered;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::oidc::registration::{self, Denied, picture_type};
use crate::web::caller::SignedIn;

/// Without the setting there is nothing here.
fn check_enabled(app: &App) -> Result<(), Error> {
    if app.config.registration.enabled { Ok(()) } else { Err(Error::NotFound) }
}

/// RFC 6750 section 2.1. Two headers are none.
fn bearer(http: &HttpRequest) -> Option<&str> {
    let mut headers = http.headers().get_all(header::AUTHORIZATION);
    let (scheme, token) = headers.next()?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && headers.next().is_none()).then_some(token)
}

fn is_json(http: &HttpRequest) -> bool {
    let kind = http.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// RFC 7591 section 3.2.2.
fn refuse(denied: Denied) -> Answer {
    match denied {
        Denied::Error(error) => Err(error),
        Denied::Metadata(refusal) => {
            tracing::info!(code = refusal.code, "{}", refusal.description);
            let body = json!({ "error": refusal.code, "error_description": refusal.description });
            Ok(HttpResponse::BadRequest().json(body))
        }
    }
}

/// RFC 7591 section 3.
pub async fn register(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    body: web::Bytes,
) -> Answer {
    check_enabled(&app)?;
    if !is_json(&http) {
        return Ok(HttpResponse::UnsupportedMediaType().finish());
    }
    match registration::register(&app, &registry, bearer(&http), &body).await {
        Ok(registered) => Ok(HttpResponse::Created().json(registered)),
        Err(denied) => refuse(denied),
    }
}

/// RFC 7592 section 2.1.
pub async fn show(app: web::Data<App>, http: HttpRequest, id: web::Path<String>) -> Answer {
    check_enabled(&app)?;
    Ok(HttpResponse::Ok().json(registration::show(&app, &id, bearer(&http)).await?))
}

/// RFC 7592 section 2.2.
pub async fn change(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    id: web::Path<String>,
    body: web::Bytes,
) -> Answer {
    check_enabled(&app)?;
    if !is_json(&http) {
        return Ok(HttpResponse::UnsupportedMediaType().finish());
    }
    match registration::change(&app, &registry, (id.as_str(), bearer(&http)), &body).await {
        Ok(changed) => Ok(HttpResponse::Ok().json(changed)),
        Err(denied) => refuse(denied),
    }
}

/// RFC 7592 section 2.3.
pub async fn delete(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    id: web::Path<String>,
) -> Answer {
    check_enabled(&app)?;
    registration::delete(&app, &registry, &id, bearer(&http)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The picture that a client shows of itself, for those who are asked whether they want to go on to it.
pub async fn logo(caller: SignedIn, id: web::Path<String>) -> Answer {
    let app = &caller.visitor.app;
    let client = caller.visitor.registry.get(&id).filter(|client| client.registration.is_some());
    let client = client.ok_or(Error::NotFound)?;
    let id: &ClientId = &client.id;
    let logo = registered::logo(&mut app.read().await?, id).await?.ok_or(Error::NotFound)?;
    let kind = picture_type(&logo).ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().content_type(kind).body(logo))
}
