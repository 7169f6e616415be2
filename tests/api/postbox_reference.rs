//! A service hands on where somebody reads their post, and an authority that does not know them delivers there.

use serde_json::{Value, json};

use crate::acting_tokens::BOTH;
use crate::both;
use crate::security_assertion::Signer;
use crate::support::authority::{Authority, decision};
use crate::support::browser::Browser;
use crate::support::organisation::NADINE;
use crate::support::service::claims;
use crate::support::{Service, World};

const OFFICE: &str = "sector = \"land\"\nown_scopes = [\"postbox\"]\npostbox = { land = \"RP\" }\n";
const ASKS: (&str, &str) = ("scope", "openid postbox_reference");

/// An office of the Land, and a service of the city that may ask for references, or may not.
async fn opens(world: &World, may_ask: bool) -> Authority {
    let (signer, service) = (Signer::new("amt"), Service::new("wohngeld"));
    let mut declared = service.serving(&BOTH, "sector = \"stadt\"");
    if may_ask {
        declared = declared.replace("\"offline_access\"]", "\"offline_access\", \"postbox_reference\"]");
    }
    world.clients(&format!("{}{declared}", signer.declaration(OFFICE))).await;
    Authority { signer, service }
}

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, "renate@example.org", ["Renate", "Muster"]).await;
    renate
}

/// What the service gets to know now.
async fn userinfo(world: &World, service: &Service, who: &mut Browser) -> Value {
    let tokens = service.tokens_of(world, who, &[ASKS]).await;
    service.userinfo(world, tokens["access_token"].as_str().unwrap()).await.json()
}

async fn reference(world: &World, service: &Service, who: &mut Browser) -> String {
    let said = userinfo(world, service, who).await;
    said["postbox_reference"].as_str().unwrap_or_else(|| panic!("no reference: {said}")).to_owned()
}

fn to(reference: &str) -> Value {
    let mut notice = decision("");
    notice["recipient"] = json!({ "postbox_reference": reference });
    notice
}

both!(whoever_has_the_reference_delivers_and_learns_a_number_of_their_own, async |world| {
    let authority = opens(&world, true).await;
    let mut renate = renate(&world).await;
    let page = renate.visit(&authority.service.request(&[ASKS])).await;
    assert!(page.body.contains("id=\"postfachadresse\""), "{page:?}");
    let first = reference(&world, &authority.service, &mut renate).await;
    let second = reference(&world, &authority.service, &mut renate).await;
    // Each is another text; both lead to one postbox.
    assert_ne!(first, second);
    let subject = userinfo(&world, &authority.service, &mut renate).await["sub"].as_str().unwrap().to_owned();
    let mut numbers = Vec::new();
    for (key, reference) in [("a", &first), ("b", &second)] {
        let answer = authority.provides(&world, key, &to(reference)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let receipt = claims(answer.json()["receipt"].as_str().unwrap());
        numbers.push(receipt["sub"].as_str().unwrap().to_owned());
    }
    assert_eq!(numbers[0], numbers[1]);
    assert_ne!(numbers[0], subject, "what the city knows them by is the city's");
    assert_eq!(renate.get("/postfach").await.body.matches("Bescheid über Wohngeld").count(), 2);
    // The subject of another sector leads nowhere, with or without a reference.
    assert_eq!(authority.provides(&world, "c", &decision(&subject)).await.status, 422);
});

both!(sec_u01_a_reference_ends_with_its_connection_and_cannot_be_made, async |world| {
    let authority = opens(&world, true).await;
    let mut renate = renate(&world).await;
    let reference = reference(&world, &authority.service, &mut renate).await;
    assert_eq!(authority.provides(&world, "vorher", &to(&reference)).await.status, 201);
    let refused = async |key: &str, reference: &str| {
        let answer = authority.provides(&world, key, &to(reference)).await;
        assert_eq!((answer.status, &answer.json()["fields"][0]["field"]), (422, &json!("recipient")), "{reference}");
    };
    // Every letter of it counts, and what is none is none.
    for at in (0..reference.len()).step_by(7) {
        let mut other = reference.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        refused(&format!("an-{at}"), std::str::from_utf8(&other).unwrap()).await;
    }
    for (number, odd) in ["", "pbx_", "pbx_ä", "pbx_AAAAAAAAAAAAAAAAAAAAAA", &"pbx_A".repeat(1000)].iter().enumerate()
    {
        refused(&format!("odd-{number}"), odd).await;
    }
    let mut both = to(&reference);
    both["recipient"]["subject"] = json!("x");
    assert_eq!(authority.provides(&world, "beides", &both).await.status, 400);
    // What she agreed to does not name it any more.
    world.change("UPDATE consent SET scope = 'openid' WHERE client_id = 'wohngeld'").await;
    refused("ohne", &reference).await;
    world.change("UPDATE consent SET scope = 'openid postbox_reference' WHERE client_id = 'wohngeld'").await;
    assert_eq!(authority.provides(&world, "wieder", &to(&reference)).await.status, 201);
    let ended = renate.post("/dienste/wohngeld/beenden", &[]).await;
    assert_eq!(ended.status, 303, "{ended:?}");
    refused("nachher", &reference).await;
    assert_eq!(world.rows("postbox_message").await, 2);
});

both!(a_service_that_may_not_ask_gets_none, async |world| {
    let authority = opens(&world, false).await;
    let answer = renate(&world).await.visit(&authority.service.request(&[ASKS])).await;
    assert_eq!(answer.parameter("error").as_deref(), Some("invalid_scope"), "{answer:?}");
});

both!(the_reference_of_an_organisation_leads_to_its_postbox, async |world| {
    let authority = opens(&world, true).await;
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    nadine.acts_for(&world.membership(&bakery, NADINE).await).await;
    let reference = reference(&world, &authority.service, &mut nadine).await;
    assert_eq!(authority.provides(&world, "1", &to(&reference)).await.status, 201);
    assert_eq!(world.texts("SELECT owner FROM postbox_message").await, [bakery.as_str()]);
});
