//! Signing in with address and password. The same work and the same answer whether or not the account exists.

use super::attempts::{self, Counter, Network, Purpose};
use super::device::Device;
use super::session::{self, Proof, Session};
use super::{SigninEvent, change, policy, store};
use crate::account::lifecycle::{self, USE_FRESH};
use crate::account::{self, Status, email::EmailAddress};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId};
use crate::kernel::level::Level;
use crate::kernel::password::Verdict;
use crate::kernel::secret::Secret;
use crate::store::work::Actor;

/// What a password proves (RFC 8176).
pub const METHOD: &str = "pwd";

pub struct Attempt<'a> {
    pub email: &'a str,
    pub password: &'a str,
    pub network: &'a Network,
    pub device: &'a Device,
    pub previous: Option<&'a Session>,
    /// The service that the person is on the way to.
    pub client: Option<ClientId>,
    pub request: Option<String>,
}

pub enum Outcome {
    /// The new session's token.
    Begun(Secret<String>, AccountId),
    Wrong,
    /// The password is right, and the operator has locked the account.
    Locked(AccountId),
}

/// Tries to sign in. One hash between two commits: the try is counted, then the session begins.
pub async fn sign_in(app: &AppParts, attempt: Attempt<'_>) -> Result<Outcome, Error> {
    let email = EmailAddress::parse(attempt.email).ok_or_else(|| Error::field("email", "email_format"))?;
    let password = policy::normalise(attempt.password).ok_or_else(|| Error::field("password", "password_too_long"))?;
    let _admission = app.hasher.admit()?;
    let index = account::index(&app.vault, &email);
    let stored = store::find_password(&mut app.read().await?, &index, &attempt.device.hash()).await?;
    let counters = count(app, stored.as_ref(), &email, (attempt.network, attempt.device)).await?;

    let hash = stored.as_ref().map(|row| row.hash.clone());
    let verdict = app.hasher.verify(password.clone(), hash).await?;
    match (stored, verdict) {
        (Some(row), Verdict::Right | Verdict::RightButOutdated) if row.status == Status::Locked => {
            Ok(Outcome::Locked(row.account_id))
        }
        (Some(row), Verdict::Right) => {
            let unchanged = row.hash.clone();
            begin(app, &attempt, row, &unchanged, counters).await
        }
        (Some(row), Verdict::RightButOutdated) => {
            let rehashed = app.hasher.hash(password).await?;
            begin(app, &attempt, row, &rehashed, counters).await
        }
        (stored, _) => {
            refuse(app, attempt.request, stored.map(|row| row.account_id), attempt.device).await?;
            Ok(Outcome::Wrong)
        }
    }
}

/// Counts a try for the account, however its address was spelled, and for the place or the known device.
async fn count(
    app: &AppParts,
    stored: Option<&store::PasswordRow>,
    email: &EmailAddress,
    (network, device): (&Network, &Device),
) -> Result<[Counter; 3], Error> {
    let who = stored.map_or(email.compared(), |row| row.account_id.as_str());
    let device = stored.and_then(|row| row.device_seen_at).map(|_| device);
    let counters = attempts::of_try(app, Purpose::SigninAccount, who, network, device);
    let mut work = app.single(Actor::Visitor).await?;
    attempts::count(&mut work, counters).await?;
    work.commit().await?;
    Ok(counters)
}

async fn refuse(
    app: &AppParts,
    request: Option<String>,
    account: Option<AccountId>,
    device: &Device,
) -> Result<(), Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    work.request = request;
    audit::record(&mut work, &SigninEvent::SigninRefused { account, device: device.name.clone() }).await?;
    work.commit().await
}

async fn begin(
    app: &AppParts,
    attempt: &Attempt<'_>,
    row: store::PasswordRow,
    hash: &str,
    counters: [Counter; 3],
) -> Result<Outcome, Error> {
    let account = row.account_id;
    let owner = match row.device_seen_at {
        Some(_) => None,
        None => Some(account::load(&mut app.read().await?, &app.vault, &account).await?),
    };
    let mut work = app.begin(Actor::Account(account.clone())).await?;
    work.request.clone_from(&attempt.request);
    // A reset that was faster ends here: its new password is not the one that was verified.
    if !store::keep_password(&mut work, &account, &row.hash, hash).await? {
        return Ok(Outcome::Wrong);
    }
    attempts::forgive(&mut work, counters).await?;
    if row.device_seen_at.is_none_or(|seen_at| seen_at.plus(USE_FRESH) <= work.now) {
        store::put_device(&mut work, &account, &attempt.device.hash(), &attempt.device.name).await?;
        lifecycle::note_use(&mut work, &account).await?;
    }
    if let Some(owner) = owner {
        change::tell_of_new_device(app, &mut work, &owner, attempt.device).await?;
    }
    let (device, client) = (attempt.device.name.clone(), attempt.client.clone());
    let proof = Proof { account: account.clone(), level: Level::Basic, methods: METHOD, device, client };
    let token = session::begin(&mut work, proof, attempt.previous).await?;
    work.commit().await?;
    Ok(Outcome::Begun(token, account))
}

/// The password of somebody who is signed in, asked for again before something that cannot be undone.
pub struct Confirmation<'a> {
    pub account: &'a account::Account,
    pub password: &'a str,
    pub network: &'a Network,
    pub device: &'a Device,
    pub request: Option<String>,
}

/// Whether the password is right. Counts as trying to sign in does; wrong ones are in the person's history.
pub async fn confirm(app: &AppParts, given: Confirmation<'_>) -> Result<bool, Error> {
    let password = policy::normalise(given.password).ok_or_else(|| Error::field("password", "password_too_long"))?;
    let _admission = app.hasher.admit()?;
    let account = &given.account.id;
    let stored = store::find_password_of(&mut app.read().await?, account, &given.device.hash()).await?;
    let stored = stored.ok_or(Error::NotFound)?;
    let counters = count(app, Some(&stored), &given.account.email.address, (given.network, given.device)).await?;
    if app.hasher.verify(password, Some(stored.hash)).await? == Verdict::Wrong {
        refuse(app, given.request, Some(account.clone()), given.device).await?;
        return Ok(false);
    }
    let mut work = app.single(Actor::Account(account.clone())).await?;
    attempts::forgive(&mut work, counters).await?;
    work.commit().await?;
    Ok(true)
}
