//! How somebody reaches a level: what is missing, and what gives it.

use super::{Means, Policy};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::time::Timestamp;

/// One way to more than a session has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Sign in with something that the account has.
    Use(MeansKind),
    /// Register something new first.
    Register(MeansKind),
}

/// What stands between a session and a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The evidence is not good enough, whatever somebody signs in with.
    Identity,
    /// One of these, the quickest first; none if nothing that can be had here gives the level.
    Means(Vec<Way>),
}

/// How long signing in with something takes, the quickest first.
const fn effort(kind: MeansKind) -> u8 {
    match kind {
        MeansKind::AttestedPasskey | MeansKind::DevicePasskey | MeansKind::SynchronisedPasskey => 0,
        MeansKind::Password => 1,
        MeansKind::AppCode | MeansKind::DeviceCode => 2,
        MeansKind::Eid | MeansKind::LinkedAccount => 3,
    }
}

/// What somebody needs whose identity is known at one level, whose session is that strong, and who wants another level.
pub fn ways(
    policy: Policy<'_>,
    means: &[Means],
    (identity, strength): (Level, Level),
    wanted: Level,
    now: Timestamp,
) -> Need {
    let card = Some(MeansKind::Eid).filter(|kind| policy.has_eid && policy.technical(*kind, now) >= wanted);
    if identity < wanted {
        // A card says both: who somebody is, and that it is they again.
        let is_usable = means.iter().any(|one| one.kind == MeansKind::Eid && one.blocked_at.is_none());
        let way = if is_usable { Way::Use } else { Way::Register };
        return card.map_or(Need::Identity, |kind| Need::Means(vec![way(kind)]));
    }
    let is_there = |one: &&Means| one.kind != MeansKind::Eid || policy.has_eid;
    let usable = means.iter().filter(is_there);
    let usable = usable.filter(|one| one.blocked_at.is_none() && policy.level(one, now) >= wanted);
    let mut kinds: Vec<MeansKind> = usable.map(|one| one.kind).collect();
    kinds.sort_by_key(|kind| (effort(*kind), *kind));
    kinds.dedup();
    let mut ways: Vec<Way> = kinds.into_iter().map(Way::Use).collect();
    let has_password = means.iter().any(|one| one.kind == MeansKind::Password);
    let fits = |kind: &MeansKind| *kind != MeansKind::AppCode || has_password;
    let gives = |kind: &MeansKind| fits(kind) && policy.registration(*kind, strength, means, now) >= wanted;
    // What can be registered by somebody who is signed in.
    let registrable = [policy.device_bound(), MeansKind::SynchronisedPasskey, MeansKind::AppCode];
    ways.extend(registrable.into_iter().filter(gives).map(Way::Register));
    ways.extend(card.filter(|kind| !ways.contains(&Way::Use(*kind))).map(Way::Register));
    Need::Means(ways)
}

/// Whether there is any way.
pub fn can_reach(policy: Policy<'_>, means: &[Means], standing: (Level, Level), wanted: Level, now: Timestamp) -> bool {
    matches!(ways(policy, means, standing, wanted, now), Need::Means(ways) if !ways.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assurance::tests::means;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);

    /// What an account has, how well its owner is known, how strong the session is, what is wanted; what is needed.
    type Row = (&'static [(MeansKind, Level)], Level, Level, Level, Need);

    #[test]
    fn the_table() {
        use MeansKind::{DeviceCode, DevicePasskey, Password, SynchronisedPasskey};
        const PASSWORD: &[(MeansKind, Level)] = &[(Password, Level::Low)];
        const STRONG: &[(MeansKind, Level)] = &[(Password, Level::Low), (DevicePasskey, Level::Substantial)];
        const SYNCHRONISED: &[(MeansKind, Level)] = &[(Password, Level::Low), (SynchronisedPasskey, Level::Low)];
        let rows: [Row; 7] = [
            (PASSWORD, Level::Basic, Level::Low, Level::Substantial, Need::Identity),
            (PASSWORD, Level::High, Level::Low, Level::Substantial, Need::Means(vec![Way::Register(DevicePasskey)])),
            (STRONG, Level::Substantial, Level::Low, Level::Substantial, Need::Means(vec![Way::Use(DevicePasskey)])),
            (
                STRONG,
                Level::Substantial,
                Level::Substantial,
                Level::Substantial,
                Need::Means(vec![Way::Use(DevicePasskey), Way::Register(DevicePasskey)]),
            ),
            (
                &[(DeviceCode, Level::Low), (Password, Level::Low), (DevicePasskey, Level::Low)],
                Level::Low,
                Level::Basic,
                Level::Low,
                Need::Means(vec![Way::Use(DevicePasskey), Way::Use(Password), Way::Use(DeviceCode)]),
            ),
            (STRONG, Level::High, Level::Substantial, Level::High, Need::Means(vec![])),
            (
                SYNCHRONISED,
                Level::Substantial,
                Level::Low,
                Level::Substantial,
                Need::Means(vec![Way::Register(DevicePasskey)]),
            ),
        ];
        for (known, identity, strength, wanted, need) in rows {
            let known: Vec<_> = known.iter().map(|(kind, level)| means(*kind, *level)).collect();
            let found = ways(Policy::none(), &known, (identity, strength), wanted, NOW);
            assert_eq!(found, need, "{known:?} {identity:?} {strength:?} {wanted:?}");
        }
    }

    #[test]
    fn an_identity_card_gives_both() {
        let policy = Policy::none().with_eid();
        let password = means(MeansKind::Password, Level::Low);
        let card = means(MeansKind::Eid, Level::High);
        let to = |means: &[Means], identity, wanted| ways(policy, means, (identity, Level::Low), wanted, NOW);
        let register = || Need::Means(vec![Way::Register(MeansKind::Eid)]);
        let alone = std::slice::from_ref(&password);
        assert_eq!(to(alone, Level::Basic, Level::High), register());
        assert_eq!(to(alone, Level::High, Level::High), register());
        let both = [password.clone(), card];
        let with_it = Need::Means(vec![Way::Use(MeansKind::Eid)]);
        assert_eq!(to(&both, Level::Low, Level::High), with_it);
        assert_eq!(to(&both, Level::High, Level::High), with_it);
        let unconfigured = ways(Policy::none(), &both, (Level::High, Level::Low), Level::High, NOW);
        assert_eq!(unconfigured, Need::Means(vec![]));
    }

    #[test]
    fn where_makers_have_to_vouch_only_such_a_passkey_leads_up() {
        use MeansKind::{AttestedPasskey, DevicePasskey, Password};
        let known = [means(Password, Level::Low), means(DevicePasskey, Level::Substantial)];
        let way = |policy| ways(policy, &known, (Level::High, Level::Low), Level::Substantial, NOW);
        assert_eq!(way(Policy::attesting()), Need::Means(vec![Way::Register(AttestedPasskey)]));
        assert_eq!(way(Policy::none()), Need::Means(vec![Way::Use(DevicePasskey)]));
    }

    #[test]
    fn what_is_blocked_is_no_way_and_still_counts() {
        let mut known = [means(MeansKind::Password, Level::Low), means(MeansKind::DevicePasskey, Level::Substantial)];
        known[1].blocked_at = Some(NOW);
        let found = ways(Policy::none(), &known, (Level::High, Level::Low), Level::Substantial, NOW);
        assert_eq!(found, Need::Means(vec![]), "nor does blocking open the way to register another as strong");
        assert_eq!(Policy::none().maximum(&known, NOW), Level::Substantial);
        let may = |strength| Policy::none().may_unblock(&known[1], strength, NOW);
        assert!(!may(Level::Low) && may(Level::Substantial));
    }
}
