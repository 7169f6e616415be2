//! Refresh tokens: what outlives a session, for whom, how long, and what ends it. Attack group F.

use std::time::Duration;

use serde_json::{Value, json};

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::service::claims;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};
use nutzerkonto::kernel::time::days;

const OFFLINE: (&str, &str) = ("scope", "openid profile email offline_access");
/// "parken" authenticates; "app" runs on people's telephones; "bibliothek" may not ask for offline access.
struct Town {
    parken: Service,
    app: Service,
    bibliothek: Service,
}

async fn town(world: &World) -> (Town, Browser) {
    let town =
        Town { parken: Service::new("parken"), app: Service::public("app"), bibliothek: Service::new("bibliothek") };
    let file = [town.parken.offline_declaration(""), town.app.offline_declaration(""), town.bibliothek.declaration("")];
    world.clients(&file.concat()).await;
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    (town, renate)
}

async fn tokens(world: &World, service: &Service, renate: &mut Browser) -> Value {
    let code = service.code(renate, &[OFFLINE]).await;
    let answer = service.redeem(world, &code).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name}: {tokens}")).to_owned()
}

fn assert_refused(answer: &Answer, code: &str, what: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(code)), "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
}

async fn assert_dead(world: &World, service: &Service, token: &str, what: &str) {
    assert_refused(&service.refresh(world, token).await, "invalid_grant", what);
}

both!(a_service_refreshes_when_its_person_has_left, async |world| {
    let (Town { parken, .. }, mut renate) = town(&world).await;
    let first = tokens(&world, &parken, &mut renate).await;
    let refresh = text(&first, "refresh_token");
    renate.get("/konto").await;
    renate.post("/abmelden", &[]).await;
    world.pass(days(1));
    // The jobs that follow from signing out commit as well.
    world.settle().await;
    let commits = world.app.db.commits();
    let answer = parken.refresh(&world, &refresh).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    assert_eq!(world.app.db.commits() - commits, 1, "one transaction");
    let second = answer.json();
    assert_eq!(second["refresh_token"], Value::Null, "a client that authenticates keeps its own");
    assert_eq!((&second["token_type"], &second["expires_in"]), (&json!("Bearer"), &json!(300)));
    let (before, after) = (claims(&text(&first, "id_token")), claims(&text(&second, "id_token")));
    for name in ["iss", "sub", "aud", "auth_time", "acr", "amr"] {
        assert_eq!(before[name], after[name], "sec_f10: {name}");
    }
    assert!(after["iat"].as_i64() > before["iat"].as_i64() && after.get("nonce").is_none());
    let info = parken.userinfo(&world, &text(&second, "access_token")).await;
    assert_eq!((info.status, info.json()["name"].as_str()), (200, Some("Renate Muster")));
    assert_eq!(parken.refresh(&world, &refresh).await.status, 200, "sec_f09: a lost answer is asked for again");
});

both!(only_who_may_gets_one_and_the_person_is_told, async |world| {
    let (Town { parken, bibliothek, .. }, mut renate) = town(&world).await;
    let back = renate.visit(&bibliothek.request(&[OFFLINE])).await;
    assert_eq!(back.parameter("error").as_deref(), Some("invalid_scope"));
    let code = bibliothek.code(&mut renate, &[]).await;
    assert_eq!(bibliothek.redeem(&world, &code).await.json().get("refresh_token"), None);
    let page = renate.visit(&parken.request(&[OFFLINE])).await;
    assert!(page.body.contains("90 Tage"), "{}", page.body);
    let page = renate.visit(&parken.request(&[])).await;
    assert!(!page.body.contains("90 Tage"));
    let code = parken.code(&mut renate, &[]).await;
    assert_eq!(parken.redeem(&world, &code).await.json().get("refresh_token"), None, "who does not ask");
    let page = renate.visit(&parken.request(&[OFFLINE])).await;
    assert!(page.body.contains("90 Tage"), "an earlier consent did not say so");
});

both!(sec_f01_f03_a_rotated_token_ends_the_family, async |world| {
    let (Town { app, .. }, mut renate) = town(&world).await;
    let first = tokens(&world, &app, &mut renate).await;
    let mut generations = vec![text(&first, "refresh_token")];
    let mut last = first;
    for _ in 0..20 {
        last = app.refresh(&world, generations.last().unwrap()).await.json();
        generations.push(text(&last, "refresh_token"));
    }
    let mut distinct = generations.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 21, "all within one instant");
    assert_eq!(app.userinfo(&world, &text(&last, "access_token")).await.status, 200);
    assert_dead(&world, &app, &generations[7], "an old one").await;
    assert_eq!(app.userinfo(&world, &text(&last, "access_token")).await.status, 401, "the family's access tokens");
    for old in &generations {
        assert_dead(&world, &app, old, "the whole family").await;
    }
    let refused = world.texts("SELECT kind FROM audit_event WHERE kind = 'refresh.refused'").await;
    assert_eq!(refused.len(), 1, "and it is remembered, once");
    assert!(renate.get("/sicherheit/verlauf").await.body.contains("zweimal benutzt"), "and its owner sees it");
});

both!(sec_f04_a_replay_is_known_after_a_restart, async |mut world| {
    let (Town { app, .. }, mut renate) = town(&world).await;
    let first = text(&tokens(&world, &app, &mut renate).await, "refresh_token");
    let second = text(&app.refresh(&world, &first).await.json(), "refresh_token");
    world.restart(|_| {}).await;
    assert_dead(&world, &app, &first, "after the restart").await;
    assert_dead(&world, &app, &second, "and its successor").await;
});

both!(sec_f06_another_clients_token_ends_it, async |world| {
    let (Town { parken, app, .. }, mut renate) = town(&world).await;
    let token = text(&tokens(&world, &parken, &mut renate).await, "refresh_token");
    assert_dead(&world, &app, &token, "another client's").await;
    assert_dead(&world, &parken, &token, "it was leaked").await;
    let token = text(&tokens(&world, &parken, &mut renate).await, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("client_id", "parken")];
    let unproven = world.browser().post_exactly("/oauth2/token", &form).await;
    assert_eq!((unproven.status, unproven.json()["error"].as_str()), (401, Some("invalid_client")), "sec_e09");
    for strange in ["x", &token[..85], &format!("{token}A"), &"A".repeat(86), &"ü".repeat(43)] {
        assert_dead(&world, &parken, strange, strange).await;
    }
    assert_refused(&parken.refresh(&world, "").await, "invalid_request", "none");
    assert_eq!(parken.refresh(&world, &token).await.status, 200, "none of these was it");
});

both!(sec_f07_offline_access_ends_by_itself, async |world| {
    let (Town { parken, app, .. }, mut renate) = town(&world).await;
    let token = text(&tokens(&world, &parken, &mut renate).await, "refresh_token");
    let idle = text(&tokens(&world, &app, &mut renate).await, "refresh_token");
    world.pass(days(30) - Duration::from_millis(1));
    assert_eq!(parken.refresh(&world, &token).await.status, 200, "used within 30 days");
    world.pass(Duration::from_millis(1));
    assert_dead(&world, &app, &idle, "not used for 30 days").await;
    world.pass(days(29));
    assert_eq!(parken.refresh(&world, &token).await.status, 200);
    world.pass(days(29));
    assert_eq!(parken.refresh(&world, &token).await.status, 200);
    world.pass(days(2) - Duration::from_millis(1));
    assert_eq!(parken.refresh(&world, &token).await.status, 200, "the last moment of 90 days");
    world.pass(Duration::from_millis(1));
    assert_dead(&world, &parken, &token, "after 90 days").await;
});

both!(sec_f08_never_wider_than_what_holds_today, async |world| {
    let (Town { parken, .. }, mut renate) = town(&world).await;
    let token = text(&tokens(&world, &parken, &mut renate).await, "refresh_token");
    let refresh = async |scope: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", scope)];
        parken.ask(&world, "/oauth2/token", &form).await
    };
    let narrow = refresh("openid email").await.json();
    assert_eq!(narrow["scope"], "openid email");
    let info = parken.userinfo(&world, &text(&narrow, "access_token")).await.json();
    assert_eq!((&info["email"], info.get("name")), (&json!(EMAIL), None));
    assert_eq!(refresh("openid profile").await.json()["scope"], "openid profile", "less once is not less for ever");
    for wide in ["openid address", "openid profile unknown", "profile", "x"] {
        assert_refused(&refresh(wide).await, "invalid_scope", wide);
    }
    // Renate agrees anew, to less.
    world.pass(Duration::from_secs(1));
    let less = ("scope", "openid offline_access");
    parken.code(&mut renate, &[less, ("prompt", "consent")]).await;
    assert_refused(&refresh("openid email").await, "invalid_scope", "the newer consent");
    let reduced = parken.refresh(&world, &token).await.json();
    assert_eq!(reduced["scope"], "openid offline_access");
    let info = parken.userinfo(&world, &text(&reduced, "access_token")).await.json();
    assert_eq!((info.get("email"), info.get("name")), (None, None));
    // The operator takes offline access away from the service.
    world.clients(&parken.declaration("")).await;
    assert_dead(&world, &parken, &token, "the client may not any more").await;
});

const NEW_PASSWORD: &str = "tisch-wolke-gondel-24";

/// Does what ends offline access; Renate is signed in afterwards.
async fn end(world: &World, renate: &mut Browser, how: &str) {
    match how {
        "disconnected" => {
            for id in ["parken", "app"] {
                renate.get("/konto").await;
                renate.post(&format!("/dienste/{id}/beenden"), &[]).await;
            }
        }
        "that was not me" => {
            renate.get("/sicherheit/notfall").await;
            renate.post("/sicherheit/notfall", &[]).await;
        }
        "password changed" => {
            renate.get("/sicherheit/passwort").await;
            let change = [("current", PASSWORD), ("password", NEW_PASSWORD)];
            assert_eq!(renate.post("/sicherheit/passwort", &change).await.status, 303);
        }
        _ => {
            let mut elsewhere = world.browser();
            let code = elsewhere.reset_code(world, EMAIL).await;
            elsewhere.post("/wieder-anmelden/code", &[("code", &code)]).await;
            elsewhere.post("/wieder-anmelden/passwort", &[("password", NEW_PASSWORD)]).await;
        }
    }
}

both!(sec_e11_n08_what_ends_offline_access, async |world| {
    let (Town { parken, app, .. }, mut renate) = town(&world).await;
    for how in ["disconnected", "that was not me", "password changed", "password reset"] {
        let held = [tokens(&world, &parken, &mut renate).await, tokens(&world, &app, &mut renate).await];
        end(&world, &mut renate, how).await;
        for (service, held) in [&parken, &app].into_iter().zip(&held) {
            let (access, refresh) = (text(held, "access_token"), text(held, "refresh_token"));
            let asked = parken.ask(&world, "/oauth2/introspect", &[("token", &refresh)]).await;
            assert_eq!(asked.json(), json!({ "active": false }), "{how}");
            assert_eq!(service.userinfo(&world, &access).await.status, 401, "{how}");
            assert_dead(&world, service, &refresh, how).await;
        }
        world.settle().await;
        world.mails.lock().unwrap().clear();
        if how == "password changed" {
            renate.get("/konto").await;
        }
    }
});

both!(a_client_asks_about_its_refresh_token_and_gives_it_back, async |world| {
    let (Town { parken, app, bibliothek }, mut renate) = town(&world).await;
    let held = tokens(&world, &parken, &mut renate).await;
    let (access, refresh) = (text(&held, "access_token"), text(&held, "refresh_token"));
    let asked = parken.ask(&world, "/oauth2/introspect", &[("token", &refresh)]).await.json();
    assert_eq!((&asked["active"], &asked["client_id"]), (&json!(true), &json!("parken")));
    assert_eq!(asked["exp"].as_i64().unwrap() - asked["iat"].as_i64().unwrap(), 30 * 86_400);
    assert_eq!(asked["scope"], "openid profile email offline_access");
    let other = bibliothek.ask(&world, "/oauth2/introspect", &[("token", &refresh)]).await;
    assert_eq!(other.json(), json!({ "active": false }), "sec_m01");
    let public = app.ask(&world, "/oauth2/introspect", &[("token", &refresh)]).await;
    assert_eq!((public.status, public.json()["error"].as_str()), (401, Some("invalid_client")));
    assert_eq!(bibliothek.ask(&world, "/oauth2/revoke", &[("token", &refresh)]).await.status, 200);
    assert_eq!(parken.refresh(&world, &refresh).await.status, 200, "sec_m05");
    assert_eq!(parken.ask(&world, "/oauth2/revoke", &[("token", &refresh)]).await.status, 200);
    assert_dead(&world, &parken, &refresh, "revoked").await;
    assert_eq!(parken.userinfo(&world, &access).await.status, 401, "RFC 7009 section 2.1: the grant with it");
    let held = tokens(&world, &app, &mut renate).await;
    assert_eq!(app.ask(&world, "/oauth2/revoke", &[("token", &text(&held, "access_token"))]).await.status, 200);
    assert_dead(&world, &app, &text(&held, "refresh_token"), "revoked by its access token").await;
});

both!(a_refresh_keeps_what_the_request_asked_for, async |world| {
    let app = Service::public("app");
    world.clients(&app.offline_declaration("resource = \"https://api.example/\"")).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let asked = json!({ "id_token": { "email": null } }).to_string();
    let resource = ("resource", "https://api.example/");
    let code = app.code(&mut renate, &[("scope", "openid offline_access"), ("claims", &asked), resource]).await;
    let first = app.redeem(&world, &code).await.json();
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*text(&first, "refresh_token"))];
    let other = [form.as_slice(), &[("resource", "https://evil.example/")]].concat();
    assert_refused(&app.ask(&world, "/oauth2/token", &other).await, "invalid_target", "RFC 8707 section 2.2");
    let second = app.ask(&world, "/oauth2/token", &[form.as_slice(), &[resource]].concat()).await.json();
    for tokens in [&first, &second] {
        assert_eq!(claims(&text(tokens, "access_token"))["aud"], "https://api.example/");
        let id = claims(&text(tokens, "id_token"));
        assert_eq!((&id["email"], id.get("name")), (&json!(EMAIL), None));
    }
});

both!(sec_f05_after_a_revocation_nothing_lives, async |world| {
    let (Town { app, .. }, mut renate) = town(&world).await;
    let node = world.second_node().await;
    for _ in 0..10 {
        let held = tokens(&world, &app, &mut renate).await;
        let (access, refresh) = (text(&held, "access_token"), text(&held, "refresh_token"));
        let elsewhere = world.browser().at(node.running.address);
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let (revoked, refreshed) = futures_util::future::join(
            app.ask(&world, "/oauth2/revoke", &[("token", &access)]),
            app.ask_at(&elsewhere, "/oauth2/token", &form),
        )
        .await;
        assert_eq!(revoked.status, 200);
        if refreshed.status == 200 {
            assert_dead(&world, &app, &text(&refreshed.json(), "refresh_token"), "refreshed at the same time").await;
            assert_eq!(app.userinfo(&world, &text(&refreshed.json(), "access_token")).await.status, 401);
        }
        assert_dead(&world, &app, &refresh, "revoked").await;
    }
    node.running.abort().await;
});

both!(sec_f06_d01_a_code_that_comes_twice_ends_its_refresh_token, async |world| {
    let (Town { parken, .. }, mut renate) = town(&world).await;
    let code = parken.code(&mut renate, &[OFFLINE]).await;
    let held = parken.redeem(&world, &code).await.json();
    assert_eq!(parken.redeem(&world, &code).await.status, 400);
    assert_dead(&world, &parken, &text(&held, "refresh_token"), "the code came twice").await;
});

both!(sec_n06_no_refresh_token_is_stored, async |world| {
    let (Town { parken, .. }, mut renate) = town(&world).await;
    let token = text(&tokens(&world, &parken, &mut renate).await, "refresh_token");
    let dump = format!("{:?}", world.dump().await);
    let hex = |part: &str| part.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for part in [&token[..43], &token[43..]] {
        assert!(!dump.contains(part) && !dump.to_lowercase().contains(&hex(part)), "only hashes are kept");
    }
});
