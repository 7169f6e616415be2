//! Copies that wait to be fetched.

use crate::kernel::id::{AccountId, SessionId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::DbError;
use crate::store::work::Work;

pub async fn insert_export(
    work: &mut Work,
    token_hash: &[u8],
    (account, session): (&AccountId, &SessionId),
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO data_export (token_hash, account_id, session_id, expires_at) VALUES ($1, $2, $3, $4)",
        token_hash,
        account,
        session,
        expires_at
    )
    .map(drop)
}

/// The gate: of two that fetch the same copy, one finds it.
pub async fn take_export(
    work: &mut Work,
    token_hash: &[u8],
    (account, session): (&AccountId, &SessionId),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM data_export WHERE token_hash = $1 AND account_id = $2 AND session_id = $3 AND expires_at > $4",
        token_hash,
        account,
        session,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn delete_exports(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM data_export WHERE account_id = $1", account).map(drop)
}
