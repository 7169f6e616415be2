//! What has been sent, for whoever may read the notice that it answers.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::asked::Asked;
use super::written::Written;
use super::{own_place, write};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{MessageId, ReplyId};
use crate::kernel::seal::DataKey;
use crate::kernel::secret::hex;
use crate::kernel::time::Timestamp;
use crate::postbox::Message;
use crate::postbox::content::Head;
use crate::postbox::opening::{self, Opened};
use crate::postbox::reader::Reader;
use crate::postbox::receipt::moment;
use crate::postbox::store::reply as store;
use crate::store::db::Tx;
use crate::store::retention::DRAFT_KEPT;

pub use store::ReplyRow;

/// A reply, opened.
pub struct Sent {
    pub message: Message,
    pub head: Head,
    pub asked: Asked,
    pub row: ReplyRow,
    pub written: Written,
}

/// All replies to a notice, the oldest first, without what they say.
pub async fn list(tx: &mut Tx, message: &MessageId) -> Result<Vec<ReplyRow>, Error> {
    Ok(store::of_message(tx, message).await?)
}

fn open(key: &DataKey, row: &ReplyRow) -> Result<Written, Error> {
    let sealed = row.own_copy.as_deref().ok_or(Error::Gone)?;
    let plain = key.open(own_place(&row.id), sealed).map_err(Error::broken)?;
    serde_json::from_slice(plain.expose()).map_err(Error::broken)
}

/// One reply; read like the notice itself.
pub async fn read(app: &AppParts, reader: &Reader, (id, reply): (&MessageId, &ReplyId)) -> Result<Sent, Error> {
    let Opened { message, head, content, .. } = opening::read(app, reader, id).await?;
    let tx = &mut app.read().await?;
    let row = store::find(tx, reply).await?.filter(|row| row.message_id == *id).ok_or(Error::NotFound)?;
    let key = message.key(&reader.key(tx, &app.vault).await?)?;
    let written = open(&key, &row)?;
    Ok(Sent { message, head, asked: content.reply.ok_or(Error::NotFound)?, row, written })
}

/// Of which notices a list says that there is a draft of the reader's, or a reply.
#[derive(Default)]
pub struct Marks {
    pub drafts: HashSet<MessageId>,
    pub answered: HashSet<MessageId>,
}

/// For the notices of one page of a list.
pub async fn marks(
    tx: &mut Tx,
    reader: &Reader,
    messages: impl Iterator<Item = &Message> + Clone,
    now: Timestamp,
) -> Result<Marks, Error> {
    let times = || messages.clone().map(|message| message.facts.provided_at);
    let (Some(from), Some(until)) = (times().min(), times().max()) else { return Ok(Marks::default()) };
    let who = (&reader.account, reader.owner.as_str());
    let rows = store::marks(tx, who, (from, until), now.minus(DRAFT_KEPT)).await?;
    let mut marks = Marks::default();
    for row in rows {
        let set = if row.is_draft { &mut marks.drafts } else { &mut marks.answered };
        set.insert(row.message_id);
    }
    Ok(marks)
}

/// What a copy of what somebody has says of the replies to a notice that they have opened, and of their draft.
pub async fn copy(
    tx: &mut Tx,
    reader: &Reader,
    (message, key): (&Message, &DataKey),
    now: Timestamp,
) -> Result<(Vec<Value>, Option<Value>), Error> {
    if !reader.opens(message) || message.is_unread() {
        return Ok((Vec::new(), None));
    }
    let key = message.key(key)?;
    let mut replies = Vec::new();
    for row in store::of_message(tx, &message.id).await? {
        let mut said = json!(open(&key, &row)?);
        said["id"] = json!(row.id);
        said["message"] = json!(row.message_id);
        said["at"] = json!(moment(row.sent_at));
        said["written_by_you"] = json!(row.written_by == reader.account);
        said["content_sha256"] = json!(hex(&row.content_hash));
        replies.push(said);
    }
    let draft = write::draft_of(tx, reader, (&message.id, &key), now).await?;
    Ok((replies, draft.map(|draft| json!({ "saved_at": moment(draft.saved_at), "typed": draft.typed }))))
}
