//! Pages of registration, one thing on each.

use actix_web::HttpResponse;
use askama::Template;

use super::passkey::problem_of_browser;
use super::{Answer, shows_field};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::moment;
use crate::signin::code::{self, Redeemed};
use crate::signin::passkey::first::Signed;
use crate::signin::recovery;
use crate::signin::register::{self, Finished, Person, Registration, Stage};
use crate::signin::session;
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, calendar_date, respond};

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
        Some(Stage::MeansChosen) => "/registrieren/wiederherstellung",
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
    has_passkeys: bool,
    problems: Problems,
}

fn password_page(visitor: &Visitor, registration: &Registration, shown: bool, problems: Problems) -> PasswordPage {
    let (f, email, has_passkeys) = (visitor.frame(), registration.draft.email.clone(), visitor.app.config.has_name());
    PasswordPage { f, email, shown, has_passkeys, problems }
}

pub async fn password(visitor: Visitor) -> Answer {
    let Some(registration) = at(&visitor, Stage::Named).await? else { return earlier(&visitor).await };
    visitor.page(&password_page(&visitor, &registration, false, Problems::none()))
}

pub async fn submit_password(visitor: Visitor, form: Form) -> Answer {
    let Some(registration) = at(&visitor, Stage::Named).await? else {
        return Err(Error::Conflict("registration_step"));
    };
    let typed = form.get("password");
    let page = |shown, problems| password_page(&visitor, &registration, shown, problems);
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
#[template(path = "register/passkey.html")]
struct PasskeyPage {
    f: Frame,
    days: u64,
    options: String,
    ceremony: String,
    problems: Problems,
}

async fn passkey_page(visitor: &Visitor, problems: Problems) -> Result<PasskeyPage, Error> {
    let begun = register::begin_passkey(&visitor.app, &visitor.browser_hash()).await?;
    let (f, days) = (visitor.frame(), recovery::waiting_days(visitor.app.now()));
    Ok(PasskeyPage { f, days, options: begun.options.to_string(), ceremony: begun.ceremony, problems })
}

/// Instead of the password.
pub async fn passkey(visitor: Visitor) -> Answer {
    if at(&visitor, Stage::Named).await?.is_none() {
        return earlier(&visitor).await;
    }
    visitor.with_script(visitor.page(&passkey_page(&visitor, Problems::none()).await?)?)
}

pub async fn submit_passkey(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let problem = match problem_of_browser(&form) {
        Some(problem) => problem,
        None => {
            let (answer, here) = ((form.get("aufgabe"), form.get("antwort")), (visitor.language, &device.0));
            match register::make_passkey(&visitor.app, &visitor.browser_hash(), answer, here).await? {
                Ok(()) => return visitor.go("/registrieren/wiederherstellung"),
                Err(why) => why.problem(),
            }
        }
    };
    let problems = visitor.problems(&[FieldProblem { field: "passkey", problem }]);
    visitor.with_script(visitor.page_again(&passkey_page(&visitor, problems).await?)?)
}

#[derive(Template)]
#[template(path = "register/codes.html")]
struct CodesPage {
    f: Frame,
    codes: Vec<String>,
    /// They are the way back of somebody who has no password, and what it takes without them.
    days_without: Option<u64>,
    problems: Problems,
}

fn codes_page(visitor: &Visitor, registration: Registration, problems: Problems) -> CodesPage {
    let days_without = registration.has_passkey().then(|| recovery::waiting_days(visitor.app.now()));
    CodesPage { f: visitor.frame(), codes: registration.draft.recovery_codes, days_without, problems }
}

pub async fn codes(visitor: Visitor) -> Answer {
    let Some(registration) = at(&visitor, Stage::MeansChosen).await? else { return earlier(&visitor).await };
    visitor.page(&codes_page(&visitor, registration, Problems::none()))
}

pub async fn submit_codes(visitor: Visitor, form: Form) -> Answer {
    match register::keep_codes(&visitor.app, &visitor.browser_hash(), form.is("kept", "ja")).await {
        Ok(()) => visitor.go("/registrieren/pruefen"),
        Err(Error::Invalid(problems)) => {
            let registration = at(&visitor, Stage::MeansChosen).await?.ok_or(Error::Conflict("registration_step"))?;
            visitor.page_again(&codes_page(&visitor, registration, visitor.problems(&problems)))
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
    has_passkey: bool,
    problems: Problems,
}

fn check_page(visitor: &Visitor, registration: Registration, problems: Problems) -> CheckPage {
    let has_passkey = registration.has_passkey();
    let draft = registration.draft;
    let birth = calendar_date(visitor.language, draft.birth_date.as_deref().unwrap_or_default());
    CheckPage {
        f: visitor.frame(),
        given_names: draft.given_names,
        family_name: draft.family_name.unwrap_or_default(),
        birth_date: birth.unwrap_or_default(),
        email: draft.email,
        has_passkey,
        problems,
    }
}

pub async fn check(visitor: Visitor) -> Answer {
    let Some(registration) = at(&visitor, Stage::CodesKept).await? else { return earlier(&visitor).await };
    let has_passkey = registration.has_passkey();
    let page = visitor.page(&check_page(&visitor, registration, Problems::none()))?;
    if has_passkey { visitor.with_script(page) } else { Ok(page) }
}

#[derive(Template)]
#[template(path = "register/taken.html")]
struct TakenPage {
    f: Frame,
}

pub async fn submit_check(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let (browser, network) = (visitor.browser_hash(), visitor.network());
    let problem = match problem_of_browser(&form) {
        Some(problem) => problem,
        None => {
            let (ceremony, answer) = (form.get("aufgabe"), form.get("antwort"));
            let signed = Signed { browser: &browser, network: &network, ceremony, answer };
            let here = (visitor.session.as_ref(), &device.0);
            match register::finish(&visitor.app, signed, visitor.language, here).await? {
                Finished::Opened(token, request) => {
                    let flow = request.map_or_else(|| visitor.aim_query(), |id| format!("?vorgang={id}"));
                    return visitor.begin_session(&format!("/registrieren/fertig{flow}"), &token, &device);
                }
                Finished::AddressTaken => {
                    return respond(actix_web::http::StatusCode::CONFLICT, &TakenPage { f: visitor.frame() });
                }
                Finished::Refused => "passkey_failed",
            }
        }
    };
    let registration = at(&visitor, Stage::CodesKept).await?.ok_or(Error::Conflict("registration_step"))?;
    let problems = visitor.problems(&[FieldProblem { field: "passkey", problem }]);
    visitor.with_script(visitor.page_again(&check_page(&visitor, registration, problems))?)
}

#[derive(Template)]
#[template(path = "register/done.html")]
struct DonePage {
    f: Frame,
    name: String,
    next: Option<String>,
    onwards: String,
    /// There is one passkey and nothing else, and what it takes to get back in without recovery codes.
    days_without: Option<u64>,
}

pub async fn done(visitor: Visitor) -> Result<HttpResponse, Error> {
    let Some(session) = &visitor.session else { return earlier(&visitor).await };
    let mut tx = visitor.app.read().await?;
    let account = crate::account::load(&mut tx, &visitor.app.vault, &session.account_id).await?;
    let has_password = session::password_changed_at(&mut tx, &session.account_id).await?.is_some();
    let days_without = (!has_password).then(|| recovery::waiting_days(visitor.app.now()));
    let f = visitor.frame();
    let (next, onwards) = (f.service.clone(), visitor.onwards());
    visitor.page(&DonePage { f, name: account.full_name(), next, onwards, days_without })
}
