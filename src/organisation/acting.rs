//! For whom somebody acts: for themselves, or for an organisation that they belong to. A session remembers what was chosen by
//! the id of what gives the power; the power itself is looked up at each use and never remembered for more than a second. When
//! it has ended, the session acts for nobody, until its owner chooses again.

use std::collections::BTreeMap;

use serde::Serialize;

use super::member::{self, Grant, Right};
use super::store::acting as store;
use super::{Organisation, State, load};
use crate::account::identity::folded;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::seal::Vault;
use crate::kernel::secret::token_hash;
use crate::kernel::time::Timestamp;
use crate::signin::session::{self, Session};
use crate::store::db::Tx;
use crate::store::work::Work;

/// Whom something is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    Person(AccountId),
    Organisation(OrganisationId),
}

impl Party {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Person(id) => id.as_str(),
            Self::Organisation(id) => id.as_str(),
        }
    }
}

/// What gives somebody the power to act for another. Its id says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// They belong to it.
    Member(MembershipId),
}

impl Capacity {
    pub fn parse(text: &str) -> Option<Self> {
        MembershipId::parse(text).map(Self::Member)
    }

    pub fn as_str(&self) -> &str {
        let Self::Member(id) = self;
        id.as_str()
    }
}

/// As what somebody acts, as services read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// They may represent the organisation in everything.
    Representative,
    /// They have been given the right to this service.
    Authorised,
}

/// Somebody's power to act for another party, at one moment.
#[derive(Clone, Debug)]
pub struct Power {
    pub capacity: Capacity,
    pub account: AccountId,
    pub organisation: OrganisationId,
    state: State,
    identity: Level,
    grants: Vec<Grant>,
    now: Timestamp,
}

impl Power {
    fn new(row: store::PowerRow, account: &AccountId, grants: Vec<Grant>, now: Timestamp) -> Self {
        let store::PowerRow { membership, organisation, organisation_state: state, identity_level: identity } = row;
        Self {
            capacity: Capacity::Member(membership),
            account: account.clone(),
            organisation,
            state,
            identity,
            grants,
            now,
        }
    }

    fn may(&self, right: &Right) -> bool {
        member::may(&self.grants, right, (self.state, self.identity), self.now)
    }

    pub fn party(&self) -> Party {
        Party::Organisation(self.organisation.clone())
    }

    /// Whether it counts for anything. Who only administrates, or only reads the protocol, does not act for the organisation.
    pub fn counts(&self) -> bool {
        let acts =
            |grant: &Grant| !matches!(grant.right, Right::Administration | Right::Audit) && self.may(&grant.right);
        self.state.is_acting() && self.grants.iter().any(acts)
    }

    /// Whether it counts at a service.
    pub fn counts_at(&self, client: &ClientId) -> bool {
        self.state.is_acting() && self.may(&Right::UseService(client.clone()))
    }

    /// Whether whoever has it may answer for keys with which programs get tokens for a service.
    pub fn answers_for_keys_at(&self, client: &ClientId) -> bool {
        self.counts_at(client) && self.may(&Right::Administration)
    }

    /// How well it is known who has it.
    pub const fn identity(&self) -> Level {
        self.identity
    }

    pub fn role(&self) -> Role {
        if self.may(&Right::Representation) { Role::Representative } else { Role::Authorised }
    }
}

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
    let row = store::find_session(tx, &token_hash(token)).await?;
    let Some(store::SessionRow { session, has_choice }) = row.filter(|row| row.session.ends_at() > now) else {
        return Ok(None);
    };
    let power = match session.acting.as_deref().and_then(Capacity::parse) {
        Some(capacity) => find(tx, &capacity, &session.account_id, now).await?,
        None => None,
    };
    let acting = match power.filter(Power::counts) {
        Some(power) => {
            let name = load(tx, vault, &power.organisation).await?.record.name;
            Some(Acting { power, name })
        }
        None => None,
    };
    Ok(Some(Present { session, has_choice, acting }))
}

/// A power of this account, whether or not it counts for anything now. Nothing if it has ended, or is another's.
pub async fn find(
    tx: &mut Tx,
    capacity: &Capacity,
    account: &AccountId,
    now: Timestamp,
) -> Result<Option<Power>, Error> {
    let Capacity::Member(membership) = capacity;
    let Some(row) = store::powers(tx, account, Some(membership)).await?.pop() else { return Ok(None) };
    let grants = member::grants_of(tx, membership).await?;
    Ok(Some(Power::new(row, account, grants, now)))
}

/// All powers of an account, whether or not they count for anything now.
pub async fn powers(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Vec<Power>, Error> {
    let rows = store::powers(tx, account, None).await?;
    let mut held = rights(tx, account).await?;
    let power = |row: store::PowerRow| {
        let grants = held.remove(&row.membership).unwrap_or_default();
        Power::new(row, account, grants, now)
    };
    Ok(rows.into_iter().map(power).collect())
}

async fn rights(tx: &mut Tx, account: &AccountId) -> Result<BTreeMap<MembershipId, Vec<Grant>>, Error> {
    let mut held = BTreeMap::<MembershipId, Vec<Grant>>::new();
    for row in store::rights(tx, account).await? {
        held.entry(row.membership_id).or_default().push(row.right.grant()?);
    }
    Ok(held)
}

/// For whom somebody may act besides themselves, by name. Two statements, for however many organisations.
pub async fn choices(tx: &mut Tx, vault: &Vault, account: &AccountId, now: Timestamp) -> Result<Vec<Acting>, Error> {
    let rows = store::places(tx, account).await?;
    let mut held = rights(tx, account).await?;
    let mut choices = Vec::new();
    for store::PlaceRow { power, place } in rows {
        let grants = held.remove(&power.membership).unwrap_or_default();
        let power = Power::new(power, account, grants, now);
        if power.counts() {
            let Organisation { record, .. } = super::open(vault, place).await?;
            choices.push(Acting { power, name: record.name });
        }
    }
    choices.sort_by_cached_key(|one| (folded(&one.name), one.power.capacity.as_str().to_owned()));
    Ok(choices)
}

/// A choice, for the protocol of the organisation and for that of the person who has chosen: one row each.
#[derive(Serialize)]
struct Chosen<'a> {
    #[serde(skip)]
    subject: &'a str,
    #[serde(skip)]
    is_end: bool,
    organisation: &'a OrganisationId,
    membership: &'a str,
}

impl Event for Chosen<'_> {
    fn kind(&self) -> &'static str {
        if self.is_end { "acting.ended" } else { "acting.chosen" }
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.to_owned())
    }
}

async fn record(work: &mut Work, power: &Power, is_end: bool) -> Result<(), Error> {
    let (organisation, membership) = (&power.organisation, power.capacity.as_str());
    for subject in [organisation.as_str(), power.account.as_str()] {
        audit::record(work, &Chosen { subject, is_end, organisation, membership }).await?;
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
    match power {
        Some(power) => record(work, &power, false).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);

    fn power(state: State, identity: Level, rights: &[Right]) -> Power {
        let id = "00000000000000000000000000";
        let grant = |right: &Right| Grant { right: right.clone(), from: NOW, until: None };
        Power {
            capacity: Capacity::parse(&format!("mem_{id}")).unwrap(),
            account: AccountId::parse(&format!("acc_{id}")).unwrap(),
            organisation: OrganisationId::parse(&format!("org_{id}")).unwrap(),
            state,
            identity,
            grants: rights.iter().map(grant).collect(),
            now: NOW,
        }
    }

    #[test]
    fn who_acts_for_an_organisation_and_where() {
        let parken = ClientId("parken".into());
        let service = Right::UseService(parken.clone());
        let other = Right::UseService(ClientId("bau".into()));
        let known = Level::Substantial;
        for (state, identity, rights, counts, counts_at) in [
            (State::Active, known, vec![Right::Representation], true, true),
            (State::Active, Level::Low, vec![Right::Representation], false, false),
            (State::Active, Level::Basic, vec![service.clone()], true, true),
            (State::Active, known, vec![other], true, false),
            (State::Active, known, vec![Right::ReadMail(None)], true, false),
            (State::Active, known, vec![Right::Administration, Right::Audit], false, false),
            (State::Active, known, vec![], false, false),
            (State::Insolvent, known, vec![Right::Representation], false, false),
            (State::Insolvent, known, vec![Right::Representation, service.clone()], true, true),
            (State::Blocked, known, vec![Right::Representation, service.clone()], false, false),
            (State::Closing, known, vec![service.clone()], false, false),
            (State::Closed, known, vec![service.clone()], false, false),
        ] {
            let power = power(state, identity, &rights);
            assert_eq!((power.counts(), power.counts_at(&parken)), (counts, counts_at), "{state:?} {rights:?}");
        }
        assert_eq!(power(State::Active, known, &[Right::Representation]).role(), Role::Representative);
        assert_eq!(
            power(State::Active, Level::Low, &[Right::Representation, service.clone()]).role(),
            Role::Authorised
        );
        assert_eq!(power(State::Active, known, &[service]).role(), Role::Authorised);
    }

    #[test]
    fn a_capacity_is_what_its_id_says() {
        let member = "mem_00000000000000000000000000";
        assert_eq!(Capacity::parse(member).unwrap().as_str(), member);
        for text in ["", "org_00000000000000000000000000", "mem_x", "mdt_00000000000000000000000000"] {
            assert_eq!(Capacity::parse(text), None, "{text}");
        }
    }
}
