//! Signing in: registration, password, reset, sessions, and the limits on trying.
//!
//! A password proves knowledge only, so every session here is at level basic. A session's token exists in
//! the browser alone; the database has its hash. Nobody learns from any answer whether an address has an account.

pub mod attempts;
pub mod change;
pub mod code;
pub mod contact;
pub mod device;
pub mod password;
pub mod policy;
pub mod recovery_codes;
pub mod register;
pub mod reset;
pub mod session;
mod store;
pub mod web;

use std::time::Duration;

use serde::Serialize;

use crate::audit::Event;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::secret::token_hash;
use crate::kernel::time::{Timestamp, hours, minutes};
use crate::store::db::Tx;
use crate::store::work::Work;

/// How long a session of one level lives, and since when that rule holds.
pub struct SessionLimit {
    pub valid_from: Timestamp,
    pub level: Level,
    /// Without a request.
    pub idle: Duration,
    /// From signing in, whatever happens.
    pub absolute: Duration,
    /// Where the rule comes from.
    pub source: &'static str,
}

const SINCE_2026: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// The rule table. A new rule is a new row with its date; old rows stay.
pub const SESSION_LIMITS: [SessionLimit; 4] = [
    limit(Level::Basic, minutes(60), hours(12), "operator's rule; NIST SP 800-63B-4 section 2.2.3 allows 24 h"),
    limit(Level::Low, minutes(60), hours(12), "operator's rule; NIST SP 800-63B-4 section 2.2.3 allows 24 h"),
    limit(Level::Substantial, minutes(30), hours(2), "operator's rule after BSI TR-03107-1"),
    limit(Level::High, minutes(5), minutes(30), "operator's rule after BSI TR-03107-1"),
];

const fn limit(level: Level, idle: Duration, absolute: Duration, source: &'static str) -> SessionLimit {
    SessionLimit { valid_from: SINCE_2026, level, idle, absolute, source }
}

/// The rule in force for a session of this level that began then; the strictest if none is.
pub fn session_limit(level: Level, began_at: Timestamp) -> &'static SessionLimit {
    let in_force = SESSION_LIMITS.iter().filter(|rule| rule.level == level && rule.valid_from <= began_at);
    in_force.max_by_key(|rule| rule.valid_from).unwrap_or(&SESSION_LIMITS[3])
}

/// The hash under which a browser's cookie is stored.
pub fn browser_hash(browser: &str) -> [u8; 32] {
    token_hash(browser)
}

/// Gives an account its password, already hashed: for accounts that do not come from a registration.
pub async fn password_of(work: &mut Work, account: &AccountId, hash: &str) -> Result<(), Error> {
    Ok(store::put_password(work, account, hash).await?)
}

/// The devices that an account was used on: name, first and last sign of life.
pub async fn devices(tx: &mut Tx, account: &AccountId) -> Result<Vec<(String, Timestamp, Timestamp)>, Error> {
    let rows = store::devices_of(tx, account).await?;
    Ok(rows.into_iter().map(|row| (row.name, row.first_seen_at, row.last_seen_at)).collect())
}

/// Removes everything the account signs in with. The password goes first: a sign-in under way holds its row until it has
/// begun its session, and finds nothing afterwards.
pub async fn forget(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    store::delete_credentials(work, account).await?;
    store::delete_devices(work, account).await?;
    session::end_all(work, account).await.map(drop)
}

/// What happens to credentials and sessions.
#[derive(Serialize)]
#[serde(untagged)]
pub enum SigninEvent {
    SessionBegun {
        #[serde(skip)]
        account: AccountId,
        session: SessionId,
        methods: String,
        device: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
    },
    SessionRenewed {
        #[serde(skip)]
        account: AccountId,
        session: SessionId,
        device: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
    },
    SessionEnded {
        #[serde(skip)]
        account: AccountId,
        session: SessionId,
    },
    SigninRefused {
        #[serde(skip)]
        account: Option<AccountId>,
        device: String,
    },
    DeviceAdded {
        #[serde(skip)]
        account: AccountId,
        device: String,
    },
    PasswordReset {
        #[serde(skip)]
        account: AccountId,
        sessions_ended: u64,
    },
    PasswordChanged {
        #[serde(skip)]
        account: AccountId,
        sessions_ended: u64,
    },
    RecoveryCodesRenewed {
        #[serde(skip)]
        account: AccountId,
    },
    SessionsEnded {
        #[serde(skip)]
        account: AccountId,
        sessions_ended: u64,
    },
    IdleLimitChosen {
        #[serde(skip)]
        account: AccountId,
        minutes: i64,
    },
    AddressAdded {
        #[serde(skip)]
        account: AccountId,
    },
    AddressRemoved {
        #[serde(skip)]
        account: AccountId,
    },
    AddressPreferred {
        #[serde(skip)]
        account: AccountId,
    },
}

impl Event for SigninEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::SessionBegun { .. } => "session.begun",
            Self::SessionRenewed { .. } => "session.renewed",
            Self::SessionEnded { .. } => "session.ended",
            Self::SigninRefused { .. } => "signin.refused",
            Self::DeviceAdded { .. } => "device.added",
            Self::PasswordReset { .. } => "password.reset",
            Self::PasswordChanged { .. } => "password.changed",
            Self::RecoveryCodesRenewed { .. } => "recovery_codes.renewed",
            Self::SessionsEnded { .. } => "session.others_ended",
            Self::IdleLimitChosen { .. } => "session.limit_chosen",
            Self::AddressAdded { .. } => "address.added",
            Self::AddressRemoved { .. } => "address.removed",
            Self::AddressPreferred { .. } => "address.preferred",
        }
    }

    fn subject(&self) -> Option<String> {
        match self {
            Self::SessionBegun { account, .. }
            | Self::SessionRenewed { account, .. }
            | Self::SessionEnded { account, .. }
            | Self::DeviceAdded { account, .. }
            | Self::PasswordReset { account, .. }
            | Self::PasswordChanged { account, .. }
            | Self::RecoveryCodesRenewed { account }
            | Self::AddressAdded { account }
            | Self::AddressRemoved { account }
            | Self::AddressPreferred { account }
            | Self::SessionsEnded { account, .. }
            | Self::IdleLimitChosen { account, .. } => Some(account.to_string()),
            Self::SigninRefused { account, .. } => account.as_ref().map(AccountId::to_string),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_its_limits() {
        let now = Timestamp::from_seconds(1_795_424_520);
        let limits = |level| (session_limit(level, now).idle, session_limit(level, now).absolute);
        assert_eq!(limits(Level::Basic), (minutes(60), hours(12)));
        assert_eq!(limits(Level::Low), (minutes(60), hours(12)));
        assert_eq!(limits(Level::Substantial), (minutes(30), hours(2)));
        assert_eq!(limits(Level::High), (minutes(5), minutes(30)));
        assert_eq!(
            session_limit(Level::Basic, Timestamp::from_seconds(0)).absolute,
            minutes(30),
            "no rule: the strictest"
        );
    }
}
