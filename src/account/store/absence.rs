//! When somebody is away, in the database.

use crate::kernel::id::AccountId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct AbsenceRow {
    pub first_on: String,
    pub last_on: String,
}

pub async fn find(tx: &mut Tx, id: &AccountId) -> Result<Option<AbsenceRow>, DbError> {
    sql!(tx, fetch_optional AbsenceRow, "SELECT first_on, last_on FROM absence WHERE account_id = $1", id)
}

/// Puts it in the place of another, and when the job looks at it.
pub async fn put(
    work: &mut Work,
    id: &AccountId,
    (first_on, last_on): (&str, &str),
    look_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO absence (account_id, first_on, last_on, look_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id) DO UPDATE SET first_on = excluded.first_on, last_on = excluded.last_on,
             look_at = excluded.look_at",
        id,
        first_on,
        last_on,
        look_at
    )
    .map(drop)
}

/// Removes one that is not over on this day; `false` if there is none.
pub async fn end(work: &mut Work, id: &AccountId, today: &str) -> Result<bool, DbError> {
    let rows = sql!(&mut work.tx, execute, "DELETE FROM absence WHERE account_id = $1 AND last_on >= $2", id, today)?;
    Ok(rows == 1)
}

pub async fn delete(work: &mut Work, id: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM absence WHERE account_id = $1", id).map(drop)
}

/// An absence that is over.
#[derive(sqlx::FromRow)]
pub struct DueRow {
    pub account_id: AccountId,
    pub look_at: Timestamp,
}

/// The next ones to be looked at by now, after that place.
pub async fn due(tx: &mut Tx, now: Timestamp, (at, id): (Timestamp, &str), limit: i64) -> Result<Vec<DueRow>, DbError> {
    sql!(tx, fetch_all DueRow,
        "SELECT account_id, look_at FROM absence
          WHERE look_at <= $1 AND (look_at > $2 OR (look_at = $2 AND account_id > $3))
          ORDER BY look_at, account_id LIMIT $4", now, at, id, limit)
}

/// Takes one that is to be looked at by now, once.
pub async fn take(work: &mut Work, id: &AccountId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE absence SET look_at = NULL WHERE account_id = $1 AND look_at <= $2",
        id,
        work.now
    )?;
    Ok(rows == 1)
}
