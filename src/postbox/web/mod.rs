//! The postbox over HTTP: the interface for authorities, and the pages of a postbox, one's own or that of whom one acts for.

pub mod act;
pub mod api;
pub mod attachment;
mod calendar;
pub mod deadlines;
pub mod feed;
pub mod list;
pub mod one;
pub mod paper;
pub mod proof;
pub mod replies;
pub mod reply;
pub mod text;
pub mod upload;
mod words;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev};
use futures_util::future::LocalBoxFuture;
use time::Date;

use super::content::Head;
use super::reader::Reader;
use super::{Message, clock};
use crate::kernel::error::Error;
use crate::kernel::id::MessageId;
use crate::store::db::Tx;
use crate::web::caller::SignedIn;
use words::Words;

pub type Answer = Result<HttpResponse, Error>;

/// Somebody in front of a postbox.
pub struct At {
    pub caller: SignedIn,
    reader: Reader,
    /// Of whom they act for.
    party: Option<String>,
}

impl At {
    fn words(&self) -> Words<'_> {
        Words { visitor: &self.caller.visitor, today: self.today() }
    }

    fn today(&self) -> Date {
        clock::day(self.caller.visitor.app.now())
    }

    fn request(&self) -> &str {
        &self.caller.visitor.request_id
    }

    /// One notice, and what the list shows of it if they have signed in well enough.
    async fn find(&self, tx: &mut Tx, id: &MessageId) -> Result<(Message, Option<Head>), Error> {
        let message = self.reader.find(tx, id).await?;
        let head = self.heads(tx, std::slice::from_ref(&message)).await?.pop().flatten();
        Ok((message, head))
    }

    async fn heads(&self, tx: &mut Tx, messages: &[Message]) -> Result<Vec<Option<Head>>, Error> {
        let key = self.reader.key(tx, &self.caller.visitor.app.vault).await?;
        let head = |message: &Message| self.reader.opens(message).then(|| message.head(&key)).transpose();
        messages.iter().map(head).collect()
    }

    /// The page of a notice again, with what has been done. It says, too, where a level is missing.
    fn back_to(&self, id: &MessageId, done: &str) -> Answer {
        let query = if done.is_empty() { String::new() } else { format!("?erledigt={done}") };
        self.caller.visitor.leave(&format!("/postfach/{id}{query}"))
    }
}

impl FromRequest for At {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let caller = SignedIn::from_request(request, payload);
        Box::pin(async move {
            let caller = caller.await?;
            let present = caller.visitor.present().ok_or(Error::NotSignedIn)?;
            let reader = Reader::of(present, caller.session.level(caller.visitor.app.now()))?;
            let party = present.acting.as_ref().map(|acting| acting.name.clone());
            Ok(Self { caller, reader, party })
        })
    }
}

/// The notice that a path names.
fn message_of(request: &HttpRequest) -> Result<MessageId, Error> {
    request.match_info().get("nachricht").and_then(MessageId::parse).ok_or(Error::NotFound)
}
