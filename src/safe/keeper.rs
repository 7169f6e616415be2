//! Who is in front of a safe: its owner, whoever may keep the documents of the organisation, or whoever has a mandate for all services. Asked
//! at each look, for what somebody has chosen to act for.

use super::{Document, find};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, DocumentId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Vault};
use crate::organisation::acting::{self, Acting, Party, Power, Present, Role};
use crate::organisation::mandate::party;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// Somebody in front of one safe.
#[derive(Clone, Debug)]
pub struct Keeper {
    pub owner: Party,
    pub account: AccountId,
    /// How strongly they have signed in, and how well it is known who they are.
    pub level: Level,
    power: Option<Power>,
}

impl Keeper {
    /// In front of the safe of whom they act for; their own if for nobody. `NotFound` if what they have chosen does not count any more,
    /// `NotAllowed` if it does not reach the safe, `LevelTooLow` if they have not signed in well enough to use it.
    pub fn of(present: &Present, level: Level) -> Result<Self, Error> {
        let account = present.session.account_id.clone();
        if present.has_lost() {
            return Err(Error::NotFound);
        }
        let Some(Acting { power, .. }) = &present.acting else {
            return Ok(Self::own(&account, level));
        };
        if !power.reads_documents() {
            return Err(Error::NotAllowed("documents"));
        }
        if level < power.needs() {
            return Err(Error::LevelTooLow(power.needs()));
        }
        let (owner, level) = (power.party.clone(), level.min(power.ceiling()));
        Ok(Self { owner, account, level, power: Some(power.clone()) })
    }

    /// In front of their own.
    pub fn own(account: &AccountId, level: Level) -> Self {
        Self { owner: Party::Person(account.clone()), account: account.clone(), level, power: None }
    }

    pub(super) const fn power(&self) -> Option<&Power> {
        self.power.as_ref()
    }

    /// Whether they may put documents there, and change what they are called.
    pub fn keeps(&self) -> bool {
        self.power.as_ref().is_none_or(Power::keeps_documents)
    }

    /// Whether they may delete: that cannot be undone, so nobody does it under a mandate.
    pub fn deletes(&self) -> bool {
        self.keeps() && self.power.as_ref().is_none_or(|power| power.role() != Role::Mandate)
    }

    /// Whether they have signed in well enough to read more of it than that it is there.
    pub fn opens(&self, document: &Document) -> bool {
        self.level >= document.level
    }

    /// Whether they could, if they signed in more strongly.
    pub fn could_open(&self, document: &Document) -> bool {
        self.power.as_ref().is_none_or(|power| power.is_known(document.level))
    }

    /// `LevelTooLow` if they have not signed in well enough.
    pub(super) fn require_opening(&self, document: &Document) -> Result<(), Error> {
        if self.opens(document) { Ok(()) } else { Err(Error::LevelTooLow(document.level)) }
    }

    /// `NotAllowed` if they may only read.
    pub fn require_keeping(&self) -> Result<(), Error> {
        if self.keeps() { Ok(()) } else { Err(Error::NotAllowed("documents")) }
    }

    /// `NotAllowed` if they may not delete.
    pub fn require_deleting(&self) -> Result<(), Error> {
        if self.deletes() { Ok(()) } else { Err(Error::NotAllowed("documents")) }
    }

    /// The key of the safe.
    pub async fn key(&self, tx: &mut Tx, vault: &Vault) -> Result<DataKey, Error> {
        party::key(tx, vault, &self.owner).await
    }

    /// Work of theirs. `NotFound` if the mandate has ended meanwhile; from here on nobody ends it before this work is done.
    pub(super) async fn begin(&self, app: &AppParts, request: &str) -> Result<Work, Error> {
        let mut work = app.begin(Actor::Account(self.account.clone())).await?;
        work.request = Some(request.to_owned());
        match &self.power {
            Some(power) if !acting::hold(&mut work, power).await? => Err(Error::NotFound),
            _ => Ok(work),
        }
    }
}

/// How well somebody has to be signed in for a document of the safe that they are in front of; for the safe itself without one, or where signing
/// in more strongly would not open it.
pub async fn needed(app: &AppParts, present: &Present, id: Option<&DocumentId>) -> Result<Level, Error> {
    let needs = present.acting.as_ref().map_or(Level::Basic, |acting| acting.power.needs());
    let (Some(id), Ok(keeper)) = (id, Keeper::of(present, Level::High)) else { return Ok(needs) };
    let tx = &mut app.read().await?;
    let key = keeper.key(tx, &app.vault).await?;
    match find(tx, (&keeper.owner, &key), id).await {
        Ok(document) if keeper.could_open(&document) => Ok(needs.max(document.level)),
        Ok(_) | Err(Error::NotFound) => Ok(needs),
        Err(error) => Err(error),
    }
}
