//! The oldest part of the chain goes when its time is over: up to a signed head, which from then on is where the chain
//! begins. Verification accepts such a beginning only if our signature covers it and it is old enough.

use super::chain;
use super::head::SignedHead;
use super::store::{self, Head};
use crate::app::AppParts;
use crate::kernel::calendar::months_after;
use crate::kernel::error::Error;
use crate::kernel::time::Timestamp;

/// How long events are kept (the retention table says why).
pub const KEPT_MONTHS: u32 = 24;

/// Whether everything before a head that was signed then may go.
pub fn is_over(signed_at: Timestamp, now: Timestamp) -> bool {
    months_after(signed_at, KEPT_MONTHS) <= now
}

/// The job: deletes what the oldest head whose time is over covers; an hour's worth of events at a time. Returns how
/// many events went.
pub async fn tend(app: &AppParts) -> Result<u64, Error> {
    let now = app.now();
    let mut tx = app.read().await?;
    let from = store::head(&mut tx, store::START).await?.unwrap_or_else(chain::beginning);
    let Some(token) = store::signed_head_after(&mut tx, from.position).await? else { return Ok(0) };
    drop(tx);
    let head = SignedHead::read(&app.keys.current(), &app.config.issuer, &token.text).map_err(Error::broken)?;
    if !is_over(head.at(), now) {
        return Ok(0);
    }
    let db = app.db.aside();
    let mut tx = db.begin().await?;
    let to = Head { position: head.position, seal: head.seal_bytes()?, sealed_at: head.at() };
    // Of several nodes, one moves the beginning.
    if !store::move_head(&mut tx, store::START, &from, &to).await? {
        return Ok(0);
    }
    let gone = store::delete_sealed(&mut tx, head.position).await?;
    db.commit(tx).await?;
    Ok(gone)
}
