//! Attack rows B05, N02, N03, N08, K01, O14: whose session it is, and what ends it.

use std::time::Duration;

use reqwest::Method;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::inspect::difference;
use crate::support::service::{claims, vorgang};
use crate::support::surface::{EMAIL, Url, busy_renate, two_services, urls};
use crate::support::{Browser, World};

const EMRE: &str = "emre@example.org";

async fn renate_and_emre(world: &World) -> Browser {
    world.browser().register(world, EMRE, ["Emre", "Öztürk"]).await;
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

async fn is_alive(world: &World, token: &str) -> bool {
    let mut thief = world.browser();
    thief.cookies.insert("nk_s".to_owned(), token.to_owned());
    thief.get("/konto").await.status == 200
}

// The other side of the forms: what a foreign page can make a browser do without one.
both!(sec_n03_reading_changes_nothing, async |world| {
    let busy = busy_renate(&world).await;
    let before = world.dump().await;
    // How often an address of a calendar is fetched is counted.
    let counts = |url: &Url| url.path.starts_with("/kalender/");
    for url in urls().into_iter().filter(|url| url.method == "GET" && !counts(url)) {
        let mut browser = busy.browser.clone();
        let request = browser.request(Method::GET, &format!("{}{}", url.path, busy.flow));
        browser.send(request.header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "navigate")).await;
        browser.cookies.remove("nk_sprache");
        assert_eq!(browser.cookies, busy.browser.cookies, "{}", url.path);
    }
    let after = world.dump().await;
    assert_eq!(after, before, "{:#?}", difference(&before, &after));
});

// Whoever is not signed in has something to lose as well.
both!(sec_k01_a_foreign_link_ends_nothing, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = world.browser();
    let code = renate.registration_code(&world, EMAIL).await;
    renate.post("/registrieren/code", &[("code", &code)]).await;
    let flow = vorgang(&renate.visit(&parken.request(&[])).await);
    for path in ["/oauth2/logout", "/oauth2/logout?client_id=parken", "/oauth2/logout?state=x"] {
        let mut browser = renate.clone();
        let request = browser.request(Method::GET, path).header("sec-fetch-site", "cross-site");
        browser.send(request).await;
        assert_eq!(browser.get("/registrieren/name").await.status, 200, "{path}: the registration is lost");
        let page = browser.get(&format!("/anmelden?vorgang={flow}")).await;
        assert!(page.body.contains("Dienst parken"), "{path}: the way to the service is lost");
    }
});

both!(sec_n02_who_signs_in_after_somebody_ends_the_first_session, async |world| {
    let mut browser = renate_and_emre(&world).await;
    let first = browser.cookies["nk_s"].clone();
    assert!(is_alive(&world, &first).await);
    browser.get("/konto").await;
    assert_eq!(browser.post("/anmelden", &[("email", EMRE), ("password", PASSWORD)]).await.status, 303);
    assert!(browser.get("/konto").await.heading().contains("Emre"));
    assert_eq!(world.rows("session").await, 2, "Emre's own two; Renate's is gone");
    assert!(!is_alive(&world, &first).await, "at once, on this node");
});

both!(sec_n02_who_registers_after_somebody_ends_the_first_session, async |world| {
    let mut browser = world.browser();
    browser.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let first = browser.cookies["nk_s"].clone();
    browser.register(&world, EMRE, ["Emre", "Öztürk"]).await;
    assert!(browser.get("/konto").await.heading().contains("Emre"));
    world.pass(Duration::from_secs(1));
    assert!(!is_alive(&world, &first).await, "nobody holds this token any more");
});

both!(sec_n08_a_reset_counts_on_every_node_within_a_second, async |world| {
    let mut renate = renate_and_emre(&world).await;
    let node = world.second_node().await;
    let mut elsewhere = renate.at(node.running.address);
    assert_eq!((renate.get("/konto").await.status, elsewhere.get("/konto").await.status), (200, 200));
    let mut forgetful = world.browser();
    let code = forgetful.reset_code(&world, EMAIL).await;
    forgetful.post("/wieder-anmelden/code", &[("code", &code)]).await;
    forgetful.post("/wieder-anmelden/passwort", &[("password", "neues-passwort-mit-wolken")]).await;
    assert_eq!(renate.get("/konto").await.status, 303, "at once where it happened");
    world.pass(Duration::from_secs(1));
    assert_eq!(elsewhere.get("/konto").await.status, 303, "within a second elsewhere");
    node.running.abort().await;
});

both!(sec_b05_two_services_in_two_tabs, async |world| {
    let [parken, bibliothek] = two_services(&world).await;
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    let mut browser = world.browser();
    let first = vorgang(&browser.visit(&parken.request(&[("state", "p"), ("nonce", "p")])).await);
    let second = vorgang(&browser.visit(&bibliothek.request(&[("state", "b"), ("nonce", "b")])).await);
    assert_ne!(first, second);
    let credentials = [("email", EMAIL), ("password", PASSWORD)];
    browser.post(&format!("/anmelden?vorgang={first}"), &credentials).await;
    let mut subjects = Vec::new();
    for (service, flow, word) in [(&bibliothek, &second, "b"), (&parken, &first, "p")] {
        let page = browser.visit(&format!("/weiter?vorgang={flow}")).await;
        assert!(page.body.contains(&format!("Dienst {}", service.id)));
        let answer = browser.post(&format!("/einwilligung?vorgang={flow}"), &[("antwort", "ja")]).await;
        let back = browser.follow(answer).await;
        assert!(back.location().starts_with(&service.redirect_uri), "{}", back.location());
        assert_eq!(back.parameter("state").as_deref(), Some(word));
        let tokens = service.redeem(&world, &back.parameter("code").unwrap()).await.json();
        let id = claims(tokens["id_token"].as_str().unwrap());
        assert_eq!((id["nonce"].as_str(), id["aud"].as_str()), (Some(word), Some(service.id.as_str())));
        subjects.push(id["sub"].clone());
    }
    assert_ne!(subjects[0], subjects[1], "pairwise");
});

// Renate's data stand on the page; meanwhile Emre signs in in another tab. Her click must not send his data.
both!(sec_b05_a_consent_is_given_by_who_saw_it, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut browser = renate_and_emre(&world).await;
    let page = browser.visit(&parken.request(&[])).await;
    assert!(page.body.contains("Renate") && !page.body.contains("Emre"));
    let mut tab = browser.clone();
    tab.sign_in(EMRE, PASSWORD).await;
    tab.get("/anmelden").await;
    browser.cookies = tab.cookies;
    let answer = browser.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &[("antwort", "ja")]).await;
    let end = browser.follow(answer).await;
    assert_eq!(end.parameter("code"), None, "Emre has never seen what would be sent");
    assert_eq!(world.rows("consent").await, 0);
});

both!(sec_o14_a_fresh_house_has_no_accounts, async |world| {
    assert_eq!(world.rows("account").await + world.rows("client").await + world.rows("session").await, 0);
    for person in &nutzerkonto::demo::people::PEOPLE {
        let refused = world.browser().sign_in(person.email, nutzerkonto::demo::people::PASSWORD).await;
        assert_eq!(refused.status, 422, "{}", person.email);
    }
});
