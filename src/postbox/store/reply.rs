//! Replies and drafts of them in the database.

use crate::kernel::id::{AccountId, ClientId, MessageEventId, MessageId, ReplyId};
use crate::kernel::time::Timestamp;
use crate::postbox::event::Told;
use crate::postbox::reply::Role;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// What somebody has begun to write.
#[derive(sqlx::FromRow)]
pub struct DraftRow {
    pub reply_id: ReplyId,
    pub content: Vec<u8>,
    pub saved_at: Timestamp,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ReplyRow {
    pub id: ReplyId,
    pub message_id: MessageId,
    pub client_id: ClientId,
    pub written_by: AccountId,
    pub role: Role,
    pub sent_at: Timestamp,
    pub content_hash: Vec<u8>,
    pub own_copy: Option<Vec<u8>>,
    pub for_authority: Option<Vec<u8>>,
    pub taken_at: Option<Timestamp>,
}

/// Keeps a draft in the place of the one before.
pub async fn put_draft(
    work: &mut Work,
    (account, message): (&AccountId, &MessageId),
    (reply, content): (&ReplyId, &[u8]),
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO postbox_draft (account_id, message_id, reply_id, content, saved_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, message_id)
         DO UPDATE SET reply_id = excluded.reply_id, content = excluded.content, saved_at = excluded.saved_at",
        account,
        message,
        reply,
        content,
        work.now
    )
    .map(drop)
}

pub async fn draft(
    tx: &mut Tx,
    account: &AccountId,
    message: &MessageId,
    since: Timestamp,
) -> Result<Option<DraftRow>, DbError> {
    sql!(tx, fetch_optional DraftRow,
        "SELECT reply_id, content, saved_at FROM postbox_draft WHERE account_id = $1 AND message_id = $2 AND saved_at >= $3",
        account, message, since)
}

/// Takes this very draft, once.
pub async fn take_draft(
    work: &mut Work,
    account: &AccountId,
    message: &MessageId,
    reply: &ReplyId,
) -> Result<Option<DraftRow>, DbError> {
    sql!(&mut work.tx, fetch_optional DraftRow,
        "DELETE FROM postbox_draft WHERE account_id = $1 AND message_id = $2 AND reply_id = $3
      RETURNING reply_id, content, saved_at", account, message, reply)
}

pub async fn discard_draft(work: &mut Work, account: &AccountId, message: &MessageId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM postbox_draft WHERE account_id = $1 AND message_id = $2", account, message)
        .map(drop)
}

#[derive(sqlx::FromRow)]
struct Count {
    reply_count: i64,
}

/// How many replies there are to a notice.
pub async fn count(tx: &mut Tx, message: &MessageId) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_optional Count, "SELECT reply_count FROM postbox_message WHERE id = $1", message)?;
    Ok(row.map_or(0, |row| row.reply_count))
}

/// Counts one more, and holds the notice from here on; `false` if there are enough, or it cannot be answered any more.
pub async fn count_one(work: &mut Work, message: &MessageId, most: i64) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE postbox_message SET reply_count = reply_count + 1
          WHERE id = $1 AND reply_count < $2 AND opened_at IS NOT NULL AND deleted_at IS NULL AND content_key IS NOT NULL",
        message,
        most
    )?;
    Ok(rows == 1)
}

pub async fn insert(work: &mut Work, reply: &ReplyRow) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO postbox_reply (id, message_id, client_id, written_by, role, sent_at, content_hash, own_copy, for_authority)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &reply.id,
        &reply.message_id,
        &reply.client_id,
        &reply.written_by,
        reply.role,
        reply.sent_at,
        &reply.content_hash,
        &reply.own_copy,
        &reply.for_authority
    )
}

pub async fn find(tx: &mut Tx, id: &ReplyId) -> Result<Option<ReplyRow>, DbError> {
    sql!(tx, fetch_optional ReplyRow,
        "SELECT id, message_id, client_id, written_by, role, sent_at, content_hash, own_copy, for_authority, taken_at
           FROM postbox_reply WHERE id = $1", id)
}

/// All replies to a notice, the oldest first.
pub async fn of_message(tx: &mut Tx, message: &MessageId) -> Result<Vec<ReplyRow>, DbError> {
    sql!(tx, fetch_all ReplyRow,
        "SELECT id, message_id, client_id, written_by, role, sent_at, content_hash, own_copy, for_authority, taken_at
           FROM postbox_reply WHERE message_id = $1 ORDER BY sent_at, id", message)
}

/// Tells an authority of a reply.
pub async fn put_event(
    work: &mut Work,
    id: &MessageEventId,
    (reply, message): (&ReplyId, &MessageId),
    client: &ClientId,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO postbox_event (id, client_id, message_id, kind, at, reply_id) VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        client,
        message,
        Told::Replied,
        work.now,
        reply
    )
}

/// The authority has this reply.
pub async fn put_taken(work: &mut Work, client: &ClientId, id: &ReplyId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE postbox_reply SET taken_at = $3 WHERE client_id = $1 AND id = $2 AND taken_at IS NULL",
        client,
        id,
        work.now
    )
    .map(drop)
}

/// What a list says of a notice.
#[derive(sqlx::FromRow)]
pub struct MarkRow {
    pub message_id: MessageId,
    pub is_draft: bool,
}

/// To which notices of a postbox there are replies, of those provided between two moments; and of which somebody has a draft.
pub async fn marks(
    tx: &mut Tx,
    (account, owner): (&AccountId, &str),
    (from, until): (Timestamp, Timestamp),
    since: Timestamp,
) -> Result<Vec<MarkRow>, DbError> {
    sql!(tx, fetch_all MarkRow,
        "SELECT message_id, TRUE AS is_draft FROM postbox_draft WHERE account_id = $1 AND saved_at >= $5
          UNION ALL
         SELECT id AS message_id, FALSE AS is_draft FROM postbox_message
          WHERE owner = $2 AND provided_at >= $3 AND provided_at <= $4 AND reply_count > 0", account, owner, from, until, since)
}

/// With a postbox go the copies of what was sent from it, and the drafts: those of other people about its notices, and those of its
/// owner about others'.
pub async fn forget(work: &mut Work, owner: &str) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE postbox_reply SET own_copy = NULL
          WHERE own_copy IS NOT NULL AND message_id IN (SELECT id FROM postbox_message WHERE owner = $1)",
        owner
    )?;
    sql!(
        &mut work.tx,
        execute,
        "DELETE FROM postbox_draft
          WHERE account_id = $1 OR message_id IN (SELECT id FROM postbox_message WHERE owner = $1)",
        owner
    )
    .map(drop)
}
