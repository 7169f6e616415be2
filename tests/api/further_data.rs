//! What people state besides their name and birth date: telephone, address, and the rest of the standard claims.

use nutzerkonto::account::AttributeName;
use nutzerkonto::kernel::time::days;

use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

/// All that somebody may say about themselves.
pub const FURTHER: [(&str, &str); 14] = [
    ("phone_number", "+49 6543 21"),
    ("street_address", "Am Markt 1"),
    ("postal_code", "55116"),
    ("locality", "Mainz"),
    ("region", "Rheinland-Pfalz"),
    ("country", "DE"),
    ("middle_name", "Anna"),
    ("nickname", "Reni"),
    ("preferred_username", "renate"),
    ("gender", "female"),
    ("time_zone", "Europe/Berlin"),
    ("website", "https://renate.example/"),
    ("profile_page", "https://verein.example/renate"),
    ("picture", "https://renate.example/bild.jpg"),
];

const FORM: &str = "/profil/angaben";
const DONE: &str = "/profil?erledigt=1";
const CHANGES: &str = "SELECT detail FROM audit_event WHERE kind = 'account.attributes_changed' ORDER BY id";

/// Everything that can be stated, as it is typed.
const EVERYTHING: [(&str, &str); 14] = [
    ("phone_number", "(030) 12 34 56-78"),
    ("street_address", "Hauptstr. 5a\r\nHinterhaus"),
    ("postal_code", "10115"),
    ("locality", "Berlin"),
    ("region", "Berlin"),
    ("country", "DE"),
    ("middle_name", "Marie"),
    ("nickname", "Reni"),
    ("preferred_username", "reni_59"),
    ("gender", "diverse"),
    ("time_zone", "Europe/Berlin"),
    ("website", "https://renate.example"),
    ("profile_page", "https://renate.example/ueber-mich"),
    ("picture", "https://renate.example/ich.jpg"),
];

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// Opens the form, and sends it with these fields and the others as they were: empty.
async fn states(browser: &mut Browser, fields: &[(&str, &str)]) -> crate::support::browser::Answer {
    let seen = browser.get(FORM).await.hidden("stand");
    browser.post(FORM, &[fields, &[("stand", seen.as_str())]].concat()).await
}

fn without(fields: &[(&'static str, &'static str)], name: &str) -> Vec<(&'static str, &'static str)> {
    fields.iter().copied().filter(|(known, _)| *known != name).collect()
}

both!(renate_states_changes_and_removes, async |world| {
    let mut renate = renate(&world).await;
    assert!(renate.get("/profil").await.body.contains("id=\"angaben\" href=\"/profil/angaben\""));
    let done = states(&mut renate, &EVERYTHING).await;
    assert_eq!((done.status, done.location()), (303, DONE), "{}", done.body);
    let page = renate.follow(done).await.body;
    for words in [
        "Ihre Angaben sind gespeichert.",
        "+493012345678",
        "Hauptstr. 5a, Hinterhaus",
        "Deutschland",
        "divers",
        "Europe/Berlin",
        "https://renate.example/ich.jpg",
        "von Ihnen angegeben, 23. November 2026, Vertrauensniveau Basis",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    for (language, gender) in [("de", "divers"), ("en", "non-binary")] {
        renate.language = language;
        let form = renate.get(FORM).await.body;
        assert!(form.len() < 30 * 1024, "{} bytes", form.len());
        for part in
            ["value=\"DE\" selected", "value=\"Europe/Berlin\" selected", "Hauptstr. 5a\nHinterhaus</textarea>", gender]
        {
            assert!(form.contains(part), "{part}: {form}");
        }
    }
    renate.language = "de";
    // A day later she moves, and takes a number back.
    world.pass(days(1));
    renate.sign_in(EMAIL, crate::support::browser::PASSWORD).await;
    let mut moved = without(&EVERYTHING, "phone_number");
    moved.iter_mut().filter(|(name, _)| *name == "street_address").for_each(|(_, value)| *value = "Nebenweg 1");
    assert_eq!(states(&mut renate, &moved).await.location(), DONE);
    let page = renate.get("/profil").await.body;
    assert!(page.contains("Nebenweg 1") && !page.contains("Hinterhaus") && !page.contains("+4930"), "{page}");
    assert_eq!(page.matches("24. November 2026").count(), 1, "only what was changed has a new date: {page}");
    let changed = world.texts("SELECT name FROM attribute WHERE version = 3").await;
    assert_eq!(changed, ["street_address"]);
    // Saving what is there already changes nothing.
    assert_eq!(states(&mut renate, &moved).await.location(), DONE);
    let events = world.texts(CHANGES).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1], r#"{"set":["street_address"],"removed":["phone_number"]}"#);
    for (language, words) in [
        ("de", "Weitere Angaben geändert. Gespeichert: Straße und Hausnummer. Gelöscht: Telefonnummer."),
        ("en", "Further details changed. Saved: Street and house number. Deleted: Telephone number."),
    ] {
        renate.language = language;
        let protocol = renate.get("/daten/protokoll?art=aenderungen").await.body;
        assert!(protocol.contains(words), "{words}: {protocol}");
    }
    // And everything.
    assert_eq!(states(&mut renate, &[]).await.location(), DONE);
    assert_eq!(
        world.texts("SELECT name FROM attribute ORDER BY name").await,
        ["birth_date", "family_name", "given_names"]
    );
});

both!(sec_further_data_is_refused_at_its_field, async |world| {
    let mut renate = renate(&world).await;
    let long = "a".repeat(501);
    for (name, bad) in [
        ("phone_number", "12345"),
        ("phone_number", "+49 30 <b>1</b>23456"),
        ("street_address", "eins\nzwei\ndrei"),
        ("street_address", "\"><script>alert(1)</script>"),
        ("postal_code", "12345678901"),
        ("locality", "<img src=x>"),
        ("region", "{{7*7}}"),
        ("country", "XX"),
        ("country_code", "XX"),
        ("middle_name", "Marie\u{202e}"),
        ("nickname", "=1+1"),
        ("preferred_username", long.as_str()),
        ("gender", "Frau"),
        ("time_zone", "Mars/Olympus"),
        ("website", "javascript:alert(1)"),
        ("profile_page", "https://wer:was@renate.example/"),
        ("picture", "http://renate.example/ich.jpg"),
    ] {
        let page =
            states(&mut renate, &[(name, bad), ("middle_name", "Luise")][..1 + usize::from(name != "middle_name")])
                .await;
        assert_eq!(page.status, 422, "{name} {bad:?}");
        assert!(page.body.contains(&format!("id=\"{name}-e\"")), "{name}: {}", page.body);
        assert!(page.body.contains(&format!("href=\"#{name}\"")), "{name}");
        assert!(page.body.contains(&format!("id=\"{name}\"")), "{name}: the link leads somewhere");
        assert!(name == "middle_name" || page.body.contains("value=\"Luise\""), "nothing typed is lost");
        for hole in ["<script", "<img", "<b>1", "'49"] {
            assert!(!page.body.contains(hole), "{hole}");
        }
    }
    let german = states(&mut renate, &[("postal_code", "1011"), ("country", "DE")]).await;
    assert!(german.status == 422 && german.body.contains("Eine deutsche Postleitzahl hat 5 Ziffern"));
    assert_eq!(world.rows("attribute").await, 3);
    assert!(world.texts(CHANGES).await.is_empty());
});

both!(a_country_that_is_not_in_the_list_has_a_code, async |world| {
    let mut renate = renate(&world).await;
    assert_eq!(states(&mut renate, &[("country", "other"), ("country_code", "ke")]).await.location(), DONE);
    let form = renate.get(FORM).await.body;
    assert!(form.contains("value=\"other\" selected"), "{form}");
    assert!(form.contains("name=\"country_code\" type=\"text\" value=\"KE\""), "{form}");
    assert!(renate.get("/profil").await.body.contains("Kenia"));
});

both!(sec_who_a_person_is_does_not_change_by_saying_so, async |world| {
    let mut renate = renate(&world).await;
    let identity =
        [("given_names", "Angela"), ("family_name", "Beispiel"), ("birth_date", "1900-01-01"), ("nickname", "Reni")];
    assert_eq!(states(&mut renate, &identity).await.location(), DONE);
    let page = renate.get("/profil").await.body;
    assert!(
        page.contains("Renate") && page.contains("Reni") && !page.contains("Angela") && !page.contains("1900"),
        "{page}"
    );
    // Nor for anybody else, nor without our form.
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    assert!(!mallory.get(FORM).await.body.contains("Reni"));
    assert_eq!(world.browser().get(FORM).await.location(), "/anmelden");
    let forged = renate.post_exactly(FORM, &[("stand", "2"), ("nickname", "Nina")]).await;
    assert_eq!(forged.status, 403);
    assert!(renate.get("/profil").await.body.contains("Reni"));
});

// Two windows: what one saved the other does not overwrite unawares.
both!(an_older_window_is_told, async |world| {
    let mut renate = renate(&world).await;
    let seen = renate.get(FORM).await.hidden("stand");
    assert_eq!(states(&mut renate, &[("nickname", "Reni")]).await.location(), DONE);
    for stale in [seen.as_str(), "", "0", "-1", "99999999999999999999", "x"] {
        let page = renate.post(FORM, &[("stand", stale), ("gender", "female")]).await;
        assert_eq!(page.status, 422, "{stale}");
        assert!(
            page.body.contains("in einem anderen Fenster geändert") && page.body.contains("id=\"stand\""),
            "{}",
            page.body
        );
        assert!(
            page.body.contains("value=\"female\" autocomplete=\"sex\" checked"),
            "nothing typed is lost: {}",
            page.body
        );
        assert!(renate.get("/profil").await.body.contains("Reni"));
    }
    let page = renate.post(FORM, &[("stand", &seen), ("gender", "female")]).await;
    let again = renate.post(FORM, &[("stand", &page.hidden("stand")), ("gender", "female")]).await;
    assert_eq!(again.location(), DONE);
    let page = renate.get("/profil").await.body;
    assert!(page.contains("weiblich") && !page.contains("Reni"));
});

// Sixteen windows on two nodes save at once: one does, whole; the others are told.
both!(sec_of_two_that_save_at_once_one_does, async |world| {
    let mut renate = renate(&world).await;
    let node = world.second_node().await;
    for round in 1..=3 {
        let seen = renate.get(FORM).await.hidden("stand");
        let tries = (0..16).map(|number| {
            let mut browser = if number % 2 == 1 { renate.at(node.running.address) } else { renate.clone() };
            let (seen, name, url) = (seen.clone(), format!("n{round}-{number}"), format!("https://r.example/{number}"));
            async move {
                let fields =
                    [("stand", seen.as_str()), ("nickname", &name), ("preferred_username", &name), ("website", &url)];
                // Some remove what the round before has stated.
                browser.post(FORM, &fields[..if number % 4 == 0 { 3 } else { 4 }]).await.status
            }
        });
        let statuses = futures_util::future::join_all(tries).await;
        assert!(statuses.iter().all(|status| [303, 422].contains(status)), "{statuses:?}");
        let winners: Vec<usize> = (0..16).filter(|number| statuses[*number] == 303).collect();
        assert_eq!(winners.len(), 1, "{statuses:?}");
        // Seen at once, on whichever node.
        let page = renate.get(DONE).await.body;
        let name = format!("<dd>n{round}-{}<", winners[0]);
        assert_eq!(page.matches(&name).count(), 2, "whole: {page}");
        let web = page.matches("<dd>https://r.example/").count();
        assert_eq!(web, usize::from(!winners[0].is_multiple_of(4)), "{page}");
        assert_eq!(world.texts(CHANGES).await.len(), round);
        assert_eq!(world.rows("attribute").await, 5 + web as i64);
    }
    node.running.abort().await;
});

both!(further_data_is_in_the_copy_and_sealed_in_the_database, async |world| {
    let mut renate = renate(&world).await;
    assert_eq!(states(&mut renate, &EVERYTHING).await.location(), DONE);
    let key = asks(&mut renate).await;
    let (status, archive) = fetch(&renate, &key).await;
    assert_eq!(status, 200);
    let account: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&file(&archive, "konto.schema.json")).unwrap();
    let known = &schema["properties"]["attributes"]["items"]["properties"]["name"]["enum"];
    assert_eq!(*known, serde_json::to_value(AttributeName::ALL).unwrap(), "the schema knows every name");
    let attributes = account["attributes"].as_array().unwrap();
    assert_eq!(attributes.len(), AttributeName::further().count() + 3);
    let street = attributes.iter().find(|one| one["name"] == "street_address").unwrap();
    assert_eq!((&street["value"], &street["source"]), (&"Hauptstr. 5a\nHinterhaus".into(), &"self_asserted".into()));
    assert_eq!((&street["level"], &street["recorded_at"]), (&"basic".into(), &"2026-11-23T10:02:00+01:00".into()));
    assert!(file(&archive, "protokoll.csv").contains("Weitere Angaben geändert. Gespeichert: Telefonnummer, Straße"));
    // Names in the audit trail, values nowhere.
    let events = world.texts(CHANGES).await.concat();
    assert!(events.contains("phone_number"));
    let dump = format!("{:?}", world.dump().await);
    for value in ["493012345678", "Hauptstr", "reni_59", "renate.example", "Hinterhaus"] {
        assert!(!dump.contains(value) && !events.contains(value), "{value}");
    }
});
