//! The page that shows a reply as it will be sent, with the warning against haste (§ 9a Abs. 2 and 3 OZG), and the press that sends it.

use actix_web::HttpRequest;
use askama::Template;

use super::super::{Answer, At, message_of};
use super::{About, Line};
use crate::kernel::error::Error;
use crate::kernel::id::ReplyId;
use crate::postbox::reply::asked::Mode;
use crate::postbox::reply::write::{self, Outcome};
use crate::web::form::Form;
use crate::web::page::Frame;

#[derive(Template)]
#[template(path = "postbox/reply_check.html")]
struct CheckPage {
    f: Frame,
    id: String,
    /// What this page shows: it, and nothing else, is what its button sends.
    reply: String,
    about: About,
    label: Option<String>,
    lines: Vec<Line>,
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let (visitor, id) = (&at.caller.visitor, message_of(&request)?);
    let desk = match write::look(&visitor.app, &at.reader, &id).await {
        Err(Error::LevelTooLow(_)) => return at.back_to(&id, ""),
        desk => desk?,
    };
    let written = desk.written().filter(|_| desk.closed.is_none());
    // The page to write on says what is missing, or that nothing is taken any more.
    let Some((draft, written)) = written else { return visitor.leave(&format!("/postfach/{id}/antwort")) };
    visitor.page(&CheckPage {
        f: visitor.frame(),
        id: id.to_string(),
        reply: draft.id.to_string(),
        about: at.about(&desk.message, &desk.head),
        label: (desk.asked.mode == Mode::Form).then(|| desk.asked.label.clone()),
        lines: at.words().lines(&desk.asked, &written),
    })
}

pub async fn submit(at: At, request: HttpRequest, form: Form) -> Answer {
    let (visitor, id) = (&at.caller.visitor, message_of(&request)?);
    let outcome = match ReplyId::parse(form.get("antwort")) {
        Some(reply) => write::send(&visitor.app, &at.reader, (&id, &reply), at.request()).await,
        // So that what is not there is answered like that, whatever was sent.
        None => write::look(&visitor.app, &at.reader, &id).await.map(|_| Outcome::Changed),
    };
    let next = match outcome {
        Ok(Outcome::Sent(reply)) => format!("/{reply}?erledigt=gesendet"),
        Ok(Outcome::Changed) => "/pruefen".to_owned(),
        Ok(Outcome::Closed) => String::new(),
        Err(Error::LevelTooLow(_)) => return at.back_to(&id, ""),
        Err(error) => return Err(error),
    };
    visitor.leave(&format!("/postfach/{id}/antwort{next}"))
}
