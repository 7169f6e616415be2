//! Signing in with a passkey. No user name is asked for: the key says whose it is, and only after its owner was verified.

use serde_json::Value;
use webauthn_rs::prelude::{
    AuthenticationResult, Credential, DiscoverableAuthentication, Passkey as Key, PublicKeyCredential, WebauthnError,
};

use super::super::arrival::Comer;
use super::super::attempts::{self, Counter, Network};
use super::super::blocking;
use super::super::ceremony::{self, Opened, Owner};
use super::super::session::Session;
use super::super::store::{self, FoundPasskey};
use super::super::{SigninEvent, change, means};
use super::register::Begun;
use super::{CHALLENGE_LIFETIME, Model, kind_of, level, place, relying_party, user_handle};
use crate::account::{self, Account, Status};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::secret::{Secret, equal};
use crate::kernel::texts::moment;
use crate::notice::Kind;
use crate::store::work::{Actor, Work};

/// What a passkey proves (RFC 8176): a key in hardware or in software, and somebody verified by its device.
pub(super) const fn methods(kind: MeansKind) -> &'static str {
    match kind {
        MeansKind::DevicePasskey | MeansKind::AttestedPasskey => "hwk user mfa",
        _ => "swk user mfa",
    }
}

pub struct Attempt<'a> {
    /// What the challenge is taken with, and what the browser made of it.
    pub ceremony: &'a str,
    pub answer: &'a str,
    pub browser: &'a [u8],
    pub network: &'a Network,
    pub comer: Comer<'a>,
    /// Whether it is to end a block of the key.
    pub unblocks: bool,
}

pub enum Outcome {
    /// The new session's token.
    Begun(Secret<String>),
    /// An unknown key, a wrong signature, an old challenge: the answer is the same.
    Refused,
    /// All is right, and the operator has locked the account.
    Locked(AccountId),
}

pub(super) const fn owner(browser: &[u8]) -> Owner<'_> {
    Owner { purpose: "sign_in", browser, within: "" }
}

/// A challenge for whoever sits in front of this browser. Says nothing about anybody.
pub fn begin(app: &AppParts, browser: &[u8]) -> Result<Begun, Error> {
    let (challenge, state) = relying_party(app)?.start_discoverable_authentication().map_err(Error::broken)?;
    let options = serde_json::to_value(&challenge.public_key).map_err(Error::broken)?;
    let ceremony = ceremony::seal(app, owner(browser), CHALLENGE_LIFETIME, &state)?;
    Ok(Begun { options, ceremony })
}

/// Why an answer did not count, as the history tells it.
pub(super) type Why = &'static str;

/// A challenge that has come back.
type Asked = Opened<DiscoverableAuthentication>;

/// Tries to sign in. What is right takes the challenge in the transaction that begins the session, what is wrong in the one that
/// counts the try and writes it down: nobody answers a challenge twice, and signing in is one commit.
pub async fn finish(app: &AppParts, attempt: Attempt<'_>) -> Result<Outcome, Error> {
    let mut tx = app.read().await?;
    attempts::check(&mut tx, counters(app, &attempt), app.now()).await?;
    let asked: Option<Asked> = ceremony::open(app, owner(attempt.browser), attempt.ceremony, app.now())?;
    let Ok(answer) = serde_json::from_str::<PublicKeyCredential>(attempt.answer) else {
        return refuse(app, &attempt, asked.as_ref(), (None, "unreadable")).await;
    };
    let Some(asked) = asked else { return refuse(app, &attempt, None, (None, "challenge")).await };
    let found = store::find_passkey(&mut tx, &answer.raw_id, &attempt.comer.device.hash()).await?;
    drop(tx);
    let Some(found) = found else { return refuse(app, &attempt, Some(&asked), (None, "unknown")).await };
    match verify(app, &attempt, (&answer, &asked), &found).await? {
        Err(why) => refuse(app, &attempt, Some(&asked), (Some(&found.account_id), why)).await,
        Ok(_) if found.status == Status::Locked => {
            spend(app, &attempt, Some(&asked)).await?.commit().await?;
            Ok(Outcome::Locked(found.account_id))
        }
        Ok(result) => begin_session(app, &attempt, (found, result), &asked).await,
    }
}

fn counters(app: &AppParts, attempt: &Attempt<'_>) -> [Counter; 3] {
    attempts::of_assertion(app, attempt.browser, attempt.network)
}

/// Checks the answer against the key that it names, in this order: whether it may be used here, whose it is, what it signed.
async fn verify(
    app: &AppParts,
    attempt: &Attempt<'_>,
    (answer, asked): (&PublicKeyCredential, &Asked),
    found: &FoundPasskey,
) -> Result<Result<AuthenticationResult, Why>, Error> {
    // TR-03160-1: used for the first time in the session that registered it.
    let here = attempt.comer.previous.is_some_and(|session| session.id == found.registered_in);
    if found.confirmed_at.is_none() && !here {
        return Ok(Err("unconfirmed"));
    }
    if found.blocked_at.is_some() && !may_unblock(app, attempt, found) {
        return Ok(Err("blocked"));
    }
    let wrapped = found.key_wrapped.as_deref().ok_or(Error::NotFound)?;
    let data_key = app.vault.master().unwrap(wrapped, found.account_id.as_str()).await.map_err(Error::broken)?;
    let plain = data_key.open(place("credential", &found.id), &found.credential).map_err(Error::broken)?;
    let key: Key = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    let model = Model::open(&data_key, &found.id, found.model.as_deref())?;
    if kind_of(&key, model) != found.kind {
        return Err(Error::broken("a passkey is of another kind than its row says"));
    }
    // What changes with every use stands beside the key.
    let mut credential = Credential::from(key);
    credential.counter = u32::try_from(found.counter).map_err(Error::broken)?;
    credential.backup_state = found.is_synchronised;
    check(app, &found.account_id, (answer, asked.state.clone()), &credential)
}

/// Whether that was signed by a key of this account for this challenge.
pub(super) fn check(
    app: &AppParts,
    account: &AccountId,
    (answer, state): (&PublicKeyCredential, DiscoverableAuthentication),
    credential: &Credential,
) -> Result<Result<AuthenticationResult, Why>, Error> {
    // Section 7.2 step 6: the user handle has to be there, and be that of the key's owner.
    let handle = answer.response.user_handle.as_deref().unwrap_or_default();
    if !equal(handle, user_handle(&app.vault, account).as_bytes()) {
        return Ok(Err("handle"));
    }
    // Section 7.2 step 14, which the library leaves to registration.
    if is_framed(answer) {
        return Ok(Err("frame"));
    }
    Ok(match relying_party(app)?.finish_discoverable_authentication_v2(answer, state, credential) {
        Ok(result) => Ok(result),
        Err(WebauthnError::CredentialPossibleCompromise) => Err("counter"),
        Err(WebauthnError::CredentialBackupEligibilityInconsistent) => Err("kind"),
        Err(error) => {
            tracing::info!("a passkey was refused: {error}");
            Err("signature")
        }
    })
}

/// TR-03160-1: by its owner, who is signed in as strongly as it is.
fn may_unblock(app: &AppParts, attempt: &Attempt<'_>, found: &FoundPasskey) -> bool {
    let now = app.now();
    let needed = level(Policy::of(&app.config), (found.kind, found.registered), now);
    let is_strong = |session: &Session| session.account_id == found.account_id && session.strength(now) >= needed;
    attempt.unblocks && attempt.comer.previous.is_some_and(is_strong)
}

/// Whether the browser says that it was asked by a page inside a foreign one. Ours are never framed.
fn is_framed(answer: &PublicKeyCredential) -> bool {
    let client_data: Value = serde_json::from_slice(&answer.response.client_data_json).unwrap_or_default();
    client_data["crossOrigin"] == true || client_data.get("topOrigin").is_some()
}

/// Work of a try that leads nowhere: it is counted and its challenge is gone. `TooMany` if others were faster.
async fn spend(app: &AppParts, attempt: &Attempt<'_>, asked: Option<&Asked>) -> Result<Work, Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    work.request.clone_from(&attempt.comer.request);
    if let Err(error) = attempts::count(&mut work, counters(app, attempt)).await {
        work.commit().await?;
        return Err(error);
    }
    if let Some(asked) = asked {
        asked.take(&mut work).await?;
    }
    Ok(work)
}

async fn refuse(
    app: &AppParts,
    attempt: &Attempt<'_>,
    asked: Option<&Asked>,
    (account, why): (Option<&AccountId>, Why),
) -> Result<Outcome, Error> {
    let mut work = spend(app, attempt, asked).await?;
    let (account, device) = (account.cloned(), attempt.comer.device.name.clone());
    audit::record(&mut work, &SigninEvent::PasskeyRefused { account, device, why }).await?;
    work.commit().await?;
    Ok(Outcome::Refused)
}

async fn begin_session(
    app: &AppParts,
    attempt: &Attempt<'_>,
    (found, result): (FoundPasskey, AuthenticationResult),
    asked: &Asked,
) -> Result<Outcome, Error> {
    let account = &found.account_id;
    // Most people come with what they always come with, and nobody has to be told anything.
    let is_usual = found.confirmed_at.is_some() && found.blocked_at.is_none() && found.device_seen_at.is_some();
    let owner = match is_usual {
        true => None,
        false => Some(account::load(&mut app.read().await?, &app.vault, account).await?),
    };
    let mut work = attempt.comer.begin(app, account).await?;
    if !asked.take(&mut work).await? {
        drop(work);
        return refuse(app, attempt, None, (None, "challenge")).await;
    }
    let registered = match &owner {
        Some(owner) if found.confirmed_at.is_none() => {
            confirm(app, &mut work, (&found, owner), attempt.comer.previous).await?
        }
        _ => found.registered,
    };
    // A removal that was faster ends here, and so does another use that counted further.
    let counter = i64::from(result.counter());
    let noted = (registered, attempt.unblocks);
    if !store::use_passkey(&mut work, &found.id, (counter, result.backup_state()), noted).await? {
        drop(work);
        return refuse(app, attempt, Some(asked), (Some(account), "counter")).await;
    }
    if let Some(owner) = owner.as_ref().filter(|_| found.blocked_at.is_some()) {
        blocking::record_unblocked(app, &mut work, owner, found.kind).await?;
    }
    let arrival = attempt.comer.arrival(account, found.device_seen_at);
    let told = owner.filter(|_| found.device_seen_at.is_none());
    let proven = (level(Policy::of(&app.config), (found.kind, registered), work.now), methods(found.kind));
    let token = arrival.complete(app, &mut work, told, proven).await?;
    work.commit().await?;
    Ok(Outcome::Begun(token))
}

/// The first use makes it a means of the account. Its level is worked out anew: meanwhile the account may have got something
/// stronger than the session that registered it.
async fn confirm(
    app: &AppParts,
    work: &mut Work,
    (found, owner): (&FoundPasskey, &Account),
    previous: Option<&Session>,
) -> Result<Level, Error> {
    let known = means::list(&mut work.tx, &owner.id).await?;
    let strength = previous.map_or(Level::Basic, |session| session.strength(work.now));
    let level = Policy::of(&app.config).registration(found.kind, strength, &known, work.now);
    let (account, passkey) = (owner.id.clone(), found.id.clone());
    audit::record(work, &SigninEvent::PasskeyAdded { account, passkey, kind: found.kind }).await?;
    let at = moment::date_and_clock(owner.language, work.now);
    change::tell(app, work, owner, Kind::PasskeyAdded, |texts| {
        (&texts.mail.passkey_added_subject, texts.mail.passkey_added_body.with("time", &at))
    })
    .await?;
    Ok(level.min(found.registered))
}
