//! Signing in on a device without keyboard or browser (RFC 8628): the whole way, and what a device is told on it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::both;
use crate::security_assertion::Signer;
use crate::sender_constraint::{self, At, Bound, TOKEN};
use crate::support::browser::{Answer, PASSWORD};
use crate::support::doors::{refusal, text};
use crate::support::service::{claims, vorgang};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub const ENDPOINT: &str = "/oauth2/device_authorization";
pub const SCOPE: (&str, &str) = ("scope", "openid profile email");
pub const INTERVAL: Duration = Duration::from_secs(5);

/// A ticket machine, which may use devices.
pub async fn automat(world: &World) -> Service {
    let automat = Service::new("automat");
    world.clients(&automat.offline_declaration("device = true")).await;
    automat
}

pub async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// What a device gets: its own code, and the one that it shows.
pub async fn begun(world: &World, service: &Service, form: &[(&str, &str)]) -> (String, String) {
    let answer = service.ask(world, ENDPOINT, form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (text(&answer.json(), "device_code"), text(&answer.json(), "user_code"))
}

pub async fn ask(world: &World, service: &Service, device_code: &str) -> Answer {
    ask_at(&world.browser(), service, device_code).await
}

pub async fn ask_at(node: &Browser, service: &Service, device_code: &str) -> Answer {
    service.ask_at(node, "/oauth2/token", &[("grant_type", GRANT), ("device_code", device_code)]).await
}

/// What the device is told, by its error code.
pub async fn told(world: &World, service: &Service, device_code: &str) -> String {
    refusal(&ask(world, service, device_code).await).1
}

/// Types a code; where that leads.
pub async fn types(browser: &mut Browser, user_code: &str) -> Answer {
    browser.get("/geraet").await;
    let answer = browser.post("/geraet", &[("code", user_code)]).await;
    browser.follow(answer).await
}

/// Answers the page that asks whose device it is; where that leads.
pub async fn answers(browser: &mut Browser, page: &Answer, word: &str) -> Answer {
    let answer = browser.post(&format!("/geraet/pruefen?vorgang={}", vorgang(page)), &[("antwort", word)]).await;
    browser.follow(answer).await
}

/// From the typed code to the last page, with a consent if it is asked.
pub async fn allows(browser: &mut Browser, user_code: &str) -> Answer {
    let page = types(browser, user_code).await;
    let page = answers(browser, &page, "erlauben").await;
    if !page.body.contains("action=\"/einwilligung") {
        return page;
    }
    let answer = browser.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &[("antwort", "ja")]).await;
    browser.follow(answer).await
}

/// The members of RFC 8628 section 3.2, in their form.
fn checked(world: &World, begun: &Value) -> (String, String) {
    let mut members: Vec<&String> = begun.as_object().unwrap().keys().collect();
    members.sort();
    // No address with the code in it: it would make one click of a trap.
    assert_eq!(members, ["device_code", "expires_in", "interval", "user_code", "verification_uri"]);
    assert_eq!((&begun["expires_in"], &begun["interval"]), (&json!(600), &json!(5)));
    assert_eq!(begun["verification_uri"], format!("{}/geraet", world.config.issuer));
    let (device_code, user_code) = (text(begun, "device_code"), text(begun, "user_code"));
    assert_eq!(device_code.len(), 43);
    let (first, second) = user_code.split_once('-').unwrap();
    assert!(
        [first, second]
            .iter()
            .all(|half| half.len() == 4 && half.bytes().all(|b| b"BCDFGHJKLMNPQRSTVWXZ".contains(&b)))
    );
    (device_code, user_code)
}

both!(somebody_signs_in_on_a_device, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let signed_in_at = world.app.now().seconds();
    world.pass(Duration::from_secs(120));
    let answer = automat.ask(&world, ENDPOINT, &[SCOPE]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let begun = answer.json();
    let (device_code, user_code) = checked(&world, &begun);
    assert_eq!(told(&world, &automat, &device_code).await, "authorization_pending");

    let page = types(&mut renate, &user_code.to_lowercase().replace('-', " ")).await;
    assert_eq!((page.status, page.heading()), (200, "Soll dieses Gerät mit Ihrem Konto angemeldet werden?"));
    for words in [
        "Stadt Musterhausen – Dienst automat",
        "10:04",
        "Ihren Antrag bearbeiten",
        "Vornamen",
        "Niemand von einer Behörde",
        "id=\"ablehnen\"",
        "id=\"erlauben\"",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let (deny, allow) = (page.body.find("id=\"ablehnen\"").unwrap(), page.body.find("id=\"erlauben\"").unwrap());
    assert!(deny < allow, "denying comes first");
    let consent = answers(&mut renate, &page, "erlauben").await;
    assert!(consent.heading().starts_with("Diese Daten gehen an"), "{}", consent.body);
    let done = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&consent)), &[("antwort", "ja")]).await;
    assert_eq!(renate.follow(done).await.heading(), "Gehen Sie zurück zu Ihrem Gerät");

    world.pass(INTERVAL);
    let answer = ask(&world, &automat, &device_code).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    let tokens = answer.json();
    assert_eq!((&tokens["scope"], tokens.get("refresh_token")), (&json!("openid profile email"), None));
    let id = claims(&text(&tokens, "id_token"));
    assert_eq!((&id["auth_time"], &id["aud"]), (&json!(signed_in_at), &json!("automat")));
    assert_eq!((&id["acr"], id.get("nonce")), (&json!("http://bsi.bund.de/eID/LoA/undefined"), None));
    let person = automat.userinfo(&world, &text(&tokens, "access_token")).await.json();
    assert_eq!((&person["given_name"], &person["email"]), (&json!("Renate"), &json!(EMAIL)));
    assert!(renate.get("/dienste").await.body.contains("Dienst automat"), "a connection as any other");
    let events = world.texts("SELECT kind FROM audit_event WHERE kind = 'grant.issued'").await;
    assert_eq!(events.len(), 1);
    assert!(renate.get("/daten/protokoll?art=dienste").await.body.contains("Dienst automat"));

    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains(&device_code) && !dump.contains(&user_code.replace('-', "")), "sec_n06: only hashes");
});

both!(whose_device_it_is_is_asked_every_time, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    for round in 0..2 {
        let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
        let page = types(&mut renate, &user_code).await;
        assert!(page.body.contains("id=\"warnung\""), "{}", page.body);
        let next = answers(&mut renate, &page, "erlauben").await;
        if round == 0 {
            assert!(next.body.contains("wird das Gerät nicht angemeldet"), "{}", next.body);
            let path = format!("/einwilligung?vorgang={}", vorgang(&next));
            assert_eq!(renate.post(&path, &[("antwort", "ja")]).await.status, 303);
            renate.visit(&format!("/weiter?vorgang={}", vorgang(&next))).await;
        } else {
            assert_eq!(next.heading(), "Gehen Sie zurück zu Ihrem Gerät", "consented before");
        }
        world.pass(INTERVAL);
        assert_eq!(ask(&world, &automat, &device_code).await.status, 200);
    }
});

both!(a_device_is_denied, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    // The button, anything else than the other button, the way out, and no consent.
    for way in ["ablehnen", "", "ja", "cancel", "consent"] {
        let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
        let page = types(&mut renate, &user_code).await;
        let flow = format!("?vorgang={}", vorgang(&page));
        let end = match way {
            "cancel" => {
                let answer = renate.post(&format!("/abbrechen{flow}"), &[]).await;
                renate.follow(answer).await
            }
            "consent" => {
                answers(&mut renate, &page, "erlauben").await;
                let answer = renate.post(&format!("/einwilligung{flow}"), &[("antwort", "nein")]).await;
                renate.follow(answer).await
            }
            word => answers(&mut renate, &page, word).await,
        };
        assert_eq!(end.heading(), "Das Gerät ist nicht angemeldet", "{way}");
        for _ in 0..2 {
            assert_eq!(told(&world, &automat, &device_code).await, "access_denied", "{way}");
        }
        assert_eq!(types(&mut renate, &user_code).await.status, 422, "{way}");
        let denied =
            world.texts("SELECT subject FROM audit_event WHERE kind = 'client.device_denied' ORDER BY id").await;
        assert_eq!(denied.last().map(String::as_str), Some("client:automat"), "{way}");
        assert_eq!(renate.get(&format!("/geraet/pruefen{flow}")).await.status, 410, "{way}");
        world.pass(Duration::from_secs(3600));
        renate.sign_in(EMAIL, PASSWORD).await;
    }
    assert_eq!(world.rows("client_grant").await, 0);
});

both!(a_device_code_ends_after_ten_minutes, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    let (late, late_code) = begun(&world, &automat, &[SCOPE]).await;
    assert_eq!(allows(&mut renate, &late_code).await.heading(), "Gehen Sie zurück zu Ihrem Gerät");
    let page = types(&mut renate, &user_code).await;
    world.pass(Duration::from_millis(599_999));
    assert_eq!(told(&world, &automat, &device_code).await, "authorization_pending");
    world.pass(Duration::from_millis(1));
    assert_eq!(told(&world, &automat, &device_code).await, "expired_token");
    assert_eq!(told(&world, &automat, &late).await, "expired_token", "allowed, and not fetched in time");
    assert_eq!(types(&mut renate, &user_code).await.status, 422);
    let flow = format!("?vorgang={}", vorgang(&page));
    assert_eq!(renate.get(&format!("/geraet/pruefen{flow}")).await.status, 410);
    assert_eq!(answers(&mut renate, &page, "erlauben").await.status, 410);
    assert_eq!(told(&world, &automat, &device_code).await, "expired_token");
    assert_eq!(world.rows("client_grant").await, 0);
});

both!(who_asks_too_often_has_to_wait_longer, async |world| {
    let automat = automat(&world).await;
    let (device_code, _) = begun(&world, &automat, &[SCOPE]).await;
    let (pending, slow) = ("authorization_pending", "slow_down");
    for (passed, expected) in [
        (0, pending),
        (5, pending),
        (3, slow), // ten seconds from now on
        (5, slow), // fifteen
        (15, pending),
        (10, slow), // twenty
        (20, pending),
        (20, pending),
    ] {
        world.pass(Duration::from_secs(passed));
        assert_eq!(told(&world, &automat, &device_code).await, expected, "after {passed} s");
    }
    let mut renate = renate(&world).await;
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    assert_eq!(told(&world, &automat, &device_code).await, pending);
    allows(&mut renate, &user_code).await;
    assert_eq!(ask(&world, &automat, &device_code).await.status, 200, "only who waits is told to slow down");
});

both!(a_restart_takes_nothing_away, async |mut world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    assert_eq!(told(&world, &automat, &device_code).await, "authorization_pending");
    world.restart(|_| {}).await;
    assert_eq!(told(&world, &automat, &device_code).await, "slow_down", "when it asked is known");
    let page = types(&mut renate, &user_code).await;
    world.restart(|_| {}).await;
    let page = answers(&mut renate, &page, "erlauben").await;
    world.restart(|_| {}).await;
    let done = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &[("antwort", "ja")]).await;
    assert_eq!(renate.follow(done).await.heading(), "Gehen Sie zurück zu Ihrem Gerät");
    world.restart(|_| {}).await;
    assert_eq!(ask(&world, &automat, &device_code).await.status, 200);
    world.restart(|_| {}).await;
    assert_eq!(told(&world, &automat, &device_code).await, "invalid_grant", "once");
});

both!(who_is_not_signed_in_comes_back_to_the_code, async |world| {
    let automat = automat(&world).await;
    renate(&world).await;
    let (_, user_code) = begun(&world, &automat, &[SCOPE]).await;
    let mut elsewhere = world.browser();
    assert_eq!(elsewhere.get("/geraet").await.location(), "/anmelden?ziel=geraet");
    let page = elsewhere.get("/anmelden?ziel=geraet").await;
    for link in ["/registrieren?ziel=geraet", "/wieder-anmelden?ziel=geraet", "/anmelden?ziel=geraet#fehler"] {
        assert!(page.body.contains(link), "{link}: {}", page.body);
    }
    let form = [("email", EMAIL), ("password", "falsch-falsch-falsch")];
    let wrong = elsewhere.post("/anmelden?ziel=geraet", &form).await;
    assert!(wrong.status == 422 && wrong.body.contains("/anmelden?ziel=geraet#fehler"), "{}", wrong.body);
    let back = elsewhere.post("/anmelden?ziel=geraet", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(back.location(), "/geraet");
    assert_eq!(elsewhere.get("/anmelden?ziel=geraet").await.location(), "/geraet", "signed in already");
    elsewhere.get("/geraet").await;
    assert_eq!(allows(&mut elsewhere, &user_code).await.heading(), "Gehen Sie zurück zu Ihrem Gerät");
    let mut anybody = world.browser();
    anybody.get("/anmelden").await;
    let strange = anybody.post("/anmelden?ziel=//evil.example", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(strange.location(), "/konto", "no other place");
});

both!(who_registers_on_the_way_comes_back_to_the_code, async |world| {
    let mut nadine = world.browser();
    let to = |path: &str| format!("{path}?ziel=geraet");
    let (email, name) = ("nadine@example.org", [("given_names", "Nadine"), ("family_name", "Weber")]);
    let birth = [("birth_day", "12"), ("birth_month", "5"), ("birth_year", "1959")];
    nadine.get(&to("/registrieren/email")).await;
    let sent = nadine.post(&to("/registrieren/email"), &[("email", email)]).await;
    assert_eq!(sent.location(), to("/registrieren/code"));
    let code = world.code_for(email).await;
    nadine.post(&to("/registrieren/code"), &[("code", &code)]).await;
    nadine.post(&to("/registrieren/name"), &[&name[..], &birth].concat()).await;
    nadine.post(&to("/registrieren/passwort"), &[("password", PASSWORD)]).await;
    nadine.post(&to("/registrieren/wiederherstellung"), &[("kept", "ja")]).await;
    let done = nadine.post(&to("/registrieren/pruefen"), &[]).await;
    let page = nadine.follow(done).await;
    assert!(page.body.contains("id=\"weiter\" href=\"/geraet\""), "{}", page.body);
});

both!(a_level_that_nobody_reaches_ends_with_an_explanation, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let acr = json!({ "essential": true, "value": "http://eidas.europa.eu/LoA/substantial" });
    let wanted = json!({ "id_token": { "acr": acr } }).to_string();
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE, ("claims", &wanted)]).await;
    let page = types(&mut renate, &user_code).await;
    assert_eq!(page.heading(), "Für diesen Dienst brauchen Sie das Vertrauensniveau substanziell");
    let flow = format!("?vorgang={}", vorgang(&page));
    let round = answers(&mut renate, &page, "erlauben").await;
    assert_eq!(round.heading(), page.heading(), "no way around it");
    let end = renate.post(&format!("/abbrechen{flow}"), &[]).await;
    assert_eq!(renate.follow(end).await.heading(), "Das Gerät ist nicht angemeldet");
    assert_eq!(told(&world, &automat, &device_code).await, "access_denied");
});

both!(access_that_outlives_the_session_and_single_claims, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let single = json!({ "id_token": { "family_name": null } }).to_string();
    let form = [("scope", "openid offline_access"), ("claims", single.as_str()), ("nonce", "n-1")];
    let (device_code, user_code) = begun(&world, &automat, &form).await;
    let page = types(&mut renate, &user_code).await;
    assert!(page.body.contains("wenn Sie abgemeldet sind") && page.body.contains("Familienname"), "{}", page.body);
    assert!(!page.body.contains("E-Mail-Adresse"), "{}", page.body);
    allows(&mut renate, &user_code).await;
    let tokens = ask(&world, &automat, &device_code).await.json();
    let id = claims(&text(&tokens, "id_token"));
    assert_eq!((&id["family_name"], &id["nonce"], id.get("email")), (&json!("Muster"), &json!("n-1"), None));
    renate.get("/konto").await;
    renate.post("/abmelden", &[]).await;
    assert_eq!(automat.userinfo(&world, &text(&tokens, "access_token")).await.status, 200);
    assert_eq!(automat.refresh(&world, &text(&tokens, "refresh_token")).await.status, 200);
});

both!(sec_j04_tokens_of_a_device_are_bound_to_its_key, async |world| {
    const AT: At<'static> = At { method: "POST", path: ENDPOINT, token: None };
    let bound = Bound::new(&world, "baseline").await;
    world.clients(&bound.client.declaration("device = true")).await;
    let mut renate = renate(&world).await;
    let nonce = bound.nonce(&world).await;
    let thief = Bound { client: Signer::new("x"), key: Signer::new("dieb") };
    let mut allowed = async |proof: Option<String>| {
        let begun = bound.ask(&world, AT, &[SCOPE], proof.as_deref()).await;
        assert_eq!(begun.status, 200, "{}", begun.body);
        allows(&mut renate, &text(&begun.json(), "user_code")).await;
        text(&begun.json(), "device_code")
    };
    let redeem = async |code: &str, proof: Option<String>| {
        let form = [("grant_type", GRANT), ("device_code", code)];
        bound.ask(&world, TOKEN, &form, proof.as_deref()).await
    };
    let thumbprint = |tokens: &Value| claims(&text(tokens, "access_token"))["cnf"]["jkt"].clone();
    let key = json!(sender_constraint::thumbprint(&bound.key));
    let code = allowed(None).await;
    let tokens = redeem(&code, Some(bound.proof(&world, TOKEN, &nonce))).await.json();
    assert_eq!((&tokens["token_type"], thumbprint(&tokens)), (&json!("DPoP"), key.clone()));
    let code = allowed(Some(bound.proof(&world, AT, &nonce))).await;
    let stolen = redeem(&code, Some(thief.proof(&world, TOKEN, &nonce))).await;
    assert_eq!(refusal(&stolen), (400, "invalid_grant".to_owned()));
    let code = allowed(Some(bound.proof(&world, AT, &nonce))).await;
    let tokens = redeem(&code, Some(bound.proof(&world, TOKEN, &nonce))).await.json();
    assert_eq!(thumbprint(&tokens), key);
});
