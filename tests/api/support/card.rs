//! Certificates with their keys, and callers who show one in the handshake.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nutzerkonto::kernel::secret::sha256;
use nutzerkonto::kernel::time::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use reqwest::Method;
use time::OffsetDateTime;

use super::browser::Answer;
use super::world::{Node, World};

/// Under which services reach the listener that asks for certificates.
pub const ALIAS: &str = "https://mtls.konto.example";

/// A certificate with its key, and the certificates between it and an authority.
pub struct Card {
    pub der: Vec<u8>,
    pub certificate: String,
    pub key: String,
    between: String,
}

impl Card {
    /// One that nobody has issued.
    pub fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = (params(change), KeyPair::generate().unwrap());
        Self::new(&params.self_signed(&key).unwrap(), &key, "")
    }

    fn new(certificate: &rcgen::Certificate, key: &KeyPair, between: &str) -> Self {
        let (der, pem) = (certificate.der().to_vec(), certificate.pem());
        Self { der, certificate: pem, key: key.serialize_pem(), between: between.to_owned() }
    }

    /// As the client file names it.
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(&self.der))
    }

    /// As a proxy passes it on (RFC 9440).
    pub fn header(&self) -> String {
        format!(":{}:", STANDARD.encode(&self.der))
    }

    /// Without those between it and the authority.
    pub fn without_chain(self) -> Self {
        Self { between: String::new(), ..self }
    }

    fn identity(&self) -> reqwest::Identity {
        reqwest::Identity::from_pem([&*self.key, &*self.certificate, &*self.between].concat().as_bytes()).unwrap()
    }
}

fn params(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    change(&mut params);
    params
}

/// It counts for so long.
pub fn between(from: Timestamp, until: Timestamp) -> impl Fn(&mut CertificateParams) {
    let instant = |at: Timestamp| OffsetDateTime::from_unix_timestamp(at.seconds()).unwrap();
    move |params| (params.not_before, params.not_after) = (instant(from), instant(until))
}

pub fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

pub fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

/// Who issues certificates; itself the root, or under one.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub certificate: String,
    is_root: bool,
}

impl Authority {
    fn params() -> CertificateParams {
        params(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))
    }

    pub fn root() -> Self {
        let (params, key) = (Self::params(), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate, is_root: true }
    }

    /// Another one that this one stands for.
    pub fn branch(&self, name: &str) -> Self {
        let (mut params, key) = (Self::params(), KeyPair::generate().unwrap());
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate, is_root: false }
    }

    /// A certificate for a client with these names.
    pub fn issue(&self, names: &[SanType], change: impl FnOnce(&mut CertificateParams)) -> Card {
        let key = KeyPair::generate().unwrap();
        let params = params(|params| {
            params.subject_alt_names = names.to_vec();
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            change(params);
        });
        let between = if self.is_root { "" } else { self.certificate.as_str() };
        Card::new(&params.signed_by(&key, &self.issuer).unwrap(), &key, between)
    }
}

/// A node with a listener that asks for certificates.
pub struct Door {
    pub node: Node,
    pub address: SocketAddr,
    /// The certificate of the node itself.
    pub server: String,
}

impl Door {
    /// With this authority for those of clients.
    pub async fn open(world: &World, authority: &Authority) -> Self {
        let server = Card::self_signed(|params| params.subject_alt_names = vec![dns("mtls.konto.example")]);
        let write = |name: &str, text: &str| {
            let file = Path::new(&world.database.directory).join(name);
            std::fs::write(&file, text).unwrap();
            Some(file)
        };
        let node = world
            .node_with(|config| {
                config.server.tls_certificate_file = write("server.pem", &server.certificate);
                config.server.tls_key_file = write("server.key", &server.key);
                config.server.client_certificate_authority_file = write("authority.pem", &authority.certificate);
                config.server.mtls_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
                config.server.mtls_issuer = Some(ALIAS.to_owned());
            })
            .await;
        let address = node.running.mtls_address.unwrap();
        Self { node, address, server: server.certificate }
    }

    /// Somebody with this certificate, or without one.
    pub fn caller(&self, card: Option<&Card>) -> Caller {
        let server = reqwest::Certificate::from_pem(self.server.as_bytes()).unwrap();
        let mut http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        http = http.tls_certs_only([server]).resolve("mtls.konto.example", self.address);
        if let Some(card) = card {
            http = http.identity(card.identity());
        }
        Caller { http: http.build().unwrap(), origin: ALIAS.to_owned(), headers: Vec::new() }
    }

    pub async fn close(self) {
        self.node.running.abort().await;
    }
}

/// A program of a service.
pub struct Caller {
    http: reqwest::Client,
    origin: String,
    /// What it sends with every request.
    headers: Vec<(&'static str, String)>,
}

impl Caller {
    /// At the ordinary listener of a node, with these headers.
    pub fn at(world: &World, address: SocketAddr, headers: &[(&'static str, &str)]) -> Self {
        let host = world.config.issuer.trim_start_matches("http://");
        let headers = [headers, &[("host", host)]].concat();
        let headers = headers.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { http: reqwest::Client::new(), origin: format!("http://{address}"), headers }
    }

    /// The same with one more header.
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let headers = self.headers.iter().cloned().chain([(name, value.to_owned())]).collect();
        Self { http: self.http.clone(), origin: self.origin.clone(), headers }
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Answer {
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.http.request(Method::POST, format!("{}{path}", self.origin)).form(form)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.http.request(Method::GET, format!("{}{path}", self.origin))).await
    }

    pub async fn userinfo(&self, scheme: &str, token: &str) -> Answer {
        self.with("authorization", &format!("{scheme} {token}")).get("/oauth2/userinfo").await
    }
}
