//! An officer does not confirm.

use super::look::look;
use super::open::begin;
use super::{DeskEvent, Outcome, Purpose, Refusal, State, place, seal, store, tell};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::texts::moment;
use crate::notice::Kind;
use crate::proofing::office::Officer;

const NOTE_MAX_CHARACTERS: usize = 300;

/// What an officer writes besides the reason.
pub fn read_note(typed: &str, is_needed: bool) -> Result<String, Error> {
    let note = typed.trim();
    if note.chars().count() > NOTE_MAX_CHARACTERS
        || note.chars().any(|sign| sign.is_control() && !"\r\n".contains(sign))
    {
        return Err(Error::field("notiz", "note_too_long"));
    }
    if is_needed && note.is_empty() {
        return Err(Error::field("notiz", "note_missing"));
    }
    Ok(note.to_owned())
}

/// Ends the case with a reason, which the person reads. The note is for them too; the audit trail keeps the reason alone.
pub async fn refuse(app: &AppParts, officer: &Officer, id: &str, (reason, note): (&str, &str)) -> Result<(), Error> {
    let reason = Refusal::ALL.into_iter().find(|known| known.name() == reason);
    let refusal = reason.ok_or_else(|| Error::field("grund", "reason_missing"))?;
    let note = read_note(note, refusal == Refusal::Other)?;
    let mut work = begin(app, officer).await?;
    let look = look(&mut work.tx, app, officer, id).await?;
    if !Refusal::of(look.purpose).contains(&refusal) {
        return Err(Error::field("grund", "reason_missing"));
    }
    let Some(id) = &look.id else { return Ok(()) };
    let office = officer.still_at(&mut work, &look.office.id).await?;
    let account = &look.account;
    let key = account::key(&mut work.tx, &app.vault, &account.id).await?;
    let outcome = Outcome { level: None, refusal: Some(refusal), note };
    let sealed = seal(&key, place("outcome", id), &outcome, &work)?;
    if !store::end(&mut work, id, &officer.session, (State::Refused, &sealed)).await? {
        return Err(Error::Conflict("case"));
    }
    let event = DeskEvent::Refused { account: account.id.clone(), office: office.name.de.clone(), refusal };
    audit::record(&mut work, &event).await?;
    let (language, t) = (account.language, &account.language.texts().mail);
    let at = moment::date_and_clock(language, work.now);
    let (kind, subject, body) = match look.purpose {
        Purpose::Proof => (Kind::DeskRefused, &t.desk_refused_subject, &t.desk_refused_body),
        Purpose::Recovery => {
            (Kind::DeskRecoveryRefused, &t.desk_recovery_refused_subject, &t.desk_recovery_refused_body)
        }
    };
    let body = body.with("office", office.name(language)).with("time", at);
    let body = body.with("reason", refusal.words(language.texts()));
    tell(app, &mut work, account, (kind, subject, body)).await?;
    work.commit().await
}
