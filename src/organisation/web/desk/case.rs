//! The organisation's side of the registration desk: which document it needs, where to go, the code, and what has become of it.

use askama::Template;

use crate::kernel::error::Error;
use crate::kernel::level::Level;
use crate::kernel::texts::moment;
use crate::organisation::desk::paper::{self, Rule};
use crate::organisation::desk::{self, Case, State, take};
use crate::organisation::member::Right;
use crate::organisation::opening::Founder;
use crate::organisation::web::{Answer, AtOrganisation, Sent};
use crate::proofing::desk::grouped;
use crate::proofing::office;
use crate::web::desk::{Offices, offices_meant};
use crate::web::page::{Frame, level_name};
use crate::web::qr::Qr;

/// How it stands with a case.
enum Standing {
    None,
    Good { code: String, qr: Qr, until: String },
    Expired { since: String },
    Confirmed { office: String, at: String, level: String },
    Refused { office: String, at: String, reason: String, note: String },
    Void,
}

/// What to bring.
struct Wanted {
    paper: String,
    /// No older than so many months.
    months: Option<u32>,
    level: String,
}

#[derive(Template)]
#[template(path = "organisation/desk_case.html")]
struct CasePage {
    f: Frame,
    id: String,
    /// Of this page.
    path: String,
    name: String,
    standing: Standing,
    /// Nothing where no office can look at anything.
    wanted: Option<Wanted>,
    offices: Offices,
    printed: String,
}

pub async fn show(at: AtOrganisation) -> Answer {
    at.require(&Right::Representation)?;
    let (visitor, organisation) = (&at.caller.visitor, &at.member.organisation);
    let app = &visitor.app;
    let mut tx = app.read().await?;
    if !office::is_any(&mut tx).await? {
        return Err(Error::NotFound);
    }
    let case = desk::case_of(&mut tx, app, &organisation.id).await?;
    let office = match case.as_ref().and_then(|case| case.office.as_ref()) {
        Some(id) => office::name_of(&mut tx, id, visitor.language).await?,
        None => String::new(),
    };
    drop(tx);
    let f = visitor.frame();
    let wanted = |rule: &Rule| Wanted {
        paper: rule.paper.label(f.t).to_string(),
        months: rule.months,
        level: level_name(f.t, rule.level),
    };
    let page = CasePage {
        path: format!("/organisation/{}/vor-ort", organisation.id),
        id: organisation.id.to_string(),
        name: organisation.record.name.clone(),
        standing: case.map_or(Ok(Standing::None), |case| standing(&at, &case, office))?,
        wanted: paper::wanted(&organisation.record).map(wanted),
        offices: offices_meant(visitor).await?,
        printed: moment::date_and_clock(visitor.language, app.now()),
        f,
    };
    visitor.page(&page)
}

fn standing(at: &AtOrganisation, case: &Case, office: String) -> Result<Standing, Error> {
    let (language, now) = (at.caller.visitor.language, at.caller.visitor.app.now());
    let (t, ended) = (language.texts(), moment::date_and_clock(language, case.ended_at.unwrap_or(now)));
    let outcome = case.outcome.as_ref();
    Ok(match (case.state, &case.code) {
        (State::Waiting, Some(code)) if case.is_good(now) => {
            let until = moment::date(language, case.expires_at);
            Standing::Good { code: grouped(code), qr: Qr::of(code)?, until }
        }
        (State::Waiting, _) => Standing::Expired { since: moment::date(language, case.expires_at) },
        (State::Void, _) => Standing::Void,
        (State::Confirmed, _) => {
            let level = outcome.and_then(|outcome| outcome.level).unwrap_or(Level::Basic);
            Standing::Confirmed { office, at: ended, level: level_name(t, level) }
        }
        (State::Refused, _) => {
            let reason = outcome.and_then(|outcome| outcome.refusal);
            let reason = reason.map_or_else(String::new, |one| one.words(t).to_string());
            let note = outcome.map_or_else(String::new, |one| one.note.clone());
            Standing::Refused { office, at: ended, reason, note }
        }
    })
}

pub async fn submit(sent: Sent) -> Answer {
    let at = &sent.at;
    at.require(&Right::Representation)?;
    let (visitor, id) = (&at.caller.visitor, &at.member.organisation.id);
    let network = visitor.network();
    let by = Founder { account: &at.caller.session.account_id, network: &network, request: &visitor.request_id };
    take::take(&visitor.app, id, by).await?;
    visitor.leave(&format!("/organisation/{id}/vor-ort"))
}
