//! A reply that has been sent: the copy that stays with whoever has sent it (§ 9a Abs. 4 OZG), and its receipt.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::{Answer, At, message_of};
use super::{About, Line};
use crate::kernel::error::Error;
use crate::kernel::id::ReplyId;
use crate::kernel::texts::moment;
use crate::postbox::reply::asked::Mode;
use crate::postbox::reply::receipt;
use crate::postbox::reply::sent::{self, Sent};
use crate::web::page::Frame;

#[derive(Template)]
#[template(path = "postbox/reply_sent.html")]
struct SentPage {
    f: Frame,
    id: String,
    reply: String,
    title: String,
    about: About,
    sent: String,
    who: String,
    taken: Option<String>,
    label: Option<String>,
    lines: Vec<Line>,
    is_new: bool,
}

fn reply_of(request: &HttpRequest) -> Result<ReplyId, Error> {
    request.match_info().get("antwort").and_then(ReplyId::parse).ok_or(Error::NotFound)
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let (visitor, id, reply) = (&at.caller.visitor, message_of(&request)?, reply_of(&request)?);
    let found = match sent::read(&visitor.app, &at.reader, (&id, &reply)).await {
        Err(Error::LevelTooLow(_)) => return at.back_to(&id, ""),
        found => found?,
    };
    let Sent { message, head, asked, row, written } = found;
    let time = |time| moment::date_and_clock(at.words().language(), time);
    visitor.page(&SentPage {
        f: visitor.frame(),
        id: id.to_string(),
        reply: reply.to_string(),
        title: at.reply_title(&row),
        about: at.about(&message, &head),
        sent: time(row.sent_at),
        who: at.somebody(&mut visitor.app.read().await?, &message, &row.written_by).await?,
        taken: row.taken_at.map(time),
        label: (asked.mode == Mode::Form).then(|| asked.label.clone()),
        lines: at.words().lines(&asked, &written),
        is_new: visitor.query() == "erledigt=gesendet",
    })
}

/// The receipt as a file.
pub async fn receipt(at: At, request: HttpRequest) -> Answer {
    let (visitor, id, reply) = (&at.caller.visitor, message_of(&request)?, reply_of(&request)?);
    let found = match sent::read(&visitor.app, &at.reader, (&id, &reply)).await {
        Err(Error::LevelTooLow(_)) => return at.back_to(&id, ""),
        found => found?,
    };
    let name = format!("attachment; filename=\"nachweis-{reply}.jwt\"");
    Ok(HttpResponse::Ok()
        .content_type("application/jwt")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(receipt::sign(&visitor.app, &found.row)?))
}
