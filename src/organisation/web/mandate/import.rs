//! A table of requests, pasted or as a file.

use actix_web::{FromRequest, HttpRequest, dev};
use askama::Template;
use futures_util::future::LocalBoxFuture;

use super::form::takes_mandates;
use super::{Answer, At, Head, authorities};
use crate::kernel::csv;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::{AuthorityId, ClientId};
use crate::organisation::mandate::import::{self, Known, LINES_MAX, LineProblem};
use crate::web::page::{Frame, Problems};
use crate::web::upload::{FILE_MAX_BYTES, File, Upload};

/// Of a table in which more is wrong people are told how much.
const SHOWN: usize = 50;

/// A table sent by a member, believed before anything is said of the organisation.
pub struct SentTable {
    at: At,
    upload: Upload,
}

impl FromRequest for SentTable {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (upload, request) = (Upload::from_request(request, payload), request.clone());
        Box::pin(async move {
            let upload = upload.await?;
            let at = At::from_request(&request, &mut dev::Payload::None).await?;
            Ok(Self { at, upload })
        })
    }
}

#[derive(Template)]
#[template(path = "mandate/import.html")]
struct ImportPage {
    f: Frame,
    o: Head,
    example: String,
    columns: String,
    file_hint: String,
    /// Identifiers that can stand in the column of services, and what they are called.
    services: Vec<(String, String)>,
    typed: String,
    lines: Vec<String>,
    /// So many more are wrong.
    more: Option<String>,
    problems: Problems,
}

fn page(at: &At, typed: &str, wrong: &[LineProblem], problems: Problems) -> ImportPage {
    let visitor = &at.caller.visitor;
    let f = visitor.frame();
    let m = &f.t.mandate;
    let line = |one: &LineProblem| {
        let words = visitor.problems(&[FieldProblem { field: "liste", problem: one.problem }]);
        let words = words.of("liste").map_or_else(String::new, |text| text.to_string());
        let named = if one.named.is_empty() { String::new() } else { format!(" ({})", one.named) };
        m.import_line.with("line", one.line).with("named", named).with("problem", words).to_string()
    };
    let head = import::HEADER.join(";");
    ImportPage {
        o: at.head(),
        example: format!(
            "{head}\nHRB;Mainz;778;;alle;lesen beantworten einreichen;31.12.2028\n;;;mandantin@example.org;alle;lesen;31.12.2028"
        ),
        columns: m.import_columns.with("lines", LINES_MAX).to_string(),
        file_hint: m.import_file_hint.with("size", FILE_MAX_BYTES / 1024).to_string(),
        services: {
            let approved = visitor.registry.approved();
            let services = approved
                .iter()
                .filter(|client| client.mandates)
                .map(|client| (client.id.to_string(), client.title(visitor.language)));
            let authority = |one: super::Authority| (format!("{}{}", import::AUTHORITY, one.id), one.label(m));
            authorities(visitor).into_iter().map(authority).chain(services).collect()
        },
        typed: typed.to_owned(),
        lines: wrong.iter().take(SHOWN).map(line).collect(),
        more: wrong.len().checked_sub(SHOWN + 1).map(|left| m.import_more.with("count", left + 1).to_string()),
        problems,
        f,
    }
}

pub async fn show(at: At) -> Answer {
    at.require()?;
    at.caller.visitor.page(&page(&at, "", &[], Problems::none()))
}

/// The table, wherever it stands.
fn table(upload: &Upload) -> Result<String, Error> {
    let pasted = upload.form.get("liste");
    match &upload.file {
        File::None => Ok(pasted.to_owned()),
        _ if !pasted.trim().is_empty() => Err(Error::field("datei", "mandate_import_two")),
        File::TooLong => Err(Error::field("datei", "mandate_import_size")),
        File::Read(file) => csv::decode(file).ok_or_else(|| Error::field("datei", "mandate_import_signs")),
    }
}

pub async fn submit(SentTable { at, upload }: SentTable) -> Answer {
    at.require()?;
    let visitor = &at.caller.visitor;
    let (app, registry) = (&visitor.app, &visitor.registry);
    if !upload.form.is("aktion", "anfragen") {
        return Err(Error::NotAllowed("no such choice"));
    }
    let typed = upload.form.get("liste");
    let text = match table(&upload) {
        Ok(text) => text,
        Err(Error::Invalid(problems)) => {
            return visitor.page_again(&page(&at, typed, &[], visitor.problems(&problems)));
        }
        Err(error) => return Err(error),
    };
    let known = authorities(visitor);
    let known = Known {
        is_service: &|client: &ClientId| takes_mandates(registry, client),
        is_authority: &|id: &AuthorityId| known.iter().any(|known| known.id == *id),
    };
    let sent = match import::read(&text, app.now(), known) {
        Ok(lines) => import::send(app, at.side(), &visitor.network(), &lines).await?,
        Err(problems) => Err(problems),
    };
    match sent {
        Ok(()) => visitor.leave(&format!("{}?erledigt=angefragt", at.base())),
        Err(wrong) => {
            let field = if matches!(upload.file, File::None) { "liste" } else { "datei" };
            let problems = visitor.problems(&[FieldProblem { field, problem: "mandate_import" }]);
            visitor.page_again(&page(&at, typed, &wrong, problems))
        }
    }
}
