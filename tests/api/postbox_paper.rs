//! Paper instead: who does not want decisions electronically gets none, from the moment on when they have said so.

use nutzerkonto::organisation::acting::Party;
use serde_json::{Value, json};

use crate::acting_mandates::{Cast, cast};
use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::support::authority::{Authority, decision};
use crate::support::browser::{Answer, PASSWORD};
use crate::support::doors::connected;
use crate::support::mandate::ALL;
use crate::support::organisation::NADINE;
use crate::support::postbox::{self, organisation};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const PAPER: &str = "/postfach/papier";

impl Browser {
    /// Wants decisions of the office on paper: all of them, or those with a file number. Once what follows has been read.
    async fn wants_paper(&mut self, reference: &str) -> Answer {
        let wish = [("behoerde", "amt"), ("aktenzeichen", reference)];
        self.get(PAPER).await;
        let check = self.post(PAPER, &[&[("aktion", "pruefen")], wish.as_slice()].concat()).await;
        if check.status != 200 {
            return check;
        }
        let text = "Was schon im Postfach liegt, bleibt dort und gilt weiter.";
        assert!(check.body.contains(text) && check.hidden("behoerde") == "amt", "{}", check.body);
        self.post(PAPER, &[&[("aktion", "papier")], wish.as_slice()].concat()).await
    }

    async fn takes_back(&mut self, entry: &str) -> Answer {
        self.get(PAPER).await;
        self.post(PAPER, &[("aktion", "elektronisch"), ("eintrag", entry)]).await
    }
}

/// The ids of what comes on paper now.
async fn entries(world: &World) -> Vec<String> {
    world.texts("SELECT id FROM postbox_exclusion WHERE until IS NULL ORDER BY id").await
}

fn with_reference(notice: &Value, reference: Option<&str>) -> Value {
    let mut notice = notice.clone();
    notice["reference"] = json!(reference);
    notice
}

fn is_excluded(answer: &Answer) -> bool {
    let said = answer.json();
    answer.status == 422 && said["type"] == "postbox/excluded" && said["fields"][0]["field"] == "recipient"
}

both!(renate_takes_decisions_on_paper_and_back, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    assert!(renate.get(PAPER).await.body.contains("Noch keine Behörde kann Ihnen Bescheide"));
    let notice = decision(&authority.knows(&world, &mut renate).await);
    assert!(renate.get("/postfach").await.body.contains("href=\"/postfach/papier\""));
    let page = renate.get(PAPER).await.body;
    assert!(page.contains("Alle Bescheide kommen elektronisch") && page.contains("value=\"amt\""), "{page}");
    assert!(!page.contains("value=\"wohngeld\""), "it delivers nothing");
    let before = authority.provides(&world, "vorher", &notice).await;
    assert_eq!(before.status, 201);
    renate.get(PAPER).await;
    renate.post(PAPER, &[("aktion", "pruefen"), ("behoerde", "amt"), ("aktenzeichen", "")]).await;
    assert_eq!(world.rows("postbox_exclusion").await, 0, "who reads what follows has not chosen");
    let done = renate.wants_paper("").await;
    assert_eq!(done.location(), "/postfach/papier?erledigt=papier");
    let page = renate.follow(done).await.body;
    for text in ["Ab jetzt per Post.", "Alle Bescheide", "23. November 2026, 10:02 Uhr, Sie", "Wieder elektronisch"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert_eq!(authority.told(&world).await.iter().filter(|kind| *kind == "provided").count(), 1);
    assert!(is_excluded(&authority.provides(&world, "bescheid", &notice).await));
    let mut information = notice.clone();
    (information["kind"], information["legal_basis"]) = (json!("information"), json!("NONE"));
    information["remedy"] = Value::Null;
    let answer = authority.provides(&world, "mitteilung", &information).await;
    assert_eq!(answer.status, 201, "only decisions: {answer:?}");
    assert_eq!(world.rows("postbox_message").await, 2);
    renate.wants_paper("").await;
    let entry = entries(&world).await;
    assert_eq!((entry.len(), world.recorded("postbox.paper").await), (1, 1), "twice is once");
    let back = renate.takes_back(&entry[0]).await;
    let page = renate.follow(back).await.body;
    assert!(page.contains("Ab jetzt wieder elektronisch.") && page.contains("id=\"frueher\""), "{page}");
    assert_eq!(authority.provides(&world, "bescheid", &notice).await.status, 201, "the key was not used up");
    renate.takes_back(&entry[0]).await;
    assert_eq!(world.recorded("postbox.electronic").await, 1);
    let protocol = renate.get("/daten/protokoll?art=postfach").await.body;
    for text in ["Festgelegt: Bescheide kommen auf Papier", "Festgelegt: Bescheide kommen wieder elektronisch"] {
        assert!(protocol.contains(text), "{text}: {protocol}");
    }
});

both!(one_case_comes_on_paper, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    assert_eq!(renate.wants_paper("50.3-4711 b").await.status, 303);
    let provides = async |key: &str, reference: Option<&str>| {
        authority.provides(&world, key, &with_reference(&notice, reference)).await
    };
    for (number, spelled) in ["50.3-4711 b", "50.3 - 4711B", "50.3-4711b"].into_iter().enumerate() {
        assert!(is_excluded(&provides(&format!("nein-{number}"), Some(spelled)).await), "{spelled}");
    }
    for (number, other) in [Some("50.3-4711"), Some("503-4711 b"), None].into_iter().enumerate() {
        assert_eq!(provides(&format!("ja-{number}"), other).await.status, 201, "{other:?}");
    }
    assert!(renate.get(PAPER).await.body.contains("Bescheide zum Aktenzeichen 50.3-4711 b"));
    let key = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &key).await;
    let account: Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    let paper = &account["postbox"]["paper"][0];
    assert_eq!((&paper["client_id"], &paper["reference"]), (&json!("amt"), &json!("50.3-4711 b")));
    assert!(paper["until"].is_null() && account["postbox"]["calendar_since"].is_null());
    // The number stands nowhere as it is: not in the trail, and not in the row.
    let dump = world.dump().await;
    for table in ["audit_event", "postbox_exclusion"] {
        assert!(dump[table].iter().all(|row| !row.contains("50.3-4711")), "{table}");
    }
    assert_eq!(world.recorded("postbox.paper_case").await, 1);
    renate.takes_back(&entries(&world).await[0]).await;
    assert_eq!(world.recorded("postbox.electronic_case").await, 1);
    assert_eq!(provides("wieder", Some("50.3-4711 b")).await.status, 201);
});

both!(what_was_said_first_counts, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    let (token, node) = (authority.token(&world).await, world.second_node().await);
    let at = world.browser().at(node.running.address);
    renate.get(PAPER).await;
    let wish = [("aktion", "papier"), ("behoerde", "amt"), ("aktenzeichen", "")];
    let mut there = renate.at(node.running.address);
    let (one, other, provided) = tokio::join!(
        renate.post(PAPER, &wish),
        there.post(PAPER, &wish),
        authority.provides_at(&at, &token, "zugleich", &notice),
    );
    assert_eq!((one.status, other.status), (303, 303));
    assert!(provided.status == 201 || is_excluded(&provided), "{provided:?}");
    assert!(is_excluded(&authority.provides_at(&at, &token, "danach", &notice).await));
    assert_eq!((entries(&world).await.len(), world.recorded("postbox.paper").await), (1, 1));
    node.running.stop().await;
});

both!(sec_u01_what_is_wrong_changes_nothing, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    authority.knows(&world, &mut renate).await;
    let long = "9".repeat(101);
    let wrong = [
        ("pruefen", "wohngeld", ""),
        ("pruefen", "niemand", ""),
        ("pruefen", "", ""),
        ("pruefen", "amt", &long),
        ("papier", "amt", "12\u{202E}34"),
        ("papier", "wohngeld", ""),
        ("alles", "amt", ""),
    ];
    for (act, client, reference) in wrong {
        renate.get(PAPER).await;
        let fields = [("aktion", act), ("behoerde", client), ("aktenzeichen", reference)];
        let answer = renate.post(PAPER, &fields).await;
        assert_eq!(answer.status, 422, "{act} {client} {reference}");
        assert!(answer.body.contains("id=\"fehler\""), "{}", answer.body);
    }
    assert_eq!(world.rows("postbox_exclusion").await, 0);
    // What looks like markup is shown as it is.
    renate.wants_paper("<b>1</b>").await;
    let page = renate.get(PAPER).await.body;
    assert!(page.contains("&#60;b&#62;1&#60;/b&#62;") && !page.contains("<b>1</b>"), "{page}");
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Yılmaz"]).await;
    let entry = entries(&world).await.remove(0);
    emre.takes_back(&entry).await;
    for nothing in ["", "x", "exc_00000000000000000000000000"] {
        renate.takes_back(nothing).await;
    }
    assert_eq!((entries(&world).await, world.recorded("postbox.electronic_case").await), (vec![entry], 0));
});

both!(thirty_cases_are_enough, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    authority.knows(&world, &mut renate).await;
    let owner = world.account(EMAIL).await;
    let rows: Vec<String> =
        (0..29).map(|number| format!("('x{number}', '{owner}', 'amt', 'h{number}', 1, '{owner}')")).collect();
    world
        .change(&format!(
            "INSERT INTO postbox_exclusion (id, owner, client_id, case_hash, since, since_by) VALUES {}",
            rows.join(", ")
        ))
        .await;
    assert_eq!(renate.wants_paper("1").await.status, 303);
    let refused = renate.wants_paper("2").await;
    assert!(refused.status == 422 && refused.body.contains("Mehr als 30 Aktenzeichen"), "{}", refused.body);
    let page = renate.get(PAPER).await;
    assert!(page.body.len() < 30_720, "{} bytes", page.body.len());
    assert_eq!(renate.wants_paper("").await.status, 303, "all of them is always possible");
});

both!(nobody_chooses_paper_under_a_mandate, async |world| {
    let authority = Authority::opens(&world).await;
    let Cast { mut renate, mut nadine, mandate, .. } = cast(&world, ALL).await;
    authority.knows(&world, &mut renate).await;
    nadine.acts_for(&mandate).await;
    assert_eq!(nadine.get(PAPER).await.status, 403);
    assert!(!nadine.get("/postfach").await.body.contains(PAPER));
    let refused = nadine.post(PAPER, &[("aktion", "papier"), ("behoerde", "amt"), ("aktenzeichen", "")]).await;
    assert_eq!((refused.status, world.rows("postbox_exclusion").await), (403, 0));
});

both!(whoever_may_answer_for_the_bakery_chooses_for_it, async |world| {
    Authority::opens(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, "kurt@example.org", ["Kurt", "Koch"]).await;
    let kurts = world.joins(&firm, "kurt@example.org", &["read_mail:"]).await;
    world.provides("amt", &postbox::decision(organisation(&firm.id))).await;
    let mut kurt = world.browser();
    kurt.sign_in("kurt@example.org", PASSWORD).await;
    kurt.acts_for(&kurts).await;
    let page = kurt.get(PAPER).await.body;
    assert!(page.contains("Sie dürfen hier lesen.") && !page.contains("id=\"weiter\""), "{page}");
    let wish = [("aktion", "papier"), ("behoerde", "amt"), ("aktenzeichen", "")];
    assert_eq!((kurt.post(PAPER, &wish).await.status, world.rows("postbox_exclusion").await), (403, 0));
    nadine.acts_for(&world.membership(&firm.id, NADINE).await).await;
    assert_eq!(nadine.wants_paper("").await.status, 303);
    let page = kurt.get(PAPER).await.body;
    assert!(page.contains("Nadine Weber") && !page.contains("Wieder elektronisch"), "{page}");
    kurt.takes_back(&entries(&world).await[0]).await;
    assert_eq!(entries(&world).await.len(), 1, "who only reads takes nothing back");
    let protocol = nadine.get(&format!("/organisation/{}/protokoll?art=postfach", firm.id)).await.body;
    assert!(protocol.contains("Festgelegt: Bescheide kommen auf Papier"), "{protocol}");
    let own = Party::Person(world.account(NADINE).await);
    world.provides("amt", &postbox::decision(own)).await;
});
