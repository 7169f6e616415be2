//! What services may say of themselves when they register, and what is made of it.

use nutzerkonto::kernel::time::days;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::both;
use crate::request_objects::by_value;
use crate::security_assertion::Signer;
use crate::support::Service;
use crate::support::doors::{refusal, text};
use crate::support::prover::Prover;
use crate::support::registrant::{Registrant, Yard, code, metadata, opened, register, token};
use crate::support::service::claims;
use crate::support::surface::EMAIL;

/// What is said (null: left out), the error, and what its description names.
type Refused = Vec<(Value, &'static str, &'static str)>;

fn refused_addresses_and_keys() -> Refused {
    let uris = |uri: &str| json!({ "redirect_uris": [uri] });
    let jwks = |key: Value| json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key] } });
    let key = || Signer::new("x").jwk();
    let with = |mut key: Value, name: &str, value: Value| {
        key[name] = value;
        key
    };
    let (uri, data) = ("invalid_redirect_uri", "invalid_client_metadata");
    vec![
        (json!({ "redirect_uris": null }), uri, "redirect_uris"),
        (json!({ "redirect_uris": [] }), uri, "redirect_uris"),
        (json!({ "redirect_uris": "https://laden.example/cb" }), uri, "redirect_uris"),
        (json!({ "redirect_uris": [1] }), uri, "redirect_uris"),
        (uris("http://laden.example/cb"), uri, "redirect_uris"),
        (uris("https://laden.example/cb#x"), uri, "redirect_uris"),
        (uris("https://laden.example/*"), uri, "redirect_uris"),
        (uris("https://a@laden.example/cb"), uri, "redirect_uris"),
        (uris("javascript:alert(1)"), uri, "redirect_uris"),
        (uris("com.example.laden:/cb"), uri, "redirect_uris"),
        (uris(&format!("https://{}.example/cb", ["a".repeat(60), "b".repeat(60)].join("."))), uri, "redirect_uris"),
        (json!({ "response_types": ["token"] }), data, "response_types"),
        (json!({ "response_types": ["code", "id_token"] }), data, "response_types"),
        (json!({ "grant_types": ["implicit"] }), data, "grant_types"),
        (json!({ "grant_types": ["client_credentials"] }), data, "grant_types"),
        (json!({ "grant_types": ["refresh_token"] }), data, "grant_types"),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt" }), data, "token_endpoint_auth_method"),
        (json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth" }), data, "token_endpoint_auth_method"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), data, "token_endpoint_auth_method"),
        (jwks(with(key(), "d", json!("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"))), data, "jwks"),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt",
                    "jwks": { "keys": [with(key(), "kid", Value::Null), key()] } }),
            data,
            "jwks",
        ),
        (jwks(with(key(), "crv", json!("P-384"))), data, "jwks"),
        (json!({ "jwks": { "keys": [key()] }, "jwks_uri": "https://laden.example/jwks" }), data, "jwks"),
        (json!({ "jwks": [] }), data, "jwks"),
        (json!({ "jwks_uri": "http://laden.example/jwks" }), data, "jwks_uri"),
    ]
}

fn refused_words() -> Refused {
    let data = "invalid_client_metadata";
    vec![
        (json!({ "client_name": 7 }), data, "client_name"),
        (json!({ "client_name": "a".repeat(161) }), data, "client_name"),
        (json!({ "client_name": "Stadt\u{202e}nedaL" }), data, "client_name"),
        (json!({ "client_name#de": "zwei\nZeilen" }), data, "client_name"),
        (json!({ "contacts": ["niemand"] }), data, "contacts"),
        (json!({ "policy_uri": "http://laden.example/" }), data, "policy_uri"),
        (json!({ "tos_uri": "javascript:alert(1)" }), data, "tos_uri"),
        (json!({ "logo_uri": "data:image/png;base64,AA" }), data, "logo_uri"),
        (json!({ "client_uri": "laden" }), data, "client_uri"),
        (json!({ "scope": "profile email" }), data, "scope"),
        (json!({ "scope": "openid offline_access" }), data, "scope"),
        (json!({ "scope": ["openid"] }), data, "scope"),
        (json!({ "profile": "gold" }), data, "profile"),
        (json!({ "profile": "fapi2" }), data, "token_endpoint_auth_method"),
        (json!({ "profile": "oidc-core", "token_endpoint_auth_method": "none" }), data, "profile"),
        (json!({ "subject_type": "public" }), data, "subject_type"),
        (json!({ "application_type": "desktop" }), data, "application_type"),
        (json!({ "initiate_login_uri": "http://laden.example/start" }), data, "initiate_login_uri"),
        (json!({ "post_logout_redirect_uris": ["http://laden.example/"] }), data, "post_logout_redirect_uris"),
        (json!({ "backchannel_logout_uri": "http://laden.example/ende" }), data, "backchannel_logout_uri"),
        (json!({ "backchannel_logout_uri": "https://andere.example/ende" }), data, "backchannel_logout_uri"),
        (json!({ "request_uris": vec!["https://laden.example/r"; 11] }), data, "request_uris"),
        (json!({ "require_pushed_authorization_requests": "yes" }), data, "require_pushed_authorization_requests"),
    ]
}

fn refused_algorithms_and_sectors() -> Refused {
    let (data, key) = ("invalid_client_metadata", || Signer::new("x").jwk());
    vec![
        (json!({ "id_token_signed_response_alg": "none" }), data, "id_token_signed_response_alg"),
        (json!({ "id_token_signed_response_alg": "HS256" }), data, "id_token_signed_response_alg"),
        (json!({ "userinfo_signed_response_alg": "none" }), data, "userinfo_signed_response_alg"),
        (json!({ "request_object_signing_alg": "none" }), data, "request_object_signing_alg"),
        (json!({ "request_object_signing_alg": "HS256" }), data, "request_object_signing_alg"),
        (
            json!({ "jwks": { "keys": [key()] }, "request_object_signing_alg": "PS256" }),
            data,
            "request_object_signing_alg",
        ),
        (json!({ "id_token_encrypted_response_alg": "RSA1_5" }), data, "id_token_encrypted_response_alg"),
        (json!({ "id_token_encrypted_response_alg": "ECDH-ES" }), data, "id_token_encrypted_response_alg"),
        (json!({ "id_token_encrypted_response_enc": "A256GCM" }), data, "id_token_encrypted_response_enc"),
        (
            json!({ "jwks_uri": "https://laden.example/jwks", "userinfo_encrypted_response_alg": "ECDH-ES" }),
            data,
            "userinfo_encrypted_response_alg",
        ),
        (
            json!({ "redirect_uris": ["https://laden.example/cb", "https://andere.example/cb"] }),
            data,
            "sector_identifier_uri",
        ),
        (json!({ "sector_identifier_uri": "http://laden.example/s" }), data, "sector_identifier_uri"),
    ]
}

both!(what_it_says_is_checked, async |mut world| {
    opened(&mut world).await;
    let token = token(&world, 1).await;
    for (changes, code, member) in
        [refused_addresses_and_keys(), refused_words(), refused_algorithms_and_sectors()].concat()
    {
        let answer = register(&world, &token, &metadata(changes.clone())).await;
        assert_eq!(refusal(&answer), (400, code.to_owned()), "{changes}: {answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let description = text(&answer.json(), "error_description");
        assert!(description.starts_with(member), "{changes}: {description}");
        let is_plain = |letter: char| (' '..='~').contains(&letter) && !"\"\\".contains(letter);
        assert!(description.chars().all(is_plain), "{description}");
    }
    assert_eq!(world.rows("registered_client").await, 0);
    assert_eq!(register(&world, &token, &metadata(json!({}))).await.status, 201, "nothing of that has used it up");
});

both!(what_is_not_said_has_its_default, async |mut world| {
    opened(&mut world).await;
    let mut told = Registrant::new(&world, json!({ "client_name": null })).await.told;
    for name in ["client_id", "client_secret", "registration_access_token", "registration_client_uri"] {
        assert!(told.as_object_mut().unwrap().remove(name).is_some(), "{name}");
    }
    for name in ["client_id_issued_at", "client_secret_expires_at"] {
        assert!(told.as_object_mut().unwrap().remove(name).unwrap().is_i64(), "{name}");
    }
    let expected = json!({
        "redirect_uris": ["https://laden.example/cb"],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "client_name": "laden.example",
        "scope": "openid profile email address phone",
        "subject_type": "pairwise",
        "id_token_signed_response_alg": "RS256",
        "profile": "oidc-core",
    });
    assert_eq!(told, expected);
    let unknown = json!({ "default_max_age": 60, "require_auth_time": true, "frontchannel_logout_uri": "x", "x": 1,
                          "client_name#fr": "Magasin", "client_secret": "mine", "client_id": "mine" });
    let told = Registrant::new(&world, unknown).await.told;
    for name in ["default_max_age", "require_auth_time", "frontchannel_logout_uri", "x", "client_name#fr"] {
        assert!(told.get(name).is_none(), "{name} is not in force");
    }
    assert!(told["client_id"] != "mine" && told["client_secret"] != "mine");
});

both!(what_is_said_is_in_force, async |mut world| {
    opened(&mut world).await;
    let said = json!({
        "client_name#de": "Hofladen", "client_name#en": "Farm shop", "policy_uri": "https://laden.example/daten",
        "tos_uri": "https://laden.example/agb", "contacts": ["hof@laden.example"], "software_id": "hof", "software_version": "1",
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid email offline_access unbekannt",
        "id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "ES256",
        "post_logout_redirect_uris": ["https://laden.example/"], "initiate_login_uri": "https://laden.example/start",
        "backchannel_logout_uri": "https://laden.example/ende", "backchannel_logout_session_required": true,
        "require_pushed_authorization_requests": true, "request_uris": ["https://laden.example/r#hash"],
        "profile": "baseline",
    });
    let laden = Registrant::new(&world, said.clone()).await;
    for (name, value) in said.as_object().unwrap() {
        let expected = if name == "scope" { &json!("openid email offline_access") } else { value };
        assert_eq!(&laden.told[name], expected, "{name}");
    }
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let direct = renate.get(&laden.service.request(&[("scope", "openid")])).await;
    assert!(!direct.body.is_empty() && direct.parameter("code").is_none(), "must be deposited: {direct:?}");
    let pushed = crate::support::doors::push(&world, &laden.service, &[("scope", "openid email offline_access")]).await;
    let uri = text(&pushed.json(), "request_uri");
    let english = &mut renate.clone();
    english.language = "en";
    let page = english.visit(&crate::support::doors::reference(&laden.service.id, &uri)).await;
    for words in
        ["Farm shop", "https://laden.example/daten", "https://laden.example/agb", "Nobody has checked this service"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let consent = crate::support::registrant::answers(english, &page, "weiter").await;
    assert!(consent.body.contains("https://laden.example/agb") && consent.body.contains("https://laden.example/daten"));
});

both!(it_may_sign_instead_of_knowing_a_secret, async |mut world| {
    opened(&mut world).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let mut signer = Signer::new("laden");
    let said = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [signer.jwk()] },
                       "token_endpoint_auth_signing_alg": "ES256" });
    let laden = Registrant::new(&world, said).await;
    assert!(laden.told.get("client_secret").is_none() && laden.told["jwks"]["keys"][0]["kid"] == "eins");
    signer.service = laden.service.clone();
    let code = code(&mut renate, &laden.service, &["email"]).await;
    let assertion = signer.assertion(&world, |_| {});
    let answer = signer.redeem(&world.browser(), &assertion, &code, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // One key alone needs no name; that it is believed is seen by what is wrong with the request then.
    let mut nameless = Signer::new("laden");
    let mut key = nameless.jwk();
    key.as_object_mut().unwrap().remove("kid");
    let said = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key] } });
    nameless.service = Registrant::new(&world, said).await.service;
    let assertion = nameless.jwt(r#"{"alg":"ES256"}"#, &nameless.claims(&world).to_string());
    let answer = nameless.redeem(&world.browser(), &assertion, "x", &[]).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")), "{answer:?}");
    // A key of RSA means PS256 here, unless the client says how it signs.
    for (said_alg, signs) in [(Value::Null, "PS256"), (json!("RS256"), "RS256")] {
        let prover = Prover::new(signs);
        let mut key = prover.public.clone();
        key.as_object_mut().unwrap().remove("alg");
        let said = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key] },
                           "token_endpoint_auth_signing_alg": said_alg });
        let id = Registrant::new(&world, said).await.service.id;
        let asked = prover.named(&id).ask(&world, "/oauth2/introspect").await;
        assert_eq!(asked.0, 200, "{signs}: {asked:?}");
    }
    let public = Registrant::new(&world, json!({ "token_endpoint_auth_method": "none" })).await;
    assert_eq!((&public.told["profile"], public.told.get("client_secret")), (&json!("baseline"), None));
    let code = crate::support::registrant::code(&mut renate, &public.service, &[]).await;
    let got = public.service.redeem(&world, &code).await;
    assert_eq!(got.status, 200, "{got:?}");
});

both!(requests_are_signed_beside_a_secret, async |mut world| {
    opened(&mut world).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let prover = Prover::new("RS256");
    let mut key = prover.public.clone();
    key.as_object_mut().unwrap().remove("alg");
    let yard = Yard::open().await;
    let address = yard.put("/anfrage", b"");
    let said = json!({ "jwks": { "keys": [key] }, "request_object_signing_alg": "RS256",
                       "request_uris": [format!("{address}#hash")] });
    let laden = Registrant::new(&world, said).await;
    let claims = crate::request_objects::claims(&world, &laden.service, &[("scope", "openid")]);
    let object = prover.sign(&json!({}), &claims);
    yard.put("/anfrage", object.as_bytes());
    let by_reference = crate::request_objects::by_reference(&laden.service, &format!("{address}#hash"));
    for request in [by_value(&laden.service, &object), by_reference] {
        let page = renate.visit(&request).await;
        assert!(page.status == 200 && page.body.contains("vorgang="), "{page:?}");
    }
    let stranger = Signer::new("x");
    let forged = crate::request_objects::object(&stranger, &claims);
    assert_eq!(renate.visit(&by_value(&laden.service, &forged)).await.status, 400);
    // The keys are for requests, and open nothing at the token endpoint.
    let asked = prover.named(&laden.service.id).ask(&world, "/oauth2/introspect").await;
    assert_eq!(asked, (401, "invalid_client".to_owned()));
});

both!(sectors_are_proven_and_kept_apart, async |mut world| {
    opened(&mut world).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let (yard, token) = (Yard::open().await, token(&world, 20).await);
    let uris = ["https://laden.example/cb", "https://zweiter.example/cb"];
    let good = yard.put("/gut", json!([uris[0], uris[1], "https://dritter.example/"]).to_string().as_bytes());
    let said = metadata(json!({ "redirect_uris": uris, "sector_identifier_uri": good }));
    let answer = register(&world, &token, &said).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let several = Registrant::read(&world, &answer.json());
    assert_eq!(several.told["sector_identifier_uri"], json!(good));
    for (path, thing) in [
        ("/fehlt", json!([uris[0]]).to_string()),
        ("/leer", "[]".to_owned()),
        ("/text", "kein JSON".to_owned()),
        ("/objekt", json!({ "redirect_uris": uris }).to_string()),
        ("/lang", format!("[{}\"\"]", "\"https://laden.example/cb\",".repeat(4000))),
    ] {
        let uri = yard.put(path, thing.as_bytes());
        let said = metadata(json!({ "redirect_uris": uris, "sector_identifier_uri": uri }));
        assert_eq!(refusal(&register(&world, &token, &said).await), (400, "invalid_client_metadata".into()), "{path}");
    }
    let nowhere = good.replace("/gut", "/nichts");
    let said = metadata(json!({ "redirect_uris": uris, "sector_identifier_uri": nowhere }));
    assert_eq!(refusal(&register(&world, &token, &said).await).0, 400);

    let subject = async |renate: &mut crate::support::Browser, service: &Service| {
        let code = code(renate, service, &[]).await;
        claims(&text(&service.redeem(&world, &code).await.json(), "id_token"))["sub"].clone()
    };
    let [one, other] = [Registrant::new(&world, json!({})).await, Registrant::new(&world, json!({})).await];
    let own = subject(&mut renate, &one.service).await;
    assert_eq!(own, subject(&mut renate, &other.service).await, "of one host");
    assert_ne!(own, subject(&mut renate, &several.service).await, "of the host of its list");
    // Whoever gets what it gets without a redirect has proven no host.
    let grants = json!(["authorization_code", crate::device::GRANT]);
    let machine = Registrant::new(&world, json!({ "grant_types": grants })).await;
    assert_ne!(own, subject(&mut renate, &machine.service).await);
    // No file can name that sector.
    let declared = Service::new("laden");
    let text = declared.declaration("sector = \"host laden.example\"");
    assert!(nutzerkonto::client::ClientFile::parse(&text, true).is_err());
});

both!(its_picture_is_shown_from_here, async |mut world| {
    opened(&mut world).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let yard = Yard::open().await;
    let png = [&b"\x89PNG\r\n\x1a\n"[..], &[0; 100]].concat();
    let uri = yard.put("/logo.png", &png);
    let laden = Registrant::new(&world, json!({ "logo_uri": uri })).await;
    assert_eq!(laden.told["logo_uri"], json!(uri));
    let page = renate.visit(&laden.service.request(&[])).await;
    let path = format!("/dienst/{}/logo", laden.service.id);
    assert!(page.body.contains(&format!("src=\"{path}\"")) && !page.body.contains(&uri), "{}", page.body);
    let logo = renate.get(&path).await;
    assert_eq!((logo.status, logo.header("content-type")), (200, "image/png"));
    assert_eq!((logo.header("x-content-type-options"), logo.header("cache-control")), ("nosniff", "no-store"));
    assert_eq!(world.browser().get(&path).await.status, 303, "for those who are asked about it");
    let consent = crate::support::registrant::answers(&mut renate, &page, "weiter").await;
    assert!(consent.body.contains(&path), "{}", consent.body);
    for (name, thing) in [
        ("/bild.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec()),
        ("/bild.html", b"<html>\x89PNG\r\n\x1a\n".to_vec()),
        ("/gross.png", [&b"\x89PNG\r\n\x1a\n"[..], &vec![0; 100 * 1024]].concat()),
        ("/leer.png", Vec::new()),
    ] {
        let uri = yard.put(name, &thing);
        let told = Registrant::new(&world, json!({ "logo_uri": uri })).await;
        assert!(told.told.get("logo_uri").is_none(), "{name} is not shown");
        assert_eq!(renate.get(&format!("/dienst/{}/logo", told.service.id)).await.status, 404, "{name}");
    }
    let said = laden.said_again(json!({}));
    assert!(laden.ask(&world.browser(), "PUT", Some(&said)).await.json().get("logo_uri").is_none());
    assert_eq!(renate.get(&path).await.status, 404, "gone with what it said");
});

both!(certificates_come_with_its_keys, async |mut world| {
    opened(&mut world).await;
    world
        .restart(|config| {
            config.server.client_certificate_header = Some("Client-Cert".to_owned());
            config.server.trusted_proxies = vec![std::net::Ipv4Addr::LOCALHOST.into()];
        })
        .await;
    let pair = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["laden.example".to_owned()]).unwrap().self_signed(&pair).unwrap();
    let x5c = STANDARD.encode(certificate.der());
    let signer = Signer::new("laden");
    let mut plain = signer.jwk();
    plain.as_object_mut().unwrap().extend([("x5c".to_owned(), json!([x5c]))]);
    let said = json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": { "keys": [plain] },
                       "tls_client_certificate_bound_access_tokens": true, "profile": "fapi2-message-signing" });
    let laden = Registrant::new(&world, said).await;
    assert_eq!(
        (&laden.told["profile"], &laden.told["id_token_signed_response_alg"]),
        (&json!("fapi2-message-signing"), &json!("ES256"))
    );
    let ask = async |shown: Option<&str>| {
        let mut anybody = world.browser();
        let mut request = anybody.request(reqwest::Method::POST, "/oauth2/introspect");
        if let Some(shown) = shown {
            request = request.header("client-cert", format!(":{shown}:"));
        }
        anybody.send(request.form(&[("client_id", laden.service.id.as_str()), ("token", "x")])).await.status
    };
    assert_eq!((ask(Some(&x5c)).await, ask(None).await), (200, 401));
    let token = token(&world, 1).await;
    for keys in [json!([signer.jwk()]), json!([{ "kty": "EC", "x5c": ["AAAA"] }])] {
        let said = json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": { "keys": keys } });
        assert_eq!(refusal(&register(&world, &token, &metadata(said)).await), (400, "invalid_client_metadata".into()));
    }
});

both!(so_many_and_no_more_that_nobody_has_approved, async |mut world| {
    opened(&mut world).await;
    world.restart(|config| config.registration.clients_max = 2).await;
    let token = token(&world, 10).await;
    let [one, _two] = [Registrant::new(&world, json!({})).await, Registrant::new(&world, json!({})).await];
    let answer = register(&world, &token, &metadata(json!({}))).await;
    assert_eq!(refusal(&answer), (429, "temporarily_unavailable".to_owned()));
    assert!(!answer.header("retry-after").is_empty());
    one.approve(&world).await;
    assert_eq!(register(&world, &token, &metadata(json!({}))).await.status, 201);
    assert_eq!(register(&world, &token, &metadata(json!({}))).await.status, 429);
    world.pass(days(30));
    let token = crate::support::registrant::token(&world, 1).await;
    assert_eq!(register(&world, &token, &metadata(json!({}))).await.status, 201, "others have ended");
});
