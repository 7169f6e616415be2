//! The pages of a person's data: protocol, copy, leaving, returning.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use futures_util::stream::try_unfold;

use super::export;
use super::leaving::{self, When};
use super::protocol::{Reader, Topic};
use crate::kernel::ROWS_PER_PAGE;
use crate::kernel::error::Error;
use crate::kernel::id::EventId;
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Party;
use crate::organisation::leaving::{Orphan, last_in};
use crate::safe;
use crate::signin::session;
use crate::web::caller::{CallerDevice, Leaving, SignedIn, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

type Answer = Result<HttpResponse, Error>;

/// Lines of the table read at once.
const CSV_PAGE: i64 = 500;

#[derive(serde::Deserialize)]
pub struct Filter {
    #[serde(default)]
    art: String,
    #[serde(default)]
    vor: String,
}

struct TopicLink {
    name: &'static str,
    title: String,
    is_chosen: bool,
}

struct EntryRow {
    id: String,
    at: String,
    who: String,
    what: String,
    purpose: String,
    basis: String,
}

#[derive(Template)]
#[template(path = "data/protocol.html")]
struct ProtocolPage {
    f: Frame,
    topics: Vec<TopicLink>,
    /// The filter as it stands in an address.
    topic: &'static str,
    rows: Vec<EntryRow>,
    older: Option<String>,
}

pub async fn protocol(caller: SignedIn, filter: web::Query<Filter>) -> Answer {
    let (visitor, language) = (&caller.visitor, caller.visitor.language);
    let chosen = Topic::from_name(&filter.art);
    let before = EventId::parse(&filter.vor);
    let reader = reader(&caller);
    let entries = reader.read(&mut visitor.app.read().await?, chosen, before.as_ref(), ROWS_PER_PAGE).await?;
    let older = entries.last().filter(|_| entries.len() as i64 == ROWS_PER_PAGE).map(|entry| entry.id.to_string());
    let f = visitor.frame();
    let link = |topic: Topic| TopicLink {
        name: topic.name(),
        title: topic.title(&f.t.protocol).to_string(),
        is_chosen: chosen == Some(topic),
    };
    let topics = Topic::ALL.into_iter().map(link).collect();
    let row = |entry: super::protocol::Entry| EntryRow {
        at: moment::date_and_clock(language, entry.at),
        id: entry.id.to_string(),
        who: entry.who,
        what: entry.what,
        purpose: entry.purpose,
        basis: entry.basis,
    };
    let rows = entries.into_iter().map(row).collect();
    visitor.page(&ProtocolPage { f, topics, topic: chosen.map_or("", Topic::name), rows, older })
}

fn reader(caller: &SignedIn) -> Reader<'_> {
    let visitor = &caller.visitor;
    Reader {
        account: &caller.session.account_id,
        registry: &visitor.registry,
        language: visitor.language,
        config: &visitor.app.config,
        vault: &visitor.app.vault,
    }
}

/// The whole protocol as a table, sent while it is read.
pub async fn protocol_csv(caller: SignedIn) -> Answer {
    let head = format!("\u{feff}{}", export::csv_head(&caller.visitor.language.texts().protocol));
    let lines = try_unfold((caller, Some(None), head), async |(caller, before, mut out)| {
        // `Some(None)` begins with the newest; `None` is the end.
        let Some(before): Option<Option<EventId>> = before else { return Ok::<_, Error>(None) };
        let entries =
            reader(&caller).read(&mut caller.visitor.app.read().await?, None, before.as_ref(), CSV_PAGE).await?;
        out.extend(entries.iter().map(export::csv_entry));
        let next = entries.last().filter(|_| entries.len() as i64 == CSV_PAGE).map(|entry| Some(entry.id.clone()));
        Ok(Some((web::Bytes::from(out), (caller, next, String::new()))))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"protokoll.csv\""))
        .streaming(Box::pin(lines)))
}

#[derive(Template)]
#[template(path = "data/export.html")]
struct ExportPage {
    f: Frame,
    email: String,
    asks_password: bool,
    /// What fetches the copy, and until when, once it has been granted.
    granted: Option<(String, String)>,
    problems: Problems,
}

async fn export_page(
    caller: &SignedIn,
    granted: Option<(String, String)>,
    problems: Problems,
) -> Result<ExportPage, Error> {
    let email = caller.account().await?.email.address.as_str().to_owned();
    let asks_password = granted.is_none() && caller.asks_password().await?;
    Ok(ExportPage { f: caller.visitor.frame(), email, asks_password, granted, problems })
}

pub async fn export(caller: SignedIn) -> Answer {
    caller.visitor.page(&export_page(&caller, None, Problems::none()).await?)
}

pub async fn submit_export(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match export::grant(&caller.visitor.app, person).await {
        Ok((token, until)) => {
            let until = moment::date_and_clock(caller.visitor.language, until);
            let granted = Some((token.expose().clone(), until));
            caller.visitor.page(&export_page(&caller, granted, Problems::none()).await?)
        }
        Err(Error::Invalid(problems)) => {
            let problems = caller.visitor.problems(&problems);
            caller.visitor.page_again(&export_page(&caller, None, problems).await?)
        }
        Err(error) => Err(error),
    }
}

/// The copy itself.
pub async fn fetch_export(caller: SignedIn, form: Form) -> Answer {
    let (visitor, account) = (&caller.visitor, caller.account().await?);
    let work = caller.begin().await?;
    export::take(&visitor.app, work, (&account, &caller.session.id), form.get("schluessel")).await?;
    let whose = (account.id.clone(), caller.session.level(visitor.app.now()));
    let archive = export::archive(visitor.app.clone(), visitor.registry.clone(), whose, visitor.language);
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"nutzerkonto.zip\""))
        .streaming(Box::pin(archive)))
}

#[derive(Template)]
#[template(path = "data/leave.html")]
struct LeavePage {
    f: Frame,
    email: String,
    asks_password: bool,
    /// Services that lose the connection.
    services: Vec<String>,
    sessions: usize,
    /// In the safe.
    documents: i64,
    /// Organisations that nobody would be in charge of any more: first somebody else has to be.
    organisations: Vec<Orphan>,
    /// Until when one may return.
    until: String,
    at_once: bool,
    problems: Problems,
}

async fn leave_page(caller: &SignedIn, at_once: bool, problems: Problems) -> Result<LeavePage, Error> {
    let (visitor, account) = (&caller.visitor, caller.account().await?);
    let now = visitor.app.now();
    let sessions = session::list(&mut visitor.app.read().await?, &account.id, now).await?.len();
    let connections = caller.connections().await?;
    let services = connections.iter().map(|one| one.client.title(visitor.language)).collect();
    let until = moment::date(visitor.language, leaving::erase_at(now));
    let email = account.email.address.as_str().to_owned();
    let asks_password = caller.asks_password().await?;
    let organisations = last_in(&mut visitor.app.read().await?, &visitor.app, &account.id).await?;
    let safe = safe::usage(&mut visitor.app.read().await?, &Party::Person(account.id.clone())).await?;
    let f = visitor.frame();
    let documents = safe.documents;
    Ok(LeavePage { f, email, asks_password, services, sessions, documents, organisations, until, at_once, problems })
}

pub async fn leave(caller: SignedIn) -> Answer {
    caller.visitor.page(&leave_page(&caller, false, Problems::none()).await?)
}

pub async fn submit_leave(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    // Whatever is not the one word that cannot be taken back leaves time to return.
    let when = if form.get("wann") == "sofort" { When::AtOnce } else { When::Later };
    let person = caller.person(&account, (&network, &device), &form);
    match leaving::leave(&caller.visitor.app, person, when).await {
        Ok(None) => caller.visitor.end_session("/daten/geloescht"),
        Ok(Some(until)) => caller.visitor.end_session(&format!("/daten/geloescht?am={}", until.seconds())),
        Err(Error::Invalid(problems)) => {
            let problems = caller.visitor.problems(&problems);
            caller.visitor.page_again(&leave_page(&caller, when == When::AtOnce, problems).await?)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "data/left.html")]
struct LeftPage {
    f: Frame,
    /// Until when one may return.
    until: Option<String>,
}

pub async fn left(visitor: Visitor) -> Answer {
    let seconds = visitor.query().strip_prefix("am=").and_then(|text| text.parse().ok());
    // Only an instant that may be one; the page says nothing about anybody.
    let near = |seconds: &i64| (0..=i64::from(u32::MAX)).contains(seconds);
    let until = seconds.filter(near).map(|seconds| moment::date(visitor.language, Timestamp::from_seconds(seconds)));
    visitor.page(&LeftPage { f: visitor.frame(), until })
}

#[derive(Template)]
#[template(path = "data/returning.html")]
struct ReturningPage {
    f: Frame,
    until: String,
}

pub async fn returning(caller: Leaving) -> Answer {
    let until = moment::date(caller.visitor.language, caller.until);
    caller.visitor.page(&ReturningPage { f: caller.visitor.frame(), until })
}

pub async fn submit_returning(caller: Leaving, form: Form) -> Answer {
    let (app, id) = (&caller.visitor.app, &caller.session.account_id);
    let mut work = caller.begin().await?;
    match form.get("wahl") {
        "behalten" => leaving::keep(app, &mut work, id).await?,
        "sofort" => leaving::erase(app, &mut work, id, super::Why::Owner).await?,
        // The choices stand on the page; anything else was not sent by it.
        _ => return Err(Error::NotAllowed("no such choice")),
    }
    work.commit().await?;
    match form.get("wahl") {
        "behalten" => caller.visitor.leave(&caller.visitor.onwards()),
        _ => caller.visitor.end_session("/daten/geloescht"),
    }
}
