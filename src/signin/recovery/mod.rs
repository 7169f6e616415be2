//! The ways back for somebody who has lost what they sign in with.
//!
//! Whoever knows the password and has neither their second factor nor a recovery code: a code from the mails of the account, three
//! days in which everybody who reads its mails may end it, and a second mailed code. Whoever has no password and has lost every
//! passkey: the same without a password, or a mailed code and a recovery code at once; then [a new means](new_means) is set.
//!
//! Password and mailbox together are weak proof, and one mailbox may be both, because it resets the password. What makes up for
//! it is time and notice: every address of the account is told at once and again before the end, with a link that ends it and
//! needs no sign-in. A sign-in that is complete ends it too, and so does every change of password, addresses or means: whoever
//! can do these needs no other way in, and nobody may shorten the time by them.

pub mod cancel;
mod finish;
pub mod new_means;
pub mod release;
mod request;

use std::time::Duration;

use serde::Serialize;

use super::attempts;
use super::code::{self, Purpose, Redeemed};
use super::partial::{Partial, Try};
use super::store::{self, RecoveryRow};
use crate::account::{self, Account, Status, address};
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::means::MeansKind;
use crate::kernel::secret::{Secret, token_hash};
use crate::kernel::texts::{Text, Texts, moment};
use crate::kernel::time::{Timestamp, days, hours};
use crate::notice::{self, Kind, Notice};
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

pub(super) use finish::{Since, remove_lost};
pub use new_means::{Proof, proven};
pub use request::send_code;

/// How long a way back takes, and since when that rule holds.
pub struct Rule {
    pub valid_from: Timestamp,
    /// From the request until the account is released.
    pub waiting: Duration,
    /// How long before its end everybody is reminded.
    pub reminder: Duration,
    /// For how long the account then stays released.
    pub open: Duration,
    /// Where the rule comes from.
    pub source: &'static str,
}

/// The rule table. A new rule is a new row with its date; old rows stay. What is under way keeps the times it began with.
pub const RULES: [Rule; 1] = [Rule {
    valid_from: Timestamp::from_seconds(1_767_225_600),
    waiting: hours(72),
    reminder: hours(24),
    open: days(7),
    source: "a decision, no law: longer than a weekend, so that the notices are read before it ends",
}];

impl Rule {
    /// The rule in force; none before the first.
    fn at(now: Timestamp) -> Option<&'static Self> {
        RULES.iter().filter(|rule| rule.valid_from <= now).max_by_key(|rule| rule.valid_from)
    }
}

/// How many days somebody waits who asks now; part of a day counts as one.
pub fn waiting_days(now: Timestamp) -> u64 {
    Rule::at(now).map_or(0, |rule| rule.waiting.as_secs().div_ceil(days(1).as_secs()))
}

/// Ways back that are taken up in one round of the job.
const ROUND: i64 = 100;

/// A way back that is under way.
pub struct Recovery(RecoveryRow);

impl Recovery {
    pub fn started_at(&self) -> Timestamp {
        self.0.started_at
    }

    /// When the account is released.
    pub fn release_at(&self) -> Timestamp {
        self.0.release_at
    }

    /// Until when it stays released.
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// Whether its time has come.
    pub fn is_released(&self, now: Timestamp) -> bool {
        self.0.release_at <= now
    }
}

/// The one that is under way for an account.
pub async fn find(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Option<Recovery>, Error> {
    Ok(store::find_recovery(tx, account, now).await?.map(Recovery))
}

/// What has become of a code from a mail.
pub enum Outcome {
    /// The time has begun.
    Begun,
    /// The new session's token, and ten new recovery codes to be shown once.
    Finished(Secret<String>, Vec<String>),
    /// Nothing is to be confirmed: it waits for its time, or somebody was faster.
    Waits,
    /// Which sentence of the texts says why.
    Wrong(&'static str),
    /// The operator has locked the account.
    Locked(AccountId),
    /// No password was given in this browser, or too long ago.
    Gone,
}

/// Takes the code from the mail: it begins the time, or ends it by leading in. Which of them, only the account's state says.
pub async fn confirm(app: &AppParts, one: &Try<'_>) -> Result<Outcome, Error> {
    let Some(partial) = one.waiting(app).await? else { return Ok(Outcome::Gone) };
    if partial.status == Status::Locked {
        return Ok(Outcome::Locked(partial.account));
    }
    match find(&mut app.read().await?, &partial.account, app.now()).await? {
        None => request::confirm(app, one, &partial).await,
        Some(recovery) if recovery.is_released(app.now()) => finish::confirm(app, one, &partial, &recovery).await,
        Some(_) => Ok(Outcome::Waits),
    }
}

/// Whose a mailed code is: this browser's, for this account. Another account's password in the same browser makes it worthless.
fn owner(browser: &[u8], account: &AccountId) -> Vec<u8> {
    [browser, account.as_str().as_bytes()].concat()
}

/// Until when the code that waits in this browser is good.
pub async fn code_expiry(
    tx: &mut Tx,
    browser: &[u8],
    account: &AccountId,
    recovery: Option<&Recovery>,
) -> Result<Option<Timestamp>, Error> {
    code::expiry(tx, purpose(recovery), &owner(browser, account)).await
}

/// What a code is for: one that begins the time does not lead in after it.
const fn purpose(recovery: Option<&Recovery>) -> Purpose {
    if recovery.is_some() { Purpose::RecoveryRelease } else { Purpose::RecoveryRequest }
}

/// Begins the work in which a code is redeemed; `None` if it is wrong, which is then written down. Counts in the one counter of
/// all codes of the account.
async fn redeem(
    app: &AppParts,
    one: &Try<'_>,
    partial: &Partial,
    purpose: Purpose,
) -> Result<Result<Work, Outcome>, Error> {
    let counters = one.count(app, partial).await?;
    let account = &partial.account;
    let mut work = one.comer.begin(app, account).await?;
    let owner = owner(one.browser, account);
    let typed = code::Try { purpose, owner: &owner, typed: one.typed, network: one.network };
    if code::redeem_counted(app, &mut work, &typed).await? == Redeemed::Wrong {
        // The code has fewer tries left.
        work.commit().await?;
        one.refuse(app, partial, counters).await?;
        return Ok(Err(Outcome::Wrong("code_wrong")));
    }
    attempts::forgive(&mut work, counters).await?;
    Ok(Ok(work))
}

/// Sends one mail to every address of the account.
pub(super) async fn tell_all(
    app: &AppParts,
    work: &mut Work,
    owner: &Account,
    kind: Kind,
    write: impl FnOnce(&'static Texts) -> (&'static Text, Text),
) -> Result<(), Error> {
    let (subject, body) = write(owner.language.texts());
    let (language, issuer) = (owner.language, &app.config.issuer);
    let body = body.with("issuer", issuer).with("contact", &app.config.operator.contact);
    for one in address::list(&mut work.tx, &app.vault, &owner.id).await? {
        let notice = Notice { kind, to: one.address.as_str(), language, subject, body: body.clone() };
        notice::send(work, &app.vault, issuer, notice).await?;
    }
    Ok(())
}

/// Where somebody ends it who reads a mail.
fn link(app: &AppParts, token: &Secret<String>) -> String {
    format!("{}/wieder-anmelden/abbrechen/{}", app.config.issuer, token.expose())
}

/// The job: reminds everybody of what is about to end its time.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let due = store::recoveries_to_remind(&mut app.read().await?, app.now(), ROUND).await?;
    // One that fails is tried again in the next round and stands in nobody's way.
    let mut outcome = Ok(());
    for row in due {
        outcome = outcome.and(remind(app, &row).await);
    }
    outcome
}

async fn remind(app: &AppParts, row: &RecoveryRow) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("recovery")).await?;
    let token = work.random.token();
    if !store::put_reminder(&mut work, row, &token_hash(token.expose())).await? {
        return Ok(());
    }
    let owner = account::load(&mut work.tx, &app.vault, &row.account_id).await?;
    audit::record(&mut work, &RecoveryEvent::Reminded { account: owner.id.clone() }).await?;
    let at = moment::date_and_clock(owner.language, row.release_at);
    let (text, link) = (&owner.language.texts().mail, link(app, &token));
    let body = text.recovery_reminder_body.with("release", at).with("link", link);
    tell_all(app, &mut work, &owner, Kind::RecoveryReminder, |texts| (&texts.mail.recovery_reminder_subject, body))
        .await?;
    work.commit().await
}

/// What happens to ways back.
#[derive(Serialize)]
#[serde(untagged)]
enum RecoveryEvent {
    Begun {
        #[serde(skip)]
        account: AccountId,
        device: String,
        release_at: Timestamp,
    },
    Reminded {
        #[serde(skip)]
        account: AccountId,
    },
    Cancelled {
        #[serde(skip)]
        account: AccountId,
        why: cancel::Why,
    },
    Finished {
        #[serde(skip)]
        account: AccountId,
        device: String,
        sessions_ended: u64,
    },
    /// A new means, by somebody who had none left.
    MeansSet {
        #[serde(skip)]
        account: AccountId,
        device: String,
        proof: Proof,
        means: MeansKind,
        sessions_ended: u64,
    },
    DeskCancelled {
        #[serde(skip)]
        account: AccountId,
        why: cancel::Why,
    },
    DeskFinished {
        #[serde(skip)]
        account: AccountId,
        device: String,
        sessions_ended: u64,
    },
}

impl Event for RecoveryEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::Begun { .. } => "recovery.begun",
            Self::Reminded { .. } => "recovery.reminded",
            Self::Cancelled { .. } => "recovery.cancelled",
            Self::Finished { .. } => "recovery.finished",
            Self::MeansSet { .. } => "recovery.means_set",
            Self::DeskCancelled { .. } => "recovery.desk_cancelled",
            Self::DeskFinished { .. } => "recovery.desk_finished",
        }
    }

    fn subject(&self) -> Option<String> {
        match self {
            Self::Begun { account, .. }
            | Self::Reminded { account }
            | Self::Cancelled { account, .. }
            | Self::Finished { account, .. }
            | Self::MeansSet { account, .. }
            | Self::DeskCancelled { account, .. }
            | Self::DeskFinished { account, .. } => Some(account.to_string()),
        }
    }
}
