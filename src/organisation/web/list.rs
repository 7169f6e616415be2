//! The organisations of a person, and the way to register one.

use askama::Template;

use super::Answer;
use crate::kernel::level::Level;
use crate::kernel::texts::moment;
use crate::organisation::{self, Listed};
use crate::web::caller::SignedIn;
use crate::web::page::Frame;

struct ListRow {
    id: String,
    name: String,
    state: String,
    since: String,
}

#[derive(Template)]
#[template(path = "organisation/list.html")]
struct ListPage {
    f: Frame,
    rows: Vec<ListRow>,
    /// Whether somebody has to prove more before they may register one.
    lacks_level: bool,
}

pub async fn show(caller: SignedIn) -> Answer {
    let visitor = &caller.visitor;
    let (app, f) = (&visitor.app, visitor.frame());
    let listed = organisation::of_account(&mut app.read().await?, &app.vault, &caller.session.account_id).await?;
    let row = |one: &Listed| ListRow {
        id: one.id.to_string(),
        name: one.name.clone(),
        state: one.state.label(f.t).to_string(),
        since: moment::date(visitor.language, one.since),
    };
    let rows = listed.iter().map(row).collect();
    let lacks_level = caller.session.level(app.now()) < Level::Substantial;
    visitor.page(&ListPage { rows, lacks_level, f })
}
