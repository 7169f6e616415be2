//! What lets somebody act for another party, as it is at one moment.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::State;
use super::super::mandate::power::MandatePower;
use super::super::mandate::{Action, party};
use super::super::member::{self, Grant, Right};
use super::super::store::acting as store;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, AreaId, AuthorityId, ClientId, MandateId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;

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

    pub const fn organisation(&self) -> Option<&OrganisationId> {
        match self {
            Self::Person(_) => None,
            Self::Organisation(id) => Some(id),
        }
    }
}

/// A service as powers know it: which one, and whose, as the operator has declared it.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    pub client: &'a ClientId,
    pub authority: Option<&'a AuthorityId>,
}

/// What gives somebody the power to act for another. Its id says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// They belong to it.
    Member(MembershipId),
    /// It has given them, or an organisation where they may use it, a mandate.
    Mandate(MandateId),
}

impl Capacity {
    pub fn parse(text: &str) -> Option<Self> {
        let mandate = || MandateId::parse(text).map(Self::Mandate);
        MembershipId::parse(text).map(Self::Member).or_else(mandate)
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Member(id) => id.as_str(),
            Self::Mandate(id) => id.as_str(),
        }
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
    /// They have a mandate.
    Mandate,
}

impl Role {
    /// As people read it.
    pub const fn label(self, t: &Texts) -> &Text {
        match self {
            Self::Representative => &t.acting.role_representative,
            Self::Authorised => &t.acting.role_authorised,
            Self::Mandate => &t.acting.role_mandate,
        }
    }
}

/// Somebody's power to act for another party, at one moment.
#[derive(Clone, Debug)]
pub struct Power {
    pub capacity: Capacity,
    pub account: AccountId,
    pub party: Party,
    ground: Ground,
}

/// What a power rests on.
#[derive(Clone, Debug)]
enum Ground {
    Membership {
        state: State,
        identity: Level,
        grants: Vec<Grant>,
        now: Timestamp,
    },
    /// And how well it is known who the party is.
    Mandate(Box<MandatePower>, Level),
}

impl Power {
    pub(super) fn of_member(row: store::PowerRow, account: &AccountId, grants: Vec<Grant>, now: Timestamp) -> Self {
        let store::PowerRow { membership, organisation, organisation_state: state, identity_level: identity } = row;
        Self {
            capacity: Capacity::Member(membership),
            account: account.clone(),
            party: Party::Organisation(organisation),
            ground: Ground::Membership { state, identity, grants, now },
        }
    }

    pub(super) async fn of_mandate(tx: &mut Tx, power: MandatePower) -> Result<Self, Error> {
        Ok(Self {
            capacity: Capacity::Mandate(power.mandate.clone()),
            account: power.account.clone(),
            party: power.principal.clone(),
            ground: Ground::Mandate(Box::new(power.clone()), level_of(tx, &power.principal).await?),
        })
    }

    fn may(&self, right: &Right) -> bool {
        match &self.ground {
            Ground::Membership { state, identity, grants, now } => {
                member::may(grants, right, (*state, *identity), *now)
            }
            Ground::Mandate(..) => false,
        }
    }

    /// Whether it counts for anything. Who only administrates, only reads the protocol, or only uses mandates of the organisation,
    /// does not act for it. A mandate that does not count is no power at all.
    pub fn counts(&self) -> bool {
        match &self.ground {
            Ground::Membership { state, grants, .. } => {
                let acts = |grant: &Grant| {
                    !matches!(grant.right, Right::Administration | Right::Audit | Right::Mandates)
                        && self.may(&grant.right)
                };
                state.is_acting() && grants.iter().any(acts)
            }
            Ground::Mandate(..) => true,
        }
    }

    /// Whether it counts at a service.
    pub fn counts_at(&self, service: Service<'_>) -> bool {
        match &self.ground {
            Ground::Membership { .. } => self.uses(service.client),
            Ground::Mandate(power, _) => power.counts_at(service),
        }
    }

    /// Whether they may use a service as a member.
    fn uses(&self, client: &ClientId) -> bool {
        match &self.ground {
            Ground::Membership { state, .. } => state.is_acting() && self.may(&Right::UseService(client.clone())),
            Ground::Mandate(..) => false,
        }
    }

    /// Whether it lets somebody read what a service has sent to an area; the general one if none is named.
    pub fn reads_post(&self, area: Option<&AreaId>, service: Service<'_>) -> bool {
        match &self.ground {
            Ground::Membership { .. } => self.may(&Right::ReadMail(area.cloned())),
            Ground::Mandate(power, _) => power.counts_at(service) && power.scope.actions.contains(&Action::Read),
        }
    }

    /// Whether it lets somebody answer that, and put it away: whoever only reads changes nothing.
    pub fn answers_post(&self, area: Option<&AreaId>, service: Service<'_>) -> bool {
        match &self.ground {
            Ground::Membership { .. } => self.may(&Right::AnswerMail(area.cloned())),
            Ground::Mandate(power, _) => power.counts_at(service) && power.scope.actions.contains(&Action::Answer),
        }
    }

    /// Whether it lets somebody look into the safe. That is no service's, so only a mandate for all services reaches it.
    pub fn reads_documents(&self) -> bool {
        match &self.ground {
            Ground::Membership { .. } => self.may(&Right::Documents),
            Ground::Mandate(power, _) => power.scope.is_for_all(Action::Read),
        }
    }

    /// Whether it lets somebody put documents there, and change what they are called.
    pub fn keeps_documents(&self) -> bool {
        match &self.ground {
            Ground::Membership { .. } => self.may(&Right::Documents),
            Ground::Mandate(power, _) => self.reads_documents() && power.scope.is_for_all(Action::Answer),
        }
    }

    /// Whether whoever has it may answer for keys with which programs get tokens for a service.
    pub fn answers_for_keys_at(&self, client: &ClientId) -> bool {
        self.uses(client) && self.may(&Right::Administration)
    }

    pub fn role(&self) -> Role {
        match &self.ground {
            Ground::Mandate(..) => Role::Mandate,
            Ground::Membership { .. } if self.may(&Right::Representation) => Role::Representative,
            Ground::Membership { .. } => Role::Authorised,
        }
    }

    /// How well it is known who has it.
    pub fn identity(&self) -> Level {
        match &self.ground {
            Ground::Membership { identity, .. } => *identity,
            Ground::Mandate(power, _) => power.identity,
        }
    }

    /// How well somebody must be signed in to use it.
    pub const fn needs(&self) -> Level {
        match &self.ground {
            Ground::Membership { .. } => Level::Basic,
            Ground::Mandate(..) => party::NEEDS,
        }
    }

    /// Above what nothing is stated that is done under it. Who acts as a member says beside it how well the organisation is known;
    /// under a mandate nothing is worth more than it is known who the principal and the agent are.
    pub fn ceiling(&self) -> Level {
        match &self.ground {
            Ground::Membership { .. } => Level::High,
            Ground::Mandate(power, party) => power.identity.min(*party),
        }
    }

    /// Whether it is known well enough for a level who the party is.
    pub fn is_known(&self, level: Level) -> bool {
        self.ceiling() >= level
    }

    /// What a mandate allows to do; nothing for members, whom their rights allow everything at the service.
    pub fn actions(&self) -> Option<&BTreeSet<Action>> {
        self.mandate().map(|power| &power.scope.actions)
    }

    /// The organisation that has the mandate, if it is one.
    pub fn through(&self) -> Option<&OrganisationId> {
        self.mandate().and_then(|power| power.agent.organisation())
    }

    fn mandate(&self) -> Option<&MandatePower> {
        match &self.ground {
            Ground::Membership { .. } => None,
            Ground::Mandate(power, _) => Some(power),
        }
    }
}

async fn level_of(tx: &mut Tx, party: &Party) -> Result<Level, Error> {
    let level = match party {
        Party::Person(id) => super::super::store::mandate::identity(tx, id).await?,
        Party::Organisation(id) => super::super::store::find(tx, id).await?.map(|row| row.level),
    };
    Ok(level.unwrap_or(Level::Basic))
}

/// Where somebody is to act: at which client, whether mandates are for it, for whom it is, and how well those must be known.
pub struct Wanted<'a> {
    pub service: Service<'a>,
    pub mandates: bool,
    pub takes: &'a dyn Fn(&Party) -> bool,
    pub least: Level,
}

impl Wanted<'_> {
    pub fn admits(&self, power: &Power) -> bool {
        let is_taken = (self.takes)(&power.party) && (self.mandates || power.mandate().is_none());
        is_taken && power.counts_at(self.service) && power.is_known(self.least)
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
            party: Party::Organisation(OrganisationId::parse(&format!("org_{id}")).unwrap()),
            ground: Ground::Membership { state, identity, grants: rights.iter().map(grant).collect(), now: NOW },
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
            (State::Active, known, vec![Right::Administration, Right::Audit, Right::Mandates], false, false),
            (State::Active, known, vec![], false, false),
            (State::Insolvent, known, vec![Right::Representation], false, false),
            (State::Insolvent, known, vec![Right::Representation, service.clone()], true, true),
            (State::Blocked, known, vec![Right::Representation, service.clone()], false, false),
            (State::Closing, known, vec![service.clone()], false, false),
            (State::Closed, known, vec![service.clone()], false, false),
        ] {
            let power = power(state, identity, &rights);
            let here = Service { client: &parken, authority: None };
            assert_eq!((power.counts(), power.counts_at(here)), (counts, counts_at), "{state:?} {rights:?}");
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
        for id in ["mem_00000000000000000000000000", "mdt_00000000000000000000000000"] {
            assert_eq!(Capacity::parse(id).unwrap().as_str(), id);
        }
        for text in ["", "org_00000000000000000000000000", "mem_x", "mdt_x"] {
            assert_eq!(Capacity::parse(text), None, "{text}");
        }
    }
}
