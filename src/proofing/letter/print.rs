//! Print jobs: one PDF for each letter, in the directory from which the operator's mail house takes them.

use std::path::{Path, PathBuf};

use super::{Job, page, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::LetterId;
use crate::kernel::time::days;
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
    let directory = app.config.letter.directory.clone().ok_or_else(|| Error::broken("no directory for letters"))?;
    let sender = app.config.letter.sender.clone();
    let (issuer, operator) = (app.config.issuer.clone(), app.config.operator.name.clone());
    let write = move || {
        let pdf = page::draw(&job, &page::Sender { line: sender, operator, issuer })?;
        write(&directory, &job.id, &pdf).map_err(Error::broken)
    };
    tokio::task::spawn_blocking(write).await.map_err(Error::broken)??;
    let mut work = app.begin(Actor::System("letters")).await?;
    store::put_printed(&mut work, &id).await?;
    work.commit().await
}

fn file(directory: &Path, id: &LetterId) -> PathBuf {
    directory.join(format!("{id}.pdf"))
}

fn write(directory: &Path, id: &LetterId, pdf: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let half = directory.join(format!(".{id}.half"));
    let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&half)?;
    out.write_all(pdf)?;
    out.sync_all()?;
    std::fs::rename(&half, file(directory, id))
}

/// Removes files that have waited longer than the operator keeps them, and those of letters that are no more.
pub async fn tidy(app: &AppParts) -> Result<u64, Error> {
    let Some(directory) = app.config.letter.directory.clone() else { return Ok(0) };
    let list = directory.clone();
    let found = tokio::task::spawn_blocking(move || letters_in(&list)).await.map_err(Error::broken)?;
    let mut removed = 0;
    for id in found.map_err(Error::broken)? {
        let since = app.now().minus(days(app.config.letter.keep_days));
        if !store::is_kept(&mut app.read().await?, &id, since).await? {
            match tokio::fs::remove_file(file(&directory, &id)).await {
                Ok(()) => removed += 1,
                // Another node or the mail house was faster.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::broken(error)),
            }
        }
    }
    Ok(removed)
}

fn letters_in(directory: &Path) -> std::io::Result<Vec<LetterId>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".pdf")).and_then(LetterId::parse);
        found.extend(id);
    }
    Ok(found)
}

/// What waits in the directory, the newest first: for demonstrations.
pub fn list(directory: &Path) -> std::io::Result<Vec<LetterId>> {
    let mut found = letters_in(directory)?;
    found.sort_by(|one, other| other.cmp(one));
    Ok(found)
}

/// The file of a letter: for demonstrations.
pub fn read(directory: &Path, id: &LetterId) -> std::io::Result<Vec<u8>> {
    std::fs::read(file(directory, id))
}
