//! The fields in which an organisation is described: what stands in them, and what a list offers.

use crate::kernel::texts::Texts;
use crate::organisation::Record;
use crate::organisation::draft::Draft;
use crate::organisation::record::{Address, Entry, LegalForm, RegisterKind};
use crate::web::form::Form;

/// One choice of a list.
pub struct Choice {
    pub value: String,
    pub label: String,
    pub is_chosen: bool,
}

/// What stands in the fields, by their names.
#[derive(Default)]
pub struct Typed(Vec<(&'static str, String)>);

const NAMES: [&str; 13] = [
    "name",
    "rechtsform",
    "register",
    "registergericht",
    "nummer",
    "sitz",
    "strasse",
    "plz",
    "ort",
    "verwaltung_strasse",
    "verwaltung_plz",
    "verwaltung_ort",
    "widnr",
];

impl Typed {
    pub fn in_form(form: &Form) -> Self {
        Self(NAMES.map(|name| (name, form.get(name).to_owned())).into())
    }

    pub fn of_draft(draft: &Draft) -> Self {
        let mut typed = Self::default();
        typed.put("name", &draft.name);
        typed.put("rechtsform", draft.form.map_or("", LegalForm::name));
        let is_asked = draft.stage >= crate::organisation::draft::Stage::Entered;
        typed.entry(draft.register.as_ref(), is_asked);
        typed.put("sitz", &draft.seat);
        typed.addresses(draft.business_address.as_ref(), draft.administrative_address.as_ref());
        typed.put("widnr", draft.economic_id.as_deref().unwrap_or_default());
        typed
    }

    pub fn of_record(record: &Record) -> Self {
        let mut typed = Self::default();
        typed.put("name", &record.name);
        typed.put("rechtsform", record.form.name());
        typed.entry(record.register.as_ref(), true);
        typed.put("sitz", &record.seat);
        typed.addresses(Some(&record.business_address), record.administrative_address.as_ref());
        typed.put("widnr", record.economic_id.as_deref().unwrap_or_default());
        typed
    }

    fn put(&mut self, name: &'static str, value: &str) {
        self.0.push((name, value.to_owned()));
    }

    fn entry(&mut self, entry: Option<&Entry>, is_asked: bool) {
        match entry {
            Some(entry) => {
                self.put("register", entry.kind.name());
                self.put("registergericht", &entry.court);
                self.put("nummer", &entry.number);
            }
            None if is_asked => self.put("register", "keins"),
            None => {}
        }
    }

    fn addresses(&mut self, business: Option<&Address>, administrative: Option<&Address>) {
        let names = [["strasse", "plz", "ort"], ["verwaltung_strasse", "verwaltung_plz", "verwaltung_ort"]];
        for ([street, code, town], address) in names.into_iter().zip([business, administrative]) {
            if let Some(address) = address {
                self.put(street, &address.street);
                self.put(code, &address.postal_code);
                self.put(town, &address.locality);
            }
        }
    }

    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// Everything, as hidden fields say it once more.
    pub fn all(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.0.iter()
    }

    pub fn forms(&self, t: &Texts) -> Vec<Choice> {
        let none = Choice { value: String::new(), label: t.organisation.choose.to_string(), is_chosen: false };
        let choice = |form: LegalForm| Choice {
            value: form.name().to_owned(),
            label: form.label(t).to_string(),
            is_chosen: self.get("rechtsform") == form.name(),
        };
        [none].into_iter().chain(LegalForm::ALL.map(choice)).collect()
    }

    /// The registers that organisations of this form may stand in, or all of them.
    pub fn registers(&self, t: &Texts, form: Option<LegalForm>) -> Vec<Choice> {
        let choice = |value: &str, label: String| Choice {
            value: value.to_owned(),
            label,
            is_chosen: self.get("register") == value,
        };
        let kinds = form.map_or(&RegisterKind::ALL[..], LegalForm::registers);
        let mut choices = vec![choice("", t.organisation.choose.to_string())];
        choices.extend(kinds.iter().map(|kind| choice(kind.name(), kind.label(t).to_string())));
        if form.is_none_or(|form| !form.is_always_registered()) {
            choices.push(choice("keins", t.organisation.register_none.to_string()));
        }
        choices
    }
}
