//! What somebody has given, what they hold, and what waits for an answer.

use actix_web::web;
use askama::Template;

use super::{Answer, At, Head};
use crate::kernel::ROWS_PER_PAGE;
use crate::kernel::id::MandateId;
use crate::organisation::mandate::lists::{self, Listed};
use crate::web::page::Frame;

#[derive(serde::Deserialize)]
pub struct Cursor {
    #[serde(default)]
    erteilt: String,
    #[serde(default)]
    erhalten: String,
    #[serde(default)]
    fragen: String,
    #[serde(default)]
    offen: String,
}

pub struct Row {
    id: String,
    other: String,
    actions: String,
    services: String,
    until: String,
    standing: String,
}

#[derive(Template)]
#[template(path = "mandate/list.html")]
struct ListPage {
    f: Frame,
    o: Head,
    /// A table was sent.
    done: bool,
    /// Under which others name this party.
    number: String,
    /// What somebody else waits for, and what one waits for oneself.
    to_answer: Vec<Row>,
    waiting: Vec<Row>,
    granted: Vec<Row>,
    held: Vec<Row>,
    to_answer_next: Option<String>,
    waiting_next: Option<String>,
    granted_next: Option<String>,
    held_next: Option<String>,
}

fn row(at: &At, listed: &Listed) -> Row {
    let (words, terms) = (at.words(), &listed.mandate.terms);
    let services = words.services(&terms.scope);
    Row {
        id: listed.mandate.id.to_string(),
        other: listed.other.clone().unwrap_or_else(|| words.texts().unknown.to_string()),
        actions: words.actions(&terms.scope),
        services: if services.len() > 3 {
            words.texts().services_count.with("count", services.len()).to_string()
        } else {
            services.join(", ")
        },
        until: words.until(terms),
        standing: words.standing(&listed.mandate),
    }
}

fn next(listed: &[Listed]) -> Option<String> {
    listed.last().filter(|_| listed.len() as i64 == ROWS_PER_PAGE).map(|last| last.mandate.id.to_string())
}

pub async fn show(at: At, cursor: web::Query<Cursor>) -> Answer {
    at.look()?;
    let (visitor, party) = (&at.caller.visitor, at.party());
    let (app, vault) = (&visitor.app, &visitor.app.vault);
    let tx = &mut app.read().await?;
    let granted = lists::granted(tx, vault, &party, MandateId::parse(&cursor.erteilt).as_ref()).await?;
    let held = lists::held(tx, vault, &party, MandateId::parse(&cursor.erhalten).as_ref()).await?;
    let (asked, sent) = (MandateId::parse(&cursor.fragen), MandateId::parse(&cursor.offen));
    let to_answer = lists::to_answer(tx, vault, &party, (asked.as_ref(), app.now())).await?;
    let waiting = lists::waiting(tx, vault, &party, (sent.as_ref(), app.now())).await?;
    let rows = |listed: &[Listed]| listed.iter().map(|one| row(&at, one)).collect::<Vec<_>>();
    let page = ListPage {
        f: visitor.frame(),
        o: at.head(),
        done: visitor.query() == "erledigt=angefragt",
        number: party.as_str().to_owned(),
        to_answer_next: next(&to_answer),
        waiting_next: next(&waiting),
        to_answer: rows(&to_answer),
        waiting: rows(&waiting),
        granted_next: next(&granted),
        held_next: next(&held),
        granted: rows(&granted),
        held: rows(&held),
    };
    visitor.page(&page)
}
