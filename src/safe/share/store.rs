//! Shares in the database.

use crate::kernel::id::{ClientId, DocumentId, ShareId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct Row {
    pub id: ShareId,
    pub owner: String,
    pub document_id: DocumentId,
    pub version: i64,
    pub client_id: ClientId,
    pub account_id: String,
    pub purpose: Vec<u8>,
    pub until: Timestamp,
    pub fetches_max: Option<i64>,
    pub fetches: i64,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// `false` if there are as many that count as there may be.
pub async fn insert(work: &mut Work, row: &Row, most: i64) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO safe_share (id, owner, document_id, version, client_id, account_id, purpose, until, fetches_max, fetches,
                                 created_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10
          WHERE (SELECT COUNT(*) FROM safe_share WHERE owner = $2 AND ended_at IS NULL AND until > $10) < $11",
        &row.id,
        &row.owner,
        &row.document_id,
        row.version,
        &row.client_id,
        &row.account_id,
        &row.purpose,
        row.until,
        row.fetches_max,
        row.created_at,
        most
    )?;
    Ok(rows == 1)
}

/// One of this client, of this owner.
pub async fn find(tx: &mut Tx, id: &ShareId, client: &ClientId, owner: &str) -> Result<Option<Row>, DbError> {
    sql!(tx, fetch_optional Row,
        "SELECT id, owner, document_id, version, client_id, account_id, purpose, until, fetches_max, fetches, created_at,
                ended_at
           FROM safe_share WHERE id = $1 AND client_id = $2 AND owner = $3", id, client, owner)
}

/// Those of a client and an owner that count, the newest first.
pub async fn of_client(
    tx: &mut Tx,
    client: &ClientId,
    owner: &str,
    (now, limit): (Timestamp, i64),
) -> Result<Vec<Row>, DbError> {
    sql!(tx, fetch_all Row,
        "SELECT id, owner, document_id, version, client_id, account_id, purpose, until, fetches_max, fetches, created_at,
                ended_at
           FROM safe_share
          WHERE owner = $1 AND client_id = $2 AND ended_at IS NULL AND until > $3
                AND (fetches_max IS NULL OR fetches < fetches_max)
          ORDER BY id DESC LIMIT $4", owner, client, now, limit)
}

pub async fn of_document(tx: &mut Tx, document: &DocumentId, now: Timestamp) -> Result<Vec<Row>, DbError> {
    sql!(tx, fetch_all Row,
        "SELECT id, owner, document_id, version, client_id, account_id, purpose, until, fetches_max, fetches, created_at,
                ended_at
           FROM safe_share
          WHERE document_id = $1 AND ended_at IS NULL AND until > $2 AND (fetches_max IS NULL OR fetches < fetches_max)
          ORDER BY id DESC LIMIT 200", document, now)
}

/// Counts a fetch; `false` if it may not be fetched any more.
pub async fn count_fetch(work: &mut Work, id: &ShareId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE safe_share SET fetches = fetches + 1
          WHERE id = $1 AND ended_at IS NULL AND until > $2 AND (fetches_max IS NULL OR fetches < fetches_max)",
        id,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct Known {
    #[expect(dead_code, reason = "only its presence counts")]
    version: i64,
}

/// Whether nobody has ended it.
pub async fn is_going_on(tx: &mut Tx, id: &ShareId, now: Timestamp) -> Result<bool, DbError> {
    let known = sql!(tx, fetch_optional Known,
        "SELECT version FROM safe_share WHERE id = $1 AND ended_at IS NULL AND until > $2", id, now)?;
    Ok(known.is_some())
}

/// Ends one of this document; the client that had it, or nothing if it has ended before.
pub async fn end(work: &mut Work, document: &DocumentId, id: &ShareId) -> Result<Option<Ended>, DbError> {
    sql!(&mut work.tx, fetch_optional Ended,
        "UPDATE safe_share SET ended_at = $3 WHERE id = $1 AND document_id = $2 AND ended_at IS NULL
      RETURNING client_id", id, document, work.now)
}

#[derive(sqlx::FromRow)]
pub struct Ended {
    pub client_id: ClientId,
}

/// Ends what was shared of one version.
pub async fn end_of_version(work: &mut Work, document: &DocumentId, version: i64) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE safe_share SET ended_at = $3 WHERE document_id = $1 AND version = $2 AND ended_at IS NULL",
        document,
        version,
        work.now
    )
    .map(drop)
}

pub async fn delete_of_document(work: &mut Work, document: &DocumentId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM safe_share WHERE document_id = $1", document).map(drop)
}

pub async fn delete_of(work: &mut Work, owner: &str) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM safe_share WHERE owner = $1", owner).map(drop)
}
