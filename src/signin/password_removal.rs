//! Doing without a password: only passkeys open the account from then on, which nobody can guess and nobody gives away on a wrong page.
//!
//! Two means before one goes: at least two passkeys that have been used and are not blocked, so that one lost device shuts nobody
//! out. Recovery codes do not stand in for the second: with a mail they lead to a new means, which is worth less than the lost one was
//! ([`new_means`](super::recovery::new_means)). A mail alone never leads in. Codes of apps and devices go along, because they only complete a password.

use super::change::{Person, tell};
use super::session::{self, Session};
use super::{SigninEvent, means, store};
use crate::account;
use crate::app::AppParts;
use crate::assurance::{Means, Policy};
use crate::audit;
use crate::config::Config;
use crate::kernel::error::Error;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::notice::Kind;

/// How many passkeys somebody has to have who removes the password.
pub const PASSKEYS_MIN: usize = 2;

/// How many of the means are passkeys that open the account.
pub fn passkeys(means: &[Means]) -> usize {
    means.iter().filter(|one| one.kind.is_passkey() && one.opens()).count()
}

/// What a session has to be worth: as much as everything that goes, as wherever something is removed.
pub fn needed(config: &Config, means: &[Means], now: Timestamp) -> Level {
    let goes = |one: &&Means| one.kind == MeansKind::Password || one.kind.is_code();
    let policy = Policy::of(config);
    means.iter().filter(goes).map(|one| policy.level(one, now)).max().unwrap_or(Level::Basic)
}

/// Whether its owner has just signed in with a passkey, and so has one at hand.
pub fn has_used_passkey(session: &Session, now: Timestamp) -> bool {
    session.is_fresh(now) && session.methods.split(' ').any(|method| ["hwk", "swk"].contains(&method))
}

/// Removes it. Every other session ends, and what services may do without the person.
pub async fn remove(app: &AppParts, person: Person<'_>) -> Result<(), Error> {
    let (account, now) = (person.account, app.now());
    let too_few = || Error::field("entfernen", "passkeys_too_few");
    let known = means::list(&mut app.read().await?, &account.id).await?;
    if passkeys(&known) < PASSKEYS_MIN {
        return Err(too_few());
    }
    if !has_used_passkey(person.session, now) {
        return Err(Error::NotFresh);
    }
    if person.session.strength(now) < needed(&app.config, &known, now) {
        return Err(Error::field("entfernen", "passkey_too_strong"));
    }
    let mut work = person.begin(app).await?;
    if !store::delete_password(&mut work, &account.id).await? {
        return Err(Error::NotFound);
    }
    if passkeys(&means::list(&mut work.tx, &account.id).await?) < PASSKEYS_MIN {
        return Err(too_few());
    }
    for means in known.iter().map(|one| one.kind).filter(|kind| kind.is_code()) {
        audit::record(&mut work, &SigninEvent::CodeGeneratorRemoved { account: account.id.clone(), means }).await?;
    }
    means::settle(&mut work, &app.config, &account.id).await?;
    let sessions_ended = session::delete_others(&mut work, person.session).await?;
    account::end_offline_access(&mut work, &account.id).await?;
    audit::record(&mut work, &SigninEvent::PasswordRemoved { account: account.id.clone(), sessions_ended }).await?;
    let at = moment::date_and_clock(account.language, work.now);
    tell(app, &mut work, account, Kind::PasswordRemoved, |texts| {
        (&texts.mail.password_removed_subject, texts.mail.password_removed_body.with("time", &at))
    })
    .await?;
    work.commit().await
}
