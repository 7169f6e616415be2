//! Requests that show a key of the service's, so that what is issued upon them is worth nothing to a thief (RFC 9449, DPoP).

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use openidconnect::CsrfToken;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::json;

use crate::kernel::keys::{self, SigningKey};
use crate::kernel::secret::sha256;
use crate::kernel::time::Timestamp;

/// The key, new at each start, and the nonce that the account wants to see next.
pub struct ProofKey {
    key: EncodingKey,
    public: Jwk,
    nonce: Mutex<String>,
}

impl ProofKey {
    pub fn new() -> Result<Self, String> {
        let key = EncodingKey::from_ec_der(SigningKey::generate(keys::Algorithm::ES256)?.expose());
        let public = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(|error| error.to_string())?;
        Ok(Self { key, public, nonce: Mutex::default() })
    }

    /// Sends a request with a proof, and with the access token that is bound to the key, if there is one.
    pub async fn send(&self, request: RequestBuilder, token: Option<&str>, now: Timestamp) -> Result<Response, String> {
        let again = request.try_clone().ok_or("a request that cannot be sent twice")?;
        let before = self.nonce();
        let answer = self.send_once(request, token, (now, &before)).await?;
        // Section 8: the account refuses a proof without its nonce and says which. What was asked for has not happened.
        let is_refused = matches!(answer.status(), StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
        let nonce = self.nonce();
        if is_refused && nonce != before { self.send_once(again, token, (now, &nonce)).await } else { Ok(answer) }
    }

    fn nonce(&self) -> String {
        self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send_once(
        &self,
        request: RequestBuilder,
        token: Option<&str>,
        (now, nonce): (Timestamp, &str),
    ) -> Result<Response, String> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(|error| error.to_string())?;
        // Section 4.2: for this method, this address and this token, once.
        let mut address = request.url().clone();
        address.set_query(None);
        let mut claims = json!({
            "jti": CsrfToken::new_random().secret(), "htm": request.method().as_str(), "htu": address.as_str(),
            "iat": now.seconds(), "nonce": nonce,
        });
        if let Some(token) = token {
            claims["ath"] = json!(URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())));
            let value = format!("DPoP {token}").parse().map_err(|_| "a token with strange letters")?;
            request.headers_mut().insert("authorization", value);
        }
        let header = Header {
            typ: Some("dpop+jwt".to_owned()),
            jwk: Some(self.public.clone()),
            ..Header::new(Algorithm::ES256)
        };
        let proof = encode(&header, &claims, &self.key).map_err(|error| error.to_string())?;
        request.headers_mut().insert("dpop", proof.parse().map_err(|_| "a proof with strange letters")?);
        let answer = client.execute(request).await.map_err(|error| error.to_string())?;
        if let Some(next) = answer.headers().get("dpop-nonce").and_then(|value| value.to_str().ok()) {
            next.clone_into(&mut self.nonce.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(answer)
    }
}
