//! The first key of an account that nobody is signed in to: one that is about to be opened, or one that has no means left. It is
//! made, waits sealed, and is used once before it is stored, so that it is a means of the account from its first moment.

use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::{Credential, DiscoverableAuthentication, Passkey as Key, PublicKeyCredential};

use super::super::SigninEvent;
use super::super::attempts::{self, Counter, Network};
use super::super::ceremony::{self, Owner};
use super::super::store;
use super::register::{self, Begun, NotMade};
use super::sign_in::{check, methods, owner};
use super::{Model, kind_of, level};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::seal::DataKey;
use crate::kernel::secret::equal;
use crate::store::work::{Actor, Work};

/// Whose key it will be, and in which browser.
pub struct Holder<'a> {
    pub account: &'a AccountId,
    pub address: &'a str,
    pub name: String,
    pub browser: &'a [u8],
}

impl Holder<'_> {
    fn owner(&self) -> Owner<'_> {
        Owner { purpose: "first_key", browser: self.browser, within: self.account.as_str() }
    }
}

/// A key that has been made and not been used.
#[derive(Clone, Serialize, Deserialize)]
pub struct Made {
    key: Key,
    model: Model,
    name: String,
}

/// Step 1: what the browser is asked.
pub fn begin(app: &AppParts, holder: &Holder<'_>) -> Result<Begun, Error> {
    register::ask(app, holder.owner(), (holder.account, holder.address, holder.name.clone()), Vec::new())
}

/// Step 2: what it has made. `name` is what its owner will call it.
pub async fn make(
    app: &AppParts,
    holder: &Holder<'_>,
    answer: (&str, &str),
    name: String,
) -> Result<Result<Made, NotMade>, Error> {
    let work = app.begin(Actor::Visitor).await?;
    let received = register::receive(app, work, holder.owner(), answer).await?;
    Ok(received.map(|(key, model)| Made { key, model, name }))
}

/// What a browser has signed, and from where it comes.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    pub browser: &'a [u8],
    pub network: &'a Network,
    pub ceremony: &'a str,
    pub answer: &'a str,
}

/// A key that has been used once.
pub struct Used {
    made: Made,
    counter: u32,
    is_synchronised: bool,
    counters: [Counter; 3],
}

/// Step 3: its first use, counted and checked as every sign-in. `None` if it is none.
pub async fn use_once(
    app: &AppParts,
    account: &AccountId,
    made: Made,
    signed: Signed<'_>,
) -> Result<Option<Used>, Error> {
    let (counters, state) = take(app, signed).await?;
    let answer = serde_json::from_str::<PublicKeyCredential>(signed.answer);
    let (Some(state), Ok(answer)) = (state, answer) else { return Ok(None) };
    if !equal(&answer.raw_id, made.key.cred_id()) {
        return Ok(None);
    }
    let credential = Credential::from(made.key.clone());
    let checked = check(app, account, (&answer, state), &credential)?;
    Ok(checked.ok().map(|result| {
        let (counter, is_synchronised) = (result.counter(), result.backup_state());
        Used { made, counter, is_synchronised, counters }
    }))
}

/// Counts a try and takes its challenge; `None` if that is not good here and now.
async fn take(app: &AppParts, signed: Signed<'_>) -> Result<([Counter; 3], Option<DiscoverableAuthentication>), Error> {
    let counters = attempts::of_assertion(app, signed.browser, signed.network);
    let mut work = app.begin(Actor::Visitor).await?;
    let counted = attempts::count(&mut work, counters).await;
    let taken = match &counted {
        Ok(()) => ceremony::take(app, &mut work, owner(signed.browser), signed.ceremony).await?,
        Err(_) => None,
    };
    work.commit().await?;
    counted?;
    Ok((counters, taken))
}

impl Used {
    pub fn kind(&self) -> MeansKind {
        kind_of(&self.made.key, self.made.model)
    }

    /// Stores it as a means of the account, registered at this level at most; what its use was worth, and by which methods. `None` if
    /// somebody has this key already: then it is not one that was made here and now, and nothing may be committed.
    pub async fn store(
        &self,
        app: &AppParts,
        work: &mut Work,
        (account, data_key): (&AccountId, &DataKey),
        most: Level,
    ) -> Result<Option<(Level, &'static str)>, Error> {
        let (id, kind, policy) = (MeansId::new(work.now, &work.random), self.kind(), Policy::of(&app.config));
        let registered = policy.technical(kind, work.now).min(most);
        let made = (&self.made.key, self.made.model, self.made.name.as_str());
        let new = store::NewPasskey {
            counter: i64::from(self.counter),
            is_synchronised: self.is_synchronised,
            is_used: true,
            ..register::row(app, (data_key, &id), made, registered)?
        };
        if !store::insert_passkey(work, &id, (account, ""), &new).await? {
            return Ok(None);
        }
        attempts::forgive(work, self.counters).await?;
        audit::record(work, &SigninEvent::PasskeyAdded { account: account.clone(), passkey: id, kind }).await?;
        Ok(Some((level(policy, (kind, registered), work.now), methods(kind))))
    }
}
