//! People answer notices: they write, go on writing, check, send once, and keep a copy; the authority reads and takes.

use nutzerkonto::kernel::secret::{hex, sha256};
use nutzerkonto::postbox::reply::receipt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::acting_mandates::{Cast, cast};
use crate::both;
use crate::postbox::renate;
use crate::support::authority::{Authority, MESSAGES, decision};
use crate::support::doors::connected;
use crate::support::mandate::ALL;
use crate::support::postbox::organisation;
use crate::support::reply::{FILLED, asking, form, free, page};
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, World};

/// A notice of the authority that asks for that, opened by whoever it is for.
async fn asked(world: &World, authority: &Authority, who: &mut Browser, reply: Value) -> String {
    let mut notice = decision(&authority.knows(world, who).await);
    (notice["kind"], notice["legal_basis"], notice["remedy"]) = (json!("request"), json!("NONE"), Value::Null);
    notice["reply"] = reply;
    let answer = authority.provides(world, "frage", &notice).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(who.does_with(&id, "oeffnen").await.status, 303);
    id
}

async fn get(world: &World, authority: &Authority, path: &str) -> crate::support::browser::Answer {
    let token = authority.token(world).await;
    authority.calls(&world.browser(), &token, (Method::GET, path), None).await
}

both!(renate_answers_a_form, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let id = asked(&world, &authority, &mut renate, form()).await;
    let notice = renate.get(&format!("/postfach/{id}")).await.body;
    for text in ["Angaben zum Fahrzeug", "Antworten können Sie bis zum 31. Dezember 2026.", "id=\"antworten\""] {
        assert!(notice.contains(text), "{text}: {notice}");
    }
    assert!(renate.get(&format!("/postfach/{id}/text")).await.body.contains("id=\"antworten\""));
    let empty = renate.get(&page(&id)).await.body;
    for text in ["Welches Kennzeichen?", "Seit wann? (freiwillig)", "<option value=\"2\">Strom</option>"] {
        assert!(empty.contains(text), "{text}: {empty}");
    }
    // A draft, which another node knows; nobody has got anything.
    let saved = renate.writes(&id, &FILLED[..2], "speichern").await;
    assert!(renate.follow(saved).await.body.contains("Ihr Entwurf ist gespeichert."));
    let node = world.second_node().await;
    let mut elsewhere = renate.at(node.running.address);
    let draft = elsewhere.get(&page(&id)).await.body;
    assert!(draft.contains("value=\"MZ-AB 12\"") && draft.contains("vom 23. November 2026"), "{draft}");
    assert!(elsewhere.get("/postfach").await.body.contains("<b>Entwurf</b>"));
    assert_eq!(world.rows("postbox_reply").await, 0);
    // It is not complete: every problem at its field, and the page keeps what was typed.
    assert_eq!(elsewhere.get(&format!("{}/pruefen", page(&id))).await.location(), page(&id));
    let refused = elsewhere.writes(&id, &[("feld-1", "MZ-AB 13"), ("feld-4_tag", "31")], "pruefen").await;
    assert_eq!(refused.status, 422);
    for text in ["<a href=\"#feld-2\">„Auf Sie zugelassen?“ fehlt noch.</a>", "#feld-3", "#feld-4_tag", "MZ-AB 13"]
    {
        assert!(refused.body.contains(text), "{text}: {}", refused.body);
    }
    assert!(elsewhere.get(&page(&id)).await.body.contains("MZ-AB 12"), "what is refused changes nothing");
    node.running.stop().await;
    // Everything is shown as it will be sent, with the warning against haste.
    let checked = renate.writes(&id, &FILLED, "pruefen").await;
    let check = renate.follow(checked).await;
    assert_eq!(check.heading(), "Prüfen Sie Ihre Antwort");
    for text in
        ["Prüfen Sie in Ruhe", "MZ-AB 12", "Strom", "3. Februar 2024", "Es ist &#60;b&#62;blau&#60;/b&#62;.</p>"]
    {
        assert!(check.body.contains(text), "{text}: {}", check.body);
    }
    let reply = check.hidden("antwort");
    let changed = renate.get(&page(&id)).await.body;
    assert!(changed.contains("<option value=\"2\" selected>Strom</option>") && changed.contains("value=\"2024\""));
    let sent = renate.sends(&id, &reply).await;
    assert_eq!(sent.location(), format!("{}/{reply}?erledigt=gesendet", page(&id)));
    let copy = renate.follow(sent).await.body;
    for text in ["Ihre Antwort ist gesendet.", "Ihre Antwort vom 23. November 2026", "MZ-AB 12", "Noch nicht"] {
        assert!(copy.contains(text), "{text}: {copy}");
    }
    assert_eq!((world.rows("postbox_draft").await, world.rows("postbox_reply").await), (0, 1));
    let notice = renate.get(&format!("/postfach/{id}")).await.body;
    assert!(notice.contains(&format!("<a href=\"{}/{reply}\">Ihre Antwort vom", page(&id))), "{notice}");
    assert!(renate.get("/postfach").await.body.contains("<b>Beantwortet</b>"));
    let protocol = renate.get("/daten/protokoll?art=postfach").await.body;
    assert!(protocol.contains("Auf eine Nachricht geantwortet."), "{protocol}");
});

both!(the_authority_reads_and_takes_a_reply, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let id = asked(&world, &authority, &mut renate, form()).await;
    renate.writes(&id, &FILLED, "pruefen").await;
    let reply = renate.checks(&id).await;
    renate.sends(&id, &reply).await;
    let events = get(&world, &authority, "/api/postbox/v1/events").await.json();
    let event = events["events"].as_array().unwrap().iter().find(|event| event["kind"] == "replied").unwrap().clone();
    assert_eq!((&event["reply"], &event["message"]), (&json!(reply), &json!(id)));
    let fields = json!({
        "kennzeichen": "MZ-AB 12", "selbst": true, "antrieb": "Strom", "seit": "2024-02-03",
        "bemerkung": "Es ist <b>blau</b>.\n\nUnd schnell.",
    });
    let hash = hex(&sha256(json!({ "fields": fields, "message": id }).to_string().as_bytes()));
    let got = get(&world, &authority, &format!("/api/postbox/v1/replies/{reply}")).await.json();
    let expected = json!({
        "id": reply, "message": id, "at": "2026-11-23T10:02:00+01:00", "mode": "form", "written_by": "owner",
        "fields": fields, "content_sha256": hash,
    });
    assert_eq!(got, expected);
    let all = get(&world, &authority, &format!("{MESSAGES}/{id}/replies")).await.json();
    assert_eq!(all, json!({ "replies": [expected] }));
    // It has been read, and not been taken.
    let copy = format!("{}/{reply}", page(&id));
    assert!(renate.get(&copy).await.body.contains("Noch nicht"));
    let token = authority.token(&world).await;
    let take = json!({ "ids": [event["id"]] });
    let path = "/api/postbox/v1/events/taken";
    let taken = authority.calls(&world.browser(), &token, (Method::POST, path), Some(&take)).await;
    assert_eq!(taken.json()["taken"], 1);
    let shown = renate.get(&copy).await.body;
    assert!(!shown.contains("Noch nicht") && shown.contains("id=\"abgeholt\">23. November 2026"), "{shown}");
    // Renate can prove what she has sent, and to whom.
    let file = renate.get(&format!("{copy}/nachweis")).await;
    assert_eq!(file.header("content-type"), "application/jwt");
    assert!(file.header("content-disposition").contains(&format!("nachweis-{reply}.jwt")));
    let keys = renate.get("/api/postbox/v1/receipt-keys").await.json();
    let keys = serde_json::from_value(keys).unwrap();
    let proven = receipt::verify(&file.body, &keys).unwrap();
    assert_eq!((proven.jti, proven.message, proven.client_id), (reply.clone(), id.clone(), "amt".to_owned()));
    assert_eq!((proven.sent_at.as_str(), proven.content_sha256), ("2026-11-23T10:02:00+01:00", hash.clone()));
    let kept: receipt::Kept = serde_json::from_value(got).unwrap();
    assert_eq!(kept.content_sha256(), hash);
    assert!(nutzerkonto::postbox::receipt::verify(&file.body, &keys).is_err(), "it is no proof of provision");
    let (head, tail) = file.body.rsplit_once('.').unwrap();
    assert!(receipt::verify(&format!("{head}x.{tail}"), &keys).is_err());
});

both!(a_free_reply_is_text_and_nothing_else, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let id = asked(&world, &authority, &mut renate, free()).await;
    let evil = "<img src=x onerror=alert(1)>\n\n</p><form action=\"https://evil.example\">\u{202E}gnuhcaN\u{200B}";
    let reply = renate.answers(&id, evil).await;
    let got = get(&world, &authority, &format!("/api/postbox/v1/replies/{reply}")).await.json();
    let text = "<img src=x onerror=alert(1)>\n\n</p><form action=\"https://evil.example\">gnuhcaN";
    assert_eq!((&got["text"], &got["mode"], &got["fields"]), (&json!(text), &json!("free"), &Value::Null));
    renate.writes(&id, &[("feld-1", evil)], "pruefen").await;
    for path in [page(&id), format!("{}/pruefen", page(&id)), format!("{}/{reply}", page(&id))] {
        let shown = renate.get(&path).await.body;
        assert!(shown.contains("&#60;img src=x onerror"), "{path}: {shown}");
        assert!(!shown.contains("<img") && !shown.contains("action=\"https://evil") && !shown.contains('\u{202E}'));
    }
    // Neither the draft nor what was sent stands anywhere in the open.
    let dump = format!("{:?}", world.dump().await);
    for word in ["onerror", &hex(b"onerror"), "Stellungnahme"] {
        assert!(!dump.contains(word), "{word}");
    }
    let discarded = renate.writes(&id, &[], "verwerfen").await;
    let notice = renate.follow(discarded).await.body;
    assert!(notice.contains("Der Entwurf ist verworfen.") && notice.contains(">Antworten</a>"), "{notice}");
});

both!(whoever_may_answer_for_the_bakery_does, async |world| {
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, "kurt@example.org", ["Kurt", "Koch"]).await;
    let area = firm.adds_area(&mut nadine, "Bau").await;
    let rights = [format!("read_mail:{area}"), format!("answer_mail:{area}")];
    let kurts = world.joins(&firm, "kurt@example.org", &[&rights[0], &rights[1]]).await;
    let id = world.provides("parken", &asking(organisation(&firm.id), free())).await;
    world.routes(&id, &area).await;
    let mut kurt = world.browser();
    kurt.sign_in("kurt@example.org", crate::support::browser::PASSWORD).await;
    kurt.acts_for(&kurts).await;
    kurt.does_with(&id, "oeffnen").await;
    let form = kurt.get(&page(&id)).await;
    assert!(form.body.contains("Sie antworten für Bäckerei Weber."), "{form:?}");
    let reply = kurt.answers(&id, "Wir sind einverstanden.").await;
    nadine.acts_for(&firm.membership).await;
    let copy = nadine.get(&format!("{}/{reply}", page(&id))).await.body;
    for text in ["<bdi>Kurt Koch</bdi>", "<h1>Antwort vom", "Wir sind einverstanden."] {
        assert!(copy.contains(text), "{text}: {copy}");
    }
    assert_eq!(world.texts("SELECT role FROM postbox_reply").await, ["member"]);
    assert_eq!(world.recorded("postbox.replied").await, 2, "the bakery's and his");
    let protocol = nadine.get(&format!("/organisation/{}/protokoll?art=postfach", firm.id)).await.body;
    assert!(protocol.contains("Auf eine Nachricht geantwortet") && protocol.contains("Kurt Koch"), "{protocol}");
    // What one begins the other does not see.
    kurt.writes(&id, &[("feld-1", "Noch etwas")], "speichern").await;
    assert!(!nadine.get(&page(&id)).await.body.contains("Noch etwas"));
    assert!(!nadine.get("/postfach").await.body.contains("<b>Entwurf</b>"));
    world.leaves(&kurts).await;
    assert_eq!(kurt.get(&page(&id)).await.status, 404);
});

both!(under_a_mandate_nothing_is_sent_when_it_has_ended, async |world| {
    two_services(&world).await;
    let Cast { mut renate, mut nadine, mandate, .. } = cast(&world, ALL).await;
    let id = world.provides("parken", &asking(world.person(EMAIL).await, free())).await;
    nadine.acts_for(&mandate).await;
    nadine.does_with(&id, "oeffnen").await;
    let reply = nadine.answers(&id, "Für Frau Muster").await;
    assert_eq!(world.texts("SELECT role FROM postbox_reply").await, ["mandate"]);
    assert_eq!(world.recorded("postbox.replied").await, 2, "one for each whom it concerns");
    let copy = renate.get(&format!("{}/{reply}", page(&id))).await.body;
    assert!(copy.contains("Jemand mit einer Vollmacht") && copy.contains("Für Frau Muster"), "{copy}");
    assert!(!copy.contains("Nadine"), "{copy}");
    let protocol = renate.get("/daten/protokoll?art=postfach").await.body;
    assert!(protocol.contains("Auf eine Nachricht geantwortet."), "{protocol}");
    nadine.writes(&id, &[("feld-1", "Noch etwas")], "pruefen").await;
    let draft = nadine.checks(&id).await;
    world.revokes(&world.account(EMAIL).await, &mandate).await;
    world.later();
    assert_eq!(nadine.sends(&id, &draft).await.status, 404);
    assert_eq!(world.rows("postbox_reply").await, 1);
});

both!(one_press_sends_once_wherever_it_arrives, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &asking(world.person(EMAIL).await, free())).await;
    renate.does_with(&id, "oeffnen").await;
    let node = world.second_node().await;
    renate.writes(&id, &[("feld-1", "Einmal")], "pruefen").await;
    let reply = renate.checks(&id).await;
    let (mut here, mut there) = (renate.clone(), renate.at(node.running.address));
    let (one, other) = tokio::join!(here.sends(&id, &reply), there.sends(&id, &reply));
    let expected = format!("{}/{reply}?erledigt=gesendet", page(&id));
    assert_eq!((one.location(), other.location()), (expected.as_str(), expected.as_str()));
    assert_eq!(renate.sends(&id, &reply).await.location(), expected, "and later");
    let counted = (world.rows("postbox_reply").await, world.of_notice(&id, "reply_count").await);
    assert_eq!(counted, (1, "1".to_owned()));
    assert_eq!((world.told(&id).await.len(), world.recorded("postbox.replied").await), (3, 1));
    // What another page has changed meanwhile is looked at again before it goes out.
    renate.writes(&id, &[("feld-1", "Erste Fassung")], "pruefen").await;
    let old = renate.checks(&id).await;
    renate.writes(&id, &[("feld-1", "Zweite Fassung")], "pruefen").await;
    assert_eq!(renate.sends(&id, &old).await.location(), format!("{}/pruefen", page(&id)));
    assert_eq!(world.rows("postbox_reply").await, 1);
    assert!(renate.get(&format!("{}/pruefen", page(&id))).await.body.contains("Zweite Fassung"));
    node.running.stop().await;
});

both!(of_two_tenth_replies_one_is_sent, async |world| {
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, "kurt@example.org", ["Kurt", "Koch"]).await;
    let kurts = world.joins(&firm, "kurt@example.org", &["read_mail:", "answer_mail:"]).await;
    let id = world.provides("parken", &asking(organisation(&firm.id), free())).await;
    nadine.acts_for(&firm.membership).await;
    nadine.does_with(&id, "oeffnen").await;
    let node = world.second_node().await;
    let mut kurt = world.browser();
    kurt.sign_in("kurt@example.org", crate::support::browser::PASSWORD).await;
    kurt.acts_for(&kurts).await;
    world.change("UPDATE postbox_message SET reply_count = 9").await;
    let mut drafts = Vec::new();
    for who in [&mut nadine, &mut kurt] {
        who.writes(&id, &[("feld-1", "Die zehnte")], "pruefen").await;
        drafts.push(who.checks(&id).await);
    }
    let (mut here, mut there) = (nadine.clone(), kurt.at(node.running.address));
    let (one, other) = tokio::join!(here.sends(&id, &drafts[0]), there.sends(&id, &drafts[1]));
    let closed = [&one, &other].into_iter().filter(|answer| answer.location() == page(&id)).count();
    assert_eq!((closed, world.rows("postbox_reply").await, world.rows("postbox_draft").await), (1, 1, 1));
    let full = nadine.get(&page(&id)).await.body;
    assert!(
        full.contains("Auf diese Nachricht sind 10 Antworten gesendet.") && !full.contains("id=\"feld-1\""),
        "{full}"
    );
    let eleventh = nadine.writes(&id, &[("feld-1", "Die elfte")], "pruefen").await;
    assert_eq!((eleventh.status, world.rows("postbox_reply").await), (422, 1));
    assert!(!nadine.get(&format!("/postfach/{id}")).await.body.contains("id=\"antworten\""));
    node.running.stop().await;
});
