//! A slow second opinion: days counted one by one on a calendar of its own, which knows no date arithmetic of the program's.

use proptest::prelude::*;
use time::{Date, Month};

use super::*;

/// A day as three numbers.
type Day = (i32, u32, u32);

fn is_leap(year: i32) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn length(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn next((year, month, day): Day) -> Day {
    if day < length(year, month) {
        (year, month, day + 1)
    } else if month < 12 {
        (year, month + 1, 1)
    } else {
        (year + 1, 1, 1)
    }
}

/// Monday is 0; counted from Thursday, 1 January 2026.
fn weekday(day: Day) -> u32 {
    let (mut walked, mut number) = ((2026, 1, 1), 3);
    while walked != day {
        walked = next(walked);
        number = (number + 1) % 7;
    }
    number
}

/// The day in Germany that a second of UTC belongs to, counted from 2026 on.
fn day_in_germany(seconds_of_2026: u64) -> Day {
    let local = seconds_of_2026 + if is_summer(seconds_of_2026) { 7200 } else { 3600 };
    let mut day = (2026, 1, 1);
    for _ in 0..local / 86400 {
        day = next(day);
    }
    day
}

/// From one o'clock UTC on the last Sunday of March to one o'clock on that of October.
fn is_summer(seconds: u64) -> bool {
    let (mut day, mut number, mut since) = ((2026, 1, 1), 3, 0_u64);
    let mut summer = false;
    loop {
        if number == 6 && (day.1 == 3 || day.1 == 10) && day.2 + 7 > 31 {
            if seconds < since + 3600 {
                return summer;
            }
            summer = day.1 == 3;
        }
        if seconds < since + 86400 {
            return summer;
        }
        (day, number, since) = (next(day), (number + 1) % 7, since + 86400);
    }
}

/// Easter Sunday as printed in calendars.
fn easter(year: i32) -> Day {
    match year {
        2026 => (2026, 4, 5),
        2027 => (2027, 3, 28),
        2028 => (2028, 4, 16),
        2029 => (2029, 4, 1),
        2030 => (2030, 4, 21),
        2031 => (2031, 4, 13),
        _ => unreachable!("the cases end in 2031"),
    }
}

/// Rhineland-Palatinate: § 2 Feiertagsgesetz.
fn is_free(day: Day) -> bool {
    let mut movable = easter(day.0);
    let mut after = 0;
    // Good Friday lies before; it is the day from which Easter is two days off.
    let is_good_friday = next(next(day)) == movable;
    let mut is_movable = is_good_friday;
    while after < 60 {
        movable = next(movable);
        after += 1;
        is_movable |= movable == day && [1, 39, 50, 60].contains(&after);
    }
    let fixed = [(1, 1), (5, 1), (10, 3), (11, 1), (12, 25), (12, 26)];
    weekday(day) >= 5 || is_movable || fixed.contains(&(day.1, day.2))
}

fn working(mut day: Day) -> Day {
    while is_free(day) {
        day = next(day);
    }
    day
}

fn after(mut day: Day, days: i64) -> Day {
    for _ in 0..days {
        day = next(day);
    }
    day
}

fn month_after((year, month, day): Day) -> Day {
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    (year, month, day.min(length(year, month)))
}

fn plain(date: Date) -> Day {
    (date.year(), u32::from(u8::from(date.month())), u32::from(date.day()))
}

/// Seconds since the beginning of 2026 (UTC), close to a midnight in Germany every other time.
fn moments() -> impl Strategy<Value = u64> {
    let day = 0_u64..5 * 365;
    prop_oneof![
        day.clone().prop_flat_map(|day| (day * 86400)..((day + 1) * 86400)),
        (day, 0_u64..3 * 3600).prop_map(|(day, second)| day * 86400 + 75600 + second),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn every_date_is_that_of_the_second_opinion(seconds in moments(), waits in 0_u64..20 * 86400) {
        let begin = Date::from_calendar_date(2026, Month::January, 1).unwrap().midnight().assume_utc().unix_timestamp();
        let moment = |seconds: u64| Timestamp::from_seconds(begin + i64::try_from(seconds).unwrap());
        let (first, second) = (day_in_germany(seconds), day_in_germany(seconds + waits));
        let later = moment(seconds + waits);
        let facts = Facts {
            provided_at: moment(seconds),
            notified_at: Some(moment(seconds)),
            retrieved_at: Some(later),
            acknowledged_at: Some(later),
        };
        let is_offered = {
            let mut day = first;
            (0..=10).any(|_| { let is_it = day == second; day = next(day); is_it })
        };
        for rule in &RULES {
            let expected = match rule.basis {
                LegalBasis::Ozg9 | LegalBasis::Vwvfg41Sending | LegalBasis::SgbX37 => Some(after(first, 4)),
                LegalBasis::Ao122a => Some(working(after(first, 4))),
                LegalBasis::Vwvfg41Retrieval => is_offered.then(|| next(second)),
                LegalBasis::Vwzg5 => Some(after(first, 4).min(second)),
                LegalBasis::None => None,
            };
            let announced = rule.announced_on(&facts, Land::Rp);
            prop_assert_eq!(announced.map(plain), expected, "{}", rule.name);
            if let Some(announced) = announced {
                for period in &PERIODS {
                    let ends_on = period.ends_on(announced, Land::Rp);
                    prop_assert_eq!(plain(ends_on), working(month_after(plain(announced))), "{}", period.name);
                }
            }
        }
    }
}
