//! Everything about signing in on one page, and the ways on from there.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::audit::{self, Recorded};
use crate::client::registry::Registry;
use crate::kernel::ROWS_PER_PAGE;
use crate::kernel::error::Error;
use crate::kernel::id::{EventId, SessionId};
use crate::kernel::means::MeansKind;
use crate::kernel::texts::{Language, SecurityTexts, Text, moment};
use crate::oidc::logout_state;
use crate::signin::change::{self, device_name};
use crate::signin::session::{self, IDLE_CHOICES_MINUTES};
use crate::signin::{means, passkey, password_removal, recovery, recovery_codes};
use crate::store::db::Tx;
use crate::web::caller::{CallerDevice, SignedIn};
use crate::web::form::{Form, parse_pairs};
use crate::web::page::{Frame, Problems, ProviderButton, level_name};

type Answer = Result<HttpResponse, Error>;

/// Fewer recovery codes than this are too few to rely on.
const CODES_ENOUGH: i64 = 3;
const RECENT: i64 = 5;

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
    /// When the account is released to somebody without a second factor.
    released: Option<String>,
    is_safe: bool,
    done: &'static str,
    /// Since when there is a password, if there is one.
    password_since: Option<String>,
    may_remove_password: bool,
    passkeys: usize,
    /// How many of them open the account.
    passkeys_usable: usize,
    codes_left: i64,
    code_apps: usize,
    cards: usize,
    has_eid: bool,
    /// How many, if there is anything to link.
    linked: Option<usize>,
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
    let means = means::list(&mut tx, account).await?;
    let code_apps = means.iter().filter(|one| one.kind.is_code()).count();
    let cards = means.iter().filter(|one| one.kind == MeansKind::Eid).count();
    let passkeys_usable = password_removal::passkeys(&means);
    let has_two = passkeys_usable >= password_removal::PASSKEYS_MIN;
    let linked = means.iter().filter(|one| one.kind == MeansKind::LinkedAccount).count();
    let passkeys = passkey::list(&mut tx, &app.vault, account).await?.len();
    let history = history(&mut tx, &caller, None, RECENT).await?;
    let recovery = recovery::find(&mut tx, account, app.now()).await?;
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
        released: recovery.map(|one| moment::date_and_clock(language, one.release_at())),
        is_safe: if password_since.is_some() { codes_left >= CODES_ENOUGH } else { has_two },
        done: query.shown(),
        may_remove_password: password_since.is_some() && has_two,
        password_since: password_since.map(|at| moment::date(language, at)),
        passkeys,
        passkeys_usable,
        codes_left,
        code_apps,
        cards,
        has_eid: app.eid.is_some(),
        linked: Some(linked).filter(|count| *count > 0 || !ProviderButton::all(app, language).is_empty()),
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
        ["sitzung", "sitzungen", "passwort", "ohne-passwort", "dauer", "freigabe"]
            .into_iter()
            .find(|known| *known == self.erledigt)
            .unwrap_or("")
    }
}

type Sentence = fn(&SecurityTexts) -> &Text;

/// What belongs into the history of signing in, in words.
#[rustfmt::skip]
const HISTORY: [(&str, Sentence); 39] = [
    ("session.begun",          |t| &t.event_begun),
    ("session.renewed",        |t| &t.event_begun),
    ("session.ended",          |t| &t.event_ended),
    ("session.others_ended",   |t| &t.event_others_ended),
    ("signin.refused",         |t| &t.event_refused),
    ("device.added",           |t| &t.event_device),
    ("password.changed",       |t| &t.event_password),
    ("password.reset",         |t| &t.event_password),
    ("password.removed",       |t| &t.event_password_removed),
    ("recovery_codes.renewed", |t| &t.event_codes),
    ("recovery_code.used",     |t| &t.event_recovery_used),
    ("recovery_code.refused",  |t| &t.event_recovery_refused),
    ("recovery.begun",         |t| &t.event_recovery_begun),
    ("recovery.cancelled",     |t| &t.event_recovery_cancelled),
    ("recovery.finished",      |t| &t.event_recovery_finished),
    ("recovery.means_set",     |t| &t.event_means_set),
    ("recovery.desk_cancelled", |t| &t.event_desk_cancelled),
    ("recovery.desk_finished", |t| &t.event_desk_finished),
    ("code_generator.added",   |t| &t.event_code_added),
    ("code_generator.removed", |t| &t.event_code_removed),
    ("code_generator.refused", |t| &t.event_code_refused),
    ("passkey.added",          |t| &t.event_passkey_added),
    ("passkey.removed",        |t| &t.event_passkey_removed),
    ("eid_card.added",         |t| &t.event_card_added),
    ("eid_card.refused",       |t| &t.event_card_refused),
    ("eid_card.removed",       |t| &t.event_card_removed),
    ("eid_card.recovery",      |t| &t.event_card_recovery),
    ("passkey.refused",        |t| &t.event_passkey_refused),
    ("linked_account.added",   |t| &t.event_linked_added),
    ("linked_account.removed", |t| &t.event_linked_removed),
    ("linked_account.refused", |t| &t.event_linked_refused),
    ("linked_account.signed_out", |t| &t.event_linked_signed_out),
    ("means.blocked",          |t| &t.event_blocked),
    ("means.unblocked",        |t| &t.event_unblocked),
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
    let t = &language.texts().security;
    let methods = detail["methods"].as_str().unwrap_or_default();
    let what = match methods.split(' ').find(|method| ["otp", "hwk", "swk", "sc", "fed"].contains(method)) {
        Some("otp") => &t.event_begun_code,
        Some("sc") => &t.event_begun_eid,
        Some("fed") => &t.event_begun_linked,
        Some(_) => &t.event_begun_passkey,
        None => sentence(t),
    };
    Some(HistoryRow { id, at, what: what.to_string(), device, service })
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
    let rows = history(&mut tx, &caller, before.as_ref(), ROWS_PER_PAGE).await?;
    drop(tx);
    let older = rows.last().filter(|_| rows.len() == ROWS_PER_PAGE as usize).map(|row| row.id.clone());
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
    /// Not if there is none yet.
    asks_password: bool,
    shown: bool,
    problems: Problems,
}

async fn password_page(caller: &SignedIn, shown: bool, problems: Problems) -> Result<PasswordPage, Error> {
    let email = caller.account().await?.email.address.as_str().to_owned();
    let asks_password = caller.asks_password().await?;
    Ok(PasswordPage { f: caller.visitor.frame(), email, asks_password, shown, problems })
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
#[template(path = "security/password_removal.html")]
struct RemovalPage {
    f: Frame,
    passkeys: usize,
    /// Whether there are enough of them.
    is_enough: bool,
    /// The level that signing in must have first, if it has not.
    needs: Option<String>,
    has_codes: bool,
    problems: Problems,
}

/// `NotFresh` for somebody who could go on if they signed in with a passkey.
async fn removal_page(caller: &SignedIn, problems: Problems) -> Result<RemovalPage, Error> {
    let (app, now) = (&caller.visitor.app, caller.visitor.app.now());
    let means = means::list(&mut app.read().await?, &caller.session.account_id).await?;
    if !means.iter().any(|one| one.kind == MeansKind::Password) {
        return Err(Error::NotFound);
    }
    let passkeys = password_removal::passkeys(&means);
    let is_enough = passkeys >= password_removal::PASSKEYS_MIN;
    if is_enough && !password_removal::has_used_passkey(&caller.session, now) {
        return Err(Error::NotFresh);
    }
    let (f, needed) = (caller.visitor.frame(), password_removal::needed(&app.config, &means, now));
    let needs = Some(needed).filter(|level| caller.session.strength(now) < *level);
    let needs = needs.map(|level| level_name(f.t, level));
    let has_codes = means.iter().any(|one| one.kind.is_code());
    Ok(RemovalPage { f, passkeys, is_enough, needs, has_codes, problems })
}

pub async fn remove_password(caller: SignedIn) -> Answer {
    caller.visitor.page(&removal_page(&caller, Problems::none()).await?)
}

pub async fn submit_remove_password(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match password_removal::remove(&caller.visitor.app, person).await {
        Ok(()) => caller.visitor.leave("/sicherheit?erledigt=ohne-passwort"),
        Err(Error::Invalid(problems)) => {
            let page = removal_page(&caller, caller.visitor.problems(&problems)).await?;
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
    asks_password: bool,
    codes: Vec<String>,
    problems: Problems,
}

async fn codes_page(caller: &SignedIn, problems: Problems) -> Result<CodesPage, Error> {
    let email = caller.account().await?.email.address.as_str().to_owned();
    let (f, asks_password) = (caller.visitor.frame(), caller.asks_password().await?);
    Ok(CodesPage { f, email, asks_password, codes: Vec::new(), problems })
}

pub async fn codes(caller: SignedIn) -> Answer {
    caller.visitor.page(&codes_page(&caller, Problems::none()).await?)
}

pub async fn submit_codes(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match change::recovery_codes(&caller.visitor.app, person).await {
        Ok(codes) => {
            let (f, email, problems) = (caller.visitor.frame(), String::new(), Problems::none());
            caller.visitor.page(&CodesPage { f, email, asks_password: false, codes, problems })
        }
        Err(Error::Invalid(problems)) => {
            caller.visitor.page_again(&codes_page(&caller, caller.visitor.problems(&problems)).await?)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "security/emergency.html")]
struct EmergencyPage {
    f: Frame,
    has_password: bool,
    ended: bool,
}

pub async fn emergency(caller: SignedIn) -> Answer {
    let ended = caller.visitor.query() == "erledigt=1";
    let mut tx = caller.visitor.app.read().await?;
    let has_password = session::password_changed_at(&mut tx, &caller.session.account_id).await?.is_some();
    drop(tx);
    caller.visitor.page(&EmergencyPage { f: caller.visitor.frame(), has_password, ended })
}

pub async fn submit_emergency(caller: SignedIn, device: CallerDevice, _form: Form) -> Answer {
    let mut work = caller.begin().await?;
    change::end_everything_else(&caller.visitor.app, &mut work, &caller.session, &device.0).await?;
    work.commit().await?;
    caller.visitor.remember_device("/sicherheit/notfall?erledigt=1", &device)
}
