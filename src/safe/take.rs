//! A file comes into the safe: a new document, or a new version of one. It is looked at, shown to the scanner and sealed while it comes; until all
//! of it is there, and counted, there is no such document, and whatever is refused leaves nothing.

use std::fmt::Display;

use bytes::Bytes;
use futures_util::Stream;

use super::event::{self, What};
use super::keeper::Keeper;
use super::store::{self, Usage};
use super::{
    DOCUMENTS_MAX, Document, FILE_MAX_BYTES, Filing, Origin, VERSIONS_MAX, Version, VersionFacts, change, find, quota,
    version_place,
};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::file::Scan;
use crate::kernel::file::name::Name;
use crate::kernel::id::DocumentId;
use crate::kernel::level::Level;
use crate::kernel::pdf_seal::Verdict;
use crate::kernel::seal::DataKey;
use crate::kernel::secret::hex;
use crate::store::object::{Coming, Owner, Received, Written};
use crate::store::work::Work;

/// A file that comes.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    pub name: &'a str,
    pub into: Destination<'a>,
    /// Below that nobody is to read it.
    pub level: Level,
    pub origin: &'a Origin,
    /// The file of a notice, or the notice, whose copy it is.
    pub source: Option<&'a str>,
    /// The id of the HTTP request, for the trail.
    pub request: &'a str,
}

/// What becomes of it.
#[derive(Clone, Copy)]
pub enum Destination<'a> {
    /// A document in this folder; in none if it is empty.
    Folder(&'a str),
    VersionOf(&'a DocumentId),
}

/// What has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    Kept(DocumentId),
    /// There is a copy already.
    Known,
    /// Nothing of it was kept, for this reason.
    Refused(&'static str),
}

/// Takes a file. What is wrong with it, or with the room there is, is an outcome: others may come after it. `NotAllowed` for whoever may only
/// read, `NotFound` for a document that is not there, `LevelTooLow` for one that needs more.
pub async fn take<S, E>(app: &AppParts, keeper: &Keeper, sent: Sent<'_>, pieces: S) -> Result<Taken, Error>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Display,
{
    keeper.require_keeping()?;
    if !app.objects.are_kept() {
        return Ok(Taken::Refused("not_kept"));
    }
    let name = match Name::parse(sent.name) {
        Ok(name) => name,
        Err(problem) => return Ok(Taken::Refused(problem)),
    };
    let (key, room) = look(app, keeper, &sent).await?;
    if room == 0 {
        return Ok(Taken::Refused("safe_full"));
    }
    let owner = Owner { id: keeper.owner.as_str(), key: &key };
    let most = FILE_MAX_BYTES.min(room);
    let coming = Coming { by: keeper.owner.as_str(), owner, kind: name.kind };
    let received = match app.objects.receive(app.scanner.as_ref(), coming, pieces, most).await {
        Ok(received) => received,
        Err(error) => return refused(error, most).map(Taken::Refused),
    };
    let taken = match received {
        Received::Refused(problem) => Taken::Refused(problem),
        Received::NotScanned(error) => {
            tracing::error!("safe: {error}");
            Taken::Refused("not_scanned")
        }
        Received::Infected(finding) => {
            let mut work = keeper.begin(app, sent.request).await?;
            event::record(&mut work, keeper, None, What::Refused { finding }).await?;
            work.commit().await?;
            Taken::Refused("infected")
        }
        Received::Sound(mut written, scan) => {
            let judged = written.judge(&app.seal_anchors, app.now()).await?;
            keep(app, keeper, (&sent, name), (*written, scan, judged)).await?
        }
    };
    let result = match &taken {
        Taken::Kept(_) => "kept",
        Taken::Known => "known",
        Taken::Refused(problem) => *problem,
    };
    metrics::counter!("nutzerkonto_safe_files_total", "result" => result).increment(1);
    Ok(taken)
}

/// Why a file could not be put down, if that concerns this file alone.
fn refused(error: Error, most: u64) -> Result<&'static str, Error> {
    match error {
        Error::TooLarge if most < FILE_MAX_BYTES => Ok("safe_full"),
        Error::TooLarge => Ok("file_large"),
        Error::Incomplete => Ok("file_incomplete"),
        Error::NoRoom => Ok("no_room"),
        Error::Busy { .. } => Ok("busy"),
        error => Err(error),
    }
}

/// The key of the safe, and how many bytes are free. That is asked again when the file is there.
async fn look(app: &AppParts, keeper: &Keeper, sent: &Sent<'_>) -> Result<(DataKey, u64), Error> {
    let mut tx = app.read().await?;
    let key = keeper.key(&mut tx, &app.vault).await?;
    if let Destination::VersionOf(id) = sent.into {
        let document = find(&mut tx, (&keeper.owner, &key), id).await?;
        keeper.require_opening(&document)?;
    }
    let used = super::usage(&mut tx, &keeper.owner).await?.bytes;
    Ok((key, u64::try_from(quota(app)? - used).unwrap_or_default()))
}

async fn keep(
    app: &AppParts,
    keeper: &Keeper,
    (sent, name): (&Sent<'_>, Name),
    (written, scan, judged): (Written, Scan, Option<Verdict>),
) -> Result<Taken, Error> {
    let mut work = keeper.begin(app, sent.request).await?;
    let key = keeper.key(&mut work.tx, &app.vault).await?;
    let owner = Owner { id: keeper.owner.as_str(), key: &key };
    store::insert_safe(&mut work, owner.id).await?;
    let is_new = matches!(sent.into, Destination::Folder(_));
    let bytes = i64::try_from(written.length()).map_err(Error::broken)?;
    let most = Usage { bytes: quota(app)?, documents: DOCUMENTS_MAX };
    if !store::charge(&mut work, owner.id, Usage { bytes, documents: i64::from(is_new) }, most).await? {
        let used = super::usage(&mut work.tx, &keeper.owner).await?;
        let are_enough = is_new && used.documents >= DOCUMENTS_MAX;
        return Ok(Taken::Refused(if are_enough { "documents_enough" } else { "safe_full" }));
    }
    let facts =
        VersionFacts { kind: name.kind, sha256: hex(written.sha256()), scan, origin: sent.origin.clone(), judged };
    let document = match put(app, &mut work, keeper, (sent, name), (written.length(), &key)).await {
        Ok(document) => document,
        Err(Error::Invalid(problems)) => {
            return Ok(Taken::Refused(problems.first().map_or("name_letters", |one| one.problem)));
        }
        Err(error) => return Err(error),
    };
    if store::count_versions(&mut work.tx, &document.id).await? >= VERSIONS_MAX {
        return Ok(Taken::Refused("versions_enough"));
    }
    if let Some(source) = sent.source
        && store::is_known(&mut work.tx, owner.id, source).await?
    {
        return Ok(Taken::Known);
    }
    let (length, created_at) = (written.length(), work.now);
    let object = written.finish(&mut work, owner).await?;
    let version = Version { number: document.version, bytes: length, facts, created_at, object };
    let plain = serde_json::to_vec(&version.facts).map_err(Error::broken)?;
    let sealed = key.seal(version_place(&document.id, version.number), &plain, &work.random).map_err(Error::broken)?;
    store::insert_version(&mut work, &document, &version, (&sealed, sent.source)).await?;
    let what = match sent.into {
        Destination::Folder(_) => What::Added { from_notice: sent.source.is_some() },
        Destination::VersionOf(_) => What::VersionAdded { version: version.number },
    };
    event::record(&mut work, keeper, Some(&document.id), what).await?;
    work.commit().await?;
    Ok(Taken::Kept(document.id))
}

/// The document that the file is, or becomes the newest version of, in a safe that is held.
async fn put(
    app: &AppParts,
    work: &mut Work,
    keeper: &Keeper,
    (sent, Name { text, kind }): (&Sent<'_>, Name),
    (bytes, key): (u64, &DataKey),
) -> Result<Document, Error> {
    let (document, before) = match sent.into {
        Destination::Folder(folder) => {
            let filing = Filing::parse(&text, kind, folder, "").map_err(Error::Invalid)?;
            let document = Document {
                id: DocumentId::new(work.now, &work.random),
                owner: keeper.owner.clone(),
                level: sent.level,
                filing,
                kind,
                bytes,
                version: 1,
                expires_on: None,
                created_at: work.now,
            };
            (document, None)
        }
        Destination::VersionOf(id) => {
            let known = find(&mut work.tx, (&keeper.owner, key), id).await?;
            keeper.require_opening(&known)?;
            let (before, version) = (known.filing.clone(), known.version + 1);
            let filing = before.clone().renamed_for(kind);
            (Document { filing, kind, bytes, version, ..known }, Some(before))
        }
    };
    change::put(app, work, (&document, before.as_ref()), key).await?;
    Ok(document)
}
