//! Rights as pages show them and forms choose them: one box for each, and from when and until when.

use super::{AtOrganisation, titles};
use crate::client::registry::Registry;
use crate::kernel::calendar::{end_of, typed_day};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::level::Level;
use crate::kernel::texts::{Language, Text, moment};
use crate::kernel::time::Timestamp;
use crate::organisation::area::Area;
use crate::organisation::invitation::last_day;
use crate::organisation::member::{Grant, Right};
use crate::organisation::protocol::right_words;
use crate::web::form::Form;

/// A box to tick.
pub struct Choice {
    pub id: String,
    pub value: String,
    pub label: String,
    pub is_chosen: bool,
    /// That it counts only once somebody is known well enough.
    pub needs_level: bool,
}

/// Boxes under one heading.
pub struct Group {
    pub legend: Text,
    pub choices: Vec<Choice>,
}

/// As a form says it: the kind, a colon, and what it is for.
pub fn value(right: &Right) -> String {
    format!("{}:{}", right.kind(), right.object())
}

/// Everything that a member may give here.
pub fn groups(at: &AtOrganisation, areas: &[Area], form: &Form) -> Vec<Group> {
    let visitor = &at.caller.visitor;
    let (t, titles) = (&visitor.language.texts().members, titles(&visitor.registry, visitor.language));
    let chosen: Vec<&str> = form.all("recht").collect();
    let mut number = 0;
    let mut choice = |right: Right| {
        number += 1;
        let value = value(&right);
        Choice {
            id: if number == 1 { "recht".to_owned() } else { format!("recht-{number}") },
            label: right_words(visitor.language, &right, areas, &titles),
            is_chosen: chosen.contains(&value.as_str()),
            needs_level: right.needs() > Level::Basic,
            value,
        }
    };
    let mut of = |rights: Vec<Right>| -> Vec<Choice> {
        rights.into_iter().filter(|right| at.member.may_grant(right)).map(&mut choice).collect()
    };
    let whole = [Right::Administration, Right::Representation, Right::Mandates, Right::Documents, Right::Audit];
    let whole = of(whole.into());
    let ids = std::iter::once(None).chain(areas.iter().map(|area| Some(area.id.clone())));
    let mail = of(ids.flat_map(|id| [Right::ReadMail(id.clone()), Right::AnswerMail(id)]).collect());
    let services = visitor.registry.approved();
    let services = of(services.iter().map(|client| Right::UseService(client.id.clone())).collect());
    let groups = [(&t.rights_whole, whole), (&t.rights_mail, mail), (&t.rights_services, services)];
    let group = |(legend, choices): (&Text, Vec<Choice>)| Group { legend: legend.clone(), choices };
    groups.into_iter().filter(|(_, choices)| !choices.is_empty()).map(group).collect()
}

/// One right that a form names; whatever is none is refused, not passed over.
pub fn read_right(text: &str, registry: &Registry) -> Result<Right, Error> {
    let right = read_held(text)?;
    match &right {
        Right::UseService(client) if registry.find(client).is_none() => Err(Error::NotAllowed("no such right")),
        _ => Ok(right),
    }
}

/// As [`read_right`], for a right that somebody has: its service may be gone.
pub fn read_held(text: &str) -> Result<Right, Error> {
    let right = text.split_once(':').and_then(|(kind, object)| Right::parse(kind, object));
    right.ok_or(Error::NotAllowed("no such right"))
}

/// The rights that a form chooses, with their dates.
pub fn read(form: &Form, registry: &Registry, now: Timestamp) -> Result<Vec<Grant>, Error> {
    let mut rights = form.all("recht").map(|text| read_right(text, registry)).collect::<Result<Vec<_>, _>>()?;
    rights.sort();
    rights.dedup();
    let mut problems = Vec::new();
    if rights.is_empty() {
        problems.push(FieldProblem { field: "recht", problem: "right_missing" });
    }
    let (from, until) = read_period(form, now, &mut problems);
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    Ok(rights.into_iter().map(|right| Grant { right, from, until }).collect())
}

fn read_period(form: &Form, now: Timestamp, problems: &mut Vec<FieldProblem>) -> (Timestamp, Option<Timestamp>) {
    let mut day = |names: [&'static str; 3]| {
        let typed = names.map(|name| form.get(name));
        if typed.iter().all(|text| text.trim().is_empty()) {
            return None;
        }
        let day = typed_day(typed);
        if day.is_none() {
            problems.push(FieldProblem { field: names[0], problem: "date_format" });
        }
        day
    };
    let from = day(["von_tag", "von_monat", "von_jahr"]);
    let until = day(["bis_tag", "bis_monat", "bis_jahr"]).map(end_of);
    // What begins today begins now.
    let from = from.map_or(now, |from| Timestamp::midnight_in_germany(from).max(now));
    if until.is_some_and(|until| until <= from) {
        problems.push(FieldProblem { field: "bis_tag", problem: "date_over" });
    }
    (from, until)
}

/// A right that somebody has.
pub struct Row {
    pub value: String,
    pub words: String,
    /// Since or until when, and whether it counts.
    pub told: String,
    pub counts: bool,
    pub may_take: bool,
}

/// Whose rights are shown, and to whom.
pub struct Shown<'a> {
    pub language: Language,
    pub registry: &'a Registry,
    pub areas: &'a [Area],
    pub identity: Level,
    pub now: Timestamp,
}

impl Shown<'_> {
    pub fn words(&self, right: &Right) -> String {
        right_words(self.language, right, self.areas, &titles(self.registry, self.language))
    }

    pub fn rows(&self, grants: &[Grant], may_take: impl Fn(&Right) -> bool) -> Vec<Row> {
        let row = |grant: &Grant| Row {
            value: value(&grant.right),
            words: self.words(&grant.right),
            told: self.told(grant),
            counts: grant.is_current(self.now) && self.identity >= grant.right.needs(),
            may_take: may_take(&grant.right),
        };
        grants.iter().map(row).collect()
    }

    /// When a right counts, in words.
    pub fn told(&self, grant: &Grant) -> String {
        let t = &self.language.texts().members;
        let date = |at| moment::date(self.language, at);
        let until = grant.until.map(|until| date(last_day(until)));
        match (&until, grant.from > self.now) {
            (Some(until), _) if grant.until.is_some_and(|until| until <= self.now) => t.over.with("date", until),
            (Some(until), true) => t.from_until.with("from", date(grant.from)).with("until", until),
            (None, true) => t.from.with("from", date(grant.from)),
            _ if self.identity < grant.right.needs() => t.waits.clone(),
            (Some(until), false) => t.until.with("until", until),
            (None, false) => t.unlimited.clone(),
        }
        .to_string()
    }

    /// All rights in one line.
    pub fn line(&self, grants: &[Grant]) -> String {
        let part = |grant: &Grant| {
            let words = self.words(&grant.right);
            let counts = grant.is_current(self.now) && self.identity >= grant.right.needs();
            if counts && grant.until.is_none() { words } else { format!("{words} ({})", self.told(grant)) }
        };
        grants.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}
