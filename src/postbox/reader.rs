//! Who reads a postbox: its owner, whoever belongs to the organisation and may read the area, or whoever has a mandate that covers the
//! service. Asked at each look, for what somebody has chosen to act for.

use time::Date;

use super::store::{self, Shelf};
use super::{Message, store::After};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, AreaId, ClientId, MessageId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Vault};
use crate::kernel::time::{Timestamp, days};
use crate::organisation::acting::{self, Acting, Party, Power, Present, Role, Service};
use crate::organisation::mandate::party;
use crate::store::db::Tx;
use crate::store::work::Work;

/// At most so many rows are read at a time, so often, to find those that somebody may read and wants to see.
const PAGE: usize = 100;
const PAGES: usize = 20;
/// Later than anything is provided.
const FAR_DAYS: u64 = 366;
/// After every id of a moment.
pub(super) const LAST_ID: &str = "msg_ZZZZZZZZZZZZZZZZZZZZZZZZZZ";
/// So many of the newest notices are looked at to say how many are new, where somebody may read only some of them; and what a period
/// runs for.
pub const NEWEST: i64 = 1000;
/// So many where only a choice hangs on from whom there are some.
pub const CHOICE_OF: i64 = 100;
/// More new ones than that are not counted.
pub const UNREAD_MAX: i64 = 99;

/// Somebody in front of one postbox.
#[derive(Clone, Debug)]
pub struct Reader {
    pub owner: Party,
    pub account: AccountId,
    /// How strongly they have signed in, and how well it is known who they are: nobody opens what needs more.
    pub level: Level,
    power: Option<Power>,
}

/// What somebody wants to see of a postbox.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub shelf: Shelf,
    pub unread: bool,
    /// Only what a period runs for on this day.
    pub running_on: Option<Date>,
    pub client: Option<&'a ClientId>,
    /// Only one area of an organisation; `Some(None)` is the general one.
    pub area: Option<Option<&'a AreaId>>,
}

impl Wanted<'_> {
    /// Everything on a shelf.
    pub const fn all(shelf: Shelf) -> Self {
        Self { shelf, unread: false, running_on: None, client: None, area: None }
    }

    pub(super) fn admits(&self, message: &Message) -> bool {
        (!self.unread || message.is_unread())
            && self.running_on.is_none_or(|today| message.is_running(today))
            && self.client.is_none_or(|client| message.client == *client)
            && self.area.is_none_or(|area| message.area.as_ref() == area)
    }
}

/// Some notices, newest first.
pub struct Listed {
    pub messages: Vec<Message>,
    /// Where the next ones begin, if there may be any.
    pub next: Option<(Timestamp, String)>,
}

/// An authority's notices in one area.
pub struct Source {
    pub client: ClientId,
    pub area: Option<AreaId>,
}

impl Reader {
    /// In front of the postbox of whom they act for; their own if for nobody. `NotFound` if what they have chosen does not count any
    /// more, `LevelTooLow` if they have not signed in well enough to use it. Under a mandate nothing is worth more than it is known who
    /// has given it and who uses it.
    pub fn of(present: &Present, level: Level) -> Result<Self, Error> {
        let account = present.session.account_id.clone();
        if present.has_lost() {
            return Err(Error::NotFound);
        }
        let power = present.acting.as_ref().map(|Acting { power, .. }| power.clone());
        let needs = power.as_ref().map_or(Level::Basic, Power::needs);
        if level < needs {
            return Err(Error::LevelTooLow(needs));
        }
        let level = power.as_ref().map_or(level, |power| level.min(power.ceiling()));
        let owner = power.as_ref().map_or_else(|| Party::Person(account.clone()), |power| power.party.clone());
        Ok(Self { owner, account, level, power })
    }

    /// In front of their own.
    pub fn own(account: &AccountId, level: Level) -> Self {
        Self { owner: Party::Person(account.clone()), account: account.clone(), level, power: None }
    }

    pub(super) const fn power(&self) -> Option<&Power> {
        self.power.as_ref()
    }

    /// Whether they belong to the organisation whose postbox it is: they know its areas and its people.
    pub fn belongs(&self) -> bool {
        self.power.is_some() && !self.is_agent()
    }

    /// Whether they may know of a notice at all.
    pub(super) fn reads(&self, message: &Message) -> bool {
        message.owner == self.owner && self.reads_from(message.area.as_ref(), message.service())
    }

    pub(super) fn reads_from(&self, area: Option<&AreaId>, service: Service<'_>) -> bool {
        self.power.as_ref().is_none_or(|power| power.reads_post(area, service))
    }

    /// Whether they have signed in well enough to read more than sender, kind and days.
    pub fn opens(&self, message: &Message) -> bool {
        self.level >= message.level
    }

    /// Whether they could, if they signed in more strongly.
    pub fn could_open(&self, message: &Message) -> bool {
        self.power.as_ref().is_none_or(|power| power.is_known(message.level))
    }

    /// Whether they may do more than read: acknowledge it, put it away.
    pub fn keeps(&self, message: &Message) -> bool {
        self.power.as_ref().is_none_or(|power| power.answers_post(message.area.as_ref(), message.service()))
    }

    /// Whether they decide how the decisions of a service come: their owner, or whoever may answer for the organisation what comes to that
    /// area. Nobody does under a mandate.
    pub(super) fn decides(&self, area: Option<&AreaId>, service: Service<'_>) -> bool {
        !self.is_agent() && self.power.as_ref().is_none_or(|power| power.answers_post(area, service))
    }

    /// Whether they are here under a mandate.
    pub fn is_agent(&self) -> bool {
        self.power.as_ref().is_some_and(|power| power.role() == Role::Mandate)
    }

    pub(super) fn require_keeping(&self, message: &Message) -> Result<(), Error> {
        if self.keeps(message) { Ok(()) } else { Err(Error::NotAllowed("postbox")) }
    }

    /// Before anything is done under a mandate: `NotFound` if it has ended meanwhile. From here on nobody ends it before this work is done.
    pub(super) async fn hold(&self, work: &mut Work, message: &Message) -> Result<(), Error> {
        let Some(power) = &self.power else { return Ok(()) };
        if acting::hand_over(work, power, message.service().client).await? { Ok(()) } else { Err(Error::NotFound) }
    }

    /// The key of the postbox.
    pub async fn key(&self, tx: &mut Tx, vault: &Vault) -> Result<DataKey, Error> {
        party::key(tx, vault, &self.owner).await
    }

    /// One notice; `NotFound` for everything that they may not know of, `Gone` for what has been deleted for good.
    pub async fn find(&self, tx: &mut Tx, id: &MessageId) -> Result<Message, Error> {
        let message = store::find(tx, id).await?.ok_or(Error::NotFound)?.read()?;
        if !self.reads(&message) {
            return Err(Error::NotFound);
        }
        if message.sealed.content_key.is_none() { Err(Error::Gone) } else { Ok(message) }
    }

    /// At most `limit` notices that somebody wants to see, newest first, from the place on where the last page ended.
    pub async fn list(
        &self,
        tx: &mut Tx,
        wanted: &Wanted<'_>,
        (after, now): (Option<After<'_>>, Timestamp),
        limit: usize,
    ) -> Result<Listed, Error> {
        let (mut at, mut id) = match after {
            Some((at, id)) => (at, id.to_owned()),
            None => (now.plus(days(FAR_DAYS)), String::new()),
        };
        let (mut messages, mut next) = (Vec::<Message>::new(), None);
        // One more than a page tells whether there is another one; where few suit, more are read at a time.
        let mut size = (limit + 1).min(PAGE);
        for _ in 0..PAGES {
            let rows = store::page(tx, (self.owner.as_str(), wanted.shelf), (at, &id), size as i64).await?;
            let is_last = rows.len() < size;
            size = (size * 4).min(PAGE);
            for row in rows {
                let message = row.read()?;
                (at, id) = (message.facts.provided_at, message.id.to_string());
                if !self.reads(&message) || !wanted.admits(&message) {
                    continue;
                }
                if messages.len() == limit {
                    return Ok(Listed { messages, next });
                }
                next = Some((at, id.clone()));
                messages.push(message);
            }
            if is_last {
                return Ok(Listed { messages, next: None });
            }
        }
        // Of what was looked through and is not theirs they learn no more than a moment.
        Ok(Listed { messages, next: Some((at, LAST_ID.to_owned())) })
    }

    /// What a period runs for on this day, of what they may open.
    pub async fn running(&self, tx: &mut Tx, today: Date) -> Result<Vec<Message>, Error> {
        let rows = store::running(tx, self.owner.as_str(), &today.to_string(), NEWEST).await?;
        let messages = rows.into_iter().map(store::MessageRow::read).collect::<Result<Vec<_>, _>>()?;
        let shows = |message: &Message| self.reads(message) && self.opens(message);
        Ok(messages.into_iter().filter(shows).collect())
    }

    /// From which authorities, and in which areas, so many of the newest notices are.
    pub async fn sources(&self, tx: &mut Tx, newest: i64) -> Result<Vec<Source>, Error> {
        let rows = store::sources(tx, self.owner.as_str(), newest).await?;
        let theirs = rows.into_iter().filter(|row| self.reads_from(row.area_id.as_ref(), row.service()));
        Ok(theirs.map(|row| Source { client: row.client_id, area: row.area_id }).collect())
    }

    /// How many are new; at most one more than [`UNREAD_MAX`].
    pub async fn unread(&self, tx: &mut Tx) -> Result<i64, Error> {
        let newest = if self.power.is_some() { NEWEST } else { UNREAD_MAX + 1 };
        let rows = store::unread(tx, self.owner.as_str(), newest).await?;
        let theirs = rows.iter().filter(|row| self.reads_from(row.area_id.as_ref(), row.service()));
        Ok(theirs.map(|row| row.total).sum::<i64>().min(UNREAD_MAX + 1))
    }
}

/// How well somebody has to be signed in for a notice of the postbox that they are in front of; for the postbox itself without one, or
/// where signing in more strongly would not open it.
pub async fn needed(app: &AppParts, present: &Present, id: Option<&MessageId>) -> Result<Level, Error> {
    let needs = present.acting.as_ref().map_or(Level::Basic, |acting| acting.power.needs());
    let (Some(id), Ok(reader)) = (id, Reader::of(present, Level::High)) else { return Ok(needs) };
    match reader.find(&mut app.read().await?, id).await {
        Ok(message) if reader.could_open(&message) => Ok(needs.max(message.level)),
        Ok(_) | Err(Error::NotFound | Error::Gone) => Ok(needs),
        Err(error) => Err(error),
    }
}
