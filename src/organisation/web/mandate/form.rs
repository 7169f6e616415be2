//! Offering, asking and passing on: a form, a page to check, and it is done.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use askama::Template;

use super::{Answer, At, Authority, Head, Sent, action_label, authorities, mandate_of};
use crate::client::registry::Registry;
use crate::kernel::calendar::{end_of, typed_day};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::{AuthorityId, ClientId};
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::organisation::invitation::last_day;
use crate::organisation::mandate::lists;
use crate::organisation::mandate::open::{self, What};
use crate::organisation::mandate::party::Named;
use crate::organisation::mandate::{Action, Scope, Services, Terms};
use crate::organisation::record::RegisterKind;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// A box or a line to choose.
pub struct Choice {
    pub id: String,
    pub value: String,
    pub label: String,
    pub is_chosen: bool,
}

/// What a mandate allows, as fields of a form.
pub struct TermsFields {
    pub actions: Vec<Choice>,
    pub is_all: bool,
    pub authorities: Vec<Choice>,
    pub services: Vec<Choice>,
    pub from: [String; 3],
    pub until: [String; 3],
    pub may_pass_on: bool,
    /// Whether that can be chosen.
    pub offers_passing_on: bool,
}

/// A day as its three fields.
fn day_fields(at: Timestamp) -> [String; 3] {
    let date = at.in_germany().date();
    [date.day().to_string(), u8::from(date.month()).to_string(), date.year().to_string()]
}

impl TermsFields {
    /// As somebody has typed them; at first nothing is chosen.
    pub fn typed(at: &At, form: &Form, offers_passing_on: bool) -> Self {
        let day = |names: [&str; 3]| names.map(|name| form.get(name).to_owned());
        Self::new(
            at,
            |action| form.all("handlung").any(|chosen| chosen == action.name()),
            form.is("dienste", "alle"),
            |authority| form.all("behoerde").any(|chosen| chosen == authority.0),
            |client| form.all("dienst").any(|chosen| chosen == client.0),
        )
        .with_rest(
            (day(["von_tag", "von_monat", "von_jahr"]), day(["bis_tag", "bis_monat", "bis_jahr"])),
            (form.is("weitergabe", "ja"), offers_passing_on),
        )
    }

    /// As they stand.
    pub fn of(at: &At, terms: &Terms) -> Self {
        let is_all = terms.scope.services == Services::All;
        let days = (day_fields(terms.from), day_fields(last_day(terms.until)));
        let services = &terms.scope.services;
        let is_named = |client: &ClientId| services.named().any(|named| named == client);
        let is_whole = |authority: &AuthorityId| services.authorities().any(|named| named == authority);
        Self::new(at, |action| terms.scope.actions.contains(&action), is_all, is_whole, is_named)
            .with_rest(days, (terms.may_pass_on, true))
    }

    fn new(
        at: &At,
        has_action: impl Fn(Action) -> bool,
        is_all: bool,
        has_authority: impl Fn(&AuthorityId) -> bool,
        has_service: impl Fn(&ClientId) -> bool,
    ) -> Self {
        let visitor = &at.caller.visitor;
        let action = |action: Action| Choice {
            id: if action == Action::Read { "handlung".to_owned() } else { action.name().to_owned() },
            value: action.name().to_owned(),
            label: action_label(at.words().texts(), action).to_string(),
            is_chosen: has_action(action),
        };
        let mut approved = visitor.registry.approved();
        approved.retain(|client| client.mandates);
        let service = |(number, client): (usize, &std::sync::Arc<crate::client::Client>)| Choice {
            id: format!("dienst-{}", number + 1),
            value: client.id.0.clone(),
            label: client.title(visitor.language),
            is_chosen: has_service(&client.id),
        };
        let authority = |(number, one): (usize, Authority)| Choice {
            id: format!("behoerde-{}", number + 1),
            label: one.label(at.words().texts()),
            is_chosen: has_authority(&one.id),
            value: one.id.0,
        };
        Self {
            actions: Action::ALL.into_iter().map(action).collect(),
            is_all,
            authorities: authorities(visitor).into_iter().enumerate().map(authority).collect(),
            services: approved.iter().enumerate().map(service).collect(),
            from: Default::default(),
            until: Default::default(),
            may_pass_on: false,
            offers_passing_on: false,
        }
    }

    fn with_rest(
        self,
        (from, until): ([String; 3], [String; 3]),
        (may_pass_on, offers_passing_on): (bool, bool),
    ) -> Self {
        Self { from, until, may_pass_on, offers_passing_on, ..self }
    }
}

/// Whether mandates are used at a service: it is approved and declares so.
pub fn takes_mandates(registry: &Registry, id: &ClientId) -> bool {
    registry.find(id).is_some_and(|client| client.mandates && !client.is_unchecked())
}

/// What was chosen. Nothing if one of it is no authority, or no service at which mandates are used: that is refused, not passed over.
fn read_services(at: &At, form: &Form) -> Option<Services> {
    if form.is("dienste", "alle") {
        return Some(Services::All);
    }
    let visitor = &at.caller.visitor;
    let service = |id: &str| Some(ClientId(id.to_owned())).filter(|id| takes_mandates(&visitor.registry, id));
    let known = authorities(visitor);
    let authority = |id: &str| known.iter().find(|known| known.id.0 == id).map(|known| known.id.clone());
    let services: BTreeSet<ClientId> = form.all("dienst").map(service).collect::<Option<_>>()?;
    let authorities: BTreeSet<AuthorityId> = form.all("behoerde").map(authority).collect::<Option<_>>()?;
    Some(Services::chosen(authorities, services))
}

/// What a form says that a mandate allows; every problem at its field.
pub fn read_terms(at: &At, form: &Form) -> Result<Terms, Error> {
    let mut problems = Vec::new();
    let now = at.caller.visitor.app.now();
    let mut refuse = |field, problem| problems.push(FieldProblem { field, problem });
    let actions: BTreeSet<Action> =
        Action::ALL.into_iter().filter(|action| form.all("handlung").any(|chosen| chosen == action.name())).collect();
    if actions.is_empty() {
        refuse("handlung", "mandate_actions");
    }
    let services = read_services(at, form);
    match &services {
        None => refuse("dienste", "mandate_service"),
        Some(Services::All) => {}
        Some(some) if some.named().count() + some.authorities().count() > 0 => {}
        Some(_) => refuse("dienste", "mandate_services"),
    }
    let services = services.unwrap_or_else(|| Services::Only(BTreeSet::new()));
    let mut day = |names: [&'static str; 3], is_needed: bool| {
        let typed = names.map(|name| form.get(name));
        if !is_needed && typed.iter().all(|text| text.trim().is_empty()) {
            return None;
        }
        let day = typed_day(typed);
        if day.is_none() {
            refuse(names[0], "date_format");
        }
        day
    };
    let from = day(["von_tag", "von_monat", "von_jahr"], false).map(Timestamp::midnight_in_germany);
    let until = day(["bis_tag", "bis_monat", "bis_jahr"], true).map(end_of);
    // What begins today begins now.
    let from = from.map_or(now, |from| from.max(now));
    match until {
        Some(until) if problems.is_empty() => {
            let may_pass_on = form.is("weitergabe", "ja");
            Ok(Terms { scope: Scope { actions, services }, from, until, may_pass_on })
        }
        _ => Err(Error::Invalid(problems)),
    }
}

/// What is being opened, with its mandate where one is passed on.
#[derive(Clone, PartialEq, Eq)]
enum Task {
    Offer,
    Ask,
    PassOn(crate::kernel::id::MandateId),
}

impl Task {
    fn what(&self) -> What<'_> {
        match self {
            Self::Offer => What::Offer,
            Self::Ask => What::Ask,
            Self::PassOn(id) => What::PassOn(id),
        }
    }

    fn path(&self, at: &At) -> String {
        match self {
            Self::Offer => format!("{}/neu", at.base()),
            Self::Ask => format!("{}/anfragen", at.base()),
            Self::PassOn(id) => format!("{}/{id}/weitergeben", at.base()),
        }
    }
}

#[derive(Template)]
#[template(path = "mandate/form.html")]
struct FormPage {
    f: Frame,
    o: Head,
    title: String,
    intro: String,
    path: String,
    typed: Form,
    kinds: Vec<Choice>,
    terms: TermsFields,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "mandate/check.html")]
struct CheckPage {
    f: Frame,
    o: Head,
    title: String,
    submit: String,
    path: String,
    named: String,
    actions: String,
    services: Vec<String>,
    from: String,
    until: String,
    may_pass_on: bool,
    /// Everything that was typed, once more.
    fields: Vec<(&'static str, String)>,
}

const FIELDS: [&str; 17] = [
    "art",
    "konto",
    "email",
    "register",
    "registergericht",
    "nummer",
    "handlung",
    "dienste",
    "behoerde",
    "dienst",
    "von_tag",
    "von_monat",
    "von_jahr",
    "bis_tag",
    "bis_monat",
    "bis_jahr",
    "weitergabe",
];

fn titles_of(at: &At, task: &Task) -> (String, String, String) {
    let t = at.words().texts();
    let (title, intro, submit) = match task {
        Task::Offer => (&t.offer, &t.offer_intro, &t.offer_submit),
        Task::Ask => (&t.ask, &t.ask_intro, &t.ask_submit),
        Task::PassOn(_) => (&t.pass_on, &t.pass_on_intro, &t.pass_on_submit),
    };
    (title.to_string(), intro.to_string(), submit.to_string())
}

async fn page(at: &At, task: &Task, form: Form, problems: Problems) -> Result<FormPage, Error> {
    let visitor = &at.caller.visitor;
    let (title, intro, _) = titles_of(at, task);
    let kind = |kind: RegisterKind| Choice {
        id: kind.name().to_owned(),
        value: kind.name().to_owned(),
        label: kind.label(visitor.language.texts()).to_string(),
        is_chosen: form.is("register", kind.name()),
    };
    // What is passed on is at first what is held.
    let terms = match task {
        Task::PassOn(id) if form.get("aktion").is_empty() => {
            let app = &visitor.app;
            let shown = lists::look(&mut app.read().await?, app, &at.party(), id).await?;
            if !shown.mandate.can_pass_on(app.now()) || shown.mandate.agent.as_ref() != Some(&at.party()) {
                return Err(Error::NotAllowed("mandate"));
            }
            let terms = TermsFields::of(at, &shown.mandate.terms);
            TermsFields { may_pass_on: false, offers_passing_on: false, ..terms }
        }
        Task::PassOn(_) => TermsFields::typed(at, &form, false),
        _ => TermsFields::typed(at, &form, true),
    };
    let kinds = RegisterKind::ALL.into_iter().map(kind).collect();
    Ok(FormPage {
        f: visitor.frame(),
        o: at.head(),
        title,
        intro,
        path: task.path(at),
        typed: form,
        kinds,
        terms,
        problems,
    })
}

async fn show(at: At, task: Task) -> Answer {
    at.require()?;
    at.caller.visitor.page(&page(&at, &task, Form::empty(), Problems::none()).await?)
}

pub async fn offer(at: At) -> Answer {
    show(at, Task::Offer).await
}

pub async fn ask(at: At) -> Answer {
    show(at, Task::Ask).await
}

pub async fn pass_on(at: At, request: HttpRequest) -> Answer {
    let id = mandate_of(&request)?;
    show(at, Task::PassOn(id)).await
}

fn check(at: &At, task: &Task, form: &Form) -> Result<CheckPage, Error> {
    let (named, terms) = read(at, form)?;
    let (title, _, submit) = titles_of(at, task);
    let words = at.words();
    let all = |name: &'static str| form.all(name).map(move |value| (name, value.to_owned())).collect::<Vec<_>>();
    let is_typed = !form.get("von_tag").trim().is_empty();
    let language = at.caller.visitor.language;
    Ok(CheckPage {
        f: at.caller.visitor.frame(),
        o: at.head(),
        title,
        submit,
        path: task.path(at),
        named: named.to_string(),
        actions: words.actions(&terms.scope),
        services: words.services(&terms.scope),
        from: if is_typed { moment::date(language, terms.from) } else { words.texts().from_now.to_string() },
        until: words.until(&terms),
        may_pass_on: terms.may_pass_on,
        fields: FIELDS.into_iter().flat_map(all).collect(),
    })
}

fn read(at: &At, form: &Form) -> Result<(Named, Terms), Error> {
    match (Named::read(|name| form.get(name).to_owned()), read_terms(at, form)) {
        (Ok(named), Ok(terms)) => Ok((named, terms)),
        // All problems at once.
        (Err(Error::Invalid(mut one)), Err(Error::Invalid(other))) => {
            one.extend(other);
            Err(Error::Invalid(one))
        }
        (Err(error), Ok(_)) | (_, Err(error)) => Err(error),
    }
}

async fn submit(Sent { at, form }: Sent, task: Task) -> Answer {
    at.require()?;
    let visitor = &at.caller.visitor;
    let done = match form.get("aktion") {
        "pruefen" => match check(&at, &task, &form) {
            Ok(page) => return visitor.page(&page),
            Err(error) => Err(error),
        },
        "senden" => match read(&at, &form) {
            Ok((named, terms)) => open::open(&visitor.app, at.side(), task.what(), (&named, &terms)).await,
            Err(error) => Err(error),
        },
        "aendern" => return visitor.page(&page(&at, &task, form, Problems::none()).await?),
        _ => Err(Error::field("art", "choice_unknown")),
    };
    match done {
        Ok(id) => visitor.leave(&format!("{}/{id}?erledigt=gesendet", at.base())),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&page(&at, &task, form, problems).await?)
        }
        Err(error) => Err(error),
    }
}

pub async fn submit_offer(sent: Sent) -> Answer {
    submit(sent, Task::Offer).await
}

pub async fn submit_ask(sent: Sent) -> Answer {
    submit(sent, Task::Ask).await
}

pub async fn submit_pass_on(sent: Sent, request: HttpRequest) -> Answer {
    let id = mandate_of(&request)?;
    submit(sent, Task::PassOn(id)).await
}
