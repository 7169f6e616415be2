//! Who wants decisions on paper, in the database.

use crate::kernel::id::{AccountId, ClientId, ExclusionId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct ExclusionRow {
    pub id: ExclusionId,
    pub client_id: ClientId,
    /// Empty for all cases.
    pub case_hash: String,
    pub reference: Option<Vec<u8>>,
    pub since: Timestamp,
    pub since_by: String,
    pub until: Option<Timestamp>,
    pub until_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Found {
    #[expect(dead_code, reason = "only its presence counts")]
    found: i64,
}

/// Whether somebody has excluded electronic decisions of an authority: all of them, or those of one case.
pub async fn is_excluded(tx: &mut Tx, (owner, client): (&str, &ClientId), case_hash: &str) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_optional Found,
        "SELECT CAST(1 AS BIGINT) AS found FROM postbox_exclusion
          WHERE owner = $1 AND client_id = $2 AND case_hash IN ('', $3) AND until IS NULL LIMIT 1", owner, client, case_hash)?;
    Ok(row.is_some())
}

/// Everything that somebody has excluded, and had, the newest first.
pub async fn list(tx: &mut Tx, owner: &str) -> Result<Vec<ExclusionRow>, DbError> {
    sql!(tx, fetch_all ExclusionRow,
        "SELECT id, client_id, case_hash, reference, since, since_by, until, until_by FROM postbox_exclusion
          WHERE owner = $1 ORDER BY since DESC, id DESC", owner)
}

/// One of theirs that is in force.
pub async fn find(tx: &mut Tx, owner: &str, id: &ExclusionId) -> Result<Option<ExclusionRow>, DbError> {
    sql!(tx, fetch_optional ExclusionRow,
        "SELECT id, client_id, case_hash, reference, since, since_by, until, until_by FROM postbox_exclusion
          WHERE owner = $1 AND id = $2 AND until IS NULL", owner, id)
}

/// `false` if that is excluded already.
pub async fn insert(work: &mut Work, owner: &str, row: &ExclusionRow) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO postbox_exclusion (id, owner, client_id, case_hash, reference, since, since_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        &row.id,
        owner,
        &row.client_id,
        &row.case_hash,
        &row.reference,
        row.since,
        &row.since_by
    )?;
    Ok(rows == 1)
}

/// `false` if it has been ended before.
pub async fn end(work: &mut Work, id: &ExclusionId, by: &AccountId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE postbox_exclusion SET until = $2, until_by = $3 WHERE id = $1 AND until IS NULL",
        id,
        work.now,
        by
    )?;
    Ok(rows == 1)
}

/// Forgets what has ended before the newest so many of somebody.
pub async fn trim(work: &mut Work, owner: &str, kept: i64) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "DELETE FROM postbox_exclusion WHERE owner = $1 AND until IS NOT NULL
            AND id NOT IN (SELECT id FROM postbox_exclusion WHERE owner = $1 AND until IS NOT NULL
                            ORDER BY until DESC, id DESC LIMIT $2)",
        owner,
        kept
    )
    .map(drop)
}

pub async fn delete_of(work: &mut Work, owner: &str) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM postbox_exclusion WHERE owner = $1", owner).map(drop)
}
