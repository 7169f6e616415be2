//! What an authority's program says that a notice is: read strictly, every problem told at its field, nothing guessed.

use serde::{Deserialize, Serialize};
use time::Date;

use super::attachment::Description;
use super::attachment::enclose::{self, Enclosed};
use super::clock::{LegalBasis, Remedy};
use super::content::{Content, Head};
use super::provide::Notice;
use super::reply::asked::Asked;
use super::{Kind, clock, content};
use crate::client::Client;
use crate::kernel::calendar::read_day;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::level::Level;
use crate::kernel::secret::hex;
use crate::kernel::time::Timestamp;
use crate::oidc::address::Address;
use crate::organisation::acting::Party;

/// More than a notice without attachments needs.
pub const MESSAGE_MAX_BYTES: usize = 512 * 1024;
/// Of a batch.
pub const BATCH_MAX: usize = 1000;
pub const BATCH_MAX_BYTES: usize = 16 * 1024 * 1024;
const KEY_MAX_BYTES: usize = 100;
/// Nobody sets a deadline further away.
const DUE_YEARS_MAX: i32 = 10;

/// The three sentences that every notice begins with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Short {
    what: String,
    to_do: String,
    by_when: String,
}

/// One notice, as `POST /api/postbox/v1/messages` takes it. Who sends it, and when, is not for the sender to say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incoming {
    pub recipient: Address,
    kind: Kind,
    legal_basis: LegalBasis,
    #[serde(default)]
    remedy: Option<Remedy>,
    #[serde(default = "basic")]
    level: Level,
    #[serde(default)]
    due_on: Option<String>,
    subject: String,
    #[serde(default)]
    reference: Option<String>,
    short: Short,
    #[serde(default)]
    text: String,
    /// Files that were sent before.
    #[serde(default)]
    pub attachments: Vec<Enclosed>,
    /// Absent if nobody is to answer here.
    #[serde(default)]
    reply: Option<Asked>,
}

const fn basic() -> Level {
    Level::Basic
}

/// One of a batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub idempotency_key: String,
    pub message: serde_json::Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    #[serde(default)]
    pub dry_run: bool,
    pub messages: Vec<Item>,
}

/// What has happened, or might: for computing days without a notice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supposed {
    pub legal_basis: LegalBasis,
    #[serde(default)]
    pub remedy: Option<Remedy>,
    #[serde(with = "time::serde::rfc3339")]
    pub provided_at: time::OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub notified_at: Option<time::OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub opened_at: Option<time::OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub acknowledged_at: Option<time::OffsetDateTime>,
}

/// Days, and with what they were computed.
#[derive(Debug, Serialize)]
pub struct Computed {
    pub rule: Option<&'static str>,
    pub paragraph: Option<&'static str>,
    pub announced_on: Option<String>,
    pub offer_ends_on: Option<String>,
    pub period: Option<&'static str>,
    pub objection_ends_on: Option<String>,
}

impl Supposed {
    /// The same computation as for a notice, with these moments. `None` if no rule holds on that day.
    pub fn compute(&self, land: crate::kernel::holiday::Land) -> Computed {
        let at = |moment: time::OffsetDateTime| Timestamp::from_seconds(moment.unix_timestamp());
        let facts = clock::Facts {
            provided_at: at(self.provided_at),
            notified_at: self.notified_at.map(at),
            retrieved_at: self.opened_at.map(at),
            acknowledged_at: self.acknowledged_at.map(at),
        };
        let rule = clock::rule(self.legal_basis, land, facts.provided_at);
        let announced_on = rule.and_then(|rule| rule.announced_on(&facts, land));
        let period = self.remedy.zip(announced_on).and_then(|(remedy, day)| clock::period(remedy, day));
        let ends_on = period.zip(announced_on).map(|(period, day)| period.ends_on(day, land));
        let text = |day: Option<Date>| day.map(|day| day.to_string());
        Computed {
            rule: rule.map(|rule| rule.name),
            paragraph: rule.map(|rule| rule.paragraph),
            announced_on: text(announced_on),
            offer_ends_on: text(rule.and_then(|rule| rule.offer_ends_on(&facts))),
            period: period.map(|period| period.name),
            objection_ends_on: text(ends_on),
        }
    }
}

/// What a problem code means, for whoever repairs the program that has sent it.
pub fn expected(problem: &str) -> &'static str {
    match problem {
        "missing" => "must not be empty",
        "too_long" => "subject: 200 characters, short: 400 each, reference: 100, text: 65536, labels of a reply: 200",
        "characters" => "no control characters, and none that hide or turn text around",
        "kind_basis" => "a decision needs a legal basis, everything else has NONE",
        "remedy_decision" => "only for a decision",
        "due_day" => "a day like 2026-12-04, not in the past and within ten years",
        "recipient_unknown" => {
            "the subject of somebody who is connected with a service of this authority, or a postbox reference that still counts"
        }
        "idempotency_key" => "1 to 100 visible ASCII characters in the header Idempotency-Key",
        "attachments_many" => "at most 20 files",
        "attachment_twice" => "each file once",
        "attachment" => {
            "the id of a file that this client has sent for this recipient within 24 hours, and that no notice has"
        }
        "seal_pdf" => "only for a PDF",
        "name_long" => "the name of a file: at most 150 characters, and 240 bytes in UTF-8",
        "name_letters" => {
            "a name that every system can store: no control characters, none of / \\ : * ? \" < > |, no point at its beginning"
        }
        "name_type" => "a name that ends in .pdf, .png, .jpg, .jpeg, .txt or .xml",
        "file_empty" => "a file that is not empty",
        "file_type" => "a file of the kind that its name says: PDF, PNG, JPEG, text in UTF-8 or XML",
        "file_end" => "a whole file, with nothing behind its end",
        "file_two" => "a file that is of one kind only",
        "file_active" => "a file that does nothing by itself: no scripts, no programs to start, no page for a browser",
        "file_xml" => "XML in UTF-8 without a document type",
        "excluded" => "this recipient wants decisions of this authority on paper",
        "reply_fields" => "none for a free reply, 1 to 20 for a form",
        "reply_name" => "1 to 40 of a to z and _, each name once",
        "reply_options" => "2 to 20 different ones of 1 to 100 characters for a choice, none for anything else",
        "reply_long" => "all labels and options have at most 5000 characters together",
        _ => "see the description of the interface",
    }
}

/// Checks an idempotency key.
pub fn check_key(key: &str) -> Result<&str, Error> {
    let is_sound = (1..=KEY_MAX_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_sound { Ok(key) } else { Err(Error::field("Idempotency-Key", "idempotency_key")) }
}

impl Incoming {
    /// Everything but the recipient, who is looked up in between. Every problem is told at once.
    pub fn check(&self, now: Timestamp) -> Result<(), Error> {
        let mut problems =
            [self.head_for(["", ""]).check(), self.content().check(), enclose::check(&self.attachments)].concat();
        let mut found = |is_wrong: bool, field: &'static str, problem: &'static str| {
            if is_wrong {
                problems.push(FieldProblem { field, problem });
            }
        };
        found(!self.kind.fits(self.legal_basis), "legal_basis", "kind_basis");
        found(self.remedy.is_some() && self.kind != Kind::Decision, "remedy", "remedy_decision");
        let (today, due) = (clock::day(now), self.due());
        let is_near = |day: Date| day >= today && day.year() <= today.year() + DUE_YEARS_MAX;
        found(self.due_on.is_some() && !due.is_some_and(is_near), "due_on", "due_day");
        let until = self.reply.as_ref().and_then(|asked| asked.until.as_deref());
        found(until.is_some_and(|text| !read_day(text).is_ok_and(is_near)), "reply.until", "due_day");
        if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
    }

    fn due(&self) -> Option<Date> {
        self.due_on.as_deref().and_then(|text| read_day(text).ok())
    }

    fn head_for(&self, sender: [&str; 2]) -> Head {
        let trimmed = |text: &str| text.trim().to_owned();
        Head {
            sender: sender.map(str::to_owned),
            subject: trimmed(&self.subject),
            reference: self.reference.as_deref().map(trimmed),
        }
    }

    fn content(&self) -> Content {
        let trimmed = |text: &str| text.trim().to_owned();
        Content {
            what: trimmed(&self.short.what),
            to_do: trimmed(&self.short.to_do),
            by_when: trimmed(&self.short.by_when),
            text: self.text.replace("\r\n", "\n").trim().to_owned(),
            reply: self.reply.as_ref().map(Asked::trimmed),
        }
    }

    /// SHA-256 of what it delivers with these files, as a receipt names it.
    pub fn content_sha256(&self, files: &[Description]) -> String {
        hex(&content::hash(&self.head_for(["", ""]), &self.content(), files.iter()))
    }

    /// The notice, once it is known for whom it is. The sender's name is the one that the operator has approved.
    pub fn notice(&self, client: &Client, recipient: Party) -> Result<Notice, Error> {
        let delivery = client.postbox.as_ref().ok_or(Error::NotAllowed("postbox"))?;
        Ok(Notice {
            recipient,
            kind: self.kind,
            level: self.level,
            legal_basis: self.legal_basis,
            land: delivery.land,
            remedy: self.remedy,
            due_on: self.due(),
            head: self.head_for([&client.operator.de, &client.operator.en]),
            content: self.content(),
            attachments: self.attachments.clone(),
        })
    }
}
