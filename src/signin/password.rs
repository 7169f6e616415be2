//! Signing in with address and password. The same work and the same answer whether or not the account exists. Where a second
//! factor is wanted, the right password begins no session.

use super::arrival::Comer;
use super::attempts::{self, Counter, Network, Purpose};
use super::device::Device;
use super::{SigninEvent, partial, policy, store};
use crate::account::{self, Status, email::EmailAddress};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::audit;
use crate::config::Config;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::password::Verdict;
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;
use crate::store::work::Actor;

/// What a password proves (RFC 8176).
pub const METHOD: &str = "pwd";

/// How much a password proves at that time.
pub fn strength(config: &Config, now: Timestamp) -> Level {
    Policy::of(config).technical(MeansKind::Password, now)
}

pub struct Attempt<'a> {
    /// The hash of the browser, in which a missing code is waited for.
    pub browser: &'a [u8],
    pub email: &'a str,
    pub password: &'a str,
    pub network: &'a Network,
    pub comer: Comer<'a>,
}

pub enum Outcome {
    /// The new session's token.
    Begun(Secret<String>),
    /// The password is right, and the account wants a second factor.
    Partial,
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
    let stored = store::find_password(&mut app.read().await?, &index, &attempt.comer.device.hash()).await?;
    let counters = count(app, stored.as_ref(), &email, (attempt.network, attempt.comer.device)).await?;

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
            let Comer { device, request, .. } = attempt.comer;
            refuse(app, request, stored.map(|row| row.account_id), device).await?;
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
    attempts::count_at_once(app, counters).await?;
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
    let arrival = attempt.comer.arrival(&account, row.device_seen_at);
    let told = if row.wants_code { None } else { arrival.told(app).await? };
    let mut work = attempt.comer.begin(app, &account).await?;
    // A reset that was faster ends here: its new password is not the one that was verified.
    if !store::keep_password(&mut work, &account, &row.hash, hash).await? {
        return Ok(Outcome::Wrong);
    }
    if row.wants_code {
        partial::begin(&mut work, attempt.browser, &account).await?;
        attempts::forgive(&mut work, counters).await?;
        work.commit().await?;
        return Ok(Outcome::Partial);
    }
    attempts::forgive(&mut work, counters).await?;
    let strength = strength(&app.config, work.now);
    let token = arrival.complete(app, &mut work, told, (strength, METHOD)).await?;
    work.commit().await?;
    Ok(Outcome::Begun(token))
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
