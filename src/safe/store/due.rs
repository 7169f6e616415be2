//! Which documents the job of the days looks at, in the database.

use crate::kernel::id::DocumentId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct DueRow {
    pub id: DocumentId,
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
        "SELECT id, look_at FROM safe_document
          WHERE look_at <= $1 AND (look_at > $2 OR (look_at = $2 AND id > $3))
          ORDER BY look_at, id LIMIT $4", now, at, id, limit)
}

/// What the job needs to know of a document: whose it is, and when it expires. Nothing of it has to be opened.
#[derive(sqlx::FromRow)]
pub struct ExpiryRow {
    pub owner: String,
    pub expires_on: Option<String>,
    pub said: Option<String>,
}

/// Takes one that is to be looked at by now, and holds it until this work is done. Nothing if another node has done that.
pub async fn take(work: &mut Work, id: &DocumentId) -> Result<Option<ExpiryRow>, DbError> {
    sql!(&mut work.tx, fetch_optional ExpiryRow,
        "UPDATE safe_document SET look_at = NULL WHERE id = $1 AND look_at <= $2
      RETURNING owner, expires_on, said", id, work.now)
}

/// Writes down what has been said, and when to look again.
pub async fn put(work: &mut Work, id: &DocumentId, (said, next): (&str, Option<Timestamp>)) -> Result<(), DbError> {
    sql!(&mut work.tx, later, "UPDATE safe_document SET said = $2, look_at = $3 WHERE id = $1", id, said, next)
}
