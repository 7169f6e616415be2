//! What the operator may do to clients ([`client`]) and to an account, at the command line of the host. Every look and every act needs a reason, and its
//! owner sees both. Nobody here sets a password, changes data or acts as somebody else.

pub mod client;
pub mod guardian;
pub mod office;
pub mod organisation;

use std::fmt;

use serde::Serialize;

use crate::account::{self, Status, email::EmailAddress, lifecycle};
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::client::registry::Registry;
use crate::data::protocol::{Entry, Reader};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::signin::change::tell;
use crate::signin::recovery::cancel::{self, Why};
use crate::signin::session;
use crate::store::work::{Actor, Work};

/// Lines of a protocol that are shown at once.
const LINES_MAX: i64 = 10_000;

#[derive(Serialize)]
#[serde(untagged)]
enum SupportEvent {
    LookedUp {
        /// `None` if there was nobody.
        #[serde(skip)]
        account: Option<AccountId>,
        #[serde(skip)]
        reason: String,
    },
    ProtocolRead {
        #[serde(skip)]
        account: AccountId,
        #[serde(skip)]
        reason: String,
    },
    Locked {
        #[serde(skip)]
        account: AccountId,
        #[serde(skip)]
        reason: String,
        sessions_ended: u64,
    },
    Unlocked {
        #[serde(skip)]
        account: AccountId,
        #[serde(skip)]
        reason: String,
    },
}

impl Event for SupportEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::LookedUp { .. } => "account.looked_up",
            Self::ProtocolRead { .. } => "account.protocol_read",
            Self::Locked { .. } => "account.locked",
            Self::Unlocked { .. } => "account.unlocked",
        }
    }

    fn subject(&self) -> Option<String> {
        match self {
            Self::LookedUp { account, .. } => account.as_ref().map(AccountId::to_string),
            Self::ProtocolRead { account, .. } | Self::Locked { account, .. } | Self::Unlocked { account, .. } => {
                Some(account.to_string())
            }
        }
    }

    fn reason(&self) -> Option<String> {
        let (Self::LookedUp { reason, .. }
        | Self::ProtocolRead { reason, .. }
        | Self::Locked { reason, .. }
        | Self::Unlocked { reason, .. }) = self;
        Some(reason.clone())
    }
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// The name under which somebody of the operator's works, as the audit trail keeps it.
pub fn operator_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if !(1..=64).contains(&name.chars().count()) || !is_plain(name) {
        return Err("operator: the name under which you work, 1 to 64 characters".to_owned());
    }
    Ok(name.to_owned())
}

/// Who asks, and why.
#[derive(Clone, Debug)]
pub struct Inquiry {
    operator: String,
    reason: String,
}

impl Inquiry {
    /// Refuses what would not tell anybody anything.
    pub fn new(operator: &str, reason: &str) -> Result<Self, String> {
        let (operator, reason) = (operator_name(operator)?, reason.trim());
        if !(10..=300).contains(&reason.chars().count()) || !is_plain(reason) {
            return Err("reason: one sentence of 10 to 300 characters; that for an account its owner reads".to_owned());
        }
        Ok(Self { operator, reason: reason.to_owned() })
    }

    async fn begin(&self, app: &AppParts) -> Result<Work, Error> {
        app.begin(Actor::Operator(self.operator.clone())).await
    }
}

/// What the operator sees of an account: that it is there and how it stands; no name, no address.
#[derive(Debug)]
pub struct Overview {
    pub id: AccountId,
    pub status: &'static str,
    pub status_since: Timestamp,
    pub opened_at: Option<Timestamp>,
    pub addresses: usize,
    pub sessions: usize,
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |at: Timestamp| moment::date_and_clock(Language::En, at);
        let opened_at = self.opened_at.map_or_else(|| "-".to_owned(), at);
        write!(
            f,
            "{}  {} since {}  opened {opened_at}  {} addresses, {} sessions",
            self.id,
            self.status,
            at(self.status_since),
            self.addresses,
            self.sessions
        )
    }
}

/// The account that has exactly this address.
pub async fn find_by_email(app: &AppParts, email: &EmailAddress) -> Result<Option<AccountId>, Error> {
    let found = account::find_by_email(&mut app.read().await?, &app.vault, email).await?;
    Ok(found.map(|(id, _)| id))
}

/// Looks an account up; also that there is none is recorded.
pub async fn find(app: &AppParts, by: &Inquiry, id: Option<AccountId>) -> Result<Option<Overview>, Error> {
    let mut work = by.begin(app).await?;
    let now = work.now;
    let known = match &id {
        Some(id) => lifecycle::status(&mut work.tx, id).await?,
        None => None,
    };
    let subject = id.clone().filter(|_| known.is_some());
    audit::record(&mut work, &SupportEvent::LookedUp { account: subject, reason: by.reason.clone() }).await?;
    let (Some(id), Some((status, status_since))) = (id, known) else {
        work.commit().await?;
        return Ok(None);
    };
    let is_there = !matches!(status, Status::Erasing | Status::Erased);
    let (mut opened_at, mut addresses) = (None, 0);
    if is_there {
        opened_at = Some(account::load(&mut work.tx, &app.vault, &id).await?.created_at);
        addresses = account::address::list(&mut work.tx, &app.vault, &id).await?.len();
    }
    let sessions = session::list(&mut work.tx, &id, now).await?.len();
    work.commit().await?;
    Ok(Some(Overview { id, status: status.name(), status_since, opened_at, addresses, sessions }))
}

/// Locks: nobody gets in, every session ends, services get nothing; within a second on every node. Its owner is told, and
/// reads the reason when they sign in.
pub async fn lock(app: &AppParts, by: &Inquiry, id: &AccountId) -> Result<(), Error> {
    let mut work = by.begin(app).await?;
    let account = account::load(&mut work.tx, &app.vault, id).await?;
    account::hold(&mut work, id).await?;
    cancel::cancel(app, &mut work, id, Why::Locked).await?;
    lifecycle::lock(&mut work, id).await?;
    let sessions_ended = session::end_all(&mut work, id).await?;
    let event = SupportEvent::Locked { account: id.clone(), reason: by.reason.clone(), sessions_ended };
    audit::record(&mut work, &event).await?;
    tell(app, &mut work, &account, Kind::AccountLocked, |texts| {
        (&texts.mail.account_locked_subject, texts.mail.account_locked_body.clone())
    })
    .await?;
    work.commit().await
}

/// Ends a lock. What was ended with it stays ended.
pub async fn unlock(app: &AppParts, by: &Inquiry, id: &AccountId) -> Result<(), Error> {
    let mut work = by.begin(app).await?;
    let account = account::load(&mut work.tx, &app.vault, id).await?;
    lifecycle::unlock(&mut work, id).await?;
    let event = SupportEvent::Unlocked { account: id.clone(), reason: by.reason.clone() };
    audit::record(&mut work, &event).await?;
    tell(app, &mut work, &account, Kind::AccountUnlocked, |texts| {
        (&texts.mail.account_unlocked_subject, texts.mail.account_unlocked_body.clone())
    })
    .await?;
    work.commit().await
}

/// The data protocol as its owner reads it, newest first.
pub async fn read_protocol(app: &AppParts, by: &Inquiry, id: &AccountId) -> Result<Vec<Entry>, Error> {
    let mut work = by.begin(app).await?;
    lifecycle::status(&mut work.tx, id).await?.ok_or(Error::NotFound)?;
    let event = SupportEvent::ProtocolRead { account: id.clone(), reason: by.reason.clone() };
    audit::record(&mut work, &event).await?;
    work.commit().await?;
    let registry = Registry::load(&app.db, app.now()).await?;
    let reader =
        Reader { account: id, registry: &registry, language: Language::De, config: &app.config, vault: &app.vault };
    reader.read(&mut app.read().await?, None, None, LINES_MAX).await
}
