//! Identity cards.

use super::MeansRow;
use crate::account::Status;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// `false` if the card has an account already.
pub async fn insert_card(
    work: &mut Work,
    id: &MeansId,
    account: &AccountId,
    pseudonym: &[u8],
    registered: Level,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO eid_card (id, account_id, pseudonym, registered, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (pseudonym) DO NOTHING",
        id,
        account,
        pseudonym,
        registered,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct FoundCard {
    pub id: MeansId,
    pub account_id: AccountId,
    pub status: Status,
    pub registered: Level,
    pub blocked_at: Option<Timestamp>,
    /// When this device was last seen at the account; `None` if it is not known there.
    pub device_seen_at: Option<Timestamp>,
}

pub async fn find_card(tx: &mut Tx, pseudonym: &[u8], device: &[u8]) -> Result<Option<FoundCard>, DbError> {
    sql!(tx, fetch_optional FoundCard,
        "SELECT eid_card.id, eid_card.account_id, account.status, eid_card.registered, eid_card.blocked_at,
                device.last_seen_at AS device_seen_at
           FROM eid_card
           JOIN account ON account.id = eid_card.account_id
           LEFT JOIN device ON device.account_id = account.id AND device.device_hash = $2
          WHERE eid_card.pseudonym = $1", pseudonym, device)
}

/// Notes a use. `false` if the card has been removed or blocked since it was read.
pub async fn use_card(work: &mut Work, id: &MeansId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE eid_card SET last_used_at = $2 WHERE id = $1 AND blocked_at IS NULL",
        id,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct CardRow {
    id: MeansId,
    registered: Level,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    blocked_at: Option<Timestamp>,
}

pub async fn cards(tx: &mut Tx, account: &AccountId) -> Result<Vec<MeansRow>, DbError> {
    let rows = sql!(tx, fetch_all CardRow,
        "SELECT id, registered, created_at, last_used_at, blocked_at FROM eid_card
          WHERE account_id = $1 ORDER BY created_at, id LIMIT 100", account)?;
    let means = |row: CardRow| MeansRow {
        id: row.id,
        kind: MeansKind::Eid,
        registered: row.registered,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        blocked_at: row.blocked_at,
    };
    Ok(rows.into_iter().map(means).collect())
}

/// `false` if the account has no such card, or it is blocked already.
pub async fn block_card(work: &mut Work, account: &AccountId, id: &MeansId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE eid_card SET blocked_at = $3 WHERE account_id = $1 AND id = $2 AND blocked_at IS NULL",
        account,
        id,
        work.now
    )?;
    Ok(rows == 1)
}

/// `false` if the account has no such card.
pub async fn delete_card(work: &mut Work, account: &AccountId, id: &MeansId) -> Result<bool, DbError> {
    let rows = sql!(&mut work.tx, execute, "DELETE FROM eid_card WHERE account_id = $1 AND id = $2", account, id)?;
    Ok(rows == 1)
}

pub async fn delete_cards(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM eid_card WHERE account_id = $1", account).map(drop)
}
