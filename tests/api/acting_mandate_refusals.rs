//! Mandates that have ended, that were never there, or that are for something else: attack rows T06 to T08 where services get tokens.

use std::time::Duration;

use nutzerkonto::kernel::level::Level;

use crate::acting_mandates::{Cast, cast};
use crate::acting_refusals::opens;
use crate::acting_tokens::BOTH;
use crate::both;
use crate::support::Service;
use crate::support::acting::{SCOPE, SCOPE_OFFLINE, of};
use crate::support::browser::PASSWORD;
use crate::support::doors::refusal;
use crate::support::mandate::{ALL, MANDATES, only};
use crate::support::organisation::NADINE;
use crate::support::surface::EMAIL;

both!(sec_t06_tokens_die_with_the_mandate, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.serving(&BOTH, MANDATES)).await;
    let Cast { mut nadine, principal, mandate, .. } = cast(&world, &only("parken")).await;
    nadine.acts_for(&mandate).await;
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE_OFFLINE]).await;
    assert_eq!(opens(&world, &parken, &tokens).await, [true; 4]);
    let far = "4000000000000";
    for (table, set, opened) in [
        ("mandate", format!("valid_from = {far}"), false),
        ("mandate", "valid_from = 1".to_owned(), true),
        ("mandate", "state = 'revoked'".to_owned(), false),
        ("mandate", "state = 'returned'".to_owned(), false),
        ("mandate", "state = 'offered'".to_owned(), false),
        ("mandate", "state = 'active'".to_owned(), true),
        ("mandate", format!("scope = '{}'", only("bau")), false),
        ("mandate", format!("scope = '{ALL}'"), true),
        ("mandate", "agent = principal".to_owned(), false),
        ("mandate", format!("agent = '{}'", world.account(NADINE).await), true),
        ("mandate", "parent = 'mdt_00000000000000000000000000'".to_owned(), false),
        ("mandate", "parent = NULL".to_owned(), true),
        ("account", "status = 'locked'".to_owned(), false),
        ("account", "status = 'active'".to_owned(), true),
        ("account", "status = 'closing'".to_owned(), false),
        ("account", "status = 'active'".to_owned(), true),
        ("mandate", "principal = agent".to_owned(), false),
        ("mandate", format!("principal = '{principal}'"), true),
        ("mandate", "valid_until = 2".to_owned(), false),
    ] {
        let only = if table == "account" { format!("WHERE id = '{principal}'") } else { String::new() };
        world.change(&format!("UPDATE {table} SET {set} {only}")).await;
        world.later();
        assert_eq!(opens(&world, &parken, &tokens).await, [opened; 4], "{set}");
    }
    // The day on which it ends, to the second; and what is not known well enough about who acts.
    let until = world.app.now().milliseconds() + 5_000;
    world.change(&format!("UPDATE mandate SET valid_until = {until}")).await;
    world.pass(Duration::from_millis(4_900));
    assert_eq!(opens(&world, &parken, &tokens).await, [true; 4]);
    world.later();
    assert_eq!(opens(&world, &parken, &tokens).await, [false; 4]);
    world.change(&format!("UPDATE mandate SET valid_until = {far}")).await;
    world.later();
    assert_eq!(opens(&world, &parken, &tokens).await, [true; 4]);
    world.change(&format!("UPDATE account SET identity_level = 'low' WHERE id <> '{principal}'")).await;
    world.later();
    assert_eq!(opens(&world, &parken, &tokens).await, [false; 4]);
});

both!(sec_t06_through_an_organisation_only_as_long_as_one_may, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.serving(&BOTH, MANDATES)).await;
    let Cast { principal, .. } = cast(&world, ALL).await;
    let advisers = world.organisation(NADINE, &crate::support::organisation::club("Beratung")).await;
    let mut anna = world.representative("anna@example.org", ["Anna", "Koch"]).await;
    let membership = world.admits(&advisers, "anna@example.org", &[("mandates", "")]).await;
    let mandate = world.mandate(&principal, advisers.as_str(), ALL).await;
    let mut clerk = world.representative("otto@example.org", ["Otto", "Koch"]).await;
    world.admits(&advisers, "otto@example.org", &[("documents", ""), ("administration", "")]).await;
    assert_eq!(clerk.acts_for(&mandate).await.status, 404, "without the right it is not there");
    anna.acts_for(&mandate).await;
    let tokens = parken.tokens_of(&world, &mut anna, &[SCOPE_OFFLINE]).await;
    assert_eq!(opens(&world, &parken, &tokens).await, [true; 4]);
    for (set, opened) in [
        ("organisation SET state = 'blocked'", false),
        ("organisation SET state = 'active'", true),
        ("membership_right SET kind = 'documents' WHERE kind = 'mandates'", false),
        ("membership_right SET kind = 'representation' WHERE kind = 'documents'", true),
        ("membership SET ended_at = 1 WHERE id = '{membership}'", false),
    ] {
        world.change(&format!("UPDATE {}", set.replace("{membership}", &membership))).await;
        world.later();
        assert_eq!(opens(&world, &parken, &tokens).await, [opened; 4], "{set}");
    }
});

both!(sec_t08_nobody_uses_the_mandate_of_another, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.serving(&BOTH, MANDATES)).await;
    let Cast { mut nadine, principal, mandate, .. } = cast(&world, ALL).await;
    let mut mallory = world.representative("mallory@example.org", ["Mallory", "Muster"]).await;
    let mut renate = world.browser();
    renate.sign_in(EMAIL, PASSWORD).await;
    for browser in [&mut mallory, &mut renate] {
        assert_eq!(browser.acts_for(&mandate).await.status, 404);
    }
    assert_eq!(nadine.acts_for(&principal).await.status, 404);
    nadine.acts_for(&mandate).await;
    let tokens = parken.tokens_of(&world, &mut nadine, &[SCOPE_OFFLINE]).await;
    // A mandate of one principal opens nothing of another, and none of a row that says half of it.
    let other = world.account("mallory@example.org").await.to_string();
    let foreign = world.mandate(&other, &principal, ALL).await;
    for (forged, back) in [
        (format!("represented = '{other}'"), format!("represented = '{principal}'")),
        (format!("acting = '{foreign}'"), format!("acting = '{mandate}'")),
    ] {
        world.change(&format!("UPDATE acting_consent SET represented = '{other}'")).await;
        world.change(&format!("UPDATE client_grant SET {forged}")).await;
        world.later();
        assert_eq!(opens(&world, &parken, &tokens).await, [false; 4], "{forged}");
        world.change(&format!("UPDATE acting_consent SET represented = '{principal}'")).await;
        world.change(&format!("UPDATE client_grant SET {back}")).await;
        world.later();
        assert_eq!(opens(&world, &parken, &tokens).await, [true; 4]);
    }
});

both!(sec_t06_a_mandate_is_for_its_services_and_its_kind_of_client, async |world| {
    let services = ["parken", "bau", "firmen"].map(Service::new);
    let [parken, bau, firmen] = &services;
    world
        .clients(
            &[parken.declaration(MANDATES), bau.declaration(MANDATES), firmen.serving(&["organisations"], MANDATES)]
                .concat(),
        )
        .await;
    let Cast { mut nadine, mandate, principal, .. } = cast(&world, &only("parken")).await;
    nadine.acts_for(&mandate).await;
    let page = nadine.visit(&bau.request(&[])).await;
    assert_eq!(page.heading(), "Für wen handeln Sie?", "her choice does not count here");
    assert!(!page.body.contains("value=\"mdt_"), "{}", page.body);
    let back = nadine.chooses(&page, &mandate).await;
    assert!(back.heading() == "Für wen handeln Sie?" && back.parameter("code").is_none(), "{}", back.body);
    let silent = nadine.get(&bau.request(&[("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("account_selection_required"));
    // A code for one service is none for another, and the scope counts when it is redeemed.
    nadine.acts_for(&mandate).await;
    let code = parken.acting_code(&mut nadine, &[]).await;
    world.change(&format!("UPDATE mandate SET scope = '{}'", only("bau"))).await;
    assert_eq!(refusal(&parken.redeem(&world, &code).await), (400, "invalid_grant".to_owned()));
    world.change(&format!("UPDATE mandate SET scope = '{ALL}'")).await;
    world.later();
    // A person is not what a service for organisations is for, whatever the mandate says.
    let page = nadine.visit(&firmen.request(&[SCOPE])).await;
    assert!(page.body.contains("Es gibt keine Organisation, für die Sie hier handeln dürfen"), "{}", page.body);
    assert!(!page.body.contains("Renate Muster</label>"), "{}", page.body);
    // Where the service becomes one for organisations nothing of persons is left.
    let tokens = parken.tokens_of(&world, &mut nadine, &[]).await;
    world.clients(&parken.serving(&["organisations"], MANDATES)).await;
    world.later();
    assert_eq!(parken.userinfo(&world, tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(
        world
            .texts(&format!("SELECT subject FROM audit_event WHERE kind = 'code.refused' AND subject = '{principal}'"))
            .await
            .len(),
        1
    );
});

// Whoever does not read `act` would take an agent for the principal, and reading for everything.
both!(sec_t06_where_the_service_has_not_said_so_no_mandate_is_used, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration(MANDATES)).await;
    let Cast { mut nadine, mandate, .. } = cast(&world, ALL).await;
    nadine.acts_for(&mandate).await;
    let tokens = parken.tokens_of(&world, &mut nadine, &[]).await;
    let code = parken.acting_code(&mut nadine, &[]).await;
    world.clients(&parken.declaration("")).await;
    world.later();
    assert_eq!(parken.userinfo(&world, tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(refusal(&parken.redeem(&world, &code).await), (400, "invalid_grant".to_owned()));
    // She is asked nothing, and comes as herself.
    let own = of(&parken.tokens_of(&world, &mut nadine, &[]).await, "id_token");
    let principal = of(&tokens, "id_token");
    assert!(own.get("act").is_none() && own["sub"] != principal["sub"] && own["sub"] != principal["act"]["sub"]);
});

both!(sec_t06_levels_of_both_count, async |world| {
    let (parken, bau) = (Service::new("parken"), Service::new("bau"));
    let level = "level = \"substantial\"\nlevel_reason = { de = \"Steuergeheimnis\", en = \"Tax secrecy\" }";
    world.clients(&[parken.declaration(MANDATES), bau.declaration(&format!("{level}\n{MANDATES}"))].concat()).await;
    let Cast { mut nadine, mandate, .. } = cast(&world, ALL).await;
    // Renate is not known well enough for the one service: her mandate is not offered, and does not count there.
    nadine.acts_for(&mandate).await;
    let page = nadine.visit(&bau.request(&[])).await;
    assert!(page.heading() == "Für wen handeln Sie?" && !page.body.contains("value=\"mdt_"), "{}", page.body);
    world.prove(EMAIL, Level::High).await;
    world.later();
    let page = nadine.visit(&bau.request(&[])).await;
    assert!(page.body.contains("Sie handeln mit einer Vollmacht für Renate Muster."), "{}", page.body);
    let tokens = bau.tokens_of(&world, &mut nadine, &[]).await;
    assert_eq!(of(&tokens, "id_token")["acr"], Level::Substantial.acr(), "the lower of both");
    // Whoever has signed in with a password alone uses no mandate, whatever the service wants.
    let mut weak = world.browser();
    weak.sign_in(NADINE, PASSWORD).await;
    weak.acts_for(&mandate).await;
    let page = weak.visit(&parken.request(&[])).await;
    assert!(page.heading().contains("Niveau") || page.body.contains("substanziell"), "{}", page.body);
    let silent = weak.get(&parken.request(&[("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("interaction_required"));
});

// After the answer to a revocation no code becomes a token, on whichever node.
both!(sec_t06_a_revocation_and_a_token_at_the_same_moment, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.serving(&BOTH, MANDATES)).await;
    let Cast { mut nadine, .. } = cast(&world, ALL).await;
    let (principal, agent) = (world.account(EMAIL).await, world.account(NADINE).await);
    let node = world.second_node().await;
    let there = nadine.at(node.running.address);
    let mut granted = 0;
    for round in 0..6 {
        let mandate = world.mandate(principal.as_str(), agent.as_str(), ALL).await;
        nadine.acts_for(&mandate).await;
        let [one, late] =
            [parken.acting_code(&mut nadine, &[SCOPE]).await, parken.acting_code(&mut nadine, &[SCOPE]).await];
        let (answer, ()) = tokio::join!(parken.redeem_at(&there, &one, &[]), world.revokes(&principal, &mandate));
        assert_eq!(refusal(&parken.redeem_at(&there, &late, &[]).await), (400, "invalid_grant".to_owned()), "{round}");
        if answer.status == 200 {
            granted += 1;
            world.later();
            let access = answer.json()["access_token"].as_str().unwrap().to_owned();
            assert_eq!(parken.userinfo(&world, &access).await.status, 401);
        } else {
            assert_eq!(refusal(&answer), (400, "invalid_grant".to_owned()));
        }
    }
    let uses = world.texts("SELECT mandate_id FROM mandate_use").await.len();
    assert_eq!(uses, granted, "a use is written down with the grant, or not at all");
    node.running.abort().await;
});
