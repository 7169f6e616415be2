//! The OpenID Provider: an authorization request is checked, stored if somebody must do something first, and
//! decided by one dispatcher; a code is redeemed once; a token is worth what its grant still is.

pub mod access_token;
pub mod address;
pub mod api;
pub mod authorize;
pub mod backchannel;
pub mod claims;
pub mod claims_request;
pub mod client_auth;
pub mod client_credentials;
pub mod confirmation;
pub mod connection;
pub mod consent;
pub mod device;
pub mod discovery;
pub mod dispatch;
pub mod document;
pub mod dpop;
pub mod exchange;
pub mod grant;
pub mod logout;
pub mod logout_state;
pub mod machine;
pub mod par;
pub mod refresh;
pub mod registration;
pub mod request;
pub mod request_object;
pub mod response;
pub mod revocation;
mod store;
pub mod token;
mod verified_claims;
mod verified_organisation;
pub mod web;
pub mod whose;

use serde::Serialize;

use crate::client::{Claim, Scope};
use crate::kernel::id::{ClientId, GrantId};

/// Scopes as the one text that requests, codes, grants and consents store: in the order of [`Scope::ALL`].
pub fn scope_text(scopes: &[Scope]) -> String {
    let chosen = Scope::ALL.iter().filter(|scope| scopes.contains(scope));
    chosen.map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
}

/// The scopes we know of such a text; others are not understood and therefore ignored (OpenID Connect Core
/// section 3.1.2.1).
pub fn scopes_of(text: &str) -> Vec<Scope> {
    let named = |name: &str| Scope::ALL.into_iter().find(|scope| scope.name() == name);
    let mut scopes: Vec<Scope> = text.split(' ').filter_map(named).collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

/// What happens between people and clients. Whom it concerns is said with it ([`whose::record`]).
#[derive(Serialize)]
#[serde(untagged)]
pub enum OidcEvent {
    ConsentGiven {
        client: ClientId,
        scope: String,
        claims: Vec<Claim>,
    },
    ConsentWithdrawn {
        client: ClientId,
    },
    GrantIssued {
        client: ClientId,
        grant: GrantId,
        scope: String,
        /// What the service can fetch by it.
        claims: Vec<Claim>,
    },
    GrantRevoked {
        client: ClientId,
        grant: GrantId,
    },
    CodeRefused {
        client: ClientId,
        why: &'static str,
    },
    RefreshRefused {
        client: ClientId,
        grant: GrantId,
        why: &'static str,
    },
    /// An API acts for the person at another one.
    TokenExchanged {
        client: ClientId,
        /// Whose token it was called with.
        of: String,
        resource: String,
    },
    /// A service has not confirmed that a session has ended, and is not asked any more.
    LogoutNotTold {
        client: ClientId,
    },
}

impl OidcEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::ConsentGiven { .. } => "consent.given",
            Self::ConsentWithdrawn { .. } => "consent.withdrawn",
            Self::GrantIssued { .. } => "grant.issued",
            Self::GrantRevoked { .. } => "grant.revoked",
            Self::CodeRefused { .. } => "code.refused",
            Self::RefreshRefused { .. } => "refresh.refused",
            Self::TokenExchanged { .. } => "token.exchanged",
            Self::LogoutNotTold { .. } => "logout.not_told",
        }
    }
}
