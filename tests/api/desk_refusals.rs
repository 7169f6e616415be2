//! What a registration desk refuses. Rows T02, T07, T08, P01, P03, R01 and W06 of the list of attacks, for offices.

use std::time::Duration;

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use nutzerkonto::store::retention;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::bureau::declaration;
use crate::support::passkey::Key;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const OLGA: &str = "olga@example.org";

async fn two_offices(world: &World) -> Browser {
    world.offices(&format!("{}{}", declaration("musterhausen", ""), declaration("trier", ""))).await;
    world.officer(OLGA, "musterhausen").await
}

async fn level(world: &World) -> String {
    world
        .texts(&format!("SELECT identity_level FROM account WHERE id = '{}'", world.account(EMAIL).await))
        .await
        .remove(0)
}

both!(sec_w06_nobody_without_the_role, async |world| {
    let mut olga = two_offices(&world).await;
    let (mut renate, code) = world.renate_with_code().await;
    world.prove(EMAIL, Level::Substantial).await;
    let path = olga.opened("musterhausen", &code).await;
    for address in ["/amt", "/amt/uebung", path.as_str(), "/amt/vorgang/uebung"] {
        assert_eq!(renate.get(address).await.status, 403, "{address}");
    }
    renate.get("/konto").await;
    for act in ["bestaetigen", "ablehnen", "schliessen"] {
        assert_eq!(renate.post(&format!("{path}/{act}"), &[("grund", "other_person")]).await.status, 403, "{act}");
    }
    assert_eq!(world.browser().get(&path).await.location(), "/anmelden?ziel=amt");
    assert_eq!(olga.get(&path).await.status, 200, "nothing of that did anything");
});

both!(sec_t08_nobody_for_another_office, async |world| {
    let mut olga = two_offices(&world).await;
    let (_, code) = world.renate_with_code().await;
    assert_eq!(olga.opens("trier", &code).await.status, 403);
    assert_eq!(olga.opens("nowhere", &code).await.status, 403);
    let path = olga.opened("musterhausen", &code).await;
    let mut trude = world.officer("trude@example.org", "trier").await;
    assert_eq!(trude.get(&path).await.status, 404, "what an officer of another office has open");
    let page = trude.opens("trier", &code).await;
    assert!(page.status == 422 && page.body.contains("gerade jemand anderes"), "{}", page.body);
    assert_eq!(trude.confirms(&path, &[]).await.status, 404);
    assert_eq!(level(&world).await, "basic");
    // When nobody has it open, it goes to whichever office the person goes to.
    olga.get(&path).await;
    olga.post(&format!("{path}/schliessen"), &[]).await;
    assert_eq!(trude.opened("trier", &code).await, path);
});

both!(sec_t02_nobody_for_themselves, async |world| {
    let mut olga = two_offices(&world).await;
    let code = olga.takes_code().await;
    let page = olga.opens("musterhausen", &code).await;
    assert!(page.status == 422 && page.body.contains("Ihr eigener Vorgang"), "{}", page.body);
    // An office may not be opened to oneself by a case that somebody puts in one's place either.
    let mut peter = world.officer("peter@example.org", "musterhausen").await;
    let path = peter.opened("musterhausen", &code).await;
    let own = world.account("peter@example.org").await;
    world.change(&format!("UPDATE desk_case SET account_id = '{own}'")).await;
    assert_eq!(peter.get(&path).await.status, 403);
});

both!(sec_t07_a_role_that_has_ended_ends_at_once, async |world| {
    let mut olga = two_offices(&world).await;
    let (_, code) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &code).await;
    let seen = olga.get(&path).await.hidden("stand");
    world.end_role(OLGA, "musterhausen").await;
    assert_eq!(olga.post(&format!("{path}/bestaetigen"), &[("stand", &seen)]).await.status, 403);
    assert_eq!(olga.get("/amt").await.status, 403);
    world.role(OLGA, "trier").await;
    assert_eq!(olga.get(&path).await.status, 403, "of the office that she left");
    assert_eq!(olga.opens("musterhausen", &code).await.status, 403);
    assert_eq!(level(&world).await, "basic");
    // An office that closes has no officers.
    world.offices(&declaration("musterhausen", "")).await;
    assert_eq!(olga.get("/amt").await.status, 403);
    let mine = olga.get("/daten/protokoll?art=support").await.body;
    assert!(
        mine.contains("Identitäten zu bestätigen: Bürgerbüro Musterhausen") && mine.contains("seit dem 1. November")
    );
});

both!(sec_r01_only_with_a_passkey_and_a_proven_identity, async |mut world| {
    world.restart(crate::codes::devices_are_substantial).await;
    world.offices(&declaration("musterhausen", "")).await;
    let (mut olga, _) = world.somebody(OLGA, ["Olga", "Amtmann"], Level::Low).await;
    world.role(OLGA, "musterhausen").await;
    assert_eq!(olga.get("/amt").await.location(), "/anmelden/niveau?ziel=amt", "nobody has proven who she is");
    let page = olga.get("/anmelden/niveau?ziel=amt").await.body;
    assert!(page.contains("Ihre eigene Identität"), "{page}");
    world.prove(OLGA, Level::Substantial).await;
    assert_eq!(olga.get("/amt").await.status, 200);
    let mut elsewhere = world.browser();
    elsewhere.sign_in(OLGA, PASSWORD).await;
    assert_eq!(elsewhere.get("/amt").await.location(), "/anmelden/niveau?ziel=amt", "with a password");
    elsewhere.get("/amt").await;
    assert_eq!(elsewhere.post("/amt", &[("amt", "musterhausen")]).await.location(), "/anmelden/niveau?ziel=amt");
    // A device that shows codes is as strong, and an officer could be made to read it out.
    let device = olga.registers_a_device(&world, "A-1001").await;
    let mut elsewhere = world.browser();
    elsewhere.signs_in_with_a_code(&world, OLGA, &device).await;
    assert_eq!(elsewhere.get("/amt").await.location(), "/anmelden/niveau?ziel=amt", "with a code device");
    assert_eq!(olga.get("/amt").await.status, 200);
    // One that is copied to other devices is worth less.
    let mut copied = Key::synchronised(&world);
    olga.add(&mut copied, "Kopie").await;
    assert_eq!(olga.get("/amt").await.location(), "/anmelden/niveau?ziel=amt");
});

both!(sec_p03_case_codes_expire_and_cannot_be_guessed, async |world| {
    let mut olga = two_offices(&world).await;
    let (mut renate, code) = world.renate_with_code().await;
    assert_eq!(olga.opens("musterhausen", "").await.status, 422);
    for number in 0..9 {
        assert_eq!(olga.opens("musterhausen", &format!("QQQQQ-QQQQ{number}")).await.status, 422);
    }
    assert_eq!(olga.opens("musterhausen", &code).await.status, 303, "the tenth try, and right");
    for number in 0..10 {
        olga.opens("musterhausen", &format!("QQQQQ-QQQQ{number}")).await;
    }
    assert_eq!(olga.opens("musterhausen", &code).await.status, 429);
    world.pass(days(30));
    let mut peter = world.officer("peter@example.org", "musterhausen").await;
    let page = peter.opens("musterhausen", &code).await;
    assert!(page.status == 422 && page.body.contains("abgelaufen"), "{}", page.body);
    renate.sign_in(EMAIL, PASSWORD).await;
    assert!(renate.get("/identitaet/vor-ort/vorgang").await.body.contains("id=\"abgelaufen\""));
    world.pass(days(30) + Duration::from_secs(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("desk_case").await, 0);
});

both!(a_newer_code_voids_the_older_one, async |world| {
    let mut olga = two_offices(&world).await;
    let (mut renate, code) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &code).await;
    let next = renate.takes_code().await;
    assert_eq!(olga.get(&path).await.status, 404, "also what is open");
    assert_eq!(olga.opens("musterhausen", &code).await.status, 422);
    olga.opened("musterhausen", &next).await;
    assert!(!format!("{:?}", world.dump().await).contains(&next.replace('-', "")), "no code in the clear");
});

both!(sec_p01_one_end_of_a_case, async |world| {
    let mut olga = two_offices(&world).await;
    let (_, code) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &code).await;
    let node = world.second_node().await;
    let mut there = olga.at(node.running.address);
    let refuse = [("grund", "not_genuine")];
    let (confirmed, again, refused) = {
        let (mut one, mut other) = (olga.clone(), there.clone());
        let refusal = format!("{path}/ablehnen");
        tokio::join!(one.confirms(&path, &[]), other.confirms(&path, &[]), there.post(&refusal, &refuse))
    };
    let won = [&confirmed, &again, &refused].iter().filter(|answer| answer.status == 303).count();
    // Whoever comes too late is told so, or led to what has become of it.
    assert!(won >= 1, "{confirmed:?} {again:?} {refused:?}");
    let ends = world.texts("SELECT kind FROM audit_event WHERE kind IN ('desk.confirmed', 'desk.refused')").await;
    assert_eq!(ends.len(), 1, "{ends:?}");
    let is_confirmed = ends[0] == "desk.confirmed";
    let shown = world.texts("SELECT id FROM evidence WHERE source = 'registration_desk'").await;
    assert_eq!(shown.len(), usize::from(is_confirmed));
    assert_eq!(level(&world).await, if is_confirmed { "substantial" } else { "basic" });
});

both!(somebody_who_is_known_does_not_become_somebody_else, async |world| {
    let mut olga = two_offices(&world).await;
    let (mut renate, code) = world.renate_with_code().await;
    world.prove(EMAIL, Level::Low).await;
    let path = olga.opened("musterhausen", &code).await;
    let page = olga.compares(&path, &[("birth_year", "1960")]).await;
    assert!(page.body.contains("id=\"andere-person\"") && !page.body.contains("id=\"bestaetigen\""), "{}", page.body);
    assert_eq!(olga.confirms(&path, &[("birth_year", "1960")]).await.status, 403);
    assert_eq!(olga.confirms(&path, &[("family_name", "Neu"), ("given_names", "Petra")]).await.status, 403);
    // Data that changes meanwhile is looked at once more.
    let seen = olga.get(&path).await.hidden("stand");
    let version = renate.get("/profil/angaben").await.hidden("stand");
    let saved = renate.post("/profil/angaben", &[("stand", &version), ("nickname", "Reni")]).await;
    assert_eq!(saved.status, 303);
    olga.get(&path).await;
    let late = olga.confirms(&path, &[("stand", &seen)]).await;
    assert!(late.status == 422 && late.body.contains("id=\"stand\""), "{}", late.body);
    assert_eq!(level(&world).await, "low");
    assert_eq!(olga.confirms(&path, &[("family_name", "Neu")]).await.status, 303, "one name changes");
});

both!(whoever_leaves_takes_their_case_and_role_along, async |world| {
    let mut olga = two_offices(&world).await;
    let (mut renate, code) = world.renate_with_code().await;
    let account = world.account(EMAIL).await;
    renate.get("/daten/loeschen").await;
    let left = renate.post("/daten/loeschen", &[("current", PASSWORD), ("wann", "sofort")]).await;
    assert_eq!(left.status, 303, "{left:?}");
    assert_eq!(olga.opens("musterhausen", &code).await.status, 422);
    world.pass(Duration::from_secs(120));
    nutzerkonto::data::leaving::tend(&world.app).await.unwrap();
    assert_eq!(world.texts(&format!("SELECT id FROM desk_case WHERE account_id = '{account}'")).await.len(), 0);
});
