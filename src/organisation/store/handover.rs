//! Rights on their way from one member to another.

use crate::kernel::id::{HandoverId, MembershipId, OrganisationId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct HandoverRow {
    pub id: HandoverId,
    pub from_id: MembershipId,
    pub to_id: MembershipId,
    pub rights: String,
    pub expires_at: Timestamp,
}

/// Those that a member has offered or been offered and that still hold.
pub async fn open_of(tx: &mut Tx, member: &MembershipId, now: Timestamp) -> Result<Vec<HandoverRow>, DbError> {
    sql!(tx, fetch_all HandoverRow,
        "SELECT id, from_id, to_id, rights, expires_at FROM handover
          WHERE (from_id = $1 OR to_id = $1) AND state = 'open' AND expires_at > $2 ORDER BY id", member, now)
}

pub async fn insert(
    work: &mut Work,
    (id, organisation): (&HandoverId, &OrganisationId),
    (from, to): (&MembershipId, &MembershipId),
    rights: &str,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO handover (id, organisation_id, from_id, to_id, rights, state, offered_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, 'open', $6, $7)",
        id,
        organisation,
        from,
        to,
        rights,
        work.now,
        expires_at
    )
    .map(drop)
}

/// The gate: of all that end a handover, one does.
pub async fn take(work: &mut Work, id: &HandoverId, state: &str) -> Result<Option<HandoverRow>, DbError> {
    sql!(&mut work.tx, fetch_optional HandoverRow,
        "UPDATE handover SET state = $2 WHERE id = $1 AND state = 'open' AND expires_at > $3
      RETURNING id, from_id, to_id, rights, expires_at", id, state, work.now)
}

/// Whoever has gone neither gives nor takes.
pub async fn withdraw_of(work: &mut Work, member: &MembershipId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE handover SET state = 'withdrawn' WHERE (from_id = $1 OR to_id = $1) AND state = 'open'",
        member
    )
    .map(drop)
}
