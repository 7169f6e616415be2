//! Areas, and which of them gets the post of which service.

use crate::kernel::id::{AccountId, AreaId, ClientId, OrganisationId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct AreaRow {
    pub id: AreaId,
    pub name: Vec<u8>,
}

pub async fn list(tx: &mut Tx, organisation: &OrganisationId) -> Result<Vec<AreaRow>, DbError> {
    sql!(tx, fetch_all AreaRow,
        "SELECT id, name FROM organisation_area WHERE organisation_id = $1 ORDER BY id", organisation)
}

pub async fn insert(work: &mut Work, organisation: &OrganisationId, id: &AreaId, name: &[u8]) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation_area (id, organisation_id, name, created_at) VALUES ($1, $2, $3, $4)",
        id,
        organisation,
        name,
        work.now
    )
    .map(drop)
}

pub async fn put_name(
    work: &mut Work,
    organisation: &OrganisationId,
    id: &AreaId,
    name: &[u8],
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation_area SET name = $3 WHERE id = $2 AND organisation_id = $1",
        organisation,
        id,
        name
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct Count {
    count: i64,
}

/// How many rights hang on an area.
pub async fn rights(tx: &mut Tx, organisation: &OrganisationId, id: &AreaId) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_one Count,
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM membership_right
          WHERE organisation_id = $1 AND kind IN ('read_mail', 'answer_mail') AND object = $2", organisation, id)?;
    Ok(row.count)
}

/// Removes an area with the rules and the rights that hang on it; `false` if there is none.
pub async fn delete(work: &mut Work, organisation: &OrganisationId, id: &AreaId) -> Result<bool, DbError> {
    sql!(
        &mut work.tx,
        execute,
        "DELETE FROM membership_right
          WHERE organisation_id = $1 AND kind IN ('read_mail', 'answer_mail') AND object = $2",
        organisation,
        id
    )?;
    sql!(
        &mut work.tx,
        execute,
        "DELETE FROM organisation_area_rule WHERE organisation_id = $1 AND area_id = $2",
        organisation,
        id
    )?;
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM organisation_area WHERE organisation_id = $1 AND id = $2",
        organisation,
        id
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct RuleRow {
    pub client_id: ClientId,
    pub area_id: AreaId,
}

pub async fn rules(tx: &mut Tx, organisation: &OrganisationId) -> Result<Vec<RuleRow>, DbError> {
    sql!(tx, fetch_all RuleRow,
        "SELECT client_id, area_id FROM organisation_area_rule WHERE organisation_id = $1 ORDER BY client_id",
        organisation)
}

pub async fn put_rule(
    work: &mut Work,
    organisation: &OrganisationId,
    client: &ClientId,
    area: &AreaId,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation_area_rule (organisation_id, client_id, area_id) VALUES ($1, $2, $3)
         ON CONFLICT (organisation_id, client_id) DO UPDATE SET area_id = $3",
        organisation,
        client,
        area
    )
    .map(drop)
}

pub async fn delete_rule(work: &mut Work, organisation: &OrganisationId, client: &ClientId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM organisation_area_rule WHERE organisation_id = $1 AND client_id = $2",
        organisation,
        client
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct Reader {
    account_id: AccountId,
}

/// Members who keep the documents now, by a right that counts at this moment; at most so many.
pub async fn document_keepers(
    tx: &mut Tx,
    organisation: &OrganisationId,
    (now, limit): (Timestamp, i64),
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql!(tx, fetch_all Reader,
        "SELECT DISTINCT membership.account_id
           FROM membership JOIN membership_right ON membership_right.membership_id = membership.id
          WHERE membership.organisation_id = $1 AND membership.ended_at IS NULL
            AND membership_right.kind IN ('representation', 'documents')
            AND membership_right.valid_from <= $2
            AND (membership_right.valid_until IS NULL OR membership_right.valid_until > $2)
          ORDER BY membership.account_id LIMIT $3", organisation, now, limit)?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}

/// Whoever reads the post of an area.
#[derive(sqlx::FromRow)]
pub struct ReaderRow {
    pub account_id: AccountId,
    pub is_away: bool,
}

/// Members who read the post of an area now, by a right that counts at this moment, and whether they are away today; at most so many, those who
/// are there first. The general area has no name.
pub async fn readers(
    tx: &mut Tx,
    organisation: &OrganisationId,
    (area, today): (&str, &str),
    (now, limit): (Timestamp, i64),
) -> Result<Vec<ReaderRow>, DbError> {
    sql!(tx, fetch_all ReaderRow,
        "SELECT DISTINCT membership.account_id, (absence.account_id IS NOT NULL) AS is_away
           FROM membership JOIN membership_right ON membership_right.membership_id = membership.id
           LEFT JOIN absence ON absence.account_id = membership.account_id
                            AND absence.first_on <= $4 AND absence.last_on >= $4
          WHERE membership.organisation_id = $1 AND membership.ended_at IS NULL
            AND (membership_right.kind = 'representation'
                 OR (membership_right.kind IN ('read_mail', 'answer_mail') AND membership_right.object = $2))
            AND membership_right.valid_from <= $3
            AND (membership_right.valid_until IS NULL OR membership_right.valid_until > $3)
          ORDER BY is_away, membership.account_id LIMIT $5", organisation, area, now, today, limit)
}

/// Members who administrate now, by a right that counts at this moment and an identity that is known well enough for it; at most so many.
pub async fn administrators(
    tx: &mut Tx,
    organisation: &OrganisationId,
    (now, limit): (Timestamp, i64),
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql!(tx, fetch_all Reader,
        "SELECT DISTINCT membership.account_id
           FROM membership JOIN membership_right ON membership_right.membership_id = membership.id
           JOIN account ON account.id = membership.account_id
          WHERE membership.organisation_id = $1 AND membership.ended_at IS NULL
            AND membership_right.kind = 'administration'
            AND membership_right.valid_from <= $2
            AND (membership_right.valid_until IS NULL OR membership_right.valid_until > $2)
            AND account.status = 'active' AND account.identity_level IN ('substantial', 'high')
          ORDER BY membership.account_id LIMIT $3", organisation, now, limit)?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}
