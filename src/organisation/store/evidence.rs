//! What has shown who organisations are.

use crate::kernel::id::{OrganisationEvidenceId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::organisation::evidence::Source;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct EvidenceRow {
    pub id: OrganisationEvidenceId,
    pub source: Source,
    pub level: Level,
    pub shown_at: Timestamp,
    pub void_at: Option<Timestamp>,
    pub record: Vec<u8>,
}

pub async fn of(tx: &mut Tx, id: &OrganisationId) -> Result<Vec<EvidenceRow>, DbError> {
    sql!(tx, fetch_all EvidenceRow,
        "SELECT id, source, level, shown_at, void_at, record FROM organisation_evidence
          WHERE organisation_id = $1
          ORDER BY CASE WHEN void_at IS NULL THEN 0 ELSE 1 END, shown_at DESC, id DESC LIMIT 100", id)
}

/// `false` if the account elsewhere counts for another organisation.
pub async fn insert(
    work: &mut Work,
    (id, organisation): (&OrganisationEvidenceId, &OrganisationId),
    (source, level): (Source, Level),
    (record, account): (&[u8], Option<[u8; 32]>),
) -> Result<bool, DbError> {
    let account = account.map(Vec::from);
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation_evidence (id, organisation_id, source, level, shown_at, record, account_index)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        id,
        organisation,
        source,
        level,
        work.now,
        record,
        account
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct OwnerRow {
    organisation_id: OrganisationId,
}

/// For which organisation an account elsewhere counts.
pub async fn of_account(tx: &mut Tx, account: &[u8; 32]) -> Result<Option<OrganisationId>, DbError> {
    let row = sql!(tx, fetch_optional OwnerRow,
        "SELECT organisation_id FROM organisation_evidence WHERE account_index = $1 AND void_at IS NULL",
        account.as_slice())?;
    Ok(row.map(|row| row.organisation_id))
}

/// That of one source, or all.
pub async fn void(work: &mut Work, id: &OrganisationId, source: Option<Source>) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_evidence SET void_at = $2
          WHERE organisation_id = $1 AND void_at IS NULL AND (CAST($3 AS TEXT) IS NULL OR source = $3)",
        id,
        work.now,
        source
    )
    .map(drop)
}

pub async fn put_level(work: &mut Work, id: &OrganisationId, level: Level) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE organisation SET level = $2 WHERE id = $1", id, level).map(drop)
}

pub async fn delete_of(work: &mut Work, id: &OrganisationId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM organisation_evidence WHERE organisation_id = $1", id).map(drop)
}
