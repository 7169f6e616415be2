//! One document: what is known of it, its versions, and what may be done with it.

use actix_web::HttpRequest;
use askama::Template;

use super::share::{Row as ShareRow, done as share_done};
use super::{Answer, At, document_of};
use crate::kernel::error::Error;
use crate::kernel::texts::{Text, moment};
use crate::safe::{Origin, Version, find, share, versions};
use crate::web::file::{kind_label, scan_label, size};
use crate::web::page::{Frame, level_name};
use crate::web::seal;

struct VersionRow {
    number: i64,
    is_newest: bool,
    date: String,
    facts: String,
    origin: String,
    scan: Text,
    sha256: String,
    /// The notice that it came with.
    notice: Option<String>,
}

#[derive(Template)]
#[template(path = "safe/one.html")]
struct OnePage {
    f: Frame,
    id: String,
    name: String,
    facts: String,
    folder: String,
    tags: String,
    expiry: Option<String>,
    is_expired: bool,
    origin: String,
    newest: i64,
    keeps: bool,
    deletes: bool,
    versions: Vec<VersionRow>,
    /// What was found of seals in the newest version.
    judged: Vec<String>,
    shares: Vec<ShareRow>,
    done: Option<Text>,
}

/// The same for somebody who has not signed in well enough.
#[derive(Template)]
#[template(path = "safe/locked.html")]
struct LockedPage {
    f: Frame,
    id: String,
    text: String,
    /// Whether signing in more strongly would do.
    can_step_up: bool,
}

impl At {
    fn version_row(&self, version: &Version, newest: i64) -> VersionRow {
        let (t, language, facts) = (&self.texts().attachment, self.language(), &version.facts);
        let notice = match &facts.origin {
            Origin::Upload => None,
            Origin::Notice { message, .. } => Some(message.to_string()),
        };
        VersionRow {
            number: version.number,
            is_newest: version.number == newest,
            date: moment::date_and_clock(language, version.created_at),
            facts: format!("{}, {}", kind_label(t, facts.kind), size(t, language, version.bytes)),
            origin: self.origin(&facts.origin),
            scan: scan_label(t, facts.scan).clone(),
            sha256: facts.sha256.clone(),
            notice,
        }
    }

    /// What has just been done.
    fn done(&self) -> Option<Text> {
        let t = self.words();
        let text = match self.caller.visitor.query().strip_prefix("erledigt=")? {
            "geaendert" => &t.done_changed,
            "version" => &t.done_version,
            "version-geloescht" => &t.done_version_deleted,
            what => return share_done(self, what).cloned(),
        };
        Some(text.clone())
    }
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let (visitor, id) = (&at.caller.visitor, document_of(&request)?);
    let tx = &mut visitor.app.read().await?;
    let key = at.key(tx).await?;
    let document = find(tx, (&at.keeper.owner, &key), &id).await?;
    if !at.keeper.opens(&document) {
        let (texts, can_step_up) = (at.texts(), at.keeper.could_open(&document));
        let text = if can_step_up { &at.words().locked_text } else { &at.words().locked_mandate };
        let text = text.with("level", level_name(texts, document.level));
        let text = text.with("have", level_name(texts, at.keeper.level)).to_string();
        return visitor.page(&LockedPage { f: visitor.frame(), id: id.to_string(), text, can_step_up });
    }
    let versions = versions(tx, &document, &key).await?;
    let shares = share::of_document(tx, &document, (&key, visitor.app.now())).await?;
    let judged = |verdict| seal::lines(at.language(), verdict);
    let first = versions.last().ok_or_else(|| Error::broken("a document without a version"))?;
    visitor.page(&OnePage {
        f: visitor.frame(),
        id: id.to_string(),
        name: document.filing.name.clone(),
        facts: at.kind_and_size(&document),
        folder: document.filing.folder.clone(),
        tags: document.filing.tags.join(", "),
        expiry: document.expires_on.map(|day| at.day(day)),
        is_expired: document.expires_on.is_some_and(|day| day < at.today()),
        origin: at.origin(&first.facts.origin),
        newest: document.version,
        keeps: at.keeper.keeps(),
        deletes: at.keeper.deletes(),
        versions: versions.iter().map(|version| at.version_row(version, document.version)).collect(),
        judged: versions.first().and_then(|version| version.facts.judged.as_ref()).map_or_else(Vec::new, judged),
        shares: shares.iter().map(|share| at.share_row(share)).collect(),
        done: at.done(),
    })
}
