//! The registration desk: from the code that somebody takes to the receipt that they get.

use std::time::Duration;

use nutzerkonto::account::evidence;
use nutzerkonto::kernel::level::Level;

use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::support::bureau::declaration;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const OLGA: &str = "olga@example.org";
const PETER: &str = "peter@example.org";

async fn office(world: &World, extra: &str) -> Browser {
    world.offices(&declaration("musterhausen", extra)).await;
    world.officer(OLGA, "musterhausen").await
}

async fn identity(world: &World) -> (Level, String) {
    let account = world.account(EMAIL).await;
    let known =
        nutzerkonto::account::load(&mut world.app.read().await.unwrap(), &world.app.vault, &account).await.unwrap();
    (known.identity_level(), known.full_name())
}

both!(renate_takes_a_code_to_the_desk_and_is_confirmed, async |world| {
    let mut olga = office(&world, "").await;
    let (mut renate, code) = world.renate_with_code().await;
    let mail = world.mail_about(EMAIL, "Vorgangscode").await;
    assert!(mail.body.contains(&code), "{}", mail.body);
    let offices = renate.get("/identitaet/vor-ort?ort=551").await;
    assert!(
        offices.body.contains("Bürgerbüro Musterhausen") && offices.body.contains("Ohne Stufen"),
        "{}",
        offices.body
    );
    assert!(renate.get("/identitaet/vor-ort?ort=Trier").await.body.contains("id=\"keine\""));

    let path = olga.opened("musterhausen", &code.to_lowercase().replace('-', " ")).await;
    let page = olga.get(&path).await;
    assert!(!page.body.contains("Renate") && !page.body.contains("1959"), "typed without looking: {}", page.body);
    let page = olga.compares(&path, &[("birth_place", "Mainz")]).await;
    for words in ["Nur anders geschrieben", "Steht noch nicht im Konto", "Das wird bestätigt: substanziell", EMAIL] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let done = olga.confirms(&path, &[("birth_place", "Mainz")]).await;
    assert_eq!(done.location(), format!("{path}/quittung"), "{done:?}");
    let receipt = olga.get(done.location()).await;
    assert!(receipt.body.contains("Renate Muster") && receipt.body.contains("substanziell"), "{}", receipt.body);

    assert_eq!(identity(&world).await, (Level::Substantial, "Renate Muster".to_owned()), "her own spelling");
    let mail = world.mail_about(EMAIL, "bestätigt").await;
    assert!(mail.body.contains("Bürgerbüro Musterhausen"), "{}", mail.body);
    let account = world.account(EMAIL).await;
    let kept = evidence::list(&mut world.app.read().await.unwrap(), &world.app.vault, &account).await.unwrap();
    assert_eq!(kept[0].record.checked_by.as_deref(), Some("Bürgerbüro Musterhausen"));
    let standing = renate.get("/identitaet/vor-ort/vorgang").await;
    assert!(standing.body.contains("id=\"bestaetigt\""), "{}", standing.body);
    let own = renate.get("/identitaet").await.body;
    for words in ["Bürgerbüro Musterhausen", "Gültig bis 1. August 2031", "id=\"vor-ort\"", "etwa 5 Minuten"] {
        assert!(own.contains(words), "{words}: {own}");
    }
    assert_eq!(olga.opens("musterhausen", &code).await.status, 422, "once");
});

both!(sec_w03_each_look_is_in_the_protocol_and_names_the_office, async |world| {
    let mut olga = office(&world, "").await;
    let (mut renate, code) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &code).await;
    olga.get(&path).await;
    olga.post(&format!("{path}/schliessen"), &[]).await;
    assert_eq!(olga.get(&path).await.status, 404, "closed");
    let again = olga.opened("musterhausen", &code).await;
    assert_eq!(again, path);
    let protocol = renate.get("/daten/protokoll?art=aemter").await.body;
    assert_eq!(protocol.matches("Ihren Vorgang mit dem Vorgangscode geöffnet").count(), 2, "{protocol}");
    assert!(protocol.contains("Bürgerbüro Musterhausen") && !protocol.contains("Olga") && !protocol.contains("olga"));
    assert!(!renate.get("/daten/protokoll").await.body.contains("Amtmann"));
    for _ in 0..2 {
        world.pass(Duration::from_secs(15 * 60));
        assert_eq!(olga.get("/amt").await.status, 200, "she goes on working");
    }
    assert_eq!(olga.get(&path).await.status, 404, "half an hour later");
});

both!(a_difference_is_told_and_wants_consent, async |world| {
    let mut olga = office(&world, "").await;
    let (_, code) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &code).await;
    let married = [("family_name", "Neu")];
    let page = olga.compares(&path, &married).await;
    assert!(page.body.contains("Im Konto: Muster") && page.body.contains("Auf dem Dokument: Neu"), "{}", page.body);
    let refused = olga.confirms(&path, &[("family_name", "Neu"), ("einverstanden", "")]).await;
    assert!(refused.status == 422 && refused.body.contains("id=\"einverstanden-e\""), "{}", refused.body);
    let refused = olga.confirms(&path, &[("family_name", "Neu"), ("adresse_stimmt", "")]).await;
    assert!(refused.status == 422 && refused.body.contains("id=\"adresse_stimmt-e\""), "{}", refused.body);
    assert_eq!(identity(&world).await.0, Level::Basic);
    assert_eq!(olga.confirms(&path, &married).await.status, 303);
    assert_eq!(identity(&world).await, (Level::Substantial, "Renate Neu".to_owned()));
});

both!(sec_r03_no_more_than_the_strongest_means, async |world| {
    let mut olga = office(&world, "").await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let code = renate.takes_code().await;
    let page = renate.get("/identitaet/vor-ort/vorgang").await;
    assert!(page.body.contains("id=\"zu-schwach\"") && page.body.contains("/sicherheit/passkeys/neu"), "{}", page.body);
    let path = olga.opened("musterhausen", &code).await;
    let page = olga.compares(&path, &[]).await;
    assert!(
        page.body.contains("id=\"begrenzt\"") && page.body.contains("Das wird bestätigt: niedrig"),
        "{}",
        page.body
    );
    olga.confirms(&path, &[]).await;
    assert_eq!(identity(&world).await.0, Level::Low);
});

both!(four_eyes_are_two_people_of_one_office, async |mut world| {
    let mut olga = office(&world, "four_eyes = [\"always\"]").await;
    let (_, code) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &code).await;
    assert!(olga.compares(&path, &[]).await.body.contains("id=\"vier-augen\""));
    assert_eq!(olga.confirms(&path, &[]).await.location(), "/amt?erledigt=zweite");
    assert_eq!(identity(&world).await.0, Level::Basic, "one pair is not enough");
    // She cannot be her own second.
    let again = olga.opened("musterhausen", &code).await;
    assert!(olga.get(&again).await.body.contains("id=\"wartet\""));
    let page = olga.get("/amt").await;
    assert_eq!(page.status, 200);
    assert_eq!(olga.confirms(&again, &[]).await.status, 409);
    olga.post(&format!("{again}/schliessen"), &[]).await;

    world.restart(|_| {}).await;
    // Nor somebody of another office.
    world
        .offices(&format!("{}{}", declaration("musterhausen", "four_eyes = [\"always\"]"), declaration("trier", "")))
        .await;
    let mut trude = world.officer("trude@example.org", "trier").await;
    let elsewhere = trude.opens("trier", &code).await;
    assert!(elsewhere.status == 422 && elsewhere.body.contains("aus demselben Amt"), "{}", elsewhere.body);
    let mut peter = world.officer(PETER, "musterhausen").await;
    let path = peter.opened("musterhausen", &code).await;
    let page = peter.get(&path).await;
    assert!(page.body.contains("id=\"zweite\"") && page.body.contains("RENATE"), "{}", page.body);
    let done = peter.post(&format!("{path}/bestaetigen"), &[("adresse_stimmt", "ja")]).await;
    assert_eq!(done.location(), format!("{path}/quittung"), "{done:?}");
    assert_eq!(identity(&world).await.0, Level::Substantial);
    let detail = world.texts("SELECT detail FROM audit_event WHERE kind = 'desk.confirmed'").await;
    assert!(detail[0].contains(world.account(OLGA).await.as_str()), "both are in the trail: {detail:?}");
    let checked = world.texts("SELECT id FROM audit_event WHERE kind = 'desk.checked'").await;
    assert_eq!(checked.len(), 1, "and Renate reads that somebody has looked");
});

both!(a_first_check_waits_an_hour, async |world| {
    let mut olga = office(&world, "four_eyes = [\"always\"]").await;
    let (_, code) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &code).await;
    olga.confirms(&path, &[]).await;
    world.pass(Duration::from_secs(60 * 60));
    let mut peter = world.officer(PETER, "musterhausen").await;
    let path = peter.opened("musterhausen", &code).await;
    assert!(!peter.get(&path).await.body.contains("id=\"zweite\""), "he begins anew");
});

both!(an_officer_refuses_with_a_reason_that_renate_reads, async |world| {
    let mut olga = office(&world, "").await;
    let (mut renate, code) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &code).await;
    let page = olga.compares(&path, &[("person", "nein")]).await;
    assert!(page.status == 422 && page.body.contains("mit Nein geantwortet"), "{}", page.body);
    let refuse = format!("{path}/ablehnen");
    assert_eq!(olga.get(&refuse).await.status, 200);
    assert_eq!(olga.post(&refuse, &[]).await.status, 422);
    assert_eq!(olga.post(&refuse, &[("grund", "other")]).await.status, 422, "another reason has to be told");
    assert_eq!(olga.post(&refuse, &[("grund", "other"), ("notiz", &"x".repeat(301))]).await.status, 422);
    let done = olga.post(&refuse, &[("grund", "other_person"), ("notiz", "Foto ist zu alt.")]).await;
    assert_eq!(done.location(), "/amt?erledigt=abgelehnt", "{done:?}");
    let mail = world.mail_about(EMAIL, "nicht bestätigt").await;
    assert!(!mail.body.contains("Foto"), "{}", mail.body);
    let page = renate.get("/identitaet/vor-ort/vorgang").await.body;
    assert!(page.contains("nicht die auf dem Foto") && page.contains("Foto ist zu alt."), "{page}");
    assert!(
        renate.get("/daten/protokoll").await.body.contains("Ihre Identität nicht bestätigt. Die Person ist nicht die")
    );
    assert!(renate.get("/daten/protokoll").await.body.contains("Vorgangscode für das Bürgerbüro geholt"));
    assert!(!format!("{:?}", world.dump().await).contains("Foto ist zu alt"), "sealed");
    let key = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &key).await;
    let copy: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    let case = &copy["desk_case"];
    assert_eq!((case["state"].as_str(), case["note"].as_str()), (Some("refused"), Some("Foto ist zu alt.")), "{copy}");
    assert_eq!(olga.opens("musterhausen", &code).await.status, 422);
    let next = renate.takes_code().await;
    assert!(next != code && olga.opens("musterhausen", &next).await.status == 303);
});

both!(exercises_write_nothing_down, async |world| {
    let mut olga = office(&world, "four_eyes = [\"always\"]").await;
    let page = olga.get("/amt/uebung").await.body;
    assert!(page.contains("00000-00000") && page.contains("MUSTERFRAU"), "{page}");
    world.settle().await;
    let before = world.dump().await;
    let path = olga.opened("musterhausen", "00000-00000").await;
    assert_eq!(path, "/amt/vorgang/uebung");
    let card = [
        ("given_names", "ERIKA"),
        ("family_name", "MUSTERFRAU"),
        ("birth_day", "12"),
        ("birth_month", "8"),
        ("birth_year", "1964"),
    ];
    let page = olga.compares(&path, &card).await;
    assert!(page.body.contains("Übung.") && page.body.contains("Im Konto: Mustermann"), "{}", page.body);
    let done = olga.confirms(&path, &card).await;
    let receipt = olga.follow(done).await;
    assert!(receipt.body.contains("Übung.") && receipt.body.contains("Erika"), "{}", receipt.body);
    olga.get(&path).await;
    olga.post(&format!("{path}/ablehnen"), &[("grund", "not_free")]).await;
    olga.get(&path).await;
    olga.post(&format!("{path}/schliessen"), &[]).await;
    world.settle().await;
    let after = world.dump().await;
    assert_eq!(crate::support::inspect::difference(&before, &after), Vec::<String>::new());
});

both!(officers_step_up_on_the_way_to_the_desk, async |world| {
    world.offices(&declaration("musterhausen", "")).await;
    let (_, mut key) = world.somebody(OLGA, ["Olga", "Amtmann"], Level::Substantial).await;
    world.role(OLGA, "musterhausen").await;
    let mut olga = world.browser();
    let asked = olga.get("/amt/uebung").await;
    assert_eq!(asked.location(), "/anmelden?ziel=amt");
    olga.get(asked.location()).await;
    let form = [("email", OLGA), ("password", crate::support::browser::PASSWORD)];
    let inside = olga.post("/anmelden?ziel=amt", &form).await;
    assert_eq!(inside.location(), "/amt");
    assert_eq!(olga.get("/amt").await.location(), "/anmelden/niveau?ziel=amt");
    let page = olga.get("/anmelden/niveau?ziel=amt").await;
    for words in [
        "Registrierungsstelle",
        "Vertrauensniveau substanziell",
        "id=\"mit-passkey\" href=\"/anmelden/passkey?ziel=amt\"",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("mit-passwort") && !page.body.contains("app-einrichten"), "{}", page.body);
    let back = olga.use_at("/anmelden/passkey?ziel=amt", &mut key).await;
    assert_eq!(back.location(), "/amt");
    assert_eq!(olga.get("/amt").await.status, 200);
    assert_eq!(olga.get("/anmelden/niveau?ziel=amt").await.location(), "/amt", "enough already");
    assert_eq!(world.browser().get("/anmelden/niveau?ziel=amt").await.location(), "/anmelden?ziel=amt");
    world.pass(Duration::from_secs(31 * 60));
    assert_eq!(olga.get("/amt").await.location(), "/anmelden/niveau?ziel=amt", "what has faded counts no more");
});
