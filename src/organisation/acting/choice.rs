//! What somebody may choose. Whoever belongs to hundreds of organisations reads the names of those that they have chosen last, page
//! by page: names are sealed, each under a key of its own, and one that is not shown is not opened. Whoever searches has all of
//! them opened, once; what is named by its number is looked up.

use std::fmt;

use super::super::mandate::power::{FAR_DAYS, agents, page};
use super::super::member::Grant;
use super::super::store::{OrganisationRow, acting as store};
use super::super::{Organisation, open};
use super::{Acting, Capacity, Power, Present, Wanted, find, named};
use crate::account::identity::folded;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MembershipId, OrganisationId};
use crate::kernel::seal::Vault;
use crate::kernel::time::{Timestamp, days};
use crate::store::db::Tx;

/// Organisations on one page.
pub const PAGE: usize = 10;
/// Among so many organisations a name is looked for; more than anybody belongs to.
const SEARCHED: usize = 2000;
/// Of so many mandates, the next to end, the principals are named; and of so many whoever searches.
const MANDATES: usize = 50;
const MANDATES_SEARCHED: usize = 500;
/// So much is read at a time, and so often at most, to find the mandates that suit.
const READ: usize = 500;
const READS: usize = 20;

/// Whose choices, and where they are to act.
pub type Whose<'a> = (&'a AccountId, Option<&'a Wanted<'a>>);

/// Behind what a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// An organisation: when it was chosen last, and the membership.
    Organisation(Timestamp, MembershipId),
    /// All organisations: who has given mandates.
    Organisations,
}

impl After {
    /// As an address says it.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "organisationen" {
            return Some(Self::Organisations);
        }
        let (chosen_at, membership) = text.split_once('-')?;
        let chosen_at = Timestamp::from_milliseconds(chosen_at.parse().ok()?);
        Some(Self::Organisation(chosen_at, MembershipId::parse(membership)?))
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organisation(chosen_at, membership) => write!(f, "{}-{membership}", chosen_at.milliseconds()),
            Self::Organisations => f.write_str("organisationen"),
        }
    }
}

/// What somebody may choose from.
#[derive(Default)]
pub struct Choices {
    pub found: Vec<Acting>,
    /// Where the next page begins.
    pub next: Option<After>,
    /// Of so many mandates, because there may be more.
    pub mandates: Option<usize>,
}

/// An organisation where somebody may act, sealed.
struct Sealed {
    power: Power,
    row: OrganisationRow,
    after: After,
}

impl Sealed {
    async fn open(self, vault: &Vault) -> Result<Acting, Error> {
        let Organisation { record, .. } = open(vault, self.row).await?;
        Ok(Acting { power: self.power, name: record.name })
    }
}

/// The rights of each place together.
fn grouped(rows: Vec<store::PlaceRow>, account: &AccountId, now: Timestamp) -> Result<Vec<Sealed>, Error> {
    let mut places: Vec<(store::PowerRow, After, OrganisationRow, Vec<Grant>)> = Vec::new();
    for store::PlaceRow { power, chosen_at, place, right } in rows {
        let grant = right.grant()?;
        match places.last_mut().filter(|(known, ..)| known.membership == power.membership) {
            Some((.., grants)) => grants.push(grant),
            None => {
                let after = After::Organisation(chosen_at, power.membership.clone());
                places.push((power, after, place, vec![grant]));
            }
        }
    }
    let sealed =
        |(power, after, row, grants)| Sealed { power: Power::of_member(power, account, grants, now), row, after };
    Ok(places.into_iter().map(sealed).collect())
}

/// At most `limit` organisations that suit, those chosen last first.
async fn places(
    tx: &mut Tx,
    (account, wanted): Whose<'_>,
    after: Option<&After>,
    (now, limit): (Timestamp, usize),
) -> Result<Vec<Sealed>, Error> {
    let client = wanted.map(|wanted| wanted.service.client);
    let mut at = match after {
        None => (now.plus(days(FAR_DAYS)), String::new()),
        Some(After::Organisation(chosen_at, membership)) => (*chosen_at, membership.to_string()),
        Some(After::Organisations) => return Ok(Vec::new()),
    };
    let (mut found, mut size) = (Vec::new(), limit.min(READ));
    loop {
        let last = store::page_end(tx, account, (at.0, &at.1), size as i64).await?;
        let end =
            last.as_ref().map_or((Timestamp::from_milliseconds(0), ""), |last| (last.chosen_at, last.id.as_str()));
        let read = store::places(tx, (account, client), ((at.0, &at.1), end), (now, size as i64)).await?;
        let suits = |one: &Sealed| one.power.counts() && wanted.is_none_or(|wanted| wanted.admits(&one.power));
        found.extend(grouped(read, account, now)?.into_iter().filter(suits));
        match last {
            Some(last) if found.len() < limit => at = (last.chosen_at, last.id.to_string()),
            _ => {
                found.truncate(limit);
                return Ok(found);
            }
        }
        // Where few suit there are few statements, too.
        size = (size * 4).min(READ);
    }
}

/// At most `limit` powers under mandates that count now, there if wished, the next to end first.
async fn mandates(
    tx: &mut Tx,
    (account, wanted): Whose<'_>,
    (now, limit): (Timestamp, usize),
) -> Result<Vec<Power>, Error> {
    if wanted.is_some_and(|wanted| !wanted.mandates) {
        return Ok(Vec::new());
    }
    let agents = agents(tx, account, now).await?;
    let (mut found, mut after) = (Vec::new(), (now, String::new()));
    for _ in 0..READS {
        let begin = ((after.0, after.1.as_str()), READ as i64);
        let read = page(tx, account, &agents, (now, now.plus(days(FAR_DAYS))), begin).await?;
        let is_last = read.len() < READ;
        if let Some(last) = read.last() {
            after = (last.until, last.mandate.to_string());
        }
        for one in read {
            let is_taken = |wanted: &Wanted<'_>| (wanted.takes)(&one.principal) && one.counts_at(wanted.service);
            if !wanted.is_none_or(is_taken) {
                continue;
            }
            let power = Power::of_mandate(tx, one).await?;
            if wanted.is_none_or(|wanted| wanted.admits(&power)) {
                found.push(power);
            }
            if found.len() >= limit {
                return Ok(found);
            }
        }
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// Whether there is anybody else for whom an account may act there.
pub async fn has_any(tx: &mut Tx, present: &Present, wanted: &Wanted<'_>, now: Timestamp) -> Result<bool, Error> {
    let whose = (&present.session.account_id, Some(wanted));
    if !present.has_choice {
        return Ok(false);
    }
    let is_somewhere = !places(tx, whose, None, (now, 1)).await?.is_empty();
    Ok(is_somewhere || !mandates(tx, whose, (now, 1)).await?.is_empty())
}

/// For whom somebody may act besides themselves, there if wished: one page of the organisations that they belong to, and behind the
/// last of them whoever has given the first of so many mandates to end. By name if that is all, else those chosen last first.
pub async fn choices(
    tx: &mut Tx,
    vault: &Vault,
    whose: Whose<'_>,
    after: Option<&After>,
    now: Timestamp,
) -> Result<Choices, Error> {
    let mut sealed = places(tx, whose, after, (now, PAGE + 1)).await?;
    let has_more = sealed.len() > PAGE;
    sealed.truncate(PAGE);
    let next = sealed.last().filter(|_| has_more).map(|last| last.after.clone());
    let mut choices = Choices { next, ..Choices::default() };
    for one in sealed {
        choices.found.push(one.open(vault).await?);
    }
    if !has_more {
        add_mandates(tx, vault, whose, (now, MANDATES), &mut choices).await?;
    }
    if !has_more && after.is_none() {
        sort(&mut choices.found);
    }
    Ok(choices)
}

/// All that have this in their name, whatever its capitals, accents and signs, by name.
pub async fn search(
    tx: &mut Tx,
    vault: &Vault,
    whose: Whose<'_>,
    words: &str,
    now: Timestamp,
) -> Result<Choices, Error> {
    let mut choices = Choices::default();
    for one in places(tx, whose, None, (now, SEARCHED)).await? {
        choices.found.push(one.open(vault).await?);
    }
    add_mandates(tx, vault, whose, (now, MANDATES_SEARCHED), &mut choices).await?;
    let wanted = folded(words);
    choices.found.retain(|one| folded(&one.name).contains(&wanted));
    sort(&mut choices.found);
    Ok(choices)
}

async fn add_mandates(
    tx: &mut Tx,
    vault: &Vault,
    whose: Whose<'_>,
    (now, limit): (Timestamp, usize),
    choices: &mut Choices,
) -> Result<(), Error> {
    let powers = mandates(tx, whose, (now, limit)).await?;
    choices.mandates = (powers.len() >= limit).then_some(limit);
    for power in powers {
        choices.found.extend(named(tx, vault, power).await?);
    }
    Ok(())
}

fn sort(found: &mut [Acting]) {
    found.sort_by_cached_key(|one| (folded(&one.name), one.power.capacity.as_str().to_owned()));
}

/// The one choice with this number, of a membership, an organisation or a mandate, if it counts now and there; `None` if that is no
/// such number.
pub async fn choice(
    tx: &mut Tx,
    vault: &Vault,
    (account, wanted): Whose<'_>,
    number: &str,
    now: Timestamp,
) -> Result<Option<Choices>, Error> {
    let capacity = match OrganisationId::parse(number) {
        Some(organisation) => {
            let row = store::power_in(tx, account, &organisation).await?;
            row.map(|row| Capacity::Member(row.membership))
        }
        None => match Capacity::parse(number) {
            Some(capacity) => Some(capacity),
            None => return Ok(None),
        },
    };
    let power = match &capacity {
        Some(capacity) => find(tx, capacity, account, now).await?,
        None => None,
    };
    let suits = |power: &Power| power.counts() && wanted.is_none_or(|wanted| wanted.admits(power));
    let found = match power.filter(suits) {
        Some(power) => named(tx, vault, power).await?,
        None => None,
    };
    Ok(Some(Choices { found: found.into_iter().collect(), ..Choices::default() }))
}

#[cfg(test)]
mod tests {
    use super::After;

    #[test]
    fn where_a_page_begins_is_read_as_it_was_written() {
        for text in ["1795424520000-mem_00000000000000000000000000", "organisationen"] {
            assert_eq!(After::parse(text).unwrap().to_string(), text);
        }
        for odd in ["", "mem_00000000000000000000000000", "x-mem_00000000000000000000000000", "1-mdt_x", "1-"] {
            assert_eq!(After::parse(odd), None, "{odd}");
        }
    }
}
