//! Files come: several at once as documents, or one as the next version of a document. Each is told by itself what has become of it.

use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::words::Outcome;
use super::{At, document_of};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::DocumentId;
use crate::kernel::level::Level;
use crate::safe::Origin;
use crate::safe::take::{Destination, Sent, Taken, take};
use crate::web::page::{Frame, Problems};
use crate::web::upload::Files;

/// Files of one form.
const FILES_MAX: usize = 20;

/// The form may break off while it is read.
type Answer = Result<HttpResponse, actix_web::Error>;

#[derive(Template)]
#[template(path = "safe/upload.html")]
struct UploadPage {
    f: Frame,
    party: Option<String>,
    is_kept: bool,
    /// Of which document it is a version: its id, and what it is called.
    version_of: Option<(String, String)>,
    storage: String,
    rules: Vec<String>,
    folder: String,
    taken: Vec<Outcome>,
    refused: Vec<Outcome>,
    problems: Problems,
}

impl At {
    async fn upload_page(
        &self,
        version_of: Option<(String, String)>,
        (all, folder): (Vec<(String, Taken)>, &str),
        problems: &[FieldProblem],
    ) -> Result<UploadPage, Error> {
        let visitor = &self.caller.visitor;
        let (taken, refused) = self.outcomes(all);
        let storage = self.storage(&mut visitor.app.read().await?).await?;
        Ok(UploadPage {
            f: visitor.frame(),
            party: self.party.clone(),
            is_kept: visitor.app.objects.are_kept(),
            storage,
            rules: self.rules(if version_of.is_some() { 1 } else { FILES_MAX }),
            version_of,
            folder: folder.to_owned(),
            taken,
            refused,
            problems: visitor.problems(problems),
        })
    }

    /// Takes the files of a form, one after the other, or one as a version of a document; each with what has become of it. What breaks off ends it.
    async fn take_all(
        &self,
        files: &mut Files,
        version_of: Option<&DocumentId>,
    ) -> Result<Vec<(String, Taken)>, actix_web::Error> {
        let (app, mut all) = (&self.caller.visitor.app, Vec::new());
        let most = if version_of.is_some() { 1 } else { FILES_MAX };
        loop {
            let mut part = match files.next_file().await {
                Ok(Some(part)) => part,
                Ok(None) => return Ok(all),
                // What has come before has been taken, and its sender is told so.
                Err(_) if !all.is_empty() => {
                    all.push((self.words().rest.to_string(), Taken::Refused("file_incomplete")));
                    return Ok(all);
                }
                Err(error) => return Err(error),
            };
            let folder = files.form.get("ordner");
            let sent = Sent {
                name: &part.name,
                into: version_of.map_or(Destination::Folder(folder), Destination::VersionOf),
                level: Level::Basic,
                origin: &Origin::Upload,
                source: None,
                request: self.request(),
            };
            let taken = match all.len() {
                count if count < most => take(app, &self.keeper, sent, &mut part.pieces).await?,
                _ => Taken::Refused("files_many"),
            };
            // Nobody waits for the rest from whoever is gone, or sends so slowly.
            let is_over = taken == Taken::Refused("file_incomplete");
            all.push((part.name.clone(), taken));
            if is_over {
                return Ok(all);
            }
            part.pass_over().await;
        }
    }

    async fn told(&self, version_of: Option<(String, String)>, all: Vec<(String, Taken)>, folder: &str) -> Answer {
        let visitor = &self.caller.visitor;
        if all.is_empty() {
            let missing = [FieldProblem { field: "dateien", problem: "document_missing" }];
            return Ok(visitor.page_again(&self.upload_page(version_of, (Vec::new(), folder), &missing).await?)?);
        }
        let page = self.upload_page(version_of, (all, folder), &[]).await?;
        Ok(if page.refused.is_empty() { visitor.page(&page)? } else { visitor.page_again(&page)? })
    }
}

pub async fn show(at: At) -> Answer {
    at.keeper.require_keeping()?;
    Ok(at.caller.visitor.page(&at.upload_page(None, (Vec::new(), ""), &[]).await?)?)
}

pub async fn submit(at: At, mut files: Files) -> Answer {
    at.keeper.require_keeping()?;
    let all = at.take_all(&mut files, None).await?;
    at.told(None, all, files.form.get("ordner")).await
}

/// The document that gets another version.
async fn document(at: &At, request: &HttpRequest) -> Result<(String, String), Error> {
    let (id, tx) = (document_of(request)?, &mut at.caller.visitor.app.read().await?);
    let (document, _) = at.find(tx, &id).await?;
    at.keeper.require_keeping()?;
    Ok((id.to_string(), document.filing.name))
}

pub async fn show_version(at: At, request: HttpRequest) -> Answer {
    let version_of = document(&at, &request).await?;
    Ok(at.caller.visitor.page(&at.upload_page(Some(version_of), (Vec::new(), ""), &[]).await?)?)
}

pub async fn submit_version(at: At, request: HttpRequest, mut files: Files) -> Answer {
    let (version_of, id) = (document(&at, &request).await?, document_of(&request)?);
    let all = at.take_all(&mut files, Some(&id)).await?;
    if all.len() == 1 && all.iter().all(|(_, taken)| matches!(taken, Taken::Kept(_))) {
        return Ok(at.back_to(&format!("/safe/{id}"), "version")?);
    }
    at.told(Some(version_of), all, "").await
}
