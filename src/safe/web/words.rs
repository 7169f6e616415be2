//! How people read a document.

use time::Date;

use super::At;
use crate::kernel::error::Error;
use crate::kernel::texts::{Language, SafeTexts, Text, Texts, moment};
use crate::safe::take::Taken;
use crate::safe::{Document, FILE_MAX_BYTES, Origin, TAGS_MAX, VERSIONS_MAX, usage};
use crate::store::db::Tx;
use crate::web::file::{kind_label, size};
use crate::web::page::{calendar_date, level_name};
use crate::web::upload::FILES_MAX_BYTES;

const MEBIBYTE: u64 = 1024 * 1024;

/// Something to choose.
pub struct Choice {
    pub value: String,
    pub label: String,
    /// What else is known of it.
    pub facts: String,
    pub is_chosen: bool,
}

impl Choice {
    /// One of which nothing more is known, chosen if that is its value.
    pub fn new(value: String, label: String, chosen: &str) -> Self {
        Self { is_chosen: value == chosen, value, label, facts: String::new() }
    }
}

/// What has become of one file.
pub struct Outcome {
    pub name: String,
    pub words: String,
    /// Where it is now.
    pub path: Option<String>,
}

impl At {
    pub(super) fn language(&self) -> Language {
        self.caller.visitor.language
    }

    pub(super) fn texts(&self) -> &'static Texts {
        self.language().texts()
    }

    pub(super) fn words(&self) -> &'static SafeTexts {
        &self.texts().safe
    }

    /// Its name; to whoever has not signed in well enough, that there is one.
    pub(super) fn title(&self, document: &Document) -> String {
        if self.keeper.opens(document) { document.filing.name.clone() } else { self.words().locked_name.to_string() }
    }

    /// What it is and how long, of its newest version.
    pub(super) fn kind_and_size(&self, document: &Document) -> String {
        let t = &self.texts().attachment;
        format!("{}, {}", kind_label(t, document.kind), size(t, self.language(), document.bytes))
    }

    /// With which level it can be read, where somebody has less.
    pub(super) fn locked(&self, document: &Document) -> Option<String> {
        let level = level_name(self.texts(), document.level);
        (!self.keeper.opens(document)).then(|| self.words().locked.with("level", level).to_string())
    }

    pub(super) fn day(&self, day: Date) -> String {
        calendar_date(self.language(), &day.to_string()).unwrap_or_else(|| day.to_string())
    }

    pub(super) fn today(&self) -> Date {
        self.caller.visitor.app.now().in_germany().date()
    }

    /// „läuft ab am“, or that it has.
    pub(super) fn expiry(&self, document: &Document) -> Option<String> {
        let day = document.expires_on?;
        let text = if day < self.today() { &self.words().expired } else { &self.words().expires };
        Some(text.with("date", self.day(day)).to_string())
    }

    pub(super) fn origin(&self, origin: &Origin) -> String {
        match origin {
            Origin::Upload => self.words().origin_upload.to_string(),
            Origin::Notice { sender, provided_at, .. } => {
                let sender = &sender[usize::from(self.language() == Language::En)];
                let date = moment::date(self.language(), *provided_at);
                self.words().origin_notice.with("sender", sender).with("date", date).to_string()
            }
        }
    }

    /// „120 von 500 MB“: in mebibytes, as the setting has them, begun ones counted.
    pub(super) async fn storage(&self, tx: &mut Tx) -> Result<String, Error> {
        let used = usage(tx, &self.keeper.owner).await?;
        let megabytes = u64::try_from(used.bytes).map_err(Error::broken)?.div_ceil(MEBIBYTE);
        let quota = self.caller.visitor.app.config.safe.quota_mebibytes;
        let text = self.words().storage.with("used", megabytes).with("quota", quota);
        Ok(text.with("count", used.documents).to_string())
    }

    /// What has become of files: of those that are in the safe now, and of the others.
    pub(super) fn outcomes(&self, all: Vec<(String, Taken)>) -> (Vec<Outcome>, Vec<Outcome>) {
        let t = self.words();
        let outcome = |(name, taken): (String, Taken)| match taken {
            Taken::Kept(id) => (false, Outcome { name, words: t.taken.to_string(), path: Some(format!("/safe/{id}")) }),
            Taken::Known => (false, Outcome { name, words: t.known.to_string(), path: None }),
            Taken::Refused(problem) => (true, Outcome { name, words: self.refused(problem).to_string(), path: None }),
        };
        let (refused, taken): (Vec<_>, Vec<_>) = all.into_iter().map(outcome).partition(|(is_refused, _)| *is_refused);
        let only = |some: Vec<(bool, Outcome)>| some.into_iter().map(|(_, one)| one).collect();
        (only(taken), only(refused))
    }

    fn refused(&self, problem: &str) -> Text {
        let (t, p) = (self.words(), &self.texts().problem);
        let text = match problem {
            "name_long" => &p.document_name_long,
            "name_letters" => &p.document_name_letters,
            "name_type" => &p.document_name_type,
            "document_folder" => &p.document_folder,
            "document_folders_enough" => &p.document_folders_enough,
            "file_empty" => &t.refused_empty,
            "file_end" => &t.refused_end,
            "file_two" => &t.refused_two,
            "file_active" => &t.refused_active,
            "file_xml" => &t.refused_xml,
            "file_large" => &t.refused_large,
            "file_incomplete" => &t.refused_incomplete,
            "files_many" => &t.refused_many,
            "infected" => &t.refused_infected,
            "not_scanned" => &t.refused_not_scanned,
            "safe_full" => &t.refused_full,
            "documents_enough" => &t.refused_documents,
            "versions_enough" => &t.refused_versions,
            "no_room" => &t.refused_no_room,
            "busy" => &t.refused_busy,
            "not_kept" => &t.not_kept,
            // Whatever its name says, its bytes say something else.
            _ => &t.refused_type,
        };
        text.with("size", FILE_MAX_BYTES / MEBIBYTE).with("versions", VERSIONS_MAX)
    }

    /// What may come, said before.
    pub(super) fn rules(&self, files: usize) -> Vec<String> {
        let t = self.words();
        let all = FILES_MAX_BYTES / MEBIBYTE;
        vec![
            t.rule_types.to_string(),
            t.rule_size.with("size", FILE_MAX_BYTES / MEBIBYTE).with("count", files).with("all", all).to_string(),
            t.rule_no_preview.to_string(),
        ]
    }

    pub(super) fn tags_hint(&self) -> String {
        self.words().tags_hint.with("count", TAGS_MAX).to_string()
    }
}
