//! Requests, codes, grants, consents, assertions.

pub mod acting;
pub mod address;
pub mod device;
pub mod logout_state;
pub mod said;

use super::grant::{OFFLINE_ABSOLUTE, OFFLINE_IDLE, RefreshToken};
use crate::kernel::id::{AccountId, ClientId, GrantId, RequestId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

// Requests

#[derive(sqlx::FromRow)]
pub struct RequestRow {
    pub id: RequestId,
    pub client_id: ClientId,
    pub request: Vec<u8>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The deposited request that it came from.
    pub pushed_hash: Option<Vec<u8>>,
    /// The session whose owner has said that the device is theirs.
    pub confirmed_by: Option<SessionId>,
    /// The session whose owner goes on with a lower level than the client would like.
    pub level_declined_by: Option<SessionId>,
    /// The session whose owner wants to go on to a client that nobody has checked.
    pub client_confirmed_by: Option<SessionId>,
    /// What was shared for it, and the session whose owner has.
    pub share: Option<String>,
    pub shared_by: Option<SessionId>,
}

pub async fn insert_request(work: &mut Work, browser: &[u8], row: &RequestRow) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO authorization_request (id, browser_hash, client_id, request, created_at, expires_at, pushed_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &row.id,
        browser,
        &row.client_id,
        &row.request,
        row.created_at,
        row.expires_at,
        &row.pushed_hash
    )
}

pub async fn find_request(
    tx: &mut Tx,
    id: &RequestId,
    browser: &[u8],
    now: Timestamp,
) -> Result<Option<RequestRow>, DbError> {
    sql!(tx, fetch_optional RequestRow,
        "SELECT id, client_id, request, created_at, expires_at, pushed_hash, confirmed_by, level_declined_by,
                client_confirmed_by, share, shared_by
           FROM authorization_request WHERE id = $1 AND browser_hash = $2 AND expires_at > $3", id, browser, now)
}

pub async fn delete_request(work: &mut Work, id: &RequestId, browser: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "DELETE FROM authorization_request WHERE id = $1 AND browser_hash = $2 AND expires_at > $3",
        id,
        browser,
        work.now
    )?;
    Ok(rows == 1)
}

// Pushed requests

pub async fn insert_pushed_request(
    work: &mut Work,
    uri_hash: &[u8],
    client: &ClientId,
    request: &[u8],
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO pushed_request (uri_hash, client_id, request, expires_at) VALUES ($1, $2, $3, $4)",
        uri_hash,
        client,
        request,
        expires_at
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
pub struct PushedRow {
    pub request: Vec<u8>,
}

/// A deposited request of this client that has not been answered.
pub async fn find_pushed_request(
    tx: &mut Tx,
    uri_hash: &[u8],
    client: &ClientId,
    now: Timestamp,
) -> Result<Option<PushedRow>, DbError> {
    sql!(tx, fetch_optional PushedRow,
        "SELECT request FROM pushed_request WHERE uri_hash = $1 AND client_id = $2 AND expires_at > $3",
        uri_hash, client, now)
}

/// Takes a deposited request away, once.
pub async fn delete_pushed_request(work: &mut Work, uri_hash: &[u8]) -> Result<bool, DbError> {
    let rows = sql!(&mut work.tx, execute, "DELETE FROM pushed_request WHERE uri_hash = $1", uri_hash)?;
    Ok(rows == 1)
}

/// Keeps others from taking a deposited request away until the work is done; `false` if it is gone.
pub async fn hold_pushed_request(work: &mut Work, uri_hash: &[u8]) -> Result<bool, DbError> {
    let rows =
        sql!(&mut work.tx, execute, "UPDATE pushed_request SET expires_at = expires_at WHERE uri_hash = $1", uri_hash)?;
    Ok(rows == 1)
}

/// Takes away what was begun with a deposited request that is now answered; returns what that was.
pub async fn delete_requests_of(work: &mut Work, pushed_hash: &[u8]) -> Result<Vec<RequestId>, DbError> {
    let rows = sql!(&mut work.tx, fetch_all IdRow,
        "DELETE FROM authorization_request WHERE pushed_hash = $1 RETURNING id", pushed_hash)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

#[derive(sqlx::FromRow)]
struct IdRow {
    id: RequestId,
}

// Codes

#[derive(sqlx::FromRow)]
pub struct CodeRow {
    pub client_id: ClientId,
    pub account_id: AccountId,
    pub session_id: SessionId,
    pub grant_id: GrantId,
    pub redirect_uri: String,
    pub scope: String,
    pub nonce: Option<String>,
    pub challenge: Option<String>,
    pub level: Level,
    pub methods: String,
    pub authenticated_at: Timestamp,
    pub expires_at: Timestamp,
    /// [`RequestedClaims`](super::claims_request::RequestedClaims) as JSON.
    pub claims: Option<String>,
    pub resource: Option<String>,
    /// The names of the claims that it opens, for the person's record.
    pub released: String,
    /// The [`Confirmation`](super::confirmation::Confirmation) of whoever may redeem it.
    pub confirmation: Option<String>,
    /// The id of what lets the account act for another party, and that of the party.
    pub acting: Option<String>,
    pub represented: Option<String>,
    /// The authorization details that were granted (RFC 9396), as JSON.
    pub details: Option<String>,
}

pub async fn insert_code(work: &mut Work, code_hash: &[u8], row: &CodeRow) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO authorization_code
             (code_hash, client_id, account_id, session_id, grant_id, redirect_uri, scope, nonce, challenge, level,
              methods, authenticated_at, expires_at, claims, resource, released, confirmation, acting, represented,
              details)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        code_hash,
        &row.client_id,
        &row.account_id,
        &row.session_id,
        &row.grant_id,
        &row.redirect_uri,
        &row.scope,
        &row.nonce,
        &row.challenge,
        row.level,
        &row.methods,
        row.authenticated_at,
        row.expires_at,
        &row.claims,
        &row.resource,
        &row.released,
        &row.confirmation,
        &row.acting,
        &row.represented,
        &row.details
    )
}

/// Takes a code, once. Whoever gets the row has spent it.
pub async fn take_code(work: &mut Work, code_hash: &[u8]) -> Result<Option<CodeRow>, DbError> {
    sql!(&mut work.tx, fetch_optional CodeRow,
        "UPDATE authorization_code SET used_at = $2
          WHERE code_hash = $1 AND used_at IS NULL
      RETURNING client_id, account_id, session_id, grant_id, redirect_uri, scope, nonce, challenge, level, methods,
                authenticated_at, expires_at, claims, resource, released, confirmation, acting, represented,
                details", code_hash, work.now)
}

#[derive(sqlx::FromRow)]
pub struct UsedCodeRow {
    pub grant_id: GrantId,
    pub account_id: AccountId,
    pub acting: Option<String>,
    pub represented: Option<String>,
}

pub async fn find_used_code(work: &mut Work, code_hash: &[u8]) -> Result<Option<UsedCodeRow>, DbError> {
    sql!(&mut work.tx, fetch_optional UsedCodeRow,
        "SELECT grant_id, account_id, acting, represented FROM authorization_code
          WHERE code_hash = $1 AND used_at IS NOT NULL", code_hash)
}

// Grants

/// Makes the grant of a code, if session, account and consent are still what they were. With a refresh token it outlives
/// the session.
pub async fn insert_grant(
    work: &mut Work,
    row: &CodeRow,
    confirmation: Option<&str>,
    refresh: Option<&RefreshToken>,
) -> Result<bool, DbError> {
    let lifetime = if refresh.is_some() { OFFLINE_IDLE } else { super::access_token::ACCESS_TOKEN_LIFETIME };
    let rows = sql!(
        &mut work.tx,
        execute,
        "INSERT INTO client_grant (id, client_id, account_id, session_id, scope, level, methods, authenticated_at, created_at,
                                   expires_at, family_hash, generation_hash, claims, resource, confirmation,
                                   offline_epoch)
         SELECT $1, consent.client_id, consent.account_id, session.id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                account.offline_epoch
           FROM consent
           JOIN account ON account.id = consent.account_id AND account.status = 'active'
           JOIN session ON session.account_id = consent.account_id
          WHERE consent.account_id = $2 AND consent.client_id = $3 AND session.id = $4",
        &row.grant_id,
        &row.account_id,
        &row.client_id,
        &row.session_id,
        &row.scope,
        row.level,
        &row.methods,
        row.authenticated_at,
        work.now,
        work.now.plus(lifetime),
        refresh.map(|token| token.family_hash().to_vec()),
        refresh.map(|token| token.generation_hash().to_vec()),
        &row.claims,
        &row.resource,
        confirmation
    )?;
    Ok(rows == 1)
}

/// Ends a grant of this account: on this node from the commit on, whatever is remembered of it.
pub async fn end_grant(work: &mut Work, id: &GrantId, account: &AccountId) -> Result<(), DbError> {
    work.touched.push(account.clone());
    sql!(&mut work.tx, later, "UPDATE client_grant SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", id, work.now)
}

/// Ends what a client has of somebody for themselves.
pub async fn end_grants(work: &mut Work, account: &AccountId, client: &ClientId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        execute,
        "UPDATE client_grant SET ended_at = $3
          WHERE account_id = $1 AND client_id = $2 AND ended_at IS NULL AND represented IS NULL",
        account,
        client,
        work.now
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
pub struct GrantRow {
    pub id: GrantId,
    pub client_id: ClientId,
    pub account_id: AccountId,
    pub session_id: SessionId,
    pub scope: String,
    /// The scopes of the consent as it is now.
    pub consented: String,
    /// Its [`Answers`](super::consent::Answers) as JSON, and the fingerprint of what was said.
    pub agreed: String,
    pub terms: String,
    pub level: Level,
    /// How well the account's owner is known today.
    pub identity_level: Level,
    pub methods: String,
    pub authenticated_at: Timestamp,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub generation_hash: Option<Vec<u8>>,
    pub claims: Option<String>,
    pub resource: Option<String>,
    /// To what its tokens are bound.
    pub confirmation: Option<String>,
    /// The id of what lets the account act for another party, and that of the party.
    pub acting: Option<String>,
    pub represented: Option<String>,
}

/// A grant that still counts, by id or by the family of its refresh token: not ended, its account active, its consent not
/// withdrawn, and its session alive or, if it outlives that, of the account's present epoch.
pub async fn find_live_grant(
    tx: &mut Tx,
    id: &str,
    family: &[u8],
    now: Timestamp,
) -> Result<Option<GrantRow>, DbError> {
    sql!(tx, fetch_optional GrantRow,
        "SELECT client_grant.id, client_grant.client_id, client_grant.account_id, client_grant.session_id,
                client_grant.scope, COALESCE(consent.scope, acting_consent.scope) AS consented,
                COALESCE(consent.claims, acting_consent.claims) AS agreed,
                COALESCE(consent.terms, acting_consent.terms) AS terms, client_grant.level, account.identity_level, client_grant.methods,
                client_grant.authenticated_at, client_grant.created_at, client_grant.expires_at,
                client_grant.generation_hash, client_grant.claims, client_grant.resource, client_grant.confirmation,
                client_grant.acting, client_grant.represented
           FROM client_grant
           JOIN account ON account.id = client_grant.account_id AND account.status = 'active'
           LEFT JOIN consent ON client_grant.represented IS NULL
                AND consent.account_id = client_grant.account_id AND consent.client_id = client_grant.client_id
           LEFT JOIN acting_consent ON acting_consent.account_id = client_grant.account_id
                AND acting_consent.represented = client_grant.represented
                AND acting_consent.client_id = client_grant.client_id
           LEFT JOIN session ON session.id = client_grant.session_id
          WHERE (consent.account_id IS NOT NULL OR acting_consent.account_id IS NOT NULL)
            AND (client_grant.id = $1 OR client_grant.family_hash = $2)
            AND client_grant.ended_at IS NULL AND client_grant.expires_at > $3
            AND ((client_grant.family_hash IS NULL AND session.id IS NOT NULL)
              OR (client_grant.family_hash IS NOT NULL AND client_grant.offline_epoch = account.offline_epoch))",
        id, family, now)
}

/// Takes the present generation of a refresh token and puts another, or the same, in its place. `false` if it is not the
/// present one any more, or the grant has ended.
pub async fn use_refresh_token(
    work: &mut Work,
    grant: &GrantRow,
    presented: &RefreshToken,
    successor: &RefreshToken,
) -> Result<bool, DbError> {
    let (presented, successor) = (presented.generation_hash(), successor.generation_hash());
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE client_grant SET generation_hash = $3, expires_at = $4
          WHERE id = $1 AND generation_hash = $2 AND ended_at IS NULL",
        &grant.id,
        &presented[..],
        &successor[..],
        work.now.plus(OFFLINE_IDLE).min(grant.created_at.plus(OFFLINE_ABSOLUTE))
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
pub struct KnownRow {
    pub client_id: ClientId,
    pub account_id: AccountId,
    pub represented: Option<String>,
}

/// Which clients have had a grant in a session, whatever has become of it.
pub async fn clients_of_session(tx: &mut Tx, session: &SessionId) -> Result<Vec<KnownRow>, DbError> {
    sql!(tx, fetch_all KnownRow,
        "SELECT DISTINCT client_id, account_id, represented FROM client_grant
          WHERE session_id = $1 ORDER BY client_id LIMIT 200",
        session)
}

// Consents

#[derive(sqlx::FromRow)]
pub struct ConsentRow {
    pub client_id: ClientId,
    pub scope: String,
    /// [`Answers`](super::consent::Answers) as JSON.
    pub claims: String,
    pub terms: String,
    pub granted_at: Timestamp,
}

pub async fn find_consent(tx: &mut Tx, account: &AccountId, client: &ClientId) -> Result<Option<ConsentRow>, DbError> {
    sql!(tx, fetch_optional ConsentRow,
        "SELECT client_id, scope, claims, terms, granted_at FROM consent WHERE account_id = $1 AND client_id = $2", account, client)
}

pub async fn list_consents(tx: &mut Tx, account: &AccountId) -> Result<Vec<ConsentRow>, DbError> {
    sql!(tx, fetch_all ConsentRow,
        "SELECT client_id, scope, claims, terms, granted_at FROM consent
          WHERE account_id = $1 ORDER BY granted_at DESC, client_id LIMIT 200", account)
}

#[derive(sqlx::FromRow)]
pub struct ConnectedRow {
    pub client_id: ClientId,
    pub accounts: i64,
}

#[derive(sqlx::FromRow)]
struct CountRow {
    accounts: i64,
}

pub async fn count_consents(tx: &mut Tx) -> Result<Vec<ConnectedRow>, DbError> {
    sql!(tx, fetch_all ConnectedRow,
        "SELECT client_id, CAST(COUNT(*) AS BIGINT) AS accounts FROM consent GROUP BY client_id")
}

pub async fn count_consents_of(tx: &mut Tx, client: &ClientId) -> Result<i64, DbError> {
    let row = sql!(tx, fetch_one CountRow,
        "SELECT CAST(COUNT(*) AS BIGINT) AS accounts FROM consent WHERE client_id = $1", client)?;
    Ok(row.accounts)
}

pub async fn put_consent(work: &mut Work, account: &AccountId, row: &ConsentRow) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO consent (account_id, client_id, scope, claims, terms, granted_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (account_id, client_id) DO UPDATE SET
             scope = excluded.scope, claims = excluded.claims, terms = excluded.terms, granted_at = excluded.granted_at",
        account,
        &row.client_id,
        &row.scope,
        &row.claims,
        &row.terms,
        row.granted_at
    )
}

pub async fn delete_consent(work: &mut Work, account: &AccountId, client: &ClientId) -> Result<bool, DbError> {
    let rows =
        sql!(&mut work.tx, execute, "DELETE FROM consent WHERE account_id = $1 AND client_id = $2", account, client)?;
    Ok(rows == 1)
}

/// Removes what people have agreed to with a client that is no more; its grants count no more without that.
pub async fn delete_consents_with(work: &mut Work, client: &ClientId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM acting_consent WHERE client_id = $1", client)?;
    sql!(&mut work.tx, execute, "DELETE FROM consent WHERE client_id = $1", client).map(drop)
}

/// Removes what clients hold of an account, and what they were about to get. The consent first, as who withdraws it does.
pub async fn delete_connections(work: &mut Work, account: &AccountId) -> Result<(), DbError> {
    sql!(&mut work.tx, execute, "DELETE FROM acting_consent WHERE account_id = $1 OR represented = $1", account)?;
    sql!(&mut work.tx, execute, "DELETE FROM consent WHERE account_id = $1", account)?;
    sql!(&mut work.tx, execute, "DELETE FROM authorization_code WHERE account_id = $1", account)?;
    sql!(&mut work.tx, execute, "DELETE FROM client_grant WHERE account_id = $1", account).map(drop)
}
