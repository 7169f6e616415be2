//! What lies in a safe.

use actix_web::web;
use askama::Template;

use super::words::Choice;
use super::{Answer, At};
use crate::kernel::ROWS_PER_PAGE;
use crate::kernel::id::DocumentId;
use crate::kernel::texts::{Text, moment};
use crate::postbox::search::Term;
use crate::safe::list::{Found, LOOKED_THROUGH_MAX, Wanted};
use crate::safe::{Document, Label};
use crate::web::page::Frame;

#[derive(serde::Deserialize)]
pub struct Filter {
    #[serde(default)]
    ordner: String,
    #[serde(default)]
    schlagwort: String,
    #[serde(default)]
    suche: String,
    #[serde(default)]
    seite: String,
    #[serde(default)]
    erledigt: String,
}

impl Filter {
    fn query(&self, next: &DocumentId) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let chosen = [("ordner", &self.ordner), ("schlagwort", &self.schlagwort), ("suche", &self.suche)];
        for (name, value) in chosen.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        query.append_pair("seite", next.as_str()).finish()
    }
}

pub struct Row {
    id: String,
    name: String,
    facts: String,
    locked: Option<String>,
    folder: String,
    tags: Vec<String>,
    expiry: Option<String>,
    date: String,
}

#[derive(Template)]
#[template(path = "safe/list.html")]
struct ListPage {
    f: Frame,
    party: Option<String>,
    /// Whether there is a place for files.
    is_kept: bool,
    keeps: bool,
    storage: String,
    folders: Vec<Choice>,
    tags: Vec<Choice>,
    searched: String,
    chooses: bool,
    /// Said where not everything was looked through.
    cut: Option<Text>,
    result: String,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    done: Option<Text>,
}

impl At {
    fn row(&self, document: &Document) -> Row {
        let (opens, filing) = (self.keeper.opens(document), &document.filing);
        let date = moment::date(self.language(), document.created_at);
        Row {
            id: document.id.to_string(),
            name: self.title(document),
            facts: self.kind_and_size(document),
            locked: self.locked(document),
            folder: if opens { filing.folder.clone() } else { String::new() },
            tags: if opens { filing.tags.clone() } else { Vec::new() },
            expiry: self.expiry(document),
            date: self.words().since.with("date", date).to_string(),
        }
    }
}

fn choices(labels: Vec<String>, chosen: &str) -> Vec<Choice> {
    labels.into_iter().map(|label| Choice::new(label.clone(), label, chosen)).collect()
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

pub async fn show(at: At, filter: web::Query<Filter>) -> Answer {
    let (visitor, t) = (&at.caller.visitor, at.words());
    let tx = &mut visitor.app.read().await?;
    let key = at.key(tx).await?;
    let (term, after) = (Term::parse(&filter.suche), DocumentId::parse(&filter.seite));
    let wanted = Wanted { folder: some(&filter.ordner), tag: some(&filter.schlagwort), term: term.as_ref() };
    let limit = usize::try_from(ROWS_PER_PAGE).unwrap_or_default();
    let found = at.keeper.list((&visitor.app, &mut *tx, &key), wanted, (after.as_ref(), limit)).await?;
    let Found { documents, next, is_cut } = found;
    let folders = choices(at.keeper.labels(tx, &key, Label::Folder).await?, &filter.ordner);
    let tags = choices(at.keeper.labels(tx, &key, Label::Tag).await?, &filter.schlagwort);
    let done = (filter.erledigt == "geloescht").then(|| t.done_deleted.clone());
    visitor.page(&ListPage {
        f: visitor.frame(),
        party: at.party.clone(),
        is_kept: visitor.app.objects.are_kept(),
        keeps: at.keeper.keeps(),
        storage: at.storage(tx).await?,
        folders,
        tags,
        searched: filter.suche.clone(),
        chooses: wanted.folder.is_some() || wanted.tag.is_some() || term.is_some(),
        cut: is_cut.then(|| t.search_cut.with("count", LOOKED_THROUGH_MAX)),
        result: t.result.with("count", documents.len()).to_string(),
        rows: documents.iter().map(|document| at.row(document)).collect(),
        next: next.map(|next| filter.query(&next)),
        is_first: after.is_none(),
        done,
    })
}
