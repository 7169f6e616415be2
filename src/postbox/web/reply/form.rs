//! Writing a reply, or going on with it.

use actix_web::HttpRequest;
use askama::Template;

use super::super::{Answer, At, message_of};
use super::About;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::postbox::reply::asked::{Field, Kind, Mode};
use crate::postbox::reply::write::{self, Desk, Draft};
use crate::postbox::reply::written::{NAMES, Names, Typed};
use crate::store::retention::DRAFT_KEPT;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

struct Control {
    id: &'static str,
    day: [&'static str; 3],
    label: String,
    kind: Kind,
    value: String,
    typed_day: [String; 3],
    choices: Vec<Choice>,
    is_optional: bool,
}

impl Control {
    const fn is_line(&self) -> bool {
        matches!(self.kind, Kind::Text)
    }

    const fn is_text(&self) -> bool {
        matches!(self.kind, Kind::LongText)
    }

    const fn is_choice(&self) -> bool {
        matches!(self.kind, Kind::Choice)
    }

    const fn is_day(&self) -> bool {
        matches!(self.kind, Kind::Date)
    }

    fn choices(&self) -> &[Choice] {
        &self.choices
    }

    fn says(&self, value: &str) -> bool {
        self.value == value
    }
}

#[derive(Template)]
#[template(path = "postbox/reply.html")]
struct FormPage {
    f: Frame,
    id: String,
    about: About,
    until: Option<String>,
    is_closed: bool,
    /// What a form is about; a free reply has one field, which says it.
    label: Option<String>,
    draft: Option<String>,
    saved: bool,
    controls: Vec<Control>,
    problems: Problems,
}

impl At {
    fn controls(&self, desk: &Desk, typed: &Typed) -> Vec<Control> {
        let t = self.words().reply();
        let control = |(number, (field, names)): (usize, (&Field, &Names))| {
            let chosen = typed.get(number).to_owned();
            let none = Choice { value: String::new(), label: t.choose.to_string(), is_chosen: chosen.is_empty() };
            let option = |(place, label): (usize, &String)| {
                let value = (place + 1).to_string();
                Choice { is_chosen: value == chosen, value, label: label.clone() }
            };
            let options = field.options.iter().enumerate().map(option);
            Control {
                id: names.id,
                day: names.day,
                label: if field.required {
                    field.label.clone()
                } else {
                    t.optional.with("label", &field.label).to_string()
                },
                kind: field.kind,
                typed_day: typed.day(number).map(str::to_owned),
                choices: std::iter::once(none).chain(options).collect(),
                is_optional: !field.required,
                value: chosen,
            }
        };
        desk.asked.fields().iter().zip(&NAMES).enumerate().map(control).collect()
    }

    fn draft_words(&self, draft: &Draft) -> String {
        let language = self.words().language();
        let on = |at: Timestamp| moment::date(language, at);
        let text = self.words().reply().draft.with("time", moment::date_and_clock(language, draft.saved_at));
        text.with("until", on(draft.saved_at.plus(DRAFT_KEPT))).to_string()
    }

    fn form_page(&self, desk: &Desk, typed: &Typed, problems: &[FieldProblem]) -> FormPage {
        let visitor = &self.caller.visitor;
        let fields = desk.asked.fields();
        let label = |control: &str| {
            let place = NAMES.iter().position(|names| names.id == control || names.day.contains(&control));
            place.and_then(|place| fields.get(place)).map(|field| field.label.clone()).unwrap_or_default()
        };
        FormPage {
            f: visitor.frame(),
            id: desk.message.id.to_string(),
            about: self.about(&desk.message, &desk.head),
            until: self.words().answered_until(&desk.asked, desk.closed),
            is_closed: desk.closed.is_some(),
            label: (desk.asked.mode == Mode::Form).then(|| desk.asked.label.clone()),
            draft: desk.draft.as_ref().map(|draft| self.draft_words(draft)),
            saved: problems.is_empty() && visitor.query() == "erledigt=gespeichert",
            controls: self.controls(desk, typed),
            problems: visitor.problems(problems).named(label),
        }
    }
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let (visitor, id) = (&at.caller.visitor, message_of(&request)?);
    let desk = match write::look(&visitor.app, &at.reader, &id).await {
        // The page of the notice says what is missing.
        Err(Error::LevelTooLow(_)) => return at.back_to(&id, ""),
        desk => desk?,
    };
    let typed = desk.draft.as_ref().map(|draft| draft.typed.clone()).unwrap_or_default();
    visitor.page(&at.form_page(&desk, &typed, &[]))
}

pub async fn submit(at: At, request: HttpRequest, form: Form) -> Answer {
    let (visitor, id) = (&at.caller.visitor, message_of(&request)?);
    let mut desk = match write::look(&visitor.app, &at.reader, &id).await {
        Err(Error::LevelTooLow(_)) => return at.back_to(&id, ""),
        desk => desk?,
    };
    let (is_to_send, next) = match form.get("aktion") {
        "pruefen" => (true, "/pruefen"),
        "speichern" => (false, "?erledigt=gespeichert"),
        "verwerfen" => {
            write::discard(&visitor.app, &at.reader, &id, at.request()).await?;
            return at.back_to(&id, "verworfen");
        }
        _ => return Err(Error::NotAllowed("form")),
    };
    let typed = Typed::of(&desk.asked, |name| form.get(name));
    if desk.closed.is_some() {
        return visitor.page_again(&at.form_page(&desk, &typed, &[]));
    }
    match write::save(&visitor.app, &at.reader, (&id, &typed), is_to_send, at.request()).await {
        Ok(()) => visitor.leave(&format!("/postfach/{id}/antwort{next}")),
        Err(Error::Invalid(problems)) => visitor.page_again(&at.form_page(&desk, &typed, &problems)),
        // The day has ended in between.
        Err(Error::Conflict(_)) => {
            desk.closed = Some(write::Closed::Over);
            visitor.page_again(&at.form_page(&desk, &typed, &[]))
        }
        Err(error) => Err(error),
    }
}
