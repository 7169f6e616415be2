//! The end of a postbox: with the account or the organisation, whatever lies in it.

use super::event::{self, Told};
use super::{attachment, feed, paper, store};
use crate::kernel::error::Error;
use crate::organisation::acting::Party;
use crate::store::work::Work;

/// So many notices are read at a time.
const PAGE: i64 = 500;

/// Removes what the notices of a postbox say and the copies of what was answered, and tells their authorities that nobody reads them any
/// more; what is left of each proves that it was provided. Its files go, used or not; whoever calls this dooms their bytes. What has
/// been deleted for good before was told then. May be done again.
pub async fn forget(work: &mut Work, owner: &Party) -> Result<(), Error> {
    loop {
        let rows = store::readable(&mut work.tx, owner.as_str(), PAGE).await?;
        let is_last = (rows.len() as i64) < PAGE;
        for row in rows {
            let message = row.read()?;
            store::empty(work, &message.id).await?;
            event::tell(work, &message, Told::AccountGone).await?;
        }
        if is_last {
            attachment::forget(work, owner.as_str()).await?;
            // After the notices: what is sent while they go finds none to answer.
            store::reply::forget(work, owner.as_str()).await?;
            feed::forget(work, owner).await?;
            return paper::forget(work, owner).await;
        }
    }
}
