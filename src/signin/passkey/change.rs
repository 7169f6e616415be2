//! What an owner does to a passkey: another name for it, and its end.

use super::super::change::{Person, tell};
use super::super::{SigninEvent, means, store};
use super::{Passkey, level, list, parse_name, place, seal};
use crate::account;
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::store::work::Work;

impl Passkey {
    /// What signing in with it is worth at that time.
    pub fn level(&self, policy: Policy<'_>, now: Timestamp) -> Level {
        level(policy, (self.kind, self.registered), now)
    }

    /// What a session has to be worth to remove it: as much as it is itself, so that nobody gets rid of a stronger means from
    /// a weaker sign-in. One that was never used is no means yet.
    pub fn removal(&self, policy: Policy<'_>, now: Timestamp) -> Level {
        if self.confirmed_at.is_some() { self.level(policy, now) } else { Level::Basic }
    }
}

/// One passkey of the account; `NotFound` if it is none of its own.
pub async fn find(app: &AppParts, account: &AccountId, id: &MeansId) -> Result<Passkey, Error> {
    let own = list(&mut app.read().await?, &app.vault, account).await?;
    own.into_iter().find(|one| one.id == *id).ok_or(Error::NotFound)
}

pub async fn rename(
    app: &AppParts,
    mut work: Work,
    account: &AccountId,
    (id, typed): (&MeansId, &str),
) -> Result<(), Error> {
    let name = parse_name(typed).ok_or_else(|| Error::field("name", "passkey_name_missing"))?;
    let key = account::key(&mut work.tx, &app.vault, account).await?;
    let sealed = seal(app, &key, place("name", id), name.as_bytes())?;
    if !store::rename_passkey(&mut work, account, id, &sealed).await? {
        return Err(Error::NotFound);
    }
    work.commit().await
}

/// Removes it for good, by somebody who has just signed in or gives the password once more, and in a session that is worth as
/// much as the passkey.
pub async fn remove(app: &AppParts, person: Person<'_>, id: &MeansId) -> Result<(), Error> {
    let account = person.account;
    let passkey = find(app, &account.id, id).await?;
    let now = app.now();
    if person.session.strength(now) < passkey.removal(Policy::of(&app.config), now) {
        return Err(Error::field("current", "passkey_too_strong"));
    }
    if !person.session.is_fresh(now) {
        person.confirm(app).await?;
    }
    let mut work = person.begin(app).await?;
    let removed = store::delete_passkey(&mut work, &account.id, id).await?;
    let was_means = removed.ok_or(Error::NotFound)?;
    if was_means {
        means::keep_way_in(&mut work, &account.id).await?;
        means::settle(&mut work, &app.config, &account.id).await?;
        let event =
            SigninEvent::PasskeyRemoved { account: account.id.clone(), passkey: id.clone(), kind: passkey.kind };
        audit::record(&mut work, &event).await?;
        let at = moment::date_and_clock(account.language, work.now);
        tell(app, &mut work, account, Kind::PasskeyRemoved, |texts| {
            (&texts.mail.passkey_removed_subject, texts.mail.passkey_removed_body.with("time", &at))
        })
        .await?;
    }
    work.commit().await
}
