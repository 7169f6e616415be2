//! German and English. `build.rs` makes one struct of the two files of `templates/texts`, and a constant of it for each language: a
//! text that does not exist, or lacks its translation, does not compile, and nothing is read when the program starts.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "TEXT", rename_all = "lowercase")]
pub enum Language {
    #[default]
    De,
    En,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::De, Language::En];

    /// The BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
        }
    }

    /// The language of one BCP 47 tag such as `en-GB`, if it is one of ours.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    pub fn texts(self) -> &'static Texts {
        match self {
            Self::De => &GERMAN,
            Self::En => &ENGLISH,
        }
    }
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    pub de: String,
    pub en: String,
}

impl Bilingual {
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::De => &self.de,
            Language::En => &self.en,
        }
    }
}

/// One text. May have places in braces, as in `Code an {email} geschickt`.
#[derive(Clone, Debug)]
pub struct Text(Cow<'static, str>);

impl Text {
    /// The text with one of its places filled.
    pub fn with(&self, place: &str, value: impl fmt::Display) -> Text {
        Text(Cow::Owned(self.0.replace(&format!("{{{place}}}"), &value.to_string())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Neither a control character nor one that turns the direction of what follows, or hides: with them a text shows something else than
/// it says.
pub fn is_sound(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// How both languages write dates and times of day, always in German legal time.
pub mod moment {
    use super::Language;
    use crate::kernel::time::Timestamp;

    /// `23. November 2026` or `23 November 2026`.
    pub fn date(language: Language, at: Timestamp) -> String {
        let local = at.in_germany();
        let month = language.texts().moment.months.as_str().split(' ').nth(usize::from(u8::from(local.month())) - 1);
        let dot = if language == Language::De { "." } else { "" };
        format!("{}{dot} {} {}", local.day(), month.unwrap_or_default(), local.year())
    }

    /// `14:32`, to which the texts add their "Uhr".
    pub fn clock(at: Timestamp) -> String {
        let local = at.in_germany();
        format!("{:02}:{:02}", local.hour(), local.minute())
    }

    pub fn date_and_clock(language: Language, at: Timestamp) -> String {
        let pattern = &language.texts().moment.date_and_clock;
        pattern.with("date", date(language, at)).with("clock", clock(at)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::Timestamp;

    /// What one language lacks is no program; the places in braces must agree as well.
    #[test]
    fn both_languages_say_the_same_things() {
        let places = |language: Language| {
            let source = match language {
                Language::De => include_str!("../../templates/texts/de.toml"),
                Language::En => include_str!("../../templates/texts/en.toml"),
            };
            let table: toml::Table = toml::from_str(source).unwrap();
            let mut found = Vec::new();
            for (section, texts) in &table {
                for (key, text) in texts.as_table().unwrap() {
                    let mut names: Vec<_> =
                        text.as_str().unwrap().split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
                    names.sort_unstable();
                    names.dedup();
                    found.push(format!("{section}.{key}: {names:?}"));
                }
            }
            found.sort();
            found
        };
        assert_eq!(Language::De.texts().moment.months.as_str().split(' ').count(), 12);
        assert_eq!(Language::En.texts().moment.months.as_str().split(' ').count(), 12);
        assert_eq!(places(Language::De), places(Language::En));
    }

    #[test]
    fn dates_are_written_out() {
        let at = Timestamp::from_seconds(1_795_424_520);
        assert_eq!(moment::date_and_clock(Language::De, at), "23. November 2026, 10:02 Uhr");
        assert_eq!(moment::date_and_clock(Language::En, at), "23 November 2026, 10:02");
    }

    #[test]
    fn tags_choose_a_language() {
        assert_eq!(Language::from_tag("en-GB"), Some(Language::En));
        assert_eq!(Language::from_tag("DE"), Some(Language::De));
        assert_eq!(Language::from_tag("fr"), None);
    }
}
