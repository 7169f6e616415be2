//! Safes of others: of an organisation, for whoever may keep its documents, and of somebody who has given a mandate for everything.

use crate::acting_mandates::{Cast, cast};
use crate::both;
use crate::support::attachment::pdf;
use crate::support::browser::PASSWORD;
use crate::support::mandate::{ALL, only};
use crate::support::organisation::NADINE;
use crate::support::safe::{UPLOAD, documents};
use crate::support::surface::two_services;

const KURT: &str = "kurt@example.org";
const READ_ONLY: &str = r#"{"actions":["read"],"services":"all"}"#;

both!(sec_v01_an_organisation_has_a_safe_of_its_own, async |world| {
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let own = nadine.keeps("", "Privat.pdf").await;
    let mut kurt = world.browser();
    kurt.register(&world, KURT, ["Kurt", "Koch"]).await;
    let keeper = world.admits(&bakery, KURT, &[("documents", "")]).await;
    let founder = world.membership(&bakery, NADINE).await;
    nadine.acts_for(&founder).await;
    let theirs = nadine.keeps("Verträge", "Pachtvertrag.pdf").await;
    assert_eq!(nadine.lists("").await, [theirs.as_str()]);
    assert_eq!(nadine.get(&format!("/safe/{own}")).await.status, 404, "her own is another safe");
    assert!(nadine.get("/safe").await.body.contains("Dokumentensafe von Bäckerei"));
    assert_eq!(kurt.get(&format!("/safe/{theirs}")).await.status, 404, "he acts for himself");
    kurt.acts_for(&keeper).await;
    assert_eq!(kurt.lists("").await, [theirs.as_str()]);
    assert!(kurt.fetches(&format!("/safe/{theirs}/1/datei")).await.2 == pdf(1000));
    assert_eq!(kurt.get(&format!("/safe/{own}")).await.status, 404);
    let fetched = world.texts("SELECT subject FROM audit_event WHERE kind = 'safe.fetched' ORDER BY subject").await;
    assert_eq!(fetched, [world.account(KURT).await.to_string(), bakery.to_string()], "both read of it");
    let protocol = nadine.get(&format!("/organisation/{bakery}/protokoll?art=safe")).await.body;
    for words in ["Ein Dokument in den Safe gelegt.", "Ein Dokument aus dem Safe heruntergeladen.", "Kurt Koch"] {
        assert!(protocol.contains(words), "{words}: {protocol}");
    }
    // His right ends while his page is open.
    world.change(&format!("DELETE FROM membership_right WHERE membership_id = '{keeper}'")).await;
    world
        .change(&format!(
        "INSERT INTO membership_right (membership_id, organisation_id, kind, object, valid_from, granted_by, granted_at)
         VALUES ('{keeper}', '{bakery}', 'read_mail', '', 1, '{founder}', 1)"
    ))
        .await;
    world.later();
    for path in ["/safe".to_owned(), UPLOAD.to_owned(), format!("/safe/{theirs}"), format!("/safe/{theirs}/1/datei")] {
        let refused = kurt.get(&path).await;
        assert!(refused.status == 403 && refused.body.contains("Dafür fehlt Ihnen ein Recht"), "{path}: {refused:?}");
        assert!(refused.body.contains("id=\"wahl\" href=\"/anmelden/wahl\""), "{path}: {refused:?}");
    }
    assert_eq!(kurt.sends_files(UPLOAD, "", &[("a.pdf", &pdf(100))]).await.status, 403);
    assert_eq!(kurt.post(&format!("/safe/{theirs}/loeschen"), &[]).await.status, 403);
    assert_eq!(world.rows("safe_document").await, 2);
});

both!(sec_v01_a_mandate_for_everything_reaches_the_safe_and_deletes_nothing, async |world| {
    let Cast { mut renate, principal, mut nadine, mandate } = cast(&world, ALL).await;
    let id = renate.keeps("", "Rente.pdf").await;
    assert_eq!(nadine.get(&format!("/safe/{id}")).await.status, 404, "she acts for herself");
    nadine.acts_for(&mandate).await;
    assert!(nadine.get("/safe").await.body.contains("Dokumentensafe von Renate Muster"));
    assert!(nadine.fetches(&format!("/safe/{id}/1/datei")).await.2 == pdf(1000));
    let shown = nadine.get(&format!("/safe/{id}")).await.body;
    assert!(shown.contains("id=\"aendern\"") && !shown.contains("id=\"loeschen\""), "{shown}");
    assert_eq!(nadine.files_as(&id, ["Rente 2026.pdf", "", ""], ["", "", ""]).await.status, 303);
    for rest in ["loeschen", "1/loeschen"] {
        assert_eq!(nadine.get(&format!("/safe/{id}/{rest}")).await.status, 403, "{rest}");
        assert_eq!(nadine.post(&format!("/safe/{id}/{rest}"), &[]).await.status, 403, "{rest}");
    }
    let put = nadine.keeps("", "Für Renate.pdf").await;
    assert_eq!(renate.lists("").await.len(), 2);
    let protocol = renate.get("/daten/protokoll?art=safe").await.body;
    for words in ["Ein Dokument aus dem Safe heruntergeladen.", &mandate, "Name, Ordner, Schlagwörter oder Ablaufdatum"]
    {
        assert!(protocol.contains(words), "{words}: {protocol}");
    }
    // The mandate ends: nothing more, whatever page is open.
    world.revokes(&world.account(crate::support::surface::EMAIL).await, &mandate).await;
    world.later();
    for path in [format!("/safe/{id}"), format!("/safe/{put}/1/datei"), "/safe".to_owned()] {
        assert_eq!(nadine.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(nadine.sends_files(UPLOAD, "", &[("a.pdf", &pdf(100))]).await.status, 404);
    assert_eq!(world.safe_of(&principal).await[1].1, 2);
});

both!(sec_v01_a_narrower_mandate_reads_only_or_nothing, async |world| {
    two_services(&world).await;
    let Cast { mut renate, principal, mut nadine, mandate } = cast(&world, &only("parken")).await;
    let id = renate.keeps("", "Rente.pdf").await;
    nadine.acts_for(&mandate).await;
    for path in ["/safe".to_owned(), format!("/safe/{id}"), format!("/safe/{id}/1/datei"), UPLOAD.to_owned()] {
        assert_eq!(nadine.get(&path).await.status, 403, "{path}");
    }
    let reading = world.mandate(&principal, world.account(NADINE).await.as_str(), READ_ONLY).await;
    nadine.acts_for(&reading).await;
    let list = nadine.get("/safe").await.body;
    assert!(list.contains("id=\"nur-lesen\"") && !list.contains("id=\"hochladen\""), "{list}");
    assert_eq!(nadine.fetches(&format!("/safe/{id}/1/datei")).await.0, 200);
    for path in [UPLOAD.to_owned(), format!("/safe/{id}/aendern"), format!("/safe/{id}/version")] {
        assert_eq!(nadine.get(&path).await.status, 403, "{path}");
        assert_eq!(
            nadine.sends_files(&path, "", &[("a.pdf", &pdf(100))]).await.status,
            if path.ends_with("aendern") { 415 } else { 403 }
        );
    }
    assert_eq!(documents(&renate.get("/safe").await.body), [id]);
    // Who has not signed in well enough uses no mandate.
    let mut weak = world.browser();
    weak.sign_in(NADINE, PASSWORD).await;
    weak.acts_for(&reading).await;
    assert!(weak.get("/safe").await.location().starts_with("/anmelden/niveau"));
});
