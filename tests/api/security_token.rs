//! Attack group E, rows E01 to E03, E09, E10, and M04, M06: the token endpoint and userinfo, from outside.

use reqwest::Method;
use reqwest::header::HeaderValue;

use crate::both;
use crate::support::browser::Answer;
use crate::support::service::VERIFIER;
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, Service, World};

/// A signed-in browser that has consented to "parken".
async fn renate(world: &World, parken: &Service) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    parken.code(&mut renate, &[]).await;
    renate
}

fn form<'a>(parken: &'a Service, code: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", parken.redirect_uri.as_str()),
        ("code_verifier", VERIFIER),
    ];
    form.extend_from_slice(more);
    form
}

fn assert_refused(answer: &Answer, status: u16, error: &str, what: &str) {
    let code = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!((answer.status, code.as_str()), (status, error), "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
}

both!(sec_e01_nothing_stands_in_the_url, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = renate(&world, &parken).await;
    let code = parken.code(&mut renate, &[]).await;
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form(&parken, &code, &[])).finish();
    let mut anybody = world.browser();
    for method in ["GET", "PUT", "HEAD"] {
        let request =
            anybody.request(Method::from_bytes(method.as_bytes()).unwrap(), &format!("/oauth2/token?{query}"));
        assert_eq!(anybody.send(request.header("authorization", parken.basic())).await.status, 405, "{method}");
    }
    for query in [query.as_str(), "x=1", "client_secret=secret-of-parken", "client_id=parken"] {
        let request = anybody.request(Method::POST, &format!("/oauth2/token?{query}")).form(&form(&parken, &code, &[]));
        let answer = anybody.send(request.header("authorization", parken.basic())).await;
        assert_refused(&answer, 400, "invalid_request", query);
    }
    assert_eq!(parken.redeem(&world, &code).await.status, 200, "and the code was not spent by any of these");
});

both!(sec_e02_one_client_one_method, async |world| {
    let [parken, bibliothek] = two_services(&world).await;
    let mut renate = renate(&world, &parken).await;
    let code = parken.code(&mut renate, &[]).await;
    let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let basic = |service: &Service| vec![service.basic()];
    for (headers, more) in [
        (basic(&parken), vec![("client_secret", parken.secret.as_str())]),
        (basic(&parken), vec![("client_id", "bibliothek")]),
        (basic(&parken), vec![("client_id", "parken "), ("x", "")]),
        (basic(&parken), vec![("client_assertion", "a.b.c"), ("client_assertion_type", jwt)]),
        (vec![parken.basic(), bibliothek.basic()], vec![]),
        (vec![parken.basic(), parken.basic()], vec![]),
        (vec![], vec![("client_id", "parken"), ("client_secret", parken.secret.as_str())]),
        (vec![], vec![("client_id", "parken")]),
        (vec![], vec![("client_secret", parken.secret.as_str())]),
        (vec![], vec![]),
        (vec![String::new()], vec![]),
    ] {
        let mut request = world.browser().request(Method::POST, "/oauth2/token").form(&form(&parken, &code, &more));
        for header in &headers {
            request = request.header("authorization", header);
        }
        let answer = world.browser().send(request).await;
        assert_refused(&answer, 401, "invalid_client", &format!("sec_e09 {headers:?} {more:?}"));
        assert_eq!(answer.header("www-authenticate").starts_with("Basic"), !headers.is_empty(), "RFC 6749 section 5.2");
    }
    for name in ["code", "grant_type", "redirect_uri", "code_verifier", "client_id"] {
        let twice = [(name, "a"), (name, "b")];
        let request = world.browser().request(Method::POST, "/oauth2/token").form(&form(&parken, &code, &twice));
        let answer = world.browser().send(request.header("authorization", parken.basic())).await;
        assert_refused(&answer, 400, "invalid_request", name);
    }
    assert_eq!(parken.redeem(&world, &code).await.status, 200);
});

both!(sec_e03_the_authorization_header_is_read_strictly, async |world| {
    let [parken, _] = two_services(&world).await;
    let good = parken.basic();
    let (_, encoded) = good.split_once(' ').unwrap();
    let long = format!("Basic {}", "QUFB".repeat(16_000));
    let tricks = [
        "Basic".to_owned(),
        "Basic ".to_owned(),
        encoded.to_owned(),
        format!("Basic {good}"),
        format!("Bearer {encoded}"),
        format!("Basic\t{encoded}"),
        format!("Basic  {encoded}"),
        format!("Basic {encoded} {encoded}"),
        format!("Basic {encoded},Basic {encoded}"),
        format!("Basic {encoded}="),
        format!("Basic \"{encoded}\""),
        format!("Basic {}", encoded.trim_end_matches('=').to_lowercase()),
        "Basic cGFya2Vu".to_owned(),
        "Basic Og==".to_owned(),
        "Basic cGFya2VuOg==".to_owned(),
        "Basic /////w==".to_owned(),
        "Basic ????".to_owned(),
        "DPoP x".to_owned(),
        long,
    ];
    for trick in tricks.iter().map(String::as_bytes).chain([&b"Basic \xff\xfe"[..]]) {
        let value = HeaderValue::from_bytes(trick).unwrap();
        let request = world.browser().request(Method::POST, "/oauth2/token").form(&form(&parken, "x", &[]));
        let answer = world.browser().send(request.header("authorization", value)).await;
        assert_refused(&answer, 401, "invalid_client", &String::from_utf8_lossy(&trick[..trick.len().min(60)]));
    }
});

both!(sec_e10_other_grants_do_not_exist, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = renate(&world, &parken).await;
    let code = parken.code(&mut renate, &[]).await;
    let password = crate::support::browser::PASSWORD;
    for grant in [
        "password",
        "implicit",
        "Authorization_Code",
        "AUTHORIZATION_CODE",
        "authorization_code ",
        "authorization_code\n",
        "authorization_code,password",
        "urn:ietf:params:oauth:grant-type:Device_Code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:openid:params:grant-type:ciba",
        "x",
    ] {
        let form = [
            ("grant_type", grant),
            ("code", code.as_str()),
            ("redirect_uri", parken.redirect_uri.as_str()),
            ("code_verifier", VERIFIER),
            ("username", EMAIL),
            ("password", password),
            ("refresh_token", code.as_str()),
            ("subject_token", code.as_str()),
            ("scope", "openid"),
        ];
        let request = world.browser().request(Method::POST, "/oauth2/token").form(&form);
        let answer = world.browser().send(request.header("authorization", parken.basic())).await;
        assert_refused(&answer, 400, "unsupported_grant_type", grant);
    }
    let request = world.browser().request(Method::POST, "/oauth2/token").form(&[("code", &code)]);
    let answer = world.browser().send(request.header("authorization", parken.basic())).await;
    assert_refused(&answer, 400, "invalid_request", "no grant_type");
    assert_eq!(parken.redeem(&world, &code).await.status, 200);
});

both!(sec_d06_a_code_is_exactly_itself, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = renate(&world, &parken).await;
    let code = parken.code(&mut renate, &[]).await;
    let swapped: String = code
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let mut altered = vec![swapped, format!("{code}="), format!("{code} "), format!(" {code}"), format!("{code}A")];
    altered.extend((1..code.len()).step_by(7).map(|length| code[..length].to_owned()));
    altered.extend(["%", "\u{fffd}", "'", "null"].map(|end| format!("{code}{end}")));
    for altered in altered {
        let answer = parken.redeem(&world, &altered).await;
        assert_refused(&answer, 400, "invalid_grant", &altered);
    }
    assert_eq!(parken.redeem(&world, &code).await.status, 200);
});

both!(sec_m04_a_token_stands_in_one_place, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = renate(&world, &parken).await;
    let code = parken.code(&mut renate, &[]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let path = format!("/oauth2/userinfo?access_token={token}");
    for method in [Method::GET, Method::POST] {
        let request = world.browser().request(method, &path).header("content-length", "0");
        let answer = world.browser().send(request).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "without a token");
        assert!(!answer.body.contains("Renate"));
    }
    let request = world.browser().request(Method::POST, "/oauth2/userinfo").form(&[("access_token", token)]);
    let answer = world.browser().send(request.bearer_auth(token)).await;
    assert_eq!(answer.status, 400, "in two places");
    let cookie =
        world.browser().request(Method::GET, "/oauth2/userinfo").header("cookie", format!("access_token={token}"));
    assert_eq!(world.browser().send(cookie).await.status, 401, "in a cookie");
    let twice = world.browser().request(Method::GET, "/oauth2/userinfo").bearer_auth(token).bearer_auth(token);
    assert_eq!(world.browser().send(twice).await.status, 401, "twice");
    // A signed-in browser is no token.
    assert_eq!(renate.get("/oauth2/userinfo").await.status, 401);
});

both!(sec_m02_a_changed_token_is_none, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = renate(&world, &parken).await;
    let code = parken.code(&mut renate, &[]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let (front, signature) = token.rsplit_once('.').unwrap();
    let mut altered: Vec<String> = (0..token.len()).step_by(11).map(|length| token[..length].to_owned()).collect();
    altered.extend([format!("{token}="), format!("{token}."), format!("{token}A"), format!("{token}.{signature}")]);
    altered.extend([
        format!("{front}."),
        front.to_owned(),
        format!("{front}.{}", "A".repeat(86)),
        token.to_uppercase(),
    ]);
    for place in (0..token.len()).step_by(13).filter(|place| token.as_bytes()[*place] != b'.') {
        let other = if token.as_bytes()[place] == b'A' { "B" } else { "A" };
        altered.push(format!("{}{other}{}", &token[..place], &token[place + 1..]));
    }
    let mut bodies = std::collections::BTreeSet::new();
    for altered in altered.iter().filter(|altered| !altered.is_empty()) {
        let answer = parken.userinfo(&world, altered).await;
        assert_eq!(answer.status, 401, "{altered}");
        bodies.insert(answer.body);
    }
    world.pass(std::time::Duration::from_secs(300));
    let expired = parken.userinfo(&world, token).await;
    assert_eq!(expired.status, 401);
    bodies.insert(expired.body);
    assert_eq!(bodies.len(), 1, "sec_m03: whatever is wrong, the answer is one: {bodies:?}");
});

// M06: a page of another origin reads what its registered program may, and nothing else.
both!(sec_m06_only_registered_origins_are_let_in, async |world| {
    let [parken, app] = [Service::new("parken"), Service::public("app")];
    world.clients(&format!("{}{}", parken.declaration(""), app.declaration(""))).await;
    let open = [
        "/oauth2/token",
        "/oauth2/userinfo",
        "/oauth2/revoke",
        "/oauth2/jwks",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ];
    let closed = ["/oauth2/introspect", "/oauth2/par", "/oauth2/authorize", "/oauth2/logout", "/konto", "/anmelden"];
    let ours = "https://app.example";
    let others =
        ["https://parken.example", "https://evil.example", "null", &world.config.issuer, "https://app.example.evil"];
    for (origin, path) in [ours, "https://APP.example"]
        .iter()
        .chain(&others)
        .flat_map(|origin| open.iter().chain(&closed).map(move |path| (*origin, *path)))
    {
        for method in ["OPTIONS", "GET", "POST"] {
            let request = world.browser().request(Method::from_bytes(method.as_bytes()).unwrap(), path);
            let request = request.header("origin", origin).header("access-control-request-method", "POST");
            let answer = world.browser().send(request.header("access-control-request-headers", "authorization")).await;
            let names = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control"));
            let expected = match (origin == ours && open.contains(&path), method) {
                (false, _) => 0,
                (true, "OPTIONS") => 5,
                (true, _) => 2,
            };
            assert_eq!(names.count(), expected, "{method} {path} for {origin}");
            let allowed = if expected > 0 { ours } else { "" };
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{method} {path}");
            assert_eq!(answer.header("vary").contains("origin"), open.contains(&path), "{method} {path}");
        }
    }
});
