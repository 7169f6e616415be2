//! Access tokens: a signed one that an API checks by itself, or an opaque one that only we can read. Neither has a row of its
//! own; what it is worth is what its grant still is.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::confirmation::Confirmation;
use super::token::TokenResponse;
use crate::app::AppParts;
use crate::client::{AccessTokenFormat, Client};
use crate::kernel::error::Error;
use crate::kernel::id::GrantId;
use crate::kernel::keys::{Algorithm, Purpose};
use crate::kernel::seal::Place;

pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(300);
/// 128 bits in base64url.
const SEED_LENGTH: usize = 22;

/// RFC 9068 section 2.2. `grant` is how our own endpoints find out whether it still counts; a client's token in its own
/// name has none.
#[derive(Clone, Serialize, Deserialize)]
pub struct AccessToken {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: i64,
    pub iat: i64,
    pub jti: String,
    pub client_id: String,
    pub scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// How its person has signed in, and when (RFC 9068 section 2.2.1): an API may demand more (RFC 9470).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// Who acts for the person (RFC 8693 section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<serde_json::Value>,
    /// What the subject is, for its own program (see `oidc/machine.rs`); whoever acts for it has `act`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<serde_json::Value>,
    /// To whom alone it is worth anything (RFC 9449 section 6, RFC 8705 section 3.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

impl AccessToken {
    /// Without a grant yet: in the client's own name.
    pub fn new(app: &AppParts, client: &Client, subject: String, scope: &str) -> Self {
        let now = app.now();
        Self {
            iss: app.config.issuer.clone(),
            sub: subject,
            aud: app.config.issuer.clone(),
            exp: now.plus(ACCESS_TOKEN_LIFETIME).seconds(),
            iat: now.seconds(),
            jti: URL_SAFE_NO_PAD.encode(app.random.bytes::<16>()),
            client_id: client.id.0.clone(),
            scope: scope.to_owned(),
            grant: None,
            acr: None,
            auth_time: None,
            act: None,
            organisation: None,
            cnf: None,
        }
    }

    /// How it is presented (RFC 6749 section 7.1, RFC 9449 section 7.1).
    pub fn token_type(&self) -> &'static str {
        self.cnf.as_ref().map_or("Bearer", Confirmation::token_type)
    }

    /// In the form that its client has.
    pub fn issue(&self, app: &AppParts, client: &Client) -> Result<TokenResponse, Error> {
        let access_token = match client.access_token_format {
            AccessTokenFormat::Jwt => app.keys.current().sign(Purpose::AccessToken, Algorithm::ES256, self)?,
            AccessTokenFormat::Opaque => self.seal(app)?,
        };
        Ok(TokenResponse {
            access_token,
            token_type: self.token_type(),
            expires_in: u64::try_from(self.exp - self.iat).unwrap_or_default(),
            id_token: None,
            refresh_token: None,
            scope: self.scope.clone(),
            authorization_details: None,
        })
    }

    fn seal(&self, app: &AppParts) -> Result<String, Error> {
        let mut token = URL_SAFE_NO_PAD.encode(app.random.bytes::<16>());
        let plain = serde_json::to_vec(self).map_err(Error::broken)?;
        let sealed = app.vault.token_key(&token).seal(PLACE, &plain, &app.random).map_err(Error::broken)?;
        URL_SAFE_NO_PAD.encode_string(sealed, &mut token);
        Ok(token)
    }

    /// One of ours that has not expired, in either form. Whether its grant still counts is the gate's to say.
    pub fn read(app: &AppParts, token: &str) -> Option<Self> {
        let claims = if token.contains('.') {
            app.keys.current().verify::<Self>(Purpose::AccessToken, token)?
        } else {
            open(app, token)?
        };
        (claims.iss == app.config.issuer && claims.exp > app.now().seconds()).then_some(claims)
    }
}

const PLACE: Place<'_> = Place { table: "access_token", column: "claims", row: "", version: 1 };

fn open(app: &AppParts, token: &str) -> Option<AccessToken> {
    let (seed, sealed) = token.split_at_checked(SEED_LENGTH)?;
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let plain = app.vault.token_key(seed).open(PLACE, &sealed).ok()?;
    serde_json::from_slice(plain.expose()).ok()
}
