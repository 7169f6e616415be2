//! Legal guardians.

use crate::kernel::id::{AccountId, GuardianId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct SideRow {
    pub id: GuardianId,
    pub side: Vec<u8>,
    pub is_guardian: bool,
}

pub async fn insert(
    work: &mut Work,
    id: &GuardianId,
    (ward, ward_side): (&AccountId, &[u8]),
    (guardian, guardian_side): (&AccountId, &[u8]),
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO guardian (id, ward_id, ward_side, guardian_id, guardian_side, recorded_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        ward,
        ward_side,
        guardian,
        guardian_side,
        work.now,
        expires_at
    )
    .map(drop)
}

/// What holds and concerns somebody, the oldest first: their own side of it.
pub async fn of(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Vec<SideRow>, DbError> {
    sql!(tx, fetch_all SideRow,
        "SELECT id, CASE WHEN guardian_id = $1 THEN guardian_side ELSE ward_side END AS side,
                CASE WHEN guardian_id = $1 THEN TRUE ELSE FALSE END AS is_guardian
           FROM guardian WHERE (ward_id = $1 OR guardian_id = $1) AND expires_at > $2 ORDER BY id", account, now)
}

pub async fn delete_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM guardian WHERE ward_id = $1 OR guardian_id = $1", account).map(drop)
}
