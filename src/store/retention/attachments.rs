//! Files of notices whose time is over: their rows go here, their bytes with the next sweep.

use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};

/// Files that no notice has taken in time.
pub async fn delete_unused(tx: &mut Tx, at: Timestamp) -> Result<u64, DbError> {
    // First nobody can take them any more; whoever takes one at this moment is either before this, or too late.
    sql!(tx, execute, "UPDATE postbox_attachment SET expires_at = 0 WHERE message_id IS NULL AND expires_at < $1", at)?;
    sql!(
        tx,
        execute,
        "UPDATE sealed_object SET state = 'doomed' WHERE state <> 'doomed' AND id IN (
             SELECT object_id FROM postbox_attachment WHERE message_id IS NULL AND expires_at = 0)"
    )?;
    sql!(tx, execute, "DELETE FROM postbox_attachment WHERE message_id IS NULL AND expires_at = 0")
}

/// Files of notices that somebody has deleted before then, and that say nothing any more.
pub async fn delete_of_emptied(tx: &mut Tx, at: Timestamp) -> Result<(), DbError> {
    sql!(
        tx,
        execute,
        "UPDATE sealed_object SET state = 'doomed' WHERE state <> 'doomed' AND id IN (
             SELECT attachment.object_id FROM postbox_attachment AS attachment
               JOIN postbox_message AS message ON message.id = attachment.message_id
              WHERE message.deleted_at < $1 AND message.content_key IS NULL)",
        at
    )?;
    sql!(
        tx,
        execute,
        "DELETE FROM postbox_attachment WHERE message_id IN (
             SELECT id FROM postbox_message WHERE deleted_at < $1 AND content_key IS NULL)",
        at
    )
    .map(drop)
}

pub async fn delete_counts(tx: &mut Tx, day: &str) -> Result<u64, DbError> {
    sql!(tx, execute, "DELETE FROM postbox_upload WHERE day < $1", day)
}
