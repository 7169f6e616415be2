//! Answers that are signed, and encrypted for the service alone: ID tokens, userinfo, introspection (RFC 7516, RFC 9701, OpenID
//! Connect Core section 5.3.2).

use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::request_objects::signed_claims;
use crate::support::browser::Answer;
use crate::support::doors::{connected, text, tokens};
use crate::support::recipient::Recipient;
use crate::support::{Service, World};

pub const INTROSPECTION: &str = "application/token-introspection+jwt";

/// Asks about a token, wanting a signed answer.
pub async fn introspect(world: &World, service: &Service, token: &str) -> Answer {
    let mut anybody = world.browser();
    let request = anybody.request(Method::POST, "/oauth2/introspect").header("authorization", service.basic());
    anybody.send(request.header("accept", INTROSPECTION).form(&[("token", token)])).await
}

fn kind(token: &str) -> Option<String> {
    jsonwebtoken::decode_header(token).unwrap().typ
}

both!(userinfo_may_be_signed, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration("userinfo_algorithm = \"RS256\"")).await;
    let mut renate = connected(&world, &[&parken]).await;
    let held = tokens(&world, &parken, &mut renate, &[]).await;
    let answer = parken.userinfo(&world, &text(&held, "access_token")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/jwt"));
    let told = signed_claims(&world, &answer.body).await;
    assert_eq!((&told["iss"], &told["aud"]), (&json!(world.config.issuer), &json!("parken")));
    assert_eq!((&told["given_name"], told["nonce"].is_null()), (&json!("Renate"), true));
    assert_eq!(told["sub"], crate::support::service::claims(&text(&held, "id_token"))["sub"]);
    assert_eq!(jsonwebtoken::decode_header(&answer.body).unwrap().alg, jsonwebtoken::Algorithm::RS256);
    // It is no ID token, and opens nothing.
    let hinted = renate.get(&parken.request(&[("id_token_hint", &answer.body)])).await;
    assert_eq!(hinted.parameter("error").as_deref(), Some("invalid_request"));
    assert_eq!(parken.userinfo(&world, &answer.body).await.status, 401);
});

both!(an_answer_about_a_token_may_be_signed, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration("")).await;
    let mut renate = connected(&world, &[&parken]).await;
    let held = tokens(&world, &parken, &mut renate, &[]).await;
    for (token, active) in [(text(&held, "access_token"), true), ("falsch".to_owned(), false)] {
        let answer = introspect(&world, &parken, &token).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, INTROSPECTION));
        assert_eq!(kind(&answer.body).as_deref(), Some("token-introspection+jwt"));
        let told = signed_claims(&world, &answer.body).await;
        assert_eq!((&told["iss"], &told["aud"]), (&json!(world.config.issuer), &json!("parken")));
        assert_eq!(told["token_introspection"]["active"], active);
        assert_eq!(told["token_introspection"].as_object().unwrap().len() > 1, active, "of a dead one nothing is said");
        assert!(told.get("sub").is_none() && told.get("exp").is_none(), "RFC 9701 section 5");
    }
    let plain = parken.ask(&world, "/oauth2/introspect", &[("token", "falsch")]).await;
    assert_eq!(plain.json(), json!({ "active": false }));
});

both!(what_is_encrypted_only_the_service_reads, async |world| {
    for algorithm in ["ECDH-ES", "RSA-OAEP-256"] {
        for content in ["A128GCM", "A256GCM"] {
            let (parken, recipient) = (Service::new("parken"), Recipient::new(algorithm));
            let all = "[\"id_token\", \"userinfo\", \"introspection\"]";
            world.clients(&parken.declaration(&recipient.declaration(content, all))).await;
            let mut renate = world.browser();
            let name = format!("{}-{}@example.org", algorithm.to_lowercase(), content.to_lowercase());
            renate.register(&world, &name, ["Renate", "Muster"]).await;
            let held = tokens(&world, &parken, &mut renate, &[]).await;
            let access = text(&held, "access_token");
            let info = parken.userinfo(&world, &access).await;
            assert_eq!(info.header("content-type"), "application/jwt");
            let about = introspect(&world, &parken, &access).await;
            let read = async |token: &str| -> Value {
                let (header, inner) = recipient.open(token);
                let named = ["alg", "enc", "cty", "kid"].map(|member| header[member].as_str().unwrap_or_default());
                assert_eq!(named, [algorithm, content, "JWT", "enc"]);
                assert_eq!(header.get("epk").is_some(), algorithm == "ECDH-ES");
                signed_claims(&world, &inner).await
            };
            let id = read(&text(&held, "id_token")).await;
            assert_eq!((&id["aud"], &id["nonce"]), (&json!("parken"), &json!("nonce-1")));
            assert_eq!(read(&info.body).await["given_name"], "Renate");
            assert_eq!(read(&about.body).await["token_introspection"]["active"], true);
            // Each has a key of its own.
            let again = text(&tokens(&world, &parken, &mut renate, &[]).await, "id_token");
            let part = |token: &str, number: usize| token.split('.').nth(number).unwrap_or_default().to_owned();
            let place = usize::from(algorithm != "ECDH-ES");
            assert_ne!(part(&again, place), part(&text(&held, "id_token"), place));
        }
    }
});
