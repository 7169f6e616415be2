//! Giving and ending a share.

use super::{SHARES_MAX, Term, place, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, DocumentId, ShareId};
use crate::safe::event::{self, What};
use crate::safe::find;
use crate::safe::keeper::Keeper;
use crate::store::work::Work;

/// What somebody wants to share.
pub struct Wanted<'a> {
    pub document: &'a DocumentId,
    pub client: &'a ClientId,
    pub term: Term,
    pub purpose: &'a str,
}

/// Shares the newest version of a document, in work of the keeper's. `NotFound` for what is not theirs, `NotAllowed` for who may only read or acts
/// under a mandate, `Conflict` if there are too many shares.
pub async fn give(app: &AppParts, work: &mut Work, keeper: &Keeper, wanted: &Wanted<'_>) -> Result<ShareId, Error> {
    keeper.require_deleting()?;
    let key = keeper.key(&mut work.tx, &app.vault).await?;
    // Whoever deletes the document at this moment is before this, or after.
    crate::safe::store::hold(work, keeper.owner.as_str()).await?;
    let document = find(&mut work.tx, (&keeper.owner, &key), wanted.document).await?;
    keeper.require_opening(&document)?;
    let id = ShareId::new(work.now, &work.random);
    let purpose = key.seal(place(&id), wanted.purpose.as_bytes(), &work.random).map_err(Error::broken)?;
    let row = store::Row {
        id: id.clone(),
        owner: keeper.owner.as_str().to_owned(),
        document_id: document.id.clone(),
        version: document.version,
        client_id: wanted.client.clone(),
        account_id: keeper.account.to_string(),
        purpose,
        until: wanted.term.until(work.now),
        fetches_max: wanted.term.fetches_max(),
        fetches: 0,
        created_at: work.now,
        ended_at: None,
    };
    if !store::insert(work, &row, SHARES_MAX).await? {
        return Err(Error::Conflict("shares_enough"));
    }
    let shared = What::Shared { client: wanted.client.clone(), until: row.until };
    event::record(work, keeper, Some(&document.id), shared).await?;
    Ok(id)
}

/// Ends a share at once. That it has ended before is fine.
pub async fn end(
    app: &AppParts,
    keeper: &Keeper,
    (document, id): (&DocumentId, &ShareId),
    request: &str,
) -> Result<(), Error> {
    keeper.require_keeping()?;
    let mut work = keeper.begin(app, request).await?;
    let key = keeper.key(&mut work.tx, &app.vault).await?;
    let document = find(&mut work.tx, (&keeper.owner, &key), document).await?;
    if let Some(ended) = store::end(&mut work, &document.id, id).await? {
        event::record(&mut work, keeper, Some(&document.id), What::ShareEnded { client: ended.client_id }).await?;
    }
    work.commit().await
}
