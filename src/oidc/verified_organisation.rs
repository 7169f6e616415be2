//! What is known of an organisation together with how, when and at which level: verified claims whose subject is a legal person.
//!
//! Evidence of an organisation counts together (the register and a letter), so a verification names all that a level rests on,
//! and its time is that of the oldest: nothing of it is older. It vouches for what was compared with the organisation's own
//! statement, which is void when that changes. Whoever acts is not in it, and never are they better known than themselves.

use serde_json::{Map, Value, json};

use super::verified_claims::{EVIDENCE, ORGANISATION, RECORDS, Verified, by_eidas};
use crate::kernel::level::Level;
use crate::organisation::Record;
use crate::organisation::evidence::{self, Evidence, Proven, Source};

/// The claim, as userinfo has it, without how well all of it is known.
pub fn value(record: &Record) -> Map<String, Value> {
    let mut claim = Map::new();
    for (name, value) in [("name", record.name.as_str()), ("legal_form", record.form.name()), ("seat", &record.seat)] {
        claim.insert(name.to_owned(), json!(value));
    }
    if let Some(entry) = &record.register {
        let entry = json!({ "kind": entry.kind.name(), "court": entry.court, "number": entry.number });
        claim.insert("register".to_owned(), entry);
    }
    claim
}

/// Everything that may be told, for a sign-in of that level by somebody who is known at it.
pub fn verified(record: &Record, evidence: &[Evidence], level: Level) -> Vec<Verified> {
    let told = |proven: Proven<'_>| {
        let level = proven.level.min(level);
        let claims = Some(covered(record, &proven)).filter(|claims| !claims.is_empty() && level > Level::Basic)?;
        let shown_at = proven.evidence.iter().map(|one| one.shown_at).min()?;
        let proofs: Vec<Value> = proven.evidence.iter().map(|one| proof(record, one)).collect();
        let verification = by_eidas(level, shown_at, &proofs);
        Some(Verified { verification, shown_at, claims: vec![(ORGANISATION, Value::Object(claims))] })
    };
    evidence::proven(evidence).into_iter().filter_map(told).collect()
}

/// What the evidence speaks of. A letter shows that post arrives, and nothing that is told here.
fn covered(record: &Record, proven: &Proven<'_>) -> Map<String, Value> {
    let compares = |one: &&&Evidence| one.source != Source::Letter;
    let mut compared = proven.evidence.iter().filter(compares).peekable();
    if compared.peek().is_none() {
        return Map::new();
    }
    let mut claim = value(record);
    if compared.all(|one| one.shown.lacks_entry) {
        claim.remove("register");
    }
    claim
}

fn proof(record: &Record, one: &Evidence) -> Value {
    let court = || record.register.as_ref().map(|entry| format!("Amtsgericht {}", entry.court));
    let (kind, method, source) = match one.source {
        Source::Register => (RECORDS[2], "data", court()),
        Source::RegistrationDesk => (RECORDS[2], "vpip", court()),
        Source::Letter => (RECORDS[1], "token", None),
        Source::UpstreamAccount => (RECORDS[3], "auth", one.shown.checked_by.clone()),
    };
    let mut details = json!({ "type": kind });
    if let Some(name) = source {
        details["source"] = json!({ "name": name });
    }
    json!({ "type": EVIDENCE[1], "check_details": [{ "check_method": method }], "record": details })
}
