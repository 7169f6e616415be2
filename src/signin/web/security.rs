//! Everything about signing in on one page, and the ways on from there.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::audit::{self, Recorded};
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{EventId, SessionId};
use crate::kernel::texts::{Language, SecurityTexts, Text, moment};
use crate::oidc::logout_state;
use crate::signin::change::{self, device_name};
use crate::signin::recovery_codes;
use crate::signin::session::{self, IDLE_CHOICES_MINUTES};
use crate::store::db::Tx;
use crate::web::caller::{CallerDevice, SignedIn};
use crate::web::form::{Form, parse_pairs};
use crate::web::page::{Frame, Problems};

type Answer = Result<HttpResponse, Error>;

/// Fewer recovery codes than this are too few to rely on.
const CODES_ENOUGH: i64 = 3;
const RECENT: i64 = 5;
const PER_PAGE: i64 = 50;

/// One session as its owner sees it.
struct SessionRow {
    id: String,
    device: String,
    since: String,
    seen: String,
    is_this: bool,
}

/// One line of the history.
struct HistoryRow {
    id: String,
    at: String,
    what: String,
    device: String,
    /// The service that the person was on the way to.
    service: Option<String>,
}

struct IdleChoice {
    minutes: i64,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "security/overview.html")]
struct OverviewPage {
    f: Frame,
    is_safe: bool,
    done: &'static str,
    password_since: String,
    codes_left: i64,
    sessions: Vec<SessionRow>,
    history: Vec<HistoryRow>,
    idle: Vec<IdleChoice>,
}

pub async fn overview(caller: SignedIn, query: web::Query<Done>) -> Answer {
    let (visitor, language) = (&caller.visitor, caller.visitor.language);
    let (app, account) = (&visitor.app, &caller.session.account_id);
    let mut tx = app.read().await?;
    let sessions = session::list(&mut tx, account, app.now()).await?;
    let codes_left = recovery_codes::left(&mut tx, account).await?;
    let password_since = session::password_changed_at(&mut tx, account).await?;
    let history = history(&mut tx, &caller, None, RECENT).await?;
    drop(tx);
    let row = |one: &session::Session| SessionRow {
        id: one.id.to_string(),
        device: device_name(language, one.device.as_deref().unwrap_or_default()),
        since: moment::date_and_clock(language, one.created_at),
        seen: moment::date_and_clock(language, one.last_seen_at),
        is_this: one.id == caller.session.id,
    };
    let chosen = sessions.iter().find(|one| one.id == caller.session.id).and_then(|one| one.idle_minutes);
    let choice = |minutes| IdleChoice { minutes, is_chosen: chosen.unwrap_or(60) == minutes };
    visitor.page(&OverviewPage {
        f: visitor.frame(),
        is_safe: codes_left >= CODES_ENOUGH,
        done: query.shown(),
        password_since: password_since.map_or_else(String::new, |at| moment::date(language, at)),
        codes_left,
        sessions: sessions.iter().map(row).collect(),
        history,
        idle: IDLE_CHOICES_MINUTES.into_iter().map(choice).collect(),
    })
}

/// What has just been done, told at the head of the page.
#[derive(serde::Deserialize)]
pub struct Done {
    #[serde(default)]
    erledigt: String,
}

impl Done {
    fn shown(&self) -> &'static str {
        ["sitzung", "sitzungen", "passwort", "dauer"].into_iter().find(|known| *known == self.erledigt).unwrap_or("")
    }
}

type Sentence = fn(&SecurityTexts) -> &Text;

/// What belongs into the history of signing in, in words.
#[rustfmt::skip]
const HISTORY: [(&str, Sentence); 14] = [
    ("session.begun",          |t| &t.event_begun),
    ("session.renewed",        |t| &t.event_begun),
    ("session.ended",          |t| &t.event_ended),
    ("session.others_ended",   |t| &t.event_others_ended),
    ("signin.refused",         |t| &t.event_refused),
    ("device.added",           |t| &t.event_device),
    ("password.changed",       |t| &t.event_password),
    ("password.reset",         |t| &t.event_password),
    ("recovery_codes.renewed", |t| &t.event_codes),
    ("address.added",          |t| &t.event_address),
    ("address.removed",        |t| &t.event_address),
    ("address.preferred",      |t| &t.event_address),
    ("session.limit_chosen",   |t| &t.event_limit),
    ("refresh.refused",        |t| &t.event_refresh_refused),
];

async fn history(
    tx: &mut Tx,
    caller: &SignedIn,
    before: Option<&EventId>,
    limit: i64,
) -> Result<Vec<HistoryRow>, Error> {
    let kinds = HISTORY.map(|(kind, _)| kind);
    let events = audit::of_kinds(tx, caller.session.account_id.as_str(), &kinds, before, limit).await?;
    Ok(events
        .iter()
        .filter_map(|event| history_row(caller.visitor.language, &caller.visitor.registry, event))
        .collect())
}

fn history_row(language: Language, registry: &Registry, event: &Recorded) -> Option<HistoryRow> {
    let (_, sentence) = HISTORY.iter().find(|(kind, _)| *kind == event.kind)?;
    let detail: serde_json::Value = serde_json::from_str(&event.detail).unwrap_or_default();
    let device = detail["device"].as_str().map_or_else(String::new, |name| device_name(language, name));
    let client = detail["client"].as_str().and_then(|id| registry.known(id));
    let service = client.map(|(client, _)| client.title(language));
    let (id, at) = (event.id.to_string(), moment::date_and_clock(language, event.at));
    Some(HistoryRow { id, at, what: sentence(&language.texts().security).to_string(), device, service })
}

#[derive(Template)]
#[template(path = "security/history.html")]
struct HistoryPage {
    f: Frame,
    rows: Vec<HistoryRow>,
    older: Option<String>,
}

pub async fn show_history(caller: SignedIn) -> Answer {
    let pairs = parse_pairs(caller.visitor.query().as_bytes()).unwrap_or_default();
    let before = pairs.iter().find(|(name, _)| name == "vor").and_then(|(_, id)| EventId::parse(id));
    let mut tx = caller.visitor.app.read().await?;
    let rows = history(&mut tx, &caller, before.as_ref(), PER_PAGE).await?;
    drop(tx);
    let older = rows.last().filter(|_| rows.len() == PER_PAGE as usize).map(|row| row.id.clone());
    caller.visitor.page(&HistoryPage { f: caller.visitor.frame(), rows, older })
}

pub async fn end_session(caller: SignedIn, form: Form) -> Answer {
    let id = SessionId::parse(form.get("sitzung")).ok_or(Error::NotFound)?;
    let mut work = caller.begin().await?;
    session::end_one(&mut work, &caller.session.account_id, &id).await?;
    work.commit().await?;
    if id == caller.session.id {
        let visitor = &caller.visitor;
        return visitor.end_session(&logout_state::farewell(&visitor.app, &visitor.registry, &id).await?);
    }
    caller.visitor.leave("/sicherheit?erledigt=sitzung")
}

pub async fn end_other_sessions(caller: SignedIn, _form: Form) -> Answer {
    let mut work = caller.begin().await?;
    session::end_others(&mut work, &caller.session).await?;
    work.commit().await?;
    caller.visitor.leave("/sicherheit?erledigt=sitzungen")
}

pub async fn choose_idle_limit(caller: SignedIn, form: Form) -> Answer {
    let minutes = form.get("dauer").parse().unwrap_or(0);
    let mut work = caller.begin().await?;
    match session::choose_idle_limit(&mut work, &caller.session.account_id, minutes).await {
        // The choices stand on the page; anything else was not sent by it.
        Err(Error::Invalid(_)) => Err(Error::NotAllowed("no such duration")),
        Err(error) => Err(error),
        Ok(()) => {
            work.commit().await?;
            caller.visitor.leave("/sicherheit?erledigt=dauer")
        }
    }
}

#[derive(Template)]
#[template(path = "security/password.html")]
struct PasswordPage {
    f: Frame,
    email: String,
    shown: bool,
    problems: Problems,
}

async fn password_page(caller: &SignedIn, shown: bool, problems: Problems) -> Result<PasswordPage, Error> {
    let email = caller.account().await?.email.address.as_str().to_owned();
    Ok(PasswordPage { f: caller.visitor.frame(), email, shown, problems })
}

pub async fn password(caller: SignedIn) -> Answer {
    let page = password_page(&caller, false, Problems::none()).await?;
    caller.visitor.page(&page)
}

pub async fn submit_password(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    if let Some(shown) = super::shows_field(&form) {
        return caller.visitor.page(&password_page(&caller, shown, Problems::none()).await?);
    }
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match change::password(&caller.visitor.app, person, form.get("password")).await {
        Ok(token) => caller.visitor.begin_session("/sicherheit?erledigt=passwort", &token, &device),
        Err(Error::Invalid(problems)) => {
            let page = password_page(&caller, false, caller.visitor.problems(&problems)).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "security/codes.html")]
struct CodesPage {
    f: Frame,
    email: String,
    codes: Vec<String>,
    problems: Problems,
}

pub async fn codes(caller: SignedIn) -> Answer {
    let email = caller.account().await?.email.address.as_str().to_owned();
    let (f, codes, problems) = (caller.visitor.frame(), Vec::new(), Problems::none());
    caller.visitor.page(&CodesPage { f, email, codes, problems })
}

pub async fn submit_codes(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let (f, email) = (caller.visitor.frame(), account.email.address.as_str().to_owned());
    let person = caller.person(&account, (&network, &device), &form);
    match change::recovery_codes(&caller.visitor.app, person).await {
        Ok(codes) => caller.visitor.page(&CodesPage { f, email, codes, problems: Problems::none() }),
        Err(Error::Invalid(problems)) => {
            let problems = caller.visitor.problems(&problems);
            caller.visitor.page_again(&CodesPage { f, email, codes: Vec::new(), problems })
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "security/emergency.html")]
struct EmergencyPage {
    f: Frame,
    ended: bool,
}

pub async fn emergency(caller: SignedIn) -> Answer {
    let ended = caller.visitor.query() == "erledigt=1";
    caller.visitor.page(&EmergencyPage { f: caller.visitor.frame(), ended })
}

pub async fn submit_emergency(caller: SignedIn, device: CallerDevice, _form: Form) -> Answer {
    let mut work = caller.begin().await?;
    change::end_everything_else(&mut work, &caller.session, &device.0).await?;
    work.commit().await?;
    caller.visitor.remember_device("/sicherheit/notfall?erledigt=1", &device)
}
