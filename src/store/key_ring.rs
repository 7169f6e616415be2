//! The signing keys: made at the first start, kept in the database, the same on every node within a second.
//!
//! Whoever changes them raises their version number; every node looks at it, and at the time, twice a second.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::kernel::error::Error;
use crate::kernel::key_times::{KeyTimes, REQUIRED, State, states};
use crate::kernel::keys::{Algorithm, KeySet, Purpose, SigningKey};
use crate::kernel::random::Random;
use crate::kernel::seal::{Place, Vault};
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;
use crate::sql;

use super::db::{Db, DbError, Tx};

/// How often several nodes that make the first keys at once look whether another was first.
const ATTEMPTS_MAX: usize = 10;

#[derive(sqlx::FromRow)]
struct KeyRow {
    key_id: String,
    purpose: Purpose,
    algorithm: Algorithm,
    sealed: Vec<u8>,
    created_at: Timestamp,
    signs_from: Timestamp,
    revoked_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    value: i64,
}

/// A key that is not stored yet.
pub struct NewKey {
    pub times: KeyTimes,
    sealed: Vec<u8>,
}

struct Kept {
    times: KeyTimes,
    /// Not opened if it was of no use any more when it was read.
    key: Option<Arc<SigningKey>>,
}

/// What this node knows of the keys.
struct Loaded {
    version: i64,
    kept: Vec<Kept>,
    states: Vec<State>,
    set: Arc<KeySet>,
}

/// All signing keys in memory.
pub struct KeyRing(RwLock<Loaded>);

impl KeyRing {
    /// Reads the keys. Those that must be there and are not are made, or taken from `given`; of several nodes that do
    /// so at once, one does.
    pub async fn open(
        db: &Db,
        vault: &Vault,
        given: &[(Purpose, &str)],
        (now, random): (Timestamp, &Random),
    ) -> Result<Self, String> {
        let text = |error: DbError| error.to_string();
        for _ in 0..ATTEMPTS_MAX {
            let mut tx = db.read().await.map_err(text)?;
            let (version, rows) = (version(&mut tx).await.map_err(text)?, load(&mut tx).await.map_err(text)?);
            drop(tx);
            let is_there = |(purpose, algorithm)| {
                let serves =
                    |row: &KeyRow| row.purpose == purpose && row.algorithm == algorithm && row.revoked_at.is_none();
                rows.iter().any(serves)
            };
            let missing: Vec<_> = REQUIRED.into_iter().filter(|what| !is_there(*what)).collect();
            if missing.is_empty() {
                let loaded = Loaded::new(version, rows, vault, now).map_err(|error| error.to_string())?;
                return Ok(Self(RwLock::new(loaded)));
            }
            let mut keys = Vec::new();
            for (purpose, algorithm) in missing {
                keys.push(match find_given(given, purpose, algorithm)? {
                    Some(der) => seal(&der, purpose, vault, (now, now), random)?,
                    None => make(purpose, algorithm, vault, (now, now), random).await?,
                });
            }
            let mut tx = db.begin().await.map_err(text)?;
            if put(&mut tx, version, &keys).await.map_err(text)? {
                db.commit(tx).await.map_err(text)?;
            }
        }
        Err("the signing keys are being changed all the time".to_owned())
    }

    fn read(&self) -> RwLockReadGuard<'_, Loaded> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys that count now.
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.read().set)
    }

    /// Every key that there ever was, in the order in which they were made.
    pub fn list(&self) -> Vec<(KeyTimes, State)> {
        let loaded = self.read();
        loaded.kept.iter().map(|kept| kept.times.clone()).zip(loaded.states.iter().copied()).collect()
    }

    /// Which version of the keys this is.
    pub fn version(&self) -> i64 {
        self.read().version
    }

    /// Lets keys begin and end to sign by the time, and reads them again if their version number has changed.
    pub async fn refresh(&self, db: &Db, vault: &Vault, now: Timestamp) -> Result<(), Error> {
        // First the time: it passes for a node that has lost its database, too.
        self.turn(now)?;
        let mut tx = db.read().await?;
        let version = version(&mut tx).await?;
        if version == self.version() {
            return Ok(());
        }
        let loaded = Loaded::new(version, load(&mut tx).await?, vault, now)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    fn turn(&self, now: Timestamp) -> Result<(), Error> {
        let mut loaded = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let times: Vec<_> = loaded.kept.iter().map(|kept| kept.times.clone()).collect();
        let states = states(&times, now);
        if states != loaded.states {
            loaded.set = Arc::new(key_set(&loaded.kept, &states)?);
            loaded.states = states;
        }
        Ok(())
    }
}

impl Loaded {
    fn new(version: i64, rows: Vec<KeyRow>, vault: &Vault, now: Timestamp) -> Result<Self, Error> {
        let times: Vec<_> = rows.iter().map(KeyRow::times).collect();
        let states = states(&times, now);
        let mut kept = Vec::new();
        for (row, state) in rows.into_iter().zip(&states) {
            let times = row.times();
            let key = if state.verifies(times.purpose) {
                let der = vault.system.open(place(&times.key_id, times.purpose), &row.sealed).map_err(Error::broken)?;
                Some(Arc::new(SigningKey::from_pkcs8(times.purpose, der.expose()).map_err(Error::broken)?))
            } else {
                None
            };
            kept.push(Kept { times, key });
        }
        let set = Arc::new(key_set(&kept, &states)?);
        Ok(Self { version, kept, states, set })
    }
}

fn key_set(kept: &[Kept], states: &[State]) -> Result<KeySet, Error> {
    let (mut keys, mut former) = (Vec::new(), Vec::new());
    for (kept, state) in kept.iter().zip(states) {
        match &kept.key {
            Some(key) if state.verifies(kept.times.purpose) => keys.push((Arc::clone(key), *state)),
            _ => former.push(kept.times.key_id.clone()),
        }
    }
    KeySet::new(keys, former).map_err(Error::broken)
}

impl KeyRow {
    fn times(&self) -> KeyTimes {
        KeyTimes {
            key_id: self.key_id.clone(),
            purpose: self.purpose,
            algorithm: self.algorithm,
            created_at: self.created_at,
            signs_from: self.signs_from,
            revoked_at: self.revoked_at,
        }
    }
}

/// The purpose is part of the place: nobody turns a key of one purpose into one of another in the database.
fn place(key_id: &str, purpose: Purpose) -> Place<'_> {
    Place { table: "signing_key", column: purpose.name(), row: key_id, version: 1 }
}

fn find_given(
    given: &[(Purpose, &str)],
    purpose: Purpose,
    algorithm: Algorithm,
) -> Result<Option<Secret<Vec<u8>>>, String> {
    for (_, pem) in given.iter().filter(|(known, _)| *known == purpose) {
        let der = SigningKey::read_pem(pem)?;
        if SigningKey::from_pkcs8(purpose, der.expose())?.algorithm == algorithm {
            return Ok(Some(der));
        }
    }
    Ok(None)
}

/// Makes a key that is created at the first and signs from the second time on.
pub async fn make(
    purpose: Purpose,
    algorithm: Algorithm,
    vault: &Vault,
    times: (Timestamp, Timestamp),
    random: &Random,
) -> Result<NewKey, String> {
    let der = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
    seal(&der.map_err(|error| error.to_string())??, purpose, vault, times, random)
}

fn seal(
    der: &Secret<Vec<u8>>,
    purpose: Purpose,
    vault: &Vault,
    (created_at, signs_from): (Timestamp, Timestamp),
    random: &Random,
) -> Result<NewKey, String> {
    let SigningKey { key_id, algorithm, .. } = SigningKey::from_pkcs8(purpose, der.expose())?;
    let sealed = vault.system.seal(place(&key_id, purpose), der.expose(), random).map_err(|error| error.to_string())?;
    Ok(NewKey { times: KeyTimes { key_id, purpose, algorithm, created_at, signs_from, revoked_at: None }, sealed })
}

async fn version(tx: &mut Tx) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_optional VersionRow, "SELECT value FROM version WHERE name = 'signing_key'")?;
    Ok(row.map_or(0, |row| row.value))
}

async fn load(tx: &mut Tx) -> Result<Vec<KeyRow>, DbError> {
    sql!(tx, fetch_all KeyRow,
        "SELECT key_id, purpose, algorithm, sealed, created_at, signs_from, revoked_at
           FROM signing_key ORDER BY created_at, purpose, algorithm, key_id")
}

/// Stores keys, if the version is still the one that was read; `false`, and nothing is stored, if somebody else was
/// first.
pub async fn put(tx: &mut Tx, version: i64, keys: &[NewKey]) -> Result<bool, DbError> {
    let raised = sql!(
        tx,
        execute,
        "INSERT INTO version (name, value) VALUES ('signing_key', $1 + 1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE version.value = $1",
        version
    )?;
    if raised != 1 {
        return Ok(false);
    }
    for NewKey { times, sealed } in keys {
        sql!(
            tx,
            execute,
            "INSERT INTO signing_key (key_id, purpose, algorithm, sealed, created_at, signs_from)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &times.key_id,
            times.purpose,
            times.algorithm,
            sealed,
            times.created_at,
            times.signs_from
        )?;
    }
    Ok(true)
}

/// `false` if there is no such key, or it is revoked already.
pub async fn revoke(tx: &mut Tx, key_id: &str, now: Timestamp) -> Result<bool, DbError> {
    let rows = sql!(
        tx,
        execute,
        "UPDATE signing_key SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL",
        key_id,
        now
    )?;
    Ok(rows == 1)
}
