//! Signing in and out: to the account with a request, back with a code, and the code into tokens (OpenID Connect Core
//! section 3.1).

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreAuthenticationFlow, CoreGenderClaim, CoreIdToken, CoreTokenResponse};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthorizationCode, CsrfToken, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    Scope, SubjectIdentifier, TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::documents::Documents;
use super::visit::{Arrived, Leaving, Visit};
use super::{Client, Failure, Service, attempts, key, redirect, tokens};

#[derive(Deserialize)]
pub struct Button {
    versuch: String,
}

/// Off to the account.
pub async fn leave(service: web::Data<Service>, request: HttpRequest, button: web::Form<Button>) -> HttpResponse {
    let Some(attempt) = attempts::find(&button.versuch) else { return HttpResponse::BadRequest().finish() };
    let mut visit = key(&request).and_then(|key| service.visits.take(&key)).unwrap_or_default();
    (visit.notice, visit.exchange, visit.changes) = (None, None, Vec::new());
    let location = match service.client().await {
        Ok(client) => {
            let (leaving, location) = service.request(&client, attempt);
            visit.leaving = Some(leaving);
            location
        }
        Err(why) => {
            visit.notice = Some(Failure::Wrong(why).into());
            "/".to_owned()
        }
    };
    redirect(&location, Some(service.visits.keep(visit)))
}

impl Service {
    /// The authorization request: PKCE, state and nonce are the library's, everything else is the attempt's.
    fn request(&self, client: &Client, attempt: &'static attempts::Attempt) -> (Leaving, String) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        // The library asks for `openid` by itself.
        for scope in attempt.scope.split(' ').filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        for (name, value) in attempt.extra {
            request = request.add_extra_param(*name, *value);
        }
        if attempt.for_register {
            request = request.add_extra_param("resource", self.resource());
        }
        let (location, state, nonce) = request.url();
        (Leaving { attempt, state, nonce, verifier }, location.into())
    }

    /// What the register is called in `resource` and `aud`.
    pub fn resource(&self) -> String {
        format!("{}/", self.at.register)
    }
}

#[derive(Deserialize)]
pub struct Answer {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Answer {
    /// The code. Before anything else: is it the answer to our question (RFC 6749 section 10.12), and from whom we asked (RFC 9207)?
    pub fn code(self, state: &CsrfToken, issuer: &str) -> Result<String, Failure> {
        if self.state.as_ref() != Some(state.secret()) || self.iss.as_deref() != Some(issuer) {
            return Err("state oder iss passt nicht / state or iss does not match".to_owned().into());
        }
        match self.error {
            Some(code) => Err(Failure::Answered { code, description: self.error_description.unwrap_or_default() }),
            None => Ok(self.code.unwrap_or_default()),
        }
    }
}

pub async fn come_back(service: web::Data<Service>, request: HttpRequest, answer: web::Query<Answer>) -> HttpResponse {
    take_answer(&service, &request, answer.into_inner()).await
}

/// With `response_mode=form_post`. Here the account is on the same site; from another one the browser brings a form
/// without the `Lax` cookie, so that this mode needs a `SameSite=None; Secure` cookie for the way.
pub async fn come_back_by_form(
    service: web::Data<Service>,
    request: HttpRequest,
    answer: web::Form<Answer>,
) -> HttpResponse {
    take_answer(&service, &request, answer.into_inner()).await
}

async fn take_answer(service: &Service, request: &HttpRequest, answer: Answer) -> HttpResponse {
    let mut visit = key(request).and_then(|key| service.visits.take(&key)).unwrap_or_default();
    if let Err(failure) = arrive(service, &mut visit, answer).await {
        visit.notice = Some(failure.into());
    }
    let place = if visit.exchange.is_some() { visit.place("/#api") } else { "/" };
    redirect(place, Some(service.visits.keep(visit)))
}

async fn arrive(service: &Service, visit: &mut Visit, answer: Answer) -> Result<(), Failure> {
    let leaving = visit.leaving.take();
    let leaving = leaving.ok_or_else(|| "Kein Anmeldevorgang in diesem Browser / no sign-in under way".to_owned())?;
    let code = answer.code(&leaving.state, &service.at.issuer)?;
    let attempt = leaving.attempt;
    let arrived = redeem(service, leaving, code).await?;
    if attempt.for_register {
        let token = AccessToken::new(arrived.access_token.clone());
        visit.exchange = Some(tokens::call_register(service, token.secret()).await?);
        // Whoever is signed in here stays so: the token for the register is for the register.
        if visit.arrived.as_ref().is_some_and(|known| known.sub == arrived.sub) {
            return Ok(());
        }
    }
    if visit.arrived.as_ref().is_none_or(|known| known.sub != arrived.sub) {
        // What one person has shared is nobody else's.
        visit.documents = Documents::default();
    }
    visit.arrived = Some(arrived);
    Ok(())
}

/// Sections 3.1.3.1 to 3.1.3.7 and 5.3.
async fn redeem(service: &Service, leaving: Leaving, code: String) -> Result<Arrived, Failure> {
    let client = service.client().await?;
    let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| error.to_string())?;
    let request = request.set_pkce_verifier(leaving.verifier);
    let answer = request.request_async(&|request| service.fetch(request)).await;
    let answer: CoreTokenResponse = answer.map_err(|error| format!("Token: {error:?}"))?;
    let id_token: &CoreIdToken = answer.id_token().ok_or_else(|| "no ID token".to_owned())?;
    let verified = id_token.claims(&client.id_token_verifier(), &leaving.nonce);
    let sub = verified.map_err(|error| format!("ID token: {error}"))?.subject().clone();
    let id_token = id_token.to_string();
    let claims = payload(&id_token);
    // A token for the register opens nothing at the account.
    let userinfo = if leaving.attempt.for_register {
        Map::new()
    } else {
        userinfo(service, &client, answer.access_token(), &sub).await?
    };
    Ok(Arrived {
        attempt: leaving.attempt,
        sub: sub.to_string(),
        sid: claims["sid"].as_str().map(str::to_owned),
        id_token,
        claims,
        userinfo,
        access_token: answer.access_token().secret().clone(),
        refresh_token: answer.refresh_token().cloned(),
    })
}

/// What a signed token says, whoever signed it: only to show it, or after it was verified.
pub fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    part.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

/// What userinfo answers beyond the claims that the library knows.
#[derive(Debug, Deserialize, Serialize)]
struct FurtherClaims(Map<String, Value>);

impl AdditionalClaims for FurtherClaims {}

pub async fn userinfo(
    service: &Service,
    client: &Client,
    token: &AccessToken,
    sub: &SubjectIdentifier,
) -> Result<Map<String, Value>, Failure> {
    let request = client.user_info(token.clone(), Some(sub.clone())).map_err(|error| error.to_string())?;
    let answer = request.request_async(&|request| service.fetch(request)).await;
    let answer: UserInfoClaims<FurtherClaims, CoreGenderClaim> =
        answer.map_err(|error| format!("Userinfo: {error:?}"))?;
    match serde_json::to_value(answer) {
        Ok(Value::Object(claims)) => Ok(claims),
        _ => Err("Userinfo cannot be shown".to_owned().into()),
    }
}

/// Out here, and then out of the account (OpenID Connect RP-Initiated Logout 1.0). The refresh token would outlive both.
pub async fn sign_out(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let visit = key(&request).and_then(|key| service.visits.take(&key));
    let (Some(arrived), Ok(metadata)) = (visit.and_then(|visit| visit.arrived), service.more_metadata().await) else {
        return redirect("/", None);
    };
    if let Some(token) = arrived.refresh_token {
        tokens::revoke(&service, &metadata.revocation_endpoint, token.secret()).await;
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("id_token_hint", &arrived.id_token)
        .append_pair("post_logout_redirect_uri", &format!("{}/", service.at.service))
        .finish();
    redirect(&format!("{}?{query}", metadata.end_session_endpoint), None)
}
