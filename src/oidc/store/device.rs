//! Rows of devices that wait for somebody (RFC 8628).

use crate::kernel::id::ClientId;
use crate::kernel::time::Timestamp;
use crate::oidc::device::State;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

pub struct NewRow<'a> {
    pub device_hash: &'a [u8],
    pub user_hash: &'a [u8],
    pub client: &'a ClientId,
    pub network_hash: Option<&'a [u8]>,
    pub request: &'a [u8],
    pub interval_seconds: i64,
    pub expires_at: Timestamp,
}

/// How many may wait at once.
pub struct Limits {
    pub of_client: i64,
    pub of_network: i64,
}

/// `false` if too many are waiting already.
pub async fn insert(work: &mut Work, row: &NewRow<'_>, limits: &Limits) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO device_authorization
             (device_hash, user_hash, client_id, network_hash, request, state, interval_seconds, created_at, expires_at)
         SELECT $1, $2, $3, $4, $5, 'pending', $6, $7, $8
          WHERE (SELECT COUNT(*) FROM device_authorization
                  WHERE client_id = $3 AND state = 'pending' AND expires_at > $7) < $9
            AND (SELECT COUNT(*) FROM device_authorization
                  WHERE client_id = $3 AND network_hash = $4 AND state = 'pending' AND expires_at > $7) < $10",
        row.device_hash,
        row.user_hash,
        row.client,
        row.network_hash,
        row.request,
        row.interval_seconds,
        work.now,
        row.expires_at,
        limits.of_client,
        limits.of_network
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct DeviceRow {
    pub device_hash: Vec<u8>,
    pub client_id: ClientId,
    pub request: Vec<u8>,
    pub state: State,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Whatever has become of it.
pub async fn find(tx: &mut Tx, device_hash: &[u8]) -> Result<Option<DeviceRow>, DbError> {
    sql!(tx, fetch_optional DeviceRow,
        "SELECT device_hash, client_id, request, state, created_at, expires_at FROM device_authorization
          WHERE device_hash = $1", device_hash)
}

/// One that waits, by the code that people type.
pub async fn find_waiting(tx: &mut Tx, user_hash: &[u8], now: Timestamp) -> Result<Option<DeviceRow>, DbError> {
    sql!(tx, fetch_optional DeviceRow,
        "SELECT device_hash, client_id, request, state, created_at, expires_at FROM device_authorization
          WHERE user_hash = $1 AND state = 'pending' AND expires_at > $2", user_hash, now)
}

/// Writes a question down that came in time; `false` if it came too early. `latest` is when the one before must have
/// come if there were no interval.
pub async fn put_question(work: &mut Work, device_hash: &[u8], latest: Timestamp) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE device_authorization SET polled_at = $2
          WHERE device_hash = $1 AND (polled_at IS NULL OR polled_at + interval_seconds * 1000 <= $3)",
        device_hash,
        work.now,
        latest
    )?;
    Ok(rows == 1)
}

/// Makes the interval longer.
pub async fn slow_down(work: &mut Work, device_hash: &[u8], seconds: i64) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE device_authorization SET polled_at = $2, interval_seconds = interval_seconds + $3
          WHERE device_hash = $1",
        device_hash,
        work.now,
        seconds
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
pub struct ExpiryRow {
    pub expires_at: Timestamp,
}

/// Answers one that waits, once.
pub async fn answer(work: &mut Work, device_hash: &[u8], state: State) -> Result<Option<ExpiryRow>, DbError> {
    sql!(&mut work.tx, fetch_optional ExpiryRow,
        "UPDATE device_authorization SET state = $2
          WHERE device_hash = $1 AND state = 'pending' AND expires_at > $3 RETURNING expires_at",
        device_hash, state, work.now)
}
