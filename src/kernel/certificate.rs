//! Certificates of clients (RFC 8705): what one says, whether an authority has issued it, and a handshake that asks for one.
//!
//! The handshake proves that the peer holds the key and nothing else. Whose certificate it is, and whether it counts at this
//! time, is asked where a client authenticates: self-signed ones would otherwise never get that far.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

use super::secret::sha256;
use super::time::Timestamp;

/// No chain of ours is longer.
const INTERMEDIATES_MAX: usize = 8;

/// What a client has shown that it holds the key of, or what a trusted proxy says of that.
pub struct ClientCertificate {
    end_entity: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
    thumbprint: String,
    not_before: Timestamp,
    not_after: Timestamp,
    dns_names: Vec<String>,
    uris: Vec<String>,
}

impl ClientCertificate {
    /// The end-entity certificate first, then what it came with. Nothing of what cannot be read.
    pub fn read(chain: impl IntoIterator<Item = CertificateDer<'static>>) -> Option<Self> {
        let mut chain = chain.into_iter();
        let end_entity = chain.next()?;
        let intermediates: Vec<_> = chain.take(INTERMEDIATES_MAX + 1).collect();
        if intermediates.len() > INTERMEDIATES_MAX {
            return None;
        }
        let read = Certificate::from_der(&end_entity).ok()?;
        let (read, validity) = (read.tbs_certificate(), read.tbs_certificate().validity());
        let instant = |time: &Time| i64::try_from(time.to_unix_duration().as_secs()).map(Timestamp::from_seconds);
        let (not_before, not_after) = (instant(&validity.not_before), instant(&validity.not_after));
        let (mut dns_names, mut uris) = (Vec::new(), Vec::new());
        for name in read.get_extension::<SubjectAltName>().ok()?.map(|(_, names)| names.0).unwrap_or_default() {
            match name {
                GeneralName::DnsName(name) => dns_names.push(name.to_string()),
                GeneralName::UniformResourceIdentifier(uri) => uris.push(uri.to_string()),
                _ => {}
            }
        }
        let thumbprint = URL_SAFE_NO_PAD.encode(sha256(&end_entity));
        let (not_before, not_after) = (not_before.ok()?, not_after.ok()?);
        Some(Self { end_entity, intermediates, thumbprint, not_before, not_after, dns_names, uris })
    }

    /// The SHA-256 of its DER in base64url (RFC 8705 section 3.1).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Both ends belong to its time (RFC 5280 section 4.1.2.5).
    pub fn is_current(&self, now: Timestamp) -> bool {
        (self.not_before.seconds()..=self.not_after.seconds()).contains(&now.seconds())
    }

    /// Names of hosts are the same in capitals (RFC 5280 section 7.2). A wildcard is no host's name.
    pub fn has_dns_name(&self, name: &str) -> bool {
        self.dns_names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    pub fn has_uri(&self, uri: &str) -> bool {
        self.uris.iter().any(|known| known == uri)
    }
}

/// Who issues the certificates of clients.
pub struct ClientAuthority(Arc<dyn ClientCertVerifier>);

impl ClientAuthority {
    /// Reads the authorities of a PEM file.
    pub fn read_file(file: &Path) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())? {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        verifier.map(Self).map_err(|error| error.to_string())
    }

    /// Whether it has issued the certificate, itself or through others, to a client, and that counts at this time.
    pub fn check(&self, certificate: &ClientCertificate, now: Timestamp) -> Result<(), String> {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or_default()));
        let checked = self.0.verify_client_cert(&certificate.end_entity, &certificate.intermediates, now);
        checked.map(drop).map_err(|error| error.to_string())
    }
}

/// Asks for a certificate in the handshake, takes any or none, and checks that its key has signed.
#[derive(Debug)]
pub struct AskForCertificate(WebPkiSupportedAlgorithms);

impl AskForCertificate {
    pub fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ClientCertVerifier for AskForCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
