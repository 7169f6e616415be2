//! `/demo/briefe`: the letters that a mail house would send. Exists in demonstrations only.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::kernel::error::Error;
use crate::kernel::id::{LetterId, OrganisationLetterId};
use crate::proofing::letter::print;
use crate::web::caller::Visitor;
use crate::web::page::Frame;

#[derive(Template)]
#[template(path = "demo/letters.html")]
struct LettersPage {
    f: Frame,
    letters: Vec<String>,
}

/// People's letters and those of organisations, by their numbers.
fn parse(number: &str) -> Option<String> {
    let is_known = LetterId::parse(number).is_some() || OrganisationLetterId::parse(number).is_some();
    is_known.then(|| number.to_owned())
}

pub async fn show(visitor: Visitor) -> Result<HttpResponse, Error> {
    if visitor.app.config.letter.directory.is_none() {
        return Err(Error::NotFound);
    }
    let mut letters = print::waiting(&visitor.app, parse).await?;
    // The newest first: after what names the kind, a number begins with the time.
    letters.sort_by(|one, other| other[4..].cmp(&one[4..]));
    visitor.page(&LettersPage { f: visitor.frame(), letters })
}

pub async fn file(visitor: Visitor, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let directory = visitor.app.config.letter.directory.clone().ok_or(Error::NotFound)?;
    let number = parse(&id).ok_or(Error::NotFound)?;
    let read = tokio::task::spawn_blocking(move || print::read(&directory, &number)).await.map_err(Error::broken)?;
    Ok(HttpResponse::Ok().content_type("application/pdf").body(read.map_err(|_| Error::NotFound)?))
}
