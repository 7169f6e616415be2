//! A service with a key of its own: signs assertions, asks for tokens in its own name, refreshes, asks about tokens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::bare::THREADS;
use super::http::{Answer, Connection, Outcome, Visitor, get, post};
use super::server::{Instance, SIGNER_ID};
use super::visitors::{Service, authorize_path, code_form};

const ASSERTION_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
/// As long as the program accepts.
const LIFETIME_SECONDS: u64 = 300;
pub const OFFLINE: &str = "openid profile email offline_access";

/// Signs in the name of any client that is registered with its key. What is prepared costs nothing while it is measured.
pub struct Signer {
    pair: EcdsaKeyPair,
    issuer: String,
    number: AtomicU64,
    prepared: Mutex<Vec<String>>,
}

impl Signer {
    pub fn new(issuer: String) -> Outcome<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| "no key")?;
        Ok(Self { pair, issuer, number: AtomicU64::new(0), prepared: Mutex::default() })
    }

    /// Its part of a client declaration.
    pub fn authentication(&self) -> String {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let key = format!("{{ kty = \"EC\", crv = \"P-256\", kid = \"eins\", x = \"{x}\", y = \"{y}\" }}");
        format!("method = \"private_key_jwt\"\njwks = {{ keys = [{key}] }}\n")
    }

    /// Fields of a form that prove that it comes from this client.
    pub fn proof(&self, client: &str) -> Outcome<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let (issuer, number, exp) = (&self.issuer, self.number.fetch_add(1, Ordering::Relaxed), now + LIFETIME_SECONDS);
        let process = std::process::id();
        let claims = format!(
            "{{\"iss\":\"{client}\",\"sub\":\"{client}\",\"aud\":\"{issuer}\",\"iat\":{now},\"exp\":{exp},\
             \"jti\":\"{process:011}-{number:010}\"}}"
        );
        let mut token = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"eins","typ":"JWT"}"#);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes()).map_err(|_| "no signature")?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(format!("&client_assertion_type={ASSERTION_TYPE}&client_assertion={token}"))
    }

    /// Signs so many assertions ahead, for [`SIGNER_ID`]; forgets what is left of those before, because it ages.
    pub fn prepare(&self, count: usize) -> Outcome<()> {
        let sign = || (0..count / THREADS).map(|_| self.proof(SIGNER_ID)).collect::<Outcome<Vec<_>>>();
        let signed = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(sign)).collect();
            threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread failed")?).collect::<Outcome<Vec<_>>>()
        })?;
        *self.prepared.lock().unwrap_or_else(PoisonError::into_inner) = signed.into_iter().flatten().collect();
        Ok(())
    }

    /// A prepared proof, or a new one.
    pub fn next_proof(&self) -> Outcome<String> {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).pop();
        prepared.map_or_else(|| self.proof(SIGNER_ID), Ok)
    }
}

/// Sends one form over and over, each time with another assertion, and expects what counts as success in the body.
pub struct Machine {
    host: String,
    signer: Arc<Signer>,
    path: &'static str,
    form: String,
    expected: &'static str,
    /// The clients in whose name it asks, one after the other; none for [`SIGNER_ID`] with prepared assertions.
    clients: Arc<Vec<String>>,
    at: usize,
}

impl Machine {
    fn request(&mut self) -> Outcome<Vec<u8>> {
        let proof = if self.clients.is_empty() {
            self.signer.next_proof()?
        } else {
            self.at = (self.at + 1) % self.clients.len();
            self.signer.proof(&self.clients[self.at])?
        };
        Ok(post(&self.host, self.path, "", &format!("{}{proof}", self.form)))
    }
}

impl Visitor for Machine {
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)> {
        if let Some(answer) = answer {
            answer.expect(200)?;
            if !answer.body.contains(self.expected) {
                return Err(format!("no {} in {}", self.expected, answer.body).into());
            }
        }
        Ok((answer.is_some(), self.request()?))
    }
}

/// `client_credentials`, in the name of these clients.
pub fn own_name(instance: &Instance, count: usize, clients: &[String]) -> Vec<Machine> {
    let step = clients.len() / count;
    let clients = Arc::new(clients.to_vec());
    let machine = |number: usize| Machine {
        host: instance.host.clone(),
        signer: Arc::clone(&instance.signer),
        path: "/oauth2/token",
        form: "grant_type=client_credentials".to_owned(),
        expected: "\"access_token\"",
        clients: Arc::clone(&clients),
        at: number * step,
    };
    (0..count).map(machine).collect()
}

/// Refreshing, each visitor with a refresh token of its own.
pub fn refreshing(instance: &Instance, sessions: &[String], count: usize) -> Outcome<Vec<Machine>> {
    let mut machines = own_name(instance, count, &[]);
    for (number, machine) in machines.iter_mut().enumerate() {
        let body = tokens(instance, &sessions[number % sessions.len()])?;
        let token = member(&body, "refresh_token")?;
        machine.form = format!("grant_type=refresh_token&refresh_token={token}");
    }
    Ok(machines)
}

/// Asking about access tokens of people.
pub fn introspecting(instance: &Instance, sessions: &[String], count: usize) -> Outcome<Vec<Machine>> {
    let mut machines = own_name(instance, count, &[]);
    for (number, machine) in machines.iter_mut().enumerate() {
        let body = tokens(instance, &sessions[number % sessions.len()])?;
        let token = member(&body, "access_token")?;
        (machine.path, machine.expected) = ("/oauth2/introspect", "\"active\":true");
        machine.form = format!("token={token}");
    }
    Ok(machines)
}

pub fn boxed(machines: Vec<Machine>) -> Vec<Box<dyn Visitor>> {
    machines.into_iter().map(|machine| Box::new(machine) as Box<dyn Visitor>).collect()
}

fn member(body: &str, name: &str) -> Outcome<String> {
    let (_, rest) = body.split_once(&format!("\"{name}\":\"")).ok_or("a member is missing")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

/// What a session that has consented gets with a code.
fn tokens(instance: &Instance, session: &str) -> Outcome<String> {
    let service = Service::signing(instance);
    let mut connection = Connection::open(instance.address)?;
    let answer = connection.ask(&get(&instance.host, &authorize_path(service.id, OFFLINE), session))?;
    let code = answer.redirect_parameter("code").ok_or("no code")?.to_owned();
    let request = service.post(&instance.host, "/oauth2/token", &code_form(&code))?;
    let answer = connection.ask(&request)?;
    answer.expect(200)?;
    Ok(answer.body.to_owned())
}
