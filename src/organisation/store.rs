//! Organisations, their members and what those may do.

pub mod acting;
pub mod area;
pub mod claim;
pub mod desk;
pub mod draft;
pub mod evidence;
pub mod guardian;
pub mod handover;
pub mod invitation;
pub mod letter;
pub mod machine;
pub mod mandate;
pub mod members;
pub mod state;

use super::State;
use super::member::{Grant, Right};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct OrganisationRow {
    pub id: OrganisationId,
    pub state: State,
    pub key_wrapped: Option<Vec<u8>>,
    pub level: Level,
    pub version: i64,
    pub record: Vec<u8>,
    pub created_at: Timestamp,
    pub state_since: Timestamp,
    pub erase_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    key_wrapped: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
struct StateRow {
    state: State,
}

pub async fn find(tx: &mut Tx, id: &OrganisationId) -> Result<Option<OrganisationRow>, DbError> {
    sql!(tx, fetch_optional OrganisationRow,
        "SELECT id, state, key_wrapped, level, version, record, created_at, state_since, erase_at
           FROM organisation WHERE id = $1", id)
}

pub async fn key_of(tx: &mut Tx, id: &OrganisationId) -> Result<Option<Vec<u8>>, DbError> {
    let row = sql!(tx, fetch_optional KeyRow, "SELECT key_wrapped FROM organisation WHERE id = $1", id)?;
    Ok(row.and_then(|row| row.key_wrapped))
}

pub async fn hold(work: &mut Work, id: &OrganisationId) -> Result<Option<State>, DbError> {
    let row = sql!(&mut work.tx, fetch_optional StateRow,
        "UPDATE organisation SET state = state WHERE id = $1 RETURNING state", id)?;
    Ok(row.map(|row| row.state))
}

/// The wrapped key of an organisation that can receive something, held; nothing if it cannot.
pub async fn hold_receiving(work: &mut Work, id: &OrganisationId) -> Result<Option<Vec<u8>>, DbError> {
    let row = sql!(&mut work.tx, fetch_optional KeyRow,
        "UPDATE organisation SET state = state WHERE id = $1 AND state IN ('active', 'insolvent') RETURNING key_wrapped", id)?;
    Ok(row.and_then(|row| row.key_wrapped))
}

/// `false` if there is one with that entry in a register or that Wirtschafts-IdNr.
pub async fn insert(
    work: &mut Work,
    id: &OrganisationId,
    (key_wrapped, record): (&[u8], &[u8]),
    (register, economic): (Option<[u8; 32]>, Option<[u8; 32]>),
) -> Result<bool, DbError> {
    let (register, economic) = (register.map(Vec::from), economic.map(Vec::from));
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO organisation (id, state, key_wrapped, level, version, record, record_at, register_index,
                                   economic_index, created_at, state_since)
         VALUES ($1, $2, $3, $4, 1, $5, $8, $6, $7, $8, $8) ON CONFLICT DO NOTHING",
        id,
        State::Active,
        key_wrapped,
        Level::Basic,
        record,
        register,
        economic,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct MembershipRow {
    pub id: MembershipId,
    pub account_id: AccountId,
    pub since: Timestamp,
    pub used_at: Option<Timestamp>,
    pub identity_level: Level,
}

/// Somebody's current membership.
pub async fn membership(
    tx: &mut Tx,
    organisation: &OrganisationId,
    account: &AccountId,
) -> Result<Option<MembershipRow>, DbError> {
    sql!(tx, fetch_optional MembershipRow,
        "SELECT membership.id, membership.account_id, membership.since, membership.used_at,
                account.identity_level
           FROM membership JOIN account ON account.id = membership.account_id
          WHERE membership.organisation_id = $1 AND membership.account_id = $2 AND membership.ended_at IS NULL",
        organisation, account)
}

pub async fn insert_membership(
    work: &mut Work,
    (id, organisation, account): (&MembershipId, &OrganisationId, &AccountId),
    name: &[u8],
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO membership (id, organisation_id, account_id, since, name) VALUES ($1, $2, $3, $4, $5)",
        id,
        organisation,
        account,
        work.now,
        name
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
pub struct RightRow {
    kind: String,
    object: String,
    valid_from: Timestamp,
    valid_until: Option<Timestamp>,
}

impl RightRow {
    pub fn grant(self) -> Result<Grant, Error> {
        let right = Right::parse(&self.kind, &self.object);
        let right = right.ok_or_else(|| Error::broken("a stored right does not parse"))?;
        Ok(Grant { right, from: self.valid_from, until: self.valid_until })
    }
}

pub async fn rights_of(tx: &mut Tx, membership: &MembershipId) -> Result<Vec<RightRow>, DbError> {
    sql!(tx, fetch_all RightRow,
        "SELECT kind, object, valid_from, valid_until FROM membership_right
          WHERE membership_id = $1 ORDER BY kind, object", membership)
}

/// Gives a right, or changes when it counts.
pub async fn put_right(
    work: &mut Work,
    membership: &MembershipId,
    grant: &Grant,
    by: &MembershipId,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO membership_right (membership_id, organisation_id, kind, object, valid_from, valid_until, granted_by,
                                       granted_at)
         VALUES ($1, (SELECT organisation_id FROM membership WHERE id = $1), $2, $3, $4, $5, $6, $7)
         ON CONFLICT (membership_id, kind, object) DO UPDATE
            SET valid_from = $4, valid_until = $5, granted_by = $6, granted_at = $7",
        membership,
        grant.right.kind(),
        grant.right.object(),
        grant.from,
        grant.until,
        by,
        work.now
    )
    .map(drop)
}
