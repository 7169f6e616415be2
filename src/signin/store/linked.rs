//! Linked accounts.

use super::{EndedRow, MeansRow};
use crate::account::Status;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct LinkedRow {
    pub id: MeansId,
    pub provider: String,
    pub registered: Level,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub blocked_at: Option<Timestamp>,
}

pub async fn linked_of(tx: &mut Tx, account: &AccountId) -> Result<Vec<LinkedRow>, DbError> {
    sql!(tx, fetch_all LinkedRow,
        "SELECT id, provider, registered, created_at, last_used_at, blocked_at FROM linked_account
          WHERE account_id = $1 ORDER BY created_at, id LIMIT 100", account)
}

pub async fn linked_means(tx: &mut Tx, account: &AccountId) -> Result<Vec<MeansRow>, DbError> {
    sql!(tx, fetch_all MeansRow,
        "SELECT id, 'linked_account' AS kind, registered, created_at, last_used_at, blocked_at FROM linked_account
          WHERE account_id = $1 ORDER BY created_at, id LIMIT 100", account)
}

#[derive(sqlx::FromRow)]
pub struct FoundLink {
    pub id: MeansId,
    pub account_id: AccountId,
    pub status: Status,
    pub proof: Vec<u8>,
    pub registered: Level,
    pub blocked_at: Option<Timestamp>,
    /// When this device was last seen at the account; `None` if it is not known there.
    pub device_seen_at: Option<Timestamp>,
}

pub async fn find_linked(tx: &mut Tx, subject: &[u8], device: &[u8]) -> Result<Option<FoundLink>, DbError> {
    sql!(tx, fetch_optional FoundLink,
        "SELECT linked_account.id, linked_account.account_id, account.status, linked_account.proof,
                linked_account.registered, linked_account.blocked_at, device.last_seen_at AS device_seen_at
           FROM linked_account
           JOIN account ON account.id = linked_account.account_id
           LEFT JOIN device ON device.account_id = account.id AND device.device_hash = $2
          WHERE linked_account.subject = $1", subject, device)
}

/// A new link.
pub struct NewLink<'a> {
    pub id: &'a MeansId,
    pub provider: &'a str,
    pub subject: &'a [u8],
    pub proof: &'a [u8],
    pub registered: Level,
}

/// `false` if that account is linked with somebody already, or this one with another of the same provider.
pub async fn insert_linked(work: &mut Work, account: &AccountId, new: &NewLink<'_>) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO linked_account (id, account_id, provider, subject, proof, registered, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT DO NOTHING",
        new.id,
        account,
        new.provider,
        new.subject,
        new.proof,
        new.registered,
        work.now
    )?;
    Ok(rows == 1)
}

/// Notes a use, which ends a block if it is meant to. `false` if it has been removed or blocked since it was read.
pub async fn use_linked(work: &mut Work, id: &MeansId, unblocks: bool) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE linked_account SET last_used_at = $2, blocked_at = NULL
          WHERE id = $1 AND (blocked_at IS NULL OR $3)",
        id,
        work.now,
        unblocks
    )?;
    Ok(rows == 1)
}

/// `false` if there is none such that counts.
pub async fn block_linked(work: &mut Work, account: &AccountId, id: &MeansId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE linked_account SET blocked_at = $3 WHERE account_id = $1 AND id = $2 AND blocked_at IS NULL",
        account,
        id,
        work.now
    )?;
    Ok(rows == 1)
}

/// `false` if there is none such.
pub async fn delete_linked(work: &mut Work, account: &AccountId, id: &MeansId) -> Result<bool, DbError> {
    Ok(sql!(&mut work.tx, execute, "DELETE FROM linked_account WHERE account_id = $1 AND id = $2", account, id)? == 1)
}

pub async fn delete_linked_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM linked_account WHERE account_id = $1", account).map(drop)
}

/// Notes with what a session's owner has signed in, and what the other provider calls that session.
pub async fn put_session_link(
    work: &mut Work,
    token_hash: &[u8],
    id: &MeansId,
    sid: Option<&[u8]>,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE session SET linked_id = $2, linked_sid = $3 WHERE token_hash = $1",
        token_hash,
        id,
        sid
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct OwnerRow {
    account_id: AccountId,
}

/// Whose sessions the other provider means by its name for one of its own.
pub async fn owner_of_sid(tx: &mut Tx, sid: &[u8]) -> Result<Option<AccountId>, DbError> {
    let row = sql!(tx, fetch_optional OwnerRow,
        "SELECT account_id FROM session WHERE linked_sid = $1 ORDER BY id LIMIT 1", sid)?;
    Ok(row.map(|row| row.account_id))
}

pub async fn delete_sessions_of_sid(
    work: &mut Work,
    account: &AccountId,
    sid: &[u8],
) -> Result<Vec<EndedRow>, DbError> {
    sql!(&mut work.tx, fetch_all EndedRow,
        "DELETE FROM session WHERE account_id = $1 AND linked_sid = $2 RETURNING id", account, sid)
}

pub async fn delete_sessions_of_link(
    work: &mut Work,
    account: &AccountId,
    id: &MeansId,
) -> Result<Vec<EndedRow>, DbError> {
    sql!(&mut work.tx, fetch_all EndedRow,
        "DELETE FROM session WHERE account_id = $1 AND linked_id = $2 RETURNING id", account, id)
}
