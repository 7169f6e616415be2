//! Credentials, sessions, registrations, resets, codes and counters.

use super::register;
use super::reset;
use super::session::{Proof, Session};
use crate::kernel::id::{AccountId, RequestId, SessionId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

// Counters

#[derive(sqlx::FromRow)]
pub struct AttemptRow {
    pub count: i64,
    pub expires_at: Timestamp,
}

pub async fn count_attempt(
    work: &mut Work,
    purpose: &str,
    key: &[u8],
    until: Timestamp,
) -> Result<AttemptRow, DbError> {
    sql!(&mut work.tx, fetch_one AttemptRow,
        "INSERT INTO attempt (purpose, key_hash, count, expires_at) VALUES ($1, $2, 1, $3)
         ON CONFLICT (purpose, key_hash) DO UPDATE SET
             count = CASE WHEN attempt.expires_at <= $4 THEN 1 ELSE attempt.count + 1 END,
             expires_at = CASE WHEN attempt.expires_at <= $4 THEN $3 ELSE attempt.expires_at END
         RETURNING count, expires_at", purpose, key, until, work.now)
}

pub async fn forgive_attempt(work: &mut Work, purpose: &str, key: &[u8]) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE attempt SET count = count - 1 WHERE purpose = $1 AND key_hash = $2 AND count > 0",
        purpose,
        key
    )
    .map(drop)
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
    sql!(&mut work.tx, execute, "DELETE FROM mailed_code WHERE purpose = $1 AND owner = $2", purpose, owner).map(drop)
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

pub async fn delete_registration(work: &mut Work, browser: &[u8], version: i64) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM registration WHERE browser_hash = $1 AND version = $2",
        browser,
        version
    )?;
    Ok(rows == 1)
}

// Password resets

#[derive(sqlx::FromRow)]
pub struct ResetRow {
    pub account_id: Option<AccountId>,
    pub stage: reset::Stage,
    pub email: Vec<u8>,
    pub request_id: Option<RequestId>,
    pub expires_at: Timestamp,
}

pub async fn put_reset(work: &mut Work, browser: &[u8], row: &ResetRow) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO password_reset (browser_hash, account_id, stage, email, request_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (browser_hash) DO UPDATE SET
             account_id = excluded.account_id, stage = excluded.stage, email = excluded.email,
             request_id = excluded.request_id, expires_at = excluded.expires_at",
        browser,
        &row.account_id,
        row.stage,
        &row.email,
        &row.request_id,
        row.expires_at
    )
    .map(drop)
}

pub async fn find_reset(tx: &mut Tx, browser: &[u8], now: Timestamp) -> Result<Option<ResetRow>, DbError> {
    sql!(tx, fetch_optional ResetRow,
        "SELECT account_id, stage, email, request_id, expires_at FROM password_reset
          WHERE browser_hash = $1 AND expires_at > $2", browser, now)
}

/// `false` if another reset has begun in this browser since it was read.
pub async fn confirm_reset(work: &mut Work, browser: &[u8], email: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE password_reset SET stage = $3 WHERE browser_hash = $1 AND email = $2",
        browser,
        email,
        reset::Stage::CodeConfirmed
    )?;
    Ok(rows == 1)
}

pub async fn delete_confirmed_reset(work: &mut Work, browser: &[u8], email: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM password_reset WHERE browser_hash = $1 AND email = $2 AND stage = $3 AND expires_at > $4",
        browser,
        email,
        reset::Stage::CodeConfirmed,
        work.now
    )?;
    Ok(rows == 1)
}

// Passwords and recovery codes

#[derive(sqlx::FromRow)]
pub struct PasswordRow {
    pub account_id: AccountId,
    pub hash: String,
}

pub async fn find_password(tx: &mut Tx, email_index: &[u8]) -> Result<Option<PasswordRow>, DbError> {
    sql!(tx, fetch_optional PasswordRow,
        "SELECT password.account_id, password.hash
           FROM email_address
           JOIN account ON account.id = email_address.account_id
           JOIN password ON password.account_id = account.id
          WHERE email_address.blind_index = $1 AND account.status = 'active'", email_index)
}

pub async fn put_password(work: &mut Work, account: &AccountId, hash: &str) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO password (account_id, hash, changed_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at",
        account,
        hash,
        work.now
    )
    .map(drop)
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
        execute,
        "INSERT INTO recovery_code (code_hash, account_id, created_at) VALUES ($1, $2, $3)",
        code_hash,
        account,
        work.now
    )
    .map(drop)
}

// Sessions

pub async fn insert_session(work: &mut Work, id: &SessionId, token_hash: &[u8], proof: &Proof) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO session (id, token_hash, account_id, level, methods, authenticated_at, created_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $6)",
        id,
        token_hash,
        &proof.account,
        proof.level,
        proof.methods,
        work.now
    )
    .map(drop)
}

pub async fn renew_session(work: &mut Work, id: &SessionId, token_hash: &[u8], proof: &Proof) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE session SET token_hash = $2, level = $3, methods = $4, authenticated_at = $5, last_seen_at = $5 WHERE id = $1",
        id,
        token_hash,
        proof.level,
        proof.methods,
        work.now
    )
    .map(drop)
}

pub async fn find_session(tx: &mut Tx, token_hash: &[u8]) -> Result<Option<Session>, DbError> {
    sql!(tx, fetch_optional Session,
        "SELECT session.id, session.account_id, session.level, session.methods, session.authenticated_at,
                session.created_at, session.last_seen_at
           FROM session JOIN account ON account.id = session.account_id
          WHERE session.token_hash = $1 AND account.status = 'active'", token_hash)
}

pub async fn touch_session(work: &mut Work, id: &SessionId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE session SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2",
        id,
        work.now
    )
    .map(drop)
}

pub async fn delete_session(work: &mut Work, id: &SessionId) -> Result<bool, DbError> {
    Ok(sql!(&mut work.tx, execute, "DELETE FROM session WHERE id = $1", id)? == 1)
}

pub async fn delete_sessions_of(work: &mut Work, account: &AccountId) -> Result<u64, DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM session WHERE account_id = $1", account)
}
