//! The pages of mandates: of a person, and the same of an organisation below its address.

pub mod deed;
pub mod form;
pub mod import;
pub mod list;
pub mod one;
pub mod worklist;

use std::collections::BTreeMap;

use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::future::LocalBoxFuture;

use super::{Answer, AtOrganisation, titles};
use crate::kernel::error::Error;
use crate::kernel::id::{AuthorityId, ClientId, MandateId};
use crate::kernel::texts::{MandateTexts, Text, moment};
use crate::organisation::acting::Party;
use crate::organisation::invitation::last_day;
use crate::organisation::mandate::guardian;
use crate::organisation::mandate::party::{NEEDS, Side};
use crate::organisation::mandate::{Action, Mandate, Scope, Services, Standing, State, Terms};
use crate::organisation::member::{Member, Right};
use crate::web::caller::{SignedIn, Visitor};
use crate::web::form::Form;

/// Somebody at the pages of their own mandates, or of an organisation that they belong to and that the path names.
pub struct At {
    pub caller: SignedIn,
    member: Option<Member>,
}

impl At {
    /// Where these pages begin.
    fn base(&self) -> String {
        match &self.member {
            Some(member) => format!("/organisation/{}/vollmachten", member.organisation.id),
            None => "/vollmachten".to_owned(),
        }
    }

    fn side(&self) -> Side<'_> {
        let (account, request) = (&self.caller.session.account_id, self.caller.visitor.request_id.as_str());
        match &self.member {
            Some(member) => Side::Organisation(crate::organisation::member::Inside {
                organisation: &member.organisation.id,
                account,
                request,
            }),
            None => Side::Own { account, request },
        }
    }

    fn party(&self) -> Party {
        self.side().party()
    }

    fn require_level(&self) -> Result<(), Error> {
        let is_enough = self.caller.session.level(self.caller.visitor.app.now()) >= NEEDS;
        if is_enough { Ok(()) } else { Err(Error::LevelTooLow(NEEDS)) }
    }

    /// What one may look at: one's own, or as somebody who may look at what the organisation does.
    fn look(&self) -> Result<(), Error> {
        match &self.member {
            Some(member) if !member.may_look() => Err(Error::NotAllowed("organisation_right")),
            Some(_) => self.require_level(),
            None => Ok(()),
        }
    }

    /// Whether one may change anything, and ends what one does not want.
    fn require_right(&self) -> Result<(), Error> {
        match &self.member {
            Some(member) => member.require(&Right::Representation).and_then(|()| self.require_level()),
            None => Ok(()),
        }
    }

    /// Whether one may give and take: that needs a level, too.
    fn require(&self) -> Result<(), Error> {
        self.require_right()?;
        self.require_level()
    }

    fn may_change(&self) -> bool {
        self.member.as_ref().is_none_or(|member| member.may(&Right::Representation))
    }

    fn head(&self) -> Head {
        Head {
            base: self.base(),
            organisation: self.member.as_ref().map(|member| member.organisation.record.name.clone()),
            back: self.member.as_ref().map(|member| format!("/organisation/{}", member.organisation.id)),
            may_change: self.may_change(),
        }
    }

    fn words(&self) -> Words<'_> {
        Words { at: self }
    }
}

impl FromRequest for At {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        if request.match_info().get("id").is_some() {
            let at = AtOrganisation::from_request(request, payload);
            Box::pin(async move {
                let AtOrganisation { caller, member } = at.await?;
                Ok(Self { caller, member: Some(member) })
            })
        } else {
            let caller = SignedIn::from_request(request, payload);
            Box::pin(async move { Ok(Self { caller: caller.await?, member: None }) })
        }
    }
}

/// A form sent from one of these pages: read, and believed, before anything is said of an organisation.
pub struct Sent {
    pub at: At,
    pub form: Form,
}

impl FromRequest for Sent {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (form, request) = (Form::from_request(request, payload), request.clone());
        Box::pin(async move {
            let form = form.await?;
            let at = At::from_request(&request, &mut dev::Payload::None).await?;
            Ok(Self { at, form })
        })
    }
}

/// The mandate that a path names.
fn mandate_of(request: &HttpRequest) -> Result<MandateId, Error> {
    request.match_info().get("vollmacht").and_then(MandateId::parse).ok_or(Error::NotFound)
}

/// An authority that mandates can be given for, and what it offers today.
struct Authority {
    id: AuthorityId,
    name: String,
    services: Vec<String>,
}

impl Authority {
    /// All its services, and which those are today.
    fn label(&self, t: &MandateTexts) -> String {
        let services = self.services.join(", ");
        t.services_authority_now.with("authority", &self.name).with("services", services).to_string()
    }
}

/// The authorities of the services that mandates are for, by their numbers. An authority is called as whoever operates the first of
/// its services.
fn authorities(visitor: &Visitor) -> Vec<Authority> {
    let mut found = BTreeMap::<AuthorityId, Authority>::new();
    for client in visitor.registry.approved().iter().filter(|client| client.mandates) {
        let Some(id) = &client.authority_id else { continue };
        let (name, title) = (client.operator.get(visitor.language), client.name.get(visitor.language));
        let new = || Authority { id: id.clone(), name: name.to_owned(), services: Vec::new() };
        found.entry(id.clone()).or_insert_with(new).services.push(title.to_owned());
    }
    found.into_values().collect()
}

/// What stands above each of these pages.
struct Head {
    base: String,
    organisation: Option<String>,
    back: Option<String>,
    may_change: bool,
}

/// Mandates in words.
struct Words<'a> {
    at: &'a At,
}

impl Words<'_> {
    fn texts(&self) -> &'static MandateTexts {
        &self.at.caller.visitor.language.texts().mandate
    }

    fn service(&self, client: &ClientId) -> String {
        let visitor = &self.at.caller.visitor;
        titles(&visitor.registry, visitor.language)(&client.0)
    }

    fn actions(&self, scope: &Scope) -> String {
        if scope.actions.is_empty() {
            return self.texts().actions_none.to_string();
        }
        let words = scope.actions.iter().map(|action| action_label(self.texts(), *action).as_str());
        words.collect::<Vec<_>>().join(", ")
    }

    fn services(&self, scope: &Scope) -> Vec<String> {
        match &scope.services {
            Services::All => vec![self.texts().services_all.to_string()],
            chosen => {
                let known = authorities(&self.at.caller.visitor);
                let name = |id: &AuthorityId| match known.iter().find(|one| one.id == *id) {
                    Some(one) => one.name.clone(),
                    // It has no service any more.
                    None => id.to_string(),
                };
                let whole = |id| self.texts().services_authority.with("authority", name(id)).to_string();
                let whole = chosen.authorities().map(whole);
                whole.chain(chosen.named().map(|client| self.service(client))).collect()
            }
        }
    }

    fn from(&self, terms: &Terms) -> String {
        moment::date(self.at.caller.visitor.language, terms.from)
    }

    fn until(&self, terms: &Terms) -> String {
        moment::date(self.at.caller.visitor.language, last_day(terms.until))
    }

    /// What a court has written.
    fn order(&self, side: &guardian::Side) -> String {
        let (t, order) = (self.at.caller.visitor.language.texts(), &side.appointment);
        let scopes: Vec<&str> = order.scopes.iter().map(|duty| duty.words(t).as_str()).collect();
        let told = t.guardian.order.with("court", &order.court).with("file", &order.file_number);
        told.with("scopes", scopes.join(", ")).to_string()
    }

    fn standing(&self, mandate: &Mandate) -> String {
        let (t, visitor) = (self.texts(), &self.at.caller.visitor);
        let text = match mandate.standing(visitor.app.now()) {
            Standing::Open => {
                let date = moment::date(visitor.language, last_day(mandate.expires_at));
                let open = if mandate.state == State::Asked { &t.state_asked } else { &t.state_offered };
                return open.with("date", date).to_string();
            }
            Standing::Expired => &t.state_expired,
            Standing::Counts => &t.state_counts,
            Standing::Waits => &t.state_waits,
            Standing::Rests => &t.state_rests,
            Standing::Empty => &t.state_empty,
            Standing::Over => &t.state_over,
            Standing::Ended(State::Declined) => &t.state_declined,
            Standing::Ended(State::Withdrawn) => &t.state_withdrawn,
            Standing::Ended(State::Revoked) => &t.state_revoked,
            Standing::Ended(State::Returned) => &t.state_returned,
            Standing::Ended(State::Lifted) => &t.state_lifted,
            Standing::Ended(_) => &t.state_gone,
        };
        text.to_string()
    }
}

fn action_label(t: &MandateTexts, action: Action) -> &Text {
    match action {
        Action::Read => &t.action_read,
        Action::Answer => &t.action_answer,
        Action::Submit => &t.action_submit,
    }
}
