//! What happens to an organisation as a whole: how it is known, how it stands, who claims it. The subject is always the
//! organisation, and its protocol is made of these.

use serde::Serialize;

use super::claim::Outcome;
use super::desk::Refusal;
use super::evidence::Source;
use super::letter::Purpose;
use crate::audit::Event;
use crate::kernel::id::{AccountId, ClaimId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;

/// Who has stopped an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Its management, with the code of a letter.
    Letter,
    Operator,
    /// What the register says.
    Register,
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum What {
    Changed {
        level: Level,
    },
    EvidenceRecorded {
        source: Source,
        level: Level,
    },
    /// The register has no such entry, or says something else.
    RegisterDiffers {},
    /// An account elsewhere has shown nothing.
    AccountRefused {
        why: &'static str,
    },
    LetterOrdered {
        purpose: Purpose,
    },
    LetterRefused {},
    DeskTaken {},
    DeskLooked {
        office: String,
    },
    DeskChecked {
        office: String,
    },
    DeskConfirmed {
        office: String,
        /// The other of four eyes, if there were four.
        #[serde(skip_serializing_if = "Option::is_none")]
        first: Option<AccountId>,
    },
    DeskRefused {
        office: String,
        refusal: Refusal,
    },
    DeskVoid {},
    Blocked {
        by: By,
    },
    Unblocked {},
    Insolvent {
        by: By,
    },
    Solvent {},
    Closing {
        erase_at: Timestamp,
    },
    Kept {},
    Closed {},
    Claimed {
        claim: ClaimId,
    },
    ClaimProposed {
        claim: ClaimId,
        outcome: Outcome,
    },
    ClaimDecided {
        claim: ClaimId,
        outcome: Outcome,
    },
    LookedUp {},
}

#[derive(Serialize)]
pub struct Happened {
    #[serde(skip)]
    organisation: OrganisationId,
    #[serde(skip)]
    reason: Option<String>,
    #[serde(flatten)]
    what: What,
}

impl Happened {
    pub fn new(organisation: &OrganisationId, what: What) -> Self {
        Self { organisation: organisation.clone(), reason: None, what }
    }

    /// Why, where somebody had to say so.
    pub fn because(self, reason: Option<&str>) -> Self {
        Self { reason: reason.map(str::to_owned), ..self }
    }
}

impl Event for Happened {
    fn kind(&self) -> &'static str {
        match self.what {
            What::Changed { .. } => "organisation.changed",
            What::EvidenceRecorded { .. } => "organisation.evidence_recorded",
            What::RegisterDiffers {} => "organisation.register_differs",
            What::AccountRefused { .. } => "organisation.account_refused",
            What::LetterOrdered { .. } => "organisation.letter_ordered",
            What::LetterRefused {} => "organisation.letter_refused",
            What::DeskTaken {} => "organisation.desk_taken",
            What::DeskLooked { .. } => "organisation.desk_looked_at",
            What::DeskChecked { .. } => "organisation.desk_checked",
            What::DeskConfirmed { .. } => "organisation.desk_confirmed",
            What::DeskRefused { .. } => "organisation.desk_refused",
            What::DeskVoid {} => "organisation.desk_void",
            What::Blocked { .. } => "organisation.blocked",
            What::Unblocked {} => "organisation.unblocked",
            What::Insolvent { .. } => "organisation.insolvent",
            What::Solvent {} => "organisation.solvent",
            What::Closing { .. } => "organisation.closing",
            What::Kept {} => "organisation.kept",
            What::Closed {} => "organisation.closed",
            What::Claimed { .. } => "organisation.claimed",
            What::ClaimProposed { .. } => "organisation.claim_proposed",
            What::ClaimDecided { .. } => "organisation.claim_decided",
            What::LookedUp {} => "organisation.looked_up",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.organisation.to_string())
    }

    fn reason(&self) -> Option<String> {
        self.reason.clone()
    }
}
