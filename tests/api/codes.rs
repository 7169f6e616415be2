//! Code apps and code devices: set up, used, lost, removed.

use nutzerkonto::account::Source;
use nutzerkonto::account::evidence::{self, Record};
use nutzerkonto::config::Config;
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::signin::code_device;
use nutzerkonto::store::work::Actor;

use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::support::browser::PASSWORD;
use crate::support::phone::STEP;
use crate::support::service::{claims, vorgang};
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, World};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// The operator's rule that codes of devices are substantial.
pub fn devices_are_substantial(config: &mut Config) {
    let rule = "[[assurance.rules]]\nvalid_from = \"2026-01-01\"\nmeans = \"device_code\"\nlevel = \"substantial\"\n\
                signed_by = \"Dr. Beispiel\"\nreason = \"Probe\"\n";
    config.assurance = Config::parse(&format!("issuer = \"https://a.example\"\n{rule}")).unwrap().assurance;
}

/// An official has compared the only account's owner with an identity document.
pub async fn is_known(world: &World, level: Level) {
    let id = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    evidence::prove(&mut work, &world.app.vault, &id, (level, Source::RegistrationDesk), Record::default())
        .await
        .unwrap();
    work.commit().await.unwrap();
}

both!(renate_sets_up_a_code_app_and_signs_in_with_it, async |world| {
    let mut renate = renate(&world).await;
    assert!(renate.get("/registrieren/fertig").await.body.contains("href=\"/sicherheit/app\""));
    assert!(renate.get("/sicherheit/app").await.body.contains("Noch ist keine Code-App eingerichtet."));
    let page = renate.get("/sicherheit/app/neu").await;
    assert_eq!(page.status, 200);
    assert_eq!(renate.get("/sicherheit/app/verbinden").await.location(), "/sicherheit/app/neu");
    let phone = renate.sets_up_a_code_app(&world).await;
    world.mail_about(EMAIL, "fragt jetzt nach einem Code").await;
    let list = renate.get("/sicherheit/app").await.body;
    assert!(list.contains("Mein Handy") && list.contains("Vertrauensniveau niedrig"), "{list}");
    assert_eq!(
        renate.get("/sicherheit/app/verbinden").await.location(),
        "/sicherheit/app/neu",
        "the key is not shown again"
    );
    let mut other = world.browser();
    other.gives_the_password(EMAIL).await;
    let page = other.get("/anmelden/code").await.body;
    assert!(page.contains("autocomplete=\"one-time-code\"") && page.contains("inputmode=\"numeric\""));
    assert_eq!(other.types_code("").await.status, 422);
    assert_eq!(other.types_code(&phone.wrong_code(&world)).await.status, 422);
    let code = phone.code(&world);
    let begun = other.types_code(&format!(" {} {}\u{a0}", &code[..3], &code[3..])).await;
    assert_eq!((begun.status, begun.location()), (303, "/konto"));
    assert_eq!(other.get("/konto").await.status, 200);
    world.mail_about(EMAIL, "Neue Anmeldung").await;
    let history = other.get("/sicherheit/verlauf").await.body;
    for line in ["Angemeldet mit Passwort und Code", "falscher Code, nicht angemeldet", "eingerichtet"] {
        assert!(history.contains(line), "{line}: {history}");
    }
    let protocol = other.get("/daten/protokoll").await.body;
    assert!(protocol.contains("Code-App oder Code-Gerät eingerichtet"), "{protocol}");
});

both!(the_code_is_asked_on_the_way_to_a_service, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = renate(&world).await;
    let phone = renate.sets_up_a_code_app(&world).await;
    let mut other = world.browser();
    let page = other.visit(&parken.request(&[])).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    let asked = other.post(&format!("/anmelden{flow}"), &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(asked.location(), format!("/anmelden/code{flow}"));
    let page = other.follow(asked).await;
    assert!(page.body.contains(&format!("/anmelden/wiederherstellung{flow}")), "{}", page.body);
    let begun = other.post(&format!("/anmelden/code{flow}"), &[("code", &phone.code(&world))]).await;
    assert_eq!(begun.location(), format!("/weiter{flow}"));
    other.follow(begun).await;
    let code = parken.code(&mut other, &[]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    let claims = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(claims["amr"], serde_json::json!(["pwd", "otp", "mfa"]));
});

both!(a_sign_in_that_waits_survives_a_restart_and_ends_after_ten_minutes, async |mut world| {
    let mut renate = renate(&world).await;
    let phone = renate.sets_up_a_code_app(&world).await;
    let mut other = world.browser();
    other.gives_the_password(EMAIL).await;
    world.restart(|_| {}).await;
    assert_eq!(other.get("/anmelden/code").await.status, 200);
    let begun = other.types_code(&phone.code(&world)).await;
    assert_eq!(begun.location(), "/konto");
    let used = phone.code(&world);
    world.restart(|_| {}).await;
    let mut late = world.browser();
    late.gives_the_password(EMAIL).await;
    assert_eq!(late.types_code(&used).await.status, 422, "the last step is remembered");
    world.pass(std::time::Duration::from_secs(600));
    assert_eq!(late.types_code(&phone.code(&world)).await.location(), "/anmelden");
    assert_eq!(late.get("/anmelden/code").await.location(), "/anmelden");
    assert!(!late.is_signed_in());
});

both!(emre_has_lost_his_phone, async |world| {
    let mut emre = renate(&world).await;
    let codes = emre.renews_recovery_codes().await;
    assert_eq!(codes.len(), 10);
    emre.sets_up_a_code_app(&world).await;
    let mut other = world.browser();
    other.gives_the_password(EMAIL).await;
    assert_eq!(other.get("/anmelden/wiederherstellung").await.status, 200);
    for (typed, told) in
        [("", "Er hat 16 Zeichen"), ("ABCD", "gibt es nicht"), ("AAAA-AAAA-AAAA-AAAA", "gibt es nicht")]
    {
        let page = other.post("/anmelden/wiederherstellung", &[("code", typed)]).await;
        assert!(page.status == 422 && page.body.contains(told), "{typed}: {}", page.body);
    }
    let typed = codes[3].to_lowercase().replace('-', " ");
    let begun = other.post("/anmelden/wiederherstellung", &[("code", &typed)]).await;
    assert_eq!((begun.status, begun.location()), (303, "/sicherheit/app?erledigt=wieder-da"));
    let page = other.follow(begun).await;
    assert!(page.body.contains("Richten Sie jetzt einen zweiten Zugang ein") && page.body.contains("Codes: 9"));
    let mail = world.mail_about(EMAIL, "Anmeldung mit einem Wiederherstellungscode").await;
    assert!(mail.body.contains("gelten noch: 9"), "{}", mail.body);
    // The new phone, and the old one goes.
    let new = other.sets_up_a_code_app(&world).await;
    let page = other.get("/sicherheit/app").await.body;
    let old = page.split_once("id=\"entfernen-1\" href=\"").unwrap().1.split('"').next().unwrap().to_owned();
    other.get(&old).await;
    assert_eq!(other.post(&old, &[("current", "falsch-falsch-falsch")]).await.status, 422);
    let removed = other.post(&old, &[("current", PASSWORD)]).await;
    assert_eq!(removed.location(), "/sicherheit/app?erledigt=entfernt");
    world.mail_about(EMAIL, "entfernt").await;
    world.browser().signs_in_with_a_code(&world, EMAIL, &new).await;
});

both!(a_code_device_is_handed_out_once_and_raises_the_level, async |mut world| {
    world.restart(devices_are_substantial).await;
    let [parken, _] = two_services(&world).await;
    let mut renate = renate(&world).await;
    let device = renate.registers_a_device(&world, "A-1001").await;
    is_known(&world, Level::Substantial).await;
    let page = renate.get("/sicherheit/app").await.body;
    assert!(page.contains("A-1001") && page.contains("Vertrauensniveau substanziell"), "{page}");
    let mut other = world.browser();
    other.signs_in_with_a_code(&world, EMAIL, &device).await;
    let code = parken.code(&mut other, &[]).await;
    let tokens = parken.redeem(&world, &code).await.json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["acr"], Level::Substantial.acr());
    // Nobody else gets the same device, nor by importing its file once more.
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Öztürk"]).await;
    for serial in ["A-1001", "A-9999", "x"] {
        let form = [("serial", serial), ("code", &device.code(&world)), ("current", PASSWORD)];
        let page = emre.post("/sicherheit/app/geraet", &form).await;
        assert!(page.status == 422 && page.body.contains("passen nicht zusammen"), "{serial}: {}", page.body);
    }
    let again = code_device::import(&world.app, "k.muster", &format!("A-1002;{SECRET}\nA-1001;{SECRET}")).await;
    assert_eq!(again.unwrap_err(), "line 2: the serial number has been imported before");
    assert_eq!(world.rows("code_device").await, 1, "all or nothing");
    assert_eq!(
        world.texts("SELECT actor FROM audit_event WHERE kind = 'code_devices.imported'").await,
        ["operator:k.muster"]
    );
});

// Two people with one device in the same moment: one of them gets it.
both!(a_code_device_is_registered_by_one, async |world| {
    let mut people = Vec::new();
    for number in 0..4 {
        let mut person = world.browser();
        person.register(&world, &format!("person-{number}@example.org"), ["Anna", "Muster"]).await;
        person.get("/sicherheit/app/geraet").await;
        people.push(person);
    }
    code_device::import(&world.app, "k.muster", &format!("A-1001;{SECRET}")).await.unwrap();
    let code = crate::support::phone::Phone::new(SECRET).code(&world);
    let tries = people.into_iter().map(|mut person| {
        let code = code.clone();
        async move {
            let form = [("serial", "A-1001"), ("code", code.as_str()), ("current", PASSWORD)];
            person.post("/sicherheit/app/geraet", &form).await.status
        }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 422].contains(status)), "{statuses:?}");
    assert_eq!(world.rows("code_generator").await, 1);
});

both!(five_are_enough, async |world| {
    let mut renate = renate(&world).await;
    for _ in 0..5 {
        renate.sets_up_a_code_app(&world).await;
    }
    let page = renate.post("/sicherheit/app/neu", &[("current", PASSWORD)]).await;
    assert!(page.status == 422 && page.body.contains("5 Code-Apps"), "{}", page.body);
    assert!(!renate.get("/sicherheit/app").await.body.contains("id=\"einrichten\""));
    world.settle().await;
});

both!(a_copy_names_them_and_leaving_takes_them_away, async |world| {
    let mut renate = renate(&world).await;
    renate.sets_up_a_code_app(&world).await;
    let key = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &key).await;
    let account: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    let own = &account["signin"]["code_generators"][0];
    assert_eq!(
        (&own["kind"], &own["name"], &own["registered"]),
        (&"app_code".into(), &"Mein Handy".into(), &"low".into())
    );
    assert!(own.get("secret").is_none());
    world.browser().gives_the_password(EMAIL).await;
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    nutzerkonto::data::leaving::tend(&world.app).await.unwrap();
    assert_eq!((world.rows("code_generator").await, world.rows("partial_sign_in").await), (0, 0));
});

both!(nothing_is_set_up_until_a_code_was_typed, async |world| {
    let mut renate = renate(&world).await;
    let phone = renate.scans().await;
    let page = renate.get("/sicherheit/app/verbinden").await;
    assert!(page.body.contains("<svg"));
    assert_eq!(renate.post("/sicherheit/app/verbinden", &[("code", "")]).await.status, 422);
    assert_eq!(renate.post("/sicherheit/app/verbinden", &[("code", &phone.wrong_code(&world))]).await.status, 422);
    // Not yet: the password alone is enough, also in another session, which does not see the key.
    let mut other = world.browser();
    assert_eq!(other.sign_in(EMAIL, PASSWORD).await.location(), "/konto");
    assert_eq!(other.get("/sicherheit/app/verbinden").await.location(), "/sicherheit/app/neu");
    world.pass(std::time::Duration::from_secs(30 * 60));
    let late = renate.post("/sicherheit/app/verbinden", &[("code", &phone.code(&world))]).await;
    assert_eq!(late.status, 409, "half an hour is enough");
    world.pass(STEP);
});
