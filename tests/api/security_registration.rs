//! Attack rows L01, L02, L06 and A16: strangers who register themselves.

use std::time::Duration;

use nutzerkonto::client::registration_token::Wanted;
use nutzerkonto::kernel::id::{ClientId, RegistrationTokenId};
use nutzerkonto::kernel::time::days;
use nutzerkonto::operator::client;
use serde_json::{Value, json};

use crate::both;
use crate::security_assertion::Signer;
use crate::support::browser::Answer;
use crate::support::doors::{refusal, text};
use crate::support::registrant::{
    REGISTER, Registrant, Yard, answers, by, code, metadata, opened, register, send, soon, token,
};
use crate::support::service::vorgang;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

both!(sec_l01_nobody_registers_where_it_is_not_switched_on, async |world| {
    let token = token(&world, 1).await;
    let node = world.browser();
    for (method, path) in [
        ("POST", REGISTER),
        ("GET", "/oauth2/register/reg_x"),
        ("PUT", "/oauth2/register/reg_x"),
        ("DELETE", "/oauth2/register/reg_x"),
    ] {
        for token in ["", &token] {
            let answer = send(&node, (method, path), token, Some(&metadata(json!({})))).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (404, ""), "{method} {path}");
        }
    }
    let discovery = world.browser().get("/.well-known/openid-configuration").await.json();
    assert!(discovery.get("registration_endpoint").is_none());
    assert_eq!(world.rows("registered_client").await, 0);
});

fn assert_unauthorized(answer: &Answer, what: &str) {
    assert_eq!(refusal(answer), (401, "invalid_token".to_owned()), "{what}: {answer:?}");
    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}: {answer:?}");
}

both!(sec_l01_nobody_registers_without_the_operators_word, async |mut world| {
    opened(&mut world).await;
    let made = client::make_token(&world.app, "k.muster", &Wanted::new(5, 7, "Stadtwerke").unwrap()).await.unwrap();
    let (id, good) = (made.0, made.1.expose().clone());
    let said = metadata(json!({}));
    for wrong in ["", "x", &good[1..], &format!("{good}x"), &good.to_lowercase()] {
        assert_unauthorized(&register(&world, wrong, &said).await, wrong);
    }
    let mut anybody = world.browser();
    for header in [vec![format!("Basic {good}")], vec![good.clone()], vec![format!("Bearer {good}"); 2]] {
        let mut request = anybody.request(reqwest::Method::POST, REGISTER).header("content-type", "application/json");
        for value in &header {
            request = request.header("authorization", value);
        }
        assert_unauthorized(&anybody.send(request.body(said.to_string())).await, &header[0]);
    }
    let in_query = send(&anybody, ("POST", &format!("{REGISTER}?access_token={good}")), "", Some(&said)).await;
    assert_unauthorized(&in_query, "in the query");
    for (kind, status) in [("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("", 415)] {
        let request =
            anybody.request(reqwest::Method::POST, REGISTER).header("authorization", format!("Bearer {good}"));
        let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
        assert_eq!(anybody.send(request.body(said.to_string())).await.status, status, "{kind}");
    }
    for body in ["", "{", "[]", "null", "\"x\""] {
        let request = anybody.request(reqwest::Method::POST, REGISTER).header("content-type", "application/json");
        let answer = anybody.send(request.header("authorization", format!("Bearer {good}")).body(body)).await;
        assert_eq!(refusal(&answer), (400, "invalid_client_metadata".to_owned()), "{body}");
    }
    assert_eq!(world.rows("registered_client").await, 0);
    assert_eq!(register(&world, &good, &said).await.status, 201);
    // Withdrawn, and expired.
    client::withdraw_token(&world.app, "k.muster", &id).await.unwrap();
    assert_unauthorized(&register(&world, &good, &said).await, "withdrawn");
    assert!(client::withdraw_token(&world.app, "k.muster", &id).await.is_err());
    let late = token(&world, 5).await;
    world.pass(days(7) - Duration::from_millis(1));
    assert_eq!(register(&world, &late, &said).await.status, 201);
    world.pass(Duration::from_millis(1));
    assert_unauthorized(&register(&world, &late, &said).await, "expired");
    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains(&good) && !dump.contains(&late), "sec_n06: only hashes");
    let kinds = "SELECT kind FROM audit_event WHERE kind LIKE 'registration.%' ORDER BY kind";
    assert_eq!(world.texts(kinds).await.last().map(String::as_str), Some("registration.token_withdrawn"));
    assert!(RegistrationTokenId::parse(id.as_str()).is_some());
});

both!(sec_l01_the_last_use_of_a_token_is_one_services, async |mut world| {
    opened(&mut world).await;
    let second = world.second_node().await;
    let nodes = [world.browser(), world.browser().at(second.running.address)];
    for round in 0..3 {
        let token = token(&world, 1).await;
        let said = metadata(json!({}));
        let tries = (0..6).map(|number| send(&nodes[number % 2], ("POST", REGISTER), &token, Some(&said)));
        let mut statuses: Vec<u16> =
            futures_util::future::join_all(tries).await.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 401, 401, 401, 401, 401], "round {round}");
    }
    assert_eq!(world.rows("registered_client").await, 3);
    second.running.abort().await;
});

both!(sec_l06_a_registration_token_opens_its_own_service_and_nothing_else, async |mut world| {
    opened(&mut world).await;
    let [one, other] = [Registrant::new(&world, json!({})).await, Registrant::new(&world, json!({})).await];
    let node = world.browser();
    let initial = token(&world, 5).await;
    let said = one.said_again(json!({ "client_name": "Fremder" }));
    let mut bodies = Vec::new();
    for path in [one.path.as_str(), "/oauth2/register/reg_niemand", "/oauth2/register/parken"] {
        for wrong in ["", "x", &other.access, &initial, &one.service.secret] {
            for method in ["GET", "PUT", "DELETE"] {
                let answer = send(&node, (method, path), wrong, Some(&said)).await;
                assert_unauthorized(&answer, &format!("{method} {path} {wrong}"));
                bodies.push((answer.header("www-authenticate").to_owned(), answer.body));
            }
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "nobody learns whether a service exists: {bodies:?}");
    assert_unauthorized(&register(&world, &one.access, &metadata(json!({}))).await, "it registers no others");
    assert_eq!(one.ask(&node, "GET", None).await.json()["client_name"], "Hofladen");

    // Switched off by the operator: it can neither see nor change that, nor go away and come back.
    let id = ClientId(one.service.id.clone());
    client::disable(&world.app, &by(), &id).await.unwrap();
    soon().await;
    for method in ["GET", "PUT", "DELETE"] {
        assert_unauthorized(&one.ask(&node, method, Some(&said)).await, method);
    }
    assert_eq!(one.service.redeem(&world, "x").await.status, 401);
    client::enable(&world.app, &by(), &id).await.unwrap();
    soon().await;
    assert_eq!(one.service.redeem(&world, "x").await.status, 400);
    // What only the operator decides is not among what it may say.
    let greedy = json!({ "client_id": one.service.id, "level": "high", "claims": [{ "names": ["email"] }], "own_scopes": ["x"],
        "is_approved": true, "approved_at": 1, "operator": { "de": "Stadt", "en": "City" }, "sector": "parken",
        "resource_server": "https://api.example/", "exchange": ["https://api.example/"], "access_token_format": "opaque" });
    assert_eq!(one.ask(&node, "PUT", Some(&one.said_again(greedy))).await.status, 200);
    let (standing, _) = client::find(&world.app, &id).await.unwrap();
    let standing = standing.client;
    assert!(standing.is_unchecked() && standing.own_scopes.is_empty() && standing.resource_server.is_none());
    assert_eq!((standing.operator.de.as_str(), standing.sector().as_ref()), ("laden.example", "host laden.example"));
    assert!(standing.claims.iter().all(|rule| rule.optional && rule.legal_basis.is_none()));
    assert!(client::rotate_secret(&world.app, "k.muster", &id, Duration::ZERO).await.is_err());
});

both!(sec_l02_a_stranger_makes_us_call_nothing_inside, async |mut world| {
    world.restart(|config| config.registration.enabled = true).await;
    let (token, yard) = (token(&world, 50).await, Yard::open().await);
    let uris = ["https://laden.example/cb", "https://zweiter.example/cb"];
    let inside = yard.put("/liste", json!(uris).to_string().as_bytes());
    let said = metadata(json!({ "redirect_uris": uris, "sector_identifier_uri": inside }));
    assert_eq!(refusal(&register(&world, &token, &said).await), (400, "invalid_client_metadata".to_owned()));
    let picture = yard.put("/bild", b"\x89PNG\r\n\x1a\n");
    let answer = register(&world, &token, &metadata(json!({ "logo_uri": picture }))).await;
    assert!(answer.status == 201 && answer.json().get("logo_uri").is_none(), "not fetched: {answer:?}");
    for address in ["https://169.254.169.254/x", "https://10.0.0.1/x", "https://[::1]/x", "https://localhost:8443/x"] {
        let said = metadata(json!({ "redirect_uris": uris, "sector_identifier_uri": address }));
        assert_eq!(refusal(&register(&world, &token, &said).await).0, 400, "{address}");
    }
});

/// A request of a stranger's service with something wrong.
fn faulty(laden: &Registrant, changes: &[(&'static str, &str)]) -> String {
    laden.service.request(&[&[("scope", "openid nichts"), ("response_type", "token")][..], changes].concat())
}

both!(sec_a16_a_refusal_leads_to_no_strangers_address, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({ "redirect_uris": ["https://laden.example/cb"] })).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    for mut who in [world.browser(), renate.clone()] {
        let page = who.get(&faulty(&laden, &[])).await;
        assert_eq!((page.status, page.location()), (200, ""), "{page:?}");
        assert_eq!(page.heading(), "Wollen Sie weiter zu laden.example?");
        let link = "https://laden.example/cb?error=unsupported_response_type";
        assert!(page.body.contains(&format!("id=\"weiter-zum-dienst\" href=\"{link}")), "{}", page.body);
        assert!(page.body.contains("niemand geprüft") && !page.body.contains("<form"), "{}", page.body);
        let english = &mut who.clone();
        english.language = "en";
        assert_eq!(english.get(&faulty(&laden, &[])).await.heading(), "Do you want to go on to laden.example?");
        let form = who.get(&faulty(&laden, &[("response_mode", "form_post")])).await;
        assert!(form.status == 200 && form.body.contains("laden.example"), "a form that waits: {form:?}");
        // Where nobody is to see anything, nobody can be asked.
        let silent = who.get(&faulty(&laden, &[("prompt", "none")])).await;
        assert_eq!((silent.status, silent.parameter("error").as_deref()), (303, Some("unsupported_response_type")));
    }
    let silent = world.browser().get(&laden.service.request(&[("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("login_required"));

    // Cancelled, gone back, not agreed.
    for way in ["cancel", "back", "", "consent"] {
        let mut page = renate.visit(&laden.service.request(&[])).await;
        let flow = format!("?vorgang={}", vorgang(&page));
        let end = match way {
            "cancel" => renate.post(&format!("/abbrechen{flow}"), &[]).await,
            "consent" => {
                page = answers(&mut renate, &page, "weiter").await;
                assert!(page.body.contains("action=\"/einwilligung"));
                renate.post(&format!("/einwilligung{flow}"), &[("antwort", "nein")]).await
            }
            word => renate.post(&format!("/dienst/pruefen{flow}"), &[("antwort", word)]).await,
        };
        assert_eq!((end.status, end.heading()), (200, "Wollen Sie weiter zu laden.example?"), "{way}");
        assert!(end.body.contains("error=access_denied"), "{way}: {}", end.body);
        assert_eq!(renate.get(&format!("/dienst/pruefen{flow}")).await.status, 410, "{way}");
    }
    laden.approve(&world).await;
    let sent = renate.get(&faulty(&laden, &[])).await;
    assert_eq!((sent.status, sent.parameter("error").as_deref()), (303, Some("unsupported_response_type")));
});

both!(sec_a16_signing_out_leads_to_no_strangers_address, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({ "post_logout_redirect_uris": ["https://laden.example/ende"] })).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let code = code(&mut renate, &laden.service, &[]).await;
    let token = text(&laden.service.redeem(&world, &code).await.json(), "id_token");
    let to = |hint: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("client_id", &laden.service.id);
        query.append_pair("post_logout_redirect_uri", "https://laden.example/ende");
        if !hint.is_empty() {
            query.append_pair("id_token_hint", hint);
        }
        format!("/oauth2/logout?{}", query.finish())
    };
    // Its own token proves nothing about anybody else.
    for hint in ["", &token] {
        assert_eq!(world.browser().get(&to(hint)).await.location(), "/abgemeldet", "{hint}");
    }
    let mut elsewhere = renate.clone();
    let page = elsewhere.get(&to("")).await;
    assert_eq!(page.status, 200);
    assert_eq!(renate.get(&to(&token)).await.location(), "https://laden.example/ende", "of this very session");
    laden.approve(&world).await;
    assert_eq!(world.browser().get(&to("")).await.location(), "https://laden.example/ende");
});

async fn statement_keys(world: &mut World) -> Signer {
    let trusted = Signer::new("verband");
    let file = world.database.directory.join("statements.jwks.json");
    std::fs::write(&file, json!({ "keys": [trusted.jwk()] }).to_string()).unwrap();
    world.restart(|config| config.registration.software_statement_keys_file = Some(file)).await;
    trusted
}

fn stated(signer: &Signer, header: &Value, claims: &Value) -> Value {
    metadata(json!({ "software_statement": signer.jwt(&header.to_string(), &claims.to_string()) }))
}

both!(sec_l01_a_statement_counts_if_somebody_trusted_has_signed_it, async |mut world| {
    opened(&mut world).await;
    let now = world.app.now().seconds();
    let header = json!({ "alg": "ES256", "kid": "eins" });
    let claims = json!({ "iss": "https://verband.example", "exp": now + 600, "client_name": "Geprüfter Laden", "software_id": "hof" });
    let stranger = Signer::new("fremder");
    let unapproved = (400, "unapproved_software_statement".to_owned());
    let early = register(&world, "", &stated(&stranger, &header, &claims)).await;
    assert_eq!(refusal(&early), unapproved, "nobody is trusted yet");
    let trusted = statement_keys(&mut world).await;
    let answer = register(&world, "", &stated(&trusted, &header, &claims)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let told = answer.json();
    assert_eq!(
        (&told["client_name"], &told["software_id"]),
        (&json!("Geprüfter Laden"), &json!("hof")),
        "before the body"
    );
    assert!(told["software_statement"].is_string() && told.get("iss").is_none());
    let admitted = world.texts("SELECT admitted_by FROM registered_client").await;
    assert_eq!(admitted, ["statement of https://verband.example"]);

    let invalid = (400, "invalid_software_statement".to_owned());
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    for (said, expected) in [
        (stated(&stranger, &header, &claims), &invalid),
        (stated(&trusted, &json!({ "alg": "ES256", "kid": "zwei" }), &claims), &unapproved),
        (stated(&trusted, &json!({ "alg": "HS256", "kid": "eins" }), &claims), &invalid),
        (stated(&trusted, &json!({ "alg": "none", "kid": "eins" }), &claims), &invalid),
        (stated(&trusted, &header, &changed("exp", json!(now - 60))), &invalid),
        (stated(&trusted, &header, &changed("exp", json!("bald"))), &invalid),
        (stated(&trusted, &header, &changed("nbf", json!(now + 600))), &invalid),
        (stated(&trusted, &header, &changed("iss", Value::Null)), &invalid),
        (metadata(json!({ "software_statement": "x" })), &invalid),
        (metadata(json!({ "software_statement": 7 })), &invalid),
    ] {
        assert_eq!(&refusal(&register(&world, "", &said).await), expected, "{said}");
        let token = token(&world, 1).await;
        assert_eq!(&refusal(&register(&world, &token, &said).await), expected, "with a token, too: {said}");
    }
    let wrong = register(&world, "geraten", &stated(&trusted, &header, &claims)).await;
    assert_unauthorized(&wrong, "a wrong token is not made up for");
    let greedy = changed("subject_type", json!("public"));
    assert_eq!(refusal(&register(&world, "", &stated(&trusted, &header, &greedy)).await).0, 400);
});

both!(sec_l01_a_body_has_an_end, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({})).await;
    let long = json!({ "redirect_uris": ["https://laden.example/cb"], "x": "a".repeat(66_000) });
    assert_eq!(register(&world, &token(&world, 1).await, &long).await.status, 413);
    assert_eq!(laden.ask(&world.browser(), "PUT", Some(&long)).await.status, 413);
    let mut browser: Browser = world.browser();
    let foreign = browser.request(reqwest::Method::OPTIONS, REGISTER).header("origin", "https://evil.example");
    assert!(browser.send(foreign).await.header("access-control-allow-origin").is_empty());
});
