//! The same for somebody who acts for another party: consents and grants.

use super::{CodeRow, ConsentRow};
use crate::kernel::id::{AccountId, ClientId, OrganisationId};
use crate::kernel::time::Timestamp;
use crate::oidc::grant::{OFFLINE_IDLE, RefreshToken};
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

pub async fn find_consent(
    tx: &mut Tx,
    account: &AccountId,
    represented: &str,
    client: &ClientId,
) -> Result<Option<ConsentRow>, DbError> {
    sql!(tx, fetch_optional ConsentRow,
        "SELECT client_id, scope, claims, terms, granted_at FROM acting_consent
          WHERE account_id = $1 AND represented = $2 AND client_id = $3", account, represented, client)
}

pub async fn put_consent(
    work: &mut Work,
    account: &AccountId,
    represented: &str,
    row: &ConsentRow,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO acting_consent (account_id, represented, client_id, scope, claims, terms, granted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (account_id, represented, client_id) DO UPDATE SET
             scope = excluded.scope, claims = excluded.claims, terms = excluded.terms, granted_at = excluded.granted_at",
        account,
        represented,
        &row.client_id,
        &row.scope,
        &row.claims,
        &row.terms,
        row.granted_at
    )
}

/// As [`insert_grant`](super::insert_grant), by the consent for this party.
pub async fn insert_grant(
    work: &mut Work,
    row: &CodeRow,
    confirmation: Option<&str>,
    refresh: Option<&RefreshToken>,
) -> Result<bool, DbError> {
    let lifetime = if refresh.is_some() { OFFLINE_IDLE } else { crate::oidc::access_token::ACCESS_TOKEN_LIFETIME };
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO client_grant (id, client_id, account_id, session_id, scope, level, methods, authenticated_at, created_at,
                                   expires_at, family_hash, generation_hash, claims, resource, confirmation,
                                   offline_epoch, acting, represented)
         SELECT $1, acting_consent.client_id, acting_consent.account_id, session.id, $5, $6, $7, $8, $9, $10, $11, $12,
                $13, $14, $15, account.offline_epoch, $16, $17
           FROM acting_consent
           JOIN account ON account.id = acting_consent.account_id AND account.status = 'active'
           JOIN session ON session.account_id = acting_consent.account_id
          WHERE acting_consent.account_id = $2 AND acting_consent.client_id = $3
            AND acting_consent.represented = $17 AND session.id = $4",
        &row.grant_id,
        &row.account_id,
        &row.client_id,
        &row.session_id,
        &row.scope,
        row.level,
        &row.methods,
        row.authenticated_at,
        work.now,
        work.now.plus(lifetime),
        refresh.map(|token| token.family_hash().to_vec()),
        refresh.map(|token| token.generation_hash().to_vec()),
        &row.claims,
        &row.resource,
        confirmation,
        &row.acting,
        &row.represented
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct UsedRow {
    pub client_id: ClientId,
    pub people: i64,
    pub since: Timestamp,
}

/// With which clients people have agreed to something for a party.
pub async fn clients_of(tx: &mut Tx, represented: &str) -> Result<Vec<UsedRow>, DbError> {
    sql!(tx, fetch_all UsedRow,
        "SELECT client_id, CAST(COUNT(*) AS BIGINT) AS people, MIN(granted_at) AS since FROM acting_consent
          WHERE represented = $1 GROUP BY client_id ORDER BY client_id LIMIT 200", represented)
}

#[derive(sqlx::FromRow)]
pub struct OwnerRow {
    pub account_id: AccountId,
}

/// Removes what people have agreed to with a client for a party; whose it was.
pub async fn delete_consents(work: &mut Work, represented: &str, client: &ClientId) -> Result<Vec<OwnerRow>, DbError> {
    sql!(&mut work.tx, fetch_all OwnerRow,
        "DELETE FROM acting_consent WHERE represented = $1 AND client_id = $2 RETURNING account_id",
        represented, client)
}

pub async fn end_grants(work: &mut Work, represented: &str, client: &ClientId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE client_grant SET ended_at = $3 WHERE represented = $1 AND client_id = $2 AND ended_at IS NULL",
        represented,
        client,
        work.now
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
pub struct ActedRow {
    pub represented: String,
    #[sqlx(flatten)]
    pub consent: ConsentRow,
}

/// What somebody has agreed to for others.
pub async fn list_consents(tx: &mut Tx, account: &AccountId) -> Result<Vec<ActedRow>, DbError> {
    sql!(tx, fetch_all ActedRow,
        "SELECT represented, client_id, scope, claims, terms, granted_at FROM acting_consent
          WHERE account_id = $1 ORDER BY granted_at DESC, client_id, represented LIMIT 1000", account)
}

/// Removes what people have agreed to for an organisation that is gone. Its grants end by themselves: nobody acts for it.
pub async fn delete_of_organisation(work: &mut Work, organisation: &OrganisationId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM acting_consent WHERE represented = $1", organisation).map(drop)
}
