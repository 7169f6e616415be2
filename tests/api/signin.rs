//! Signing in and out, sessions, forgotten passwords; attack groups N and O.

use std::time::Duration;

use crate::both;
use crate::support::browser::PASSWORD;

both!(renate_signs_in_and_out, async |world| {
    let mut renate = world.browser();
    renate.register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    renate.get("/konto").await;
    let out = renate.post("/abmelden", &[]).await;
    assert_eq!((out.status, out.location()), (303, "/abgemeldet"));
    assert_eq!(renate.get("/konto").await.location(), "/anmelden");
    let inside = renate.sign_in("Renate@Example.ORG", PASSWORD).await;
    assert_eq!((inside.status, inside.location()), (303, "/konto"));
    assert!(renate.get("/konto").await.heading().contains("Renate Muster"));
});

both!(sec_o01_wrong_password_and_unknown_address_look_alike, async |world| {
    world.browser().register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    let mut pages = Vec::new();
    for address in ["renate@example.org", "nobody@example.org"] {
        let mut stranger = world.browser();
        let page = stranger.sign_in(address, "falsch-falsch-falsch").await;
        pages.push((page.status, page.body.replace(address, "").replace(&stranger.csrf, "")));
    }
    assert_eq!(pages[0].0, 422);
    assert_eq!(pages[0], pages[1]);
});

both!(sec_o03_o04_attempts_are_counted_exactly, async |world| {
    world.browser().register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    let node = world.second_node().await;
    let tries = (0..20).map(|number| {
        let address = ["renate@example.org", "RENATE@example.org", " renate@EXAMPLE.org"][number % 3];
        let mut stranger = world.browser();
        if number % 2 == 1 {
            stranger = stranger.at(node.running.address);
        }
        async move { stranger.sign_in(address, "falsch-falsch-falsch").await }
    });
    let answers = futures_util::future::join_all(tries).await;
    let counted = answers.iter().filter(|answer| answer.status == 422).count();
    assert_eq!(counted, 10, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert!(refused.body.contains("10:03 Uhr"), "the clock time, not a duration: {}", refused.body);
    assert_eq!(refused.header("retry-after"), "61");
    let mut renate = world.browser();
    assert_eq!(renate.sign_in("renate@example.org", PASSWORD).await.status, 429);
    world.pass(Duration::from_secs(61));
    assert_eq!(renate.sign_in("renate@example.org", PASSWORD).await.status, 303);
    node.running.abort().await;
});

both!(sec_o03_delays_grow_and_nobody_prolongs_them, async |world| {
    world.browser().register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    let mut stranger = world.browser();
    for _ in 0..10 {
        assert_eq!(stranger.sign_in("renate@example.org", "falsch-falsch-falsch").await.status, 422);
    }
    for minutes in [1, 2, 4, 8, 15, 15] {
        // Trying while one has to wait changes nothing.
        for _ in 0..3 {
            assert_eq!(stranger.sign_in("renate@example.org", "falsch-falsch-falsch").await.status, 429, "{minutes}");
        }
        world.pass(Duration::from_secs(minutes * 60 - 1));
        assert_eq!(stranger.sign_in("renate@example.org", "falsch-falsch-falsch").await.status, 429, "{minutes}");
        world.pass(Duration::from_secs(1));
        assert_eq!(stranger.sign_in("renate@example.org", "falsch-falsch-falsch").await.status, 422, "{minutes}");
    }
    world.pass(Duration::from_secs(15 * 60));
    assert_eq!(world.browser().sign_in("renate@example.org", PASSWORD).await.status, 303);
    // The right password ends it all: there are ten tries again.
    for _ in 0..10 {
        assert_eq!(stranger.sign_in("renate@example.org", "falsch-falsch-falsch").await.status, 422);
    }
    assert_eq!(stranger.sign_in("renate@example.org", "falsch-falsch-falsch").await.status, 429);
});

both!(right_passwords_are_not_counted, async |world| {
    world.browser().register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    for _ in 0..15 {
        assert_eq!(world.browser().sign_in("renate@example.org", PASSWORD).await.status, 303);
    }
});

both!(sec_n02_every_sign_in_has_a_new_token, async |world| {
    let mut renate = world.browser();
    renate.register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    let before = renate.clone();
    renate.get("/konto").await;
    renate.post("/anmelden", &[("email", "renate@example.org"), ("password", PASSWORD)]).await;
    assert_ne!(renate.cookies["nk_s"], before.cookies["nk_s"]);
    assert_eq!(before.clone().get("/konto").await.status, 303, "the old token is dead");
    let mut planted = world.browser();
    planted.cookies.insert("nk_s".to_owned(), "A".repeat(43));
    planted.sign_in("renate@example.org", PASSWORD).await;
    assert_ne!(planted.cookies["nk_s"], "A".repeat(43));
});

both!(sec_n07_sessions_end, async |world| {
    let mut renate = world.browser();
    renate.register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    world.pass(Duration::from_secs(59 * 60));
    assert_eq!(renate.get("/konto").await.status, 200);
    world.pass(Duration::from_secs(59 * 60));
    assert_eq!(renate.get("/konto").await.status, 200, "every request prolongs");
    world.pass(Duration::from_secs(3600));
    assert_eq!(renate.get("/konto").await.status, 303, "idle for an hour");
    renate.sign_in("renate@example.org", PASSWORD).await;
    for _ in 0..23 {
        world.pass(Duration::from_secs(30 * 60));
        assert_eq!(renate.get("/konto").await.status, 200);
    }
    world.pass(Duration::from_secs(30 * 60));
    assert_eq!(renate.get("/konto").await.status, 303, "twelve hours, whatever happens");
});

both!(sec_n10_strange_cookies_are_nobody, async |world| {
    for value in ["", "x", "\"\"", "%00", "ü", &"A".repeat(42), &"A".repeat(43), &"A".repeat(8000)] {
        let mut stranger = world.browser();
        stranger.cookies.insert("nk_s".to_owned(), value.to_owned());
        let answer = stranger.get("/konto").await;
        assert!(answer.status == 303 || answer.status == 400 || answer.status == 431, "{value}: {}", answer.status);
    }
    let mut renate = world.browser();
    renate.register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    let twice = format!("nk_s={0}; nk_s={0}", renate.cookies["nk_s"]);
    let request = world.browser().request(reqwest::Method::GET, "/konto").header("cookie", twice);
    assert_eq!(world.browser().send(request).await.status, 303, "two of one name are none");
});

both!(emre_resets_his_password, async |world| {
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Öztürk"]).await;
    let mut forgetful = world.browser();
    forgetful.get("/wieder-anmelden/email").await;
    forgetful.post("/wieder-anmelden/email", &[("email", "emre@example.org")]).await;
    let code = world.code_for("emre@example.org").await;
    assert_eq!(
        forgetful.post("/wieder-anmelden/passwort", &[("password", "neues-passwort-mit-wolken")]).await.status,
        409
    );
    assert_eq!(
        forgetful.post("/wieder-anmelden/code", &[("code", &code)]).await.location(),
        "/wieder-anmelden/passwort"
    );
    assert_eq!(forgetful.post("/wieder-anmelden/passwort", &[("password", "kurz")]).await.status, 422);
    let set = forgetful.post("/wieder-anmelden/passwort", &[("password", "neues-passwort-mit-wolken")]).await;
    assert_eq!(set.location(), "/wieder-anmelden/fertig");
    assert!(!forgetful.is_signed_in(), "sec_s10: a reset begins no session");
    assert_eq!(emre.get("/konto").await.status, 303, "sec_n08: every session has ended");
    assert_eq!(world.browser().sign_in("emre@example.org", PASSWORD).await.status, 422);
    assert_eq!(world.browser().sign_in("emre@example.org", "neues-passwort-mit-wolken").await.status, 303);
    assert_eq!(
        forgetful.post("/wieder-anmelden/passwort", &[("password", "noch-ein-passwort-mit-wolken")]).await.status,
        409,
        "once"
    );
    world.mail_about("emre@example.org", "Passwort").await;
});

both!(sec_o09_a_huge_password_costs_nothing, async |world| {
    let mut stranger = world.browser();
    let answer = stranger.sign_in("renate@example.org", &"a".repeat(600)).await;
    assert_eq!(answer.status, 422);
    let answer = stranger.sign_in("renate@example.org", &"a".repeat(100_000)).await;
    assert_eq!(answer.status, 413);
});

both!(a_dearer_hash_replaces_the_old_one_at_the_next_sign_in, async |mut world| {
    world.browser().register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    world.restart(|config| config.password.memory_kibibytes = 128).await;
    assert_eq!(world.browser().sign_in("renate@example.org", PASSWORD).await.status, 303);
    world.restart(|config| config.password.memory_kibibytes = 64).await;
    assert_eq!(world.browser().sign_in("renate@example.org", PASSWORD).await.status, 303);
});

both!(sessions_survive_a_restart, async |mut world| {
    let mut renate = world.browser();
    renate.register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    world.restart(|_| {}).await;
    assert_eq!(renate.get("/konto").await.status, 200);
});
