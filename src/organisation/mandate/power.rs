//! Who may act under a mandate at this moment: the agent themselves, or whoever has the right to use mandates in the
//! organisation that is the agent. Looked up at each use.

use std::collections::BTreeMap;

use super::super::acting::{Party, Service};
use super::super::member::{self, Grant, Right};
use super::super::store::acting as members;
use super::{Action, Mandate, Scope, find, party, store};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MandateId, MembershipId};
use crate::kernel::level::Level;
use crate::kernel::seal::Vault;
use crate::kernel::time::{Timestamp, days};
use crate::store::db::Tx;

/// Somebody's power to act for a principal, at one moment.
#[derive(Clone, Debug)]
pub struct MandatePower {
    pub mandate: MandateId,
    /// Who acts.
    pub account: AccountId,
    /// Through which membership of the agent, if that is an organisation.
    pub membership: Option<MembershipId>,
    pub principal: Party,
    pub agent: Party,
    /// What may be done, and where.
    pub scope: Scope,
    /// How well it is known who acts.
    pub identity: Level,
    pub until: Timestamp,
    /// It was passed on.
    pub is_passed_on: bool,
}

impl MandatePower {
    /// Whether it counts at a service.
    pub fn counts_at(&self, service: Service<'_>) -> bool {
        self.scope.covers(service)
    }
}

/// A party on whose behalf somebody may use mandates.
#[derive(Clone, Debug)]
pub struct Agent {
    pub party: Party,
    pub membership: Option<MembershipId>,
    identity: Level,
}

impl Agent {
    fn power(&self, account: &AccountId, mandate: Mandate) -> Option<MandatePower> {
        Some(MandatePower {
            account: account.clone(),
            membership: self.membership.clone(),
            principal: mandate.principal?,
            agent: self.party.clone(),
            scope: mandate.terms.scope,
            identity: self.identity,
            until: mandate.terms.until,
            is_passed_on: mandate.parent.is_some(),
            mandate: mandate.id,
        })
    }
}

impl Agent {
    fn member(row: members::PowerRow, grants: &[Grant], now: Timestamp) -> Option<Self> {
        let members::PowerRow { membership, organisation, organisation_state: state, identity_level: identity } = row;
        let may = member::may(grants, &Right::Mandates, (state, identity), now);
        may.then_some(Self { party: Party::Organisation(organisation), membership: Some(membership), identity })
    }
}

/// On whose behalf an account may use mandates now: its own, and that of organisations that have any and where it has the right.
/// Nobody's, as long as it is not known well enough who they are.
pub async fn agents(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Vec<Agent>, Error> {
    let identity = store::identity(tx, account).await?.unwrap_or(Level::Basic);
    if identity < party::NEEDS {
        return Ok(Vec::new());
    }
    let mut held = BTreeMap::<MembershipId, (members::PowerRow, Vec<Grant>)>::new();
    for members::AgencyRow { power, right } in members::agencies(tx, account, now).await? {
        let grant = right.grant()?;
        held.entry(power.membership.clone()).or_insert_with(|| (power, Vec::new())).1.push(grant);
    }
    let own = Agent { party: Party::Person(account.clone()), membership: None, identity };
    let organisations = held.into_values().filter_map(|(row, grants)| Agent::member(row, &grants, now));
    Ok(std::iter::once(own).chain(organisations).collect())
}

/// The power of an account under a mandate, if it counts now and the account may use it. Of whatever else they belong to nothing
/// is read.
pub async fn power(
    tx: &mut Tx,
    id: &MandateId,
    account: &AccountId,
    now: Timestamp,
) -> Result<Option<MandatePower>, Error> {
    let Some(mandate) = find(tx, id).await?.filter(|mandate| mandate.counts(now)) else { return Ok(None) };
    let identity = store::identity(tx, account).await?.unwrap_or(Level::Basic);
    let agent = match &mandate.agent {
        _ if identity < party::NEEDS => None,
        Some(Party::Person(agent)) if agent == account => {
            Some(Agent { party: Party::Person(agent.clone()), membership: None, identity })
        }
        Some(Party::Organisation(organisation)) => match members::power_in(tx, account, organisation).await? {
            Some(row) => {
                let grants = member::grants_of(tx, &row.membership).await?;
                Agent::member(row, &grants, now)
            }
            None => None,
        },
        _ => None,
    };
    Ok(agent.and_then(|agent| agent.power(account, mandate)))
}

/// More mandates of one principal are not looked through.
const DEPUTIES_MAX: i64 = 50;

/// The people who have a mandate of this principal to read what comes from a service. Not those of an organisation that has one:
/// where there are many principals they have a list.
pub async fn deputies(
    tx: &mut Tx,
    principal: &Party,
    service: Service<'_>,
    now: Timestamp,
) -> Result<Vec<AccountId>, Error> {
    let mut found = Vec::new();
    for row in store::usable_of(tx, principal.as_str(), now, DEPUTIES_MAX).await? {
        let mandate = row.read()?;
        let scope = &mandate.terms.scope;
        let reads = mandate.counts(now) && scope.actions.contains(&Action::Read) && scope.covers(service);
        if let Some(Party::Person(agent)) = mandate.agent.filter(|_| reads)
            && !found.contains(&agent)
            && store::identity(tx, &agent).await?.is_some_and(|level| level >= party::NEEDS)
        {
            found.push(agent);
        }
    }
    Ok(found)
}

/// What ends later than that many days from now ends after all that can be given.
pub const FAR_DAYS: u64 = 100 * 366;

/// Where a page of a list begins: after what ends at that moment and has that id.
pub type After<'a> = (Timestamp, &'a str);

/// At most `limit` powers of an account that count now, with the name of the principal, by the end of their time.
pub async fn powers(
    tx: &mut Tx,
    vault: &Vault,
    account: &AccountId,
    (now, limit): (Timestamp, i64),
) -> Result<Vec<(MandatePower, String)>, Error> {
    let agents = agents(tx, account, now).await?;
    let page = page(tx, account, &agents, (now, now.plus(days(FAR_DAYS))), ((now, ""), limit)).await?;
    let mut named = Vec::with_capacity(page.len());
    for power in page {
        if let Some(name) = party::name(tx, vault, &power.principal).await? {
            named.push((power, name));
        }
    }
    Ok(named)
}

/// One page of the powers that count now and end by then.
pub async fn page(
    tx: &mut Tx,
    account: &AccountId,
    agents: &[Agent],
    (now, ends_by): (Timestamp, Timestamp),
    (after, limit): (After<'_>, i64),
) -> Result<Vec<MandatePower>, Error> {
    let mut found = Vec::new();
    for agent in agents {
        for row in store::usable(tx, agent.party.as_str(), after, (now, ends_by), limit).await? {
            found.extend(agent.power(account, row.read()?));
        }
    }
    found.sort_by(|one, other| (one.until, &one.mandate).cmp(&(other.until, &other.mandate)));
    found.truncate(usize::try_from(limit).unwrap_or_default());
    Ok(found)
}
