//! Registering an organisation, one thing on each page.

use actix_web::http::StatusCode;
use askama::Template;

use super::Answer;
use super::rows::{self, Row};
use super::typed::{Choice, Typed};
use crate::kernel::error::Error;
use crate::kernel::level::Level;
use crate::organisation::claim;
use crate::organisation::draft::{self, Draft, Stage};
use crate::organisation::opening::{self, Founder, Opened};
use crate::organisation::record::economic_index;
use crate::organisation::{letter, typed};
use crate::web::caller::SignedIn;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, respond};

/// One page of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Name,
    Register,
    Places,
    Number,
}

impl Step {
    const fn path(self) -> &'static str {
        match self {
            Self::Name => "/organisation/neu",
            Self::Register => "/organisation/neu/register",
            Self::Places => "/organisation/neu/anschrift",
            Self::Number => "/organisation/neu/nummer",
        }
    }

    /// How far the answers have to be.
    const fn needs(self) -> Stage {
        match self {
            Self::Name => Stage::Begun,
            Self::Register => Stage::Named,
            Self::Places => Stage::Entered,
            Self::Number => Stage::Placed,
        }
    }

    /// The first page that has not been answered; `None` if all have.
    const fn due(stage: Stage) -> Option<Self> {
        match stage {
            Stage::Begun => Some(Self::Name),
            Stage::Named => Some(Self::Register),
            Stage::Entered => Some(Self::Places),
            Stage::Placed => Some(Self::Number),
            Stage::Complete => None,
        }
    }

    const fn number(self) -> usize {
        match self {
            Self::Name => 1,
            Self::Register => 2,
            Self::Places => 3,
            Self::Number => 4,
        }
    }
}

#[derive(Template)]
#[template(path = "organisation/step.html")]
struct StepPage {
    f: Frame,
    step: Step,
    typed: Typed,
    forms: Vec<Choice>,
    registers: Vec<Choice>,
    problems: Problems,
}

/// Only somebody who is known and signed in at substantial registers (Implementing Regulation (EU) 2015/1502, 2.1.4).
fn require(caller: &SignedIn) -> Result<(), Error> {
    if caller.session.level(caller.visitor.app.now()) < Level::Substantial {
        return Err(Error::LevelTooLow(Level::Substantial));
    }
    Ok(())
}

async fn known(caller: &SignedIn) -> Result<Draft, Error> {
    let app = &caller.visitor.app;
    draft::load(&mut app.read().await?, &app.vault, &caller.session.account_id, app.now()).await
}

fn page(caller: &SignedIn, step: Step, draft: &Draft, (typed, problems): (Typed, Problems)) -> StepPage {
    let f = caller.visitor.frame();
    let (forms, registers) = (typed.forms(f.t), typed.registers(f.t, draft.form));
    StepPage { step, forms, registers, typed, problems, f }
}

/// A page whose turn has not come sends to the one that has.
async fn show(caller: &SignedIn, step: Step) -> Answer {
    require(caller)?;
    let draft = known(caller).await?;
    if draft.stage < step.needs() {
        return caller.visitor.leave(Step::due(draft.stage).unwrap_or(Step::Name).path());
    }
    caller.visitor.page(&page(caller, step, &draft, (Typed::of_draft(&draft), Problems::none())))
}

/// Takes what was typed and goes on to the next page; or shows the same again.
async fn submit(caller: &SignedIn, step: Step, form: &Form, read: Result<Change, Error>) -> Answer {
    require(caller)?;
    let (visitor, account) = (&caller.visitor, &caller.session.account_id);
    match read {
        Ok(change) => {
            let mut work = caller.begin().await?;
            draft::step(&mut work, &visitor.app.vault, account, step.needs(), change).await?;
            work.commit().await?;
            let next = match step {
                Step::Name => Step::Register,
                Step::Register => Step::Places,
                Step::Places => Step::Number,
                Step::Number => return visitor.leave("/organisation/neu/pruefen"),
            };
            // Forms that stand in no register have nothing to answer there.
            let is_skipped = next == Step::Register && known(caller).await?.asks_no_register();
            visitor.leave(if is_skipped { Step::Places.path() } else { next.path() })
        }
        Err(Error::Invalid(problems)) => {
            let (draft, problems) = (known(caller).await?, visitor.problems(&problems));
            visitor.page_again(&page(caller, step, &draft, (Typed::in_form(form), problems)))
        }
        Err(error) => Err(error),
    }
}

type Change = Box<dyn FnOnce(&mut Draft) + Send>;

fn fields(form: &Form) -> impl typed::Fields + '_ {
    |name| form.get(name).to_owned()
}

fn founder<'a>(caller: &'a SignedIn, network: &'a crate::signin::attempts::Network) -> Founder<'a> {
    Founder { account: &caller.session.account_id, network, request: &caller.visitor.request_id }
}

pub async fn name(caller: SignedIn) -> Answer {
    show(&caller, Step::Name).await
}

pub async fn submit_name(caller: SignedIn, form: Form) -> Answer {
    let read = typed::read_name(&fields(&form));
    let change = read.map(|(name, legal_form)| -> Change { Box::new(move |draft| draft.rename(name, legal_form)) });
    submit(&caller, Step::Name, &form, change).await
}

pub async fn register(caller: SignedIn) -> Answer {
    show(&caller, Step::Register).await
}

pub async fn submit_register(caller: SignedIn, form: Form) -> Answer {
    require(&caller)?;
    let legal_form = known(&caller).await?.form.ok_or(Error::Conflict("organisation_step"))?;
    let read = typed::read_entry(legal_form, &fields(&form));
    let entry = read.as_ref().ok().cloned().flatten();
    let change = read.map(|entry| -> Change { Box::new(move |draft| draft.enter(entry)) });
    let next = submit(&caller, Step::Register, &form, change).await?;
    let network = caller.visitor.network();
    let is_taken = entry.is_some()
        && opening::is_taken(&caller.visitor.app, founder(&caller, &network), (entry.as_ref(), None)).await?;
    if is_taken { taken(&caller, Step::Register) } else { Ok(next) }
}

pub async fn places(caller: SignedIn) -> Answer {
    show(&caller, Step::Places).await
}

pub async fn submit_places(caller: SignedIn, form: Form) -> Answer {
    let read = typed::read_places(&fields(&form));
    let change = read.map(|places| -> Change { Box::new(move |draft| draft.place(places)) });
    submit(&caller, Step::Places, &form, change).await
}

pub async fn number(caller: SignedIn) -> Answer {
    show(&caller, Step::Number).await
}

pub async fn submit_number(caller: SignedIn, form: Form) -> Answer {
    require(&caller)?;
    let read = typed::read_economic_id(&fields(&form));
    let id = read.as_ref().ok().cloned().flatten();
    let change = read.map(|id| -> Change { Box::new(move |draft| draft.number(id)) });
    let next = submit(&caller, Step::Number, &form, change).await?;
    let (app, network) = (&caller.visitor.app, caller.visitor.network());
    let index = id.map(|id| economic_index(&app.vault, &id));
    let is_taken = opening::is_taken(app, founder(&caller, &network), (None, index)).await?;
    if is_taken { taken(&caller, Step::Number) } else { Ok(next) }
}

#[derive(Template)]
#[template(path = "organisation/taken.html")]
struct TakenPage {
    f: Frame,
    back: &'static str,
}

fn taken(caller: &SignedIn, step: Step) -> Answer {
    respond(StatusCode::CONFLICT, &TakenPage { f: caller.visitor.frame(), back: step.path() })
}

#[derive(Template)]
#[template(path = "organisation/check.html")]
struct CheckPage {
    f: Frame,
    rows: Vec<Row>,
    has_letters: bool,
    problems: Problems,
}

async fn check_page(caller: &SignedIn, problems: Problems) -> Result<Option<CheckPage>, Error> {
    let Some(record) = known(caller).await?.record() else { return Ok(None) };
    let f = caller.visitor.frame();
    let rows = rows::of_draft(f.t, &record);
    Ok(Some(CheckPage { rows, has_letters: letter::is_offered(&caller.visitor.app), problems, f }))
}

pub async fn check(caller: SignedIn) -> Answer {
    require(&caller)?;
    match check_page(&caller, Problems::none()).await? {
        Some(page) => caller.visitor.page(&page),
        None => caller.visitor.leave(Step::due(known(&caller).await?.stage).unwrap_or(Step::Name).path()),
    }
}

pub async fn submit_check(caller: SignedIn, _form: Form) -> Answer {
    require(&caller)?;
    let (visitor, network) = (&caller.visitor, caller.visitor.network());
    match opening::open(&visitor.app, founder(&caller, &network)).await {
        Ok(Opened::New(id)) => visitor.leave(&format!("/organisation/{id}?erledigt=angelegt")),
        Ok(Opened::Taken) => taken(&caller, Step::Register),
        Err(Error::Invalid(problems)) => {
            let page = check_page(&caller, visitor.problems(&problems)).await?;
            visitor.page_again(&page.ok_or(Error::Conflict("organisation_step"))?)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "organisation/claim.html")]
struct ClaimPage {
    f: Frame,
    statement: String,
    claimed: bool,
    problems: Problems,
}

fn claim_page(caller: &SignedIn, statement: &str, problems: Problems) -> ClaimPage {
    let claimed = caller.visitor.query() == "erledigt=1";
    ClaimPage { f: caller.visitor.frame(), statement: statement.to_owned(), claimed, problems }
}

pub async fn show_claim(caller: SignedIn) -> Answer {
    require(&caller)?;
    caller.visitor.page(&claim_page(&caller, "", Problems::none()))
}

pub async fn submit_claim(caller: SignedIn, form: Form) -> Answer {
    require(&caller)?;
    let (visitor, network, statement) = (&caller.visitor, caller.visitor.network(), form.get("begruendung"));
    match claim::claim(&visitor.app, founder(&caller, &network), statement).await {
        Ok(()) => visitor.leave("/organisation/neu/anspruch?erledigt=1"),
        Err(Error::Invalid(problems)) => {
            visitor.page_again(&claim_page(&caller, statement, visitor.problems(&problems)))
        }
        Err(error) => Err(error),
    }
}
