//! The protocol endpoints, and the pages that an authorization may need.

pub mod consent;
pub mod device;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::authorize::{self, Decision};
use super::claims::{self, Credential, Userinfo};
use super::client_auth::{Authenticated, Shown, authenticate};
use super::confirmation::Confirmation;
use super::device::{self as device_grant, GRANT_TYPE, Verdict};
use super::dispatch::Step;
use super::dpop::{self, Proof};
use super::grant::Grants;
use super::request::{self, Parameters, Refusal};
use super::response::Response;
use super::{
    client_credentials, discovery, exchange, logout, logout_state, par, refresh, request_object, revocation, token,
};
use crate::app::App;
use crate::client::registry::Registry;
use crate::kernel::error::{Error, Protocol};
use crate::kernel::key_times::JWK_SET_KEPT;
use crate::signin::session;
use crate::store::work::Actor;
use crate::web::caller::Visitor;
use crate::web::certificate;
use crate::web::form::{ForeignForm, Form, parse_pairs};
use crate::web::page::{Frame, content_policy};

type Answer = Result<HttpResponse, Error>;

/// RFC 9701 section 5.
const INTROSPECTION_JWT: &str = "application/token-introspection+jwt";

pub async fn discovery(app: web::Data<App>) -> Answer {
    let document = discovery::document(&app.config);
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=3600")).json(document))
}

pub async fn jwks(app: web::Data<App>) -> Answer {
    let mut response = HttpResponse::Ok();
    let cache = format!("public, max-age={}", JWK_SET_KEPT.as_secs());
    response.insert_header((header::CACHE_CONTROL, cache)).content_type("application/json");
    Ok(response.body(app.keys.current().jwk_set().to_owned()))
}

fn query_parameters(request: &HttpRequest) -> Result<Parameters, Error> {
    let pairs = parse_pairs(request.query_string().as_bytes());
    Parameters::new(pairs.ok_or_else(|| Error::protocol("invalid_request", "the query is malformed"))?)
}

pub async fn authorize(visitor: Visitor, http: HttpRequest) -> Answer {
    let parameters = query_parameters(&http)?;
    let (app, registry) = (&visitor.app, &visitor.registry);
    let client = request::find_client(registry, &parameters).map_err(Error::Protocol)?;
    let request = if par::is_reference(&parameters) {
        let (request, hash) = par::find(app, &client, &parameters).await?;
        (request, Some(hash))
    } else {
        let opened = request_object::open(app, registry, &client, &parameters).await?;
        match request::check(app, client.clone(), opened.as_ref().unwrap_or(&parameters)) {
            Ok(request) => (request, None),
            Err(Refusal::Page(error)) => return Err(Error::Protocol(error)),
            Err(Refusal::Client { target, error }) => {
                return answer(&visitor, &Response::failure(app, &client, &target, &error)?);
            }
        }
    };
    let browser = visitor.browser_hash();
    let decision = authorize::begin(&visitor.app, &client, request, visitor.session.as_ref(), &browser).await?;
    follow(&visitor, decision)
}

/// A request as a form from the client's page comes without our cookies (`SameSite=Lax`), so that the
/// browser has to come once more by itself.
pub async fn authorize_by_form(ForeignForm(pairs): ForeignForm) -> Answer {
    again_by_get("/oauth2/authorize", pairs)
}

fn again_by_get(path: &str, pairs: Vec<(String, String)>) -> Answer {
    let parameters = Parameters::new(pairs)?;
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters.pairs()).finish();
    Ok(crate::web::page::redirect(&format!("{path}?{query}")))
}

fn follow(visitor: &Visitor, decision: Decision) -> Answer {
    let (path, id) = match decision {
        Decision::Return(response) => return answer(visitor, &response),
        Decision::Device(Verdict::Allowed) => return visitor.leave("/geraet/fertig"),
        Decision::Device(Verdict::Denied) => return visitor.leave("/geraet/abgelehnt"),
        Decision::Continue(Step::Register, id) => ("/registrieren", id),
        Decision::Continue(Step::RaiseLevel(_), id) => ("/anmelden/niveau", id),
        Decision::Continue(Step::ConfirmDevice, id) => ("/geraet/pruefen", id),
        Decision::Continue(Step::Consent, id) => ("/einwilligung", id),
        Decision::Continue(_, id) => ("/anmelden", id),
    };
    visitor.leave(&format!("{path}?vorgang={id}"))
}

#[derive(Template)]
#[template(path = "oidc/form_post.html")]
struct FormPostPage<'a> {
    f: Frame,
    service: String,
    redirect_uri: &'a str,
    parameters: &'a [(&'static str, String)],
}

/// Sends the browser back to the client: by a redirect, or by a form whose only place to go is the client.
fn answer(visitor: &Visitor, response: &Response) -> Answer {
    let Response { target, parameters } = response;
    if !target.mode.is_form() {
        return visitor.leave(&response.location());
    }
    let redirect_uri = target.redirect_uri.as_str();
    let service =
        url::Url::parse(redirect_uri).ok().and_then(|uri| uri.host_str().map(str::to_owned)).unwrap_or_default();
    // No form on this page goes anywhere else: not to sign out, not to cancel.
    let f = Frame { signed_in: false, service: None, csrf: String::new(), ..visitor.frame() };
    let mut page = visitor.page(&FormPostPage { f, service, redirect_uri, parameters })?;
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, content_policy(Some(redirect_uri))?);
    Ok(page)
}

/// Every step returns here.
pub async fn resume(visitor: Visitor) -> Answer {
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    let browser = visitor.browser_hash();
    let decision = authorize::resume(&visitor.app, &pending, visitor.session.as_ref(), &browser).await?;
    follow(&visitor, decision)
}

pub async fn cancel(visitor: Visitor, _form: Form) -> Answer {
    let pending = visitor.pending.clone().ok_or(Error::Gone)?;
    let too_low = visitor.session.as_ref().is_some_and(|session| session.level < pending.request.level);
    let error = if too_low {
        let description = "the level that the client needs was not reached";
        Protocol { code: "unmet_authentication_requirements", description, detail: None }
    } else {
        Protocol { code: "access_denied", description: "the person has cancelled", detail: None }
    };
    let decision = authorize::refuse(&visitor.app, &pending, &visitor.browser_hash(), &error).await?;
    follow(&visitor, decision)
}

pub async fn token(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    http: HttpRequest,
    ForeignForm(pairs): ForeignForm,
) -> Answer {
    let (authenticated, parameters) = client(&app, &registry, &http, pairs).await?;
    let authenticated = authenticated.proving(proof(&app, &http, None).map_err(Error::Protocol)?).bound()?;
    let tokens = match parameters.get("grant_type") {
        Some("authorization_code") => token::redeem(&app, &registry, &authenticated, &parameters).await?,
        Some("refresh_token") => refresh::refresh(&app, &registry, &authenticated, &parameters).await?,
        Some(GRANT_TYPE) => device_grant::redeem(&app, &registry, &authenticated, &parameters).await?,
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
    let (authenticated, parameters) = client(&app, &registry, &http, pairs).await?;
    let authenticated = authenticated.proving(proof(&app, &http, None).map_err(Error::Protocol)?);
    Ok(HttpResponse::Created().json(par::push(&app, &registry, &authenticated, &parameters).await?))
}

/// The client behind a request at an endpoint of its own, and what it asks.
async fn client(
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
    if accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim() == INTROSPECTION_JWT) {
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

/// The one Authorization header, if there is one.
fn authorization(http: &HttpRequest) -> Result<Option<String>, Error> {
    let mut headers = http.headers().get_all(header::AUTHORIZATION);
    let Some(value) = headers.next() else { return Ok(None) };
    let text = value.to_str().ok().map(str::to_owned);
    match (text, headers.next()) {
        (Some(text), None) => Ok(Some(text)),
        _ => Err(Error::protocol("invalid_client", "malformed Authorization header")),
    }
}

/// The one DPoP proof, if there is one (RFC 9449 section 4.3), checked for this request.
fn proof(app: &App, http: &HttpRequest, access_token: Option<&str>) -> Result<Option<Proof>, Protocol> {
    let mut headers = http.headers().get_all("dpop");
    let Some(value) = headers.next() else { return Ok(None) };
    // What is no text, or one of two, is no proof.
    let text = value.to_str().ok().filter(|_| headers.next().is_none()).unwrap_or_default();
    let request = dpop::Request { method: http.method().as_str(), path: http.path(), access_token };
    dpop::check(app, text, &request).map(Some)
}

/// What comes along to open an API: by the scheme Bearer alone (RFC 6750 section 2.1), by the scheme DPoP with a proof (RFC 9449
/// section 7.1).
fn credential(app: &App, http: &HttpRequest) -> Result<Option<Credential>, Error> {
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
fn bearer(app: &App, http: &HttpRequest, token: String) -> Credential {
    let certificate = certificate::of(app, http);
    let certificate = certificate.and_then(|shown| Confirmation::of_certificate(&shown, app.now()));
    Credential { token, proof: None, certificate }
}

/// RFC 6750 section 3.1: without any token only the scheme is named.
fn no_token() -> Answer {
    let mut response = HttpResponse::Unauthorized();
    response.append_header((header::WWW_AUTHENTICATE, "Bearer"));
    response.append_header((header::WWW_AUTHENTICATE, format!("DPoP algs=\"{}\"", dpop::ALGORITHMS.join(" "))));
    Ok(response.json(serde_json::json!({})))
}

pub async fn userinfo(
    app: web::Data<App>,
    registry: web::Data<Registry>,
    grants: web::Data<Grants>,
    http: HttpRequest,
) -> Answer {
    let Some(credential) = credential(&app, &http)? else { return no_token() };
    Ok(match claims::userinfo(&app, &registry, &grants, &credential).await? {
        Userinfo::Json(claims) => HttpResponse::Ok().json(claims),
        Userinfo::Token(token) => HttpResponse::Ok().content_type("application/jwt").body(token),
    })
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
        (None, None) => return no_token(),
    };
    Ok(match claims::userinfo(&app, &registry, &grants, &credential).await? {
        Userinfo::Json(claims) => HttpResponse::Ok().json(claims),
        Userinfo::Token(token) => HttpResponse::Ok().content_type("application/jwt").body(token),
    })
}

#[derive(Template)]
#[template(path = "oidc/logout.html")]
struct LogoutPage {
    f: Frame,
    service: Option<String>,
    fields: Vec<(String, String)>,
}

const LOGOUT_FIELDS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

pub async fn logout(visitor: Visitor, http: HttpRequest) -> Answer {
    let parameters = query_parameters(&http)?;
    let checked = logout::check(&visitor.app, &visitor.registry, &parameters, visitor.session.as_ref())?;
    if checked.confirmed {
        return end(&visitor, checked.target).await;
    }
    let fields = LOGOUT_FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), parameters.get(name)?.to_owned())));
    let service = checked.client.map(|client| client.title(visitor.language));
    visitor.page(&LogoutPage { f: visitor.frame(), service, fields: fields.collect() })
}

pub async fn logout_by_form(ForeignForm(pairs): ForeignForm) -> Answer {
    again_by_get("/oauth2/logout", pairs)
}

pub async fn confirm_logout(visitor: Visitor, form: Form) -> Answer {
    let field =
        |name: &&str| Some(((*name).to_owned(), form.get(name).to_owned())).filter(|(_, value)| !value.is_empty());
    let parameters = Parameters::new(LOGOUT_FIELDS.iter().filter_map(field).collect())?;
    let checked = logout::check(&visitor.app, &visitor.registry, &parameters, visitor.session.as_ref())?;
    if form.is("antwort", "ja") {
        return end(&visitor, checked.target).await;
    }
    visitor.leave(checked.target.as_deref().unwrap_or("/konto"))
}

async fn end(visitor: &Visitor, target: Option<String>) -> Answer {
    // Nobody to sign out: a link from anywhere must not end what is under way in this browser.
    let Some(session) = &visitor.session else { return visitor.leave(target.as_deref().unwrap_or("/abgemeldet")) };
    let mut work = visitor.app.begin(Actor::Account(session.account_id.clone())).await?;
    work.request = Some(visitor.request_id.clone());
    session::end(&mut work, session).await?;
    work.commit().await?;
    match target {
        Some(target) => visitor.end_session(&target),
        None => visitor.end_session(&logout_state::farewell(&visitor.app, &visitor.registry, &session.id).await?),
    }
}
