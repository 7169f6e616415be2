//! The desk records a legal guardian, and that one has ended.

use askama::Template;

use super::Answer;
use crate::kernel::error::Error;
use crate::organisation::mandate::appointment::{Appointment, Duty};
use crate::organisation::mandate::guardian;
use crate::proofing::office::OfficeId;
use crate::web::desk::{AtDesk, Choice};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

#[derive(Template)]
#[template(path = "mandate/guardian.html")]
struct GuardianPage {
    f: Frame,
    offices: Vec<Choice>,
    scopes: Vec<Choice>,
    typed: Form,
    problems: Problems,
}

fn guardian_page(at: &AtDesk, form: Form, problems: Problems) -> GuardianPage {
    let f = at.caller.visitor.frame();
    let scope = |duty: Duty| Choice {
        value: duty.name().to_owned(),
        label: duty.words(f.t).to_string(),
        is_chosen: form.is(duty.name(), "ja"),
    };
    let (offices, scopes) = (at.offices(&form), Duty::ALL.map(scope).into());
    GuardianPage { offices, scopes, typed: form, problems, f }
}

pub async fn show(at: AtDesk) -> Answer {
    at.caller.visitor.page(&guardian_page(&at, Form::empty(), Problems::none()))
}

pub async fn submit(at: AtDesk, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    match record(&at, &form).await {
        Ok(()) => visitor.leave("/amt?erledigt=vertretung"),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&guardian_page(&at, form, problems))
        }
        Err(error) => Err(error),
    }
}

async fn record(at: &AtDesk, form: &Form) -> Result<(), Error> {
    let visitor = &at.caller.visitor;
    let (appointment, until) = Appointment::read(|name| form.get(name), visitor.app.now())?;
    let (office, network) = (OfficeId(form.get("amt").to_owned()), visitor.network());
    let codes = (form.get("vertretene"), form.get("vertreter"));
    guardian::record(&visitor.app, &at.officer, &office, codes, (&appointment, until, &network)).await.map(drop)
}

#[derive(Template)]
#[template(path = "mandate/guardian_end.html")]
struct EndPage {
    f: Frame,
    offices: Vec<Choice>,
    typed: Form,
    problems: Problems,
}

fn end_page(at: &AtDesk, form: Form, problems: Problems) -> EndPage {
    EndPage { f: at.caller.visitor.frame(), offices: at.offices(&form), typed: form, problems }
}

pub async fn show_end(at: AtDesk) -> Answer {
    at.caller.visitor.page(&end_page(&at, Form::empty(), Problems::none()))
}

pub async fn submit_end(at: AtDesk, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    let (office, network) = (OfficeId(form.get("amt").to_owned()), visitor.network());
    let ended = if form.is("gesehen", "ja") {
        let typed = (form.get("code"), form.get("nummer"));
        guardian::end_at_desk(&visitor.app, &at.officer, &office, typed, &network).await
    } else {
        Err(Error::field("gesehen", "order_end_not_seen"))
    };
    match ended {
        Ok(()) => visitor.leave("/amt?erledigt=vertretung-beendet"),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&end_page(&at, form, problems))
        }
        Err(error) => Err(error),
    }
}
