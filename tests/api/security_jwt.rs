//! Attack group G where tokens of our own come back to us: at userinfo, introspection, revocation, and as a hint. What
//! clients sign stands in [`security_assertion`](crate::security_assertion).

use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nutzerkonto::client::ClientFile;
use nutzerkonto::kernel::secret::sha256;
use nutzerkonto::keys::rotate::revoke;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::both;
use crate::security_assertion::Signer;
use crate::support::doors::{connected, introspect, text, tokens};
use crate::support::service::claims;
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, Service, World};

/// Our own signing keys, as every world has them, and tokens that they signed.
struct Mint {
    access: String,
    id: String,
}

/// Which of our keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    Access,
    Id,
}

impl Ours {
    fn pair(self) -> EcdsaKeyPair {
        let pem = match self {
            Self::Access => include_str!("../../keys-dev/access-token-es256.pem"),
            Self::Id => include_str!("../../keys-dev/id-token-es256.pem"),
        };
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der()).unwrap()
    }
}

/// Signs header and claims as they are written.
fn sign(pair: &EcdsaKeyPair, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn part(token: &str, place: usize) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(place).unwrap()).unwrap()).unwrap()
}

impl Mint {
    async fn open(world: &World, parken: &Service, renate: &mut Browser) -> Self {
        let held = tokens(world, parken, renate, &[]).await;
        Self { access: text(&held, "access_token"), id: text(&held, "id_token") }
    }

    fn genuine(&self, ours: Ours) -> &str {
        if ours == Ours::Access { &self.access } else { &self.id }
    }

    /// A token of ours with another header or other claims, signed with our own key.
    fn strike(&self, ours: Ours, header: Option<&str>, claims: Option<&str>) -> String {
        let genuine = self.genuine(ours);
        let (old_header, old_claims) = (part(genuine, 0), part(genuine, 1));
        sign(&ours.pair(), header.unwrap_or(&old_header), claims.unwrap_or(&old_claims))
    }
}

/// At which of our doors a token opens anything.
async fn opens(world: &World, parken: &Service, renate: &Browser, token: &str) -> Vec<&'static str> {
    let mut doors = Vec::new();
    if parken.userinfo(world, token).await.status == 200 {
        doors.push("userinfo");
    }
    if introspect(world, parken, token).await["active"] == true {
        doors.push("introspection");
    }
    let hint = parken.request(&[("id_token_hint", token), ("prompt", "none")]);
    if renate.clone().get(&hint).await.parameter("code").is_some() {
        doors.push("hint");
    }
    // Nobody is signed in here: a hint that is understood leads to the end, any other to a page.
    let logout = format!(
        "/oauth2/logout?{}",
        url::form_urlencoded::Serializer::new(String::new()).append_pair("id_token_hint", token).finish()
    );
    let out = world.browser().get(&logout).await;
    if out.status == 303 {
        doors.push("logout");
    }
    doors
}

async fn stage(world: &World) -> (Service, Browser, Mint) {
    let [parken, _] = two_services(world).await;
    let mut renate = connected(world, &[&parken]).await;
    let mint = Mint::open(world, &parken, &mut renate).await;
    (parken, renate, mint)
}

const DOORS: [(Ours, [&str; 2]); 2] = [(Ours::Access, ["userinfo", "introspection"]), (Ours::Id, ["hint", "logout"])];

both!(sec_g01_g02_g03_g05_no_header_opens_a_door, async |world| {
    let (parken, renate, mint) = stage(&world).await;
    for (ours, doors) in DOORS {
        assert_eq!(opens(&world, &parken, &renate, &mint.strike(ours, None, None)).await, doors, "what we would sign");
        let (header, claims) = (part(mint.genuine(ours), 0), part(mint.genuine(ours), 1));
        let header: Value = serde_json::from_str(&header).unwrap();
        let with = |name: &str, value: Value| {
            let mut header = header.clone();
            header[name] = value;
            header.to_string()
        };
        let mut forged = Vec::new();
        for alg in ["none", "None", "NoNe", "NONE", "", "HS256", "HS512", "RS256", "PS256", "ES384", "EdDSA", "es256"] {
            let token = mint.strike(ours, Some(&with("alg", json!(alg))), None);
            forged.push(format!("{}.", token.rsplit_once('.').unwrap().0));
            forged.push(token);
        }
        forged.push(mint.strike(ours, Some(&with("alg", Value::Null)), None));
        forged.push(mint.strike(ours, Some("{}"), None));
        let foreign = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        forged.push(sign(&foreign, &header.to_string(), &claims));
        let other = if ours == Ours::Access { Ours::Id } else { Ours::Access };
        forged.push(sign(&other.pair(), &header.to_string(), &claims));
        let their_kid = serde_json::from_str::<Value>(&part(mint.genuine(other), 0)).unwrap()["kid"].clone();
        forged.push(mint.strike(ours, Some(&with("kid", their_kid.clone())), None));
        forged.push(sign(&other.pair(), &with("kid", their_kid), &claims));
        for kid in
            [json!(""), json!("../../dev/null"), json!("x' OR '1'='1"), json!("k".repeat(6000)), json!(1), Value::Null]
        {
            forged.push(mint.strike(ours, Some(&with("kid", kid)), None));
        }
        for (name, value) in
            [("crit", json!(["exp"])), ("crit", json!([])), ("b64", json!(false)), ("zip", json!("DEF"))]
        {
            forged.push(mint.strike(ours, Some(&with(name, value)), None));
        }
        // The public key as a shared secret, in every form in which it might be at hand.
        let point = ours.pair().public_key().as_ref().to_vec();
        let der = [&STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap()[..], &point[1..]].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
        for secret in [&point[..], &point[1..], &der, pem.as_bytes(), b""] {
            let header = with("alg", json!("HS256"));
            let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(&claims));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
            forged.push(format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)));
        }
        for token in &forged {
            let found = opens(&world, &parken, &renate, token).await;
            assert_eq!(found, [""; 0], "{ours:?} {:.200}", part(token, 0));
        }
    }
});

both!(sec_g04_no_key_is_fetched_for_anybody, async |world| {
    let (parken, renate, mint) = stage(&world).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let attacker = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = attacker.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let signer = Signer::new("signer");
    world.clients(&format!("{}{}", parken.declaration(""), signer.declaration(""))).await;
    for (ours, _) in DOORS {
        let header: Value = serde_json::from_str(&part(mint.genuine(ours), 0)).unwrap();
        let claims = part(mint.genuine(ours), 1);
        for (name, value) in
            [("jku", json!(url)), ("x5u", json!(url)), ("jwk", jwk.clone()), ("x5c", json!([STANDARD.encode(point)]))]
        {
            for keep_kid in [true, false] {
                let mut header = header.clone();
                header[name] = value.clone();
                if !keep_kid {
                    header.as_object_mut().unwrap().remove("kid");
                }
                let token = sign(&attacker, &header.to_string(), &claims);
                assert_eq!(opens(&world, &parken, &renate, &token).await, [""; 0], "{ours:?} {name}");
            }
        }
    }
    // Addresses in other places are not visited either.
    let mut anybody = renate.clone();
    for name in ["request_uri", "registration", "logo_uri", "sector_identifier_uri", "jwks_uri", "tos_uri"] {
        drop(anybody.get(&parken.request(&[(name, &url)])).await);
    }
    for iss in [&url, "https://evil.example"] {
        let assertion = signer.assertion(&world, |claims| claims["iss"] = json!(iss));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", Signer::TYPE),
            ("client_assertion", &assertion),
        ];
        assert_eq!(world.browser().post_exactly("/oauth2/token", &form).await.status, 401);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(listener.accept().is_err(), "nobody came");
});

// Signed by our own key, and still: a time that is no whole number, or is missing, or a second one, makes it none.
both!(sec_g07_g08_claims_are_what_they_are_meant_to_be, async |world| {
    let (parken, renate, mint) = stage(&world).await;
    let now = world.app.now().seconds();
    let access: Value = serde_json::from_str(&part(&mint.access, 1)).unwrap();
    let id: Value = serde_json::from_str(&part(&mint.id, 1)).unwrap();
    for (ours, claims, times, texts) in [
        (Ours::Access, &access, &["exp", "iat"][..], &["iss", "sub", "aud", "client_id", "scope", "jti"][..]),
        (Ours::Id, &id, &[][..], &["iss", "sub", "aud"][..]),
    ] {
        let mut wrong = Vec::new();
        for name in times.iter().chain(texts) {
            let mut without = claims.clone();
            without.as_object_mut().unwrap().remove(*name);
            wrong.push((format!("{name} missing"), without.to_string()));
            let other = if times.contains(name) { json!((now + 60).to_string()) } else { json!([claims[*name]]) };
            for value in [Value::Null, json!({}), json!([]), json!(true), json!(1.5), other] {
                let mut changed = claims.clone();
                changed[*name] = value.clone();
                wrong.push((format!("{name} {value}"), changed.to_string()));
            }
            let good = claims.to_string();
            wrong.push((format!("{name} twice"), format!("{{\"{name}\":{},{}", claims[*name], &good[1..])));
        }
        for name in times {
            for value in ["1e400", "-1e400", "9223372036854775808", "-9223372036854775809", "1e300", "NaN", "1E2"] {
                let text = claims
                    .to_string()
                    .replace(&format!("\"{name}\":{}", claims[*name]), &format!("\"{name}\":{value}"));
                wrong.push((format!("{name} {value}"), text));
            }
        }
        let good = claims.to_string();
        wrong.push(("more behind it".to_owned(), format!("{good}{{}}")));
        wrong.push(("a second object".to_owned(), format!("{good}{good}")));
        wrong.push(("a byte order mark".to_owned(), format!("\u{feff}{good}")));
        wrong.push(("a list".to_owned(), format!("[{good}]")));
        for (what, text) in wrong {
            assert_eq!(
                opens(&world, &parken, &renate, &mint.strike(ours, None, Some(&text))).await,
                [""; 0],
                "{ours:?} {what}"
            );
        }
    }
    for past in [now, now - 1, -1, i64::MIN] {
        let mut expired = access.clone();
        expired["exp"] = json!(past);
        let token = mint.strike(Ours::Access, None, Some(&expired.to_string()));
        assert_eq!(opens(&world, &parken, &renate, &token).await, [""; 0], "expired at {past}");
    }
});

/// The quickest of some tries: what the work itself takes, whatever else the machine does.
async fn quickest(mut act: impl AsyncFnMut()) -> Duration {
    let mut times = Vec::new();
    for _ in 0..8 {
        let began_at = Instant::now();
        act().await;
        times.push(began_at.elapsed());
    }
    times.into_iter().min().unwrap()
}

/// A token costs hardly more than as many bytes that nobody looks at. Other tests run beside this one: what really costs
/// more does so every time.
async fn assert_cheap(what: &str, mut costly: impl AsyncFnMut(), mut plain: impl AsyncFnMut()) {
    let mut times = Vec::new();
    for _ in 0..6 {
        let (costly, plain) = (quickest(&mut costly).await, quickest(&mut plain).await);
        if costly < plain * 2 + Duration::from_millis(15) {
            return;
        }
        times.push((costly, plain));
    }
    panic!("{what}: {times:?}");
}

both!(sec_g09_a_huge_or_costly_token_is_cheap_to_refuse, async |world| {
    let (parken, _, mint) = stage(&world).await;
    let jwe = |header: Value| {
        let parts = ["A".repeat(342), "A".repeat(16), "A".repeat(20_000), "A".repeat(22)];
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), parts.join("."))
    };
    let costly = [
        ".".repeat(60_000),
        "A".repeat(60_000),
        format!("{}{}", mint.access, "A".repeat(50_000)),
        mint.strike(Ours::Access, None, Some(&format!("{}{}", "[".repeat(20_000), "]".repeat(20_000)))),
        mint.strike(Ours::Access, Some(&format!("{{\"alg\":\"ES256\",\"x\":{}", "[".repeat(40_000))), None),
        jwe(json!({ "alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 2_147_483_647_u32, "p2s": "AAAA" })),
        jwe(json!({ "alg": "dir", "enc": "A256GCM", "zip": "DEF" })),
        jwe(json!({ "alg": "RSA1_5", "enc": "A128CBC-HS256" })),
        jwe(json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM" })),
    ];
    let assertion = |token| [("client_assertion_type", Signer::TYPE), ("client_assertion", token), ("x", "")];
    for token in &costly {
        let padding = "A".repeat(token.len());
        let ask = async |form: &[(&str, &str)]| {
            assert_eq!(parken.ask(&world, "/oauth2/introspect", form).await.json(), json!({ "active": false }))
        };
        let what = |door: &str| format!("{door}: {token:.60}");
        let (costly, plain) =
            (async || ask(&[("token", token)]).await, async || ask(&[("token", "x"), ("x", &padding)]).await);
        assert_cheap(&what("introspection"), costly, plain).await;
        let prove = async |form: [(&str, &str); 3]| {
            assert_eq!(world.browser().post_exactly("/oauth2/token", &form).await.status, 401);
        };
        let unproven = [("client_id", "parken"), ("x", padding.as_str()), ("y", "")];
        assert_cheap(&what("authentication"), async || prove(assertion(token)).await, async || prove(unproven).await)
            .await;
        let cut = &token[..token.len().min(14_000)];
        let look = async |name: &'static str| {
            let request = parken.request(&[(name, cut), ("prompt", "none")]);
            assert!(world.browser().get(&request).await.parameter("code").is_none());
        };
        assert_cheap(&what("a hint"), async || look("id_token_hint").await, async || look("x").await).await;
        assert!([401, 431].contains(&parken.userinfo(&world, cut).await.status));
    }
    let metadata = world.browser().get("/.well-known/openid-configuration").await.body;
    for never in ["PBES2", "RSA1_5", "HS256"] {
        assert!(!metadata.contains(never), "{never}");
    }
});

// RUSTSEC-2023-0071: the crate `rsa` tells a private key by the time it takes. One dependency brings it and holds no key of
// ours: openidconnect, by which the demonstration's service verifies. Nobody else may use it.
#[test]
fn sec_g11_the_crate_that_leaks_rsa_keys_by_time_has_no_key_of_ours() {
    let lock = include_str!("../../Cargo.lock");
    let packages: Vec<(&str, Vec<&str>)> = lock
        .split("[[package]]")
        .filter_map(|text| {
            let name = text.split_once("name = \"")?.1.split('"').next()?;
            let needs = text.lines().filter_map(|line| line.strip_prefix(" \"")?.split(['"', ' ']).next());
            Some((name, needs.collect()))
        })
        .collect();
    let who_needs = |name: &str| -> Vec<&str> {
        packages.iter().filter(|(_, needs)| needs.contains(&name)).map(|(package, _)| *package).collect()
    };
    assert!(who_needs("aws-lc-rs").contains(&"nutzerkonto"), "the file is understood");
    // A relying party, and what verifies passkeys: both have public keys only.
    assert_eq!(who_needs("rsa"), ["crypto-glue", "openidconnect"]);
    assert_eq!(who_needs("crypto-glue"), ["webauthn-attestation-ca", "webauthn-rs-core"]);
    assert_eq!(who_needs("webauthn-rs-core"), ["nutzerkonto", "webauthn-rs"]);
    assert_eq!([who_needs("openidconnect"), who_needs("webauthn-rs")], [["nutzerkonto"]; 2]);
    for banned in ["openssl", "openssl-sys", "native-tls"] {
        assert!(packages.iter().all(|(name, _)| *name != banned), "{banned}");
    }
}

both!(sec_g12_an_id_token_says_what_it_must_and_no_more, async |world| {
    let [parken, bibliothek] = two_services(&world).await;
    let mut renate = connected(&world, &[&parken, &bibliothek]).await;
    let began = world.app.now().seconds();
    world.pass(Duration::from_secs(40));
    let mut subjects = Vec::new();
    for (service, nonce) in [(&parken, "n-0S6_WzA2Mj"), (&parken, "Größe \"&<\\ +%20"), (&bibliothek, "")] {
        let held = tokens(&world, service, &mut renate, &[("nonce", nonce)]).await;
        let (id, now) = (claims(&text(&held, "id_token")), world.app.now().seconds());
        let mut expected = vec!["acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "nonce", "sub"];
        expected.retain(|name| *name != "nonce" || !nonce.is_empty());
        assert_eq!(id.as_object().unwrap().keys().collect::<Vec<_>>(), expected, "and nothing else");
        assert_eq!(id.get("nonce").and_then(Value::as_str).unwrap_or_default(), nonce, "exact");
        assert_eq!((&id["iss"], &id["aud"]), (&json!(world.config.issuer), &json!(service.id)), "one audience, a text");
        assert_eq!((id["iat"].as_i64(), id["exp"].as_i64()), (Some(now), Some(now + 300)), "five minutes");
        assert_eq!(id["auth_time"].as_i64(), Some(began), "when Renate signed in, not when the token was made");
        assert_eq!((&id["acr"], &id["amr"]), (&json!("http://bsi.bund.de/eID/LoA/undefined"), &json!(["pwd"])));
        let half = URL_SAFE_NO_PAD.encode(&sha256(text(&held, "access_token").as_bytes())[..16]);
        assert_eq!(id["at_hash"], json!(half), "OpenID Connect Core section 3.1.3.6");
        subjects.push(text(&id, "sub"));
    }
    assert!(subjects[0] == subjects[1] && subjects[1] != subjects[2], "pairwise: {subjects:?}");
    let account = world.texts("SELECT id FROM account").await.remove(0);
    assert!(subjects.iter().all(|subject| !subject.contains(&account) && !subject.contains("renate")), "{subjects:?}");
});

#[test]
fn sec_g13_nobody_declares_a_claim_of_ours() {
    let parken = Service::new("parken");
    for name in [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "acr",
        "amr",
        "azp",
        "nonce",
        "at_hash",
        "c_hash",
        "auth_time",
        "sid",
        "roles",
        "cnf",
    ] {
        let claims = format!("claims = [{{ names = [\"{name}\"] }}]");
        let file =
            parken.declaration("").lines().filter(|line| !line.starts_with("claims")).collect::<Vec<_>>().join("\n");
        let file =
            file.replace("scopes = [\"openid\", \"profile\", \"email\"]", &format!("scopes = [\"openid\"]\n{claims}"));
        assert!(file.contains(&claims) && ClientFile::parse(&file, true).is_err(), "{name}");
    }
}

// What we mail is a number that a row of ours explains, and nothing that anybody could edit.
both!(sec_g14_what_is_mailed_carries_no_meaning_of_its_own, async |world| {
    let mut renate = world.browser();
    let mut codes = vec![renate.registration_code(&world, EMAIL).await];
    for _ in 0..2 {
        codes.push(renate.registration_code(&world, EMAIL).await);
    }
    assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())), "{codes:?}");
    let newest = codes.pop().unwrap();
    let changed = format!("{}{}", &newest[..5], (newest.as_bytes()[5] - b'0' + 1) % 10);
    for wrong in [&changed, &codes[0], &format!("{newest}0")] {
        assert_eq!(renate.post("/registrieren/code", &[("code", wrong)]).await.status, 422, "{wrong}");
    }
    assert_eq!(renate.post("/registrieren/code", &[("code", &newest)]).await.status, 303);
    world.mails.lock().unwrap().clear();
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Muster"]).await;
    let mut reset = world.browser();
    reset.get("/wieder-anmelden/email").await;
    reset.post("/wieder-anmelden/email", &[("email", "emre@example.org")]).await;
    let mail = world.mail_to("emre@example.org").await;
    for word in mail.body.split_whitespace() {
        assert!(!word.contains("eyJ") && !word.contains('=') && word.matches('.').count() < 4, "{word}");
        let link = word.contains("://");
        assert!(!link || !word.contains(['?', '#']) && word.len() < 60, "a link says nothing: {word}");
    }
});

// Two cut-offs: the key that signed, and the grant behind the token. The stricter counts, at every door.
both!(sec_g15_the_stricter_cut_off_counts, async |world| {
    let (parken, mut renate, mint) = stage(&world).await;
    let later = Mint::open(&world, &parken, &mut renate).await;
    assert_eq!(parken.ask(&world, "/oauth2/revoke", &[("token", &mint.access)]).await.status, 200);
    assert_eq!(opens(&world, &parken, &renate, &mint.access).await, [""; 0], "the key is good, the grant has ended");
    assert_eq!(opens(&world, &parken, &renate, &later.access).await, ["userinfo", "introspection"]);
    let operator = world.open_with(|_| {}).await.unwrap();
    let key = jsonwebtoken::decode_header(&later.access).unwrap().kid.unwrap();
    revoke(&operator, &key).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let doors = opens(&world, &parken, &renate, &later.access).await;
    // As a hint, what names a revoked key counts as absent.
    let found: Vec<_> = doors.into_iter().filter(|door| !["hint", "logout"].contains(door)).collect();
    assert_eq!(found, [""; 0], "the grant is good, the key is not");
    let fresh = Mint::open(&world, &parken, &mut renate).await;
    assert_eq!(opens(&world, &parken, &renate, &fresh.access).await, ["userinfo", "introspection"]);
});

#[test]
fn sec_h05_a_service_names_each_of_its_keys_once_and_for_signing() {
    let signer = Signer::new("parken");
    let declaration = signer.declaration("");
    let (front, keys) = declaration.split_once("keys = [").unwrap();
    let key = keys.split_once(']').unwrap().0;
    let file = |keys: &str| ClientFile::parse(&format!("{front}keys = [{keys}] }}\n"), true);
    assert!(file(key).is_ok());
    assert!(file(&format!("{key}, {}", key.replace("eins", "zwei"))).is_ok());
    assert!(file(&format!("{key}, {key}")).unwrap_err().contains("kid"), "one name for two keys");
    let used_for = |purpose: &str| file(&key.replace("kty =", &format!("use = \"{purpose}\", kty =")));
    assert!(used_for("sig").is_ok());
    assert!(used_for("enc").is_err(), "a key for encryption proves nobody");
    let nameless = key.replace("kid = \"eins\", ", "");
    assert!(file(&nameless).is_ok(), "one alone");
    assert!(file(&format!("{nameless}, {key}")).unwrap_err().contains("kid"), "a key without a name among others");
    assert!(file("{ kty = \"oct\", kid = \"eins\", k = \"AAAA\" }").is_err(), "sec_h03: a shared secret");
}
