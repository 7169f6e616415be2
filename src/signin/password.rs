//! Signing in with address and password. The same work and the same answer whether or not the account exists.

use super::attempts::{self, Counter, Network, Purpose};
use super::session::{self, Proof, Session};
use super::{SigninEvent, policy, store};
use crate::account::{self, email::EmailAddress};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::password::Verdict;
use crate::kernel::secret::Secret;
use crate::store::work::Actor;

/// What a password proves (RFC 8176).
pub const METHOD: &str = "pwd";

pub struct Attempt<'a> {
    pub email: &'a str,
    pub password: &'a str,
    pub network: &'a Network,
    pub previous: Option<&'a Session>,
    pub request: Option<String>,
}

pub enum Outcome {
    /// The new session's token.
    Begun(Secret<String>, AccountId),
    Wrong,
}

/// Tries to sign in. One hash between two commits: the try is counted, then the session begins.
pub async fn sign_in(app: &AppParts, attempt: Attempt<'_>) -> Result<Outcome, Error> {
    let email = EmailAddress::parse(attempt.email).ok_or_else(|| Error::field("email", "email_format"))?;
    let password = policy::normalise(attempt.password).ok_or_else(|| Error::field("password", "password_too_long"))?;
    let counters = attempts::of_try(app, Purpose::SigninAccount, email.compared(), attempt.network);
    let stored = store::find_password(&mut app.read().await?, &account::index(&app.vault, &email)).await?;
    let mut work = app.single(Actor::Visitor).await?;
    attempts::count(&mut work, counters).await?;
    work.commit().await?;

    let hash = stored.as_ref().map(|row| row.hash.clone());
    let verdict = app.hasher.verify(password.clone(), hash).await?;
    match (stored, verdict) {
        (Some(row), Verdict::Right) => {
            let unchanged = row.hash.clone();
            begin(app, &attempt, row, &unchanged, counters).await
        }
        (Some(row), Verdict::RightButOutdated) => {
            let rehashed = app.hasher.hash(password).await?;
            begin(app, &attempt, row, &rehashed, counters).await
        }
        (stored, _) => refuse(app, &attempt, stored.map(|row| row.account_id)).await,
    }
}

async fn refuse(app: &AppParts, attempt: &Attempt<'_>, account: Option<AccountId>) -> Result<Outcome, Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    work.request.clone_from(&attempt.request);
    audit::record(&mut work, &SigninEvent::SigninRefused { account }).await?;
    work.commit().await?;
    Ok(Outcome::Wrong)
}

async fn begin(
    app: &AppParts,
    attempt: &Attempt<'_>,
    row: store::PasswordRow,
    hash: &str,
    counters: [Counter; 3],
) -> Result<Outcome, Error> {
    let account = row.account_id;
    let mut work = app.begin(Actor::Account(account.clone())).await?;
    work.request.clone_from(&attempt.request);
    // A reset that was faster ends here: its new password is not the one that was verified.
    if !store::keep_password(&mut work, &account, &row.hash, hash).await? {
        return Ok(Outcome::Wrong);
    }
    attempts::forgive(&mut work, counters).await?;
    let proof = Proof { account: account.clone(), level: Level::Basic, methods: METHOD };
    let token = session::begin(&mut work, proof, attempt.previous).await?;
    work.commit().await?;
    Ok(Outcome::Begun(token, account))
}
