//! Invitations, found by the hash of the code that only the mail has.

use crate::kernel::id::{AccountId, InvitationId, MembershipId, OrganisationId};
use crate::kernel::time::Timestamp;
use crate::organisation::invitation::State;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct InvitationRow {
    pub id: InvitationId,
    pub organisation_id: OrganisationId,
    pub address: Vec<u8>,
    pub rights: String,
    pub invited_by: MembershipId,
    pub invited_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Count {
    count: i64,
}

/// How many are open in an organisation, and how many a member has sent since.
pub async fn counts(
    tx: &mut Tx,
    organisation: &OrganisationId,
    (sender, since): (&MembershipId, Timestamp),
    now: Timestamp,
) -> Result<(i64, i64), DbError> {
    let open = sql!(tx, fetch_one Count,
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM invitation
          WHERE organisation_id = $1 AND state = 'open' AND expires_at > $2", organisation, now)?;
    let sent = sql!(tx, fetch_one Count,
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM invitation WHERE invited_by = $1 AND invited_at > $2",
        sender, since)?;
    Ok((open.count, sent.count))
}

pub async fn insert(
    work: &mut Work,
    (row, code_hash, address_index): (&InvitationRow, &[u8], &[u8]),
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO invitation (id, organisation_id, code_hash, address, address_index, rights, state, invited_by,
                                 invited_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &row.id,
        &row.organisation_id,
        code_hash,
        &row.address,
        address_index,
        &row.rights,
        State::Open,
        &row.invited_by,
        row.invited_at,
        row.expires_at
    )
    .map(drop)
}

pub async fn open_in(
    tx: &mut Tx,
    organisation: &OrganisationId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<InvitationRow>, DbError> {
    sql!(tx, fetch_all InvitationRow,
        "SELECT id, organisation_id, address, rights, invited_by, invited_at, expires_at FROM invitation
          WHERE organisation_id = $1 AND state = 'open' AND expires_at > $2 ORDER BY id DESC LIMIT $3",
        organisation, now, limit)
}

/// One that is open, and that the account may answer because the address is one of its own.
pub async fn find_for(
    tx: &mut Tx,
    code_hash: &[u8],
    account: &AccountId,
    now: Timestamp,
) -> Result<Option<InvitationRow>, DbError> {
    sql!(tx, fetch_optional InvitationRow,
        "SELECT id, organisation_id, address, rights, invited_by, invited_at, expires_at FROM invitation
          WHERE code_hash = $1 AND state = 'open' AND expires_at > $3
            AND EXISTS (SELECT 1 FROM email_address
                         WHERE email_address.blind_index = invitation.address_index
                           AND email_address.account_id = $2)", code_hash, account, now)
}

/// The gate: of all that end an invitation, one does.
pub async fn take(
    work: &mut Work,
    organisation: &OrganisationId,
    id: &InvitationId,
    state: State,
) -> Result<Option<InvitationRow>, DbError> {
    sql!(&mut work.tx, fetch_optional InvitationRow,
        "UPDATE invitation SET state = $3
          WHERE organisation_id = $1 AND id = $2 AND state = 'open' AND expires_at > $4
      RETURNING id, organisation_id, address, rights, invited_by, invited_at, expires_at",
        organisation, id, state, work.now)
}
