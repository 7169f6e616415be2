//! Accounts that a registration desk has released.

use crate::kernel::id::AccountId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct ReleaseRow {
    pub account_id: AccountId,
    pub code_hash: Vec<u8>,
    pub cancel_hash: Vec<u8>,
    pub released_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Takes the place of an older one.
pub async fn put_release(work: &mut Work, row: &ReleaseRow) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO desk_release (account_id, code_hash, cancel_hash, released_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id) DO UPDATE SET code_hash = excluded.code_hash, cancel_hash = excluded.cancel_hash,
             released_at = excluded.released_at, expires_at = excluded.expires_at",
        &row.account_id,
        &row.code_hash,
        &row.cancel_hash,
        row.released_at,
        row.expires_at
    )
    .map(drop)
}

pub async fn find_release(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Option<ReleaseRow>, DbError> {
    sql!(tx, fetch_optional ReleaseRow,
        "SELECT account_id, code_hash, cancel_hash, released_at, expires_at FROM desk_release
          WHERE account_id = $1 AND expires_at > $2", account, now)
}

/// The one of a code from paper; only of accounts that are in use.
pub async fn find_release_by_code(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<ReleaseRow>, DbError> {
    sql!(tx, fetch_optional ReleaseRow,
        "SELECT account_id, code_hash, cancel_hash, released_at, expires_at
           FROM desk_release JOIN account ON account.id = account_id AND account.status = 'active'
          WHERE code_hash = $1 AND expires_at > $2", hash, now)
}

/// The one that a link in a mail belongs to.
pub async fn find_release_by_link(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<ReleaseRow>, DbError> {
    sql!(tx, fetch_optional ReleaseRow,
        "SELECT account_id, code_hash, cancel_hash, released_at, expires_at FROM desk_release
          WHERE cancel_hash = $1 AND expires_at > $2", hash, now)
}

/// The gate: it sets a password once, unless somebody has ended it or the account is locked meanwhile.
pub async fn take_release(work: &mut Work, account: &AccountId, hash: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM desk_release
          WHERE account_id = $1 AND code_hash = $2 AND expires_at > $3
            AND EXISTS (SELECT 1 FROM account WHERE id = $1 AND status = 'active')",
        account,
        hash,
        work.now
    )?;
    Ok(rows == 1)
}

/// Ends it; `false` if there is none.
pub async fn delete_release(work: &mut Work, account: &AccountId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM desk_release WHERE account_id = $1 AND expires_at > $2",
        account,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn forget_release(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM desk_release WHERE account_id = $1", account).map(drop)
}
