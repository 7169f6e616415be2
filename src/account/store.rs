//! Accounts, attributes and addresses.

pub mod absence;
mod address;

pub use address::{
    AddressRow, addresses, confirm_address_change, correspondent, delete_address, delete_confirmed_address_change,
    find_address_change, insert_address, make_primary, put_address_change,
};

use super::{Attribute, AttributeName, NewAccount, Source, Status};
use crate::kernel::id::{AccountId, EvidenceId};
use crate::kernel::level::Level;
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
struct FoundRow {
    id: AccountId,
    status: Status,
}

/// One row per attribute, each with the account's own columns: one statement instead of three.
#[derive(sqlx::FromRow)]
pub struct LoadedRow {
    pub key_wrapped: Option<Vec<u8>>,
    pub status: Status,
    pub erase_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub language: Language,
    pub attribute_version: i64,
    pub address: Vec<u8>,
    pub blind_index: Vec<u8>,
    pub confirmed_at: Timestamp,
    pub name: AttributeName,
    pub version: i64,
    pub value: Vec<u8>,
    pub level: Level,
    pub source: Source,
    pub recorded_at: Timestamp,
    pub evidence_id: Option<EvidenceId>,
}

impl LoadedRow {
    /// With its value, opened.
    pub fn attribute(&self, value: String) -> Attribute {
        let evidence = self.evidence_id.clone();
        Attribute { value, level: self.level, source: self.source, recorded_at: self.recorded_at, evidence }
    }
}

pub async fn insert_account(work: &mut Work, new: &NewAccount<'_>, key_wrapped: &[u8]) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO account (id, status, key_wrapped, language, created_at, status_since, used_at)
         VALUES ($1, $2, $3, $4, $5, $5, $5)",
        &new.id,
        Status::Active,
        key_wrapped,
        new.language,
        work.now
    )
    .map(drop)
}

pub async fn hold(work: &mut Work, id: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE account SET offline_epoch = offline_epoch WHERE id = $1", id).map(drop)
}

/// The wrapped key of an account that is in use, held; nothing if it is not.
pub async fn hold_active(work: &mut Work, id: &AccountId) -> Result<Option<Vec<u8>>, DbError> {
    let row = sql!(&mut work.tx, fetch_optional KeyRow,
        "UPDATE account SET offline_epoch = offline_epoch WHERE id = $1 AND status = 'active' RETURNING key_wrapped", id)?;
    Ok(row.and_then(|row| row.key_wrapped))
}

pub async fn raise_offline_epoch(work: &mut Work, id: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE account SET offline_epoch = offline_epoch + 1 WHERE id = $1", id).map(drop)
}

pub async fn put_language(work: &mut Work, id: &AccountId, language: Language) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE account SET language = $2 WHERE id = $1", id, language).map(drop)
}

/// The gate: of several changes that began from the version `seen` one finds it. The new version; `None` for all others.
pub async fn raise_attribute_version(work: &mut Work, id: &AccountId, seen: i64) -> Result<Option<i64>, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE account SET attribute_version = attribute_version + 1
          WHERE id = $1 AND attribute_version = $2 AND status = 'active'",
        id,
        seen
    )?;
    Ok((rows == 1).then_some(seen + 1))
}

/// What stands behind a value: its level, where it comes from, and the evidence.
pub type Backing<'a> = (Level, Source, Option<&'a EvidenceId>);

/// The person's word.
pub const STATED: Backing<'static> = (Level::Basic, Source::SelfAsserted, None);

/// Puts a value that was sealed under this version, whether there was one before or not.
pub async fn put_attribute(
    work: &mut Work,
    id: &AccountId,
    name: AttributeName,
    (version, sealed): (i64, &[u8]),
    (level, source, evidence): Backing<'_>,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO attribute (account_id, name, version, value, level, source, recorded_at, evidence_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (account_id, name) DO UPDATE SET version = excluded.version, value = excluded.value,
             level = excluded.level, source = excluded.source, recorded_at = excluded.recorded_at,
             evidence_id = excluded.evidence_id",
        id,
        name,
        version,
        sealed,
        level,
        source,
        work.now,
        evidence
    )
}

pub async fn insert_evidence(
    work: &mut Work,
    id: &AccountId,
    evidence: &EvidenceId,
    (source, level): (Source, Level),
    record: &[u8],
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO evidence (id, account_id, source, level, shown_at, record) VALUES ($1, $2, $3, $4, $5, $6)",
        evidence,
        id,
        source,
        level,
        work.now,
        record
    )
}

#[derive(sqlx::FromRow)]
pub struct EvidenceRow {
    pub id: EvidenceId,
    pub source: Source,
    pub level: Level,
    pub shown_at: Timestamp,
    pub record: Vec<u8>,
}

/// All of an account's evidence, the newest first.
pub async fn evidence_of(tx: &mut Tx, id: &AccountId) -> Result<Vec<EvidenceRow>, DbError> {
    sql!(tx, fetch_all EvidenceRow,
        "SELECT id, source, level, shown_at, record FROM evidence WHERE account_id = $1 ORDER BY shown_at DESC, id DESC", id)
}

pub async fn delete_evidence(work: &mut Work, id: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM evidence WHERE account_id = $1", id).map(drop)
}

/// How well it is known who somebody is, and under which they are found.
pub async fn put_identity(work: &mut Work, id: &AccountId, level: Level, index: Option<&[u8]>) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE account SET identity_level = $2, identity_index = $3 WHERE id = $1",
        id,
        level,
        index
    )
    .map(drop)
}

pub async fn find_by_identity(tx: &mut Tx, index: &[u8]) -> Result<Vec<AccountId>, DbError> {
    let rows = sql!(tx, fetch_all FoundRow,
        "SELECT id, status FROM account WHERE identity_index = $1 ORDER BY id LIMIT 100", index)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

pub async fn lower_attributes(work: &mut Work, id: &AccountId, from: Level, to: Level) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE attribute SET level = $3 WHERE account_id = $1 AND level = $2", id, from, to)
        .map(drop)
}

/// Whether it was that high.
pub async fn lower_identity(work: &mut Work, id: &AccountId, from: Level, to: Level) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE account SET identity_level = $3 WHERE id = $1 AND identity_level = $2",
        id,
        from,
        to
    )?;
    Ok(rows == 1)
}

pub async fn delete_attribute(work: &mut Work, id: &AccountId, name: AttributeName) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM attribute WHERE account_id = $1 AND name = $2", id, name).map(drop)
}

pub async fn find_by_index(tx: &mut Tx, index: &[u8]) -> Result<Option<(AccountId, Status)>, DbError> {
    let row = sql!(tx, fetch_optional FoundRow,
        "SELECT account.id, account.status FROM email_address JOIN account ON account.id = email_address.account_id
          WHERE email_address.blind_index = $1", index)?;
    Ok(row.map(|row| (row.id, row.status)))
}

pub async fn load(tx: &mut Tx, id: &AccountId) -> Result<Vec<LoadedRow>, DbError> {
    sql!(tx, fetch_all LoadedRow,
        "SELECT account.key_wrapped, account.status, account.erase_at, account.created_at, account.language,
                account.attribute_version, email_address.value AS address, email_address.confirmed_at,
                email_address.blind_index, attribute.name, attribute.version, attribute.value, attribute.level, attribute.source, attribute.recorded_at,
                attribute.evidence_id
           FROM account
           JOIN email_address ON email_address.account_id = account.id AND email_address.is_primary
           JOIN attribute ON attribute.account_id = account.id
          WHERE account.id = $1
          ORDER BY attribute.name", id)
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    key_wrapped: Option<Vec<u8>>,
}

pub async fn key_of(tx: &mut Tx, id: &AccountId) -> Result<Option<Vec<u8>>, DbError> {
    let row = sql!(tx, fetch_optional KeyRow,
        "SELECT key_wrapped FROM account WHERE id = $1", id)?;
    Ok(row.and_then(|row| row.key_wrapped))
}

// From one status to the next

/// `false` if the account does not have the status it should have.
pub async fn put_status(
    work: &mut Work,
    id: &AccountId,
    (from, to): (Status, Status),
    erase_at: Option<Timestamp>,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE account SET status = $3, status_since = $4, erase_at = $5 WHERE id = $1 AND status = $2",
        id,
        from,
        to,
        work.now,
        erase_at
    )?;
    Ok(rows == 1)
}

pub async fn destroy_key(work: &mut Work, id: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE account SET key_wrapped = NULL, identity_index = NULL WHERE id = $1", id)
        .map(drop)
}

pub async fn delete_addresses(work: &mut Work, id: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM address_change WHERE account_id = $1", id)?;
    sql!(&mut work.tx, execute, "DELETE FROM email_address WHERE account_id = $1", id).map(drop)
}

pub async fn delete_attributes(work: &mut Work, id: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM attribute WHERE account_id = $1", id).map(drop)
}

pub async fn put_use(work: &mut Work, id: &AccountId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE account SET used_at = $2, inactivity_told_at = NULL WHERE id = $1",
        id,
        work.now
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
pub struct StatusRow {
    pub status: Status,
    pub status_since: Timestamp,
}

pub async fn status(tx: &mut Tx, id: &AccountId) -> Result<Option<StatusRow>, DbError> {
    sql!(tx, fetch_optional StatusRow, "SELECT status, status_since FROM account WHERE id = $1", id)
}

#[derive(sqlx::FromRow)]
struct DueRow {
    id: AccountId,
    status: Status,
}

pub async fn due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<(AccountId, Status)>, DbError> {
    let rows = sql!(tx, fetch_all DueRow,
        "SELECT id, status FROM account WHERE erase_at <= $1 ORDER BY erase_at, id LIMIT $2", now, limit)?;
    Ok(rows.into_iter().map(|row| (row.id, row.status)).collect())
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Unused {
    pub id: AccountId,
    /// The last sign-in, exact to a day.
    pub used_at: Timestamp,
    /// When its owner was told.
    pub inactivity_told_at: Option<Timestamp>,
}

/// Active accounts that nobody has used since, the longest unused first; those whose owner was told at `told_before` or
/// earlier, or those whose owner was not told at all.
pub async fn unused(
    tx: &mut Tx,
    used_before: Timestamp,
    told_before: Option<Timestamp>,
    limit: i64,
) -> Result<Vec<Unused>, DbError> {
    sql!(tx, fetch_all Unused,
        "SELECT id, used_at, inactivity_told_at FROM account
          WHERE status = 'active' AND used_at <= $1
            AND ((CAST($2 AS BIGINT) IS NULL AND inactivity_told_at IS NULL) OR inactivity_told_at <= $2)
          ORDER BY used_at, id LIMIT $3", used_before, told_before, limit)
}

/// `false` if its owner has come back or was told already.
pub async fn put_told(work: &mut Work, unused: &Unused) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE account SET inactivity_told_at = $3
          WHERE id = $1 AND used_at = $2 AND inactivity_told_at IS NULL AND status = 'active'",
        &unused.id,
        unused.used_at,
        work.now
    )?;
    Ok(rows == 1)
}

/// Whether nobody has come back since it was read; holds until the end of the work.
pub async fn is_still_unused(work: &mut Work, unused: &Unused) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE account SET used_at = used_at
          WHERE id = $1 AND used_at = $2 AND inactivity_told_at = $3 AND status = 'active'",
        &unused.id,
        unused.used_at,
        unused.inactivity_told_at
    )?;
    Ok(rows == 1)
}
