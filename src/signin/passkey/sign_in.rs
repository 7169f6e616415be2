//! Signing in with a passkey. No user name is asked for: the key says whose it is, and only after its owner was verified.

use serde_json::Value;
use webauthn_rs::prelude::{
    AuthenticationResult, Credential, DiscoverableAuthentication, Passkey as Key, PublicKeyCredential, WebauthnError,
};

use super::super::arrival::Comer;
use super::super::attempts::{self, Counter, Network};
use super::super::blocking;
use super::super::ceremony::{self, Owner};
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

const fn owner(browser: &[u8]) -> Owner<'_> {
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

/// Tries to sign in. The try is counted and the challenge is gone before anything is looked at.
pub async fn finish(app: &AppParts, attempt: Attempt<'_>) -> Result<Outcome, Error> {
    let (counters, taken) = take(app, (attempt.browser, attempt.network), attempt.ceremony).await?;
    let Ok(answer) = serde_json::from_str::<PublicKeyCredential>(attempt.answer) else {
        return refuse(app, &attempt, None, "unreadable").await;
    };
    let Some(state) = taken else { return refuse(app, &attempt, None, "challenge").await };
    let found = store::find_passkey(&mut app.read().await?, &answer.raw_id, &attempt.comer.device.hash()).await?;
    let Some(found) = found else { return refuse(app, &attempt, None, "unknown").await };
    let (owner, result) = match verify(app, &attempt, (&answer, state), &found).await? {
        Ok(verified) => verified,
        Err(why) => return refuse(app, &attempt, Some(&found.account_id), why).await,
    };
    if found.status == Status::Locked {
        return Ok(Outcome::Locked(found.account_id));
    }
    begin_session(app, &attempt, (found, result, owner), counters).await
}

/// Counts a try and takes its challenge; `None` if that is not good here and now.
pub(super) async fn take(
    app: &AppParts,
    (browser, network): (&[u8], &Network),
    ceremony: &str,
) -> Result<([Counter; 3], Option<DiscoverableAuthentication>), Error> {
    let counters = attempts::of_assertion(app, browser, network);
    let mut work = app.begin(Actor::Visitor).await?;
    let counted = attempts::count(&mut work, counters).await;
    let taken = match &counted {
        Ok(()) => ceremony::take(app, &mut work, owner(browser), ceremony).await?,
        Err(_) => None,
    };
    work.commit().await?;
    counted?;
    Ok((counters, taken))
}

/// Checks the answer against the key that it names, in this order: whether it may be used here, whose it is, what it signed.
async fn verify(
    app: &AppParts,
    attempt: &Attempt<'_>,
    (answer, state): (&PublicKeyCredential, DiscoverableAuthentication),
    found: &FoundPasskey,
) -> Result<Result<(Account, AuthenticationResult), Why>, Error> {
    // TR-03160-1: used for the first time in the session that registered it.
    let here = attempt.comer.previous.is_some_and(|session| session.id == found.registered_in);
    if found.confirmed_at.is_none() && !here {
        return Ok(Err("unconfirmed"));
    }
    if found.blocked_at.is_some() && !may_unblock(app, attempt, found) {
        return Ok(Err("blocked"));
    }
    let mut tx = app.read().await?;
    let owner = account::load(&mut tx, &app.vault, &found.account_id).await?;
    let data_key = account::key(&mut tx, &app.vault, &found.account_id).await?;
    drop(tx);
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
    Ok(check(app, &found.account_id, (answer, state), &credential)?.map(|result| (owner, result)))
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

async fn refuse(
    app: &AppParts,
    attempt: &Attempt<'_>,
    account: Option<&AccountId>,
    why: Why,
) -> Result<Outcome, Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    work.request.clone_from(&attempt.comer.request);
    let (account, device) = (account.cloned(), attempt.comer.device.name.clone());
    audit::record(&mut work, &SigninEvent::PasskeyRefused { account, device, why }).await?;
    work.commit().await?;
    Ok(Outcome::Refused)
}

async fn begin_session(
    app: &AppParts,
    attempt: &Attempt<'_>,
    (found, result, owner): (FoundPasskey, AuthenticationResult, Account),
    counters: [Counter; 3],
) -> Result<Outcome, Error> {
    let account = &found.account_id;
    let mut work = attempt.comer.begin(app, account).await?;
    let registered = match found.confirmed_at {
        Some(_) => found.registered,
        None => confirm(app, &mut work, (&found, &owner), attempt.comer.previous).await?,
    };
    // A removal that was faster ends here, and so does another use that counted further.
    let counter = i64::from(result.counter());
    let noted = (registered, attempt.unblocks);
    if !store::use_passkey(&mut work, &found.id, (counter, result.backup_state()), noted).await? {
        drop(work);
        return refuse(app, attempt, Some(account), "counter").await;
    }
    attempts::forgive(&mut work, counters).await?;
    if found.blocked_at.is_some() {
        blocking::record_unblocked(app, &mut work, &owner, found.kind).await?;
    }
    let arrival = attempt.comer.arrival(account, found.device_seen_at);
    let told = found.device_seen_at.is_none().then_some(owner);
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
