//! Changing the data of an organisation: one form, and one more look where evidence falls back.

use actix_web::http::StatusCode;
use askama::Template;

use super::typed::{Choice, Typed};
use super::{Answer, AtOrganisation, Sent};
use crate::kernel::error::Error;
use crate::organisation::Record;
use crate::organisation::change::{self, Changed};
use crate::organisation::member::Right;
use crate::organisation::{evidence, typed};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, respond};

#[derive(Template)]
#[template(path = "organisation/change.html")]
struct ChangePage {
    f: Frame,
    id: String,
    /// The version of the data that the person had before them.
    seen: String,
    typed: Typed,
    forms: Vec<Choice>,
    registers: Vec<Choice>,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "organisation/change_confirm.html")]
struct ConfirmPage {
    f: Frame,
    id: String,
    seen: String,
    typed: Typed,
}

#[derive(Template)]
#[template(path = "organisation/taken.html")]
struct TakenPage {
    f: Frame,
    back: String,
}

fn page(at: &AtOrganisation, seen: String, typed: Typed, problems: Problems) -> ChangePage {
    let f = at.caller.visitor.frame();
    let (forms, registers) = (typed.forms(f.t), typed.registers(f.t, None));
    ChangePage { id: at.member.organisation.id.to_string(), seen, forms, registers, typed, problems, f }
}

pub async fn show(at: AtOrganisation) -> Answer {
    at.require(&Right::Representation)?;
    let organisation = &at.member.organisation;
    let typed = Typed::of_record(&organisation.record);
    at.caller.visitor.page(&page(&at, organisation.version.to_string(), typed, Problems::none()))
}

/// Everything that the form says; every problem at its field.
fn read(form: &Form) -> Result<Record, Error> {
    let fields = |name: &'static str| form.get(name).to_owned();
    let mut problems = Vec::new();
    let mut keep = |error| {
        if let Error::Invalid(found) = error {
            problems.extend(found);
        }
    };
    let name = typed::read_name(&fields).map_err(&mut keep).ok();
    let legal_form = crate::organisation::record::LegalForm::from_name(form.get("rechtsform"));
    let register = legal_form.and_then(|legal_form| typed::read_entry(legal_form, &fields).map_err(&mut keep).ok());
    let places = typed::read_places(&fields).map_err(&mut keep).ok();
    let economic_id = typed::read_economic_id(&fields).map_err(&mut keep).ok();
    match (name, register, places, economic_id) {
        (Some((name, form)), Some(register), Some(places), Some(economic_id)) => Ok(Record {
            name,
            form,
            register,
            seat: places.seat,
            business_address: places.business,
            administrative_address: places.administrative,
            economic_id,
        }),
        _ => Err(Error::Invalid(problems)),
    }
}

pub async fn submit(sent: Sent) -> Answer {
    let (at, form) = (&sent.at, &sent.form);
    at.require(&Right::Representation)?;
    let (visitor, organisation) = (&at.caller.visitor, &at.member.organisation);
    let (id, seen) = (&organisation.id, form.get("stand").to_owned());
    let again = |seen: String, problems: Problems| visitor.page_again(&page(at, seen, Typed::in_form(form), problems));
    let record = match read(form) {
        Ok(record) => record,
        Err(Error::Invalid(problems)) => return again(seen, visitor.problems(&problems)),
        Err(error) => return Err(error),
    };
    if falls_back(at, &record).await? && !form.is("bestaetigt", "ja") {
        let (f, typed) = (visitor.frame(), Typed::in_form(form));
        return visitor.page(&ConfirmPage { f, id: id.to_string(), seen, typed });
    }
    let whose = (id, &at.caller.session.account_id);
    let version = seen.parse().unwrap_or_default();
    match change::change(&visitor.app, whose, &visitor.request_id, (version, |known| *known = record)).await {
        Ok(Changed::Saved) => visitor.leave(&format!("/organisation/{id}?erledigt=daten")),
        Ok(Changed::Taken) => {
            let back = format!("/organisation/{id}/daten");
            respond(StatusCode::CONFLICT, &TakenPage { f: visitor.frame(), back })
        }
        Err(Error::Conflict("organisation_changed")) => {
            let problem = crate::kernel::error::FieldProblem { field: "stand", problem: "organisation_changed" };
            again(organisation.version.to_string(), visitor.problems(&[problem]))
        }
        Err(error) => Err(error),
    }
}

/// Whether something has been shown that would count no more.
async fn falls_back(at: &AtOrganisation, record: &Record) -> Result<bool, Error> {
    let (app, organisation) = (&at.caller.visitor.app, &at.member.organisation);
    let is_same =
        organisation.record.is_same(record) && organisation.record.business_address.is_same(&record.business_address);
    if is_same {
        return Ok(false);
    }
    let evidence = evidence::list(&mut app.read().await?, &app.vault, &organisation.id).await?;
    Ok(evidence.iter().any(|one| one.void_at.is_none()))
}
