//! What a registration says about keys: to sign with, to encrypt for, and certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Algorithm as Signature;
use jsonwebtoken::jwk::JwkSet;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

use super::members::{Members, Refusal, refuse};
use crate::client::{Answer, Authentication, Encryption, has_private_key, jwks, key_algorithm};
use crate::kernel::certificate::ClientCertificate;
use crate::kernel::jwe::{Content, KeyManagement};

const SELF_SIGNED: &str = "self_signed_tls_client_auth";
/// Members that say how a client signs.
const SIGNATURES: [&str; 2] = ["token_endpoint_auth_signing_alg", "request_object_signing_alg"];

/// The keys of a registration, by what they are for.
#[derive(Default)]
pub struct Keys {
    /// Those that it signs with.
    pub jwks: Option<JwkSet>,
    /// Where it publishes them instead.
    pub jwks_uri: Option<String>,
    for_encryption: Vec<Value>,
    /// Thumbprints of the certificates that stand with its keys.
    certificates: Vec<String>,
}

impl Keys {
    /// `method` is how the client authenticates.
    pub fn read(said: &Members<'_>, method: &str) -> Result<Self, Refusal> {
        let mut wanted = Vec::new();
        for name in SIGNATURES {
            wanted.extend(said.word::<Signature>(name)?.map(|algorithm| (name, algorithm)));
        }
        for (name, algorithm) in &wanted {
            if !matches!(algorithm, Signature::ES256 | Signature::PS256 | Signature::RS256 | Signature::EdDSA) {
                return refuse(name, "ES256, PS256, RS256 or EdDSA");
            }
        }
        let jwks_uri = said.owned("jwks_uri")?;
        let Some(set) = said.get("jwks") else { return Ok(Self { jwks_uri, ..Self::default() }) };
        if jwks_uri.is_some() {
            return refuse("jwks", "jwks or jwks_uri, one of both");
        }
        if has_private_key(set) {
            return refuse("jwks", "contains a private key");
        }
        let Some(keys) = set.get("keys").and_then(Value::as_array) else { return refuse("jwks", "has no keys") };
        let is_for_encryption = |key: &Value| key.get("use").and_then(Value::as_str) == Some("enc");
        let (for_encryption, mut signing): (Vec<_>, Vec<_>) = keys.iter().cloned().partition(is_for_encryption);
        let certificates = if method == SELF_SIGNED { thumbprints(&signing)? } else { Vec::new() };
        if method == SELF_SIGNED {
            // One that only carries a certificate needs no name.
            signing.retain(|key| key.get("kid").is_some());
        }
        if wanted.iter().any(|(_, algorithm)| *algorithm == Signature::RS256) {
            sign_by_rs256(&mut signing);
        }
        let jwks = if signing.is_empty() { None } else { Some(read_set(&signing)?) };
        for (name, algorithm) in wanted {
            let signs = jwks.iter().flat_map(|set| &set.keys).any(|key| key_algorithm(key) == Some(algorithm));
            if !signs {
                return refuse(name, "no key in jwks signs so");
            }
        }
        Ok(Self { jwks, jwks_uri: None, for_encryption, certificates })
    }

    /// How the client proves itself. Keys that it does so with are not left over for anything else.
    pub fn authentication(
        &mut self,
        said: &Members<'_>,
        method: &str,
        secret_sha256: &str,
    ) -> Result<Authentication, Refusal> {
        let secret_sha256 = Some(secret_sha256.to_owned());
        Ok(match method {
            "client_secret_basic" => Authentication::ClientSecretBasic { secret_sha256 },
            "client_secret_post" => Authentication::ClientSecretPost { secret_sha256 },
            "private_key_jwt" => {
                Authentication::PrivateKeyJwt { jwks: self.jwks.take(), jwks_uri: self.jwks_uri.take() }
            }
            SELF_SIGNED if self.certificates.is_empty() => {
                return refuse(
                    "jwks",
                    "needs the certificates (x5c) for this method; jwks_uri is not possible with it",
                );
            }
            SELF_SIGNED => {
                Authentication::SelfSignedTlsClientAuth { certificates: std::mem::take(&mut self.certificates) }
            }
            "tls_client_auth" => Authentication::TlsClientAuth {
                san_dns: said.owned("tls_client_auth_san_dns")?,
                san_uri: said.owned("tls_client_auth_san_uri")?,
            },
            _ => Authentication::None {},
        })
    }

    /// Which answers are to be encrypted, and how: the same way for all.
    pub fn encryption(&self, said: &Members<'_>) -> Result<Option<Encryption>, Refusal> {
        let mut wanted: Option<(&str, Content)> = None;
        let mut answers = Vec::new();
        for (answer, alg, enc) in [
            (Answer::IdToken, "id_token_encrypted_response_alg", "id_token_encrypted_response_enc"),
            (Answer::Userinfo, "userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc"),
        ] {
            let content = said.word::<Content>(enc)?;
            let Some(management) = said.text(alg)? else {
                if content.is_some() {
                    return refuse(enc, format!("only with {alg}"));
                }
                continue;
            };
            let this = (management, content.unwrap_or_default());
            if wanted.is_some_and(|other| other != this) {
                return refuse(alg, "must be the same for ID tokens and userinfo");
            }
            if self.jwks_uri.is_some() {
                return refuse(alg, "needs the key in jwks, not at jwks_uri");
            }
            wanted = Some(this);
            answers.push(answer);
        }
        let Some((management, content)) = wanted else { return Ok(None) };
        let encryption = self.for_encryption.iter().find_map(|key| {
            let wish = json!({ "key": key, "content": content, "answers": answers });
            let wish: Encryption = serde_json::from_value(wish).ok()?;
            (KeyManagement::of(&wish.key).ok()?.name() == management).then_some(wish)
        });
        encryption.map_or_else(
            || refuse("id_token_encrypted_response_alg", "ECDH-ES or RSA-OAEP-256, with such a key of use enc in jwks"),
            |encryption| Ok(Some(encryption)),
        )
    }
}

fn read_set(keys: &[Value]) -> Result<JwkSet, Refusal> {
    jwks::read(json!({ "keys": keys }).to_string().as_bytes()).or_else(|text| refuse("jwks", text))
}

/// A key of RSA that does not say how it signs means PS256 here.
fn sign_by_rs256(keys: &mut [Value]) {
    for key in keys.iter_mut().filter_map(Value::as_object_mut) {
        let is_rsa = key.get("kty").and_then(Value::as_str) == Some("RSA");
        if is_rsa && !key.contains_key("alg") {
            key.insert("alg".to_owned(), json!("RS256"));
        }
    }
}

/// RFC 8705 section 2.2.2: the certificates stand with the keys (`x5c`, RFC 7517 section 4.7), the own one first.
fn thumbprints(keys: &[Value]) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    for key in keys {
        let Some(first) = key.get("x5c").and_then(|chain| chain.get(0)).and_then(Value::as_str) else { continue };
        let der = STANDARD.decode(first).ok().map(CertificateDer::from);
        let Some(certificate) = der.and_then(|der| ClientCertificate::read([der])) else {
            return refuse("jwks", "x5c holds no certificate that can be read");
        };
        found.push(certificate.thumbprint().to_owned());
    }
    found.sort();
    found.dedup();
    Ok(found)
}
