//! Exercises: a code that everybody knows, an invented person, and nothing that is written down.

use std::collections::BTreeMap;

use crate::account::email::EmailAddress;
use crate::account::{Account, Attribute, AttributeName, ContactAddress, Source, Status};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::random::Random;
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;

/// What opens an exercise, as it is typed. No chance makes it.
pub const CODE: &str = "0000000000";
/// In the place of the number of a case.
pub const ID: &str = "uebung";

/// What the invented person's account says. Their card says `Erika Musterfrau`, born on the same day: one difference to find.
pub fn account(now: Timestamp) -> Result<Account, Error> {
    let attribute = |value: &str| Attribute {
        value: value.to_owned(),
        level: Level::Basic,
        source: Source::SelfAsserted,
        recorded_at: now,
        evidence: None,
    };
    let values = [
        (AttributeName::GivenNames, "Erika"),
        (AttributeName::FamilyName, "Mustermann"),
        (AttributeName::BirthDate, "1964-08-12"),
    ];
    let address = EmailAddress::parse("erika@example.org").ok_or_else(|| Error::broken("an address does not parse"))?;
    Ok(Account {
        id: AccountId::new(now, &Random::System),
        status: Status::Active,
        erase_at: None,
        language: Language::De,
        created_at: now,
        attributes: values.into_iter().map(|(name, value)| (name, attribute(value))).collect::<BTreeMap<_, _>>(),
        attribute_version: 1,
        email: ContactAddress { address, confirmed_at: now },
    })
}
