//! Giving an organisation up, and keeping it after all.

use askama::Template;

use super::{Answer, AtOrganisation, Sent};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::level::Level;
use crate::kernel::texts::moment;
use crate::organisation::member::Right;
use crate::organisation::{self, Facts, State, life};
use crate::web::page::{Frame, Problems};

#[derive(Template)]
#[template(path = "organisation/close.html")]
struct ClosePage {
    f: Frame,
    id: String,
    name: String,
    /// People who belong to it besides the one who reads this.
    others: i64,
    alone: bool,
    invitations: i64,
    invites: bool,
    until: String,
    /// The last of two steps.
    confirms: bool,
    problems: Problems,
}

async fn close_page(at: &AtOrganisation, confirms: bool, problems: Problems) -> Result<ClosePage, Error> {
    let visitor = &at.caller.visitor;
    let (app, organisation) = (&visitor.app, &at.member.organisation);
    let Facts { members, invitations, .. } =
        organisation::facts(&mut app.read().await?, &organisation.id, app.now()).await?;
    Ok(ClosePage {
        id: organisation.id.to_string(),
        name: organisation.record.name.clone(),
        others: members - 1,
        alone: members <= 1,
        invites: invitations > 0,
        invitations,
        until: moment::date(visitor.language, life::erase_at(app.now())),
        confirms,
        problems,
        f: visitor.frame(),
    })
}

pub async fn close(at: AtOrganisation) -> Answer {
    at.require(&Right::Representation)?;
    at.caller.visitor.page(&close_page(&at, false, Problems::none()).await?)
}

pub async fn submit_close(sent: Sent) -> Answer {
    let (at, form) = (&sent.at, &sent.form);
    at.require(&Right::Representation)?;
    let (visitor, id) = (&at.caller.visitor, &at.member.organisation.id);
    if !form.is("schritt", "schliessen") {
        return visitor.page(&close_page(at, true, Problems::none()).await?);
    }
    if !form.is("verstanden", "ja") {
        let problem = FieldProblem { field: "verstanden", problem: "organisation_not_understood" };
        return visitor.page_again(&close_page(at, true, visitor.problems(&[problem])).await?);
    }
    life::close(&visitor.app, (id, &at.caller.session.account_id), &visitor.request_id).await?;
    visitor.leave(&format!("/organisation/{id}"))
}

#[derive(Template)]
#[template(path = "organisation/keep.html")]
struct KeepPage {
    f: Frame,
    id: String,
    name: String,
    until: String,
}

/// Only somebody who represents it keeps it; while it is being given up the right counts for nothing else.
fn require_to_keep(at: &AtOrganisation) -> Result<(), Error> {
    if !at.member.holds(&Right::Representation) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    if at.caller.session.level(at.caller.visitor.app.now()) < Level::Substantial {
        return Err(Error::LevelTooLow(Level::Substantial));
    }
    if at.member.organisation.state != State::Closing {
        return Err(Error::NotAllowed("organisation_state"));
    }
    Ok(())
}

pub async fn keep(at: AtOrganisation) -> Answer {
    require_to_keep(&at)?;
    let (visitor, organisation) = (&at.caller.visitor, &at.member.organisation);
    let until = organisation.erase_at.map(|until| moment::date(visitor.language, until)).unwrap_or_default();
    let (id, name) = (organisation.id.to_string(), organisation.record.name.clone());
    visitor.page(&KeepPage { f: visitor.frame(), id, name, until })
}

pub async fn submit_keep(sent: Sent) -> Answer {
    let at = &sent.at;
    require_to_keep(at)?;
    let (visitor, id) = (&at.caller.visitor, &at.member.organisation.id);
    life::keep(&visitor.app, (id, &at.caller.session.account_id), &visitor.request_id).await?;
    visitor.leave(&format!("/organisation/{id}?erledigt=behalten"))
}
