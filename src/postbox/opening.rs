//! Opening a notice: the one event that the law calls retrieval. It needs somebody who may read it, signed in at the level that the
//! notice needs, who asks for its text by a form of ours; the first time stays for ever.

use super::attachment::{self, Attachment};
use super::content::{Content, Head};
use super::event::{self, Told, What};
use super::reader::Reader;
use super::store::{self, First, MessageRow, Shelf};
use super::{Message, clock, due};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::MessageId;
use crate::kernel::seal::DataKey;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// What somebody has opened.
pub struct Opened {
    pub message: Message,
    pub head: Head,
    pub content: Content,
    pub attachments: Vec<Attachment>,
}

pub enum Outcome {
    /// It is open, perhaps since long ago.
    Open,
    /// Provision had ended before anybody opened it: it counts as not announced, and stays closed.
    Lapsed,
}

pub(super) async fn begin(app: &AppParts, reader: &Reader, request: &str) -> Result<Work, Error> {
    let mut work = app.begin(Actor::Account(reader.account.clone())).await?;
    work.request = Some(request.to_owned());
    Ok(work)
}

pub(super) fn check_level(reader: &Reader, message: &Message) -> Result<(), Error> {
    if reader.opens(message) { Ok(()) } else { Err(Error::LevelTooLow(message.level)) }
}

/// Computes the days that have become certain by what this work has just written down of a notice, whose row it holds by that: what two
/// do at once both counts. Where none has, the job of the days looks when it would have: by what happens there is only less to be said.
pub(super) async fn settle(work: &mut Work, written: MessageRow) -> Result<Message, Error> {
    let mut message = written.read()?;
    if message.compute() {
        let look_at = due::first_look(&message, work.now);
        store::put_days(work, &message, look_at).await?;
    }
    Ok(message)
}

/// Opens a notice. If it has been opened before nothing changes.
pub async fn open(app: &AppParts, reader: &Reader, id: &MessageId, request: &str) -> Result<Outcome, Error> {
    let mut work = begin(app, reader, request).await?;
    let message = reader.find(&mut work.tx, id).await?;
    check_level(reader, &message)?;
    if message.has_lapsed(clock::day(work.now)) {
        return Ok(Outcome::Lapsed);
    }
    reader.hold(&mut work, &message).await?;
    if let Some(written) = store::put_first(&mut work, id, First::Opened(&reader.account)).await? {
        let message = settle(&mut work, written).await?;
        event::record_of(&mut work, reader, &message, What::Opened {}).await?;
        event::tell(&mut work, &message, Told::Opened).await?;
    }
    work.commit().await?;
    Ok(Outcome::Open)
}

/// Reads a notice that has been opened before; `NotFound` for one that nobody has opened.
pub async fn read(app: &AppParts, reader: &Reader, id: &MessageId) -> Result<Opened, Error> {
    let mut tx = app.read().await?;
    let (message, key) = find_opened(&mut tx, app, reader, id).await?;
    let attachments = attachment::of_message(&mut tx, id, &key).await?;
    Ok(Opened { head: message.head(&key)?, content: message.content(&key)?, attachments, message })
}

/// A notice that has been opened before, and the key of its owner; `NotFound` for one that nobody has opened.
pub(super) async fn find_opened(
    tx: &mut Tx,
    app: &AppParts,
    reader: &Reader,
    id: &MessageId,
) -> Result<(Message, DataKey), Error> {
    let message = reader.find(tx, id).await?;
    check_level(reader, &message)?;
    if message.is_unread() {
        return Err(Error::NotFound);
    }
    let key = reader.key(tx, &app.vault).await?;
    Ok((message, key))
}

/// The text of a notice, for a copy of what somebody has: only of what has been opened, and only for whoever has signed in well enough.
pub async fn text_of(tx: &mut Tx, reader: &Reader, id: &MessageId, key: &DataKey) -> Result<Option<Content>, Error> {
    let message = store::find(tx, id).await?.ok_or(Error::NotFound)?.read()?;
    let shows = reader.opens(&message) && !message.is_unread();
    if shows { message.content(key).map(Some) } else { Ok(None) }
}

/// Acknowledges receipt of what is served formally (§ 5 Abs. 7 VwZG). Whoever acknowledges has opened it.
pub async fn acknowledge(app: &AppParts, reader: &Reader, id: &MessageId, request: &str) -> Result<(), Error> {
    let mut work = begin(app, reader, request).await?;
    let message = reader.find(&mut work.tx, id).await?;
    check_level(reader, &message)?;
    let is_asked = message.rule.as_deref().and_then(clock::rule_named).is_some_and(|rule| rule.acknowledged);
    if !is_asked || message.is_unread() || message.deleted_at.is_some() {
        return Err(Error::NotFound);
    }
    reader.require_keeping(&message)?;
    reader.hold(&mut work, &message).await?;
    if let Some(written) = store::put_first(&mut work, id, First::Acknowledged).await? {
        let message = settle(&mut work, written).await?;
        event::record_of(&mut work, reader, &message, What::Acknowledged {}).await?;
        event::tell(&mut work, &message, Told::Acknowledged).await?;
    }
    work.commit().await
}

/// Puts a notice on another shelf; what is there stays as it is.
pub async fn put_on(
    app: &AppParts,
    reader: &Reader,
    (id, shelf): (&MessageId, Shelf),
    request: &str,
) -> Result<(), Error> {
    let mut work = begin(app, reader, request).await?;
    let message = reader.find(&mut work.tx, id).await?;
    reader.require_keeping(&message)?;
    reader.hold(&mut work, &message).await?;
    if store::put_on(&mut work, id, shelf).await? {
        let what = match (shelf, message.deleted_at) {
            (Shelf::Archived, _) => What::Archived {},
            (Shelf::Open, Some(_)) => What::Restored {},
            (Shelf::Open, None) => What::Unarchived {},
            (Shelf::Deleted, _) => What::Deleted {},
        };
        event::record_of(&mut work, reader, &message, what).await?;
        if shelf == Shelf::Deleted {
            event::tell(&mut work, &message, Told::Deleted).await?;
        }
    }
    work.commit().await
}
