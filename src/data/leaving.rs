//! Leaving: at once, or with time to return. The key is destroyed first, which ends the data everywhere, in backups too;
//! a job then removes what is left, and goes on where it was if it is interrupted.

use super::{DataEvent, Why, store};
use crate::account::{self, Account, Status, lifecycle};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::calendar::days_after;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::oidc::connection;
use crate::organisation;
use crate::organisation::acting::Party;
use crate::postbox;
use crate::safe;
use crate::signin::change::{Person, tell};
use crate::signin::session;
use crate::store::object;
use crate::store::work::{Actor, Work};

/// How long somebody who has left may return.
pub const RETURN_DAYS: u16 = 14;
/// Accounts taken up in one round of the job.
const ROUND: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    AtOnce,
    /// After [`RETURN_DAYS`].
    Later,
}

/// Leaves, after the password was given once more. Every session ends; services get nothing from now on. Returns when
/// the erasure begins, if the person may still return.
pub async fn leave(app: &AppParts, person: Person<'_>, when: When) -> Result<Option<Timestamp>, Error> {
    person.confirm(app).await?;
    // Organisations come before accounts.
    let mut work = organisation::leaving::begin(app, &person.account.id, person.request.as_deref()).await?;
    if !organisation::leaving::last_in(&mut work.tx, app, &person.account.id).await?.is_empty() {
        return Err(Error::field("organisationen", "last_in_organisation"));
    }
    let erase_at = match when {
        When::AtOnce => {
            erase(app, &mut work, &person.account.id, Why::Owner).await?;
            None
        }
        When::Later => Some(close(app, &mut work, person.account).await?),
    };
    work.commit().await?;
    Ok(erase_at)
}

/// When somebody who leaves now can no longer return.
pub fn erase_at(now: Timestamp) -> Timestamp {
    days_after(now, RETURN_DAYS)
}

async fn close(app: &AppParts, work: &mut Work, account: &Account) -> Result<Timestamp, Error> {
    let erase_at = erase_at(work.now);
    lifecycle::close(work, &account.id, erase_at).await?;
    session::end_all(work, &account.id).await?;
    audit::record(work, &DataEvent::Closing { account: account.id.clone(), erase_at }).await?;
    let date = moment::date(account.language, erase_at);
    tell(app, work, account, Kind::AccountClosing, |texts| {
        (&texts.mail.account_closing_subject, texts.mail.account_closing_body.with("date", &date))
    })
    .await?;
    Ok(erase_at)
}

/// The owner has returned: everything is as it was, but for the sessions.
pub async fn keep(app: &AppParts, work: &mut Work, id: &AccountId) -> Result<(), Error> {
    let account = account::load(&mut work.tx, &app.vault, id).await?;
    lifecycle::keep(work, id).await?;
    audit::record(work, &DataEvent::Kept { account: id.clone() }).await?;
    let at = moment::date_and_clock(account.language, work.now);
    tell(app, work, &account, Kind::AccountKept, |texts| {
        (&texts.mail.account_kept_subject, texts.mail.account_kept_body.with("time", &at))
    })
    .await
}

/// From here on there is no way back.
pub async fn erase(app: &AppParts, work: &mut Work, id: &AccountId, why: Why) -> Result<(), Error> {
    let account = account::load(&mut work.tx, &app.vault, id).await?;
    crate::signin::forget(work, id).await?;
    // Not all of it is sealed under the key that is destroyed here: what was read from a card is not.
    crate::proofing::forget(work, id).await?;
    organisation::leaving::end_all(app, work, id).await?;
    // Before its bytes: whoever uploads at this moment holds the safe first, too.
    safe::forget(work, &Party::Person(id.clone())).await?;
    object::doom_all(work, id.as_str()).await?;
    postbox::ending::forget(work, &Party::Person(id.clone())).await?;
    lifecycle::begin_erasure(work, id).await?;
    audit::record(work, &DataEvent::ErasureBegun { account: id.clone(), why }).await?;
    let at = moment::date_and_clock(account.language, work.now);
    tell(app, work, &account, Kind::AccountErased, |texts| {
        (&texts.mail.account_erased_subject, texts.mail.account_erased_body.with("time", &at))
    })
    .await
}

/// The job: begins the erasures whose time has come and completes those that have begun. One that fails is tried again
/// in the next round and stands in nobody's way.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let due = lifecycle::due(&mut app.read().await?, app.now(), ROUND).await?;
    let mut outcome = Ok(());
    for (id, status) in due {
        match go_on(app, &id, status).await {
            // Another node was faster, or its owner.
            Ok(()) | Err(Error::Conflict(_)) => {}
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}

async fn go_on(app: &AppParts, id: &AccountId, status: Status) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("erasure")).await?;
    organisation::leaving::hold_all(&mut work, id).await?;
    match status {
        Status::Closing => erase(app, &mut work, id, Why::NotReturned).await?,
        _ => finish(&mut work, id).await?,
    }
    work.commit().await
}

/// Removes what anybody holds of the account. Whatever was under way when its key was destroyed is over by now.
async fn finish(work: &mut Work, id: &AccountId) -> Result<(), Error> {
    crate::signin::forget(work, id).await?;
    crate::proofing::forget(work, id).await?;
    organisation::forget(work, id).await?;
    postbox::ending::forget(work, &Party::Person(id.clone())).await?;
    safe::forget(work, &Party::Person(id.clone())).await?;
    connection::forget(work, id).await?;
    store::delete_exports(work, id).await?;
    object::doom_all(work, id.as_str()).await?;
    lifecycle::finish_erasure(work, id).await?;
    audit::record(work, &DataEvent::Erased { account: id.clone() }).await
}
