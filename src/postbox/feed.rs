//! A private address from which somebody's calendar fetches the days of their own postbox, without signing in. It says until when something
//! runs, and neither from whom nor about what; it opens nothing. Whoever has the address reads it: its owner renews or ends it.

use serde::Serialize;
use time::Date;

use super::Message;
use super::reader::Reader;
use super::store::feed as store;
use crate::account;
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::secret::{Secret, token_hash};
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Party;
use crate::store::db::Tx;
use crate::store::work::Work;

/// Since when somebody has an address; nothing if they have none.
pub async fn made_at(tx: &mut Tx, account: &AccountId) -> Result<Option<Timestamp>, Error> {
    Ok(store::made_at(tx, account).await?)
}

/// Makes the secret part of a new address; the former one, if there is one, is worth nothing from now on.
pub async fn make(app: &AppParts, account: &AccountId, request: &str) -> Result<Secret<String>, Error> {
    let mut work = account::begin(app, account, Some(request)).await?;
    let secret = work.random.token();
    store::put(&mut work, account, &token_hash(secret.expose())).await?;
    audit::record(&mut work, &Changed { account, is_end: false }).await?;
    work.commit().await?;
    Ok(secret)
}

/// Ends it. Nothing changes if there is none.
pub async fn end(app: &AppParts, account: &AccountId, request: &str) -> Result<(), Error> {
    let mut work = account::begin(app, account, Some(request)).await?;
    if store::delete(&mut work, account.as_str()).await? {
        audit::record(&mut work, &Changed { account, is_end: true }).await?;
    }
    work.commit().await
}

/// Whose address this is, if it is one that counts.
pub async fn owner(tx: &mut Tx, secret: &str) -> Result<Option<AccountId>, Error> {
    // A secret of ours has 43 characters; nothing else is worth a look into the database.
    if secret.len() != 43 {
        return Ok(None);
    }
    Ok(store::owner(tx, &token_hash(secret)).await?)
}

/// What runs in somebody's postbox: of whatever level, because nothing is said of it but days.
pub async fn running(tx: &mut Tx, account: &AccountId, today: Date) -> Result<Vec<Message>, Error> {
    Reader::own(account, Level::High).running(tx, today).await
}

/// With the postbox goes the address.
pub(super) async fn forget(work: &mut Work, owner: &Party) -> Result<(), Error> {
    store::delete(work, owner.as_str()).await?;
    Ok(())
}

#[derive(Serialize)]
struct Changed<'a> {
    #[serde(skip)]
    account: &'a AccountId,
    #[serde(skip)]
    is_end: bool,
}

impl Event for Changed<'_> {
    fn kind(&self) -> &'static str {
        if self.is_end { "calendar.ended" } else { "calendar.made" }
    }

    fn subject(&self) -> Option<String> {
        Some(self.account.to_string())
    }
}
