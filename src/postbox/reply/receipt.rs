//! The proof of sending, for whoever has written: what they show when somebody says that no answer came. Under the key of receipts, with a
//! type of its own, so that neither proof passes for the other.

use serde::{Deserialize, Serialize};

use super::Role;
use super::sent::ReplyRow;
use super::written::Written;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::MessageId;
use crate::kernel::keys::{Algorithm, Purpose};
use crate::kernel::secret::hex;
use crate::postbox::receipt::{checked, moment, same_moment};

/// The `typ` header.
pub const TYPE: &str = "postbox-reply-receipt+jwt";

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyReceipt {
    pub iss: String,
    /// The reply.
    pub jti: String,
    /// The notice that it answers.
    pub message: String,
    /// The authority's client.
    pub client_id: String,
    /// When it was sent, in seconds.
    pub iat: i64,
    pub sent_at: String,
    pub written_by: Role,
    /// Of what was sent; see the description of the interface.
    pub content_sha256: String,
}

/// The receipt of a reply, signed.
pub fn sign(app: &AppParts, row: &ReplyRow) -> Result<String, Error> {
    let receipt = ReplyReceipt {
        iss: app.config.issuer.clone(),
        jti: row.id.to_string(),
        message: row.message_id.to_string(),
        client_id: row.client_id.0.clone(),
        iat: row.sent_at.seconds(),
        sent_at: moment(row.sent_at),
        written_by: row.role,
        content_sha256: hex(&row.content_hash),
    };
    app.keys.current().sign_as(TYPE, Purpose::Receipt, Algorithm::ES256, &receipt)
}

/// Checks such a receipt with a set of published keys and nothing else. What is wrong, if something is.
pub fn verify(token: &str, keys: &jsonwebtoken::jwk::JwkSet) -> Result<ReplyReceipt, String> {
    let receipt: ReplyReceipt = checked(token, keys, TYPE)?;
    same_moment(receipt.iat, &receipt.sent_at)?;
    Ok(receipt)
}

/// A reply as somebody has it: as the interface shows it, or as it stands in a copy of one's data.
#[derive(Debug, Deserialize)]
pub struct Kept {
    message: MessageId,
    #[serde(flatten)]
    written: Written,
}

impl Kept {
    /// SHA-256 of what was sent, as a receipt names it.
    pub fn content_sha256(&self) -> String {
        hex(&self.written.hash(&self.message))
    }
}
