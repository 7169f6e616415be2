//! Passkeys: keys that a device holds and opens by face, fingerprint or its PIN (W3C Web Authentication Level 3).
//!
//! The server checks everything itself, whatever it has asked the browser for: the very origin, the challenge, that a person
//! was there and was verified. A challenge counts once, in the browser that asked for it. A new passkey is a means of the account
//! only after it has been used once in the session that registered it (BSI TR-03160-1).

mod change;
pub mod first;
mod register;
mod sign_in;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::{Credential, Passkey as Key, Url, Uuid, Webauthn, WebauthnBuilder};

use super::store;
use super::store::PasskeyRow;
use crate::account;
use crate::app::AppParts;
use crate::assurance::{Means, Policy};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::time::{Timestamp, minutes};
use crate::store::db::Tx;

pub use change::{find, remove, rename};
pub use register::{Begun, NotMade, begin as begin_registration, finish as finish_registration};
pub use sign_in::{Attempt, Outcome, begin as begin_sign_in, finish as finish_sign_in};

/// How long a challenge waits.
const CHALLENGE_LIFETIME: Duration = minutes(5);

/// As many as an account may have.
pub const PASSKEYS_MAX: usize = 20;
pub const NAME_MAX_CHARACTERS: usize = 60;

/// A passkey as its owner sees it.
pub struct Passkey {
    pub id: MeansId,
    pub name: String,
    pub kind: MeansKind,
    pub registered: Level,
    /// Whether its maker holds a copy of it.
    pub is_synchronised: bool,
    pub created_at: Timestamp,
    /// None until it has been used once; so long it is good for nothing else.
    pub confirmed_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    /// Since when it signs nobody in.
    pub blocked_at: Option<Timestamp>,
    /// What it was made on (AAGUID), if the device has told.
    pub model: Option<Uuid>,
}

/// What is kept of the device that made a key.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Model {
    aaguid: Uuid,
    /// Whether its maker vouches for it.
    is_attested: bool,
}

impl Model {
    fn open(key: &DataKey, id: &MeansId, sealed: Option<&[u8]>) -> Result<Self, Error> {
        let Some(sealed) = sealed else { return Ok(Self::default()) };
        let plain = key.open(place("model", id), sealed).map_err(Error::broken)?;
        serde_json::from_slice(plain.expose()).map_err(Error::broken)
    }
}

/// The passkeys of an account, the oldest first, those included that have never been used.
pub async fn list(tx: &mut Tx, vault: &Vault, account: &AccountId) -> Result<Vec<Passkey>, Error> {
    let rows = store::passkeys_of(tx, account).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let key = account::key(tx, vault, account).await?;
    rows.into_iter().map(|row| open(&key, row)).collect()
}

fn open(key: &DataKey, row: PasskeyRow) -> Result<Passkey, Error> {
    let name = key.open_text(place("name", &row.id), &row.name).map_err(Error::broken)?;
    let model = Model::open(key, &row.id, row.model.as_deref())?.aaguid;
    Ok(Passkey {
        id: row.id,
        name,
        kind: row.kind,
        registered: row.registered,
        is_synchronised: row.is_synchronised,
        created_at: row.created_at,
        confirmed_at: row.confirmed_at,
        last_used_at: row.last_used_at,
        blocked_at: row.blocked_at,
        model: Some(model).filter(|model| !model.is_nil()),
    })
}

/// A name as it is kept: blanks merged, cut at its limit. Whatever it holds, pages show it as text.
fn parse_name(typed: &str) -> Option<String> {
    let words = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = words.chars().filter(|letter| !letter.is_control()).take(NAME_MAX_CHARACTERS).collect();
    (!name.is_empty()).then_some(name)
}

fn place<'a>(column: &'a str, id: &'a MeansId) -> Place<'a> {
    Place { table: "passkey", column, row: id.as_str(), version: 1 }
}

fn seal(app: &AppParts, key: &DataKey, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
    key.seal(place, plain, &app.random).map_err(Error::broken)
}

/// The verifier for this issuer: its host is the relying party's id, and no other origin counts, no port and no subdomain.
/// `Conflict` if the issuer is an address instead of a name, which browsers give no passkeys.
fn relying_party(app: &AppParts) -> Result<Webauthn, Error> {
    let origin = Url::parse(&app.config.issuer).map_err(Error::broken)?;
    let name = origin.domain().ok_or(Error::Conflict("passkeys need a host name"))?;
    let builder = WebauthnBuilder::new(name, &origin).map_err(Error::broken)?;
    builder.rp_name("Nutzerkonto").timeout(minutes(5)).build().map_err(Error::broken)
}

/// By which authenticators know an account. Says nothing to anybody else, and no service knows it.
fn user_handle(vault: &Vault, account: &AccountId) -> Uuid {
    let mut handle = [0; 16];
    handle.copy_from_slice(&vault.index("passkey-user", account.as_str())[..16]);
    Uuid::from_bytes(handle)
}

/// The rule of [`Policy::level`] for a kind and the level of its registration.
fn level(policy: Policy<'_>, (kind, registered): (MeansKind, Level), now: Timestamp) -> Level {
    let (id, name, last_used_at, blocked_at) = (None, None, None, None);
    policy.level(&Means { id, kind, name, registered, created_at: now, last_used_at, blocked_at }, now)
}

/// Whether a key stays on its device is what it said when it was made; it may not say otherwise later.
fn kind_of(key: &Key, model: Model) -> MeansKind {
    match Credential::from(key.clone()).backup_eligible {
        true => MeansKind::SynchronisedPasskey,
        false if model.is_attested => MeansKind::AttestedPasskey,
        false => MeansKind::DevicePasskey,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_of_one_line() {
        assert_eq!(parse_name("  Mein\n Handy "), Some("Mein Handy".to_owned()));
        assert_eq!(parse_name("<b>\u{0}"), Some("<b>".to_owned()));
        assert_eq!(parse_name(" \n"), None);
        assert_eq!(parse_name(&"ä".repeat(70)).unwrap().chars().count(), NAME_MAX_CHARACTERS);
    }
}
