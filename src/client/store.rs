//! Clients as the operator declared them.

use super::Client;
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
struct ClientRow {
    definition: String,
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    value: i64,
}

pub async fn load_all(tx: &mut Tx) -> Result<Vec<Client>, Error> {
    let rows = sql!(tx, fetch_all ClientRow, "SELECT definition FROM client ORDER BY id")?;
    rows.iter().map(|row| serde_json::from_str(&row.definition).map_err(Error::broken)).collect()
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
    let row = sql!(tx, fetch_optional VersionRow, "SELECT value FROM version WHERE name = 'client'")?;
    Ok(row.map_or(0, |row| row.value))
}
