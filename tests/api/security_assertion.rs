//! Attack rows E05 to E08, G01 to G10 as far as client assertions go: a client that signs.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    RsaKeyPair,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::both;
use crate::support::browser::Answer;
use crate::support::service::VERIFIER;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A service with a key pair instead of a secret.
pub struct Signer {
    pub service: Service,
    pair: EcdsaKeyPair,
}

impl Signer {
    pub const TYPE: &str = ASSERTION_TYPE;

    pub fn new(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { service: Service::new(id), pair }
    }

    fn point(&self) -> (String, String) {
        let point = self.pair.public_key().as_ref();
        (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]))
    }

    pub fn jwk(&self) -> Value {
        let (x, y) = self.point();
        json!({ "kty": "EC", "crv": "P-256", "kid": "eins", "x": x, "y": y })
    }

    pub fn declaration(&self, extra: &str) -> String {
        let text = self.service.declaration(extra);
        let (x, y) = self.point();
        let (front, _) = text.split_once("[client.authentication]").unwrap();
        let key = format!("{{ kty = \"EC\", crv = \"P-256\", kid = \"eins\", x = \"{x}\", y = \"{y}\" }}");
        format!("{front}[client.authentication]\nmethod = \"private_key_jwt\"\njwks = {{ keys = [{key}] }}\n")
    }

    pub fn sign(&self, message: &str) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
    }

    /// Signs header and claims as they are written, whether or not they are JSON.
    pub fn jwt(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(&message));
        format!("{message}.{signature}")
    }

    /// What a well-behaved client says.
    pub fn claims(&self, world: &World) -> Value {
        let now = world.app.now().seconds();
        let id = &self.service.id;
        let mut jti = [0; 16];
        rand::fill(&mut jti).unwrap();
        let (issuer, jti) = (&world.config.issuer, URL_SAFE_NO_PAD.encode(jti));
        json!({ "iss": id, "sub": id, "aud": issuer, "iat": now, "exp": now + 60, "jti": jti })
    }

    pub fn assertion(&self, world: &World, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims(world);
        change(&mut claims);
        self.jwt(&header().to_string(), &claims.to_string())
    }

    pub async fn redeem(&self, browser: &Browser, assertion: &str, code: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.service.redirect_uri),
            ("code_verifier", VERIFIER),
            ("client_assertion", assertion),
        ];
        if !more.iter().any(|(name, _)| *name == "client_assertion_type") {
            form.push(("client_assertion_type", ASSERTION_TYPE));
        }
        form.extend(more);
        browser.without_cookies().post_exactly("/oauth2/token", &form).await
    }
}

fn header() -> Value {
    json!({ "alg": "ES256", "typ": "JWT", "kid": "eins" })
}

pub async fn parken(world: &World) -> Signer {
    let parken = Signer::new("parken");
    world.clients(&parken.declaration("")).await;
    parken
}

/// A client that is believed and brings a wrong code.
async fn assert_believed(world: &World, parken: &Signer, assertion: &str, what: &str) {
    let answer = parken.redeem(&world.browser(), assertion, "x", &[]).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")), "{what}");
}

async fn assert_refused(world: &World, parken: &Signer, assertion: &str, what: &str) {
    let answer = parken.redeem(&world.browser(), assertion, "x", &[]).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")), "{what}");
}

async fn renate(world: &World, parken: &Signer) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    parken.service.code(&mut renate, &[]).await;
    renate
}

both!(sec_e05_an_assertion_counts_once_on_two_nodes, async |world| {
    let parken = parken(&world).await;
    let mut renate = renate(&world, &parken).await;
    let node = world.second_node().await;
    let assertion = parken.assertion(&world, |_| {});
    let mut codes = Vec::new();
    for _ in 0..16 {
        codes.push(parken.service.code(&mut renate, &[]).await);
    }
    let tries = codes.iter().enumerate().map(|(number, code)| {
        let browser = if number % 2 == 1 { renate.at(node.running.address) } else { renate.clone() };
        let (parken, assertion) = (&parken, &assertion);
        async move { parken.redeem(&browser, assertion, code, &[]).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 15, "{statuses:?}");
    // A replay does not burn the code of the honest client.
    let unspent = statuses.iter().position(|status| *status == 401).unwrap();
    let again = parken.redeem(&renate, &parken.assertion(&world, |_| {}), &codes[unspent], &[]).await;
    assert_eq!(again.status, 200);
    node.running.abort().await;
});

both!(sec_e05_an_assertion_counts_once_also_when_it_fails, async |world| {
    let parken = parken(&world).await;
    let assertion = parken.assertion(&world, |_| {});
    assert_believed(&world, &parken, &assertion, "first").await;
    assert_refused(&world, &parken, &assertion, "second").await;
    let fixed = |claims: &mut Value| claims["jti"] = json!("immer-dieselbe");
    assert_believed(&world, &parken, &parken.assertion(&world, fixed), "a jti").await;
    assert_refused(&world, &parken, &parken.assertion(&world, fixed), "the same jti in another assertion").await;
    world.pass(std::time::Duration::from_secs(30));
    assert_refused(&world, &parken, &parken.assertion(&world, fixed), "the same jti a little later").await;
});

// E07: nobody fills the table with what must be remembered for years.
both!(sec_e07_a_remembered_assertion_is_forgotten, async |world| {
    let parken = parken(&world).await;
    for _ in 0..5 {
        assert_believed(
            &world,
            &parken,
            &parken.assertion(&world, |claims| {
                claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 300);
            }),
            "five minutes",
        )
        .await;
    }
    assert_eq!(world.rows("spent_token").await, 5);
    world.pass(std::time::Duration::from_secs(400));
    nutzerkonto::store::retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("spent_token").await, 0);
});

/// A change of the claims and what it is about.
type Change = (&'static str, fn(&mut Value, &World));

#[rustfmt::skip]
const WRONG_CLAIMS: [Change; 40] = [
    ("jti missing",            |c, _| drop(c.as_object_mut().unwrap().remove("jti"))),
    ("jti empty",              |c, _| c["jti"] = json!("")),
    ("jti a number",           |c, _| c["jti"] = json!(1)),
    ("jti null",               |c, _| c["jti"] = Value::Null),
    ("jti endless",            |c, _| c["jti"] = json!("x".repeat(300))),
    ("aud missing",            |c, _| drop(c.as_object_mut().unwrap().remove("aud"))),
    ("aud token endpoint",     |c, w| c["aud"] = json!(format!("{}/oauth2/token", w.config.issuer))),
    ("aud par endpoint",       |c, w| c["aud"] = json!(format!("{}/oauth2/par", w.config.issuer))),
    ("aud list",               |c, w| c["aud"] = json!([w.config.issuer])),
    ("aud list of two",        |c, w| c["aud"] = json!([w.config.issuer, "https://evil.example"])),
    ("aud with slash",         |c, w| c["aud"] = json!(format!("{}/", w.config.issuer))),
    ("aud upper case",         |c, w| c["aud"] = json!(w.config.issuer.to_uppercase())),
    ("aud somebody else",      |c, _| c["aud"] = json!("https://evil.example")),
    ("aud an object",          |c, w| c["aud"] = json!({ "a": w.config.issuer })),
    ("aud null",               |c, _| c["aud"] = Value::Null),
    ("exp missing",            |c, _| drop(c.as_object_mut().unwrap().remove("exp"))),
    ("exp now",                |c, w| c["exp"] = json!(w.app.now().seconds())),
    ("exp past",               |c, w| c["exp"] = json!(w.app.now().seconds() - 1)),
    ("exp too far",            |c, w| c["exp"] = json!(w.app.now().seconds() + 331)),
    ("exp in two days",        |c, w| c["exp"] = json!(w.app.now().seconds() + 48 * 3600)),
    ("exp never",              |c, _| c["exp"] = json!(i64::MAX)),
    ("exp beyond 64 bits",     |c, _| c["exp"] = json!(u64::MAX)),
    ("exp huge",               |c, _| c["exp"] = json!(1e300)),
    ("exp negative",           |c, _| c["exp"] = json!(-1)),
    ("exp a text",             |c, w| c["exp"] = json!(format!("{}", w.app.now().seconds() + 60))),
    ("exp null",               |c, _| c["exp"] = Value::Null),
    ("exp a list",             |c, w| c["exp"] = json!([w.app.now().seconds() + 60])),
    ("nbf in the future",      |c, w| c["nbf"] = json!(w.app.now().seconds() + 31)),
    ("nbf a text",             |c, _| c["nbf"] = json!("0")),
    ("iat in the future",      |c, w| c["iat"] = json!(w.app.now().seconds() + 31)),
    ("iat a text",             |c, _| c["iat"] = json!("jetzt")),
    ("iss missing",            |c, _| drop(c.as_object_mut().unwrap().remove("iss"))),
    ("iss another",            |c, _| c["iss"] = json!("bibliothek")),
    ("iss the provider",       |c, w| c["iss"] = json!(w.config.issuer)),
    ("sub missing",            |c, _| drop(c.as_object_mut().unwrap().remove("sub"))),
    ("sub another",            |c, _| c["sub"] = json!("bibliothek")),
    ("sub unknown",            |c, _| (c["sub"], c["iss"]) = (json!("gibt-es-nicht"), json!("gibt-es-nicht"))),
    ("sub with a blank",       |c, _| (c["sub"], c["iss"]) = (json!("parken "), json!("parken "))),
    ("sub upper case",         |c, _| (c["sub"], c["iss"]) = (json!("PARKEN"), json!("PARKEN"))),
    ("sub a list",             |c, _| c["sub"] = json!(["parken"])),
];

both!(sec_e06_e07_the_claims_are_read_strictly, async |world| {
    let (parken, bibliothek) = (Signer::new("parken"), Signer::new("bibliothek"));
    world.clients(&format!("{}{}", parken.declaration(""), bibliothek.declaration(""))).await;
    for (what, change) in WRONG_CLAIMS {
        let assertion = parken.assertion(&world, |claims| change(claims, &world));
        assert_refused(&world, &parken, &assertion, what).await;
    }
    let (good, header) = (parken.claims(&world).to_string(), header().to_string());
    let doubled = |name: &str, value: &str| format!("{{\"{name}\":{value},{}", &good[1..]);
    for (what, claims) in [
        ("sub twice", doubled("sub", "\"bibliothek\"")),
        ("aud twice", doubled("aud", "\"https://evil.example\"")),
        ("exp twice", doubled("exp", "9999999999")),
        ("exp 1e400", good.replace("\"exp\":", "\"exp\":1e400,\"x\":")),
        ("trailing data", format!("{good}{{}}")),
        ("a byte order mark", format!("\u{feff}{good}")),
        ("no object", "[]".to_owned()),
        ("nothing", String::new()),
        ("deep", format!("{}{good}{}", "{\"a\":".repeat(1000), "}".repeat(1000))),
    ] {
        assert_refused(&world, &parken, &parken.jwt(&header, &claims), &format!("sec_g08 {what}")).await;
    }
    for (what, exp) in [("the shortest", 1), ("the longest", 300)] {
        let assertion = parken.assertion(&world, |claims| claims["exp"] = json!(world.app.now().seconds() + exp));
        assert_believed(&world, &parken, &assertion, what).await;
    }
    for more in [("client_id", "bibliothek"), ("client_assertion_type", "x"), ("client_secret", "x")] {
        let answer = parken.redeem(&world.browser(), &parken.assertion(&world, |_| {}), "x", &[more]).await;
        assert_eq!(answer.status, 401, "sec_e02 {more:?}");
    }
});

/// Signs with the public key as if it were a shared secret.
fn hmac_with(secret: &[u8], alg: &str, claims: &str) -> String {
    let header = json!({ "alg": alg, "typ": "JWT", "kid": "eins" }).to_string();
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

both!(sec_e08_the_algorithm_is_the_keys, async |world| {
    let parken = parken(&world).await;
    let claims = || parken.claims(&world).to_string();
    let (x, _) = parken.point();
    let point = parken.pair.public_key().as_ref().to_vec();
    // SubjectPublicKeyInfo of a P-256 key: a fixed head and the point.
    let head = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap();
    let der = [&head[..], &point[1..]].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    for secret in
        [pem.as_bytes(), pem.trim().as_bytes(), &der, &point, x.as_bytes(), parken.jwk().to_string().as_bytes(), b""]
    {
        for alg in ["HS256", "HS384", "hs256", "ES256"] {
            assert_refused(&world, &parken, &hmac_with(secret, alg, &claims()), &format!("sec_g02 {alg}")).await;
        }
    }
    for alg in [
        "none", "None", "NONE", "nOnE", "", "RS256", "PS256", "ES384", "ES512", "EdDSA", "es256", "ES256 ", "ES256K",
        "RSA1_5",
    ] {
        let header = json!({ "alg": alg, "typ": "JWT", "kid": "eins" }).to_string();
        let signed = parken.jwt(&header, &claims());
        let unsigned = format!("{}.", signed.rsplit_once('.').unwrap().0);
        assert_refused(&world, &parken, &signed, &format!("{alg:?} signed")).await;
        assert_refused(&world, &parken, &unsigned, &format!("sec_g01 {alg:?} unsigned")).await;
    }
    for header in [
        json!({}),
        json!({ "typ": "JWT", "kid": "eins" }),
        json!({ "alg": null, "kid": "eins" }),
        json!({ "alg": ["ES256"], "kid": "eins" }),
    ] {
        assert_refused(&world, &parken, &parken.jwt(&header.to_string(), &claims()), "no alg").await;
    }
    assert_believed(&world, &parken, &parken.jwt(&header().to_string(), &claims()), "the right one").await;
});

// An RSA key without `alg` signs PS256; what its holder writes into a header changes nothing.
both!(sec_e08_an_rsa_key_signs_what_was_agreed, async |world| {
    let pem = include_str!("../../keys-dev/id-token-rs256.pem");
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    let modulus = URL_SAFE_NO_PAD.encode(pair.public_key().modulus().big_endian_without_leading_zero());
    let parken = Signer::new("parken");
    let declaration = parken.declaration("");
    let (front, _) = declaration.split_once("jwks = ").unwrap();
    let jwks = format!("{{ keys = [{{ kty = \"RSA\", kid = \"eins\", n = \"{modulus}\", e = \"AQAB\" }}] }}\n");
    world.clients(&format!("{front}jwks = {jwks}")).await;
    let sign = |alg: &str, padding: &'static dyn RsaEncoding| {
        let header = json!({ "alg": alg, "typ": "JWT", "kid": "eins" }).to_string();
        let claims = parken.claims(&world).to_string();
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    assert_refused(&world, &parken, &sign("RS256", &RSA_PKCS1_SHA256), "the older padding").await;
    assert_refused(&world, &parken, &sign("PS256", &RSA_PKCS1_SHA256), "the older padding under a newer name").await;
    assert_refused(&world, &parken, &sign("RS256", &RSA_PSS_SHA256), "the other way round").await;
    assert_refused(&world, &parken, &sign("PS512", &RSA_PSS_SHA256), "another hash").await;
    assert_believed(&world, &parken, &sign("PS256", &RSA_PSS_SHA256), "what was agreed").await;
});

both!(sec_g03_g04_the_key_is_the_registered_one, async |world| {
    let (parken, attacker) = (parken(&world).await, Signer::new("parken"));
    let claims = || parken.claims(&world).to_string();
    let with = |name: &str, value: Value| {
        let mut header = header();
        header[name] = value;
        header.to_string()
    };
    for kid in ["zwei", "", "../../dev/null", "eins'--", "eins\0", "Eins", "eins ", "*", &"k".repeat(6000)] {
        assert_refused(&world, &parken, &parken.jwt(&with("kid", json!(kid)), &claims()), &format!("kid {kid:.20}"))
            .await;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    for (name, value) in [
        ("jwk", attacker.jwk()),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!([STANDARD.encode(attacker.pair.public_key().as_ref())])),
    ] {
        assert_refused(&world, &parken, &attacker.jwt(&with(name, value), &claims()), name).await;
    }
    assert!(listener.accept().is_err(), "nobody came for the key");
    assert_refused(&world, &parken, &attacker.jwt(&header().to_string(), &claims()), "another key").await;
});

// RFC 7515 section 4.1.11: what is critical and not understood refuses the whole.
both!(sec_g05_critical_extensions_are_refused, async |world| {
    let parken = parken(&world).await;
    for extension in [
        json!({ "crit": ["exp"], "exp": 1 }),
        json!({ "crit": ["unbekannt"], "unbekannt": true }),
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "crit": [] }),
    ] {
        let mut header = header();
        header.as_object_mut().unwrap().extend(extension.as_object().unwrap().clone());
        let assertion = parken.jwt(&header.to_string(), &parken.claims(&world).to_string());
        assert_refused(&world, &parken, &assertion, &extension.to_string()).await;
    }
});

both!(sec_g10_signatures_are_exact, async |world| {
    let parken = parken(&world).await;
    let assertion = parken.assertion(&world, |_| {});
    let (message, signature) = assertion.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let integer = |part: &[u8]| [&[2, 33, 0][..], part].concat();
    let der = [&[0x30, 70][..], &integer(&raw[..32]), &integer(&raw[32..])].concat();
    let flipped = |bit: usize| {
        let mut raw = raw.clone();
        raw[bit / 8] ^= 1 << (bit % 8);
        raw
    };
    let zero_r = [&[0; 32][..], &raw[32..]].concat();
    let zero_s = [&raw[..32], &[0; 32][..]].concat();
    let mut wrong = vec![vec![], vec![0; 64], zero_r, zero_s, raw[..63].to_vec(), [&raw[..], &[0]].concat(), der];
    wrong.extend((0..512).step_by(37).map(flipped));
    for signature in wrong {
        let assertion = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&signature));
        assert_refused(&world, &parken, &assertion, &format!("{} bytes", signature.len())).await;
    }
    for form in [
        message.to_owned(),
        format!("{message}."),
        format!("{assertion}."),
        format!("{assertion}.{signature}"),
        format!("{assertion}="),
        format!(" {assertion}"),
        format!("{assertion}\n"),
        assertion.replace('.', ".."),
        ".".repeat(8000),
        format!("{assertion}{}", "A".repeat(8192)),
    ] {
        assert_refused(&world, &parken, &form, &form[..form.len().min(30)]).await;
    }
    assert_believed(&world, &parken, &assertion, "the right one, last").await;
});

both!(sec_e05_one_write_for_a_machine_that_signs, async |world| {
    let machine = Signer::new("maschine");
    world.clients(&machine.declaration("own_scopes = [\"postfach.lesen\"]")).await;
    let assertion = machine.assertion(&world, |_| {});
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion", assertion.as_str()),
        ("client_assertion_type", ASSERTION_TYPE),
    ];
    let commits = world.app.db.commits();
    assert_eq!(world.browser().post_exactly("/oauth2/token", &form).await.status, 200);
    assert_eq!(world.app.db.commits() - commits, 1, "the assertion, and nothing else");
    assert_eq!(world.browser().post_exactly("/oauth2/token", &form).await.status, 401, "it counts once");
});
