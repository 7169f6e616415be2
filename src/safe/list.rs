//! Finding documents: by folder, by tag, and by what is typed, in name, folder and tags. What documents are called is sealed, so a search reads and
//! opens rows one after the other, the newest first, up to a limit; everything else is a page of an index.

use time::Date;

use super::change::label_place;
use super::keeper::Keeper;
use super::{Document, Label, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::DocumentId;
use crate::kernel::seal::DataKey;
use crate::postbox::search::Term;
use crate::store::db::Tx;

/// So many rows are read at a time, and looked through for one answer.
const PAGE: i64 = 500;
pub const LOOKED_THROUGH_MAX: usize = 5000;
/// After every id.
const LAST_ID: &str = "doc_~";

/// What somebody wants to see of a safe.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Only this folder; `Some("")` is what lies in none.
    pub folder: Option<&'a str>,
    pub tag: Option<&'a str>,
    pub term: Option<&'a Term>,
}

/// Some documents, the newest first.
pub struct Found {
    pub documents: Vec<Document>,
    /// Where to go on, if there may be more.
    pub next: Option<DocumentId>,
    /// Whether it has ended because enough was looked through, and not because enough was found.
    pub is_cut: bool,
}

impl Wanted<'_> {
    /// Whether rows have to be looked at one by one: not all of it is in one index.
    const fn is_search(&self) -> bool {
        self.term.is_some() || (self.folder.is_some() && self.tag.is_some())
    }

    fn admits(&self, Document { filing, .. }: &Document, opens: bool) -> bool {
        let texts = [filing.name.as_str(), filing.folder.as_str()];
        let texts: Vec<&str> = texts.into_iter().chain(filing.tags.iter().map(String::as_str)).collect();
        self.folder.is_none_or(|folder| filing.folder == folder)
            && self.tag.is_none_or(|tag| filing.tags.iter().any(|known| known == tag))
            && self.term.is_none_or(|term| opens && term.is_in(&texts))
    }
}

impl Keeper {
    /// At most `limit` documents that somebody wants to see, from the place on where the last page ended.
    pub async fn list(
        &self,
        (app, tx, key): (&AppParts, &mut Tx, &DataKey),
        wanted: Wanted<'_>,
        (after, limit): (Option<&DocumentId>, usize),
    ) -> Result<Found, Error> {
        let page = if wanted.is_search() { PAGE } else { limit as i64 + 1 };
        let mut before = after.map_or(LAST_ID, DocumentId::as_str).to_owned();
        let (mut documents, mut looked) = (Vec::<Document>::new(), 0);
        while looked < LOOKED_THROUGH_MAX {
            let rows = self.rows(app, tx, wanted, (&before, page)).await?;
            let is_last = (rows.len() as i64) < page;
            looked += rows.len();
            for row in rows {
                let document = row.read(key)?;
                document.id.as_str().clone_into(&mut before);
                if !wanted.admits(&document, self.opens(&document)) {
                    continue;
                }
                if documents.len() == limit {
                    let next = documents.last().map(|last| last.id.clone());
                    return Ok(Found { documents, next, is_cut: false });
                }
                documents.push(document);
            }
            if is_last {
                return Ok(Found { documents, next: None, is_cut: false });
            }
        }
        Ok(Found { documents, next: DocumentId::parse(&before), is_cut: true })
    }

    async fn rows(
        &self,
        app: &AppParts,
        tx: &mut Tx,
        wanted: Wanted<'_>,
        (before, limit): (&str, i64),
    ) -> Result<Vec<store::DocumentRow>, Error> {
        let owner = self.owner.as_str();
        let hash = |label: Label, name: &str| label.hash(&app.vault, &self.owner, name);
        Ok(match (wanted.folder, wanted.tag) {
            (Some(folder), _) => {
                let folder = hash(Label::Folder, folder);
                store::page_of_folder(tx, (owner, &folder), before, limit).await?
            }
            (None, Some(tag)) => store::page_of_tag(tx, (owner, &hash(Label::Tag, tag)), before, limit).await?,
            (None, None) => store::page(tx, owner, before, limit).await?,
        })
    }

    /// The folders of the safe, or its tags, in the order of the alphabet.
    pub async fn labels(&self, tx: &mut Tx, key: &DataKey, kind: Label) -> Result<Vec<String>, Error> {
        let rows = store::labels(tx, self.owner.as_str(), kind).await?;
        let open = |row: store::LabelRow| {
            let place = label_place(self.owner.as_str(), kind, &row.hash);
            key.open_text(place, &row.name).map_err(Error::broken)
        };
        let mut names = rows.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        names.sort_by_cached_key(|name| (name.to_lowercase(), name.clone()));
        Ok(names)
    }

    /// At most `limit` documents that expire, or have, in the order of the days, after a place.
    pub async fn expiring(
        &self,
        tx: &mut Tx,
        key: &DataKey,
        after: Option<(Date, &DocumentId)>,
        limit: i64,
    ) -> Result<Vec<Document>, Error> {
        let (day, id) = after.map_or((String::new(), ""), |(day, id)| (day.to_string(), id.as_str()));
        let rows = store::expiring(tx, self.owner.as_str(), (&day, id), limit).await?;
        rows.into_iter().map(|row| row.read(key)).collect()
    }
}
