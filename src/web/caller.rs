//! Who is calling. The right to do something is a value that a handler must ask for.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, dev, web};
use askama::Template;
use futures_util::future::{LocalBoxFuture, Ready, ready};

use super::aim::Aim;
use super::bar::ActingBar;
use super::form::{self, Form};
use super::guard::RequestFacts;
use super::memory::{Memory, Remembered};
use super::page::{self, Frame, Problems, accepted_language, chosen_language, cookie, cookie_name, redirect};
use crate::account::{self, Account};
use crate::app::App;
use crate::client::registry::Registry;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::RequestId;
use crate::kernel::secret::Secret;
use crate::kernel::texts::Language;
use crate::kernel::time::Timestamp;
use crate::oidc::authorize::{self, Pending};
use crate::oidc::connection::Connection;
use crate::organisation::acting::Present;
use crate::signin::arrival::Comer;
use crate::signin::attempts::Network;
use crate::signin::browser_hash;
use crate::signin::change::Person;
use crate::signin::device::Device;
use crate::signin::register::Applicant;
use crate::signin::session::{self, Session};
use crate::store::work::{Actor, Work};

/// Names a browser through registration, sign-in and authorization; worth nothing by itself.
const BROWSER_COOKIE: &str = "nk_t";
/// Names a browser that has signed in before; worth nothing by itself.
const DEVICE_COOKIE: &str = "nk_g";
/// Browsers keep no cookie longer (RFC 6265bis section 5.5).
const DEVICE_COOKIE_LIFETIME: actix_web::cookie::time::Duration = actix_web::cookie::time::Duration::days(400);
/// Where pages of an organisation begin, and the one of somebody who is invited: whoever has to sign in or register first comes
/// back to them.
const ORGANISATION: &str = "/organisation/";
const INVITATION: &str = "/einladung/";
/// The session's token.
const SESSION_COOKIE: &str = "nk_s";

/// Anybody: a browser, perhaps on the way to a service, perhaps signed in.
pub struct Visitor {
    pub app: App,
    pub registry: Registry,
    pub language: Language,
    pub session: Option<Session>,
    /// Instead of `session`, for somebody who has left their account and may still return.
    pub leaving: Option<Session>,
    remembered: Option<Arc<Remembered>>,
    /// The authorization request this page belongs to.
    pub pending: Option<Arc<Pending>>,
    pub request_id: String,
    browser: String,
    session_token: String,
    browser_is_new: bool,
    address: IpAddr,
    path: String,
    query: String,
}

/// Somebody who is signed in.
pub struct SignedIn {
    pub visitor: Visitor,
    pub session: Session,
    remembered: Arc<Remembered>,
}

/// Somebody who has left their account, has signed in, and may return.
pub struct Leaving {
    pub visitor: Visitor,
    pub session: Session,
    /// When the account is erased.
    pub until: Timestamp,
}

/// The browser as a device that signs in. See [`Device`].
pub struct CallerDevice(pub Device);

impl FromRequest for CallerDevice {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().ok_or_else(|| Error::broken("no app"));
        let user_agent = request.headers().get(header::USER_AGENT).and_then(|text| text.to_str().ok());
        ready(app.map(|app| {
            let known = single_cookie(request, &cookie_name(app, DEVICE_COOKIE));
            Self(Device::of(known, user_agent.unwrap_or_default(), &app.random))
        }))
    }
}

impl Leaving {
    /// Work of this person, tied to this request.
    pub async fn begin(&self) -> Result<Work, Error> {
        self.visitor.begin_as(&self.session).await
    }
}

impl SignedIn {
    /// Work of this person, tied to this request.
    pub async fn begin(&self) -> Result<Work, Error> {
        self.visitor.begin_as(&self.session).await
    }

    /// The person once more proving who they are, with the field `current` of a form.
    pub fn person<'a>(
        &'a self,
        account: &'a Account,
        (network, device): (&'a Network, &'a CallerDevice),
        form: &'a Form,
    ) -> Person<'a> {
        Person::new(&self.session, account, (network, &device.0), form.get("current"))
            .in_request(&self.visitor.request_id)
    }

    /// Whether a form has to ask for the password. `NotFresh` if there is none and its owner has not just signed in.
    pub async fn asks_password(&self) -> Result<bool, Error> {
        let app = &self.visitor.app;
        let has_password = session::password_changed_at(&mut app.read().await?, &self.session.account_id).await?;
        match has_password {
            Some(_) => Ok(true),
            None if self.session.is_fresh(app.now()) => Ok(false),
            None => Err(Error::NotFresh),
        }
    }

    /// The same where it is enough to have just signed in.
    pub async fn asks_password_unless_fresh(&self) -> Result<bool, Error> {
        if self.session.is_fresh(self.visitor.app.now()) { Ok(false) } else { self.asks_password().await }
    }

    /// The person's own account, opened.
    pub async fn account(&self) -> Result<Arc<Account>, Error> {
        self.remembered.account(&self.visitor.app).await
    }

    /// The same as it is now, whichever node changed it: what was just saved is seen, and a form begins from it.
    pub async fn fresh_account(&self) -> Result<Account, Error> {
        let app = &self.visitor.app;
        account::load(&mut app.read().await?, &app.vault, &self.session.account_id).await
    }

    /// The services connected with it.
    pub async fn connections(&self) -> Result<Arc<Vec<Connection>>, Error> {
        self.remembered.connections(&self.visitor.app, &self.visitor.registry).await
    }
}

/// Whether that is the path of a page of the account, and cannot be read as anything else.
pub fn is_own_page(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    let is_known = ["/sicherheit/", "/profil/", "/daten/", "/postfach/", "/safe/", ORGANISATION, INVITATION]
        .iter()
        .any(|start| path.starts_with(start));
    is_known && path.len() <= 200 && path.bytes().all(is_plain) && !path.contains("//")
}

/// What whoever has to sign in for a page takes along, if they come back to this very page.
pub fn way_back_to(path: &str) -> Option<String> {
    (path.starts_with(INVITATION) && is_own_page(path)).then(|| format!("?ziel={path}"))
}

/// The browser's cookie, if it is one of ours by its form.
pub fn browser_token(app: &App, request: &HttpRequest) -> Option<String> {
    single_cookie(request, &cookie_name(app, BROWSER_COOKIE))
}

/// The session's cookie, whatever it is worth; empty if there is none.
pub fn session_token(app: &App, request: &HttpRequest) -> String {
    single_cookie(request, &cookie_name(app, SESSION_COOKIE)).unwrap_or_default()
}

/// A cookie that is there exactly once and looks like a token; two of one name are none.
fn single_cookie(request: &HttpRequest, name: &str) -> Option<String> {
    let cookies = request.cookies().ok()?;
    let mut found = cookies.iter().filter(|cookie| cookie.name() == name);
    let value = found.next()?.value().to_owned();
    let is_token = value.len() == 43 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (found.next().is_none() && is_token).then_some(value)
}

impl Visitor {
    async fn read(request: HttpRequest) -> Result<Self, Error> {
        let data = |what| move || Error::Broken(format!("no {what} in the request"));
        let app = request.app_data::<web::Data<App>>().ok_or_else(data("app"))?.get_ref().clone();
        let registry = request.app_data::<web::Data<Registry>>().ok_or_else(data("registry"))?.get_ref().clone();
        let (request_id, address) = {
            let extensions = request.extensions();
            let facts = extensions.get::<RequestFacts>().ok_or_else(data("facts"))?;
            (facts.id.clone(), facts.address)
        };
        let known = browser_token(&app, &request);
        let session_token = session_token(&app, &request);
        let browser_is_new = known.is_none();
        let browser = known.unwrap_or_else(|| app.random.token().expose().clone());
        let memory = request.app_data::<web::Data<Memory>>().ok_or_else(data("memory"))?;
        let remembered = find_session(&app, memory, &request).await?;
        let found = remembered.as_ref().map(|remembered| remembered.present.session.clone());
        let (leaving, session) = found.into_iter().partition::<Vec<_>, _>(|session| session.leaves_at.is_some());
        let (leaving, session) = (leaving.into_iter().next(), session.into_iter().next());
        let remembered = remembered.filter(|_| leaving.is_none());
        let pending = find_pending(&app, &registry, &request, &browser).await?;
        let suggested = || pending.as_ref().and_then(|pending: &Arc<Pending>| pending.request.language);
        let language =
            chosen_language(&request).or_else(suggested).or_else(|| accepted_language(&request)).unwrap_or_default();
        let (path, query) = (request.path().to_owned(), request.query_string().to_owned());
        Ok(Self {
            app,
            registry,
            language,
            session,
            leaving,
            remembered,
            pending,
            request_id,
            browser,
            session_token,
            browser_is_new,
            address,
            path,
            query,
        })
    }

    async fn begin_as(&self, session: &Session) -> Result<Work, Error> {
        account::begin(&self.app, &session.account_id, Some(&self.request_id)).await
    }

    /// Who is signed in here, and for whom they act.
    pub fn present(&self) -> Option<&Present> {
        self.remembered.as_ref().map(|remembered| &remembered.present)
    }

    /// The hash under which this browser's processes are stored.
    pub fn browser_hash(&self) -> [u8; 32] {
        browser_hash(&self.browser)
    }

    /// The network the request came from, as counters know it.
    pub fn network(&self) -> Network {
        Network::of(self.address)
    }

    /// Somebody about to register or to reset a password. `browser` is [`browser_hash`](Self::browser_hash).
    pub fn applicant<'a>(&self, browser: &'a [u8], network: &'a Network) -> Applicant<'a> {
        let request = self.pending.as_ref().map(|pending| pending.id.clone());
        Applicant { browser, network, language: self.language, request }
    }

    /// Whoever is in front of this browser, on the way in.
    pub fn comer<'a>(&'a self, device: &'a CallerDevice) -> Comer<'a> {
        Comer {
            device: &device.0,
            previous: self.session.as_ref().or(self.leaving.as_ref()),
            client: self.pending.as_ref().map(|pending| pending.client.id.clone()),
            request: Some(self.request_id.clone()),
        }
    }

    /// What stands around a page for this visitor.
    pub fn frame(&self) -> Frame {
        let mut frame = Frame::build(&self.app, self.language, &self.path, &self.query);
        frame.csrf = form::token(&self.app, &self.browser, &self.session_token);
        frame.signed_in = self.session.is_some();
        let flow = self.pending.as_ref().map(|pending| (&*pending.client, &pending.id));
        let bar = |remembered: &Arc<Remembered>| ActingBar::of(remembered, self.language, &self.path, flow);
        frame.acting = self.remembered.as_ref().and_then(bar);
        frame.device = self.pending.as_ref().is_some_and(|pending| pending.is_for_device());
        frame.service = self.pending.as_ref().map(|pending| pending.client.title(self.language));
        frame.q = self.flow_query();
        frame
    }

    /// `?vorgang=...` inside a flow, otherwise empty or what [`aim_query`](Self::aim_query) says.
    pub fn flow_query(&self) -> String {
        self.pending.as_ref().map_or_else(|| self.aim_query(), |pending| format!("?vorgang={}", pending.id))
    }

    /// The page of ours that somebody is on the way to, if any.
    pub fn aim(&self) -> Option<Aim> {
        Aim::of_query(&self.query)
    }

    /// `?ziel=...` on the way to a page of ours, otherwise empty.
    pub fn aim_query(&self) -> String {
        let again = || self.page_to_repeat().map_or_else(String::new, |page| format!("?ziel={page}"));
        self.aim().map_or_else(again, |aim| aim.query().to_owned())
    }

    /// Where somebody was about to do something and has to sign in once more, or more strongly, first.
    pub fn page_to_repeat(&self) -> Option<&str> {
        let said = self.query.split('&').find_map(|pair| pair.strip_prefix("ziel="))?;
        is_own_page(said).then_some(said)
    }

    /// Whether somebody signs in once more, to go on with what they were about to do.
    pub fn signs_in_again(&self) -> bool {
        self.session.is_some() && self.page_to_repeat().is_some()
    }

    pub fn page(&self, template: &impl Template) -> Result<HttpResponse, Error> {
        self.page_with(StatusCode::OK, template)
    }

    /// The same page again, with what is wrong at its fields.
    pub fn page_again(&self, template: &impl Template) -> Result<HttpResponse, Error> {
        self.page_with(StatusCode::UNPROCESSABLE_ENTITY, template)
    }

    /// A page that says why not.
    pub fn page_refused(&self, template: &impl Template) -> Result<HttpResponse, Error> {
        self.page_with(StatusCode::FORBIDDEN, template)
    }

    /// A page that says that what was sent is not known any more.
    pub fn page_gone(&self, template: &impl Template) -> Result<HttpResponse, Error> {
        self.page_with(StatusCode::GONE, template)
    }

    /// A page that says that something others have to do cannot be done now.
    pub fn page_unavailable(&self, template: &impl Template) -> Result<HttpResponse, Error> {
        self.page_with(StatusCode::SERVICE_UNAVAILABLE, template)
    }

    fn page_with(&self, status: StatusCode, template: &impl Template) -> Result<HttpResponse, Error> {
        let response = page::respond(status, template)?;
        self.remember(response)
    }

    /// Lets a page run the script for passkeys.
    pub fn with_script(&self, mut page: HttpResponse) -> Result<HttpResponse, Error> {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, page::script_policy(&self.app)?);
        Ok(page)
    }

    pub fn problems(&self, problems: &[FieldProblem]) -> Problems {
        Problems::new(self.language, problems)
    }

    /// To another page of ours, staying in the flow.
    pub fn go(&self, path: &str) -> Result<HttpResponse, Error> {
        self.remember(redirect(&format!("{path}{}", self.flow_query())))
    }

    /// To wherever this location is.
    pub fn leave(&self, location: &str) -> Result<HttpResponse, Error> {
        self.remember(redirect(location))
    }

    /// Where somebody goes who has signed in: back to the dispatcher, to the page that they aim at, or to the account.
    pub fn onwards(&self) -> String {
        match (&self.pending, self.aim()) {
            (Some(_), _) => format!("/weiter{}", self.flow_query()),
            (None, aim) => {
                let page = aim.map(Aim::path).or_else(|| self.page_to_repeat());
                page.unwrap_or("/konto").to_owned()
            }
        }
    }

    /// The query of this page's address.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// As [`leave`](Self::leave); the browser is known from now on.
    pub fn remember_device(&self, location: &str, device: &CallerDevice) -> Result<HttpResponse, Error> {
        self.with_device(self.leave(location)?, device)
    }

    fn with_device(&self, mut response: HttpResponse, device: &CallerDevice) -> Result<HttpResponse, Error> {
        if device.0.is_new {
            let mut lasting = cookie(&self.app, &cookie_name(&self.app, DEVICE_COOKIE), device.0.token().to_owned());
            lasting.set_max_age(DEVICE_COOKIE_LIFETIME);
            response.add_cookie(&lasting).map_err(Error::broken)?;
        }
        Ok(response)
    }

    /// As [`remember_device`](Self::remember_device), with a new session.
    pub fn begin_session(
        &self,
        location: &str,
        token: &Secret<String>,
        device: &CallerDevice,
    ) -> Result<HttpResponse, Error> {
        self.with_session(self.leave(location)?, token, device)
    }

    /// Lets a page begin a session: for what is shown once, to somebody who has just signed in.
    pub fn with_session(
        &self,
        page: HttpResponse,
        token: &Secret<String>,
        device: &CallerDevice,
    ) -> Result<HttpResponse, Error> {
        let mut response = self.with_device(page, device)?;
        let name = cookie_name(&self.app, SESSION_COOKIE);
        response.add_cookie(&cookie(&self.app, &name, token.expose().clone())).map_err(Error::broken)?;
        Ok(response)
    }

    /// Forgets session and browser. The page must not come back from any cache.
    pub fn end_session(&self, location: &str) -> Result<HttpResponse, Error> {
        let mut response = redirect(location);
        for name in [SESSION_COOKIE, BROWSER_COOKIE] {
            let mut gone = cookie(&self.app, &cookie_name(&self.app, name), String::new());
            gone.make_removal();
            response.add_cookie(&gone).map_err(Error::broken)?;
        }
        let clear = actix_web::http::header::HeaderValue::from_static("\"cache\"");
        response.headers_mut().insert(actix_web::http::header::HeaderName::from_static("clear-site-data"), clear);
        Ok(response)
    }

    fn remember(&self, mut response: HttpResponse) -> Result<HttpResponse, Error> {
        if self.browser_is_new {
            let name = cookie_name(&self.app, BROWSER_COOKIE);
            response.add_cookie(&cookie(&self.app, &name, self.browser.clone())).map_err(Error::broken)?;
        }
        Ok(response)
    }
}

async fn find_session(app: &App, memory: &Memory, request: &HttpRequest) -> Result<Option<Arc<Remembered>>, Error> {
    let remembered = memory.session(app, &session_token(app, request)).await?;
    if let Some(session) = remembered.as_ref().map(|remembered| &remembered.present.session)
        && session::is_stale(session, app.now())
    {
        let mut work = app.begin(Actor::Account(session.account_id.clone())).await?;
        session::touch(&mut work, session).await?;
        work.commit().await?;
    }
    Ok(remembered)
}

async fn find_pending(
    app: &App,
    registry: &Registry,
    request: &HttpRequest,
    browser: &str,
) -> Result<Option<Arc<Pending>>, Error> {
    let pairs = form::parse_pairs(request.query_string().as_bytes()).unwrap_or_default();
    let id = pairs.iter().find(|(name, _)| name == "vorgang").and_then(|(_, value)| RequestId::parse(value));
    let Some(id) = id else { return Ok(None) };
    let mut tx = app.read().await?;
    Ok(authorize::find(app, registry, &mut tx, &id, &browser_hash(browser)).await?.map(Arc::new))
}

impl FromRequest for Visitor {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        Box::pin(Self::read(request.clone()))
    }
}

impl FromRequest for Leaving {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let visitor = Visitor::read(request).await?;
            let session = visitor.leaving.clone().ok_or(Error::NotSignedIn)?;
            let until = session.leaves_at.ok_or(Error::NotSignedIn)?;
            Ok(Self { visitor, session, until })
        })
    }
}

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let visitor = Visitor::read(request).await?;
            let remembered = visitor.remembered.clone().ok_or(Error::NotSignedIn)?;
            Ok(Self { visitor, session: remembered.present.session.clone(), remembered })
        })
    }
}
