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
    MiddleName,
    Nickname,
    PreferredUsername,
    Profile,
    Picture,
    Website,
    Gender,
    Birthdate,
    Zoneinfo,
    Locale,
    UpdatedAt,
    Email,
    EmailVerified,
    Address,
    PhoneNumber,
    PhoneNumberVerified,
    /// This and the next three are those of OpenID Connect for Identity Assurance; none is told that no document says.
    Title,
    BirthFamilyName,
    PlaceOfBirth,
    Nationalities,
}

impl Claim {
    pub const ALL: [Self; 23] = [
        Self::Name,
        Self::GivenName,
        Self::FamilyName,
        Self::MiddleName,
        Self::Nickname,
        Self::PreferredUsername,
        Self::Profile,
        Self::Picture,
        Self::Website,
        Self::Gender,
        Self::Birthdate,
        Self::Zoneinfo,
        Self::Locale,
        Self::UpdatedAt,
        Self::Email,
        Self::EmailVerified,
        Self::Address,
        Self::PhoneNumber,
        Self::PhoneNumberVerified,
        Self::Title,
        Self::BirthFamilyName,
        Self::PlaceOfBirth,
        Self::Nationalities,
    ];

    /// What the whole name is made of.
    pub const NAME_PARTS: &[Self] = &[Self::GivenName, Self::FamilyName];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::MiddleName => "middle_name",
            Self::Nickname => "nickname",
            Self::PreferredUsername => "preferred_username",
            Self::Profile => "profile",
            Self::Picture => "picture",
            Self::Website => "website",
            Self::Gender => "gender",
            Self::Birthdate => "birthdate",
            Self::Zoneinfo => "zoneinfo",
            Self::Locale => "locale",
            Self::UpdatedAt => "updated_at",
            Self::Email => "email",
            Self::EmailVerified => "email_verified",
            Self::Address => "address",
            Self::PhoneNumber => "phone_number",
            Self::PhoneNumberVerified => "phone_number_verified",
            Self::Title => "title",
            Self::BirthFamilyName => "birth_family_name",
            Self::PlaceOfBirth => "place_of_birth",
            Self::Nationalities => "nationalities",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.name() == name)
    }

    /// The scope that asks for it (section 5.4).
    pub const fn scope(self) -> Scope {
        match self {
            Self::Email | Self::EmailVerified => Scope::Email,
            Self::Address => Scope::Address,
            Self::PhoneNumber | Self::PhoneNumberVerified => Scope::Phone,
            _ => Scope::Profile,
        }
    }

    /// Whether it only says something about another claim and is allowed with that: nobody declares it or agrees to it.
    pub const fn is_companion(self) -> bool {
        matches!(self, Self::UpdatedAt | Self::EmailVerified | Self::PhoneNumberVerified)
    }

    /// Whether `claim` is one that this companion speaks of.
    pub fn speaks_of(self, claim: Self) -> bool {
        match self {
            Self::EmailVerified => claim == Self::Email,
            Self::PhoneNumberVerified => claim == Self::PhoneNumber,
            Self::UpdatedAt => claim.scope() == Scope::Profile,
            _ => false,
        }
    }

    /// What people call it.
    pub fn label(self, t: &Texts) -> &Text {
        match (self, self.attributes()) {
            (Self::Name, _) => &t.attribute.name,
            (Self::Address, _) => &t.attribute.address,
            (_, [attribute, ..]) => attribute.label(t),
            (Self::Locale, _) => &t.attribute.language,
            (Self::UpdatedAt, _) => &t.attribute.updated_at,
            _ => &t.attribute.email,
        }
    }

    /// The attributes of an account that it tells; none for what is not an attribute.
    pub const fn attributes(self) -> &'static [AttributeName] {
        use AttributeName as A;
        match self {
            Self::Name => &[A::GivenNames, A::FamilyName],
            Self::GivenName => &[A::GivenNames],
            Self::FamilyName => &[A::FamilyName],
            Self::MiddleName => &[A::MiddleName],
            Self::Nickname => &[A::Nickname],
            Self::PreferredUsername => &[A::PreferredUsername],
            Self::Profile => &[A::ProfilePage],
            Self::Picture => &[A::Picture],
            Self::Website => &[A::Website],
            Self::Gender => &[A::Gender],
            Self::Birthdate => &[A::BirthDate],
            Self::Zoneinfo => &[A::TimeZone],
            Self::Address => &[A::StreetAddress, A::PostalCode, A::Locality, A::Region, A::Country],
            Self::PhoneNumber | Self::PhoneNumberVerified => &[A::PhoneNumber],
            Self::Title => &[A::AcademicTitle],
            Self::BirthFamilyName => &[A::BirthName],
            Self::PlaceOfBirth => &[A::BirthPlace],
            Self::Nationalities => &[A::Nationality],
            Self::Locale | Self::UpdatedAt | Self::Email | Self::EmailVerified => &[],
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
