//! Client certificates (RFC 8705): a service authenticates with one, and its tokens are worth nothing without it. Attack rows
//! J04 and J06.

use nutzerkonto::kernel::time::{days, minutes};
use rcgen::ExtendedKeyUsagePurpose;
use serde_json::{Value, json};

use crate::both;
use crate::security_assertion::Signer;
use crate::sender_constraint::{self, Bound, thumbprint};
use crate::support::browser::Answer;
use crate::support::card::{ALIAS, Authority, Caller, Card, Door, between, dns, uri};
use crate::support::doors::{OFFLINE, connected, refusal, text};
use crate::support::service::{VERIFIER, claims, vorgang};
use crate::support::world::START;
use crate::support::{Browser, Service, World};

const AGAIN: (&str, &str) = ("prompt", "consent");
pub const BOUND: &str = "certificate_bound_tokens = true";

/// A service that authenticates so; it may act in its own name, too.
pub fn declaration(id: &str, extra: &str, authentication: &str) -> String {
    let text = Service::new(id).offline_declaration(&format!("own_scopes = [\"lesen\"]\n{extra}"));
    let (front, _) = text.split_once("[client.authentication]").unwrap();
    format!("{front}[client.authentication]\n{authentication}\n")
}

/// With certificates of its own.
pub fn own(cards: &[&Card]) -> String {
    let thumbprints: Vec<String> = cards.iter().map(|card| card.thumbprint()).collect();
    format!("method = \"self_signed_tls_client_auth\"\ncertificates = {thumbprints:?}")
}

/// With one that the authority has issued.
pub fn issued(name: &str) -> String {
    format!("method = \"tls_client_auth\"\n{name}")
}

fn redemption<'a>(service: &'a Service, code: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &service.redirect_uri),
        ("code_verifier", VERIFIER),
        ("client_id", &service.id),
    ]
}

fn refreshing<'a>(service: &'a Service, token: &'a str) -> [(&'a str, &'a str); 3] {
    [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", &service.id)]
}

/// In its own name: nothing but the authentication can be wrong.
pub async fn ask(caller: &Caller, id: &str) -> (u16, String) {
    refusal(&caller.post("/oauth2/token", &[("grant_type", "client_credentials"), ("client_id", id)]).await)
}

fn believed() -> (u16, String) {
    (200, String::new())
}

pub fn invalid(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

pub async fn redeem(caller: &Caller, service: &Service, code: &str) -> Value {
    let answer = caller.post("/oauth2/token", &redemption(service, code)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

both!(a_service_with_a_certificate_of_its_own_goes_the_whole_way, async |world| {
    let (parken, card, next) = (Service::new("parken"), Card::self_signed(|_| {}), Card::self_signed(|_| {}));
    world.clients(&declaration("parken", BOUND, &own(&[&next, &card]))).await;
    let door = Door::open(&world, &Authority::root()).await;
    let mut renate = connected(&world, &[&parken]).await;
    let caller = door.caller(Some(&card));
    let tokens = redeem(&caller, &parken, &parken.code(&mut renate, &[OFFLINE, AGAIN]).await).await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let bound_to = json!({ "x5t#S256": card.thumbprint() });
    assert_eq!((&tokens["token_type"], &claims(&access)["cnf"]), (&json!("Bearer"), &bound_to));
    let person = caller.userinfo("Bearer", &access).await;
    assert_eq!((person.status, &person.json()["given_name"]), (200, &json!("Renate")), "{}", person.body);
    let in_body = caller.post("/oauth2/userinfo", &[("access_token", &access)]).await;
    assert_eq!(in_body.status, 200, "{}", in_body.body);
    for token in [&access, &refresh] {
        let told = caller.post("/oauth2/introspect", &[("token", token), ("client_id", "parken")]).await.json();
        // A refresh token of a service that authenticates is bound by that (RFC 9449 section 5).
        let expected = if *token == access { bound_to.clone() } else { Value::Null };
        assert_eq!((&told["active"], &told["cnf"]), (&json!(true), &expected), "{told}");
        assert_ne!(told["token_type"], "DPoP");
    }
    for _ in 0..2 {
        let again = caller.post("/oauth2/token", &refreshing(&parken, &refresh)).await;
        assert_eq!((again.status, &again.json()["token_type"]), (200, &json!("Bearer")), "{}", again.body);
        let access = text(&again.json(), "access_token");
        assert_eq!(claims(&access)["cnf"], bound_to);
        assert_eq!(caller.userinfo("Bearer", &access).await.status, 200);
    }
    // In its own name, too.
    let form = [("grant_type", "client_credentials"), ("client_id", "parken")];
    assert_eq!(claims(&text(&caller.post("/oauth2/token", &form).await.json(), "access_token"))["cnf"], bound_to);
    let form = [("token", refresh.as_str()), ("client_id", "parken")];
    assert_eq!(caller.post("/oauth2/revoke", &form).await.status, 200);
    assert_eq!(refusal(&caller.userinfo("Bearer", &access).await), invalid(401, "invalid_token"));
    door.close().await;
});

both!(sec_j06_a_token_opens_with_its_certificate_alone, async |world| {
    let short = between(START.minus(days(1)), START.plus(minutes(2)));
    let (parken, card, other) = (Service::new("parken"), Card::self_signed(short), Card::self_signed(|_| {}));
    let signer = Signer::new("signiert");
    let signed = signer.declaration(BOUND).replace("\"email\"]\n", "\"email\", \"offline_access\"]\n");
    world.clients(&format!("{}{signed}", declaration("parken", BOUND, &own(&[&card, &other])))).await;
    let door = Door::open(&world, &Authority::root()).await;
    let mut renate = connected(&world, &[&parken, &signer.service]).await;
    let (caller, thief, nobody) = (door.caller(Some(&card)), door.caller(Some(&other)), door.caller(None));
    let elsewhere = Caller::at(&world, world.address(), &[("client-cert", &card.header())]);
    let tokens = redeem(&caller, &parken, &parken.code(&mut renate, &[OFFLINE, AGAIN]).await).await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    for (what, stranger) in [("another", &thief), ("none", &nobody), ("elsewhere", &elsewhere)] {
        let answer = stranger.userinfo("Bearer", &access).await;
        assert_eq!(refusal(&answer), invalid(401, "invalid_token"), "{what}");
        assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""), "{what}");
    }
    assert_eq!(refusal(&caller.userinfo("DPoP", &access).await), invalid(401, "invalid_token"), "another scheme");
    // Refreshing: with either of its certificates, and what comes of it is bound to that one.
    let again = thief.post("/oauth2/token", &refreshing(&parken, &refresh)).await;
    let bound_to = json!({ "x5t#S256": other.thumbprint() });
    assert_eq!(claims(&text(&again.json(), "access_token"))["cnf"], bound_to);
    assert_eq!(
        refusal(&nobody.post("/oauth2/token", &refreshing(&parken, &refresh)).await),
        invalid(401, "invalid_client")
    );
    assert_eq!(caller.post("/oauth2/token", &refreshing(&parken, &refresh)).await.status, 200, "its owner goes on");
    certificate_and_assertion(&world, &signer, &mut renate, [&caller, &thief, &nobody]).await;
    world.pass(minutes(3));
    assert_eq!(refusal(&caller.userinfo("Bearer", &access).await), invalid(401, "invalid_token"), "expired");
    let late = caller.post("/oauth2/token", &refreshing(&parken, &refresh)).await;
    assert_eq!(refusal(&late), invalid(401, "invalid_client"), "expired");
    door.close().await;
});

/// Who it is says the assertion; what its tokens are bound to, the certificate.
async fn certificate_and_assertion(world: &World, signer: &Signer, renate: &mut Browser, callers: [&Caller; 3]) {
    let [caller, thief, nobody] = callers;
    let send = async |caller: &Caller, form: &[(&str, &str)]| -> Answer {
        let assertion = signer.assertion(world, |_| {});
        let proven = [("client_assertion", &*assertion), ("client_assertion_type", Signer::TYPE)];
        caller.post("/oauth2/token", &[form, proven.as_slice()].concat()).await
    };
    let code = signer.service.code(renate, &[OFFLINE, AGAIN]).await;
    let form = redemption(&signer.service, &code);
    assert_eq!(refusal(&send(nobody, &form).await), invalid(400, "invalid_request"), "never unbound instead");
    let tokens = send(caller, &form).await.json();
    let refresh = text(&tokens, "refresh_token");
    assert!(claims(&text(&tokens, "access_token"))["cnf"]["x5t#S256"].is_string());
    let form = refreshing(&signer.service, &refresh);
    assert_eq!(refusal(&send(nobody, &form).await), invalid(400, "invalid_request"));
    // Who authenticates may bring another certificate: what comes of it is bound to that one.
    let bound_to = |answer: &Answer| claims(&text(&answer.json(), "access_token"))["cnf"].clone();
    let (own, another) = (send(caller, &form).await, send(thief, &form).await);
    assert_ne!(bound_to(&own), bound_to(&another));
}

both!(sec_j06_a_certificate_is_exactly_the_registered_one, async |world| {
    let (card, other) = (Card::self_signed(|_| {}), Card::self_signed(|_| {}));
    let old = Card::self_signed(between(START.minus(days(9)), START.minus(days(1))));
    let early = Card::self_signed(between(START.plus(days(1)), START.plus(days(9))));
    let basic = Service::new("geheim");
    let texts =
        [declaration("parken", "", &own(&[&card, &old, &early])), basic.declaration("own_scopes = [\"lesen\"]")];
    world.clients(&texts.concat()).await;
    let door = Door::open(&world, &Authority::root()).await;
    let with = |card: &Card| door.caller(Some(card));
    assert_eq!(ask(&with(&card), "parken").await, believed());
    let form = [("grant_type", "client_credentials"), ("client_id", "parken")];
    let unbound = with(&card).post("/oauth2/token", &form).await.json();
    assert!(claims(&text(&unbound, "access_token")).get("cnf").is_none(), "not declared");
    let refused = invalid(401, "invalid_client");
    for (what, caller) in [
        ("another", with(&other)),
        ("expired", with(&old)),
        ("not yet", with(&early)),
        ("none", door.caller(None)),
        ("elsewhere", Caller::at(&world, world.address(), &[("client-cert", &card.header())])),
    ] {
        assert_eq!(ask(&caller, "parken").await, refused, "{what}");
    }
    // No other method, none beside it, and not for somebody else.
    assert_eq!(ask(&with(&card), "geheim").await, refused, "a certificate is not its method");
    assert_eq!(ask(&with(&card), "unbekannt").await, refused);
    let form = [("grant_type", "client_credentials")];
    assert_eq!(refusal(&with(&card).post("/oauth2/token", &form).await), refused, "it does not say who it is");
    let secret = [form[0], ("client_id", "parken"), ("client_secret", "x")];
    assert_eq!(refusal(&with(&card).post("/oauth2/token", &secret).await), refused);
    let header = with(&card).with("authorization", &Service::new("parken").basic());
    assert_eq!(refusal(&header.post("/oauth2/token", &form).await), refused);
    // A connection with a certificate changes nothing for others.
    let ordinary = with(&card).with("authorization", &basic.basic());
    assert_eq!(refusal(&ordinary.post("/oauth2/token", &form).await), believed());
    door.close().await;
});

both!(sec_j06_an_authority_vouches_for_names, async |world| {
    let (root, stranger) = (Authority::root(), Authority::root());
    let branch = root.branch("Zweig");
    let name = [dns("parken.example")];
    world
        .clients(
            &[
                declaration("parken", BOUND, &issued("san_dns = \"parken.example\"")),
                declaration("urne", "", &issued("san_uri = \"urn:dienst:urne\"")),
            ]
            .concat(),
        )
        .await;
    let door = Door::open(&world, &root).await;
    let good = root.issue(&name, |_| {});
    let renewed = branch.issue(&[dns("anderswo.example"), dns("PARKEN.example")], |_| {});
    for card in [&good, &renewed] {
        let form = [("grant_type", "client_credentials"), ("client_id", "parken")];
        let answer = door.caller(Some(card)).post("/oauth2/token", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let bound_to = claims(&text(&answer.json(), "access_token"))["cnf"].clone();
        assert_eq!(bound_to, json!({ "x5t#S256": card.thumbprint() }));
    }
    let urne = root.issue(&[uri("urn:dienst:urne")], |_| {});
    assert_eq!(ask(&door.caller(Some(&urne)), "urne").await, believed());
    let cards = [
        ("an unknown authority", stranger.issue(&name, |_| {})),
        ("the authority in between is missing", branch.issue(&name, |_| {}).without_chain()),
        ("nobody has issued it", Card::self_signed(|params| params.subject_alt_names = name.to_vec())),
        ("expired", root.issue(&name, between(START.minus(days(9)), START.minus(days(1))))),
        ("not yet", root.issue(&name, between(START.plus(days(1)), START.plus(days(9))))),
        ("another name", root.issue(&[dns("anderswo.example")], |_| {})),
        ("below the name", root.issue(&[dns("a.parken.example")], |_| {})),
        ("a wildcard", root.issue(&[dns("*.example")], |_| {})),
        ("of another kind", root.issue(&[uri("parken.example")], |_| {})),
        (
            "only as common name",
            root.issue(&[], |params| {
                params.distinguished_name.push(rcgen::DnType::CommonName, "parken.example");
            }),
        ),
        (
            "for servers",
            root.issue(&name, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
        ("of another service", urne),
    ];
    for (what, card) in &cards {
        assert_eq!(ask(&door.caller(Some(card)), "parken").await, invalid(401, "invalid_client"), "{what}");
    }
    assert_eq!(ask(&door.caller(None), "parken").await, invalid(401, "invalid_client"));
    door.close().await;
});

/// A code by a deposited request.
async fn deposited(caller: &Caller, service: &Service, renate: &mut Browser) -> String {
    let form = service.parameters();
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let pushed = caller.post("/oauth2/par", &form).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let path = crate::support::doors::reference(&service.id, &text(&pushed.json(), "request_uri"));
    let mut answer = renate.visit(&path).await;
    if answer.status == 200 {
        answer = renate.post(&format!("/einwilligung?vorgang={}", vorgang(&answer)), &[("antwort", "ja")]).await;
        answer = renate.follow(answer).await;
    }
    answer.parameter("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
}

both!(a_service_with_much_to_protect_may_have_a_certificate_instead_of_a_key, async |world| {
    let (parken, keyed) = (Service::new("parken"), Service::new("mischt"));
    let (card, root) = (Card::self_signed(|_| {}), Authority::root());
    let fapi = "profile = \"fapi2\"";
    let text_of_both = [
        declaration("parken", &format!("{fapi}\n{BOUND}"), &own(&[&card])),
        declaration("mischt", fapi, &issued("san_dns = \"mischt.example\"")),
    ];
    world.clients(&text_of_both.concat()).await;
    let door = Door::open(&world, &root).await;
    let mut renate = connected(&world, &[]).await;
    let caller = door.caller(Some(&card));
    let code = deposited(&caller, &parken, &mut renate).await;
    let form = redemption(&parken, &code);
    assert_eq!(refusal(&door.caller(None).post("/oauth2/token", &form).await), invalid(401, "invalid_client"));
    let access = text(&redeem(&caller, &parken, &code).await, "access_token");
    assert_eq!(claims(&access)["cnf"], json!({ "x5t#S256": card.thumbprint() }));
    assert_eq!(caller.userinfo("Bearer", &access).await.status, 200);
    // Its requests are deposited all the same.
    let back = renate.get(&parken.request(&[])).await;
    assert_eq!(back.parameter("error").as_deref(), Some("invalid_request"));
    // Not declared to be bound so: it needs a proof, and the proof may name the address that was called.
    let issued = root.issue(&[dns("mischt.example")], |_| {});
    let bound = Bound { client: Signer::new("x"), key: Signer::new("schlüssel") };
    let (caller, proof) = (door.caller(Some(&issued)), Proof { world: &world, bound: &bound, origin: ALIAS });
    let code = deposited(&caller, &keyed, &mut renate).await;
    let form = redemption(&keyed, &code);
    assert_eq!(refusal(&caller.post("/oauth2/token", &form).await), invalid(400, "invalid_dpop_proof"));
    let nonce = nonce(&caller, &form, &proof).await;
    let proven = caller.with("dpop", &proof.make(sender_constraint::TOKEN, &nonce));
    let tokens = redeem(&proven, &keyed, &code).await;
    let access = text(&tokens, "access_token");
    assert_eq!(
        (&tokens["token_type"], &claims(&access)["cnf"]["jkt"]),
        (&json!("DPoP"), &json!(thumbprint(&bound.key)))
    );
    let at = sender_constraint::userinfo(&access);
    assert_eq!(refusal(&caller.userinfo("Bearer", &access).await), invalid(401, "invalid_token"));
    let strange = Proof { origin: "https://mtls.example", ..proof };
    for (of, status) in [(strange, 401), (Proof { origin: &world.config.issuer, ..proof }, 200), (proof, 200)] {
        let answer = caller.with("dpop", &of.make(at, &nonce)).userinfo("DPoP", &access).await;
        assert_eq!(answer.status, status, "{}: {}", of.origin, answer.body);
    }
    door.close().await;
});

/// Proofs for an address.
#[derive(Clone, Copy)]
struct Proof<'a> {
    world: &'a World,
    bound: &'a Bound,
    origin: &'a str,
}

impl Proof<'_> {
    fn make(&self, at: sender_constraint::At<'_>, nonce: &str) -> String {
        let mut claims = self.bound.claims(self.world, at);
        (claims["nonce"], claims["htu"]) = (json!(nonce), json!(format!("{}{}", self.origin, at.path)));
        self.bound.key.jwt(&self.bound.header().to_string(), &claims.to_string())
    }
}

async fn nonce(caller: &Caller, form: &[(&str, &str)], proof: &Proof<'_>) -> String {
    let answer = caller.with("dpop", &proof.make(sender_constraint::TOKEN, "")).post("/oauth2/token", form).await;
    assert_eq!(refusal(&answer), invalid(400, "use_dpop_nonce"));
    answer.header("dpop-nonce").to_owned()
}

both!(a_proof_counts_before_a_certificate, async |world| {
    let (parken, card) = (Service::new("parken"), Card::self_signed(|_| {}));
    world.clients(&declaration("parken", BOUND, &own(&[&card]))).await;
    let door = Door::open(&world, &Authority::root()).await;
    let mut renate = connected(&world, &[&parken]).await;
    let bound = Bound { client: Signer::new("x"), key: Signer::new("schlüssel") };
    let (caller, proof) = (door.caller(Some(&card)), Proof { world: &world, bound: &bound, origin: ALIAS });
    let code = parken.code(&mut renate, &[OFFLINE, AGAIN]).await;
    let nonce = nonce(&caller, &redemption(&parken, &code), &proof).await;
    let proven = || caller.with("dpop", &proof.make(sender_constraint::TOKEN, &nonce));
    let tokens = redeem(&proven(), &parken, &code).await;
    assert_eq!(tokens["token_type"], "DPoP");
    let refresh = text(&tokens, "refresh_token");
    // A service that authenticates refreshes with either, and gets tokens of that kind.
    for (with, kind) in [(&caller, "Bearer"), (&proven(), "DPoP")] {
        let answer = with.post("/oauth2/token", &refreshing(&parken, &refresh)).await;
        assert_eq!((answer.status, &answer.json()["token_type"]), (200, &json!(kind)), "{}", answer.body);
    }
    // A proof makes no token of a certificate one of a key.
    let code = parken.code(&mut renate, &[OFFLINE, AGAIN]).await;
    let tokens = redeem(&caller, &parken, &code).await;
    let access = text(&tokens, "access_token");
    let both = caller.with("dpop", &proof.make(sender_constraint::userinfo(&access), &nonce));
    assert_eq!(refusal(&both.userinfo("DPoP", &access).await), invalid(401, "invalid_token"));
    door.close().await;
});
