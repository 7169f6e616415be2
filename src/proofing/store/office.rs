//! Offices and roles.

use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::proofing::office::{Office, OfficeId, Role};
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
struct OfficeRow {
    definition: String,
}

fn read(rows: Vec<OfficeRow>) -> Result<Vec<Office>, Error> {
    rows.iter().map(|row| serde_json::from_str(&row.definition).map_err(Error::broken)).collect()
}

pub async fn all(tx: &mut Tx) -> Result<Vec<Office>, Error> {
    read(sql!(tx, fetch_all OfficeRow, "SELECT definition FROM office WHERE closed_at IS NULL ORDER BY id")?)
}

pub async fn find(tx: &mut Tx, id: &OfficeId) -> Result<Option<Office>, Error> {
    let rows = sql!(tx, fetch_all OfficeRow, "SELECT definition FROM office WHERE id = $1 AND closed_at IS NULL", id)?;
    Ok(read(rows)?.pop())
}

/// An office also if it is closed by now: for the name of it.
pub async fn find_ever(tx: &mut Tx, id: &OfficeId) -> Result<Option<Office>, Error> {
    Ok(read(sql!(tx, fetch_all OfficeRow, "SELECT definition FROM office WHERE id = $1", id)?)?.pop())
}

pub async fn put(work: &mut Work, office: &Office) -> Result<(), Error> {
    let definition = serde_json::to_string(office).map_err(Error::broken)?;
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO office (id, definition, changed_at) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET definition = excluded.definition, changed_at = excluded.changed_at,
             closed_at = NULL",
        &office.id,
        definition,
        work.now
    )?;
    Ok(())
}

pub async fn close(work: &mut Work, id: &OfficeId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "UPDATE office SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL", id, work.now)
        .map(drop)
}

/// `false` if they have it already.
pub async fn add_role(work: &mut Work, office: &OfficeId, account: &AccountId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO officer (office_id, account_id, since) VALUES ($1, $2, $3)
         ON CONFLICT (office_id, account_id) DO UPDATE SET since = excluded.since, ended_at = NULL
          WHERE officer.ended_at IS NOT NULL",
        office,
        account,
        work.now
    )?;
    Ok(rows == 1)
}

/// `false` if they do not have it.
pub async fn end_role(work: &mut Work, office: &OfficeId, account: &AccountId) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE officer SET ended_at = $3 WHERE office_id = $1 AND account_id = $2 AND ended_at IS NULL",
        office,
        account,
        work.now
    )?;
    Ok(rows == 1)
}

pub async fn roles(tx: &mut Tx, office: &OfficeId) -> Result<Vec<Role>, DbError> {
    sql!(tx, fetch_all Role,
        "SELECT office_id, account_id, since, ended_at FROM officer WHERE office_id = $1 ORDER BY since, account_id", office)
}

/// The offices that somebody acts for now.
pub async fn offices_of(tx: &mut Tx, account: &AccountId) -> Result<Vec<Office>, Error> {
    read(sql!(tx, fetch_all OfficeRow,
        "SELECT office.definition FROM officer JOIN office ON office.id = officer.office_id
          WHERE officer.account_id = $1 AND officer.ended_at IS NULL AND office.closed_at IS NULL
          ORDER BY office.id", account)?)
}

pub async fn delete_roles(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM officer WHERE account_id = $1", account).map(drop)
}
