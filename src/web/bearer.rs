//! What comes along to open an API of ours: a token in the Authorization header, with a proof or a certificate beside it.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use super::certificate;
use crate::app::App;
use crate::kernel::error::{Error, Protocol};
use crate::oidc::claims::Credential;
use crate::oidc::confirmation::Confirmation;
use crate::oidc::dpop::{self, Proof};

/// The one Authorization header, if there is one.
pub fn authorization(http: &HttpRequest) -> Result<Option<String>, Error> {
    let mut headers = http.headers().get_all(header::AUTHORIZATION);
    let Some(value) = headers.next() else { return Ok(None) };
    let text = value.to_str().ok().map(str::to_owned);
    match (text, headers.next()) {
        (Some(text), None) => Ok(Some(text)),
        _ => Err(Error::protocol("invalid_client", "malformed Authorization header")),
    }
}

/// The one DPoP proof, if there is one (RFC 9449 section 4.3), checked for this request.
pub fn proof(app: &App, http: &HttpRequest, access_token: Option<&str>) -> Result<Option<Proof>, Protocol> {
    let mut headers = http.headers().get_all("dpop");
    let Some(value) = headers.next() else { return Ok(None) };
    // What is no text, or one of two, is no proof.
    let text = value.to_str().ok().filter(|_| headers.next().is_none()).unwrap_or_default();
    let request = dpop::Request { method: http.method().as_str(), path: http.path(), access_token };
    dpop::check(app, text, &request).map(Some)
}

/// What comes along to open an API: by the scheme Bearer alone (RFC 6750 section 2.1), by the scheme DPoP with a proof (RFC 9449
/// section 7.1).
pub fn credential(app: &App, http: &HttpRequest) -> Result<Option<Credential>, Error> {
    let Some(text) = authorization(http).ok().flatten() else { return Ok(None) };
    let Some((scheme, token)) = text.split_once(' ').filter(|(_, token)| !token.is_empty()) else { return Ok(None) };
    let token = token.to_owned();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(bearer(app, http, token)));
    }
    if !scheme.eq_ignore_ascii_case("dpop") {
        return Ok(None);
    }
    let proof = proof(app, http, Some(&token)).map_err(Error::Resource)?;
    // By this scheme a certificate opens nothing.
    Ok(Some(Credential { token, proof, certificate: None }))
}

/// A token without a proof. What it is bound to may be the certificate that the request comes with.
pub fn bearer(app: &App, http: &HttpRequest, token: String) -> Credential {
    let certificate = certificate::of(app, http);
    let certificate = certificate.and_then(|shown| Confirmation::of_certificate(&shown, app.now()));
    Credential { token, proof: None, certificate }
}

/// RFC 6750 section 3.1: without any token only the scheme is named.
pub fn no_token() -> HttpResponse {
    let mut response = HttpResponse::Unauthorized();
    response.append_header((header::WWW_AUTHENTICATE, "Bearer"));
    response.append_header((header::WWW_AUTHENTICATE, format!("DPoP algs=\"{}\"", dpop::ALGORITHMS.join(" "))));
    response.json(serde_json::json!({}))
}
