//! Credentials, registrations, resets, codes and counters; sessions and devices; passkeys; linked accounts.

mod card;
mod generator;
mod linked;
mod passkey;
mod recovery;
mod release;
mod reset;
mod session;

use super::register;
use crate::account::Status;
use crate::kernel::id::{AccountId, RequestId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

pub use card::*;
pub use generator::*;
pub use linked::*;
pub use passkey::*;
pub use recovery::*;
pub use release::*;
pub use reset::*;
pub use session::*;

// Counters

/// A counter as it begins, if there is none yet.
pub struct AttemptRow {
    pub purpose: &'static str,
    pub key: [u8; 32],
    pub allowed: i64,
    /// The first delay; 0 waits for the window's end.
    pub delay_milliseconds: i64,
    pub blocked_until: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct CountedRow {
    purpose: String,
    is_refused: bool,
    blocked_until: Timestamp,
}

/// Counts in all three counters that are not blocked; which of them refuse the try, and until when. One statement,
/// so that no two tries ever see the same count.
pub async fn count_attempts(work: &mut Work, rows: &[AttemptRow; 3]) -> Result<Vec<(String, Timestamp)>, DbError> {
    let [one, two, three] = rows;
    let counted = sql!(&mut work.tx, fetch_all CountedRow,
        "INSERT INTO attempt
             (purpose, key_hash, allowed, delay_milliseconds, blocked_until, expires_at, count, is_refused)
         VALUES ($1, $2, $3, $4, $5, $6, 1, FALSE), ($7, $8, $9, $10, $11, $12, 1, FALSE),
                ($13, $14, $15, $16, $17, $18, 1, FALSE)
         ON CONFLICT (purpose, key_hash) DO UPDATE SET
             allowed = excluded.allowed,
             delay_milliseconds = excluded.delay_milliseconds,
             is_refused = attempt.expires_at > $19 AND attempt.blocked_until > $19,
             count = CASE WHEN attempt.expires_at <= $19 THEN 1
                          WHEN attempt.blocked_until > $19 THEN attempt.count
                          ELSE attempt.count + 1 END,
             blocked_until = CASE WHEN attempt.expires_at <= $19 THEN excluded.blocked_until
                                  WHEN attempt.blocked_until > $19 THEN attempt.blocked_until
                                  WHEN attempt.count + 1 < excluded.allowed THEN 0
                                  WHEN excluded.delay_milliseconds = 0 THEN attempt.expires_at
                                  ELSE $19 + excluded.delay_milliseconds
                                      * CASE attempt.count + 1 - excluded.allowed
                                            WHEN 0 THEN 1 WHEN 1 THEN 2 WHEN 2 THEN 4 WHEN 3 THEN 8 ELSE 15 END END,
             expires_at = CASE WHEN attempt.expires_at <= $19 THEN excluded.expires_at
                               WHEN excluded.delay_milliseconds = 0 THEN attempt.expires_at
                               WHEN attempt.blocked_until > $19 THEN attempt.expires_at
                               ELSE excluded.expires_at + excluded.delay_milliseconds END
         RETURNING purpose, is_refused, blocked_until",
        one.purpose, &one.key[..], one.allowed, one.delay_milliseconds, one.blocked_until, one.expires_at,
        two.purpose, &two.key[..], two.allowed, two.delay_milliseconds, two.blocked_until, two.expires_at,
        three.purpose, &three.key[..], three.allowed, three.delay_milliseconds, three.blocked_until, three.expires_at,
        work.now)?;
    Ok(counted.into_iter().filter(|row| row.is_refused).map(|row| (row.purpose, row.blocked_until)).collect())
}

/// Takes one back in each; a counter with growing delays begins anew. An insertion, because that locks the rows in
/// the order given, as counting does.
pub async fn forgive_attempts(work: &mut Work, rows: &[AttemptRow; 3]) -> Result<(), DbError> {
    let [one, two, three] = rows;
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO attempt
             (purpose, key_hash, allowed, delay_milliseconds, blocked_until, expires_at, count, is_refused)
         VALUES ($1, $2, 1, 0, 0, $7, 0, FALSE), ($3, $4, 1, 0, 0, $7, 0, FALSE), ($5, $6, 1, 0, 0, $7, 0, FALSE)
         ON CONFLICT (purpose, key_hash) DO UPDATE SET
             count = CASE WHEN attempt.count <= 1 OR attempt.delay_milliseconds > 0 THEN 0 ELSE attempt.count - 1 END,
             blocked_until = CASE WHEN attempt.count > attempt.allowed AND attempt.delay_milliseconds = 0
                                  THEN attempt.blocked_until ELSE 0 END",
        one.purpose,
        &one.key[..],
        two.purpose,
        &two.key[..],
        three.purpose,
        &three.key[..],
        work.now
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct BlockedRow {
    blocked_until: Timestamp,
}

pub async fn is_blocked(work: &mut Work, (purpose, key): (&str, &[u8])) -> Result<bool, DbError> {
    let now = work.now;
    let row = sql!(&mut work.tx, fetch_optional BlockedRow,
        "SELECT blocked_until FROM attempt WHERE purpose = $1 AND key_hash = $2 AND expires_at > $3",
        purpose, key, now)?;
    Ok(row.is_some_and(|row| row.blocked_until > now))
}

/// Until when the last of three counters refuses tries, if one does.
pub async fn blocked_until(
    tx: &mut Tx,
    [one, two, three]: &[AttemptRow; 3],
    now: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    let row = sql!(tx, fetch_optional BlockedRow,
        "SELECT blocked_until FROM attempt
          WHERE ((purpose = $1 AND key_hash = $2) OR (purpose = $3 AND key_hash = $4)
                 OR (purpose = $5 AND key_hash = $6))
            AND expires_at > $7 AND blocked_until > $7
          ORDER BY blocked_until DESC LIMIT 1",
        one.purpose, &one.key[..], two.purpose, &two.key[..], three.purpose, &three.key[..], now)?;
    Ok(row.map(|row| row.blocked_until))
}

/// Begins a counter's window; `false` if one is under way.
pub async fn begin_window(work: &mut Work, row: &AttemptRow) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO attempt
             (purpose, key_hash, allowed, delay_milliseconds, blocked_until, expires_at, count, is_refused)
         VALUES ($1, $2, $3, $4, $5, $6, 1, FALSE)
         ON CONFLICT (purpose, key_hash) DO UPDATE SET
             blocked_until = excluded.blocked_until, expires_at = excluded.expires_at
          WHERE attempt.expires_at <= $7",
        row.purpose,
        &row.key[..],
        row.allowed,
        row.delay_milliseconds,
        row.blocked_until,
        row.expires_at,
        work.now
    )?;
    Ok(rows == 1)
}

// Mailed codes

pub async fn put_mailed_code(work: &mut Work, purpose: &str, owner: &[u8], code_hash: &[u8]) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO mailed_code (purpose, owner, code_hash, tries, sent_at, expires_at) VALUES ($1, $2, $3, 0, $4, $5)
         ON CONFLICT (purpose, owner) DO UPDATE SET
             code_hash = excluded.code_hash, tries = 0, sent_at = excluded.sent_at, expires_at = excluded.expires_at",
        purpose,
        owner,
        code_hash,
        work.now,
        work.now.plus(super::code::LIFETIME)
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct CodeRow {
    code_hash: Vec<u8>,
}

pub async fn try_mailed_code(
    work: &mut Work,
    purpose: &str,
    owner: &[u8],
    tries_max: i64,
) -> Result<Option<Vec<u8>>, DbError> {
    let row = sql!(&mut work.tx, fetch_optional CodeRow,
        "UPDATE mailed_code SET tries = tries + 1
          WHERE purpose = $1 AND owner = $2 AND tries < $3 AND expires_at > $4
      RETURNING code_hash", purpose, owner, tries_max, work.now)?;
    Ok(row.map(|row| row.code_hash))
}

pub async fn delete_mailed_code(work: &mut Work, purpose: &str, owner: &[u8]) -> Result<(), DbError> {
    sql!(&mut work.tx, later, "DELETE FROM mailed_code WHERE purpose = $1 AND owner = $2", purpose, owner)
}

#[derive(sqlx::FromRow)]
struct ExpiryRow {
    expires_at: Timestamp,
}

pub async fn mailed_code_expiry(tx: &mut Tx, purpose: &str, owner: &[u8]) -> Result<Option<Timestamp>, DbError> {
    let row = sql!(tx, fetch_optional ExpiryRow,
        "SELECT expires_at FROM mailed_code WHERE purpose = $1 AND owner = $2", purpose, owner)?;
    Ok(row.map(|row| row.expires_at))
}

// Registrations

#[derive(sqlx::FromRow)]
pub struct RegistrationRow {
    pub account_id: AccountId,
    pub key_wrapped: Vec<u8>,
    pub stage: register::Stage,
    pub version: i64,
    pub draft: Vec<u8>,
    pub request_id: Option<RequestId>,
    pub expires_at: Timestamp,
}

/// Begins a registration; the browser's earlier one is forgotten.
pub async fn put_registration(work: &mut Work, browser: &[u8], row: &RegistrationRow) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO registration (browser_hash, account_id, key_wrapped, stage, version, draft, request_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (browser_hash) DO UPDATE SET
             account_id = excluded.account_id, key_wrapped = excluded.key_wrapped, stage = excluded.stage,
             version = excluded.version, draft = excluded.draft, request_id = excluded.request_id,
             expires_at = excluded.expires_at",
        browser,
        &row.account_id,
        &row.key_wrapped,
        row.stage,
        row.version,
        &row.draft,
        &row.request_id,
        row.expires_at
    )
    .map(drop)
}

pub async fn find_registration(
    tx: &mut Tx,
    browser: &[u8],
    now: Timestamp,
) -> Result<Option<RegistrationRow>, DbError> {
    sql!(tx, fetch_optional RegistrationRow,
        "SELECT account_id, key_wrapped, stage, version, draft, request_id, expires_at
           FROM registration WHERE browser_hash = $1 AND expires_at > $2", browser, now)
}

/// `false` if the row is no longer in the version that was read.
pub async fn update_registration(
    work: &mut Work,
    browser: &[u8],
    version_before: i64,
    row: &RegistrationRow,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE registration SET stage = $4, version = $5, draft = $6
          WHERE browser_hash = $1 AND version = $2 AND account_id = $3",
        browser,
        version_before,
        &row.account_id,
        row.stage,
        row.version,
        &row.draft
    )?;
    Ok(rows == 1)
}

/// `false` if the row is no longer the one that was read.
pub async fn delete_registration(
    work: &mut Work,
    browser: &[u8],
    (account, version): (&AccountId, i64),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM registration WHERE browser_hash = $1 AND version = $2 AND account_id = $3",
        browser,
        version,
        account
    )?;
    Ok(rows == 1)
}

// Passwords and recovery codes

#[derive(sqlx::FromRow)]
pub struct PasswordRow {
    pub account_id: AccountId,
    pub status: Status,
    pub hash: String,
    /// When this device was last seen at the account; `None` if it is not known there.
    pub device_seen_at: Option<Timestamp>,
    /// Whether the account has a code generator.
    pub wants_code: bool,
}

pub async fn find_password(tx: &mut Tx, email_index: &[u8], device: &[u8]) -> Result<Option<PasswordRow>, DbError> {
    sql!(tx, fetch_optional PasswordRow,
        "SELECT password.account_id, account.status, password.hash, device.last_seen_at AS device_seen_at,
                EXISTS (SELECT 1 FROM code_generator WHERE code_generator.account_id = account.id
                           AND code_generator.confirmed_at IS NOT NULL) AS wants_code
           FROM email_address
           JOIN account ON account.id = email_address.account_id
           JOIN password ON password.account_id = account.id
           LEFT JOIN device ON device.account_id = account.id AND device.device_hash = $2
          WHERE email_address.blind_index = $1", email_index, device)
}

pub async fn find_password_of(tx: &mut Tx, account: &AccountId, device: &[u8]) -> Result<Option<PasswordRow>, DbError> {
    sql!(tx, fetch_optional PasswordRow,
        "SELECT password.account_id, account.status, password.hash, device.last_seen_at AS device_seen_at,
                EXISTS (SELECT 1 FROM code_generator WHERE code_generator.account_id = account.id
                           AND code_generator.confirmed_at IS NOT NULL) AS wants_code
           FROM account
           JOIN password ON password.account_id = account.id
           LEFT JOIN device ON device.account_id = account.id AND device.device_hash = $2
          WHERE account.id = $1", account, device)
}

pub async fn password_changed_at(tx: &mut Tx, account: &AccountId) -> Result<Option<Timestamp>, DbError> {
    let row = sql!(tx, fetch_optional ChangedRow, "SELECT changed_at FROM password WHERE account_id = $1", account)?;
    Ok(row.map(|row| row.changed_at))
}

#[derive(sqlx::FromRow)]
struct ChangedRow {
    changed_at: Timestamp,
}

/// Sets the password. Whoever has given the one before and lacks a code begins anew.
pub async fn put_password(work: &mut Work, account: &AccountId, hash: &str) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO password (account_id, hash, changed_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at",
        account,
        hash,
        work.now
    )?;
    delete_partials_of(work, account).await
}

/// Sets the password of an account that has one; `false` if it has none.
pub async fn replace_password(work: &mut Work, account: &AccountId, hash: &str) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE password SET hash = $2, changed_at = $3 WHERE account_id = $1",
        account,
        hash,
        work.now
    )?;
    delete_partials_of(work, account).await?;
    Ok(rows == 1)
}

/// Removes the password and what only counts with it; `false` if there is none.
pub async fn delete_password(work: &mut Work, account: &AccountId) -> Result<bool, DbError> {
    delete_resets_of(work, account).await?;
    let rows = sql!(&mut work.tx, execute, "DELETE FROM password WHERE account_id = $1", account)?;
    delete_partials_of(work, account).await?;
    delete_generators_of(work, account).await?;
    Ok(rows == 1)
}

/// Takes the password's row as it was read, and stores it anew if the cost has risen. `false` if it has
/// been changed since: then what was verified no longer counts.
pub async fn keep_password(work: &mut Work, account: &AccountId, read: &str, stored: &str) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE password SET hash = $3 WHERE account_id = $1 AND hash = $2",
        account,
        read,
        stored
    )?;
    Ok(rows == 1)
}

pub async fn delete_recovery_codes(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM recovery_code WHERE account_id = $1", account).map(drop)
}

pub async fn insert_recovery_code(work: &mut Work, account: &AccountId, code_hash: &[u8]) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO recovery_code (code_hash, account_id, created_at) VALUES ($1, $2, $3)",
        code_hash,
        account,
        work.now
    )
}

pub async fn recovery_codes_left(tx: &mut Tx, account: &AccountId) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_one CountRow,
        "SELECT COUNT(*) AS count FROM recovery_code WHERE account_id = $1 AND used_at IS NULL", account)?;
    Ok(row.count)
}

#[derive(sqlx::FromRow)]
struct CountRow {
    count: i64,
}

/// Removes what the account signs in with.
pub async fn delete_credentials(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM password WHERE account_id = $1", account)?;
    delete_resets_of(work, account).await?;
    delete_partials_of(work, account).await?;
    forget_recovery(work, account).await?;
    forget_release(work, account).await?;
    delete_generators_of(work, account).await?;
    delete_passkeys(work, account).await?;
    delete_cards(work, account).await?;
    delete_linked_of(work, account).await?;
    delete_recovery_codes(work, account).await
}
