//! What courts have written of legal guardians, beside the mandates that it has led to.

use crate::kernel::id::{AccountId, GuardianId, MandateId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct SideRow {
    pub id: GuardianId,
    pub side: Vec<u8>,
    pub is_guardian: bool,
    pub mandate_id: Option<MandateId>,
}

pub async fn insert(
    work: &mut Work,
    (id, mandate): (&GuardianId, &MandateId),
    (ward, ward_side): (&AccountId, &[u8]),
    (guardian, guardian_side): (&AccountId, &[u8]),
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO guardian (id, ward_id, ward_side, guardian_id, guardian_side, recorded_at, expires_at, mandate_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        ward,
        ward_side,
        guardian,
        guardian_side,
        work.now,
        expires_at,
        mandate
    )
    .map(drop)
}

/// What holds and concerns somebody, the oldest first: their own side of it. The mandate says whether it holds; what has none yet
/// holds until its last day.
pub async fn of(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Vec<SideRow>, DbError> {
    sql!(tx, fetch_all SideRow,
        "SELECT guardian.id, CASE WHEN guardian_id = $1 THEN guardian_side ELSE ward_side END AS side,
                CASE WHEN guardian_id = $1 THEN TRUE ELSE FALSE END AS is_guardian, guardian.mandate_id
           FROM guardian LEFT JOIN mandate
             ON mandate.id = guardian.mandate_id AND mandate.state = 'active' AND mandate.valid_until > $2
          WHERE (ward_id = $1 OR guardian_id = $1)
            AND (mandate.id IS NOT NULL OR (guardian.mandate_id IS NULL AND guardian.expires_at > $2))
          ORDER BY guardian.id", account, now)
}

/// The same of one mandate, whether it holds or not.
pub async fn of_mandate(tx: &mut Tx, account: &AccountId, mandate: &MandateId) -> Result<Option<SideRow>, DbError> {
    sql!(tx, fetch_optional SideRow,
        "SELECT id, CASE WHEN guardian_id = $1 THEN guardian_side ELSE ward_side END AS side,
                CASE WHEN guardian_id = $1 THEN TRUE ELSE FALSE END AS is_guardian, mandate_id
           FROM guardian WHERE mandate_id = $2 AND (ward_id = $1 OR guardian_id = $1)", account, mandate)
}

#[derive(sqlx::FromRow)]
pub struct BareRow {
    pub id: GuardianId,
    pub ward_id: AccountId,
    pub ward_side: Vec<u8>,
    pub guardian_id: AccountId,
    pub expires_at: Timestamp,
}

/// Those that have no mandate and still hold, after the one that is named.
pub async fn without_mandate(
    tx: &mut Tx,
    (after, now): (&str, Timestamp),
    limit: i64,
) -> Result<Vec<BareRow>, DbError> {
    sql!(tx, fetch_all BareRow,
        "SELECT guardian.id, ward_id, ward_side, guardian_id, guardian.expires_at
           FROM guardian
           JOIN account AS ward ON ward.id = ward_id AND ward.status IN ('active', 'locked', 'closing')
           JOIN account AS helper ON helper.id = guardian_id AND helper.status IN ('active', 'locked', 'closing')
          WHERE mandate_id IS NULL AND guardian.expires_at > $2 AND guardian.id > $1
          ORDER BY guardian.id LIMIT $3", after, now, limit)
}

/// `false` if it has a mandate by now.
pub async fn put_mandate(work: &mut Work, id: &GuardianId, mandate: &MandateId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE guardian SET mandate_id = $2 WHERE id = $1 AND mandate_id IS NULL",
        id,
        mandate
    )?;
    Ok(rows == 1)
}

pub async fn delete_of_mandate(work: &mut Work, mandate: &MandateId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM guardian WHERE mandate_id = $1", mandate).map(drop)
}

pub async fn delete_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM guardian WHERE ward_id = $1 OR guardian_id = $1", account).map(drop)
}
