//! The clean-up table: what has expired is deleted, after a time in which it may still explain something.

use std::time::Duration;

use crate::kernel::time::{Timestamp, days, hours};
use crate::sql;

use super::db::{Db, DbError};

/// Kept after expiry, so that a second use is still recognised as one.
const KEPT: Duration = days(1);
/// Longer than any session may last.
const SESSION_KEPT: Duration = hours(25);

/// Deletes; returns how many rows. Nothing that has not expired is ever touched.
pub async fn run(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    let (past, at) = (now.minus(KEPT), now);
    let mut tx = db.begin().await?;
    let mut rows = 0;
    rows += sql!(&mut tx, execute, "DELETE FROM mail_check WHERE expires_at < $1", at)?;
    rows += sql!(&mut tx, execute, "DELETE FROM mailed_code WHERE expires_at < $1", past)?;
    rows += sql!(&mut tx, execute, "DELETE FROM attempt WHERE expires_at < $1", past)?;
    rows += sql!(&mut tx, execute, "DELETE FROM registration WHERE expires_at < $1", at)?;
    rows += sql!(&mut tx, execute, "DELETE FROM password_reset WHERE expires_at < $1", at)?;
    rows += sql!(&mut tx, execute, "DELETE FROM authorization_request WHERE expires_at < $1", at)?;
    rows += sql!(&mut tx, execute, "DELETE FROM pushed_request WHERE expires_at < $1", at)?;
    rows += sql!(&mut tx, execute, "DELETE FROM authorization_code WHERE expires_at < $1", past)?;
    rows += sql!(&mut tx, execute, "DELETE FROM client_grant WHERE expires_at < $1", past)?;
    rows += sql!(&mut tx, execute, "DELETE FROM client_assertion WHERE expires_at < $1", at)?;
    rows += sql!(&mut tx, execute, "DELETE FROM session WHERE last_seen_at < $1", now.minus(SESSION_KEPT))?;
    db.commit(tx).await?;
    Ok(rows)
}
