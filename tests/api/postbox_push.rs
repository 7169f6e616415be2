//! An authority's program is told of what happens to its notices, without asking.

use std::time::Duration;

use nutzerkonto::client::ClientFile;
use nutzerkonto::kernel::time::minutes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::security_assertion::Signer;
use crate::support::World;
use crate::support::authority::{Authority, POSTBOX, decision};
use crate::support::browser::Browser;
use crate::support::doors::connected;
use crate::support::ear::Ear;

fn postbox(uri: &str) -> String {
    POSTBOX.replace("\"RP\" }", &format!("\"RP\", events_uri = \"{uri}\" }}"))
}

/// The city's office, which wants to be told there, and somebody who is connected with one of its services.
async fn listening(world: &mut World, ear: &Ear) -> (Authority, Browser, String) {
    world.restart(|config| config.outbound.allowed_hosts = vec!["localhost".to_owned()]).await;
    let uri = format!("http://localhost:{}/ereignisse", ear.port);
    let authority = Authority::opens_with(world, &postbox(&uri), "sector = \"stadt\"").await;
    let mut renate = connected(world, &[]).await;
    let subject = authority.knows(world, &mut renate).await;
    (authority, renate, subject)
}

/// What a request says, its signature checked with the published keys: the kind of the event, and the claims.
async fn event(world: &World, request: &str) -> (String, Value) {
    let (head, token) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /ereignisse HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/secevent+jwt"), "{head}");
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("secevent+jwt"));
    let keys: jsonwebtoken::jwk::JwkSet =
        serde_json::from_value(world.browser().get("/oauth2/jwks").await.json()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(keys.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
    let claims = nutzerkonto::kernel::keys::verify_signature::<Value>(token, &key, jsonwebtoken::Algorithm::ES256);
    let claims = claims.unwrap();
    let events = claims["events"].as_object().unwrap();
    assert_eq!(events.len(), 1, "{claims}");
    let kind = events.keys().next().unwrap();
    let prefix = format!("{}/api/postbox/v1/events/", claims["iss"].as_str().unwrap());
    (kind.strip_prefix(&prefix).unwrap().to_owned(), claims)
}

async fn kinds(world: &World, heard: &[String]) -> Vec<String> {
    let mut kinds = Vec::new();
    for request in heard {
        kinds.push(event(world, request).await.0);
    }
    kinds.sort();
    kinds
}

/// Waits until the queue has nothing left that tells, but what was given up.
async fn done(world: &World) {
    let waiting = "SELECT id FROM outbox WHERE kind = 'postbox.tell' AND given_up_at IS NULL";
    for _ in 0..200 {
        if world.texts(waiting).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is told for ever");
}

both!(a_program_is_told_what_happens, async |mut world| {
    let ear = Ear::open(&[]).await;
    let (authority, mut renate, subject) = listening(&mut world, &ear).await;
    let answer = authority.provides(&world, "bescheid-1", &decision(&subject)).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let heard = ear.heard(2).await;
    assert_eq!(kinds(&world, &heard).await, ["notified", "provided"]);
    renate.get(&format!("/postfach/{id}")).await;
    assert_eq!(renate.post(&format!("/postfach/{id}/oeffnen"), &[]).await.status, 303);
    let (kind, claims) = event(&world, ear.heard(3).await.last().unwrap()).await;
    assert_eq!(
        (kind.as_str(), &claims["aud"], &claims["iat"]),
        ("opened", &json!("amt"), &json!(world.app.now().seconds()))
    );
    assert!(claims["jti"].as_str().unwrap().starts_with("mev_"), "{claims}");
    let said = claims["events"].as_object().unwrap().values().next().unwrap();
    assert_eq!(
        said,
        &json!({ "message": id, "at": "2026-11-23T10:02:00+01:00" }),
        "and nothing about whoever has opened it"
    );
    done(&world).await;
    assert_eq!(authority.told(&world).await, Vec::<String>::new(), "what it has it need not fetch");
    world.pass(minutes(10));
    ear.heard(3).await;
});

both!(a_program_that_does_not_answer_is_told_again_and_loses_nothing, async |mut world| {
    let ear = Ear::open(&["503 Busy", "302 Found\r\nlocation: /anders"]).await;
    let (authority, _, subject) = listening(&mut world, &ear).await;
    assert_eq!(authority.provides(&world, "bescheid-1", &decision(&subject)).await.status, 201);
    ear.heard(2).await;
    assert_eq!(authority.told(&world).await, ["provided", "notified"], "nothing is taken by having been sent");
    // Another program of the same process goes on where the first one stopped.
    world.restart(|_| {}).await;
    world.pass(minutes(10));
    let heard = ear.heard(4).await;
    assert_eq!(kinds(&world, &heard[2..]).await, ["notified", "provided"]);
    assert_eq!(kinds(&world, &heard[..2]).await, ["notified", "provided"]);
    done(&world).await;
    assert!(authority.told(&world).await.is_empty());
});

both!(what_a_program_cannot_take_waits_to_be_fetched, async |mut world| {
    let ear = Ear::open(&["400 Bad Request", "400 Bad Request"]).await;
    let (authority, _, subject) = listening(&mut world, &ear).await;
    assert_eq!(authority.provides(&world, "bescheid-1", &decision(&subject)).await.status, 201);
    ear.heard(2).await;
    done(&world).await;
    let given_up = world.texts("SELECT failure FROM outbox WHERE given_up_at IS NOT NULL").await;
    assert_eq!(given_up, ["the program answered 400"; 2]);
    world.pass(minutes(10));
    ear.heard(2).await;
    assert_eq!(authority.told(&world).await, ["provided", "notified"]);
});

both!(what_was_fetched_is_not_sent, async |mut world| {
    let ear = Ear::open(&["503 Busy", "503 Busy"]).await;
    let (authority, _, subject) = listening(&mut world, &ear).await;
    assert_eq!(authority.provides(&world, "bescheid-1", &decision(&subject)).await.status, 201);
    ear.heard(2).await;
    let token = authority.token(&world).await;
    let browser = world.browser();
    let events = authority.calls(&browser, &token, (Method::GET, "/api/postbox/v1/events"), None).await.json();
    let ids: Vec<&Value> = events["events"].as_array().unwrap().iter().map(|event| &event["id"]).collect();
    let taken = json!({ "ids": ids });
    let answer = authority.calls(&browser, &token, (Method::POST, "/api/postbox/v1/events/taken"), Some(&taken)).await;
    assert_eq!(answer.json(), json!({ "taken": 2 }));
    world.pass(minutes(10));
    done(&world).await;
    ear.heard(2).await;
});

both!(several_nodes_tell_once, async |mut world| {
    let ear = Ear::open(&[]).await;
    let (authority, _, subject) = listening(&mut world, &ear).await;
    let nodes = [world.second_node().await, world.second_node().await];
    for number in 0..5 {
        assert_eq!(authority.provides(&world, &format!("bescheid-{number}"), &decision(&subject)).await.status, 201);
    }
    let heard = ear.heard(10).await;
    let mut ids = Vec::new();
    for request in &heard {
        ids.push(event(&world, request).await.1["jti"].as_str().unwrap().to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10, "each once");
    for node in nodes {
        node.running.abort().await;
    }
});

both!(a_private_address_is_told_nothing, async |mut world| {
    let ear = Ear::open(&[]).await;
    let (authority, _, subject) = listening(&mut world, &ear).await;
    world.restart(|config| config.outbound.allowed_hosts.clear()).await;
    assert_eq!(authority.provides(&world, "bescheid-1", &decision(&subject)).await.status, 201);
    for _ in 0..100 {
        if world.texts("SELECT kind FROM outbox WHERE failure IS NOT NULL").await == ["postbox.tell"; 2] {
            ear.heard(0).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the refusal is not seen in the queue");
});

#[test]
fn an_address_that_may_not_be_called_is_refused() {
    for uri in ["http://amt.example/ereignisse", "https://10.0.0.1/ereignisse", "ereignisse", "https://amt.example/#x"]
    {
        let file = Signer::new("amt").declaration(&postbox(uri));
        let refused = ClientFile::parse(&file, false).unwrap_err().to_string();
        assert!(refused.contains("postbox"), "{uri}: {refused}");
    }
}
