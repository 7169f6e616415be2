//! An officer opens a case by its code, and closes it again.

use super::{CODE_LENGTH, DeskEvent, LOOK_LIFETIME, Looking, Purpose, State, code_hash, practice, slip, store};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::CaseId;
use crate::notice::normalise;
use crate::proofing::office::{OfficeId, Officer};
use crate::signin::attempts::{self, Counter, Network};
use crate::store::work::{Actor, Work};

/// Tries in a quarter of an hour: of one officer, of an office, from one network.
pub(super) const OFFICER_TRIES: i64 = 10;
const OFFICE_TRIES: i64 = 60;
pub(super) const NETWORK_TRIES: i64 = 200;

/// What a right code opens.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    Case(CaseId),
    /// An exercise: nothing of it is real.
    Practice,
}

/// What each try of an officer counts at.
pub fn counters(app: &AppParts, officer: &Officer, office: &OfficeId, network: &Network) -> [Counter; 3] {
    let counter = |purpose, who: &str, allowed| Counter::new(&app.vault, purpose, who, allowed);
    [
        counter(attempts::Purpose::DeskOfficer, officer.account.as_str(), OFFICER_TRIES),
        counter(attempts::Purpose::DeskOffice, &office.0, OFFICE_TRIES),
        counter(attempts::Purpose::DeskNetwork, &network.subscriber, NETWORK_TRIES),
    ]
}

/// Work of an officer, tied to their request.
pub async fn begin(app: &AppParts, officer: &Officer) -> Result<Work, Error> {
    let mut work = app.begin(Actor::Account(officer.account.clone())).await?;
    work.request = Some(officer.request.clone());
    Ok(work)
}

/// Opens the case for this officer's session and this office. A code that is not good is a problem of the field `code`; each
/// try counts before anything is looked up.
pub async fn open(
    app: &AppParts,
    officer: &Officer,
    office: &OfficeId,
    typed: &str,
    network: &Network,
) -> Result<Opened, Error> {
    let wrong = || Error::field("code", "case_code_wrong");
    officer.office(office)?;
    let code = normalise(typed, CODE_LENGTH).ok_or_else(wrong)?;
    if code == practice::CODE {
        return Ok(Opened::Practice);
    }
    let counters = counters(app, officer, office, network);
    attempts::count_at_once(app, counters).await?;
    let mut work = begin(app, officer).await?;
    let office = officer.still_at(&mut work, office).await?;
    let hash = code_hash(app, &code);
    let mut case = store::by_code(&mut work.tx, &hash).await?;
    if case.is_none() {
        slip::begin_case(&mut work, &hash).await?;
        case = store::by_code(&mut work.tx, &hash).await?;
    }
    let case = case.ok_or_else(wrong)?;
    if case.account_id == officer.account {
        return Err(Error::field("code", "case_own"));
    }
    if case.state != State::Waiting {
        return Err(wrong());
    }
    if case.expires_at <= work.now {
        return Err(Error::field("code", "case_code_expired"));
    }
    let (looking, until) = (Looking { session: &officer.session, office: &office.id }, work.now.plus(LOOK_LIFETIME));
    if !store::open(&mut work, &case.id, &looking, until).await? {
        return Err(Error::field("code", "case_open_elsewhere"));
    }
    attempts::forgive(&mut work, counters).await?;
    let (account, office) = (case.account_id, office.name.de);
    let event = match case.purpose {
        Purpose::Proof => DeskEvent::Looked { account, office },
        Purpose::Recovery => DeskEvent::RecoveryLooked { account, office },
    };
    audit::record(&mut work, &event).await?;
    work.commit().await?;
    Ok(Opened::Case(case.id))
}

/// Ends the look without a decision: the code opens the case again, here or elsewhere.
pub async fn close(app: &AppParts, officer: &Officer, case: &CaseId) -> Result<(), Error> {
    let mut work = begin(app, officer).await?;
    store::close(&mut work, case, &officer.session).await?;
    work.commit().await
}
