//! Whom a client is for, and whether mandates are used there.

use serde::{Deserialize, Serialize};

use super::Client;
use crate::organisation::acting::{Party, Power, Service};

/// Whom a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Serves {
    /// People, each for themselves.
    Persons,
    /// Organisations, for which somebody acts.
    Organisations,
}

impl Serves {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::Organisations => "organisations",
        }
    }
}

pub(super) fn persons() -> Vec<Serves> {
    vec![Serves::Persons]
}

pub(super) fn is_persons(serves: &Vec<Serves>) -> bool {
    *serves == [Serves::Persons]
}

impl Client {
    pub fn serves(&self, kind: Serves) -> bool {
        self.serves.contains(&kind)
    }

    /// As powers know it.
    pub const fn service(&self) -> Service<'_> {
        Service { client: &self.id, authority: self.authority_id.as_ref() }
    }

    /// Whether it is for whomever something is about, whoever acts for them.
    pub fn serves_party(&self, party: &Party) -> bool {
        self.serves(match party {
            Party::Person(_) => Serves::Persons,
            Party::Organisation(_) => Serves::Organisations,
        })
    }

    /// Whether it is for what somebody does by this power.
    pub fn serves_power(&self, power: &Power) -> bool {
        self.serves_party(&power.party) && (self.mandates || power.actions().is_none())
    }
}
