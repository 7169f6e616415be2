//! The rows of the audit trail: inserted, never changed.

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
        execute,
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

pub async fn of_subject(tx: &mut Tx, subject: &str, before: &str, limit: i64) -> Result<Vec<Recorded>, DbError> {
    sql!(tx, fetch_all Recorded,
        "SELECT id, at, kind, actor, reason, detail FROM audit_event
          WHERE subject = $1 AND id < $2 ORDER BY id DESC LIMIT $3", subject, before, limit)
}
