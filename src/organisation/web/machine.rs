//! The pages of keys: the list, a new one, one of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::web;
use askama::Template;

use super::rights::{Choice, Group};
use super::{Answer, AtOrganisation, Head, titles};
use crate::client::machine::PublicKey;
use crate::client::{Client, OrganisationScope, Serves};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::{ClientId, OrganisationKeyId};
use crate::kernel::texts::moment;
use crate::organisation::invitation::last_day;
use crate::organisation::machine::{self, Draft, KEYS_MAX, Key, LIFETIME, LIFETIMES};
use crate::organisation::member::Right;
use crate::organisation::roster;
use crate::store::db::Tx;
use crate::web::caller::CallerDevice;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// How a key stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    Counts,
    Waits,
    Expired,
}

struct Line {
    id: String,
    name: String,
    service: String,
    owner: String,
    until: String,
    stands: Stands,
}

async fn line(at: &AtOrganisation, tx: &mut Tx, key: &Key) -> Result<Line, Error> {
    let (visitor, row) = (&at.caller.visitor, &key.row);
    let (app, now) = (&visitor.app, visitor.app.now());
    let owner = roster::name_of(tx, &app.vault, &row.organisation, &row.owner).await?;
    let stands = if row.expires_at <= now {
        Stands::Expired
    } else if machine::power(tx, row, now).await?.is_some() {
        Stands::Counts
    } else {
        Stands::Waits
    };
    Ok(Line {
        id: row.id.to_string(),
        name: key.name.clone(),
        service: titles(&visitor.registry, visitor.language)(&row.client.0),
        owner: owner.unwrap_or_default(),
        until: moment::date(visitor.language, last_day(row.expires_at)),
        stands,
    })
}

#[derive(Template)]
#[template(path = "members/keys.html")]
struct ListPage {
    f: Frame,
    o: Head,
    rows: Vec<Line>,
    ended: bool,
}

pub async fn list(at: AtOrganisation) -> Answer {
    at.look()?;
    let visitor = &at.caller.visitor;
    let tx = &mut visitor.app.read().await?;
    let keys = machine::list(tx, &visitor.app.vault, &at.member.organisation.id).await?;
    let mut rows = Vec::with_capacity(keys.len());
    for key in &keys {
        rows.push(line(&at, tx, key).await?);
    }
    visitor.page(&ListPage { f: visitor.frame(), o: at.head(), rows, ended: visitor.query() == "erledigt=beendet" })
}

#[derive(Template)]
#[template(path = "members/key_new.html")]
struct NewPage {
    f: Frame,
    o: Head,
    groups: Vec<Group>,
    lifetimes: Vec<super::typed::Choice>,
    typed: Form,
    /// What was pasted, unless it must not be seen any more.
    key: String,
    most: i64,
    problems: Problems,
}

/// The APIs for which a member may answer for a key.
fn services(at: &AtOrganisation) -> Vec<Arc<Client>> {
    let mut services = at.caller.visitor.registry.approved();
    services.retain(|client| {
        client.serves(Serves::Organisations)
            && !client.organisation_scopes.is_empty()
            && machine::may_answer(&at.member, &client.id)
    });
    services
}

fn value(client: &ClientId, scope: &OrganisationScope) -> String {
    format!("{client} {}", scope.name)
}

fn new_page(at: &AtOrganisation, typed: Form, problems: Problems) -> NewPage {
    let (visitor, mut number) = (&at.caller.visitor, 0);
    let (f, language) = (visitor.frame(), visitor.language);
    let chosen: Vec<&str> = typed.all("recht").collect();
    let mut choice = |client: &Client, scope: &OrganisationScope| {
        number += 1;
        let value = value(&client.id, scope);
        Choice {
            id: if number == 1 { "recht".to_owned() } else { format!("recht-{number}") },
            label: scope.label.get(language).to_owned(),
            is_chosen: chosen.contains(&value.as_str()),
            needs_level: false,
            value,
        }
    };
    let mut group = |client: &Client| Group {
        legend: f.t.machine.legend.with("service", client.title(language)),
        choices: client.organisation_scopes.iter().map(|scope| choice(client, scope)).collect(),
    };
    let groups = services(at).iter().map(|client| group(client)).collect();
    let lifetime = |days: u16| super::typed::Choice {
        value: days.to_string(),
        label: f.t.machine.days.with("count", days).to_string(),
        is_chosen: read_days(&typed) == Some(days),
    };
    let lifetimes = LIFETIMES.map(lifetime).into();
    let pasted = typed.get("schluessel");
    let key = if PublicKey::read(pasted) == Err("key_private") { String::new() } else { pasted.to_owned() };
    NewPage { o: at.head(), groups, lifetimes, typed, key, most: KEYS_MAX, problems, f }
}

fn read_days(form: &Form) -> Option<u16> {
    let typed = form.get("tage");
    let days = if typed.is_empty() { Some(LIFETIME) } else { typed.parse().ok() };
    days.filter(|days| LIFETIMES.contains(days))
}

/// The API and its scopes that boxes name: of one API, and nothing that does not stand on the page.
fn read_scope(at: &AtOrganisation, form: &Form) -> Result<(Arc<Client>, String), &'static str> {
    let chosen: BTreeSet<&str> = form.all("recht").collect();
    if chosen.is_empty() {
        return Err("key_scope_missing");
    }
    for client in services(at) {
        let is_chosen = |scope: &&OrganisationScope| chosen.contains(value(&client.id, scope).as_str());
        let scopes = client.organisation_scopes.iter().filter(is_chosen);
        let names: Vec<&str> = scopes.map(|scope| scope.name.as_str()).collect();
        if names.len() == chosen.len() {
            let scope = names.join(" ");
            return Ok((client, scope));
        }
    }
    Err("key_one_service")
}

/// What a form asks for, and the API that it is for.
struct Wish {
    draft: Draft,
    service: Arc<Client>,
    algorithm: jsonwebtoken::Algorithm,
}

fn read(at: &AtOrganisation, form: &Form) -> Result<Wish, Error> {
    let mut problems = Vec::new();
    let mut refuse = |field, problem| problems.push(FieldProblem { field, problem });
    let name = machine::read_name(form.get("name")).map_err(|_| refuse("name", "key_name"));
    let key = PublicKey::read(form.get("schluessel")).map_err(|problem| refuse("schluessel", problem));
    let scope = read_scope(at, form).map_err(|problem| refuse("recht", problem));
    let days = read_days(form).ok_or_else(|| refuse("tage", "choice_unknown"));
    let (Ok(name), Ok(key), Ok((service, scope)), Ok(days)) = (name, key, scope, days) else {
        return Err(Error::Invalid(problems));
    };
    if !service.may_sign_with(key.algorithm) {
        return Err(Error::field("schluessel", "key_format"));
    }
    let jwk = serde_json::to_string(&key.jwk).map_err(Error::broken)?;
    let draft = Draft { name, client: service.id.clone(), scope, jwk, thumbprint: key.thumbprint, days };
    Ok(Wish { draft, service, algorithm: key.algorithm })
}

#[derive(Template)]
#[template(path = "members/key_check.html")]
struct CheckPage {
    f: Frame,
    o: Head,
    name: String,
    service: String,
    scopes: Vec<String>,
    thumbprint: String,
    kind: String,
    until: String,
    /// What the service is told of the organisation besides a number.
    tells: bool,
    email: String,
    asks_password: bool,
    typed: Vec<(&'static str, String)>,
    rights: Vec<String>,
    problems: Problems,
}

async fn check_page(at: &AtOrganisation, form: &Form, wish: &Wish, problems: Problems) -> Result<CheckPage, Error> {
    let (visitor, Wish { draft, service, algorithm }) = (&at.caller.visitor, wish);
    let scopes = service.organisation_scopes_of(&draft.scope);
    let until = crate::kernel::calendar::days_after(visitor.app.now(), draft.days);
    Ok(CheckPage {
        f: visitor.frame(),
        o: at.head(),
        name: draft.name.clone(),
        service: service.title(visitor.language),
        scopes: scopes.iter().map(|scope| scope.label.get(visitor.language).to_owned()).collect(),
        thumbprint: draft.thumbprint.clone(),
        kind: format!("{algorithm:?}"),
        until: moment::date(visitor.language, last_day(until)),
        tells: service.scopes.contains(&crate::client::Scope::Organisation),
        email: at.caller.account().await?.email.address.as_str().to_owned(),
        asks_password: at.caller.asks_password_unless_fresh().await?,
        typed: ["name", "schluessel", "tage"].map(|name| (name, form.get(name).to_owned())).into(),
        rights: form.all("recht").map(str::to_owned).collect(),
        problems,
    })
}

pub async fn new(at: AtOrganisation) -> Answer {
    at.require(&Right::Administration)?;
    // Whoever has to sign in once more does so before anything is typed.
    at.caller.asks_password_unless_fresh().await?;
    at.caller.visitor.page(&new_page(&at, Form::empty(), Problems::none()))
}

impl AtOrganisation {
    /// Proves once more who they are: the password, unless they have just signed in.
    async fn confirm(&self, device: &CallerDevice, form: &Form) -> Result<(), Error> {
        if !self.caller.asks_password_unless_fresh().await? {
            return Ok(());
        }
        let (account, network) = (self.caller.account().await?, self.caller.visitor.network());
        self.caller.person(&account, (&network, device), form).confirm(&self.caller.visitor.app).await
    }
}

pub async fn make(at: AtOrganisation, device: CallerDevice, form: Form) -> Answer {
    at.require(&Right::Administration)?;
    let visitor = &at.caller.visitor;
    let wish = match read(&at, &form) {
        Ok(_) if form.is("aktion", "aendern") => return visitor.page(&new_page(&at, form, Problems::none())),
        Ok(wish) => wish,
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            return visitor.page_again(&new_page(&at, form, problems));
        }
        Err(error) => return Err(error),
    };
    if !form.is("aktion", "anlegen") {
        return visitor.page(&check_page(&at, &form, &wish, Problems::none()).await?);
    }
    if let Err(error) = at.confirm(&device, &form).await {
        let Error::Invalid(problems) = error else { return Err(error) };
        let problems = visitor.problems(&problems);
        return visitor.page_again(&check_page(&at, &form, &wish, problems).await?);
    }
    match machine::make(&visitor.app, at.inside(), &wish.draft).await {
        Ok(id) => {
            visitor.leave(&format!("/organisation/{}/schluessel/{id}?erledigt=angelegt", at.member.organisation.id))
        }
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&new_page(&at, form, problems))
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "members/key.html")]
struct KeyPage {
    f: Frame,
    o: Head,
    line: Line,
    scopes: Vec<String>,
    kid: String,
    used: String,
    since: String,
    may_take: bool,
    email: String,
    asks_password: bool,
    done: bool,
    problems: Problems,
}

async fn key_page(at: &AtOrganisation, id: &str, problems: Problems) -> Result<KeyPage, Error> {
    let (visitor, id) = (&at.caller.visitor, OrganisationKeyId::parse(id).ok_or(Error::NotFound)?);
    let (app, language, head) = (&visitor.app, visitor.language, at.head());
    // Before this holds a connection.
    let email = at.caller.account().await?.email.address.as_str().to_owned();
    let asks_password = head.may_change && at.caller.asks_password_unless_fresh().await?;
    let tx = &mut app.read().await?;
    let key = machine::one(tx, &app.vault, &at.member.organisation.id, &id).await?;
    let line = line(at, tx, &key).await?;
    let (f, row) = (visitor.frame(), &key.row);
    let service = visitor.registry.find(&row.client);
    let scopes = service.iter().flat_map(|client| client.organisation_scopes_of(&row.scope));
    let jwk: serde_json::Value = serde_json::from_str(&row.jwk).map_err(Error::broken)?;
    Ok(KeyPage {
        scopes: scopes.map(|scope| scope.label.get(language).to_owned()).collect(),
        kid: jwk["kid"].as_str().unwrap_or_default().to_owned(),
        used: row.last_used_at.map_or_else(|| f.t.members.never.to_string(), |at| moment::date_and_clock(language, at)),
        since: moment::date(language, row.created_at),
        may_take: machine::may_answer(&at.member, &row.client)
            && row.owner != at.member.id
            && line.stands != Stands::Expired,
        email,
        asks_password,
        done: !visitor.query().is_empty(),
        o: head,
        line,
        problems,
        f,
    })
}

pub async fn one(at: AtOrganisation, path: web::Path<(String, String)>) -> Answer {
    at.look()?;
    at.caller.visitor.page(&key_page(&at, &path.1, Problems::none()).await?)
}

pub async fn change(at: AtOrganisation, path: web::Path<(String, String)>, device: CallerDevice, form: Form) -> Answer {
    at.require(&Right::Administration)?;
    let (visitor, base) = (&at.caller.visitor, format!("/organisation/{}/schluessel", at.member.organisation.id));
    let id = OrganisationKeyId::parse(&path.1).ok_or(Error::NotFound)?;
    let changed = match (at.confirm(&device, &form).await, form.get("aktion")) {
        (Err(error), _) => Err(error),
        (Ok(()), "beenden") => {
            machine::end(&visitor.app, at.inside(), &id).await.map(|()| format!("{base}?erledigt=beendet"))
        }
        (Ok(()), "uebernehmen") => {
            let taken = machine::take_over(&visitor.app, at.inside(), &id).await;
            taken.map(|()| format!("{base}/{id}?erledigt=uebernommen"))
        }
        _ => Err(Error::field("aktion", "choice_unknown")),
    };
    match changed {
        Ok(to) => visitor.leave(&to),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&key_page(&at, &path.1, problems).await?)
        }
        Err(error) => Err(error),
    }
}
