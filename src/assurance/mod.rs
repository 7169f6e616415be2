//! What a sign-in is worth. Pure rules, and dated tables with their source; nothing here reads or writes anything.
//!
//! Two axes (BSI TR-03107-1): how strongly somebody has proven to be the same person as last time, which is a matter of the
//! means, and how well it is known who that is, which is a matter of the evidence behind the attributes. A sign-in has the
//! lower of both, and hands over no attribute above it. The states of an account are those of BSI TR-03160-1.

mod policy;
mod ways;
pub mod web;

use std::time::Duration;

use crate::kernel::id::MeansId;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::time::{Timestamp, hours, minutes};

pub use policy::{Policy, WORTH};
pub use ways::{Need, Way, can_reach, ways};

/// One means of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Means {
    /// None for the password, of which there is one.
    pub id: Option<MeansId>,
    pub kind: MeansKind,
    /// What its owner calls it.
    pub name: Option<String>,
    /// The level at which it was registered (TR-03160-1: one of the four that make up its level).
    pub registered: Level,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// Since when its owner has blocked it: it stays registered, and nobody signs in with it.
    pub blocked_at: Option<Timestamp>,
}

impl Means {
    /// Whether somebody gets in with it and nothing else, whatever another provider does.
    pub const fn opens(&self) -> bool {
        self.blocked_at.is_none() && !self.kind.is_code() && !matches!(self.kind, MeansKind::LinkedAccount)
    }
}

impl Policy<'_> {
    /// The level of a means: what its kind is worth at that time, and never more than it was registered at.
    pub fn level(&self, means: &Means, now: Timestamp) -> Level {
        self.technical(means.kind, now).min(means.registered)
    }

    /// The level of the strongest means, above which no attribute of an account stands (TR-03160-1).
    pub fn maximum(&self, means: &[Means], now: Timestamp) -> Level {
        means.iter().map(|means| self.level(means, now)).max().unwrap_or(Level::Basic)
    }

    /// Whether somebody may unblock a means: as strong as it is, and using it (TR-03160-1). Blocking needs neither.
    pub fn may_unblock(&self, means: &Means, strength: Level, now: Timestamp) -> bool {
        strength >= self.level(means, now)
    }

    /// The level at which a new means is registered by somebody whose session is that strong: a higher one than that only if
    /// the account has nothing stronger yet (TR-03160-1: upgrade).
    pub fn registration(&self, kind: MeansKind, strength: Level, means: &[Means], now: Timestamp) -> Level {
        let technical = self.technical(kind, now);
        if strength >= self.maximum(means, now) { technical } else { technical.min(strength) }
    }
}

/// How long an authentication of one level counts, and since when that rule holds.
pub struct SessionLimit {
    pub valid_from: Timestamp,
    pub level: Level,
    /// Without a request.
    pub idle: Duration,
    /// From signing in, whatever happens.
    pub absolute: Duration,
    /// Where the rule comes from.
    pub source: &'static str,
}

const SINCE_2026: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// The rule table. A new rule is a new row with its date; old rows stay.
pub const SESSION_LIMITS: [SessionLimit; 4] = [
    limit(Level::Basic, minutes(60), hours(12), "as low: BSI TR-03160-1, accounts of basic registration"),
    limit(Level::Low, minutes(60), hours(12), "BSI TR-03160-1, session limits"),
    limit(Level::Substantial, minutes(30), hours(2), "BSI TR-03160-1, session limits"),
    limit(Level::High, minutes(5), minutes(30), "BSI TR-03160-1, session limits"),
];

const fn limit(level: Level, idle: Duration, absolute: Duration, source: &'static str) -> SessionLimit {
    SessionLimit { valid_from: SINCE_2026, level, idle, absolute, source }
}

/// The rule in force for an authentication of this level at that time; the strictest if none is.
pub fn session_limit(level: Level, authenticated_at: Timestamp) -> &'static SessionLimit {
    let in_force = SESSION_LIMITS.iter().filter(|rule| rule.level == level && rule.valid_from <= authenticated_at);
    in_force.max_by_key(|rule| rule.valid_from).unwrap_or(&SESSION_LIMITS[3])
}

/// When an authentication of this level ends, if nothing more is heard of its owner.
pub fn ends_at(level: Level, authenticated_at: Timestamp, last_seen_at: Timestamp) -> Timestamp {
    let limit = session_limit(level, authenticated_at);
    last_seen_at.plus(limit.idle).min(authenticated_at.plus(limit.absolute))
}

/// What is left of the strength of an authentication: it steps down to the next level that still holds, counting from the same
/// moment (TR-03160-1). Nothing, if none does.
pub fn remaining(
    strength: Level,
    authenticated_at: Timestamp,
    last_seen_at: Timestamp,
    now: Timestamp,
) -> Option<Level> {
    let holds = |level: &Level| *level <= strength && ends_at(*level, authenticated_at, last_seen_at) > now;
    Level::ALL.into_iter().rev().find(holds)
}

/// The level that a token may state of an authentication, and until when, if that ends: a service keeps basic for good.
pub fn stated(level: Level, authenticated_at: Timestamp, now: Timestamp) -> (Level, Option<Timestamp>) {
    let end = |level: Level| authenticated_at.plus(session_limit(level, authenticated_at).absolute);
    let holds = |other: &Level| *other <= level && end(*other) > now;
    match Level::ALL.into_iter().rev().find(holds) {
        Some(Level::Basic) | None => (Level::Basic, None),
        Some(level) => (level, Some(end(level))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const T0: Timestamp = Timestamp::from_seconds(1_795_424_520);

    pub fn means(kind: MeansKind, registered: Level) -> Means {
        Means { id: None, kind, name: None, registered, created_at: T0, last_used_at: None, blocked_at: None }
    }

    #[test]
    fn every_level_has_its_limits() {
        let limits = |level| (session_limit(level, T0).idle, session_limit(level, T0).absolute);
        assert_eq!(limits(Level::Basic), (minutes(60), hours(12)));
        assert_eq!(limits(Level::Low), (minutes(60), hours(12)));
        assert_eq!(limits(Level::Substantial), (minutes(30), hours(2)));
        assert_eq!(limits(Level::High), (minutes(5), minutes(30)));
        let before = session_limit(Level::Basic, Timestamp::from_seconds(0));
        assert_eq!(before.absolute, minutes(30), "no rule: the strictest");
    }

    #[test]
    fn a_level_steps_down_and_never_up() {
        let left = |strength, idle_minutes: u64, age_minutes: u64| {
            let now = T0.plus(minutes(age_minutes));
            remaining(strength, T0, now.minus(minutes(idle_minutes)), now)
        };
        for (strength, idle, age, expected) in [
            (Level::High, 0, 0, Some(Level::High)),
            (Level::High, 4, 20, Some(Level::High)),
            (Level::High, 5, 20, Some(Level::Substantial)),
            (Level::High, 0, 30, Some(Level::Substantial)),
            (Level::High, 0, 120, Some(Level::Low)),
            (Level::High, 30, 60, Some(Level::Low)),
            (Level::Substantial, 29, 119, Some(Level::Substantial)),
            (Level::Low, 59, 719, Some(Level::Low)),
            (Level::Low, 60, 100, None),
            (Level::High, 0, 720, None),
            (Level::Basic, 0, 0, Some(Level::Basic)),
        ] {
            assert_eq!(left(strength, idle, age), expected, "{strength:?}, idle {idle}, age {age}");
        }
    }

    #[test]
    fn what_a_token_states_ends_with_the_authentication() {
        assert_eq!(stated(Level::High, T0, T0), (Level::High, Some(T0.plus(minutes(30)))));
        assert_eq!(stated(Level::High, T0, T0.plus(minutes(30))), (Level::Substantial, Some(T0.plus(hours(2)))));
        assert_eq!(stated(Level::High, T0, T0.plus(hours(2))), (Level::Low, Some(T0.plus(hours(12)))));
        assert_eq!(stated(Level::High, T0, T0.plus(hours(12))), (Level::Basic, None));
        assert_eq!(stated(Level::Basic, T0, T0), (Level::Basic, None));
    }

    #[test]
    fn a_means_is_worth_what_it_was_registered_at() {
        let policy = Policy::none();
        let password = means(MeansKind::Password, Level::Low);
        let alone = std::slice::from_ref(&password);
        let register = |kind, strength, others: &[Means]| policy.registration(kind, strength, others, T0);
        assert_eq!(register(MeansKind::DevicePasskey, Level::Low, alone), Level::Substantial, "upgrade");
        let strong = [password.clone(), means(MeansKind::DevicePasskey, Level::Substantial)];
        assert_eq!(register(MeansKind::DevicePasskey, Level::Low, &strong), Level::Low, "from a weaker sign-in");
        assert_eq!(register(MeansKind::DevicePasskey, Level::Substantial, &strong), Level::Substantial);
        assert_eq!(register(MeansKind::SynchronisedPasskey, Level::Substantial, &strong), Level::Low);
        assert_eq!(policy.level(&means(MeansKind::DevicePasskey, Level::Low), T0), Level::Low);
        assert_eq!(policy.maximum(&[], T0), Level::Basic);
    }

    /// One step in the life of an account.
    #[derive(Clone, Debug)]
    enum Act {
        Register(MeansKind),
        Remove(usize),
        SignIn(usize),
        Prove(Level),
        Wait(u64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            (0..MeansKind::ALL.len()).prop_map(|index| Act::Register(MeansKind::ALL[index])),
            (0..8_usize).prop_map(Act::Remove),
            (0..8_usize).prop_map(Act::SignIn),
            (0..4_usize).prop_map(|index| Act::Prove(Level::ALL[index])),
            (0..800_u64).prop_map(Act::Wait),
        ];
        prop::collection::vec(act, 1..60)
    }

    proptest! {
        /// TR-03160-1: no token above what its means, its evidence and its age allow; no means above how it was registered;
        /// no evidence above the strongest means.
        #[test]
        fn no_history_gives_more_than_was_proven(acts in acts(), attests in any::<bool>()) {
            let policy = if attests { Policy::attesting() } else { Policy::none() };
            let (mut known, mut identity, mut now) = (vec![means(MeansKind::Password, Level::Low)], Level::Basic, T0);
            let mut session = (Level::Low, now);
            for act in acts {
                let strength = remaining(session.0, session.1, now, now).unwrap_or(Level::Basic);
                match act {
                    Act::Register(kind) => {
                        let before = policy.maximum(&known, now);
                        let registered = policy.registration(kind, strength, &known, now);
                        prop_assert!(registered <= policy.technical(kind, now));
                        prop_assert!(registered <= strength || strength >= before);
                        known.push(means(kind, registered));
                    }
                    Act::Remove(index) if known.len() > 1 => {
                        let removed = known.remove(index % known.len());
                        // A code goes with the password that it completes.
                        if removed.kind == MeansKind::Password {
                            known.retain(Means::opens);
                        }
                        identity = identity.min(policy.maximum(&known, now));
                    }
                    Act::SignIn(_) if known.is_empty() => {}
                    Act::SignIn(index) => {
                        let used = &known[index % known.len()];
                        session = (policy.level(used, now), now);
                    }
                    Act::Prove(level) => identity = level.min(policy.maximum(&known, now)),
                    Act::Wait(count) => now = now.plus(minutes(count)),
                    Act::Remove(_) => {}
                }
                let left = remaining(session.0, session.1, now, now).unwrap_or(Level::Basic);
                let (told, until) = stated(left.min(identity), session.1, now);
                prop_assert!(told <= session.0 && told <= identity && until.is_none_or(|until| until > now));
                prop_assert!(identity <= policy.maximum(&known, now));
                if told > Level::Basic {
                    prop_assert_eq!(until, Some(session.1.plus(session_limit(told, session.1).absolute)));
                }
            }
        }
    }
}
