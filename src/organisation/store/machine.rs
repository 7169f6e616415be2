//! Keys of organisations' own programs.

use crate::kernel::id::{AccountId, ClientId, MembershipId, OrganisationId, OrganisationKeyId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// More than anybody has, with what has expired.
const LISTED_MAX: i64 = 200;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct KeyRow {
    pub id: OrganisationKeyId,
    #[sqlx(rename = "organisation_id")]
    pub organisation: OrganisationId,
    #[sqlx(rename = "owner_id")]
    pub owner: MembershipId,
    /// Whose that is, if they still belong and their account is in use.
    #[sqlx(rename = "account_id")]
    pub account: Option<AccountId>,
    #[sqlx(rename = "client_id")]
    pub client: ClientId,
    pub scope: String,
    pub name: Vec<u8>,
    pub jwk: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// One that nobody has ended.
pub async fn find(tx: &mut Tx, id: &OrganisationKeyId) -> Result<Option<KeyRow>, DbError> {
    sql!(tx, fetch_optional KeyRow,
        "SELECT id, organisation_id, owner_id,
                (SELECT membership.account_id
                   FROM membership JOIN account ON account.id = membership.account_id
                  WHERE membership.id = organisation_key.owner_id AND membership.ended_at IS NULL
                    AND account.status = 'active') AS account_id,
                client_id, scope, name, jwk, created_at, expires_at, last_used_at
           FROM organisation_key WHERE id = $1 AND ended_at IS NULL", id)
}

/// Those of an organisation that nobody has ended, the newest first.
pub async fn list(tx: &mut Tx, organisation: &OrganisationId) -> Result<Vec<KeyRow>, DbError> {
    sql!(tx, fetch_all KeyRow,
        "SELECT id, organisation_id, owner_id,
                (SELECT membership.account_id
                   FROM membership JOIN account ON account.id = membership.account_id
                  WHERE membership.id = organisation_key.owner_id AND membership.ended_at IS NULL
                    AND account.status = 'active') AS account_id,
                client_id, scope, name, jwk, created_at, expires_at, last_used_at
           FROM organisation_key WHERE organisation_id = $1 AND ended_at IS NULL
          ORDER BY id DESC LIMIT $2", organisation, LISTED_MAX)
}

/// Those for which a member answers and that have neither ended nor expired, nor are known to have stopped.
pub async fn of_owner(tx: &mut Tx, owner: &MembershipId, now: Timestamp) -> Result<Vec<KeyRow>, DbError> {
    sql!(tx, fetch_all KeyRow,
        "SELECT id, organisation_id, owner_id,
                (SELECT membership.account_id
                   FROM membership JOIN account ON account.id = membership.account_id
                  WHERE membership.id = organisation_key.owner_id AND membership.ended_at IS NULL
                    AND account.status = 'active') AS account_id,
                client_id, scope, name, jwk, created_at, expires_at, last_used_at
           FROM organisation_key
          WHERE owner_id = $1 AND ended_at IS NULL AND stopped_at IS NULL AND expires_at > $2
          ORDER BY id LIMIT $3", owner, now, LISTED_MAX)
}

/// Writes down that one counts no more because of whoever answers for it. `false` if that is known.
pub async fn put_stopped(work: &mut Work, id: &OrganisationKeyId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_key SET stopped_at = $2 WHERE id = $1 AND ended_at IS NULL AND stopped_at IS NULL",
        id,
        work.now
    )?;
    Ok(rows == 1)
}

/// It counts again.
pub async fn clear_stopped(work: &mut Work, id: &OrganisationKeyId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE organisation_key SET stopped_at = NULL WHERE id = $1", id).map(drop)
}

#[derive(sqlx::FromRow)]
pub struct TurnedRow {
    pub id: OrganisationKeyId,
    #[sqlx(rename = "organisation_id")]
    pub organisation: OrganisationId,
    /// It is known to have stopped.
    pub is_stopped: bool,
}

/// Keys of which something else is written down than what the rights of whoever answers for them let expect at this moment, where
/// anybody may act at all. Which of them count is for [`crate::organisation::machine::power`] to say.
pub async fn turned(tx: &mut Tx, after: &str, now: Timestamp, limit: i64) -> Result<Vec<TurnedRow>, DbError> {
    sql!(tx, fetch_all TurnedRow,
        "SELECT id, organisation_id, is_stopped
           FROM (SELECT organisation_key.id, organisation_key.organisation_id,
                        (organisation_key.stopped_at IS NOT NULL) AS is_stopped,
                        EXISTS (SELECT 1 FROM membership JOIN account ON account.id = membership.account_id
                                 WHERE membership.id = organisation_key.owner_id AND membership.ended_at IS NULL
                                   AND account.status = 'active'
                                   AND account.identity_level IN ('substantial', 'high')
                                   AND (EXISTS (SELECT 1 FROM membership_right AS held
                                                 WHERE held.membership_id = membership.id
                                                   AND held.kind = 'representation' AND organisation.state = 'active'
                                                   AND held.valid_from <= $2
                                                   AND (held.valid_until IS NULL OR held.valid_until > $2))
                                        OR (EXISTS (SELECT 1 FROM membership_right AS held
                                                     WHERE held.membership_id = membership.id
                                                       AND held.kind = 'administration' AND held.valid_from <= $2
                                                       AND (held.valid_until IS NULL OR held.valid_until > $2))
                                            AND EXISTS (SELECT 1 FROM membership_right AS held
                                                         WHERE held.membership_id = membership.id
                                                           AND held.kind = 'use_service'
                                                           AND held.object = organisation_key.client_id
                                                           AND held.valid_from <= $2
                                                           AND (held.valid_until IS NULL OR held.valid_until > $2)))))
                        AS counts
                   FROM organisation_key JOIN organisation ON organisation.id = organisation_key.organisation_id
                  WHERE organisation_key.ended_at IS NULL AND organisation_key.expires_at > $2
                    AND organisation_key.id > $1 AND organisation.state IN ('active', 'insolvent')) AS live
          WHERE (counts AND is_stopped) OR (NOT counts AND NOT is_stopped)
          ORDER BY id LIMIT $3", after, now, limit)
}

#[derive(sqlx::FromRow)]
struct Count {
    count: i64,
}

/// How many of an organisation have neither ended nor expired.
pub async fn count(tx: &mut Tx, organisation: &OrganisationId, now: Timestamp) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_one Count,
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM organisation_key
          WHERE organisation_id = $1 AND ended_at IS NULL AND expires_at > $2", organisation, now)?;
    Ok(row.count)
}

/// `false` if the organisation has, or had, the same key pair already.
pub async fn insert(
    work: &mut Work,
    row: &KeyRow,
    (thumbprint, told_days): (&str, Option<i64>),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation_key (id, organisation_id, owner_id, client_id, scope, name, jwk, thumbprint,
                                       created_at, expires_at, told_days)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (organisation_id, thumbprint) DO NOTHING",
        &row.id,
        &row.organisation,
        &row.owner,
        &row.client,
        &row.scope,
        &row.name,
        &row.jwk,
        thumbprint,
        row.created_at,
        row.expires_at,
        told_days
    )?;
    Ok(rows == 1)
}

/// Ends one of an organisation, once.
pub async fn end(work: &mut Work, organisation: &OrganisationId, id: &OrganisationKeyId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_key SET ended_at = $3 WHERE organisation_id = $1 AND id = $2 AND ended_at IS NULL",
        organisation,
        id,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn put_owner(work: &mut Work, id: &OrganisationKeyId, owner: &MembershipId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_key SET owner_id = $2, stopped_at = NULL WHERE id = $1 AND ended_at IS NULL",
        id,
        owner
    )
    .map(drop)
}

/// Writes down that it is used. `false` if it has ended.
pub async fn put_use(work: &mut Work, id: &OrganisationKeyId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_key SET last_used_at = $2 WHERE id = $1 AND ended_at IS NULL",
        id,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct Due {
    id: OrganisationKeyId,
}

/// Those that end before `until`, and of which nobody has been told so many days before.
pub async fn due(
    tx: &mut Tx,
    (now, until): (Timestamp, Timestamp),
    days: i64,
    limit: i64,
) -> Result<Vec<OrganisationKeyId>, DbError> {
    let rows = sql!(tx, fetch_all Due,
        "SELECT id FROM organisation_key
          WHERE expires_at > $1 AND expires_at <= $2 AND ended_at IS NULL AND (told_days IS NULL OR told_days > $3)
          ORDER BY expires_at, id LIMIT $4", now, until, days, limit)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Writes down that people are told. `false` if another node was faster.
pub async fn put_told(work: &mut Work, id: &OrganisationKeyId, days: i64) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_key SET told_days = $2
          WHERE id = $1 AND ended_at IS NULL AND (told_days IS NULL OR told_days > $2)",
        id,
        days
    )?;
    Ok(rows == 1)
}

/// Of an organisation that is gone.
pub async fn delete_of(work: &mut Work, organisation: &OrganisationId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM organisation_key WHERE organisation_id = $1", organisation).map(drop)
}
