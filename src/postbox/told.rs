//! What an authority learns of its own notices: how each stands, and what has happened that it has not taken note of yet.

use super::Message;
use super::attachment::{self, Attachment};
use super::store::{self, EventRow};
use crate::app::AppParts;
use crate::client::Client;
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, MessageEventId, MessageId};
use crate::organisation::mandate::party;
use crate::store::work::{Actor, Work};

/// A notice of this authority; `NotFound` for every other one.
pub async fn find(app: &AppParts, client: &Client, id: &MessageId) -> Result<Message, Error> {
    store::find_of(&mut app.read().await?, &client.id, id).await?.ok_or(Error::NotFound)?.read()
}

/// The files of a notice, as its authority has sent them; none once it has been deleted for good.
pub async fn attachments(app: &AppParts, message: &Message) -> Result<Vec<Attachment>, Error> {
    let mut tx = app.read().await?;
    if attachment::count(&mut tx, &message.id).await? == 0 {
        return Ok(Vec::new());
    }
    let key = party::key(&mut tx, &app.vault, &message.owner).await?;
    attachment::of_message(&mut tx, &message.id, &key).await
}

/// What it has not taken, the oldest first. Each is told again until it is taken, so that nothing is lost with an answer.
pub async fn events(app: &AppParts, client: &Client, limit: i64) -> Result<Vec<EventRow>, Error> {
    Ok(store::events(&mut app.read().await?, &client.id, limit).await?)
}

/// Takes note of these; how many were still to be taken. Whoever takes note of a reply has it.
pub async fn take(app: &AppParts, client: &Client, ids: &[MessageEventId]) -> Result<usize, Error> {
    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    let mut taken = 0;
    for id in ids {
        taken += usize::from(take_one(&mut work, &client.id, id).await?);
    }
    work.commit().await?;
    Ok(taken)
}

/// Takes note of one; `false` if that has been done, or is not this client's to do.
pub(super) async fn take_one(work: &mut Work, client: &ClientId, id: &MessageEventId) -> Result<bool, Error> {
    let Some(event) = store::take_event(work, client, id).await? else { return Ok(false) };
    if let Some(reply) = event.reply_id {
        store::reply::put_taken(work, client, &reply).await?;
    }
    Ok(true)
}
