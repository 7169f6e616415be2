//! Accounts at other providers as means of an account: linked, used, blocked, removed. What the other provider says is checked
//! elsewhere (`proofing::upstream`); here it is an issuer, a subject and a level.
//!
//! Whose account it is decides the pair of issuer and subject alone (OpenID Connect Core section 5.7), never an e-mail address.
//! A sign-in is worth no more than this very answer says, than the link was registered at, and than the kind of means allows.

use super::arrival::Comer;
use super::attempts::{self, Counter};
use super::change::{self, Person};
use super::device::Device;
use super::session;
use super::store::{self, FoundLink, LinkedRow, NewLink};
use super::{SigninEvent, blocking, means};
use crate::account::{self, Account, Status};
use crate::app::AppParts;
use crate::assurance::{Means, Policy};
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::seal::{Place, Vault};
use crate::kernel::secret::{Secret, equal, token_hash};
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// How such a sign-in is told to services. RFC 8176 has no word for it; this one is in use elsewhere.
const METHOD: &str = "fed";

/// A linked account as its owner sees it.
#[derive(Clone)]
pub struct Linked {
    pub id: MeansId,
    /// The provider's id in the settings; it may not be there any more.
    pub provider: String,
    pub registered: Level,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    /// Since when it signs nobody in.
    pub blocked_at: Option<Timestamp>,
}

impl Linked {
    /// What signing in with it is worth at most.
    pub fn level(&self, policy: Policy<'_>, now: Timestamp) -> Level {
        level(policy, self.registered, now)
    }
}

/// The rule of [`Policy::level`] for the level of a registration.
fn level(policy: Policy<'_>, registered: Level, now: Timestamp) -> Level {
    let (id, name, last_used_at, blocked_at) = (None, None, None, None);
    let kind = MeansKind::LinkedAccount;
    policy.level(&Means { id, kind, name, registered, created_at: now, last_used_at, blocked_at }, now)
}

fn opened(row: LinkedRow) -> Linked {
    let LinkedRow { id, provider, registered, created_at, last_used_at, blocked_at } = row;
    Linked { id, provider, registered, created_at, last_used_at, blocked_at }
}

/// The linked accounts of an account, the oldest first.
pub async fn list(tx: &mut Tx, account: &AccountId) -> Result<Vec<Linked>, Error> {
    Ok(store::linked_of(tx, account).await?.into_iter().map(opened).collect())
}

/// One of the account's own; `NotFound` if it is none.
pub async fn find(tx: &mut Tx, account: &AccountId, id: &MeansId) -> Result<Linked, Error> {
    list(tx, account).await?.into_iter().find(|one| one.id == *id).ok_or(Error::NotFound)
}

/// Whose account here an account elsewhere opens, and the link.
pub async fn owner(tx: &mut Tx, subject: &Subject) -> Result<Option<(AccountId, MeansId)>, Error> {
    let found = store::find_linked(tx, &subject.0, &[]).await?;
    Ok(found.map(|found| (found.account_id, found.id)))
}

/// Somebody at another provider, as a keyed hash: nothing of them stands in the database.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Subject([u8; 32]);

impl Subject {
    pub fn new(vault: &Vault, issuer: &str, sub: &str) -> Self {
        Self(vault.index("linked-account", &format!("{issuer} {sub}")))
    }

    /// Seals it for one link of one account.
    fn place(id: &MeansId) -> Place<'_> {
        Place { table: "linked_account", column: "proof", row: id.as_str(), version: 1 }
    }
}

/// What another provider calls a session of its own, as a keyed hash.
#[derive(Clone, Copy)]
pub struct ForeignSession([u8; 32]);

impl ForeignSession {
    pub fn new(vault: &Vault, issuer: &str, sid: &str) -> Self {
        Self(vault.index("linked-session", &format!("{issuer} {sid}")))
    }
}

/// An account elsewhere, to be linked.
pub struct New<'a> {
    pub provider: &'a str,
    pub subject: &'a Subject,
    /// What the answer of the provider is worth.
    pub level: Level,
}

pub enum Added {
    Done(MeansId),
    /// It opens an account here already, another one or this.
    Taken,
    /// This account is linked with another account of the same provider.
    Another,
}

/// Links an account elsewhere with the one whose session this is. The caller has proof of both, from this session.
pub async fn add(app: &AppParts, person: Person<'_>, new: New<'_>) -> Result<Added, Error> {
    let account = &person.account.id;
    let mut work = person.begin(app).await?;
    let (known, strength) = (means::list(&mut work.tx, account).await?, person.session.strength(work.now));
    let most = Policy::of(&app.config).registration(MeansKind::LinkedAccount, strength, &known, work.now);
    let (id, registered) = (MeansId::new(work.now, &work.random), most.min(new.level));
    let key = account::key(&mut work.tx, &app.vault, account).await?;
    let proof = key.seal(Subject::place(&id), &new.subject.0, &work.random).map_err(Error::broken)?;
    let row = NewLink { id: &id, provider: new.provider, subject: &new.subject.0, proof: &proof, registered };
    if !store::insert_linked(&mut work, account, &row).await? {
        let mine = store::linked_of(&mut work.tx, account).await?;
        let theirs = store::find_linked(&mut work.tx, &new.subject.0, &[]).await?;
        let has_other = theirs.is_none() && mine.iter().any(|one| one.provider == new.provider);
        return Ok(if has_other { Added::Another } else { Added::Taken });
    }
    let (owner, provider) = (account.clone(), new.provider.to_owned());
    let event = SigninEvent::LinkedAccountAdded { account: owner, means: id.clone(), provider, registered };
    audit::record(&mut work, &event).await?;
    tell_of(app, &mut work, person.account, (new.provider, Kind::LinkedAccountAdded)).await?;
    work.commit().await?;
    Ok(Added::Done(id))
}

async fn tell_of(
    app: &AppParts,
    work: &mut Work,
    owner: &Account,
    (provider, kind): (&str, Kind),
) -> Result<(), Error> {
    let at = moment::date_and_clock(owner.language, work.now);
    let name = app.config.provider_name(provider, owner.language);
    change::tell(app, work, owner, kind, |texts| {
        let t = &texts.mail;
        let (subject, body) = if kind == Kind::LinkedAccountAdded {
            (&t.linked_account_added_subject, &t.linked_account_added_body)
        } else {
            (&t.linked_account_removed_subject, &t.linked_account_removed_body)
        };
        (subject, body.with("provider", &name).with("time", &at))
    })
    .await
}

/// Removes a link for good, by somebody who has just signed in or gives the password once more, and in a session that is worth
/// as much as the link.
pub async fn remove(app: &AppParts, person: Person<'_>, one: &Linked) -> Result<(), Error> {
    let (account, now) = (person.account, app.now());
    if person.session.strength(now) < one.level(Policy::of(&app.config), now) {
        return Err(Error::field("current", "linked_too_strong"));
    }
    if !person.session.is_fresh(now) {
        person.confirm(app).await?;
    }
    let mut work = person.begin(app).await?;
    if !store::delete_linked(&mut work, &account.id, &one.id).await? {
        return Err(Error::NotFound);
    }
    means::settle(&mut work, &app.config, &account.id).await?;
    let (owner, provider) = (account.id.clone(), one.provider.clone());
    let event = SigninEvent::LinkedAccountRemoved { account: owner, means: one.id.clone(), provider };
    audit::record(&mut work, &event).await?;
    tell_of(app, &mut work, account, (&one.provider, Kind::LinkedAccountRemoved)).await?;
    work.commit().await
}

/// Somebody whom another provider has vouched for.
pub struct Attempt<'a> {
    pub provider: &'a str,
    pub subject: &'a Subject,
    pub foreign: Option<ForeignSession>,
    /// What the answer is worth.
    pub level: Level,
    /// Who is signed in here needs this level.
    pub wanted: Option<Level>,
    /// Ends a block, by its owner who is signed in as strongly.
    pub unblocks: bool,
    pub comer: Comer<'a>,
}

pub enum Outcome {
    /// The new session's token.
    Begun(Secret<String>),
    /// It opens no account here.
    Unknown,
    /// Somebody else is signed in here.
    OfAnother,
    Blocked,
    /// Nothing is said about how they have signed in, and this account wants a second factor.
    TooWeak,
    /// Who is signed in has more already, or needs more: nothing has changed.
    Below(Level),
    /// All is right, and the operator has locked the account.
    Locked(AccountId),
}

/// Signs in whoever the other provider has named. `counters` were counted before.
pub async fn sign_in(app: &AppParts, attempt: Attempt<'_>, counters: [Counter; 3]) -> Result<Outcome, Error> {
    let mut tx = app.read().await?;
    let found = store::find_linked(&mut tx, &attempt.subject.0, &attempt.comer.device.hash()).await?;
    let Some(found) = found else {
        drop(tx);
        return refuse(app, &attempt, (None, "unknown"), Outcome::Unknown).await;
    };
    let owner = account::load(&mut tx, &app.vault, &found.account_id).await?;
    let key = account::key(&mut tx, &app.vault, &found.account_id).await?;
    let means = means::list(&mut tx, &found.account_id).await?;
    drop(tx);
    let proof = key.open(Subject::place(&found.id), &found.proof).map_err(Error::broken)?;
    if !equal(proof.expose(), &attempt.subject.0) {
        return Err(Error::broken("a linked account is not the one that was linked"));
    }
    let level = level(Policy::of(&app.config), found.registered, app.now()).min(attempt.level);
    if let Some((why, outcome)) = hindrance(app, &attempt, (&found, &means), level) {
        return refuse(app, &attempt, (Some(&found.account_id), why), outcome).await;
    }
    if found.status == Status::Locked {
        return Ok(Outcome::Locked(found.account_id));
    }
    begin_session(app, &attempt, (found, owner, level), counters).await
}

/// Why a right answer opens nothing, in this order: who is signed in here, the block, how strong it is.
fn hindrance(
    app: &AppParts,
    attempt: &Attempt<'_>,
    (found, means): (&FoundLink, &[Means]),
    level: Level,
) -> Option<(&'static str, Outcome)> {
    let now = app.now();
    let here = attempt.comer.previous.filter(|session| session.leaves_at.is_none());
    if here.is_some_and(|session| session.account_id != found.account_id) {
        return Some(("another", Outcome::OfAnother));
    }
    // BSI TR-03160-1: unblocking takes the means itself, and a session as strong.
    let needed = self::level(Policy::of(&app.config), found.registered, now);
    let may_unblock = attempt.unblocks && level >= needed && here.is_some_and(|one| one.strength(now) >= needed);
    if found.blocked_at.is_some() && !may_unblock {
        return Some(("blocked", Outcome::Blocked));
    }
    let wants_code = means.iter().any(|one| matches!(one.kind, MeansKind::AppCode | MeansKind::DeviceCode));
    if level < Level::Low && wants_code {
        return Some(("weak", Outcome::TooWeak));
    }
    let least = here.map(|session| attempt.wanted.unwrap_or_else(|| session.strength(now)));
    least.filter(|least| level < *least && found.blocked_at.is_none()).map(|_| ("below", Outcome::Below(level)))
}

/// Writes down that an answer opened nothing.
async fn refuse(
    app: &AppParts,
    attempt: &Attempt<'_>,
    (account, why): (Option<&AccountId>, &'static str),
    outcome: Outcome,
) -> Result<Outcome, Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    work.request.clone_from(&attempt.comer.request);
    record_refused(&mut work, account, (attempt.provider, attempt.comer.device), why).await?;
    work.commit().await?;
    Ok(outcome)
}

/// The event of an answer that was not taken.
pub async fn record_refused(
    work: &mut Work,
    account: Option<&AccountId>,
    (provider, device): (&str, &Device),
    why: &'static str,
) -> Result<(), Error> {
    let (account, provider, device) = (account.cloned(), provider.to_owned(), device.name.clone());
    audit::record(work, &SigninEvent::LinkedAccountRefused { account, provider, device, why }).await
}

async fn begin_session(
    app: &AppParts,
    attempt: &Attempt<'_>,
    (found, owner, level): (FoundLink, Account, Level),
    counters: [Counter; 3],
) -> Result<Outcome, Error> {
    let account = &found.account_id;
    let mut work = attempt.comer.begin(app, account).await?;
    // A removal or a block that was faster ends here.
    if !store::use_linked(&mut work, &found.id, attempt.unblocks).await? {
        drop(work);
        return refuse(app, attempt, (Some(account), "blocked"), Outcome::Blocked).await;
    }
    attempts::forgive(&mut work, counters).await?;
    if found.blocked_at.is_some() {
        blocking::record_unblocked(app, &mut work, &owner, MeansKind::LinkedAccount).await?;
    }
    let arrival = attempt.comer.arrival(account, found.device_seen_at);
    let told = found.device_seen_at.is_none().then_some(owner);
    let token = arrival.complete(app, &mut work, told, (level, METHOD)).await?;
    let foreign = attempt.foreign.as_ref().map(|foreign| &foreign.0[..]);
    store::put_session_link(&mut work, &token_hash(token.expose()), &found.id, foreign).await?;
    work.commit().await?;
    Ok(Outcome::Begun(token))
}

/// Whom another provider has signed out.
pub struct SignedOut {
    pub subject: Option<Subject>,
    pub foreign: Option<ForeignSession>,
}

/// Ends the sessions that began with an account of that provider: one of its sessions, or all of somebody's.
pub async fn end_sessions(work: &mut Work, provider: &str, gone: &SignedOut) -> Result<(), Error> {
    let link = match &gone.subject {
        Some(subject) => store::find_linked(&mut work.tx, &subject.0, &[]).await?,
        None => None,
    };
    let account = match (&gone.foreign, &link) {
        (_, Some(link)) => Some(link.account_id.clone()),
        (Some(foreign), None) if gone.subject.is_none() => store::owner_of_sid(&mut work.tx, &foreign.0).await?,
        _ => None,
    };
    let Some(account) = account else { return Ok(()) };
    account::hold(work, &account).await?;
    let ended = match (&gone.foreign, link) {
        // Both named, the session has to be theirs.
        (Some(foreign), _) => store::delete_sessions_of_sid(work, &account, &foreign.0).await?,
        (None, Some(link)) => store::delete_sessions_of_link(work, &account, &link.id).await?,
        (None, None) => return Ok(()),
    };
    if ended.is_empty() {
        return Ok(());
    }
    work.touched.push(account.clone());
    let sessions_ended = session::tell_ended(work, ended.into_iter().map(|row| row.id)).await?;
    let provider = provider.to_owned();
    audit::record(work, &SigninEvent::LinkedAccountSignedOut { account, provider, sessions_ended }).await
}
