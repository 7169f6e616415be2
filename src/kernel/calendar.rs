//! Periods as the law counts them (§§ 187 to 188 BGB), in German legal time.

use time::{Date, Duration, Month};

use super::error::Error;
use super::time::{Timestamp, hours};

/// When a period of whole months is over that an event at `from` sets going: it runs from the following day
/// (§ 187 Abs. 1 BGB) to the end of the day that bears the same number (§ 188 Abs. 2 BGB), or the month's last day if
/// there is none (§ 188 Abs. 3 BGB). The instant is the midnight that ends that day.
pub fn months_after(from: Timestamp, months: u32) -> Timestamp {
    let start = from.in_germany().date();
    let index = i64::from(start.year()) * 12 + i64::from(u8::from(start.month())) - 1 + i64::from(months);
    let year = i32::try_from(index.div_euclid(12)).unwrap_or(Date::MAX.year());
    let month = u8::try_from(index.rem_euclid(12) + 1).ok().and_then(|number| Month::try_from(number).ok());
    let month = month.unwrap_or(Month::January);
    let last = Date::from_calendar_date(year, month, start.day().min(month.length(year))).unwrap_or(Date::MAX);
    end_of(last)
}

/// As [`months_after`], for a period of whole days.
pub fn days_after(from: Timestamp, days: u16) -> Timestamp {
    end_of(from.in_germany().date().saturating_add(Duration::days(i64::from(days))))
}

/// A day as people type it, in three fields; none if there is no such day, or it is before this millennium or after the next.
pub fn typed_day([day, month, year]: [&str; 3]) -> Option<Date> {
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let month = Month::try_from(u8::try_from(number(month)?).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(number(year)?), month, u8::try_from(number(day)?).ok()?).ok()?;
    (2000..=2999).contains(&date.year()).then_some(date)
}

/// The stored form of a day: `2026-11-06`.
pub fn read_day(text: &str) -> Result<Date, Error> {
    Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).map_err(Error::broken)
}

/// The same of a day that a row may not have.
pub fn read_optional_day(text: Option<&str>) -> Result<Option<Date>, Error> {
    text.map(read_day).transpose()
}

/// At which hours in Germany people are reminded.
struct Hours {
    valid_from: Date,
    /// From the beginning of this hour on, and not any more at the beginning of that.
    from: u8,
    until: u8,
}

/// The table. A new rule is a new row with its day; old rows stay.
const HOURS: [Hours; 1] = [Hours { valid_from: time::macros::date!(2025 - 01 - 01), from: 8, until: 20 }];

impl Hours {
    fn of(day: Date) -> &'static Self {
        let holds = |one: &&Self| one.valid_from <= day;
        HOURS.iter().filter(holds).max_by_key(|one| one.valid_from).unwrap_or(&HOURS[0])
    }
}

/// The beginning of an hour of a day in Germany, also of one on which the clocks are changed.
fn hour_of(day: Date, hour: u8) -> Timestamp {
    let counted = Timestamp::midnight_in_germany(day).plus(hours(u64::from(hour)));
    match counted.in_germany().hour() {
        shown if shown > hour => counted.minus(hours(u64::from(shown - hour))),
        shown => counted.plus(hours(u64::from(hour - shown))),
    }
}

/// When somebody may be reminded, from then on: at once, or when the hours begin.
pub fn next_reminder(at: Timestamp) -> Timestamp {
    let local = at.in_germany();
    let day = local.date();
    let Hours { from, until, .. } = Hours::of(day);
    let tomorrow = day.saturating_add(Duration::DAY);
    match local.hour() {
        hour if hour < *from => hour_of(day, *from),
        hour if hour < *until => at,
        _ => hour_of(tomorrow, Hours::of(tomorrow).from),
    }
}

/// The midnight that ends a day in Germany.
pub fn end_of(day: Date) -> Timestamp {
    Timestamp::midnight_in_germany(day.saturating_add(Duration::DAY))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn at(instant: time::OffsetDateTime) -> Timestamp {
        Timestamp::from_seconds(instant.unix_timestamp())
    }

    #[test]
    fn months_end_with_the_day_of_the_same_number() {
        let rows = [
            // In winter midnight is 23:00 UTC, in summer 22:00 UTC.
            (datetime!(2026-01-15 12:00 UTC), 22, datetime!(2027-11-15 23:00 UTC)),
            (datetime!(2026-01-15 12:00 UTC), 6, datetime!(2026-07-15 22:00 UTC)),
            // No 31st, no 30th, no 29th.
            (datetime!(2026-12-31 12:00 UTC), 2, datetime!(2027-02-28 23:00 UTC)),
            (datetime!(2027-12-31 12:00 UTC), 2, datetime!(2028-02-29 23:00 UTC)),
            (datetime!(2028-02-29 12:00 UTC), 24, datetime!(2030-02-28 23:00 UTC)),
            (datetime!(2026-08-31 12:00 UTC), 22, datetime!(2028-06-30 22:00 UTC)),
            // 23:30 UTC is the next day in Germany.
            (datetime!(2026-01-31 23:30 UTC), 1, datetime!(2026-03-01 23:00 UTC)),
            // The night of the switch: the last Sunday of March and of October.
            (datetime!(2026-02-28 12:00 UTC), 1, datetime!(2026-03-28 23:00 UTC)),
            (datetime!(2026-02-28 23:30 UTC), 1, datetime!(2026-04-01 22:00 UTC)),
            (datetime!(2026-09-25 12:00 UTC), 1, datetime!(2026-10-25 23:00 UTC)),
            (datetime!(2026-09-24 12:00 UTC), 1, datetime!(2026-10-24 22:00 UTC)),
        ];
        for (from, months, end) in rows {
            assert_eq!(months_after(at(from), months), at(end), "{from} + {months}");
        }
    }

    #[test]
    fn people_are_reminded_by_day() {
        let rows = [
            (datetime!(2026-11-02 06:59 UTC), datetime!(2026-11-02 07:00 UTC)),
            (datetime!(2026-11-02 07:00 UTC), datetime!(2026-11-02 07:00 UTC)),
            (datetime!(2026-11-02 18:59 UTC), datetime!(2026-11-02 18:59 UTC)),
            (datetime!(2026-11-02 19:00 UTC), datetime!(2026-11-03 07:00 UTC)),
            (datetime!(2026-07-01 19:00 UTC), datetime!(2026-07-02 06:00 UTC)),
            // The days on which the clocks are changed.
            (datetime!(2026-03-28 20:00 UTC), datetime!(2026-03-29 06:00 UTC)),
            (datetime!(2026-10-24 20:00 UTC), datetime!(2026-10-25 07:00 UTC)),
        ];
        for (now, expected) in rows {
            assert_eq!(next_reminder(at(now)), at(expected), "{now}");
        }
    }

    #[test]
    fn days_end_at_midnight_whatever_the_clocks_do() {
        assert_eq!(days_after(at(datetime!(2026-11-24 09:02 UTC)), 14), at(datetime!(2026-12-08 23:00 UTC)));
        assert_eq!(days_after(at(datetime!(2026-03-20 09:02 UTC)), 14), at(datetime!(2026-04-03 22:00 UTC)));
        assert_eq!(days_after(at(datetime!(2026-10-24 23:30 UTC)), 0), at(datetime!(2026-10-25 23:00 UTC)));
    }
}
