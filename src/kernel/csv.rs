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

/// The text of a file as spreadsheets write it: UTF-8, with or without its mark, or else Windows-1252. `None` for what no table
/// contains: signs that are not shown, among them every second one of UTF-16.
pub fn decode(file: &[u8]) -> Option<String> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let text = match std::str::from_utf8(file) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(file).0.into_owned(),
    };
    let is_odd = |sign: char| sign.is_control() && !matches!(sign, '\t' | '\r' | '\n');
    (!text.chars().any(is_odd)).then_some(text)
}

/// How much of a table is read.
#[derive(Clone, Copy)]
pub struct Limits {
    pub lines: usize,
    pub columns: usize,
    /// Of one line, in characters.
    pub length: usize,
}

/// Why a table is not read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A quote is not closed, or does not stand at the edge of its cell.
    Quote,
    Columns,
    Length,
    Lines,
}

/// The number of a line, and its cells.
pub type Row = (usize, Vec<String>);

/// Reads a table (RFC 4180) with this separator: the cells of each line, and the number of the line in which they begin. Empty lines
/// are left out. `Err` names the line at which it stops.
pub fn parse(text: &str, separator: char, limits: Limits) -> Result<Vec<Row>, (usize, Fault)> {
    let (mut rows, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began, mut length) = (1, 1, 0);
    // Within quotes; a cell that had quotes takes nothing behind them.
    let (mut is_quoted, mut is_closed) = (false, false);
    let mut signs = text.chars().filter(|sign| *sign != '\r').chain(['\n']).peekable();
    while let Some(sign) = signs.next() {
        length += 1;
        if length > limits.length {
            return Err((began, Fault::Length));
        }
        match sign {
            '"' if is_quoted && signs.peek() == Some(&'"') => {
                signs.next();
                cell.push('"');
            }
            '"' if is_quoted => (is_quoted, is_closed) = (false, true),
            '\n' if is_quoted && signs.peek().is_none() => return Err((began, Fault::Quote)),
            sign if is_quoted => {
                line += usize::from(sign == '\n');
                cell.push(sign);
            }
            '"' if cell.is_empty() && !is_closed => is_quoted = true,
            sign if sign == separator || sign == '\n' => {
                cells.push(std::mem::take(&mut cell));
                is_closed = false;
                if cells.len() > limits.columns {
                    return Err((began, Fault::Columns));
                }
                if sign == '\n' {
                    let row = std::mem::take(&mut cells);
                    if row.iter().any(|cell| !cell.trim().is_empty()) {
                        rows.push((began, row));
                    }
                    if rows.len() > limits.lines {
                        return Err((began, Fault::Lines));
                    }
                    line += 1;
                    (began, length) = (line, 0);
                }
            }
            _ if is_closed || sign == '"' => return Err((began, Fault::Quote)),
            sign => cell.push(sign),
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { lines: 4, columns: 4, length: 100 };

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let cells = ["a;b", "sie sagte \"nein\"", "", "zwei\nZeilen"];
        let text = format!("x;y\r\n\r\n{}last;1", line(&cells));
        let rows = parse(&text, ';', LIMITS).unwrap();
        assert_eq!(rows[0], (1, vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(rows[1], (3, cells.map(str::to_owned).to_vec()));
        assert_eq!(rows[2], (5, vec!["last".to_owned(), "1".to_owned()]), "a cell had two lines");
        assert_eq!(parse("a,b", ',', LIMITS).unwrap()[0].1.len(), 2);
        assert!(parse("", ';', LIMITS).unwrap().is_empty());
        for (bad, line) in [("a;\"b", 1), ("a\n\"b\"c;d", 2), ("a;b\"c", 1), ("a\nb;\"", 2)] {
            assert_eq!(parse(bad, ';', LIMITS), Err((line, Fault::Quote)), "{bad}");
        }
    }

    #[test]
    fn a_table_that_grows_is_left() {
        let fault = |text: &str| parse(text, ';', LIMITS).unwrap_err();
        assert_eq!(fault(&format!("a\n{}", "b".repeat(101))), (2, Fault::Length));
        assert_eq!(fault(&format!("a\n\"{}", "b\n".repeat(60))), (2, Fault::Length), "a quote that nobody closes");
        assert_eq!(fault("a;b;c;d\n1;2;3;4;5"), (2, Fault::Columns));
        assert_eq!(fault("a\nb\nc\nd\ne"), (5, Fault::Lines));
    }

    #[test]
    fn a_file_is_read_as_spreadsheets_write_it() {
        for file in [&b"Gro\xc3\x9fe"[..], b"\xef\xbb\xbfGro\xc3\x9fe", b"Gro\xdfe"] {
            assert_eq!(decode(file).as_deref(), Some("Große"));
        }
        assert_eq!(decode(b"10 \x80").as_deref(), Some("10 €"));
        for odd in [&b"a\0b"[..], b"\xff\xfea\0;\0", b"a\x1b", b"a\x81"] {
            assert_eq!(decode(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn sec_w07_a_cell_is_never_a_formula() {
        let line = line(&["=1+1", "-2", "@SUM(A1)", "+49", "sie sagte \"nein\"; dann\nging sie", ""]);
        assert_eq!(
            line,
            "\"'=1+1\";\"'-2\";\"'@SUM(A1)\";\"'+49\";\"sie sagte \"\"nein\"\"; dann\nging sie\";\"\"\r\n"
        );
    }
}
