//! Time: one instant type, one clock, and the legal time of Germany for what people read.
//!
//! Everything stored is UTC in milliseconds; nobody asks the operating system for the time but [`Clock`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, UtcOffset, Weekday};

/// An instant: milliseconds since 1970-01-01T00:00:00Z, the same in both databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down: the `NumericDate` of RFC 7519 section 2.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long until `later`; zero if that has passed.
    pub fn until(self, later: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// The wall clock in Germany at this instant.
    pub fn in_germany(self) -> OffsetDateTime {
        let utc = OffsetDateTime::from_unix_timestamp(self.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let offset = if is_summer_time(utc) { 2 } else { 1 };
        utc.to_offset(UtcOffset::from_hms(offset, 0, 0).unwrap_or(UtcOffset::UTC))
    }

    /// When a day begins in Germany. The clocks are never changed at that hour.
    pub fn midnight_in_germany(day: Date) -> Self {
        let utc = day.midnight().assume_utc() - time::Duration::HOUR;
        let utc = if is_summer_time(utc) { utc - time::Duration::HOUR } else { utc };
        Self::from_seconds(utc.unix_timestamp())
    }
}

/// Summer time runs from the last Sunday in March to the last Sunday in October, each at 01:00 UTC
/// (§ 1 Sommerzeitverordnung, directive 2000/84/EC; unchanged since 1996).
fn is_summer_time(utc: OffsetDateTime) -> bool {
    let switch = |month| last_sunday(utc.year(), month).and_then(|day| day.with_hms(1, 0, 0).ok());
    match (switch(Month::March), switch(Month::October)) {
        (Some(begin), Some(end)) => utc >= begin.assume_utc() && utc < end.assume_utc(),
        _ => false,
    }
}

fn last_sunday(year: i32, month: Month) -> Option<Date> {
    let mut day = Date::from_calendar_date(year, month, month.length(year)).ok()?;
    while day.weekday() != Weekday::Sunday {
        day = day.previous_day()?;
    }
    Some(day)
}

/// Where the time comes from: the system, or a clock that tests set by hand.
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let nanoseconds = OffsetDateTime::now_utc().unix_timestamp_nanos();
                Timestamp(i64::try_from(nanoseconds / 1_000_000).unwrap_or(i64::MAX))
            }
            Self::Fixed(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock forward; a system clock is not touched.
    pub fn advance(&self, duration: Duration) {
        if let Self::Fixed(at) = self {
            at.fetch_add(i64::try_from(duration.as_millis()).unwrap_or(0), Ordering::SeqCst);
        }
    }
}

pub const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

pub const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

pub const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn german_wall_clock_follows_summer_time() {
        let hour = |seconds| Timestamp::from_seconds(seconds).in_germany().hour();
        assert_eq!(hour(1_774_745_999), 1, "2026-03-29T00:59:59Z is 01:59:59 CET");
        assert_eq!(hour(1_774_746_000), 3, "2026-03-29T01:00:00Z is 03:00:00 CEST");
        assert_eq!(hour(1_792_889_999), 2, "2026-10-25T00:59:59Z is 02:59:59 CEST");
        assert_eq!(hour(1_792_890_000), 2, "2026-10-25T01:00:00Z is 02:00:00 CET");
    }

    #[test]
    fn seconds_round_down_before_1970_too() {
        assert_eq!(Timestamp::from_milliseconds(-1).seconds(), -1);
        assert_eq!(Timestamp::from_milliseconds(1999).seconds(), 1);
    }
}
