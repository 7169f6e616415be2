//! Names and birth dates as people have them.

use time::{Date, Month};
use unicode_normalization::UnicodeNormalization as _;

use crate::kernel::time::Timestamp;

/// The longest name a register field takes.
pub const NAME_MAX_CHARACTERS: usize = 200;

/// Scripts whose letters DIN 91379 (characters for names in Europe) contains: Latin in all its extensions,
/// and the marks that combine with it.
pub fn is_name_letter(letter: char) -> bool {
    matches!(letter, 'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{17E}' | '\u{18F}' | '\u{197}'..='\u{1B0}' | '\u{1B7}' | '\u{1CD}'..='\u{233}'
        | '\u{259}' | '\u{268}' | '\u{292}' | '\u{2B9}'..='\u{2BC}' | '\u{2BE}' | '\u{2BF}' | '\u{2C8}' | '\u{2CC}'
        | '\u{300}'..='\u{338}' | '\u{1E02}'..='\u{1EF9}' | '\u{2C65}' | '\u{A7C0}'..='\u{A7CB}')
        && !matches!(letter, '\u{D7}' | '\u{F7}')
}

/// Reads a name: letters of DIN 91379 normative group, blanks, hyphens, apostrophes, dots and commas; in
/// Unicode form C; blanks trimmed and merged. `None` if it is empty, too long, or has no letter.
pub fn parse_name(text: &str) -> Option<String> {
    let composed: String = text.nfc().collect();
    let name = composed.split_whitespace().collect::<Vec<_>>().join(" ");
    let sign = |letter: char| {
        is_name_letter(letter)
            || matches!(letter, ' ' | '-' | '\'' | '\u{2019}' | '.' | ',' | '`' | '~' | '\u{B4}' | '\u{B7}')
    };
    let sound =
        name.chars().count() <= NAME_MAX_CHARACTERS && name.chars().all(sign) && name.chars().any(is_name_letter);
    sound.then_some(name)
}

/// Reads a date of birth from three fields; not in the future, not before 1850.
pub fn parse_birth_date(day: &str, month: &str, year: &str, now: Timestamp) -> Option<String> {
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let (day, month, year) = (u8::try_from(number(day)?).ok()?, u8::try_from(number(month)?).ok()?, number(year)?);
    let date = Date::from_calendar_date(i32::from(year), Month::try_from(month).ok()?, day).ok()?;
    let sound = year >= 1850 && date <= now.in_germany().date();
    sound.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_people_have_them() {
        for name in [
            "Renate",
            "Müller-Lüdenscheidt",
            "Nguyễn",
            "O’Neill",
            "D'Angelo",
            "Şahin",
            "Łukasz",
            "Þór",
            "ß",
            "van der Berg",
            "J. R.",
            "Čapek",
            "Ḫ",
            "Ǥ",
        ] {
            assert_eq!(parse_name(name).as_deref(), Some(name), "{name}");
        }
        assert_eq!(parse_name("  Anna   Maria "), Some("Anna Maria".to_owned()));
        assert_eq!(parse_name("Mu\u{308}ller"), Some("Müller".to_owned()));
        for bad in ["", " ", "-", "<b>Anna</b>", "Anna\u{202E}", "Anna\u{0}", "Анна", "a=b", "{{7*7}}", "Anna\u{200B}"]
        {
            assert_eq!(parse_name(bad), None, "{bad:?}");
        }
        assert!(parse_name(&"a".repeat(200)).is_some() && parse_name(&"a".repeat(201)).is_none());
    }

    #[test]
    fn birth_dates_exist_and_have_passed() {
        let now = Timestamp::from_seconds(1_795_424_520);
        let read = |day, month, year| parse_birth_date(day, month, year, now);
        assert_eq!(read("27", "3", "1987"), Some("1987-03-27".to_owned()));
        assert_eq!(read(" 29 ", "02", "2024"), Some("2024-02-29".to_owned()));
        for (day, month, year) in [
            ("29", "2", "2023"),
            ("0", "1", "1990"),
            ("1", "13", "1990"),
            ("24", "11", "2026"),
            ("1", "1", "1849"),
            ("", "", ""),
            ("x", "1", "1990"),
            ("1", "1", "90"),
        ] {
            assert_eq!(read(day, month, year), None, "{day} {month} {year}");
        }
    }
}
