//! Reading what the account has signed for somebody else: access tokens at an API, logout tokens at a service. The key
//! set is fetched once and kept for a quarter of an hour; a key that is not in it is looked up once more.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::kernel::time::{Clock, Timestamp};

const KEPT: Duration = Duration::from_secs(15 * 60);
/// An unknown key is no reason to ask more often than this.
const ASKED_AGAIN: Duration = Duration::from_secs(10);
const CLOCKS_DIFFER_SECONDS: u64 = 10;

/// The account, as somebody sees it who only checks signatures.
pub struct Signer {
    issuer: String,
    http: reqwest::Client,
    clock: Clock,
    keys: Mutex<(JwkSet, Timestamp)>,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Signer {
    pub fn new(issuer: &str, http: reqwest::Client) -> Self {
        let nothing_yet = (JwkSet { keys: Vec::new() }, Timestamp::from_seconds(0));
        Self { issuer: issuer.to_owned(), http, clock: Clock::System, keys: Mutex::new(nothing_yet) }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The claims of a token of this kind (`typ`) that is meant for this audience and has not expired. `Err` says why not.
    pub async fn read<T: DeserializeOwned + Clone>(
        &self,
        token: &str,
        kind: &str,
        audience: &str,
    ) -> Result<T, String> {
        let header = decode_header(token).map_err(|_| "not a signed token (JWT)".to_owned())?;
        let found = header.typ.unwrap_or_default();
        if !found.eq_ignore_ascii_case(kind) {
            return Err(format!("typ is {found}, not {kind}"));
        }
        let key = self.key(&header.kid.ok_or("the token names no key (kid)")?).await?;
        let key = DecodingKey::from_jwk(&key).map_err(|error| error.to_string())?;
        // The algorithm is what we agreed to, whatever the token says (RFC 8725 section 3.1).
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.leeway = CLOCKS_DIFFER_SECONDS;
        let read = decode::<T>(token, &key, &validation).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidAudience => format!("aud is not {audience}"),
            other => format!("{other:?}"),
        })?;
        Ok(read.claims)
    }

    async fn key(&self, id: &str) -> Result<Jwk, String> {
        let (found, age) = {
            let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            (keys.0.find(id).cloned(), keys.1.until(self.now()))
        };
        match found {
            Some(key) if age < KEPT => return Ok(key),
            None if age < ASKED_AGAIN => return Err("the key is not one of the account's".to_owned()),
            _ => {}
        }
        let fetched = self.fetch().await?;
        let found = fetched.find(id).cloned();
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = (fetched, self.now());
        found.ok_or_else(|| "the key is not one of the account's".to_owned())
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        let metadata: Metadata = self.get(&format!("{}/.well-known/openid-configuration", self.issuer)).await?;
        if metadata.issuer != self.issuer {
            return Err("the metadata is another issuer's".to_owned());
        }
        self.get(&metadata.jwks_uri).await
    }

    async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, String> {
        let answer = self.http.get(address).send().await.and_then(reqwest::Response::error_for_status);
        answer.map_err(|error| error.to_string())?.json().await.map_err(|error| error.to_string())
    }
}
