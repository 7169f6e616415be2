//! The pages on which people prove who they are, one file for each way.

pub mod case;
pub mod check;
pub mod desk;
pub mod eid;
pub mod guardian;
pub mod letter;
mod recover;
pub mod slip;
mod told;
pub mod upstream;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev};
use futures_util::future::LocalBoxFuture;

use super::office::Officer;
use crate::kernel::error::Error;
use crate::web::caller::SignedIn;

type Answer = Result<HttpResponse, Error>;

/// An officer at a page of the desk: the right to be there as a value.
pub struct AtDesk {
    pub caller: SignedIn,
    pub officer: Officer,
}

impl FromRequest for AtDesk {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let caller = SignedIn::from_request(request, payload);
        Box::pin(async move {
            let caller = caller.await?;
            let (app, id) = (&caller.visitor.app, &caller.visitor.request_id);
            let officer = Officer::of(&mut app.read().await?, &caller.session, app.now(), id).await?;
            Ok(Self { caller, officer })
        })
    }
}
