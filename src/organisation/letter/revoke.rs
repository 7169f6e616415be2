//! The management stops what somebody has registered in its name: with the code of its letter, and without an account.

use super::{REVOCATION_LENGTH, State, revocation_code, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::notice::normalise;
use crate::organisation::event::By;
use crate::organisation::{self, hold, life};
use crate::signin::attempts::{self, Network, Purpose};
use crate::store::work::Actor;

/// What a code is good for.
pub struct Revocable {
    /// What the organisation is called: the letter says it, too.
    pub name: String,
    /// As it was printed, without what people type between its parts.
    pub code: String,
}

/// Looks a code up and changes nothing. Every try counts; what is wrong, used, expired or void is told the same.
pub async fn look(app: &AppParts, typed: &str, network: &Network) -> Result<Option<Revocable>, Error> {
    let counters = attempts::of_try(app, Purpose::CheckCodeNetwork, &network.subscriber, network, None);
    attempts::count_at_once(app, counters).await?;
    let Some(code) = normalise(typed, REVOCATION_LENGTH) else { return Ok(None) };
    let hash = revocation_code(&app.vault, &code);
    let mut tx = app.read().await?;
    let Some(found) = store::revocable(&mut tx, &hash, app.now()).await? else { return Ok(None) };
    match organisation::load(&mut tx, &app.vault, &found).await {
        Ok(organisation) => Ok(Some(Revocable { name: organisation.record.name, code })),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Blocks the organisation; once. `false` if the code is not good any more.
pub async fn revoke(app: &AppParts, typed: &str, network: &Network, request: &str) -> Result<bool, Error> {
    let Some(revocable) = look(app, typed, network).await? else { return Ok(false) };
    let hash = revocation_code(&app.vault, &revocable.code);
    let Some(id) = store::revocable(&mut app.read().await?, &hash, app.now()).await? else { return Ok(false) };
    let mut work = app.begin(Actor::Visitor).await?;
    work.request = Some(request.to_owned());
    hold(&mut work, &id).await?;
    // The gate: of two who stop it at once one does.
    if !store::take_revocation(&mut work, &hash, State::Redeemed).await? {
        return Ok(false);
    }
    match life::block(app, &mut work, &id, (By::Letter, None)).await {
        Ok(()) => {}
        // It is stopped already, which is what was asked for.
        Err(Error::Conflict(_)) => {}
        Err(error) => return Err(error),
    }
    work.commit().await?;
    Ok(true)
}
