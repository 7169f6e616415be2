//! The chain: every event gets a position, 1, 2, 3 ..., and a seal over everything before it. Whoever edits,
//! removes, inserts or moves a sealed event breaks it.
//!
//! Any node may seal; one moves the end of the chain at a time, so that it never forks and never skips.
//! Events that become visible late, because their transaction took long, come later in the chain: the order of
//! the chain is that of sealing, not that of ids. It is a job's work; no request waits for it.

use crate::kernel::error::Error;
use crate::kernel::secret::sha256;
use crate::kernel::time::Timestamp;
use crate::store::db::Db;

use super::store::{self, Head, Link, Packed};

/// Events sealed in one transaction: so many that the commit hardly counts, so few that nobody waits for it.
pub const BATCH: usize = 1000;
/// Of the encoding that is hashed; another encoding gets another number.
const FORMAT: &[u8] = b"nutzerkonto/audit/1";

/// The end of an empty chain.
pub fn beginning() -> Head {
    Head { position: 0, seal: vec![0; 32], sealed_at: Timestamp::from_milliseconds(0) }
}

/// The seal of an event at a position after the event that bears the seal `previous`: SHA-256 of the format's name,
/// `previous`, the position, and every column, each with its length before it, so that no two events read the same.
pub fn seal_of(previous: &[u8], position: i64, event: &Link) -> [u8; 32] {
    let mut text = Vec::with_capacity(512);
    let mut put = |field: Option<&[u8]>| match field {
        None => text.push(0),
        Some(bytes) => {
            text.push(1);
            text.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            text.extend_from_slice(bytes);
        }
    };
    put(Some(FORMAT));
    put(Some(previous));
    put(Some(&position.to_be_bytes()));
    put(Some(event.id.as_bytes()));
    put(Some(&event.at.milliseconds().to_be_bytes()));
    put(Some(event.kind.as_bytes()));
    put(Some(event.actor.as_bytes()));
    put(event.subject.as_deref().map(str::as_bytes));
    put(event.reason.as_deref().map(str::as_bytes));
    put(Some(event.detail.as_bytes()));
    put(event.request.as_deref().map(str::as_bytes));
    sha256(&text)
}

/// Seals everything that is committed and unsealed; how many events this node has sealed.
pub async fn seal(db: &Db, now: Timestamp) -> Result<usize, Error> {
    let mut sealed = 0;
    loop {
        match seal_batch(db, now).await? {
            Some(count) if count < BATCH => return Ok(sealed + count),
            Some(count) => sealed += count,
            // Another node was first; what it did not see yet is ours to try.
            None => {}
        }
    }
}

/// Seals one batch, or nothing (`None`) if the chain has moved on meanwhile.
async fn seal_batch(db: &Db, now: Timestamp) -> Result<Option<usize>, Error> {
    let mut tx = db.read().await?;
    let head = store::head(&mut tx, store::END).await?.unwrap_or_else(beginning);
    let events = store::unsealed(&mut tx, BATCH as i64).await?;
    drop(tx);
    if events.is_empty() {
        return Ok(Some(0));
    }
    let (packed, end) = pack(&head, &events, now);
    let mut tx = db.begin().await?;
    if !store::move_head(&mut tx, store::END, &head, &end).await? {
        return Ok(None);
    }
    if store::write_seals(&mut tx, &packed).await? != events.len() as u64 {
        return Err(Error::broken("an unsealed event of the audit trail vanished or changed its id"));
    }
    db.commit(tx).await?;
    Ok(Some(events.len()))
}

fn pack(head: &Head, events: &[Link], now: Timestamp) -> (Packed, Head) {
    let id_width = events.iter().map(|event| event.id.chars().count()).max().unwrap_or(0);
    let (mut seals, mut ids) = (Vec::with_capacity(events.len() * 32), String::new());
    let mut end = Head { sealed_at: now, ..head.clone() };
    for event in events {
        end.position += 1;
        end.seal = seal_of(&end.seal, end.position, event).to_vec();
        seals.extend_from_slice(&end.seal);
        ids.push_str(&format!("{:id_width$}", event.id));
    }
    let (after, count) = (head.position, events.len() as i64);
    (Packed { after, count, seals, ids, id_width: id_width as i64 }, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::secret::hex;

    fn event() -> Link {
        let text = |text: &str| text.to_owned();
        Link {
            id: text("evt_1"),
            at: Timestamp::from_milliseconds(7),
            kind: text("session.begun"),
            actor: text("visitor"),
            subject: Some(text("acc_1")),
            reason: None,
            detail: text("{}"),
            request: None,
            position: None,
            seal: None,
        }
    }

    /// The encoding is a promise to whoever recomputes the chain elsewhere.
    #[test]
    fn the_seal_is_what_the_documentation_says() {
        let documented = "2c323431a546ffaadbd3a1c8ab4f4f0f6c7fcf6a6b3a47d0b6cb5d2de5c9fb91";
        assert_eq!(hex(&seal_of(&[0; 32], 1, &event())), documented);
    }

    #[test]
    fn no_two_events_read_the_same() {
        let shifted = |change: fn(&mut Link)| {
            let mut other = event();
            change(&mut other);
            seal_of(&[0; 32], 1, &other)
        };
        let seals = [
            shifted(|_| {}),
            shifted(|event| event.reason = Some(String::new())),
            shifted(|event| event.request = Some(String::new())),
            shifted(|event| event.subject = None),
            shifted(|event| (event.kind, event.actor) = ("session.begunv".to_owned(), "isitor".to_owned())),
            shifted(|event| (event.subject, event.reason) = (None, Some("acc_1".to_owned()))),
            shifted(|event| event.at = Timestamp::from_milliseconds(8)),
            seal_of(&[0; 32], 2, &event()),
            seal_of(&[1; 32], 1, &event()),
        ];
        for (place, seal) in seals.iter().enumerate() {
            assert!(!seals[..place].contains(seal), "{place}");
        }
    }
}
