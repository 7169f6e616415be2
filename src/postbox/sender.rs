//! The other end of the delivery interface: an authority's program, written as anybody would who has read the documentation. The
//! demonstration's office and the command `deliver` use it; nothing that answers requests does.

use std::time::Duration;

use serde_json::{Value, json};

use super::incoming::BATCH_MAX;
use crate::kernel::keys::{Algorithm, Purpose, SigningKey};
use crate::kernel::random::Random;
use crate::kernel::time::Clock;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion is used at once.
const ASSERTION_SECONDS: i64 = 60;
/// A batch of a thousand takes a while on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(120);

pub struct Sender {
    issuer: String,
    client: String,
    key: SigningKey,
    http: reqwest::Client,
}

/// What was answered.
pub struct Answered {
    pub status: u16,
    pub body: Value,
}

impl Sender {
    /// The key is a P-256 key, PKCS#8 in PEM; its `kid`, if that is not the thumbprint (RFC 7638). `Err` says what is wrong with it.
    pub fn new(issuer: &str, client: &str, (key_pem, key_id): (&str, Option<&str>)) -> Result<Self, String> {
        let der = SigningKey::read_pem(key_pem)?;
        // The account tells purposes apart; for whoever only asserts who they are this one is as good as another.
        let mut key = SigningKey::from_pkcs8(Purpose::IdToken, der.expose())?;
        if let Some(key_id) = key_id {
            key_id.clone_into(&mut key.key_id);
        }
        if key.algorithm != Algorithm::ES256 {
            return Err("not a P-256 key".to_owned());
        }
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT);
        let http = http.build().map_err(|error| error.to_string())?;
        Ok(Self { issuer: issuer.trim_end_matches('/').to_owned(), client: client.to_owned(), key, http })
    }

    /// A token for the interface (RFC 7523 section 2.2).
    async fn token(&self) -> Result<String, String> {
        let (now, jti) = (Clock::System.now().seconds(), Random::System.token());
        let claims = json!({
            "iss": self.client, "sub": self.client, "aud": self.issuer, "jti": jti.expose(),
            "iat": now, "exp": now + ASSERTION_SECONDS,
        });
        let assertion = self.key.token("JWT", Algorithm::ES256, &claims).map_err(|error| error.to_string())?;
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "postbox"),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", assertion.as_str()),
        ];
        let request = self.http.post(format!("{}/oauth2/token", self.issuer)).form(&form);
        let Answered { status, body } = read(request).await?;
        match body["access_token"].as_str() {
            Some(token) => Ok(token.to_owned()),
            None => Err(format!("no token: {status} {body}")),
        }
    }

    /// Provides one notice.
    pub async fn provide(&self, idempotency_key: &str, notice: &Value) -> Result<Answered, String> {
        let request =
            self.http.post(format!("{}/api/postbox/v1/messages", self.issuer)).bearer_auth(self.token().await?);
        read(request.header("idempotency-key", idempotency_key).json(notice)).await
    }

    /// Provides many, or only asks whether they would be taken; what has become of each, in their order.
    pub async fn provide_all(&self, notices: &[(String, &Value)], is_dry: bool) -> Result<Vec<Value>, String> {
        let mut results = Vec::with_capacity(notices.len());
        for batch in notices.chunks(BATCH_MAX) {
            let messages = batch.iter().map(|(key, notice)| json!({ "idempotency_key": key, "message": notice }));
            let body = json!({ "dry_run": is_dry, "messages": messages.collect::<Vec<_>>() });
            let request = self.http.post(format!("{}/api/postbox/v1/batches", self.issuer));
            let Answered { status, mut body } = read(request.bearer_auth(self.token().await?).json(&body)).await?;
            match body["results"].take() {
                Value::Array(answered) if status == 200 && answered.len() == batch.len() => results.extend(answered),
                _ => return Err(format!("the batch was not taken: {status} {body}")),
            }
        }
        Ok(results)
    }
}

async fn read(request: reqwest::RequestBuilder) -> Result<Answered, String> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    Ok(Answered { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
}
