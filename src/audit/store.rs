//! The rows of the audit trail: inserted, never changed.

use crate::kernel::error::Error;
use crate::kernel::id::EventId;
use crate::sql;
use crate::store::work::Work;

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
