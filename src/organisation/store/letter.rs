//! Letters to organisations.

use crate::kernel::id::{OrganisationId, OrganisationLetterId};
use crate::kernel::time::Timestamp;
use crate::organisation::letter::{Purpose, State};
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct LetterRow {
    pub id: OrganisationLetterId,
    pub code_hash: Vec<u8>,
    pub address: Vec<u8>,
    pub state: State,
    pub ordered_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Count {
    count: i64,
}

#[derive(sqlx::FromRow)]
struct Whose {
    organisation_id: OrganisationId,
}

/// Of those to the seat the one that is on its way, or else the newest.
pub async fn newest(tx: &mut Tx, id: &OrganisationId) -> Result<Option<LetterRow>, DbError> {
    sql!(tx, fetch_optional LetterRow,
        "SELECT id, code_hash, address, state, ordered_at, expires_at FROM organisation_letter
          WHERE organisation_id = $1 AND purpose = 'seat'
          ORDER BY CASE WHEN state = 'under_way' THEN 0 ELSE 1 END, ordered_at DESC, id DESC LIMIT 1", id)
}

pub async fn of_management(tx: &mut Tx, id: &OrganisationId) -> Result<Vec<LetterRow>, DbError> {
    sql!(tx, fetch_all LetterRow,
        "SELECT id, code_hash, address, state, ordered_at, expires_at FROM organisation_letter
          WHERE organisation_id = $1 AND purpose = 'management' ORDER BY ordered_at, id LIMIT 100", id)
}

pub async fn count_since(tx: &mut Tx, id: &OrganisationId, since: Timestamp) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_one Count,
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM organisation_letter
          WHERE organisation_id = $1 AND purpose = 'seat' AND ordered_at > $2", id, since)?;
    Ok(row.count)
}

/// `false` if one to the seat is on its way already.
pub async fn insert(
    work: &mut Work,
    (id, organisation): (&OrganisationLetterId, &OrganisationId),
    purpose: Purpose,
    (hash, address): (&[u8], &[u8]),
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation_letter
             (id, organisation_id, purpose, code_hash, address, state, tries, ordered_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, 'under_way', 0, $6, $7) ON CONFLICT DO NOTHING",
        id,
        organisation,
        purpose,
        hash,
        address,
        work.now,
        expires_at
    )?;
    Ok(rows == 1)
}

/// Counts a try at the letter to the seat that is on its way, if its code may still be tried.
pub async fn try_code(work: &mut Work, id: &OrganisationId, most: i64) -> Result<Option<LetterRow>, DbError> {
    sql!(&mut work.tx, fetch_optional LetterRow,
        "UPDATE organisation_letter SET tries = tries + 1
          WHERE organisation_id = $1 AND purpose = 'seat' AND state = 'under_way' AND expires_at > $2 AND tries < $3
      RETURNING id, code_hash, address, state, ordered_at, expires_at", id, work.now, most)
}

/// The gate: of two that redeem a letter one does. `false` if it is not on its way any more.
pub async fn end(work: &mut Work, id: &OrganisationLetterId, state: State) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_letter SET state = $2 WHERE id = $1 AND state = 'under_way'",
        id,
        state
    )?;
    Ok(rows == 1)
}

/// The organisation that a code of its management stops.
pub async fn revocable(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<OrganisationId>, DbError> {
    let row = sql!(tx, fetch_optional Whose,
        "SELECT organisation_id FROM organisation_letter
          WHERE code_hash = $1 AND purpose = 'management' AND state = 'under_way' AND expires_at > $2", hash, now)?;
    Ok(row.map(|row| row.organisation_id))
}

pub async fn take_revocation(work: &mut Work, hash: &[u8], state: State) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_letter SET state = $2
          WHERE code_hash = $1 AND purpose = 'management' AND state = 'under_way' AND expires_at > $3",
        hash,
        state,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn waits_for_print(tx: &mut Tx, id: &OrganisationLetterId) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_one Count,
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM organisation_letter
          WHERE id = $1 AND state = 'under_way' AND printed_at IS NULL", id)?;
    Ok(row.count == 1)
}

pub async fn put_printed(work: &mut Work, id: &OrganisationLetterId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE organisation_letter SET printed_at = $2 WHERE id = $1", id, work.now).map(drop)
}

/// Whether the file of a letter has to stay: there is such a letter, and it was ordered after that.
pub async fn is_kept(tx: &mut Tx, id: &OrganisationLetterId, since: Timestamp) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_one Count,
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM organisation_letter WHERE id = $1 AND ordered_at > $2",
        id, since)?;
    Ok(row.count == 1)
}

pub async fn delete_of(work: &mut Work, id: &OrganisationId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM organisation_letter WHERE organisation_id = $1", id).map(drop)
}
