//! The Online-Ausweis through the door: who gets in with a card, what it makes of an account, and where it counts for nothing.

use std::time::{Duration, Instant};

use nutzerkonto::kernel::level::Level;
use reqwest::Method;
use serde_json::Value;

use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::support::browser::{Answer, PASSWORD};
use crate::support::eid::{Liar, Lie};
use crate::support::passkey::Key;
use crate::support::service::{claims, vorgang};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Reader, Service, World};
use nutzerkonto::kernel::time::minutes;
use nutzerkonto::store::retention;

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// Looks at what was read and agrees to it.
pub async fn agree(browser: &mut Browser, query: &str) -> Answer {
    let page = browser.get(&format!("/ausweis/pruefen{query}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let version = page.hidden("stand");
    browser.post(&format!("/ausweis/pruefen{query}"), &[("stand", &version), ("current", PASSWORD)]).await
}

/// Renate with her card.
pub async fn proven(world: &mut World) -> (Reader, Browser) {
    let reader = Reader::start(world).await;
    let mut renate = renate(world).await;
    let read = reader.read(&mut renate, "card:renate").await;
    assert_eq!(read.location(), "/ausweis/pruefen", "{}", read.body);
    assert_eq!(agree(&mut renate, "").await.location(), "/identitaet");
    (reader, renate)
}

async fn identity(world: &World) -> Vec<String> {
    world.texts("SELECT identity_level FROM account ORDER BY id").await
}

pub fn says(answer: &Answer, heading: &str) {
    assert_eq!((answer.status, answer.heading()), (403, heading), "{}", answer.body);
}

pub const OTHER_BROWSER: &str = "Hier geht es nicht weiter";

both!(a_card_proves_who_she_is_and_signs_her_in, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let mut renate = renate(&world).await;
    let mut elsewhere = world.browser();
    elsewhere.sign_in(EMAIL, PASSWORD).await;
    let page = reader.read(&mut renate, "card:renate").await;
    assert_eq!(page.location(), "/ausweis/pruefen");
    let page = renate.get("/ausweis/pruefen").await;
    for seen in ["MAINZ", "BEISPIEL", "12. Mai 1959", EMAIL, "id=\"karte\"", "id=\"andere\""] {
        assert!(page.body.contains(seen), "{seen}: {}", page.body);
    }
    assert!(page.body.contains("<dd>Renate</dd>") || !page.body.contains("Bisher: Renate"), "{}", page.body);
    assert_eq!(identity(&world).await, ["basic"], "nothing is recorded before she agrees");
    let before = renate.clone();
    assert_eq!(agree(&mut renate, "").await.location(), "/identitaet");
    assert_eq!(identity(&world).await, ["high"]);
    assert_eq!(elsewhere.get("/konto").await.status, 303, "whoever was there before has to sign in again");
    assert_eq!(before.without_cookies().get("/konto").await.status, 303);
    let page = renate.get("/identitaet").await;
    assert!(page.body.contains("aus dem Online-Ausweis gelesen"), "{}", page.body);
    assert!(page.body.contains("Gerade angemeldet: hoch"), "{}", page.body);
    let profile = renate.get("/profil").await.body;
    assert!(profile.contains("<dd>Renate") && !profile.contains("RENATE"), "her own spelling stays: {profile}");
    world.mail_about(EMAIL, "Ein Ausweis ist mit Ihrem Nutzerkonto verbunden").await;

    let (mut tablets, mut commits) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut tablet = world.browser();
        let before = world.app.db.commits();
        let arrived = reader.read(&mut tablet, "card:renate").await;
        commits.push(world.app.db.commits() - before);
        assert_eq!(arrived.location(), "/konto", "{}", arrived.body);
        assert!(tablet.is_signed_in());
        tablets.push(tablet);
    }
    assert!(commits.iter().min() <= Some(&3), "jobs commit now and then, but not each time: {commits:?}");
    let history = tablets[0].get("/sicherheit/verlauf").await.body;
    assert!(history.contains("Angemeldet mit Online-Ausweis") && history.contains("Online-Ausweis verbunden"));
    let dump = format!("{:?}", world.dump().await);
    for secret in ["BEISPIEL", "Musterstra", "MUSTERSTRASSE"] {
        assert!(!dump.contains(secret), "{secret}");
    }
});

// A card says who somebody is in one step: the service that wants high gets it, and the truth about it.
both!(a_service_that_wants_high_gets_it, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let parken = Service::new("parken");
    let level = "level = \"high\"\nlevel_reason = { de = \"Steuergeheimnis\", en = \"Tax secret\" }";
    world.clients(&parken.declaration(level)).await;
    let mut renate = renate(&world).await;
    let page = renate.visit(&parken.request(&[])).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    assert!(page.body.contains(&format!("id=\"mit-ausweis\" href=\"/ausweis{flow}\"")), "{}", page.body);
    let address = Reader::begin(&mut renate, &flow).await;
    let back = reader.choose(&address, "card:renate").await;
    let read = renate.get(&back).await;
    assert_eq!(read.location(), format!("/ausweis/pruefen{flow}"), "{}", read.body);
    let agreed = agree(&mut renate, &flow).await;
    assert_eq!(agreed.location(), format!("/weiter{flow}"), "{}", agreed.body);
    let consent = renate.follow(agreed).await;
    let answer = renate.post(&format!("/einwilligung{flow}"), &[("antwort", "ja")]).await;
    let answer = renate.follow(answer).await;
    let code = answer.parameter("code").unwrap_or_else(|| panic!("{} {}", consent.body, answer.body));
    let tokens = parken.redeem(&world, &code).await.json();
    let id_token: Value = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(id_token["acr"], Level::High.acr());
    let methods: Vec<&str> = id_token["amr"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(methods, ["sc", "pin", "mfa"]);

    // The next time a known card is a sign-in and nothing else.
    let mut tablet = world.browser();
    let page = tablet.visit(&parken.request(&[])).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    assert!(page.body.contains("id=\"ausweis\""), "{}", page.body);
    let address = Reader::begin(&mut tablet, &flow).await;
    let back = reader.choose(&address, "card:renate").await;
    let arrived = tablet.visit(&back).await;
    assert!(arrived.parameter("code").is_some(), "{}", arrived.body);
});

both!(sec_y10_a_card_counts_only_in_the_browser_that_began, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    renate.post("/abmelden", &[]).await;
    // An attacker begins, and lets her read her card: she comes back in her own browser, he has the cookie.
    let mut attacker = world.browser();
    let address = Reader::begin(&mut attacker, "").await;
    let back = reader.choose(&address, "card:renate").await;
    let mut victim = world.browser();
    says(&victim.get(&back).await, OTHER_BROWSER);
    assert!(!victim.is_signed_in());
    // Nor does she get in who has begun something of her own meanwhile.
    Reader::begin(&mut victim, "").await;
    says(&victim.get(&back).await, OTHER_BROWSER);
    let (secret, rest) = back.split_once("lauf=").unwrap();
    let (_, result) = rest.split_once('&').unwrap();
    says(&attacker.get(&format!("{secret}lauf={}&{result}", "A".repeat(43))).await, OTHER_BROWSER);
    says(&attacker.get(&format!("{secret}{result}")).await, OTHER_BROWSER);
    // Somebody else who is signed in by now is not whom it was begun for.
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Muster"]).await;
    let address = Reader::begin(&mut emre, "").await;
    let back = reader.choose(&address, "card:erika").await;
    emre.cookies.remove("nk_s");
    says(&emre.get(&back).await, OTHER_BROWSER);
    assert_eq!(identity(&world).await, ["high", "basic"]);
});

both!(every_end_is_explained_and_changes_nothing, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let mut renate = renate(&world).await;
    let before = world.texts("SELECT name || level FROM attribute ORDER BY name").await;
    for (choice, heading) in [
        ("cancelled", "Die AusweisApp hat abgebrochen"),
        ("wrong-pin", "Die AusweisApp hat abgebrochen"),
        ("timeout", "Die AusweisApp meldet einen Fehler"),
        ("no-channel", "Die Verbindung ist abgebrochen"),
        ("card:abgelaufen", "Ihr Ausweis ist abgelaufen"),
        ("card:gesperrt", "Ihr Ausweis ist gesperrt"),
        ("card:kind", "Den Online-Ausweis gibt es ab 16 Jahren"),
        ("card:smart-speicher", "Diese Art von Ausweis nehmen wir nicht an"),
        ("card:fremdes-dokument", "Diese Art von Ausweis nehmen wir nicht an"),
    ] {
        let answer = reader.read(&mut renate, choice).await;
        assert_eq!((answer.status, answer.heading()), (403, heading), "{choice}: {}", answer.body);
        assert_eq!(renate.get("/ausweis/pruefen").await.status, 410, "{choice}");
        world.pass(minutes(1));
    }
    assert_eq!(world.texts("SELECT name || level FROM attribute ORDER BY name").await, before);
    assert_eq!((world.rows("eid_card").await, world.rows("evidence").await), (0, 0));
    says(&reader.read(&mut world.browser(), "card:renate").await, "Mit dieser Karte ist noch kein Konto verbunden");
});

both!(people_of_all_kinds_have_cards, async |mut world| {
    let reader = Reader::start(&mut world).await;
    for (card, name, born) in [
        ("suharto", ["", "Suharto"], "3. November 1971"),
        ("ohne-tag", ["Amina", "Yusuf"], "Juni 1980"),
        ("nur-jahr", ["Karim", "Haddad"], "1975"),
        ("doktor", ["Hans-Günther", "von Drebenbusch-Dalgoßen"], "25. Januar 1946"),
        ("mai", ["Thị Mai", "Nguyễn-Müller"], "27. März 1987"),
        ("ohne-wohnung", ["Jürgen", "Beispiel"], "29. Februar 1968"),
        ("unionsbuergerin", ["Zofia", "Kowalska"], "4. Juli 1990"),
        ("smart", ["Erika", "Mustermann"], "12. August 1964"),
    ] {
        let mut person = world.browser();
        let email = format!("{card}@example.org");
        person.register(&world, &email, name).await;
        let read = reader.read(&mut person, &format!("card:{card}")).await;
        assert_eq!(read.location(), "/ausweis/pruefen", "{card}: {}", read.body);
        let page = person.get("/ausweis/pruefen").await.body;
        assert!(page.contains(born), "{card}: {page}");
        assert_eq!(agree(&mut person, "").await.location(), "/identitaet", "{card}");
        assert!(person.get("/profil").await.body.contains(name[1].split(' ').next().unwrap()), "{card}");
    }
});

both!(sec_s15_one_card_has_one_account, async |mut world| {
    let (reader, renate) = proven(&mut world).await;
    let mut twin = world.browser();
    twin.register(&world, "zwilling@example.org", ["Renate", "Muster"]).await;
    says(&reader.read(&mut twin, "card:renate").await, "Diese Karte gehört schon zu einem anderen Konto");
    // Two accounts that come with the same new card: one gets it.
    let mut other = world.browser();
    other.register(&world, "andere@example.org", ["Erika", "Mustermann"]).await;
    for browser in [&mut twin, &mut other] {
        let read = reader.read(browser, "card:erika").await;
        assert_eq!(read.location(), "/ausweis/pruefen", "{}", read.body);
    }
    let (one, two) = tokio::join!(agree(&mut twin, ""), agree(&mut other, ""));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403], "{} {}", one.body, two.body);
    assert_eq!(world.rows("eid_card").await, 2);
    let events = world.texts("SELECT detail FROM audit_event WHERE kind = 'eid_card.refused'").await;
    assert_eq!(events, ["{\"why\":\"other_account\"}"]);
    drop(renate);
});

both!(a_new_card_of_the_same_person_is_known_by_its_data, async |mut world| {
    let (reader, _) = proven(&mut world).await;
    says(&reader.read(&mut world.browser(), "card:renate-neu").await, "Mit dieser Karte ist noch kein Konto verbunden");
    world.pass(minutes(1));
    // She has the password alone, which is weaker than the card that she has no more; the new one says the same.
    let mut renate = world.browser();
    renate.sign_in(EMAIL, PASSWORD).await;
    let read = reader.read(&mut renate, "card:renate-neu").await;
    assert_eq!(read.location(), "/ausweis/pruefen", "{}", read.body);
    assert_eq!(agree(&mut renate, "").await.location(), "/identitaet");
    assert_eq!(world.rows("eid_card").await, 2);
    assert_eq!(reader.read(&mut world.browser(), "card:renate-neu").await.location(), "/konto");
    // The old one is taken off.
    let page = renate.get("/sicherheit/ausweise").await.body;
    let (_, rest) = page.split_once("id=\"entfernen-1\" href=\"").unwrap();
    let path = rest.split('"').next().unwrap().to_owned();
    renate.get(&path).await;
    assert_eq!(renate.post(&path, &[]).await.location(), "/sicherheit/ausweise?erledigt=entfernt");
    assert_eq!((world.rows("eid_card").await, identity(&world).await), (1, vec!["high".to_owned()]));
    says(&reader.read(&mut world.browser(), "card:renate").await, "Mit dieser Karte ist noch kein Konto verbunden");
});

both!(whose_account_it_is_does_not_change, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    says(&reader.read(&mut renate, "card:erika").await, "Auf dem Ausweis steht jemand anders");
    assert!(renate.get("/sicherheit/verlauf").await.body.contains("passte nicht zu diesem Konto"));
    assert_eq!(world.rows("eid_card").await, 1);
});

// Somebody with a stronger means signs in with that first, or a stolen password would be enough to make the account another's.
both!(a_weak_session_does_not_take_an_account_over, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let mut renate = renate(&world).await;
    let mut key = Key::new(&world);
    renate.add(&mut key, "Schlüssel").await;
    let mut thief = world.browser();
    thief.sign_in(EMAIL, PASSWORD).await;
    says(&reader.read(&mut thief, "card:erika").await, "Melden Sie sich zuerst stärker an");
    renate.sign_in_with(&mut key).await;
    let read = reader.read(&mut renate, "card:renate").await;
    assert_eq!(read.location(), "/ausweis/pruefen", "{}", read.body);
    // Time goes by: she gives the password once more.
    world.pass(minutes(6));
    let page = renate.get("/ausweis/pruefen").await;
    let version = page.hidden("stand");
    let wrong = renate.post("/ausweis/pruefen", &[("stand", &version), ("current", "falsch-falsch-falsch")]).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(identity(&world).await, ["basic"]);
    let right = renate.post("/ausweis/pruefen", &[("stand", &version), ("current", PASSWORD)]).await;
    assert_eq!(right.location(), "/identitaet", "{}", right.body);
});

both!(a_run_counts_once_and_for_ten_minutes, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    renate.post("/abmelden", &[]).await;
    let mut tablet = world.browser();
    let address = Reader::begin(&mut tablet, "").await;
    let back = reader.choose(&address, "card:renate").await;
    let copy = tablet.clone();
    assert_eq!(tablet.get(&back).await.location(), "/konto");
    let mut again = copy;
    says(&again.get(&back).await, OTHER_BROWSER);
    assert!(!again.is_signed_in());
    let mut late = world.browser();
    let address = Reader::begin(&mut late, "").await;
    let back = reader.choose(&address, "card:renate").await;
    world.pass(minutes(10));
    says(&late.get(&back).await, OTHER_BROWSER);
    // What was changed meanwhile was not compared.
    let mut renate = world.browser();
    renate.sign_in(EMAIL, PASSWORD).await;
    reader.read(&mut renate, "card:renate-neu").await;
    let version = renate.get("/ausweis/pruefen").await.hidden("stand");
    renate.get("/profil/angaben").await;
    let stand = renate.get("/profil/angaben").await.hidden("stand");
    renate.post("/profil/angaben", &[("stand", &stand), ("nickname", "Reni")]).await;
    renate.get("/ausweis/pruefen").await;
    let answer = renate.post("/ausweis/pruefen", &[("stand", &version), ("current", PASSWORD)]).await;
    assert_eq!(answer.status, 409, "{}", answer.body);
});

both!(a_run_survives_a_restart_and_another_node, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    renate.post("/abmelden", &[]).await;
    let mut tablet = world.browser();
    let address = Reader::begin(&mut tablet, "").await;
    world.restart(|_| {}).await;
    let back = reader.choose(&address, "card:renate").await;
    let node = world.second_node().await;
    let mut elsewhere = tablet.at(node.running.address);
    assert_eq!(elsewhere.get(&back).await.location(), "/konto");
    says(&tablet.get(&back).await, OTHER_BROWSER);
    node.running.abort().await;
});

both!(a_blocked_card_opens_nothing, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    let page = renate.get("/sicherheit/ausweise").await.body;
    let (_, rest) = page.split_once("id=\"sperren-1\" href=\"").unwrap();
    let path = rest.split('"').next().unwrap().to_owned();
    renate.get(&path).await;
    assert_eq!(renate.post(&path, &[]).await.location(), "/sicherheit/ausweise?erledigt=gesperrt");
    says(&reader.read(&mut world.browser(), "card:renate").await, "Sie haben diese Karte gesperrt");
    says(&reader.read(&mut renate, "card:renate").await, "Sie haben diese Karte gesperrt");
    assert_eq!(identity(&world).await, ["high"], "what was proven stays proven");
    let mail = world.mail_about(EMAIL, "Ein Online-Ausweis ist in Ihrem Nutzerkonto gesperrt").await.body;
    assert!(mail.contains("entfernen Sie sie unter") && !mail.contains("entsperrt"), "{mail}");
    let page = renate.get("/identitaet").await.body;
    assert!(page.contains("Mit einem anderen Online-Ausweis") && page.contains("Gesperrt seit"), "{page}");
    let parken = Service::new("parken");
    let level = "level = \"high\"\nlevel_reason = { de = \"Steuergeheimnis\", en = \"Tax secret\" }";
    world.clients(&parken.declaration(level)).await;
    let mut password = world.browser();
    password.sign_in(EMAIL, PASSWORD).await;
    let page = password.visit(&parken.request(&[])).await.body;
    assert!(page.contains("Mit einem anderen Online-Ausweis bestätigen"), "{page}");
    assert!(page.contains("Ihren Online-Ausweis haben Sie hier gesperrt"), "{page}");
    let remove = path.replace("/sicherheit/zugaenge/", "/sicherheit/ausweise/").replace("/sperren", "/entfernen");
    let mut weak = world.browser();
    weak.sign_in(EMAIL, PASSWORD).await;
    weak.get(&remove).await;
    assert_eq!(weak.post(&remove, &[]).await.status, 422, "a weaker sign-in does not remove it");
    renate.get(&remove).await;
    assert_eq!(renate.post(&remove, &[]).await.location(), "/sicherheit/ausweise?erledigt=entfernt");
    assert_eq!(identity(&world).await, ["low"], "nothing as strong is left");
});

// Both a run that has only begun and what was read and not agreed to: nothing of it waits for the clean-up.
both!(what_was_read_goes_with_the_account, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let mut renate = renate(&world).await;
    reader.read(&mut renate, "card:renate").await;
    let mut tablet = world.browser();
    tablet.sign_in(EMAIL, PASSWORD).await;
    Reader::begin(&mut tablet, "").await;
    let mut stranger = world.browser();
    Reader::begin(&mut stranger, "").await;
    assert_eq!(world.rows("eid_reading").await, 3);
    renate.get("/daten/loeschen").await;
    let left = renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert_eq!(left.location(), "/daten/geloescht", "{}", left.body);
    assert_eq!(world.rows("eid_reading").await, 1, "of the stranger, who is nobody yet");
    world.pass(minutes(10));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("eid_reading").await, 1, "its last moment");
    world.pass(Duration::from_millis(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("eid_reading").await, 0);
});

both!(without_an_eid_server_there_is_no_way_to_it, async |world| {
    let mut renate = renate(&world).await;
    for path in
        ["/ausweis", "/ausweis/oeffnen", "/ausweis/ohne-pin", "/ausweis/zurueck?lauf=x", "/ausweis/token?lauf=x"]
    {
        assert_eq!(renate.get(path).await.status, 404, "{path}");
    }
    assert!(!world.browser().get("/anmelden").await.body.contains("/ausweis"));
    assert!(!renate.get("/sicherheit").await.body.contains("/sicherheit/ausweise"));
});

/// The path of the TC token in the address of an eID-Client.
fn token_path(address: &str) -> String {
    let url = url::Url::parse(address).unwrap();
    let (_, token) = url.query_pairs().find(|(name, _)| name == "tcTokenURL").unwrap();
    let token = url::Url::parse(&token).unwrap();
    format!("{}?{}", token.path(), token.query().unwrap())
}

both!(the_tc_token_is_for_whoever_knows_its_address, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    renate.post("/abmelden", &[]).await;
    let mut tablet = world.browser();
    let address = Reader::begin(&mut tablet, "").await;
    let (path, mut client) = (token_path(&address), world.browser());
    let token = client.get(&path).await;
    assert_eq!((token.status, token.header("content-type")), (200, "text/xml; charset=utf-8"));
    assert_eq!(token.header("cache-control"), "no-store");
    assert!(token.body.starts_with("<?xml") || token.body.starts_with("<TCTokenType"), "{}", token.body);
    let node = world.second_node().await;
    assert_eq!(world.browser().at(node.running.address).get(&path).await.body, token.body, "on every node");
    node.running.abort().await;
    let (start, secret) = path.split_once("lauf=").unwrap();
    for other in ["", "lauf=", &format!("lauf={}", "A".repeat(43)), &format!("lauf={secret}&lauf={secret}")] {
        let answer = client.get(&format!("{start}{other}")).await;
        assert_eq!(answer.status, 404, "{other}: {}", answer.body);
    }
    let back = reader.choose(&address, "card:renate").await;
    assert!(!back.contains(secret), "what the browser knows is not what it comes back with");
    assert_eq!(tablet.get(&back).await.location(), "/konto");
    assert_eq!(client.get(&path).await.status, 404, "the run is over");
    let late = token_path(&Reader::begin(&mut world.browser(), "").await);
    world.pass(minutes(10));
    assert_eq!(client.get(&late).await.status, 404);
});

both!(sec_y06_who_begins_too_often_waits, async |mut world| {
    let _reader = Reader::start(&mut world).await;
    // The network's counter has the try that the browser's refuses, too.
    world.restart(|config| config.limits.attempts_per_network = 13).await;
    let mut eager = world.browser();
    eager.get("/ausweis").await;
    for _ in 0..10 {
        assert_eq!(eager.post("/ausweis", &[]).await.location(), "/ausweis/oeffnen");
    }
    assert_eq!(eager.post("/ausweis", &[]).await.status, 429, "this browser");
    for _ in 0..2 {
        Reader::begin(&mut world.browser(), "").await;
    }
    let mut other = world.browser();
    other.get("/ausweis").await;
    assert_eq!(other.post("/ausweis", &[]).await.status, 429, "this network");
    assert_eq!(world.rows("eid_reading").await, 3, "one for each browser");
    world.pass(minutes(15));
    Reader::begin(&mut eager, "").await;
});

// Nobody's sign-in waits for it, and nothing is left of the try.
both!(sec_y06_a_server_that_hangs_is_named_and_nobody_else_waits, async |mut world| {
    let liar = Liar::start(|_| Lie { seconds: 30, ..Lie::of("") });
    world.restart(|config| config.eid = liar.settings.clone()).await;
    renate(&world).await;
    let (mut waiting, mut tablet) = (world.browser(), world.browser());
    waiting.get("/ausweis").await;
    tablet.get("/anmelden").await;
    let begins = async { (waiting.post("/ausweis", &[]).await, now()) };
    let signs_in = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        (tablet.sign_in(EMAIL, PASSWORD).await, now())
    };
    let start = now();
    let ((page, named), (_, signed_in)) = tokio::join!(begins, signs_in);
    says(&page, "Der Ausweisdienst antwortet nicht");
    assert!(tablet.is_signed_in() && signed_in < named, "{:?} {:?}", signed_in - start, named - start);
    assert!(named - start < Duration::from_secs(10), "{:?}", named - start);
    assert_eq!(world.rows("eid_reading").await, 0);
    liar.stop().await;
});

#[expect(clippy::disallowed_methods, reason = "measures how long somebody waits")]
pub fn now() -> Instant {
    Instant::now()
}

both!(a_telephone_is_offered_its_own_app_first, async |mut world| {
    let _reader = Reader::start(&mut world).await;
    for (agent, first) in [("Mozilla/5.0 (Linux; Android 16)", "handy"), ("Mozilla/5.0 (Windows NT 10.0)", "computer")]
    {
        let mut browser = world.browser();
        Reader::begin(&mut browser, "").await;
        let page = browser.send(browser.request(Method::GET, "/ausweis/oeffnen").header("user-agent", agent)).await;
        assert!(page.body.contains(&format!("nk-btn--primary\" id=\"{first}\"")), "{agent}: {}", page.body);
        assert!(page.body.contains("href=\"eid://"), "{}", page.body);
    }
});

both!(a_copy_of_the_data_lists_cards_and_what_they_have_proven, async |mut world| {
    let (_reader, mut renate) = proven(&mut world).await;
    let key = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &key).await;
    let text = file(&archive, "konto.json");
    let json: Value = serde_json::from_str(&text).unwrap();
    let card = &json["signin"]["cards"][0];
    assert!(card["level"] == "high" && card["blocked_at"].is_null() && !card["created_at"].is_null(), "{card}");
    let document = &json["evidence"][0]["document"];
    assert!(document["kind"] == "id_card" && document["expires_on"] == "2099-10-31", "{document}");
    assert!(!text.contains("pseudonym") && !text.contains("restricted"), "{text}");
});
