//! The page on which people say for whom they act: themselves, an organisation, or whoever has given a mandate.

use askama::Template;

use super::Answer;
use crate::client::Serves;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::Texts;
use crate::organisation::acting::{self, Acting, After, Capacity, Choices, Party, Role, Wanted};
use crate::web::caller::{SignedIn, Visitor};
use crate::web::form::{Form, parse_pairs};
use crate::web::page::{Frame, Problems};

/// From so many on there is a search.
const SEARCH_FROM: usize = 10;
/// So many of those that were found on one page.
const PAGE: usize = 50;
const SEARCH_MAX: usize = 100;

struct Row {
    id: String,
    name: String,
    role: String,
    is_chosen: bool,
    /// Where its services are, for whoever represents it.
    services: Option<String>,
}

impl Row {
    fn new(t: &Texts, one: &Acting, (chosen, leads_away): (Option<&str>, bool)) -> Self {
        let (id, role) = (one.power.capacity.as_str(), one.power.role());
        let represents = leads_away && role == Role::Representative;
        let services = represents.then(|| format!("/organisation/{}/dienste", one.power.party.as_str()));
        let role = match role {
            Role::Mandate => t.acting.role_mandate_number.with("mandate", id).to_string(),
            role => role.label(t).to_string(),
        };
        let (name, is_chosen) = (one.name.clone(), chosen == Some(id));
        Self { id: id.to_owned(), name, role, is_chosen, services }
    }
}

#[derive(Template)]
#[template(path = "organisation/acting.html")]
struct ChoicePage {
    f: Frame,
    /// The service that one is on the way to, and its process.
    service: Option<String>,
    flow: Option<String>,
    is_lost: bool,
    /// The person, if they may go on for themselves.
    offers_self: bool,
    serves_organisations: bool,
    name: String,
    is_self: bool,
    rows: Vec<Row>,
    shows_search: bool,
    /// There are more than one page, and the first one has those chosen last.
    is_long: bool,
    /// Where whoever has given mandates stands, if organisations are in between.
    to_mandates: Option<String>,
    /// Only they are looked for here.
    is_mandates: bool,
    /// Only so many mandates are looked at.
    mandates: Option<usize>,
    search: String,
    found: usize,
    /// Where the list goes on.
    next: Option<String>,
    problems: Problems,
}

/// What the address says.
#[derive(Default)]
struct Asked {
    search: String,
    /// The last one of the page before.
    after: String,
}

impl Asked {
    fn of(visitor: &Visitor) -> Self {
        let pairs = parse_pairs(visitor.query().as_bytes()).unwrap_or_default();
        let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        let search = value("suche").trim().chars().filter(|letter| !letter.is_control()).take(SEARCH_MAX).collect();
        Self { search, after: value("nach").to_owned() }
    }
}

pub async fn show(caller: SignedIn) -> Answer {
    let page = page(&caller, &Asked::of(&caller.visitor), &[]).await?;
    caller.visitor.page(&page)
}

/// The choices that lead on: at a service only where one may use it, and if the request names a subject, only that.
async fn offered(caller: &SignedIn, asked: &Asked) -> Result<Choices, Error> {
    let (visitor, account) = (&caller.visitor, &caller.session.account_id);
    let (app, now) = (&visitor.app, visitor.app.now());
    let pending = visitor.pending.as_ref();
    let takes = |party: &Party| {
        pending.is_none_or(|pending| {
            let subject = || pending.client.subject_of(&app.vault, party);
            let expected = pending.request.expected_subject.as_ref();
            pending.client.serves_party(party) && expected.is_none_or(|expected| *expected == subject())
        })
    };
    let wanted = pending.map(|pending| {
        let (client, least) = (&pending.client, pending.request.level);
        Wanted { service: client.service(), mandates: client.mandates, takes: &takes, least }
    });
    let (whose, mut tx) = ((account, wanted.as_ref()), app.read().await?);
    if asked.search.is_empty() {
        return acting::choices(&mut tx, &app.vault, whose, After::parse(&asked.after).as_ref(), now).await;
    }
    match acting::choice(&mut tx, &app.vault, whose, &asked.search, now).await? {
        Some(one) => Ok(one),
        None => acting::search(&mut tx, &app.vault, whose, &asked.search, now).await,
    }
}

/// The page of what a search has found that begins after the one that the address names, and the last one of it if there are
/// more.
fn page_of(found: &[Acting], after: &str) -> (usize, Option<String>) {
    let begin = found.iter().position(|one| one.power.capacity.as_str() == after).map_or(0, |place| place + 1);
    let last = (begin + PAGE < found.len()).then(|| found[begin + PAGE - 1].power.capacity.as_str().to_owned());
    (begin, last)
}

fn offers_self(caller: &SignedIn) -> bool {
    let Some(pending) = &caller.visitor.pending else { return true };
    let own = || pending.client.subject(&caller.visitor.app.vault, &caller.session.account_id);
    let expected = pending.request.expected_subject.as_ref();
    pending.client.serves(Serves::Persons) && expected.is_none_or(|subject| *subject == own())
}

async fn page(caller: &SignedIn, asked: &Asked, problems: &[FieldProblem]) -> Result<ChoicePage, Error> {
    let visitor = &caller.visitor;
    let (f, account) = (visitor.frame(), caller.account().await?);
    let Choices { found, next, mandates } = offered(caller, asked).await?;
    let is_search = !asked.search.is_empty();
    let is_long = next.is_some() || !asked.after.is_empty();
    let is_mandates = !is_search && After::parse(&asked.after) == Some(After::Organisations);
    let shows_search = is_search || is_long || found.len() >= SEARCH_FROM;
    let (begin, shown, next) = if is_search {
        let (begin, last) = page_of(&found, &asked.after);
        (begin, PAGE, last)
    } else {
        (0, found.len(), next.map(|next| next.to_string()))
    };
    let shown = found.iter().skip(begin).take(shown);
    let next = next.map(|next| next_page(visitor, asked, &next));
    let has_mandates = visitor.pending.as_ref().is_none_or(|pending| pending.client.mandates);
    let mandates_page = || next_page(visitor, asked, &After::Organisations.to_string());
    let (chosen, present) = (caller.session.acting.as_deref(), visitor.present());
    let is_lost = present.is_some_and(|present| present.has_lost());
    let rows = shown.map(|one| Row::new(f.t, one, (chosen, visitor.pending.is_none()))).collect();
    Ok(ChoicePage {
        service: visitor.pending.as_ref().map(|pending| pending.client.title(visitor.language)),
        flow: visitor.pending.as_ref().map(|pending| pending.id.to_string()),
        is_lost,
        offers_self: offers_self(caller),
        serves_organisations: visitor.pending.as_ref().is_none_or(|one| one.client.serves(Serves::Organisations)),
        name: account.full_name(),
        is_self: chosen.is_none() && caller.session.chosen_at.is_some(),
        rows,
        shows_search,
        is_long: is_long && !is_search && !is_mandates,
        to_mandates: (next.is_some() && !is_search && has_mandates).then(mandates_page),
        is_mandates,
        mandates,
        search: asked.search.clone(),
        found: found.len(),
        next,
        problems: visitor.problems(problems),
        f,
    })
}

fn next_page(visitor: &Visitor, asked: &Asked, last: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(pending) = &visitor.pending {
        query.append_pair("vorgang", pending.id.as_str());
    }
    if !asked.search.is_empty() {
        query.append_pair("suche", &asked.search);
    }
    query.append_pair("nach", last);
    format!("/anmelden/wahl?{}", query.finish())
}

pub async fn submit(caller: SignedIn, form: Form) -> Answer {
    let visitor = &caller.visitor;
    let choice = match form.get("wahl") {
        "ich" => None,
        "" => {
            let missing = [FieldProblem { field: "wahl", problem: "acting_missing" }];
            return visitor.page_again(&page(&caller, &Asked::default(), &missing).await?);
        }
        text => Some(Capacity::parse(text).ok_or(Error::NotFound)?),
    };
    let mut work = caller.begin().await?;
    acting::choose(&mut work, &caller.session, choice.as_ref()).await?;
    work.commit().await?;
    match visitor.pending {
        Some(_) => visitor.go("/weiter"),
        None => visitor.leave("/konto"),
    }
}
