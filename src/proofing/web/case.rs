//! The person's side of the registration desk: where one is, the code for it, and what has become of it.

use askama::Template;

use super::Answer;
use crate::assurance::Policy;
use crate::kernel::error::Error;
use crate::kernel::level::Level;
use crate::kernel::texts::moment;
use crate::proofing::desk::{self, Case, State, grouped, take};
use crate::proofing::office;
use crate::signin::means;
use crate::web::caller::SignedIn;
use crate::web::desk::{Offices, offices_meant};
use crate::web::form::Form;
use crate::web::page::{Frame, level_name};
use crate::web::qr::Qr;

#[derive(Template)]
#[template(path = "proofing/offices.html")]
struct OfficesPage {
    f: Frame,
    offices: Offices,
    has_case: bool,
    /// What the account's strongest means allows, if an office could confirm more.
    capped: Option<String>,
}

/// The level that a desk cannot exceed for this account, if that is less than what desks usually give.
async fn cap(caller: &SignedIn) -> Result<Option<Level>, Error> {
    let app = &caller.visitor.app;
    let known = means::list(&mut app.read().await?, &caller.session.account_id).await?;
    let most = Policy::of(&app.config).maximum(&known, app.now());
    Ok((most < Level::Substantial).then_some(most))
}

pub async fn offices(caller: SignedIn) -> Answer {
    let (visitor, app) = (&caller.visitor, &caller.visitor.app);
    let offices = offices_meant(visitor).await?;
    let case = desk::case_of(&mut app.read().await?, app, &caller.session.account_id).await?;
    let (f, capped) = (visitor.frame(), cap(&caller).await?);
    let has_case = case.is_some_and(|case| is_good(&case, app.now()));
    visitor.page(&OfficesPage { offices, has_case, capped: capped.map(|level| level_name(f.t, level)), f })
}

fn is_good(case: &Case, now: crate::kernel::time::Timestamp) -> bool {
    case.state == State::Waiting && case.expires_at > now
}

pub async fn submit(caller: SignedIn, _form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let work = caller.begin().await?;
    take::take(&caller.visitor.app, work, &account, &network).await?;
    caller.visitor.leave("/identitaet/vor-ort/vorgang")
}

/// How it stands with a case.
enum Standing {
    Good { code: String, qr: Qr, until: String },
    Expired { since: String },
    Confirmed { office: String, at: String, level: String },
    Refused { office: String, at: String, reason: String, note: String },
    Recorded { office: String, at: String },
}

#[derive(Template)]
#[template(path = "proofing/case.html")]
struct CasePage {
    f: Frame,
    standing: Standing,
    capped: Option<String>,
    printed: String,
}

pub async fn case(caller: SignedIn) -> Answer {
    let (visitor, app) = (&caller.visitor, &caller.visitor.app);
    let mut tx = app.read().await?;
    let Some(case) = desk::case_of(&mut tx, app, &caller.session.account_id).await? else {
        return visitor.leave("/identitaet/vor-ort");
    };
    let office = match &case.office {
        Some(id) => office::name_of(&mut tx, id, visitor.language).await?,
        None => String::new(),
    };
    drop(tx);
    let (f, capped) = (visitor.frame(), cap(&caller).await?);
    let capped = capped.map(|level| level_name(f.t, level));
    let standing = standing(&caller, &case, office)?;
    let printed = moment::date_and_clock(visitor.language, app.now());
    visitor.page(&CasePage { standing, capped, printed, f })
}

fn standing(caller: &SignedIn, case: &Case, office: String) -> Result<Standing, Error> {
    let (language, t, now) = (caller.visitor.language, caller.visitor.language.texts(), caller.visitor.app.now());
    let at = moment::date_and_clock(language, case.ended_at.unwrap_or(now));
    let outcome = case.outcome.as_ref();
    Ok(match (case.state, &case.code) {
        (State::Waiting, Some(code)) if is_good(case, now) => {
            let until = moment::date(language, case.expires_at);
            Standing::Good { code: grouped(code), qr: Qr::of(code)?, until }
        }
        (State::Waiting, _) => Standing::Expired { since: moment::date(language, case.expires_at) },
        (State::Recorded, _) => Standing::Recorded { office, at },
        (State::Confirmed, _) => {
            let level = outcome.and_then(|outcome| outcome.level).unwrap_or(Level::Basic);
            Standing::Confirmed { office, at, level: level_name(t, level) }
        }
        (State::Refused, _) => {
            let reason =
                outcome.and_then(|outcome| outcome.refusal).map_or(String::new(), |one| one.words(t).to_string());
            Standing::Refused { office, at, reason, note: outcome.map_or_else(String::new, |one| one.note.clone()) }
        }
    })
}
