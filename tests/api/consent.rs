//! What a person is asked, what is sent then, and when they are asked again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::both;
use crate::support::doors::connected;
use crate::support::service::vorgang;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

const NAME: &str = "{ names = [\"given_name\", \"family_name\"], \
    purpose = { de = \"Für die Anrede\", en = \"To address you\" } }";
const EMAIL_OPTIONAL: &str = "{ names = [\"email\"], optional = true }";
const BIRTHDATE_LAWFUL: &str = "{ names = [\"birthdate\"], \
    legal_basis = { de = \"§ 3 Abs. 1 BMG\", en = \"section 3(1) BMG\" } }";

async fn declare(world: &World, rules: &[&str], more: &str) -> Service {
    let parken = Service::new("parken");
    world.clients(&parken.declaration(&format!("claims = [{}]\n{more}", rules.join(", ")))).await;
    parken
}

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// Answers a consent page, with these boxes ticked, and returns what userinfo says then.
async fn answer(world: &World, parken: &Service, renate: &mut Browser, ticked: &[&str]) -> Value {
    let page = renate.visit(&parken.request(&[])).await;
    assert_eq!(page.status, 200, "asked: {page:?}");
    let mut form = vec![("antwort", "ja")];
    form.extend(ticked.iter().map(|name| (*name, "ja")));
    let answer = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &form).await;
    let answer = renate.follow(answer).await;
    told(world, parken, &answer.parameter("code").unwrap()).await
}

async fn told(world: &World, parken: &Service, code: &str) -> Value {
    let tokens = parken.redeem(world, code).await.json();
    let mut info = parken.userinfo(world, tokens["access_token"].as_str().unwrap()).await.json();
    for always in ["sub", "updated_at"] {
        assert!(info.as_object_mut().unwrap().remove(always).is_some(), "{always}");
    }
    info
}

/// The code that comes without a question.
async fn silently(renate: &mut Browser, parken: &Service) -> Option<String> {
    renate.get(&parken.request(&[("prompt", "none")])).await.parameter("code")
}

both!(sec_m07_optional_data_is_sent_only_if_it_was_chosen, async |world| {
    let parken = declare(&world, &[NAME, EMAIL_OPTIONAL], "").await;
    let mut renate = renate(&world).await;
    let page = renate.visit(&parken.request(&[])).await.body;
    for text in ["Renate", "Für die Anrede", EMAIL, "id=\"daten-email\"", "Freiwillig"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("checked"), "off by default");
    assert!(!page.contains("12. Mai 1959"), "nobody declared the date of birth");
    let name = json!({ "given_name": "Renate", "family_name": "Muster" });
    assert_eq!(answer(&world, &parken, &mut renate, &["daten-name", "daten-birthdate"]).await, name);
    let services = renate.get("/dienste").await.body;
    assert!(services.contains("Vornamen, Familienname") && !services.contains("E-Mail-Adresse"), "{services}");
    let code = silently(&mut renate, &parken).await.expect("a no is remembered as well");
    assert_eq!(told(&world, &parken, &code).await, name);
    world.pass(Duration::from_secs(1));
    let page = renate.visit(&parken.request(&[("prompt", "consent")])).await;
    let form = [("antwort", "ja"), ("daten-email", "ja")];
    let back = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &form).await;
    let code = renate.follow(back).await.parameter("code").unwrap();
    let all = json!({ "given_name": "Renate", "family_name": "Muster", "email": EMAIL, "email_verified": true });
    assert_eq!(told(&world, &parken, &code).await, all);
    let record = renate.get("/daten/protokoll").await.body;
    assert!(record.contains("Vornamen, Familienname, E-Mail-Adresse"), "{record}");
});

both!(the_whole_name_goes_where_both_of_its_parts_go, async |world| {
    let name = "{ names = [\"name\", \"given_name\", \"family_name\"], optional = true }";
    let parken = declare(&world, &[name, EMAIL_OPTIONAL], "").await;
    let mut renate = renate(&world).await;
    let page = renate.visit(&parken.request(&[])).await.body;
    assert!(!page.contains("daten-name") && page.contains("daten-given_name"), "not asked for twice: {page}");
    let both = ["daten-given_name", "daten-family_name"];
    let all = json!({ "name": "Renate Muster", "given_name": "Renate", "family_name": "Muster" });
    assert_eq!(answer(&world, &parken, &mut renate, &both).await, all);
    let services = renate.get("/dienste").await.body;
    assert!(services.contains("Vornamen, Familienname"), "{services}");
});

both!(the_whole_name_by_a_rule_of_its_own_is_a_question_of_its_own, async |world| {
    let name = "{ names = [\"name\"], optional = true }";
    let parts = "{ names = [\"given_name\", \"family_name\"], optional = true }";
    let parken = declare(&world, &[name, parts, EMAIL_OPTIONAL], "").await;
    let mut renate = renate(&world).await;
    let page = renate.visit(&parken.request(&[])).await.body;
    assert!(page.contains("id=\"daten-name\"") && page.contains("id=\"daten-given_name\""), "{page}");
    let given = json!({ "given_name": "Renate" });
    assert_eq!(
        answer(&world, &parken, &mut renate, &["daten-given_name"]).await,
        given,
        "the whole name was not chosen"
    );
});

both!(a_no_later_takes_data_away_from_tokens_that_are_there, async |world| {
    let parken = declare(&world, &[NAME, EMAIL_OPTIONAL], "").await;
    let mut renate = renate(&world).await;
    answer(&world, &parken, &mut renate, &["daten-email"]).await;
    let code = silently(&mut renate, &parken).await.unwrap();
    let tokens = parken.redeem(&world, &code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(parken.userinfo(&world, token).await.json()["email"], EMAIL);
    world.pass(Duration::from_secs(1));
    let page = renate.visit(&parken.request(&[("prompt", "consent")])).await;
    renate.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &[("antwort", "ja")]).await;
    assert_eq!(parken.userinfo(&world, token).await.json().get("email"), None);
});

both!(where_the_law_is_the_basis_the_page_does_not_ask, async |world| {
    let only_lawful = BIRTHDATE_LAWFUL.replace("\"birthdate\"", "\"birthdate\", \"email\"");
    let parken = declare(&world, &[&only_lawful], "").await;
    let mut renate = renate(&world).await;
    let page = renate.visit(&parken.request(&[])).await;
    assert_eq!(page.heading(), "Diese Daten sendet das Konto an Stadt Musterhausen – Dienst parken");
    for text in ["Rechtsgrundlage: § 3 Abs. 1 BMG", "12. Mai 1959", EMAIL, ">Weiter<", ">Abbrechen<"] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("Sie entscheiden") && !page.body.contains("checkbox"), "{}", page.body);
    let page_en = renate.visit(&parken.request(&[("ui_locales", "en")])).await;
    assert!(page_en.body.contains("Legal basis: section 3(1) BMG"), "{}", page_en.body);
    let info = answer(&world, &parken, &mut renate, &[]).await;
    assert_eq!(info, json!({ "birthdate": "1959-05-12", "email": EMAIL, "email_verified": true }));
    let mixed = declare(&world, &[NAME, BIRTHDATE_LAWFUL, EMAIL_OPTIONAL], "").await;
    let page = renate.visit(&mixed.request(&[("scope", "openid profile")])).await;
    assert!(page.heading().starts_with("Diese Daten gehen an"), "the name is a question: {}", page.body);
    assert!(page.body.contains("Aufgrund eines Gesetzes"), "{}", page.body);
});

both!(another_purpose_recipient_or_choice_is_asked_anew, async |world| {
    let parken = declare(&world, &[NAME, EMAIL_OPTIONAL], "").await;
    let mut renate = renate(&world).await;
    answer(&world, &parken, &mut renate, &[]).await;
    assert!(silently(&mut renate, &parken).await.is_some());
    let other_purpose = NAME.replace("Für die Anrede", "Für Werbung");
    for (rules, what) in [
        ([other_purpose.as_str(), EMAIL_OPTIONAL], "another purpose"),
        ([NAME, "{ names = [\"email\"] }"], "no choice any more"),
        ([NAME, "{ names = [\"email\"], legal_basis = { de = \"§ 1\", en = \"s. 1\" } }"], "another basis"),
    ] {
        declare(&world, &rules, "").await;
        assert_eq!(silently(&mut renate, &parken).await, None, "{what}");
    }
    let other = parken.declaration("claims = [{ names = [\"email\"] }, { names = [\"given_name\"] }]");
    world.clients(&other.replace("Stadt Musterhausen", "Werbung GmbH")).await;
    assert_eq!(silently(&mut renate, &parken).await, None, "another recipient");
    declare(&world, &[NAME, EMAIL_OPTIONAL], "post_logout_redirect_uris = []".replace("post", "#").as_str()).await;
    assert!(silently(&mut renate, &parken).await.is_some(), "all as it was: nothing to ask");
    world.pass(Duration::from_secs(366 * 86_400));
    renate.sign_in(EMAIL, crate::support::browser::PASSWORD).await;
    assert_eq!(silently(&mut renate, &parken).await, None, "twelve months have passed");
});

both!(data_that_a_client_may_not_have_any_more_is_not_sent, async |world| {
    let parken = declare(&world, &[NAME, EMAIL_OPTIONAL], "").await;
    let mut renate = renate(&world).await;
    answer(&world, &parken, &mut renate, &["daten-email"]).await;
    let code = silently(&mut renate, &parken).await.unwrap();
    let tokens = parken.redeem(&world, &code).await.json();
    let without = parken.declaration(&format!("claims = [{NAME}]")).replace(", \"email\"]", "]");
    world.clients(&without).await;
    let info = parken.userinfo(&world, tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!((&info["given_name"], info.get("email")), (&json!("Renate"), None));
});

both!(an_address_is_shown_and_sent_as_it_was_stated, async |world| {
    let parken = Service::new("parken");
    let file = parken.declaration("claims = [{ names = [\"address\", \"phone_number\", \"locale\"] }]");
    let scopes = "scopes = [\"openid\", \"address\", \"phone\", \"profile\"]";
    world.clients(&file.replace("scopes = [\"openid\", \"profile\", \"email\"]", scopes)).await;
    let mut renate = renate(&world).await;
    let request = parken.request(&[("scope", "openid address phone profile")]);
    let page = renate.visit(&request).await.body;
    assert!(page.contains("Anschrift") && page.contains("nicht angegeben") && page.contains("Deutsch"), "{page}");
    let stand = renate.get("/profil/angaben").await.hidden("stand");
    let stated = [
        ("stand", stand.as_str()),
        ("street_address", "Am Markt 1"),
        ("postal_code", "55116"),
        ("locality", "Mainz"),
        ("country", "DE"),
        ("phone_number", "06131 / 16-0"),
    ];
    assert_eq!(renate.post("/profil/angaben", &stated).await.status, 303);
    let page = renate.visit(&request).await;
    assert!(page.body.contains("Am Markt 1, 55116, Mainz, Deutschland"), "{}", page.body);
    let back = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &[("antwort", "ja")]).await;
    let code = renate.follow(back).await.parameter("code").unwrap();
    let address = json!({
        "formatted": "Am Markt 1\n55116 Mainz\nDE", "street_address": "Am Markt 1", "postal_code": "55116",
        "locality": "Mainz", "country": "DE",
    });
    let info = told(&world, &parken, &code).await;
    let phone = json!({ "phone_number": "+496131160", "phone_number_verified": false, "locale": "de" });
    assert_eq!(info["address"], address);
    for (name, value) in phone.as_object().unwrap() {
        assert_eq!(&info[name], value, "{name}");
    }
});

both!(a_connected_service_is_one_link_away, async |world| {
    let parken = Service::new("parken");
    let begin = "initiate_login_uri = \"https://parken.example/beginn?ort=1\"";
    world.clients(&[parken.declaration(begin), Service::new("bibliothek").declaration("")].concat()).await;
    let mut renate = connected(&world, &[&parken, &Service::new("bibliothek")]).await;
    let page = renate.get("/dienste").await;
    let issuer: String = url::form_urlencoded::byte_serialize(world.config.issuer.as_bytes()).collect();
    let link = format!("id=\"oeffnen-parken\" href=\"https://parken.example/beginn?ort=1&#38;iss={issuer}\"");
    assert!(page.body.contains(&link), "{}", page.body);
    assert!(!page.body.contains("oeffnen-bibliothek"), "only where the service says where");
});
