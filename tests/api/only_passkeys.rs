//! Doing without a password: removed from a sign-in with a passkey, never so that nobody can get in, and set again.

use std::time::Duration;

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::minutes;

use crate::both;
use crate::codes::{devices_are_substantial, is_known};
use crate::personal_data::{fetch, file};
use crate::security_passkey::registered;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::passkey::{Key, MAKE, NEW, PROBE, SIGN_IN};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const REMOVAL: &str = "/sicherheit/passwort/entfernen";
const NEW_PASSWORD: &str = "neues-passwort-mit-wolken";

/// Renate with two passkeys that she has used, just signed in with the first.
async fn with_two(world: &World) -> (Browser, [Key; 2]) {
    let mut renate = registered(world, EMAIL).await;
    let mut keys = [Key::new(world), Key::synchronised(world)];
    for (key, name) in keys.iter_mut().zip(["Mein Handy", "Mein Tablet"]) {
        world.pass(Duration::from_millis(1));
        renate.add(key, name).await;
    }
    renate.sign_in_with(&mut keys[0]).await;
    (renate, keys)
}

/// The same without a password.
pub async fn with_passkeys_only(world: &World) -> (Browser, [Key; 2]) {
    let (mut renate, keys) = with_two(world).await;
    renate.get(REMOVAL).await;
    let gone = renate.post(REMOVAL, &[]).await;
    assert_eq!(gone.location(), "/sicherheit?erledigt=ohne-passwort", "{gone:?}");
    world.mail_about(EMAIL, "hat kein Passwort mehr").await;
    (renate, keys)
}

/// The pages of the passkeys, the oldest first.
async fn pages(browser: &mut Browser) -> Vec<String> {
    let list = browser.get("/sicherheit/passkeys").await.body;
    let links = list.split("href=\"/sicherheit/passkeys/mea_").skip(1);
    links.map(|rest| format!("/sicherheit/passkeys/mea_{}", rest.split('"').next().unwrap())).collect()
}

/// The page on which it is blocked.
fn block(page: &str) -> String {
    page.replace("/passkeys/", "/zugaenge/") + "/sperren"
}

fn asks(page: &Answer) -> bool {
    page.body.contains("name=\"current\"")
}

both!(renate_does_without_a_password, async |world| {
    let (mut renate, mut keys) = with_two(&world).await;
    let mut tablet = world.browser();
    tablet.sign_in(EMAIL, PASSWORD).await;
    let page = renate.get("/sicherheit").await;
    assert!(page.body.contains(&format!("href=\"{REMOVAL}\"")), "{}", page.body);
    let page = renate.get(REMOVAL).await;
    for words in ["Davon haben Sie 2", "JavaScript", "Passwort vergessen"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("Code-Apps"), "she has none");
    let gone = renate.post(REMOVAL, &[]).await;
    assert_eq!(gone.location(), "/sicherheit?erledigt=ohne-passwort");
    let page = renate.get(gone.location()).await;
    for words in ["Ihr Passwort ist entfernt", "nur mit Passkeys an und haben 2", "Ihr Konto hat kein Passwort"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    for gone in ["Wiederherstellungscodes", "passwort-entfernen", "Code-App"] {
        assert!(!page.body.contains(gone), "{gone}: {}", page.body);
    }
    world.mail_about(EMAIL, "hat kein Passwort mehr").await;
    assert_eq!(tablet.get("/konto").await.status, 303, "every other session has ended");
    assert!(renate.get("/sicherheit/verlauf").await.body.contains("Passwort entfernt"));
    assert!(renate.get("/daten/protokoll").await.body.contains("Passwort entfernt"));
    assert!(renate.get("/sicherheit/notfall").await.body.contains("2. Zugänge prüfen"));
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 422);
    for key in &mut keys {
        assert_eq!(world.browser().sign_in_with(key).await.location(), "/konto");
    }
    assert_eq!(renate.get(REMOVAL).await.status, 404, "there is none any more");
    renate.get("/profil").await;
    assert_eq!(renate.post(REMOVAL, &[]).await.status, 404);
});

both!(a_password_is_set_again, async |world| {
    let (mut renate, mut keys) = with_passkeys_only(&world).await;
    world.pass(minutes(5));
    let early = renate.get("/sicherheit/passwort").await;
    assert_eq!(early.location(), format!("{SIGN_IN}?ziel=/sicherheit/passwort"));
    let back = renate.use_at(early.location(), &mut keys[1]).await;
    assert_eq!(back.location(), "/sicherheit/passwort");
    let page = renate.get(back.location()).await;
    assert!(page.heading() == "Passwort setzen" && !asks(&page), "{page:?}");
    assert_eq!(renate.post("/sicherheit/passwort", &[("password", "kurz")]).await.status, 422);
    let set = renate.post("/sicherheit/passwort", &[("password", NEW_PASSWORD)]).await;
    assert_eq!(set.location(), "/sicherheit?erledigt=passwort");
    world.mail_about(EMAIL, "Ihr Passwort wurde geändert").await;
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 422, "not the old one");
    assert_eq!(world.browser().sign_in(EMAIL, NEW_PASSWORD).await.location(), "/konto");
    assert!(asks(&renate.get("/daten/export").await), "from now on it is asked for");
});

// Two means before one goes, and not from a session that somebody has left open.
both!(sec_p05_it_takes_two_passkeys_and_one_at_hand, async |world| {
    let mut renate = registered(&world, EMAIL).await;
    let mut phone = Key::new(&world);
    renate.add(&mut phone, "Mein Handy").await;
    assert!(!renate.get("/sicherheit").await.body.contains("passwort-entfernen"));
    let page = renate.get(REMOVAL).await;
    assert!(page.status == 200 && page.body.contains("Jetzt haben Sie 1"), "{page:?}");
    assert_eq!(renate.post(REMOVAL, &[]).await.status, 422, "one is not enough");
    let mut tablet = Key::synchronised(&world);
    renate.make(&mut tablet, "Nicht ausprobiert").await;
    renate.get("/profil").await;
    assert_eq!(renate.post(REMOVAL, &[]).await.status, 422, "nor one that was never used");
    renate.use_at(PROBE, &mut tablet).await;

    let again = format!("{SIGN_IN}?ziel={REMOVAL}");
    let mut thief = world.browser();
    thief.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(thief.get(REMOVAL).await.location(), again);
    assert_eq!(thief.post(REMOVAL, &[("current", PASSWORD)]).await.location(), again, "the password is not enough");
    world.pass(minutes(5));
    assert_eq!(renate.get(REMOVAL).await.location(), again);
    assert_eq!(renate.post(REMOVAL, &[]).await.location(), again, "too long ago");

    let page = renate.get(&again).await;
    assert!(page.body.contains("Bitte melden Sie sich noch einmal an"), "{page:?}");
    assert_eq!(renate.use_at(&again, &mut phone).await.location(), REMOVAL);
    let one = pages(&mut renate).await.remove(1);
    assert_eq!(renate.post(&block(&one), &[]).await.status, 303);
    assert_eq!(renate.post(REMOVAL, &[]).await.status, 422, "nor one that is blocked");
    assert_eq!(world.rows("password").await, 1);
});

both!(sec_o01_a_password_is_refused_as_a_wrong_one, async |world| {
    with_passkeys_only(&world).await;
    let mut answers = Vec::new();
    for (email, password) in
        [(EMAIL, PASSWORD), (EMAIL, "falsch-falsch-falsch"), ("niemand@example.org", "falsch-falsch-falsch")]
    {
        let mut stranger = world.browser();
        let answer = stranger.sign_in(email, password).await;
        assert!(!stranger.is_signed_in());
        answers.push((answer.status, answer.body.replace(email, "").replace(&stranger.csrf, "")));
    }
    assert_eq!(answers[0].0, 422);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
});

/// Every page that asks for the password, but those of single means and addresses.
const CONFIRMED: [&str; 5] =
    ["/sicherheit/passwort", "/sicherheit/codes", "/profil/kontakt/neu", "/daten/export", "/daten/loeschen"];

both!(every_page_that_asks_for_the_password_leads_to_the_passkey_and_back, async |world| {
    let (mut renate, mut keys) = with_passkeys_only(&world).await;
    let one = pages(&mut renate).await.remove(1);
    let mut paths = CONFIRMED.map(str::to_owned).to_vec();
    paths.extend([NEW.to_owned(), format!("{one}/entfernen"), block(&one)]);
    for path in &paths {
        let page = renate.get(path).await;
        assert!(page.status == 200 && !asks(&page), "{path}: {page:?}");
    }
    let before = world.dump().await;
    world.pass(minutes(5));
    for path in &paths {
        let again = format!("{SIGN_IN}?ziel={path}");
        assert_eq!(renate.get(path).await.location(), again);
        let form = [("email", "neu@example.org"), ("password", NEW_PASSWORD), ("current", PASSWORD)];
        assert_eq!(renate.post(path, &form).await.location(), again, "{path}");
    }
    let after = world.dump().await;
    for table in ["passkey", "password", "account", "mailed_code", "export_grant"] {
        assert_eq!(before.get(table), after.get(table), "{table}");
    }
    for path in &paths {
        let again = format!("{SIGN_IN}?ziel={path}");
        assert_eq!(renate.use_at(&again, &mut keys[0]).await.location(), *path);
        assert_eq!(renate.get(path).await.status, 200, "{path}");
    }
});

both!(renate_changes_her_address_and_takes_a_copy_without_a_password, async |world| {
    let (mut renate, _) = with_passkeys_only(&world).await;
    renate.get("/profil/kontakt/neu").await;
    let begun = renate.post("/profil/kontakt/neu", &[("email", "renate@example.net")]).await;
    assert_eq!(begun.location(), "/profil/kontakt/codes");
    let (new, old) = (world.code_for("renate@example.net").await, world.code_for(EMAIL).await);
    let done = renate.post("/profil/kontakt/codes", &[("code_new", &new), ("code_old", &old)]).await;
    assert_eq!(done.location(), "/profil/kontakt?erledigt=1");
    renate.get("/daten/export").await;
    let key = renate.post("/daten/export", &[]).await.hidden("schluessel");
    let (_, archive) = fetch(&renate, &key).await;
    let json: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    assert!(json["signin"]["password_changed_at"].is_null(), "{json}");
    renate.get("/daten/loeschen").await;
    let left = renate.post("/daten/loeschen", &[("wann", "sofort")]).await;
    assert_eq!(left.location(), "/daten/geloescht");
});

both!(the_last_way_in_stays, async |world| {
    let (mut renate, mut keys) = with_passkeys_only(&world).await;
    let [first, second] = pages(&mut renate).await.try_into().unwrap();
    assert_eq!(renate.post(&block(&second), &[]).await.status, 303, "one of two may be blocked");
    for path in [format!("{first}/entfernen"), block(&first)] {
        let page = renate.get(&path).await;
        for words in ["Das ist der letzte Zugang", "href=\"/sicherheit/passwort\"", "href=\"/sicherheit/passkeys/neu\""]
        {
            assert!(page.body.contains(words), "{words}: {page:?}");
        }
        assert!(!page.body.contains(&format!("action=\"{path}")), "nothing to press");
        let refused = renate.post(&path, &[]).await;
        assert!(refused.status == 422 && refused.body.contains("Das ist der letzte Zugang"), "{refused:?}");
    }
    assert!(renate.get("/sicherheit").await.body.contains("nur noch einen Passkey"));
    assert_eq!(renate.use_at(PROBE, &mut keys[1]).await.status, 303, "unblocked");
    renate.sign_in_with(&mut keys[0]).await;
    assert_eq!(renate.post(&format!("{second}/entfernen"), &[]).await.status, 303, "one of two may go");
    assert_eq!(renate.post(&format!("{first}/entfernen"), &[]).await.status, 422);
    renate.post("/sicherheit/passwort", &[("password", NEW_PASSWORD)]).await;
    renate.sign_in_with(&mut keys[0]).await;
    assert_eq!(renate.post(&format!("{first}/entfernen"), &[]).await.status, 303, "with a password it may");
    assert_eq!(world.browser().sign_in(EMAIL, NEW_PASSWORD).await.status, 303);
});

// Of two that each would leave something, one is refused: together they would leave nothing.
both!(rl12_two_at_once_do_not_take_the_last_way_in, async |world| {
    let (renate, mut keys) = with_passkeys_only(&world).await;
    let node = world.second_node().await;
    let (mut here, mut there) = (renate.clone(), renate.at(node.running.address));
    for _ in 0..4 {
        here.sign_in_with(&mut keys[0]).await;
        there.cookies.clone_from(&here.cookies);
        there.get("/profil").await;
        let [first, second] = pages(&mut here).await.try_into().unwrap();
        let (first, second) = (format!("{first}/entfernen"), format!("{second}/entfernen"));
        let answers = tokio::join!(here.post(&first, &[]), there.post(&second, &[]));
        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!((statuses, world.rows("passkey").await), ([303, 422], 1));
        let left = usize::from(answers.0.status == 303);
        here.sign_in_with(&mut keys[left]).await;
        keys.swap(0, left);
        keys[1] = Key::new(&world);
        world.pass(Duration::from_millis(1));
        here.add(&mut keys[1], "Ersatz").await;
    }
    node.running.abort().await;
});

both!(rl12_a_password_and_both_passkeys_do_not_go_together, async |world| {
    let (mut renate, mut keys) = with_two(&world).await;
    let [first, second] = pages(&mut renate).await.try_into().unwrap();
    let (first, second) = (format!("{first}/entfernen"), format!("{second}/entfernen"));
    let [mut one, mut two, mut three] = [renate.clone(), renate.clone(), renate];
    let answers = tokio::join!(one.post(REMOVAL, &[]), two.post(&first, &[]), three.post(&second, &[]));
    let statuses = [answers.0.status, answers.1.status, answers.2.status];
    assert!(statuses.iter().all(|status| [303, 422].contains(status)), "{statuses:?}");
    let ways = world.rows("password").await + world.rows("passkey").await;
    assert!(ways >= 1, "{statuses:?}");
    let mut gets_in = world.browser().sign_in(EMAIL, PASSWORD).await.status == 303;
    for key in &mut keys {
        gets_in |= world.browser().sign_in_with(key).await.status == 303;
    }
    assert!(gets_in, "{statuses:?}");
});

// S10: a mail alone leads nowhere where passkeys are all that there is; what more it takes, `new_means.rs` tells.
both!(sec_s10_no_mail_gives_a_password_to_who_has_none, async |world| {
    with_passkeys_only(&world).await;
    let mut attacker = world.browser();
    attacker.get("/wieder-anmelden/email").await;
    let asked = attacker.post("/wieder-anmelden/email", &[("email", EMAIL)]).await;
    let mut stranger = world.browser();
    stranger.get("/wieder-anmelden/email").await;
    let unknown = stranger.post("/wieder-anmelden/email", &[("email", "niemand@example.org")]).await;
    assert_eq!((asked.status, asked.location()), (unknown.status, unknown.location()), "the page is the same");
    let code = world.code_for(EMAIL).await;
    assert_eq!(attacker.post("/wieder-anmelden/code", &[("code", &code)]).await.status, 303);
    assert_eq!(attacker.get("/wieder-anmelden/passwort").await.location(), "/wieder-anmelden/nachweis");
    assert_eq!(attacker.post("/wieder-anmelden/passwort", &[("password", NEW_PASSWORD)]).await.status, 409);
    assert_eq!(world.rows("password").await, 0);
});

both!(sec_s10_a_reset_that_has_begun_ends_with_the_password, async |world| {
    let (mut renate, _) = with_two(&world).await;
    let mut attacker = world.browser();
    let code = attacker.reset_code(&world, EMAIL).await;
    assert_eq!(attacker.post("/wieder-anmelden/code", &[("code", &code)]).await.status, 303);
    renate.get(REMOVAL).await;
    assert_eq!(renate.post(REMOVAL, &[]).await.status, 303);
    let set = attacker.post("/wieder-anmelden/passwort", &[("password", NEW_PASSWORD)]).await;
    assert_eq!((set.status, world.rows("password").await), (409, 0));
});

both!(sec_s10_of_a_reset_and_a_removal_at_once_none_leaves_a_foreign_password, async |world| {
    let (mut renate, _) = with_two(&world).await;
    let mut attacker = world.browser();
    let code = attacker.reset_code(&world, EMAIL).await;
    attacker.post("/wieder-anmelden/code", &[("code", &code)]).await;
    renate.get(REMOVAL).await;
    let form = [("password", NEW_PASSWORD)];
    let (set, gone) = tokio::join!(attacker.post("/wieder-anmelden/passwort", &form), renate.post(REMOVAL, &[]));
    // Either the reset was first, and has ended the session; or it came too late.
    let rows = world.rows("password").await;
    assert!([(303, 1), (303, 0), (409, 0)].contains(&(set.status, rows)), "{set:?} {gone:?}");
    assert!(gone.status == 303, "{gone:?}");
});

// TR-03160-1: a code that completes no password is no means, and what only it has proven is lowered.
both!(sec_q08_codes_go_with_the_password_and_levels_follow, async |mut world| {
    world.restart(devices_are_substantial).await;
    let mut renate = registered(&world, EMAIL).await;
    renate.registers_a_device(&world, "RP-100").await;
    is_known(&world, Level::Substantial).await;
    // From this session, which is low, passkeys are worth no more than that.
    let mut keys = [Key::synchronised(&world), Key::synchronised(&world)];
    for key in &mut keys {
        renate.add(key, "").await;
    }
    let page = renate.get(REMOVAL).await;
    assert!(page.body.contains("Vertrauensniveau substanziell"), "{page:?}");
    assert_eq!(renate.post(REMOVAL, &[]).await.status, 422, "nobody removes a stronger means from a weaker sign-in");
    assert_eq!((world.rows("password").await, world.rows("code_generator").await), (1, 1));

    // Without the rule all are equal.
    world.restart(|config| config.assurance.rules.clear()).await;
    let mut renate = world.browser();
    renate.sign_in_with(&mut keys[0]).await;
    assert!(renate.get(REMOVAL).await.body.contains("Ihre Code-Apps und Code-Geräte werden auch entfernt"));
    assert_eq!(renate.post(REMOVAL, &[]).await.status, 303);
    assert_eq!((world.rows("password").await, world.rows("code_generator").await), (0, 0));
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["low"]);
    let protocol = renate.get("/daten/protokoll").await.body;
    assert!(protocol.contains("Code-App oder Code-Gerät entfernt") && protocol.contains("Passwort entfernt"));

    // And none comes back without one.
    renate.get("/sicherheit/app/neu").await;
    let refused = renate.post("/sicherheit/app/neu", &[("name", "App")]).await;
    assert!(refused.status == 422 && refused.body.contains("nur zusammen mit einem Passwort"), "{refused:?}");
});

// A destination is one of our own pages, or none.
both!(signing_in_leads_nowhere_else, async |world| {
    let (_, mut keys) = with_two(&world).await;
    for aim in [
        "https://evil.example",
        "//evil.example/sicherheit/",
        "/sicherheit/../../x",
        "/sicherheit//evil.example",
        "/sicherheit/%0d%0ax",
        "/sicherheit/x?y=z",
        "/sicherheit\\evil",
        "/oauth2/authorize",
        "sicherheit/",
        "",
    ] {
        let mut browser = world.browser();
        browser.get(SIGN_IN).await;
        let challenge = browser.challenge().await;
        let signed = keys[0].sign(&challenge.options);
        let inside = browser.send_signed(&format!("{SIGN_IN}?ziel={aim}"), &challenge, &signed).await;
        assert_eq!(inside.location(), "/konto", "{aim}");
    }
    let inside = world.browser().use_at(&format!("{SIGN_IN}?ziel=/daten/export"), &mut keys[0]).await;
    assert_eq!(inside.location(), "/daten/export");
});

both!(a_passkey_that_waits_for_its_first_use_does_not_count, async |world| {
    let (mut renate, _) = with_passkeys_only(&world).await;
    let [first, second] = pages(&mut renate).await.try_into().unwrap();
    assert_eq!(renate.post(&format!("{second}/entfernen"), &[]).await.status, 303);
    let challenge = renate.challenge_to_make("").await.unwrap();
    let made = Key::new(&world).make(&challenge.options);
    assert_eq!(renate.send_key(&challenge, &made, "Neu").await.location(), PROBE, "{MAKE}");
    renate.get("/profil").await;
    assert_eq!(renate.post(&format!("{first}/entfernen"), &[]).await.status, 422);
    let waiting = pages(&mut renate).await.remove(1);
    assert_eq!(renate.post(&format!("{waiting}/entfernen"), &[]).await.status, 303, "it may go at any time");
});
