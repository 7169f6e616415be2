//! Events that are pushed: which of them have become a job.

use super::EventRow;
use crate::kernel::id::{ClientId, MessageEventId};
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
struct IdRow {
    id: MessageEventId,
}

/// Whether an event of this client waits that has not become a job.
pub async fn any_unhanded(tx: &mut Tx, client: &ClientId) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_optional IdRow,
        "SELECT id FROM postbox_event WHERE client_id = $1 AND taken_at IS NULL AND handed_at IS NULL LIMIT 1", client)?;
    Ok(row.is_some())
}

/// Takes at most `limit` of them, the oldest; of several nodes one gets each.
pub async fn hand_over(work: &mut Work, client: &ClientId, limit: i64) -> Result<Vec<MessageEventId>, DbError> {
    let rows = sql!(&mut work.tx, fetch_all IdRow,
        "UPDATE postbox_event SET handed_at = $2
          WHERE taken_at IS NULL AND handed_at IS NULL
            AND id IN (SELECT id FROM postbox_event WHERE client_id = $1 AND taken_at IS NULL AND handed_at IS NULL
                        ORDER BY id LIMIT $3)
      RETURNING id", client, work.now, limit)?;
    let mut ids: Vec<_> = rows.into_iter().map(|row| row.id).collect();
    ids.sort();
    Ok(ids)
}

/// One that has not been taken.
pub async fn waiting_event(tx: &mut Tx, client: &ClientId, id: &MessageEventId) -> Result<Option<EventRow>, DbError> {
    sql!(tx, fetch_optional EventRow,
        "SELECT id, message_id, kind, at, reply_id FROM postbox_event WHERE client_id = $1 AND id = $2 AND taken_at IS NULL", client, id)
}
