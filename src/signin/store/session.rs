//! Sessions and devices.

use super::super::session::{Proof, Session};
use crate::kernel::id::{AccountId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

pub async fn insert_session(work: &mut Work, id: &SessionId, token_hash: &[u8], proof: &Proof) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO session (id, token_hash, account_id, level, methods, authenticated_at, created_at, last_seen_at,
                              device, idle_minutes)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $6, $7, (SELECT idle_minutes FROM account WHERE account.id = $3))",
        id,
        token_hash,
        &proof.account,
        proof.strength,
        proof.methods,
        work.now,
        &proof.device
    )
    .map(drop)
}

/// `false` if the session has ended in the meantime.
pub async fn renew_session(work: &mut Work, id: &SessionId, token_hash: &[u8], proof: &Proof) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE session SET token_hash = $2, level = $3, methods = $4, authenticated_at = $5, last_seen_at = $5,
                            device = $6
          WHERE id = $1",
        id,
        token_hash,
        proof.strength,
        proof.methods,
        work.now,
        &proof.device
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct ActingRow {
    pub acting: Option<String>,
}

pub async fn acting_of(work: &mut Work, id: &SessionId) -> Result<Option<ActingRow>, DbError> {
    sql!(&mut work.tx, fetch_optional ActingRow, "SELECT acting FROM session WHERE id = $1", id)
}

/// `false` if the session has ended in the meantime.
pub async fn put_acting(work: &mut Work, id: &SessionId, acting: Option<&str>) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE session SET acting = $2, chosen_at = $3 WHERE id = $1",
        id,
        acting,
        work.now
    )?;
    Ok(rows == 1)
}

/// Does nothing to a session that has been renewed meanwhile.
pub async fn touch_session(work: &mut Work, session: &Session, strength: Level) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE session SET last_seen_at = $2, level = $3
          WHERE id = $1 AND last_seen_at < $2 AND level = $4 AND authenticated_at = $5",
        &session.id,
        work.now,
        strength,
        session.proven,
        session.authenticated_at
    )
    .map(drop)
}

pub async fn delete_session(work: &mut Work, id: &SessionId) -> Result<bool, DbError> {
    Ok(sql!(&mut work.tx, execute, "DELETE FROM session WHERE id = $1", id)? == 1)
}

pub async fn sessions_of(tx: &mut Tx, account: &AccountId) -> Result<Vec<Session>, DbError> {
    sql!(tx, fetch_all Session,
        "SELECT session.id, session.account_id, session.level, session.methods, session.authenticated_at,
                session.created_at, session.last_seen_at, session.device, session.idle_minutes, session.acting,
                session.chosen_at, account.identity_level, CAST(NULL AS BIGINT) AS leaves_at
           FROM session JOIN account ON account.id = session.account_id
          WHERE session.account_id = $1 ORDER BY session.last_seen_at DESC, session.id DESC LIMIT 100", account)
}

pub async fn delete_session_of(work: &mut Work, account: &AccountId, id: &SessionId) -> Result<bool, DbError> {
    Ok(sql!(&mut work.tx, execute, "DELETE FROM session WHERE id = $2 AND account_id = $1", account, id)? == 1)
}

#[derive(sqlx::FromRow)]
pub struct EndedRow {
    pub id: SessionId,
}

pub async fn delete_other_sessions(
    work: &mut Work,
    account: &AccountId,
    kept: &SessionId,
) -> Result<Vec<EndedRow>, DbError> {
    sql!(&mut work.tx, fetch_all EndedRow,
        "DELETE FROM session WHERE account_id = $1 AND id <> $2 RETURNING id", account, kept)
}

pub async fn put_idle_minutes(work: &mut Work, account: &AccountId, minutes: i64) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE account SET idle_minutes = $2 WHERE id = $1", account, minutes)?;
    sql!(&mut work.tx, execute, "UPDATE session SET idle_minutes = $2 WHERE account_id = $1", account, minutes)
        .map(drop)
}

pub async fn delete_sessions_of(work: &mut Work, account: &AccountId) -> Result<Vec<EndedRow>, DbError> {
    sql!(&mut work.tx, fetch_all EndedRow, "DELETE FROM session WHERE account_id = $1 RETURNING id", account)
}

pub async fn put_device(work: &mut Work, account: &AccountId, hash: &[u8], name: &str) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO device (account_id, device_hash, name, first_seen_at, last_seen_at) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (account_id, device_hash) DO UPDATE SET name = excluded.name, last_seen_at = excluded.last_seen_at",
        account,
        hash,
        name,
        work.now
    )
}

pub async fn delete_other_devices(work: &mut Work, account: &AccountId, kept: &[u8]) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM device WHERE account_id = $1 AND device_hash <> $2", account, kept)
        .map(drop)
}

#[derive(sqlx::FromRow)]
pub struct DeviceRow {
    pub name: String,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
}

pub async fn devices_of(tx: &mut Tx, account: &AccountId) -> Result<Vec<DeviceRow>, DbError> {
    sql!(tx, fetch_all DeviceRow,
        "SELECT name, first_seen_at, last_seen_at FROM device WHERE account_id = $1
          ORDER BY last_seen_at DESC, device_hash LIMIT 1000", account)
}

pub async fn delete_devices(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM device WHERE account_id = $1", account).map(drop)
}
