//! The pages of areas.

use actix_web::web;
use askama::Template;

use super::{Answer, AtOrganisation, Head, titles};
use crate::kernel::error::Error;
use crate::kernel::id::{AreaId, ClientId};
use crate::kernel::texts::Text;
use crate::organisation::area::{self, Area, Rule};
use crate::organisation::member::Right;
use crate::organisation::roster;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

struct Line {
    id: String,
    name: String,
}

struct RuleLine {
    client: String,
    service: String,
    area: String,
}

struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "members/areas.html")]
struct ListPage {
    f: Frame,
    o: Head,
    areas: Vec<Line>,
    rules: Vec<RuleLine>,
    services: Vec<Choice>,
    choices: Vec<Choice>,
    name: String,
    done: bool,
    problems: Problems,
}

async fn list_page(at: &AtOrganisation, form: &Form, problems: Problems) -> Result<ListPage, Error> {
    let (visitor, organisation) = (&at.caller.visitor, &at.member.organisation.id);
    let tx = &mut visitor.app.read().await?;
    let areas = area::list(tx, &visitor.app.vault, organisation).await?;
    let rules = area::rules(tx, organisation).await?;
    let (f, titles) = (visitor.frame(), titles(&visitor.registry, visitor.language));
    let rule = |Rule { client_id, area_id }: Rule| RuleLine {
        service: titles(&client_id.0),
        area: areas.iter().find(|area| area.id == area_id).map_or_else(String::new, |area| area.name.clone()),
        client: client_id.0,
    };
    let rules = rules.into_iter().map(rule).collect();
    let service =
        |id: &ClientId| Choice { value: id.0.clone(), label: titles(&id.0), is_chosen: form.is("dienst", &id.0) };
    let services = visitor.registry.approved().iter().map(|client| service(&client.id)).collect();
    let choice = |area: &Area| Choice {
        value: area.id.to_string(),
        label: area.name.clone(),
        is_chosen: form.is("bereich", area.id.as_str()),
    };
    let choices = areas.iter().map(choice).collect();
    let line = |area: &Area| Line { id: area.id.to_string(), name: area.name.clone() };
    let (areas, name) = (areas.iter().map(line).collect(), form.get("name").to_owned());
    let done = visitor.query() == "erledigt=1";
    Ok(ListPage { o: at.head(), areas, rules, services, choices, name, done, problems, f })
}

pub async fn list(at: AtOrganisation) -> Answer {
    at.look()?;
    at.caller.visitor.page(&list_page(&at, &Form::empty(), Problems::none()).await?)
}

pub async fn change(at: AtOrganisation, form: Form) -> Answer {
    at.require(&Right::Administration)?;
    let visitor = &at.caller.visitor;
    let changed = match form.get("aktion") {
        "anlegen" => area::add(&visitor.app, at.inside(), form.get("name")).await,
        "regel" => set_rule(&at, &form).await,
        "regel-entfernen" => {
            let client = ClientId(form.get("dienst").to_owned());
            area::set_rule(&visitor.app, at.inside(), &client, None).await
        }
        _ => Err(Error::field("name", "choice_unknown")),
    };
    match changed {
        Ok(()) => visitor.leave(&format!("/organisation/{}/bereiche?erledigt=1", at.member.organisation.id)),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&list_page(&at, &form, problems).await?)
        }
        Err(error) => Err(error),
    }
}

async fn set_rule(at: &AtOrganisation, form: &Form) -> Result<(), Error> {
    let visitor = &at.caller.visitor;
    let client = visitor.registry.get(form.get("dienst")).ok_or_else(|| Error::field("dienst", "choice_unknown"))?;
    let area = AreaId::parse(form.get("bereich")).ok_or_else(|| Error::field("bereich", "choice_unknown"))?;
    area::set_rule(&visitor.app, at.inside(), &client.id, Some(&area)).await
}

/// Somebody who reads what comes there.
struct ReaderLine {
    id: String,
    name: String,
    away: Option<Text>,
}

#[derive(Template)]
#[template(path = "members/area.html")]
struct AreaPage {
    f: Frame,
    o: Head,
    id: String,
    shown: String,
    name: String,
    /// How many rights go with it.
    rights: i64,
    readers: Vec<ReaderLine>,
    problems: Problems,
}

async fn area_page(at: &AtOrganisation, id: &str, name: Option<&str>, problems: Problems) -> Result<AreaPage, Error> {
    let (visitor, organisation) = (&at.caller.visitor, &at.member.organisation.id);
    let id = AreaId::parse(id).ok_or(Error::NotFound)?;
    let tx = &mut visitor.app.read().await?;
    let area = area::one(tx, &visitor.app.vault, organisation, &id).await?;
    let rights = area::rights(tx, organisation, &id).await?;
    let readers = roster::readers(tx, &visitor.app.vault, organisation, &id, visitor.app.now()).await?;
    let line = |(id, name, absence): roster::AreaReader| ReaderLine {
        id: id.to_string(),
        name,
        away: at.away(absence.as_ref()),
    };
    let readers = readers.into_iter().map(line).collect();
    let name = name.map_or_else(|| area.name.clone(), str::to_owned);
    let (f, o, id) = (visitor.frame(), at.head(), id.to_string());
    Ok(AreaPage { f, o, id, shown: area.name, name, rights, readers, problems })
}

pub async fn one(at: AtOrganisation, path: web::Path<(String, String)>) -> Answer {
    at.require(&Right::Administration)?;
    at.caller.visitor.page(&area_page(&at, &path.1, None, Problems::none()).await?)
}

pub async fn change_one(at: AtOrganisation, path: web::Path<(String, String)>, form: Form) -> Answer {
    at.require(&Right::Administration)?;
    let visitor = &at.caller.visitor;
    let id = AreaId::parse(&path.1).ok_or(Error::NotFound)?;
    let changed = match form.get("aktion") {
        "umbenennen" => area::rename(&visitor.app, at.inside(), &id, form.get("name")).await,
        "entfernen" => {
            let seen = form.get("rechte").parse().unwrap_or(-1);
            area::remove(&visitor.app, at.inside(), &id, seen).await
        }
        _ => Err(Error::field("aktion", "choice_unknown")),
    };
    match changed {
        Ok(()) => visitor.leave(&format!("/organisation/{}/bereiche?erledigt=1", at.member.organisation.id)),
        Err(Error::Invalid(problems)) => {
            let typed = form.is("aktion", "umbenennen").then(|| form.get("name"));
            let problems = visitor.problems(&problems);
            visitor.page_again(&area_page(&at, &path.1, typed, problems).await?)
        }
        Err(error) => Err(error),
    }
}
