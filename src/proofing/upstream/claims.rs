//! What another provider says of a person, in our words. Pure.

use serde_json::{Map, Value};

use super::provider::Provider;
use crate::account::further::Stated;
use crate::account::{AttributeName, Group, name};
use crate::kernel::time::Timestamp;
use crate::proofing::comparison::Shown;

/// Of what the provider vouches for, what it says and what can be read.
pub fn shown(provider: &Provider, claims: &Map<String, Value>, now: Timestamp) -> Shown {
    let read = |(name, claim): (&AttributeName, &String)| Some((*name, Some(parse(*name, text(claims, claim)?, now)?)));
    provider.claims.iter().filter_map(read).collect()
}

/// A claim, or a member of one: `address.locality`. Of a list the first.
pub fn text<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a str> {
    let mut parts = path.split('.');
    let mut value = claims.get(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    value.as_array().map_or(Some(value), |list| list.first())?.as_str()
}

/// A value as it may stand here; none for what could not be typed here either.
fn parse(name: AttributeName, text: &str, now: Timestamp) -> Option<String> {
    match name.group() {
        _ if name == AttributeName::BirthDate => {
            let mut parts = text.splitn(3, '-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            name::parse_birth_date(day, month, year, now)
        }
        _ if name == AttributeName::Nationality => {
            let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
            is_code.then(|| text.to_owned())
        }
        Group::Identity | Group::Document => name::parse_name(text),
        _ => {
            let stated = Stated::read(|field| if field == name.name() { text } else { "" }).ok()?;
            stated.value(name).map(str::to_owned)
        }
    }
}

/// Enough for people to recognise their account there, and too little for anybody else: `Renate M.`, or `r…@example.org`.
pub fn masked(claims: &Map<String, Value>) -> Option<String> {
    let of = |name: &str| text(claims, name).and_then(name::parse_name);
    let initial = |name: &str| name.chars().next().map(|letter| format!("{letter}."));
    if let (given, Some(family)) = (of("given_name"), of("family_name")) {
        let parts = [given, initial(&family)];
        return Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
    let (local, host) = text(claims, "email")?.rsplit_once('@')?;
    let is_plain = |text: &str| text.len() < 100 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let first = local.chars().next().filter(|_| is_plain(local) && is_plain(host))?;
    Some(format!("{first}…@{host}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);

    #[test]
    fn what_cannot_be_typed_here_is_not_said() {
        let birth = |text| parse(AttributeName::BirthDate, text, NOW);
        assert_eq!(birth("1959-05-12").as_deref(), Some("1959-05-12"));
        for bad in ["0000-05-12", "1959", "1959-05", "12.05.1959", "2999-01-01", "1959-13-01", "1959-05-12T00:00"] {
            assert_eq!(birth(bad), None, "{bad}");
        }
        let name = |text| parse(AttributeName::FamilyName, text, NOW);
        assert_eq!(name(" Nguyễn-Müller ").as_deref(), Some("Nguyễn-Müller"));
        assert_eq!((name("<script>"), name(""), name("a\u{202e}b")), (None, None, None));
        let place = |name, text| parse(name, text, NOW);
        assert_eq!(place(AttributeName::Nationality, "DE").as_deref(), Some("DE"));
        assert_eq!(place(AttributeName::Nationality, "Deutsch"), None);
        assert_eq!(place(AttributeName::Locality, "Mainz").as_deref(), Some("Mainz"));
        assert_eq!(place(AttributeName::Locality, "<Mainz>"), None);
    }

    #[test]
    fn a_claim_may_be_a_member_or_a_list() {
        let claims = json!({ "address": { "locality": "Mainz" }, "nationalities": ["DE", "FR"], "birthdate": 7 });
        let claims = claims.as_object().unwrap();
        assert_eq!(text(claims, "address.locality"), Some("Mainz"));
        assert_eq!(text(claims, "nationalities"), Some("DE"));
        for nothing in ["birthdate", "address", "address.street", "x.y", ""] {
            assert_eq!(text(claims, nothing), None, "{nothing}");
        }
    }

    #[test]
    fn an_account_is_recognised_and_not_told() {
        let masked = |claims: Value| masked(claims.as_object().unwrap());
        let whole = json!({ "given_name": "Renate", "family_name": "Muster", "email": "renate@example.org" });
        assert_eq!(masked(whole).as_deref(), Some("Renate M."));
        assert_eq!(masked(json!({ "family_name": "Suharto" })).as_deref(), Some("S."));
        assert_eq!(masked(json!({ "email": "renate@example.org" })).as_deref(), Some("r…@example.org"));
        assert_eq!(masked(json!({ "email": "<b>" })), None);
        assert_eq!(masked(json!({})), None);
    }
}
