//! Pushed authorization requests: deposited by the client, used once by one browser.

use nutzerkonto::kernel::level::Level;

use crate::both;
use crate::sender_constraint::Bound;
use crate::support::browser::Answer;
use crate::support::doors::connected;
use crate::support::service::vorgang;
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, Service, World};

async fn push(world: &World, service: &Service, changes: &[(&'static str, &str)]) -> Answer {
    let mut form = service.parameters();
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        form.push((name, (*value).to_owned()));
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    service.ask(world, "/oauth2/par", &form).await
}

async fn pushed(world: &World, service: &Service) -> String {
    let answer = push(world, service, &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, "no-store"));
    assert_eq!(answer.json()["expires_in"], 60);
    answer.json()["request_uri"].as_str().unwrap().to_owned()
}

fn reference(client: &str, uri: &str, more: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client)
        .append_pair("request_uri", uri)
        .finish();
    format!("/oauth2/authorize?{query}{more}")
}

async fn renate(world: &World, service: &Service) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    service.code(&mut renate, &[]).await;
    renate
}

fn assert_page(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.location()), (400, ""), "{what}");
    assert!(answer.body.contains("Fehlercode: invalid_request_uri"), "{what}");
}

both!(a_request_is_deposited_and_used_once, async |world| {
    let [parken, bibliothek] = two_services(&world).await;
    let mut renate = renate(&world, &parken).await;
    let uri = pushed(&world, &parken).await;
    assert_page(&renate.get(&reference("bibliothek", &uri, "")).await, "another client's");
    let back =
        renate.get(&reference("parken", &uri, "&state=anderer&scope=x&redirect_uri=https://evil.example/")).await;
    assert_eq!(back.parameter("state").as_deref(), Some("zustand-1"), "only what was deposited counts");
    assert!(back.location().starts_with("https://parken.example/cb?code="), "{}", back.location());
    assert_eq!(parken.redeem(&world, &back.parameter("code").unwrap()).await.status, 200);
    assert_page(&renate.get(&reference("parken", &uri, "")).await, "used");
    let uri = pushed(&world, &parken).await;
    world.pass(std::time::Duration::from_secs(60));
    assert_page(&renate.get(&reference("parken", &uri, "")).await, "a minute later");
    for strange in ["urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:x"] {
        assert_page(&renate.get(&reference("parken", strange, "")).await, strange);
    }
    let uri = pushed(&world, &bibliothek).await;
    let page = renate.visit(&reference("bibliothek", &uri, "")).await;
    assert!(page.body.contains("Dienst bibliothek"), "whoever has to do something first does it: {}", page.heading());
});

both!(sec_a12_what_is_deposited_passes_the_same_checks, async |world| {
    let [parken, _] = two_services(&world).await;
    for (change, code) in [
        (("redirect_uri", "https://evil.example/cb"), "invalid_request"),
        (("redirect_uri", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "profile"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("prompt", "none login"), "invalid_request"),
        (("request", "a.b.c"), "invalid_request_object"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
    ] {
        let answer = push(&world, &parken, &[change]).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(code)), "{change:?}");
    }
    let twice = parken.ask(&world, "/oauth2/par", &[("state", "a"), ("state", "b")]).await;
    assert_eq!((twice.status, twice.json()["error"].as_str()), (400, Some("invalid_request")));
    for form in [vec![("client_id", "parken")], vec![("client_id", "parken"), ("client_secret", "falsch")], vec![]] {
        let answer = world.browser().post_exactly("/oauth2/par", &form).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")), "sec_e09 {form:?}");
    }
    assert_eq!(world.rows("pushed_request").await, 0);
});

both!(a_client_may_be_held_to_it, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration("require_pushed_authorization_requests = true")).await;
    let mut renate = world.browser();
    let back = renate.get(&parken.request(&[])).await;
    assert_eq!(back.parameter("error").as_deref(), Some("invalid_request"));
    assert_eq!(back.parameter("state").as_deref(), Some("zustand-1"));
    let uri = pushed(&world, &parken).await;
    assert_eq!(renate.get(&reference("parken", &uri, "")).await.status, 303);
});

both!(sec_i02_a_deposited_request_is_answered_once, async |world| {
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = connected(&world, &[]).await;
    let pushed = bound.push(&world, &[], None).await;
    let uri = bound.reference(pushed.json()["request_uri"].as_str().unwrap());
    // Twice on the page that asks, and once answered.
    let first = renate.visit(&uri).await;
    let second = renate.visit(&uri).await;
    assert_eq!((first.status, second.status), (200, 200));
    let path = |page: &Answer| format!("/einwilligung?vorgang={}", vorgang(page));
    assert_ne!(path(&first), path(&second));
    let answer = renate.post(&path(&second), &[("antwort", "ja")]).await;
    assert!(renate.follow(answer).await.parameter("code").is_some());
    let answer = renate.post(&path(&first), &[("antwort", "ja")]).await;
    assert!(renate.follow(answer).await.parameter("code").is_none(), "the other went with it");
    let again = renate.visit(&uri).await;
    assert!(again.body.contains("Fehlercode: invalid_request_uri"), "{}", again.heading());
    // Nobody has to do anything any more: sixteen at once, one code.
    let pushed = bound.push(&world, &[], None).await;
    let uri = bound.reference(pushed.json()["request_uri"].as_str().unwrap());
    let tries = (0..16).map(|_| {
        let (mut browser, uri) = (renate.clone(), uri.clone());
        async move { browser.get(&uri).await.parameter("code").is_some() }
    });
    let codes = futures_util::future::join_all(tries).await;
    assert_eq!(codes.into_iter().filter(|is_code| *is_code).count(), 1);
});

both!(sec_i07_who_must_deposit_asks_in_no_other_way, async |world| {
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = connected(&world, &[]).await;
    let back = renate.get(&bound.service().request(&[])).await;
    assert_eq!(back.parameter("error").as_deref(), Some("invalid_request"));
    assert_eq!(back.parameter("code"), None);
});

both!(sec_i07_from_a_level_on_every_request_is_deposited, async |world| {
    let need = "level = \"low\"\nlevel_reason = { de = \"Steuer\", en = \"Tax\" }";
    let (steuer, parken) = (Service::new("steuer"), Service::new("parken"));
    world.clients(&format!("{}{}", steuer.declaration(need), parken.declaration(""))).await;
    let node = world.node_with(|config| config.requests.pushed_from = Some(Level::Low)).await;
    let mut renate = world.browser().at(node.running.address);
    let refused = renate.get(&steuer.request(&[])).await;
    assert_eq!(refused.parameter("error").as_deref(), Some("invalid_request"));
    let more = r#"{"id_token":{"acr":{"essential":true,"value":"substantial"}}}"#;
    let refused = renate.get(&parken.request(&[("claims", more)])).await;
    assert_eq!(refused.parameter("error").as_deref(), Some("invalid_request"), "the level of this request");
    assert!(renate.get(&parken.request(&[])).await.location().starts_with("/anmelden"));
    let uri = pushed(&world, &steuer).await;
    assert!(renate.get(&reference("steuer", &uri, "")).await.location().starts_with("/anmelden"));
});
