//! Finding notices by what a list may show of them: subject, sender, kind and file number, and of those that somebody has not signed in well
//! enough for, sender and kind. What notices say is sealed, so rows are read and opened one after the other, the newest first, up to a limit.

use super::content::Head;
use super::reader::{LAST_ID, Reader, Wanted};
use super::store::{self, After};
use super::{Kind, Message};
use crate::account::identity::folded;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::texts::Language;
use crate::kernel::time::{Timestamp, days};
use crate::store::db::Tx;

/// So many rows are read at a time, and looked through for one answer.
const PAGE: i64 = 500;
pub const LOOKED_THROUGH_MAX: usize = 2000;
/// What is typed beyond that is left out.
const TERM_MAX_CHARACTERS: usize = 100;
/// Later than anything is provided.
const FAR_DAYS: u64 = 366;

/// What somebody has typed: all of these words have to be found, without regard to case, accents and signs.
pub struct Term(Vec<String>);

impl Term {
    /// Nothing if nothing was typed.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed: String = typed.trim().chars().take(TERM_MAX_CHARACTERS).collect();
        (!typed.is_empty()).then(|| Self(typed.split_whitespace().map(folded).collect()))
    }

    /// Whether each word is in one of these texts. What has neither letter nor digit is found nowhere.
    pub fn is_in(&self, texts: &[&str]) -> bool {
        let texts: Vec<String> = texts.iter().map(|text| folded(text)).collect();
        let found = |word: &String| !word.is_empty() && texts.iter().any(|text| text.contains(word));
        self.0.iter().all(found)
    }
}

/// How things are called that no row names.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    pub language: Language,
    /// A service, as it is called now.
    pub service: &'a dyn Fn(&ClientId) -> String,
}

impl Names<'_> {
    fn kind(&self, kind: Kind) -> String {
        kind.label(self.language.texts()).to_string()
    }
}

/// What was found, newest first.
pub struct Found {
    pub rows: Vec<(Message, Option<Head>)>,
    /// Where to go on, if there may be more.
    pub next: Option<(Timestamp, String)>,
    /// Whether it has ended because enough was looked through, and not because enough was found.
    pub is_cut: bool,
}

impl Reader {
    /// At most `limit` notices in which a term is found, of those that somebody wants to see, from a place on.
    pub async fn search(
        &self,
        (tx, app): (&mut Tx, &AppParts),
        (wanted, term): (&Wanted<'_>, &Term),
        names: Names<'_>,
        (after, limit): (Option<After<'_>>, usize),
    ) -> Result<Found, Error> {
        let key = self.key(tx, &app.vault).await?;
        let (mut at, mut id) = match after {
            Some((at, id)) => (at, id.to_owned()),
            None => (app.now().plus(days(FAR_DAYS)), String::new()),
        };
        let (mut rows, mut next) = (Vec::<(Message, Option<Head>)>::new(), None);
        let (mut looked, mut is_theirs) = (0, true);
        while looked < LOOKED_THROUGH_MAX {
            let page = store::page(tx, (self.owner.as_str(), wanted.shelf), (at, &id), PAGE).await?;
            let is_last = (page.len() as i64) < PAGE;
            looked += page.len();
            for row in page {
                let message = row.read()?;
                (at, id) = (message.facts.provided_at, message.id.to_string());
                is_theirs = self.reads(&message);
                if !is_theirs || !wanted.admits(&message) {
                    continue;
                }
                let head = if self.opens(&message) { Some(message.head(&key)?) } else { None };
                if !is_found(term, (&message, head.as_ref()), names) {
                    continue;
                }
                if rows.len() == limit {
                    return Ok(Found { rows, next, is_cut: false });
                }
                next = Some((at, id.clone()));
                rows.push((message, head));
            }
            if is_last {
                return Ok(Found { rows, next: None, is_cut: false });
            }
        }
        // Of what is not theirs they learn no more than a moment.
        let id = if is_theirs { id } else { LAST_ID.to_owned() };
        Ok(Found { rows, next: Some((at, id)), is_cut: true })
    }
}

fn is_found(term: &Term, (message, head): (&Message, Option<&Head>), names: Names<'_>) -> bool {
    let kind = names.kind(message.kind);
    let Some(head) = head else { return term.is_in(&[&(names.service)(&message.client), &kind]) };
    let sender = &head.sender[usize::from(names.language == Language::En)];
    term.is_in(&[&head.subject, sender, head.reference.as_deref().unwrap_or_default(), &kind])
}

#[cfg(test)]
mod tests {
    use super::Term;

    #[test]
    fn words_are_found_however_they_are_spelled() {
        let texts = ["Bescheid über Wohngeld", "Stadt Musterhausen", "50-12/4711"];
        for typed in ["wohngeld", "WOHNGELD bescheid", "ueber", "über", "50-12", "4711 musterh", " 50 12/4711 "] {
            assert!(Term::parse(typed).unwrap().is_in(&texts), "{typed}");
        }
        for typed in ["wohngeld 4712", "%", "_", "***", "bescheid !"] {
            assert!(!Term::parse(typed).unwrap().is_in(&texts), "{typed}");
        }
        assert!(Term::parse("  ").is_none());
        assert!(Term::parse(&"ü".repeat(5000)).unwrap().0[0].len() <= 200);
    }
}
