//! A case code of somebody who stands at the desk, used up for something else than confirming who they are.

use super::store::CaseRow;
use super::{CODE_LENGTH, LOOK_LIFETIME, Looking, Outcome, Purpose, State, code_hash, place, seal, store};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::notice::normalise;
use crate::proofing::office::{Office, Officer};
use crate::store::work::Work;

/// Opens the case of a code and ends it in one; whose it is. Whoever calls it has counted the try.
pub async fn spend(
    app: &AppParts,
    work: &mut Work,
    (officer, office): (&Officer, &Office),
    (field, typed): (&'static str, &str),
) -> Result<Account, Error> {
    let wrong = || Error::field(field, "case_code_wrong");
    let code = normalise(typed, CODE_LENGTH).ok_or_else(wrong)?;
    let found: Option<CaseRow> = store::by_code(&mut work.tx, &code_hash(app, &code)).await?;
    // Only the owner takes such a code; anybody asks for a slip.
    let found = found.filter(|case| case.purpose == Purpose::Proof);
    let case = found.filter(|case| case.state == State::Waiting && case.expires_at > work.now).ok_or_else(wrong)?;
    if case.account_id == officer.account {
        return Err(Error::field(field, "case_own"));
    }
    let account = account::load(&mut work.tx, &app.vault, &case.account_id).await?;
    let looking = Looking { session: &officer.session, office: &office.id };
    if !store::open(work, &case.id, &looking, work.now.plus(LOOK_LIFETIME)).await? {
        return Err(Error::field(field, "case_open_elsewhere"));
    }
    let key = account::key(&mut work.tx, &app.vault, &account.id).await?;
    let outcome = Outcome { level: None, refusal: None, note: String::new() };
    let sealed = seal(&key, place("outcome", &case.id), &outcome, work)?;
    if !store::end(work, &case.id, &officer.session, (State::Recorded, &sealed)).await? {
        return Err(wrong());
    }
    Ok(account)
}
