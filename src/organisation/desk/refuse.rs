//! An officer does not confirm an organisation.

use super::super::event::{Happened, What};
use super::super::{key, life, load};
use super::confirm::begin_at;
use super::{Outcome, Refusal, State, place, seal, store};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::texts::moment;
use crate::notice::Kind;
use crate::proofing::desk::refuse::read_note;
use crate::proofing::office::Officer;

/// Ends the case with a reason, which whoever represents the organisation reads. The note is for them too; the audit trail keeps
/// the reason alone.
pub async fn refuse(app: &AppParts, officer: &Officer, id: &str, (reason, note): (&str, &str)) -> Result<(), Error> {
    let reason = Refusal::ALL.into_iter().find(|known| known.name() == reason);
    let refusal = reason.ok_or_else(|| Error::field("grund", "reason_missing"))?;
    let note = read_note(note, refusal == Refusal::Other)?;
    let (mut work, look) = begin_at(app, officer, id).await?;
    let Some((id, organisation)) = &look.case else { return Ok(()) };
    let office = officer.still_at(&mut work, &look.office.id).await?;
    let key = key(&mut work.tx, &app.vault, organisation).await?;
    let outcome = Outcome { level: None, refusal: Some(refusal), note };
    let sealed = seal(&key, place("outcome", id), &outcome, &work)?;
    if !store::end(&mut work, id, &officer.session, (State::Refused, &sealed)).await? {
        return Err(Error::Conflict("case"));
    }
    let what = What::DeskRefused { office: office.name.de.clone(), refusal };
    audit::record(&mut work, &Happened::new(organisation, what)).await?;
    let organisation = load(&mut work.tx, &app.vault, organisation).await?;
    let now = work.now;
    life::tell_each(app, &mut work, &organisation, Kind::OrganisationDesk, |language| {
        let t = language.texts();
        let body = t.mail.organisation_desk_refused_body.with("office", office.name(language));
        let body = body.with("time", moment::date_and_clock(language, now));
        (&t.mail.organisation_desk_refused_subject, body)
    })
    .await?;
    work.commit().await
}
