//! Client authentication at the endpoints for clients: exactly the one method that is registered.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::confirmation::Confirmation;
use super::dpop::{self, Proof};
use super::machine::{self, Machine};
use super::request::Parameters;
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Authentication, Client, Profile, key_algorithm};
use crate::kernel::certificate::ClientCertificate;
use crate::kernel::error::{Error, Protocol};
use crate::kernel::id::OrganisationKeyId;
use crate::kernel::jws::Compact;
use crate::kernel::time::{Timestamp, minutes};
use crate::store::replay::{self, Once};
use crate::store::work::Work;

/// RFC 7523 section 2.2
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that has proven itself, or that is registered as unable to, if [`spend`](Authenticated::spend) succeeds in the same transaction.
pub struct Authenticated {
    pub client: Arc<Client>,
    /// There if it is a program of an organisation, which may get a token in its own name and nothing else.
    pub machine: Option<Machine>,
    /// The key that the request has proven to hold.
    pub confirmation: Option<Confirmation>,
    /// The certificate that it came with.
    certificate: Option<Confirmation>,
    assertion: Option<Once>,
    proof: Option<Once>,
}

fn refused(detail: &str) -> Error {
    let description = "the client could not be authenticated";
    Error::Protocol(Protocol { code: "invalid_client", description, detail: Some(detail.to_owned()) })
}

/// What a request shows beside its parameters.
pub struct Shown<'a> {
    pub authorization: Option<&'a str>,
    pub certificate: Option<&'a ClientCertificate>,
}

/// Checks header, body, assertion or certificate. One method only (RFC 6749 section 2.3), and the registered one.
pub async fn authenticate(
    app: &AppParts,
    registry: &Registry,
    shown: &Shown<'_>,
    parameters: &Parameters,
) -> Result<Authenticated, Error> {
    let mut authenticated = identify(app, registry, shown, parameters).await?;
    let certificate = shown.certificate;
    authenticated.certificate = certificate.and_then(|shown| Confirmation::of_certificate(shown, app.now()));
    Ok(authenticated)
}

async fn identify(
    app: &AppParts,
    registry: &Registry,
    shown: &Shown<'_>,
    parameters: &Parameters,
) -> Result<Authenticated, Error> {
    let header = shown.authorization;
    let (secret, assertion) = (parameters.get("client_secret"), parameters.get("client_assertion"));
    match (header, secret, assertion) {
        (Some(header), None, None) => {
            let (id, secret) = parse_basic(header).ok_or_else(|| refused("malformed Authorization header"))?;
            let client = find(registry, &id, parameters)?;
            let Authentication::ClientSecretBasic { secret_sha256 } = &client.authentication else {
                return Err(refused("client_secret_basic is not registered"));
            };
            let declared = secret_sha256.as_deref();
            if !registry.is_secret(&client, declared, &secret, app.now()) {
                return Err(refused("wrong secret"));
            }
            Ok(Authenticated::new(client))
        }
        (None, Some(secret), None) => {
            let client = find(registry, parameters.get("client_id").unwrap_or_default(), parameters)?;
            let Authentication::ClientSecretPost { secret_sha256 } = &client.authentication else {
                return Err(refused("client_secret_post is not registered"));
            };
            let declared = secret_sha256.as_deref();
            if !registry.is_secret(&client, declared, secret, app.now()) {
                return Err(refused("wrong secret"));
            }
            Ok(Authenticated::new(client))
        }
        (None, None, Some(assertion)) => check_assertion(app, registry, assertion, parameters).await,
        (None, None, None) => {
            let client = find(registry, parameters.get("client_id").unwrap_or_default(), parameters)?;
            if !client.is_public() {
                check_certificate(app, &client, shown.certificate).map_err(|detail| refused(&detail))?;
            }
            Ok(Authenticated::new(client))
        }
        _ => Err(refused("more than one authentication method")),
    }
}

impl Authenticated {
    /// For what is only for clients that can prove who they are.
    pub fn confidential(self) -> Result<Self, Error> {
        if self.client.is_public() { Err(refused("this client cannot authenticate")) } else { Ok(self) }
    }

    /// For everything but tokens of client_credentials.
    pub fn service(self) -> Result<Self, Error> {
        let description = "a key of an organisation is for client_credentials alone";
        if self.machine.is_some() { Err(Error::protocol("unauthorized_client", description)) } else { Ok(self) }
    }

    fn new(client: Arc<Client>) -> Self {
        Self { client, machine: None, confirmation: None, certificate: None, assertion: None, proof: None }
    }

    /// The same with a proof that came along (RFC 9449 section 5).
    pub fn proving(mut self, proof: Option<Proof>) -> Self {
        if let Some(Proof { confirmation, once }) = proof {
            self.confirmation = Some(confirmation);
            self.proof = Some(once);
        }
        self
    }

    /// For what gives out tokens: a client whose tokens are bound has to say to which key. A proof says it before a
    /// certificate does.
    pub fn bound(mut self) -> Result<Self, Error> {
        if self.confirmation.is_none() && self.client.certificate_bound_tokens {
            // RFC 8705 section 3.4: never unbound instead.
            let description = "this client needs a client certificate, or a DPoP proof";
            let certificate = self.certificate.take();
            self.confirmation = Some(certificate.ok_or_else(|| Error::protocol("invalid_request", description))?);
        }
        if self.confirmation.is_none() && self.client.profile.is_fapi2() {
            return Err(Error::protocol("invalid_dpop_proof", "this client needs a DPoP proof"));
        }
        Ok(self)
    }

    /// Bounds what one client can make us remember. Not for public clients: as such anybody may come, and use up what all of
    /// the client's users need. What they send is remembered with a grant or a request only, which have their own limits.
    fn admit(&self, app: &AppParts) -> Result<(), Error> {
        let texts = [self.assertion, self.proof].into_iter().flatten().count() as u32;
        if texts == 0 || self.client.is_public() {
            return Ok(());
        }
        app.replay.admit(&self.client.id.0, texts, app.now())
    }

    /// Spends assertion and proof: the same one never counts twice, on no node (RFC 7523 section 3, RFC 9449 section 11.1).
    pub async fn spend(&self, app: &AppParts, work: &mut Work) -> Result<(), Error> {
        self.admit(app)?;
        let fresh = match (self.assertion, self.proof) {
            (Some(assertion), Some(proof)) => replay::insert_two(work, [&assertion, &proof]).await?,
            (Some(assertion), None) => [replay::insert(work, &assertion).await?, true],
            (None, Some(proof)) => [true, replay::insert(work, &proof).await?],
            (None, None) => [true; 2],
        };
        judge(fresh)
    }

    /// As [`spend`](Self::spend), where nothing else is written: together with those of others.
    pub async fn spend_alone(&self, app: &AppParts) -> Result<(), Error> {
        self.admit(app)?;
        let spend = async |once: Option<Once>| match once {
            Some(once) => app.replay.spend(once).await,
            None => Ok(true),
        };
        let (assertion, proof) = tokio::try_join!(spend(self.assertion), spend(self.proof))?;
        judge([assertion, proof])
    }
}

fn judge([assertion_is_fresh, proof_is_fresh]: [bool; 2]) -> Result<(), Error> {
    match (assertion_is_fresh, proof_is_fresh) {
        (false, _) => Err(refused("the assertion has been used before")),
        (_, false) => Err(Error::Protocol(dpop::used())),
        _ => Ok(()),
    }
}

fn find(registry: &Registry, id: &str, parameters: &Parameters) -> Result<Arc<Client>, Error> {
    check_named(id, parameters)?;
    registry.get(id).ok_or_else(|| refused("unknown client"))
}

fn check_named(id: &str, parameters: &Parameters) -> Result<(), Error> {
    if parameters.get("client_id").is_some_and(|named| named != id) {
        return Err(refused("client_id names another client"));
    }
    Ok(())
}

/// Whoever an assertion names: a client, or a program of an organisation, whose key is its client.
async fn find_signer(
    app: &AppParts,
    registry: &Registry,
    id: &str,
    parameters: &Parameters,
) -> Result<(Arc<Client>, Option<Machine>), Error> {
    let Some(key) = OrganisationKeyId::parse(id) else { return Ok((find(registry, id, parameters)?, None)) };
    check_named(id, parameters)?;
    let found = machine::find(app, registry, &key).await?;
    let (client, machine) = found.ok_or_else(|| refused("unknown key of an organisation"))?;
    Ok((Arc::new(client), Some(machine)))
}

/// RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined.
fn parse_basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 4096 {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |text: &str| {
        let mut pairs = url::form_urlencoded::parse(text.as_bytes());
        let (name, value) = pairs.next().unwrap_or_default();
        (pairs.next().is_none() && value.is_empty() && !text.contains(['&', '='])).then(|| name.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

#[derive(Deserialize)]
struct AssertionClaims {
    iss: String,
    sub: String,
    aud: serde_json::Value,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    jti: String,
}

async fn check_assertion(
    app: &AppParts,
    registry: &Registry,
    token: &str,
    parameters: &Parameters,
) -> Result<Authenticated, Error> {
    if parameters.get("client_assertion_type") != Some(ASSERTION_TYPE) || token.len() > 8192 {
        return Err(refused("client_assertion_type is wrong"));
    }
    let token = Compact::parse(token).ok_or_else(|| refused("the assertion cannot be read"))?;
    // Not believed before the signature is checked, which is the client's that it names.
    let claims: AssertionClaims = token.claims().ok_or_else(|| refused("the assertion's claims cannot be read"))?;
    let (client, machine) = find_signer(app, registry, &claims.sub, parameters).await?;
    let Authentication::PrivateKeyJwt { .. } = &client.authentication else {
        return Err(refused("private_key_jwt is not registered"));
    };
    let key = registry.key((&app.outbound, app.now()), &client, token.header.kid.as_deref()).await;
    let key = &key.ok_or_else(|| refused("no key of the client has this kid"))?;
    // The algorithm is the key's, never the header's.
    let algorithm = key_algorithm(key)
        .filter(|algorithm| *algorithm == token.header.alg)
        .filter(|algorithm| client.may_sign_with(*algorithm))
        .ok_or_else(|| refused("wrong algorithm"))?;
    if !token.is_signed(&DecodingKey::from_jwk(key).map_err(Error::broken)?, algorithm) {
        return Err(refused("wrong signature"));
    }
    check_claims(app, &client, &claims).map_err(refused)?;
    let expires_at = Timestamp::from_seconds(claims.exp).plus(minutes(1));
    let once = Once::new(&format!("assertion {}", client.id), &claims.jti, expires_at);
    Ok(Authenticated { machine, assertion: Some(once), ..Authenticated::new(client) })
}

/// RFC 8705 section 2: by what a certificate says if our authority has issued it, or by being exactly that certificate.
fn check_certificate(app: &AppParts, client: &Client, shown: Option<&ClientCertificate>) -> Result<(), String> {
    let missing = "no client certificate came along, or one that cannot be read";
    let refuse = |detail: &str| Err(detail.to_owned());
    match &client.authentication {
        Authentication::SelfSignedTlsClientAuth { certificates } => {
            let shown = shown.ok_or(missing)?;
            if !certificates.iter().any(|known| known == shown.thumbprint()) {
                return refuse("the certificate is none of those that are registered");
            }
            if !shown.is_current(app.now()) {
                return refuse("the certificate does not count at this time");
            }
            Ok(())
        }
        Authentication::TlsClientAuth { san_dns, san_uri } => {
            let shown = shown.ok_or(missing)?;
            let authority = app.client_authority.as_ref();
            authority.ok_or("server.client_certificate_authority_file is not set")?.check(shown, app.now())?;
            let is_named = san_dns.as_ref().is_some_and(|name| shown.has_dns_name(name))
                || san_uri.as_ref().is_some_and(|uri| shown.has_uri(uri));
            if is_named { Ok(()) } else { refuse("the certificate does not have the registered name") }
        }
        _ => refuse("no authentication"),
    }
}

/// RFC 7523 section 3.
fn check_claims(app: &AppParts, client: &Client, claims: &AssertionClaims) -> Result<(), &'static str> {
    let now = app.now().seconds();
    let issuer = app.config.issuer.as_str();
    let token_endpoint = format!("{issuer}/oauth2/token");
    let known = |value: &serde_json::Value| value.as_str().is_some_and(|text| text == issuer || text == token_endpoint);
    let addressed = match (&claims.aud, client.profile) {
        (serde_json::Value::Array(values), Profile::OidcCore) => values.iter().any(known),
        (value, Profile::OidcCore) => known(value),
        (value, _) => value.as_str() == Some(issuer),
    };
    if claims.iss != client.id.0 || claims.sub != client.id.0 {
        return Err("iss and sub must be the client");
    }
    if !addressed {
        return Err("aud must be the issuer, as one string");
    }
    if claims.exp <= now || claims.exp > now + 300 + 30 {
        return Err("exp must be within the next five minutes");
    }
    if claims.nbf.is_some_and(|nbf| nbf > now + 30) || claims.iat.is_some_and(|iat| iat > now + 30) {
        return Err("the assertion is from the future");
    }
    if claims.jti.is_empty() || claims.jti.len() > 256 {
        return Err("jti is missing or too long");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse_basic;

    #[test]
    fn sec_e03_the_header_is_read_strictly() {
        assert_eq!(parse_basic("Basic YTpi"), Some(("a".into(), "b".into())));
        assert_eq!(parse_basic("basic YSUyMGI6Yw=="), Some(("a b".into(), "c".into())));
        for bad in [
            "",
            "Basic",
            "Basic ",
            "Basic  YTpi",
            "Bearer YTpi",
            "Basic YTpi=",
            "Basic ????",
            "Basic YQ==",
            "Basic\tYTpi",
            "Basic Basic YTpi",
            "Basic YSZiPWM6ZA==",
        ] {
            assert_eq!(parse_basic(bad), None, "{bad:?}");
        }
    }
}
