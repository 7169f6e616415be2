//! What leads from a subject back to whom it names.

use crate::kernel::id::{AccountId, ClientId};
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

/// An agreement, and for whom: the account itself, or whom it acts for.
#[derive(sqlx::FromRow)]
pub struct Agreed {
    pub account_id: AccountId,
    pub represented: String,
    pub client_id: ClientId,
}

#[derive(sqlx::FromRow)]
struct Owner {
    owner: String,
}

pub async fn find(tx: &mut Tx, hash: &[u8]) -> Result<Option<String>, DbError> {
    let row = sql!(tx, fetch_optional Owner,
        "SELECT account_id AS owner FROM consent WHERE subject_index = $1
          UNION ALL
         SELECT represented AS owner FROM acting_consent WHERE subject_index = $1
          LIMIT 1", hash)?;
    Ok(row.map(|row| row.owner))
}

/// What somebody has agreed to, and for whom.
#[derive(sqlx::FromRow)]
pub struct AgreedScope {
    pub owner: String,
    pub scope: String,
}

/// The agreements with one client of whom it knows by this subject: of the party itself, and of those who act for it.
pub async fn find_agreed(tx: &mut Tx, hash: &[u8], client: &ClientId) -> Result<Vec<AgreedScope>, DbError> {
    sql!(tx, fetch_all AgreedScope,
        "SELECT account_id AS owner, scope FROM consent WHERE subject_index = $1 AND client_id = $2
          UNION ALL
         SELECT represented AS owner, scope FROM acting_consent WHERE subject_index = $1 AND client_id = $2
          LIMIT 100", hash, client)
}

/// Some that have none yet.
pub async fn without(tx: &mut Tx, limit: i64) -> Result<Vec<Agreed>, DbError> {
    sql!(tx, fetch_all Agreed,
        "SELECT account_id, account_id AS represented, client_id FROM consent WHERE subject_index IS NULL
          UNION ALL
         SELECT account_id, represented, client_id FROM acting_consent WHERE subject_index IS NULL
          LIMIT $1", limit)
}

pub async fn put(work: &mut Work, agreed: &Agreed, hash: &[u8]) -> Result<(), DbError> {
    let Agreed { account_id, represented, client_id } = agreed;
    if account_id.as_str() == represented {
        return sql!(
            &mut work.tx,
            execute,
            "UPDATE consent SET subject_index = $3 WHERE account_id = $1 AND client_id = $2",
            account_id,
            client_id,
            hash
        )
        .map(drop);
    }
    sql!(
        &mut work.tx,
        execute,
        "UPDATE acting_consent SET subject_index = $4 WHERE account_id = $1 AND represented = $2 AND client_id = $3",
        account_id,
        represented,
        client_id,
        hash
    )
    .map(drop)
}
