//! For whom somebody acts: the choice, the line above every page, and what it ends with. Attack rows T07 and T08.

use std::collections::BTreeSet;

use nutzerkonto::organisation::State;

use crate::both;
use crate::support::acting::WAHL;
use crate::support::browser::PASSWORD;
use crate::support::organisation::{NADINE, bakery, club};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const BAKERY: &str = "Bäckerei Weber GmbH";

/// For whom a page says that one acts; empty if it does not say.
async fn bar(browser: &mut Browser, path: &str) -> String {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{path}");
    let Some((_, rest)) = page.body.split_once("id=\"handeln\"") else { return String::new() };
    let (rest, _) = rest.split_once("</p>").unwrap();
    rest.split_once("<b>").unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ").replace("</b>", "")
}

async fn subjects(world: &World, kind: &str) -> BTreeSet<String> {
    world.texts(&format!("SELECT subject FROM audit_event WHERE kind = '{kind}'")).await.into_iter().collect()
}

both!(nadine_says_for_whom_she_acts, async |world| {
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let membership = world.membership(&bakery, NADINE).await;
    world.later();
    assert_eq!(bar(&mut nadine, "/konto").await, "sich selbst");
    let page = nadine.get(WAHL).await;
    assert_eq!((page.heading(), page.status), ("Für wen handeln Sie?", 200));
    for text in [BAKERY, "Sie sind vertretungsbefugt.", "mich selbst (Nadine Weber)"] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("type=\"search\"") && !page.body.contains("id=\"wechseln\""));
    let nothing = nadine.post(WAHL, &[]).await;
    assert!(nothing.status == 422 && nothing.body.contains("Wählen Sie, für wen Sie handeln."));
    assert_eq!(nadine.acts_for(&membership).await.location(), "/konto");
    let said = format!("{BAKERY} Diese Seite betrifft Ihr eigenes Konto.");
    for path in ["/konto", "/profil", "/sicherheit", "/dienste", "/daten/protokoll", "/identitaet"] {
        assert_eq!(bar(&mut nadine, path).await, said, "{path}");
    }
    assert_eq!(bar(&mut nadine, "/hilfe").await, BAKERY);
    assert!(
        nadine
            .get(WAHL)
            .await
            .body
            .contains(&format!("value=\"{membership}\" aria-describedby=\"{membership}-h\" checked"))
    );
    // Both read it: the organisation, and she.
    let account = world.account(NADINE).await.to_string();
    let both = BTreeSet::from([bakery.to_string(), account.clone()]);
    assert_eq!(subjects(&world, "acting.chosen").await, both);
    assert_eq!(subjects(&world, "acting.ended").await, BTreeSet::new());
    let protocol = nadine.get("/daten/protokoll").await.body;
    assert!(protocol.contains(&format!("Handelt in einer Sitzung jetzt für {BAKERY}")), "{protocol}");
    // Again the same is no news.
    nadine.acts_for(&membership).await;
    assert_eq!(world.texts("SELECT id FROM audit_event WHERE kind = 'acting.chosen'").await.len(), 2);
    nadine.acts_for("ich").await;
    assert_eq!(bar(&mut nadine, "/konto").await, "sich selbst");
    assert_eq!(subjects(&world, "acting.ended").await, both);
    nadine.language = "en";
    assert_eq!(bar(&mut nadine, "/konto").await, "yourself");
});

both!(who_has_no_choice_is_not_asked, async |world| {
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    assert_eq!(bar(&mut renate, "/konto").await, "");
    let page = renate.get(WAHL).await;
    assert!(page.body.contains("mich selbst (Renate Muster)"), "{}", page.body);
    assert_eq!(renate.acts_for("ich").await.location(), "/konto");
    // Who only administrates, or only reads the protocol, does not act for it.
    let (_, bakery) = world.nadine_with_bakery().await;
    world.admits(&bakery, EMAIL, &[("administration", ""), ("audit", "")]).await;
    assert_eq!(bar(&mut renate, "/konto").await, "");
    assert!(!renate.get(WAHL).await.body.contains(BAKERY));
    assert_eq!(world.browser().get(WAHL).await.location(), "/anmelden");
});

both!(sec_t08_nobody_acts_for_what_is_not_theirs, async |world| {
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let membership = world.membership(&bakery, NADINE).await;
    let mut mallory = world.representative("mallory@example.org", ["Mallory", "Muster"]).await;
    let own = world.organisation("mallory@example.org", &club("Kegelclub")).await;
    let own = world.membership(&own, "mallory@example.org").await;
    let clerk = world.admits(&bakery, "mallory@example.org", &[("administration", "")]).await;
    mallory.acts_for(&own).await;
    world.settle().await;
    let before = world.dump().await;
    for (choice, status) in [
        (membership.as_str(), 404),
        (bakery.as_str(), 404),
        ("mem_00000000000000000000000000", 404),
        ("mdt_00000000000000000000000000", 404),
        ("acc_00000000000000000000000000", 404),
        ("mem_' OR 1=1", 404),
        (&clerk, 403),
    ] {
        mallory.get(WAHL).await;
        let fields =
            [("wahl", choice), ("account", NADINE), ("acting", &membership), ("organisation", bakery.as_str())];
        assert_eq!(mallory.post(WAHL, &fields).await.status, status, "{choice}");
    }
    assert_eq!(world.dump().await["session"], before["session"]);
    assert_eq!(bar(&mut mallory, "/hilfe").await, "Kegelclub");
    assert_eq!(bar(&mut nadine, "/hilfe").await, "sich selbst", "her session is hers");
});

/// Somebody who uses the service for the bakery, and has chosen that.
async fn anna(world: &World) -> (Browser, String) {
    let (_, bakery) = world.nadine_with_bakery().await;
    let mut anna = world.browser();
    anna.register(world, "anna@example.org", ["Anna", "Koch"]).await;
    let membership = world.admits(&bakery, "anna@example.org", &[("use_service", "parken")]).await;
    anna.acts_for(&membership).await;
    assert_eq!(bar(&mut anna, "/hilfe").await, BAKERY);
    (anna, membership)
}

both!(sec_t07_the_choice_ends_with_what_gave_it, async |mut world| {
    let (mut anna, membership) = anna(&world).await;
    let node = world.second_node().await;
    let mut there = anna.at(node.running.address);
    assert_eq!(bar(&mut there, "/hilfe").await, BAKERY);
    world.leaves(&membership).await;
    for browser in [&mut anna, &mut there] {
        assert_eq!(bar(browser, "/hilfe").await, "niemanden Ihre letzte Wahl gilt nicht mehr.");
    }
    assert!(anna.get(WAHL).await.body.contains("Sie handeln für niemanden mehr"));
    anna.get(WAHL).await;
    assert_eq!(anna.post(WAHL, &[("wahl", &membership)]).await.status, 404);
    node.running.abort().await;
    world.restart(|_| {}).await;
    assert_eq!(bar(&mut anna, "/hilfe").await, "niemanden Ihre letzte Wahl gilt nicht mehr.");
    // Who comes back is asked again, and does not go on where they were.
    let bakery = world.texts("SELECT organisation_id FROM membership").await.remove(0);
    let bakery = nutzerkonto::kernel::id::OrganisationId::parse(&bakery).unwrap();
    world.admits(&bakery, "anna@example.org", &[("use_service", "parken")]).await;
    assert_eq!(bar(&mut anna, "/hilfe").await, "niemanden Ihre letzte Wahl gilt nicht mehr.");
    anna.acts_for("ich").await;
    assert_eq!(bar(&mut anna, "/hilfe").await, "sich selbst");
});

both!(sec_t07_a_right_and_a_state_end_it_too, async |world| {
    let (mut anna, membership) = anna(&world).await;
    let until = world.app.now().milliseconds() + 10_000;
    world
        .change(&format!("UPDATE membership_right SET valid_until = {until} WHERE membership_id = '{membership}'"))
        .await;
    world.later();
    assert_eq!(bar(&mut anna, "/hilfe").await, BAKERY);
    world.pass(std::time::Duration::from_secs(10));
    let lost = "niemanden Ihre letzte Wahl gilt nicht mehr.";
    assert_eq!(bar(&mut anna, "/hilfe").await, lost, "to the second");
    anna.get(WAHL).await;
    assert_eq!(anna.post(WAHL, &[("wahl", &membership)]).await.status, 403);
    world.change(&format!("UPDATE membership_right SET valid_until = NULL WHERE membership_id = '{membership}'")).await;
    world.later();
    assert_eq!(bar(&mut anna, "/hilfe").await, BAKERY, "asked at each look, in both directions");
    let id = world.texts("SELECT id FROM organisation").await.remove(0);
    let id = nutzerkonto::kernel::id::OrganisationId::parse(&id).unwrap();
    for (state, said) in [
        (State::Blocked, lost),
        (State::Insolvent, BAKERY),
        (State::Closing, lost),
        (State::Active, BAKERY),
        (State::Closed, lost),
    ] {
        world.organisation_is(&id, state).await;
        world.later();
        assert_eq!(bar(&mut anna, "/hilfe").await, said, "{state:?}");
    }
});

both!(a_new_session_begins_with_oneself, async |world| {
    let (mut anna, _) = anna(&world).await;
    let mut again = world.browser();
    again.sign_in("anna@example.org", PASSWORD).await;
    assert_eq!(bar(&mut again, "/hilfe").await, "sich selbst");
    // Signing in once more in the same browser is the same session.
    anna.sign_in("anna@example.org", PASSWORD).await;
    assert_eq!(bar(&mut anna, "/hilfe").await, BAKERY);
    anna.post("/abmelden", &[]).await;
    anna.sign_in("anna@example.org", PASSWORD).await;
    assert_eq!(bar(&mut anna, "/hilfe").await, "sich selbst");
});

both!(many_organisations_are_searched_and_turned_over, async |world| {
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    for number in 0..60 {
        world.organisation(NADINE, &club(&format!("Verein {number:02}"))).await;
    }
    let last = world.organisation(NADINE, &bakery("77")).await;
    world.later();
    let rows = |body: &str| body.matches("name=\"wahl\" type=\"radio\" value=\"mem_").count();
    let first = nadine.get(WAHL).await.body;
    assert_eq!(rows(&first), 10);
    assert!(first.contains("type=\"search\"") && first.contains("id=\"zuletzt\""));
    let found = nadine.get(&format!("{WAHL}?suche=BAECKEREI")).await.body;
    assert!(rows(&found) == 1 && found.contains("Gefunden: 1"), "{found}");
    assert_eq!(rows(&nadine.get(&format!("{WAHL}?suche=verein+1")).await.body), 10);
    let none = nadine.get(&format!("{WAHL}?suche=%3Cqx%3E")).await.body;
    assert!(rows(&none) == 0 && none.contains("&#60;qx&#62;") && !none.contains("<qx>"), "{none}");
    for odd in ["nach=mem_x", "nach=%00", "suche=%00", "suche=%27%20OR%201=1", &format!("suche={}", "a".repeat(5000))] {
        assert_eq!(nadine.get(&format!("{WAHL}?{odd}")).await.status, 200, "{odd}");
    }
    let membership = world.membership(&last, NADINE).await;
    nadine.acts_for(&membership).await;
    assert_eq!(bar(&mut nadine, "/hilfe").await, BAKERY);
});

// What an organisation calls itself is text wherever it stands.
both!(sec_x01_a_name_is_text_in_the_bar, async |world| {
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    let evil = world.organisation(NADINE, &club("</b><script>alert(1)</script> \" onload=x")).await;
    let membership = world.membership(&evil, NADINE).await;
    nadine.acts_for(&membership).await;
    for path in ["/konto", WAHL] {
        let page = nadine.get(path).await.body;
        assert!(page.contains("&#60;script&#62;") && !page.contains("<script>alert"), "{path}: {page}");
    }
});
