//! The discovery document: what is switched on, and no member outside the registries.

use serde_json::{Value, json};

use super::response::Mode;
use super::{address, device, document, dpop, exchange, verified_claims};
use crate::client::{Claim, Scope};
use crate::config::Config;
use crate::kernel::jwe::{Content, KeyManagement};
use crate::kernel::level::Level;
use crate::kernel::texts::Language;

const AUTHENTICATION_METHODS: [&str; 3] = ["private_key_jwt", "client_secret_basic", "client_secret_post"];
const ASSERTION_ALGORITHMS: [&str; 4] = ["ES256", "PS256", "RS256", "EdDSA"];

/// With which we sign what clients get.
const SIGNATURES: [&str; 4] = ["ES256", "PS256", "EdDSA", "RS256"];

/// What an ID token says besides the person's data.
const PROTOCOL_CLAIMS: [&str; 12] =
    ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "act"];

/// OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2.
pub fn document(config: &Config) -> Value {
    let mut document = json!({ "issuer": config.issuer });
    for part in [endpoints(config), requests(config), tokens(), certificates(config), registration(config)] {
        if let (Value::Object(document), Value::Object(part)) = (&mut document, part) {
            document.extend(part);
        }
    }
    document
}

/// Where programs call, and how they prove themselves there.
fn endpoints(config: &Config) -> Value {
    let issuer = config.issuer.as_str();
    let methods = authentication_methods(config);
    // At the token endpoint and for revocation a client that cannot keep a secret only names itself.
    let with_none = [methods.as_slice(), &["none"]].concat();
    json!({
        "authorization_endpoint": format!("{issuer}/oauth2/authorize"),
        "pushed_authorization_request_endpoint": format!("{issuer}/oauth2/par"),
        "device_authorization_endpoint": format!("{issuer}/oauth2/device_authorization"),
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "userinfo_endpoint": format!("{issuer}/oauth2/userinfo"),
        "end_session_endpoint": format!("{issuer}/oauth2/logout"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "jwks_uri": format!("{issuer}/oauth2/jwks"),
        "token_endpoint_auth_methods_supported": with_none,
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "revocation_endpoint_auth_methods_supported": with_none,
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS,
    })
}

/// What is registered for clients, and can work here (RFC 8705 section 2).
pub fn authentication_methods(config: &Config) -> Vec<&'static str> {
    let mut methods = AUTHENTICATION_METHODS.to_vec();
    if config.takes_client_certificates() {
        methods.push("self_signed_tls_client_auth");
        if config.server.client_certificate_authority_file.is_some() {
            methods.push("tls_client_auth");
        }
    }
    methods
}

/// Tokens bound to client certificates, and where to call with one (RFC 8705 sections 3.3 and 5).
fn certificates(config: &Config) -> Value {
    if !config.takes_client_certificates() {
        return json!({});
    }
    let mut part = json!({ "tls_client_certificate_bound_access_tokens": true });
    if let Some(origin) = &config.server.mtls_issuer {
        part["mtls_endpoint_aliases"] = json!({
            "pushed_authorization_request_endpoint": format!("{origin}/oauth2/par"),
            "token_endpoint": format!("{origin}/oauth2/token"),
            "userinfo_endpoint": format!("{origin}/oauth2/userinfo"),
            "introspection_endpoint": format!("{origin}/oauth2/introspect"),
            "revocation_endpoint": format!("{origin}/oauth2/revoke"),
        });
    }
    part
}

/// Where clients register themselves, if they may (RFC 7591).
fn registration(config: &Config) -> Value {
    if !config.registration.enabled {
        return json!({});
    }
    json!({ "registration_endpoint": format!("{}/oauth2/register", config.issuer) })
}

/// What an authorization request may say, and how it is answered (RFC 9126, RFC 9101, RFC 9207, JARM).
fn requests(config: &Config) -> Value {
    let highest = if config.eid.server_url.is_some() { Level::High } else { Level::Substantial };
    let levels: Vec<_> = Level::ALL.into_iter().filter(|level| *level <= highest).map(Level::acr).collect();
    json!({
        "require_pushed_authorization_requests": false,
        "scopes_supported": Scope::ALL.map(Scope::name),
        "response_types_supported": ["code"],
        "response_modes_supported": Mode::NAMES.map(|(name, _)| name),
        "authorization_signing_alg_values_supported": SIGNATURES,
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": levels,
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "display_values_supported": ["page"],
        "ui_locales_supported": Language::ALL.map(Language::tag),
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_object_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "authorization_details_types_supported": [document::TYPE],
        "authorization_response_iss_parameter_supported": true,
    })
}

fn claims() -> Vec<&'static str> {
    PROTOCOL_CLAIMS
        .into_iter()
        .chain(Claim::ALL.map(Claim::name))
        .chain([verified_claims::ORGANISATION, address::CLAIM])
        .collect()
}

/// What clients get (RFC 9701 for introspection).
fn tokens() -> Value {
    let (managements, contents) = (KeyManagement::ALL.map(KeyManagement::name), Content::ALL.map(Content::name));
    json!({
        "grant_types_supported":
            ["authorization_code", "refresh_token", "client_credentials", exchange::GRANT_TYPE, device::GRANT_TYPE],
        "subject_types_supported": ["pairwise", "public"],
        "claim_types_supported": ["normal"],
        "trust_frameworks_supported": [verified_claims::TRUST_FRAMEWORK],
        "evidence_supported": verified_claims::EVIDENCE,
        "documents_supported": verified_claims::DOCUMENTS,
        "documents_check_methods_supported": verified_claims::CHECK_METHODS,
        "electronic_records_supported": verified_claims::RECORDS,
        "claims_in_verified_claims_supported":
            verified_claims::CLAIMS.into_iter().map(Claim::name).chain([verified_claims::ORGANISATION]).collect::<Vec<_>>(),
        "claims_supported": claims(),
        "id_token_signing_alg_values_supported": SIGNATURES,
        "id_token_encryption_alg_values_supported": managements,
        "id_token_encryption_enc_values_supported": contents,
        "userinfo_signing_alg_values_supported": SIGNATURES,
        "userinfo_encryption_alg_values_supported": managements,
        "userinfo_encryption_enc_values_supported": contents,
        "introspection_signing_alg_values_supported": SIGNATURES,
        "introspection_encryption_alg_values_supported": managements,
        "introspection_encryption_enc_values_supported": contents,
    })
}
