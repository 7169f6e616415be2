//! People register; attack groups B, O and S as far as they touch registration.

use crate::both;
use crate::support::browser::PASSWORD;

both!(renate_registers, async |world| {
    let mut renate = world.browser();
    let done = renate.register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    assert_eq!((done.status, done.location()), (303, "/registrieren/fertig"));
    assert!(renate.get("/registrieren/fertig").await.body.contains("Renate Muster"));
    let profile = renate.get("/profil").await;
    for text in
        ["Renate", "Muster", "12. Mai 1959", "renate@example.org", "von Ihnen angegeben", "23. November 2026", "Basis"]
    {
        assert!(profile.body.contains(text), "{text}");
    }
});

both!(suharto_has_one_name, async |world| {
    let mut suharto = world.browser();
    suharto.language = "en";
    suharto.register(&world, "suharto@example.org", ["", "Suharto"]).await;
    assert!(suharto.get("/konto").await.heading().contains("Suharto"));
});

both!(sec_o01_a_known_address_gets_the_same_answer, async |world| {
    let mut renate = world.browser();
    renate.register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    let mut answers = Vec::new();
    for address in ["renate@example.org", "nobody@example.org"] {
        let mut stranger = world.browser();
        stranger.get("/registrieren/email").await;
        let sent = stranger.post("/registrieren/email", &[("email", address)]).await;
        let page = stranger.get("/registrieren/code").await;
        let body = page.body.replace(&stranger.csrf, "").replace("r…@", "…@").replace("n…@", "…@");
        answers.push((sent.status, sent.location().to_owned(), page.status, body));
    }
    assert_eq!(answers[0], answers[1]);
    let mail = world.mail_to("renate@example.org").await;
    assert!(mail.subject.contains("schon") || mail.body.contains("schon ein Konto"), "{}", mail.body);
    assert!(!mail.body.split(|c: char| !c.is_ascii_digit()).any(|part| part.len() == 6), "no code for a known address");
});

both!(sec_s09_a_code_is_wrong_five_times_and_then_void, async |world| {
    let mut renate = world.browser();
    renate.get("/registrieren/email").await;
    renate.post("/registrieren/email", &[("email", "renate@example.org")]).await;
    let code = world.code_for("renate@example.org").await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(renate.post("/registrieren/code", &[("code", wrong)]).await.status, 422);
    }
    assert_eq!(renate.post("/registrieren/code", &[("code", &code)]).await.status, 422, "the right one comes too late");
});

both!(sec_s09_a_code_expires_and_belongs_to_its_browser, async |world| {
    let mut renate = world.browser();
    renate.get("/registrieren/email").await;
    renate.post("/registrieren/email", &[("email", "renate@example.org")]).await;
    let code = world.code_for("renate@example.org").await;
    let mut stranger = world.browser();
    stranger.get("/registrieren/email").await;
    stranger.post("/registrieren/email", &[("email", "emre@example.org")]).await;
    assert_eq!(stranger.post("/registrieren/code", &[("code", &code)]).await.status, 422, "another browser");
    world.pass(std::time::Duration::from_secs(601));
    assert_eq!(renate.post("/registrieren/code", &[("code", &code)]).await.status, 422, "after ten minutes");
});

both!(sec_b02_steps_cannot_be_skipped, async |world| {
    let mut stranger = world.browser();
    stranger.get("/registrieren/email").await;
    let steps = ["code", "name", "passwort", "wiederherstellung", "pruefen"];
    for step in steps {
        let refused = stranger
            .post(&format!("/registrieren/{step}"), &[("code", "123456"), ("kept", "ja"), ("password", PASSWORD)])
            .await;
        assert_eq!(refused.status, 409, "{step} without a registration");
    }
    stranger.post("/registrieren/email", &[("email", "renate@example.org")]).await;
    for step in &steps[1..] {
        let refused = stranger.post(&format!("/registrieren/{step}"), &[("kept", "ja"), ("password", PASSWORD)]).await;
        assert_eq!(refused.status, 409, "{step} before the code");
    }
    assert_eq!(world.rows("account").await, 0);
});

both!(a_half_finished_registration_survives_a_restart, async |mut world| {
    let mut renate = world.browser();
    renate.get("/registrieren/email").await;
    renate.post("/registrieren/email", &[("email", "renate@example.org")]).await;
    let code = world.code_for("renate@example.org").await;
    world.restart(|_| {}).await;
    let mut renate = renate.at(world.address());
    assert_eq!(renate.post("/registrieren/code", &[("code", &code)]).await.location(), "/registrieren/name");
});

both!(sec_s02_of_two_registrations_with_one_address_one_wins, async |world| {
    let mut browsers = [world.browser(), world.browser()];
    for browser in &mut browsers {
        browser.get("/registrieren/email").await;
        browser.post("/registrieren/email", &[("email", "renate@example.org")]).await;
        let code = world.code_for("renate@example.org").await;
        browser.post("/registrieren/code", &[("code", &code)]).await;
        let birth = [("birth_day", "12"), ("birth_month", "5"), ("birth_year", "1959")];
        browser
            .post("/registrieren/name", &[&[("given_names", "Renate"), ("family_name", "Muster")][..], &birth].concat())
            .await;
        browser.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
        browser.post("/registrieren/wiederherstellung", &[("kept", "ja")]).await;
    }
    let [first, second] = &mut browsers;
    let (one, two) = tokio::join!(first.post("/registrieren/pruefen", &[]), second.post("/registrieren/pruefen", &[]));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    assert_eq!(world.rows("account").await, 1);
});
