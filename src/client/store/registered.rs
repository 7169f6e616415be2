//! Clients that have registered themselves, and the tokens that let them.

use crate::kernel::id::{ClientId, RegistrationTokenId};
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct RegisteredRow {
    pub definition: String,
    pub metadata: String,
    pub has_logo: bool,
    pub admitted_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub approved_at: Option<Timestamp>,
    pub approved_by: Option<String>,
}

/// Those that count at this time.
pub async fn load_all(tx: &mut Tx, now: Timestamp) -> Result<Vec<RegisteredRow>, DbError> {
    sql!(tx, fetch_all RegisteredRow,
        "SELECT definition, metadata, logo IS NOT NULL AS has_logo, admitted_by, created_at, expires_at, approved_at, approved_by
           FROM registered_client
          WHERE approved_at IS NOT NULL OR expires_at > $1 ORDER BY id", now)
}

/// One that counts at this time and is not switched off, for whoever has its token.
pub async fn find(
    tx: &mut Tx,
    id: &ClientId,
    access_hash: &[u8],
    now: Timestamp,
) -> Result<Option<RegisteredRow>, DbError> {
    sql!(tx, fetch_optional RegisteredRow,
        "SELECT definition, metadata, logo IS NOT NULL AS has_logo, admitted_by, created_at, expires_at, approved_at, approved_by
           FROM registered_client
          WHERE id = $1 AND access_hash = $2 AND (approved_at IS NOT NULL OR expires_at > $3)
            AND NOT EXISTS (SELECT 1 FROM disabled_client WHERE disabled_client.client_id = registered_client.id)",
        id, access_hash, now)
}

#[derive(sqlx::FromRow)]
struct IdRow {
    id: ClientId,
}

/// Whether there is one of this id, whether or not it still counts.
pub async fn exists(tx: &mut Tx, id: &ClientId) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_optional IdRow, "SELECT id FROM registered_client WHERE id = $1", id)?;
    Ok(row.is_some_and(|row| row.id == *id))
}

/// What a client has said, and what became of it.
pub struct Definition<'a> {
    pub id: &'a ClientId,
    pub definition: String,
    pub metadata: String,
    pub logo: Option<&'a [u8]>,
    pub access_hash: [u8; 32],
    /// For a client that nobody has approved.
    pub expires_at: Timestamp,
}

/// `false` if there are too many already that nobody has approved.
pub async fn insert(
    work: &mut Work,
    client: &Definition<'_>,
    admitted_by: &str,
    unapproved_max: i64,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO registered_client (id, definition, metadata, access_hash, logo, admitted_by, created_at, expires_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8
          WHERE (SELECT COUNT(*) FROM registered_client WHERE approved_at IS NULL AND expires_at > $7) < $9",
        client.id,
        &client.definition,
        &client.metadata,
        &client.access_hash[..],
        client.logo,
        admitted_by,
        work.now,
        client.expires_at,
        unapproved_max
    )?;
    Ok(rows == 1)
}

/// Puts other words in the place of a client's. Nobody has approved those; whoever had not been approved before has no more
/// time by that.
pub async fn put(work: &mut Work, client: &Definition<'_>) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE registered_client
            SET definition = $3, metadata = $4, logo = $5, approved_at = NULL, approved_by = NULL,
                expires_at = CASE WHEN approved_at IS NULL THEN expires_at ELSE $6 END
          WHERE id = $1 AND access_hash = $2",
        client.id,
        &client.access_hash[..],
        &client.definition,
        &client.metadata,
        client.logo,
        client.expires_at
    )?;
    Ok(rows == 1)
}

pub async fn delete(work: &mut Work, id: &ClientId, access_hash: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM registered_client WHERE id = $1 AND access_hash = $2",
        id,
        access_hash
    )?;
    Ok(rows == 1)
}

/// `false` if it is approved already, or there is none that still counts.
pub async fn approve(work: &mut Work, id: &ClientId, operator: &str) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE registered_client SET approved_at = $2, approved_by = $3
          WHERE id = $1 AND approved_at IS NULL AND expires_at > $2",
        id,
        work.now,
        operator
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct LogoRow {
    logo: Option<Vec<u8>>,
}

pub async fn logo(tx: &mut Tx, id: &ClientId) -> Result<Option<Vec<u8>>, DbError> {
    let row = sql!(tx, fetch_optional LogoRow, "SELECT logo FROM registered_client WHERE id = $1", id)?;
    Ok(row.and_then(|row| row.logo))
}

// Tokens

#[derive(sqlx::FromRow)]
pub struct TokenRow {
    pub id: RegistrationTokenId,
    pub note: String,
    pub operator: String,
    pub uses_left: i64,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

pub async fn insert_token(work: &mut Work, row: &TokenRow, hash: &[u8]) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO registration_token (id, token_hash, note, operator, uses_left, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &row.id,
        hash,
        &row.note,
        &row.operator,
        row.uses_left,
        row.created_at,
        row.expires_at
    )
    .map(drop)
}

/// The token behind a hash, if it may be used at this time.
pub async fn find_token(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<TokenRow>, DbError> {
    sql!(tx, fetch_optional TokenRow,
        "SELECT id, note, operator, uses_left, created_at, expires_at FROM registration_token
          WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2", hash, now)
}

/// Takes one of its uses away. Whoever gets `true` has it.
pub async fn spend_token(work: &mut Work, id: &RegistrationTokenId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE registration_token SET uses_left = uses_left - 1
          WHERE id = $1 AND uses_left > 0 AND expires_at > $2",
        id,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn list_tokens(tx: &mut Tx) -> Result<Vec<TokenRow>, DbError> {
    sql!(tx, fetch_all TokenRow,
        "SELECT id, note, operator, uses_left, created_at, expires_at FROM registration_token ORDER BY id LIMIT 1000")
}

pub async fn delete_token(work: &mut Work, id: &RegistrationTokenId) -> Result<bool, DbError> {
    let rows = sql!(&mut work.tx, execute, "DELETE FROM registration_token WHERE id = $1", id)?;
    Ok(rows == 1)
}
