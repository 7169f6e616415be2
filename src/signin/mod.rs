//! Signing in: registration, password, reset, sessions, and the limits on trying.
//!
//! What a session is worth depends on what its owner has signed in with. Where an account has a second factor, the right
//! password begins none: [`partial`] waits for the rest. A session's token exists in the browser alone; the database has its
//! hash. Nobody learns from any answer whether an address has an account.

pub mod arrival;
pub mod attempts;
pub mod blocking;
pub mod card;
pub mod ceremony;
pub mod change;
pub mod code;
pub mod code_device;
pub mod contact;
pub mod device;
pub mod generator;
pub mod linked;
pub mod means;
pub mod partial;
pub mod passkey;
pub mod password;
pub mod password_removal;
pub mod policy;
pub mod recovery;
pub mod recovery_codes;
pub mod register;
pub mod reset;
pub mod session;
mod store;
pub mod web;

use serde::Serialize;

use crate::audit::Event;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, MeansId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::secret::token_hash;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::Work;

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
        methods: String,
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
    PasswordRemoved {
        #[serde(skip)]
        account: AccountId,
        sessions_ended: u64,
    },
    RecoveryCodesRenewed {
        #[serde(skip)]
        account: AccountId,
    },
    RecoveryCodeUsed {
        #[serde(skip)]
        account: AccountId,
        device: String,
    },
    /// A wrong one after a right code from a mail, where there is no password.
    RecoveryCodeRefused {
        #[serde(skip)]
        account: AccountId,
        device: String,
    },
    CodeGeneratorAdded {
        #[serde(skip)]
        account: AccountId,
        means: MeansKind,
        registered: Level,
    },
    CodeGeneratorRemoved {
        #[serde(skip)]
        account: AccountId,
        means: MeansKind,
    },
    /// A wrong code after a right password.
    CodeRefused {
        #[serde(skip)]
        account: AccountId,
        device: String,
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
    MeansBlocked {
        #[serde(skip)]
        account: AccountId,
        means: MeansKind,
    },
    MeansUnblocked {
        #[serde(skip)]
        account: AccountId,
        means: MeansKind,
    },
    IdentityLowered {
        #[serde(skip)]
        account: AccountId,
        level: Level,
    },
    PasskeyAdded {
        #[serde(skip)]
        account: AccountId,
        passkey: MeansId,
        kind: MeansKind,
    },
    PasskeyRemoved {
        #[serde(skip)]
        account: AccountId,
        passkey: MeansId,
        kind: MeansKind,
    },
    PasskeyRefused {
        #[serde(skip)]
        account: Option<AccountId>,
        device: String,
        why: &'static str,
    },
    CardAdded {
        #[serde(skip)]
        account: AccountId,
        card: MeansId,
    },
    /// Read and right, and not for this account.
    CardRefused {
        #[serde(skip)]
        account: AccountId,
        why: &'static str,
    },
    CardRemoved {
        #[serde(skip)]
        account: AccountId,
        card: MeansId,
    },
    /// Its owner has shown with a card that it is theirs, to get back in.
    CardRecovery {
        #[serde(skip)]
        account: AccountId,
        device: String,
    },
    LinkedAccountAdded {
        #[serde(skip)]
        account: AccountId,
        means: MeansId,
        provider: String,
        registered: Level,
    },
    LinkedAccountRemoved {
        #[serde(skip)]
        account: AccountId,
        means: MeansId,
        provider: String,
    },
    LinkedAccountRefused {
        #[serde(skip)]
        account: Option<AccountId>,
        provider: String,
        device: String,
        why: &'static str,
    },
    /// The other provider has said that its session has ended.
    LinkedAccountSignedOut {
        #[serde(skip)]
        account: AccountId,
        provider: String,
        sessions_ended: u64,
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
            Self::PasswordRemoved { .. } => "password.removed",
            Self::RecoveryCodesRenewed { .. } => "recovery_codes.renewed",
            Self::RecoveryCodeUsed { .. } => "recovery_code.used",
            Self::RecoveryCodeRefused { .. } => "recovery_code.refused",
            Self::CodeGeneratorAdded { .. } => "code_generator.added",
            Self::CodeGeneratorRemoved { .. } => "code_generator.removed",
            Self::CodeRefused { .. } => "code_generator.refused",
            Self::SessionsEnded { .. } => "session.others_ended",
            Self::IdleLimitChosen { .. } => "session.limit_chosen",
            Self::MeansBlocked { .. } => "means.blocked",
            Self::MeansUnblocked { .. } => "means.unblocked",
            Self::IdentityLowered { .. } => "identity.lowered",
            Self::PasskeyAdded { .. } => "passkey.added",
            Self::PasskeyRemoved { .. } => "passkey.removed",
            Self::PasskeyRefused { .. } => "passkey.refused",
            Self::CardAdded { .. } => "eid_card.added",
            Self::CardRefused { .. } => "eid_card.refused",
            Self::CardRemoved { .. } => "eid_card.removed",
            Self::CardRecovery { .. } => "eid_card.recovery",
            Self::LinkedAccountAdded { .. } => "linked_account.added",
            Self::LinkedAccountRemoved { .. } => "linked_account.removed",
            Self::LinkedAccountRefused { .. } => "linked_account.refused",
            Self::LinkedAccountSignedOut { .. } => "linked_account.signed_out",
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
            | Self::PasswordRemoved { account, .. }
            | Self::RecoveryCodesRenewed { account }
            | Self::RecoveryCodeUsed { account, .. }
            | Self::RecoveryCodeRefused { account, .. }
            | Self::CodeGeneratorAdded { account, .. }
            | Self::CodeGeneratorRemoved { account, .. }
            | Self::CodeRefused { account, .. }
            | Self::PasskeyAdded { account, .. }
            | Self::PasskeyRemoved { account, .. }
            | Self::CardAdded { account, .. }
            | Self::CardRefused { account, .. }
            | Self::CardRemoved { account, .. }
            | Self::CardRecovery { account, .. }
            | Self::LinkedAccountAdded { account, .. }
            | Self::LinkedAccountRemoved { account, .. }
            | Self::LinkedAccountSignedOut { account, .. }
            | Self::AddressAdded { account }
            | Self::AddressRemoved { account }
            | Self::AddressPreferred { account }
            | Self::SessionsEnded { account, .. }
            | Self::MeansBlocked { account, .. }
            | Self::MeansUnblocked { account, .. }
            | Self::IdentityLowered { account, .. }
            | Self::IdleLimitChosen { account, .. } => Some(account.to_string()),
            Self::SigninRefused { account, .. }
            | Self::PasskeyRefused { account, .. }
            | Self::LinkedAccountRefused { account, .. } => account.as_ref().map(AccountId::to_string),
        }
    }
}
