//! What somebody who is about to register an organisation has said so far: one draft each, sealed under their account's key,
//! for a day. A step can be taken again, never skipped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Record;
use super::record::{Address, Entry, LegalForm};
use super::store::draft as store;
use super::typed::Places;
use crate::account;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::seal::{Place, Vault};
use crate::kernel::time::{Timestamp, days};
use crate::store::db::Tx;
use crate::store::work::Work;

const LIFETIME: Duration = days(1);

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    #[default]
    Begun,
    Named,
    Entered,
    Placed,
    Complete,
}

/// The answers so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Draft {
    pub stage: Stage,
    pub name: String,
    pub form: Option<LegalForm>,
    pub register: Option<Entry>,
    pub seat: String,
    pub business_address: Option<Address>,
    pub administrative_address: Option<Address>,
    pub economic_id: Option<String>,
}

impl Draft {
    /// Of another form, the entry is asked for again if it cannot be one of that form.
    pub fn rename(&mut self, name: String, form: LegalForm) {
        let fits = match &self.register {
            Some(entry) => form.registers().contains(&entry.kind),
            None => !form.is_always_registered(),
        };
        self.stage = if fits { self.stage.max(Stage::Named) } else { Stage::Named };
        (self.name, self.form) = (name, Some(form));
        if !fits {
            self.register = None;
        }
        if self.asks_no_register() {
            self.enter(None);
        }
    }

    /// Whether organisations of this form stand in no register.
    pub fn asks_no_register(&self) -> bool {
        self.form.is_some_and(|form| form.registers().is_empty())
    }

    pub fn enter(&mut self, entry: Option<Entry>) {
        self.register = entry;
        self.stage = self.stage.max(Stage::Entered);
    }

    pub fn place(&mut self, places: Places) {
        (self.seat, self.business_address, self.administrative_address) =
            (places.seat, Some(places.business), places.administrative);
        self.stage = self.stage.max(Stage::Placed);
    }

    pub fn number(&mut self, economic_id: Option<String>) {
        self.economic_id = economic_id;
        self.stage = Stage::Complete;
    }

    /// The whole, once everything has been said.
    pub fn record(&self) -> Option<Record> {
        let (form, business_address) = (self.form?, self.business_address.clone()?);
        (self.stage == Stage::Complete).then(|| Record {
            name: self.name.clone(),
            form,
            register: self.register.clone(),
            seat: self.seat.clone(),
            business_address,
            administrative_address: self.administrative_address.clone(),
            economic_id: self.economic_id.clone(),
        })
    }
}

fn place(account: &AccountId, version: i64) -> Place<'_> {
    Place { table: "organisation_draft", column: "draft", row: account.as_str(), version }
}

/// The draft of an account, if one is under way, and its version.
async fn find(tx: &mut Tx, vault: &Vault, account: &AccountId, now: Timestamp) -> Result<Option<(Draft, i64)>, Error> {
    let Some(row) = store::find(tx, account, now).await? else { return Ok(None) };
    let key = account::key(tx, vault, account).await?;
    let plain = key.open(place(account, row.version), &row.draft).map_err(Error::broken)?;
    Ok(Some((serde_json::from_slice(plain.expose()).map_err(Error::broken)?, row.version)))
}

/// The same; an empty one if none is under way.
pub async fn load(tx: &mut Tx, vault: &Vault, account: &AccountId, now: Timestamp) -> Result<Draft, Error> {
    Ok(find(tx, vault, account, now).await?.map(|(draft, _)| draft).unwrap_or_default())
}

/// Takes a step. `work` holds the account. `Conflict` if it is not the turn of this step.
pub async fn step(
    work: &mut Work,
    vault: &Vault,
    account: &AccountId,
    needed: Stage,
    take: impl FnOnce(&mut Draft),
) -> Result<(), Error> {
    let now = work.now;
    let (mut draft, version) = find(&mut work.tx, vault, account, now).await?.unwrap_or_default();
    if draft.stage < needed {
        return Err(Error::Conflict("organisation_step"));
    }
    take(&mut draft);
    let key = account::key(&mut work.tx, vault, account).await?;
    let plain = serde_json::to_vec(&draft).map_err(Error::broken)?;
    let sealed = key.seal(place(account, version + 1), &plain, &work.random).map_err(Error::broken)?;
    Ok(store::put(work, account, (version + 1, &sealed), now.plus(LIFETIME)).await?)
}

/// The gate of registering: of two who register the same draft at once one does. `None` if it is not complete or gone.
pub async fn take(work: &mut Work, vault: &Vault, account: &AccountId) -> Result<Option<Record>, Error> {
    let now = work.now;
    let Some((draft, version)) = find(&mut work.tx, vault, account, now).await? else { return Ok(None) };
    let Some(record) = draft.record() else { return Ok(None) };
    Ok(store::delete(work, account, version).await?.then_some(record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::record::RegisterKind;

    #[test]
    fn another_form_asks_for_the_entry_again() {
        let entry = || Entry { kind: RegisterKind::Hrb, court: "Mainz".to_owned(), number: "1".to_owned() };
        let mut draft = Draft::default();
        draft.rename("Weber".to_owned(), LegalForm::Gmbh);
        draft.enter(Some(entry()));
        draft.stage = Stage::Complete;
        draft.rename("Weber".to_owned(), LegalForm::Ug);
        assert_eq!((draft.stage, draft.register.is_some()), (Stage::Complete, true), "the same register");
        draft.rename("Weber".to_owned(), LegalForm::Kg);
        assert_eq!((draft.stage, draft.register.is_some()), (Stage::Named, false));
        draft.rename("Weber".to_owned(), LegalForm::Association);
        assert_eq!((draft.stage, draft.register.is_some()), (Stage::Entered, false), "nothing to ask");
        draft.rename("Weber".to_owned(), LegalForm::Gmbh);
        assert_eq!(draft.stage, Stage::Named, "it has to have one");
        assert_eq!(draft.record(), None);
    }
}
