//! Accounts of other providers, as their owners use them: linked, signed in with, worth what they state, taken away.

use nutzerkonto::account::Source;
use nutzerkonto::account::evidence::{self, Record};
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::store::work::Actor;
use serde_json::json;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::service::{claims, vorgang};
use crate::support::surface::EMAIL;
use crate::support::upstream::{CONNECT, LIST, LOW, SUBSTANTIAL, Upstream, nordmark, renate_there, with_providers};
use crate::support::{Browser, Service, World};

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

async fn id(world: &World) -> String {
    world.texts("SELECT id FROM linked_account").await.remove(0)
}

/// Evidence as an office records it.
async fn prove(world: &World, level: Level) {
    let account = AccountId::parse(&world.texts("SELECT id FROM account ORDER BY id").await[0]).unwrap();
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    evidence::prove(&mut work, &world.app.vault, &account, (level, Source::RegistrationDesk), Record::default())
        .await
        .unwrap();
    work.commit().await.unwrap();
}

both!(an_account_is_linked_and_signs_its_owner_in, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = renate(&world).await;
    let list = renate.get(LIST).await;
    assert!(list.body.contains("id=\"verknuepfen-nordmark\""), "{}", list.body);
    let page = renate.finds(&land, renate_there()).await;
    assert!(page.body.contains("Renate M.") && page.body.contains("substanziell"), "{}", page.body);
    assert!(!page.body.contains("MUSTER") && !page.body.contains("nordmark-4711"), "masked");
    let done = renate.agrees("/sicherheit/konten/verbinden", &page).await;
    assert_eq!(done.location(), "/sicherheit/konten?erledigt=verknuepft");
    world.mail_about(EMAIL, "Neuer Zugang zu Ihrem Nutzerkonto").await;
    let list = renate.get(LIST).await;
    assert!(list.body.contains("Land nordmark") && !list.body.contains("verknuepfen-nordmark"), "{}", list.body);

    let mut elsewhere = world.browser();
    let page = elsewhere.get("/anmelden").await;
    assert!(page.body.contains("Mit Konto Land nordmark anmelden"), "{}", page.body);
    let inside = elsewhere.signs_in_at(&land, renate_there()).await;
    assert_eq!(inside.location(), "/konto");
    assert!(elsewhere.get("/konto").await.heading().contains("Renate"));
    world.mail_about(EMAIL, "Neue Anmeldung").await;
    let history = elsewhere.get("/sicherheit/verlauf").await;
    assert!(history.body.contains("Angemeldet mit einem verknüpften Konto"), "{}", history.body);
    let protocol = elsewhere.get("/daten/protokoll").await;
    assert!(protocol.body.contains("Konto eines anderen Anbieters verknüpft: Land nordmark"), "{}", protocol.body);
    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains("nordmark-4711") && !dump.contains("MUSTER"), "nothing of the account there is kept");
});

both!(what_the_other_account_says_is_compared_and_taken_over, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = renate(&world).await;
    renate.links(&land, renate_there()).await;
    let id = id(&world).await;
    renate.get(LIST).await;
    let location = renate.leaves(&format!("/sicherheit/konten/{id}/nachweis")).await;
    let asked = url::Url::parse(&location).unwrap();
    let acr = asked.query_pairs().find(|(name, _)| name == "acr_values").map(|(_, value)| value.into_owned());
    assert_eq!(acr.as_deref(), Some(SUBSTANTIAL));
    let mut married = renate_there();
    married["family_name"] = json!("Muster-Neu");
    let page = renate.get(&land.answers(&location, married)).await;
    assert_eq!(page.heading(), "Stimmen diese Angaben?", "{page:?}");
    assert!(page.body.contains("Muster-Neu") && page.body.contains("Bisher hier: Muster"), "{}", page.body);
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["basic"], "not before she agrees");
    let done = renate.agrees("/sicherheit/konten/nachweis", &page).await;
    assert_eq!(done.location(), "/sicherheit/konten?erledigt=bestaetigt");
    world.mail_about(EMAIL, "Ihre Identität ist bestätigt").await;
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["substantial"]);
    let identity = renate.get("/identitaet").await.body;
    assert!(identity.contains("<dt>Konto bei einem anderen Anbieter: Land nordmark</dt>"), "{identity}");
    let profile = renate.get("/profil").await;
    assert!(profile.body.contains("Muster-Neu") && profile.body.contains("substanziell"), "{}", profile.body);
    let again = renate.agrees("/sicherheit/konten/nachweis", &page).await;
    assert_eq!((again.status, again.heading()), (410, "Das hat nicht geklappt"), "sec_s05: once");
    let list = renate.get(LIST).await;
    assert!(!list.body.contains("id=\"nachweis-1\""), "nothing more to confirm: {}", list.body);

    // What is known well stays as it is, whatever is said later.
    let location = renate.leaves(&format!("/sicherheit/konten/{id}/nachweis")).await;
    let page = renate.get(&land.answers(&location, renate_there())).await;
    assert_eq!(page.heading(), "Damit lässt sich nicht mehr bestätigen", "{page:?}");
});

both!(a_service_gets_the_level_of_the_other_account, async |mut world| {
    let land = nordmark(&mut world).await;
    let parken = Service::new("parken");
    let need = "level = \"substantial\"\nlevel_reason = { de = \"Steuergeheimnis\", en = \"Tax secrecy\" }";
    world.clients(&parken.declaration(need)).await;
    let mut renate = renate(&world).await;
    renate.links(&land, renate_there()).await;
    prove(&world, Level::Substantial).await;
    let mut elsewhere = world.browser();
    elsewhere.sign_in(EMAIL, PASSWORD).await;
    let page = elsewhere.visit(&parken.request(&[])).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    assert!(page.body.contains(&format!("id=\"mit-konto\" href=\"/anmelden/konto{flow}\"")), "{}", page.body);
    elsewhere.get(&format!("/anmelden/konto{flow}")).await;

    let location = elsewhere.leaves(&format!("/anmelden/konto/nordmark{flow}")).await;
    assert!(location.contains("LoA%2Fsubstantial") && !location.contains("LoA%2Flow"), "{location}");
    let mut weak = renate_there();
    weak["acr"] = json!(LOW);
    let page = elsewhere.get(&land.answers(&location, weak)).await;
    assert_eq!(page.heading(), "Land nordmark hat Sie nur auf dem Niveau niedrig angemeldet", "{page:?}");
    assert!(page.body.contains(&format!("href=\"/weiter{flow}\"")), "{}", page.body);

    elsewhere.get(&format!("/anmelden/konto{flow}")).await;
    let location = elsewhere.leaves(&format!("/anmelden/konto/nordmark{flow}")).await;
    let back = elsewhere.get(&land.answers(&location, renate_there())).await;
    assert_eq!(back.location(), format!("/weiter{flow}"));
    let consent = elsewhere.visit(back.location()).await;
    let sent = elsewhere.post(&format!("/einwilligung?vorgang={}", vorgang(&consent)), &[("antwort", "ja")]).await;
    let code = elsewhere.follow(sent).await.parameter("code").unwrap();
    let id_token = claims(parken.redeem(&world, &code).await.json()["id_token"].as_str().unwrap());
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!(SUBSTANTIAL), &json!(["fed"])));
});

// From the level that is missing to the link, to the confirmation, and back to the service at every step.
both!(whoever_is_confirmed_on_the_way_to_a_service_returns_to_it, async |mut world| {
    let land = nordmark(&mut world).await;
    let parken = Service::new("parken");
    let need = "level = \"substantial\"\nlevel_reason = { de = \"Steuergeheimnis\", en = \"Tax secrecy\" }";
    world.clients(&parken.declaration(need)).await;
    let mut renate = renate(&world).await;
    let page = renate.visit(&parken.request(&[])).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    assert!(page.body.contains(&format!("id=\"nachweisen\" href=\"/identitaet{flow}\"")), "{}", page.body);
    let page = renate.get(&format!("/identitaet{flow}")).await;
    assert!(page.body.contains(&format!("id=\"mit-konto\" href=\"{LIST}{flow}\"")), "{}", page.body);
    let list = renate.get(&format!("{LIST}{flow}")).await;
    assert!(list.body.contains(&format!("href=\"{CONNECT}{flow}\"")), "{}", list.body);
    assert!(list.body.contains(&format!("id=\"anders\" href=\"/weiter{flow}\"")), "{}", list.body);
    let page = renate.get(&format!("{CONNECT}{flow}")).await;
    assert!(page.body.contains(&format!("action=\"{CONNECT}{flow}#fehler\"")), "{}", page.body);
    let location = renate.leaves(&format!("{CONNECT}{flow}")).await;
    let offer = renate.get(&land.answers(&location, renate_there())).await;
    assert!(offer.body.contains(&format!("id=\"nicht\" href=\"{LIST}{flow}\"")), "{}", offer.body);
    let linked = renate.agrees("/sicherheit/konten/verbinden", &offer).await;
    assert_eq!(linked.location(), format!("{LIST}{flow}&erledigt=verknuepft"));
    let list = renate.follow(linked).await;
    let confirm = format!("/sicherheit/konten/{}/nachweis{flow}", id(&world).await);
    assert!(list.body.contains(&format!("action=\"{confirm}\"")) && list.body.contains("Verknüpft."), "{}", list.body);
    // A refusal there leads back to the service as well.
    let location = renate.leaves(&confirm).await;
    let refused = land.answers(&location, renate_there()).replace("code=", "error=access_denied&x=");
    let told = renate.get(&refused).await;
    assert!(told.body.contains(&format!("href=\"/weiter{flow}\"")), "{}", told.body);
    renate.get(&format!("{LIST}{flow}")).await;
    let location = renate.leaves(&confirm).await;
    let page = renate.get(&land.answers(&location, renate_there())).await;
    assert!(page.body.contains(&format!("id=\"nicht\" href=\"/weiter{flow}\"")), "{}", page.body);
    let agreed = renate.agrees("/sicherheit/konten/nachweis", &page).await;
    assert_eq!(agreed.location(), format!("/weiter{flow}"));
    // Who she is is known now; that it is she again, her password does not say well enough.
    let level = renate.follow(agreed).await;
    assert!(level.body.contains("id=\"mit-konto\"") && !level.body.contains("id=\"nachweisen\""), "{}", level.body);
    let location = renate.leaves(&format!("/anmelden/konto/nordmark{flow}")).await;
    let back = renate.get(&land.answers(&location, renate_there())).await;
    let consent = renate.follow(back).await;
    let sent = renate.post(&format!("/einwilligung{flow}"), &[("antwort", "ja")]).await;
    let answer = renate.follow(sent).await;
    assert!(answer.parameter("code").is_some(), "{} {}", consent.body, answer.body);
});

both!(sec_r08_a_level_is_never_raised, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = renate(&world).await;
    renate.links(&land, renate_there()).await;
    let level = async |world: &World| {
        world.texts("SELECT level FROM session ORDER BY created_at DESC, id DESC").await.remove(0)
    };
    for (acr, expected) in [
        (json!(SUBSTANTIAL), "substantial"),
        (json!(LOW), "low"),
        (json!("http://eidas.europa.eu/LoA/high"), "basic"),
        (json!(null), "basic"),
    ] {
        let mut person = renate_there();
        person["acr"] = acr.clone();
        world.pass(std::time::Duration::from_secs(1));
        assert_eq!(world.browser().signs_in_at(&land, person).await.location(), "/konto");
        assert_eq!(level(&world).await, expected, "{acr}");
    }
    // Linked in a weak session of an account with something stronger, it is worth no more than that session.
    let mut weak = renate_there();
    weak["acr"] = json!(LOW);
    let list = renate.get(LIST).await;
    assert!(list.body.contains("bis Vertrauensniveau substanziell"), "{}", list.body);
    let sued = Upstream::open(&world, "suedmark").await;
    let both = vec![land.settings(&world, ""), sued.settings(&world, "confirms_identity = true")];
    with_providers(&mut world, both).await;
    let mut again = world.browser();
    again.sign_in(EMAIL, PASSWORD).await;
    let page = again.finds(&sued, renate_there()).await;
    assert!(page.body.contains("<dd>niedrig</dd>"), "{}", page.body);
    again.agrees("/sicherheit/konten/verbinden", &page).await;
    let registered = "SELECT id FROM linked_account WHERE provider = 'suedmark' AND registered = 'low'";
    let id = world.texts(registered).await.remove(0);
    // Nor does it confirm more than it is worth.
    again.get(LIST).await;
    let location = again.leaves(&format!("/sicherheit/konten/{id}/nachweis")).await;
    let page = again.get(&sued.answers(&location, renate_there())).await;
    assert_eq!(page.heading(), "Stimmen diese Angaben?", "{page:?}");
    again.agrees("/sicherheit/konten/nachweis", &page).await;
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["low"]);
});

both!(it_is_blocked_and_unblocked_and_removed, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = renate(&world).await;
    renate.links(&land, renate_there()).await;
    prove(&world, Level::Substantial).await;
    let id = id(&world).await;
    let block = format!("/sicherheit/zugaenge/{id}/sperren");
    assert!(renate.get(&block).await.body.contains("Land nordmark sperren"));
    assert_eq!(renate.post(&block, &[]).await.location(), "/sicherheit/konten?erledigt=gesperrt");
    let page = world.browser().signs_in_at(&land, renate_there()).await;
    assert_eq!(page.heading(), "Sie haben diesen Zugang gesperrt", "{page:?}");
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["substantial"], "nothing is lost");
    assert_eq!(renate.get(&format!("/sicherheit/zugaenge/{id}/entsperren")).await.location(), LIST);

    // From a session of the password it stays blocked: the block protects something stronger.
    renate.get(LIST).await;
    let location = renate.leaves(&format!("/sicherheit/konten/{id}/entsperren")).await;
    let page = renate.get(&land.answers(&location, renate_there())).await;
    assert_eq!(page.heading(), "Sie haben diesen Zugang gesperrt");
    world.change("UPDATE session SET level = 'substantial'").await;
    world.pass(std::time::Duration::from_secs(2));
    renate.get(LIST).await;
    let location = renate.leaves(&format!("/sicherheit/konten/{id}/entsperren")).await;
    let back = renate.get(&land.answers(&location, renate_there())).await;
    assert_eq!(back.location(), "/sicherheit/konten?erledigt=entsperrt");
    world.mail_about(EMAIL, "entsperrt").await;

    let mut weaker = world.browser();
    weaker.sign_in(EMAIL, PASSWORD).await;
    let remove = format!("/sicherheit/konten/{id}/entfernen");
    assert!(weaker.get(&remove).await.body.contains("mindestens auf dem Vertrauensniveau substanziell"));
    assert_eq!(weaker.post(&remove, &[]).await.status, 422, "nothing stronger goes from a weaker session");
    renate.get(&remove).await;
    assert_eq!(renate.post(&remove, &[]).await.location(), "/sicherheit/konten?erledigt=entfernt");
    world.mail_about(EMAIL, "Ein Zugang zu Ihrem Nutzerkonto wurde entfernt").await;
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["low"], "BSI TR-03160-1");
    let page = world.browser().signs_in_at(&land, renate_there()).await;
    assert_eq!(page.heading(), "Dieses Konto ist hier noch nicht verknüpft");
});

both!(a_provider_that_is_switched_off_signs_nobody_in, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = renate(&world).await;
    renate.links(&land, renate_there()).await;
    let location = renate.leaves("/anmelden/konto/nordmark").await;
    let back = land.answers(&location, renate_there());
    let off = land.settings(&world, "enabled = false");
    with_providers(&mut world, vec![off]).await;
    assert!(!world.browser().get("/anmelden").await.body.contains("nordmark"));
    assert_eq!(renate.get(&back).await.status, 404, "sec_y08: a disabled source");
    let list = renate.get(LIST).await;
    assert!(list.body.contains("steht hier gerade nicht zur Verfügung"), "{}", list.body);
    assert_eq!(renate.post("/anmelden/konto/nordmark", &[]).await.status, 404);
    assert_eq!(world.rows("linked_account").await, 1);
});

both!(a_program_with_a_key_of_its_own_is_believed_there, async |mut world| {
    let land = Upstream::open(&world, "nordmark").await;
    let key = world.database.directory.join("client.pem");
    std::fs::write(&key, include_str!("../../keys-dev/id-token-es256.pem")).unwrap();
    let settings = land.settings(&world, &format!("client_key = \"file:{}\"", key.display()));
    with_providers(&mut world, vec![settings]).await;
    let mut renate = renate(&world).await;
    assert_eq!(renate.links(&land, renate_there()).await.location(), "/sicherheit/konten?erledigt=verknuepft");
});

both!(the_keys_there_may_change, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = renate(&world).await;
    renate.links(&land, renate_there()).await;
    land.asked();
    world.browser().signs_in_at(&land, renate_there()).await;
    assert_eq!(land.asked(), ["/token"], "what was fetched is kept");
    land.changes_its_key();
    let page = world.browser().signs_in_at(&land, renate_there()).await;
    assert_eq!(page.heading(), "Dieser Antwort trauen wir nicht", "at most once a minute");
    world.pass(std::time::Duration::from_secs(61));
    assert_eq!(world.browser().signs_in_at(&land, renate_there()).await.location(), "/konto");
    assert!(land.asked().contains(&"/jwks".to_owned()));
});

both!(who_has_a_second_factor_is_not_let_in_by_less, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = renate(&world).await;
    renate.links(&land, renate_there()).await;
    renate.sets_up_a_code_app(&world).await;
    let mut weak = renate_there();
    weak["acr"] = json!(null);
    let page = world.browser().signs_in_at(&land, weak).await;
    assert_eq!(page.heading(), "Dieses Konto braucht Ihren zweiten Faktor", "{page:?}");
    assert_eq!(world.browser().signs_in_at(&land, renate_there()).await.location(), "/konto");
});

both!(linking_asks_for_the_password_after_a_while, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = renate(&world).await;
    world.pass(std::time::Duration::from_secs(301));
    assert!(renate.get(CONNECT).await.body.contains("name=\"current\""));
    assert_eq!(renate.post(CONNECT, &[]).await.status, 422);
    assert_eq!(renate.post(CONNECT, &[("current", "falsch-falsch-falsch")]).await.status, 422);
    let left = renate.post(CONNECT, &[("current", PASSWORD)]).await;
    let page = renate.get(&land.answers(left.location(), renate_there())).await;
    assert_eq!(renate.agrees("/sicherheit/konten/verbinden", &page).await.status, 303);
});

both!(a_copy_of_the_data_lists_links_and_whoever_leaves_loses_them, async |mut world| {
    let land = nordmark(&mut world).await;
    let mut renate = renate(&world).await;
    renate.links(&land, renate_there()).await;
    let key = crate::personal_data::asks(&mut renate).await;
    let (_, archive) = crate::personal_data::fetch(&renate, &key).await;
    let json: serde_json::Value = serde_json::from_str(&crate::personal_data::file(&archive, "konto.json")).unwrap();
    let one = &json["signin"]["linked_accounts"][0];
    assert_eq!((one["provider"].as_str(), one["level"].as_str()), (Some("nordmark"), Some("substantial")));
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert_eq!(world.rows("linked_account").await, 0);
    let page = world.browser().signs_in_at(&land, renate_there()).await;
    assert_eq!(page.heading(), "Dieses Konto ist hier noch nicht verknüpft", "sec_s04: nothing is left of it");
});
