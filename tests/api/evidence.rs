//! What has shown who somebody is: written down with the values that it vouches for, never below what was known better.

use nutzerkonto::account::evidence::{self, Document, DocumentKind, Finding, Record};
use nutzerkonto::account::{self, Account, AttributeName, Source};
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::{AccountId, EvidenceId};
use nutzerkonto::kernel::level::Level;
use nutzerkonto::store::work::Actor;

use crate::both;
use crate::support::World;
use crate::support::surface::EMAIL;

async fn renate(world: &World) -> AccountId {
    world.browser().register(world, EMAIL, ["Renate", "Muster"]).await;
    AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap()
}

async fn load(world: &World, id: &AccountId) -> Account {
    account::load(&mut world.app.read().await.unwrap(), &world.app.vault, id).await.unwrap()
}

async fn record(world: &World, id: &AccountId, finding: &Finding, seen: i64) -> Result<EvidenceId, Error> {
    let mut work = world.app.begin(Actor::System("test")).await?;
    let evidence = evidence::record(&mut work, &world.app.vault, id, finding, seen).await?;
    work.commit().await?;
    Ok(evidence)
}

fn card() -> Finding {
    let value = |text: &str| Some(text.to_owned());
    Finding {
        source: Source::Eid,
        level: Level::High,
        record: Record {
            document: Some(Document {
                kind: DocumentKind::IdCard,
                issuing_country: value("DE"),
                expires_on: value("2031-08-01"),
            }),
            checked_by: None,
        },
        values: vec![
            (AttributeName::GivenNames, value("Renate")),
            (AttributeName::FamilyName, value("Muster-Beispiel")),
            (AttributeName::BirthDate, value("1959-05")),
            (AttributeName::BirthPlace, value("Mainz")),
            (AttributeName::AcademicTitle, None),
        ],
    }
}

both!(a_card_gives_values_their_level_and_stays_beside_them, async |world| {
    let id = renate(&world).await;
    let seen = load(&world, &id).await.attribute_version;
    let evidence = record(&world, &id, &card(), seen).await.unwrap();
    let known = load(&world, &id).await;
    assert_eq!(known.full_name(), "Renate Muster-Beispiel");
    assert_eq!(known.identity_level(), Level::High);
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["high"]);
    let place = &known.attributes[&AttributeName::BirthPlace];
    assert_eq!((place.level, place.source, place.evidence.as_ref()), (Level::High, Source::Eid, Some(&evidence)));
    let kept = evidence::list(&mut world.app.read().await.unwrap(), &world.app.vault, &id).await.unwrap();
    assert_eq!((kept.len(), &kept[0].id, kept[0].level), (1, &evidence, Level::High));
    assert_eq!(kept[0].record, card().record);
    let detail = world.texts("SELECT detail FROM audit_event WHERE kind = 'account.evidence_recorded'").await;
    assert!(detail[0].contains("\"family_name\"") && !detail[0].contains("Beispiel"), "{detail:?}");
    assert!(!format!("{:?}", world.dump().await).contains("Beispiel"), "sealed");
});

both!(a_weaker_look_at_the_same_value_changes_nothing_of_it, async |world| {
    let id = renate(&world).await;
    let first = record(&world, &id, &card(), load(&world, &id).await.attribute_version).await.unwrap();
    let mut desk = Finding { source: Source::RegistrationDesk, level: Level::Substantial, ..card() };
    let second = record(&world, &id, &desk, load(&world, &id).await.attribute_version).await.unwrap();
    let known = load(&world, &id).await;
    let backing = |name| (known.attributes[&name].level, known.attributes[&name].evidence.clone());
    assert_eq!(backing(AttributeName::FamilyName), (Level::High, Some(first)));
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["high"]);
    // She has married since: what is shown counts, at its own level.
    desk.values[1].1 = Some("Neu".to_owned());
    record(&world, &id, &desk, load(&world, &id).await.attribute_version).await.unwrap();
    let known = load(&world, &id).await;
    assert_eq!((known.full_name().as_str(), known.identity_level()), ("Renate Neu", Level::Substantial));
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["substantial"]);
    assert_ne!(known.attributes[&AttributeName::FamilyName].evidence, Some(second));
});

both!(what_was_compared_with_older_data_is_not_written_down, async |world| {
    let id = renate(&world).await;
    let seen = load(&world, &id).await.attribute_version;
    let card = card();
    let (one, other) = tokio::join!(record(&world, &id, &card, seen), record(&world, &id, &card, seen));
    assert_ne!(one.is_ok(), other.is_ok());
    assert!(one.or(other).is_ok());
    assert!(matches!(record(&world, &id, &card, seen).await, Err(Error::Conflict(_))));
    assert_eq!(world.rows("evidence").await, 1);
});
