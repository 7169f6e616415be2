//! What the operator may do to an account, and what its owner sees of it.

use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::operator::{self, Inquiry};

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, World};

const REASON: &str = "Anruf der Inhaberin wegen fremder Anmeldungen";

fn by() -> Inquiry {
    Inquiry::new("k.muster", REASON).unwrap()
}

async fn renate(world: &World) -> (Browser, AccountId) {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    let id = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    (renate, id)
}

both!(the_owner_reads_every_look, async |world| {
    let (mut renate, id) = renate(&world).await;
    let found = operator::find(&world.app, &by(), Some(id.clone())).await.unwrap().unwrap();
    let shown = found.to_string();
    assert!(shown.contains("active") && !shown.contains("Muster") && !shown.contains(EMAIL), "{shown}");
    let lines = operator::read_protocol(&world.app, &by(), &id).await.unwrap();
    assert!(lines.iter().any(|line| line.what == "Konto angelegt"));
    let page = renate.get("/daten/protokoll?art=support").await.body;
    assert_eq!(page.matches(REASON).count(), 2, "{page}");
    assert!(page.contains("Support, Testbetrieb") && !page.contains("k.muster"), "no employee is named: {page}");
    // That there is nobody is recorded as well.
    assert!(operator::find(&world.app, &by(), None).await.unwrap().is_none());
    let looks = world.texts("SELECT kind FROM audit_event WHERE kind = 'account.looked_up'").await;
    assert_eq!(looks.len(), 2);
});

both!(a_locked_account_is_refused_on_every_path, async |world| {
    let (mut renate, id) = renate(&world).await;
    let [parken, _] = two_services(&world).await;
    let code = parken.code(&mut renate, &[]).await;
    let token = parken.redeem(&world, &code).await.json()["access_token"].as_str().unwrap().to_owned();
    let pending = parken.code(&mut renate, &[]).await;
    let node = world.second_node().await;
    let mut elsewhere = renate.at(node.running.address);
    assert_eq!(elsewhere.get("/konto").await.status, 200);
    operator::lock(&world.app, &by(), &id).await.unwrap();
    assert_eq!(renate.get("/konto").await.status, 303);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    world.pass(std::time::Duration::from_secs(1));
    assert_eq!(elsewhere.get("/konto").await.status, 303, "on every node within a second");
    assert_eq!(parken.userinfo(&world, &token).await.status, 401);
    assert_eq!(parken.redeem(&world, &pending).await.status, 400);
    world.mail_about(EMAIL, "gesperrt").await;
    // Who knows the password reads why; nobody else learns that there is anything.
    let told = world.browser().sign_in(EMAIL, PASSWORD).await;
    assert_eq!(told.status, 403);
    assert!(told.body.contains(REASON) && told.header("set-cookie").find("nk_s").is_none(), "{}", told.body);
    let (known, unknown) = (
        world.browser().sign_in(EMAIL, "falsch-falsch-falsch").await,
        world.browser().sign_in("niemand@example.org", "falsch-falsch-falsch").await,
    );
    assert_eq!((known.status, known.heading()), (unknown.status, unknown.heading()));
    // A new password does not open it.
    let mut reset = world.browser();
    reset.get("/wieder-anmelden/email").await;
    reset.post("/wieder-anmelden/email", &[("email", EMAIL)]).await;
    let mail = world.mail_to(EMAIL).await;
    assert!(mail.subject.contains("gesperrt") && !mail.body.contains("Code ist"), "{}", mail.body);
    assert!(operator::lock(&world.app, &by(), &id).await.is_err(), "it is locked already");
    operator::unlock(&world.app, &by(), &id).await.unwrap();
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 303);
    assert!(operator::unlock(&world.app, &by(), &id).await.is_err());
    node.running.abort().await;
});

both!(sec_lock_raced_with_sign_in_leaves_nobody_in, async |world| {
    let (_, id) = renate(&world).await;
    for round in 0..5 {
        let sign_ins = (0..4).map(async |_| {
            let mut other = world.browser();
            other.sign_in(EMAIL, PASSWORD).await;
            other
        });
        let by = by();
        let lock = operator::lock(&world.app, &by, &id);
        let (mut others, locked) = tokio::join!(futures_util::future::join_all(sign_ins), lock);
        locked.unwrap();
        for other in &mut others {
            assert_eq!(other.get("/konto").await.status, 303, "round {round}");
        }
        operator::unlock(&world.app, &by, &id).await.unwrap();
        for other in &mut others {
            drop(other.get("/konto").await);
        }
    }
});

#[test]
fn a_reason_says_something() {
    assert!(Inquiry::new("k.muster", REASON).is_ok());
    for (operator, reason) in [
        ("k.muster", ""),
        ("k.muster", "kurz"),
        ("k.muster", &"x".repeat(301)),
        ("", REASON),
        ("k.muster", "zehn\nZeilen mehr"),
    ] {
        assert!(Inquiry::new(operator, reason).is_err(), "{operator:?} {reason:?}");
    }
}
