//! What somebody signs in with, as far as its level depends on it.

use serde::{Deserialize, Serialize};

/// The kinds of means. The text form is the name in the database and in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum MeansKind {
    /// Address and password.
    Password,
    /// And a code from an app (RFC 6238).
    AppCode,
    /// And a code from a device that does nothing else.
    DeviceCode,
    /// A passkey that its maker copies to other devices.
    SynchronisedPasskey,
    /// A passkey that cannot leave its device, as that says.
    DevicePasskey,
    /// And its maker vouches for that (attestation).
    AttestedPasskey,
    /// The Online-Ausweis.
    Eid,
    /// An account at another provider that its owner has linked.
    LinkedAccount,
}

impl MeansKind {
    pub const ALL: [Self; 8] = [
        Self::Password,
        Self::AppCode,
        Self::DeviceCode,
        Self::SynchronisedPasskey,
        Self::DevicePasskey,
        Self::AttestedPasskey,
        Self::Eid,
        Self::LinkedAccount,
    ];

    pub const fn is_passkey(self) -> bool {
        matches!(self, Self::SynchronisedPasskey | Self::DevicePasskey | Self::AttestedPasskey)
    }

    /// A code completes a password and opens nothing by itself.
    pub const fn is_code(self) -> bool {
        matches!(self, Self::AppCode | Self::DeviceCode)
    }
}
