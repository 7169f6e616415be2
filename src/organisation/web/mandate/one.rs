//! One mandate: who, what, until when, what has happened, and what may be done with it.

use actix_web::HttpRequest;
use askama::Template;

use super::form::{TermsFields, read_terms};
use super::{Answer, At, Head, Sent, mandate_of};
use crate::kernel::error::Error;
use crate::kernel::id::MandateId;
use crate::kernel::texts::{Text, moment};
use crate::organisation::mandate::guardian::{self, Side};
use crate::organisation::mandate::lists::{self, Shown};
use crate::organisation::mandate::{Done, Mandate, Origin, Standing, State, answer, end};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

struct Step {
    at: String,
    what: String,
    who: String,
}

struct UseRow {
    service: String,
    first: String,
    last: String,
}

#[derive(Template)]
#[template(path = "mandate/one.html")]
struct OnePage {
    f: Frame,
    o: Head,
    id: String,
    principal: String,
    agent: String,
    passed_on_by: Option<String>,
    standing: String,
    actions: String,
    services: Vec<String>,
    from: String,
    until: String,
    may_pass_on: bool,
    by_court: bool,
    /// What the court has written.
    order: Option<String>,
    steps: Vec<Step>,
    /// Where it has been used; shown as soon as it has counted.
    was_accepted: bool,
    uses: Vec<UseRow>,
    /// The one who reads may accept; and if it was asked for, change what it allows.
    answers: bool,
    changes: Option<TermsFields>,
    is_request: bool,
    withdraws: bool,
    stops: bool,
    revokes: bool,
    returns: bool,
    passes_on: bool,
    done: Option<Text>,
    problems: Problems,
}

async fn steps(at: &At, mandate: &Mandate, order: Option<&Side>) -> Result<Vec<Step>, Error> {
    let visitor = &at.caller.visitor;
    let (t, app, party) = (at.words().texts(), &visitor.app, at.party());
    let opened = match mandate.origin {
        Origin::Guardian => &t.step_recorded,
        Origin::Own if mandate.agent.as_ref() == Some(&mandate.opener) => &t.step_asked,
        Origin::Own if mandate.parent.is_some() => &t.step_passed_on,
        Origin::Own => &t.step_offered,
    };
    let ended = match mandate.state {
        State::Declined => &t.step_declined,
        State::Withdrawn => &t.step_withdrawn,
        State::Returned => &t.step_returned,
        State::Gone => &t.step_gone,
        State::Lifted => &t.step_lifted,
        _ => &t.step_revoked,
    };
    let accepted = mandate.accepted.as_ref().filter(|_| mandate.origin == Origin::Own);
    let all = [(Some(&mandate.opened), opened), (accepted, &t.step_accepted), (mandate.ended.as_ref(), ended)];
    // Nobody of an office is named.
    let nobody = match (mandate.origin, order) {
        (Origin::Guardian, Some(order)) => order.office.as_str(),
        (Origin::Guardian, None) => t.by_office.as_str(),
        (Origin::Own, _) => t.other_side.as_str(),
    };
    let tx = &mut app.read().await?;
    let mut steps = Vec::new();
    for (done, what) in all {
        let Some(done): Option<&Done> = done else { continue };
        let who = lists::who(tx, app, &party, done).await?;
        steps.push(Step {
            at: moment::date_and_clock(visitor.language, done.at),
            what: what.to_string(),
            who: who.unwrap_or_else(|| nobody.to_owned()),
        });
    }
    Ok(steps)
}

/// Where it has been used.
async fn use_rows(at: &At, id: &MandateId) -> Result<Vec<UseRow>, Error> {
    let (visitor, words) = (&at.caller.visitor, at.words());
    let row = |one: &end::Use| UseRow {
        service: words.service(&one.client),
        first: moment::date(visitor.language, one.first_at),
        last: moment::date(visitor.language, one.last_at),
    };
    Ok(end::uses(&mut visitor.app.read().await?, id).await?.iter().map(row).collect())
}

/// What has just been done.
fn done(at: &At) -> Option<Text> {
    let t = at.words().texts();
    let text = match at.caller.visitor.query().strip_prefix("erledigt=")? {
        "gesendet" => &t.done_sent,
        "angenommen" => &t.done_accepted,
        "abgelehnt" => &t.done_declined,
        "zurueckgezogen" => &t.done_withdrawn,
        "beendet" => &t.done_ended,
        _ => return None,
    };
    Some(text.clone())
}

async fn page(at: &At, id: &MandateId, typed: Option<&Form>, problems: Problems) -> Result<OnePage, Error> {
    let visitor = &at.caller.visitor;
    let (app, words, party) = (&visitor.app, at.words(), at.party());
    let (t, now) = (words.texts(), app.now());
    let Shown { mandate, principal, agent, passed_on_by } =
        lists::look(&mut app.read().await?, app, &party, id).await?;
    let order = guardian::of_mandate(&mut app.read().await?, app, &party, id).await?;
    let steps = steps(at, &mandate, order.as_ref()).await?;
    let standing = mandate.standing(now);
    let (may, is_open) = (at.may_change(), standing == Standing::Open);
    let answers = may && is_open && mandate.answerer() == Some(&party);
    let is_request = mandate.state == State::Asked;
    let wants_change = typed.is_some() || visitor.query() == "umfang=1";
    let changes = (answers && is_request && wants_change).then(|| match typed {
        Some(form) => TermsFields::typed(at, form, true),
        None => TermsFields::of(at, &mandate.terms),
    });
    let ends = match standing {
        Standing::Counts | Standing::Waits | Standing::Rests if may => mandate.end_by(&party),
        _ => None,
    };
    let unknown = || t.unknown.to_string();
    Ok(OnePage {
        f: visitor.frame(),
        o: at.head(),
        id: mandate.id.to_string(),
        principal: principal.unwrap_or_else(unknown),
        agent: agent.unwrap_or_else(unknown),
        passed_on_by,
        standing: words.standing(&mandate),
        actions: words.actions(&mandate.terms.scope),
        services: words.services(&mandate.terms.scope),
        from: words.from(&mandate.terms),
        until: words.until(&mandate.terms),
        may_pass_on: mandate.terms.may_pass_on,
        by_court: mandate.origin == Origin::Guardian,
        order: order.as_ref().map(|order| words.order(order)),
        steps,
        was_accepted: mandate.accepted.is_some(),
        uses: use_rows(at, id).await?,
        answers,
        changes,
        is_request,
        withdraws: may && is_open && mandate.opener == party,
        stops: may && is_open && !answers && mandate.opener != party,
        revokes: ends == Some(State::Revoked),
        returns: ends == Some(State::Returned),
        passes_on: may && mandate.agent.as_ref() == Some(&party) && mandate.can_pass_on(now),
        done: done(at),
        problems,
    })
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    at.look()?;
    let id = mandate_of(&request)?;
    at.caller.visitor.page(&page(&at, &id, None, Problems::none()).await?)
}

pub async fn submit(Sent { at, form }: Sent, request: HttpRequest) -> Answer {
    let (visitor, id) = (&at.caller.visitor, mandate_of(&request)?);
    let (app, action) = (&visitor.app, form.get("aktion"));
    // Saying no and ending need no level of a person; giving and taking do.
    if ["annehmen", "aendern"].contains(&action) {
        at.require()?
    } else {
        at.require_right()?
    }
    let (done, told) = match action {
        "annehmen" => (answer::accept(app, at.side(), &id, None).await, "angenommen"),
        "aendern" => match read_terms(&at, &form) {
            Ok(terms) => (answer::accept(app, at.side(), &id, Some(&terms)).await, "angenommen"),
            Err(error) => (Err(error), ""),
        },
        "ablehnen" => (answer::refuse(app, at.side(), &id).await, "abgelehnt"),
        "zurueckziehen" => (answer::refuse(app, at.side(), &id).await, "zurueckgezogen"),
        "beenden" => (end::end(app, at.side(), &id).await, "beendet"),
        _ => (Err(Error::field("aktion", "choice_unknown")), ""),
    };
    match done {
        Ok(()) => visitor.leave(&format!("{}/{id}?erledigt={told}", at.base())),
        Err(Error::Invalid(problems)) => {
            at.look()?;
            let problems = visitor.problems(&problems);
            visitor.page_again(&page(&at, &id, Some(&form), problems).await?)
        }
        Err(error) => Err(error),
    }
}
