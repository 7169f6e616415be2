//! What strangers do with the codes of devices (RFC 8628 section 5): guess them, steal them, use them twice, and get others to
//! type them. Attack rows B01 to B04, D01 to D07, E09 to E11, I08, O04 and O08 as far as they are about devices.

use std::time::Duration;

use nutzerkonto::kernel::id::ClientId;
use nutzerkonto::operator::{Inquiry, client};
use nutzerkonto::sql;

use crate::both;
use crate::device::{
    ENDPOINT, GRANT, INTERVAL, SCOPE, allows, answers, ask, ask_at, automat, begun, renate, told, types,
};
use crate::support::browser::{Answer, PASSWORD};
use crate::support::doors::{refusal, text};
use crate::support::service::vorgang;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

fn refused(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

both!(sec_e10_only_clients_that_are_declared_for_it, async |world| {
    let (automat, parken) = (Service::new("automat"), Service::new("parken"));
    world.clients(&format!("{}{}", automat.declaration("device = true"), parken.declaration(""))).await;
    let unauthorized = refused("unauthorized_client");
    assert_eq!(refusal(&parken.ask(&world, ENDPOINT, &[SCOPE]).await), unauthorized);
    let (device_code, _) = begun(&world, &automat, &[SCOPE]).await;
    assert_eq!(refusal(&ask(&world, &parken, &device_code).await), unauthorized);
    assert_eq!(told(&world, &automat, &device_code).await, "authorization_pending", "it has taken nothing away");
    let mut anybody = world.browser();
    for form in [vec![("client_id", "automat"), SCOPE], vec![("client_id", "automat"), ("client_secret", "x")], vec![]]
    {
        let answer = anybody.post_exactly(ENDPOINT, &form).await;
        assert_eq!(refusal(&answer), (401, "invalid_client".to_owned()), "sec_e09 {form:?}");
    }
    let in_query = automat.ask(&world, &format!("{ENDPOINT}?scope=openid"), &[]).await;
    assert_eq!(refusal(&in_query), refused("invalid_request"));
    assert_eq!(anybody.get(ENDPOINT).await.status, 405, "sec_e01");
    for (change, code) in [
        (("scope", ""), "invalid_scope"),
        (("scope", "profile"), "invalid_scope"),
        (("scope", "openid phone"), "invalid_scope"),
        (("resource", "https://evil.example/"), "invalid_target"),
        (("claims", "{"), "invalid_request"),
        (("max_age", "-1"), "invalid_request"),
        (("request", "a.b.c"), "request_not_supported"),
        (("request_uri", "urn:x"), "request_uri_not_supported"),
    ] {
        let form = if change.0 == "scope" { vec![change] } else { vec![SCOPE, change] };
        assert_eq!(refusal(&automat.ask(&world, ENDPOINT, &form).await), refused(code), "{change:?}");
    }
    let twice = automat.ask(&world, ENDPOINT, &[SCOPE, SCOPE]).await;
    assert_eq!(refusal(&twice), refused("invalid_request"), "sec_a12");
    let missing = automat.ask(&world, "/oauth2/token", &[("grant_type", GRANT)]).await;
    assert_eq!(refusal(&missing), refused("invalid_request"));
    assert_eq!(world.rows("device_authorization").await, 1);
});

both!(sec_d03_a_device_code_is_its_clients_alone, async |world| {
    let [automat, kiosk] = ["automat", "kiosk"].map(Service::new);
    world.clients(&[&automat, &kiosk].map(|service| service.declaration("device = true")).concat()).await;
    let mut renate = renate(&world).await;
    // While it waits, and when it has been allowed.
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    assert_eq!(told(&world, &kiosk, &device_code).await, "invalid_grant");
    assert_eq!(told(&world, &automat, &device_code).await, "access_denied", "two know it: it is worth nothing");
    assert_eq!(types(&mut renate, &user_code).await.status, 422);
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    allows(&mut renate, &user_code).await;
    assert_eq!(told(&world, &kiosk, &device_code).await, "invalid_grant");
    assert_eq!(told(&world, &automat, &device_code).await, "invalid_grant", "burnt");
    let events = world.texts("SELECT kind FROM audit_event WHERE kind = 'code.refused'").await;
    assert!(!events.is_empty(), "and recorded");
    assert_eq!(world.rows("client_grant").await, 0);
    let (device_code, _) = begun(&world, &automat, &[SCOPE]).await;
    let shorter = &device_code[1..];
    for other in [shorter, &format!("{device_code}A"), &device_code.to_lowercase(), "x"] {
        assert_eq!(told(&world, &automat, other).await, "invalid_grant", "sec_d06 {other}");
    }
});

both!(sec_b04_codes_of_devices_are_nothing_else, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    allows(&mut renate, &user_code).await;
    for redirect_uri in [automat.redirect_uri.as_str(), "", GRANT] {
        for verifier in [crate::support::service::VERIFIER, ""] {
            let form = [("redirect_uri", redirect_uri), ("code_verifier", verifier)];
            let answer = automat.redeem_at(&world.browser(), &device_code, &form).await;
            assert_eq!(answer.status, 400, "as an authorization code");
        }
    }
    assert_eq!(automat.refresh(&world, &device_code).await.status, 400);
    assert_eq!(automat.userinfo(&world, &device_code).await.status, 401);
    let code = automat.code(&mut renate, &[]).await;
    for other in [code.as_str(), user_code.as_str(), &user_code.replace('-', "")] {
        assert_eq!(told(&world, &automat, other).await, "invalid_grant", "{other}");
    }
    assert_eq!(automat.redeem(&world, &code).await.status, 200, "none of it was taken away");
    world.pass(INTERVAL);
    assert_eq!(ask(&world, &automat, &device_code).await.status, 200);
});

both!(sec_d02_a_device_code_is_redeemed_once_on_two_nodes, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let node = world.second_node().await;
    let nodes = [world.browser(), world.browser().at(node.running.address)];
    for _ in 0..3 {
        let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
        let page = types(&mut renate, &user_code).await;
        let asking = (0..16).map(|number| ask_at(&nodes[number % 2], &automat, &device_code));
        for answer in futures_util::future::join_all(asking).await {
            assert!(["authorization_pending", "slow_down"].contains(&refusal(&answer).1.as_str()), "{answer:?}");
        }
        let page = answers(&mut renate, &page, "erlauben").await;
        if page.body.contains("action=\"/einwilligung") {
            let path = format!("/einwilligung?vorgang={}", vorgang(&page));
            let answer = renate.post(&path, &[("antwort", "ja")]).await;
            renate.follow(answer).await;
        }
        let asking = (0..64).map(|number| ask_at(&nodes[number % 2], &automat, &device_code));
        let answers = futures_util::future::join_all(asking).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(won.len(), 1, "{statuses:?}");
        assert!(answers.iter().all(|answer| answer.status == 200 || refusal(answer) == refused("invalid_grant")));
        let access = text(&won[0].json(), "access_token");
        assert_eq!(automat.userinfo(&world, &access).await.status, 401, "sec_d01: it came twice");
        world.pass(Duration::from_secs(900));
    }
    node.running.abort().await;
});

both!(sec_d02_a_device_is_answered_once, async |world| {
    let automat = automat(&world).await;
    let renate = renate(&world).await;
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Beispiel"]).await;
    let node = world.second_node().await;
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    let mut people = [renate, emre.at(node.running.address)];
    let mut flows = Vec::new();
    for person in &mut people {
        let page = types(person, &user_code).await;
        let page = answers(person, &page, "erlauben").await;
        flows.push(format!("/einwilligung?vorgang={}", vorgang(&page)));
    }
    let allowing = people.iter_mut().zip(&flows).map(|(person, path)| async move {
        let answer = person.post(path, &[("antwort", "ja")]).await;
        person.follow(answer).await.heading().to_owned()
    });
    let mut headings = futures_util::future::join_all(allowing).await;
    headings.sort();
    assert_eq!(headings, ["Dieser Vorgang ist beendet", "Gehen Sie zurück zu Ihrem Gerät"]);
    assert_eq!(ask(&world, &automat, &device_code).await.status, 200);
    assert_eq!(world.rows("client_grant").await, 1);
    node.running.abort().await;
});

both!(sec_d07_what_has_changed_since_counts, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let by = || Inquiry::new("k.muster", "Beschwerde der Stadt ueber den Dienst").unwrap();
    for change in ["nothing", "consent", "session", "client", "key"] {
        let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
        assert_eq!(allows(&mut renate, &user_code).await.heading(), "Gehen Sie zurück zu Ihrem Gerät", "{change}");
        match change {
            "consent" => {
                renate.get("/dienste/automat/beenden").await;
                renate.post("/dienste/automat/beenden", &[]).await;
            }
            "session" => {
                renate.get("/konto").await;
                renate.post("/abmelden", &[]).await;
            }
            "client" => {
                client::disable(&world.app, &by(), &ClientId("automat".into())).await.unwrap();
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
            "key" => world.clients(&automat.declaration("")).await,
            _ => {}
        }
        let expected = match change {
            "nothing" => (200, String::new()),
            "client" => (401, "invalid_client".to_owned()),
            "key" => refused("unauthorized_client"),
            _ => refused("invalid_grant"),
        };
        assert_eq!(refusal(&ask(&world, &automat, &device_code).await), expected, "{change}");
        if change == "client" {
            client::enable(&world.app, &by(), &ClientId("automat".into())).await.unwrap();
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        world.pass(Duration::from_secs(1000));
        if change != "nothing" {
            renate = world.browser();
            renate.sign_in(EMAIL, PASSWORD).await;
        }
    }
});

both!(sec_e11_a_client_that_is_switched_off_gets_nobody, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let (_, user_code) = begun(&world, &automat, &[SCOPE]).await;
    let page = types(&mut renate, &user_code).await;
    let by = Inquiry::new("k.muster", "Beschwerde der Stadt ueber den Dienst").unwrap();
    client::disable(&world.app, &by, &ClientId("automat".into())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(answers(&mut renate, &page, "erlauben").await.status, 410);
    let again = types(&mut renate, &user_code).await;
    assert!(again.status == 422 && again.body.contains("Dieser Code ist falsch"), "as any wrong code: {}", again.body);
    assert_eq!(refusal(&automat.ask(&world, ENDPOINT, &[SCOPE]).await), (401, "invalid_client".to_owned()));
});

both!(sec_e10_who_may_not_use_devices_any_more_gets_nobody, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    let (_, later) = begun(&world, &automat, &[SCOPE]).await;
    let page = types(&mut renate, &user_code).await;
    world.clients(&automat.declaration("")).await;
    assert_eq!(types(&mut renate, &later).await.status, 422);
    answers(&mut renate, &page, "erlauben").await;
    assert_eq!(refusal(&ask(&world, &automat, &device_code).await), refused("unauthorized_client"));
    assert_eq!(world.rows("client_grant").await, 0);
});

both!(sec_o08_codes_of_devices_cannot_be_guessed, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let (_, user_code) = begun(&world, &automat, &[SCOPE]).await;
    let (_, other) = begun(&world, &automat, &[SCOPE]).await;
    let wrong = async |browser: &mut Browser, code: &str| {
        browser.get("/geraet").await;
        browser.post("/geraet", &[("code", code)]).await
    };
    // One that waits for nobody and one that has been denied look the same.
    let page = types(&mut renate, &other).await;
    answers(&mut renate, &page, "ablehnen").await;
    let without =
        |answer: &Answer, code: &str| answer.body.replace(code, "CODE").replace(&answer.hidden("csrf"), "CSRF");
    let unknown = wrong(&mut renate, "BCDF-GHJK").await;
    let denied = wrong(&mut renate, &other).await;
    assert_eq!((unknown.status, denied.status), (422, 422));
    assert_eq!(without(&unknown, "BCDF-GHJK"), without(&denied, &other));
    // Three tries so far, of ten. The right one counts as well.
    let node = world.second_node().await;
    for number in 3..10 {
        let mut browser = if number % 2 == 0 { renate.clone() } else { renate.at(node.running.address) };
        let typed = if number == 5 { user_code.as_str() } else { "BCDF-GHJK" };
        let expected = if number == 5 { 303 } else { 422 };
        assert_eq!(wrong(&mut browser, typed).await.status, expected, "{number}");
    }
    let refused = wrong(&mut renate, &user_code).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "901"), "the right one as well");
    let mut elsewhere = world.browser();
    elsewhere.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(wrong(&mut elsewhere, &user_code).await.status, 429, "another browser of the same account");
    world.pass(Duration::from_secs(901));
    let (_, user_code) = begun(&world, &automat, &[SCOPE]).await;
    assert_eq!(wrong(&mut renate, &user_code).await.status, 303);
    node.running.abort().await;
});

both!(sec_o04_guesses_at_once_are_counted_exactly, async |world| {
    let mut renate = renate(&world).await;
    renate.get("/geraet").await;
    let node = world.second_node().await;
    let guesses = (0..30).map(|number| {
        let mut browser = if number % 2 == 0 { renate.clone() } else { renate.at(node.running.address) };
        async move { browser.post("/geraet", &[("code", "BCDF-GHJK")]).await.status }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 20, "{statuses:?}");
    node.running.abort().await;
});

both!(sec_b01_a_device_waits_for_the_browser_that_typed_its_code, async |world| {
    let automat = automat(&world).await;
    let mut renate = renate(&world).await;
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Beispiel"]).await;
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    let page = types(&mut renate, &user_code).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    emre.get("/geraet").await;
    assert_eq!(emre.get(&format!("/geraet/pruefen{flow}")).await.status, 410, "somebody else's browser");
    assert_eq!(emre.post(&format!("/geraet/pruefen{flow}"), &[("antwort", "erlauben")]).await.status, 410);
    // B02: what comes later does not stand in for what comes first.
    let consent = renate.post(&format!("/einwilligung{flow}"), &[("antwort", "ja")]).await;
    let page = renate.follow(consent).await;
    assert!(page.body.contains("id=\"warnung\""), "consented, and asked nevertheless: {}", page.body);
    assert_eq!(renate.visit(&format!("/weiter{flow}")).await.heading(), page.heading());
    assert_eq!(told(&world, &automat, &device_code).await, "authorization_pending");
    let by_get = renate.get(&format!("/geraet/pruefen{flow}&antwort=erlauben")).await;
    assert_eq!((by_get.status, by_get.heading()), (200, page.heading()), "looking changes nothing");
    world.pass(INTERVAL);
    assert_eq!(told(&world, &automat, &device_code).await, "authorization_pending");
    // A code in an address is not typed.
    let prefilled = renate.get(&format!("/geraet?code={user_code}&user_code={user_code}")).await;
    assert!(!prefilled.body.contains(&format!("value=\"{user_code}\"")), "{}", prefilled.body);
});

both!(sec_b05_who_said_so_has_to_be_who_is_signed_in, async |world| {
    let automat = automat(&world).await;
    let mut browser = renate(&world).await;
    world.browser().register(&world, "emre@example.org", ["Emre", "Beispiel"]).await;
    let mut elsewhere = world.browser();
    elsewhere.sign_in("emre@example.org", PASSWORD).await;
    let (first, user_code) = begun(&world, &automat, &[SCOPE]).await;
    allows(&mut elsewhere, &user_code).await;
    world.pass(INTERVAL);
    assert_eq!(ask(&world, &automat, &first).await.status, 200, "Emre has consented before");
    let (device_code, user_code) = begun(&world, &automat, &[SCOPE]).await;
    let page = types(&mut browser, &user_code).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    let page = answers(&mut browser, &page, "erlauben").await;
    assert!(page.body.contains("action=\"/einwilligung"), "Renate has said it and not consented: {}", page.body);
    let form = [("email", "emre@example.org"), ("password", PASSWORD)];
    let answer = browser.post(&format!("/anmelden{flow}"), &form).await;
    let page = browser.follow(answer).await;
    assert!(page.body.contains("id=\"warnung\""), "Emre has not said anything: {}", page.body);
    assert_eq!(told(&world, &automat, &device_code).await, "authorization_pending");
});

async fn waiting(world: &World) -> i64 {
    world.rows("device_authorization WHERE state = 'pending'").await
}

both!(sec_i08_only_so_many_devices_wait, async |world| {
    let (app, automat) = (Service::public("app"), Service::new("automat"));
    world.clients(&format!("{}{}", app.declaration("device = true"), automat.declaration("device = true"))).await;
    for _ in 0..50 {
        begun(&world, &app, &[SCOPE]).await;
    }
    let full = app.ask(&world, ENDPOINT, &[SCOPE]).await;
    assert_eq!((full.status, full.header("retry-after")), (429, "61"), "one place, a client that anybody can be");
    assert_eq!(refusal(&full).1, "temporarily_unavailable");
    let (device_code, _) = begun(&world, &automat, &[SCOPE]).await;
    let mut tx = world.app.db.begin().await.unwrap();
    for number in 1..1000 {
        let hash = format!("gerät {number}");
        sql!(
            &mut tx,
            execute,
            "INSERT INTO device_authorization
                 (device_hash, user_hash, client_id, request, state, interval_seconds, created_at, expires_at)
             VALUES ($1, $1, 'automat', $1, 'pending', 5, $2, $3)",
            hash.as_bytes(),
            world.app.now(),
            world.app.now().plus(Duration::from_secs(600))
        )
        .unwrap();
    }
    world.app.db.commit(tx).await.unwrap();
    assert_eq!(waiting(&world).await, 1050);
    assert_eq!(automat.ask(&world, ENDPOINT, &[SCOPE]).await.status, 429);
    assert_eq!(told(&world, &automat, &device_code).await, "authorization_pending", "who waits goes on waiting");
    world.pass(Duration::from_secs(600));
    begun(&world, &automat, &[SCOPE]).await;
    begun(&world, &app, &[SCOPE]).await;
});
