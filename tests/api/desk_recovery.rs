//! Back into the account over a registration desk: a slip, a document, a code on paper, a new password.

use std::time::Duration;

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::{days, hours};
use nutzerkonto::store::retention;

use crate::both;
use crate::only_passkeys::with_passkeys_only;
use crate::personal_data::{asks, fetch, file};
use crate::support::browser::PASSWORD;
use crate::support::bureau::declaration;
use crate::support::doors::{OFFLINE, connected, text, tokens};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

pub const OLGA: &str = "olga@example.org";
pub const NEW_PASSWORD: &str = "neues-passwort-mit-wolken";

/// An officer at a desk that wants this besides.
pub async fn desk(world: &World, extra: &str) -> Browser {
    world.offices(&declaration("musterhausen", extra)).await;
    world.officer(OLGA, "musterhausen").await
}

/// Renate, who is proven, with a passkey; she goes to the desk with a slip from another browser.
pub async fn renate_with_slip(world: &World) -> (Browser, Browser, String) {
    let (renate, _) = world.somebody(EMAIL, ["Renate", "Muster"], Level::Substantial).await;
    let mut lost = world.browser();
    let slip = lost.asks_for_slip(EMAIL).await;
    (renate, lost, slip)
}

/// Renate's account is released; the code on paper.
pub async fn released(olga: &mut Browser, slip: &str) -> String {
    let path = olga.opened("musterhausen", slip).await;
    let page = olga.confirms(&path, &[]).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.code()
}

both!(renate_lost_everything_and_comes_back_over_the_desk, async |world| {
    let mut olga = desk(&world, "").await;
    let (mut renate, mut lost, slip) = renate_with_slip(&world).await;
    renate.renews_recovery_codes().await;
    let thief = renate.clone();
    let mail = world.mail_about(EMAIL, "Ihr Zettel für das Bürgerbüro").await;
    assert!(!mail.body.contains(&slip), "whoever reads the mails needs no slip: {}", mail.body);

    let path = olga.opened("musterhausen", &slip.to_lowercase()).await;
    let page = olga.get(&path).await.body;
    assert!(page.contains("id=\"wiederherstellung\"") && page.contains("Sie bestätigen keine Identität"), "{page}");
    let page = olga.compares(&path, &[]).await.body;
    assert!(page.contains("id=\"freigeben\"") && page.matches("Stimmt überein.").count() == 3, "{page}");
    for hidden in [EMAIL, "Renate Muster", "Im Konto:", "1959-05-12"] {
        assert!(!page.contains(hidden), "an officer is shown nothing of the account: {hidden}");
    }
    let paper = olga.confirms(&path, &[]).await;
    assert!(paper.status == 200 && paper.body.contains("/wieder-anmelden/amt"), "{paper:?}");
    let code = paper.code();
    assert!(!olga.get(&format!("{path}/quittung")).await.body.contains(&code), "shown once");
    assert_eq!(olga.confirms(&path, &[]).await.status, 409, "once");
    assert!(!format!("{:?}", world.dump().await).contains(&code.replace('-', "")), "nor kept");
    let mail = world.mail_about(EMAIL, "hat Ihr Nutzerkonto freigegeben").await;
    assert!(mail.body.contains("Bürgerbüro Musterhausen") && !mail.body.contains(&code), "{}", mail.body);

    assert_eq!(lost.types_desk_code(&code.to_lowercase()).await.location(), "/wieder-anmelden/passwort");
    assert_eq!(thief.clone().get("/konto").await.status, 200, "nothing has changed until now");
    let set = lost.post("/wieder-anmelden/passwort", &[("password", NEW_PASSWORD)]).await;
    assert_eq!(set.location(), "/wieder-anmelden/fertig", "{set:?}");
    assert_eq!(thief.clone().get("/konto").await.status, 303, "every session has ended");
    let account = world.account(EMAIL).await;
    for table in ["passkey", "recovery_code", "desk_release", "desk_slip"] {
        let left = world.texts(&format!("SELECT account_id FROM {table} WHERE account_id = '{account}'")).await;
        assert_eq!(left.len(), 0, "{table}");
    }
    world.mail_about(EMAIL, "Neues Passwort mit dem Code").await;
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, 422, "the old password");
    assert_eq!(lost.sign_in(EMAIL, NEW_PASSWORD).await.location(), "/konto", "nothing else is asked for");
    let level = world.texts(&format!("SELECT identity_level FROM account WHERE id = '{account}'")).await;
    assert_eq!(level, ["low"], "what a password is worth");
    let told = lost.get("/daten/protokoll").await.body;
    for words in [
        "Zettel geholt, um im Bürgerbüro",
        "Ihre Angaben waren dabei nicht zu sehen",
        "Ihren Ausweis geprüft und Ihr Konto",
        "Bürgerbüro Musterhausen",
        "alle bisherigen Zugänge entfernt",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("olga@"), "the office, not the officer: {told}");
    assert!(lost.get("/sicherheit/verlauf").await.body.contains("Neues Passwort mit dem Code aus dem Bürgerbüro"));
    assert_eq!(world.browser().types_desk_code(&code).await.status, 422, "replayed");
    assert_eq!(olga.opens("musterhausen", &slip).await.status, 422, "the slip, too");
});

both!(whoever_had_passkeys_alone_has_a_password_then, async |world| {
    let mut olga = desk(&world, "").await;
    with_passkeys_only(&world).await;
    world.prove(EMAIL, Level::High).await;
    let mut lost = world.browser();
    let slip = lost.asks_for_slip(EMAIL).await;
    // Another browser than the one that has asked; the code is what counts.
    let mut other = world.browser();
    let code = released(&mut olga, &slip).await;
    assert_eq!(other.types_desk_code(&code).await.location(), "/wieder-anmelden/passwort");
    other.post("/wieder-anmelden/passwort", &[("password", NEW_PASSWORD)]).await;
    assert_eq!(other.sign_in(EMAIL, NEW_PASSWORD).await.location(), "/konto");
    assert_eq!(other.get("/sicherheit/passkeys").await.body.matches("/entfernen\"").count(), 0);
});

both!(four_eyes_where_the_office_wants_them, async |mut world| {
    let mut olga = desk(&world, "four_eyes = [\"recovery\"]").await;
    let (_, mut lost, slip) = renate_with_slip(&world).await;
    let path = olga.opened("musterhausen", &slip).await;
    assert!(olga.compares(&path, &[]).await.body.contains("id=\"vier-augen\""));
    assert_eq!(olga.confirms(&path, &[]).await.location(), "/amt?erledigt=zweite");
    let again = olga.opened("musterhausen", &slip).await;
    assert!(olga.get(&again).await.body.contains("id=\"wartet\""));
    assert_eq!(olga.confirms(&again, &[]).await.status, 409, "she is not her own second");
    assert_eq!(world.rows("desk_release").await, 0);
    olga.get("/amt").await;
    olga.post(&format!("{again}/schliessen"), &[]).await;
    world.restart(|_| {}).await;
    let mut peter = world.officer("peter@example.org", "musterhausen").await;
    let path = peter.opened("musterhausen", &slip).await;
    let page = peter.get(&path).await.body;
    assert!(page.contains("id=\"zweite\"") && page.contains("id=\"freigeben\""), "{page}");
    let paper = peter.post(&format!("{path}/bestaetigen"), &[]).await;
    assert_eq!(lost.types_desk_code(&paper.code()).await.location(), "/wieder-anmelden/passwort");
    let detail = world.texts("SELECT detail FROM audit_event WHERE kind = 'desk.recovery_confirmed'").await;
    assert!(detail[0].contains(world.account(OLGA).await.as_str()), "both are in the trail: {detail:?}");
});

both!(an_office_wants_four_eyes_for_accounts_of_level_high, async |world| {
    let mut olga = desk(&world, "four_eyes = [\"high\"]").await;
    let (_, _, slip) = renate_with_slip(&world).await;
    let path = olga.opened("musterhausen", &slip).await;
    assert!(!olga.compares(&path, &[]).await.body.contains("id=\"vier-augen\""));
    world.prove(EMAIL, Level::High).await;
    assert!(olga.compares(&path, &[]).await.body.contains("id=\"vier-augen\""));
});

both!(what_services_may_do_for_long_ends_with_the_old_means, async |world| {
    let mut olga = desk(&world, "").await;
    let parken = Service::new("parken");
    world.clients(&parken.offline_declaration("")).await;
    let mut renate = connected(&world, &[]).await;
    let held = tokens(&world, &parken, &mut renate, &[OFFLINE]).await;
    world.prove(EMAIL, Level::Low).await;
    let mut lost = world.browser();
    let slip = lost.asks_for_slip(EMAIL).await;
    let code = released(&mut olga, &slip).await;
    lost.types_desk_code(&code).await;
    lost.post("/wieder-anmelden/passwort", &[("password", NEW_PASSWORD)]).await;
    assert_eq!(parken.refresh(&world, &text(&held, "refresh_token")).await.status, 400);
});

both!(slips_and_codes_have_their_time, async |world| {
    let mut olga = desk(&world, "").await;
    let (mut renate, mut lost, slip) = renate_with_slip(&world).await;
    let key = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &key).await;
    let copy: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    assert_eq!(copy["desk_slips"].as_array().unwrap().len(), 1, "{copy}");
    assert!(copy["signin"]["released_until"].is_null() && copy["desk_case"].is_null(), "{copy}");
    let code = released(&mut olga, &slip).await;
    let key = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &key).await;
    let copy: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    assert!(copy["signin"]["released_until"].is_string() && copy["desk_case"].is_null(), "{copy}");
    world.pass(hours(24));
    assert_eq!(lost.types_desk_code(&code).await.status, 422, "a day later");
    let slip = lost.asks_for_slip(EMAIL).await;
    world.pass(days(14));
    let mut peter = world.officer("peter@example.org", "musterhausen").await;
    let page = peter.opens("musterhausen", &slip).await;
    assert!(page.status == 422 && page.body.contains("abgelaufen"), "{}", page.body);
    assert_eq!(lost.get("/wieder-anmelden/amt/vorgang").await.location(), "/wieder-anmelden/amt");
    world.pass(Duration::from_secs(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!((world.rows("desk_slip").await, world.rows("desk_release").await), (0, 0));
});

both!(the_owners_own_case_is_left_alone_until_a_slip_is_at_a_desk, async |world| {
    let mut olga = desk(&world, "").await;
    let (mut renate, own) = world.renate_with_code().await;
    world.prove(EMAIL, Level::Low).await;
    let slip = world.browser().asks_for_slip(EMAIL).await;
    let path = olga.opened("musterhausen", &own).await;
    assert!(!olga.get(&path).await.body.contains("id=\"wiederherstellung\""));
    let mut peter = world.officer("peter@example.org", "musterhausen").await;
    let page = peter.opens("musterhausen", &slip).await;
    assert!(page.status == 422 && page.body.contains("gerade jemand anderes"), "{}", page.body);
    assert_eq!(olga.confirms(&path, &[]).await.status, 303);
    // An ended one makes room.
    peter.opened("musterhausen", &slip).await;
    assert_eq!(renate.get("/identitaet/vor-ort/vorgang").await.location(), "/identitaet/vor-ort", "none of hers");
});
