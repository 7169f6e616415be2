//! `/organisation/widerruf`: the management stops what somebody has registered in its name. Needs the code of its letter and
//! nothing else.

use askama::Template;

use super::Answer;
use crate::kernel::error::FieldProblem;
use crate::organisation::letter::revoke::{self, Revocable};
use crate::proofing::desk::grouped;
use crate::web::caller::Visitor;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

#[derive(Template)]
#[template(path = "organisation/revoke.html")]
struct RevokePage {
    f: Frame,
    code: String,
    /// What the code would stop: what is left is to confirm it.
    stops: Option<String>,
    stopped: bool,
    problems: Problems,
}

fn page(visitor: &Visitor, code: &str, problems: Problems) -> RevokePage {
    let code = code.chars().take(20).collect();
    let stopped = visitor.query() == "erledigt=1";
    RevokePage { f: visitor.frame(), code, stops: None, stopped, problems }
}

pub async fn show(visitor: Visitor) -> Answer {
    visitor.page(&page(&visitor, "", Problems::none()))
}

pub async fn submit(visitor: Visitor, form: Form) -> Answer {
    let (app, network, typed) = (&visitor.app, visitor.network(), form.get("code"));
    let problem = if typed.trim().is_empty() {
        "revocation_code_missing"
    } else if form.is("bestaetigen", "ja") {
        if revoke::revoke(app, typed, &network, &visitor.request_id).await? {
            return visitor.leave("/organisation/widerruf?erledigt=1");
        }
        "revocation_code_wrong"
    } else {
        match revoke::look(app, typed, &network).await? {
            Some(Revocable { name, code }) => {
                let page = page(&visitor, &grouped(&code), Problems::none());
                return visitor.page(&RevokePage { stops: Some(name), ..page });
            }
            None => "revocation_code_wrong",
        }
    };
    let problems = visitor.problems(&[FieldProblem { field: "code", problem }]);
    visitor.page_again(&page(&visitor, typed, problems))
}
