//! How long drafts, copies and what was sent stay.

use std::time::Duration;

use nutzerkonto::kernel::time::days;
use nutzerkonto::store::retention;
use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::postbox::renate;
use crate::support::World;
use crate::support::authority::{Authority, decision};
use crate::support::browser::PASSWORD;
use crate::support::doors::connected;
use crate::support::postbox::{decision as notice, information};
use crate::support::reply::{FILLED, asking, form, free, page};
use crate::support::surface::EMAIL;

async fn clean(world: &World) {
    retention::run(&world.app.db, world.app.now()).await.unwrap();
}

/// How many replies have that copy still.
async fn copies(world: &World, column: &str) -> usize {
    world.texts(&format!("SELECT id FROM postbox_reply WHERE {column} IS NOT NULL")).await.len()
}

both!(a_draft_is_kept_for_thirty_days, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &asking(world.person(EMAIL).await, form())).await;
    renate.does_with(&id, "oeffnen").await;
    renate.writes(&id, &FILLED[..1], "speichern").await;
    world.pass(days(30));
    clean(&world).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    assert!(renate.get(&page(&id)).await.body.contains("MZ-AB 12"), "30 days, exactly");
    world.pass(Duration::from_millis(1));
    let late = renate.get(&page(&id)).await.body;
    assert!(!late.contains("MZ-AB 12") && !renate.get("/postfach").await.body.contains("<b>Entwurf</b>"));
    clean(&world).await;
    assert_eq!(world.rows("postbox_draft").await, 0);
});

both!(what_was_sent_outlives_the_account, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let mut asked = decision(&authority.knows(&world, &mut renate).await);
    asked["reply"] = free();
    let id = authority.provides(&world, "1", &asked).await.json()["id"].as_str().unwrap().to_owned();
    renate.does_with(&id, "oeffnen").await;
    let reply = renate.answers(&id, "Das ist mir wichtig.").await;
    renate.writes(&id, &[("feld-1", "Ein Entwurf")], "speichern").await;
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert!(world.is_empty(&id).await);
    assert_eq!((copies(&world, "own_copy").await, world.rows("postbox_draft").await), (0, 0));
    // Months later nobody has taken it yet.
    world.pass(days(200));
    clean(&world).await;
    let (token, at) = (authority.token(&world).await, world.browser());
    let path = format!("/api/postbox/v1/replies/{reply}");
    let read = async || authority.calls(&at, &token, (Method::GET, &path), None).await;
    assert_eq!(read().await.json()["text"], "Das ist mir wichtig.");
    let events = authority.calls(&at, &token, (Method::GET, "/api/postbox/v1/events"), None).await.json();
    let events = events["events"].as_array().unwrap().clone();
    let kinds: Vec<&Value> = events.iter().map(|event| &event["kind"]).collect();
    assert!(kinds.contains(&&json!("replied")) && kinds.contains(&&json!("account_gone")), "{kinds:?}");
    let ids: Vec<&Value> = events.iter().map(|event| &event["id"]).collect();
    let take = json!({ "ids": ids });
    authority.calls(&at, &token, (Method::POST, "/api/postbox/v1/events/taken"), Some(&take)).await;
    assert_eq!(read().await.status, 200, "it may read again");
    world.pass(days(90));
    clean(&world).await;
    assert_eq!(copies(&world, "for_authority").await, 1, "90 days, exactly");
    world.pass(Duration::from_millis(1));
    clean(&world).await;
    let token = authority.token(&world).await;
    assert_eq!(authority.calls(&at, &token, (Method::GET, &path), None).await.status, 410);
    let list = format!("/api/postbox/v1/messages/{id}/replies");
    let left = authority.calls(&at, &token, (Method::GET, &list), None).await.json();
    let left = &left["replies"][0];
    assert_eq!((&left["id"], &left["mode"], &left["text"]), (&json!(reply), &Value::Null, &Value::Null));
});

both!(what_the_authority_has_had_stays_with_renate, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &asking(world.person(EMAIL).await, free())).await;
    renate.does_with(&id, "oeffnen").await;
    let reply = renate.answers(&id, "Meine Antwort").await;
    let at = world.app.now().milliseconds() - 90 * 86_400_000 - 1;
    world.change(&format!("UPDATE postbox_reply SET taken_at = {at}")).await;
    clean(&world).await;
    assert_eq!((copies(&world, "own_copy").await, copies(&world, "for_authority").await), (1, 0));
    assert!(renate.get(&format!("{}/{reply}", page(&id))).await.body.contains("Meine Antwort"));
    // Until she deletes the notice for good.
    renate.writes(&id, &[("feld-1", "Noch etwas")], "speichern").await;
    renate.does_with(&id, "loeschen").await;
    world.pass(days(29));
    clean(&world).await;
    assert_eq!(copies(&world, "own_copy").await, 1);
    renate.sign_in(EMAIL, PASSWORD).await;
    world.pass(days(2));
    world.change(&format!("UPDATE postbox_draft SET saved_at = {}", world.app.now().milliseconds())).await;
    clean(&world).await;
    assert!(world.is_empty(&id).await);
    assert_eq!((copies(&world, "own_copy").await, world.rows("postbox_draft").await), (0, 0));
    renate.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(renate.get(&format!("{}/{reply}", page(&id))).await.status, 410);
});

both!(a_copy_of_ones_data_has_replies_and_drafts, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    let id = world.provides("parken", &asking(renates.clone(), form())).await;
    world.provides("parken", &asking(renates.clone(), free())).await;
    world.provides("parken", &information(renates.clone(), "Info")).await;
    world.provides("parken", &notice(renates)).await;
    renate.does_with(&id, "oeffnen").await;
    renate.writes(&id, &FILLED, "pruefen").await;
    let reply = renate.checks(&id).await;
    renate.sends(&id, &reply).await;
    renate.writes(&id, &[("feld-1", "MZ-XY 99")], "speichern").await;
    let key = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &key).await;
    let notices: Vec<Value> = serde_json::from_str(&file(&archive, "postfach.json")).unwrap();
    let one = notices.iter().find(|one| one["id"] == id.as_str()).unwrap();
    assert_eq!((&one["replies"][0]["id"], &one["replies"][0]["fields"]["antrieb"]), (&json!(reply), &json!("Strom")));
    assert_eq!((&one["replies"][0]["written_by_you"], &one["draft"]["typed"][0]), (&json!(true), &json!("MZ-XY 99")));
    for other in notices.iter().filter(|one| one["id"] != id.as_str()) {
        assert_eq!((&other["replies"], &other["draft"]), (&json!([]), &Value::Null));
    }
    // What stands there is what the receipt names.
    let kept: nutzerkonto::postbox::reply::receipt::Kept = serde_json::from_value(one["replies"][0].clone()).unwrap();
    assert_eq!(json!(kept.content_sha256()), one["replies"][0]["content_sha256"]);
});
