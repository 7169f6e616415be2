//! An officer confirms who an organisation is; where the office wants four eyes, a second one does.

use super::super::event::{Happened, What};
use super::super::evidence::{self, Seen, Shown, Source};
use super::super::{hold, key, life, load};
use super::check::Check;
use super::look::{Look, look};
use super::{Outcome, State, place, seal, store};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, OrganisationCaseId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::texts::moment;
use crate::notice::Kind;
use crate::proofing::desk::SECOND_LIFETIME;
use crate::proofing::desk::open::begin;
use crate::proofing::office::{FourEyes, Office, Officer};
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

/// Whether an office wants a second officer: what differs is never confirmed here, and nothing is high.
pub fn wants_second(office: &Office) -> bool {
    office.four_eyes.contains(&FourEyes::Always)
}

/// Work that holds the organisation of a case, and the case as it stands then.
pub(super) async fn begin_at(app: &AppParts, officer: &Officer, id: &str) -> Result<(Work, Look), Error> {
    let mut work = begin(app, officer).await?;
    if let Some(id) = OrganisationCaseId::parse(id) {
        let row = store::find(&mut work.tx, &id).await?.ok_or(Error::NotFound)?;
        hold(&mut work, &row.organisation_id).await?;
    }
    let look = look(&mut work.tx, app, officer, id).await?;
    Ok((work, look))
}

/// Confirms what was checked, or keeps it for the second of four eyes; the second confirms what the first has seen. In one
/// transaction: the role, the case, the comparison with the organisation as it is now, the evidence, the events, the mails.
pub async fn confirm(app: &AppParts, officer: &Officer, id: &str, check: &Check) -> Result<Confirmed, Error> {
    let (mut work, look) = begin_at(app, officer, id).await?;
    if look.state != State::Waiting || look.is_own_first {
        return Err(Error::Conflict("case"));
    }
    if check.seen != look.version {
        return Err(Error::Conflict("organisation_changed"));
    }
    let check = look.first.as_ref().unwrap_or(check);
    if look.asker.is_none() || look.rule.is_none_or(|rule| rule.paper != check.paper) {
        return Err(Error::NotAllowed("who has asked does not represent the organisation"));
    }
    let differences = check.differences(&look.record);
    if !differences.is_empty() {
        return Err(Error::Invalid(differences));
    }
    let Some((id, organisation)) = &look.case else { return Ok(Confirmed::Practised) };
    let office = officer.still_at(&mut work, &look.office.id).await?;
    if wants_second(&office) && look.first.is_none() {
        keep_first(app, work, officer, (id, organisation), (check, &office)).await?;
        return Ok(Confirmed::WaitsForSecond);
    }
    let first = store::find(&mut work.tx, id).await?.and_then(|row| row.checked_by).filter(|_| look.first.is_some());
    finish(app, work, (officer, &office, first), (id, organisation), (check, look.level())).await
}

async fn keep_first(
    app: &AppParts,
    mut work: Work,
    officer: &Officer,
    (id, organisation): (&OrganisationCaseId, &OrganisationId),
    (check, office): (&Check, &Office),
) -> Result<(), Error> {
    let key = key(&mut work.tx, &app.vault, organisation).await?;
    let sealed = seal(&key, place("checked", id), check, &work)?;
    let until = work.now.plus(SECOND_LIFETIME);
    if !store::put_check(&mut work, id, (&officer.session, &officer.account), (&sealed, until)).await? {
        return Err(Error::Conflict("case"));
    }
    let what = What::DeskChecked { office: office.name.de.clone() };
    audit::record(&mut work, &Happened::new(organisation, what)).await?;
    work.commit().await
}

async fn finish(
    app: &AppParts,
    mut work: Work,
    (officer, office, first): (&Officer, &Office, Option<AccountId>),
    (id, organisation): (&OrganisationCaseId, &OrganisationId),
    (check, level): (&Check, Level),
) -> Result<Confirmed, Error> {
    let key = key(&mut work.tx, &app.vault, organisation).await?;
    let outcome = Outcome { level: Some(level), refusal: None, note: String::new() };
    let sealed = seal(&key, place("outcome", id), &outcome, &work)?;
    if !store::end(&mut work, id, &officer.session, (State::Confirmed, &sealed)).await? {
        return Err(Error::Conflict("case"));
    }
    let organisation = load(&mut work.tx, &app.vault, organisation).await?;
    let shown = Shown {
        name: check.name.clone(),
        entry: check.entry.clone(),
        names_representative: true,
        seen: Some(Seen {
            paper: check.paper,
            issued_on: check.issued_on.clone(),
            document: check.document,
            office: office.name.de.clone(),
        }),
        ..Shown::default()
    };
    let what = What::DeskConfirmed { office: office.name.de.clone(), first };
    audit::record(&mut work, &Happened::new(&organisation.id, what)).await?;
    evidence::record(&mut work, &app.vault, &organisation, (Source::RegistrationDesk, level), &shown).await?;
    let now = work.now;
    life::tell_each(app, &mut work, &organisation, Kind::OrganisationDesk, |language| {
        let t = language.texts();
        let body = t.mail.organisation_desk_confirmed_body.with("office", office.name(language));
        let body = body.with("level", level.label(t)).with("time", moment::date_and_clock(language, now));
        (&t.mail.organisation_desk_confirmed_subject, body)
    })
    .await?;
    work.commit().await?;
    Ok(Confirmed::Done(level))
}
