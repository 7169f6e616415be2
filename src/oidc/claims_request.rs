//! The `claims` parameter (OpenID Connect Core section 5.5): single claims, each for one place, beside or instead of scopes.
//!
//! What a person's claim is asked to be plays no part: a claim says what is known or is left out. Only `sub` and an
//! essential `acr` may make a request fail, as sections 3.1.2.2 and 5.5.1.1 demand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::verified_claims::{self, Wanted as Verified};
use crate::client::{Claim, Client};
use crate::kernel::error::Protocol;
use crate::kernel::level::Level;

const TEXT_MAX_BYTES: usize = 8 * 1024;

/// The claims that we know and this client may have, by where they are to be delivered. No values: this is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedClaims {
    pub userinfo: Vec<Claim>,
    pub id_token: Vec<Claim>,
    /// Those that are to come with their verification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub userinfo_verified: Vec<Verified>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token_verified: Vec<Verified>,
}

impl RequestedClaims {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a claim is asked for, in whatever place.
    pub fn names(&self, claim: Claim) -> bool {
        let verified = self.userinfo_verified.iter().chain(&self.id_token_verified);
        self.userinfo.contains(&claim)
            || self.id_token.contains(&claim)
            || verified.flat_map(Verified::claims).any(|other| other == claim)
    }
}

/// A claims parameter, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ClaimsRequest {
    pub claims: RequestedClaims,
    /// The subject that the ID token must be about.
    pub subject: Option<String>,
    /// The least level that the client takes.
    pub level: Option<Level>,
}

/// Section 5.5.1.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    essential: bool,
    value: Option<Value>,
    values: Vec<Value>,
}

impl Wanted {
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.value.iter().chain(&self.values).filter_map(Value::as_str)
    }
}

/// What is asked for in one place; `None` if it is not written as section 5.5 wants it. Members that nobody knows are
/// ignored.
fn place(document: &Map<String, Value>, name: &str) -> Option<BTreeMap<String, Wanted>> {
    let members = match document.get(name) {
        None | Some(Value::Null) => return Some(BTreeMap::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return None,
    };
    let wanted = |value: &Value| match value {
        Value::Null => Some(Wanted::default()),
        Value::Object(_) => Wanted::deserialize(value).ok(),
        _ => None,
    };
    let single = members.iter().filter(|(name, _)| *name != verified_claims::NAME);
    single.map(|(name, value)| Some((name.clone(), wanted(value)?))).collect()
}

/// Reads the parameter. The size is limited here, the depth by the parser.
pub fn read(client: &Client, text: Option<&str>) -> Result<ClaimsRequest, Protocol> {
    let refuse = |code, description| Err(Protocol { code, description, detail: None });
    let Some(text) = text else { return Ok(ClaimsRequest::default()) };
    let document =
        (text.len() <= TEXT_MAX_BYTES).then(|| serde_json::from_str::<Map<String, Value>>(text).ok()).flatten();
    let verified = |document: &Map<String, Value>, name: &str| {
        verified_claims::read(client, document.get(name).and_then(|place| place.get(verified_claims::NAME)))
    };
    let places = document.and_then(|document| {
        let [userinfo, id_token] = ["userinfo", "id_token"];
        let verified = (verified(&document, userinfo)?, verified(&document, id_token)?);
        Some((place(&document, userinfo)?, place(&document, id_token)?, verified))
    });
    let Some((userinfo, id_token, (userinfo_verified, id_token_verified))) = places else {
        return refuse("invalid_request", "claims is not the JSON that OpenID Connect Core section 5.5 describes");
    };
    let may_have = |place: &BTreeMap<String, Wanted>| {
        let known = Claim::ALL.into_iter().filter(|claim| place.contains_key(claim.name()));
        known.filter(|claim| client.rule(*claim).is_some()).collect()
    };
    let (user, token) = (may_have(&userinfo), may_have(&id_token));
    let claims = RequestedClaims { userinfo: user, id_token: token, userinfo_verified, id_token_verified };
    let subject = id_token.get("sub").and_then(|wanted| wanted.value.as_ref()?.as_str()).map(str::to_owned);
    let acr = id_token.get("acr").filter(|wanted| wanted.essential && wanted.texts().next().is_some());
    let level = acr.and_then(|wanted| wanted.texts().filter_map(Level::from_acr).min());
    if acr.is_some() && level.is_none() {
        return refuse("unmet_authentication_requirements", "none of the essential acr values exists here");
    }
    Ok(ClaimsRequest { claims, subject, level })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientFile;

    fn client() -> Client {
        let text = "[[client]]\nid = \"parken\"\nname = { de = \"P\", en = \"P\" }\noperator = { de = \"S\", en = \"S\" }\n\
                    purpose = { de = \"A\", en = \"A\" }\nprivacy_uri = \"https://rp.example/\"\n\
                    redirect_uris = [\"https://rp.example/cb\"]\nscopes = [\"openid\", \"email\"]\nclaims = [{ names = [\"email\"] }]\n\
                    [client.authentication]\nmethod = \"none\"\n";
        ClientFile::parse(text, false).unwrap().client.remove(0)
    }

    fn ok(text: &str) -> ClaimsRequest {
        read(&client(), Some(text)).unwrap()
    }

    #[test]
    fn what_is_known_and_allowed_is_kept() {
        let read = ok(
            r#"{"userinfo":{"email":{"essential":true},"name":null,"picture":null},"id_token":{"email_verified":{"values":[true]}},"x":1}"#,
        );
        assert_eq!(read.claims.userinfo, [Claim::Email], "profile is not this client's, picture nobody's");
        assert_eq!(read.claims.id_token, [Claim::EmailVerified]);
        assert_eq!(ok("{}"), ClaimsRequest::default());
        assert_eq!(ok(r#"{"userinfo":null}"#), ClaimsRequest::default());
    }

    #[test]
    fn subject_and_level_are_demands() {
        assert_eq!(ok(r#"{"id_token":{"sub":{"value":"abc"}}}"#).subject.as_deref(), Some("abc"));
        let acr = |wanted: &str| read(&client(), Some(&format!(r#"{{"id_token":{{"acr":{wanted}}}}}"#)));
        let (substantial, high) = (Level::Substantial.acr(), Level::High.acr());
        let level = |wanted: &str| acr(wanted).unwrap().level;
        assert_eq!(
            level(&format!(r#"{{"essential":true,"values":["{high}","{substantial}"]}}"#)),
            Some(Level::Substantial)
        );
        assert_eq!(level(&format!(r#"{{"values":["{high}"]}}"#)), None, "not essential: never in the way");
        assert_eq!(level(r#"{"essential":true}"#), None);
        assert_eq!(acr(r#"{"essential":true,"value":"gold"}"#).unwrap_err().code, "unmet_authentication_requirements");
    }

    #[test]
    fn sec_a18_what_is_no_such_json_is_refused_at_once() {
        let deep = format!("{{\"userinfo\":{}{}}}", "{\"a\":".repeat(1000), "}".repeat(1000));
        let long = format!("{{\"userinfo\":{{\"{}\":null}}}}", "a".repeat(TEXT_MAX_BYTES));
        for bad in ["", "[]", "null", "1", "{", "{\"userinfo\":[]}", "{\"userinfo\":{\"name\":1}}", &deep, &long] {
            assert_eq!(
                read(&client(), Some(bad)).unwrap_err().code,
                "invalid_request",
                "{}",
                &bad[..bad.len().min(40)]
            );
        }
    }
}
