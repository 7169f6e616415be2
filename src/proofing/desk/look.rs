//! What an officer sees of the case that they have open.

use super::check::Check;
use super::{Outcome, Purpose, State, open_sealed, place, practice, store};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::kernel::error::Error;
use crate::kernel::id::CaseId;
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::proofing::office::{Office, Officer};
use crate::signin::means;
use crate::store::db::Tx;

/// The case, opened.
pub struct Look {
    /// None in an exercise.
    pub id: Option<CaseId>,
    pub purpose: Purpose,
    pub state: State,
    pub account: Account,
    pub office: Office,
    /// The level of the account's strongest means.
    pub most: Level,
    /// What another officer has seen, whose second this officer may be.
    pub first: Option<Check>,
    /// This officer was the first; somebody else has to be the second.
    pub is_own_first: bool,
    pub ended_at: Option<Timestamp>,
    /// The level that was recorded.
    pub confirmed: Option<Level>,
}

impl Look {
    /// As it stands in the addresses of its pages.
    pub fn path_id(&self) -> String {
        self.id.as_ref().map_or_else(|| practice::ID.to_owned(), CaseId::to_string)
    }

    /// What was confirmed, or what would be.
    pub fn level(&self) -> Level {
        self.confirmed.unwrap_or_else(|| self.office.level.min(self.most))
    }
}

/// `NotFound` for whatever this session has not opened by its code within the last half hour.
pub async fn look(tx: &mut Tx, app: &AppParts, officer: &Officer, id: &str) -> Result<Look, Error> {
    if id == practice::ID {
        return practise(officer, app.now());
    }
    let id = CaseId::parse(id).ok_or(Error::NotFound)?;
    let now = app.now();
    let row = store::find(tx, &id).await?.ok_or(Error::NotFound)?;
    let is_open = row.opened_by.as_ref() == Some(&officer.session) && row.opened_until.is_some_and(|until| until > now);
    let office = row.opened_office_id.as_ref().filter(|_| is_open).ok_or(Error::NotFound)?;
    let office = officer.office(office)?.clone();
    if row.account_id == officer.account {
        return Err(Error::NotAllowed("their own case"));
    }
    let account = account::load(tx, &app.vault, &row.account_id).await?;
    let means = means::list(tx, &row.account_id).await?;
    let waits = row.checked_until.is_some_and(|until| until > now);
    let is_own_first = waits && row.checked_by.as_ref() == Some(&officer.account);
    let key = account::key(tx, &app.vault, &row.account_id).await?;
    let checked = row.checked.as_ref().filter(|_| waits && !is_own_first);
    let first = checked.map(|sealed| open_sealed(&key, place("checked", &id), sealed)).transpose()?;
    let outcome = row.outcome.as_ref().map(|sealed| open_sealed::<Outcome>(&key, place("outcome", &id), sealed));
    let confirmed = outcome.transpose()?.and_then(|outcome| outcome.level);
    let most = Policy::of(&app.config).maximum(&means, now);
    let (purpose, state, ended_at) = (row.purpose, row.state, row.ended_at);
    Ok(Look { id: Some(id), purpose, state, account, office, most, first, is_own_first, ended_at, confirmed })
}

/// The invented person has a means for everything that the office may confirm, and nobody waits for a second.
fn practise(officer: &Officer, now: Timestamp) -> Result<Look, Error> {
    let office = officer.offices.first().ok_or(Error::NotFound)?.clone();
    let (account, most) = (practice::account(now)?, office.level);
    let (id, first, ended_at, confirmed, is_own_first) = (None, None, None, None, false);
    let (purpose, state) = (Purpose::Proof, State::Waiting);
    Ok(Look { id, purpose, state, account, office, most, first, is_own_first, ended_at, confirmed })
}
