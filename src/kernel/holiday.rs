//! Public holidays of the Länder, dated. A period that the law lets end on the next working day ends on none of them.
//!
//! Days that are holidays in parts of a Land only (Augsburg's Friedensfest, Mariä Himmelfahrt in Bavaria, Fronleichnam in parts of
//! Saxony and Thuringia) are left out: then a date that we show is a day early, never a day late.

use serde::{Deserialize, Serialize};
use time::macros::date;
use time::{Date, Duration, Month, Weekday};

/// A Land, by its code in ISO 3166-2:DE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "TEXT", rename_all = "UPPERCASE")]
pub enum Land {
    Bb,
    Be,
    Bw,
    By,
    Hb,
    He,
    Hh,
    Mv,
    Ni,
    Nw,
    Rp,
    Sh,
    Sl,
    Sn,
    St,
    Th,
}

use Land::{Bb, Be, Bw, By, Hb, He, Hh, Mv, Ni, Nw, Rp, Sh, Sl, Sn, St, Th};

impl Land {
    /// The code without `DE-`.
    pub const fn code(self) -> &'static str {
        match self {
            Bb => "BB",
            Be => "BE",
            Bw => "BW",
            By => "BY",
            Hb => "HB",
            He => "HE",
            Hh => "HH",
            Mv => "MV",
            Ni => "NI",
            Nw => "NW",
            Rp => "RP",
            Sh => "SH",
            Sl => "SL",
            Sn => "SN",
            St => "ST",
            Th => "TH",
        }
    }
}

/// When in a year a holiday is.
#[derive(Clone, Copy)]
enum On {
    Day(Month, u8),
    /// So many days after Easter Sunday.
    Easter(i64),
    /// The Wednesday before 23 November.
    Repentance,
    /// This one day.
    Once(Date),
}

struct Holiday {
    on: On,
    /// Everywhere if it is empty.
    lands: &'static [Land],
    /// The acts of the Länder, or § 2 Abs. 2 Einigungsvertrag for 3 October.
    name: &'static str,
}

const fn holiday(on: On, lands: &'static [Land], name: &'static str) -> Holiday {
    Holiday { on, lands, name }
}

/// The table, as the acts of the Länder on Sundays and holidays stand since 2023. A day that becomes one, or is one no longer, is a new row
/// with [`On::Once`], or a change with a date of its own: dates that have been computed are never computed again.
const HOLIDAYS: [Holiday; 20] = [
    holiday(On::Day(Month::January, 1), &[], "Neujahr"),
    holiday(On::Day(Month::January, 6), &[Bw, By, St], "Heilige Drei Könige"),
    holiday(On::Day(Month::March, 8), &[Be, Mv], "Internationaler Frauentag"),
    holiday(On::Easter(-2), &[], "Karfreitag"),
    holiday(On::Easter(0), &[Bb, He], "Ostersonntag"),
    holiday(On::Easter(1), &[], "Ostermontag"),
    holiday(On::Day(Month::May, 1), &[], "Tag der Arbeit"),
    holiday(On::Easter(39), &[], "Christi Himmelfahrt"),
    holiday(On::Easter(49), &[Bb, He], "Pfingstsonntag"),
    holiday(On::Easter(50), &[], "Pfingstmontag"),
    holiday(On::Easter(60), &[Bw, By, He, Nw, Rp, Sl], "Fronleichnam"),
    holiday(On::Once(date!(2028 - 06 - 17)), &[Be], "75. Jahrestag des Volksaufstands"),
    holiday(On::Day(Month::August, 15), &[Sl], "Mariä Himmelfahrt"),
    holiday(On::Day(Month::September, 20), &[Th], "Weltkindertag"),
    holiday(On::Day(Month::October, 3), &[], "Tag der Deutschen Einheit"),
    holiday(On::Day(Month::October, 31), &[Bb, Hb, Hh, Mv, Ni, Sh, Sn, St, Th], "Reformationstag"),
    holiday(On::Day(Month::November, 1), &[Bw, By, Nw, Rp, Sl], "Allerheiligen"),
    holiday(On::Repentance, &[Sn], "Buß- und Bettag"),
    holiday(On::Day(Month::December, 25), &[], "1. Weihnachtstag"),
    holiday(On::Day(Month::December, 26), &[], "2. Weihnachtstag"),
];

impl Holiday {
    fn is_on(&self, day: Date) -> bool {
        match self.on {
            On::Day(month, number) => day.month() == month && day.day() == number,
            On::Easter(after) => easter_sunday(day.year()).map(|easter| easter + Duration::days(after)) == Some(day),
            On::Repentance => {
                day.month() == Month::November && (16..=22).contains(&day.day()) && day.weekday() == Weekday::Wednesday
            }
            On::Once(once) => day == once,
        }
    }
}

/// The holiday that a day is in a Land.
pub fn holiday_on(day: Date, land: Land) -> Option<&'static str> {
    let is_here = |holiday: &&Holiday| holiday.lands.is_empty() || holiday.lands.contains(&land);
    HOLIDAYS.iter().filter(is_here).find(|holiday| holiday.is_on(day)).map(|holiday| holiday.name)
}

/// Neither Saturday, Sunday nor a holiday.
pub fn is_working_day(day: Date, land: Land) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && holiday_on(day, land).is_none()
}

/// The day itself, or the next working day.
pub fn working_day_from(mut day: Date, land: Land) -> Date {
    while !is_working_day(day, land) {
        day = day.saturating_add(Duration::DAY);
    }
    day
}

/// Easter in the Gregorian calendar, by Gauss's rule with its two exceptions.
fn easter_sunday(year: i32) -> Option<Date> {
    let (century, golden) = (year.div_euclid(100), year.rem_euclid(19));
    let moon = (15 + century - century / 4 - (13 + 8 * century).div_euclid(25)).rem_euclid(30);
    let sun = (4 + century - century / 4).rem_euclid(7);
    let full = (19 * golden + moon).rem_euclid(30);
    let days = (2 * year.rem_euclid(4) + 4 * year.rem_euclid(7) + 6 * full + sun).rem_euclid(7);
    let after = match (full, days) {
        (29, 6) => 50,
        (28, 6) if (11 * moon + 11).rem_euclid(30) < 19 => 49,
        _ => 22 + full + days,
    };
    Some(Date::from_calendar_date(year, Month::March, 1).ok()? + Duration::days(i64::from(after) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_is_where_the_church_has_it() {
        let known = [
            date!(2024 - 03 - 31),
            date!(2025 - 04 - 20),
            date!(2026 - 04 - 05),
            date!(2027 - 03 - 28),
            date!(2028 - 04 - 16),
            date!(2038 - 04 - 25),
            // The two exceptions.
            date!(1981 - 04 - 19),
            date!(1954 - 04 - 18),
            date!(2049 - 04 - 18),
            date!(2076 - 04 - 19),
        ];
        for day in known {
            assert_eq!(easter_sunday(day.year()), Some(day));
        }
    }

    #[test]
    fn rhineland_palatinate_has_eleven_holidays() {
        let mut day = date!(2026 - 01 - 01);
        let mut found = Vec::new();
        while day.year() == 2026 {
            if let Some(name) = holiday_on(day, Rp) {
                found.push(format!("{day} {name}"));
            }
            day = day.saturating_add(Duration::DAY);
        }
        let expected = [
            "2026-01-01 Neujahr",
            "2026-04-03 Karfreitag",
            "2026-04-06 Ostermontag",
            "2026-05-01 Tag der Arbeit",
            "2026-05-14 Christi Himmelfahrt",
            "2026-05-25 Pfingstmontag",
            "2026-06-04 Fronleichnam",
            "2026-10-03 Tag der Deutschen Einheit",
            "2026-11-01 Allerheiligen",
            "2026-12-25 1. Weihnachtstag",
            "2026-12-26 2. Weihnachtstag",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_land_has_its_own() {
        let rows = [
            (date!(2026 - 11 - 18), Sn, Some("Buß- und Bettag")),
            (date!(2027 - 11 - 17), Sn, Some("Buß- und Bettag")),
            (date!(2028 - 11 - 22), Sn, Some("Buß- und Bettag")),
            (date!(2026 - 11 - 18), Rp, None),
            (date!(2028 - 06 - 17), Be, Some("75. Jahrestag des Volksaufstands")),
            (date!(2029 - 06 - 17), Be, None),
            (date!(2026 - 10 - 31), Rp, None),
            (date!(2026 - 10 - 31), Th, Some("Reformationstag")),
        ];
        for (day, land, name) in rows {
            assert_eq!(holiday_on(day, land), name, "{day} {land:?}");
        }
    }
}
