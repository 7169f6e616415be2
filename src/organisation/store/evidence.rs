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

pub async fn insert(
    work: &mut Work,
    (id, organisation): (&OrganisationEvidenceId, &OrganisationId),
    (source, level): (Source, Level),
    record: &[u8],
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation_evidence (id, organisation_id, source, level, shown_at, record)
         VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        organisation,
        source,
        level,
        work.now,
        record
    )
    .map(drop)
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
