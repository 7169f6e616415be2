//! What is refused of other providers: rows S01, S03, S04, S05, S15, Y08, A14, L02 and RL33.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::surface::EMAIL;
use crate::support::upstream::{LIST, Mood, Signing, Upstream, nordmark, renate_there, with_providers};
use crate::support::{Browser, World};

const LINK: &str = "/sicherheit/konten/verbinden";
const NOT_BELIEVED: &str = "Dieser Antwort trauen wir nicht";
const GONE: &str = "Das hat nicht geklappt";

async fn person(world: &World, email: &str) -> Browser {
    let mut browser = world.browser();
    browser.register(world, email, ["Renate", "Muster"]).await;
    browser
}

#[expect(clippy::disallowed_methods, reason = "how long people wait in truth")]
fn clock() -> Instant {
    Instant::now()
}

/// Tries to sign in; what the page says.
async fn tries(world: &World, land: &Upstream) -> String {
    let mut browser = world.browser();
    let answer = browser.signs_in_at(land, renate_there()).await;
    let heading = answer.heading().to_owned();
    if browser.is_signed_in() { "signed in".to_owned() } else { heading }
}

both!(sec_s01_an_equal_address_links_nobody, async |mut world| {
    let land = nordmark(&mut world).await;
    person(&world, EMAIL).await;
    for is_verified in [true, false] {
        let mut there = renate_there();
        there["email_verified"] = json!(is_verified);
        let mut browser = world.browser();
        let page = browser.signs_in_at(&land, there).await;
        assert_eq!((page.status, page.heading()), (403, "Dieses Konto ist hier noch nicht verknüpft"));
        assert!(page.body.contains("Nach der E-Mail-Adresse entscheiden wir das nicht"), "{}", page.body);
        assert!(!browser.is_signed_in());
    }
    assert_eq!(world.rows("linked_account").await, 0);
    let refused = world.texts("SELECT detail FROM audit_event WHERE kind = 'linked_account.refused'").await;
    assert!(refused.len() == 2 && refused[0].contains("unknown"), "{refused:?}");
});

both!(sec_s03_linking_needs_both_proofs_in_one_session_and_browser, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    let mut emre = person(&world, "emre@example.org").await;

    // Nobody is signed in here.
    let mut nobody = world.browser();
    nobody.get("/anmelden").await;
    assert_eq!(nobody.post("/sicherheit/konten/verbinden/nordmark", &[]).await.status, 303, "to sign in");

    // Begun by one person, finished in the browser of another.
    renate.get(LIST).await;
    let location = renate.leaves("/sicherheit/konten/verbinden/nordmark").await;
    let back = land.answers(&location, renate_there());
    assert_eq!(emre.get(&back).await.heading(), GONE);
    let page = renate.get(&back).await;
    assert_eq!(page.heading(), "Soll dieses Konto verknüpft werden?");

    // What was found goes with the session that has found it, however the form is sent.
    emre.get(LIST).await;
    let stolen = emre.agrees(LINK, &page).await;
    assert_eq!((stolen.status, stolen.heading()), (410, GONE));
    let mut again = renate.clone();
    again.post("/abmelden", &[]).await;
    again.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(again.agrees(LINK, &page).await.heading(), GONE, "another session of the same person");
    for forged in ["", "AAAA", &page.hidden("siegel").replace('A', "B")] {
        again.get(LIST).await;
        assert_eq!(again.post(LINK, &[("siegel", forged)]).await.heading(), GONE);
    }
    assert_eq!(world.rows("linked_account").await, 0);

    // The session that began has ended before the answer came.
    let mut renate = world.browser();
    renate.sign_in(EMAIL, PASSWORD).await;
    let location = renate.leaves("/sicherheit/konten/verbinden/nordmark").await;
    renate.get("/profil").await;
    renate.post("/abmelden", &[]).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(renate.get(&land.answers(&location, renate_there())).await.heading(), GONE);

    // In the same browser somebody else has signed in meanwhile.
    renate.get(LIST).await;
    let location = renate.leaves("/sicherheit/konten/verbinden/nordmark").await;
    renate.get("/profil").await;
    assert_eq!(renate.sign_in("emre@example.org", PASSWORD).await.status, 303);
    assert_eq!(renate.get(&land.answers(&location, renate_there())).await.heading(), GONE);
    assert_eq!(world.rows("linked_account").await, 0);
});

both!(sec_s03_another_subject_is_another_account, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    renate.links(&land, renate_there()).await;
    let mut changed = renate_there();
    changed["sub"] = json!("nordmark-neu");
    // Same person, same names, another subject: not signed in, not linked beside, not confirmed, not unblocked.
    let page = world.browser().signs_in_at(&land, changed.clone()).await;
    assert_eq!(page.heading(), "Dieses Konto ist hier noch nicht verknüpft");
    let page = renate.finds(&land, changed.clone()).await;
    let refused = renate.agrees(LINK, &page).await;
    assert_eq!((refused.status, refused.heading()), (403, "Sie haben schon ein anderes Konto dort verknüpft"));
    let id = world.texts("SELECT id FROM linked_account").await.remove(0);
    for act in ["nachweis", "entsperren"] {
        renate.get(LIST).await;
        let location = renate.leaves(&format!("{LIST}/{id}/{act}")).await;
        let page = renate.get(&land.answers(&location, changed.clone())).await;
        assert_eq!(page.heading(), "Das ist nicht das verknüpfte Konto", "{act}: {page:?}");
    }
    let mut emre = person(&world, "emre@example.org").await;
    for act in ["nachweis", "entsperren"] {
        emre.get(LIST).await;
        assert_eq!(emre.post(&format!("{LIST}/{id}/{act}"), &[]).await.status, 404, "of somebody else");
    }
    assert_eq!(emre.get(&format!("{LIST}/{id}/entfernen")).await.status, 404);
    assert_eq!(emre.get(&format!("/sicherheit/zugaenge/{id}/sperren")).await.status, 404);
});

both!(sec_s15_one_account_there_opens_one_account_here, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    let mut emre = person(&world, "emre@example.org").await;
    let (one, two) = (renate.finds(&land, renate_there()).await, emre.finds(&land, renate_there()).await);
    let node = world.second_node().await;
    let mut emre_there = emre.at(node.running.address);
    let (first, second) = tokio::join!(renate.agrees(LINK, &one), emre_there.agrees(LINK, &two));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403], "one wins: {first:?} {second:?}");
    let refused = if first.status == 403 { first } else { second };
    assert_eq!(refused.heading(), "Dieses Konto ist schon verknüpft");
    assert_eq!(world.rows("linked_account").await, 1);
    node.running.abort().await;

    // R09: whoever is signed in as somebody else is not changed into its owner.
    for browser in [&mut renate, &mut emre] {
        let answer = browser.signs_in_at(&land, renate_there()).await;
        let is_owner = answer.status == 303;
        assert!(is_owner || answer.heading() == "Dieses Konto gehört zu einem anderen Nutzerkonto", "{answer:?}");
    }
    assert_eq!(world.texts("SELECT DISTINCT account_id FROM session").await.len(), 2);
});

both!(sec_s05_an_answer_counts_once, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    renate.links(&land, renate_there()).await;
    let mut browser = world.browser();
    browser.get("/anmelden").await;
    let location = browser.leaves("/anmelden/konto/nordmark").await;
    let back = land.answers(&location, renate_there());
    let node = world.second_node().await;
    let tries = (0..6).map(|number| {
        let mut copy = if number % 2 == 0 { browser.clone() } else { browser.at(node.running.address) };
        let back = back.clone();
        async move { copy.get(&back).await.status }
    });
    let statuses = join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    node.running.abort().await;
    world.restart(|_| {}).await;
    let mut late = world.browser();
    late.cookies.clone_from(&browser.cookies);
    assert_eq!(late.get(&back).await.heading(), GONE, "nor after a restart");
    // A fresh code with a question that has been answered, and the other way round.
    late.get("/anmelden").await;
    let fresh = land.answers(&location, renate_there());
    assert_eq!(late.get(&fresh).await.heading(), GONE);
    let other = late.leaves("/anmelden/konto/nordmark").await;
    let used = back.split_once("code=").unwrap().1.split('&').next().unwrap();
    let unused = land.answers(&other, renate_there());
    let code = unused.split_once("code=").unwrap().1.split('&').next().unwrap();
    assert_eq!(late.get(&unused.replace(code, used)).await.heading(), NOT_BELIEVED);
});

both!(sec_y08_what_nobody_asked_for_is_refused, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    renate.links(&land, renate_there()).await;
    let mut browser = world.browser();
    browser.get("/anmelden").await;
    let location = browser.leaves("/anmelden/konto/nordmark").await;
    let back = land.answers(&location, renate_there());
    land.asked();
    let path = "/anmelden/konto/nordmark/zurueck";
    for unsolicited in
        [path.to_owned(), format!("{path}?code=x"), format!("{path}?code=x&state=AAAA&iss={}", land.issuer)]
    {
        assert_eq!(world.browser().get(&unsolicited).await.heading(), GONE);
    }
    let mut other = world.browser();
    other.get("/anmelden").await;
    assert_eq!(other.get(&back).await.heading(), GONE, "of another browser");
    world.pass(Duration::from_secs(15 * 60));
    assert_eq!(browser.get(&back).await.heading(), GONE, "too late");
    assert_eq!(land.asked(), [""; 0], "nothing of it has cost a question");
    assert_eq!(world.browser().get("/anmelden/konto/suedmark/zurueck").await.status, 404);
});

both!(sec_a14_one_provider_is_not_taken_for_another, async |mut world| {
    let (nord, sued) = (Upstream::open(&world, "nordmark").await, Upstream::open(&world, "suedmark").await);
    let settings = vec![nord.settings(&world, ""), sued.settings(&world, "")];
    with_providers(&mut world, settings).await;
    let mut renate = person(&world, EMAIL).await;
    renate.links(&nord, renate_there()).await;
    let mut browser = world.browser();

    // The question was to one, the answer comes to the address of the other.
    browser.get("/anmelden").await;
    let location = browser.leaves("/anmelden/konto/nordmark").await;
    let back = nord.answers(&location, renate_there());
    sued.asked();
    assert_eq!(browser.get(&back.replace("nordmark/zurueck", "suedmark/zurueck")).await.heading(), NOT_BELIEVED);
    assert_eq!(sued.asked(), [""; 0], "no code has gone there");
    assert_eq!(browser.get(&back).await.heading(), GONE, "and the question is gone");

    // RFC 9207: another issuer, none although it is announced, two.
    let encoded: String = url::form_urlencoded::byte_serialize(nord.issuer.as_bytes()).collect();
    let foreign: String = url::form_urlencoded::byte_serialize(sued.issuer.as_bytes()).collect();
    for (from, to) in [
        (format!("&iss={encoded}"), format!("&iss={foreign}")),
        (format!("&iss={encoded}"), String::new()),
        (format!("&iss={encoded}"), format!("&iss={encoded}&iss={foreign}")),
    ] {
        browser.get("/anmelden").await;
        let location = browser.leaves("/anmelden/konto/nordmark").await;
        let back = nord.answers(&location, renate_there()).replace(&from, &to);
        nord.asked();
        assert_eq!(browser.get(&back).await.heading(), NOT_BELIEVED, "{to}");
        assert_eq!(nord.asked(), [""; 0], "{to}: no code was redeemed");
    }

    // The same subject at the other one is somebody else.
    assert_eq!(
        browser.signs_in_at(&sued, renate_there()).await.heading(),
        "Dieses Konto ist hier noch nicht verknüpft"
    );
});

/// What is wrong with an ID token, by claim.
type Wrong = (&'static str, fn(&mut Value));

both!(sec_g01_an_id_token_is_checked_as_a_whole, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    renate.links(&land, renate_there()).await;
    let wrong: [Wrong; 13] = [
        ("another issuer", |claims| claims["iss"] = json!("http://localhost:1")),
        ("another audience", |claims| claims["aud"] = json!("anderswo")),
        ("a further audience", |claims| claims["aud"] = json!(["nutzerkonto", "anderswo"])),
        ("another party", |claims| claims["azp"] = json!("anderswo")),
        ("another nonce", |claims| claims["nonce"] = json!("anders")),
        ("no nonce", |claims| drop(claims.as_object_mut().unwrap().remove("nonce"))),
        ("expired", |claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 1)),
        ("issued long ago", |claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() - 3600)),
        ("issued tomorrow", |claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 86_400)),
        ("signed in before", |claims| claims["auth_time"] = json!(claims["auth_time"].as_i64().unwrap() - 600)),
        ("no time", |claims| drop(claims.as_object_mut().unwrap().remove("auth_time"))),
        ("no subject", |claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
        ("an endless subject", |claims| claims["sub"] = json!("x".repeat(256))),
    ];
    for (what, change) in wrong {
        land.says(change);
        assert_eq!(tries(&world, &land).await, NOT_BELIEVED, "{what}");
    }
    land.says(|_| {});
    for signing in [Signing::Other, Signing::None, Signing::Shared] {
        land.signs(signing);
        assert_eq!(tries(&world, &land).await, NOT_BELIEVED);
    }
    land.signs(Signing::Own);
    assert_eq!(world.browser().signs_in_at(&land, renate_there()).await.status, 303, "and right it counts");
    let refused = world.texts("SELECT detail FROM audit_event WHERE kind = 'linked_account.refused'").await;
    assert!(refused.len() == 16 && refused.iter().all(|detail| detail.contains("not_believed")), "{refused:?}");
});

both!(sec_r08_what_userinfo_says_raises_nothing, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    land.tells(|person| person["acr"] = json!(crate::support::upstream::SUBSTANTIAL));
    let mut weak = renate_there();
    weak["acr"] = json!(crate::support::upstream::LOW);
    let page = renate.finds(&land, weak.clone()).await;
    assert!(page.body.contains("<dd>niedrig</dd>"), "{}", page.body);
    land.tells(|person| person["sub"] = json!("jemand-anders"));
    assert_eq!(renate.finds(&land, weak).await.heading(), NOT_BELIEVED, "of somebody else");
});

both!(sec_r09_nobody_takes_over_what_is_known_otherwise, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    renate.links(&land, renate_there()).await;
    let id = world.texts("SELECT id FROM linked_account").await.remove(0);
    let confirm = format!("{LIST}/{id}/nachweis");
    let mut incomplete = renate_there();
    incomplete.as_object_mut().unwrap().remove("birthdate");
    renate.get(LIST).await;
    let location = renate.leaves(&confirm).await;
    assert_eq!(renate.get(&land.answers(&location, incomplete)).await.heading(), "Es fehlen Angaben");

    // Compared with older data than there are now.
    renate.get(LIST).await;
    let location = renate.leaves(&confirm).await;
    let page = renate.get(&land.answers(&location, renate_there())).await;
    assert_eq!(page.heading(), "Stimmen diese Angaben?");
    world.change("UPDATE account SET attribute_version = attribute_version + 1").await;
    let late = renate.agrees("/sicherheit/konten/nachweis", &page).await;
    assert_eq!(late.heading(), "Ihre Angaben haben sich inzwischen geändert");

    // What an office has checked is not changed by what another account says.
    world.change("UPDATE attribute SET level = 'low'").await;
    let mut other = renate_there();
    other["family_name"] = json!("Anders");
    renate.get(LIST).await;
    let location = renate.leaves(&confirm).await;
    let page = renate.get(&land.answers(&location, other)).await;
    assert_eq!(page.heading(), "Die Angaben passen nicht zusammen", "{page:?}");
    assert_eq!(world.rows("evidence").await, 0);
});

both!(rl33_a_hanging_provider_delays_nobody_else_and_says_so_within_ten_seconds, async |mut world| {
    let (nord, sued) = (Upstream::open(&world, "nordmark").await, Upstream::open(&world, "suedmark").await);
    let settings = vec![nord.settings(&world, ""), sued.settings(&world, "")];
    with_providers(&mut world, settings).await;
    let mut renate = person(&world, EMAIL).await;
    renate.links(&sued, renate_there()).await;
    nord.is(Mood::Hanging);
    let waiting = (0..40).map(|_| {
        let mut browser = world.browser();
        async move {
            browser.get("/anmelden").await;
            let began_at = clock();
            let answer = browser.post("/anmelden/konto/nordmark", &[]).await;
            (answer.status, answer.heading().to_owned(), began_at.elapsed())
        }
    });
    let others = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let began_at = clock();
        assert_eq!(world.browser().signs_in_at(&sued, renate_there()).await.status, 303);
        assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 303);
        began_at.elapsed()
    };
    let (waited, others) = tokio::join!(join_all(waiting), others);
    assert!(others < Duration::from_secs(4), "others waited {others:?}");
    for (status, heading, took) in &waited {
        assert_eq!((*status, heading.as_str()), (503, "Land nordmark antwortet gerade nicht"));
        assert!(*took < Duration::from_secs(10), "{took:?}");
    }
    assert!(waited.iter().any(|(_, _, took)| *took < Duration::from_secs(2)), "no more than 32 wait");
    // For a minute nobody waits for it at all.
    let mut browser = world.browser();
    browser.get("/anmelden").await;
    let began_at = clock();
    assert_eq!(browser.post("/anmelden/konto/nordmark", &[]).await.status, 503);
    assert!(began_at.elapsed() < Duration::from_secs(2));
    nord.is(Mood::Well);
    world.pass(Duration::from_secs(61));
    assert_eq!(browser.post("/anmelden/konto/nordmark", &[]).await.status, 303, "and then it is asked again");
});

both!(rl33_a_provider_that_hangs_in_the_middle_is_given_up, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    renate.links(&land, renate_there()).await;
    for mood in [Mood::Hanging, Mood::Endless, Mood::Redirecting] {
        let mut browser = world.browser();
        browser.get("/anmelden").await;
        land.is(Mood::Well);
        let location = browser.leaves("/anmelden/konto/nordmark").await;
        land.is(mood);
        land.asked();
        let began_at = clock();
        let page = browser.get(&land.answers(&location, renate_there())).await;
        assert!(page.status == 503 || page.heading() == NOT_BELIEVED, "{page:?}");
        assert!(began_at.elapsed() < Duration::from_secs(10) && !browser.is_signed_in());
        assert!(land.asked().iter().filter(|path| *path == "/token").count() == 1, "asked once");
    }
});

both!(sec_l02_what_a_provider_announces_is_called_only_in_public, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = person(&world, EMAIL).await;
    renate.links(&land, renate_there()).await;
    for (member, address) in [
        ("token_endpoint", "http://169.254.169.254/latest"),
        ("jwks_uri", "https://127.0.0.1:9/keys"),
        ("issuer", "http://localhost:1"),
    ] {
        land.announces(move |metadata| metadata[member] = json!(address));
        world.pass(Duration::from_secs(16 * 60));
        world.restart(|_| {}).await;
        let mut browser = world.browser();
        browser.get("/anmelden").await;
        let left = browser.post("/anmelden/konto/nordmark", &[]).await;
        let page =
            if left.status == 303 { browser.get(&land.answers(left.location(), renate_there())).await } else { left };
        assert_eq!((page.status, browser.is_signed_in()), (503, false), "{member}: {page:?}");
    }
});

both!(sec_p01_tries_are_counted, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut browser = world.browser();
    browser.get("/anmelden").await;
    for _ in 0..10 {
        browser.get("/anmelden/konto/nordmark/zurueck?state=x").await;
    }
    let location = browser.leaves("/anmelden/konto/nordmark").await;
    let refused = browser.get(&land.answers(&location, renate_there())).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(!land.asked().contains(&"/token".to_owned()));
});

both!(sec_a_row_moved_by_hand_opens_nothing, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut emre = person(&world, "emre@example.org").await;
    person(&world, EMAIL).await;
    emre.links(&land, renate_there()).await;
    // Somebody who can write into the database gives their own link to somebody else.
    world.change("UPDATE linked_account SET account_id = (SELECT MAX(id) FROM account)").await;
    let mut browser = world.browser();
    assert_eq!(browser.signs_in_at(&land, renate_there()).await.status, 500);
    assert!(!browser.is_signed_in());
});
