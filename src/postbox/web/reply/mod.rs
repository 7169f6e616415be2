//! Answering a notice: the page on which one writes, the one on which one checks, and what was sent.

pub mod check;
pub mod form;
pub mod sent;

use serde_json::Value;
use time::Date;

use super::At;
use super::text::paragraphs;
use super::words::Words;
use crate::kernel::calendar::read_day;
use crate::kernel::error::Error;
use crate::kernel::texts::moment;
use crate::postbox::Message;
use crate::postbox::content::{Content, Head};
use crate::postbox::reply::REPLIES_MAX;
use crate::postbox::reply::asked::{Asked, Field, Kind};
use crate::postbox::reply::sent::ReplyRow;
use crate::postbox::reply::write::{self, Closed};
use crate::postbox::reply::written::Written;
use crate::store::db::Tx;

/// What the page of a notice says of answering it.
pub struct Answering {
    /// What the authority asks.
    pub label: String,
    pub until: Option<String>,
    pub is_open: bool,
    pub link: String,
}

/// Whom a reply goes to, and about what.
pub struct About {
    pub to: String,
    pub subject: String,
    pub reference: Option<String>,
    /// For whom somebody writes.
    pub party: Option<String>,
}

/// One field of a reply, to read.
pub struct Line {
    pub label: String,
    /// Paragraphs, and their lines.
    pub value: Vec<Vec<String>>,
}

impl At {
    /// The same of a notice that has not been opened up yet.
    pub(super) async fn answer_to(&self, tx: &mut Tx, message: &Message) -> Result<Option<Answering>, Error> {
        let key = self.reader.key(tx, &self.caller.visitor.app.vault).await?;
        let content = message.content(&key)?;
        self.answering(tx, (message, &content)).await
    }

    /// For whoever may answer a notice that asks for it.
    pub(super) async fn answering(
        &self,
        tx: &mut Tx,
        (message, content): (&Message, &Content),
    ) -> Result<Option<Answering>, Error> {
        let may = self.reader.keeps(message) && message.deleted_at.is_none();
        let Some(asked) = content.reply.as_ref().filter(|_| may) else { return Ok(None) };
        let (words, now) = (self.words(), self.caller.visitor.app.now());
        let closed = write::closed(tx, (&message.id, asked), now).await?;
        let t = words.reply();
        let link =
            if write::has_draft(tx, &self.reader, &message.id, now).await? { &t.answer_draft } else { &t.answer };
        Ok(Some(Answering {
            label: asked.label.clone(),
            until: words.answered_until(asked, closed),
            is_open: closed.is_none(),
            link: link.to_string(),
        }))
    }

    fn about(&self, message: &Message, head: &Head) -> About {
        let words = self.words();
        About {
            to: words.sender(message, Some(head)),
            subject: head.subject.clone(),
            reference: head.reference.clone(),
            party: self.party.as_ref().map(|party| words.reply().for_party.with("party", party).to_string()),
        }
    }

    pub(super) fn reply_title(&self, row: &ReplyRow) -> String {
        let t = self.words().reply();
        let title = if row.written_by == self.reader.account { &t.sent_title_yours } else { &t.sent_title };
        title.with("time", moment::date_and_clock(self.words().language(), row.sent_at)).to_string()
    }
}

impl Words<'_> {
    /// Until when it can be answered, or why not any more.
    fn answered_until(&self, asked: &Asked, closed: Option<Closed>) -> Option<String> {
        let t = self.reply();
        let dated = |day: Date| self.date(day);
        match closed {
            Some(Closed::Enough) => Some(t.enough.with("count", REPLIES_MAX).to_string()),
            Some(Closed::Over) => asked.last_day().map(|day| t.over.with("date", dated(day)).to_string()),
            None => asked.last_day().map(|day| t.until.with("date", dated(day)).to_string()),
        }
    }

    /// What a reply says, in the order in which it was asked.
    fn lines(&self, asked: &Asked, written: &Written) -> Vec<Line> {
        let line = |field: &Field| Line {
            label: field.label.clone(),
            value: paragraphs(&self.value(field, &written.value(&field.name))),
        };
        asked.fields().iter().map(line).collect()
    }

    fn value(&self, field: &Field, value: &Value) -> String {
        let t = self.reply();
        match value {
            Value::Bool(true) => t.yes.to_string(),
            Value::Bool(false) => t.no.to_string(),
            Value::String(text) if field.kind == Kind::Date => {
                read_day(text).map_or_else(|_| text.clone(), |day| self.date(day))
            }
            Value::String(text) => text.clone(),
            _ => t.nothing.to_string(),
        }
    }
}
