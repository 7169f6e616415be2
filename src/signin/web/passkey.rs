//! Signing in with a passkey.

use actix_web::HttpResponse;
use actix_web::http::header;
use askama::Template;
use serde_json::json;

use crate::kernel::error::{Error, FieldProblem};
use crate::signin::passkey::{Attempt, Outcome, begin_sign_in, finish_sign_in};
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

type Answer = Result<HttpResponse, Error>;

#[derive(Template)]
#[template(path = "signin/passkey.html")]
struct PasskeyPage {
    f: Frame,
    /// Signed in, and about to do something that wants it once more.
    is_again: bool,
    problems: Problems,
}

fn passkey_page(visitor: &Visitor, problems: Problems) -> PasskeyPage {
    PasskeyPage { f: visitor.frame(), is_again: visitor.signs_in_again(), problems }
}

pub async fn show(visitor: Visitor) -> Answer {
    if visitor.leaving.is_some() {
        return visitor.go("/daten/rueckkehr");
    }
    visitor.with_script(visitor.page(&passkey_page(&visitor, Problems::none()))?)
}

/// What the browser is asked, for the script. It changes nothing, and only the browser that asks can use it.
pub async fn options(visitor: Visitor) -> Answer {
    let begun = begin_sign_in(&visitor.app, &visitor.browser_hash())?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(response.json(json!({ "aufgabe": begun.ceremony, "publicKey": begun.options })))
}

pub async fn submit(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let problem = match try_to_sign_in(&visitor, &device, &form, false).await? {
        Ok(Outcome::Begun(token)) => return visitor.begin_session(&visitor.onwards(), &token, &device),
        Ok(Outcome::Locked(account)) => return super::locked(&visitor, &account).await,
        Ok(Outcome::Refused) => "passkey_failed",
        Err(problem) => problem,
    };
    let problems = visitor.problems(&[FieldProblem { field: "passkey", problem }]);
    visitor.with_script(visitor.page_again(&passkey_page(&visitor, problems))?)
}

/// What came of the form of the script, or the problem that the browser had.
pub async fn try_to_sign_in(
    visitor: &Visitor,
    device: &CallerDevice,
    form: &Form,
    unblocks: bool,
) -> Result<Result<Outcome, &'static str>, Error> {
    if let Some(problem) = problem_of_browser(form) {
        return Ok(Err(problem));
    }
    let attempt = Attempt {
        ceremony: form.get("aufgabe"),
        answer: form.get("antwort"),
        browser: &visitor.browser_hash(),
        network: &visitor.network(),
        comer: visitor.comer(device),
        unblocks,
    };
    let outcome = finish_sign_in(&visitor.app, attempt).await?;
    let result = match &outcome {
        Outcome::Begun(_) => Some("begun"),
        Outcome::Refused => Some("refused"),
        // Counted where its page is made.
        Outcome::Locked(_) => None,
    };
    if let Some(result) = result {
        metrics::counter!("nutzerkonto_signins_total", "result" => result).increment(1);
    }
    Ok(Ok(outcome))
}

/// The name of the exception (Web Authentication Level 3, sections 5.1.3 and 5.1.4).
pub fn problem_of_browser(form: &Form) -> Option<&'static str> {
    match form.get("fehler") {
        "" => None,
        "NotAllowedError" | "AbortError" => Some("passkey_cancelled"),
        "InvalidStateError" => Some("passkey_known"),
        _ => Some("passkey_unsupported"),
    }
}
