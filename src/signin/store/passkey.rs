//! Passkeys.

use crate::account::Status;
use crate::kernel::id::{AccountId, MeansId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct PasskeyRow {
    pub id: MeansId,
    pub credential: Vec<u8>,
    pub name: Vec<u8>,
    pub kind: MeansKind,
    pub registered: Level,
    pub is_synchronised: bool,
    pub created_at: Timestamp,
    pub confirmed_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub blocked_at: Option<Timestamp>,
    pub model: Option<Vec<u8>>,
}

pub async fn passkeys_of(tx: &mut Tx, account: &AccountId) -> Result<Vec<PasskeyRow>, DbError> {
    sql!(tx, fetch_all PasskeyRow,
        "SELECT id, credential, name, kind, registered, is_synchronised, created_at, confirmed_at, last_used_at,
                blocked_at, model
           FROM passkey WHERE account_id = $1 ORDER BY created_at, id LIMIT 100", account)
}

/// A new passkey, sealed.
pub struct NewPasskey<'a> {
    pub credential_id: &'a [u8],
    pub credential: Vec<u8>,
    pub name: Vec<u8>,
    pub kind: MeansKind,
    pub registered: Level,
    pub is_synchronised: bool,
    pub counter: i64,
    pub model: Vec<u8>,
    /// Whether it has been used already.
    pub is_used: bool,
}

/// `registered_in` is the session in which it has to be used first, empty if it has been. `false` if somebody has this key already.
pub async fn insert_passkey(
    work: &mut Work,
    id: &MeansId,
    (account, registered_in): (&AccountId, &str),
    new: &NewPasskey<'_>,
) -> Result<bool, DbError> {
    let used_at = new.is_used.then_some(work.now);
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO passkey (id, account_id, credential_id, credential, name, kind, registered, is_synchronised, counter,
                              registered_in, created_at, model, confirmed_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) ON CONFLICT (credential_id) DO NOTHING",
        id,
        account,
        new.credential_id,
        &new.credential,
        &new.name,
        new.kind,
        new.registered,
        new.is_synchronised,
        new.counter,
        registered_in,
        work.now,
        &new.model,
        used_at
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct FoundPasskey {
    pub id: MeansId,
    pub account_id: AccountId,
    pub status: Status,
    /// The account's key; none if it is being erased.
    pub key_wrapped: Option<Vec<u8>>,
    pub credential: Vec<u8>,
    pub kind: MeansKind,
    pub registered: Level,
    pub is_synchronised: bool,
    pub counter: i64,
    pub registered_in: SessionId,
    pub confirmed_at: Option<Timestamp>,
    pub blocked_at: Option<Timestamp>,
    pub model: Option<Vec<u8>>,
    /// When this device was last seen at the account; `None` if it is not known there.
    pub device_seen_at: Option<Timestamp>,
}

pub async fn find_passkey(tx: &mut Tx, credential_id: &[u8], device: &[u8]) -> Result<Option<FoundPasskey>, DbError> {
    sql!(tx, fetch_optional FoundPasskey,
        "SELECT passkey.id, passkey.account_id, account.status, account.key_wrapped, passkey.credential, passkey.kind, passkey.registered,
                passkey.is_synchronised, passkey.counter, passkey.registered_in, passkey.confirmed_at,
                passkey.blocked_at, passkey.model, device.last_seen_at AS device_seen_at
           FROM passkey
           JOIN account ON account.id = passkey.account_id
           LEFT JOIN device ON device.account_id = account.id AND device.device_hash = $2
          WHERE passkey.credential_id = $1", credential_id, device)
}

/// Notes a use, which ends a block if it is meant to. `false` if it has been removed or blocked since it was read, or has counted
/// as far or further: of two uses at once with one count, one wins.
pub async fn use_passkey(
    work: &mut Work,
    id: &MeansId,
    (counter, is_synchronised): (i64, bool),
    (registered, unblocks): (Level, bool),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE passkey SET counter = $2, is_synchronised = $3, registered = $4, last_used_at = $5,
                            confirmed_at = COALESCE(confirmed_at, $5), blocked_at = NULL
          WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0)) AND (blocked_at IS NULL OR $6)",
        id,
        counter,
        is_synchronised,
        registered,
        work.now,
        unblocks
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct MeansRow {
    pub id: MeansId,
    pub kind: MeansKind,
    pub registered: Level,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub blocked_at: Option<Timestamp>,
}

/// Those that have been used once.
pub async fn confirmed_passkeys(tx: &mut Tx, account: &AccountId) -> Result<Vec<MeansRow>, DbError> {
    sql!(tx, fetch_all MeansRow,
        "SELECT id, kind, registered, created_at, last_used_at, blocked_at FROM passkey
          WHERE account_id = $1 AND confirmed_at IS NOT NULL ORDER BY created_at, id LIMIT 100", account)
}

pub async fn rename_passkey(work: &mut Work, account: &AccountId, id: &MeansId, name: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE passkey SET name = $3 WHERE account_id = $1 AND id = $2",
        account,
        id,
        name
    )?;
    Ok(rows == 1)
}

/// `false` if there is none such that counts.
pub async fn block_passkey(work: &mut Work, account: &AccountId, id: &MeansId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE passkey SET blocked_at = $3
          WHERE account_id = $1 AND id = $2 AND confirmed_at IS NOT NULL AND blocked_at IS NULL",
        account,
        id,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct ConfirmedRow {
    confirmed_at: Option<Timestamp>,
}

/// Whether it had been used once; `None` if there is none such.
pub async fn delete_passkey(work: &mut Work, account: &AccountId, id: &MeansId) -> Result<Option<bool>, DbError> {
    let row = sql!(&mut work.tx, fetch_optional ConfirmedRow,
        "DELETE FROM passkey WHERE account_id = $1 AND id = $2 RETURNING confirmed_at", account, id)?;
    Ok(row.map(|row| row.confirmed_at.is_some()))
}

pub async fn delete_passkeys(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM passkey WHERE account_id = $1", account).map(drop)
}
