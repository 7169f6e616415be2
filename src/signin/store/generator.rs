//! Code generators, devices that are handed out, sign-ins that wait for a code, and using up recovery codes.

use super::passkey::MeansRow;
use crate::account::Status;
use crate::kernel::id::{AccountId, MeansId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct GeneratorRow {
    pub id: MeansId,
    pub kind: MeansKind,
    pub name: Vec<u8>,
    pub secret: Vec<u8>,
    pub registered: Level,
    pub last_step: i64,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub blocked_at: Option<Timestamp>,
}

/// Puts a generator that is not confirmed yet.
pub async fn insert_generator(
    work: &mut Work,
    account: &AccountId,
    session: Option<&SessionId>,
    row: &GeneratorRow,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO code_generator (id, account_id, kind, name, secret, registered, last_step, session_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &row.id,
        account,
        row.kind,
        &row.name,
        &row.secret,
        row.registered,
        row.last_step,
        session,
        row.created_at
    )
    .map(drop)
}

/// Those that count, the oldest first.
pub async fn generators_of(tx: &mut Tx, account: &AccountId) -> Result<Vec<GeneratorRow>, DbError> {
    sql!(tx, fetch_all GeneratorRow,
        "SELECT id, kind, name, secret, registered, last_step, created_at, last_used_at, blocked_at FROM code_generator
          WHERE account_id = $1 AND confirmed_at IS NOT NULL ORDER BY created_at, id LIMIT 10", account)
}

/// The same without what is sealed.
pub async fn confirmed_generators(tx: &mut Tx, account: &AccountId) -> Result<Vec<MeansRow>, DbError> {
    sql!(tx, fetch_all MeansRow,
        "SELECT id, kind, registered, created_at, last_used_at, blocked_at FROM code_generator
          WHERE account_id = $1 AND confirmed_at IS NOT NULL ORDER BY created_at, id LIMIT 10", account)
}

/// The one that this session wants to add.
pub async fn pending_generator(
    tx: &mut Tx,
    session: &SessionId,
    account: &AccountId,
    since: Timestamp,
) -> Result<Option<GeneratorRow>, DbError> {
    sql!(tx, fetch_optional GeneratorRow,
        "SELECT id, kind, name, secret, registered, last_step, created_at, last_used_at, blocked_at FROM code_generator
          WHERE account_id = $1 AND session_id = $2 AND confirmed_at IS NULL AND created_at > $3
          ORDER BY created_at DESC, id DESC LIMIT 1", account, session, since)
}

pub async fn delete_pending_generators(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM code_generator WHERE account_id = $1 AND confirmed_at IS NULL", account)
        .map(drop)
}

/// Lets a generator count, which had no code used yet. `false` if it is gone, has been confirmed, or is one too many.
pub async fn confirm_generator(
    work: &mut Work,
    account: &AccountId,
    id: &MeansId,
    (registered, step): (Level, i64),
    generators_max: i64,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE code_generator
            SET registered = $3, last_step = $4, last_used_at = $5, confirmed_at = $5, session_id = NULL
          WHERE id = $1 AND account_id = $2 AND confirmed_at IS NULL AND last_step < $4
            AND (SELECT COUNT(*) FROM code_generator other
                  WHERE other.account_id = $2 AND other.confirmed_at IS NOT NULL) < $6",
        id,
        account,
        registered,
        step,
        work.now,
        generators_max
    )?;
    Ok(rows == 1)
}

/// Uses the code of one step. The gate: of all that come with it, on whatever node, one finds it unused (RFC 6238 section 5.2).
pub async fn accept_step(work: &mut Work, account: &AccountId, id: &MeansId, step: i64) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE code_generator SET last_step = $3, last_used_at = $4
          WHERE id = $1 AND account_id = $2 AND confirmed_at IS NOT NULL AND blocked_at IS NULL AND last_step < $3",
        id,
        account,
        step,
        work.now
    )?;
    Ok(rows == 1)
}

/// `false` if there is none such that counts.
pub async fn block_generator(work: &mut Work, account: &AccountId, id: &MeansId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE code_generator SET blocked_at = $3
          WHERE account_id = $1 AND id = $2 AND confirmed_at IS NOT NULL AND blocked_at IS NULL",
        account,
        id,
        work.now
    )?;
    Ok(rows == 1)
}

/// Uses the code of one step to end a block; the gate is the same.
pub async fn unblock_generator(work: &mut Work, account: &AccountId, id: &MeansId, step: i64) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE code_generator SET last_step = $3, last_used_at = $4, blocked_at = NULL
          WHERE id = $1 AND account_id = $2 AND blocked_at IS NOT NULL AND last_step < $3",
        id,
        account,
        step,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn delete_generator(work: &mut Work, account: &AccountId, id: &MeansId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM code_generator WHERE id = $1 AND account_id = $2 AND confirmed_at IS NOT NULL",
        id,
        account
    )?;
    Ok(rows == 1)
}

pub async fn delete_generators_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM code_generator WHERE account_id = $1", account).map(drop)
}

// Devices that are handed out

/// `false` if the serial number is known already.
pub async fn insert_code_device(work: &mut Work, serial: &str, secret: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO code_device (serial, secret, imported_at) VALUES ($1, $2, $3) ON CONFLICT (serial) DO NOTHING",
        serial,
        secret,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct SecretRow {
    secret: Vec<u8>,
}

/// The sealed secret of a device that nobody has registered yet.
pub async fn find_code_device(tx: &mut Tx, serial: &str) -> Result<Option<Vec<u8>>, DbError> {
    let row = sql!(tx, fetch_optional SecretRow,
        "SELECT secret FROM code_device WHERE serial = $1 AND secret IS NOT NULL", serial)?;
    Ok(row.map(|row| row.secret))
}

/// The gate: of two that register one device, one finds it.
pub async fn take_code_device(work: &mut Work, serial: &str) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE code_device SET secret = NULL, taken_at = $2 WHERE serial = $1 AND secret IS NOT NULL",
        serial,
        work.now
    )?;
    Ok(rows == 1)
}

// Sign-ins that wait for a code

#[derive(sqlx::FromRow)]
pub struct PartialRow {
    pub account_id: AccountId,
    pub status: Status,
    /// When this device was last seen at the account; `None` if it is not known there.
    pub device_seen_at: Option<Timestamp>,
}

pub async fn put_partial(
    work: &mut Work,
    browser: &[u8],
    account: &AccountId,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO partial_sign_in (browser_hash, account_id, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (browser_hash) DO UPDATE SET account_id = excluded.account_id, expires_at = excluded.expires_at",
        browser,
        account,
        expires_at
    )
    .map(drop)
}

pub async fn find_partial(
    tx: &mut Tx,
    browser: &[u8],
    device: &[u8],
    now: Timestamp,
) -> Result<Option<PartialRow>, DbError> {
    sql!(tx, fetch_optional PartialRow,
        "SELECT account.id AS account_id, account.status, device.last_seen_at AS device_seen_at
           FROM partial_sign_in
           JOIN account ON account.id = partial_sign_in.account_id
           LEFT JOIN device ON device.account_id = account.id AND device.device_hash = $2
          WHERE partial_sign_in.browser_hash = $1 AND partial_sign_in.expires_at > $3", browser, device, now)
}

/// The gate: one of all that complete it finds it. As whoever sets another password holds the account, too, either this sign-in is
/// over before, and its session ends with all others, or it finds nothing to complete.
pub async fn take_partial(work: &mut Work, browser: &[u8], account: &AccountId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM partial_sign_in WHERE browser_hash = $1 AND account_id = $2 AND expires_at > $3",
        browser,
        account,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn delete_partials_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM partial_sign_in WHERE account_id = $1", account).map(drop)
}

// Recovery codes

/// The gate: a recovery code is used once.
pub async fn use_recovery_code(work: &mut Work, account: &AccountId, code_hash: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE recovery_code SET used_at = $3 WHERE code_hash = $1 AND account_id = $2 AND used_at IS NULL",
        code_hash,
        account,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct UsedRow {
    used_at: Option<Timestamp>,
}

/// Whether it is one of the account's that has been used.
pub async fn is_used_recovery_code(tx: &mut Tx, account: &AccountId, code_hash: &[u8]) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_optional UsedRow,
        "SELECT used_at FROM recovery_code WHERE code_hash = $1 AND account_id = $2", code_hash, account)?;
    Ok(row.is_some_and(|row| row.used_at.is_some()))
}
