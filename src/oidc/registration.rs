//! Clients that register themselves, read, change and delete their registration (RFC 7591, RFC 7592, OpenID Connect Dynamic
//! Client Registration 1.0). Only with a token of the operator's, or a statement by somebody whom the operator trusts; and even
//! then nobody has checked them, until the operator approves.

use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value, json};

use super::{discovery, store};
use crate::app::AppParts;
use crate::client::metadata::{self, Given, Reading, Refusal};
use crate::client::registered::{self, Entry, Registered};
use crate::client::registry::Registry;
use crate::client::{Client, key_algorithm, registration_token};
use crate::kernel::error::{Error, Protocol};
use crate::kernel::id::{ClientId, RegistrationTokenId};
use crate::kernel::jws::Compact;
use crate::kernel::secret::{Secret, equal, hex, sha256};
use crate::kernel::time::{Timestamp, days};
use crate::store::db::DbError;
use crate::store::work::Actor;

const SECTOR_BYTES_MAX: usize = 64 * 1024;
const LOGO_BYTES_MAX: usize = 100 * 1024;
/// Clocks differ.
const SLACK_SECONDS: i64 = 30;
/// What only we say of a client; whoever changes its registration must not (RFC 7592 section 2.2).
const OURS: [&str; 2] = ["client_secret_expires_at", "client_id_issued_at"];

/// Why nothing came of it.
#[derive(Debug)]
pub enum Denied {
    /// What it says is wrong.
    Metadata(Refusal),
    Error(Error),
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Metadata(refusal)
    }
}

impl From<Error> for Denied {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<DbError> for Denied {
    fn from(error: DbError) -> Self {
        Self::Error(error.into())
    }
}

/// RFC 6750 section 3.1: the same whether the token, the client or both are unknown.
fn no_token() -> Error {
    Error::Resource(Protocol { code: "invalid_token", description: "the token opens nothing here", detail: None })
}

/// What lets a client register.
enum Admission {
    Token(RegistrationTokenId),
    Statement(String),
}

impl Admission {
    fn words(&self) -> String {
        match self {
            Self::Token(id) => id.to_string(),
            Self::Statement(issuer) => format!("statement of {issuer}"),
        }
    }
}

/// Registers a client (RFC 7591 section 3) with what came along: a token, a body.
pub async fn register(app: &AppParts, registry: &Registry, token: Option<&str>, body: &[u8]) -> Result<Value, Denied> {
    let (admission, said) = admit(app, token, parse(body)).await?;
    let id = ClientId::registered(app.now(), &app.random);
    let (secret, access) = (app.random.token(), app.random.token());
    let mut reading = metadata::read(&said, &given(app, id, hex(&sha256(secret.expose().as_bytes()))))?;
    let logo = check_outside(app, registry, &mut reading).await?;
    let mut work = app.begin(Actor::Client(reading.client.id.clone())).await?;
    // Here and not before: what is refused uses nothing up.
    if let Admission::Token(token) = &admission
        && !registration_token::spend(&mut work, token).await?
    {
        return Err(no_token().into());
    }
    let (created_at, expires_at) = (work.now, end(app, work.now));
    let entry = entry(&reading, logo.as_deref(), (access.expose(), expires_at));
    let unapproved_max = i64::from(app.config.registration.clients_max);
    if !registered::add(&mut work, &entry, &admission.words(), unapproved_max).await? {
        // Until one of them ends or is approved.
        return Err(Error::TooMany(work.now.plus(days(1))).into());
    }
    work.commit().await?;
    registry.refresh(&app.db, app.now()).await?;
    let secret = reading.client.declared_secret().is_some().then_some(&secret);
    let shown = Shown { access: access.expose(), created_at, secret: secret.map(|secret| (secret, expires_at)) };
    Ok(answer(app, &reading.client.id, reading.metadata, &shown))
}

/// What a registration says, or why it is nothing of the kind.
fn parse(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::new("body", "must be a JSON object"))
}

fn given(app: &AppParts, id: ClientId, secret_sha256: String) -> Given {
    let methods = [discovery::authentication_methods(&app.config), vec!["none"]].concat();
    Given { id, secret_sha256, loopback_allowed: app.config.is_loopback(), methods }
}

fn end(app: &AppParts, now: Timestamp) -> Timestamp {
    now.plus(days(u64::from(app.config.registration.lifetime_days)))
}

fn entry<'a>(reading: &'a Reading, logo: Option<&'a [u8]>, (token, expires_at): (&'a str, Timestamp)) -> Entry<'a> {
    Entry { client: &reading.client, metadata: &reading.metadata, logo, token, expires_at }
}

/// Who lets it in, and what it says with what its statement says.
async fn admit(
    app: &AppParts,
    token: Option<&str>,
    said: Result<Map<String, Value>, Refusal>,
) -> Result<(Admission, Map<String, Value>), Denied> {
    if let Some(token) = token {
        let found = registration_token::find(&mut app.read().await?, token, app.now()).await?;
        let admission = Admission::Token(found.ok_or_else(no_token)?);
        return Ok((admission, with_statement(app, said?)?.0));
    }
    match said.map(|said| with_statement(app, said)) {
        Ok(Ok((said, Some(issuer)))) => Ok((Admission::Statement(issuer), said)),
        Ok(Err(denied)) => Err(denied),
        _ => Err(no_token().into()),
    }
}

/// RFC 7591 section 2.3: what the statement says takes precedence.
fn with_statement(
    app: &AppParts,
    mut said: Map<String, Value>,
) -> Result<(Map<String, Value>, Option<String>), Denied> {
    let Some(statement) = said.get("software_statement").filter(|value| !value.is_null()) else {
        return Ok((said, None));
    };
    let (claims, issuer) = check_statement(app, statement.as_str().unwrap_or_default())?;
    let ours = ["software_statement", "iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
    said.extend(claims.into_iter().filter(|(name, _)| !ours.contains(&name.as_str())));
    Ok((said, Some(issuer)))
}

/// What a statement says, and who says it.
fn check_statement(app: &AppParts, text: &str) -> Result<(Map<String, Value>, String), Error> {
    let invalid = |detail: &str| {
        let description = "the software statement is malformed, expired, or not signed as it should be";
        Error::Protocol(Protocol { code: "invalid_software_statement", description, detail: Some(detail.to_owned()) })
    };
    let unapproved = || {
        let description = "nobody is trusted here who has signed this statement";
        Error::Protocol(Protocol { code: "unapproved_software_statement", description, detail: None })
    };
    let token = Compact::parse(text).ok_or_else(|| invalid("it cannot be read"))?;
    let keys = app.statement_keys.as_ref().ok_or_else(unapproved)?;
    let key = match &token.header.kid {
        Some(kid) => keys.find(kid),
        None => keys.keys.first().filter(|_| keys.keys.len() == 1),
    };
    let key = key.ok_or_else(unapproved)?;
    let algorithm = key_algorithm(key).filter(|algorithm| *algorithm == token.header.alg);
    let algorithm = algorithm.ok_or_else(|| invalid("wrong algorithm"))?;
    if !token.is_signed(&DecodingKey::from_jwk(key).map_err(Error::broken)?, algorithm) {
        return Err(invalid("wrong signature"));
    }
    let claims: Map<String, Value> = token.claims().ok_or_else(|| invalid("its claims cannot be read"))?;
    let now = app.now().seconds();
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(|seconds| Some(seconds as i64)).ok_or("exp and nbf are numbers"),
    };
    if time("exp").map_err(invalid)?.is_some_and(|at| at <= now - SLACK_SECONDS) {
        return Err(invalid("it has expired"));
    }
    if time("nbf").map_err(invalid)?.is_some_and(|at| at > now + SLACK_SECONDS) {
        return Err(invalid("it is from the future"));
    }
    let issuer = claims.get("iss").and_then(Value::as_str).filter(|issuer| (1..=200).contains(&issuer.len()));
    let issuer = issuer.ok_or_else(|| invalid("iss is missing"))?.to_owned();
    Ok((claims, issuer))
}

/// What must be fetched to be known: whether all of its hosts belong together, and its logo.
async fn check_outside(app: &AppParts, registry: &Registry, reading: &mut Reading) -> Result<Option<Vec<u8>>, Denied> {
    const BUSY: Error = Error::Busy { retry_after_seconds: 5 };
    if let Some(uri) = &reading.sector_identifier_uri {
        let refused = |text: &str| Refusal::new("sector_identifier_uri", text);
        let fetched = registry.fetch(&app.outbound, uri, SECTOR_BYTES_MAX).await;
        let fetched = fetched.map_err(|why| why.map_or(Denied::Error(BUSY), |why| refused(&why).into()))?;
        let listed: Option<Vec<String>> = serde_json::from_slice(&fetched).ok();
        let listed = listed.ok_or_else(|| refused("there is no JSON list of URIs"))?;
        // OpenID Connect Dynamic Client Registration 1.0 section 5.
        if !reading.client.redirect_uris.iter().all(|uri| listed.contains(uri)) {
            return Err(refused("does not list every redirect URI").into());
        }
    }
    let Some(uri) = &reading.logo_uri else { return Ok(None) };
    // A client does well without a picture.
    let logo =
        registry.fetch(&app.outbound, uri, LOGO_BYTES_MAX).await.ok().filter(|logo| picture_type(logo).is_some());
    if logo.is_some() {
        reading.metadata.insert("logo_uri".to_owned(), json!(uri));
    }
    Ok(logo)
}

/// What a picture is, by its first bytes; nothing for what is none that we show.
pub fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else {
        None
    }
}

/// What a client is told beside its metadata.
struct Shown<'a> {
    access: &'a str,
    created_at: Timestamp,
    /// If it has got one just now, and when that ends with the client.
    secret: Option<(&'a Secret<String>, Timestamp)>,
}

/// RFC 7591 section 3.2.1, RFC 7592 section 3.
fn answer(app: &AppParts, id: &ClientId, mut metadata: Map<String, Value>, shown: &Shown<'_>) -> Value {
    let mut insert = |name: &str, value: Value| drop(metadata.insert(name.to_owned(), value));
    insert("client_id", json!(id));
    insert("client_id_issued_at", json!(shown.created_at.seconds()));
    insert("registration_access_token", json!(shown.access));
    insert("registration_client_uri", json!(format!("{}/oauth2/register/{id}", app.config.issuer)));
    if let Some((secret, expires_at)) = shown.secret {
        insert("client_secret", json!(secret.expose()));
        insert("client_secret_expires_at", json!(expires_at.seconds()));
    }
    metadata.into()
}

/// The client behind an address of its own, for whoever shows its token.
async fn find(app: &AppParts, id: &str, token: Option<&str>) -> Result<(Registered, String), Error> {
    let (id, token) = (ClientId(id.to_owned()), token.ok_or_else(no_token)?);
    let found = registered::find(&mut app.read().await?, &id, token, app.now()).await?;
    Ok((found.ok_or_else(no_token)?, token.to_owned()))
}

/// Reads (RFC 7592 section 2.1).
pub async fn show(app: &AppParts, id: &str, token: Option<&str>) -> Result<Value, Error> {
    let (known, access) = find(app, id, token).await?;
    let shown = Shown { access: &access, created_at: known.origin.created_at, secret: None };
    Ok(answer(app, &known.client.id, known.metadata, &shown))
}

/// Changes, as a whole (RFC 7592 section 2.2). What was approved was something else: nobody has approved this.
pub async fn change(
    app: &AppParts,
    registry: &Registry,
    (id, token): (&str, Option<&str>),
    body: &[u8],
) -> Result<Value, Denied> {
    let (known, access) = find(app, id, token).await?;
    let said = with_statement(app, parse(body)?)?.0;
    check_own(&known.client, &said)?;
    let before = known.client.declared_secret().map(str::to_owned);
    let secret = app.random.token();
    let hash = before.clone().unwrap_or_else(|| hex(&sha256(secret.expose().as_bytes())));
    let mut reading = metadata::read(&said, &given(app, known.client.id.clone(), hash))?;
    let logo = check_outside(app, registry, &mut reading).await?;
    let mut work = app.begin(Actor::Client(known.client.id.clone())).await?;
    let expires_at = end(app, work.now);
    let changed = registered::change(&mut work, &entry(&reading, logo.as_deref(), (&access, expires_at))).await?;
    if !changed {
        return Err(no_token().into());
    }
    work.commit().await?;
    registry.refresh(&app.db, app.now()).await?;
    let is_new = before.is_none() && reading.client.declared_secret().is_some();
    let ends_at = if known.origin.approved.is_some() { expires_at } else { known.origin.expires_at };
    let secret = is_new.then_some((&secret, ends_at));
    let shown = Shown { access: &access, created_at: known.origin.created_at, secret };
    Ok(answer(app, &reading.client.id, reading.metadata, &shown))
}

/// RFC 7592 section 2.2: it says who it is, may say its secret, and says nothing that is ours to say.
fn check_own(client: &Client, said: &Map<String, Value>) -> Result<(), Refusal> {
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    if text("client_id") != Some(client.id.0.as_str()) {
        return Err(Refusal::new("client_id", "must be that of this client"));
    }
    let is_ours = |name: &&String| OURS.contains(&name.as_str()) || name.starts_with("registration_");
    if let Some(name) = said.keys().find(is_ours) {
        return Err(Refusal::new(name, "must not be said here"));
    }
    let is_own = |secret: &str| {
        let hash = hex(&sha256(secret.as_bytes()));
        client.declared_secret().is_some_and(|own| equal(hash.as_bytes(), own.as_bytes()))
    };
    if said.contains_key("client_secret") && !text("client_secret").is_some_and(is_own) {
        return Err(Refusal::new("client_secret", "must be the one that the client has"));
    }
    Ok(())
}

/// Deletes (RFC 7592 section 2.3), and with it what people have agreed to and all that it holds of them.
pub async fn delete(app: &AppParts, registry: &Registry, id: &str, token: Option<&str>) -> Result<(), Error> {
    let (known, access) = find(app, id, token).await?;
    let id = known.client.id;
    let mut work = app.begin(Actor::Client(id.clone())).await?;
    if !registered::delete(&mut work, &id, &access).await? {
        return Err(no_token());
    }
    store::delete_consents_with(&mut work, &id).await?;
    work.commit().await?;
    registry.refresh(&app.db, app.now()).await
}
