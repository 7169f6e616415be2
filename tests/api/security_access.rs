//! Attack groups F, M and K: what is told of a token and to whom, what revocation promises, and how somebody signs out.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::time::Instant;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::doors::{OFFLINE, connected, introspect, text, tokens};
use crate::support::service::claims;
use crate::support::surface::{EMAIL, two_services, urls};
use crate::support::{Browser, Service, World};

fn inactive() -> Value {
    json!({ "active": false })
}

both!(sec_m01_m05_another_party_learns_and_does_nothing, async |world| {
    let (parken, app, other) = (Service::new("parken"), Service::public("app"), Service::new("bibliothek"));
    let api = "resource = \"https://api.example/\"";
    world
        .clients(&[parken.offline_declaration(api), app.offline_declaration(""), other.declaration("")].concat())
        .await;
    let mut renate = connected(&world, &[]).await;
    let held = tokens(&world, &parken, &mut renate, &[OFFLINE]).await;
    let for_api = tokens(&world, &parken, &mut renate, &[("resource", "https://api.example/")]).await;
    let of_app = tokens(&world, &app, &mut renate, &[OFFLINE]).await;
    let theirs = [
        text(&held, "access_token"),
        text(&held, "refresh_token"),
        text(&for_api, "access_token"),
        text(&of_app, "access_token"),
        text(&of_app, "refresh_token"),
    ];
    for token in &theirs {
        assert_eq!(introspect(&world, &other, token).await, inactive());
        for hint in ["access_token", "refresh_token", "x"] {
            let form = [("token", token.as_str()), ("token_type_hint", hint)];
            assert_eq!(other.ask(&world, "/oauth2/introspect", &form).await.json(), inactive(), "{hint}");
            let revoked = other.ask(&world, "/oauth2/revoke", &form).await;
            assert_eq!((revoked.status, revoked.body.as_str()), (200, ""), "nothing is said");
        }
    }
    for token in &theirs[..3] {
        assert_eq!(introspect(&world, &parken, token).await["active"], true, "and nothing was done");
    }
    assert_eq!(app.refresh(&world, &theirs[4]).await.status, 200);
    // But it is remembered who tried whose.
    let tried = world.texts("SELECT detail FROM audit_event WHERE kind = 'client.foreign_token'").await;
    assert_eq!(tried.len(), 15);
    assert!(tried.iter().any(|detail| detail.contains("parken")) && tried.iter().any(|detail| detail.contains("app")));
    let by = world.texts("SELECT DISTINCT subject FROM audit_event WHERE kind = 'client.foreign_token'").await;
    assert_eq!(by, ["client:bibliothek"]);
});

both!(sec_m02_m03_whatever_is_wrong_with_a_token_the_answer_is_one, async |world| {
    let parken = Service::new("parken");
    world.clients(&format!("{}{}", parken.offline_declaration(""), Service::new("bibliothek").declaration(""))).await;
    let mut renate = connected(&world, &[]).await;
    let held = tokens(&world, &parken, &mut renate, &[OFFLINE]).await;
    let revoked = tokens(&world, &parken, &mut renate, &[OFFLINE]).await;
    parken.ask(&world, "/oauth2/revoke", &[("token", &text(&revoked, "refresh_token"))]).await;
    let mut wrong = vec!["x".to_owned(), "a.b.c".to_owned(), "A".repeat(86), text(&held, "id_token")];
    wrong.extend(["access_token", "refresh_token"].map(|name| text(&revoked, name)));
    for name in ["access_token", "refresh_token"] {
        let token = text(&held, name);
        wrong.extend([token[..80].to_owned(), token[..token.len() - 1].to_owned(), token[1..].to_owned()]);
        wrong.extend([format!("{token}A"), format!("{token}="), format!(" {token}"), format!("{token} ")]);
        wrong.extend([token.to_uppercase(), token.to_lowercase(), token.replace('-', "+").replace('_', "/") + "/"]);
        let swapped: String = token.chars().rev().collect();
        wrong.push(swapped);
    }
    let ask = async |token: &str| parken.ask(&world, "/oauth2/introspect", &[("token", token)]).await;
    let mut answers = BTreeSet::new();
    for token in &wrong {
        let answer = ask(token).await;
        let mut headers: Vec<String> =
            answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.retain(|line| !line.starts_with("date:"));
        headers.sort();
        assert_eq!((answer.status, answer.json()), (200, inactive()), "{token}");
        answers.insert((answer.body, headers));
    }
    assert_eq!(answers.len(), 1, "not one word differs: {answers:#?}");
    // One that was revoked takes as long as one that never was: both are looked up, and nothing else happens.
    let (never, ended) = ("A".repeat(86), text(&revoked, "refresh_token"));
    let mut gaps = Vec::new();
    for _ in 0..5 {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..30 {
            for (place, token) in [&never, &ended].into_iter().enumerate() {
                let began_at = Instant::now();
                ask(token).await;
                times[place].push(began_at.elapsed());
            }
        }
        let [never, ended] = times.map(|mut times| {
            times.sort();
            times[times.len() / 2].as_secs_f64()
        });
        gaps.push((never - ended).abs() / never.max(ended));
        if gaps.last().is_some_and(|gap| *gap < 0.15) {
            break;
        }
    }
    assert!(gaps.last().is_some_and(|gap| *gap < 0.15), "always apart: {gaps:?}");
    world.pass(Duration::from_secs(300));
    assert_eq!(introspect(&world, &parken, &text(&held, "access_token")).await, inactive(), "expired");
    assert_eq!(parken.userinfo(&world, &text(&held, "access_token")).await.status, 401);
});

/// The names of claims that a scope brings, beside `sub`.
const BRINGS: [(&str, &[&str]); 2] = [
    ("profile", &["birthdate", "family_name", "given_name", "name", "updated_at"]),
    ("email", &["email", "email_verified"]),
];

both!(sec_m07_exactly_what_was_agreed_to_is_told, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = connected(&world, &[]).await;
    for subset in 0..4 {
        world.pass(Duration::from_secs(1));
        let chosen: Vec<_> =
            BRINGS.iter().enumerate().filter(|(place, _)| subset >> place & 1 == 1).map(|(_, one)| one).collect();
        let scope = chosen.iter().fold("openid".to_owned(), |scope, (name, _)| format!("{scope} {name}"));
        let held = tokens(&world, &parken, &mut renate, &[("scope", &scope), ("prompt", "consent")]).await;
        assert_eq!(held["scope"], json!(scope));
        let info = parken.userinfo(&world, &text(&held, "access_token")).await.json();
        let mut expected: Vec<&str> =
            chosen.iter().flat_map(|(_, names)| names.iter().copied()).chain(["sub"]).collect();
        expected.sort_unstable();
        assert_eq!(info.as_object().unwrap().keys().collect::<Vec<_>>(), expected, "{scope}");
        let id = claims(&text(&held, "id_token"));
        assert!(id.as_object().unwrap().keys().all(|name| name == "sub" || !expected.contains(&name.as_str())), "{id}");
        let access = claims(&text(&held, "access_token")).to_string();
        assert!(!access.contains("Renate") && !access.contains(EMAIL), "a token carries nobody's data: {access}");
    }
});

/// Breaks the database as seen from a node: a table is not where it was. And mends it.
async fn rename(world: &World, from: &str, to: &str) {
    let statement = AssertSqlSafe(format!("ALTER TABLE {from} RENAME TO {to}"));
    if world.database.url.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(&world.database.url).await.unwrap();
        // References of other tables stay as they are.
        sqlx::query("PRAGMA legacy_alter_table = ON").execute(&mut connection).await.unwrap();
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut connection).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    } else {
        let mut connection = sqlx::PgConnection::connect(&world.database.url).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
}

// RFC 7009 section 2.2.1: a service that is told 200 believes that the token is dead.
both!(sec_f11_a_revocation_that_fails_says_so, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.offline_declaration("")).await;
    let mut renate = connected(&world, &[]).await;
    let held = tokens(&world, &parken, &mut renate, &[OFFLINE]).await;
    let (access, refresh) = (text(&held, "access_token"), text(&held, "refresh_token"));
    // The grant cannot be found; the account cannot be joined; the trail cannot be written, so that nothing counts.
    for table in ["client_grant", "account", "audit_event"] {
        rename(&world, table, "elsewhere").await;
        for token in [&access, &refresh] {
            let answer = parken.ask(&world, "/oauth2/revoke", &[("token", token)]).await;
            assert!((500..600).contains(&answer.status), "{table}: {} {}", answer.status, answer.body);
            assert_eq!(answer.json()["error"], "server_error", "{table}");
            assert!(!answer.body.contains(table) && !answer.body.to_lowercase().contains("sql"), "{}", answer.body);
        }
        rename(&world, "elsewhere", table).await;
        assert_eq!(introspect(&world, &parken, &refresh).await["active"], true, "{table}: half of it was done");
    }
    assert_eq!(parken.ask(&world, "/oauth2/revoke", &[("token", &access)]).await.status, 200);
    assert_eq!(introspect(&world, &parken, &refresh).await, inactive());
});

both!(sec_f03_every_older_generation_is_known, async |world| {
    let app = Service::public("app");
    world.clients(&app.offline_declaration("")).await;
    let mut renate = connected(&world, &[]).await;
    for replayed in [0, 9, 19] {
        let mut generations = vec![text(&tokens(&world, &app, &mut renate, &[OFFLINE]).await, "refresh_token")];
        // All within one instant: nothing depends on a time.
        for _ in 0..20 {
            let next = app.refresh(&world, generations.last().unwrap()).await.json();
            generations.push(text(&next, "refresh_token"));
        }
        assert_eq!(app.refresh(&world, &generations[replayed]).await.status, 400, "generation {replayed}");
        assert_eq!(app.refresh(&world, &generations[20]).await.status, 400, "and the family with it");
    }
});

async fn signed_in(browser: &mut Browser) -> bool {
    browser.get("/konto").await.status == 200
}

const TARGET: &str = "&post_logout_redirect_uri=https://parken.example/";

both!(sec_k02_a_wrong_hint_or_target_is_a_page, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = connected(&world, &[&parken]).await;
    let hint = text(&tokens(&world, &parken, &mut renate, &[]).await, "id_token");
    let access = text(&tokens(&world, &parken, &mut renate, &[]).await, "access_token");
    let edited = format!("{}A{}", &hint[..60], &hint[61..]);
    let unsigned = format!("{}.", hint.rsplit_once('.').unwrap().0);
    let with_hint = format!("id_token_hint={hint}");
    let mut wrong = Vec::new();
    for bad in [&edited, &unsigned, &access, "a.b.c", "x"] {
        wrong.extend([
            format!("id_token_hint={bad}"),
            format!("id_token_hint={bad}{TARGET}"),
            format!("id_token_hint={bad}&client_id=parken{TARGET}"),
        ]);
    }
    for uri in [
        "https://evil.example/",
        "https://parken.example",
        "https://parken.example/?x=1",
        "https://parken.example/%23",
        "https://parken.example/x",
        "https://PARKEN.example/",
        "http://parken.example/",
        "javascript:alert(1)",
        "/konto",
        "//evil.example/",
    ] {
        wrong.push(format!("{with_hint}&post_logout_redirect_uri={uri}"));
        wrong.push(format!("client_id=parken&post_logout_redirect_uri={uri}"));
    }
    wrong.extend([
        format!("{with_hint}&client_id=bibliothek"),
        "client_id=unbekannt".to_owned(),
        TARGET[1..].to_owned(),
        format!("{with_hint}{TARGET}{TARGET}"),
    ]);
    for query in &wrong {
        for mut browser in [renate.clone(), world.browser()] {
            let answer = browser.get(&format!("/oauth2/logout?{query}")).await;
            assert_eq!((answer.status, answer.location()), (400, ""), "{query}");
            assert!(answer.body.contains("Fehlercode: invalid_request"), "{query}");
        }
    }
    assert!(signed_in(&mut renate).await, "none of these ended anything");
    let page = renate.get(&format!("/oauth2/logout?client_id=parken{TARGET}")).await;
    assert_eq!((page.status, page.location()), (200, ""), "without a hint the person is asked, whatever the target");
});

both!(sec_k03_nobody_is_signed_out_by_somebody_elses_hint, async |world| {
    let [parken, bibliothek] = two_services(&world).await;
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    let hint = text(&tokens(&world, &parken, &mut mallory, &[]).await, "id_token");
    let mut renate = connected(&world, &[&parken, &bibliothek]).await;
    for more in ["", "&client_id=parken", TARGET, "&state=x"] {
        let page = renate.get(&format!("/oauth2/logout?id_token_hint={hint}{more}")).await;
        assert_eq!((page.status, page.location()), (200, ""), "{more}: she is asked");
        assert!(page.body.contains("/oauth2/logout/bestaetigen"), "{more}");
        assert!(signed_in(&mut renate).await, "{more}");
    }
    let no = renate.post("/oauth2/logout/bestaetigen", &[("antwort", "nein"), ("id_token_hint", &hint)]).await;
    assert_eq!(no.status, 303);
    assert!(signed_in(&mut renate).await && signed_in(&mut mallory).await);
    let own = text(&tokens(&world, &parken, &mut renate, &[]).await, "id_token");
    assert_eq!(renate.get(&format!("/oauth2/logout?id_token_hint={own}")).await.status, 303, "her own is her word");
    assert!(!signed_in(&mut renate).await && signed_in(&mut mallory).await);
});

both!(sec_k06_the_next_person_at_the_same_computer_finds_nothing, async |world| {
    let [parken, _] = two_services(&world).await;
    world.browser().register(&world, "emre@example.org", ["Emre", "Öztürk"]).await;
    let mut browser = connected(&world, &[&parken]).await;
    let before = browser.cookies.clone();
    for url in urls().iter().filter(|url| {
        url.method == "GET"
            && !url.path.starts_with("/static")
            && !url.path.contains("jwks")
            && !url.path.contains("well-known")
    }) {
        let page = browser.clone().get(&url.path).await;
        assert_eq!(page.header("cache-control"), "no-store", "the back button asks us again: {}", url.path);
    }
    browser.get("/konto").await;
    let out = browser.post("/abmelden", &[]).await;
    assert!(out.header("clear-site-data").contains("\"cache\""), "{:?}", out.headers);
    assert!(!browser.cookies.contains_key("nk_s") && !browser.cookies.contains_key("nk_t"));
    let back = browser.get("/konto").await;
    assert_eq!((back.status, back.body.contains("Renate")), (303, false));
    assert_eq!(browser.sign_in("emre@example.org", PASSWORD).await.status, 303);
    for name in ["nk_s", "nk_t"] {
        assert_ne!(browser.cookies[name], before[name], "{name} is a new one");
    }
    let page = browser.visit(&parken.request(&[])).await;
    assert!(page.body.contains("Emre") && !page.body.contains("Renate"), "asked anew, about himself");
    assert_eq!(
        browser.get(&parken.request(&[("prompt", "none")])).await.parameter("error").as_deref(),
        Some("consent_required")
    );
    let mut stale = browser.without_cookies();
    stale.cookies = before;
    assert!(!signed_in(&mut stale).await);
});

// A page elsewhere that starts a request in somebody's browser cannot tell from outside whether she is signed in.
both!(sec_n05_n11_other_sites_neither_frame_nor_read_nor_tell_apart, async |world| {
    let [parken, _] = two_services(&world).await;
    let renate = connected(&world, &[&parken]).await;
    for url in urls() {
        for mut browser in [renate.clone(), world.browser()] {
            let request = browser.request(Method::from_bytes(url.method.as_bytes()).unwrap(), &url.path);
            let request = request.header("sec-fetch-site", "cross-site").header("sec-fetch-dest", "image");
            let answer = browser.send(request.header("content-length", "0")).await;
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'"), "{}: {policy}", url.path);
            assert_eq!(answer.header("x-frame-options"), "DENY", "{}", url.path);
            for name in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
                assert_eq!(answer.header(name), "same-origin", "{} {name}", url.path);
            }
        }
    }
    let silent = parken.request(&[("prompt", "none")]);
    let answers = [renate.clone().get(&silent).await, world.browser().get(&silent).await];
    let shape = |answer: &crate::support::browser::Answer| {
        let host = url::Url::parse(answer.location()).unwrap().host_str().unwrap().to_owned();
        let mut names: Vec<String> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.retain(|name| name != "set-cookie");
        names.sort();
        (answer.status, host, names, answer.body.len())
    };
    assert_eq!(shape(&answers[0]), shape(&answers[1]), "only the service itself reads which it was");
});

/// How long a session at level basic lives: unused, and at most (the person chose nothing).
const IDLE: Duration = Duration::from_secs(3600);
const ABSOLUTE: Duration = Duration::from_secs(12 * 3600);

both!(sec_n07_a_session_ends_to_the_second, async |world| {
    let second = Duration::from_secs(1);
    let mut renate = connected(&world, &[]).await;
    world.pass(IDLE - second);
    assert!(signed_in(&mut renate).await, "a second before");
    world.pass(IDLE);
    assert!(!signed_in(&mut renate).await, "an hour after the last request");
    renate.sign_in(EMAIL, PASSWORD).await;
    let step = Duration::from_secs(1800);
    for _ in 0..ABSOLUTE.as_secs() / step.as_secs() - 1 {
        world.pass(step);
        assert!(signed_in(&mut renate).await);
    }
    world.pass(step - second);
    assert!(signed_in(&mut renate).await, "a second before");
    world.pass(second);
    assert!(!signed_in(&mut renate).await, "twelve hours after signing in, used or not");
});
