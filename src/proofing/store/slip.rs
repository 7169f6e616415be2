//! Slips with which people go to a registration desk to get back in.

use crate::kernel::id::{AccountId, CaseId};
use crate::kernel::time::Timestamp;
use crate::proofing::desk::{Purpose, State};
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct SlipRow {
    pub code: Vec<u8>,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Takes the place of an older slip of the browser.
pub async fn put(
    work: &mut Work,
    (browser, account): (&[u8], Option<&AccountId>),
    (hash, code): (&[u8], &[u8]),
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO desk_slip (browser_hash, account_id, code_hash, code, asked_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (browser_hash) DO UPDATE SET account_id = excluded.account_id, code_hash = excluded.code_hash,
             code = excluded.code, asked_at = excluded.asked_at, expires_at = excluded.expires_at",
        browser,
        account,
        hash,
        code,
        work.now,
        expires_at
    )
    .map(drop)
}

pub async fn find(tx: &mut Tx, browser: &[u8], now: Timestamp) -> Result<Option<SlipRow>, DbError> {
    sql!(tx, fetch_optional SlipRow,
        "SELECT code, asked_at, expires_at FROM desk_slip WHERE browser_hash = $1 AND expires_at > $2", browser, now)
}

/// All that are good and concern an account, whoever has asked for them.
pub async fn of(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Vec<SlipRow>, DbError> {
    sql!(tx, fetch_all SlipRow,
        "SELECT code, asked_at, expires_at FROM desk_slip WHERE account_id = $1 AND expires_at > $2 ORDER BY asked_at",
        account, now)
}

#[derive(sqlx::FromRow)]
pub struct MeantRow {
    pub account_id: AccountId,
    pub expires_at: Timestamp,
}

/// What the slip of a code means; only accounts that are in use.
pub async fn by_code(tx: &mut Tx, hash: &[u8]) -> Result<Option<MeantRow>, DbError> {
    sql!(tx, fetch_optional MeantRow,
        "SELECT account_id, expires_at
           FROM desk_slip JOIN account ON account.id = desk_slip.account_id AND account.status = 'active'
          WHERE code_hash = $1", hash)
}

/// The case of a slip, in the place of an older case of the account. `false` if an officer works on that one.
pub async fn put_case(
    work: &mut Work,
    (id, account): (&CaseId, &AccountId),
    hash: &[u8],
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO desk_case (id, account_id, code_hash, state, created_at, expires_at, purpose)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, code_hash = excluded.code_hash, code = NULL,
             state = excluded.state, created_at = excluded.created_at, expires_at = excluded.expires_at,
             opened_by = NULL, opened_office_id = NULL, opened_until = NULL, checked_by = NULL,
             checked_office_id = NULL, checked_until = NULL, checked = NULL, ended_at = NULL, office_id = NULL,
             outcome = NULL, purpose = excluded.purpose
          WHERE desk_case.state <> $4
             OR ((desk_case.opened_by IS NULL OR desk_case.opened_until <= $5)
                 AND (desk_case.checked_by IS NULL OR desk_case.checked_until <= $5))",
        id,
        account,
        hash,
        State::Waiting,
        work.now,
        expires_at,
        Purpose::Recovery
    )?;
    Ok(rows == 1)
}

/// A slip opens one case, which has ended.
pub async fn spend(work: &mut Work, case: &CaseId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "DELETE FROM desk_slip WHERE code_hash = (SELECT code_hash FROM desk_case WHERE id = $1)",
        case
    )
    .map(drop)
}

pub async fn delete_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM desk_slip WHERE account_id = $1", account).map(drop)
}
