//! The simulated eID-Client (BSI TR-03124-1): what a real one is on a computer, as pages. It fetches the TC token, shows test
//! cards instead of reading one, tells the eID-Server, and sends the browser back.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::middleware::Compress;
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use reqwest::redirect::Policy;
use serde::Deserialize;
use url::{Host, Url};

use super::server::{CardRead, Taken};
use super::{Files, page};
use crate::eid::Returned;
use crate::eid::xml;
use crate::kernel::random::Random;
use crate::kernel::time::{Clock, Timestamp, minutes};

const TOKEN_BYTES_MAX: usize = 16 * 1024;
const REDIRECTS_MAX: usize = 5;
const RUNS_MAX: usize = 64;

/// Section 2.2.3: what `?Status` says.
const STATUS: &str = "Implementation-Title: Simulierter eID-Client\r\nImplementation-Vendor: Demonstration\r\n\
    Implementation-Version: 1\r\nName: Simulierter eID-Client\r\nSpecification-Title: TR-03124-1\r\n\
    Specification-Vendor: Federal Office for Information Security\r\nSpecification-Version: 1.4\r\n";

struct Client {
    http: reqwest::Client,
    clock: Clock,
    random: Random,
    /// What waits for a card, the oldest first.
    runs: Mutex<VecDeque<Run>>,
}

struct Run {
    id: String,
    begun: Timestamp,
    token: Token,
}

/// The TC token (section 2.4), as far as it is needed here.
struct Token {
    server_address: String,
    session_identifier: String,
    psk: String,
    refresh_address: Url,
}

/// Why no card is asked for.
enum Refused {
    /// No TC token: the browser stays here (section 2.5.1).
    NoToken(String),
    /// A token whose addresses do not belong together: the browser goes there.
    Communication(Url),
}

pub fn start(files: &Files, listener: TcpListener, (clock, random): (Clock, Random)) -> Result<ServerHandle, String> {
    let authority = std::fs::read(&files.authority).map_err(|error| error.to_string())?;
    let authority = reqwest::Certificate::from_pem(&authority).map_err(|error| error.to_string())?;
    let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().timeout(Duration::from_secs(10));
    let http = http.tls_certs_merge([authority]).build().map_err(|error| error.to_string())?;
    let client = web::Data::new(Client { http, clock, random, runs: Mutex::default() });
    let app = move || {
        ActixApp::new()
            .app_data(client.clone())
            .wrap(Compress::default())
            .route("/eID-Client", web::get().to(activate))
            .route("/eID-Client/ende", web::post().to(finish))
            .route("/static/{file}", web::get().to(page::asset))
    };
    let server = HttpServer::new(app).workers(1).shutdown_timeout(1).disable_signals().listen(listener);
    let server = server.map_err(|error| error.to_string())?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

/// `?Status`, `?ShowUI=…` or `?tcTokenURL=…`.
async fn activate(client: web::Data<Client>, request: HttpRequest) -> HttpResponse {
    let is_english = page::is_english(&request);
    let mut query = url::form_urlencoded::parse(request.query_string().as_bytes());
    match query.next() {
        Some((name, _)) if name == "Status" => HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
            .body(STATUS),
        Some((name, _)) if name == "ShowUI" => page::idle(is_english),
        Some((name, url)) if name == "tcTokenURL" => match client.fetch_token(&url).await {
            Ok(token) => page::choose(&client.remember(token), is_english),
            Err(Refused::NoToken(why)) => page::no_token(&why, is_english),
            Err(Refused::Communication(address)) => back(address, Returned::CommunicationError),
        },
        _ => page::no_token("tcTokenURL", is_english),
    }
}

impl Client {
    fn runs(&self) -> MutexGuard<'_, VecDeque<Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, token: Token) -> String {
        let (id, begun) = (self.random.token().expose().clone(), self.clock.now());
        let mut runs = self.runs();
        runs.retain(|run| run.begun.plus(minutes(5)) > begun);
        if runs.len() >= RUNS_MAX {
            runs.pop_front();
        }
        runs.push_back(Run { id: id.clone(), begun, token });
        id
    }

    fn take(&self, id: &str) -> Option<Token> {
        let mut runs = self.runs();
        let place = runs.iter().position(|run| run.id == id)?;
        runs.remove(place).map(|run| run.token)
    }

    /// Follows redirects (section 2.5.1) on this machine only: it is a simulation.
    async fn fetch_token(&self, url: &str) -> Result<Token, Refused> {
        let no_token = |why: &str| Refused::NoToken(why.to_owned());
        let mut url = Url::parse(url).map_err(|_| no_token("not an address"))?;
        for _ in 0..=REDIRECTS_MAX {
            if !is_loopback(&url) {
                return Err(no_token("an address that is not of this machine"));
            }
            let answer = self.http.get(url.clone()).send().await.map_err(|_| no_token("no connection"))?;
            match answer.status().as_u16() {
                302 | 303 | 307 => {
                    let location =
                        answer.headers().get(header::LOCATION.as_str()).and_then(|value| value.to_str().ok());
                    url =
                        location.and_then(|location| url.join(location).ok()).ok_or_else(|| no_token("a redirect"))?;
                }
                200 => {
                    let bytes = read(answer).await.map_err(|why| no_token(&why))?;
                    return Token::parse(&bytes, &url);
                }
                other => return Err(no_token(&format!("status {other}"))),
            }
        }
        Err(no_token("too many redirects"))
    }

    /// Tells the eID-Server; whether the card counts there.
    async fn tell(&self, token: &Token, card: Option<String>) -> Result<bool, Returned> {
        let (session_identifier, psk) = (token.session_identifier.clone(), token.psk.clone());
        let read = CardRead { session_identifier, psk, card };
        let sent = self.http.post(&token.server_address).json(&read).send().await;
        let answer = sent.and_then(reqwest::Response::error_for_status).map_err(|_| Returned::TrustedChannelFailed)?;
        answer.json::<Taken>().await.map(|taken| taken.is_accepted).map_err(|_| Returned::ServerError)
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| error.to_string())? {
        if bytes.len() + chunk.len() > TOKEN_BYTES_MAX {
            return Err("a TC token that is too long".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl Token {
    /// The refresh address must be of the same origin as the one that the token came from (section 2.7); otherwise the
    /// address for such errors is where the browser goes, if that one is.
    fn parse(bytes: &[u8], from: &Url) -> Result<Self, Refused> {
        let malformed = |error: xml::Malformed| Refused::NoToken(error.to_string());
        let document = xml::parse(xml::admit(bytes).map_err(malformed)?).map_err(malformed)?;
        let root = document.root_element();
        if root.tag_name().name() != "TCTokenType" || root.tag_name().namespace().is_some() {
            return Err(Refused::NoToken("not a TC token".to_owned()));
        }
        let find = |name: &str| root.children().find(|node| node.has_tag_name(name));
        let text = |name: &str| find(name).map_or(Ok(None), xml::text).map_err(malformed);
        let own = |address: Option<String>| {
            address.and_then(|address| Url::parse(&address).ok()).filter(|url| url.origin() == from.origin())
        };
        let refused = match own(text("CommunicationErrorAddress")?) {
            Some(address) => Refused::Communication(address),
            None => Refused::NoToken("addresses of another origin".to_owned()),
        };
        let parameters = find("PathSecurity-Parameters");
        let psk = parameters.and_then(|node| node.children().find(|node| node.has_tag_name("PSK")));
        let psk = psk.map_or(Ok(None), xml::text).map_err(malformed)?;
        let is_paos = text("Binding")?.as_deref() == Some("urn:liberty:paos:2006-08")
            && text("PathSecurity-Protocol")?.as_deref() == Some("urn:ietf:rfc:4279");
        let parts = (text("ServerAddress")?, text("SessionIdentifier")?, psk, own(text("RefreshAddress")?));
        match parts {
            (Some(server_address), Some(session_identifier), Some(psk), Some(refresh_address)) if is_paos => {
                let is_local =
                    Url::parse(&server_address).is_ok_and(|url| url.scheme() == "https" && is_loopback(&url));
                let token = Self { server_address, session_identifier, psk, refresh_address };
                if is_local { Ok(token) } else { Err(refused) }
            }
            _ => Err(refused),
        }
    }
}

#[derive(Deserialize)]
struct Choice {
    run: String,
    /// `card:` with the key of one, or how it ends without.
    choice: String,
}

/// Somebody has put a card on, or has not.
async fn finish(client: web::Data<Client>, request: HttpRequest, form: web::Form<Choice>) -> HttpResponse {
    let Some(token) = client.take(&form.run) else { return page::no_token("vorbei", page::is_english(&request)) };
    let returned = match form.choice.split_once(':') {
        Some(("card", key)) => match client.tell(&token, Some(key.to_owned())).await {
            Ok(true) => Returned::Ok,
            // The eID-Server has ended it because of the card; what was wrong is for it to say.
            Ok(false) => Returned::ServerError,
            Err(returned) => returned,
        },
        _ => match form.choice.as_str() {
            // After three wrong PINs a real one can only end, too.
            "cancelled" | "wrong-pin" => {
                client.tell(&token, None).await.map_or_else(|error| error, |_| Returned::Cancelled)
            }
            // Nobody tells the eID-Server anything: it will not know for as long as it waits.
            "timeout" => Returned::ClientError,
            "no-channel" => Returned::TrustedChannelFailed,
            "server-error" => Returned::ServerError,
            _ => return page::no_token("unbekannt", page::is_english(&request)),
        },
    };
    back(token.refresh_address, returned)
}

/// Sends the browser on with the result (section 2.5.4).
fn back(mut address: Url, returned: Returned) -> HttpResponse {
    let query = address.query().filter(|query| !query.is_empty()).map(|query| format!("{query}&"));
    address.set_query(Some(&format!("{}{}", query.unwrap_or_default(), returned.to_query())));
    HttpResponse::SeeOther().insert_header((header::LOCATION, address.as_str())).finish()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
