//! Days as a file that calendars read (RFC 5545).

use time::Date;

use crate::kernel::time::Timestamp;

/// One day, the whole of it, with an alarm the day before.
pub struct Entry<'a> {
    pub uid: String,
    pub day: Date,
    pub title: &'a str,
    pub text: &'a str,
}

/// Of whom the names of entries speak.
pub fn host(issuer: &str) -> String {
    let host = url::Url::parse(issuer).ok().and_then(|issuer| issuer.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "localhost".to_owned())
}

pub fn file(entries: &[Entry<'_>], now: Timestamp) -> String {
    let mut out = String::new();
    let mut line = |text: &str| out.push_str(&folded(text));
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//Nutzerkonto//Postfach//DE");
    line("CALSCALE:GREGORIAN");
    line("METHOD:PUBLISH");
    for Entry { uid, day, title, text } in entries {
        line("BEGIN:VEVENT");
        line(&format!("UID:{uid}"));
        line(&format!("DTSTAMP:{}", utc(now)));
        line(&format!("DTSTART;VALUE=DATE:{}", plain(*day)));
        // The end is not part of it (section 3.6.1).
        line(&format!("DTEND;VALUE=DATE:{}", plain(day.saturating_add(time::Duration::DAY))));
        line(&format!("SUMMARY:{}", escaped(title)));
        line(&format!("DESCRIPTION:{}", escaped(text)));
        line("CLASS:PRIVATE");
        line("TRANSP:TRANSPARENT");
        line("BEGIN:VALARM");
        line("ACTION:DISPLAY");
        line(&format!("DESCRIPTION:{}", escaped(title)));
        line("TRIGGER:-P1D");
        line("END:VALARM");
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    out
}

fn plain(day: Date) -> String {
    format!("{:04}{:02}{:02}", day.year(), u8::from(day.month()), day.day())
}

fn utc(at: Timestamp) -> String {
    let at = at.in_germany().to_offset(time::UtcOffset::UTC);
    format!("{}T{:02}{:02}{:02}Z", plain(at.date()), at.hour(), at.minute(), at.second())
}

/// Section 3.3.11.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n")
}

/// At most 75 octets a line, and no letter cut in two (section 3.1).
fn folded(text: &str) -> String {
    let (mut out, mut length) = (String::new(), 0);
    for letter in text.chars() {
        if length + letter.len_utf8() > 75 {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(letter);
        length += letter.len_utf8();
    }
    out + "\r\n"
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_day_is_a_whole_one_and_lines_are_short() {
        let text = "ä".repeat(100) + ", ; \\";
        let entry = Entry { uid: "x@y".to_owned(), day: date!(2026 - 12 - 31), title: "Frist", text: &text };
        let file = file(&[entry], Timestamp::from_seconds(1_795_424_520));
        assert!(file.contains("DTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270101\r\n"), "{file}");
        assert!(file.contains("DTSTAMP:20261123T090200Z\r\n") && file.contains("\\, \\; \\\\"), "{file}");
        assert!(file.split("\r\n").all(|line| line.len() <= 75), "{file}");
        assert_eq!(file.replace("\r\n ", "").matches('ä').count(), 100);
    }
}
