//! A table of requests.

use askama::Template;

use super::form::takes_mandates;
use super::{Answer, At, Head, Sent};
use crate::kernel::error::{Error, FieldProblem};
use crate::organisation::mandate::import::{self, LineProblem};
use crate::web::page::{Frame, Problems};

#[derive(Template)]
#[template(path = "mandate/import.html")]
struct ImportPage {
    f: Frame,
    o: Head,
    example: String,
    /// Identifiers that can stand in the column of services, and what they are called.
    services: Vec<(String, String)>,
    typed: String,
    lines: Vec<String>,
    problems: Problems,
}

fn page(at: &At, typed: &str, wrong: &[LineProblem]) -> ImportPage {
    let visitor = &at.caller.visitor;
    let f = visitor.frame();
    let m = &f.t.mandate;
    let line = |one: &LineProblem| {
        let words = visitor.problems(&[FieldProblem { field: "liste", problem: one.problem }]);
        let words = words.of("liste").map_or_else(String::new, |text| text.to_string());
        let named = if one.named.is_empty() { String::new() } else { format!(" ({})", one.named) };
        m.import_line.with("line", one.line).with("named", named).with("problem", words).to_string()
    };
    let several = [FieldProblem { field: "liste", problem: "mandate_import" }];
    let head = import::HEADER.join(";");
    ImportPage {
        o: at.head(),
        example: format!(
            "{head}\nHRB;Mainz;778;;alle;lesen beantworten einreichen;31.12.2028\n;;;mandantin@example.org;alle;lesen;31.12.2028"
        ),
        services: {
            let approved = visitor.registry.approved();
            approved
                .iter()
                .filter(|client| client.mandates)
                .map(|client| (client.id.to_string(), client.title(visitor.language)))
                .collect()
        },
        typed: typed.to_owned(),
        lines: wrong.iter().map(line).collect(),
        problems: if wrong.is_empty() { Problems::none() } else { visitor.problems(&several) },
        f,
    }
}

pub async fn show(at: At) -> Answer {
    at.require()?;
    at.caller.visitor.page(&page(&at, "", &[]))
}

pub async fn submit(Sent { at, form }: Sent) -> Answer {
    at.require()?;
    let visitor = &at.caller.visitor;
    let (app, text, registry) = (&visitor.app, form.get("liste"), &visitor.registry);
    if !form.is("aktion", "anfragen") {
        return Err(Error::NotAllowed("no such choice"));
    }
    let is_service = |client: &_| takes_mandates(registry, client);
    let sent = match import::read(text, app.now(), is_service) {
        Ok(lines) => import::send(app, at.side(), &visitor.network(), &lines).await?,
        Err(problems) => Err(problems),
    };
    match sent {
        Ok(()) => visitor.leave(&format!("{}?erledigt=angefragt", at.base())),
        Err(problems) => visitor.page_again(&page(&at, text, &problems)),
    }
}
