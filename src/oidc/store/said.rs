//! What the owner of a session has said on the way of a request.

use crate::kernel::id::{RequestId, SessionId};
use crate::oidc::authorize::Said;
use crate::sql;
use crate::store::db::DbError;
use crate::store::work::Work;

/// The owner of this session has said something on the way. `false` if there is no such request in this browser.
pub async fn put_said(
    work: &mut Work,
    (id, browser): (&RequestId, &[u8]),
    session: &SessionId,
    said: Said,
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE authorization_request
            SET confirmed_by = CASE WHEN $5 = 'own_device' THEN $3 ELSE confirmed_by END,
                level_declined_by = CASE WHEN $5 = 'lower_level' THEN $3 ELSE level_declined_by END,
                client_confirmed_by = CASE WHEN $5 = 'unchecked_client' THEN $3 ELSE client_confirmed_by END
          WHERE id = $1 AND browser_hash = $2 AND expires_at > $4",
        id,
        browser,
        session,
        work.now,
        said.name()
    )?;
    Ok(rows == 1)
}

/// The owner of this session has shared something for a request. `false` if there is no such request in this browser.
pub async fn put_share(
    work: &mut Work,
    (id, browser): (&RequestId, &[u8]),
    (share, session): (&str, &SessionId),
) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE authorization_request SET share = $3, shared_by = $4
          WHERE id = $1 AND browser_hash = $2 AND expires_at > $5",
        id,
        browser,
        share,
        session,
        work.now
    )?;
    Ok(rows == 1)
}
