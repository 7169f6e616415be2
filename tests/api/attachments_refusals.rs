//! Files that are not taken, notices that do not get theirs, and people to whom there is nothing.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::scan::{NotScanned, Patience, Place, Scanner};
use serde_json::json;

use crate::both;
use crate::security_assertion::Signer;
use crate::support::attachment::{FILES, NAME, enclosing, pdf};
use crate::support::authority::{Authority, POSTBOX};
use crate::support::browser::{Answer, PASSWORD};
use crate::support::clamd::{Clamd, Mood, eicar};
use crate::support::doors::connected;
use crate::support::surface::EMAIL;
use crate::support::{Service, World};

/// Status, type of the problem, its field and what it is.
fn refusal(answer: &Answer) -> (u16, String, String, String) {
    let said = answer.json();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (answer.status, text(&said["type"]), text(&said["fields"][0]["field"]), text(&said["fields"][0]["problem"]))
}

fn refused(status: u16, kind: &str, field: &str, problem: &str) -> (u16, String, String, String) {
    (status, format!("postbox/{kind}"), field.to_owned(), problem.to_owned())
}

/// The name of a file, its bytes, and how it is refused.
type Case = (&'static str, Vec<u8>, (&'static str, &'static str, &'static str));

/// Nothing of whatever was refused is left.
async fn nothing_is_left(world: &World) {
    assert_eq!((world.rows("postbox_attachment").await, world.rows("postbox_upload").await), (0, 0));
    world.becomes("no file is left", async || world.files().is_empty()).await;
}

both!(sec_u05_what_is_not_one_of_a_few_kinds_is_not_taken, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let (token, at) = (authority.token(&world).await, world.browser());
    let zip = [b"PK\x03\x04".as_slice(), &[0; 40], b"PK\x05\x06", &[0; 18]].concat();
    let cases: [Case; 17] = [
        ("leer.pdf", vec![], ("attachment-refused", "file", "file_empty")),
        (
            "seite.txt",
            b"<!DOCTYPE html><script>alert(1)</script>".to_vec(),
            ("attachment-refused", "file", "file_type"),
        ),
        ("seite.pdf", b"<html></html>".to_vec(), ("attachment-refused", "file", "file_type")),
        ("seite.html", b"<html></html>".to_vec(), ("invalid", "name", "name_type")),
        ("bild.svg", b"<svg onload=\"alert(1)\"/>".to_vec(), ("invalid", "name", "name_type")),
        ("bild.xml", b"<?xml version=\"1.0\"?><svg/>".to_vec(), ("attachment-refused", "file", "file_type")),
        ("dtd.xml", b"<?xml version=\"1.0\"?><!DOCTYPE a><a/>".to_vec(), ("attachment-refused", "file", "file_xml")),
        ("brief.docm", zip.clone(), ("invalid", "name", "name_type")),
        ("brief.pdf", zip.clone(), ("attachment-refused", "file", "file_type")),
        ("brief.txt", zip.clone(), ("attachment-refused", "file", "file_type")),
        ("beides.pdf", [pdf(500), zip.clone()].concat(), ("attachment-refused", "file", "file_end")),
        (
            "beides.pdf",
            [b"%PDF-1.7\n", zip.as_slice(), b"\n%%EOF"].concat(),
            ("attachment-refused", "file", "file_two"),
        ),
        (
            "skript.pdf",
            [b"%PDF-1.7\n<< /S /JavaScript >>\n", pdf(500).as_slice()].concat(),
            ("attachment-refused", "file", "file_active"),
        ),
        ("programm.pdf", b"MZ\x90\0\x03\0\0\0".to_vec(), ("attachment-refused", "file", "file_type")),
        ("halb.pdf", pdf(500)[..400].to_vec(), ("attachment-refused", "file", "file_end")),
        ("latin.txt", b"Gr\xFC\xDFe".to_vec(), ("attachment-refused", "file", "file_type")),
        ("bild.png", pdf(500), ("attachment-refused", "file", "file_type")),
    ];
    for (name, bytes, (kind, field, problem)) in cases {
        let answer = authority.sends_at(&at, &token, (&subject, name), bytes).await;
        assert_eq!(refusal(&answer), refused(422, kind, field, problem), "{name}: {answer:?}");
    }
    nothing_is_left(&world).await;
    for (name, bytes, kind) in [
        ("Brief.txt", "Grüße".as_bytes().to_vec(), "text/plain"),
        ("daten.xml", b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><a/>".to_vec(), "application/xml"),
        ("Brief.PDF", pdf(500), "application/pdf"),
    ] {
        let answer = authority.sends_at(&at, &token, (&subject, name), bytes).await;
        assert_eq!((answer.status, &answer.json()["type"]), (201, &json!(kind)), "{answer:?}");
    }
});

both!(sec_u06_a_name_is_a_name, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let (token, at) = (authority.token(&world).await, world.browser());
    let long = format!("{}.pdf", "x".repeat(1024));
    for (name, problem) in [
        ("../../etc/passwd.pdf", "name_letters"),
        ("a\\b.pdf", "name_letters"),
        ("a\r\nSet-Cookie: b=c.pdf", "name_letters"),
        ("a\"; filename=\"b.exe.pdf", "name_letters"),
        ("Bescheid\u{202E}fdp.pdf", "name_letters"),
        ("\0.pdf", "name_letters"),
        ("...pdf", "name_letters"),
        ("NUL.pdf", "name_letters"),
        ("", "name_type"),
        (&long, "name_long"),
    ] {
        let answer = authority.sends_at(&at, &token, (&subject, name), pdf(500)).await;
        assert_eq!(refusal(&answer), refused(422, "invalid", "name", problem), "{name:?}");
    }
    for query in ["", "?subject=x", "?name=a.pdf", "?subject=x&name=a.pdf&owner=y", "?subject=%ff"] {
        let mut anybody = at.without_cookies();
        let request = anybody.request(reqwest::Method::POST, &format!("{FILES}{query}"));
        let answer = anybody.send(request.header("authorization", format!("Bearer {token}")).body(pdf(500))).await;
        assert_eq!(
            refusal(&answer).1,
            if answer.status == 400 { "postbox/malformed" } else { "postbox/unknown-recipient" },
            "{query}"
        );
        assert!([400, 422].contains(&answer.status), "{query}: {answer:?}");
    }
    nothing_is_left(&world).await;
});

both!(sec_u01_a_file_goes_where_it_was_sent_and_nowhere_else, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Yılmaz"]).await;
    let emres = authority.knows(&world, &mut emre).await;
    let sent = authority.has_sent(&world, &subject).await;
    let field = |answer: &Answer| refusal(answer);
    let expected = refused(422, "invalid", "attachments[0]", "attachment");
    // For somebody else, and what nobody has sent.
    assert_eq!(field(&authority.provides(&world, "1", &enclosing(&emres, &[&sent])).await), expected);
    for id in ["att_00000000000000000000000000", "", "msg_00000000000000000000000000", "att_' OR 1=1"] {
        assert_eq!(field(&authority.provides(&world, "2", &enclosing(&subject, &[id])).await), expected, "{id}");
    }
    // Another program of the same authority, which sees the same subjects.
    let other = Authority { signer: Signer::new("kasse"), service: Service::new("wohngeld") };
    let file = [
        authority.signer.declaration(POSTBOX),
        other.signer.declaration(POSTBOX),
        authority.service.declaration("sector = \"stadt\""),
    ];
    world.clients(&file.concat()).await;
    assert_eq!(field(&other.provides(&world, "3", &enclosing(&subject, &[&sent])).await), expected);
    // One twice, and one of two that does not exist: the other one is not used up.
    let twice = authority.provides(&world, "4", &enclosing(&subject, &[&sent, &sent])).await;
    assert_eq!(field(&twice), refused(422, "invalid", "attachments[1]", "attachment_twice"));
    let half = authority.provides(&world, "5", &enclosing(&subject, &[&sent, "att_00000000000000000000000000"])).await;
    assert_eq!(field(&half), refused(422, "invalid", "attachments[1]", "attachment"));
    let many: Vec<String> = (0..21).map(|number| format!("att_{number:026}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refusal_of_many = field(&authority.provides(&world, "6", &enclosing(&subject, &many)).await);
    assert_eq!(refusal_of_many, refused(422, "invalid", "attachments", "attachments_many"));
    assert_eq!(world.rows("postbox_message").await, 0);
    assert_eq!(authority.provides(&world, "7", &enclosing(&subject, &[&sent])).await.status, 201);
    assert_eq!(field(&authority.provides(&world, "8", &enclosing(&subject, &[&sent])).await), expected, "used");
});

both!(a_seal_is_what_the_authority_says_of_a_pdf, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let sent = authority.sends(&world, (&subject, "Brief.txt"), b"Hallo".to_vec()).await.json()["id"].clone();
    let with = |seal: serde_json::Value| {
        let mut notice = enclosing(&subject, &[sent.as_str().unwrap()]);
        notice["attachments"][0]["seal"] = seal;
        notice
    };
    for (seal, status, problem) in [
        (json!({ "kind": "qualified", "by": "Stadt" }), 422, "seal_pdf"),
        (json!({ "kind": "qualified", "by": "" }), 422, "missing"),
        (json!({ "kind": "qualified", "by": "x".repeat(201) }), 422, "too_long"),
        (json!({ "kind": "qualified", "by": "Stadt\u{202E}" }), 422, "characters"),
        (json!({ "kind": "golden", "by": "Stadt" }), 400, ""),
        (json!({ "kind": "qualified", "by": "Stadt", "checked": true }), 400, ""),
    ] {
        let answer = authority.provides(&world, "1", &with(seal.clone())).await;
        assert_eq!((answer.status, refusal(&answer).3.as_str()), (status, problem), "{seal}");
    }
    assert_eq!(world.rows("postbox_message").await, 0);
    assert_eq!(authority.provides(&world, "1", &with(serde_json::Value::Null)).await.status, 201, "it is not used up");
});

both!(sec_u01_somebody_elses_file_is_not_there, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Yılmaz"]).await;
    let emres = authority.knows(&world, &mut emre).await;
    let mut made = Vec::new();
    for (key, who) in [("1", &subject), ("2", &subject), ("3", &emres)] {
        let sent = authority.has_sent(&world, who).await;
        let answer = authority.provides(&world, key, &enclosing(who, &[&sent])).await;
        made.push((answer.json()["id"].as_str().unwrap().to_owned(), sent));
    }
    renate.does_with(&made[0].0, "oeffnen").await;
    emre.does_with(&made[2].0, "oeffnen").await;
    let path = |message: &str, file: &str| format!("/postfach/{message}/anlagen/{file}");
    assert_eq!(renate.fetches(&path(&made[0].0, &made[0].1)).await.0, 200);
    // His file in her notice, hers in his, one of a notice that nobody has opened, under one that she has; and guesses.
    for (message, file) in [
        (&made[0].0, made[2].1.as_str()),
        (&made[2].0, made[2].1.as_str()),
        (&made[2].0, made[0].1.as_str()),
        (&made[1].0, made[1].1.as_str()),
        (&made[0].0, made[1].1.as_str()),
        (&made[0].0, "att_00000000000000000000000000"),
        (&made[0].0, "x"),
        (&made[0].0, "..%2F..%2Fetc%2Fpasswd"),
    ] {
        let (status, headers, body) = renate.fetches(&path(message, file)).await;
        assert_eq!(status, 404, "{message} {file}");
        assert!(!headers.contains_key("content-disposition") && !body.starts_with(b"%PDF"), "{message} {file}");
    }
    let nobody = world.browser();
    let (status, headers, _) = nobody.fetches(&path(&made[0].0, &made[0].1)).await;
    assert_eq!(
        (status, headers["location"].to_str().unwrap()),
        (303, format!("/anmelden?ziel=/postfach/{}", made[0].0).as_str())
    );
    assert_eq!(world.of_notice(&made[1].0, "opened_at").await, "");
});

both!(sec_u15_a_low_session_gets_no_file, async |world| {
    let authority = Authority::opens(&world).await;
    let (mut renate, _key) = world.somebody(EMAIL, ["Renate", "Muster"], Level::Substantial).await;
    let subject = authority.knows(&world, &mut renate).await;
    let sent = authority.has_sent(&world, &subject).await;
    let mut notice = enclosing(&subject, &[&sent]);
    notice["level"] = json!("substantial");
    let message = authority.provides(&world, "1", &notice).await.json()["id"].as_str().unwrap().to_owned();
    renate.does_with(&message, "oeffnen").await;
    let path = format!("/postfach/{message}/anlagen/{sent}");
    assert_eq!(renate.fetches(&path).await.0, 200);
    renate.get("/profil").await;
    renate.post("/abmelden", &[]).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    let locked = renate.get(&format!("/postfach/{message}")).await.body;
    assert!(locked.contains("Anlagen: 1.") && !locked.contains("Wohngeld"), "{locked}");
    let (status, headers, _) = renate.fetches(&path).await;
    assert_eq!(
        (status, headers["location"].to_str().unwrap()),
        (303, format!("/anmelden/niveau?ziel=/postfach/{message}").as_str())
    );
});

both!(sec_u02_only_an_authority_sends_files_and_only_to_people_it_knows, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let nobody = world.browser().without_cookies().post_exactly(FILES, &[]).await;
    assert_eq!((nobody.status, nobody.header("www-authenticate").is_empty()), (401, false));
    for token in ["", "unsinn"] {
        assert_eq!(
            authority.sends_at(&world.browser(), token, (&subject, NAME), pdf(500)).await.status,
            401,
            "{token}"
        );
    }
    let unknown = authority.sends(&world, ("niemand", NAME), pdf(500)).await;
    assert_eq!(refusal(&unknown), refused(422, "unknown-recipient", "recipient", "recipient_unknown"));
    world.change("UPDATE account SET status = 'locked'").await;
    let closed = authority.sends(&world, (&subject, NAME), pdf(500)).await;
    assert_eq!((closed.status, &closed.json()["type"]), (410, &json!("postbox/closed")), "{closed:?}");
    nothing_is_left(&world).await;
});

both!(sec_v03_a_file_has_25_mebibytes_and_a_day_has_an_end, async |world| {
    let few = POSTBOX.replace("\"RP\" }", "\"RP\", attachment_mebibytes_per_day = 26 }");
    let authority = Authority::opens_with(&world, &few, "sector = \"stadt\"").await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let long = authority.sends(&world, (&subject, NAME), pdf(25 * 1024 * 1024 + 1)).await;
    assert_eq!(long.status, 413, "{long:?}");
    nothing_is_left(&world).await;
    assert_eq!(authority.sends(&world, (&subject, NAME), pdf(25 * 1024 * 1024)).await.status, 201);
    let second = authority.sends(&world, (&subject, NAME), pdf(1024 * 1024 + 1)).await;
    assert_eq!((second.status, second.header("retry-after").is_empty()), (429, false), "{second:?}");
    world.becomes("nothing of it is left", async || world.files().len() == 1).await;
    assert_eq!(authority.sends(&world, (&subject, NAME), pdf(1024 * 1024)).await.status, 201);
    assert_eq!(authority.sends(&world, (&subject, NAME), pdf(500)).await.status, 429, "refused before it comes");
    world.pass(std::time::Duration::from_secs(24 * 3600));
    assert_eq!(authority.sends(&world, (&subject, NAME), pdf(500)).await.status, 201);
});

both!(without_a_place_for_files_the_refusal_names_the_setting, async |mut world| {
    world.restart(|config| config.objects.directory = None).await;
    // With SQLite there always is one.
    if world.app.objects.are_kept() {
        return;
    }
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let answer = authority.sends(&world, (&subject, NAME), pdf(500)).await;
    assert_eq!((answer.status, &answer.json()["type"]), (501, &json!("postbox/attachments-not-kept")), "{answer:?}");
    assert!(answer.json()["detail"].as_str().unwrap().contains("objects.directory"), "{answer:?}");
});

both!(sec_u05_what_the_scanner_finds_is_not_kept, async |mut world| {
    let clamd = Clamd::open(Mood::Working).await;
    world.restart(|config| config.objects.scan = Some(clamd.place.clone())).await;
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let virus = authority.sends(&world, (&subject, "Brief.txt"), eicar().into_bytes()).await;
    assert_eq!(refusal(&virus), refused(422, "attachment-refused", "file", "infected"), "{virus:?}");
    assert!(virus.json()["detail"].as_str().unwrap().contains("Win.Test.EICAR_HDB-1"), "{virus:?}");
    nothing_is_left(&world).await;
    let known = world.texts("SELECT detail FROM audit_event WHERE kind = 'client.attachment_refused'").await;
    assert_eq!(known, ["{\"finding\":\"Win.Test.EICAR_HDB-1\"}"]);
    // In the middle of a long file, too; and the scanner sees every byte of what is clean.
    let mut long = pdf(1_000_000);
    long.splice(500_000..500_000, eicar().into_bytes());
    assert_eq!(refusal(&authority.sends(&world, (&subject, NAME), long).await).3, "infected");
    let clean = authority.sends(&world, (&subject, NAME), pdf(1_000_000)).await;
    assert_eq!((clean.status, &clean.json()["scan"]), (201, &json!("clean")), "{clean:?}");
    assert!(clamd.seen().last().unwrap() == &pdf(1_000_000));
    let sent = clean.json()["id"].as_str().unwrap().to_owned();
    let message = authority.provides(&world, "1", &enclosing(&subject, &[&sent])).await.json()["id"].clone();
    renate.does_with(message.as_str().unwrap(), "oeffnen").await;
    let text = renate.get(&format!("/postfach/{}/text", message.as_str().unwrap())).await.body;
    assert!(text.contains("Ein Virenscanner hat nichts gefunden."), "{text}");
});

both!(without_an_answer_of_the_scanner_nothing_is_taken, async |mut world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let (leaving, small) = (Clamd::open(Mood::Leaving).await, Clamd::open(Mood::Small).await);
    for place in ["tcp:127.0.0.1:1", leaving.place.as_str(), small.place.as_str(), "unix:/nowhere/clamd.ctl"] {
        world.restart(|config| config.objects.scan = Some(place.to_owned())).await;
        let answer = authority.sends(&world, (&subject, NAME), pdf(100_000)).await;
        assert_eq!(
            (answer.status, &answer.json()["type"]),
            (503, &json!("postbox/not-scanned")),
            "{place}: {answer:?}"
        );
        assert_eq!(answer.header("retry-after"), "30", "{place}");
        nothing_is_left(&world).await;
    }
});

#[tokio::test]
async fn a_silent_scanner_is_not_waited_for() {
    let clamd = Clamd::open(Mood::Silent).await;
    let mut scanner = Scanner::new(Place::parse(&clamd.place).unwrap());
    let short = std::time::Duration::from_millis(100);
    scanner.patience = Patience { connect: short * 10, piece: short * 10, answer: short };
    let mut scanning = scanner.begin().await.unwrap();
    scanning.send(b"a").await.unwrap();
    scanning.send(b"").await.unwrap();
    assert!(matches!(scanning.finish().await, Err(NotScanned::TooSlow)));
    assert_eq!(clamd.seen(), [b"a"]);
}
