//! Drafts of organisations.

use crate::kernel::id::AccountId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct DraftRow {
    pub version: i64,
    pub draft: Vec<u8>,
}

pub async fn find(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Option<DraftRow>, DbError> {
    sql!(tx, fetch_optional DraftRow,
        "SELECT version, draft FROM organisation_draft WHERE account_id = $1 AND expires_at > $2", account, now)
}

pub async fn put(
    work: &mut Work,
    account: &AccountId,
    (version, draft): (i64, &[u8]),
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation_draft (account_id, version, draft, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id) DO UPDATE SET version = $2, draft = $3, expires_at = $4",
        account,
        version,
        draft,
        expires_at
    )
    .map(drop)
}

/// `false` if it is another one by now.
pub async fn delete(work: &mut Work, account: &AccountId, version: i64) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM organisation_draft WHERE account_id = $1 AND version = $2",
        account,
        version
    )?;
    Ok(rows == 1)
}

pub async fn delete_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM organisation_draft WHERE account_id = $1", account).map(drop)
}
