//! Letters to organisations: the code that shows that post reaches them, and the one with which their management stops it all.

use std::time::Duration;

use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::kernel::time::days;
use nutzerkonto::organisation::letter::print;
use nutzerkonto::organisation::record::Address;
use nutzerkonto::store::retention;

use crate::both;
use crate::support::browser::Answer;
use crate::support::organisation::{NADINE, bakery, code, letters, path};
use crate::support::{Browser, World};

async fn orders(browser: &mut Browser, id: &OrganisationId) -> Answer {
    browser.get(&format!("/organisation/{id}/brief")).await;
    browser.post(&format!("/organisation/{id}/brief"), &[]).await
}

async fn types(browser: &mut Browser, id: &OrganisationId, code: &str) -> Answer {
    browser.get(&format!("/organisation/{id}/brief")).await;
    browser.post(&format!("/organisation/{id}/brief/code"), &[("code", code)]).await
}

async fn level(world: &World) -> Vec<String> {
    world.texts("SELECT level FROM organisation ORDER BY id").await
}

both!(nadine_proves_her_bakery, async |mut world| {
    let directory = world.mail_house().await;
    world.company_register().await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let path = format!("/organisation/{id}");
    let page = nadine.get(&path).await.body;
    assert!(page.contains("Noch 2 Schritte") && page.contains("id=\"brief\""), "{page}");
    assert_eq!(orders(&mut nadine, &id).await.location(), format!("{path}/brief?erledigt=bestellt"));
    let letter = letters(&directory, 1).await.remove(0);
    for words in ["Bäckerei Weber GmbH", "Große Bleiche 7", "55116 Mainz", "Der Code gilt bis 23. Dezember 2026."] {
        assert!(letter.contains(words), "{words}: {letter}");
    }
    let code = code(&letter, 10);
    assert!(!format!("{:?}", world.dump().await).contains(&code.replace('-', "")), "hashed");
    assert_eq!(types(&mut nadine, &id, "QQQQQ-QQQQQ").await.status, 422);
    world.restart(|_| {}).await;
    let done = types(&mut nadine, &id, &code.to_lowercase()).await;
    assert_eq!(done.location(), format!("{path}?erledigt=brief"), "{done:?}");
    assert_eq!(level(&world).await, ["low"]);
    assert_eq!(types(&mut nadine, &id, &code).await.status, 422, "once");
    nadine.get(&format!("{path}/register")).await;
    assert_eq!(nadine.post(&format!("{path}/register"), &[]).await.status, 303);
    assert_eq!(level(&world).await, ["substantial"]);
    let page = nadine.get(&path).await.body;
    assert!(page.contains("<b id=\"niveau\">substanziell</b>") && !page.contains("id=\"aufgaben\""), "{page}");
    assert!(page.contains("Quelle: Code aus einem Brief, 23. November 2026"), "{page}");
});

both!(sec_t10_a_letter_to_an_address_that_the_register_does_not_know_proves_little, async |mut world| {
    let directory = world.mail_house().await;
    world.company_register().await;
    let mut mallory = world.representative("mallory@example.org", ["Mallory", "Muster"]).await;
    let mut record = bakery("1234");
    record.business_address =
        Address { street: "Mallorys Weg 1".into(), postal_code: "55118".into(), locality: "Mainz".into() };
    let id = world.organisation("mallory@example.org", &record).await;
    orders(&mut mallory, &id).await;
    let code = code(&letters(&directory, 1).await[0], 10);
    types(&mut mallory, &id, &code).await;
    assert_eq!(level(&world).await, ["low"]);
    mallory.get(&format!("/organisation/{id}/register")).await;
    mallory.post(&format!("/organisation/{id}/register"), &[]).await;
    assert_eq!(level(&world).await, ["low"], "the register knows another address");
    // The management learns of it where the register says, and the next letter goes there, too.
    let management = letters(&directory, 2).await;
    assert!(management.iter().any(|letter| letter.contains("Geschäftsleitung") && letter.contains("Große Bleiche 7")));
    let page = mallory.get(&format!("/organisation/{id}/brief")).await.body;
    assert!(page.contains("Große Bleiche 7") && page.contains("Anschrift, die im Register steht"), "{page}");
    // A letter that was on its way elsewhere counts no more.
    let world_letters = world.rows("organisation_letter").await;
    assert_eq!(world_letters, 2);
});

both!(sec_p03_a_code_has_five_tries_and_thirty_days, async |mut world| {
    let directory = world.mail_house().await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    orders(&mut nadine, &id).await;
    let right = code(&letters(&directory, 1).await[0], 10);
    assert_eq!(orders(&mut nadine, &id).await.status, 422, "one at a time");
    for number in 0..5 {
        assert_eq!(types(&mut nadine, &id, &format!("QQQQQ-QQQQ{number}")).await.status, 422);
    }
    assert_eq!(types(&mut nadine, &id, &right).await.status, 422, "right, and too late");
    assert_eq!(level(&world).await, ["basic"]);
    // Whoever does not represent it orders nothing and types nothing.
    let mut other = world.representative("jonas@example.org", ["Jonas", "Fremd"]).await;
    other.get("/konto").await;
    assert_eq!(other.post(&format!("/organisation/{id}/brief/code"), &[("code", &right)]).await.status, 404);
});

both!(letters_are_few, async |mut world| {
    let without = world.representative("jonas@example.org", ["Jonas", "Fremd"]).await;
    let id = world.organisation("jonas@example.org", &bakery("7")).await;
    assert_eq!(without.clone().get(&format!("/organisation/{id}/brief")).await.status, 404, "no mail house");
    let directory = world.mail_house().await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    for round in 0..4 {
        let expected = if round < 3 { 303 } else { 422 };
        assert_eq!(orders(&mut nadine, &id).await.status, expected, "{round}");
        world.change("UPDATE organisation_letter SET state = 'void'").await;
    }
    world.settle().await;
    world.pass(days(120) + Duration::from_secs(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("organisation_letter").await, 0);
    print::tidy(&world.app).await.unwrap();
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "nor files");
});

both!(sec_p01_one_proof_from_one_letter, async |mut world| {
    let directory = world.mail_house().await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    nadine.get(&format!("/organisation/{id}/brief")).await;
    let node = world.second_node().await;
    let path = format!("/organisation/{id}/brief");
    let (mut one, mut other) = (nadine.clone(), nadine.at(node.running.address));
    let (first, second) = tokio::join!(one.post(&path, &[]), other.post(&path, &[]));
    let right = |first: &Answer, second: &Answer| [first, second].iter().filter(|one| one.status == 303).count();
    assert_eq!(right(&first, &second), 1, "{first:?} {second:?}");
    let code = code(&letters(&directory, 1).await[0], 10);
    let path = format!("{path}/code");
    let form = [("code", code.as_str())];
    let (first, second) = tokio::join!(one.post(&path, &form), other.post(&path, &form));
    assert_eq!(right(&first, &second), 1, "{first:?} {second:?}");
    assert_eq!(world.rows("organisation_evidence").await, 1);
});

both!(the_management_stops_what_nobody_has_agreed_to, async |mut world| {
    let directory = world.mail_house().await;
    let mut mallory = world.representative("mallory@example.org", ["Mallory", "Muster"]).await;
    let opened = mallory.registers_bakery("1234").await;
    let path = path(&opened);
    let letter = letters(&directory, 1).await.remove(0);
    for words in ["Geschäftsleitung", "Große Bleiche 7", "/organisation/widerruf", "Bäckerei Weber GmbH"] {
        assert!(letter.contains(words), "{words}: {letter}");
    }
    let code = code(&letter, 12);
    // Nobody has to sign in for it.
    let mut manager = world.browser();
    assert!(manager.get("/organisation/widerruf").await.body.contains("Ein Konto brauchen Sie dafür nicht."));
    for wrong in ["", "QQQQQQ-QQQQQQ", "x", &code[..8]] {
        assert_eq!(manager.post("/organisation/widerruf", &[("code", wrong)]).await.status, 422, "{wrong}");
    }
    let asked = manager.post("/organisation/widerruf", &[("code", &code.to_lowercase())]).await;
    assert!(asked.status == 200 && asked.body.contains("Bäckerei Weber GmbH"), "{asked:?}");
    assert_eq!(world.texts("SELECT state FROM organisation").await, ["active"], "looking changes nothing");
    let form = [("code", asked.hidden("code")), ("bestaetigen", "ja".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let done = manager.post("/organisation/widerruf", &form).await;
    assert_eq!(done.location(), "/organisation/widerruf?erledigt=1");
    assert!(manager.get(done.location()).await.body.contains("id=\"gesperrt\""));
    world.mail_about("mallory@example.org", "gesperrt").await;
    let page = mallory.get(&path).await.body;
    assert!(page.contains("id=\"gesperrt\"") && !page.contains("id=\"daten\""), "{page}");
    assert_eq!(mallory.post(&format!("{path}/brief"), &[]).await.status, 403, "nothing changes any more");
    assert_eq!(manager.post("/organisation/widerruf", &form).await.status, 422, "once");
});

both!(sec_p01_a_code_of_the_management_is_used_once_and_guessed_rarely, async |mut world| {
    let directory = world.mail_house().await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    let node = world.second_node().await;
    let mut one = world.browser();
    one.get("/organisation/widerruf").await;
    let mut other = one.at(node.running.address);
    let mut known = Vec::new();
    for round in 0..4 {
        nadine.registers_bakery(&format!("{}", 10 + round)).await;
        let codes = letters(&directory, round + 1).await;
        let codes: Vec<String> = codes.iter().map(|letter| code(letter, 12)).collect();
        let code = codes.iter().find(|code| !known.contains(*code)).unwrap().clone();
        let form = [("code", code.as_str()), ("bestaetigen", "ja")];
        let (first, second) =
            tokio::join!(one.post("/organisation/widerruf", &form), other.post("/organisation/widerruf", &form));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422], "{first:?} {second:?}");
        let blocked = "SELECT kind FROM audit_event WHERE kind = 'organisation.blocked'";
        assert_eq!(world.texts(blocked).await.len(), round + 1);
        known.push(code);
    }
    let mut last = 0;
    for _ in 0..110 {
        last = one.post("/organisation/widerruf", &[("code", "QQQQQQ-QQQQQQ")]).await.status;
    }
    assert_eq!(last, 429);
});

both!(a_code_of_the_management_ends_with_its_year, async |mut world| {
    let directory = world.mail_house().await;
    world.representative(NADINE, ["Nadine", "Weber"]).await.registers_bakery("1234").await;
    let code = code(&letters(&directory, 1).await[0], 12);
    let mut manager = world.browser();
    manager.get("/organisation/widerruf").await;
    world.pass(days(365) - Duration::from_millis(1));
    assert_eq!(manager.post("/organisation/widerruf", &[("code", &code)]).await.status, 200);
    world.pass(Duration::from_millis(1));
    assert_eq!(manager.post("/organisation/widerruf", &[("code", &code)]).await.status, 422);
});
