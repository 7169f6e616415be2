//! Which kind of means gives which level: a dated table, which the operator may change by signed rules, within its limits.

use crate::config::{AttestationPolicy, Config, LevelRule};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::time::Timestamp;

/// What a kind of means is worth.
pub struct Worth {
    pub kind: MeansKind,
    /// Unless the operator says otherwise.
    pub usual: Level,
    /// The most that the operator may say.
    pub most: Level,
    /// Where both come from.
    pub source: &'static str,
}

const fn worth(kind: MeansKind, usual: Level, most: Level, source: &'static str) -> Worth {
    Worth { kind, usual, most, source }
}

/// The table.
pub const WORTH: [Worth; 8] = [
    worth(MeansKind::Password, Level::Low, Level::Low, "BSI TR-03107-1: one factor, normal at most"),
    worth(
        MeansKind::AppCode,
        Level::Low,
        Level::Low,
        "BSI TR-03107-1: an app on the device that signs in is no independent factor",
    ),
    worth(
        MeansKind::DeviceCode,
        Level::Low,
        Level::Substantial,
        "BSI TR-03107-1: a separate code generator can reach substantial",
    ),
    worth(
        MeansKind::SynchronisedPasskey,
        Level::Low,
        Level::Substantial,
        "not named by the guidelines: who holds the key depends on the maker's account",
    ),
    worth(
        MeansKind::DevicePasskey,
        Level::Substantial,
        Level::Substantial,
        "BSI TR-03160-1, worked example: FIDO token, two factors of different categories",
    ),
    worth(
        MeansKind::AttestedPasskey,
        Level::Substantial,
        Level::Substantial,
        "as a device passkey, and not only by its own word",
    ),
    worth(MeansKind::Eid, Level::High, Level::High, "§ 18 PAuswG; BSI TR-03107-1"),
    worth(
        MeansKind::LinkedAccount,
        Level::Substantial,
        Level::High,
        "Regulation (EU) 2015/1502, 2.1.2: a means proven elsewhere; what the other provider states, never more",
    ),
];

/// The table with the operator's rules.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    rules: &'a [LevelRule],
    /// Whether people can use their identity cards here.
    pub(super) has_eid: bool,
    /// Whether a passkey's own word that it stays on its device is not enough.
    wants_attestation: bool,
}

impl<'a> Policy<'a> {
    pub fn of(config: &'a Config) -> Self {
        let wants_attestation = config.passkey.attestation == AttestationPolicy::Required;
        let has_eid = config.eid.server_url.is_some();
        Self { rules: &config.assurance.rules, has_eid, wants_attestation }
    }

    /// The table alone.
    #[cfg(test)]
    pub const fn none() -> Self {
        Self { rules: &[], has_eid: false, wants_attestation: false }
    }

    /// Where identity cards can be used.
    #[cfg(test)]
    pub const fn with_eid(self) -> Self {
        Self { has_eid: true, ..self }
    }

    /// The same where makers have to vouch.
    #[cfg(test)]
    pub const fn attesting() -> Self {
        Self { rules: &[], has_eid: false, wants_attestation: true }
    }

    /// What a kind of means is worth at that time: by the operator's newest rule in force, or else as usual. Where makers have to
    /// vouch, a passkey that nobody vouches for may be anywhere, as a synchronised one, and is worth no more.
    pub fn technical(&self, kind: MeansKind, now: Timestamp) -> Level {
        let is_unvouched = self.wants_attestation && kind == MeansKind::DevicePasskey;
        let own = self.by_rule(kind, now);
        if is_unvouched { own.min(self.by_rule(MeansKind::SynchronisedPasskey, now)) } else { own }
    }

    /// The kind that a passkey has to be of to count as bound to its device.
    pub const fn device_bound(&self) -> MeansKind {
        if self.wants_attestation { MeansKind::AttestedPasskey } else { MeansKind::DevicePasskey }
    }

    fn by_rule(&self, kind: MeansKind, now: Timestamp) -> Level {
        let Some(worth) = WORTH.iter().find(|worth| worth.kind == kind) else { return Level::Basic };
        let in_force = self.rules.iter().filter(|rule| rule.means == kind && rule.valid_from() <= now);
        let rule = in_force.max_by_key(|rule| rule.valid_from());
        rule.map_or(worth.usual, |rule| rule.level.min(worth.most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);

    fn rules(text: &str) -> Vec<LevelRule> {
        let text = format!("issuer = \"https://konto.example\"\n{text}");
        Config::parse(&text).unwrap().assurance.rules
    }

    fn rule(means: &str, valid_from: &str, level: &str) -> String {
        format!(
            "[[assurance.rules]]\nvalid_from = \"{valid_from}\"\nmeans = \"{means}\"\nlevel = \"{level}\"\n\
             signed_by = \"Dr. Beispiel\"\nreason = \"Probe\"\n"
        )
    }

    #[test]
    fn every_kind_has_a_level_and_a_source() {
        let usual = |kind| Policy::none().technical(kind, NOW);
        assert_eq!(
            MeansKind::ALL.map(usual),
            [
                Level::Low,
                Level::Low,
                Level::Low,
                Level::Low,
                Level::Substantial,
                Level::Substantial,
                Level::High,
                Level::Substantial
            ]
        );
        assert!(WORTH.iter().all(|worth| worth.usual <= worth.most && !worth.source.is_empty()));
    }

    #[test]
    fn sec_q08_the_operator_raises_within_limits_and_from_a_day_on() {
        let text = rule("synchronised_passkey", "2026-01-01", "substantial")
            + &rule("synchronised_passkey", "2026-06-01", "high")
            + &rule("password", "2026-01-01", "high")
            + &rule("device_passkey", "2026-01-01", "low")
            + &rule("device_code", "2099-01-01", "substantial");
        let rules = rules(&text);
        let policy = Policy { rules: &rules, ..Policy::none() };
        let level = |kind| policy.technical(kind, NOW);
        assert_eq!(level(MeansKind::SynchronisedPasskey), Level::Substantial, "never high");
        assert_eq!(level(MeansKind::Password), Level::Low);
        assert_eq!(level(MeansKind::DevicePasskey), Level::Low);
        assert_eq!(level(MeansKind::DeviceCode), Level::Low, "not yet");
    }

    #[test]
    fn sec_q08_where_makers_have_to_vouch_the_word_of_a_device_is_not_enough() {
        let level = |text: &str, kind| {
            let rules = rules(text);
            Policy { rules: &rules, ..Policy::attesting() }.technical(kind, NOW)
        };
        assert_eq!(level("", MeansKind::DevicePasskey), Level::Low);
        assert_eq!(level("", MeansKind::AttestedPasskey), Level::Substantial);
        let raised = rule("synchronised_passkey", "2026-01-01", "substantial");
        assert_eq!(level(&raised, MeansKind::DevicePasskey), Level::Substantial, "as a synchronised one");
        let basic = rule("device_passkey", "2026-01-01", "basic");
        assert_eq!(level(&format!("{raised}{basic}"), MeansKind::DevicePasskey), Level::Basic, "the operator said so");
        let fallen = rule("attested_passkey", "2026-01-01", "low");
        assert_eq!(level(&fallen, MeansKind::AttestedPasskey), Level::Low);
    }
}
