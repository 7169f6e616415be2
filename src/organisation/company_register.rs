//! The service that looks entries of public registers up, and what it answers. Whoever runs this program puts one in front of
//! whatever register portal they may ask; the protocol is a page of `docs/organisations.md`.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use url::Url;

use super::Record;
use super::record::{Address, Entry, LegalForm};
use super::typed::{parse_court, parse_name, parse_number};
use crate::account::further::{merge_blanks, parse_german_postal_code, parse_place, parse_street_address};
use crate::account::identity::folded;
use crate::app::AppParts;

/// Entries that this node asks for at once.
const CALLS_MAX: usize = 16;
const ANSWER_MAX_BYTES: usize = 64 * 1024;
const REPRESENTATIVES_MAX: usize = 200;

static CALLS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(CALLS_MAX));

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    /// Insolvency proceedings are open (§ 32 HGB).
    Insolvent,
    /// Deleted, or dissolved and wound up.
    Dissolved,
}

/// Somebody who represents it, as the register names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Representative {
    pub given_names: String,
    pub family_name: String,
    /// `1987-03-27`.
    pub birth_date: Option<String>,
}

/// An entry as the service answers it. Members that are not here are left alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wire {
    pub kind: String,
    pub court: String,
    pub number: String,
    pub name: String,
    pub legal_form: String,
    pub seat: String,
    pub address: Option<Address>,
    pub representatives: Vec<Representative>,
    pub status: Status,
}

/// The same, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub entry: Entry,
    pub name: String,
    /// `None` for one that people cannot choose here.
    pub form: Option<LegalForm>,
    pub seat: String,
    pub address: Option<Address>,
    pub representatives: Vec<Representative>,
    pub status: Status,
}

/// What comes of asking.
#[derive(Debug)]
pub enum Asked {
    Found(Box<Found>),
    /// There is no such entry.
    Nothing,
    /// No answer, or none that can be used. Nothing follows from it.
    Unreachable,
}

/// In what an entry differs from what the organisation says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    Name(String),
    /// `None` for one that people cannot choose here.
    Form(Option<LegalForm>),
    Seat(String),
}

impl Found {
    /// What has to be the same.
    pub fn differences(&self, record: &Record) -> Vec<Difference> {
        differences(record, (&self.name, self.form, &self.seat))
    }

    /// Whether the register names this person among those who represent it.
    pub fn names(&self, given_names: &str, family_name: &str, birth_date: Option<&str>) -> bool {
        self.representatives.iter().any(|one| {
            let is_day = one.birth_date.as_deref().is_none_or(|known| birth_date == Some(known));
            // Registers leave out names that people do not go by.
            let (known, given) = (folded(&one.given_names), folded(given_names));
            let is_given = known == given || (!known.is_empty() && given.starts_with(&known));
            is_day && is_given && folded(&one.family_name) == folded(family_name)
        })
    }
}

/// What has to be the same, however it is written (Implementing Regulation (EU) 2015/1502, 2.1.3).
pub fn differences(record: &Record, (name, form, seat): (&str, Option<LegalForm>, &str)) -> Vec<Difference> {
    let mut differences = Vec::new();
    if folded(name) != folded(&record.name) {
        differences.push(Difference::Name(name.to_owned()));
    }
    if form != Some(record.form) {
        differences.push(Difference::Form(form));
    }
    if folded(seat) != folded(&record.seat) {
        differences.push(Difference::Seat(seat.to_owned()));
    }
    differences
}

/// Whether anybody can be asked.
pub fn is_offered(app: &AppParts) -> bool {
    app.config.organisation.register_uri.is_some()
}

/// Asks for an entry, outside any transaction and with a hard end.
pub async fn ask(app: &AppParts, entry: &Entry) -> Asked {
    let Some(uri) = address(app, entry) else { return Asked::Unreachable };
    let Ok(_place) = CALLS.try_acquire() else { return Asked::Unreachable };
    let patience = Duration::from_secs(app.config.organisation.register_timeout_seconds);
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    let call = app.outbound.call((Method::GET, &uri), headers, Vec::new(), ANSWER_MAX_BYTES);
    let answer = match tokio::time::timeout(patience, call).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(reason)) => return unusable(&reason),
        Err(_) => return unusable("no answer in time"),
    };
    match answer.status {
        StatusCode::NOT_FOUND => Asked::Nothing,
        StatusCode::OK => match read(entry, &answer.body) {
            Some(found) => Asked::Found(Box::new(found)),
            None => unusable("an answer that cannot be read"),
        },
        status => unusable(&format!("status {}", status.as_u16())),
    }
}

fn unusable(reason: &str) -> Asked {
    tracing::warn!("the register service: {reason}");
    Asked::Unreachable
}

fn address(app: &AppParts, entry: &Entry) -> Option<String> {
    let base = app.config.organisation.register_uri.as_deref()?;
    let mut url = Url::parse(&format!("{base}/entries")).ok()?;
    let pairs = [("kind", entry.kind.name()), ("court", &entry.court), ("number", &entry.number)];
    url.query_pairs_mut().extend_pairs(pairs);
    Some(url.into())
}

/// Reads an answer as strictly as what people type: it goes onto pages and envelopes. `None` if it is about another entry, or
/// says what nobody could have typed.
fn read(asked: &Entry, body: &[u8]) -> Option<Found> {
    let wire: Wire = serde_json::from_slice(body).ok()?;
    let kind = Some(asked.kind).filter(|kind| kind.name() == wire.kind)?;
    let entry = Entry { kind, court: parse_court(&wire.court)?, number: parse_number(kind, &wire.number)? };
    if entry.number != asked.number || wire.representatives.len() > REPRESENTATIVES_MAX {
        return None;
    }
    let address = match wire.address {
        None => None,
        Some(address) => Some(Address {
            street: parse_street_address(&address.street)?,
            postal_code: parse_german_postal_code(&address.postal_code)?,
            locality: parse_place(&address.locality)?,
        }),
    };
    Some(Found {
        entry,
        name: parse_name(&wire.name)?,
        form: LegalForm::from_name(&merge_blanks(&wire.legal_form)),
        seat: parse_place(&wire.seat)?,
        address,
        representatives: wire.representatives,
        status: wire.status,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::organisation::record::RegisterKind;

    fn entry() -> Entry {
        Entry { kind: RegisterKind::Hrb, court: "Mainz".to_owned(), number: "1234".to_owned() }
    }

    fn wire(change: impl FnOnce(&mut Value)) -> Option<Found> {
        let mut wire = json!({
            "kind": "HRB", "court": "Amtsgericht Mainz", "number": "HRB 1234", "name": "Bäckerei Weber GmbH",
            "legal_form": "gmbh", "seat": "Mainz", "status": "active", "as_of": "2026-11-01",
            "address": { "street": "Große Bleiche 7", "postal_code": "55116", "locality": "Mainz" },
            "representatives": [{ "given_names": "Nadine", "family_name": "Weber", "birth_date": "1959-05-12" }],
        });
        change(&mut wire);
        read(&entry(), wire.to_string().as_bytes())
    }

    #[test]
    fn an_answer_is_read_as_strictly_as_a_form() {
        assert_eq!(wire(|_| {}).unwrap().entry, entry());
        assert_eq!(wire(|wire| wire["address"] = Value::Null).unwrap().address, None);
        assert_eq!(wire(|wire| wire["legal_form"] = json!("se")).unwrap().form, None);
        let bad: [fn(&mut Value); 9] = [
            |wire| wire["number"] = json!("1235"),
            |wire| wire["kind"] = json!("HRA"),
            |wire| wire["name"] = json!("<script>"),
            |wire| wire["name"] = json!("W".repeat(300)),
            |wire| wire["seat"] = json!("Mainz\u{202e}"),
            |wire| wire["status"] = json!("unknown"),
            |wire| wire["address"]["postal_code"] = json!("5511"),
            |wire| wire["representatives"] = json!(null),
            |wire| wire["representatives"] = json!(vec![json!({ "given_names": "A", "family_name": "B" }); 201]),
        ];
        for change in bad {
            assert_eq!(wire(change), None);
        }
        assert_eq!(read(&entry(), b"[]"), None);
    }

    #[test]
    fn what_differs_and_what_is_only_written_otherwise() {
        let record = |name: &str, form, seat: &str| Record {
            name: name.to_owned(),
            form,
            register: Some(entry()),
            seat: seat.to_owned(),
            business_address: Address { street: "Weg 1".into(), postal_code: "55116".into(), locality: "Mainz".into() },
            administrative_address: None,
            economic_id: None,
        };
        let found = wire(|_| {}).unwrap();
        assert_eq!(found.differences(&record("BAECKEREI WEBER G.m.b.H.", LegalForm::Gmbh, "MAINZ")), []);
        let all = found.differences(&record("Bäckerei Weber", LegalForm::Ug, "Trier"));
        let (name, seat) = ("Bäckerei Weber GmbH".to_owned(), "Mainz".to_owned());
        assert_eq!(all, [Difference::Name(name), Difference::Form(Some(LegalForm::Gmbh)), Difference::Seat(seat)]);
    }

    #[test]
    fn a_representative_is_the_same_person() {
        let found = wire(|_| {}).unwrap();
        assert!(
            found.names("Nadine", "Weber", Some("1959-05-12"))
                && found.names("NADINE Eva", "weber", Some("1959-05-12"))
        );
        assert!(!found.names("Nadine", "Weber", Some("1959-05-13")), "another day");
        assert!(!found.names("Nadine", "Weber", None) && !found.names("Nora", "Weber", Some("1959-05-12")));
        let dateless = wire(|wire| wire["representatives"][0]["birth_date"] = Value::Null).unwrap();
        assert!(dateless.names("Nadine", "Weber", None));
    }
}
