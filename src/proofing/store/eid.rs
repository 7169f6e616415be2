//! Cards that are being read.

use crate::kernel::id::AccountId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct ReadingRow {
    pub browser_hash: Vec<u8>,
    /// Of whom it is to be the proof; none for a sign-in.
    pub account_id: Option<AccountId>,
    pub sealed: Vec<u8>,
    pub expires_at: Timestamp,
}

/// Begins one; what the browser had begun before is over.
pub async fn put_reading(work: &mut Work, token_hash: &[u8], row: &ReadingRow) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO eid_reading (browser_hash, token_hash, account_id, is_read, sealed, expires_at)
         VALUES ($1, $2, $3, FALSE, $4, $5)
         ON CONFLICT (browser_hash) DO UPDATE SET token_hash = excluded.token_hash, account_id = excluded.account_id,
             is_read = FALSE, sealed = excluded.sealed, expires_at = excluded.expires_at",
        &row.browser_hash,
        token_hash,
        &row.account_id,
        &row.sealed,
        row.expires_at
    )
    .map(drop)
}

/// The run that an eID-Client fetches its token for.
pub async fn find_run(tx: &mut Tx, token_hash: &[u8], now: Timestamp) -> Result<Option<ReadingRow>, DbError> {
    sql!(tx, fetch_optional ReadingRow,
        "SELECT browser_hash, account_id, sealed, expires_at FROM eid_reading
          WHERE token_hash = $1 AND is_read = FALSE AND expires_at > $2", token_hash, now)
}

/// What a browser has begun, or what has been read in it.
pub async fn find_of_browser(
    tx: &mut Tx,
    browser: &[u8],
    is_read: bool,
    now: Timestamp,
) -> Result<Option<ReadingRow>, DbError> {
    sql!(tx, fetch_optional ReadingRow,
        "SELECT browser_hash, account_id, sealed, expires_at FROM eid_reading
          WHERE browser_hash = $1 AND is_read = $2 AND expires_at > $3", browser, is_read, now)
}

/// Keeps what was read. The gate: of two that come back from the same run one finds it.
pub async fn put_read(
    work: &mut Work,
    (browser, token_hash): (&[u8], &[u8]),
    sealed: &[u8],
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE eid_reading SET is_read = TRUE, sealed = $3, expires_at = $4
          WHERE browser_hash = $1 AND token_hash = $2 AND is_read = FALSE",
        browser,
        token_hash,
        sealed,
        expires_at
    )?;
    Ok(rows == 1)
}

/// Takes a run, or what was read, as it was found. The same gate.
pub async fn take(work: &mut Work, browser: &[u8], sealed: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM eid_reading WHERE browser_hash = $1 AND sealed = $2 AND expires_at > $3",
        browser,
        sealed,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn delete_readings_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM eid_reading WHERE account_id = $1", account).map(drop)
}
