//! The protocol of an organisation, as a page and as a table.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use futures_util::stream::try_unfold;

use super::{Answer, AtOrganisation, Head, titles};
use crate::kernel::ROWS_PER_PAGE;
use crate::kernel::calendar::{end_of, typed_day};
use crate::kernel::error::Error;
use crate::kernel::id::{EventId, MembershipId};
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::organisation::protocol::{self, Entry, Filter, Reader, Topic};
use crate::organisation::roster;
use crate::web::page::Frame;

/// Lines of the table read at once.
const CSV_PAGE: i64 = 500;

/// As it stands in the address: everything may be left out, and what cannot be read counts as left out.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub struct Query {
    art: String,
    person: String,
    vor: String,
    von_tag: String,
    von_monat: String,
    von_jahr: String,
    bis_tag: String,
    bis_monat: String,
    bis_jahr: String,
}

impl Query {
    fn filter(&self) -> Filter {
        let from = typed_day([&self.von_tag, &self.von_monat, &self.von_jahr]);
        Filter {
            topic: Topic::from_name(&self.art),
            person: MembershipId::parse(&self.person),
            from: from.map(Timestamp::midnight_in_germany),
            until: typed_day([&self.bis_tag, &self.bis_monat, &self.bis_jahr]).map(end_of),
        }
    }

    /// The same, as an address says it, with another beginning.
    fn text(&self, before: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let pairs = [
            ("art", self.art.as_str()),
            ("person", &self.person),
            ("von_tag", &self.von_tag),
            ("von_monat", &self.von_monat),
            ("von_jahr", &self.von_jahr),
            ("bis_tag", &self.bis_tag),
            ("bis_monat", &self.bis_monat),
            ("bis_jahr", &self.bis_jahr),
            ("vor", before),
        ];
        query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }
}

struct Line {
    id: String,
    at: String,
    who: String,
    by: String,
    what: String,
    reason: String,
}

struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "members/protocol.html")]
struct ProtocolPage {
    f: Frame,
    o: Head,
    by: String,
    topics: Vec<Choice>,
    /// The one whose acts are shown.
    person: Option<String>,
    days: [Day; 2],
    rows: Vec<Line>,
    older: Option<String>,
    csv: String,
}

/// A day to type.
struct Day {
    id: &'static str,
    legend: String,
    typed: [String; 3],
}

async fn read(at: &AtOrganisation, filter: &Filter, before: Option<&EventId>, limit: i64) -> Result<Vec<Entry>, Error> {
    let visitor = &at.caller.visitor;
    let titles = titles(&visitor.registry, visitor.language);
    let (app, organisation, language) = (&visitor.app, &at.member.organisation.id, visitor.language);
    let reader = Reader { app, organisation, language, titles: &titles };
    reader.read(&mut app.read().await?, filter, before, limit).await
}

pub async fn show(at: AtOrganisation, query: web::Query<Query>) -> Answer {
    at.look()?;
    let (visitor, query) = (&at.caller.visitor, query.into_inner());
    let (app, language, filter) = (&visitor.app, visitor.language, query.filter());
    let before = EventId::parse(&query.vor);
    let entries = read(&at, &filter, before.as_ref(), ROWS_PER_PAGE).await?;
    let organisation = &at.member.organisation.id;
    let person = match &filter.person {
        Some(person) => roster::name_of(&mut app.read().await?, &app.vault, organisation, person).await?,
        None => None,
    };
    let older =
        entries.last().filter(|_| entries.len() as i64 == ROWS_PER_PAGE).map(|entry| query.text(entry.id.as_str()));
    let f = visitor.frame();
    let choice = |topic: Topic| Choice {
        value: topic.name().to_owned(),
        label: topic.title(&f.t.organisation_protocol).to_string(),
        is_chosen: filter.topic == Some(topic),
    };
    let every = Choice {
        value: String::new(),
        label: f.t.organisation_protocol.topic_all.to_string(),
        is_chosen: filter.topic.is_none(),
    };
    let row = |entry: Entry| Line {
        id: entry.id.to_string(),
        at: moment::date_and_clock(language, entry.at),
        who: entry.who,
        by: entry.by.map_or_else(String::new, |id| id.to_string()),
        what: entry.what,
        reason: entry.reason,
    };
    let topics = std::iter::once(every).chain(Topic::ALL.into_iter().map(choice)).collect();
    let (rows, csv) = (entries.into_iter().map(row).collect(), query.text(""));
    let (p, Query { von_tag, von_monat, von_jahr, bis_tag, bis_monat, bis_jahr, .. }) =
        (&f.t.organisation_protocol, query);
    let days = [
        Day { id: "von", legend: p.from.to_string(), typed: [von_tag, von_monat, von_jahr] },
        Day { id: "bis", legend: p.until.to_string(), typed: [bis_tag, bis_monat, bis_jahr] },
    ];
    let by = filter.person.map_or_else(String::new, |id| id.to_string());
    visitor.page(&ProtocolPage { o: at.head(), by, topics, person, days, rows, older, csv, f })
}

/// The same as a table, sent while it is read.
pub async fn table(at: AtOrganisation, query: web::Query<Query>) -> Answer {
    at.look()?;
    let language = at.caller.visitor.language;
    let head = format!("\u{feff}{}", protocol::csv_head(language));
    let filter = query.filter();
    let lines = try_unfold((at, Some(None), head), move |(at, before, mut out)| {
        let filter = filter.clone();
        async move {
            // `Some(None)` begins with the newest; `None` is the end.
            let Some(before): Option<Option<EventId>> = before else { return Ok::<_, Error>(None) };
            let entries = read(&at, &filter, before.as_ref(), CSV_PAGE).await?;
            out.extend(entries.iter().map(|entry| protocol::csv_entry(language, entry)));
            let next = entries.last().filter(|_| entries.len() as i64 == CSV_PAGE).map(|entry| Some(entry.id.clone()));
            Ok(Some((web::Bytes::from(out), (at, next, String::new()))))
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"protokoll.csv\""))
        .streaming(Box::pin(lines)))
}
