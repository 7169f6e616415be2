//! What the operator does with clients: applying a file with a look at whom it would hit, switching off and on, secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::Inquiry;
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::client::registration_token::{self, RegistrationToken};
use crate::client::state::{self, Standing};
use crate::client::{self, Change, ClientFile, registered};
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, RegistrationTokenId};
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;
use crate::oidc::connection;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

#[derive(Serialize)]
#[serde(untagged)]
enum ClientEvent {
    Disabled {
        #[serde(skip)]
        client: ClientId,
        #[serde(skip)]
        reason: String,
    },
    Enabled {
        #[serde(skip)]
        client: ClientId,
        #[serde(skip)]
        reason: String,
    },
    SecretRotated {
        #[serde(skip)]
        client: ClientId,
        /// Until when the one before counts.
        overlap_until: Timestamp,
    },
}

impl Event for ClientEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::Disabled { .. } => "client.disabled",
            Self::Enabled { .. } => "client.enabled",
            Self::SecretRotated { .. } => "client.secret_rotated",
        }
    }

    fn subject(&self) -> Option<String> {
        let (Self::Disabled { client, .. } | Self::Enabled { client, .. } | Self::SecretRotated { client, .. }) = self;
        Some(format!("client:{client}"))
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Disabled { reason, .. } | Self::Enabled { reason, .. } => Some(reason.clone()),
            Self::SecretRotated { .. } => None,
        }
    }
}

/// Switches a client off: within a second it is refused on every path and every node, as if it were unknown. People still see
/// that they are connected, and can end that.
pub async fn disable(app: &AppParts, by: &Inquiry, id: &ClientId) -> Result<(), Error> {
    let mut work = by.begin(app).await?;
    state::disable(&mut work, id, &by.operator, &by.reason).await?;
    audit::record(&mut work, &ClientEvent::Disabled { client: id.clone(), reason: by.reason.clone() }).await?;
    work.commit().await
}

/// Switches it on again. What has not ended meanwhile counts as before.
pub async fn enable(app: &AppParts, by: &Inquiry, id: &ClientId) -> Result<(), Error> {
    let mut work = by.begin(app).await?;
    state::enable(&mut work, id).await?;
    audit::record(&mut work, &ClientEvent::Enabled { client: id.clone(), reason: by.reason.clone() }).await?;
    work.commit().await
}

/// Overlaps of a month are a matter of planning; longer ones are secrets that nobody exchanges.
const OVERLAP_HOURS_MAX: u64 = 30 * 24;

/// For how long the secret before counts on.
pub fn overlap(hours: u64) -> Result<Duration, String> {
    if hours > OVERLAP_HOURS_MAX {
        return Err(format!("overlap-hours: at most {OVERLAP_HOURS_MAX}"));
    }
    Ok(Duration::from_secs(hours * 60 * 60))
}

/// Makes a secret for a client, which nobody can be shown again; those before it count on for so long.
pub async fn rotate_secret(
    app: &AppParts,
    operator: &str,
    id: &ClientId,
    overlap: Duration,
) -> Result<Secret<String>, Error> {
    let mut work = app.begin(Actor::Operator(operator.to_owned())).await?;
    let secret = client::secret::rotate(&mut work, id, overlap).await?;
    let overlap_until = work.now.plus(overlap);
    audit::record(&mut work, &ClientEvent::SecretRotated { client: id.clone(), overlap_until }).await?;
    work.commit().await?;
    Ok(secret)
}

/// Approves what a client says that has registered itself: people are not warned of it any more, and it does not end.
pub async fn approve(app: &AppParts, by: &Inquiry, id: &ClientId) -> Result<(), Error> {
    let mut work = by.begin(app).await?;
    registered::approve(&mut work, id, &by.operator, &by.reason).await?;
    work.commit().await
}

/// Makes a token with which clients may register themselves; nobody can be shown it again.
pub async fn make_token(
    app: &AppParts,
    operator: &str,
    wanted: &registration_token::Wanted,
) -> Result<(RegistrationTokenId, Secret<String>), Error> {
    let mut work = app.begin(Actor::Operator(operator.to_owned())).await?;
    let made = registration_token::make(&mut work, operator, wanted).await?;
    work.commit().await?;
    Ok(made)
}

/// Those tokens.
pub async fn tokens(app: &AppParts) -> Result<Vec<RegistrationToken>, Error> {
    registration_token::list(&mut app.read().await?).await
}

/// Ends one of them.
pub async fn withdraw_token(app: &AppParts, operator: &str, id: &RegistrationTokenId) -> Result<(), Error> {
    let mut work = app.begin(Actor::Operator(operator.to_owned())).await?;
    registration_token::withdraw(&mut work, id).await?;
    work.commit().await
}

/// All clients with everything in force, and how many accounts are connected with each.
pub async fn list(app: &AppParts) -> Result<Vec<(Standing, i64)>, Error> {
    let mut tx = app.read().await?;
    let accounts = connection::count(&mut tx).await?;
    let clients = state::list(&mut tx, app.now()).await?;
    let counted = |one: Standing| {
        let connected = accounts.get(&one.client.id).copied().unwrap_or(0);
        (one, connected)
    };
    Ok(clients.into_iter().map(counted).collect())
}

/// One of them.
pub async fn find(app: &AppParts, id: &ClientId) -> Result<(Standing, i64), Error> {
    let mut tx = app.read().await?;
    let standing = state::find(&mut tx, id, app.now()).await?;
    let accounts = connection::count_of(&mut tx, id).await?;
    Ok((standing, accounts))
}

/// What applying a file does, and what somebody should know before.
pub struct Plan {
    pub changes: BTreeMap<ClientId, Change>,
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The service would not recognise anybody any more.
    OtherSubjects { client: ClientId, accounts: i64 },
    /// People would see no connection any more, although there is one.
    Removed { client: ClientId, accounts: i64 },
    /// It has to authenticate with a secret of ours, and there is none.
    NoSecret(ClientId),
    /// Applying a file does not switch it on.
    Disabled(ClientId),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSubjects { client, accounts } => write!(
                f,
                "{client}: sector, authority_id, service_id or subject_type give other subjects: the service recognises none \
                 of the {accounts} accounts connected with it any more"
            ),
            Self::Removed { client, accounts } => {
                write!(f, "{client}: is removed, and {accounts} accounts are connected with it")
            }
            Self::NoSecret(client) => {
                write!(f, "{client}: cannot authenticate: it has no secret; `client rotate-secret {client}` makes one")
            }
            Self::Disabled(client) => write!(f, "{client}: stays switched off"),
        }
    }
}

impl Plan {
    async fn make(tx: &mut Tx, file: &ClientFile, now: Timestamp) -> Result<Self, Error> {
        let changes = client::plan(tx, file).await?;
        let mut warnings = Vec::new();
        for id in client::subject_changes(tx, file).await? {
            let accounts = connection::count_of(tx, &id).await?;
            if accounts > 0 {
                warnings.push(Warning::OtherSubjects { client: id, accounts });
            }
        }
        for (id, _) in changes.iter().filter(|(_, change)| **change == Change::Remove) {
            let accounts = connection::count_of(tx, id).await?;
            if accounts > 0 {
                warnings.push(Warning::Removed { client: id.clone(), accounts });
            }
        }
        warnings.extend(standing(tx, file, now).await?);
        Ok(Self { changes, warnings })
    }

    fn changes_subjects(&self) -> bool {
        self.warnings.iter().any(|warning| matches!(warning, Warning::OtherSubjects { .. }))
    }
}

/// What of the clients of a file does not work.
async fn standing(tx: &mut Tx, file: &ClientFile, now: Timestamp) -> Result<Vec<Warning>, Error> {
    let known = state::list(tx, now).await?.into_iter().map(|one| (one.client.id.clone(), one));
    let known: BTreeMap<_, _> = known.collect();
    let mut warnings = Vec::new();
    for client in &file.client {
        let known = known.get(&client.id);
        let has_secret = known.is_some_and(|known| known.secrets.iter().any(|secret| secret.counts(now)));
        if client.takes_stored_secrets() && !has_secret {
            warnings.push(Warning::NoSecret(client.id.clone()));
        }
        if known.is_some_and(|known| known.disabled.is_some()) {
            warnings.push(Warning::Disabled(client.id.clone()));
        }
    }
    Ok(warnings)
}

/// What applying a file would do.
pub async fn plan(app: &AppParts, file: &ClientFile) -> Result<Plan, Error> {
    Plan::make(&mut app.read().await?, file, app.now()).await
}

/// What came of applying a file.
pub enum Applied {
    Done(Plan),
    /// Nothing was done, because services would not recognise people any more.
    Refused(Plan),
}

/// Makes the clients be what a file says. If subjects change of clients that somebody is connected with, only with
/// `change_subjects`.
pub async fn apply(app: &AppParts, file: &ClientFile, change_subjects: bool) -> Result<Applied, Error> {
    let mut work: Work = app.begin(Actor::System("client apply")).await?;
    let now = work.now;
    let plan = Plan::make(&mut work.tx, file, now).await?;
    if plan.changes_subjects() && !change_subjects {
        return Ok(Applied::Refused(plan));
    }
    client::apply(&mut work, file).await?;
    work.commit().await?;
    Ok(Applied::Done(plan))
}
