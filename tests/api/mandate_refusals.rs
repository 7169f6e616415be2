//! Attack row T06: nobody acts beyond scope, time or chain of a mandate, nobody learns who has an account, and of two who
//! answer at once one does.

use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use nutzerkonto::organisation::acting::Party;
use nutzerkonto::organisation::mandate::open::record_guardian;
use nutzerkonto::organisation::mandate::{Action, Scope, Services, Terms};
use nutzerkonto::store::work::Actor;

use crate::both;
use crate::mandates::{KURT, OTTO, RENATE, TERMS, does, given, id_of, people, power_of, sends, to_email};
use crate::support::World;
use crate::support::browser::Answer;
use crate::support::mandate::MANDATES;
use crate::support::surface::{two_services, two_services_with};

fn refused(answer: &Answer, words: &str) {
    assert!(answer.status == 422 && answer.body.contains(words), "{words}: {answer:?}");
}

both!(sec_t06_nobody_learns_who_has_an_account, async |world| {
    let (_, mut otto) = people(&world).await;
    let asks = "/vollmachten/anfragen";
    let mut pages = Vec::new();
    for whom in [RENATE, "niemand@example.org"] {
        let sent = sends(&mut otto, asks, &to_email(whom), &TERMS).await;
        let id = id_of(&sent);
        let page = otto.follow(sent).await;
        assert_eq!(page.status, 200);
        let csrf = page.hidden("csrf");
        let page = page.body.replace(whom, "WHOM").replace(id.as_str(), "ID").replace(&csrf, "CSRF");
        pages.push((id, page));
    }
    let masked = |page: &str| {
        // The form value and the language link change with each page.
        page.lines().filter(|line| !line.contains("csrf")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(masked(&pages[0].1), masked(&pages[1].1));
    assert_eq!(world.texts("SELECT principal FROM mandate WHERE principal IS NOT NULL").await.len(), 1);
    // Taken back they look the same, too.
    for (id, _) in &pages {
        assert_eq!(does(&mut otto, "/vollmachten", id, "zurueckziehen").await.status, 303);
    }
    // By number and by entry.
    for whom in [
        [("art", "nummer"), ("konto", "org_00000000000000000000000000"), ("x", ""), ("y", "")],
        [("art", "register"), ("register", "HRB"), ("registergericht", "Mainz"), ("nummer", "99999")],
    ] {
        assert_eq!(sends(&mut otto, asks, &whom, &TERMS).await.status, 303, "{whom:?}");
    }
});

both!(sec_t06_forms_are_read_strictly, async |world| {
    two_services(&world).await;
    let (_, mut otto) = people(&world).await;
    let asks = "/vollmachten/anfragen";
    let whom = to_email(RENATE);
    let until = [("bis_tag", "30"), ("bis_monat", "11"), ("bis_jahr", "2027")];
    let with = |fields: &[(&'static str, &'static str)]| [&until[..], fields].concat();
    for (terms, words) in [
        (with(&[("dienste", "alle")]), "lesen, beantworten, einreichen"),
        (with(&[("handlung", "alles"), ("dienste", "alle")]), "lesen, beantworten, einreichen"),
        (with(&[("handlung", "lesen")]), "mindestens einen Dienst"),
        (vec![("handlung", "lesen"), ("dienste", "alle")], "Dieses Datum gibt es nicht"),
        (
            vec![
                ("handlung", "lesen"),
                ("dienste", "alle"),
                ("bis_tag", "1"),
                ("bis_monat", "1"),
                ("bis_jahr", "2026"),
            ],
            "nach dem Anfang",
        ),
        (
            vec![
                ("handlung", "lesen"),
                ("dienste", "alle"),
                ("bis_tag", "1"),
                ("bis_monat", "1"),
                ("bis_jahr", "2031"),
            ],
            "höchstens drei Jahre",
        ),
    ] {
        refused(&sends(&mut otto, asks, &whom, &terms).await, words);
    }
    for service in ["nicht-da", "parken"] {
        let wrong = with(&[("handlung", "lesen"), ("dienst", service)]);
        refused(&sends(&mut otto, asks, &whom, &wrong).await, "dort kann man nicht mit einer Vollmacht handeln");
    }
    refused(&sends(&mut otto, asks, &to_email(OTTO), &TERMS).await, "bevollmächtigt sich selbst");
    refused(&sends(&mut otto, asks, &[("art", "nummer"), ("konto", "mdt_1")], &TERMS).await, "Kontonummer");
    refused(&sends(&mut otto, asks, &[], &TERMS).await, "");
    assert_eq!(world.rows("mandate").await, 0);
});

both!(sec_t06_nobody_passes_on_more_than_they_hold, async |world| {
    two_services_with(&world, MANDATES).await;
    let (mut renate, mut otto) = people(&world).await;
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let until = [("bis_tag", "30"), ("bis_monat", "11"), ("bis_jahr", "2027")];
    let held = [&until[..], &[("handlung", "lesen"), ("dienst", "parken"), ("weitergabe", "ja")]].concat();
    let parent = given(&mut renate, &mut otto, &held).await;
    let path = format!("/vollmachten/{parent}/weitergeben");
    let more = [
        [&until[..], &[("handlung", "lesen"), ("handlung", "einreichen"), ("dienst", "parken")]].concat(),
        [&until[..], &[("handlung", "lesen"), ("dienst", "bibliothek")]].concat(),
        [&until[..], &[("handlung", "lesen"), ("dienste", "alle")]].concat(),
        vec![("bis_tag", "1"), ("bis_monat", "12"), ("bis_jahr", "2027"), ("handlung", "lesen"), ("dienst", "parken")],
        held.clone(),
    ];
    for terms in more {
        refused(&sends(&mut otto, &path, &to_email(KURT), &terms).await, "Niemand gibt mehr weiter");
    }
    let same = [&until[..], &[("handlung", "lesen"), ("dienst", "parken")]].concat();
    // The principal never stands below itself.
    let number = world.account(RENATE).await;
    let by_number = [("art", "nummer"), ("konto", number.as_str())];
    refused(&sends(&mut otto, &path, &by_number, &same).await, "nicht weitergegeben bekommen");
    let nowhere = id_of(&sends(&mut otto, &path, &to_email(RENATE), &same).await);
    let agent = format!("SELECT agent FROM mandate WHERE id = '{nowhere}' AND agent IS NOT NULL");
    assert_eq!(world.texts(&agent).await, [""; 0], "nobody learns whose address it is");
    refused(&sends(&mut otto, &path, &to_email(OTTO), &same).await, "bevollmächtigt sich selbst");
    let child = id_of(&sends(&mut otto, &path, &to_email(KURT), &same).await);
    assert_eq!(does(&mut kurt, "/vollmachten", &child, "annehmen").await.status, 303);
    // Not twice, and not by somebody who does not hold it.
    assert_eq!(kurt.get(&format!("/vollmachten/{child}/weitergeben")).await.status, 403);
    assert_eq!(renate.get(&path).await.status, 403, "who gives it offers anew instead");
    let fields = [&[("aktion", "senden")], &to_email("p@example.org")[..], &same].concat();
    assert_eq!(kurt.post(&format!("/vollmachten/{child}/weitergeben"), &fields).await.status, 403);
    assert_eq!(kurt.post(&path, &fields).await.status, 404, "the parent is not there for Kurt");
    // Without leave nothing is passed on.
    world.change("UPDATE mandate SET may_pass_on = FALSE").await;
    assert_eq!(otto.get(&path).await.status, 403);
    assert_eq!(otto.post(&path, &fields).await.status, 403);
    // What is offered below a mandate that has ended is accepted by nobody.
    world.change("UPDATE mandate SET may_pass_on = TRUE WHERE parent IS NULL").await;
    world.change("UPDATE mandate SET opened_at = 1").await;
    assert_eq!(does(&mut otto, "/vollmachten", &child, "beenden").await.status, 303);
    let again = id_of(&sends(&mut otto, &path, &to_email(KURT), &same).await);
    world.change(&format!("UPDATE mandate SET state = 'revoked' WHERE id = '{parent}'")).await;
    assert_eq!(does(&mut kurt, "/vollmachten", &again, "annehmen").await.status, 409);
});

both!(sec_t01_a_mandate_of_others_is_not_there, async |world| {
    let (mut renate, mut otto) = people(&world).await;
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let firm = world.firm(KURT, "Anderswo").await;
    let offered = id_of(&sends(&mut renate, "/vollmachten/neu", &to_email(OTTO), &TERMS).await);
    for base in ["/vollmachten".to_owned(), firm.path("vollmachten")] {
        for rest in ["", "/urkunde", "/weitergeben"] {
            let answer = kurt.get(&format!("{base}/{offered}{rest}")).await;
            assert!(answer.status == 404 && !answer.body.contains("Renate"), "{base} {rest}: {answer:?}");
        }
        for action in ["annehmen", "ablehnen", "zurueckziehen", "beenden"] {
            assert_eq!(does(&mut kurt, &base, &offered, action).await.status, 404, "{base} {action}");
        }
    }
    // Each side does only what is its own.
    assert_eq!(does(&mut renate, "/vollmachten", &offered, "annehmen").await.status, 403);
    assert_eq!(does(&mut otto, "/vollmachten", &offered, "beenden").await.status, 409);
    assert_eq!(does(&mut otto, "/vollmachten", &offered, "ablehnen").await.status, 303);
    for action in ["annehmen", "ablehnen", "beenden"] {
        assert_eq!(does(&mut otto, "/vollmachten", &offered, action).await.status, 409, "{action}");
    }
    // An offer is accepted as it is, whatever the form says.
    let small = [&[("handlung", "lesen")], &TERMS[3..]].concat();
    let offered = id_of(&sends(&mut renate, "/vollmachten/neu", &to_email(OTTO), &small).await);
    let fields = [&[("aktion", "aendern")], &TERMS[..]].concat();
    otto.get(&format!("/vollmachten/{offered}")).await;
    assert_eq!(otto.post(&format!("/vollmachten/{offered}"), &fields).await.status, 303);
    assert_eq!(power_of(&world, &offered, OTTO).await.unwrap().scope.actions, [Action::Read].into());
});

both!(sec_t06_who_is_not_known_well_gives_nothing_and_ends_everything, async |world| {
    let (mut renate, mut otto) = people(&world).await;
    let id = given(&mut renate, &mut otto, &TERMS).await;
    let (mut low, _) = world.somebody("low@example.org", ["Lea", "Low"], Level::Low).await;
    for path in ["/vollmachten/neu", "/vollmachten/anfragen"] {
        let answer = low.get(path).await;
        assert_eq!((answer.status, answer.location()), (303, "/anmelden/niveau?ziel=vollmachten"), "{path}");
    }
    low.get("/vollmachten").await;
    let fields = [&[("aktion", "senden")], &to_email(OTTO)[..], &TERMS].concat();
    assert_eq!(low.post("/vollmachten/neu", &fields).await.status, 303);
    assert_eq!(world.rows("mandate").await, 1);
    // Renate's session is worth less by now; ending needs no more.
    world
        .change(&format!("UPDATE account SET identity_level = 'low' WHERE id = '{}'", world.account(RENATE).await))
        .await;
    assert_eq!(does(&mut renate, "/vollmachten", &id, "beenden").await.status, 303);
    assert!(power_of(&world, &id, OTTO).await.is_none());
});

both!(sec_t06_there_are_limits, async |world| {
    let (_, mut otto) = people(&world).await;
    let asks = "/vollmachten/anfragen";
    assert_eq!(sends(&mut otto, asks, &to_email(RENATE), &TERMS).await.status, 303);
    refused(&sends(&mut otto, asks, &to_email(RENATE), &TERMS).await, "schon angefragt");
    for _ in 0..2 {
        let open = world.texts("SELECT id FROM mandate WHERE state = 'asked'").await.remove(0);
        let open = nutzerkonto::kernel::id::MandateId::parse(&open).unwrap();
        assert_eq!(does(&mut otto, "/vollmachten", &open, "zurueckziehen").await.status, 303);
        assert_eq!(sends(&mut otto, asks, &to_email(RENATE), &TERMS).await.status, 303);
    }
    let last = world.texts("SELECT id FROM mandate WHERE state = 'asked'").await.remove(0);
    world.change(&format!("UPDATE mandate SET state = 'withdrawn' WHERE id = '{last}'")).await;
    refused(&sends(&mut otto, asks, &to_email(RENATE), &TERMS).await, "schon angefragt");
    for number in 3..20 {
        let email = format!("p{number}@example.org");
        let whom = [("art", "email"), ("email", email.as_str())];
        assert_eq!(sends(&mut otto, asks, &whom, &TERMS).await.status, 303, "{number}");
    }
    refused(&sends(&mut otto, asks, &to_email("p99@example.org"), &TERMS).await, "für heute genug");
    // So many open, whenever they were asked for.
    world.change("UPDATE mandate SET opened_at = 1").await;
    let otto_id = world.account(OTTO).await;
    let row = |number: u32| {
        format!(
            "('mdt_{number:026}', '{otto_id}', 'asked', 'own', '{{\"actions\":[],\"services\":\"all\"}}', 1, 1, FALSE, 'x', 1, \
             4000000000000, 1)"
        )
    };
    let rows: Vec<String> = (0..300).map(row).collect();
    world
        .change(&format!(
            "INSERT INTO mandate (id, opener, state, origin, scope, valid_from, valid_until, may_pass_on, opened_by,
                                  opened_at, expires_at, over_at) VALUES {}",
            rows.join(", ")
        ))
        .await;
    refused(
        &sends(&mut otto, asks, &to_email("p99@example.org"), &TERMS).await,
        "schon so viele Anfragen und Angebote offen",
    );
});

both!(sec_t06_an_answer_that_comes_late_is_none, async |world| {
    let (mut renate, mut otto) = people(&world).await;
    let id = id_of(&sends(&mut renate, "/vollmachten/neu", &to_email(OTTO), &TERMS).await);
    world.change("UPDATE mandate SET expires_at = 1").await;
    assert!(!otto.get("/vollmachten").await.body.contains("zu-beantworten"));
    assert_eq!(does(&mut otto, "/vollmachten", &id, "annehmen").await.status, 409);
    assert!(power_of(&world, &id, OTTO).await.is_none());
});

both!(sec_t06_of_two_who_answer_at_once_one_does, async |world| {
    let (mut renate, mut otto) = people(&world).await;
    for round in 0..3 {
        let id = id_of(&sends(&mut renate, "/vollmachten/neu", &to_email(OTTO), &TERMS).await);
        let page = format!("/vollmachten/{id}");
        otto.get(&page).await;
        renate.get(&page).await;
        let (mut one, mut two, mut back) = (otto.clone(), otto.clone(), renate.clone());
        let (first, second, withdrawn) = tokio::join!(
            one.post(&page, &[("aktion", "annehmen")]),
            two.post(&page, &[("aktion", "annehmen")]),
            back.post(&page, &[("aktion", "zurueckziehen")]),
        );
        let mut statuses = [first.status, second.status, withdrawn.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409, 409], "{round}");
        let state = world.texts(&format!("SELECT state FROM mandate WHERE id = '{id}'")).await;
        let expected = if withdrawn.status == 303 { "withdrawn" } else { "active" };
        assert_eq!(state, [expected]);
        assert_eq!(power_of(&world, &id, OTTO).await.is_some(), expected == "active");
        world.change(&format!("UPDATE mandate SET state = 'revoked', opened_at = 1 WHERE id = '{id}'")).await;
    }
});

both!(sec_t06_nothing_is_accepted_below_what_is_revoked_at_once, async |world| {
    let (mut renate, mut otto) = people(&world).await;
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let terms = [&TERMS[..], &[("weitergabe", "ja")]].concat();
    for round in 0..3 {
        let parent = given(&mut renate, &mut otto, &terms).await;
        let path = format!("/vollmachten/{parent}/weitergeben");
        let child = id_of(&sends(&mut otto, &path, &to_email(KURT), &TERMS).await);
        let (parent_page, child_page) = (format!("/vollmachten/{parent}"), format!("/vollmachten/{child}"));
        renate.get(&parent_page).await;
        kurt.get(&child_page).await;
        let (revoked, accepted) = tokio::join!(
            renate.post(&parent_page, &[("aktion", "beenden")]),
            kurt.post(&child_page, &[("aktion", "annehmen")]),
        );
        assert_eq!(revoked.status, 303, "{round}");
        assert!(accepted.status == 303 || accepted.status == 409, "{accepted:?}");
        assert!(power_of(&world, &child, KURT).await.is_none(), "{round}");
        world.change("UPDATE mandate SET opened_at = 1").await;
    }
});

async fn guardian(world: &World, terms: &Terms) -> Result<nutzerkonto::kernel::id::MandateId, Error> {
    let (ward, guardian) = (world.account(RENATE).await, world.account(OTTO).await);
    let mut work = world.app.begin(Actor::System("test")).await?;
    let id = record_guardian(&mut work, (&ward, &guardian), terms, "officer").await?;
    work.commit().await?;
    Ok(id)
}

both!(a_guardian_acts_without_being_asked, async |world| {
    let (mut renate, mut otto) = people(&world).await;
    let now = world.app.now();
    let scope = Scope { actions: [Action::Read].into(), services: Services::All };
    let terms = Terms { scope, from: now, until: now.plus(days(6 * 365)), may_pass_on: false };
    let id = guardian(&world, &terms).await.unwrap();
    let power = power_of(&world, &id, OTTO).await.unwrap();
    assert_eq!(power.principal, Party::Person(world.account(RENATE).await));
    assert!(renate.get(&format!("/vollmachten/{id}")).await.body.contains("Gericht"));
    for browser in [&mut renate, &mut otto] {
        assert_eq!(does(browser, "/vollmachten", &id, "beenden").await.status, 403, "a court ends it");
    }
    assert!(power_of(&world, &id, OTTO).await.is_some());
    for wrong in
        [Terms { until: now.plus(days(8 * 366)), ..terms.clone() }, Terms { may_pass_on: true, ..terms.clone() }]
    {
        assert!(matches!(guardian(&world, &wrong).await, Err(Error::Invalid(_))));
    }
});
