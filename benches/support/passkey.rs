//! People who sign in with a passkey: an authenticator that counts, and the browser in front of it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nutzerkonto::kernel::secret::sha256;
use serde_json::{Value, json};

use super::http::{Answer, Connection, Outcome, Visitor, get, post};
use super::server::Instance;
use super::visitors::SignIn;

const PAGE: &str = "/anmelden/passkey";
const OPTIONS: &str = "/anmelden/passkey/optionen";
const NEW: &str = "/sicherheit/passkeys/neu";
const MAKE: &str = "/sicherheit/passkeys/anlegen";
const PROBE: &str = "/sicherheit/passkeys/probieren";
/// Present and verified (Web Authentication Level 3, section 6.1).
const USED: u8 = 0b0000_0101;
const HAS_KEY: u8 = 0b0100_0000;

struct Key {
    pair: EcdsaKeyPair,
    origin: String,
    /// Whose it is, as the server has named them.
    handle: String,
    counter: u32,
}

impl Key {
    fn new(host: &str) -> Outcome<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| "no key")?;
        Ok(Self { pair, origin: format!("http://{host}"), handle: String::new(), counter: 0 })
    }

    fn id(&self) -> [u8; 32] {
        sha256(self.pair.public_key().as_ref())
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into()
    }

    fn data(&mut self, flags: u8) -> Vec<u8> {
        self.counter += 1;
        [&sha256(b"localhost")[..], &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn answer(&self, response: &Value) -> String {
        let id = URL_SAFE_NO_PAD.encode(self.id());
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }

    /// What the browser sends when the key is made; the public key as COSE has it (RFC 9053 section 7.1.1).
    fn make(&mut self, options: &Value) -> Outcome<String> {
        self.handle = options["user"]["id"].as_str().ok_or("no user handle")?.to_owned();
        let client_data = self.client_data("webauthn.create", options);
        let mut data = self.data(USED | HAS_KEY);
        let (id, point) = (self.id(), self.pair.public_key().as_ref());
        data.extend([0; 16].iter().chain(&[0, 32]).chain(&id));
        data.extend(b"\xA5\x01\x02\x03\x26\x20\x01\x21\x58\x20".iter().chain(&point[1..33]));
        data.extend(b"\x22\x58\x20".iter().chain(&point[33..]));
        let length = u16::try_from(data.len())?.to_be_bytes();
        let attestation = [&b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x59"[..], &length, &data].concat();
        Ok(self.answer(&json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "attestationObject": URL_SAFE_NO_PAD.encode(attestation),
        })))
    }

    /// What it sends when the key has signed a challenge.
    fn sign(&mut self, options: &Value) -> Outcome<String> {
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(USED);
        let signed = [&data[..], &sha256(&client_data)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).map_err(|_| "no signature")?;
        Ok(self.answer(&json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data), "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature.as_ref()), "userHandle": self.handle,
        })))
    }
}

enum Step {
    Page,
    Options,
    Form,
}

/// Opens the page, asks for a challenge and signs in, over and over, each time without any session. The device is known.
struct PasskeySignIn {
    host: String,
    key: Key,
    device: String,
    browser: String,
    csrf: String,
    step: Step,
}

fn form(csrf: &str, ceremony: &str, answer: &str) -> String {
    let mut fields = url::form_urlencoded::Serializer::new(String::new());
    fields.append_pair("csrf", csrf).append_pair("aufgabe", ceremony).append_pair("antwort", answer).finish()
}

fn csrf(page: &Answer<'_>) -> Outcome<String> {
    page.expect(200)?;
    Ok(page.between("name=\"csrf\" value=\"", "\"").to_owned())
}

/// What signs a challenge: the sealed question that goes back, and the options for the key.
fn challenge(answer: &Answer<'_>) -> Outcome<(String, Value)> {
    answer.expect(200)?;
    let mut asked: Value = serde_json::from_str(answer.body)?;
    let ceremony = asked["aufgabe"].as_str().ok_or("no challenge")?.to_owned();
    Ok((ceremony, asked["publicKey"].take()))
}

impl PasskeySignIn {
    /// Signs in with a password once, makes a passkey and tries it.
    fn registered(instance: &Instance, account: u64, accounts: u64) -> Outcome<Self> {
        let (host, mut connection) = (instance.host.clone(), Connection::open(instance.address)?);
        let sign_in = SignIn::new(instance, accounts, account);
        let page = connection.ask(&get(&host, "/anmelden", ""))?;
        let browser = page.cookie("nk_t").ok_or("no browser cookie")?.to_owned();
        let filled = sign_in.form(&page)?;
        let answer = connection.ask(&filled)?;
        answer.expect(303)?;
        let device = answer.cookie("nk_g").ok_or("no device")?.to_owned();
        let cookies = format!("cookie: {browser}; {device}; {}\r\n", answer.cookie("nk_s").ok_or("no session")?);

        let mut key = Key::new(&host)?;
        let csrf = csrf(&connection.ask(&get(&host, NEW, &cookies))?)?;
        let page = connection.ask(&post(&host, NEW, &cookies, &format!("csrf={csrf}&current=")))?;
        page.expect(200)?;
        let options = page.between("data-schluessel=\"", "\"").replace("&#34;", "\"").replace("&#38;", "&");
        let made = key.make(&serde_json::from_str(&options)?)?;
        let filled = form(&csrf, page.between("name=\"aufgabe\" value=\"", "\""), &made);
        connection.ask(&post(&host, MAKE, &cookies, &format!("{filled}&name=Messung")))?.expect(303)?;
        let (ceremony, options) = challenge(&connection.ask(&get(&host, OPTIONS, &cookies))?)?;
        let filled = form(&csrf, &ceremony, &key.sign(&options)?);
        connection.ask(&post(&host, PROBE, &cookies, &filled))?.expect(303)?;
        Ok(Self { host, key, device, browser: String::new(), csrf: String::new(), step: Step::Page })
    }

    fn cookies(&self) -> String {
        format!("cookie: {}; {}\r\n", self.browser, self.device)
    }

    fn take(&mut self, answer: &Answer<'_>) -> Outcome<(bool, Vec<u8>)> {
        match self.step {
            Step::Page => {
                self.browser = answer.cookie("nk_t").ok_or("no browser cookie")?.to_owned();
                self.csrf = csrf(answer)?;
                self.step = Step::Options;
                Ok((false, get(&self.host, OPTIONS, &self.cookies())))
            }
            Step::Options => {
                let (ceremony, options) = challenge(answer)?;
                let filled = form(&self.csrf, &ceremony, &self.key.sign(&options)?);
                self.step = Step::Form;
                Ok((false, post(&self.host, PAGE, &self.cookies(), &filled)))
            }
            Step::Form => {
                answer.expect(303)?;
                answer.cookie("nk_s").ok_or("no session")?;
                self.step = Step::Page;
                Ok((true, get(&self.host, PAGE, "")))
            }
        }
    }
}

impl Visitor for PasskeySignIn {
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)> {
        if let Some(answer) = answer {
            return self.take(answer);
        }
        self.step = Step::Page;
        Ok((false, get(&self.host, PAGE, "")))
    }
}

/// So many people, each with a passkey of their own.
pub fn passkey_sign_ins(instance: &Instance, accounts: u64, count: u64) -> Outcome<Vec<Box<dyn Visitor>>> {
    let one =
        |number| PasskeySignIn::registered(instance, number, accounts).map(|one| Box::new(one) as Box<dyn Visitor>);
    (0..count).map(one).collect()
}
