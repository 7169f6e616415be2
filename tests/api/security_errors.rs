//! How refusals look to services: registered codes, a plain description, state and issuer; and at the endpoints of
//! clients JSON that nobody keeps. Row A14.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::both;
use crate::security_redirect::FAULTS;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::doors::{OFFLINE, connected, text, tokens};
use crate::support::service::{VERIFIER, vorgang};
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Service, World};

/// What may stand in an authorization error response: RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6, RFC
/// 8707 section 2, RFC 9126 section 4 (RFC 9101), OpenID Connect Core Error Code unmet_authentication_requirements.
const AUTHORIZATION_CODES: [&str; 17] = [
    "invalid_request",
    "unauthorized_client",
    "access_denied",
    "unsupported_response_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "interaction_required",
    "login_required",
    "account_selection_required",
    "consent_required",
    "invalid_request_object",
    "request_not_supported",
    "request_uri_not_supported",
    "registration_not_supported",
    "invalid_target",
    "unmet_authentication_requirements",
];

/// RFC 6749 section 5.2: %x20-21 / %x23-5B / %x5D-7E.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x20..=0x7E).contains(&byte) && !b"\"\\".contains(&byte))
}

/// An error that went back to the service, as it must be.
fn assert_told(world: &World, answer: &Answer, code: &str, what: &str) {
    assert_eq!(answer.status, 303, "{what}");
    let url = url::Url::parse(answer.location()).unwrap_or_else(|_| panic!("{what}: {}", answer.location()));
    assert_eq!(url.host_str(), Some("parken.example"), "{what}");
    let names: BTreeSet<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["error", "error_description", "iss", "state"].map(str::to_owned).into(), "{what}");
    assert_eq!(url.query_pairs().count(), 4, "{what}: each once");
    assert_eq!(answer.parameter("error").as_deref(), Some(code), "{what}");
    assert!(AUTHORIZATION_CODES.contains(&code), "{what}: not registered");
    assert!(is_plain(&answer.parameter("error_description").unwrap()), "{what}");
    assert_eq!(answer.parameter("state").as_deref(), Some("zustand-1"), "{what}");
    assert_eq!(answer.parameter("iss").as_deref(), Some(world.config.issuer.as_str()), "{what}");
}

both!(sec_a14_every_authorization_error_names_us_and_the_request, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = connected(&world, &[]).await;
    let metadata = renate.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["issuer"], world.config.issuer);
    for (changes, code) in FAULTS {
        let what = format!("{changes:?}");
        assert_told(&world, &renate.get(&parken.request(changes)).await, code, &what);
        // The same by a form that the person sends, unless it is the mode itself that is wrong.
        if changes.iter().any(|(name, _)| *name == "response_mode") {
            continue;
        }
        let page = renate.get(&parken.request(&[changes, &[("response_mode", "form_post")]].concat())).await;
        let told = ["error", "error_description", "state", "iss", "code"].map(|name| page.hidden(name));
        assert_eq!((page.status, page.location()), (200, ""), "{what}");
        assert_eq!([&told[0], &told[2], &told[3], &told[4]], [code, "zustand-1", &world.config.issuer, ""], "{what}");
        assert!(page.body.contains("action=\"https://parken.example/cb\"") && is_plain(&told[1]), "{what}");
    }
    let silent = parken.request(&[("prompt", "none")]);
    assert_told(&world, &world.browser().get(&silent).await, "login_required", "nobody is signed in");
    let page = renate.visit(&parken.request(&[])).await;
    let no = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &[("antwort", "nein")]).await;
    assert_told(&world, &no, "access_denied", "no consent");
    let page = renate.visit(&parken.request(&[])).await;
    let cancelled = renate.post(&format!("/abbrechen?vorgang={}", vorgang(&page)), &[]).await;
    assert_told(&world, &cancelled, "access_denied", "cancelled");
    let acr = r#"{"id_token":{"acr":{"essential":true,"value":"http://eidas.europa.eu/LoA/high"}}}"#;
    let page = renate.visit(&parken.request(&[("claims", acr)])).await;
    let cancelled = renate.post(&format!("/abbrechen?vorgang={}", vorgang(&page)), &[]).await;
    assert_told(&world, &cancelled, "unmet_authentication_requirements", "the level is out of reach");
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Muster"]).await;
    let hint = text(&tokens(&world, &parken, &mut emre, &[]).await, "id_token");
    world.pass(std::time::Duration::from_secs(1));
    let hinted = renate.visit(&parken.request(&[("id_token_hint", &hint)])).await;
    let path = format!("/anmelden?vorgang={}", vorgang(&hinted));
    let answer = renate.post(&path, &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_told(&world, &renate.follow(answer).await, "login_required", "somebody else has signed in");
    let good = parken.code(&mut renate, &[]).await;
    assert!(!good.is_empty());
});

/// What a client sends where, and what it is told.
struct Fault {
    path: &'static str,
    form: Vec<(&'static str, String)>,
    expected: (u16, &'static str),
}

fn fault(path: &'static str, form: &[(&'static str, &str)], expected: (u16, &'static str)) -> Fault {
    Fault { path, form: form.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), expected }
}

const TOKEN: &str = "/oauth2/token";
const CODE: (&str, &str) = ("grant_type", "authorization_code");
const REFRESH: (&str, &str) = ("grant_type", "refresh_token");
const BAD: (u16, &str) = (400, "invalid_request");

/// A code for one resource, a refresh token and a token in the client's own name are at hand.
fn faults(code: &str, refresh: &str, own: &str) -> Vec<Fault> {
    let uri = ("redirect_uri", "https://parken.example/cb");
    let (verifier, wrong) = (("code_verifier", VERIFIER), ("code", "falsch"));
    let machine = ("grant_type", "client_credentials");
    vec![
        fault(TOKEN, &[], BAD),
        fault(TOKEN, &[("grant_type", "password")], (400, "unsupported_grant_type")),
        fault(TOKEN, &[CODE], BAD),
        fault(TOKEN, &[CODE, uri, verifier], BAD),
        fault(TOKEN, &[CODE, wrong, verifier], BAD),
        fault(TOKEN, &[CODE, wrong, wrong, uri, verifier], BAD),
        fault(TOKEN, &[CODE, wrong, uri, verifier], (400, "invalid_grant")),
        fault(
            TOKEN,
            &[CODE, ("code", code), uri, verifier, ("resource", "https://evil.example/")],
            (400, "invalid_target"),
        ),
        fault(TOKEN, &[CODE, ("code", code), uri, verifier], (400, "invalid_grant")),
        fault(TOKEN, &[REFRESH], BAD),
        fault(TOKEN, &[REFRESH, ("refresh_token", "falsch")], (400, "invalid_grant")),
        fault(TOKEN, &[REFRESH, ("refresh_token", refresh), ("scope", "openid address")], (400, "invalid_scope")),
        fault(
            TOKEN,
            &[REFRESH, ("refresh_token", refresh), ("resource", "https://evil.example/")],
            (400, "invalid_target"),
        ),
        fault(TOKEN, &[machine, ("scope", "admin")], (400, "invalid_scope")),
        fault(TOKEN, &[machine, ("resource", "https://evil.example/")], (400, "invalid_target")),
        fault("/oauth2/introspect", &[], BAD),
        fault("/oauth2/revoke", &[], BAD),
        fault("/oauth2/revoke", &[("token", own)], (400, "unsupported_token_type")),
        fault("/oauth2/par", &[], BAD),
        fault("/oauth2/par", &[uri], BAD),
        fault("/oauth2/par", &[uri, ("response_type", "token")], (400, "unsupported_response_type")),
        fault("/oauth2/par", &[uri, ("response_type", "code"), ("scope", "x")], (400, "invalid_scope")),
    ]
}

/// RFC 6749 section 5.2: JSON that nobody keeps, with a registered code and a plain description, and no more.
fn assert_json(answer: &Answer, expected: (u16, &str), what: &str) {
    let body = answer.json();
    assert_eq!((answer.status, body["error"].as_str()), (expected.0, Some(expected.1)), "{what}");
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error", "error_description"], "{what}");
    assert!(is_plain(body["error_description"].as_str().unwrap()), "{what}: {body}");
    assert_eq!(answer.header("content-type"), "application/json", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert!(answer.headers.get("set-cookie").is_none() && answer.location().is_empty(), "{what}");
    let demands = answer.header("www-authenticate");
    assert!(demands.is_empty() || answer.status == 401, "{what}: {demands}");
}

both!(every_error_at_an_endpoint_of_clients_is_json_that_nobody_keeps, async |world| {
    let parken = Service::new("parken");
    let extra = "own_scopes = [\"postfach.lesen\"]\nresource = \"https://api.example/\"";
    world.clients(&parken.offline_declaration(extra)).await;
    let mut renate = connected(&world, &[&parken]).await;
    let refresh = text(&tokens(&world, &parken, &mut renate, &[OFFLINE]).await, "refresh_token");
    let own = parken.ask(&world, TOKEN, &[("grant_type", "client_credentials")]).await.json();
    let code = parken.code(&mut renate, &[]).await;
    let anybody = world.browser();
    for Fault { path, form, expected } in faults(&code, &refresh, &text(&own, "access_token")) {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let what = format!("{path} {form:?}");
        assert_json(&parken.ask(&world, path, &form).await, expected, &what);
        // A request that says something twice is not even read.
        let twice = form.iter().enumerate().any(|(place, one)| form[..place].contains(one));
        let unproven = if twice { BAD } else { (401, "invalid_client") };
        for wrong in [Service { secret: "falsch".to_owned(), ..parken.clone() }, Service::new("unbekannt")] {
            let answer = wrong.ask(&world, path, &form).await;
            assert_json(&answer, unproven, &what);
            assert_eq!(answer.header("www-authenticate").starts_with("Basic "), !twice, "{what}: RFC 6749 section 5.2");
        }
        let named = [form.as_slice(), &[("client_id", "parken")]].concat();
        assert_json(&anybody.clone().post_exactly(path, &named).await, unproven, &what);
        let in_url = parken.ask(&world, &format!("{path}?client_id=parken"), &form).await;
        assert_json(&in_url, BAD, &what);
        let request = anybody.request(Method::POST, path).header("authorization", parken.basic());
        let answer = anybody.clone().send(request.header("content-type", "application/json").body("{}")).await;
        assert!((400..500).contains(&answer.status) && answer.header("cache-control") == "no-store", "{what}");
    }
    assert_eq!(parken.refresh(&world, &refresh).await.status, 200, "none of these was the refresh token's end");
    for (token, expected) in [("falsch", (401, "invalid_token")), (refresh.as_str(), (401, "invalid_token"))] {
        let answer = parken.userinfo(&world, token).await;
        assert_json(&answer, expected, "userinfo");
        let demands = answer.header("www-authenticate");
        assert!(demands.starts_with("Bearer error=\"invalid_token\""), "RFC 6750 section 3: {demands}");
    }
    let own = parken.userinfo(&world, &text(&own, "access_token")).await;
    assert_json(&own, (401, "invalid_token"), "nobody's token at userinfo");
});
