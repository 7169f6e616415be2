//! `/demo/briefe`: the letters that a mail house would send. Exists in demonstrations only.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::kernel::error::Error;
use crate::kernel::id::LetterId;
use crate::proofing::letter::print;
use crate::web::caller::Visitor;
use crate::web::page::Frame;

#[derive(Template)]
#[template(path = "demo/letters.html")]
struct LettersPage {
    f: Frame,
    letters: Vec<String>,
}

pub async fn show(visitor: Visitor) -> Result<HttpResponse, Error> {
    let directory = visitor.app.config.letter.directory.clone().ok_or(Error::NotFound)?;
    let found = tokio::task::spawn_blocking(move || print::list(&directory)).await.map_err(Error::broken)?;
    let letters = found.map_err(Error::broken)?.iter().map(LetterId::to_string).collect();
    visitor.page(&LettersPage { f: visitor.frame(), letters })
}

pub async fn file(visitor: Visitor, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let directory = visitor.app.config.letter.directory.clone().ok_or(Error::NotFound)?;
    let id = LetterId::parse(&id).ok_or(Error::NotFound)?;
    let read = tokio::task::spawn_blocking(move || print::read(&directory, &id)).await.map_err(Error::broken)?;
    Ok(HttpResponse::Ok().content_type("application/pdf").body(read.map_err(|_| Error::NotFound)?))
}
