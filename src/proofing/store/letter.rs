//! Letters with a code.

use crate::kernel::id::{AccountId, LetterId};
use crate::kernel::time::Timestamp;
use crate::proofing::letter::State;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct LetterRow {
    pub id: LetterId,
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

/// The one that is on its way, or else the newest.
pub async fn newest(tx: &mut Tx, account: &AccountId) -> Result<Option<LetterRow>, DbError> {
    sql!(tx, fetch_optional LetterRow,
        "SELECT id, code_hash, address, state, ordered_at, expires_at FROM letter
          WHERE account_id = $1
          ORDER BY CASE WHEN state = 'under_way' THEN 0 ELSE 1 END, ordered_at DESC, id DESC LIMIT 1", account)
}

pub async fn count_since(tx: &mut Tx, account: &AccountId, since: Timestamp) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_optional Count,
        "SELECT COUNT(*) AS count FROM letter WHERE account_id = $1 AND ordered_at > $2", account, since)?;
    Ok(row.map_or(0, |row| row.count))
}

/// `false` if one is on its way already.
pub async fn insert(
    work: &mut Work,
    (id, account): (&LetterId, &AccountId),
    (hash, address): (&[u8], &[u8]),
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO letter (id, account_id, code_hash, address, state, tries, ordered_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, 0, $6, $7) ON CONFLICT DO NOTHING",
        id,
        account,
        hash,
        address,
        State::UnderWay,
        work.now,
        expires_at
    )?;
    Ok(rows == 1)
}

/// Counts a try at the letter that is on its way, if its code may still be tried.
pub async fn try_code(work: &mut Work, account: &AccountId, most: i64) -> Result<Option<LetterRow>, DbError> {
    sql!(&mut work.tx, fetch_optional LetterRow,
        "UPDATE letter SET tries = tries + 1
          WHERE account_id = $1 AND state = 'under_way' AND expires_at > $2 AND tries < $3
      RETURNING id, code_hash, address, state, ordered_at, expires_at", account, work.now, most)
}

/// The gate: of two that redeem a letter one does. `false` if it is not on its way any more.
pub async fn end(work: &mut Work, id: &LetterId, state: State) -> Result<bool, DbError> {
    let rows =
        sql!(&mut work.tx, execute, "UPDATE letter SET state = $2 WHERE id = $1 AND state = 'under_way'", id, state)?;
    Ok(rows == 1)
}

pub async fn waits_for_print(tx: &mut Tx, id: &LetterId) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_optional Count,
        "SELECT COUNT(*) AS count FROM letter WHERE id = $1 AND state = 'under_way' AND printed_at IS NULL", id)?;
    Ok(row.is_some_and(|row| row.count == 1))
}

pub async fn put_printed(work: &mut Work, id: &LetterId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE letter SET printed_at = $2 WHERE id = $1", id, work.now).map(drop)
}

/// Whether the file of a letter has to stay: there is such a letter, and it was ordered after that.
pub async fn is_kept(tx: &mut Tx, id: &LetterId, since: Timestamp) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_optional Count,
        "SELECT COUNT(*) AS count FROM letter WHERE id = $1 AND ordered_at > $2", id, since)?;
    Ok(row.is_some_and(|row| row.count == 1))
}

pub async fn delete_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM letter WHERE account_id = $1", account).map(drop)
}
