//! Services that sign with any algorithm: assertions, requests, proofs.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::doors::refusal;
use super::service::Service;
use super::world::World;
use crate::security_assertion::Signer;

type Sign = Box<dyn Fn(&str) -> Vec<u8>>;

/// A key pair that signs assertions, and its declaration.
pub struct Prover {
    pub id: String,
    pub declaration: String,
    sign: Sign,
    pub algorithm: &'static str,
    /// The key as it stands in a proof.
    pub public: Value,
}

impl Prover {
    pub fn new(algorithm: &str) -> Self {
        let service = Service::new(&format!("prover-{}", algorithm.to_lowercase()));
        let front = service.declaration("").split_once("[client.authentication]").unwrap().0.to_owned();
        let declare = |key: String| {
            format!("{front}[client.authentication]\nmethod = \"private_key_jwt\"\njwks = {{ keys = [{key}] }}\n")
        };
        let rsa = || {
            let pem = include_str!("../../../keys-dev/id-token-rs256.pem");
            let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
            RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap()
        };
        let (key, algorithm, sign): (String, &'static str, Sign) = match algorithm {
            "PS256" | "RS256" => {
                let pair = rsa();
                let n = URL_SAFE_NO_PAD.encode(pair.public_key().modulus().big_endian_without_leading_zero());
                let key =
                    format!("{{ kty = \"RSA\", kid = \"eins\", alg = \"{algorithm}\", n = \"{n}\", e = \"AQAB\" }}");
                let is_pss = algorithm == "PS256";
                let sign = move |message: &str| {
                    let mut signature = vec![0; pair.public_modulus_len()];
                    let padding: &'static dyn aws_lc_rs::signature::RsaEncoding =
                        if is_pss { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                    pair.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
                    signature
                };
                (key, if is_pss { "PS256" } else { "RS256" }, Box::new(sign))
            }
            "EdDSA" => {
                let pair = Ed25519KeyPair::generate().unwrap();
                let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
                let key = format!("{{ kty = \"OKP\", crv = \"Ed25519\", kid = \"eins\", x = \"{x}\" }}");
                (key, "EdDSA", Box::new(move |message: &str| pair.sign(message.as_bytes()).as_ref().to_vec()))
            }
            "ES256" => {
                let signer = Signer::new(&service.id);
                let key =
                    signer.declaration("").split_once("keys = [").unwrap().1.split(']').next().unwrap().to_owned();
                (key, "ES256", Box::new(move |message: &str| signer.sign(message)))
            }
            other => panic!("no check for assertions signed by {other}"),
        };
        let public: Value = toml::from_str::<Value>(&format!("key = {key}")).unwrap()["key"].clone();
        Self { id: service.id, declaration: declare(key), sign, algorithm, public }
    }

    /// The same key pair under another name.
    pub fn named(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    /// A token with these members in its header beside its own.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let mut header = header.clone();
        (header["alg"], header["kid"]) = (json!(self.algorithm), json!("eins"));
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode((self.sign)(&message)))
    }

    pub async fn ask(&self, world: &World, path: &str) -> (u16, String) {
        let now = world.app.now().seconds();
        let jti = format!("{}{path}{now}{}", self.id, rand());
        let claims = json!({ "iss": self.id, "sub": self.id, "aud": world.config.issuer, "exp": now + 60, "jti": jti });
        let assertion = self.sign(&json!({}), &claims);
        let form = [("client_assertion_type", Signer::TYPE), ("client_assertion", &assertion), ("token", "x")];
        let answer = world.browser().post_exactly(path, &form).await;
        (answer.status, if answer.body.is_empty() { String::new() } else { refusal(&answer).1 })
    }
}

pub fn rand() -> String {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode(bytes)
}
