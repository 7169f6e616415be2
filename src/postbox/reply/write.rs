//! Writing a reply. Only who may answer for the postbox does, signed in at the level that the notice needs, and only to what has been
//! opened. Every draft that is saved has an id of its own, and that is what is sent: nothing goes out but what the page has shown, and
//! pressing twice sends once.

use super::asked::Asked;
use super::written::{Typed, Written};
use super::{REPLIES_MAX, Role, authority_place, draft_place, own_place};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{MessageId, ReplyId};
use crate::kernel::seal::DataKey;
use crate::kernel::time::Timestamp;
use crate::postbox::content::Head;
use crate::postbox::event;
use crate::postbox::opening::{begin, check_level};
use crate::postbox::reader::Reader;
use crate::postbox::store::reply::{self as store, ReplyRow};
use crate::postbox::{Message, clock};
use crate::store::db::Tx;
use crate::store::retention::DRAFT_KEPT;
use crate::store::work::Work;

/// What somebody has begun to write.
pub struct Draft {
    pub id: ReplyId,
    pub typed: Typed,
    pub saved_at: Timestamp,
}

/// Why nothing can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The last day has passed.
    Over,
    /// There are as many replies as there may be.
    Enough,
}

/// A notice that somebody may answer.
pub struct Desk {
    pub message: Message,
    pub head: Head,
    pub asked: Asked,
    pub draft: Option<Draft>,
    pub closed: Option<Closed>,
    key: DataKey,
}

/// What has become of sending.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is sent, by this press or by one before.
    Sent(ReplyId),
    /// What was shown is not what there is now: it has to be looked at again.
    Changed,
    /// Nothing can be sent.
    Closed,
}

/// `NotFound` for what nobody has asked to be answered, what nobody has opened, and what has been deleted; `NotAllowed` for who only
/// reads.
async fn find(app: &AppParts, tx: &mut Tx, reader: &Reader, id: &MessageId) -> Result<Desk, Error> {
    let message = reader.find(tx, id).await?;
    check_level(reader, &message)?;
    if message.is_unread() || message.deleted_at.is_some() {
        return Err(Error::NotFound);
    }
    let owner = reader.key(tx, &app.vault).await?;
    let asked = message.content(&owner)?.reply.ok_or(Error::NotFound)?;
    reader.require_keeping(&message)?;
    let (head, key) = (message.head(&owner)?, message.key(&owner)?);
    Ok(Desk { message, head, asked, draft: None, closed: None, key })
}

fn since(now: Timestamp) -> Timestamp {
    now.minus(DRAFT_KEPT)
}

fn open(key: &DataKey, row: &store::DraftRow) -> Result<Draft, Error> {
    let plain = key.open(draft_place(&row.reply_id), &row.content).map_err(Error::broken)?;
    let typed = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    Ok(Draft { id: row.reply_id.clone(), typed, saved_at: row.saved_at })
}

/// The draft of a notice, if somebody has one.
pub(super) async fn draft_of(
    tx: &mut Tx,
    reader: &Reader,
    (message, key): (&MessageId, &DataKey),
    now: Timestamp,
) -> Result<Option<Draft>, Error> {
    let row = store::draft(tx, &reader.account, message, since(now)).await?;
    row.map(|row| open(key, &row)).transpose()
}

/// Whether a notice can be answered no more.
pub async fn closed(
    tx: &mut Tx,
    (message, asked): (&MessageId, &Asked),
    now: Timestamp,
) -> Result<Option<Closed>, Error> {
    if asked.is_over(clock::day(now)) {
        return Ok(Some(Closed::Over));
    }
    Ok((store::count(tx, message).await? >= REPLIES_MAX).then_some(Closed::Enough))
}

/// Whether somebody has begun to answer.
pub async fn has_draft(tx: &mut Tx, reader: &Reader, message: &MessageId, now: Timestamp) -> Result<bool, Error> {
    Ok(store::draft(tx, &reader.account, message, since(now)).await?.is_some())
}

/// Everything that writing begins from.
pub async fn look(app: &AppParts, reader: &Reader, id: &MessageId) -> Result<Desk, Error> {
    let (tx, now) = (&mut app.read().await?, app.now());
    let mut desk = find(app, tx, reader, id).await?;
    desk.draft = draft_of(tx, reader, (id, &desk.key), now).await?;
    desk.closed = closed(tx, (id, &desk.asked), now).await?;
    Ok(desk)
}

impl Desk {
    /// What would be sent if the draft were sent now.
    pub fn written(&self) -> Option<(&Draft, Written)> {
        let draft = self.draft.as_ref()?;
        Written::read(&self.asked, &draft.typed).ok().map(|written| (draft, written))
    }
}

/// Keeps a draft. With `is_to_send` it has to be complete.
pub async fn save(
    app: &AppParts,
    reader: &Reader,
    (id, typed): (&MessageId, &Typed),
    is_to_send: bool,
    request: &str,
) -> Result<(), Error> {
    let mut work = begin(app, reader, request).await?;
    let desk = find(app, &mut work.tx, reader, id).await?;
    if desk.asked.is_over(clock::day(work.now)) {
        return Err(Error::Conflict("reply"));
    }
    let checked = if is_to_send { Written::read(&desk.asked, typed).map(drop) } else { typed.check() };
    checked.map_err(Error::Invalid)?;
    let reply = ReplyId::new(work.now, &work.random);
    let plain = serde_json::to_vec(typed).map_err(Error::broken)?;
    let sealed = desk.key.seal(draft_place(&reply), &plain, &work.random).map_err(Error::broken)?;
    store::put_draft(&mut work, (&reader.account, id), (&reply, &sealed)).await?;
    work.commit().await
}

/// Throws a draft away.
pub async fn discard(app: &AppParts, reader: &Reader, id: &MessageId, request: &str) -> Result<(), Error> {
    let mut work = begin(app, reader, request).await?;
    find(app, &mut work.tx, reader, id).await?;
    store::discard_draft(&mut work, &reader.account, id).await?;
    work.commit().await
}

/// Sends the draft that was shown under this id.
pub async fn send(
    app: &AppParts,
    reader: &Reader,
    (id, reply): (&MessageId, &ReplyId),
    request: &str,
) -> Result<Outcome, Error> {
    let mut work = begin(app, reader, request).await?;
    let desk = find(app, &mut work.tx, reader, id).await?;
    if is_sent(&mut work.tx, reader, (id, reply)).await? {
        return Ok(Outcome::Sent(reply.clone()));
    }
    if desk.asked.is_over(clock::day(work.now)) {
        return Ok(Outcome::Closed);
    }
    reader.hold(&mut work, &desk.message).await?;
    // The second of two presses waits here, and finds the reply of the first.
    let is_counted = store::count_one(&mut work, id, REPLIES_MAX).await?;
    if is_sent(&mut work.tx, reader, (id, reply)).await? {
        return Ok(Outcome::Sent(reply.clone()));
    }
    if !is_counted {
        return Ok(Outcome::Closed);
    }
    let Some(row) = store::take_draft(&mut work, &reader.account, id, reply).await? else {
        return Ok(Outcome::Changed);
    };
    let draft = open(&desk.key, &row)?;
    let Ok(written) = Written::read(&desk.asked, &draft.typed) else { return Ok(Outcome::Changed) };
    put(&mut work, app, (reader, &desk), (reply, &written)).await?;
    work.commit().await?;
    Ok(Outcome::Sent(reply.clone()))
}

async fn is_sent(tx: &mut Tx, reader: &Reader, (id, reply): (&MessageId, &ReplyId)) -> Result<bool, Error> {
    let row = store::find(tx, reply).await?;
    Ok(row.is_some_and(|row| row.message_id == *id && row.written_by == reader.account))
}

async fn put(
    work: &mut Work,
    app: &AppParts,
    (reader, desk): (&Reader, &Desk),
    (reply, written): (&ReplyId, &Written),
) -> Result<(), Error> {
    let message = &desk.message;
    let plain = serde_json::to_vec(written).map_err(Error::broken)?;
    let seal = |key: &DataKey, place| key.seal(place, &plain, &work.random).map_err(Error::broken);
    let row = ReplyRow {
        id: reply.clone(),
        message_id: message.id.clone(),
        client_id: message.client.clone(),
        written_by: reader.account.clone(),
        role: Role::of(reader),
        sent_at: work.now,
        content_hash: written.hash(&message.id).to_vec(),
        own_copy: Some(seal(&desk.key, own_place(reply))?),
        for_authority: Some(seal(&app.vault.system, authority_place(reply))?),
        taken_at: None,
    };
    store::insert(work, &row).await?;
    event::record_of(work, reader, message, event::replied(reply, &row.content_hash)).await?;
    event::tell_reply(work, message, reply).await
}
