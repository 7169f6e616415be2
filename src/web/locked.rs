//! The page of an account that the operator has locked.

use actix_web::HttpResponse;
use askama::Template;

use super::caller::Visitor;
use super::page::Frame;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::texts::moment;

#[derive(Template)]
#[template(path = "signin/locked.html")]
struct LockedPage {
    f: Frame,
    since: String,
    reason: String,
}

/// For somebody who has proven that it is theirs; nobody else learns that the account is locked.
pub async fn locked(visitor: &Visitor, account: &AccountId) -> Result<HttpResponse, Error> {
    metrics::counter!("nutzerkonto_signins_total", "result" => "locked").increment(1);
    let events =
        audit::of_kinds(&mut visitor.app.read().await?, account.as_str(), &["account.locked"], None, 1).await?;
    let event = events.into_iter().next().ok_or_else(|| Error::broken("a locked account without its event"))?;
    let since = moment::date_and_clock(visitor.language, event.at);
    visitor.page_refused(&LockedPage { f: visitor.frame(), since, reason: event.reason.unwrap_or_default() })
}
