//! `/demo/mail`: what would have been sent. Exists in demonstrations only.

use actix_web::HttpResponse;
use askama::Template;
use mailparse::MailHeaderMap as _;

use crate::kernel::error::Error;
use crate::web::caller::Visitor;
use crate::web::page::Frame;

const SHOWN_MAX: usize = 20;

struct MailRow {
    to: String,
    subject: String,
    body: String,
    date: String,
}

#[derive(Template)]
#[template(path = "demo/mail.html")]
struct MailPage {
    f: Frame,
    mails: Vec<MailRow>,
}

pub async fn show(visitor: Visitor) -> Result<HttpResponse, Error> {
    let directory = visitor.app.config.mail.directory.clone().ok_or(Error::NotFound)?;
    let mails =
        tokio::task::spawn_blocking(move || read(&directory)).await.map_err(Error::broken)?.map_err(Error::broken)?;
    visitor.page(&MailPage { f: visitor.frame(), mails })
}

/// The newest mails; their files are named by time.
fn read(directory: &std::path::Path) -> std::io::Result<Vec<MailRow>> {
    let mut files: Vec<_> = std::fs::read_dir(directory)?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "eml"));
    files.sort();
    let mut rows = Vec::new();
    for file in files.iter().rev().take(SHOWN_MAX) {
        let raw = std::fs::read(file)?;
        let Ok(mail) = mailparse::parse_mail(&raw) else { continue };
        let header = |name: &str| mail.headers.get_first_value(name).unwrap_or_default();
        let body = mail.get_body().unwrap_or_default();
        rows.push(MailRow { to: header("To"), subject: header("Subject"), body, date: header("Date") });
    }
    Ok(rows)
}
