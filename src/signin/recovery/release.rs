//! The way back over a registration desk. An officer has compared the person with what is proven about the account (BSI
//! TR-03160-1: what is proven anew takes the place of signing in) and hands them a code on paper. Whoever types it, in whatever
//! browser, sets a new password, once.
//!
//! What is proven so is strong, and nobody waits. But an officer may be deceived: every address of the account is told at once,
//! with a link that ends it and needs no sign-in. Signing in does not end it, as whoever has stolen the means can do that. With
//! the new password everything goes that the account was signed in with before, and the level with it.

use std::time::Duration;

use super::super::attempts::{self, Purpose};
use super::super::device::Device;
use super::super::register::Applicant;
use super::super::store::{self, ReleaseRow};
use super::super::{means, reset};
use super::cancel::Why;
use super::{RecoveryEvent, link, tell_all};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::secret::{Secret, hex, token_hash};
use crate::kernel::texts::moment;
use crate::kernel::time::{Timestamp, days, hours};
use crate::notice::{Kind, normalise};
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// 60 bits.
const CODE_LENGTH: usize = 12;

/// How long the steps of this way take, and since when that rule holds.
pub struct Rule {
    pub valid_from: Timestamp,
    /// How long a slip opens a case at a desk.
    pub slip: Duration,
    /// How long the code from the desk sets a new password.
    pub open: Duration,
    /// Where the rule comes from.
    pub source: &'static str,
}

/// The rule table. A new rule is a new row with its date; old rows stay. What is under way keeps the times it began with.
pub const RULES: [Rule; 1] = [Rule {
    valid_from: Timestamp::from_seconds(1_767_225_600),
    slip: days(14),
    open: hours(24),
    source: "a decision, no law: an appointment at an office takes two weeks; who has been there gets in on the same day",
}];

impl Rule {
    /// The rule in force; `Conflict` before the first.
    pub fn at(now: Timestamp) -> Result<&'static Self, Error> {
        let rule = RULES.iter().filter(|rule| rule.valid_from <= now).max_by_key(|rule| rule.valid_from);
        rule.ok_or(Error::Conflict("recovery_step"))
    }
}

/// Releases the account: the code for paper, which nobody can show again, and until when it is good. An older one is void from
/// now on.
pub async fn grant(
    app: &AppParts,
    work: &mut Work,
    owner: &Account,
    office: &str,
) -> Result<(Secret<String>, Timestamp), Error> {
    let (code, token) = (work.random.letters(CODE_LENGTH), work.random.token());
    let expires_at = work.now.plus(Rule::at(work.now)?.open);
    let row = ReleaseRow {
        account_id: owner.id.clone(),
        code_hash: code_hash(app, code.expose()).to_vec(),
        cancel_hash: token_hash(token.expose()).to_vec(),
        released_at: work.now,
        expires_at,
    };
    store::put_release(work, &row).await?;
    let at = |when| moment::date_and_clock(owner.language, when);
    let body = owner.language.texts().mail.desk_released_body.with("office", office).with("time", at(work.now));
    let body = body.with("until", at(expires_at)).with("link", link(app, &token));
    tell_all(app, work, owner, Kind::DeskReleased, |texts| (&texts.mail.desk_released_subject, body)).await?;
    Ok((code, expires_at))
}

fn code_hash(app: &AppParts, code: &str) -> [u8; 32] {
    app.vault.code("desk-release", code)
}

/// Until when an account is released.
pub async fn of(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    Ok(store::find_release(tx, account, now).await?.map(|row| row.expires_at))
}

/// Takes the code from paper: this browser may set a new password. It stays good until one is set.
pub async fn redeem(app: &AppParts, applicant: Applicant<'_>, typed: &str) -> Result<(), Error> {
    let wrong = || Error::field("code", "release_code_wrong");
    let code = normalise(typed, CODE_LENGTH).ok_or_else(wrong)?;
    let counters = attempts::of_try(app, Purpose::DeskRelease, &hex(applicant.browser), applicant.network, None);
    attempts::count_at_once(app, counters).await?;
    let mut work = app.begin(Actor::Visitor).await?;
    let now = work.now;
    let found = store::find_release_by_code(&mut work.tx, &code_hash(app, &code), now).await?;
    let row = found.ok_or_else(wrong)?;
    attempts::forgive(&mut work, counters).await?;
    let owner = account::load(&mut work.tx, &app.vault, &row.account_id).await?;
    reset::begin_released(app, &mut work, &applicant, (&owner, row.code_hash)).await?;
    work.commit().await
}

/// Takes the release, and with it everything that the account was signed in with until now; the password is the new one.
/// `false` if it is released no more. The work holds the account.
pub(in super::super) async fn take(
    work: &mut Work,
    (account, release): (&AccountId, &[u8]),
    password: &str,
) -> Result<bool, Error> {
    if !store::take_release(work, account, release).await? {
        return Ok(false);
    }
    store::delete_credentials(work, account).await?;
    store::put_password(work, account, password).await?;
    Ok(true)
}

/// What follows when the new password is set: the level is what that is worth, and every address is told.
pub(in super::super) async fn finish(
    app: &AppParts,
    work: &mut Work,
    owner: &Account,
    (device, sessions_ended): (&Device, u64),
) -> Result<(), Error> {
    let (account, device) = (owner.id.clone(), device.name.clone());
    audit::record(work, &RecoveryEvent::DeskFinished { account, device, sessions_ended }).await?;
    means::settle(work, &app.config, &owner.id).await?;
    let at = moment::date_and_clock(owner.language, work.now);
    tell_all(app, work, owner, Kind::DeskRecovered, |texts| {
        (&texts.mail.desk_recovered_subject, texts.mail.desk_recovered_body.with("time", at))
    })
    .await
}

/// Whose release a link in a mail ends; whatever the text may be.
pub async fn find_by_link(tx: &mut Tx, token: &str, now: Timestamp) -> Result<Option<AccountId>, Error> {
    // A token has 43 characters; nothing else is worth a look into the database.
    if token.len() != 43 {
        return Ok(None);
    }
    Ok(store::find_release_by_link(tx, &token_hash(token), now).await?.map(|row| row.account_id))
}

/// Ends the account's release, and tells every address so; `false` if there is none.
pub(super) async fn cancel(app: &AppParts, work: &mut Work, account: &AccountId, why: Why) -> Result<bool, Error> {
    if !store::delete_release(work, account).await? {
        return Ok(false);
    }
    audit::record(work, &RecoveryEvent::DeskCancelled { account: account.clone(), why }).await?;
    let owner = account::load(&mut work.tx, &app.vault, account).await?;
    let at = moment::date_and_clock(owner.language, work.now);
    tell_all(app, work, &owner, Kind::DeskReleaseCancelled, |texts| {
        (&texts.mail.desk_release_cancelled_subject, texts.mail.desk_release_cancelled_body.with("time", at))
    })
    .await?;
    Ok(true)
}
