//! Leaving, returning, and accounts that nobody uses; what is left of them.

use std::time::Duration;

use nutzerkonto::data::{inactivity, leaving};
use nutzerkonto::kernel::time::{days, minutes};

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::surface::{EMAIL, busy_renate, two_services};
use crate::support::{Browser, World};

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

async fn leaves(renate: &mut Browser, when: &str) -> String {
    renate.get("/daten/loeschen").await;
    let answer = renate.post("/daten/loeschen", &[("wann", when), ("current", PASSWORD)]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location().to_owned()
}

async fn status(world: &World) -> String {
    world.texts("SELECT status FROM account").await.remove(0)
}

/// What the job does, as often as it takes.
async fn job(world: &World) {
    leaving::tend(&world.app).await.unwrap();
}

async fn erased(world: &World) {
    job(world).await;
    world.pass(minutes(1));
    job(world).await;
}

both!(renate_leaves_at_once_and_nothing_remains, async |world| {
    let mut busy = busy_renate(&world).await;
    let [parken, _] = two_services(&world).await;
    let code = parken.code(&mut busy.browser, &[]).await;
    let tokens = parken.redeem(&world, &code).await;
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let pending = parken.code(&mut busy.browser, &[]).await;
    let id = world.texts("SELECT id FROM account").await.remove(0);
    let page = busy.browser.get("/daten/loeschen").await.body;
    assert!(page.contains(EMAIL) && page.contains("die Verbindung mit Stadt"), "what is lost is listed: {page}");
    assert_eq!(leaves(&mut busy.browser, "sofort").await, "/daten/geloescht");
    assert!(busy.browser.get("/daten/geloescht").await.body.contains("Ihr Konto ist gelöscht"));
    // From that moment on, nothing works, and the key is gone.
    assert_eq!(busy.browser.get("/konto").await.status, 303);
    assert_eq!(parken.userinfo(&world, &token).await.status, 401);
    assert_eq!(parken.redeem(&world, &pending).await.status, 400);
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 422);
    assert_eq!(world.texts("SELECT id FROM account WHERE key_wrapped IS NOT NULL").await, [""; 0]);
    erased(&world).await;
    assert_eq!(status(&world).await, "erased");
    let dump = world.dump().await;
    for (table, rows) in &dump {
        let of_hers = rows.iter().filter(|row| row.contains(&id)).count();
        let allowed = match table.as_str() {
            "account" => 1,
            "audit_event" => usize::MAX,
            _ => 0,
        };
        assert!(of_hers <= allowed, "{table} still has {of_hers} rows");
    }
    // The address is free; whoever comes next is somebody else to every service.
    let before = crate::support::service::claims(tokens.json()["id_token"].as_str().unwrap())["sub"].clone();
    world.mail_to(EMAIL).await;
    let mut next = world.browser();
    next.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let code = parken.code(&mut next, &[]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    assert_ne!(crate::support::service::claims(tokens["id_token"].as_str().unwrap())["sub"], before);
});

both!(renate_leaves_and_returns, async |world| {
    let mut renate = renate(&world).await;
    let [parken, _] = two_services(&world).await;
    let code = parken.code(&mut renate, &[]).await;
    let token = parken.redeem(&world, &code).await.json()["access_token"].as_str().unwrap().to_owned();
    let location = leaves(&mut renate, "spaeter").await;
    assert!(renate.get(&location).await.body.contains("Bis dahin können Sie zurück"));
    world.mail_about(EMAIL, "wird gelöscht").await;
    assert_eq!(parken.userinfo(&world, &token).await.status, 401, "services get nothing");
    // Signing in leads to one page only.
    world.pass(days(13));
    job(&world).await;
    assert_eq!(renate.sign_in(EMAIL, PASSWORD).await.status, 303);
    for path in ["/konto", "/profil", "/daten/protokoll", "/sicherheit"] {
        assert_eq!(renate.get(path).await.location(), "/anmelden", "{path}");
    }
    assert_eq!(renate.get("/anmelden").await.location(), "/daten/rueckkehr");
    assert!(renate.get("/daten/rueckkehr").await.body.contains("Möchten Sie Ihr Konto behalten?"));
    assert_eq!(renate.post("/daten/rueckkehr", &[("wahl", "vielleicht")]).await.status, 403);
    for wish in ["behalten", "sofort"] {
        let forged = renate.clone().post_exactly("/daten/rueckkehr", &[("wahl", wish), ("csrf", "x")]).await;
        assert_eq!((forged.status, status(&world).await.as_str()), (403, "closing"), "sec_n03: {wish}");
    }
    assert_eq!(renate.post("/daten/rueckkehr", &[("wahl", "behalten")]).await.location(), "/konto");
    assert_eq!(renate.get("/konto").await.status, 200);
    assert_eq!(renate.get("/daten/rueckkehr").await.status, 303, "there is nothing to return from");
    world.pass(days(2));
    job(&world).await;
    assert_eq!(status(&world).await, "active");
});

both!(a_service_waits_until_renate_has_decided, async |world| {
    let mut renate = renate(&world).await;
    let [parken, _] = two_services(&world).await;
    leaves(&mut renate, "spaeter").await;
    let page = renate.visit(&parken.request(&[])).await;
    let flow = format!("?vorgang={}", crate::support::service::vorgang(&page));
    let fields = [("email", EMAIL), ("password", PASSWORD)];
    let answer = renate.post(&format!("/anmelden{flow}"), &fields).await;
    let asked = renate.follow(answer).await;
    assert_eq!(asked.heading(), "Möchten Sie Ihr Konto behalten?");
    let answer = renate.post(&format!("/daten/rueckkehr{flow}"), &[("wahl", "behalten")]).await;
    let consent = renate.follow(answer).await;
    assert!(consent.heading().contains("gehen an"), "{}", consent.body);
    let silent = renate.get(&parken.request(&[("prompt", "none")])).await;
    let history = renate.get("/sicherheit/verlauf").await.body;
    assert!(history.contains("Auf dem Weg zu: Stadt"), "the history names the service: {history}");
    assert_eq!(silent.parameter("error").as_deref(), Some("consent_required"));
});

both!(who_does_not_return_is_erased_on_the_day_that_was_said, async |world| {
    let mut renate = renate(&world).await;
    let location = leaves(&mut renate, "spaeter").await;
    let until: i64 = location.rsplit('=').next().unwrap().parse().unwrap();
    let left = Duration::from_millis(u64::try_from(until * 1000 - world.app.now().milliseconds()).unwrap());
    assert!(left >= days(14) && left < days(15), "the fourteenth day to its end: {left:?}");
    world.pass(left - Duration::from_millis(1));
    job(&world).await;
    assert_eq!(status(&world).await, "closing");
    world.pass(Duration::from_millis(1));
    erased(&world).await;
    assert_eq!(status(&world).await, "erased");
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 422);
});

both!(sec_leaving_needs_the_password, async |world| {
    let mut renate = renate(&world).await;
    renate.get("/daten/loeschen").await;
    for password in ["", "falsch-falsch-falsch"] {
        let answer = renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", password)]).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
    }
    assert_eq!(status(&world).await, "active");
});

both!(sec_deletion_raced_with_sign_in_leaves_no_session, async |world| {
    let node = world.second_node().await;
    for round in 0..6 {
        let email = format!("person-{round}@example.org");
        let mut person = world.browser();
        person.register(&world, &email, ["Renate", "Muster"]).await;
        person.get("/daten/loeschen").await;
        let others: Vec<Browser> = (0..4).map(|_| world.browser().at(node.running.address)).collect();
        let sign_ins = others.into_iter().map(async |mut other| {
            other.sign_in(&email, PASSWORD).await;
            other
        });
        let leaving = person.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]);
        let (mut others, left) = tokio::join!(futures_util::future::join_all(sign_ins), leaving);
        assert_eq!(left.status, 303);
        // What the other node remembers is over within a second.
        world.pass(Duration::from_secs(1));
        for other in &mut others {
            assert_eq!(other.get("/konto").await.status, 303, "round {round}");
        }
    }
    erased(&world).await;
    assert_eq!((world.rows("session").await, world.rows("password").await, world.rows("device").await), (0, 0, 0));
    node.running.abort().await;
});

both!(rl39_erasing_goes_on_after_a_failure_and_on_any_node, async |world| {
    for number in 0..5 {
        let mut person = world.browser();
        person.register(&world, &format!("person-{number}@example.org"), ["Renate", "Muster"]).await;
        leaves(&mut person, "sofort").await;
    }
    world.pass(minutes(1));
    // Interrupted at every possible moment: each attempt may stop anywhere, and the next one goes on.
    for pause in 0..40 {
        let attempt = leaving::tend(&world.app);
        drop(tokio::time::timeout(Duration::from_micros(100 * pause), attempt).await);
    }
    // Both at once do no harm.
    let (one, two) = tokio::join!(leaving::tend(&world.app), leaving::tend(&world.app));
    one.and(two).unwrap();
    assert_eq!(world.texts("SELECT id FROM account WHERE status <> 'erased'").await, [""; 0]);
    let done = world.texts("SELECT kind FROM audit_event WHERE kind = 'account.erased'").await;
    assert_eq!(done.len(), 5, "each is recorded once");
});

async fn unused_job(world: &World) {
    inactivity::tend(&world.app).await.unwrap();
    leaving::tend(&world.app).await.unwrap();
}

// The clock of the tests begins on 23 November 2026: 22 months are over with 24 September 2028, 24 with 24 November 2028;
// a day more than that, because a sign-in is written down once a day.
both!(an_unused_account_ends_after_two_years_and_two_months_notice, async |world| {
    let _renate = renate(&world).await;
    world.pass(days(669));
    unused_job(&world).await;
    assert_eq!(world.texts("SELECT id FROM account WHERE inactivity_told_at IS NOT NULL").await, [""; 0]);
    world.pass(days(3));
    unused_job(&world).await;
    let mail = world.mail_to(EMAIL).await;
    assert!(mail.subject.contains("bald gelöscht") && mail.body.contains("November 2028"), "{}", mail.body);
    unused_job(&world).await;
    assert_eq!(world.texts("SELECT kind FROM audit_event WHERE kind = 'account.told_unused'").await.len(), 1, "once");
    world.pass(days(59));
    unused_job(&world).await;
    assert_eq!(status(&world).await, "active");
    world.pass(days(3));
    unused_job(&world).await;
    world.pass(minutes(1));
    unused_job(&world).await;
    assert_eq!(status(&world).await, "erased");
});

both!(a_sign_in_after_the_notice_keeps_the_account, async |world| {
    let mut renate = renate(&world).await;
    world.pass(days(672));
    unused_job(&world).await;
    world.mail_to(EMAIL).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    world.pass(days(200));
    unused_job(&world).await;
    assert_eq!(status(&world).await, "active");
    assert_eq!(world.texts("SELECT id FROM account WHERE inactivity_told_at IS NOT NULL").await, [""; 0]);
});

// The job was off for years: the law's two months are still given.
both!(a_late_notice_is_still_two_months_before, async |world| {
    let _renate = renate(&world).await;
    world.pass(days(1500));
    unused_job(&world).await;
    world.mail_to(EMAIL).await;
    world.pass(days(59));
    unused_job(&world).await;
    assert_eq!(status(&world).await, "active");
    world.pass(days(5));
    unused_job(&world).await;
    assert_eq!(status(&world).await, "erasing");
});
