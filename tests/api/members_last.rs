//! Somebody is always left who administrates and who represents, whatever two people do at once. Handing over.

use std::time::Duration;

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::organisation::{Firm, NADINE};
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
