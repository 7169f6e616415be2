//! The pages of organisations, one file for each task.

pub mod acting;
pub mod change;
pub mod leave;
pub mod list;
pub mod new;
pub mod overview;
pub mod prove;
pub mod revoke;
mod rows;
pub mod services;
mod typed;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev};
use futures_util::future::LocalBoxFuture;

use super::member::{Member, Right};
use crate::kernel::error::Error;
use crate::kernel::id::OrganisationId;
use crate::web::caller::SignedIn;
use crate::web::form::Form;

pub type Answer = Result<HttpResponse, Error>;

/// A member at a page of their organisation: the right to be there as a value. Everybody else finds nothing there.
pub struct AtOrganisation {
    pub caller: SignedIn,
    pub member: Member,
}

impl AtOrganisation {
    /// `NotAllowed` without the right, `LevelTooLow` for a session that is not strong enough for what it is about to do.
    pub fn require(&self, right: &Right) -> Result<(), Error> {
        self.member.require(right)?;
        let needed = right.needs();
        if self.caller.session.level(self.caller.visitor.app.now()) < needed {
            return Err(Error::LevelTooLow(needed));
        }
        Ok(())
    }
}

impl FromRequest for AtOrganisation {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(OrganisationId::parse);
        let caller = SignedIn::from_request(request, payload);
        Box::pin(async move {
            let caller = caller.await?;
            let id = id.ok_or(Error::NotFound)?;
            let app = &caller.visitor.app;
            let whose = (&id, &caller.session.account_id);
            let member = Member::of(&mut app.read().await?, &app.vault, whose, app.now()).await?;
            Ok(Self { caller, member })
        })
    }
}

/// A form that a member has sent. It is read, and believed to come from a page of ours, before anything is said of the
/// organisation.
pub struct Sent {
    pub at: AtOrganisation,
    pub form: Form,
}

impl FromRequest for Sent {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (form, request) = (Form::from_request(request, payload), request.clone());
        Box::pin(async move {
            let form = form.await?;
            let at = AtOrganisation::from_request(&request, &mut dev::Payload::None).await?;
            Ok(Self { at, form })
        })
    }
}
