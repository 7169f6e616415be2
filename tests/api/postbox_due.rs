//! What is said of notices because a day has come: reminders, and what authorities learn; each once.

use std::time::Duration;

use nutzerkonto::account::address;
use nutzerkonto::account::email::EmailAddress;
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::mail::Mail;
use nutzerkonto::kernel::time::{days, hours, minutes};
use nutzerkonto::organisation::acting::Party;
use nutzerkonto::postbox::clock::LegalBasis;
use nutzerkonto::postbox::due;
use nutzerkonto::store::work::Actor;
use time::macros::date;

use crate::both;
use crate::postbox::renate;
use crate::support::World;
use crate::support::mandate;
use crate::support::organisation::NADINE;
use crate::support::postbox::{decision, information, organisation};
use crate::support::surface::{EMAIL, two_services};

const SUBJECT: &str = "Erinnerung: Nachricht in Ihrem Nutzerkonto";

/// The texts of the reminders that have come to an address since this was asked last.
async fn reminders(world: &World, address: &str) -> Vec<String> {
    due::tend(&world.app).await.unwrap();
    due::tend(&world.app).await.unwrap();
    world.settle().await;
    let mut mails = world.mails.lock().unwrap();
    let (found, others) =
        std::mem::take(&mut *mails).into_iter().partition(|mail| mail.to == address && mail.subject == SUBJECT);
    *mails = others;
    found.into_iter().map(|mail: Mail| mail.body).collect()
}

/// Until that clock time of the day that is so many days after the 23rd of November, when all this begins at 10:02.
fn until(day: u64, hour: u64, minute: u64) -> Duration {
    days(day) + hours(hour) + minutes(minute) - hours(10) - minutes(2)
}

both!(renate_is_reminded_by_day, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &decision(world.person(EMAIL).await)).await;
    assert!(reminders(&world, EMAIL).await.is_empty());
    // The 26th of November: tomorrow it counts as announced. Before eight nobody is woken.
    world.pass(until(3, 7, 59));
    assert!(reminders(&world, EMAIL).await.is_empty());
    world.pass(minutes(1));
    let mails = reminders(&world, EMAIL).await;
    assert_eq!(mails.len(), 1, "once: {mails:?}");
    for text in ["In Ihrem Postfach liegt", "Morgen, am 27. November 2026, gilt sie als bekannt gegeben", "/echt"] {
        assert!(mails[0].contains(text), "{text}: {}", mails[0]);
    }
    for word in ["Wohngeld", "4711", "Musterhausen – "] {
        assert!(!mails[0].contains(word), "{word} in {}", mails[0]);
    }
    let code = mails[0].split_whitespace().find(|word| word.len() == 9 && word.contains('-')).unwrap().to_owned();
    renate.get("/echt").await;
    let checked = renate.post("/echt", &[("code", code.trim_end_matches('.'))]).await.body;
    assert!(checked.contains("Erinnerung an eine Nachricht im Postfach"), "{checked}");
    assert!(world.told_by_day(&id).await.is_empty());
    world.pass(hours(16));
    assert!(reminders(&world, EMAIL).await.is_empty());
    assert_eq!(world.told_by_day(&id).await, ["announced"], "the 27th, at midnight");
    // Ten days and three days before the 28th of December, opened or not.
    renate.sign_in(EMAIL, crate::support::browser::PASSWORD).await;
    renate.does_with(&id, "oeffnen").await;
    world.pass(days(21) + hours(10));
    let mails = reminders(&world, EMAIL).await;
    assert!(mails.len() == 1 && mails[0].contains("Der letzte Tag ist der 28. Dezember 2026."), "{mails:?}");
    world.pass(days(7));
    assert_eq!(reminders(&world, EMAIL).await.len(), 1);
    world.pass(days(30));
    assert!(reminders(&world, EMAIL).await.is_empty());
    assert_eq!(world.told_by_day(&id).await, ["announced"]);
    assert_eq!(world.of_notice(&id, "look_at").await, "", "nobody looks at it any more");
});

both!(what_was_missed_is_said_as_long_as_it_helps, async |world| {
    renate(&world).await;
    let mut notice = information(world.person(EMAIL).await, "Unterlagen");
    notice.due_on = Some(date!(2026 - 12 - 20));
    let id = world.provides("parken", &notice).await;
    // The tenth of December would have been the day; the program has not run. At night it waits for the morning.
    world.pass(until(19, 22, 0));
    assert!(reminders(&world, EMAIL).await.is_empty());
    world.pass(hours(10));
    assert_eq!(reminders(&world, EMAIL).await.len(), 1);
    // Nothing is said of a day that has passed.
    world.pass(days(20));
    assert!(reminders(&world, EMAIL).await.is_empty());
    assert!(world.told_by_day(&id).await.is_empty(), "nothing is announced");
});

both!(nobody_is_reminded_of_what_they_have_put_away, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    let [archived, deleted, restored] = [
        world.provides("parken", &decision(renates.clone())).await,
        world.provides("parken", &decision(renates.clone())).await,
        world.provides("parken", &decision(renates.clone())).await,
    ];
    renate.does_with(&archived, "archiv").await;
    renate.does_with(&deleted, "loeschen").await;
    renate.does_with(&restored, "archiv").await;
    renate.does_with(&restored, "zurueck").await;
    world.pass(until(3, 9, 0));
    assert_eq!(reminders(&world, EMAIL).await.len(), 1, "of the one that lies in the inbox again");
    world.pass(days(1));
    reminders(&world, EMAIL).await;
    for id in [archived, deleted, restored] {
        assert_eq!(world.told_by_day(&id).await, ["announced"], "the law does not ask where it lies");
    }
});

both!(nobody_is_reminded_who_cannot_look_or_wants_paper, async |world| {
    renate(&world).await;
    let renates = world.person(EMAIL).await;
    let [locked, paper] = [
        world.provides("parken", &decision(renates.clone())).await,
        world.provides("bibliothek", &decision(renates.clone())).await,
    ];
    let owner = renates.as_str();
    let exclusion = format!("VALUES ('x', '{owner}', 'bibliothek', '', 1, '{owner}')");
    world
        .change(&format!(
            "INSERT INTO postbox_exclusion (id, owner, client_id, case_hash, since, since_by) {exclusion}"
        ))
        .await;
    world.change(&format!("UPDATE account SET status = 'locked' WHERE id = '{owner}'")).await;
    world.pass(until(3, 9, 0));
    assert!(reminders(&world, EMAIL).await.is_empty());
    world.change(&format!("UPDATE account SET status = 'active' WHERE id = '{owner}'")).await;
    world.pass(days(1));
    assert!(reminders(&world, EMAIL).await.is_empty());
    for id in [locked, paper] {
        assert_eq!(world.told_by_day(&id).await, ["announced"]);
    }
});

both!(what_nobody_has_opened_in_time_has_lapsed, async |world| {
    let mut renate = renate(&world).await;
    let mut notice = decision(world.person(EMAIL).await);
    notice.legal_basis = LegalBasis::Vwvfg41Retrieval;
    let [opened, left] = [world.provides("parken", &notice).await, world.provides("parken", &notice).await];
    renate.does_with(&opened, "oeffnen").await;
    world.pass(days(1));
    reminders(&world, EMAIL).await;
    assert_eq!(world.told_by_day(&opened).await, ["announced"], "on the day after");
    // Provision ends on the third of December.
    world.pass(until(9, 9, 0) - days(1));
    let mails = reminders(&world, EMAIL).await;
    assert!(mails.len() == 1 && mails[0].contains("Sie lässt sich nur bis zum 3. Dezember 2026 öffnen."), "{mails:?}");
    world.pass(days(1));
    assert!(reminders(&world, EMAIL).await.is_empty() && world.told_by_day(&left).await.is_empty());
    world.pass(hours(15));
    reminders(&world, EMAIL).await;
    assert_eq!(
        (world.told_by_day(&left).await, world.told_by_day(&opened).await),
        (vec!["lapsed".to_owned()], vec!["announced".to_owned()])
    );
});

both!(two_nodes_say_it_once, async |world| {
    renate(&world).await;
    let mut made = Vec::new();
    for _ in 0..6 {
        made.push(world.provides("parken", &decision(world.person(EMAIL).await)).await);
    }
    world.pass(until(3, 9, 0));
    let other = world.open_with(|_| {}).await.unwrap();
    let (one, two) = tokio::join!(due::tend(&world.app), due::tend(&other));
    one.and(two).unwrap();
    assert_eq!(reminders(&world, EMAIL).await.len(), 6);
    world.pass(days(1));
    let (one, two) = tokio::join!(due::tend(&world.app), due::tend(&other));
    one.and(two).unwrap();
    for id in made {
        assert_eq!(world.told_by_day(&id).await, ["announced"]);
    }
});

both!(whoever_reads_the_area_is_reminded, async |world| {
    two_services(&world).await;
    let (_, bakery) = world.nadine_with_bakery().await;
    world.provides("parken", &decision(organisation(&bakery))).await;
    world.pass(until(3, 9, 0));
    let mails = reminders(&world, NADINE).await;
    assert!(mails.len() == 1 && mails[0].contains("Im Postfach von Bäckerei Weber GmbH liegt"), "{mails:?}");
});

/// Renate gets another confirmed address, which her mails go to from now on.
async fn moves_to(world: &World, id: &AccountId, email: &str) {
    let app = &world.app;
    let mut work = app.begin(Actor::System("test")).await.unwrap();
    assert!(address::add(&mut work, &app.vault, id, &EmailAddress::parse(email).unwrap()).await.unwrap());
    let listed = address::list(&mut work.tx, &app.vault, id).await.unwrap();
    let new = listed.iter().find(|known| known.address.as_str() == email).unwrap();
    address::make_primary(&mut work, id, new).await.unwrap();
    work.commit().await.unwrap();
}

/// What the authority has heard of mails.
pub async fn of_mails(world: &World, id: &str) -> Vec<String> {
    world.texts(&format!("SELECT kind FROM postbox_event WHERE message_id = '{id}' AND kind LIKE 'notif%'")).await
}

both!(what_one_address_does_not_take_goes_to_the_next, async |world| {
    renate(&world).await;
    let renates = world.account(EMAIL).await;
    moves_to(&world, &renates, "renate@alt.invalid").await;
    moves_to(&world, &renates, "renate@neu.invalid").await;
    let id = world.provides("parken", &decision(Party::Person(renates))).await;
    assert_eq!(of_mails(&world, &id).await, ["notified"], "the authority hears nothing of the two before");
    let mail = world.mail_about(EMAIL, "Neue Nachricht").await;
    assert!(mail.body.contains("In Ihrem Postfach liegt"), "{}", mail.body);
    assert_ne!(world.of_notice(&id, "notified_at").await, "");
});

/// From now on somebody has two addresses that take none.
pub async fn takes_no_mail(world: &World, id: &AccountId) {
    moves_to(world, id, "renate@alt.invalid").await;
    moves_to(world, id, "renate@neu.invalid").await;
    let app = &world.app;
    let mut work = app.begin(Actor::System("test")).await.unwrap();
    let listed = address::list(&mut work.tx, &app.vault, id).await.unwrap();
    let first = listed.iter().find(|known| !known.address.as_str().ends_with(".invalid")).unwrap();
    address::remove(&mut work, id, first).await.unwrap();
    work.commit().await.unwrap();
}

both!(where_no_address_takes_it_the_authority_learns_so, async |world| {
    renate(&world).await;
    let renates = world.account(EMAIL).await;
    takes_no_mail(&world, &renates).await;
    let id = world.provides("parken", &decision(Party::Person(renates))).await;
    assert_eq!(of_mails(&world, &id).await, ["notification_failed"], "once, after both");
    assert_eq!(world.of_notice(&id, "notified_at").await, "");
});

const EMRE: &str = "emre@example.org";
const OTTO: &str = "otto@example.org";

both!(whoever_has_a_mandate_to_read_it_is_told_too, async |world| {
    renate(&world).await;
    let renates = world.account(EMAIL).await;
    for (email, scope) in [(EMRE, mandate::only("parken")), (OTTO, mandate::only("bauen"))] {
        world.representative(email, ["Emre", "Kaya"]).await;
        let deputy = world.account(email).await;
        world.mandate(renates.as_str(), deputy.as_str(), &scope).await;
    }
    let id = world.provides("parken", &decision(Party::Person(renates.clone()))).await;
    let mail = world.mail_about(EMRE, "Neue Nachricht").await;
    assert!(mail.body.contains("Im Postfach von Renate Muster liegt"), "{}", mail.body);
    world.pass(until(3, 9, 0));
    assert_eq!((reminders(&world, EMRE).await.len(), reminders(&world, OTTO).await.len()), (1, 0));
    assert_eq!(of_mails(&world, &id).await, ["notified"]);
    let mails = world.mails.lock().unwrap();
    assert!(!mails.iter().any(|mail| mail.to == OTTO && mail.subject.contains("Nachricht")), "not there");
});

both!(a_mail_to_a_deputy_tells_the_owner_nothing, async |world| {
    renate(&world).await;
    world.representative(EMRE, ["Emre", "Kaya"]).await;
    let (renates, deputy) = (world.account(EMAIL).await, world.account(EMRE).await);
    world.mandate(renates.as_str(), deputy.as_str(), mandate::ALL).await;
    takes_no_mail(&world, &renates).await;
    let id = world.provides("parken", &decision(Party::Person(renates))).await;
    world.mail_about(EMRE, "Neue Nachricht").await;
    assert_eq!(of_mails(&world, &id).await, ["notification_failed"]);
    assert_eq!(world.of_notice(&id, "notified_at").await, "", "days may hang on it");
});
