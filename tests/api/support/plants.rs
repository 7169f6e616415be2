//! Rows that are due, as the clean-up finds them.

use nutzerkonto::kernel::time::Timestamp;
use nutzerkonto::sql;
use nutzerkonto::store::db::Tx;

/// A request for a mandate that nobody has answered.
pub async fn mandate(tx: &mut Tx, name: &str, at: Timestamp) {
    sql!(
        tx,
        execute,
        "INSERT INTO mandate (id, opener, state, origin, scope, valid_from, valid_until, may_pass_on, opened_by, opened_at,
                              expires_at, over_at)
         VALUES ($1, $1, 'asked', 'own', '', 1, 1, FALSE, $1, 1, $2, $2)",
        name,
        at
    )
    .unwrap();
}

/// A case that an organisation has not taken to a desk.
pub async fn desk_case(tx: &mut Tx, name: &str, at: Timestamp) {
    sql!(
        tx,
        execute,
        "INSERT INTO organisation_desk_case
             (id, organisation_id, membership_id, code_hash, state, created_at, expires_at)
         VALUES ($1, $1, $1, $2, 'waiting', 1, $3)",
        name,
        name.as_bytes(),
        at
    )
    .unwrap();
}

/// A file that no notice has taken.
pub async fn attachment(tx: &mut Tx, name: &str, at: Timestamp) {
    let bytes = name.as_bytes();
    sql!(
        tx,
        execute,
        "INSERT INTO postbox_attachment (id, client_id, owner, object_id, object_version, description, expires_at)
         VALUES ($1, 'x', $1, $1, 1, $2, $3)",
        name,
        bytes,
        at
    )
    .unwrap();
}
