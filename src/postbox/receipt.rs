//! The proof of provision: what an authority shows when somebody says that nothing lay in their postbox. A token under a key of its own,
//! which anybody checks without us, with the published keys. It says what the row says, whenever it is asked for.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Message;
use crate::app::AppParts;
use crate::client::Client;
use crate::kernel::error::Error;
use crate::kernel::jws::Compact;
use crate::kernel::keys::{Algorithm, Purpose};
use crate::kernel::time::Timestamp;

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub iss: String,
    /// The notice.
    pub jti: String,
    /// By what the authority knows the recipient.
    pub sub: String,
    /// The authority's client.
    pub client_id: String,
    /// When it was provided, in seconds.
    pub iat: i64,
    pub provided_at: String,
    pub kind: String,
    pub legal_basis: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_on: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objection_ends_on: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<String>,
    /// Of what was delivered; see the description of the interface.
    pub content_sha256: String,
}

/// A moment as German clocks show it, with the offset.
pub fn moment(at: Timestamp) -> String {
    at.in_germany().format(&Rfc3339).unwrap_or_default()
}

fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Receipt {
    pub(super) fn of(app: &AppParts, client: &Client, message: &Message) -> Self {
        let provided_at = message.facts.provided_at;
        Self {
            iss: app.config.issuer.clone(),
            jti: message.id.to_string(),
            sub: client.subject_of(&app.vault, &message.owner),
            client_id: message.client.0.clone(),
            iat: provided_at.seconds(),
            provided_at: moment(provided_at),
            kind: word(&message.kind),
            legal_basis: word(&message.legal_basis),
            rule: message.rule.clone(),
            announced_on: message.days.announced_on.map(|day| day.to_string()),
            objection_ends_on: message.days.objection_ends_on.map(|day| day.to_string()),
            due_on: message.days.due_on.map(|day| day.to_string()),
            content_sha256: message.content_sha256(),
        }
    }

    /// Whether it says the same twice.
    pub(super) fn check(&self) -> Result<(), String> {
        same_moment(self.iat, &self.provided_at)
    }
}

/// The receipt of a notice, signed.
pub fn sign(app: &AppParts, client: &Client, message: &Message) -> Result<String, Error> {
    app.keys.current().sign(Purpose::Receipt, Algorithm::ES256, &Receipt::of(app, client, message))
}

/// Whether a receipt names one moment by both; an error says that it contradicts itself.
pub(super) fn same_moment(seconds: i64, text: &str) -> Result<(), String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())?;
    if moment.unix_timestamp() == seconds { Ok(()) } else { Err("the receipt contradicts itself".to_owned()) }
}

/// What type of token it says that it is.
pub fn type_of(token: &str) -> Option<String> {
    Compact::parse(token.trim()).and_then(|parsed| parsed.header.typ)
}

/// Checks a receipt with a set of published keys and nothing else. What is wrong, if something is.
pub fn verify(token: &str, keys: &jsonwebtoken::jwk::JwkSet) -> Result<Receipt, String> {
    let receipt: Receipt = checked(token, keys, "postbox-receipt+jwt")?;
    receipt.check()?;
    Ok(receipt)
}

/// What a token of this type says, if one of these keys has signed it.
pub(super) fn checked<T: DeserializeOwned>(
    token: &str,
    keys: &jsonwebtoken::jwk::JwkSet,
    token_type: &str,
) -> Result<T, String> {
    let parsed = Compact::parse(token.trim()).ok_or("this is no receipt: not a signed token in compact form")?;
    if parsed.header.typ.as_deref() != Some(token_type) {
        return Err("this is no receipt: another type of token".to_owned());
    }
    let key_id = parsed.header.kid.as_deref().unwrap_or_default();
    let key = keys.find(key_id).ok_or_else(|| format!("the keys do not have the one that has signed: {key_id}"))?;
    let key = jsonwebtoken::DecodingKey::from_jwk(key).map_err(|error| format!("the key cannot be used: {error}"))?;
    if !parsed.is_signed(&key, jsonwebtoken::Algorithm::ES256) {
        return Err("the signature is wrong: this receipt has been changed, or is not ours".to_owned());
    }
    parsed.claims().ok_or_else(|| "the receipt is signed, but does not say what one has to say".to_owned())
}
