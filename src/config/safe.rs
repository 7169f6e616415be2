//! Safes.

use serde::{Deserialize, Serialize};

section! {
    /// Document safes of people and organisations. They need a place for files (`[objects]`).
    Safe "[safe]" {
        /// How much one safe holds, in mebibytes: all versions of all documents of a person or an organisation together. Whoever has more already keeps it.
        quota_mebibytes: u64 = 500,
    }
}

impl Safe {
    pub(super) fn check(&self) -> Result<(), String> {
        if (1..=1024 * 1024).contains(&self.quota_mebibytes) {
            Ok(())
        } else {
            Err("safe.quota_mebibytes: between 1 and 1048576".to_owned())
        }
    }

    /// The same in bytes.
    pub const fn quota_bytes(&self) -> u64 {
        self.quota_mebibytes * 1024 * 1024
    }
}
