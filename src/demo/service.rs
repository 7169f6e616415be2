//! "Bewohnerparken, Stadt Musterhausen": a small municipal service as an integrator would write it, with the
//! `openidconnect` crate. It knows nothing of the account but the protocol, and explains what it gets.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use askama::Template;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest as OidcRequest, HttpResponse as OidcResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
};
use serde::Deserialize;

use crate::web::page::{FAVICON, STYLESHEET, STYLESHEET_PATH};

const COOKIE: &str = "bewohnerparken";
/// Visitors this small service remembers; the oldest are not kept beyond that.
const VISITORS_MAX: usize = 1000;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// What the service remembers of one browser.
enum Visitor {
    Leaving { state: CsrfToken, nonce: Nonce, verifier: PkceCodeVerifier },
    Arrived { id_token: String, claims: String, userinfo: String, name: String },
}

struct Service {
    issuer: String,
    address: String,
    http: reqwest::Client,
    visitors: Mutex<HashMap<String, Visitor>>,
}

/// Why the service could not do what it wanted; it says so on its page.
type Failure = String;

pub fn start(issuer: &str, address: &str, listener: TcpListener) -> Result<ServerHandle, String> {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| error.to_string())?;
    let visitors = Mutex::default();
    let service = web::Data::new(Service { issuer: issuer.to_owned(), address: address.to_owned(), http, visitors });
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(service.clone())
            .route("/", web::get().to(home))
            .route("/anmelden", web::post().to(sign_in))
            .route("/rueckkehr", web::get().to(come_back))
            .route("/abmelden", web::post().to(sign_out))
            .route("/datenschutz", web::get().to(privacy))
            .route("/static/{file}", web::get().to(asset))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .map_err(|error| error.to_string())?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

#[derive(Template)]
#[template(path = "demo/service.html")]
struct Page {
    css: String,
    failure: Option<String>,
    arrived: Option<Arrived>,
    privacy: bool,
    issuer: String,
}

struct Arrived {
    name: String,
    claims: String,
    userinfo: String,
}

impl Service {
    fn page(&self, failure: Option<Failure>, arrived: Option<Arrived>, privacy: bool) -> HttpResponse {
        let page = Page { css: STYLESHEET_PATH.clone(), failure, arrived, privacy, issuer: self.issuer.clone() };
        match page.render() {
            Ok(body) => HttpResponse::Ok()
                .content_type("text/html; charset=utf-8")
                .insert_header((
                    "content-security-policy",
                    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'",
                ))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .body(body),
            Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
        }
    }

    /// Reads the provider's metadata and keys anew each time: simple, and always right.
    async fn client(&self) -> Result<Client, Failure> {
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(|error| error.to_string())?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &|request| self.fetch(request)).await;
        let metadata = metadata.map_err(|error| format!("Discovery: {error}"))?;
        let secret = ClientSecret::new(super::service_secret());
        let redirect = RedirectUrl::new(format!("{}/rueckkehr", self.address)).map_err(|error| error.to_string())?;
        let id = ClientId::new("bewohnerparken".to_owned());
        Ok(CoreClient::from_provider_metadata(metadata, id, Some(secret)).set_redirect_uri(redirect))
    }

    async fn fetch(&self, request: OidcRequest) -> Result<OidcResponse, reqwest::Error> {
        let (parts, body) = request.into_parts();
        let sent =
            self.http.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send().await?;
        let (status, headers) = (sent.status(), sent.headers().clone());
        let mut response = OidcResponse::new(sent.bytes().await?.to_vec());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    fn remember(&self, key: String, visitor: Visitor) {
        let mut visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        if visitors.len() >= VISITORS_MAX {
            visitors.clear();
        }
        visitors.insert(key, visitor);
    }

    fn forget(&self, key: &str) -> Option<Visitor> {
        self.visitors.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }
}

fn key(request: &HttpRequest) -> Option<String> {
    request.cookie(COOKIE).map(|cookie| cookie.value().to_owned())
}

async fn home(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let visitors = service.visitors.lock().unwrap_or_else(PoisonError::into_inner);
    let arrived = key(&request).and_then(|key| match visitors.get(&key) {
        Some(Visitor::Arrived { claims, userinfo, name, .. }) => {
            Some(Arrived { name: name.clone(), claims: claims.clone(), userinfo: userinfo.clone() })
        }
        _ => None,
    });
    drop(visitors);
    service.page(None, arrived, false)
}

async fn privacy(service: web::Data<Service>) -> HttpResponse {
    service.page(None, None, true)
}

async fn sign_in(service: web::Data<Service>) -> HttpResponse {
    let client = match service.client().await {
        Ok(client) => client,
        Err(failure) => return service.page(Some(failure), None, false),
    };
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (location, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let key = CsrfToken::new_random().secret().clone();
    service.remember(key.clone(), Visitor::Leaving { state, nonce, verifier });
    let cookie = Cookie::build(COOKIE, key).path("/").http_only(true).same_site(SameSite::Lax).finish();
    HttpResponse::SeeOther().cookie(cookie).insert_header((header::LOCATION, location.as_str())).finish()
}

#[derive(Deserialize)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

async fn come_back(service: web::Data<Service>, request: HttpRequest, answer: web::Query<Answer>) -> HttpResponse {
    let Some(key) = key(&request) else {
        return service.page(
            Some("Kein Anmeldevorgang in diesem Browser / no sign-in under way".to_owned()),
            None,
            false,
        );
    };
    match redeem(&service, &key, answer.into_inner()).await {
        Ok(visitor) => {
            service.remember(key, visitor);
            HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish()
        }
        Err(failure) => service.page(Some(failure), None, false),
    }
}

async fn redeem(service: &Service, key: &str, answer: Answer) -> Result<Visitor, Failure> {
    let Some(Visitor::Leaving { state, nonce, verifier }) = service.forget(key) else {
        return Err("Kein Anmeldevorgang in diesem Browser / no sign-in under way".to_owned());
    };
    if answer.state.as_ref() != Some(state.secret()) || answer.iss.as_ref() != Some(&service.issuer) {
        return Err("state oder iss passt nicht / state or iss does not match".to_owned());
    }
    if let Some(error) = answer.error {
        return Err(format!("Das Konto antwortet / the account answers: {error}"));
    }
    let client = service.client().await?;
    let code = AuthorizationCode::new(answer.code.unwrap_or_default());
    let request = client.exchange_code(code).map_err(|error| error.to_string())?.set_pkce_verifier(verifier);
    let tokens =
        request.request_async(&|request| service.fetch(request)).await.map_err(|error| format!("Token: {error}"))?;
    let id_token: &CoreIdToken = tokens.id_token().ok_or("no ID token")?;
    let verifier = client.id_token_verifier();
    let claims: &CoreIdTokenClaims =
        id_token.claims(&verifier, &nonce).map_err(|error| format!("ID token: {error}"))?;
    let request = client
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
        .map_err(|error| error.to_string())?;
    let userinfo: CoreUserInfoClaims =
        request.request_async(&|request| service.fetch(request)).await.map_err(|error| format!("Userinfo: {error}"))?;
    let pretty = |value: serde_json::Result<String>| value.map_err(|error| error.to_string());
    let name = userinfo.name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned());
    Ok(Visitor::Arrived {
        id_token: id_token.to_string(),
        claims: pretty(serde_json::to_string_pretty(claims))?,
        userinfo: pretty(serde_json::to_string_pretty(&userinfo))?,
        name: name.unwrap_or_default(),
    })
}

async fn sign_out(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let visitor = key(&request).and_then(|key| service.forget(&key));
    let Some(Visitor::Arrived { id_token, .. }) = visitor else {
        return HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish();
    };
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("id_token_hint", &id_token)
        .append_pair("post_logout_redirect_uri", &format!("{}/", service.address))
        .finish();
    let location = format!("{}/oauth2/logout?{query}", service.issuer);
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

async fn asset(file: web::Path<String>) -> HttpResponse {
    match format!("/static/{file}").as_str() {
        path if path == *STYLESHEET_PATH => HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLESHEET),
        "/static/favicon.svg" => HttpResponse::Ok().content_type("image/svg+xml").body(FAVICON),
        _ => HttpResponse::NotFound().finish(),
    }
}
