//! What people have shared, for the services with which they did: `/api/safe/v1`. Described for programs in `docs/safe-api.json`, served
//! beside it.

use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::Answer;
use crate::app::App;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::file::name::disposition;
use crate::kernel::id::ShareId;
use crate::oidc::api;
use crate::oidc::grant::{Grants, Live};
use crate::organisation::acting::Party;
use crate::postbox::receipt::moment;
use crate::safe::share::fetch::{self, Fetcher, Shared};
use crate::web::bearer::{credential, no_token};
use crate::web::guard::RequestFacts;
use crate::web::seal;

const DESCRIPTION: &str = include_str!("../../../docs/safe-api.json");

/// Whoever calls, with a grant of somebody's; nobody without a token.
async fn caller(http: &HttpRequest) -> Result<Option<(App, Arc<Live>, Party)>, Error> {
    let data = |missing| Error::broken(format!("{missing} is not there"));
    let app = http.app_data::<web::Data<App>>().ok_or_else(|| data("app"))?;
    let registry = http.app_data::<web::Data<Registry>>().ok_or_else(|| data("registry"))?;
    let grants = http.app_data::<web::Data<Grants>>().ok_or_else(|| data("grants"))?;
    let Some(credential) = credential(app, http)? else { return Ok(None) };
    let live = api::grantee(app, registry, grants, &credential).await?;
    let owner = live.whose.party();
    Ok(Some((App::clone(app), live, owner)))
}

fn share_of(http: &HttpRequest) -> Result<ShareId, Error> {
    http.match_info().get("share").and_then(ShareId::parse).ok_or(Error::NotFound)
}

fn described(Shared { share, document, version }: &Shared) -> Value {
    let facts = &version.facts;
    let mut value = json!({
        "share": share.id,
        "name": document.filing.name,
        "type": facts.kind,
        "bytes": version.bytes,
        "sha256": facts.sha256,
        "purpose": share.purpose,
        "until": moment(share.until),
    });
    if let Some(most) = share.fetches_max {
        value["fetches_left"] = json!(most - share.fetches);
    }
    if let Some(judged) = &facts.judged {
        value["judged"] = seal::described(judged);
    }
    value
}

/// `GET /api/safe/v1/documents`
pub async fn list(http: HttpRequest) -> Answer {
    let Some((app, live, owner)) = caller(&http).await? else { return Ok(no_token()) };
    let shared = fetch::list(&app, Fetcher { client: &live.client.id, owner: &owner }).await?;
    Ok(HttpResponse::Ok().json(json!({ "documents": shared.iter().map(described).collect::<Vec<_>>() })))
}

/// `GET /api/safe/v1/documents/{share}`
pub async fn show(http: HttpRequest) -> Answer {
    let Some((app, live, owner)) = caller(&http).await? else { return Ok(no_token()) };
    let shared = fetch::show(&app, Fetcher { client: &live.client.id, owner: &owner }, &share_of(&http)?).await?;
    Ok(HttpResponse::Ok().json(described(&shared)))
}

/// `GET /api/safe/v1/documents/{share}/file`: as it was put into the safe. It breaks off if its owner ends the share.
pub async fn file(http: HttpRequest) -> Answer {
    let Some((app, live, owner)) = caller(&http).await? else { return Ok(no_token()) };
    let (share, fetcher) = (share_of(&http)?, Fetcher { client: &live.client.id, owner: &owner });
    let request = http.extensions().get::<RequestFacts>().map(|facts| facts.id.clone()).unwrap_or_default();
    let file = fetch::open(&app, fetcher, &share, &request).await?;
    let length = file.bytes.length();
    let pieces = fetch::while_shared(app, share, Box::pin(file.bytes.stream()));
    Ok(HttpResponse::Ok()
        .content_type(file.kind.media_type())
        .insert_header((header::CONTENT_DISPOSITION, disposition(&file.name)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(SizedStream::new(length, Box::pin(pieces))))
}

/// `GET /api/safe/v1/openapi.json`
pub async fn description() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DESCRIPTION)
}
