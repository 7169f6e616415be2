//! Registering an organisation: by whom, what is asked, what is refused, and who else has it already.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::operator::Inquiry;
use nutzerkonto::operator::organisation as operator;
use nutzerkonto::organisation::State;
use nutzerkonto::organisation::claim::{Decided, Outcome};

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::organisation::{ENTRY, NADINE, NAME, PLACES, club, path};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const JONAS: &str = "jonas@example.org";

async fn nadine(world: &World) -> Browser {
    world.representative(NADINE, ["Nadine", "Weber"]).await
}

async fn jonas(world: &World) -> Browser {
    world.representative(JONAS, ["Jonas", "Emrich"]).await
}

both!(nadine_registers_her_bakery, async |mut world| {
    let mut nadine = nadine(&world).await;
    assert!(nadine.get("/konto").await.body.contains("href=\"/organisation\""));
    assert!(nadine.get("/organisation").await.body.contains("id=\"keine\""));
    let checked = nadine.describes(&NAME, &ENTRY, "de 136 695 976").await;
    for line in [
        "Bäckerei Weber GmbH",
        "Gesellschaft mit beschränkter Haftung",
        "HRB 1234, Amtsgericht Mainz",
        "Große Bleiche 7<br>55116 Mainz",
        "DE136695976-00001",
    ] {
        assert!(checked.body.contains(line), "{line}: {}", checked.body);
    }
    assert_eq!(world.rows("organisation").await, 0, "not before she says so");
    // Another process, and nothing is lost.
    world.restart(|_| {}).await;
    nadine.get("/organisation/neu/pruefen").await;
    let done = nadine.post("/organisation/neu/pruefen", &[]).await;
    let path = path(&done);
    let page = nadine.follow(done).await.body;
    assert!(
        page.contains("Bäckerei Weber GmbH ist angelegt.") && page.contains("<b id=\"niveau\">Basis</b>"),
        "{page}"
    );
    assert!(page.contains("Quelle: eigene Angabe, 23. November 2026"), "{page}");
    world.mail_about(NADINE, "Organisation ist angelegt").await;
    assert!(nadine.get("/organisation").await.body.contains(&format!("href=\"{path}\"")));
    assert_eq!(world.rows("organisation_draft").await, 0);
    let dump = format!("{:?}", world.dump().await);
    for secret in ["Weber", "Mainz", "136695976"] {
        assert!(!dump.contains(secret), "{secret} stands there in the open");
    }
    let rights = world.texts("SELECT kind FROM membership_right ORDER BY kind").await;
    assert_eq!(rights, ["administration", "representation"]);
    assert_eq!(
        world.texts("SELECT kind FROM audit_event WHERE kind LIKE 'organisation.%'").await,
        ["organisation.opened"]
    );
    assert_eq!(nadine.post("/organisation/neu/pruefen", &[]).await.status, 409, "sent twice, registered once");
    assert_eq!(world.rows("organisation").await, 1);
});

both!(a_step_can_be_taken_again_and_never_skipped, async |world| {
    let mut nadine = nadine(&world).await;
    for (later, due) in [("register", ""), ("anschrift", ""), ("nummer", ""), ("pruefen", "")] {
        let sent = nadine.get(&format!("/organisation/neu/{later}")).await;
        assert_eq!(sent.location(), format!("/organisation/neu{due}"), "{later}");
    }
    nadine.get("/organisation/neu").await;
    assert_eq!(nadine.post("/organisation/neu/anschrift", &PLACES).await.status, 409);
    assert_eq!(nadine.post("/organisation/neu/pruefen", &[]).await.status, 409);
    nadine.describes(&NAME, &ENTRY, "").await;
    let back = nadine.get("/organisation/neu/register").await.body;
    assert!(back.contains("value=\"1234\"") && back.contains("value=\"HRB\" selected"), "{back}");
    // Another form has another register; the address stays.
    nadine.post("/organisation/neu", &[("name", "Weber KG"), ("rechtsform", "kg")]).await;
    assert_eq!(nadine.get("/organisation/neu/pruefen").await.location(), "/organisation/neu/register");
    let next = nadine.post("/organisation/neu/register", &[("register", "HRA"), ENTRY[1], ("nummer", "7")]).await;
    assert_eq!(next.location(), "/organisation/neu/anschrift");
    assert!(nadine.get("/organisation/neu/anschrift").await.body.contains("Große Bleiche 7"));
    // What stands in no register is not asked for one.
    let next = nadine.post("/organisation/neu", &[("name", "Chor"), ("rechtsform", "association")]).await;
    assert_eq!(next.location(), "/organisation/neu/anschrift");
});

both!(every_refusal_stands_at_its_field, async |world| {
    let mut nadine = nadine(&world).await;
    nadine.get("/organisation/neu").await;
    let empty = nadine.post("/organisation/neu", &[]).await;
    assert!(empty.status == 422 && empty.body.contains("id=\"name-e\"") && empty.body.contains("id=\"rechtsform-e\""));
    nadine.post("/organisation/neu", &NAME).await;
    for (entry, field) in [
        ([("register", "keins"), ENTRY[1], ENTRY[2]], "register"),
        ([("register", "VR"), ENTRY[1], ENTRY[2]], "register"),
        ([ENTRY[0], ("registergericht", "<b>"), ENTRY[2]], "registergericht"),
        ([ENTRY[0], ENTRY[1], ("nummer", "zwölf")], "nummer"),
    ] {
        let refused = nadine.post("/organisation/neu/register", &entry).await;
        assert!(refused.status == 422 && refused.body.contains(&format!("id=\"{field}-e\"")), "{refused:?}");
    }
    nadine.post("/organisation/neu/register", &ENTRY).await;
    let refused = nadine.post("/organisation/neu/anschrift", &[PLACES[0], PLACES[1], ("plz", "5511"), PLACES[3]]).await;
    assert!(refused.status == 422 && refused.body.contains("id=\"plz-e\"") && refused.body.contains("value=\"5511\""));
    nadine.post("/organisation/neu/anschrift", &PLACES).await;
    let refused = nadine.post("/organisation/neu/nummer", &[("widnr", "DE136695977-00001")]).await;
    assert!(refused.status == 422 && refused.body.contains("id=\"widnr-e\""));
});

both!(sec_r02_only_who_is_known_registers_and_comes_back_to_the_page, async |world| {
    let mut nobody = world.browser();
    assert_eq!(nobody.get("/organisation/neu").await.location(), "/anmelden?ziel=/organisation/neu");
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    assert!(renate.get("/organisation").await.body.contains("id=\"niveau-fehlt\""));
    let sent = renate.get("/organisation/neu").await;
    assert_eq!(sent.location(), "/anmelden/niveau?ziel=/organisation/neu");
    let page = renate.follow(sent).await.body;
    assert!(page.contains("substanziell") && page.contains("Organisationen"), "{page}");
    assert_eq!(renate.post("/organisation/neu", &NAME).await.location(), "/anmelden/niveau?ziel=/organisation/neu");
    // Known, and signed in with a password alone.
    let (_, mut key) = world.somebody(NADINE, ["Nadine", "Weber"], Level::Substantial).await;
    let mut nadine = world.browser();
    nadine.sign_in(NADINE, PASSWORD).await;
    let sent = nadine.get("/organisation/neu").await;
    assert!(nadine.follow(sent).await.body.contains("href=\"/anmelden/passkey?ziel=/organisation/neu\""));
    let back = nadine.use_at("/anmelden/passkey?ziel=/organisation/neu", &mut key).await;
    assert_eq!(back.location(), "/organisation/neu", "{back:?}");
    assert_eq!(nadine.get("/organisation/neu").await.status, 200);
    assert_eq!(nadine.get("/anmelden/niveau?ziel=/organisation/neu").await.location(), "/organisation/neu");
});

both!(sec_t10_an_entry_belongs_to_one_account, async |world| {
    let (mut nadine, _) = world.nadine_with_bakery().await;
    let mut jonas = jonas(&world).await;
    // However he writes it.
    for (court, number) in [("AG Mainz", "HRB1234"), ("mainz", "0001234"), ("Amtsgericht Mainz", "1234")] {
        let entry = [ENTRY[0], ("registergericht", court), ("nummer", number)];
        let told = jonas.describes(&NAME, &entry, "").await;
        assert!(told.status == 409 && told.body.contains("Bitten Sie ihre Verwalterinnen"), "{told:?}");
    }
    // Nor does he get past it by going on.
    jonas.get("/organisation/neu/anschrift").await;
    jonas.post("/organisation/neu/anschrift", &PLACES).await;
    jonas.post("/organisation/neu/nummer", &[]).await;
    jonas.get("/organisation/neu/pruefen").await;
    assert_eq!(jonas.post("/organisation/neu/pruefen", &[]).await.status, 409);
    assert_eq!(world.rows("organisation").await, 1);
    // The same number elsewhere is another one, and so is the number for the economy.
    assert!(jonas.registers_bakery("1235").await.location().starts_with("/organisation/org_"));
    nadine.describes(&NAME, &[ENTRY[0], ENTRY[1], ("nummer", "9")], "DE136695976").await;
    assert_eq!(nadine.post("/organisation/neu/pruefen", &[]).await.status, 303);
    let other = [("register", "HRB"), ("registergericht", "Trier"), ("nummer", "1")];
    assert_eq!(jonas.describes(&NAME, &other, "DE136695976-00001").await.status, 409);
    // Whoever is not known well learns nothing.
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    assert_eq!(renate.post("/organisation/neu/register", &ENTRY).await.status, 303);
});

both!(sec_t10_of_two_who_register_one_entry_at_once_one_does, async |world| {
    let node = world.second_node().await;
    for round in 0..5 {
        let number = format!("{}", 100 + round);
        let (mut nadine, mut jonas) = if round == 0 {
            (nadine(&world).await, jonas(&world).await)
        } else {
            let people = [format!("a{round}@example.org"), format!("b{round}@example.org")];
            (
                world.representative(&people[0], ["Nadine", "Weber"]).await,
                world.representative(&people[1], ["Jonas", "Emrich"]).await,
            )
        };
        let entry = [ENTRY[0], ENTRY[1], ("nummer", number.as_str())];
        nadine.describes(&NAME, &entry, "").await;
        jonas.describes(&NAME, &entry, "").await;
        let mut there = jonas.at(node.running.address);
        let (one, other) =
            tokio::join!(nadine.post("/organisation/neu/pruefen", &[]), there.post("/organisation/neu/pruefen", &[]));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409], "{one:?} {other:?}");
        assert_eq!(world.rows("organisation").await, round + 1);
    }
});

both!(sec_t10_a_contested_claim_needs_four_eyes, async |world| {
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let mut jonas = jonas(&world).await;
    jonas.describes(&NAME, &ENTRY, "").await;
    jonas.get("/organisation/neu/anspruch").await;
    assert_eq!(jonas.post("/organisation/neu/anspruch", &[("begruendung", "kurz")]).await.status, 422);
    let why = [("begruendung", "Ich bin seit 2019 Geschäftsführer; der Registerauszug liegt bei.")];
    let sent = jonas.post("/organisation/neu/anspruch", &why).await;
    assert_eq!(sent.location(), "/organisation/neu/anspruch?erledigt=1");
    assert!(jonas.get(sent.location()).await.body.contains("id=\"eingegangen\""));
    assert_eq!(jonas.post("/organisation/neu/anspruch", &why).await.status, 422, "one at a time");
    let claims = operator::claims(&world.app).await.unwrap();
    assert_eq!((claims.len(), claims[0].statement.as_str()), (1, why[0].1));
    assert!(!format!("{:?}", world.dump().await).contains("Registerauszug"));
    let decide = async |operator: &str, outcome| {
        let by = Inquiry::new(operator, "Registerauszug und Ausweis verglichen").unwrap();
        operator::decide(&world.app, &by, &claims[0].id, outcome).await
    };
    assert_eq!(decide("k.muster", Outcome::Granted).await.unwrap(), Decided::Waits);
    assert!(decide("k.muster", Outcome::Granted).await.is_err(), "the same two eyes");
    assert_eq!(decide("b.beispiel", Outcome::Dismissed).await.unwrap(), Decided::Waits, "of another mind");
    assert_eq!(nadine.get("/organisation").await.body.matches("Aktiv").count(), 1, "nothing has happened");
    assert_eq!(decide("k.muster", Outcome::Granted).await.unwrap(), Decided::Waits);
    assert_eq!(decide("b.beispiel", Outcome::Granted).await.unwrap(), Decided::Done);
    assert!(decide("c.dritt", Outcome::Dismissed).await.is_err(), "it is decided");
    world.mail_about(JONAS, "Anspruch").await;
    world.mail_about(NADINE, "gesperrt").await;
    assert!(nadine.get(&format!("/organisation/{bakery}")).await.body.contains("id=\"gesperrt\""));
    assert!(jonas.registers_bakery("1234").await.location().starts_with("/organisation/org_"), "it is free for him");
});

both!(limits_on_registering, async |world| {
    let mut nadine = nadine(&world).await;
    for number in 0..10 {
        let club = [("name", format!("Verein {number}")), ("rechtsform", "association".to_owned())];
        let club: Vec<(&str, &str)> = club.iter().map(|(name, value)| (*name, value.as_str())).collect();
        nadine.post("/organisation/neu", &club).await;
        nadine.post("/organisation/neu/anschrift", &PLACES).await;
        nadine.post("/organisation/neu/nummer", &[]).await;
        assert_eq!(nadine.post("/organisation/neu/pruefen", &[]).await.status, 303, "{number}");
    }
    nadine.post("/organisation/neu", &[("name", "Verein"), ("rechtsform", "association")]).await;
    nadine.post("/organisation/neu/anschrift", &PLACES).await;
    nadine.post("/organisation/neu/nummer", &[]).await;
    assert_eq!(nadine.post("/organisation/neu/pruefen", &[]).await.status, 429, "ten a day");
    // Fifty for which nothing has been shown.
    let mut jonas = jonas(&world).await;
    for number in 0..50 {
        world.organisation(JONAS, &club(&format!("Chor {number}"))).await;
    }
    jonas.describes(&NAME, &ENTRY, "").await;
    let refused = jonas.post("/organisation/neu/pruefen", &[]).await;
    assert!(refused.status == 422 && refused.body.contains("50 Organisationen"), "{refused:?}");
    // Nor does anybody go through the register by asking.
    let mut last = 0;
    for number in 0..31 {
        let entry = [ENTRY[0], ENTRY[1], ("nummer", &*format!("{}", 5000 + number))];
        last = jonas.post("/organisation/neu/register", &entry).await.status;
    }
    assert_eq!(last, 429);
});

both!(sec_t01_an_organisation_is_not_there_for_others, async |world| {
    let (_, bakery) = world.nadine_with_bakery().await;
    let mut jonas = jonas(&world).await;
    for page in ["", "/register", "/brief", "/daten", "/schliessen", "/behalten"] {
        assert_eq!(jonas.get(&format!("/organisation/{bakery}{page}")).await.status, 404, "{page}");
    }
    jonas.get("/konto").await;
    for page in ["/register", "/brief", "/brief/code", "/daten", "/schliessen", "/behalten"] {
        assert_eq!(jonas.post(&format!("/organisation/{bakery}{page}"), &[]).await.status, 404, "{page}");
    }
});

both!(what_a_person_belongs_to_is_in_the_copy_of_their_data, async |world| {
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let key = crate::personal_data::asks(&mut nadine).await;
    let (_, archive) = crate::personal_data::fetch(&nadine, &key).await;
    let account: serde_json::Value = serde_json::from_str(&crate::personal_data::file(&archive, "konto.json")).unwrap();
    let one = &account["organisations"][0];
    assert_eq!((one["id"].as_str(), one["name"].as_str()), (Some(id.as_str()), Some("Bäckerei Weber GmbH")));
    assert_eq!(one["rights"][1]["right"], "representation");
    assert_eq!(account["organisation_claims"], serde_json::json!([]));
});

both!(a_draft_and_a_claim_go_with_their_account, async |world| {
    world.nadine_with_bakery().await;
    let mut jonas = jonas(&world).await;
    jonas.describes(&NAME, &ENTRY, "").await;
    jonas.get("/organisation/neu/anspruch").await;
    jonas.post("/organisation/neu/anspruch", &[("begruendung", "Ich bin der Geschäftsführer dieser Bäckerei.")]).await;
    assert_eq!((world.rows("organisation_draft").await, world.rows("organisation_claim").await), (1, 1));
    jonas.get("/daten/loeschen").await;
    jonas.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    world.pass(std::time::Duration::from_secs(61));
    nutzerkonto::data::leaving::tend(&world.app).await.unwrap();
    assert_eq!((world.rows("organisation_draft").await, world.rows("organisation_claim").await), (0, 0));
    assert!(operator::claims(&world.app).await.unwrap().is_empty());
});

both!(every_state_of_an_organisation_has_its_page, async |world| {
    let (mut nadine, id) = world.nadine_with_bakery().await;
    for (state, mark) in [
        (State::Active, "id=\"daten\""),
        (State::Blocked, "id=\"gesperrt\""),
        (State::Insolvent, "id=\"insolvent\""),
        (State::Closing, "id=\"behalten\""),
    ] {
        world.organisation_is(&id, state).await;
        let page = nadine.get(&format!("/organisation/{id}")).await.body;
        assert!(page.contains(mark), "{state:?}: {page}");
        assert_eq!(page.contains("id=\"schliessen\""), state == State::Active, "{state:?}");
    }
    world.organisation_is(&id, State::Closed).await;
    assert_eq!(nadine.get(&format!("/organisation/{id}")).await.status, 404);
    assert!(nadine.get("/organisation").await.body.contains("id=\"keine\""));
    // Its entry is free.
    assert!(nadine.registers_bakery("1234").await.location().starts_with("/organisation/org_"));
});
