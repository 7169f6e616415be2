//! Notices in the database.

pub mod due;
pub mod feed;
mod handed;
pub mod paper;
pub mod reply;

pub use handed::{any_unhanded, hand_over, waiting_event};

use time::Date;

use super::clock::{Facts, LegalBasis, Remedy};
use super::{Days, Kind, Message};
use crate::kernel::calendar::read_optional_day;
use crate::kernel::error::Error;
use crate::kernel::holiday::Land;
use crate::kernel::id::{AccountId, AreaId, AuthorityId, ClientId, MessageEventId, MessageId, ReplyId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Service;
use crate::organisation::mandate::party;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// What only the owner's key opens; nothing once it has been deleted for good.
#[derive(Clone, Debug, Default)]
pub struct Sealed {
    pub content_key: Option<Vec<u8>>,
    pub head: Option<Vec<u8>>,
    pub content: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
pub struct MessageRow {
    id: MessageId,
    owner: String,
    area_id: Option<AreaId>,
    client_id: ClientId,
    service_id: Option<ClientId>,
    authority_id: Option<AuthorityId>,
    kind: Kind,
    level: Level,
    legal_basis: LegalBasis,
    land: Land,
    remedy: Option<Remedy>,
    provided_at: Timestamp,
    notified_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    opened_by: Option<AccountId>,
    acknowledged_at: Option<Timestamp>,
    rule: Option<String>,
    announced_on: Option<String>,
    offer_ends_on: Option<String>,
    period: Option<String>,
    objection_ends_on: Option<String>,
    due_on: Option<String>,
    content_key: Option<Vec<u8>>,
    head: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
    content_hash: Vec<u8>,
    archived_at: Option<Timestamp>,
    deleted_at: Option<Timestamp>,
}

impl MessageRow {
    pub fn read(self) -> Result<Message, Error> {
        Ok(Message {
            owner: party::parse(&self.owner).ok_or_else(|| Error::broken("a postbox is nobody's"))?,
            area: self.area_id,
            client: self.client_id,
            of_service: self.service_id,
            authority: self.authority_id,
            kind: self.kind,
            level: self.level,
            legal_basis: self.legal_basis,
            land: self.land,
            remedy: self.remedy,
            facts: Facts {
                provided_at: self.provided_at,
                notified_at: self.notified_at,
                retrieved_at: self.opened_at,
                acknowledged_at: self.acknowledged_at,
            },
            opened_by: self.opened_by,
            rule: self.rule,
            period: self.period,
            days: Days {
                announced_on: read_optional_day(self.announced_on.as_deref())?,
                offer_ends_on: read_optional_day(self.offer_ends_on.as_deref())?,
                objection_ends_on: read_optional_day(self.objection_ends_on.as_deref())?,
                due_on: read_optional_day(self.due_on.as_deref())?,
            },
            content_hash: self.content_hash,
            archived_at: self.archived_at,
            deleted_at: self.deleted_at,
            sealed: Sealed { content_key: self.content_key, head: self.head, content: self.content },
            id: self.id,
        })
    }
}

fn stored(day: Option<Date>) -> Option<String> {
    day.map(|day| day.to_string())
}

#[derive(sqlx::FromRow)]
struct Found {
    #[expect(dead_code, reason = "only its presence counts")]
    found: i64,
}

/// Whether somebody can read what is put into this postbox now: nothing is put where nobody may look.
pub async fn takes_notices(tx: &mut Tx, owner: &str) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_optional Found,
        "SELECT CAST(1 AS BIGINT) AS found FROM account WHERE id = $1 AND status = 'active'
          UNION ALL
         SELECT CAST(1 AS BIGINT) AS found FROM organisation WHERE id = $1 AND state IN ('active', 'insolvent')", owner)?;
    Ok(row.is_some())
}

/// Puts a new notice, and when the job of the days looks at it first.
pub async fn insert(work: &mut Work, message: &Message, look_at: Option<Timestamp>) -> Result<(), DbError> {
    let Message { facts, days, sealed, .. } = message;
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO postbox_message (id, owner, area_id, client_id, authority_id, kind, level, legal_basis, land, remedy, provided_at,
                                      rule, announced_on, offer_ends_on, period, objection_ends_on, due_on,
                                      content_key, head, content, content_hash, look_at, service_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                 $21, $22, $23)",
        &message.id,
        message.owner.as_str(),
        &message.area,
        &message.client,
        &message.authority,
        message.kind,
        message.level,
        message.legal_basis,
        message.land,
        message.remedy,
        facts.provided_at,
        &message.rule,
        stored(days.announced_on),
        stored(days.offer_ends_on),
        &message.period,
        stored(days.objection_ends_on),
        stored(days.due_on),
        &sealed.content_key,
        &sealed.head,
        &sealed.content,
        &message.content_hash,
        look_at,
        &message.of_service
    )
}

/// One notice.
pub async fn find(tx: &mut Tx, id: &MessageId) -> Result<Option<MessageRow>, DbError> {
    sql!(tx, fetch_optional MessageRow,
        "SELECT id, owner, area_id, client_id, service_id, authority_id, kind, level, legal_basis, land, remedy, provided_at, notified_at, opened_at,
                opened_by, acknowledged_at, rule, announced_on, offer_ends_on, period, objection_ends_on, due_on,
                content_key, head, content, content_hash, archived_at, deleted_at
           FROM postbox_message WHERE id = $1", id)
}

/// Which notices of a postbox a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    Open,
    Archived,
    Deleted,
}

/// A place in a list, newest first: after what was provided at that moment and has that id.
pub type After<'a> = (Timestamp, &'a str);

/// At most `limit` notices of a postbox that come after that place, newest first. The texts are left out.
pub async fn page(
    tx: &mut Tx,
    (owner, shelf): (&str, Shelf),
    (at, id): After<'_>,
    limit: i64,
) -> Result<Vec<MessageRow>, DbError> {
    let (is_archived, is_deleted) = (shelf == Shelf::Archived, shelf == Shelf::Deleted);
    sql!(tx, fetch_all MessageRow,
        "SELECT id, owner, area_id, client_id, service_id, authority_id, kind, level, legal_basis, land, remedy, provided_at, notified_at, opened_at,
                opened_by, acknowledged_at, rule, announced_on, offer_ends_on, period, objection_ends_on, due_on,
                content_key, head, CAST(NULL AS BYTEA) AS content, content_hash, archived_at, deleted_at
           FROM postbox_message
          WHERE owner = $1 AND (provided_at < $2 OR (provided_at = $2 AND id < $3))
            AND (deleted_at IS NOT NULL) = $5 AND ($5 OR (archived_at IS NOT NULL) = $4) AND content_key IS NOT NULL
          ORDER BY provided_at DESC, id DESC LIMIT $6", owner, at, id, is_archived, is_deleted, limit)
}

/// The newest notices of a postbox for which a day has not passed yet, on no matter which shelf but that of the deleted.
pub async fn running(tx: &mut Tx, owner: &str, today: &str, limit: i64) -> Result<Vec<MessageRow>, DbError> {
    sql!(tx, fetch_all MessageRow,
        "SELECT id, owner, area_id, client_id, service_id, authority_id, kind, level, legal_basis, land, remedy, provided_at, notified_at, opened_at,
                opened_by, acknowledged_at, rule, announced_on, offer_ends_on, period, objection_ends_on, due_on,
                content_key, head, CAST(NULL AS BYTEA) AS content, content_hash, archived_at, deleted_at
           FROM postbox_message
          WHERE owner = $1 AND deleted_at IS NULL AND content_key IS NOT NULL
            AND (objection_ends_on >= $2 OR due_on >= $2 OR (offer_ends_on >= $2 AND opened_at IS NULL))
          ORDER BY provided_at DESC, id DESC LIMIT $3", owner, today, limit)
}

/// Some notices of a postbox that still say something, without their texts.
pub async fn readable(tx: &mut Tx, owner: &str, limit: i64) -> Result<Vec<MessageRow>, DbError> {
    sql!(tx, fetch_all MessageRow,
        "SELECT id, owner, area_id, client_id, service_id, authority_id, kind, level, legal_basis, land, remedy, provided_at, notified_at, opened_at,
                opened_by, acknowledged_at, rule, announced_on, offer_ends_on, period, objection_ends_on, due_on,
                content_key, head, CAST(NULL AS BYTEA) AS content, content_hash, archived_at, deleted_at
           FROM postbox_message WHERE owner = $1 AND content_key IS NOT NULL ORDER BY id LIMIT $2", owner, limit)
}

/// Destroys what a notice says; the row stays and proves that it was there.
pub async fn empty(work: &mut Work, id: &MessageId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE postbox_message SET content_key = NULL, head = NULL, content = NULL WHERE id = $1",
        id
    )
    .map(drop)
}

/// How many of an authority's notices there are in an area.
#[derive(sqlx::FromRow)]
pub struct CountRow {
    pub area_id: Option<AreaId>,
    pub client_id: ClientId,
    pub service_id: Option<ClientId>,
    pub authority_id: Option<AuthorityId>,
    pub total: i64,
}

impl CountRow {
    /// Whose they are, as powers know services.
    pub fn service(&self) -> Service<'_> {
        Service { client: self.service_id.as_ref().unwrap_or(&self.client_id), authority: self.authority_id.as_ref() }
    }
}

/// Among the newest that have not been opened, in the inbox. Read from an index alone.
pub async fn unread(tx: &mut Tx, owner: &str, newest: i64) -> Result<Vec<CountRow>, DbError> {
    sql!(tx, fetch_all CountRow,
        "SELECT area_id, client_id, service_id, authority_id, CAST(COUNT(*) AS BIGINT) AS total
           FROM (SELECT area_id, client_id, service_id, authority_id FROM postbox_message
                  WHERE owner = $1 AND opened_at IS NULL AND archived_at IS NULL AND deleted_at IS NULL
                  ORDER BY provided_at DESC LIMIT $2) AS newest
          GROUP BY area_id, client_id, service_id, authority_id", owner, newest)
}

/// Among the newest on all shelves, and of those that say nothing any more. Read from an index alone.
pub async fn sources(tx: &mut Tx, owner: &str, newest: i64) -> Result<Vec<CountRow>, DbError> {
    sql!(tx, fetch_all CountRow,
        "SELECT area_id, client_id, service_id, authority_id, CAST(COUNT(*) AS BIGINT) AS total
           FROM (SELECT area_id, client_id, service_id, authority_id FROM postbox_message
                  WHERE owner = $1 ORDER BY provided_at DESC LIMIT $2) AS newest
          GROUP BY area_id, client_id, service_id, authority_id ORDER BY client_id", owner, newest)
}

/// What days may follow from, when it happens for the first time.
#[derive(Clone, Copy, Debug)]
pub enum First<'a> {
    /// A mail server has taken a notification.
    Notified,
    /// By whom.
    Opened(&'a AccountId),
    Acknowledged,
}

/// Writes down that something has happened for the first time, and holds the notice; `None` if it has happened before, or if one that is deleted
/// is opened.
pub async fn put_first(work: &mut Work, id: &MessageId, first: First<'_>) -> Result<Option<MessageRow>, DbError> {
    let (notified_at, opened_by, acknowledged_at) = match first {
        First::Notified => (Some(work.now), None, None),
        First::Opened(by) => (None, Some(by), None),
        First::Acknowledged => (None, None, Some(work.now)),
    };
    let opened_at = opened_by.map(|_| work.now);
    sql!(&mut work.tx, fetch_optional MessageRow,
        "UPDATE postbox_message
            SET notified_at = COALESCE(notified_at, $2), opened_at = COALESCE(opened_at, $3), opened_by = COALESCE(opened_by, $4),
                acknowledged_at = COALESCE(acknowledged_at, $5)
          WHERE id = $1 AND ((CAST($2 AS BIGINT) IS NOT NULL AND notified_at IS NULL)
                             OR (CAST($3 AS BIGINT) IS NOT NULL AND opened_at IS NULL AND deleted_at IS NULL)
                             OR (CAST($5 AS BIGINT) IS NOT NULL AND acknowledged_at IS NULL))
      RETURNING id, owner, area_id, client_id, service_id, authority_id, kind, level, legal_basis, land, remedy, provided_at, notified_at, opened_at,
                opened_by, acknowledged_at, rule, announced_on, offer_ends_on, period, objection_ends_on, due_on,
                content_key, head, content, content_hash, archived_at, deleted_at",
        id, notified_at, opened_at, opened_by, acknowledged_at)
}

/// Writes down the days as they have become certain, and when the job of the days looks at it next. Only whoever has just written down what
/// they follow from does it, so that each is written once.
pub async fn put_days(work: &mut Work, message: &Message, look_at: Option<Timestamp>) -> Result<(), DbError> {
    let Message { days, period, .. } = message;
    sql!(
        &mut work.tx,
        later,
        "UPDATE postbox_message SET announced_on = $2, offer_ends_on = $3, period = $4, objection_ends_on = $5, look_at = $6
          WHERE id = $1",
        &message.id,
        stored(days.announced_on),
        stored(days.offer_ends_on),
        period,
        stored(days.objection_ends_on),
        look_at
    )
}

/// Puts a notice on another shelf, where people may have to be reminded of it, or not any more; `false` if it is there.
pub async fn put_on(work: &mut Work, id: &MessageId, shelf: Shelf) -> Result<bool, DbError> {
    let (archived_at, deleted_at) = match shelf {
        Shelf::Open => (None, None),
        Shelf::Archived => (Some(work.now), None),
        Shelf::Deleted => (None, Some(work.now)),
    };
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE postbox_message SET archived_at = $2, deleted_at = $3, look_at = $4
          WHERE id = $1 AND content_key IS NOT NULL
            AND ((archived_at IS NULL) <> (CAST($2 AS BIGINT) IS NULL) OR (deleted_at IS NULL) <> (CAST($3 AS BIGINT) IS NULL))",
        id,
        archived_at,
        deleted_at,
        work.now
    )?;
    Ok(rows == 1)
}

/// Remembers what an idempotency key has become; `false` if it has been used before.
pub async fn put_request(
    work: &mut Work,
    client: &ClientId,
    (key_hash, request_hash): (&[u8], &[u8]),
    message: &MessageId,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO postbox_request (client_id, key_hash, request_hash, message_id, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (client_id, key_hash) DO NOTHING",
        client,
        key_hash,
        request_hash,
        message,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct RequestRow {
    pub request_hash: Vec<u8>,
    pub message_id: MessageId,
}

pub async fn find_request(tx: &mut Tx, client: &ClientId, key_hash: &[u8]) -> Result<Option<RequestRow>, DbError> {
    sql!(tx, fetch_optional RequestRow,
        "SELECT request_hash, message_id FROM postbox_request WHERE client_id = $1 AND key_hash = $2", client, key_hash)
}

/// Counts a notice of an authority on a day; `false` if there are enough in this slot. `slots` of them share what is allowed.
pub async fn count(work: &mut Work, (client, day): (&ClientId, &str), slot: i64, most: i64) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO postbox_count (client_id, day, slot, count) VALUES ($1, $2, $3, 1)
         ON CONFLICT (client_id, day, slot) DO UPDATE SET count = postbox_count.count + 1
          WHERE postbox_count.count < $4",
        client,
        day,
        slot,
        most
    )?;
    Ok(rows == 1)
}

/// A notice of an authority.
pub async fn find_of(tx: &mut Tx, client: &ClientId, id: &MessageId) -> Result<Option<MessageRow>, DbError> {
    let row = find(tx, id).await?;
    Ok(row.filter(|row| row.client_id == *client))
}

/// Something that an authority has not taken yet.
#[derive(sqlx::FromRow)]
pub struct EventRow {
    pub id: MessageEventId,
    pub message_id: MessageId,
    pub kind: super::event::Told,
    pub at: Timestamp,
    pub reply_id: Option<ReplyId>,
}

/// The oldest that an authority has not taken.
pub async fn events(tx: &mut Tx, client: &ClientId, limit: i64) -> Result<Vec<EventRow>, DbError> {
    sql!(tx, fetch_all EventRow,
        "SELECT id, message_id, kind, at, reply_id FROM postbox_event WHERE client_id = $1 AND taken_at IS NULL ORDER BY id LIMIT $2",
        client, limit)
}

/// Of what the event told that has been taken.
#[derive(sqlx::FromRow)]
pub struct TakenRow {
    pub reply_id: Option<ReplyId>,
}

/// The authority has it; nothing if it is not one of its own, or has been taken.
pub async fn take_event(work: &mut Work, client: &ClientId, id: &MessageEventId) -> Result<Option<TakenRow>, DbError> {
    sql!(&mut work.tx, fetch_optional TakenRow,
        "UPDATE postbox_event SET taken_at = $3 WHERE client_id = $1 AND id = $2 AND taken_at IS NULL RETURNING reply_id",
        client, id, work.now)
}

/// Tells an authority.
pub async fn put_event(
    work: &mut Work,
    (id, client): (&MessageEventId, &ClientId),
    message: &MessageId,
    kind: super::event::Told,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO postbox_event (id, client_id, message_id, kind, at) VALUES ($1, $2, $3, $4, $5)",
        id,
        client,
        message,
        kind,
        work.now
    )
}
