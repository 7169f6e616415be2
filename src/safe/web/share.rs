//! Sharing a document with a service on one's own, and ending that.

use actix_web::HttpRequest;
use askama::Template;

use super::words::Choice;
use super::{Answer, At, document_of};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::{ClientId, ShareId};
use crate::kernel::texts::{Text, is_sound, moment};
use crate::oidc::connection;
use crate::organisation::acting::Party;
use crate::safe::Document;
use crate::safe::share::give::{self, Wanted};
use crate::safe::share::{PURPOSE_MAX_CHARACTERS, Share, Term};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// A share, as the page of its document lists it.
pub struct Row {
    pub id: String,
    pub text: String,
    pub fetched: String,
}

#[derive(Template)]
#[template(path = "safe/share.html")]
struct SharePage {
    f: Frame,
    id: String,
    name: String,
    services: Vec<Choice>,
    terms: Vec<Choice>,
    purpose: String,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "safe/share_check.html")]
struct CheckPage {
    f: Frame,
    id: String,
    name: String,
    service: Choice,
    term: Choice,
    purpose: String,
}

impl At {
    /// In words, as somebody chooses it.
    pub(super) fn term(&self, term: Term) -> String {
        match term {
            Term::Once => self.words().term_once.to_string(),
            Term::Days(1) => self.words().term_day.to_string(),
            Term::Days(days) => self.words().term_days.with("count", days).to_string(),
        }
    }

    pub(super) fn terms(&self, terms: &[Term], chosen: &str) -> Vec<Choice> {
        terms.iter().map(|term| Choice::new(term.name(), self.term(*term), chosen)).collect()
    }

    pub(super) fn share_row(&self, share: &Share) -> Row {
        let t = self.words();
        let client = self.caller.visitor.registry.known(&share.client.0).map(|(client, _)| client);
        let service = client.map_or_else(|| share.client.0.clone(), |client| client.title(self.language()));
        let until = moment::date(self.language(), share.until);
        let text = if share.fetches_max.is_some() { &t.shared_once } else { &t.shared_until };
        let text = text.with("date", until).with("purpose", &share.purpose).with("service", service).to_string();
        let fetched = match share.fetches {
            0 => t.fetched_never.to_string(),
            count => t.fetched_count.with("count", count).to_string(),
        };
        Row { id: share.id.to_string(), text, fetched }
    }

    /// The services with which somebody can share: those that they use for whose safe it is.
    async fn services(&self, chosen: &str) -> Result<Vec<Choice>, Error> {
        let visitor = &self.caller.visitor;
        let tx = &mut visitor.app.read().await?;
        let clients: Vec<_> = match &self.keeper.owner {
            Party::Person(account) => {
                let own = connection::list(tx, &visitor.registry, account).await?.into_iter();
                own.filter(|connection| !connection.is_disabled).map(|connection| connection.client).collect()
            }
            party => {
                let acted = connection::list_acted(tx, &visitor.registry, &self.keeper.account).await?.into_iter();
                acted.filter(|acted| acted.party == *party).map(|acted| acted.client).collect()
            }
        };
        let choice = |client: std::sync::Arc<crate::client::Client>| {
            Choice::new(client.id.0.clone(), client.title(self.language()), chosen)
        };
        Ok(clients.into_iter().map(choice).collect())
    }
}

/// What is wrong with what was typed.
fn problems(services: &[Choice], terms: &[Choice], purpose: &str) -> Vec<FieldProblem> {
    let is_purpose =
        !purpose.is_empty() && purpose.chars().count() <= PURPOSE_MAX_CHARACTERS && purpose.chars().all(is_sound);
    let wrong = [
        (!services.iter().any(|one| one.is_chosen)).then_some(("dienst", "share_service")),
        (!terms.iter().any(|one| one.is_chosen)).then_some(("dauer", "share_term")),
        (!is_purpose).then_some(("zweck", "share_purpose")),
    ];
    wrong.into_iter().flatten().map(|(field, problem)| FieldProblem { field, problem }).collect()
}

fn page(
    at: &At,
    document: &Document,
    (services, terms): (Vec<Choice>, Vec<Choice>),
    typed: (&str, &[FieldProblem]),
) -> SharePage {
    let visitor = &at.caller.visitor;
    let (purpose, problems) = (typed.0.to_owned(), visitor.problems(typed.1));
    let (id, name) = (document.id.to_string(), document.filing.name.clone());
    SharePage { f: visitor.frame(), id, name, services, terms, purpose, problems }
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let visitor = &at.caller.visitor;
    let (document, _) = at.find(&mut visitor.app.read().await?, &document_of(&request)?).await?;
    at.keeper.require_deleting()?;
    let choices = (at.services("").await?, at.terms(&Term::ALL, &Term::Once.name()));
    visitor.page(&page(&at, &document, choices, ("", &[])))
}

/// Checked first, done when it is confirmed: what the second page sends is checked once more.
pub async fn submit(at: At, request: HttpRequest, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    let (document, _) = at.find(&mut visitor.app.read().await?, &document_of(&request)?).await?;
    at.keeper.require_deleting()?;
    let purpose = form.get("zweck").trim();
    let (services, terms) = (at.services(form.get("dienst")).await?, at.terms(&Term::ALL, form.get("dauer")));
    let wrong = problems(&services, &terms, purpose);
    if !wrong.is_empty() || form.is("schritt", "aendern") {
        let page = page(&at, &document, (services, terms), (purpose, &wrong));
        return if wrong.is_empty() { visitor.page(&page) } else { visitor.page_again(&page) };
    }
    let term = Term::ALL.into_iter().find(|term| term.name() == form.get("dauer")).unwrap_or(Term::Once);
    if form.is("schritt", "freigeben") {
        let mut work = at.keeper.begin(&visitor.app, at.request()).await?;
        let client = ClientId(form.get("dienst").to_owned());
        let wanted = Wanted { document: &document.id, client: &client, term, purpose };
        give::give(&visitor.app, &mut work, &at.keeper, &wanted).await?;
        work.commit().await?;
        return at.back_to(&format!("/safe/{}", document.id), "freigegeben");
    }
    let chosen = |choices: Vec<Choice>| choices.into_iter().find(|one| one.is_chosen).ok_or(Error::NotFound);
    visitor.page(&CheckPage {
        f: visitor.frame(),
        id: document.id.to_string(),
        name: document.filing.name.clone(),
        service: chosen(services)?,
        term: chosen(terms)?,
        purpose: purpose.to_owned(),
    })
}

pub async fn end(at: At, request: HttpRequest, _form: Form) -> Answer {
    let id = document_of(&request)?;
    let share = request.match_info().get("freigabe").and_then(ShareId::parse).ok_or(Error::NotFound)?;
    give::end(&at.caller.visitor.app, &at.keeper, (&id, &share), at.request()).await?;
    at.back_to(&format!("/safe/{id}"), "beendet")
}

/// What has just been done.
pub(super) fn done(at: &At, what: &str) -> Option<&'static Text> {
    match what {
        "freigegeben" => Some(&at.words().done_shared),
        "beendet" => Some(&at.words().done_ended),
        _ => None,
    }
}
