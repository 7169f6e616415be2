//! The pages of the simulated eID-Client, in German or English as the browser wishes.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::cards::{CARDS, TestCard};
use crate::web::page::{FAVICON, STYLESHEET, STYLESHEET_PATH};

/// How it can end without a card: the value, in German, in English.
const ENDINGS: [(&str, [&str; 2]); 5] = [
    ("cancelled", ["Abbrechen", "Cancel"]),
    ("wrong-pin", ["Dreimal die falsche PIN eingeben", "Enter the wrong PIN three times"]),
    ("timeout", ["Keine Karte auflegen, bis die Zeit abläuft", "Put on no card until time is up"]),
    ("no-channel", ["Keine Verbindung zum eID-Server", "No connection to the eID-Server"]),
    ("server-error", ["Fehler im eID-Server", "Fault of the eID-Server"]),
];

#[derive(Template)]
#[template(path = "demo/eid_client.html")]
struct Page<'a> {
    css: &'a str,
    is_english: bool,
    content: Content<'a>,
}

enum Content<'a> {
    /// A card is wanted for this run.
    Choose {
        run: &'a str,
        cards: &'static [TestCard],
        endings: &'static [(&'static str, [&'static str; 2])],
    },
    /// Nothing to do.
    Idle,
    NoToken(&'a str),
}

impl Page<'_> {
    fn say<'s>(&self, german: &'s str, english: &'s str) -> &'s str {
        if self.is_english { english } else { german }
    }

    fn of<'s>(&self, words: &[&'s str; 2]) -> &'s str {
        self.say(words[0], words[1])
    }
}

/// Whether the browser would rather have English than German.
pub fn is_english(request: &HttpRequest) -> bool {
    let wished = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    wished.is_some_and(|wished| wished.trim_start().to_ascii_lowercase().starts_with("en"))
}

pub fn choose(run: &str, is_english: bool) -> HttpResponse {
    let content = Content::Choose { run, cards: &CARDS, endings: &ENDINGS };
    respond(HttpResponse::Ok(), &Page { css: &STYLESHEET_PATH, is_english, content })
}

pub fn idle(is_english: bool) -> HttpResponse {
    respond(HttpResponse::Ok(), &Page { css: &STYLESHEET_PATH, is_english, content: Content::Idle })
}

/// Without a TC token there is no address to go to.
pub fn no_token(why: &str, is_english: bool) -> HttpResponse {
    respond(HttpResponse::NotFound(), &Page { css: &STYLESHEET_PATH, is_english, content: Content::NoToken(why) })
}

fn respond(mut response: actix_web::HttpResponseBuilder, page: &Page<'_>) -> HttpResponse {
    match page.render() {
        Ok(body) => response
            .content_type("text/html; charset=utf-8")
            .insert_header((
                "content-security-policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'",
            ))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
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
