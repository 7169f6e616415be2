//! What the operator does with legal guardians: ends one where nobody comes to a desk any more, with a reason that both read.

use super::Inquiry;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::MandateId;
use crate::organisation::mandate::guardian;

/// Ends what a desk has recorded. `NotFound` for whatever no court has decided, `Conflict` if it has ended.
pub async fn end(app: &AppParts, by: &Inquiry, mandate: &MandateId) -> Result<(), Error> {
    let mut work = by.begin(app).await?;
    guardian::end_by_operator(app, &mut work, mandate, &by.reason).await?;
    work.commit().await
}
