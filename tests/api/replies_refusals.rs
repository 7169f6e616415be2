//! Who does not answer, and what is not taken.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::postbox::renate;
use crate::support::authority::{Authority, MESSAGES, POSTBOX, decision};
use crate::support::browser::PASSWORD;
use crate::support::doors::connected;
use crate::support::postbox::{information, organisation};
use crate::support::reply::{FILLED, asking, form, free, page};
use crate::support::surface::{EMAIL, REPLY, two_services};
use crate::support::{Browser, World};

/// Neither read nor written there.
async fn is_refused(browser: &mut Browser, id: &str, status: u16) {
    let reply = format!("{}/{REPLY}", page(id));
    for path in [page(id), format!("{}/pruefen", page(id))] {
        assert_eq!(browser.get(&path).await.status, status, "{path}");
    }
    for path in [reply.clone(), format!("{reply}/nachweis")] {
        assert_eq!(browser.get(&path).await.status, 404, "{path}");
    }
    browser.get("/postfach").await;
    for act in ["pruefen", "speichern", "verwerfen", "unsinn"] {
        let answer = browser.post(&page(id), &[("feld-1", "Ja"), ("aktion", act)]).await;
        assert_eq!(answer.status, status, "{act}");
    }
    assert_eq!(browser.post(&format!("{}/pruefen", page(id)), &[("antwort", REPLY)]).await.status, status);
    assert_eq!(browser.post(&format!("{}/pruefen", page(id)), &[]).await.status, status);
}

async fn nothing_is_written(world: &World) {
    assert_eq!((world.rows("postbox_reply").await, world.rows("postbox_draft").await), (0, 0));
}

both!(sec_u01_nobody_answers_what_is_not_theirs, async |world| {
    let mut renate = renate(&world).await;
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Yılmaz"]).await;
    let renates = world.person(EMAIL).await;
    let id = world.provides("parken", &asking(renates.clone(), free())).await;
    is_refused(&mut emre, &id, 404).await;
    // What nobody has opened, what asks for nothing, and what has been deleted.
    is_refused(&mut renate, &id, 404).await;
    let silent = world.provides("parken", &information(renates, "Nur zur Kenntnis")).await;
    renate.does_with(&silent, "oeffnen").await;
    is_refused(&mut renate, &silent, 404).await;
    renate.does_with(&id, "oeffnen").await;
    renate.does_with(&id, "loeschen").await;
    is_refused(&mut renate, &id, 404).await;
    renate.does_with(&id, "zurueck").await;
    nothing_is_written(&world).await;
    // Her reply is not there for others, nor at another notice.
    let reply = renate.answers(&id, "Ja").await;
    for path in ["", "/nachweis"] {
        assert_eq!(emre.get(&format!("{}/{reply}{path}", page(&id))).await.status, 404);
        assert_eq!(renate.get(&format!("{}/{reply}{path}", page(&silent))).await.status, 404);
        assert_eq!(renate.get(&format!("{}/{reply}{path}", page(&id))).await.status, 200);
    }
    for guess in ["rep_", "x", "..%2F..", "msg_00000000000000000000000000"] {
        assert_eq!(renate.get(&format!("{}/{guess}", page(&id))).await.status, 404, "{guess}");
    }
    let mut nobody = world.browser();
    assert_eq!(nobody.get(&page(&id)).await.location(), format!("/anmelden?ziel=/postfach/{id}"), "back to its page");
    for csrf in ["", "x"] {
        for path in [page(&id), format!("{}/pruefen", page(&id))] {
            let form = [("csrf", csrf), ("feld-1", "Nein"), ("aktion", "speichern"), ("antwort", reply.as_str())];
            assert_eq!(renate.post_exactly(&path, &form).await.status, 403, "{path}");
        }
    }
});

both!(sec_u01_who_only_reads_does_not_answer, async |world| {
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, "kurt@example.org", ["Kurt", "Koch"]).await;
    let area = firm.adds_area(&mut nadine, "Bau").await;
    let kurts = world.joins(&firm, "kurt@example.org", &[&format!("read_mail:{area}")]).await;
    let id = world.provides("parken", &asking(organisation(&firm.id), free())).await;
    world.routes(&id, &area).await;
    let mut kurt = world.browser();
    kurt.sign_in("kurt@example.org", PASSWORD).await;
    kurt.acts_for(&kurts).await;
    kurt.does_with(&id, "oeffnen").await;
    is_refused(&mut kurt, &id, 403).await;
    for path in [format!("/postfach/{id}"), format!("/postfach/{id}/text")] {
        assert!(!kurt.get(&path).await.body.contains("id=\"antworten\""), "{path}");
    }
    nothing_is_written(&world).await;
});

both!(sec_u15_a_low_session_answers_nothing, async |world| {
    two_services(&world).await;
    let (mut renate, _) = world.somebody(EMAIL, ["Renate", "Muster"], Level::Substantial).await;
    let mut notice = asking(world.person(EMAIL).await, free());
    notice.level = Level::Substantial;
    let id = world.provides("parken", &notice).await;
    renate.does_with(&id, "oeffnen").await;
    let reply = renate.answers(&id, "Vertraulich").await;
    renate.writes(&id, &[("feld-1", "Entwurf")], "pruefen").await;
    let draft = renate.checks(&id).await;
    renate.get("/profil").await;
    renate.post("/abmelden", &[]).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    let back = format!("/postfach/{id}");
    for path in ["", "/pruefen", &format!("/{reply}"), &format!("/{reply}/nachweis")] {
        assert_eq!(renate.get(&format!("{}{path}", page(&id))).await.location(), back, "{path}");
    }
    assert_eq!(renate.writes(&id, &[("feld-1", "x")], "speichern").await.location(), back);
    assert_eq!(renate.sends(&id, &draft).await.location(), back);
    let locked = renate.get(&back).await.body;
    assert!(!locked.contains(&format!("antwort/{reply}")) && !locked.contains("id=\"antworten\""), "{locked}");
    assert_eq!((world.rows("postbox_reply").await, world.rows("postbox_draft").await), (1, 1));
});

both!(after_the_last_day_nothing_is_sent, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &asking(world.person(EMAIL).await, form())).await;
    renate.does_with(&id, "oeffnen").await;
    // Until midnight in Germany on 31 December.
    world.pass(days(38));
    renate.sign_in(EMAIL, PASSWORD).await;
    renate.writes(&id, &FILLED, "pruefen").await;
    let draft = renate.checks(&id).await;
    world.pass(std::time::Duration::from_secs(14 * 3600));
    renate.sign_in(EMAIL, PASSWORD).await;
    let over = renate.get(&page(&id)).await.body;
    assert!(over.contains("Antworten konnten Sie bis zum 31. Dezember 2026.") && !over.contains("<textarea"), "{over}");
    assert_eq!(renate.get(&format!("{}/pruefen", page(&id))).await.location(), page(&id));
    assert_eq!(renate.sends(&id, &draft).await.location(), page(&id));
    for act in ["pruefen", "speichern"] {
        let refused = renate.writes(&id, &FILLED, act).await;
        assert!(refused.status == 422 && refused.body.contains("id=\"vorbei\""), "{act}: {refused:?}");
    }
    assert_eq!(world.rows("postbox_reply").await, 0);
    let notice = renate.get(&format!("/postfach/{id}")).await.body;
    assert!(notice.contains("Antworten konnten Sie") && !notice.contains("id=\"antworten\""), "{notice}");
});

both!(what_is_wrong_is_told_at_its_field, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &asking(world.person(EMAIL).await, form())).await;
    renate.does_with(&id, "oeffnen").await;
    let long = "ä".repeat(201);
    let longer = "x".repeat(10_001);
    let wrong = [
        (("feld-1", ""), "„Welches Kennzeichen?“ fehlt noch.", "#feld-1"),
        (("feld-1", " \t\u{200B} "), "„Welches Kennzeichen?“ fehlt noch.", "#feld-1"),
        (("feld-1", long.as_str()), "höchstens 200 Zeichen", "#feld-1"),
        (("feld-2", "vielleicht"), "Wählen Sie eine der Antworten.", "#feld-2"),
        (("feld-3", "3"), "Wählen Sie eine der Antworten.", "#feld-3"),
        (("feld-3", "Strom"), "Wählen Sie eine der Antworten.", "#feld-3"),
        (("feld-4_monat", "13"), "Geben Sie Tag, Monat und Jahr an", "#feld-4_tag"),
        (("feld-4_jahr", ""), "Geben Sie Tag, Monat und Jahr an", "#feld-4_tag"),
        (("feld-5", longer.as_str()), "höchstens 10.000 Zeichen", "#feld-5"),
    ];
    for ((name, value), text, place) in wrong {
        let fields: Vec<_> = FILLED.iter().map(|&(one, old)| (one, if one == name { value } else { old })).collect();
        let refused = renate.writes(&id, &fields, "pruefen").await;
        assert_eq!(refused.status, 422, "{name}");
        assert!(refused.body.contains(text) && refused.body.contains(&format!("href=\"{place}\"")), "{name}: {text}");
        assert!(refused.body.contains(&format!("id=\"{}\"", place.trim_start_matches('#'))), "{place} is there");
    }
    assert_eq!(renate.writes(&id, &[("feld-5", longer.as_str())], "speichern").await.status, 422);
    assert_eq!(renate.writes(&id, &FILLED, "unsinn").await.status, 403);
    let huge = "x".repeat(70_000);
    assert_eq!(renate.writes(&id, &[("feld-5", huge.as_str())], "speichern").await.status, 413);
    nothing_is_written(&world).await;
});

both!(what_an_authority_asks_is_read_strictly, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    let token = authority.token(&world).await;
    let send = async |key: &str, reply: Value| {
        let mut notice = notice.clone();
        notice["reply"] = reply;
        authority.provides_at(&world.browser(), &token, key, &notice).await
    };
    let change = |member: &str, value: Value| {
        let mut asked = form();
        asked[member] = value;
        asked
    };
    let field = |member: &str, value: Value| {
        let mut asked = form();
        asked["fields"][0][member] = value;
        asked
    };
    let many: Vec<Value> = (0..21).map(|_| form()["fields"][0].clone()).collect();
    let wrong = [
        (change("label", json!("")), (422, "reply.label")),
        (change("label", json!("x".repeat(201))), (422, "reply.label")),
        (change("label", json!("Angaben\u{202E}")), (422, "reply.label")),
        (change("until", json!("2026-11-22")), (422, "reply.until")),
        (change("until", json!("bald")), (422, "reply.until")),
        (change("mode", json!("free")), (422, "reply.fields")),
        (change("mode", json!("brief")), (400, "")),
        (change("fields", json!([])), (422, "reply.fields")),
        (change("fields", json!(many)), (422, "reply.fields")),
        (change("frei", json!(true)), (400, "")),
        (field("name", json!("Kennzeichen")), (422, "reply.fields.name")),
        (field("name", json!("selbst")), (422, "reply.fields.name")),
        (field("label", json!(" ")), (422, "reply.fields.label")),
        (field("kind", json!("datei")), (400, "")),
        (field("options", json!(["a", "b"])), (422, "reply.fields.options")),
        (json!("ja"), (400, "")),
    ];
    for (reply, expected) in wrong {
        let answer = send("falsch", reply.clone()).await;
        let field = answer.json()["fields"][0]["field"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status, field.as_str()), expected, "{reply}");
    }
    assert_eq!(world.rows("postbox_message").await, 0);
});

both!(a_receipt_of_provision_covers_what_is_asked, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    let token = authority.token(&world).await;
    let send = async |key: &str, reply: Value| {
        let mut notice = notice.clone();
        notice["reply"] = reply;
        authority.provides_at(&world.browser(), &token, key, &notice).await
    };
    // Without it the hash is what it was; with it, it says so.
    let plain = send("ohne", Value::Null).await.json();
    let asking = send("mit", form()).await.json();
    let hash =
        |answer: &Value| crate::support::service::claims(answer["receipt"].as_str().unwrap())["content_sha256"].clone();
    let said = |name: &str| notice["short"][name].clone();
    let mut delivered = json!({
        "by_when": said("by_when"), "reference": notice["reference"], "subject": notice["subject"],
        "text": notice["text"], "to_do": said("to_do"), "what": said("what"),
    });
    let sha = |value: &Value| {
        json!(nutzerkonto::kernel::secret::hex(&nutzerkonto::kernel::secret::sha256(value.to_string().as_bytes())))
    };
    assert_eq!(hash(&plain), sha(&delivered));
    let mut full = form();
    for field in full["fields"].as_array_mut().unwrap() {
        for (member, default) in [("required", json!(false)), ("options", json!([]))] {
            if field[member].is_null() {
                field[member] = default;
            }
        }
    }
    delivered["reply"] = full;
    assert_eq!(hash(&asking), sha(&delivered));
});

both!(sec_u01_only_who_has_asked_gets_a_reply, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let mut notice = decision(&authority.knows(&world, &mut renate).await);
    notice["reply"] = free();
    let id = authority.provides(&world, "1", &notice).await.json()["id"].as_str().unwrap().to_owned();
    renate.does_with(&id, "oeffnen").await;
    let reply = renate.answers(&id, "Ja").await;
    let other = POSTBOX.replace("stadt", "kreis");
    let kreis = Authority {
        signer: crate::security_assertion::Signer::new("kreis"),
        service: crate::support::Service::new("wohngeld"),
    };
    let file = [
        authority.signer.declaration(POSTBOX),
        kreis.signer.declaration(&other),
        authority.service.declaration("sector = \"stadt\""),
    ];
    world.clients(&file.concat()).await;
    let (token, at) = (kreis.token(&world).await, world.browser());
    for path in [format!("/api/postbox/v1/replies/{reply}"), format!("{MESSAGES}/{id}/replies")] {
        assert_eq!(kreis.calls(&at, &token, (Method::GET, &path), None).await.status, 404, "{path}");
        let nobody = world.browser().get(&path).await;
        assert_eq!(nobody.status, 401, "{path}");
        let own = authority.token(&world).await;
        assert_eq!(authority.calls(&at, &own, (Method::GET, &path), None).await.status, 200, "{path}");
    }
    let own = authority.token(&world).await;
    for path in ["/api/postbox/v1/replies/rep_00000000000000000000000000", "/api/postbox/v1/replies/x"] {
        assert_eq!(authority.calls(&at, &own, (Method::GET, path), None).await.status, 404, "{path}");
    }
    // Taking what is another's takes nothing.
    let events = world.texts("SELECT id FROM postbox_event WHERE kind = 'replied'").await;
    let take = json!({ "ids": events });
    let path = "/api/postbox/v1/events/taken";
    assert_eq!(kreis.calls(&at, &token, (Method::POST, path), Some(&take)).await.json()["taken"], 0);
    assert_eq!(world.texts("SELECT id FROM postbox_reply WHERE taken_at IS NULL").await, [reply]);
});
