//! A client in words: everything in force, line by line under the keys of the client file. Never a secret, nor its hash.

use std::fmt::Write as _;

use jsonwebtoken::jwk::{Jwk, JwkSet};

use super::state::Standing;
use super::{Authentication, Bilingual, ClaimRule, Client, Delivery, Encryption, SubjectType, key_algorithm};
use crate::kernel::jwe::KeyManagement;
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::Timestamp;

type Line = (&'static str, String);

impl Standing {
    /// With how many accounts it is connected is said too.
    pub fn describe(&self, accounts: i64, now: Timestamp) -> String {
        let mut text = String::new();
        let lines = [self.state(accounts), self.client.words(), self.client.addresses(), self.client.rights()].concat();
        for (key, value) in lines.into_iter().chain(self.authentication(now)) {
            let _: std::fmt::Result = writeln!(text, "{key:38}{value}");
        }
        text
    }

    fn state(&self, accounts: i64) -> Vec<Line> {
        let state = match &self.disabled {
            None => "switched on".to_owned(),
            Some(disabled) => {
                format!("switched off since {} by {}: {}", at(disabled.since), disabled.operator, disabled.reason)
            }
        };
        let mut lines =
            vec![("id", self.client.id.to_string()), ("state", state), ("connected accounts", accounts.to_string())];
        if let Some(origin) = &self.origin {
            lines.push(("registered itself", format!("{}, admitted by {}", at(origin.created_at), origin.admitted_by)));
            lines.push((
                "approved",
                match &origin.approved {
                    Some((since, operator)) => format!("{} by {operator}", at(*since)),
                    None => format!("by nobody; ends {}", at(origin.expires_at)),
                },
            ));
        }
        lines
    }

    fn authentication(&self, now: Timestamp) -> Vec<Line> {
        let word = "authentication";
        let declared = |method: &str| vec![(word, format!("{method}, with the secret that is declared"))];
        match &self.client.authentication {
            Authentication::None {} => vec![(word, "none: a public client; PKCE always".to_owned())],
            Authentication::PrivateKeyJwt { jwks: Some(jwks), .. } => {
                let head = (word, "private_key_jwt, with a key that is declared".to_owned());
                [head].into_iter().chain(jwks.keys.iter().map(|jwk| ("key", key(jwk)))).collect()
            }
            Authentication::PrivateKeyJwt { jwks_uri, .. } => {
                let uri = jwks_uri.clone().unwrap_or_default();
                vec![(word, format!("private_key_jwt, with a key from {uri} (at most 15 minutes old)"))]
            }
            Authentication::SelfSignedTlsClientAuth { certificates } => {
                let head = (word, "self_signed_tls_client_auth, with a certificate that is declared".to_owned());
                let certificate_line = |thumbprint: &String| ("certificate", thumbprint.clone());
                [head].into_iter().chain(certificates.iter().map(certificate_line)).collect()
            }
            Authentication::TlsClientAuth { san_dns, san_uri } => {
                let name = san_dns.as_deref().or(san_uri.as_deref()).unwrap_or_default();
                vec![(word, format!("tls_client_auth, with a certificate for {name}"))]
            }
            Authentication::ClientSecretBasic { secret_sha256: Some(_) } => declared("client_secret_basic"),
            Authentication::ClientSecretPost { secret_sha256: Some(_) } => declared("client_secret_post"),
            Authentication::ClientSecretBasic { .. } => self.stored_secrets("client_secret_basic", now),
            Authentication::ClientSecretPost { .. } => self.stored_secrets("client_secret_post", now),
        }
    }

    fn stored_secrets(&self, method: &str, now: Timestamp) -> Vec<Line> {
        if self.lacks_secret(now) {
            let text = "without a secret: it cannot authenticate; `client rotate-secret` makes one";
            return vec![("authentication", format!("{method}, {text}"))];
        }
        let line = |secret: &super::secret::StoredSecret| {
            let until = secret.ends_at.map_or_else(String::new, |end| format!(" until {}", at(end)));
            ("secret", format!("counts since {}{until}", at(secret.since)))
        };
        let head = ("authentication", format!("{method}, with a secret made here"));
        [head].into_iter().chain(self.secrets.iter().filter(|secret| secret.counts(now)).map(line)).collect()
    }
}

impl Client {
    fn words(&self) -> Vec<Line> {
        vec![
            ("name", both(&self.name)),
            ("operator", both(&self.operator)),
            ("purpose", both(&self.purpose)),
            ("privacy_uri", self.privacy_uri.clone()),
            ("contacts", list(&self.contacts)),
            ("profile", self.profile.name().to_owned()),
            ("level", format!("at least {}", self.level.name())),
            ("level_reason", self.level_reason.as_ref().map_or_else(none, both)),
        ]
    }

    fn addresses(&self) -> Vec<Line> {
        let pushed = if self.must_push() { "only those" } else { "taken, not demanded" };
        vec![
            ("redirect_uris", list(&self.redirect_uris)),
            ("request_uris", list(&self.request_uris)),
            ("post_logout_redirect_uris", list(&self.post_logout_redirect_uris)),
            ("initiate_login_uri", self.initiate_login_uri.clone().unwrap_or_else(none)),
            ("backchannel_logout_uri", self.backchannel_logout_uri.clone().unwrap_or_else(none)),
            ("require_pushed_authorization_requests", pushed.to_owned()),
            ("jwks", self.jwks.as_ref().map_or_else(none, keys)),
            ("jwks_uri", self.jwks_uri.clone().unwrap_or_else(none)),
        ]
    }

    fn rights(&self) -> Vec<Line> {
        let scopes: Vec<_> = self.scopes.iter().map(|scope| scope.name().to_owned()).collect();
        let claims: Vec<_> = self.claims.iter().map(rule).collect();
        let serves: Vec<_> = self.serves.iter().map(|kind| kind.name()).collect();
        let subjects = match self.subject_type {
            SubjectType::Public => "public: the same as for every client with public subjects".to_owned(),
            SubjectType::Pairwise => format!("pairwise, of the sector {}", self.sector()),
        };
        vec![
            ("serves", serves.join(", ")),
            ("mandates", if self.mandates { "may be used there" } else { "no" }.to_owned()),
            ("scopes", list(&scopes)),
            ("claims", if claims.is_empty() { none() } else { claims.join("; ") }),
            ("device", if self.device { "people may sign in on devices" } else { "no" }.to_owned()),
            ("own_scopes", list(&self.own_scopes)),
            ("resource", self.resource.clone().unwrap_or_else(none)),
            ("resource_server", self.resource_server.clone().unwrap_or_else(none)),
            (
                "organisation_scopes",
                list(&self.organisation_scopes.iter().map(|one| one.name.clone()).collect::<Vec<_>>()),
            ),
            ("postbox", self.postbox.as_ref().map_or_else(none, Delivery::words)),
            ("exchange", list(&self.exchange)),
            ("access_token_format", word(&self.access_token_format)),
            ("certificate_bound_tokens", if self.certificate_bound_tokens { "yes" } else { "no" }.to_owned()),
            ("id_token_algorithm", word(&self.id_token_algorithm)),
            ("userinfo_algorithm", self.userinfo_algorithm.as_ref().map_or_else(none, word)),
            ("encryption", self.encryption.as_ref().map_or_else(none, encryption)),
            ("subject_type", subjects),
            ("sector", self.sector.clone().unwrap_or_else(none)),
            ("authority_id", self.authority_id.as_ref().map_or_else(none, ToString::to_string)),
            ("service_id", self.service_id.clone().unwrap_or_else(none)),
        ]
    }
}

fn key(jwk: &Jwk) -> String {
    let algorithm = key_algorithm(jwk).map_or_else(String::new, |algorithm| format!("{algorithm:?}"));
    format!("{} ({algorithm})", jwk.common.key_id.as_deref().unwrap_or_default())
}

fn keys(jwks: &JwkSet) -> String {
    format!("{}, to sign requests with", jwks.keys.iter().map(key).collect::<Vec<_>>().join(", "))
}

fn encryption(wanted: &Encryption) -> String {
    let key = KeyManagement::of(&wanted.key).map_or("unusable", KeyManagement::name);
    let answers: Vec<_> = wanted.answers.iter().map(word).collect();
    format!("{} with {key} and {}", answers.join(", "), wanted.content.name())
}

fn rule(rule: &ClaimRule) -> String {
    let names: Vec<_> = rule.names.iter().map(|claim| claim.name()).collect();
    let basis = match (&rule.legal_basis, rule.optional) {
        (Some(basis), _) => format!("by {}", basis.get(Language::De)),
        (None, true) => "if the person wants to".to_owned(),
        (None, false) => "by consent".to_owned(),
    };
    let purpose = rule.purpose.as_ref().map_or_else(String::new, |text| format!(", for: {}", text.get(Language::De)));
    let acting = if rule.acting { ", also of who acts for an organisation" } else { "" };
    format!("{} ({basis}{purpose}{acting})", names.join(", "))
}

fn at(at: Timestamp) -> String {
    moment::date_and_clock(Language::En, at)
}

fn both(text: &Bilingual) -> String {
    format!("{} / {}", text.de, text.en)
}

fn none() -> String {
    "none".to_owned()
}

fn list(values: &[String]) -> String {
    if values.is_empty() { none() } else { values.join(", ") }
}

/// As the client file writes it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::client::ClientFile;

    #[test]
    fn no_key_of_a_client_is_left_out() {
        let file = include_str!("../demo/clients.toml").replace("{service}", "https://parken.example");
        let file = file.replace("{register}", "https://register.example");
        let client = ClientFile::parse(&file.replace("{hash}", &"ab".repeat(32)), false).unwrap().client.remove(0);
        let keys: Vec<_> = serde_json::to_value(&client).unwrap().as_object().unwrap().keys().cloned().collect();
        let standing = Standing { client: Arc::new(client), origin: None, disabled: None, secrets: Vec::new() };
        let text = standing.describe(3, Timestamp::from_seconds(1));
        for key in keys {
            assert!(text.lines().any(|line| line.split(' ').next() == Some(&key)), "{key} is missing in:\n{text}");
        }
        assert!(!text.contains("abab"), "{text}");
    }
}
