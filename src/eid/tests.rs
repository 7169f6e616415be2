use proptest::prelude::*;

use super::message::{Accepted, DSS, EID, ERROR, MINOR, OK, read_begun, read_result};
use super::*;
use crate::kernel::time::Timestamp;

/// 2026-11-24T09:02:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_795_510_920);

fn body(name: &str, content: &str) -> String {
    format!(
        "<s:Body xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><eid:{name} xmlns:eid=\"{EID}\" xmlns:dss=\"{DSS}\">\
         {content}</eid:{name}></s:Body>"
    )
}

fn result(major: &str, minor: &str) -> String {
    let minor =
        if minor.is_empty() { String::new() } else { format!("<dss:ResultMinor>{MINOR}{minor}</dss:ResultMinor>") };
    format!("<dss:Result><dss:ResultMajor>{major}</dss:ResultMajor>{minor}</dss:Result>")
}

const DATA: &str = "<eid:DocumentType>ID</eid:DocumentType><eid:IssuingState>D</eid:IssuingState>\
    <eid:DateOfExpiry>2029-10-31</eid:DateOfExpiry><eid:GivenNames>ERIKA</eid:GivenNames>\
    <eid:FamilyNames>MUSTERMANN</eid:FamilyNames><eid:AcademicTitle></eid:AcademicTitle>\
    <eid:DateOfBirth><eid:DateString>19640812</eid:DateString><eid:DateValue>1964-08-12</eid:DateValue></eid:DateOfBirth>\
    <eid:PlaceOfBirth><eid:FreetextPlace>BERLIN</eid:FreetextPlace></eid:PlaceOfBirth><eid:Nationality>D</eid:Nationality>\
    <eid:BirthName>GABLER</eid:BirthName><eid:PlaceOfResidence><eid:StructuredPlace><eid:Street>HEIDESTRASSE 17</eid:Street>\
    <eid:City>KÖLN</eid:City><eid:Country>D</eid:Country><eid:ZipCode>51147</eid:ZipCode></eid:StructuredPlace>\
    </eid:PlaceOfResidence><eid:RestrictedID><eid:ID>01A4FB509CEBC6595151A4FB5F9C75C6</eid:ID></eid:RestrictedID>";

fn answer(data: &str, rest: &str) -> String {
    body("getResultResponse", &format!("<eid:PersonalData>{data}</eid:PersonalData>{rest}{}", result(OK, "")))
}

fn used(kind: &str) -> String {
    format!("<eid:EIDTypeResponse><eid:{kind}>USED</eid:{kind}></eid:EIDTypeResponse>")
}

fn read(body: &str) -> Result<Reading, Failure> {
    read_result(body, &Accepted { smart_eids: &[SmartEid::SeCertified], test_documents: false }, NOW)
}

#[track_caller]
fn card(data: &str) -> Card {
    match read(&answer(data, &used("CardCertified"))) {
        Ok(Reading::Read(card)) => *card,
        Ok(Reading::Refused(refusal)) => panic!("{refusal:?}"),
        Ok(Reading::NotYet) => panic!("not yet"),
        Err(failure) => panic!("{failure}"),
    }
}

#[track_caller]
fn refused(body: &str) -> Refusal {
    match read(body) {
        Ok(Reading::Refused(refusal)) => refusal,
        Ok(_) => panic!("read"),
        Err(failure) => panic!("{failure}"),
    }
}

#[track_caller]
fn failed(body: &str) -> Failure {
    match read(body) {
        Err(failure) => failure,
        Ok(_) => panic!("understood"),
    }
}

#[test]
fn a_card_is_read() {
    let text = serde_json::to_string_pretty(&card(DATA)).unwrap();
    insta::assert_snapshot!(text);
    assert!(serde_json::from_str::<Card>(&text).unwrap() == card(DATA), "and can be kept");
}

#[test]
fn what_may_be_missing_may_be_missing() {
    let read = card(&DATA.replace("<eid:GivenNames>ERIKA</eid:GivenNames>", "<eid:GivenNames/>"));
    assert_eq!((read.person.given_names, read.person.family_name.as_deref()), (None, Some("MUSTERMANN")));
    for nothing in ["-", " -- ", "+"] {
        assert_eq!(card(&DATA.replace("ERIKA", nothing)).person.given_names, None, "{nothing:?}");
    }
    let place = |content: &str| {
        let (before, _) = DATA.split_once("<eid:StructuredPlace>").unwrap();
        let (_, after) = DATA.split_once("</eid:StructuredPlace>").unwrap();
        card(&format!("{before}{content}{after}")).person.address
    };
    assert!(place("<eid:NoPlaceInfo>keine Hauptwohnung</eid:NoPlaceInfo>") == Address::None);
    assert!(place("<eid:FreetextPlace>Wien</eid:FreetextPlace>") == Address::Free("Wien".to_owned()));
    let village =
        "<eid:StructuredPlace><eid:City>Oberlauch</eid:City><eid:Country>D</eid:Country></eid:StructuredPlace>";
    let Address::Structured(village) = place(village) else { panic!("no place") };
    assert_eq!((village.street, village.postal_code, village.country.as_str()), (None, None, "DE"));
    for (code, country) in [("TUR", "TR"), ("XXA", "XXA"), ("D", "DE")] {
        let data = DATA.replace("<eid:Nationality>D", &format!("<eid:Nationality>{code}"));
        assert_eq!(card(&data).person.nationality.as_deref(), Some(country));
    }
}

#[test]
fn dates_of_birth_may_be_known_in_part() {
    let date = |text: &str| BirthDate::parse(text).map(BirthDate::to_text);
    for (text, known) in
        [("19640812", "1964-08-12"), ("196408  ", "1964-08"), ("1964    ", "1964"), ("20240229", "2024-02-29")]
    {
        assert_eq!(date(text).as_deref(), Some(known));
        let data = DATA.replace("<eid:DateString>19640812", &format!("<eid:DateString>{text}"));
        let text = if text.starts_with("2024") { continue } else { card(&data).person.birth_date.to_text() };
        assert_eq!(text, known);
    }
    for bad in
        ["", "1964081", "196408123", "19641301", "19640230", "1964  12", "        ", "196408 1", "1964-8-1", "１９６４"]
    {
        assert_eq!(date(bad), None, "{bad:?}");
    }
    let laid_out = DATA.replace("<eid:DateString>19640812<", "<eid:DateString>\n      196408  \n    <");
    assert_eq!(card(&laid_out).person.birth_date.to_text(), "1964-08");
    assert!(matches!(
        failed(&answer(&DATA.replace("19640812", "19641399"), &used("CardCertified"))),
        Failure::Malformed(_)
    ));
}

#[test]
fn sec_y12_a_card_that_does_not_count_is_refused() {
    let card = used("CardCertified");
    let with = |from: &str, to: &str| refused(&answer(&DATA.replace(from, to), &card));
    assert_eq!(with("2029-10-31", "2026-11-23"), Refusal::Expired);
    assert_eq!(with("2029-10-31", "2026-11-23Z"), Refusal::Expired);
    assert_eq!(with("<eid:DateString>19640812", "<eid:DateString>20101125"), Refusal::TooYoung);
    assert_eq!(with("<eid:DateString>19640812", "<eid:DateString>2011    "), Refusal::TooYoung);
    for kind in ["P", "TA", "IDX", "id"] {
        assert_eq!(
            with("<eid:DocumentType>ID", &format!("<eid:DocumentType>{kind}")),
            Refusal::TypeNotAccepted,
            "{kind}"
        );
    }
    assert_eq!(refused(&answer(DATA, &used("SEEndorsed"))), Refusal::TypeNotAccepted);
    assert_eq!(refused(&answer(DATA, &used("HWKeyStore"))), Refusal::TypeNotAccepted);
    assert_eq!(with("01A4FB509CEBC6595151A4FB5F9C75C6", ""), Refusal::MissingData(vec![Datum::Pseudonym]));
    assert_eq!(
        with("19640812</eid:DateString>", "        </eid:DateString>"),
        with("<eid:DateString>19640812</eid:DateString>", "")
    );
    let nobody = refused(&answer("<eid:DocumentType>ID</eid:DocumentType>", &card));
    assert_eq!(nobody, Refusal::MissingData(vec![Datum::Name, Datum::BirthDate, Datum::Pseudonym]));
    assert_eq!(refused(&answer("", &card)), Refusal::MissingData(vec![Datum::DocumentType]));
}

/// The last day of a card counts, and so does the sixteenth birthday.
#[test]
fn limits_count_by_days_in_germany() {
    card(&DATA.replace("2029-10-31", "2026-11-24"));
    card(&DATA.replace("<eid:DateString>19640812", "<eid:DateString>20101124"));
    card(&DATA.replace("<eid:DateString>19640812", "<eid:DateString>2010    "));
}

#[test]
fn a_smart_eid_is_worth_no_more_than_it_can_be() {
    let level = |kind: &str, said: &str| {
        let said = format!("<eid:LevelOfAssuranceResult>{said}</eid:LevelOfAssuranceResult>");
        match read(&answer(DATA, &format!("{said}{}", used(kind)))) {
            Ok(Reading::Read(card)) => Ok(card.loa),
            Ok(_) => panic!("not read"),
            Err(failure) => Err(failure),
        }
    };
    let high = "http://bsi.bund.de/eID/LoA/hoch";
    assert_eq!(level("CardCertified", high), Ok(Level::High));
    assert_eq!(level("CardCertified", "http://bsi.bund.de/eID/LoA/substantiell"), Ok(Level::Substantial));
    assert_eq!(level("CardCertified", "http://bsi.bund.de/eID/LoA/undefined"), Ok(Level::Basic));
    assert_eq!(level("SECertified", high), Ok(Level::Substantial));
    assert!(level("CardCertified", "http://bsi.bund.de/eID/LoA/highest").is_err());
    assert_eq!(card(DATA).loa, Level::High, "of a card of which nothing is said");
}

#[test]
fn every_result_has_its_meaning() {
    let with = |minor: &str| body("getResultResponse", &result(ERROR, minor));
    assert!(matches!(read(&with("/getResult#noResultYet")), Ok(Reading::NotYet)));
    for (minor, refusal) in [
        ("/getResult#invalidSession", Refusal::SessionGone),
        ("/getResult#invalidCounter", Refusal::SessionGone),
        ("/getResult#deniedDocument", Refusal::DeniedDocument),
        ("/getResult#invalidDocument", Refusal::InvalidDocument),
        ("/common#internalError", Refusal::NotCompleted),
    ] {
        assert_eq!(refused(&with(minor)), refusal, "{minor}");
    }
    assert!(matches!(failed(&with("/common#schemaViolation")), Failure::Configuration(_)));
    assert!(matches!(failed(&with("/other#unknown")), Failure::Configuration(_)));
    let begin = |minor: &str| read_begun(&body("useIDResponse", &result(ERROR, minor)), None).err().unwrap();
    assert_eq!(begin("/useID#tooManyOpenSessions"), Failure::Busy);
    assert!(matches!(begin("/common#internalError"), Failure::ServerError(_)));
    for minor in
        ["/useID#invalidPSK", "/useID#missingArgument", "/useID#missingTerminalRights", "/common#schemaViolation"]
    {
        assert_eq!(begin(minor), Failure::Configuration(minor.to_owned()));
    }
}

#[test]
fn what_is_written_in_no_way_that_it_may_be_is_a_failure() {
    let card = used("CardCertified");
    for bad in [
        body("useIDResponse", &result(OK, "")),
        body("getResultResponse", ""),
        body("getResultResponse", &result(OK, "")),
        body("getResultResponse", &result("http://example.org/#ok", "")),
        body("getResultResponse", &format!("{}{}", result(OK, ""), result(ERROR, "/getResult#invalidDocument"))),
        answer(DATA, ""),
        answer(DATA, &format!("{card}{card}")),
        answer(
            DATA,
            "<eid:EIDTypeResponse><eid:CardCertified>USED</eid:CardCertified><eid:SECertified>USED</eid:SECertified></eid:EIDTypeResponse>",
        ),
        answer(&format!("{DATA}{DATA}"), &card),
        answer(&DATA.replace("01A4FB", "01A4FX"), &card),
        answer(&DATA.replace("2029-10-31", "31.10.2029"), &card),
        answer(&DATA.replace("ERIKA", "<b>ERIKA</b>"), &card),
        answer(&DATA.replace("ERIKA", &"E".repeat(513)), &card),
        answer(&DATA.replace("ERIKA", "ERI&#10;KA"), &card),
        answer(DATA, &card).replace("</s:Body>", "<b/></s:Body>"),
        answer(DATA, &card).replace("bsi.bund.de/eID/", "bsi.example/eID/"),
    ] {
        assert!(matches!(failed(&bad), Failure::Malformed(_)), "{bad}");
    }
}

#[test]
fn a_run_begins_and_can_be_kept() {
    let (hex, key) = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
    let content = |address: &str| {
        let ids = format!(
            "<eid:Session><eid:ID>{hex}</eid:ID></eid:Session>{address}<eid:PSK><eid:ID>psk-1</eid:ID><eid:Key>{key}</eid:Key></eid:PSK>"
        );
        body("useIDResponse", &format!("{ids}{}", result(OK, "")))
    };
    let address = |url: &str| content(&format!("<eid:eCardServerAddress>{url}</eid:eCardServerAddress>"));
    let begun = read_begun(&address("https://eid.example/paos"), Some("https://other.example/"))
        .unwrap_or_else(|error| panic!("{error}"));
    let kept = Begun::from_bytes(begun.to_bytes().expose()).unwrap();
    assert_eq!((kept.session.expose().as_str(), kept.psk.expose().as_str()), (hex, key));
    assert_eq!((kept.server_address.as_str(), kept.psk_id.as_str()), ("https://eid.example/paos", "psk-1"));
    assert!(Begun::from_bytes(b"{}").is_none() && Begun::from_bytes(b"").is_none());
    assert_eq!(
        read_begun(&content(""), Some("https://eid.example/")).ok().unwrap().server_address,
        "https://eid.example/"
    );
    let why = |body: &str| read_begun(body, None).err().unwrap();
    assert!(matches!(why(&content("")), Failure::Configuration(_)));
    for bad in ["http://eid.example/", "javascript:alert(1)", "https://", "https://eid.example/&quot;"] {
        assert!(matches!(why(&address(bad)), Failure::Malformed(_)), "{bad}");
    }
    for (from, to) in
        [(hex, "0123"), (key, "fedc"), (key, "zedcba9876543210fedcba9876543210"), ("psk-1", ""), ("psk-1", "a b")]
    {
        assert!(matches!(why(&address("https://eid.example/").replace(from, to)), Failure::Malformed(_)), "{to}");
    }
}

#[test]
fn the_requests_say_what_the_guideline_wants() {
    insta::assert_snapshot!(message::use_id_request(&[SmartEid::SeCertified]).replace("><eid:", ">\n<eid:"));
    insta::assert_snapshot!(message::get_result_request("0a&<", 7));
}

proptest! {
    /// Whatever the eID-Server signs, reading it ends with a value.
    #[test]
    fn fz15_no_answer_makes_it_panic(
        value in "[ -~äŁ0-9]{0,40}",
        place in 0_usize..40,
        kind in prop::sample::select(vec!["CardCertified", "SECertified", "HWKeyStore", "Other"]),
    ) {
        let parts: Vec<&str> = DATA.split_inclusive('>').collect();
        let place = place % parts.len();
        let data: String = parts.iter().enumerate().map(|(number, part)| {
            if number == place { format!("{part}{}", xml::escape(&value)) } else { (*part).to_owned() }
        }).collect();
        drop(read(&answer(&data, &used(kind))));
        drop(read(&body("getResultResponse", &value)));
        let year = BirthDate::parse(&value).map(|date| date.to_text()[..4].to_owned());
        prop_assert!(year.is_none_or(|year| value.starts_with(&year)));
        prop_assert!(Returned::parse(&value).is_none());
        drop(Begun::from_bytes(value.as_bytes()));
    }

    /// The same with a real answer of which something is changed, taken out or put in anywhere, and with bytes that are none.
    #[test]
    fn fz15_a_changed_answer_ends_with_a_value(
        place in 0.0..1.0_f64, length in 0_usize..60, put in "[<>/a-zA-Z0-9\"'= #&;:-]{0,30}",
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for message in [answer(DATA, &used("SECertified")), body("useIDResponse", &result(ERROR, "/useID#tooManyOpenSessions"))] {
            let start = message.floor_char_boundary((place * message.len() as f64) as usize);
            let end = message.floor_char_boundary((start + length).min(message.len()));
            let changed = format!("{}{put}{}", &message[..start], &message[end..]);
            drop(read(&changed));
            drop(read_begun(&changed, None));
        }
        let text = String::from_utf8_lossy(&bytes);
        drop(read(&text));
        drop(read_begun(&text, Some("https://eid.example/")));
        drop(Begun::from_bytes(&bytes));
        prop_assert!(Returned::parse(&text).is_none());
    }
}
