//! What an authority's client may put into postboxes.

use serde::{Deserialize, Serialize};

use super::declaration::{Problem, problem};
use super::{Authentication, Client};
use crate::kernel::holiday::Land;
use crate::kernel::id::ClientId;

/// The scope in its own name with which a client delivers.
pub const SCOPE: &str = "postbox";
const NOTICES_PER_DAY_MAX: i64 = 1_000_000;
const ATTACHMENT_MEBIBYTES_PER_DAY_MAX: i64 = 10_000_000;

/// Its section `[client.postbox]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Whose holidays count where a period ends on a working day.
    pub land: Land,
    /// In a day.
    #[serde(default = "notices_per_day")]
    pub notices_per_day: i64,
    /// Files for notices in a day; each counts in mebibytes that it has begun. Left out where it is what it is by default: nodes
    /// of a version before this key do not know it.
    #[serde(default = "attachment_mebibytes_per_day", skip_serializing_if = "is_usual")]
    pub attachment_mebibytes_per_day: i64,
    /// Where it is told by itself what happens to its notices (RFC 8935). Without it the client fetches that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_uri: Option<String>,
    /// The client whose notices these are for mandates, rights and areas: the service that people use, where another client of the
    /// authority delivers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ClientId>,
}

const fn notices_per_day() -> i64 {
    10_000
}

/// 10 GiB.
const fn attachment_mebibytes_per_day() -> i64 {
    10 * 1024
}

const fn is_usual(mebibytes: &i64) -> bool {
    *mebibytes == attachment_mebibytes_per_day()
}

impl Delivery {
    /// For the operator.
    pub(super) fn words(&self) -> String {
        let Self { land, notices_per_day, attachment_mebibytes_per_day, events_uri, service } = self;
        let events = events_uri.as_deref().unwrap_or("no address: fetched");
        let service = service.as_ref().map_or("its own", |service| &service.0);
        format!(
            "{notices_per_day} notices and {attachment_mebibytes_per_day} MiB of files a day, with the holidays of {}; events to \
             {events}; notices of the service: {service}",
            land.code()
        )
    }
}

impl Client {
    /// The service whose notices it delivers: its own, unless it does so for another.
    pub fn delivers_for(&self) -> &ClientId {
        self.postbox.as_ref().and_then(|delivery| delivery.service.as_ref()).unwrap_or(&self.id)
    }

    /// Who delivers proves itself with a key, and for an interface of ours: its tokens are meant for nobody else.
    pub(super) fn check_delivery(&self) -> Result<(), Problem> {
        let has_scope = self.own_scopes.iter().any(|scope| scope == SCOPE);
        let Some(delivery) = &self.postbox else {
            let text = "postbox only for a client with a section [client.postbox]";
            return if has_scope { problem("own_scopes", text) } else { Ok(()) };
        };
        if !has_scope || self.resource.is_some() {
            return problem("postbox", "own_scopes has to contain postbox, and resource to be left out");
        }
        let proves_by_key = match self.authentication {
            Authentication::PrivateKeyJwt { .. }
            | Authentication::SelfSignedTlsClientAuth { .. }
            | Authentication::TlsClientAuth { .. } => true,
            Authentication::ClientSecretBasic { .. }
            | Authentication::ClientSecretPost { .. }
            | Authentication::None {} => false,
        };
        if !proves_by_key {
            return problem(
                "postbox",
                "only for a client that proves itself with a key: private_key_jwt or a certificate",
            );
        }
        if !(1..=NOTICES_PER_DAY_MAX).contains(&delivery.notices_per_day) {
            return problem("postbox", "notices_per_day: 1 to 1000000");
        }
        // One file has to fit in.
        if !(25..=ATTACHMENT_MEBIBYTES_PER_DAY_MAX).contains(&delivery.attachment_mebibytes_per_day) {
            return problem("postbox", "attachment_mebibytes_per_day: 25 to 10000000");
        }
        Ok(())
    }
}
