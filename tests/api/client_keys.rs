//! Clients whose keys stand at an address: fetched, kept, changed, and what a bad address can do. Rows H03 to H05, L02 to L04.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nutzerkonto::client::ClientFile;
use nutzerkonto::kernel::time::{days, minutes};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::both;
use crate::support::{Browser, Service, World};

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key of a client.
struct Key {
    kid: &'static str,
    pair: Pair,
}

impl Key {
    fn ec(kid: &'static str) -> Self {
        Self { kid, pair: Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    fn ed(kid: &'static str) -> Self {
        Self { kid, pair: Pair::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": encode(pair.public_key().as_ref()) })
            }
        }
    }

    /// An assertion of "parken" under any name of the key.
    fn assertion_as(&self, world: &World, kid: &str) -> String {
        let (now, issuer) = (world.app.now().seconds(), &world.config.issuer);
        let mut jti = [0; 16];
        rand::fill(&mut jti).unwrap();
        let algorithm = if matches!(self.pair, Pair::Ec(_)) { "ES256" } else { "EdDSA" };
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": kid });
        let claims = json!({ "iss": "parken", "sub": "parken", "aud": issuer, "iat": now, "exp": now + 60,
                             "jti": URL_SAFE_NO_PAD.encode(jti) });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = match &self.pair {
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What a client that signs with it is answered: 200, or 401 if it is not believed.
    async fn at(&self, world: &World, node: &Browser) -> u16 {
        ask(node, &self.assertion_as(world, self.kid)).await
    }

    async fn ask(&self, world: &World) -> u16 {
        self.at(world, &world.browser()).await
    }
}

async fn ask(node: &Browser, assertion: &str) -> u16 {
    let form = [
        ("token", "x"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ];
    node.without_cookies().post_exactly("/oauth2/introspect", &form).await.status
}

/// How the client's server answers.
#[derive(Clone)]
enum Manner {
    Keys(Vec<Value>),
    Late(Duration, Vec<Value>),
    /// One byte every half second, without an end.
    Drop,
    /// So many bytes, as fast as they can be taken, with their number said before or in pieces.
    Huge {
        length: usize,
        is_said: bool,
    },
    Redirect(String),
    Status(&'static str, Vec<Value>),
}

/// The client's server: its address, and how often it has been asked.
#[derive(Clone)]
struct Shelf {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<Mutex<usize>>,
}

impl Shelf {
    async fn open(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shelf = Self { port, manner: Arc::new(Mutex::new(manner)), asked: Arc::default() };
        let answering = shelf.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *answering.asked.lock().unwrap() += 1;
                let manner = answering.manner.lock().unwrap().clone();
                tokio::spawn(answer(stream, manner));
            }
        });
        shelf
    }

    fn now(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn keys(&self, keys: &[&Key]) {
        self.now(Manner::Keys(keys.iter().map(|key| key.jwk()).collect()));
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    fn uri(&self) -> String {
        format!("http://localhost:{}/jwks", self.port)
    }
}

async fn answer(mut stream: TcpStream, manner: Manner) {
    let mut buffer = [0; 4096];
    drop(stream.read(&mut buffer).await);
    let whole = |status: &str, keys: &[Value]| {
        let body = json!({ "keys": keys }).to_string();
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    };
    match manner {
        Manner::Keys(keys) => drop(stream.write_all(whole("200 OK", &keys).as_bytes()).await),
        Manner::Status(status, keys) => drop(stream.write_all(whole(status, &keys).as_bytes()).await),
        Manner::Late(wait, keys) => {
            tokio::time::sleep(wait).await;
            drop(stream.write_all(whole("200 OK", &keys).as_bytes()).await);
        }
        Manner::Redirect(to) => {
            let text =
                format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            drop(stream.write_all(text.as_bytes()).await);
        }
        Manner::Drop => {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await);
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        Manner::Huge { length, is_said } => {
            let said =
                if is_said { format!("content-length: {length}") } else { "transfer-encoding: chunked".to_owned() };
            drop(stream.write_all(format!("HTTP/1.1 200 OK\r\n{said}\r\n\r\n").as_bytes()).await);
            let piece = format!("1000\r\n{}\r\n", " ".repeat(4096));
            let bytes = if is_said { " ".repeat(4096) } else { piece };
            for _ in 0..length / 4096 {
                if stream.write_all(bytes.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn declaration(uri: &str) -> String {
    let text = Service::new("parken").declaration("");
    let (front, _) = text.split_once("[client.authentication]").unwrap();
    format!("{front}[client.authentication]\nmethod = \"private_key_jwt\"\njwks_uri = \"{uri}\"\n")
}

/// "parken" with its keys on a shelf, and "bibliothek" with a secret.
async fn parken(world: &mut World, manner: Manner) -> Shelf {
    let shelf = Shelf::open(manner).await;
    world.restart(|config| config.outbound.allowed_hosts = vec!["localhost".to_owned()]).await;
    world.clients(&[declaration(&shelf.uri()), Service::new("bibliothek").declaration("")].concat()).await;
    shelf
}

both!(keys_are_fetched_once_and_follow_the_client, async |mut world| {
    let (one, two, three) = (Key::ec("eins"), Key::ed("zwei"), Key::ec("drei"));
    let shelf = parken(&mut world, Manner::Keys(vec![one.jwk(), two.jwk()])).await;
    assert_eq!(shelf.asked(), 0, "not before they are needed");
    for key in [&one, &two, &one] {
        assert_eq!(key.ask(&world).await, 200, "{}", key.kid);
    }
    assert_eq!(
        ask(&world.browser(), &three.assertion_as(&world, "eins")).await,
        401,
        "a wrong signature fetches nothing"
    );
    assert_eq!(ask(&world.browser(), &two.assertion_as(&world, "eins")).await, 401, "the algorithm is the key's");
    assert_eq!(shelf.asked(), 1);
    // Another node has its own memory.
    let second = world.second_node().await;
    let elsewhere = world.browser().at(second.running.address);
    assert_eq!(one.at(&world, &elsewhere).await, 200);
    assert_eq!(shelf.asked(), 2);
    // The client changes over: known after a minute at most, and what is gone is gone with it.
    shelf.keys(&[&two, &three]);
    assert_eq!(three.ask(&world).await, 401, "fetched less than a minute ago");
    world.pass(minutes(1));
    assert_eq!((three.ask(&world).await, one.ask(&world).await, two.ask(&world).await), (200, 401, 200));
    assert_eq!(shelf.asked(), 3);
    assert_eq!(one.at(&world, &elsewhere).await, 200, "there it is fetched again after a quarter of an hour");
    world.pass(minutes(14));
    assert_eq!(one.at(&world, &elsewhere).await, 401);
    assert_eq!(shelf.asked(), 4);
    // Another address: nothing of the old one counts, on no node.
    let other = Shelf::open(Manner::Keys(vec![one.jwk()])).await;
    world.clients(&declaration(&other.uri())).await;
    for node in [&world.browser(), &elsewhere] {
        assert_eq!((one.at(&world, node).await, two.at(&world, node).await), (200, 401));
    }
    second.running.abort().await;
});

both!(keys_outlive_a_failure_for_a_day, async |mut world| {
    let (one, two) = (Key::ec("eins"), Key::ec("zwei"));
    let shelf = parken(&mut world, Manner::Status("503 Service Unavailable", vec![one.jwk()])).await;
    assert_eq!((one.ask(&world).await, shelf.asked()), (401, 1), "an answer that is none");
    shelf.keys(&[&one]);
    assert_eq!((one.ask(&world).await, shelf.asked()), (401, 1), "asked again a minute later at the earliest");
    world.pass(minutes(1));
    assert_eq!((one.ask(&world).await, shelf.asked()), (200, 2));
    shelf.now(Manner::Status("404 Not Found", vec![two.jwk()]));
    world.pass(minutes(15));
    assert_eq!((one.ask(&world).await, two.ask(&world).await, shelf.asked()), (200, 401, 3));
    world.pass(days(1) - minutes(16));
    assert_eq!((one.ask(&world).await, shelf.asked()), (200, 4));
    world.pass(minutes(1));
    assert_eq!((one.ask(&world).await, shelf.asked()), (401, 5), "a day after they were fetched");
    shelf.keys(&[&two]);
    world.pass(minutes(1));
    assert_eq!((two.ask(&world).await, shelf.asked()), (200, 6));
});

both!(sec_h04_a_flood_of_unknown_keys_fetches_once_a_minute, async |mut world| {
    let one = Key::ec("eins");
    let shelf = parken(&mut world, Manner::Keys(vec![one.jwk()])).await;
    let browser = world.browser();
    for minute in 1..=2 {
        for round in 0..20 {
            let assertions: Vec<_> = (0..10).map(|n| one.assertion_as(&world, &format!("kid-{round}-{n}"))).collect();
            let answers = assertions.iter().map(|assertion| ask(&browser, assertion));
            assert_eq!(futures_util::future::join_all(answers).await, [401; 10]);
        }
        assert_eq!(shelf.asked(), minute);
        assert_eq!(one.ask(&world).await, 200, "the client itself is not in the way");
        world.pass(minutes(1));
    }
});

both!(one_fetch_at_a_time_and_nobody_can_break_it_off, async |mut world| {
    let one = Key::ec("eins");
    let shelf = parken(&mut world, Manner::Late(Duration::from_secs(1), vec![one.jwk()])).await;
    let browser = world.browser();
    // Whoever asked first goes away at once; the fetch goes on.
    let assertion = one.assertion_as(&world, "eins");
    let gone = tokio::time::timeout(Duration::from_millis(300), ask(&browser, &assertion)).await;
    assert!(gone.is_err());
    let assertions: Vec<_> = (0..20).map(|_| one.assertion_as(&world, "eins")).collect();
    let answers = futures_util::future::join_all(assertions.iter().map(|assertion| ask(&browser, assertion))).await;
    assert_eq!((answers, shelf.asked()), (vec![200; 20], 1));
});

both!(sec_l04_endless_and_huge_answers_are_cut, async |mut world| {
    let one = Key::ec("eins");
    let shelf = parken(&mut world, Manner::Keys(vec![one.jwk()])).await;
    assert_eq!(one.ask(&world).await, 200);
    shelf.now(Manner::Drop);
    world.pass(minutes(15));
    let (started, browser) = (Instant::now(), world.browser());
    let assertion = one.assertion_as(&world, "eins");
    let first = async {
        let answer = ask(&browser, &assertion).await;
        (answer, started.elapsed())
    };
    let others = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let same = one.ask(&world).await;
        let other = Service::new("bibliothek").redeem(&world, "x").await.status;
        let page = world.browser().get("/").await.status;
        ((same, other, page), started.elapsed())
    };
    let ((first, waited), (others, elapsed)) = tokio::join!(first, others);
    assert_eq!((first, others), (200, (200, 400, 200)), "what was known counts on");
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
    assert!(elapsed < Duration::from_secs(4), "nobody else waits: {elapsed:?}");
    for (length, is_said) in [(1_000_000_000, true), (1_000_000_000, false), (70_000, true), (70_000, false)] {
        shelf.now(Manner::Huge { length, is_said });
        world.pass(minutes(1));
        let started = Instant::now();
        assert_eq!(one.ask(&world).await, 200);
        assert!(started.elapsed() < Duration::from_secs(3), "cut at 64 KiB: {:?}", started.elapsed());
    }
    assert_eq!(shelf.asked(), 6);
});

both!(sec_l02_l03_no_way_to_other_places, async |mut world| {
    let one = Key::ec("eins");
    let target = Shelf::open(Manner::Keys(vec![one.jwk()])).await;
    let shelf = parken(&mut world, Manner::Redirect(target.uri())).await;
    assert_eq!((one.ask(&world).await, shelf.asked(), target.asked()), (401, 1, 0), "redirects lead nowhere");
    // Registered where everything is on one machine, and not called where it is not allowed.
    let inside = [
        format!("http://127.0.0.1:{}/jwks", target.port),
        format!("https://127.0.0.1:{}/jwks", target.port),
        format!("http://[::1]:{}/jwks", target.port),
    ];
    for uri in &inside {
        world.clients(&declaration(uri)).await;
        assert_eq!((one.ask(&world).await, target.asked()), (401, 0), "{uri}");
    }
    world.restart(|config| config.outbound.allowed_hosts = Vec::new()).await;
    world.clients(&declaration(&target.uri())).await;
    assert_eq!((one.ask(&world).await, target.asked()), (401, 0), "a name that leads inside");
});

#[test]
fn sec_l02_addresses_that_are_nobodys_are_refused_at_registration() {
    for uri in [
        "https://127.0.0.1/jwks",
        "https://[::1]/jwks",
        "https://[::ffff:10.0.0.1]/jwks",
        "https://0x7f.1/jwks",
        "https://169.254.169.254/latest",
        "https://localhost/jwks",
        "https://localhost./jwks",
        "https://[fe80::1]/jwks",
        "http://dienst.example/jwks",
        "ftp://dienst.example/jwks",
        "file:///etc/passwd",
        "https://user@dienst.example/jwks",
        "https://dienst.example/jwks#x",
        "/jwks",
    ] {
        assert!(ClientFile::parse(&declaration(uri), false).is_err_and(|why| why.contains("jwks_uri")), "{uri}");
    }
    assert!(ClientFile::parse(&declaration("https://dienst.example/jwks"), false).is_ok());
}

both!(sec_h03_h05_bad_key_sets_are_refused, async |mut world| {
    let one = Key::ec("eins");
    let shelf = parken(&mut world, Manner::Keys(Vec::new())).await;
    let with = |change: fn(&mut Value)| {
        let mut jwk = one.jwk();
        change(&mut jwk);
        jwk
    };
    let bad = [
        vec![],
        vec![with(|jwk| jwk["d"] = json!("AQ"))],
        vec![one.jwk(), json!({ "kty": "oct", "kid": "k", "k": "c2VjcmV0" })],
        vec![one.jwk(), Key::ec("eins").jwk()],
        vec![one.jwk(), with(|jwk| (jwk["kid"], jwk["use"]) = (json!("zwei"), json!("enc")))],
        vec![with(|jwk| jwk["use"] = json!("enc"))],
        vec![with(|jwk| jwk["alg"] = json!("RS256"))],
        vec![one.jwk(), json!({ "kty": "XX", "kid": "zwei" })],
        (0..11).map(|_| one.jwk()).collect(),
    ];
    for (number, keys) in bad.iter().enumerate() {
        shelf.now(Manner::Keys(keys.clone()));
        world.pass(minutes(1));
        assert_eq!((one.ask(&world).await, shelf.asked()), (401, number + 1), "{keys:?}");
    }
    shelf.keys(&[&one]);
    world.pass(minutes(1));
    assert_eq!(one.ask(&world).await, 200);
    // A set that has become bad is a failed fetch: the good one counts on.
    shelf.now(Manner::Keys(bad[1].clone()));
    world.pass(minutes(15));
    assert_eq!(one.ask(&world).await, 200);
});
