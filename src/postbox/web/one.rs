//! One notice, without what it says: from whom, its days, what has happened, and what may be done with it. Looking at it opens nothing.

use actix_web::HttpRequest;
use askama::Template;

use super::reply::Answering;
use super::words::DayRow;
use super::{Answer, At, message_of};
use crate::kernel::calendar::days_after;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::texts::{Text, moment};
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Party;
use crate::organisation::mandate::party;
use crate::organisation::roster;
use crate::postbox::attachment;
use crate::postbox::clock::{self, LegalBasis};
use crate::postbox::reply::sent;
use crate::postbox::{Kind, Message};
use crate::store::db::Tx;
use crate::web::page::{Frame, level_name};

/// How many days what has been deleted can be restored.
const DELETED_DAYS: u16 = 30;

struct Step {
    at: String,
    what: String,
    who: String,
    /// Where one reads it.
    path: Option<String>,
}

/// Why somebody cannot open it as they are.
struct Locked {
    text: String,
    /// Whether signing in more strongly would do.
    can_step_up: bool,
}

#[derive(Template)]
#[template(path = "postbox/one.html")]
struct OnePage {
    f: Frame,
    id: String,
    title: String,
    sender: String,
    reference: Option<String>,
    kind: String,
    provided: String,
    days: Vec<DayRow>,
    /// No period runs, and none will.
    no_period: bool,
    is_decision: bool,
    locked: Option<Locked>,
    lapsed: Option<String>,
    /// What opening does, where it may be opened.
    effect: Option<String>,
    reads: bool,
    answer: Option<Answering>,
    acknowledges: bool,
    has_calendar: bool,
    /// Whether there is more to prove than what everybody sees here.
    has_proof: bool,
    keeps: bool,
    archived: Option<String>,
    deleted: Option<String>,
    steps: Vec<Step>,
    /// How many files come with it.
    attachments: Option<String>,
    done: Option<Text>,
}

impl At {
    /// Who has opened or answered it, as the reader may know it.
    pub(super) async fn somebody(&self, tx: &mut Tx, message: &Message, by: &AccountId) -> Result<String, Error> {
        let (vault, t) = (&self.caller.visitor.app.vault, self.words().texts());
        if *by == self.reader.account {
            return Ok(t.who_you.to_string());
        }
        let name = match &message.owner {
            Party::Person(owner) if owner == by => party::name(tx, vault, &message.owner).await?,
            Party::Person(_) => None,
            Party::Organisation(id) => match roster::name_of_account(tx, vault, id, by).await? {
                // Who does not belong to it learns no more than that.
                Some(_) if !self.reader.belongs() => party::name(tx, vault, &message.owner).await?,
                name => name,
            },
        };
        Ok(name.unwrap_or_else(|| t.who_agent.to_string()))
    }

    async fn steps(&self, tx: &mut Tx, message: &Message, sender: &str) -> Result<Vec<Step>, Error> {
        let (t, facts) = (self.words().texts(), &message.facts);
        let opener = match &message.opened_by {
            Some(by) => self.somebody(tx, message, by).await?,
            None => String::new(),
        };
        let all = [
            (Some(facts.provided_at), &t.day_provided, sender),
            (facts.notified_at, &t.step_notified, t.who_account.as_str()),
            (facts.retrieved_at, &t.step_opened, &opener),
            (facts.acknowledged_at, &t.step_acknowledged, ""),
            (message.archived_at, &t.step_archived, ""),
            (message.deleted_at, &t.step_deleted, ""),
        ];
        let step = |(at, what, who): (Option<Timestamp>, &Text, &str)| {
            let shown = moment::date_and_clock(self.words().language(), at?);
            Some((at?, Step { at: shown, what: what.to_string(), who: who.to_owned(), path: None }))
        };
        let mut steps: Vec<(Timestamp, Step)> = all.into_iter().filter_map(step).collect();
        for row in sent::list(tx, &message.id).await? {
            let time = moment::date_and_clock(self.words().language(), row.sent_at);
            let path = Some(format!("/postfach/{}/antwort/{}", message.id, row.id));
            let step = Step {
                what: self.reply_title(&row),
                who: self.somebody(tx, message, &row.written_by).await?,
                path: path.filter(|_| self.reader.opens(message)),
                at: time,
            };
            steps.push((row.sent_at, step));
        }
        steps.sort_by_key(|(at, _)| *at);
        Ok(steps.into_iter().map(|(_, step)| step).collect())
    }

    fn locked(&self, message: &Message) -> Option<Locked> {
        let (t, texts) = (self.words().texts(), self.words().language().texts());
        let can_step_up = self.reader.could_open(message);
        let text = if can_step_up { &t.locked_text } else { &t.locked_mandate };
        let text =
            text.with("level", level_name(texts, message.level)).with("have", level_name(texts, self.reader.level));
        (!self.reader.opens(message)).then(|| Locked { text: text.to_string(), can_step_up })
    }

    /// What has just been done.
    fn done(&self) -> Option<Text> {
        let t = self.words().texts();
        let text = match self.caller.visitor.query().strip_prefix("erledigt=")? {
            "archiv" => &t.done_archived,
            "zurueck" => &t.done_back,
            "geloescht" => &t.done_deleted,
            "bestaetigt" => &t.done_acknowledged,
            "verworfen" => &self.words().reply().done_discarded,
            _ => return None,
        };
        Some(text.clone())
    }
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let (visitor, words, id) = (&at.caller.visitor, at.words(), message_of(&request)?);
    let tx = &mut visitor.app.read().await?;
    let (message, head) = at.find(tx, &id).await?;
    let (t, language, head) = (words.texts(), words.language(), head.as_ref());
    let sender = words.sender(&message, head);
    let steps = at.steps(tx, &message, &sender).await?;
    let attachments = attachment::count(tx, &id).await?;
    let (locked, is_deleted) = (at.locked(&message), message.deleted_at.is_some());
    let lapsed = message.days.offer_ends_on.filter(|_| message.has_lapsed(words.today));
    let is_open = locked.is_none() && lapsed.is_none() && !is_deleted;
    let reads = is_open && !message.is_unread();
    let answer = if reads { at.answer_to(tx, &message).await? } else { None };
    let has_last_day = answer.as_ref().is_some_and(|answer| answer.until.is_some());
    let rule = message.rule.as_deref().and_then(clock::rule_named);
    let waits = message.facts.acknowledged_at.is_none() && rule.is_some_and(|rule| rule.acknowledged);
    let on = |at: Option<Timestamp>| at.map(|at| moment::date(language, at));
    let deleted = |at: Timestamp| {
        let until = moment::date(language, days_after(at, DELETED_DAYS - 1));
        t.in_deleted.with("date", moment::date(language, at)).with("until", until).to_string()
    };
    visitor.page(&OnePage {
        f: visitor.frame(),
        id: id.to_string(),
        title: words.title(&message, head),
        reference: head.and_then(|head| head.reference.clone()),
        kind: words.kind(&message),
        provided: moment::date_and_clock(language, message.facts.provided_at),
        days: words.days(&message),
        no_period: message.legal_basis == LegalBasis::None && message.days.due_on.is_none() && !has_last_day,
        is_decision: message.kind == Kind::Decision,
        lapsed: lapsed.map(|day| t.lapsed.with("date", words.date(day)).to_string()),
        effect: (is_open && message.is_unread()).then(|| words.effect(&message)),
        reads,
        answer,
        acknowledges: reads && waits && at.reader.keeps(&message),
        has_proof: locked.is_none(),
        has_calendar: locked.is_none() && !words.deadlines(&message).is_empty(),
        keeps: at.reader.keeps(&message),
        archived: on(message.archived_at).map(|date| t.in_archive.with("date", date).to_string()),
        deleted: message.deleted_at.map(deleted),
        attachments: (attachments > 0)
            .then(|| language.texts().attachment.count.with("count", attachments).to_string()),
        done: at.done(),
        sender,
        locked,
        steps,
    })
}
