//! Who reads a postbox: its owner, whoever belongs to the organisation and may read the area, or whoever has a mandate that covers the
//! service. Asked at each look, for what somebody has chosen to act for.

use super::store::{self, Shelf};
use super::{Message, store::After};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MessageId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Vault};
use crate::kernel::time::{Timestamp, days};
use crate::organisation::acting::{Acting, Party, Power, Present};
use crate::organisation::mandate::party;
use crate::store::db::Tx;

/// So many rows are read at a time, and looked through at most, to find those that somebody may read.
const PAGE: i64 = 100;
const PAGES: usize = 20;
/// Later than anything is provided.
const FAR_DAYS: u64 = 366;

/// Somebody in front of one postbox.
#[derive(Clone, Debug)]
pub struct Reader {
    pub owner: Party,
    pub account: AccountId,
    /// How strongly they have signed in, and how well it is known who they are: nobody opens what needs more.
    pub level: Level,
    power: Option<Power>,
}

impl Reader {
    /// In front of the postbox of whom they act for; their own if for nobody. `NotFound` if what they have chosen does not count any more.
    pub fn of(present: &Present, level: Level) -> Result<Self, Error> {
        let account = present.session.account_id.clone();
        if present.has_lost() {
            return Err(Error::NotFound);
        }
        let power = present.acting.as_ref().map(|Acting { power, .. }| power.clone());
        let owner = power.as_ref().map_or_else(|| Party::Person(account.clone()), |power| power.party.clone());
        Ok(Self { owner, account, level, power })
    }

    /// Whether they may know of a notice at all.
    fn reads(&self, message: &Message) -> bool {
        let power = self.power.as_ref();
        message.owner == self.owner
            && power.is_none_or(|power| power.reads_post(message.area.as_ref(), &message.client))
    }

    /// Whether they have signed in well enough to read more than sender, kind and days.
    pub fn opens(&self, message: &Message) -> bool {
        self.level >= message.level
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

    /// At most `limit` notices of a shelf, newest first, from the place on where the last page ended; and whether there may be more.
    pub async fn list(
        &self,
        tx: &mut Tx,
        shelf: Shelf,
        (after, now): (Option<After<'_>>, Timestamp),
        limit: usize,
    ) -> Result<(Vec<Message>, bool), Error> {
        let (mut at, mut id) = match after {
            Some((at, id)) => (at, id.to_owned()),
            None => (now.plus(days(FAR_DAYS)), String::new()),
        };
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let rows = store::page(tx, (self.owner.as_str(), shelf), (at, &id), PAGE).await?;
            let is_last = (rows.len() as i64) < PAGE;
            for row in rows {
                let message = row.read()?;
                (at, id) = (message.facts.provided_at, message.id.to_string());
                if !self.reads(&message) {
                    continue;
                }
                if found.len() == limit {
                    return Ok((found, true));
                }
                found.push(message);
            }
            if is_last {
                return Ok((found, false));
            }
        }
        Ok((found, true))
    }
}
