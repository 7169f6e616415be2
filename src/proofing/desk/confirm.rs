//! An officer confirms who somebody is; where the office wants four eyes, a second one does.

use super::check::{Check, Plan};
use super::look::{Look, look};
use super::open::begin;
use super::{DeskEvent, Outcome, Purpose, SECOND_LIFETIME, State, place, seal, store, tell};
use crate::account::evidence::{self, Finding, Record};
use crate::account::{self, Account, AttributeName, Source};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, CaseId};
use crate::kernel::level::Level;
use crate::kernel::texts::{Language, moment};
use crate::notice::Kind;
use crate::proofing::comparison;
use crate::proofing::office::{Office, Officer};
use crate::store::work::Work;

/// What has become of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// Recorded, at this level.
    Done(Level),
    /// A second officer of the same office has to confirm it.
    WaitsForSecond,
    /// An exercise: nothing was recorded.
    Practised,
}

/// What the person has agreed to, standing there.
#[derive(Clone, Copy, Debug)]
pub struct Agreed {
    /// That the differing values of the document go into the account.
    pub differences: bool,
    /// That the address of the account is theirs (BSI TR-03160-1: what is stated besides is shown when more is proven).
    pub email: bool,
}

/// Confirms what was checked. In one transaction: the role, the case, what follows for the account as it is now, the evidence,
/// the event, the mail.
pub async fn confirm(
    app: &AppParts,
    officer: &Officer,
    id: &str,
    check: &Check,
    agreed: Agreed,
) -> Result<Confirmed, Error> {
    let mut work = begin(app, officer).await?;
    let look = look(&mut work.tx, app, officer, id).await?;
    let plan = decide(&look, check, agreed)?;
    let Some(id) = &look.id else { return Ok(Confirmed::Practised) };
    officer.still_at(&mut work, &look.office.id).await?;
    if plan.four_eyes {
        keep_first(app, work, officer, (&look, id), check).await?;
        return Ok(Confirmed::WaitsForSecond);
    }
    finish(app, work, officer, (&look, id), (check, plan.level, None)).await
}

/// Keeps what the first of four eyes has seen.
pub(super) async fn keep_first(
    app: &AppParts,
    mut work: Work,
    officer: &Officer,
    (look, id): (&Look, &CaseId),
    check: &Check,
) -> Result<(), Error> {
    let key = account::key(&mut work.tx, &app.vault, &look.account.id).await?;
    let sealed = seal(&key, place("checked", id), check, &work)?;
    let until = work.now.plus(SECOND_LIFETIME);
    if !store::put_check(&mut work, id, (&officer.session, &officer.account), (&sealed, until)).await? {
        return Err(Error::Conflict("case"));
    }
    let (account, office) = (look.account.id.clone(), look.office.name.de.clone());
    audit::record(&mut work, &DeskEvent::Checked { account, office }).await?;
    work.commit().await
}

/// The second officer confirms what the first has seen.
pub async fn confirm_second(app: &AppParts, officer: &Officer, id: &str, agreed: Agreed) -> Result<Confirmed, Error> {
    let mut work = begin(app, officer).await?;
    let look = look(&mut work.tx, app, officer, id).await?;
    let (Some(id), Some(check)) = (&look.id, &look.first) else { return Err(Error::Conflict("case")) };
    let plan = decide(&look, check, agreed)?;
    officer.still_at(&mut work, &look.office.id).await?;
    let first = store::find(&mut work.tx, id).await?.and_then(|row| row.checked_by);
    finish(app, work, officer, (&look, id), (check, plan.level, first)).await
}

fn decide(look: &Look, check: &Check, agreed: Agreed) -> Result<Plan, Error> {
    if look.purpose != Purpose::Proof || look.state != State::Waiting || look.is_own_first {
        return Err(Error::Conflict("case"));
    }
    if check.seen != look.account.attribute_version {
        return Err(Error::Conflict("attributes"));
    }
    let plan = check.plan(&look.account, &look.office, look.most);
    if plan.is_other_person {
        return Err(Error::NotAllowed("the document is of somebody else"));
    }
    if !agreed.email {
        return Err(Error::field("adresse_stimmt", "agreement_missing"));
    }
    if !plan.differences.is_empty() && !agreed.differences {
        return Err(Error::field("einverstanden", "agreement_missing"));
    }
    Ok(plan)
}

async fn finish(
    app: &AppParts,
    mut work: Work,
    officer: &Officer,
    (look, id): (&Look, &CaseId),
    (check, level, first): (&Check, Level, Option<AccountId>),
) -> Result<Confirmed, Error> {
    let (account, office) = (&look.account, &look.office);
    account::hold(&mut work, &account.id).await?;
    let key = account::key(&mut work.tx, &app.vault, &account.id).await?;
    let outcome = Outcome { level: Some(level), refusal: None, note: String::new() };
    let sealed = seal(&key, place("outcome", id), &outcome, &work)?;
    if !store::end(&mut work, id, &officer.session, (State::Confirmed, &sealed)).await? {
        return Err(Error::Conflict("case"));
    }
    let finding = finding(account, office, check, level);
    evidence::record(&mut work, &app.vault, &account.id, &finding, check.seen).await?;
    let event = DeskEvent::Confirmed { account: account.id.clone(), office: office.name.de.clone(), first };
    audit::record(&mut work, &event).await?;
    inform(app, &mut work, account, office, level).await?;
    work.commit().await?;
    Ok(Confirmed::Done(level))
}

/// The evidence: what the document says, in the account's own spelling where only that differs.
fn finding(account: &Account, office: &Office, check: &Check, level: Level) -> Finding {
    let values: Vec<(AttributeName, Option<String>)> = comparison::settled(account, check.shown.clone());
    let record =
        Record { document: Some(check.document.clone()), checked_by: Some(office.name(Language::De).to_owned()) };
    Finding { source: Source::RegistrationDesk, level, record, values }
}

async fn inform(
    app: &AppParts,
    work: &mut Work,
    account: &Account,
    office: &Office,
    level: Level,
) -> Result<(), Error> {
    let (language, texts) = (account.language, account.language.texts());
    let body = texts
        .mail
        .desk_confirmed_body
        .with("office", office.name(language))
        .with("level", level.label(texts))
        .with("time", moment::date_and_clock(language, work.now));
    tell(app, work, account, (Kind::DeskConfirmed, &texts.mail.desk_confirmed_subject, body)).await
}
