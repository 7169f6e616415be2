//! Which passwords are good enough: 12 to 128 characters, hard to guess, not known from a theft. No rules
//! about kinds of characters (NIST SP 800-63B-4 section 3.1.1.2).

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use aws_lc_rs::digest;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::{Score, zxcvbn};

use crate::kernel::error::Error;
use crate::kernel::secret::Secret;

pub const MINIMUM_CHARACTERS: usize = 12;
pub const MAXIMUM_CHARACTERS: usize = 128;
/// What an attacker tries first here; guessing these words costs nothing.
const CONTEXT: [&str; 12] = [
    "nutzerkonto",
    "konto",
    "rheinland",
    "pfalz",
    "mainz",
    "behoerde",
    "verwaltung",
    "buerger",
    "anmelden",
    "passwort",
    "hallo",
    "sommer",
];

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    TooShort,
    TooLong,
    Guessable,
    Known,
}

impl Verdict {
    /// The problem's name in the texts.
    pub const fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Good => None,
            Self::TooShort => Some("password_too_short"),
            Self::TooLong => Some("password_too_long"),
            Self::Guessable => Some("password_guessable"),
            Self::Known => Some("password_known"),
        }
    }
}

/// The one form in which a password is compared: Unicode form C. Nothing is trimmed or cut.
/// `None` if it is longer than any password here can be, so that no work is spent on it.
pub fn normalise(password: &str) -> Option<Secret<String>> {
    if password.len() > MAXIMUM_CHARACTERS * 4 {
        return None;
    }
    let composed: String = password.nfc().collect();
    (composed.chars().count() <= MAXIMUM_CHARACTERS).then(|| Secret::new(composed))
}

/// Judges a new password. `personal` are words that belong to the person: names, address.
pub fn judge(password: &Secret<String>, personal: &[&str], known: Option<&Path>) -> Result<Verdict, Error> {
    let characters = password.expose().chars().count();
    if characters < MINIMUM_CHARACTERS {
        return Ok(Verdict::TooShort);
    }
    if characters > MAXIMUM_CHARACTERS {
        return Ok(Verdict::TooLong);
    }
    let words: Vec<&str> = CONTEXT.iter().chain(personal).copied().collect();
    if zxcvbn(password.expose(), &words).score() < Score::Three {
        return Ok(Verdict::Guessable);
    }
    let Some(file) = known else { return Ok(Verdict::Good) };
    let found = is_listed(file, password).map_err(|error| Error::Broken(format!("known_passwords_file: {error}")))?;
    Ok(if found { Verdict::Known } else { Verdict::Good })
}

/// Binary search in a sorted file of `SHA1` or `SHA1:count` lines, without reading it into memory.
fn is_listed(path: &Path, password: &Secret<String>) -> io::Result<bool> {
    let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.expose().as_bytes());
    let wanted: String = sha1.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    let mut file = File::open(path)?;
    let (mut low, mut high) = (0, file.metadata()?.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let (start, line) = line_at(&mut file, middle)?;
        let hash = line.get(..40).unwrap_or(&line).to_ascii_uppercase();
        match hash.cmp(&wanted) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => low = start + line.len() as u64 + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    Ok(false)
}

/// The line around a position: where it starts, and its text without the line end.
fn line_at(file: &mut File, position: u64) -> io::Result<(u64, String)> {
    const SPAN: u64 = 64;
    let from = position.saturating_sub(SPAN);
    let mut buffer = vec![0; 2 * SPAN as usize];
    file.seek(SeekFrom::Start(from))?;
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    let here = (position - from) as usize;
    let start = buffer[..here].iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    let end = buffer[here..filled].iter().position(|byte| *byte == b'\n').map_or(filled, |place| here + place);
    Ok((from + start as u64, String::from_utf8_lossy(&buffer[start..end]).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn judge_plain(password: &str) -> Verdict {
        judge(&Secret::new(password.to_owned()), &["Renate", "renate@example.org"], None).unwrap()
    }

    #[test]
    fn sec_o10_length_and_guessability() {
        assert_eq!(judge_plain("Tq8#vLp2!xZ"), Verdict::TooShort);
        assert_eq!(judge_plain("Tq8#vLp2!xZk"), Verdict::Good);
        assert_eq!(judge_plain("wolke rabe tisch gondel"), Verdict::Good);
        assert_eq!(judge_plain(&"k".repeat(129)), Verdict::TooLong);
        for guessable in [
            "passwortpasswort",
            "123456789012",
            "qwertzuiopasdf",
            "Nutzerkonto2026",
            "aaaaaaaaaaaaaaaa",
            "Renate123456",
        ] {
            assert_eq!(judge_plain(guessable), Verdict::Guessable, "{guessable}");
        }
    }

    #[test]
    fn sec_o11_one_form_and_nothing_cut() {
        let form = |text: &str| normalise(text).unwrap().expose().clone();
        assert_eq!(form("mu\u{308}ller"), form("müller"));
        assert_eq!(form(" a\u{0}b "), " a\u{0}b ");
        assert!(normalise(&"a".repeat(513)).is_none() && normalise(&"a".repeat(129)).is_none());
        assert!(normalise(&"\u{1F600}".repeat(128)).is_some());
    }

    #[test]
    fn known_passwords_are_found_in_a_sorted_file() {
        let words: Vec<String> = (0..500).map(|number| format!("gestohlen-{number}-wolkenbruch")).collect();
        let sha1 = |word: &str| {
            let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, word.as_bytes());
            hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<String>()
        };
        for (suffix, end) in [(":12", "\r\n"), ("", "\n")] {
            let mut lines: Vec<String> = words.iter().map(|word| format!("{}{suffix}", sha1(word))).collect();
            lines.sort();
            let path = std::env::temp_dir().join(format!("known-{}-{}.txt", std::process::id(), suffix.len()));
            File::create(&path).unwrap().write_all((lines.join(end) + end).as_bytes()).unwrap();
            for word in &words {
                assert!(is_listed(&path, &Secret::new(word.clone())).unwrap(), "{word}");
            }
            assert!(!is_listed(&path, &Secret::new("nie gestohlen".to_owned())).unwrap());
            let verdict = judge(&Secret::new(words[7].clone()), &[], Some(&path)).unwrap();
            assert_eq!(verdict, Verdict::Known);
            std::fs::remove_file(path).unwrap();
        }
    }
}
