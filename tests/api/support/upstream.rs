//! Another provider: speaks OpenID Connect with keys of its own, and misbehaves when told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nutzerkonto::config::{self, Config};
use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::kernel::secret::sha256;
use nutzerkonto::kernel::time::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::browser::{Answer, Browser};
use super::prover::rand;
use super::world::World;

pub const SUBSTANTIAL: &str = "http://eidas.europa.eu/LoA/substantial";
pub const LOW: &str = "http://eidas.europa.eu/LoA/low";
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const SECRET: &str = "secret-among-lands";
const CLIENT: &str = "nutzerkonto";

/// How it answers programs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Takes the request and says nothing.
    Hanging,
    /// Says more and more.
    Endless,
    /// Sends whoever asks elsewhere.
    Redirecting,
}

/// What an ID token is signed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    Own,
    /// A key that nobody has published.
    Other,
    None,
    /// The secret that both share.
    Shared,
}

type Change = Box<dyn Fn(&mut Value) + Send>;

struct Code {
    nonce: String,
    challenge: String,
    redirect_uri: String,
    person: Value,
}

struct State {
    key: EcdsaKeyPair,
    kid: String,
    codes: HashMap<String, Code>,
    tokens: HashMap<String, Value>,
    mood: Mood,
    signing: Signing,
    change: Change,
    metadata: Change,
    userinfo: Change,
    asked: Vec<String>,
}

#[derive(Clone)]
pub struct Upstream {
    pub id: &'static str,
    pub issuer: String,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

fn new_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

impl Upstream {
    pub async fn open(world: &World, id: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State {
            key: new_key(),
            kid: "eins".to_owned(),
            codes: HashMap::new(),
            tokens: HashMap::new(),
            mood: Mood::Well,
            signing: Signing::Own,
            change: Box::new(|_| {}),
            metadata: Box::new(|_| {}),
            userinfo: Box::new(|_| {}),
            asked: Vec::new(),
        };
        let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let one = Self { id, issuer, clock: world.clock.clone(), state: Arc::new(Mutex::new(state)) };
        let server = one.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(server.clone().serve(stream));
            }
        });
        one
    }

    /// What stands in our settings about it.
    pub fn settings(&self, world: &World, extra: &str) -> config::Upstream {
        let file = world.database.directory.join(format!("{}.secret", self.id));
        std::fs::write(&file, SECRET).unwrap();
        let (id, issuer, file) = (self.id, &self.issuer, file.display());
        let credential =
            if extra.contains("client_key") { String::new() } else { format!("client_secret = \"file:{file}\"\n") };
        let text = format!(
            "issuer = \"http://localhost:1\"\n[[upstream]]\nid = \"{id}\"\nissuer = \"{issuer}\"\n\
             name = {{ de = \"Land {id}\", en = \"Land {id}\" }}\nclient_id = \"{CLIENT}\"\n{credential}{extra}\n\
             [[upstream.levels]]\nacr = \"{SUBSTANTIAL}\"\nlevel = \"substantial\"\n\
             [[upstream.levels]]\nacr = \"{LOW}\"\nlevel = \"low\"\n"
        );
        Config::parse(&text).unwrap().upstream.remove(0)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    pub fn is(&self, mood: Mood) {
        self.with(|state| state.mood = mood);
    }

    pub fn signs(&self, signing: Signing) {
        self.with(|state| state.signing = signing);
    }

    /// Changes the claims of every ID token from now on.
    pub fn says(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.with(|state| state.change = Box::new(change));
    }

    pub fn announces(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.with(|state| state.metadata = Box::new(change));
    }

    pub fn tells(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.with(|state| state.userinfo = Box::new(change));
    }

    /// Another key from now on.
    pub fn changes_its_key(&self) {
        self.with(|state| (state.key, state.kid) = (new_key(), format!("{}-neu", state.kid)));
    }

    /// The paths that programs have asked since the last time.
    pub fn asked(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.asked))
    }

    /// Somebody signs in there and comes back: where the browser is sent with the answer to this request.
    pub fn answers(&self, location: &str, person: Value) -> String {
        let url = url::Url::parse(location).unwrap();
        assert!(location.starts_with(&format!("{}/authorize?", self.issuer)), "{location}");
        let parameters: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(parameters["client_id"], CLIENT);
        assert_eq!((&*parameters["code_challenge_method"], &*parameters["response_type"]), ("S256", "code"));
        let is_of_organisation = parameters["redirect_uri"].contains("/organisation/");
        assert_eq!(parameters["prompt"], if is_of_organisation { "login select_account" } else { "login" });
        let redirect_uri = parameters["redirect_uri"].clone();
        let code = rand();
        let kept = Code {
            nonce: parameters["nonce"].clone(),
            challenge: parameters["code_challenge"].clone(),
            redirect_uri: redirect_uri.clone(),
            person,
        };
        self.with(|state| state.codes.insert(code.clone(), kept));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("code", &code), ("state", &parameters["state"]), ("iss", &self.issuer)])
            .finish();
        format!("{redirect_uri}?{query}")
    }

    /// A signed token with these claims.
    pub fn token(&self, typ: &str, claims: &Value) -> String {
        let (kid, signing) = self.with(|state| (state.kid.clone(), state.signing));
        let alg = match signing {
            Signing::None => "none",
            Signing::Shared => "HS256",
            Signing::Own | Signing::Other => "ES256",
        };
        let header = json!({ "alg": alg, "kid": kid, "typ": typ });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(claims));
        let sign = |key: &EcdsaKeyPair| key.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec();
        let signature = match signing {
            Signing::Own => self.with(|state| sign(&state.key)),
            Signing::Other => sign(&new_key()),
            Signing::None => Vec::new(),
            Signing::Shared => {
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
                aws_lc_rs::hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A logout token, with changes.
    pub fn logout_token(&self, change: impl FnOnce(&mut Value)) -> String {
        let now = self.clock.now().seconds();
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": rand(), "events": { EVENT: {} },
        });
        change(&mut claims);
        self.token("logout+jwt", &claims)
    }

    async fn serve(self, mut stream: TcpStream) {
        let (mut text, mut buffer) = (String::new(), [0; 8192]);
        while !is_whole(&text) {
            match stream.read(&mut buffer).await {
                Ok(length) if length > 0 => text += &String::from_utf8_lossy(&buffer[..length]),
                _ => return,
            }
        }
        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        let mood = self.with(|state| {
            state.asked.push(path.clone());
            state.mood
        });
        match mood {
            Mood::Hanging => tokio::time::sleep(Duration::from_secs(60)).await,
            Mood::Endless => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n[";
                let mut sent = stream.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    sent = stream.write_all(&[b' '; 4096]).await;
                }
            }
            Mood::Redirecting => {
                let head = "HTTP/1.1 302 Found\r\nlocation: http://localhost:1/\r\ncontent-length: 0\r\n\r\n";
                drop(stream.write_all(head.as_bytes()).await);
            }
            Mood::Well => {
                let (status, body) = self.respond(&path, &text);
                let body = body.to_string();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
            }
        }
    }

    fn respond(&self, path: &str, request: &str) -> (&'static str, Value) {
        match path {
            "/.well-known/openid-configuration" => ("200 OK", self.metadata()),
            "/jwks" => ("200 OK", self.with(|state| json!({ "keys": [public(&state.key, &state.kid)] }))),
            "/token" => match self.redeem(request) {
                Some(tokens) => ("200 OK", tokens),
                None => ("400 Bad Request", json!({ "error": "invalid_grant" })),
            },
            "/userinfo" => {
                let token = header(request, "authorization").and_then(|value| value.strip_prefix("Bearer "));
                let person = self.with(|state| state.tokens.get(token.unwrap_or_default()).cloned());
                let Some(mut person) = person else { return ("401 Unauthorized", json!({})) };
                self.with(|state| (state.userinfo)(&mut person));
                ("200 OK", person)
            }
            _ => ("404 Not Found", json!({})),
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let mut metadata = json!({
            "issuer": self.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/jwks"), "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            "authorization_response_iss_parameter_supported": true,
        });
        self.with(|state| (state.metadata)(&mut metadata));
        metadata
    }

    fn redeem(&self, request: &str) -> Option<Value> {
        let body = request.split_once("\r\n\r\n")?.1;
        let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let is_known = match form.get("client_assertion") {
            None => {
                header(request, "authorization")? == format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")))
            }
            Some(assertion) => is_assertion(assertion, &self.issuer),
        };
        let code = self.with(|state| state.codes.remove(form.get("code")?))?;
        let challenge = URL_SAFE_NO_PAD.encode(sha256(form.get("code_verifier")?.as_bytes()));
        if !is_known || challenge != code.challenge || form.get("redirect_uri") != Some(&code.redirect_uri) {
            return None;
        }
        let now = self.clock.now().seconds();
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "auth_time": now, "nonce": code.nonce,
            "acr": SUBSTANTIAL,
        });
        for (name, value) in
            code.person.as_object()?.iter().filter(|(name, _)| ["sub", "acr", "sid"].contains(&name.as_str()))
        {
            claims[name] = value.clone();
        }
        self.with(|state| (state.change)(&mut claims));
        let access = rand();
        self.with(|state| state.tokens.insert(access.clone(), code.person));
        Some(json!({ "access_token": access, "token_type": "Bearer", "id_token": self.token("JWT", &claims) }))
    }
}

fn is_assertion(assertion: &str, issuer: &str) -> bool {
    let claims = super::service::claims(assertion);
    claims["iss"] == CLIENT && claims["sub"] == CLIENT && claims["aud"] == issuer
}

fn public(key: &EcdsaKeyPair, kid: &str) -> Value {
    let point = key.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": x, "y": y })
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request
        .lines()
        .find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)))
        .map(|(_, value)| value)
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = header(head, "content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
    body.len() >= length
}

/// Renate as she is known there.
pub fn renate_there() -> Value {
    json!({
        "sub": "nordmark-4711", "sid": "sitzung-1", "acr": SUBSTANTIAL, "given_name": "Renate", "family_name": "MUSTER",
        "birthdate": "1959-05-12", "email": "renate@example.org", "email_verified": true,
    })
}

/// The same world with these providers.
pub async fn with_providers(world: &mut World, providers: Vec<config::Upstream>) {
    let change = move |config: &mut Config| {
        config.outbound.allowed_hosts = vec!["localhost".to_owned()];
        config.upstream = providers;
    };
    world.restart(change).await;
}

/// A world where people may link accounts of "nordmark", which confirms who they are.
pub async fn nordmark(world: &mut World) -> Upstream {
    let nordmark = Upstream::open(world, "nordmark").await;
    let settings = nordmark.settings(world, "confirms_identity = true");
    with_providers(world, vec![settings]).await;
    nordmark
}

/// A world where organisations are shown with their accounts of "muk", a gateway that has names of its own for everything.
pub async fn gateway(world: &mut World) -> Upstream {
    let muk = Upstream::open(world, "muk").await;
    let settings = muk.settings(world, OF_ORGANISATION);
    with_providers(world, vec![settings]).await;
    muk
}

pub const OF_ORGANISATION: &str = "scopes = [\"openid\", \"organisation\"]\n[upstream.organisation]\n\
    id = \"pseudonym\"\nname = \"firmenname\"\nlegal_form = \"rechtsform.code\"\nseat = \"anschrift.ort\"\n\
    register_kind = \"registerart\"\nregister_court = \"registergericht\"\nregister_number = \"registernummer\"\n\
    street = \"anschrift.strasse\"\npostal_code = \"anschrift.plz\"\nlocality = \"anschrift.ort\"\neconomic_id = \"widnr\"\n\
    legal_forms = { \"350\" = \"gmbh\", \"270\" = \"gbr\" }\n";

/// The bakery as the gateway knows it, and Nadine, who uses its account.
pub fn bakery_there() -> Value {
    json!({
        "sub": "ek-0815", "acr": SUBSTANTIAL, "given_name": "Nadine", "family_name": "WEBER", "birthdate": "1959-05-12",
        "pseudonym": "du-4711", "firmenname": "BÄCKEREI WEBER GMBH", "rechtsform": { "code": "350", "text": "GmbH" },
        "registerart": "HRB", "registergericht": "Amtsgericht Mainz", "registernummer": "HRB 1234",
        "anschrift": { "strasse": "Große Bleiche 7", "plz": "55116", "ort": "Mainz" },
    })
}

pub const CONNECT: &str = "/sicherheit/konten/verbinden/nordmark";
pub const LIST: &str = "/sicherheit/konten";

impl Browser {
    /// Leaves for the provider from a page of ours; where to.
    pub async fn leaves(&mut self, path: &str) -> String {
        if self.csrf.is_empty() {
            self.get("/anmelden").await;
        }
        let answer = self.post(path, &[]).await;
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        answer.location().to_owned()
    }

    /// There and back for signing in.
    pub async fn signs_in_at(&mut self, provider: &Upstream, person: Value) -> Answer {
        self.get("/anmelden").await;
        let location = self.leaves(&format!("/anmelden/konto/{}", provider.id)).await;
        let answer = self.get(&provider.answers(&location, person)).await;
        if answer.status == 303 {
            self.get("/profil").await;
        }
        answer
    }

    /// There and back for linking, up to the question.
    pub async fn finds(&mut self, provider: &Upstream, person: Value) -> Answer {
        self.get(LIST).await;
        let location = self.leaves(&format!("/sicherheit/konten/verbinden/{}", provider.id)).await;
        self.get(&provider.answers(&location, person)).await
    }

    /// Agrees on the page of a question.
    pub async fn agrees(&mut self, path: &str, page: &Answer) -> Answer {
        self.post(path, &[("siegel", &page.hidden("siegel"))]).await
    }

    /// There and back for showing an organisation.
    pub async fn shows(&mut self, provider: &Upstream, organisation: &OrganisationId, said: Value) -> Answer {
        let location = self.leaves_for(provider, organisation).await;
        self.get(&provider.answers(&location, said)).await
    }

    /// The same for somebody who has not tried so often.
    pub async fn shows_again(
        &mut self,
        world: &World,
        provider: &Upstream,
        (id, said): (&OrganisationId, Value),
    ) -> Answer {
        world.change("DELETE FROM attempt").await;
        self.shows(provider, id, said).await
    }

    /// Off for that; where to.
    pub async fn leaves_for(&mut self, provider: &Upstream, organisation: &OrganisationId) -> String {
        let path = format!("/organisation/{organisation}/nachweis");
        assert_eq!(self.get(&path).await.status, 200, "{path}");
        self.leaves(&format!("{path}/{}", provider.id)).await
    }

    pub async fn links(&mut self, provider: &Upstream, person: Value) -> Answer {
        let page = self.finds(provider, person).await;
        assert_eq!(page.heading(), "Soll dieses Konto verknüpft werden?", "{page:?}");
        self.agrees("/sicherheit/konten/verbinden", &page).await
    }
}
