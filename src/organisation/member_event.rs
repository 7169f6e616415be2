//! What happens among the members of an organisation. The subject is always the organisation; whom it concerns is named by
//! the membership, and nothing else of a person enters here.

use serde::Serialize;

use super::member::Right;
use crate::audit::Event;
use crate::kernel::id::{AreaId, ClientId, MembershipId, OrganisationId};

/// What happened; [`MemberEvent`] says where.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Happened {
    Joined {
        member: MembershipId,
        rights: Vec<Right>,
    },
    RightsGiven {
        member: MembershipId,
        rights: Vec<Right>,
    },
    RightsTaken {
        member: MembershipId,
        rights: Vec<Right>,
    },
    Ended {
        member: MembershipId,
    },
    Left {
        member: MembershipId,
    },
    /// With the whole account.
    Gone {
        member: MembershipId,
    },
    HandoverOffered {
        member: MembershipId,
        rights: Vec<Right>,
    },
    HandoverAccepted {
        member: MembershipId,
        rights: Vec<Right>,
    },
    HandoverDeclined {
        member: MembershipId,
        rights: Vec<Right>,
    },
    HandoverWithdrawn {
        member: MembershipId,
        rights: Vec<Right>,
    },
    Invited {
        rights: Vec<Right>,
    },
    InvitedAgain {
        rights: Vec<Right>,
    },
    InvitationWithdrawn {
        rights: Vec<Right>,
    },
    InvitationDeclined {
        rights: Vec<Right>,
    },
    /// Accepted, but whoever had sent it may not give any more what it promised.
    InvitationVoid {
        rights: Vec<Right>,
    },
    AreaAdded {
        area: AreaId,
    },
    AreaRenamed {
        area: AreaId,
    },
    AreaRemoved {
        area: AreaId,
        rights_ended: i64,
    },
    RuleSet {
        area: AreaId,
        client: ClientId,
    },
    RuleRemoved {
        client: ClientId,
    },
}

#[derive(Serialize)]
pub struct MemberEvent<'a> {
    #[serde(skip)]
    pub organisation: &'a OrganisationId,
    #[serde(flatten)]
    pub happened: Happened,
}

impl Event for MemberEvent<'_> {
    fn kind(&self) -> &'static str {
        match self.happened {
            Happened::Joined { .. } => "member.joined",
            Happened::RightsGiven { .. } => "member.rights_given",
            Happened::RightsTaken { .. } => "member.rights_taken",
            Happened::Ended { .. } => "member.ended",
            Happened::Left { .. } => "member.left",
            Happened::Gone { .. } => "member.gone",
            Happened::HandoverOffered { .. } => "handover.offered",
            Happened::HandoverAccepted { .. } => "handover.accepted",
            Happened::HandoverDeclined { .. } => "handover.declined",
            Happened::HandoverWithdrawn { .. } => "handover.withdrawn",
            Happened::Invited { .. } => "invitation.sent",
            Happened::InvitedAgain { .. } => "invitation.sent_again",
            Happened::InvitationWithdrawn { .. } => "invitation.withdrawn",
            Happened::InvitationDeclined { .. } => "invitation.declined",
            Happened::InvitationVoid { .. } => "invitation.void",
            Happened::AreaAdded { .. } => "area.added",
            Happened::AreaRenamed { .. } => "area.renamed",
            Happened::AreaRemoved { .. } => "area.removed",
            Happened::RuleSet { .. } => "area.rule_set",
            Happened::RuleRemoved { .. } => "area.rule_removed",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.organisation.to_string())
    }
}
