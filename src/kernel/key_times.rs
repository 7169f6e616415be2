//! When a signing key does what: it is published before it signs, and verifies after its successor has begun to.
//! Every node comes to the same answer from the same rows and the time, without talking to another.

use std::time::Duration;

use super::keys::{Algorithm, Purpose};
use super::time::{Timestamp, days, hours, minutes};

/// How long a key is published before it signs, so that whoever keeps our key set knows it by then.
pub const PUBLISHED_BEFORE_USE: Duration = hours(1);
/// How long others may keep our key set: well below [`PUBLISHED_BEFORE_USE`], and how long a revoked key is believed
/// elsewhere.
pub const JWK_SET_KEPT: Duration = minutes(15);
/// How long a key verifies after its successor has begun to sign: longer than any token lives (five minutes), and than
/// anybody would keep one to name a session with (`id_token_hint`).
pub const VERIFIES_AFTER_USE: Duration = days(1);

/// What there must be a key for at any time.
pub const REQUIRED: [(Purpose, Algorithm); 6] = [
    (Purpose::IdToken, Algorithm::ES256),
    (Purpose::IdToken, Algorithm::EdDSA),
    (Purpose::IdToken, Algorithm::RS256),
    (Purpose::AccessToken, Algorithm::ES256),
    (Purpose::Audit, Algorithm::ES256),
    (Purpose::Receipt, Algorithm::ES256),
];

/// A key without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    pub key_id: String,
    pub purpose: Purpose,
    pub algorithm: Algorithm,
    pub created_at: Timestamp,
    pub signs_from: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// What a key does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Published, and verifies already.
    Next,
    Signs,
    /// For ever, if without an end: the past is proven with audit keys.
    Verifies {
        until: Option<Timestamp>,
    },
    Retired,
    Revoked,
}

impl State {
    /// A revoked audit key still proves what it signed before: how much that is worth depends on where it was kept. A revoked key of receipts
    /// proves nothing: whoever has it writes receipts of any date.
    pub fn verifies(self, purpose: Purpose) -> bool {
        match self {
            Self::Next | Self::Signs | Self::Verifies { .. } => true,
            Self::Retired => false,
            Self::Revoked => purpose == Purpose::Audit,
        }
    }
}

/// The state of each key. Of a purpose and algorithm the newest whose time has come signs; if a clock runs late and
/// none has, the oldest.
pub fn states(keys: &[KeyTimes], now: Timestamp) -> Vec<State> {
    keys.iter().map(|key| state(key, keys, now)).collect()
}

fn state(key: &KeyTimes, all: &[KeyTimes], now: Timestamp) -> State {
    if key.revoked_at.is_some() {
        return State::Revoked;
    }
    let rank = |key: &KeyTimes| (key.signs_from, key.key_id.clone());
    let alike = |other: &&KeyTimes| {
        (other.purpose, other.algorithm) == (key.purpose, key.algorithm) && other.revoked_at.is_none()
    };
    let mut line: Vec<_> = all.iter().filter(alike).map(rank).collect();
    line.sort();
    let signing = line.iter().rposition(|(signs_from, _)| *signs_from <= now).unwrap_or(0);
    let place = line.iter().position(|other| *other == rank(key)).unwrap_or(0);
    match (place.cmp(&signing), key.purpose) {
        (std::cmp::Ordering::Greater, _) => State::Next,
        (std::cmp::Ordering::Equal, _) => State::Signs,
        (std::cmp::Ordering::Less, purpose) if purpose.proves_the_past() => State::Verifies { until: None },
        (std::cmp::Ordering::Less, _) => {
            let until = line[place + 1].0.plus(VERIFIES_AFTER_USE);
            if until > now { State::Verifies { until: Some(until) } } else { State::Retired }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);

    fn key(key_id: &str, purpose: Purpose, signs_after: Duration) -> KeyTimes {
        let (signs_from, algorithm) = (START.plus(signs_after), Algorithm::ES256);
        KeyTimes { key_id: key_id.to_owned(), purpose, algorithm, created_at: START, signs_from, revoked_at: None }
    }

    /// The states of each key after so much time.
    fn after(keys: &[KeyTimes], duration: Duration) -> Vec<State> {
        states(keys, START.plus(duration))
    }

    #[test]
    fn one_signs_at_a_time_and_verifies_a_day_longer() {
        for purpose in Purpose::ALL {
            let keys = [key("c", purpose, hours(3)), key("a", purpose, Duration::ZERO), key("b", purpose, hours(1))];
            let until = |duration| match purpose {
                Purpose::Audit | Purpose::Receipt => State::Verifies { until: None },
                _ => State::Verifies { until: Some(START.plus(duration)) },
            };
            let over = if purpose.proves_the_past() { until(Duration::ZERO) } else { State::Retired };
            let minute = minutes(1);
            assert_eq!(after(&keys, Duration::ZERO), [State::Next, State::Signs, State::Next]);
            assert_eq!(after(&keys, hours(1) - minute), [State::Next, State::Signs, State::Next]);
            assert_eq!(after(&keys, hours(1)), [State::Next, until(hours(25)), State::Signs]);
            assert_eq!(after(&keys, hours(3)), [State::Signs, until(hours(25)), until(hours(27))]);
            assert_eq!(after(&keys, hours(25) - minute), [State::Signs, until(hours(25)), until(hours(27))]);
            assert_eq!(after(&keys, hours(25)), [State::Signs, over, until(hours(27))]);
            assert_eq!(after(&keys, days(999)), [State::Signs, over, over]);
        }
    }

    #[test]
    fn a_revoked_key_is_out_and_stands_in_nobodys_way() {
        let purpose = Purpose::IdToken;
        let mut keys = [key("a", purpose, Duration::ZERO), key("b", purpose, hours(1)), key("c", purpose, hours(2))];
        keys[1].revoked_at = Some(START);
        assert_eq!(after(&keys, hours(1)), [State::Signs, State::Revoked, State::Next]);
        assert_eq!(after(&keys, hours(26) - minutes(1))[0], State::Verifies { until: Some(START.plus(hours(26))) });
        keys[0].revoked_at = Some(START);
        assert_eq!(after(&keys, hours(1)), [State::Revoked, State::Revoked, State::Signs], "a clock that runs late");
    }

    #[test]
    fn algorithms_and_purposes_do_not_mix() {
        let mut keys = [key("a", Purpose::IdToken, Duration::ZERO), key("b", Purpose::IdToken, hours(1))];
        keys[1].algorithm = Algorithm::RS256;
        assert_eq!(after(&keys, hours(2)), [State::Signs, State::Signs]);
        keys[1] = key("b", Purpose::AccessToken, hours(1));
        assert_eq!(after(&keys, hours(2)), [State::Signs, State::Signs]);
    }

    #[test]
    fn the_key_set_is_kept_for_less_than_keys_are_published_before_use() {
        assert!(JWK_SET_KEPT + minutes(10) < PUBLISHED_BEFORE_USE);
    }
}
