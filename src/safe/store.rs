//! Documents in the database.

pub mod due;

use time::Date;

use super::{Document, Label, Version, place, version_place};
use crate::kernel::calendar::read_optional_day;
use crate::kernel::error::Error;
use crate::kernel::id::{DocumentId, ObjectId};
use crate::kernel::level::Level;
use crate::kernel::seal::DataKey;
use crate::kernel::time::Timestamp;
use crate::organisation::mandate::party;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::object::ObjectRef;
use crate::store::work::Work;

/// What a safe holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Usage {
    /// Of all versions.
    pub bytes: i64,
    pub documents: i64,
}

pub async fn usage(tx: &mut Tx, owner: &str) -> Result<Option<Usage>, DbError> {
    sql!(tx, fetch_optional Usage, "SELECT bytes, documents FROM safe WHERE owner = $1", owner)
}

/// Makes the row of a safe, if it is not there.
pub async fn insert_safe(work: &mut Work, owner: &str) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO safe (owner, bytes, documents) VALUES ($1, 0, 0) ON CONFLICT (owner) DO NOTHING",
        owner
    )
    .map(drop)
}

/// Holds a safe until this work is done; `false` if it is not there.
pub async fn hold(work: &mut Work, owner: &str) -> Result<bool, DbError> {
    let rows = sql!(&mut work.tx, execute, "UPDATE safe SET bytes = bytes WHERE owner = $1", owner)?;
    Ok(rows == 1)
}

/// Counts what comes, and holds the safe; `false` if that would be more than there may be.
pub async fn charge(work: &mut Work, owner: &str, more: Usage, most: Usage) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE safe SET bytes = bytes + $2, documents = documents + $3
          WHERE owner = $1 AND bytes + $2 <= $4 AND documents + $3 <= $5",
        owner,
        more.bytes,
        more.documents,
        most.bytes,
        most.documents
    )?;
    Ok(rows == 1)
}

/// Counts what goes.
pub async fn release(work: &mut Work, owner: &str, less: Usage) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "UPDATE safe SET bytes = bytes - $2, documents = documents - $3 WHERE owner = $1",
        owner,
        less.bytes,
        less.documents
    )
}

#[derive(sqlx::FromRow)]
pub struct DocumentRow {
    id: DocumentId,
    owner: String,
    level: Level,
    description: Vec<u8>,
    version: i64,
    expires_on: Option<String>,
    created_at: Timestamp,
}

impl DocumentRow {
    pub fn read(self, key: &DataKey) -> Result<Document, Error> {
        let plain = key.open(place(&self.id), &self.description).map_err(Error::broken)?;
        let described: super::Described = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
        Ok(Document {
            owner: party::parse(&self.owner).ok_or_else(|| Error::broken("a safe is nobody's"))?,
            level: self.level,
            filing: described.filing,
            kind: described.kind,
            bytes: described.bytes,
            version: self.version,
            expires_on: read_optional_day(self.expires_on.as_deref())?,
            created_at: self.created_at,
            id: self.id,
        })
    }
}

pub async fn find(tx: &mut Tx, owner: &str, id: &DocumentId) -> Result<Option<DocumentRow>, DbError> {
    sql!(tx, fetch_optional DocumentRow,
        "SELECT id, owner, level, description, version, expires_on, created_at FROM safe_document
          WHERE id = $1 AND owner = $2", id, owner)
}

/// At most `limit` documents before that id, the newest first.
pub async fn page(tx: &mut Tx, owner: &str, before: &str, limit: i64) -> Result<Vec<DocumentRow>, DbError> {
    sql!(tx, fetch_all DocumentRow,
        "SELECT id, owner, level, description, version, expires_on, created_at FROM safe_document
          WHERE owner = $1 AND id < $2 ORDER BY id DESC LIMIT $3", owner, before, limit)
}

/// The same of one folder.
pub async fn page_of_folder(
    tx: &mut Tx,
    (owner, folder): (&str, &[u8]),
    before: &str,
    limit: i64,
) -> Result<Vec<DocumentRow>, DbError> {
    sql!(tx, fetch_all DocumentRow,
        "SELECT id, owner, level, description, version, expires_on, created_at FROM safe_document
          WHERE owner = $1 AND folder = $2 AND id < $3 ORDER BY id DESC LIMIT $4", owner, folder, before, limit)
}

/// The same of one tag.
pub async fn page_of_tag(
    tx: &mut Tx,
    (owner, tag): (&str, &[u8]),
    before: &str,
    limit: i64,
) -> Result<Vec<DocumentRow>, DbError> {
    sql!(tx, fetch_all DocumentRow,
        "SELECT document.id, document.owner, document.level, document.description, document.version,
                document.expires_on, document.created_at
           FROM safe_tag JOIN safe_document AS document ON document.id = safe_tag.document_id
          WHERE safe_tag.owner = $1 AND safe_tag.hash = $2 AND safe_tag.document_id < $3
          ORDER BY safe_tag.document_id DESC LIMIT $4", owner, tag, before, limit)
}

/// At most `limit` documents that expire after that day and id, the next first.
pub async fn expiring(
    tx: &mut Tx,
    owner: &str,
    (day, id): (&str, &str),
    limit: i64,
) -> Result<Vec<DocumentRow>, DbError> {
    sql!(tx, fetch_all DocumentRow,
        "SELECT id, owner, level, description, version, expires_on, created_at FROM safe_document
          WHERE owner = $1 AND (expires_on > $2 OR (expires_on = $2 AND id > $3))
          ORDER BY expires_on, id LIMIT $4", owner, day, id, limit)
}

pub async fn insert(
    work: &mut Work,
    document: &Document,
    (description, folder): (&[u8], &[u8]),
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO safe_document (id, owner, level, description, folder, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &document.id,
        document.owner.as_str(),
        document.level,
        description,
        folder,
        document.version,
        document.created_at
    )
}

/// What is known of a document has changed.
pub async fn put(work: &mut Work, document: &Document, (description, folder): (&[u8], &[u8])) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "UPDATE safe_document SET description = $2, folder = $3, version = $4 WHERE id = $1",
        &document.id,
        description,
        folder,
        document.version
    )
}

/// When it expires, what need not be said of that any more, and when the job looks at it next.
pub async fn put_expiry(
    work: &mut Work,
    id: &DocumentId,
    expires_on: Option<Date>,
    (said, look_at): (&str, Option<Timestamp>),
) -> Result<(), DbError> {
    let expires_on = expires_on.map(|day| day.to_string());
    sql!(
        &mut work.tx,
        later,
        "UPDATE safe_document SET expires_on = $2, said = $3, look_at = $4 WHERE id = $1",
        id,
        expires_on,
        said,
        look_at
    )
}

/// With all that refers to it.
pub async fn delete(work: &mut Work, id: &DocumentId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM safe_tag WHERE document_id = $1", id)?;
    sql!(&mut work.tx, execute, "DELETE FROM safe_version WHERE document_id = $1", id)?;
    sql!(&mut work.tx, execute, "DELETE FROM safe_document WHERE id = $1", id).map(drop)
}

/// Everything of an owner. The safe is held first, made if need be: whoever puts something into it at this moment is either before this, or
/// finds that its owner is gone.
pub async fn delete_all(work: &mut Work, owner: &str) -> Result<(), DbError> {
    insert_safe(work, owner).await?;
    hold(work, owner).await?;
    sql!(&mut work.tx, execute, "DELETE FROM safe_tag WHERE owner = $1", owner)?;
    sql!(&mut work.tx, execute, "DELETE FROM safe_label WHERE owner = $1", owner)?;
    sql!(&mut work.tx, execute, "DELETE FROM safe_version WHERE owner = $1", owner)?;
    sql!(&mut work.tx, execute, "DELETE FROM safe_document WHERE owner = $1", owner)?;
    sql!(&mut work.tx, execute, "DELETE FROM safe WHERE owner = $1", owner).map(drop)
}

#[derive(sqlx::FromRow)]
pub struct VersionRow {
    document_id: DocumentId,
    number: i64,
    object_id: ObjectId,
    object_version: i64,
    bytes: i64,
    description: Vec<u8>,
    created_at: Timestamp,
}

impl VersionRow {
    pub fn read(self, key: &DataKey) -> Result<Version, Error> {
        let place = version_place(&self.document_id, self.number);
        let plain = key.open(place, &self.description).map_err(Error::broken)?;
        Ok(Version {
            number: self.number,
            bytes: u64::try_from(self.bytes).map_err(Error::broken)?,
            facts: serde_json::from_slice(plain.expose()).map_err(Error::broken)?,
            created_at: self.created_at,
            object: ObjectRef { id: self.object_id, version: self.object_version },
        })
    }
}

/// Of one document, the newest first.
pub async fn versions(tx: &mut Tx, id: &DocumentId) -> Result<Vec<VersionRow>, DbError> {
    sql!(tx, fetch_all VersionRow,
        "SELECT document_id, number, object_id, object_version, bytes, description, created_at
           FROM safe_version WHERE document_id = $1 ORDER BY number DESC", id)
}

pub async fn version(tx: &mut Tx, id: &DocumentId, number: i64) -> Result<Option<VersionRow>, DbError> {
    sql!(tx, fetch_optional VersionRow,
        "SELECT document_id, number, object_id, object_version, bytes, description, created_at
           FROM safe_version WHERE document_id = $1 AND number = $2", id, number)
}

pub async fn insert_version(
    work: &mut Work,
    document: &Document,
    version: &Version,
    (description, source): (&[u8], Option<&str>),
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO safe_version (document_id, number, owner, object_id, object_version, bytes, description, source, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &document.id,
        version.number,
        document.owner.as_str(),
        &version.object.id,
        version.object.version,
        i64::try_from(version.bytes).unwrap_or(i64::MAX),
        description,
        source,
        version.created_at
    )
}

pub async fn delete_version(work: &mut Work, id: &DocumentId, number: i64) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM safe_version WHERE document_id = $1 AND number = $2", id, number).map(drop)
}

#[derive(sqlx::FromRow)]
struct Total {
    total: i64,
}

pub async fn count_versions(tx: &mut Tx, id: &DocumentId) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_one Total,
        "SELECT CAST(COUNT(*) AS BIGINT) AS total FROM safe_version WHERE document_id = $1", id)?;
    Ok(row.total)
}

/// Whether there is a copy of it.
pub async fn is_known(tx: &mut Tx, owner: &str, source: &str) -> Result<bool, DbError> {
    let row = sql!(tx, fetch_one Total,
        "SELECT CAST(COUNT(*) AS BIGINT) AS total FROM safe_version WHERE owner = $1 AND source = $2", owner, source)?;
    Ok(row.total > 0)
}

#[derive(sqlx::FromRow)]
pub struct LabelRow {
    pub hash: Vec<u8>,
    pub name: Vec<u8>,
}

/// All folders, or all tags, of a safe.
pub async fn labels(tx: &mut Tx, owner: &str, kind: Label) -> Result<Vec<LabelRow>, DbError> {
    sql!(tx, fetch_all LabelRow,
        "SELECT hash, name FROM safe_label WHERE owner = $1 AND kind = $2 ORDER BY hash", owner, kind)
}

/// One more document has it; `false` if no document had before.
pub async fn count_label(work: &mut Work, owner: &str, kind: Label, hash: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE safe_label SET documents = documents + 1 WHERE owner = $1 AND kind = $2 AND hash = $3",
        owner,
        kind,
        hash
    )?;
    Ok(rows == 1)
}

pub async fn insert_label(
    work: &mut Work,
    owner: &str,
    kind: Label,
    (hash, name): (&[u8], &[u8]),
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO safe_label (owner, kind, hash, name, documents) VALUES ($1, $2, $3, $4, 1)",
        owner,
        kind,
        hash,
        name
    )
}

/// One document less has it; what none has any more goes.
pub async fn drop_label(work: &mut Work, owner: &str, kind: Label, hash: &[u8]) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE safe_label SET documents = documents - 1 WHERE owner = $1 AND kind = $2 AND hash = $3",
        owner,
        kind,
        hash
    )?;
    sql!(
        &mut work.tx,
        execute,
        "DELETE FROM safe_label WHERE owner = $1 AND kind = $2 AND hash = $3 AND documents <= 0",
        owner,
        kind,
        hash
    )
    .map(drop)
}

pub async fn insert_tag(work: &mut Work, owner: &str, hash: &[u8], id: &DocumentId) -> Result<(), DbError> {
    sql!(&mut work.tx, later, "INSERT INTO safe_tag (owner, hash, document_id) VALUES ($1, $2, $3)", owner, hash, id)
}

pub async fn delete_tag(work: &mut Work, owner: &str, hash: &[u8], id: &DocumentId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "DELETE FROM safe_tag WHERE owner = $1 AND hash = $2 AND document_id = $3",
        owner,
        hash,
        id
    )
}
