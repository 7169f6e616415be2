//! Listeners, TLS, starting and stopping.

use std::any::Any;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::{Extensions, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App as ActixApp, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::client::registry::Registry;
use crate::kernel::certificate::{AskForCertificate, ClientCertificate};
use crate::oidc::grant::Grants;
use crate::organisation::elsewhere;
use crate::proofing::upstream::Providers;
use crate::web::certificate::OfConnection;
use crate::web::form::BODY_MAX_BYTES;
use crate::web::guard::{MtlsListener, guard};
use crate::web::memory::Memory;
use crate::{config, jobs, routes};

/// How long requests under way may take to finish when the program stops.
const SHUTDOWN_SECONDS: u64 = 20;

/// A server that answers. Stops when told to.
pub struct Running {
    pub address: SocketAddr,
    /// Where it asks for client certificates.
    pub mtls_address: Option<SocketAddr>,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    jobs: jobs::Running,
}

/// Binds the address first, so that a failure to do so is an error here and not later.
pub fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))
}

/// Starts pages, protocol endpoints and jobs.
pub async fn start(app: App, listener: TcpListener) -> Result<Running, String> {
    let registry = Registry::load(&app.db, app.now()).await.map_err(|error| error.to_string())?;
    let providers = Providers::open(&app.config.upstream)?;
    elsewhere::check(&app.config.upstream)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let (memory, grants) = (Memory::default(), Grants::default());
    let jobs = jobs::start(app.clone(), registry.clone(), memory.clone(), grants.clone());
    let config = &app.config.server;
    let workers =
        if config.workers == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { config.workers };
    let (tls, mtls) = (tls(config)?, listen_for_certificates(config)?);
    let mtls_address = mtls.as_ref().map(|(_, address, _)| *address);
    let (demo, connections_max) = (app.config.demo, app.config.limits.connections_max);
    let factory = {
        let app = app.clone();
        move || {
            ActixApp::new()
                .app_data(web::Data::new(app.clone()))
                .app_data(web::Data::new(registry.clone()))
                .app_data(web::Data::new(memory.clone()))
                .app_data(web::Data::new(grants.clone()))
                .app_data(web::Data::new(providers.clone()))
                .app_data(web::PayloadConfig::new(BODY_MAX_BYTES))
                .app_data(MtlsListener(mtls_address))
                .wrap(from_fn(guard))
                .configure(|service| routes::configure(service, demo))
        }
    };
    let server = HttpServer::new(factory)
        .workers(workers)
        .max_connections((connections_max / workers).max(1))
        .client_request_timeout(Duration::from_secs(10))
        .client_disconnect_timeout(Duration::from_secs(2))
        .keep_alive(Duration::from_secs(30))
        .shutdown_timeout(SHUTDOWN_SECONDS)
        // An answer that goes out in pieces must not wait for the acknowledgement of the first.
        .tcp_nodelay(true)
        .on_connect(remember_certificate)
        .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls),
        None => server.listen(listener),
    };
    let server = match (server, mtls) {
        (Ok(server), Some((listener, _, tls))) => server.listen_rustls_0_23(listener, tls),
        (server, _) => server,
    };
    let server = server.map_err(|error| error.to_string())?.run();
    let handle = server.handle();
    Ok(Running { address, mtls_address, handle, server: tokio::spawn(server), jobs })
}

impl Running {
    /// Finishes what is under way, then ends. The jobs first: a connection to the database lives on the thread that opened it,
    /// and that may be one of the server's. What the last requests leave to do is done after the next start.
    pub async fn stop(self) {
        self.jobs.stop().await;
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.server.await {
            tracing::error!("the server ended with an error: {error}");
        }
    }

    /// Ends at once, as a crash would; for tests.
    pub async fn abort(self) {
        self.handle.stop(false).await;
        self.jobs.stop().await;
    }
}

type Mtls = (TcpListener, SocketAddr, ServerConfig);

/// The listener that asks for client certificates (RFC 8705), and where it is.
fn listen_for_certificates(config: &config::Server) -> Result<Option<Mtls>, String> {
    let Some(address) = config.mtls_listen else { return Ok(None) };
    let verifier = Arc::new(AskForCertificate::new(&default_provider()));
    let Some(tls) = tls_asking(config, verifier)? else { return Ok(None) };
    let listener = bind(address)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok(Some((listener, address, tls)))
}

/// Keeps with a connection the certificate that it has shown. Only one that was asked for a certificate has any.
fn remember_certificate(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    if let Some(certificate) = ClientCertificate::read(chain.iter().cloned()) {
        data.insert(OfConnection(Arc::new(certificate)));
    }
}

/// TLS as every listener speaks it.
pub fn tls(config: &config::Server) -> Result<Option<ServerConfig>, String> {
    tls_asking(config, WebPkiClientVerifier::no_client_auth())
}

/// TLS 1.3, and 1.2 with ECDHE and AES-GCM only (BSI TR-02102-2).
fn tls_asking(config: &config::Server, verifier: Arc<dyn ClientCertVerifier>) -> Result<Option<ServerConfig>, String> {
    let (Some(certificate), Some(key)) = (&config.tls_certificate_file, &config.tls_key_file) else { return Ok(None) };
    let mut provider = default_provider();
    provider.cipher_suites = vec![
        cipher_suite::TLS13_AES_256_GCM_SHA384,
        cipher_suite::TLS13_AES_128_GCM_SHA256,
        cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .map_err(|error| format!("server.tls_certificate_file: {error}"))?
        .collect();
    let chain = chain.map_err(|error| format!("server.tls_certificate_file: {error}"))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("server.tls_key_file: {error}"))?;
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map(Some)
        .map_err(|error| format!("server.tls_certificate_file: {error}"))
}

/// Installs the collector of metrics. Once per process.
pub fn install_metrics() -> Result<PrometheusHandle, String> {
    PrometheusBuilder::new().install_recorder().map_err(|error| error.to_string())
}

/// Starts health and metrics on their own address.
pub fn start_operations(app: App, listener: TcpListener, metrics: PrometheusHandle) -> Result<ServerHandle, String> {
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(web::Data::new(app.clone()))
            .app_data(web::Data::new(metrics.clone()))
            .route("/health/live", web::get().to(|| async { HttpResponse::Ok().body("live\n") }))
            .route("/health/ready", web::get().to(ready))
            .route("/metrics", web::get().to(show_metrics))
    })
    .workers(1)
    .max_connections(64)
    .client_request_timeout(Duration::from_secs(5))
    .disable_signals()
    .listen(listener)
    .map_err(|error| error.to_string())?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

/// Ready while the database answers within two seconds.
async fn ready(app: web::Data<App>) -> HttpResponse {
    match tokio::time::timeout(Duration::from_secs(2), app.db.ping()).await {
        Ok(Ok(())) => HttpResponse::Ok().body("ready\n"),
        _ => HttpResponse::ServiceUnavailable().body("the database does not answer\n"),
    }
}

async fn show_metrics(app: web::Data<App>, metrics: web::Data<PrometheusHandle>) -> HttpResponse {
    metrics::gauge!("nutzerkonto_commits").set(app.db.commits() as f64);
    metrics::gauge!("nutzerkonto_assertions_waiting").set(app.replay.waiting() as f64);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render())
}
