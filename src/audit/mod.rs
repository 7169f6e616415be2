//! The audit trail: what happened, who did it, to whom, and why. Appended in the transaction of the act,
//! never changed. Values of personal data never enter it. The chain that proves it complete is made by a
//! job ([`chain`]), which gives every event its place and seal at most a second later; no request waits for it.

pub mod chain;
pub mod head;
pub mod prune;
mod store;
pub mod verify;

use serde::Serialize;

use crate::kernel::error::Error;
use crate::kernel::id::EventId;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::Work;

pub use store::{Link, Recorded};

/// Something worth remembering. Each capability declares its own.
pub trait Event: Serialize {
    /// Capability and past participle, as in `session.begun`.
    fn kind(&self) -> &'static str;

    /// Whom it concerns: the id of an account or a client.
    fn subject(&self) -> Option<String>;

    /// Why, where somebody had to say so.
    fn reason(&self) -> Option<String> {
        None
    }
}

/// Appends the event to the work's transaction. Its details are the event's own fields.
pub async fn record(work: &mut Work, event: &impl Event) -> Result<(), Error> {
    let detail = serde_json::to_string(event).map_err(Error::broken)?;
    let event =
        store::NewEvent { kind: event.kind(), subject: event.subject(), reason: event.reason(), detail: &detail };
    store::insert(work, event).await
}

/// The newest events, of one subject and one kind if wished, newest first.
pub async fn newest(tx: &mut Tx, subject: Option<&str>, kind: Option<&str>, limit: i64) -> Result<Vec<Link>, Error> {
    Ok(store::newest(tx, subject, kind, limit).await?)
}

/// What concerns an account or client, of these kinds, newest first: at most `limit` events, older than `before` if that is
/// given.
pub async fn of_kinds(
    tx: &mut Tx,
    subject: &str,
    kinds: &[&str],
    before: Option<&EventId>,
    limit: i64,
) -> Result<Vec<Recorded>, Error> {
    let before = before.map_or(NEWEST, EventId::as_str);
    Ok(store::of_kinds(tx, subject, &format!(",{},", kinds.join(",")), before, limit).await?)
}

/// Which events of a subject somebody wants to see.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// By this actor, in the form that the trail stores.
    pub actor: Option<&'a str>,
    pub from: Option<Timestamp>,
    /// Not any more at this moment.
    pub until: Option<Timestamp>,
}

/// As [`of_kinds`], and only what is wanted.
pub async fn of_kinds_wanted(
    tx: &mut Tx,
    (subject, kinds): (&str, &[&str]),
    wanted: Wanted<'_>,
    before: Option<&EventId>,
    limit: i64,
) -> Result<Vec<Recorded>, Error> {
    let before = before.map_or(NEWEST, EventId::as_str);
    let kinds = format!(",{},", kinds.join(","));
    Ok(store::of_kinds_wanted(tx, (subject, &kinds), wanted, before, limit).await?)
}

/// Greater than the id of every event.
const NEWEST: &str = "~";

#[cfg(test)]
pub mod tests {
    use std::path::Path;

    /// Every kind of event that the source records, for the tables that have a sentence for each.
    pub fn recorded_kinds() -> Vec<String> {
        fn visit(directory: &Path, out: &mut Vec<String>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(&path, out);
                } else {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let code = text.split("#[cfg(test)]").next().unwrap();
                    let events = code.split("fn kind(&self) -> &'static str {").skip(1);
                    // What is called a kind and has no dot is no event.
                    for body in events.filter_map(|rest| rest.split("\n    }\n").next()) {
                        let names = body.split('"').skip(1).step_by(2).filter(|name| name.contains('.'));
                        out.extend(names.map(str::to_owned));
                    }
                }
            }
        }
        let mut recorded = Vec::new();
        visit(Path::new("src"), &mut recorded);
        recorded
    }
}
