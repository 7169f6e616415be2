//! What an officer has seen of an organisation and of who brought it: read from the form, and how it differs from what the
//! organisation says of itself. Pure.

use serde::{Deserialize, Serialize};

use super::paper::{Paper, Rule};
use crate::account::evidence::DocumentKind;
use crate::account::identity::folded;
use crate::kernel::calendar::{months_after, typed_day};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::time::Timestamp;
use crate::organisation::Record;
use crate::organisation::record::{Entry, LegalForm};
use crate::organisation::typed;
use crate::proofing::desk::check::{DOCUMENTS, document_name};

/// What has to be answered with yes before anything is confirmed, in the order of the form: of the person and their document as
/// where people are confirmed, and of what they have brought.
pub const QUESTIONS: [&str; 7] = ["person", "echt", "gueltig", "antragsteller", "frei", "papier", "nennt"];

/// What the document says, typed as it stands there, and that everything was answered with yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub paper: Paper,
    /// `2026-11-02`.
    pub issued_on: String,
    /// With what the person has shown who they are.
    pub document: DocumentKind,
    pub name: String,
    pub form: LegalForm,
    pub entry: Option<Entry>,
    pub seat: String,
    /// The version of the organisation's data that was compared.
    pub seen: i64,
}

impl Check {
    /// Reads the form. `field` is the text of a field, empty if it is not there.
    pub fn read(field: &impl typed::Fields, rule: &Rule, is_registered: bool, now: Timestamp) -> Result<Self, Error> {
        let mut problems = Vec::new();
        for question in QUESTIONS {
            let problem = match field(question).as_str() {
                "ja" => continue,
                "nein" => "check_refused",
                _ => "check_open",
            };
            problems.push(FieldProblem { field: question, problem });
        }
        let shown = field("dokument");
        let document = DOCUMENTS.into_iter().find(|kind| document_name(*kind) == shown);
        if document.is_none() {
            problems.push(FieldProblem { field: "dokument", problem: "check_open" });
        }
        let issued_on = read_date(field, rule, now).map_err(|problem| problems.push(problem)).ok();
        let mut keep = |error| {
            if let Error::Invalid(found) = error {
                problems.extend(found);
            }
        };
        let name = typed::read_name(field).map_err(&mut keep).ok();
        let entry = match LegalForm::from_name(&field("rechtsform")) {
            Some(form) if is_registered => typed::read_entry(form, field).map_err(&mut keep).ok(),
            _ => Some(None),
        };
        let seat = typed::read_seat(field).map_err(&mut keep).ok();
        let seen = field("stand").parse().unwrap_or_default();
        match (document, issued_on, name, entry.zip(seat)) {
            (Some(document), Some(issued_on), Some((name, form)), Some((entry, seat))) if problems.is_empty() => {
                Ok(Self { paper: rule.paper, issued_on, document, name, form, entry, seat, seen })
            }
            _ => Err(Error::Invalid(problems)),
        }
    }

    /// What the document says otherwise than the organisation does, each at its field. Capitals, accents and signs do not count.
    pub fn differences(&self, record: &Record) -> Vec<FieldProblem> {
        let same = |one: &str, other: &str| folded(one) == folded(other);
        let entry = |entry: &Option<Entry>| {
            entry.as_ref().map(|entry| (entry.kind, folded(&entry.court), folded(&entry.number)))
        };
        [
            ("name", "paper_name", same(&self.name, &record.name)),
            ("rechtsform", "paper_form", self.form == record.form),
            ("nummer", "paper_entry", entry(&self.entry) == entry(&record.register)),
            ("sitz", "paper_seat", same(&self.seat, &record.seat)),
        ]
        .into_iter()
        .filter(|(.., is_same)| !is_same)
        .map(|(field, problem, _)| FieldProblem { field, problem })
        .collect()
    }
}

/// The day on which the document was issued: not in the future, and not too long ago.
fn read_date(field: &impl typed::Fields, rule: &Rule, now: Timestamp) -> Result<String, FieldProblem> {
    let typed = ["datum_tag", "datum_monat", "datum_jahr"].map(field);
    let problem = |problem| FieldProblem { field: "datum_tag", problem };
    let day = typed_day(typed.each_ref().map(String::as_str)).ok_or_else(|| problem("date_format"))?;
    let issued = Timestamp::midnight_in_germany(day);
    match rule.months {
        _ if issued > now => Err(problem("paper_future")),
        Some(months) if months_after(issued, months) <= now => Err(problem("paper_old")),
        _ => Ok(day.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::desk::{paper, practice};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);
    const FORM: [(&str, &str); 18] = [
        ("dokument", "id_card"),
        ("person", "ja"),
        ("echt", "ja"),
        ("gueltig", "ja"),
        ("antragsteller", "ja"),
        ("frei", "ja"),
        ("papier", "ja"),
        ("nennt", "ja"),
        ("datum_tag", "23"),
        ("datum_monat", "8"),
        ("datum_jahr", "2026"),
        ("name", "MUSTERMANN METALLBAU GMBH"),
        ("rechtsform", "gmbh"),
        ("register", "HRB"),
        ("registergericht", "Amtsgericht Musterhausen"),
        ("nummer", "HRB 4242"),
        ("sitz", "Musterhausen"),
        ("stand", "3"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Check, Vec<(&'static str, &'static str)>> {
        let record = practice::record();
        let field = |name: &'static str| {
            let all = changes.iter().chain(&FORM);
            all.into_iter().find(|(known, _)| *known == name).map_or(String::new(), |(_, value)| (*value).to_owned())
        };
        match Check::read(&field, paper::wanted(&record).unwrap(), true, NOW) {
            Ok(check) => Ok(check),
            Err(Error::Invalid(found)) => Err(found.iter().map(|one| (one.field, one.problem)).collect()),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn nothing_is_left_unchecked() {
        assert_eq!(read(&[]).unwrap().issued_on, "2026-08-23", "three months ago to the day");
        for (changes, problem) in [
            (("person", ""), ("person", "check_open")),
            (("antragsteller", "nein"), ("antragsteller", "check_refused")),
            (("nennt", "nein"), ("nennt", "check_refused")),
            (("dokument", "library_card"), ("dokument", "check_open")),
            (("datum_tag", "22"), ("datum_tag", "paper_old")),
            (("datum_monat", "12"), ("datum_tag", "paper_future")),
            (("datum_monat", "13"), ("datum_tag", "date_format")),
            (("name", "<b>"), ("name", "organisation_name")),
            (("rechtsform", ""), ("rechtsform", "organisation_form")),
            (("register", ""), ("register", "organisation_register")),
            (("nummer", "x"), ("nummer", "organisation_number")),
            (("sitz", ""), ("sitz", "organisation_seat")),
        ] {
            assert_eq!(read(&[changes]).unwrap_err(), [problem], "{changes:?}");
        }
    }

    #[test]
    fn what_differs_stands_at_its_field() {
        let record = practice::record();
        let differs = |changes: &[(&str, &str)]| {
            let found = read(changes).unwrap().differences(&record);
            found.iter().map(|one| (one.field, one.problem)).collect::<Vec<_>>()
        };
        assert_eq!(differs(&[]), []);
        assert_eq!(differs(&[("name", "Mustermann Stahlbau GmbH")]), [("name", "paper_name")]);
        assert_eq!(differs(&[("rechtsform", "ug")]), [("rechtsform", "paper_form")]);
        assert_eq!(differs(&[("nummer", "4243")]), [("nummer", "paper_entry")]);
        assert_eq!(differs(&[("registergericht", "Mainz")]), [("nummer", "paper_entry")]);
        assert_eq!(differs(&[("sitz", "Mainz")]), [("sitz", "paper_seat")]);
    }
}
