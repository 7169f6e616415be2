//! The desk records a legal guardian.

use askama::Template;

use super::desk::Choice;
use super::{Answer, AtDesk};
use crate::kernel::error::Error;
use crate::proofing::desk::guardian::{self, Appointment, Scope};
use crate::proofing::office::{Office, OfficeId};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

#[derive(Template)]
#[template(path = "proofing/guardian.html")]
struct GuardianPage {
    f: Frame,
    offices: Vec<Choice>,
    scopes: Vec<Choice>,
    typed: Form,
    problems: Problems,
}

fn guardian_page(at: &AtDesk, form: Form, problems: Problems) -> GuardianPage {
    let visitor = &at.caller.visitor;
    let f = visitor.frame();
    let office = |office: &Office| Choice {
        value: office.id.0.clone(),
        label: office.name(visitor.language).to_owned(),
        is_chosen: form.get("amt") == office.id.0,
    };
    let scope = |scope: Scope| Choice {
        value: scope.name().to_owned(),
        label: scope.words(f.t).to_string(),
        is_chosen: form.is(scope.name(), "ja"),
    };
    let (offices, scopes) = (at.officer.offices.iter().map(office).collect(), Scope::ALL.map(scope).into());
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
    let appointment = Appointment::read(|name| form.get(name), visitor.app.now())?;
    let (office, network) = (OfficeId(form.get("amt").to_owned()), visitor.network());
    let codes = (form.get("vertretene"), form.get("vertreter"));
    guardian::record(&visitor.app, &at.officer, &office, codes, (&appointment, &network)).await
}
