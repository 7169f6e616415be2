//! A legal guardian: recorded at a desk, acting under a mandate, ended at a desk or by the operator.

use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::MandateId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::organisation::acting::Party;
use nutzerkonto::organisation::mandate::{Action, guardian};
use nutzerkonto::store::work::Actor;

use crate::both;
use crate::mandates::{does, power_of};
use crate::personal_data::{asks, fetch, file};
use crate::support::browser::Answer;
use crate::support::bureau::{by, declaration};
use crate::support::mandate::{ALL, MANDATES};
use crate::support::pdf;
use crate::support::service::Service;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const GERD: &str = "gerd@example.org";

struct Cast {
    olga: Browser,
    renate: Browser,
    gerd: Browser,
    /// Their codes.
    ward: String,
    guardian: String,
}

async fn cast(world: &World) -> Cast {
    world.offices(&declaration("musterhausen", "")).await;
    let olga = world.officer("olga@example.org", "musterhausen").await;
    let (renate, ward) = world.renate_with_code().await;
    let (mut gerd, _) = world.somebody(GERD, ["Gerd", "Helfer"], Level::Substantial).await;
    let guardian = gerd.takes_code().await;
    Cast { olga, renate, gerd, ward, guardian }
}

impl Cast {
    /// Olga records what the court has decided.
    async fn records(&mut self, changes: &[(&'static str, &str)]) -> Answer {
        let usual = [
            ("amt", "musterhausen"),
            ("vertretene", self.ward.as_str()),
            ("vertreter", self.guardian.as_str()),
            ("gericht", "Amtsgericht Mainz"),
            ("aktenzeichen", "12 XVII 34/26"),
            ("authorities", "ja"),
            ("health", "ja"),
            ("bis_tag", "31"),
            ("bis_monat", "12"),
            ("bis_jahr", "2027"),
            ("gesehen", "ja"),
        ];
        let changed = |name: &str| changes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let mut form: Vec<(&str, &str)> =
            usual.iter().map(|(name, value)| (*name, changed(name).unwrap_or(value))).collect();
        form.extend(changes.iter().filter(|(name, _)| !usual.iter().any(|(known, _)| known == name)));
        self.olga.get("/amt/vertretung").await;
        self.olga.post("/amt/vertretung", &form).await
    }

    /// Olga writes down that the court has ended it.
    async fn ends(&mut self, code: &str, number: &str, seen: &str) -> Answer {
        self.olga.get("/amt/vertretung/ende").await;
        let form = [("amt", "musterhausen"), ("code", code), ("nummer", number), ("gesehen", seen)];
        self.olga.post("/amt/vertretung/ende", &form).await
    }
}

/// What Renate herself has given to Gerd.
async fn given(world: &World) -> MandateId {
    let (renate, gerd) = (world.account(EMAIL).await, world.account(GERD).await);
    MandateId::parse(&world.mandate(renate.as_str(), gerd.as_str(), ALL).await).unwrap()
}

async fn mandate(world: &World) -> MandateId {
    MandateId::parse(&world.texts("SELECT id FROM mandate").await[0]).unwrap()
}

/// Both sides read that a court has appointed him, and that neither of them ends it.
async fn reads_of_it(browser: &mut Browser, id: &MandateId) {
    let listed = browser.get("/vollmachten").await.body;
    assert!(listed.contains(id.as_str()), "{listed}");
    let page = browser.get(&format!("/vollmachten/{id}")).await.body;
    for words in ["Von einem Gericht bestellt", "12 XVII 34/26", "beantworten, einreichen", "id=\"vom-gericht\""] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("id=\"beenden\"") && !page.contains("id=\"weitergeben\""), "{page}");
    assert_eq!(does(browser, "/vollmachten", id, "beenden").await.status, 403, "a court ends it");
    let deed = browser.request(reqwest::Method::GET, &format!("/vollmachten/{id}/urkunde"));
    let deed = pdf::text(&deed.send().await.unwrap().bytes().await.unwrap());
    assert!(deed.contains("Gericht") && deed.contains("34/26"), "{deed}");
}

both!(an_office_records_a_guardian_who_acts_then, async |world| {
    let service = Service::new("parken");
    world.clients(&service.declaration(MANDATES)).await;
    let mut cast = cast(&world).await;
    let unproven = cast.records(&[]).await;
    assert!(unproven.status == 422 && unproven.body.contains("noch nicht nachgewiesen"), "{}", unproven.body);
    world.prove(EMAIL, Level::Low).await;
    let own = cast.olga.takes_code().await;
    let ward = cast.ward.clone();
    for wrong in [
        ("vertreter", own.as_str()),
        ("gesehen", ""),
        ("gericht", ""),
        ("bis_jahr", "2034"),
        ("bis_jahr", "2025"),
        ("vertreter", ward.as_str()),
        ("vertretene", "QQQQQ-QQQQQ"),
    ] {
        assert_eq!(cast.records(&[wrong]).await.status, 422, "{wrong:?}");
    }
    assert_eq!((world.rows("guardian").await, world.rows("mandate").await), (0, 0));
    assert_eq!(cast.records(&[]).await.location(), "/amt?erledigt=vertretung");
    let id = mandate(&world).await;
    let page = cast.renate.get("/identitaet").await.body;
    for words in [
        "Gerd Helfer vertritt Sie.",
        "Amtsgericht Mainz",
        "12 XVII 34/26",
        "Behörden, Gesundheit",
        "31. Dezember 2027",
        &format!("/vollmachten/{id}"),
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(cast.gerd.get("/identitaet").await.body.contains("Sie vertreten Renate Muster."));
    (_, _) = (world.mail_about(EMAIL, "Vertretung").await, world.mail_about(GERD, "Vertretung").await);
    let protocol = cast.gerd.get("/daten/protokoll").await.body;
    assert!(protocol.contains("Eine gesetzliche Vertretung eingetragen"), "{protocol}");
    assert!(protocol.contains("Bürgerbüro Musterhausen") && !protocol.contains("Amtmann"), "{protocol}");
    assert_eq!(cast.records(&[]).await.status, 422, "the codes are used up");
    assert!(!format!("{:?}", world.dump().await).contains("Amtsgericht"), "sealed");

    // Before authorities means to answer and to submit; health gives no power here, and nobody reads post.
    let power = power_of(&world, &id, GERD).await.unwrap();
    assert_eq!(power.principal, Party::Person(world.account(EMAIL).await));
    assert_eq!(power.scope.actions.into_iter().collect::<Vec<_>>(), [Action::Answer, Action::Submit]);
    assert!(cast.gerd.get("/anmelden/wahl").await.body.contains("Renate Muster"), "he may choose her");
    assert!(cast.gerd.get("/mandate").await.body.contains("Renate Muster"));
    for browser in [&mut cast.renate, &mut cast.gerd] {
        reads_of_it(browser, &id).await;
    }
    let key = asks(&mut cast.gerd).await;
    let (_, archive) = fetch(&cast.gerd, &key).await;
    let copy: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    assert_eq!(copy["guardians"][0]["mandate"].as_str(), Some(id.as_str()), "{copy}");

    world.pass(nutzerkonto::kernel::time::days(404));
    assert!(power_of(&world, &id, GERD).await.is_none(), "after the last day");
    nutzerkonto::store::retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!((world.rows("guardian").await, world.rows("mandate").await), (0, 1));
});

both!(a_court_may_appoint_somebody_for_what_allows_nothing_here, async |world| {
    let mut cast = cast(&world).await;
    world.prove(EMAIL, Level::Low).await;
    assert_eq!(cast.records(&[("authorities", "")]).await.status, 303);
    let id = mandate(&world).await;
    assert!(power_of(&world, &id, GERD).await.is_none());
    assert!(!cast.gerd.get("/anmelden/wahl").await.body.contains("Renate Muster"));
    assert!(!cast.gerd.get("/mandate").await.body.contains("Renate Muster"));
    let page = cast.gerd.get(&format!("/vollmachten/{id}")).await.body;
    assert!(page.contains("gilt, erlaubt hier aber nichts"), "{page}");
});

both!(a_desk_ends_it_with_a_code_of_either_of_the_two, async |world| {
    let mut cast = cast(&world).await;
    world.prove(EMAIL, Level::Low).await;
    assert_eq!(cast.records(&[("post", "ja")]).await.status, 303);
    let id = mandate(&world).await;
    let (mut kurt, _) = world.somebody("kurt@example.org", ["Kurt", "Koch"], Level::Substantial).await;
    let (mut renate, foreign) = (cast.renate.clone(), kurt.takes_code().await);
    let code = renate.takes_code().await;
    let own = cast.olga.takes_code().await;
    for (code, number, seen, words) in [
        (code.as_str(), id.as_str(), "", "nur, wenn Sie gesehen haben"),
        ("QQQQQ-QQQQQ", id.as_str(), "ja", "Diesen Vorgangscode gibt es nicht"),
        (own.as_str(), id.as_str(), "ja", "Ihr eigener Vorgang"),
        (foreign.as_str(), id.as_str(), "ja", "gehört zu keiner gesetzlichen Vertretung"),
        (code.as_str(), "mdt_00000000000000000000000000", "ja", "gehört zu keiner gesetzlichen Vertretung"),
        (code.as_str(), "12 XVII 34/26", "ja", "gehört zu keiner gesetzlichen Vertretung"),
    ] {
        let page = cast.ends(code, number, seen).await;
        assert!(page.status == 422 && page.body.contains(words), "{words}: {}", page.body);
    }
    // What people give each other is not ended here.
    let given = given(&world).await;
    let given = given.as_str();
    assert_eq!(cast.ends(&code, given, "ja").await.status, 422);
    assert!(power_of(&world, &id, GERD).await.is_some());
    let done = cast.ends(&code, &format!(" {id} "), "ja").await;
    assert_eq!(done.location(), "/amt?erledigt=vertretung-beendet", "{done:?}");
    assert!(power_of(&world, &id, GERD).await.is_none());
    assert_eq!(world.rows("guardian").await, 0, "what the court has written goes");
    assert!(!cast.renate.get("/identitaet").await.body.contains("vertritt Sie"));
    let page = cast.gerd.get(&format!("/vollmachten/{id}")).await.body;
    assert!(page.contains("von einem Amt beendet") && page.contains("weil das Gericht sie beendet hat"), "{page}");
    (_, _) = (world.mail_about(EMAIL, "ist beendet").await, world.mail_about(GERD, "ist beendet").await);
    let protocol = cast.renate.get("/daten/protokoll?art=aemter").await.body;
    assert!(protocol.contains(&format!("Eine gesetzliche Vertretung beendet: {id}")), "{protocol}");
    let next = renate.takes_code().await;
    assert_eq!(cast.ends(&next, id.as_str(), "ja").await.status, 422, "once");
});

both!(the_operator_ends_it_where_nobody_comes, async |world| {
    let mut cast = cast(&world).await;
    world.prove(EMAIL, Level::Low).await;
    assert_eq!(cast.records(&[]).await.status, 303);
    let id = mandate(&world).await;
    let end = async |id: &MandateId| nutzerkonto::operator::guardian::end(&world.app, &by(), id).await;
    let given = given(&world).await;
    assert!(matches!(end(&given).await, Err(Error::NotFound)), "what no court has decided");
    end(&id).await.unwrap();
    assert!(matches!(end(&id).await, Err(Error::Conflict(_))));
    assert!(power_of(&world, &id, GERD).await.is_none());
    world.later();
    let protocol = cast.renate.get("/daten/protokoll").await.body;
    assert!(
        protocol.contains("Eine gesetzliche Vertretung beendet") && protocol.contains("seit dem 1. November"),
        "{protocol}"
    );
});

// What was recorded before there were mandates leads to one, once, whoever of two nodes does it.
both!(earlier_records_lead_to_a_mandate, async |world| {
    let mut cast = cast(&world).await;
    world.prove(EMAIL, Level::Low).await;
    assert_eq!(cast.records(&[("post", "ja")]).await.status, 303);
    let id = mandate(&world).await;
    world.change(&format!("DELETE FROM mandate WHERE id = '{id}'")).await;
    world.change("UPDATE guardian SET mandate_id = NULL").await;
    world.later();
    assert!(cast.gerd.get("/identitaet").await.body.contains("Sie vertreten Renate Muster."), "as before");
    let other = world.open_with(|_| {}).await.unwrap();
    let (one, two) = tokio::join!(guardian::tend(&world.app), guardian::tend(&other));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    guardian::tend(&world.app).await.unwrap();
    assert_eq!(world.texts("SELECT id FROM mandate").await.len(), 1);
    let next = mandate(&world).await;
    let power = power_of(&world, &next, GERD).await.unwrap();
    assert_eq!(power.scope.actions.len(), 3);
    (_, _) = (world.mail_about(EMAIL, "gilt jetzt").await, world.mail_about(GERD, "gilt jetzt").await);
    let protocol = cast.renate.get("/daten/protokoll").await.body;
    assert!(
        protocol.contains("Eine früher eingetragene gesetzliche Vertretung gilt jetzt als Vollmacht"),
        "{protocol}"
    );
    assert!(cast.gerd.get(&format!("/vollmachten/{next}")).await.body.contains("12 XVII 34/26"));
    // Whoever leaves takes it along.
    let gerd = world.account(GERD).await;
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    nutzerkonto::organisation::leaving::end_all(&world.app, &mut work, &gerd).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(world.rows("guardian").await, 0);
    assert!(power_of(&world, &next, GERD).await.is_none());
});

// The agent's own node notices at once, and not only when it forgets.
both!(what_is_revoked_ends_at_the_agents_node_at_once, async |world| {
    let service = Service::new("parken");
    world.clients(&service.declaration(MANDATES)).await;
    let (mut renate, _) = world.somebody(EMAIL, ["Renate", "Muster"], Level::Substantial).await;
    let (mut gerd, _) = world.somebody(GERD, ["Gerd", "Helfer"], Level::Substantial).await;
    let given = given(&world).await;
    let chosen = gerd.acts_for(given.as_str()).await;
    assert_eq!(chosen.status, 303, "{chosen:?}");
    assert!(gerd.get("/konto").await.body.contains("Renate Muster"), "the bar says for whom he acts");
    assert_eq!(does(&mut renate, "/vollmachten", &given, "beenden").await.status, 303);
    assert!(!gerd.get("/konto").await.body.contains("Renate Muster"), "at the very next page");
});
