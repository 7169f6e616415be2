//! What an officer has seen: read from the form, and what follows from it. Pure.

use serde::{Deserialize, Serialize};

use crate::account::evidence::{Document, DocumentKind};
use crate::account::further::Stated;
use crate::account::name::{parse_birth_date, parse_name};
use crate::account::{Account, AttributeName, Group};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::level::Level;
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;
use crate::proofing::comparison::{self, Difference, Shown};
use crate::proofing::office::{FourEyes, Office};

/// What has to be answered with yes before anybody is confirmed, in the order of the form. No is a reason to refuse.
pub const QUESTIONS: [&str; 4] = ["person", "echt", "gueltig", "frei"];

/// What people show at a desk.
pub const DOCUMENTS: [DocumentKind; 4] =
    [DocumentKind::IdCard, DocumentKind::Passport, DocumentKind::ResidencePermit, DocumentKind::EidCard];

/// As forms and texts name a document.
pub const fn document_name(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::IdCard => "id_card",
        DocumentKind::Passport => "passport",
        DocumentKind::ResidencePermit => "residence_permit",
        DocumentKind::EidCard => "eid_card",
        DocumentKind::SmartEid => "smart_eid",
    }
}

/// As people call it.
pub const fn document_label(t: &Texts, kind: DocumentKind) -> &Text {
    let d = &t.desk;
    match kind {
        DocumentKind::IdCard => &d.document_id_card,
        DocumentKind::Passport => &d.document_passport,
        DocumentKind::ResidencePermit => &d.document_residence_permit,
        DocumentKind::EidCard => &d.document_eid_card,
        DocumentKind::SmartEid => &d.document_smart_eid,
    }
}

/// What the document says, typed as it stands there, and that everything was answered with yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub document: Document,
    pub shown: Shown,
    /// The version of the account's data that was compared.
    pub seen: i64,
}

impl Check {
    /// Reads the form. `field` is the text of a field, empty if it is not there.
    pub fn read<'a>(field: impl Fn(&'static str) -> &'a str, now: Timestamp) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut refuse = |field, problem| problems.push(FieldProblem { field, problem });
        for question in QUESTIONS {
            match field(question) {
                "ja" => {}
                "nein" => refuse(question, "check_refused"),
                _ => refuse(question, "check_open"),
            }
        }
        let kind = DOCUMENTS.into_iter().find(|kind| document_name(*kind) == field("dokument"));
        let (mut shown, mut expires_on) = (Shown::new(), None);
        if kind.is_none() {
            refuse("dokument", "check_open");
        }
        let today = now.in_germany().date().to_string();
        match read_date(field("gueltig_tag"), field("gueltig_monat"), field("gueltig_jahr")) {
            Some(date) if date < today => refuse("gueltig_tag", "document_expired"),
            Some(date) => expires_on = Some(date),
            None => refuse("gueltig_tag", "document_date"),
        }
        for (name, typed, is_needed) in [
            (AttributeName::GivenNames, field("given_names"), field("one_name") != "ja"),
            (AttributeName::FamilyName, field("family_name"), true),
            (AttributeName::BirthPlace, field("birth_place"), false),
        ] {
            match (typed.trim().is_empty(), parse_name(typed)) {
                (true, _) if is_needed => refuse(name.name(), "check_open"),
                (true, _) if name == AttributeName::GivenNames => shown.push((name, None)),
                (true, _) => {}
                (false, Some(value)) => shown.push((name, Some(value))),
                (false, None) => refuse(name.name(), "name_characters"),
            }
        }
        match read_birth_date(&field, now) {
            Some(date) => shown.push((AttributeName::BirthDate, Some(date))),
            None => refuse("birth_day", "birth_date_format"),
        }
        match read_address(&field, kind) {
            Ok(address) => shown.extend(address),
            Err(found) => problems.extend(found),
        }
        let country = Stated::read(|name| if name == "country" { field("land") } else { "" });
        let issuing_country = country.ok().and_then(|stated| stated.get(AttributeName::Country).map(str::to_owned));
        if issuing_country.is_none() {
            problems.push(FieldProblem { field: "land", problem: "check_open" });
        }
        let seen = field("stand").parse().unwrap_or(0);
        match (kind, problems.is_empty()) {
            (Some(kind), true) => Ok(Self { document: Document { kind, issuing_country, expires_on }, shown, seen }),
            _ => Err(Error::Invalid(problems)),
        }
    }

    /// What follows for this account at this office. `most` is the level of the account's strongest means.
    pub fn plan(&self, account: &Account, office: &Office, most: Level) -> Plan {
        let differences = comparison::differences(account, &self.shown);
        let level = office.level.min(most);
        let of_identity = differences.iter().filter(|one| one.name.group() == Group::Identity).count();
        let is_other_birth = differences.iter().any(|one| one.name == AttributeName::BirthDate);
        // Who is known already does not become somebody else: people change one name, not both and not their birth.
        let is_other_person = account.identity_level() > Level::Basic && (of_identity > 1 || is_other_birth);
        let wants_four_eyes = |rule: &FourEyes| match rule {
            FourEyes::Always => true,
            FourEyes::Differences => !differences.is_empty(),
            FourEyes::High => level >= Level::High,
            FourEyes::Recovery => false,
        };
        let four_eyes = office.four_eyes.iter().any(wants_four_eyes);
        Plan { level, is_capped: most < office.level, four_eyes, is_other_person, differences }
    }
}

/// What a check leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is confirmed.
    pub level: Level,
    /// Whether it would be more if the account had a stronger means.
    pub is_capped: bool,
    pub four_eyes: bool,
    /// The document is of somebody else than the account, which is known already. Nobody confirms that.
    pub is_other_person: bool,
    pub differences: Vec<Difference>,
}

fn number(text: &str) -> Option<u16> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

fn read_date(day: &str, month: &str, year: &str) -> Option<String> {
    let month = time::Month::try_from(u8::try_from(number(month)?).ok()?).ok()?;
    let date = time::Date::from_calendar_date(i32::from(number(year)?), month, u8::try_from(number(day)?).ok()?);
    date.ok().filter(|date| date.year() >= 2000).map(|date| date.to_string())
}

/// A document may leave the day or the month open.
fn read_birth_date<'a>(field: &impl Fn(&'static str) -> &'a str, now: Timestamp) -> Option<String> {
    let (day, month, year) = (field("birth_day").trim(), field("birth_month").trim(), field("birth_year"));
    match (day, month) {
        ("", "") => parse_birth_date("1", "1", year, now).and_then(|date| date.get(..4).map(str::to_owned)),
        ("", month) => parse_birth_date("1", month, year, now).and_then(|date| date.get(..7).map(str::to_owned)),
        (day, month) => parse_birth_date(day, month, year, now),
    }
}

/// Where they live, if the officer has seen that: all of it or nothing. A passport does not say it; a registration certificate
/// does.
fn read_address<'a>(
    field: &impl Fn(&'static str) -> &'a str,
    kind: Option<DocumentKind>,
) -> Result<Shown, Vec<FieldProblem>> {
    const NAMES: [AttributeName; 3] =
        [AttributeName::StreetAddress, AttributeName::PostalCode, AttributeName::Locality];
    if NAMES.iter().all(|name| field(name.name()).trim().is_empty()) {
        return Ok(Shown::new());
    }
    if kind == Some(DocumentKind::Passport) && field("meldebescheinigung") != "ja" {
        return Err(vec![FieldProblem { field: "meldebescheinigung", problem: "certificate_missing" }]);
    }
    let missing = NAMES.into_iter().filter(|name| field(name.name()).trim().is_empty());
    let missing: Vec<_> = missing.map(|name| FieldProblem { field: name.name(), problem: "check_open" }).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let stated = Stated::read(|name| match name {
        "country" => "DE",
        "street_address" | "postal_code" | "locality" => field(name),
        _ => "",
    })?;
    let all = NAMES.into_iter().chain([AttributeName::Country]);
    Ok(all.map(|name| (name, stated.get(name).map(str::to_owned))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);
    const FORM: [(&str, &str); 15] = [
        ("land", "DE"),
        ("dokument", "id_card"),
        ("gueltig_tag", "1"),
        ("gueltig_monat", "8"),
        ("gueltig_jahr", "2031"),
        ("person", "ja"),
        ("echt", "ja"),
        ("gueltig", "ja"),
        ("frei", "ja"),
        ("given_names", "Renate"),
        ("family_name", "MUSTER"),
        ("birth_day", "12"),
        ("birth_month", "5"),
        ("birth_year", "1959"),
        ("stand", "1"),
    ];

    fn read(changes: &[(&str, &'static str)]) -> Result<Check, Vec<(&'static str, &'static str)>> {
        let value = |name: &str| {
            let all = changes.iter().chain(&FORM);
            all.into_iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value)
        };
        match Check::read(value, NOW) {
            Ok(check) => Ok(check),
            Err(Error::Invalid(found)) => Err(found.iter().map(|one| (one.field, one.problem)).collect()),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn nothing_is_left_unchecked() {
        let check = read(&[]).unwrap();
        assert_eq!(
            (check.document.kind, check.document.expires_on.as_deref()),
            (DocumentKind::IdCard, Some("2031-08-01"))
        );
        assert_eq!(check.shown.len(), 3);
        for (changes, problem) in [
            (("person", ""), ("person", "check_open")),
            (("frei", "nein"), ("frei", "check_refused")),
            (("dokument", "library_card"), ("dokument", "check_open")),
            (("gueltig_jahr", "2026"), ("gueltig_tag", "document_expired")),
            (("gueltig_tag", "32"), ("gueltig_tag", "document_date")),
            (("family_name", " "), ("family_name", "check_open")),
            (("given_names", ""), ("given_names", "check_open")),
            (("family_name", "<b>"), ("family_name", "name_characters")),
            (("birth_month", "13"), ("birth_day", "birth_date_format")),
            (("postal_code", "55116"), ("street_address", "check_open")),
        ] {
            assert_eq!(read(&[changes]).unwrap_err()[0], problem, "{changes:?}");
        }
    }

    #[test]
    fn a_passport_says_nothing_of_where_people_live() {
        let address = [("street_address", "Marktplatz 1"), ("postal_code", "55116"), ("locality", "Musterhausen")];
        assert_eq!(read(&address).unwrap().shown.len(), 7);
        let passport = [address.as_slice(), &[("dokument", "passport")]].concat();
        assert_eq!(read(&passport).unwrap_err(), [("meldebescheinigung", "certificate_missing")]);
        assert!(read(&[passport.as_slice(), &[("meldebescheinigung", "ja")]].concat()).is_ok());
    }

    #[test]
    fn documents_say_less_or_are_of_people_with_one_name() {
        let birth = |check: Check| check.shown.iter().find(|one| one.0 == AttributeName::BirthDate).unwrap().1.clone();
        assert_eq!(birth(read(&[("birth_day", "")]).unwrap()).as_deref(), Some("1959-05"));
        assert_eq!(birth(read(&[("birth_day", ""), ("birth_month", "")]).unwrap()).as_deref(), Some("1959"));
        let one = read(&[("given_names", ""), ("one_name", "ja")]).unwrap();
        assert!(one.shown.contains(&(AttributeName::GivenNames, None)));
    }
}
