//! Pages of a forgotten password.

use askama::Template;

use super::{Answer, shows_field};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::moment;
use crate::signin::code::{self, Redeemed};
use crate::signin::reset::{self, Reset, Stage};
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

async fn at(visitor: &Visitor, stage: Stage) -> Result<Option<Reset>, Error> {
    let mut tx = visitor.app.read().await?;
    let found = reset::find(&mut tx, &visitor.app.vault, &visitor.browser_hash(), visitor.app.now()).await?;
    Ok(found.filter(|reset| reset.stage >= stage))
}

#[derive(Template)]
#[template(path = "reset/email.html")]
struct EmailPage {
    f: Frame,
    email: String,
    problems: Problems,
}

pub async fn email(visitor: Visitor) -> Answer {
    visitor.page(&EmailPage { f: visitor.frame(), email: String::new(), problems: Problems::none() })
}

pub async fn submit_email(visitor: Visitor, form: Form) -> Answer {
    let (browser, network, email) = (visitor.browser_hash(), visitor.network(), form.get("email"));
    let started = if email.trim().is_empty() {
        Err(Error::field("email", "email_missing"))
    } else {
        reset::start(&visitor.app, visitor.applicant(&browser, &network), email).await
    };
    match started {
        Ok(()) => visitor.go("/wieder-anmelden/code"),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&EmailPage { f: visitor.frame(), email: email.to_owned(), problems })
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "reset/code.html")]
struct CodePage {
    f: Frame,
    email: String,
    until: String,
    problems: Problems,
}

async fn code_page(visitor: &Visitor, reset: &Reset, problems: Problems) -> Result<CodePage, Error> {
    let mut tx = visitor.app.read().await?;
    let until = code::expiry(&mut tx, code::Purpose::PasswordReset, &visitor.browser_hash()).await?;
    let until = moment::clock(until.unwrap_or_else(|| visitor.app.now()));
    Ok(CodePage { f: visitor.frame(), email: reset.email.masked(), until, problems })
}

pub async fn code(visitor: Visitor) -> Answer {
    match at(&visitor, Stage::CodeSent).await? {
        None => visitor.go("/wieder-anmelden"),
        Some(reset) if reset.stage == Stage::CodeSent => {
            visitor.page(&code_page(&visitor, &reset, Problems::none()).await?)
        }
        Some(_) => visitor.go("/wieder-anmelden/passwort"),
    }
}

pub async fn submit_code(visitor: Visitor, form: Form) -> Answer {
    let typed = form.get("code");
    let problem = if typed.trim().is_empty() {
        "code_missing"
    } else if reset::confirm_code(&visitor.app, &visitor.browser_hash(), &visitor.network(), typed).await?
        == Redeemed::Right
    {
        return visitor.go("/wieder-anmelden/passwort");
    } else {
        "code_wrong"
    };
    let reset = at(&visitor, Stage::CodeSent).await?.ok_or(Error::Conflict("reset_step"))?;
    let problems = visitor.problems(&[FieldProblem { field: "code", problem }]);
    visitor.page_again(&code_page(&visitor, &reset, problems).await?)
}

#[derive(Template)]
#[template(path = "reset/password.html")]
struct PasswordPage {
    f: Frame,
    email: String,
    shown: bool,
    problems: Problems,
}

fn password_page(visitor: &Visitor, reset: &Reset, shown: bool, problems: Problems) -> PasswordPage {
    PasswordPage { f: visitor.frame(), email: reset.email.as_str().to_owned(), shown, problems }
}

pub async fn password(visitor: Visitor) -> Answer {
    match at(&visitor, Stage::CodeConfirmed).await? {
        None => visitor.go("/wieder-anmelden/code"),
        Some(reset) => visitor.page(&password_page(&visitor, &reset, false, Problems::none())),
    }
}

pub async fn submit_password(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let reset = at(&visitor, Stage::CodeConfirmed).await?.ok_or(Error::Conflict("reset_step"))?;
    let typed = form.get("password");
    if let Some(shown) = shows_field(&form) {
        return visitor.page(&password_page(&visitor, &reset, shown, Problems::none()));
    }
    let set = if typed.is_empty() {
        Err(Error::field("password", "password_missing"))
    } else {
        reset::set_password(&visitor.app, &visitor.browser_hash(), typed, visitor.language, &device.0).await
    };
    match set {
        Ok(_) => visitor.go("/wieder-anmelden/fertig"),
        Err(Error::Invalid(problems)) => {
            visitor.page_again(&password_page(&visitor, &reset, false, visitor.problems(&problems)))
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "reset/done.html")]
struct DonePage {
    f: Frame,
}

pub async fn done(visitor: Visitor) -> Answer {
    visitor.page(&DonePage { f: visitor.frame() })
}
