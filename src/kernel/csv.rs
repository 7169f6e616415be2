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

/// Reads a table (RFC 4180) with this separator: the cells of each line, and the number of the line in which they begin. Empty lines
/// are left out. `Err` names the line of a quote that is not closed, or does not stand at the edge of its cell.
pub fn parse(text: &str, separator: char) -> Result<Vec<(usize, Vec<String>)>, usize> {
    let (mut rows, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began) = (1, 1);
    // Within quotes; a cell that had quotes takes nothing behind them.
    let (mut is_quoted, mut is_closed) = (false, false);
    let mut signs = text.chars().filter(|sign| *sign != '\r').chain(['\n']).peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if is_quoted && signs.peek() == Some(&'"') => {
                signs.next();
                cell.push('"');
            }
            '"' if is_quoted => (is_quoted, is_closed) = (false, true),
            '\n' if is_quoted && signs.peek().is_none() => return Err(began),
            sign if is_quoted => {
                line += usize::from(sign == '\n');
                cell.push(sign);
            }
            '"' if cell.is_empty() && !is_closed => is_quoted = true,
            sign if sign == separator || sign == '\n' => {
                cells.push(std::mem::take(&mut cell));
                is_closed = false;
                if sign == '\n' {
                    let row = std::mem::take(&mut cells);
                    if row.iter().any(|cell| !cell.trim().is_empty()) {
                        rows.push((began, row));
                    }
                    line += 1;
                    began = line;
                }
            }
            _ if is_closed || sign == '"' => return Err(began),
            sign => cell.push(sign),
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let cells = ["a;b", "sie sagte \"nein\"", "", "zwei\nZeilen"];
        let text = format!("x;y\r\n\r\n{}last;1", line(&cells));
        let rows = parse(&text, ';').unwrap();
        assert_eq!(rows[0], (1, vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(rows[1], (3, cells.map(str::to_owned).to_vec()));
        assert_eq!(rows[2], (5, vec!["last".to_owned(), "1".to_owned()]), "a cell had two lines");
        assert_eq!(parse("a,b", ',').unwrap()[0].1.len(), 2);
        assert!(parse("", ';').unwrap().is_empty());
        for (bad, line) in [("a;\"b", 1), ("a\n\"b\"c;d", 2), ("a;b\"c", 1), ("a\nb;\"", 2)] {
            assert_eq!(parse(bad, ';'), Err(line), "{bad}");
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
