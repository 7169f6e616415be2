//! The account says that a session has ended (OpenID Connect Back-Channel Logout 1.0): not through the browser, from
//! program to program, and signed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Service;
use crate::kernel::time::Timestamp;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Older logout tokens are not believed, so that their numbers need not be remembered longer.
const AGE_MAX: Duration = Duration::from_secs(5 * 60);

/// The numbers of logout tokens that have been, so that none counts twice.
#[derive(Default)]
pub struct Told(Mutex<HashMap<String, Timestamp>>);

impl Told {
    /// Whether this one is new.
    fn remember(&self, number: &str, now: Timestamp) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| at.plus(AGE_MAX + AGE_MAX) > now);
        told.insert(number.to_owned(), now).is_none()
    }
}

#[derive(Deserialize)]
pub struct Body {
    logout_token: String,
}

/// Section 2.4. Issuer, audience and end are checked where the signature is.
#[derive(Clone, Deserialize)]
struct LogoutToken {
    iat: i64,
    jti: String,
    events: Map<String, Value>,
    sub: Option<String>,
    sid: Option<String>,
    nonce: Option<Value>,
}

pub async fn receive(service: web::Data<Service>, body: web::Form<Body>) -> HttpResponse {
    let mut response = match check(&service, &body.logout_token).await {
        Ok(token) => {
            service.visits.end(token.sub.as_deref(), token.sid.as_deref());
            HttpResponse::Ok()
        }
        Err(why) => {
            tracing::warn!("a logout token is refused: {why}");
            let body = json!({ "error": "invalid_request", "error_description": why });
            return HttpResponse::BadRequest().insert_header((header::CACHE_CONTROL, "no-store")).json(body);
        }
    };
    response.insert_header((header::CACHE_CONTROL, "no-store")).finish()
}

/// Section 2.6.
async fn check(service: &Service, token: &str) -> Result<LogoutToken, String> {
    let token: LogoutToken = service.signer.read(token, "logout+jwt", super::super::CLIENT_ID).await?;
    let (now, issued) = (service.signer.now(), Timestamp::from_seconds(token.iat));
    if issued.plus(AGE_MAX) < now || issued > now.plus(AGE_MAX) {
        return Err("iat is too far from now".to_owned());
    }
    if !token.events.get(EVENT).is_some_and(Value::is_object) {
        return Err("events does not contain the back-channel logout".to_owned());
    }
    if token.nonce.is_some() {
        return Err("a logout token has no nonce".to_owned());
    }
    if token.sub.is_none() && token.sid.is_none() {
        return Err("neither sub nor sid".to_owned());
    }
    if !service.told.remember(&token.jti, now) {
        return Err("jti has been used".to_owned());
    }
    Ok(token)
}
