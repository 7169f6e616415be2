//! Changing what a document is called, where it lies, and when it expires.

use time::Date;

use super::event::{self, What};
use super::keeper::Keeper;
use super::{Document, Filing, LABELS_MAX, Label, due, find, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::DocumentId;
use crate::kernel::seal::{DataKey, Place};
use crate::store::work::Work;

/// Changes it. `Invalid` if there are too many folders or tags already.
pub async fn change(
    app: &AppParts,
    keeper: &Keeper,
    (id, filing, expires_on): (&DocumentId, Filing, Option<Date>),
    request: &str,
) -> Result<(), Error> {
    keeper.require_keeping()?;
    let mut work = keeper.begin(app, request).await?;
    let key = keeper.key(&mut work.tx, &app.vault).await?;
    store::hold(&mut work, keeper.owner.as_str()).await?;
    let mut document = find(&mut work.tx, (&keeper.owner, &key), id).await?;
    keeper.require_opening(&document)?;
    let before = std::mem::replace(&mut document.filing, filing);
    if before == document.filing && document.expires_on == expires_on {
        return Ok(());
    }
    put(app, &mut work, (&document, Some(&before)), &key).await?;
    if document.expires_on != expires_on {
        let (said, look_at) = due::first_look(expires_on, work.now);
        store::put_expiry(&mut work, id, expires_on, (&said, look_at)).await?;
    }
    event::record(&mut work, keeper, Some(id), What::Changed {}).await?;
    work.commit().await
}

/// Writes down a document of a safe that is held: a new one, or one that was kept otherwise before.
pub(super) async fn put(
    app: &AppParts,
    work: &mut Work,
    (document, before): (&Document, Option<&Filing>),
    key: &DataKey,
) -> Result<(), Error> {
    let sealed = document.seal(key, &work.random)?;
    let folder = Label::Folder.hash(&app.vault, &document.owner, &document.filing.folder);
    match before {
        Some(_) => store::put(work, document, (&sealed, &folder)).await?,
        None => store::insert(work, document, (&sealed, &folder)).await?,
    }
    let old = before.map(labels).unwrap_or_default();
    let new = labels(&document.filing);
    for (kind, name) in old.iter().filter(|one| !new.contains(one)) {
        remove(app, work, (document, *kind, name)).await?;
    }
    for (kind, name) in new.iter().filter(|one| !old.contains(one)) {
        add(app, work, (document, *kind, name), key).await?;
    }
    Ok(())
}

/// What a document is found by.
pub(super) fn labels(filing: &Filing) -> Vec<(Label, &str)> {
    let folder = Some((Label::Folder, filing.folder.as_str())).filter(|(_, name)| !name.is_empty());
    folder.into_iter().chain(filing.tags.iter().map(|tag| (Label::Tag, tag.as_str()))).collect()
}

async fn add(
    app: &AppParts,
    work: &mut Work,
    (document, kind, name): (&Document, Label, &str),
    key: &DataKey,
) -> Result<(), Error> {
    let (owner, hash) = (document.owner.as_str(), kind.hash(&app.vault, &document.owner, name));
    if kind == Label::Tag {
        store::insert_tag(work, owner, &hash, &document.id).await?;
    }
    if store::count_label(work, owner, kind, &hash).await? {
        return Ok(());
    }
    if store::labels(&mut work.tx, owner, kind).await?.len() as i64 >= LABELS_MAX {
        return Err(match kind {
            Label::Folder => Error::field("ordner", "document_folders_enough"),
            Label::Tag => Error::field("schlagwoerter", "document_tags_enough"),
        });
    }
    let sealed = key.seal(label_place(owner, kind, &hash), name.as_bytes(), &work.random).map_err(Error::broken)?;
    Ok(store::insert_label(work, owner, kind, (&hash, &sealed)).await?)
}

/// A document has a folder or tag no more.
pub(super) async fn remove(
    app: &AppParts,
    work: &mut Work,
    (document, kind, name): (&Document, Label, &str),
) -> Result<(), Error> {
    let (owner, hash) = (document.owner.as_str(), kind.hash(&app.vault, &document.owner, name));
    if kind == Label::Tag {
        store::delete_tag(work, owner, &hash, &document.id).await?;
    }
    Ok(store::drop_label(work, owner, kind, &hash).await?)
}

/// Its name opens beside its own hash only.
pub(super) fn label_place<'a>(owner: &'a str, kind: Label, hash: &[u8]) -> Place<'a> {
    let version = i64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default());
    Place { table: "safe_label", column: kind.name(), row: owner, version }
}
