//! The table of routes as the framework serves it.

use std::collections::{HashMap, HashSet};

use actix_web::http::Method;
use actix_web::middleware::{Compress, Condition};
use actix_web::{HttpResponse, web};

use super::{Row, table};
use crate::web::cors::{CrossOrigin, preflight};
use crate::web::error::Formats;
use crate::web::page::{FAVICON, SCRIPT, SCRIPT_PATH, STYLESHEET, STYLESHEET_PATH};

/// Registers the table. A method that a path does not have is 405 with `Allow`.
pub fn configure(service: &mut web::ServiceConfig, demo: bool) {
    let (mut formats, mut cross_origin) = (HashMap::new(), HashSet::new());
    let mut paths: Vec<(&'static str, Vec<Row>)> = Vec::new();
    for row in table(demo) {
        formats.insert(row.path, row.format);
        if row.is_cross_origin {
            cross_origin.insert(row.path);
        }
        match paths.iter_mut().find(|(path, _)| *path == row.path) {
            Some((_, rows)) => rows.push(row),
            None => paths.push((row.path, vec![row])),
        }
    }
    // The framework compares a request with one path after the other. Programs call most often, and a path with places is
    // the most expensive to compare.
    paths.sort_by_key(|(path, _)| (path.contains('{'), !path.starts_with("/oauth2/")));
    for (path, rows) in paths {
        let allow = rows.iter().map(|row| row.method).collect::<Vec<_>>().join(", ");
        let mut resource = web::resource(path);
        if cross_origin.contains(path) {
            let methods = allow.clone();
            resource =
                resource.route(web::method(Method::OPTIONS).to(move |request| preflight(request, methods.clone())));
        }
        for row in rows {
            resource = resource.route(row.handler);
        }
        // Pages are small and hold secrets next to what strangers may put into them: only files are compressed.
        let compress = Condition::new(path.starts_with("/static/"), Compress::default());
        service.service(resource.wrap(compress).default_service(web::to(move || {
            let allow = allow.clone();
            async move { HttpResponse::MethodNotAllowed().insert_header(("allow", allow)).finish() }
        })));
    }
    service.app_data(Formats(formats));
    service.app_data(CrossOrigin(cross_origin));
    service.default_service(web::to(|| async { HttpResponse::NotFound().finish() }));
}

/// Stylesheet and script under the name of their content, and the icon.
pub(super) async fn asset(file: web::Path<String>) -> HttpResponse {
    let (kind, body) = match format!("/static/{file}").as_str() {
        path if path == *STYLESHEET_PATH => ("text/css; charset=utf-8", STYLESHEET),
        path if path == *SCRIPT_PATH => ("text/javascript; charset=utf-8", SCRIPT),
        "/static/favicon.svg" => ("image/svg+xml", FAVICON),
        _ => return HttpResponse::NotFound().finish(),
    };
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", "public, max-age=31536000, immutable"));
    response.content_type(kind).body(body)
}
