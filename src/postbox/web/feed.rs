//! The days of one's own postbox in one's own calendar: the page of the private address, and what the calendar fetches there.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::calendar::{self, Entry};
use super::words::deadlines;
use super::{Answer, At};
use crate::account;
use crate::kernel::error::Error;
use crate::kernel::secret::{hex, sha256};
use crate::kernel::texts::{Text, moment};
use crate::kernel::time::Timestamp;
use crate::postbox::{Message, clock, feed};
use crate::signin::attempts;
use crate::web::caller::Visitor;
use crate::web::form::Form;
use crate::web::page::Frame;

#[derive(Template)]
#[template(path = "postbox/feed.html")]
struct FeedPage {
    f: Frame,
    /// Since when there is an address.
    since: Option<String>,
    /// The address, only when it has just been made.
    address: Option<String>,
    done: Option<Text>,
}

impl At {
    /// Only for one's own postbox: what somebody does for others is in no calendar of theirs.
    fn require_own(&self) -> Result<(), Error> {
        if self.reader.power().is_none() { Ok(()) } else { Err(Error::NotAllowed("calendar")) }
    }
}

async fn page(at: &At, address: Option<String>) -> Answer {
    let visitor = &at.caller.visitor;
    let made_at = feed::made_at(&mut visitor.app.read().await?, &at.reader.account).await?;
    let ended = visitor.query() == "erledigt=beendet";
    visitor.page(&FeedPage {
        f: visitor.frame(),
        since: made_at.map(|made_at| moment::date_and_clock(visitor.language, made_at)),
        address,
        done: ended.then(|| visitor.language.texts().feed.done_ended.clone()),
    })
}

pub async fn show(at: At) -> Answer {
    at.require_own()?;
    page(&at, None).await
}

/// Makes, renews and ends it. A new address is shown on the very answer, and never again.
pub async fn submit(at: At, form: Form) -> Answer {
    at.require_own()?;
    let (app, account) = (&at.caller.visitor.app, &at.reader.account);
    match form.get("aktion") {
        "anlegen" => {
            let secret = feed::make(app, account, at.request()).await?;
            let address = format!("{}/kalender/{}.ics", app.config.issuer, secret.expose());
            page(&at, Some(address)).await
        }
        "beenden" => {
            feed::end(app, account, at.request()).await?;
            at.caller.visitor.leave("/postfach/kalender?erledigt=beendet")
        }
        _ => Err(Error::NotFound),
    }
}

/// What a calendar fetches. Whoever does not know an address learns nothing, and is slowed down.
pub async fn file(visitor: Visitor, request: HttpRequest) -> Answer {
    let (app, secret) = (&visitor.app, request.match_info().get("geheimnis").unwrap_or_default());
    let owner = feed::owner(&mut app.read().await?, secret).await?;
    let known = owner.as_ref().map(|_| secret);
    attempts::count_at_once(app, attempts::of_calendar(app, known, &visitor.network())).await?;
    let owner = owner.ok_or(Error::NotFound)?;
    let today = clock::day(app.now());
    let tx = &mut app.read().await?;
    let account = account::load(tx, &app.vault, &owner).await?;
    let messages = feed::running(tx, &owner, today).await?;
    let body = written(&visitor, (&account, &messages), Timestamp::midnight_in_germany(today));
    let tag = format!("\"{}\"", hex(&sha256(body.as_bytes())[..16]));
    let is_known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
        .content_type("text/calendar; charset=utf-8");
    Ok(if is_known { response.finish() } else { response.body(body) })
}

fn written(visitor: &Visitor, (account, messages): (&account::Account, &[Message]), midnight: Timestamp) -> String {
    let (t, issuer) = (&account.language.texts().postbox, &visitor.app.config.issuer);
    let host = calendar::host(issuer);
    let texts: Vec<String> = messages
        .iter()
        .map(|message| t.calendar_text.with("address", format!("{issuer}/postfach/{}", message.id)).to_string())
        .collect();
    let mut entries = Vec::new();
    for (message, text) in messages.iter().zip(&texts) {
        for (number, deadline) in deadlines(t, message, clock::day(midnight)).into_iter().enumerate() {
            let uid = format!("{}-{number}@{host}", message.id);
            entries.push(Entry { uid, day: deadline.day, title: t.calendar_title.as_str(), text });
        }
    }
    calendar::file(&entries, midnight)
}
