//! To what something is bound (RFC 7800 section 3.1): a key that was proven, or the certificate of a connection.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kernel::certificate::ClientCertificate;
use crate::kernel::error::Error;
use crate::kernel::time::Timestamp;

/// The `cnf` member of tokens and answers. Rows keep it as JSON, and compare that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// The SHA-256 thumbprint of a key (RFC 7638, RFC 9449 section 6.1).
    #[serde(rename = "jkt")]
    Key(String),
    /// The SHA-256 of a certificate (RFC 8705 section 3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(String),
}

impl Confirmation {
    /// What a client announces (`dpop_jkt`, RFC 9449 section 10).
    pub fn announced(thumbprint: &str) -> Option<Self> {
        let is_thumbprint = URL_SAFE_NO_PAD.decode(thumbprint).is_ok_and(|hash| hash.len() == 32);
        is_thumbprint.then(|| Self::Key(thumbprint.to_owned()))
    }

    /// By a certificate, if that counts at this time: one that has expired opens nothing any more.
    pub fn of_certificate(certificate: &ClientCertificate, now: Timestamp) -> Option<Self> {
        certificate.is_current(now).then(|| Self::Certificate(certificate.thumbprint().to_owned()))
    }

    /// How a token that is bound so is presented: a certificate needs no scheme of its own (RFC 8705 section 3).
    pub const fn token_type(&self) -> &'static str {
        match self {
            Self::Key(_) => "DPoP",
            Self::Certificate(_) => "Bearer",
        }
    }

    pub fn to_text(&self) -> String {
        json!(self).to_string()
    }

    /// What a row keeps.
    pub fn read(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(Error::broken)
    }
}

#[cfg(test)]
mod tests {
    use super::Confirmation;

    #[test]
    fn it_is_the_cnf_member_of_the_standards() {
        for (confirmation, text) in [
            (Confirmation::Key("a".into()), r#"{"jkt":"a"}"#),
            (Confirmation::Certificate("a".into()), r##"{"x5t#S256":"a"}"##),
        ] {
            assert_eq!(confirmation.to_text(), text);
            assert_eq!(Confirmation::read(text).unwrap(), confirmation);
        }
    }
}
