//! Deleting: at once and for good. Nobody can read it from then on, and its bytes go shortly afterwards.

use super::event::{self, What};
use super::keeper::Keeper;
use super::store::{self, Usage};
use super::{Document, change, find, share, version, versions};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::DocumentId;
use crate::kernel::seal::DataKey;
use crate::store::object;
use crate::store::work::Work;

/// A safe that is held, and the document in it.
async fn hold(app: &AppParts, work: &mut Work, keeper: &Keeper, id: &DocumentId) -> Result<(Document, DataKey), Error> {
    let key = keeper.key(&mut work.tx, &app.vault).await?;
    store::hold(work, keeper.owner.as_str()).await?;
    let document = find(&mut work.tx, (&keeper.owner, &key), id).await?;
    keeper.require_opening(&document)?;
    Ok((document, key))
}

/// Deletes a document with all its versions.
pub async fn delete(app: &AppParts, keeper: &Keeper, id: &DocumentId, request: &str) -> Result<(), Error> {
    keeper.require_deleting()?;
    let mut work = keeper.begin(app, request).await?;
    let (document, key) = hold(app, &mut work, keeper, id).await?;
    let owner = keeper.owner.as_str();
    let mut bytes = 0;
    for version in versions(&mut work.tx, &document, &key).await? {
        doom(&mut work, &version.object, owner).await?;
        bytes += i64::try_from(version.bytes).map_err(Error::broken)?;
    }
    for (kind, name) in change::labels(&document.filing) {
        change::remove(app, &mut work, (&document, kind, name)).await?;
    }
    share::forget_document(&mut work, id).await?;
    store::delete(&mut work, id).await?;
    store::release(&mut work, owner, Usage { bytes, documents: 1 }).await?;
    event::record(&mut work, keeper, Some(id), What::Deleted {}).await?;
    work.commit().await
}

/// Deletes an old version. `NotFound` for the newest: whoever wants that gone deletes the document.
pub async fn delete_version(
    app: &AppParts,
    keeper: &Keeper,
    (id, number): (&DocumentId, i64),
    request: &str,
) -> Result<(), Error> {
    keeper.require_deleting()?;
    let mut work = keeper.begin(app, request).await?;
    let (document, key) = hold(app, &mut work, keeper, id).await?;
    if number == document.version {
        return Err(Error::NotFound);
    }
    let version = version(&mut work.tx, &document, number, &key).await?;
    let owner = keeper.owner.as_str();
    doom(&mut work, &version.object, owner).await?;
    share::end_version(&mut work, id, number).await?;
    store::delete_version(&mut work, id, number).await?;
    let bytes = i64::try_from(version.bytes).map_err(Error::broken)?;
    store::release(&mut work, owner, Usage { bytes, documents: 0 }).await?;
    event::record(&mut work, keeper, Some(id), What::VersionDeleted { version: number }).await?;
    work.commit().await
}

/// Whatever has become of the bytes, what refers to them can be deleted.
async fn doom(work: &mut Work, object: &object::ObjectRef, owner: &str) -> Result<(), Error> {
    match object::doom(work, object, owner).await {
        Err(Error::NotFound) => Ok(()),
        doomed => doomed,
    }
}
