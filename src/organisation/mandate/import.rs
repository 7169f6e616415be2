//! Asking many for a mandate at once, from a table. Every line is read and checked before anything is sent; if one is wrong,
//! nothing is.

use std::collections::BTreeSet;

use super::super::store::state;
use super::open::{self, What};
use super::party::{Named, Side};
use super::{Action, ORGANISATION_OPEN_MAX, Scope, Services, Terms};
use crate::app::AppParts;
use crate::kernel::calendar::{end_of, typed_day};
use crate::kernel::csv::{self, Fault, Limits};
use crate::kernel::error::Error;
use crate::kernel::id::{AuthorityId, ClientId};
use crate::kernel::time::Timestamp;
use crate::signin::attempts::{self, Network, Purpose};

/// The first line. The names are the same in every language, so that a table is the same for everybody.
pub const HEADER: [&str; 7] = ["register", "gericht", "nummer", "email", "dienste", "handlungen", "bis"];
/// More cannot be open at a time.
pub const LINES_MAX: usize = ORGANISATION_OPEN_MAX as usize;
/// What begins the identifier of an authority in the column of services.
pub const AUTHORITY: &str = "behoerde:";
/// With the header. Where a few columns are too many the line is told with the others.
const LIMITS: Limits = Limits { lines: LINES_MAX + 1, columns: 20, length: 4000 };

/// What can stand in the column of services.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub is_service: &'a dyn Fn(&ClientId) -> bool,
    pub is_authority: &'a dyn Fn(&AuthorityId) -> bool,
}

/// What is wrong in a line, counted from 1; the header is the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineProblem {
    pub line: usize,
    pub named: String,
    pub problem: &'static str,
}

/// A request, and the line in which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub line: usize,
    pub named: Named,
    pub terms: Terms,
}

/// Reads a table, separated by semicolons or commas.
pub fn read(text: &str, now: Timestamp, known: Known<'_>) -> Result<Vec<Line>, Vec<LineProblem>> {
    let whole = |line, problem| vec![LineProblem { line, named: String::new(), problem }];
    let text = text.trim_start_matches('\u{feff}').trim();
    let separator = if text.lines().next().is_some_and(|line| line.contains(';')) { ';' } else { ',' };
    let rows = csv::parse(text, separator, LIMITS).map_err(|(line, fault)| whole(line, problem_of(fault)))?;
    let Some(((_, header), rows)) = rows.split_first() else { return Err(whole(1, "mandate_import_header")) };
    if !header.iter().map(|cell| cell.trim().to_lowercase()).eq(HEADER) {
        return Err(whole(1, "mandate_import_header"));
    }
    if rows.is_empty() {
        return Err(whole(2, "mandate_import_lines"));
    }
    let (mut lines, mut problems, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (line, cells) in rows {
        match read_line(cells, now, known) {
            Ok((named, _)) if !seen.insert(named.to_string().to_lowercase()) => {
                problems.push(LineProblem { line: *line, named: named.to_string(), problem: "mandate_import_twice" });
            }
            Ok((named, terms)) => lines.push(Line { line: *line, named, terms }),
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| LineProblem {
                    line: *line,
                    named: String::new(),
                    problem,
                }));
            }
        }
    }
    if problems.is_empty() { Ok(lines) } else { Err(problems) }
}

const fn problem_of(fault: Fault) -> &'static str {
    match fault {
        Fault::Quote => "mandate_import_quotes",
        Fault::Columns => "mandate_import_columns",
        Fault::Length => "mandate_import_length",
        Fault::Lines => "mandate_import_lines",
    }
}

fn read_line(cells: &[String], now: Timestamp, known: Known<'_>) -> Result<(Named, Terms), Vec<&'static str>> {
    let Ok([register, court, number, email, services, actions, until]) = <&[String; 7]>::try_from(cells) else {
        return Err(vec!["mandate_import_columns"]);
    };
    // What a spreadsheet would take for a formula is none of these.
    if cells.iter().any(|cell| cell.trim_start().starts_with(['=', '+', '-', '@'])) {
        return Err(vec!["mandate_import_formula"]);
    }
    let way = if email.trim().is_empty() { "register" } else { "email" };
    let named = Named::read(|field| {
        match field {
            "art" => way,
            "register" => register.trim(),
            "registergericht" => court,
            "nummer" => number,
            "email" => email.trim(),
            _ => "",
        }
        .to_owned()
    });
    let mut problems = Vec::new();
    let named = named.map_err(|error| problems.extend(problems_of(&error))).ok();
    if way == "email" && [register, court, number].iter().any(|cell| !cell.trim().is_empty()) {
        problems.push("mandate_import_both");
    }
    let terms = read_terms([services, actions, until], now, known);
    let terms = terms.map_err(|problem| problems.push(problem)).ok();
    match named.zip(terms) {
        Some(line) if problems.is_empty() => Ok(line),
        _ => Err(problems),
    }
}

fn problems_of(error: &Error) -> Vec<&'static str> {
    match error {
        Error::Invalid(problems) => problems.iter().map(|one| one.problem).collect(),
        _ => vec!["choice_unknown"],
    }
}

fn read_terms(
    [services, actions, until]: [&String; 3],
    now: Timestamp,
    known: Known<'_>,
) -> Result<Terms, &'static str> {
    let services = read_services(services, known).ok_or("mandate_import_service")?;
    let action = |name: &str| Action::ALL.into_iter().find(|action| action.name() == name);
    let actions: Option<BTreeSet<Action>> = actions.split_whitespace().map(action).collect();
    let actions = actions.ok_or("mandate_actions")?;
    let parts: Vec<&str> = until.trim().split('.').collect();
    let day = <[&str; 3]>::try_from(parts).ok().and_then(typed_day).ok_or("date_format")?;
    Ok(Terms { scope: Scope { actions, services }, from: now, until: end_of(day), may_pass_on: false })
}

/// `alle`, or identifiers of services and of authorities.
fn read_services(text: &str, known: Known<'_>) -> Option<Services> {
    if text.trim() == "alle" {
        return Some(Services::All);
    }
    let (mut authorities, mut services) = (BTreeSet::new(), BTreeSet::new());
    for word in text.split_whitespace() {
        match word.strip_prefix(AUTHORITY) {
            Some(id) => authorities.insert(AuthorityId(id.to_owned())),
            None => services.insert(ClientId(word.to_owned())),
        };
    }
    let is_known = services.iter().all(known.is_service) && authorities.iter().all(known.is_authority);
    let is_empty = services.is_empty() && authorities.is_empty();
    (is_known && !is_empty).then(|| Services::chosen(authorities, services))
}

/// Sends them all, or says what is wrong and sends nothing. Whether an organisation of a register has an account is told, as when
/// one registers it; each table counts as one such question.
pub async fn send(
    app: &AppParts,
    side: Side<'_>,
    network: &Network,
    lines: &[Line],
) -> Result<Result<(), Vec<LineProblem>>, Error> {
    let counters = attempts::of_try(app, Purpose::OrganisationLookup, side.account().as_str(), network, None);
    attempts::count_at_once(app, counters).await?;
    let problem = |line: &Line, problem| LineProblem { line: line.line, named: line.named.to_string(), problem };
    let mut begun = side.begin_binding(app).await?;
    let mut problems = Vec::new();
    for line in lines {
        if let Named::Entry(entry) = &line.named {
            let index = (Some(entry.index(&app.vault)), None);
            if state::find_taken(&mut begun.work.tx, index, "").await?.is_none() {
                problems.push(problem(line, "mandate_import_unknown"));
            }
        }
    }
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    for line in lines {
        match open::put(app, &mut begun, What::Ask, (&line.named, &line.terms)).await {
            Ok(_) => {}
            Err(error @ Error::Invalid(_)) => {
                return Ok(Err(problems_of(&error).into_iter().map(|one| problem(line, one)).collect()));
            }
            Err(error) => return Err(error),
        }
    }
    begun.work.commit().await?;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_424_520);
    const TOP: &str = "register;gericht;nummer;email;dienste;handlungen;bis\n";

    const KNOWN: Known<'_> =
        Known { is_service: &|client| client.0 == "parken", is_authority: &|authority| authority.0 == "07315" };

    fn problems(text: &str) -> Vec<(usize, &'static str)> {
        let read = read(text, NOW, KNOWN);
        read.err().unwrap_or_default().into_iter().map(|one| (one.line, one.problem)).collect()
    }

    #[test]
    fn a_table_is_read_line_by_line() {
        let table = format!(
            "\u{feff}{TOP}HRB;Amtsgericht Mainz;778;;alle;lesen beantworten einreichen;31.12.2027\r\n\
             ;;;\"a@example.org\";parken;lesen;1.2.2027\n"
        );
        let lines = read(&table, NOW, KNOWN).unwrap();
        assert_eq!(
            lines.iter().map(|line| line.named.to_string()).collect::<Vec<_>>(),
            ["HRB 778, Mainz", "a@example.org"]
        );
        assert_eq!((lines[0].line, lines[1].line), (2, 3));
        assert_eq!(lines[0].terms.scope.services, Services::All);
        assert_eq!(lines[1].terms.scope.actions, [Action::Read].into());
        let authority = format!("{TOP};;;a@example.org;parken behoerde:07315;lesen;1.2.2027\n");
        let services = Services::chosen([AuthorityId("07315".into())].into(), [ClientId("parken".into())].into());
        assert_eq!(read(&authority, NOW, KNOWN).unwrap()[0].terms.scope.services, services);
        let commas = table.replace(';', ",");
        assert_eq!(read(&commas, NOW, KNOWN).unwrap(), lines);
    }

    #[test]
    fn every_problem_stands_at_its_line() {
        let good = ";;;a@example.org;alle;lesen;31.12.2027\n";
        for (rest, problem) in [
            (";;;b@example.org;alle;lesen\n", "mandate_import_columns"),
            (";;;=cmd();alle;lesen;31.12.2027\n", "mandate_import_formula"),
            (";;;@b;alle;lesen;31.12.2027\n", "mandate_import_formula"),
            (";;;nobody;alle;lesen;31.12.2027\n", "email_format"),
            ("HRX;Mainz;7;;alle;lesen;31.12.2027\n", "organisation_register"),
            ("HRB;Mainz;7;b@example.org;alle;lesen;31.12.2027\n", "mandate_import_both"),
            (";;;b@example.org;bau;lesen;31.12.2027\n", "mandate_import_service"),
            (";;;b@example.org;;lesen;31.12.2027\n", "mandate_import_service"),
            (";;;b@example.org;behoerde:07316;lesen;31.12.2027\n", "mandate_import_service"),
            (";;;b@example.org;behoerde: 07315;lesen;31.12.2027\n", "mandate_import_service"),
            (";;;b@example.org;07315;lesen;31.12.2027\n", "mandate_import_service"),
            (";;;b@example.org;alle;alles;31.12.2027\n", "mandate_actions"),
            (";;;b@example.org;alle;lesen;31.2.2027\n", "date_format"),
            (";;;b@example.org;alle;lesen;2027\n", "date_format"),
            (";;;A@example.org;alle;lesen;31.12.2027\n", "mandate_import_twice"),
        ] {
            assert_eq!(problems(&format!("{TOP}{good}{rest}")), [(3, problem)], "{rest}");
        }
        assert_eq!(problems(""), [(1, "mandate_import_header")]);
        assert_eq!(problems("name;email\n"), [(1, "mandate_import_header")]);
        assert_eq!(problems(TOP), [(2, "mandate_import_lines")]);
        let many = |count: usize| problems(&format!("{TOP}{}", good.repeat(count)));
        assert_eq!(many(LINES_MAX).len(), LINES_MAX - 1, "each but the first stands there already");
        assert_eq!(many(LINES_MAX + 90), [(LINES_MAX + 2, "mandate_import_lines")]);
        assert_eq!(problems(&format!("{TOP};;;\"a@example.org;alle")), [(2, "mandate_import_quotes")]);
        assert_eq!(problems(&format!("{TOP}{}", ";".repeat(90))), [(2, "mandate_import_columns")]);
        assert_eq!(problems(&format!("{TOP}{good}{}", "x".repeat(5000))), [(3, "mandate_import_length")]);
        assert_eq!(problems(&";".repeat(200_000)), [(1, "mandate_import_columns")]);
    }
}
