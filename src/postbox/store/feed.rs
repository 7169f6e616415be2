//! Private addresses of calendars, in the database.

use crate::kernel::id::AccountId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
struct Made {
    made_at: Timestamp,
}

/// Since when somebody has one.
pub async fn made_at(tx: &mut Tx, account: &AccountId) -> Result<Option<Timestamp>, DbError> {
    let row = sql!(tx, fetch_optional Made, "SELECT made_at FROM postbox_calendar WHERE account_id = $1", account)?;
    Ok(row.map(|row| row.made_at))
}

/// Puts a new one in the place of the former.
pub async fn put(work: &mut Work, account: &AccountId, secret_hash: &[u8]) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO postbox_calendar (account_id, secret_hash, made_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET secret_hash = $2, made_at = $3",
        account,
        secret_hash,
        work.now
    )
    .map(drop)
}

/// `false` if there is none.
pub async fn delete(work: &mut Work, account: &str) -> Result<bool, DbError> {
    let rows = sql!(&mut work.tx, execute, "DELETE FROM postbox_calendar WHERE account_id = $1", account)?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct Owner {
    account_id: AccountId,
}

/// Whose it is, as long as they have their account.
pub async fn owner(tx: &mut Tx, secret_hash: &[u8]) -> Result<Option<AccountId>, DbError> {
    let row = sql!(tx, fetch_optional Owner,
        "SELECT postbox_calendar.account_id FROM postbox_calendar JOIN account ON account.id = postbox_calendar.account_id
          WHERE postbox_calendar.secret_hash = $1 AND account.status = 'active'", secret_hash)?;
    Ok(row.map(|row| row.account_id))
}
