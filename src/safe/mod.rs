//! The safe: documents that people and organisations keep, as long as they want.
//!
//! A document is a file with a name, in a folder or in none, with tags; it has versions, of which the newest counts and old ones stay until
//! somebody deletes them. What can be read of it is sealed under the owner's key, its bytes under a key of their own for each version. Nothing is
//! ever shown, rendered or unpacked here: a document is fetched as it came. How much a safe holds is counted exactly, in the transaction
//! in which a version becomes visible.

pub mod change;
pub mod delete;
pub mod due;
mod event;
pub mod from_notice;
pub mod keeper;
pub mod list;
pub mod open;
pub mod share;
mod store;
pub mod take;
pub mod web;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::Date;
use unicode_normalization::UnicodeNormalization as _;

use crate::app::AppParts;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::file::Scan;
use crate::kernel::file::inspect::Type;
use crate::kernel::file::name::Name;
use crate::kernel::id::{DocumentId, MessageId};
use crate::kernel::level::Level;
use crate::kernel::pdf_seal::Verdict;
use crate::kernel::random::Random;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::texts::is_sound;
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Party;
use crate::postbox::attachment::Seal;
use crate::store::db::Tx;
use crate::store::object::ObjectRef;
use crate::store::work::Work;

pub use store::Usage;

/// Of one file: a ring binder of scanned pages.
pub const FILE_MAX_BYTES: u64 = 100 * 1024 * 1024;
pub const DOCUMENTS_MAX: i64 = 100_000;
/// Of one document.
pub const VERSIONS_MAX: i64 = 20;
/// Of one document.
pub const TAGS_MAX: usize = 10;
/// Folders of one safe, and as many different tags: a page lists them all.
pub const LABELS_MAX: i64 = 50;
pub const LABEL_MAX_CHARACTERS: usize = 60;

/// How long files of one form may take from the first byte to the answer: as long as one alone may.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Whether files come in on this path.
pub fn takes_files(path: &str) -> bool {
    let is_in = |start: &str, end: &str| path.starts_with(start) && path.ends_with(end);
    path == "/safe/hochladen" || is_in("/safe/", "/version") || is_in("/postfach/", "/safe")
}

/// How its owner keeps a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filing {
    pub name: String,
    /// Empty if it is in none.
    pub folder: String,
    pub tags: Vec<String>,
}

/// What is sealed in the row of a document.
#[derive(Serialize, Deserialize)]
struct Described {
    #[serde(flatten)]
    filing: Filing,
    #[serde(rename = "type")]
    kind: Type,
    bytes: u64,
}

/// A document, without its versions.
#[derive(Clone, Debug)]
pub struct Document {
    pub id: DocumentId,
    pub owner: Party,
    /// Below that nobody reads more than that it is there.
    pub level: Level,
    pub filing: Filing,
    /// Of the newest version.
    pub kind: Type,
    pub bytes: u64,
    /// The number of the newest version.
    pub version: i64,
    /// The day in Germany on which it expires.
    pub expires_on: Option<Date>,
    pub created_at: Timestamp,
}

/// Where a version comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Origin {
    /// Somebody has uploaded it.
    Upload,
    /// It came with a notice, or is what the notice says.
    Notice {
        message: MessageId,
        /// The authority, in German and English, as the notice names it.
        sender: [String; 2],
        provided_at: Timestamp,
        /// What the authority says of its seal.
        seal: Option<Seal>,
    },
}

/// What is sealed in the row of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFacts {
    #[serde(rename = "type")]
    pub kind: Type,
    /// In hexadecimal digits.
    pub sha256: String,
    pub scan: Scan,
    pub origin: Origin,
    /// What was found of seals when it came, if it is a PDF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Verdict>,
}

/// One version of a document.
#[derive(Clone, Debug)]
pub struct Version {
    pub number: i64,
    pub bytes: u64,
    pub facts: VersionFacts,
    pub created_at: Timestamp,
    object: ObjectRef,
}

/// What documents are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Label {
    Folder,
    Tag,
}

impl Label {
    const fn name(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Tag => "tag",
        }
    }

    /// Under which one is found; no two owners have the same.
    fn hash(self, vault: &Vault, owner: &Party, name: &str) -> [u8; 32] {
        vault.index("safe_label", &format!("{} {} {name}", owner.as_str(), self.name()))
    }
}

fn place(id: &DocumentId) -> Place<'_> {
    Place { table: "safe_document", column: "description", row: id.as_str(), version: 1 }
}

fn version_place(id: &DocumentId, number: i64) -> Place<'_> {
    Place { table: "safe_version", column: "description", row: id.as_str(), version: number }
}

/// One folder or tag as it was typed: composed (NFC), each white space one blank.
fn label(typed: &str) -> Option<String> {
    let composed: String = typed.nfc().collect();
    let text = composed.split_whitespace().collect::<Vec<_>>().join(" ");
    (text.chars().count() <= LABEL_MAX_CHARACTERS && text.chars().all(is_sound)).then_some(text)
}

impl Filing {
    /// Reads what somebody has typed: tags with a comma between them.
    pub fn parse(name: &str, kind: Type, folder: &str, tags: &str) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let mut wrong = |field: &'static str, problem: &'static str| problems.push(FieldProblem { field, problem });
        let name = match Name::parse(name) {
            Ok(name) if name.kind == kind => name.text,
            Ok(_) => {
                wrong("name", "document_ending");
                String::new()
            }
            Err(problem) => {
                wrong("name", name_problem(problem));
                String::new()
            }
        };
        let folder = label(folder).unwrap_or_else(|| {
            wrong("ordner", "document_folder");
            String::new()
        });
        let mut read = Vec::<String>::new();
        for typed in tags.split(',').filter(|typed| !typed.trim().is_empty()) {
            match label(typed) {
                Some(tag) if read.contains(&tag) => {}
                Some(tag) if read.len() < TAGS_MAX => read.push(tag),
                _ => {
                    wrong("schlagwoerter", "document_tags");
                    break;
                }
            }
        }
        if problems.is_empty() { Ok(Self { name, folder, tags: read }) } else { Err(problems) }
    }

    /// Its name with the ending of another kind of file, should that have changed.
    fn renamed_for(self, kind: Type) -> Self {
        if Name::parse(&self.name).is_ok_and(|name| name.kind == kind) {
            return self;
        }
        let stem = self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem);
        let ending = kind.extensions().first().copied().unwrap_or_default();
        Self { name: format!("{stem}.{ending}"), ..self }
    }
}

/// How a form says what is wrong with a name.
fn name_problem(problem: &'static str) -> &'static str {
    match problem {
        "name_long" => "document_name_long",
        "name_type" => "document_name_type",
        _ => "document_name_letters",
    }
}

impl Document {
    fn seal(&self, key: &DataKey, random: &Random) -> Result<Vec<u8>, Error> {
        let described = Described { filing: self.filing.clone(), kind: self.kind, bytes: self.bytes };
        let plain = serde_json::to_vec(&described).map_err(Error::broken)?;
        key.seal(place(&self.id), &plain, random).map_err(Error::broken)
    }
}

/// One document of this owner; `NotFound` for whatever is another's or not there. The key is the owner's.
pub async fn find(tx: &mut Tx, (owner, key): (&Party, &DataKey), id: &DocumentId) -> Result<Document, Error> {
    store::find(tx, owner.as_str(), id).await?.ok_or(Error::NotFound)?.read(key)
}

/// The versions of a document, the newest first.
pub async fn versions(tx: &mut Tx, document: &Document, key: &DataKey) -> Result<Vec<Version>, Error> {
    let rows = store::versions(tx, &document.id).await?;
    rows.into_iter().map(|row| row.read(key)).collect()
}

/// One version; `NotFound` if it is not there.
pub async fn version(tx: &mut Tx, document: &Document, number: i64, key: &DataKey) -> Result<Version, Error> {
    store::version(tx, &document.id, number).await?.ok_or(Error::NotFound)?.read(key)
}

/// What a safe holds; nothing if nobody has put anything into it.
pub async fn usage(tx: &mut Tx, owner: &Party) -> Result<Usage, Error> {
    Ok(store::usage(tx, owner.as_str()).await?.unwrap_or_default())
}

/// How much a safe may hold, in bytes.
fn quota(app: &AppParts) -> Result<i64, Error> {
    i64::try_from(app.config.safe.quota_bytes()).map_err(Error::broken)
}

/// With its owner the safe goes; whoever calls this dooms the bytes. May be done again.
pub async fn forget(work: &mut Work, owner: &Party) -> Result<(), Error> {
    share::forget(work, owner.as_str()).await?;
    Ok(store::delete_all(work, owner.as_str()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_taken_as_it_is_or_not_at_all() {
        let parse = |name: &str, folder: &str, tags: &str| Filing::parse(name, Type::Pdf, folder, tags);
        let filing = parse(" Urkunde.pdf ", "  Familie   Muster ", "Geburt, , Kind ,Geburt").unwrap();
        assert_eq!((filing.name.as_str(), filing.folder.as_str()), ("Urkunde.pdf", "Familie Muster"));
        assert_eq!(filing.tags, ["Geburt", "Kind"]);
        let problem = |name: &str, folder: &str, tags: &str| {
            let problems = parse(name, folder, tags).unwrap_err();
            problems.into_iter().map(|one| (one.field, one.problem)).collect::<Vec<_>>()
        };
        assert_eq!(problem("Urkunde.png", "", ""), [("name", "document_ending")]);
        assert_eq!(problem("../Urkunde.pdf", "", ""), [("name", "document_name_letters")]);
        assert_eq!(problem("Urkunde", "", ""), [("name", "document_name_type")]);
        assert_eq!(problem("a.pdf", &"x".repeat(61), ""), [("ordner", "document_folder")]);
        assert_eq!(problem("a.pdf", "a\u{202E}b", ""), [("ordner", "document_folder")]);
        let many = (0..11).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(problem("a.pdf", "", &many), [("schlagwoerter", "document_tags")]);
    }

    #[test]
    fn a_name_follows_the_kind_of_the_newest_version() {
        let filing = |name: &str| Filing { name: name.to_owned(), folder: String::new(), tags: Vec::new() };
        assert_eq!(filing("Urkunde.png").renamed_for(Type::Pdf).name, "Urkunde.pdf");
        assert_eq!(filing("Foto.jpeg").renamed_for(Type::Jpeg).name, "Foto.jpeg");
        assert_eq!(filing("a.b.txt").renamed_for(Type::Xml).name, "a.b.xml");
    }
}
