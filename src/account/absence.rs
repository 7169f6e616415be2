//! When somebody is away: from one day in Germany to another, both included, once for each account. It changes no legal date and opens
//! nothing to anybody; others learn of it so that somebody looks.

use serde::Serialize;
use time::{Date, Duration};

use super::store::absence as rows;
use crate::audit::{self, Event};
use crate::kernel::calendar::{end_of, next_reminder, read_day, read_optional_day};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::Work;

pub use rows::DueRow as Due;

/// Nobody says further ahead than that until when they are away.
const AHEAD_MAX: Duration = Duration::days(366);

/// From when until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
}

/// The day in Germany.
pub fn day(at: Timestamp) -> Date {
    at.in_germany().date()
}

impl Absence {
    /// What somebody states on that day.
    pub fn stated(first: Date, last: Date, today: Date) -> Result<Self, Error> {
        let refuse = |problem| Err(Error::field("bis_tag", problem));
        if last < first {
            return refuse("absence_order");
        }
        if last < today {
            return refuse("absence_past");
        }
        if last - today > AHEAD_MAX {
            return refuse("absence_long");
        }
        Ok(Self { first, last })
    }

    /// What a row holds that may have none.
    pub fn read(first_on: Option<&str>, last_on: Option<&str>) -> Result<Option<Self>, Error> {
        let days = read_optional_day(first_on)?.zip(read_optional_day(last_on)?);
        Ok(days.map(|(first, last)| Self { first, last }))
    }

    /// Whether they are away then.
    pub fn covers(&self, at: Timestamp) -> bool {
        (self.first..=self.last).contains(&day(at))
    }

    /// Whether they are back by then.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.last < day(at)
    }
}

/// What became of an absence.
#[derive(Clone, Copy)]
enum Happened {
    Set,
    Changed,
    Ended,
}

/// The days stand in no event: it is kept far longer than they are.
#[derive(Serialize)]
struct AbsenceEvent<'a> {
    #[serde(skip)]
    account: &'a AccountId,
    #[serde(skip)]
    happened: Happened,
}

impl Event for AbsenceEvent<'_> {
    fn kind(&self) -> &'static str {
        match self.happened {
            Happened::Set => "account.absence_set",
            Happened::Changed => "account.absence_changed",
            Happened::Ended => "account.absence_ended",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.account.to_string())
    }
}

/// The absence of an account, over or not.
pub async fn find(tx: &mut Tx, id: &AccountId) -> Result<Option<Absence>, Error> {
    let Some(row) = rows::find(tx, id).await? else { return Ok(None) };
    Ok(Some(Absence { first: read_day(&row.first_on)?, last: read_day(&row.last_on)? }))
}

/// Writes down that somebody is away, in the place of what stands there. In work that holds the account.
pub async fn set(work: &mut Work, account: &AccountId, absence: Absence) -> Result<(), Error> {
    let now = work.now;
    let known = find(&mut work.tx, account).await?.filter(|known| !known.is_over(now));
    if known == Some(absence) {
        return Ok(());
    }
    let (first, last) = (absence.first.to_string(), absence.last.to_string());
    rows::put(work, account, (&first, &last), next_reminder(end_of(absence.last))).await?;
    let happened = if known.is_some() { Happened::Changed } else { Happened::Set };
    audit::record(work, &AbsenceEvent { account, happened }).await
}

/// Somebody is back early, or does not go; nothing of it is left, and nobody has to be told when they are back.
pub async fn end(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    let today = day(work.now).to_string();
    if !rows::end(work, account, &today).await? {
        return Ok(());
    }
    audit::record(work, &AbsenceEvent { account, happened: Happened::Ended }).await
}

/// At most `limit` absences that are over and have to be looked at by now, after that place.
pub async fn due(tx: &mut Tx, now: Timestamp, after: (Timestamp, &str), limit: i64) -> Result<Vec<Due>, Error> {
    Ok(rows::due(tx, now, after, limit).await?)
}

/// Takes one of them; `false` if another node has, or its owner has changed it.
pub async fn take(work: &mut Work, account: &AccountId) -> Result<bool, Error> {
    Ok(rows::take(work, account).await?)
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn what_can_be_stated() {
        let today = date!(2026 - 11 - 23);
        let rows = [
            (date!(2026 - 11 - 23), date!(2026 - 11 - 23), None),
            (date!(2026 - 11 - 01), date!(2026 - 12 - 14), None),
            (date!(2027 - 01 - 01), date!(2027 - 11 - 24), None),
            (date!(2026 - 12 - 02), date!(2026 - 12 - 01), Some("absence_order")),
            (date!(2026 - 11 - 20), date!(2026 - 11 - 22), Some("absence_past")),
            (date!(2026 - 11 - 23), date!(2027 - 11 - 25), Some("absence_long")),
        ];
        for (first, last, problem) in rows {
            let found = match Absence::stated(first, last, today) {
                Ok(_) => None,
                Err(Error::Invalid(problems)) => Some((problems[0].field, problems[0].problem)),
                Err(error) => panic!("{error}"),
            };
            assert_eq!(found, problem.map(|problem| ("bis_tag", problem)), "{first} to {last}");
        }
    }

    #[test]
    fn days_are_those_of_germany() {
        let at = |instant: time::OffsetDateTime| Timestamp::from_seconds(instant.unix_timestamp());
        let absence = Absence { first: date!(2026 - 12 - 01), last: date!(2026 - 12 - 14) };
        let rows = [
            (datetime!(2026-11-30 22:59 UTC), false),
            (datetime!(2026-11-30 23:01 UTC), true),
            (datetime!(2026-12-14 22:59 UTC), true),
            (datetime!(2026-12-14 23:01 UTC), false),
        ];
        for (instant, is_away) in rows {
            assert_eq!(absence.covers(at(instant)), is_away, "{instant}");
        }
        assert!(!absence.is_over(at(rows[0].0)) && !absence.is_over(at(rows[2].0)) && absence.is_over(at(rows[3].0)));
    }
}
