//! Whose something is that a client gets: of somebody for themselves, or of somebody who acts for another party.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::OidcEvent;
use crate::audit::{self, Event};
use crate::client::{Client, Serves};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, OrganisationId};
use crate::kernel::seal::Vault;
use crate::kernel::time::Timestamp;
use crate::organisation::acting::{self, By, Capacity, Party, Power};
use crate::organisation::mandate::party;
use crate::store::db::Tx;
use crate::store::work::Work;

/// The person, and for whom they act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    pub account: AccountId,
    acting: Option<(Capacity, Party)>,
}

impl Whose {
    /// Of a person for themselves.
    pub fn own(account: &AccountId) -> Self {
        Self { account: account.clone(), acting: None }
    }

    pub fn of(account: &AccountId, power: Option<&Power>) -> Self {
        let acting = power.map(|power| (power.capacity.clone(), power.party.clone()));
        Self { account: account.clone(), acting }
    }

    /// As rows keep it. What is half there counts as broken, and never as the person's own.
    pub fn read(account: &AccountId, acting: Option<&str>, represented: Option<&str>) -> Result<Self, Error> {
        let broken = || Error::broken("a stored capacity or party does not parse");
        let acting = match (acting, represented) {
            (None, None) => None,
            (Some(acting), Some(represented)) => {
                let capacity = Capacity::parse(acting).ok_or_else(broken)?;
                Some((capacity, party::parse(represented).ok_or_else(broken)?))
            }
            _ => return Err(broken()),
        };
        Ok(Self { account: account.clone(), acting })
    }

    /// The ids for a row: of what gives the power, and of the party.
    pub fn columns(&self) -> (Option<String>, Option<String>) {
        self.acting.as_ref().map(|(capacity, party)| (capacity.as_str().to_owned(), party.as_str().to_owned())).unzip()
    }

    pub const fn is_acting(&self) -> bool {
        self.acting.is_some()
    }

    /// Whom it is about.
    pub fn party(&self) -> Party {
        match &self.acting {
            Some((_, party)) => party.clone(),
            None => Party::Person(self.account.clone()),
        }
    }

    /// The person for whom they act, if it is one.
    pub const fn represented(&self) -> Option<&AccountId> {
        match &self.acting {
            Some((_, Party::Person(person))) => Some(person),
            _ => None,
        }
    }

    /// What still lets the person act at this client: `Some(None)` if they need nothing, because it is their own; `None` if
    /// it has ended, or the client is not for it any more.
    pub async fn standing(&self, tx: &mut Tx, client: &Client, now: Timestamp) -> Result<Option<Option<Power>>, Error> {
        let Some((capacity, party)) = &self.acting else {
            return Ok(client.serves(Serves::Persons).then_some(None));
        };
        let power = acting::find(tx, capacity, &self.account, now).await?;
        let stands =
            |power: &Power| power.party == *party && client.serves_power(power) && power.counts_at(client.service());
        Ok(power.filter(stands).map(Some))
    }
}

/// The `act` claim (RFC 8693 section 4.1): who acts, as this client knows them, and as what; under a mandate also which, and
/// what that allows. `told` is what the client may know of them besides.
pub fn act(vault: &Vault, client: &Client, power: &Power, told: Map<String, Value>) -> Value {
    let mut act = told;
    act.insert("sub".to_owned(), json!(client.actor(vault, &power.account)));
    act.insert("role".to_owned(), json!(power.role()));
    if let Some(actions) = power.actions() {
        act.insert("mandate".to_owned(), json!(power.capacity.as_str()));
        act.insert("scope".to_owned(), json!(actions));
    }
    Value::Object(act)
}

/// An event, for one of those whom it concerns.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip)]
    subject: &'a str,
    #[serde(flatten)]
    event: &'a OidcEvent,
    #[serde(flatten)]
    by: Option<By<'a>>,
}

impl Event for Told<'_> {
    fn kind(&self) -> &'static str {
        self.event.kind()
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.to_owned())
    }
}

/// Records what has happened: for the person, and, if they have acted for others, for each of those once more. Each reads it in a
/// protocol of their own.
pub async fn record(work: &mut Work, whose: &Whose, event: &OidcEvent) -> Result<(), Error> {
    record_each(work, whose, |_| event).await
}

/// The same where not everybody reads the same.
pub async fn record_each<'a>(
    work: &mut Work,
    whose: &Whose,
    event: impl Fn(&Party) -> &'a OidcEvent,
) -> Result<(), Error> {
    let Some((capacity, party)) = &whose.acting else {
        let (person, by) = (whose.party(), None);
        return audit::record(work, &Told { subject: person.as_str(), event: event(&person), by }).await;
    };
    for reader in acting::readers(&mut work.tx, (&whose.account, capacity), party).await? {
        let by = Some(By::new(capacity, party));
        audit::record(work, &Told { subject: reader.as_str(), event: event(&reader), by }).await?;
    }
    Ok(())
}

/// Records what somebody has done to an organisation and its services as such, whoever uses them.
pub async fn record_for(work: &mut Work, organisation: &OrganisationId, event: &OidcEvent) -> Result<(), Error> {
    let by = Some(By::organisation(organisation));
    audit::record(work, &Told { subject: organisation.as_str(), event, by }).await
}
