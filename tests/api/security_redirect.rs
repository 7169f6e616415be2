//! Attack group A: where an authorization answer may go. Until client and redirect URI are known to belong together, a
//! refusal is a page of ours.

use reqwest::Method;

use crate::both;
use crate::support::browser::Answer;
use crate::support::doors::{connected, push};
use crate::support::service::vorgang;
use crate::support::surface::{Busy, busy_renate, fields, two_services, urls};
use crate::support::{Browser, Service, World};

/// Not `https://parken.example/cb`, however alike it looks to somebody or to some parser.
#[rustfmt::skip]
const NOT_REGISTERED: [(&str, &[&str]); 8] = [
    ("a01", &["https://evil.example/cb", "https://parken.example/other", "*", "https://*.example/cb", "parken.example/cb",
              "//parken.example/cb", "/cb", "urn:ietf:wg:oauth:2.0:oob", "com.example.parken:/cb", "x"]),
    ("a02", &["https://parken.example.evil.example/cb", "https://parken.exampleevil/cb", "https://evilparken.example/cb",
              "https://parken.example./cb", "https://www.parken.example/cb", "https://parken.example/cbx"]),
    ("a03", &["https://parken.example@evil.example/cb", "https://a@b@evil.example/cb", "https://a@parken.example/cb",
              "https://parken.example:x@evil.example/cb", "https://parken.example%40evil.example/cb",
              "https://evil.example#@parken.example/cb", "https://evil.example\\@parken.example/cb"]),
    ("a04", &["https://parken.example/cb/..;/x", "https://parken.example/cb/%2e%2e/x", "https://parken.example/x/../cb",
              "https://parken.example/./cb", "https://parken.example//cb", "https://parken.example\\cb",
              "https://parken.example/cb\t", "https://parken.example/cb%2f", "https://parken.example/c%62",
              "https://parken.example/cb%00", "https://parken.example/cb\0", "https://parken.example/cb%0d%0ax:y"]),
    ("a05", &["https://parken.example/cb?x=1", "https://parken.example/cb?", "https://parken.example/CB",
              "https://PARKEN.example/cb", "HTTPS://parken.example/cb", "https://parken.example:443/cb",
              "https://parken.example:8443/cb", "https://parken.example/cb/", "http://parken.example/cb",
              " https://parken.example/cb", "https://parken.example/cb ", "https://parken.example/cb&x=1"]),
    ("a06", &["https://parkenxexample/cb", "https://parken.example/c.", "https://parken.example/cb|https://evil.example/"]),
    ("a08", &["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///cb"]),
    ("a09", &["https://parken.example/cb#x", "https://parken.example/cb#"]),
];

/// Requests that each have something wrong: what is changed, and the error that a known client is told. Other stories go
/// through all of them too.
#[rustfmt::skip]
pub const FAULTS: [(&[(&str, &str)], &str); 33] = [
    (&[("response_type", "")],                          "invalid_request"),
    (&[("response_type", "token")],                     "unsupported_response_type"),
    (&[("response_type", "id_token")],                  "unsupported_response_type"),
    (&[("response_type", "code id_token")],             "unsupported_response_type"),
    (&[("response_type", "code token")],                "unsupported_response_type"),
    (&[("response_type", "code id_token token")],       "unsupported_response_type"),
    (&[("response_type", "id_token token")],            "unsupported_response_type"),
    (&[("response_type", "none")],                      "unsupported_response_type"),
    (&[("response_type", "CODE")],                      "unsupported_response_type"),
    (&[("response_mode", "fragment")],                  "invalid_request"),
    (&[("response_mode", "web_message")],               "invalid_request"),
    (&[("response_mode", "QUERY")],                     "invalid_request"),
    (&[("scope", "")],                                  "invalid_scope"),
    (&[("scope", "profile")],                           "invalid_scope"),
    (&[("scope", "openid offline_access")],             "invalid_scope"),
    (&[("code_challenge", "")],                         "invalid_request"),
    (&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
    (&[("code_challenge", "kurz")],                     "invalid_request"),
    (&[("code_challenge_method", "")],                  "invalid_request"),
    (&[("code_challenge_method", "plain")],             "invalid_request"),
    (&[("code_challenge_method", "s256")],              "invalid_request"),
    (&[("prompt", "none login")],                       "invalid_request"),
    (&[("prompt", "unbekannt")],                        "invalid_request"),
    (&[("max_age", "-1")],                              "invalid_request"),
    (&[("max_age", "bald")],                            "invalid_request"),
    (&[("id_token_hint", "a.b.c")],                     "invalid_request"),
    (&[("claims", "{")],                                "invalid_request"),
    (&[("claims", r#"{"id_token":{"acr":{"essential":true,"value":"gold"}}}"#)], "unmet_authentication_requirements"),
    (&[("claims", r#"{"id_token":{"sub":{"value":"x"}}}"#), ("prompt", "none")], "login_required"),
    (&[("registration", "{}")],                         "registration_not_supported"),
    (&[("resource", "https://evil.example/")],          "invalid_target"),
    (&[("prompt", "none"), ("scope", "openid email"), ("claims", r#"{"id_token":{"acr":{"essential":true,"value":"http://eidas.europa.eu/LoA/high"}}}"#)], "interaction_required"),
    (&[("prompt", "none")],                             "consent_required"),
];

/// A page of ours, and no way to anywhere else on it.
fn assert_page(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.location()), (400, ""), "{what}");
    assert!(answer.header("content-type").starts_with("text/html"), "{what}");
    assert!(answer.body.contains("Fehlercode: invalid_request"), "{what}: {}", answer.heading());
    let targets = ["href=\"", "action=\""].into_iter().flat_map(|mark| answer.body.split(mark).skip(1));
    for target in targets.map(|rest| rest.split('"').next().unwrap_or_default()) {
        let is_ours = target.starts_with('/') && !target.starts_with("//");
        assert!(is_ours || target.starts_with('#') || target.starts_with("mailto:"), "{what}: {target}");
    }
    assert!(!answer.headers.contains_key("refresh") && !answer.body.contains("http-equiv"), "{what}");
}

async fn parken(world: &World) -> (Service, Browser) {
    let [parken, _] = two_services(world).await;
    let renate = connected(world, &[]).await;
    (parken, renate)
}

both!(sec_a01_a02_a03_a04_a05_a06_only_the_very_uri_is_redirected_to, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let mut nobody = world.browser();
    for (row, uris) in NOT_REGISTERED {
        for uri in uris {
            for browser in [&mut renate, &mut nobody] {
                assert_page(&browser.get(&parken.request(&[("redirect_uri", uri)])).await, &format!("{row} {uri}"));
            }
            let pushed = push(&world, &parken, &[("redirect_uri", uri)]).await;
            assert_eq!((pushed.status, pushed.json()["error"].as_str()), (400, Some("invalid_request")), "{row} {uri}");
        }
    }
    // What is registered is a text, not a pattern, and so it is compared.
    let odd = Service { redirect_uri: "https://odd.example/cb?tenant=a.b".to_owned(), ..Service::new("odd") };
    world.clients(&odd.declaration("")).await;
    for uri in ["https://odd.example/cb?tenant=axb", "https://odd.example/cb", "https://odd.example/cb?tenant=a.b&x=1"]
    {
        assert_page(&renate.get(&odd.request(&[("redirect_uri", uri)])).await, uri);
    }
    let code = odd.code(&mut renate, &[]).await;
    assert_eq!(odd.redeem(&world, &code).await.status, 200, "and the query of its own is part of it");
});

// RFC 8252 section 7.3 lets programs on people's own devices vary the port. Nobody here may: what is registered is meant.
both!(sec_a07_a_loopback_address_is_compared_like_any_other, async |world| {
    let native = Service { redirect_uri: "http://127.0.0.1:49152/cb".to_owned(), ..Service::public("native") };
    let web = Service { redirect_uri: "http://localhost:8081/cb".to_owned(), ..Service::new("web") };
    world.clients(&format!("{}{}", native.declaration(""), web.declaration(""))).await;
    let mut renate = connected(&world, &[&native, &web]).await;
    for (service, uris) in [
        (
            &native,
            ["http://127.0.0.1:49153/cb", "http://127.0.0.1/cb", "http://localhost:49152/cb", "http://[::1]:49152/cb"],
        ),
        (
            &web,
            [
                "http://localhost:8082/cb",
                "http://localhost/cb",
                "http://127.0.0.1:8081/cb",
                "https://localhost:8081/cb",
            ],
        ),
    ] {
        for uri in uris {
            assert_page(&renate.get(&service.request(&[("redirect_uri", uri)])).await, uri);
        }
    }
});

both!(sec_a09_the_answer_ends_with_a_fragment_of_its_own, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let code = renate.visit(&parken.request(&[])).await;
    let answer = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&code)), &[("antwort", "ja")]).await;
    let good = renate.follow(answer).await;
    let bad = renate.get(&parken.request(&[("scope", "profile")])).await;
    for answer in [good, bad] {
        assert!(answer.location().starts_with("https://parken.example/cb?"), "{}", answer.location());
        assert!(answer.location().ends_with('#'), "an attacker's fragment would travel on: {}", answer.location());
    }
});

// Whatever else is wrong with a request: without a redirect URI of that client nothing is sent anywhere.
both!(sec_a10_a12_every_fault_with_a_wrong_uri_is_a_page, async |world| {
    let (parken, mut renate) = parken(&world).await;
    let mut nobody = world.browser();
    for (changes, _) in FAULTS {
        for wrong in [
            ("redirect_uri", "https://evil.example/cb"),
            ("redirect_uri", "https://bibliothek.example/cb"),
            ("redirect_uri", ""),
            ("client_id", "unbekannt"),
            ("client_id", "bibliothek"),
            ("client_id", ""),
        ] {
            let request = parken.request(&[changes, &[wrong]].concat());
            assert_page(&renate.get(&request).await, &request);
        }
        let request = parken.request(&[changes, &[("redirect_uri", "https://evil.example/cb")]].concat());
        assert_page(&nobody.get(&request).await, &request);
        let by_form: Vec<(String, String)> =
            url::form_urlencoded::parse(request.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let request = nobody.request(Method::POST, "/oauth2/authorize").form(&by_form);
        let own = nobody.send(request).await;
        assert!(own.location().starts_with("/oauth2/authorize?"), "only to ourselves: {}", own.location());
        assert_page(&nobody.get(own.location()).await, "as a form");
    }
    for name in
        ["client_id", "redirect_uri", "state", "scope", "nonce", "code_challenge", "response_type", "prompt", "x"]
    {
        for values in [["parken", "parken"], ["parken", "bibliothek"], ["", ""], ["", "x"]] {
            let twice = values.map(|value| format!("&{name}={value}")).concat();
            assert_page(&renate.get(&format!("{}{twice}", parken.request(&[(name, "")]))).await, &twice);
        }
    }
});

both!(sec_a13_no_token_ever_stands_in_a_url, async |world| {
    let (parken, mut renate) = parken(&world).await;
    parken.code(&mut renate, &[]).await;
    for (kind, mode) in ["token", "id_token", "code token", "code id_token", "code id_token token", "code"]
        .iter()
        .flat_map(|kind| ["", "query", "fragment", "form_post", "web_message"].map(|mode| (*kind, mode)))
    {
        let answer = renate.get(&parken.request(&[("response_type", kind), ("response_mode", mode)])).await;
        assert!(!answer.location().contains("token=") && !answer.location().contains("eyJ"), "{}", answer.location());
        assert!(
            !answer.body.contains("name=\"access_token\"") && !answer.body.contains("name=\"id_token\""),
            "{kind} {mode}"
        );
        let (_, fragment) = answer.location().split_once('#').unwrap_or_default();
        assert_eq!(fragment, "", "{kind} {mode}");
        let is_good = *kind == *"code" && ["", "query"].contains(&mode);
        assert_eq!(answer.parameter("code").is_some(), is_good, "{kind} {mode}");
    }
    // The way back to a stored request: only its number counts, not what else somebody writes there.
    world.pass(std::time::Duration::from_secs(1));
    let page = renate.visit(&parken.request(&[("prompt", "consent")])).await;
    let flow = vorgang(&page);
    renate.post(&format!("/einwilligung?vorgang={flow}"), &[("antwort", "ja")]).await;
    let edited = format!(
        "/weiter?vorgang={flow}&client_id=bibliothek&redirect_uri=https://evil.example/&response_type=token&scope=x&state=x"
    );
    let back = renate.get(&edited).await;
    assert!(back.location().starts_with("https://parken.example/cb?code="), "{}", back.location());
    assert_eq!(back.parameter("state").as_deref(), Some("zustand-1"));
});

// As long as the operator has not switched it on, there is no service that nobody has declared, and so none that could use us
// to send people somewhere.
both!(sec_a16_l01_nobody_registers_a_service_of_their_own, async |world| {
    let (_, mut renate) = parken(&world).await;
    let body = serde_json::json!({ "redirect_uris": ["https://evil.example/cb"], "client_name": "Evil" });
    for path in
        ["/register", "/oauth2/register", "/oauth2/registration", "/connect/register", "/clients", "/oauth2/clients"]
    {
        for browser in [&mut world.browser(), &mut renate] {
            for method in [Method::POST, Method::GET, Method::PUT] {
                // Where they could if it were switched on, another method is refused as such.
                let other = path == "/oauth2/register" && method != Method::POST;
                let answer = browser.send(browser.request(method, path).json(&body)).await;
                assert_eq!(answer.status, if other { 405 } else { 404 }, "{path}");
            }
        }
    }
    let metadata = world.browser().get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata.get("registration_endpoint"), None);
    let evil = Service::new("evil");
    for scope in ["openid", "unbekannt", ""] {
        for prompt in ["", "none"] {
            let request = evil.request(&[("scope", scope), ("prompt", prompt)]);
            assert_page(&world.browser().get(&request).await, &request);
        }
    }
    assert_eq!(world.rows("client").await, 2);
});

// 307 and 308 would send a password on to the next address.
both!(sec_a17_after_a_form_comes_303_and_nothing_else, async |world| {
    let Busy { browser, flow, code } = busy_renate(&world).await;
    let fields = fields(&code);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut redirects = 0;
    for url in urls().into_iter().filter(|url| url.method == "POST") {
        for mut who in [browser.clone(), world.browser()] {
            for path in [url.path.clone(), format!("{}{flow}", url.path)] {
                let answer = who.post(&path, &fields).await;
                assert!(answer.status == 303 || !(300..400).contains(&answer.status), "{path}: {}", answer.status);
                redirects += usize::from(answer.status == 303);
            }
        }
    }
    assert!(redirects > 20, "{redirects}");
});
