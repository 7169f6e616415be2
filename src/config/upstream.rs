//! Other providers whose accounts people may link.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::SecretSource;
use crate::kernel::level::Level;
use crate::kernel::texts::Language;

section! {
    /// Other providers whose accounts people may link with theirs here, one table each; see
    /// [operations](operations.md#accounts-of-other-providers). Which level an answer has is a table
    /// `[[upstream.levels]]` with `acr` and `level` for each value that the provider may state.
    Upstream "[[upstream]]" {
        /// What it is called here, in addresses and in the database: small letters, digits, hyphens. Must not change.
        id: String = String::new(),
        /// Its name for people, as in `{ de = "Land Nordmark", en = "Land Nordmark" }`.
        name: ProviderName = ProviderName::default(),
        /// Its issuer, exactly as it states it. People's accounts are known by it: with another issuer all links are lost.
        issuer: String = String::new(),
        /// What this program is called there.
        client_id: String = String::new(),
        /// Source of the secret that it shares with us (`client_secret_basic`).
        client_secret: Option<SecretSource> = None,
        /// Source of a PKCS#8 PEM private key instead (`private_key_jwt`): P-256, Ed25519 or RSA.
        client_key: Option<SecretSource> = None,
        /// What is asked for when an account is linked or its data are compared. For signing in it is `openid` alone.
        scopes: Vec<String> = vec!["openid".to_owned(), "profile".to_owned()],
        /// The level of each `acr`. What is not here is `basic`; nothing is ever more than what stands here.
        levels: Vec<AcrLevel> = Vec::new(),
        /// Whether its answers may confirm who somebody is. Otherwise people only sign in with them.
        confirms_identity: bool = false,
        /// What it vouches for at the level that it states: our names of data and its claims, with dots for members.
        claims: BTreeMap<String, String> = usual_claims(),
        /// Whether it may be used. Links stay when it is switched off.
        enabled: bool = true,
        /// For an account of organisations, a table `[upstream.organisation]`: which of its claims say what of one; see
        /// [organisations](organisations.md#an-account-elsewhere). Nobody signs in with it then, and `claims` name who acts there.
        organisation: Option<OfOrganisation> = None,
    }
}

/// What an account of organisations says of one: names of its claims, with dots for members.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfOrganisation {
    /// By what it knows the organisation: always the same for us, whoever acts.
    pub id: String,
    pub name: String,
    pub legal_form: String,
    pub seat: String,
    /// The entry in a register: all three, or none.
    pub register_kind: Option<String>,
    pub register_court: Option<String>,
    pub register_number: Option<String>,
    /// Where it has its business: all three, or none.
    pub street: Option<String>,
    pub postal_code: Option<String>,
    pub locality: Option<String>,
    /// Wirtschafts-Identifikationsnummer.
    pub economic_id: Option<String>,
    /// How well the organisation itself is known there, if it says so, in the values of `levels`.
    pub level: Option<String>,
    /// Its legal forms and ours, as in `"350" = "gmbh"`. Empty if it has ours.
    #[serde(default)]
    pub legal_forms: BTreeMap<String, String>,
    /// Its kinds of register and ours, as in `"GR" = "GnR"`. Empty if it has ours.
    #[serde(default)]
    pub register_kinds: BTreeMap<String, String>,
}

impl OfOrganisation {
    fn check(&self, one: &Upstream) -> Result<(), &'static str> {
        if [&self.id, &self.name, &self.legal_form, &self.seat].iter().any(|claim| claim.is_empty()) {
            return Err("organisation: id, name, legal_form and seat must name claims");
        }
        let belong = |parts: [&Option<String>; 3]| parts.iter().all(|part| part.is_some() == parts[0].is_some());
        if !belong([&self.register_kind, &self.register_court, &self.register_number]) {
            return Err("organisation: register_kind, register_court and register_number belong together");
        }
        if !belong([&self.street, &self.postal_code, &self.locality]) {
            return Err("organisation: street, postal_code and locality belong together");
        }
        if one.confirms_identity {
            return Err("confirms_identity: an account of organisations confirms nobody's");
        }
        // § 3 (4) OZG asks for substantial; nothing here is more.
        if one.most() > Level::Substantial {
            return Err("levels: an account of organisations is substantial at most");
        }
        if !["given_names", "family_name", "birth_date"].iter().all(|name| one.claims.contains_key(*name)) {
            return Err("claims: given_names, family_name and birth_date must say who acts there");
        }
        Ok(())
    }
}

/// A name in both languages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderName {
    pub de: String,
    pub en: String,
}

/// What one value of `acr` is worth.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcrLevel {
    pub acr: String,
    pub level: Level,
}

/// OpenID Connect Core section 5.1. Only what makes up an identity, which is what a level is about.
fn usual_claims() -> BTreeMap<String, String> {
    let usual = [("given_names", "given_name"), ("family_name", "family_name"), ("birth_date", "birthdate")];
    usual.map(|(name, claim)| (name.to_owned(), claim.to_owned())).into()
}

impl Upstream {
    pub fn title(&self, language: Language) -> &str {
        match language {
            Language::De => &self.name.de,
            Language::En => &self.name.en,
        }
    }

    /// The level of a stated `acr`: as mapped, and nothing for what is not.
    pub fn level(&self, acr: Option<&str>) -> Level {
        let mapped = self.levels.iter().find(|mapped| acr == Some(mapped.acr.as_str()));
        mapped.map_or(Level::Basic, |mapped| mapped.level)
    }

    /// The values to ask for by somebody who needs that level, the least of them first.
    pub fn acr_values(&self, least: Level) -> Vec<&str> {
        let mut enough: Vec<&AcrLevel> = self.levels.iter().filter(|mapped| mapped.level >= least).collect();
        enough.sort_by_key(|mapped| mapped.level);
        enough.into_iter().map(|mapped| mapped.acr.as_str()).collect()
    }

    /// The most that it can state.
    pub fn most(&self) -> Level {
        self.levels.iter().map(|mapped| mapped.level).max().unwrap_or(Level::Basic)
    }

    fn check(&self, loopback: bool) -> Result<(), &'static str> {
        let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.id.is_empty() || self.id.len() > 32 || !self.id.bytes().all(is_sign) {
            return Err("id: 1 to 32 small letters, digits and hyphens");
        }
        if self.name.de.trim().is_empty() || self.name.en.trim().is_empty() {
            return Err("name: in both languages, de and en");
        }
        let issuer = url::Url::parse(&self.issuer).map_err(|_| "issuer: not an address")?;
        let is_safe = issuer.scheme() == "https" || (loopback && issuer.scheme() == "http");
        if !is_safe || issuer.query().is_some() || issuer.fragment().is_some() {
            return Err("issuer: must be https, without query and fragment");
        }
        if self.client_id.is_empty() {
            return Err("client_id: is missing");
        }
        if self.client_secret.is_some() == self.client_key.is_some() {
            return Err("client_secret or client_key: one of them");
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err("scopes: must contain openid");
        }
        let distinct: HashSet<&str> = self.levels.iter().map(|mapped| mapped.acr.as_str()).collect();
        if distinct.len() != self.levels.len() || distinct.iter().any(|acr| acr.is_empty() || acr.contains(' ')) {
            return Err("levels: each acr once, and without blanks");
        }
        self.organisation.as_ref().map_or(Ok(()), |of| of.check(self))
    }
}

/// What cannot be true together.
pub(super) fn check(all: &[Upstream], loopback: bool) -> Result<(), String> {
    for (place, one) in all.iter().enumerate() {
        one.check(loopback).map_err(|problem| format!("upstream {:?}: {problem}", one.id))?;
        // Two with one issuer could not be told apart by what they answer (RFC 9700 section 4.4); but one for people and one for
        // organisations have addresses, and clients, of their own.
        let is_alike = |other: &Upstream| other.organisation.is_some() == one.organisation.is_some();
        let is_mixed = |other: &Upstream| is_alike(other) || other.client_id == one.client_id;
        if all[..place].iter().any(|other| other.id == one.id || (other.issuer == one.issuer && is_mixed(other))) {
            return Err(format!("upstream {:?}: id and issuer must not be another's", one.id));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const GOOD: &str = "id = \"nordmark\"\nname = { de = \"Konto Nordmark\", en = \"Nordmark account\" }\n\
                        issuer = \"https://konto.nordmark.example\"\nclient_id = \"wir\"\nclient_secret = \"env:X\"\n";

    fn parse(tables: &[&str]) -> Result<Config, String> {
        let tables: String = tables.iter().map(|table| format!("[[upstream]]\n{table}\n")).collect();
        Config::parse(&format!("issuer = \"https://konto.example\"\n{tables}"))
    }

    #[test]
    fn sec_r08_a_level_is_what_is_mapped_and_nothing_else() {
        let levels = "[[upstream.levels]]\nacr = \"stark\"\nlevel = \"substantial\"\n\
                      [[upstream.levels]]\nacr = \"schwach\"\nlevel = \"low\"\n";
        let config = parse(&[&format!("{GOOD}{levels}")]).unwrap();
        let one = &config.upstream[0];
        assert_eq!(one.level(Some("stark")), Level::Substantial);
        for unknown in [None, Some(""), Some("Stark"), Some("high"), Some("http://eidas.europa.eu/LoA/high")] {
            assert_eq!(one.level(unknown), Level::Basic, "{unknown:?}");
        }
        assert_eq!(one.acr_values(Level::Low), ["schwach", "stark"]);
        assert_eq!(one.acr_values(Level::High), [""; 0]);
        assert!(config.in_force().unwrap().contains("nordmark"));
    }

    #[test]
    fn contradictions_are_refused() {
        for (from, to, why) in [
            ("\"nordmark\"", "\"Nordmark\"", "id"),
            ("en = \"Nordmark account\"", "en = \" \"", "name"),
            ("https://konto.nordmark", "http://konto.nordmark", "https"),
            (".example\"", ".example?a=1\"", "query"),
            ("\"wir\"", "\"\"", "client_id"),
            ("client_secret = \"env:X\"", "", "one of them"),
            ("client_secret", "client_key = \"env:Y\"\nclient_secret", "one of them"),
            ("client_id", "scopes = [\"profile\"]\nclient_id", "openid"),
            ("client_id", "levels = [{ acr = \"a b\", level = \"low\" }]\nclient_id", "blanks"),
        ] {
            let error = parse(&[&GOOD.replacen(from, to, 1)]).unwrap_err();
            assert!(error.contains(why), "{to}: {error}");
        }
        let other = GOOD.replace("\"nordmark\"", "\"suedmark\"");
        assert!(parse(&[GOOD, &other]).unwrap_err().contains("another's"), "one issuer, two names");
        assert!(parse(&[GOOD, &other.replace("nordmark.example", "suedmark.example")]).is_ok());
    }

    #[test]
    fn an_account_of_organisations_is_one_of_its_own_kind() {
        let of = "[upstream.organisation]\nid = \"sub\"\nname = \"firma\"\nlegal_form = \"form\"\nseat = \"sitz\"\n";
        let other = GOOD.replace("\"nordmark\"", "\"firmen\"");
        assert!(parse(&[GOOD, &format!("{}{of}", other.replace("\"wir\"", "\"wir-firmen\""))]).is_ok(), "one issuer");
        let entry = "register_kind = \"a\"\nregister_court = \"b\"\nregister_number = \"c\"\n";
        let forms = "legal_forms = { \"350\" = \"gmbh\" }\n";
        assert!(parse(&[&format!("{other}{of}{entry}{forms}")]).is_ok());
        let confirming = format!("{other}confirms_identity = true\n{of}");
        let high = format!("{other}levels = [{{ acr = \"x\", level = \"high\" }}]\n{of}");
        let nobody = format!("{other}claims = {{ given_names = \"g\" }}\n{of}");
        for (tables, why) in [
            (vec![GOOD.to_owned(), format!("{other}{of}")], "another's"),
            (vec![format!("{other}{of}register_kind = \"a\"\n")], "belong together"),
            (vec![format!("{other}{of}street = \"a\"\n")], "belong together"),
            (vec![format!("{other}{}", of.replace("\"sitz\"", "\"\""))], "seat must name"),
            (vec![format!("{other}{}", of.replace("seat = \"sitz\"\n", ""))], "missing field `seat`"),
            (vec![format!("{other}{of}vertretung = \"a\"\n")], "line 13, vertretung: unknown field"),
            (vec![confirming], "confirms nobody's"),
            (vec![high], "substantial at most"),
            (vec![nobody], "who acts"),
        ] {
            let error = parse(&tables.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
    }
}
