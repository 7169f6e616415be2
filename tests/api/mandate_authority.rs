//! Mandates for all services of an authority, whichever those are: given on the pages and by a table, used, and not used elsewhere.

use nutzerkonto::kernel::id::{AuthorityId, ClientId, MandateId};
use nutzerkonto::organisation::acting;

use crate::both;
use crate::mandates::{OTTO, RENATE, TERMS, given, id_of, people, power_of, sends, to_email};
use crate::support::acting::{WAHL, of};
use crate::support::mandate::MANDATES;
use crate::support::{Browser, Service, World, pdf};

const MUSTERHAUSEN: &str = "07315000";
const NEUSTADT: &str = "07316000";

/// Its part of the client file, as a service of that authority.
fn of_authority(service: &Service, authority: &str) -> String {
    service.declaration(&format!("{MANDATES}\nauthority_id = \"{authority}\""))
}

/// Two services of one authority, one of another, and one of none.
async fn services(world: &World) -> [Service; 4] {
    let services = ["parken", "bauen", "heizen", "bibliothek"].map(Service::new);
    let [parken, bauen, heizen, bibliothek] = &services;
    let text = [
        of_authority(parken, MUSTERHAUSEN),
        of_authority(bauen, MUSTERHAUSEN),
        of_authority(heizen, NEUSTADT).replace("Stadt Musterhausen", "Stadt Neustadt"),
        bibliothek.declaration(MANDATES),
    ];
    world.clients(&text.concat()).await;
    services
}

/// Everything at the services of Musterhausen, for a year.
fn terms(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let usual = TERMS.into_iter().filter(|(name, _)| *name != "dienste");
    usual.chain([("behoerde", MUSTERHAUSEN)]).chain(more.iter().copied()).collect()
}

fn at<'a>(client: &'a ClientId, authority: Option<&'a AuthorityId>) -> acting::Service<'a> {
    acting::Service { client, authority }
}

/// Whether somebody is asked at a service for whom they act, and that mandate is none of the answers.
async fn is_not_offered(otto: &mut Browser, service: &Service, id: &MandateId) -> bool {
    let page = otto.visit(&service.request(&[])).await;
    assert_eq!(page.heading(), "Für wen handeln Sie?", "{page:?}");
    !page.body.contains(id.as_str()) && otto.chooses(&page, id.as_str()).await.heading() == "Für wen handeln Sie?"
}

both!(renate_gives_one_for_everything_at_the_town_hall, async |world| {
    let [parken, bauen, heizen, bibliothek] = services(&world).await;
    let (mut renate, mut otto) = people(&world).await;
    let form = renate.get("/vollmachten/neu").await.body;
    for text in [
        "alle Dienste von Stadt Musterhausen, auch künftige (heute: Dienst bauen, Dienst parken)",
        "alle Dienste von Stadt Neustadt, auch künftige (heute: Dienst heizen)",
    ] {
        assert!(form.contains(text), "{text}: {form}");
    }
    let check = [&[("aktion", "pruefen")], &to_email(OTTO)[..], &terms(&[("dienst", "bibliothek")])].concat();
    let check = renate.post("/vollmachten/neu", &check).await;
    assert!(
        check.status == 200 && check.body.contains("alle Dienste von Stadt Musterhausen, auch künftige"),
        "{check:?}"
    );
    assert!(check.body.contains("name=\"behoerde\" value=\"07315000\""), "{check:?}");
    let id = given(&mut renate, &mut otto, &terms(&[("dienst", "bibliothek")])).await;
    for browser in [&mut renate, &mut otto] {
        let page = browser.get(&format!("/vollmachten/{id}")).await.body;
        assert!(
            page.contains("alle Dienste von Stadt Musterhausen, auch künftige") && page.contains("Dienst bibliothek")
        );
    }
    let deed = otto.request(reqwest::Method::GET, &format!("/vollmachten/{id}/urkunde")).send().await.unwrap();
    let deed: String = pdf::text(&deed.bytes().await.unwrap()).split_whitespace().collect();
    assert!(deed.contains("alleDienstevonStadtMusterhausen,auchkünftige"), "{deed}");
    // At the services that she means, and nowhere else.
    let page = otto.visit(&parken.request(&[])).await;
    assert_eq!(page.heading(), "Für wen handeln Sie?", "{page:?}");
    let consent = otto.chooses(&page, id.as_str()).await;
    let back = otto.consents(&consent).await;
    let tokens = parken.redeem(&world, &back.parameter("code").unwrap()).await.json();
    assert_eq!(of(&tokens, "id_token")["act"]["mandate"], id.as_str());
    for service in [&bauen, &bibliothek] {
        let tokens = service.tokens_of(&world, &mut otto, &[]).await;
        assert_eq!(of(&tokens, "id_token")["act"]["mandate"], id.as_str(), "{}", service.id);
    }
    assert!(is_not_offered(&mut otto, &heizen, &id).await);
    // In her copy of her data, too.
    let own = world.texts("SELECT scope FROM mandate").await;
    assert!(own[0].contains(r#""services":{"of":{"authorities":["07315000"],"services":["bibliothek"]}}"#), "{own:?}");
});

// A service that comes later is meant; one that goes to another authority is not any more, at once.
both!(what_an_authority_has_is_asked_at_each_use, async |world| {
    let [parken, bauen, heizen, bibliothek] = services(&world).await;
    let (mut renate, mut otto) = people(&world).await;
    let id = given(&mut renate, &mut otto, &terms(&[])).await;
    otto.acts_for(id.as_str()).await;
    let tokens = parken.tokens_of(&world, &mut otto, &[]).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(parken.userinfo(&world, access).await.status, 200);
    let changed = [
        of_authority(&parken, NEUSTADT),
        of_authority(&bauen, MUSTERHAUSEN),
        of_authority(&heizen, NEUSTADT),
        of_authority(&bibliothek, MUSTERHAUSEN),
    ];
    world.clients(&changed.concat()).await;
    world.later();
    assert_eq!(parken.userinfo(&world, access).await.status, 401, "it is Neustadt's now");
    assert!(is_not_offered(&mut otto, &parken, &id).await);
    let tokens = bibliothek.tokens_of(&world, &mut otto, &[]).await;
    assert_eq!(of(&tokens, "id_token")["act"]["mandate"], id.as_str(), "it has come to Musterhausen");
    // An authority that has nothing any more is called by its number.
    let left = [&parken, &bauen, &heizen, &bibliothek].map(|service| of_authority(service, NEUSTADT));
    world.clients(&left.concat()).await;
    world.later();
    assert!(otto.get(&format!("/vollmachten/{id}")).await.body.contains("alle Dienste von 07315000"));
    let power = power_of(&world, &id, OTTO).await.unwrap();
    let (parken, musterhausen) = (ClientId("parken".to_owned()), AuthorityId(MUSTERHAUSEN.to_owned()));
    assert!(power.counts_at(at(&parken, Some(&musterhausen))));
    assert!(!power.counts_at(at(&parken, None)));
});

both!(sec_t06_nobody_names_an_authority_that_is_none, async |world| {
    services(&world).await;
    let (mut renate, mut otto) = people(&world).await;
    for authority in ["07317000", "", "parken", "alle", "07315000 ", "x\"><script>"] {
        let usual = terms(&[]).into_iter().filter(|(name, _)| *name != "behoerde");
        let fields: Vec<(&str, &str)> = [("aktion", "senden")]
            .into_iter()
            .chain(to_email(OTTO))
            .chain(usual)
            .chain([("behoerde", authority)])
            .collect();
        renate.get("/vollmachten/neu").await;
        assert_eq!(renate.post("/vollmachten/neu", &fields).await.status, 422, "{authority}");
    }
    assert_eq!(world.rows("mandate").await, 0);
    // Passed on is the whole of it, or what was named; not another authority, nor a single service of it, which may leave it.
    let held = given(&mut renate, &mut otto, &terms(&[("dienst", "bibliothek"), ("weitergabe", "ja")])).await;
    let path = format!("/vollmachten/{held}/weitergeben");
    let kurt = to_email("kurt@example.org");
    let with = |chosen: &[(&'static str, &'static str)]| {
        let usual = TERMS.into_iter().filter(|(name, _)| *name != "dienste");
        usual.chain(chosen.iter().copied()).collect::<Vec<_>>()
    };
    for more in
        [&[("behoerde", NEUSTADT)][..], &[("dienst", "parken")], &[("dienst", "heizen")], &[("dienste", "alle")]]
    {
        let refused = sends(&mut otto, &path, &kurt, &with(more)).await;
        assert!(refused.status == 422 && refused.body.contains("Niemand gibt mehr weiter"), "{more:?}: {refused:?}");
    }
    let page = otto.get(&path).await.body;
    assert!(page.contains("value=\"07315000\" checked"), "{page}");
    let passed_on = sends(&mut otto, &path, &kurt, &with(&[("behoerde", MUSTERHAUSEN)])).await;
    id_of(&passed_on);
    let passed_on = sends(&mut otto, &path, &to_email("anna@example.org"), &with(&[("dienst", "bibliothek")])).await;
    id_of(&passed_on);
});

both!(a_table_names_authorities, async |world| {
    services(&world).await;
    let (mut renate, mut otto) = people(&world).await;
    let firm = world.firm(OTTO, "Kanzlei Roth").await;
    let page = firm.path("vollmachten/import");
    assert!(otto.get(&page).await.body.contains("<code>behoerde:07315000</code>: alle Dienste von Stadt Musterhausen"));
    let top = "register;gericht;nummer;email;dienste;handlungen;bis\n";
    let table = |services: &str| format!("{top};;;{RENATE};{services};lesen;31.12.2027\n");
    for wrong in ["behoerde:07317000", "behoerde:", "07315000", "behoerde:parken", "alle behoerde:07315000"] {
        let refused = otto.post(&page, &[("aktion", "anfragen"), ("liste", &table(wrong))]).await;
        assert!(refused.status == 422 && refused.body.contains("Zeile 2: Als Dienst"), "{wrong}: {refused:?}");
    }
    let table = table("behoerde:07315000 behoerde:07316000 bibliothek");
    let sent = otto.post(&page, &[("aktion", "anfragen"), ("liste", &table)]).await;
    assert_eq!(sent.status, 303, "{sent:?}");
    let list = renate.get("/vollmachten").await.body;
    let (_, rest) = list.split_once("href=\"/vollmachten/mdt_").unwrap();
    let id = format!("mdt_{}", rest.split('"').next().unwrap());
    let page = renate.get(&format!("/vollmachten/{id}")).await.body;
    for text in ["alle Dienste von Stadt Musterhausen", "alle Dienste von Stadt Neustadt", "Dienst bibliothek"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    // She may give less than was asked.
    let less = renate.get(&format!("/vollmachten/{id}?umfang=1")).await.body;
    assert!(less.contains("value=\"07316000\" checked") && less.contains("value=\"bibliothek\" checked"), "{less}");
    assert!(otto.get(WAHL).await.body.contains("Otto Roth"));
});
