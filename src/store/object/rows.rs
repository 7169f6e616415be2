//! The rows. Each step from one state to the next is one guarded statement.

use super::ObjectRef;
use crate::kernel::id::ObjectId;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// What opens an object.
#[derive(sqlx::FromRow)]
pub struct Row {
    pub path: String,
    pub data_key: Vec<u8>,
    pub content: Option<Vec<u8>>,
    pub damaged_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Version {
    version: i64,
}

/// The number that the next version of an object has.
pub async fn next_version(tx: &mut Tx, id: &ObjectId, owner: &str) -> Result<Option<i64>, DbError> {
    let row = sql!(tx, fetch_optional Version,
        "SELECT version FROM sealed_object WHERE id = $1 AND owner_id = $2 ORDER BY version DESC LIMIT 1", id, owner)?;
    Ok(row.map(|row| row.version + 1))
}

pub async fn insert(
    work: &mut Work,
    object: &ObjectRef,
    owner: &str,
    (path, data_key): (&str, &[u8]),
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO sealed_object (id, version, owner_id, path, state, data_key, created_at)
         VALUES ($1, $2, $3, $4, 'writing', $5, $6)",
        &object.id,
        object.version,
        owner,
        path,
        data_key,
        work.now
    )
    .map(drop)
}

/// Whether it still waits for its end: somebody may have given it up, or its owner is gone.
pub async fn is_writing(tx: &mut Tx, object: &ObjectRef) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_optional Version,
        "SELECT version FROM sealed_object WHERE id = $1 AND version = $2 AND state = 'writing'",
        &object.id, object.version)?;
    Ok(row.is_some())
}

/// `false` if it is not there any more, or nobody finished it in time.
pub async fn finish(
    work: &mut Work,
    object: &ObjectRef,
    (owner, content): (&str, &[u8]),
    begun_after: Timestamp,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE sealed_object SET state = 'whole', content = $4, whole_at = $5, checked_at = $5
          WHERE id = $1 AND version = $2 AND owner_id = $3 AND state = 'writing' AND created_at > $6",
        &object.id,
        object.version,
        owner,
        content,
        work.now,
        begun_after
    )?;
    Ok(rows == 1)
}

pub async fn find(tx: &mut Tx, object: &ObjectRef, owner: &str) -> Result<Option<Row>, DbError> {
    sql!(tx, fetch_optional Row,
        "SELECT path, data_key, content, damaged_at FROM sealed_object
          WHERE id = $1 AND version = $2 AND owner_id = $3 AND state = 'whole'", &object.id, object.version, owner)
}

pub async fn doom(work: &mut Work, object: &ObjectRef, owner: &str) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE sealed_object SET state = 'doomed' WHERE id = $1 AND version = $2 AND owner_id = $3 AND state <> 'doomed'",
        &object.id,
        object.version,
        owner
    )?;
    Ok(rows == 1)
}

pub async fn doom_all(work: &mut Work, owner: &str) -> Result<u64, DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE sealed_object SET state = 'doomed' WHERE owner_id = $1 AND state <> 'doomed'",
        owner
    )
}

/// Whoever began it has not come to its end.
pub async fn give_up(work: &mut Work, object: &ObjectRef) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE sealed_object SET state = 'doomed' WHERE id = $1 AND version = $2 AND state = 'writing'",
        &object.id,
        object.version
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
pub struct Doomed {
    pub id: ObjectId,
    pub version: i64,
    pub path: String,
}

/// What has to go: what was whole and is doomed, and whatever nobody has finished and that was begun before this moment. What
/// was doomed unfinished stays as long, because somebody may still be writing.
pub async fn doomed(tx: &mut Tx, begun_before: Timestamp, limit: i64) -> Result<Vec<Doomed>, DbError> {
    sql!(tx, fetch_all Doomed,
        "SELECT id, version, path FROM sealed_object
          WHERE state <> 'whole' AND ((state = 'doomed' AND whole_at IS NOT NULL) OR created_at <= $1)
          ORDER BY created_at LIMIT $2", begun_before, limit)
}

/// Its bytes are gone. `false` if another node was faster.
pub async fn delete(work: &mut Work, doomed: &Doomed) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM sealed_object WHERE id = $1 AND version = $2 AND state <> 'whole'",
        &doomed.id,
        doomed.version
    )?;
    Ok(rows == 1)
}

/// An object whose turn it is to be read.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Due {
    pub id: ObjectId,
    pub version: i64,
    pub owner_id: String,
    pub checked_at: Timestamp,
}

impl Due {
    pub fn object(&self) -> ObjectRef {
        ObjectRef { id: self.id.clone(), version: self.version }
    }
}

pub async fn due(tx: &mut Tx, checked_before: Timestamp, limit: i64) -> Result<Vec<Due>, DbError> {
    sql!(tx, fetch_all Due,
        "SELECT id, version, owner_id, checked_at FROM sealed_object
          WHERE state = 'whole' AND checked_at <= $1 ORDER BY checked_at, id, version LIMIT $2", checked_before, limit)
}

/// All that are whole, in the order of their ids.
pub async fn after(tx: &mut Tx, last: Option<&Due>, limit: i64) -> Result<Vec<Due>, DbError> {
    let (id, version) = last.map_or(("", 0), |last| (last.id.as_str(), last.version));
    sql!(tx, fetch_all Due,
        "SELECT id, version, owner_id, checked_at FROM sealed_object
          WHERE state = 'whole' AND (id > $1 OR (id = $1 AND version > $2)) ORDER BY id, version LIMIT $3",
        id, version, limit)
}

/// Of several nodes one gets it: the row says that it is being read.
pub async fn claim(work: &mut Work, due: &Due, until: Timestamp) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE sealed_object SET checked_at = $4
          WHERE id = $1 AND version = $2 AND state = 'whole' AND checked_at = $3",
        &due.id,
        due.version,
        due.checked_at,
        until
    )?;
    Ok(rows == 1)
}

/// It is what was written. If it was thought damaged, it is not any more.
pub async fn put_sound(work: &mut Work, object: &ObjectRef) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE sealed_object SET checked_at = $3, damaged_at = NULL, reported_at = NULL WHERE id = $1 AND version = $2",
        &object.id,
        object.version,
        work.now
    )
    .map(drop)
}

/// It is not what was written. Since when that is known stays.
pub async fn put_damaged(work: &mut Work, object: &ObjectRef) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE sealed_object SET checked_at = $3, damaged_at = COALESCE(damaged_at, $3)
          WHERE id = $1 AND version = $2 AND state = 'whole'",
        &object.id,
        object.version,
        work.now
    )
    .map(drop)
}

/// An object that is not what was written.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Damaged {
    pub id: ObjectId,
    pub version: i64,
    pub owner_id: String,
}

pub async fn take_unreported(work: &mut Work, limit: i64) -> Result<Vec<Damaged>, DbError> {
    sql!(&mut work.tx, fetch_all Damaged,
        "UPDATE sealed_object SET reported_at = $1
          WHERE reported_at IS NULL AND damaged_at IS NOT NULL
            AND id IN (SELECT id FROM sealed_object WHERE damaged_at IS NOT NULL AND reported_at IS NULL
                        ORDER BY damaged_at, id LIMIT $2)
      RETURNING id, version, owner_id", work.now, limit)
}

/// How many there are.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Counts {
    pub whole: i64,
    pub damaged: i64,
    /// Being written, or left by somebody who did not come to an end.
    pub unfinished: i64,
    /// Whose bytes wait to be removed.
    pub doomed: i64,
}

pub async fn counts(tx: &mut Tx) -> Result<Counts, DbError> {
    sql!(tx, fetch_one Counts,
        "SELECT COUNT(CASE WHEN state = 'whole' THEN 1 END) AS whole,
                COUNT(CASE WHEN state = 'whole' THEN damaged_at END) AS damaged,
                COUNT(CASE WHEN state = 'writing' THEN 1 END) AS unfinished,
                COUNT(CASE WHEN state = 'doomed' THEN 1 END) AS doomed
           FROM sealed_object")
}

#[derive(sqlx::FromRow)]
struct Found {
    #[expect(dead_code, reason = "only its presence counts")]
    version: i64,
}

/// Whether there is damage that nobody has been told of.
pub async fn any_unreported(tx: &mut Tx) -> Result<bool, DbError> {
    let found = sql!(tx, fetch_optional Found,
        "SELECT version FROM sealed_object WHERE damaged_at IS NOT NULL AND reported_at IS NULL LIMIT 1")?;
    Ok(found.is_some())
}
