//! How organisations stand, and what they say of themselves.

use super::OrganisationRow;
use crate::kernel::id::{AccountId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::organisation::State;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct ListedRow {
    id: OrganisationId,
    state: State,
    key_wrapped: Option<Vec<u8>>,
    level: Level,
    version: i64,
    record: Vec<u8>,
    created_at: Timestamp,
    state_since: Timestamp,
    erase_at: Option<Timestamp>,
    pub membership_id: MembershipId,
    pub since: Timestamp,
    pub chosen_at: Timestamp,
}

impl ListedRow {
    pub fn organisation(self) -> OrganisationRow {
        let Self { id, state, key_wrapped, level, version, record, created_at, state_since, erase_at, .. } = self;
        OrganisationRow { id, state, key_wrapped, level, version, record, created_at, state_since, erase_at }
    }
}

/// Those that are not gone, at most a thousand.
pub async fn of_account(tx: &mut Tx, account: &AccountId) -> Result<Vec<ListedRow>, DbError> {
    sql!(tx, fetch_all ListedRow,
        "SELECT organisation.id, organisation.state, organisation.key_wrapped, organisation.level,
                organisation.version, organisation.record, organisation.created_at, organisation.state_since,
                organisation.erase_at, membership.id AS membership_id, membership.since, membership.chosen_at
           FROM membership JOIN organisation ON organisation.id = membership.organisation_id
          WHERE membership.account_id = $1 AND membership.ended_at IS NULL AND organisation.state <> 'closed'
          ORDER BY membership.id LIMIT 1000", account)
}

#[derive(sqlx::FromRow)]
struct Found {
    id: OrganisationId,
}

/// The organisation that has this entry in a register or this Wirtschafts-IdNr, other than the one that asks.
pub async fn find_taken(
    tx: &mut Tx,
    (register, economic): (Option<[u8; 32]>, Option<[u8; 32]>),
    except: &str,
) -> Result<Option<OrganisationId>, DbError> {
    let (register, economic) = (register.map(Vec::from), economic.map(Vec::from));
    let found = sql!(tx, fetch_optional Found,
        "SELECT id FROM organisation
          WHERE state <> 'closed' AND id <> $3 AND (register_index = $1 OR economic_index = $2)
          ORDER BY id LIMIT 1", register, economic, except)?;
    Ok(found.map(|found| found.id))
}

#[derive(sqlx::FromRow)]
struct Count {
    count: i64,
}

/// Organisations that somebody represents and for which nothing has been shown.
pub async fn count_unproven(tx: &mut Tx, account: &AccountId) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_one Count,
        "SELECT CAST(COUNT(*) AS BIGINT) AS count
           FROM membership
           JOIN organisation ON organisation.id = membership.organisation_id
           JOIN membership_right ON membership_right.membership_id = membership.id
          WHERE membership.account_id = $1 AND membership.ended_at IS NULL
            AND organisation.state <> 'closed' AND organisation.level = 'basic'
            AND membership_right.kind = 'representation'", account)?;
    Ok(row.count)
}

/// Puts another record where the one that was seen still is. `false` if it is another one by now.
pub async fn put_record(
    work: &mut Work,
    (id, version): (&OrganisationId, i64),
    record: &[u8],
    (register, economic): (Option<[u8; 32]>, Option<[u8; 32]>),
) -> Result<bool, DbError> {
    let (register, economic) = (register.map(Vec::from), economic.map(Vec::from));
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation SET record = $3, record_at = $6, version = version + 1, register_index = $4,
                                 economic_index = $5
          WHERE id = $1 AND version = $2",
        id,
        version,
        record,
        register,
        economic,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct Stated {
    record_at: Timestamp,
    members: i64,
    invitations: i64,
}

/// When the organisation has last said what it is; how many belong to it, and how many are invited.
pub async fn facts(tx: &mut Tx, id: &OrganisationId, now: Timestamp) -> Result<(Timestamp, i64, i64), DbError> {
    let row = sql!(tx, fetch_one Stated,
        "SELECT record_at,
                (SELECT CAST(COUNT(*) AS BIGINT) FROM membership
                  WHERE organisation_id = organisation.id AND ended_at IS NULL) AS members,
                (SELECT CAST(COUNT(*) AS BIGINT) FROM invitation
                  WHERE organisation_id = organisation.id AND state = 'open' AND expires_at > $2) AS invitations
           FROM organisation WHERE id = $1", id, now)?;
    Ok((row.record_at, row.members, row.invitations))
}

#[derive(sqlx::FromRow)]
struct Since {
    insolvent_since: Option<Timestamp>,
}

/// Since when insolvency proceedings are open.
pub async fn insolvent_since(tx: &mut Tx, id: &OrganisationId) -> Result<Option<Timestamp>, DbError> {
    let row = sql!(tx, fetch_optional Since, "SELECT insolvent_since FROM organisation WHERE id = $1", id)?;
    Ok(row.and_then(|row| row.insolvent_since))
}

pub async fn put_insolvent(work: &mut Work, id: &OrganisationId, since: Option<Timestamp>) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE organisation SET insolvent_since = $2 WHERE id = $1", id, since).map(drop)
}

/// From one state to the next. `false` if it is not in the first.
pub async fn put(
    work: &mut Work,
    id: &OrganisationId,
    (from, to): (State, State),
    erase_at: Option<Timestamp>,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation SET state = $3, state_since = $4, erase_at = $5 WHERE id = $1 AND state = $2",
        id,
        from,
        to,
        work.now,
        erase_at
    )?;
    Ok(rows == 1)
}

/// Organisations whose time is over.
pub async fn due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<OrganisationId>, DbError> {
    let rows = sql!(tx, fetch_all Found,
        "SELECT id FROM organisation WHERE state = 'closing' AND erase_at <= $1 ORDER BY erase_at, id LIMIT $2",
        now, limit)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Destroys the key, empties the record and frees the entry, if the time is over. `false` if it is not.
pub async fn destroy(work: &mut Work, id: &OrganisationId) -> Result<bool, DbError> {
    let nothing: &[u8] = &[];
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation SET state = 'closed', state_since = $2, erase_at = NULL, key_wrapped = NULL, record = $3,
                                 level = 'basic', register_index = NULL, economic_index = NULL, insolvent_since = NULL
          WHERE id = $1 AND state = 'closing' AND erase_at <= $2",
        id,
        work.now,
        nothing
    )?;
    Ok(rows == 1)
}

/// Takes the entry away from one that has it wrongly, so that whose it is may register it.
pub async fn free_entry(work: &mut Work, id: &OrganisationId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE organisation SET register_index = NULL, economic_index = NULL WHERE id = $1",
        id
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct Member {
    account_id: AccountId,
}

/// Who administrates or represents an organisation now; at most so many.
pub async fn responsible(
    tx: &mut Tx,
    id: &OrganisationId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql!(tx, fetch_all Member,
        "SELECT DISTINCT membership.account_id
           FROM membership JOIN membership_right ON membership_right.membership_id = membership.id
          WHERE membership.organisation_id = $1 AND membership.ended_at IS NULL
            AND membership_right.kind IN ('administration', 'representation')
            AND membership_right.valid_from <= $2
            AND (membership_right.valid_until IS NULL OR membership_right.valid_until > $2)
          ORDER BY membership.account_id LIMIT $3", id, now, limit)?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}

/// Ends all memberships of one that is gone, with what was written of the people; who they were.
pub async fn end_memberships(work: &mut Work, id: &OrganisationId) -> Result<Vec<AccountId>, DbError> {
    sql!(
        &mut work.tx,
        execute,
        "DELETE FROM membership_right WHERE membership_id IN (SELECT id FROM membership WHERE organisation_id = $1)",
        id
    )?;
    let nothing: &[u8] = &[];
    sql!(
        &mut work.tx,
        execute,
        "UPDATE membership SET name = $2 WHERE organisation_id = $1 AND ended_at IS NOT NULL",
        id,
        nothing
    )?;
    let rows = sql!(&mut work.tx, fetch_all Member,
        "UPDATE membership SET ended_at = $2, name = $3 WHERE organisation_id = $1 AND ended_at IS NULL
      RETURNING account_id", id, work.now, nothing)?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}

/// Removes areas and invitations of one that is gone.
pub async fn delete_rest(work: &mut Work, id: &OrganisationId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM organisation_area_rule WHERE organisation_id = $1", id)?;
    sql!(&mut work.tx, execute, "DELETE FROM organisation_area WHERE organisation_id = $1", id)?;
    sql!(&mut work.tx, execute, "DELETE FROM invitation WHERE organisation_id = $1", id).map(drop)
}
