//! What expires, in the order of the days.

use actix_web::web;
use askama::Template;

use super::{Answer, At};
use crate::kernel::ROWS_PER_PAGE;
use crate::kernel::calendar::read_day;
use crate::kernel::id::DocumentId;
use crate::safe::Document;
use crate::web::page::Frame;

#[derive(serde::Deserialize)]
pub struct Filter {
    #[serde(default)]
    seite: String,
}

struct Row {
    id: String,
    name: String,
    date: String,
    is_over: bool,
}

#[derive(Template)]
#[template(path = "safe/expiring.html")]
struct ExpiringPage {
    f: Frame,
    party: Option<String>,
    rows: Vec<Row>,
    next: Option<String>,
}

/// Where the next page begins: after that day and document.
fn place(document: &Document) -> Option<String> {
    document.expires_on.map(|day| format!("{day}.{}", document.id))
}

pub async fn show(at: At, filter: web::Query<Filter>) -> Answer {
    let visitor = &at.caller.visitor;
    let after = filter.seite.split_once('.');
    let after = after.and_then(|(day, id)| Some((read_day(day).ok()?, DocumentId::parse(id)?)));
    let tx = &mut visitor.app.read().await?;
    let key = at.key(tx).await?;
    let place_after = after.as_ref().map(|(day, id)| (*day, id));
    let found = at.keeper.expiring(tx, &key, place_after, ROWS_PER_PAGE).await?;
    let is_full = found.len() as i64 == ROWS_PER_PAGE;
    let row = |document: &Document| {
        let day = document.expires_on?;
        let (id, name) = (document.id.to_string(), at.title(document));
        Some(Row { id, name, date: at.day(day), is_over: day < at.today() })
    };
    visitor.page(&ExpiringPage {
        f: visitor.frame(),
        party: at.party.clone(),
        rows: found.iter().filter_map(row).collect(),
        next: found.last().filter(|_| is_full).and_then(place),
    })
}
