//! Addresses in the database, and changes of them that wait for their codes.

use crate::kernel::id::AccountId;
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// `false` if the address belongs to an account already.
pub async fn insert_address(
    work: &mut Work,
    id: &AccountId,
    index: &[u8],
    sealed: &[u8],
    is_primary: bool,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO email_address (blind_index, account_id, value, confirmed_at, is_primary)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (blind_index) DO NOTHING",
        index,
        id,
        sealed,
        work.now,
        is_primary
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct AddressRow {
    pub blind_index: Vec<u8>,
    pub value: Vec<u8>,
    pub confirmed_at: Timestamp,
    pub is_primary: bool,
}

pub async fn addresses(tx: &mut Tx, id: &AccountId) -> Result<Vec<AddressRow>, DbError> {
    sql!(tx, fetch_all AddressRow,
        "SELECT blind_index, value, confirmed_at, is_primary FROM email_address
          WHERE account_id = $1 ORDER BY is_primary DESC, confirmed_at, blind_index", id)
}

/// `false` if it is not one of the account's, or the one that gets the mails.
pub async fn delete_address(work: &mut Work, id: &AccountId, index: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM email_address WHERE account_id = $1 AND blind_index = $2 AND is_primary = FALSE",
        id,
        index
    )?;
    Ok(rows == 1)
}

/// Two statements, because no moment may have two primary addresses. `false` if it is not one of the account's.
pub async fn make_primary(work: &mut Work, id: &AccountId, index: &[u8]) -> Result<bool, DbError> {
    let (off, on) = (false, true);
    sql!(&mut work.tx, execute, "UPDATE email_address SET is_primary = $2 WHERE account_id = $1", id, off)?;
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE email_address SET is_primary = $3 WHERE account_id = $1 AND blind_index = $2",
        id,
        index,
        on
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct AddressChangeRow {
    pub address: Vec<u8>,
    pub new_confirmed: bool,
    pub old_confirmed: bool,
}

pub async fn put_address_change(
    work: &mut Work,
    id: &AccountId,
    address: &[u8],
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO address_change (account_id, address, new_confirmed, old_confirmed, expires_at)
         VALUES ($1, $2, FALSE, FALSE, $3)
         ON CONFLICT (account_id) DO UPDATE SET address = excluded.address, new_confirmed = FALSE,
             old_confirmed = FALSE, expires_at = excluded.expires_at",
        id,
        address,
        expires_at
    )
    .map(drop)
}

pub async fn find_address_change(
    tx: &mut Tx,
    id: &AccountId,
    now: Timestamp,
) -> Result<Option<AddressChangeRow>, DbError> {
    sql!(tx, fetch_optional AddressChangeRow,
        "SELECT address, new_confirmed, old_confirmed FROM address_change
          WHERE account_id = $1 AND expires_at > $2", id, now)
}

/// Remembers which codes were right. `false` if another change has begun since it was read.
pub async fn confirm_address_change(
    work: &mut Work,
    id: &AccountId,
    address: &[u8],
    (new, old): (bool, bool),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE address_change SET new_confirmed = (new_confirmed OR $3), old_confirmed = (old_confirmed OR $4)
          WHERE account_id = $1 AND address = $2",
        id,
        address,
        new,
        old
    )?;
    Ok(rows == 1)
}

/// The gate: of two that complete the same change, one finds it.
pub async fn delete_confirmed_address_change(work: &mut Work, id: &AccountId, address: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM address_change WHERE account_id = $1 AND address = $2 AND new_confirmed AND old_confirmed
            AND expires_at > $3",
        id,
        address,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct CorrespondentRow {
    pub key_wrapped: Option<Vec<u8>>,
    pub language: Language,
    pub address: Vec<u8>,
    pub blind_index: Vec<u8>,
}

pub async fn correspondent(tx: &mut Tx, id: &AccountId) -> Result<Option<CorrespondentRow>, DbError> {
    sql!(tx, fetch_optional CorrespondentRow,
        "SELECT account.key_wrapped, account.language, email_address.value AS address, email_address.blind_index
           FROM account
           JOIN email_address ON email_address.account_id = account.id AND email_address.is_primary
          WHERE account.id = $1", id)
}
