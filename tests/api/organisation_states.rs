//! Blocked, insolvent, given up, kept, gone.

use std::time::Duration;

use nutzerkonto::data::closing;
use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::kernel::time::days;
use nutzerkonto::operator::Inquiry;
use nutzerkonto::operator::organisation::{Step, show, step};

use crate::both;
use crate::support::organisation::{NADINE, letters};
use crate::support::{Browser, World};

const REASON: &str = "Schreiben des Amtsgerichts vom 20. November";

async fn operator(world: &World, id: &OrganisationId, what: Step) -> bool {
    let by = Inquiry::new("k.muster", REASON).unwrap();
    step(&world.app, &by, id, what).await.is_ok()
}

async fn state(world: &World) -> String {
    world.texts("SELECT state FROM organisation").await.remove(0)
}

both!(the_operator_stops_an_organisation_and_lets_it_go_on, async |world| {
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let path = format!("/organisation/{id}");
    let by = Inquiry::new("k.muster", REASON).unwrap();
    let seen = show(&world.app, &by, &id).await.unwrap().to_string();
    assert!(seen.contains("active since") && seen.contains("HRB 1234, Mainz"), "{seen}");
    for (what, after, right) in [
        (Step::Unblock, "active", false),
        (Step::Solvent, "active", false),
        (Step::Block, "blocked", true),
        (Step::Block, "blocked", false),
        (Step::Insolvent, "blocked", true),
        (Step::Insolvent, "blocked", false),
        // What was written down meanwhile counts when it goes on.
        (Step::Unblock, "insolvent", true),
        (Step::Block, "blocked", true),
        (Step::Solvent, "blocked", true),
        (Step::Unblock, "active", true),
        (Step::Insolvent, "insolvent", true),
        (Step::Solvent, "active", true),
    ] {
        assert_eq!(operator(&world, &id, what).await, right, "{what:?}");
        assert_eq!(state(&world).await, after, "{what:?}");
        let status = nadine.get(&format!("{path}/daten")).await.status;
        assert_eq!(status, if after == "active" { 200 } else { 403 }, "{what:?}");
    }
    for subject in ["gesperrt", "nicht mehr gesperrt", "Insolvenzverfahren"] {
        world.mail_about(NADINE, subject).await;
    }
    let reasons = world.texts("SELECT DISTINCT reason FROM audit_event WHERE kind = 'organisation.blocked'").await;
    assert_eq!(reasons, [REASON]);
    let looked = world.texts("SELECT actor FROM audit_event WHERE kind = 'organisation.looked_up'").await;
    assert_eq!(looked, ["operator:k.muster"]);
});

async fn closes(browser: &mut Browser, path: &str) -> u16 {
    let page = browser.get(&format!("{path}/schliessen")).await;
    assert!(page.body.contains("id=\"offen\""), "{page:?}");
    let second = browser.post(&format!("{path}/schliessen"), &[("schritt", "weiter")]).await;
    assert!(second.status == 200 && second.body.contains("id=\"verstanden\""), "{second:?}");
    let form = [("schritt", "schliessen"), ("verstanden", "ja")];
    browser.post(&format!("{path}/schliessen"), &form).await.status
}

both!(nadine_gives_her_bakery_up_and_keeps_it, async |world| {
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let path = format!("/organisation/{id}");
    nadine.get(&format!("{path}/schliessen")).await;
    let unsure = nadine.post(&format!("{path}/schliessen"), &[("schritt", "schliessen")]).await;
    assert!(unsure.status == 422 && unsure.body.contains("id=\"verstanden-e\""));
    assert_eq!(state(&world).await, "active");
    assert_eq!(closes(&mut nadine, &path).await, 303);
    world.mail_about(NADINE, "wird gelöscht").await;
    let page = nadine.get(&path).await.body;
    assert!(page.contains("24. Dezember 2026") && page.contains("id=\"behalten\""), "{page}");
    for page in ["daten", "register", "schliessen"] {
        assert_eq!(nadine.get(&format!("{path}/{page}")).await.status, 403, "{page}");
    }
    closing::tend(&world.app).await.unwrap();
    nadine.get(&format!("{path}/behalten")).await;
    let kept = nadine.post(&format!("{path}/behalten"), &[]).await;
    assert_eq!(kept.location(), format!("{path}?erledigt=behalten"));
    world.mail_about(NADINE, "bleibt bestehen").await;
    assert_eq!(state(&world).await, "active");
    assert_eq!(nadine.post(&format!("{path}/behalten"), &[]).await.status, 403, "it is not being given up");
    world.pass(days(40));
    closing::tend(&world.app).await.unwrap();
    assert_eq!(state(&world).await, "active", "nothing is left of the date");
});

both!(what_was_given_up_is_gone_after_thirty_days, async |mut world| {
    let directory = world.mail_house().await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    let opened = nadine.registers_bakery("1234").await;
    let path = crate::support::organisation::path(&opened);
    letters(&directory, 1).await;
    let agreed = "INSERT INTO acting_consent (account_id, represented, client_id, scope, claims, terms, granted_at)
                  SELECT account_id, organisation_id, 'parken', 'openid', '{}', '', 1 FROM membership";
    world.change(agreed).await;
    assert_eq!(closes(&mut nadine, &path).await, 303);
    // To the end of the thirtieth day in Germany.
    world.pass(days(30) + Duration::from_secs(13 * 3600 + 57 * 60));
    closing::tend(&world.app).await.unwrap();
    assert_eq!(state(&world).await, "closing");
    world.pass(Duration::from_secs(2 * 60));
    let node = world.second_node().await;
    let (one, other) = tokio::join!(closing::tend(&world.app), closing::tend(&world.app));
    one.unwrap();
    other.unwrap();
    drop(node);
    assert_eq!(state(&world).await, "closed");
    world.mail_about(NADINE, "ist gelöscht").await;
    let closed = "SELECT kind FROM audit_event WHERE kind = 'organisation.closed'";
    assert_eq!(world.texts(closed).await.len(), 1, "once");
    for table in ["organisation_letter", "organisation_evidence", "membership_right", "acting_consent"] {
        assert_eq!(world.rows(table).await, 0, "{table}");
    }
    assert!(world.texts("SELECT id FROM organisation WHERE key_wrapped IS NOT NULL").await.is_empty());
    assert!(world.texts("SELECT id FROM membership WHERE ended_at IS NULL").await.is_empty());
    let (_, mut key) =
        world.somebody("neu@example.org", ["Nora", "Neu"], nutzerkonto::kernel::level::Level::Substantial).await;
    let mut nora = world.browser();
    nora.sign_in_with(&mut key).await;
    assert_eq!(nora.get(&path).await.status, 404);
    assert!(nora.registers_bakery("1234").await.location().starts_with("/organisation/org_"), "its entry is free");
});

// Of closing, blocking and keeping at once one happens after the other, and never both of what excludes itself.
both!(sec_p01_what_excludes_each_other_happens_once, async |world| {
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let node = world.second_node().await;
    let path = format!("/organisation/{id}");
    nadine.get(&format!("{path}/schliessen")).await;
    let form = [("schritt", "schliessen"), ("verstanden", "ja")];
    let (close_path, mut other) = (format!("{path}/schliessen"), nadine.at(node.running.address));
    let (one, two) = tokio::join!(nadine.post(&close_path, &form), other.post(&close_path, &form));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert!(statuses[0] == 303 && statuses[1] >= 400, "{one:?} {two:?}");
    let closing = "SELECT kind FROM audit_event WHERE kind = 'organisation.closing'";
    assert_eq!(world.texts(closing).await.len(), 1);
    let keep = format!("{path}/behalten");
    nadine.get(&keep).await;
    let mut other = nadine.at(node.running.address);
    let (one, two) = tokio::join!(nadine.post(&keep, &[]), other.post(&keep, &[]));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert!(statuses[0] == 303 && statuses[1] >= 400, "{one:?} {two:?}");
    assert_eq!(state(&world).await, "active");
});

// To administrate is not to represent: whoever may invite colleagues changes nothing of the organisation itself.
both!(sec_t02_who_only_administrates_does_not_represent, async |mut world| {
    world.mail_house().await;
    world.company_register().await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let path = format!("/organisation/{id}");
    world.change("DELETE FROM membership_right WHERE kind = 'representation'").await;
    let page = nadine.get(&path).await.body;
    assert!(page.contains("Große Bleiche 7") && !page.contains("id=\"daten\"") && !page.contains("id=\"aufgaben\""));
    for page in ["register", "brief", "daten", "schliessen", "behalten"] {
        assert_eq!(nadine.get(&format!("{path}/{page}")).await.status, 403, "{page}");
    }
    nadine.get("/konto").await;
    world.settle().await;
    let before = world.dump().await;
    let sure = [("schritt", "schliessen"), ("verstanden", "ja"), ("bestaetigt", "ja"), ("code", "QQQQQ-QQQQQ")];
    for page in ["register", "brief", "brief/code", "daten", "schliessen", "behalten"] {
        assert_eq!(nadine.post(&format!("{path}/{page}"), &sure).await.status, 403, "{page}");
    }
    assert_eq!(world.dump().await, before);
    // Nor does a right that has ended, or has not begun.
    let now = world.app.now();
    for (from, until) in [(1, now.milliseconds().to_string()), (now.milliseconds() + 1, "NULL".to_owned())] {
        let right = format!("kind = 'representation', valid_from = {from}, valid_until = {until}");
        world.change(&format!("UPDATE membership_right SET {right}")).await;
        assert_eq!(nadine.get(&format!("{path}/daten")).await.status, 403, "{from} {until}");
    }
});
