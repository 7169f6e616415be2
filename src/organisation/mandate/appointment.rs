//! What the order of a court says that appoints a guardian (§§ 1814 ff. BGB), and what of it counts here. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Action, Origin, Scope, Services, Terms};
use crate::kernel::calendar::{end_of, typed_day};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;

const TEXT_MAX_CHARACTERS: usize = 100;

/// In what somebody is represented (§ 1815 BGB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    Authorities,
    Post,
    Assets,
    Residence,
    Health,
}

/// What a duty allows a guardian to do here.
pub struct Allowed {
    /// The day from which it holds.
    pub valid_from: &'static str,
    pub duty: Duty,
    pub actions: &'static [Action],
    pub source: &'static str,
}

/// The table. A duty that allows nothing gives no power.
pub const ALLOWED: [Allowed; 5] = [
    Allowed {
        valid_from: "2026-11-01",
        duty: Duty::Authorities,
        actions: &[Action::Answer, Action::Submit],
        source: "§ 1815 Abs. 1, § 1823 BGB: represents before authorities",
    },
    Allowed {
        valid_from: "2026-11-01",
        duty: Duty::Post,
        actions: &[Action::Read],
        source: "§ 1815 Abs. 2 Nr. 5 und 6 BGB: post and electronic messages; without that being ordered nobody reads them",
    },
    Allowed {
        valid_from: "2026-11-01",
        duty: Duty::Assets,
        actions: &[],
        source: "§ 1815 Abs. 1 BGB: one matter; no rule says which services are about it",
    },
    Allowed {
        valid_from: "2026-11-01",
        duty: Duty::Residence,
        actions: &[],
        source: "§ 1815 Abs. 1, Abs. 2 Nr. 3 und 4 BGB: one matter; no rule says which services are about it",
    },
    Allowed {
        valid_from: "2026-11-01",
        duty: Duty::Health,
        actions: &[],
        source: "§ 1815 Abs. 1 BGB: one matter; no rule says which services are about it",
    },
];

impl Duty {
    pub const ALL: [Self; 5] = [Self::Authorities, Self::Post, Self::Assets, Self::Residence, Self::Health];

    /// As the form names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorities => "authorities",
            Self::Post => "post",
            Self::Assets => "assets",
            Self::Residence => "residence",
            Self::Health => "health",
        }
    }

    pub const fn words(self, t: &Texts) -> &Text {
        let t = &t.guardian;
        match self {
            Self::Authorities => &t.scope_authorities,
            Self::Post => &t.scope_post,
            Self::Assets => &t.scope_assets,
            Self::Residence => &t.scope_residence,
            Self::Health => &t.scope_health,
        }
    }

    fn actions(self) -> &'static [Action] {
        ALLOWED.iter().find(|row| row.duty == self).map_or(&[], |row| row.actions)
    }
}

/// What the order of the court says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appointment {
    pub court: String,
    pub file_number: String,
    pub scopes: Vec<Duty>,
    /// `2027-12-31`.
    pub until: String,
}

impl Appointment {
    /// Reads the form; `field` is the text of a field, empty if it is not there.
    pub fn read<'a>(field: impl Fn(&'static str) -> &'a str, now: Timestamp) -> Result<(Self, Timestamp), Error> {
        let mut problems = Vec::new();
        let mut line = |name: &'static str| {
            let text = field(name).split_whitespace().collect::<Vec<_>>().join(" ");
            let is_sound =
                (1..=TEXT_MAX_CHARACTERS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
            if !is_sound {
                problems.push(FieldProblem { field: name, problem: "order_text" });
            }
            text
        };
        let (court, file_number) = (line("gericht"), line("aktenzeichen"));
        let scopes: Vec<Duty> = Duty::ALL.into_iter().filter(|duty| field(duty.name()) == "ja").collect();
        if scopes.is_empty() {
            problems.push(FieldProblem { field: Duty::ALL[0].name(), problem: "order_scope" });
        }
        let last = typed_day(["bis_tag", "bis_monat", "bis_jahr"].map(&field));
        let is_sound = |until: Timestamp| until > now && until <= Terms::latest(Origin::Guardian, now);
        let last = last.map(|day| (day, end_of(day))).filter(|(_, until)| is_sound(*until));
        if last.is_none() {
            problems.push(FieldProblem { field: "bis_tag", problem: "order_until" });
        }
        if field("gesehen") != "ja" {
            problems.push(FieldProblem { field: "gesehen", problem: "order_not_seen" });
        }
        match (last, problems.is_empty()) {
            (Some((day, until)), true) => Ok((Self { court, file_number, scopes, until: day.to_string() }, until)),
            _ => Err(Error::Invalid(problems)),
        }
    }

    /// What the mandate says that follows from it: at all services, and not to be passed on (§ 1816 BGB: the court chooses who).
    pub fn terms(&self, from: Timestamp, until: Timestamp) -> Terms {
        let actions: BTreeSet<Action> = self.scopes.iter().flat_map(|duty| duty.actions().iter().copied()).collect();
        Terms { scope: Scope { actions, services: Services::All }, from, until, may_pass_on: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);

    fn actions(scopes: &[Duty]) -> Vec<Action> {
        let (court, file_number, until) = (String::new(), String::new(), String::new());
        let order = Appointment { court, file_number, scopes: scopes.to_vec(), until };
        order.terms(NOW, NOW).scope.actions.into_iter().collect()
    }

    #[test]
    fn what_each_duty_allows() {
        use Action::{Answer, Read, Submit};
        assert_eq!(actions(&[Duty::Authorities]), [Answer, Submit]);
        assert_eq!(actions(&[Duty::Post]), [Read]);
        assert_eq!(actions(&Duty::ALL), [Read, Answer, Submit]);
        assert_eq!(actions(&[Duty::Assets, Duty::Residence, Duty::Health]), [], "no power");
        for duty in Duty::ALL {
            assert_eq!(ALLOWED.iter().filter(|row| row.duty == duty).count(), 1, "{duty:?}");
        }
        assert!(ALLOWED.iter().all(|row| row.source.starts_with('§') && row.valid_from.len() == 10));
    }

    #[test]
    fn a_court_decides_for_seven_years_at_most() {
        let until = |date: [&'static str; 3]| {
            let [day, month, year] = date;
            let read = Appointment::read(
                |name| match name {
                    "bis_tag" => day,
                    "bis_monat" => month,
                    "bis_jahr" => year,
                    "gesehen" | "post" => "ja",
                    _ => "12 XVII 34/26",
                },
                NOW,
            );
            read.map(|(order, _)| order.until).ok()
        };
        // It is the 23rd of November 2026.
        assert_eq!(until(["23", "11", "2033"]).as_deref(), Some("2033-11-23"));
        assert_eq!(until(["23", "11", "2026"]).as_deref(), Some("2026-11-23"));
        for wrong in [["24", "11", "2033"], ["22", "11", "2026"], ["31", "2", "2027"], ["", "", ""]] {
            assert_eq!(until(wrong), None, "{wrong:?}");
        }
    }
}
