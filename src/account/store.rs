//! Accounts, attributes and addresses.

use super::{AttributeName, NewAccount, Source, Status};
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
struct IdRow {
    id: AccountId,
}

/// One row per attribute, each with the account's own columns: one statement instead of three.
#[derive(sqlx::FromRow)]
pub struct LoadedRow {
    pub key_wrapped: Option<Vec<u8>>,
    pub language: Language,
    pub address: Vec<u8>,
    pub confirmed_at: Timestamp,
    pub name: AttributeName,
    pub version: i64,
    pub value: Vec<u8>,
    pub level: Level,
    pub source: Source,
    pub recorded_at: Timestamp,
}

pub async fn insert_account(work: &mut Work, new: &NewAccount<'_>) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO account (id, status, key_wrapped, language, created_at) VALUES ($1, $2, $3, $4, $5)",
        &new.id,
        Status::Active,
        new.key_wrapped,
        new.language,
        work.now
    )
    .map(drop)
}

/// `false` if the address belongs to an account already.
pub async fn insert_address(work: &mut Work, id: &AccountId, index: &[u8], sealed: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO email_address (blind_index, account_id, value, confirmed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (blind_index) DO NOTHING",
        index,
        id,
        sealed,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn insert_attribute(
    work: &mut Work,
    id: &AccountId,
    name: AttributeName,
    sealed: &[u8],
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO attribute (account_id, name, version, value, level, source, recorded_at)
         VALUES ($1, $2, 1, $3, $4, $5, $6)",
        id,
        name,
        sealed,
        Level::Basic,
        Source::SelfAsserted,
        work.now
    )
    .map(drop)
}

pub async fn find_by_index(tx: &mut Tx, index: &[u8]) -> Result<Option<AccountId>, DbError> {
    let row = sql!(tx, fetch_optional IdRow,
        "SELECT account.id FROM email_address JOIN account ON account.id = email_address.account_id
          WHERE email_address.blind_index = $1 AND account.status = 'active'", index)?;
    Ok(row.map(|row| row.id))
}

pub async fn load(tx: &mut Tx, id: &AccountId) -> Result<Vec<LoadedRow>, DbError> {
    sql!(tx, fetch_all LoadedRow,
        "SELECT account.key_wrapped, account.language, email_address.value AS address, email_address.confirmed_at,
                attribute.name, attribute.version, attribute.value, attribute.level, attribute.source, attribute.recorded_at
           FROM account
           JOIN email_address ON email_address.account_id = account.id
           JOIN attribute ON attribute.account_id = account.id
          WHERE account.id = $1 AND account.status = 'active'
          ORDER BY attribute.name", id)
}
