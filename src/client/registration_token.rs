//! Initial access tokens (RFC 7591 section 3): with one, so many clients may register themselves, until it ends. Made by the
//! operator, shown once, and kept as a hash.

use serde::Serialize;

use super::store::registered as store;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::RegistrationTokenId;
use crate::kernel::secret::{Secret, token_hash};
use crate::kernel::time::{Timestamp, days};
use crate::store::db::Tx;
use crate::store::work::Work;

pub use super::store::registered::TokenRow as RegistrationToken;

/// What a token is for.
pub struct Wanted {
    uses: u32,
    days: u32,
    /// For whom it is; never shown to them.
    note: String,
}

impl Wanted {
    pub fn new(uses: u32, days: u32, note: &str) -> Result<Self, String> {
        let note = note.trim();
        if !(1..=1000).contains(&uses) {
            return Err("uses: 1 to 1000 clients".to_owned());
        }
        if !(1..=366).contains(&days) {
            return Err("days: 1 to 366".to_owned());
        }
        if !(3..=200).contains(&note.chars().count()) || note.chars().any(char::is_control) {
            return Err("note: for whom it is, 3 to 200 characters".to_owned());
        }
        Ok(Self { uses, days, note: note.to_owned() })
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum TokenEvent {
    Made { token: RegistrationTokenId, uses: u32, expires_at: Timestamp, note: String },
    Withdrawn { token: RegistrationTokenId },
}

impl Event for TokenEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::Made { .. } => "registration.token_made",
            Self::Withdrawn { .. } => "registration.token_withdrawn",
        }
    }

    fn subject(&self) -> Option<String> {
        None
    }
}

/// Makes one, which nobody can be shown again.
pub async fn make(
    work: &mut Work,
    operator: &str,
    wanted: &Wanted,
) -> Result<(RegistrationTokenId, Secret<String>), Error> {
    let (id, token) = (RegistrationTokenId::new(work.now, &work.random), work.random.token());
    let expires_at = work.now.plus(days(u64::from(wanted.days)));
    let row = RegistrationToken {
        id: id.clone(),
        note: wanted.note.clone(),
        operator: operator.to_owned(),
        uses_left: i64::from(wanted.uses),
        created_at: work.now,
        expires_at,
    };
    store::insert_token(work, &row, &token_hash(token.expose())).await?;
    let event = TokenEvent::Made { token: id.clone(), uses: wanted.uses, expires_at, note: wanted.note.clone() };
    audit::record(work, &event).await?;
    Ok((id, token))
}

/// Those that have not expired long enough to be cleaned away.
pub async fn list(tx: &mut Tx) -> Result<Vec<RegistrationToken>, Error> {
    Ok(store::list_tokens(tx).await?)
}

/// Ends one. Clients that have registered with it stay.
pub async fn withdraw(work: &mut Work, id: &RegistrationTokenId) -> Result<(), Error> {
    if !store::delete_token(work, id).await? {
        return Err(Error::NotFound);
    }
    audit::record(work, &TokenEvent::Withdrawn { token: id.clone() }).await
}

/// The token that somebody shows, if it may be used. It is not used up by that.
pub async fn find(tx: &mut Tx, token: &str, now: Timestamp) -> Result<Option<RegistrationTokenId>, Error> {
    Ok(store::find_token(tx, &token_hash(token), now).await?.map(|row| row.id))
}

/// Uses it once; `false` if others have used it up, or it has been withdrawn.
pub async fn spend(work: &mut Work, id: &RegistrationTokenId) -> Result<bool, Error> {
    Ok(store::spend_token(work, id).await?)
}
