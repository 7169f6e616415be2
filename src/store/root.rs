//! The root secret: made at the first start, kept in the database, wrapped by the master key.

use crate::kernel::error::Error;
use crate::kernel::random::Random;
use crate::kernel::seal::{DataKey, MasterKeys, Vault};

use super::db::{Db, DbError};
use crate::sql;

const OWNER: &str = "root";

#[derive(sqlx::FromRow)]
struct RootRow {
    wrapped: Vec<u8>,
}

/// Opens the vault. Of several nodes that start on an empty database, one makes the secret and all use it.
pub async fn open_vault(db: &Db, master: MasterKeys, random: &Random) -> Result<Vault, String> {
    let fresh = DataKey::random(random);
    let wrapped = master.wrap(&fresh, OWNER, random).await.map_err(|error| error.to_string())?;
    let stored = read_or_insert(db, &wrapped).await.map_err(|error| error.to_string())?;
    let root = master.unwrap(&stored, OWNER).await.map_err(|error| {
        format!("keys.master_key: {error}. While one master key takes another's place, keys.other_master_key names the other")
    })?;
    Ok(Vault::new(master, &root))
}

/// Wraps the root secret with the master key in force. `false` if it is already.
pub async fn rewrap(db: &Db, vault: &Vault, random: &Random) -> Result<bool, Error> {
    let Some(old) = read(db).await?.map(|row| row.wrapped) else { return Ok(false) };
    if vault.master().is_current(&old) {
        return Ok(false);
    }
    let root = vault.master().unwrap(&old, OWNER).await.map_err(Error::broken)?;
    let new = vault.master().wrap(&root, OWNER, random).await.map_err(Error::broken)?;
    let mut tx = db.begin().await?;
    let rows =
        sql!(&mut tx, execute, "UPDATE root_secret SET wrapped = $1 WHERE name = 'root' AND wrapped = $2", new, old)?;
    db.commit(tx).await?;
    Ok(rows == 1)
}

async fn read_or_insert(db: &Db, wrapped: &[u8]) -> Result<Vec<u8>, DbError> {
    if let Some(row) = read(db).await? {
        return Ok(row.wrapped);
    }
    let mut tx = db.begin().await?;
    sql!(
        &mut tx,
        execute,
        "INSERT INTO root_secret (name, wrapped) VALUES ('root', $1) ON CONFLICT (name) DO NOTHING",
        wrapped
    )?;
    db.commit(tx).await?;
    Ok(read(db).await?.map(|row| row.wrapped).unwrap_or_default())
}

async fn read(db: &Db) -> Result<Option<RootRow>, DbError> {
    let mut tx = db.read().await?;
    sql!(&mut tx, fetch_optional RootRow, "SELECT wrapped FROM root_secret WHERE name = 'root'")
}
