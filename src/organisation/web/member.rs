//! The pages of members: the list, one of them, oneself.

use actix_web::web;
use askama::Template;

use super::rights::{self, Group, Row, Shown};
use super::{Answer, AtOrganisation, Head};
use crate::kernel::error::Error;
use crate::kernel::id::MembershipId;
use crate::kernel::level::Level;
use crate::kernel::texts::{Text, moment};
use crate::organisation::area::Area;
use crate::organisation::granting;
use crate::organisation::handover::{self as handovers};
use crate::organisation::member::Right;
use crate::organisation::roster::{self, Listed, Page};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, level_name};

#[derive(serde::Deserialize)]
pub struct Cursor {
    #[serde(default)]
    nach: String,
    #[serde(default)]
    suche: String,
    #[serde(default)]
    erledigt: String,
}

/// From so many members on there is a search.
const SEARCH_FROM: usize = 10;
const SEARCH_MAX: usize = 100;

struct MemberLine {
    id: String,
    name: String,
    rights: String,
    level: String,
    since: String,
    used: String,
    away: Option<Text>,
    is_you: bool,
}

#[derive(Template)]
#[template(path = "members/list.html")]
struct ListPage {
    f: Frame,
    o: Head,
    rows: Vec<MemberLine>,
    /// Nobody else could let others in.
    is_alone: bool,
    shows_search: bool,
    search: String,
    /// Where the list goes on.
    next: Option<String>,
    /// What has just been done.
    done: Option<&'static str>,
}

impl AtOrganisation {
    fn shown<'a>(&'a self, areas: &'a [Area], identity: Level) -> Shown<'a> {
        let visitor = &self.caller.visitor;
        Shown { language: visitor.language, registry: &visitor.registry, areas, identity, now: visitor.app.now() }
    }

    /// The member that a path names; `NotFound` for one of another organisation.
    async fn other(&self, id: &str) -> Result<Listed, Error> {
        let app = &self.caller.visitor.app;
        let id = MembershipId::parse(id).ok_or(Error::NotFound)?;
        roster::one(&mut app.read().await?, &app.vault, &self.member.organisation.id, &id).await
    }

    fn path(&self, rest: &str) -> String {
        format!("/organisation/{}/{rest}", self.member.organisation.id)
    }
}

pub async fn list(at: AtOrganisation, cursor: web::Query<Cursor>) -> Answer {
    at.look()?;
    let (visitor, organisation) = (&at.caller.visitor, &at.member.organisation.id);
    let (app, language) = (&visitor.app, visitor.language);
    let after = MembershipId::parse(&cursor.nach);
    let search: String = cursor.suche.trim().chars().filter(|letter| !letter.is_control()).take(SEARCH_MAX).collect();
    // Before this holds a connection: whoever waits for another with one in hand may wait for somebody who does the same.
    let areas = at.areas().await?;
    let tx = &mut app.read().await?;
    let Page { members, next } = match search.as_str() {
        "" => roster::page(tx, &app.vault, organisation, after.as_ref()).await?,
        words => roster::search(tx, &app.vault, organisation, (words, after.as_ref())).await?,
    };
    let f = visitor.frame();
    let row = |one: &Listed| MemberLine {
        id: one.id.to_string(),
        name: one.name.clone(),
        rights: at.shown(&areas, one.identity).line(&one.grants),
        level: level_name(f.t, one.identity),
        since: moment::date(language, one.since),
        used: one.used_at.map_or_else(|| f.t.members.never.to_string(), |at| moment::date(language, at)),
        away: at.away(one.absence.as_ref()),
        is_you: one.id == at.member.id,
    };
    let rows: Vec<MemberLine> = members.iter().map(row).collect();
    let next = next.map(|next| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !search.is_empty() {
            query.append_pair("suche", &search);
        }
        query.append_pair("nach", next.as_str());
        at.path(&format!("mitglieder?{}", query.finish()))
    });
    let done = match cursor.erledigt.as_str() {
        "beendet" => Some("ended"),
        _ => None,
    };
    let is_whole = after.is_none() && search.is_empty();
    let is_alone = is_whole && rows.len() == 1;
    let shows_search = !is_whole || rows.len() >= SEARCH_FROM;
    visitor.page(&ListPage { o: at.head(), rows, is_alone, shows_search, search, next, done, f })
}

#[derive(Template)]
#[template(path = "members/one.html")]
struct OnePage {
    f: Frame,
    o: Head,
    id: String,
    name: String,
    level: String,
    since: String,
    used: String,
    away: Option<Text>,
    is_you: bool,
    /// The identity is not known well enough for everything that was granted.
    waits: bool,
    rows: Vec<Row>,
    groups: Vec<Group>,
    typed: Form,
    may_end: bool,
    /// What is handed over could go to them.
    may_offer: bool,
    done: bool,
    problems: Problems,
}

async fn one_page(at: &AtOrganisation, other: &Listed, typed: Form, problems: Problems) -> Result<OnePage, Error> {
    let (visitor, areas) = (&at.caller.visitor, at.areas().await?);
    let (f, is_you) = (visitor.frame(), other.id == at.member.id);
    let may_take = |right: &Right| is_you || at.member.may_grant(right);
    let language = visitor.language;
    Ok(OnePage {
        o: at.head(),
        id: other.id.to_string(),
        name: other.name.clone(),
        level: level_name(f.t, other.identity),
        since: moment::date(language, other.since),
        used: other.used_at.map_or_else(|| f.t.members.never.to_string(), |at| moment::date(language, at)),
        away: at.away(other.absence.as_ref()),
        is_you,
        waits: other.grants.iter().any(|grant| other.identity < grant.right.needs()),
        rows: at.shown(&areas, other.identity).rows(&other.grants, may_take),
        groups: if is_you { Vec::new() } else { rights::groups(at, &areas, &typed) },
        typed,
        may_offer: !is_you && !handovers::own(&at.member).is_empty(),
        may_end: !is_you && granting::may_end(&at.member, other),
        done: visitor.query() == "erledigt=1",
        problems,
        f,
    })
}

pub async fn one(at: AtOrganisation, path: web::Path<(String, String)>) -> Answer {
    at.look()?;
    let other = at.other(&path.1).await?;
    at.caller.visitor.page(&one_page(&at, &other, Form::empty(), Problems::none()).await?)
}

pub async fn change(at: AtOrganisation, path: web::Path<(String, String)>, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    // Whoever gives up a right of their own needs no other.
    if at.member.id.as_str() != path.1 || !form.is("aktion", "entziehen") {
        at.require(&Right::Administration)?;
    }
    let other = at.other(&path.1).await?;
    let changed = match form.get("aktion") {
        "geben" => match rights::read(&form, &visitor.registry, visitor.app.now()) {
            Ok(grants) => granting::give(&visitor.app, at.inside(), &other.id, &grants).await,
            Err(error) => Err(error),
        },
        "entziehen" => match rights::read_held(form.get("recht")) {
            Ok(right) => granting::take(&visitor.app, at.inside(), &other.id, &right).await,
            Err(error) => Err(error),
        },
        _ => Err(Error::field("aktion", "choice_unknown")),
    };
    match changed {
        Ok(()) => {
            let rest =
                if at.member.id == other.id { "mitgliedschaft".to_owned() } else { format!("mitglieder/{}", other.id) };
            visitor.leave(&format!("{}?erledigt=1", at.path(&rest)))
        }
        Err(Error::Invalid(problems)) => {
            at.look()?;
            let problems = visitor.problems(&problems);
            visitor.page_again(&one_page(&at, &other, form, problems).await?)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "members/end.html")]
struct EndPage {
    f: Frame,
    o: Head,
    id: String,
    name: String,
    problems: Problems,
}

fn end_page(at: &AtOrganisation, other: &Listed, problems: Problems) -> EndPage {
    let (f, o) = (at.caller.visitor.frame(), at.head());
    EndPage { f, o, id: other.id.to_string(), name: other.name.clone(), problems }
}

async fn may_end(at: &AtOrganisation, id: &str) -> Result<Listed, Error> {
    at.require(&Right::Administration)?;
    let other = at.other(id).await?;
    if other.id == at.member.id || !granting::may_end(&at.member, &other) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    Ok(other)
}

pub async fn end(at: AtOrganisation, path: web::Path<(String, String)>) -> Answer {
    let other = may_end(&at, &path.1).await?;
    at.caller.visitor.page(&end_page(&at, &other, Problems::none()))
}

pub async fn submit_end(at: AtOrganisation, path: web::Path<(String, String)>, form: Form) -> Answer {
    let (visitor, other) = (&at.caller.visitor, may_end(&at, &path.1).await?);
    let ended = match form.get("aktion") {
        "beenden" => granting::end(&visitor.app, at.inside(), &other.id).await,
        _ => Err(Error::field("aktion", "choice_unknown")),
    };
    match ended {
        Ok(()) => visitor.leave(&at.path("mitglieder?erledigt=beendet")),
        Err(Error::Invalid(problems)) => visitor.page_again(&end_page(&at, &other, visitor.problems(&problems))),
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "members/mine.html")]
struct MinePage {
    f: Frame,
    o: Head,
    id: String,
    since: String,
    rows: Vec<Row>,
    waits: bool,
    can_hand_over: bool,
    /// Somebody has offered something, or has been offered.
    has_handover: bool,
    done: bool,
    is_new: bool,
}

/// What somebody may do here, for themselves: every member has this page.
pub async fn mine(at: AtOrganisation) -> Answer {
    let (visitor, areas, member) = (&at.caller.visitor, at.areas().await?, &at.member);
    let app = &visitor.app;
    let handovers = handovers::open_of(&mut app.read().await?, &member.id, app.now()).await?;
    visitor.page(&MinePage {
        f: visitor.frame(),
        o: at.head(),
        id: member.id.to_string(),
        since: moment::date(visitor.language, member.since),
        rows: at.shown(&areas, member.identity).rows(&member.grants, |_| true),
        waits: member.grants.iter().any(|grant| member.identity < grant.right.needs()),
        can_hand_over: !handovers::own(member).is_empty(),
        has_handover: !handovers.is_empty(),
        done: visitor.query() == "erledigt=1",
        is_new: visitor.query() == "neu=1",
    })
}

#[derive(Template)]
#[template(path = "members/leave.html")]
struct LeavePage {
    f: Frame,
    o: Head,
    problems: Problems,
}

pub async fn leave(at: AtOrganisation) -> Answer {
    at.caller.visitor.page(&LeavePage { f: at.caller.visitor.frame(), o: at.head(), problems: Problems::none() })
}

pub async fn submit_leave(at: AtOrganisation, form: Form) -> Answer {
    let visitor = &at.caller.visitor;
    let left = match form.get("aktion") {
        "verlassen" => granting::leave(&visitor.app, at.inside()).await,
        _ => Err(Error::field("aktion", "choice_unknown")),
    };
    match left {
        Ok(()) => visitor.leave("/konto"),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&LeavePage { f: visitor.frame(), o: at.head(), problems })
        }
        Err(error) => Err(error),
    }
}
