//! Verified claims of which the subject is an organisation: what is known of it, how, since when, and nothing of whoever acts.

use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::minutes;
use nutzerkonto::organisation::evidence::{self, Shown, Source};
use nutzerkonto::organisation::record::Address;
use nutzerkonto::organisation::{self, Record};
use nutzerkonto::store::work::Actor;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::acting_tokens::BOTH;
use crate::both;
use crate::support::acting::{SCOPE, SCOPE_OFFLINE, of};
use crate::support::mandate::{ALL, MANDATES};
use crate::support::organisation::{NADINE, bakery};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

/// What nobody who serves an organisation learns of Nadine.
const PRIVATE: [&str; 4] = ["Nadine", NADINE, "1959", "acc_"];

/// Whatever has shown it, without asking anybody.
async fn shown(world: &World, id: &OrganisationId, source: Source, shown: Shown) {
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    organisation::hold(&mut work, id).await.unwrap();
    let organisation = organisation::load(&mut work.tx, &world.app.vault, id).await.unwrap();
    let by = (source, Level::Substantial);
    evidence::record(&mut work, &world.app.vault, &organisation, by, &shown).await.unwrap();
    work.commit().await.unwrap();
    world.later();
}

fn elsewhere() -> Shown {
    Shown {
        name: "Bäckerei Weber GmbH".to_owned(),
        entry: bakery("1234").register,
        checked_by: Some("Unternehmenskonto".to_owned()),
        ..Shown::default()
    }
}

/// Nadine, who acts for her bakery.
async fn cast(world: &World, service: &Service) -> (Browser, OrganisationId) {
    world.clients(&service.serving(&BOTH, MANDATES)).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let membership = world.membership(&id, NADINE).await;
    world.later();
    nadine.acts_for(&membership).await;
    (nadine, id)
}

fn pattern() -> Value {
    json!({ "verification": { "trust_framework": null }, "claims": { "organisation": null } })
}

fn both_places(pattern: &Value) -> String {
    json!({ "userinfo": { "verified_claims": pattern }, "id_token": { "verified_claims": pattern } }).to_string()
}

fn seconds(time: &Value) -> i64 {
    OffsetDateTime::parse(time.as_str().unwrap(), &Rfc3339).unwrap().unix_timestamp()
}

struct Told {
    tokens: Value,
    userinfo: Value,
    id_token: Value,
}

impl Told {
    /// What was told in either place.
    fn verified(&self) -> [Option<&Value>; 2] {
        [self.userinfo.get("verified_claims"), self.id_token.get("verified_claims")]
    }
}

async fn userinfo(world: &World, service: &Service, tokens: &Value) -> Value {
    let answer = service.userinfo(world, tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn ask(world: &World, service: &Service, who: &mut Browser, (scope, pattern): (&str, &Value)) -> Told {
    let request = both_places(pattern);
    let tokens = service.tokens_of(world, who, &[("scope", scope), ("claims", &request)]).await;
    let userinfo = userinfo(world, service, &tokens).await;
    Told { id_token: of(&tokens, "id_token"), userinfo, tokens }
}

both!(what_is_known_of_a_bakery_is_told_with_its_proof, async |world| {
    let parken = Service::new("parken");
    let (mut nadine, id) = cast(&world, &parken).await;
    let everything = json!({
        "verification": { "trust_framework": { "value": "eidas" }, "assurance_level": null, "time": null,
            "evidence": [{ "type": null, "check_details": [{ "check_method": null }],
                "record": { "type": null, "source": null } }] },
        "claims": { "organisation": { "essential": true }, "given_name": null, "email": null, "unbekannt": null },
    });
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &everything)).await;
    assert_eq!(told.verified(), [None, None], "nothing has been shown");
    shown(&world, &id, Source::UpstreamAccount, elsewhere()).await;
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &everything)).await;
    let time = &told.userinfo["verified_claims"]["verification"]["time"];
    assert_eq!(seconds(time), world.app.now().seconds() - 1);
    let expected = json!({
        "verification": { "trust_framework": "eidas", "assurance_level": "substantial", "time": time,
            "evidence": [{ "type": "electronic_record", "check_details": [{ "check_method": "auth" }],
                "record": { "type": "organisation_account", "source": { "name": "Unternehmenskonto" } } }] },
        "claims": { "organisation": { "name": "Bäckerei Weber GmbH", "legal_form": "gmbh", "seat": "Mainz",
            "register": { "kind": "HRB", "court": "Mainz", "number": "1234" } } },
    });
    assert_eq!(told.verified(), [Some(&expected); 2]);
    assert_eq!(told.userinfo["organisation"]["level"], Level::Substantial.acr(), "beside what it says as always");
    for text in PRIVATE {
        assert!(!format!("{} {}", told.userinfo, told.id_token).contains(text), "{text}");
    }
    // As little as is asked for, and only there.
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &pattern())).await;
    assert_eq!(told.userinfo["verified_claims"]["verification"], json!({ "trust_framework": "eidas" }));
    let only = json!({ "userinfo": { "verified_claims": pattern() } }).to_string();
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE, ("claims", &only)]).await;
    assert_eq!(of(&tokens, "id_token").get("verified_claims"), None);
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE]).await;
    assert_eq!(userinfo(&world, &parken, &tokens).await.get("verified_claims"), None, "nobody has asked");
});

both!(what_a_service_may_not_know_of_an_organisation_it_is_not_told_verified, async |world| {
    let parken = Service::new("parken");
    let (mut nadine, id) = cast(&world, &parken).await;
    shown(&world, &id, Source::UpstreamAccount, elsewhere()).await;
    let told = ask(&world, &parken, &mut nadine, ("openid profile", &pattern())).await;
    assert_eq!((told.userinfo.get("organisation"), told.verified()), (None, [None, None]), "without the scope");
    // Her own: the organisation is not in it, and what she has shown of herself is not in the organisation's.
    let own = json!({ "verification": { "trust_framework": null },
        "claims": { "organisation": null, "given_name": null, "family_name": null, "birthdate": null } });
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &own)).await;
    assert_eq!(told.userinfo["verified_claims"]["claims"].as_object().unwrap().len(), 1, "{}", told.userinfo);
    nadine.acts_for("ich").await;
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &own)).await;
    assert!(!told.userinfo.to_string().contains("Bäckerei"), "{}", told.userinfo);
});

both!(what_a_service_demands_of_the_proof_must_be_so, async |world| {
    let parken = Service::new("parken");
    let (mut nadine, id) = cast(&world, &parken).await;
    shown(&world, &id, Source::UpstreamAccount, elsewhere()).await;
    let demand = |verification: Value| json!({ "verification": verification, "claims": { "organisation": null } });
    world.pass(minutes(1));
    for met in [
        json!({ "trust_framework": { "values": ["de_aml", "eidas"] } }),
        json!({ "trust_framework": null, "assurance_level": { "value": "substantial" } }),
        json!({ "trust_framework": null, "time": { "max_age": 600 } }),
        json!({ "trust_framework": null, "evidence": [{ "record": { "type": { "value": "organisation_account" } } }] }),
    ] {
        let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &demand(met.clone()))).await;
        assert!(told.verified().iter().all(Option::is_some), "{met}");
    }
    for missed in [
        json!({ "trust_framework": { "value": "de_aml" } }),
        json!({ "trust_framework": null, "assurance_level": { "values": ["high", "low"] } }),
        json!({ "trust_framework": null, "time": { "max_age": 30 } }),
        json!({ "trust_framework": null, "evidence": [{ "record": { "type": { "value": "company_register" } } }] }),
        json!({ "trust_framework": null, "evidence": [{ "type": { "value": "document" } }] }),
    ] {
        let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &demand(missed.clone()))).await;
        assert_eq!(told.verified(), [None, None], "{missed}");
        assert!(told.userinfo.get("organisation").is_some(), "the rest is told all the same");
    }
    // Another value than it believes: the verification alone, and what it believes is stored nowhere.
    let believed =
        json!({ "verification": { "trust_framework": null }, "claims": { "organisation": { "value": "Firma 4b1f" } } });
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &believed)).await;
    assert_eq!(told.verified(), [Some(&json!({ "verification": { "trust_framework": "eidas" }, "claims": {} })), None]);
    let stored = world.texts("SELECT claims FROM client_grant WHERE claims IS NOT NULL").await;
    assert!(!stored.is_empty() && !format!("{stored:?}").contains("4b1f"), "{stored:?}");
});

// What counts together is told together; what shows nothing of this is not told.
both!(each_proof_covers_what_it_has_shown, async |world| {
    let parken = Service::new("parken");
    let (mut nadine, id) = cast(&world, &parken).await;
    let asked = json!({
        "verification": { "trust_framework": null, "assurance_level": null, "time": null,
            "evidence": [{ "check_details": [{ "check_method": null }], "record": { "type": null, "source": null } }] },
        "claims": { "organisation": null },
    });
    let Record { register, business_address, .. } = bakery("1234");
    let stated = |address: Address| Shown { entry: register.clone(), address: Some(address), ..elsewhere() };
    let compared_at = world.app.now().seconds();
    shown(&world, &id, Source::Register, stated(business_address.clone())).await;
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &asked)).await;
    assert_eq!(told.verified(), [None, None], "everybody reads the register");
    world.pass(minutes(2));
    shown(&world, &id, Source::Letter, stated(business_address.clone())).await;
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &asked)).await;
    let verification = &told.userinfo["verified_claims"]["verification"];
    assert_eq!(seconds(&verification["time"]), compared_at, "nothing of it is older");
    assert_eq!(verification["assurance_level"], "substantial");
    let proofs = json!([
        { "type": "electronic_record", "check_details": [{ "check_method": "data" }],
            "record": { "type": "company_register", "source": { "name": "Amtsgericht Mainz" } } },
        { "type": "electronic_record", "check_details": [{ "check_method": "token" }],
            "record": { "type": "postal_code_letter" } },
    ]);
    assert_eq!(verification["evidence"], proofs);
    // A letter alone says nothing of who it is.
    world.change("UPDATE organisation_evidence SET void_at = 1 WHERE source = 'register'").await;
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &asked)).await;
    assert_eq!(told.verified(), [None, None]);
    // An account that does not name the entry vouches for the rest of it, and less.
    let without = Shown { entry: None, lacks_entry: true, ..elsewhere() };
    shown(&world, &id, Source::UpstreamAccount, without).await;
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &asked)).await;
    let verified = &told.userinfo["verified_claims"];
    assert_eq!(verified["verification"]["assurance_level"], "low");
    assert_eq!(
        verified["claims"]["organisation"],
        json!({ "name": "Bäckerei Weber GmbH", "legal_form": "gmbh", "seat": "Mainz" })
    );
    // Of two that show it each on its own both are told.
    shown(&world, &id, Source::UpstreamAccount, elsewhere()).await;
    shown(&world, &id, Source::RegistrationDesk, stated(business_address)).await;
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &asked)).await;
    let told: Vec<&Value> = told.userinfo["verified_claims"].as_array().unwrap().iter().collect();
    let methods: Vec<_> =
        told.iter().map(|one| &one["verification"]["evidence"][0]["check_details"][0]["check_method"]).collect();
    assert_eq!(methods, ["vpip", "auth"]);
});

both!(what_ends_is_not_told_any_more, async |world| {
    let parken = Service::new("parken");
    let (mut nadine, id) = cast(&world, &parken).await;
    shown(&world, &id, Source::UpstreamAccount, elsewhere()).await;
    let told = ask(&world, &parken, &mut nadine, (SCOPE_OFFLINE.1, &pattern())).await;
    assert!(told.verified().iter().all(Option::is_some));
    let refresh = told.tokens["refresh_token"].as_str().unwrap();
    let refreshed = parken.refresh(&world, refresh).await.json();
    assert!(of(&refreshed, "id_token").get("verified_claims").is_some());
    // It says something else of itself: neither the old token nor a new one tells what was shown before.
    let (app, nadines) = (&world.app, world.account(NADINE).await);
    let version = world.texts("SELECT CAST(version AS TEXT) FROM organisation").await[0].parse().unwrap();
    let rename = |record: &mut Record| "Bäckerei Huber GmbH".clone_into(&mut record.name);
    organisation::change::change(app, (&id, &nadines), "test", (version, rename)).await.unwrap();
    world.later();
    let again = userinfo(&world, &parken, &told.tokens).await;
    assert_eq!((again.get("verified_claims"), &again["organisation"]["name"]), (None, &json!("Bäckerei Huber GmbH")));
    let refreshed = parken.refresh(&world, refresh).await.json();
    assert_eq!(of(&refreshed, "id_token").get("verified_claims"), None);
});

// Whoever is known no better than low shows nothing above that, and nobody shows anything who may not act.
both!(nothing_is_told_above_who_acts, async |world| {
    let parken = Service::new("parken");
    let (mut nadine, id) = cast(&world, &parken).await;
    shown(&world, &id, Source::UpstreamAccount, elsewhere()).await;
    world.browser().register(&world, "lena@example.org", ["Lena", "Lang"]).await;
    world.prove("lena@example.org", Level::Low).await;
    world.admits(&id, "lena@example.org", &[("use_service", "parken")]).await;
    let asked = json!({ "verification": { "trust_framework": null, "assurance_level": null }, "claims": { "organisation": null } });
    let told = ask(&world, &parken, &mut nadine, (SCOPE.1, &asked)).await;
    assert_eq!(told.userinfo["verified_claims"]["verification"]["assurance_level"], "substantial");
    let mut lena = world.browser();
    lena.sign_in("lena@example.org", crate::support::browser::PASSWORD).await;
    let membership = world.membership(&id, "lena@example.org").await;
    lena.acts_for(&membership).await;
    let low = ask(&world, &parken, &mut lena, (SCOPE.1, &asked)).await;
    let is_low = |told: &Value| told["verification"]["assurance_level"] == "low";
    assert!(low.verified().iter().flatten().all(|told| is_low(told)), "{}", low.userinfo);
    world.organisation_is(&id, nutzerkonto::organisation::State::Blocked).await;
    world.later();
    let answer = parken.userinfo(&world, told.tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, 401);
});

// Of a person for whom somebody acts no verified claims are told, and least of all those of the one who acts.
both!(sec_nothing_that_an_agent_has_shown_is_told_of_the_principal, async |world| {
    let parken = Service::new("parken");
    let rules = "mandates = true\nclaims = [{ names = [\"given_name\", \"family_name\", \"birthdate\", \"email\"], \
                 purpose = { de = \"Antrag\", en = \"Application\" } }]";
    world.clients(&parken.declaration(rules)).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    world.prove(EMAIL, Level::Substantial).await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    let (principal, agent) = (world.account(EMAIL).await, world.account(NADINE).await);
    let mandate = world.mandate(principal.as_str(), agent.as_str(), ALL).await;
    nadine.acts_for(&mandate).await;
    let asked = json!({ "verification": { "trust_framework": null },
        "claims": { "given_name": null, "family_name": null, "birthdate": null, "organisation": null } });
    let told = ask(&world, &parken, &mut nadine, ("openid profile", &asked)).await;
    assert_eq!((told.verified(), &told.userinfo["given_name"]), ([None, None], &json!("Renate")));
    assert!(told.userinfo["act"].get("verified_claims").is_none());
    nadine.acts_for("ich").await;
    let told = ask(&world, &parken, &mut nadine, ("openid profile", &asked)).await;
    assert!(told.verified().iter().all(Option::is_some), "of herself she has shown it");
});

/// What discovery lists for organisations alone; that it is told, the stories above say.
pub const ONLY_OF_ORGANISATIONS: [(&str, &str); 4] = [
    ("claims_in_verified_claims_supported", "organisation"),
    ("electronic_records_supported", "company_register"),
    ("electronic_records_supported", "organisation_account"),
    ("documents_check_methods_supported", "data"),
];
