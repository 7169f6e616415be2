//! Access tokens that only we can read, APIs that ask about them, and subjects that services share.

use serde_json::{Value, json};

use crate::both;
use crate::support::service::claims;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

const API: &str = "https://api.example/";

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

async fn asks(world: &World, service: &Service, token: &str) -> Value {
    service.ask(world, "/oauth2/introspect", &[("token", token)]).await.json()
}

both!(sec_m01_m02_an_opaque_token_is_read_by_us_alone, async |world| {
    let [parken, api, other] = ["parken", "api", "andere"].map(Service::new);
    let opaque = format!("access_token_format = \"opaque\"\nresource = \"{API}\"\nown_scopes = [\"parken.lesen\"]");
    let file = format!(
        "{}{}{}",
        parken.offline_declaration(&opaque),
        api.declaration(&format!("resource_server = \"{API}\"")),
        other.declaration("resource_server = \"https://other.example/\"")
    );
    world.clients(&file).await;
    let mut renate = renate(&world).await;

    let code = parken.code(&mut renate, &[("scope", "openid email offline_access")]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    assert!(!token.contains('.') && token.len() > 100, "{token}");
    assert_eq!(parken.userinfo(&world, token).await.json()["email"], EMAIL);
    assert_eq!(asks(&world, &parken, token).await["active"], true);
    assert_eq!(asks(&world, &api, token).await, json!({ "active": false }), "it is meant for us");

    let resource = ("resource", API);
    let code = parken.code(&mut renate, &[("scope", "openid email offline_access"), resource]).await;
    let refresh = parken.redeem_at(&world.browser(), &code, &[resource]).await.json();
    let refresh = refresh["refresh_token"].as_str().unwrap().to_owned();
    let tokens = parken.refresh(&world, &refresh).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let known = asks(&world, &api, token).await;
    assert_eq!((&known["active"], &known["aud"], &known["client_id"]), (&json!(true), &json!(API), &json!("parken")));
    assert_eq!(asks(&world, &other, token).await, json!({ "active": false }), "another API");
    assert_eq!(asks(&world, &api, &refresh).await, json!({ "active": false }), "an API holds no refresh token");
    assert_eq!(parken.userinfo(&world, token).await.status, 401, "meant for the API");

    let end = token.len() - 1;
    let flipped = if token.ends_with('A') { "B" } else { "A" };
    for strange in [&token[1..], &token[..end], &format!("{token}A"), &format!("{}{flipped}", &token[..end]), "", "é"]
    {
        let answer = parken.ask(&world, "/oauth2/introspect", &[("token", strange)]).await;
        assert!(answer.status == 400 || answer.json() == json!({ "active": false }), "{strange}");
    }
    let revoked = api.ask(&world, "/oauth2/revoke", &[("token", token)]).await;
    assert_eq!((revoked.status, asks(&world, &api, token).await["active"].as_bool()), (200, Some(true)), "sec_m05");
    parken.ask(&world, "/oauth2/revoke", &[("token", token)]).await;
    assert_eq!(asks(&world, &api, token).await, json!({ "active": false }), "revoked by whom it was given");

    let own = parken.ask(&world, "/oauth2/token", &[("grant_type", "client_credentials")]).await.json();
    let own = own["access_token"].as_str().unwrap();
    assert_eq!(asks(&world, &api, own).await["sub"], "parken");
    world.pass(std::time::Duration::from_secs(300));
    assert_eq!(asks(&world, &api, own).await, json!({ "active": false }), "five minutes");
});

both!(an_api_may_ask_about_signed_tokens_too, async |world| {
    let (parken, api) = (Service::new("parken"), Service::new("api"));
    let file = format!(
        "{}{}",
        parken.declaration(&format!("resource = \"{API}\"")),
        api.declaration(&format!("resource_server = \"{API}\""))
    );
    world.clients(&file).await;
    let mut renate = renate(&world).await;
    let code = parken.code(&mut renate, &[("resource", API)]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(asks(&world, &api, token).await["active"], true);
    renate.post("/abmelden", &[]).await;
    assert_eq!(asks(&world, &api, token).await, json!({ "active": false }), "the session has ended");
});

both!(services_share_a_subject_only_where_the_operator_says_so, async |world| {
    let services = ["eins", "zwei", "drei", "vier"].map(Service::new);
    let [one, two, three, four] = &services;
    let of_service = "authority_id = \"07315000\"\nservice_id = \"99006\"";
    let public = "subject_type = \"public\"";
    let file =
        [one.declaration(of_service), two.declaration(of_service), three.declaration(public), four.declaration(public)];
    world.clients(&file.concat()).await;
    let mut renate = renate(&world).await;
    let mut subjects = Vec::new();
    for service in &services {
        let code = service.code(&mut renate, &[]).await;
        let tokens = service.redeem(&world, &code).await.json();
        subjects.push(claims(tokens["id_token"].as_str().unwrap())["sub"].clone());
    }
    assert_eq!(subjects[0], subjects[1], "one service of one authority, whatever its hosts");
    assert_eq!(subjects[2], subjects[3], "public");
    assert_ne!(subjects[0], subjects[2]);
});
