//! Verified claims (OpenID Connect for Identity Assurance 1.0): what the modules of the official suite's plan ask for, and what
//! nobody is told.

use std::collections::BTreeSet;

use nutzerkonto::account::evidence::{self, Document, DocumentKind, Finding, Record};
use nutzerkonto::account::{self, AttributeName, Group, Source};
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::minutes;
use nutzerkonto::store::work::Actor;
use serde_json::{Value, json};

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::service::{claims, vorgang};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Reader, Service, World};
use crate::verified_organisation::ONLY_OF_ORGANISATIONS;

const RULES: &str = "claims = [{ names = [\"given_name\", \"family_name\", \"birthdate\", \"email\", \"place_of_birth\", \
     \"nationalities\", \"address\", \"title\", \"birth_family_name\"], purpose = { de = \"Antrag\", en = \"Application\" }, \
     legal_basis = { de = \"§ 1 ProbeG\", en = \"§ 1 ProbeG\" } }]";

fn service() -> (Service, String) {
    let parken = Service::new("parken");
    let text = parken.declaration(RULES);
    (parken, text)
}

/// Renate, who has read her card here.
async fn renate(world: &mut World, reader: &Reader) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    reader.read(&mut renate, "card:renate").await;
    let version = renate.get("/ausweis/pruefen").await.hidden("stand");
    let agreed = renate.post("/ausweis/pruefen", &[("stand", &version), ("current", PASSWORD)]).await;
    assert_eq!(agreed.location(), "/identitaet", "{}", agreed.body);
    renate
}

struct Told {
    id_token: Value,
    userinfo: Value,
}

async fn ask(world: &World, parken: &Service, who: &mut Browser, request: &Value) -> Told {
    let request = request.to_string();
    let mut answer = who.visit(&parken.request(&[("scope", "openid"), ("claims", &request)])).await;
    if answer.status == 200 {
        let flow = vorgang(&answer);
        answer = who.post(&format!("/einwilligung?vorgang={flow}"), &[("antwort", "ja")]).await;
        answer = who.follow(answer).await;
    }
    let code = answer.parameter("code").unwrap_or_else(|| panic!("{request}: {answer:?}"));
    let tokens = parken.redeem(world, &code).await.json();
    let userinfo = parken.userinfo(world, tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(userinfo.status, 200, "{}", userinfo.body);
    Told { id_token: claims(tokens["id_token"].as_str().unwrap()), userinfo: userinfo.json() }
}

fn verified(claims: Value) -> Value {
    json!({ "verification": { "trust_framework": null }, "claims": claims })
}

both!(what_was_read_from_a_card_is_told_with_its_proof, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let (parken, text) = service();
    world.clients(&text).await;
    let mut renate = renate(&mut world, &reader).await;
    let everything = json!({
        "verification": { "trust_framework": { "value": "eidas" }, "assurance_level": null, "time": null,
            "evidence": [{ "type": { "value": "document" }, "check_details": [{ "check_method": null }],
                "document_details": { "type": null, "issuer": null, "date_of_expiry": null } }] },
        "claims": { "given_name": null, "family_name": { "essential": true }, "birthdate": {}, "place_of_birth": null,
            "nationalities": null, "address": { "essential": false }, "birth_family_name": null, "title": null },
    });
    let told = ask(&world, &parken, &mut renate, &json!({ "userinfo": { "verified_claims": everything } })).await;
    assert_eq!(told.id_token.get("verified_claims"), None, "only where it was asked for");
    assert_eq!(
        told.userinfo["verified_claims"],
        json!({
            "verification": { "trust_framework": "eidas", "assurance_level": "high", "time": "2026-11-23T09:02:00Z",
                "evidence": [{ "type": "document", "check_details": [{ "check_method": "vcrypt" }],
                    "document_details": { "type": "idcard", "issuer": { "country_code": "DE" },
                        "date_of_expiry": "2099-10-31" } }] },
            "claims": { "given_name": "Renate", "family_name": "Muster", "birthdate": "1959-05-12",
                "place_of_birth": { "locality": "MAINZ" }, "nationalities": ["DE"], "birth_family_name": "BEISPIEL",
                "address": { "street_address": "MUSTERSTRASSE 1", "postal_code": "55116", "locality": "MAINZ",
                    "country": "DE", "formatted": "MUSTERSTRASSE 1\n55116 MAINZ\nDE" } },
        })
    );
    assert_eq!(told.userinfo.get("given_name"), None, "not among the ordinary ones");
    let token = json!({ "id_token": { "verified_claims": verified(json!({ "given_name": null })), "email": null } });
    let told = ask(&world, &parken, &mut renate, &token).await;
    let expected = json!({ "verification": { "trust_framework": "eidas" }, "claims": { "given_name": "Renate" } });
    assert_eq!((&told.id_token["verified_claims"], &told.id_token["email"]), (&expected, &json!(EMAIL)));
    assert_eq!(told.userinfo.get("verified_claims"), None);
});

both!(what_cannot_be_met_is_left_out, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let (parken, text) = service();
    world.clients(&text).await;
    let mut renate = renate(&mut world, &reader).await;
    let both = |pattern: &Value| json!({ "userinfo": { "verified_claims": pattern }, "id_token": { "verified_claims": pattern } });
    // Names that nobody knows, essential or not, with whatever letters.
    let unknown = verified(json!({ "given_name": null, "unbekannt": null, "a/b&c,d.e%41": { "essential": true } }));
    let told = ask(&world, &parken, &mut renate, &both(&unknown)).await;
    let expected = json!({ "verification": { "trust_framework": "eidas" }, "claims": { "given_name": "Renate" } });
    assert_eq!((&told.userinfo["verified_claims"], &told.id_token["verified_claims"]), (&expected, &expected));
    // Another value: userinfo tells the verification alone.
    let other = verified(json!({ "given_name": { "value": "4b1f" } }));
    let told = ask(&world, &parken, &mut renate, &both(&other)).await;
    let empty = json!({ "verification": { "trust_framework": "eidas" }, "claims": {} });
    assert_eq!((&told.userinfo["verified_claims"], told.id_token.get("verified_claims")), (&empty, None));
    let stored = world.texts("SELECT claims FROM client_grant WHERE claims IS NOT NULL").await;
    assert!(!stored.is_empty() && !format!("{stored:?}").contains("4b1f"), "what a service believes is stored nowhere");
    for pattern in [
        json!({ "verification": { "trust_framework": { "value": "de_aml" } }, "claims": { "given_name": null } }),
        json!({ "verification": { "trust_framework": null, "time": { "max_age": 10 } }, "claims": { "given_name": null } }),
        json!({ "verification": { "trust_framework": null, "evidence": [{ "type": { "value": "vouch" } }] },
            "claims": { "given_name": null } }),
    ] {
        world.pass(minutes(1));
        let told = ask(&world, &parken, &mut renate, &both(&pattern)).await;
        assert_eq!((told.userinfo.get("verified_claims"), told.id_token.get("verified_claims")), (None, None));
    }
    // Two ways of asking: one is met.
    let two = json!([
        { "verification": { "trust_framework": { "value": "de_aml" } }, "claims": { "given_name": null } },
        { "verification": { "trust_framework": null, "assurance_level": { "values": ["high", "substantial"] } },
            "claims": { "family_name": null, "birthdate": { "value": "1959-05-12" } } },
    ]);
    let told = ask(&world, &parken, &mut renate, &both(&two)).await;
    assert_eq!(
        told.userinfo["verified_claims"]["claims"],
        json!({ "family_name": "Muster", "birthdate": "1959-05-12" })
    );
});

// A no to a voluntary datum is a no to its proof as well.
both!(what_nobody_agrees_to_is_not_told_with_its_proof_either, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let parken = Service::new("parken");
    let reason = "purpose = { de = \"Antrag\", en = \"Application\" }";
    let rules = format!(
        "claims = [{{ names = [\"family_name\", \"email\"], {reason} }}, {{ names = [\"given_name\"], optional = true, {reason} }}]"
    );
    world.clients(&parken.declaration(&rules)).await;
    let mut renate = renate(&mut world, &reader).await;
    let pattern = verified(json!({ "given_name": null, "family_name": null }));
    let told = ask(&world, &parken, &mut renate, &json!({ "userinfo": { "verified_claims": pattern } })).await;
    assert_eq!(told.userinfo["verified_claims"]["claims"], json!({ "family_name": "Muster" }));
});

// TR-03160-1: the lower of the attribute and of the sign-in, and what nobody has verified is not told as if somebody had.
both!(no_service_is_told_more_than_is_true_now, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let (parken, text) = service();
    world.clients(&text).await;
    let mut renate = renate(&mut world, &reader).await;
    let pattern = json!({
        "verification": { "trust_framework": null, "assurance_level": null },
        "claims": { "given_name": null, "address": null },
    });
    let request = json!({ "userinfo": { "verified_claims": pattern } });
    let told = ask(&world, &parken, &mut renate, &request).await.userinfo;
    assert_eq!(told["verified_claims"]["verification"]["assurance_level"], "high");
    // She signs in with her password, which is worth low.
    let mut tablet = world.browser();
    tablet.sign_in(EMAIL, PASSWORD).await;
    let told = ask(&world, &parken, &mut tablet, &request).await.userinfo;
    assert_eq!(told["verified_claims"]["verification"]["assurance_level"], "low");
    // She has moved and says so: nobody has seen that.
    let stand = tablet.get("/profil/angaben").await.hidden("stand");
    let fields = [
        ("stand", &*stand),
        ("street_address", "Neue Gasse 2"),
        ("postal_code", "55116"),
        ("locality", "Mainz"),
        ("country", "DE"),
    ];
    assert_eq!(tablet.post("/profil/angaben", &fields).await.status, 303);
    let told = ask(&world, &parken, &mut tablet, &request).await.userinfo;
    assert_eq!(told["verified_claims"]["claims"], json!({ "given_name": "Renate" }));
    // Somebody whom nobody has seen.
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Muster"]).await;
    let told = ask(&world, &parken, &mut emre, &request).await.userinfo;
    assert_eq!(told.get("verified_claims"), None);
});

both!(sec_a18_a_pattern_that_is_none_is_refused_at_once, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let (parken, text) = service();
    world.clients(&text).await;
    let mut renate = renate(&mut world, &reader).await;
    for bad in [
        json!("text"),
        json!({}),
        json!({ "claims": { "given_name": null } }),
        json!({ "verification": null, "claims": {} }),
        json!({ "verification": { "trust_framework": null } }),
        json!({ "verification": { "trust_framework": null }, "claims": [] }),
        json!(vec![verified(json!({ "given_name": null })); 9]),
    ] {
        let request = json!({ "userinfo": { "verified_claims": bad } }).to_string();
        let answer = renate.visit(&parken.request(&[("claims", &request)])).await;
        assert_eq!(answer.parameter("error").as_deref(), Some("invalid_request"), "{request}");
    }
});

/// What discovery lists of verifications.
pub const LISTS: [&str; 6] = [
    "trust_frameworks_supported",
    "evidence_supported",
    "documents_supported",
    "documents_check_methods_supported",
    "electronic_records_supported",
    "claims_in_verified_claims_supported",
];

/// As if the one account here had shown all that a document can say, or that another way can.
async fn shows(world: &World, source: Source, kind: Option<DocumentKind>) {
    let account = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    let seen = account::load(&mut work.tx, &world.app.vault, &account).await.unwrap().attribute_version;
    let document = kind.map(|kind| Document { kind, issuing_country: Some("DE".to_owned()), expires_on: None });
    let value = |name| match name {
        AttributeName::BirthDate => "1959-05-12",
        AttributeName::Nationality | AttributeName::Country => "DE",
        _ => "Muster",
    };
    let names = AttributeName::ALL.into_iter();
    let names = names.filter(|name| matches!(name.group(), Group::Identity | Group::Document | Group::Address));
    let finding = Finding {
        source,
        level: Level::Low,
        record: Record { document, checked_by: Some("Bürgerbüro".to_owned()) },
        values: names.map(|name| (name, Some(value(name).to_owned()))).collect(),
    };
    evidence::record(&mut work, &world.app.vault, &account, &finding, seen).await.unwrap();
    work.commit().await.unwrap();
}

/// The same with a card.
pub async fn shows_a_card(world: &World) {
    shows(world, Source::Eid, Some(DocumentKind::IdCard)).await;
}

both!(everything_that_is_listed_is_told_and_nothing_else, async |world| {
    let (parken, text) = service();
    world.clients(&text).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let pattern = json!({
        "verification": { "trust_framework": null, "evidence": null },
        "claims": { "given_name": null, "family_name": null, "birthdate": null, "title": null, "place_of_birth": null,
            "birth_family_name": null, "nationalities": null, "address": null },
    });
    let mut told: Vec<BTreeSet<String>> = vec![BTreeSet::new(); LISTS.len()];
    let (card, desk) = (Source::Eid, Source::RegistrationDesk);
    for (source, kind) in [
        (card, Some(DocumentKind::IdCard)),
        (card, Some(DocumentKind::SmartEid)),
        (card, Some(DocumentKind::ResidencePermit)),
        (card, Some(DocumentKind::EidCard)),
        (desk, Some(DocumentKind::Passport)),
        (Source::LinkedAccount, None),
        (Source::Letter, None),
    ] {
        shows(&world, source, kind).await;
        let answer = ask(&world, &parken, &mut renate, &json!({ "userinfo": { "verified_claims": pattern } })).await;
        let one = &answer.userinfo["verified_claims"];
        let (verification, evidence) = (&one["verification"], &one["verification"]["evidence"][0]);
        let texts = [
            &verification["trust_framework"],
            &evidence["type"],
            &evidence["document_details"]["type"],
            &evidence["check_details"][0]["check_method"],
            &evidence["record"]["type"],
        ];
        for (list, text) in told.iter_mut().zip(texts) {
            list.extend(text.as_str().map(str::to_owned));
        }
        told[5].extend(one["claims"].as_object().unwrap().keys().cloned());
    }
    let discovery = world.browser().get("/.well-known/openid-configuration").await.json();
    for (name, mut told) in LISTS.iter().zip(told) {
        let of_organisations = ONLY_OF_ORGANISATIONS.iter().filter(|(list, _)| list == name);
        told.extend(of_organisations.map(|(_, word)| (*word).to_owned()));
        let listed = discovery[name].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned());
        assert_eq!(listed.collect::<BTreeSet<_>>(), told, "{name}");
    }
});

both!(discovery_says_what_there_is, async |mut world| {
    let high = "http://eidas.europa.eu/LoA/high";
    let levels = |discovery: &Value| discovery["acr_values_supported"].as_array().unwrap().contains(&json!(high));
    let discovery = world.browser().get("/.well-known/openid-configuration").await.json();
    assert!(!levels(&discovery), "nothing gives it");
    Reader::start(&mut world).await;
    let discovery = world.browser().get("/.well-known/openid-configuration").await.json();
    assert!(levels(&discovery));
    assert_eq!(discovery.get("verified_claims_supported"), None, "a word of drafts");
});
