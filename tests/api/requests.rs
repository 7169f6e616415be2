//! What a service may ask for in a request, beside the ordinary: response mode, prompts, single claims, a resource.

use serde_json::{Value, json};

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::service::{claims, vorgang};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

async fn parken(world: &World) -> (Service, Browser) {
    let parken = Service::new("parken");
    world.clients(&parken.declaration("resource = \"https://api.example/\"")).await;
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    (parken, renate)
}

async fn agree(renate: &mut Browser, page: &Answer) -> Answer {
    let answer = renate.post(&format!("/einwilligung?vorgang={}", vorgang(page)), &[("antwort", "ja")]).await;
    renate.follow(answer).await
}

fn assert_form(page: &Answer, world: &World) {
    assert_eq!((page.status, page.location()), (200, ""), "{page:?}");
    assert!(page.body.contains("<form method=\"post\" action=\"https://parken.example/cb\">"), "{}", page.body);
    assert!(page.header("content-security-policy").ends_with("; form-action https://parken.example/cb"));
    assert_eq!(page.hidden("iss"), world.config.issuer);
    assert_eq!(page.hidden("csrf"), "", "nothing of ours goes along");
}

both!(a_response_may_come_as_a_form, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let form = ("response_mode", "form_post");
    let consent = renate.visit(&parken.request(&[form])).await;
    let page = agree(&mut renate, &consent).await;
    assert_form(&page, &world);
    assert!(page.body.contains("Weiter zum Dienst"));
    assert_eq!(page.hidden("state"), "zustand-1");
    assert_eq!(parken.redeem(&world, &page.hidden("code")).await.status, 200);
    renate.language = "en";
    for (change, code) in [(("scope", "profile"), "invalid_scope"), (("code_challenge", ""), "invalid_request")] {
        let page = renate.get(&parken.request(&[form, change])).await;
        assert_form(&page, &world);
        assert!(page.body.contains("Continue to the service"));
        assert_eq!((page.hidden("error").as_str(), page.hidden("code").as_str()), (code, ""));
    }
    let page = renate.get(&parken.request(&[form, ("state", "\"><script>alert(1)</script>")])).await;
    assert!(!page.body.contains("<script"), "sec_a19");
    let wrong = renate.get(&parken.request(&[form, ("redirect_uri", "https://evil.example/cb")])).await;
    assert_eq!(wrong.status, 400);
    assert!(!wrong.body.contains("action=\"https://evil.example"), "sec_a10");
});

both!(a_service_may_lead_to_registration, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let create = parken.request(&[("prompt", "create")]);
    let mut neu = world.browser();
    let page = neu.visit(&create).await;
    let flow = vorgang(&page);
    assert!(page.body.contains("/registrieren/email?vorgang="), "{}", page.body);
    neu.get(&format!("/registrieren/email?vorgang={flow}")).await;
    neu.post(&format!("/registrieren/email?vorgang={flow}"), &[("email", "neu@example.org")]).await;
    let code = world.code_for("neu@example.org").await;
    neu.post("/registrieren/code", &[("code", &code)]).await;
    neu.post(
        "/registrieren/name",
        &[
            ("given_names", "Nele"),
            ("family_name", "Neu"),
            ("birth_day", "1"),
            ("birth_month", "1"),
            ("birth_year", "1990"),
        ],
    )
    .await;
    neu.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
    neu.post("/registrieren/wiederherstellung", &[("kept", "ja")]).await;
    neu.get("/registrieren/pruefen").await;
    neu.post("/registrieren/pruefen", &[]).await;
    let consent = neu.visit(&format!("/weiter?vorgang={flow}")).await;
    assert!(agree(&mut neu, &consent).await.parameter("code").is_some());
    world.pass(std::time::Duration::from_secs(5));
    let page = renate.visit(&create).await;
    assert!(page.body.contains("/registrieren/email?vorgang="), "also for somebody who is signed in");
    let silent = renate.get(&parken.request(&[("prompt", "none create")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("invalid_request"));
});

/// Asks for single claims and returns the ID token's claims and userinfo.
async fn told(world: &World, parken: &Service, renate: &mut Browser, asked: &Value) -> [Value; 2] {
    let code = parken.code(renate, &[("scope", "openid"), ("claims", &asked.to_string())]).await;
    let tokens = parken.redeem(world, &code).await.json();
    let info = parken.userinfo(world, tokens["access_token"].as_str().unwrap()).await;
    [claims(tokens["id_token"].as_str().unwrap()), info.json()]
}

both!(sec_m07_single_claims_go_where_they_were_asked_for, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let asked = json!({ "userinfo": { "name": { "essential": true } }, "id_token": { "email": null, "acr": null } });
    let page = renate.visit(&parken.request(&[("scope", "openid"), ("claims", &asked.to_string())])).await;
    assert!(page.body.contains("Muster") && page.body.contains(EMAIL), "{}", page.body);
    assert!(!page.body.contains("12. Mai 1959"), "nobody asked for the date of birth");
    let [id, info] = told(&world, &parken, &mut renate, &asked).await;
    assert_eq!(info, json!({ "sub": id["sub"], "name": "Renate Muster" }));
    assert_eq!((&id["email"], id.get("name"), id.get("email_verified")), (&json!(EMAIL), None, None));
    let services = renate.get("/dienste").await.body;
    assert!(services.contains("Name, E-Mail-Adresse") && !services.contains("Geburtsdatum"), "{services}");
    let more = json!({ "userinfo": { "birthdate": null } });
    let page = renate.visit(&parken.request(&[("scope", "openid"), ("claims", &more.to_string())])).await;
    assert!(page.body.contains("12. Mai 1959"), "more is asked for anew");
    let unknown =
        json!({ "userinfo": { "shoe_size": { "essential": true }, "sub": null }, "id_token": { "iss": null } });
    let [id, info] = told(&world, &parken, &mut renate, &unknown).await;
    assert_eq!(info, json!({ "sub": id["sub"] }), "sec_g13");
});

both!(sec_a18_claims_have_limits, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let deep = format!("{}{}", "{\"userinfo\":".repeat(600), "}".repeat(600));
    for bad in ["x", "[]", "{\"userinfo\":1}", &deep, &format!("{{\"{}\":1}}", "a".repeat(9000))] {
        let back = renate.get(&parken.request(&[("claims", bad)])).await;
        assert_eq!(back.parameter("error").as_deref(), Some("invalid_request"), "{}", &bad[..bad.len().min(30)]);
    }
});

both!(sec_a15_a_demanded_subject_or_level_is_met_or_refused, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let [id, _] = told(&world, &parken, &mut renate, &json!({})).await;
    let ask = |sub: &Value| {
        let claims = json!({ "id_token": { "sub": { "value": sub } } }).to_string();
        parken.request(&[("scope", "openid"), ("prompt", "none"), ("claims", &claims)])
    };
    assert!(renate.get(&ask(&id["sub"])).await.parameter("code").is_some());
    let other = renate.get(&ask(&json!("somebody"))).await;
    assert_eq!(other.parameter("error").as_deref(), Some("login_required"));
    let acr = |value: &str| {
        let claims = json!({ "id_token": { "acr": { "essential": true, "values": [value] } } }).to_string();
        parken.request(&[("scope", "openid"), ("claims", &claims)])
    };
    let page = renate.visit(&acr("http://eidas.europa.eu/LoA/substantial")).await;
    assert!(page.body.contains("substanziell"), "{}", page.body);
    let page = renate.visit(&acr("substantial")).await;
    assert!(page.body.contains("substanziell"), "the short name: {}", page.body);
    let unknown = renate.get(&acr("gold")).await;
    assert_eq!(unknown.parameter("error").as_deref(), Some("unmet_authentication_requirements"));
    assert!(renate.get(&acr("http://bsi.bund.de/eID/LoA/undefined")).await.parameter("code").is_some());
});

both!(authorization_details_of_no_known_type_are_refused_everywhere, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let code = parken.code(&mut renate, &[]).await;
    let details = ("authorization_details", r#"[{"type":"konto"}]"#);
    let told = renate.get(&parken.request(&[details])).await;
    assert_eq!(told.parameter("error").as_deref(), Some("invalid_authorization_details"), "RFC 9396 section 5");
    let mut form: Vec<_> = parken.parameters();
    form.push((details.0, details.1.to_owned()));
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let deposited = parken.ask(&world, "/oauth2/par", &form).await;
    assert_eq!((deposited.status, &deposited.json()["error"]), (400, &json!("invalid_authorization_details")));
    let redeemed = parken.redeem_at(&world.browser(), &code, &[details]).await;
    assert_eq!((redeemed.status, &redeemed.json()["error"]), (400, &json!("invalid_authorization_details")));
    assert_eq!(parken.redeem(&world, &code).await.status, 200, "and the code is not used up");
});

both!(an_id_token_is_signed_as_the_service_can_read_it, async |world| {
    let services =
        ["ES256", "PS256", "EdDSA", "RS256"].map(|algorithm| (algorithm, Service::new(&algorithm.to_lowercase())));
    let file =
        services.iter().map(|(algorithm, one)| one.declaration(&format!("id_token_algorithm = \"{algorithm}\"")));
    world.clients(&file.collect::<String>()).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let keys = world.browser().get("/oauth2/jwks").await.json();
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys).unwrap();
    for (algorithm, service) in services {
        let code = service.code(&mut renate, &[]).await;
        let tokens = service.redeem(&world, &code).await.json();
        let token = tokens["id_token"].as_str().unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        assert_eq!(header.alg, algorithm.parse().unwrap());
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        assert!(key.common.key_algorithm.is_none_or(|known| known.to_string() == algorithm), "the set allows it");
        let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
        let verified = nutzerkonto::kernel::keys::verify_signature::<Value>(token, &key, header.alg);
        assert_eq!(verified.unwrap()["aud"], service.id, "{algorithm}");
        let hinted = service.request(&[("prompt", "none"), ("id_token_hint", token)]);
        assert!(renate.get(&hinted).await.parameter("code").is_some(), "{algorithm}: our own token is known as a hint");
    }
});

both!(what_need_not_be_understood_does_not_matter, async |world| {
    let (parken, mut renate) = parken(&world).await;
    parken.code(&mut renate, &[]).await;
    for change in [
        ("acr_values", "http://eidas.europa.eu/LoA/high x"),
        ("acr_values", "basic low substantial high"),
        ("display", "popup"),
        ("display", "touch"),
        ("claims_locales", "se de-DE"),
        ("ui_locales", "se fr-FR"),
        ("login_hint", "somebody@example.org"),
        ("unknown", "x"),
    ] {
        assert!(renate.get(&parken.request(&[change])).await.parameter("code").is_some(), "{change:?}");
    }
    let mut english = world.browser();
    let page = english.visit(&parken.request(&[("ui_locales", "fr en")])).await;
    assert!(page.body.contains("<html lang=\"en\""), "ui_locales chooses the language of the pages");
});

both!(sec_e14_a_token_is_for_the_resource_that_was_asked_for, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let resource = ("resource", "https://api.example/");
    let unknown = renate.get(&parken.request(&[("resource", "https://evil.example/")])).await;
    assert_eq!(unknown.parameter("error").as_deref(), Some("invalid_target"));
    let code = parken.code(&mut renate, &[resource]).await;
    let tokens = parken.redeem_at(&world.browser(), &code, &[resource]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(claims(access)["aud"], "https://api.example/");
    assert_eq!(parken.userinfo(&world, access).await.status, 401, "it is not for us");
    let asked = parken.ask(&world, "/oauth2/introspect", &[("token", access)]).await.json();
    assert_eq!((&asked["active"], &asked["aud"]), (&json!(true), &json!("https://api.example/")));
    let code = parken.code(&mut renate, &[]).await;
    let wider = parken.redeem_at(&world.browser(), &code, &[resource]).await;
    assert_eq!((wider.status, wider.json()["error"].as_str()), (400, Some("invalid_target")));
});
