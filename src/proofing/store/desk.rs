//! Cases of the registration desk.

use super::slip;
use crate::kernel::id::{AccountId, CaseId, SessionId};
use crate::kernel::time::Timestamp;
use crate::proofing::desk::{Looking, Purpose, State};
use crate::proofing::office::OfficeId;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct CaseRow {
    pub id: CaseId,
    pub account_id: AccountId,
    pub code: Option<Vec<u8>>,
    pub state: State,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub opened_by: Option<SessionId>,
    pub opened_office_id: Option<OfficeId>,
    pub opened_until: Option<Timestamp>,
    pub checked_by: Option<AccountId>,
    pub checked_until: Option<Timestamp>,
    pub checked: Option<Vec<u8>>,
    pub ended_at: Option<Timestamp>,
    pub office_id: Option<OfficeId>,
    pub outcome: Option<Vec<u8>>,
    pub purpose: Purpose,
}

/// Takes the place of an older case of the account.
pub async fn put(
    work: &mut Work,
    (id, account): (&CaseId, &AccountId),
    (hash, code): (&[u8], &[u8]),
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO desk_case (id, account_id, code_hash, code, state, created_at, expires_at, purpose)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, code_hash = excluded.code_hash, code = excluded.code,
             state = excluded.state, created_at = excluded.created_at, expires_at = excluded.expires_at,
             opened_by = NULL, opened_office_id = NULL, opened_until = NULL, checked_by = NULL,
             checked_office_id = NULL, checked_until = NULL, checked = NULL, ended_at = NULL, office_id = NULL,
             outcome = NULL, purpose = excluded.purpose",
        id,
        account,
        hash,
        code,
        State::Waiting,
        work.now,
        expires_at,
        Purpose::Proof
    )
    .map(drop)
}

pub async fn of_account(tx: &mut Tx, account: &AccountId) -> Result<Option<CaseRow>, DbError> {
    sql!(tx, fetch_optional CaseRow,
        "SELECT id, account_id, code, state, created_at, expires_at, opened_by, opened_office_id, opened_until, checked_by,
                checked_until, checked, ended_at, office_id, outcome, purpose
           FROM desk_case WHERE account_id = $1", account)
}

/// The case of a code, whatever has become of it; only of accounts that are in use.
pub async fn by_code(tx: &mut Tx, hash: &[u8]) -> Result<Option<CaseRow>, DbError> {
    sql!(tx, fetch_optional CaseRow,
        "SELECT desk_case.id, account_id, code, state, desk_case.created_at, expires_at, opened_by, opened_office_id, opened_until,
                checked_by, checked_until, checked, ended_at, office_id, outcome, purpose
           FROM desk_case JOIN account ON account.id = desk_case.account_id AND account.status = 'active'
          WHERE code_hash = $1", hash)
}

pub async fn find(tx: &mut Tx, id: &CaseId) -> Result<Option<CaseRow>, DbError> {
    sql!(tx, fetch_optional CaseRow,
        "SELECT id, account_id, code, state, created_at, expires_at, opened_by, opened_office_id, opened_until, checked_by,
                checked_until, checked, ended_at, office_id, outcome, purpose
           FROM desk_case WHERE id = $1", id)
}

/// `false` if somebody else has it open, if another office's first check waits for its second, or if it has ended.
pub async fn open(work: &mut Work, id: &CaseId, looking: &Looking<'_>, until: Timestamp) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE desk_case SET opened_by = $2, opened_office_id = $3, opened_until = $4
          WHERE id = $1 AND state = 'waiting' AND expires_at > $5
            AND (opened_by IS NULL OR opened_by = $2 OR opened_until <= $5)
            AND (checked_by IS NULL OR checked_office_id = $3 OR checked_until <= $5)",
        id,
        looking.session,
        looking.office,
        until,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn close(work: &mut Work, id: &CaseId, session: &SessionId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE desk_case SET opened_by = NULL, opened_office_id = NULL, opened_until = NULL
          WHERE id = $1 AND opened_by = $2",
        id,
        session
    )
    .map(drop)
}

/// Keeps what the first of four eyes has seen, and lets the second open the case. `false` if it is not open any more.
pub async fn put_check(
    work: &mut Work,
    id: &CaseId,
    (session, officer): (&SessionId, &AccountId),
    (check, until): (&[u8], Timestamp),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE desk_case SET checked_by = $3, checked_office_id = opened_office_id, checked = $4, checked_until = $5,
                opened_by = NULL, opened_office_id = NULL, opened_until = NULL
          WHERE id = $1 AND state = 'waiting' AND opened_by = $2 AND opened_until > $6",
        id,
        session,
        officer,
        check,
        until,
        work.now
    )?;
    Ok(rows == 1)
}

/// The gate: of all who end a case one does, and only who has it open. The code is gone, and the slip that has opened it.
pub async fn end(
    work: &mut Work,
    id: &CaseId,
    session: &SessionId,
    (state, outcome): (State, &[u8]),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE desk_case SET state = $3, outcome = $4, ended_at = $5, office_id = opened_office_id, code = NULL,
                checked = NULL
          WHERE id = $1 AND state = 'waiting' AND opened_by = $2 AND opened_until > $5",
        id,
        session,
        state,
        outcome,
        work.now
    )?;
    if rows == 1 {
        slip::spend(work, id).await?;
    }
    Ok(rows == 1)
}

pub async fn delete_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM desk_case WHERE account_id = $1", account).map(drop)
}
