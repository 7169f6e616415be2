//! Mandates (Vollmachten, §§ 164 ff. BGB; § 14 VwVfG, § 13 SGB X, § 80 AO): an agent acts for a principal, and each of them
//! is a person or an organisation. The principal offers one, or the agent asks for one; the other side accepts. What a
//! mandate allows is looked up at each use and never remembered, so that ending it counts at once.
//!
//! Whoever asks or offers never learns whether the account that they name exists.

pub mod answer;
pub mod appointment;
pub mod end;
mod event;
pub mod guardian;
pub mod import;
pub mod lists;
pub mod open;
pub mod party;
pub mod power;
mod scope;

use serde::{Deserialize, Serialize};

use super::acting::Party;
use super::store::mandate as store;
use crate::kernel::calendar::{days_after, months_after};
use crate::kernel::error::Error;
use crate::kernel::id::MandateId;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;

pub use scope::{Scope, Services};

/// How long a request or an offer may be accepted.
pub const OPEN_DAYS: u16 = 30;
/// Open at a time, of one party that asks or offers: of an organisation as many as it sends a day.
pub const PERSON_OPEN_MAX: i64 = 300;
pub const ORGANISATION_OPEN_MAX: i64 = 1000;
/// Services and authorities that one mandate may name; no form has more fields.
const SERVICES_MAX: usize = 40;

/// For how long a mandate may be given.
pub struct Longest {
    /// The day from which it holds.
    pub valid_from: &'static str,
    pub origin: Origin,
    pub months: u32,
    pub source: &'static str,
}

/// The table.
pub const LONGEST: [Longest; 2] = [
    Longest {
        valid_from: "2026-11-01",
        origin: Origin::Own,
        months: 36,
        source: "our own rule: no law sets a time, and a mandate that nobody thinks of any more is a danger",
    },
    Longest {
        valid_from: "2026-11-01",
        origin: Origin::Guardian,
        months: 84,
        source: "§ 294 Abs. 3, § 295 Abs. 2 FamFG: a court decides anew within seven years",
    },
];

/// What has become of a mandate. That its time is over is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum State {
    /// By the agent.
    Asked,
    /// By the principal, or by whoever passes it on.
    Offered,
    Active,
    Declined,
    Withdrawn,
    /// By the principal, or by whoever has passed it on.
    Revoked,
    /// Given up by the agent.
    Returned,
    /// Ended together with the account of a party.
    Gone,
    /// By a desk or the operator, because the court has ended it.
    Lifted,
}

impl State {
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Offered)
    }
}

/// Where a mandate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Origin {
    /// The principal has given it.
    Own,
    /// A court has appointed the agent, and a desk has seen the document.
    Guardian,
}

/// What an agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Read,
    Answer,
    Submit,
}

impl Action {
    pub const ALL: [Self; 3] = [Self::Read, Self::Answer, Self::Submit];

    /// In forms and in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "lesen",
            Self::Answer => "beantworten",
            Self::Submit => "einreichen",
        }
    }
}

/// What is asked for, offered, or accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub scope: Scope,
    pub from: Timestamp,
    pub until: Timestamp,
    /// The agent may pass it on, once.
    pub may_pass_on: bool,
}

impl Terms {
    /// The last moment until which a mandate from then on may be given.
    pub fn latest(origin: Origin, from: Timestamp) -> Timestamp {
        let rule = LONGEST.iter().find(|rule| rule.origin == origin);
        months_after(from, rule.map_or(0, |rule| rule.months))
    }

    fn check(&self, origin: Origin, now: Timestamp) -> Result<(), Error> {
        let services = &self.scope.services;
        let chosen = services.named().count() + services.authorities().count();
        let (problem, field) = match services {
            // A court may appoint somebody for what allows nothing here.
            _ if self.scope.actions.is_empty() && origin == Origin::Own => ("mandate_actions", "handlung"),
            Services::Only(_) | Services::Of { .. } if chosen == 0 => ("mandate_services", "dienste"),
            _ if chosen > SERVICES_MAX => ("mandate_services_enough", "dienste"),
            _ if self.until <= self.from || self.until <= now => ("date_over", "bis_tag"),
            _ if self.from > days_after(now, 366) => ("mandate_from", "von_tag"),
            _ if self.until > Self::latest(origin, self.from.max(now)) => ("mandate_long", "bis_tag"),
            _ => return Ok(()),
        };
        Err(Error::field(field, problem))
    }
}

/// One side of a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Principal,
    Agent,
}

/// Who did something, and when: an account, or the membership of who did it for an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub by: String,
    pub at: Timestamp,
}

/// A mandate, read.
#[derive(Clone, Debug)]
pub struct Mandate {
    pub id: MandateId,
    /// `None` while it is open and nobody has the account that was named.
    pub principal: Option<Party>,
    pub agent: Option<Party>,
    /// Which party has asked, offered or passed on.
    pub opener: Party,
    pub state: State,
    pub origin: Origin,
    pub parent: Option<MandateId>,
    pub terms: Terms,
    pub opened: Done,
    pub expires_at: Timestamp,
    pub accepted: Option<Done>,
    pub ended: Option<Done>,
    /// Whom the opener has named, sealed.
    pub(super) named: Option<Vec<u8>>,
    /// Whether the parties, and what it was passed on from, let it count.
    pub(super) principal_lets: bool,
    pub(super) agent_lets: bool,
    pub(super) parent_lets: bool,
}

/// How a mandate stands at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Open,
    /// Nobody has answered in time.
    Expired,
    Counts,
    /// It will count from its first day on.
    Waits,
    /// It does not count now, because of the state of a party.
    Rests,
    /// It is in force, and allows nothing that can be done here.
    Empty,
    Over,
    /// Somebody has ended it.
    Ended(State),
}

impl Mandate {
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.state {
            state if state.is_open() => {
                if self.expires_at > now {
                    Standing::Open
                } else {
                    Standing::Expired
                }
            }
            State::Active if self.terms.until <= now => Standing::Over,
            State::Active if self.terms.scope.actions.is_empty() => Standing::Empty,
            State::Active if !(self.principal_lets && self.agent_lets && self.parent_lets) => Standing::Rests,
            State::Active if self.terms.from > now => Standing::Waits,
            State::Active => Standing::Counts,
            state => Standing::Ended(state),
        }
    }

    pub fn counts(&self, now: Timestamp) -> bool {
        self.standing(now) == Standing::Counts
    }

    /// On which side a party stands; `None` if it has nothing to do with it. Whoever has passed it on stands on the principal's.
    pub fn side(&self, party: &Party) -> Option<Role> {
        if self.agent.as_ref() == Some(party) {
            Some(Role::Agent)
        } else {
            (self.principal.as_ref() == Some(party) || self.opener == *party).then_some(Role::Principal)
        }
    }

    /// Who may accept or decline it.
    pub fn answerer(&self) -> Option<&Party> {
        match self.state {
            State::Asked => self.principal.as_ref(),
            State::Offered => self.agent.as_ref(),
            _ => None,
        }
    }

    /// Everybody whom it concerns, each once.
    fn parties(&self) -> Vec<Party> {
        let mut parties: Vec<Party> = Vec::new();
        for party in [self.principal.as_ref(), self.agent.as_ref(), Some(&self.opener)].into_iter().flatten() {
            if !parties.contains(party) {
                parties.push(party.clone());
            }
        }
        parties
    }

    /// Whether its agent may pass it on now.
    pub fn can_pass_on(&self, now: Timestamp) -> bool {
        self.terms.may_pass_on
            && self.parent.is_none()
            && matches!(self.standing(now), Standing::Counts | Standing::Waits)
    }
}

/// A mandate, whatever has become of it.
pub async fn find(tx: &mut Tx, id: &MandateId) -> Result<Option<Mandate>, Error> {
    store::find(tx, id).await?.map(store::MandateRow::read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::ClientId;
    use crate::kernel::time::days;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);

    fn party(kind: &str, number: u8) -> Party {
        party::parse(&format!("{kind}_0000000000000000000000000{number}")).unwrap()
    }

    fn scope(actions: &[Action], services: Option<&[&str]>) -> Scope {
        let only = |names: &[&str]| names.iter().map(|name| ClientId((*name).to_owned())).collect();
        Scope {
            actions: actions.iter().copied().collect(),
            services: services.map_or(Services::All, |names| Services::Only(only(names))),
        }
    }

    fn terms() -> Terms {
        Terms { scope: scope(&Action::ALL, None), from: NOW, until: NOW.plus(days(30)), may_pass_on: true }
    }

    fn mandate(state: State) -> Mandate {
        Mandate {
            id: MandateId::parse("mdt_00000000000000000000000000").unwrap(),
            principal: Some(party("org", 1)),
            agent: Some(party("acc", 2)),
            opener: party("org", 1),
            state,
            origin: Origin::Own,
            parent: None,
            terms: terms(),
            opened: Done { by: "mem_00000000000000000000000000".to_owned(), at: NOW },
            expires_at: NOW.plus(days(30)),
            accepted: None,
            ended: None,
            named: None,
            principal_lets: true,
            agent_lets: true,
            parent_lets: true,
        }
    }

    #[test]
    fn a_mandate_counts_between_its_days_and_while_its_parties_let_it() {
        let at = |mandate: Mandate, later| mandate.standing(NOW.plus(days(later)));
        assert_eq!(at(mandate(State::Active), 0), Standing::Counts);
        assert_eq!(at(mandate(State::Active), 29), Standing::Counts);
        assert_eq!(at(mandate(State::Active), 30), Standing::Over, "until is the first moment at which it does not");
        let later = Mandate { terms: Terms { from: NOW.plus(days(1)), ..terms() }, ..mandate(State::Active) };
        assert_eq!((at(later.clone(), 0), at(later, 1)), (Standing::Waits, Standing::Counts));
        for resting in [
            Mandate { principal_lets: false, ..mandate(State::Active) },
            Mandate { agent_lets: false, ..mandate(State::Active) },
            Mandate { parent_lets: false, ..mandate(State::Active) },
        ] {
            assert_eq!(at(resting, 0), Standing::Rests);
        }
        for state in [State::Asked, State::Offered] {
            assert_eq!((at(mandate(state), 0), at(mandate(state), 30)), (Standing::Open, Standing::Expired));
        }
        let empty = Mandate { terms: Terms { scope: scope(&[], None), ..terms() }, ..mandate(State::Active) };
        let nothing = serde_json::to_string(&empty.terms.scope).unwrap();
        assert_eq!(nothing, store::NOTHING, "as it is searched for");
        assert!(empty.standing(NOW) == Standing::Empty && !empty.counts(NOW));
        for state in [State::Declined, State::Withdrawn, State::Revoked, State::Returned, State::Gone, State::Lifted] {
            assert_eq!(at(mandate(state), 0), Standing::Ended(state));
        }
    }

    #[test]
    fn what_can_be_passed_on() {
        assert!(mandate(State::Active).can_pass_on(NOW));
        let once = Mandate { parent: Some(mandate(State::Active).id), ..mandate(State::Active) };
        assert!(!once.can_pass_on(NOW), "what was passed on ends there");
        assert!(!mandate(State::Revoked).can_pass_on(NOW) && !mandate(State::Offered).can_pass_on(NOW));
        assert!(!Mandate { agent_lets: false, ..mandate(State::Active) }.can_pass_on(NOW));
    }

    #[test]
    fn terms_are_sound() {
        let problem = |terms: Terms| match terms.check(Origin::Own, NOW) {
            Ok(()) => "",
            Err(Error::Invalid(problems)) => problems[0].problem,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(problem(terms()), "");
        assert_eq!(problem(Terms { until: months_after(NOW, 36), ..terms() }), "");
        let long = Terms { until: months_after(NOW, 36).plus(days(1)), ..terms() };
        assert!(long.check(Origin::Guardian, NOW).is_ok(), "a court decides for longer");
        assert_eq!(problem(long), "mandate_long");
        assert_eq!(problem(Terms { until: NOW, ..terms() }), "date_over");
        assert_eq!(problem(Terms { from: NOW.plus(days(31)), ..terms() }), "date_over");
        let much_later = Terms { from: NOW.plus(days(400)), until: NOW.plus(days(401)), ..terms() };
        assert_eq!(problem(much_later), "mandate_from");
        let empty = Terms { scope: scope(&[], None), ..terms() };
        assert!(empty.check(Origin::Guardian, NOW).is_ok());
        assert_eq!(problem(empty), "mandate_actions");
        assert_eq!(problem(Terms { scope: scope(&Action::ALL, Some(&[])), ..terms() }), "mandate_services");
        let many: Vec<String> = (0..=SERVICES_MAX).map(|number| format!("dienst-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let many = Terms { scope: scope(&Action::ALL, Some(&many)), ..terms() };
        assert_eq!(problem(many), "mandate_services_enough");
    }

    #[test]
    fn who_stands_where() {
        let (principal, agent, other) = (party("org", 1), party("acc", 2), party("acc", 3));
        let offered = mandate(State::Offered);
        assert_eq!((offered.side(&principal), offered.side(&agent)), (Some(Role::Principal), Some(Role::Agent)));
        assert_eq!((offered.side(&other), offered.answerer()), (None, Some(&agent)));
        assert_eq!(offered.parties(), [principal.clone(), agent.clone()]);
        let asked = Mandate { opener: agent.clone(), ..mandate(State::Asked) };
        assert_eq!((asked.side(&agent), asked.answerer()), (Some(Role::Agent), Some(&principal)));
        let passed_on = Mandate { opener: other.clone(), ..mandate(State::Offered) };
        assert_eq!((passed_on.side(&other), passed_on.parties().len()), (Some(Role::Principal), 3));
        assert_eq!(mandate(State::Active).answerer(), None);
    }
}
