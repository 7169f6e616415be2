//! Ways back that wait for their time.

use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::means::MeansKind;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct RecoveryRow {
    pub account_id: AccountId,
    /// Another one for every recovery: names the one that was read.
    pub cancel_hash: Vec<u8>,
    pub started_at: Timestamp,
    pub remind_at: Timestamp,
    pub release_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The gate: of all that begin one for an account, on whatever node, one finds none under way.
pub async fn insert_recovery(work: &mut Work, row: &RecoveryRow) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO recovery (account_id, cancel_hash, started_at, remind_at, release_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (account_id) DO UPDATE SET
             cancel_hash = excluded.cancel_hash, reminder_hash = NULL, started_at = excluded.started_at,
             remind_at = excluded.remind_at, release_at = excluded.release_at, expires_at = excluded.expires_at
          WHERE recovery.expires_at <= excluded.started_at",
        &row.account_id,
        &row.cancel_hash,
        row.started_at,
        row.remind_at,
        row.release_at,
        row.expires_at
    )?;
    Ok(rows == 1)
}

pub async fn find_recovery(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Option<RecoveryRow>, DbError> {
    sql!(tx, fetch_optional RecoveryRow,
        "SELECT account_id, cancel_hash, started_at, remind_at, release_at, expires_at FROM recovery
          WHERE account_id = $1 AND expires_at > $2", account, now)
}

/// The one that a link in a mail belongs to.
pub async fn find_recovery_by_link(
    tx: &mut Tx,
    token_hash: &[u8],
    now: Timestamp,
) -> Result<Option<RecoveryRow>, DbError> {
    sql!(tx, fetch_optional RecoveryRow,
        "SELECT account_id, cancel_hash, started_at, remind_at, release_at, expires_at FROM recovery
          WHERE (cancel_hash = $1 OR reminder_hash = $1) AND expires_at > $2", token_hash, now)
}

/// Those whose time is nearly over and whose owner has not been told so, the most urgent first.
pub async fn recoveries_to_remind(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<RecoveryRow>, DbError> {
    sql!(tx, fetch_all RecoveryRow,
        "SELECT account_id, cancel_hash, started_at, remind_at, release_at, expires_at FROM recovery
          WHERE reminder_hash IS NULL AND remind_at <= $1 AND release_at > $1
          ORDER BY remind_at, account_id LIMIT $2", now, limit)
}

/// The gate: of several nodes one reminds.
pub async fn put_reminder(work: &mut Work, row: &RecoveryRow, token_hash: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE recovery SET reminder_hash = $3
          WHERE account_id = $1 AND cancel_hash = $2 AND reminder_hash IS NULL",
        &row.account_id,
        &row.cancel_hash,
        token_hash
    )?;
    Ok(rows == 1)
}

/// Ends whichever is under way; `false` if none is.
pub async fn delete_recovery(work: &mut Work, account: &AccountId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM recovery WHERE account_id = $1 AND expires_at > $2",
        account,
        work.now
    )?;
    Ok(rows == 1)
}

/// The gate: it leads in once, when its time has come, unless somebody has ended it.
pub async fn take_recovery(work: &mut Work, row: &RecoveryRow) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM recovery
          WHERE account_id = $1 AND cancel_hash = $2 AND release_at <= $3 AND expires_at > $3",
        &row.account_id,
        &row.cancel_hash,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn forget_recovery(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM recovery WHERE account_id = $1", account).map(drop)
}

#[derive(sqlx::FromRow)]
pub struct LostRow {
    pub id: MeansId,
    pub kind: MeansKind,
    /// `None` for what never counted.
    pub confirmed_at: Option<Timestamp>,
}

/// Removes the code generators that nobody has used since then; which.
pub async fn delete_lost_generators(
    work: &mut Work,
    account: &AccountId,
    since: Timestamp,
) -> Result<Vec<LostRow>, DbError> {
    sql!(&mut work.tx, fetch_all LostRow,
        "DELETE FROM code_generator WHERE account_id = $1 AND (confirmed_at IS NULL OR COALESCE(last_used_at, created_at) <= $2)
      RETURNING id, kind, confirmed_at", account, since)
}

/// Removes the passkeys that nobody has used since then; which.
pub async fn delete_lost_passkeys(
    work: &mut Work,
    account: &AccountId,
    since: Timestamp,
) -> Result<Vec<LostRow>, DbError> {
    sql!(&mut work.tx, fetch_all LostRow,
        "DELETE FROM passkey WHERE account_id = $1 AND (confirmed_at IS NULL OR COALESCE(last_used_at, created_at) <= $2)
      RETURNING id, kind, confirmed_at", account, since)
}
