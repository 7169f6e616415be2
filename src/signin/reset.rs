//! A forgotten password: address, code from the mail, new password. Ends every session, begins none.

use super::attempts::{self, Network};
use super::code::{self, Redeemed};
use super::device::Device;
use super::register::{Applicant, check_and_hash};
use super::{SigninEvent, session, store};
use crate::account::{self, Status, email::EmailAddress};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, RequestId};
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
}

/// A reset under way in one browser.
pub struct Reset {
    pub stage: Stage,
    pub email: EmailAddress,
    pub request: Option<RequestId>,
    account_id: Option<AccountId>,
    /// The sealed address, another one after every start: what is confirmed is what was read.
    sealed: Vec<u8>,
}

/// The address waits sealed, bound to the browser that asked.
fn row(browser: &[u8]) -> String {
    hex(browser)
}

fn place(row: &str) -> Place<'_> {
    Place { table: "password_reset", column: "email", row, version: 1 }
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
    put(app, work, applicant, (email, None)).await
}

async fn put(
    app: &AppParts,
    work: &mut Work,
    applicant: &Applicant<'_>,
    (email, account_id): (&EmailAddress, Option<AccountId>),
) -> Result<(), Error> {
    let row = row(applicant.browser);
    let sealed = app.vault.system.seal(place(&row), email.as_str().as_bytes(), &work.random).map_err(Error::broken)?;
    let reset = store::ResetRow {
        account_id,
        stage: Stage::CodeSent,
        email: sealed,
        request_id: applicant.request.clone(),
        expires_at: work.now.plus(minutes(30)),
    };
    Ok(store::put_reset(work, applicant.browser, &reset).await?)
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
    let (kind, subject, body) = if account.is_some() {
        let code = code::issue(work, &app.vault, code::Purpose::PasswordReset, applicant.browser).await?;
        let until = moment::clock(work.now.plus(code::LIFETIME));
        let body = texts.reset_code_body.with("code", code.expose()).with("time", until);
        (Kind::ResetCode, &texts.reset_code_subject, body)
    } else {
        code::issue_void(work, code::Purpose::PasswordReset, applicant.browser).await?;
        let locked = texts.account_locked_body.with("contact", &app.config.operator.contact);
        if is_locked {
            (Kind::AccountLocked, &texts.account_locked_subject, locked)
        } else {
            (Kind::ResetUnknown, &texts.reset_unknown_subject, texts.reset_unknown_body.clone())
        }
    };
    put(app, work, applicant, (email, account)).await?;
    let notice = Notice { kind, to: email.as_str(), language: applicant.language, subject, body };
    notice::send(work, &app.vault, &app.config.issuer, notice).await
}

pub async fn find(tx: &mut Tx, vault: &Vault, browser: &[u8], now: Timestamp) -> Result<Option<Reset>, Error> {
    let Some(found) = store::find_reset(tx, browser, now).await? else { return Ok(None) };
    let email = vault.system.open_text(place(&row(browser)), &found.email).map_err(Error::broken)?;
    let email = EmailAddress::parse(&email).ok_or_else(|| Error::broken("a stored address does not parse"))?;
    Ok(Some(Reset {
        stage: found.stage,
        email,
        request: found.request_id,
        account_id: found.account_id,
        sealed: found.email,
    }))
}

async fn find_at(work: &mut Work, vault: &Vault, browser: &[u8], stage: Stage) -> Result<Reset, Error> {
    let now = work.now;
    let reset = find(&mut work.tx, vault, browser, now).await?;
    reset.filter(|reset| reset.stage >= stage).ok_or(Error::Conflict("reset_step"))
}

/// Step 2: the code from the mail.
pub async fn confirm_code(app: &AppParts, browser: &[u8], network: &Network, typed: &str) -> Result<Redeemed, Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    let reset = find_at(&mut work, &app.vault, browser, Stage::CodeSent).await?;
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
    typed: &str,
    language: Language,
    device: &Device,
) -> Result<Option<RequestId>, Error> {
    let mut tx = app.read().await?;
    let reset = find(&mut tx, &app.vault, browser, app.now()).await?;
    let reset = reset.filter(|reset| reset.stage >= Stage::CodeConfirmed).ok_or(Error::Conflict("reset_step"))?;
    let account_id = reset.account_id.ok_or(Error::Conflict("reset_step"))?;
    let account = account::load(&mut tx, &app.vault, &account_id).await?;
    drop(tx);
    let personal: Vec<&str> =
        account.attributes.values().map(|attribute| attribute.value.as_str()).chain([reset.email.as_str()]).collect();
    let hash = check_and_hash(app, typed, &personal).await?;

    let mut work = app.begin(Actor::Account(account_id.clone())).await?;
    // The deletion is the gate: one confirmed code sets one password.
    if !store::delete_confirmed_reset(&mut work, browser, &reset.sealed).await? {
        return Err(Error::Conflict("reset_step"));
    }
    store::put_password(&mut work, &account_id, &hash).await?;
    let sessions_ended = session::end_all(&mut work, &account_id).await?;
    // Whoever knew the old password may have signed in; every other device is a stranger again.
    store::delete_other_devices(&mut work, &account_id, &device.hash()).await?;
    audit::record(&mut work, &SigninEvent::PasswordReset { account: account_id, sessions_ended }).await?;
    let texts = &language.texts().mail;
    let at = moment::date_and_clock(language, work.now);
    let body = texts.password_changed_body.with("time", at).with("issuer", &app.config.issuer);
    let subject = &texts.password_changed_subject;
    let notice = Notice { kind: Kind::PasswordChanged, to: account.email.address.as_str(), language, subject, body };
    notice::send(&mut work, &app.vault, &app.config.issuer, notice).await?;
    work.commit().await?;
    Ok(reset.request)
}
