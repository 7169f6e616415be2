//! Registering with a passkey instead of a password; attack groups B, O, Q and S as far as they touch it.

use std::time::Duration;

use serde_json::json;

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::passkey::{Challenge, Key, PRESENT};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const STEP: &str = "/registrieren/passkey";
const CHECK: &str = "/registrieren/pruefen";

impl Browser {
    /// As far as the choice between a password and a passkey.
    pub async fn registers_up_to_the_choice(&mut self, world: &World, email: &str) {
        let code = self.registration_code(world, email).await;
        self.post("/registrieren/code", &[("code", &code)]).await;
        let person = [("given_names", "Renate"), ("family_name", "Muster")];
        let birth = [("birth_day", "12"), ("birth_month", "5"), ("birth_year", "1959")];
        self.post("/registrieren/name", &[person.as_slice(), &birth].concat()).await;
    }

    /// The passkey is made; the answer is what came back for it.
    pub async fn makes_first_key(&mut self, path: &str, key: &mut Key) -> Answer {
        let page = self.get(path).await;
        let challenge = Challenge::of(&page).unwrap_or_else(|| panic!("{page:?}"));
        let made = key.make(&challenge.options);
        self.send_signed(path, &challenge, &made).await
    }

    pub async fn keeps_codes(&mut self) -> Vec<String> {
        let page = self.get("/registrieren/wiederherstellung").await;
        self.post("/registrieren/wiederherstellung", &[("kept", "ja")]).await;
        codes(&page)
    }

    /// Everything up to the last page; ten recovery codes.
    pub async fn registers_up_to_the_key(&mut self, world: &World, email: &str, key: &mut Key) -> Vec<String> {
        self.registers_up_to_the_choice(world, email).await;
        let made = self.makes_first_key(STEP, key).await;
        assert_eq!((made.status, made.location()), (303, "/registrieren/wiederherstellung"), "{made:?}");
        self.keeps_codes().await
    }

    /// From the first page to the account; ten recovery codes.
    pub async fn registers_with(&mut self, world: &World, key: &mut Key) -> Vec<String> {
        let codes = self.registers_up_to_the_key(world, EMAIL, key).await;
        let done = self.signs_for_the_account(key).await;
        assert_eq!((done.status, done.location()), (303, "/registrieren/fertig"), "{done:?}");
        world.mail_about(EMAIL, "ist fertig").await;
        self.get("/profil").await;
        codes
    }

    /// The last page, where the key is used for the first time.
    pub async fn signs_for_the_account(&mut self, key: &mut Key) -> Answer {
        self.get(CHECK).await;
        let challenge = self.challenge().await;
        let signed = key.sign(&challenge.options);
        self.send_signed(CHECK, &challenge, &signed).await
    }
}

/// The recovery codes of a page that shows them.
pub fn codes(page: &Answer) -> Vec<String> {
    let list = page.body.split_once("<ol class=\"nk-codes\"").unwrap_or_else(|| panic!("{page:?}")).1;
    let list = list.split("</ol>").next().unwrap();
    list.split("<li>").skip(1).map(|item| item.split('<').next().unwrap().to_owned()).collect()
}

both!(renate_registers_without_a_password, async |world| {
    let (mut renate, mut phone) = (world.browser(), Key::new(&world));
    renate.registers_up_to_the_choice(&world, EMAIL).await;
    let choice = renate.get("/registrieren/passwort").await;
    assert!(choice.body.contains("name=\"password\"") && choice.body.contains("href=\"/registrieren/passkey\""));
    let page = renate.get(STEP).await;
    for words in ["Ohne Wiederherstellungscode warten Sie 3 Tage", "<noscript>", "href=\"/registrieren/passwort\""] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let made = renate.makes_first_key(STEP, &mut phone).await;
    assert_eq!(made.location(), "/registrieren/wiederherstellung");
    assert!(renate.get(made.location()).await.body.contains("kommen Sie mit einem Code und Ihren E-Mails sofort"));
    assert_eq!(renate.keeps_codes().await.len(), 10);
    assert_eq!((world.rows("account").await, world.rows("passkey").await), (0, 0));
    let done = renate.signs_for_the_account(&mut phone).await;
    assert_eq!((done.status, done.location()), (303, "/registrieren/fertig"), "{done:?}");
    world.mail_about(EMAIL, "ist fertig").await;
    let done = renate.follow(done).await;
    for words in ["Ihr Konto hat nur einen Zugang", "zweiten Passkey ein", "href=\"/sicherheit/passkeys/neu\""] {
        assert!(done.body.contains(words), "{words}: {}", done.body);
    }
    assert!(!done.body.contains("/sicherheit/app"), "a code app completes a password");
    let rows = [world.rows("password").await, world.rows("passkey").await, world.rows("recovery_code").await];
    assert_eq!(rows, [0, 1, 10]);
    let kinds = world.texts("SELECT kind FROM audit_event WHERE subject IS NOT NULL ORDER BY kind").await;
    assert_eq!(kinds, ["account.opened", "passkey.added", "session.begun"]);
    assert_eq!(world.texts("SELECT level || ' ' || methods FROM session").await, ["substantial hwk user mfa"]);
    assert!(renate.get("/sicherheit/passkeys").await.body.contains("Vertrauensniveau der Anmeldung: substanziell"));
    // From now on she signs in by button; and what comes next is worth as much.
    let mut elsewhere = world.browser();
    assert_eq!(elsewhere.sign_in_with(&mut phone).await.location(), "/konto");
    world.mail_about(EMAIL, "Neue Anmeldung").await;
    let mut token = Key::new(&world);
    elsewhere.add(&mut token, "Schlüssel am Bund").await;
    assert_eq!(world.texts("SELECT DISTINCT registered FROM passkey").await, ["substantial"]);
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 422, "there is no password");
});

both!(renate_changes_her_mind, async |world| {
    let (mut renate, mut phone) = (world.browser(), Key::synchronised(&world));
    renate.registers_up_to_the_key(&world, EMAIL, &mut phone).await;
    assert!(renate.get(CHECK).await.body.contains("id=\"passkey-formular\""));
    renate.get("/registrieren/passwort").await;
    renate.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
    assert!(!renate.get(CHECK).await.body.contains("passkey"), "as it always was");
    assert_eq!(renate.makes_first_key(STEP, &mut phone).await.status, 303);
    renate.get("/registrieren/passwort").await;
    renate.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
    renate.get(CHECK).await;
    assert_eq!(renate.post(CHECK, &[]).await.location(), "/registrieren/fertig");
    assert_eq!((world.rows("password").await, world.rows("passkey").await), (1, 0));
});

both!(half_a_registration_with_a_passkey_survives_a_restart, async |mut world| {
    let (mut renate, mut phone) = (world.browser(), Key::synchronised(&world));
    renate.registers_up_to_the_key(&world, EMAIL, &mut phone).await;
    world.restart(|_| {}).await;
    let mut renate = renate.at(world.address());
    assert_eq!(renate.signs_for_the_account(&mut phone).await.status, 303);
    assert_eq!(world.texts("SELECT level || ' ' || methods FROM session").await, ["low swk user mfa"]);
});

both!(sec_b02_no_step_is_skipped_on_the_way_to_a_passkey, async |world| {
    let mut stranger = world.browser();
    stranger.get("/registrieren/email").await;
    assert_eq!(stranger.get(STEP).await.location(), "/registrieren");
    assert_eq!(stranger.post(STEP, &[("aufgabe", "x"), ("antwort", "{}")]).await.status, 409);
    stranger.post("/registrieren/email", &[("email", EMAIL)]).await;
    assert_eq!(stranger.get(STEP).await.location(), "/registrieren/code");
    assert_eq!(stranger.post(STEP, &[("aufgabe", "x"), ("antwort", "{}")]).await.status, 409);
    let (mut renate, mut phone) = (world.browser(), Key::synchronised(&world));
    renate.registers_up_to_the_choice(&world, "nadine@example.org").await;
    renate.makes_first_key(STEP, &mut phone).await;
    assert_eq!(renate.signs_for_the_account(&mut phone).await.status, 409, "the codes were not kept");
    renate.keeps_codes().await;
    for nothing in [vec![], vec![("aufgabe", ""), ("antwort", "")], vec![("fehler", "NotAllowedError")]] {
        renate.get(CHECK).await;
        assert_eq!(renate.post(CHECK, &nothing).await.status, 422, "{nothing:?}");
    }
    assert_eq!(world.rows("account").await, 0);
});

both!(sec_o01_a_known_address_never_comes_to_the_passkey, async |world| {
    let mut own = world.browser();
    own.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let mut stranger = world.browser();
    stranger.get("/registrieren/email").await;
    let sent = stranger.post("/registrieren/email", &[("email", EMAIL)]).await;
    assert_eq!(sent.location(), "/registrieren/code");
    assert_eq!(stranger.get(STEP).await.location(), "/registrieren/code", "as for every address");
    assert!(!world.mail_to(EMAIL).await.body.contains("Ihr Code ist"));
});

both!(sec_q01_a_challenge_for_the_first_key_is_of_one_registration, async |world| {
    let (mut renate, mut phone) = (world.browser(), Key::synchronised(&world));
    renate.registers_up_to_the_choice(&world, EMAIL).await;
    let challenge = Challenge::of(&renate.get(STEP).await).unwrap();
    assert_eq!(challenge.options["authenticatorSelection"]["userVerification"], "required");
    let made = phone.make(&challenge.options);
    // In another browser, which registers as well.
    let mut mallory = world.browser();
    mallory.registers_up_to_the_choice(&world, "mallory@example.org").await;
    mallory.get(STEP).await;
    assert_eq!(mallory.send_signed(STEP, &challenge, &made).await.status, 422, "of another browser");
    // Not for signing in, and one for signing in is none for a key.
    let for_sign_in = renate.challenge().await;
    assert_eq!(renate.send_signed(STEP, &for_sign_in, &made).await.status, 422);
    renate.get(STEP).await;
    assert_eq!(renate.send_signed(STEP, &challenge, &made).await.status, 303, "it was not for others to use up");
    renate.get(STEP).await;
    let again = renate.send_signed(STEP, &challenge, &made).await;
    assert!(again.status == 422 && again.body.contains("zu viel Zeit"), "{again:?}");
    // One that was asked for before the registration began anew, in the same browser.
    let old = Challenge::of(&renate.get(STEP).await).unwrap();
    let made = Key::new(&world).make(&old.options);
    renate.registers_up_to_the_choice(&world, "zweite@example.org").await;
    renate.get(STEP).await;
    assert_eq!(renate.send_signed(STEP, &old, &made).await.status, 422, "of another registration");
    // And one that is too old.
    let late = Challenge::of(&renate.get(STEP).await).unwrap();
    world.pass(Duration::from_secs(300));
    let made = Key::new(&world).make(&late.options);
    assert_eq!(renate.send_signed(STEP, &late, &made).await.status, 422);
    assert_eq!(renate.get("/registrieren/wiederherstellung").await.location(), "/registrieren/passwort");
});

both!(sec_q01_a_challenge_for_the_account_counts_once_and_for_its_key, async |world| {
    let (mut renate, mut phone) = (world.browser(), Key::synchronised(&world));
    renate.registers_up_to_the_key(&world, EMAIL, &mut phone).await;
    renate.get(CHECK).await;
    let challenge = renate.challenge().await;
    let mut other = Key::synchronised(&world);
    other.handle.clone_from(&phone.handle);
    let foreign = other.sign(&challenge.options);
    assert_eq!(renate.send_signed(CHECK, &challenge, &foreign).await.status, 422, "another key");
    let signed = phone.sign(&challenge.options);
    assert_eq!(renate.send_signed(CHECK, &challenge, &signed).await.status, 422, "it has been answered");
    let mut stranger = world.browser();
    stranger.get("/anmelden").await;
    let theirs = stranger.challenge().await;
    let signed = phone.sign(&theirs.options);
    assert_eq!(renate.send_signed(CHECK, &theirs, &signed).await.status, 422, "asked for elsewhere");
    let challenge = renate.challenge().await;
    let mut signed = phone.sign(&challenge.options);
    signed["response"]["userHandle"] = json!("AAAA");
    assert_eq!(renate.send_signed(CHECK, &challenge, &signed).await.status, 422, "of somebody else");
    phone.flags = PRESENT | (phone.flags & !0b0000_0100);
    assert_eq!(renate.signs_for_the_account(&mut phone).await.status, 422, "sec_q04: nobody was verified");
    phone.flags |= 0b0000_0100;
    // Nobody signs in with a key that waits.
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 422);
    assert_eq!((world.rows("account").await, world.rows("passkey").await), (0, 0));
    assert_eq!(renate.signs_for_the_account(&mut phone).await.status, 303);
});

both!(sec_q05_what_is_no_key_is_refused_with_the_page, async |world| {
    let mut renate = world.browser();
    renate.registers_up_to_the_choice(&world, EMAIL).await;
    let huge = "x".repeat(10_000);
    for answer in ["", "{}", "[]", &huge] {
        let challenge = Challenge::of(&renate.get(STEP).await).unwrap();
        let page = renate.post(STEP, &[("aufgabe", &challenge.ceremony), ("antwort", answer)]).await;
        assert_eq!(page.status, 422, "{page:?}");
        assert!(Challenge::of(&page).is_some(), "another try at once");
    }
    let none = renate.post(STEP, &[("fehler", "NotAllowedError")]).await;
    assert!(none.status == 422 && Challenge::of(&none).is_some());
});

both!(sec_s02_of_two_registrations_with_one_address_one_wins_with_passkeys_too, async |world| {
    let mut people = [(world.browser(), Key::synchronised(&world)), (world.browser(), Key::new(&world))];
    for (browser, key) in &mut people {
        browser.registers_up_to_the_key(&world, EMAIL, key).await;
    }
    let [(first, one), (second, other)] = &mut people;
    let (here, there) = tokio::join!(first.signs_for_the_account(one), second.signs_for_the_account(other));
    let mut statuses = [here.status, there.status];
    statuses.sort_unstable();
    assert_eq!((statuses, world.rows("account").await, world.rows("passkey").await), ([303, 409], 1, 1));
});

both!(sec_b05_of_two_finishes_on_two_nodes_one_opens_the_account, async |world| {
    let (mut renate, mut phone) = (world.browser(), Key::synchronised(&world));
    renate.registers_up_to_the_key(&world, EMAIL, &mut phone).await;
    let node = world.second_node().await;
    let (mut here, mut there) = (renate.clone(), renate.at(node.running.address));
    let (first, second) = (here.challenge().await, there.challenge().await);
    let (one, other) = (phone.sign(&first.options), phone.sign(&second.options));
    let (here, there) = tokio::join!(here.send_signed(CHECK, &first, &one), there.send_signed(CHECK, &second, &other));
    let mut statuses = [here.status, there.status];
    statuses.sort_unstable();
    assert_eq!((statuses, world.rows("account").await, world.rows("passkey").await), ([303, 409], 1, 1));
    node.running.abort().await;
});

both!(sec_q07_a_key_that_somebody_has_opens_no_second_account, async |world| {
    let (mut renate, mut phone) = (world.browser(), Key::synchronised(&world));
    renate.registers_with(&world, &mut phone).await;
    let mut emre = world.browser();
    emre.registers_up_to_the_key(&world, "emre@example.org", &mut phone).await;
    assert_eq!(emre.signs_for_the_account(&mut phone).await.status, 422);
    assert_eq!((world.rows("account").await, world.rows("passkey").await), (1, 1));
    assert_eq!(emre.get("/registrieren/passwort").await.status, 200, "he chooses something else");
});
