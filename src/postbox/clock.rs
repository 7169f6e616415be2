//! The legal clock: when a notice counts as announced, and until when it can be objected to. A pure function of a dated table and
//! of what has happened. A day is a day in Germany (Europe/Berlin). What has been computed is stored together with the rule's name and never
//! computed again, so that no later table changes a date that somebody has been told.
//!
//! The text of the decision is binding, not what is computed here.

#[cfg(test)]
mod reference;

use serde::{Deserialize, Serialize};
use time::macros::date;
use time::{Date, Duration, Month};

use crate::kernel::holiday::{Land, working_day_from};
use crate::kernel::time::Timestamp;

/// On what an authority bases the announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "TEXT", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LegalBasis {
    /// § 9 Abs. 1 OZG: the postbox of a user account.
    #[serde(rename = "OZG9")]
    #[sqlx(rename = "OZG9")]
    Ozg9,
    /// § 41 Abs. 2a VwVfG: provided for retrieval with consent.
    #[serde(rename = "VWVFG41_2A")]
    #[sqlx(rename = "VWVFG41_2A")]
    Vwvfg41Retrieval,
    /// § 41 Abs. 2 VwVfG: sent electronically.
    #[serde(rename = "VWVFG41_2")]
    #[sqlx(rename = "VWVFG41_2")]
    Vwvfg41Sending,
    /// § 37 Abs. 2a SGB X: provided for retrieval, and a notification sent.
    #[serde(rename = "SGBX37_2A")]
    #[sqlx(rename = "SGBX37_2A")]
    SgbX37,
    /// § 122a AO: tax notices provided for retrieval.
    #[serde(rename = "AO122A")]
    #[sqlx(rename = "AO122A")]
    Ao122a,
    /// § 5 Abs. 7 VwZG: formal service, with acknowledgement of receipt.
    #[serde(rename = "VWZG5")]
    #[sqlx(rename = "VWZG5")]
    Vwzg5,
    /// Nothing is announced: information, or the state of a case.
    None,
}

/// From what days are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The notice lies in the postbox.
    Provision,
    /// The notification has been handed over to the recipient's mail server.
    Notification,
    /// Somebody who may has opened it.
    Retrieval,
}

/// How one legal basis counts, from a day on.
#[derive(Debug)]
pub struct Rule {
    /// What is stored with each date: the legal basis and the day from which the rule holds.
    pub name: &'static str,
    pub basis: LegalBasis,
    pub valid_from: Date,
    /// Everywhere if there is none.
    pub land: Option<Land>,
    pub from: From,
    /// So many days after that it counts as announced.
    pub days: i64,
    /// Whether the day moves to the next working day: it is a period there, not a fiction.
    pub moves_to_working_day: bool,
    /// So many days after the notification provision ends if nobody has opened it; then nothing is announced.
    pub offer_days: Option<i64>,
    /// Whether an acknowledgement of receipt before that day announces it at once.
    pub acknowledged: bool,
    pub paragraph: &'static str,
}

/// The table. A change of the law is a row with the day from which it holds; the old one stays for what was provided before. The
/// days for the postbox, for sending and for formal service are four since the Postrechtsmodernisierungsgesetz (BGBl. 2024 I Nr. 236).
pub const RULES: [Rule; 6] = [
    Rule {
        name: "OZG9/2025-01-01",
        basis: LegalBasis::Ozg9,
        valid_from: date!(2025 - 01 - 01),
        land: None,
        from: From::Provision,
        days: 4,
        moves_to_working_day: false,
        offer_days: None,
        acknowledged: false,
        paragraph: "§ 9 Abs. 1 OZG",
    },
    Rule {
        name: "VWVFG41_2A/2025-01-01",
        basis: LegalBasis::Vwvfg41Retrieval,
        valid_from: date!(2025 - 01 - 01),
        land: None,
        from: From::Retrieval,
        days: 1,
        moves_to_working_day: false,
        offer_days: Some(10),
        acknowledged: false,
        paragraph: "§ 41 Abs. 2a VwVfG",
    },
    Rule {
        name: "VWVFG41_2/2025-01-01",
        basis: LegalBasis::Vwvfg41Sending,
        valid_from: date!(2025 - 01 - 01),
        land: None,
        from: From::Provision,
        days: 4,
        moves_to_working_day: false,
        offer_days: None,
        acknowledged: false,
        paragraph: "§ 41 Abs. 2 VwVfG",
    },
    Rule {
        name: "SGBX37_2A/2025-01-01",
        basis: LegalBasis::SgbX37,
        valid_from: date!(2025 - 01 - 01),
        land: None,
        from: From::Notification,
        days: 4,
        moves_to_working_day: false,
        offer_days: None,
        acknowledged: false,
        paragraph: "§ 37 Abs. 2a SGB X",
    },
    Rule {
        // The Federal Fiscal Court takes these days for a period (§ 108 Abs. 3 AO).
        name: "AO122A/2025-01-01",
        basis: LegalBasis::Ao122a,
        valid_from: date!(2025 - 01 - 01),
        land: None,
        from: From::Provision,
        days: 4,
        moves_to_working_day: true,
        offer_days: None,
        acknowledged: false,
        paragraph: "§ 122a Abs. 4 AO",
    },
    Rule {
        name: "VWZG5/2025-01-01",
        basis: LegalBasis::Vwzg5,
        valid_from: date!(2025 - 01 - 01),
        land: None,
        from: From::Provision,
        days: 4,
        moves_to_working_day: false,
        offer_days: None,
        acknowledged: true,
        paragraph: "§ 5 Abs. 7 VwZG",
    },
];

/// What an addressee may do against a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Remedy {
    /// Widerspruch, § 70 Abs. 1 VwGO.
    Objection,
    /// Widerspruch, § 84 Abs. 1 SGG.
    SocialObjection,
    /// Einspruch, § 355 Abs. 1 AO.
    TaxObjection,
    /// Klage, § 74 Abs. 1 VwGO.
    Action,
}

/// How long there is time for it, from a day on. The period begins with the announcement, whose day is not counted
/// (§ 187 Abs. 1 BGB), and ends on the next working day if its last day is none.
#[derive(Debug)]
pub struct Period {
    pub name: &'static str,
    pub remedy: Remedy,
    pub valid_from: Date,
    pub months: u8,
    pub paragraph: &'static str,
}

const fn month(name: &'static str, remedy: Remedy, paragraph: &'static str) -> Period {
    Period { name, remedy, valid_from: date!(2025 - 01 - 01), months: 1, paragraph }
}

/// The table, for decisions that say what may be done against them. One that does not leaves a year (§ 58 Abs. 2 VwGO); an authority that
/// forgets it says nothing to us either.
pub const PERIODS: [Period; 4] = [
    month("VWGO70/2025-01-01", Remedy::Objection, "§ 70 Abs. 1 VwGO, § 31 Abs. 3 VwVfG"),
    month("SGG84/2025-01-01", Remedy::SocialObjection, "§ 84 Abs. 1, § 64 Abs. 3 SGG"),
    month("AO355/2025-01-01", Remedy::TaxObjection, "§ 355 Abs. 1, § 108 Abs. 3 AO"),
    month("VWGO74/2025-01-01", Remedy::Action, "§ 74 Abs. 1, § 57 Abs. 2 VwGO"),
];

/// What has happened to a notice so far.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub provided_at: Timestamp,
    pub notified_at: Option<Timestamp>,
    pub retrieved_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
}

impl Facts {
    pub const fn provided(provided_at: Timestamp) -> Self {
        Self { provided_at, notified_at: None, retrieved_at: None, acknowledged_at: None }
    }
}

/// The rule for what is provided on this day; none for [`LegalBasis::None`]. A rule of the Land goes before one that holds everywhere.
pub fn rule(basis: LegalBasis, land: Land, provided_at: Timestamp) -> Option<&'static Rule> {
    choose(&RULES, (basis, land), day(provided_at))
}

fn choose(rules: &[Rule], (basis, land): (LegalBasis, Land), day: Date) -> Option<&Rule> {
    let holds = |rule: &&Rule| rule.basis == basis && rule.land.is_none_or(|of| of == land) && rule.valid_from <= day;
    rules.iter().filter(holds).max_by_key(|rule| (rule.land.is_some(), rule.valid_from))
}

/// The rule of that name, for a notice that was computed with it.
pub fn rule_named(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

/// The period for a remedy against what is announced on this day.
pub fn period(remedy: Remedy, announced_on: Date) -> Option<&'static Period> {
    let holds = |period: &&Period| period.remedy == remedy && period.valid_from <= announced_on;
    PERIODS.iter().filter(holds).max_by_key(|period| period.valid_from)
}

impl Rule {
    /// When it counts as announced; nothing as long as what the rule counts from has not happened, or when provision had ended before.
    pub fn announced_on(&self, facts: &Facts, land: Land) -> Option<Date> {
        let from = match self.from {
            From::Provision => facts.provided_at,
            From::Notification => facts.notified_at?,
            From::Retrieval => facts.retrieved_at?,
        };
        if self.offer_ends_on(facts).is_some_and(|last| day(from) > last) {
            return None;
        }
        let counted = day(from).saturating_add(Duration::days(self.days));
        let counted = if self.moves_to_working_day { working_day_from(counted, land) } else { counted };
        match facts.acknowledged_at.map(day).filter(|_| self.acknowledged) {
            Some(acknowledged) if acknowledged < counted => Some(acknowledged),
            _ => Some(counted),
        }
    }

    /// The last day on which it is provided, if provision ends by itself.
    pub fn offer_ends_on(&self, facts: &Facts) -> Option<Date> {
        Some(day(facts.notified_at?).saturating_add(Duration::days(self.offer_days?)))
    }
}

impl Period {
    /// Its last day.
    pub fn ends_on(&self, announced_on: Date, land: Land) -> Date {
        working_day_from(months_later(announced_on, self.months), land)
    }
}

/// The day in Germany.
pub fn day(at: Timestamp) -> Date {
    at.in_germany().date()
}

/// The day with the same number, or the month's last one if there is none (§ 188 Abs. 2 and 3 BGB).
fn months_later(start: Date, months: u8) -> Date {
    let index = i32::from(u8::from(start.month())) - 1 + i32::from(months);
    let month = u8::try_from(index % 12 + 1).ok().and_then(|number| Month::try_from(number).ok());
    let (year, month) = (start.year() + index / 12, month.unwrap_or(Month::December));
    Date::from_calendar_date(year, month, start.day().min(month.length(year))).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;

    fn at(instant: OffsetDateTime) -> Timestamp {
        Timestamp::from_seconds(instant.unix_timestamp())
    }

    fn announced(basis: LegalBasis, facts: &Facts) -> Option<Date> {
        rule(basis, Land::Rp, facts.provided_at).unwrap().announced_on(facts, Land::Rp)
    }

    #[test]
    fn the_postbox_counts_four_days_and_moves_for_nothing() {
        let rows = [
            (datetime!(2026-11-02 07:03 UTC), date!(2026 - 11 - 06)),
            (datetime!(2026-11-05 12:00 UTC), date!(2026 - 11 - 09)),
            // A Saturday, and the second day of Christmas.
            (datetime!(2026-12-22 12:00 UTC), date!(2026 - 12 - 26)),
            // 23:59 and 00:01 in Germany, in winter and in summer.
            (datetime!(2026-11-02 22:59 UTC), date!(2026 - 11 - 06)),
            (datetime!(2026-11-02 23:01 UTC), date!(2026 - 11 - 07)),
            (datetime!(2026-07-01 21:59 UTC), date!(2026 - 07 - 05)),
            (datetime!(2026-07-01 22:01 UTC), date!(2026 - 07 - 06)),
            // The nights in which the clocks are changed.
            (datetime!(2026-03-28 22:59 UTC), date!(2026 - 04 - 01)),
            (datetime!(2026-03-29 21:59 UTC), date!(2026 - 04 - 02)),
            (datetime!(2026-10-24 21:59 UTC), date!(2026 - 10 - 28)),
            (datetime!(2026-10-25 22:59 UTC), date!(2026 - 10 - 29)),
            // Over the end of a year, and a leap day.
            (datetime!(2026-12-29 12:00 UTC), date!(2027 - 01 - 02)),
            (datetime!(2028-02-26 12:00 UTC), date!(2028 - 03 - 01)),
        ];
        for (provided, expected) in rows {
            assert_eq!(announced(LegalBasis::Ozg9, &Facts::provided(at(provided))), Some(expected), "{provided}");
        }
    }

    #[test]
    fn tax_moves_to_a_working_day() {
        let rows = [
            (datetime!(2026-11-02 12:00 UTC), date!(2026 - 11 - 06)),
            (datetime!(2026-12-22 12:00 UTC), date!(2026 - 12 - 28)),
            (datetime!(2026-03-30 12:00 UTC), date!(2026 - 04 - 07)),
        ];
        for (provided, expected) in rows {
            assert_eq!(announced(LegalBasis::Ao122a, &Facts::provided(at(provided))), Some(expected), "{provided}");
        }
    }

    #[test]
    fn what_is_provided_for_retrieval_counts_the_day_after_or_not_at_all() {
        let noon = |number: u64| at(datetime!(2026-11-01 11:00 UTC)).plus(crate::kernel::time::days(number - 1));
        let mut facts = Facts { notified_at: Some(noon(2)), ..Facts::provided(noon(2)) };
        assert_eq!(announced(LegalBasis::Vwvfg41Retrieval, &facts), None);
        facts.retrieved_at = Some(noon(12));
        assert_eq!(announced(LegalBasis::Vwvfg41Retrieval, &facts), Some(date!(2026 - 11 - 13)));
        facts.retrieved_at = Some(noon(13));
        assert_eq!(announced(LegalBasis::Vwvfg41Retrieval, &facts), None, "provision had ended");
    }

    #[test]
    fn social_law_counts_from_the_notification() {
        let provided = at(datetime!(2026-11-02 22:50 UTC));
        let mut facts = Facts::provided(provided);
        assert_eq!(announced(LegalBasis::SgbX37, &facts), None);
        facts.notified_at = Some(at(datetime!(2026-11-02 23:10 UTC)));
        assert_eq!(announced(LegalBasis::SgbX37, &facts), Some(date!(2026 - 11 - 07)));
    }

    #[test]
    fn formal_service_is_acknowledged_or_taken_for_it() {
        let mut facts = Facts::provided(at(datetime!(2026-11-02 12:00 UTC)));
        assert_eq!(announced(LegalBasis::Vwzg5, &facts), Some(date!(2026 - 11 - 06)));
        facts.acknowledged_at = Some(at(datetime!(2026-11-04 12:00 UTC)));
        assert_eq!(announced(LegalBasis::Vwzg5, &facts), Some(date!(2026 - 11 - 04)));
        facts.acknowledged_at = Some(at(datetime!(2026-11-09 12:00 UTC)));
        assert_eq!(announced(LegalBasis::Vwzg5, &facts), Some(date!(2026 - 11 - 06)));
    }

    #[test]
    fn a_month_ends_on_a_working_day() {
        let end = |announced_on| period(Remedy::Objection, announced_on).unwrap().ends_on(announced_on, Land::Rp);
        let rows = [
            // A Sunday.
            (date!(2026 - 11 - 06), date!(2026 - 12 - 07)),
            (date!(2026 - 11 - 09), date!(2026 - 12 - 09)),
            // No 31st; All Saints' Day is a Sunday there, too.
            (date!(2026 - 10 - 01), date!(2026 - 11 - 02)),
            (date!(2027 - 01 - 31), date!(2027 - 03 - 01)),
            // Corpus Christi, a Thursday, in Rhineland-Palatinate.
            (date!(2026 - 05 - 04), date!(2026 - 06 - 05)),
            (date!(2026 - 11 - 25), date!(2026 - 12 - 28)),
        ];
        for (announced_on, expected) in rows {
            assert_eq!(end(announced_on), expected, "{announced_on}");
        }
        let thuringia = period(Remedy::Objection, date!(2026 - 05 - 04)).unwrap();
        assert_eq!(thuringia.ends_on(date!(2026 - 05 - 04), Land::Th), date!(2026 - 06 - 04));
    }

    #[test]
    fn a_rule_holds_from_its_day_and_a_lands_own_goes_first() {
        let row = |name, valid_from, land| Rule { name, valid_from, land, ..copy(&RULES[0]) };
        let rules = [
            row("everywhere", date!(2025 - 01 - 01), None),
            row("here", date!(2026 - 03 - 01), Some(Land::Rp)),
            row("everywhere, later", date!(2027 - 01 - 01), None),
        ];
        let name = |land, day| choose(&rules, (LegalBasis::Ozg9, land), day).map(|rule| rule.name);
        assert_eq!(name(Land::Rp, date!(2024 - 12 - 31)), None);
        assert_eq!(name(Land::Rp, date!(2026 - 02 - 28)), Some("everywhere"));
        assert_eq!(name(Land::Rp, date!(2026 - 03 - 01)), Some("here"));
        assert_eq!(name(Land::Rp, date!(2027 - 01 - 01)), Some("here"));
        assert_eq!(name(Land::He, date!(2026 - 12 - 31)), Some("everywhere"));
        assert_eq!(name(Land::He, date!(2027 - 01 - 01)), Some("everywhere, later"));
    }

    fn copy(rule: &Rule) -> Rule {
        let Rule {
            name,
            basis,
            valid_from,
            land,
            from,
            days,
            moves_to_working_day,
            offer_days,
            acknowledged,
            paragraph,
        } = *rule;
        Rule { name, basis, valid_from, land, from, days, moves_to_working_day, offer_days, acknowledged, paragraph }
    }

    #[test]
    fn every_basis_has_a_rule_and_every_name_is_its_own() {
        let today = at(datetime!(2026-11-02 12:00 UTC));
        for rule in &RULES {
            let found = rule_named(rule.name).unwrap();
            assert_eq!(found.basis, rule.basis);
            assert_eq!(super::rule(rule.basis, Land::Rp, today).unwrap().name, rule.name);
            let code = serde_json::to_value(rule.basis).unwrap();
            assert_eq!(rule.name, format!("{}/{}", code.as_str().unwrap(), rule.valid_from));
        }
        assert!(super::rule(LegalBasis::None, Land::Rp, today).is_none());
    }
}
