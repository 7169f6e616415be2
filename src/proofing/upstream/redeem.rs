//! A code for an answer that is believed (OpenID Connect Core sections 3.1.3.1 to 3.1.3.7 and 5.3).

use openidconnect::core::{CoreIdToken, CoreJwsSigningAlgorithm, CoreTokenResponse};
use openidconnect::{
    AuthorizationCode, ClientId, Nonce, OAuth2TokenResponse as _, PkceCodeVerifier, TokenResponse as _,
};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::provider::{BYTES_MAX, Client, Credential, Known, Provider, send};
use super::{Question, Told};
use crate::app::AppParts;
use crate::kernel::jws::Compact;
use crate::kernel::level::Level;
use crate::kernel::time::minutes;

/// What a provider is believed to have said.
pub struct Answer {
    pub sub: String,
    /// What it calls its own session.
    pub sid: Option<String>,
    pub level: Level,
    /// What it says of the person.
    pub claims: Map<String, Value>,
}

/// Signatures that count (BSI TR-02102-1; RS256 because every provider has it). Never a shared secret, never none.
const SIGNATURES: [CoreJwsSigningAlgorithm; 5] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
];
/// By so much clocks may differ.
const CLOCKS_DIFFER_SECONDS: i64 = 60;
/// A subject is no longer (OpenID Connect Core section 2).
const SUBJECT_MAX: usize = 255;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Redeems the code and checks everything about what comes for it.
pub(super) async fn redeem(
    app: &AppParts,
    provider: &Provider,
    (question, code): (&Question, &str),
) -> Result<Answer, Told> {
    let known = provider.known(app).await?;
    let tokens = exchange(app, (provider, &known), (question, code)).await?;
    let id_token = tokens.id_token().ok_or_else(|| not_believed(provider, "no ID token"))?;
    let client = provider.client(app, &known)?;
    if verify(app, (provider, &client), id_token, question).is_err() {
        // Its keys may have changed since.
        let renewed = provider.renewed(app, &known).await?;
        let client = provider.client(app, &renewed)?;
        verify(app, (provider, &client), id_token, question).map_err(|reason| not_believed(provider, &reason))?;
    }
    let claims = Compact::parse(&id_token.to_string()).and_then(|token| token.claims::<Map<String, Value>>());
    let mut claims = claims.ok_or_else(|| not_believed(provider, "an unreadable ID token"))?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let sub = text("sub").filter(|sub| !sub.is_empty() && sub.len() <= SUBJECT_MAX);
    let sub = sub.ok_or_else(|| not_believed(provider, "no subject"))?;
    let (sid, level) = (text("sid"), provider.settings.level(text("acr").as_deref()));
    if question.purpose.wants_data() {
        claims.extend(userinfo(app, (provider, &known), tokens.access_token().secret(), &sub).await?);
    }
    Ok(Answer { sub, sid, level, claims })
}

fn not_believed(provider: &Provider, reason: &str) -> Told {
    tracing::warn!(provider = provider.settings.id, reason, "an answer of another provider was not believed");
    Told::NotBelieved
}

async fn exchange(
    app: &AppParts,
    (provider, known): (&Provider, &Known),
    (question, code): (&Question, &str),
) -> Result<CoreTokenResponse, Told> {
    let client = provider.client(app, known)?;
    let request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
    let request = request.map_err(|error| not_believed(provider, &error.to_string()))?;
    let mut request = request.set_pkce_verifier(PkceCodeVerifier::new(question.verifier.clone()));
    if let Credential::Key(key) = &provider.credential {
        let now = app.now();
        // RFC 7523 section 3; the audience is the issuer alone, as RFC 9700 asks for.
        let claims = json!({
            "iss": provider.settings.client_id, "sub": provider.settings.client_id, "aud": provider.settings.issuer,
            "iat": now.seconds(), "exp": now.plus(minutes(1)).seconds(), "jti": app.random.token().expose(),
        });
        let assertion = key.token("JWT", key.algorithm, &claims);
        let assertion = assertion.map_err(|error| not_believed(provider, &error.to_string()))?;
        request = request
            .add_extra_param("client_assertion_type", ASSERTION_TYPE)
            .add_extra_param("client_assertion", assertion);
    }
    let answered = request.request_async(&|request| send(&app.outbound, request)).await;
    answered.map_err(|error| match error {
        openidconnect::RequestTokenError::Request(reason) => {
            tracing::warn!(provider = provider.settings.id, %reason, "another provider gave no tokens");
            Told::NotReached
        }
        other => not_believed(provider, &other.to_string()),
    })
}

/// The library checks issuer, audience, nonce, end and signature; the rest is here.
fn verify(
    app: &AppParts,
    (provider, client): (&Provider, &Client),
    id_token: &CoreIdToken,
    question: &Question,
) -> Result<(), String> {
    let seconds = app.now().seconds();
    let text = OffsetDateTime::from_unix_timestamp(seconds).map_err(|error| error.to_string())?;
    let text = text.format(&Rfc3339).map_err(|error| error.to_string())?;
    // Its own type of a time is one that nothing else here needs.
    let now = serde_json::from_value(text.into()).map_err(|error| error.to_string())?;
    let verifier =
        client.id_token_verifier().set_allowed_algs(SIGNATURES).set_time_fn(move || now).set_issue_time_verifier_fn(
            move |issued| {
                let age = seconds - issued.timestamp();
                let is_now = (-CLOCKS_DIFFER_SECONDS..=10 * CLOCKS_DIFFER_SECONDS).contains(&age);
                if is_now { Ok(()) } else { Err("not issued just now".to_owned()) }
            },
        );
    let nonce = Nonce::new(question.nonce.clone());
    let claims = id_token.claims(&verifier, &nonce).map_err(|error| error.to_string())?;
    // Section 3.1.3.7, 5: what was made for somebody else is not for us.
    let is_ours = |party: &ClientId| **party == provider.settings.client_id;
    if !claims.authorized_party().is_none_or(is_ours) {
        return Err("the authorized party is somebody else".to_owned());
    }
    // Section 3.1.3.7, 13: they had to sign in there after we asked.
    let signed_in_at = claims.auth_time().map(|at| at.timestamp()).ok_or("it does not say when they signed in")?;
    let is_new = signed_in_at >= question.begun_at.seconds() - CLOCKS_DIFFER_SECONDS;
    if is_new { Ok(()) } else { Err("they have not signed in anew".to_owned()) }
}

/// What is said of the person beyond the ID token; whose subject is another's is not believed (section 5.3.2).
async fn userinfo(
    app: &AppParts,
    (provider, known): (&Provider, &Known),
    token: &str,
    sub: &str,
) -> Result<Map<String, Value>, Told> {
    let Some(endpoint) = known.metadata.userinfo_endpoint() else { return Ok(Map::new()) };
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut bearer = bearer.map_err(|_| not_believed(provider, "an unusable access token"))?;
    bearer.set_sensitive(true);
    let headers =
        HeaderMap::from_iter([(AUTHORIZATION, bearer), (ACCEPT, HeaderValue::from_static("application/json"))]);
    let called = app.outbound.call((Method::GET, endpoint.as_str()), headers, Vec::new(), BYTES_MAX).await;
    let answer = called.map_err(|reason| {
        tracing::warn!(provider = provider.settings.id, reason, "another provider did not say more");
        Told::NotReached
    })?;
    if answer.status != StatusCode::OK {
        return Err(not_believed(provider, &format!("userinfo answers {}", answer.status.as_u16())));
    }
    let claims: Option<Map<String, Value>> = serde_json::from_slice(&answer.body).ok();
    let mut claims = claims.filter(|claims| claims.get("sub").and_then(Value::as_str) == Some(sub));
    // What the answer is worth is signed, and stands in the ID token alone.
    for name in ["sub", "sid", "acr", "amr", "auth_time"] {
        claims.as_mut().and_then(|claims| claims.remove(name));
    }
    claims.ok_or_else(|| not_believed(provider, "userinfo of somebody else"))
}
