//! The client of an eID-Server against the simulated one: over mutual TLS, signed both ways. Attack rows of group Y.

use std::time::Duration;

use nutzerkonto::config::{self, Config, SecretSource};
use nutzerkonto::demo::eid::Files;
use nutzerkonto::demo::eid::cards::CARDS;
use nutzerkonto::demo::eid::server::CardRead;
use nutzerkonto::eid::envelope::seal;
use nutzerkonto::eid::signature::Signer;
use nutzerkonto::eid::{EidServer, Failure, Reading, Returned};
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::random::Random;
use nutzerkonto::kernel::secret::Secret;
use nutzerkonto::kernel::time::{Timestamp, minutes};

use crate::support::card::{Authority, dns};
use crate::support::eid::{Eid, Liar, Lie, Tokens, files, listener, open, settings};
use crate::support::world::START;

/// What came of asking, in a line.
fn told(reading: &Result<Reading, Failure>) -> String {
    match reading {
        Ok(Reading::NotYet) => "not yet".to_owned(),
        Ok(Reading::Refused(refusal)) => format!("refused: {refusal:?}"),
        Ok(Reading::Read(card)) => {
            let name = [&card.person.given_names, &card.person.family_name].map(|name| name.as_deref().unwrap_or("·"));
            let (date, kind) =
                (card.person.birth_date.to_text(), format!("{:?} {:?}", card.document_type, card.eid_type));
            format!("{} {} {date}, {kind}, {}", name[0], name[1], card.loa.name())
        }
        Err(failure) => format!("failed: {failure}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_read_and_its_result_given_once() {
    let eid = Eid::start();
    let begun = eid.begin().await;
    assert!(begun.server_address.starts_with("https://localhost:") && begun.session.expose() != &begun.psk_id);
    assert_eq!(told(&eid.result(&begun, 1).await), "not yet");
    assert_eq!(told(&eid.result(&begun, 2).await), "not yet");
    let location = eid.activate(&begun, "card:erika").await;
    assert_eq!(location, "/zurueck?lauf=1&ResultMajor=ok");
    let Ok(Reading::Read(card)) = eid.result(&begun, 3).await else { panic!("not read") };
    assert_eq!((card.person.family_name.as_deref(), card.loa), (Some("MUSTERMANN"), Level::High));
    assert_eq!(told(&eid.result(&begun, 4).await), "refused: SessionGone", "the result is given once");
    eid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_test_card_says_what_it_is_there_for() {
    let eid = Eid::start();
    let mut lines = Vec::new();
    for card in &CARDS {
        let (returned, reading) = eid.run(&format!("card:{}", card.key)).await;
        lines.push(format!("{:16} {:12} {}", card.key, format!("{:?}", returned.unwrap()), told(&reading)));
    }
    for choice in ["cancelled", "wrong-pin", "timeout", "no-channel", "server-error", "card:unknown"] {
        let (returned, reading) = eid.run(choice).await;
        lines.push(format!("{choice:16} {:12} {}", format!("{:?}", returned.unwrap()), told(&reading)));
    }
    insta::assert_snapshot!(lines.join("\n"));
    eid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_card_of_the_same_person_has_another_pseudonym() {
    let eid = Eid::start();
    let mut ids = Vec::new();
    for key in ["renate", "renate", "renate-neu"] {
        let (_, Ok(Reading::Read(card))) = eid.run(&format!("card:{key}")).await else { panic!("not read") };
        assert_eq!(card.person.birth_date.to_text(), "1959-05-12");
        ids.push(card.restricted_id);
    }
    assert!(ids[0] == ids[1] && ids[1] != ids[2] && ids[0].len() == 64);
    eid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_y05_a_run_ends_with_a_wrong_counter_or_after_five_minutes() {
    let eid = Eid::start();
    for counters in [[1, 1], [1, 3], [2, 3]] {
        let begun = eid.begin().await;
        let first = told(&eid.result(&begun, counters[0]).await);
        assert_eq!(first, if counters[0] == 1 { "not yet" } else { "refused: SessionGone" });
        assert_eq!(told(&eid.result(&begun, counters[1]).await), "refused: SessionGone");
    }
    let begun = eid.begin().await;
    eid.clock.advance(minutes(5));
    assert_eq!(told(&eid.result(&begun, 1).await), "refused: SessionGone");
    let unknown = Secret::new("0123456789abcdef0123456789abcdef".to_owned());
    let reading = eid.server.result(&unknown, 1, eid.clock.now(), &eid.random).await;
    assert_eq!(told(&reading), "refused: SessionGone");
    eid.stop().await;
}

/// What the simulated eID-Client tells counts only with the key of the run, and once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_y10_only_who_has_the_key_of_a_run_says_which_card_was_read() {
    let eid = Eid::start();
    let begun = eid.begin().await;
    let authority = reqwest::Certificate::from_pem(&std::fs::read(&eid.files.authority).unwrap()).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
    let tell = async |name: &str, psk: &str| {
        let read =
            CardRead { session_identifier: name.to_owned(), psk: psk.to_owned(), card: Some("erika".to_owned()) };
        http.post(&begun.server_address).json(&read).send().await.unwrap().status().as_u16()
    };
    assert_eq!(tell(&begun.psk_id, "00").await, 403);
    assert_eq!(tell(begun.session.expose(), begun.psk.expose()).await, 403, "the session is between the servers");
    assert_eq!(told(&eid.result(&begun, 1).await), "not yet");
    assert_eq!(tell(&begun.psk_id, begun.psk.expose()).await, 200);
    assert_eq!(tell(&begun.psk_id, begun.psk.expose()).await, 409);
    // The door for services stays shut without their certificate.
    let soap = begun.server_address.replace("/paos", "/eID");
    assert_eq!(http.post(soap).body("<a/>").send().await.unwrap().status().as_u16(), 403);
    eid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_y07_both_sides_insist_on_the_certificates_that_were_agreed_on() {
    let eid = Eid::start();
    let directory = eid.files.authority.parent().unwrap();
    let write = |name: &str, text: &str| {
        let file = directory.join(name);
        std::fs::write(&file, text).unwrap();
        Some(file)
    };
    let (stranger, authority) = (Authority::root().issue(&[dns("konto.localhost")], |_| {}), Authority::root());
    let (certificate, key) = (write("other.pem", &stranger.certificate), write("other.key", &stranger.key));
    let asked = async |settings: config::Eid| open(&settings).begin(START, &Random::seeded(3)).await.err().unwrap();
    // Our signature is another's.
    let other = config::Eid {
        signing_certificate_file: certificate.clone(),
        signing_key_file: key.clone(),
        ..eid.settings.clone()
    };
    assert_eq!(asked(other).await, Failure::ServerError("/common#internalError".to_owned()));
    // Our certificate for TLS is of an authority that the eID-Server does not know.
    let signing = (Some(eid.files.client_certificate.clone()), Some(eid.files.client_key.clone()));
    let other = config::Eid {
        certificate_file: certificate.clone(),
        key_file: key,
        signing_certificate_file: signing.0,
        signing_key_file: signing.1,
        ..eid.settings.clone()
    };
    assert_eq!(asked(other).await, Failure::NoAnswer);
    // Its certificate for TLS is of another authority than we were told.
    let other =
        config::Eid { authority_file: write("authority-2.pem", &authority.certificate), ..eid.settings.clone() };
    assert_eq!(asked(other).await, Failure::NoAnswer);
    // Its signature is not of the certificate that we were told.
    let other = config::Eid { server_certificate_file: certificate, ..eid.settings.clone() };
    assert!(matches!(asked(other).await, Failure::WrongSignature(_)));
    eid.stop().await;
}

fn signed(files: &Files, content: &str, at: Timestamp) -> String {
    let signer = Signer::read(&files.server_certificate, &files.server_key).unwrap();
    seal(content, &signer, at, &Random::seeded(4)).unwrap()
}

const ANSWER: &str = "<eid:useIDResponse xmlns:eid=\"http://bsi.bund.de/eID/\"><eid:Session>\
    <eid:ID>0123456789abcdef0123456789abcdef</eid:ID></eid:Session>\
    <eid:eCardServerAddress>https://localhost/paos</eid:eCardServerAddress>\
    <eid:PSK><eid:ID>1</eid:ID><eid:Key>0123456789abcdef0123456789abcdef</eid:Key></eid:PSK>\
    <dss:Result xmlns:dss=\"urn:oasis:names:tc:dss:1.0:core:schema\"><dss:ResultMajor>\
    http://www.bsi.bund.de/ecard/api/1.1/resultmajor#ok</dss:ResultMajor></dss:Result></eid:useIDResponse>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_y02_an_answer_that_is_not_signed_as_it_should_be_is_not_believed() {
    let truth = Liar::start(|files| Lie::of(signed(files, ANSWER, START)));
    assert!(truth.server.begin(START, &Random::seeded(9)).await.is_ok(), "what the lies are made of is believed");
    truth.stop().await;
    let body = |message: &str| {
        let start = message.find("<soapenv:Body").unwrap();
        message[start..message.find("</soapenv:Envelope>").unwrap()].to_owned()
    };
    type Change = fn(&str, &str) -> String;
    let lies: [(&str, Change); 7] = [
        ("another session", |message, _| message.replace("<eid:ID>0123", "<eid:ID>ffff")),
        ("no signature", |message, _| {
            let (before, rest) = message.split_once("<ds:Signature ").unwrap();
            format!("{before}{}", rest.split_once("</ds:Signature>").unwrap().1)
        }),
        ("no header", |_, body| {
            format!(
                "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\">{body}</soapenv:Envelope>"
            )
        }),
        ("two bodies, the forged one first", |message, body| {
            message.replace(body, &format!("{}{body}", body.replace("<eid:ID>0123", "<eid:ID>ffff")))
        }),
        ("two bodies, the forged one last", |message, body| {
            message.replace(body, &format!("{body}{}", body.replace("<eid:ID>0123", "<eid:ID>ffff")))
        }),
        ("the body in a header, a forged one in its place", |message, body| {
            let forged = body.replace("<eid:ID>0123", "<eid:ID>ffff").replace("wsu:Id=\"body-", "wsu:Id=\"x-");
            message.replace(body, &forged).replace("<wsse:Security ", &format!("<x>{body}</x><wsse:Security "))
        }),
        ("the body inside the signature", |message, body| {
            let forged = body.replace("<eid:ID>0123", "<eid:ID>ffff").replace("wsu:Id=\"body-", "wsu:Id=\"x-");
            let object = format!("<ds:Object>{body}</ds:Object></ds:Signature>");
            message.replace(body, &forged).replace("</ds:Signature>", &object)
        }),
    ];
    for (name, change) in lies {
        let liar = Liar::start(|files| {
            let message = signed(files, ANSWER, START);
            let changed = change(&message, &body(&message));
            assert_ne!(message, changed, "{name}");
            Lie::of(changed)
        });
        let failure = liar.ask().await;
        assert!(matches!(failure, Failure::WrongSignature(_)), "{name}: {failure:?}");
        liar.stop().await;
    }
    let liar = Liar::start(|files| {
        let other = Signer::read(&files.client_certificate, &files.client_key).unwrap();
        Lie::of(seal(ANSWER, &other, START, &Random::seeded(4)).unwrap())
    });
    let other = Failure::WrongSignature("not the signature of the certificate that was agreed on");
    assert_eq!(liar.ask().await, other, "another key");
    liar.stop().await;
    for at in [START.minus(minutes(6)), START.plus(minutes(6))] {
        let liar = Liar::start(|files| Lie::of(signed(files, ANSWER, at)));
        assert_eq!(liar.ask().await, Failure::WrongSignature("a message of another time"));
        liar.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_y01_an_answer_that_is_no_plain_message_is_not_read() {
    let declared = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    type Tell<'a> = &'a dyn Fn(&Files) -> Lie;
    let lies: [(&str, Tell<'_>); 6] = [
        ("document type", &|files| Lie::of(format!("{declared}{}", signed(files, ANSWER, START)))),
        ("too long", &|files| {
            Lie::of(
                signed(files, ANSWER, START)
                    .replace("</soapenv:Header>", &format!("{}</soapenv:Header>", " ".repeat(300_000))),
            )
        }),
        ("not text", &|_| Lie::of(vec![0xFF; 100])),
        ("not XML", &|_| Lie::of("hello")),
        ("nothing", &|_| Lie::of("")),
        ("deep", &|_| Lie::of(format!("{}{}", "<a>".repeat(1000), "</a>".repeat(1000)))),
    ];
    for (name, lie) in lies {
        let liar = Liar::start(lie);
        let failure = liar.ask().await;
        assert!(matches!(failure, Failure::Malformed(_)), "{name}: {failure:?}");
        liar.stop().await;
    }
    // A fault is not signed; nor is a redirect followed.
    for status in [500, 403, 302, 307, 204] {
        let liar = Liar::start(|_| Lie { status, ..Lie::of("") });
        assert_eq!(liar.ask().await, Failure::ServerError(format!("status {status}")));
        liar.stop().await;
    }
}

/// Of forty at once thirty-two wait for their time, the others are told at once; another eID-Server answers meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "measures how long somebody waits")]
async fn sec_y06_a_server_that_hangs_delays_nobody_else() {
    let (liar, eid) = (Liar::start(|_| Lie { seconds: 30, ..Lie::of("") }), Eid::start());
    let start = std::time::Instant::now();
    let ask = |number: u64| {
        let server = liar.server.clone();
        tokio::spawn(async move { server.begin(START, &Random::seeded(number)).await.err().unwrap() })
    };
    let waiting: Vec<_> = (0..32).map(ask).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    for further in 32..40 {
        assert_eq!(ask(further).await.unwrap(), Failure::Busy);
    }
    assert!(start.elapsed() < Duration::from_millis(900), "told at once: {:?}", start.elapsed());
    eid.begin().await;
    for one in waiting {
        assert_eq!(one.await.unwrap(), Failure::NoAnswer);
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(liar.ask().await, Failure::NoAnswer, "and then the next may ask");
    // Where nobody listens, or somebody who never speaks.
    let (silent, port) = listener();
    let unreachable = settings(&eid.files, port, port);
    let silence = config::Eid { timeout_seconds: 1, ..unreachable.clone() };
    assert_eq!(open(&silence).begin(START, &eid.random).await.err(), Some(Failure::NoAnswer));
    drop(silent);
    liar.stop().await;
    eid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_eid_client_follows_the_guideline() {
    let eid = Eid::start();
    let client = &eid.settings.client_url;
    let (status, text, _) = eid.get(&eid.server.client_address("").status).await;
    assert!(status == 200 && text.contains("Specification-Title: TR-03124-1"), "{text}");
    assert_eq!(eid.get(&format!("{client}?ShowUI=PINManagement")).await.0, 200);
    let begun = eid.begin().await;
    let elsewhere = "https://boese.example/zurueck";
    let refused = async |token: &dyn Fn(&str) -> String, path: &str| {
        let tokens = Tokens::start(|own| token(own));
        let address = eid.server.client_address(&format!("{}{path}", tokens.origin)).desktop;
        let (status, _, location) = eid.get(&address).await;
        tokens.stop().await;
        (status, location.map(|location| location.replace(&tokens.origin, "")))
    };
    let good = |own: &str| eid.server.tc_token(&begun, &format!("{own}/zurueck"), &format!("{own}/fehler"));
    assert_eq!(refused(&good, "/token").await, (200, None));
    assert_eq!(refused(&good, "/weiter/4").await, (200, None));
    assert_eq!(refused(&good, "/weiter/9").await, (404, None), "redirects have an end");
    assert_eq!(refused(&good, "/nichts").await, (404, None));
    // The refresh address is of another origin: the error goes home, or nowhere.
    let away = |own: &str| eid.server.tc_token(&begun, elsewhere, &format!("{own}/fehler"));
    let error = Returned::CommunicationError.to_query();
    assert_eq!(refused(&away, "/token").await, (303, Some(format!("/fehler?{error}"))));
    assert_eq!(refused(&|_| eid.server.tc_token(&begun, elsewhere, elsewhere), "/token").await, (404, None));
    for bad in ["<TCTokenType/>", "<!DOCTYPE a><TCTokenType/>", "hello", "<x xmlns=\"urn:x\"/>"] {
        assert_eq!(refused(&|_| bad.to_owned(), "/token").await, (404, None), "{bad}");
    }
    for bad in [
        "?tcTokenURL=https%3A%2F%2Fexample.org%2F",
        "?tcTokenURL=x",
        "?tcTokenURL=file%3A%2F%2F%2Fetc%2Fpasswd",
        "?",
        "",
    ] {
        assert_eq!(eid.get(&format!("{client}{bad}")).await.0, 404, "{bad}");
    }
    eid.stop().await;
}

#[test]
fn settings_that_cannot_work_are_refused_at_the_start() {
    let files = files();
    let good = settings(&files, 1, 2);
    assert!(EidServer::open(&config::Eid::default()).unwrap().is_none() && EidServer::open(&good).unwrap().is_some());
    let why = |change: &dyn Fn(&mut config::Eid)| {
        let mut settings = good.clone();
        change(&mut settings);
        EidServer::open(&settings).err().unwrap_or_else(|| panic!("taken"))
    };
    let lines = [
        why(&|eid| eid.server_url = Some("http://eid.example/".to_owned())),
        why(&|eid| eid.server_url = Some("eid".to_owned())),
        why(&|eid| eid.client_url = "https://ausweis.example/".to_owned()),
        why(&|eid| eid.paos_url = Some("http://eid.example/".to_owned())),
        why(&|eid| eid.timeout_seconds = 11),
        why(&|eid| eid.timeout_seconds = 0),
        why(&|eid| eid.certificate_file = None),
        why(&|eid| eid.key_file = None),
        why(&|eid| eid.authority_file = None),
        why(&|eid| eid.server_certificate_file = None),
        why(&|eid| eid.signing_key_file = Some(files.client_key.clone())),
        why(&|eid| eid.key_file = Some(files.server_key.clone())),
        why(&|eid| eid.key_file = Some(files.client_certificate.clone())),
        why(&|eid| eid.server_certificate_file = Some(files.client_key.clone())),
        why(&|eid| eid.server_certificate_file = Some("/nowhere".into())),
    ];
    let directory = files.authority.parent().unwrap().display().to_string();
    insta::assert_snapshot!(lines.join("\n").replace(&directory, "DIR"));
}

/// With keys that everybody has, everybody could be anybody.
#[test]
fn sec_y08_the_simulated_server_is_refused_outside_loopback() {
    let files = files();
    let key = files.authority.parent().unwrap().join("master.key");
    std::fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let mut config = Config::parse("issuer = \"http://localhost:8080\"\n[mail]\ndirectory = \"/tmp\"").unwrap();
    config.keys.master_key = SecretSource(format!("file:{}", key.display()));
    config.eid = settings(&files, 1, 2);
    assert_eq!(nutzerkonto::app::check(&config), Ok(()));
    config.issuer = "https://konto.example".to_owned();
    let refused = nutzerkonto::app::check(&config).unwrap_err();
    assert_eq!(refused, "eid.server_certificate_file: the certificate from keys-dev is refused outside loopback");
}
