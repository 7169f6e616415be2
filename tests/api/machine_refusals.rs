//! What a key of an organisation does not get: everything that is not right at the moment at which it asks.

use nutzerkonto::kernel::time::days;
use serde_json::{Value, json};

use crate::both;
use crate::security_assertion::Signer;
use crate::support::Service;
use crate::support::browser::Answer;
use crate::support::machine::{API, declaration, form, known};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// What is wrong with the claims of an assertion.
type Change<'a> = &'a dyn Fn(&mut Value);

both!(sec_e05_only_its_own_assertion_once, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    let (program, other) = (firm.gives_key(&mut nadine).await, firm.gives_key(&mut nadine).await);
    let now = world.app.now().seconds();
    let wrong: [(&str, Change<'_>); 8] = [
        ("another's name", &|claims| (claims["iss"], claims["sub"]) = (json!(other.id()), json!(other.id()))),
        ("nobody's name", &|claims| {
            let id = format!("oky_{}", "0".repeat(26));
            (claims["iss"], claims["sub"]) = (json!(id), json!(id));
        }),
        ("an organisation's name", &|claims| {
            (claims["iss"], claims["sub"]) = (json!(firm.id.as_str()), json!(firm.id.as_str()));
        }),
        ("another issuer", &|claims| claims["iss"] = json!(other.id())),
        ("another audience", &|claims| claims["aud"] = json!("https://anderswo.example")),
        ("the API as audience", &|claims| claims["aud"] = json!(API)),
        ("expired", &|claims| claims["exp"] = json!(now - 1)),
        ("for ever", &|claims| claims["exp"] = json!(now + 3600)),
    ];
    let browser = world.browser();
    for (what, change) in wrong {
        let assertion = program.signer.assertion(&world, change);
        let answer = program.presents(&browser, "/oauth2/token", &assertion, &[GRANT]).await;
        assert_eq!(refusal(&answer), is(401, "invalid_client"), "{what}");
    }
    let claims = program.signer.claims(&world).to_string();
    for header in [json!({ "alg": "ES256", "kid": "zwei" }), json!({ "alg": "RS256", "kid": "eins" })] {
        let assertion = program.signer.jwt(&header.to_string(), &claims);
        let answer = program.presents(&browser, "/oauth2/token", &assertion, &[GRANT]).await;
        assert_eq!(refusal(&answer), is(401, "invalid_client"), "{header}");
    }
    let assertion = program.signer.assertion(&world, |_| {});
    let named = program.presents(&browser, "/oauth2/token", &assertion, &[GRANT, ("client_id", other.id())]).await;
    assert_eq!(refusal(&named), is(401, "invalid_client"));
    let mut answers = Vec::new();
    for _ in 0..2 {
        let node = world.browser();
        answers.push(program.presents(&node, "/oauth2/token", &assertion, &[GRANT, ("client_id", program.id())]).await);
    }
    assert_eq!((answers[0].status, refusal(&answers[1])), (200, is(401, "invalid_client")), "a replay");
    // A secret, or nothing, is no assertion.
    for form in
        [vec![GRANT, ("client_id", program.id())], vec![GRANT, ("client_id", program.id()), ("client_secret", "x")]]
    {
        assert_eq!(refusal(&world.browser().post_exactly("/oauth2/token", &form).await), is(401, "invalid_client"));
    }
});

both!(sec_e14_a_key_is_for_client_credentials_alone, async |world| {
    let more = "exchange = [\"https://register.example/\"]";
    world.clients(&declaration(more)).await;
    let (mut nadine, firm) = world.bakery().await;
    let program = firm.gives_key(&mut nadine).await;
    for (path, fields) in [
        ("/oauth2/token", vec![("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", "x")]),
        ("/oauth2/token", vec![("grant_type", "refresh_token"), ("refresh_token", "x")]),
        ("/oauth2/token", vec![("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", "x")]),
        ("/oauth2/token", vec![("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")]),
        ("/oauth2/token", vec![]),
        ("/oauth2/par", vec![("response_type", "code"), ("scope", "openid")]),
        ("/oauth2/device_authorization", vec![("scope", "openid")]),
        ("/oauth2/introspect", vec![("token", "x")]),
        ("/oauth2/revoke", vec![("token", "x")]),
    ] {
        let assertion = program.signer.assertion(&world, |_| {});
        let answer = program.presents(&world.browser(), path, &assertion, &fields).await;
        assert_eq!(refusal(&answer), is(400, "unauthorized_client"), "{path} {fields:?}");
    }
    for (more, code) in [
        (("scope", "meldung.lesen"), "invalid_scope"),
        (("scope", "meldung.senden openid"), "invalid_scope"),
        (("resource", "https://anderswo.example/"), "invalid_target"),
    ] {
        assert_eq!(refusal(&program.asks(&world, &[more]).await), is(400, code), "{more:?}");
    }
    assert_eq!(program.asks(&world, &[("scope", "meldung.senden"), ("resource", API)]).await.status, 200);
    // Nobody exchanges its token, and nobody but the API learns of it.
    let token = program.token(&world).await;
    let access = "urn:ietf:params:oauth:token-type:access_token";
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token.as_str()),
        ("subject_token_type", access),
        ("resource", "https://register.example/"),
    ];
    assert_eq!(refusal(&Service::new("api").ask(&world, "/oauth2/token", &form).await), is(400, "invalid_request"));
    let page = world.browser().get(&format!("/oauth2/authorize?client_id={}&response_type=code", program.id())).await;
    assert_eq!((page.status, page.location()), (400, ""));
});

both!(sec_t01_it_is_asked_at_each_issue, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    let program = firm.gives_key(&mut nadine).await;
    let token = program.token(&world).await;
    let (id, member, account) = (&firm.id, &firm.membership, &firm.founder);
    let rights = format!("UPDATE membership_right SET valid_until = 1 WHERE membership_id = '{member}'");
    let back = format!("UPDATE membership_right SET valid_until = NULL WHERE membership_id = '{member}'");
    let of_account = |set: &str| format!("UPDATE account SET {set} WHERE id = '{account}'");
    let of_firm = |state: &str| format!("UPDATE organisation SET state = '{state}' WHERE id = '{id}'");
    let of_member = |value: &str| format!("UPDATE membership SET ended_at = {value} WHERE id = '{member}'");
    let of_key = |set: &str| format!("UPDATE organisation_key SET {set}");
    for (stop, on) in [
        (rights, back),
        (of_account("identity_level = 'low'"), of_account("identity_level = 'substantial'")),
        (of_account("status = 'locked'"), of_account("status = 'active'")),
        (of_member("1"), of_member("NULL")),
        (of_firm("blocked"), of_firm("active")),
        (of_firm("insolvent"), of_firm("active")),
        (of_firm("closing"), of_firm("active")),
        (of_firm("closed"), of_firm("active")),
        (of_key("ended_at = 1"), of_key("ended_at = NULL")),
        (of_key("client_id = 'weg'"), of_key("client_id = 'api'")),
        (of_key("scope = 'weg'"), of_key("scope = 'meldung.senden'")),
    ] {
        world.change(&stop).await;
        let answer = program.asks(&world, &[]).await;
        assert!([400, 401].contains(&answer.status), "{stop}: {answer:?}");
        assert_eq!(known(&world, &token).await, json!({ "active": false }), "{stop}");
        world.change(&on).await;
        assert_eq!(known(&world, &token).await["active"], true, "{on}");
        assert_eq!(program.asks(&world, &[]).await.status, 200, "{on}");
    }
    assert_eq!(world.texts("SELECT id FROM organisation_key WHERE last_used_at IS NULL").await, [""; 0]);
    // Who only administrates loses the key with the right to the service.
    let left = format!("DELETE FROM membership_right WHERE membership_id = '{member}' AND kind = 'representation'");
    world.change(&left).await;
    assert_eq!(refusal(&program.asks(&world, &[]).await), is(400, "unauthorized_client"));
    let given =
        format!("UPDATE membership_right SET kind = 'use_service', object = 'api' WHERE membership_id = '{member}'");
    world.change(&given).await;
    assert_eq!(refusal(&program.asks(&world, &[]).await), is(400, "unauthorized_client"), "without administration");
    world.pass(days(181));
    assert_eq!(refusal(&program.asks(&world, &[]).await), is(401, "invalid_client"), "it has expired");
});

both!(what_the_api_takes_back_is_gone, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    let program = firm.gives_key(&mut nadine).await;
    let token = program.token(&world).await;
    world.clients(&declaration("").replace("meldung.senden", "meldung.schicken")).await;
    assert_eq!(known(&world, &token).await, json!({ "active": false }));
    assert_eq!(refusal(&program.asks(&world, &[]).await), is(400, "unauthorized_client"));
    // For persons alone, or no API any more: no key counts.
    let persons = Service::new("api").declaration("resource_server = \"https://api.example/\"");
    world.clients(&persons).await;
    assert_eq!(refusal(&program.asks(&world, &[]).await), is(401, "invalid_client"));
});

both!(an_api_of_fapi2_wants_a_proof, async |world| {
    let signer = Signer::new("api");
    let key = signer.declaration("").split_once("jwks = ").unwrap().1.trim().to_owned();
    let front = declaration("profile = \"fapi2\"").split_once("[client.authentication]").unwrap().0.to_owned();
    let method = format!("[client.authentication]\nmethod = \"private_key_jwt\"\njwks = {key}\n");
    world.clients(&format!("{front}{method}")).await;
    let (mut nadine, firm) = world.bakery().await;
    let program = firm.gives_key(&mut nadine).await;
    assert_eq!(refusal(&program.asks(&world, &[]).await), is(400, "invalid_dpop_proof"));
});

// After the end was answered no token comes, whoever was faster, and what came before counts nowhere.
both!(sec_race_ending_against_issuing, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    let node = world.second_node().await;
    for _ in 0..3 {
        let program = firm.gives_key(&mut nadine).await;
        let (here, there) = (world.browser(), world.browser().at(node.running.address));
        let assertions: Vec<String> = (0..16).map(|_| program.signer.assertion(&world, |_| {})).collect();
        let asks = assertions[..8].iter().enumerate().map(|(number, assertion)| {
            program.presents(if number % 2 == 0 { &here } else { &there }, "/oauth2/token", assertion, &[GRANT])
        });
        let page = format!("schluessel/{}", program.id());
        let ends = firm.sends(&mut nadine, &page, &[("aktion", "beenden")]);
        let (answers, ended) = futures_util::future::join(futures_util::future::join_all(asks), ends).await;
        assert_eq!(ended.status, 303);
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            let token = answer.json()["access_token"].as_str().unwrap().to_owned();
            assert_eq!(known(&world, &token).await, json!({ "active": false }));
        }
        for assertion in &assertions[8..] {
            let late = program.presents(&there, "/oauth2/token", assertion, &[GRANT]).await;
            assert_eq!(refusal(&late), is(401, "invalid_client"));
        }
    }
    node.running.abort().await;
});

// Twenty at a time, also for those who come at once; and one key pair once.
both!(sec_race_no_more_keys_than_allowed, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    for _ in 0..19 {
        firm.gives_key(&mut nadine).await;
    }
    nadine.get(&firm.path("schluessel/neu")).await;
    let keys: Vec<String> = (0..4).map(|_| Signer::new("programm").jwk().to_string()).collect();
    let path = firm.path("schluessel/neu");
    let makes = keys.iter().map(|jwk| {
        let (mut browser, path) = (nadine.clone(), path.clone());
        async move { browser.post(&path, &form(jwk, "anlegen")).await.status }
    });
    let mut statuses = futures_util::future::join_all(makes).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422, 422, 422]);
    assert_eq!(world.rows("organisation_key").await, 20);
});
