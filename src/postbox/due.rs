//! What is said of a notice because a day has come: people are reminded, and the authority learns that it counts as announced or that
//! nobody has opened it in time. Each once, on whatever node.
//!
//! A row knows when there is something to be said next ([`plan`]), so that the job finds it by an index and looks at nothing else. Whatever
//! changes the days of a notice, or where it lies, lets the job look at it at once.

use time::{Date, Duration};

use super::event::{self, Told};
use super::notify::As;
use super::store::{self, due as rows};
use super::{Message, clock, notify, paper};
use crate::account::address::{self, Correspondent};
use crate::app::AppParts;
use crate::kernel::calendar::next_reminder;
use crate::kernel::error::Error;
use crate::kernel::id::MessageId;
use crate::kernel::texts::{MailTexts, Text, moment};
use crate::kernel::time::Timestamp;
use crate::notice::{self, Kind, Notice};
use crate::store::work::{Actor, Work};

/// So many notices are found at a time, and so often in one round of the job.
const ROUND: i64 = 200;
const ROUNDS: usize = 50;

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    People(Reminder),
    Authority(Told),
}

/// Of what people are reminded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reminder {
    /// Tomorrow it counts as announced, opened or not.
    Announcement,
    /// Soon it cannot be opened any more.
    Offer,
    /// A period ends.
    Deadline,
}

/// One line of the schedule.
#[derive(Debug)]
struct Entry {
    /// As it is stored, once it has been said.
    name: &'static str,
    to: To,
    /// From what day it counts; none if there is no such day, or nothing to be said any more.
    day: fn(&Message) -> Option<Date>,
    /// From how many days after that it is said (before it, if negative), and on which day at the latest.
    first: i64,
    last: Option<i64>,
}

const fn for_people(
    name: &'static str,
    reminder: Reminder,
    day: fn(&Message) -> Option<Date>,
    (first, last): (i64, i64),
) -> Entry {
    Entry { name, to: To::People(reminder), day, first, last: Some(last) }
}

const fn for_authority(name: &'static str, told: Told, day: fn(&Message) -> Option<Date>, first: i64) -> Entry {
    Entry { name, to: To::Authority(told), day, first, last: None }
}

/// The schedule. What was missed while nothing ran is said later, as long as it is still of use.
const SCHEDULE: [Entry; 8] = [
    for_people("announcement", Reminder::Announcement, unopened_announcement, (-1, -1)),
    for_people("offer", Reminder::Offer, unopened_offer, (-1, 0)),
    for_people("remedy_10", Reminder::Deadline, remedy, (-10, -4)),
    for_people("remedy_3", Reminder::Deadline, remedy, (-3, 0)),
    for_people("due_10", Reminder::Deadline, due, (-10, -4)),
    for_people("due_3", Reminder::Deadline, due, (-3, 0)),
    for_authority("announced", Told::Announced, announced, 0),
    for_authority("lapsed", Told::Lapsed, unopened_offer, 1),
];

fn announced(message: &Message) -> Option<Date> {
    message.days.announced_on
}

fn unopened_announcement(message: &Message) -> Option<Date> {
    message.days.announced_on.filter(|_| message.is_unread())
}

fn unopened_offer(message: &Message) -> Option<Date> {
    message.days.offer_ends_on.filter(|_| message.is_unread())
}

fn remedy(message: &Message) -> Option<Date> {
    message.days.objection_ends_on
}

fn due(message: &Message) -> Option<Date> {
    message.days.due_on
}

impl Entry {
    /// When it is said next, from a moment on; never if its time is over.
    fn next(&self, message: &Message, now: Timestamp) -> Option<Timestamp> {
        let day = (self.day)(message)?;
        let on = |days| day.saturating_add(Duration::days(days));
        if let To::Authority(_) = self.to {
            return Some(Timestamp::midnight_in_germany(on(self.first)).max(now));
        }
        // On the day itself the first mail has just come.
        let is_away = message.archived_at.is_some() || message.deleted_at.is_some();
        if is_away || on(self.first) <= clock::day(message.facts.provided_at) {
            return None;
        }
        let next = next_reminder(now.max(Timestamp::midnight_in_germany(on(self.first))));
        self.last.is_none_or(|last| clock::day(next) <= on(last)).then_some(next)
    }
}

/// What is to be said of a notice now of which that much has been said, and when to look again.
fn plan(message: &Message, said: &str, now: Timestamp) -> (Vec<&'static Entry>, Option<Timestamp>) {
    // Nobody is reminded of what is not there any more, and its authority has been told so.
    if message.sealed.content_key.is_none() {
        return (Vec::new(), None);
    }
    let unsaid = SCHEDULE.iter().filter(|entry| !said.split(' ').any(|name| name == entry.name));
    let planned = unsaid.filter_map(|entry| Some((entry, entry.next(message, now)?)));
    let (due, later): (Vec<_>, Vec<_>) = planned.partition(|(_, at)| *at <= now);
    (due.into_iter().map(|(entry, _)| entry).collect(), later.into_iter().map(|(_, at)| at).min())
}

/// When the job looks at a fresh notice first.
pub(super) fn first_look(message: &Message, now: Timestamp) -> Option<Timestamp> {
    let (due, next) = plan(message, "", now);
    if due.is_empty() { next } else { Some(now) }
}

/// The job. One notice that fails is tried again in the next round and stands in nobody's way.
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

async fn look(app: &AppParts, id: &MessageId) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("postbox")).await?;
    let Some(mut said) = rows::take(&mut work, id).await? else { return Ok(()) };
    let message = store::find(&mut work.tx, id).await?.ok_or(Error::NotFound)?.read()?;
    let (due, next) = plan(&message, &said, work.now);
    for entry in due {
        match entry.to {
            To::People(reminder) => remind(app, &mut work, &message, (reminder, entry.day)).await?,
            To::Authority(told) => event::tell(&mut work, &message, told).await?,
        }
        if !said.is_empty() {
            said.push(' ');
        }
        said.push_str(entry.name);
    }
    rows::put(&mut work, id, (&said, next)).await?;
    work.commit().await
}

/// Writes to the same people as when it came. Not where nobody can look into the postbox, and not to whoever wants the decisions of that
/// authority on paper.
async fn remind(
    app: &AppParts,
    work: &mut Work,
    message: &Message,
    (reminder, day): (Reminder, fn(&Message) -> Option<Date>),
) -> Result<(), Error> {
    let (owner, client) = (&message.owner, &message.client);
    if !store::takes_notices(&mut work.tx, owner.as_str()).await?
        || paper::is_excluded(&mut work.tx, &app.vault, (owner, client), None).await?
    {
        return Ok(());
    }
    let day = day(message).map_or(work.now, Timestamp::midnight_in_germany);
    for (id, whom) in notify::told(&mut work.tx, message, work.now).await? {
        match address::correspondent(&mut work.tx, &app.vault, &id).await {
            Ok(to) => write(app, work, (message, &to, whom), (reminder, day)).await?,
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
    (message, to, whom): (&Message, &Correspondent, As),
    (reminder, day): (Reminder, Timestamp),
) -> Result<(), Error> {
    let (language, texts) = (to.language, &to.language.texts().mail);
    let postbox = notify::postbox(app, &mut work.tx, (message, to)).await?;
    let date = moment::date(language, day);
    let what = reminder.words(texts).with("date", date).with("postbox", postbox);
    let body = texts.postbox_reminder_body.with("issuer", &app.config.issuer).with("what", what);
    let body = notify::explained(texts, body, whom);
    let (to, subject) = (to.address.as_str(), &texts.postbox_reminder_subject);
    let notice = Notice { kind: Kind::PostboxReminder, to, language, subject, body };
    notice::send(work, &app.vault, &app.config.issuer, notice).await
}

impl Reminder {
    const fn words(self, texts: &MailTexts) -> &Text {
        match self {
            Self::Announcement => &texts.postbox_reminder_announcement,
            Self::Offer => &texts.postbox_reminder_offer,
            Self::Deadline => &texts.postbox_reminder_deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_has_a_name_of_its_own() {
        let mut names: Vec<_> = SCHEDULE.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SCHEDULE.len());
        assert!(names.iter().all(|name| !name.contains(' ')));
    }
}
