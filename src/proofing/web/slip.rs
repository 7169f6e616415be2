//! The way back in over a registration desk, for whoever cannot sign in: asking for a slip, the slip, and the code from the desk.

use askama::Template;

use super::Answer;
use crate::kernel::error::Error;
use crate::kernel::texts::moment;
use crate::proofing::desk::{grouped, slip};
use crate::signin::recovery::release;
use crate::web::caller::Visitor;
use crate::web::desk::{Offices, offices_meant};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};
use crate::web::qr::Qr;

#[derive(Template)]
#[template(path = "proofing/slip_ask.html")]
struct AskPage {
    f: Frame,
    email: String,
    offices: Offices,
    problems: Problems,
}

async fn ask_page(visitor: &Visitor, email: &str, problems: Problems) -> Result<AskPage, Error> {
    let offices = offices_meant(visitor).await?;
    Ok(AskPage { f: visitor.frame(), email: email.to_owned(), offices, problems })
}

pub async fn ask(visitor: Visitor) -> Answer {
    visitor.page(&ask_page(&visitor, "", Problems::none()).await?)
}

pub async fn submit_ask(visitor: Visitor, form: Form) -> Answer {
    let (browser, network, email) = (visitor.browser_hash(), visitor.network(), form.get("email"));
    let asked = if email.trim().is_empty() {
        Err(Error::field("email", "email_missing"))
    } else {
        slip::ask(&visitor.app, visitor.applicant(&browser, &network), email).await
    };
    match asked {
        Ok(()) => visitor.go("/wieder-anmelden/amt/vorgang"),
        Err(Error::Invalid(problems)) => {
            visitor.page_again(&ask_page(&visitor, email, visitor.problems(&problems)).await?)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "proofing/slip.html")]
struct SlipPage {
    f: Frame,
    code: String,
    qr: Qr,
    until: String,
    printed: String,
}

pub async fn show(visitor: Visitor) -> Answer {
    let app = &visitor.app;
    let found = slip::find(&mut app.read().await?, app, &visitor.browser_hash()).await?;
    let Some(slip) = found else { return visitor.go("/wieder-anmelden/amt") };
    let (code, qr) = (grouped(&slip.code), Qr::of(&slip.code)?);
    let until = moment::date(visitor.language, slip.expires_at);
    let printed = moment::date_and_clock(visitor.language, app.now());
    visitor.page(&SlipPage { f: visitor.frame(), code, qr, until, printed })
}

#[derive(Template)]
#[template(path = "proofing/slip_release.html")]
struct ReleasePage {
    f: Frame,
    problems: Problems,
}

pub async fn release(visitor: Visitor) -> Answer {
    visitor.page(&ReleasePage { f: visitor.frame(), problems: Problems::none() })
}

pub async fn submit_release(visitor: Visitor, form: Form) -> Answer {
    let (browser, network, typed) = (visitor.browser_hash(), visitor.network(), form.get("code"));
    let redeemed = if typed.trim().is_empty() {
        Err(Error::field("code", "release_code_missing"))
    } else {
        release::redeem(&visitor.app, visitor.applicant(&browser, &network), typed).await
    };
    match redeemed {
        Ok(()) => visitor.go("/wieder-anmelden/passwort"),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&ReleasePage { f: visitor.frame(), problems })
        }
        Err(error) => Err(error),
    }
}
