//! The pages of organisations, one file for each task.

pub mod acting;
pub mod area;
pub mod change;
pub mod desk;
pub mod elsewhere;
pub mod guardian;
pub mod handover;
pub mod invitation;
pub mod leave;
pub mod list;
pub mod machine;
pub mod mandate;
pub mod member;
pub mod new;
pub mod overview;
pub mod protocol;
pub mod prove;
pub mod revoke;
mod rights;
mod rows;
pub mod services;
mod typed;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev};
use futures_util::future::LocalBoxFuture;

use super::area::{Area, list as list_areas};
use super::member::{Inside, Member, Right, note_use};
use crate::account::absence::Absence;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::OrganisationId;
use crate::kernel::level::Level;
use crate::kernel::texts::{Language, Text, moment};
use crate::kernel::time::Timestamp;
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
        self.require_level(right.needs())
    }

    fn require_level(&self, needed: Level) -> Result<(), Error> {
        if self.caller.session.level(self.caller.visitor.app.now()) < needed {
            return Err(Error::LevelTooLow(needed));
        }
        Ok(())
    }

    /// The same for looking at members, invitations, areas and the protocol.
    pub fn look(&self) -> Result<(), Error> {
        if !self.member.may_look() {
            return Err(Error::NotAllowed("organisation_right"));
        }
        self.require_level(self.member.looks_at())
    }

    /// Somebody of this organisation who is about to change something in it.
    pub fn inside(&self) -> Inside<'_> {
        let visitor = &self.caller.visitor;
        Inside {
            organisation: &self.member.organisation.id,
            account: &self.caller.session.account_id,
            request: &visitor.request_id,
        }
    }

    async fn areas(&self) -> Result<Vec<Area>, Error> {
        let app = &self.caller.visitor.app;
        list_areas(&mut app.read().await?, &app.vault, &self.member.organisation.id).await
    }

    /// Until when somebody is away now, for whoever manages members; for nobody else.
    fn away(&self, absence: Option<&Absence>) -> Option<Text> {
        let visitor = &self.caller.visitor;
        let manages = self.member.may_administrate();
        let away = absence.filter(|one| manages && one.covers(visitor.app.now()))?;
        let last = moment::date(visitor.language, Timestamp::midnight_in_germany(away.last));
        Some(visitor.language.texts().absence.until.with("date", last))
    }

    fn head(&self) -> Head {
        let member = &self.member;
        Head {
            id: member.organisation.id.to_string(),
            name: member.organisation.record.name.clone(),
            may_look: member.may_look(),
            may_change: member.may_administrate(),
        }
    }
}

/// What stands above every page about members.
struct Head {
    id: String,
    name: String,
    may_look: bool,
    may_change: bool,
}

/// How services are called on these pages; of one that is unknown by now its id is left.
fn titles(registry: &Registry, language: Language) -> impl Fn(&str) -> String + Send + Sync {
    let registry = registry.clone();
    move |id| registry.known(id).map_or_else(|| id.to_owned(), |(client, _)| client.title(language))
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
            if member.is_use_new() {
                note_use(app, &member).await?;
            }
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
