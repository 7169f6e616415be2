//! A way back for somebody without a password who has lost every passkey: a mailed code and a recovery code, or time.

use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::time::{hours, minutes};
use nutzerkonto::operator::{self, Inquiry};

use crate::both;
use crate::only_passkeys::with_passkeys_only;
use crate::recovery::{MOMENT, WAITING, link};
use crate::register_passkey::codes;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::passkey::{Challenge, Key};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const PROVE: &str = "/wieder-anmelden/nachweis";
const WAIT: &str = "/wieder-anmelden/warten";
const CHOOSE: &str = "/wieder-anmelden/passwort";
const MAKE: &str = "/wieder-anmelden/passkey";
const PROBE: &str = "/wieder-anmelden/probieren";
const NEW_PASSWORD: &str = "neues-passwort-mit-wolken";

/// Renate, who has registered with a passkey; her phone and her codes.
async fn renate(world: &World) -> (Browser, Key, Vec<String>) {
    let (mut renate, mut phone) = (world.browser(), Key::new(world));
    let codes = renate.registers_with(world, &mut phone).await;
    world.pass(hours(2));
    (renate, phone, codes)
}

impl Browser {
    /// Types the code from the mail.
    async fn reads_the_mail(&mut self, world: &World) {
        let code = self.reset_code(world, EMAIL).await;
        let right = self.post("/wieder-anmelden/code", &[("code", &code)]).await;
        assert_eq!(right.location(), CHOOSE, "{right:?}");
        self.get(CHOOSE).await;
    }

    async fn proves_with(&mut self, code: &str) -> Answer {
        self.get(PROVE).await;
        self.post(PROVE, &[("code", code)]).await
    }

    /// Begins the time; the link in the mail that was sent.
    async fn waits(&mut self, world: &World) -> String {
        self.reads_the_mail(world).await;
        self.get(PROVE).await;
        assert_eq!(self.post(WAIT, &[]).await.location(), PROVE);
        link(&world.mail_about(EMAIL, "wird bald freigegeben").await)
    }

    async fn sets_a_password(&mut self) -> Answer {
        self.get(CHOOSE).await;
        self.post(CHOOSE, &[("password", NEW_PASSWORD)]).await
    }

    async fn sets_a_passkey(&mut self, key: &mut Key) -> Answer {
        let made = self.makes_first_key(MAKE, key).await;
        assert_eq!(made.location(), PROBE, "{made:?}");
        self.get(PROBE).await;
        let challenge = self.challenge().await;
        let signed = key.sign(&challenge.options);
        self.send_signed(PROBE, &challenge, &signed).await
    }
}

async fn kinds(world: &World) -> Vec<String> {
    let mut kinds = world.texts("SELECT kind FROM audit_event WHERE kind LIKE 'recovery%'").await;
    kinds.sort();
    kinds
}

both!(renate_comes_back_at_once_with_a_recovery_code, async |world| {
    let (mut old, mut lost, codes_of_old) = renate(&world).await;
    let mut back = world.browser();
    let code = back.reset_code(&world, EMAIL).await;
    back.post("/wieder-anmelden/code", &[("code", &code)]).await;
    assert_eq!(back.get(CHOOSE).await.location(), PROVE, "the mail gives no password");
    let page = back.get(PROVE).await;
    assert!(page.body.contains("kein Passwort") && page.body.contains("nach 3 Tagen frei"), "{}", page.body);
    assert_eq!(back.proves_with(&codes_of_old[3].to_lowercase()).await.location(), CHOOSE);
    world.mail_about(EMAIL, "richtet einen neuen Zugang").await;
    let choice = back.get(CHOOSE).await;
    assert!(choice.body.contains(&format!("href=\"{MAKE}\"")) && choice.body.contains("name=\"password\""));
    let mut fresh = Key::new(&world);
    let ended = back.sets_a_passkey(&mut fresh).await;
    assert_eq!((ended.status, codes(&ended).len()), (200, 10), "{ended:?}");
    assert!(back.is_signed_in() && ended.body.contains("/sicherheit/passkeys/neu"), "{}", ended.body);
    world.mail_about(EMAIL, "Neuer Zugang zu Ihrem Nutzerkonto").await;
    assert_eq!(old.get("/konto").await.status, 303, "every other session has ended");
    assert_eq!(world.browser().sign_in_with(&mut lost).await.status, 422, "the lost one opens nothing");
    assert_eq!(world.rows("recovery_code").await, 10, "the old codes are gone");
    // A means that was set by a recovery is never above low, though its kind is worth more.
    assert_eq!(world.texts("SELECT registered FROM passkey").await, ["low"]);
    assert_eq!(world.texts("SELECT level || ' ' || methods FROM session").await, ["low hwk user mfa"]);
    assert_eq!(kinds(&world).await, ["recovery.means_set", "recovery_code.used"]);
    let protocol = back.get("/daten/protokoll").await.body;
    for words in ["Wiederherstellungscode benutzt", "Neuen Zugang eingerichtet", "Passkey entfernt"] {
        assert!(protocol.contains(words), "{words}: {protocol}");
    }
    assert!(back.get("/sicherheit/verlauf").await.body.contains("Neuen Zugang eingerichtet"));
    assert_eq!(world.browser().sign_in_with(&mut fresh).await.location(), "/konto");
});

both!(renate_waits_three_days_and_sets_a_password, async |mut world| {
    let (_, mut lost, _) = renate(&world).await;
    let mut back = world.browser();
    back.waits(&world).await;
    let waits = back.get(PROVE).await;
    assert!(waits.body.contains("am 26. November 2026, 12:02 Uhr freigegeben"), "{}", waits.body);
    assert!(!waits.body.contains(WAIT), "it has begun");
    assert_eq!(back.post(WAIT, &[]).await.location(), PROVE, "as if twice clicked");
    world.pass(WAITING - MOMENT);
    // Nothing of it is in the process.
    world.restart(|_| {}).await;
    let mut early = world.browser();
    early.reads_the_mail(&world).await;
    assert_eq!(early.get(CHOOSE).await.location(), PROVE);
    assert_eq!(early.post(CHOOSE, &[("password", NEW_PASSWORD)]).await.status, 409, "a moment too early");
    world.pass(MOMENT);
    let mut back = world.browser();
    back.reads_the_mail(&world).await;
    assert_eq!(back.post(CHOOSE, &[("password", "kurz")]).await.status, 422);
    let ended = back.sets_a_password().await;
    assert_eq!((ended.status, codes(&ended).len()), (200, 10), "{ended:?}");
    assert!(ended.body.contains("/sicherheit/app?erledigt=wieder-da"), "{}", ended.body);
    assert_eq!((world.rows("recovery").await, world.rows("passkey").await, world.rows("session").await), (0, 0, 1));
    assert_eq!(world.texts("SELECT level || ' ' || methods FROM session").await, ["low pwd"]);
    assert_eq!(kinds(&world).await, ["recovery.begun", "recovery.means_set", "recovery.reminded"]);
    assert_eq!(world.browser().sign_in_with(&mut lost).await.status, 422);
    assert_eq!(world.browser().sign_in(EMAIL, NEW_PASSWORD).await.location(), "/konto");
});

both!(sec_s10_a_mail_alone_gives_nothing, async |world| {
    renate(&world).await;
    let mut thief = world.browser();
    for (path, form) in [
        (PROVE, [("code", "QF7K-338M-7T2A-9WXZ"), ("x", "")]),
        (WAIT, [("x", ""), ("y", "")]),
        (MAKE, [("aufgabe", "x"), ("antwort", "{}")]),
        (PROBE, [("aufgabe", "x"), ("antwort", "{}")]),
        (CHOOSE, [("password", NEW_PASSWORD), ("x", "")]),
    ] {
        thief.get("/anmelden").await;
        assert_eq!(thief.post(path, &form).await.status, 409, "{path} without a mail");
    }
    thief.reads_the_mail(&world).await;
    for path in [MAKE, PROBE, CHOOSE] {
        assert!(thief.get(path).await.location().starts_with("/wieder-anmelden/"), "{path}");
        let form = [("aufgabe", "x"), ("antwort", "{}"), ("password", NEW_PASSWORD)];
        assert_eq!(thief.post(path, &form).await.status, 409, "{path}");
    }
    assert_eq!((world.rows("password").await, world.rows("recovery").await), (0, 0));
});

both!(sec_s10_who_has_a_password_gets_no_more_by_a_recovery_code, async |world| {
    let mut own = world.browser();
    own.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let codes = own.renews_recovery_codes().await;
    world.mail_about(EMAIL, "Wiederherstellungscodes").await;
    let mut back = world.browser();
    back.reads_the_mail(&world).await;
    assert!(!back.get(CHOOSE).await.body.contains(MAKE), "another password and nothing else");
    assert_eq!(back.get(PROVE).await.location(), CHOOSE);
    assert_eq!(back.post(PROVE, &[("code", &codes[0])]).await.status, 409);
    assert_eq!(back.post(WAIT, &[]).await.location(), PROVE);
    assert_eq!(back.post(MAKE, &[("aufgabe", "x")]).await.status, 409);
    assert_eq!(world.rows("recovery").await, 0);
    assert_eq!(back.sets_a_password().await.location(), "/wieder-anmelden/fertig");
    assert!(!back.is_signed_in());
});

both!(sec_o01_nobody_learns_from_it_who_has_an_account, async |world| {
    renate(&world).await;
    let mut answers = Vec::new();
    for address in [EMAIL, "niemand@example.org"] {
        let mut stranger = world.browser();
        stranger.get("/wieder-anmelden/email").await;
        let sent = stranger.post("/wieder-anmelden/email", &[("email", address)]).await;
        let page = stranger.get("/wieder-anmelden/code").await;
        let body = page.body.replace(&stranger.csrf, "").replace("r…@", "…@").replace("n…@", "…@");
        let wrong = stranger.post("/wieder-anmelden/code", &[("code", "x")]).await;
        let beyond = stranger.get(PROVE).await;
        answers.push((sent.status, body, wrong.status, beyond.location().to_owned()));
    }
    assert_eq!(answers[0], answers[1]);
});

both!(sec_p06_a_recovery_code_counts_once_and_five_tries_are_all, async |world| {
    let (_, _, codes) = renate(&world).await;
    let mut first = world.browser();
    first.reads_the_mail(&world).await;
    assert_eq!(first.proves_with(&codes[0]).await.location(), CHOOSE);
    let mut second = world.browser();
    second.reads_the_mail(&world).await;
    let used = second.proves_with(&codes[0]).await;
    assert!(used.status == 422 && used.body.contains("schon benutzt"), "{used:?}");
    for wrong in ["", "x", "QF7K-338M-7T2A-9WXZ", "QF7K-338M-7T2A-9WXA", "QF7K-338M-7T2A-9WXB"] {
        assert_eq!(second.proves_with(wrong).await.status, 422, "{wrong}");
    }
    assert_eq!(second.proves_with(&codes[1]).await.status, 429, "the right one, too");
    assert_eq!(second.get(CHOOSE).await.location(), PROVE);
    world.pass(minutes(15));
    assert_eq!(second.proves_with(&codes[1]).await.location(), CHOOSE);
    // sec_o08: with the tries at codes on other pages they have one counter.
    let refused = world.texts("SELECT id FROM audit_event WHERE kind = 'recovery_code.refused'").await;
    assert_eq!(refused.len(), 5);
});

both!(sec_s09_what_was_proven_is_of_one_browser_and_half_an_hour, async |mut world| {
    world.restart(|config| (config.limits.mails_per_hour, config.limits.mails_per_day) = (1000, 1000)).await;
    let (_, _, codes) = renate(&world).await;
    let mut own = world.browser();
    own.reads_the_mail(&world).await;
    assert_eq!(own.proves_with(&codes[0]).await.location(), CHOOSE);
    let challenge = Challenge::of(&own.get(MAKE).await).unwrap();
    let made = Key::new(&world).make(&challenge.options);
    let mut stranger = world.browser();
    stranger.get("/anmelden").await;
    assert_eq!(stranger.send_signed(MAKE, &challenge, &made).await.status, 409);
    stranger.reads_the_mail(&world).await;
    assert_eq!(stranger.send_signed(MAKE, &challenge, &made).await.status, 409, "who has proven nothing");
    own.get(MAKE).await;
    assert_eq!(own.send_signed(MAKE, &challenge, &made).await.location(), PROBE);
    own.get(MAKE).await;
    assert_eq!(own.send_signed(MAKE, &challenge, &made).await.status, 422, "sec_q01: it has been answered");
    own.get("/wieder-anmelden/email").await;
    world.pass(minutes(30));
    assert_eq!(own.post(CHOOSE, &[("password", NEW_PASSWORD)]).await.status, 409);
    // A new beginning takes it back.
    own.reads_the_mail(&world).await;
    assert_eq!(own.proves_with(&codes[1]).await.location(), CHOOSE);
    own.reset_code(&world, EMAIL).await;
    assert_eq!(own.post(CHOOSE, &[("password", NEW_PASSWORD)]).await.status, 409);
    assert_eq!((world.rows("password").await, world.rows("passkey").await), (0, 1));
});

both!(sec_q01_the_new_key_is_used_before_it_counts, async |world| {
    let (_, mut lost, codes) = renate(&world).await;
    let mut own = world.browser();
    own.reads_the_mail(&world).await;
    own.proves_with(&codes[0]).await;
    let mut fresh = Key::synchronised(&world);
    assert_eq!(own.get(PROBE).await.location(), MAKE);
    own.makes_first_key(MAKE, &mut fresh).await;
    own.get(PROBE).await;
    let challenge = own.challenge().await;
    let signed = lost.sign(&challenge.options);
    assert_eq!(own.send_signed(PROBE, &challenge, &signed).await.status, 422, "another key of hers");
    let signed = fresh.sign(&challenge.options);
    assert_eq!(own.send_signed(PROBE, &challenge, &signed).await.status, 422, "the challenge is gone");
    assert_eq!(world.browser().sign_in_with(&mut fresh).await.status, 422);
    assert_eq!(own.post(PROBE, &[("fehler", "NotAllowedError")]).await.status, 422);
    let challenge = own.challenge().await;
    let signed = fresh.sign(&challenge.options);
    let ended = own.send_signed(PROBE, &challenge, &signed).await;
    assert_eq!((ended.status, world.rows("passkey").await), (200, 1), "{ended:?}");
    own.get("/profil").await;
    assert_eq!(own.send_signed(PROBE, &challenge, &signed).await.status, 409, "once");
});

both!(sec_p04_whoever_reads_the_mail_or_has_a_passkey_ends_the_waiting, async |world| {
    let (_, mut phone, _) = renate(&world).await;
    for way in 0..2 {
        let mut thief = world.browser();
        let link = thief.waits(&world).await;
        assert_eq!(world.rows("recovery").await, 1);
        if way == 0 {
            let mut reader = world.browser();
            reader.get(&link).await;
            assert_eq!(reader.post(&link, &[]).await.location(), "/wieder-anmelden/abgebrochen");
        } else {
            assert_eq!(world.browser().sign_in_with(&mut phone).await.location(), "/konto");
        }
        world.mail_about(EMAIL, "ist abgebrochen").await;
        world.pass(WAITING);
        thief.reads_the_mail(&world).await;
        assert_eq!(thief.get(CHOOSE).await.location(), PROVE, "from the beginning");
        assert_eq!(thief.post(CHOOSE, &[("password", NEW_PASSWORD)]).await.status, 409);
    }
    assert_eq!((world.rows("password").await, world.rows("passkey").await), (0, 1));
});

both!(sec_s14_the_waiting_begins_three_times_a_day, async |world| {
    renate(&world).await;
    for number in 0..4 {
        let mut browser = world.browser();
        browser.reads_the_mail(&world).await;
        browser.get(PROVE).await;
        let answer = browser.post(WAIT, &[]).await;
        assert_eq!(answer.status, if number < 3 { 303 } else { 429 }, "{number}");
        if number < 3 {
            let link = link(&world.mail_about(EMAIL, "wird bald freigegeben").await);
            browser.get(&link).await;
            browser.post(&link, &[]).await;
        }
        world.pass(hours(1));
    }
    assert_eq!(world.rows("recovery").await, 0);
});

both!(sec_p01_of_two_who_finish_at_once_one_sets_the_means, async |mut world| {
    world.restart(|config| (config.limits.mails_per_hour, config.limits.mails_per_day) = (1000, 1000)).await;
    let (_, _, codes) = renate(&world).await;
    let node = world.second_node().await;
    let mut ready = Vec::new();
    for code in &codes[..2] {
        let mut browser = world.browser();
        browser.reads_the_mail(&world).await;
        assert_eq!(browser.proves_with(code).await.location(), CHOOSE);
        browser.get(CHOOSE).await;
        ready.push(browser);
    }
    let (mut here, mut there) = (ready[0].clone(), ready[1].at(node.running.address));
    let form = [("password", NEW_PASSWORD)];
    let (one, other) = tokio::join!(here.post(CHOOSE, &form), there.post(CHOOSE, &form));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!((statuses, world.rows("session").await), ([200, 409], 1));
    assert_eq!(kinds(&world).await.iter().filter(|kind| *kind == "recovery.means_set").count(), 1);
    node.running.abort().await;
});

both!(sec_p01_the_waiting_is_taken_or_cancelled_but_not_both, async |mut world| {
    world.restart(|config| (config.limits.mails_per_hour, config.limits.mails_per_day) = (1000, 1000)).await;
    renate(&world).await;
    let link = world.browser().waits(&world).await;
    world.pass(WAITING);
    let node = world.second_node().await;
    let (mut one, mut two) = (world.browser(), world.browser());
    for browser in [&mut one, &mut two] {
        browser.reads_the_mail(&world).await;
    }
    let (mut two, mut reader) = (two.at(node.running.address), world.browser());
    reader.get(&link).await;
    let form = [("password", NEW_PASSWORD)];
    let (first, second, ended) =
        tokio::join!(one.post(CHOOSE, &form), two.post(CHOOSE, &form), reader.post(&link, &[]));
    let ins = [first.status, second.status].into_iter().filter(|status| *status == 200).count();
    let is_ended = ended.location() == "/wieder-anmelden/abgebrochen";
    assert_eq!(ins + usize::from(is_ended), 1, "{first:?} {second:?} {ended:?}");
    assert_eq!(world.rows("password").await, i64::try_from(ins).unwrap());
    node.running.abort().await;
});

both!(sec_s12_that_was_not_me_and_a_lock_end_what_was_proven, async |world| {
    let (mut own, mut keys) = with_passkeys_only(&world).await;
    own.get("/sicherheit/codes").await;
    let codes = codes(&own.post("/sicherheit/codes", &[]).await);
    world.mail_about(EMAIL, "Wiederherstellungscodes").await;
    let mut thief = world.browser();
    thief.reads_the_mail(&world).await;
    assert_eq!(thief.proves_with(&codes[0]).await.location(), CHOOSE);
    own.sign_in_with(&mut keys[0]).await;
    own.get("/sicherheit/notfall").await;
    own.post("/sicherheit/notfall", &[]).await;
    assert_eq!(thief.sets_a_password().await.status, 409, "that was not me");
    thief.reads_the_mail(&world).await;
    assert_eq!(thief.proves_with(&codes[1]).await.location(), CHOOSE);
    let id = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    let by = Inquiry::new("k.muster", "Gestohlenes Handy gemeldet").unwrap();
    operator::lock(&world.app, &by, &id).await.unwrap();
    assert_eq!(thief.sets_a_password().await.status, 409, "locked");
    assert_eq!((world.rows("password").await, world.rows("passkey").await), (0, 2));
    assert_ne!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 303);
});
