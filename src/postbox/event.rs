//! What happens to a notice: as the audit trail keeps it, and as its authority is told.

use serde::{Deserialize, Serialize};

use super::reader::Reader;
use super::{Kind, Message, store};
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, MessageEventId, MessageId, ReplyId};
use crate::kernel::secret::hex;
use crate::organisation::acting::{self, By, Party};
use crate::store::work::Work;

/// What an authority is told about its own notices, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Told {
    Provided,
    /// A mail server has taken the notification.
    Notified,
    /// No notification has gone out; another way is needed.
    NotificationFailed,
    /// It has been opened for the first time.
    Opened,
    Acknowledged,
    /// From this day on it counts as announced.
    Announced,
    /// Provision has ended, and nobody has opened it: it counts as not announced.
    Lapsed,
    Deleted,
    /// Somebody has answered.
    Replied,
    /// The account has ended, and with it what nobody has saved.
    AccountGone,
}

/// Tells the authority of a notice.
pub async fn tell(work: &mut Work, message: &Message, told: Told) -> Result<(), Error> {
    let id = MessageEventId::new(work.now, &work.random);
    Ok(store::put_event(work, (&id, &message.client), &message.id, told).await?)
}

/// Tells the authority of a reply to its notice.
pub(super) async fn tell_reply(work: &mut Work, message: &Message, reply: &ReplyId) -> Result<(), Error> {
    let id = MessageEventId::new(work.now, &work.random);
    Ok(store::reply::put_event(work, &id, (reply, &message.id), &message.client).await?)
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum What {
    /// With what the receipt says, so that the trail proves it.
    Provided {
        kind: Kind,
        content_sha256: String,
        announced_on: Option<String>,
    },
    Opened {},
    Acknowledged {},
    Archived {},
    Unarchived {},
    Deleted {},
    Restored {},
    /// With what the receipt says.
    Replied {
        reply: ReplyId,
        content_sha256: String,
    },
}

#[derive(Serialize)]
pub(super) struct Happened<'a> {
    #[serde(skip)]
    subject: &'a Party,
    message: &'a MessageId,
    client: &'a ClientId,
    /// By what somebody has read it whose postbox it is not.
    #[serde(flatten)]
    by: Option<By<'a>>,
    #[serde(flatten)]
    what: &'a What,
}

impl Event for Happened<'_> {
    fn kind(&self) -> &'static str {
        match self.what {
            What::Provided { .. } => "postbox.provided",
            What::Opened {} => "postbox.opened",
            What::Acknowledged {} => "postbox.acknowledged",
            What::Archived {} => "postbox.archived",
            What::Unarchived {} => "postbox.unarchived",
            What::Deleted {} => "postbox.deleted",
            What::Restored {} => "postbox.restored",
            What::Replied { .. } => "postbox.replied",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.as_str().to_owned())
    }
}

/// For the owner of the postbox.
pub(super) async fn record(work: &mut Work, message: &Message, what: What) -> Result<(), Error> {
    let Message { id, owner, client, .. } = message;
    audit::record(work, &Happened { subject: owner, message: id, client, by: None, what: &what }).await
}

/// For everybody whom it concerns that this reader has done it.
pub(super) async fn record_of(work: &mut Work, reader: &Reader, message: &Message, what: What) -> Result<(), Error> {
    let Some(power) = reader.power() else { return record(work, message, what).await };
    let (id, client, by) = (&message.id, &message.client, By::new(&power.capacity, &power.party));
    for subject in acting::readers(&mut work.tx, (&power.account, &power.capacity), &power.party).await? {
        let happened = Happened { subject: &subject, message: id, client, by: Some(by), what: &what };
        audit::record(work, &happened).await?;
    }
    Ok(())
}

/// That a notice has been provided.
pub(super) fn provided(message: &Message) -> What {
    What::Provided {
        kind: message.kind,
        content_sha256: hex(&message.content_hash),
        announced_on: message.days.announced_on.map(|day| day.to_string()),
    }
}

/// That somebody has answered.
pub(super) fn replied(reply: &ReplyId, content_hash: &[u8]) -> What {
    What::Replied { reply: reply.clone(), content_sha256: hex(content_hash) }
}
