//! What the master key wraps, wherever it stands. The column `key_wrapped` is the one thing that is written here in
//! tables of others: which master key wraps a key is nothing that its owner could tell.

use crate::kernel::seal::Mark;
use crate::sql;
use crate::store::db::{DbError, Tx};

/// The tables that hold wrapped keys, each bound to the id of an account or an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Registration,
    Account,
    Organisation,
}

#[derive(sqlx::FromRow)]
pub struct WrappedRow {
    pub id: String,
    pub key_wrapped: Vec<u8>,
}

/// Keys that are not wrapped by the master key with this mark: `limit` of them after that id, in the order of ids.
pub async fn find_left(
    tx: &mut Tx,
    table: Table,
    mark: &Mark,
    after: &str,
    limit: i64,
) -> Result<Vec<WrappedRow>, DbError> {
    let mark = mark.as_slice();
    match table {
        Table::Account => sql!(tx, fetch_all WrappedRow,
            "SELECT id, key_wrapped FROM account
              WHERE id > $1 AND key_wrapped IS NOT NULL AND SUBSTR(key_wrapped, 1, 9) <> $2 ORDER BY id LIMIT $3",
            after, mark, limit),
        Table::Registration => sql!(tx, fetch_all WrappedRow,
            "SELECT account_id AS id, key_wrapped FROM registration
              WHERE account_id > $1 AND SUBSTR(key_wrapped, 1, 9) <> $2 ORDER BY account_id LIMIT $3",
            after, mark, limit),
        Table::Organisation => sql!(tx, fetch_all WrappedRow,
            "SELECT id, key_wrapped FROM organisation
              WHERE id > $1 AND key_wrapped IS NOT NULL AND SUBSTR(key_wrapped, 1, 9) <> $2 ORDER BY id LIMIT $3",
            after, mark, limit),
    }
}

#[derive(sqlx::FromRow)]
pub struct Left {
    /// Not wrapped by the master key in force.
    pub total: i64,
    /// Of these: wrapped by a master key that is not configured.
    pub of_strangers: i64,
}

/// How many keys are left, given the marks of the master key in force and of the other one.
pub async fn count_left(tx: &mut Tx, current: &Mark, other: &Mark) -> Result<Left, DbError> {
    // The first byte of a mark says that there is one.
    let (format, current, other) = (&current[..1], current.as_slice(), other.as_slice());
    sql!(tx, fetch_one Left,
        "SELECT CAST(COUNT(*) AS BIGINT) AS total,
                CAST(COUNT(CASE WHEN SUBSTR(wrapped, 1, 1) = $3 AND SUBSTR(wrapped, 1, 9) <> $2 THEN 1 END) AS BIGINT)
                    AS of_strangers
           FROM (SELECT key_wrapped AS wrapped FROM account WHERE key_wrapped IS NOT NULL
                 UNION ALL SELECT key_wrapped AS wrapped FROM organisation WHERE key_wrapped IS NOT NULL
                 UNION ALL SELECT key_wrapped AS wrapped FROM registration) AS every_key
          WHERE SUBSTR(wrapped, 1, 9) <> $1", current, other, format)
}

/// Keys as they were and as they become, packed: one statement writes them all on either database.
pub struct Packed {
    pub count: i64,
    /// Each filled up with spaces to `id_width` letters.
    pub ids: String,
    pub id_width: i64,
    /// Each of `old_width` bytes.
    pub old: Vec<u8>,
    pub old_width: i64,
    pub new: Vec<u8>,
    pub new_width: i64,
}

/// Puts the new keys where the old ones still are; returns how many. Whatever changed meanwhile stays: above all a key
/// that was destroyed.
pub async fn replace(tx: &mut Tx, table: Table, packed: &Packed) -> Result<u64, DbError> {
    match table {
        Table::Account => replace_of_accounts(tx, packed).await,
        Table::Registration => replace_of_registrations(tx, packed).await,
        Table::Organisation => replace_of_organisations(tx, packed).await,
    }
}

// The COALESCE tells PostgreSQL which type a place has; CAST to BYTEA means a number to SQLite.

async fn replace_of_accounts(tx: &mut Tx, packed: &Packed) -> Result<u64, DbError> {
    sql!(
        tx,
        execute,
        "UPDATE account SET key_wrapped = batch.new
           FROM (WITH RECURSIVE place(i) AS (
                     SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM place WHERE i + 1 < $1)
                 SELECT RTRIM(SUBSTR(CAST($2 AS TEXT), CAST(i * $3 + 1 AS INTEGER), CAST($3 AS INTEGER))) AS id,
                        SUBSTR(COALESCE((SELECT key_wrapped FROM account WHERE FALSE), $4),
                               CAST(i * $5 + 1 AS INTEGER), CAST($5 AS INTEGER)) AS old,
                        SUBSTR(COALESCE((SELECT key_wrapped FROM account WHERE FALSE), $6),
                               CAST(i * $7 + 1 AS INTEGER), CAST($7 AS INTEGER)) AS new
                   FROM place) AS batch
          WHERE account.id = batch.id AND account.key_wrapped = batch.old",
        packed.count,
        &packed.ids,
        packed.id_width,
        &packed.old,
        packed.old_width,
        &packed.new,
        packed.new_width
    )
}

async fn replace_of_registrations(tx: &mut Tx, packed: &Packed) -> Result<u64, DbError> {
    sql!(
        tx,
        execute,
        "UPDATE registration SET key_wrapped = batch.new
           FROM (WITH RECURSIVE place(i) AS (
                     SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM place WHERE i + 1 < $1)
                 SELECT RTRIM(SUBSTR(CAST($2 AS TEXT), CAST(i * $3 + 1 AS INTEGER), CAST($3 AS INTEGER))) AS id,
                        SUBSTR(COALESCE((SELECT key_wrapped FROM account WHERE FALSE), $4),
                               CAST(i * $5 + 1 AS INTEGER), CAST($5 AS INTEGER)) AS old,
                        SUBSTR(COALESCE((SELECT key_wrapped FROM account WHERE FALSE), $6),
                               CAST(i * $7 + 1 AS INTEGER), CAST($7 AS INTEGER)) AS new
                   FROM place) AS batch
          WHERE registration.account_id = batch.id AND registration.key_wrapped = batch.old",
        packed.count,
        &packed.ids,
        packed.id_width,
        &packed.old,
        packed.old_width,
        &packed.new,
        packed.new_width
    )
}

async fn replace_of_organisations(tx: &mut Tx, packed: &Packed) -> Result<u64, DbError> {
    sql!(
        tx,
        execute,
        "UPDATE organisation SET key_wrapped = batch.new
           FROM (WITH RECURSIVE place(i) AS (
                     SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM place WHERE i + 1 < $1)
                 SELECT RTRIM(SUBSTR(CAST($2 AS TEXT), CAST(i * $3 + 1 AS INTEGER), CAST($3 AS INTEGER))) AS id,
                        SUBSTR(COALESCE((SELECT key_wrapped FROM organisation WHERE FALSE), $4),
                               CAST(i * $5 + 1 AS INTEGER), CAST($5 AS INTEGER)) AS old,
                        SUBSTR(COALESCE((SELECT key_wrapped FROM organisation WHERE FALSE), $6),
                               CAST(i * $7 + 1 AS INTEGER), CAST($7 AS INTEGER)) AS new
                   FROM place) AS batch
          WHERE organisation.id = batch.id AND organisation.key_wrapped = batch.old",
        packed.count,
        &packed.ids,
        packed.id_width,
        &packed.old,
        packed.old_width,
        &packed.new,
        packed.new_width
    )
}
