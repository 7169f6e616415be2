//! Clients as the operator declared them, and how they stand.

pub mod registered;

use std::collections::HashMap;

use super::Client;
use super::secret::StoredSecret;
use super::state::Disabled;
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
struct ClientRow {
    definition: String,
}

#[derive(sqlx::FromRow)]
struct NumberRow {
    value: i64,
}

pub async fn load_all(tx: &mut Tx) -> Result<Vec<Client>, Error> {
    let rows = sql!(tx, fetch_all ClientRow, "SELECT definition FROM client ORDER BY id")?;
    rows.iter().map(|row| serde_json::from_str(&row.definition).map_err(Error::broken)).collect()
}

pub async fn load(tx: &mut Tx, id: &ClientId) -> Result<Option<Client>, Error> {
    let row = sql!(tx, fetch_optional ClientRow, "SELECT definition FROM client WHERE id = $1", id)?;
    row.map(|row| serde_json::from_str(&row.definition).map_err(Error::broken)).transpose()
}

pub async fn put(work: &mut Work, client: &Client) -> Result<(), Error> {
    let definition = serde_json::to_string(client).map_err(Error::broken)?;
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO client (id, definition, changed_at) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET definition = excluded.definition, changed_at = excluded.changed_at",
        &client.id,
        definition,
        work.now
    )?;
    Ok(())
}

pub async fn remove(work: &mut Work, id: &ClientId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM client WHERE id = $1", id).map(drop)
}

pub async fn raise_version(work: &mut Work) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO version (name, value) VALUES ('client', 1) ON CONFLICT (name) DO UPDATE SET value = version.value + 1"
    )
    .map(drop)
}

pub async fn version(tx: &mut Tx) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_optional NumberRow, "SELECT value FROM version WHERE name = 'client'")?;
    Ok(row.map_or(0, |row| row.value))
}

// Switched off

#[derive(sqlx::FromRow)]
struct DisabledRow {
    client_id: ClientId,
    since: Timestamp,
    operator: String,
    reason: String,
}

pub async fn load_disabled(tx: &mut Tx) -> Result<HashMap<ClientId, Disabled>, DbError> {
    let rows = sql!(tx, fetch_all DisabledRow, "SELECT client_id, since, operator, reason FROM disabled_client")?;
    let read = |DisabledRow { client_id, since, operator, reason }| (client_id, Disabled { since, operator, reason });
    Ok(rows.into_iter().map(read).collect())
}

/// `false` if it is there already.
pub async fn insert_disabled(work: &mut Work, id: &ClientId, operator: &str, reason: &str) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO disabled_client (client_id, since, operator, reason) VALUES ($1, $2, $3, $4)
         ON CONFLICT (client_id) DO NOTHING",
        id,
        work.now,
        operator,
        reason
    )?;
    Ok(rows == 1)
}

pub async fn delete_disabled(work: &mut Work, id: &ClientId) -> Result<bool, DbError> {
    let rows = sql!(&mut work.tx, execute, "DELETE FROM disabled_client WHERE client_id = $1", id)?;
    Ok(rows == 1)
}

// Secrets

#[derive(sqlx::FromRow)]
struct SecretRow {
    client_id: ClientId,
    secret_hash: Vec<u8>,
    since: Timestamp,
    ends_at: Option<Timestamp>,
}

/// Newest first.
pub async fn load_secrets(tx: &mut Tx) -> Result<HashMap<ClientId, Vec<StoredSecret>>, DbError> {
    let rows = sql!(
        tx,
        fetch_all SecretRow,
        "SELECT client_id, secret_hash, since, ends_at FROM client_secret ORDER BY since DESC"
    )?;
    let mut secrets: HashMap<ClientId, Vec<StoredSecret>> = HashMap::new();
    for SecretRow { client_id, secret_hash: hash, since, ends_at } in rows {
        secrets.entry(client_id).or_default().push(StoredSecret { hash, since, ends_at });
    }
    Ok(secrets)
}

/// Lets a client's secrets end at that time, those that end sooner excepted, and removes what has ended.
pub async fn end_secrets(work: &mut Work, id: &ClientId, end: Timestamp) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE client_secret SET ends_at = $2 WHERE client_id = $1 AND (ends_at IS NULL OR ends_at > $2)",
        id,
        end
    )?;
    sql!(&mut work.tx, execute, "DELETE FROM client_secret WHERE client_id = $1 AND ends_at <= $2", id, work.now)
        .map(drop)
}

pub async fn count_secrets(work: &mut Work, id: &ClientId) -> Result<i64, DbError> {
    let row = sql!(
        &mut work.tx,
        fetch_one NumberRow,
        "SELECT CAST(COUNT(*) AS BIGINT) AS value FROM client_secret WHERE client_id = $1",
        id
    )?;
    Ok(row.value)
}

pub async fn insert_secret(work: &mut Work, id: &ClientId, hash: &[u8]) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO client_secret (client_id, secret_hash, since) VALUES ($1, $2, $3)",
        id,
        hash,
        work.now
    )
    .map(drop)
}

pub async fn remove_secrets(work: &mut Work, id: &ClientId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM client_secret WHERE client_id = $1", id).map(drop)
}
