//! After the sign-in: new tokens without the person, and another program of the city that believes them.

use actix_web::{HttpRequest, HttpResponse, web};
use openidconnect::core::{CoreIdToken, CoreTokenResponse};
use openidconnect::{Nonce, OAuth2TokenResponse as _, RefreshToken, TokenResponse as _};
use serde_json::Value;

use super::sign_in::payload;
use super::visit::{Arrived, Change, Exchange};
use super::words::Words;
use super::{Failure, Service, key, redirect};

/// New tokens for the refresh token (RFC 6749 section 6), and what has changed.
pub async fn refresh(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let Some(mut visit) = key(&request).and_then(|key| service.visits.take(&key)) else { return redirect("/", None) };
    (visit.notice, visit.exchange, visit.changes) = (None, None, Vec::new());
    if let Some(arrived) = &mut visit.arrived {
        match renew(&service, arrived).await {
            Ok(changes) => visit.changes = changes,
            Err(failure) => visit.notice = Some(failure.into()),
        }
    }
    redirect(visit.place("/#erneuern-titel"), Some(service.visits.keep(visit)))
}

async fn renew(service: &Service, arrived: &mut Arrived) -> Result<Vec<Change>, Failure> {
    let token = arrived.refresh_token.clone().ok_or_else(|| "no refresh token".to_owned())?;
    let client = service.client().await?;
    let request = client.exchange_refresh_token(&token).map_err(|error| error.to_string())?;
    let answer = request.request_async(&|request| service.fetch(request)).await;
    let answer: CoreTokenResponse = answer.map_err(|error| format!("Token: {error:?}"))?;
    let id_token: &CoreIdToken = answer.id_token().ok_or_else(|| "no ID token".to_owned())?;
    // OpenID Connect Core section 12.2: the same person; a nonce only stands in the first one.
    let any_nonce = |_: Option<&Nonce>| Ok(());
    let verified = id_token.claims(&client.id_token_verifier(), any_nonce);
    let sub = verified.map_err(|error| format!("ID token: {error}"))?.subject().to_string();
    if sub != arrived.sub {
        return Err("the refreshed ID token is about somebody else".to_owned().into());
    }
    let (id_token, access_token) = (id_token.to_string(), answer.access_token().secret().clone());
    let (before, after) = (payload(&arrived.access_token), payload(&access_token));
    let claims = payload(&id_token);
    // A service that authenticates keeps its refresh token; a program without a secret gets another one each time.
    let successor = answer.refresh_token().cloned().unwrap_or_else(|| token.clone());
    let changes = vec![
        change(Words("Zugriffstoken (jti)", "access token (jti)"), &before["jti"], &after["jti"]),
        change(Words("Es endet (exp)", "it ends (exp)"), &before["exp"], &after["exp"]),
        change(Words("ID-Token ausgestellt (iat)", "ID token issued (iat)"), &arrived.claims["iat"], &claims["iat"]),
        change(
            Words("Angemeldet (auth_time)", "signed in (auth_time)"),
            &arrived.claims["auth_time"],
            &claims["auth_time"],
        ),
        change(
            Words("Refresh-Token (Anfang)", "refresh token (beginning)"),
            &beginning(&token),
            &beginning(&successor),
        ),
    ];
    (arrived.id_token, arrived.access_token, arrived.claims) = (id_token, access_token, claims);
    arrived.refresh_token = Some(successor);
    Ok(changes)
}

fn change(what: Words, before: &Value, after: &Value) -> Change {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Change { what, before: text(before), after: text(after) }
}

fn beginning(token: &RefreshToken) -> Value {
    format!("{}…", &token.secret()[..8.min(token.secret().len())]).into()
}

/// Ends a refresh token that is not needed any more (RFC 7009). If that fails it ends by itself.
pub async fn revoke(service: &Service, endpoint: &str, token: &str) {
    let request = service.http.post(endpoint).basic_auth(super::super::CLIENT_ID, Some(super::super::client_secret()));
    let answer = request.form(&[("token", token)]).send().await;
    if let Err(error) = answer.and_then(reqwest::Response::error_for_status) {
        tracing::warn!("the refresh token could not be revoked: {error}");
    }
}

/// The token for userinfo is not one for the register: what must not work does not.
pub async fn call_with_the_wrong_token(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let Some(mut visit) = key(&request).and_then(|key| service.visits.take(&key)) else { return redirect("/", None) };
    (visit.notice, visit.exchange, visit.changes) = (None, None, Vec::new());
    if let Some(arrived) = &visit.arrived {
        match call_register(&service, &arrived.access_token).await {
            Ok(exchange) => visit.exchange = Some(exchange),
            Err(failure) => visit.notice = Some(failure.into()),
        }
    }
    redirect(visit.place("/#api"), Some(service.visits.keep(visit)))
}

/// Calls the register with an access token (RFC 6750 section 2.1), and writes down what was said.
pub async fn call_register(service: &Service, token: &str) -> Result<Exchange, Failure> {
    let address = format!("{}ausweise", service.resource());
    let answer = service.http.get(&address).bearer_auth(token).send().await.map_err(|error| error.to_string())?;
    let mut said = format!("HTTP {}", answer.status());
    if let Some(challenge) = answer.headers().get("www-authenticate").and_then(|value| value.to_str().ok()) {
        said.push_str(&format!("\nWWW-Authenticate: {challenge}"));
    }
    let body: Option<Value> = answer.json().await.ok();
    if let Some(body) = body {
        said.push_str(&format!("\n\n{body:#}"));
    }
    Ok(Exchange {
        request: format!("GET {address}\nAuthorization: Bearer {}…", &token[..12.min(token.len())]),
        answer: said,
        token: format!("{:#}", payload(token)),
    })
}
