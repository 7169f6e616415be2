//! Deleting a document, or an old version, after it has been said that it cannot be undone.

use actix_web::HttpRequest;
use askama::Template;

use super::{Answer, At, document_of, version_of};
use crate::kernel::error::Error;
use crate::kernel::texts::moment;
use crate::safe::{delete, version, versions};
use crate::web::form::Form;
use crate::web::page::Frame;

#[derive(Template)]
#[template(path = "safe/delete.html")]
struct DeletePage {
    f: Frame,
    id: String,
    name: String,
    /// Which old version, and from when; none is the whole document.
    version: Option<(i64, String)>,
    versions: usize,
}

pub async fn confirm(at: At, request: HttpRequest) -> Answer {
    let (visitor, id) = (&at.caller.visitor, document_of(&request)?);
    let tx = &mut visitor.app.read().await?;
    let (document, key) = at.find(tx, &id).await?;
    at.keeper.require_deleting()?;
    let versions = versions(tx, &document, &key).await?.len();
    let (id, name) = (id.to_string(), document.filing.name);
    visitor.page(&DeletePage { f: visitor.frame(), id, name, version: None, versions })
}

pub async fn submit(at: At, request: HttpRequest, _form: Form) -> Answer {
    delete::delete(&at.caller.visitor.app, &at.keeper, &document_of(&request)?, at.request()).await?;
    at.back_to("/safe", "geloescht")
}

pub async fn confirm_version(at: At, request: HttpRequest) -> Answer {
    let (visitor, id, number) = (&at.caller.visitor, document_of(&request)?, version_of(&request)?);
    let tx = &mut visitor.app.read().await?;
    let (document, key) = at.find(tx, &id).await?;
    at.keeper.require_deleting()?;
    if number == document.version {
        return Err(Error::NotFound);
    }
    let version = version(tx, &document, number, &key).await?;
    let at_time = moment::date_and_clock(at.language(), version.created_at);
    let (id, name) = (id.to_string(), document.filing.name);
    visitor.page(&DeletePage { f: visitor.frame(), id, name, version: Some((number, at_time)), versions: 1 })
}

pub async fn submit_version(at: At, request: HttpRequest, _form: Form) -> Answer {
    let (id, number) = (document_of(&request)?, version_of(&request)?);
    delete::delete_version(&at.caller.visitor.app, &at.keeper, (&id, number), at.request()).await?;
    at.back_to(&format!("/safe/{id}"), "version-geloescht")
}
