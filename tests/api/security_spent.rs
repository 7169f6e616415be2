//! What is spent by which refusal, and what is not. A table for each thing that counts once.

use nutzerkonto::kernel::time::minutes;
use serde_json::json;

use crate::both;
use crate::security_assertion::Signer;
use crate::sender_constraint::{self, Bound};
use crate::support::browser::Answer;
use crate::support::doors::{OFFLINE, connected, push, reference, text, tokens};
use crate::support::surface::two_services;
use crate::support::{Browser, Service, World};

const TOKEN: &str = "/oauth2/token";
const CODE: (&str, &str) = ("grant_type", "authorization_code");
const REFRESH: (&str, &str) = ("grant_type", "refresh_token");

/// What is presented in vain, and whether it is spent by that.
type Refusal = (&'static str, bool);

async fn redeem_in_vain(world: &World, parken: &Service, code: &str, how: &str) -> u16 {
    let browser = world.browser();
    let stranger = Service { redirect_uri: parken.redirect_uri.clone(), ..Service::new("bibliothek") };
    let liar = Service { secret: "falsch".to_owned(), ..parken.clone() };
    let nobody = Service { secret: String::new(), ..parken.clone() };
    let other = "A".repeat(43);
    let answer = match how {
        "a wrong secret" => liar.redeem(world, code).await,
        "no authentication" => nobody.redeem(world, code).await,
        "no redirect_uri" => parken.redeem_at(&browser, code, &[("redirect_uri", "")]).await,
        "another grant_type" => parken.redeem_at(&browser, code, &[("grant_type", "refresh_token")]).await,
        "a changed code" => parken.redeem(world, &format!("{code}A")).await,
        "in the URL" => parken.ask(world, "/oauth2/token?x=1", &[CODE, ("code", code)]).await,
        "twice in one request" => parken.ask(world, TOKEN, &[CODE, ("code", code), ("code", code)]).await,
        "another redirect_uri" => {
            parken.redeem_at(&browser, code, &[("redirect_uri", "https://parken.example/x")]).await
        }
        "no verifier" => parken.redeem_at(&browser, code, &[("code_verifier", "")]).await,
        "a wrong verifier" => parken.redeem_at(&browser, code, &[("code_verifier", &other)]).await,
        "another resource" => parken.redeem_at(&browser, code, &[("resource", "https://evil.example/")]).await,
        _ => stranger.redeem(world, code).await,
    };
    answer.status
}

const CODE_REFUSALS: [Refusal; 12] = [
    ("a wrong secret", false),
    ("no authentication", false),
    ("no redirect_uri", false),
    ("another grant_type", false),
    ("a changed code", false),
    ("in the URL", false),
    ("twice in one request", false),
    ("another redirect_uri", true),
    ("no verifier", true),
    ("a wrong verifier", true),
    ("another resource", true),
    ("another client", true),
];

// Who cannot prove to be the client must not be able to spend its codes; whoever can has one try.
both!(a_code_is_spent_by_its_first_use_of_a_proven_client, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = connected(&world, &[&parken]).await;
    for (how, is_spent) in CODE_REFUSALS {
        let code = parken.code(&mut renate, &[]).await;
        let refused = redeem_in_vain(&world, &parken, &code, how).await;
        assert!([400, 401].contains(&refused), "{how}: {refused}");
        let expected = if is_spent { 400 } else { 200 };
        assert_eq!(parken.redeem(&world, &code).await.status, expected, "{how}");
    }
});

async fn refresh_in_vain(world: &World, [parken, other]: [&Service; 2], token: &str, how: &str) -> u16 {
    let liar = Service { secret: "falsch".to_owned(), ..parken.clone() };
    let form = [REFRESH, ("refresh_token", token)];
    let with = async |name, value| parken.ask(world, TOKEN, &[form.as_slice(), &[(name, value)]].concat()).await;
    let answer = match how {
        "a wrong secret" => liar.refresh(world, token).await,
        "a wider scope" => with("scope", "openid address").await,
        "another resource" => with("resource", "https://evil.example/").await,
        "the token twice" => with("refresh_token", token).await,
        "a generation that never was" => parken.refresh(world, &format!("{}{}", &token[..43], "A".repeat(43))).await,
        "a family that never was" => parken.refresh(world, &format!("{}{}", "A".repeat(43), &token[43..])).await,
        _ => other.refresh(world, token).await,
    };
    answer.status
}

const REFRESH_REFUSALS: [Refusal; 7] = [
    ("a wrong secret", false),
    ("a wider scope", false),
    ("another resource", false),
    ("the token twice", false),
    ("a family that never was", false),
    ("a generation that never was", true),
    ("another client", true),
];

both!(a_refresh_token_is_spent_by_what_looks_like_theft, async |world| {
    let (parken, app, other) = (Service::new("parken"), Service::public("app"), Service::new("bibliothek"));
    world.clients(&[&parken, &app, &other].map(|one| one.offline_declaration("")).concat()).await;
    let mut renate = connected(&world, &[]).await;
    for service in [&parken, &app] {
        for (how, is_spent) in REFRESH_REFUSALS {
            if service.secret.is_empty() && how == "a wrong secret" {
                continue;
            }
            let token = text(&tokens(&world, service, &mut renate, &[OFFLINE]).await, "refresh_token");
            let refused = refresh_in_vain(&world, [service, &other], &token, how).await;
            assert!([400, 401].contains(&refused), "{how}: {refused}");
            let expected = if is_spent { 400 } else { 200 };
            assert_eq!(service.refresh(&world, &token).await.status, expected, "{} {how}", service.id);
        }
    }
});

async fn take_in_vain(browsers: [&Browser; 2], uri: &str, how: &str) -> Answer {
    let [renate, nobody] = browsers.map(Clone::clone);
    let (mut renate, mut nobody) = (renate, nobody);
    let own = reference("parken", uri);
    match how {
        "another client's id" => renate.get(&reference("bibliothek", uri)).await,
        "no client_id" => renate.get(&reference("", uri)).await,
        "a parameter twice" => renate.get(&format!("{own}&client_id=parken")).await,
        "a changed reference" => renate.get(&format!("{own}A")).await,
        "a reference in capitals" => renate.get(&own.to_uppercase()).await,
        "as a form, not followed" => {
            let form = [("client_id", "parken"), ("request_uri", uri)];
            nobody.post_exactly("/oauth2/authorize", &form).await
        }
        "a stranger's browser" => nobody.get(&own).await,
        _ => renate.get(&own).await,
    }
}

const REQUEST_REFUSALS: [Refusal; 8] = [
    ("another client's id", false),
    ("no client_id", false),
    ("a parameter twice", false),
    ("a changed reference", false),
    ("a reference in capitals", false),
    ("as a form, not followed", false),
    // Who has only looked at it has not answered it.
    ("a stranger's browser", false),
    ("the person's browser", true),
];

both!(a_deposited_request_is_spent_by_its_own_client_alone, async |world| {
    let [parken, _] = two_services(&world).await;
    let renate = connected(&world, &[&parken]).await;
    for (how, is_spent) in REQUEST_REFUSALS {
        let uri = text(&push(&world, &parken, &[]).await.json(), "request_uri");
        let answer = take_in_vain([&renate, &world.browser()], &uri, how).await;
        assert!([400, 404, 303].contains(&answer.status), "{how}: {}", answer.status);
        let then = renate.clone().get(&reference("parken", &uri)).await;
        assert_eq!(then.parameter("code").is_none(), is_spent, "{how}");
    }
});

const ASSERTION_REFUSALS: [Refusal; 8] = [
    ("another signature", false),
    ("the token endpoint as audience", false),
    ("another client_id", false),
    ("a secret beside it", false),
    ("no grant_type", false),
    ("in the URL", false),
    ("a wrong code", true),
    ("a refresh token that is none", true),
];

// What was refused before anybody believed the client leaves no trace; what was believed once is not believed again.
both!(an_assertion_is_spent_by_the_first_request_that_is_believed, async |world| {
    let parken = Signer::new("parken");
    world.clients(&parken.declaration("own_scopes = [\"postfach.lesen\"]")).await;
    let (issuer, anybody) = (&world.config.issuer, world.browser());
    for (number, (how, is_spent)) in ASSERTION_REFUSALS.into_iter().enumerate() {
        let jti = format!("nummer-{number}");
        let assertion = parken.assertion(&world, |claims| claims["jti"] = json!(jti));
        let elsewhere = parken.assertion(&world, |claims| {
            (claims["jti"], claims["aud"]) = (json!(jti), json!(format!("{issuer}/oauth2/token")));
        });
        let broken = format!("{}.{}", assertion.rsplit_once('.').unwrap().0, "A".repeat(86));
        let proof = |assertion: &str| {
            [("client_assertion_type", Signer::TYPE.to_owned()), ("client_assertion", assertion.to_owned())]
        };
        let send = async |path: &str, assertion: &str, more: &[(&str, &str)]| {
            let proof = proof(assertion);
            let proof = proof.iter().map(|(name, value)| (*name, value.as_str()));
            let form: Vec<(&str, &str)> = proof.chain(more.iter().copied()).collect();
            anybody.clone().post_exactly(path, &form).await.status
        };
        let wrong_code = [CODE, ("code", "x"), ("redirect_uri", "https://parken.example/cb")];
        let machine = ("grant_type", "client_credentials");
        let refused = match how {
            "another signature" => send(TOKEN, &broken, &[machine]).await,
            "the token endpoint as audience" => send(TOKEN, &elsewhere, &[machine]).await,
            "another client_id" => send(TOKEN, &assertion, &[machine, ("client_id", "bibliothek")]).await,
            "a secret beside it" => send(TOKEN, &assertion, &[machine, ("client_secret", "x")]).await,
            "no grant_type" => send(TOKEN, &assertion, &[]).await,
            "in the URL" => send("/oauth2/token?x=1", &assertion, &[machine]).await,
            "a wrong code" => send(TOKEN, &assertion, &wrong_code).await,
            _ => send(TOKEN, &assertion, &[REFRESH, ("refresh_token", "x")]).await,
        };
        assert!([400, 401].contains(&refused), "{how}: {refused}");
        let expected = if is_spent { 401 } else { 200 };
        assert_eq!(send(TOKEN, &assertion, &[machine]).await, expected, "{how}");
    }
});

// What counts once has to be remembered; how much of it, is bounded for each client, and for each grant at userinfo.
both!(a_flood_of_signed_texts_fills_no_more_than_its_owner_has, async |mut world| {
    world.restart(|config| config.limits.signed_per_client = 9).await;
    let (bound, other) = (Bound::new(&world, "fapi2").await, Signer::new("andere"));
    let clients = bound.client.declaration("profile = \"fapi2\"") + &other.declaration("");
    world
        .clients(&clients.replace(
            "\"email\"]
",
            "\"email\", \"offline_access\"]
",
        ))
        .await;
    let (mut renate, nonce) = (sender_constraint::renate(&world).await, bound.nonce(&world).await);
    let (token, _) = sender_constraint::tokens(&world, &bound, &mut renate, &nonce).await;
    let unknown = "A".repeat(86);
    let form = [REFRESH, ("refresh_token", &*unknown)];
    let mut answers = Vec::new();
    for _ in 0..6 {
        let proof = bound.proof(&world, sender_constraint::TOKEN, &nonce);
        answers.push(bound.ask(&world, sender_constraint::TOKEN, &form, Some(&proof)).await);
    }
    let refused = answers.last().unwrap();
    assert_eq!((answers[0].status, refused.status), (400, 429), "{}", refused.body);
    assert!(!refused.header("retry-after").is_empty());
    let remembered = world.rows("spent_token").await;
    assert!(remembered <= 9, "{remembered}");

    let mut read = Vec::new();
    for _ in 0..10 {
        let proof = bound.proof(&world, sender_constraint::userinfo(&token), &nonce);
        read.push(bound.read(&renate, "DPoP", &token, &[&proof]).await.status);
    }
    assert_eq!(read, [[200; 9].as_slice(), &[429]].concat(), "a grant has its own");
    assert_eq!(world.rows("spent_token").await, remembered + 9);
    let assertion = other.assertion(&world, |_| {});
    let signed = [REFRESH, form[1], ("client_assertion", &assertion), ("client_assertion_type", Signer::TYPE)];
    let mut anybody = world.browser();
    let answer = anybody.send(anybody.request(reqwest::Method::POST, TOKEN).form(&signed)).await;
    assert_eq!(answer.json()["error"], "invalid_grant", "another client does not feel it: {}", answer.body);
    world.pass(minutes(10));
    let nonce = bound.nonce(&world).await;
    let proof = bound.proof(&world, sender_constraint::TOKEN, &nonce);
    assert_eq!(bound.ask(&world, sender_constraint::TOKEN, &form, Some(&proof)).await.status, 400, "ten minutes later");
});
