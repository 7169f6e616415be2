//! What lies in somebody's own postbox, a few notices at a time. A copy opens nothing: of what nobody has opened it has no text, and of
//! what needs a higher level than that of the session only sender, kind and days.

use serde_json::{Value, json};
use time::Date;

use super::{Archive, instant};
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId};
use crate::kernel::level::Level;
use crate::kernel::seal::DataKey;
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Party;
use crate::postbox::attachment::{self, Attachment, Description};
use crate::postbox::paper::Exclusion;
use crate::postbox::reader::{Listed, Reader, Wanted};
use crate::postbox::reply::sent;
use crate::postbox::{Message, Shelf, feed, opening, paper};
use crate::store::db::Tx;

/// A text may have 64 KiB: so many are in memory at once.
const PAGE: usize = 20;
const SHELVES: [Shelf; 3] = [Shelf::Open, Shelf::Archived, Shelf::Deleted];

/// Where the next notices are read: on which shelf, and after which.
pub struct Place {
    shelf: usize,
    after: Option<(Timestamp, String)>,
    has_written: bool,
}

impl Place {
    pub const FIRST: Self = Self { shelf: 0, after: None, has_written: false };

    /// Whether nothing has been written before it.
    const fn is_first(&self) -> bool {
        !self.has_written
    }
}

impl Archive {
    /// A few notices.
    pub(super) async fn write_postbox(&mut self) -> Result<(), Error> {
        let Some(place) = self.notices.take() else {
            self.write("\n]\n")?;
            return self.begin_safe();
        };
        let is_first = place.is_first();
        let (notices, next) = read(&self.app, (&self.account, self.level), place).await?;
        for (number, notice) in notices.iter().enumerate() {
            self.write(if is_first && number == 0 { "\n" } else { ",\n" })?;
            self.write(&notice.to_string())?;
        }
        self.notices = next;
        Ok(())
    }
}

/// The notices there, and where the next ones are.
async fn read(
    app: &AppParts,
    (account, level): (&AccountId, Level),
    place: Place,
) -> Result<(Vec<Value>, Option<Place>), Error> {
    let (reader, tx) = (Reader::own(account, level), &mut app.read().await?);
    let key = reader.key(tx, &app.vault).await?;
    let after = place.after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let wanted = Wanted::all(SHELVES[place.shelf]);
    let Listed { messages, next } = reader.list(tx, &wanted, (after, app.now()), PAGE).await?;
    let mut notices = Vec::with_capacity(messages.len());
    for message in &messages {
        notices.push(describe(tx, &reader, &key, (message, app.now())).await?);
    }
    let shelf = if next.is_some() { place.shelf } else { place.shelf + 1 };
    let has_written = place.has_written || !notices.is_empty();
    let next = (shelf < SHELVES.len()).then_some(Place { shelf, after: next, has_written });
    Ok((notices, next))
}

/// What somebody has chosen for their postbox: what comes on paper, and did; since when their calendar has an address, which is in no copy.
pub(super) async fn describe_rights(
    tx: &mut Tx,
    (app, registry): (&AppParts, &Registry),
    owner: &Party,
    language: Language,
) -> Result<Value, Error> {
    let title = |client: &ClientId| registry.known(&client.0).map(|(client, _)| client.title(language));
    let exclusion = |one: &Exclusion| {
        json!({
            "client_id": one.client, "title": title(&one.client), "reference": one.reference,
            "since": instant(one.since), "until": one.until.map(instant),
        })
    };
    let made_at = match owner {
        Party::Person(account) => feed::made_at(tx, account).await?,
        Party::Organisation(_) => None,
    };
    let exclusions = paper::list(tx, &app.vault, owner).await?;
    Ok(json!({
        "paper": exclusions.iter().map(exclusion).collect::<Vec<_>>(), "calendar_since": made_at.map(instant),
    }))
}

/// The files of a notice by name; they themselves are fetched one by one.
async fn attachments(tx: &mut Tx, key: &DataKey, message: &Message) -> Result<Vec<Value>, Error> {
    let attachments = attachment::of_message(tx, &message.id, key).await?;
    let describe = |Attachment { description, .. }: Attachment| {
        let Description { name, kind, bytes, sha256, .. } = description;
        json!({ "name": name, "type": kind, "bytes": bytes, "sha256": sha256 })
    };
    Ok(attachments.into_iter().map(describe).collect())
}

async fn describe(
    tx: &mut Tx,
    reader: &Reader,
    key: &DataKey,
    (message, now): (&Message, Timestamp),
) -> Result<Value, Error> {
    let head = if reader.opens(message) { Some(message.head(key)?) } else { None };
    let text = opening::text_of(tx, reader, &message.id, key).await?;
    let attachments = match &text {
        Some(_) => Some(attachments(tx, key, message).await?),
        None => None,
    };
    let (replies, draft) = sent::copy(tx, reader, (message, key), now).await?;
    let (facts, days) = (&message.facts, &message.days);
    let (at, on) = (|at: Option<Timestamp>| at.map(instant), |day: Option<Date>| day.map(|day| day.to_string()));
    Ok(json!({
        "id": message.id, "client_id": message.client, "kind": message.kind, "level": message.level,
        "legal_basis": message.legal_basis, "rule": message.rule, "period": message.period,
        "sender": head.as_ref().map(|head| &head.sender[0]), "subject": head.as_ref().map(|head| &head.subject),
        "reference": head.as_ref().and_then(|head| head.reference.as_ref()),
        "text": text, "attachments": attachments, "replies": replies, "draft": draft,
        "days": {
            "announced_on": on(days.announced_on), "offer_ends_on": on(days.offer_ends_on),
            "objection_ends_on": on(days.objection_ends_on), "due_on": on(days.due_on),
        },
        "provided_at": instant(facts.provided_at), "notified_at": at(facts.notified_at),
        "opened_at": at(facts.retrieved_at),
        "opened_by_you": message.opened_by.as_ref().map(|by| *by == reader.account),
        "acknowledged_at": at(facts.acknowledged_at), "archived_at": at(message.archived_at),
        "deleted_at": at(message.deleted_at),
    }))
}
