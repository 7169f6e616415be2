//! Pages of registration, one thing on each.

use actix_web::HttpResponse;
use askama::Template;

use super::{Answer, shows_field};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::moment;
use crate::signin::code::{self, Redeemed};
use crate::signin::register::{self, Finished, Person, Registration, Stage};
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, birth_date, respond};

#[derive(Template)]
#[template(path = "register/start.html")]
struct StartPage {
    f: Frame,
}

pub async fn start(visitor: Visitor) -> Answer {
    visitor.page(&StartPage { f: visitor.frame() })
}

/// The registration of this browser, if it has come as far as this page needs.
async fn at(visitor: &Visitor, stage: Stage) -> Result<Option<Registration>, Error> {
    let mut tx = visitor.app.read().await?;
    let found = register::find(&mut tx, &visitor.app.vault, &visitor.browser_hash(), visitor.app.now()).await?;
    Ok(found.filter(|registration| registration.stage >= stage))
}

/// A page whose turn has not come sends to the step that has.
async fn earlier(visitor: &Visitor) -> Answer {
    let path = match at(visitor, Stage::CodeSent).await?.map(|registration| registration.stage) {
        None => "/registrieren",
        Some(Stage::CodeSent) => "/registrieren/code",
        Some(Stage::EmailConfirmed) => "/registrieren/name",
        Some(Stage::Named) => "/registrieren/passwort",
        Some(Stage::PasswordChosen) => "/registrieren/wiederherstellung",
        Some(Stage::CodesKept) => "/registrieren/pruefen",
    };
    visitor.go(path)
}

#[derive(Template)]
#[template(path = "register/email.html")]
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
        register::start(&visitor.app, visitor.applicant(&browser, &network), email).await
    };
    match started {
        Ok(()) => visitor.go("/registrieren/code"),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&EmailPage { f: visitor.frame(), email: email.to_owned(), problems })
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "register/code.html")]
struct CodePage {
    f: Frame,
    email: String,
    until: String,
    problems: Problems,
}

async fn code_page(visitor: &Visitor, problems: Problems) -> Result<Option<CodePage>, Error> {
    let Some(registration) = at(visitor, Stage::CodeSent).await? else { return Ok(None) };
    let email = crate::account::email::EmailAddress::parse(&registration.draft.email);
    let email = email.map_or_else(String::new, |email| email.masked());
    let mut tx = visitor.app.read().await?;
    let until = code::expiry(&mut tx, code::Purpose::Registration, &visitor.browser_hash()).await?;
    let until = moment::clock(until.unwrap_or_else(|| visitor.app.now()));
    Ok(Some(CodePage { f: visitor.frame(), email, until, problems }))
}

pub async fn code(visitor: Visitor) -> Answer {
    match at(&visitor, Stage::CodeSent).await?.map(|registration| registration.stage) {
        Some(Stage::CodeSent) => match code_page(&visitor, Problems::none()).await? {
            Some(page) => visitor.page(&page),
            None => earlier(&visitor).await,
        },
        _ => earlier(&visitor).await,
    }
}

pub async fn submit_code(visitor: Visitor, form: Form) -> Answer {
    let typed = form.get("code");
    let problem = if typed.trim().is_empty() {
        "code_missing"
    } else if register::confirm_code(&visitor.app, &visitor.browser_hash(), &visitor.network(), typed).await?
        == Redeemed::Right
    {
        return visitor.go("/registrieren/name");
    } else {
        "code_wrong"
    };
    let problems = visitor.problems(&[FieldProblem { field: "code", problem }]);
    match code_page(&visitor, problems).await? {
        Some(page) => visitor.page_again(&page),
        None => Err(Error::Conflict("registration_step")),
    }
}

#[derive(Template)]
#[template(path = "register/name.html")]
struct NamePage {
    f: Frame,
    given_names: String,
    family_name: String,
    one_name: bool,
    day: String,
    month: String,
    year: String,
    problems: Problems,
}

pub async fn name(visitor: Visitor) -> Answer {
    let Some(registration) = at(&visitor, Stage::EmailConfirmed).await? else { return earlier(&visitor).await };
    let draft = &registration.draft;
    let mut birth = draft.birth_date.as_deref().unwrap_or_default().split('-').map(str::to_owned);
    let mut next = || birth.next().unwrap_or_default();
    let (year, month, day) = (next(), next(), next());
    visitor.page(&NamePage {
        f: visitor.frame(),
        given_names: draft.given_names.clone().unwrap_or_default(),
        family_name: draft.family_name.clone().unwrap_or_default(),
        one_name: draft.family_name.is_some() && draft.given_names.is_none(),
        day,
        month,
        year,
        problems: Problems::none(),
    })
}

pub async fn submit_name(visitor: Visitor, form: Form) -> Answer {
    let text = |name: &str| form.get(name).to_owned();
    let (given_names, family_name, one_name) = (text("given_names"), text("family_name"), form.is("one_name", "ja"));
    let (day, month, year) = (text("birth_day"), text("birth_month"), text("birth_year"));
    let birth_date = [day.as_str(), month.as_str(), year.as_str()];
    let person = Person { given_names: &given_names, family_name: &family_name, one_name, birth_date };
    match register::name_person(&visitor.app, &visitor.browser_hash(), person).await {
        Ok(()) => visitor.go("/registrieren/passwort"),
        Err(Error::Invalid(problems)) => {
            let (f, problems) = (visitor.frame(), visitor.problems(&problems));
            visitor.page_again(&NamePage { f, given_names, family_name, one_name, day, month, year, problems })
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "register/password.html")]
struct PasswordPage {
    f: Frame,
    email: String,
    shown: bool,
    problems: Problems,
}

pub async fn password(visitor: Visitor) -> Answer {
    let Some(registration) = at(&visitor, Stage::Named).await? else { return earlier(&visitor).await };
    let (f, email) = (visitor.frame(), registration.draft.email);
    visitor.page(&PasswordPage { f, email, shown: false, problems: Problems::none() })
}

pub async fn submit_password(visitor: Visitor, form: Form) -> Answer {
    let Some(registration) = at(&visitor, Stage::Named).await? else {
        return Err(Error::Conflict("registration_step"));
    };
    let typed = form.get("password");
    let page = |shown, problems| {
        let email = registration.draft.email.clone();
        PasswordPage { f: visitor.frame(), email, shown, problems }
    };
    if let Some(shown) = shows_field(&form) {
        return visitor.page(&page(shown, Problems::none()));
    }
    let chosen = if typed.is_empty() {
        Err(Error::field("password", "password_missing"))
    } else {
        register::choose_password(&visitor.app, &visitor.browser_hash(), typed).await
    };
    match chosen {
        Ok(()) => visitor.go("/registrieren/wiederherstellung"),
        Err(Error::Invalid(problems)) => visitor.page_again(&page(false, visitor.problems(&problems))),
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "register/codes.html")]
struct CodesPage {
    f: Frame,
    codes: Vec<String>,
    problems: Problems,
}

pub async fn codes(visitor: Visitor) -> Answer {
    let Some(registration) = at(&visitor, Stage::PasswordChosen).await? else { return earlier(&visitor).await };
    let (f, codes) = (visitor.frame(), registration.draft.recovery_codes);
    visitor.page(&CodesPage { f, codes, problems: Problems::none() })
}

pub async fn submit_codes(visitor: Visitor, form: Form) -> Answer {
    match register::keep_codes(&visitor.app, &visitor.browser_hash(), form.is("kept", "ja")).await {
        Ok(()) => visitor.go("/registrieren/pruefen"),
        Err(Error::Invalid(problems)) => {
            let registration =
                at(&visitor, Stage::PasswordChosen).await?.ok_or(Error::Conflict("registration_step"))?;
            let (codes, problems) = (registration.draft.recovery_codes, visitor.problems(&problems));
            visitor.page_again(&CodesPage { f: visitor.frame(), codes, problems })
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "register/check.html")]
struct CheckPage {
    f: Frame,
    given_names: Option<String>,
    family_name: String,
    birth_date: String,
    email: String,
}

pub async fn check(visitor: Visitor) -> Answer {
    let Some(registration) = at(&visitor, Stage::CodesKept).await? else { return earlier(&visitor).await };
    let draft = registration.draft;
    let birth = birth_date(visitor.language, draft.birth_date.as_deref().unwrap_or_default());
    visitor.page(&CheckPage {
        f: visitor.frame(),
        given_names: draft.given_names,
        family_name: draft.family_name.unwrap_or_default(),
        birth_date: birth.unwrap_or_default(),
        email: draft.email,
    })
}

#[derive(Template)]
#[template(path = "register/taken.html")]
struct TakenPage {
    f: Frame,
}

pub async fn submit_check(visitor: Visitor, device: CallerDevice, _form: Form) -> Answer {
    let here = (visitor.session.as_ref(), &device.0);
    match register::finish(&visitor.app, &visitor.browser_hash(), visitor.language, here).await? {
        Finished::Opened(token, request) => {
            let flow = request.map_or_else(|| visitor.aim().to_owned(), |id| format!("?vorgang={id}"));
            visitor.begin_session(&format!("/registrieren/fertig{flow}"), &token, &device)
        }
        Finished::AddressTaken => respond(actix_web::http::StatusCode::CONFLICT, &TakenPage { f: visitor.frame() }),
    }
}

#[derive(Template)]
#[template(path = "register/done.html")]
struct DonePage {
    f: Frame,
    name: String,
    next: Option<String>,
    onwards: String,
}

pub async fn done(visitor: Visitor) -> Result<HttpResponse, Error> {
    let Some(session) = &visitor.session else { return earlier(&visitor).await };
    let mut tx = visitor.app.read().await?;
    let account = crate::account::load(&mut tx, &visitor.app.vault, &session.account_id).await?;
    let f = visitor.frame();
    let (next, onwards) = (f.service.clone(), visitor.onwards());
    visitor.page(&DonePage { f, name: account.full_name(), next, onwards })
}
