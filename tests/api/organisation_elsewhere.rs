//! Organisations that are shown with an account that they have elsewhere.

use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::organisation::Record;
use nutzerkonto::organisation::record::LegalForm;
use serde_json::{Value, json};

use crate::both;
use crate::support::World;
use crate::support::browser::Answer;
use crate::support::organisation::{ENTRY, NADINE, NAME, PLACES, bakery, club};
use crate::support::upstream::{LOW, SUBSTANTIAL, bakery_there, gateway};

async fn level(world: &World) -> Vec<String> {
    world.texts("SELECT level FROM organisation ORDER BY id").await
}

/// Why nothing was shown, each time, by the alphabet: several events of a millisecond have no order.
async fn why(world: &World) -> Vec<String> {
    let details =
        world.texts("SELECT detail FROM audit_event WHERE kind = 'organisation.account_refused' ORDER BY id").await;
    let of = |text: String| serde_json::from_str::<Value>(&text).unwrap()["why"].as_str().unwrap().to_owned();
    let mut why: Vec<_> = details.into_iter().map(of).collect();
    why.sort();
    why
}

fn told(page: &Answer, heading: &str, sentences: &[&str]) {
    assert_eq!((page.status, page.heading()), (403, heading), "{}", page.body);
    for sentence in sentences {
        assert!(page.body.contains(sentence), "{sentence}: {}", page.body);
    }
}

both!(a_bakery_is_shown_with_the_account_that_it_has_elsewhere, async |mut world| {
    let muk = gateway(&mut world).await;
    world.company_register().await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let path = format!("/organisation/{id}");
    let page = nadine.get(&path).await.body;
    assert!(page.contains(&format!("id=\"nachweis\" href=\"{path}/nachweis\"")), "{page}");
    let page = nadine.get(&format!("{path}/nachweis")).await;
    for text in [
        "HRB 1234, Amtsgericht Mainz",
        "Weiter zu Land muk",
        "Wer die Organisation vertreten darf, weiß das andere Konto nicht",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let location = nadine.leaves_for(&muk, &id).await;
    let asked = url::Url::parse(&location).unwrap();
    let parameter = |name: &str| asked.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
    assert!(parameter("redirect_uri").ends_with("/organisation/rueckkehr/muk"), "{location}");
    assert_eq!(
        (parameter("scope"), parameter("acr_values")),
        ("openid organisation".to_owned(), SUBSTANTIAL.to_owned())
    );
    let rights = world.texts("SELECT kind || object || membership_id FROM membership_right ORDER BY kind").await;
    // Whatever the account there says of powers.
    let mut said = bakery_there();
    (said["vertretung"], said["role"]) = (json!("einzeln"), json!("representative"));
    let done = nadine.get(&muk.answers(&location, said)).await;
    assert_eq!(done.location(), format!("{path}?erledigt=konto"), "{}", done.body);
    let page = nadine.follow(done).await.body;
    assert!(
        page.contains("mit dem anderen Konto nachgewiesen") && page.contains("<b id=\"niveau\">substanziell</b>"),
        "{page}"
    );
    assert_eq!(
        page.matches("Quelle: Organisationskonto bei einem anderen Anbieter, 23. November 2026").count(),
        5,
        "{page}"
    );
    assert!(!page.contains("id=\"aufgaben\"") && !page.contains("id=\"nachweis\""), "nothing is left to do: {page}");
    assert_eq!(level(&world).await, ["substantial"]);
    assert_eq!(world.texts("SELECT kind || object || membership_id FROM membership_right ORDER BY kind").await, rights);
    let page = nadine.get(&format!("{path}/nachweis")).await.body;
    assert!(page.contains("Mit Land muk nachgewiesen am 23. November 2026"), "{page}");
    let protocol = nadine.get(&format!("{path}/protokoll")).await.body;
    assert!(protocol.contains("Nachweis eingetragen"), "{protocol}");
    let dump = format!("{:?}", world.dump().await);
    for text in ["du-4711", "ek-0815", "BÄCKEREI", "Bleiche"] {
        assert!(!dump.contains(text), "{text}: hashed and sealed");
    }
    // It can be repeated, and counts once.
    world.pass(std::time::Duration::from_secs(61));
    assert_eq!(nadine.shows(&muk, &id, bakery_there()).await.status, 303);
    assert_eq!(world.rows("organisation_evidence").await, 2);
    assert_eq!(world.rows("organisation_evidence WHERE void_at IS NULL").await, 1);
});

// Of what it says nothing is a power: whoever is named there as the managing director gets no right, and the clerk who has none
// here brings nothing.
both!(sec_t10_no_account_elsewhere_gives_a_right_to_represent, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let mut kurt = world.representative("kurt@example.org", ["Kurt", "Koch"]).await;
    let kurts = world.admits(&id, "kurt@example.org", &[("administration", "")]).await;
    let path = format!("/organisation/{id}/nachweis");
    assert_eq!(kurt.get(&path).await.status, 403);
    assert_eq!(kurt.post(&format!("{path}/muk"), &[]).await.status, 403);
    let mut emre = world.representative("emre@example.org", ["Emre", "Fremd"]).await;
    assert_eq!((emre.get(&path).await.status, emre.post(&format!("{path}/muk"), &[]).await.status), (404, 404));
    assert_eq!(nadine.shows(&muk, &id, bakery_there()).await.status, 303);
    assert_eq!(world.rights_of(&kurts).await, ["administration:"]);
    assert_eq!(kurt.get(&path).await.status, 403, "still");
    // Nadine loses the right while she is there.
    let location = nadine.leaves_for(&muk, &id).await;
    let nadines = world.membership(&id, NADINE).await;
    world
        .change(&format!("DELETE FROM membership_right WHERE membership_id = '{nadines}' AND kind = 'representation'"))
        .await;
    world.later();
    assert_eq!(nadine.get(&muk.answers(&location, bakery_there())).await.status, 403);
    assert_eq!(world.rows("organisation_evidence").await, 1);
});

/// What is said of the bakery, with a change.
fn said(change: fn(&mut Value)) -> Value {
    let mut said = bakery_there();
    change(&mut said);
    said
}

both!(what_the_account_says_otherwise_is_told, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let heading = "Land muk sagt etwas anderes";
    let all = said(|said| {
        (said["firmenname"], said["rechtsform"]["code"]) = (json!("Bäckerei Huber"), json!("270"));
        (said["anschrift"]["ort"], said["registernummer"]) = (json!("Trier"), json!("1235"));
    });
    let page = nadine.shows(&muk, &id, all).await;
    let expected = [
        "Name: Bäckerei Huber",
        "Rechtsform: Gesellschaft bürgerlichen Rechts",
        "Sitz: Trier",
        "Eintrag im Register: HRB 1235 Mainz",
    ];
    told(&page, heading, &expected);
    assert!(page.body.contains(&format!("href=\"/organisation/{id}/daten\"")), "{}", page.body);
    told(
        &nadine.shows(&muk, &id, said(|said| said["rechtsform"]["code"] = json!("999"))).await,
        heading,
        &["Rechtsform: "],
    );
    told(
        &nadine.shows(&muk, &id, said(|said| said["registergericht"] = json!("Trier"))).await,
        heading,
        &["HRB 1234 Trier"],
    );
    let nowhere =
        world.organisation(NADINE, &Record { name: NAME[0].1.to_owned(), form: LegalForm::Gmbh, ..club("") }).await;
    told(&nadine.shows(&muk, &nowhere, bakery_there()).await, heading, &["Eintrag im Register: HRB 1234 Mainz"]);
    assert_eq!((world.rows("organisation_evidence").await, why(&world).await), (0, vec!["differs".to_owned(); 4]));
    let protocol = nadine.get(&format!("/organisation/{id}/protokoll")).await.body;
    assert!(protocol.contains("Organisationskonto bei einem anderen Anbieter: nichts nachgewiesen"), "{protocol}");
});

both!(what_is_missing_or_said_by_somebody_else_shows_nothing, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    // What is missing, or not to be read.
    let changes: [fn(&mut Value); 5] = [
        |said| said["firmenname"] = Value::Null,
        |said| said["firmenname"] = json!("<script>alert(1)</script>"),
        |said| said["rechtsform"] = Value::Null,
        |said| said["pseudonym"] = json!(""),
        |said| said["birthdate"] = Value::Null,
    ];
    for change in changes {
        told(&nadine.shows_again(&world, &muk, (&id, said(change))).await, "Land muk sagt nicht genug", &[]);
    }
    // Who acts there is not who asks here, whatever is said of the organisation.
    let changes: [fn(&mut Value); 3] = [
        |said| said["given_name"] = json!("Nora"),
        |said| said["family_name"] = json!("Webers"),
        |said| said["birthdate"] = json!("1959-05-13"),
    ];
    for change in changes {
        let page = nadine.shows_again(&world, &muk, (&id, said(change))).await;
        told(&page, "Dort hat sich jemand anderes angemeldet", &["Land muk nennt eine andere Person"]);
    }
    assert_eq!((world.rows("organisation_evidence").await, level(&world).await), (0, vec!["basic".to_owned()]));
    let why = why(&world).await;
    let why: Vec<_> = why.iter().map(String::as_str).collect();
    assert_eq!(why, [["incomplete"; 5].as_slice(), &["other_person"; 3]].concat());
});

both!(an_account_that_does_not_say_the_entry_shows_less, async |mut world| {
    let muk = gateway(&mut world).await;
    world.company_register().await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let path = format!("/organisation/{id}");
    let without = || {
        let mut said = bakery_there();
        (said["registerart"], said["registergericht"], said["registernummer"]) = (json!(""), Value::Null, json!(" "));
        said
    };
    assert_eq!(nadine.shows(&muk, &id, without()).await.status, 303);
    assert_eq!(level(&world).await, ["low"]);
    let page = nadine.get(&path).await.body;
    assert_eq!(page.matches("Quelle: Organisationskonto").count(), 4, "not the entry: {page}");
    assert!(page.contains("id=\"abgleichen\"") && page.contains("id=\"nachweis\""), "{page}");
    // The register says it.
    nadine.get(&format!("{path}/register")).await;
    assert_eq!(nadine.post(&format!("{path}/register"), &[]).await.status, 303);
    assert_eq!(level(&world).await, ["substantial"]);
    // Where there is none, none is missing.
    let form = Record { name: "Hofladen Weber".to_owned(), form: LegalForm::Gbr, ..club("") };
    let farm = world.organisation(NADINE, &form).await;
    let mut said = without();
    (said["firmenname"], said["rechtsform"]["code"], said["pseudonym"]) =
        (json!("Hofladen Weber"), json!("270"), json!("du-4712"));
    assert_eq!(nadine.shows(&muk, &farm, said).await.status, 303);
    assert_eq!(level(&world).await, ["substantial"; 2]);
});

both!(an_organisation_is_no_better_known_than_the_account_says, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let at = |acr: &str| {
        let mut said = bakery_there();
        said["acr"] = json!(acr);
        said
    };
    for nothing in ["", "http://eidas.europa.eu/LoA/high"] {
        told(&nadine.shows(&muk, &id, at(nothing)).await, "Land muk kennt die Organisation nicht gut genug", &[]);
    }
    assert_eq!(level(&world).await, ["basic"]);
    assert_eq!(nadine.shows(&muk, &id, at(LOW)).await.status, 303);
    assert_eq!(level(&world).await, ["low"]);
    assert_eq!(nadine.shows(&muk, &id, bakery_there()).await.status, 303);
    assert_eq!(level(&world).await, ["substantial"]);
    told(&nadine.shows(&muk, &id, at(LOW)).await, "Das ist schon besser nachgewiesen", &[]);
    assert_eq!(level(&world).await, ["substantial"], "nothing is taken away");
    assert_eq!(why(&world).await, ["not_more", "too_weak", "too_weak"]);
});

/// Changes the name of an organisation, seen and confirmed.
async fn renames(browser: &mut crate::support::Browser, id: &OrganisationId, name: &'static str) {
    let path = format!("/organisation/{id}/daten");
    let seen = browser.get(&path).await.hidden("stand");
    let mut fields = [NAME.as_slice(), &ENTRY, &PLACES, &[("stand", seen.as_str()), ("bestaetigt", "ja")]].concat();
    fields[0].1 = name;
    assert_eq!(browser.post(&path, &fields).await.status, 303);
}

both!(another_name_voids_what_the_account_has_shown, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    // Meanwhile, and afterwards.
    let location = nadine.leaves_for(&muk, &id).await;
    renames(&mut nadine, &id, "Bäckerei Huber GmbH").await;
    told(
        &nadine.get(&muk.answers(&location, bakery_there())).await,
        "Land muk sagt etwas anderes",
        &["Name: BÄCKEREI WEBER GMBH"],
    );
    renames(&mut nadine, &id, "Bäckerei Weber GmbH").await;
    assert_eq!(nadine.shows(&muk, &id, bakery_there()).await.status, 303);
    assert_eq!(level(&world).await, ["substantial"]);
    renames(&mut nadine, &id, "Bäckerei Huber GmbH").await;
    assert_eq!(level(&world).await, ["basic"]);
    assert_eq!(world.rows("organisation_evidence WHERE void_at IS NULL").await, 0);
    // Then it counts for nobody, and may be shown for whoever it is about.
    let other = world.organisation(NADINE, &Record { register: None, form: LegalForm::Gbr, ..bakery("") }).await;
    let mut said = bakery_there();
    (said["rechtsform"]["code"], said["registerart"], said["registergericht"], said["registernummer"]) =
        (json!("270"), json!(""), json!(""), json!(""));
    assert_eq!(nadine.shows(&muk, &other, said).await.status, 303);
});
