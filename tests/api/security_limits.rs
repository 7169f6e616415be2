//! Attack rows O05, O06, O08, X05 and S14: how often strangers may try, and whom they may write to.

use reqwest::Method;

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const LOCAL: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A wrong password for an address, with what the request says of where it comes from.
async fn guess(world: &World, email: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stranger = world.browser();
    stranger.get("/anmelden").await;
    let form = [("csrf", stranger.csrf.as_str()), ("email", email), ("password", "falsch-falsch-falsch")];
    let mut request = stranger.request(Method::POST, "/anmelden").form(&form);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stranger.send(request).await
}

both!(sec_o05_one_try_on_many_accounts_is_counted, async |mut world| {
    world.restart(|config| config.limits.attempts_per_network = 20).await;
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    let node = world.second_node().await;
    let tries = (0..40).map(|number| {
        let mut stranger = world.browser();
        if number % 2 == 1 {
            stranger = stranger.at(node.running.address);
        }
        async move { stranger.sign_in(&format!("konto-{number}@example.org"), "falsch-falsch-falsch").await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 20, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 20, "{statuses:?}");
    let refused = world.browser().sign_in(EMAIL, PASSWORD).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "901"), "the right one as well");
    world.pass(std::time::Duration::from_secs(901));
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 303);
    node.running.abort().await;
});

both!(sec_o06_a_stranger_does_not_choose_an_address, async |mut world| {
    world.restart(|config| config.limits.attempts_per_network = 4).await;
    let forged = ["192.0.2.1", "192.0.2.2", "127.0.0.1", "2001:db8::1", "::1", "", "x"];
    for (number, address) in forged.into_iter().enumerate() {
        let claims = [("x-forwarded-for", address), ("forwarded", "for=192.0.2.9"), ("x-real-ip", address)];
        let answer = guess(&world, &format!("konto-{number}@example.org"), &claims).await;
        assert_eq!(answer.status, if number < 4 { 422 } else { 429 }, "{address}");
    }
});

both!(sec_o06_a_proxy_is_believed_for_the_last_step_only, async |mut world| {
    world
        .restart(|config| {
            config.server.trusted_proxies = vec![LOCAL, "10.0.0.7".parse().unwrap()];
            config.limits.attempts_per_network = 3;
        })
        .await;
    // What stands further to the left was said by the stranger.
    for (number, chain) in
        ["192.0.2.1", "198.51.100.1, 192.0.2.1", "::1, 203.0.113.5,192.0.2.1"].into_iter().enumerate()
    {
        let answer = guess(&world, &format!("a-{number}@example.org"), &[("x-forwarded-for", chain)]).await;
        assert_eq!(answer.status, 422, "{chain}");
    }
    for chain in ["192.0.2.1", "192.0.2.250, 192.0.2.1", "192.0.2.1, 10.0.0.7", "::ffff:192.0.2.1"] {
        let answer = guess(&world, "b@example.org", &[("x-forwarded-for", chain)]).await;
        assert_eq!(answer.status, 429, "{chain}: one network, however it is written");
    }
    let twice = [("x-forwarded-for", "192.0.2.200"), ("x-forwarded-for", "192.0.2.1")];
    assert_eq!(guess(&world, "c@example.org", &twice).await.status, 429, "two headers are one list");
    assert_eq!(guess(&world, "d@example.org", &[("x-forwarded-for", "192.0.2.2")]).await.status, 422, "a neighbour");
});

both!(sec_o06_a_subscriber_is_one_network, async |mut world| {
    world
        .restart(|config| {
            config.server.trusted_proxies = vec![LOCAL];
            config.limits.attempts_per_network = 3;
        })
        .await;
    for number in 0..5 {
        let address = format!("2001:db8:1:2:{number}::{number}");
        let answer = guess(&world, &format!("a-{number}@example.org"), &[("x-forwarded-for", &address)]).await;
        assert_eq!(answer.status, if number < 3 { 422 } else { 429 }, "{address}");
    }
    assert_eq!(guess(&world, "x@example.org", &[("x-forwarded-for", "2001:db8:1:3::1")]).await.status, 422);
});

both!(sec_o05_who_rents_many_addresses_has_one_range, async |mut world| {
    world
        .restart(|config| {
            config.server.trusted_proxies = vec![LOCAL];
            (config.limits.attempts_per_network, config.limits.attempts_per_range) = (2, 5);
        })
        .await;
    for number in 0..8 {
        for (range, address) in [("192.0.2", format!("192.0.2.{number}")), ("::/48", format!("2001:db8:1:{number}::1"))]
        {
            let email = format!("a-{number}-{}@example.org", range.len());
            let answer = guess(&world, &email, &[("x-forwarded-for", &address)]).await;
            assert_eq!(answer.status, if number < 5 { 422 } else { 429 }, "{address}");
        }
    }
    assert_eq!(guess(&world, "x@example.org", &[("x-forwarded-for", "192.0.3.1")]).await.status, 422, "another range");
});

// X05: what is no address is nobody's; it opens no new counter and looks nothing up.
both!(sec_x05_only_addresses_are_read_from_a_proxy, async |mut world| {
    world
        .restart(|config| {
            config.server.trusted_proxies = vec![LOCAL];
            config.limits.attempts_per_network = 4;
        })
        .await;
    let strange =
        ["localhost", "_hidden", "unknown", "\"192.0.2.1\"", "192.0.2.1:80", "[2001:db8::1]", "999.1.1.1", ""];
    for (number, value) in strange.into_iter().enumerate() {
        let answer = guess(&world, &format!("a-{number}@example.org"), &[("x-forwarded-for", value)]).await;
        assert_eq!(answer.status, if number < 4 { 422 } else { 429 }, "{value}");
    }
});

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

both!(sec_o08_codes_of_a_reset_are_guessed_fifteen_times_an_hour, async |world| {
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    world.pass(std::time::Duration::from_secs(86_400));
    for _ in 0..6 {
        let mut attacker = world.browser();
        attacker.get("/wieder-anmelden/email").await;
        attacker.post("/wieder-anmelden/email", &[("email", EMAIL)]).await;
        for _ in 0..7 {
            attacker.post("/wieder-anmelden/code", &[("code", "000000")]).await;
        }
    }
    // Six rows wait, five tries each; but only three of them hold a code at all, the three that were mailed.
    let tries = world.texts("SELECT CAST(tries AS TEXT) FROM mailed_code WHERE purpose = 'password-reset'").await;
    assert_eq!(tries, ["5"; 6]);
    for _ in 0..3 {
        world.mail_about(EMAIL, "Passwort").await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert!(world.mails.lock().unwrap().iter().all(|mail| mail.to != EMAIL), "a fourth mail");
});

// `limits.attempts_per_network` says: wrong passwords or codes. A right code of one's own is not a guess.
both!(sec_o08_wrong_codes_count_for_the_network, async |mut world| {
    world.restart(|config| config.limits.attempts_per_network = 6).await;
    let mut statuses = Vec::new();
    for number in 0..4 {
        let mut attacker = world.browser();
        attacker.get("/wieder-anmelden/email").await;
        attacker.post("/wieder-anmelden/email", &[("email", &format!("konto-{number}@example.org"))]).await;
        for _ in 0..3 {
            statuses.push(attacker.post("/wieder-anmelden/code", &[("code", "000000")]).await.status);
        }
    }
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 6, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 6, "{statuses:?}");
});

both!(sec_o08_a_code_is_compared_five_times_on_two_nodes, async |world| {
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    let node = world.second_node().await;
    let mut renate = world.browser();
    let code = renate.reset_code(&world, EMAIL).await;
    let tries = (0..30).map(|number| {
        let mut browser = renate.clone();
        if number % 2 == 1 {
            browser = browser.at(node.running.address);
        }
        async move { browser.post("/wieder-anmelden/code", &[("code", wrong(&code_of(number)))]).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert!(statuses.iter().all(|status| [422, 429].contains(status)), "{statuses:?}");
    let tries = world.texts("SELECT CAST(tries AS TEXT) FROM mailed_code").await;
    assert_eq!(tries, ["5"]);
    world.pass(std::time::Duration::from_secs(5 * 60));
    let late = renate.post("/wieder-anmelden/code", &[("code", &code)]).await.status;
    assert!([422, 429].contains(&late), "{late}");
    node.running.abort().await;
});

fn code_of(number: usize) -> String {
    format!("{number:06}")
}

/// Asks for a mail in a browser of one's own; what a person sees of it, without what differs by chance.
async fn ask(world: &World, path: &str, email: &str) -> (u16, String, u16, String) {
    let mut browser: Browser = world.browser();
    browser.get(path).await;
    let sent = browser.post(path, &[("email", email)]).await;
    let page = browser.follow(sent.clone()).await;
    (sent.status, sent.location().to_owned(), page.status, page.heading().to_owned())
}

async fn mails_to(world: &World, address: &str) -> usize {
    world.settle().await;
    world.mails.lock().unwrap().iter().filter(|mail| mail.to == address).count()
}

both!(sec_s14_nobody_is_bombed_with_mail, async |mut world| {
    world.restart(|config| config.limits.mails_per_hour = 3).await;
    for (path, address) in [("/wieder-anmelden/email", "a@example.org"), ("/registrieren/email", "b@example.org")] {
        for number in 1..=5 {
            let spelling = if number % 2 == 0 { address.to_uppercase() } else { address.to_owned() };
            let (status, location, _, _) = ask(&world, path, &spelling).await;
            assert_eq!(status, 303, "{path} {number}");
            assert!(location.ends_with("/code"), "{location}");
        }
        let lower = mails_to(&world, address).await;
        let shown = address.to_uppercase().replace("EXAMPLE.ORG", "example.org");
        assert_eq!(lower + mails_to(&world, &shown).await, 3, "{path}");
    }
    ask(&world, "/registrieren/email", "a@example.org").await;
    assert_eq!(mails_to(&world, "a@example.org").await, 2, "both forms share the limit");
});

both!(sec_s14_ten_mails_a_day, async |mut world| {
    world.restart(|config| config.limits.mails_per_network = 1000).await;
    for _ in 0..8 {
        for _ in 0..3 {
            ask(&world, "/wieder-anmelden/email", EMAIL).await;
        }
        world.settle().await;
        world.pass(std::time::Duration::from_secs(3601));
    }
    assert_eq!(mails_to(&world, EMAIL).await, 10);
});

// The person, and whoever tries addresses, sees the same page after the fourth request as after the first.
both!(sec_s14_the_answer_beyond_the_limit_is_the_same, async |world| {
    for path in ["/wieder-anmelden/email", "/registrieren/email"] {
        let first = ask(&world, path, EMAIL).await;
        for _ in 0..3 {
            ask(&world, path, EMAIL).await;
        }
        assert_eq!(ask(&world, path, EMAIL).await, first, "{path}");
        world.pass(std::time::Duration::from_secs(3601));
    }
});

both!(sec_s14_networks_are_limited_too, async |mut world| {
    world.restart(|config| config.limits.mails_per_network = 5).await;
    let mut statuses = Vec::new();
    for number in 0..8 {
        let path = ["/wieder-anmelden/email", "/registrieren/email"][number % 2];
        statuses.push(ask(&world, path, &format!("konto-{number}@example.org")).await.0);
    }
    assert_eq!(statuses, [303, 303, 303, 303, 303, 429, 429, 429]);
});

// RL30: who is sent away cost neither a hash nor a row, and is told when to come back.
both!(sec_o09_a_storm_is_shed_before_anything_is_counted, async |mut world| {
    world
        .restart(|config| {
            (config.password.memory_kibibytes, config.password.threads, config.password.queue_length) =
                (64 * 1024, 1, 2);
        })
        .await;
    let tries = (0..24).map(|number| {
        let mut stranger = world.browser();
        async move { stranger.sign_in(&format!("konto-{number}@example.org"), "falsch-falsch-falsch").await }
    });
    let answers = futures_util::future::join_all(tries).await;
    let hashed = answers.iter().filter(|answer| answer.status == 422).count();
    let shed: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(hashed >= 2 && shed.len() > 4, "{hashed} hashed, {} shed", shed.len());
    assert_eq!(hashed + shed.len(), 24);
    assert!(shed.iter().all(|answer| answer.header("retry-after") == "2"));
    let counted = world.texts("SELECT purpose FROM attempt WHERE purpose = 'signin-account'").await;
    assert_eq!(counted.len(), hashed, "one row for each address that was hashed for");
});
