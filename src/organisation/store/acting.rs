//! For whom somebody acts, and may act.

use super::super::State;
use super::{OrganisationRow, RightRow};
use crate::kernel::id::{AccountId, ClientId, MandateId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::signin::session::Session;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// Of so many organisations somebody uses the mandates; more than anybody does.
const AGENCIES_MAX: i64 = 1000;

#[derive(sqlx::FromRow)]
pub struct SessionRow {
    #[sqlx(flatten)]
    pub session: Session,
    /// Whether its owner has been given anything to act with besides themselves, whether or not it counts now.
    pub has_choice: bool,
}

/// A session, and whether its owner has a choice for whom to act: in one statement, because every request asks for it. The second
/// and third place are looked at only if there is nothing in those before.
pub async fn find_session(tx: &mut Tx, token_hash: &[u8], now: Timestamp) -> Result<Option<SessionRow>, DbError> {
    sql!(tx, fetch_optional SessionRow,
        "SELECT session.id, session.account_id, session.level, session.methods, session.authenticated_at,
                session.created_at, session.last_seen_at, session.device, session.idle_minutes, session.acting,
                session.chosen_at, account.identity_level, account.erase_at AS leaves_at,
                (CASE WHEN EXISTS (SELECT 1 FROM membership
                                     JOIN membership_right ON membership_right.membership_id = membership.id
                                    WHERE membership.account_id = session.account_id AND membership.ended_at IS NULL
                                      AND membership_right.kind NOT IN ('administration', 'audit', 'mandates'))
                      THEN TRUE
                      WHEN EXISTS (SELECT 1 FROM mandate
                                    WHERE mandate.agent = session.account_id AND mandate.state = 'active'
                                      AND mandate.valid_until > $2)
                      THEN TRUE
                      ELSE EXISTS (SELECT 1 FROM membership
                                     JOIN membership_right ON membership_right.membership_id = membership.id
                                     JOIN mandate ON mandate.agent = membership.organisation_id
                                    WHERE membership.account_id = session.account_id AND membership.ended_at IS NULL
                                      AND membership_right.kind IN ('mandates', 'representation')
                                      AND mandate.state = 'active' AND mandate.valid_until > $2) END) AS has_choice
           FROM session JOIN account ON account.id = session.account_id
          WHERE session.token_hash = $1 AND account.status IN ('active', 'closing')", token_hash, now)
}

/// What decides on somebody's power, but for their rights.
#[derive(sqlx::FromRow)]
pub struct PowerRow {
    pub membership: MembershipId,
    pub organisation: OrganisationId,
    pub organisation_state: State,
    pub identity_level: Level,
}

/// A membership of an account that has not ended.
pub async fn power(tx: &mut Tx, account: &AccountId, membership: &MembershipId) -> Result<Option<PowerRow>, DbError> {
    sql!(tx, fetch_optional PowerRow,
        "SELECT membership.id AS membership, membership.organisation_id AS organisation,
                organisation.state AS organisation_state, account.identity_level
           FROM membership
           JOIN organisation ON organisation.id = membership.organisation_id
           JOIN account ON account.id = membership.account_id
          WHERE membership.id = $2 AND membership.account_id = $1 AND membership.ended_at IS NULL", account, membership)
}

/// The same in an organisation.
pub async fn power_in(
    tx: &mut Tx,
    account: &AccountId,
    organisation: &OrganisationId,
) -> Result<Option<PowerRow>, DbError> {
    sql!(tx, fetch_optional PowerRow,
        "SELECT membership.id AS membership, membership.organisation_id AS organisation,
                organisation.state AS organisation_state, account.identity_level
           FROM membership
           JOIN organisation ON organisation.id = membership.organisation_id
           JOIN account ON account.id = membership.account_id
          WHERE membership.organisation_id = $2 AND membership.account_id = $1 AND membership.ended_at IS NULL",
        account, organisation)
}

/// One right in a place where somebody may act, with the organisation as it is stored.
#[derive(sqlx::FromRow)]
pub struct PlaceRow {
    #[sqlx(flatten)]
    pub power: PowerRow,
    pub chosen_at: Timestamp,
    #[sqlx(flatten)]
    pub place: OrganisationRow,
    #[sqlx(flatten)]
    pub right: RightRow,
}

/// Where a page of places begins or ends: when that one was chosen, and the membership.
pub type PlaceMark<'a> = (Timestamp, &'a str);

/// A membership in the order of the list.
#[derive(sqlx::FromRow)]
pub struct PlaceMarkRow {
    pub chosen_at: Timestamp,
    pub id: MembershipId,
}

/// The last of the next `size` memberships of an account, those chosen last first; `None` if there are not so many. Read from
/// the index alone: what stands behind it need not be looked at to find the first page.
pub async fn page_end(
    tx: &mut Tx,
    account: &AccountId,
    (chosen_at, after): PlaceMark<'_>,
    size: i64,
) -> Result<Option<PlaceMarkRow>, DbError> {
    sql!(tx, fetch_optional PlaceMarkRow,
        "SELECT chosen_at, id FROM membership
          WHERE account_id = $1 AND ended_at IS NULL AND (chosen_at, id) < ($2, $3)
          ORDER BY chosen_at DESC, id DESC LIMIT 1 OFFSET $4", account, chosen_at, after, size - 1)
}

/// The places between two marks, the second of them included and at most `size` of them, where an account holds a right with which one
/// acts, at a service only one that counts there; those chosen last come first, and the rights of each stand together. The limit says
/// PostgreSQL, too, that they are few.
pub async fn places(
    tx: &mut Tx,
    (account, client): (&AccountId, Option<&ClientId>),
    (after, end): (PlaceMark<'_>, PlaceMark<'_>),
    (now, size): (Timestamp, i64),
) -> Result<Vec<PlaceRow>, DbError> {
    sql!(tx, fetch_all PlaceRow,
        "SELECT membership.id AS membership, membership.organisation_id AS organisation,
                organisation.state AS organisation_state, account.identity_level, membership.chosen_at,
                organisation.id, organisation.state, organisation.key_wrapped, organisation.level,
                organisation.version, organisation.record, organisation.created_at, organisation.state_since,
                organisation.erase_at, membership_right.kind, membership_right.object,
                membership_right.valid_from, membership_right.valid_until
           FROM (SELECT id, organisation_id, account_id, chosen_at FROM membership
                  WHERE account_id = $1 AND ended_at IS NULL
                    AND (chosen_at, id) < ($3, $4) AND (chosen_at, id) >= ($5, $6)
                  ORDER BY chosen_at DESC, id DESC LIMIT $8) AS membership
           JOIN organisation ON organisation.id = membership.organisation_id
           JOIN account ON account.id = membership.account_id
           JOIN membership_right ON membership_right.membership_id = membership.id
          WHERE organisation.state IN ('active', 'insolvent')
            AND membership_right.kind NOT IN ('administration', 'audit', 'mandates')
            AND EXISTS (SELECT 1 FROM membership_right AS held
                         WHERE held.membership_id = membership.id
                           AND held.kind NOT IN ('administration', 'audit', 'mandates')
                           AND (CAST($2 AS TEXT) IS NULL OR held.kind = 'representation'
                                OR (held.kind = 'use_service' AND held.object = $2))
                           AND held.valid_from <= $7 AND (held.valid_until IS NULL OR held.valid_until > $7))
          ORDER BY membership.chosen_at DESC, membership.id DESC, membership_right.kind, membership_right.object",
        account, client, after.0, after.1, end.0, end.1, now, size)
}

/// Writes down that somebody acts for it now.
pub async fn put_chosen(work: &mut Work, membership: &MembershipId) -> Result<(), DbError> {
    sql!(&mut work.tx, later, "UPDATE membership SET chosen_at = $2 WHERE id = $1", membership, work.now)
}

/// Organisations where an account holds a right with which mandates are used, and that have one which may count. That is asked of
/// each before anything else of it is read: most have none.
pub async fn agencies(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Vec<AgencyRow>, DbError> {
    sql!(tx, fetch_all AgencyRow,
        "SELECT membership.id AS membership, membership.organisation_id AS organisation,
                organisation.state AS organisation_state, account.identity_level,
                membership_right.kind, membership_right.object, membership_right.valid_from, membership_right.valid_until
           FROM (SELECT id, organisation_id, account_id FROM membership
                  WHERE account_id = $1 AND ended_at IS NULL
                    AND EXISTS (SELECT 1 FROM mandate
                                 WHERE mandate.agent = membership.organisation_id AND mandate.state = 'active'
                                   AND mandate.valid_until > $2)
                  ORDER BY id LIMIT $3) AS membership
           JOIN membership_right ON membership_right.membership_id = membership.id
           JOIN organisation ON organisation.id = membership.organisation_id
           JOIN account ON account.id = membership.account_id
          WHERE membership_right.kind IN ('mandates', 'representation')
          ORDER BY membership.id, membership_right.kind", account, now, AGENCIES_MAX)
}

#[derive(sqlx::FromRow)]
pub struct AgencyRow {
    #[sqlx(flatten)]
    pub power: PowerRow,
    #[sqlx(flatten)]
    pub right: RightRow,
}

#[derive(sqlx::FromRow)]
struct Has {
    has: bool,
}

/// Whether there is a mandate that an account, or an organisation where they may use mandates, has and that has not run out.
pub async fn has_mandates(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_one Has,
        "SELECT (EXISTS (SELECT 1 FROM mandate
                          WHERE mandate.agent = $1 AND mandate.state = 'active' AND mandate.valid_until > $2)
                 OR EXISTS (SELECT 1 FROM membership
                              JOIN membership_right ON membership_right.membership_id = membership.id
                              JOIN mandate ON mandate.agent = membership.organisation_id
                             WHERE membership.account_id = $1 AND membership.ended_at IS NULL
                               AND membership_right.kind IN ('mandates', 'representation')
                               AND mandate.state = 'active' AND mandate.valid_until > $2)) AS has", account, now)?;
    Ok(row.has)
}

/// `false` if it is not active any more. Nobody ends it before this work is done.
pub async fn hold_mandate(work: &mut Work, id: &MandateId) -> Result<bool, DbError> {
    let rows = sql!(&mut work.tx, execute, "UPDATE mandate SET state = state WHERE id = $1 AND state = 'active'", id)?;
    Ok(rows == 1)
}
