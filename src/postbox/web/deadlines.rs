//! Until when what can be done, for all notices at once, and for one as a file for a calendar.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::calendar::{self, Entry};
use super::words::Deadline;
use super::{Answer, At, message_of};
use crate::kernel::error::Error;
use crate::web::page::Frame;

struct Row {
    id: String,
    title: String,
    sender: String,
    what: String,
    date: String,
    left: String,
}

#[derive(Template)]
#[template(path = "postbox/deadlines.html")]
struct DeadlinesPage {
    f: Frame,
    party: Option<String>,
    rows: Vec<Row>,
}

pub async fn show(at: At) -> Answer {
    let (visitor, words) = (&at.caller.visitor, at.words());
    let tx = &mut visitor.app.read().await?;
    let messages = at.reader.running(tx, words.today).await?;
    let heads = at.heads(tx, &messages).await?;
    let mut found = Vec::new();
    for (message, head) in messages.iter().zip(&heads) {
        for Deadline { day, what } in words.deadlines(message) {
            let row = Row {
                id: message.id.to_string(),
                title: words.title(message, head.as_ref()),
                sender: words.sender(message, head.as_ref()),
                what: what.to_string(),
                date: words.date(day),
                left: words.left(day).unwrap_or_default(),
            };
            found.push((day, row));
        }
    }
    found.sort_by_key(|(day, _)| *day);
    let rows = found.into_iter().map(|(_, row)| row).collect();
    visitor.page(&DeadlinesPage { f: visitor.frame(), party: at.party.clone(), rows })
}

/// The periods of one notice that run. It names neither the authority nor the subject: calendars are read by others.
pub async fn calendar(at: At, request: HttpRequest) -> Answer {
    let (visitor, words, id) = (&at.caller.visitor, at.words(), message_of(&request)?);
    let message = at.reader.find(&mut visitor.app.read().await?, &id).await?;
    let deadlines = words.deadlines(&message);
    if deadlines.is_empty() || !at.reader.opens(&message) {
        return Err(Error::NotFound);
    }
    let (t, app) = (words.texts(), &visitor.app);
    let address = format!("{}/postfach/{id}", app.config.issuer);
    let text = t.calendar_text.with("address", &address).to_string();
    let host = calendar::host(&app.config.issuer);
    let entry = |(number, deadline): (usize, &Deadline)| Entry {
        uid: format!("{id}-{number}@{host}"),
        day: deadline.day,
        title: t.calendar_title.as_str(),
        text: &text,
    };
    let entries: Vec<Entry<'_>> = deadlines.iter().enumerate().map(entry).collect();
    Ok(HttpResponse::Ok()
        .content_type("text/calendar; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"frist.ics\""))
        .body(calendar::file(&entries, app.now())))
}
