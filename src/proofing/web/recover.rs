//! The desk's pages where somebody wants back in: whether the document says what is proven, and the code that goes with them.

use actix_web::web;
use askama::Template;

use super::check::{carried, found, overtaken};
use super::{Answer, AtDesk};
use crate::kernel::error::Error;
use crate::kernel::texts::{Texts, moment};
use crate::proofing::desk::check::{Check, document_label};
use crate::proofing::desk::grouped;
use crate::proofing::desk::look::Look;
use crate::proofing::desk::recover::{Comparison, Recovered, Verdict, compare as compare_with, confirm};
use crate::web::form::Form;
use crate::web::page::{Frame, attribute_label};

struct Row {
    label: String,
    verdict: String,
    is_same: bool,
}

#[derive(Template)]
#[template(path = "proofing/recover.html")]
struct RecoverPage {
    f: Frame,
    id: String,
    document: String,
    rows: Vec<Row>,
    is_second: bool,
    comparison: Comparison,
    carried: Vec<(&'static str, String)>,
}

fn words(t: &Texts, verdict: Verdict) -> String {
    let t = &t.desk_recovery;
    match verdict {
        Verdict::Same => &t.verdict_same,
        Verdict::Differs => &t.verdict_differs,
        Verdict::Missing => &t.verdict_missing,
    }
    .to_string()
}

/// The comparison in words. What the account says is not shown: anybody gets a slip for anybody's address.
pub(super) fn page(at: &AtDesk, found: &Look, (check, comparison): (&Check, Comparison), form: &Form) -> Answer {
    let visitor = &at.caller.visitor;
    let (f, is_second) = (visitor.frame(), found.first.is_some());
    let row = |(name, verdict): &(_, Verdict)| Row {
        label: attribute_label(f.t, *name),
        verdict: words(f.t, *verdict),
        is_same: *verdict == Verdict::Same,
    };
    visitor.page(&RecoverPage {
        id: found.path_id(),
        document: document_label(f.t, check.document.kind).to_string(),
        rows: comparison.verdicts.iter().map(row).collect(),
        is_second,
        carried: if is_second { Vec::new() } else { carried(form) },
        comparison,
        f,
    })
}

pub(super) async fn compare(at: &AtDesk, found: &Look, check: &Check, form: &Form) -> Answer {
    let visitor = &at.caller.visitor;
    let comparison = compare_with(&visitor.app, &at.officer, found, (check, &visitor.network())).await?;
    page(at, found, (check, comparison), form)
}

#[derive(Template)]
#[template(path = "proofing/released.html")]
struct ReleasedPage {
    f: Frame,
    office: String,
    /// Shown once.
    code: Option<(String, String)>,
    /// Where it is typed.
    address: String,
}

/// To print and to hand over. The code is on it where the account has just been released, and never again.
pub(super) fn released(at: &AtDesk, found: &Look, code: Option<(String, String)>) -> Answer {
    let visitor = &at.caller.visitor;
    let office = found.office.name(visitor.language).to_owned();
    let address = format!("{}/wieder-anmelden/amt", visitor.app.config.issuer);
    visitor.page(&ReleasedPage { f: visitor.frame(), office, code, address })
}

pub(super) async fn submit(at: AtDesk, id: web::Path<String>, before: &Look, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    let check = match &before.first {
        Some(check) => check.clone(),
        None => Check::read(|name| form.get(name), visitor.app.now())?,
    };
    match confirm(&visitor.app, &at.officer, &id, (&check, &visitor.network())).await {
        Ok(Recovered::Released(code, until)) => {
            let until = moment::date_and_clock(visitor.language, until);
            released(&at, before, Some((grouped(code.expose()), until)))
        }
        Ok(Recovered::WaitsForSecond) => visitor.leave("/amt?erledigt=zweite"),
        Err(Error::Conflict("attributes")) if before.first.is_none() => overtaken(&at, &found(&at, &id).await?, form),
        Err(error) => Err(error),
    }
}
