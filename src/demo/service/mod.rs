//! "Bewohnerparken, Stadt Musterhausen": a complete municipal service as an integrator would write it, with the
//! `openidconnect` crate. It knows nothing of the account but the protocol, and explains what it gets.
//!
//! Signing in and out (`sign_in`) is all that most services need. `logout` is told by the account that a session has
//! ended, `tokens` refreshes and calls another program of the city, `notices` delivers a decision, `documents` asks for a document out of
//! somebody's safe and fetches it, `attempts` lists what else one may ask for.

mod attempts;
mod documents;
mod logout;
mod notices;
mod page;
mod proof;
mod sign_in;
mod tokens;
mod visit;
mod words;

use std::net::TcpListener;
use std::path::PathBuf;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::middleware::Compress;
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use openidconnect::core::{CoreClient, CoreProviderMetadata};
use openidconnect::{
    ClientId, ClientSecret, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest as OidcRequest,
    HttpResponse as OidcResponse, IssuerUrl, RedirectUrl,
};
use serde::Deserialize;

use super::signed::Signer;
use crate::postbox::sender::Sender;
use proof::ProofKey;
use visit::{Notice, Visits};
use words::Words;

const COOKIE: &str = "bewohnerparken";
/// The client of the office behind the service, and its key, which everybody has.
const OFFICE_ID: &str = "bewohnerparken-amt";
const OFFICE_KEY: &str = include_str!("../../../keys-dev/office-es256.pem");

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Where everything is.
pub struct Addresses {
    pub issuer: String,
    pub service: String,
    pub register: String,
}

struct Service {
    at: Addresses,
    http: reqwest::Client,
    signer: Signer,
    /// To which the tokens are bound that open somebody's safe.
    proof_key: ProofKey,
    office: Sender,
    /// The last notice that the office has sent.
    notice_file: PathBuf,
    visits: Visits,
    told: logout::Told,
}

/// Why the service could not do what it wanted; it says so on its page.
enum Failure {
    /// The account has answered with this error (RFC 6749 section 4.1.2.1).
    Answered { code: String, description: String },
    /// The answer does not fit what was asked, or did not come.
    Wrong(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

impl From<Failure> for Notice {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Answered { code, description } => {
                Self { is_bad: true, words: Words::of_error(&code), detail: Some(format!("{code}: {description}")) }
            }
            Failure::Wrong(why) => {
                let words =
                    Words("Der Dienst konnte die Antwort nicht annehmen.", "The service could not take the answer.");
                Self { is_bad: true, words, detail: Some(why) }
            }
        }
    }
}

pub fn start(
    at: Addresses,
    http: reqwest::Client,
    listener: TcpListener,
    notice_file: PathBuf,
) -> Result<ServerHandle, String> {
    let office = Sender::new(&at.issuer, OFFICE_ID, (OFFICE_KEY, None))?;
    let (signer, proof_key) = (Signer::new(&at.issuer, http.clone()), ProofKey::new()?);
    let (visits, told) = (Visits::default(), logout::Told::default());
    let service = web::Data::new(Service { at, http, signer, proof_key, office, notice_file, visits, told });
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(service.clone())
            .wrap(Compress::default())
            .route("/", web::get().to(page::home))
            .route("/anmelden", web::post().to(sign_in::leave))
            .route("/rueckkehr", web::get().to(sign_in::come_back))
            .route("/rueckkehr", web::post().to(sign_in::come_back_by_form))
            .route("/abmelden", web::post().to(sign_in::sign_out))
            .route("/sitzung-beendet", web::post().to(logout::receive))
            .route("/erneuern", web::post().to(tokens::refresh))
            .route("/zustellen", web::post().to(notices::deliver))
            .route("/dokument/anfordern", web::post().to(documents::ask))
            .route("/dokument/rueckkehr", web::get().to(documents::come_back))
            .route("/dokument/abrufen", web::post().to(documents::fetch))
            .route("/dokument/langsam-abrufen", web::post().to(documents::fetch_slowly))
            .route("/falsches-token", web::post().to(tokens::call_with_the_wrong_token))
            .route("/datenschutz", web::get().to(page::privacy))
            .route("/static/{file}", web::get().to(page::asset))
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

/// Of the account's metadata what the library does not know.
#[derive(Deserialize)]
struct MoreMetadata {
    authorization_endpoint: String,
    token_endpoint: String,
    pushed_authorization_request_endpoint: String,
    revocation_endpoint: String,
    end_session_endpoint: String,
}

impl Service {
    /// Reads the provider's metadata and keys anew each time: simple, and always right. A service with many visitors
    /// keeps them for a quarter of an hour.
    async fn client(&self) -> Result<Client, String> {
        let issuer = IssuerUrl::new(self.at.issuer.clone()).map_err(|error| error.to_string())?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &|request| self.fetch(request)).await;
        let metadata = metadata.map_err(|error| format!("Discovery: {error}"))?;
        let secret = ClientSecret::new(super::client_secret());
        let redirect = RedirectUrl::new(format!("{}/rueckkehr", self.at.service)).map_err(|error| error.to_string())?;
        let id = ClientId::new(super::CLIENT_ID.to_owned());
        Ok(CoreClient::from_provider_metadata(metadata, id, Some(secret)).set_redirect_uri(redirect))
    }

    async fn more_metadata(&self) -> Result<MoreMetadata, reqwest::Error> {
        let address = format!("{}/.well-known/openid-configuration", self.at.issuer);
        self.http.get(address).send().await?.error_for_status()?.json().await
    }

    /// Carries the library's requests.
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
}

/// The key of this browser's visit. The cookie is `Lax`: no other site can press a button here. In operation it is
/// `Secure` as well.
fn key(request: &HttpRequest) -> Option<String> {
    request.cookie(COOKIE).map(|cookie| cookie.value().to_owned())
}

/// On to another address, with the key of the visit if it is new.
fn redirect(location: &str, key: Option<String>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    if let Some(key) = key {
        response.cookie(Cookie::build(COOKIE, key).path("/").http_only(true).same_site(SameSite::Lax).finish());
    }
    response.insert_header((header::LOCATION, location)).finish()
}
