//! A new means for an account whose owner has none left and has proven more than that they read its mails: a password or a passkey.
//!
//! Every such way ends here. It proves what it asks for and says so with [`proven`]; from then on the person chooses, in the same
//! browser and within half an hour, on `/wieder-anmelden/passwort`. What a mail alone does there, replacing a password, it does
//! not become by this: an account without a password gets one only after a [`Proof`].
//!
//! Of all that have proven something for an account, in whatever browser and on whatever node, one sets the means; then the lost ones
//! go, every session ends, the recovery codes are others, and the new means is worth no more than what was proven.

use serde::Serialize;

use super::super::arrival::Arrival;
use super::super::attempts;
use super::super::partial::Try;
use super::super::passkey::first::{self, Holder, Made, Signed, Used};
use super::super::passkey::{Begun, NotMade};
use super::super::register::check_and_hash;
use super::super::reset::{self, Reset};
use super::super::store;
use super::super::{SigninEvent, change, generator, means, password, recovery_codes};
use super::finish::{Since, remove_lost, start_over};
use super::{Recovery, RecoveryEvent, find, request, tell_all};
use crate::account::{self, Account, Status};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::secret::Secret;
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::Work;

/// What somebody has proven besides reading the mails of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Proof {
    /// One of the recovery codes.
    RecoveryCode,
    /// That nobody who reads the mails has objected for three days.
    Waiting,
}

impl Proof {
    /// The most that a means is worth that was set by it (OWASP ASVS V6.5: a recovery is never above low).
    pub const fn level(self) -> Level {
        match self {
            Self::RecoveryCode | Self::Waiting => Level::Low,
        }
    }
}

/// Notes that the owner of an account has proven who they are, in this browser. The caller records how.
pub async fn proven(
    app: &AppParts,
    work: &mut Work,
    browser: &[u8],
    account: &AccountId,
    proof: Proof,
) -> Result<(), Error> {
    let owner = account::load(&mut work.tx, &app.vault, account).await?;
    reset::put_proven(app, work, browser, &owner, proof).await
}

/// What somebody may do who has typed the code from the mail.
pub enum Standing {
    /// Another password in the place of the forgotten one: for that the mail is enough, or what a desk
    /// or a card has said.
    Replaces,
    /// Any new means.
    Proven(Proof, Option<Recovery>),
    /// Nothing yet; with the way back that is under way.
    Unproven(Option<Recovery>),
}

pub async fn standing(tx: &mut Tx, reset: &Reset, now: Timestamp) -> Result<Standing, Error> {
    if let Some(proof) = reset.proof {
        return Ok(Standing::Proven(proof, None));
    }
    let account = reset.account()?;
    if reset.needs_no_mail() || store::password_changed_at(tx, account).await?.is_some() {
        return Ok(Standing::Replaces);
    }
    Ok(match find(tx, account, now).await? {
        Some(recovery) if recovery.is_released(now) => Standing::Proven(Proof::Waiting, Some(recovery)),
        recovery => Standing::Unproven(recovery),
    })
}

/// What has become of a recovery code.
pub enum Tried {
    /// It was right, and is used up.
    Proven,
    /// Which sentence of the texts says why.
    Wrong(&'static str),
}

/// Takes a recovery code. Counts with all other codes of the account; the owner is told at every address.
pub async fn with_recovery_code(app: &AppParts, one: &Try<'_>) -> Result<Tried, Error> {
    let reset = unproven(app, one.browser).await?.ok_or(Error::Conflict("reset_step"))?.0;
    let account = reset.account()?;
    let counters = generator::count(app, account, (one.network, None)).await?;
    let hash = recovery_codes::stored_form(&app.vault, one.typed);
    let mut work = one.comer.begin(app, account).await?;
    if !store::prove_reset(&mut work, one.browser, reset.sealed(), Proof::RecoveryCode).await? {
        return Err(Error::Conflict("reset_step"));
    }
    if let Some(problem) = refusal(&mut work, account, hash).await? {
        drop(work);
        let mut work = one.comer.begin(app, account).await?;
        let event =
            SigninEvent::RecoveryCodeRefused { account: account.clone(), device: one.comer.device.name.clone() };
        audit::record(&mut work, &event).await?;
        work.commit().await?;
        return Ok(Tried::Wrong(problem));
    }
    attempts::forgive(&mut work, counters).await?;
    let owner = account::load(&mut work.tx, &app.vault, account).await?;
    let device = one.comer.device.name.clone();
    audit::record(&mut work, &SigninEvent::RecoveryCodeUsed { account: account.clone(), device }).await?;
    let left = recovery_codes::left(&mut work.tx, account).await?;
    let at = moment::date_and_clock(owner.language, work.now);
    tell_all(app, &mut work, &owner, Kind::RecoveryCodeUsed, |texts| {
        let body = texts.mail.recovery_code_proof_body.with("time", at).with("count", left);
        (&texts.mail.recovery_code_proof_subject, body)
    })
    .await?;
    work.commit().await?;
    Ok(Tried::Proven)
}

/// Uses the code up; which sentence says why it is none.
async fn refusal(work: &mut Work, account: &AccountId, hash: Option<[u8; 32]>) -> Result<Option<&'static str>, Error> {
    let Some(hash) = hash else { return Ok(Some("recovery_code_wrong")) };
    if store::use_recovery_code(work, account, &hash).await? {
        return Ok(None);
    }
    let is_used = store::is_used_recovery_code(&mut work.tx, account, &hash).await?;
    Ok(Some(if is_used { "recovery_code_used" } else { "recovery_code_wrong" }))
}

/// Begins the time for somebody who has nothing but the mails; if it has begun already, it goes on.
pub async fn wait(app: &AppParts, one: &Try<'_>) -> Result<(), Error> {
    let Some((reset, None)) = unproven(app, one.browser).await? else { return Ok(()) };
    let account = reset.account()?;
    let work = one.comer.begin(app, account).await?;
    request::begin(app, work, (one, account), |texts| &texts.mail.recovery_begun_mail_body).await.map(drop)
}

/// The reset of somebody who has only the mails, with the way back that is under way. `None` if they may go on.
async fn unproven(app: &AppParts, browser: &[u8]) -> Result<Option<(Reset, Option<Recovery>)>, Error> {
    let (mut tx, now) = (app.read().await?, app.now());
    let reset = reset::confirmed(&mut tx, &app.vault, browser, now).await?;
    Ok(match standing(&mut tx, &reset, now).await? {
        Standing::Unproven(recovery) => Some((reset, recovery)),
        Standing::Replaces | Standing::Proven(..) => None,
    })
}

/// Somebody who may set any means.
struct Chooser {
    reset: Reset,
    proof: Proof,
    recovery: Option<Recovery>,
    owner: Account,
}

impl Chooser {
    async fn find(app: &AppParts, browser: &[u8]) -> Result<Self, Error> {
        let (mut tx, now) = (app.read().await?, app.now());
        let reset = reset::confirmed(&mut tx, &app.vault, browser, now).await?;
        let Standing::Proven(proof, recovery) = standing(&mut tx, &reset, now).await? else {
            return Err(Error::Conflict("reset_step"));
        };
        let owner = account::load(&mut tx, &app.vault, reset.account()?).await?;
        Ok(Self { reset, proof, recovery, owner })
    }

    fn holder<'a>(&'a self, browser: &'a [u8]) -> Holder<'a> {
        let (account, address) = (&self.owner.id, self.reset.email.as_str());
        Holder { account, address, name: self.owner.full_name(), browser }
    }
}

/// What the browser is asked, for a passkey.
pub async fn begin_passkey(app: &AppParts, browser: &[u8]) -> Result<Begun, Error> {
    first::begin(app, &Chooser::find(app, browser).await?.holder(browser))
}

/// Keeps what it has made until it is used.
pub async fn make_passkey(
    app: &AppParts,
    one: &Try<'_>,
    language: Language,
    answer: (&str, &str),
) -> Result<Result<(), NotMade>, Error> {
    let chooser = Chooser::find(app, one.browser).await?;
    let name = change::device_name(language, &one.comer.device.name);
    match first::make(app, &chooser.holder(one.browser), answer, name).await? {
        Ok(made) => {
            let mut work = one.comer.begin(app, &chooser.owner.id).await?;
            reset::keep_passkey(app, &mut work, one.browser, (&chooser.reset, &made)).await?;
            work.commit().await.map(Ok)
        }
        Err(why) => Ok(Err(why)),
    }
}

/// How it has ended: the new session's token, and ten new recovery codes to be shown once.
pub type Ended = (Secret<String>, Vec<String>);

/// The first use of the passkey makes it the account's means. `None` if it was none.
pub async fn use_passkey(app: &AppParts, one: &Try<'_>, signed: Signed<'_>) -> Result<Option<Ended>, Error> {
    let mut chooser = Chooser::find(app, one.browser).await?;
    let made: Made = chooser.reset.passkey.take().ok_or(Error::Conflict("reset_step"))?;
    match first::use_once(app, &chooser.owner.id, made, signed).await? {
        Some(used) => set(app, one, chooser, New::Passkey(Box::new(used))).await,
        None => Ok(None),
    }
}

/// Sets the password that was typed.
pub async fn set_password(app: &AppParts, one: &Try<'_>) -> Result<Ended, Error> {
    let chooser = Chooser::find(app, one.browser).await?;
    let hash = check_and_hash(app, one.typed, &reset::personal(&chooser.owner, &chooser.reset.email)).await?;
    set(app, one, chooser, New::Password(hash)).await?.ok_or(Error::Conflict("reset_step"))
}

enum New {
    Password(String),
    Passkey(Box<Used>),
}

impl New {
    fn kind(&self) -> MeansKind {
        match self {
            Self::Password(_) => MeansKind::Password,
            Self::Passkey(used) => used.kind(),
        }
    }
}

async fn set(app: &AppParts, one: &Try<'_>, chooser: Chooser, new: New) -> Result<Option<Ended>, Error> {
    let Chooser { reset, proof, recovery, owner } = chooser;
    let account = &owner.id;
    let mut work = one.comer.begin(app, account).await?;
    // The gate. Then the password before the means, as everywhere.
    let is_first = store::take_resets(&mut work, account, (one.browser, reset.sealed())).await?;
    let status = account::load(&mut work.tx, &app.vault, account).await?.status;
    if !is_first || status == Status::Locked {
        return Err(Error::Conflict("reset_step"));
    }
    match &new {
        New::Password(hash) => store::put_password(&mut work, account, hash).await?,
        New::Passkey(_) => store::delete_password(&mut work, account).await.map(drop)?,
    }
    let since = recovery.as_ref().map_or(Since::Now, Since::Request);
    if !remove_lost(&mut work, account, since).await? {
        return Err(Error::Conflict("reset_step"));
    }
    let worth = match &new {
        New::Password(_) => Some((password::strength(&app.config, work.now).min(proof.level()), password::METHOD)),
        New::Passkey(used) => {
            let key = account::key(&mut work.tx, &app.vault, account).await?;
            used.store(app, &mut work, (account, &key), proof.level()).await?
        }
    };
    let Some(worth) = worth else { return Ok(None) };
    let (codes, sessions_ended) = start_over(app, &mut work, account, one.comer.device).await?;
    let (device, kind) = (one.comer.device.name.clone(), new.kind());
    let event = RecoveryEvent::MeansSet { account: account.clone(), device, proof, means: kind, sessions_ended };
    audit::record(&mut work, &event).await?;
    means::settle(&mut work, &app.config, account).await?;
    let at = moment::date_and_clock(owner.language, work.now);
    tell_all(app, &mut work, &owner, Kind::RecoveryFinished, |texts| {
        (&texts.mail.means_set_subject, texts.mail.means_set_body.with("time", at))
    })
    .await?;
    // No session of this account is left that could be renewed.
    let previous = one.comer.previous.filter(|session| session.account_id != *account);
    let arrival =
        Arrival { account, device: one.comer.device, seen_at: None, previous, client: one.comer.client.clone() };
    let token = arrival.complete(app, &mut work, None, worth).await?;
    work.commit().await?;
    Ok(Some((token, codes)))
}
