//! Keys of organisations: given on the pages, used by a program, ended, taken over, and of which mails speak.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::{days, minutes};
use nutzerkonto::organisation::machine::tend;
use serde_json::{Value, json};

use crate::both;
use crate::security_assertion::Signer;
use crate::support::acting::SCOPE;
use crate::support::browser::PASSWORD;
use crate::support::machine::{API, READ, declaration, form, known};
use crate::support::organisation::NADINE;
use crate::support::service::claims;
use crate::support::{Browser, Service, World};

const KURT: &str = "kurt@example.org";

both!(nadine_gives_a_program_a_key, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    assert!(nadine.get(&firm.path("schluessel")).await.body.contains("Zurzeit hat kein Programm einen Schlüssel"));
    let signer = Signer::new("programm");
    let jwk = signer.jwk().to_string();
    let check = firm.sends(&mut nadine, "schluessel/neu", &form(&jwk, "pruefen")).await;
    assert!(check.status == 200 && check.body.contains("Meldungen senden"), "{check:?}");
    assert!(!check.body.contains("Antworten senden") && check.body.contains("22. Mai 2027"), "{check:?}");
    assert_eq!(world.rows("organisation_key").await, 0, "nothing counts before it was checked");
    let program = firm.gives_key(&mut nadine).await;
    world.mail_about(NADINE, "neuen Schlüssel").await;
    let page = nadine.get(&firm.path(&format!("schluessel/{}", program.id()))).await.body;
    assert!(page.contains(&format!("id=\"client-id\">{}<", program.id())) && page.contains("noch nie"), "{page}");

    let answer = program.asks(&world, &[]).await;
    let tokens = answer.json();
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&"meldung.senden".into(), &300.into()));
    assert_eq!((tokens.get("refresh_token"), tokens.get("id_token")), (None, None));
    let token = tokens["access_token"].as_str().unwrap();
    let said = claims(token);
    let organisation = json!({
        "name": "Bäckerei Weber", "legal_form": "association", "seat": "Mainz", "level": "http://bsi.bund.de/eID/LoA/undefined",
    });
    assert_eq!((&said["aud"], &said["client_id"]), (&API.into(), &program.id().into()));
    assert_eq!((&said["organisation"], said.get("act"), said.get("acr")), (&organisation, None, None));
    assert!(!token.contains(firm.id.as_str()) && !said.to_string().contains(firm.id.as_str()));
    let told = known(&world, token).await;
    assert_eq!((&told["active"], &told["sub"]), (&true.into(), &said["sub"]));
    assert_eq!((&told["organisation"], &told["scope"]), (&organisation, &"meldung.senden".into()));
    assert_eq!(Service::new("api").userinfo(&world, token).await.status, 401);
    // The API knows the organisation by what it knows when Nadine acts for it.
    nadine.acts_for(&firm.membership).await;
    let acting = Service::new("api").tokens_of(&world, &mut nadine, &[SCOPE]).await;
    assert_eq!(claims(acting["access_token"].as_str().unwrap())["sub"], said["sub"]);

    // Its use is written down once an hour.
    let used = async || world.texts("SELECT CAST(last_used_at AS TEXT) FROM organisation_key").await.remove(0);
    let first = used().await;
    world.pass(minutes(59));
    program.token(&world).await;
    assert_eq!(used().await, first);
    world.pass(minutes(2));
    program.token(&world).await;
    assert_ne!(used().await, first);
    let subjects = world.texts("SELECT subject FROM audit_event WHERE kind = 'organisation_key.made' ORDER BY 1").await;
    assert_eq!(subjects, [firm.founder.to_string(), firm.id.to_string()]);
    nadine.sign_in(NADINE, PASSWORD).await;
    assert!(nadine.get("/daten/protokoll").await.body.contains("Schlüssel für ein Programm von Bäckerei Weber"));
});

both!(what_the_form_lacks_is_named, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    let jwk = Signer::new("programm").jwk();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut jwk = jwk.clone();
        change(&mut jwk);
        jwk.to_string()
    };
    let (good, private) = (with(&|_| {}), with(&|key| key["d"] = json!("geheim")));
    let secret = "-----BEGIN PRIVATE KEY-----\ngeheim\n-----END PRIVATE KEY-----";
    for (field, value, told) in [
        ("name", "", "Geben Sie einen Namen ein"),
        ("name", "<b>", "Geben Sie einen Namen ein"),
        ("schluessel", "", "kein öffentlicher Schlüssel"),
        ("schluessel", &with(&|key| key["crv"] = json!("P-384")), "kein öffentlicher Schlüssel"),
        ("schluessel", &private, "Das ist ein privater Schlüssel"),
        ("schluessel", secret, "Das ist ein privater Schlüssel"),
        ("recht", "", "Wählen Sie nur"),
        ("recht", "api alles", "Wählen Sie nur"),
        ("tage", "366", "Wählen Sie"),
    ] {
        let mut form = form(&good, "anlegen");
        form.iter_mut().filter(|(name, _)| *name == field).for_each(|(_, typed)| *typed = value);
        let again = firm.sends(&mut nadine, "schluessel/neu", &form).await;
        assert!(again.status == 422 && again.body.contains(told), "{field} {value}: {again:?}");
        assert!(!again.body.contains("geheim"), "a private key does not come back");
    }
    let none = firm.sends(&mut nadine, "schluessel/neu", &[("name", "x"), ("schluessel", &good)]).await;
    assert!(none.status == 422 && none.body.contains("Wählen Sie mindestens eine Sache"));
    assert_eq!(world.rows("organisation_key").await, 0);
    // The same key pair never comes twice, not after its end either.
    assert_eq!(firm.sends(&mut nadine, "schluessel/neu", &form(&good, "anlegen")).await.status, 303);
    world.change("UPDATE organisation_key SET ended_at = 1").await;
    let twice = firm.sends(&mut nadine, "schluessel/neu", &form(&good, "anlegen")).await;
    assert!(twice.status == 422 && twice.body.contains("hat oder hatte die Organisation schon"), "{twice:?}");
    // Twenty at a time; what has ended does not count.
    for _ in 0..20 {
        firm.gives_key(&mut nadine).await;
    }
    let other = Signer::new("programm").jwk().to_string();
    let many = firm.sends(&mut nadine, "schluessel/neu", &form(&other, "anlegen")).await;
    assert!(many.status == 422 && many.body.contains("Mehr als 20 Schlüssel"), "{many:?}");
});

/// Kurt, who administrates, and what else is his.
async fn kurt(world: &World, firm: &crate::support::organisation::Firm, rights: &[&str]) -> (Browser, String) {
    let (browser, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let member = world.joins(firm, KURT, rights).await;
    (browser, member)
}

// A key can do no more than who answers for it.
both!(sec_t06_who_may_give_and_end_a_key, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    let (mut kurt, _) = kurt(&world, &firm, &["administration:"]).await;
    let program = firm.gives_key(&mut nadine).await;
    let page = format!("schluessel/{}", program.id());
    // He may not use the service himself: nothing to choose, nothing to take over.
    assert!(kurt.get(&firm.path("schluessel/neu")).await.body.contains("id=\"keine\""));
    let jwk = Signer::new("programm").jwk().to_string();
    assert_eq!(firm.sends(&mut kurt, "schluessel/neu", &form(&jwk, "anlegen")).await.status, 422);
    assert_eq!(firm.sends(&mut kurt, &page, &[("aktion", "uebernehmen")]).await.status, 403);
    // Another organisation's key is not there.
    let elsewhere = world.firm(KURT, "Anderswo").await;
    assert_eq!(kurt.get(&elsewhere.path(&page)).await.status, 404);
    assert_eq!(firm.sends(&mut kurt, "schluessel", &[]).await.status, 405);
    kurt.get(&elsewhere.path("schluessel")).await;
    assert_eq!(kurt.post(&elsewhere.path(&page), &[("aktion", "beenden")]).await.status, 404);
    assert_eq!(program.asks(&world, &[]).await.status, 200);
    // A weak session is led to where it gets stronger, one that is not fresh is asked for the password.
    let mut weak = world.browser();
    weak.sign_in(NADINE, PASSWORD).await;
    assert!(weak.get(&firm.path("schluessel/neu")).await.location().starts_with("/anmelden/niveau?ziel="));
    world.pass(minutes(6));
    let asked = firm.sends(&mut nadine, "schluessel/neu", &form(&jwk, "anlegen")).await;
    assert!(asked.status == 422 && asked.body.contains("name=\"current\""), "{asked:?}");
    let asked = firm.sends(&mut kurt, &page, &[("aktion", "beenden"), ("current", "falsch")]).await;
    assert!(asked.status == 422 && asked.body.contains("name=\"current\""), "{asked:?}");
    let mut confirmed = form(&jwk, "anlegen");
    confirmed.push(("current", PASSWORD));
    assert_eq!(firm.sends(&mut nadine, "schluessel/neu", &confirmed).await.status, 303);
    // Who administrates ends any.
    let ended = firm.sends(&mut kurt, &page, &[("aktion", "beenden"), ("current", PASSWORD)]).await;
    assert_eq!(ended.location(), firm.path("schluessel?erledigt=beendet"), "{ended:?}");
    world.mail_about(NADINE, "ist beendet").await;
    assert_eq!(program.asks(&world, &[]).await.status, 401);
    let again = firm.sends(&mut kurt, &page, &[("aktion", "beenden"), ("current", PASSWORD)]).await;
    assert_eq!(again.status, 404);
});

both!(when_its_owner_leaves_another_takes_it_over, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    let (mut kurt, _) = kurt(&world, &firm, &["administration:", "use_service:api"]).await;
    let program = firm.gives_key(&mut kurt).await;
    let token = program.token(&world).await;
    assert_eq!(firm.sends(&mut kurt, "verlassen", &[("aktion", "verlassen")]).await.status, 303);
    world.mail_about(NADINE, "niemand mehr verantwortlich").await;
    assert_eq!(known(&world, &token).await, json!({ "active": false }));
    let refused = program.asks(&world, &[]).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &"unauthorized_client".into()));
    let page = format!("schluessel/{}", program.id());
    assert!(nadine.get(&firm.path(&page)).await.body.contains("Zählt zurzeit nicht: Kurt Koch"));
    assert_eq!(firm.sends(&mut nadine, &page, &[("aktion", "uebernehmen")]).await.status, 303);
    assert!(nadine.get(&firm.path(&page)).await.body.contains("Verantwortlich: Nadine Weber"));
    assert_eq!(known(&world, &token).await["active"], true);
    program.token(&world).await;
    let protocol = nadine.get(&firm.path("protokoll")).await.body;
    assert!(protocol.contains("Verantwortung für einen Schlüssel übernommen") && protocol.contains(program.id()));
});

/// Who reads in which protocol that a key has stopped, and the mails about it.
async fn stopped(world: &World) -> (Vec<String>, usize) {
    let subjects = "SELECT subject FROM audit_event WHERE kind = 'organisation_key.stopped' ORDER BY 1";
    let subjects = world.texts(subjects).await;
    world.settle().await;
    let mails = world.mails.lock().unwrap().iter().filter(|mail| mail.subject.contains("zählt nicht mehr")).count();
    (subjects, mails)
}

both!(when_its_owner_loses_a_right_those_in_charge_are_told, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    let (mut kurt, member) = kurt(&world, &firm, &["administration:", "use_service:api", "audit:"]).await;
    let program = firm.gives_key(&mut kurt).await;
    program.token(&world).await;
    let page = format!("mitglieder/{member}");
    // What the key does not need may go.
    let take = |right| [("aktion", "entziehen"), ("recht", right)];
    assert_eq!(firm.sends(&mut nadine, &page, &take("audit:")).await.status, 303);
    tend(&world.app).await.unwrap();
    assert_eq!(stopped(&world).await, (vec![], 0));
    // Without the right to use the API it counts no more, at that moment.
    assert_eq!(firm.sends(&mut nadine, &page, &take("use_service:api")).await.status, 303);
    assert_eq!(program.asks(&world, &[]).await.status, 400);
    let account = world.account(KURT).await.to_string();
    let both = vec![account.clone(), firm.id.to_string()];
    let in_charge = 2;
    assert_eq!(stopped(&world).await, (both.clone(), in_charge));
    let mail = world.mail_about(NADINE, "zählt nicht mehr").await;
    assert!(mail.body.contains("Bäckerei Weber") && mail.body.contains("darf nicht mehr"), "{}", mail.body);
    let protocol = nadine.get(&firm.path("protokoll")).await.body;
    assert!(protocol.contains("weil der verantwortlichen Person ein Recht fehlt") && protocol.contains(program.id()));
    assert!(kurt.get("/daten/protokoll").await.body.contains("weil dafür ein Recht fehlt"));
    // Once, whatever else he loses, and however often somebody looks.
    assert_eq!(firm.sends(&mut nadine, &page, &take("administration:")).await.status, 303);
    tend(&world.app).await.unwrap();
    assert_eq!(stopped(&world).await.0, both);
    // It counts again, and stops again, this time because a day is over.
    let member = nutzerkonto::kernel::id::MembershipId::parse(&member).unwrap();
    world.gives(&firm, &member, &["administration:", "use_service:api"]).await;
    tend(&world.app).await.unwrap();
    program.token(&world).await;
    let until = world.app.now().plus(days(1)).milliseconds();
    world
        .change(&format!("UPDATE membership_right SET valid_until = {until} WHERE membership_id = '{member}' AND kind = 'use_service'"))
        .await;
    tend(&world.app).await.unwrap();
    assert_eq!(stopped(&world).await.0, both);
    world.pass(days(1));
    for _ in 0..2 {
        tend(&world.app).await.unwrap();
    }
    let mut twice = [both.clone(), both].concat();
    twice.sort();
    assert_eq!(stopped(&world).await.0, twice, "by the job");
    // Where nobody may act at all, that is another story, which is told elsewhere.
    world.gives(&firm, &member, &["use_service:api"]).await;
    tend(&world.app).await.unwrap();
    world.organisation_is(&firm.id, nutzerkonto::organisation::State::Blocked).await;
    tend(&world.app).await.unwrap();
    assert_eq!(stopped(&world).await.0, twice);
});

both!(a_board_that_hands_over_hears_of_its_keys, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    let (mut kurt, member) = kurt(&world, &firm, &[]).await;
    let program = firm.gives_key(&mut nadine).await;
    program.token(&world).await;
    let offer = [
        ("aktion", "anbieten"),
        ("mitglied", member.as_str()),
        ("recht", "administration"),
        ("recht", "representation"),
    ];
    nadine.get(&firm.path(&format!("uebergabe?an={member}"))).await;
    assert_eq!(nadine.post(&firm.path("uebergabe"), &offer).await.status, 303);
    let id = kurt.get(&firm.path("uebergabe")).await.hidden("uebergabe");
    let accept = [("aktion", "annehmen"), ("uebergabe", id.as_str())];
    assert_eq!(kurt.post(&firm.path("uebergabe"), &accept).await.status, 303);
    assert_eq!(program.asks(&world, &[]).await.status, 400);
    let (subjects, mails) = stopped(&world).await;
    assert_eq!((subjects.len(), mails), (2, 1), "who is in charge by now");
    world.mail_about(KURT, "zählt nicht mehr").await;
    let page = format!("schluessel/{}", program.id());
    assert_eq!(firm.sends(&mut kurt, &page, &[("aktion", "uebernehmen")]).await.status, 303);
    program.token(&world).await;
    tend(&world.app).await.unwrap();
    assert_eq!(stopped(&world).await.0.len(), 2);
});

both!(people_are_told_before_a_key_ends, async |world| {
    world.clients(&declaration("")).await;
    let (mut nadine, firm) = world.bakery().await;
    firm.gives_key(&mut nadine).await;
    world.mail_about(NADINE, "neuen Schlüssel").await;
    let told = async || {
        tend(&world.app).await.unwrap();
        world.texts("SELECT id FROM audit_event WHERE kind = 'organisation_key.reminded'").await.len() / 2
    };
    let mut count = Vec::new();
    for passed in [0, 149, 1, 1, 21, 1, 1, 5, 1, 1] {
        world.pass(days(passed));
        count.push(told().await);
    }
    assert_eq!(count, [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]);
    let mail = world.mail_about(NADINE, "läuft ab").await;
    assert!(mail.body.contains("22. Mai 2027"), "{}", mail.body);
    // Who has chosen a short time is told of the last week only.
    nadine = world.representative("emre@example.org", ["Emre", "Kaya"]).await;
    let other = world.firm("emre@example.org", "Anderswo").await;
    let jwk = Signer::new("programm").jwk().to_string();
    let mut short = form(&jwk, "anlegen");
    short[3].1 = "30";
    short.push(("recht", READ));
    assert_eq!(other.sends(&mut nadine, "schluessel/neu", &short).await.status, 303);
    assert_eq!(
        world.texts("SELECT scope FROM organisation_key WHERE told_days = 30").await,
        ["meldung.senden meldung.lesen"]
    );
    assert_eq!(told().await, 2);
    world.pass(days(23));
    assert_eq!(told().await, 3);
});
