//! The rows of the audit trail: inserted, sealed once, never changed. The ends of its chain.

use time::format_description::well_known::Rfc3339;

use super::Wanted;
use crate::kernel::error::Error;
use crate::kernel::id::EventId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// An event as it was recorded.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Recorded {
    pub id: EventId,
    pub at: Timestamp,
    pub kind: String,
    pub actor: String,
    pub reason: Option<String>,
    /// The event's own fields as a JSON object.
    pub detail: String,
}

/// A whole row: the event and its place in the chain, which an unsealed one does not have yet.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Link {
    /// As text, not as [`EventId`]: verification must be able to read what somebody else wrote.
    pub id: String,
    pub at: Timestamp,
    pub kind: String,
    pub actor: String,
    pub subject: Option<String>,
    pub reason: Option<String>,
    pub detail: String,
    pub request: Option<String>,
    pub position: Option<i64>,
    pub seal: Option<Vec<u8>>,
}

/// What of an event is sealed.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    pub id: &'a str,
    pub at: Timestamp,
    pub kind: &'a str,
    pub actor: &'a str,
    pub subject: Option<&'a str>,
    pub reason: Option<&'a str>,
    pub detail: &'a str,
    pub request: Option<&'a str>,
}

impl Link {
    pub fn fields(&self) -> Fields<'_> {
        Fields {
            id: &self.id,
            at: self.at,
            kind: &self.kind,
            actor: &self.actor,
            subject: self.subject.as_deref(),
            reason: self.reason.as_deref(),
            detail: &self.detail,
            request: self.request.as_deref(),
        }
    }
}

impl std::fmt::Display for Link {
    /// One JSON object, for an operator and for programs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.at.in_germany().format(&Rfc3339).unwrap_or_default();
        let detail: serde_json::Value = serde_json::from_str(&self.detail).unwrap_or_default();
        let object = serde_json::json!({
            "position": self.position, "id": self.id, "at": at, "kind": self.kind, "actor": self.actor,
            "subject": self.subject, "reason": self.reason, "detail": detail, "request": self.request,
        });
        write!(f, "{object}")
    }
}

/// The last sealed event.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Head {
    pub position: i64,
    pub seal: Vec<u8>,
    pub sealed_at: Timestamp,
}

/// What waits for the sealer.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Waiting {
    pub unsealed: i64,
    /// When the oldest unsealed event happened.
    pub oldest: Option<Timestamp>,
    /// The position of the newest head under our signature, and when it was signed.
    pub signed_position: Option<i64>,
    pub signed_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
pub struct Text {
    pub text: String,
}

pub struct NewEvent<'a> {
    pub kind: &'a str,
    pub subject: Option<String>,
    pub reason: Option<String>,
    pub detail: &'a str,
}

pub async fn insert(work: &mut Work, event: NewEvent<'_>) -> Result<(), Error> {
    let id = EventId::new(work.now, &work.random);
    let (actor, request, now) = (work.actor.text(), work.request.clone(), work.now);
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO audit_event (id, at, kind, actor, subject, reason, detail, request)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        now,
        event.kind,
        actor,
        event.subject,
        event.reason,
        event.detail,
        request
    )?;
    Ok(())
}

/// `kinds` is a list with a comma before and after every kind. REPLACE, because LIKE differs between the databases and takes
/// an underscore for any letter.
pub async fn of_kinds(
    tx: &mut Tx,
    subject: &str,
    kinds: &str,
    before: &str,
    limit: i64,
) -> Result<Vec<Recorded>, DbError> {
    sql!(tx, fetch_all Recorded,
        "SELECT id, at, kind, actor, reason, detail FROM audit_event
          WHERE subject = $1 AND id < $3 AND REPLACE(CAST($2 AS TEXT), ',' || kind || ',', '') <> $2
          ORDER BY id DESC LIMIT $4", subject, kinds, before, limit)
}

/// As [`of_kinds`], by one actor and in one period if wished.
pub async fn of_kinds_wanted(
    tx: &mut Tx,
    (subject, kinds): (&str, &str),
    wanted: Wanted<'_>,
    before: &str,
    limit: i64,
) -> Result<Vec<Recorded>, DbError> {
    let Wanted { actor, from, until } = wanted;
    sql!(tx, fetch_all Recorded,
        "SELECT id, at, kind, actor, reason, detail FROM audit_event
          WHERE subject = $1 AND id < $3 AND REPLACE(CAST($2 AS TEXT), ',' || kind || ',', '') <> $2
            AND (CAST($5 AS TEXT) IS NULL OR actor = $5)
            AND (CAST($6 AS BIGINT) IS NULL OR at >= $6) AND (CAST($7 AS BIGINT) IS NULL OR at < $7)
          ORDER BY id DESC LIMIT $4", subject, kinds, before, limit, actor, from, until)
}

/// The newest events, of one subject and one kind if wished, newest first.
pub async fn newest(tx: &mut Tx, subject: Option<&str>, kind: Option<&str>, limit: i64) -> Result<Vec<Link>, DbError> {
    sql!(tx, fetch_all Link,
        "SELECT id, at, kind, actor, subject, reason, detail, request, position, seal FROM audit_event
          WHERE (CAST($1 AS TEXT) IS NULL OR subject = $1) AND (CAST($2 AS TEXT) IS NULL OR kind = $2)
          ORDER BY id DESC LIMIT $3", subject, kind, limit)
}

pub async fn unsealed(tx: &mut Tx, limit: i64) -> Result<Vec<Link>, DbError> {
    sql!(tx, fetch_all Link,
        "SELECT id, at, kind, actor, subject, reason, detail, request, position, seal FROM audit_event
          WHERE seal IS NULL ORDER BY id LIMIT $1", limit)
}

/// A sealed row as verification reads it: few columns, because each costs more than the hash over all of them.
#[derive(sqlx::FromRow)]
pub struct Sealed {
    pub position: i64,
    pub seal: Option<Vec<u8>>,
    at: Timestamp,
    /// The lengths of the texts in bytes, -1 for none, separated by commas; a colon; the texts one after the other.
    texts: String,
}

impl Sealed {
    /// `None` if the row does not read as one.
    pub fn fields(&self) -> Option<Fields<'_>> {
        let (lengths, mut rest) = self.texts.split_once(':')?;
        let mut lengths = lengths.split(',');
        let mut next = || {
            let Ok(length) = usize::try_from(lengths.next()?.parse::<i64>().ok()?) else { return Some(None) };
            let (text, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(Some(text))
        };
        Some(Fields {
            at: self.at,
            id: next()??,
            kind: next()??,
            actor: next()??,
            subject: next()?,
            reason: next()?,
            detail: next()??,
            request: next()?,
        })
    }
}

pub async fn sealed_after(tx: &mut Tx, position: i64, limit: i64) -> Result<Vec<Sealed>, DbError> {
    sql!(tx, fetch_all Sealed,
        "SELECT position, seal, at,
                CAST(OCTET_LENGTH(id) AS TEXT) || ',' || CAST(OCTET_LENGTH(kind) AS TEXT) || ','
                || CAST(OCTET_LENGTH(actor) AS TEXT) || ',' || CAST(COALESCE(OCTET_LENGTH(subject), -1) AS TEXT) || ','
                || CAST(COALESCE(OCTET_LENGTH(reason), -1) AS TEXT) || ',' || CAST(OCTET_LENGTH(detail) AS TEXT) || ','
                || CAST(COALESCE(OCTET_LENGTH(request), -1) AS TEXT) || ':'
                || id || kind || actor || COALESCE(subject, '') || COALESCE(reason, '') || detail || COALESCE(request, '')
                AS texts
           FROM audit_event WHERE position > $1 ORDER BY position LIMIT $2", position, limit)
}

/// Events that pretend to be sealed but have no place in the chain.
pub async fn sealed_nowhere(tx: &mut Tx, limit: i64) -> Result<Vec<Text>, DbError> {
    sql!(tx, fetch_all Text,
        "SELECT id AS text FROM audit_event WHERE position IS NULL AND seal IS NOT NULL ORDER BY id LIMIT $1", limit)
}

pub async fn waiting(tx: &mut Tx) -> Result<Waiting, DbError> {
    sql!(tx, fetch_one Waiting,
        "SELECT CAST((SELECT COUNT(*) FROM audit_event WHERE seal IS NULL) AS BIGINT) AS unsealed,
                (SELECT at FROM audit_event WHERE seal IS NULL ORDER BY id LIMIT 1) AS oldest,
                (SELECT position FROM audit_signed_head ORDER BY position DESC LIMIT 1) AS signed_position,
                (SELECT signed_at FROM audit_signed_head ORDER BY position DESC LIMIT 1) AS signed_at")
}

/// The row that says where the chain ends.
pub const END: &str = "chain";
/// The row that says where it begins, since its oldest part is gone; the event at that place is gone, too.
pub const START: &str = "start";

pub async fn head(tx: &mut Tx, name: &str) -> Result<Option<Head>, DbError> {
    sql!(tx, fetch_optional Head, "SELECT position, seal, sealed_at FROM audit_head WHERE name = $1", name)
}

/// Moves an end of the chain, if it is still where it was: of several nodes, one does.
pub async fn move_head(tx: &mut Tx, name: &str, from: &Head, to: &Head) -> Result<bool, DbError> {
    let rows = sql!(
        tx,
        execute,
        "INSERT INTO audit_head (name, position, seal, sealed_at) VALUES ($6, $1, $2, $3)
         ON CONFLICT (name) DO UPDATE
            SET position = excluded.position, seal = excluded.seal, sealed_at = excluded.sealed_at
          WHERE audit_head.position = $4 AND audit_head.seal = $5",
        to.position,
        &to.seal,
        to.sealed_at,
        from.position,
        &from.seal,
        name
    )?;
    Ok(rows == 1)
}

/// Seals of consecutive positions, packed: one statement writes them all on either database.
pub struct Packed {
    /// The position before the first.
    pub after: i64,
    pub count: i64,
    /// 32 bytes each.
    pub seals: Vec<u8>,
    /// The events' ids, each filled up with spaces to `id_width` letters.
    pub ids: String,
    pub id_width: i64,
}

/// Gives the events their places and seals; returns how many were there and unsealed.
pub async fn write_seals(tx: &mut Tx, packed: &Packed) -> Result<u64, DbError> {
    // The COALESCE tells PostgreSQL which type $3 has; CAST to BYTEA means a number to SQLite.
    sql!(
        tx,
        execute,
        "UPDATE audit_event SET position = batch.position, seal = batch.seal
           FROM (WITH RECURSIVE place(i) AS (
                     SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM place WHERE i + 1 < $2)
                 SELECT $1 + i + 1 AS position,
                        SUBSTR(COALESCE((SELECT seal FROM audit_event WHERE FALSE), $3), CAST(i * 32 + 1 AS INTEGER), 32)
                            AS seal,
                        RTRIM(SUBSTR(CAST($4 AS TEXT), CAST(i * $5 + 1 AS INTEGER), CAST($5 AS INTEGER))) AS id
                   FROM place) AS batch
          WHERE audit_event.id = batch.id AND audit_event.seal IS NULL",
        packed.after,
        packed.count,
        &packed.seals,
        &packed.ids,
        packed.id_width
    )
}

/// Every head under our signature, oldest first.
pub async fn signed_heads(tx: &mut Tx) -> Result<Vec<Text>, DbError> {
    sql!(tx, fetch_all Text, "SELECT token AS text FROM audit_signed_head ORDER BY position")
}

/// The oldest signed head after a position.
pub async fn signed_head_after(tx: &mut Tx, position: i64) -> Result<Option<Text>, DbError> {
    sql!(tx, fetch_optional Text,
        "SELECT token AS text FROM audit_signed_head WHERE position > $1 ORDER BY position LIMIT 1", position)
}

/// Deletes the sealed events up to a position, and the heads before it.
pub async fn delete_sealed(tx: &mut Tx, to: i64) -> Result<u64, DbError> {
    sql!(tx, execute, "DELETE FROM audit_signed_head WHERE position < $1", to)?;
    sql!(tx, execute, "DELETE FROM audit_event WHERE position <= $1", to)
}

pub async fn insert_signed_head(tx: &mut Tx, position: i64, now: Timestamp, token: &str) -> Result<u64, DbError> {
    sql!(
        tx,
        execute,
        "INSERT INTO audit_signed_head (position, signed_at, token) VALUES ($1, $2, $3)
         ON CONFLICT (position) DO NOTHING",
        position,
        now,
        token
    )
}
