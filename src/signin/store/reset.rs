//! Password resets, and what leads to a new means where none is left.

use super::super::recovery::Proof;
use super::super::reset;
use crate::kernel::id::{AccountId, RequestId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct ResetRow {
    pub account_id: Option<AccountId>,
    pub stage: reset::Stage,
    pub email: Vec<u8>,
    pub proof: Option<Proof>,
    pub passkey: Option<Vec<u8>>,
    pub request_id: Option<RequestId>,
    pub expires_at: Timestamp,
    /// Of a registration desk, in the place of a code from a mail.
    pub release_hash: Option<Vec<u8>>,
}

/// Begins one; the browser's earlier one is forgotten.
pub async fn put_reset(work: &mut Work, browser: &[u8], row: &ResetRow) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO password_reset (browser_hash, account_id, stage, email, proof, passkey, request_id, expires_at,
                                     release_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (browser_hash) DO UPDATE SET
             account_id = excluded.account_id, stage = excluded.stage, email = excluded.email, proof = excluded.proof,
             passkey = excluded.passkey, request_id = excluded.request_id, expires_at = excluded.expires_at,
             release_hash = excluded.release_hash",
        browser,
        &row.account_id,
        row.stage,
        &row.email,
        row.proof,
        &row.passkey,
        &row.request_id,
        row.expires_at,
        &row.release_hash
    )
    .map(drop)
}

pub async fn find_reset(tx: &mut Tx, browser: &[u8], now: Timestamp) -> Result<Option<ResetRow>, DbError> {
    sql!(tx, fetch_optional ResetRow,
        "SELECT account_id, stage, email, proof, passkey, request_id, expires_at, release_hash FROM password_reset
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

/// Notes what was proven; `false` if the reset that was read is not there any more.
pub async fn prove_reset(work: &mut Work, browser: &[u8], email: &[u8], proof: Proof) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE password_reset SET proof = $3 WHERE browser_hash = $1 AND email = $2 AND stage = $4 AND expires_at > $5",
        browser,
        email,
        proof,
        reset::Stage::CodeConfirmed,
        work.now
    )?;
    Ok(rows == 1)
}

/// Keeps a key until it is used; `false` if the reset that was read is not there any more.
pub async fn put_reset_passkey(work: &mut Work, browser: &[u8], email: &[u8], key: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE password_reset SET passkey = $3
          WHERE browser_hash = $1 AND email = $2 AND stage = $4 AND expires_at > $5",
        browser,
        email,
        key,
        reset::Stage::CodeConfirmed,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn delete_confirmed_reset(
    work: &mut Work,
    browser: &[u8],
    (email, stage): (&[u8], reset::Stage),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM password_reset WHERE browser_hash = $1 AND email = $2 AND stage = $3 AND expires_at > $4",
        browser,
        email,
        stage,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct TakenRow {
    browser_hash: Vec<u8>,
    email: Vec<u8>,
    expires_at: Timestamp,
}

/// The gate: takes every reset of the account, whatever browser it waits in; whether the one that was read was among them.
pub async fn take_resets(
    work: &mut Work,
    account: &AccountId,
    (browser, email): (&[u8], &[u8]),
) -> Result<bool, DbError> {
    let taken = sql!(&mut work.tx, fetch_all TakenRow,
        "DELETE FROM password_reset WHERE account_id = $1 RETURNING browser_hash, email, expires_at", account)?;
    let is_own = |row: TakenRow| row.browser_hash == browser && row.email == email && row.expires_at > work.now;
    Ok(taken.into_iter().any(is_own))
}

pub async fn delete_resets_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM password_reset WHERE account_id = $1", account).map(drop)
}
