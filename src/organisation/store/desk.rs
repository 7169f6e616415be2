//! Cases that organisations have checked at a registration desk.

use crate::kernel::id::{AccountId, MembershipId, OrganisationCaseId, OrganisationId, SessionId};
use crate::kernel::time::Timestamp;
use crate::organisation::desk::State;
use crate::proofing::office::OfficeId;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct CaseRow {
    pub id: OrganisationCaseId,
    pub organisation_id: OrganisationId,
    pub membership_id: MembershipId,
    pub code: Option<Vec<u8>>,
    pub state: State,
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
}

/// Takes the place of an older case of the organisation.
pub async fn put(
    work: &mut Work,
    (id, organisation, membership): (&OrganisationCaseId, &OrganisationId, &MembershipId),
    (hash, code): (&[u8], &[u8]),
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation_desk_case
             (id, organisation_id, membership_id, code_hash, code, state, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7)
         ON CONFLICT (organisation_id) DO UPDATE SET id = excluded.id, membership_id = excluded.membership_id,
             code_hash = excluded.code_hash, code = excluded.code, state = excluded.state,
             created_at = excluded.created_at, expires_at = excluded.expires_at,
             opened_by = NULL, opened_office_id = NULL, opened_until = NULL, checked_by = NULL,
             checked_office_id = NULL, checked_until = NULL, checked = NULL, ended_at = NULL, office_id = NULL,
             outcome = NULL",
        id,
        organisation,
        membership,
        hash,
        code,
        work.now,
        expires_at
    )
    .map(drop)
}

pub async fn of_organisation(tx: &mut Tx, id: &OrganisationId) -> Result<Option<CaseRow>, DbError> {
    sql!(tx, fetch_optional CaseRow,
        "SELECT id, organisation_id, membership_id, code, state, expires_at, opened_by, opened_office_id, opened_until,
                checked_by, checked_until, checked, ended_at, office_id, outcome
           FROM organisation_desk_case WHERE organisation_id = $1", id)
}

/// The case of a code, whatever has become of it.
pub async fn by_code(tx: &mut Tx, hash: &[u8]) -> Result<Option<CaseRow>, DbError> {
    sql!(tx, fetch_optional CaseRow,
        "SELECT id, organisation_id, membership_id, code, state, expires_at, opened_by, opened_office_id, opened_until,
                checked_by, checked_until, checked, ended_at, office_id, outcome
           FROM organisation_desk_case WHERE code_hash = $1", hash)
}

pub async fn find(tx: &mut Tx, id: &OrganisationCaseId) -> Result<Option<CaseRow>, DbError> {
    sql!(tx, fetch_optional CaseRow,
        "SELECT id, organisation_id, membership_id, code, state, expires_at, opened_by, opened_office_id, opened_until,
                checked_by, checked_until, checked, ended_at, office_id, outcome
           FROM organisation_desk_case WHERE id = $1", id)
}

/// `false` if somebody else has it open, if another office's first check waits for its second, or if it has ended.
pub async fn open(
    work: &mut Work,
    id: &OrganisationCaseId,
    (session, office): (&SessionId, &OfficeId),
    until: Timestamp,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_desk_case SET opened_by = $2, opened_office_id = $3, opened_until = $4
          WHERE id = $1 AND state = 'waiting' AND expires_at > $5
            AND (opened_by IS NULL OR opened_by = $2 OR opened_until <= $5)
            AND (checked_by IS NULL OR checked_office_id = $3 OR checked_until <= $5)",
        id,
        session,
        office,
        until,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn close(work: &mut Work, id: &OrganisationCaseId, session: &SessionId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_desk_case SET opened_by = NULL, opened_office_id = NULL, opened_until = NULL
          WHERE id = $1 AND opened_by = $2",
        id,
        session
    )
    .map(drop)
}

/// Keeps what the first of four eyes has seen, and lets the second open the case. `false` if it is not open any more.
pub async fn put_check(
    work: &mut Work,
    id: &OrganisationCaseId,
    (session, officer): (&SessionId, &AccountId),
    (check, until): (&[u8], Timestamp),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_desk_case SET checked_by = $3, checked_office_id = opened_office_id, checked = $4,
                checked_until = $5, opened_by = NULL, opened_office_id = NULL, opened_until = NULL
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

/// The gate: of all who end a case one does, and only who has it open. The code is gone.
pub async fn end(
    work: &mut Work,
    id: &OrganisationCaseId,
    session: &SessionId,
    (state, outcome): (State, &[u8]),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_desk_case SET state = $3, outcome = $4, ended_at = $5, office_id = opened_office_id,
                code = NULL, checked = NULL
          WHERE id = $1 AND state = 'waiting' AND opened_by = $2 AND opened_until > $5",
        id,
        session,
        state,
        outcome,
        work.now
    )?;
    Ok(rows == 1)
}

/// Whether there was one that waited.
pub async fn void(work: &mut Work, id: &OrganisationId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_desk_case SET state = 'void', ended_at = $2, code = NULL, checked = NULL
          WHERE organisation_id = $1 AND state = 'waiting'",
        id,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn delete_of(work: &mut Work, id: &OrganisationId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM organisation_desk_case WHERE organisation_id = $1", id).map(drop)
}
