//! The data protocol and the copy of everything.

use std::io::Read as _;
use std::time::Duration;

use nutzerkonto::kernel::time::minutes;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, World};

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

both!(renate_reads_who_received_what, async |world| {
    let mut renate = renate(&world).await;
    let empty = renate.get("/daten/protokoll?art=dienste").await;
    assert!(empty.body.contains("Bisher hat niemand Daten aus Ihrem Konto erhalten."));
    let [parken, _] = two_services(&world).await;
    let code = parken.code(&mut renate, &[]).await;
    parken.redeem(&world, &code).await;
    world.browser().sign_in(EMAIL, "falsch-falsch-falsch").await;
    let page = renate.get("/daten/protokoll").await;
    for line in ["hat erhalten: Vornamen", "Einwilligung an", "Konto angelegt", "Falsches Passwort"] {
        assert!(page.body.contains(line), "{line}: {}", page.body);
    }
    let services = renate.get("/daten/protokoll?art=dienste").await.body;
    assert!(services.contains("hat erhalten") && !services.contains("Konto angelegt"));
    let signins = renate.get("/daten/protokoll?art=anmeldungen").await.body;
    assert!(signins.contains("Falsches Passwort") && !signins.contains("hat erhalten"));
    // Nobody reads anybody else's.
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    assert!(!mallory.get("/daten/protokoll").await.body.contains("hat erhalten"));
});

both!(a_long_protocol_has_pages_and_ends, async |world| {
    let mut renate = renate(&world).await;
    for _ in 0..40 {
        // Events of one millisecond have no order.
        world.pass(Duration::from_millis(1));
        renate.post("/sicherheit/sitzungen/dauer", &[("dauer", "30")]).await;
    }
    let count = |body: &str| body.matches("Automatisch abmelden nach").count();
    let first = renate.get("/daten/protokoll?art=aenderungen").await.body;
    let older = first.split("id=\"aelter\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let second = renate.get(&older).await.body;
    assert_eq!((count(&first), count(&second)), (25, 15));
    assert!(second.contains("Konto angelegt") && !second.contains("id=\"aelter\""));
    for odd in ["vor=%27%20OR%201=1", "vor=%00", "art=%3Cscript%3E", "vor=zzz&art=alles"] {
        assert_eq!(renate.get(&format!("/daten/protokoll?{odd}")).await.status, 200, "{odd}");
    }
    let csv = renate.get("/daten/protokoll.csv").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"protokoll.csv\"");
    assert_eq!(count(&csv.body), 40);
    assert!(csv.body.starts_with("\u{feff}\"Zeit\";\"Wer\";\"Was\""));
});

/// Asks for a copy; what fetches it.
pub async fn asks(renate: &mut Browser) -> String {
    renate.get("/daten/export").await;
    let page = renate.post("/daten/export", &[("current", PASSWORD)]).await;
    assert_eq!(page.status, 200);
    page.hidden("schluessel")
}

pub async fn fetch(browser: &Browser, key: &str) -> (u16, Vec<u8>) {
    let request = browser.request(reqwest::Method::POST, "/daten/export/laden");
    let answer = request.form(&[("csrf", browser.csrf.as_str()), ("schluessel", key)]).send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

pub fn file(archive: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

both!(renate_takes_everything_along, async |world| {
    let mut renate = renate(&world).await;
    let [parken, _] = two_services(&world).await;
    let code = parken.code(&mut renate, &[]).await;
    let tokens = parken.redeem(&world, &code).await;
    let subject = crate::support::service::claims(tokens.json()["id_token"].as_str().unwrap())["sub"].clone();
    world.pass(Duration::from_millis(1));
    let key = asks(&mut renate).await;
    let (status, archive) = fetch(&renate, &key).await;
    assert_eq!(status, 200);
    let account: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    assert_eq!((&account["format"], &account["version"]), (&"nutzerkonto-export".into(), &1.into()));
    let attributes = account["attributes"].as_array().unwrap();
    let value = |name: &str| attributes.iter().find(|one| one["name"] == name).map(|one| one["value"].clone());
    assert_eq!((value("given_names"), value("family_name")), (Some("Renate".into()), Some("Muster".into())));
    assert_eq!(
        (&account["addresses"][0]["email"], &account["addresses"][0]["gets_mails"]),
        (&EMAIL.into(), &true.into())
    );
    assert_eq!(
        (&account["services"][0]["client_id"], &account["services"][0]["subject"]),
        (&"parken".into(), &subject)
    );
    assert_eq!(account["signin"]["recovery_codes_left"], 10);
    assert_eq!(account["logouts"], serde_json::json!([]));
    assert_eq!(account["sessions"].as_array().unwrap().len(), 1);
    let id = world.texts("SELECT id FROM account").await.remove(0);
    assert_eq!(account["account"]["id"], id);
    let lines: Vec<serde_json::Value> = serde_json::from_str(&file(&archive, "protokoll.json")).unwrap();
    let events = world.texts("SELECT id FROM audit_event WHERE subject IS NOT NULL ORDER BY id DESC").await;
    let recorded = events.iter().filter(|event| lines.iter().any(|line| line["id"] == **event)).count();
    assert_eq!(recorded, lines.len());
    assert!(lines.iter().any(|line| line["what"].as_str().unwrap().contains("hat erhalten: Vornamen")), "{lines:?}");
    assert_eq!(lines[0]["what"], "Kopie aller Daten geladen");
    assert_eq!(file(&archive, "protokoll.csv").lines().count(), lines.len() + 1);
    assert!(file(&archive, "LIESMICH.txt").contains("konto.json"));
    serde_json::from_str::<serde_json::Value>(&file(&archive, "konto.schema.json")).unwrap();
    world.mail_to(EMAIL).await;
});

both!(sec_a_copy_is_fetched_once_by_who_asked_and_within_a_day, async |world| {
    let mut renate = renate(&world).await;
    renate.get("/daten/export").await;
    let wrong = renate.post("/daten/export", &[("current", "falsch-falsch-falsch")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("Das jetzige Passwort stimmt nicht"));
    assert_eq!(world.rows("data_export").await, 0);
    let key = asks(&mut renate).await;
    // Another session of hers, another account, nobody.
    let mut other = world.browser();
    other.sign_in(EMAIL, PASSWORD).await;
    other.get("/daten/export").await;
    assert_eq!(fetch(&other, &key).await.0, 410);
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    mallory.get("/daten/export").await;
    assert_eq!(fetch(&mallory, &key).await.0, 410);
    let mut nobody = world.browser();
    nobody.get("/anmelden").await;
    assert_eq!(fetch(&nobody, &key).await.0, 303);
    assert_eq!(world.rows("data_export").await, 1, "none of that used it up");
    // Sixteen at once: one gets it.
    let tries = futures_util::future::join_all((0..16).map(|_| fetch(&renate, &key))).await;
    let mut statuses: Vec<u16> = tries.iter().map(|(status, _)| *status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, [410; 15].as_slice()));
    // After a day it is worth nothing, even if the person clicked all the time.
    let (in_time, late) = (asks(&mut renate).await, asks(&mut renate).await);
    for hour in 0..24 {
        world.pass(minutes(59));
        // The session goes on, because she proves who she is again now and then.
        if hour % 8 == 7 {
            renate.sign_in(EMAIL, PASSWORD).await;
        }
        assert_eq!(renate.get("/daten/export").await.status, 200);
    }
    assert_eq!(fetch(&renate, &in_time).await.0, 200);
    world.pass(minutes(24));
    assert_eq!(fetch(&renate, &late).await.0, 410, "24 hours, exactly");
});

both!(a_copy_that_ends_early_is_no_copy, async |world| {
    let mut renate = renate(&world).await;
    for key in ["", "x", &"A".repeat(43), &"A".repeat(100_000)] {
        renate.get("/daten/export").await;
        let status = fetch(&renate, key).await.0;
        assert!([410, 413].contains(&status), "{status}");
    }
    // Signed out meanwhile: the key goes with the session.
    let key = asks(&mut renate).await;
    let before = renate.clone();
    renate.post("/abmelden", &[]).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(fetch(&before, &key).await.0, 303, "nobody is signed in");
});
