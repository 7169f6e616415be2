//! Tables for spreadsheets.

/// One line of a CSV file (RFC 4180), with semicolons, as German spreadsheets expect. What a spreadsheet would take for a
/// formula is made text.
pub fn line(cells: &[&str]) -> String {
    let cell = |text: &&str| {
        let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(";") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_w07_a_cell_is_never_a_formula() {
        let line = line(&["=1+1", "-2", "@SUM(A1)", "+49", "sie sagte \"nein\"; dann\nging sie", ""]);
        assert_eq!(
            line,
            "\"'=1+1\";\"'-2\";\"'@SUM(A1)\";\"'+49\";\"sie sagte \"\"nein\"\"; dann\nging sie\";\"\"\r\n"
        );
    }
}
