//! Asking the eID-Server: by HTTPS with our certificate and its authority, signed both ways, within limits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::activation::{self, ClientAddresses};
use super::envelope::{self, Untrusted};
use super::message::{self, Accepted};
use super::signature::{Pinned, Signer};
use super::xml::BYTES_MAX;
use super::{Begun, Failure, Reading};
use crate::config;
use crate::kernel::random::Random;
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;

/// Calls at a time. Whoever comes while so many wait is told at once that it is busy.
const CALLS_MAX: usize = 32;
/// The signature of the demonstration's eID-Server, whose key everybody has.
const OF_THE_DEMONSTRATION: &str = include_str!("../../keys-dev/eid-server.pem");

/// The eID-Server that the operator has a contract with. Cheap to clone.
#[derive(Clone)]
pub struct EidServer(Arc<Parts>);

struct Parts {
    http: reqwest::Client,
    url: Url,
    client_url: String,
    paos_url: Option<String>,
    signer: Signer,
    pinned: Pinned,
    smart_eids: Vec<config::SmartEid>,
    test_documents: bool,
    timeout: Duration,
    calls: Semaphore,
}

impl EidServer {
    /// Reads the settings and the files that they name. Nothing without `server_url`; every refusal to start is made here.
    pub fn open(config: &config::Eid) -> Result<Option<Self>, String> {
        let Some(url) = &config.server_url else { return Ok(None) };
        let url = Url::parse(url).map_err(|error| format!("eid.server_url: {error}"))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err("eid.server_url: must be https, outside loopback".to_owned());
        }
        let client = Url::parse(&config.client_url).map_err(|error| format!("eid.client_url: {error}"))?;
        if !is_loopback(&client) || client.query().is_some() {
            return Err("eid.client_url: an address of the person's own machine, without a query".to_owned());
        }
        if config.paos_url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            return Err("eid.paos_url: must be https".to_owned());
        }
        if !(1..=10).contains(&config.timeout_seconds) {
            return Err("eid.timeout_seconds: between 1 and 10".to_owned());
        }
        let certificate = file(&config.certificate_file, "certificate_file")?;
        let key = file(&config.key_file, "key_file")?;
        let (signing_certificate, signing_key) = match (&config.signing_certificate_file, &config.signing_key_file) {
            (Some(certificate), Some(key)) => (certificate.as_path(), key.as_path()),
            (None, None) => (certificate, key),
            _ => return Err("eid: signing_certificate_file and signing_key_file belong together".to_owned()),
        };
        let pinned = file(&config.server_certificate_file, "server_certificate_file")?;
        let timeout = Duration::from_secs(config.timeout_seconds);
        Ok(Some(Self(Arc::new(Parts {
            http: http(config, [certificate, key], timeout)?,
            url,
            client_url: config.client_url.clone(),
            paos_url: config.paos_url.clone(),
            signer: Signer::read(signing_certificate, signing_key).map_err(|error| format!("eid: {error}"))?,
            pinned: Pinned::read(pinned).map_err(|error| format!("eid.server_certificate_file: {error}"))?,
            smart_eids: config.smart_eids.clone(),
            test_documents: config.test_documents,
            timeout,
            calls: Semaphore::new(CALLS_MAX),
        }))))
    }

    /// Whether it is that of the demonstration, for which everybody can answer.
    pub fn is_of_the_demonstration(&self) -> bool {
        self.0.pinned.contains(OF_THE_DEMONSTRATION)
    }

    /// Begins a run (`useID`). What is read is always the same.
    pub async fn begin(&self, now: Timestamp, random: &Random) -> Result<Begun, Failure> {
        let body = self.ask(&message::use_id_request(&self.0.smart_eids), now, random).await?;
        message::read_begun(&body, self.0.paos_url.as_deref())
    }

    /// Asks for the result (`getResult`). The first `counter` of a run is 1, and every further one is higher by one; after
    /// anything but [`Reading::NotYet`] the run is over. After a failure it may be asked for again, with the next counter.
    pub async fn result(
        &self,
        session: &Secret<String>,
        counter: u32,
        now: Timestamp,
        random: &Random,
    ) -> Result<Reading, Failure> {
        let body = self.ask(&message::get_result_request(session.expose(), counter), now, random).await?;
        let accepted = Accepted { smart_eids: &self.0.smart_eids, test_documents: self.0.test_documents };
        message::read_result(&body, &accepted, now)
    }

    /// The XML that the eID-Client fetches, as `text/xml; charset=utf-8` (BSI TR-03124-1 section 2.4).
    pub fn tc_token(&self, begun: &Begun, refresh_address: &str, communication_error_address: &str) -> String {
        activation::tc_token(begun, refresh_address, communication_error_address)
    }

    /// Where the eID-Client is called, so that it fetches the TC token from this address.
    pub fn client_address(&self, tc_token_url: &str) -> ClientAddresses {
        ClientAddresses::new(&self.0.client_url, tc_token_url)
    }

    /// Sends a signed message; the canonical text of the body of the answer, if that counts.
    async fn ask(&self, content: &str, now: Timestamp, random: &Random) -> Result<String, Failure> {
        let _call = self.0.calls.try_acquire().map_err(|_| Failure::Busy)?;
        let message = envelope::seal(content, &self.0.signer, now, random).map_err(Failure::Configuration)?;
        let answered = tokio::time::timeout(self.0.timeout, self.post(message)).await;
        let answer = answered.unwrap_or(Err(Failure::NoAnswer))?;
        envelope::open(&answer, &self.0.pinned, now).map_err(|error| match error {
            Untrusted::Malformed(error) => error.into(),
            Untrusted::Signature(why) => Failure::WrongSignature(why),
        })
    }

    async fn post(&self, message: String) -> Result<Vec<u8>, Failure> {
        let request = self.0.http.post(self.0.url.clone()).header("content-type", "text/xml; charset=utf-8");
        let mut response = request.header("soapaction", "\"\"").body(message).send().await.map_err(no_answer)?;
        let status = response.status().as_u16();
        // A fault is not signed, and what it says counts for nothing.
        if status != 200 {
            return Err(Failure::ServerError(format!("status {status}")));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if bytes.len() + chunk.len() > BYTES_MAX {
                return Err(Failure::Malformed("longer than 256 KiB".to_owned()));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn no_answer(error: reqwest::Error) -> Failure {
    tracing::warn!("the eID-Server does not answer: {}", reason(&error.without_url()));
    Failure::NoAnswer
}

/// With what is behind it: which certificate, which key.
fn reason(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(behind) = cause {
        text = format!("{text}: {behind}");
        cause = behind.source();
    }
    text
}

fn file<'a>(setting: &'a Option<PathBuf>, name: &str) -> Result<&'a Path, String> {
    setting.as_deref().ok_or_else(|| format!("eid.{name}: needed with server_url"))
}

/// Trusts the authority of the eID-Server and nobody else, and shows our certificate.
fn http(config: &config::Eid, [certificate, key]: [&Path; 2], timeout: Duration) -> Result<reqwest::Client, String> {
    let authority = file(&config.authority_file, "authority_file")?;
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let authorities = Certificate::from_pem_bundle(&read(authority)?);
    let authorities = authorities.map_err(|error| format!("eid.authority_file: {}", reason(&error)))?;
    if authorities.is_empty() {
        return Err("eid.authority_file: no certificate".to_owned());
    }
    let identity = [read(key)?, b"\n".to_vec(), read(certificate)?].concat();
    let identity =
        Identity::from_pem(&identity).map_err(|error| format!("eid.certificate_file, key_file: {}", reason(&error)))?;
    let builder = reqwest::Client::builder().redirect(Policy::none()).no_proxy().timeout(timeout);
    let builder = builder.tls_certs_only(authorities).identity(identity);
    builder.build().map_err(|error| format!("eid.certificate_file, key_file, authority_file: {}", reason(&error)))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
