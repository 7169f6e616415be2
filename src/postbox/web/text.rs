//! What a notice says, for whoever may read it, once it has been opened. It prints without anything around it.

use actix_web::HttpRequest;
use askama::Template;

use super::attachment::{Row, rows};
use super::reply::Answering;
use super::words::DayRow;
use super::{Answer, At, message_of};
use crate::kernel::texts::moment;
use crate::organisation::acting::Present;
use crate::postbox::content::Content;
use crate::postbox::opening::{self, Opened};
use crate::postbox::{Kind, Message};
use crate::web::page::Frame;

#[derive(Template)]
#[template(path = "postbox/text.html")]
struct TextPage {
    f: Frame,
    id: String,
    title: String,
    sender: String,
    reference: Option<String>,
    provided: String,
    opened: Option<String>,
    days: Vec<DayRow>,
    is_decision: bool,
    content: Content,
    /// Paragraphs, and their lines.
    paragraphs: Vec<Vec<String>>,
    attachments: Vec<Row>,
    /// Whether they may put it into the safe.
    copies: bool,
    /// Where it is answered, if that can be.
    answer: Option<Answering>,
}

/// An empty line begins a paragraph.
pub(super) fn paragraphs(text: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for line in text.lines() {
        if line.trim().is_empty() {
            all.push(Vec::new());
        } else if let Some(last) = all.last_mut() {
            last.push(line.to_owned());
        }
    }
    all.retain(|lines| !lines.is_empty());
    all
}

fn keeps_documents(present: &Present) -> bool {
    present.acting.as_ref().is_none_or(|acting| acting.power.keeps_documents())
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let (visitor, words, id) = (&at.caller.visitor, at.words(), message_of(&request)?);
    let message: Message = at.reader.find(&mut visitor.app.read().await?, &id).await?;
    if message.is_unread() || !at.reader.opens(&message) {
        // The page of the notice says how it is opened.
        return at.back_to(&id, "");
    }
    let Opened { message, head, content, attachments } = opening::read(&visitor.app, &at.reader, &id).await?;
    let answer = at.answering(&mut visitor.app.read().await?, (&message, &content)).await?;
    let time = message.facts.retrieved_at.map(|at| moment::date_and_clock(words.language(), at));
    visitor.page(&TextPage {
        f: visitor.frame(),
        id: id.to_string(),
        title: words.title(&message, Some(&head)),
        sender: words.sender(&message, Some(&head)),
        reference: head.reference.clone(),
        provided: moment::date_and_clock(words.language(), message.facts.provided_at),
        opened: time.map(|time| words.texts().first_opened.with("time", time).to_string()),
        days: words.days(&message),
        is_decision: message.kind == Kind::Decision,
        paragraphs: paragraphs(&content.text),
        copies: visitor.present().is_some_and(keeps_documents),
        answer,
        content,
        attachments: rows(&words, attachments),
    })
}

#[cfg(test)]
mod tests {
    use super::paragraphs;

    #[test]
    fn an_empty_line_begins_a_paragraph() {
        assert_eq!(paragraphs("a\nb\n\n \nc"), [vec!["a", "b"], vec!["c"]]);
        assert!(paragraphs("").is_empty());
    }
}
