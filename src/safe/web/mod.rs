//! The pages of a safe, one's own or that of whom one acts for. There is no preview: what is in a document runs, if it runs, far from here.

pub mod api;
pub mod ask;
pub mod edit;
pub mod expiring;
pub mod file;
pub mod from_notice;
pub mod list;
pub mod one;
pub mod remove;
pub mod share;
pub mod upload;
mod words;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev};
use futures_util::future::LocalBoxFuture;

use super::keeper::Keeper;
use super::{Document, find};
use crate::kernel::error::Error;
use crate::kernel::id::DocumentId;
use crate::kernel::seal::DataKey;
use crate::store::db::Tx;
use crate::web::caller::SignedIn;

pub type Answer = Result<HttpResponse, Error>;

/// Somebody in front of a safe.
pub struct At {
    pub caller: SignedIn,
    keeper: Keeper,
    /// Of whom they act for.
    party: Option<String>,
}

impl At {
    fn request(&self) -> &str {
        &self.caller.visitor.request_id
    }

    async fn key(&self, tx: &mut Tx) -> Result<DataKey, Error> {
        self.keeper.key(tx, &self.caller.visitor.app.vault).await
    }

    /// A document of which they may read everything.
    async fn find(&self, tx: &mut Tx, id: &DocumentId) -> Result<(Document, DataKey), Error> {
        let key = self.key(tx).await?;
        let document = find(tx, (&self.keeper.owner, &key), id).await?;
        self.keeper.require_opening(&document)?;
        Ok((document, key))
    }

    /// A page of ours again, with what has been done.
    fn back_to(&self, path: &str, done: &str) -> Answer {
        self.caller.visitor.leave(&format!("{path}?erledigt={done}"))
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
            let keeper = Keeper::of(present, caller.session.level(caller.visitor.app.now()))?;
            let party = present.acting.as_ref().map(|acting| acting.name.clone());
            Ok(Self { caller, keeper, party })
        })
    }
}

/// The document that a path names.
fn document_of(request: &HttpRequest) -> Result<DocumentId, Error> {
    request.match_info().get("dokument").and_then(DocumentId::parse).ok_or(Error::NotFound)
}

/// The version that a path names.
fn version_of(request: &HttpRequest) -> Result<i64, Error> {
    let number = request.match_info().get("version").and_then(|text| text.parse::<i64>().ok());
    number.filter(|number| *number > 0).ok_or(Error::NotFound)
}
