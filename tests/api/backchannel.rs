//! Back-channel logout: whoever knew a session is told when it has ended, however it ended. Rows K05, L03, L04.

use std::time::Duration;

use serde_json::{Value, json};

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::ear::Ear;
use crate::support::service::claims;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};
use nutzerkonto::kernel::keys::Purpose;
use nutzerkonto::kernel::time::minutes;

/// The claims of the logout token in a request, its signature verified with the published keys.
async fn logout_token(world: &World, request: &str) -> Value {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /ende HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/x-www-form-urlencoded"), "{head}");
    let token = body.strip_prefix("logout_token=").unwrap();
    assert!(!token.contains(['&', '%']), "one parameter and nothing else: {body}");
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let keys: jsonwebtoken::jwk::JwkSet =
        serde_json::from_value(world.browser().get("/oauth2/jwks").await.json()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(keys.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
    let verified = nutzerkonto::kernel::keys::verify_signature::<Value>(token, &key, jsonwebtoken::Algorithm::ES256);
    assert!(world.app.keys.current().verify::<Value>(Purpose::IdToken, token).is_none(), "sec_g06: it is no ID token");
    verified.unwrap()
}

pub async fn sign_in(world: &World, browser: &mut Browser, service: &Service) -> Value {
    let code = service.code(browser, &[]).await;
    claims(service.redeem(world, &code).await.json()["id_token"].as_str().unwrap())
}

pub async fn renate(world: &mut World, file: &str) -> Browser {
    world.restart(|config| config.outbound.allowed_hosts = vec!["localhost".to_owned()]).await;
    world.clients(file).await;
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

both!(a_service_is_told_that_somebody_has_signed_out, async |mut world| {
    let (parken, bibliothek, silent) = (Service::new("parken"), Service::new("bibliothek"), Service::new("still"));
    let (ear, other) = (Ear::open(&[]).await, Ear::open(&[]).await);
    let file = [ear.declaration(&parken), other.declaration(&bibliothek), silent.declaration("")].concat();
    let mut renate = renate(&mut world, &file).await;
    let id = sign_in(&world, &mut renate, &parken).await;
    sign_in(&world, &mut renate, &parken).await;
    let second = sign_in(&world, &mut renate, &bibliothek).await;
    assert_eq!(sign_in(&world, &mut renate, &silent).await.get("sid"), None, "who is never told needs no number");
    assert_ne!(id["sid"], second["sid"], "two services cannot compare sessions");
    renate.get("/konto").await;
    renate.post("/abmelden", &[]).await;
    let told = logout_token(&world, &ear.heard(1).await[0]).await;
    for name in ["iss", "aud", "sub", "sid"] {
        assert_eq!(told[name], id[name], "{name}");
    }
    assert_eq!(told["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    assert_eq!(told["iat"], world.app.now().seconds());
    assert!(told["jti"].as_str().unwrap().len() >= 16 && told.get("nonce").is_none());
    assert_eq!(logout_token(&world, &other.heard(1).await[0]).await["sid"], second["sid"]);
});

both!(sec_n08_however_a_session_ends_the_service_is_told, async |mut world| {
    let (parken, ear) = (Service::new("parken"), Ear::open(&[]).await);
    let mut renate = renate(&mut world, &ear.declaration(&parken)).await;
    let mut sids = Vec::new();
    let mut elsewhere = async |world: &World| {
        let mut browser = world.browser();
        browser.sign_in(EMAIL, PASSWORD).await;
        let id = sign_in(world, &mut browser, &parken).await;
        sids.push(id["sid"].clone());
        (browser, id)
    };
    let (mut at_work, id) = elsewhere(&world).await;
    let code = parken.code(&mut at_work, &[]).await;
    let hint = parken.redeem(&world, &code).await.json()["id_token"].as_str().unwrap().to_owned();
    at_work.get(&format!("/oauth2/logout?id_token_hint={hint}")).await;
    assert_eq!(logout_token(&world, &ear.heard(1).await[0]).await["sid"], id["sid"], "at the wish of a service");
    elsewhere(&world).await;
    renate.get("/sicherheit").await;
    renate.post("/sicherheit/sitzungen/andere-beenden", &[]).await;
    ear.heard(2).await;
    elsewhere(&world).await;
    renate.get("/sicherheit/passwort").await;
    renate.post("/sicherheit/passwort", &[("current", PASSWORD), ("password", PASSWORD)]).await;
    ear.heard(3).await;
    elsewhere(&world).await;
    elsewhere(&world).await;
    world.settle().await;
    world.mails.lock().unwrap().clear();
    let mut reset = world.browser();
    let code = reset.reset_code(&world, EMAIL).await;
    reset.post("/wieder-anmelden/code", &[("code", &code)]).await;
    reset.post("/wieder-anmelden/passwort", &[("password", "tisch-wolke-gondel-24")]).await;
    let heard = ear.heard(5).await;
    let mut told = Vec::new();
    for request in &heard {
        told.push(logout_token(&world, request).await["sid"].clone());
    }
    let sorted = |list: &[Value]| {
        let mut list: Vec<String> = list.iter().map(Value::to_string).collect();
        list.sort();
        list
    };
    assert_eq!(sorted(&told), sorted(&sids), "each once");
});

both!(sec_k05_a_service_that_does_not_answer_is_told_again, async |mut world| {
    let parken = Service::new("parken");
    let ear = Ear::open(&["503 Busy", "302 Found\r\nlocation: /anders", "200 OK", "400 Bad Request"]).await;
    let mut renate = renate(&mut world, &ear.declaration(&parken)).await;
    for (round, more) in [(0, 3), (3, 1)] {
        if round > 0 {
            renate.sign_in(EMAIL, PASSWORD).await;
        }
        sign_in(&world, &mut renate, &parken).await;
        renate.get("/konto").await;
        assert_eq!(renate.post("/abmelden", &[]).await.status, 303, "nobody waits for the service");
        for count in 1..=more {
            let heard = ear.heard(round + count).await;
            assert!(heard.last().unwrap().starts_with("POST /ende"), "no redirect is followed");
            world.pass(minutes(10));
        }
    }
    world.pass(minutes(10));
    ear.heard(4).await;
    let given_up = world.texts("SELECT failure FROM outbox WHERE given_up_at IS NOT NULL").await;
    assert_eq!(given_up, ["the service answered 400"], "who says that it cannot is not asked again");
});

both!(sec_l02_a_private_address_is_not_called, async |mut world| {
    let (parken, ear) = (Service::new("parken"), Ear::open(&[]).await);
    let mut renate = renate(&mut world, &ear.declaration(&parken)).await;
    world.restart(|config| config.outbound.allowed_hosts.clear()).await;
    sign_in(&world, &mut renate, &parken).await;
    renate.get("/konto").await;
    renate.post("/abmelden", &[]).await;
    ear.heard(0).await;
    for _ in 0..100 {
        if world.texts("SELECT kind FROM outbox WHERE failure IS NOT NULL").await == ["logout.tell"] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the refusal is not seen in the queue");
});
