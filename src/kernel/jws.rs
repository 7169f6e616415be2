//! Signed tokens that somebody presents: taken apart once, believed only with a signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// What counts of a header (RFC 7515 section 4.1). A member that is there twice makes it unreadable.
#[derive(Deserialize)]
pub struct Header {
    pub alg: Algorithm,
    pub kid: Option<String>,
    pub typ: Option<String>,
    /// A key that the token brings along (RFC 7515 section 4.1.3). It proves nothing but that whoever signed has it.
    pub jwk: Option<serde_json::Value>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
    #[serde(default, deserialize_with = "is_there")]
    b64: bool,
    #[serde(default, deserialize_with = "is_there")]
    zip: bool,
}

/// Whatever its value, `null` too.
fn is_there<'a, D: Deserializer<'a>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A token in compact form (RFC 7515 section 7.1), not believed yet.
pub struct Compact<'a> {
    pub header: Header,
    message: &'a str,
    claims: Vec<u8>,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    /// `None` for what is no such token, and for one that calls an extension critical: we understand none (RFC 7515
    /// section 4.1.11).
    pub fn parse(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let header: Header = serde_json::from_slice(&read_part(header)?).ok()?;
        let claims = read_part(claims)?;
        let is_plain = !(header.crit || header.b64 || header.zip);
        is_plain.then_some(Self { header, message, claims, signature })
    }

    /// What it says. Worth nothing unless [`is_signed`](Self::is_signed).
    pub fn claims<C: DeserializeOwned>(&self) -> Option<C> {
        serde_json::from_slice(&self.claims).ok()
    }

    /// Whether it is signed with this key and this algorithm; the one that its header names has to be the same.
    pub fn is_signed(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        let (signature, message) = (self.signature, self.message.as_bytes());
        self.header.alg == algorithm
            && matches!(jsonwebtoken::crypto::verify(signature, message, key, algorithm), Ok(true))
    }
}

/// One part of a token; a dot more is no letter of it. A JSON object, where serde would take an array for a struct, too.
fn read_part(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok().filter(|json| json.trim_ascii_start().starts_with(b"{"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn sec_g01_a_token_is_read_strictly() {
        let good = token(r#"{"alg":"ES256","kid":"1","x":[null]}"#, "{}");
        let read = Compact::parse(&good).unwrap();
        assert_eq!((read.header.alg, read.header.kid.as_deref(), read.header.typ), (Algorithm::ES256, Some("1"), None));
        for header in [
            "{}",
            "[]",
            r#"["ES256","1","JWT",0,0,0]"#,
            "",
            r#"{"alg":"none"}"#,
            r#"{"alg":"ES256","alg":"ES256"}"#,
            r#"{"alg":"ES256","crit":null}"#,
            r#"{"alg":"ES256","crit":["exp"]}"#,
            r#"{"alg":"ES256","b64":false}"#,
            r#"{"alg":"ES256","zip":"DEF"}"#,
            r#"{"alg":"ES256"} {}"#,
        ] {
            assert!(Compact::parse(&token(header, "{}")).is_none(), "{header}");
        }
        for bad in ["", ".", "..", "a.b.c", &good.replace(".AAAA", ""), &format!("{good}.AAAA"), &format!(".{good}")] {
            assert!(Compact::parse(bad).is_none(), "{bad}");
        }
        #[derive(Deserialize)]
        struct Claims {
            sub: String,
        }
        let claims = |claims: &str| Compact::parse(&token(r#"{"alg":"ES256"}"#, claims))?.claims::<Claims>();
        assert_eq!(claims(r#" {"sub":"a"} "#).unwrap().sub, "a");
        for bad in ["", "{", "[]", r#"["a"]"#, "{}", r#"{"sub":"a","sub":"b"}"#, r#"{"sub":"a"} {}"#] {
            assert!(claims(bad).is_none(), "{bad}");
        }
    }
}
