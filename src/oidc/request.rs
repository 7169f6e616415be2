//! The authorization request: an ordered list of checks, each refusing one thing and naming its section.
//!
//! Until client and redirect URI are known to belong together, a refusal is a page; afterwards it goes to the
//! client. What comes out is trusted everywhere else.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::claims_request::{self, RequestedClaims};
use super::confirmation::Confirmation;
use super::device::DeviceHash;
use super::document::{self, DocumentRequest};
use super::response::{Destination, Mode, Target};
use super::{scope_text, scopes_of};
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Client, Profile, Scope};
use crate::kernel::error::{Error, Protocol};
use crate::kernel::id::ClientId;
use crate::kernel::keys::Purpose;
use crate::kernel::level::Level;
use crate::kernel::texts::Language;

const SCOPES_MAX: usize = 64;
const TEXT_MAX: usize = 2048;

/// The parameters of a request, each at most once (RFC 6749 section 3.1).
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Refuses repeated parameters; empty ones count as absent.
    pub fn new(pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::protocol("invalid_request", "a parameter is repeated"));
        }
        Ok(Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// What the client wants the person to do, whatever the session says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    pub none: bool,
    pub login: bool,
    pub consent: bool,
    pub create: bool,
    /// Choose for whom one acts; whoever has nobody to choose signs in anew.
    #[serde(default)]
    pub select: bool,
}

/// A request that has passed every check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    pub client: ClientId,
    pub target: Destination,
    pub nonce: Option<String>,
    pub scope: String,
    pub challenge: Option<String>,
    pub prompt: Prompt,
    pub max_age: Option<Duration>,
    /// The subject that `id_token_hint` or the `claims` parameter names.
    pub expected_subject: Option<String>,
    pub login_hint: Option<String>,
    pub language: Option<Language>,
    /// The least level: the client's own minimum, or an essential `acr`.
    pub level: Level,
    /// A level that the client would like (`acr_values`, a voluntary claim: OpenID Connect Core section 3.1.2.1).
    #[serde(default)]
    pub wished_level: Option<Level>,
    pub claims: RequestedClaims,
    pub resource: Option<String>,
    /// The key that the client has proven or announced: the code works with that one only (RFC 9449 section 10).
    #[serde(default)]
    pub confirmation: Option<Confirmation>,
    /// A document that the client asks for (RFC 9396).
    #[serde(default)]
    pub document: Option<DocumentRequest>,
}

/// Where a refusal goes.
#[derive(Debug)]
pub enum Refusal {
    /// Nobody but the person may see it.
    Page(Protocol),
    /// The client gets it as an error response.
    Client { target: Target, error: Protocol },
}

/// The part of a request that must be right before anything may be sent anywhere.
struct Trusted {
    client: Arc<Client>,
    target: Target,
}

fn refuse<T>(code: &'static str, description: &'static str) -> Result<T, Protocol> {
    Err(Protocol { code, description, detail: None })
}

/// How the parameters came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Through the person's browser.
    Browser,
    /// From the client itself, which has authenticated (RFC 9126).
    Pushed,
}

/// Runs all checks.
pub fn check(app: &AppParts, client: Arc<Client>, parameters: &Parameters) -> Result<AuthorizationRequest, Refusal> {
    check_all(app, client, parameters, Way::Browser)
}

/// The same checks for what a client deposits: it is told itself what is wrong (RFC 9126 section 2.3).
pub fn check_pushed(
    app: &AppParts,
    client: Arc<Client>,
    parameters: &Parameters,
) -> Result<AuthorizationRequest, Protocol> {
    check_all(app, client, parameters, Way::Pushed).map_err(|refusal| match refusal {
        Refusal::Page(error) | Refusal::Client { error, .. } => error,
    })
}

fn check_all(
    app: &AppParts,
    client: Arc<Client>,
    parameters: &Parameters,
    way: Way,
) -> Result<AuthorizationRequest, Refusal> {
    let trusted = check_client(client, parameters).map_err(Refusal::Page)?;
    check_rest(app, &trusted, parameters, way).map_err(|error| Refusal::Client { target: trusted.target, error })
}

/// The checks for a request of a device (RFC 8628 section 3.1): no browser comes back from it, and nobody else carries its code.
pub fn check_device(
    client: &Client,
    parameters: &Parameters,
    device: DeviceHash,
) -> Result<AuthorizationRequest, Protocol> {
    check_unsupported(parameters)?;
    check_no_details(parameters)?;
    for (name, code) in [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")] {
        if parameters.get(name).is_some() {
            return refuse(code, "this parameter is not supported for a device");
        }
    }
    let requested = claims_request::read(client, parameters.get("claims"))?;
    Ok(AuthorizationRequest {
        client: client.id.clone(),
        target: Destination::Device(device),
        nonce: check_text(parameters, "nonce")?,
        scope: check_scope(client, parameters)?,
        challenge: None,
        prompt: Prompt::default(),
        max_age: check_max_age(parameters)?,
        expected_subject: requested.subject,
        login_hint: None,
        language: None,
        level: requested.level.map_or(client.level, |level| level.max(client.level)),
        wished_level: wished_level(parameters),
        claims: requested.claims,
        resource: check_resource(client, parameters)?,
        confirmation: None,
        document: None,
    })
}

pub fn find_client(registry: &Registry, parameters: &Parameters) -> Result<Arc<Client>, Protocol> {
    match parameters.get("client_id").and_then(|id| registry.get(id)) {
        Some(client) => Ok(client),
        None => refuse("invalid_request", "client_id is missing or unknown"),
    }
}

/// RFC 6749 section 4.1.2.1: without a known client and one of its own redirect URIs nothing is redirected.
fn check_client(client: Arc<Client>, parameters: &Parameters) -> Result<Trusted, Protocol> {
    let Some(redirect_uri) = parameters.get("redirect_uri") else {
        return refuse("invalid_request", "redirect_uri is missing");
    };
    // RFC 9700 section 4.1.3: compared as bytes, no patterns.
    if !client.redirect_uris.iter().any(|known| known == redirect_uri) {
        return refuse("invalid_request", "redirect_uri is not registered for this client");
    }
    // A refusal goes there too: by the mode that was asked for, with the state, if they are any good.
    let mode = parameters.get("response_mode").and_then(Mode::parse).unwrap_or_default();
    let state = parameters.get("state").filter(|state| state.len() <= TEXT_MAX).map(str::to_owned);
    Ok(Trusted { target: Target { redirect_uri: redirect_uri.to_owned(), mode, state }, client })
}

fn check_rest(
    app: &AppParts,
    trusted: &Trusted,
    parameters: &Parameters,
    way: Way,
) -> Result<AuthorizationRequest, Protocol> {
    check_unsupported(parameters)?;
    check_response(parameters)?;
    let scope = check_scope(&trusted.client, parameters)?;
    let challenge = check_challenge(&trusted.client, parameters)?;
    let prompt = check_prompt(parameters)?;
    let max_age = check_max_age(parameters)?;
    let requested = claims_request::read(&trusted.client, parameters.get("claims"))?;
    let expected_subject = check_hint(app, &trusted.client, parameters)?;
    if let (Some(one), Some(other)) = (&expected_subject, &requested.subject)
        && one != other
    {
        return refuse("invalid_request", "id_token_hint and claims name different subjects");
    }
    check_text(parameters, "state")?;
    let level = requested.level.map_or(trusted.client.level, |level| level.max(trusted.client.level));
    check_way(app, &trusted.client, level, way)?;
    let text = |name| check_text(parameters, name);
    Ok(AuthorizationRequest {
        client: trusted.client.id.clone(),
        target: Destination::Client(trusted.target.clone()),
        nonce: text("nonce")?,
        scope,
        challenge,
        prompt,
        max_age,
        expected_subject: expected_subject.or(requested.subject),
        login_hint: text("login_hint")?,
        language: parameters.get("ui_locales").and_then(|tags| tags.split(' ').take(10).find_map(Language::from_tag)),
        level,
        wished_level: wished_level(parameters),
        claims: requested.claims,
        resource: check_resource(&trusted.client, parameters)?,
        confirmation: check_announced_key(parameters)?,
        document: document::read(parameters)?,
    })
}

/// The lowest of the levels that the client names, as a least one: values that nobody knows wish for nothing.
fn wished_level(parameters: &Parameters) -> Option<Level> {
    parameters.get("acr_values")?.split(' ').filter_map(Level::from_acr).min()
}

/// RFC 9126 section 6: by the client's declaration, or by the operator's rule for this level.
fn check_way(app: &AppParts, client: &Client, level: Level, way: Way) -> Result<(), Protocol> {
    let must_push = client.must_push() || app.config.requests.pushed_from.is_some_and(|least| level >= least);
    if way == Way::Browser && must_push {
        return refuse("invalid_request", "this request must come by the pushed_authorization_request_endpoint");
    }
    Ok(())
}

/// OpenID Connect Core section 7.2.1: what we do not support has its own error code.
pub fn check_unsupported(parameters: &Parameters) -> Result<(), Protocol> {
    if parameters.get("registration").is_some() {
        return refuse("registration_not_supported", "this parameter is not supported");
    }
    Ok(())
}

/// RFC 9396 section 5: a document is asked for where somebody has a browser, and nowhere else.
pub fn check_no_details(parameters: &Parameters) -> Result<(), Protocol> {
    match parameters.get("authorization_details") {
        Some(_) => refuse("invalid_authorization_details", "a document is asked for in an authorization request"),
        None => Ok(()),
    }
}

/// RFC 9700 section 2.1.2: the code flow only; nothing that is worth stealing stands in a URL.
fn check_response(parameters: &Parameters) -> Result<(), Protocol> {
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return refuse("unsupported_response_type", "only response_type code is supported"),
        None => return refuse("invalid_request", "response_type is missing"),
    }
    match parameters.get("response_mode") {
        Some(name) if Mode::parse(name).is_none() => {
            refuse("invalid_request", "response_mode must be query, form_post, jwt, query.jwt or form_post.jwt")
        }
        _ => Ok(()),
    }
}

/// OpenID Connect Core section 3.1.2.1: openid is required. What this client may not ask for is refused,
/// not left out silently.
fn check_scope(client: &Client, parameters: &Parameters) -> Result<String, Protocol> {
    let text = parameters.get("scope").unwrap_or_default();
    if text.split(' ').count() > SCOPES_MAX {
        return refuse("invalid_scope", "too many scopes");
    }
    let scopes = scopes_of(text);
    if !scopes.contains(&Scope::Openid) {
        return refuse("invalid_scope", "scope must contain openid");
    }
    if scopes.iter().any(|scope| !client.scopes.contains(scope)) {
        return refuse("invalid_scope", "this client may not ask for that scope");
    }
    Ok(scope_text(&scopes))
}

/// RFC 7636 and RFC 9700 section 2.1.1: S256, for every client whose profile does not exempt it.
fn check_challenge(client: &Client, parameters: &Parameters) -> Result<Option<String>, Protocol> {
    let Some(challenge) = parameters.get("code_challenge") else {
        return match (client.profile, parameters.get("code_challenge_method")) {
            (Profile::OidcCore, None) => Ok(None),
            _ => refuse("invalid_request", "code_challenge is missing (PKCE with S256 is required)"),
        };
    };
    if parameters.get("code_challenge_method") != Some("S256") {
        return refuse("invalid_request", "code_challenge_method must be S256");
    }
    let is_hash =
        challenge.len() == 43 && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_hash {
        Ok(Some(challenge.to_owned()))
    } else {
        refuse("invalid_request", "code_challenge is not a SHA-256 in base64url")
    }
}

/// OpenID Connect Core section 3.1.2.1. Choosing an account means signing in anew where everybody acts for themselves.
fn check_prompt(parameters: &Parameters) -> Result<Prompt, Protocol> {
    let mut prompt = Prompt::default();
    let values: Vec<&str> =
        parameters.get("prompt").unwrap_or_default().split(' ').filter(|value| !value.is_empty()).collect();
    for value in &values {
        match *value {
            "none" => prompt.none = true,
            "select_account" => prompt.select = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "create" => prompt.create = true,
            _ => return refuse("invalid_request", "prompt has an unknown value"),
        }
    }
    if prompt.none && values.len() > 1 {
        return refuse("invalid_request", "prompt none stands alone");
    }
    Ok(prompt)
}

fn check_max_age(parameters: &Parameters) -> Result<Option<Duration>, Protocol> {
    let Some(text) = parameters.get("max_age") else { return Ok(None) };
    let seconds = text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match seconds {
        Some(seconds) => Ok(Some(Duration::from_secs(u64::from(seconds)))),
        None => refuse("invalid_request", "max_age must be a number of seconds"),
    }
}

/// An ID token of ours for this client, even if it has expired (OpenID Connect Core section 3.1.2.1). One so old that
/// its key has been retired counts as absent.
fn check_hint(app: &AppParts, client: &Client, parameters: &Parameters) -> Result<Option<String>, Protocol> {
    #[derive(Clone, Deserialize)]
    struct Hint {
        iss: String,
        aud: String,
        sub: String,
    }
    let keys = app.keys.current();
    let hint = parameters.get("id_token_hint").filter(|token| !keys.names_former_key(token));
    let Some(token) = hint else { return Ok(None) };
    let hint = keys.verify::<Hint>(Purpose::IdToken, token);
    match hint.filter(|hint| hint.iss == app.config.issuer && hint.aud == client.id.0) {
        Some(hint) => Ok(Some(hint.sub)),
        None => refuse("invalid_request", "id_token_hint is not an ID token of this client"),
    }
}

/// RFC 8707 section 2: the one resource that the client is registered for, or none.
pub fn check_resource(client: &Client, parameters: &Parameters) -> Result<Option<String>, Protocol> {
    match parameters.get("resource") {
        asked if asked.is_none() || asked == client.resource.as_deref() => Ok(asked.map(str::to_owned)),
        _ => refuse("invalid_target", "this client has no access to that resource"),
    }
}

/// RFC 9449 section 10.
fn check_announced_key(parameters: &Parameters) -> Result<Option<Confirmation>, Protocol> {
    let Some(thumbprint) = parameters.get("dpop_jkt") else { return Ok(None) };
    match Confirmation::announced(thumbprint) {
        None => refuse("invalid_request", "dpop_jkt is not a SHA-256 thumbprint in base64url"),
        confirmation => Ok(confirmation),
    }
}

fn check_text(parameters: &Parameters, name: &str) -> Result<Option<String>, Protocol> {
    match parameters.get(name) {
        Some(text) if text.len() > TEXT_MAX => refuse("invalid_request", "a parameter is too long"),
        text => Ok(text.map(str::to_owned)),
    }
}
