//! What a service gets of somebody who acts for an organisation: the organisation, and that they act.

use std::collections::BTreeSet;

use nutzerkonto::kernel::level::Level;
use serde_json::{Value, json};

use crate::both;
use crate::support::acting::{SCOPE, SCOPE_OFFLINE, WAHL, of};
use crate::support::doors::introspect;
use crate::support::organisation::{NADINE, bakery};
use crate::support::service::{claims, vorgang};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

const BAKERY: &str = "Bäckerei Weber GmbH";
/// What nobody who serves an organisation learns of Nadine.
const PRIVATE: [&str; 4] = ["Nadine", NADINE, "1959", "acc_"];

pub const BOTH: [&str; 2] = ["persons", "organisations"];

async fn parken(world: &World, serves: &[&str], extra: &str) -> Service {
    let parken = Service::new("parken");
    world.clients(&parken.serving(serves, extra)).await;
    parken
}

/// Nadine, who has said that she acts for her bakery.
async fn nadine_for_bakery(world: &World) -> Browser {
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let membership = world.membership(&bakery, NADINE).await;
    world.later();
    nadine.acts_for(&membership).await;
    nadine
}

async fn userinfo(world: &World, service: &Service, tokens: &Value) -> Value {
    let answer = service.userinfo(world, tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

both!(the_bakery_signs_in_at_a_service, async |world| {
    let parken = parken(&world, &BOTH, "").await;
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    world.later();
    // Who has a choice is asked, once.
    let page = nadine.visit(&parken.request(&[SCOPE])).await;
    assert_eq!(page.heading(), "Für wen handeln Sie?", "{}", page.body);
    assert!(page.body.contains("ist für Personen und für Organisationen da"));
    let membership = world.membership(&bakery, NADINE).await;
    let consent = nadine.chooses(&page, &membership).await;
    for text in [
        "Sie handeln für Bäckerei Weber GmbH. Der Dienst bekommt Daten der Organisation, nicht Ihre eigenen.",
        "HRB 1234, Mainz",
        "Aus Ihrem eigenen Konto erfährt er nichts.",
        "Sie sind vertretungsbefugt.",
    ] {
        assert!(consent.body.contains(text), "{text}: {}", consent.body);
    }
    assert!(!consent.body.contains(NADINE) && !consent.body.contains("1959"), "{}", consent.body);
    let back = nadine.consents(&consent).await;
    let tokens = parken.redeem(&world, &back.parameter("code").unwrap()).await.json();
    let (id, access) = (of(&tokens, "id_token"), of(&tokens, "access_token"));
    let told = userinfo(&world, &parken, &tokens).await;
    let known = introspect(&world, &parken, tokens["access_token"].as_str().unwrap()).await;
    for claims in [&id, &access, &told, &known] {
        assert_eq!((&claims["sub"], &claims["act"]), (&id["sub"], &id["act"]), "{claims}");
    }
    assert_eq!(id["act"]["role"], "representative");
    assert_eq!(id["act"].as_object().unwrap().len(), 2);
    assert_ne!(id["act"]["sub"], id["sub"]);
    assert_eq!(id["acr"], Level::Substantial.acr());
    assert_eq!(
        told["organisation"],
        json!({
            "name": BAKERY, "legal_form": "gmbh", "seat": "Mainz", "level": Level::Basic.acr(),
            "register": { "kind": "HRB", "court": "Mainz", "number": "1234" },
        })
    );
    assert_eq!(told.as_object().unwrap().len(), 3);
    for text in PRIVATE {
        for claims in [&id, &access, &told, &known] {
            assert!(!claims.to_string().contains(text), "{text}: {claims}");
        }
    }
    // The second time nobody has to do anything: one transaction for the code, one for the tokens.
    world.settle().await;
    let commits = world.app.db.commits();
    let again = parken.acting_code(&mut nadine, &[SCOPE]).await;
    assert_eq!(world.app.db.commits() - commits, 1);
    let again = parken.redeem(&world, &again).await.json();
    assert_eq!(world.app.db.commits() - commits, 2);
    assert_eq!((&of(&again, "id_token")["sub"], &of(&again, "id_token")["act"]), (&id["sub"], &id["act"]));
});

both!(what_people_do_for_themselves_is_another_story, async |world| {
    let parken = parken(&world, &BOTH, "").await;
    let mut nadine = nadine_for_bakery(&world).await;
    let acting = of(&parken.tokens_of(&world, &mut nadine, &[SCOPE]).await, "id_token");
    nadine.acts_for("ich").await;
    let page = nadine.visit(&parken.request(&[SCOPE])).await;
    assert!(page.body.contains("Eine Nummer nur für diesen Dienst") && !page.body.contains(BAKERY), "{}", page.body);
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE]).await;
    let (own, told) = (of(&tokens, "id_token"), userinfo(&world, &parken, &tokens).await);
    assert_eq!((&own["act"], &told["act"], &told["organisation"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!((&told["given_name"], &told["email"]), (&"Nadine".into(), &NADINE.into()));
    // No number of the one is one of the other.
    let numbers = [&own["sub"], &acting["sub"], &acting["act"]["sub"]].map(Value::to_string);
    assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(world.rows("consent").await + world.rows("acting_consent").await, 2, "one for each party");
    // The person ends theirs; that of the organisation stays, and the other way round.
    let before = parken.acting_code(&mut nadine, &[SCOPE]).await;
    nadine.get("/dienste/parken/beenden").await;
    nadine.post("/dienste/parken/beenden", &[("antwort", "ja")]).await;
    assert_eq!(parken.redeem(&world, &before).await.status, 400);
    assert_eq!((world.rows("consent").await, world.rows("acting_consent").await), (0, 1));
});

both!(whoever_acts_the_organisation_is_the_same, async |world| {
    let services = ["parken", "bau"].map(Service::new);
    world.clients(&services.iter().map(|one| one.serving(&BOTH, "")).collect::<String>()).await;
    let [parken, bau] = &services;
    let mut nadine = nadine_for_bakery(&world).await;
    let bakery = world.texts("SELECT id FROM organisation").await.remove(0);
    let bakery = nutzerkonto::kernel::id::OrganisationId::parse(&bakery).unwrap();
    let mut anna = world.browser();
    anna.register(&world, "anna@example.org", ["Anna", "Koch"]).await;
    let membership = world.admits(&bakery, "anna@example.org", &[("use_service", "parken")]).await;
    anna.acts_for(&membership).await;
    let [of_nadine, of_anna] = [
        of(&parken.tokens_of(&world, &mut nadine, &[SCOPE]).await, "id_token"),
        of(&parken.tokens_of(&world, &mut anna, &[SCOPE]).await, "id_token"),
    ];
    assert_eq!(of_nadine["sub"], of_anna["sub"]);
    assert_ne!(of_nadine["act"]["sub"], of_anna["act"]["sub"]);
    assert_eq!((&of_anna["act"]["role"], &of_anna["acr"]), (&"authorised".into(), &Level::Basic.acr().into()));
    let elsewhere = of(&bau.tokens_of(&world, &mut nadine, &[SCOPE]).await, "id_token");
    assert_ne!(elsewhere["sub"], of_nadine["sub"], "P1: another service has other numbers");
    assert_ne!(elsewhere["act"]["sub"], of_nadine["act"]["sub"]);
    // Anna has no right there: she is asked again, and there is only herself.
    let page = anna.visit(&bau.request(&[SCOPE])).await;
    assert_eq!(page.heading(), "Für wen handeln Sie?");
    assert!(!page.body.contains(BAKERY) || !page.body.contains("value=\"mem_"), "{}", page.body);
});

both!(a_service_for_persons_gets_the_person, async |world| {
    let plain = Service::new("bibliothek");
    world.clients(&plain.declaration("")).await;
    let mut nadine = nadine_for_bakery(&world).await;
    let page = nadine.visit(&plain.request(&[])).await;
    assert!(page.body.contains("Dieser Dienst ist für Personen."), "{}", page.body);
    assert!(!page.body.contains("id=\"wechseln\"") && page.body.contains(NADINE));
    let tokens = plain.tokens_of(&world, &mut nadine, &[]).await;
    assert_eq!(of(&tokens, "id_token")["act"], Value::Null);
    assert_eq!(userinfo(&world, &plain, &tokens).await["given_name"], "Nadine");
    let refused = nadine.get(&plain.request(&[SCOPE])).await;
    assert_eq!(refused.parameter("error").as_deref(), Some("invalid_scope"));
});

both!(a_service_for_organisations_gets_no_person, async |world| {
    let parken = parken(&world, &["organisations"], "").await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let page = renate.visit(&parken.request(&[SCOPE])).await;
    assert!(page.body.contains("Es gibt keine Organisation, für die Sie hier handeln dürfen"), "{}", page.body);
    assert!(!page.body.contains("name=\"wahl\""));
    // Neither by hand: what is said for oneself leads back to the question.
    let flow = vorgang(&page);
    let again = renate.chooses(&page, "ich").await;
    assert_eq!(again.heading(), page.heading());
    renate.post(&format!("/einwilligung?vorgang={flow}"), &[("antwort", "ja")]).await;
    assert_eq!(renate.visit(&format!("/weiter?vorgang={flow}")).await.heading(), page.heading());
    let silent = renate.get(&parken.request(&[SCOPE, ("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("interaction_required"));
    let cancelled = renate.post(&format!("/abbrechen?vorgang={flow}"), &[]).await;
    assert_eq!(cancelled.parameter("error").as_deref(), Some("access_denied"));
    // Nadine has a choice, but not herself.
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    world.later();
    let page = nadine.visit(&parken.request(&[SCOPE])).await;
    assert!(page.body.contains("ist nur für Organisationen da") && !page.body.contains("value=\"ich\""));
    let silent = nadine.get(&parken.request(&[SCOPE, ("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("account_selection_required"));
    let membership = world.membership(&bakery, NADINE).await;
    let consent = nadine.chooses(&page, &membership).await;
    assert!(nadine.consents(&consent).await.parameter("code").is_some());
    let silent = nadine.get(&parken.request(&[SCOPE, ("prompt", "none")])).await;
    assert!(silent.parameter("code").is_some(), "{silent:?}");
});

both!(a_client_may_ask_to_choose_again, async |world| {
    let parken = parken(&world, &BOTH, "").await;
    let mut nadine = nadine_for_bakery(&world).await;
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE]).await;
    world.pass(std::time::Duration::from_secs(5));
    let page = nadine.visit(&parken.request(&[SCOPE, ("prompt", "select_account")])).await;
    assert_eq!(page.heading(), "Für wen handeln Sie?");
    let back = nadine.chooses(&page, "ich").await;
    assert!(back.heading().starts_with("Diese Daten gehen an"), "{}", back.body);
    assert!(!back.body.contains("id=\"fuer-wen\""), "for herself: {}", back.body);
    nadine.consents(&back).await;
    // Who names the organisation gets it or nothing.
    let hint = tokens["id_token"].as_str().unwrap();
    let page = nadine.visit(&parken.request(&[SCOPE, ("id_token_hint", hint)])).await;
    assert_eq!(page.heading(), "Für wen handeln Sie?");
    assert!(!page.body.contains("value=\"ich\"") && page.body.matches("value=\"mem_").count() == 1, "{}", page.body);
    let silent = nadine.get(&parken.request(&[SCOPE, ("id_token_hint", hint), ("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("account_selection_required"));
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let silent = renate.get(&parken.request(&[SCOPE, ("id_token_hint", hint), ("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("login_required"), "not hers to choose");
    // Whoever has nobody to choose signs in anew, as everywhere.
    world.pass(std::time::Duration::from_secs(5));
    let page = renate.get(&parken.request(&[SCOPE, ("prompt", "select_account")])).await;
    assert!(page.location().starts_with("/anmelden?"), "{page:?}");
});

both!(what_is_declared_of_people_who_act_is_told_in_act, async |world| {
    let rules = "claims = [{ names = [\"email\", \"birthdate\"] }, { names = [\"family_name\", \"given_name\"], acting = true }]";
    let parken = parken(&world, &BOTH, rules).await;
    let mut nadine = nadine_for_bakery(&world).await;
    let page = nadine.visit(&parken.request(&[SCOPE])).await;
    assert!(page.body.contains("Dazu bekommt er von Ihnen selbst nur die Angaben auf dieser Seite."), "{}", page.body);
    assert!(
        page.body.contains("Nadine") && !page.body.contains(NADINE) && !page.body.contains("1959"),
        "{}",
        page.body
    );
    let request = json!({ "id_token": { "family_name": null, "email": null },
        "userinfo": { "birthdate": null, "verified_claims": { "verification": { "trust_framework": null }, "claims": { "birthdate": null } } } });
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE, ("claims", &request.to_string())]).await;
    let (id, told) = (of(&tokens, "id_token"), userinfo(&world, &parken, &tokens).await);
    assert_eq!((&id["act"]["family_name"], &id["act"]["email"]), (&"Weber".into(), &Value::Null));
    assert_eq!(
        (&id["family_name"], &told["family_name"]),
        (&Value::Null, &Value::Null),
        "the subject has no such name"
    );
    assert_eq!(told["act"]["given_name"], "Nadine");
    assert!(told.get("verified_claims").is_none() && told["act"].as_object().unwrap().len() == 4, "{told}");
    for text in [NADINE, "1959"] {
        assert!(!told.to_string().contains(text) && !id.to_string().contains(text), "{text}");
    }
});

both!(both_protocols_tell_of_it, async |world| {
    let parken = parken(&world, &BOTH, "").await;
    let mut nadine = nadine_for_bakery(&world).await;
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE_OFFLINE]).await;
    parken.ask(&world, "/oauth2/revoke", &[("token", tokens["refresh_token"].as_str().unwrap())]).await;
    let bakery = world.texts("SELECT id FROM organisation").await.remove(0);
    let account = world.account(NADINE).await.to_string();
    for kind in ["consent.given", "grant.issued", "grant.revoked"] {
        let subjects = world.texts(&format!("SELECT subject FROM audit_event WHERE kind = '{kind}'")).await;
        assert_eq!(BTreeSet::from_iter(subjects), BTreeSet::from([bakery.clone(), account.clone()]), "{kind}");
        let details = world.texts(&format!("SELECT detail FROM audit_event WHERE kind = '{kind}'")).await;
        for detail in details {
            let detail: Value = serde_json::from_str(&detail).unwrap();
            assert!(detail["membership"].as_str().unwrap().starts_with("mem_") && detail["organisation"] == bakery);
            assert!(!detail.to_string().contains("Weber"), "{detail}");
        }
    }
    let page = nadine.get("/daten/protokoll?art=dienste").await.body;
    assert_eq!(page.matches("Sie handelten für Bäckerei Weber GmbH.").count(), 3, "{page}");
});

both!(a_token_of_an_organisation_is_passed_on_as_such, async |world| {
    let [front, back] = ["https://api.example/", "https://register.example/"];
    let services = ["parken", "api", "register"].map(Service::new);
    let [parken, api, register] = &services;
    let file = [
        parken.serving(&BOTH, &format!("resource = \"{front}\"")),
        api.declaration(&format!("resource_server = \"{front}\"\nexchange = [\"{back}\"]")),
        register.declaration(&format!("resource_server = \"{back}\"")),
    ];
    world.clients(&file.concat()).await;
    let mut nadine = nadine_for_bakery(&world).await;
    let code = parken.acting_code(&mut nadine, &[SCOPE, ("resource", front)]).await;
    let tokens = parken.redeem_at(&world.browser(), &code, &[("resource", front)]).await.json();
    let held = tokens["access_token"].as_str().unwrap();
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", held),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("resource", back),
    ];
    let exchanged = api.ask(&world, "/oauth2/token", &form).await;
    assert_eq!(exchanged.status, 200, "{exchanged:?}");
    let token = exchanged.json()["access_token"].as_str().unwrap().to_owned();
    let (before, after) = (claims(held), claims(&token));
    assert_eq!((&after["sub"], &after["act"]["sub"]), (&before["sub"], &"api".into()));
    assert_eq!(after["act"]["act"], before["act"], "who acts stands behind the service that does");
    assert_eq!(introspect(&world, register, &token).await["act"], after["act"]);
});

// Somebody who belongs to an organisation, and what services for persons get of them.
both!(a_persons_flow_is_what_it_was, async |world| {
    let plain = Service::new("parken");
    world.clients(&plain.declaration("")).await;
    let mut people = Vec::new();
    for (email, name) in [("eins@example.org", "Eins"), ("zwei@example.org", "Zwei")] {
        people.push((world.representative(email, [name, "Muster"]).await, email));
    }
    for number in 0..3 {
        let record = nutzerkonto::organisation::Record { register: None, ..bakery(&number.to_string()) };
        world.organisation(people[1].1, &record).await;
    }
    world.later();
    let mut shapes = Vec::new();
    for (person, _) in &mut people {
        plain.code(person, &[]).await;
        world.settle().await;
        let commits = world.app.db.commits();
        let code = plain.code(person, &[]).await;
        let tokens = plain.redeem(&world, &code).await.json();
        assert_eq!(world.app.db.commits() - commits, 2);
        let told = userinfo(&world, &plain, &tokens).await;
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        shapes.push([names(&of(&tokens, "id_token")), names(&of(&tokens, "access_token")), names(&told)]);
    }
    assert_eq!(shapes[0], shapes[1]);
    let details = world.texts("SELECT detail FROM audit_event WHERE kind = 'grant.issued'").await;
    assert!(details.len() == 2 && details.iter().all(|one| !one.contains("organisation")), "{details:?}");
    assert!(people[1].0.get(WAHL).await.body.contains(BAKERY));
});

both!(representatives_end_what_a_service_has_of_their_organisation, async |world| {
    let parken = parken(&world, &BOTH, "").await;
    let mut nadine = nadine_for_bakery(&world).await;
    let bakery = world.texts("SELECT id FROM organisation").await.remove(0);
    let path = format!("/organisation/{bakery}/dienste");
    assert!(nadine.get(&path).await.body.contains("Bisher handelt niemand"));
    let bakery = nutzerkonto::kernel::id::OrganisationId::parse(&bakery).unwrap();
    let mut anna = world.browser();
    anna.register(&world, "anna@example.org", ["Anna", "Koch"]).await;
    let membership = world.admits(&bakery, "anna@example.org", &[("use_service", "parken")]).await;
    anna.acts_for(&membership).await;
    let of_nadine = parken.tokens_of(&world, &mut nadine, &[SCOPE_OFFLINE]).await;
    let of_anna = parken.tokens_of(&world, &mut anna, &[SCOPE_OFFLINE]).await;
    let page = nadine.get(&path).await.body;
    assert!(page.contains("2 Personen handeln dort für die Organisation."), "{page}");
    // Who only uses the service may not; who does not belong there finds nothing.
    let end = format!("{path}/parken/beenden");
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    for (browser, status) in [(&mut anna, 403), (&mut renate, 404)] {
        for one in [&path, &end] {
            assert_eq!(browser.get(one).await.status, status, "{one}");
        }
        browser.get("/profil").await;
        assert_eq!(browser.post(&end, &[]).await.status, status);
    }
    assert_eq!(nadine.get(&format!("{path}/bau/beenden")).await.status, 404);
    assert!(nadine.get(&end).await.body.contains("gleich wer für sie handelt"));
    assert!(nadine.post(&end, &[]).await.location().ends_with("/dienste?beendet=parken"));
    assert_eq!(nadine.post(&end, &[]).await.status, 404);
    world.later();
    for tokens in [of_nadine, of_anna] {
        assert_eq!(parken.userinfo(&world, tokens["access_token"].as_str().unwrap()).await.status, 401);
        assert_eq!(parken.refresh(&world, tokens["refresh_token"].as_str().unwrap()).await.status, 400);
    }
    assert_eq!(world.rows("acting_consent").await, 0);
    let subjects = world.texts("SELECT subject FROM audit_event WHERE kind = 'consent.withdrawn'").await;
    assert_eq!(subjects, [bakery.to_string()]);
});
