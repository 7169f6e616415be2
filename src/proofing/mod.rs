//! How people prove who they are: with the Online-Ausweis, at a desk, with an account they already have elsewhere, by a letter.
//!
//! Every way ends the same: what was shown is compared with what the account says, the person sees it and agrees, and
//! [`evidence`](crate::account::evidence) is recorded in one transaction. No way changes a value that its owner has not seen.

pub mod comparison;
pub mod desk;
pub mod eid;
pub mod letter;
pub mod office;
mod store;
pub mod upstream;
pub mod ways;
pub mod web;

use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::store::work::Work;

/// Removes what there is of an account: what was under way, and the roles.
pub async fn forget(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    store::eid::delete_readings_of(work, account).await?;
    letter::forget(work, account).await?;
    desk::forget(work, account).await
}
