//! An authenticator and the browser in front of it, as far as a server sees them. Everything that it says can be said wrongly.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nutzerkonto::kernel::secret::sha256;
use serde_json::{Value, json};

use super::browser::{Answer, Browser};
use super::maker::Voucher;
use super::world::World;

/// Flags of authenticator data (Web Authentication Level 3, section 6.1).
pub const PRESENT: u8 = 0b0000_0001;
pub const VERIFIED: u8 = 0b0000_0100;
pub const BACKUP_ELIGIBLE: u8 = 0b0000_1000;
pub const BACKED_UP: u8 = 0b0001_0000;
const HAS_KEY: u8 = 0b0100_0000;

/// One passkey.
pub struct Key {
    pair: EcdsaKeyPair,
    pub id: Vec<u8>,
    /// Whose it is, as the server named them.
    pub handle: Vec<u8>,
    /// What the next signature says; 0 does not count.
    pub counter: u32,
    pub flags: u8,
    pub origin: String,
    pub rp_id: String,
    /// What the browser says that it was asked for.
    pub made_by: &'static str,
    pub signed_by: &'static str,
    pub cross_origin: bool,
    /// The algorithm that the key claims to be for.
    pub algorithm: i8,
    /// The model that it names (AAGUID).
    pub model: [u8; 16],
    /// What its maker vouches for it with.
    pub voucher: Option<Voucher>,
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

impl Key {
    /// One that stays on its device and counts.
    pub fn new(world: &World) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let id = sha256(pair.public_key().as_ref()).to_vec();
        let (origin, rp_id) = (world.config.issuer.clone(), "localhost".to_owned());
        let (made_by, signed_by) = ("webauthn.create", "webauthn.get");
        let (handle, flags) = (Vec::new(), PRESENT | VERIFIED);
        Self {
            pair,
            id,
            handle,
            counter: 1,
            flags,
            origin,
            rp_id,
            made_by,
            signed_by,
            cross_origin: false,
            algorithm: -7,
            model: [0; 16],
            voucher: None,
        }
    }

    /// One that its maker copies to other devices, and that does not count.
    pub fn synchronised(world: &World) -> Self {
        Self { flags: PRESENT | VERIFIED | BACKUP_ELIGIBLE | BACKED_UP, counter: 0, ..Self::new(world) }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let (challenge, origin) = (&options["challenge"], &self.origin);
        json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": self.cross_origin })
            .to_string()
            .into()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        [&sha256(self.rp_id.as_bytes())[..], &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// The public key as COSE has it (RFC 9053 section 7.1.1).
    fn cose(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let algorithm = self.algorithm.wrapping_add(1).unsigned_abs() | 0x20;
        let head = [0xA5, 0x01, 0x02, 0x03, algorithm, 0x20, 0x01, 0x21, 0x58, 0x20];
        [&head[..], &point[1..33], &[0x22, 0x58, 0x20], &point[33..]].concat()
    }

    /// `{ "fmt": "none", "attStmt": {}, "authData": ... }`.
    pub fn attestation(&self) -> Vec<u8> {
        let data = self.attested_data();
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        [&b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x59"[..], &length, &data].concat()
    }

    fn attested_data(&self) -> Vec<u8> {
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let mut data = self.authenticator_data(self.flags | HAS_KEY);
        data.extend([&self.model[..], &length, &self.id, &self.cose()].concat());
        data
    }

    /// What the browser sends when a key was made.
    pub fn make(&mut self, options: &Value) -> Value {
        self.handle = decode(&options["user"]["id"]);
        let client_data = self.client_data(self.made_by, options);
        let word = |voucher: &Voucher| voucher.attestation(&self.attested_data(), &sha256(&client_data));
        let attestation = self.voucher.as_ref().map_or_else(|| self.attestation(), word);
        self.count();
        json!({
            "id": encode(&self.id), "rawId": encode(&self.id), "type": "public-key",
            "response": { "clientDataJSON": encode(&client_data), "attestationObject": encode(&attestation) },
        })
    }

    fn count(&mut self) {
        if self.counter > 0 {
            self.counter += 1;
        }
    }

    /// What the browser sends when it has signed a challenge.
    pub fn sign(&mut self, options: &Value) -> Value {
        let (client_data, data) = (self.client_data(self.signed_by, options), self.authenticator_data(self.flags));
        let signed = [&data[..], &sha256(&client_data)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        self.count();
        json!({
            "id": encode(&self.id), "rawId": encode(&self.id), "type": "public-key",
            "response": {
                "clientDataJSON": encode(&client_data), "authenticatorData": encode(&data),
                "signature": encode(signature.as_ref()), "userHandle": encode(&self.handle),
            },
        })
    }
}

/// A challenge: what takes it, and what the browser is asked.
pub struct Challenge {
    pub ceremony: String,
    pub options: Value,
}

impl Challenge {
    /// What a page asks the browser, if it does.
    pub fn of(page: &Answer) -> Option<Self> {
        let (_, rest) = page.body.split_once("data-schluessel=\"")?;
        let options = rest.split('"').next().unwrap().replace("&#34;", "\"").replace("&#38;", "&");
        Some(Self { ceremony: page.hidden("aufgabe"), options: serde_json::from_str(&options).unwrap() })
    }
}

pub const NEW: &str = "/sicherheit/passkeys/neu";
pub const MAKE: &str = "/sicherheit/passkeys/anlegen";
pub const PROBE: &str = "/sicherheit/passkeys/probieren";
pub const SIGN_IN: &str = "/anmelden/passkey";

impl Browser {
    /// A challenge for a new key; the answer of the page if it gives none.
    pub async fn challenge_to_make(&mut self, password: &str) -> Result<Challenge, Answer> {
        self.get(NEW).await;
        let page = self.post(NEW, &[("current", password)]).await;
        Challenge::of(&page).ok_or(page)
    }

    pub async fn send_key(&mut self, challenge: &Challenge, answer: &Value, name: &str) -> Answer {
        let fields = [("aufgabe", challenge.ceremony.as_str()), ("antwort", &answer.to_string()), ("name", name)];
        self.post(MAKE, &fields).await
    }

    /// Makes a key, without trying it.
    pub async fn make(&mut self, key: &mut Key, name: &str) -> Answer {
        let challenge = self.challenge_to_make("").await.unwrap_or_else(|page| panic!("no challenge: {page:?}"));
        let answer = key.make(&challenge.options);
        self.send_key(&challenge, &answer, name).await
    }

    /// Makes a key and tries it, so that it is good for signing in.
    pub async fn add(&mut self, key: &mut Key, name: &str) -> Answer {
        let made = self.make(key, name).await;
        assert_eq!(made.location(), PROBE, "{made:?}");
        self.use_at(PROBE, key).await
    }

    pub async fn challenge(&mut self) -> Challenge {
        let answer = self.get("/anmelden/passkey/optionen").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        Challenge { ceremony: json["aufgabe"].as_str().unwrap().to_owned(), options: json["publicKey"].clone() }
    }

    pub async fn send_signed(&mut self, path: &str, challenge: &Challenge, answer: &Value) -> Answer {
        let fields = [("aufgabe", challenge.ceremony.as_str()), ("antwort", &answer.to_string())];
        self.post(path, &fields).await
    }

    /// Signs in on this page; the answer is what came back for the form.
    pub async fn use_at(&mut self, path: &str, key: &mut Key) -> Answer {
        self.get(path).await;
        let challenge = self.challenge().await;
        let signed = key.sign(&challenge.options);
        let answer = self.send_signed(path, &challenge, &signed).await;
        if answer.status == 303 {
            // The forms of the new session.
            self.get("/anmelden/passkey").await;
        }
        answer
    }

    pub async fn sign_in_with(&mut self, key: &mut Key) -> Answer {
        self.use_at(SIGN_IN, key).await
    }
}
