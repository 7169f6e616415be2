//! Accounts of other providers (OpenID Connect Core, as a relying party): another Land's account, a gateway, a company's service.
//!
//! Whoever goes there takes a question along, sealed for this browser; what comes back is believed only as its answer, once, and
//! only from the provider that was asked. Each provider has an address of its own to come back to, so that no answer of one passes
//! for another's (RFC 9700 section 4.4). Nothing is called inside a transaction, nothing longer than ten seconds, and no more than
//! 32 at a time for a provider: one that hangs takes nobody else along.

mod begin;
mod claims;
mod confirm;
mod finish;
mod logout;
mod provider;
mod redeem;

use serde::{Deserialize, Serialize};

use crate::kernel::id::{AccountId, ClientId, MeansId, OrganisationId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::signin::ceremony::Owner;
use crate::signin::linked::Subject;
use crate::signin::session::Session;

pub use begin::{Going, begin};
pub use claims::{shown, text};
pub use confirm::{Comparison, agree};
pub use finish::{Finished, Offer, Returning, Turned, Vouched, finish, link, receive};
pub use logout::{Received, receive as receive_logout};
pub use provider::{Provider, Providers};
pub use redeem::Answer;

/// What somebody goes to another provider for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    SignIn,
    /// To link the account there with the one here.
    Link,
    /// To have confirmed who they are.
    Confirm,
    /// To end a block.
    Unblock,
    /// To have an organisation shown for which they act there.
    Organisation,
}

impl Purpose {
    /// Whether more is asked for than who it is.
    const fn wants_data(self) -> bool {
        matches!(self, Self::Link | Self::Confirm | Self::Organisation)
    }
}

/// What is remembered until they come back, sealed into `state`.
#[derive(Serialize, Deserialize)]
struct Question {
    provider: String,
    purpose: Purpose,
    nonce: String,
    /// RFC 7636.
    verifier: String,
    begun_at: Timestamp,
    /// Whose answer it may be, if somebody is signed in who must still be.
    session: Option<SessionId>,
    /// The link that is meant, if it is a certain one.
    means: Option<MeansId>,
    /// The organisation that is meant.
    #[serde(default)]
    organisation: Option<OrganisationId>,
    /// The level that they need here.
    wanted: Option<Level>,
    /// Where they go afterwards.
    next: String,
    client: Option<ClientId>,
}

/// What was shown to somebody who has to agree, sealed into the page.
#[derive(Serialize, Deserialize)]
struct Agreed<T> {
    session: SessionId,
    provider: String,
    /// Where they go afterwards.
    next: String,
    shown: T,
}

/// An account that may be linked.
#[derive(Serialize, Deserialize)]
struct Found {
    subject: Subject,
    level: Level,
}

const fn question(browser: &[u8]) -> Owner<'_> {
    Owner { purpose: "upstream", browser, within: "" }
}

fn linking<'a>(browser: &'a [u8], session: &'a Session) -> Owner<'a> {
    Owner { purpose: "upstream_link", browser, within: session.id.as_str() }
}

fn confirming<'a>(browser: &'a [u8], session: &'a Session) -> Owner<'a> {
    Owner { purpose: "upstream_confirm", browser, within: session.id.as_str() }
}

/// Why nothing came of what somebody agreed to.
pub struct Refused {
    pub told: Told,
    /// The provider's id, and where they go on, if it was a question of ours.
    pub asked: Option<(String, String)>,
}

impl Refused {
    const GONE: Self = Self { told: Told::Gone, asked: None };

    fn of<T>(agreed: Agreed<T>, told: Told) -> Self {
        Self { told, asked: Some((agreed.provider, agreed.next)) }
    }
}

/// Why nothing came of it, as people are told.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// No question of ours in this browser, or it was answered before, or waited too long.
    Gone,
    /// The person has said no there.
    Cancelled,
    /// The provider has answered with an error.
    Answered,
    /// The provider could not give the level that was asked for.
    Unmet,
    /// The answer is not this provider's, or not to this question, or not what it should be.
    NotBelieved,
    /// No answer in time, or none at all.
    NotReached,
    /// So many are asking the same provider that it would not answer in time.
    Busy,
    Unknown,
    OfAnother,
    /// It opens an account here already.
    Taken,
    /// Another account of the same provider is linked.
    Another,
    /// Not the account that is linked.
    OtherSubject,
    Blocked,
    TooWeak,
    Below(Level),
    Locked(AccountId),
    /// It says nothing that is not known as well already.
    NotMore(Level),
    /// It does not say all that makes up an identity.
    Incomplete,
    /// It says something else than what is known better.
    Differs,
    /// Somebody has changed the data meanwhile.
    Overtaken,
}
