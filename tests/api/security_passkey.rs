//! Attack rows Q01 to Q07, Q10, Q11, O01, O07: what may not pass for somebody's passkey.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::passkey::{BACKED_UP, Challenge, Key, MAKE, PRESENT, PROBE, SIGN_IN, VERIFIED};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

pub const EMRE: &str = "emre@example.org";

pub async fn registered(world: &World, email: &str) -> Browser {
    let mut somebody = world.browser();
    somebody.register(world, email, ["Renate", "Muster"]).await;
    somebody
}

/// Renate with a passkey that she has tried.
pub async fn with_passkey(world: &World, mut key: Key) -> (Browser, Key) {
    let mut renate = registered(world, EMAIL).await;
    let added = renate.add(&mut key, "Mein Handy").await;
    assert_eq!(added.status, 303, "{added:?}");
    (renate, key)
}

async fn events(world: &World, kind: &str) -> Vec<String> {
    let column = "CAST(detail AS TEXT)";
    world.texts(&format!("SELECT {column} FROM audit_event WHERE kind = '{kind}' ORDER BY id")).await
}

/// Why the last passkey was refused.
pub async fn last_refusal(world: &World) -> String {
    let last: Value = serde_json::from_str(events(world, "passkey.refused").await.last().unwrap()).unwrap();
    last["why"].as_str().unwrap().to_owned()
}

pub fn assert_refused(answer: &Answer, browser: &Browser) {
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("Das hat nicht geklappt"), "{answer:?}");
    assert!(!browser.is_signed_in());
}

both!(sec_q01_a_challenge_counts_once, async |world| {
    let (renate, mut phone) = with_passkey(&world, Key::synchronised(&world)).await;
    let mut browser = world.browser();
    browser.get(SIGN_IN).await;
    let challenge = browser.challenge().await;
    let signed = phone.sign(&challenge.options);
    assert_eq!(browser.send_signed(SIGN_IN, &challenge, &signed).await.status, 303);
    let mut again = world.browser();
    again.cookies.insert("nk_t".to_owned(), browser.cookies["nk_t"].clone());
    again.get(SIGN_IN).await;
    let answer = again.send_signed(SIGN_IN, &challenge, &signed).await;
    assert_refused(&answer, &again);

    // What failed has used it up as well.
    let challenge = again.challenge().await;
    assert_refused(&again.send_signed(SIGN_IN, &challenge, &json!({})).await, &again);
    let mut wrong = phone.sign(&challenge.options);
    wrong["response"]["signature"] = json!("AAAA");
    assert_refused(&again.send_signed(SIGN_IN, &challenge, &wrong).await, &again);
    let right = phone.sign(&challenge.options);
    assert_refused(&again.send_signed(SIGN_IN, &challenge, &right).await, &again);
    assert_eq!(last_refusal(&world).await, "challenge");

    // The same for new keys.
    let mut renate = renate;
    let challenge = renate.challenge_to_make("").await.unwrap();
    assert_eq!(renate.send_key(&challenge, &json!({}), "").await.status, 422);
    let made = Key::new(&world).make(&challenge.options);
    assert_eq!(renate.send_key(&challenge, &made, "").await.status, 422);
    assert_eq!(world.rows("passkey").await, 1);
});

both!(sec_q01_a_challenge_belongs_to_its_browser_purpose_and_session, async |world| {
    let (mut renate, mut phone) = with_passkey(&world, Key::synchronised(&world)).await;
    let [mut one, mut other] = [world.browser(), world.browser()];
    one.get(SIGN_IN).await;
    other.get(SIGN_IN).await;
    let challenge = one.challenge().await;
    let signed = phone.sign(&challenge.options);
    assert_refused(&other.send_signed(SIGN_IN, &challenge, &signed).await, &other);
    assert_eq!(one.send_signed(SIGN_IN, &challenge, &signed).await.status, 303, "it was not for others to use up");

    // One for a new key does not sign in, and one for signing in makes no key.
    let for_key = renate.challenge_to_make("").await.unwrap();
    let signed = phone.sign(&for_key.options);
    assert_eq!(renate.send_signed(PROBE, &for_key, &signed).await.status, 422);
    let for_sign_in = renate.challenge().await;
    let made = Key::new(&world).make(&for_key.options);
    assert_eq!(renate.send_key(&for_sign_in, &made, "").await.status, 422);

    // One of another session, in the same browser.
    let for_key = renate.challenge_to_make("").await.unwrap();
    let this_browser = renate.cookies["nk_t"].clone();
    renate.post("/abmelden", &[]).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    renate.cookies.insert("nk_t".to_owned(), this_browser);
    renate.get("/profil").await;
    let made = Key::new(&world).make(&for_key.options);
    assert_eq!(renate.send_key(&for_key, &made, "").await.status, 422);
    assert_eq!(world.rows("passkey").await, 1);
});

both!(sec_q01_a_challenge_is_good_for_five_minutes, async |world| {
    let (mut renate, mut phone) = with_passkey(&world, Key::synchronised(&world)).await;
    let mut browser = world.browser();
    browser.get(SIGN_IN).await;
    let (early, late) = (browser.challenge().await, browser.challenge().await);
    let for_key = renate.challenge_to_make("").await.unwrap();
    world.pass(Duration::from_secs(299));
    let signed = phone.sign(&early.options);
    assert_eq!(browser.clone().send_signed(SIGN_IN, &early, &signed).await.status, 303);
    world.pass(Duration::from_secs(1));
    let signed = phone.sign(&late.options);
    assert_refused(&browser.send_signed(SIGN_IN, &late, &signed).await, &browser);
    let page = renate.send_key(&for_key, &Key::new(&world).make(&for_key.options), "").await;
    assert!(page.status == 422 && page.body.contains("zu viel Zeit vergangen"), "{page:?}");
});

both!(sec_q01_of_two_nodes_one_takes_it, async |world| {
    let (mut renate, mut phone) = with_passkey(&world, Key::synchronised(&world)).await;
    let node = world.second_node().await;
    for _ in 0..4 {
        let mut here = world.browser();
        here.get(SIGN_IN).await;
        let mut there = here.at(node.running.address);
        let challenge = here.challenge().await;
        let signed = phone.sign(&challenge.options);
        let answers = tokio::join!(
            here.send_signed(SIGN_IN, &challenge, &signed),
            there.send_signed(SIGN_IN, &challenge, &signed)
        );
        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422]);

        let mut elsewhere = renate.at(node.running.address);
        let challenge = renate.challenge_to_make("").await.unwrap();
        let (one, other) = (Key::new(&world).make(&challenge.options), Key::new(&world).make(&challenge.options));
        let before = world.rows("passkey").await;
        let answers = tokio::join!(renate.send_key(&challenge, &one, ""), elsewhere.send_key(&challenge, &other, ""));
        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!((statuses, world.rows("passkey").await), ([303, 422], before + 1));
    }
    node.running.abort().await;
});

type Change = fn(&mut Key);

/// What a browser or an authenticator may say and nobody believes.
const LIES: [(&str, Change); 12] = [
    ("sec_q02: a host that ends alike", |key| key.origin = key.origin.replace("localhost", "evillocalhost")),
    ("sec_q02: a subdomain", |key| key.origin = key.origin.replace("localhost", "a.localhost")),
    ("sec_q02: another port", |key| key.origin = "http://localhost:1".to_owned()),
    ("sec_q02: another scheme", |key| key.origin = key.origin.replace("http:", "https:")),
    ("sec_q02: no origin", |key| key.origin = "null".to_owned()),
    ("sec_q03: another relying party", |key| key.rp_id = "example.org".to_owned()),
    ("sec_q03: another type", |key| (key.made_by, key.signed_by) = (key.signed_by, key.made_by)),
    ("sec_q03: in a foreign frame", |key| key.cross_origin = true),
    ("sec_q04: nobody verified", |key| key.flags &= !VERIFIED),
    ("sec_q04: nobody there", |key| key.flags &= !PRESENT),
    ("sec_q04: neither", |key| key.flags &= !(PRESENT | VERIFIED)),
    ("sec_q08: a copy of what cannot be copied", |key| key.flags = PRESENT | VERIFIED | BACKED_UP),
];

both!(sec_q02_q03_q04_nothing_but_the_very_origin_and_somebody_verified, async |world| {
    let (mut renate, mut phone) = with_passkey(&world, Key::synchronised(&world)).await;
    for (lie, change) in LIES {
        let mut key = Key::new(&world);
        change(&mut key);
        let page = renate.make(&mut key, lie).await;
        assert_eq!(page.status, 422, "{lie}");
        let truth = (phone.origin.clone(), phone.rp_id.clone(), phone.made_by, phone.signed_by, phone.flags);
        change(&mut phone);
        // A try each from its own browser; the limits are another story.
        let mut browser = world.browser();
        let answer = browser.sign_in_with(&mut phone).await;
        assert!(answer.status == 422 && !browser.is_signed_in(), "{lie}: {answer:?}");
        (phone.origin, phone.rp_id, phone.made_by, phone.signed_by, phone.flags) = truth;
        phone.cross_origin = false;
    }
    assert_eq!(world.rows("passkey").await, 1);
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 303, "and it is still good");
});

both!(sec_q05_the_server_checks_what_the_browser_was_asked, async |world| {
    let (mut renate, mut phone) = with_passkey(&world, Key::new(&world)).await;
    let challenge = renate.challenge_to_make("").await.unwrap();
    let options = &challenge.options;
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["excludeCredentials"][0]["id"], URL_SAFE_NO_PAD.encode(&phone.id));
    assert_eq!((&options["attestation"], &options["rp"]["id"]), (&json!("none"), &json!("localhost")));
    let again = phone.make(options);
    assert_eq!(renate.send_key(&challenge, &again, "").await.status, 422, "an excluded key");
    let mut other = Key::new(&world);
    other.algorithm = -8;
    assert_eq!(renate.make(&mut other, "").await.status, 422, "another algorithm");
    assert_eq!(world.rows("passkey").await, 1);
    let mut browser = world.browser();
    browser.get(SIGN_IN).await;
    let asked = browser.challenge().await.options;
    assert_eq!((&asked["userVerification"], &asked["rpId"]), (&json!("required"), &json!("localhost")));
    assert_eq!(asked["allowCredentials"], json!([]), "nothing about anybody");
});

both!(sec_q06_a_key_is_its_owners, async |world| {
    let (_, mut phone) = with_passkey(&world, Key::synchronised(&world)).await;
    let mut emre = registered(&world, EMRE).await;
    let mut own = Key::synchronised(&world);
    emre.add(&mut own, "").await;
    assert_ne!(own.handle, phone.handle);

    // Renate's key, registered by Emre.
    let mut stolen = Key::new(&world);
    stolen.id.clone_from(&phone.id);
    let page = emre.make(&mut stolen, "").await;
    assert_eq!((page.status, world.rows("passkey").await), (422, 2));

    // Renate's key for Emre's handle, no handle, and Emre's signature for Renate's key.
    let handle = std::mem::replace(&mut phone.handle, own.handle.clone());
    let mut browser = world.browser();
    assert_refused(&browser.sign_in_with(&mut phone).await, &browser);
    assert_eq!(last_refusal(&world).await, "handle");
    phone.handle = Vec::new();
    assert_refused(&browser.sign_in_with(&mut phone).await, &browser);
    phone.handle = handle;
    // Events of one moment come in any order.
    world.pass(Duration::from_millis(1));
    (own.id, own.handle) = (phone.id.clone(), phone.handle.clone());
    assert_refused(&browser.sign_in_with(&mut own).await, &browser);
    assert_eq!(last_refusal(&world).await, "signature");
    assert_eq!(browser.sign_in_with(&mut phone).await.status, 303);
});

both!(sec_q07_a_counter_that_goes_back_is_refused, async |world| {
    let (_, mut phone) = with_passkey(&world, Key::new(&world)).await;
    phone.counter = 5;
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 303);
    for (counter, is_good) in [(4, false), (5, false), (0, false), (6, true), (6, false), (100, true)] {
        phone.counter = counter;
        let mut browser = world.browser();
        let answer = browser.sign_in_with(&mut phone).await;
        assert_eq!(answer.status == 303, is_good, "{counter}: {answer:?}");
        if !is_good {
            assert_eq!(last_refusal(&world).await, "counter", "{counter}");
        }
    }
    let history = world.texts("SELECT subject FROM audit_event WHERE kind = 'passkey.refused'").await;
    assert!(history.len() == 4 && history.iter().all(|subject| subject.starts_with("acc_")), "its owner sees it");
});

both!(sec_q07_a_key_that_does_not_count_is_good_again_and_again, async |world| {
    let (_, mut phone) = with_passkey(&world, Key::synchronised(&world)).await;
    for _ in 0..3 {
        assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 303);
    }
});

// A clone and its original at the same moment, with the same count.
both!(sec_q07_of_two_uses_with_one_count_one_wins, async |world| {
    let (_, mut phone) = with_passkey(&world, Key::new(&world)).await;
    let node = world.second_node().await;
    for round in 1..5 {
        let [mut here, mut there] = [world.browser(), world.browser().at(node.running.address)];
        here.get(SIGN_IN).await;
        there.get(SIGN_IN).await;
        let (one, other) = (here.challenge().await, there.challenge().await);
        phone.counter = 10 * round;
        let first = phone.sign(&one.options);
        phone.counter = 10 * round;
        let second = phone.sign(&other.options);
        let answers =
            tokio::join!(here.send_signed(SIGN_IN, &one, &first), there.send_signed(SIGN_IN, &other, &second));
        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422]);
    }
    node.running.abort().await;
});

both!(sec_o01_an_unknown_key_is_answered_as_a_wrong_one, async |world| {
    let (_, mut phone) = with_passkey(&world, Key::synchronised(&world)).await;
    let mut unknown = Key::synchronised(&world);
    unknown.handle = vec![7; 16];
    let mut pages = Vec::new();
    for key in [&mut phone, &mut unknown] {
        let mut stranger = world.browser();
        stranger.get(SIGN_IN).await;
        let challenge = stranger.challenge().await;
        let mut signed = key.sign(&challenge.options);
        signed["response"]["signature"] = json!("MAYCAQECAQE");
        let page = stranger.send_signed(SIGN_IN, &challenge, &signed).await;
        pages.push((page.status, page.body.replace(&stranger.csrf, "")));
    }
    assert_eq!(pages[0], pages[1]);
});

both!(sec_o07_guessing_at_the_password_does_not_shut_out_the_key, async |world| {
    let (_, mut phone) = with_passkey(&world, Key::new(&world)).await;
    let mut stranger = world.browser();
    for _ in 0..10 {
        stranger.sign_in(EMAIL, "falsch-falsch-falsch").await;
    }
    assert_eq!(stranger.sign_in(EMAIL, PASSWORD).await.status, 429);
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 303);
});

both!(failed_keys_are_limited_by_where_they_come_from, async |world| {
    let (_, mut phone) = with_passkey(&world, Key::synchronised(&world)).await;
    let mut stranger = world.browser();
    let mut unknown = Key::synchronised(&world);
    for _ in 0..10 {
        assert_eq!(stranger.sign_in_with(&mut unknown).await.status, 422);
    }
    let refused = stranger.sign_in_with(&mut unknown).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(stranger.sign_in_with(&mut phone).await.status, 429);
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 303, "another browser");
    world.pass(Duration::from_secs(15 * 60));
    assert_eq!(stranger.sign_in_with(&mut phone).await.status, 303);
});

/// What no authenticator makes: too deep, too long, cut off, with something after it.
fn broken_attestations(key: &Key) -> Vec<(&'static str, Vec<u8>)> {
    let whole = key.attestation();
    let with = |part: &[u8], other: &[u8]| {
        let place = whole.windows(part.len()).position(|window| window == part).unwrap();
        [&whole[..place], other, &whole[place + part.len()..]].concat()
    };
    let deep = |byte: u8, count: usize| [vec![byte; count], vec![0]].concat();
    vec![
        ("nothing", Vec::new()),
        ("deep arrays", deep(0x81, 30_000)),
        ("deep maps", deep(0xA1, 30_000)),
        ("deep tags", deep(0xC1, 30_000)),
        ("deep inside", with(b"attStmt\xA0", &[&b"attStmt"[..], &deep(0x81, 20_000)].concat())),
        ("something after it", [whole.clone(), vec![0]].concat()),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("a length of four gigabytes", with(b"authData\x59", b"authData\x5A\xFF\xFF\xFF\xFF")),
        ("a length without end", with(b"authData\x59", b"authData\x5B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")),
        ("another format", with(b"none", b"what")),
        ("a point that is none", with(&[0x22, 0x58, 0x20], &[0x22, 0x58, 0x1F])),
        ("another curve", with(&[0x20, 0x01, 0x21], &[0x20, 0x07, 0x21])),
        ("an identifier longer than the data", with(&[0x00, 0x20], &[0x03, 0xFF])),
    ]
}

both!(sec_q10_nothing_that_is_sent_breaks_the_parser, async |world| {
    let (mut renate, mut phone) = with_passkey(&world, Key::new(&world)).await;
    let key = Key::new(&world);
    for (what, bytes) in broken_attestations(&key) {
        let challenge = renate.challenge_to_make("").await.unwrap();
        let mut made = Key::new(&world).make(&challenge.options);
        made["response"]["attestationObject"] = json!(URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(renate.send_key(&challenge, &made, "").await.status, 422, "{what}");
    }
    for answer in ["", "null", "[]", "{", "1e999", "\"\u{fffd}\"", &"[".repeat(15_000), &"{\"a\":".repeat(3_000)] {
        let challenge = renate.challenge_to_make("").await.unwrap();
        let fields = [("aufgabe", challenge.ceremony.as_str()), ("antwort", answer)];
        assert_eq!(renate.post(MAKE, &fields).await.status, 422, "{:.20}", answer);
        let mut browser = world.browser();
        browser.get(SIGN_IN).await;
        let challenge = browser.challenge().await;
        let fields = [("aufgabe", challenge.ceremony.as_str()), ("antwort", answer)];
        assert_eq!(browser.post(SIGN_IN, &fields).await.status, 422, "{:.20}", answer);
    }
    let mut browser = world.browser();
    browser.get(SIGN_IN).await;
    let long = "A".repeat(70_000);
    assert_eq!(browser.post(SIGN_IN, &[("aufgabe", "x"), ("antwort", &long)]).await.status, 413);
    for data in [vec![], vec![0; 36], [vec![0xFF; 37], vec![0x81; 20_000]].concat()] {
        browser.get(SIGN_IN).await;
        let challenge: Challenge = browser.challenge().await;
        let mut signed = phone.sign(&challenge.options);
        signed["response"]["authenticatorData"] = json!(URL_SAFE_NO_PAD.encode(data));
        assert_eq!(browser.send_signed(SIGN_IN, &challenge, &signed).await.status, 422);
    }
    assert_eq!(world.rows("passkey").await, 1);
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 303, "the house still stands");
});

both!(sec_q11_a_name_is_text, async |world| {
    let (mut renate, _) = with_passkey(&world, Key::new(&world)).await;
    renate.add(&mut Key::new(&world), "<script>alert(1)</script>\u{1}").await;
    renate.add(&mut Key::new(&world), "\"><img src=x>").await;
    let list = renate.get("/sicherheit/passkeys").await;
    assert!(list.body.contains("&#60;script&#62;") && !list.body.contains("<script>alert"), "{}", list.body);
    assert!(!list.body.contains("<img"));
});

// Whoever can write into the database but has no master key cannot put a key of their own in the place of somebody's.
both!(a_key_is_sealed_in_its_place, async |world| {
    let (_, mut phone) = with_passkey(&world, Key::new(&world)).await;
    // Ids of one moment come in any order.
    world.pass(Duration::from_millis(1));
    let mut emre = registered(&world, EMRE).await;
    let mut own = Key::new(&world);
    emre.add(&mut own, "").await;
    let dump = world.dump().await;
    let rows = dump["passkey"].join("").to_lowercase();
    for plain in ["cred_id", "Mein Handy"] {
        let hex: String = plain.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!rows.contains(&hex), "{plain}: {rows}");
    }
    let ids = world.texts("SELECT id FROM passkey ORDER BY id").await;
    let theirs = format!("(SELECT other.credential FROM passkey AS other WHERE other.id = '{}')", ids[1]);
    world.change(&format!("UPDATE passkey SET credential = {theirs} WHERE id = '{}'", ids[0])).await;
    let mut browser = world.browser();
    let answer = browser.sign_in_with(&mut phone).await;
    assert!(answer.status == 500 && !browser.is_signed_in(), "{answer:?}");
});
