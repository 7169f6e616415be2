//! What became of telling a service that somebody has signed out: as the person reads it, and as the operator does.

use std::time::Duration;

use nutzerkonto::client::registry::Registry;
use nutzerkonto::kernel::id::{AccountId, ClientId};
use nutzerkonto::kernel::time::{days, minutes};
use nutzerkonto::oidc::backchannel;
use nutzerkonto::oidc::logout_state::{self, Filter, State};
use nutzerkonto::sql;
use nutzerkonto::store::outbox::{self, Lane};
use nutzerkonto::store::retention;

use crate::backchannel::{renate, sign_in};
use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::ear::Ear;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

const TOLD: &str = "dem Dienst mitgeteilt.";
const WAITING: &str = "Das wird dem Dienst gerade mitgeteilt.";
const FAILED: &str = "Der Dienst hat das nicht bestätigt: Melden Sie sich dort selbst ab.";

/// What the operator reads.
async fn operator_reads(world: &World, client: Option<&str>, state: Option<State>) -> Vec<String> {
    let filter = Filter { client: client.map(|id| ClientId(id.to_owned())), state, limit: 100 };
    let lines = logout_state::report(&mut world.app.read().await.unwrap(), &filter).await.unwrap();
    lines.iter().map(ToString::to_string).collect()
}

/// Waits until the only row says so.
async fn becomes(world: &World, state: &str, attempts: i64) {
    let query = "SELECT state || ' ' || CAST(attempts AS TEXT) FROM logout_notice ORDER BY ended_at DESC";
    let wanted = format!("{state} {attempts}");
    for _ in 0..200 {
        if world.texts(query).await.first() == Some(&wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("wanted {wanted}, found {:?}", world.texts(query).await);
}

/// The words at a service, on either page.
fn words(page: &Answer, client: &str) -> String {
    let rest = page.body.split_once(&format!("id=\"abmeldung-{client}\">")).map_or("", |(_, rest)| rest);
    rest.split('<').next().unwrap_or_default().to_owned()
}

async fn sign_out(browser: &mut Browser) -> Answer {
    browser.get("/konto").await;
    browser.post("/abmelden", &[]).await
}

/// What she reads once she has signed in again.
async fn at_services(renate: &mut Browser) -> String {
    if !renate.is_signed_in() {
        renate.sign_in(EMAIL, PASSWORD).await;
    }
    words(&renate.get("/dienste").await, "parken")
}

both!(whoever_signs_out_reads_which_services_are_told, async |mut world| {
    let (parken, silent) = (Service::new("parken"), Service::new("still"));
    let ear = Ear::open(&["200 OK"]).await;
    let mut renate = renate(&mut world, &[ear.declaration(&parken), silent.declaration("")].concat()).await;
    sign_in(&world, &mut renate, &silent).await;
    assert_eq!(sign_out(&mut renate).await.location(), "/abgemeldet", "there is nobody to tell");
    renate.sign_in(EMAIL, PASSWORD).await;
    sign_in(&world, &mut renate, &parken).await;
    sign_in(&world, &mut renate, &silent).await;
    let answer = sign_out(&mut renate).await;
    let location = answer.location().to_owned();
    assert!(location.starts_with("/abgemeldet?sitzung=") && !location.contains("parken"), "{location}");
    ear.heard(1).await;
    becomes(&world, "told", 1).await;
    let page = renate.get(&location).await;
    assert!(page.status == 200 && page.body.contains("Diese Dienste erfahren davon"), "{}", page.body);
    assert!(words(&page, "parken").starts_with("Abgemeldet am 23. November 2026, 10:02 Uhr"), "{}", page.body);
    assert!(words(&page, "parken").ends_with(TOLD) && words(&page, "still").is_empty(), "{}", page.body);
    let mut english = renate.clone();
    english.language = "en";
    assert!(words(&english.get(&location).await, "parken").ends_with("and the service has been told."));
    // Nothing of what others write gets onto the page, and it does not know the session for long.
    for forged in ["parken", "", "AAAA", &location[20..location.len() - 2], "%3Cb%3E"] {
        let page = renate.get(&format!("/abgemeldet?sitzung={forged}")).await;
        assert!(page.status == 200 && !page.body.contains("abmeldung-") && !page.body.contains("<b>"), "{forged}");
    }
    world.pass(minutes(10));
    assert!(words(&renate.get(&location).await, "parken").is_empty());
    assert!(at_services(&mut renate).await.ends_with(TOLD));
    let page = renate.get("/dienste").await;
    assert!(words(&page, "still").is_empty(), "who is not told says nothing: {}", page.body);
    let lines = operator_reads(&world, None, None).await;
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("parken  told     1  oldest sign-out 23 November 2026, 10:02"), "{lines:?}");
    assert!(!lines[0].contains("reason") && !lines[0].contains("acc_"), "{lines:?}");
});

both!(a_service_that_refuses_is_named_to_both, async |mut world| {
    let (parken, ear) = (Service::new("parken"), Ear::open(&["400 Bad Request"]).await);
    let mut renate = renate(&mut world, &ear.declaration(&parken)).await;
    sign_in(&world, &mut renate, &parken).await;
    let answer = sign_out(&mut renate).await;
    becomes(&world, "failed", 1).await;
    assert!(words(&renate.get(answer.location()).await, "parken").ends_with(FAILED));
    assert!(at_services(&mut renate).await.ends_with(FAILED));
    let lines = operator_reads(&world, Some("parken"), Some(State::Failed)).await;
    assert!(lines.len() == 1 && lines[0].ends_with("last reason: the service answered 400"), "{lines:?}");
    assert!(operator_reads(&world, Some("bibliothek"), None).await.is_empty());
    assert!(operator_reads(&world, None, Some(State::Waiting)).await.is_empty());
    let protocol = renate.get("/daten/protokoll?art=anmeldungen").await.body;
    let told = "Dienst parken hat nicht bestätigt, dass Sie abgemeldet sind: Melden Sie sich dort selbst ab";
    assert_eq!(protocol.matches(told).count(), 1, "{protocol}");
    // It gets better with the next one; the other remains counted until it is old.
    sign_in(&world, &mut renate, &parken).await;
    world.pass(minutes(1));
    sign_out(&mut renate).await;
    becomes(&world, "told", 1).await;
    assert!(at_services(&mut renate).await.ends_with(TOLD));
    assert_eq!(operator_reads(&world, None, None).await.len(), 2);
    retention::run(&world.app.db, world.app.now().plus(days(29))).await.unwrap();
    assert_eq!(world.rows("logout_notice").await, 2);
    retention::run(&world.app.db, world.app.now().plus(days(30)).plus(minutes(1))).await.unwrap();
    assert_eq!(world.rows("logout_notice").await, 0);
});

both!(a_service_that_is_busy_waits_and_is_told_after_a_restart, async |mut world| {
    let (parken, ear) = (Service::new("parken"), Ear::open(&["503 Busy", "200 OK"]).await);
    let mut renate = renate(&mut world, &ear.declaration(&parken)).await;
    sign_in(&world, &mut renate, &parken).await;
    sign_out(&mut renate).await;
    becomes(&world, "waiting", 1).await;
    assert!(at_services(&mut renate).await.contains(WAITING));
    let lines = operator_reads(&world, None, None).await;
    assert!(lines[0].starts_with("parken  waiting  1  "), "{lines:?}");
    assert!(lines[0].ends_with("last reason: the service answered 503"), "{lines:?}");
    world.restart(|_| {}).await;
    assert!(at_services(&mut renate).await.contains(WAITING));
    world.pass(minutes(1));
    becomes(&world, "told", 2).await;
    ear.heard(2).await;
    assert!(at_services(&mut renate).await.ends_with(TOLD));
    assert!(!operator_reads(&world, None, None).await[0].contains("reason"));
    assert!(world.texts("SELECT kind FROM audit_event WHERE kind = 'logout.not_told'").await.is_empty());
});

both!(a_service_that_never_answers_is_given_up_and_its_person_learns_it, async |mut world| {
    let parken = Service::new("parken");
    // Bound, so that nobody else gets the port, and without anyone who listens.
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = silent.local_addr().unwrap().port();
    let extra = format!("backchannel_logout_uri = \"http://localhost:{port}/ende\"");
    let mut renate = renate(&mut world, &parken.declaration(&extra)).await;
    sign_in(&world, &mut renate, &parken).await;
    sign_out(&mut renate).await;
    for attempts in 1..12 {
        becomes(&world, "waiting", attempts).await;
        world.pass(minutes(121));
    }
    becomes(&world, "failed", 12).await;
    assert!(at_services(&mut renate).await.ends_with(FAILED));
    let lines = operator_reads(&world, None, None).await;
    assert!(lines.len() == 1 && lines[0].starts_with("parken  failed   1  "), "{lines:?}");
    assert!(lines[0].ends_with("last reason: no connection") && !lines[0].contains("localhost"), "{lines:?}");
    let events = world.texts("SELECT detail FROM audit_event WHERE kind = 'logout.not_told'").await;
    assert_eq!(events, ["{\"client\":\"parken\"}"]);
});

both!(two_nodes_tell_once_and_say_the_same, async |mut world| {
    let (parken, ear) = (Service::new("parken"), Ear::open(&["503 Busy", "200 OK"]).await);
    let mut renate = renate(&mut world, &ear.declaration(&parken)).await;
    sign_in(&world, &mut renate, &parken).await;
    let node = world.second_node().await;
    let mut elsewhere = renate.at(node.running.address);
    let location = sign_out(&mut elsewhere).await.location().to_owned();
    becomes(&world, "waiting", 1).await;
    let words_at = async |browser: &Browser| words(&browser.without_cookies().get(&location).await, "parken");
    assert!(words_at(&elsewhere).await.contains(WAITING) && words_at(&renate).await.contains(WAITING));
    world.pass(minutes(1));
    becomes(&world, "told", 2).await;
    ear.heard(2).await;
    assert!(words_at(&elsewhere).await.ends_with(TOLD) && words_at(&renate).await.ends_with(TOLD));
    assert_eq!(world.rows("logout_notice").await, 1);
    let account = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    let kept = logout_state::all_of(&mut world.app.read().await.unwrap(), &account).await.unwrap();
    assert_eq!((kept.len(), kept[0].1.state), (1, State::Told), "this is what a copy contains");
    node.running.abort().await;
});

// A node calls the service and ends before it has written that down: the service is called again, and nothing is said before.
both!(a_node_that_ends_after_the_call_leaves_it_waiting, async |mut world| {
    let (parken, ear) = (Service::new("parken"), Ear::open(&["503 Busy", "200 OK", "200 OK"]).await);
    let mut renate = renate(&mut world, &ear.declaration(&parken)).await;
    sign_in(&world, &mut renate, &parken).await;
    sign_out(&mut renate).await;
    becomes(&world, "waiting", 1).await;
    // Takes the job before the node finds it due.
    let jobs = outbox::claim(&world.app.db, world.app.now().plus(minutes(1)), Lane::Services, 4).await.unwrap();
    let registry = Registry::load(&world.app.db, world.app.now()).await.unwrap();
    backchannel::tell(&world.app, &registry, &jobs[0].payload(&world.app.vault).unwrap()).await.unwrap();
    ear.heard(2).await;
    becomes(&world, "waiting", 1).await;
    assert!(at_services(&mut renate).await.contains(WAITING));
    world.pass(minutes(3));
    becomes(&world, "told", 3).await;
    ear.heard(3).await;
    // Taken up once more, as after a crash in the first step: no second row and no second call.
    let session = world.texts("SELECT session_id FROM logout_notice").await.remove(0);
    let mut work = world.app.begin(nutzerkonto::store::work::Actor::System("test")).await.unwrap();
    let payload = format!("[\"{session}\"]");
    outbox::put_plain(&mut work, (Lane::Own, nutzerkonto::signin::session::ENDED), payload.as_bytes()).await.unwrap();
    work.commit().await.unwrap();
    world.settle().await;
    ear.heard(3).await;
    assert_eq!(world.rows("logout_notice").await, 1);
});

both!(a_service_that_is_declared_no_more_was_not_told, async |mut world| {
    let (parken, ear) = (Service::new("parken"), Ear::open(&["503 Busy"]).await);
    let mut renate = renate(&mut world, &ear.declaration(&parken)).await;
    sign_in(&world, &mut renate, &parken).await;
    sign_out(&mut renate).await;
    becomes(&world, "waiting", 1).await;
    world.clients(&parken.declaration("")).await;
    world.pass(minutes(1));
    becomes(&world, "failed", 2).await;
    ear.heard(1).await;
    assert!(at_services(&mut renate).await.ends_with(FAILED));
});

both!(who_leaves_takes_the_states_along, async |mut world| {
    let (parken, ear) = (Service::new("parken"), Ear::open(&[]).await);
    let mut renate = renate(&mut world, &ear.declaration(&parken)).await;
    sign_in(&world, &mut renate, &parken).await;
    sign_out(&mut renate).await;
    becomes(&world, "told", 1).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    for _ in 0..60 {
        world.pass(minutes(2));
        nutzerkonto::data::leaving::tend(&world.app).await.unwrap();
        if world.rows("logout_notice").await == 0 {
            return;
        }
    }
    panic!("the rows of an erased account are still there");
});

// Twenty calls that nobody answers last five seconds each; a mail that is due meanwhile goes out.
both!(a_service_that_hangs_keeps_no_mail_waiting, async |mut world| {
    let parken = Service::new("parken");
    // It takes connections and says nothing.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://localhost:{}/ende", deaf.local_addr().unwrap().port());
    let mut renate = renate(&mut world, &parken.declaration(&format!("backchannel_logout_uri = \"{uri}\""))).await;
    for _ in 0..20 {
        let mut elsewhere = world.browser();
        elsewhere.sign_in(EMAIL, PASSWORD).await;
        sign_in(&world, &mut elsewhere, &parken).await;
    }
    world.settle().await;
    renate.get("/konto").await;
    renate.post("/sicherheit/sitzungen/andere-beenden", &[]).await;
    let under_way = "SELECT kind FROM outbox WHERE kind = 'logout.tell' AND attempts > 0 AND failure IS NULL";
    for _ in 0..100 {
        if world.texts(under_way).await.len() >= 8 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let asked_at = tokio::time::Instant::now();
    world.browser().registration_code(&world, "emre@example.org").await;
    assert!(asked_at.elapsed() < Duration::from_secs(4), "the mail took {:?}", asked_at.elapsed());
    let failed = world.texts("SELECT failure FROM outbox WHERE failure IS NOT NULL").await;
    assert!(world.texts(under_way).await.len() >= 8, "the service is still being called: {failed:?}");
});

// A service that does not answer keeps no mail waiting, and the other way round.
both!(each_lane_takes_what_is_its_own, async |world| {
    let later = world.app.now().plus(minutes(60));
    let mut work = world.app.begin(nutzerkonto::store::work::Actor::System("test")).await.unwrap();
    for (lane, kind) in [(Lane::Own, "ours"), (Lane::Services, "theirs"), (Lane::Own, "ours")] {
        outbox::put_plain(&mut work, (lane, kind), b"{}").await.unwrap();
    }
    // The node does not find them.
    sql!(&mut work.tx, execute, "UPDATE outbox SET due_at = $1", later).unwrap();
    work.commit().await.unwrap();
    for (lane, kinds) in [(Lane::Own, vec!["ours", "ours"]), (Lane::Services, vec!["theirs"]), (Lane::Own, vec![])] {
        let jobs = outbox::claim(&world.app.db, later, lane, 8).await.unwrap();
        assert_eq!(jobs.iter().map(|job| job.kind.as_str()).collect::<Vec<_>>(), kinds, "{lane:?}");
    }
});
