//! From one status of an account to the next: locked and unlocked, left and kept, unused, erased.
//!
//! Each step is one guarded statement, so that of two that exclude each other one happens. What else must end with it
//! (sessions, credentials, connections) is for those who own it; see `data::leaving`.

use std::time::Duration;

use super::{Status, store};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::time::{Timestamp, days, minutes};
use crate::store::db::Tx;
use crate::store::work::Work;

pub use store::Unused;

/// A sign-in is written down as a use of the account if the last use that was is older than this.
pub const USE_FRESH: Duration = days(1);
/// Between the destruction of the key and the removal of the last rows: whatever was under way when it happened is over.
const ERASURE_SETTLES: Duration = minutes(1);

/// Somebody has signed in: the account is in use.
pub async fn note_use(work: &mut Work, id: &AccountId) -> Result<(), Error> {
    Ok(store::put_use(work, id).await?)
}

/// Locks; `Conflict` if it is locked already, or erased.
pub async fn lock(work: &mut Work, id: &AccountId) -> Result<(), Error> {
    work.touched.push(id.clone());
    let locked = store::put_status(work, id, (Status::Active, Status::Locked), None).await?
        || store::put_status(work, id, (Status::Closing, Status::Locked), None).await?;
    if locked { Ok(()) } else { Err(Error::Conflict("account_status")) }
}

/// `Conflict` if it is not locked.
pub async fn unlock(work: &mut Work, id: &AccountId) -> Result<(), Error> {
    change(work, id, (Status::Locked, Status::Active), None).await
}

/// Its owner leaves: it is erased then, unless they return. `Conflict` if it is not active.
pub async fn close(work: &mut Work, id: &AccountId, erase_at: Timestamp) -> Result<(), Error> {
    change(work, id, (Status::Active, Status::Closing), Some(erase_at)).await
}

/// Its owner has returned in time; `Conflict` if not.
pub async fn keep(work: &mut Work, id: &AccountId) -> Result<(), Error> {
    change(work, id, (Status::Closing, Status::Active), None).await
}

/// Destroys the key, which makes everything sealed under it unreadable in every copy, and frees the addresses.
/// `Conflict` if it is locked or being erased already.
pub async fn begin_erasure(work: &mut Work, id: &AccountId) -> Result<(), Error> {
    let settled = Some(work.now.plus(ERASURE_SETTLES));
    work.touched.push(id.clone());
    let begun = store::put_status(work, id, (Status::Active, Status::Erasing), settled).await?
        || store::put_status(work, id, (Status::Closing, Status::Erasing), settled).await?;
    if !begun {
        return Err(Error::Conflict("account_status"));
    }
    store::destroy_key(work, id).await?;
    store::absence::delete(work, id).await?;
    Ok(store::delete_addresses(work, id).await?)
}

/// Removes the last of its data. `Conflict` if another node has done so.
pub async fn finish_erasure(work: &mut Work, id: &AccountId) -> Result<(), Error> {
    store::delete_attributes(work, id).await?;
    store::delete_evidence(work, id).await?;
    store::absence::delete(work, id).await?;
    store::delete_addresses(work, id).await?;
    change(work, id, (Status::Erasing, Status::Erased), None).await
}

async fn change(
    work: &mut Work,
    id: &AccountId,
    step: (Status, Status),
    erase_at: Option<Timestamp>,
) -> Result<(), Error> {
    work.touched.push(id.clone());
    if store::put_status(work, id, step, erase_at).await? { Ok(()) } else { Err(Error::Conflict("account_status")) }
}

/// The status of an account, and since when; `None` if there never was one.
pub async fn status(tx: &mut Tx, id: &AccountId) -> Result<Option<(Status, Timestamp)>, Error> {
    Ok(store::status(tx, id).await?.map(|row| (row.status, row.status_since)))
}

/// Accounts whose erasure is to begin or to be completed.
pub async fn due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<(AccountId, Status)>, Error> {
    Ok(store::due(tx, now, limit).await?)
}

/// Active accounts that nobody has used since, the longest unused first: those whose owner was told by `told_before`,
/// or with `None` those whose owner was not told yet.
pub async fn unused(
    tx: &mut Tx,
    used_before: Timestamp,
    told_before: Option<Timestamp>,
    limit: i64,
) -> Result<Vec<Unused>, Error> {
    Ok(store::unused(tx, used_before, told_before, limit).await?)
}

/// Its owner is being told; `false` if they have come back or another node tells them.
pub async fn note_told(work: &mut Work, unused: &Unused) -> Result<bool, Error> {
    Ok(store::put_told(work, unused).await?)
}

/// Whether nobody has come back; holds until the end of the work.
pub async fn is_still_unused(work: &mut Work, unused: &Unused) -> Result<bool, Error> {
    Ok(store::is_still_unused(work, unused).await?)
}
