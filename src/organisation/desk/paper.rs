//! Which document a registration desk has to see of an organisation. Pure: a dated table.

use serde::{Deserialize, Serialize};

use crate::kernel::level::Level;
use crate::kernel::texts::{Text, Texts};
use crate::organisation::Record;
use crate::organisation::record::LegalForm;

/// What says who represents an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paper {
    /// From the register.
    Extract,
    /// Gesellschaftsvertrag.
    Agreement,
    /// With the minutes of the election of its board.
    Statutes,
    /// Gewerbeanmeldung.
    TradeRegistration,
    /// Vertretungsbescheinigung of the authority that supervises foundations.
    Supervision,
    /// Of whoever heads an authority, with its seal.
    Appointment,
}

impl Paper {
    pub const fn label(self, t: &Texts) -> &Text {
        let t = &t.organisation_desk;
        match self {
            Self::Extract => &t.paper_extract,
            Self::Agreement => &t.paper_agreement,
            Self::Statutes => &t.paper_statutes,
            Self::TradeRegistration => &t.paper_trade_registration,
            Self::Supervision => &t.paper_supervision,
            Self::Appointment => &t.paper_appointment,
        }
    }
}

/// Which one it is, how old it may be, and what it is worth at most.
pub struct Rule {
    /// The day from which it holds.
    pub valid_from: &'static str,
    /// Nothing: every form, if there is an entry in a register.
    pub form: Option<LegalForm>,
    pub paper: Paper,
    /// How old it may be; nothing if its age says nothing.
    pub months: Option<u32>,
    pub level: Level,
    pub source: &'static str,
}

/// The table. Levels are those of the annex of the Implementing Regulation (EU) 2015/1502, 2.1.3 and 2.1.4: what no authority has
/// written is low. Who is not in it has nothing that an office could look at: freelancers, and forms that are none of these.
pub const RULES: [Rule; 6] = [
    Rule {
        valid_from: "2026-11-01",
        form: None,
        paper: Paper::Extract,
        months: Some(3),
        level: Level::Substantial,
        source: "§ 9 Abs. 4 HGB, § 79 BGB, § 707b BGB: an extract of the register; that it may be three months old is our own rule",
    },
    Rule {
        valid_from: "2026-11-01",
        form: Some(LegalForm::Gbr),
        paper: Paper::Agreement,
        months: None,
        level: Level::Low,
        source: "§ 705, § 720 BGB: the partners say who represents them",
    },
    Rule {
        valid_from: "2026-11-01",
        form: Some(LegalForm::Association),
        paper: Paper::Statutes,
        months: None,
        level: Level::Low,
        source: "§ 54 Abs. 1, §§ 26, 27 BGB: its statutes, and whom the members have elected",
    },
    Rule {
        valid_from: "2026-11-01",
        form: Some(LegalForm::SoleTrader),
        paper: Paper::TradeRegistration,
        months: None,
        level: Level::Substantial,
        source: "§ 14, § 15 Abs. 1 GewO: what the authority has certified",
    },
    Rule {
        valid_from: "2026-11-01",
        form: Some(LegalForm::Foundation),
        paper: Paper::Supervision,
        months: Some(3),
        level: Level::Substantial,
        source: "§ 84 BGB, and the law of the Land: its supervision certifies who represents it; how old is our own rule",
    },
    Rule {
        valid_from: "2026-11-01",
        form: Some(LegalForm::PublicBody),
        paper: Paper::Appointment,
        months: None,
        level: Level::Substantial,
        source: "§ 12 Abs. 1 Nr. 4 VwVfG: its head, or whom that has appointed",
    },
];

/// What has to be shown of an organisation; `None` if there is nothing.
pub fn wanted(record: &Record) -> Option<&'static Rule> {
    match record.register {
        Some(_) => RULES.iter().find(|rule| rule.form.is_none()),
        None => RULES.iter().find(|rule| rule.form == Some(record.form)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::desk::practice;

    #[test]
    fn every_form_has_one_document_or_none() {
        let of = |form, is_registered| {
            let record = practice::record();
            let register = record.register.clone().filter(|_| is_registered);
            wanted(&Record { form, register, ..record }).map(|rule| rule.paper)
        };
        for form in LegalForm::ALL {
            assert_eq!(of(form, true), Some(Paper::Extract), "{form:?}");
        }
        let without: Vec<_> =
            LegalForm::ALL.into_iter().filter_map(|form| of(form, false).map(|paper| (form, paper))).collect();
        assert_eq!(
            without,
            [
                (LegalForm::SoleTrader, Paper::TradeRegistration),
                (LegalForm::Gbr, Paper::Agreement),
                (LegalForm::Association, Paper::Statutes),
                (LegalForm::Foundation, Paper::Supervision),
                (LegalForm::PublicBody, Paper::Appointment),
            ]
        );
        assert!(RULES.iter().all(|rule| rule.level < Level::High && rule.source.starts_with('§')));
        assert!(RULES.iter().all(|rule| rule.valid_from.len() == 10));
    }
}
