//! Handing over: offered on one side, accepted on the other.

use actix_web::web;
use askama::Template;

use super::{Answer, AtOrganisation, Head};
use crate::kernel::error::Error;
use crate::kernel::id::{HandoverId, MembershipId};
use crate::kernel::texts::moment;
use crate::organisation::handover::{self, Handover};
use crate::organisation::invitation::last_day;
use crate::organisation::member::Right;
use crate::organisation::protocol::words;
use crate::organisation::roster::{self, Listed};
use crate::store::db::Tx;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// An offer that waits.
struct Offer {
    id: String,
    /// The other side.
    name: String,
    rights: String,
    until: String,
    is_own: bool,
}

struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "members/handover.html")]
struct HandoverPage {
    f: Frame,
    o: Head,
    offers: Vec<Offer>,
    rights: Vec<Choice>,
    /// To whom something is about to be offered; empty if nobody has been chosen.
    to: String,
    to_name: String,
    problems: Problems,
}

/// Where somebody comes from who has chosen a colleague.
#[derive(serde::Deserialize)]
pub struct Chosen {
    #[serde(default)]
    an: String,
}

async fn page(at: &AtOrganisation, to: &str, form: &Form, problems: Problems) -> Result<HandoverPage, Error> {
    let visitor = &at.caller.visitor;
    let (app, language, tx) = (&visitor.app, visitor.language, &mut visitor.app.read().await?);
    let mut offers = Vec::new();
    for Handover { id, from, to, rights, expires_at } in handover::open_of(tx, &at.member.id, app.now()).await? {
        let is_own = from == at.member.id;
        let other = if is_own { &to } else { &from };
        let other = roster::one(tx, &app.vault, &at.member.organisation.id, other).await?;
        offers.push(Offer {
            id: id.to_string(),
            name: other.name,
            rights: words(language, &rights, &[], &str::to_owned),
            until: moment::date(language, last_day(expires_at)),
            is_own,
        });
    }
    let choice = |right: Right| Choice {
        value: right.kind().to_owned(),
        label: words(language, std::slice::from_ref(&right), &[], &str::to_owned),
        is_chosen: form.all("recht").any(|chosen| chosen == right.kind()),
    };
    let rights = handover::own(&at.member).into_iter().map(choice).collect();
    let to_name = match MembershipId::parse(to).filter(|to| *to != at.member.id) {
        Some(to) if at.member.may_look() => colleague(tx, at, &to).await?.map_or_else(String::new, |one| one.name),
        _ => String::new(),
    };
    Ok(HandoverPage { f: visitor.frame(), o: at.head(), offers, rights, to: to.to_owned(), to_name, problems })
}

/// A current member; none for whoever is none of this organisation.
async fn colleague(tx: &mut Tx, at: &AtOrganisation, id: &MembershipId) -> Result<Option<Listed>, Error> {
    let vault = &at.caller.visitor.app.vault;
    match roster::one(tx, vault, &at.member.organisation.id, id).await {
        Ok(one) => Ok(Some(one)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

pub async fn show(at: AtOrganisation, chosen: web::Query<Chosen>) -> Answer {
    at.caller.visitor.page(&page(&at, &chosen.an, &Form::empty(), Problems::none()).await?)
}

#[derive(Template)]
#[template(path = "members/handover_check.html")]
struct CheckPage {
    f: Frame,
    o: Head,
    to: String,
    name: String,
    rights: Vec<Choice>,
}

pub async fn submit(at: AtOrganisation, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    // Saying no, or taking back, needs nothing; the others are about power.
    let ended = ["zurueckziehen", "ablehnen"].contains(&form.get("aktion"));
    if !ended {
        at.require_level(Right::Administration.needs())?;
    }
    let id = || HandoverId::parse(form.get("uebergabe")).ok_or(Error::NotFound);
    let done = match form.get("aktion") {
        "pruefen" => match check(&at, &form).await {
            Ok(page) => return visitor.page(&page),
            Err(error) => Err(error),
        },
        "anbieten" => match read(&form) {
            Ok((to, rights)) => handover::offer(&visitor.app, at.inside(), &to, &rights).await,
            Err(error) => Err(error),
        },
        "annehmen" => handover::accept(&visitor.app, at.inside(), &id()?).await,
        _ if ended => handover::end(&visitor.app, at.inside(), &id()?).await,
        _ => Err(Error::field("recht", "choice_unknown")),
    };
    match done {
        Ok(()) => visitor.leave(&format!("/organisation/{}/mitgliedschaft?erledigt=1", at.member.organisation.id)),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&page(&at, form.get("mitglied"), &form, problems).await?)
        }
        Err(error) => Err(error),
    }
}

/// To whom, and what.
fn read(form: &Form) -> Result<(MembershipId, Vec<Right>), Error> {
    let to =
        MembershipId::parse(form.get("mitglied").trim()).ok_or_else(|| Error::field("mitglied", "member_unknown"))?;
    let right = |kind| Right::parse(kind, "").ok_or(Error::NotAllowed("no such right"));
    Ok((to, form.all("recht").map(right).collect::<Result<_, _>>()?))
}

async fn check(at: &AtOrganisation, form: &Form) -> Result<CheckPage, Error> {
    let visitor = &at.caller.visitor;
    let (to, rights) = read(form)?;
    if rights.is_empty() {
        return Err(Error::field("recht", "right_missing"));
    }
    if !rights.iter().all(|right| handover::own(&at.member).contains(right)) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    let other = colleague(&mut visitor.app.read().await?, at, &to).await?.filter(|other| other.id != at.member.id);
    let other = other.ok_or_else(|| Error::field("mitglied", "member_unknown"))?;
    let choice = |right: &Right| Choice {
        value: right.kind().to_owned(),
        label: words(visitor.language, std::slice::from_ref(right), &[], &str::to_owned),
        is_chosen: true,
    };
    let rights = rights.iter().map(choice).collect();
    Ok(CheckPage { f: visitor.frame(), o: at.head(), to: to.to_string(), name: other.name, rights })
}
