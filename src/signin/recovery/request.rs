//! Asking for a way back.

use super::super::attempts::{self, Network};
use super::super::code;
use super::super::partial::{Partial, Try};
use super::super::store::{self, RecoveryRow};
use super::{Outcome, RecoveryEvent, Rule, link, owner, purpose, redeem, tell_all};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::secret::token_hash;
use crate::kernel::texts::{Text, Texts, moment};
use crate::notice::{self, Kind, Notice};
use crate::store::work::{Actor, Work};

/// Sends a code to the address that gets the mails: one that begins the time, or one that leads in after it. Beyond the limits
/// on mails it sends none, and the last one stays good. `Conflict` while the time passes: there is nothing to confirm.
pub async fn send_code(
    app: &AppParts,
    (browser, network): (&[u8], &Network),
    account: &AccountId,
) -> Result<(), Error> {
    let mut work = app.begin(Actor::Account(account.clone())).await?;
    let now = work.now;
    let recovery = super::find(&mut work.tx, account, now).await?;
    if recovery.as_ref().is_some_and(|recovery| !recovery.is_released(now)) {
        return Err(Error::Conflict("recovery_step"));
    }
    let person = account::load(&mut work.tx, &app.vault, account).await?;
    let may_mail = attempts::count_mail(app, &mut work, network, &person.email.address).await;
    if let Ok(true) = may_mail {
        let owner = owner(browser, account);
        let code = code::issue(&mut work, &app.vault, purpose(recovery.as_ref()), &owner).await?;
        let (language, texts) = (person.language, &person.language.texts().mail);
        let until = moment::clock(now.plus(code::LIFETIME));
        let body = texts.recovery_code_body.with("code", code.expose()).with("time", until);
        let body = body.with("issuer", &app.config.issuer);
        let (to, subject) = (person.email.address.as_str(), &texts.recovery_code_subject);
        let notice = Notice { kind: Kind::RecoveryCode, to, language, subject, body };
        notice::send(&mut work, &app.vault, &app.config.issuer, notice).await?;
    }
    work.commit().await?;
    may_mail.map(drop)
}

/// Begins the time for somebody who has given the password and the mailed code.
pub(super) async fn confirm(app: &AppParts, one: &Try<'_>, partial: &Partial) -> Result<Outcome, Error> {
    let work = match redeem(app, one, partial, purpose(None)).await? {
        Ok(work) => work,
        Err(outcome) => return Ok(outcome),
    };
    let begun = begin(app, work, (one, &partial.account), |texts| &texts.mail.recovery_begun_body).await?;
    // Another browser was faster.
    Ok(if begun { Outcome::Begun } else { Outcome::Waits })
}

/// Begins the time, and tells everybody who reads the mails of the account; `false` if it has begun already.
pub(super) async fn begin(
    app: &AppParts,
    mut work: Work,
    (one, account): (&Try<'_>, &AccountId),
    text: fn(&Texts) -> &Text,
) -> Result<bool, Error> {
    let rule = Rule::at(work.now).ok_or(Error::Conflict("recovery_step"))?;
    // Counted with the code that is used up by it: whoever begins too often needs another code for every try.
    let begins = attempts::of_try(app, attempts::Purpose::Recovery, account.as_str(), one.network, None);
    if let Err(error) = attempts::count(&mut work, begins).await {
        work.commit().await?;
        return Err(error);
    }
    let (token, now) = (work.random.token(), work.now);
    let release_at = now.plus(rule.waiting);
    let row = RecoveryRow {
        account_id: account.clone(),
        cancel_hash: token_hash(token.expose()).to_vec(),
        started_at: now,
        remind_at: release_at.minus(rule.reminder),
        release_at,
        expires_at: release_at.plus(rule.open),
    };
    if !store::insert_recovery(&mut work, &row).await? {
        return Ok(false);
    }
    let person = account::load(&mut work.tx, &app.vault, account).await?;
    let device = one.comer.device.name.clone();
    audit::record(&mut work, &RecoveryEvent::Begun { account: account.clone(), device, release_at }).await?;
    let at = |when| moment::date_and_clock(person.language, when);
    let body = text(person.language.texts()).with("time", at(now)).with("link", link(app, &token));
    let body = body.with("release", at(release_at)).with("until", at(row.expires_at));
    tell_all(app, &mut work, &person, Kind::RecoveryBegun, |texts| (&texts.mail.recovery_begun_subject, body)).await?;
    work.commit().await?;
    Ok(true)
}
