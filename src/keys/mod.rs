//! Keys in the hands of the operator: signing keys are rotated or revoked, the master key is exchanged, while every
//! node goes on serving. The rules of when a key signs and verifies are in [`key_times`](crate::kernel::key_times).

pub mod master;
pub mod rotate;
mod store;

use std::fmt;

use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use crate::audit::Event;
use crate::kernel::key_times::{KeyTimes, State};
use crate::kernel::keys::Purpose;
use crate::kernel::time::Timestamp;

#[derive(Serialize)]
#[serde(untagged)]
enum KeyEvent<'a> {
    Rotated { key_id: &'a str, purpose: Purpose, signs_from: Timestamp },
    Revoked { key_id: &'a str, replaced_by: Option<&'a str> },
    MasterRotationBegun { left: i64 },
    MasterRotated { accounts: u64, registrations: u64, organisations: u64, left: i64 },
}

impl Event for KeyEvent<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Rotated { .. } => "keys.rotated",
            Self::Revoked { .. } => "keys.revoked",
            Self::MasterRotationBegun { .. } => "keys.master_rotation_begun",
            Self::MasterRotated { .. } => "keys.master_rotated",
        }
    }

    fn subject(&self) -> Option<String> {
        None
    }
}

/// A signing key and what it does, as one line for the operator.
pub struct Line<'a>(pub &'a KeyTimes, pub State);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeyTimes { key_id, algorithm, purpose, signs_from, .. } = self.0;
        write!(f, "{key_id}  {}  {:12}  ", algorithm.name(), purpose.name())?;
        match self.1 {
            State::Next => write!(f, "next, signs from {}", local(*signs_from)),
            State::Signs => write!(f, "signs since {}", local(*signs_from)),
            State::Verifies { until: Some(until) } => write!(f, "verifies until {}", local(until)),
            State::Verifies { until: None } => write!(f, "verifies"),
            State::Retired => write!(f, "retired"),
            State::Revoked => write!(f, "revoked"),
        }
    }
}

fn local(at: Timestamp) -> String {
    at.in_germany().format(&Rfc3339).unwrap_or_default()
}
