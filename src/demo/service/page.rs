//! The one page of the service.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::attempts::{self, Attempt};
use super::visit::Visit;
use super::{Service, key};
use crate::web::page::{FAVICON, STYLESHEET, STYLESHEET_PATH};

#[derive(Template)]
#[template(path = "demo/service.html")]
struct Page<'a> {
    css: &'a str,
    issuer: &'a str,
    register: &'a str,
    visit: &'a Visit,
    attempts: &'static [Attempt],
}

#[derive(Template)]
#[template(path = "demo/service_privacy.html")]
struct Privacy<'a> {
    css: &'a str,
    issuer: &'a str,
}

pub async fn home(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let page = |visit: &Visit| {
        let (issuer, register) = (&*service.at.issuer, &*service.at.register);
        respond(&Page { css: &STYLESHEET_PATH, issuer, register, visit, attempts: attempts::others() })
    };
    let known = key(&request).and_then(|key| service.visits.with(&key, |visit| page(visit)));
    known.unwrap_or_else(|| page(&Visit::default()))
}

pub async fn privacy(service: web::Data<Service>) -> HttpResponse {
    respond(&Privacy { css: &STYLESHEET_PATH, issuer: &service.at.issuer })
}

fn respond(page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(body) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((
                "content-security-policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'",
            ))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(body),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

pub async fn asset(file: web::Path<String>) -> HttpResponse {
    match format!("/static/{file}").as_str() {
        path if path == *STYLESHEET_PATH => HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLESHEET),
        "/static/favicon.svg" => HttpResponse::Ok().content_type("image/svg+xml").body(FAVICON),
        _ => HttpResponse::NotFound().finish(),
    }
}
