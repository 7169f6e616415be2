//! What lies in a postbox.

use actix_web::web;
use askama::Template;

use super::{Answer, At};
use crate::kernel::error::Error;
use crate::kernel::id::{AreaId, ClientId, MessageId};
use crate::kernel::texts::{Text, moment};
use crate::kernel::time::Timestamp;
use crate::organisation::area::{self, Area};
use crate::postbox::content::Head;
use crate::postbox::reader::{CHOICE_OF, Listed, Source, Wanted};
use crate::postbox::reply::sent::{self, Marks};
use crate::postbox::search::{Found, LOOKED_THROUGH_MAX, Names, Term};
use crate::postbox::{After, Message, Shelf};
use crate::store::db::Tx;
use crate::web::page::{Frame, level_name};

const PER_PAGE: usize = 25;
const GENERAL: &str = "allgemein";

#[derive(serde::Deserialize)]
pub struct Filter {
    #[serde(default)]
    ablage: String,
    #[serde(default)]
    ungelesen: String,
    #[serde(default)]
    frist: String,
    #[serde(default)]
    absender: String,
    #[serde(default)]
    bereich: String,
    #[serde(default)]
    suche: String,
    #[serde(default)]
    seite: String,
}

impl Filter {
    fn shelf(&self) -> Shelf {
        match self.ablage.as_str() {
            "archiv" => Shelf::Archived,
            "papierkorb" => Shelf::Deleted,
            _ => Shelf::Open,
        }
    }

    /// Whether anything but a shelf is chosen.
    fn chooses(&self) -> bool {
        [&self.ungelesen, &self.frist, &self.absender, &self.bereich, &self.suche]
            .into_iter()
            .any(|value| !value.is_empty())
    }

    /// The place where the page begins. It travels as a moment and an id, which are no secret.
    fn after(&self) -> Option<(Timestamp, MessageId)> {
        let (at, id) = self.seite.split_once('-')?;
        Some((Timestamp::from_milliseconds(at.parse().ok()?), MessageId::parse(id)?))
    }

    fn query(&self, (at, id): &(Timestamp, String)) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let chosen = [
            ("ablage", &self.ablage),
            ("ungelesen", &self.ungelesen),
            ("frist", &self.frist),
            ("absender", &self.absender),
            ("bereich", &self.bereich),
            ("suche", &self.suche),
        ];
        for (name, value) in chosen.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        query.append_pair("seite", &format!("{}-{id}", at.milliseconds())).finish()
    }
}

pub struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

pub struct Row {
    id: String,
    title: String,
    sender: String,
    /// What has to be said of it before anything else: new, locked, answered.
    state: Vec<String>,
    deadline: Option<String>,
    area: Option<String>,
    date: String,
}

#[derive(Template)]
#[template(path = "postbox/list.html")]
struct ListPage {
    f: Frame,
    party: Option<String>,
    shelves: Vec<Choice>,
    authorities: Vec<Choice>,
    areas: Vec<Choice>,
    unread: bool,
    running: bool,
    chooses: bool,
    /// What was searched for.
    searched: String,
    /// Said where not everything was looked through.
    cut: Option<Text>,
    is_deleted: bool,
    is_agent: bool,
    /// Said where there is nothing.
    none: Text,
    result: String,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
}

impl At {
    fn row(&self, message: &Message, head: Option<&Head>, (areas, marks): (&[Area], &Marks)) -> Row {
        let (words, t) = (self.words(), self.words().texts());
        let is_locked = !self.reader.opens(message);
        let level = level_name(words.language().texts(), message.level);
        let state = [
            message.is_unread().then(|| t.unread.to_string()),
            is_locked.then(|| t.locked.with("level", level).to_string()),
            message.has_lapsed(words.today).then(|| t.lapsed_word.to_string()),
            marks.drafts.contains(&message.id).then(|| words.reply().mark_draft.to_string()),
            marks.answered.contains(&message.id).then(|| words.reply().mark_answered.to_string()),
        ];
        let deadline = words.deadlines(message).into_iter().next().and_then(|deadline| words.left(deadline.day));
        let area = self.reader.belongs().then(|| area_name(self, areas, message.area.as_ref()));
        let date = moment::date(words.language(), message.facts.provided_at);
        Row {
            id: message.id.to_string(),
            title: words.title(message, head),
            sender: words.sender(message, head),
            state: state.into_iter().flatten().collect(),
            deadline: deadline.map(|left| t.deadline.with("left", left).to_string()),
            area,
            date: t.provided_on.with("date", date).to_string(),
        }
    }

    /// The areas of the organisation, for whoever belongs to it.
    async fn areas(&self, tx: &mut Tx) -> Result<Vec<Area>, Error> {
        match self.reader.owner.organisation().filter(|_| self.reader.belongs()) {
            Some(id) => area::list(tx, &self.caller.visitor.app.vault, id).await,
            None => Ok(Vec::new()),
        }
    }
}

fn area_name(at: &At, areas: &[Area], id: Option<&AreaId>) -> String {
    let texts = at.words().language().texts();
    match id {
        None => texts.members.area_general.to_string(),
        Some(id) => areas
            .iter()
            .find(|area| area.id == *id)
            .map_or_else(|| texts.organisation_protocol.area_gone.to_string(), |area| area.name.clone()),
    }
}

fn shelf_choices(at: &At, shelf: Shelf) -> Vec<Choice> {
    let t = at.words().texts();
    let all = [
        ("", Shelf::Open, &t.shelf_open),
        ("archiv", Shelf::Archived, &t.shelf_archived),
        ("papierkorb", Shelf::Deleted, &t.shelf_deleted),
    ];
    let choice = |(value, one, label): (&str, Shelf, &Text)| Choice {
        value: value.to_owned(),
        label: label.to_string(),
        is_chosen: one == shelf,
    };
    all.into_iter().map(choice).collect()
}

fn choices(found: Vec<(String, String)>, chosen: &str) -> Vec<Choice> {
    let mut choices: Vec<Choice> =
        found.into_iter().map(|(value, label)| Choice { is_chosen: value == chosen, value, label }).collect();
    choices.sort_by(|one, other| (&one.label, &one.value).cmp(&(&other.label, &other.value)));
    choices.dedup_by(|one, other| one.value == other.value);
    choices
}

fn authority_choices(at: &At, sources: &[Source], chosen: &str) -> Vec<Choice> {
    let words = at.words();
    choices(sources.iter().map(|one| (one.client.to_string(), words.service(&one.client))).collect(), chosen)
}

fn area_choices(at: &At, sources: &[Source], areas: &[Area], chosen: &str) -> Vec<Choice> {
    if !at.reader.belongs() {
        return Vec::new();
    }
    let value = |id: Option<&AreaId>| id.map_or(GENERAL, AreaId::as_str).to_owned();
    let of = |one: &Source| (value(one.area.as_ref()), area_name(at, areas, one.area.as_ref()));
    choices(sources.iter().map(of).collect(), chosen)
}

fn none(at: &At, filter: &Filter) -> Text {
    let t = at.words().texts();
    let text = match filter.shelf() {
        _ if filter.chooses() => &t.none_chosen,
        Shelf::Open => &t.none_open,
        Shelf::Archived => &t.none_archived,
        Shelf::Deleted => &t.none_deleted,
    };
    text.clone()
}

/// What is on the page: everything that is wanted, or what is found of it.
async fn find(
    at: &At,
    tx: &mut Tx,
    (wanted, filter): (&Wanted<'_>, &Filter),
    after: Option<After<'_>>,
) -> Result<Found, Error> {
    let (app, words) = (&at.caller.visitor.app, at.words());
    if let Some(term) = Term::parse(&filter.suche) {
        let names = Names { language: words.language(), service: &|client: &ClientId| words.service(client) };
        return at.reader.search((tx, app), (wanted, &term), names, (after, PER_PAGE)).await;
    }
    let Listed { messages, next } = at.reader.list(tx, wanted, (after, app.now()), PER_PAGE).await?;
    let heads = at.heads(tx, &messages).await?;
    Ok(Found { rows: messages.into_iter().zip(heads).collect(), next, is_cut: false })
}

pub async fn show(at: At, filter: web::Query<Filter>) -> Answer {
    let (visitor, words) = (&at.caller.visitor, at.words());
    let tx = &mut visitor.app.read().await?;
    let client = Some(ClientId(filter.absender.clone())).filter(|id| !id.0.is_empty());
    let area = AreaId::parse(&filter.bereich);
    let wanted = Wanted {
        unread: !filter.ungelesen.is_empty(),
        running_on: Some(words.today).filter(|_| !filter.frist.is_empty()),
        client: client.as_ref(),
        area: Some(area.as_ref()).filter(|area| area.is_some() || filter.bereich == GENERAL),
        ..Wanted::all(filter.shelf())
    };
    let after = filter.after();
    let place = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let Found { rows: found, next, is_cut } = find(&at, tx, (&wanted, &filter), place).await?;
    let (sources, areas) = (at.reader.sources(tx, CHOICE_OF).await?, at.areas(tx).await?);
    let marks = sent::marks(tx, &at.reader, found.iter().map(|(message, _)| message), visitor.app.now()).await?;
    let row = |(message, head): &(Message, Option<Head>)| at.row(message, head.as_ref(), (&areas, &marks));
    let rows: Vec<Row> = found.iter().map(row).collect();
    let count = |is: &dyn Fn(&Message) -> bool| found.iter().filter(|(message, _)| is(message)).count();
    let cut = is_cut.then(|| words.texts().search_cut.with("count", LOOKED_THROUGH_MAX));
    let result = words.texts().result.with("count", rows.len()).with("unread", count(&Message::is_unread));
    visitor.page(&ListPage {
        f: visitor.frame(),
        party: at.party.clone(),
        shelves: shelf_choices(&at, filter.shelf()),
        authorities: authority_choices(&at, &sources, &filter.absender),
        areas: area_choices(&at, &sources, &areas, &filter.bereich),
        unread: wanted.unread,
        running: wanted.running_on.is_some(),
        chooses: filter.chooses(),
        searched: filter.suche.clone(),
        cut,
        is_agent: at.reader.is_agent(),
        is_deleted: filter.shelf() == Shelf::Deleted,
        none: none(&at, &filter),
        result: result.with("running", count(&|message| message.is_running(words.today))).to_string(),
        rows,
        next: next.map(|place| filter.query(&place)),
        is_first: after.is_none(),
    })
}
