//! A person's account: attributes that each carry source, level and date; the contact address; when they are away.
//!
//! Values are sealed under the account's own key. Whoever holds the database without the master key learns
//! how many accounts there are, and nothing about anybody.

pub mod absence;
pub mod address;
pub mod attribute;
mod country;
pub mod email;
pub mod evidence;
pub mod further;
pub mod identity;
pub mod lifecycle;
pub mod name;
mod store;
pub mod time_zone;
pub mod web;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::app::AppParts;
use crate::audit::Event;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::secret::hex;
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

pub use attribute::{Attribute, AttributeName, Group, Source};
use email::EmailAddress;

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "lowercase")]
pub enum Status {
    Active,
    /// By the operator, with a reason that its owner sees. Nobody gets in, services get nothing.
    Locked,
    /// Its owner leaves and may still return. Services get nothing.
    Closing,
    /// Its key is destroyed; what remains of it is being removed.
    Erasing,
    /// Nothing but its number, so that it is never given to anybody else.
    Erased,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Closing => "closing",
            Self::Erasing => "erasing",
            Self::Erased => "erased",
        }
    }
}

#[derive(Clone)]
pub struct ContactAddress {
    pub address: EmailAddress,
    pub confirmed_at: Timestamp,
}

/// The account as its owner sees it, opened.
#[derive(Clone)]
pub struct Account {
    pub id: AccountId,
    pub status: Status,
    /// When its erasure begins, if its owner leaves.
    pub erase_at: Option<Timestamp>,
    pub language: Language,
    pub created_at: Timestamp,
    pub attributes: BTreeMap<AttributeName, Attribute>,
    /// Raised by every change of the attributes.
    pub attribute_version: i64,
    pub email: ContactAddress,
}

impl Account {
    pub fn value(&self, name: AttributeName) -> Option<&str> {
        self.attributes.get(&name).map(|attribute| attribute.value.as_str())
    }

    /// The whole name; some people have only one.
    pub fn full_name(&self) -> String {
        let parts = [AttributeName::GivenNames, AttributeName::FamilyName].map(|name| self.value(name));
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The level of the identity: the lowest of what makes it up. What a person states besides does not lower it.
    pub fn identity_level(&self) -> Level {
        let identity = self.attributes.iter().filter(|(name, _)| name.group() == Group::Identity);
        identity.map(|(_, attribute)| attribute.level).min().unwrap_or(Level::Basic)
    }
}

/// What opens an account: everything is known and the address has been confirmed.
pub struct NewAccount<'a> {
    pub id: AccountId,
    pub key: &'a DataKey,
    pub language: Language,
    pub email: &'a EmailAddress,
    pub attributes: Vec<(AttributeName, String)>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AccountEvent<'a> {
    Opened {
        #[serde(skip)]
        account: &'a AccountId,
        attributes: Vec<AttributeName>,
    },
    LanguageChosen {
        #[serde(skip)]
        account: &'a AccountId,
        language: Language,
    },
    AttributesChanged {
        #[serde(skip)]
        account: &'a AccountId,
        set: Vec<AttributeName>,
        removed: Vec<AttributeName>,
    },
    EvidenceRecorded {
        #[serde(skip)]
        account: &'a AccountId,
        source: Source,
        level: Level,
        set: Vec<AttributeName>,
        removed: Vec<AttributeName>,
    },
}

impl Event for AccountEvent<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "account.opened",
            Self::LanguageChosen { .. } => "account.language_chosen",
            Self::AttributesChanged { .. } => "account.attributes_changed",
            Self::EvidenceRecorded { .. } => "account.evidence_recorded",
        }
    }

    fn subject(&self) -> Option<String> {
        let (Self::Opened { account, .. }
        | Self::LanguageChosen { account, .. }
        | Self::AttributesChanged { account, .. }
        | Self::EvidenceRecorded { account, .. }) = self;
        Some(account.to_string())
    }
}

/// What became of opening an account.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    New,
    /// Somebody has this address already.
    AddressTaken,
}

/// Opens the account in the work's transaction. After `AddressTaken` the work must not be committed.
pub async fn open(work: &mut Work, vault: &Vault, new: NewAccount<'_>) -> Result<Opened, Error> {
    // Wrapped only now: what was wrapped when the registration began could slip past a change of the master key.
    let key_wrapped = vault.master().wrap(new.key, new.id.as_str(), &work.random).await.map_err(Error::broken)?;
    store::insert_account(work, &new, &key_wrapped).await?;
    let index = index(vault, new.email);
    let sealed = seal(new.key, address_place(&hex(&index)), new.email.as_str(), work)?;
    if !store::insert_address(work, &new.id, &index, &sealed, true).await? {
        return Ok(Opened::AddressTaken);
    }
    let mut names = Vec::new();
    for (name, value) in &new.attributes {
        let sealed = seal(new.key, attribute_place(*name, &new.id, 1), value, work)?;
        store::put_attribute(work, &new.id, *name, (1, &sealed), store::STATED).await?;
        names.push(*name);
    }
    crate::audit::record(work, &AccountEvent::Opened { account: &new.id, attributes: names }).await?;
    Ok(Opened::New)
}

fn seal(key: &DataKey, place: Place<'_>, value: &str, work: &Work) -> Result<Vec<u8>, Error> {
    key.seal(place, value.as_bytes(), &work.random).map_err(Error::broken)
}

fn attribute_place(name: AttributeName, id: &AccountId, version: i64) -> Place<'_> {
    Place { table: "attribute", column: name.name(), row: id.as_str(), version }
}

/// `row` is the blind index in hexadecimal: an account may have several addresses.
fn address_place(row: &str) -> Place<'_> {
    Place { table: "email_address", column: "value", row, version: 1 }
}

/// Sets the language of the account's mails.
pub async fn choose_language(work: &mut Work, account: &AccountId, language: Language) -> Result<(), Error> {
    store::put_language(work, account, language).await?;
    crate::audit::record(work, &AccountEvent::LanguageChosen { account, language }).await
}

/// Begins work of the account's owner that holds the account, as [`hold`] does.
pub async fn begin(app: &AppParts, account: &AccountId, request: Option<&str>) -> Result<Work, Error> {
    let mut work = app.begin(Actor::Account(account.clone())).await?;
    work.request = request.map(str::to_owned);
    hold(&mut work, account).await?;
    Ok(work)
}

/// Lets nobody else who does the same go on before this work is done. Whoever changes several rows of one account (the account
/// itself, its means, sessions, way back, evidence, cases, letters) does this first: so no two wait for each other, and what is
/// read afterwards stays so.
pub async fn hold(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    Ok(store::hold(work, account).await?)
}

/// The same for an account that is in use, with its key; `NotFound` if it is not.
pub async fn hold_active(work: &mut Work, vault: &Vault, id: &AccountId) -> Result<DataKey, Error> {
    unwrap(vault, store::hold_active(work, id).await?, id).await
}

/// Ends what services may do without the person: every grant that outlives its session belongs to an epoch of the account.
pub async fn end_offline_access(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    Ok(store::raise_offline_epoch(work, account).await?)
}

/// Under which an address is found.
pub fn index(vault: &Vault, email: &EmailAddress) -> [u8; 32] {
    vault.index("email", email.compared())
}

/// The account that has this address, whatever its status.
pub async fn find_by_email(
    tx: &mut Tx,
    vault: &Vault,
    email: &EmailAddress,
) -> Result<Option<(AccountId, Status)>, Error> {
    Ok(store::find_by_index(tx, &index(vault, email)).await?)
}

/// The key of an account; `NotFound` if there is none, or it has been destroyed.
pub async fn key(tx: &mut Tx, vault: &Vault, id: &AccountId) -> Result<DataKey, Error> {
    unwrap(vault, store::key_of(tx, id).await?, id).await
}

async fn unwrap(vault: &Vault, wrapped: Option<Vec<u8>>, id: &AccountId) -> Result<DataKey, Error> {
    let wrapped = wrapped.ok_or(Error::NotFound)?;
    vault.master().unwrap(&wrapped, id.as_str()).await.map_err(Error::broken)
}

/// Reads and opens an account; `NotFound` if there is none, or it has been erased. Who may use it is decided where
/// sessions and grants are found.
pub async fn load(tx: &mut Tx, vault: &Vault, id: &AccountId) -> Result<Account, Error> {
    let rows = store::load(tx, id).await?;
    let head = rows.first().ok_or(Error::NotFound)?;
    let wrapped = head.key_wrapped.as_deref().ok_or(Error::NotFound)?;
    let key = vault.master().unwrap(wrapped, id.as_str()).await.map_err(Error::broken)?;
    let address = address::read(&key, &head.blind_index, &head.address)?;
    let mut attributes = BTreeMap::new();
    for row in &rows {
        let place = attribute_place(row.name, id, row.version);
        let value = key.open_text(place, &row.value).map_err(Error::broken)?;
        attributes.insert(row.name, row.attribute(value));
    }
    let email = ContactAddress { address, confirmed_at: head.confirmed_at };
    let (status, erase_at, created_at) = (head.status, head.erase_at, head.created_at);
    let (language, attribute_version) = (head.language, head.attribute_version);
    Ok(Account { id: id.clone(), status, erase_at, language, created_at, attributes, attribute_version, email })
}
