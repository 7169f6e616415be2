//! What is done with a notice. Each is a form of ours: no link, no look and no fetching ahead does any of it.

use actix_web::HttpRequest;
use askama::Template;

use super::{Answer, At, message_of};
use crate::kernel::error::Error;
use crate::kernel::id::MessageId;
use crate::postbox::opening::{self, Outcome};
use crate::postbox::{Message, Shelf};
use crate::web::form::Form;
use crate::web::page::Frame;

/// Opens it: from here on it counts as retrieved.
pub async fn open(at: At, request: HttpRequest, _form: Form) -> Answer {
    let id = message_of(&request)?;
    match opening::open(&at.caller.visitor.app, &at.reader, &id, at.request()).await {
        Ok(Outcome::Open) => at.caller.visitor.leave(&format!("/postfach/{id}/text")),
        Ok(Outcome::Lapsed) | Err(Error::LevelTooLow(_)) => at.back_to(&id, ""),
        Err(error) => Err(error),
    }
}

pub async fn acknowledge(at: At, request: HttpRequest, _form: Form) -> Answer {
    let id = message_of(&request)?;
    match opening::acknowledge(&at.caller.visitor.app, &at.reader, &id, at.request()).await {
        Ok(()) => at.back_to(&id, "bestaetigt"),
        Err(Error::LevelTooLow(_)) => at.back_to(&id, ""),
        Err(error) => Err(error),
    }
}

async fn put_on(at: &At, id: &MessageId, shelf: Shelf, done: &str) -> Answer {
    opening::put_on(&at.caller.visitor.app, &at.reader, (id, shelf), at.request()).await?;
    at.back_to(id, done)
}

pub async fn archive(at: At, request: HttpRequest, _form: Form) -> Answer {
    put_on(&at, &message_of(&request)?, Shelf::Archived, "archiv").await
}

/// Into the inbox, from wherever it lies.
pub async fn put_back(at: At, request: HttpRequest, _form: Form) -> Answer {
    put_on(&at, &message_of(&request)?, Shelf::Open, "zurueck").await
}

pub async fn delete(at: At, request: HttpRequest, _form: Form) -> Answer {
    put_on(&at, &message_of(&request)?, Shelf::Deleted, "geloescht").await
}

#[derive(Template)]
#[template(path = "postbox/delete.html")]
struct DeletePage {
    f: Frame,
    id: String,
    title: String,
    sender: String,
    /// The last day for which it may be needed.
    running: Option<String>,
    unread: bool,
}

pub async fn confirm_delete(at: At, request: HttpRequest) -> Answer {
    let (visitor, words, id) = (&at.caller.visitor, at.words(), message_of(&request)?);
    let (message, head): (Message, _) = at.find(&mut visitor.app.read().await?, &id).await?;
    at.reader.require_keeping(&message)?;
    let running = words.deadlines(&message).last().map(|deadline| words.date(deadline.day));
    visitor.page(&DeletePage {
        f: visitor.frame(),
        id: id.to_string(),
        title: words.title(&message, head.as_ref()),
        sender: words.sender(&message, head.as_ref()),
        running,
        unread: message.is_unread(),
    })
}
