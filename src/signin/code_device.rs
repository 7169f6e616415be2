//! Devices that show one-time codes and do nothing else. The operator imports what their maker delivers and hands them out;
//! whoever has one in hand registers it with its serial number and a code.

use std::collections::HashMap;

use serde::Serialize;

use super::store;
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::one_time_code;
use crate::kernel::seal::Place;
use crate::kernel::secret::Secret;
use crate::store::db::Tx;
use crate::store::work::Actor;

/// Nobody hands out more from one file; everything is imported in one transaction.
const LINES_MAX: usize = 10_000;
const SERIAL_LENGTH: std::ops::RangeInclusive<usize> = 4..=40;

/// What the audit trail remembers of an import.
#[derive(Serialize)]
struct Imported {
    count: usize,
}

impl Event for Imported {
    fn kind(&self) -> &'static str {
        "code_devices.imported"
    }

    fn subject(&self) -> Option<String> {
        None
    }
}

/// A serial number as it is stored: capitals, digits and hyphens, without spaces. `None` if it is none.
pub fn normalise(typed: &str) -> Option<String> {
    let serial: String =
        typed.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let is_plain = serial.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_plain && SERIAL_LENGTH.contains(&serial.len())).then_some(serial)
}

fn place(serial: &str) -> Place<'_> {
    Place { table: "code_device", column: "secret", row: serial, version: 1 }
}

/// The secret of a device that nobody has registered yet.
pub async fn find(tx: &mut Tx, app: &AppParts, serial: &str) -> Result<Option<Secret<Vec<u8>>>, Error> {
    let sealed = store::find_code_device(tx, serial).await?;
    sealed.map(|sealed| app.vault.system.open(place(serial), &sealed).map_err(Error::broken)).transpose()
}

/// One line of the file.
type Line = (String, Secret<Vec<u8>>);

/// Reads `serial;BASE32`, one device a line; empty lines are skipped. What is wrong is said with the number of its line, and
/// without the secret.
fn parse(text: &str) -> Result<Vec<(usize, Line)>, String> {
    let (mut lines, mut known) = (Vec::new(), HashMap::new());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &str| format!("line {}: {what}", number + 1);
        let (serial, secret) = line.split_once(';').ok_or_else(|| wrong("a serial number, a semicolon, a secret"))?;
        let serial =
            normalise(serial).ok_or_else(|| wrong("the serial number has 4 to 40 letters, digits and hyphens"))?;
        let secret = one_time_code::decode(secret).ok_or_else(|| wrong("the secret is base32 of 16 to 64 bytes"))?;
        if let Some(other) = known.insert(serial.clone(), number + 1) {
            return Err(wrong(&format!("the serial number stands in line {other} already")));
        }
        if lines.len() == LINES_MAX {
            return Err(wrong(&format!("more than {LINES_MAX} devices in one file")));
        }
        lines.push((number, (serial, secret)));
    }
    if lines.is_empty() { Err("no device in the file".to_owned()) } else { Ok(lines) }
}

/// Imports a file, all of it or nothing; how many devices there were.
pub async fn import(app: &AppParts, operator: &str, text: &str) -> Result<usize, String> {
    let broken = |error: Error| error.to_string();
    let lines = parse(text)?;
    let mut work = app.begin(Actor::Operator(operator.to_owned())).await.map_err(broken)?;
    for (number, (serial, secret)) in &lines {
        let sealed = app.vault.system.seal(place(serial), secret.expose(), &work.random);
        let sealed = sealed.map_err(|error| error.to_string())?;
        if !store::insert_code_device(&mut work, serial, &sealed).await.map_err(|error| error.to_string())? {
            return Err(format!("line {}: the serial number has been imported before", number + 1));
        }
    }
    audit::record(&mut work, &Imported { count: lines.len() }).await.map_err(broken)?;
    work.commit().await.map_err(broken)?;
    Ok(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn serial_numbers_are_read_as_people_type_them() {
        assert_eq!(normalise(" a12 345-67 ").as_deref(), Some("A12345-67"));
        for wrong in ["", "abc", "ä1234", "A1234;", &"1".repeat(41)] {
            assert_eq!(normalise(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_by_line() {
        let good = parse(&format!("\u{feff}A-1001;{SECRET}\r\n\r\na-1002; {SECRET} \r\n")).unwrap();
        assert_eq!(good.iter().map(|(_, (serial, _))| serial.as_str()).collect::<Vec<_>>(), ["A-1001", "A-1002"]);
        for (text, expected) in [
            (String::new(), "no device"),
            (format!("A-1001;{SECRET}\nA-1002,{SECRET}"), "line 2: a serial number, a semicolon"),
            (format!("A-1001;{SECRET}\n\nA;{SECRET}"), "line 3: the serial number has"),
            (format!("A-1001;{SECRET}\nA-1002;ABC"), "line 2: the secret"),
            (
                format!("A-1001;{SECRET}\nA-1002;{SECRET}\na-1001;{SECRET}"),
                "line 3: the serial number stands in line 1",
            ),
        ] {
            let told = parse(&text).err().unwrap();
            assert!(told.contains(expected) && !told.contains(SECRET), "{told}");
        }
    }
}
