//! The account's own pages.

pub mod absence;
pub mod further;

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::account::absence as absences;
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::Timestamp;
use crate::oidc::connection::{self, Connection};
use crate::oidc::logout_state;
use crate::postbox::count_words;
use crate::postbox::reader::Reader;
use crate::signin::recovery;
use crate::web::caller::{SignedIn, Visitor};
use crate::web::form::{Form, parse_pairs};
use crate::web::page::{Frame, attribute_label, attribute_value, level_name};

type Answer = Result<HttpResponse, Error>;

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    f: Frame,
}

pub async fn start(visitor: Visitor) -> Answer {
    if visitor.session.is_some() {
        return visitor.leave("/konto");
    }
    visitor.page(&StartPage { f: visitor.frame() })
}

#[derive(Template)]
#[template(path = "account/overview.html")]
struct OverviewPage {
    f: Frame,
    /// When the account is released to somebody without a second factor.
    released: Option<String>,
    /// Until when they are away now.
    away: Option<String>,
    name: String,
    level: String,
    email: String,
    services: usize,
    /// The postbox with what is new in it, and whose it is if somebody else's.
    postbox: String,
    party: Option<String>,
}

pub async fn overview(caller: SignedIn) -> Answer {
    let (account, services) = (caller.account().await?, caller.connections().await?.len());
    let visitor = &caller.visitor;
    let (f, now) = (visitor.frame(), visitor.app.now());
    let level = level_name(f.t, caller.session.level(now));
    let email = account.email.address.as_str().to_owned();
    let (recovery, absence) = {
        let tx = &mut visitor.app.read().await?;
        (recovery::find(tx, &account.id, now).await?, absences::find(tx, &account.id).await?)
    };
    let released = recovery.map(|one| moment::date_and_clock(visitor.language, one.release_at()));
    let away = absence.filter(|one| one.covers(now)).map(|one| Timestamp::midnight_in_germany(one.last));
    let away = away.map(|last| moment::date(visitor.language, last));
    let present = visitor.present().ok_or(Error::NotSignedIn)?;
    let unread = match Reader::of(present, caller.session.level(now)) {
        Ok(reader) => reader.unread(&mut visitor.app.read().await?).await?,
        // What they have chosen does not count now, or needs more than they have signed in with: the postbox itself says so.
        Err(_) => 0,
    };
    let (postbox, party) = (count_words(f.t, unread), present.acting.as_ref().map(|acting| acting.name.clone()));
    visitor.page(&OverviewPage { f, released, away, name: account.full_name(), level, email, services, postbox, party })
}

/// One datum with where it comes from.
struct ProfileRow {
    label: String,
    value: String,
    source: String,
    date: String,
    level: String,
}

#[derive(Template)]
#[template(path = "account/profile.html")]
struct ProfilePage {
    f: Frame,
    /// Further details were just saved.
    changed: bool,
    /// The language of mails.
    language: &'static str,
    rows: Vec<ProfileRow>,
}

pub async fn profile(caller: SignedIn) -> Answer {
    let visitor = &caller.visitor;
    let changed = visitor.query() == "erledigt=1";
    let account = if changed { Arc::new(caller.fresh_account().await?) } else { caller.account().await? };
    let (f, language) = (visitor.frame(), visitor.language);
    let mut rows: Vec<ProfileRow> = account
        .attributes
        .iter()
        .map(|(name, attribute)| ProfileRow {
            label: attribute_label(f.t, *name),
            value: attribute_value(language, *name, &attribute.value),
            source: attribute.source.label(f.t).to_string(),
            date: moment::date(language, attribute.recorded_at),
            level: level_name(f.t, attribute.level),
        })
        .collect();
    rows.push(ProfileRow {
        label: f.t.attribute.email.to_string(),
        value: account.email.address.as_str().to_owned(),
        source: f.t.source.confirmed_by_code.to_string(),
        date: moment::date(language, account.email.confirmed_at),
        level: level_name(f.t, account.identity_level()),
    });
    visitor.page(&ProfilePage { f, changed, language: account.language.tag(), rows })
}

/// The language of mails, and of the pages in this browser.
pub async fn submit_language(caller: SignedIn, form: Form) -> Answer {
    // The choices stand on the page; anything else was not sent by it.
    let language = Language::from_tag(form.get("sprache")).ok_or(Error::NotAllowed("no such language"))?;
    let mut work = caller.begin().await?;
    crate::account::choose_language(&mut work, &caller.session.account_id, language).await?;
    work.commit().await?;
    with_language(&caller.visitor, "/profil", language)
}

fn with_language(visitor: &Visitor, location: &str, language: Language) -> Answer {
    let mut response = visitor.leave(location)?;
    let mut cookie =
        crate::web::page::cookie(&visitor.app, crate::web::page::LANGUAGE_COOKIE, language.tag().to_owned());
    cookie.make_permanent();
    response.add_cookie(&cookie).map_err(Error::broken)?;
    Ok(response)
}

struct ServiceRow {
    id: String,
    title: String,
    since: String,
    data: String,
    /// Whether the service has learnt of the last end of a session, in words; empty if there was none.
    logout: String,
    is_disabled: bool,
    /// Where the service begins, if it says so.
    start: Option<String>,
}

#[derive(Template)]
#[template(path = "account/services.html")]
struct ServicesPage {
    f: Frame,
    connections: Vec<ServiceRow>,
    ended: Option<String>,
}

pub async fn services(caller: SignedIn, request: actix_web::HttpRequest) -> Answer {
    let (connections, visitor) = (caller.connections().await?, &caller.visitor);
    let (f, language) = (visitor.frame(), visitor.language);
    let logouts = logout_state::last_of(&mut visitor.app.read().await?, &caller.session.account_id).await?;
    let pairs = parse_pairs(request.query_string().as_bytes()).unwrap_or_default();
    let ended = pairs.iter().find(|(name, _)| name == "beendet").and_then(|(_, id)| visitor.registry.known(id));
    let ended = ended.map(|(client, _)| client.title(language));
    let row = |one: &Connection| ServiceRow {
        id: one.client.id.to_string(),
        title: one.client.title(language),
        since: moment::date(language, one.since),
        data: connection::data_names(language, &one.data),
        logout: logouts.get(&one.client.id).map(|logout| logout.words(language)).unwrap_or_default(),
        is_disabled: one.is_disabled,
        start: one.client.start_uri(&visitor.app.config.issuer).filter(|_| !one.is_disabled),
    };
    visitor.page(&ServicesPage { f, connections: connections.iter().map(row).collect(), ended })
}

#[derive(Template)]
#[template(path = "account/disconnect.html")]
struct DisconnectPage {
    f: Frame,
    id: String,
    title: String,
}

pub async fn disconnect(caller: SignedIn, path: web::Path<String>) -> Answer {
    let (connections, visitor) = (caller.connections().await?, &caller.visitor);
    let one = connections.iter().find(|one| one.client.id.0 == *path).ok_or(Error::NotFound)?;
    let (id, title) = (path.into_inner(), one.client.title(visitor.language));
    visitor.page(&DisconnectPage { f: visitor.frame(), id, title })
}

pub async fn submit_disconnect(caller: SignedIn, path: web::Path<String>, _form: Form) -> Answer {
    let client = ClientId(path.into_inner());
    if !caller.connections().await?.iter().any(|one| one.client.id == client) {
        return Err(Error::NotFound);
    }
    connection::withdraw(&caller.visitor.app, &caller.session.account_id, &client).await?;
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("beendet", &client.0).finish();
    caller.visitor.leave(&format!("/dienste?{query}"))
}

/// Sets the language and goes back. Only to a page of ours.
pub async fn language(visitor: Visitor, path: web::Path<String>, request: actix_web::HttpRequest) -> Answer {
    let language = Language::from_tag(&path).ok_or(Error::NotFound)?;
    let pairs = parse_pairs(request.query_string().as_bytes()).unwrap_or_default();
    let back = pairs.iter().find(|(name, _)| name == "zurueck").map_or("/", |(_, value)| value.as_str());
    let is_ours = back.starts_with('/')
        && !back.starts_with("//")
        && back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    with_language(&visitor, if is_ours { back } else { "/" }, language)
}

#[derive(Template)]
#[template(path = "info.html")]
struct InfoPage {
    f: Frame,
    heading: String,
    paragraphs: Vec<String>,
}

pub async fn imprint(visitor: Visitor) -> Answer {
    let (f, operator) = (visitor.frame(), &visitor.app.config.operator);
    let p = &f.t.page;
    let first = p.imprint_1.with("operator", &operator.name).with("address", &operator.address);
    let (heading, paragraphs) = (p.imprint_title.to_string(), vec![first.to_string()]);
    visitor.page(&InfoPage { f, heading, paragraphs })
}

pub async fn privacy(visitor: Visitor) -> Answer {
    let p = &visitor.language.texts().page;
    info(&visitor, &p.privacy_title, &[&p.privacy_1, &p.privacy_2, &p.privacy_3, &p.privacy_4])
}

pub async fn accessibility(visitor: Visitor) -> Answer {
    let p = &visitor.language.texts().page;
    info(&visitor, &p.accessibility_title, &[&p.accessibility_1, &p.accessibility_2, &p.accessibility_3])
}

pub async fn help(visitor: Visitor) -> Answer {
    let p = &visitor.language.texts().page;
    info(&visitor, &p.help_title, &[&p.help_1, &p.help_2, &p.help_3, &p.help_4])
}

fn info(visitor: &Visitor, heading: &crate::kernel::texts::Text, paragraphs: &[&crate::kernel::texts::Text]) -> Answer {
    let contact = &visitor.app.config.operator.contact;
    let paragraphs = paragraphs.iter().map(|text| text.with("contact", contact).to_string()).collect();
    visitor.page(&InfoPage { f: visitor.frame(), heading: heading.to_string(), paragraphs })
}
