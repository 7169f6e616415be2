//! Attack group P: the second factor. And O08, the limit that is missing on a side path.

use std::time::Duration;

use futures_util::future::join_all;
use nutzerkonto::kernel::level::Level;

use crate::both;
use crate::codes::{devices_are_substantial, is_known};
use crate::support::browser::PASSWORD;
use crate::support::phone::{Phone, STEP};
use crate::support::service::vorgang;
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, World};

const PARALLEL: usize = 32;
const QUARTER: Duration = Duration::from_secs(15 * 60);

/// Renate with a code app, and the browser in which she set it up.
async fn renate(world: &World) -> (Browser, Phone) {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    let phone = renate.sets_up_a_code_app(world).await;
    (renate, phone)
}

/// Browsers that the account knows, each with five tries of its own, and the right password given.
async fn known_browsers(world: &World, count: usize) -> (Vec<Browser>, Phone) {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    let mut browsers = Vec::new();
    for _ in 0..count {
        let mut browser = world.browser();
        browser.sign_in(EMAIL, PASSWORD).await;
        browser.cookies.remove("nk_s");
        browsers.push(browser);
    }
    let phone = renate.sets_up_a_code_app(world).await;
    for browser in &mut browsers {
        browser.gives_the_password(EMAIL).await;
    }
    (browsers, phone)
}

async fn statuses(browsers: Vec<Browser>, path: &'static str, code: &str) -> (Vec<u16>, usize) {
    let tries = browsers.into_iter().map(|mut browser| async move {
        let answer = browser.post(path, &[("code", code)]).await;
        (answer.status, browser.is_signed_in())
    });
    let answers = join_all(tries).await;
    let begun = answers.iter().filter(|(_, is_signed_in)| *is_signed_in).count();
    (answers.into_iter().map(|(status, _)| status).collect(), begun)
}

both!(sec_p01_a_code_counts_once_also_in_parallel_on_two_nodes, async |world| {
    let (browsers, phone) = known_browsers(&world, PARALLEL).await;
    let node = world.second_node().await;
    let spread = |(number, browser): (usize, &Browser)| {
        if number % 2 == 1 { browser.at(node.running.address) } else { browser.clone() }
    };
    let everywhere: Vec<Browser> = browsers.iter().enumerate().map(spread).collect();
    let code = phone.code(&world);
    let (statuses, begun) = statuses(everywhere, "/anmelden/code", &code).await;
    assert_eq!(begun, 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 422].contains(status)), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(world.rows("session").await, i64::try_from(PARALLEL).unwrap() + 2);
    node.running.abort().await;
});

both!(sec_p01_a_code_does_not_come_twice, async |world| {
    let (_, phone) = renate(&world).await;
    let code = phone.code(&world);
    let (mut first, mut second) = (world.browser(), world.browser());
    first.gives_the_password(EMAIL).await;
    second.gives_the_password(EMAIL).await;
    assert_eq!(first.types_code(&code).await.status, 303);
    assert_eq!(second.types_code(&code).await.status, 422, "in another browser");
    first.gives_the_password_again().await;
    assert_eq!(first.types_code(&code).await.status, 422, "in the same one");
    world.pass(STEP);
    assert_eq!(second.types_code(&code).await.status, 422, "a step later, when it would still be in time");
    assert_eq!(second.types_code(&phone.code(&world)).await.status, 303);
});

impl Browser {
    /// Signed in, and asked for the password once more.
    async fn gives_the_password_again(&mut self) {
        self.get("/profil").await;
        let answer = self.post("/anmelden", &[("email", EMAIL), ("password", PASSWORD)]).await;
        assert_eq!(answer.location(), "/anmelden/code");
        self.get("/anmelden/code").await;
    }
}

both!(sec_p02_one_step_of_drift_and_never_backwards, async |world| {
    let (_, phone) = renate(&world).await;
    // Offset and whether it is taken; in this order, because a newer one ends all older ones.
    for (offset, expected) in [(-2, 422), (2, 422), (-1, 303), (0, 303), (-1, 422), (0, 422), (1, 303), (0, 422)] {
        world.pass(if offset == -2 { STEP * 4 } else { Duration::ZERO });
        let mut browser = world.browser();
        browser.gives_the_password(EMAIL).await;
        let answer = browser.types_code(&phone.code_at(&world, offset)).await;
        assert_eq!(answer.status, expected, "{offset}");
        // Tries are not what this is about.
        world.forget_attempts().await;
    }
});

impl World {
    async fn forget_attempts(&self) {
        let mut tx = self.app.db.begin().await.unwrap();
        nutzerkonto::sql!(&mut tx, execute, "DELETE FROM attempt").unwrap();
        self.app.db.commit(tx).await.unwrap();
    }
}

both!(sec_p03_five_tries_in_a_quarter_of_an_hour_whatever_is_begun_anew, async |world| {
    let (mut own, phone) = renate(&world).await;
    let node = world.second_node().await;
    let wrong = phone.wrong_code(&world);
    let mut refused = Vec::new();
    for number in 0..20 {
        let mut thief = world.browser();
        if number % 2 == 1 {
            thief = thief.at(node.running.address);
        }
        thief.gives_the_password(EMAIL).await;
        refused.push(thief.types_code(&wrong).await.status);
    }
    assert_eq!(refused.iter().filter(|status| **status == 422).count(), 5, "{refused:?}");
    assert!(refused[5..].iter().all(|status| *status == 429), "{refused:?}");
    let mut thief = world.browser();
    thief.gives_the_password(EMAIL).await;
    assert_eq!(thief.types_code(&phone.code(&world)).await.status, 429, "the right one, too");
    // sec_o07: whoever has the device gets in, whatever thieves do elsewhere.
    own.post("/abmelden", &[]).await;
    own.gives_the_password(EMAIL).await;
    assert_eq!(own.types_code(&phone.code(&world)).await.status, 303);
    world.pass(QUARTER);
    thief.gives_the_password(EMAIL).await;
    assert_eq!(thief.types_code(&wrong).await.status, 422);
    node.running.abort().await;
});

both!(sec_o04_parallel_guesses_are_counted_exactly, async |world| {
    let (_, phone) = renate(&world).await;
    let node = world.second_node().await;
    let mut browsers = Vec::new();
    for number in 0..PARALLEL {
        let mut thief = world.browser();
        thief.gives_the_password(EMAIL).await;
        browsers.push(if number % 2 == 1 { thief.at(node.running.address) } else { thief });
    }
    let (statuses, begun) = statuses(browsers, "/anmelden/code", &phone.wrong_code(&world)).await;
    let counted = statuses.iter().filter(|status| **status == 422).count();
    assert_eq!((counted, begun), (5, 0), "{statuses:?}");
    node.running.abort().await;
});

both!(sec_o08_every_way_to_a_code_has_the_same_limit, async |world| {
    let (mut own, phone) = renate(&world).await;
    let wrong = phone.wrong_code(&world);
    let new = own.scans().await;
    let mut thief = world.browser();
    thief.gives_the_password(EMAIL).await;
    assert_eq!(thief.types_code(&wrong).await.status, 422);
    let recovery = [("code", "AAAA-AAAA-AAAA-AAAA")];
    assert_eq!(thief.post("/anmelden/wiederherstellung", &recovery).await.status, 422);
    let form = [("serial", "A-1001"), ("code", wrong.as_str()), ("current", PASSWORD)];
    assert_eq!(own.post("/sicherheit/app/geraet", &form).await.status, 422);
    for _ in 0..2 {
        let confirmed = own.post("/sicherheit/app/verbinden", &[("code", &new.wrong_code(&world))]).await;
        assert_eq!(confirmed.status, 422);
    }
    assert_eq!(thief.types_code(&wrong).await.status, 429);
    assert_eq!(thief.post("/anmelden/wiederherstellung", &recovery).await.status, 429);
    assert_eq!(own.post("/sicherheit/app/geraet", &form).await.status, 429);
    assert_eq!(own.post("/sicherheit/app/verbinden", &[("code", &new.code(&world))]).await.status, 429);
});

both!(sec_p04_half_a_sign_in_is_none, async |world| {
    let [parken, bibliothek] = two_services(&world).await;
    let (mut own, phone) = renate(&world).await;
    parken.code(&mut own, &[]).await;
    let mut thief = world.browser();
    let page = thief.visit(&parken.request(&[])).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    thief.post(&format!("/anmelden{flow}"), &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert!(!thief.is_signed_in());
    for path in ["/weiter", "/einwilligung", "/konto", "/profil", "/sicherheit", "/sicherheit/app", "/daten/export"] {
        let answer = thief.get(&format!("{path}{flow}")).await;
        assert_eq!(answer.status, 303, "{path}");
        let page = thief.follow(answer).await;
        assert!(page.status == 200 && page.body.contains("name=\"password\""), "{path}: {page:?}");
    }
    let jumped = thief.post(&format!("/einwilligung{flow}"), &[("antwort", "ja")]).await;
    assert!(jumped.status == 303 && jumped.location() == format!("/weiter{flow}"), "{jumped:?}");
    let page = thief.visit(&bibliothek.request(&[])).await;
    assert!(page.status == 200 && page.body.contains("name=\"password\""), "another service: {page:?}");
    let quiet = thief.get(&parken.request(&[("prompt", "none")])).await;
    assert_eq!(quiet.parameter("error").as_deref(), Some("login_required"));
    // Nor is the browser one that the account knows.
    assert_eq!(world.rows("device").await, 1);
    assert!(!thief.cookies.contains_key("nk_g"));
    // The same browser, the right code: only now.
    thief.get(&format!("/anmelden/code{flow}")).await;
    let begun = thief.post(&format!("/anmelden/code{flow}"), &[("code", &phone.code(&world))]).await;
    assert_eq!(begun.location(), format!("/weiter{flow}"));
    assert!(thief.is_signed_in());
});

both!(sec_p04_what_waits_belongs_to_its_browser, async |world| {
    let (_, phone) = renate(&world).await;
    world.browser().gives_the_password(EMAIL).await;
    let mut stranger = world.browser();
    stranger.get("/anmelden").await;
    assert_eq!(stranger.types_code(&phone.code(&world)).await.location(), "/anmelden");
    let codes = stranger.post("/anmelden/wiederherstellung", &[("code", "AAAA-AAAA-AAAA-AAAA")]).await;
    assert_eq!(codes.location(), "/anmelden");
    assert!(!stranger.is_signed_in());
});

both!(sec_p04_a_reset_by_mail_does_not_replace_the_code, async |world| {
    let (_, phone) = renate(&world).await;
    let mut waiting = world.browser();
    waiting.gives_the_password(EMAIL).await;
    let mut thief = world.browser();
    let code = thief.reset_code(&world, EMAIL).await;
    thief.post("/wieder-anmelden/code", &[("code", &code)]).await;
    let set = thief.post("/wieder-anmelden/passwort", &[("password", "neues-passwort-mit-wolken")]).await;
    assert_eq!(set.location(), "/wieder-anmelden/fertig");
    assert!(!thief.is_signed_in());
    let begun = thief.sign_in(EMAIL, "neues-passwort-mit-wolken").await;
    assert_eq!(begun.location(), "/anmelden/code", "the second factor is still wanted");
    assert!(!thief.is_signed_in());
    let late = waiting.types_code(&phone.code(&world)).await;
    assert_eq!(late.location(), "/anmelden", "what waited with the old password has ended");
    assert!(!waiting.is_signed_in());
});

both!(sec_p05_nothing_is_added_or_removed_without_the_password, async |world| {
    let (mut own, _) = renate(&world).await;
    let page = own.get("/sicherheit/app").await.body;
    let path = page.split_once("id=\"entfernen-1\" href=\"").unwrap().1.split('"').next().unwrap().to_owned();
    for current in ["", "falsch-falsch-falsch"] {
        assert_eq!(own.post("/sicherheit/app/neu", &[("current", current)]).await.status, 422);
        assert_eq!(own.post(&path, &[("current", current)]).await.status, 422);
        let form = [("serial", "A-1001"), ("code", "123456"), ("current", current)];
        assert_eq!(own.post("/sicherheit/app/geraet", &form).await.status, 422);
    }
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    assert_eq!(mallory.get(&path).await.status, 404, "somebody else's");
    assert_eq!(mallory.post(&path, &[("current", PASSWORD)]).await.status, 404);
    assert_eq!(world.rows("code_generator").await, 1);
});

both!(sec_p05_no_weaker_session_removes_a_stronger_means, async |mut world| {
    world.restart(devices_are_substantial).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let device = renate.registers_a_device(&world, "A-1001").await;
    let phone = renate.sets_up_a_code_app(&world).await;
    is_known(&world, Level::Substantial).await;
    let mut weak = world.browser();
    weak.signs_in_with_a_code(&world, EMAIL, &phone).await;
    let page = weak.get("/sicherheit/app").await.body;
    let path = page.split_once("id=\"entfernen-1\" href=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let refused = weak.get(&path).await;
    assert!(refused.status == 403 && refused.body.contains("ist schwächer"), "{}", refused.body);
    let refused = weak.post(&path, &[("current", PASSWORD)]).await;
    assert!(refused.status == 403 && refused.body.contains("Vertrauensniveau substanziell"), "{}", refused.body);
    assert_eq!(world.rows("code_generator").await, 2);
    let mut strong = world.browser();
    strong.signs_in_with_a_code(&world, EMAIL, &device).await;
    // Half an hour without a click, and the session is weaker again.
    let mut tired = strong.clone();
    world.pass(Duration::from_secs(30 * 60));
    assert_eq!(tired.get(&path).await.status, 403);
    strong.post("/abmelden", &[]).await;
    strong.signs_in_with_a_code(&world, EMAIL, &device).await;
    strong.get(&path).await;
    assert_eq!(strong.post(&path, &[("current", PASSWORD)]).await.location(), "/sicherheit/app?erledigt=entfernt");
    world.mail_about(EMAIL, "entfernt").await;
    let lowered = world.texts("SELECT detail FROM audit_event WHERE kind = 'identity.lowered'").await;
    assert_eq!(lowered, ["{\"level\":\"low\"}"], "what the device carried does not stay");
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["low"]);
});

both!(sec_p06_a_recovery_code_is_used_once_also_in_parallel, async |world| {
    let (browsers, _) = known_browsers(&world, PARALLEL).await;
    let node = world.second_node().await;
    let codes = plant_codes(&world).await;
    let spread = |(number, browser): (usize, &Browser)| {
        if number % 2 == 1 { browser.at(node.running.address) } else { browser.clone() }
    };
    let everywhere: Vec<Browser> = browsers.iter().enumerate().map(spread).collect();
    let (statuses, begun) = statuses(everywhere, "/anmelden/wiederherstellung", &codes[0]).await;
    assert_eq!(begun, 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    node.running.abort().await;
});

/// Ten new codes of the only account, as a registration makes them.
async fn plant_codes(world: &World) -> Vec<String> {
    use nutzerkonto::kernel::id::AccountId;
    use nutzerkonto::signin::recovery_codes;
    use nutzerkonto::store::work::Actor;
    let id = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    let codes = recovery_codes::generate(&work.random);
    recovery_codes::replace(&mut work, &world.app.vault, &id, &codes).await.unwrap();
    work.commit().await.unwrap();
    codes
}

both!(sec_p06_recovery_codes_are_ten_of_eighty_bits_hashed_and_low, async |mut world| {
    world.restart(devices_are_substantial).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let codes = renate.renews_recovery_codes().await;
    renate.registers_a_device(&world, "A-1001").await;
    is_known(&world, Level::Substantial).await;
    assert_eq!(codes.len(), 10);
    // Crockford's 32 letters are five bits each.
    assert!(codes.iter().all(|code| code.replace('-', "").len() * 5 == 80));
    let dump = format!("{:?}", world.dump().await);
    for code in &codes {
        assert!(!dump.contains(code.as_str()) && !dump.contains(&code.replace('-', "")), "in the database");
    }
    let mut other = world.browser();
    other.gives_the_password(EMAIL).await;
    other.get("/anmelden/wiederherstellung").await;
    let begun = other.post("/anmelden/wiederherstellung", &[("code", &codes[0])]).await;
    assert_eq!(begun.status, 303);
    let levels = world.texts("SELECT level || ' ' || methods FROM session ORDER BY id DESC").await;
    assert_eq!(levels[0], "low pwd", "never above low, and no word of a second factor");
    let mut again = world.browser();
    again.gives_the_password(EMAIL).await;
    again.get("/anmelden/wiederherstellung").await;
    let used = again.post("/anmelden/wiederherstellung", &[("code", &codes[0])]).await;
    assert!(used.status == 422 && used.body.contains("schon benutzt"), "{}", used.body);
    // Somebody else's code, and one that has been replaced.
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Öztürk"]).await;
    let foreign = emre.renews_recovery_codes().await;
    let page = again.post("/anmelden/wiederherstellung", &[("code", &foreign[0])]).await;
    assert!(page.status == 422 && page.body.contains("gibt es nicht"), "{}", page.body);
    assert_eq!(again.post("/anmelden/wiederherstellung", &[("code", &codes[1])]).await.status, 303);
});

// Codes and secrets stand nowhere in the open.
both!(sec_p06_a_dump_has_no_secret_of_a_generator, async |world| {
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    renate.get("/sicherheit/app/neu").await;
    renate.post("/sicherheit/app/neu", &[("current", PASSWORD), ("name", "Renates Telefon")]).await;
    let page = renate.get("/sicherheit/app/verbinden").await;
    let key = page.body.split_once("id=\"schluessel\">").unwrap().1.split('<').next().unwrap().to_owned();
    let secret = nutzerkonto::kernel::one_time_code::decode(&key).unwrap();
    let hex: String = secret.expose().iter().map(|byte| format!("{byte:02x}")).collect();
    let dump = format!("{:?}", world.dump().await).to_lowercase();
    for text in [hex.as_str(), &key.replace(' ', "").to_lowercase(), &"Renates Telefon".to_lowercase()] {
        assert!(!dump.contains(text), "{text}");
    }
    assert!(dump.contains("mea_"), "the dump sees the row");
});
