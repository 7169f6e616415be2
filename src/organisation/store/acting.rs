//! For whom somebody acts, and may act.

use super::super::State;
use super::{OrganisationRow, RightRow};
use crate::kernel::id::{AccountId, MandateId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::signin::session::Session;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// More than anybody has.
const MEMBERSHIPS_MAX: i64 = 2000;
const RIGHTS_MAX: i64 = 100_000;

#[derive(sqlx::FromRow)]
pub struct SessionRow {
    #[sqlx(flatten)]
    pub session: Session,
    /// Whether its owner has been given anything to act with for what they belong to, whether or not it counts now.
    pub has_rights: bool,
    /// Whether there is a mandate that they, or an organisation where they may use mandates, have and that has not run out.
    pub has_mandates: bool,
}

/// A session, and whether its owner has a choice for whom to act: in one statement, because every request asks for it.
pub async fn find_session(tx: &mut Tx, token_hash: &[u8], now: Timestamp) -> Result<Option<SessionRow>, DbError> {
    sql!(tx, fetch_optional SessionRow,
        "SELECT session.id, session.account_id, session.level, session.methods, session.authenticated_at,
                session.created_at, session.last_seen_at, session.device, session.idle_minutes, session.acting,
                session.chosen_at, account.identity_level, account.erase_at AS leaves_at,
                EXISTS (SELECT 1 FROM membership
                          JOIN membership_right ON membership_right.membership_id = membership.id
                         WHERE membership.account_id = session.account_id AND membership.ended_at IS NULL
                           AND membership_right.kind NOT IN ('administration', 'audit', 'mandates')) AS has_rights,
                (EXISTS (SELECT 1 FROM mandate
                          WHERE mandate.agent = session.account_id AND mandate.state = 'active'
                            AND mandate.valid_until > $2)
                 OR EXISTS (SELECT 1 FROM membership
                              JOIN membership_right ON membership_right.membership_id = membership.id
                              JOIN mandate ON mandate.agent = membership.organisation_id
                             WHERE membership.account_id = session.account_id AND membership.ended_at IS NULL
                               AND membership_right.kind IN ('mandates', 'representation')
                               AND mandate.state = 'active' AND mandate.valid_until > $2)) AS has_mandates
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

/// The memberships of an account that have not ended, or the one of them that is asked for.
pub async fn powers(
    tx: &mut Tx,
    account: &AccountId,
    membership: Option<&MembershipId>,
) -> Result<Vec<PowerRow>, DbError> {
    sql!(tx, fetch_all PowerRow,
        "SELECT membership.id AS membership, membership.organisation_id AS organisation,
                organisation.state AS organisation_state, account.identity_level
           FROM membership
           JOIN organisation ON organisation.id = membership.organisation_id
           JOIN account ON account.id = membership.account_id
          WHERE membership.account_id = $1 AND membership.ended_at IS NULL
            AND (CAST($2 AS TEXT) IS NULL OR membership.id = $2)
          ORDER BY membership.id LIMIT $3", account, membership, MEMBERSHIPS_MAX)
}

#[derive(sqlx::FromRow)]
pub struct PlaceRow {
    #[sqlx(flatten)]
    pub power: PowerRow,
    #[sqlx(flatten)]
    pub place: OrganisationRow,
}

/// Everything that an account belongs to, with the organisations as they are stored.
pub async fn places(tx: &mut Tx, account: &AccountId) -> Result<Vec<PlaceRow>, DbError> {
    sql!(tx, fetch_all PlaceRow,
        "SELECT membership.id AS membership, membership.organisation_id AS organisation,
                organisation.state AS organisation_state, account.identity_level,
                organisation.id, organisation.state, organisation.key_wrapped, organisation.level,
                organisation.version, organisation.record, organisation.created_at, organisation.state_since,
                organisation.erase_at
           FROM membership
           JOIN organisation ON organisation.id = membership.organisation_id
           JOIN account ON account.id = membership.account_id
          WHERE membership.account_id = $1 AND membership.ended_at IS NULL
          ORDER BY membership.id LIMIT $2", account, MEMBERSHIPS_MAX)
}

#[derive(sqlx::FromRow)]
pub struct HeldRow {
    pub membership_id: MembershipId,
    #[sqlx(flatten)]
    pub right: RightRow,
}

/// The rights that an account has in everything it belongs to.
pub async fn rights(tx: &mut Tx, account: &AccountId) -> Result<Vec<HeldRow>, DbError> {
    sql!(tx, fetch_all HeldRow,
        "SELECT membership_right.membership_id, membership_right.kind, membership_right.object,
                membership_right.valid_from, membership_right.valid_until
           FROM membership JOIN membership_right ON membership_right.membership_id = membership.id
          WHERE membership.account_id = $1 AND membership.ended_at IS NULL
          ORDER BY membership_right.membership_id LIMIT $2", account, RIGHTS_MAX)
}

/// `false` if it is not active any more. Nobody ends it before this work is done.
pub async fn hold_mandate(work: &mut Work, id: &MandateId) -> Result<bool, DbError> {
    let rows = sql!(&mut work.tx, execute, "UPDATE mandate SET state = state WHERE id = $1 AND state = 'active'", id)?;
    Ok(rows == 1)
}
