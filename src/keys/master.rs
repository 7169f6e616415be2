//! Another master key: whatever the old one wrapped is wrapped by the one in force, while every node goes on serving.
//!
//! Every wrapped key says which master key wrapped it, so that what is left is a question to the database. Nothing else
//! has to be remembered: after a crash one begins again and finds only what is left. The root secret comes last. As
//! long as it needs the other key, no node starts without that.

use std::time::Duration;

use super::KeyEvent;
use super::store::{self, Packed, Table, WrappedRow};
use crate::app::AppParts;
use crate::audit::record;
use crate::kernel::error::Error;
use crate::store::root;
use crate::store::work::Actor;

/// Keys wrapped in one transaction: so many that the commit hardly counts, so few that nobody waits for it.
const BATCH: i64 = 250;
/// Between two transactions, for others that want to write.
const PAUSE: Duration = Duration::from_millis(5);
/// The first finds everything, the second what was written meanwhile by a node that still wraps with the old key.
/// More of them only help if such a node goes on; the count of what is left tells.
const PASSES_MAX: usize = 3;

/// What was wrapped anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    pub accounts: u64,
    pub registrations: u64,
    pub organisations: u64,
    pub root: bool,
    /// Keys that the master key in force did not wrap and neither configured key opens, or that came too late.
    pub left: i64,
}

/// Wraps everything with the master key in force. Refuses if another one would be needed that is not configured.
pub async fn rewrap(app: &AppParts) -> Result<Rewrapped, Error> {
    let before = left(app).await?;
    if before.of_strangers > 0 {
        return Err(Error::Conflict(
            "there are keys that neither keys.master_key nor keys.other_master_key has wrapped; nothing was changed: \
             name the master key that did so as keys.other_master_key",
        ));
    }
    let mut done = Rewrapped::default();
    if before.total > 0 {
        note(app, &KeyEvent::MasterRotationBegun { left: before.total }).await?;
    }
    for _ in 0..PASSES_MAX {
        let (registrations, accounts) = (pass(app, Table::Registration).await?, pass(app, Table::Account).await?);
        let organisations = pass(app, Table::Organisation).await?;
        done.registrations += registrations;
        done.accounts += accounts;
        done.organisations += organisations;
        if registrations + accounts + organisations == 0 {
            break;
        }
    }
    done.root = root::rewrap(&app.db, &app.vault, &app.random).await?;
    done.left = left(app).await?.total;
    let Rewrapped { accounts, registrations, organisations, left, .. } = done;
    if done != (Rewrapped { left, ..Rewrapped::default() }) {
        note(app, &KeyEvent::MasterRotated { accounts, registrations, organisations, left }).await?;
    }
    Ok(done)
}

async fn left(app: &AppParts) -> Result<store::Left, Error> {
    let master = app.vault.master();
    Ok(store::count_left(&mut app.read().await?, &master.mark(), &master.other_mark()).await?)
}

async fn note(app: &AppParts, event: &KeyEvent<'_>) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("keys rotate")).await?;
    record(&mut work, event).await?;
    work.commit().await
}

/// Walks through a table once, in the order of ids; returns how many keys were wrapped anew.
async fn pass(app: &AppParts, table: Table) -> Result<u64, Error> {
    let (mut after, mut rewrapped) = (String::new(), 0);
    loop {
        let mark = app.vault.master().mark();
        let rows = store::find_left(&mut app.read().await?, table, &mark, &after, BATCH).await?;
        let Some(last) = rows.last() else { return Ok(rewrapped) };
        after.clone_from(&last.id);
        for alike in rows.chunk_by(|one, next| one.key_wrapped.len() == next.key_wrapped.len()) {
            rewrapped += rewrap_batch(app, table, alike).await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Rows whose wrapped keys are all of one length. A key that does not open is left as it is: to be counted, not to be
/// in the way of the others.
async fn rewrap_batch(app: &AppParts, table: Table, rows: &[WrappedRow]) -> Result<u64, Error> {
    let id_width = rows.iter().map(|row| row.id.chars().count()).max().unwrap_or(0);
    let old_width = rows.first().map_or(0, |row| row.key_wrapped.len()) as i64;
    let (mut ids, mut old, mut new, mut count) = (String::new(), Vec::new(), Vec::new(), 0);
    for WrappedRow { id, key_wrapped } in rows {
        let Ok(key) = app.vault.master().unwrap(key_wrapped, id).await else { continue };
        ids.push_str(&format!("{id:id_width$}"));
        old.extend_from_slice(key_wrapped);
        new.extend(app.vault.master().wrap(&key, id, &app.random).await.map_err(Error::broken)?);
        count += 1;
    }
    if count == 0 {
        return Ok(0);
    }
    let new_width = new.len() as i64 / count;
    let packed = Packed { count, ids, id_width: id_width as i64, old, old_width, new, new_width };
    let mut tx = app.db.begin().await?;
    let rewrapped = store::replace(&mut tx, table, &packed).await?;
    app.db.commit(tx).await?;
    Ok(rewrapped)
}
