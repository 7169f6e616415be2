//! Attack groups C, D and E: what proves that a code is redeemed by who asked for it, in time, and what changes nothing.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nutzerkonto::kernel::secret::sha256;
use reqwest::Method;

use crate::both;
use crate::support::Service;
use crate::support::browser::Answer;
use crate::support::browser::PASSWORD;
use crate::support::doors::{OFFLINE, connected, push, refusal, text, tokens};
use crate::support::service::VERIFIER;
use crate::support::surface::{EMAIL, two_services, urls};

const TOKEN: &str = "/oauth2/token";

fn assert_invalid_grant(answer: &Answer, what: &str) {
    assert_eq!(refusal(answer), (400, "invalid_grant".to_owned()), "{what}");
}

both!(sec_c01_no_client_goes_without_pkce, async |world| {
    let (parken, app, old) = (Service::new("parken"), Service::public("app"), Service::new("old"));
    let file = [parken.declaration(""), app.declaration(""), old.declaration("profile = \"oidc-core\"")];
    world.clients(&file.concat()).await;
    let mut renate = connected(&world, &[&parken, &app, &old]).await;
    let missing: [(&str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];
    let plain = [("code_challenge", VERIFIER), ("code_challenge_method", "plain")];
    let by_default = [("code_challenge", VERIFIER), ("code_challenge_method", "")];
    let only_method = [("code_challenge", ""), ("code_challenge_method", "S256")];
    for (what, changes) in
        [("missing", missing), ("plain", plain), ("plain by default", by_default), ("empty", only_method)]
    {
        for service in [&parken, &app, &old] {
            // The one profile that lets an old client go without it never lets it do it badly.
            let expected = if service.id == "old" && what == "missing" { None } else { Some("invalid_request") };
            let back = renate.get(&service.request(&changes)).await;
            assert_eq!(back.parameter("error").as_deref(), expected, "{what} {}", service.id);
            assert_eq!(back.parameter("code").is_none(), expected.is_some(), "{what} {}", service.id);
            let pushed = push(&world, service, &changes).await;
            assert_eq!(pushed.status, if expected.is_some() { 400 } else { 201 }, "{what} {}", service.id);
        }
    }
});

both!(sec_c02_nobody_is_talked_out_of_pkce, async |world| {
    let old = Service::new("old");
    world.clients(&old.declaration("profile = \"oidc-core\"")).await;
    let mut renate = connected(&world, &[&old]).await;
    let browser = world.browser();
    let without: [(&'static str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = old.code(&mut renate, &without).await;
    assert_invalid_grant(&old.redeem_at(&browser, &code, &[]).await, "a verifier for a code without a challenge");
    assert_invalid_grant(&old.redeem_at(&browser, &code, &[("code_verifier", "")]).await, "spent by that");
    let code = old.code(&mut renate, &[]).await;
    assert_invalid_grant(
        &old.redeem_at(&browser, &code, &[("code_verifier", "")]).await,
        "no verifier for a challenge",
    );
    assert_invalid_grant(&old.redeem_at(&browser, &code, &[]).await, "spent by that");
    let code = old.code(&mut renate, &without).await;
    assert_eq!(old.redeem_at(&browser, &code, &[("code_verifier", "")]).await.status, 200, "neither is what it is");
});

both!(sec_c03_a_wrong_verifier_burns_the_code, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = connected(&world, &[&parken]).await;
    let browser = world.browser();
    let challenge = |verifier: &str| URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
    let flipped = |place: usize| {
        let mut bytes = VERIFIER.as_bytes().to_vec();
        bytes[place] ^= 1;
        String::from_utf8(bytes).unwrap()
    };
    let (short, long) = ("a".repeat(42), "a".repeat(129));
    let strange = format!("{}+/", "a".repeat(42));
    let umlaut = format!("{}ü", "a".repeat(43));
    // Each is the right one for its challenge, and still none.
    for (verifier, what) in [(&short, "42"), (&long, "129"), (&strange, "other letters"), (&umlaut, "no ASCII")] {
        let code = parken.code(&mut renate, &[("code_challenge", &challenge(verifier))]).await;
        assert_invalid_grant(&parken.redeem_at(&browser, &code, &[("code_verifier", verifier)]).await, what);
    }
    let (shortest, longest) = ("a".repeat(43), "~".repeat(128));
    for verifier in [&shortest, &longest] {
        let code = parken.code(&mut renate, &[("code_challenge", &challenge(verifier))]).await;
        let answer = parken.redeem_at(&browser, &code, &[("code_verifier", verifier)]).await;
        assert_eq!(answer.status, 200, "{} characters are allowed", verifier.len());
    }
    let foreign = "b".repeat(43);
    parken.code(&mut renate, &[("code_challenge", &challenge(&foreign))]).await;
    let wrong = [
        flipped(0),
        flipped(20),
        flipped(42),
        foreign,
        challenge(VERIFIER),
        VERIFIER.to_lowercase(),
        format!("{VERIFIER} "),
    ];
    for verifier in wrong.iter().map(String::as_str).chain([""]) {
        let code = parken.code(&mut renate, &[]).await;
        assert_invalid_grant(&parken.redeem_at(&browser, &code, &[("code_verifier", verifier)]).await, verifier);
        assert_invalid_grant(&parken.redeem_at(&browser, &code, &[]).await, "and the code is burnt");
    }
});

both!(sec_d03_a_code_of_another_client_is_burnt_and_remembered, async |world| {
    let [parken, bibliothek] = two_services(&world).await;
    let mut renate = connected(&world, &[&parken]).await;
    let code = parken.code(&mut renate, &[]).await;
    // It authenticates correctly, and has the code, its verifier and its redirect URI.
    let thief = Service { redirect_uri: parken.redirect_uri.clone(), ..bibliothek };
    assert_invalid_grant(&thief.redeem(&world, &code).await, "another client's");
    assert_invalid_grant(&parken.redeem(&world, &code).await, "burnt");
    let events = world.texts("SELECT detail FROM audit_event WHERE kind = 'code.refused' ORDER BY id").await;
    assert!(events[0].contains("bibliothek") && events[0].contains("another client"), "{events:?}");
    assert_eq!(world.rows("client_grant").await, 0);
});

both!(sec_d04_the_redirect_uri_is_the_one_of_the_request, async |world| {
    let parken = Service::new("parken");
    let second = "https://parken.example/cb2";
    let file = parken
        .declaration("")
        .replace("\"https://parken.example/cb\"]", "\"https://parken.example/cb\", \"https://parken.example/cb2\"]");
    world.clients(&file).await;
    let mut renate = connected(&world, &[&parken]).await;
    let browser = world.browser();
    for uri in [second, "https://parken.example/cB", "https://parken.example/cb/", "https://parken.example/c", "x"] {
        let code = parken.code(&mut renate, &[]).await;
        assert_invalid_grant(&parken.redeem_at(&browser, &code, &[("redirect_uri", uri)]).await, uri);
        assert_invalid_grant(&parken.redeem(&world, &code).await, "burnt");
    }
    let code = parken.code(&mut renate, &[]).await;
    let missing = parken.redeem_at(&browser, &code, &[("redirect_uri", "")]).await;
    assert_eq!(refusal(&missing), (400, "invalid_request".to_owned()), "missing");
    let code = parken.code(&mut renate, &[("redirect_uri", second)]).await;
    assert_eq!(parken.redeem_at(&browser, &code, &[("redirect_uri", second)]).await.status, 200);
});

// Nodes judge by clocks of their own. Neither five seconds behind nor before makes a code live longer than a minute, nor so
// short that nobody could redeem it.
both!(sec_d05_a_code_ends_within_a_minute_on_every_clock, async |world| {
    let [parken, _] = two_services(&world).await;
    let renate = connected(&world, &[&parken]).await;
    let skew = Duration::from_secs(5);
    let start = world.app.now();
    let [behind, before] = [world.node_at(start.minus(skew)).await, world.node_at(start.plus(skew)).await];
    let issuers = [renate.clone(), renate.at(behind.running.address), renate.at(before.running.address)];
    let mut codes = Vec::new();
    for browser in &issuers {
        let mut each = Vec::new();
        for _ in 0..6 {
            each.push(parken.code(&mut browser.clone(), &[]).await);
        }
        codes.push(each);
    }
    // 30 seconds later by the true time, then 61; every code at every node.
    for (round, (seconds, expected)) in [(30, 200), (61, 400)].into_iter().enumerate() {
        let now = start.plus(Duration::from_secs(seconds));
        let nodes =
            [world.node_at(now).await, world.node_at(now.minus(skew)).await, world.node_at(now.plus(skew)).await];
        for (place, node) in nodes.iter().enumerate() {
            for (issuer, codes) in codes.iter().enumerate() {
                let code = &codes[round * 3 + place];
                let answer = parken.redeem_at(&renate.at(node.running.address), code, &[]).await;
                assert_eq!(answer.status, expected, "{seconds} s, issued on {issuer}, redeemed on {place}");
            }
        }
        for node in nodes {
            node.running.abort().await;
        }
    }
    behind.running.abort().await;
    before.running.abort().await;
});

both!(sec_e04_only_hashes_of_secrets_are_kept, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = connected(&world, &[&parken]).await;
    let held = tokens(&world, &parken, &mut renate, &[]).await;
    let code = parken.code(&mut renate, &[]).await;
    let dump = format!("{:?}", world.dump().await).to_lowercase();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for secret in [&parken.secret, &code, &text(&held, "access_token"), &text(&held, "id_token")] {
        assert!(!dump.contains(&secret.to_lowercase()) && !dump.contains(&hex(secret)), "{secret}");
    }
    assert!(dump.contains(&hex_of(&sha256(parken.secret.as_bytes()))), "the hash is");
    // What a database shows opens nothing.
    let stolen = Service { secret: hex_of(&sha256(parken.secret.as_bytes())), ..parken.clone() };
    assert_eq!(refusal(&stolen.redeem(&world, &code).await), (401, "invalid_client".to_owned()));
});

// Whoever asks for whatever: no answer holds what only one party may know.
both!(sec_e15_no_answer_tells_a_secret, async |world| {
    let parken = Service::new("parken");
    let own = "own_scopes = [\"postfach.lesen\"]";
    world.clients(&parken.offline_declaration(own)).await;
    let mut renate = connected(&world, &[]).await;
    let held = tokens(&world, &parken, &mut renate, &[OFFLINE]).await;
    let (access, refresh) = (text(&held, "access_token"), text(&held, "refresh_token"));
    let mut answers = vec![held.to_string().replace(&access, "").replace(&refresh, "")];
    for url in urls() {
        let method = Method::from_bytes(url.method.as_bytes()).unwrap();
        for browser in [renate.clone(), world.browser()] {
            let request = browser.request(method.clone(), &url.path);
            answers.push(browser.clone().send(request.header("content-length", "0")).await.body);
        }
    }
    let bearer = parken.userinfo(&world, &access).await;
    answers.push(bearer.body);
    for (path, form) in [
        ("/oauth2/introspect", vec![("token", access.as_str())]),
        ("/oauth2/introspect", vec![("token", refresh.as_str())]),
        (TOKEN, vec![("grant_type", "client_credentials")]),
        (TOKEN, vec![("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", "x")]),
        ("/oauth2/par", vec![("redirect_uri", "x")]),
        ("/oauth2/revoke", vec![("token", access.as_str())]),
    ] {
        answers.push(parken.ask(&world, path, &form).await.body);
    }
    renate.get("/daten/export").await;
    answers.push(renate.post("/daten/export", &[("current", PASSWORD)]).await.body);
    let mut canaries = vec![parken.secret.clone(), hex_of(&sha256(parken.secret.as_bytes())), PASSWORD.to_owned()];
    canaries.extend([refresh.clone(), refresh[..43].to_owned(), refresh[43..].to_owned(), access]);
    canaries.extend(["nk_s", "nk_t"].map(|name| renate.cookies[name].clone()));
    canaries.extend(["argon2", "PRIVATE KEY", "\"d\":", "secret_sha256", "client_secret\":"].map(str::to_owned));
    for pem in
        [include_str!("../../keys-dev/access-token-es256.pem"), include_str!("../../keys-dev/id-token-es256.pem")]
    {
        canaries.push(pem.lines().nth(1).unwrap().to_owned());
    }
    for canary in &canaries {
        assert!(answers.iter().all(|answer| !answer.contains(canary.as_str())), "{canary}");
    }
});

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// Who is not declared for it exchanges nothing, and nothing that a request says turns another grant into an exchange.
both!(sec_e12_no_token_is_exchanged_for_another, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration("own_scopes = [\"postfach.lesen\"]\nresource = \"https://api.example/\"")).await;
    let mut renate = connected(&world, &[&parken]).await;
    let held = tokens(&world, &parken, &mut renate, &[]).await;
    let (access, id) = (text(&held, "access_token"), text(&held, "id_token"));
    let kind = |name: &str| format!("urn:ietf:params:oauth:token-type:{name}");
    let exchange = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    for (token, name) in [(access.as_str(), "access_token"), (&id, "id_token"), ("", "access_token")] {
        let kind = kind(name);
        let subject = [("subject_token", token), ("subject_token_type", &kind), ("actor_token", token)];
        for more in
            [("audience", "bibliothek"), ("resource", "https://api.example/"), ("scope", "openid profile email")]
        {
            let form = [&[exchange], subject.as_slice(), &[more]].concat();
            let answer = parken.ask(&world, TOKEN, &form).await;
            assert_eq!(refusal(&answer), (400, "unauthorized_client".to_owned()), "{more:?}");
        }
        let machine = [&[("grant_type", "client_credentials")], subject.as_slice()].concat();
        let own = parken.ask(&world, TOKEN, &machine).await.json();
        let said = crate::support::service::claims(&text(&own, "access_token"));
        assert_eq!((said["sub"].as_str(), said.get("act"), said.get("grant")), (Some("parken"), None, None));
    }
});

/// Names under which proxies hand over the certificate of a client, or who somebody is.
const CERTIFICATE_HEADERS: [&str; 16] = [
    "x-client-cert",
    "x-client-certificate",
    "client-cert",
    "client-cert-chain",
    "x-forwarded-client-cert",
    "x-forwarded-tls-client-cert",
    "x-ssl-client-cert",
    "x-ssl-cert",
    "ssl-client-cert",
    "ssl-client-verify",
    "x-ssl-client-verify",
    "x-ssl-client-s-dn",
    "x-arr-clientcert",
    "x-remote-user",
    "remote-user",
    "x-forwarded-user",
];

both!(sec_e13_a_certificate_in_a_header_proves_nothing, async |mut world| {
    // Even from a proxy that is believed about addresses.
    world.restart(|config| config.server.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    let [parken, _] = two_services(&world).await;
    let mut renate = connected(&world, &[&parken]).await;
    let code = parken.code(&mut renate, &[]).await;
    let access = text(&tokens(&world, &parken, &mut renate, &[]).await, "access_token");
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "parken"),
        ("code", code.as_str()),
        ("redirect_uri", &parken.redirect_uri),
        ("code_verifier", VERIFIER),
        ("token", &access),
    ];
    let mut anybody = world.browser();
    let with = |request: reqwest::RequestBuilder, value: &'static str| {
        CERTIFICATE_HEADERS.iter().fold(request, |request, name| request.header(*name, value))
    };
    for value in ["parken", "CN=parken", "SUCCESS", "MIIB", EMAIL] {
        for path in [TOKEN, "/oauth2/par", "/oauth2/introspect", "/oauth2/revoke"] {
            let answer = anybody.send(with(anybody.request(Method::POST, path).form(&form), value)).await;
            assert_eq!(refusal(&answer), (401, "invalid_client".to_owned()), "{path} {value}");
        }
        let page = anybody.send(with(anybody.request(Method::GET, "/konto"), value)).await;
        assert_eq!((page.status, page.location()), (303, "/anmelden"), "{value}");
        assert_eq!(anybody.send(with(anybody.request(Method::GET, "/oauth2/userinfo"), value)).await.status, 401);
    }
    assert_eq!(parken.redeem(&world, &code).await.status, 200, "and nothing was spent");
    let said = crate::support::service::claims(&access);
    assert_eq!(said.get("cnf"), None, "no token claims to be bound to one");
});
