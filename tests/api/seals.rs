//! Seals of PDF files: signed here byte by byte, and by programs of others.

use std::path::Path;

use nutzerkonto::kernel::pdf_seal::{Finder, Seal, State, TrustAnchors, Verdict};
use nutzerkonto::kernel::time::Timestamp;
use proptest::prelude::*;

use crate::support::sealed_pdf::{Authority, UNSEALED, Way, for_a_server, gap, sealed, sealed_in, until_2020};

/// 1 January 2027.
const NOW: Timestamp = Timestamp::from_seconds(1_798_761_600);

fn judge_in(file: &[u8], anchors: &TrustAnchors, size: usize) -> Verdict {
    let mut finder = Finder::default();
    file.chunks(size).for_each(|piece| finder.take(piece));
    let mut found = finder.finish();
    file.chunks(size).for_each(|piece| found.take(piece));
    found.judge(anchors, NOW)
}

fn judge(file: &[u8], anchors: &TrustAnchors) -> Verdict {
    judge_in(file, anchors, 64 * 1024)
}

fn states(file: &[u8], anchors: &TrustAnchors) -> Vec<State> {
    judge(file, anchors).seals.iter().map(|seal| seal.state).collect()
}

#[test]
fn who_has_sealed_what() {
    let authority = Authority::new("Muster CA");
    let file = sealed(UNSEALED, &authority.seal("Siegel"));
    let verdict = judge(&file, &authority.anchors());
    let expected = Seal {
        state: State::Valid,
        is_time_stamp: false,
        is_extended: false,
        signer: Some("Siegel".to_owned()),
        organisation: Some("Stadt Musterhausen".to_owned()),
        issuer: Some("Muster CA".to_owned()),
        claimed_at: Some(Timestamp::from_seconds(1_795_420_800)),
    };
    assert_eq!(verdict, Verdict { judged_at: NOW, seals: vec![expected] });
    // However it is cut.
    for size in [1, 2, 7, 1000] {
        assert_eq!(judge_in(&file, &authority.anchors(), size), verdict, "in pieces of {size}");
    }
    assert_eq!(judge(UNSEALED, &authority.anchors()), Verdict::none(NOW));
}

#[test]
fn what_a_certificate_is_worth() {
    let (known, stranger) = (Authority::new("Muster CA"), Authority::new("Muster CA"));
    let of = |signer| states(&sealed(UNSEALED, &signer), &known.anchors());
    assert_eq!(of(known.issue("Siegel", until_2020)), [State::Expired]);
    assert_eq!(of(known.issue("Server", for_a_server)), [State::Untrusted]);
    assert_eq!(of(stranger.seal("Siegel")), [State::Untrusted]);
    // That nobody known has issued is worse than that it has run out.
    assert_eq!(of(stranger.issue("Siegel", until_2020)), [State::Untrusted]);
    assert_eq!(states(&sealed(UNSEALED, &known.seal("Siegel")), &TrustAnchors::default()), [State::Untrusted]);
}

#[test]
fn no_bit_of_a_sealed_file_changes_unnoticed() {
    let authority = Authority::new("Muster CA");
    let (file, anchors) = (sealed(UNSEALED, &authority.seal("Siegel")), authority.anchors());
    let gap = gap(&file);
    let mut altered = 0;
    for at in 0..file.len() {
        let mut other = file.clone();
        other[at] ^= 1 << (at % 8);
        let state = judge(&other, &anchors).state();
        if !gap.contains(&at) {
            assert_ne!(state, Some(State::Valid), "byte {at}");
            altered += usize::from(state == Some(State::Altered));
        }
    }
    // The few others are those without which nobody would know that there is a seal.
    assert!(altered > file.len() - gap.len() - 80, "{altered} of {}", file.len() - gap.len());
}

#[test]
fn no_bit_of_a_signature_makes_it_anybody_elses() {
    let authority = Authority::new("Muster CA");
    let (file, anchors) = (sealed(UNSEALED, &authority.seal("Siegel")), authority.anchors());
    let verdict = judge(&file, &anchors);
    for at in gap(&file) {
        let mut other = file.clone();
        other[at] ^= 1 << (at % 8);
        let seen = judge(&other, &anchors);
        // What is not signed of it, such as numbers of versions, may change; what it says of somebody may not.
        assert!(seen == verdict || seen.state() != Some(State::Valid), "byte {at}: {seen:?}");
    }
}

#[test]
fn what_comes_behind_a_seal_is_seen() {
    let (authority, stranger) = (Authority::new("Muster CA"), Authority::new("Fremde CA"));
    let anchors = authority.anchors();
    let file = sealed(UNSEALED, &authority.seal("Siegel"));
    let appended = [&file, b"7 0 obj\n<< /Type /Page >>\nendobj\n%%EOF\n".as_slice()].concat();
    assert_eq!(states(&appended, &anchors), [State::Altered]);
    assert!(judge(&appended, &anchors).seals[0].is_extended);
    assert_eq!(states(&[&file, b"\n".as_slice()].concat(), &anchors), [State::Altered]);

    let twice = sealed(&file, &authority.seal("Zweites"));
    let verdict = judge(&twice, &anchors);
    let seen: Vec<_> =
        verdict.seals.iter().map(|seal| (seal.signer.as_deref(), seal.state, seal.is_extended)).collect();
    assert_eq!(seen, [(Some("Siegel"), State::Valid, true), (Some("Zweites"), State::Valid, false)]);
    // What was appended in between is covered by whoever sealed it.
    assert_eq!(states(&sealed(&appended, &authority.seal("Zweites")), &anchors), [State::Valid, State::Valid]);
    // Nobody makes an authority's seal hold for more than it sealed with a certificate of one's own.
    assert_eq!(states(&sealed(&file, &stranger.seal("Zweites")), &anchors), [State::Altered, State::Untrusted]);
    let stamped = sealed_in(&file, &authority.seal("Zeit"), &Way { sub_filter: "ETSI.RFC3161", ..Way::default() });
    assert_eq!(states(&stamped, &anchors), [State::Altered, State::Unreadable]);
    assert_eq!(judge(&stamped, &anchors).state(), Some(State::Altered));
    // The second does not hold, so neither does the first.
    let mut broken = twice;
    let at = broken.len() - 60;
    broken[at] ^= 1;
    assert_eq!(states(&broken, &anchors), [State::Altered, State::Altered]);
}

/// What is changed of a signature dictionary before it is signed.
type Change = fn(String) -> String;

/// Attacks on the byte range and the signature (Mladenov and others: 1 Trillion Dollar Refund, CCS 2019).
#[test]
fn ranges_and_signatures_that_are_not_what_they_have_to_be() {
    let authority = Authority::new("Muster CA");
    let (signer, anchors) = (authority.seal("Siegel"), authority.anchors());
    let odd: [(&str, Change); 11] = [
        ("no range", |text| text.replace("/ByteRange [0 @@@@@@@@A @@@@@@@@B @@@@@@@@C]", "")),
        ("an empty range", |text| text.replace("[0 @@@@@@@@A @@@@@@@@B @@@@@@@@C]", "[]")),
        ("not from the beginning", |text| text.replace("[0 ", "[1 ")),
        ("negative", |text| text.replace("[0 ", "[-1 ")),
        ("no end", |text| text.replace("@@@@@@@@C]", "0]")),
        ("beyond the end", |text| text.replace("@@@@@@@@C]", "999999999]")),
        ("more gaps", |text| text.replace("@@@@@@@@C]", "@@@@@@@@C 1 1]")),
        ("a reference", |text| text.replace("[0 @@@@@@@@A @@@@@@@@B @@@@@@@@C]", "6 0 R")),
        ("two ranges", |text| text.replace("/M (", "/ByteRange [0 1 2 3] /M (")),
        ("two signatures", |text| text.replace("/Name (", "/Contents <00> /Name (")),
        ("no number", |text| text.replace("@@@@@@@@A", "null")),
    ];
    for (what, dictionary) in odd {
        let file = sealed_in(UNSEALED, &signer, &Way { dictionary, ..Way::default() });
        assert_eq!(states(&file, &anchors), [State::Altered], "{what}");
    }
    // A gap that holds more than the signature, as whoever has signed wanted it.
    for around in [[" ", ""], ["", " "], ["", " /Evil true"]] {
        let file = sealed_in(UNSEALED, &signer, &Way { around, ..Way::default() });
        assert_eq!(states(&file, &anchors), [State::Altered], "{around:?}");
    }
    let file = sealed(UNSEALED, &signer);
    let gap = gap(&file);
    // The second part is moved back, and something of the attacker's stands before it.
    let digits = |at: usize| format!("{at:09}");
    let place = file.windows(9).position(|part| part == digits(gap.end).as_bytes()).unwrap();
    for evil in ["> /Evil true /Other <", ">> 9 0 obj << /Evil true >> endobj <"] {
        let mut wrapped = [&file[..gap.end - 1], evil.as_bytes(), b"00>", &file[gap.end..]].concat();
        let behind = gap.end - 1 + evil.len() + 3;
        wrapped[place..place + 9].copy_from_slice(digits(behind).as_bytes());
        assert_eq!(wrapped[behind..], file[gap.end..]);
        assert_eq!(states(&wrapped, &anchors), [State::Altered], "{evil}");
    }
    let emptied = |with: &[u8]| {
        let mut other = file.clone();
        let filling: Vec<u8> = with.iter().copied().cycle().take(gap.len() - 2).collect();
        other[gap.start + 1..gap.end - 1].copy_from_slice(&filling);
        states(&other, &anchors)
    };
    assert_eq!([emptied(b"0"), emptied(b"30"), emptied(b" ")], [[State::Unreadable]; 3].map(|one| one.to_vec()));
    let mut trailing = file.clone();
    trailing[gap.end - 2] = b'1';
    assert_eq!(states(&trailing, &anchors), [State::Unreadable]);
    // The signature of another file, and one that names another certificate.
    let mut other = UNSEALED.to_vec();
    other[33] = b'K';
    let mut foreign = sealed(&other, &signer);
    foreign[gap.clone()].copy_from_slice(&file[gap]);
    assert_eq!(states(&foreign, &anchors), [State::Altered]);
    let other = authority.seal("Siegel");
    let misnamed = sealed_in(UNSEALED, &signer, &Way { named: Some(&other), ..Way::default() });
    assert_eq!(states(&misnamed, &anchors), [State::Altered]);
    for sub_filter in ["adbe.pkcs7.sha1", "adbe.x509.rsa_sha1", "Eigenes"] {
        let file = sealed_in(UNSEALED, &signer, &Way { sub_filter, ..Way::default() });
        assert_eq!(states(&file, &anchors), [State::Unreadable], "{sub_filter}");
    }
    let plain = sealed_in(UNSEALED, &signer, &Way { sub_filter: "adbe.pkcs7.detached", ..Way::default() });
    assert_eq!(states(&plain, &anchors), [State::Valid]);
}

#[test]
fn nobody_gets_more_work_done_than_ten_seals() {
    let authority = Authority::new("Muster CA");
    let mut file = UNSEALED.to_vec();
    for _ in 0..10 {
        file = sealed(&file, &authority.seal("Siegel"));
    }
    assert_eq!(states(&file, &authority.anchors()), [State::Valid; 10]);
    file = sealed(&file, &authority.seal("Siegel"));
    assert_eq!(states(&file, &authority.anchors()), [State::Unreadable]);
}

fn anchors_of_others() -> TrustAnchors {
    TrustAnchors::read_file(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/fixtures/seal_root.pem")))
        .unwrap()
}

/// Made by pyHanko 0.38 and OpenSSL 3.0 with certificates of an authority of theirs: PKCS #1 and PSS, P-384, the encoding without lengths.
#[test]
fn seals_that_programs_of_others_have_made() {
    let anchors = anchors_of_others();
    let seen = |file: &[u8]| -> Vec<(String, State, bool)> {
        let verdict = judge(file, &anchors);
        assert!(verdict.seals.iter().all(|seal| seal.claimed_at.is_some()), "{verdict:?}");
        let seals = verdict.seals.into_iter();
        seals.map(|seal| (seal.signer.unwrap_or_default(), seal.state, seal.is_extended)).collect()
    };
    let valid = |name: &str, is_extended| (name.to_owned(), State::Valid, is_extended);
    let city = "Siegel der Stadt Musterhausen";
    let twice = include_bytes!("fixtures/sealed_twice.pdf");
    assert_eq!(seen(include_bytes!("fixtures/sealed_pkcs1.pdf")), [valid(city, false)]);
    assert_eq!(seen(twice), [valid(city, true), valid("Renate Muster", false)]);
    assert_eq!(seen(include_bytes!("fixtures/sealed_p384.pdf")), [valid("Siegel P-384", false)]);
    assert_eq!(seen(include_bytes!("fixtures/sealed_openssl.pdf")), [valid("Renate Muster", false)]);
    let mut changed = twice.to_vec();
    changed[200] ^= 1;
    assert_eq!(judge(&changed, &anchors).state(), Some(State::Altered));
    assert_eq!(states(twice, &TrustAnchors::default()), [State::Untrusted, State::Untrusted]);
}

/// Opens dictionaries and strings without end: what is kept of them stays small.
#[test]
fn little_of_a_hostile_file_is_kept() {
    let mut finder = Finder::default();
    let digits = vec![b'3'; 600 * 1024];
    for _ in 0..100 {
        finder.take(b"<< /Type /Sig /ByteRange [0 1 2 3] /Contents <");
        finder.take(&digits);
        finder.take(b"> /Next ");
    }
    assert!(finder.kept_bytes() < 5 * 1024 * 1024, "{}", finder.kept_bytes());
    assert!(finder.finish().judge(&TrustAnchors::default(), NOW).seals.len() <= 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes, nothing breaks, and nothing is valid.
    #[test]
    fn nothing_breaks(bytes in prop::collection::vec(any::<u8>(), 0..2000), size in 1_usize..500) {
        prop_assert_ne!(judge_in(&bytes, &TrustAnchors::default(), size).state(), Some(State::Valid));
    }

    #[test]
    fn nothing_breaks_that_looks_like_a_seal(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "<<", ">>", "/Type", "/Sig", "/ByteRange", "[0 1 2 3]", "[", "]", "/Contents", "<3080", "00>", "<", ">", "(", ")", "\\", "%",
                "\n", "stream\n", "endstream", "/Length", "7", "obj", "endobj", "/SubFilter", "/ETSI.CAdES.detached", "#", "/M", "(D:2026",
            ]),
            0..200,
        ),
        size in 1_usize..50,
    ) {
        let bytes = words.join(" ").into_bytes();
        prop_assert_ne!(judge_in(&bytes, &TrustAnchors::default(), size).state(), Some(State::Valid));
    }

    /// A file that programs of others have sealed, with some bytes of it otherwise.
    #[test]
    fn a_changed_file_is_not_valid(changes in prop::collection::vec((0_usize..9074, 1_u8..), 1..5)) {
        let (file, anchors) = (include_bytes!("fixtures/sealed_pkcs1.pdf"), anchors_of_others());
        let mut other = file.to_vec();
        for (at, change) in changes {
            other[at] ^= change;
        }
        let seen = judge(&other, &anchors);
        prop_assert!(seen == judge(file, &anchors) || seen.state() != Some(State::Valid), "{:?}", seen);
    }
}
