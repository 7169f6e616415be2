//! How every sign-in ends: the device is known from now on, the owner learns of a new one, and the session begins.

use super::device::Device;
use super::recovery::cancel::{self, Why};
use super::session::{self, Proof, Session};
use super::{change, store};
use crate::account::lifecycle::{self, USE_FRESH};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId};
use crate::kernel::level::Level;
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;
use crate::store::work::Work;

/// Somebody in front of a browser who is about to prove who they are.
pub struct Comer<'a> {
    pub device: &'a Device,
    /// The session that this browser has already.
    pub previous: Option<&'a Session>,
    /// The service that they are on the way to.
    pub client: Option<ClientId>,
    pub request: Option<String>,
}

impl Comer<'_> {
    /// Work of the account that they say is theirs.
    pub async fn begin(&self, app: &AppParts, account: &AccountId) -> Result<Work, Error> {
        account::begin(app, account, self.request.as_deref()).await
    }

    /// The last step, if they have proven it. `seen_at` is when the device was last seen at the account.
    pub fn arrival<'b>(&'b self, account: &'b AccountId, seen_at: Option<Timestamp>) -> Arrival<'b> {
        Arrival { account, device: self.device, seen_at, previous: self.previous, client: self.client.clone() }
    }
}

/// Somebody who has proven all that was asked.
pub struct Arrival<'a> {
    pub account: &'a AccountId,
    pub device: &'a Device,
    /// When the device was last seen at the account; `None` if it is not known there.
    pub seen_at: Option<Timestamp>,
    pub previous: Option<&'a Session>,
    /// The service that they are on the way to.
    pub client: Option<ClientId>,
}

impl Arrival<'_> {
    /// Who is told of a new device. Read before the work begins.
    pub async fn told(&self, app: &AppParts) -> Result<Option<Account>, Error> {
        match self.seen_at {
            Some(_) => Ok(None),
            None => account::load(&mut app.read().await?, &app.vault, self.account).await.map(Some),
        }
    }

    /// Begins the session. Only here a device becomes known: whoever lacks a factor gets no lane of their own.
    pub async fn complete(
        self,
        app: &AppParts,
        work: &mut Work,
        told: Option<Account>,
        (strength, methods): (Level, &'static str),
    ) -> Result<Secret<String>, Error> {
        let (account, device) = (self.account, self.device);
        // Whoever gets in needs no other way. The one that has just led here is gone already.
        cancel::cancel(app, work, account, Why::SignedIn).await?;
        if self.seen_at.is_none_or(|seen_at| seen_at.plus(USE_FRESH) <= work.now) {
            store::put_device(work, account, &device.hash(), &device.name).await?;
            lifecycle::note_use(work, account).await?;
        }
        if let Some(owner) = told {
            change::tell_of_new_device(app, work, &owner, device).await?;
        }
        let (account, device) = (account.clone(), device.name.clone());
        let proof = Proof { account, strength, methods, device, client: self.client };
        session::begin(work, proof, self.previous).await
    }
}
