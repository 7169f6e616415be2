//! The discovery document: what is switched on, and no member outside the registries.

use serde_json::{Value, json};

use crate::client::{Claim, Scope};
use crate::kernel::level::Level;
use crate::kernel::texts::Language;

const AUTHENTICATION_METHODS: [&str; 3] = ["private_key_jwt", "client_secret_basic", "client_secret_post"];
/// At the token endpoint and for revocation a client that cannot keep a secret only names itself.
const METHODS_WITH_NONE: [&str; 4] = ["private_key_jwt", "client_secret_basic", "client_secret_post", "none"];
const ASSERTION_ALGORITHMS: [&str; 4] = ["ES256", "PS256", "RS256", "EdDSA"];

/// What an ID token says besides the person's data.
const PROTOCOL_CLAIMS: [&str; 11] =
    ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];

/// OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2, RFC 9207 section 3.
pub fn document(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth2/authorize"),
        "pushed_authorization_request_endpoint": format!("{issuer}/oauth2/par"),
        "require_pushed_authorization_requests": false,
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "userinfo_endpoint": format!("{issuer}/oauth2/userinfo"),
        "end_session_endpoint": format!("{issuer}/oauth2/logout"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "jwks_uri": format!("{issuer}/oauth2/jwks"),
        "scopes_supported": Scope::ALL.map(Scope::name),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["pairwise", "public"],
        "id_token_signing_alg_values_supported": ["ES256", "PS256", "EdDSA", "RS256"],
        "token_endpoint_auth_methods_supported": METHODS_WITH_NONE,
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
        "introspection_endpoint_auth_methods_supported": AUTHENTICATION_METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "revocation_endpoint_auth_methods_supported": METHODS_WITH_NONE,
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": PROTOCOL_CLAIMS.into_iter().chain(Claim::ALL.map(Claim::name)).collect::<Vec<_>>(),
        "acr_values_supported": [Level::Basic.acr()],
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "ui_locales_supported": Language::ALL.map(Language::tag),
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true
    })
}
