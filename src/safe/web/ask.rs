//! A service has asked for a document: its person chooses which and for how long, checks, and shares it, or refuses.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::words::Choice;
use super::{Answer, At};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::DocumentId;
use crate::kernel::seal::DataKey;
use crate::kernel::texts::Text;
use crate::oidc::authorize::{self, Pending};
use crate::oidc::document::DocumentRequest;
use crate::postbox::search::Term as Searched;
use crate::safe::list::Wanted as Listed;
use crate::safe::share::Term;
use crate::safe::share::give::{self, Wanted};
use crate::safe::{Document, find, version};
use crate::store::db::Tx;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};
use crate::web::seal;

/// So many documents are offered, the newest first; the others are found by a search.
const OFFERED: usize = 25;

#[derive(Deserialize)]
pub struct Filter {
    #[serde(default)]
    suche: String,
}

#[derive(Template)]
#[template(path = "safe/ask.html")]
struct AskPage {
    f: Frame,
    service: String,
    asked: DocumentRequest,
    flow: String,
    /// This page, with nothing searched.
    here: String,
    searched: String,
    documents: Vec<Choice>,
    /// Said where there are more than are offered.
    more: Option<Text>,
    terms: Vec<Choice>,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "safe/ask_check.html")]
struct CheckPage {
    f: Frame,
    service: String,
    asked: DocumentRequest,
    searched: String,
    document: Choice,
    term: Choice,
}

/// What is under way in this browser, and what was asked for.
fn asked(at: &At) -> Result<(Arc<Pending>, DocumentRequest), Error> {
    let pending = at.caller.visitor.pending.clone().ok_or(Error::Gone)?;
    let asked = pending.request.document.clone().ok_or(Error::Gone)?;
    Ok((pending, asked))
}

impl At {
    /// Whether a grant will be of whose safe this is, and its documents may be shared.
    fn can_share(&self, pending: &Pending) -> Result<bool, Error> {
        let present = self.caller.visitor.present().ok_or(Error::NotSignedIn)?;
        let is_same = authorize::whose(&pending.client, present).party() == self.keeper.owner;
        Ok(is_same && self.keeper.deletes())
    }

    /// A document to choose, with what is known of it: kind and length, and what was found of seals in a PDF.
    async fn offered(&self, tx: &mut Tx, key: &DataKey, document: Document) -> Result<Choice, Error> {
        let newest = version(tx, &document, document.version, key).await?;
        let mut facts = self.kind_and_size(&document);
        if let Some(judged) = &newest.facts.judged {
            let t = &self.texts().seal;
            facts = format!("{facts}, {}: {}", t.label, seal::state(t, judged.state()));
        }
        Ok(Choice { facts, ..Choice::new(document.id.to_string(), document.filing.name, "") })
    }

    /// The documents that fit what is searched, and whether there are more.
    async fn offers(&self, pending: &Pending, (searched, chosen): (&str, &str)) -> Result<(Vec<Choice>, bool), Error> {
        if !self.can_share(pending)? {
            return Ok((Vec::new(), false));
        }
        let visitor = &self.caller.visitor;
        let tx = &mut visitor.app.read().await?;
        let key = self.key(tx).await?;
        let term = Searched::parse(searched);
        let wanted = Listed { term: term.as_ref(), ..Listed::default() };
        let found = self.keeper.list((&visitor.app, &mut *tx, &key), wanted, (None, OFFERED)).await?;
        let mut choices = Vec::with_capacity(found.documents.len());
        for document in found.documents.into_iter().filter(|document| self.keeper.opens(document)) {
            let choice = self.offered(tx, &key, document).await?;
            choices.push(Choice { is_chosen: choice.value == chosen, ..choice });
        }
        Ok((choices, found.next.is_some()))
    }

    /// The document that somebody has chosen, if it is there and may be shared.
    async fn chosen(&self, pending: &Pending, chosen: &str) -> Result<Option<Document>, Error> {
        let (Some(id), true) = (DocumentId::parse(chosen), self.can_share(pending)?) else { return Ok(None) };
        let tx = &mut self.caller.visitor.app.read().await?;
        let key = self.key(tx).await?;
        match find(tx, (&self.keeper.owner, &key), &id).await {
            Ok(document) => Ok(Some(document).filter(|document| self.keeper.opens(document))),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn ask_page(&self, searched: &str, form: &Form, problems: &[FieldProblem]) -> Result<AskPage, Error> {
        let (pending, asked) = asked(self)?;
        let visitor = &self.caller.visitor;
        let (documents, is_more) = self.offers(&pending, (searched, form.get("dokument"))).await?;
        let terms = Term::within(asked.days);
        let chosen = if form.get("dauer").is_empty() { Term::Once.name() } else { form.get("dauer").to_owned() };
        Ok(AskPage {
            f: visitor.frame(),
            service: pending.client.title(visitor.language),
            terms: self.terms(&terms, &chosen),
            asked,
            flow: pending.id.to_string(),
            here: format!("/safe/anfrage{}", visitor.flow_query()),
            searched: searched.to_owned(),
            documents,
            more: is_more.then(|| self.words().ask_more.with("count", OFFERED)),
            problems: visitor.problems(problems),
        })
    }
}

pub async fn show(at: At, filter: web::Query<Filter>) -> Answer {
    at.caller.visitor.page(&at.ask_page(&filter.suche, &Form::empty(), &[]).await?)
}

pub async fn submit(at: At, form: Form) -> Result<HttpResponse, Error> {
    let visitor = &at.caller.visitor;
    let (pending, asked) = asked(&at)?;
    let searched = form.get("suche");
    let document = at.chosen(&pending, form.get("dokument")).await?;
    let term = Term::within(asked.days).into_iter().find(|term| term.name() == form.get("dauer"));
    let problem = |field, problem| FieldProblem { field, problem };
    let wrong = [
        document.is_none().then(|| problem("dokument", "share_document")),
        term.is_none().then(|| problem("dauer", "share_term")),
    ];
    let (Some(document), Some(term)) = (document, term) else {
        let wrong: Vec<FieldProblem> = wrong.into_iter().flatten().collect();
        return visitor.page_again(&at.ask_page(searched, &form, &wrong).await?);
    };
    if form.is("schritt", "aendern") {
        return visitor.page(&at.ask_page(searched, &form, &[]).await?);
    }
    if !form.is("schritt", "freigeben") {
        let (service, searched) = (pending.client.title(visitor.language), searched.to_owned());
        let document = Choice::new(document.id.to_string(), document.filing.name, "");
        let term = Choice::new(term.name(), at.term(term), "");
        return visitor.page(&CheckPage { f: visitor.frame(), service, asked, searched, document, term });
    }
    let mut work = at.keeper.begin(&visitor.app, at.request()).await?;
    let wanted = Wanted { document: &document.id, client: &pending.client.id, term, purpose: &asked.purpose };
    let share = give::give(&visitor.app, &mut work, &at.keeper, &wanted).await?;
    authorize::share(&mut work, &pending, (&at.caller.session, &visitor.browser_hash()), share.as_str()).await?;
    work.commit().await?;
    visitor.go("/weiter")
}
