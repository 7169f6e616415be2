//! Claims to organisations that others have registered.

use crate::kernel::id::{AccountId, ClaimId, OrganisationId};
use crate::kernel::time::Timestamp;
use crate::organisation::claim::Outcome;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct ClaimRow {
    pub id: ClaimId,
    pub organisation_id: OrganisationId,
    pub account_id: AccountId,
    pub statement: Vec<u8>,
    pub proposed: Option<Outcome>,
    pub proposed_by: Option<String>,
    pub claimed_at: Timestamp,
}

/// `false` if the same has been claimed and not been decided.
pub async fn insert(
    work: &mut Work,
    id: &ClaimId,
    (organisation, account): (&OrganisationId, &AccountId),
    statement: &[u8],
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation_claim (id, organisation_id, account_id, statement, state, claimed_at)
         VALUES ($1, $2, $3, $4, 'open', $5) ON CONFLICT DO NOTHING",
        id,
        organisation,
        account,
        statement,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn open(tx: &mut Tx) -> Result<Vec<ClaimRow>, DbError> {
    sql!(tx, fetch_all ClaimRow,
        "SELECT id, organisation_id, account_id, statement, proposed, proposed_by, claimed_at
           FROM organisation_claim WHERE state = 'open' ORDER BY claimed_at, id LIMIT 1000")
}

/// Decided ones as well, as long as they are kept.
pub async fn of(tx: &mut Tx, account: &AccountId) -> Result<Vec<ClaimRow>, DbError> {
    sql!(tx, fetch_all ClaimRow,
        "SELECT id, organisation_id, account_id, statement, proposed, proposed_by, claimed_at
           FROM organisation_claim WHERE account_id = $1 ORDER BY claimed_at, id LIMIT 1000", account)
}

pub async fn find(tx: &mut Tx, id: &ClaimId) -> Result<Option<ClaimRow>, DbError> {
    sql!(tx, fetch_optional ClaimRow,
        "SELECT id, organisation_id, account_id, statement, proposed, proposed_by, claimed_at
           FROM organisation_claim WHERE id = $1 AND state = 'open'", id)
}

/// `false` if it has been decided, or proposed otherwise, meanwhile.
pub async fn propose(
    work: &mut Work,
    id: &ClaimId,
    (outcome, operator): (Outcome, &str),
    before: Option<Outcome>,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_claim SET proposed = $2, proposed_by = $3
          WHERE id = $1 AND state = 'open' AND COALESCE(proposed, '') = COALESCE(CAST($4 AS TEXT), '')",
        id,
        outcome,
        operator,
        before
    )?;
    Ok(rows == 1)
}

/// The second of four eyes: another name than the first, and the same outcome. `false` otherwise.
pub async fn decide(work: &mut Work, id: &ClaimId, (outcome, operator): (Outcome, &str)) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_claim SET state = $2, decided_at = $4
          WHERE id = $1 AND state = 'open' AND proposed = $2 AND proposed_by <> $3",
        id,
        outcome,
        operator,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn delete_of(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM organisation_claim WHERE account_id = $1", account).map(drop)
}

pub async fn delete_of_organisation(work: &mut Work, id: &OrganisationId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM organisation_claim WHERE organisation_id = $1", id).map(drop)
}
