//! What happens to objects without a request: doomed and unfinished ones are removed, and each is read once a week.

use std::time::Duration;

use super::rows::{self, Due};
use super::{Objects, UNFINISHED_MAX};
use crate::kernel::error::Error;
use crate::kernel::time::{days, hours};

/// Objects removed in one round.
const ROUND: i64 = 100;
/// Each is read this often.
const CHECK_EVERY: Duration = days(7);
/// If reading comes to no result, it is tried again so much later.
const CHECK_AGAIN: Duration = hours(1);

impl Objects {
    /// Removes bytes, then their rows; how many. What cannot be removed now stays for the next round, and is in nobody's way.
    pub async fn sweep(&self) -> Result<u64, Error> {
        let Some(shelf) = &self.0.shelf else { return Ok(0) };
        let begun_before = self.0.clock.now().minus(UNFINISHED_MAX);
        let doomed = rows::doomed(&mut self.0.db.read().await?, begun_before, ROUND).await?;
        let (mut removed, mut outcome) = (0, Ok(()));
        for one in doomed {
            if let Err(failure) = shelf.remove(&one.path).await {
                outcome = Err(failure.into());
                continue;
            }
            let mut work = self.begin_work().await?;
            removed += u64::from(rows::delete(&mut work, &one).await?);
            work.commit().await?;
        }
        outcome.map(|()| removed)
    }

    /// Up to so many objects that nobody has read for a week. They are this node's for an hour.
    pub async fn take_due(&self, limit: i64) -> Result<Vec<Due>, Error> {
        if !self.are_kept() {
            return Ok(Vec::new());
        }
        let now = self.0.clock.now();
        let mut due = rows::due(&mut self.0.db.read().await?, now.minus(CHECK_EVERY), limit).await?;
        if due.is_empty() {
            return Ok(due);
        }
        let mut work = self.begin_work().await?;
        let again = now.minus(CHECK_EVERY).plus(CHECK_AGAIN);
        let mut taken = Vec::with_capacity(due.len());
        for one in due.drain(..) {
            if rows::claim(&mut work, &one, again).await? {
                taken.push(one);
            }
        }
        work.commit().await?;
        Ok(taken)
    }

    /// All objects, so many at a time: those behind the last one.
    pub async fn list(&self, after: Option<&Due>, limit: i64) -> Result<Vec<Due>, Error> {
        Ok(rows::after(&mut self.0.db.read().await?, after, limit).await?)
    }
}
