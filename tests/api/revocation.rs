//! Introspection and revocation: what a client learns about its tokens, and what it may do to them. Rows M01, M05, X.

use serde_json::Value;

use crate::both;
use crate::support::browser::Answer;
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, Service, World};

async fn access_token(world: &World, browser: &mut Browser, service: &Service) -> String {
    let code = service.code(browser, &[]).await;
    service.redeem(world, &code).await.json()["access_token"].as_str().unwrap().to_owned()
}

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

async fn ask(world: &World, path: &str, service: &Service, form: &[(&str, &str)]) -> Answer {
    let mut anybody = world.browser();
    let request = anybody.request(reqwest::Method::POST, path).form(form);
    anybody.send(request.header("authorization", service.basic())).await
}

async fn introspect(world: &World, service: &Service, token: &str) -> Value {
    let answer = ask(world, "/oauth2/introspect", service, &[("token", token)]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    answer.json()
}

both!(a_client_asks_about_its_token, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = renate(&world).await;
    let token = access_token(&world, &mut renate, &parken).await;
    let commits = world.app.db.commits();
    let found = introspect(&world, &parken, &token).await;
    assert_eq!(world.app.db.commits(), commits, "asking writes nothing");
    assert_eq!((found["active"].as_bool(), found["client_id"].as_str()), (Some(true), Some("parken")));
    assert_eq!(found["scope"], "openid profile email");
    assert_eq!(found["exp"].as_i64().unwrap() - found["iat"].as_i64().unwrap(), 300);
    renate.post("/abmelden", &[]).await;
    assert_eq!(introspect(&world, &parken, &token).await, serde_json::json!({ "active": false }), "signed out");
});

both!(sec_m05_of_another_clients_token_nothing_is_said_or_done, async |world| {
    let [parken, bibliothek] = two_services(&world).await;
    let mut renate = renate(&world).await;
    let token = access_token(&world, &mut renate, &parken).await;
    let nothing = serde_json::json!({ "active": false });
    for strange in [token.as_str(), "x", "a.b.c", &token[1..], &format!("{token}x"), &"x".repeat(10_000)] {
        assert_eq!(introspect(&world, &bibliothek, strange).await, nothing);
        let answer = ask(&world, "/oauth2/revoke", &bibliothek, &[("token", strange)]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "RFC 7009 section 2.2");
    }
    assert_eq!(parken.userinfo(&world, &token).await.status, 200, "and it still counts");
    for path in ["/oauth2/introspect", "/oauth2/revoke"] {
        let mut anybody = world.browser();
        let request = anybody.request(reqwest::Method::POST, path).form(&[("token", token.as_str())]);
        let answer = anybody.send(request).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")), "{path}");
        let answer = ask(&world, path, &parken, &[]).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request")), "{path}");
        let answer = ask(&world, &format!("{path}?token={token}"), &parken, &[("token", &token)]).await;
        assert_eq!(answer.status, 400, "{path}: nothing stands in the URL");
    }
});

both!(sec_m01_what_is_revoked_counts_nowhere, async |world| {
    let [parken, bibliothek] = two_services(&world).await;
    let node = world.second_node().await;
    let mut renate = renate(&world).await;
    let token = access_token(&world, &mut renate, &parken).await;
    let other = access_token(&world, &mut renate, &bibliothek).await;
    let hint = [("token", token.as_str()), ("token_type_hint", "refresh_token")];
    assert_eq!(ask(&world, "/oauth2/revoke", &parken, &hint).await.status, 200, "a wrong hint does not matter");
    assert_eq!(parken.userinfo(&world, &token).await.status, 401);
    let mut elsewhere = world.browser().at(node.running.address);
    let request = elsewhere.request(reqwest::Method::GET, "/oauth2/userinfo");
    let answer = elsewhere.send(request.header("authorization", format!("Bearer {token}"))).await;
    assert_eq!(answer.status, 401, "on the other node as well");
    assert_eq!(introspect(&world, &parken, &token).await, serde_json::json!({ "active": false }));
    assert_eq!(bibliothek.userinfo(&world, &other).await.status, 200, "another grant is another matter");
    assert_eq!(renate.get("/konto").await.status, 200, "and the person stays signed in");
    assert_eq!(ask(&world, "/oauth2/revoke", &parken, &hint).await.status, 200, "twice is once");
    assert_eq!(world.texts("SELECT kind FROM audit_event WHERE kind = 'grant.revoked'").await.len(), 1);
    node.running.abort().await;
});

both!(the_metadata_stand_in_both_places, async |world| {
    let mut anybody = world.browser();
    let openid = anybody.get("/.well-known/openid-configuration").await;
    let oauth = anybody.get("/.well-known/oauth-authorization-server").await;
    assert_eq!((oauth.status, oauth.json()), (200, openid.json()), "RFC 8414 section 3");
});
