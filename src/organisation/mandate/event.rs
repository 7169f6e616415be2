//! What happens to mandates: a row for each party whom it concerns, so that each reads it in its own protocol.

use serde::Serialize;

use super::Mandate;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::MandateId;
use crate::store::work::Work;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    Asked,
    Offered,
    PassedOn,
    Accepted,
    Declined,
    Withdrawn,
    Revoked,
    Returned,
    Gone,
}

#[derive(Serialize)]
struct MandateEvent<'a> {
    #[serde(skip)]
    subject: &'a str,
    #[serde(skip)]
    happened: Happened,
    mandate: &'a MandateId,
}

impl Event for MandateEvent<'_> {
    fn kind(&self) -> &'static str {
        match self.happened {
            Happened::Asked => "mandate.asked",
            Happened::Offered => "mandate.offered",
            Happened::PassedOn => "mandate.passed_on",
            Happened::Accepted => "mandate.accepted",
            Happened::Declined => "mandate.declined",
            Happened::Withdrawn => "mandate.withdrawn",
            Happened::Revoked => "mandate.revoked",
            Happened::Returned => "mandate.returned",
            Happened::Gone => "mandate.gone",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.to_owned())
    }
}

/// Records it for every party.
pub async fn record(work: &mut Work, mandate: &Mandate, happened: Happened) -> Result<(), Error> {
    for party in mandate.parties() {
        audit::record(work, &MandateEvent { subject: party.as_str(), happened, mandate: &mandate.id }).await?;
    }
    Ok(())
}
