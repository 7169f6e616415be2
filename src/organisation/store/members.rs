//! Members: listed, looked up, ended, and how many are left who may decide.

use super::RightRow;
use crate::kernel::id::{AccountId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::organisation::State;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// A current member as the pages know them.
#[derive(sqlx::FromRow)]
pub struct MemberRow {
    pub id: MembershipId,
    pub account_id: AccountId,
    pub name: Vec<u8>,
    pub since: Timestamp,
    pub used_at: Option<Timestamp>,
    pub identity_level: Level,
    /// When they are away, or were.
    pub first_on: Option<String>,
    pub last_on: Option<String>,
}

/// Current members in the order in which they have joined, after `after`.
pub async fn list(
    tx: &mut Tx,
    organisation: &OrganisationId,
    after: &str,
    limit: i64,
) -> Result<Vec<MemberRow>, DbError> {
    sql!(tx, fetch_all MemberRow,
        "SELECT membership.id, membership.account_id, membership.name, membership.since, membership.used_at,
                account.identity_level, absence.first_on, absence.last_on
           FROM membership JOIN account ON account.id = membership.account_id
           LEFT JOIN absence ON absence.account_id = membership.account_id
          WHERE membership.organisation_id = $1 AND membership.ended_at IS NULL AND membership.id > $2
          ORDER BY membership.id LIMIT $3", organisation, after, limit)
}

pub async fn find(tx: &mut Tx, organisation: &OrganisationId, id: &MembershipId) -> Result<Option<MemberRow>, DbError> {
    sql!(tx, fetch_optional MemberRow,
        "SELECT membership.id, membership.account_id, membership.name, membership.since, membership.used_at,
                account.identity_level, absence.first_on, absence.last_on
           FROM membership JOIN account ON account.id = membership.account_id
           LEFT JOIN absence ON absence.account_id = membership.account_id
          WHERE membership.organisation_id = $1 AND membership.id = $2 AND membership.ended_at IS NULL",
        organisation, id)
}

/// Those who read the post of an area now, as [`super::area::readers`] finds them, in the order in which they have joined.
pub async fn readers(
    tx: &mut Tx,
    organisation: &OrganisationId,
    area: &str,
    (now, limit): (Timestamp, i64),
) -> Result<Vec<MemberRow>, DbError> {
    sql!(tx, fetch_all MemberRow,
        "SELECT membership.id, membership.account_id, membership.name, membership.since, membership.used_at,
                account.identity_level, absence.first_on, absence.last_on
           FROM membership JOIN account ON account.id = membership.account_id
           LEFT JOIN absence ON absence.account_id = membership.account_id
          WHERE membership.organisation_id = $1 AND membership.ended_at IS NULL
            AND membership.id IN (
                SELECT membership_id FROM membership_right
                 WHERE organisation_id = $1
                   AND (kind = 'representation' OR (kind IN ('read_mail', 'answer_mail') AND object = $2))
                   AND valid_from <= $3 AND (valid_until IS NULL OR valid_until > $3))
          ORDER BY membership.id LIMIT $4", organisation, area, now, limit)
}

#[derive(sqlx::FromRow)]
pub struct RightOfRow {
    pub membership_id: MembershipId,
    #[sqlx(flatten)]
    pub right: RightRow,
}

/// The rights of those whom [`list`] lists.
pub async fn rights(
    tx: &mut Tx,
    organisation: &OrganisationId,
    after: &str,
    limit: i64,
) -> Result<Vec<RightOfRow>, DbError> {
    sql!(tx, fetch_all RightOfRow,
        "SELECT membership_id, kind, object, valid_from, valid_until FROM membership_right
          WHERE membership_id IN (SELECT id FROM membership
                                   WHERE organisation_id = $1 AND ended_at IS NULL AND id > $2 ORDER BY id LIMIT $3)
          ORDER BY membership_id, kind, object", organisation, after, limit)
}

#[derive(sqlx::FromRow)]
struct Count {
    count: i64,
}

/// How many hold a right of this kind from now on without an end, are known well enough for it, and can sign in. All of them,
/// or those but `without`.
pub async fn lasting_holders(
    tx: &mut Tx,
    organisation: &OrganisationId,
    (kind, without): (&str, Option<&MembershipId>),
    now: Timestamp,
) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_one Count,
        "SELECT CAST(COUNT(*) AS BIGINT) AS count
           FROM membership_right
           JOIN membership ON membership.id = membership_right.membership_id
           JOIN account ON account.id = membership.account_id
          WHERE membership_right.organisation_id = $1 AND membership_right.kind = $2
            AND membership_right.valid_from <= $3 AND membership_right.valid_until IS NULL
            AND membership.ended_at IS NULL AND account.status = 'active'
            AND account.identity_level IN ('substantial', 'high')
            AND (CAST($4 AS TEXT) IS NULL OR membership.id <> $4)", organisation, kind, now, without)?;
    Ok(row.count)
}

/// Ends a membership, once; its rights go with it.
pub async fn end(work: &mut Work, id: &MembershipId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE membership SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
        id,
        work.now
    )?;
    sql!(&mut work.tx, execute, "DELETE FROM membership_right WHERE membership_id = $1", id)?;
    Ok(rows == 1)
}

pub async fn delete_right(
    work: &mut Work,
    membership: &MembershipId,
    kind: &str,
    object: &str,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM membership_right WHERE membership_id = $1 AND kind = $2 AND object = $3",
        membership,
        kind,
        object
    )?;
    Ok(rows == 1)
}

/// Writes down, to the day, that somebody has done something for the organisation.
pub async fn put_use(work: &mut Work, id: &MembershipId) -> Result<(), DbError> {
    sql!(&mut work.tx, later, "UPDATE membership SET used_at = $2 WHERE id = $1 AND ended_at IS NULL", id, work.now)
}

/// What somebody belongs to.
#[derive(sqlx::FromRow)]
pub struct BelongingRow {
    pub id: MembershipId,
    pub organisation_id: OrganisationId,
    pub state: State,
}

/// Everything that an account belongs to, in the order of the organisations.
pub async fn of_account(tx: &mut Tx, account: &AccountId) -> Result<Vec<BelongingRow>, DbError> {
    sql!(tx, fetch_all BelongingRow,
        "SELECT membership.id, membership.organisation_id, organisation.state
           FROM membership JOIN organisation ON organisation.id = membership.organisation_id
          WHERE membership.account_id = $1 AND membership.ended_at IS NULL
          ORDER BY membership.organisation_id", account)
}

/// Somebody who belongs to an organisation, or did.
#[derive(sqlx::FromRow)]
pub struct NameRow {
    pub id: MembershipId,
    pub account_id: AccountId,
    pub name: Vec<u8>,
}

/// The last membership of an account, ended or not.
pub async fn name_of_account(
    tx: &mut Tx,
    organisation: &OrganisationId,
    account: &str,
) -> Result<Option<NameRow>, DbError> {
    sql!(tx, fetch_optional NameRow,
        "SELECT id, account_id, name FROM membership
          WHERE organisation_id = $1 AND account_id = $2 ORDER BY id DESC LIMIT 1", organisation, account)
}

/// A membership of the organisation, ended or not.
pub async fn name_of(tx: &mut Tx, organisation: &OrganisationId, id: &str) -> Result<Option<NameRow>, DbError> {
    sql!(tx, fetch_optional NameRow,
        "SELECT id, account_id, name FROM membership WHERE organisation_id = $1 AND id = $2", organisation, id)
}

/// Whoever belongs to an organisation now.
pub async fn accounts(tx: &mut Tx, id: &OrganisationId) -> Result<Vec<AccountId>, DbError> {
    let rows = sql!(tx, fetch_all Whose,
        "SELECT account_id FROM membership WHERE organisation_id = $1 AND ended_at IS NULL ORDER BY id", id)?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}

#[derive(sqlx::FromRow)]
struct Whose {
    account_id: AccountId,
}
