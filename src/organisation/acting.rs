//! For whom somebody acts: for themselves, for an organisation that they belong to, or for whoever has given a mandate. A
//! session remembers what was chosen by the id of what gives the power; the power itself is looked up at each use and never
//! remembered for more than a second. When it has ended, the session acts for nobody, until its owner chooses again.

mod choice;
mod power;

use serde::Serialize;

use super::mandate::power::power as power_under;
use super::mandate::{self, party};
use super::member;
use super::store::acting as store;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, MandateId, MembershipId, OrganisationId};
use crate::kernel::seal::Vault;
use crate::kernel::secret::token_hash;
use crate::kernel::time::Timestamp;
use crate::signin::session::{self, Session};
use crate::store::db::Tx;
use crate::store::work::Work;

pub use choice::{After, Choices, choice, choices, has_any, search};
pub use power::{Capacity, Party, Power, Role, Service, Wanted};

/// A power, and what people call the party.
#[derive(Clone, Debug)]
pub struct Acting {
    pub power: Power,
    pub name: String,
}

/// Somebody signed in, and for whom they act.
pub struct Present {
    pub session: Session,
    /// Whether they have been given anything to act with beside themselves.
    pub has_choice: bool,
    /// What was chosen, as long as it counts.
    pub acting: Option<Acting>,
}

impl Present {
    /// What was chosen does not count any more: they act for nobody.
    pub const fn has_lost(&self) -> bool {
        self.session.acting.is_some() && self.acting.is_none()
    }
}

/// The session of a token, if it has not ended, and for whom its owner acts.
pub async fn find_session(tx: &mut Tx, vault: &Vault, token: &str, now: Timestamp) -> Result<Option<Present>, Error> {
    // A token has 43 characters; nothing else is worth a look into the database.
    if token.len() != 43 {
        return Ok(None);
    }
    let row = store::find_session(tx, &token_hash(token), now).await?;
    let Some(store::SessionRow { session, has_choice }) = row.filter(|row| row.session.ends_at() > now) else {
        return Ok(None);
    };
    let power = match session.acting.as_deref().and_then(Capacity::parse) {
        Some(capacity) => find(tx, &capacity, &session.account_id, now).await?,
        None => None,
    };
    let acting = match power.filter(Power::counts) {
        Some(power) => named(tx, vault, power).await?,
        None => None,
    };
    Ok(Some(Present { session, has_choice, acting }))
}

async fn named(tx: &mut Tx, vault: &Vault, power: Power) -> Result<Option<Acting>, Error> {
    Ok(party::name(tx, vault, &power.party).await?.map(|name| Acting { power, name }))
}

/// A power of this account, whether or not it counts for anything now. Nothing if it has ended, or is another's.
pub async fn find(
    tx: &mut Tx,
    capacity: &Capacity,
    account: &AccountId,
    now: Timestamp,
) -> Result<Option<Power>, Error> {
    match capacity {
        Capacity::Member(membership) => {
            let Some(row) = store::power(tx, account, membership).await? else { return Ok(None) };
            let grants = member::grants_of(tx, membership).await?;
            Ok(Some(Power::of_member(row, account, grants, now)))
        }
        Capacity::Mandate(mandate) => match power_under(tx, mandate, account, now).await? {
            Some(power) => Power::of_mandate(tx, power).await.map(Some),
            None => Ok(None),
        },
    }
}

/// Whether there is a mandate that an account, or an organisation where they may use mandates, has and that has not run out.
pub async fn has_mandates(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<bool, Error> {
    Ok(store::has_mandates(tx, account, now).await?)
}

/// Before anything is handed over under it: `false` if the mandate has ended meanwhile. From here on nobody ends it before this
/// work is done. Where it is used is written down, at most once an hour for each service.
pub async fn hand_over(work: &mut Work, power: &Power, client: &ClientId) -> Result<bool, Error> {
    if !hold(work, power).await? {
        return Ok(false);
    }
    if let Capacity::Mandate(mandate) = &power.capacity {
        mandate::end::note_use(work, mandate, client).await?;
    }
    Ok(true)
}

/// Before anything is done under it that concerns no service: `false` if the mandate has ended meanwhile.
pub async fn hold(work: &mut Work, power: &Power) -> Result<bool, Error> {
    match &power.capacity {
        Capacity::Mandate(mandate) => Ok(store::hold_mandate(work, mandate).await?),
        Capacity::Member(_) => Ok(true),
    }
}

/// Who reads in a protocol of their own what somebody does for a party: they, that party, and the organisation that has the
/// mandate.
pub async fn readers(
    tx: &mut Tx,
    (account, capacity): (&AccountId, &Capacity),
    represented: &Party,
) -> Result<Vec<Party>, Error> {
    let mut readers = vec![represented.clone(), Party::Person(account.clone())];
    if let Capacity::Mandate(id) = capacity
        && let Some(agent) = mandate::find(tx, id).await?.and_then(|mandate| mandate.agent)
        && !readers.contains(&agent)
    {
        readers.push(agent);
    }
    Ok(readers)
}

/// A choice, for each who reads of it.
#[derive(Serialize)]
struct Chosen<'a> {
    #[serde(skip)]
    subject: &'a str,
    #[serde(skip)]
    is_end: bool,
    #[serde(flatten)]
    by: By<'a>,
}

/// For whom and by what somebody acts, as events say it.
#[derive(Clone, Copy, Serialize)]
pub struct By<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<&'a OrganisationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<&'a MembershipId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mandate: Option<&'a MandateId>,
}

impl<'a> By<'a> {
    /// The organisation as such.
    pub const fn organisation(organisation: &'a OrganisationId) -> Self {
        Self { organisation: Some(organisation), membership: None, mandate: None }
    }

    pub const fn new(capacity: &'a Capacity, party: &'a Party) -> Self {
        let organisation = party.organisation();
        match capacity {
            Capacity::Member(id) => Self { organisation, membership: Some(id), mandate: None },
            Capacity::Mandate(id) => Self { organisation, membership: None, mandate: Some(id) },
        }
    }
}

impl Event for Chosen<'_> {
    fn kind(&self) -> &'static str {
        match (self.by.mandate.is_some(), self.is_end) {
            (false, false) => "acting.chosen",
            (false, true) => "acting.ended",
            (true, false) => "mandate.taken_up",
            (true, true) => "mandate.laid_down",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.to_owned())
    }
}

async fn record(work: &mut Work, power: &Power, is_end: bool) -> Result<(), Error> {
    let by = By::new(&power.capacity, &power.party);
    for reader in readers(&mut work.tx, (&power.account, &power.capacity), &power.party).await? {
        audit::record(work, &Chosen { subject: reader.as_str(), is_end, by }).await?;
    }
    Ok(())
}

/// Chooses for whom this session acts from now on; `None` is its owner. `NotFound` for what is not theirs, `NotAllowed` for what
/// counts for nothing now.
pub async fn choose(work: &mut Work, session: &Session, choice: Option<&Capacity>) -> Result<(), Error> {
    let (account, now) = (&session.account_id, work.now);
    let power = match choice {
        None => None,
        Some(capacity) => Some(find(&mut work.tx, capacity, account, now).await?.ok_or(Error::NotFound)?),
    };
    if power.as_ref().is_some_and(|power| !power.counts()) {
        return Err(Error::NotAllowed("acting"));
    }
    let chosen = choice.map(Capacity::as_str);
    let before = session::choose_acting(work, session, chosen).await?;
    if before.as_deref() == chosen {
        return Ok(());
    }
    if let Some(capacity) = before.as_deref().and_then(Capacity::parse)
        && let Some(former) = find(&mut work.tx, &capacity, account, now).await?
    {
        record(work, &former, true).await?;
    }
    let Some(power) = power else { return Ok(()) };
    // The list of choices begins with it from now on.
    if let Capacity::Member(membership) = &power.capacity {
        store::put_chosen(work, membership).await?;
    }
    record(work, &power, false).await
}
