//! A sign-in whose password was right and whose second factor is missing. Until that comes there is no session: nothing else of
//! this program knows that a password was right.
//!
//! Five tries in fifteen minutes for an account, whichever browser, node or page they come from, counted before anything is
//! compared. A known device has five of its own, so that whoever has stolen the password does not shut its owner out.

use std::time::Duration;

use super::arrival::{Arrival, Comer};
use super::attempts::{self, Counter, Network, Purpose};
use super::change::tell;
use super::device::Device;
use super::{SigninEvent, generator, password, recovery_codes, store};
use crate::account::{self, Status};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::secret::Secret;
use crate::kernel::texts::moment;
use crate::kernel::time::{Timestamp, minutes};
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// How long the password counts without its code.
const LIFETIME: Duration = minutes(10);
/// What a password and a code prove (RFC 8176).
const METHODS: &str = "pwd otp mfa";

/// Who has given the right password in this browser.
pub struct Partial {
    pub account: AccountId,
    pub(super) status: Status,
    pub(super) device_seen_at: Option<Timestamp>,
}

/// The password was right, and the account has code generators. What waited in this browser before is forgotten.
pub async fn begin(work: &mut Work, browser: &[u8], account: &AccountId) -> Result<(), Error> {
    let expires_at = work.now.plus(LIFETIME);
    Ok(store::put_partial(work, browser, account, expires_at).await?)
}

/// The sign-in that waits in this browser.
pub async fn find(tx: &mut Tx, browser: &[u8], device: &Device, now: Timestamp) -> Result<Option<Partial>, Error> {
    let row = store::find_partial(tx, browser, &device.hash(), now).await?;
    Ok(row.map(|row| Partial { account: row.account_id, status: row.status, device_seen_at: row.device_seen_at }))
}

/// What somebody typed to complete it, and from where.
pub struct Try<'a> {
    pub browser: &'a [u8],
    pub typed: &'a str,
    pub network: &'a Network,
    pub comer: Comer<'a>,
}

pub enum Outcome {
    /// The new session's token.
    Begun(Secret<String>),
    /// Which sentence of the texts says why.
    Wrong(&'static str),
    /// The operator has locked the account since.
    Locked(AccountId),
    /// Nothing waits in this browser any more.
    Gone,
}

impl Try<'_> {
    pub(super) async fn waiting(&self, app: &AppParts) -> Result<Option<Partial>, Error> {
        find(&mut app.read().await?, self.browser, self.comer.device, app.now()).await
    }

    pub(super) async fn count(&self, app: &AppParts, partial: &Partial) -> Result<[Counter; 3], Error> {
        let device = partial.device_seen_at.map(|_| self.comer.device);
        generator::count(app, &partial.account, (self.network, device)).await
    }

    fn arrival<'a>(&'a self, partial: &'a Partial) -> Arrival<'a> {
        self.comer.arrival(&partial.account, partial.device_seen_at)
    }

    /// Writes down that a code was wrong. Whoever has used up the tries knows the password: once a day the owner is told.
    pub(super) async fn refuse(&self, app: &AppParts, partial: &Partial, counters: [Counter; 3]) -> Result<(), Error> {
        let mut work = app.begin(Actor::Visitor).await?;
        work.request.clone_from(&self.comer.request);
        let (account, device) = (partial.account.clone(), self.comer.device.name.clone());
        audit::record(&mut work, &SigninEvent::CodeRefused { account, device }).await?;
        let [of_account, ..] = counters;
        if attempts::is_used_up(&mut work, of_account).await?
            && attempts::is_first(app, &mut work, Purpose::GuessingTold, partial.account.as_str()).await?
        {
            tell_of_guessing(app, &mut work, &partial.account).await?;
        }
        work.commit().await
    }

    async fn wrong(
        &self,
        app: &AppParts,
        partial: &Partial,
        (counters, problem): ([Counter; 3], &'static str),
    ) -> Result<Outcome, Error> {
        self.refuse(app, partial, counters).await?;
        Ok(Outcome::Wrong(problem))
    }
}

/// Completes the sign-in with a code of one of the account's generators.
pub async fn with_code(app: &AppParts, one: Try<'_>) -> Result<Outcome, Error> {
    let Some(partial) = one.waiting(app).await? else { return Ok(Outcome::Gone) };
    if partial.status == Status::Locked {
        return Ok(Outcome::Locked(partial.account));
    }
    let counters = one.count(app, &partial).await?;
    let account = &partial.account;
    let known = generator::list(&mut app.read().await?, app, account).await?;
    let now = app.now();
    let usable = known.iter().filter(|known| known.blocked_at.is_none());
    let found = usable.into_iter().find_map(|known| Some((known, known.step(one.typed, now)?)));
    let Some((generator, step)) = found else { return one.wrong(app, &partial, (counters, "app_code_wrong")).await };
    let arrival = one.arrival(&partial);
    let told = arrival.told(app).await?;
    let mut work = one.comer.begin(app, account).await?;
    if !store::take_partial(&mut work, one.browser, account).await? {
        return Ok(Outcome::Gone);
    }
    if !store::accept_step(&mut work, account, &generator.id, step).await? {
        // Somebody was faster with the same code, or it has just been removed.
        drop(work);
        return one.wrong(app, &partial, (counters, "app_code_wrong")).await;
    }
    attempts::forgive(&mut work, counters).await?;
    // The password was right as well, which counts for itself.
    let strength = Policy::of(&app.config).level(&generator.means(), work.now);
    let strength = strength.max(password::strength(&app.config, work.now));
    let token = arrival.complete(app, &mut work, told, (strength, METHODS)).await?;
    work.commit().await?;
    Ok(Outcome::Begun(token))
}

/// Completes it with a recovery code, which is used up. Never above level low, whatever was lost (OWASP ASVS V6.5).
pub async fn with_recovery_code(app: &AppParts, one: Try<'_>) -> Result<Outcome, Error> {
    let Some(partial) = one.waiting(app).await? else { return Ok(Outcome::Gone) };
    if partial.status == Status::Locked {
        return Ok(Outcome::Locked(partial.account));
    }
    let counters = one.count(app, &partial).await?;
    let account = &partial.account;
    let Some(hash) = recovery_codes::stored_form(&app.vault, one.typed) else {
        return one.wrong(app, &partial, (counters, "recovery_code_wrong")).await;
    };
    let arrival = one.arrival(&partial);
    let owner = account::load(&mut app.read().await?, &app.vault, account).await?;
    let mut work = one.comer.begin(app, account).await?;
    if !store::take_partial(&mut work, one.browser, account).await? {
        return Ok(Outcome::Gone);
    }
    if !store::use_recovery_code(&mut work, account, &hash).await? {
        let is_used = store::is_used_recovery_code(&mut work.tx, account, &hash).await?;
        drop(work);
        let problem = if is_used { "recovery_code_used" } else { "recovery_code_wrong" };
        return one.wrong(app, &partial, (counters, problem)).await;
    }
    attempts::forgive(&mut work, counters).await?;
    tell_of_recovery(app, &mut work, (&owner, one.comer.device)).await?;
    let strength = password::strength(&app.config, work.now).min(Level::Low);
    let told = partial.device_seen_at.is_none().then_some(owner);
    let token = arrival.complete(app, &mut work, told, (strength, password::METHOD)).await?;
    work.commit().await?;
    Ok(Outcome::Begun(token))
}

async fn tell_of_guessing(app: &AppParts, work: &mut Work, account: &AccountId) -> Result<(), Error> {
    let owner = account::load(&mut work.tx, &app.vault, account).await?;
    let at = moment::date_and_clock(owner.language, work.now);
    tell(app, work, &owner, Kind::CodesGuessed, |texts| {
        (&texts.mail.codes_guessed_subject, texts.mail.codes_guessed_body.with("time", &at))
    })
    .await
}

/// Records that a recovery code was used, and tells the owner.
async fn tell_of_recovery(
    app: &AppParts,
    work: &mut Work,
    (owner, device): (&account::Account, &Device),
) -> Result<(), Error> {
    let (account, name) = (owner.id.clone(), device.name.clone());
    audit::record(work, &SigninEvent::RecoveryCodeUsed { account, device: name }).await?;
    let left = recovery_codes::left(&mut work.tx, &owner.id).await?;
    let at = moment::date_and_clock(owner.language, work.now);
    tell(app, work, owner, Kind::RecoveryCodeUsed, |texts| {
        let body = texts.mail.recovery_code_used_body.with("time", &at).with("count", left);
        (&texts.mail.recovery_code_used_subject, body)
    })
    .await
}
