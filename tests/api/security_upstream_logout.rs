//! Another provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0). Row Y08.

use std::time::Duration;

use serde_json::{Value, json};

use crate::both;
use crate::support::browser::Answer;
use crate::support::surface::EMAIL;
use crate::support::upstream::{EVENT, Mood, Signing, Upstream, nordmark, renate_there};
use crate::support::{Browser, World};

const PATH: &str = "/anmelden/konto/nordmark/abmeldung";

async fn tells(world: &World, token: &str) -> Answer {
    world.browser().post_exactly(PATH, &[("logout_token", token)]).await
}

/// Renate, linked; signed in here twice with the account there, and once with her password.
async fn sessions(world: &World, land: &Upstream) -> [Browser; 3] {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate.links(land, renate_there()).await;
    let mut two = renate_there();
    two["sid"] = json!("sitzung-2");
    let (mut one, mut other) = (world.browser(), world.browser());
    one.signs_in_at(land, renate_there()).await;
    other.signs_in_at(land, two).await;
    [renate, one, other]
}

async fn are_inside(browsers: &mut [Browser; 3]) -> [bool; 3] {
    let mut inside = [false; 3];
    for (place, browser) in browsers.iter_mut().enumerate() {
        inside[place] = browser.get("/konto").await.status == 200;
    }
    inside
}

both!(one_session_there_ends_one_session_here, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut browsers = sessions(&world, &land).await;
    let told = tells(&world, &land.logout_token(|claims| claims["sid"] = json!("sitzung-1"))).await;
    assert_eq!((told.status, told.header("cache-control"), told.body.as_str()), (200, "no-store", ""));
    assert_eq!(are_inside(&mut browsers).await, [true, false, true]);
    let history = browsers[0].get("/sicherheit/verlauf").await;
    assert!(history.body.contains("weil Sie sich bei dem anderen Anbieter abgemeldet haben"), "{}", history.body);
    let unknown = tells(&world, &land.logout_token(|claims| claims["sid"] = json!("sitzung-9"))).await;
    assert_eq!(unknown.status, 200, "nothing to do is done");
});

both!(an_account_there_ends_all_sessions_that_began_with_it, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut browsers = sessions(&world, &land).await;
    let other = tells(&world, &land.logout_token(|claims| claims["sub"] = json!("jemand-anders"))).await;
    assert_eq!(other.status, 200);
    let mixed = |claims: &mut Value| {
        claims["sub"] = json!("jemand-anders");
        claims["sid"] = json!("sitzung-1");
    };
    assert_eq!(tells(&world, &land.logout_token(mixed)).await.status, 200);
    assert_eq!(are_inside(&mut browsers).await, [true, true, true], "the session is not that person's");
    let node = world.second_node().await;
    let token = land.logout_token(|claims| claims["sub"] = json!("nordmark-4711"));
    let there = world.browser().at(node.running.address).post_exactly(PATH, &[("logout_token", &token)]).await;
    assert_eq!(there.status, 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    world.pass(Duration::from_secs(2));
    assert_eq!(are_inside(&mut browsers).await, [true, false, false], "told to another node");
    assert_eq!(tells(&world, &token).await.status, 400, "once");
    node.running.abort().await;
});

both!(sec_y08_only_a_sound_logout_token_ends_anything, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut browsers = sessions(&world, &land).await;
    let named = |claims: &mut Value| claims["sid"] = json!("sitzung-1");
    let with = |change: fn(&mut Value)| {
        land.logout_token(|claims| {
            named(claims);
            change(claims);
        })
    };
    let now = world.app.now().seconds();
    let mut wrong = vec![
        with(|claims| claims["iss"] = json!("http://localhost:1")),
        with(|claims| claims["aud"] = json!("anderswo")),
        with(|claims| claims["aud"] = json!(7)),
        with(|claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 1)),
        with(|claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 86_400)),
        with(|claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() - 3600)),
        with(|claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 3600)),
        with(|claims| claims["events"] = json!({})),
        with(|claims| claims["events"] = json!({ EVENT: "ja" })),
        with(|claims| claims["nonce"] = json!("n")),
        with(|claims| claims["jti"] = json!("")),
        with(|claims| drop(claims.as_object_mut().unwrap().remove("jti"))),
        with(|claims| drop(claims.as_object_mut().unwrap().remove("sid"))),
        String::new(),
        "x.y.z".to_owned(),
    ];
    let mut sound = json!({ "iss": land.issuer, "aud": "nutzerkonto", "iat": now, "exp": now + 60, "jti": "eins" });
    (sound["events"], sound["sid"]) = (json!({ EVENT: {} }), json!("sitzung-1"));
    wrong.push(land.token("JWT", &sound));
    for signing in [Signing::Other, Signing::None, Signing::Shared] {
        land.signs(signing);
        wrong.push(with(|_| {}));
    }
    land.signs(Signing::Own);
    for token in wrong {
        let refused = tells(&world, &token).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_request")), "{token}");
    }
    let form = [("logout_token", land.logout_token(named)), ("logout_token", land.logout_token(named))];
    let form = form.each_ref().map(|(name, token)| (*name, token.as_str()));
    assert_eq!(world.browser().post_exactly(PATH, &form).await.status, 400, "two of them");
    assert_eq!(are_inside(&mut browsers).await, [true, true, true]);
    assert_eq!(world.browser().post_exactly("/anmelden/konto/suedmark/abmeldung", &form).await.status, 404);
    assert_eq!(tells(&world, &land.token("logout+jwt", &sound)).await.status, 200);
    assert_eq!(tells(&world, &land.token("logout+jwt", &sound)).await.status, 400, "once");
});

both!(a_provider_whose_keys_cannot_be_fetched_may_come_again, async |mut world| {
    let land = nordmark(&mut world).await;
    land.is(Mood::Redirecting);
    let token = land.logout_token(|claims| claims["sid"] = json!("sitzung-1"));
    assert_eq!(tells(&world, &token).await.status, 503);
    land.is(Mood::Well);
    world.pass(Duration::from_secs(61));
    assert_eq!(tells(&world, &token).await.status, 200, "nothing of it was used up");
});
