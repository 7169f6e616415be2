//! A service has asked for a document: its person chooses which and for how long, checks, and shares it, or refuses.

use actix_web::HttpResponse;
use askama::Template;

use super::share::Choice;
use super::{Answer, At};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::DocumentId;
use crate::oidc::authorize::{self, Pending};
use crate::oidc::document::DocumentRequest;
use crate::safe::list::Wanted as Listed;
use crate::safe::share::Term;
use crate::safe::share::give::{self, Wanted};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// So many documents are offered, the newest first.
const OFFERED: usize = 25;

#[derive(Template)]
#[template(path = "safe/ask.html")]
struct AskPage {
    f: Frame,
    service: String,
    asked: DocumentRequest,
    /// Documents and what is known of them.
    documents: Vec<(Choice, String)>,
    is_more: bool,
    terms: Vec<Choice>,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "safe/ask_check.html")]
struct CheckPage {
    f: Frame,
    service: String,
    asked: DocumentRequest,
    document: Choice,
    term: Choice,
}

/// What is under way in this browser, and what was asked for.
fn asked(at: &At) -> Result<(std::sync::Arc<Pending>, DocumentRequest), Error> {
    let pending = at.caller.visitor.pending.clone().ok_or(Error::Gone)?;
    let asked = pending.request.document.clone().ok_or(Error::Gone)?;
    Ok((pending, asked))
}

/// The documents that can be shared with it: those of whom the grant will be.
async fn documents(at: &At, pending: &Pending, chosen: &str) -> Result<(Vec<(Choice, String)>, bool), Error> {
    let visitor = &at.caller.visitor;
    let present = visitor.present().ok_or(Error::NotSignedIn)?;
    let is_same = authorize::whose(&pending.client, present).party() == at.keeper.owner;
    if !is_same || !at.keeper.deletes() {
        return Ok((Vec::new(), false));
    }
    let tx = &mut visitor.app.read().await?;
    let key = at.key(tx).await?;
    let found = at.keeper.list((&visitor.app, tx, &key), Listed::default(), (None, OFFERED)).await?;
    let is_more = found.next.is_some();
    let offered = found.documents.into_iter().filter(|document| at.keeper.opens(document));
    let choice = |document: crate::safe::Document| {
        let value = document.id.to_string();
        let facts = at.kind_and_size(&document);
        (Choice { is_chosen: value == chosen, label: document.filing.name, value }, facts)
    };
    Ok((offered.map(choice).collect(), is_more))
}

async fn page(at: &At, form: &Form, problems: &[FieldProblem]) -> Result<AskPage, Error> {
    let (pending, asked) = asked(at)?;
    let visitor = &at.caller.visitor;
    let (documents, is_more) = documents(at, &pending, form.get("dokument")).await?;
    let terms = Term::within(asked.days);
    let chosen = if form.get("dauer").is_empty() { Term::Once.name() } else { form.get("dauer").to_owned() };
    Ok(AskPage {
        f: visitor.frame(),
        service: pending.client.title(visitor.language),
        terms: at.terms(&terms, &chosen),
        asked,
        documents,
        is_more,
        problems: visitor.problems(problems),
    })
}

pub async fn show(at: At) -> Answer {
    at.caller.visitor.page(&page(&at, &Form::empty(), &[]).await?)
}

pub async fn submit(at: At, form: Form) -> Result<HttpResponse, Error> {
    let visitor = &at.caller.visitor;
    let (pending, asked) = asked(&at)?;
    let (documents, _) = documents(&at, &pending, form.get("dokument")).await?;
    let document = documents.into_iter().map(|(choice, _)| choice).find(|choice| choice.is_chosen);
    let term = Term::within(asked.days).into_iter().find(|term| term.name() == form.get("dauer"));
    let (Some(document), Some(term)) = (document, term) else {
        let problem = |field, problem| FieldProblem { field, problem };
        let wrong = if term.is_none() { problem("dauer", "share_term") } else { problem("dokument", "share_document") };
        return visitor.page_again(&page(&at, &form, &[wrong]).await?);
    };
    if form.is("schritt", "aendern") {
        return visitor.page(&page(&at, &form, &[]).await?);
    }
    if !form.is("schritt", "freigeben") {
        let term = Choice { value: term.name(), label: at.term(term), is_chosen: true };
        let service = pending.client.title(visitor.language);
        return visitor.page(&CheckPage { f: visitor.frame(), service, asked, document, term });
    }
    let id = DocumentId::parse(&document.value).ok_or(Error::NotFound)?;
    let mut work = at.keeper.begin(&visitor.app, at.request()).await?;
    let wanted = Wanted { document: &id, client: &pending.client.id, term, purpose: &asked.purpose };
    let share = give::give(&visitor.app, &mut work, &at.keeper, &wanted).await?;
    authorize::share(&mut work, &pending, (&at.caller.session, &visitor.browser_hash()), share.as_str()).await?;
    work.commit().await?;
    visitor.go("/weiter")
}
