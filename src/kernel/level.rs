//! The trust level of an identity or a sign-in, and how the outside world spells it.

use serde::{Deserialize, Serialize};

use super::texts::{Text, Texts};

/// `Basic` is self-asserted and below eIDAS; the others are Art. 8(2) of Regulation (EU) 910/2014.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "TEXT", rename_all = "lowercase")]
pub enum Level {
    Basic,
    Low,
    Substantial,
    High,
}

impl Level {
    pub const ALL: [Level; 4] = [Level::Basic, Level::Low, Level::Substantial, Level::High];

    /// The value of the `acr` claim: the eIDAS identifier, and BSI's "undefined" for what eIDAS does not name.
    pub const fn acr(self) -> &'static str {
        match self {
            Self::Basic => "http://bsi.bund.de/eID/LoA/undefined",
            Self::Low => "http://eidas.europa.eu/LoA/low",
            Self::Substantial => "http://eidas.europa.eu/LoA/substantial",
            Self::High => "http://eidas.europa.eu/LoA/high",
        }
    }

    /// Reads a requested `acr` value: the identifier, or the short name. Unknown values map to nothing, never to a level.
    pub fn from_acr(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.acr() == value || level.name() == value)
    }

    /// The name in the database, in configuration and in code.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Low => "low",
            Self::Substantial => "substantial",
            Self::High => "high",
        }
    }

    /// As people read it.
    pub const fn label(self, t: &Texts) -> &Text {
        match self {
            Self::Basic => &t.level.basic,
            Self::Low => &t.level.low,
            Self::Substantial => &t.level.substantial,
            Self::High => &t.level.high,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_spelled_back() {
        assert!(Level::Basic < Level::Low && Level::Low < Level::Substantial && Level::Substantial < Level::High);
        for level in Level::ALL {
            assert_eq!(Level::from_acr(level.acr()), Some(level));
        }
        assert_eq!(Level::from_acr("substantial"), Some(Level::Substantial));
        for unknown in ["http://eidas.europa.eu/LoA/HIGH", "High", "", "2"] {
            assert_eq!(Level::from_acr(unknown), None, "{unknown}");
        }
    }
}
