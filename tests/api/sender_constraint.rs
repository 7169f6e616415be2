//! Tokens that are worth nothing to whoever steals them (RFC 9449, FAPI 2.0 Security Profile): attack rows J01 to J05, and
//! what the official suite asserts of proofs.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nutzerkonto::kernel::secret::sha256;
use nutzerkonto::kernel::time::minutes;
use serde_json::{Value, json};

use crate::both;
use crate::security_assertion::Signer;
use crate::support::browser::Answer;
use crate::support::service::{VERIFIER, claims, vorgang};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

/// A client that signs, and holds another key that its tokens are bound to.
pub struct Bound {
    pub client: Signer,
    pub key: Signer,
}

/// Where a proof is sent to.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub method: &'static str,
    pub path: &'static str,
    pub token: Option<&'a str>,
}

pub const TOKEN: At<'static> = At { method: "POST", path: "/oauth2/token", token: None };
pub const PAR: At<'static> = At { method: "POST", path: "/oauth2/par", token: None };

pub const fn userinfo(token: &str) -> At<'_> {
    At { method: "GET", path: "/oauth2/userinfo", token: Some(token) }
}

/// The key as it stands in a proof.
pub fn public(key: &Signer) -> Value {
    let mut jwk = key.jwk();
    jwk.as_object_mut().unwrap().remove("kid");
    jwk
}

pub fn thumbprint(key: &Signer) -> String {
    URL_SAFE_NO_PAD.encode(sha256(public(key).to_string().as_bytes()))
}

impl Bound {
    pub async fn new(world: &World, profile: &str) -> Self {
        let bound = Self::of("parken");
        world.clients(&bound.declaration(&format!("profile = \"{profile}\""))).await;
        bound
    }

    /// Under this name, with keys of its own.
    pub fn of(id: &str) -> Self {
        Self { client: Signer::new(id), key: Signer::new("schlüssel") }
    }

    /// Its part of the client file, with these lines besides.
    pub fn declaration(&self, extra: &str) -> String {
        self.client.declaration(extra).replace("\"email\"]\n", "\"email\", \"offline_access\"]\n")
    }

    pub fn service(&self) -> &Service {
        &self.client.service
    }

    /// What a well-behaved proof says, but for the nonce.
    pub fn claims(&self, world: &World, at: At<'_>) -> Value {
        let mut claims = json!({
            "jti": self.client.claims(world)["jti"],
            "htm": at.method,
            "htu": format!("{}{}", world.config.issuer, at.path),
            "iat": world.app.now().seconds(),
        });
        if let Some(token) = at.token {
            claims["ath"] = json!(URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())));
        }
        claims
    }

    pub fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": public(&self.key) })
    }

    pub fn proof(&self, world: &World, at: At<'_>, nonce: &str) -> String {
        let mut claims = self.claims(world, at);
        claims["nonce"] = json!(nonce);
        self.key.jwt(&self.header().to_string(), &claims.to_string())
    }

    /// A proof whose header and claims were changed before it was signed.
    fn changed(&self, (world, at, nonce): (&World, At<'_>, &str), changes: [Change; 2]) -> String {
        let (mut header, mut claims) = (self.header(), self.claims(world, at));
        claims["nonce"] = json!(nonce);
        changes[0](&mut header);
        changes[1](&mut claims);
        self.key.jwt(&header.to_string(), &claims.to_string())
    }

    /// Sends a form as this client, with a proof or without.
    pub async fn ask(&self, world: &World, at: At<'_>, form: &[(&str, &str)], proof: Option<&str>) -> Answer {
        let assertion = self.client.assertion(world, |_| {});
        let form = [form, &[("client_assertion", &*assertion), ("client_assertion_type", Signer::TYPE)]].concat();
        let mut anybody = world.browser();
        let mut request = anybody.request(reqwest::Method::POST, at.path).form(&form);
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        anybody.send(request).await
    }

    /// A nonce as a client learns it: by a refusal.
    pub async fn nonce(&self, world: &World) -> String {
        let proof = self.proof(world, TOKEN, "");
        let answer = self.ask(world, TOKEN, &[("grant_type", "refresh_token")], Some(&proof)).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("use_dpop_nonce")));
        answer.header("dpop-nonce").to_owned()
    }

    /// Deposits a request with these changes; with a proof if there is a nonce.
    pub async fn push(&self, world: &World, changes: &[(&'static str, &str)], proof: Option<&str>) -> Answer {
        let mut form = self.service().parameters();
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            form.push((name, (*value).to_owned()));
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.ask(world, PAR, &form, proof).await
    }

    pub fn reference(&self, uri: &str) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.service().id)
            .append_pair("request_uri", uri)
            .finish();
        format!("/oauth2/authorize?{query}")
    }

    /// A code for somebody who is signed in.
    pub async fn code(
        &self,
        world: &World,
        browser: &mut Browser,
        changes: &[(&'static str, &str)],
        proof: Option<&str>,
    ) -> String {
        let pushed = self.push(world, changes, proof).await;
        assert_eq!(pushed.status, 201, "{}", pushed.body);
        let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
        let mut answer = browser.visit(&self.reference(&uri)).await;
        if answer.status == 200 {
            answer = browser.post(&format!("/einwilligung?vorgang={}", vorgang(&answer)), &[("antwort", "ja")]).await;
            answer = browser.follow(answer).await;
        }
        answer.parameter("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
    }

    pub async fn redeem(&self, world: &World, code: &str, proof: Option<&str>) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.service().redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        self.ask(world, TOKEN, &form, proof).await
    }

    pub async fn refresh(&self, world: &World, token: &str, proof: Option<&str>) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.ask(world, TOKEN, &form, proof).await
    }

    pub async fn read(&self, browser: &Browser, scheme: &str, token: &str, proofs: &[&str]) -> Answer {
        let mut anybody = browser.without_cookies();
        let mut request = anybody.request(reqwest::Method::GET, "/oauth2/userinfo");
        request = request.header("authorization", format!("{scheme} {token}"));
        for proof in proofs {
            request = request.header("dpop", *proof);
        }
        anybody.send(request).await
    }
}

type Change<'a> = &'a dyn Fn(&mut Value);

fn without(name: &'static str) -> impl Fn(&mut Value) {
    move |value| drop(value.as_object_mut().unwrap().remove(name))
}

fn with(name: &'static str, new: Value) -> impl Fn(&mut Value) {
    move |value| value[name] = new.clone()
}

fn same(_: &mut Value) {}

pub async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    renate
}

/// Everything once: the access token, the refresh token.
pub async fn tokens(world: &World, bound: &Bound, renate: &mut Browser, nonce: &str) -> (String, String) {
    let scope = ("scope", "openid profile email offline_access");
    let proof = bound.proof(world, PAR, nonce);
    let code = bound.code(world, renate, &[scope, ("prompt", "consent")], Some(&proof)).await;
    let answer = bound.redeem(world, &code, Some(&bound.proof(world, TOKEN, nonce))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
    assert_eq!(text("token_type"), "DPoP");
    (text("access_token"), text("refresh_token"))
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

both!(a_service_with_much_to_protect_goes_the_whole_way, async |world| {
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = renate(&world).await;
    let nonce = bound.nonce(&world).await;
    let before = world.app.db.commits();
    let (access, refresh) = tokens(&world, &bound, &mut renate, &nonce).await;
    assert_eq!(claims(&access)["cnf"], json!({ "jkt": thumbprint(&bound.key) }));
    assert!(world.app.db.commits() > before);
    let proof = bound.proof(&world, userinfo(&access), &nonce);
    let answer = bound.read(&renate, "DPoP", &access, &[&proof]).await;
    assert_eq!((answer.status, &answer.json()["given_name"]), (200, &json!("Renate")), "{}", answer.body);
    assert!(!answer.header("dpop-nonce").is_empty(), "the next proof needs no refusal before");
    // Whoever asks learns to what it is bound.
    let answer = bound.ask(&world, At { path: "/oauth2/introspect", ..TOKEN }, &[("token", &access)], None).await;
    assert_eq!(answer.json()["cnf"]["jkt"], json!(thumbprint(&bound.key)));
    assert_eq!(answer.json()["token_type"], "DPoP");
    // The refresh token stays, as long as it comes with the key.
    for _ in 0..2 {
        let answer = bound.refresh(&world, &refresh, Some(&bound.proof(&world, TOKEN, &nonce))).await;
        assert_eq!((answer.status, &answer.json()["token_type"]), (200, &json!("DPoP")), "{}", answer.body);
        assert!(answer.json().get("refresh_token").is_none());
    }
});

// With a session and a consent: one transaction to deposit, one for the code, one for the tokens.
both!(a_bound_flow_writes_three_times, async |world| {
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = renate(&world).await;
    let nonce = bound.nonce(&world).await;
    tokens(&world, &bound, &mut renate, &nonce).await;
    world.settle().await;
    let before = world.app.db.commits();
    let code = bound.code(&world, &mut renate, &[], Some(&bound.proof(&world, PAR, &nonce))).await;
    let answer = bound.redeem(&world, &code, Some(&bound.proof(&world, TOKEN, &nonce))).await;
    assert_eq!((answer.status, world.app.db.commits() - before), (200, 3), "{}", answer.body);
});

both!(sec_j01_j02_a_proof_counts_once_on_two_nodes_and_for_its_own_key, async |world| {
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = renate(&world).await;
    let nonce = bound.nonce(&world).await;
    let (access, refresh) = tokens(&world, &bound, &mut renate, &nonce).await;
    let node = world.second_node().await;
    let proof = bound.proof(&world, userinfo(&access), &nonce);
    let tries = (0..16).map(|number| {
        let browser = if number % 2 == 1 { renate.at(node.running.address) } else { renate.clone() };
        let (bound, access, proof) = (&bound, &access, &proof);
        async move { error(&bound.read(&browser, "DPoP", access, &[proof]).await) }
    });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == (401, "invalid_dpop_proof".to_owned())).count(), 15);
    // Nor at the end of the time in which it would have been new.
    let at_token = bound.proof(&world, TOKEN, &nonce);
    assert_eq!(bound.refresh(&world, &refresh, Some(&at_token)).await.status, 200);
    world.pass(minutes(4));
    assert_eq!(error(&bound.refresh(&world, &refresh, Some(&at_token)).await), (400, "invalid_dpop_proof".to_owned()));
    // The same jti by another key is another proof.
    let other = Bound { client: Signer::new("x"), key: Signer::new("fremd") };
    let fresh = bound.nonce(&world).await;
    let mut claims = bound.claims(&world, TOKEN);
    claims["nonce"] = json!(fresh);
    let theirs = other.key.jwt(&other.header().to_string(), &claims.to_string());
    let ours = bound.key.jwt(&bound.header().to_string(), &claims.to_string());
    for proof in [&theirs, &ours] {
        assert_eq!(bound.refresh(&world, &refresh, Some(proof)).await.status, 200);
        let again = bound.refresh(&world, &refresh, Some(proof)).await;
        assert_eq!(error(&again), (400, "invalid_dpop_proof".to_owned()));
    }
    node.running.abort().await;
});

both!(sec_j03_every_part_of_a_proof_counts, async |world| {
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = renate(&world).await;
    let nonce = bound.nonce(&world).await;
    let (access, _) = tokens(&world, &bound, &mut renate, &nonce).await;
    let at = userinfo(&access);
    let make = |header: Change, body: Change| bound.changed((&world, at, &nonce), [header, body]);
    let issuer = world.config.issuer.clone();
    let foreign = public(&Signer::new("fremd"));
    let mut private = public(&bound.key);
    private["d"] = json!("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE");
    for (what, proof) in [
        ("no typ", make(&without("typ"), &same)),
        ("wrong typ", make(&with("typ", json!("JWT")), &same)),
        ("no alg", make(&without("alg"), &same)),
        ("none", make(&with("alg", json!("none")), &same)),
        ("RS256", make(&with("alg", json!("RS256")), &same)),
        ("HS256", make(&with("alg", json!("HS256")), &same)),
        ("no key", make(&without("jwk"), &same)),
        ("another key", make(&with("jwk", foreign), &same)),
        ("a private key", make(&with("jwk", private), &same)),
        ("a shared secret", make(&with("jwk", json!({ "kty": "oct", "k": "AAAA" })), &same)),
        ("critical", make(&with("crit", json!(["x"])), &same)),
        ("no jti", make(&same, &without("jti"))),
        ("empty jti", make(&same, &with("jti", json!("")))),
        ("long jti", make(&same, &with("jti", json!("a".repeat(257))))),
        ("no htm", make(&same, &without("htm"))),
        ("wrong htm", make(&same, &with("htm", json!("POST")))),
        ("no htu", make(&same, &without("htu"))),
        ("htu is no text", make(&same, &with("htu", json!(1)))),
        ("another host", make(&same, &with("htu", json!("https://evil.example/oauth2/userinfo")))),
        ("another path", make(&same, &with("htu", json!(format!("{issuer}/oauth2/token"))))),
        ("somebody in htu", make(&same, &with("htu", json!(issuer.replace("//", "//a@") + "/oauth2/userinfo")))),
        ("no iat", make(&same, &without("iat"))),
        ("no ath", make(&same, &without("ath"))),
        ("wrong ath", make(&same, &with("ath", json!("x")))),
        ("not signed", make(&same, &same).rsplit_once('.').map(|(front, _)| format!("{front}.AAAA")).unwrap()),
        ("malformed", "a.b.c".to_owned()),
        ("too long", format!("{}.AAAA", "a".repeat(5000))),
    ] {
        let answer = bound.read(&renate, "DPoP", &access, &[&proof]).await;
        assert_eq!(error(&answer), (401, "invalid_dpop_proof".to_owned()), "{what}");
        assert!(answer.header("www-authenticate").starts_with("DPoP error=\"invalid_dpop_proof\""), "{what}");
    }
    let good = || make(&same, &same);
    assert_eq!(error(&bound.read(&renate, "DPoP", &access, &[&good(), &good()]).await).0, 401, "two proofs");
    for (what, proof) in [
        ("more than is needed", make(&with("kid", json!("x")), &with("color", json!("red")))),
        ("a clock that is wrong", make(&same, &with("iat", json!(1)))),
        ("nbf and exp", make(&same, &with("exp", json!(world.app.now().seconds() + 60)))),
        ("query and fragment", make(&same, &with("htu", json!(format!("{issuer}/oauth2/userinfo?a=b#c"))))),
        ("capitals", make(&same, &with("htu", json!(format!("{}/oauth2/userinfo", issuer.replace("http", "HTTP")))))),
    ] {
        let answer = bound.read(&renate, "dpop", &access, &[&proof]).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    }
});

both!(sec_j04_what_is_bound_opens_nothing_without_the_key, async |world| {
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = renate(&world).await;
    let nonce = bound.nonce(&world).await;
    let (access, refresh) = tokens(&world, &bound, &mut renate, &nonce).await;
    let thief = Bound { client: Signer::new("x"), key: Signer::new("dieb") };
    let stolen = thief.proof(&world, userinfo(&access), &nonce);
    for (scheme, proofs) in [("Bearer", vec![]), ("Bearer", vec![&*stolen]), ("DPoP", vec![]), ("DPoP", vec![&*stolen])]
    {
        assert_eq!(
            error(&bound.read(&renate, scheme, &access, &proofs).await),
            (401, "invalid_token".to_owned()),
            "{scheme}"
        );
    }
    let form = [("access_token", access.as_str())];
    assert_eq!(
        error(&world.browser().post_exactly("/oauth2/userinfo", &form).await),
        (401, "invalid_token".to_owned())
    );
    // Refreshing.
    assert_eq!(error(&bound.refresh(&world, &refresh, None).await), (400, "invalid_dpop_proof".to_owned()));
    let stolen = thief.proof(&world, TOKEN, &nonce);
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    let as_nobody = thief.ask(&world, TOKEN, &form, Some(&stolen)).await;
    assert_eq!(error(&as_nobody), (401, "invalid_client".to_owned()));
    let owner = bound.proof(&world, TOKEN, &nonce);
    assert_eq!(bound.refresh(&world, &refresh, Some(&owner)).await.status, 200, "its owner goes on");
    // Codes: bound by the proof at the deposit, or announced there.
    for (changes, announced) in
        [(vec![], Some(bound.proof(&world, PAR, &nonce))), (vec![("dpop_jkt", &*thumbprint(&bound.key))], None)]
    {
        let code = bound.code(&world, &mut renate, &changes, announced.as_deref()).await;
        let stolen = thief.proof(&world, TOKEN, &nonce);
        assert_eq!(error(&bound.redeem(&world, &code, None).await), (400, "invalid_dpop_proof".to_owned()));
        assert_eq!(error(&bound.redeem(&world, &code, Some(&stolen)).await), (400, "invalid_grant".to_owned()));
        let owner = bound.proof(&world, TOKEN, &nonce);
        assert_eq!(error(&bound.redeem(&world, &code, Some(&owner)).await).0, 400, "the code is burnt");
    }
    let code = bound.code(&world, &mut renate, &[("dpop_jkt", &*thumbprint(&bound.key))], None).await;
    assert_eq!(bound.redeem(&world, &code, Some(&bound.proof(&world, TOKEN, &nonce))).await.status, 200);
    let two =
        bound.push(&world, &[("dpop_jkt", &*thumbprint(&thief.key))], Some(&bound.proof(&world, PAR, &nonce))).await;
    assert_eq!(error(&two), (400, "invalid_dpop_proof".to_owned()), "announced one, proven another");
    let odd = bound.push(&world, &[("dpop_jkt", "kurz")], None).await;
    assert_eq!(error(&odd), (400, "invalid_request".to_owned()));
});

both!(sec_j05_a_nonce_is_ours_and_new_on_every_node, async |world| {
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = renate(&world).await;
    let nonce = bound.nonce(&world).await;
    let (access, _) = tokens(&world, &bound, &mut renate, &nonce).await;
    let node = world.second_node().await;
    let other = renate.at(node.running.address);
    let read = async |browser: &Browser, nonce: &str| {
        bound.read(browser, "DPoP", &access, &[&bound.proof(&world, userinfo(&access), nonce)]).await
    };
    assert_eq!(read(&other, &nonce).await.status, 200, "what one node made the other knows");
    let turned = nonce.chars().rev().collect::<String>();
    for strange in ["", "AAAA", "ü", &turned, &format!("{nonce}A"), &nonce[1..]] {
        let answer = read(&renate, strange).await;
        assert_eq!(error(&answer), (401, "use_dpop_nonce".to_owned()), "{strange}");
        assert!(!answer.header("dpop-nonce").is_empty());
    }
    world.pass(Duration::from_secs(200));
    assert_eq!(read(&renate, &nonce).await.status, 200);
    world.pass(Duration::from_secs(200));
    let (access, _) = tokens(&world, &bound, &mut renate, &bound.nonce(&world).await).await;
    let old = bound.proof(&world, userinfo(&access), &nonce);
    let answer = bound.read(&renate, "DPoP", &access, &[&old]).await;
    assert_eq!(error(&answer), (401, "use_dpop_nonce".to_owned()), "too old");
    let fresh = answer.header("dpop-nonce").to_owned();
    let proof = bound.proof(&world, userinfo(&access), &fresh);
    assert_eq!(bound.read(&renate, "DPoP", &access, &[&proof]).await.status, 200, "what the refusal says helps");
    node.running.abort().await;
});

// RFC 9449 section 5, and what the official suite does (fapi2-security-profile-final-refresh-token): whoever authenticates has
// bound the refresh token by that.
both!(a_service_that_authenticates_may_bring_another_key, async |world| {
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = renate(&world).await;
    let nonce = bound.nonce(&world).await;
    let (access, refresh) = tokens(&world, &bound, &mut renate, &nonce).await;
    let next = Bound { client: Signer::new("x"), key: Signer::new("nächster") };
    let answer = bound.refresh(&world, &refresh, Some(&next.proof(&world, TOKEN, &nonce))).await;
    assert_eq!((answer.status, &answer.json()["token_type"]), (200, &json!("DPoP")), "{}", answer.body);
    let fresh = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&fresh)["cnf"], json!({ "jkt": thumbprint(&next.key) }));
    // Each token with its own key.
    for (token, key, other) in [(&access, &bound, &next), (&fresh, &next, &bound)] {
        let stolen = other.proof(&world, userinfo(token), &nonce);
        let answer = bound.read(&renate, "DPoP", token, &[&stolen]).await;
        assert_eq!(error(&answer), (401, "invalid_token".to_owned()));
        let proof = key.proof(&world, userinfo(token), &nonce);
        assert_eq!(bound.read(&renate, "DPoP", token, &[&proof]).await.status, 200);
    }
});

// A client that need not, may: a program on people's devices, with a secret, in its own name.
both!(any_client_may_bind_its_tokens, async |world| {
    let app = Service::public("app");
    world.clients(&app.offline_declaration("")).await;
    let bound = Bound { client: Signer::new("x"), key: Signer::new("gerät") };
    let mut renate = renate(&world).await;
    let code = app.code(&mut renate, &[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    let ask = async |form: &[(&str, &str)], proof: &str| {
        let mut anybody = world.browser();
        let form = [form, &[("client_id", "app")]].concat();
        let request = anybody.request(reqwest::Method::POST, "/oauth2/token").form(&form);
        anybody.send(request.header("dpop", proof)).await
    };
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", &*app.redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    let refusal = ask(&form, &bound.proof(&world, TOKEN, "")).await;
    assert_eq!(error(&refusal), (400, "use_dpop_nonce".to_owned()), "and the code is not burnt");
    let nonce = refusal.header("dpop-nonce").to_owned();
    let answer = ask(&form, &bound.proof(&world, TOKEN, &nonce)).await;
    assert_eq!((answer.status, &answer.json()["token_type"]), (200, &json!("DPoP")), "{}", answer.body);
    let refresh = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    assert_eq!(
        error(&app.ask(&world, "/oauth2/token", &form).await),
        (400, "invalid_grant".to_owned()),
        "without the key"
    );
    let other = Bound { client: Signer::new("x"), key: Signer::new("fremd") };
    let stolen = ask(&form, &other.proof(&world, TOKEN, &nonce)).await;
    assert_eq!(error(&stolen), (400, "invalid_grant".to_owned()), "with another");
    let answer = ask(&form, &bound.proof(&world, TOKEN, &nonce)).await;
    assert!(answer.json()["refresh_token"].as_str().is_some_and(|next| *next != refresh), "{}", answer.body);
    let remembered = world.rows("spent_token").await;
    let code = [("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", &*app.redirect_uri)];
    let unknown = "A".repeat(86);
    for form in [&code[..], &[("grant_type", "refresh_token"), ("refresh_token", &*unknown)]] {
        assert_eq!(ask(form, &bound.proof(&world, TOKEN, &nonce)).await.status, 400);
    }
    assert_eq!(world.rows("spent_token").await, remembered, "a flood of what nobody knows fills nothing");
});
