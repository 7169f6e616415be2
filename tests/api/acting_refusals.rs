//! Power that has ended, that was never there, or that is another's: attack rows T06 to T08 where services get tokens.

use std::time::Duration;

use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::organisation::State;
use serde_json::Value;

use crate::acting_tokens::BOTH;
use crate::both;
use crate::support::acting::{SCOPE, SCOPE_OFFLINE, of};
use crate::support::browser::PASSWORD;
use crate::support::doors::refusal;
use crate::support::ear::Ear;
use crate::support::organisation::{NADINE, bakery, club};
use crate::support::service::{claims, vorgang};
use crate::support::{Browser, Service, World};

const ANNA: &str = "anna@example.org";

/// Anna, who may use the service for the bakery, and has said so.
struct Cast {
    parken: Service,
    anna: Browser,
    bakery: OrganisationId,
    membership: String,
}

async fn cast(world: &World, rights: &[(&str, &str)]) -> Cast {
    let parken = Service::new("parken");
    world.clients(&parken.serving(&BOTH, "")).await;
    let (_, bakery) = world.nadine_with_bakery().await;
    let mut anna = world.browser();
    anna.register(world, ANNA, ["Anna", "Koch"]).await;
    let membership = world.admits(&bakery, ANNA, rights).await;
    anna.acts_for(&membership).await;
    Cast { parken, anna, bakery, membership }
}

async fn usual(world: &World) -> Cast {
    cast(world, &[("use_service", "parken")]).await
}

/// Everything that tokens open.
pub async fn opens(world: &World, parken: &Service, tokens: &Value) -> [bool; 4] {
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let active = |answer: Value| answer["active"] == true;
    [
        parken.userinfo(world, access).await.status == 200,
        active(parken.ask(world, "/oauth2/introspect", &[("token", access)]).await.json()),
        active(parken.ask(world, "/oauth2/introspect", &[("token", refresh)]).await.json()),
        parken.refresh(world, refresh).await.status == 200,
    ]
}

both!(sec_t07_tokens_die_with_the_membership, async |world| {
    let Cast { parken, mut anna, membership, .. } = usual(&world).await;
    let tokens = parken.tokens_of(&world, &mut anna, &[SCOPE_OFFLINE]).await;
    assert_eq!(opens(&world, &parken, &tokens).await, [true; 4]);
    let refreshed = parken.refresh(&world, tokens["refresh_token"].as_str().unwrap()).await.json();
    let (before, after) = (of(&tokens, "id_token"), of(&refreshed, "id_token"));
    assert_eq!((&before["sub"], &before["act"]), (&after["sub"], &after["act"]), "refreshing keeps who acts for whom");
    let code = parken.acting_code(&mut anna, &[SCOPE_OFFLINE]).await;
    let node = world.second_node().await;
    let there = anna.at(node.running.address);
    world.leaves(&membership).await;
    assert_eq!(opens(&world, &parken, &tokens).await, [false; 4]);
    assert_eq!(refusal(&parken.redeem_at(&there, &code, &[]).await), (400, "invalid_grant".to_owned()));
    node.running.abort().await;
    // With a new membership the old tokens stay dead: it is another power.
    let bakery = OrganisationId::parse(&world.texts("SELECT id FROM organisation").await.remove(0)).unwrap();
    world.admits(&bakery, ANNA, &[("use_service", "parken")]).await;
    assert_eq!(opens(&world, &parken, &tokens).await, [false; 4]);
});

both!(sec_t06_a_right_counts_for_its_service_and_its_time, async |world| {
    let Cast { parken, mut anna, membership, .. } = usual(&world).await;
    let bau = Service::new("bau");
    world.clients(&[parken.serving(&BOTH, ""), bau.serving(&["organisations"], "")].concat()).await;
    let page = anna.visit(&bau.request(&[SCOPE])).await;
    assert!(page.body.contains("Es gibt keine Organisation, für die Sie hier handeln dürfen"), "{}", page.body);
    let silent = anna.get(&bau.request(&[SCOPE, ("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("interaction_required"));
    let tokens = parken.tokens_of(&world, &mut anna, &[SCOPE_OFFLINE]).await;
    let set = |set: &'static str| {
        let membership = membership.clone();
        let world = &world;
        async move {
            world.change(&format!("UPDATE membership_right SET {set} WHERE membership_id = '{membership}'")).await;
            world.later();
        }
    };
    for (one, opened) in [
        ("valid_until = 1", false),
        ("valid_until = NULL", true),
        ("valid_from = 4000000000000", false),
        ("valid_from = 1", true),
        ("object = 'bau'", false),
        ("object = 'parken'", true),
        ("kind = 'documents', object = ''", false),
        ("kind = 'use_service', object = 'parken'", true),
    ] {
        set(one).await;
        assert_eq!(opens(&world, &parken, &tokens).await, [opened; 4], "{one}");
    }
    // The day on which it ends, to the second.
    let until = world.app.now().milliseconds() + 5_000;
    world
        .change(&format!("UPDATE membership_right SET valid_until = {until} WHERE membership_id = '{membership}'"))
        .await;
    world.pass(Duration::from_millis(4_999));
    assert_eq!(opens(&world, &parken, &tokens).await, [true; 4]);
    world.later();
    assert_eq!(opens(&world, &parken, &tokens).await, [false; 4]);
});

both!(sec_t07_tokens_follow_the_state_of_the_organisation, async |world| {
    let Cast { parken, mut anna, bakery, .. } = usual(&world).await;
    let tokens = parken.tokens_of(&world, &mut anna, &[SCOPE_OFFLINE]).await;
    for (state, opened) in [
        (State::Blocked, false),
        (State::Insolvent, true),
        (State::Closing, false),
        (State::Active, true),
        (State::Closed, false),
    ] {
        world.organisation_is(&bakery, state).await;
        world.later();
        assert_eq!(opens(&world, &parken, &tokens).await, [opened; 4], "{state:?}");
    }
});

// Whoever represents does so only as long as it is known well enough who they are, and the organisation may be represented.
both!(sec_t06_representation_needs_more, async |world| {
    let Cast { parken, mut anna, bakery, membership } = cast(&world, &[("representation", "")]).await;
    assert!(anna.visit(&parken.request(&[SCOPE])).await.heading().starts_with("Diese Daten gehen an"), "for herself");
    world.prove(ANNA, nutzerkonto::kernel::level::Level::Low).await;
    assert_eq!(anna.acts_for(&membership).await.status, 403);
    let key = &mut crate::support::passkey::Key::new(&world);
    anna.add(key, "Schlüssel").await;
    world.prove(ANNA, nutzerkonto::kernel::level::Level::Substantial).await;
    world.later();
    assert_eq!(anna.acts_for(&membership).await.status, 303);
    let tokens = parken.tokens_of(&world, &mut anna, &[SCOPE_OFFLINE]).await;
    assert_eq!(of(&tokens, "id_token")["act"]["role"], "representative");
    world.organisation_is(&bakery, State::Insolvent).await;
    world.later();
    assert_eq!(opens(&world, &parken, &tokens).await, [false; 4], "§ 80 InsO");
});

both!(sec_t08_what_was_agreed_to_for_one_is_nothing_for_another, async |world| {
    let Cast { parken, mut anna, .. } = usual(&world).await;
    let other = world.organisation(NADINE, &club("Kegelclub")).await;
    let other = world.admits(&other, ANNA, &[("use_service", "parken")]).await;
    let for_bakery = of(&parken.tokens_of(&world, &mut anna, &[SCOPE]).await, "id_token");
    anna.acts_for(&other).await;
    let silent = anna.get(&parken.request(&[SCOPE, ("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("consent_required"));
    // The page is shown for one, and answered when another is chosen in another window: no answer.
    let page = anna.visit(&parken.request(&[SCOPE])).await;
    assert_eq!(page.hidden("fuer"), other);
    let mut window = anna.clone();
    window.acts_for("ich").await;
    let asked = anna.consents(&page).await;
    assert!(asked.parameter("code").is_none() && asked.body.contains("antwort"), "{asked:?}");
    assert_eq!((world.rows("acting_consent").await, world.rows("consent").await), (1, 0));
    window.acts_for(&other).await;
    let path = format!("/einwilligung?vorgang={}", vorgang(&page));
    for wrong in ["", "mem_00000000000000000000000000", "ich"] {
        let answer = anna.post(&path, &[("antwort", "ja"), ("fuer", wrong)]).await;
        assert!(answer.location().starts_with("/weiter"), "{answer:?}");
    }
    assert_eq!(world.rows("acting_consent").await, 1);
    let back = anna.consents(&page).await;
    let tokens = parken.redeem(&world, &back.parameter("code").unwrap()).await.json();
    let for_club = of(&tokens, "id_token");
    assert_ne!(for_club["sub"], for_bakery["sub"]);
    assert_eq!(for_club["act"], for_bakery["act"], "the same person acts");
    let told = parken.userinfo(&world, tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(told["organisation"]["name"], "Kegelclub");
    // A row that says half of it opens nothing, least of all what is the person's own.
    world.change("UPDATE client_grant SET represented = NULL WHERE represented IS NOT NULL").await;
    world.later();
    let answer = parken.userinfo(&world, tokens["access_token"].as_str().unwrap()).await;
    assert!(answer.status >= 400 && !answer.body.contains("\"sub\""), "{answer:?}");
});

both!(sec_t08_power_over_one_is_none_over_another, async |world| {
    let Cast { parken, mut anna, membership, .. } = usual(&world).await;
    let tokens = parken.tokens_of(&world, &mut anna, &[SCOPE_OFFLINE]).await;
    let other = world.organisation(NADINE, &bakery("777")).await;
    let victim = world.membership(&other, NADINE).await;
    world.later();
    assert_eq!(opens(&world, &parken, &tokens).await, [true; 4]);
    // Not even with a consent that seems to be there.
    let columns = "client_id, scope, claims, terms, granted_at";
    world
        .change(&format!(
            "INSERT INTO acting_consent (account_id, represented, {columns})
             SELECT account_id, '{other}', {columns} FROM acting_consent"
        ))
        .await;
    for forged in [
        format!("acting = '{victim}', represented = '{other}'"),
        format!("acting = '{membership}', represented = '{other}'"),
        format!("acting = '{victim}'"),
    ] {
        world.change(&format!("UPDATE client_grant SET {forged}")).await;
        world.later();
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(parken.userinfo(&world, access).await.status, 401, "{forged}");
    }
});

both!(a_client_that_serves_organisations_no_more_gets_nothing_of_them, async |world| {
    let Cast { parken, mut anna, .. } = usual(&world).await;
    let tokens = parken.tokens_of(&world, &mut anna, &[SCOPE_OFFLINE]).await;
    world.clients(&parken.offline_declaration("")).await;
    world.later();
    assert_eq!(opens(&world, &parken, &tokens).await, [false; 4]);
    // And one that is for organisations alone nothing of people.
    let own = parken.tokens_of(&world, &mut anna, &[("scope", "openid profile email offline_access")]).await;
    assert_eq!(opens(&world, &parken, &own).await, [true; 4]);
    world.clients(&parken.serving(&["organisations"], "")).await;
    world.later();
    assert_eq!(opens(&world, &parken, &own).await, [false; 4]);
});

both!(signing_out_fits_whomever_one_acted_for, async |mut world| {
    world.restart(|config| config.outbound.allowed_hosts = vec!["localhost".to_owned()]).await;
    let (ear, parken) = (Ear::open(&[]).await, Service::new("parken"));
    let extra = format!("backchannel_logout_uri = \"http://localhost:{}/ende\"", ear.port);
    world.clients(&parken.serving(&BOTH, &extra)).await;
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let membership = world.membership(&bakery, NADINE).await;
    world.later();
    nadine.acts_for(&membership).await;
    let id = parken.tokens_of(&world, &mut nadine, &[SCOPE]).await["id_token"].as_str().unwrap().to_owned();
    let told = claims(&id);
    nadine.acts_for("ich").await;
    let out = format!("/oauth2/logout?id_token_hint={id}&post_logout_redirect_uri=https%3A%2F%2Fparken.example%2F");
    // Of this very session, whomever it acts for now; of nobody else's.
    let mut renate = world.browser();
    renate.register(&world, "renate@example.org", ["Renate", "Muster"]).await;
    assert_eq!(renate.get(&out).await.status, 200, "she is asked");
    assert_eq!(nadine.get(&out).await.location(), "https://parken.example/");
    let heard = ear.heard(1).await.remove(0);
    let said = claims(heard.split_once("logout_token=").unwrap().1);
    assert_eq!((&said["sub"], &said["sid"]), (&told["sub"], &told["sid"]), "as the service knows it");
    // Whom the service has known as two, it is told of by the session alone: no number of the one says who the other is.
    let mut nadine = nadine.without_cookies();
    nadine.get("/anmelden").await;
    nadine.sign_in(NADINE, PASSWORD).await;
    nadine.acts_for("ich").await;
    let own = of(&parken.tokens_of(&world, &mut nadine, &[SCOPE]).await, "id_token");
    nadine.acts_for(&membership).await;
    parken.tokens_of(&world, &mut nadine, &[SCOPE]).await;
    nadine.get("/konto").await;
    nadine.post("/abmelden", &[]).await;
    let heard = ear.heard(2).await.remove(1);
    let said = claims(heard.split_once("logout_token=").unwrap().1);
    assert_eq!((&said["sub"], &said["sid"]), (&Value::Null, &own["sid"]));
});
