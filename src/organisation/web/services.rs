//! The services that people use for an organisation, and ending that for all of them.

use actix_web::web;
use askama::Template;

use super::{Answer, AtOrganisation, Sent};
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, OrganisationId};
use crate::kernel::texts::moment;
use crate::oidc::connection::{self, UsedService};
use crate::organisation;
use crate::organisation::member::{Member, Right};
use crate::store::work::Actor;
use crate::web::form::parse_pairs;
use crate::web::page::Frame;

struct Row {
    id: String,
    title: String,
    people: i64,
    since: String,
    is_disabled: bool,
}

#[derive(Template)]
#[template(path = "organisation/services.html")]
struct ServicesPage {
    f: Frame,
    organisation: OrganisationId,
    name: String,
    rows: Vec<Row>,
    ended: Option<String>,
}

async fn used(at: &AtOrganisation) -> Result<Vec<UsedService>, Error> {
    at.require(&Right::Administration)?;
    let visitor = &at.caller.visitor;
    connection::of_organisation(&mut visitor.app.read().await?, &visitor.registry, &at.member.organisation.id).await
}

pub async fn list(at: AtOrganisation) -> Answer {
    let (used, visitor) = (used(&at).await?, &at.caller.visitor);
    let language = visitor.language;
    let pairs = parse_pairs(visitor.query().as_bytes()).unwrap_or_default();
    let ended = pairs.iter().find(|(name, _)| name == "beendet").and_then(|(_, id)| visitor.registry.known(id));
    let row = |one: &UsedService| Row {
        id: one.client.id.to_string(),
        title: one.client.title(language),
        people: one.people,
        since: moment::date(language, one.since),
        is_disabled: one.is_disabled,
    };
    visitor.page(&ServicesPage {
        f: visitor.frame(),
        organisation: at.member.organisation.id.clone(),
        name: at.member.organisation.record.name.clone(),
        rows: used.iter().map(row).collect(),
        ended: ended.map(|(client, _)| client.title(language)),
    })
}

#[derive(Template)]
#[template(path = "organisation/disconnect.html")]
struct DisconnectPage {
    f: Frame,
    organisation: OrganisationId,
    id: String,
    title: String,
    people: i64,
}

pub async fn disconnect(at: AtOrganisation, path: web::Path<(String, String)>) -> Answer {
    let (used, visitor) = (used(&at).await?, &at.caller.visitor);
    let one = used.iter().find(|one| one.client.id.0 == path.1).ok_or(Error::NotFound)?;
    visitor.page(&DisconnectPage {
        f: visitor.frame(),
        organisation: at.member.organisation.id.clone(),
        id: one.client.id.to_string(),
        title: one.client.title(visitor.language),
        people: one.people,
    })
}

pub async fn submit_disconnect(Sent { at, .. }: Sent, path: web::Path<(String, String)>) -> Answer {
    at.require(&Right::Administration)?;
    let (visitor, client) = (&at.caller.visitor, ClientId(path.into_inner().1));
    let (organisation, account) = (&at.member.organisation.id, &at.caller.session.account_id);
    let mut work = visitor.app.begin(Actor::Account(account.clone())).await?;
    work.request = Some(visitor.request_id.clone());
    organisation::hold(&mut work, organisation).await?;
    // What the page has shown may be over.
    let now = work.now;
    let member = Member::of(&mut work.tx, &visitor.app.vault, (organisation, account), now).await?;
    member.require(&Right::Administration)?;
    connection::withdraw_for(&mut work, organisation, &client).await?;
    work.commit().await?;
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("beendet", &client.0).finish();
    visitor.leave(&format!("/organisation/{organisation}/dienste?{query}"))
}
