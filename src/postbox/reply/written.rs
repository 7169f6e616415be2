//! What somebody has written: read strictly against what the authority asks for, kept and sent in one form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::asked::{Asked, FIELDS_MAX, Field, Kind, Mode};
use crate::kernel::calendar::typed_day;
use crate::kernel::error::FieldProblem;
use crate::kernel::id::MessageId;
use crate::kernel::secret::sha256;
use crate::kernel::texts::is_sound;

/// One line.
const LINE_MAX_CHARACTERS: usize = 200;
/// A whole reply: some four pages.
pub const REPLY_MAX_CHARACTERS: usize = 10_000;

/// What the controls of a field are called on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    pub id: &'static str,
    /// Where a day is typed in three.
    pub day: [&'static str; 3],
}

macro_rules! names {
    ($($number:literal)*) => {
        [$(Names {
            id: concat!("feld-", $number),
            day: [concat!("feld-", $number, "_tag"), concat!("feld-", $number, "_monat"), concat!("feld-", $number, "_jahr")],
        }),*]
    };
}

/// Problems name their controls, and those have names of ours: what an authority calls a field never is one.
pub const NAMES: [Names; FIELDS_MAX] = names!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20);

impl Names {
    /// The control that a problem of a field is told at.
    pub const fn of_problem(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Date => self.day[0],
            _ => self.id,
        }
    }
}

/// What somebody has typed, one text for each field: a day as `3.12.2026`, a choice as its number from 1 on, `ja` or `nein`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed(Vec<String>);

impl Typed {
    /// What a form says; `get` is what one of its controls does.
    pub fn of<'a>(asked: &Asked, get: impl Fn(&'static str) -> &'a str) -> Self {
        let typed = |(field, names): (&Field, &Names)| match field.kind {
            Kind::LongText => clean(get(names.id), true),
            Kind::Date if names.day.iter().all(|name| get(name).trim().is_empty()) => String::new(),
            Kind::Date => names.day.map(|name| clean(get(name), false)).join("."),
            Kind::Text | Kind::Choice | Kind::YesNo => clean(get(names.id), false),
        };
        Self(asked.fields().iter().zip(&NAMES).map(typed).collect())
    }

    /// What a field says; empty where nothing is.
    pub fn get(&self, number: usize) -> &str {
        self.0.get(number).map_or("", String::as_str)
    }

    /// A day, in the three texts in which it was typed.
    pub fn day(&self, number: usize) -> [&str; 3] {
        let mut parts = self.get(number).splitn(3, '.');
        std::array::from_fn(|_| parts.next().unwrap_or_default())
    }

    /// Whether it can be kept at all.
    pub fn check(&self) -> Result<(), Vec<FieldProblem>> {
        let characters: usize = self.0.iter().map(|text| text.chars().count()).sum();
        if characters > REPLY_MAX_CHARACTERS {
            // The longest is where to shorten.
            let longest = (0..self.0.len()).max_by_key(|&number| self.get(number).len()).unwrap_or_default();
            let field = NAMES.get(longest).map_or("", |names| names.id);
            return Err(vec![FieldProblem { field, problem: "reply_too_long" }]);
        }
        Ok(())
    }
}

/// What people copy from elsewhere brings signs that nobody sees. They are left out here, before anybody checks what is going to be sent.
fn clean(text: &str, has_lines: bool) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', " ");
    let text = if has_lines { text } else { text.replace('\n', " ") };
    text.chars().filter(|letter| is_sound(*letter) || *letter == '\n').collect::<String>().trim().to_owned()
}

/// A reply, as it is sent and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    Text(String),
    /// By the names of the fields: a text, a day as `2026-12-03`, an option, true or false; null where nothing is.
    Fields(BTreeMap<String, Value>),
}

impl Written {
    /// Reads what was typed; every problem at its control.
    pub fn read(asked: &Asked, typed: &Typed) -> Result<Self, Vec<FieldProblem>> {
        typed.check()?;
        let (mut problems, mut values) = (Vec::new(), BTreeMap::new());
        for (number, (field, names)) in asked.fields().iter().zip(&NAMES).enumerate() {
            match value(field, typed, number) {
                Ok(value) => drop(values.insert(field.name.clone(), value)),
                Err(problem) => problems.push(FieldProblem { field: names.of_problem(field.kind), problem }),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(match asked.mode {
            Mode::Free => Self::Text(typed.get(0).to_owned()),
            Mode::Form => Self::Fields(values),
        })
    }

    pub const fn mode(&self) -> Mode {
        match self {
            Self::Text(_) => Mode::Free,
            Self::Fields(_) => Mode::Form,
        }
    }

    /// What a field of this name says.
    pub fn value(&self, name: &str) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Fields(values) => values.get(name).cloned().unwrap_or_default(),
        }
    }

    /// SHA-256 over what was sent, and in answer to what: members in the order of their names, without spaces, in UTF-8.
    pub fn hash(&self, message: &MessageId) -> [u8; 32] {
        let mut sent = json!(self);
        sent["message"] = json!(message);
        sha256(sent.to_string().as_bytes())
    }
}

fn value(field: &Field, typed: &Typed, number: usize) -> Result<Value, &'static str> {
    let text = typed.get(number);
    if text.is_empty() {
        return if field.required { Err("reply_missing") } else { Ok(Value::Null) };
    }
    match field.kind {
        Kind::Text if text.chars().count() > LINE_MAX_CHARACTERS => Err("reply_line"),
        Kind::Text | Kind::LongText => Ok(Value::from(text)),
        Kind::Choice => {
            let place = text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let option = place.and_then(|place| field.options.get(place));
            option.map(|option| Value::from(option.as_str())).ok_or("reply_option")
        }
        Kind::Date => {
            let day = typed_day(typed.day(number)).ok_or("reply_date")?;
            Ok(Value::from(day.to_string()))
        }
        Kind::YesNo => match text {
            "ja" => Ok(Value::from(true)),
            "nein" => Ok(Value::from(false)),
            _ => Err("reply_option"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        let field = |name: &str, kind: &str, required: bool, options: &[&str]| json!({ "name": name, "label": name, "kind": kind, "required": required, "options": options });
        let fields = [
            field("name", "text", true, &[]),
            field("grund", "long_text", false, &[]),
            field("art", "choice", true, &["Haus", "Wohnung"]),
            field("seit", "date", true, &[]),
            field("einig", "yes_no", false, &[]),
        ];
        serde_json::from_value(json!({ "mode": "form", "label": "Angaben", "fields": fields })).unwrap()
    }

    fn typed(values: [&str; 7]) -> Typed {
        let names = ["feld-1", "feld-2", "feld-3", "feld-4_tag", "feld-4_monat", "feld-4_jahr", "feld-5"];
        let find = |name: &str| names.iter().position(|one| *one == name).map_or("", |place| values[place]);
        Typed::of(&asked(), find)
    }

    #[test]
    fn a_form_is_read_with_its_kinds() {
        let typed = typed(["Renate\u{200B} ", " a\r\nb\t", "2", "3", " 12", "2026", "nein"]);
        let written = Written::read(&asked(), &typed).unwrap();
        let expected = json!({ "fields": {
            "name": "Renate", "grund": "a\nb", "art": "Wohnung", "seit": "2026-12-03", "einig": false,
        } });
        assert_eq!(json!(written), expected);
        assert_eq!(serde_json::from_value::<Written>(expected).unwrap(), written);
    }

    #[test]
    fn what_is_wrong_is_told_at_its_control() {
        let problems = |values: [&str; 7]| match Written::read(&asked(), &typed(values)) {
            Ok(_) => vec![],
            Err(problems) => problems.into_iter().map(|one| (one.field, one.problem)).collect(),
        };
        let missing = [("feld-1", "reply_missing"), ("feld-3", "reply_missing"), ("feld-4_tag", "reply_missing")];
        assert_eq!(problems(["", "", "", "", "", "", ""]), missing);
        let long = "x".repeat(201);
        let wrong = [
            ("feld-1", "reply_line"),
            ("feld-3", "reply_option"),
            ("feld-4_tag", "reply_date"),
            ("feld-5", "reply_option"),
        ];
        assert_eq!(problems([&long, "", "3", "31", "2", "2026", "vielleicht"]), wrong);
        assert_eq!(problems(["a", &"x".repeat(10_000), "1", "1", "2", "2026", ""]), [("feld-2", "reply_too_long")]);
        for option in ["0", "-1", "Haus", "1.0"] {
            assert_eq!(problems(["a", "", option, "1", "2", "2026", ""]), [("feld-3", "reply_option")], "{option}");
        }
    }

    #[test]
    fn the_hash_names_the_notice() {
        let now = crate::kernel::time::Timestamp::from_seconds(1);
        let message = MessageId::new(now, &crate::kernel::random::Random::seeded(1));
        let written = Written::Text("Ja".to_owned());
        let sent = format!(r#"{{"message":"{message}","text":"Ja"}}"#);
        assert_eq!(written.hash(&message), sha256(sent.as_bytes()));
    }
}
