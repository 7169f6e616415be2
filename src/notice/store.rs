//! Check codes of mails.

use super::Kind;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};

#[derive(sqlx::FromRow)]
pub struct CheckRow {
    pub kind: Kind,
    pub sent_at: Timestamp,
}

pub async fn insert_check(
    tx: &mut Tx,
    code_hash: &[u8],
    kind: Kind,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        tx,
        later,
        "INSERT INTO mail_check (code_hash, kind, sent_at, expires_at) VALUES ($1, $2, $3, $4)",
        code_hash,
        kind,
        now,
        expires_at
    )
}

pub async fn find_check(tx: &mut Tx, code_hash: &[u8], now: Timestamp) -> Result<Option<CheckRow>, DbError> {
    sql!(
        tx,
        fetch_optional CheckRow,
        "SELECT kind, sent_at FROM mail_check WHERE code_hash = $1 AND expires_at > $2",
        code_hash,
        now
    )
}
