//! Six-digit codes sent by mail: ten minutes, five tries, once. A code belongs to its purpose and its browser.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::attempts::{self, Network};
use super::store;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::seal::Vault;
use crate::kernel::secret::{Secret, equal};
use crate::kernel::time::{Timestamp, minutes};
use crate::store::work::Work;

pub const LIFETIME: Duration = minutes(10);
const TRIES_MAX: i64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Registration,
    PasswordReset,
    /// Adding an address: what is sent to the new one.
    AddressNew,
    /// Adding an address: what is sent to the one that gets the mails.
    AddressOld,
    /// A way back: asking for it.
    RecoveryRequest,
    /// A way back: taking it, when its time has come.
    RecoveryRelease,
}

impl Purpose {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::PasswordReset => "password-reset",
            Self::AddressNew => "address-new",
            Self::AddressOld => "address-old",
            Self::RecoveryRequest => "recovery-request",
            Self::RecoveryRelease => "recovery-release",
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Redeemed {
    Right,
    /// Wrong, expired, used, or one try too many: the answer is the same.
    Wrong,
}

/// A new code; an older one of the same purpose and browser is void from now on.
pub async fn issue(work: &mut Work, vault: &Vault, purpose: Purpose, owner: &[u8]) -> Result<Secret<String>, Error> {
    let code = work.random.six_digits();
    let hash = stored_form(vault, purpose, owner, code.expose());
    store::put_mailed_code(work, purpose.name(), owner, &hash).await?;
    Ok(code)
}

/// As [`issue`], but what is stored is the hash of no code: for an address that has no use for one, so that
/// it is treated alike.
pub async fn issue_void(work: &mut Work, purpose: Purpose, owner: &[u8]) -> Result<(), Error> {
    let hash = work.random.bytes::<32>();
    Ok(store::put_mailed_code(work, purpose.name(), owner, &hash).await?)
}

/// A code as somebody typed it, and from where.
pub struct Try<'a> {
    pub purpose: Purpose,
    pub owner: &'a [u8],
    pub typed: &'a str,
    pub network: &'a Network,
}

/// Counts the try first, for the code, its owner and the network, and compares then, so that parallel guesses are
/// five at most. A right code is gone afterwards. Commit in every case, refusals included.
pub async fn redeem(app: &AppParts, work: &mut Work, one: Try<'_>) -> Result<Redeemed, Error> {
    let owner = STANDARD.encode(one.owner);
    let counters = attempts::of_try(app, attempts::Purpose::CodeOwner, &owner, one.network, None);
    attempts::count(work, counters).await?;
    let redeemed = redeem_counted(app, work, &one).await?;
    if redeemed == Redeemed::Right {
        attempts::forgive(work, counters).await?;
    }
    Ok(redeemed)
}

/// As [`redeem`], for a try that has been counted already, by account and network.
pub async fn redeem_counted(app: &AppParts, work: &mut Work, one: &Try<'_>) -> Result<Redeemed, Error> {
    let typed: String = one.typed.chars().filter(|letter| !letter.is_whitespace()).collect();
    let Some(stored) = store::try_mailed_code(work, one.purpose.name(), one.owner, TRIES_MAX).await? else {
        return Ok(Redeemed::Wrong);
    };
    if !equal(&stored, &stored_form(&app.vault, one.purpose, one.owner, &typed)) {
        return Ok(Redeemed::Wrong);
    }
    store::delete_mailed_code(work, one.purpose.name(), one.owner).await?;
    Ok(Redeemed::Right)
}

/// Until when the code that waits for this browser is good; `None` if none waits.
pub async fn expiry(
    work: &mut crate::store::db::Tx,
    purpose: Purpose,
    owner: &[u8],
) -> Result<Option<Timestamp>, Error> {
    Ok(store::mailed_code_expiry(work, purpose.name(), owner).await?)
}

fn stored_form(vault: &Vault, purpose: Purpose, owner: &[u8], code: &str) -> [u8; 32] {
    let owner = STANDARD.encode(owner);
    vault.code(purpose.name(), &format!("{owner}\0{code}"))
}
