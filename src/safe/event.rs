//! What happens in a safe, as the audit trail keeps it. Neither what documents are called is in it nor their hashes, by which
//! somebody who has the same file would know it.

use serde::Serialize;

use super::keeper::Keeper;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, DocumentId};
use crate::kernel::time::Timestamp;
use crate::organisation::acting::{self, By, Party};
use crate::store::work::Work;

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum What {
    Added {
        from_notice: bool,
    },
    VersionAdded {
        version: i64,
    },
    Changed {},
    /// By somebody whose safe it is not.
    Fetched {
        version: i64,
    },
    Deleted {},
    VersionDeleted {
        version: i64,
    },
    Shared {
        client: ClientId,
        until: Timestamp,
    },
    ShareEnded {
        client: ClientId,
    },
    /// By the service with which it was shared.
    ShareFetched {
        client: ClientId,
        version: i64,
    },
    /// The scanner has found something in a file. Nothing of it was kept.
    Refused {
        finding: String,
    },
}

#[derive(Serialize)]
struct Happened<'a> {
    #[serde(skip)]
    subject: &'a Party,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a DocumentId>,
    #[serde(flatten)]
    by: Option<By<'a>>,
    #[serde(flatten)]
    what: &'a What,
}

impl Event for Happened<'_> {
    fn kind(&self) -> &'static str {
        match self.what {
            What::Added { .. } => "safe.added",
            What::VersionAdded { .. } => "safe.version_added",
            What::Changed {} => "safe.changed",
            What::Fetched { .. } => "safe.fetched",
            What::Deleted {} => "safe.deleted",
            What::VersionDeleted { .. } => "safe.version_deleted",
            What::Shared { .. } => "safe.shared",
            What::ShareEnded { .. } => "safe.share_ended",
            What::ShareFetched { .. } => "safe.share_fetched",
            What::Refused { .. } => "safe.refused",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.as_str().to_owned())
    }
}

/// For everybody whom it concerns that this keeper has done it.
pub(super) async fn record(
    work: &mut Work,
    keeper: &Keeper,
    document: Option<&DocumentId>,
    what: What,
) -> Result<(), Error> {
    let Some(power) = keeper.power() else {
        return audit::record(work, &Happened { subject: &keeper.owner, document, by: None, what: &what }).await;
    };
    let by = Some(By::new(&power.capacity, &power.party));
    for subject in acting::readers(&mut work.tx, (&power.account, &power.capacity), &power.party).await? {
        audit::record(work, &Happened { subject: &subject, document, by, what: &what }).await?;
    }
    Ok(())
}

/// For the owner, that a service has done it.
pub(super) async fn record_by_service(
    work: &mut Work,
    (owner, document): (&Party, &DocumentId),
    what: What,
) -> Result<(), Error> {
    audit::record(work, &Happened { subject: owner, document: Some(document), by: None, what: &what }).await
}
