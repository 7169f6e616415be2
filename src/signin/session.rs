//! Sessions: begun, found, renewed, ended. The token lives in the browser; the database has its hash.

use super::{SigninEvent, session_limit, store};
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::secret::{Secret, token_hash};
use crate::kernel::time::{Timestamp, minutes};
use crate::store::db::Tx;
use crate::store::work::Work;

/// A session that holds at the moment it was found.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Session {
    pub id: SessionId,
    pub account_id: AccountId,
    pub level: Level,
    /// Authentication methods, RFC 8176, separated by blanks.
    pub methods: String,
    pub authenticated_at: Timestamp,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
}

impl Session {
    /// When it ends if nothing more is heard of it.
    pub fn ends_at(&self) -> Timestamp {
        let limit = session_limit(self.level, self.created_at);
        self.last_seen_at.plus(limit.idle).min(self.authenticated_at.plus(limit.absolute))
    }
}

/// How somebody has just proven who they are.
pub struct Proof {
    pub account: AccountId,
    pub level: Level,
    pub methods: &'static str,
}

/// Begins a session, or renews the browser's own if it is the same person's. Always with a new token: one
/// planted or seen before is worth nothing afterwards.
pub async fn begin(work: &mut Work, proof: Proof, previous: Option<&Session>) -> Result<Secret<String>, Error> {
    let token = work.random.token();
    let hash = token_hash(token.expose());
    let account = proof.account.clone();
    match previous {
        Some(session) if session.account_id == account => {
            store::renew_session(work, &session.id, &hash, &proof).await?;
            let session = session.id.clone();
            audit::record(work, &SigninEvent::SessionRenewed { account, session }).await?;
        }
        _ => {
            if let Some(session) = previous {
                end(work, session).await?;
            }
            let session = SessionId::new(work.now, &work.random);
            store::insert_session(work, &session, &hash, &proof).await?;
            let methods = proof.methods.to_owned();
            audit::record(work, &SigninEvent::SessionBegun { account, session, methods }).await?;
        }
    }
    Ok(token)
}

/// The session of a token, if it has not ended; whatever the text may be.
pub async fn find(tx: &mut Tx, token: &str, now: Timestamp) -> Result<Option<Session>, Error> {
    // A token has 43 characters; nothing else is worth a look into the database.
    if token.len() != 43 {
        return Ok(None);
    }
    let session = store::find_session(tx, &token_hash(token)).await?;
    Ok(session.filter(|session| session.ends_at() > now))
}

/// Whether the last sign of life is old enough to be written down again.
pub fn is_stale(session: &Session, now: Timestamp) -> bool {
    session.last_seen_at.plus(minutes(1)) <= now
}

pub async fn touch(work: &mut Work, id: &SessionId) -> Result<(), Error> {
    Ok(store::touch_session(work, id).await?)
}

pub async fn end(work: &mut Work, session: &Session) -> Result<(), Error> {
    if store::delete_session(work, &session.id).await? {
        let (account, session) = (session.account_id.clone(), session.id.clone());
        work.touched.push(account.clone());
        audit::record(work, &SigninEvent::SessionEnded { account, session }).await?;
    }
    Ok(())
}
