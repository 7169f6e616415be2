//! The officer compares the person with their document: typing what it says, then reading what that means.

use actix_web::web;
use askama::Template;

use super::desk::OVERTAKEN;
use super::{Answer, AtDesk, recover};
use crate::account::evidence::DocumentKind;
use crate::account::{Account, AttributeName};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::level::Level;
use crate::kernel::texts::{Language, Text};
use crate::proofing::desk::check::{Check, DOCUMENTS, Plan, QUESTIONS, document_label, document_name};
use crate::proofing::desk::confirm::{Agreed, Confirmed, confirm, confirm_second};
use crate::proofing::desk::look::{Look, look};
use crate::proofing::desk::recover::Comparison;
use crate::proofing::desk::{Purpose, State, practice};
use crate::web::desk::Choice;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, attribute_label, attribute_value, countries, level_name};

/// Everything that the form says, in the order in which the next page carries it along.
const FIELDS: [&str; 23] = [
    "dokument",
    "land",
    "gueltig_tag",
    "gueltig_monat",
    "gueltig_jahr",
    "person",
    "echt",
    "gueltig",
    "frei",
    "given_names",
    "family_name",
    "one_name",
    "birth_day",
    "birth_month",
    "birth_year",
    "birth_place",
    "street_address",
    "postal_code",
    "locality",
    "meldebescheinigung",
    "stand",
    "einverstanden",
    "adresse_stimmt",
];

/// A question that has to be answered with yes.
struct Question {
    id: &'static str,
    text: String,
    yes: bool,
    no: bool,
}

#[derive(Template)]
#[template(path = "proofing/check.html")]
struct CheckPage {
    f: Frame,
    id: String,
    is_practice: bool,
    /// Somebody wants back into the account; and nothing is proven that could be compared.
    is_recovery: bool,
    is_unproven: bool,
    /// What becomes of an empty place of birth.
    birth_place_hint: Text,
    seen: i64,
    documents: Vec<Choice>,
    countries: Vec<Choice>,
    questions: Vec<Question>,
    typed: Form,
    problems: Problems,
}

fn check_page(at: &AtDesk, found: &Look, form: Form, problems: Problems) -> CheckPage {
    let visitor = &at.caller.visitor;
    let f = visitor.frame();
    let d = &f.t.desk;
    let document = |kind: DocumentKind| Choice {
        value: document_name(kind).to_owned(),
        label: document_label(f.t, kind).to_string(),
        is_chosen: form.is("dokument", document_name(kind)),
    };
    let is_recovery = found.purpose == Purpose::Recovery;
    let country = if form.get("land").is_empty() { "DE" } else { form.get("land") };
    let country = |(code, name): (&str, &str)| Choice {
        value: code.to_owned(),
        label: name.to_owned(),
        is_chosen: code == country,
    };
    let texts = [&d.question_person, &d.question_genuine, &d.question_valid, &d.question_free];
    let question = |(id, text): (&'static str, &Text)| Question {
        id,
        text: text.to_string(),
        yes: form.is(id, "ja"),
        no: form.is(id, "nein"),
    };
    CheckPage {
        id: found.path_id(),
        is_practice: found.id.is_none(),
        is_recovery,
        is_unproven: is_recovery && found.account.identity_level() == Level::Basic,
        birth_place_hint: if is_recovery { &f.t.desk_recovery.birth_place_hint } else { &d.optional }.clone(),
        seen: found.account.attribute_version,
        documents: DOCUMENTS.map(document).into(),
        countries: countries(visitor.language).map(country).collect(),
        questions: QUESTIONS.into_iter().zip(texts).map(question).collect(),
        typed: form,
        problems,
        f,
    }
}

/// One value, in words: what the account says, what the document says, and what that means.
struct ComparedRow {
    label: String,
    known: String,
    shown: String,
    verdict: String,
    differs: bool,
}

#[derive(Template)]
#[template(path = "proofing/compare.html")]
struct ComparePage {
    f: Frame,
    id: String,
    is_practice: bool,
    /// Another officer has typed this; this one is the second.
    is_second: bool,
    document: String,
    rows: Vec<ComparedRow>,
    email: String,
    plan: Plan,
    level: String,
    most: String,
    /// What was typed, carried along.
    carried: Vec<(&'static str, String)>,
    problems: Problems,
}

fn compared(account: &Account, check: &Check, plan: &Plan, language: Language) -> Vec<ComparedRow> {
    let t = language.texts();
    let row = |(name, shown): &(AttributeName, Option<String>)| {
        let known = account.value(*name);
        let differs = plan.differences.iter().any(|one| one.name == *name);
        let verdict = match (known, shown) {
            (None, None) => &t.desk.verdict_same,
            (None, Some(_)) => &t.desk.verdict_new,
            _ if differs => &t.desk.verdict_differs,
            (Some(known), Some(shown)) if known == shown => &t.desk.verdict_same,
            _ => &t.desk.verdict_spelling,
        };
        let words = |value: Option<&str>| {
            value.map_or_else(|| t.desk.nothing.to_string(), |value| attribute_value(language, *name, value))
        };
        ComparedRow {
            label: attribute_label(t, *name),
            known: words(known),
            shown: words(shown.as_deref()),
            verdict: verdict.to_string(),
            differs,
        }
    };
    check.shown.iter().map(row).collect()
}

/// What was typed, for the next page.
pub(super) fn carried(form: &Form) -> Vec<(&'static str, String)> {
    let is_carried = |name: &&str| !matches!(*name, "einverstanden" | "adresse_stimmt");
    FIELDS.into_iter().filter(is_carried).map(|name| (name, form.get(name).to_owned())).collect()
}

fn compare_page(at: &AtDesk, found: &Look, check: &Check, form: &Form, problems: Problems) -> ComparePage {
    let visitor = &at.caller.visitor;
    let (f, language) = (visitor.frame(), visitor.language);
    let mut plan = check.plan(&found.account, &found.office, found.most);
    let is_second = found.first.is_some();
    plan.four_eyes &= !is_second && found.id.is_some();
    ComparePage {
        id: found.path_id(),
        is_practice: found.id.is_none(),
        is_second,
        document: document_label(f.t, check.document.kind).to_string(),
        rows: compared(&found.account, check, &plan, language),
        email: found.account.email.address.as_str().to_owned(),
        level: level_name(f.t, plan.level),
        most: level_name(f.t, found.most),
        carried: if is_second { Vec::new() } else { carried(form) },
        plan,
        problems,
        f,
    }
}

#[derive(Template)]
#[template(path = "proofing/waits.html")]
struct WaitsPage {
    f: Frame,
    id: String,
    office: String,
}

pub(super) async fn found(at: &AtDesk, id: &str) -> Result<Look, Error> {
    let app = &at.caller.visitor.app;
    look(&mut app.read().await?, app, &at.officer, id).await
}

pub async fn show(at: AtDesk, id: web::Path<String>) -> Answer {
    let (visitor, found) = (&at.caller.visitor, found(&at, &id).await?);
    match (&found.state, &found.first) {
        (State::Confirmed, _) => visitor.leave(&format!("/amt/vorgang/{}/quittung", found.path_id())),
        (State::Refused | State::Recorded, _) => visitor.leave("/amt"),
        (State::Waiting, _) if found.is_own_first => {
            let office = found.office.name(visitor.language).to_owned();
            visitor.page(&WaitsPage { f: visitor.frame(), id: found.path_id(), office })
        }
        (State::Waiting, Some(check)) if found.purpose == Purpose::Recovery => {
            let comparison = Comparison::of(check, &found.account, &found.office);
            recover::page(&at, &found, (check, comparison), &Form::empty())
        }
        (State::Waiting, Some(check)) => {
            visitor.page(&compare_page(&at, &found, check, &Form::empty(), Problems::none()))
        }
        (State::Waiting, None) => visitor.page(&check_page(&at, &found, Form::empty(), Problems::none())),
    }
}

/// What was typed, beside what the account says. Nothing is written down yet.
pub async fn compare(at: AtDesk, id: web::Path<String>, form: Form) -> Answer {
    let (visitor, found) = (&at.caller.visitor, found(&at, &id).await?);
    if found.state != State::Waiting || found.is_own_first || found.first.is_some() {
        return Err(Error::Conflict("case"));
    }
    match Check::read(|name| form.get(name), visitor.app.now()) {
        Ok(check) if check.seen != found.account.attribute_version => overtaken(&at, &found, form),
        Ok(check) if found.purpose == Purpose::Recovery => recover::compare(&at, &found, &check, &form).await,
        Ok(check) => visitor.page(&compare_page(&at, &found, &check, &form, Problems::none())),
        Err(Error::Invalid(problems)) => {
            visitor.page_again(&check_page(&at, &found, form, visitor.problems(&problems)))
        }
        Err(error) => Err(error),
    }
}

/// The person has changed their data meanwhile: the officer looks once more.
pub(super) fn overtaken(at: &AtDesk, found: &Look, form: Form) -> Answer {
    let problems = at.caller.visitor.problems(&[OVERTAKEN]);
    at.caller.visitor.page_again(&check_page(at, found, form, problems))
}

pub async fn submit(at: AtDesk, id: web::Path<String>, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    let agreed = Agreed { differences: form.is("einverstanden", "ja"), email: form.is("adresse_stimmt", "ja") };
    let before = found(&at, &id).await?;
    if before.purpose == Purpose::Recovery {
        return recover::submit(at, id, &before, form).await;
    }
    let (check, outcome) = match &before.first {
        Some(check) => (check.clone(), confirm_second(&visitor.app, &at.officer, &id, agreed).await),
        None => {
            let check = Check::read(|name| form.get(name), visitor.app.now())?;
            let outcome = confirm(&visitor.app, &at.officer, &id, &check, agreed).await;
            (check, outcome)
        }
    };
    match outcome {
        Ok(Confirmed::Done(_)) => visitor.leave(&format!("/amt/vorgang/{}/quittung", before.path_id())),
        Ok(Confirmed::WaitsForSecond) => visitor.leave("/amt?erledigt=zweite"),
        Ok(Confirmed::Practised) => visitor.leave(&format!("/amt/vorgang/{}/quittung", practice::ID)),
        Err(Error::Invalid(problems)) => {
            let problems: Vec<FieldProblem> = problems;
            visitor.page_again(&compare_page(&at, &before, &check, &form, visitor.problems(&problems)))
        }
        Err(Error::Conflict("attributes")) if before.first.is_none() => {
            let now = found(&at, &id).await?;
            overtaken(&at, &now, form)
        }
        Err(error) => Err(error),
    }
}
