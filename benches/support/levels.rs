//! What a token costs beside its signature: the level that it may state, and the claims that go with it.

use std::hint::black_box;
use std::time::Duration;

use nutzerkonto::account::email::EmailAddress;
use nutzerkonto::account::{Account, Attribute, AttributeName, ContactAddress, Source, Status};
use nutzerkonto::assurance::{Means, Policy, remaining, stated, ways};
use nutzerkonto::client::Claim;
use nutzerkonto::config::Config;
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::means::MeansKind;
use nutzerkonto::kernel::random::Random;
use nutzerkonto::kernel::texts::Language;
use nutzerkonto::kernel::time::Timestamp;
use nutzerkonto::oidc::claims;

use super::bare::per_second;
use super::http::Outcome;

const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);

fn account() -> Outcome<Account> {
    let address = EmailAddress::parse("renate.muster@example.org").ok_or("no address")?;
    let attribute = |name: AttributeName| {
        let value = if name == AttributeName::BirthDate { "1959-05-12" } else { "Beispiel" }.to_owned();
        (
            name,
            Attribute {
                value,
                level: Level::Substantial,
                source: Source::RegistrationDesk,
                recorded_at: NOW,
                evidence: None,
            },
        )
    };
    Ok(Account {
        id: AccountId::new(NOW, &Random::System),
        status: Status::Active,
        erase_at: None,
        language: Language::De,
        created_at: NOW,
        attributes: AttributeName::ALL.into_iter().map(attribute).collect(),
        attribute_version: 1,
        email: ContactAddress { address, confirmed_at: NOW },
    })
}

/// Decides the level with every kind of means registered, and says everything that is known of a person.
pub fn levels(duration: Duration) -> Outcome<f64> {
    let config = Config::parse("issuer = \"https://konto.example\"")?;
    let (account, claims) = (account()?, Claim::ALL);
    let means = |kind| Means {
        id: None,
        kind,
        name: None,
        registered: Level::Substantial,
        created_at: NOW,
        last_used_at: None,
        blocked_at: None,
    };
    let known = MeansKind::ALL.map(means);
    per_second(
        duration,
        || Ok(()),
        |()| {
            let policy = Policy::of(&config);
            let strength = remaining(policy.maximum(&known, NOW), NOW, NOW, NOW).unwrap_or(Level::Basic);
            black_box(ways(policy, &known, (account.identity_level(), strength), Level::High, NOW));
            black_box(stated(strength, NOW, NOW));
            black_box(claims::of(&account, &claims));
            Ok(())
        },
    )
}
