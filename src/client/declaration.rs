//! The file that declares all clients, and everything that must hold of each.

use std::collections::BTreeSet;
use std::slice;

use serde::Deserialize;

use super::{Bilingual, Client, Encryption, Profile, Scope, Serves, SubjectType, check_redirect_uri, jwks};
use crate::account::email::EmailAddress;
use crate::kernel::jwe::KeyManagement;
use crate::kernel::level::Level;
use crate::kernel::outbound;

/// The file that declares all clients.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFile {
    #[serde(default)]
    pub client: Vec<Client>,
}

impl ClientFile {
    /// Reads and checks a file. Loopback redirect URIs are only for an issuer on loopback.
    pub fn parse(text: &str, loopback_allowed: bool) -> Result<Self, String> {
        let explain = |error: toml::de::Error| crate::config::explain(text, &error);
        if jwks::has_private_key(&toml::from_str(text).map_err(explain)?) {
            return Err("jwks: only public keys; this file contains a private one".to_owned());
        }
        let file: Self = toml::from_str(text).map_err(explain)?;
        let mut ids = BTreeSet::new();
        for client in &file.client {
            client.check(loopback_allowed)?;
            if !ids.insert(&client.id) {
                return Err(format!("client {}: declared twice", client.id));
            }
        }
        Ok(file)
    }
}

/// What is wrong, and where.
pub type Problem = (&'static str, String);

pub fn problem<T>(field: &'static str, text: impl Into<String>) -> Result<T, Problem> {
    Err((field, text.into()))
}

impl Client {
    fn check(&self, loopback_allowed: bool) -> Result<(), String> {
        self.find_problem(loopback_allowed)
            .map_or(Ok(()), |(field, text)| Err(format!("client {}: {field}: {text}", self.id)))
    }

    /// Everything that must hold; the first thing that does not, with its field.
    pub fn find_problem(&self, loopback_allowed: bool) -> Option<Problem> {
        let checks = [
            self.check_words(),
            self.check_addresses(loopback_allowed),
            self.check_sectors(),
            self.check_claims(),
            self.check_serves(),
            self.check_rights(),
            self.check_encryption(),
            self.check_keys(loopback_allowed),
            self.authentication.check(loopback_allowed).or_else(|text| problem("authentication", text)),
        ];
        checks.into_iter().find_map(Result::err)
    }

    fn check_words(&self) -> Result<(), Problem> {
        if !is_name(&self.id.0, 100, b"-_.") {
            return problem("id", "1 to 100 letters, digits, '-', '_', '.'");
        }
        let texts = [
            ("name", Some(&self.name)),
            ("operator", Some(&self.operator)),
            ("purpose", Some(&self.purpose)),
            ("level_reason", self.level_reason.as_ref()),
        ];
        for (field, text) in texts {
            if !text.is_none_or(Bilingual::is_sound) {
                return problem(field, TEXTS);
            }
        }
        if self.level > Level::Basic && self.level_reason.is_none() {
            return problem("level_reason", "people who are asked for a higher level must be told why");
        }
        let is_address = |text: &String| text.len() <= 254 && EmailAddress::parse(text).is_some();
        if self.contacts.len() > 10 || !self.contacts.iter().all(is_address) {
            return problem("contacts", "at most ten e-mail addresses");
        }
        Ok(())
    }

    fn check_addresses(&self, loopback_allowed: bool) -> Result<(), Problem> {
        let has_other_use = self.device || !self.own_scopes.is_empty() || self.resource_server.is_some();
        if self.redirect_uris.is_empty() && !has_other_use {
            return problem("redirect_uris", "at least one");
        }
        let lists: [(_, &[String]); 7] = [
            ("redirect_uris", &self.redirect_uris),
            ("post_logout_redirect_uris", &self.post_logout_redirect_uris),
            ("initiate_login_uri", self.initiate_login_uri.as_slice()),
            ("privacy_uri", slice::from_ref(&self.privacy_uri)),
            ("resource", self.resource.as_slice()),
            ("resource_server", self.resource_server.as_slice()),
            ("exchange", &self.exchange),
        ];
        for (field, uris) in lists {
            for uri in uris {
                check_redirect_uri(uri, loopback_allowed).or_else(|text| problem(field, format!("{uri}: {text}")))?;
            }
        }
        if self.request_uris.len() > REQUEST_URIS_MAX {
            return problem("request_uris", "at most 10");
        }
        // Those that we call ourselves.
        let called = self.request_uris.iter().map(|uri| ("request_uris", uri.split('#').next().unwrap_or_default()));
        let told = self.backchannel_logout_uri.iter().map(|uri| ("backchannel_logout_uri", uri.as_str()));
        let delivery = self.postbox.iter().filter_map(|delivery| delivery.events_uri.as_deref());
        let pushed = delivery.map(|uri| ("postbox.events_uri", uri));
        called.chain(told).chain(pushed).try_for_each(|(field, uri)| {
            check_redirect_uri(uri, loopback_allowed)
                .and_then(|()| outbound::check_host(uri, loopback_allowed))
                .or_else(|text| problem(field, text))
        })
    }

    /// What subjects are computed from; the space in those that are ours keeps them apart.
    fn check_sectors(&self) -> Result<(), Problem> {
        let authority = self.authority_id.as_ref().map(|authority| &authority.0);
        let names =
            [("sector", self.sector.as_ref()), ("authority_id", authority), ("service_id", self.service_id.as_ref())];
        for (field, name) in names {
            if !name.is_none_or(|name| is_name(name, 200, b"-_.:")) {
                return problem(field, "1 to 200 letters, digits, '-', '_', '.', ':'");
            }
        }
        if self.subject_type == SubjectType::Public && self.sector.is_some() {
            return problem("sector", "a client with public subjects has none");
        }
        Ok(())
    }

    fn check_claims(&self) -> Result<(), Problem> {
        let mut seen = BTreeSet::new();
        for rule in &self.claims {
            let texts = [&rule.purpose, &rule.legal_basis];
            if !texts.into_iter().flatten().all(Bilingual::is_sound) {
                return problem("claims", TEXTS);
            }
            if rule.optional && rule.legal_basis.is_some() {
                return problem("claims", "what has a legal_basis is not a person's choice: leave out optional");
            }
            for claim in &rule.names {
                if claim.is_companion() {
                    return problem(
                        "claims",
                        format!("{} is not declared: it comes with what it speaks of", claim.name()),
                    );
                }
                if !seen.insert(*claim) {
                    return problem("claims", format!("{} stands there twice", claim.name()));
                }
            }
        }
        for scope in [Scope::Profile, Scope::Email, Scope::Address, Scope::Phone] {
            if self.scopes.contains(&scope) && !seen.iter().any(|claim| claim.scope() == scope) {
                return problem("scopes", format!("{} without any of its claims in claims", scope.name()));
            }
        }
        Ok(())
    }

    fn check_serves(&self) -> Result<(), Problem> {
        if self.serves.is_empty() || self.serves.iter().collect::<BTreeSet<_>>().len() != self.serves.len() {
            return problem("serves", "persons, organisations, or both, each once");
        }
        let organisations = self.serves(Serves::Organisations);
        if self.scopes.contains(&Scope::Organisation) && !organisations {
            return problem("scopes", "organisation only for a client that serves organisations");
        }
        if self.claims.iter().any(|rule| rule.acting) && !organisations {
            return problem("claims", "acting only for a client that serves organisations");
        }
        Ok(())
    }

    fn check_rights(&self) -> Result<(), Problem> {
        if !self.scopes.contains(&Scope::Openid) && (self.device || !self.redirect_uris.is_empty()) {
            return problem("scopes", "must contain openid");
        }
        if self.is_public() && !self.own_scopes.is_empty() {
            return problem("own_scopes", "only for a client that authenticates");
        }
        if self.is_public() && self.resource_server.is_some() {
            return problem("resource_server", "only for a client that authenticates");
        }
        if !self.exchange.is_empty() && self.resource_server.is_none() {
            return problem(
                "exchange",
                "only for an API (resource_server): it exchanges tokens that it was called with",
            );
        }
        if self.exchange.len() > EXCHANGE_MAX
            || self.exchange.iter().any(|api| self.resource_server.as_ref() == Some(api))
        {
            return problem("exchange", "at most 10 other APIs");
        }
        if self.own_scopes.len() > OWN_SCOPES_MAX || !self.own_scopes.iter().all(|name| is_own_scope(name)) {
            let text = "at most 32 names of letters, digits, '.', ':', '_', '-', none of them a person's scope";
            return problem("own_scopes", text);
        }
        self.check_organisation_scopes()?;
        self.check_delivery()?;
        // FAPI 2.0 Security Profile section 5.3.2.1: the code flow, with deposited requests.
        if self.device && self.profile.is_fapi2() {
            return problem("device", "not with this profile: nobody can tell who holds the device");
        }
        if self.profile.is_fapi2() {
            self.check_fapi2()?;
        }
        if self.is_public() && self.profile != Profile::Baseline {
            return problem("profile", "without client authentication it is baseline (PKCE always)");
        }
        Ok(())
    }
}

impl Client {
    fn check_organisation_scopes(&self) -> Result<(), Problem> {
        let field = "organisation_scopes";
        let names: BTreeSet<_> = self.organisation_scopes.iter().map(|scope| &scope.name).collect();
        if names.is_empty() {
            return Ok(());
        }
        if self.resource_server.is_none() || !self.serves(Serves::Organisations) {
            return problem(field, "only for an API (resource_server) that serves organisations");
        }
        if names.len() != self.organisation_scopes.len() || names.len() > OWN_SCOPES_MAX {
            return problem(field, "at most 32, each once");
        }
        if !names.into_iter().all(|name| is_own_scope(name)) {
            return problem(field, "names as in own_scopes");
        }
        if !self.organisation_scopes.iter().all(|scope| scope.label.is_sound()) {
            return problem(field, TEXTS);
        }
        Ok(())
    }

    fn check_encryption(&self) -> Result<(), Problem> {
        let Some(Encryption { key, answers, .. }) = &self.encryption else { return Ok(()) };
        if answers.is_empty() {
            return problem("encryption", "answers: id_token, userinfo or introspection");
        }
        KeyManagement::of(key).map(drop).or_else(|text| problem("encryption", text))
    }
}

const TEXTS: &str = "needs a German and an English text of at most 160 characters";
const OWN_SCOPES_MAX: usize = 32;
const EXCHANGE_MAX: usize = 10;
const REQUEST_URIS_MAX: usize = 10;

impl Bilingual {
    fn is_sound(&self) -> bool {
        [&self.de, &self.en].iter().all(|text| !text.trim().is_empty() && text.chars().count() <= 160)
    }
}

pub fn is_name(text: &str, length_max: usize, signs: &[u8]) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || signs.contains(&byte));
    (1..=length_max).contains(&text.len()) && is_plain
}

fn is_own_scope(name: &str) -> bool {
    is_name(name, 100, b".:_-") && !Scope::ALL.iter().any(|scope| scope.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::AuthorityId;

    fn file(extra: &str) -> String {
        format!(
            "[[client]]\nid = \"parken\"\nname = {{ de = \"Parken\", en = \"Parking\" }}\noperator = {{ de = \"Stadt\", en = \"City\" }}\n\
             purpose = {{ de = \"Antrag\", en = \"Application\" }}\nprivacy_uri = \"https://rp.example/datenschutz\"\n\
             redirect_uris = [\"https://rp.example/cb\"]\nscopes = [\"openid\"]\n{extra}\n\
             [client.authentication]\nmethod = \"client_secret_basic\"\nsecret_sha256 = \"{}\"\n",
            "ab".repeat(32)
        )
    }

    #[test]
    fn a_file_is_read_and_checked() {
        assert!(ClientFile::parse(&file(""), false).is_ok());
        let refused = |extra: &str| ClientFile::parse(&file(extra), false).unwrap_err();
        assert!(refused("redirect_uri = \"x\"").contains("redirect_uri"), "unknown key");
        assert!(refused("post_logout_redirect_uris = [\"http://rp.example/\"]").contains("https"));
        assert!(refused("level = \"gold\"").contains("level"));
        assert!(refused("level = \"substantial\"").contains("level_reason"));
        assert!(refused("contacts = [\"nobody\"]").contains("contacts"));
        assert!(refused("device = true\nprofile = \"fapi2\"").contains("device"));
        let without_openid = file("device = true").replace("scopes = [\"openid\"]", "");
        assert!(ClientFile::parse(&without_openid, false).unwrap_err().contains("openid"));
        let alone = file("device = true").replace("redirect_uris = [\"https://rp.example/cb\"]", "");
        assert!(ClientFile::parse(&alone, false).is_ok());
        assert!(refused("authority_id = \"a b\"").contains("authority_id"));
        assert!(refused("subject_type = \"public\"\nsector = \"a\"").contains("sector"));
    }

    #[test]
    fn sec_g13_only_declared_claims_exist() {
        let refused = |extra: &str| ClientFile::parse(&file(extra), false).unwrap_err();
        let basis = "legal_basis = { de = \"§ 1\", en = \"section 1\" }";
        assert!(ClientFile::parse(&file(&format!("claims = [{{ names = [\"email\"], {basis} }}]")), false).is_ok());
        for (wrong, why) in [
            ("claims = [{ names = [\"sub\"] }]", "unknown variant"),
            ("claims = [{ names = [\"acr\"] }]", "unknown variant"),
            ("claims = [{ names = [\"email_verified\"] }]", "comes with"),
            ("claims = [{ names = [\"email\"] }, { names = [\"email\"] }]", "twice"),
            (&format!("claims = [{{ names = [\"email\"], optional = true, {basis} }}]"), "choice"),
        ] {
            assert!(refused(wrong).contains(why), "{wrong}: {}", refused(wrong));
        }
        let text = file("claims = [{ names = [\"email\"] }]").replace("[\"openid\"]", "[\"openid\", \"profile\"]");
        assert!(ClientFile::parse(&text, false).unwrap_err().contains("profile without any of its claims"));
    }

    #[test]
    fn own_scopes_and_public_clients_are_checked() {
        let refused = |extra: &str| ClientFile::parse(&file(extra), false).unwrap_err();
        for scope in ["openid", "", "a b", "offline_access"] {
            assert!(refused(&format!("own_scopes = [\"{scope}\"]")).contains("own_scopes"), "{scope}");
        }
        assert!(ClientFile::parse(&file("own_scopes = [\"postfach.lesen\"]"), false).is_ok());
        assert!(refused("resource = \"http://api.example/\"").contains("resource"));
        let public = |extra: &str| {
            let (front, _) = file(extra).split_once("method").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            ClientFile::parse(&format!("{front}method = \"none\"\n"), false)
        };
        assert!(public("").is_ok());
        assert!(public("own_scopes = [\"postfach.lesen\"]").unwrap_err().contains("own_scopes"));
        assert!(public("profile = \"oidc-core\"").unwrap_err().contains("profile"));
    }

    #[test]
    fn certificates_are_checked() {
        let with = |extra: &str, authentication: &str| {
            let (front, _) = file(extra).split_once("method").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            ClientFile::parse(&format!("{front}{authentication}"), false)
        };
        let (one, other) = ("A".repeat(43), format!("B{}", "A".repeat(42)));
        let own = |list: &str| format!("method = \"self_signed_tls_client_auth\"\ncertificates = [{list}]\n");
        let issued = |keys: &str| format!("method = \"tls_client_auth\"\n{keys}\n");
        let (dns, uri) = ("san_dns = \"parken.example\"\n", "san_uri = \"urn:dienst:parken\"\n");
        for good in [own(&format!("\"{one}\", \"{other}\"")), issued(dns), issued(uri)] {
            assert!(with("", &good).is_ok(), "{good}");
            assert!(with("profile = \"fapi2\"\ncertificate_bound_tokens = true", &good).is_ok(), "{good}");
            let refused = with("profile = \"fapi2-message-signing\"", &good);
            assert!(refused.is_err_and(|error| error.contains("private_key_jwt")), "{good}");
        }
        for bad in [
            own(""),
            own("\"kurz\""),
            own(&format!("\"{one}\", \"{one}\"")),
            own(&format!("\"{one}=\"")),
            own(&vec![format!("\"{one}\""); 11].join(",")),
            issued(""),
            issued(&format!("{dns}{uri}")),
            issued("san_dns = \"*.example\""),
            issued("san_dns = \"Parken.example\""),
            issued("san_uri = \"parken\""),
            issued("san_email = \"a@parken.example\""),
            format!("{}jwks_uri = \"https://parken.example/jwks\"", own(&format!("\"{one}\""))),
        ] {
            assert!(with("", &bad).is_err(), "{bad}");
        }
    }

    const KEY: &str = "kty = \"EC\", crv = \"P-256\", kid = \"1\", x = \"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\", \
                       y = \"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"";

    #[test]
    fn a_profile_is_not_taken_apart() {
        let signing = |extra: &str, key: &str| {
            let text = file(&format!("profile = \"fapi2\"\n{extra}"));
            let (front, _) = text.split_once("method").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            ClientFile::parse(
                &format!("{front}method = \"private_key_jwt\"\njwks = {{ keys = [{{ {key} }}] }}\n"),
                false,
            )
        };
        assert!(signing("", KEY).is_ok());
        assert!(ClientFile::parse(&file("profile = \"fapi2\""), false).unwrap_err().contains("authentication"));
        for weak in ["id_token_algorithm = \"RS256\"", "userinfo_algorithm = \"RS256\""] {
            assert!(signing(weak, KEY).unwrap_err().contains("too weak"), "{weak}");
        }
        let rsa = |alg: &str| {
            format!("kty = \"RSA\", kid = \"1\", alg = \"{alg}\", n = \"{}\", e = \"AQAB\"", "w".repeat(342))
        };
        assert!(signing("", &rsa("RS256")).unwrap_err().contains("RS256"));
        let client = signing("", &rsa("PS256")).unwrap().client.remove(0);
        assert!(client.must_push() && !client.may_sign_with(jsonwebtoken::Algorithm::RS256));
    }

    #[test]
    fn what_is_encrypted_for_whom_and_who_may_exchange_is_checked() {
        let refused = |extra: &str| ClientFile::parse(&file(extra), false).unwrap_err();
        let sealed = |key: &str, answers: &str| format!("encryption = {{ key = {{ {key} }}, answers = {answers} }}");
        assert!(ClientFile::parse(&file(&sealed(KEY, "[\"id_token\"]")), false).is_ok());
        assert!(refused(&sealed(KEY, "[]")).contains("answers"));
        assert!(refused(&sealed(&format!("{KEY}, use = \"sig\""), "[\"id_token\"]")).contains("not for encryption"));
        let short = format!("kty = \"RSA\", kid = \"1\", n = \"{}\", e = \"AQAB\"", "w".repeat(342));
        assert!(refused(&sealed(&short, "[\"id_token\"]")).contains("3000 bits"));
        let (own, other) = ("resource_server = \"https://a.example/\"", "https://b.example/");
        assert!(ClientFile::parse(&file(&format!("{own}\nexchange = [\"{other}\"]")), false).is_ok());
        assert!(refused(&format!("exchange = [\"{other}\"]")).contains("resource_server"));
        assert!(refused(&format!("{own}\nexchange = [\"https://a.example/\"]")).contains("exchange"));
        let many: Vec<_> = (0..11).map(|number| format!("https://rp.example/{number}")).collect();
        assert!(refused(&format!("{own}\nexchange = {many:?}")).contains("exchange"));
        assert!(refused(&format!("request_uris = {many:?}")).contains("request_uris"));
    }

    #[test]
    fn sec_h03_a_private_key_is_refused() {
        let text = file("").replace(
            &format!("method = \"client_secret_basic\"\nsecret_sha256 = \"{}\"", "ab".repeat(32)),
            "method = \"private_key_jwt\"\njwks = { keys = [{ kty = \"EC\", crv = \"P-256\", kid = \"1\", x = \"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\", y = \"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\", d = \"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\" }] }",
        );
        assert!(ClientFile::parse(&text, false).unwrap_err().contains("private"));
    }

    #[test]
    fn sec_p1_sectors_cannot_be_linked() {
        use crate::kernel::{
            id::{AccountId, ClientId},
            random::Random,
            seal::{DataKey, MasterKey, MasterKeys},
            time::Timestamp,
        };
        let random = Random::seeded(1);
        let vault = crate::kernel::seal::Vault::new(
            MasterKeys { current: MasterKey::local([1; 32]), other: None },
            &DataKey::random(&random),
        );
        let one = ClientFile::parse(&file(""), false).unwrap().client.remove(0);
        let other = Client { id: ClientId("bibliothek".into()), ..one.clone() };
        let same_sector = Client { sector: Some("parken".into()), ..other.clone() };
        let account = AccountId::new(Timestamp::from_seconds(1), &random);
        assert_ne!(one.subject(&vault, &account), other.subject(&vault, &account));
        assert_eq!(one.subject(&vault, &account), same_sector.subject(&vault, &account));
        let public = |client: &Client| Client { subject_type: SubjectType::Public, ..client.clone() };
        assert_eq!(public(&one).subject(&vault, &account), public(&other).subject(&vault, &account));
        assert_ne!(public(&one).subject(&vault, &account), one.subject(&vault, &account));
        let of_service = |client: &Client, service: &str| Client {
            authority_id: Some(AuthorityId("073150000000".into())),
            service_id: Some(service.to_owned()),
            ..client.clone()
        };
        let subject = |client: &Client| client.subject(&vault, &account);
        assert_eq!(subject(&of_service(&one, "99")), subject(&of_service(&other, "99")), "not by the client's name");
        assert_ne!(subject(&of_service(&one, "99")), subject(&of_service(&one, "98")));
    }
}
