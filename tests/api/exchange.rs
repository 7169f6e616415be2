//! Token exchange (RFC 8693): an API calls another one for the person, and says so. Attack row E12.

use serde_json::{Value, json};

use crate::both;
use crate::support::browser::Answer;
use crate::support::doors::{connected, refusal, text};
use crate::support::service::claims;
use crate::support::{Browser, Service, World};

const FRONT: &str = "https://api.example/";
const BACK: &str = "https://register.example/";
const LAST: &str = "https://archiv.example/";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A service, the API it calls, the API behind that, and the one behind that.
async fn chain(world: &World) -> [Service; 4] {
    let services = ["parken", "api", "register", "archiv"].map(Service::new);
    let [parken, api, register, archiv] = &services;
    let file = [
        parken.declaration(&format!("resource = \"{FRONT}\"")),
        api.declaration(&format!("resource_server = \"{FRONT}\"\nexchange = [\"{BACK}\"]")),
        register.declaration(&format!("resource_server = \"{BACK}\"\nexchange = [\"{LAST}\"]")),
        archiv.declaration(&format!("resource_server = \"{LAST}\"")),
    ];
    world.clients(&file.concat()).await;
    services
}

/// A token that the service calls the API with.
async fn called(world: &World, parken: &Service, renate: &mut Browser) -> Value {
    let resource = ("resource", FRONT);
    let code = parken.code(renate, &[resource]).await;
    parken.redeem_at(&world.browser(), &code, &[resource]).await.json()
}

async fn exchange(world: &World, service: &Service, token: &str, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![("grant_type", GRANT), ("subject_token", token), ("subject_token_type", ACCESS_TOKEN)];
    form.push(("resource", if service.id == "api" { BACK } else { LAST }));
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    service.ask(world, "/oauth2/token", &form).await
}

async fn asks(world: &World, service: &Service, token: &str) -> Value {
    service.ask(world, "/oauth2/introspect", &[("token", token)]).await.json()
}

both!(an_api_acts_for_the_person_and_says_so, async |world| {
    let [parken, api, register, archiv] = chain(&world).await;
    let mut renate = connected(&world, &[&parken]).await;
    let held = text(&called(&world, &parken, &mut renate).await, "access_token");
    world.pass(std::time::Duration::from_secs(60));
    let answer = exchange(&world, &api, &held, &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.body);
    let answer = answer.json();
    assert_eq!((&answer["issued_token_type"], &answer["token_type"]), (&json!(ACCESS_TOKEN), &json!("Bearer")));
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    let (before, after) = (claims(&held), claims(&text(&answer, "access_token")));
    assert_eq!((&after["aud"], &after["act"]), (&json!(BACK), &json!({ "sub": "api" })));
    assert_eq!(
        (&after["sub"], &after["scope"], &after["client_id"]),
        (&before["sub"], &before["scope"], &json!("api"))
    );
    assert_eq!(after["exp"], before["exp"], "it ends with the one it came of");
    // One further, for less.
    let second = text(&answer, "access_token");
    let third = exchange(&world, &register, &second, &[("scope", "openid email")]).await.json();
    let third = text(&third, "access_token");
    assert_eq!(claims(&third)["act"], json!({ "sub": "register", "act": { "sub": "api" } }));
    assert_eq!(claims(&third)["scope"], "openid email");
    let known = asks(&world, &archiv, &third).await;
    assert_eq!((&known["active"], &known["act"]["act"]["sub"]), (&json!(true), &json!("api")));
    assert_eq!(asks(&world, &parken, &third).await, json!({ "active": false }), "the first learns nothing of it");
    assert_eq!(asks(&world, &register, &second).await["active"], true);
    assert_eq!(parken.userinfo(&world, &second).await.status, 401, "it opens what it is meant for");
    let page = renate.get("/daten/protokoll").await;
    assert!(page.body.contains("hat einen anderen Dienst mit Ihren Daten beauftragt"), "its person reads it");
    // What it came of has ended, and so has it.
    parken.ask(&world, "/oauth2/revoke", &[("token", &held)]).await;
    for (service, token) in [(&register, &second), (&archiv, &third)] {
        assert_eq!(asks(&world, service, token).await, json!({ "active": false }));
    }
    assert_eq!(refusal(&exchange(&world, &api, &held, &[]).await), (400, "invalid_request".to_owned()));
});

both!(sec_e12_exchange_is_delegation_and_never_more, async |world| {
    let [parken, api, register, archiv] = chain(&world).await;
    let mut renate = connected(&world, &[&parken]).await;
    let tokens = called(&world, &parken, &mut renate).await;
    let held = text(&tokens, "access_token");
    let id = text(&tokens, "id_token");
    let code = parken.code(&mut renate, &[]).await;
    let ours = text(&parken.redeem(&world, &code).await.json(), "access_token");
    for (changes, code) in [
        (vec![("subject_token", "")], "invalid_request"),
        (vec![("subject_token", "a.b.c")], "invalid_request"),
        (vec![("subject_token", &*id)], "invalid_request"),
        (vec![("subject_token", &*ours)], "invalid_request"),
        (vec![("subject_token_type", "")], "invalid_request"),
        (vec![("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")], "invalid_request"),
        (vec![("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")], "invalid_request"),
        (vec![("actor_token", &*held), ("actor_token_type", ACCESS_TOKEN)], "invalid_request"),
        (vec![("resource", "")], "invalid_target"),
        (vec![("resource", LAST)], "invalid_target"),
        (vec![("resource", FRONT)], "invalid_target"),
        (vec![("audience", "register")], "invalid_target"),
        (vec![("scope", "openid profile email address")], "invalid_scope"),
        (vec![("scope", " ")], "invalid_scope"),
    ] {
        assert_eq!(refusal(&exchange(&world, &api, &held, &changes).await), (400, code.to_owned()), "{changes:?}");
    }
    // Whoever was not called, and whoever may not.
    assert_eq!(refusal(&exchange(&world, &register, &held, &[]).await), (400, "invalid_request".to_owned()));
    for service in [&parken, &archiv] {
        assert_eq!(refusal(&exchange(&world, service, &held, &[]).await), (400, "unauthorized_client".to_owned()));
    }
    assert!(world.texts("SELECT kind FROM audit_event WHERE kind = 'token.exchanged'").await.is_empty());
    // Four that act through each other are too many: the chain ends somewhere even where it goes round.
    let round = ["eins", "zwei"].map(Service::new);
    let [one, two] = &round;
    let file = [
        parken.declaration("resource = \"https://eins.example/\""),
        one.declaration("resource_server = \"https://eins.example/\"\nexchange = [\"https://zwei.example/\"]"),
        two.declaration("resource_server = \"https://zwei.example/\"\nexchange = [\"https://eins.example/\"]"),
    ];
    world.clients(&file.concat()).await;
    let resource = ("resource", "https://eins.example/");
    let code = parken.code(&mut renate, &[resource]).await;
    let mut token = text(&parken.redeem_at(&world.browser(), &code, &[resource]).await.json(), "access_token");
    for number in 0..4 {
        let (service, next) =
            if number % 2 == 0 { (one, "https://zwei.example/") } else { (two, "https://eins.example/") };
        let answer = exchange(&world, service, &token, &[("resource", next)]).await;
        assert_eq!(answer.status, if number < 3 { 200 } else { 400 }, "{number}: {}", answer.body);
        if number < 3 {
            token = text(&answer.json(), "access_token");
        }
    }
    // The person ends the connection.
    renate.get("/dienste/parken/beenden").await;
    renate.post("/dienste/parken/beenden", &[("antwort", "ja")]).await;
    let answer = exchange(&world, one, &token, &[("resource", "https://zwei.example/")]).await;
    assert_eq!(refusal(&answer), (400, "invalid_request".to_owned()));
});
