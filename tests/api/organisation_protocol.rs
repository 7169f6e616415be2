//! The protocol of an organisation: who did what, when, for whom; and that nobody there gets rid of it.

use std::time::Duration;

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use reqwest::Method;

use crate::both;
use crate::support::browser::LIST_MAX_BYTES;
use crate::support::organisation::{Firm, NADINE};
use crate::support::surface::two_services;
use crate::support::{Browser, World};

const KURT: &str = "kurt@example.org";

/// Nadine, who has given Kurt two rights, and Kurt, who has added an area on the day after.
async fn two_days(world: &World) -> (Browser, Firm, String) {
    two_services(world).await;
    let (mut nadine, mut own_key) = world.somebody(NADINE, ["Nadine", "Weber"], Level::Substantial).await;
    let firm = world.firm(NADINE, "Bäckerei Weber").await;
    let (mut kurt, mut key) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let member = world.joins(&firm, KURT, &["administration:", "use_service:parken"]).await;
    world.pass(days(1));
    kurt.sign_in_with(&mut key).await;
    firm.adds_area(&mut kurt, "Bau").await;
    world.pass(Duration::from_millis(1));
    nadine.sign_in_with(&mut own_key).await;
    (nadine, firm, member)
}

fn entries(page: &str) -> usize {
    page.matches("Eintrag evt_").count()
}

both!(an_auditor_reads_who_did_what, async |world| {
    let (_, firm, member) = two_days(&world).await;
    let mut anna = world.browser();
    anna.register(&world, "anna@example.org", ["Anna", "Beck"]).await;
    world.joins(&firm, "anna@example.org", &["audit:"]).await;
    let page = anna.get(&firm.path("protokoll")).await.body;
    for line in [
        "Organisation angelegt",
        "Rechte gegeben oder geändert, Kurt Koch: Verwaltung: Mitglieder, Rechte, Bereiche, Dienst nutzen: Stadt",
        "Bereich angelegt: Bau",
        ">Nadine Weber</a>",
        ">Kurt Koch</a>",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert_eq!(entries(&page), 4);
    // By topic, by person, by day.
    let count = async |browser: &mut Browser, query: &str| {
        let page = browser.get(&firm.path(&format!("protokoll?{query}"))).await;
        assert_eq!(page.status, 200, "{query}");
        entries(&page.body)
    };
    assert_eq!(count(&mut anna, "art=bereiche").await, 1);
    assert_eq!(count(&mut anna, "art=mitglieder").await, 2);
    assert_eq!(count(&mut anna, "art=handeln").await, 0);
    assert_eq!(count(&mut anna, &format!("person={member}")).await, 1);
    assert_eq!(count(&mut anna, "bis_tag=23&bis_monat=11&bis_jahr=2026").await, 2);
    assert_eq!(count(&mut anna, "von_tag=24&von_monat=11&von_jahr=2026").await, 2);
    assert_eq!(count(&mut anna, "von_tag=25&von_monat=11&von_jahr=2026").await, 0);
    let day = "von_tag=24&von_monat=11&von_jahr=2026&bis_tag=24&bis_monat=11&bis_jahr=2026";
    assert_eq!(count(&mut anna, &format!("art=bereiche&person={member}&{day}")).await, 1);
    let none = anna.get(&firm.path("protokoll?von_tag=1&von_monat=1&von_jahr=2030")).await.body;
    assert!(none.contains("In diesem Zeitraum hat niemand etwas getan"));
    for odd in ["person=%27%20OR%201=1", "vor=%00", "art=%3Cscript%3E", "von_tag=99&von_monat=99&von_jahr=-1"] {
        let status = anna.get(&firm.path(&format!("protokoll?{odd}"))).await.status;
        assert!([200, 400].contains(&status), "{odd}: {status}");
    }
    // Reading is all that an audit allows.
    assert_eq!(anna.get(&firm.path("bereiche")).await.status, 200);
    assert_eq!(firm.sends(&mut anna, "bereiche", &[("aktion", "anlegen"), ("name", "X")]).await.status, 403);
});

// Somebody of another organisation sees nothing of it, by whatever name.
both!(a_protocol_is_one_organisations, async |world| {
    let (mut nadine, firm, member) = two_days(&world).await;
    let other = world.firm(NADINE, "Konditorei Weber").await;
    let page = nadine.get(&other.path("protokoll")).await.body;
    assert_eq!(entries(&page), 1, "{page}");
    let page = nadine.get(&other.path(&format!("protokoll?person={member}"))).await.body;
    assert!(entries(&page) == 0 && !page.contains("Kurt"), "a member of another: {page}");
    assert!(entries(&nadine.get(&firm.path("protokoll")).await.body) >= 3);
});

both!(a_long_protocol_has_pages_and_a_table, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let area = firm.adds_area(&mut nadine, "=1+1").await;
    let page = firm.path(&format!("bereiche/{area}"));
    for number in 0..60 {
        // Events of one millisecond have no order.
        world.pass(Duration::from_millis(1));
        let name = if number % 2 == 0 { "=2+2" } else { "=1+1" };
        assert_eq!(nadine.post(&page, &[("aktion", "umbenennen"), ("name", name)]).await.status, 303);
    }
    let first = nadine.get(&firm.path("protokoll?art=bereiche")).await.body;
    let older = first.split("id=\"aelter\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let older = older.replace("&amp;", "&").replace("&#38;", "&");
    let second = nadine.get(&older).await.body;
    assert_eq!((entries(&first), entries(&second)), (25, 25));
    assert!(first.len() < LIST_MAX_BYTES, "{} bytes", first.len());
    let csv = nadine.get(&firm.path("protokoll.csv")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"protokoll.csv\"");
    assert_eq!(csv.body.lines().count(), 1 + 62);
    assert!(csv.body.starts_with("\u{feff}\"Zeit\";\"Wer\";\"Was\""), "{}", csv.body);
    let filtered = nadine.get(&firm.path("protokoll.csv?art=organisation")).await.body;
    assert_eq!(filtered.lines().count(), 1 + 1);
});

both!(sec_w07_names_are_no_formulas, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    world.change("UPDATE audit_event SET kind = 'area.added', reason = '=HYPERLINK(\"x\")' WHERE kind = 'organisation.opened'").await;
    let csv = nadine.get(&firm.path("protokoll.csv")).await.body;
    assert!(csv.contains("\"'=HYPERLINK(\"\"x\"\")\""), "{csv}");
});

// No route of an organisation deletes anything of it, whoever asks.
both!(an_organisation_deletes_nothing_of_its_protocol, async |world| {
    let (mut nadine, firm, _) = two_days(&world).await;
    let before = world.texts("SELECT id FROM audit_event ORDER BY id").await;
    for rest in ["protokoll", "protokoll.csv"] {
        for method in ["POST", "DELETE", "PUT", "PATCH"] {
            let request = nadine.request(Method::from_bytes(method.as_bytes()).unwrap(), &firm.path(rest));
            assert_eq!(nadine.clone().send(request).await.status, 405, "{method} {rest}");
        }
    }
    assert_eq!(world.texts("SELECT id FROM audit_event ORDER BY id").await, before);
    assert!(nadine.get(&firm.path("protokoll")).await.status == 200);
});
