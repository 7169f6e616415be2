//! Every member of the discovery document is held to what it says: one check for each, and no member without one.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use nutzerkonto::client::{Claim, Scope};
use nutzerkonto::kernel::keys::verify_signature;
use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::device;
use crate::further_data::FURTHER;
use crate::request_objects::{self, Shelf, by_reference, by_value, object, opened};
use crate::sealed_answers::introspect;
use crate::security_assertion::Signer;
use crate::support::doors::{connected, push, refusal, text, tokens};
use crate::support::prover::{Prover, rand};
use crate::support::recipient::Recipient;
use crate::support::service::{claims, vorgang};
use crate::support::{Browser, Service, World};
use crate::verified_claims;

/// Somebody signed in, and a service that may do everything.
struct Stage {
    world: World,
    parken: Service,
    renate: Browser,
    everything: String,
}

impl Stage {
    /// The clients of the stage and more.
    async fn declare(&self, more: &str) {
        self.world.clients(&format!("{}{more}", self.everything)).await;
    }

    async fn back(&self, changes: &[(&'static str, &str)]) -> crate::support::browser::Answer {
        self.renate.clone().get(&self.parken.request(changes)).await
    }

    /// The error of a request, or that it went well.
    async fn outcome(&self, changes: &[(&'static str, &str)]) -> String {
        let back = self.back(changes).await;
        back.parameter("error").unwrap_or_default()
    }

    async fn tokens(&self, service: &Service, changes: &[(&'static str, &str)]) -> Value {
        tokens(&self.world, service, &mut self.renate.clone(), changes).await
    }

    fn path<'a>(&self, value: &'a Value) -> &'a str {
        value.as_str().unwrap().strip_prefix(self.world.config.issuer.as_str()).unwrap()
    }
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

async fn endpoint(stage: &Stage, member: &str, value: &Value) {
    let (world, parken, path) = (&stage.world, &stage.parken, stage.path(value));
    let access = text(&stage.tokens(parken, &[]).await, "access_token");
    match member {
        "authorization_endpoint" => {
            let (_, query) = parken.request(&[]).split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            let back = stage.renate.clone().get(&format!("{path}?{query}")).await;
            assert!(back.parameter("code").is_some());
        }
        "token_endpoint" => {
            let code = parken.code(&mut stage.renate.clone(), &[]).await;
            let form = [
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", &parken.redirect_uri),
                ("code_verifier", crate::support::service::VERIFIER),
            ];
            assert_eq!(parken.ask(world, path, &form).await.status, 200);
        }
        "device_authorization_endpoint" => device_endpoint(stage, path).await,
        "userinfo_endpoint" => {
            let request = world.browser().request(Method::GET, path).bearer_auth(access);
            assert_eq!(world.browser().send(request).await.status, 200);
        }
        "introspection_endpoint" => {
            assert_eq!(parken.ask(world, path, &[("token", &access)]).await.json()["active"], true);
        }
        "revocation_endpoint" => {
            assert_eq!(parken.ask(world, path, &[("token", &access)]).await.status, 200);
            assert_eq!(parken.userinfo(world, &access).await.status, 401);
        }
        "end_session_endpoint" => {
            let mut elsewhere = world.browser();
            elsewhere.sign_in(crate::support::surface::EMAIL, crate::support::browser::PASSWORD).await;
            let hint = text(&tokens(world, parken, &mut elsewhere, &[]).await, "id_token");
            assert_eq!(elsewhere.get(&format!("{path}?id_token_hint={hint}")).await.status, 303);
            assert_eq!(elsewhere.get("/konto").await.status, 303, "signed out");
        }
        "jwks_uri" => {
            let keys: JwkSet = serde_json::from_value(world.browser().get(path).await.json()).unwrap();
            let token = text(&stage.tokens(parken, &[]).await, "id_token");
            let header = jsonwebtoken::decode_header(&token).unwrap();
            let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
            assert!(verify_signature::<Value>(&token, &key, header.alg).is_some());
        }
        _ => {
            assert_eq!(path, "/oauth2/par", "{member}");
            assert_eq!(push(world, parken, &[]).await.status, 201);
        }
    }
}

async fn device_endpoint(stage: &Stage, path: &str) {
    let (world, automat) = (&stage.world, Service::new("automat"));
    stage.declare(&automat.declaration("device = true")).await;
    let begun = automat.ask(world, path, &[device::SCOPE]).await.json();
    device::allows(&mut stage.renate.clone(), &text(&begun, "user_code")).await;
    assert_eq!(device::ask(world, &automat, &text(&begun, "device_code")).await.status, 200);
}

/// What a proven client is told there that brings nothing but a token that is none.
fn believed(path: &str) -> (u16, String) {
    match path {
        "/oauth2/token" => (400, "invalid_request".to_owned()),
        _ => (200, String::new()),
    }
}

async fn authentication(stage: &Stage, member: &str, value: &Value) {
    let world = &stage.world;
    let path = match member.split('_').next().unwrap() {
        "token" => "/oauth2/token",
        "introspection" => "/oauth2/introspect",
        _ => "/oauth2/revoke",
    };
    if member.contains("signing_alg") {
        let provers: Vec<Prover> = list(value).into_iter().map(Prover::new).collect();
        stage.declare(&provers.iter().map(|prover| prover.declaration.as_str()).collect::<String>()).await;
        for prover in &provers {
            assert_eq!(prover.ask(world, path).await, believed(path), "{member} {}", prover.algorithm);
        }
        return;
    }
    let (basic, public) = (Service::new("basic"), Service::public("public"));
    let post = Service::new("post");
    let prover = Prover::new("ES256");
    let posted = post.declaration("").replace("client_secret_basic", "client_secret_post");
    stage.declare(&[basic.declaration(""), public.declaration(""), posted, prover.declaration.clone()].concat()).await;
    for method in ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] {
        let token = ("token", "x");
        let secret = [("client_id", "post"), ("client_secret", post.secret.as_str()), token];
        let told = match method {
            "private_key_jwt" => prover.ask(world, path).await,
            _ => {
                let answer = match method {
                    "client_secret_basic" => basic.ask(world, path, &[token]).await,
                    "client_secret_post" => world.browser().post_exactly(path, &secret).await,
                    _ => public.ask(world, path, &[token]).await,
                };
                (answer.status, if answer.body.is_empty() { String::new() } else { refusal(&answer).1 })
            }
        };
        let expected = if list(value).contains(&method) { believed(path) } else { (401, "invalid_client".to_owned()) };
        assert_eq!(told, expected, "{member} {method}");
    }
    let known = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    assert!(list(value).iter().all(|method| known.contains(method)), "{member}: no check for {value}");
}

async fn requests(stage: &Stage, member: &str, value: &Value) {
    match member {
        "scopes_supported" => {
            for scope in list(value) {
                assert_ne!(stage.outcome(&[("scope", &format!("openid {scope}"))]).await, "invalid_scope", "{scope}");
            }
        }
        "response_types_supported" => {
            let kinds = "code,token,id_token,code token,code id_token,code id_token token,id_token token,none";
            for kind in kinds.split(',') {
                let refused = stage.outcome(&[("response_type", kind)]).await == "unsupported_response_type";
                assert_eq!(refused, !list(value).contains(&kind), "{kind}");
            }
        }
        "response_modes_supported" => {
            for mode in ["query", "form_post", "fragment", "web_message", "jwt", "query.jwt", "form_post.jwt"] {
                let back = stage.back(&[("response_mode", mode)]).await;
                let is_there = |name: &str| back.parameter(name).is_some() || !back.hidden(name).is_empty();
                let has_code = is_there("code") || is_there("response");
                assert_eq!(has_code, list(value).contains(&mode), "{mode}");
            }
        }
        "code_challenge_methods_supported" => {
            for method in ["S256", "plain", "S512"] {
                let code = stage.back(&[("code_challenge_method", method)]).await.parameter("code");
                assert_eq!(code.is_some(), list(value).contains(&method), "{method}");
            }
        }
        "prompt_values_supported" => {
            for prompt in ["none", "login", "consent", "select_account", "create", "unbekannt"] {
                let refused = stage.outcome(&[("prompt", prompt)]).await == "invalid_request";
                assert_eq!(refused, !list(value).contains(&prompt), "{prompt}");
            }
        }
        _ => pages(stage, member, value).await,
    }
}

async fn pages(stage: &Stage, member: &str, value: &Value) {
    match member {
        "display_values_supported" => {
            for display in list(value) {
                assert!(stage.back(&[("display", display)]).await.parameter("code").is_some(), "{display}");
            }
        }
        "ui_locales_supported" => {
            for locale in list(value) {
                let mut anybody = stage.world.browser();
                let page = anybody.visit(&stage.parken.request(&[("ui_locales", locale)])).await;
                assert!(page.body.contains(&format!("<html lang=\"{locale}\"")), "{locale}");
            }
        }
        "acr_values_supported" => {
            let reached = claims(&text(&stage.tokens(&stage.parken, &[]).await, "id_token"))["acr"].clone();
            assert!(list(value).iter().any(|known| reached == **known), "{reached}");
            for acr in list(value) {
                let asked = json!({ "id_token": { "acr": { "essential": true, "value": acr } } }).to_string();
                let refused = stage.outcome(&[("claims", &asked)]).await;
                assert_ne!(refused, "unmet_authentication_requirements", "{acr}");
            }
        }
        _ => {
            assert_eq!((member, value), ("authorization_response_iss_parameter_supported", &json!(true)));
            for changes in [("scope", "openid"), ("scope", "x")] {
                let iss = stage.back(&[changes]).await.parameter("iss");
                assert_eq!(iss.as_deref(), Some(stage.world.config.issuer.as_str()));
            }
        }
    }
}

async fn switches(stage: &Stage, member: &str, value: &Value) {
    let (world, parken) = (&stage.world, &stage.parken);
    match (member, value.as_bool().unwrap()) {
        ("claims_parameter_supported", true) => {
            let asked = json!({ "id_token": { "email": null } }).to_string();
            let held = stage.tokens(parken, &[("scope", "openid"), ("claims", &asked)]).await;
            assert_eq!(claims(&text(&held, "id_token"))["email"], crate::support::surface::EMAIL);
        }
        ("request_parameter_supported", true) => {
            let signer = Signer::new("unterzeichner");
            stage.declare(&signer.declaration("")).await;
            let object = object(&signer, &request_objects::claims(world, &signer.service, &[("state", "innen")]));
            let page = stage.renate.clone().visit(&by_value(&signer.service, &object)).await;
            assert!(page.body.contains("Dienst unterzeichner"), "{}", page.heading());
        }
        ("request_uri_parameter_supported" | "require_request_uri_registration", true) => {
            let (signer, shelf) = (Signer::new("ablage"), Shelf::open().await);
            stage.declare(&signer.declaration(&format!("request_uris = [\"{}\"]", shelf.uri("a")))).await;
            shelf.put(&object(&signer, &request_objects::claims(world, &signer.service, &[])));
            let page = stage.renate.clone().visit(&by_reference(&signer.service, &shelf.uri("a"))).await;
            assert!(page.body.contains("Dienst ablage"), "{}", page.heading());
            let page = stage.renate.clone().visit(&by_reference(&signer.service, &shelf.uri("b"))).await;
            assert!(page.body.contains("Fehlercode: invalid_request_uri"), "{}", page.heading());
        }
        ("require_pushed_authorization_requests", false) => assert_eq!(stage.outcome(&[]).await, ""),
        ("backchannel_logout_supported" | "backchannel_logout_session_supported", true) => {
            let mut elsewhere = world.browser();
            elsewhere.sign_in(crate::support::surface::EMAIL, crate::support::browser::PASSWORD).await;
            let id = claims(&text(&tokens(world, parken, &mut elsewhere, &[]).await, "id_token"));
            assert!(id["sid"].is_string(), "the number of the session");
            elsewhere.get("/konto").await;
            elsewhere.post("/abmelden", &[]).await;
            for _ in 0..100 {
                if world.texts("SELECT kind FROM outbox").await.contains(&"logout.tell".to_owned()) {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            panic!("nobody tells the service");
        }
        _ => panic!("no check for {member} = {value}"),
    }
}

async fn tokens_and_claims(stage: &Stage, member: &str, value: &Value) {
    let (world, parken) = (&stage.world, &stage.parken);
    match member {
        "grant_types_supported" => {
            let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
            let ours = ["authorization_code", "refresh_token", "client_credentials", exchange, device::GRANT];
            for grant in ours.into_iter().chain(["password", "implicit", "x"]) {
                let answer = parken.ask(world, "/oauth2/token", &[("grant_type", grant)]).await;
                let refused = answer.status == 400 && refusal(&answer).1 == "unsupported_grant_type";
                assert_eq!(refused, !list(value).contains(&grant), "{grant}");
            }
        }
        "subject_types_supported" => subjects(stage, value).await,
        _ if member.contains("_encryption_") => encryption(stage, member, value).await,
        _ if member.ends_with("_signing_alg_values_supported") => signatures(stage, member, value).await,
        "claim_types_supported" => {
            assert_eq!(value, &json!(["normal"]));
            let access = text(&stage.tokens(parken, &[]).await, "access_token");
            let info = parken.userinfo(world, &access).await.json();
            assert!(info.get("_claim_names").is_none() && info.get("_claim_sources").is_none());
        }
        _ => {
            assert_eq!(member, "claims_supported");
            listed_claims(stage, value).await;
        }
    }
}

/// Every algorithm that somebody may sign with, we or a service.
async fn signatures(stage: &Stage, member: &str, value: &Value) {
    let (world, parken) = (&stage.world, &stage.parken);
    match member {
        "id_token_signing_alg_values_supported" => {
            for alg in list(value) {
                let service = Service::new("algorithmus");
                stage.declare(&service.declaration(&format!("id_token_algorithm = \"{alg}\""))).await;
                let token = text(&stage.tokens(&service, &[]).await, "id_token");
                assert_eq!(jsonwebtoken::decode_header(&token).unwrap().alg, alg.parse().unwrap());
            }
        }
        "authorization_signing_alg_values_supported" => {
            for alg in list(value) {
                let service = Service::new("algorithmus");
                stage.declare(&service.declaration(&format!("id_token_algorithm = \"{alg}\""))).await;
                let back =
                    stage.renate.clone().get(&service.request(&[("response_mode", "jwt"), ("prompt", "none")])).await;
                let response = back.parameter("response").unwrap();
                assert_eq!(jsonwebtoken::decode_header(&response).unwrap().alg, alg.parse().unwrap());
                opened(world, &service, &response).await;
            }
        }
        "request_object_signing_alg_values_supported" => {
            for prover in list(value).into_iter().map(Prover::new) {
                stage.declare(&prover.declaration).await;
                let service = Service::new(&prover.id);
                let object = prover.sign(&json!({}), &request_objects::claims(world, &service, &[]));
                let page = stage.renate.clone().visit(&by_value(&service, &object)).await;
                assert!(page.body.contains(&format!("Dienst {}", prover.id)), "{}", page.heading());
            }
        }
        "dpop_signing_alg_values_supported" => {
            for prover in ["ES256", "PS256", "RS256", "EdDSA"].map(Prover::new) {
                let header = json!({ "typ": "dpop+jwt", "jwk": prover.public });
                let htu = format!("{}/oauth2/token", world.config.issuer);
                let proof = prover.sign(&header, &json!({ "jti": rand(), "htm": "POST", "htu": htu, "iat": 0 }));
                let form = [("grant_type", "authorization_code")];
                let mut anybody = world.browser();
                let request = anybody.request(Method::POST, "/oauth2/token").header("authorization", parken.basic());
                let answer = anybody.send(request.header("dpop", proof).form(&form)).await;
                // Everything else about it is right.
                let is_good = refusal(&answer) == (400, "use_dpop_nonce".to_owned());
                assert_eq!(is_good, list(value).contains(&prover.algorithm), "{}", prover.algorithm);
            }
        }
        _ => {
            for alg in list(value) {
                let service = Service::new("algorithmus");
                let keys = format!("id_token_algorithm = \"{alg}\"\nuserinfo_algorithm = \"{alg}\"");
                stage.declare(&service.declaration(&keys)).await;
                let access = text(&stage.tokens(&service, &[]).await, "access_token");
                let answer = match member {
                    "userinfo_signing_alg_values_supported" => service.userinfo(world, &access).await,
                    _ => introspect(world, &service, &access).await,
                };
                assert_eq!(jsonwebtoken::decode_header(&answer.body).unwrap().alg, alg.parse().unwrap());
            }
        }
    }
}

/// Every algorithm that is named for one kind of answer.
async fn encryption(stage: &Stage, member: &str, value: &Value) {
    let (kind, _) = member.split_once("_encryption_").unwrap();
    for name in list(value) {
        let (alg, enc) = if member.contains("_alg_") { (name, "A256GCM") } else { ("ECDH-ES", name) };
        let (service, recipient) = (Service::new("empfang"), Recipient::new(alg));
        stage.declare(&service.declaration(&recipient.declaration(enc, &format!("[\"{kind}\"]")))).await;
        let held = stage.tokens(&service, &[]).await;
        let answer = match kind {
            "id_token" => text(&held, "id_token"),
            "userinfo" => service.userinfo(&stage.world, &text(&held, "access_token")).await.body,
            _ => introspect(&stage.world, &service, &text(&held, "access_token")).await.body,
        };
        let (header, _) = recipient.open(&answer);
        assert_eq!((&header["alg"], &header["enc"]), (&json!(alg), &json!(enc)), "{member}");
    }
}

/// What two services see of one person: two subjects, or one.
async fn subjects(stage: &Stage, value: &Value) {
    for kind in list(value) {
        let pair = ["eins", "zwei"].map(Service::new);
        let extra = if kind == "pairwise" { String::new() } else { format!("subject_type = \"{kind}\"") };
        stage.declare(&pair.each_ref().map(|service| service.declaration(&extra)).concat()).await;
        let mut subjects = Vec::new();
        for service in &pair {
            subjects.push(claims(&text(&stage.tokens(service, &[]).await, "id_token"))["sub"].clone());
        }
        assert_eq!(subjects[0] != subjects[1], kind == "pairwise", "{kind}");
    }
}

async fn listed_claims(stage: &Stage, value: &Value) {
    let held = stage.tokens(&stage.parken, &[("scope", &Scope::ALL.map(Scope::name).join(" "))]).await;
    let info = stage.parken.userinfo(&stage.world, &text(&held, "access_token")).await.json();
    let id = claims(&text(&held, "id_token"));
    let acting = crate::support::acting::acting_userinfo(&stage.world, &stage.parken).await;
    let told: Vec<_> = [&id, &info, &acting].into_iter().flat_map(|one| one.as_object().unwrap().keys()).collect();
    for name in &told {
        assert!(list(value).contains(&name.as_str()), "{name} is delivered and not listed");
    }
    for name in list(value) {
        assert!(told.iter().any(|told| *told == name), "{name} is listed and never delivered");
    }
}

/// The one place that knows which check belongs to which member.
async fn check(stage: &Stage, member: &str, value: &Value) {
    match member {
        "issuer" => {
            assert_eq!(value, &json!(stage.world.config.issuer));
            let id = claims(&text(&stage.tokens(&stage.parken, &[]).await, "id_token"));
            assert_eq!(&id["iss"], value);
        }
        _ if member.ends_with("_endpoint") || member == "jwks_uri" => endpoint(stage, member, value).await,
        _ if member.contains("_endpoint_auth_") => authentication(stage, member, value).await,
        "scopes_supported"
        | "response_types_supported"
        | "response_modes_supported"
        | "code_challenge_methods_supported"
        | "prompt_values_supported"
        | "display_values_supported"
        | "ui_locales_supported"
        | "acr_values_supported"
        | "authorization_response_iss_parameter_supported" => {
            requests(stage, member, value).await;
        }
        "grant_types_supported"
        | "subject_types_supported"
        | "id_token_signing_alg_values_supported"
        | "userinfo_signing_alg_values_supported"
        | "introspection_signing_alg_values_supported"
        | "authorization_signing_alg_values_supported"
        | "request_object_signing_alg_values_supported"
        | "dpop_signing_alg_values_supported"
        | "claim_types_supported"
        | "claims_supported" => tokens_and_claims(stage, member, value).await,
        _ if member.contains("_encryption_") => tokens_and_claims(stage, member, value).await,
        // `everything_that_is_listed_is_told_and_nothing_else` holds them.
        _ if verified_claims::LISTS.contains(&member) => {}
        // What becomes of such a request tells `shares`.
        "authorization_details_types_supported" => assert_eq!(value, &json!(["document"])),
        _ if value.is_boolean() => switches(stage, member, value).await,
        _ => panic!("{member} is in the discovery document, and nothing holds it to {value}"),
    }
}

both!(every_member_of_the_discovery_document_is_true, async |mut world| {
    world.restart(|config| config.outbound.allowed_hosts = vec!["localhost".to_owned()]).await;
    let parken = Service::new("parken");
    let names = Claim::ALL.into_iter().filter(|claim| !claim.is_companion()).map(Claim::name);
    let everything = parken.offline_declaration(&format!(
        "serves = [\"persons\", \"organisations\"]\nbackchannel_logout_uri = \"https://parken.example/ende\"\nclaims = [{{ names = {:?} }}]",
        names.collect::<Vec<_>>()
    ));
    let everything = everything.replace(
        "\"offline_access\"]",
        "\"offline_access\", \"address\", \"phone\", \"organisation\", \"postbox_reference\"]",
    );
    world.clients(&everything).await;
    let mut renate = connected(&world, &[]).await;
    let seen = renate.get("/profil/angaben").await.hidden("stand");
    assert_eq!(renate.post("/profil/angaben", &[&FURTHER[..], &[("stand", &seen)]].concat()).await.status, 303);
    verified_claims::shows_a_card(&world).await;
    let page = renate.visit(&parken.request(&[("scope", &Scope::ALL.map(Scope::name).join(" "))])).await;
    renate.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &[("antwort", "ja")]).await;
    renate.get("/konto").await;
    let stage = Stage { world, parken, renate, everything };
    let document = stage.world.browser().get("/.well-known/openid-configuration").await.json();
    assert!(document.as_object().unwrap().len() > 30);
    for (member, value) in document.as_object().unwrap() {
        check(&stage, member, value).await;
    }
});
