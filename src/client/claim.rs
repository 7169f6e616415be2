//! The claims about a person that a client may be allowed (OpenID Connect Core section 5.1), and which data each tells.

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::account::AttributeName;
use crate::kernel::texts::{Text, Texts};

/// A standard claim. Its name in requests, tokens and the client file is the variant's in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    Name,
    GivenName,
    FamilyName,
    Birthdate,
    UpdatedAt,
    Email,
    EmailVerified,
}

impl Claim {
    pub const ALL: [Self; 7] = [
        Self::Name,
        Self::GivenName,
        Self::FamilyName,
        Self::Birthdate,
        Self::UpdatedAt,
        Self::Email,
        Self::EmailVerified,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Birthdate => "birthdate",
            Self::UpdatedAt => "updated_at",
            Self::Email => "email",
            Self::EmailVerified => "email_verified",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.name() == name)
    }

    /// The scope that asks for it (section 5.4).
    pub const fn scope(self) -> Scope {
        match self {
            Self::Email | Self::EmailVerified => Scope::Email,
            Self::Name | Self::GivenName | Self::FamilyName | Self::Birthdate | Self::UpdatedAt => Scope::Profile,
        }
    }

    /// Whether it only says something about another claim and is allowed with that: nobody declares it or agrees to it.
    pub const fn is_companion(self) -> bool {
        matches!(self, Self::UpdatedAt | Self::EmailVerified)
    }

    /// Whether `claim` is one that this companion speaks of.
    pub fn speaks_of(self, claim: Self) -> bool {
        match self {
            Self::EmailVerified => claim == Self::Email,
            Self::UpdatedAt => claim.scope() == Scope::Profile,
            _ => false,
        }
    }

    /// What people call it.
    pub fn label(self, t: &Texts) -> &Text {
        match self {
            Self::Name => &t.attribute.name,
            Self::GivenName => &t.attribute.given_names,
            Self::FamilyName => &t.attribute.family_name,
            Self::Birthdate => &t.attribute.birth_date,
            Self::UpdatedAt => &t.attribute.updated_at,
            Self::Email | Self::EmailVerified => &t.attribute.email,
        }
    }

    /// The attributes of an account that it tells; none for what is not an attribute.
    pub const fn attributes(self) -> &'static [AttributeName] {
        match self {
            Self::Name => &[AttributeName::GivenNames, AttributeName::FamilyName],
            Self::GivenName => &[AttributeName::GivenNames],
            Self::FamilyName => &[AttributeName::FamilyName],
            Self::Birthdate => &[AttributeName::BirthDate],
            Self::UpdatedAt | Self::Email | Self::EmailVerified => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_files_and_tokens_say() {
        for claim in Claim::ALL {
            assert_eq!(serde_json::to_value(claim).unwrap(), claim.name());
            assert_eq!(Claim::from_name(claim.name()), Some(claim));
            let spoken_of = Claim::ALL.into_iter().any(|other| claim.speaks_of(other) && !other.is_companion());
            assert_eq!(claim.is_companion(), spoken_of, "{}", claim.name());
        }
    }
}
