//! The simulated eID-Server: SOAP as BSI TR-03130-1 describes it, over mutual TLS, signed both ways. What a real one does with
//! the eID-Client over PAOS and the card is one message here (`/paos`), with the key of the run.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::{Extensions, ServerHandle};
use actix_web::rt::net::TcpStream;
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use roxmltree::Node;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde::{Deserialize, Serialize};

use super::Files;
use super::cards::{self, result};
use crate::eid::envelope;
use crate::eid::message::{EID, NO_RESULT_YET};
use crate::eid::signature::{Pinned, Signer};
use crate::eid::xml::{self, Malformed, child, child_text, elements, escape};
use crate::kernel::random::Random;
use crate::kernel::secret::{equal, hex};
use crate::kernel::time::{Clock, Timestamp, minutes};

const RUNS_MAX: usize = 1000;
const INTERNAL_ERROR: &str = "/common#internalError";
const SCHEMA_VIOLATION: &str = "/common#schemaViolation";
const INVALID_SESSION: &str = "/getResult#invalidSession";

/// From `useID` to the first answer to `getResult` that is a result, five minutes at most.
struct Run {
    begun: Timestamp,
    psk_id: String,
    psk: String,
    /// The data that the service asks for.
    asked: HashSet<String>,
    /// Types of eID that the service does not want.
    denied: HashSet<String>,
    counter: u32,
    outcome: Option<Outcome>,
}

/// What the eID-Client has brought.
#[derive(Clone, Copy)]
enum Outcome {
    Card(&'static cards::TestCard),
    Error(&'static str),
}

struct Server {
    /// Where eID-Clients reach it.
    paos: String,
    signer: Signer,
    /// The service whose messages it answers.
    service: Pinned,
    clock: Clock,
    random: Random,
    runs: Mutex<HashMap<String, Run>>,
}

/// With a connection whose peer has shown a certificate of our authority.
struct IsService;

/// What the simulated eID-Client says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardRead {
    pub session_identifier: String,
    pub psk: String,
    /// The key of a test card; nothing if it was called off.
    pub card: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct Taken {
    /// Whether the card counts.
    pub is_accepted: bool,
}

pub fn start(files: &Files, listener: TcpListener, (clock, random): (Clock, Random)) -> Result<ServerHandle, String> {
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let server = web::Data::new(Server {
        paos: format!("https://localhost:{port}/paos"),
        signer: Signer::read(&files.server_certificate, &files.server_key)?,
        service: Pinned::read(&files.client_certificate)?,
        clock,
        random,
        runs: Mutex::default(),
    });
    let app = move || {
        ActixApp::new()
            .app_data(server.clone())
            .app_data(web::PayloadConfig::new(xml::BYTES_MAX))
            .route("/eID", web::post().to(soap))
            .route("/paos", web::post().to(paos))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .shutdown_timeout(1)
        .disable_signals()
        .on_connect(remember_certificate)
        .listen_rustls_0_23(listener, tls(files)?)
        .map_err(|error| error.to_string())?
        .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

/// A certificate is asked for and checked; eID-Clients have none, and get no further than `/paos`.
pub fn tls(files: &Files) -> Result<ServerConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let read = |error: rustls::pki_types::pem::Error| error.to_string();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.authority).map_err(read)?).map_err(|error| error.to_string())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let verifier = verifier.allow_unauthenticated().build().map_err(|error| error.to_string())?;
    let chain = vec![CertificateDer::from_pem_file(&files.server_certificate).map_err(read)?];
    let key = PrivateKeyDer::from_pem_file(&files.server_key).map_err(read)?;
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| error.to_string())
}

fn remember_certificate(connection: &dyn Any, data: &mut Extensions) {
    let stream = connection.downcast_ref::<TlsStream<TcpStream>>();
    if stream.is_some_and(|stream| stream.get_ref().1.peer_certificates().is_some()) {
        data.insert(IsService);
    }
}

async fn soap(server: web::Data<Server>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    if request.conn_data::<IsService>().is_none() {
        return HttpResponse::Forbidden().body("a client certificate is needed\n");
    }
    let now = server.clock.now();
    // Section 3.5.2: what is not signed as it should be gets this answer and no other.
    let content = match envelope::open(&body, &server.service, now) {
        Ok(body) => server.answer(&body, now),
        Err(error) => {
            tracing::info!("the simulated eID-Server refuses a message: {error}");
            failed("useIDResponse", INTERNAL_ERROR)
        }
    };
    match envelope::seal(&content, &server.signer, now, &server.random) {
        Ok(message) => HttpResponse::Ok().content_type("text/xml; charset=utf-8").body(message),
        Err(error) => HttpResponse::InternalServerError().body(error),
    }
}

fn failed(name: &str, minor: &str) -> String {
    format!("<eid:{name} xmlns:eid=\"{EID}\">{}</eid:{name}>", result(Some(minor)))
}

impl Server {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, body: &str, now: Timestamp) -> String {
        self.runs().retain(|_, run| run.begun.plus(minutes(5)) > now);
        let read = || -> Result<String, Malformed> {
            let document = xml::parse(xml::admit(body.as_bytes())?)?;
            let Some(content) = elements(document.root_element()).next() else { return Err(Malformed("no content")) };
            if content.has_tag_name((EID, "useIDRequest")) {
                return self.begin(content, now);
            }
            if content.has_tag_name((EID, "getResultRequest")) {
                return self.result(content, now);
            }
            Err(Malformed("no function of this server"))
        };
        read().unwrap_or_else(|_| failed("useIDResponse", SCHEMA_VIOLATION))
    }

    fn begin(&self, request: Node<'_, '_>, now: Timestamp) -> Result<String, Malformed> {
        let Some(operations) = child(request, (EID, "UseOperations"))? else { return Err(Malformed("no operations")) };
        let named = |parent: Node<'_, '_>, values: &[&str]| -> HashSet<String> {
            elements(parent)
                .filter(|node| node.text().is_some_and(|text| values.contains(&text)))
                .map(|node| node.tag_name().name().to_owned())
                .collect()
        };
        let asked = named(operations, &["REQUIRED", "ALLOWED"]);
        let denied = child(request, (EID, "EIDTypeRequest"))?.map(|types| named(types, &["DENIED"]));
        let mut runs = self.runs();
        if runs.len() >= RUNS_MAX {
            return Ok(failed("useIDResponse", "/useID#tooManyOpenSessions"));
        }
        let secret = || hex(&self.random.bytes::<32>());
        let (session, psk_id, psk) = (secret(), secret(), secret());
        let answer = format!(
            "<eid:useIDResponse xmlns:eid=\"{EID}\"><eid:Session><eid:ID>{session}</eid:ID></eid:Session>\
             <eid:eCardServerAddress>{}</eid:eCardServerAddress><eid:PSK><eid:ID>{psk_id}</eid:ID><eid:Key>{psk}</eid:Key>\
             </eid:PSK>{}</eid:useIDResponse>",
            escape(&self.paos),
            result(None)
        );
        let denied = denied.unwrap_or_default();
        runs.insert(session, Run { begun: now, psk_id, psk, asked, denied, counter: 0, outcome: None });
        Ok(answer)
    }

    fn result(&self, request: Node<'_, '_>, now: Timestamp) -> Result<String, Malformed> {
        let session = child(request, (EID, "Session"))?.map_or(Ok(None), |node| child_text(node, (EID, "ID")))?;
        let counter = child_text(request, (EID, "RequestCounter"))?.and_then(|text| text.parse::<u32>().ok());
        let (Some(session), Some(counter)) = (session, counter) else { return Err(Malformed("no session or counter")) };
        let name = "getResultResponse";
        let mut runs = self.runs();
        let Some(run) = runs.get_mut(&session) else { return Ok(failed(name, INVALID_SESSION)) };
        let is_next = run.counter + 1 == counter;
        run.counter = counter;
        let answer = match run.outcome {
            _ if !is_next => failed(name, "/getResult#invalidCounter"),
            None => return Ok(failed(name, NO_RESULT_YET)),
            Some(Outcome::Error(minor)) => failed(name, minor),
            Some(Outcome::Card(card)) => card.answer(|datum| run.asked.contains(datum), now),
        };
        // Whatever it was, it is said once.
        runs.remove(&session);
        Ok(answer)
    }
}

/// What is read from the card, by whoever has the key of the run.
async fn paos(server: web::Data<Server>, read: web::Json<CardRead>) -> HttpResponse {
    let mut runs = server.runs();
    let run = runs.values_mut().find(|run| run.psk_id == read.session_identifier);
    let Some(run) = run.filter(|run| equal(run.psk.as_bytes(), read.psk.as_bytes())) else {
        return HttpResponse::Forbidden().finish();
    };
    if run.outcome.is_some() {
        return HttpResponse::Conflict().finish();
    }
    let outcome = match read.card.as_deref() {
        None => Outcome::Error(INTERNAL_ERROR),
        Some(key) => match cards::find(key) {
            None => return HttpResponse::NotFound().finish(),
            Some(card) if card.is_blocked => Outcome::Error("/getResult#invalidDocument"),
            Some(card) if run.denied.contains(card.eid_type) => Outcome::Error("/getResult#deniedDocument"),
            Some(card) => Outcome::Card(card),
        },
    };
    run.outcome = Some(outcome);
    HttpResponse::Ok().json(Taken { is_accepted: matches!(outcome, Outcome::Card(_)) })
}
