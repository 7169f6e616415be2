//! The endpoints that programs call: with what they prove themselves there, and what they get.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::Answer;
use crate::app::App;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::oidc::claims::{self, Userinfo};
use crate::oidc::client_auth::{Authenticated, Shown, authenticate};
use crate::oidc::device;
use crate::oidc::grant::Grants;
use crate::oidc::request::{self, Parameters};
use crate::oidc::{client_credentials, exchange, par, refresh, revocation, token};
use crate::web::bearer::{authorization, bearer, credential, no_token, proof};
use crate::web::certificate;
use crate::web::form::{ForeignForm, parse_pairs};

/// RFC 9701 section 5.
const INTROSPECTION_JWT: &str = "application/token-introspection+jwt";

pub async fn token(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    ForeignForm(pairs): ForeignForm,
) -> Answer {
    let (authenticated, parameters) = caller(&app, &registry, &http, pairs).await?;
    let authenticated = authenticated.proving(proof(&app, &http, None).map_err(Error::Protocol)?).bound()?;
    request::check_unsupported(&parameters).map_err(Error::Protocol)?;
    request::check_no_details(&parameters).map_err(Error::Protocol)?;
    let grant = parameters.get("grant_type");
    let authenticated = if grant == Some("client_credentials") { authenticated } else { authenticated.service()? };
    let tokens = match grant {
        Some("authorization_code") => token::redeem(&app, &registry, &authenticated, &parameters).await?,
        Some("refresh_token") => refresh::refresh(&app, &registry, &authenticated, &parameters).await?,
        Some(device::GRANT_TYPE) => device::redeem(&app, &registry, &authenticated, &parameters).await?,
        Some("client_credentials") => client_credentials::issue(&app, authenticated, &parameters).await?,
        Some(exchange::GRANT_TYPE) => {
            let exchanged = exchange::exchange(&app, &registry, authenticated, &parameters).await?;
            return Ok(HttpResponse::Ok().insert_header((header::PRAGMA, "no-cache")).json(exchanged));
        }
        Some(_) => return Err(Error::protocol("unsupported_grant_type", "this grant_type is not supported")),
        None => return Err(Error::protocol("invalid_request", "grant_type is missing")),
    };
    Ok(HttpResponse::Ok().insert_header((header::PRAGMA, "no-cache")).json(tokens))
}

pub async fn push(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    ForeignForm(pairs): ForeignForm,
) -> Answer {
    let (authenticated, parameters) = proving_client(&app, &registry, &http, pairs).await?;
    Ok(HttpResponse::Created().json(par::push(&app, &registry, &authenticated, &parameters).await?))
}

/// Whoever is behind a request at an endpoint for programs, and what they ask.
async fn caller(
    app: &App,
    registry: &Registry,
    http: &HttpRequest,
    pairs: Vec<(String, String)>,
) -> Result<(Authenticated, Parameters), Error> {
    if !http.query_string().is_empty() {
        return Err(Error::protocol("invalid_request", "parameters belong into the body"));
    }
    let parameters = Parameters::new(pairs)?;
    let (header, certificate) = (authorization(http)?, certificate::of(app, http));
    let shown = Shown { authorization: header.as_deref(), certificate: certificate.as_deref() };
    Ok((authenticate(app, registry, &shown, &parameters).await?, parameters))
}

/// As [`caller`], if it is a client, and no key of an organisation.
async fn client(
    app: &App,
    registry: &Registry,
    http: &HttpRequest,
    pairs: Vec<(String, String)>,
) -> Result<(Authenticated, Parameters), Error> {
    let (authenticated, parameters) = caller(app, registry, http, pairs).await?;
    Ok((authenticated.service()?, parameters))
}

/// As [`client`], with the proof that came along.
pub async fn proving_client(
    app: &App,
    registry: &Registry,
    http: &HttpRequest,
    pairs: Vec<(String, String)>,
) -> Result<(Authenticated, Parameters), Error> {
    let (authenticated, parameters) = client(app, registry, http, pairs).await?;
    Ok((authenticated.proving(proof(app, http, None).map_err(Error::Protocol)?), parameters))
}

pub async fn introspect(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    grants: web::Data<Grants>,
    http: HttpRequest,
    ForeignForm(pairs): ForeignForm,
) -> Answer {
    let (authenticated, parameters) = client(&app, &registry, &http, pairs).await?;
    let authenticated = authenticated.confidential()?;
    let answer = revocation::introspect(&app, &registry, &grants, &authenticated, &parameters).await?;
    let accepted = http.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    // RFC 9701 section 4.
    if accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().map(str::trim) == Some(INTROSPECTION_JWT))
    {
        let token = answer.sign(&app, &authenticated.client)?;
        return Ok(HttpResponse::Ok().content_type(INTROSPECTION_JWT).body(token));
    }
    Ok(HttpResponse::Ok().json(answer))
}

pub async fn revoke(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    ForeignForm(pairs): ForeignForm,
) -> Answer {
    let (authenticated, parameters) = client(&app, &registry, &http, pairs).await?;
    revocation::revoke(&app, &registry, &authenticated, &parameters).await?;
    Ok(HttpResponse::Ok().finish())
}

fn tell(userinfo: Userinfo) -> Answer {
    Ok(match userinfo {
        Userinfo::Json(claims) => HttpResponse::Ok().json(claims),
        Userinfo::Token(token) => HttpResponse::Ok().content_type("application/jwt").body(token),
    })
}

pub async fn userinfo(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    grants: web::Data<Grants>,
    http: HttpRequest,
) -> Answer {
    let Some(credential) = credential(&app, &http)? else { return Ok(no_token()) };
    tell(claims::userinfo(&app, &registry, &grants, &credential).await?)
}

/// RFC 6750 section 2.2: the token may stand in the body of a form, but not in both places.
pub async fn userinfo_by_post(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    grants: web::Data<Grants>,
    http: HttpRequest,
    body: web::Bytes,
) -> Answer {
    let is_form = http
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let pairs = if is_form { parse_pairs(&body).unwrap_or_default() } else { Vec::new() };
    let in_body = Parameters::new(pairs)?.get("access_token").map(str::to_owned);
    let credential = match (credential(&app, &http)?, in_body) {
        (Some(_), Some(_)) => return Err(Error::protocol("invalid_request", "the token stands in two places")),
        (Some(credential), None) => credential,
        (None, Some(token)) => bearer(&app, &http, token),
        (None, None) => return Ok(no_token()),
    };
    tell(claims::userinfo(&app, &registry, &grants, &credential).await?)
}
