//! Attack rows X01, N01, N05, N11: what every answer says to the browser.

use reqwest::Method;

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::surface::{Busy, EMAIL, busy_renate, urls, without_own_script};
use crate::support::{Browser, World};

/// What may be kept by caches, if it is there.
const PUBLIC: [&str; 4] = [
    "/static/favicon.svg",
    "/oauth2/jwks",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
];

fn once<'a>(answer: &'a Answer, what: &str, name: &str) -> &'a str {
    assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{what}: {name} stands there once");
    answer.header(name)
}

/// ASVS 5.0 V3.4, as the security list states it in X01.
fn assert_headers(answer: &Answer, what: &str) {
    let policy = once(answer, what, "content-security-policy");
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for directive in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(directives.contains(&directive), "{what}: {directive} in {policy}");
    }
    for hole in ["unsafe-", "*", "http:", "https:", "data:"] {
        assert!(!policy.contains(hole), "{what}: {hole} in {policy}");
    }
    // Pages for passkeys run one file of ours, which may ask one address of ours.
    for (directive, path) in [("script-src", "/static/passkey."), ("connect-src", "/anmelden/passkey/optionen")] {
        let sources: Vec<_> = directives.iter().filter_map(|one| one.strip_prefix(directive)).collect();
        let is_ours = |source: &&str| source.starts_with(" localhost:") && source.contains(path);
        assert!(sources.len() <= 1 && sources.iter().all(is_ours), "{what}: {directive} in {policy}");
        assert_eq!(sources.len(), usize::from(answer.body.contains("<script")), "{what}: {directive} in {policy}");
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(once(answer, what, name), value, "{what}: {name}");
    }
    // Under `no-referrer` browsers send our own forms with `Origin: null`; both keep our addresses from others.
    assert!(["no-referrer", "same-origin"].contains(&once(answer, what, "referrer-policy")), "{what}: sec_d08");
    // What is refused below /static/ has a test of its own.
    if answer.status == 200 || !what.contains("/static/") {
        let is_kept = answer.status == 200 && PUBLIC.iter().any(|path| what.ends_with(path));
        let cached = once(answer, what, "cache-control");
        assert_eq!(cached.contains("no-store"), !is_kept, "{what}: cache-control {cached:?}");
    }
    for absent in ["server", "x-powered-by", "access-control-allow-origin", "access-control-allow-credentials"] {
        assert_eq!(answer.header(absent), "", "{what}: {absent}");
    }
    if !answer.body.is_empty() {
        assert!(!once(answer, what, "content-type").is_empty(), "{what}: content-type");
    }
    assert_cookies(answer, what, "");
}

/// N01. `secure` is what https adds.
fn assert_cookies(answer: &Answer, what: &str, secure: &str) {
    for cookie in answer.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
        for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", secure].into_iter().filter(|text| !text.is_empty()) {
            assert!(attributes.contains(&attribute), "{what}: {attribute} in {cookie}");
        }
        assert!(!attributes.iter().any(|one| one.starts_with("Domain")), "{what}: {cookie}");
    }
}

async fn ask(browser: &Browser, method: &str, path: &str) -> Answer {
    let mut browser = browser.clone();
    let request = browser.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
    browser.send(request).await
}

async fn crawl(browser: &Browser, flow: &str) {
    for url in urls() {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let answer = ask(browser, method, &format!("{}{flow}", url.path)).await;
            assert_headers(&answer, &format!("{method} {}", url.path));
        }
    }
}

both!(sec_x01_every_answer_protects_the_person, async |world| {
    let Busy { browser, flow, .. } = busy_renate(&world).await;
    crawl(&world.browser(), "").await;
    crawl(&browser, "").await;
    crawl(&browser, &flow).await;
    let mut nobody = world.browser();
    nobody.get("/anmelden").await;
    for (status, answer) in [
        (404, nobody.get("/gibt-es-nicht").await),
        (404, nobody.get("/.git/config").await),
        (404, nobody.get("/oauth2/gibt-es-nicht").await),
        (422, nobody.post("/anmelden", &[]).await),
        (422, nobody.post("/anmelden", &[("email", EMAIL), ("password", "falsch-falsch-falsch")]).await),
        (409, nobody.post("/registrieren/code", &[("code", "123456")]).await),
        (403, nobody.without_cookies().post("/anmelden", &[]).await),
        (413, nobody.post("/anmelden", &[("email", &"a".repeat(70_000))]).await),
        (414, nobody.get(&format!("/anmelden?{}", "a".repeat(17_000))).await),
        (400, nobody.get("/oauth2/authorize?client_id=a&client_id=b").await),
        (415, ask(&nobody, "POST", "/oauth2/token").await),
        (401, nobody.post("/oauth2/token", &[("grant_type", "authorization_code")]).await),
        (401, nobody.get("/oauth2/userinfo").await),
        (303, nobody.get("/konto").await),
        (303, nobody.sign_in(EMAIL, PASSWORD).await),
    ] {
        assert_eq!(answer.status, status, "{}", answer.heading());
        assert_headers(&answer, &status.to_string());
    }
    let request = reqwest::Client::new().get(format!("http://{}/anmelden", world.address())).header("host", "x");
    let misdirected = nobody.send(request).await;
    assert_eq!(misdirected.status, 421);
    assert_headers(&misdirected, "421");
});

both!(sec_x01_no_attribute_switches_protection_off, async |world| {
    let Busy { mut browser, flow, .. } = busy_renate(&world).await;
    for url in urls() {
        let page = browser.get(&format!("{}{flow}", url.path)).await;
        if !page.header("content-type").starts_with("text/html") {
            continue;
        }
        for hole in ["<script", "<iframe", "<object", " style=", " onclick", " onload", "javascript:", "http-equiv"] {
            assert!(!without_own_script(&page.body).contains(hole), "{hole} in {}", url.path);
        }
        // Nothing is loaded from anywhere else.
        for (mark, quote) in [("src=\"", '"'), ("<link rel=\"stylesheet\" href=\"", '"'), ("action=\"", '"')] {
            for rest in page.body.split(mark).skip(1) {
                let target = rest.split(quote).next().unwrap_or_default();
                assert!(target.starts_with('/') && !target.starts_with("//"), "{mark}{target} in {}", url.path);
            }
        }
    }
});

async fn over_https(world: &World) -> (crate::support::world::Node, Browser) {
    let node = world.node_with(|config| config.issuer = config.issuer.replace("http://", "https://")).await;
    let browser = world.browser().at(node.running.address);
    (node, browser)
}

both!(sec_n01_cookies_over_https_are_bound_to_the_host, async |world| {
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    let (node, mut renate) = over_https(&world).await;
    let page = renate.get("/anmelden").await;
    let inside = renate.post("/anmelden", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(inside.location(), "/konto", "signed in over https");
    let chosen = renate.get("/sprache/en").await;
    let account = renate.get("/konto").await;
    let out = renate.post("/abmelden", &[]).await;
    assert_eq!((account.status, out.location()), (200, "/abgemeldet"));
    for answer in [&page, &inside, &chosen, &account, &out] {
        assert_headers(answer, "https");
        assert_cookies(answer, "https", "Secure");
        assert!(once(answer, "https", "strict-transport-security").starts_with("max-age=31536000"));
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let is_language = cookie.starts_with("nk_sprache=");
            // The browser that has signed in before is known again next time.
            let is_device = cookie.starts_with("__Host-nk_g=");
            assert!(cookie.starts_with("__Host-") || is_language, "{cookie}");
            let lasts = cookie.contains("Max-Age") && !cookie.contains("Max-Age=0");
            assert!(is_language || is_device || !lasts, "ends with the browser: {cookie}");
        }
    }
    node.running.abort().await;
});

both!(sec_n01_a_cookie_without_its_prefix_is_nobody, async |world| {
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    let (node, mut renate) = over_https(&world).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    let token = renate.cookies["__Host-nk_s"].clone();
    assert_eq!(renate.get("/konto").await.status, 200);
    let mut planted = renate.without_cookies();
    planted.cookies.insert("nk_s".to_owned(), token);
    assert_eq!(planted.get("/konto").await.status, 303, "a neighbour in the domain could plant this one");
    node.running.abort().await;
});

both!(sec_x12_what_is_missing_below_static_is_not_kept, async |world| {
    let mut nobody = world.browser();
    let request = reqwest::Client::new().get(format!("http://{}/static/favicon.svg", world.address()));
    for (status, answer) in [
        (404, nobody.get("/static/nutzerkonto.000000000000.css").await),
        (404, nobody.get("/static/..%2fkonto").await),
        (405, nobody.post("/static/favicon.svg", &[]).await),
        (421, nobody.send(request.header("host", "x")).await),
    ] {
        assert_eq!((answer.status, answer.header("cache-control")), (status, "no-store"));
    }
});

both!(sec_x01_operations_answers_stay_inside, async |world| {
    for path in ["/health/live", "/health/ready", "/metrics", "/ops", "/operator", "/register", "/api"] {
        assert_eq!(world.browser().get(path).await.status, 404, "sec_w01, sec_w09, sec_l01: {path}");
    }
    assert_eq!(world.browser().get("/demo/mail").await.status, 404, "not a demonstration");
});
