//! Sessions: begun, found, renewed, ended. The token lives in the browser; the database has its hash.

use super::{SigninEvent, store};
use crate::account;
use crate::assurance;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::secret::{Secret, token_hash};
use crate::kernel::time::{Timestamp, minutes};
use crate::store::db::Tx;
use crate::store::outbox::{self, Lane};
use crate::store::work::Work;

/// A session that holds at the moment it was found.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Session {
    pub id: SessionId,
    pub account_id: AccountId,
    /// How strongly its owner has signed in. What of that is left is what [`strength`](Self::strength) says.
    #[sqlx(rename = "level")]
    pub proven: Level,
    /// How well it is known who its owner is.
    #[sqlx(rename = "identity_level")]
    pub identity: Level,
    /// Authentication methods, RFC 8176, separated by blanks.
    pub methods: String,
    pub authenticated_at: Timestamp,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// As [`device::parts`](super::device::parts) reads it.
    pub device: Option<String>,
    /// A shorter limit than the rule's, chosen by the person.
    pub idle_minutes: Option<i64>,
    /// The id of what lets its owner act for somebody else, as they have chosen; whether it still does is not known here.
    pub acting: Option<String>,
    /// When they have last said for whom they act.
    pub chosen_at: Option<Timestamp>,
    /// When the account is erased, if its owner is leaving: then this session is good for returning only.
    pub leaves_at: Option<Timestamp>,
}

impl Session {
    /// When it ends if nothing more is heard of it: with the lowest level that it steps down to.
    pub fn ends_at(&self) -> Timestamp {
        let end = assurance::ends_at(Level::Basic, self.authenticated_at, self.last_seen_at);
        let chosen = self.idle_minutes.and_then(|count| u64::try_from(count).ok()).map(minutes);
        chosen.map_or(end, |chosen| end.min(self.last_seen_at.plus(chosen)))
    }

    /// How much its owner's signing in still proves.
    pub fn strength(&self, now: Timestamp) -> Level {
        let left = assurance::remaining(self.proven, self.authenticated_at, self.last_seen_at, now);
        left.unwrap_or(Level::Basic)
    }

    /// Whether its owner has proven who they are so lately that they need not do so again before something of weight.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.authenticated_at.plus(minutes(5)) > now
    }

    /// Whether its owner has signed in with a passkey (RFC 8176: a key in hardware or software).
    pub fn has_used_passkey(&self) -> bool {
        self.methods.split(' ').any(|method| matches!(method, "hwk" | "swk"))
    }

    /// The level of the session: the lower of its strength and of the identity.
    pub fn level(&self, now: Timestamp) -> Level {
        self.strength(now).min(self.identity)
    }
}

/// How somebody has just proven who they are.
pub struct Proof {
    pub account: AccountId,
    /// The level of the means.
    pub strength: Level,
    pub methods: &'static str,
    /// The name of the device.
    pub device: String,
    /// The service that they are on the way to.
    pub client: Option<ClientId>,
}

/// Begins a session, or renews the browser's own if it is the same person's. Always with a new token: one
/// planted or seen before is worth nothing afterwards.
pub async fn begin(work: &mut Work, proof: Proof, previous: Option<&Session>) -> Result<Secret<String>, Error> {
    if let Some(session) = previous {
        if session.account_id == proof.account {
            return renew(work, session, proof).await;
        }
        end(work, session).await?;
    }
    let token = work.random.token();
    let session = SessionId::new(work.now, &work.random);
    store::insert_session(work, &session, &token_hash(token.expose()), &proof).await?;
    let Proof { account, methods, device, client, .. } = proof;
    let methods = methods.to_owned();
    audit::record(work, &SigninEvent::SessionBegun { account, session, methods, device, client }).await?;
    Ok(token)
}

/// Gives a session that still holds a new token, after its owner has proven who they are once more.
pub async fn renew(work: &mut Work, session: &Session, proof: Proof) -> Result<Secret<String>, Error> {
    let token = work.random.token();
    if !store::renew_session(work, &session.id, &token_hash(token.expose()), &proof).await? {
        return Err(Error::NotSignedIn);
    }
    let (session, Proof { account, methods, device, client, .. }) = (session.id.clone(), proof);
    let methods = methods.to_owned();
    audit::record(work, &SigninEvent::SessionRenewed { account, session, methods, device, client }).await?;
    Ok(token)
}

pub async fn password_changed_at(tx: &mut Tx, account: &AccountId) -> Result<Option<Timestamp>, Error> {
    Ok(store::password_changed_at(tx, account).await?)
}

/// Writes down for whom a session acts; what was chosen before.
pub async fn choose_acting(work: &mut Work, session: &Session, acting: Option<&str>) -> Result<Option<String>, Error> {
    let before = store::acting_of(work, &session.id).await?.ok_or(Error::NotSignedIn)?.acting;
    if !store::put_acting(work, &session.id, acting).await? {
        return Err(Error::NotSignedIn);
    }
    Ok(before)
}

/// Whether the last sign of life is old enough to be written down again.
pub fn is_stale(session: &Session, now: Timestamp) -> bool {
    session.last_seen_at.plus(minutes(1)) <= now
}

/// Writes down a sign of life. What its owner's signing in does not prove any more does not come back by it.
pub async fn touch(work: &mut Work, session: &Session) -> Result<(), Error> {
    Ok(store::touch_session(work, session, session.strength(work.now)).await?)
}

/// The sessions of an account that hold, the one seen last first.
pub async fn list(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Vec<Session>, Error> {
    let mut sessions = store::sessions_of(tx, account).await?;
    sessions.retain(|session| session.ends_at() > now);
    Ok(sessions)
}

/// Ends one session of the acting account; `NotFound` if it is none of its own.
pub async fn end_one(work: &mut Work, account: &AccountId, id: &SessionId) -> Result<(), Error> {
    if !store::delete_session_of(work, account, id).await? {
        return Err(Error::NotFound);
    }
    tell_ended(work, [id.clone()]).await?;
    let event = SigninEvent::SessionEnded { account: account.clone(), session: id.clone() };
    audit::record(work, &event).await
}

/// Ends every session of the account but this one; how many there were.
pub async fn end_others(work: &mut Work, kept: &Session) -> Result<u64, Error> {
    let sessions_ended = delete_others(work, kept).await?;
    let event = SigninEvent::SessionsEnded { account: kept.account_id.clone(), sessions_ended };
    audit::record(work, &event).await?;
    Ok(sessions_ended)
}

/// As [`end_others`], for an act that has a record of its own.
pub async fn delete_others(work: &mut Work, kept: &Session) -> Result<u64, Error> {
    let ended = store::delete_other_sessions(work, &kept.account_id, &kept.id).await?;
    tell_ended(work, ended.into_iter().map(|row| row.id)).await
}

/// The job that tells whoever knew of some sessions; the payload is their ids as JSON.
pub const ENDED: &str = "session.ended";

/// Leaves word that sessions have ended; how many they were.
pub(super) async fn tell_ended(work: &mut Work, sessions: impl IntoIterator<Item = SessionId>) -> Result<u64, Error> {
    let sessions: Vec<SessionId> = sessions.into_iter().collect();
    if !sessions.is_empty() {
        let payload = serde_json::to_vec(&sessions).map_err(Error::broken)?;
        outbox::put_plain(work, (Lane::Own, ENDED), &payload).await?;
    }
    Ok(sessions.len() as u64)
}

/// What a person may choose, in minutes; the rule of the level still holds where it is stricter.
pub const IDLE_CHOICES_MINUTES: [i64; 3] = [10, 30, 60];

/// Sets how long the account's sessions live without a request, those under way included.
pub async fn choose_idle_limit(work: &mut Work, account: &AccountId, minutes: i64) -> Result<(), Error> {
    if !IDLE_CHOICES_MINUTES.contains(&minutes) {
        return Err(Error::field("dauer", "idle_limit_choice"));
    }
    store::put_idle_minutes(work, account, minutes).await?;
    audit::record(work, &SigninEvent::IdleLimitChosen { account: account.clone(), minutes }).await
}

/// Ends every session of the account, and what outlives sessions; how many sessions there were.
pub async fn end_all(work: &mut Work, account: &AccountId) -> Result<u64, Error> {
    work.touched.push(account.clone());
    account::end_offline_access(work, account).await?;
    let ended = store::delete_sessions_of(work, account).await?;
    tell_ended(work, ended.into_iter().map(|row| row.id)).await
}

pub async fn end(work: &mut Work, session: &Session) -> Result<(), Error> {
    if store::delete_session(work, &session.id).await? {
        let (account, session) = (session.account_id.clone(), session.id.clone());
        tell_ended(work, [session.clone()]).await?;
        work.touched.push(account.clone());
        audit::record(work, &SigninEvent::SessionEnded { account, session }).await?;
    }
    Ok(())
}
