//! What a client says of itself when it registers (RFC 7591 section 2, OpenID Connect Dynamic Client Registration 1.0
//! section 2), and the client that becomes of it. Pure: what must be fetched or stored is done elsewhere.
//!
//! Whoever registers is a stranger. Such a client is shown by the host of its redirect URI, which is all that is known of it;
//! it gets of a person only what they pick, at level basic, and a subject that no client of another host knows. What it says and
//! we do not know is left aside (RFC 7591 section 2), and not told it as if it were in force.

mod keys;
mod members;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use url::Url;

use super::credentials::check_called;
use super::{
    AccessTokenFormat, Authentication, Bilingual, Claim, ClaimRule, Client, Profile, Scope, Serves, SubjectType,
    check_redirect_uri,
};
use crate::kernel::id::ClientId;
use crate::kernel::keys::Algorithm;
use crate::kernel::level::Level;
use crate::kernel::texts::Language;
use keys::Keys;
use members::{Members, refuse};

pub use members::Refusal;

const CODE: &str = "authorization_code";
const REFRESH: &str = "refresh_token";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Longer names of hosts do not fit on a page.
const HOST_MAX: usize = 100;

/// What a registration is read for.
pub struct Given {
    pub id: ClientId,
    /// For a client that wants a secret: the hash of the one it gets.
    pub secret_sha256: String,
    pub loopback_allowed: bool,
    /// How a client may authenticate here.
    pub methods: Vec<&'static str>,
}

/// What becomes of it.
#[derive(Debug)]
pub struct Reading {
    pub client: Client,
    /// Everything in force, as the client is told it. Without what is only known later: its ids, and whether it has a logo.
    pub metadata: Map<String, Value>,
    /// Must list every redirect URI.
    pub sector_identifier_uri: Option<String>,
    pub logo_uri: Option<String>,
}

/// Reads a registration.
pub fn read(members: &Map<String, Value>, given: &Given) -> Result<Reading, Refusal> {
    let said = Members(members);
    check_fixed(&said)?;
    let grants = read_grants(&said)?;
    let redirect_uris = read_redirect_uris(&said, &grants, given.loopback_allowed)?;
    let method = said.text("token_endpoint_auth_method")?.unwrap_or("client_secret_basic");
    if !given.methods.contains(&method) {
        return refuse("token_endpoint_auth_method", format!("one of {}", given.methods.join(", ")));
    }
    for name in ["client_uri", "policy_uri", "tos_uri"] {
        read_link(&said, name, given.loopback_allowed)?;
    }
    let logo_uri = read_link(&said, "logo_uri", given.loopback_allowed)?;
    let mut client = make_client(&said, given, (&grants, redirect_uris, method))?;
    if let Some((field, text)) = client.find_problem(given.loopback_allowed) {
        return refuse(member_of(field), text);
    }
    let sector_identifier_uri = read_sector(&said, &mut client, given.loopback_allowed)?;
    let metadata = told(&said, &client, (method, &grants));
    Ok(Reading { client, metadata, sector_identifier_uri, logo_uri })
}

/// The client, before anybody has asked whether that can be.
fn make_client(
    said: &Members<'_>,
    given: &Given,
    (grants, redirect_uris, method): (&[String], Vec<String>, &str),
) -> Result<Client, Refusal> {
    let host = read_host(said, &redirect_uris)?;
    let mut keys = Keys::read(said, method)?;
    let encryption = keys.encryption(said)?;
    let authentication = keys.authentication(said, method, &given.secret_sha256)?;
    let default_profile = if method == "none" { Profile::Baseline } else { Profile::OidcCore };
    let profile = said.word("profile")?.unwrap_or(default_profile);
    let scopes = read_scopes(said, grants)?;
    Ok(Client {
        id: given.id.clone(),
        name: read_name(said, &host)?,
        operator: read_operator(&host, grants),
        purpose: Bilingual {
            de: "Anmeldung bei diesem Dienst; mehr hat er nicht angegeben".to_owned(),
            en: "Signing in to this service; it has not said more".to_owned(),
        },
        privacy_uri: read_privacy_uri(said, &redirect_uris)?,
        authority_id: None,
        service_id: None,
        contacts: said.list("contacts")?.unwrap_or_default(),
        profile,
        redirect_uris,
        require_pushed_authorization_requests: said.flag("require_pushed_authorization_requests")?,
        request_uris: said.list("request_uris")?.unwrap_or_default(),
        post_logout_redirect_uris: said.list("post_logout_redirect_uris")?.unwrap_or_default(),
        initiate_login_uri: said.owned("initiate_login_uri")?,
        backchannel_logout_uri: said.owned("backchannel_logout_uri")?,
        authentication,
        jwks: keys.jwks.take(),
        jwks_uri: keys.jwks_uri.take(),
        claims: rules(&scopes),
        serves: vec![Serves::Persons],
        mandates: false,
        scopes,
        device: grants.iter().any(|grant| grant == DEVICE),
        own_scopes: Vec::new(),
        resource: None,
        resource_server: None,
        organisation_scopes: Vec::new(),
        postbox: None,
        exchange: Vec::new(),
        access_token_format: AccessTokenFormat::default(),
        certificate_bound_tokens: said.flag("tls_client_certificate_bound_access_tokens")?,
        level: Level::Basic,
        level_reason: None,
        subject_type: SubjectType::Pairwise,
        sector: None,
        id_token_algorithm: read_id_token_algorithm(said, profile)?,
        userinfo_algorithm: said.word("userinfo_signed_response_alg")?,
        encryption,
        registration: None,
    })
}

/// What has one value here, or none.
fn check_fixed(said: &Members<'_>) -> Result<(), Refusal> {
    if said.list("response_types")?.is_some_and(|types| types != ["code"]) {
        return refuse("response_types", "only code");
    }
    // A stranger gets no subject that others could compare.
    if said.text("subject_type")?.is_some_and(|subjects| subjects != "pairwise") {
        return refuse("subject_type", "only pairwise");
    }
    if said.text("application_type")?.is_some_and(|kind| !["web", "native"].contains(&kind)) {
        return refuse("application_type", "web or native");
    }
    said.text("software_id")?;
    said.text("software_version")?;
    said.flag("backchannel_logout_session_required")?;
    Ok(())
}

fn read_grants(said: &Members<'_>) -> Result<Vec<String>, Refusal> {
    let grants = said.list("grant_types")?.unwrap_or_else(|| vec![CODE.to_owned()]);
    if !grants.iter().all(|grant| [CODE, REFRESH, DEVICE].contains(&grant.as_str())) {
        return refuse("grant_types", format!("only {CODE}, {REFRESH} and {DEVICE}"));
    }
    if !grants.iter().any(|grant| grant != REFRESH) {
        return refuse("grant_types", format!("{CODE} or {DEVICE}"));
    }
    Ok(grants)
}

fn read_redirect_uris(said: &Members<'_>, grants: &[String], loopback_allowed: bool) -> Result<Vec<String>, Refusal> {
    let uris = said.list("redirect_uris")?.unwrap_or_default();
    let has_code = grants.iter().any(|grant| grant == CODE);
    if uris.is_empty() == has_code {
        return refuse("redirect_uris", format!("at least one, and only with the grant type {CODE}"));
    }
    for uri in &uris {
        check_redirect_uri(uri, loopback_allowed).or_else(|text| refuse("redirect_uris", format!("{uri}: {text}")))?;
    }
    Ok(uris)
}

/// The host and, if it is another than usual, the port.
fn host_of(uri: &str) -> Option<String> {
    let uri = Url::parse(uri).ok()?;
    let host = uri.host_str()?;
    Some(uri.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// What people are shown as whose service it is. A client for devices alone has no redirect URI, only what it says of itself.
fn read_host(said: &Members<'_>, redirect_uris: &[String]) -> Result<String, Refusal> {
    let own = said.text("client_uri")?;
    let host = redirect_uris.first().map(String::as_str).or(own).and_then(host_of);
    match host {
        Some(host) if host.len() <= HOST_MAX => Ok(host),
        Some(_) => refuse("redirect_uris", "the name of the host is too long"),
        None => refuse("client_uri", "needed where there are no redirect_uris"),
    }
}

/// Whose service it is, as far as anybody knows. What goes to a device does not go by a redirect URI, whose host would prove it.
fn read_operator(host: &str, grants: &[String]) -> Bilingual {
    if grants.iter().any(|grant| grant == DEVICE) {
        return Bilingual { de: "Unbekannter Betreiber".to_owned(), en: "Unknown operator".to_owned() };
    }
    Bilingual { de: host.to_owned(), en: host.to_owned() }
}

/// A text that people read is one line, and no sign in it turns others round.
fn is_plain(text: &str) -> bool {
    let turns = |letter| matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    !text.chars().any(|letter| letter.is_control() || turns(letter))
}

/// `client_name`, and with the tags of languages (RFC 7591 section 2.2).
fn read_name(said: &Members<'_>, host: &str) -> Result<Bilingual, Refusal> {
    let plain = said.text("client_name")?.unwrap_or(host);
    let tagged = |language: Language| {
        let is_meant =
            |name: &&String| name.strip_prefix("client_name#").and_then(Language::from_tag) == Some(language);
        said.0.keys().find(is_meant).map_or(Ok(None), |name| said.text(name))
    };
    let name = |language| Ok::<_, Refusal>(tagged(language)?.unwrap_or(plain).to_owned());
    let name = Bilingual { de: name(Language::De)?, en: name(Language::En)? };
    if is_plain(&name.de) && is_plain(&name.en) {
        Ok(name)
    } else {
        refuse("client_name", "has signs that are not shown")
    }
}

fn read_privacy_uri(said: &Members<'_>, redirect_uris: &[String]) -> Result<String, Refusal> {
    let said_uri = said.text("policy_uri")?.or(said.text("client_uri")?).map(str::to_owned);
    let origin = || redirect_uris.first().and_then(|uri| Some(Url::parse(uri).ok()?.join("/").ok()?.to_string()));
    said_uri.or_else(origin).map_or_else(|| refuse("policy_uri", "needed"), Ok)
}

/// A link for people.
fn read_link(said: &Members<'_>, name: &str, loopback_allowed: bool) -> Result<Option<String>, Refusal> {
    let uri = said.owned(name)?;
    if let Some(uri) = &uri {
        check_redirect_uri(uri, loopback_allowed).or_else(|text| refuse(name, text))?;
    }
    Ok(uri)
}

/// What a stranger may ask for: people, not organisations.
const OFFERED: [Scope; 6] =
    [Scope::Openid, Scope::Profile, Scope::Email, Scope::Address, Scope::Phone, Scope::OfflineAccess];

fn read_scopes(said: &Members<'_>, grants: &[String]) -> Result<Vec<Scope>, Refusal> {
    let may_refresh = grants.iter().any(|grant| grant == REFRESH);
    let wanted: Vec<Scope> = match said.text("scope")? {
        // What we do not know, or do not give to strangers, is not in force.
        Some(text) => {
            let named = |name: &str| OFFERED.into_iter().find(|scope| scope.name() == name);
            text.split(' ').filter_map(named).collect::<BTreeSet<_>>().into_iter().collect()
        }
        None => OFFERED.into_iter().filter(|scope| may_refresh || *scope != Scope::OfflineAccess).collect(),
    };
    if wanted.contains(&Scope::OfflineAccess) && !may_refresh {
        return refuse("scope", format!("offline_access needs the grant type {REFRESH}"));
    }
    Ok(wanted)
}

/// Everything that goes with the scopes, and all of it the person's choice.
fn rules(scopes: &[Scope]) -> Vec<ClaimRule> {
    let is_meant = |claim: &Claim| !claim.is_companion() && scopes.contains(&claim.scope());
    let names: Vec<Claim> = Claim::ALL.into_iter().filter(is_meant).collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![ClaimRule { names, purpose: None, legal_basis: None, optional: true, acting: false }]
}

/// RS256 unless it says otherwise; that is too weak for some profiles.
fn read_id_token_algorithm(said: &Members<'_>, profile: Profile) -> Result<Algorithm, Refusal> {
    let default = if profile.is_fapi2() { Algorithm::ES256 } else { Algorithm::RS256 };
    Ok(said.word("id_token_signed_response_alg")?.unwrap_or(default))
}

/// From what its subjects are computed (OpenID Connect Core section 8.1): the host, which no declared sector is, because there is
/// a space in it. Whoever signs people in on devices gets what it gets without that host, and has a sector of its own.
fn read_sector(said: &Members<'_>, client: &mut Client, loopback_allowed: bool) -> Result<Option<String>, Refusal> {
    const SECTOR: &str = "sector_identifier_uri";
    let host = |uri: &str| Url::parse(uri).ok().and_then(|uri| uri.host_str().map(str::to_owned));
    let mut hosts: BTreeSet<String> = client.redirect_uris.iter().filter_map(|uri| host(uri)).collect();
    let uri = said.owned(SECTOR)?;
    if let Some(uri) = &uri {
        check_called(uri, loopback_allowed).or_else(|text| refuse(SECTOR, text))?;
        if client.device {
            return refuse(SECTOR, "not for a client with devices: its subjects are its own");
        }
    } else if hosts.len() > 1 {
        return refuse(SECTOR, "needed where redirect_uris have several hosts");
    }
    let sector = uri.as_deref().and_then(host).or_else(|| hosts.first().cloned());
    client.sector = sector.filter(|_| !client.device).map(|host| format!("host {host}"));
    // It is told subjects there.
    hosts.extend(uri.as_deref().and_then(host));
    let told_at = client.backchannel_logout_uri.as_deref().and_then(host);
    if told_at.is_some_and(|host| !hosts.contains(&host)) {
        return refuse("backchannel_logout_uri", "must have the host of a redirect URI");
    }
    Ok(uri)
}

/// What a key of the client file is called in a registration.
fn member_of(field: &str) -> &str {
    match field {
        "name" => "client_name",
        "privacy_uri" => "policy_uri",
        "authentication" => "token_endpoint_auth_method",
        "scopes" | "claims" => "scope",
        "device" => "grant_types",
        "encryption" => "jwks",
        "id_token_algorithm, userinfo_algorithm" => "id_token_signed_response_alg",
        other => other,
    }
}

/// Everything in force (RFC 7591 section 3.2.1). What it need not have said is there too.
fn told(said: &Members<'_>, client: &Client, (method, grants): (&str, &[String])) -> Map<String, Value> {
    let scopes: Vec<_> = client.scopes.iter().map(|scope| scope.name()).collect();
    let response_types: &[&str] = if client.redirect_uris.is_empty() { &[] } else { &["code"] };
    let fixed = json!({
        "redirect_uris": client.redirect_uris,
        "response_types": response_types,
        "grant_types": grants,
        "application_type": said.get("application_type").cloned().unwrap_or_else(|| json!("web")),
        "token_endpoint_auth_method": method,
        "client_name": said.get("client_name").cloned().unwrap_or_else(|| json!(client.name.de)),
        "scope": scopes.join(" "),
        "subject_type": "pairwise",
        "id_token_signed_response_alg": client.id_token_algorithm,
        "profile": client.profile,
    });
    let mut metadata = Map::new();
    metadata.extend(fixed.as_object().cloned().unwrap_or_default());
    // As it was said: those are in force, or the registration would have been refused.
    for name in SAID {
        metadata.extend(said.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    if method != "tls_client_auth" {
        metadata.remove("tls_client_auth_san_dns");
        metadata.remove("tls_client_auth_san_uri");
    }
    let tagged = said.0.iter().filter(|(name, _)| name.starts_with("client_name#"));
    let known = tagged.filter(|(name, _)| name.split('#').nth(1).and_then(Language::from_tag).is_some());
    metadata.extend(known.map(|(name, value)| (name.clone(), value.clone())));
    if let Some(wanted) = &client.encryption {
        for answer in ["id_token", "userinfo"] {
            let alg = format!("{answer}_encrypted_response_alg");
            if metadata.contains_key(&alg) {
                metadata.insert(format!("{answer}_encrypted_response_enc"), json!(wanted.content));
            }
        }
    }
    metadata
}

/// Members that are told as they were said.
const SAID: [&str; 24] = [
    "client_uri",
    "policy_uri",
    "tos_uri",
    "contacts",
    "jwks",
    "jwks_uri",
    "sector_identifier_uri",
    "userinfo_signed_response_alg",
    "id_token_encrypted_response_alg",
    "userinfo_encrypted_response_alg",
    "token_endpoint_auth_signing_alg",
    "request_object_signing_alg",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_certificate_bound_access_tokens",
    "require_pushed_authorization_requests",
    "request_uris",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "initiate_login_uri",
    "software_id",
    "software_version",
    "software_statement",
    "backchannel_logout_session_required",
];

impl Client {
    /// The hash of a secret that stands in its definition.
    pub fn declared_secret(&self) -> Option<&str> {
        match &self.authentication {
            Authentication::ClientSecretBasic { secret_sha256 }
            | Authentication::ClientSecretPost { secret_sha256 } => secret_sha256.as_deref(),
            _ => None,
        }
    }
}
