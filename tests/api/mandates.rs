//! Mandates: asked for, offered, accepted, used, ended, in every direction between people and organisations.

use nutzerkonto::kernel::id::{ClientId, MandateId, MembershipId};
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::{Timestamp, days};
use nutzerkonto::organisation::mandate::power::{self, MandatePower};
use nutzerkonto::organisation::mandate::{Action, Services, end};
use nutzerkonto::organisation::{acting, leaving};
use nutzerkonto::store::work::Actor;

use crate::both;
use crate::support::browser::{Answer, LIST_MAX_BYTES};
use crate::support::mandate::MANDATES;
use crate::support::organisation::{Firm, NADINE};
use crate::support::pdf;
use crate::support::surface::two_services_with;
use crate::support::{Browser, World};

pub const RENATE: &str = "renate@example.org";
pub const OTTO: &str = "otto@example.org";
pub const KURT: &str = "kurt@example.org";

/// Everything, for a year.
pub const TERMS: [(&str, &str); 7] = [
    ("handlung", "lesen"),
    ("handlung", "beantworten"),
    ("handlung", "einreichen"),
    ("dienste", "alle"),
    ("bis_tag", "30"),
    ("bis_monat", "11"),
    ("bis_jahr", "2027"),
];

pub fn to_email(email: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![("art", "email"), ("email", email)]
}

/// Fills in a form and sends it.
pub async fn sends(browser: &mut Browser, path: &str, whom: &[(&str, &str)], terms: &[(&str, &str)]) -> Answer {
    let opened = browser.get(path).await;
    assert_eq!(opened.status, 200, "{opened:?}");
    let fields = [&[("aktion", "senden")], whom, terms].concat();
    browser.post(path, &fields).await
}

/// The mandate to whose page an answer leads.
pub fn id_of(answer: &Answer) -> MandateId {
    let path = answer.location().split('?').next().unwrap_or_default();
    let id = path.rsplit('/').next().and_then(MandateId::parse);
    id.unwrap_or_else(|| panic!("no mandate: {answer:?}"))
}

/// Sends a form of the page of a mandate.
pub async fn does(browser: &mut Browser, base: &str, id: &MandateId, action: &str) -> Answer {
    let path = format!("{base}/{id}");
    browser.get(&path).await;
    browser.post(&path, &[("aktion", action)]).await
}

pub async fn power_of(world: &World, id: &MandateId, email: &str) -> Option<MandatePower> {
    let (account, now) = (world.account(email).await, world.app.now());
    power::power(&mut world.app.read().await.unwrap(), id, &account, now).await.unwrap()
}

pub async fn people(world: &World) -> (Browser, Browser) {
    let (renate, _) = world.somebody(RENATE, ["Renate", "Muster"], Level::Substantial).await;
    let (otto, _) = world.somebody(OTTO, ["Otto", "Roth"], Level::Substantial).await;
    (renate, otto)
}

/// Otto has a mandate of Renate's, which he may pass on.
pub async fn given(renate: &mut Browser, otto: &mut Browser, terms: &[(&str, &str)]) -> MandateId {
    let id = id_of(&sends(renate, "/vollmachten/neu", &to_email(OTTO), terms).await);
    let accepted = does(otto, "/vollmachten", &id, "annehmen").await;
    assert_eq!(accepted.status, 303, "{accepted:?}");
    id
}

both!(otto_asks_renate_gives_less_and_revokes, async |world| {
    two_services_with(&world, MANDATES).await;
    let (mut renate, mut otto) = people(&world).await;
    let form = "/vollmachten/anfragen";
    otto.get(form).await;
    let checked = [&[("aktion", "pruefen")], &to_email(RENATE)[..], &TERMS].concat();
    let check = otto.post(form, &checked).await;
    assert!(
        check.status == 200 && check.body.contains("alle Dienste") && check.body.contains("30. November 2027"),
        "{check:?}"
    );
    assert_eq!(world.rows("mandate").await, 0, "checking does nothing");
    let sent = sends(&mut otto, form, &to_email(RENATE), &TERMS).await;
    let id = id_of(&sent);
    // He reads what he has typed, not who that is.
    let asked = otto.follow(sent).await.body;
    assert!(asked.contains(RENATE) && !asked.contains("Renate"), "{asked}");
    world.mail_about(OTTO, "angefragt").await;
    let mail = world.mail_about(RENATE, "bittet um eine Vollmacht").await;
    assert!(mail.body.contains("Otto Roth") && !mail.body.contains("lesen"), "{}", mail.body);
    assert!(power_of(&world, &id, OTTO).await.is_none(), "nothing counts before she agrees");
    let list = renate.get("/vollmachten").await.body;
    assert!(list.contains("zu-beantworten") && list.contains("Otto Roth"), "{list}");
    // She gives less.
    let page = format!("/vollmachten/{id}");
    let change = renate.get(&format!("{page}?umfang=1")).await.body;
    assert!(change.contains("value=\"beantworten\" checked"), "{change}");
    let less = [
        ("aktion", "aendern"),
        ("handlung", "lesen"),
        ("dienst", "parken"),
        ("bis_tag", "31"),
        ("bis_monat", "1"),
        ("bis_jahr", "2027"),
    ];
    let given = renate.post(&page, &less).await;
    assert_eq!(given.location(), format!("{page}?erledigt=angenommen"), "{given:?}");
    world.mail_about(OTTO, "Eine Vollmacht gilt").await;
    world.mail_about(RENATE, "Eine Vollmacht gilt").await;
    let power = power_of(&world, &id, OTTO).await.unwrap();
    assert_eq!((power.principal.as_str(), power.membership.is_none()), (world.account(RENATE).await.as_str(), true));
    assert_eq!(power.scope.actions, [Action::Read].into());
    assert_eq!(power.scope.services, Services::Only([ClientId("parken".into())].into()));
    let (parken, library) = (ClientId("parken".into()), ClientId("bibliothek".into()));
    let at = |client| acting::Service { client, authority: None };
    assert!(power.counts_at(at(&parken)) && !power.counts_at(at(&library)));
    assert!(power_of(&world, &id, RENATE).await.is_none(), "who gives it does not act under it");
    is_used_and_revoked(&world, &mut renate, &mut otto, &id).await;
});

/// He uses it; she sees where, before and after she revokes.
async fn is_used_and_revoked(world: &World, renate: &mut Browser, otto: &mut Browser, id: &MandateId) {
    let (page, parken) = (format!("/vollmachten/{id}"), ClientId("parken".into()));
    let mut work = world.app.begin(Actor::Account(world.account(OTTO).await)).await.unwrap();
    end::note_use(&mut work, id, &parken).await.unwrap();
    end::note_use(&mut work, id, &parken).await.unwrap();
    work.commit().await.unwrap();
    let held = otto.get("/vollmachten").await.body;
    assert!(held.contains("Renate Muster") && held.contains("id=\"erhalten\""), "{held}");
    let shown = renate.get(&page).await.body;
    assert!(shown.contains("id=\"benutzt\"") && shown.contains("parken") && shown.contains("Otto Roth"), "{shown}");
    let revoked = does(renate, "/vollmachten", id, "beenden").await;
    assert_eq!(revoked.location(), format!("{page}?erledigt=beendet"));
    assert!(power_of(world, id, OTTO).await.is_none());
    let after = renate.get(revoked.location()).await.body;
    assert!(after.contains("widerrufen") && after.contains("id=\"benutzt\""), "{after}");
    world.mail_about(OTTO, "beendet").await;
    world.mail_about(RENATE, "beendet").await;
    assert_eq!(does(otto, "/vollmachten", id, "beenden").await.status, 409, "once");
    for browser in [renate, otto] {
        let protocol = browser.get("/daten/protokoll").await.body;
        for words in ["Vollmacht widerrufen", "Vollmacht angefragt", "Vollmacht angenommen"] {
            assert!(protocol.contains(words), "{words}: {protocol}");
        }
    }
}

/// Otto's firm, with Kurt in it, and Nadine's bakery, which stands in the register; the firm has a mandate of the bakery.
async fn firm_and_bakery(world: &World, right: &str) -> (Browser, Firm, String, Browser, String, MandateId) {
    let (mut otto, _) = world.somebody(OTTO, ["Otto", "Roth"], Level::Substantial).await;
    let firm = world.firm(OTTO, "Kanzlei Roth").await;
    world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let kurt = world.joins(&firm, KURT, &[right]).await;
    let (mut nadine, org) = world.nadine_with_bakery().await;
    let entry = [("art", "register"), ("register", "HRB"), ("registergericht", "AG Mainz"), ("nummer", "1234")];
    let id = id_of(&sends(&mut otto, &firm.path("vollmachten/anfragen"), &entry, &TERMS).await);
    let base = format!("/organisation/{org}/vollmachten");
    assert!(nadine.get(&base).await.body.contains("Kanzlei Roth"));
    assert_eq!(does(&mut nadine, &base, &id, "annehmen").await.status, 303);
    (otto, firm, kurt, nadine, org.to_string(), id)
}

both!(members_use_the_mandates_of_their_organisation, async |world| {
    let (mut otto, firm, kurt, mut nadine, org, id) = firm_and_bakery(&world, "mandates:").await;
    let power = power_of(&world, &id, KURT).await.unwrap();
    assert_eq!(power.membership.as_ref().map(MembershipId::as_str), Some(kurt.as_str()));
    assert_eq!((power.principal.as_str(), power.agent.as_str()), (org.as_str(), firm.id.as_str()));
    assert!(power_of(&world, &id, OTTO).await.is_some(), "who represents uses them, too");
    assert!(power_of(&world, &id, NADINE).await.is_none());
    let list = otto.get(&firm.path("vollmachten")).await.body;
    assert!(list.contains("Bäckerei Weber GmbH") && list.contains("gilt"), "{list}");
    // What ends the power ends it at once.
    let state = |id: &str, state: &str| format!("UPDATE organisation SET state = '{state}' WHERE id = '{id}'");
    for (organisation, other, counts) in [
        (org.as_str(), "blocked", false),
        (&org, "insolvent", false),
        (&org, "closing", false),
        (&org, "closed", false),
        (firm.id.as_str(), "blocked", false),
        (firm.id.as_str(), "closing", false),
        (firm.id.as_str(), "closed", false),
        (firm.id.as_str(), "insolvent", true),
    ] {
        world.change(&state(organisation, other)).await;
        assert_eq!(power_of(&world, &id, KURT).await.is_some(), counts, "{organisation} {other}");
        assert!(power_of(&world, &id, OTTO).await.is_none(), "{organisation} {other}");
        world.change(&state(organisation, "active")).await;
    }
    assert!(power_of(&world, &id, KURT).await.is_some());
    world
        .change(&format!("UPDATE account SET identity_level = 'low' WHERE id = '{}'", world.account(KURT).await))
        .await;
    assert!(power_of(&world, &id, KURT).await.is_none(), "it has to be known who acts");
    world
        .change(&format!(
            "UPDATE account SET identity_level = 'substantial' WHERE id = '{}'",
            world.account(KURT).await
        ))
        .await;
    world.change(&format!("UPDATE membership_right SET kind = 'documents' WHERE membership_id = '{kurt}'")).await;
    assert!(power_of(&world, &id, KURT).await.is_none(), "another right is none");
    world.change(&format!("UPDATE membership_right SET kind = 'mandates' WHERE membership_id = '{kurt}'")).await;
    world.change(&format!("UPDATE membership SET ended_at = 1 WHERE id = '{kurt}'")).await;
    assert!(power_of(&world, &id, KURT).await.is_none(), "nobody who has left");
    // The firm gives it up; both organisations read it.
    assert_eq!(does(&mut otto, &firm.path("vollmachten"), &id, "beenden").await.status, 303);
    assert!(power_of(&world, &id, OTTO).await.is_none());
    for (browser, path) in
        [(&mut otto, firm.path("protokoll")), (&mut nadine, format!("/organisation/{org}/protokoll"))]
    {
        let protocol = browser.get(&path).await.body;
        assert!(
            protocol.contains("Vollmacht zurückgegeben") && protocol.contains("Vollmacht angenommen"),
            "{protocol}"
        );
    }
    world.mail_about(NADINE, "beendet").await;
});

both!(a_mandate_is_passed_on_once_and_ends_with_its_parent, async |world| {
    let (mut renate, mut otto) = people(&world).await;
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let terms = [&TERMS[..], &[("weitergabe", "ja")]].concat();
    for ending in ["parent", "child by the principal", "child by whoever has passed it on", "agent of the parent"] {
        let parent = given(&mut renate, &mut otto, &terms).await;
        let path = format!("/vollmachten/{parent}/weitergeben");
        let child = id_of(&sends(&mut otto, &path, &to_email(KURT), &TERMS).await);
        let seen = renate.get(&format!("/vollmachten/{child}")).await.body;
        assert!(seen.contains("Otto Roth") && !seen.contains("Kurt"), "{seen}");
        let told = world.mail_about(RENATE, "weitergegeben").await;
        assert!(told.body.contains("Otto Roth"), "{}", told.body);
        assert_eq!(does(&mut kurt, "/vollmachten", &child, "annehmen").await.status, 303);
        let power = power_of(&world, &child, KURT).await.unwrap();
        assert!(power.is_passed_on && power.principal.as_str() == world.account(RENATE).await.as_str());
        let ended = match ending {
            "parent" => does(&mut renate, "/vollmachten", &parent, "beenden").await,
            "child by the principal" => does(&mut renate, "/vollmachten", &child, "beenden").await,
            "child by whoever has passed it on" => does(&mut otto, "/vollmachten", &child, "beenden").await,
            _ => {
                let otto = world.account(OTTO).await;
                world.change(&format!("UPDATE account SET status = 'locked' WHERE id = '{otto}'")).await;
                assert!(power_of(&world, &child, KURT).await.is_none(), "nobody acts below somebody who is locked");
                world.change(&format!("UPDATE account SET status = 'active' WHERE id = '{otto}'")).await;
                does(&mut renate, "/vollmachten", &parent, "beenden").await
            }
        };
        assert_eq!(ended.status, 303, "{ending}: {ended:?}");
        assert!(power_of(&world, &child, KURT).await.is_none(), "{ending}");
        let is_parent_left = ending.starts_with("child");
        assert_eq!(power_of(&world, &parent, OTTO).await.is_some(), is_parent_left, "{ending}");
        if is_parent_left {
            does(&mut renate, "/vollmachten", &parent, "beenden").await;
        }
        // Nobody offers the same party more than three times a day.
        world.change("UPDATE mandate SET opened_at = 1").await;
    }
});

both!(a_mandate_ends_with_its_time_and_with_an_account, async |world| {
    let (mut renate, mut otto) = people(&world).await;
    let id = given(&mut renate, &mut otto, &TERMS).await;
    let until = power_of(&world, &id, OTTO).await.unwrap().until;
    for (time, counts) in [(Timestamp::from_milliseconds(until.milliseconds() - 1), true), (until, false)] {
        let account = world.account(OTTO).await;
        let power = power::power(&mut world.app.read().await.unwrap(), &id, &account, time).await.unwrap();
        assert_eq!(power.is_some(), counts, "{time:?}");
    }
    // Renate's account is erased.
    let renate_id = world.account(RENATE).await;
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    leaving::hold_all(&mut work, &renate_id).await.unwrap();
    leaving::end_all(&world.app, &mut work, &renate_id).await.unwrap();
    work.commit().await.unwrap();
    assert!(power_of(&world, &id, OTTO).await.is_none());
    assert_eq!(world.texts("SELECT state FROM mandate").await, ["gone"]);
    assert!(otto.get("/daten/protokoll").await.body.contains("weil es ein Konto nicht mehr gibt"));
});

both!(the_deed_says_what_the_mandate_says, async |world| {
    let (mut renate, mut otto) = people(&world).await;
    let sent = sends(&mut renate, "/vollmachten/neu", &to_email(OTTO), &TERMS).await;
    let id = id_of(&sent);
    let path = format!("/vollmachten/{id}/urkunde");
    assert_eq!(renate.get(&path).await.status, 404, "there is none of what nobody has accepted");
    assert_eq!(does(&mut otto, "/vollmachten", &id, "annehmen").await.status, 303);
    let request = otto.request(reqwest::Method::GET, &path);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    let text = pdf::text(&answer.bytes().await.unwrap());
    for words in [id.as_str(), "Renate Muster", "Otto Roth", "30. November 2027", "alle Dienste", "solange"] {
        let squeezed = |text: &str| text.chars().filter(|sign| !sign.is_whitespace()).collect::<String>();
        assert!(squeezed(&text).contains(&squeezed(words)), "{words}: {text}");
    }
});

both!(the_list_of_all_principals_is_long, async |world| {
    let (mut otto, firm, _, _, org, id) = firm_and_bakery(&world, "mandates:").await;
    // A bakery has given more mandates than anybody would.
    let row = |number: u32| {
        format!(
            "('mdt_{number:026}', '{org}', '{}', '{org}', 'active', 'own', '{{\"actions\":[\"read\"],\"services\":\"all\"}}', \
             1, {}, FALSE, 'test', 1, 1, 1, 1)",
            firm.id,
            1_900_000_000_000_i64 + i64::from(number)
        )
    };
    for batch in 0..10 {
        let rows: Vec<String> = (batch * 1000..(batch + 1) * 1000).map(row).collect();
        world
            .change(&format!(
                "INSERT INTO mandate (id, principal, agent, opener, state, origin, scope, valid_from, valid_until,
                                      may_pass_on, opened_by, opened_at, expires_at, accepted_at, over_at) VALUES {}",
                rows.join(", ")
            ))
            .await;
    }
    let (mut renate, _) = world.somebody(RENATE, ["Renate", "Muster"], Level::Substantial).await;
    let own = given(&mut renate, &mut otto, &TERMS).await;
    let first = otto.get("/mandate").await;
    let rows = |answer: &Answer| answer.body.matches("name=\"wahl\"").count();
    assert_eq!((first.status, rows(&first)), (200, 25), "{first:?}");
    assert!(first.body.len() < LIST_MAX_BYTES, "{} bytes", first.body.len());
    // What ends first stands at the top, from whatever side.
    let place = |text: &str| first.body.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place(own.as_str()).max(place(id.as_str())) < place("mdt_00000000000000000000000000"));
    assert!(first.body.contains("Kanzlei Roth") && first.body.contains("Renate Muster"));
    let (_, next) = first.body.split_once("id=\"weitere\" href=\"").unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    let second = otto.get(&next).await;
    assert_eq!(rows(&second), 25);
    assert!(!second.body.contains(own.as_str()));
    let found = otto.get("/mandate?suche=renat").await;
    assert_eq!(rows(&found), 1, "{found:?}");
    assert!(found.body.contains(own.as_str()));
    assert_eq!(rows(&otto.get("/mandate?suche=niemand").await), 0);
    assert_eq!(rows(&otto.get("/mandate?bald=1").await), 0);
    world
        .change(&format!(
            "UPDATE mandate SET valid_until = {} WHERE id = '{own}'",
            world.app.now().plus(days(59)).milliseconds()
        ))
        .await;
    let soon = otto.get("/mandate?bald=1").await;
    assert!(rows(&soon) == 1 && soon.body.contains("endet bald"), "{soon:?}");
});

both!(a_firm_asks_many_at_once_or_nobody, async |world| {
    let (mut otto, _) = world.somebody(OTTO, ["Otto", "Roth"], Level::Substantial).await;
    let firm = world.firm(OTTO, "Kanzlei Roth").await;
    world.nadine_with_bakery().await;
    let (mut renate, _) = world.somebody(RENATE, ["Renate", "Muster"], Level::Substantial).await;
    let top = "register;gericht;nummer;email;dienste;handlungen;bis\n";
    let good = "HRB;AG Mainz;1234;;alle;lesen beantworten;31.12.2027\n;;;renate@example.org;alle;lesen;31.12.2027\n";
    let page = firm.path("vollmachten/import");
    assert_eq!(otto.get(&page).await.status, 200);
    for (wrong, told) in [
        ("HRB;Mainz;9;;alle;lesen;31.12.2027\n", "Zeile 4 (HRB 9, Mainz): Dazu gibt es kein Nutzerkonto."),
        (";;;=1+1;alle;lesen;31.12.2027\n", "Zeile 4: Ein Feld darf nicht mit"),
        (";;;a@example.org;nicht-da;lesen;31.12.2027\n", "Zeile 4: Als Dienst"),
        (";;;a@example.org;alle;lesen;31.12.2047\n", "Zeile 4 (a@example.org): Eine Vollmacht gilt"),
    ] {
        let table = format!("{top}{good}{wrong}");
        let again = otto.post(&page, &[("aktion", "anfragen"), ("liste", &table)]).await;
        assert!(again.status == 422 && again.body.contains(told), "{told}: {again:?}");
        assert_eq!(world.rows("mandate").await, 0, "nothing is sent");
    }
    let table = format!("{top}{good}");
    let sent = otto.post(&page, &[("aktion", "anfragen"), ("liste", &table)]).await;
    assert_eq!(sent.location(), firm.path("vollmachten?erledigt=angefragt"), "{sent:?}");
    let list = otto.get(sent.location()).await.body;
    assert!(list.contains("HRB 1234, Mainz") && list.contains(RENATE), "{list}");
    assert!(renate.get("/vollmachten").await.body.contains("Kanzlei Roth"));
    world.mail_about(NADINE, "bittet um eine Vollmacht").await;
    let again = otto.post(&page, &[("aktion", "anfragen"), ("liste", &table)]).await;
    assert!(again.status == 422 && again.body.contains("Zeile 2 (HRB 1234, Mainz)"), "{again:?}");
});
