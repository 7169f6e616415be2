//! What an organisation says of itself, compared with the register.

use std::time::Duration;

use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::kernel::time::minutes;
use nutzerkonto::organisation::Record;
use nutzerkonto::organisation::record::LegalForm;

use crate::both;
use crate::support::browser::Answer;
use crate::support::organisation::{ENTRY, NADINE, NAME, PLACES, bakery};
use crate::support::registrant::Yard;
use crate::support::{Browser, World};

/// Has the register asked; what came back.
async fn asks(browser: &mut Browser, id: &OrganisationId) -> Answer {
    let path = format!("/organisation/{id}/register");
    assert_eq!(browser.get(&path).await.status, 200);
    browser.post(&path, &[]).await
}

/// What the register answers for the bakery, with a change.
fn entry(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut entry = serde_json::json!({
        "kind": "HRB", "court": "Amtsgericht Mainz", "number": "1234", "name": "Bäckerei Weber GmbH",
        "legal_form": "gmbh", "seat": "Mainz", "status": "active", "address": null, "representatives": [],
    });
    change(&mut entry);
    entry.to_string().into_bytes()
}

fn told(page: &Answer, sentence: &str) {
    assert_eq!(page.status, 422, "{page:?}");
    assert!(page.body.contains(sentence), "{sentence}: {}", page.body);
}

both!(nadine_compares_her_bakery_with_the_register, async |mut world| {
    world.company_register().await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let path = format!("/organisation/{id}");
    let page = nadine.get(&path).await.body;
    assert!(page.contains("Noch 1 Schritt") && page.contains("id=\"abgleichen\""), "{page}");
    let page = nadine.get(&format!("{path}/register")).await.body;
    assert!(page.contains("HRB 1234, Amtsgericht Mainz"), "{page}");
    let done = nadine.post(&format!("{path}/register"), &[]).await;
    assert_eq!(done.location(), format!("{path}?erledigt=register"));
    let page = nadine.follow(done).await.body;
    assert!(page.contains("Quelle: Abgleich mit dem Register, 23. November 2026"), "{page}");
    assert!(!page.contains("id=\"abgleichen\"") && !page.contains("id=\"nicht-genannt\""), "{page}");
    assert_eq!(world.texts("SELECT level FROM organisation").await, ["basic"], "everybody reads the register");
    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains("Bleiche"), "sealed");
});

both!(what_differs_is_told, async |mut world| {
    world.company_register().await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    let mut record = bakery("1234");
    (record.name, record.seat) = ("Bäckerei Weber KG".to_owned(), "Trier".to_owned());
    record.form = LegalForm::Ug;
    let wrong = world.organisation(NADINE, &record).await;
    let nowhere = world.organisation(NADINE, &bakery("4321")).await;
    let gone = world.organisation(NADINE, &bakery("1000")).await;
    let page = asks(&mut nadine, &wrong).await;
    told(&page, "Die Nummer HRB 1234 gibt es beim Amtsgericht Mainz mit anderem Namen: „Bäckerei Weber GmbH“.");
    told(&page, "mit anderer Rechtsform: Gesellschaft mit beschränkter Haftung (GmbH).");
    told(&page, "mit anderem Sitz: Mainz.");
    told(&asks(&mut nadine, &nowhere).await, "Die Nummer HRB 4321 gibt es beim Amtsgericht Mainz nicht.");
    told(&asks(&mut nadine, &gone).await, "ist im Register gelöscht");
    assert_eq!(world.rows("organisation_evidence").await, 0);
    let differs = "SELECT kind FROM audit_event WHERE kind = 'organisation.register_differs'";
    assert_eq!(world.texts(differs).await.len(), 3);
});

both!(whom_the_register_does_not_name_is_told_so, async |mut world| {
    world.company_register().await;
    let mut jonas = world.representative("jonas@example.org", ["Jonas", "Fremd"]).await;
    let id = world.organisation("jonas@example.org", &bakery("1234")).await;
    assert_eq!(asks(&mut jonas, &id).await.status, 303);
    assert!(jonas.get(&format!("/organisation/{id}")).await.body.contains("id=\"nicht-genannt\""));
});

both!(insolvency_ends_the_power_to_represent, async |mut world| {
    world.company_register().await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    let record = Record { name: "Möbelhaus Schreiner GmbH".to_owned(), ..bakery("2222") };
    let id = world.organisation(NADINE, &record).await;
    let done = asks(&mut nadine, &id).await;
    assert_eq!(done.location(), format!("/organisation/{id}?erledigt=insolvent"));
    assert_eq!(world.texts("SELECT state FROM organisation").await, ["insolvent"]);
    world.mail_about(NADINE, "Insolvenzverfahren").await;
    let page = nadine.follow(done).await.body;
    assert!(page.contains("id=\"insolvent\"") && !page.contains("id=\"daten\""), "{page}");
    for page in ["register", "brief", "daten", "schliessen"] {
        assert_eq!(nadine.get(&format!("/organisation/{id}/{page}")).await.status, 403, "{page}");
    }
});

// The register answers slowly, wrongly, with too much, or not at all: nothing happens, and not for long.
both!(sec_l05_a_register_that_cannot_be_reached_harms_nothing, async |mut world| {
    world.company_register().await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    let slow = world.organisation(NADINE, &bakery("9999")).await;
    let id = world.organisation(NADINE, &bakery("1234")).await;
    world.settle().await;
    let organisations = async |world: &World| world.dump().await["organisation"].clone();
    let before = organisations(&world).await;
    // It takes eight seconds; nobody waits for more than the one that is set.
    let unreachable = tokio::time::timeout(Duration::from_secs(4), asks(&mut nadine, &slow)).await.unwrap();
    assert!(unreachable.status == 503 && unreachable.body.contains("id=\"nicht-erreichbar\""), "{unreachable:?}");
    let yard = Yard::open().await;
    let path = "/entries?kind=HRB&court=Mainz&number=1234";
    let base = yard.put("/", b"").trim_end_matches('/').to_owned();
    world.register_at(&base).await;
    let too_long = entry(|entry| entry["note"] = "x".repeat(70_000).into());
    for body in [
        b"".to_vec(),
        b"<html>".to_vec(),
        b"[1]".to_vec(),
        too_long,
        entry(|entry| entry["number"] = "1235".into()),
        entry(|entry| entry["name"] = "<script>alert(1)</script>".into()),
        entry(|entry| entry["status"] = "?".into()),
    ] {
        yard.put(path, &body);
        assert_eq!(
            asks(&mut nadine, &id).await.status,
            503,
            "{}",
            String::from_utf8_lossy(&body[..body.len().min(90)])
        );
        world.pass(minutes(1));
    }
    world.register_at("http://localhost:1").await;
    assert_eq!(asks(&mut nadine, &id).await.status, 503);
    assert_eq!((organisations(&world).await, world.rows("organisation_evidence").await), (before, 0));
    // It may say more than we ask for.
    world.register_at(&base).await;
    yard.put(path, &entry(|entry| entry["note"] = "more".into()));
    assert_eq!(asks(&mut nadine, &id).await.status, 303);
});

both!(an_entry_is_found_as_the_register_writes_it, async |mut world| {
    let yard = Yard::open().await;
    let base = yard.put("/", b"").trim_end_matches('/').to_owned();
    world.register_at(&base).await;
    let court = |court: &str| entry(|entry| entry["court"] = court.into());
    yard.put("/entries?kind=HRB&court=Mainz&number=1234", &court("Mainz am Rhein"));
    yard.put("/entries?kind=HRB&court=Mainz-Stadt&number=1234", &court("Mainz am Rhein"));
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let mut jonas = world.representative("jonas@example.org", ["Jonas", "Fremd"]).await;
    let mut record = bakery("1234");
    record.register.as_mut().unwrap().court = "Mainz-Stadt".to_owned();
    let other = world.organisation("jonas@example.org", &record).await;
    assert_eq!(asks(&mut nadine, &id).await.status, 303);
    assert!(nadine.get(&format!("/organisation/{id}")).await.body.contains("HRB 1234, Amtsgericht Mainz am Rhein"));
    told(&asks(&mut jonas, &other).await, "gehört schon zu einem anderen Konto");
    assert_eq!(world.rows("organisation_evidence").await, 1);
});

both!(what_is_compared_is_what_counts, async |mut world| {
    world.company_register().await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let path = format!("/organisation/{id}");
    asks(&mut nadine, &id).await;
    let form = nadine.get(&format!("{path}/daten")).await;
    let seen = form.hidden("stand");
    let change = |name: &'static str| {
        let mut fields = [NAME.as_slice(), &ENTRY, &PLACES].concat();
        fields[0].1 = name;
        fields
    };
    // One more look, because something has been shown.
    let fields = [change("Bäckerei Huber GmbH").as_slice(), &[("stand", seen.as_str())]].concat();
    let asked = nadine.post(&format!("{path}/daten"), &fields).await;
    assert!(asked.status == 200 && asked.body.contains("id=\"aendern\""), "{asked:?}");
    assert_eq!(asked.hidden("name"), "Bäckerei Huber GmbH");
    let sure = [fields.as_slice(), &[("bestaetigt", "ja")]].concat();
    assert_eq!(nadine.post(&format!("{path}/daten"), &sure).await.location(), format!("{path}?erledigt=daten"));
    let page = nadine.get(&path).await.body;
    assert!(page.contains("id=\"abgleichen\"") && page.contains("Der alte Nachweis gilt dafür nicht mehr"), "{page}");
    told(&asks(&mut nadine, &id).await, "mit anderem Namen");
    // From what was seen before nobody changes anything.
    let again = nadine.post(&format!("{path}/daten"), &sure).await;
    told(&again, "Jemand hat die Daten inzwischen geändert");
    // And what evidence has said once does not come back by saying the same.
    let seen = again.hidden("stand");
    let fields = [change("Bäckerei Weber GmbH").as_slice(), &[("stand", seen.as_str())]].concat();
    assert_eq!(nadine.post(&format!("{path}/daten"), &fields).await.status, 303);
    assert!(nadine.get(&path).await.body.contains("id=\"abgleichen\""));
});

both!(sec_t02_an_entry_of_others_is_not_taken_by_a_change, async |world| {
    let (_, _) = world.nadine_with_bakery().await;
    let mut jonas = world.representative("jonas@example.org", ["Jonas", "Fremd"]).await;
    let id = world.organisation("jonas@example.org", &bakery("77")).await;
    let path = format!("/organisation/{id}/daten");
    let seen = jonas.get(&path).await.hidden("stand");
    // What stands in no form is not taken: level, state, whoever administrates it.
    let more = [("stand", seen.as_str()), ("level", "substantial"), ("state", "active"), ("account_id", "x")];
    let fields = [NAME.as_slice(), &ENTRY, &PLACES, &more].concat();
    let taken = jonas.post(&path, &fields).await;
    assert!(taken.status == 409 && !taken.body.contains("/organisation/neu"), "{taken:?}");
    let mut fields = fields;
    fields[4].1 = "78";
    assert_eq!(jonas.post(&path, &fields).await.status, 303);
    assert_eq!(world.texts("SELECT DISTINCT level FROM organisation").await, ["basic"]);
});
