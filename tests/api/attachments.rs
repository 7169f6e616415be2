//! Files that come with notices: sent, taken by a notice, fetched, and gone with it.

use std::time::Duration;

use nutzerkonto::data::objects;
use nutzerkonto::kernel::chunks::SEALED_CHUNK;
use nutzerkonto::kernel::secret::{hex, sha256};
use nutzerkonto::kernel::time::{days, hours};
use nutzerkonto::store::retention;
use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::support::attachment::{NAME, enclosing, pdf};
use crate::support::authority::{Authority, MESSAGES, decision};
use crate::support::browser::{Answer, PASSWORD};
use crate::support::doors::connected;
use crate::support::service::claims;
use crate::support::{Browser, World};

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// What a receipt has to say of a decision with these files, computed as an authority does it.
fn hash(notice: &Value, files: &[(&str, &[u8])]) -> String {
    let describe = |(name, bytes): &(&str, &[u8])| {
        let digest = hex(&sha256(bytes));
        format!(r#"{{"bytes":{},"name":"{name}","sha256":"{digest}","type":"application/pdf"}}"#, bytes.len())
    };
    let files: Vec<String> = files.iter().map(describe).collect();
    let files = if files.is_empty() { String::new() } else { format!(r#""attachments":[{}],"#, files.join(",")) };
    let short = &notice["short"];
    let delivered = format!(
        r#"{{{files}"by_when":{},"reference":{},"subject":{},"text":{},"to_do":{},"what":{}}}"#,
        short["by_when"], notice["reference"], notice["subject"], notice["text"], short["to_do"], short["what"]
    );
    hex(&sha256(delivered.as_bytes()))
}

/// Whatever is doomed goes.
async fn sweep(world: &World) {
    objects::tend(&world.app).await.unwrap();
}

/// A locked notice says how many files there are, an open one which, and each comes as it was sent.
async fn opens_and_fetches(renate: &mut Browser, (message, path): (&str, &str), (bytes, digest): (&[u8], &str)) {
    let page = format!("/postfach/{message}");
    let locked = renate.get(&page).await.body;
    assert!(locked.contains("Anlagen: 1.") && !locked.contains("Wohngeld.pdf"), "{locked}");
    assert_eq!(renate.fetches(path).await.0, 404, "nobody has opened it");
    renate.does_with(message, "oeffnen").await;
    let text = renate.get(&format!("{page}/text")).await.body;
    for words in [
        format!("href=\"{path}\" download><bdi>{NAME}</bdi></a>"),
        "PDF-Dokument, 300 kB. Niemand hat hier geprüft, ob die Datei schadet.".to_owned(),
        "ein qualifiziertes elektronisches Siegel von Stadt Musterhausen.</p>".to_owned(),
        "Elektronisches Siegel oder Unterschrift, hier geprüft: keins.</p>".to_owned(),
        format!("<code>{digest}</code>"),
    ] {
        assert!(text.contains(&words), "{words}: {text}");
    }
    let (code, headers, fetched) = renate.fetches(path).await;
    assert!(code == 200 && fetched == *bytes, "{code} {headers:?}");
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-length", "300000"),
        (
            "content-disposition",
            "attachment; filename=\"Bescheid _ber Wohngeld.pdf\"; filename*=UTF-8''Bescheid%20%C3%BCber%20Wohngeld.pdf",
        ),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
        ),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
}

both!(renate_fetches_the_file_that_came_with_a_decision, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let bytes = pdf(300_000);
    let sent = authority.sends(&world, (&subject, NAME), bytes.clone()).await;
    assert_eq!(sent.status, 201, "{sent:?}");
    let said = sent.json();
    let digest = hex(&sha256(&bytes));
    assert_eq!(
        said,
        json!({
            "id": id(&sent), "name": NAME, "type": "application/pdf", "bytes": 300_000, "sha256": digest, "scan": "none",
            "judged": { "state": "none", "judged_at": "2026-11-23T10:02:00+01:00", "seals": [] },
            "expires_at": "2026-11-24T10:02:00+01:00",
        })
    );
    let mut notice = enclosing(&subject, &[&id(&sent)]);
    notice["attachments"][0]["seal"] = json!({ "kind": "qualified", "by": "Stadt Musterhausen" });
    let provided = authority.provides(&world, "1", &notice).await;
    assert_eq!(provided.status, 201, "{provided:?}");
    let receipt = claims(provided.json()["receipt"].as_str().unwrap());
    assert_eq!(receipt["content_sha256"], hash(&notice, &[(NAME, &bytes)]).as_str());
    let again = authority.provides(&world, "1", &notice).await;
    assert_eq!((again.status, &again.json()["attachments"]), (200, &provided.json()["attachments"]));
    let (at, token) = (world.browser(), authority.token(&world).await);
    let status = authority.calls(&at, &token, (Method::GET, provided.location()), None).await.json();
    assert_eq!(
        (&status["attachments"][0]["sha256"], &status["attachments"][0]["seal"]["kind"]),
        (&json!(digest), &json!("qualified"))
    );

    let path = format!("/postfach/{}/anlagen/{}", id(&provided), id(&sent));
    opens_and_fetches(&mut renate, (&id(&provided), &path), (&bytes, &digest)).await;
    assert_eq!(world.recorded("postbox.opened").await, 1);
    let key = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &key).await;
    let copy: Value = serde_json::from_str(&file(&archive, "postfach.json")).unwrap();
    let expected = json!([{ "name": NAME, "type": "application/pdf", "bytes": 300_000, "sha256": digest }]);
    assert_eq!(copy[0]["attachments"], expected);
    // What a name tells, nobody reads in the database.
    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains("Wohngeld.pdf") && !dump.contains(&digest));
});

both!(without_files_the_hash_is_what_it_was, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let mut notice = decision(&authority.knows(&world, &mut renate).await);
    let receipt = |answer: &Answer| claims(answer.json()["receipt"].as_str().unwrap());
    let plain = authority.provides(&world, "1", &notice).await;
    assert_eq!(receipt(&plain)["content_sha256"], hash(&notice, &[]).as_str());
    notice["attachments"] = json!([]);
    let empty = authority.provides(&world, "2", &notice).await;
    assert_eq!(receipt(&empty)["content_sha256"], hash(&notice, &[]).as_str());
    assert_eq!(empty.json()["attachments"], json!([]));
    assert!(!renate.get(&format!("/postfach/{}", id(&empty))).await.body.contains("Anlagen"));
});

both!(several_files_keep_their_order, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let names = ["b.pdf", "a.pdf", "c.pdf"];
    let (mut ids, mut files) = (Vec::new(), Vec::new());
    for (number, name) in names.iter().enumerate() {
        files.push(pdf(200 + number));
        ids.push(id(&authority.sends(&world, (&subject, name), files[number].clone()).await));
    }
    let order = [2, 0, 1];
    let notice = enclosing(&subject, &order.map(|place| ids[place].as_str()));
    let item = json!({ "idempotency_key": "1", "message": notice });
    let token = authority.token(&world).await;
    let send = async |is_dry: bool| {
        let body = json!({ "dry_run": is_dry, "messages": [item] });
        let answer =
            authority.calls(&world.browser(), &token, (Method::POST, "/api/postbox/v1/batches"), Some(&body)).await;
        answer.json()["results"][0].clone()
    };
    assert_eq!(send(true).await["status"], 200);
    assert_eq!(world.rows("postbox_message").await, 0, "only looked");
    let result = send(false).await;
    assert_eq!(result["status"], 201, "{result}");
    let enclosed: Vec<&str> =
        result["message"]["attachments"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(enclosed, ["c.pdf", "b.pdf", "a.pdf"]);
    let receipt = claims(result["message"]["receipt"].as_str().unwrap());
    let expected = order.map(|place| (names[place], files[place].as_slice()));
    assert_eq!(receipt["content_sha256"], hash(&notice, &expected).as_str());
    // A second notice does not get them, and neither would a trial.
    let other = json!({ "dry_run": true, "messages": [{ "idempotency_key": "2", "message": enclosing(&subject, &[&ids[0]]) }] });
    let looked =
        authority.calls(&world.browser(), &token, (Method::POST, "/api/postbox/v1/batches"), Some(&other)).await;
    assert_eq!(looked.json()["results"][0]["status"], 422);
    let message = result["message"]["id"].as_str().unwrap();
    renate.does_with(message, "oeffnen").await;
    let text = renate.get(&format!("/postfach/{message}/text")).await.body;
    let places = ["c.pdf", "b.pdf", "a.pdf"].map(|name| text.find(name).unwrap());
    assert!(places.is_sorted(), "{text}");
});

both!(a_restart_in_between_loses_nothing, async |mut world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let sent = authority.has_sent(&world, &subject).await;
    world.restart(|_| {}).await;
    let provided = authority.provides(&world, "1", &enclosing(&subject, &[&sent])).await;
    assert_eq!(provided.status, 201, "{provided:?}");
    let message = id(&provided);
    world.restart(|_| {}).await;
    renate = renate.at(world.address());
    renate.does_with(&message, "oeffnen").await;
    let (status, _, bytes) = renate.fetches(&format!("/postfach/{message}/anlagen/{sent}")).await;
    assert!(status == 200 && bytes == pdf(1000), "{status}");
});

both!(sec_u10_of_many_notices_that_want_one_file_one_gets_it, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let (one, two) = (authority.has_sent(&world, &subject).await, authority.has_sent(&world, &subject).await);
    let node = world.second_node().await;
    let token = authority.token(&world).await;
    let nodes = [world.browser(), world.browser().at(node.running.address)];
    let notices = [enclosing(&subject, &[&one, &two]), enclosing(&subject, &[&two, &one])];
    let keys: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    let (authority, notices, nodes, token) = (&authority, &notices, &nodes, &token);
    let tries = keys.iter().enumerate().map(|(number, key)| async move {
        authority.provides_at(&nodes[number % 2], token, key, &notices[number / 2 % 2]).await
    });
    let answers = futures_util::future::join_all(tries).await;
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(won, 1, "{answers:?}");
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((lost.status, &lost.json()["fields"][0]["problem"]), (422, &json!("attachment")), "{lost:?}");
    }
    assert_eq!((world.rows("postbox_message").await, world.rows("postbox_request").await), (1, 1));
    node.running.stop().await;
});

both!(what_no_notice_takes_is_gone_after_a_day, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let (early, late) = (authority.has_sent(&world, &subject).await, authority.has_sent(&world, &subject).await);
    world.pass(hours(24) - Duration::from_millis(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(authority.provides(&world, "1", &enclosing(&subject, &[&early])).await.status, 201, "in time");
    world.pass(Duration::from_millis(1));
    let refused = authority.provides(&world, "2", &enclosing(&subject, &[&late])).await;
    assert_eq!((refused.status, &refused.json()["fields"][0]["field"]), (422, &json!("attachments[0]")));
    world.pass(Duration::from_millis(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    sweep(&world).await;
    assert_eq!((world.rows("postbox_attachment").await, world.files().len()), (1, 1), "what a notice has stays");
    world.pass(days(3));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    sweep(&world).await;
    assert_eq!((world.rows("postbox_attachment").await, world.files().len()), (1, 1));
    assert_eq!(world.rows("postbox_upload").await, 0, "counted for a day");
});

both!(with_the_notice_go_its_files, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let mut notices = Vec::new();
    for key in ["1", "2"] {
        let sent = authority.has_sent(&world, &subject).await;
        let mut notice = enclosing(&subject, &[&sent]);
        (notice["kind"], notice["legal_basis"], notice["remedy"]) = (json!("information"), json!("NONE"), Value::Null);
        notices.push((id(&authority.provides(&world, key, &notice).await), sent));
    }
    let (message, sent) = &notices[0];
    renate.does_with(message, "oeffnen").await;
    renate.does_with(message, "loeschen").await;
    let clean = async || {
        retention::run(&world.app.db, world.app.now()).await.unwrap();
        sweep(&world).await;
    };
    world.pass(days(30));
    clean().await;
    assert_eq!((world.rows("postbox_attachment").await, world.files().len()), (2, 2), "it can be restored");
    world.pass(Duration::from_millis(1));
    clean().await;
    assert_eq!((world.rows("postbox_attachment").await, world.files().len()), (1, 1));
    renate.sign_in("renate@example.org", PASSWORD).await;
    assert_eq!(renate.fetches(&format!("/postfach/{message}/anlagen/{sent}")).await.0, 410);
    let token = authority.token(&world).await;
    let status = authority.calls(&world.browser(), &token, (Method::GET, &format!("{MESSAGES}/{message}")), None).await;
    assert_eq!((status.status, &status.json()["attachments"]), (200, &json!([])));
    // One that no notice has is there, too, when she leaves.
    authority.has_sent(&world, &subject).await;
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    sweep(&world).await;
    assert_eq!((world.rows("postbox_attachment").await, world.files().len()), (0, 0));
    let status =
        authority.calls(&world.browser(), &token, (Method::GET, &format!("{MESSAGES}/{}", notices[1].0)), None).await;
    assert_eq!(status.status, 200, "{status:?}");
});

both!(a_long_file_is_never_in_memory_as_a_whole, async |mut world| {
    let memory = world.keep_files_in_memory().await;
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let bytes = pdf(20 * 1024 * 1024);
    let sent = authority.sends(&world, (&subject, NAME), bytes.clone()).await;
    assert_eq!((sent.status, &sent.json()["bytes"]), (201, &json!(bytes.len())), "{sent:?}");
    assert!(memory.look(|memory| memory.longest) <= 6 * SEALED_CHUNK, "a quarter of a megabyte at a time");
    let message = id(&authority.provides(&world, "1", &enclosing(&subject, &[&id(&sent)])).await);
    renate.does_with(&message, "oeffnen").await;
    let (status, _, fetched) = renate.fetches(&format!("/postfach/{message}/anlagen/{}", id(&sent))).await;
    assert!(status == 200 && fetched == bytes, "{status}");
});

both!(sec_v07_a_file_that_somebody_has_changed_is_refused_before_its_first_byte, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let sent = id(&authority.sends(&world, (&subject, NAME), pdf(200_000)).await);
    let message = id(&authority.provides(&world, "1", &enclosing(&subject, &[&sent])).await);
    renate.does_with(&message, "oeffnen").await;
    let path = format!("/postfach/{message}/anlagen/{sent}");
    assert_eq!(renate.fetches(&path).await.0, 200);
    let stored = world.object_directory().join(&world.files()[0]);
    let mut bytes = std::fs::read(&stored).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&stored, bytes).unwrap();
    for _ in 0..2 {
        let (status, headers, body) = renate.fetches(&path).await;
        let page = String::from_utf8(body).unwrap();
        assert_eq!((status, &headers["content-type"]), (500, &"text/html; charset=utf-8".parse().unwrap()));
        assert!(!headers.contains_key("content-disposition") && page.contains("<h1"), "{page}");
    }
    assert_eq!(
        renate.get(&format!("/postfach/{message}/text")).await.status,
        200,
        "what it says is there all the same"
    );
});
