//! Attachments in the database.

use super::Attachment;
use crate::kernel::id::{AttachmentId, ClientId, MessageId, ObjectId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct Row {
    pub id: AttachmentId,
    pub object_id: ObjectId,
    pub object_version: i64,
    pub description: Vec<u8>,
}

/// Whose a file is: who has sent it, and for whom.
#[derive(Clone, Copy)]
pub struct Whose<'a> {
    pub client: &'a ClientId,
    pub owner: &'a str,
}

/// Puts a file that waits for its notice.
pub async fn insert(
    work: &mut Work,
    Whose { client, owner }: Whose<'_>,
    Attachment { id, object, .. }: &Attachment,
    (description, expires_at): (&[u8], Timestamp),
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO postbox_attachment (id, client_id, owner, object_id, object_version, description, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        client,
        owner,
        &object.id,
        object.version,
        description,
        expires_at
    )
    .map(drop)
}

/// Gives a file to a notice; nothing unless this client has sent it for this owner, no notice has it, and its time is not over. Of two that
/// want it one gets it.
pub async fn take(
    work: &mut Work,
    Whose { client, owner }: Whose<'_>,
    id: &AttachmentId,
    (message, place): (&MessageId, i64),
) -> Result<Option<Row>, DbError> {
    sql!(&mut work.tx, fetch_optional Row,
        "UPDATE postbox_attachment SET message_id = $4, place = $5
          WHERE id = $1 AND client_id = $2 AND owner = $3 AND message_id IS NULL AND expires_at > $6
      RETURNING id, object_id, object_version, description", id, client, owner, message, place, work.now)
}

/// The same file, if it could be taken now.
pub async fn find_unused(
    tx: &mut Tx,
    Whose { client, owner }: Whose<'_>,
    id: &AttachmentId,
    now: Timestamp,
) -> Result<Option<Row>, DbError> {
    sql!(tx, fetch_optional Row,
        "SELECT id, object_id, object_version, description FROM postbox_attachment
          WHERE id = $1 AND client_id = $2 AND owner = $3 AND message_id IS NULL AND expires_at > $4",
        id, client, owner, now)
}

/// What is known of a file has changed.
pub async fn put_description(work: &mut Work, id: &AttachmentId, description: &[u8]) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE postbox_attachment SET description = $2 WHERE id = $1", id, description)
        .map(drop)
}

/// The files of a notice, in its order.
pub async fn of_message(tx: &mut Tx, message: &MessageId) -> Result<Vec<Row>, DbError> {
    sql!(tx, fetch_all Row,
        "SELECT id, object_id, object_version, description FROM postbox_attachment
          WHERE message_id = $1 ORDER BY place", message)
}

/// One file of a notice.
pub async fn find(tx: &mut Tx, message: &MessageId, id: &AttachmentId) -> Result<Option<Row>, DbError> {
    sql!(tx, fetch_optional Row,
        "SELECT id, object_id, object_version, description FROM postbox_attachment
          WHERE message_id = $1 AND id = $2", message, id)
}

#[derive(sqlx::FromRow)]
struct Total {
    total: i64,
}

/// How many files a notice has.
pub async fn count(tx: &mut Tx, message: &MessageId) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_one Total,
        "SELECT CAST(COUNT(*) AS BIGINT) AS total FROM postbox_attachment WHERE message_id = $1", message)?;
    Ok(row.total)
}

/// Everything that was sent for a postbox.
pub async fn delete_of(work: &mut Work, owner: &str) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM postbox_attachment WHERE owner = $1", owner).map(drop)
}

/// What a client has sent on a day, in mebibytes.
pub async fn sent(tx: &mut Tx, client: &ClientId, day: &str) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_optional Total,
        "SELECT mebibytes AS total FROM postbox_upload WHERE client_id = $1 AND day = $2", client, day)?;
    Ok(row.map_or(0, |row| row.total))
}

/// Counts what a client has sent on a day; `false` if that would be more than it may. `more` alone never is.
pub async fn count_sent(
    work: &mut Work,
    (client, day): (&ClientId, &str),
    more: i64,
    most: i64,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO postbox_upload (client_id, day, mebibytes) VALUES ($1, $2, $3)
         ON CONFLICT (client_id, day) DO UPDATE SET mebibytes = postbox_upload.mebibytes + $3
          WHERE postbox_upload.mebibytes + $3 <= $4",
        client,
        day,
        more,
        most
    )?;
    Ok(rows == 1)
}
