//! What a notice has brought, into the safe: asked once.

use actix_web::HttpRequest;
use askama::Template;

use super::words::Outcome;
use super::{Answer, At};
use crate::kernel::error::Error;
use crate::kernel::id::MessageId;
use crate::postbox::reader::Reader;
use crate::safe::from_notice::{self, Item, Offer};
use crate::safe::take::Taken;
use crate::web::file::{kind_label, size};
use crate::web::form::Form;
use crate::web::page::Frame;

struct Row {
    name: String,
    facts: String,
    is_known: bool,
}

#[derive(Template)]
#[template(path = "safe/from_notice.html")]
struct FromNoticePage {
    f: Frame,
    id: String,
    title: String,
    party: Option<String>,
    is_kept: bool,
    storage: String,
    rows: Vec<Row>,
    /// Whether something is left to be copied.
    is_open: bool,
    /// What has become of each, once that has been done.
    taken: Vec<Outcome>,
    refused: Vec<Outcome>,
}

fn message_of(request: &HttpRequest) -> Result<MessageId, Error> {
    request.match_info().get("nachricht").and_then(MessageId::parse).ok_or(Error::NotFound)
}

impl At {
    fn reader(&self) -> Result<Reader, Error> {
        let present = self.caller.visitor.present().ok_or(Error::NotSignedIn)?;
        Reader::of(present, self.caller.session.level(self.caller.visitor.app.now()))
    }

    async fn notice_page(&self, offer: &Offer, taken: Vec<Taken>) -> Result<FromNoticePage, Error> {
        let (visitor, t) = (&self.caller.visitor, &self.texts().attachment);
        let row = |item: &Item| Row {
            name: item.name.clone(),
            facts: format!("{}, {}", kind_label(t, item.kind), size(t, self.language(), item.bytes)),
            is_known: item.is_known,
        };
        let (is_kept, is_asked) = (visitor.app.objects.are_kept(), taken.is_empty());
        let named = offer.items.iter().map(|item| item.name.clone()).zip(taken).collect();
        let (taken, refused) = self.outcomes(named);
        Ok(FromNoticePage {
            f: visitor.frame(),
            id: offer.message.id.to_string(),
            title: offer.head.subject.clone(),
            party: self.party.clone(),
            is_kept,
            storage: self.storage(&mut visitor.app.read().await?).await?,
            rows: offer.items.iter().map(row).collect(),
            is_open: is_kept && is_asked && offer.items.iter().any(|item| !item.is_known),
            taken,
            refused,
        })
    }
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let (visitor, reader, id) = (&at.caller.visitor, at.reader()?, message_of(&request)?);
    let offer = from_notice::look(&visitor.app, (&at.keeper, &reader), &id, at.language()).await?;
    visitor.page(&at.notice_page(&offer, Vec::new()).await?)
}

pub async fn submit(at: At, request: HttpRequest, _form: Form) -> Answer {
    let (visitor, reader, id) = (&at.caller.visitor, at.reader()?, message_of(&request)?);
    let keeper = (&at.keeper, &reader);
    let offer = from_notice::look(&visitor.app, keeper, &id, at.language()).await?;
    let taken = from_notice::put(&visitor.app, keeper, &offer, at.request()).await?;
    let page = at.notice_page(&offer, taken).await?;
    if page.refused.is_empty() { visitor.page(&page) } else { visitor.page_again(&page) }
}
