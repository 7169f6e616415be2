//! The desk's own pages: opening a case, refusing, the receipt, exercises.

use actix_web::web;
use askama::Template;

use super::{Answer, AtDesk, recover};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::CaseId;
use crate::kernel::texts::moment;
use crate::proofing::desk::look::look;
use crate::proofing::desk::open::{self, Opened};
use crate::proofing::desk::{Purpose, Refusal, State, grouped, practice, refuse};
use crate::proofing::office::OfficeId;
use crate::web::desk::Choice;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

#[derive(Template)]
#[template(path = "proofing/desk.html")]
struct DeskPage {
    f: Frame,
    offices: Vec<Choice>,
    code: String,
    /// What has just become of a case.
    done: Option<String>,
    problems: Problems,
}

fn desk_page(at: &AtDesk, form: &Form, problems: Problems) -> DeskPage {
    let visitor = &at.caller.visitor;
    let f = visitor.frame();
    let d = &f.t.desk;
    let done = match visitor.query() {
        "erledigt=geschlossen" => Some(d.done_closed.to_string()),
        "erledigt=abgelehnt" => Some(d.done_refused.to_string()),
        "erledigt=vertretung" => Some(d.done_guardian.to_string()),
        "erledigt=vertretung-beendet" => Some(d.done_guardian_ended.to_string()),
        "erledigt=zweite" => Some(d.done_second.to_string()),
        _ => None,
    };
    DeskPage { offices: at.offices(form), code: form.get("code").chars().take(20).collect(), done, problems, f }
}

pub async fn show(at: AtDesk) -> Answer {
    at.caller.visitor.page(&desk_page(&at, &Form::empty(), Problems::none()))
}

pub async fn submit(at: AtDesk, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    let office = OfficeId(form.get("amt").to_owned());
    let opened = if form.get("code").trim().is_empty() {
        Err(Error::field("code", "case_code_missing"))
    } else {
        open::open(&visitor.app, &at.officer, &office, form.get("code"), &visitor.network()).await
    };
    match opened {
        Ok(Opened::Case(id)) => visitor.leave(&format!("/amt/vorgang/{id}")),
        Ok(Opened::Practice) => visitor.leave(&format!("/amt/vorgang/{}", practice::ID)),
        Err(Error::Invalid(problems)) => visitor.page_again(&desk_page(&at, &form, visitor.problems(&problems))),
        Err(error) => Err(error),
    }
}

pub async fn close(at: AtDesk, id: web::Path<String>, _form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    if id.as_str() != practice::ID {
        let id = CaseId::parse(&id).ok_or(Error::NotFound)?;
        open::close(&visitor.app, &at.officer, &id).await?;
    }
    visitor.leave("/amt?erledigt=geschlossen")
}

#[derive(Template)]
#[template(path = "proofing/refuse.html")]
struct RefusePage {
    f: Frame,
    id: String,
    is_practice: bool,
    is_recovery: bool,
    reasons: Vec<Choice>,
    note: String,
    problems: Problems,
}

async fn refuse_page(at: &AtDesk, id: &str, form: &Form, problems: Problems) -> Result<RefusePage, Error> {
    let visitor = &at.caller.visitor;
    let found = look(&mut visitor.app.read().await?, &visitor.app, &at.officer, id).await?;
    if found.state != State::Waiting {
        return Err(Error::Conflict("case"));
    }
    let f = visitor.frame();
    let reason = |refusal: Refusal| Choice {
        value: refusal.name().to_owned(),
        label: refusal.words(f.t).to_string(),
        is_chosen: form.is("grund", refusal.name()),
    };
    let reasons = Refusal::of(found.purpose).into_iter().map(reason).collect();
    let is_recovery = found.purpose == Purpose::Recovery;
    let (id, is_practice, note) = (id.to_owned(), found.id.is_none(), form.get("notiz").to_owned());
    Ok(RefusePage { id, is_practice, is_recovery, reasons, note, problems, f })
}

pub async fn show_refuse(at: AtDesk, id: web::Path<String>) -> Answer {
    let page = refuse_page(&at, &id, &Form::empty(), Problems::none()).await?;
    at.caller.visitor.page(&page)
}

pub async fn submit_refuse(at: AtDesk, id: web::Path<String>, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    match refuse::refuse(&visitor.app, &at.officer, &id, (form.get("grund"), form.get("notiz"))).await {
        Ok(()) => visitor.leave("/amt?erledigt=abgelehnt"),
        Err(Error::Invalid(problems)) => {
            let page = refuse_page(&at, &id, &form, visitor.problems(&problems)).await?;
            visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "proofing/practice.html")]
struct PracticePage {
    f: Frame,
    code: String,
}

pub async fn practise(at: AtDesk) -> Answer {
    let visitor = &at.caller.visitor;
    visitor.page(&PracticePage { f: visitor.frame(), code: grouped(practice::CODE) })
}

#[derive(Template)]
#[template(path = "proofing/receipt.html")]
struct ReceiptPage {
    f: Frame,
    is_practice: bool,
    name: String,
    office: String,
    level: String,
    at: String,
}

/// What was done, to print and to hand over. As long as the case is open here.
pub async fn receipt(at: AtDesk, id: web::Path<String>) -> Answer {
    let visitor = &at.caller.visitor;
    let (app, language, now) = (&visitor.app, visitor.language, visitor.app.now());
    let found = look(&mut app.read().await?, app, &at.officer, &id).await?;
    let is_practice = found.id.is_none();
    if !is_practice && found.state != State::Confirmed {
        return Err(Error::NotFound);
    }
    if found.purpose == Purpose::Recovery {
        return recover::released(&at, &found, None);
    }
    let f = visitor.frame();
    visitor.page(&ReceiptPage {
        is_practice,
        name: found.account.full_name(),
        office: found.office.name(language).to_owned(),
        level: found.level().label(f.t).to_string(),
        at: moment::date_and_clock(language, found.ended_at.unwrap_or(now)),
        f,
    })
}

/// The problem of a page that was overtaken.
pub(super) const OVERTAKEN: FieldProblem = FieldProblem { field: "stand", problem: "changed_elsewhere" };
