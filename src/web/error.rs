//! One refusal, three renderings: OAuth JSON, problem+json, a page. The route's format chooses.

use std::collections::HashMap;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use askama::Template;
use serde_json::json;

use super::aim::{Aim, own_page};
use super::caller::{is_own_page, way_back_to};
use super::page::{Frame, preferred_language};
use crate::app::App;
use crate::kernel::error::{Error, Protocol};
use crate::kernel::texts::{Language, Text, Texts, moment};
use crate::kernel::time::Timestamp;
use crate::oidc::dpop;

/// How a route's refusals look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Page,
    /// RFC 6749 section 5.2, RFC 6750 section 3.
    OAuth,
    /// RFC 9457.
    Problem,
}

/// Paths and their formats, from the route table.
pub struct Formats(pub HashMap<&'static str, Format>);

impl Formats {
    fn of(&self, path: &str) -> Format {
        self.0.get(path).copied().unwrap_or_else(|| match path {
            path if path.starts_with("/oauth2/") || path.starts_with("/.well-known/") => Format::OAuth,
            path if path.starts_with("/api/") => Format::Problem,
            _ => Format::Page,
        })
    }
}

/// What a refusal needs to know of its request, taken before a handler consumes it.
pub struct Refused {
    pub app: App,
    pub path: String,
    pub support_id: String,
    query: String,
    format: Format,
    language: Language,
    has_authorization: bool,
    /// Whether a DPoP proof came along (RFC 9449).
    pub has_proof: bool,
}

impl Refused {
    pub fn new(app: App, request: &HttpRequest, support_id: String) -> Self {
        let path = request.path().to_owned();
        let format = request.app_data::<Formats>().map_or(Format::Page, |formats| formats.of(&path));
        let (query, language) = (request.query_string().to_owned(), preferred_language(request));
        let has_authorization = request.headers().contains_key(header::AUTHORIZATION);
        let has_proof = request.headers().contains_key("dpop");
        Self { app, path, support_id, query, format, language, has_authorization, has_proof }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotSignedIn | Self::NotFresh => StatusCode::UNAUTHORIZED,
            Self::NotAllowed(_) | Self::LevelTooLow(_) => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
            Self::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
            Self::Protocol(error) if error.code == "invalid_client" => StatusCode::UNAUTHORIZED,
            // RFC 6750 section 3.1.
            Self::Resource(error) if error.code == "insufficient_scope" => StatusCode::FORBIDDEN,
            Self::Resource(_) => StatusCode::UNAUTHORIZED,
            Self::Protocol(_) => StatusCode::BAD_REQUEST,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Bare: [`render`] writes the body when the request is at hand.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// Writes a refusal in the format of its route. `error` is `None` where the server itself refused: no such
/// path, body too large, and so on.
pub fn render(refused: &Refused, status: StatusCode, error: Option<&Error>) -> HttpResponse {
    let support_id = refused.support_id.as_str();
    if let Some(Error::Broken(message)) = error {
        tracing::error!(request = support_id, path = refused.path, "{message}");
    }
    if let Some(Error::Protocol(protocol) | Error::Resource(protocol)) = error {
        tracing::info!(
            request = support_id,
            code = protocol.code,
            detail = protocol.detail.as_deref(),
            "{}",
            protocol.description
        );
    }
    let mut response = HttpResponse::build(status);
    retry_after(&mut response, refused, error);
    match refused.format {
        Format::OAuth => oauth(response, refused, status, error),
        Format::Problem => problem(response, refused, status, error),
        Format::Page => page(response, refused, status, error),
    }
}

fn retry_after(response: &mut HttpResponseBuilder, refused: &Refused, error: Option<&Error>) {
    let seconds = match error {
        Some(Error::TooMany(until)) => refused.app.now().until(*until).as_secs() + 1,
        Some(Error::Busy { retry_after_seconds }) => *retry_after_seconds,
        _ => return,
    };
    response.insert_header((header::RETRY_AFTER, seconds.to_string()));
}

fn oauth(
    mut response: HttpResponseBuilder,
    refused: &Refused,
    status: StatusCode,
    error: Option<&Error>,
) -> HttpResponse {
    let (code, description) = match error {
        Some(Error::Protocol(protocol) | Error::Resource(protocol)) => (protocol.code, protocol.description),
        Some(Error::Broken(_)) => ("server_error", "an error on our side"),
        Some(Error::Busy { .. } | Error::TooMany(_)) => {
            ("temporarily_unavailable", "too many requests; try again later")
        }
        Some(Error::NoRoom) => ("temporarily_unavailable", "there is no room for this"),
        Some(Error::NotSignedIn | Error::NotFresh) => ("login_required", "nobody is signed in"),
        Some(Error::LevelTooLow(_)) => ("insufficient_user_authentication", "a higher level is needed"),
        _ if status == StatusCode::METHOD_NOT_ALLOWED => ("invalid_request", "this method is not allowed here"),
        _ => ("invalid_request", "the request is malformed"),
    };
    let scheme = match error {
        Some(Error::Resource(protocol)) => Some(challenge(refused, protocol)),
        _ if code == "invalid_client" && refused.has_authorization => Some("Basic realm=\"token\"".to_owned()),
        _ => None,
    };
    if let Some(scheme) = scheme {
        response.insert_header((header::WWW_AUTHENTICATE, scheme));
    }
    response.json(json!({ "error": code, "error_description": description }))
}

/// Why what came along does not open an API (RFC 6750 section 3, RFC 9449 section 7.1).
fn challenge(refused: &Refused, Protocol { code, description, .. }: &Protocol) -> String {
    if refused.has_proof {
        let algorithms = dpop::ALGORITHMS.join(" ");
        return format!("DPoP error=\"{code}\", error_description=\"{description}\", algs=\"{algorithms}\"");
    }
    format!("Bearer error=\"{code}\", error_description=\"{description}\"")
}

fn problem(
    mut response: HttpResponseBuilder,
    refused: &Refused,
    status: StatusCode,
    error: Option<&Error>,
) -> HttpResponse {
    let support_id = refused.support_id.as_str();
    let title = status.canonical_reason().unwrap_or("refused");
    let mut body = json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "instance": support_id });
    match error {
        Some(Error::Invalid(problems)) => {
            let fields: Vec<_> =
                problems.iter().map(|one| json!({ "field": one.field, "problem": one.problem })).collect();
            body["fields"] = json!(fields);
        }
        Some(Error::LevelTooLow(level)) => body["level"] = json!(level),
        Some(Error::Protocol(protocol) | Error::Resource(protocol)) => {
            body["type"] = json!(format!("oauth/{}", protocol.code));
            body["detail"] = json!(protocol.description);
        }
        Some(Error::Conflict(what)) => body["detail"] = json!(what),
        _ => {}
    }
    if let Some(Error::Resource(protocol)) = error {
        response.insert_header((header::WWW_AUTHENTICATE, challenge(refused, protocol)));
    }
    response.content_type("application/problem+json").body(body.to_string())
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    f: Frame,
    title: String,
    text: String,
    code: Option<String>,
    /// They may act for others, among whom one may do it.
    offers_choice: bool,
    support_id: String,
    contact: String,
}

/// What somebody may do for one and not for another.
fn hangs_on_acting(error: Option<&Error>) -> bool {
    matches!(error, Some(Error::NotAllowed("documents" | "postbox" | "paper" | "calendar")))
}

fn page(
    mut response: HttpResponseBuilder,
    refused: &Refused,
    status: StatusCode,
    error: Option<&Error>,
) -> HttpResponse {
    // Inside a flow the dispatcher knows better what comes next.
    let flow = refused.query.split('&').find(|pair| pair.starts_with("vorgang=req_") && pair.len() < 50);
    if matches!(error, Some(Error::NotFresh)) {
        let then = flow.map_or_else(|| format!("ziel={}", refused.path), str::to_owned);
        return super::page::redirect(&format!("/anmelden/passkey?{then}"));
    }
    let aim = Aim::of_path(&refused.path).map(|aim| match aim {
        // Back to the very page: there are many.
        Aim::Organisation if is_own_page(&refused.path) => format!("?ziel={}", refused.path),
        Aim::Postbox | Aim::Safe if is_own_page(own_page(&refused.path)) => {
            format!("?ziel={}", own_page(&refused.path))
        }
        aim => aim.query().to_owned(),
    });
    if matches!(error, Some(Error::NotSignedIn)) {
        let aim = aim.or_else(|| way_back_to(&refused.path)).unwrap_or_default();
        let location = flow.map_or_else(|| format!("/anmelden{aim}"), |flow| format!("/weiter?{flow}"));
        return super::page::redirect(&location);
    }
    // The one page that says which page wants which level, and how to get there.
    if let (Some(Error::LevelTooLow(_)), Some(aim)) = (error, &aim) {
        return super::page::redirect(&format!("/anmelden/niveau{aim}"));
    }
    let language = refused.language;
    let (title, text) = explain(language, status, error);
    let code = match error {
        Some(Error::Protocol(protocol)) => Some(format!("{} ({})", protocol.code, protocol.description)),
        _ => None,
    };
    let f = Frame::build(&refused.app, language, &refused.path, &refused.query);
    let contact = f.contact.clone();
    let support_id = refused.support_id.clone();
    let (title, text, offers_choice) = (title.to_string(), text.to_string(), hangs_on_acting(error));
    let page = ErrorPage { f, title, text, code, offers_choice, support_id, contact };
    match page.render() {
        Ok(body) => response.content_type("text/html; charset=utf-8").body(body),
        Err(error) => {
            tracing::error!("the error page cannot be rendered: {error}");
            response.content_type("text/plain; charset=utf-8").body("Fehler / error")
        }
    }
}

fn explain(language: Language, status: StatusCode, error: Option<&Error>) -> (Text, Text) {
    let t: &Texts = language.texts();
    let e = &t.error;
    let at = |until: Timestamp| moment::clock(until);
    let (title, text) = match (error, status) {
        (Some(Error::TooMany(until)), _) => {
            return (e.too_many_title.clone(), e.too_many_text.with("time", at(*until)));
        }
        (Some(Error::LevelTooLow(level)), _) => {
            return (
                e.level_too_low_title.clone(),
                e.level_too_low_text.with("level", super::page::level_name(t, *level)),
            );
        }
        (Some(Error::Busy { .. }), _) => (&e.busy_title, &e.busy_text),
        (Some(Error::Protocol(_)), _) => (&e.protocol_title, &e.protocol_text),
        (Some(Error::NoRoom), _) => (&e.no_room_title, &e.no_room_text),
        (Some(Error::NotAllowed("organisation_right" | "mandate")), _) => (&e.no_right_title, &e.no_right_text),
        (error, _) if hangs_on_acting(error) => (&e.no_right_title, &e.no_right_text),
        (_, StatusCode::FORBIDDEN) => (&e.forbidden_title, &e.forbidden_text),
        (_, StatusCode::NOT_FOUND) => (&e.not_found_title, &e.not_found_text),
        (_, StatusCode::METHOD_NOT_ALLOWED) => (&e.method_not_allowed_title, &e.method_not_allowed_text),
        (_, StatusCode::REQUEST_TIMEOUT) => (&e.timeout_title, &e.timeout_text),
        (_, StatusCode::CONFLICT) => (&e.conflict_title, &e.conflict_text),
        (_, StatusCode::GONE) => (&e.gone_title, &e.gone_text),
        (_, StatusCode::PAYLOAD_TOO_LARGE) => (&e.too_large_title, &e.too_large_text),
        (_, StatusCode::UNSUPPORTED_MEDIA_TYPE) => (&e.unsupported_type_title, &e.unsupported_type_text),
        (_, StatusCode::MISDIRECTED_REQUEST) => (&e.misdirected_title, &e.misdirected_text),
        (_, status) if status.is_client_error() => (&e.bad_request_title, &e.bad_request_text),
        _ => (&e.broken_title, &e.broken_text),
    };
    (title.clone(), text.clone())
}
