//! An officer opens the case of an organisation by its code, and closes it again.

use super::super::event::{Happened, What};
use super::super::roster;
use super::{AskerSeen, State, code_hash, store};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::OrganisationCaseId;
use crate::notice::normalise;
use crate::proofing::desk::open::{begin, counters};
use crate::proofing::desk::{CODE_LENGTH, LOOK_LIFETIME, is_code, practice};
use crate::proofing::office::{OfficeId, Officer};
use crate::signin::attempts::{self, Network};

/// What a right code opens.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    Case(OrganisationCaseId),
    /// An exercise: nothing of it is real.
    Practice,
}

/// Opens the case for this officer's session and this office. A code that is not good is a problem of the field `code`; each
/// try counts before anything is looked up, and together with those at cases of people.
pub async fn open(
    app: &AppParts,
    officer: &Officer,
    office: &OfficeId,
    typed: &str,
    network: &Network,
) -> Result<Opened, Error> {
    let refused = |problem| Error::field("code", problem);
    officer.office(office)?;
    let code = normalise(typed, CODE_LENGTH).ok_or_else(|| refused("case_code_wrong"))?;
    if code == practice::CODE {
        return Ok(Opened::Practice);
    }
    let counters = counters(app, officer, office, network);
    attempts::count_at_once(app, counters).await?;
    let mut work = begin(app, officer).await?;
    let office = officer.still_at(&mut work, office).await?;
    let Some(case) = store::by_code(&mut work.tx, &code_hash(app, &code)).await? else {
        let is_of_person = is_code(&mut work.tx, app, &code).await?;
        return Err(refused(if is_of_person { "case_code_of_person" } else { "case_code_wrong" }));
    };
    let now = work.now;
    if roster::is_member(&mut work.tx, &case.organisation_id, &officer.account).await? {
        return Err(refused("case_own_organisation"));
    }
    match case.state {
        State::Waiting if case.expires_at <= now => return Err(refused("case_code_expired")),
        State::Waiting => {}
        State::Void => return Err(refused("case_void")),
        State::Confirmed | State::Refused => return Err(refused("case_code_wrong")),
    }
    let until = now.plus(LOOK_LIFETIME);
    if !store::open(&mut work, &case.id, (&officer.session, &office.id), until).await? {
        return Err(refused("case_open_elsewhere"));
    }
    attempts::forgive(&mut work, counters).await?;
    let (organisation, office) = (&case.organisation_id, office.name.de);
    let asker = roster::account_of(&mut work.tx, organisation, &case.membership_id).await?;
    if let Some(account) = asker
        && roster::is_member(&mut work.tx, organisation, &account).await?
    {
        audit::record(&mut work, &AskerSeen { account: &account, organisation, office: &office }).await?;
    }
    audit::record(&mut work, &Happened::new(organisation, What::DeskLooked { office })).await?;
    work.commit().await?;
    Ok(Opened::Case(case.id))
}

/// Ends the look without a decision: the code opens the case again, here or elsewhere.
pub async fn close(app: &AppParts, officer: &Officer, case: &OrganisationCaseId) -> Result<(), Error> {
    let mut work = begin(app, officer).await?;
    store::close(&mut work, case, &officer.session).await?;
    work.commit().await
}
