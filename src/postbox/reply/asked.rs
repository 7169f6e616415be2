//! What an authority asks for in answer to a notice: a text, or a form of its own. It is part of the notice and never changes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::kernel::calendar::read_day;
use crate::kernel::error::FieldProblem;
use crate::kernel::texts::is_sound;
use crate::postbox::content;

/// More fields than that are a form for a service of its own.
pub const FIELDS_MAX: usize = 20;
const OPTIONS_MAX: usize = 20;
const NAME_MAX_CHARACTERS: usize = 40;
const LABEL_MAX_CHARACTERS: usize = 200;
const OPTION_MAX_CHARACTERS: usize = 100;
/// Labels and options together: a page with them stays light.
const FORM_MAX_CHARACTERS: usize = 5_000;
/// What a free reply is called where fields have names.
pub const TEXT: &str = "text";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A text.
    Free,
    /// The fields that the authority names.
    Form,
}

/// What is filled into a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One line.
    Text,
    LongText,
    /// One of its options.
    Choice,
    Date,
    YesNo,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// By what the authority's program knows it.
    pub name: String,
    pub label: String,
    pub kind: Kind,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub options: Vec<String>,
}

/// What an authority wants to be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    pub mode: Mode,
    /// What it is about, in the words of the authority.
    pub label: String,
    /// The last day on which a reply is taken, in Germany; always if none is named.
    #[serde(default)]
    pub until: Option<String>,
    #[serde(default)]
    pub fields: Vec<Field>,
}

impl Field {
    fn trimmed(&self) -> Self {
        let options = self.options.iter().map(|option| option.trim().to_owned()).collect();
        Self { label: self.label.trim().to_owned(), options, ..self.clone() }
    }

    fn has_name(&self) -> bool {
        (1..=NAME_MAX_CHARACTERS).contains(&self.name.len())
            && self.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    }

    fn has_options(&self) -> bool {
        let different: BTreeSet<&String> = self.options.iter().collect();
        let is_option = |option: &String| {
            (1..=OPTION_MAX_CHARACTERS).contains(&option.chars().count()) && option.chars().all(is_sound)
        };
        if self.kind != Kind::Choice {
            return self.options.is_empty();
        }
        (2..=OPTIONS_MAX).contains(&self.options.len())
            && different.len() == self.options.len()
            && self.options.iter().all(is_option)
    }
}

impl Asked {
    /// Without white space at both ends of what people read.
    pub fn trimmed(&self) -> Self {
        let fields = self.fields.iter().map(Field::trimmed).collect();
        Self { label: self.label.trim().to_owned(), fields, ..self.clone() }
    }

    /// What is wrong with it, but for the day.
    pub fn check(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        content::check(&mut problems, ("reply.label", &self.label), (1, LABEL_MAX_CHARACTERS), false);
        for field in &self.fields {
            content::check(&mut problems, ("reply.fields.label", &field.label), (1, LABEL_MAX_CHARACTERS), false);
        }
        let mut found = |is_wrong: bool, field: &'static str, problem: &'static str| {
            if is_wrong {
                problems.push(FieldProblem { field, problem });
            }
        };
        let has_fields = match self.mode {
            Mode::Free => self.fields.is_empty(),
            Mode::Form => (1..=FIELDS_MAX).contains(&self.fields.len()),
        };
        found(!has_fields, "reply.fields", "reply_fields");
        let names: BTreeSet<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let are_names = names.len() == self.fields.len() && self.fields.iter().all(Field::has_name);
        found(!are_names, "reply.fields.name", "reply_name");
        found(!self.fields.iter().all(Field::has_options), "reply.fields.options", "reply_options");
        let words = self.fields.iter().flat_map(|field| field.options.iter().chain([&field.label]));
        let characters: usize = words.map(|word| word.chars().count()).sum();
        found(characters > FORM_MAX_CHARACTERS, "reply.fields", "reply_long");
        problems
    }

    /// What people fill in: a free reply is one field.
    pub fn fields(&self) -> Cow<'_, [Field]> {
        match self.mode {
            Mode::Form => Cow::Borrowed(&self.fields),
            Mode::Free => Cow::Owned(vec![Field {
                name: TEXT.to_owned(),
                label: self.label.clone(),
                kind: Kind::LongText,
                required: true,
                options: Vec::new(),
            }]),
        }
    }

    /// The last day, if there is one.
    pub fn last_day(&self) -> Option<Date> {
        // It was read when the notice was taken.
        self.until.as_deref().and_then(|text| read_day(text).ok())
    }

    /// Whether that day has passed.
    pub fn is_over(&self, today: Date) -> bool {
        self.last_day().is_some_and(|last| last < today)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, kind: Kind, options: &[&str]) -> Field {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Field { name: name.to_owned(), label: "Was?".to_owned(), kind, required: false, options }
    }

    fn form(fields: Vec<Field>) -> Asked {
        Asked { mode: Mode::Form, label: "Ihre Angaben".to_owned(), until: None, fields }
    }

    #[test]
    fn a_form_is_checked_as_a_whole() {
        let good = [field("a", Kind::Text, &[]), field("b", Kind::Choice, &["ja", "nein"])];
        assert!(form(good.to_vec()).check().is_empty());
        let wrong: [(Vec<Field>, &str); 10] = [
            (vec![], "reply_fields"),
            (vec![field("a", Kind::Text, &[]); 21], "reply_fields"),
            (vec![field("a", Kind::Text, &[]), field("a", Kind::Text, &[])], "reply_name"),
            (vec![field("A", Kind::Text, &[])], "reply_name"),
            (vec![field("", Kind::Text, &[])], "reply_name"),
            (vec![field(&"a".repeat(41), Kind::Text, &[])], "reply_name"),
            (vec![field("a", Kind::Choice, &["eins"])], "reply_options"),
            (vec![field("a", Kind::Choice, &["eins", "eins"])], "reply_options"),
            (vec![field("a", Kind::Choice, &["eins", "zwei\u{202E}"])], "reply_options"),
            (vec![field("a", Kind::YesNo, &["ja", "nein"])], "reply_options"),
        ];
        for (fields, problem) in wrong {
            let found = form(fields.clone()).check();
            assert!(found.iter().any(|one| one.problem == problem), "{fields:?}: {found:?}");
        }
        let mut free = form(vec![]);
        free.mode = Mode::Free;
        assert_eq!((free.check().len(), free.fields().len()), (0, 1));
        free.label = String::new();
        assert_eq!(free.check()[0].problem, "missing");
        let long: Vec<Field> = ('a'..='t')
            .map(|name| Field {
                label: "x".repeat(200),
                ..field(&name.to_string(), Kind::Choice, &["j".repeat(99).as_str(), "n"])
            })
            .collect();
        assert_eq!(form(long).check().iter().map(|one| one.problem).collect::<Vec<_>>(), ["reply_long"]);
    }

    #[test]
    fn the_last_day_counts() {
        let asked = Asked { until: Some("2026-12-31".to_owned()), ..form(vec![]) };
        assert!(
            !asked.is_over(time::macros::date!(2026 - 12 - 31)) && asked.is_over(time::macros::date!(2027 - 01 - 01))
        );
    }
}
