//! Files that come from outside: what they may be called, and what kind they are. Judged by name and bytes, never unpacked or rendered,
//! whatever anybody says of them.

pub mod inspect;
pub mod name;

use serde::{Deserialize, Serialize};

/// Whether a scanner has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scan {
    /// It has, and found nothing.
    Clean,
    /// The operator has none.
    None,
}
