//! Reminding people that a document expires, each time once, on whatever node. Mails say that something in the safe does, and when; never what.
//!
//! A row knows when there is something to be said next, so that the job finds it by an index and looks at nothing else.

use time::{Date, Duration};

use super::store::due as rows;
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::kernel::calendar::{next_reminder, read_optional_day};
use crate::kernel::error::Error;
use crate::kernel::id::DocumentId;
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::notice::{self, Kind, Notice};
use crate::organisation::acting::Party;
use crate::organisation::area;
use crate::organisation::mandate::party;
use crate::postbox::provide;
use crate::store::work::{Actor, Work};

/// So many documents are found at a time, and so often in one round of the job.
const ROUND: i64 = 200;
const ROUNDS: usize = 50;

/// One line of the schedule.
struct Entry {
    /// As it is stored, once it has been said.
    name: &'static str,
    /// From how many days before the last day on it is said, and until how many.
    first: i64,
    last: i64,
}

/// The schedule. What was missed while nothing ran is said later, as long as it is still of use.
const SCHEDULE: [Entry; 2] =
    [Entry { name: "expiry_30", first: 30, last: 2 }, Entry { name: "expiry_1", first: 1, last: 0 }];

impl Entry {
    /// When it is said next, from a moment on; never if its time is over.
    fn next(&self, expires_on: Date, now: Timestamp) -> Option<Timestamp> {
        let before = |days| expires_on.saturating_sub(Duration::days(days));
        let next = next_reminder(now.max(Timestamp::midnight_in_germany(before(self.first))));
        (next.in_germany().date() <= before(self.last)).then_some(next)
    }
}

/// What is to be said now of a document that expires on this day, and of which that much has been said, and when to look again.
fn plan(expires_on: Date, said: &str, now: Timestamp) -> (Vec<&'static str>, Option<Timestamp>) {
    let unsaid = SCHEDULE.iter().filter(|entry| !said.split(' ').any(|name| name == entry.name));
    let planned = unsaid.filter_map(|entry| Some((entry.name, entry.next(expires_on, now)?)));
    let (due, later): (Vec<_>, Vec<_>) = planned.partition(|(_, at)| *at <= now);
    (due.into_iter().map(|(name, _)| name).collect(), later.into_iter().map(|(_, at)| at).min())
}

/// What need not be said to somebody who has just typed this day, and when the job looks at it first.
pub(super) fn first_look(expires_on: Option<Date>, now: Timestamp) -> (String, Option<Timestamp>) {
    let Some(expires_on) = expires_on else { return (String::new(), None) };
    let today = now.in_germany().date();
    let has_begun = |entry: &&Entry| expires_on.saturating_sub(Duration::days(entry.first)) <= today;
    let said = SCHEDULE.iter().filter(has_begun).map(|entry| entry.name).collect::<Vec<_>>().join(" ");
    let (_, look_at) = plan(expires_on, &said, now);
    (said, look_at)
}

/// The job. One document that fails is tried again in the next round and stands in nobody's way.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let (now, mut outcome) = (app.now(), Ok(()));
    let (mut at, mut id) = (Timestamp::from_milliseconds(i64::MIN), String::new());
    for _ in 0..ROUNDS {
        let found = rows::list(&mut app.read().await?, now, (at, &id), ROUND).await?;
        let is_last = (found.len() as i64) < ROUND;
        for row in found {
            outcome = outcome.and(look(app, &row.id).await);
            (at, id) = (row.look_at, row.id.to_string());
        }
        if is_last {
            break;
        }
    }
    outcome
}

async fn look(app: &AppParts, id: &DocumentId) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("safe")).await?;
    let Some(row) = rows::take(&mut work, id).await? else { return Ok(()) };
    let owner = party::parse(&row.owner).ok_or_else(|| Error::broken("a safe is nobody's"))?;
    let Some(expires_on) = read_optional_day(row.expires_on.as_deref())? else { return Ok(()) };
    let said = row.said.unwrap_or_default();
    let (due, next) = plan(expires_on, &said, work.now);
    if !due.is_empty() {
        remind(app, &mut work, &owner, expires_on).await?;
    }
    let said = std::iter::once(said.as_str()).filter(|said| !said.is_empty()).chain(due).collect::<Vec<_>>().join(" ");
    rows::put(&mut work, id, (&said, next)).await?;
    work.commit().await
}

/// Writes to whoever keeps the documents. Not where nobody can look into the safe.
async fn remind(app: &AppParts, work: &mut Work, owner: &Party, expires_on: Date) -> Result<(), Error> {
    if !provide::takes_notices(&mut work.tx, owner).await? {
        return Ok(());
    }
    let now = work.now;
    let accounts = match owner {
        Party::Person(account) => vec![account.clone()],
        Party::Organisation(organisation) => area::document_keepers(&mut work.tx, organisation, now).await?,
    };
    for id in accounts {
        match account::load(&mut work.tx, &app.vault, &id).await {
            Ok(account) => write(app, work, (owner, &account), expires_on).await?,
            // Being erased.
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn write(
    app: &AppParts,
    work: &mut Work,
    (owner, account): (&Party, &Account),
    expires_on: Date,
) -> Result<(), Error> {
    let (language, texts) = (account.language, &account.language.texts().mail);
    let safe = match owner {
        Party::Person(_) => texts.safe_own.clone(),
        Party::Organisation(_) => {
            let name = party::name(&mut work.tx, &app.vault, owner).await?;
            texts.safe_of.with("name", name.unwrap_or_default())
        }
    };
    let date = moment::date(language, Timestamp::midnight_in_germany(expires_on));
    let body = texts.safe_reminder_body.with("issuer", &app.config.issuer).with("date", date).with("safe", safe);
    let (to, subject) = (account.email.address.as_str(), &texts.safe_reminder_subject);
    let notice = Notice { kind: Kind::SafeReminder, to, language, subject, body };
    notice::send(work, &app.vault, &app.config.issuer, notice).await
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn a_month_and_a_day_before_it_is_said() {
        let at = |instant: time::OffsetDateTime| Timestamp::from_seconds(instant.unix_timestamp());
        let day = date!(2027 - 03 - 31);
        let early = at(datetime!(2026-11-23 09:02 UTC));
        assert_eq!(first_look(Some(day), early), (String::new(), Some(at(datetime!(2027-03-01 07:00 UTC)))));
        let month_before = at(datetime!(2027-03-01 07:00 UTC));
        let day_before = at(datetime!(2027-03-30 06:00 UTC));
        let next = Some(day_before);
        assert_eq!(plan(day, "", month_before), (vec!["expiry_30"], next));
        assert_eq!(plan(day, "expiry_30", day_before), (vec!["expiry_1"], None));
        // Nothing ran for weeks: what is over is not said, what is of use is.
        assert_eq!(plan(day, "", at(datetime!(2027-03-29 10:00 UTC))), (vec!["expiry_30"], next));
        assert_eq!(plan(day, "", at(datetime!(2027-03-30 10:00 UTC))), (vec!["expiry_1"], None));
        assert_eq!(plan(day, "", at(datetime!(2027-04-01 10:00 UTC))), (vec![], None));
        // Who types a day three weeks ahead knows it.
        assert_eq!(first_look(Some(day), at(datetime!(2027-03-10 10:00 UTC))), ("expiry_30".to_owned(), next));
        assert_eq!(first_look(None, early), (String::new(), None));
    }
}
