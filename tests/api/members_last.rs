//! Somebody is always left who administrates and who represents, whatever two people do at once. Handing over.

use std::time::Duration;

use nutzerkonto::app::{App, AppParts};
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::{AccountId, MembershipId, OrganisationId};
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use nutzerkonto::organisation::member::{self, Inside};
use nutzerkonto::organisation::{self, granting};
use nutzerkonto::store::work::Actor;

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::organisation::{Firm, NADINE, club};
use crate::support::{Browser, World};

const KURT: &str = "kurt@example.org";
const BOTH: [&str; 2] = ["administration:", "representation:"];

/// Kurt, in the bakery with these rights.
async fn with_kurt(world: &World, rights: &[&str]) -> (Browser, Firm, Browser, String) {
    let (nadine, firm) = world.bakery().await;
    let (kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let member = world.joins(&firm, KURT, rights).await;
    (nadine, firm, kurt, member)
}

fn is_last(answer: &Answer) -> bool {
    answer.status == 422
        && (answer.body.contains("letzte Person in der Verwaltung") || answer.body.contains("vertreten darf"))
}

/// Who holds a right without an end, in a membership that is there.
async fn holders(world: &World, kind: &str) -> usize {
    let query = format!(
        "SELECT membership.id FROM membership JOIN membership_right ON membership_id = membership.id
          WHERE ended_at IS NULL AND valid_until IS NULL AND kind = '{kind}'"
    );
    world.texts(&query).await.len()
}

both!(sec_t05_the_last_one_stays, async |world| {
    let (mut nadine, firm, mut kurt, member) = with_kurt(&world, &["administration:"]).await;
    // Kurt administrates, too; but nobody else represents.
    let left = firm.sends(&mut nadine, "verlassen", &[("aktion", "verlassen")]).await;
    assert!(is_last(&left) && left.body.contains("vertreten darf"), "{left:?}");
    let own = format!("mitglieder/{}", firm.membership);
    let gives_up = [("aktion", "entziehen"), ("recht", "representation:")];
    assert!(is_last(&firm.sends(&mut nadine, &own, &gives_up).await));
    // Administration she may give up, now that Kurt has it; then he is the last.
    let gives_up = [("aktion", "entziehen"), ("recht", "administration:")];
    assert_eq!(firm.sends(&mut nadine, &own, &gives_up).await.status, 303);
    let left = firm.sends(&mut kurt, "verlassen", &[("aktion", "verlassen")]).await;
    assert!(is_last(&left) && left.body.contains("letzte Person in der Verwaltung"), "{left:?}");
    // Nor does it run out: an end date counts as taking it, and so does a beginning in the future.
    let page = format!("mitglieder/{member}");
    for date in [["bis_tag", "bis_monat", "bis_jahr"], ["von_tag", "von_monat", "von_jahr"]] {
        let [day, month, year] = date;
        let form = [("aktion", "geben"), ("recht", "administration:"), (day, "31"), (month, "12"), (year, "2027")];
        assert!(is_last(&firm.sends(&mut nadine, &page, &form).await), "{day}");
    }
    assert!(is_last(&firm.sends(&mut nadine, &page, &[("aktion", "entziehen"), ("recht", "administration:")]).await));
    assert!(is_last(&firm.sends(&mut nadine, &format!("{page}/beenden"), &[("aktion", "beenden")]).await));
    assert_eq!((holders(&world, "administration").await, holders(&world, "representation").await), (1, 1));
});

// Whoever is not known well enough, or cannot sign in any more, is nobody to leave it to.
both!(sec_t05_who_cannot_use_it_does_not_count, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, KURT, ["Kurt", "Koch"]).await;
    world.joins(&firm, KURT, &BOTH).await;
    assert!(is_last(&firm.sends(&mut nadine, "verlassen", &[("aktion", "verlassen")]).await), "Kurt is at basic");
    world.prove(KURT, Level::Substantial).await;
    let id = world.account(KURT).await;
    world.change(&format!("UPDATE account SET status = 'locked' WHERE id = '{id}'")).await;
    assert!(is_last(&firm.sends(&mut nadine, "verlassen", &[("aktion", "verlassen")]).await), "Kurt is locked");
    world.change(&format!("UPDATE account SET status = 'active' WHERE id = '{id}'")).await;
    assert_eq!(firm.sends(&mut nadine, "verlassen", &[("aktion", "verlassen")]).await.location(), "/konto");
    assert_eq!(nadine.get(&firm.path("mitgliedschaft")).await.status, 404);
});

// Two who are all that is left remove each other at the same moment, on two nodes.
both!(sec_t05_of_two_who_remove_each_other_one_stays, async |world| {
    let (mut nadine, firm, kurt, mut member) = with_kurt(&world, &BOTH).await;
    let node = world.second_node().await;
    let mut kurt = kurt.at(node.running.address);
    for round in 0..12 {
        let paths = [&member, &firm.membership].map(|id| firm.path(&format!("mitglieder/{id}/beenden")));
        nadine.get(&paths[0]).await;
        kurt.get(&paths[1]).await;
        let form = [("aktion", "beenden")];
        let (one, other) = tokio::join!(nadine.post(&paths[0], &form), kurt.post(&paths[1], &form));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        // The slower one is no member any more by then, has no right any more between two looks, or is told to come again.
        assert!(statuses[0] == 303 && [403, 404, 503].contains(&statuses[1]), "round {round}: {one:?} {other:?}");
        assert_eq!((holders(&world, "administration").await, holders(&world, "representation").await), (1, 1));
        if one.status != 303 {
            // Kurt has won: as before, with the roles changed back.
            world.change(&format!("UPDATE membership SET ended_at = NULL WHERE id = '{}'", firm.membership)).await;
            for kind in ["administration", "representation"] {
                world
                    .change(&format!(
                        "INSERT INTO membership_right
                             (membership_id, organisation_id, kind, object, valid_from, granted_by, granted_at)
                         VALUES ('{}', '{}', '{kind}', '', 1, 'x', 1)",
                        firm.membership, firm.id
                    ))
                    .await;
            }
        } else {
            world.pass(Duration::from_millis(1));
            member = world.joins(&firm, KURT, &BOTH).await;
        }
    }
    node.running.abort().await;
});

/// So many firms that two people represent and administrate, and nobody else: the memberships of both, firm by firm.
async fn firms_of_two(
    world: &World,
    [one, other]: [&AccountId; 2],
    count: usize,
) -> Vec<(OrganisationId, [MembershipId; 2])> {
    let app: &AppParts = &world.app;
    let mut firms = Vec::with_capacity(count);
    let mut work = app.begin(Actor::System("test")).await.unwrap();
    for number in 0..count {
        let record = club(&format!("Verein {number}"));
        let (firm, first) =
            organisation::open_new(&mut work, &app.vault, &record, (one, "Nadine Weber")).await.unwrap();
        let key = organisation::key(&mut work.tx, &app.vault, &firm).await.unwrap();
        let second = member::insert(&mut work, &key, &firm, (other, "Kurt Koch")).await.unwrap();
        firms.push((firm, [first, second]));
    }
    work.commit().await.unwrap();
    for kind in ["administration", "representation"] {
        world
            .change(&format!(
                "INSERT INTO membership_right
                     (membership_id, organisation_id, kind, object, valid_from, granted_by, granted_at)
                 SELECT id, organisation_id, '{kind}', '', 1, id, 1 FROM membership WHERE account_id = '{other}'"
            ))
            .await;
    }
    firms
}

/// Rounds of the race of the last two.
const ROUNDS: usize = 1000;

// The same a thousand times, each in a firm of its own and directly at the act: two nodes, each with its own way to the database.
both!(sec_t05_a_thousand_times_one_stays, async |world| {
    for (email, names) in [(NADINE, ["Nadine", "Weber"]), (KURT, ["Kurt", "Koch"])] {
        world.somebody(email, names, Level::Substantial).await;
    }
    let (nadine, kurt) = (world.account(NADINE).await, world.account(KURT).await);
    let firms = firms_of_two(&world, [&nadine, &kurt], ROUNDS).await;
    let (here, there) = (world.open_with(|_| {}).await.unwrap(), world.open_with(|_| {}).await.unwrap());
    let mut won = [0, 0];
    for (round, (firm, [first, second])) in firms.iter().enumerate() {
        let removes = async |app: &App, account: &AccountId, other: &MembershipId| {
            let inside = Inside { organisation: firm, account, request: "test" };
            granting::end(app, inside, other).await
        };
        // Each begins every second time.
        let (one, other) = if round % 2 == 0 {
            tokio::join!(removes(&here, &nadine, second), removes(&there, &kurt, first))
        } else {
            let (other, one) = tokio::join!(removes(&there, &kurt, first), removes(&here, &nadine, second));
            (one, other)
        };
        match (one, other) {
            (Ok(()), Err(lost)) | (Err(lost), Ok(())) if is_refusal(&lost) => {}
            odd => panic!("round {round}: {odd:?}"),
        }
        let stays = "SELECT account_id FROM membership WHERE ended_at IS NULL AND organisation_id = ";
        if round % 100 == 0 {
            let stays = world.texts(&format!("{stays}'{firm}'")).await;
            won[usize::from(stays == [kurt.to_string()])] += 1;
        }
    }
    let alone = "SELECT organisation_id FROM membership_right
                  WHERE kind IN ('administration', 'representation') AND valid_until IS NULL
                  GROUP BY organisation_id HAVING COUNT(*) = 2 AND COUNT(DISTINCT membership_id) = 1";
    assert_eq!(world.texts(alone).await.len(), ROUNDS);
    assert_eq!(world.texts("SELECT id FROM membership WHERE ended_at IS NULL").await.len(), ROUNDS);
    eprintln!("{ROUNDS} rounds; of every hundredth Nadine and Kurt have won {won:?}");
});

/// What the slower one hears: no member any more, no right any more, or to come again.
const fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::NotFound | Error::NotAllowed(_) | Error::Conflict(_) | Error::Busy { .. })
}

both!(sec_t05_of_two_who_leave_one_stays, async |world| {
    let (mut nadine, firm, kurt, _) = with_kurt(&world, &BOTH).await;
    let node = world.second_node().await;
    let mut kurt = kurt.at(node.running.address);
    let path = firm.path("verlassen");
    nadine.get(&path).await;
    kurt.get(&path).await;
    let form = [("aktion", "verlassen")];
    let (one, other) = tokio::join!(nadine.post(&path, &form), kurt.post(&path, &form));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(statuses[0] == 303 && [422, 503].contains(&statuses[1]), "{one:?} {other:?}");
    assert_eq!((holders(&world, "administration").await, holders(&world, "representation").await), (1, 1));
    node.running.abort().await;
});

/// Nadine offers Kurt both; the page that both have.
async fn offers(nadine: &mut Browser, firm: &Firm, member: &str) -> Answer {
    let page = nadine.get(&firm.path(&format!("uebergabe?an={member}"))).await;
    assert!(page.body.contains("An Kurt Koch übergeben"), "{page:?}");
    let form = [("aktion", "pruefen"), ("mitglied", member), ("recht", "administration"), ("recht", "representation")];
    let check = nadine.post(&firm.path("uebergabe"), &form).await;
    assert!(check.status == 200 && check.body.contains("Prüfen Sie die Übergabe"), "{check:?}");
    let form = [("aktion", "anbieten"), form[1], form[2], form[3]];
    nadine.post(&firm.path("uebergabe"), &form).await
}

both!(a_board_changes_in_one_moment, async |world| {
    let (mut nadine, firm, mut kurt, member) = with_kurt(&world, &[]).await;
    assert_eq!(offers(&mut nadine, &firm, &member).await.status, 303);
    world.mail_about(KURT, "übernehmen").await;
    let again = offers(&mut nadine, &firm, &member).await;
    assert!(again.status == 422 && again.body.contains("schon eine Übergabe"), "one at a time: {again:?}");
    assert_eq!(world.rights_of(&firm.membership).await, BOTH, "nothing has changed yet");
    let page = kurt.get(&firm.path("uebergabe")).await;
    assert!(page.body.contains("Nadine Weber möchte Ihnen etwas übergeben"), "{page:?}");
    let id = page.hidden("uebergabe");
    // Who has offered cannot accept for the other.
    nadine.get(&firm.path("uebergabe")).await;
    let form = [("aktion", "annehmen"), ("uebergabe", id.as_str())];
    assert_eq!(nadine.post(&firm.path("uebergabe"), &form).await.status, 404);
    let (mut twice, path) = (kurt.clone(), firm.path("uebergabe"));
    let (one, other) = tokio::join!(kurt.post(&path, &form), twice.post(&path, &form));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(statuses[0] == 303 && [409, 503].contains(&statuses[1]), "once: {one:?} {other:?}");
    assert_eq!(world.rights_of(&member).await, BOTH);
    assert!(world.rights_of(&firm.membership).await.is_empty());
    world.mail_about(NADINE, "Ihre Rechte").await;
    // Nadine is a member without power by now, and may go.
    assert_eq!(nadine.get(&firm.path("mitglieder")).await.status, 403);
    assert_eq!(firm.sends(&mut nadine, "verlassen", &[("aktion", "verlassen")]).await.location(), "/konto");
});

both!(a_handover_is_declined_withdrawn_or_too_late, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let (mut kurt, mut key) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let member = world.joins(&firm, KURT, &[]).await;
    for (browser, word) in [(&mut kurt.clone(), "ablehnen"), (&mut nadine.clone(), "zurueckziehen")] {
        assert_eq!(offers(&mut nadine, &firm, &member).await.status, 303);
        let id = browser.get(&firm.path("uebergabe")).await.hidden("uebergabe");
        let form = [("aktion", word), ("uebergabe", id.as_str())];
        assert_eq!(browser.post(&firm.path("uebergabe"), &form).await.status, 303, "{word}");
        let late = firm.sends(&mut kurt, "uebergabe", &[("aktion", "annehmen"), ("uebergabe", &id)]).await;
        assert_eq!(late.status, 409, "{word}");
    }
    assert_eq!(offers(&mut nadine, &firm, &member).await.status, 303);
    let id = kurt.get(&firm.path("uebergabe")).await.hidden("uebergabe");
    // To the end of the fourteenth day.
    world.pass(days(15));
    kurt.sign_in_with(&mut key).await;
    let late = firm.sends(&mut kurt, "uebergabe", &[("aktion", "annehmen"), ("uebergabe", &id)]).await;
    assert_eq!(late.status, 409, "{late:?}");
    assert_eq!(world.rights_of(&firm.membership).await, BOTH);
});

both!(what_the_giver_has_lost_by_then_is_not_passed_on, async |world| {
    let (mut nadine, firm, mut kurt, member) = with_kurt(&world, &BOTH).await;
    let (mut anna, _) = world.somebody("anna@example.org", ["Anna", "Beck"], Level::Substantial).await;
    world.joins(&firm, "anna@example.org", &[]).await;
    assert_eq!(offers(&mut nadine, &firm, &member).await.status, 303);
    let id = kurt.get(&firm.path("uebergabe")).await.hidden("uebergabe");
    let stranger = firm.sends(&mut anna, "uebergabe", &[("aktion", "annehmen"), ("uebergabe", &id)]).await;
    assert_eq!(stranger.status, 404, "the offer is not hers: {stranger:?}");
    let take = [("aktion", "entziehen"), ("recht", "representation:")];
    assert_eq!(firm.sends(&mut kurt, &format!("mitglieder/{}", firm.membership), &take).await.status, 303);
    let late = firm.sends(&mut kurt, "uebergabe", &[("aktion", "annehmen"), ("uebergabe", &id)]).await;
    assert_eq!(late.status, 409, "{late:?}");
});

both!(nobody_leaves_with_the_whole_account_what_nobody_else_holds, async |world| {
    let (mut nadine, firm, _kurt, member) = with_kurt(&world, &["administration:"]).await;
    let page = nadine.get("/daten/loeschen").await;
    assert!(page.body.contains("id=\"organisationen\"") && page.body.contains("Bäckerei Weber"), "{page:?}");
    for when in ["sofort", "spaeter"] {
        let refused = nadine.post("/daten/loeschen", &[("wann", when), ("current", PASSWORD)]).await;
        assert!(refused.status == 422 && refused.body.contains("sind Sie die letzte Person"), "{refused:?}");
    }
    world.gives(&firm, &nutzerkonto::kernel::id::MembershipId::parse(&member).unwrap(), &["representation:"]).await;
    nadine.get("/daten/loeschen").await;
    let gone = nadine.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert_eq!(gone.location(), "/daten/geloescht", "{gone:?}");
    assert_eq!(holders(&world, "administration").await, 1);
    let ended = "SELECT id FROM membership WHERE ended_at IS NOT NULL";
    assert_eq!(world.texts(ended).await, std::slice::from_ref(&firm.membership));
    let event = "SELECT subject FROM audit_event WHERE kind = 'member.gone'";
    assert_eq!(world.texts(event).await, [firm.id.to_string()]);
});
