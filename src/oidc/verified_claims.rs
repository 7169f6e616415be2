//! Verified claims (OpenID Connect for Identity Assurance 1.0, and its registered schema): what is known of a person together
//! with who has verified it, how, when, and at which level.
//!
//! A request is a pattern: nothing is told that it does not name, and what it demands of a verification must be so, or that
//! verification is left out. A claim that it wants with another value is left out by itself. Nothing is told above the level of
//! the sign-in (BSI TR-03160-1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::claims;
use crate::account::evidence::{DocumentKind, Evidence};
use crate::account::{Account, Source};
use crate::client::{Claim, Client, Scope};
use crate::kernel::id::EvidenceId;
use crate::kernel::level::Level;
use crate::kernel::secret::{hex, sha256};
use crate::kernel::time::Timestamp;

pub const NAME: &str = "verified_claims";
pub const TRUST_FRAMEWORK: &str = "eidas";
/// Patterns in one place of a request.
const PATTERNS_MAX: usize = 8;
/// What evidence may stand behind.
pub const CLAIMS: [Claim; 8] = [
    Claim::GivenName,
    Claim::FamilyName,
    Claim::Birthdate,
    Claim::Title,
    Claim::BirthFamilyName,
    Claim::PlaceOfBirth,
    Claim::Nationalities,
    Claim::Address,
];
/// Kinds of evidence, of documents and of records, and how they are checked, as the metadata list them.
pub const EVIDENCE: [&str; 2] = ["document", "electronic_record"];
pub const DOCUMENTS: [&str; 4] = ["idcard", "passport", "de_erp", "de_eid_card"];
pub const RECORDS: [&str; 4] = ["linked_account", "postal_code_letter", "company_register", "organisation_account"];
pub const CHECK_METHODS: [&str; 5] = ["vcrypt", "vpip", "auth", "token", "data"];
/// The claim about an organisation.
pub const ORGANISATION: &str = "organisation";

/// One pattern. The values that a client compares with are kept as hashes: what it believes of somebody is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// As it was sent, without what nobody knows here.
    verification: Value,
    claims: Vec<(Claim, Vec<String>)>,
    /// If what is known of an organisation is asked for, with the values that it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organisation: Option<Vec<String>>,
}

impl Wanted {
    /// Everything that is asked for, by name.
    fn names(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let of_organisation = self.organisation.iter().map(|wanted| (ORGANISATION, wanted));
        self.claims.iter().map(|(claim, wanted)| (claim.name(), wanted)).chain(of_organisation)
    }

    pub fn claims(&self) -> impl Iterator<Item = Claim> {
        self.claims.iter().map(|(claim, _)| *claim)
    }
}

/// The patterns of one place of a `claims` parameter that this client may ask for. `None` if they are not written as the
/// specification says.
pub fn read(client: &Client, place: Option<&Value>) -> Option<Vec<Wanted>> {
    let patterns = match place {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(Value::Array(patterns)) => patterns.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    if patterns.len() > PATTERNS_MAX {
        return None;
    }
    patterns.iter().map(|pattern| read_one(client, pattern)).collect()
}

fn read_one(client: &Client, pattern: &Value) -> Option<Wanted> {
    let verification = pattern.get("verification")?.as_object()?;
    let claims = pattern.get("claims")?.as_object()?;
    let known = CLAIMS.into_iter().filter(|claim| client.rule(*claim).is_some());
    let wanted = known.filter_map(|claim| Some((claim, values(claims.get(claim.name())?)))).collect();
    let is_for_organisations = client.scopes.contains(&Scope::Organisation);
    let organisation = claims.get(ORGANISATION).filter(|_| is_for_organisations).map(values);
    Some(Wanted { verification: Value::Object(verification.clone()), claims: wanted, organisation })
}

/// What a constraint names, as hashes; empty if it names nothing.
fn values(constraint: &Value) -> Vec<String> {
    let one = constraint.get("value").into_iter();
    let many = constraint.get("values").and_then(Value::as_array).into_iter().flatten();
    one.chain(many).map(hash).collect()
}

fn hash(value: &Value) -> String {
    hex(&sha256(value.to_string().as_bytes())[..16])
}

/// A verification with what it vouches for.
pub struct Verified {
    pub verification: Value,
    pub shown_at: Timestamp,
    pub claims: Vec<(&'static str, Value)>,
}

/// The answer to the patterns, for a sign-in of that level; `None` if there is nothing to tell. `deliverable` are the claims
/// that the client may have, and the person lets it have. With `with_empty`, a verification is told whose claims all have
/// other values than the pattern wants.
pub fn answer(
    (account, evidence): (&Account, &[Evidence]),
    patterns: &[Wanted],
    deliverable: impl Fn(Claim) -> bool,
    (level, now, with_empty): (Level, Timestamp, bool),
) -> Option<Value> {
    tell(&verified(account, evidence, level, &deliverable), patterns, (now, with_empty))
}

/// The part of what is known that patterns ask for.
pub fn tell(known: &[Verified], patterns: &[Wanted], (now, with_empty): (Timestamp, bool)) -> Option<Value> {
    let mut told = Vec::new();
    for pattern in patterns {
        for one in known {
            let asked = pattern.names().filter_map(|(claim, wanted)| {
                let (_, value) = one.claims.iter().find(|(known, _)| *known == claim)?;
                Some((claim, value, wanted))
            });
            let asked: Vec<_> = asked.collect();
            let age = one.shown_at.until(now).as_secs();
            let Some(verification) = matching(&pattern.verification, &one.verification, age) else { continue };
            let fits = asked.iter().filter(|(_, value, wanted)| wanted.is_empty() || wanted.contains(&hash(value)));
            let claims: Map<_, _> = fits.map(|(claim, value, _)| ((*claim).to_owned(), (*value).clone())).collect();
            if !claims.is_empty() || (with_empty && !asked.is_empty()) {
                told.push(json!({ "verification": verification, "claims": claims }));
            }
        }
    }
    match told.len() {
        0 | 1 => told.pop(),
        _ => Some(Value::Array(told)),
    }
}

/// Everything that may be told, by what vouches for it and at which level.
fn verified(
    account: &Account,
    evidence: &[Evidence],
    level: Level,
    deliverable: impl Fn(Claim) -> bool,
) -> Vec<Verified> {
    let mut groups: BTreeMap<(&EvidenceId, Level), Vec<(&str, Value)>> = BTreeMap::new();
    for claim in CLAIMS.into_iter().filter(|claim| deliverable(*claim)) {
        let Some((id, transferable)) = backing(account, claim, level) else { continue };
        let Some(value) = claims::value(account, claim).filter(|value| is_tellable(claim, value)) else { continue };
        groups.entry((id, transferable)).or_default().push((claim.name(), value));
    }
    let told = |((id, level), claims): ((&EvidenceId, Level), _)| {
        let one = evidence.iter().find(|one| one.id == *id)?;
        Some(Verified { verification: verification(one, level), shown_at: one.shown_at, claims })
    };
    groups.into_iter().filter_map(told).collect()
}

/// What vouches for all of a claim, if it is one evidence, and the level at which it may be handed over.
fn backing(account: &Account, claim: Claim, level: Level) -> Option<(&EvidenceId, Level)> {
    let attributes: Vec<_> = claim.attributes().iter().filter_map(|name| account.attributes.get(name)).collect();
    let id = attributes.first()?.evidence.as_ref()?;
    let is_one = attributes.iter().all(|one| one.evidence.as_ref() == Some(id));
    let transferable = attributes.iter().map(|one| one.level).min()?.min(level);
    (is_one && transferable > Level::Basic).then_some((id, transferable))
}

/// The schema has whole dates only.
fn is_tellable(claim: Claim, value: &Value) -> bool {
    claim != Claim::Birthdate || value.as_str().is_some_and(|date| date.len() == "1987-03-27".len())
}

fn verification(evidence: &Evidence, level: Level) -> Value {
    by_eidas(level, evidence.shown_at, &[proof(evidence)])
}

/// A verification by the levels of Regulation (EU) No 910/2014.
pub fn by_eidas(level: Level, shown_at: Timestamp, evidence: &[Value]) -> Value {
    let time = shown_at.in_germany().to_utc().format(&Rfc3339).unwrap_or_default();
    let assurance = match level {
        Level::Basic | Level::Low => "low",
        Level::Substantial => "substantial",
        Level::High => "high",
    };
    json!({
        "trust_framework": TRUST_FRAMEWORK, "assurance_level": assurance, "time": time, "evidence": evidence,
    })
}

fn proof(evidence: &Evidence) -> Value {
    let method = match evidence.source {
        Source::Eid => "vcrypt",
        Source::RegistrationDesk | Source::SelfAsserted => "vpip",
        Source::LinkedAccount => "auth",
        Source::Letter => "token",
    };
    let mut check = json!({ "check_method": method });
    if let Some(by) = &evidence.record.checked_by {
        check["organization"] = json!(by);
    }
    let Some(document) = &evidence.record.document else {
        let kind = if evidence.source == Source::Letter { RECORDS[1] } else { RECORDS[0] };
        let mut record = json!({ "type": kind });
        if let Some(by) = &evidence.record.checked_by {
            record["source"] = json!({ "name": by });
        }
        return json!({ "type": EVIDENCE[1], "check_details": [check], "record": record });
    };
    let kind = match document.kind {
        DocumentKind::IdCard | DocumentKind::SmartEid => DOCUMENTS[0],
        DocumentKind::Passport => DOCUMENTS[1],
        DocumentKind::ResidencePermit => DOCUMENTS[2],
        DocumentKind::EidCard => DOCUMENTS[3],
    };
    let mut details = json!({ "type": kind });
    if let Some(day) = &document.expires_on {
        details["date_of_expiry"] = json!(day);
    }
    if let Some(country) = &document.issuing_country {
        details["issuer"] = json!({ "country_code": country });
    }
    json!({ "type": EVIDENCE[0], "check_details": [check], "document_details": details })
}

/// What must be told whether or not the pattern names it: without these the answer has no meaning.
const ALWAYS: [&str; 3] = ["trust_framework", "type", "check_method"];

/// The part of what is true that a pattern asks for; `None` if something is not as it demands. `age` in seconds.
fn matching(pattern: &Value, truth: &Value, age: u64) -> Option<Value> {
    match (pattern, truth) {
        (Value::Null, _) => Some(truth.clone()),
        (Value::Object(pattern), Value::Object(truth)) => {
            let mut told = Map::new();
            for (name, wanted) in pattern {
                match truth.get(name) {
                    Some(truth) => drop(told.insert(name.clone(), matching(wanted, truth, age)?)),
                    // A demand on something that is not there is not met; without one it is simply not told.
                    None if demands(wanted) => return None,
                    None => {}
                }
            }
            for name in ALWAYS {
                if let Some(value) = truth.get(name).filter(|_| !told.contains_key(name)) {
                    told.insert(name.to_owned(), value.clone());
                }
            }
            Some(Value::Object(told))
        }
        // Any of the patterns will do, and each entry is told as the first says that it fits.
        (Value::Array(patterns), Value::Array(truths)) => {
            let fits = |truth: &Value| patterns.iter().find_map(|pattern| matching(pattern, truth, age));
            let told: Vec<Value> = truths.iter().filter_map(fits).collect();
            (!told.is_empty()).then_some(Value::Array(told))
        }
        (Value::Object(constraint), truth) => {
            let is = |value: &Value| value == truth;
            let value = constraint.get("value").is_none_or(is);
            let values = constraint.get("values").and_then(Value::as_array);
            let values = values.is_none_or(|values| values.iter().any(is));
            let fresh = constraint.get("max_age").is_none_or(|most| most.as_u64().is_some_and(|most| age <= most));
            (value && values && fresh).then(|| truth.clone())
        }
        _ => None,
    }
}

fn demands(pattern: &Value) -> bool {
    match pattern {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| ["value", "values", "max_age"].contains(&name.as_str()) || demands(value)),
        Value::Array(patterns) => !patterns.is_empty() && patterns.iter().all(demands),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth() -> Value {
        json!({
            "trust_framework": "eidas", "assurance_level": "high", "time": "2026-11-23T09:02:00Z",
            "evidence": [{ "type": "document", "check_details": [{ "check_method": "vcrypt" }],
                "document_details": { "type": "idcard", "date_of_expiry": "2031-08-01" } }],
        })
    }

    #[test]
    fn nothing_is_told_that_was_not_asked_for() {
        let told = |pattern: Value| matching(&pattern, &truth(), 60);
        assert_eq!(told(json!({})).unwrap(), json!({ "trust_framework": "eidas" }));
        assert_eq!(told(json!({ "trust_framework": null, "time": null })).unwrap()["time"], "2026-11-23T09:02:00Z");
        let some = told(json!({ "evidence": [{ "document_details": { "type": null } }] })).unwrap();
        assert_eq!(some["evidence"], json!([{ "type": "document", "document_details": { "type": "idcard" } }]));
        let unknown = told(json!({ "assurance_process": { "policy": null }, "verification_process": null })).unwrap();
        assert_eq!(unknown, json!({ "trust_framework": "eidas" }));
    }

    #[test]
    fn what_is_demanded_must_be_so() {
        let is_told = |pattern: Value| matching(&pattern, &truth(), 60).is_some();
        for met in [
            json!({ "trust_framework": { "value": "eidas" } }),
            json!({ "trust_framework": { "values": ["de_aml", "eidas"] } }),
            json!({ "assurance_level": { "value": "high" } }),
            json!({ "time": { "max_age": 60 } }),
            json!({ "evidence": [{ "type": { "value": "vouch" } }, { "type": { "value": "document" } }] }),
            json!({ "evidence": [{ "check_details": [{ "check_method": { "values": ["vpip", "vcrypt"] } }] }] }),
        ] {
            assert!(is_told(met.clone()), "{met}");
        }
        for missed in [
            json!({ "trust_framework": { "value": "de_aml" } }),
            json!({ "assurance_level": { "values": ["low", "substantial"] } }),
            json!({ "time": { "max_age": 59 } }),
            json!({ "time": { "max_age": "never" } }),
            json!({ "evidence": [{ "type": { "value": "vouch" } }] }),
            json!({ "evidence": [] }),
            json!({ "evidence": [{ "document_details": { "document_number": { "value": "L01X00T47" } } }] }),
            json!({ "assurance_process": { "policy": { "value": "gpg45" } } }),
            json!({ "evidence": { "value": 1 } }),
            json!({ "time": [] }),
        ] {
            assert!(!is_told(missed.clone()), "{missed}");
        }
    }
}
