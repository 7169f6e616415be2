//! Signed requests and signed responses (RFC 9101, JARM, FAPI 2.0 Message Signing): attack row I06, and what the official suite
//! asserts of request objects.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use nutzerkonto::client::ClientFile;
use nutzerkonto::kernel::keys::verify_signature;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::both;
use crate::security_assertion::Signer;
use crate::sender_constraint::{Bound, PAR, TOKEN};
use crate::support::browser::Answer;
use crate::support::doors::connected;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

/// A request object as a well-behaved client makes it.
pub fn claims(world: &World, service: &Service, changes: &[(&'static str, &str)]) -> Value {
    let now = world.app.now().seconds();
    let mut claims = json!({ "iss": service.id, "aud": world.config.issuer, "nbf": now, "exp": now + 60 });
    for (name, value) in service.parameters() {
        claims[name] = json!(value);
    }
    for (name, value) in changes {
        claims[*name] = json!(value);
    }
    claims
}

pub fn object(client: &Signer, claims: &Value) -> String {
    let header = json!({ "alg": "ES256", "kid": "eins", "typ": "oauth-authz-req+jwt" });
    client.jwt(&header.to_string(), &claims.to_string())
}

fn with(service: &Service, name: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", &service.id).append_pair(name, value);
    format!("/oauth2/authorize?{}", query.finish())
}

pub fn by_value(service: &Service, object: &str) -> String {
    with(service, "request", object)
}

pub fn by_reference(service: &Service, uri: &str) -> String {
    with(service, "request_uri", uri)
}

/// The client's server, where it puts its requests.
pub struct Shelf {
    port: u16,
    text: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Shelf {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shelf = Self { port, text: Arc::default(), asked: Arc::default() };
        let (text, asked) = (Arc::clone(&shelf.text), Arc::clone(&shelf.asked));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                asked.fetch_add(1, Ordering::SeqCst);
                let mut buffer = [0; 4096];
                drop(stream.read(&mut buffer).await);
                let body = text.lock().unwrap().clone();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
            }
        });
        shelf
    }

    pub fn uri(&self, name: &str) -> String {
        format!("http://localhost:{}/{name}", self.port)
    }

    pub fn put(&self, text: &str) {
        text.clone_into(&mut self.text.lock().unwrap());
    }
}

async fn push(bound: &Bound, world: &World, form: &[(&str, &str)]) -> Answer {
    bound.ask(world, PAR, form, None).await
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

/// What a token of ours says.
pub async fn signed_claims(world: &World, token: &str) -> Value {
    let keys: JwkSet = serde_json::from_value(world.browser().get("/oauth2/jwks").await.json()).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
    verify_signature::<Value>(token, &key, header.alg).unwrap()
}

/// What a signed response says, if it is one of ours for this client.
pub async fn opened(world: &World, service: &Service, response: &str) -> Value {
    let claims = signed_claims(world, response).await;
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.config.issuer), &json!(service.id)));
    let now = world.app.now().seconds();
    assert!((now + 1..=now + 600).contains(&claims["exp"].as_i64().unwrap()));
    claims
}

both!(a_signed_request_is_all_that_counts, async |world| {
    let bound = Bound::new(&world, "fapi2-message-signing").await;
    let service = &bound.client.service;
    let mut renate: Browser = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let inner = claims(&world, service, &[("state", "innen"), ("response_mode", "jwt")]);
    let outside =
        [("request", &*object(&bound.client, &inner)), ("state", "außen"), ("scope", "openid"), ("nonce", "außen")];
    let pushed = push(&bound, &world, &outside).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let page = renate.visit(&bound.reference(pushed.json()["request_uri"].as_str().unwrap())).await;
    let path = format!("/einwilligung?vorgang={}", crate::support::service::vorgang(&page));
    let answer = renate.post(&path, &[("antwort", "ja")]).await;
    let back = renate.follow(answer).await;
    let names: Vec<String> =
        url::Url::parse(back.location()).unwrap().query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["response"], "nothing stands there in the open");
    let response = opened(&world, service, &back.parameter("response").unwrap()).await;
    assert_eq!(response["state"], "innen");
    let proof = bound.proof(&world, TOKEN, &bound.nonce(&world).await);
    let tokens = bound.redeem(&world, response["code"].as_str().unwrap(), Some(&proof)).await;
    assert_eq!((tokens.status, &tokens.json()["scope"]), (200, &json!("openid profile email")), "{}", tokens.body);
    let id = crate::support::service::claims(tokens.json()["id_token"].as_str().unwrap());
    assert_eq!(id["nonce"], "nonce-1", "the one inside");
    // State that is outside only does not come back (suite: state-only-outside-request-object-not-used).
    let mut stateless = claims(&world, service, &[]);
    stateless.as_object_mut().unwrap().remove("state");
    let pushed = push(&bound, &world, &[("request", &object(&bound.client, &stateless)), ("state", "außen")]).await;
    let back = renate.visit(&bound.reference(pushed.json()["request_uri"].as_str().unwrap())).await;
    assert_eq!((back.parameter("state"), back.parameter("code").is_some()), (None, true));
});

both!(sec_i06_a_request_object_is_judged_before_it_counts, async |world| {
    let bound = Bound::new(&world, "fapi2-message-signing").await;
    let (service, client) = (&bound.client.service, &bound.client);
    let now = world.app.now().seconds();
    let without = |name: &str| {
        let mut claims = claims(&world, service, &[]);
        claims.as_object_mut().unwrap().remove(name);
        object(client, &claims)
    };
    let with = |name: &str, value: Value| {
        let mut claims = claims(&world, service, &[]);
        claims[name] = value;
        object(client, &claims)
    };
    let good = claims(&world, service, &[]);
    let headed = |header: Value| client.jwt(&header.to_string(), &good.to_string());
    let stranger = Signer::new("parken");
    for (what, object) in [
        ("ensure-request-object-without-exp-fails", without("exp")),
        ("ensure-request-object-without-nbf-fails", without("nbf")),
        ("ensure-expired-request-object-fails", with("exp", json!(now - 60))),
        ("ensure-request-object-with-bad-aud-fails", with("aud", json!("https://evil.example"))),
        ("no aud", without("aud")),
        ("ensure-request-object-with-exp-over-60-fails", with("exp", json!(now + 70 * 60))),
        ("ensure-request-object-with-nbf-over-60-fails", with("nbf", json!(now - 70 * 60))),
        ("from the future", with("nbf", json!(now + 120))),
        ("exp is no number", with("exp", json!("morgen"))),
        ("ensure-signed-request-object-with-RS256-fails", headed(json!({ "alg": "RS256", "kid": "eins" }))),
        ("ensure-request-object-signature-algorithm-is-not-none", headed(json!({ "alg": "none" }))),
        ("a shared secret", headed(json!({ "alg": "HS256", "kid": "eins" }))),
        ("another typ", headed(json!({ "alg": "ES256", "kid": "eins", "typ": "dpop+jwt" }))),
        ("another key", headed(json!({ "alg": "ES256", "kid": "zwei" }))),
        ("critical", headed(json!({ "alg": "ES256", "kid": "eins", "crit": ["x"] }))),
        ("ensure-request-object-with-invalid-signature-fails", object(client, &good) + "AAAA"),
        ("ensure-matching-key-in-authorization-request", object(&stranger, &good)),
        ("iss is another", with("iss", json!("bibliothek"))),
        ("no iss", without("iss")),
        ("client_id is another", with("client_id", json!("bibliothek"))),
        ("par-authorization-request-containing-request_uri", with("request_uri", json!("urn:x"))),
        ("nested", with("request", json!("a.b.c"))),
        ("malformed", "a.b.c".to_owned()),
        ("too long", format!("{}.AAAA", "a".repeat(17_000))),
    ] {
        let answer = push(&bound, &world, &[("request", &object)]).await;
        assert_eq!(error(&answer), (400, "invalid_request_object".to_owned()), "{what}");
    }
    let form: Vec<_> = service.parameters();
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let unsigned = push(&bound, &world, &form).await;
    assert_eq!(error(&unsigned), (400, "invalid_request".to_owned()), "ensure-unsigned-request-at-par-endpoint-fails");
    assert_eq!(world.rows("pushed_request").await, 0);
});

both!(what_a_request_object_says_is_checked_as_any_request, async |world| {
    let bound = Bound::new(&world, "fapi2-message-signing").await;
    let (service, client) = (&bound.client.service, &bound.client);
    let now = world.app.now().seconds();
    let with = |name: &str, value: Value| {
        let mut claims = claims(&world, service, &[]);
        claims[name] = value;
        object(client, &claims)
    };
    for (change, code) in [
        (("redirect_uri", "https://evil.example/cb"), "invalid_request"),
        (("response_type", "code id_token"), "unsupported_response_type"),
        (("scope", "profile"), "invalid_scope"),
        (("code_challenge_method", "plain"), "invalid_request"),
    ] {
        let answer = push(&bound, &world, &[("request", &object(client, &claims(&world, service, &[change])))]).await;
        assert_eq!(error(&answer), (400, code.to_owned()), "{change:?}");
    }
    assert_eq!(world.rows("pushed_request").await, 0);
    for (what, object) in [
        (
            "ensure-request-object-with-multiple-aud-succeeds",
            with("aud", json!(["https://x.example", world.config.issuer])),
        ),
        ("ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted", with("nbf", json!(now + 8))),
        ("numbers that are numbers", with("max_age", json!(600))),
        ("claims that are JSON", with("claims", json!({ "userinfo": { "email": null } }))),
        ("unknown members", with("color", json!({ "red": true }))),
    ] {
        let answer = push(&bound, &world, &[("request", &object)]).await;
        assert_eq!(answer.status, 201, "{what}: {}", answer.body);
    }
});

both!(a_request_may_be_signed_without_being_deposited, async |world| {
    let parken = Signer::new("parken");
    world.clients(&[parken.declaration(""), Service::new("bibliothek").declaration("")].concat()).await;
    let service = &parken.service;
    let mut renate = connected(&world, &[service]).await;
    let mut plain = claims(&world, service, &[("state", "innen")]);
    for name in ["exp", "nbf"] {
        plain.as_object_mut().unwrap().remove(name);
    }
    let uri = by_value(service, &object(&parken, &plain));
    let back = renate.visit(&format!("{uri}&state=au%C3%9Fen&redirect_uri=https%3A%2F%2Fevil.example")).await;
    assert_eq!(back.parameter("state").as_deref(), Some("innen"));
    assert!(back.location().starts_with("https://parken.example/cb?code="), "{}", back.location());
    let broken = by_value(service, "a.b.c");
    // Nobody but the person learns of it: whose address would be believed?
    let page = renate.get(&format!("{broken}&redirect_uri=https%3A%2F%2Fparken.example%2Fcb")).await;
    assert_eq!((page.status, page.location()), (400, ""));
    assert!(page.body.contains("Fehlercode: invalid_request_object"), "{}", page.heading());
    // A client without a key signs nothing.
    let other = Service::new("bibliothek");
    let page = renate.get(&by_value(&other, &object(&parken, &claims(&world, &other, &[])))).await;
    assert!(page.body.contains("Fehlercode: invalid_request_object"), "{}", page.heading());
});

both!(a_response_may_be_signed_in_every_mode, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration("id_token_algorithm = \"PS256\"")).await;
    let mut renate = connected(&world, &[&parken]).await;
    for mode in ["jwt", "query.jwt", "form_post.jwt"] {
        let back = renate.get(&parken.request(&[("response_mode", mode)])).await;
        let is_form = mode == "form_post.jwt";
        let response = if is_form { back.hidden("response") } else { back.parameter("response").unwrap() };
        assert_eq!((back.status, back.hidden("code").is_empty()), (if is_form { 200 } else { 303 }, true), "{mode}");
        let told = opened(&world, &parken, &response).await;
        let names: Vec<&String> = told.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            ["aud", "code", "exp", "iss", "state"],
            "sec_a13 {mode}: nothing that opens anything by itself"
        );
        assert_eq!(told["state"], "zustand-1");
        assert_eq!(jsonwebtoken::decode_header(&response).unwrap().alg, jsonwebtoken::Algorithm::PS256);
        let refused = renate.get(&parken.request(&[("response_mode", mode), ("scope", "x")])).await;
        let response = if is_form { refused.hidden("response") } else { refused.parameter("response").unwrap() };
        let told = opened(&world, &parken, &response).await;
        assert_eq!((told["error"].as_str(), told["code"].is_null()), (Some("invalid_scope"), true), "{mode}");
        // It is no ID token, whoever sends it back.
        let hinted = renate.get(&parken.request(&[("id_token_hint", &response)])).await;
        assert_eq!(hinted.parameter("error").as_deref(), Some("invalid_request"), "{mode}");
    }
});

both!(sec_i05_only_a_registered_address_is_called, async |mut world| {
    world.restart(|config| config.outbound.allowed_hosts = vec!["localhost".to_owned()]).await;
    let (parken, shelf) = (Signer::new("parken"), Shelf::open().await);
    let service = &parken.service;
    let registered = format!("{}#a-hash", shelf.uri("antrag"));
    let addresses = format!("request_uris = [\"{registered}\"]");
    let refused = ClientFile::parse(&parken.declaration("request_uris = [\"https://10.0.0.1/r\"]"), false).unwrap_err();
    assert!(refused.contains("request_uris"), "sec_l02 {refused}");
    world.clients(&[parken.declaration(&addresses), Service::new("bibliothek").declaration("")].concat()).await;
    let mut renate = connected(&world, &[]).await;
    let object_of = |signer: &Signer| object(signer, &claims(&world, service, &[("state", "abgelegt")]));
    shelf.put(&object_of(&parken));
    let page = renate.visit(&by_reference(service, &registered)).await;
    assert!(page.body.contains("Dienst parken"), "{}", page.heading());
    assert_eq!(shelf.asked.load(Ordering::SeqCst), 1);
    let page = async |uri: &str, of: &Service| {
        let page = renate.clone().get(&by_reference(of, uri)).await;
        assert_eq!((page.status, page.location()), (400, ""), "{uri}");
        page.body
    };
    let bibliothek = Service::new("bibliothek");
    for (uri, of) in [
        (shelf.uri("antrag"), service),
        (format!("{registered}x"), service),
        (registered.replace("localhost", "127.0.0.1"), service),
        ("http://169.254.169.254/latest".to_owned(), service),
        ("file:///etc/passwd".to_owned(), service),
        (registered.clone(), &bibliothek),
    ] {
        assert!(page(&uri, of).await.contains("Fehlercode: invalid_request_uri"), "{uri}");
    }
    assert_eq!(shelf.asked.load(Ordering::SeqCst), 1, "nobody else was called");
    for (text, code) in [
        ("<html>".to_owned(), "invalid_request_object"),
        (object_of(&Signer::new("parken")), "invalid_request_object"),
        ("a".repeat(17_000), "invalid_request_uri"),
    ] {
        shelf.put(&text);
        assert!(page(&registered, service).await.contains(&format!("Fehlercode: {code}")), "{code}");
    }
    let both = format!("{}&request=a.b.c", by_reference(service, &registered));
    assert!(renate.clone().get(&both).await.body.contains("Fehlercode: invalid_request"), "one of both");
});
