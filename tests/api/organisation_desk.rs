//! An organisation at a registration desk: from the code that somebody takes who represents it to the receipt.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::organisation::Record;
use nutzerkonto::organisation::evidence::{self, Source};
use nutzerkonto::organisation::record::LegalForm;

use crate::both;
use crate::support::World;
use crate::support::bureau::declaration;
use crate::support::organisation::{NADINE, bakery, club};

pub async fn level(world: &World) -> String {
    world.texts("SELECT level FROM organisation").await.remove(0)
}

both!(nadine_takes_a_code_to_the_desk_and_her_bakery_is_confirmed, async |world| {
    let (mut olga, mut nadine, id, code) = world.bakery_at_the_desk("").await;
    let mail = world.mail_about(NADINE, "Vorgangscode").await;
    assert!(mail.body.contains(&code) && mail.body.contains("Bäckerei Weber GmbH"), "{}", mail.body);
    let own = format!("/organisation/{id}/vor-ort");
    let page = nadine.get(&own).await.body;
    for words in ["Auszug aus dem Register", "Nicht älter als 3 Monate", "substanziell", "Bürgerbüro Musterhausen"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let page = nadine.get(&format!("/organisation/{id}")).await.body;
    assert!(page.contains("id=\"vor-ort\"") && page.contains("Vorgangscode fürs Bürgerbüro ansehen"), "{page}");

    let path = olga.has_opened(&code.to_lowercase().replace('-', " ")).await;
    let page = olga.get(&path).await.body;
    for words in [
        "Bäckerei Weber GmbH",
        "HRB 1234, Amtsgericht Mainz",
        "Nadine Weber, geboren am 12. Mai 1959",
        "Nötig ist: Auszug aus dem Register.",
        "Organisation bestätigen: substanziell",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let done = olga.confirms_extract(&path, &[]).await;
    assert_eq!(done.location(), format!("{path}/quittung"), "{done:?}");
    let receipt = olga.get(done.location()).await.body;
    assert!(receipt.contains("Bäckerei Weber GmbH") && receipt.contains("substanziell"), "{receipt}");

    assert_eq!(level(&world).await, "substantial");
    let kept = evidence::list(&mut world.app.read().await.unwrap(), &world.app.vault, &id).await.unwrap();
    let seen = kept[0].shown.seen.clone().unwrap();
    assert_eq!((kept.len(), kept[0].source, kept[0].by), (1, Source::RegistrationDesk, Level::Substantial));
    assert_eq!((seen.issued_on.as_str(), seen.office.as_str()), ("2026-11-02", "Bürgerbüro Musterhausen"));
    let mail = world.mail_about(NADINE, "ist nachgewiesen").await;
    assert!(mail.body.contains("Bürgerbüro Musterhausen hat diese Organisation geprüft"), "{}", mail.body);
    assert!(nadine.get(&own).await.body.contains("id=\"bestaetigt\""));
    let page = nadine.get(&format!("/organisation/{id}")).await.body;
    assert!(page.contains("Quelle: Bürgerbüro, mit einem Dokument, 23. November 2026"), "{page}");
    assert!(!page.contains("id=\"vor-ort\"") && !page.contains("id=\"brief\""), "nothing is left to do: {page}");
    assert_eq!(olga.opens_organisation("musterhausen", &code).await.status, 422, "once");

    let protocol = nadine.get(&format!("/organisation/{id}/protokoll")).await.body;
    for words in
        ["Organisation bestätigt", "Vorgang mit dem Vorgangscode geöffnet", "Vorgangscode für das Bürgerbüro geholt"]
    {
        assert!(protocol.contains(words), "{words}: {protocol}");
    }
    assert!(protocol.contains("Bürgerbüro Musterhausen") && !protocol.contains("Amtmann"), "{protocol}");
    let own = nadine.get("/daten/protokoll?art=aemter").await.body;
    assert!(own.contains("Den Vorgang von Bäckerei Weber GmbH geöffnet") && !own.contains("Amtmann"), "{own}");
    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains("2026-11-02") && !dump.contains(&code.replace('-', "")), "sealed");
});

both!(four_eyes_are_two_people_of_one_office_for_organisations, async |world| {
    let (mut olga, _, _, code) = world.bakery_at_the_desk("four_eyes = [\"always\"]").await;
    let path = olga.has_opened(&code).await;
    assert!(olga.get(&path).await.body.contains("id=\"vier-augen\""));
    assert_eq!(olga.confirms_extract(&path, &[]).await.location(), "/amt/organisation?erledigt=zweite");
    assert_eq!(level(&world).await, "basic", "one pair is not enough");
    let again = olga.has_opened(&code).await;
    assert!(olga.get(&again).await.body.contains("id=\"wartet\""));
    assert_eq!(olga.confirms_extract(&again, &[]).await.status, 409, "she cannot be her own second");
    olga.post(&format!("{again}/schliessen"), &[]).await;
    world
        .offices(&format!("{}{}", declaration("musterhausen", "four_eyes = [\"always\"]"), declaration("trier", "")))
        .await;
    let mut trude = world.officer("trude@example.org", "trier").await;
    let elsewhere = trude.opens_organisation("trier", &code).await;
    assert!(elsewhere.status == 422 && elsewhere.body.contains("aus demselben Amt"), "{}", elsewhere.body);
    let mut peter = world.officer("peter@example.org", "musterhausen").await;
    let path = peter.has_opened(&code).await;
    let page = peter.get(&path).await;
    assert!(page.body.contains("id=\"zweite\"") && page.body.contains("BÄCKEREI WEBER GMBH"), "{}", page.body);
    let done = peter.post(&path, &[("stand", &page.hidden("stand"))]).await;
    assert_eq!(done.location(), format!("{path}/quittung"), "{done:?}");
    assert_eq!(level(&world).await, "substantial");
    let detail = world.texts("SELECT detail FROM audit_event WHERE kind = 'organisation.desk_confirmed'").await;
    assert!(detail[0].contains(world.account("olga@example.org").await.as_str()), "both are in the trail: {detail:?}");
});

both!(an_officer_refuses_an_organisation_with_a_reason, async |world| {
    let (mut olga, mut nadine, id, code) = world.bakery_at_the_desk("").await;
    let path = olga.has_opened(&code).await;
    for (change, words) in [
        (("name", "Bäckerei Huber GmbH"), "ein anderer Name"),
        (("rechtsform", "ug"), "eine andere Rechtsform"),
        (("nummer", "1235"), "ein anderer Registereintrag"),
        (("registergericht", "Koblenz"), "ein anderer Registereintrag"),
        (("sitz", "Trier"), "ein anderer Sitz"),
    ] {
        let page = olga.confirms_extract(&path, &[change]).await;
        assert!(page.status == 422 && page.body.contains(words), "{words}: {}", page.body);
        assert!(page.body.contains("id=\"verschieden\""), "{}", page.body);
    }
    for (change, words) in [
        (("datum_monat", "7"), "Das Dokument ist zu alt"),
        (("datum_jahr", "2027"), "liegt in der Zukunft"),
        (("nennt", "nein"), "mit Nein geantwortet"),
        (("antragsteller", ""), "noch nicht geprüft"),
    ] {
        let page = olga.confirms_extract(&path, &[change]).await;
        assert!(page.status == 422 && page.body.contains(words), "{words}: {}", page.body);
    }
    let refuse = format!("{path}/ablehnen");
    assert_eq!(olga.get(&refuse).await.status, 200);
    assert_eq!(olga.post(&refuse, &[]).await.status, 422);
    assert_eq!(olga.post(&refuse, &[("grund", "other")]).await.status, 422, "another reason has to be told");
    let done = olga.post(&refuse, &[("grund", "other_seat"), ("notiz", "Sitz ist Trier.")]).await;
    assert_eq!(done.location(), "/amt/organisation?erledigt=abgelehnt", "{done:?}");
    assert!(!world.mail_about(NADINE, "nicht bestätigt").await.body.contains("Trier"));
    let page = nadine.get(&format!("/organisation/{id}/vor-ort")).await.body;
    assert!(page.contains("steht ein anderer Sitz") && page.contains("Sitz ist Trier."), "{page}");
    let protocol = nadine.get(&format!("/organisation/{id}/protokoll")).await.body;
    assert!(protocol.contains("Organisation nicht bestätigt. Auf dem Dokument steht ein anderer Sitz."), "{protocol}");
    assert!(!format!("{:?}", world.dump().await).contains("Sitz ist Trier"), "sealed");
    assert_eq!((level(&world).await.as_str(), world.rows("organisation_evidence").await), ("basic", 0));
    let next = nadine.takes_code_for(&id).await;
    assert!(next != code && olga.opens_organisation("musterhausen", &next).await.status == 303);
});

both!(what_stands_in_no_register_shows_something_else, async |world| {
    world.offices(&declaration("musterhausen", "")).await;
    let mut olga = world.officer("olga@example.org", "musterhausen").await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    let club = world.organisation(NADINE, &club("Kleingarten Mombach")).await;
    let code = nadine.takes_code_for(&club).await;
    let path = olga.has_opened(&code).await;
    let page = olga.get(&path).await.body;
    assert!(
        page.contains("Satzung und Protokoll der Vorstandswahl") && !page.contains("id=\"registergericht\""),
        "{page}"
    );
    let old = [("name", "Kleingarten Mombach"), ("rechtsform", "association"), ("datum_jahr", "2019")];
    let done = olga.confirms_extract(&path, &old).await;
    assert_eq!(done.status, 303, "statutes do not age: {done:?}");
    assert_eq!(level(&world).await, "low", "no authority has written them");

    // A freelancer has nothing that an office could look at.
    let record =
        Record { name: "Nadine Weber, Übersetzerin".to_owned(), form: LegalForm::Other, register: None, ..bakery("") };
    let other = world.organisation(NADINE, &record).await;
    let own = format!("/organisation/{other}/vor-ort");
    let page = nadine.get(&own).await.body;
    assert!(page.contains("id=\"kein-dokument\"") && !page.contains("id=\"weiter\""), "{page}");
    assert_eq!(nadine.post(&own, &[]).await.status, 409);
    assert!(!nadine.get(&format!("/organisation/{other}")).await.body.contains("id=\"vor-ort\""));
});

both!(exercises_with_organisations_write_nothing_down, async |world| {
    let (mut olga, ..) = world.bakery_at_the_desk("four_eyes = [\"always\"]").await;
    world.settle().await;
    let before = world.dump().await;
    let path = olga.has_opened("00000-00000").await;
    assert_eq!(path, "/amt/organisation/uebung");
    let typed = [
        ("name", "Mustermann Metallbau GmbH"),
        ("registergericht", "Musterhausen"),
        ("nummer", "4242"),
        ("sitz", "Musterhausen"),
    ];
    assert_eq!(olga.confirms_extract(&path, &typed[..3]).await.status, 422, "another seat");
    let done = olga.confirms_extract(&path, &typed).await;
    let receipt = olga.follow(done).await;
    assert!(receipt.body.contains("Übung.") && receipt.body.contains("Metallbau"), "{}", receipt.body);
    olga.get(&path).await;
    assert_eq!(olga.post(&format!("{path}/ablehnen"), &[("grund", "old")]).await.status, 303);
    olga.get(&path).await;
    olga.post(&format!("{path}/schliessen"), &[]).await;
    world.settle().await;
    assert_eq!(crate::support::inspect::difference(&before, &world.dump().await), Vec::<String>::new());
});
