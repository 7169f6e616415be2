//! Services that register themselves (RFC 7591, RFC 7592): the whole way, and what becomes of them.

use std::time::Duration;

use nutzerkonto::client::ClientFile;
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::ClientId;
use nutzerkonto::kernel::time::days;
use nutzerkonto::operator::client::{self, Applied};
use nutzerkonto::store::retention;
use serde_json::{Value, json};

use crate::both;
use crate::device;
use crate::support::doors::{refusal, text};
use crate::support::registrant::{
    REASON, REGISTER, Registrant, answers, by, code, metadata, opened, register, soon, token,
};
use crate::support::service::{claims, vorgang};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

async fn tokens(world: &World, service: &Service, code: &str) -> Value {
    let answer = service.redeem(world, code).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

both!(a_service_registers_itself_and_signs_people_in, async |mut world| {
    opened(&mut world).await;
    let discovery = world.browser().get("/.well-known/openid-configuration").await.json();
    assert_eq!(discovery["registration_endpoint"], format!("{}{REGISTER}", world.config.issuer));
    let answer =
        register(&world, &token(&world, 1).await, &metadata(json!({ "policy_uri": "https://laden.example/daten" })))
            .await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, "no-store"), "{answer:?}");
    let told = answer.json();
    let laden = Registrant::read(&world, &told);
    let now = world.app.now();
    assert_eq!(told["client_id_issued_at"], json!(now.seconds()));
    assert_eq!(told["client_secret_expires_at"], json!(now.plus(days(30)).seconds()));
    assert!(laden.service.id.starts_with("reg_") && laden.service.secret.len() == 43);

    let mut renate = renate(&world).await;
    let page = renate.visit(&laden.service.request(&[])).await;
    assert_eq!((page.status, page.heading()), (200, "Diesen Dienst hat niemand geprüft"));
    for words in
        ["<b>laden.example</b>", "Hofladen", "https://laden.example/daten", "Testbetrieb hat ihn nicht geprüft"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let (back, on) = (page.body.find("id=\"zurueck\"").unwrap(), page.body.find("id=\"trotzdem\"").unwrap());
    assert!(back < on && page.body[..on].contains("nk-btn--primary\" id=\"zurueck\""), "going back comes first");
    let consent = answers(&mut renate, &page, "weiter").await;
    assert!(consent.heading().contains("laden.example – Hofladen"), "{}", consent.body);
    assert!(consent.body.contains("Freiwillig") && consent.body.contains("name=\"daten-email\" type=\"checkbox\""));
    let form = [("antwort", "ja"), ("daten-email", "ja")];
    let done = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&consent)), &form).await;
    let got = tokens(&world, &laden.service, &renate.follow(done).await.parameter("code").unwrap()).await;
    let id = claims(&text(&got, "id_token"));
    assert_eq!((&id["aud"], &id["nonce"]), (&json!(laden.service.id), &json!("nonce-1")));
    let person = laden.service.userinfo(&world, &text(&got, "access_token")).await.json();
    assert_eq!((&person["email"], person.get("given_name")), (&json!(EMAIL), None), "only what she picked");
    assert_eq!(person["sub"], id["sub"]);
    // Agreed to: neither page comes again, and nobody needs to be asked.
    let again = renate.visit(&laden.service.request(&[("prompt", "none")])).await;
    assert!(again.parameter("code").is_some(), "{again:?}");
    assert!(renate.get("/dienste").await.body.contains("laden.example – Hofladen"));

    let dump = format!("{:?}", world.dump().await);
    for secret in [&laden.service.secret, &laden.access] {
        assert!(!dump.contains(secret.as_str()), "sec_n06: only hashes");
    }
    let events =
        "SELECT kind FROM audit_event WHERE kind LIKE 'registration.%' OR kind = 'client.registered' ORDER BY kind";
    assert_eq!(world.texts(events).await, ["client.registered", "registration.token_made"]);
});

both!(it_reads_changes_and_deletes_itself, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({ "scope": "openid email" })).await;
    let node = world.browser();
    let read = laden.ask(&node, "GET", None).await;
    assert_eq!((read.status, read.header("cache-control")), (200, "no-store"));
    let mut expected = laden.told.clone();
    for name in ["client_secret", "client_secret_expires_at"] {
        expected.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(read.json(), expected, "all but the secret, which nobody knows any more");

    let said = laden.said_again(json!({ "client_name": "Hofladen Nord", "client_secret": laden.service.secret }));
    let changed = laden.ask(&node, "PUT", Some(&said)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let told = changed.json();
    assert_eq!((&told["client_name"], told.get("client_secret")), (&json!("Hofladen Nord"), None));
    assert_eq!(told["scope"], "openid profile email address phone", "replaced as a whole");
    assert_eq!(laden.service.redeem(&world, "x").await.status, 400, "the secret is the one that it was");
    // To another way of proving itself and back: then it needs another secret.
    let public = laden.said_again(json!({ "token_endpoint_auth_method": "none" }));
    assert_eq!(laden.ask(&node, "PUT", Some(&public)).await.json().get("client_secret"), None);
    assert_eq!(laden.service.redeem(&world, "x").await.status, 401);
    let back = laden.ask(&node, "PUT", Some(&laden.said_again(json!({})))).await.json();
    let renewed = Service { secret: text(&back, "client_secret"), ..laden.service.clone() };
    assert_ne!(renewed.secret, laden.service.secret);
    assert_eq!(renewed.redeem(&world, "x").await.status, 400);

    for (wrong, code) in [
        (json!({ "client_id": "reg_anderer" }), "invalid_client_metadata"),
        (json!({ "client_secret": "geraten" }), "invalid_client_metadata"),
        (json!({ "registration_access_token": laden.access }), "invalid_client_metadata"),
        (json!({ "client_id_issued_at": 1 }), "invalid_client_metadata"),
        (json!({ "redirect_uris": ["http://laden.example/cb"] }), "invalid_redirect_uri"),
        (json!({ "subject_type": "public" }), "invalid_client_metadata"),
    ] {
        let mut said = laden.said_again(json!({}));
        said.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(refusal(&laden.ask(&node, "PUT", Some(&said)).await), (400, code.to_owned()), "{wrong}");
    }
    assert_eq!(laden.ask(&node, "GET", None).await.json()["client_name"], "Hofladen", "nothing of that has happened");

    let deleted = laden.ask(&node, "DELETE", None).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    assert_eq!(laden.ask(&node, "GET", None).await.status, 401);
    assert_eq!(renewed.redeem(&world, "x").await.status, 401);
    assert_eq!(world.rows("registered_client").await, 0);
    let kinds = "SELECT kind FROM audit_event WHERE kind IN ('client.changed', 'client.deleted') ORDER BY kind";
    assert_eq!(world.texts(kinds).await, ["client.changed", "client.changed", "client.changed", "client.deleted"]);
});

both!(what_it_deletes_is_dead_on_every_node, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({ "grant_types": ["authorization_code", "refresh_token"] })).await;
    let mut renate = renate(&world).await;
    let code = code(&mut renate, &laden.service, &["email"]).await;
    let got = tokens(&world, &laden.service, &code).await;
    let second = world.second_node().await;
    let other = world.browser().at(second.running.address);
    let userinfo = async |node: &Browser| {
        let mut anybody = node.without_cookies();
        let request = anybody.request(reqwest::Method::GET, "/oauth2/userinfo");
        let bearer = format!("Bearer {}", text(&got, "access_token"));
        anybody.send(request.header("authorization", bearer)).await.status
    };
    assert_eq!((userinfo(&world.browser()).await, userinfo(&other).await), (200, 200));
    assert_eq!(laden.ask(&other, "DELETE", None).await.status, 204);
    soon().await;
    world.pass(Duration::from_secs(1));
    for node in [&world.browser(), &other] {
        assert_eq!(userinfo(node).await, 401);
        assert_eq!(laden.service.redeem_at(node, "x", &[]).await.status, 401);
        assert_eq!(laden.ask(node, "GET", None).await.status, 401);
        assert_eq!(node.without_cookies().get(&laden.service.request(&[])).await.status, 400);
    }
    assert_eq!(world.rows("consent").await, 0);
    assert!(!renate.get("/dienste").await.body.contains("Hofladen"));
    second.running.abort().await;
});

both!(the_operator_approves_what_it_says_and_nothing_else, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({})).await;
    let mut renate = renate(&world).await;
    laden.approve(&world).await;
    let page = renate.visit(&laden.service.request(&[])).await;
    assert!(page.body.contains("action=\"/einwilligung"), "asked for consent alone: {}", page.body);
    let id = ClientId(laden.service.id.clone());
    let shown = async || {
        let (standing, accounts) = client::find(&world.app, &id).await.unwrap();
        standing.describe(accounts, world.app.now())
    };
    assert!(shown().await.contains("by k.muster"), "{}", shown().await);
    assert!(matches!(client::approve(&world.app, &by(), &id).await, Err(Error::Conflict(_))));
    let recorded = "SELECT actor || ' ' || subject || ' ' || reason FROM audit_event WHERE kind = 'client.approved'";
    assert_eq!(world.texts(recorded).await, [format!("operator:k.muster client:{id} {REASON}")]);
    world.pass(days(40));
    soon().await;
    assert_eq!(laden.service.redeem(&world, "x").await.status, 400, "it does not end");

    // It says something else: nobody has looked at that, and it ends again.
    let said = laden.said_again(json!({ "redirect_uris": ["https://andere.example/cb"] }));
    assert_eq!(laden.ask(&world.browser(), "PUT", Some(&said)).await.status, 200);
    assert!(shown().await.contains("by nobody; ends"), "{}", shown().await);
    renate.sign_in(EMAIL, crate::support::browser::PASSWORD).await;
    let elsewhere = Service { redirect_uri: "https://andere.example/cb".to_owned(), ..laden.service.clone() };
    let page = renate.visit(&elsewhere.request(&[])).await;
    assert!(page.heading() == "Diesen Dienst hat niemand geprüft" && page.body.contains("<b>andere.example</b>"));
    assert_eq!(renate.without_cookies().get(&laden.service.request(&[])).await.status, 400, "not its own any more");
    world.pass(days(31));
    soon().await;
    assert_eq!(laden.service.redeem(&world, "x").await.status, 401);
    for unknown in ["reg_01", "", "parken"] {
        let id = ClientId(unknown.to_owned());
        assert!(matches!(client::approve(&world.app, &by(), &id).await, Err(Error::NotFound)));
    }
});

both!(a_change_does_not_stay_agreed_to, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({})).await;
    let mut renate = renate(&world).await;
    code(&mut renate, &laden.service, &["email"]).await;
    let said = laden.said_again(json!({ "client_name": "Stadt Musterhausen" }));
    assert_eq!(laden.ask(&world.browser(), "PUT", Some(&said)).await.status, 200);
    let page = renate.visit(&laden.service.request(&[])).await;
    assert_eq!(page.heading(), "Diesen Dienst hat niemand geprüft");
    let silent = renate.get(&laden.service.request(&[("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("consent_required"));
});

both!(whoever_nobody_approves_ends, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({})).await;
    let mut renate = renate(&world).await;
    code(&mut renate, &laden.service, &[]).await;
    world.pass(days(29));
    // What it says later gives it no more time.
    assert_eq!(laden.ask(&world.browser(), "PUT", Some(&laden.said_again(json!({})))).await.status, 200);
    world.pass(days(1) - Duration::from_millis(1));
    soon().await;
    assert_eq!(laden.service.redeem(&world, "x").await.status, 400);
    world.pass(Duration::from_millis(1));
    soon().await;
    assert_eq!(laden.service.redeem(&world, "x").await.status, 401);
    assert_eq!(laden.ask(&world.browser(), "GET", None).await.status, 401);
    let id = ClientId(laden.service.id.clone());
    assert!(matches!(client::approve(&world.app, &by(), &id).await, Err(Error::Conflict(_))));
    retention::run(&world.app.db, world.app.now().plus(Duration::from_millis(1))).await.unwrap();
    assert_eq!((world.rows("registered_client").await, world.rows("consent").await), (0, 0));
});

both!(a_file_neither_sees_nor_removes_it, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({})).await;
    let parken = Service::new("parken");
    world.clients(&parken.declaration("")).await;
    assert_eq!(laden.service.redeem(&world, "x").await.status, 400);
    let empty = ClientFile::parse("", true).unwrap();
    let plan = client::plan(&world.app, &empty).await.unwrap();
    assert_eq!(plan.changes.keys().map(|id| id.0.as_str()).collect::<Vec<_>>(), ["parken"]);
    assert!(matches!(client::apply(&world.app, &empty, false).await.unwrap(), Applied::Done(_)));
    soon().await;
    assert_eq!((parken.redeem(&world, "x").await.status, laden.service.redeem(&world, "x").await.status), (401, 400));
    // And nobody takes its name.
    let twin = Service::new(&laden.service.id);
    let text = twin.declaration("").replace(&format!("https://{}", twin.id), "https://twin.example");
    let file = ClientFile::parse(&text, true).unwrap();
    assert!(matches!(client::plan(&world.app, &file).await, Err(Error::Conflict(_))));
    assert!(matches!(client::apply(&world.app, &file, false).await, Err(Error::Conflict(_))));
    let listed = client::list(&world.app).await.unwrap();
    assert_eq!(listed.iter().map(|(one, _)| one.client.id.0.as_str()).collect::<Vec<_>>(), [laden.service.id.as_str()]);
});

both!(a_restart_takes_nothing_of_it_away, async |mut world| {
    opened(&mut world).await;
    let token = token(&world, 1).await;
    world.restart(|_| {}).await;
    let laden = Registrant::read(&world, &register(&world, &token, &metadata(json!({}))).await.json());
    let mut renate = renate(&world).await;
    world.restart(|_| {}).await;
    let page = renate.visit(&laden.service.request(&[])).await;
    world.restart(|_| {}).await;
    let consent = answers(&mut renate, &page, "weiter").await;
    world.restart(|_| {}).await;
    assert!(consent.body.contains("action=\"/einwilligung"), "{}", consent.body);
    let flow = format!("/weiter?vorgang={}", vorgang(&consent));
    assert_eq!(renate.visit(&flow).await.heading(), consent.heading(), "what was said is known");
    let code = code(&mut renate, &laden.service, &[]).await;
    world.restart(|config| config.registration.enabled = false).await;
    tokens(&world, &laden.service, &code).await;
    assert_eq!(laden.ask(&world.browser(), "GET", None).await.status, 404, "switched off, but not forgotten");
});

both!(what_was_said_about_it_counts_for_one_session, async |mut world| {
    opened(&mut world).await;
    let laden = Registrant::new(&world, json!({})).await;
    let mut renate = renate(&world).await;
    let page = renate.visit(&laden.service.request(&[])).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    assert!(answers(&mut renate, &page, "weiter").await.body.contains("action=\"/einwilligung"));
    // The next person at the same computer has said nothing.
    let out = renate.post("/abmelden", &[]).await;
    assert_eq!(out.status, 303);
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Öztürk"]).await;
    assert_eq!(emre.get(&format!("/dienst/pruefen{flow}")).await.status, 410, "not his");
    assert_eq!(emre.post(&format!("/dienst/pruefen{flow}"), &[("antwort", "weiter")]).await.status, 410);
});

both!(a_device_of_a_stranger_is_asked_about_twice, async |mut world| {
    opened(&mut world).await;
    let said = json!({ "redirect_uris": null, "client_uri": "https://laden.example/", "grant_types": [device::GRANT] });
    let kasse = Registrant::new(&world, said).await;
    let mut renate = renate(&world).await;
    let (device_code, user_code) = device::begun(&world, &kasse.service, &[("scope", "openid email")]).await;
    let page = device::types(&mut renate, &user_code).await;
    let page = device::answers(&mut renate, &page, "erlauben").await;
    assert_eq!(page.heading(), "Diesen Dienst hat niemand geprüft");
    assert!(
        page.body.contains("ein Gerät") && !page.body.contains("<b>laden.example"),
        "no host is known: {}",
        page.body
    );
    let consent = answers(&mut renate, &page, "weiter").await;
    assert!(consent.heading().contains("Unbekannter Betreiber – Hofladen"), "{}", consent.body);
    let done = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&consent)), &[("antwort", "ja")]).await;
    assert_eq!(renate.follow(done).await.heading(), "Gehen Sie zurück zu Ihrem Gerät");
    world.pass(device::INTERVAL);
    assert_eq!(device::ask(&world, &kasse.service, &device_code).await.status, 200);
    let (device_code, user_code) = device::begun(&world, &kasse.service, &[("scope", "openid profile")]).await;
    let page = device::types(&mut renate, &user_code).await;
    let page = device::answers(&mut renate, &page, "erlauben").await;
    assert_eq!(answers(&mut renate, &page, "zurueck").await.heading(), "Das Gerät ist nicht angemeldet");
    assert_eq!(device::told(&world, &kasse.service, &device_code).await, "access_denied");
});
