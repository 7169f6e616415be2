//! The officer's side: opening the case of an organisation, comparing what was brought, confirming, refusing, the receipt.

use actix_web::web;
use askama::Template;

use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::OrganisationCaseId;
use crate::kernel::texts::{Language, Text, Texts, moment};
use crate::organisation::desk::check::{Check, QUESTIONS};
use crate::organisation::desk::confirm::{Confirmed, confirm as confirm_case, wants_second};
use crate::organisation::desk::look::{Look, look};
use crate::organisation::desk::open::{self, Opened};
use crate::organisation::desk::{Refusal, State, refuse};
use crate::organisation::record::{LegalForm, RegisterKind};
use crate::organisation::web::Answer;
use crate::proofing::desk::check::{DOCUMENTS, document_label, document_name};
use crate::proofing::desk::practice;
use crate::proofing::office::OfficeId;
use crate::web::desk::{AtDesk, Choice};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, calendar_date, level_name};

#[derive(Template)]
#[template(path = "organisation/desk.html")]
struct DeskPage {
    f: Frame,
    offices: Vec<Choice>,
    code: String,
    practice: &'static str,
    /// What has just become of a case.
    done: Option<Text>,
    problems: Problems,
}

fn desk_page(at: &AtDesk, form: &Form, problems: Problems) -> DeskPage {
    let visitor = &at.caller.visitor;
    let f = visitor.frame();
    let d = &f.t.desk;
    let done = match visitor.query() {
        "erledigt=geschlossen" => Some(&d.done_closed),
        "erledigt=abgelehnt" => Some(&f.t.organisation_desk.done_refused),
        "erledigt=zweite" => Some(&d.done_second),
        _ => None,
    };
    let (done, code) = (done.cloned(), form.get("code").chars().take(20).collect());
    DeskPage { offices: at.offices(form), code, practice: practice::CODE, done, problems, f }
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
        Ok(Opened::Case(id)) => visitor.leave(&format!("/amt/organisation/{id}")),
        Ok(Opened::Practice) => visitor.leave(&format!("/amt/organisation/{}", practice::ID)),
        Err(Error::Invalid(problems)) => visitor.page_again(&desk_page(&at, &form, visitor.problems(&problems))),
        Err(error) => Err(error),
    }
}

pub async fn close(at: AtDesk, id: web::Path<String>, _form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    if id.as_str() != practice::ID {
        let id = OrganisationCaseId::parse(&id).ok_or(Error::NotFound)?;
        open::close(&visitor.app, &at.officer, &id).await?;
    }
    visitor.leave("/amt/organisation?erledigt=geschlossen")
}

async fn found(at: &AtDesk, id: &str) -> Result<Look, Error> {
    let app = &at.caller.visitor.app;
    look(&mut app.read().await?, app, &at.officer, id).await
}

/// A question that has to be answered with yes.
struct Question {
    id: &'static str,
    text: String,
    yes: bool,
    no: bool,
}

/// One datum: what the organisation says, and what the first of two officers has read.
struct Row {
    label: Text,
    stated: String,
    read: Option<String>,
}

#[derive(Template)]
#[template(path = "organisation/desk_check.html")]
struct CheckPage {
    f: Frame,
    id: String,
    is_practice: bool,
    rows: Vec<Row>,
    /// Who has asked: name and day of birth. Nothing if they may not any more: then there is nothing to confirm.
    asker: Option<(String, String)>,
    paper: String,
    months: Option<u32>,
    is_registered: bool,
    level: String,
    wants_second: bool,
    /// What another officer has seen, whose second this one is.
    first: Option<(String, String)>,
    seen: i64,
    documents: Vec<Choice>,
    forms: Vec<Choice>,
    registers: Vec<Choice>,
    about_person: Vec<Question>,
    about_paper: Vec<Question>,
    typed: Form,
    /// What was read differs from what is stated.
    differs: bool,
    problems: Problems,
}

fn question_text<'a>(t: &'a Texts, id: &str) -> &'a Text {
    let (d, o) = (&t.desk, &t.organisation_desk);
    match id {
        "person" => &d.question_person,
        "echt" => &d.question_genuine,
        "gueltig" => &d.question_valid,
        "frei" => &d.question_free,
        "antragsteller" => &o.question_asker,
        "papier" => &o.question_paper,
        _ => &o.question_named,
    }
}

fn rows(t: &Texts, found: &Look) -> Vec<Row> {
    let (o, record, first) = (&t.organisation, &found.record, found.first.as_ref());
    let entry = |entry: Option<&crate::organisation::record::Entry>| {
        entry.map_or_else(
            || o.register_none.to_string(),
            |entry| o.entry.with("entry", entry).with("court", &entry.court).to_string(),
        )
    };
    let form = |form: LegalForm| form.label(t).to_string();
    let row = |label: &Text, stated: String, read: Option<String>| Row { label: label.clone(), stated, read };
    vec![
        row(&o.name, record.name.clone(), first.map(|first| first.name.clone())),
        row(&o.form, form(record.form), first.map(|first| form(first.form))),
        row(&o.register, entry(record.register.as_ref()), first.map(|first| entry(first.entry.as_ref()))),
        row(&o.seat, record.seat.clone(), first.map(|first| first.seat.clone())),
    ]
}

fn choices(none: &Text, all: impl Iterator<Item = (&'static str, String)>, chosen: &str) -> Vec<Choice> {
    let none = Choice { value: String::new(), label: none.to_string(), is_chosen: false };
    let choice = |(value, label): (&str, String)| Choice { is_chosen: value == chosen, value: value.to_owned(), label };
    [none].into_iter().chain(all.map(choice)).collect()
}

fn day(language: Language, date: &str) -> String {
    calendar_date(language, date).unwrap_or_else(|| date.to_owned())
}

fn check_page(at: &AtDesk, found: &Look, form: Form, problems: (Problems, bool)) -> CheckPage {
    let visitor = &at.caller.visitor;
    let (f, language) = (visitor.frame(), visitor.language);
    let asker = found.asker.as_ref();
    let name = asker.map_or("", |asker| asker.name.as_str());
    let birth_date = asker.map(|asker| day(language, &asker.birth_date)).unwrap_or_default();
    let question = |id: &'static str| Question {
        id,
        text: question_text(f.t, id).with("name", name).with("date", &birth_date).to_string(),
        yes: form.is(id, "ja"),
        no: form.is(id, "nein"),
    };
    let document = |kind| (document_name(kind), document_label(f.t, kind).to_string());
    let (about_person, about_paper) = QUESTIONS.split_at(5);
    let forms = LegalForm::ALL.into_iter().map(|form| (form.name(), form.label(f.t).to_string()));
    let registers = RegisterKind::ALL.into_iter().map(|kind| (kind.name(), kind.label(f.t).to_string()));
    let first = found.first.as_ref();
    CheckPage {
        id: found.path_id(),
        is_practice: found.case.is_none(),
        rows: rows(f.t, found),
        asker: asker.filter(|_| found.rule.is_some()).map(|_| (name.to_owned(), birth_date.clone())),
        paper: found.rule.map_or_else(String::new, |rule| rule.paper.label(f.t).to_string()),
        months: found.rule.and_then(|rule| rule.months),
        is_registered: found.record.register.is_some(),
        level: level_name(f.t, found.level()),
        wants_second: found.case.is_some() && first.is_none() && wants_second(&found.office),
        first: first.map(|first| (day(language, &first.issued_on), document_label(f.t, first.document).to_string())),
        seen: found.version,
        documents: choices(&f.t.organisation.choose, DOCUMENTS.into_iter().map(document), form.get("dokument")),
        forms: choices(&f.t.organisation.choose, forms, form.get("rechtsform")),
        registers: choices(&f.t.organisation.choose, registers, form.get("register")),
        about_person: about_person.iter().copied().map(question).collect(),
        about_paper: about_paper.iter().copied().map(question).collect(),
        typed: form,
        differs: problems.1,
        problems: problems.0,
        f,
    }
}

#[derive(Template)]
#[template(path = "organisation/desk_waits.html")]
struct WaitsPage {
    f: Frame,
    id: String,
    office: String,
}

pub async fn check(at: AtDesk, id: web::Path<String>) -> Answer {
    let (visitor, found) = (&at.caller.visitor, found(&at, &id).await?);
    match found.state {
        State::Confirmed => visitor.leave(&format!("/amt/organisation/{}/quittung", found.path_id())),
        State::Refused => visitor.leave("/amt/organisation"),
        State::Void => Err(Error::Conflict("case_void")),
        State::Waiting if found.is_own_first => {
            let office = found.office.name(visitor.language).to_owned();
            visitor.page(&WaitsPage { f: visitor.frame(), id: found.path_id(), office })
        }
        State::Waiting => visitor.page(&check_page(&at, &found, Form::empty(), (Problems::none(), false))),
    }
}

/// Reads what the officer has typed, or takes what the first of two has seen.
fn read(at: &AtDesk, found: &Look, form: &Form) -> Result<Check, Error> {
    if let Some(first) = &found.first {
        // The second looks at the organisation as it stands now.
        return Ok(Check { seen: form.get("stand").parse().unwrap_or_default(), ..first.clone() });
    }
    let rule = found.rule.ok_or(Error::Conflict("case"))?;
    let field = |name: &'static str| form.get(name).to_owned();
    Check::read(&field, rule, found.record.register.is_some(), at.caller.visitor.app.now())
}

pub async fn confirm(at: AtDesk, id: web::Path<String>, form: Form) -> Answer {
    let (visitor, before) = (&at.caller.visitor, found(&at, &id).await?);
    if before.state == State::Void {
        return Err(Error::Conflict("case_void"));
    }
    // Before anything that they have typed is judged.
    if before.asker.is_none() {
        return Err(Error::NotAllowed("who has asked does not represent the organisation"));
    }
    let again = |found: &Look, form: Form, problems: &[FieldProblem]| {
        let differs = problems.iter().any(|one| PAPER_DIFFERS.contains(&one.problem));
        let problems = (visitor.problems(problems), differs);
        visitor.page_again(&check_page(&at, found, form, problems))
    };
    let checked = match read(&at, &before, &form) {
        Ok(check) => confirm_case(&visitor.app, &at.officer, &id, &check).await,
        Err(error) => Err(error),
    };
    match checked {
        Ok(Confirmed::Done(_) | Confirmed::Practised) => {
            visitor.leave(&format!("/amt/organisation/{}/quittung", before.path_id()))
        }
        Ok(Confirmed::WaitsForSecond) => visitor.leave("/amt/organisation?erledigt=zweite"),
        Err(Error::Invalid(problems)) => again(&before, form, &problems),
        Err(Error::Conflict("organisation_changed")) => {
            let now = found(&at, &id).await?;
            again(&now, form, &[FieldProblem { field: "stand", problem: "organisation_overtaken" }])
        }
        Err(error) => Err(error),
    }
}

/// Problems that no typing mends: the document says something else.
const PAPER_DIFFERS: [&str; 4] = ["paper_name", "paper_form", "paper_entry", "paper_seat"];

#[derive(Template)]
#[template(path = "organisation/desk_refuse.html")]
struct RefusePage {
    f: Frame,
    id: String,
    is_practice: bool,
    reasons: Vec<Choice>,
    note: String,
    problems: Problems,
}

async fn refuse_page(at: &AtDesk, id: &str, form: &Form, problems: Problems) -> Result<RefusePage, Error> {
    let found = found(at, id).await?;
    if found.state != State::Waiting {
        return Err(Error::Conflict("case"));
    }
    let f = at.caller.visitor.frame();
    let reason = |refusal: Refusal| Choice {
        value: refusal.name().to_owned(),
        label: refusal.words(f.t).to_string(),
        is_chosen: form.is("grund", refusal.name()),
    };
    let reasons = Refusal::ALL.map(reason).into();
    let (id, is_practice, note) = (found.path_id(), found.case.is_none(), form.get("notiz").to_owned());
    Ok(RefusePage { id, is_practice, reasons, note, problems, f })
}

pub async fn show_refuse(at: AtDesk, id: web::Path<String>) -> Answer {
    let page = refuse_page(&at, &id, &Form::empty(), Problems::none()).await?;
    at.caller.visitor.page(&page)
}

pub async fn submit_refuse(at: AtDesk, id: web::Path<String>, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    match refuse::refuse(&visitor.app, &at.officer, &id, (form.get("grund"), form.get("notiz"))).await {
        Ok(()) => visitor.leave("/amt/organisation?erledigt=abgelehnt"),
        Err(Error::Invalid(problems)) => {
            visitor.page_again(&refuse_page(&at, &id, &form, visitor.problems(&problems)).await?)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "organisation/desk_receipt.html")]
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
    let (visitor, found) = (&at.caller.visitor, found(&at, &id).await?);
    let is_practice = found.case.is_none();
    if !is_practice && found.state != State::Confirmed {
        return Err(Error::NotFound);
    }
    let (f, language) = (visitor.frame(), visitor.language);
    visitor.page(&ReceiptPage {
        is_practice,
        name: found.record.name.clone(),
        office: found.office.name(language).to_owned(),
        level: found.level().label(f.t).to_string(),
        at: moment::date_and_clock(language, found.ended_at.unwrap_or_else(|| visitor.app.now())),
        f,
    })
}
