//! The early end of a way back: by somebody who says so, or because it is not needed any more.

use serde::Serialize;

use super::super::store;
use super::{Recovery, RecoveryEvent, release, tell_all};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::secret::token_hash;
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// Who or what has ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Somebody who has read one of the mails.
    Mail,
    /// Somebody who has given the password, or is signed in.
    Person,
    /// A complete sign-in: with a code, a recovery code or a passkey. Then not everything is lost.
    SignedIn,
    /// A new means, added by somebody who was signed in.
    MeansAdded,
    /// A changed or reset password: whoever reset it by mail waits as long as anybody.
    Password,
    /// Another address: the ones that were told are not those of the account any more.
    Addresses,
    /// "That was not me."
    Emergency,
    /// The operator has locked the account.
    Locked,
}

/// Ends the account's way back, and tells every address so; `false` if none was under way. What a registration desk has released
/// ends only where somebody says that they did not want it, or the operator locks.
pub async fn cancel(app: &AppParts, work: &mut Work, account: &AccountId, why: Why) -> Result<bool, Error> {
    let was_under_way = store::delete_recovery(work, account).await?;
    if matches!(why, Why::Emergency | Why::Locked) {
        release::cancel(app, work, account, why).await?;
    }
    if !was_under_way {
        return Ok(false);
    }
    audit::record(work, &RecoveryEvent::Cancelled { account: account.clone(), why }).await?;
    let person = account::load(&mut work.tx, &app.vault, account).await?;
    let at = moment::date_and_clock(person.language, work.now);
    tell_all(app, work, &person, Kind::RecoveryCancelled, |texts| {
        (&texts.mail.recovery_cancelled_subject, texts.mail.recovery_cancelled_body.with("time", at))
    })
    .await?;
    Ok(true)
}

/// The one that a link in a mail ends; whatever the text may be.
pub async fn find(tx: &mut Tx, token: &str, now: Timestamp) -> Result<Option<Recovery>, Error> {
    // A token has 43 characters; nothing else is worth a look into the database.
    if token.len() != 43 {
        return Ok(None);
    }
    Ok(store::find_recovery_by_link(tx, &token_hash(token), now).await?.map(Recovery))
}

/// Ends it by the link in a mail. `Gone` if there is nothing to end: then nobody gets in by it either.
pub async fn by_link(app: &AppParts, token: &str, request: &str) -> Result<(), Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    work.request = Some(request.to_owned());
    let now = work.now;
    let is_ended = match find(&mut work.tx, token, now).await? {
        Some(found) => cancel(app, &mut work, &found.0.account_id, Why::Mail).await?,
        None => match release::find_by_link(&mut work.tx, token, now).await? {
            Some(account) => release::cancel(app, &mut work, &account, Why::Mail).await?,
            None => false,
        },
    };
    if !is_ended {
        return Err(Error::Gone);
    }
    work.commit().await
}
