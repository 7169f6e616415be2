//! What means of signing in are worth, by the operator's decision.

use serde::{Deserialize, Serialize};

use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::time::Timestamp;

section! {
    /// What means of signing in are worth. Each rule is a table `[[assurance.rules]]` with `valid_from` (a day, from 0:00 UTC on),
    /// `means` (`password`, `app_code`, `device_code`, `synchronised_passkey`, `device_passkey`, `attested_passkey`, `eid`,
    /// `linked_account`), `level` (`basic`, `low`, `substantial`, `high`), `signed_by` and `reason`. Old rules stay, so that it can
    /// be seen what held when.
    Assurance "[assurance]" {
        /// Other levels than the [usual ones](levels.md); never above what is said there.
        rules: Vec<LevelRule> = Vec::new(),
    }
}

/// What a kind of means is worth from a day on, by the operator's decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelRule {
    #[serde(with = "day")]
    valid_from: time::Date,
    pub means: MeansKind,
    pub level: Level,
    /// Who has decided it, and why.
    pub signed_by: String,
    pub reason: String,
}

time::serde::format_description!(day, Date, "[year]-[month]-[day]");

impl LevelRule {
    pub fn valid_from(&self) -> Timestamp {
        Timestamp::from_seconds(self.valid_from.midnight().assume_utc().unix_timestamp())
    }
}
