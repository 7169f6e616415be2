//! The addresses of an account: several may be, each confirmed; one of them gets the mails.

use std::time::Duration;

use super::email::EmailAddress;
use super::{address_place, seal, store};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::secret::hex;
use crate::kernel::texts::Language;
use crate::kernel::time::{Timestamp, minutes};
use crate::store::db::Tx;
use crate::store::work::Work;

/// Nobody needs more; a list that grows without end helps only an attacker.
pub const ADDRESSES_MAX: i64 = 5;
/// How long an address may wait for its codes.
const CHANGE_LIFETIME: Duration = minutes(30);

/// One address as its owner sees it.
pub struct Address {
    /// Names it on pages; says nothing about it.
    pub reference: String,
    pub address: EmailAddress,
    pub confirmed_at: Timestamp,
    pub is_primary: bool,
    index: Vec<u8>,
}

/// The addresses of an account, the one that gets the mails first.
pub async fn list(tx: &mut Tx, vault: &Vault, id: &AccountId) -> Result<Vec<Address>, Error> {
    let key = super::key(tx, vault, id).await?;
    let rows = store::addresses(tx, id).await?;
    rows.into_iter().map(|row| open(&key, row)).collect()
}

pub(super) fn read(key: &DataKey, index: &[u8], sealed: &[u8]) -> Result<EmailAddress, Error> {
    let text = key.open_text(address_place(&hex(index)), sealed).map_err(Error::broken)?;
    EmailAddress::parse(&text).ok_or_else(|| Error::broken("a stored address does not parse"))
}

fn open(key: &DataKey, row: store::AddressRow) -> Result<Address, Error> {
    let address = read(key, &row.blind_index, &row.value)?;
    let (confirmed_at, is_primary) = (row.confirmed_at, row.is_primary);
    let reference = hex(row.blind_index.get(..8).unwrap_or_default());
    Ok(Address { reference, address, confirmed_at, is_primary, index: row.blind_index })
}

/// Somebody who gets mails.
pub struct Correspondent {
    pub account: AccountId,
    pub language: Language,
    pub address: EmailAddress,
}

/// To whom mails to an account go; nothing else of it is opened. `NotFound` if there is none, or its key has been destroyed.
pub async fn correspondent(tx: &mut Tx, vault: &Vault, id: &AccountId) -> Result<Correspondent, Error> {
    let row = store::correspondent(tx, id).await?.ok_or(Error::NotFound)?;
    let key = super::unwrap(vault, row.key_wrapped, id).await?;
    let address = read(&key, &row.blind_index, &row.address)?;
    Ok(Correspondent { account: id.clone(), language: row.language, address })
}

/// Adds a confirmed address; `false` if an account has it already.
pub async fn add(work: &mut Work, vault: &Vault, id: &AccountId, address: &EmailAddress) -> Result<bool, Error> {
    let key = super::key(&mut work.tx, vault, id).await?;
    let index = super::index(vault, address);
    let sealed = seal(&key, address_place(&hex(&index)), address.as_str(), work)?;
    Ok(store::insert_address(work, id, &index, &sealed, false).await?)
}

/// Removes an address that does not get the mails; `Conflict` if it does by now.
pub async fn remove(work: &mut Work, id: &AccountId, address: &Address) -> Result<(), Error> {
    if store::delete_address(work, id, &address.index).await? { Ok(()) } else { Err(Error::Conflict("address")) }
}

/// Lets an address get the mails from now on; `Conflict` if it is gone by now.
pub async fn make_primary(work: &mut Work, id: &AccountId, address: &Address) -> Result<(), Error> {
    if store::make_primary(work, id, &address.index).await? { Ok(()) } else { Err(Error::Conflict("address")) }
}

/// An address that waits to be added.
pub struct Change {
    pub address: EmailAddress,
    pub new_confirmed: bool,
    pub old_confirmed: bool,
    /// Another one for every change: what is confirmed is what was read.
    sealed: Vec<u8>,
}

fn change_place(id: &AccountId) -> Place<'_> {
    Place { table: "address_change", column: "address", row: id.as_str(), version: 1 }
}

/// Lets an address wait for its codes; one that waits already is forgotten.
pub async fn begin_change(work: &mut Work, vault: &Vault, id: &AccountId, address: &EmailAddress) -> Result<(), Error> {
    let key = super::key(&mut work.tx, vault, id).await?;
    let sealed = seal(&key, change_place(id), address.as_str(), work)?;
    Ok(store::put_address_change(work, id, &sealed, work.now.plus(CHANGE_LIFETIME)).await?)
}

/// The address that waits, if one does.
pub async fn change(tx: &mut Tx, vault: &Vault, id: &AccountId, now: Timestamp) -> Result<Option<Change>, Error> {
    let Some(row) = store::find_address_change(tx, id, now).await? else { return Ok(None) };
    let key = super::key(tx, vault, id).await?;
    let text = key.open_text(change_place(id), &row.address).map_err(Error::broken)?;
    let address = EmailAddress::parse(&text).ok_or_else(|| Error::broken("a stored address does not parse"))?;
    let (new_confirmed, old_confirmed) = (row.new_confirmed, row.old_confirmed);
    Ok(Some(Change { address, new_confirmed, old_confirmed, sealed: row.address }))
}

/// Remembers which of the two codes were right; `Conflict` if another change has begun.
pub async fn confirm_change(
    work: &mut Work,
    id: &AccountId,
    change: &Change,
    (new, old): (bool, bool),
) -> Result<(), Error> {
    if store::confirm_address_change(work, id, &change.sealed, (new, old)).await? {
        Ok(())
    } else {
        Err(Error::Conflict("address_change"))
    }
}

/// Takes the change whose codes were both right; once.
pub async fn take_change(work: &mut Work, id: &AccountId, change: &Change) -> Result<bool, Error> {
    Ok(store::delete_confirmed_address_change(work, id, &change.sealed).await?)
}
