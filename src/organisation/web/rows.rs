//! The data of an organisation as people read them.

use crate::kernel::texts::{Language, Texts, moment};
use crate::kernel::time::Timestamp;
use crate::organisation::Record;
use crate::organisation::evidence::{Evidence, Source};
use crate::organisation::record::Address;

/// One datum, and where it comes from.
pub struct Row {
    pub id: &'static str,
    pub label: String,
    /// Line by line.
    pub value: Vec<String>,
    /// Source and date; empty where nothing has been said yet.
    pub source: String,
    /// Where it is changed while it is only a draft.
    pub change: &'static str,
}

fn rows(t: &Texts, record: &Record) -> Vec<Row> {
    let o = &t.organisation;
    let row = |id, label: &crate::kernel::texts::Text, value: Vec<String>, change| Row {
        id,
        label: label.to_string(),
        value,
        source: String::new(),
        change,
    };
    let entry = record.register.as_ref().map_or_else(
        || vec![o.register_none.to_string()],
        |entry| vec![o.entry.with("entry", entry).with("court", &entry.court).to_string()],
    );
    let (name, register) = ("/organisation/neu", "/organisation/neu/register");
    let (places, number) = ("/organisation/neu/anschrift", "/organisation/neu/nummer");
    let mut rows = vec![
        row("name", &o.name, vec![record.name.clone()], name),
        row("rechtsform", &o.form, vec![record.form.label(t).to_string()], name),
        row("register", &o.register, entry, register),
        row("sitz", &o.seat, vec![record.seat.clone()], places),
        row("anschrift", &o.business_address, record.business_address.lines(), places),
    ];
    if let Some(address) = &record.administrative_address {
        rows.push(row("verwaltung", &o.administrative_address, address.lines(), places));
    }
    let economic_id = record.economic_id.clone().unwrap_or_else(|| o.economic_id_none.to_string());
    rows.push(row("widnr", &o.economic_id, vec![economic_id], number));
    rows
}

/// Before anything is registered.
pub fn of_draft(t: &Texts, record: &Record) -> Vec<Row> {
    rows(t, record)
}

/// Each with its source and its date.
pub fn of_organisation(language: Language, record: &Record, evidence: &[Evidence], stated_at: Timestamp) -> Vec<Row> {
    let t = language.texts();
    let find = |source| evidence.iter().find(|one: &&Evidence| one.source == source && one.void_at.is_none());
    let says = |source: &str, at| {
        t.organisation.provenance.with("source", source).with("date", moment::date(language, at)).to_string()
    };
    let stated = || says(t.organisation.source_stated.as_str(), stated_at);
    let shown = |one: Option<&Evidence>| one.map(|one| says(one.source.label(t).as_str(), one.shown_at));
    let at = |source, address: &Address| {
        find(source).filter(|one| one.shown.address.as_ref().is_some_and(|known| known.is_same(address)))
    };
    let desk = find(Source::RegistrationDesk);
    let elsewhere = find(Source::UpstreamAccount);
    let with_entry = elsewhere.filter(|one| !one.shown.lacks_entry);
    let mut all = rows(t, record);
    for row in &mut all {
        let known = match row.id {
            "name" | "rechtsform" | "sitz" => shown(find(Source::Register).or(desk).or(elsewhere)),
            "register" => shown(find(Source::Register).or(desk).or(with_entry)),
            "anschrift" => {
                let address = &record.business_address;
                let known = at(Source::Letter, address).or_else(|| at(Source::Register, address));
                shown(known.or_else(|| at(Source::UpstreamAccount, address)))
            }
            _ => None,
        };
        row.source = known.unwrap_or_else(stated);
        row.change = "";
    }
    all
}
