//! New signing keys: announced an hour before they sign; or at once, in place of one that must not be believed any more.

use super::KeyEvent;
use crate::app::AppParts;
use crate::audit::record;
use crate::kernel::error::Error;
use crate::kernel::key_times::{KeyTimes, PUBLISHED_BEFORE_USE, REQUIRED, State};
use crate::kernel::keys::{Algorithm, Purpose};
use crate::kernel::time::Timestamp;
use crate::store::key_ring::{self, NewKey};
use crate::store::work::Actor;

const MEANWHILE: Error = Error::Conflict("somebody else changed the keys meanwhile; look at `keys list`");

/// Makes a new key of every algorithm of these purposes. All nodes publish it within a second, and sign with it from an
/// hour on.
pub async fn rotate(app: &AppParts, purposes: &[Purpose]) -> Result<Vec<KeyTimes>, Error> {
    app.keys.refresh(&app.db, &app.vault, app.now()).await?;
    let (version, signs_from) = (app.keys.version(), app.now().plus(PUBLISHED_BEFORE_USE));
    let mut keys = Vec::new();
    for (purpose, algorithm) in REQUIRED.into_iter().filter(|(purpose, _)| purposes.contains(purpose)) {
        keys.push(make(app, (purpose, algorithm), signs_from).await?);
    }
    let mut work = app.begin(Actor::System("keys rotate")).await?;
    if !key_ring::put(&mut work.tx, version, &keys).await? {
        return Err(MEANWHILE);
    }
    for NewKey { times, .. } in &keys {
        record(&mut work, &KeyEvent::Rotated { key_id: &times.key_id, purpose: times.purpose, signs_from }).await?;
    }
    work.commit().await?;
    app.keys.refresh(&app.db, &app.vault, app.now()).await?;
    Ok(keys.into_iter().map(|key| key.times).collect())
}

/// The emergency: within a second no node signs with the key, publishes it or believes it. If it was the one that
/// signs, a new one does so at once, which is returned.
pub async fn revoke(app: &AppParts, key_id: &str) -> Result<Option<KeyTimes>, Error> {
    app.keys.refresh(&app.db, &app.vault, app.now()).await?;
    let version = app.keys.version();
    let known = app.keys.list().into_iter().find(|(times, _)| times.key_id == key_id);
    let (times, state) = known.ok_or(Error::Conflict("there is no such key; look at `keys list`"))?;
    let replacement = match state {
        State::Signs => Some(make(app, (times.purpose, times.algorithm), app.now()).await?),
        _ => None,
    };
    let mut work = app.begin(Actor::System("keys revoke")).await?;
    let now = work.now;
    if !key_ring::put(&mut work.tx, version, replacement.as_slice()).await? {
        return Err(MEANWHILE);
    }
    if !key_ring::revoke(&mut work.tx, key_id, now).await? {
        return Err(Error::Conflict("this key is revoked already"));
    }
    let replaced_by = replacement.as_ref().map(|key| key.times.key_id.as_str());
    record(&mut work, &KeyEvent::Revoked { key_id, replaced_by }).await?;
    work.commit().await?;
    app.keys.refresh(&app.db, &app.vault, app.now()).await?;
    Ok(replacement.map(|key| key.times))
}

async fn make(
    app: &AppParts,
    (purpose, algorithm): (Purpose, Algorithm),
    signs_from: Timestamp,
) -> Result<NewKey, Error> {
    let times = (app.now(), signs_from);
    key_ring::make(purpose, algorithm, &app.vault, times, &app.random).await.map_err(Error::broken)
}
