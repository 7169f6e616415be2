//! What a service gets of somebody who acts under a mandate: of whoever has given it, and that somebody acts.

use std::collections::BTreeSet;

use nutzerkonto::kernel::level::Level;
use serde_json::{Value, json};

use crate::acting_tokens::BOTH;
use crate::both;
use crate::support::acting::{SCOPE, SCOPE_OFFLINE, WAHL, of};
use crate::support::doors::introspect;
use crate::support::mandate::{ALL, MANDATES, only};
use crate::support::organisation::{NADINE, bakery};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

const PERSONS: (&str, &str) = ("scope", "openid profile email");

/// Renate, her account, Nadine whom she has given a mandate, and that.
pub struct Cast {
    pub renate: Browser,
    pub principal: String,
    pub nadine: Browser,
    pub mandate: String,
}

pub async fn cast(world: &World, scope: &str) -> Cast {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    let nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    let principal = world.account(EMAIL).await.to_string();
    let mandate = world.mandate(&principal, world.account(NADINE).await.as_str(), scope).await;
    Cast { renate, principal, nadine, mandate }
}

async fn userinfo(world: &World, service: &Service, tokens: &Value) -> Value {
    service.userinfo(world, tokens["access_token"].as_str().unwrap()).await.json()
}

async fn subjects(world: &World, kind: &str) -> BTreeSet<String> {
    let subjects = world.texts(&format!("SELECT subject FROM audit_event WHERE kind = '{kind}'")).await;
    assert_eq!(subjects.len(), subjects.iter().collect::<BTreeSet<_>>().len(), "{kind}: one row each");
    subjects.into_iter().collect()
}

both!(nadine_acts_for_renate_at_a_service_for_persons, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration(MANDATES)).await;
    let Cast { mut renate, mut nadine, mandate, .. } = cast(&world, ALL).await;
    let own = of(&parken.tokens_of(&world, &mut renate, &[PERSONS]).await, "id_token");
    // Who has a choice is asked, once.
    let page = nadine.visit(&parken.request(&[PERSONS])).await;
    assert_eq!(page.heading(), "Für wen handeln Sie?", "{}", page.body);
    for text in ["ist für Personen da", "Renate Muster", &format!("Vollmacht {mandate}"), "mich selbst (Nadine Weber)"]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let consent = nadine.chooses(&page, &mandate).await;
    for text in [
        "(Vollmacht)",
        "Sie handeln mit einer Vollmacht für Renate Muster. Der Dienst bekommt Daten dieser Person, nicht Ihre eigenen.",
        "Daten von Renate Muster",
        "Geburtsdatum",
        "Aus Ihrem eigenen Konto erfährt er nichts.",
        "Sie haben eine Vollmacht.",
        "Es endet auch, wenn die Vollmacht nicht mehr gilt.",
    ] {
        assert!(consent.body.contains(text), "{text}: {}", consent.body);
    }
    for text in [NADINE, EMAIL, "1959"] {
        assert!(!consent.body.contains(text), "{text}: {}", consent.body);
    }
    let back = nadine.consents(&consent).await;
    let tokens = parken.redeem(&world, &back.parameter("code").unwrap()).await.json();
    let (id, access) = (of(&tokens, "id_token"), of(&tokens, "access_token"));
    let told = userinfo(&world, &parken, &tokens).await;
    let known = introspect(&world, &parken, tokens["access_token"].as_str().unwrap()).await;
    for claims in [&id, &access, &told, &known] {
        assert_eq!((&claims["sub"], &claims["act"]), (&own["sub"], &id["act"]), "{claims}");
        assert!(!claims.to_string().contains("Nadine") && !claims.to_string().contains(EMAIL), "{claims}");
    }
    let act = id["act"].as_object().unwrap();
    let said = (&act["role"], &act["mandate"], &act["scope"]);
    assert_eq!(said, (&json!("mandate"), &json!(mandate), &json!(["read", "answer"])));
    assert!(act.len() == 4 && act["sub"] != id["sub"]);
    assert_eq!(id["acr"], Level::Basic.acr(), "nothing is worth more than it is known who Renate is");
    let whole = json!({ "sub": own["sub"], "act": id["act"], "name": "Renate Muster", "given_name": "Renate",
        "family_name": "Muster", "birthdate": "1959-05-12" });
    assert_eq!(told, whole);
});

both!(everybody_whom_it_concerns_reads_of_it, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration(MANDATES)).await;
    let Cast { mut renate, principal, mut nadine, mandate } = cast(&world, ALL).await;
    nadine.acts_for(&mandate).await;
    parken.tokens_of(&world, &mut nadine, &[PERSONS]).await;
    let both = BTreeSet::from([principal.clone(), world.account(NADINE).await.to_string()]);
    for kind in ["mandate.taken_up", "consent.given"] {
        assert_eq!(subjects(&world, kind).await, both, "{kind}");
    }
    let issued = "kind = 'grant.issued' AND detail LIKE '%mandate%'";
    let details =
        world.texts(&format!("SELECT detail FROM audit_event WHERE {issued} ORDER BY subject = '{principal}'")).await;
    assert!(
        details.len() == 2 && details[1].contains("given_name") && !details[0].contains("given_name"),
        "{details:?}"
    );
    let protocol = renate.get("/daten/protokoll").await.body;
    for text in [
        format!(
            "Stadt Musterhausen – Dienst parken hat erhalten: Vornamen, Familienname, Geburtsdatum Mit der Vollmacht {mandate}."
        ),
        format!("Handelt in einer Sitzung jetzt mit der Vollmacht {mandate}"),
        "Die andere Seite der Vollmacht".to_owned(),
    ] {
        assert!(protocol.contains(&text), "{text}: {protocol}");
    }
    assert!(!protocol.contains("Nadine"), "{protocol}");
    // The bar, and the account that is hers.
    let page = nadine.get("/konto").await.body;
    assert!(page.contains("Renate Muster (Vollmacht)") && page.contains("Diese Seite betrifft Ihr eigenes Konto."));
    assert_eq!(world.texts("SELECT client_id FROM mandate_use").await, ["parken"]);
    nadine.acts_for("ich").await;
    assert_eq!(subjects(&world, "mandate.laid_down").await, both);
});

both!(acting_for_oneself_is_another_story, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration(MANDATES)).await;
    let Cast { mut nadine, mandate, .. } = cast(&world, ALL).await;
    nadine.acts_for(&mandate).await;
    let tokens = parken.tokens_of(&world, &mut nadine, &[PERSONS]).await;
    let id = of(&tokens, "id_token");
    nadine.acts_for("ich").await;
    let mine = of(&parken.tokens_of(&world, &mut nadine, &[PERSONS]).await, "id_token");
    assert!(mine["act"] == Value::Null && mine["sub"] != id["sub"] && mine["sub"] != id["act"]["sub"]);
    let silent = nadine.get(&parken.request(&[PERSONS, ("id_token_hint", tokens["id_token"].as_str().unwrap())])).await;
    assert!(silent.location().starts_with("/anmelden/wahl?"), "{silent:?}");
    let page = nadine.get(silent.location()).await;
    assert!(page.body.contains("Renate Muster") && !page.body.contains("value=\"ich\""), "{}", page.body);
});

both!(what_a_contract_names_is_told_of_both, async |world| {
    let rules = "mandates = true\nclaims = [{ names = [\"email\"] }, { names = [\"birthdate\"], optional = true },
        { names = [\"family_name\"], acting = true }]";
    let parken = Service::new("parken");
    world.clients(&parken.serving(&BOTH, rules)).await;
    let Cast { mut nadine, principal, mandate, .. } = cast(&world, ALL).await;
    nadine.acts_for(&mandate).await;
    let asked = json!({ "id_token": { "family_name": null, "email": null, "birthdate": null }, "userinfo": {
        "phone_number": null, "verified_claims": { "verification": { "trust_framework": null }, "claims": { "family_name": null } } } });
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE, ("claims", &asked.to_string())]).await;
    let (id, told) = (of(&tokens, "id_token"), userinfo(&world, &parken, &tokens).await);
    for claims in [&id, &told] {
        assert_eq!((&claims["family_name"], &claims["act"]["family_name"]), (&json!("Muster"), &json!("Weber")));
        for name in ["email", "birthdate", "verified_claims", "organisation", "through"] {
            assert!(claims.get(name).is_none() && claims["act"].get(name).is_none(), "{name}: {claims}");
        }
    }
    // What it is declared to get later it does not get under the old agreement; nor is anybody silently asked less.
    let more = rules.replace("[\"email\"]", "[\"email\", \"given_name\"]");
    world.clients(&parken.serving(&BOTH, &more)).await;
    world.later();
    let told = userinfo(&world, &parken, &tokens).await;
    assert!(told.get("given_name").is_none() && told.get("family_name").is_none(), "{told}");
    let silent = nadine.get(&parken.request(&[SCOPE, ("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("consent_required"));
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE]).await;
    assert_eq!(userinfo(&world, &parken, &tokens).await["given_name"], "Renate");
    // Nobody else's data goes with it when the account goes.
    world.change(&format!("UPDATE account SET status = 'closing', erase_at = 1 WHERE id = '{principal}'")).await;
    nutzerkonto::data::leaving::tend(&world.app).await.unwrap();
    world.pass(std::time::Duration::from_secs(86_400));
    nutzerkonto::data::leaving::tend(&world.app).await.unwrap();
    assert_eq!(world.rows("acting_consent").await, 0);
});

// A company of tax advisers: who uses its mandates is one person, and the company stands between.
both!(a_clerk_acts_through_an_organisation, async |world| {
    let rules = "mandates = true\nclaims = [{ names = [\"email\"] }, { names = [\"given_name\", \"family_name\"], acting = true }]";
    let (parken, bau) = (Service::new("parken"), Service::new("bau"));
    world.clients(&[parken.serving(&BOTH, rules), bau.serving(&BOTH, MANDATES)].concat()).await;
    let Cast { principal, mut nadine, .. } = cast(&world, ALL).await;
    let advisers = world.organisation(NADINE, &bakery("1234")).await;
    let mut anna = world.representative("anna@example.org", ["Anna", "Koch"]).await;
    world.admits(&advisers, "anna@example.org", &[("mandates", "")]).await;
    let mandate = world.mandate(&principal, advisers.as_str(), ALL).await;
    assert_eq!(anna.acts_for(&mandate).await.status, 303);
    let tokens = parken.tokens_of(&world, &mut anna, &[SCOPE]).await;
    let (id, told) = (of(&tokens, "id_token"), userinfo(&world, &parken, &tokens).await);
    assert_eq!(told["act"]["through"], json!({ "name": "Bäckerei Weber GmbH" }));
    assert_eq!((&told["given_name"], &told["act"]["given_name"]), (&json!("Renate"), &json!("Anna")));
    assert_eq!((&id["act"]["through"], &told["organisation"]), (&Value::Null, &Value::Null));
    let tokens = bau.tokens_of(&world, &mut anna, &[SCOPE]).await;
    assert!(userinfo(&world, &bau, &tokens).await["act"].get("through").is_none(), "who may not know her name");
    let three = BTreeSet::from([principal, advisers.to_string(), world.account("anna@example.org").await.to_string()]);
    assert_eq!(subjects(&world, "mandate.taken_up").await, three);
    let issued = "SELECT subject FROM audit_event WHERE kind = 'grant.issued'";
    assert_eq!(BTreeSet::from_iter(world.texts(issued).await), three);
    let protocol = nadine.get(&format!("/organisation/{advisers}/protokoll")).await.body;
    assert!(protocol.contains(&format!("angemeldet. Mit der Vollmacht {mandate}.")), "{protocol}");
});

both!(an_organisation_is_acted_for_under_a_mandate, async |world| {
    let parken = Service::new("parken");
    world
        .clients(&[parken.serving(&["organisations"], MANDATES), Service::new("bau").declaration(MANDATES)].concat())
        .await;
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let membership = world.membership(&bakery, NADINE).await;
    nadine.acts_for(&membership).await;
    let hers = of(&parken.tokens_of(&world, &mut nadine, &[SCOPE]).await, "id_token");
    let mut anna = world.representative("anna@example.org", ["Anna", "Koch"]).await;
    let mandate = world.mandate(bakery.as_str(), world.account("anna@example.org").await.as_str(), ALL).await;
    let page = anna.visit(&parken.request(&[SCOPE])).await;
    assert!(page.body.contains("Bäckerei Weber GmbH") && !page.body.contains("value=\"ich\""), "{}", page.body);
    let consent = anna.chooses(&page, &mandate).await;
    assert!(consent.body.contains("Sie handeln für Bäckerei Weber GmbH."), "{}", consent.body);
    let back = anna.consents(&consent).await;
    let tokens = parken.redeem(&world, &back.parameter("code").unwrap()).await.json();
    let (id, told) = (of(&tokens, "id_token"), userinfo(&world, &parken, &tokens).await);
    assert_eq!((&id["sub"], &id["act"]["role"]), (&hers["sub"], &json!("mandate")), "whoever acts it is the same");
    assert_eq!(told["organisation"]["seat"], "Mainz");
    assert_eq!((&hers["acr"], &id["acr"]), (&json!(Level::Substantial.acr()), &json!(Level::Basic.acr())));
    // A service for persons gets Anna herself.
    let bau = Service::new("bau");
    let page = anna.visit(&bau.request(&[PERSONS])).await;
    assert!(page.body.contains("Er bekommt Ihre eigenen Daten"), "{}", page.body);
    assert_eq!(of(&bau.tokens_of(&world, &mut anna, &[PERSONS]).await, "id_token")["act"], Value::Null);
});

both!(what_is_used_is_written_down_once_an_hour, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.serving(&BOTH, MANDATES)).await;
    let Cast { mut nadine, mandate, .. } = cast(&world, &only("parken")).await;
    nadine.acts_for(&mandate).await;
    let used = async || {
        let row = "SELECT CAST(first_used_at AS TEXT) || ' ' || CAST(last_used_at AS TEXT) FROM mandate_use";
        let rows = world.texts(row).await;
        assert_eq!(rows.len(), 1);
        rows[0].split_once(' ').map(|(first, last)| (first.to_owned(), last.to_owned())).unwrap()
    };
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE_OFFLINE]).await;
    let begin = used().await;
    assert_eq!(of(&tokens, "id_token")["act"]["scope"], json!(["read", "submit"]));
    world.pass(std::time::Duration::from_secs(3500));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(parken.refresh(&world, refresh).await.status, 200);
    assert_eq!(used().await, begin);
    world.pass(std::time::Duration::from_secs(200));
    assert_eq!(parken.refresh(&world, refresh).await.status, 200);
    let (first, last) = used().await;
    assert!(first == begin.0 && last > begin.1);
});

// More than anybody reads: the next to end are there, others are found.
both!(many_mandates_are_searched, async |world| {
    let Cast { principal, mut nadine, .. } = cast(&world, ALL).await;
    let agent = world.account(NADINE).await;
    let now = world.app.now().milliseconds();
    let until = now + 90 * 86_400_000;
    let value = |number: i64| {
        let scope = only(if number == 600 { "bau" } else { "parken" });
        let id = format!("mdt_{number:026}");
        format!(
            "('{id}', '{principal}', '{agent}', '{principal}', 'active', 'own', '{scope}', {now}, {}, FALSE, '', {now}, {now}, {now})",
            until + number
        )
    };
    let values: Vec<String> = (1..=600).map(value).collect();
    let columns = "id, principal, agent, opener, state, origin, scope, valid_from, valid_until, may_pass_on, opened_by, opened_at,
                   expires_at, over_at";
    world.change(&format!("INSERT INTO mandate ({columns}) VALUES {}", values.join(", "))).await;
    world.change(&format!("DELETE FROM mandate WHERE scope = '{ALL}'")).await;
    world.later();
    let rows = |body: &str| body.matches("name=\"wahl\" type=\"radio\" value=\"mdt_").count();
    let page = nadine.get(WAHL).await.body;
    assert!(
        rows(&page) == 50 && page.contains("type=\"search\"") && page.contains("sind die 50 berücksichtigt"),
        "{page}"
    );
    let found = nadine.get(&format!("{WAHL}?suche=muster")).await.body;
    assert!(rows(&found) == 50 && found.contains("Gefunden: 500") && found.contains("id=\"mehr\""), "{found}");
    let one = nadine.get(&format!("{WAHL}?suche=mdt_{:026}", 600)).await.body;
    assert!(rows(&one) == 1 && one.contains("Gefunden: 1"), "{one}");
    // At a service the one of all that counts there.
    let bau = Service::new("bau");
    world.clients(&bau.declaration(MANDATES)).await;
    let page = nadine.visit(&bau.request(&[PERSONS])).await;
    assert!(rows(&page.body) == 1 && page.body.contains(&format!("mdt_{:026}", 600)), "{}", page.body);
});
