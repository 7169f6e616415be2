//! What holds for every request: an id, the right host, limits, headers, one log line, one count.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpResponse, web};
use futures_util::FutureExt as _;

use super::cors::Cors;
use super::error::{Refused, render};
use super::page::content_policy;
use crate::app::{App, AppParts};
use crate::kernel::error::Error;
use crate::oidc::dpop;
use crate::postbox::attachment;
use crate::safe;

/// Longer than any answer of ours takes; what takes longer is given up. Only a file may come for longer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
const QUERY_MAX_BYTES: usize = 16 * 1024;

/// What is known of every request.
pub struct RequestFacts {
    /// Shown on error pages, in the log and in the audit trail.
    pub id: String,
    /// The client's address; a proxy's word counts only if the proxy is trusted.
    pub address: IpAddr,
}

/// The listener that asks for client certificates, if there is one.
pub struct MtlsListener(pub Option<SocketAddr>);

/// Runs around every handler.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let app = request.app_data::<web::Data<App>>().map(|app| app.get_ref().clone());
    let app = app.ok_or_else(|| Error::broken("no app"))?;
    let began_at = app.now();
    let id = support_id(&app);
    let address = client_address(&app, &request);
    request.extensions_mut().insert(RequestFacts { id: id.clone(), address });
    let method = request.method().clone();

    let patience = match request.path() {
        attachment::PATH => attachment::UPLOAD_TIMEOUT,
        path if safe::takes_files(path) => safe::UPLOAD_TIMEOUT,
        _ => REQUEST_TIMEOUT,
    };
    let cors = Cors::of(request.request());
    let refused = Refused::new(app.clone(), request.request(), id);

    let answered = if let Some(status) = refusal(&app, &request) {
        // What follows on this connection may not mean what it says.
        let mut response = render(&refused, status, None);
        response.head_mut().set_connection_type(ConnectionType::Close);
        Ok(request.into_response(response))
    } else {
        // A handler that panics takes down its own request and nothing else.
        let handled = AssertUnwindSafe(next.call(request)).catch_unwind();
        match tokio::time::timeout(patience, handled).await {
            Ok(Ok(Ok(response))) => Ok(finish(&refused, response)),
            Ok(Ok(Err(error))) => Err(render_error(&refused, &error)),
            Ok(Err(_)) => Err(render_error(&refused, &Error::broken("a handler panicked").into())),
            Err(_) => Err(render(&refused, StatusCode::SERVICE_UNAVAILABLE, None)),
        }
    };
    let seen = |pattern: Option<String>, status: StatusCode| {
        let (pattern, status) = (pattern.unwrap_or_else(|| "none".to_owned()), status.as_u16());
        let milliseconds = began_at.until(app.now()).as_millis();
        tracing::info!(request = refused.support_id, %method, path = pattern, status, milliseconds, "answered");
        metrics::counter!("nutzerkonto_requests_total", "path" => pattern, "status" => status.to_string()).increment(1);
    };
    match answered {
        Ok(mut response) => {
            set_headers(&app, &refused, response.headers_mut());
            cors.apply(response.headers_mut());
            seen(response.request().match_pattern(), response.status());
            Ok(response)
        }
        // The request went down with its handler; what is left is a response without one.
        Err(mut response) => {
            set_headers(&app, &refused, response.headers_mut());
            cors.apply(response.headers_mut());
            seen(None, response.status());
            Err(actix_web::error::InternalError::from_response("given up", response).into())
        }
    }
}

fn render_error(refused: &Refused, error: &actix_web::Error) -> HttpResponse {
    let status = error.as_response_error().status_code();
    render(refused, status, error.as_error::<Error>())
}

/// Refusals get their body here, where the request's format and language are known.
fn finish(refused: &Refused, response: ServiceResponse<impl MessageBody + 'static>) -> ServiceResponse<BoxBody> {
    if let Some(error) = response.response().error() {
        let rendered = render_error(refused, error);
        return response.into_response(rendered);
    }
    let status = response.status();
    let has_page = response.headers().contains_key(header::CONTENT_TYPE);
    if (status.is_client_error() || status.is_server_error()) && !has_page {
        let mut rendered = render(refused, status, None);
        if let Some(allow) = response.headers().get(header::ALLOW) {
            rendered.headers_mut().insert(header::ALLOW, allow.clone());
        }
        return response.into_response(rendered);
    }
    response.map_into_boxed_body()
}

/// Twelve letters in groups of four, easy to read to somebody on the telephone.
fn support_id(app: &AppParts) -> String {
    let letters = app.random.letters(12);
    let text = letters.expose();
    format!("{}-{}-{}", &text[..4], &text[4..8], &text[8..])
}

/// The host under which the listener is known that took this request. No other counts there, the issuer's neither: a
/// client that shares one connection between both must be told (RFC 9110 section 15.5.20).
fn own_host<'a>(app: &'a AppParts, request: &ServiceRequest) -> &'a str {
    let mtls = request.app_data::<MtlsListener>().and_then(|MtlsListener(address)| *address);
    if mtls == Some(request.app_config().local_addr()) { app.config.mtls_host() } else { app.config.host() }
}

/// What no handler needs to see.
fn refusal(app: &AppParts, request: &ServiceRequest) -> Option<StatusCode> {
    let mut hosts = request.headers().get_all(header::HOST);
    let host = hosts
        .next()
        .and_then(|host| host.to_str().ok())
        .or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    if host.is_none() || hosts.next().is_some() {
        return Some(StatusCode::BAD_REQUEST);
    }
    let own = own_host(app, request);
    if !host.is_some_and(|host| host.eq_ignore_ascii_case(own)) {
        return Some(StatusCode::MISDIRECTED_REQUEST);
    }
    if request.uri().authority().is_some_and(|authority| authority.as_str() != own) {
        return Some(StatusCode::MISDIRECTED_REQUEST);
    }
    // There is no other protocol here to change to.
    if request.headers().contains_key(header::UPGRADE) {
        return Some(StatusCode::BAD_REQUEST);
    }
    // The framework would unpack a packed body before any limit looks at its size.
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Some(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    (request.query_string().len() > QUERY_MAX_BYTES).then_some(StatusCode::URI_TOO_LONG)
}

/// The peer's address, or what a trusted proxy says: the last entry of `X-Forwarded-For` that is not itself
/// a trusted proxy.
fn client_address(app: &AppParts, request: &ServiceRequest) -> IpAddr {
    let trusted = &app.config.server.trusted_proxies;
    let peer = request.peer_addr().map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.ip().to_canonical());
    if !trusted.contains(&peer) {
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    for hop in chain.iter().rev().take(16) {
        match hop.parse::<IpAddr>() {
            Ok(address) if trusted.contains(&address.to_canonical()) => {}
            Ok(address) => return address.to_canonical(),
            Err(_) => return peer,
        }
    }
    peer
}

/// Headers of every answer (OWASP ASVS 5.0 V3.4). Nothing is loaded from elsewhere, nothing runs, nobody frames us.
fn set_headers(app: &AppParts, refused: &Refused, headers: &mut HeaderMap) {
    const FIXED: [(&str, &str); 8] = [
        ("x-content-type-options", "nosniff"),
        // No address of ours reaches another host. Not `no-referrer`: under that a browser sends our own forms
        // with `Origin: null` (Fetch standard, "append a request Origin header"), as a forger's would come.
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ("x-permitted-cross-domain-policies", "none"),
        ("x-dns-prefetch-control", "off"),
    ];
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let (false, Ok(policy)) = (headers.contains_key(header::CONTENT_SECURITY_POLICY), content_policy(None)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if app.config.is_https() {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    // Whoever sends proofs learns with every answer what the next one needs (RFC 9449 section 8.2).
    if let (true, Ok(nonce)) = (refused.has_proof, HeaderValue::from_str(&dpop::nonce(&app.vault, app.now()))) {
        headers.insert(HeaderName::from_static("dpop-nonce"), nonce);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
