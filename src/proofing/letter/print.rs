//! Print jobs: one PDF for each letter, in the directory from which the operator's mail house takes them.

use std::path::{Path, PathBuf};

use super::page::{self, Sheet};
use super::{Job, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::LetterId;
use crate::kernel::texts::moment;
use crate::kernel::time::days;
use crate::proofing::desk::grouped;
use crate::store::work::Actor;

/// Writes the file of a letter, unless that has been done. Under another name first, so that the mail house never takes half a
/// file; the name is the letter's number, so that it never takes one twice.
pub async fn print(app: &AppParts, payload: &[u8]) -> Result<(), Error> {
    let job: Job = serde_json::from_slice(payload).map_err(Error::broken)?;
    let id = job.id.clone();
    // Redeemed, void or erased meanwhile: nobody waits for it.
    if !store::waits_for_print(&mut app.read().await?, &id).await? {
        return Ok(());
    }
    put(app, id.as_str(), sheet(&job, &app.config.issuer)).await?;
    let mut work = app.begin(Actor::System("letters")).await?;
    store::put_printed(&mut work, &id).await?;
    work.commit().await
}

fn sheet(job: &Job, issuer: &str) -> Sheet {
    let t = &job.language.texts().letter;
    let until = t.print_until.with("date", moment::date(job.language, job.expires_at));
    let after = [until, t.print_steps.with("issuer", issuer), t.print_care.clone(), t.print_close.clone()];
    Sheet {
        language: job.language,
        to: [vec![job.name.clone()], job.address.lines()].concat(),
        date: job.ordered_at,
        subject: t.print_subject.to_string(),
        before: vec![t.print_greeting.with("name", &job.name).to_string(), t.print_intro.to_string()],
        code: grouped(&job.code),
        after: after.iter().map(ToString::to_string).collect(),
    }
}

/// Draws a sheet and puts it where the mail house takes it, under the number of its letter.
pub async fn put(app: &AppParts, number: &str, sheet: Sheet) -> Result<(), Error> {
    let directory = app.config.letter.directory.clone().ok_or_else(|| Error::broken("no directory for letters"))?;
    let (line, operator) = (app.config.letter.sender.clone(), app.config.operator.name.clone());
    let number = number.to_owned();
    let write = move || {
        let pdf = page::draw(&sheet, &page::Sender { line, operator })?;
        write(&directory, &number, &pdf).map_err(Error::broken)
    };
    tokio::task::spawn_blocking(write).await.map_err(Error::broken)?
}

fn file(directory: &Path, number: &str) -> PathBuf {
    directory.join(format!("{number}.pdf"))
}

fn write(directory: &Path, number: &str, pdf: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let half = directory.join(format!(".{number}.half"));
    let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&half)?;
    out.write_all(pdf)?;
    out.sync_all()?;
    std::fs::rename(&half, file(directory, number))
}

/// Removes files that have waited longer than the operator keeps them, and those of letters that are no more.
pub async fn tidy(app: &AppParts) -> Result<u64, Error> {
    let mut removed = 0;
    for id in waiting(app, LetterId::parse).await? {
        let since = app.now().minus(days(app.config.letter.keep_days));
        if !store::is_kept(&mut app.read().await?, &id, since).await? {
            removed += u64::from(remove(app, id.as_str()).await?);
        }
    }
    Ok(removed)
}

/// The letters of one kind whose files wait.
pub async fn waiting<Id: Send + 'static>(app: &AppParts, parse: fn(&str) -> Option<Id>) -> Result<Vec<Id>, Error> {
    let Some(directory) = app.config.letter.directory.clone() else { return Ok(Vec::new()) };
    let found = tokio::task::spawn_blocking(move || letters_in(&directory, parse)).await.map_err(Error::broken)?;
    found.map_err(Error::broken)
}

/// Removes the file of a letter; `false` if another node or the mail house was faster.
pub async fn remove(app: &AppParts, number: &str) -> Result<bool, Error> {
    let Some(directory) = &app.config.letter.directory else { return Ok(false) };
    match tokio::fs::remove_file(file(directory, number)).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::broken(error)),
    }
}

fn letters_in<Id>(directory: &Path, parse: fn(&str) -> Option<Id>) -> std::io::Result<Vec<Id>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".pdf")).and_then(parse);
        found.extend(id);
    }
    Ok(found)
}

/// The file of a letter: for demonstrations.
pub fn read(directory: &Path, number: &str) -> std::io::Result<Vec<u8>> {
    std::fs::read(file(directory, number))
}
