//! What must hold of how a client proves itself, and of the keys that it signs with.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;

use super::declaration::{Problem, is_name, problem};
use super::{Authentication, Client, check_redirect_uri, jwks, key_algorithm};
use crate::kernel::keys::Algorithm;
use crate::kernel::outbound;

/// An address that we call ourselves.
pub fn check_called(uri: &str, loopback_allowed: bool) -> Result<(), &'static str> {
    check_redirect_uri(uri, loopback_allowed).and_then(|()| outbound::check_host(uri, loopback_allowed))
}

impl Client {
    /// The keys that it signs requests with, beside a secret, a certificate or nothing.
    pub(super) fn check_keys(&self, loopback_allowed: bool) -> Result<(), Problem> {
        match (&self.jwks, &self.jwks_uri) {
            (None, None) => Ok(()),
            _ if matches!(self.authentication, Authentication::PrivateKeyJwt { .. }) => {
                problem("jwks", "a client that authenticates with keys signs its requests with the same ones")
            }
            (Some(jwks), None) => jwks::check(jwks).or_else(|text| problem("jwks", text)),
            (None, Some(uri)) => {
                check_called(uri, loopback_allowed).or_else(|text| problem("jwks_uri", format!("{uri}: {text}")))
            }
            (Some(_), Some(_)) => problem("jwks", "jwks or jwks_uri, one of both"),
        }
    }

    /// FAPI 2.0 Security Profile sections 5.3.2.1 and 5.4.1.
    pub(super) fn check_fapi2(&self) -> Result<(), Problem> {
        match &self.authentication {
            Authentication::PrivateKeyJwt { .. } => {}
            Authentication::SelfSignedTlsClientAuth { .. } | Authentication::TlsClientAuth { .. } => {
                if self.profile.signs_requests() && matches!(self.signing_keys(), (None, None)) {
                    let text = "a client of this profile signs (private_key_jwt, or jwks beside a certificate)";
                    return problem("authentication", text);
                }
            }
            _ => {
                let text = "a client of this profile signs assertions (private_key_jwt) or has a certificate";
                return problem("authentication", text);
            }
        }
        let is_weak = |key: &Jwk| key_algorithm(key) == Some(jsonwebtoken::Algorithm::RS256);
        if self.signing_keys().0.into_iter().flat_map(|jwks| &jwks.keys).any(is_weak) {
            return problem("authentication", "a client of this profile does not sign with RS256");
        }
        if [Some(self.id_token_algorithm), self.userinfo_algorithm].contains(&Some(Algorithm::RS256)) {
            return problem("id_token_algorithm, userinfo_algorithm", "RS256 is too weak for this profile");
        }
        Ok(())
    }
}

fn check_thumbprints(certificates: &[String]) -> Result<(), String> {
    let is_thumbprint = |text: &String| URL_SAFE_NO_PAD.decode(text).is_ok_and(|hash| hash.len() == 32);
    let different: BTreeSet<_> = certificates.iter().collect();
    let is_sound = (1..=10).contains(&certificates.len()) && different.len() == certificates.len();
    if is_sound && certificates.iter().all(is_thumbprint) {
        return Ok(());
    }
    Err("certificates: one to ten different SHA-256 thumbprints in base64url (43 characters)".to_owned())
}

impl Authentication {
    pub fn check(&self, loopback_allowed: bool) -> Result<(), String> {
        match self {
            Self::PrivateKeyJwt { jwks: Some(jwks), jwks_uri: None } => Ok(jwks::check(jwks)?),
            Self::PrivateKeyJwt { jwks: None, jwks_uri: Some(uri) } => {
                check_called(uri, loopback_allowed).map_err(|text| format!("jwks_uri: {uri}: {text}"))
            }
            Self::PrivateKeyJwt { .. } => Err("private_key_jwt takes jwks or jwks_uri, one of both".to_owned()),
            Self::ClientSecretBasic { secret_sha256: Some(hash) }
            | Self::ClientSecretPost { secret_sha256: Some(hash) } => {
                let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
                let text = "secret_sha256 is 64 hexadecimal digits; `client secret` makes one";
                if is_hash { Ok(()) } else { Err(text.to_owned()) }
            }
            Self::SelfSignedTlsClientAuth { certificates } => check_thumbprints(certificates),
            Self::TlsClientAuth { san_dns: Some(name), san_uri: None } => {
                let is_host = is_name(name, 253, b"-.") && name.bytes().all(|byte| !byte.is_ascii_uppercase());
                if is_host { Ok(()) } else { Err("san_dns: the name of a host, in small letters".to_owned()) }
            }
            Self::TlsClientAuth { san_dns: None, san_uri: Some(uri) } => {
                let is_uri = url::Url::parse(uri).is_ok() && uri.len() <= 1000 && uri.is_ascii();
                if is_uri { Ok(()) } else { Err("san_uri: an absolute URI of at most 1000 characters".to_owned()) }
            }
            Self::TlsClientAuth { .. } => Err("tls_client_auth takes san_dns or san_uri, one of both".to_owned()),
            Self::None {} | Self::ClientSecretBasic { .. } | Self::ClientSecretPost { .. } => Ok(()),
        }
    }
}
