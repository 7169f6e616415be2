//! Which notices the job of the days looks at, in the database.

use crate::kernel::id::MessageId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct DueRow {
    pub id: MessageId,
    pub look_at: Timestamp,
}

/// The next ones to be looked at by now, after that place.
pub async fn list(
    tx: &mut Tx,
    now: Timestamp,
    (at, id): (Timestamp, &str),
    limit: i64,
) -> Result<Vec<DueRow>, DbError> {
    sql!(tx, fetch_all DueRow,
        "SELECT id, look_at FROM postbox_message
          WHERE look_at <= $1 AND (look_at > $2 OR (look_at = $2 AND id > $3))
          ORDER BY look_at, id LIMIT $4", now, at, id, limit)
}

#[derive(sqlx::FromRow)]
struct SaidRow {
    said: Option<String>,
}

/// Takes one that is to be looked at by now, and holds it until this work is done: what has been said of it so far. Nothing if another
/// node has done that.
pub async fn take(work: &mut Work, id: &MessageId) -> Result<Option<String>, DbError> {
    let row = sql!(&mut work.tx, fetch_optional SaidRow,
        "UPDATE postbox_message SET look_at = NULL WHERE id = $1 AND look_at <= $2 RETURNING said", id, work.now)?;
    Ok(row.map(|row| row.said.unwrap_or_default()))
}

/// Writes down what has been said, and when to look again.
pub async fn put(work: &mut Work, id: &MessageId, (said, next): (&str, Option<Timestamp>)) -> Result<(), DbError> {
    sql!(&mut work.tx, later, "UPDATE postbox_message SET said = $2, look_at = $3 WHERE id = $1", id, said, next)
}
