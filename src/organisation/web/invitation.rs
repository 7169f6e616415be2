//! Inviting, what is open, and the page of whoever is invited.

use actix_web::web;
use askama::Template;

use super::rights::{self, Group, Shown};
use super::{Answer, AtOrganisation, Head};
use crate::account::email::EmailAddress;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::InvitationId;
use crate::kernel::level::Level;
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::organisation::invitation::{self, Accepted, Draft, Open, Sending, last_day};
use crate::organisation::member::{Grant, Right};
use crate::web::caller::SignedIn;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

#[derive(Template)]
#[template(path = "members/invite.html")]
struct InvitePage {
    f: Frame,
    o: Head,
    groups: Vec<Group>,
    typed: Form,
    problems: Problems,
}

async fn invite_page(at: &AtOrganisation, typed: Form, problems: Problems) -> Result<InvitePage, Error> {
    let areas = at.areas().await?;
    let groups = rights::groups(at, &areas, &typed);
    Ok(InvitePage { f: at.caller.visitor.frame(), o: at.head(), groups, typed, problems })
}

pub async fn invite(at: AtOrganisation) -> Answer {
    at.require(&Right::Administration)?;
    at.caller.visitor.page(&invite_page(&at, Form::empty(), Problems::none()).await?)
}

/// What stands on the page before an invitation goes out.
#[derive(Template)]
#[template(path = "members/invite_check.html")]
struct CheckPage {
    f: Frame,
    o: Head,
    email: String,
    rights: Vec<(String, String)>,
    told: String,
    /// Everything that was chosen, to be sent again.
    typed: Vec<(&'static str, String)>,
    needs_level: bool,
}

fn draft(at: &AtOrganisation, form: &Form) -> Result<Draft, Error> {
    let (visitor, mut problems) = (&at.caller.visitor, Vec::new());
    let address = EmailAddress::parse(form.get("email"));
    if address.is_none() {
        problems.push(FieldProblem { field: "email", problem: "email_format" });
    }
    let grants = match rights::read(form, &visitor.registry, visitor.app.now()) {
        Ok(grants) => grants,
        Err(Error::Invalid(others)) => {
            problems.extend(others);
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    match address {
        Some(address) if problems.is_empty() => Ok(Draft { address, grants }),
        _ => Err(Error::Invalid(problems)),
    }
}

async fn check_page(at: &AtOrganisation, form: &Form, draft: &Draft) -> Result<CheckPage, Error> {
    let (visitor, areas) = (&at.caller.visitor, at.areas().await?);
    if !draft.grants.iter().all(|grant| at.member.may_grant(&grant.right)) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    let shown = Shown {
        language: visitor.language,
        registry: &visitor.registry,
        areas: &areas,
        identity: Level::High,
        now: visitor.app.now(),
    };
    let right = |grant: &Grant| (rights::value(&grant.right), shown.words(&grant.right));
    let dates = ["von_tag", "von_monat", "von_jahr", "bis_tag", "bis_monat", "bis_jahr"];
    let typed = dates.into_iter().chain(["email"]).map(|name| (name, form.get(name).to_owned()));
    Ok(CheckPage {
        f: visitor.frame(),
        o: at.head(),
        email: draft.address.as_str().to_owned(),
        rights: draft.grants.iter().map(right).collect(),
        told: draft.grants.first().map_or_else(String::new, |grant| shown.told(grant)),
        typed: typed.collect(),
        needs_level: draft.grants.iter().any(|grant| grant.right.needs() > Level::Basic),
    })
}

pub async fn submit_invite(at: AtOrganisation, form: Form) -> Answer {
    at.require(&Right::Administration)?;
    let visitor = &at.caller.visitor;
    let network = visitor.network();
    let sent = match draft(&at, &form) {
        Ok(draft) if form.is("aktion", "senden") => {
            let how = Sending { language: visitor.language, network: &network };
            invitation::send(&visitor.app, at.inside(), &draft, how).await
        }
        Ok(_) if form.is("aktion", "aendern") => {
            return visitor.page(&invite_page(&at, form, Problems::none()).await?);
        }
        Ok(draft) => return visitor.page(&check_page(&at, &form, &draft).await?),
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => visitor.leave(&format!("/organisation/{}/einladungen?erledigt=gesendet", at.member.organisation.id)),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&invite_page(&at, form, problems).await?)
        }
        Err(error) => Err(error),
    }
}

struct Line {
    id: String,
    address: String,
    rights: String,
    told: String,
    until: String,
}

#[derive(Template)]
#[template(path = "members/invitations.html")]
struct ListPage {
    f: Frame,
    o: Head,
    rows: Vec<Line>,
    done: Option<bool>,
    problems: Problems,
}

async fn list_page(at: &AtOrganisation, problems: Problems) -> Result<ListPage, Error> {
    let (visitor, organisation) = (&at.caller.visitor, &at.member.organisation.id);
    let (app, language, now) = (&visitor.app, visitor.language, visitor.app.now());
    let open = invitation::list(&mut app.read().await?, &app.vault, organisation, now).await?;
    let areas = at.areas().await?;
    let identity = Level::High;
    let shown = Shown { language, registry: &visitor.registry, areas: &areas, identity, now };
    let f = visitor.frame();
    let row = |one: Open| Line {
        id: one.id.to_string(),
        address: one.address,
        rights: shown.line(&one.rights),
        told: f.t.invitation.by.with("name", one.by).with("date", moment::date(language, one.invited_at)).to_string(),
        until: moment::date(language, last_day(one.expires_at)),
    };
    let rows = open.into_iter().map(row).collect();
    let done = match visitor.query() {
        "erledigt=gesendet" => Some(true),
        "erledigt=zurueckgezogen" => Some(false),
        _ => None,
    };
    Ok(ListPage { o: at.head(), rows, done, problems, f })
}

pub async fn list(at: AtOrganisation) -> Answer {
    at.look()?;
    at.caller.visitor.page(&list_page(&at, Problems::none()).await?)
}

pub async fn change(at: AtOrganisation, form: Form) -> Answer {
    at.require(&Right::Administration)?;
    let (visitor, network) = (&at.caller.visitor, at.caller.visitor.network());
    let id = InvitationId::parse(form.get("einladung"));
    let how = Sending { language: visitor.language, network: &network };
    let (changed, done) = match (form.get("aktion"), id) {
        ("zurueckziehen", Some(id)) => (invitation::withdraw(&visitor.app, at.inside(), &id).await, "zurueckgezogen"),
        ("erneut", Some(id)) => (invitation::send_again(&visitor.app, at.inside(), &id, how).await, "gesendet"),
        _ => (Err(Error::field("inhalt", "choice_unknown")), ""),
    };
    match changed {
        Ok(()) => visitor.leave(&format!("/organisation/{}/einladungen?erledigt={done}", at.member.organisation.id)),
        Err(Error::Invalid(problems)) => visitor.page_again(&list_page(&at, visitor.problems(&problems)).await?),
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "members/invited.html")]
struct InvitedPage {
    f: Frame,
    code: String,
    organisation: String,
    by: String,
    rights: Vec<(String, String)>,
    until: String,
    is_member: bool,
    /// Something of it waits for a higher level of the identity.
    waits: bool,
    problems: Problems,
}

/// The answer for whoever a code opens nothing to, whatever the reason.
#[derive(Template)]
#[template(path = "members/invited_not.html")]
struct NothingPage {
    f: Frame,
    email: String,
}

async fn nothing(caller: &SignedIn, code: &str) -> Answer {
    if !invitation::is_code(code) {
        return Err(Error::NotFound);
    }
    let email = caller.account().await?.email.address.as_str().to_owned();
    caller.visitor.page_gone(&NothingPage { f: caller.visitor.frame(), email })
}

fn invited_page(caller: &SignedIn, code: &str, shown: invitation::Shown, problems: Problems) -> InvitedPage {
    let visitor = &caller.visitor;
    let invitation::Shown { organisation, grants, areas, by, expires_at, is_member } = shown;
    let (language, now): (_, Timestamp) = (visitor.language, visitor.app.now());
    let identity = caller.session.identity;
    let told = Shown { language, registry: &visitor.registry, areas: &areas, identity, now };
    InvitedPage {
        code: code.to_owned(),
        organisation: organisation.record.name,
        by,
        rights: grants.iter().map(|grant| (told.words(&grant.right), told.told(grant))).collect(),
        until: moment::date(language, last_day(expires_at)),
        is_member,
        waits: grants.iter().any(|grant| identity < grant.right.needs()),
        problems,
        f: visitor.frame(),
    }
}

pub async fn invited(caller: SignedIn, code: web::Path<String>) -> Answer {
    match invitation::look(&caller.visitor.app, &code, &caller.session.account_id).await? {
        Some(shown) => caller.visitor.page(&invited_page(&caller, &code, shown, Problems::none())),
        None => nothing(&caller, &code).await,
    }
}

pub async fn answer(caller: SignedIn, code: web::Path<String>, form: Form) -> Answer {
    let (visitor, who) = (&caller.visitor, (&caller.session.account_id, caller.visitor.request_id.as_str()));
    match form.get("aktion") {
        "annehmen" => match invitation::accept(&visitor.app, who, &code).await? {
            Accepted::Joined(organisation) => {
                visitor.leave(&format!("/organisation/{organisation}/mitgliedschaft?neu=1"))
            }
            // The page says so.
            Accepted::IsMember => visitor.leave(&format!("/einladung/{code}")),
            Accepted::Nothing => nothing(&caller, &code).await,
        },
        "ablehnen" if invitation::decline(&visitor.app, who, &code).await? => visitor.leave("/konto"),
        "ablehnen" => nothing(&caller, &code).await,
        _ => match invitation::look(&visitor.app, &code, who.0).await? {
            Some(shown) => {
                let problems = visitor.problems(&[FieldProblem { field: "annehmen", problem: "choice_unknown" }]);
                visitor.page_again(&invited_page(&caller, &code, shown, problems))
            }
            None => nothing(&caller, &code).await,
        },
    }
}
