//! The end of a way back: in, without the means that are lost.

use super::super::arrival::Arrival;
use super::super::device::Device;
use super::super::partial::{Partial, Try};
use super::super::store::{self, LostRow};
use super::super::{SigninEvent, means, password, recovery_codes, session};
use super::{Outcome, Recovery, RecoveryEvent, purpose, redeem, tell_all};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::texts::moment;
use crate::notice::Kind;
use crate::store::work::Work;

/// Removes what is lost, ends every session and begins one that is worth what the password is. Of all that come with a right
/// code, in whatever browser and on whatever node, one finds the recovery; the others, and whoever comes after somebody has
/// ended it, change nothing.
pub(super) async fn confirm(
    app: &AppParts,
    one: &Try<'_>,
    partial: &Partial,
    recovery: &Recovery,
) -> Result<Outcome, Error> {
    let account = &partial.account;
    let mut work = match redeem(app, one, partial, purpose(Some(recovery))).await? {
        Ok(work) => work,
        Err(outcome) => return Ok(outcome),
    };
    if !store::take_partial(&mut work, one.browser, account).await? {
        return Ok(Outcome::Gone);
    }
    if !remove_lost(&mut work, account, Since::Request(recovery)).await? {
        return Ok(Outcome::Waits);
    }
    let (codes, sessions_ended) = start_over(app, &mut work, account, one.comer.device).await?;
    let device = one.comer.device.name.clone();
    audit::record(&mut work, &RecoveryEvent::Finished { account: account.clone(), device, sessions_ended }).await?;
    means::settle(&mut work, &app.config, account).await?;
    let person = account::load(&mut work.tx, &app.vault, account).await?;
    let at = moment::date_and_clock(person.language, work.now);
    tell_all(app, &mut work, &person, Kind::RecoveryFinished, |texts| {
        (&texts.mail.recovery_finished_subject, texts.mail.recovery_finished_body.with("time", at))
    })
    .await?;
    // No session of this account is left that could be renewed.
    let previous = one.comer.previous.filter(|session| session.account_id != *account);
    let arrival = Arrival { previous, ..one.comer.arrival(account, partial.device_seen_at) };
    let told = partial.device_seen_at.is_none().then_some(person);
    let strength = password::strength(&app.config, work.now).min(Level::Low);
    let token = arrival.complete(app, &mut work, told, (strength, password::METHOD)).await?;
    work.commit().await?;
    Ok(Outcome::Finished(token, codes))
}

/// Which means count as lost: those that nobody has used since then.
#[derive(Clone, Copy)]
pub(in super::super) enum Since<'a> {
    /// Since the time began that is over now.
    Request(&'a Recovery),
    Now,
}

/// Removes what is lost, the means before the recovery, in the order in which a sign-in with one of them takes them. `false` if
/// somebody has ended the recovery or was faster.
pub(in super::super) async fn remove_lost(
    work: &mut Work,
    account: &AccountId,
    since: Since<'_>,
) -> Result<bool, Error> {
    let at = match since {
        Since::Request(recovery) => recovery.0.started_at,
        Since::Now => work.now,
    };
    let mut lost = store::delete_lost_generators(work, account, at).await?;
    lost.extend(store::delete_lost_passkeys(work, account, at).await?);
    if let Since::Request(recovery) = since
        && !store::take_recovery(work, &recovery.0).await?
    {
        return Ok(false);
    }
    record_lost(work, account, lost).await?;
    Ok(true)
}

/// Ten new recovery codes; every session ends, how many there were; and every other device is a stranger: whoever made the person
/// lose the account may have used it.
pub(super) async fn start_over(
    app: &AppParts,
    work: &mut Work,
    account: &AccountId,
    device: &Device,
) -> Result<(Vec<String>, u64), Error> {
    let codes = recovery_codes::generate(&work.random);
    recovery_codes::replace(work, &app.vault, account, &codes).await?;
    let sessions_ended = session::end_all(work, account).await?;
    store::delete_other_devices(work, account, &device.hash()).await?;
    Ok((codes, sessions_ended))
}

/// What never counted goes without a word.
async fn record_lost(work: &mut Work, account: &AccountId, lost: Vec<LostRow>) -> Result<(), Error> {
    for LostRow { id, kind, .. } in lost.into_iter().filter(|one| one.confirmed_at.is_some()) {
        let account = account.clone();
        let event = match kind {
            MeansKind::AppCode | MeansKind::DeviceCode => SigninEvent::CodeGeneratorRemoved { account, means: kind },
            _ => SigninEvent::PasskeyRemoved { account, passkey: id, kind },
        };
        audit::record(work, &event).await?;
    }
    Ok(())
}
