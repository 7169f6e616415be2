//! The postbox: a notice is provided, seen, opened once, kept, and gone.

use std::time::Duration;

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use nutzerkonto::postbox::Kind;
use nutzerkonto::postbox::clock::LegalBasis;
use nutzerkonto::store::retention;

use crate::both;
use crate::personal_data::file;
use crate::support::browser::PASSWORD;
use crate::support::organisation::NADINE;
use crate::support::postbox::{SUBJECT, decision, information, organisation};
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, World};

pub async fn renate(world: &World) -> Browser {
    two_services(world).await;
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

both!(renate_gets_a_decision_and_opens_it_once, async |world| {
    let mut renate = renate(&world).await;
    assert!(renate.get("/postfach").await.body.contains("Sie haben keine Nachrichten."));
    let id = world.provides("parken", &decision(world.person(EMAIL).await)).await;
    let page = format!("/postfach/{id}");
    assert!(renate.get("/konto").await.body.contains("Postfach, 1 neue"));
    // 28 December: the 27th is a Sunday.
    let list = renate.get("/postfach").await.body;
    for text in [SUBJECT, "Stadt Musterhausen – Wohngeld", "Neu", "Frist: noch 35 Tage", "23. November 2026"] {
        assert!(list.contains(text), "{text}: {list}");
    }
    let detail = renate.get(&page).await;
    assert_eq!(detail.heading(), format!("<bdi>{SUBJECT}</bdi>"));
    for text in [
        "50-12/4711",
        "27. November 2026",
        "28. Dezember 2026",
        "§ 9 Abs. 1 OZG",
        "§ 70 Abs. 1 VwGO",
        "auch wenn Sie die Nachricht nicht öffnen",
        "Verbindlich ist der Text des Bescheids.",
        "An den Fristen ändert das nichts.",
    ] {
        assert!(detail.body.contains(text), "{text}: {}", detail.body);
    }
    assert!(!detail.body.contains("214 Euro") && !detail.body.contains("bewilligt"), "{}", detail.body);
    assert_eq!(renate.get(&format!("{page}/text")).await.location(), page, "nobody reads what is not open");
    assert_eq!(world.of_notice(&id, "opened_at").await, "");
    let opened = renate.does_with(&id, "oeffnen").await;
    assert_eq!((opened.status, opened.location()), (303, format!("{page}/text").as_str()));
    let text = renate.follow(opened).await.body;
    for words in
        ["Worum geht es?", "Sie müssen nichts tun.", "<p dir=\"auto\">Wir bewilligen Ihnen 214 Euro im Monat.</p>"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(world.of_notice(&id, "opened_by").await, world.account(EMAIL).await.to_string());
    assert_eq!(world.told(&id).await, ["opened", "provided"]);
    let history = renate.get(&page).await.body;
    assert!(history.contains("Zum ersten Mal geöffnet") && history.contains("<bdi>Sie</bdi>"), "{history}");
    assert!(!renate.get("/konto").await.body.contains("neue"));
    let protocol = renate.get("/daten/protokoll?art=postfach").await.body;
    for text in ["Hat eine Nachricht in das Postfach gelegt.", "Eine Nachricht im Postfach zum ersten Mal geöffnet."] {
        assert!(protocol.contains(text), "{text}: {protocol}");
    }
});

both!(the_first_opening_stays_for_ever, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &decision(world.person(EMAIL).await)).await;
    let node = world.second_node().await;
    renate.get(&format!("/postfach/{id}")).await;
    let path = format!("/postfach/{id}/oeffnen");
    let (mut here, mut there) = (renate.clone(), renate.at(node.running.address));
    let (one, other) = tokio::join!(here.post(&path, &[]), there.post(&path, &[]));
    assert_eq!((one.status, other.status), (303, 303));
    let first = world.of_notice(&id, "opened_at").await;
    world.pass(days(3));
    renate.sign_in(EMAIL, PASSWORD).await;
    renate.does_with(&id, "oeffnen").await;
    assert_eq!(world.of_notice(&id, "opened_at").await, first);
    assert_eq!(
        (world.recorded("postbox.opened").await, world.told(&id).await),
        (1, vec!["opened".into(), "provided".into()])
    );
    node.running.stop().await;
});

both!(what_is_provided_for_retrieval_begins_with_opening, async |world| {
    let mut renate = renate(&world).await;
    let mut notice = decision(world.person(EMAIL).await);
    notice.legal_basis = LegalBasis::Vwvfg41Retrieval;
    let (id, late) = (world.provides("parken", &notice).await, world.provides("parken", &notice).await);
    // A mail server has taken the notification.
    world.change("UPDATE postbox_message SET notified_at = provided_at, offer_ends_on = '2026-12-03'").await;
    let page = renate.get(&format!("/postfach/{id}")).await.body;
    for text in ["Steht noch nicht fest", "3. Dezember 2026 (noch 10 Tage)", "Mit dem Öffnen beginnt die Frist"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    renate.does_with(&id, "oeffnen").await;
    let page = renate.get(&format!("/postfach/{id}")).await.body;
    assert!(page.contains("24. November 2026") && page.contains("24. Dezember 2026"), "{page}");
    world.pass(days(11));
    renate.sign_in(EMAIL, PASSWORD).await;
    let lapsed = renate.get(&format!("/postfach/{late}")).await.body;
    assert!(lapsed.contains("Sie gilt nicht als bekannt gegeben") && !lapsed.contains("id=\"oeffnen\""), "{lapsed}");
    let refused = renate.does_with(&late, "oeffnen").await;
    assert_eq!(
        (refused.location(), world.of_notice(&late, "opened_at").await),
        (format!("/postfach/{late}").as_str(), String::new())
    );
});

both!(formal_service_is_acknowledged_once, async |world| {
    let mut renate = renate(&world).await;
    let mut notice = decision(world.person(EMAIL).await);
    notice.legal_basis = LegalBasis::Vwzg5;
    let (id, other) =
        (world.provides("parken", &notice).await, world.provides("parken", &decision(world.person(EMAIL).await)).await);
    assert_eq!(renate.does_with(&id, "bestaetigen").await.status, 404, "it has not been opened");
    renate.does_with(&id, "oeffnen").await;
    let page = renate.get(&format!("/postfach/{id}")).await.body;
    assert!(page.contains("Die Bestätigung lässt sich nicht zurücknehmen."), "{page}");
    let done = renate.does_with(&id, "bestaetigen").await;
    let page = renate.follow(done).await.body;
    assert!(page.contains("Sie haben den Empfang bestätigt.") && !page.contains("id=\"bestaetigen\""), "{page}");
    assert_eq!(world.of_notice(&id, "announced_on").await, "2026-11-23");
    renate.does_with(&id, "bestaetigen").await;
    assert_eq!((world.told(&id).await.len(), world.recorded("postbox.acknowledged").await), (3, 1));
    renate.does_with(&other, "oeffnen").await;
    assert_eq!(renate.does_with(&other, "bestaetigen").await.status, 404, "nothing is to be acknowledged there");
});

both!(renate_finds_what_she_looks_for, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    for number in 0..30 {
        world.pass(Duration::from_secs(1));
        world.provides("parken", &information(renates.clone(), &format!("Mitteilung {number:02}"))).await;
    }
    let id = world.provides("bibliothek", &decision(renates)).await;
    let first = renate.get("/postfach").await.body;
    assert!(first.contains("Nachrichten auf dieser Seite: 25. Neu: 25. Mit Frist: 1."), "{first}");
    assert!(first.contains("Mitteilung 29") && !first.contains("Mitteilung 05"), "{first}");
    assert!(first.len() <= 30 * 1024, "{} bytes", first.len());
    let next = first.split_once("id=\"weitere\" href=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let second = renate.get(&next).await.body;
    assert!(second.contains("Mitteilung 05") && second.contains("Mitteilung 00") && !second.contains("Mitteilung 06"));
    assert!(second.contains("Nachrichten auf dieser Seite: 6.") && !second.contains("id=\"weitere\""), "{second}");
    let running = renate.get("/postfach?frist=1").await.body;
    assert!(running.contains("Nachrichten auf dieser Seite: 1.") && running.contains(SUBJECT), "{running}");
    let library = renate.get("/postfach?absender=bibliothek").await.body;
    assert!(library.contains("Nachrichten auf dieser Seite: 1."), "{library}");
    renate.does_with(&id, "oeffnen").await;
    let unread = renate.get("/postfach?ungelesen=1&absender=bibliothek").await.body;
    assert!(unread.contains("Keine Nachricht passt zu dieser Auswahl."), "{unread}");
    let deadlines = renate.get("/postfach/fristen").await.body;
    assert!(deadlines.contains("28. Dezember 2026 (noch 35 Tage)") && deadlines.contains(SUBJECT), "{deadlines}");
    for odd in ["?seite=x", "?seite=1-2", "?ablage=%00", "?absender=%F0%9F%8D%9E", "?bereich=are_x"] {
        assert!([200, 400].contains(&renate.get(&format!("/postfach{odd}")).await.status), "{odd}");
    }
});

both!(a_calendar_learns_a_day_and_nothing_else, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    let mut notice = decision(renates.clone());
    notice.due_on = Some(time::macros::date!(2026 - 12 - 01));
    let (id, idle) =
        (world.provides("parken", &notice).await, world.provides("parken", &information(renates, "Info")).await);
    let file = renate.get(&format!("/postfach/{id}/frist.ics")).await;
    assert_eq!(file.header("content-type"), "text/calendar; charset=utf-8");
    assert!(file.header("cache-control").contains("no-store"), "{file:?}");
    for line in [
        "DTSTART;VALUE=DATE:20261201\r\nDTEND;VALUE=DATE:20261202\r\nSUMMARY:Frist in Ihrem Nutzerkonto\r\n",
        "DTSTART;VALUE=DATE:20261228\r\n",
        "TRIGGER:-P1D\r\n",
    ] {
        assert!(file.body.contains(line), "{line}: {}", file.body);
    }
    assert!(!file.body.contains("Wohngeld") && !file.body.contains("Stadt"), "{}", file.body);
    assert_eq!(world.of_notice(&id, "opened_at").await, "");
    assert_eq!(renate.get(&format!("/postfach/{idle}/frist.ics")).await.status, 404);
});

both!(renate_puts_away_and_deletes, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    let id = world.provides("parken", &decision(renates.clone())).await;
    let unread = world.provides("parken", &information(renates, "Nie geöffnet")).await;
    renate.does_with(&id, "oeffnen").await;
    renate.does_with(&id, "archiv").await;
    assert!(renate.get("/postfach?ablage=archiv").await.body.contains(SUBJECT));
    assert!(!renate.get("/postfach").await.body.contains(SUBJECT));
    renate.does_with(&id, "zurueck").await;
    let warning = renate.get(&format!("/postfach/{id}/loeschen")).await.body;
    assert!(warning.contains("läuft noch eine Frist bis 28. Dezember 2026"), "{warning}");
    for notice in [&id, &unread] {
        renate.does_with(notice, "loeschen").await;
    }
    assert_eq!(world.told(&id).await, ["deleted", "opened", "provided"]);
    let page = renate.get(&format!("/postfach/{id}")).await.body;
    assert!(page.contains("mindestens bis 23. Dezember 2026") && !page.contains("/text\""), "{page}");
    renate.does_with(&unread, "oeffnen").await;
    assert_eq!(world.of_notice(&unread, "opened_at").await, "", "first it has to come back");
    // Thirty days later, while the period runs; and when it is over.
    let clean = async || retention::run(&world.app.db, world.app.now()).await.unwrap();
    world.pass(days(31));
    clean().await;
    renate.sign_in(EMAIL, PASSWORD).await;
    assert!(!world.is_empty(&id).await && renate.get("/postfach?ablage=papierkorb").await.body.contains(SUBJECT));
    world.pass(days(4));
    clean().await;
    assert!(!world.is_empty(&id).await, "28 December is the last day");
    world.pass(days(1));
    clean().await;
    assert!(world.is_empty(&id).await && !world.is_empty(&unread).await, "what nobody has opened stays");
    renate.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(renate.get(&format!("/postfach/{id}")).await.status, 410);
    renate.does_with(&unread, "zurueck").await;
    assert!(renate.get("/postfach").await.body.contains("Nie geöffnet"));
});

both!(a_copy_has_the_text_of_what_is_open, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    let mut strong = decision(renates.clone());
    strong.level = Level::Substantial;
    strong.head.subject = "Geheimes".to_owned();
    let opened = world.provides("parken", &decision(renates.clone())).await;
    world.provides("parken", &information(renates.clone(), "Ungelesen")).await;
    world.provides("parken", &strong).await;
    for number in 0..22 {
        world.provides("parken", &information(renates.clone(), &format!("Nummer {number}"))).await;
    }
    renate.does_with(&opened, "oeffnen").await;
    renate.does_with(&opened, "archiv").await;
    let key = crate::personal_data::asks(&mut renate).await;
    let (_, archive) = crate::personal_data::fetch(&renate, &key).await;
    let text = file(&archive, "postfach.json");
    let notices: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(notices.len(), 25);
    let with_text: Vec<_> = notices.iter().filter(|one| !one["text"].is_null()).collect();
    assert!(with_text.len() == 1 && with_text[0]["id"] == opened.as_str() && with_text[0]["opened_by_you"] == true);
    assert_eq!(with_text[0]["days"]["objection_ends_on"], "2026-12-28");
    assert!(text.contains("Ungelesen") && !text.contains("Geheimes"), "{text}");
    assert_eq!(world.recorded("postbox.opened").await, 1, "a copy opens nothing");
});

both!(with_the_account_goes_what_lies_in_it, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    let id = world.provides("parken", &decision(renates.clone())).await;
    world
        .change(&format!(
            "INSERT INTO postbox_exclusion (id, owner, client_id, case_hash, since, since_by) VALUES ('x', '{0}', 'parken', '', 1, '{0}')",
            renates.as_str()
        ))
        .await;
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert!(world.is_empty(&id).await);
    assert_eq!(
        (world.told(&id).await, world.rows("postbox_exclusion").await),
        (vec!["account_gone".into(), "provided".into()], 0)
    );
    nutzerkonto::data::leaving::tend(&world.app).await.unwrap();
    assert_eq!(world.told(&id).await.len(), 2, "told once");
});

both!(with_the_organisation_goes_what_lies_in_it, async |world| {
    two_services(&world).await;
    let (_, bakery) = world.nadine_with_bakery().await;
    let id = world.provides("parken", &decision(organisation(&bakery))).await;
    world.change(&format!("UPDATE organisation SET state = 'closing', erase_at = 1 WHERE id = '{bakery}'")).await;
    // The server's own job may have come first.
    nutzerkonto::data::closing::tend(&world.app).await.unwrap();
    for _ in 0..100 {
        if world.is_empty(&id).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(world.is_empty(&id).await);
    assert_eq!(world.told(&id).await, ["account_gone", "provided"]);
});

both!(what_is_kept_for_authorities_has_its_time, async |world| {
    let _renate = renate(&world).await;
    let id = world.provides("parken", &decision(world.person(EMAIL).await)).await;
    world.pass(days(30));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("postbox_request").await, 1, "30 days, exactly");
    world.pass(Duration::from_millis(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("postbox_request").await, 0);
    world.pass(days(400));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.told(&id).await, ["provided"], "what has not been taken is never deleted");
    let at = world.app.now().milliseconds() - 90 * 86_400_000 - 1;
    world.change(&format!("UPDATE postbox_event SET taken_at = {at}")).await;
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert!(world.told(&id).await.is_empty() && !world.is_empty(&id).await, "and the notice stays");
});

both!(the_bakery_has_a_postbox_of_its_own, async |world| {
    two_services(&world).await;
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let id = world.provides("parken", &decision(organisation(&bakery))).await;
    assert!(nadine.get("/postfach").await.body.contains("Sie haben keine Nachrichten."), "hers is another");
    assert_eq!(nadine.get(&format!("/postfach/{id}")).await.status, 404);
    nadine.acts_for(&world.membership(&bakery, NADINE).await).await;
    let page = nadine.get("/profil").await.body;
    assert!(page.contains("id=\"postfach-der-partei\" href=\"/postfach\">Postfach, 1 neue</a>"), "{page}");
    let list = nadine.get("/postfach").await.body;
    assert!(list.contains("Postfach von Bäckerei Weber GmbH") && list.contains(SUBJECT), "{list}");
    nadine.does_with(&id, "oeffnen").await;
    let protocol = nadine.get(&format!("/organisation/{bakery}/protokoll?art=postfach")).await.body;
    for text in ["Nadine Weber", "Eine Nachricht zum ersten Mal geöffnet", "Hat eine Nachricht in das Postfach gelegt"]
    {
        assert!(protocol.contains(text), "{text}: {protocol}");
    }
});

#[test]
fn only_a_decision_is_announced() {
    for kind in Kind::ALL {
        assert_eq!(kind.fits(LegalBasis::None), kind != Kind::Decision);
        assert_eq!(kind.fits(LegalBasis::Ozg9), kind == Kind::Decision);
    }
}
