//! Authorities provide notices: what they get for it, what lies in the postbox, and what they are told afterwards.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::support::World;
use crate::support::authority::{Authority, MESSAGES, POSTBOX, decision};
use crate::support::doors::connected;
use crate::support::service::claims;

/// The number in a counting answer of the database.
async fn rows(world: &World) -> [i64; 4] {
    [
        world.rows("postbox_message").await,
        world.rows("postbox_request").await,
        world.rows("postbox_event").await,
        world.rows("postbox_count").await,
    ]
}

both!(a_decision_lies_in_the_postbox_with_its_days_and_a_receipt, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    // 23 November 2026, 10:02, a Monday.
    let answer = authority.provides(&world, "bescheid-1", &decision(&subject)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let said = answer.json();
    assert_eq!(said["provided_at"], "2026-11-23T10:02:00+01:00");
    assert_eq!((&said["rule"], &said["announced_on"]), (&json!("OZG9/2025-01-01"), &json!("2026-11-27")));
    // A month later is a Sunday.
    assert_eq!((&said["period"], &said["objection_ends_on"]), (&json!("VWGO70/2025-01-01"), &json!("2026-12-28")));
    let id = said["id"].as_str().unwrap();
    assert_eq!(answer.location(), format!("{MESSAGES}/{id}"));
    let receipt = claims(said["receipt"].as_str().unwrap());
    assert_eq!((&receipt["sub"], &receipt["client_id"], &receipt["jti"]), (&json!(subject), &json!("amt"), &json!(id)));
    let mail = world.mail_about("renate@example.org", "Neue Nachricht in Ihrem Nutzerkonto").await;
    for word in ["Wohngeld", "4711", "Stadt"] {
        assert!(!mail.body.contains(word) && !mail.subject.contains(word), "{word} in {}", mail.body);
    }
    let token = authority.token(&world).await;
    let path = format!("{MESSAGES}/{id}");
    for _ in 0..100 {
        let now = authority.calls(&world.browser(), &token, (Method::GET, &path), None).await.json();
        if !now["notified_at"].is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(authority.told(&world).await, ["provided", "notified"]);
});

both!(sec_u10_a_request_that_comes_twice_provides_once, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    let token = authority.token(&world).await;
    let other = world.second_node().await;
    let nodes = [world.browser(), world.browser().at(other.running.address)];
    // At once, at two nodes.
    let tries = (0..8).map(|number| authority.provides_at(&nodes[number % 2], &token, "einmal", &notice));
    let answers = futures_util::future::join_all(tries).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 201, 503].contains(status)), "{statuses:?}");
    let id = |answer: &crate::support::browser::Answer| answer.json()["id"].clone();
    let first = answers.iter().find(|answer| answer.status == 201).map(id).unwrap();
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(id(answer), first);
    }
    assert_eq!(rows(&world).await[..2], [1, 1]);
    let mut another = notice.clone();
    another["subject"] = json!("Anderer Bescheid");
    let refused = authority.provides_at(&nodes[0], &token, "einmal", &another).await;
    assert_eq!((refused.status, &refused.json()["type"]), (409, &json!("postbox/key-used")));
    assert_eq!(rows(&world).await[..2], [1, 1]);
    let next = authority.provides_at(&nodes[0], &token, "zweimal", &another).await;
    assert_eq!(next.status, 201);
});

both!(what_is_wrong_is_told_at_its_field_and_changes_nothing, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    let token = authority.token(&world).await;
    let at = world.browser();
    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut wrong = notice.clone();
        change(&mut wrong);
        let answer = authority.provides_at(&at, &token, "falsch", &wrong).await;
        let said = answer.json();
        let field = said["fields"][0]["field"].as_str().unwrap_or_default().to_owned();
        (answer.status, field)
    };
    let cases: [(&str, Value, (u16, &str)); 14] = [
        ("subject", json!(""), (422, "subject")),
        ("subject", json!("x".repeat(201)), (422, "subject")),
        ("subject", json!("Bescheid \u{202E}dlegnhoW"), (422, "subject")),
        ("subject", json!("Bescheid\nCc: alle"), (422, "subject")),
        ("reference", json!("\u{0}"), (422, "reference")),
        ("text", json!("x".repeat(65_537)), (422, "text")),
        ("legal_basis", json!("NONE"), (422, "legal_basis")),
        ("kind", json!("information"), (422, "legal_basis")),
        ("due_on", json!("2026-11-22"), (422, "due_on")),
        ("due_on", json!("morgen"), (422, "due_on")),
        ("recipient", json!({ "subject": "niemand" }), (422, "recipient")),
        ("level", json!("gold"), (400, "")),
        // Who sends it, and when, is not theirs to say (sec_u02, sec_u07).
        ("sender", json!("Finanzamt"), (400, "")),
        ("provided_at", json!("2026-01-01T00:00:00Z"), (400, "")),
    ];
    for (member, value, expected) in cases {
        let (status, field) = refused(&|notice| notice[member] = value.clone()).await;
        assert_eq!((status, field.as_str()), expected, "{member}: {value}");
    }
    for key in ["", "mit leerzeichen", &"x".repeat(101)] {
        let answer = authority.provides_at(&at, &token, key, &notice).await;
        assert_eq!((answer.status, &answer.json()["fields"][0]["field"]), (422, &json!("Idempotency-Key")), "{key}");
    }
    let mut long = notice.clone();
    long["text"] = json!("x".repeat(600 * 1024));
    assert_eq!(authority.provides_at(&at, &token, "lang", &long).await.status, 413);
    assert_eq!(rows(&world).await, [0; 4]);
});

both!(sec_u02_only_an_authority_delivers_and_only_with_a_token_for_that, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    let persons = crate::support::doors::tokens(&world, &authority.service, &mut renate, &[]).await;
    let persons = persons["access_token"].as_str().unwrap();
    let nobody = world.browser().without_cookies().post_exactly(MESSAGES, &[]).await;
    assert_eq!((nobody.status, nobody.header("www-authenticate").is_empty()), (401, false));
    for token in ["", "unsinn", persons] {
        let answer = authority.provides_at(&world.browser(), token, "1", &notice).await;
        assert_eq!(answer.status, 401, "{token}: {answer:?}");
    }
    let token = authority.token(&world).await;
    // The operator takes the right away: a token from before opens nothing any more.
    let without = format!(
        "{}{}",
        authority.signer.declaration("sector = \"stadt\"\nown_scopes = [\"anderes\"]\n"),
        authority.service.declaration("sector = \"stadt\"")
    );
    world.clients(&without).await;
    let answer = authority.provides_at(&world.browser(), &token, "1", &notice).await;
    assert_eq!((answer.status, &answer.json()["type"]), (403, &json!("oauth/insufficient_scope")), "{answer:?}");
    assert_eq!(rows(&world).await, [0; 4]);
});

both!(sec_u01_an_authority_sees_its_own_notices_and_addresses_its_own_people, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let provided = authority.provides(&world, "1", &decision(&subject)).await.json();
    let path = format!("{MESSAGES}/{}", provided["id"].as_str().unwrap());
    // Another authority, of another sector, under another key.
    let other = POSTBOX.replace("stadt", "kreis");
    let kreis = Authority {
        signer: crate::security_assertion::Signer::new("kreis"),
        service: crate::support::Service::new("wohngeld"),
    };
    let file = [
        authority.signer.declaration(POSTBOX),
        kreis.signer.declaration(&other),
        authority.service.declaration("sector = \"stadt\""),
    ];
    world.clients(&file.concat()).await;
    let token = kreis.token(&world).await;
    let at = world.browser();
    let looked = kreis.calls(&at, &token, (Method::GET, &path), None).await;
    let unknown = format!("{MESSAGES}/msg_00000000000000000000000000");
    let nothing = kreis.calls(&at, &token, (Method::GET, &unknown), None).await;
    assert_eq!((looked.status, nothing.status), (404, 404));
    let addressed = kreis.provides_at(&at, &token, "1", &decision(&subject)).await;
    assert_eq!((addressed.status, &addressed.json()["type"]), (422, &json!("postbox/unknown-recipient")));
    assert!(kreis.told(&world).await.is_empty());
    assert_eq!(authority.told(&world).await[0], "provided");
});

both!(sec_u13_who_has_left_or_disconnected_gets_nothing, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    world.change("UPDATE account SET status = 'locked'").await;
    let locked = authority.provides(&world, "1", &notice).await;
    assert_eq!((locked.status, &locked.json()["type"]), (410, &json!("postbox/closed")), "{locked:?}");
    world.change("UPDATE account SET status = 'active'").await;
    let ended = renate.post("/dienste/wohngeld/beenden", &[]).await;
    assert_eq!(ended.status, 303, "{ended:?}");
    let gone = authority.provides(&world, "1", &notice).await;
    assert_eq!((gone.status, &gone.json()["type"]), (422, &json!("postbox/unknown-recipient")));
    assert_eq!(rows(&world).await, [0; 4]);
});

both!(sec_u16_an_authority_provides_as_many_a_day_as_the_operator_lets_it, async |world| {
    let few = POSTBOX.replace("\"RP\" }", "\"RP\", notices_per_day = 2 }");
    let authority = Authority::opens_with(&world, &few, "sector = \"stadt\"").await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    for key in ["1", "2"] {
        assert_eq!(authority.provides(&world, key, &notice).await.status, 201);
    }
    let third = authority.provides(&world, "3", &notice).await;
    assert_eq!((third.status, third.header("retry-after").is_empty()), (429, false));
    assert_eq!(authority.provides(&world, "2", &notice).await.status, 200, "what is there is told all the same");
    world.pass(Duration::from_secs(24 * 3600));
    assert_eq!(authority.provides(&world, "3", &notice).await.status, 201);
});

both!(a_batch_says_what_has_become_of_each, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let good = decision(&authority.knows(&world, &mut renate).await);
    let mut wrong = good.clone();
    wrong["subject"] = json!("");
    let item = |key: &str, message: &Value| json!({ "idempotency_key": key, "message": message });
    let token = authority.token(&world).await;
    let send = async |body: &Value| {
        let at = world.browser();
        authority.calls(&at, &token, (Method::POST, "/api/postbox/v1/batches"), Some(body)).await
    };
    let mut batch = json!({ "dry_run": true, "messages": [item("1", &good), item("2", &wrong), item("3", &good)] });
    let statuses = |answer: &Value| -> Vec<u64> {
        answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_u64().unwrap()).collect()
    };
    assert_eq!(statuses(&send(&batch).await.json()), [200, 422, 200]);
    assert_eq!(rows(&world).await, [0; 4], "a dry run writes nothing");
    batch["dry_run"] = json!(false);
    let answer = send(&batch).await.json();
    assert_eq!(statuses(&answer), [201, 422, 201]);
    assert_eq!(answer["results"][1]["problem"]["fields"][0]["field"], "subject");
    assert_eq!(statuses(&send(&batch).await.json()), [200, 422, 200]);
    assert_eq!(rows(&world).await[0], 2);
    let empty = send(&json!({ "messages": [] })).await;
    let many = json!({ "messages": vec![item("1", &good); 1001] });
    assert_eq!((empty.status, send(&many).await.status), (422, 422));
});

both!(events_are_told_until_they_are_taken, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    authority.provides(&world, "1", &decision(&subject)).await;
    let token = authority.token(&world).await;
    let at = world.browser();
    let path = "/api/postbox/v1/events";
    let events = authority.calls(&at, &token, (Method::GET, path), None).await.json();
    let first = events["events"][0].clone();
    assert_eq!(first["kind"], "provided");
    let take = json!({ "ids": [first["id"], "mev_00000000000000000000000000"] });
    let taken =
        async || authority.calls(&at, &token, (Method::POST, "/api/postbox/v1/events/taken"), Some(&take)).await;
    assert_eq!(taken().await.json()["taken"], 1);
    assert_eq!(taken().await.json()["taken"], 0);
    let left = authority.calls(&at, &token, (Method::GET, path), None).await.json();
    assert!(left["events"].as_array().unwrap().iter().all(|event| event["id"] != first["id"]));
});

both!(days_are_computed_for_any_moment, async |world| {
    let authority = Authority::opens(&world).await;
    let token = authority.token(&world).await;
    let compute = async |body: Value| {
        let at = world.browser();
        authority.calls(&at, &token, (Method::POST, "/api/postbox/v1/computations"), Some(&body)).await
    };
    let said =
        compute(json!({ "legal_basis": "OZG9", "remedy": "objection", "provided_at": "2026-11-02T07:03:11Z" })).await;
    assert_eq!(
        said.json(),
        json!({
            "rule": "OZG9/2025-01-01", "paragraph": "§ 9 Abs. 1 OZG", "announced_on": "2026-11-06", "offer_ends_on": null,
            "period": "VWGO70/2025-01-01", "objection_ends_on": "2026-12-07",
        })
    );
    let retrieval = compute(json!({
        "legal_basis": "VWVFG41_2A", "provided_at": "2026-11-02T12:00:00+01:00", "notified_at": "2026-11-02T12:00:01+01:00",
        "opened_at": "2026-11-12T23:59:00+01:00",
    }));
    let retrieval = retrieval.await.json();
    assert_eq!((&retrieval["announced_on"], &retrieval["offer_ends_on"]), (&json!("2026-11-13"), &json!("2026-11-12")));
    assert_eq!(compute(json!({ "legal_basis": "OZG8", "provided_at": "gestern" })).await.status, 400);
    assert_eq!(rows(&world).await, [0; 4]);
});

// A text that is no id of ours goes no further than to us: PostgreSQL would stumble over some.
both!(what_is_no_id_is_nothing, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let mut notice = decision(&authority.knows(&world, &mut renate).await);
    let token = authority.token(&world).await;
    let none = json!({ "ids": ["", "x", "\0", "mev_\0", "mev_00000000000000000000000000"] });
    let path = (Method::POST, "/api/postbox/v1/events/taken");
    let answer = authority.calls(&world.browser(), &token, path, Some(&none)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "taken": 0 })), "{answer:?}");
    for id in ["", "x", "\0", "att_\0"] {
        notice["attachments"] = json!([{ "id": id }]);
        assert_eq!(authority.provides(&world, "bescheid-1", &notice).await.status, 422, "{id:?}");
    }
    assert_eq!(rows(&world).await, [0; 4]);
});

#[test]
fn the_description_names_every_route_of_the_interface() {
    let described: Value = serde_json::from_str(include_str!("../../docs/postbox-api.json")).unwrap();
    let mut described: Vec<String> = described["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let table = nutzerkonto::routes::table(false);
    let mut routes: Vec<String> = table
        .iter()
        .filter(|row| row.path.starts_with("/api/postbox/"))
        .map(|row| format!("{} {}", row.method, row.path))
        .collect();
    described.sort();
    routes.sort();
    assert_eq!(described, routes);
}
