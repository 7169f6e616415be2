//! A service that has a key to read with what is encrypted for it.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nutzerkonto::kernel::secret::sha256;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

pub enum Recipient {
    Ec(PrivateKey),
    Rsa(PrivatePkcs8KeyDer<'static>),
}

fn read(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

impl Recipient {
    /// By the name of the algorithm that brings the key to it.
    pub fn new(algorithm: &str) -> Self {
        match algorithm {
            "ECDH-ES" => Self::Ec(PrivateKey::generate(&ECDH_P256).unwrap()),
            "RSA-OAEP-256" => {
                let pem = include_str!("../../../keys-dev/id-token-rs256.pem");
                Self::Rsa(PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap())
            }
            other => panic!("nobody reads {other}"),
        }
    }

    /// Its part of the client file.
    pub fn declaration(&self, content: &str, answers: &str) -> String {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key = match self {
            Self::Ec(key) => {
                let public = key.compute_public_key().unwrap();
                let (x, y) = (text(&public.as_ref()[1..33]), text(&public.as_ref()[33..]));
                format!(
                    "kty = \"EC\", crv = \"P-256\", alg = \"ECDH-ES\", kid = \"enc\", use = \"enc\", x = \"{x}\", y = \"{y}\""
                )
            }
            Self::Rsa(der) => {
                let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
                let n = text(pair.public_key().modulus().big_endian_without_leading_zero());
                format!(
                    "kty = \"RSA\", kid = \"enc\", use = \"enc\", alg = \"RSA-OAEP-256\", n = \"{n}\", e = \"AQAB\""
                )
            }
        };
        format!("encryption = {{ key = {{ {key} }}, content = \"{content}\", answers = {answers} }}")
    }

    /// The header of what was encrypted, and what is in it.
    pub fn open(&self, token: &str) -> (Value, String) {
        let parts: Vec<&str> = token.split('.').collect();
        let [head, encrypted_key, nonce, text, tag] = parts[..] else { panic!("no JWE: {token}") };
        let header: Value = serde_json::from_slice(&read(head)).unwrap();
        let (cipher, length) = match header["enc"].as_str() {
            Some("A128GCM") => (&AES_128_GCM, 16_u32),
            _ => (&AES_256_GCM, 32),
        };
        let key = match self {
            Self::Ec(key) => {
                let coordinate = |name: &str| read(header["epk"][name].as_str().unwrap());
                let point = [&[4][..], &coordinate("x"), &coordinate("y")].concat();
                agree(key, UnparsedPublicKey::new(&ECDH_P256, point), (), |secret| {
                    let name = header["enc"].as_str().unwrap().as_bytes();
                    let name_length = (name.len() as u32).to_be_bytes();
                    let (one, bits) = (1_u32.to_be_bytes(), (8 * length).to_be_bytes());
                    let input = [&one[..], secret, &name_length, name, &[0; 8], &bits].concat();
                    Ok(sha256(&input)[..length as usize].to_vec())
                })
                .unwrap()
            }
            Self::Rsa(der) => {
                let key = PrivateDecryptingKey::from_pkcs8(der.secret_pkcs8_der()).unwrap();
                let key = OaepPrivateDecryptingKey::new(key).unwrap();
                let mut plain = vec![0; key.min_output_size()];
                key.decrypt(&OAEP_SHA256_MGF1SHA256, &read(encrypted_key), &mut plain, None).unwrap().to_vec()
            }
        };
        let nonce = Nonce::try_assume_unique_for_key(&read(nonce)).unwrap();
        let mut sealed = [read(text), read(tag)].concat();
        let key = LessSafeKey::new(UnboundKey::new(cipher, &key).unwrap());
        let plain = key.open_in_place(nonce, Aad::from(head.as_bytes()), &mut sealed).unwrap();
        (header, String::from_utf8(plain.to_vec()).unwrap())
    }
}
