//! What a registration desk refuses of organisations. Rows T01, T02, T07, P01 and P03 of the list of attacks.

use std::time::Duration;

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use nutzerkonto::organisation::State;
use nutzerkonto::store::retention;

use crate::both;
use crate::organisation_desk::level;
use crate::support::Browser;
use crate::support::bureau::declaration;
use crate::support::organisation::{ENTRY, NADINE, NAME, PLACES, right};

async fn changes_seat(nadine: &mut Browser, path: &str) {
    let seen = nadine.get(&format!("{path}/daten")).await.hidden("stand");
    let mut fields = [NAME.as_slice(), &ENTRY, &PLACES, &[("stand", seen.as_str())]].concat();
    fields[5].1 = "Trier";
    assert_eq!(nadine.post(&format!("{path}/daten"), &fields).await.status, 303);
}

async fn refused(olga: &mut Browser, code: &str, words: &str) {
    let page = olga.opens_organisation("musterhausen", code).await;
    assert!(page.status == 422 && page.body.contains(words), "{words}: {page:?}");
}

both!(sec_p03_only_a_good_code_of_an_organisation_opens_its_case, async |world| {
    let (mut olga, mut nadine, id, code) = world.bakery_at_the_desk("").await;
    let of_person = nadine.takes_code().await;
    refused(&mut olga, &of_person, "gehört zum Vorgang einer Person").await;
    assert!(
        olga.opens("musterhausen", &code).await.body.contains("Diesen Vorgangscode gibt es nicht"),
        "nor the other way"
    );
    refused(&mut olga, "QQQQQ-QQQQQ", "Diesen Vorgangscode gibt es nicht").await;
    let next = nadine.takes_code_for(&id).await;
    refused(&mut olga, &code, "Diesen Vorgangscode gibt es nicht").await;
    let path = olga.has_opened(&next).await;
    assert_eq!(olga.confirms_extract(&path, &[]).await.status, 303);
    refused(&mut olga, &next, "Diesen Vorgangscode gibt es nicht").await;

    let last = nadine.takes_code_for(&id).await;
    world.pass(days(30));
    let mut olga = world.officer("peter@example.org", "musterhausen").await;
    refused(&mut olga, &last, "abgelaufen").await;
    world.pass(days(30) + Duration::from_secs(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("organisation_desk_case").await, 0);
});

both!(sec_t01_only_who_represents_it_takes_a_code, async |world| {
    world.offices(&declaration("musterhausen", "")).await;
    let (_, firm) = world.bakery().await;
    let path = firm.path("vor-ort");
    for (email, rights, status) in
        [("kurt@example.org", Some(&["administration:", "audit:"][..]), 403), ("fremd@example.org", None, 404)]
    {
        let (mut browser, _) = world.somebody(email, ["Kurt", "Koch"], Level::Substantial).await;
        if let Some(rights) = rights {
            world.joins(&firm, email, rights).await;
        }
        browser.get("/konto").await;
        assert_eq!(browser.get(&path).await.status, status, "{email}");
        assert_eq!(browser.post(&path, &[]).await.status, status, "{email}");
    }
    assert_eq!(world.rows("organisation_desk_case").await, 0);
    world.offices("").await;
    let (mut nadine, ..) = world.somebody("n2@example.org", ["Nora", "Weber"], Level::Substantial).await;
    let second = world.firm("n2@example.org", "Zweitladen").await;
    assert_eq!(nadine.get(&second.path("vor-ort")).await.status, 404, "where no office takes part");
});

both!(sec_t07_an_officer_of_an_office_that_closes, async |world| {
    let (mut olga, _, _, code) = world.bakery_at_the_desk("").await;
    let path = olga.has_opened(&code).await;
    world.offices(&declaration("trier", "")).await;
    for address in ["/amt/organisation", path.as_str(), "/amt/organisation/uebung"] {
        assert_eq!(olga.get(address).await.status, 403, "{address}");
    }
    assert_eq!(olga.confirms_extract(&path, &[]).await.status, 403);
    world.role("olga@example.org", "trier").await;
    assert_eq!(olga.get(&path).await.status, 403, "of the office that has closed");
    assert_eq!(level(&world).await, "basic");
});

both!(sec_t02_nobody_for_their_own_organisation, async |world| {
    let (mut olga, mut nadine, id, code) = world.bakery_at_the_desk("").await;
    world.role(NADINE, "musterhausen").await;
    assert_eq!(nadine.get("/amt").await.status, 200);
    let page = nadine.opens_organisation("musterhausen", &code).await;
    assert!(page.status == 422 && page.body.contains("gehören selbst zu dieser Organisation"), "{page:?}");
    // Nor one who joins while they look at it.
    let path = olga.has_opened(&code).await;
    let account = world.account("olga@example.org").await;
    let mut work = world.app.begin(nutzerkonto::store::work::Actor::System("test")).await.unwrap();
    let key = nutzerkonto::organisation::key(&mut work.tx, &world.app.vault, &id).await.unwrap();
    nutzerkonto::organisation::member::insert(&mut work, &key, &id, (&account, "Olga Amtmann")).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(olga.get(&path).await.status, 403);
    assert_eq!(olga.confirms_extract(&path, &[]).await.status, 403);
    assert_eq!(level(&world).await, "basic");
});

both!(what_changes_meanwhile_is_not_confirmed, async |world| {
    let (mut olga, mut nadine, id, code) = world.bakery_at_the_desk("").await;
    let own = format!("/organisation/{id}");
    let path = olga.has_opened(&code).await;
    // Another address is none of what an office looks at: it looks once more, and goes on.
    let stale = olga.get(&path).await.hidden("stand");
    world.change("UPDATE organisation SET version = version").await;
    let seen = nadine.get(&format!("{own}/daten")).await.hidden("stand");
    let mut fields = [NAME.as_slice(), &ENTRY, &PLACES, &[("stand", seen.as_str())]].concat();
    fields[6].1 = "Große Bleiche 9";
    assert_eq!(nadine.post(&format!("{own}/daten"), &fields).await.status, 303);
    let late = olga.confirms_extract(&path, &[("stand", stale.as_str())]).await;
    assert!(late.status == 422 && late.body.contains("id=\"stand\""), "{}", late.body);
    changes_seat(&mut nadine, &own).await;
    assert_eq!(olga.confirms_extract(&path, &[]).await.status, 409, "void");
    refused(&mut olga, &code, "hat ihre Angaben geändert").await;
    assert!(nadine.get(&format!("{own}/vor-ort")).await.body.contains("id=\"ungueltig\""));
    let protocol = nadine.get(&format!("{own}/protokoll")).await.body;
    assert!(protocol.contains("ungültig geworden, weil Angaben geändert sind"), "{protocol}");
    assert_eq!((level(&world).await.as_str(), world.rows("organisation_evidence").await), ("basic", 0));
});

both!(who_has_asked_still_represents_it, async |world| {
    let (mut olga, _, id, code) = world.bakery_at_the_desk("").await;
    let path = olga.has_opened(&code).await;
    for state in [State::Blocked, State::Insolvent, State::Closing] {
        world.organisation_is(&id, state).await;
        assert!(olga.get(&path).await.body.contains("id=\"nicht-moeglich\""), "{state:?}");
        assert_eq!(olga.confirms_extract(&path, &[]).await.status, 403, "{state:?}");
    }
    world.organisation_is(&id, State::Active).await;
    let rights = world.texts("SELECT kind FROM membership_right").await;
    assert!(rights.iter().any(|kind| kind == right("representation:").kind()));
    world.change("DELETE FROM membership_right WHERE kind = 'representation'").await;
    world.later();
    assert!(olga.get(&path).await.body.contains("id=\"nicht-moeglich\""));
    assert_eq!(olga.confirms_extract(&path, &[]).await.status, 403);
    assert_eq!(level(&world).await, "basic");
});

both!(sec_p01_one_end_of_the_case_of_an_organisation, async |world| {
    let (mut olga, _, _, code) = world.bakery_at_the_desk("").await;
    let path = olga.has_opened(&code).await;
    let node = world.second_node().await;
    let mut there = olga.at(node.running.address);
    let (confirmed, again, refused) = {
        let (mut one, mut other) = (olga.clone(), there.clone());
        let refusal = format!("{path}/ablehnen");
        tokio::join!(
            one.confirms_extract(&path, &[]),
            other.confirms_extract(&path, &[]),
            there.post(&refusal, &[("grund", "not_genuine")])
        )
    };
    let won = [&confirmed, &again, &refused].iter().filter(|answer| answer.status == 303).count();
    assert!(won >= 1, "{confirmed:?} {again:?} {refused:?}");
    let ends = "SELECT kind FROM audit_event
                 WHERE kind IN ('organisation.desk_confirmed', 'organisation.desk_refused')";
    let ends = world.texts(ends).await;
    assert_eq!(ends.len(), 1, "{ends:?}");
    let is_confirmed = ends[0] == "organisation.desk_confirmed";
    assert_eq!(world.rows("organisation_evidence").await, i64::from(is_confirmed));
    assert_eq!(level(&world).await, if is_confirmed { "substantial" } else { "basic" });
});
