//! The pages of code apps and code devices.

use actix_web::web;
use askama::Template;

use super::Answer;
use crate::assurance::Policy;
use crate::kernel::error::Error;
use crate::kernel::means::MeansKind;
use crate::kernel::one_time_code;
use crate::kernel::texts::{Language, moment};
use crate::signin::generator::{self, GENERATORS_MAX, Generator};
use crate::signin::recovery_codes;
use crate::web::caller::{CallerDevice, SignedIn};
use crate::web::form::{Form, parse_pairs};
use crate::web::page::{Frame, Problems, level_name};
use crate::web::qr::Qr;

struct Row {
    id: String,
    name: String,
    kind: String,
    since: String,
    used: String,
    /// Since when it is blocked, if it is.
    blocked: Option<String>,
    level: String,
}

#[derive(Template)]
#[template(path = "code_app/list.html")]
struct ListPage {
    f: Frame,
    done: &'static str,
    rows: Vec<Row>,
    may_add: bool,
    codes_left: i64,
    /// Where somebody goes on who is on the way to a service.
    onwards: String,
}

fn kind_name(language: Language, kind: MeansKind) -> String {
    let t = &language.texts().code_app;
    if kind == MeansKind::DeviceCode { t.kind_device.to_string() } else { t.kind_app.to_string() }
}

fn row(caller: &SignedIn, one: &Generator) -> Row {
    let (app, language) = (&caller.visitor.app, caller.visitor.language);
    let level = Policy::of(&app.config).level(&one.means(), app.now());
    Row {
        id: one.id.to_string(),
        name: one.name.clone(),
        kind: kind_name(language, one.kind),
        since: moment::date(language, one.created_at),
        used: one.last_used_at.map_or_else(String::new, |at| moment::date_and_clock(language, at)),
        blocked: one.blocked_at.map(|at| moment::date_and_clock(language, at)),
        level: level_name(language.texts(), level),
    }
}

async fn own(caller: &SignedIn) -> Result<Vec<Generator>, Error> {
    let app = &caller.visitor.app;
    generator::list(&mut app.read().await?, app, &caller.session.account_id).await
}

pub async fn list(caller: SignedIn) -> Answer {
    let visitor = &caller.visitor;
    let own = own(&caller).await?;
    let codes_left = recovery_codes::left(&mut visitor.app.read().await?, &caller.session.account_id).await?;
    let pairs = parse_pairs(visitor.query().as_bytes()).unwrap_or_default();
    let told = pairs.iter().find(|(name, _)| name == "erledigt").map_or("", |(_, value)| value.as_str());
    visitor.page(&ListPage {
        f: visitor.frame(),
        done: ["angelegt", "entfernt", "wieder-da", "gesperrt", "entsperrt"]
            .into_iter()
            .find(|known| *known == told)
            .unwrap_or(""),
        may_add: (own.len() as i64) < GENERATORS_MAX,
        rows: own.iter().map(|one| row(&caller, one)).collect(),
        codes_left,
        onwards: visitor.onwards(),
    })
}

#[derive(Template)]
#[template(path = "code_app/new.html")]
struct NewPage {
    f: Frame,
    email: String,
    asks_password: bool,
    name: String,
    problems: Problems,
}

async fn new_page(caller: &SignedIn, name: &str, problems: Problems) -> Result<NewPage, Error> {
    let email = caller.account().await?.email.address.as_str().to_owned();
    let asks_password = caller.asks_password().await?;
    Ok(NewPage { f: caller.visitor.frame(), email, asks_password, name: name.to_owned(), problems })
}

pub async fn new(caller: SignedIn) -> Answer {
    caller.visitor.page(&new_page(&caller, "", Problems::none()).await?)
}

pub async fn submit_new(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match generator::begin(&caller.visitor.app, person, form.get("name")).await {
        Ok(()) => caller.visitor.go("/sicherheit/app/verbinden"),
        Err(Error::Invalid(problems)) => {
            let page = new_page(&caller, form.get("name"), caller.visitor.problems(&problems)).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "code_app/connect.html")]
struct ConnectPage {
    f: Frame,
    qr: Qr,
    /// The secret in groups of four.
    key: String,
    account: String,
    problems: Problems,
}

/// What an app reads (the form that Google Authenticator has introduced and all others take).
fn address(issuer: &str, account: &str, secret: &str) -> String {
    let escape =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let (issuer, account) = (escape(issuer), escape(account));
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}

/// `None` if nothing waits to be connected in this session.
async fn connect_page(caller: &SignedIn, problems: Problems) -> Result<Option<ConnectPage>, Error> {
    let (f, app) = (caller.visitor.frame(), &caller.visitor.app);
    let pending = generator::pending(&mut app.read().await?, app, &caller.session).await?;
    let Some(pending) = pending else { return Ok(None) };
    let account = caller.account().await?.email.address.as_str().to_owned();
    let issuer = format!("{} {}", f.t.base.product, app.config.host());
    let secret = one_time_code::encode(&pending.secret);
    let qr = Qr::of(&address(&issuer, &account, secret.expose()))?;
    let key = secret.expose().as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
    Ok(Some(ConnectPage { f, qr, key, account: format!("{issuer} ({account})"), problems }))
}

pub async fn connect(caller: SignedIn) -> Answer {
    match connect_page(&caller, Problems::none()).await? {
        Some(page) => caller.visitor.page(&page),
        None => caller.visitor.go("/sicherheit/app/neu"),
    }
}

pub async fn submit_connect(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    let confirmed = if form.get("code").trim().is_empty() {
        Err(Error::field("code", "app_code_missing"))
    } else {
        generator::confirm(&caller.visitor.app, person, form.get("code")).await
    };
    match confirmed {
        Ok(()) => done(&caller, "angelegt"),
        Err(Error::Invalid(problems)) => {
            let page = connect_page(&caller, caller.visitor.problems(&problems)).await?;
            caller.visitor.page_again(&page.ok_or(Error::Conflict("code_generator"))?)
        }
        Err(error) => Err(error),
    }
}

fn done(caller: &SignedIn, what: &str) -> Answer {
    let flow = caller.visitor.flow_query();
    let joint = if flow.is_empty() { '?' } else { '&' };
    caller.visitor.leave(&format!("/sicherheit/app{flow}{joint}erledigt={what}"))
}

#[derive(Template)]
#[template(path = "code_app/device.html")]
struct DevicePage {
    f: Frame,
    email: String,
    asks_password: bool,
    serial: String,
    problems: Problems,
}

async fn device_page(caller: &SignedIn, serial: &str, problems: Problems) -> Result<DevicePage, Error> {
    let email = caller.account().await?.email.address.as_str().to_owned();
    let asks_password = caller.asks_password().await?;
    Ok(DevicePage { f: caller.visitor.frame(), email, asks_password, serial: serial.to_owned(), problems })
}

pub async fn device(caller: SignedIn) -> Answer {
    caller.visitor.page(&device_page(&caller, "", Problems::none()).await?)
}

pub async fn submit_device(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    let (serial, code) = (form.get("serial"), form.get("code"));
    let registered = if code.trim().is_empty() {
        Err(Error::field("code", "app_code_missing"))
    } else {
        generator::register_device(&caller.visitor.app, person, serial, code).await
    };
    match registered {
        Ok(()) => done(&caller, "angelegt"),
        Err(Error::Invalid(problems)) => {
            let page = device_page(&caller, serial, caller.visitor.problems(&problems)).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "code_app/remove.html")]
struct RemovePage {
    f: Frame,
    email: String,
    asks_password: bool,
    row: Row,
    /// Whether this session is strong enough.
    allowed: bool,
    is_last: bool,
    problems: Problems,
}

async fn remove_page(caller: &SignedIn, id: &str, problems: Problems) -> Result<(RemovePage, Generator), Error> {
    let own = own(caller).await?;
    let is_last = own.len() == 1;
    let one = own.into_iter().find(|one| one.id.as_str() == id).ok_or(Error::NotFound)?;
    let app = &caller.visitor.app;
    let allowed = generator::may_remove(app, &one, caller.session.strength(app.now()));
    let email = caller.account().await?.email.address.as_str().to_owned();
    let row = row(caller, &one);
    let asks_password = caller.asks_password().await?;
    Ok((RemovePage { f: caller.visitor.frame(), email, asks_password, row, allowed, is_last, problems }, one))
}

pub async fn remove(caller: SignedIn, id: web::Path<String>) -> Answer {
    let (page, _) = remove_page(&caller, &id, Problems::none()).await?;
    if page.allowed { caller.visitor.page(&page) } else { caller.visitor.page_refused(&page) }
}

pub async fn submit_remove(caller: SignedIn, id: web::Path<String>, device: CallerDevice, form: Form) -> Answer {
    let (page, one) = remove_page(&caller, &id, Problems::none()).await?;
    if !page.allowed {
        return caller.visitor.page_refused(&page);
    }
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match generator::remove(&caller.visitor.app, person, &one).await {
        Ok(()) => done(&caller, "entfernt"),
        Err(Error::Invalid(problems)) => {
            caller.visitor.page_again(&RemovePage { problems: caller.visitor.problems(&problems), ..page })
        }
        Err(error) => Err(error),
    }
}
