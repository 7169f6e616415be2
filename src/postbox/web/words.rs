//! How people read a notice and its days.

use time::Date;

use crate::kernel::id::ClientId;
use crate::kernel::texts::{Language, PostboxTexts, ReplyTexts, Text};
use crate::postbox::clock::{self, LegalBasis, Remedy, Rule};
use crate::postbox::content::Head;
use crate::postbox::{Kind, Message};
use crate::web::caller::Visitor;
use crate::web::page::calendar_date;

/// One day of a notice, or that it is not certain yet.
pub struct DayRow {
    pub id: &'static str,
    pub label: String,
    pub value: String,
    /// How long that is, for a day that is still to come.
    pub left: Option<String>,
    /// By which rule.
    pub why: Option<String>,
}

/// A day until which something can be done.
pub struct Deadline {
    pub day: Date,
    pub what: Text,
}

pub struct Words<'a> {
    pub visitor: &'a Visitor,
    pub today: Date,
}

impl<'a> Words<'a> {
    pub fn texts(&self) -> &'static PostboxTexts {
        &self.visitor.language.texts().postbox
    }

    pub fn reply(&self) -> &'static ReplyTexts {
        &self.visitor.language.texts().reply
    }

    pub fn language(&self) -> Language {
        self.visitor.language
    }

    pub fn date(&self, day: Date) -> String {
        calendar_date(self.visitor.language, &day.to_string()).unwrap_or_else(|| day.to_string())
    }

    /// The authority as it was called when it provided the notice; as it is called now to whoever may not read that.
    pub fn sender(&self, message: &Message, head: Option<&Head>) -> String {
        match head {
            Some(head) if self.visitor.language == Language::De => head.sender[0].clone(),
            Some(head) => head.sender[1].clone(),
            None => self.service(&message.client),
        }
    }

    pub fn service(&self, client: &ClientId) -> String {
        let known = self.visitor.registry.known(&client.0);
        known.map_or_else(|| client.to_string(), |(client, _)| client.title(self.visitor.language))
    }

    pub fn kind(&self, message: &Message) -> String {
        message.kind.label(self.visitor.language.texts()).to_string()
    }

    /// The subject; its kind to whoever may not read that.
    pub fn title(&self, message: &Message, head: Option<&Head>) -> String {
        head.map_or_else(|| self.kind(message), |head| head.subject.clone())
    }

    /// „noch 12 Tage“, for a day that is not over.
    pub fn left(&self, day: Date) -> Option<String> {
        let t = self.texts();
        match (day - self.today).whole_days() {
            ..0 => None,
            0 => Some(t.left_today.to_string()),
            1 => Some(t.left_one.to_string()),
            days => Some(t.left_many.with("days", days).to_string()),
        }
    }

    /// What can still be done, the next first.
    pub fn deadlines(&self, message: &Message) -> Vec<Deadline> {
        deadlines(self.texts(), message, self.today)
    }

    /// All days that the law or the authority attaches to a notice.
    pub fn days(&self, message: &Message) -> Vec<DayRow> {
        let (t, days) = (self.texts(), &message.days);
        let mut rows = Vec::new();
        if let Some(rule) = message.rule.as_deref().and_then(clock::rule_named) {
            rows.push(self.announced(message, rule));
        }
        if let Some(day) = days.offer_ends_on.filter(|_| message.is_unread()) {
            rows.push(self.row(("angebot", &t.day_offer), day, Some(t.why_offer.to_string())));
        }
        if let (Some(day), Some(remedy)) = (days.objection_ends_on, message.remedy) {
            let period = clock::PERIODS.iter().find(|period| Some(period.name) == message.period.as_deref());
            let why = period.map(|period| t.why_month.with("paragraph", period.paragraph).to_string());
            rows.push(self.row(("rechtsbehelf", remedy_label(t, remedy)), day, why));
        }
        if let Some(day) = days.due_on {
            rows.push(self.row(("behoerdenfrist", due_label(t, message.kind)), day, None));
        }
        rows
    }

    fn row(&self, (id, label): (&'static str, &Text), day: Date, why: Option<String>) -> DayRow {
        DayRow { id, label: label.to_string(), value: self.date(day), left: self.left(day), why }
    }

    /// When it counts as announced, by which rule.
    fn announced(&self, message: &Message, rule: &Rule) -> DayRow {
        let t = self.texts();
        let label = if rule.acknowledged { &t.day_served } else { &t.day_announced };
        let why = match rule.basis {
            LegalBasis::Ao122a => &t.why_working_day,
            LegalBasis::Vwvfg41Retrieval => &t.why_retrieval,
            LegalBasis::SgbX37 => &t.why_notified,
            LegalBasis::Vwzg5 => &t.why_formal,
            _ => &t.why_fourth,
        };
        let value = match message.days.announced_on {
            Some(day) => self.date(day),
            None if message.has_lapsed(self.today) => t.day_never.to_string(),
            None => t.day_open.to_string(),
        };
        let why = Some(why.with("paragraph", rule.paragraph).to_string());
        DayRow { id: "bekanntgabe", label: label.to_string(), value, left: None, why }
    }

    /// What opening it does.
    pub fn effect(&self, message: &Message) -> String {
        let t = self.texts();
        let text = match message.legal_basis {
            LegalBasis::Vwvfg41Retrieval => &t.effect_retrieval,
            LegalBasis::Vwzg5 => &t.effect_formal,
            _ => &t.effect_none,
        };
        text.to_string()
    }
}

/// What can still be done on a day, the next first.
pub fn deadlines(t: &PostboxTexts, message: &Message, today: Date) -> Vec<Deadline> {
    let days = &message.days;
    let all = [
        (days.objection_ends_on, message.remedy.map_or(&t.day_objection, |remedy| remedy_label(t, remedy))),
        (days.due_on, due_label(t, message.kind)),
        (days.offer_ends_on.filter(|_| message.is_unread()), &t.day_offer),
    ];
    let running = |(day, what): (Option<Date>, &Text)| {
        day.filter(|day| *day >= today).map(|day| Deadline { day, what: what.clone() })
    };
    let mut found: Vec<Deadline> = all.into_iter().filter_map(running).collect();
    found.sort_by_key(|deadline| deadline.day);
    found
}

const fn remedy_label(t: &PostboxTexts, remedy: Remedy) -> &Text {
    match remedy {
        Remedy::Objection | Remedy::SocialObjection => &t.day_objection,
        Remedy::TaxObjection => &t.day_tax_objection,
        Remedy::Action => &t.day_action,
    }
}

const fn due_label(t: &PostboxTexts, kind: Kind) -> &Text {
    match kind {
        Kind::Hearing | Kind::Request => &t.day_answer,
        Kind::Decision | Kind::Information => &t.day_due,
    }
}
