//! Print jobs of letters to organisations; the pages are drawn and put down as people's letters are.

use super::{Job, Purpose, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::OrganisationLetterId;
use crate::kernel::texts::moment;
use crate::kernel::time::days;
use crate::proofing::desk::grouped;
use crate::proofing::letter::page::Sheet;
use crate::proofing::letter::print as mail_house;
use crate::store::work::Actor;

/// Writes the file of a letter, unless that has been done or nobody waits for it any more.
pub async fn print(app: &AppParts, payload: &[u8]) -> Result<(), Error> {
    let job: Job = serde_json::from_slice(payload).map_err(Error::broken)?;
    if !store::waits_for_print(&mut app.read().await?, &job.id).await? {
        return Ok(());
    }
    mail_house::put(app, job.id.as_str(), sheet(&job, &app.config.issuer, &app.config.operator.contact)).await?;
    let mut work = app.begin(Actor::System("letters")).await?;
    store::put_printed(&mut work, &job.id).await?;
    work.commit().await
}

fn sheet(job: &Job, issuer: &str, contact: &str) -> Sheet {
    let t = &job.language.texts().organisation;
    let date = moment::date(job.language, job.expires_at);
    let is_seat = job.purpose == Purpose::Seat;
    let (subject, addressee) = if is_seat {
        (&t.letter_subject, None)
    } else {
        (&t.management_subject, Some(t.management_addressee.to_string()))
    };
    let intro = if is_seat { &t.letter_intro } else { &t.management_intro };
    let steps = if is_seat { &t.letter_steps } else { &t.management_steps };
    let care = if is_seat { &t.letter_care } else { &t.management_care };
    let fill = |text: &crate::kernel::texts::Text| {
        let filled = text.with("organisation", &job.name).with("issuer", issuer).with("contact", contact);
        filled.with("date", &date).to_string()
    };
    let to = [job.name.clone()].into_iter().chain(addressee).chain(job.address.lines()).collect();
    Sheet {
        language: job.language,
        to,
        date: job.ordered_at,
        subject: subject.to_string(),
        before: [&t.letter_greeting, intro].map(fill).into(),
        code: grouped(&job.code),
        after: [&t.letter_until, steps, care, &t.letter_close].map(fill).into(),
    }
}

/// Removes files that have waited longer than the operator keeps them, and those of letters that are no more.
pub async fn tidy(app: &AppParts) -> Result<u64, Error> {
    let mut removed = 0;
    for id in mail_house::waiting(app, OrganisationLetterId::parse).await? {
        let since = app.now().minus(days(app.config.letter.keep_days));
        if !store::is_kept(&mut app.read().await?, &id, since).await? {
            removed += u64::from(mail_house::remove(app, id.as_str()).await?);
        }
    }
    Ok(removed)
}
