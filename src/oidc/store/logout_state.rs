//! Rows about who was to be told of which ended session.

use crate::kernel::id::{AccountId, ClientId, JobId, SessionId};
use crate::kernel::time::Timestamp;
use crate::oidc::logout_state::{Due, Filter, State};
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// `false` if this client's row for this session is there already, and with it the job.
pub async fn insert(work: &mut Work, job: &JobId, due: &Due<'_>) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO logout_notice (id, account_id, client_id, session_id, state, attempts, ended_at, changed_at)
         VALUES ($1, $2, $3, $4, 'waiting', 0, $5, $6) ON CONFLICT (session_id, client_id) DO NOTHING",
        job,
        due.account,
        due.client,
        due.session,
        due.ended_at,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct OwnerRow {
    pub account_id: AccountId,
    pub client_id: ClientId,
}

/// Told is told, whatever another node, which took the job over, may have found.
pub async fn set_told(work: &mut Work, id: &JobId, attempts: i64) -> Result<Option<OwnerRow>, DbError> {
    sql!(&mut work.tx, fetch_optional OwnerRow,
        "UPDATE logout_notice SET state = 'told', attempts = $2, reason = NULL, changed_at = $3
          WHERE id = $1 AND state <> 'told' RETURNING account_id, client_id", id, attempts, work.now)
}

/// Writes a failed try down; `state` is waiting or failed.
pub async fn set_not_told(
    work: &mut Work,
    id: &JobId,
    (state, attempts): (State, i64),
    reason: &str,
) -> Result<Option<OwnerRow>, DbError> {
    sql!(&mut work.tx, fetch_optional OwnerRow,
        "UPDATE logout_notice SET state = $2, attempts = $3, reason = $4, changed_at = $5
          WHERE id = $1 AND state = 'waiting' RETURNING account_id, client_id", id, state, attempts, reason, work.now)
}

#[derive(sqlx::FromRow)]
pub struct NoticeRow {
    pub client_id: ClientId,
    pub state: State,
    pub ended_at: Timestamp,
    pub changed_at: Timestamp,
}

/// For every client and state of an account the newest.
pub async fn newest_of_account(tx: &mut Tx, account: &AccountId) -> Result<Vec<NoticeRow>, DbError> {
    sql!(tx, fetch_all NoticeRow,
        "SELECT client_id, state, MAX(ended_at) AS ended_at, MAX(changed_at) AS changed_at FROM logout_notice
          WHERE account_id = $1 GROUP BY client_id, state ORDER BY client_id, state LIMIT 600", account)
}

pub async fn all_of_account(tx: &mut Tx, account: &AccountId) -> Result<Vec<NoticeRow>, DbError> {
    sql!(tx, fetch_all NoticeRow,
        "SELECT client_id, state, ended_at, changed_at FROM logout_notice
          WHERE account_id = $1 ORDER BY ended_at DESC, id DESC LIMIT 10000", account)
}

pub async fn of_session(tx: &mut Tx, session: &SessionId) -> Result<Vec<NoticeRow>, DbError> {
    sql!(tx, fetch_all NoticeRow,
        "SELECT client_id, state, ended_at, changed_at FROM logout_notice
          WHERE session_id = $1 ORDER BY client_id LIMIT 200", session)
}

pub async fn delete_of_account(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM logout_notice WHERE account_id = $1", account).map(drop)
}

/// What the operator sees of one client and state; nobody's account.
#[derive(Debug, sqlx::FromRow)]
pub struct SumRow {
    pub client_id: ClientId,
    pub state: State,
    pub count: i64,
    /// When the first of these sessions ended.
    pub oldest_at: Timestamp,
    pub changed_at: Timestamp,
    /// Why the last failed try has failed.
    pub reason: Option<String>,
}

pub async fn sums(tx: &mut Tx, filter: &Filter) -> Result<Vec<SumRow>, DbError> {
    sql!(tx, fetch_all SumRow,
        "SELECT client_id, state, COUNT(*) AS count, MIN(ended_at) AS oldest_at, MAX(changed_at) AS changed_at,
                (SELECT latest.reason FROM logout_notice AS latest
                  WHERE latest.client_id = logout_notice.client_id AND latest.state = logout_notice.state
                    AND latest.reason IS NOT NULL ORDER BY latest.changed_at DESC, latest.id DESC LIMIT 1) AS reason
           FROM logout_notice
          WHERE (CAST($1 AS TEXT) IS NULL OR client_id = $1) AND (CAST($2 AS TEXT) IS NULL OR state = $2)
          GROUP BY client_id, state ORDER BY client_id, state LIMIT $3",
        filter.client.as_ref(), filter.state, filter.limit)
}

#[derive(sqlx::FromRow)]
pub struct WaitingRow {
    pub client_id: ClientId,
    pub count: i64,
}

pub async fn waiting(tx: &mut Tx) -> Result<Vec<WaitingRow>, DbError> {
    sql!(tx, fetch_all WaitingRow,
        "SELECT client_id, COUNT(*) AS count FROM logout_notice
          WHERE state = 'waiting' GROUP BY client_id ORDER BY client_id LIMIT 1000")
}
