//! The recipient's proof: what the authority's receipt says, and what has happened since. Under the same keys, of a type of its own. Asking
//! for it opens nothing and tells nobody.

use serde::{Deserialize, Serialize};

use super::Message;
use super::receipt::{Receipt, checked, moment, type_of};
use crate::app::AppParts;
use crate::client::Client;
use crate::kernel::error::Error;
use crate::kernel::keys::{Algorithm, Purpose};

/// The type of such a token.
const TYPE: &str = "postbox-proof+jwt";

/// What a proof says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    #[serde(flatten)]
    pub receipt: Receipt,
    /// As it stood then.
    pub issued_at: String,
    /// When a mail server has taken the first notification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notified_at: Option<String>,
    /// When somebody opened it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<String>,
    /// The last day on which it could be opened, where provision ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_ends_on: Option<String>,
    /// The name of the rule of the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

/// The proof of a notice as it stands now, signed.
pub fn sign(app: &AppParts, client: &Client, message: &Message) -> Result<String, Error> {
    let facts = &message.facts;
    let proof = Proof {
        receipt: Receipt::of(app, client, message),
        issued_at: moment(app.now()),
        notified_at: facts.notified_at.map(moment),
        opened_at: facts.retrieved_at.map(moment),
        acknowledged_at: facts.acknowledged_at.map(moment),
        offer_ends_on: message.days.offer_ends_on.map(|day| day.to_string()),
        period: message.period.clone(),
    };
    app.keys.current().sign_as(TYPE, Purpose::Receipt, Algorithm::ES256, &proof)
}

/// Whether a token says that it is one.
pub fn is_one(token: &str) -> bool {
    type_of(token).as_deref() == Some(TYPE)
}

/// Checks a proof with a set of published keys and nothing else. What is wrong, if something is.
pub fn verify(token: &str, keys: &jsonwebtoken::jwk::JwkSet) -> Result<Proof, String> {
    let proof: Proof = checked(token, keys, TYPE)?;
    proof.receipt.check()?;
    Ok(proof)
}
