//! What is known about a person, by name. Identity is what an account needs; everything else the person may state or leave
//! out (OpenID Connect Core section 5.1 lists the claims that are made of it).

use serde::{Deserialize, Serialize};

use crate::kernel::id::EvidenceId;
use crate::kernel::level::Level;
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;

/// What is known about a person, in the order in which people read it. The text form is the name in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum AttributeName {
    GivenNames,
    FamilyName,
    /// `1987-03-27`; shorter where an identity document leaves the day or the month open.
    BirthDate,
    AcademicTitle,
    /// The family name at birth.
    BirthName,
    BirthPlace,
    /// ISO 3166-1 alpha-2, in capitals.
    Nationality,
    /// E.164, as RFC 3966 recommends for numbers that hold everywhere: `+493012345678`.
    PhoneNumber,
    /// One or two lines.
    StreetAddress,
    PostalCode,
    Locality,
    Region,
    /// ISO 3166-1 alpha-2, in capitals.
    Country,
    MiddleName,
    Nickname,
    PreferredUsername,
    /// `female`, `male` or `diverse`.
    Gender,
    /// A name of the IANA time zone database.
    TimeZone,
    Website,
    ProfilePage,
    Picture,
}

/// What belongs together for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Who the person is. Never changed by saying so.
    Identity,
    /// What only identity documents say, beside that.
    Document,
    Telephone,
    Address,
    /// About the person.
    Person,
    /// On the web.
    Web,
}

impl AttributeName {
    pub const ALL: [Self; 21] = [
        Self::GivenNames,
        Self::FamilyName,
        Self::BirthDate,
        Self::AcademicTitle,
        Self::BirthName,
        Self::BirthPlace,
        Self::Nationality,
        Self::PhoneNumber,
        Self::StreetAddress,
        Self::PostalCode,
        Self::Locality,
        Self::Region,
        Self::Country,
        Self::MiddleName,
        Self::Nickname,
        Self::PreferredUsername,
        Self::Gender,
        Self::TimeZone,
        Self::Website,
        Self::ProfilePage,
        Self::Picture,
    ];

    /// Everything that a person may state, change and remove.
    pub fn further() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|name| !matches!(name.group(), Group::Identity | Group::Document))
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::GivenNames => "given_names",
            Self::FamilyName => "family_name",
            Self::BirthDate => "birth_date",
            Self::AcademicTitle => "academic_title",
            Self::BirthName => "birth_name",
            Self::BirthPlace => "birth_place",
            Self::Nationality => "nationality",
            Self::PhoneNumber => "phone_number",
            Self::StreetAddress => "street_address",
            Self::PostalCode => "postal_code",
            Self::Locality => "locality",
            Self::Region => "region",
            Self::Country => "country",
            Self::MiddleName => "middle_name",
            Self::Nickname => "nickname",
            Self::PreferredUsername => "preferred_username",
            Self::Gender => "gender",
            Self::TimeZone => "time_zone",
            Self::Website => "website",
            Self::ProfilePage => "profile_page",
            Self::Picture => "picture",
        }
    }

    pub const fn group(self) -> Group {
        match self {
            Self::GivenNames | Self::FamilyName | Self::BirthDate => Group::Identity,
            Self::AcademicTitle | Self::BirthName | Self::BirthPlace | Self::Nationality => Group::Document,
            Self::PhoneNumber => Group::Telephone,
            Self::StreetAddress | Self::PostalCode | Self::Locality | Self::Region | Self::Country => Group::Address,
            Self::MiddleName | Self::Nickname | Self::PreferredUsername | Self::Gender | Self::TimeZone => {
                Group::Person
            }
            Self::Website | Self::ProfilePage | Self::Picture => Group::Web,
        }
    }

    /// As people call it.
    pub const fn label(self, t: &Texts) -> &Text {
        let a = &t.attribute;
        match self {
            Self::GivenNames => &a.given_names,
            Self::FamilyName => &a.family_name,
            Self::BirthDate => &a.birth_date,
            Self::AcademicTitle => &a.academic_title,
            Self::BirthName => &a.birth_name,
            Self::BirthPlace => &a.birth_place,
            Self::Nationality => &a.nationality,
            Self::PhoneNumber => &a.phone_number,
            Self::StreetAddress => &a.street_address,
            Self::PostalCode => &a.postal_code,
            Self::Locality => &a.locality,
            Self::Region => &a.region,
            Self::Country => &a.country,
            Self::MiddleName => &a.middle_name,
            Self::Nickname => &a.nickname,
            Self::PreferredUsername => &a.preferred_username,
            Self::Gender => &a.gender,
            Self::TimeZone => &a.time_zone,
            Self::Website => &a.website,
            Self::ProfilePage => &a.profile_page,
            Self::Picture => &a.picture,
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Source {
    /// The person said so.
    SelfAsserted,
    /// An official has compared the person with an identity document.
    RegistrationDesk,
    /// Read from the chip of an identity card (§ 18 PAuswG).
    Eid,
    /// Another account that the person has linked says so.
    LinkedAccount,
    /// Where a letter with a code has arrived.
    Letter,
}

impl Source {
    /// As people read it: how the value has been confirmed.
    pub const fn label(self, t: &Texts) -> &Text {
        let s = &t.source;
        match self {
            Self::SelfAsserted => &s.self_asserted,
            Self::RegistrationDesk => &s.registration_desk,
            Self::Eid => &s.eid,
            Self::LinkedAccount => &s.linked_account,
            Self::Letter => &s.letter,
        }
    }
}

#[derive(Clone)]
pub struct Attribute {
    pub value: String,
    pub level: Level,
    pub source: Source,
    pub recorded_at: Timestamp,
    /// What vouches for it, if it is more than the person's word.
    pub evidence: Option<EvidenceId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One name in the database, in the audit trail, in the copy of data and on the form; nothing is left out of the list.
    #[test]
    fn an_attribute_has_one_name() {
        for name in AttributeName::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.name());
            assert_eq!(serde_json::from_value::<AttributeName>(name.name().into()).unwrap(), name);
        }
        assert!(AttributeName::ALL.is_sorted() && AttributeName::ALL.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(AttributeName::Picture as usize + 1, AttributeName::ALL.len());
        assert_eq!(AttributeName::further().count(), 14);
    }
}
