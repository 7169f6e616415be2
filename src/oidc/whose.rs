//! Whose something is that a client gets: of somebody for themselves, or of somebody who acts for another party.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::OidcEvent;
use crate::audit::{self, Event};
use crate::client::Client;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, OrganisationId};
use crate::kernel::seal::Vault;
use crate::kernel::time::Timestamp;
use crate::organisation::acting::{self, Capacity, Party, Power, Role};
use crate::store::db::Tx;
use crate::store::work::Work;

/// The person, and for whom they act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    pub account: AccountId,
    acting: Option<(Capacity, OrganisationId)>,
}

impl Whose {
    /// Of a person for themselves.
    pub fn own(account: &AccountId) -> Self {
        Self { account: account.clone(), acting: None }
    }

    pub fn of(account: &AccountId, power: Option<&Power>) -> Self {
        let acting = power.map(|power| (power.capacity.clone(), power.organisation.clone()));
        Self { account: account.clone(), acting }
    }

    /// As rows keep it. What is half there counts as broken, and never as the person's own.
    pub fn read(account: &AccountId, acting: Option<&str>, represented: Option<&str>) -> Result<Self, Error> {
        let broken = || Error::broken("a stored capacity or party does not parse");
        let acting = match (acting, represented) {
            (None, None) => None,
            (Some(acting), Some(represented)) => {
                let capacity = Capacity::parse(acting).ok_or_else(broken)?;
                Some((capacity, OrganisationId::parse(represented).ok_or_else(broken)?))
            }
            _ => return Err(broken()),
        };
        Ok(Self { account: account.clone(), acting })
    }

    /// The ids for a row: of what gives the power, and of the party.
    pub fn columns(&self) -> (Option<String>, Option<String>) {
        self.acting.as_ref().map(|(capacity, party)| (capacity.as_str().to_owned(), party.to_string())).unzip()
    }

    pub const fn is_acting(&self) -> bool {
        self.acting.is_some()
    }

    /// Whom it is about.
    pub fn party(&self) -> Party {
        match &self.acting {
            Some((_, organisation)) => Party::Organisation(organisation.clone()),
            None => Party::Person(self.account.clone()),
        }
    }

    /// What still lets the person act at this client: `Some(None)` if they need nothing, because it is their own; `None` if
    /// it has ended.
    pub async fn standing(
        &self,
        tx: &mut Tx,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<Option<Option<Power>>, Error> {
        let Some((capacity, organisation)) = &self.acting else { return Ok(Some(None)) };
        let power = acting::find(tx, capacity, &self.account, now).await?;
        Ok(power.filter(|power| power.organisation == *organisation && power.counts_at(client)).map(Some))
    }
}

/// The `act` claim (RFC 8693 section 4.1): who acts, as this client knows them, and as what. `told` is what it may know of them
/// besides.
pub fn act(vault: &Vault, client: &Client, (account, role): (&AccountId, Role), told: Map<String, Value>) -> Value {
    let own = json!({ "sub": client.actor(vault, account), "role": role });
    Value::Object(told.into_iter().chain(own.as_object().cloned().unwrap_or_default()).collect())
}

/// An event, for one of those whom it concerns.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip)]
    subject: &'a str,
    #[serde(flatten)]
    event: &'a OidcEvent,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<&'a OrganisationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<&'a str>,
}

impl Event for Told<'_> {
    fn kind(&self) -> &'static str {
        self.event.kind()
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.to_owned())
    }
}

/// Records what has happened: for the person, and, if they have acted for an organisation, a second time for that. Each reads
/// it in a protocol of their own.
pub async fn record(work: &mut Work, whose: &Whose, event: &OidcEvent) -> Result<(), Error> {
    let (membership, organisation) = match &whose.acting {
        Some((capacity, organisation)) => (Some(capacity.as_str()), Some(organisation)),
        None => (None, None),
    };
    let subjects = [Some(whose.account.as_str()), organisation.map(OrganisationId::as_str)];
    for subject in subjects.into_iter().flatten() {
        audit::record(work, &Told { subject, event, organisation, membership }).await?;
    }
    Ok(())
}

/// Records what somebody has done to an organisation and its services as such, whoever uses them.
pub async fn record_for(work: &mut Work, organisation: &OrganisationId, event: &OidcEvent) -> Result<(), Error> {
    let told = Told { subject: organisation.as_str(), event, organisation: Some(organisation), membership: None };
    audit::record(work, &told).await
}
