//! A forgotten password: address, code from the mail, new password. Ends every session, begins none. In the place of that code a
//! registration desk may have released the account, or an identity card may have said whose it is (BSI TR-03160-1, recovery): then
//! there is a password afterwards even where there was none, and a card's owner may do away with what else they have lost.
//!
//! The mail alone replaces a password; it never gives one to an account that has none. Whoever has lost every passkey of such an
//! account proves more first: see [`new_means`](super::recovery::new_means).

use super::attempts::{self, Network};
use super::code::{self, Redeemed};
use super::device::Device;
use super::passkey::first::Made;
use super::recovery::cancel::{self, Why};
use super::recovery::{Proof, Since, release, remove_lost, tell_all};
use super::register::{Applicant, check_and_hash};
use super::{SigninEvent, means, session, store};
use crate::account::{self, Account, Status, email::EmailAddress};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, RequestId};
use crate::kernel::means::MeansKind;
use crate::kernel::seal::{Place, Vault};
use crate::kernel::secret::hex;
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::{Timestamp, minutes};
use crate::notice::{self, Kind, Notice};
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Stage {
    CodeSent,
    CodeConfirmed,
    /// Instead of a code, a card has said whose the account is.
    CardRead,
}

/// A reset under way in one browser.
pub struct Reset {
    pub stage: Stage,
    pub email: EmailAddress,
    pub request: Option<RequestId>,
    /// What was proven besides reading the mails.
    pub(super) proof: Option<Proof>,
    /// A key that waits for its first use.
    pub(super) passkey: Option<Made>,
    account_id: Option<AccountId>,
    /// Of a registration desk, in the place of the code from a mail.
    release: Option<Vec<u8>>,
    /// The sealed address, another one after every start: what is confirmed is what was read.
    sealed: Vec<u8>,
}

impl Reset {
    pub(super) fn account(&self) -> Result<&AccountId, Error> {
        self.account_id.as_ref().ok_or(Error::Conflict("reset_step"))
    }

    /// By a registration desk.
    const fn is_released(&self) -> bool {
        self.release.is_some()
    }

    /// Whether a desk or a card stands in the place of the code from a mail.
    pub(super) fn needs_no_mail(&self) -> bool {
        self.is_released() || self.stage == Stage::CardRead
    }

    pub const fn has_passkey(&self) -> bool {
        self.passkey.is_some()
    }

    pub(super) fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    /// Whether it is to be asked if other means are lost, too: of whoever has come with a card, if there are any.
    pub async fn may_remove_means(&self, tx: &mut Tx) -> Result<bool, Error> {
        let (Stage::CardRead, Some(account)) = (self.stage, &self.account_id) else { return Ok(false) };
        let stays = |kind| matches!(kind, MeansKind::Password | MeansKind::Eid | MeansKind::LinkedAccount);
        Ok(means::list(tx, account).await?.iter().any(|one| !stays(one.kind)))
    }
}

/// The last step of a reset.
pub struct Chosen<'a> {
    pub password: &'a str,
    /// Whether code generators, passkeys and recovery codes are to go.
    pub means_are_lost: bool,
}

/// The address waits sealed, bound to the browser that asked.
fn row(browser: &[u8]) -> String {
    hex(browser)
}

fn place<'a>(column: &'a str, row: &'a str) -> Place<'a> {
    Place { table: "password_reset", column, row, version: 1 }
}

/// Step 1: sends a code to the address, or a mail that says that there is no account. Same answer.
pub async fn start(app: &AppParts, applicant: Applicant<'_>, email: &str) -> Result<(), Error> {
    let email = EmailAddress::parse(email).ok_or_else(|| Error::field("email", "email_format"))?;
    let mut work = app.begin(Actor::Visitor).await?;
    let may_mail = attempts::count_mail(app, &mut work, applicant.network, &email).await;
    let now = work.now;
    let waiting = find(&mut work.tx, &app.vault, applicant.browser, now).await?;
    let waits = waiting.is_some_and(|reset| reset.email == email);
    match may_mail {
        Ok(true) => send_code(app, &mut work, &applicant, &email).await?,
        // Beyond the limit the page is the same, and the code of the last mail stays good.
        Ok(false) if !waits => pretend(app, &mut work, &applicant, &email).await?,
        _ => {}
    }
    work.commit().await?;
    may_mail.map(drop)
}

/// A reset that waits for a code nobody has.
async fn pretend(
    app: &AppParts,
    work: &mut Work,
    applicant: &Applicant<'_>,
    email: &EmailAddress,
) -> Result<(), Error> {
    code::issue_void(work, code::Purpose::PasswordReset, applicant.browser).await?;
    put(app, work, (applicant.browser, &applicant.request), (email, None), None).await
}

/// What there is in the place of the code from the mail.
enum Instead {
    Proof(Proof),
    Release(Vec<u8>),
    Card,
}

async fn put(
    app: &AppParts,
    work: &mut Work,
    (browser, request_id): (&[u8], &Option<RequestId>),
    (email, account_id): (&EmailAddress, Option<AccountId>),
    instead: Option<Instead>,
) -> Result<(), Error> {
    let row = row(browser);
    let place = place("email", &row);
    let email = app.vault.system.seal(place, email.as_str().as_bytes(), &work.random).map_err(Error::broken)?;
    let (stage, proof, release_hash) = match instead {
        None => (Stage::CodeSent, None, None),
        Some(Instead::Proof(proof)) => (Stage::CodeConfirmed, Some(proof), None),
        Some(Instead::Release(hash)) => (Stage::CodeConfirmed, None, Some(hash)),
        Some(Instead::Card) => (Stage::CardRead, None, None),
    };
    let (request_id, expires_at) = (request_id.clone(), work.now.plus(minutes(30)));
    let reset =
        store::ResetRow { account_id, stage, email, proof, passkey: None, request_id, expires_at, release_hash };
    Ok(store::put_reset(work, browser, &reset).await?)
}

/// As if the code had been typed, for somebody who has proven more.
pub(super) async fn put_proven(
    app: &AppParts,
    work: &mut Work,
    browser: &[u8],
    owner: &Account,
    proof: Proof,
) -> Result<(), Error> {
    let whose = (&owner.email.address, Some(owner.id.clone()));
    put(app, work, (browser, &None), whose, Some(Instead::Proof(proof))).await
}

/// Keeps a key until it is used.
pub(super) async fn keep_passkey(
    app: &AppParts,
    work: &mut Work,
    browser: &[u8],
    (reset, made): (&Reset, &Made),
) -> Result<(), Error> {
    let (row, plain) = (row(browser), serde_json::to_vec(made).map_err(Error::broken)?);
    let sealed = app.vault.system.seal(place("passkey", &row), &plain, &work.random).map_err(Error::broken)?;
    if store::put_reset_passkey(work, browser, &reset.sealed, &sealed).await? {
        Ok(())
    } else {
        Err(Error::Conflict("reset_step"))
    }
}

/// Step 3 follows: a registration desk has released the account.
pub(super) async fn begin_released(
    app: &AppParts,
    work: &mut Work,
    applicant: &Applicant<'_>,
    (owner, release): (&Account, Vec<u8>),
) -> Result<(), Error> {
    let whose = (&owner.email.address, Some(owner.id.clone()));
    put(app, work, (applicant.browser, &applicant.request), whose, Some(Instead::Release(release))).await
}

/// Step 3 follows: a card says that the account is theirs.
pub async fn begin_with_card(
    app: &AppParts,
    work: &mut Work,
    (browser, device): (&[u8], &Device),
    owner: &Account,
) -> Result<(), Error> {
    put(app, work, (browser, &None), (&owner.email.address, Some(owner.id.clone())), Some(Instead::Card)).await?;
    let event = SigninEvent::CardRecovery { account: owner.id.clone(), device: device.name.clone() };
    audit::record(work, &event).await
}

/// First the code, then the reset, in the order in which confirming takes them: no two wait for each other.
async fn send_code(
    app: &AppParts,
    work: &mut Work,
    applicant: &Applicant<'_>,
    email: &EmailAddress,
) -> Result<(), Error> {
    let account = account::find_by_email(&mut work.tx, &app.vault, email).await?;
    let texts = &applicant.language.texts().mail;
    let is_locked = account.as_ref().is_some_and(|(_, status)| *status == Status::Locked);
    let account = account.map(|(id, _)| id).filter(|_| !is_locked);
    let has_password = match &account {
        Some(id) => store::password_changed_at(&mut work.tx, id).await?.is_some(),
        None => true,
    };
    let (kind, subject, body) = if account.is_some() {
        let code = code::issue(work, &app.vault, code::Purpose::PasswordReset, applicant.browser).await?;
        let until = moment::clock(work.now.plus(code::LIFETIME));
        let (kind, subject, body) = if has_password {
            (Kind::ResetCode, &texts.reset_code_subject, &texts.reset_code_body)
        } else {
            (Kind::ResetNoPassword, &texts.reset_no_password_subject, &texts.reset_no_password_body)
        };
        (kind, subject, body.with("code", code.expose()).with("time", until))
    } else {
        code::issue_void(work, code::Purpose::PasswordReset, applicant.browser).await?;
        let locked = texts.account_locked_body.with("contact", &app.config.operator.contact);
        if is_locked {
            (Kind::AccountLocked, &texts.account_locked_subject, locked)
        } else {
            (Kind::ResetUnknown, &texts.reset_unknown_subject, texts.reset_unknown_body.clone())
        }
    };
    put(app, work, (applicant.browser, &applicant.request), (email, account), None).await?;
    let notice = Notice { kind, to: email.as_str(), language: applicant.language, subject, body };
    notice::send(work, &app.vault, &app.config.issuer, notice).await
}

pub async fn find(tx: &mut Tx, vault: &Vault, browser: &[u8], now: Timestamp) -> Result<Option<Reset>, Error> {
    let Some(found) = store::find_reset(tx, browser, now).await? else { return Ok(None) };
    let row = row(browser);
    let email = vault.system.open_text(place("email", &row), &found.email).map_err(Error::broken)?;
    let passkey = found.passkey.map(|sealed| {
        let plain = vault.system.open(place("passkey", &row), &sealed).map_err(Error::broken)?;
        serde_json::from_slice(plain.expose()).map_err(Error::broken)
    });
    let email = EmailAddress::parse(&email).ok_or_else(|| Error::broken("a stored address does not parse"))?;
    Ok(Some(Reset {
        stage: found.stage,
        email,
        request: found.request_id,
        proof: found.proof,
        passkey: passkey.transpose()?,
        account_id: found.account_id,
        release: found.release_hash,
        sealed: found.email,
    }))
}

/// The reset of this browser, if the code from the mail has been typed.
pub async fn confirmed(tx: &mut Tx, vault: &Vault, browser: &[u8], now: Timestamp) -> Result<Reset, Error> {
    let reset = find(tx, vault, browser, now).await?;
    reset.filter(|reset| reset.stage >= Stage::CodeConfirmed).ok_or(Error::Conflict("reset_step"))
}

/// Step 2: the code from the mail.
pub async fn confirm_code(app: &AppParts, browser: &[u8], network: &Network, typed: &str) -> Result<Redeemed, Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    let now = work.now;
    let reset = find(&mut work.tx, &app.vault, browser, now).await?.ok_or(Error::Conflict("reset_step"))?;
    if reset.stage > Stage::CodeSent {
        return Ok(Redeemed::Right);
    }
    let one = code::Try { purpose: code::Purpose::PasswordReset, owner: browser, typed, network };
    let redeemed = code::redeem(app, &mut work, one).await;
    if let Ok(Redeemed::Right) = redeemed
        && !store::confirm_reset(&mut work, browser, &reset.sealed).await?
    {
        return Err(Error::Conflict("reset_step"));
    }
    work.commit().await?;
    redeemed
}

/// Step 3: the new password. Every session of the account ends, and the person signs in with it.
pub async fn set_password(
    app: &AppParts,
    browser: &[u8],
    chosen: Chosen<'_>,
    language: Language,
    device: &Device,
) -> Result<(), Error> {
    let mut tx = app.read().await?;
    let reset = confirmed(&mut tx, &app.vault, browser, app.now()).await?;
    let id = reset.account()?.clone();
    let account = account::load(&mut tx, &app.vault, &id).await?;
    drop(tx);
    let hash = check_and_hash(app, chosen.password, &personal(&account, &reset.email)).await?;

    let mut work = account::begin(app, &id, None).await?;
    // The deletion is the gate: one confirmed code sets one password.
    if !store::delete_confirmed_reset(&mut work, browser, (&reset.sealed, reset.stage)).await? {
        return Err(Error::Conflict("reset_step"));
    }
    // The mailbox alone shortens nothing: the time of a way back begins anew. First, because what a
    // desk has released takes everything along, without a word.
    cancel::cancel(app, &mut work, &id, Why::Password).await?;
    let by_card = reset.stage == Stage::CardRead;
    let is_set = match &reset.release {
        Some(release) => release::take(&mut work, (&id, release), &hash).await?,
        None if by_card => store::put_password(&mut work, &id, &hash).await.map(|()| true)?,
        None => store::replace_password(&mut work, &id, &hash).await?,
    };
    // The password has been removed meanwhile, or the release; or there is none.
    if !is_set {
        return Err(Error::Conflict("reset_step"));
    }
    let means_are_lost = by_card && chosen.means_are_lost;
    if means_are_lost {
        remove_lost(&mut work, &id, Since::Now).await?;
        store::delete_recovery_codes(&mut work, &id).await?;
        means::settle(&mut work, &app.config, &id).await?;
    }
    let sessions_ended = session::end_all(&mut work, &id).await?;
    // Whoever knew the old password may have signed in; every other device is a stranger again.
    store::delete_other_devices(&mut work, &id, &device.hash()).await?;
    if reset.is_released() {
        release::finish(app, &mut work, &account, (device, sessions_ended)).await?;
        return work.commit().await;
    }
    audit::record(&mut work, &SigninEvent::PasswordReset { account: id, sessions_ended }).await?;
    if by_card {
        tell_of_card(app, &mut work, &account, means_are_lost).await?;
    } else {
        tell(app, &mut work, &account, language).await?;
    }
    work.commit().await
}

async fn tell(app: &AppParts, work: &mut Work, account: &Account, language: Language) -> Result<(), Error> {
    let texts = &language.texts().mail;
    let at = moment::date_and_clock(language, work.now);
    let body = texts.password_changed_body.with("time", at).with("issuer", &app.config.issuer);
    let subject = &texts.password_changed_subject;
    let notice = Notice { kind: Kind::PasswordChanged, to: account.email.address.as_str(), language, subject, body };
    notice::send(work, &app.vault, &app.config.issuer, notice).await
}

/// No mailbox was asked: all of them are told.
async fn tell_of_card(app: &AppParts, work: &mut Work, account: &Account, means_are_lost: bool) -> Result<(), Error> {
    let at = moment::date_and_clock(account.language, work.now);
    tell_all(app, work, account, Kind::CardRecovery, |texts| {
        let t = &texts.mail;
        let body = if means_are_lost { &t.card_recovery_lost_body } else { &t.card_recovery_body };
        (&t.card_recovery_subject, body.with("time", at))
    })
    .await
}

/// What a password must not be made of.
pub(super) fn personal<'a>(account: &'a Account, address: &'a EmailAddress) -> Vec<&'a str> {
    let attributes = account.attributes.values().map(|attribute| attribute.value.as_str());
    attributes.chain([address.as_str()]).collect()
}
