//! The online identity card.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

section! {
    /// The online identity card: the eID-Server that is asked (BSI TR-03130), see [operations](operations.md#the-online-identity-card).
    /// All files are PEM.
    Eid "[eid]" {
        /// The eID-Server's address for services (SOAP). With it, the other files are needed.
        server_url: Option<String> = None,
        /// Our certificate for TLS, with those between it and its authority.
        certificate_file: Option<PathBuf> = None,
        /// Its key, PKCS#8.
        key_file: Option<PathBuf> = None,
        /// The authorities that issue the eID-Server's certificate for TLS. No other is trusted.
        authority_file: Option<PathBuf> = None,
        /// The certificate with which the eID-Server signs its answers; two while one takes the other's place.
        server_certificate_file: Option<PathBuf> = None,
        /// The certificate with which we sign, if it is not `certificate_file`: P-256, P-384, or RSA from 3000 bits.
        signing_certificate_file: Option<PathBuf> = None,
        /// Its key, PKCS#8.
        signing_key_file: Option<PathBuf> = None,
        /// Where eID-Clients reach the eID-Server, if it does not say so in its answers (`eCardServerAddress`).
        paos_url: Option<String> = None,
        /// The eID-Client on people's own machines. Another one is only for trying out.
        client_url: String = "http://127.0.0.1:24727/eID-Client".to_owned(),
        /// Kinds of Smart-eID that are accepted beside cards: `SECertified`, `SEEndorsed`, `HWKeyStore`.
        smart_eids: Vec<SmartEid> = Vec::new(),
        /// Accept cards for testing, too. Never in operation: anybody can get one, with any name.
        test_documents: bool = false,
        /// How long an answer may take, 1 to 10 seconds.
        timeout_seconds: u64 = 8,
    }
}

/// What can carry an identity in a telephone (BSI TR-03130-1 section 3.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmartEid {
    /// In a certified secure element.
    #[serde(rename = "SECertified")]
    SeCertified,
    /// In a secure element that has been approved otherwise.
    #[serde(rename = "SEEndorsed")]
    SeEndorsed,
    /// In the key store of the telephone.
    #[serde(rename = "HWKeyStore")]
    HwKeyStore,
}

impl SmartEid {
    pub const ALL: [Self; 3] = [Self::SeCertified, Self::SeEndorsed, Self::HwKeyStore];
}
