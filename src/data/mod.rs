//! A person's data as a whole: who saw or received it, a copy of it, and leaving with all of it gone.
//!
//! This capability knows all others and owns almost nothing: what is copied and erased belongs to those on its left.

pub mod closing;
pub mod export;
pub mod inactivity;
pub mod leaving;
pub mod objects;
pub mod protocol;
mod store;
pub mod web;

use serde::Serialize;

use crate::audit::Event;
use crate::kernel::id::AccountId;
use crate::kernel::time::Timestamp;

/// Why an account is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its owner said so.
    Owner,
    /// The time in which its owner could have returned is over.
    NotReturned,
    /// Nobody has used it for two years.
    Unused,
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum DataEvent {
    Exported {
        #[serde(skip)]
        account: AccountId,
    },
    Closing {
        #[serde(skip)]
        account: AccountId,
        erase_at: Timestamp,
    },
    Kept {
        #[serde(skip)]
        account: AccountId,
    },
    ErasureBegun {
        #[serde(skip)]
        account: AccountId,
        why: Why,
    },
    Erased {
        #[serde(skip)]
        account: AccountId,
    },
    ToldUnused {
        #[serde(skip)]
        account: AccountId,
        erase_at: Timestamp,
    },
}

impl Event for DataEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::Exported { .. } => "data.exported",
            Self::Closing { .. } => "account.closing",
            Self::Kept { .. } => "account.kept",
            Self::ErasureBegun { .. } => "account.erasure_begun",
            Self::Erased { .. } => "account.erased",
            Self::ToldUnused { .. } => "account.told_unused",
        }
    }

    fn subject(&self) -> Option<String> {
        let (Self::Exported { account }
        | Self::Closing { account, .. }
        | Self::Kept { account }
        | Self::ErasureBegun { account, .. }
        | Self::Erased { account }
        | Self::ToldUnused { account, .. }) = self;
        Some(account.to_string())
    }
}
