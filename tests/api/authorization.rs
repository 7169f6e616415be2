//! The main job: a service signs somebody in. Attack groups A, C, D, E, G, K, M as far as they stand.

use std::time::Duration;

use crate::both;
use crate::support::service::{claims, vorgang};
use crate::support::{Browser, Service, World};

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, "renate@example.org", ["Renate", "Muster"]).await;
    renate
}

async fn parken(world: &World) -> Service {
    let parken = Service::new("parken");
    world.clients(&parken.declaration("")).await;
    parken
}

both!(renate_signs_in_to_a_service, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    let consent = renate.visit(&parken.request(&[])).await;
    for text in [
        "Stadt Musterhausen",
        "Dienst parken",
        "Ihren Antrag bearbeiten",
        "Renate",
        "12. Mai 1959",
        "renate@example.org",
    ] {
        assert!(consent.body.contains(text), "{text}");
    }
    let answer = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&consent)), &[("antwort", "ja")]).await;
    let back = renate.follow(answer).await;
    assert!(back.location().starts_with("https://parken.example/cb?code="));
    assert_eq!(back.parameter("state").as_deref(), Some("zustand-1"));
    assert_eq!(back.parameter("iss").as_deref(), Some(world.config.issuer.as_str()), "sec_a14");
    let tokens = parken.redeem(&world, &back.parameter("code").unwrap()).await;
    assert_eq!((tokens.status, tokens.header("cache-control")), (200, "no-store"));
    let tokens = tokens.json();
    assert_eq!((tokens["token_type"].as_str(), tokens["expires_in"].as_u64()), (Some("Bearer"), Some(300)));
    let id = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(id["nonce"], "nonce-1");
    assert_eq!(id["aud"], "parken");
    assert_eq!(id["acr"], "http://bsi.bund.de/eID/LoA/undefined");
    assert_eq!(id["amr"], serde_json::json!(["pwd"]));
    assert_eq!(id["auth_time"], 1_795_424_520);
    let info = parken.userinfo(&world, tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(info.status, 200);
    let info = info.json();
    assert_eq!(info["sub"], id["sub"]);
    assert_eq!(info["name"], "Renate Muster");
    assert_eq!(info["birthdate"], "1959-05-12");
    assert_eq!(
        (&info["email"], &info["email_verified"]),
        (&serde_json::json!("renate@example.org"), &serde_json::json!(true))
    );
});

both!(two_write_transactions_for_a_signed_in_flow, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    parken.code(&mut renate, &[]).await;
    let before = world.app.db.commits();
    let answer = renate.get(&parken.request(&[])).await;
    let code = answer.parameter("code").unwrap();
    assert_eq!(parken.redeem(&world, &code).await.status, 200);
    assert_eq!(world.app.db.commits() - before, 2);
});

both!(a_stranger_signs_in_on_the_way, async |world| {
    let parken = parken(&world).await;
    renate(&world).await;
    let mut stranger = world.browser();
    let page = stranger.visit(&parken.request(&[("login_hint", "renate@example.org")])).await;
    assert!(page.body.contains("Stadt Musterhausen – Dienst parken") && page.body.contains("renate@example.org"));
    let path = format!("/anmelden?vorgang={}", vorgang(&page));
    let credentials = [("email", "renate@example.org"), ("password", crate::support::browser::PASSWORD)];
    let answer = stranger.post(&path, &credentials).await;
    let consent = stranger.follow(answer).await;
    assert!(consent.body.contains("antwort"), "{}", consent.heading());
    let refused = stranger.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &[("antwort", "nein")]).await;
    assert_eq!(refused.parameter("error").as_deref(), Some("access_denied"));
    assert_eq!(refused.parameter("iss").as_deref(), Some(world.config.issuer.as_str()));
});

both!(refusals_go_to_the_client_with_state_and_issuer, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    for (change, code) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", "code id_token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", "profile"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("prompt", "none login"), "invalid_request"),
        (("prompt", "foo"), "invalid_request"),
        (("max_age", "-1"), "invalid_request"),
        (("id_token_hint", "a.b.c"), "invalid_request"),
        (("prompt", "none"), "consent_required"),
    ] {
        let answer = renate.get(&parken.request(&[change])).await;
        assert_eq!(answer.status, 303, "{change:?}");
        assert_eq!(answer.parameter("error").as_deref(), Some(code), "{change:?}");
        assert_eq!(answer.parameter("state").as_deref(), Some("zustand-1"));
        assert_eq!(answer.parameter("iss").as_deref(), Some(world.config.issuer.as_str()));
        assert_eq!(answer.parameter("code"), None);
    }
    let mut nobody = world.browser();
    let answer = nobody.get(&parken.request(&[("prompt", "none")])).await;
    assert_eq!(answer.parameter("error").as_deref(), Some("login_required"), "sec_a15");
});

both!(a_request_may_come_as_a_form, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    parken.code(&mut renate, &[]).await;
    let mut foreign = world.browser();
    let request =
        foreign.request(reqwest::Method::POST, "/oauth2/authorize").header("origin", "https://parken.example");
    let answer = foreign.send(request.form(&parken.parameters())).await;
    assert_eq!(answer.status, 303);
    let back = renate.get(answer.location()).await;
    assert!(back.parameter("code").is_some());
});

both!(sec_d01_a_code_that_comes_twice_ends_its_grant, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    let code = parken.code(&mut renate, &[]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(parken.userinfo(&world, token).await.status, 200);
    let again = parken.redeem(&world, &code).await;
    assert_eq!((again.status, again.json()["error"].as_str()), (400, Some("invalid_grant")));
    let dead = parken.userinfo(&world, token).await;
    assert_eq!(dead.status, 401);
    assert!(dead.header("www-authenticate").contains("invalid_token"));
});

both!(sec_d03_d04_d05_a_code_is_for_one_client_one_uri_one_minute, async |world| {
    let (parken, bibliothek) = (Service::new("parken"), Service::new("bibliothek"));
    world.clients(&format!("{}{}", parken.declaration(""), bibliothek.declaration(""))).await;
    let mut renate = renate(&world).await;
    let browser = world.browser();
    let code = parken.code(&mut renate, &[]).await;
    assert_eq!(bibliothek.redeem_at(&browser, &code, &[("redirect_uri", &parken.redirect_uri)]).await.status, 400);
    assert_eq!(parken.redeem(&world, &code).await.status, 400, "burnt");
    for change in [
        ("redirect_uri", "https://parken.example/cb2"),
        ("code_verifier", ""),
        ("code_verifier", "x".repeat(43).as_str()),
    ] {
        let code = parken.code(&mut renate, &[]).await;
        assert_eq!(parken.redeem_at(&browser, &code, &[change]).await.status, 400, "{change:?}");
        assert_eq!(parken.redeem(&world, &code).await.status, 400, "{change:?}: burnt");
    }
    let code = parken.code(&mut renate, &[]).await;
    world.pass(Duration::from_secs(60));
    assert_eq!(parken.redeem(&world, &code).await.status, 400, "a minute later");
});

both!(sec_d07_what_ended_in_between_gives_no_token, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    let code = parken.code(&mut renate, &[]).await;
    renate.get("/dienste/parken/beenden").await;
    assert_eq!(renate.post("/dienste/parken/beenden", &[]).await.location(), "/dienste?beendet=parken");
    assert_eq!(parken.redeem(&world, &code).await.status, 400, "consent withdrawn");
    let code = parken.code(&mut renate, &[]).await;
    renate.get("/konto").await;
    renate.post("/abmelden", &[]).await;
    assert_eq!(parken.redeem(&world, &code).await.status, 400, "signed out");
});

both!(sec_k04_signing_out_ends_the_tokens, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    let code = parken.code(&mut renate, &[]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    renate.get("/konto").await;
    renate.post("/abmelden", &[]).await;
    assert_eq!(parken.userinfo(&world, tokens["access_token"].as_str().unwrap()).await.status, 401);
});

both!(prompt_login_and_max_age_ask_again, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    parken.code(&mut renate, &[]).await;
    world.pass(Duration::from_secs(120));
    for change in [("prompt", "login"), ("max_age", "60")] {
        let page = renate.visit(&parken.request(&[change])).await;
        let path = format!("/anmelden?vorgang={}", vorgang(&page));
        let credentials = [("email", "renate@example.org"), ("password", crate::support::browser::PASSWORD)];
        let answer = renate.post(&path, &credentials).await;
        let back = renate.follow(answer).await;
        let tokens = parken.redeem(&world, &back.parameter("code").unwrap()).await.json();
        let id = claims(tokens["id_token"].as_str().unwrap());
        assert_eq!(id["auth_time"].as_i64(), Some(world.app.now().seconds()), "sec_r04, {change:?}");
        world.pass(Duration::from_secs(120));
    }
});

both!(sec_b01_a_request_belongs_to_its_browser, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    let mut attacker = world.browser();
    let page = attacker.visit(&parken.request(&[])).await;
    let id = vorgang(&page);
    assert_eq!(renate.get(&format!("/weiter?vorgang={id}")).await.status, 410);
    assert_eq!(renate.get(&format!("/einwilligung?vorgang={id}")).await.status, 410);
});

both!(a_service_that_needs_more_is_told_the_truth, async |world| {
    let steuer = Service::new("steuer");
    world
        .clients(
            &steuer.declaration(
                "level = \"substantial\"\nlevel_reason = { de = \"Steuergeheimnis\", en = \"Tax secrecy\" }",
            ),
        )
        .await;
    let mut renate = renate(&world).await;
    let page = renate.visit(&steuer.request(&[])).await;
    assert!(page.body.contains("substanziell") && page.body.contains("Steuergeheimnis"), "{}", page.body);
    let back = renate.post(&format!("/abbrechen?vorgang={}", vorgang(&page)), &[]).await;
    assert_eq!(back.parameter("error").as_deref(), Some("unmet_authentication_requirements"));
});

both!(sec_k01_k02_k03_signing_out_at_the_wish_of_a_service, async |world| {
    let (parken, mut renate) = (parken(&world).await, renate(&world).await);
    let code = parken.code(&mut renate, &[]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    let page = renate.get("/oauth2/logout").await;
    assert_eq!(page.status, 200, "without a hint the person is asked");
    assert_eq!(renate.get("/konto").await.status, 200);
    let target = "post_logout_redirect_uri=https://parken.example/";
    for bad in ["https://evil.example/", "https://parken.example/x"] {
        let refused = renate.get(&format!("/oauth2/logout?id_token_hint={hint}&post_logout_redirect_uri={bad}")).await;
        assert_eq!((refused.status, refused.location()), (400, ""));
    }
    let broken = format!("{}x", &hint[..hint.len() - 4]);
    assert_eq!(renate.get(&format!("/oauth2/logout?id_token_hint={broken}&{target}")).await.status, 400);
    assert_eq!(renate.get("/konto").await.status, 200, "still signed in");
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Öztürk"]).await;
    assert_eq!(
        emre.get(&format!("/oauth2/logout?id_token_hint={hint}")).await.status,
        200,
        "somebody else's hint asks"
    );
    let out = renate.get(&format!("/oauth2/logout?id_token_hint={hint}&{target}&state=s")).await;
    assert_eq!((out.status, out.location()), (303, "https://parken.example/?state=s"));
    assert_eq!(renate.get("/konto").await.status, 303);
});
