//! Clients that have registered themselves (RFC 7591, RFC 7592). Each counts for a while; for longer if somebody of the
//! operator's approves what it says. If it says something else afterwards, nobody has approved that.

use serde::Serialize;
use serde_json::{Map, Value};

use super::store::{self as clients, registered as store};
use super::{Client, Registration};
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::secret::token_hash;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::Work;

/// How a client came to be that no file declares.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The token or the issuer of the statement that let it in.
    pub admitted_by: String,
    pub created_at: Timestamp,
    /// Unless somebody approves it.
    pub expires_at: Timestamp,
    pub approved: Option<(Timestamp, String)>,
}

/// One of them, with what it is told of itself.
pub struct Registered {
    pub client: Client,
    pub metadata: Map<String, Value>,
    pub origin: Origin,
}

fn read(row: store::RegisteredRow) -> Result<Registered, Error> {
    let mut client: Client = serde_json::from_str(&row.definition).map_err(Error::broken)?;
    let metadata: Map<String, Value> = serde_json::from_str(&row.metadata).map_err(Error::broken)?;
    client.registration = Some(Registration {
        is_approved: row.approved_at.is_some(),
        terms_uri: metadata.get("tos_uri").and_then(Value::as_str).map(str::to_owned),
        has_logo: row.has_logo,
    });
    let (created_at, expires_at) = (row.created_at, row.expires_at);
    let approved = row.approved_at.map(|at| (at, row.approved_by.unwrap_or_default()));
    let origin = Origin { admitted_by: row.admitted_by, created_at, expires_at, approved };
    Ok(Registered { client, metadata, origin })
}

/// All that count at this time.
pub async fn list(tx: &mut Tx, now: Timestamp) -> Result<Vec<Registered>, Error> {
    store::load_all(tx, now).await?.into_iter().map(read).collect()
}

/// One, for whoever shows its token. One that is switched off is nobody's.
pub async fn find(tx: &mut Tx, id: &ClientId, token: &str, now: Timestamp) -> Result<Option<Registered>, Error> {
    store::find(tx, id, &token_hash(token), now).await?.map(read).transpose()
}

pub async fn exists(tx: &mut Tx, id: &ClientId) -> Result<bool, Error> {
    Ok(store::exists(tx, id).await?)
}

/// The picture that a client shows of itself.
pub async fn logo(tx: &mut Tx, id: &ClientId) -> Result<Option<Vec<u8>>, Error> {
    Ok(store::logo(tx, id).await?)
}

#[derive(Serialize)]
#[serde(untagged)]
enum RegistrationEvent {
    Registered {
        #[serde(skip)]
        client: ClientId,
        /// By what.
        admitted_by: String,
        redirect_uris: Vec<String>,
    },
    Changed {
        #[serde(skip)]
        client: ClientId,
        redirect_uris: Vec<String>,
    },
    Deleted {
        #[serde(skip)]
        client: ClientId,
    },
    Approved {
        #[serde(skip)]
        client: ClientId,
        #[serde(skip)]
        reason: String,
    },
}

impl Event for RegistrationEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "client.registered",
            Self::Changed { .. } => "client.changed",
            Self::Deleted { .. } => "client.deleted",
            Self::Approved { .. } => "client.approved",
        }
    }

    fn subject(&self) -> Option<String> {
        let (Self::Registered { client, .. }
        | Self::Changed { client, .. }
        | Self::Deleted { client }
        | Self::Approved { client, .. }) = self;
        Some(format!("client:{client}"))
    }

    fn reason(&self) -> Option<String> {
        if let Self::Approved { reason, .. } = self { Some(reason.clone()) } else { None }
    }
}

/// What is stored of a client, and who may change it.
pub struct Entry<'a> {
    pub client: &'a Client,
    pub metadata: &'a Map<String, Value>,
    pub logo: Option<&'a [u8]>,
    /// The registration access token.
    pub token: &'a str,
    /// When it ends if nobody approves it.
    pub expires_at: Timestamp,
}

impl Entry<'_> {
    fn definition(&self) -> Result<store::Definition<'_>, Error> {
        Ok(store::Definition {
            id: &self.client.id,
            definition: serde_json::to_string(self.client).map_err(Error::broken)?,
            metadata: serde_json::to_string(self.metadata).map_err(Error::broken)?,
            logo: self.logo,
            access_hash: token_hash(self.token),
            expires_at: self.expires_at,
        })
    }
}

/// Adds one; `false` if too many are there that nobody has approved.
pub async fn add(work: &mut Work, entry: &Entry<'_>, admitted_by: &str, unapproved_max: i64) -> Result<bool, Error> {
    if !store::insert(work, &entry.definition()?, admitted_by, unapproved_max).await? {
        return Ok(false);
    }
    let redirect_uris = entry.client.redirect_uris.clone();
    let client = entry.client.id.clone();
    let event = RegistrationEvent::Registered { client, admitted_by: admitted_by.to_owned(), redirect_uris };
    audit::record(work, &event).await?;
    clients::raise_version(work).await?;
    Ok(true)
}

/// Puts other words in the place of its own; `false` if it has gone meanwhile.
pub async fn change(work: &mut Work, entry: &Entry<'_>) -> Result<bool, Error> {
    if !store::put(work, &entry.definition()?).await? {
        return Ok(false);
    }
    let (client, redirect_uris) = (entry.client.id.clone(), entry.client.redirect_uris.clone());
    audit::record(work, &RegistrationEvent::Changed { client, redirect_uris }).await?;
    clients::raise_version(work).await?;
    Ok(true)
}

/// Removes it; `false` if it has gone meanwhile.
pub async fn delete(work: &mut Work, id: &ClientId, token: &str) -> Result<bool, Error> {
    if !store::delete(work, id, &token_hash(token)).await? {
        return Ok(false);
    }
    audit::record(work, &RegistrationEvent::Deleted { client: id.clone() }).await?;
    clients::raise_version(work).await?;
    Ok(true)
}

/// Somebody of the operator's has looked at what it says.
pub async fn approve(work: &mut Work, id: &ClientId, operator: &str, reason: &str) -> Result<(), Error> {
    if !store::approve(work, id, operator).await? {
        let is_there = store::exists(&mut work.tx, id).await?;
        return Err(if is_there { Error::Conflict("it is approved already, or has ended") } else { Error::NotFound });
    }
    audit::record(work, &RegistrationEvent::Approved { client: id.clone(), reason: reason.to_owned() }).await?;
    Ok(clients::raise_version(work).await?)
}
