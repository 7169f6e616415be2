//! Files of a notice: as its text lists them, and as people fetch them.

use actix_web::HttpRequest;

use super::words::Words;
use super::{Answer, At, message_of};
use crate::kernel::error::Error;
use crate::kernel::id::AttachmentId;
use crate::kernel::pdf_seal::Verdict;
use crate::kernel::texts::{AttachmentTexts, Language, Text};
use crate::postbox::attachment::open::{self, File};
use crate::postbox::attachment::{Attachment, Description, Seal, SealKind};
use crate::web::file::{download, kind_label, scan_label, size};
use crate::web::seal;

/// A file in the list.
pub struct Row {
    pub id: String,
    pub name: String,
    pub kind: Text,
    pub size: String,
    pub sha256: String,
    /// What the authority says of its seal.
    pub seal: Option<String>,
    /// What was found of seals, if there is anything to say of that.
    pub judged: Vec<String>,
    pub scan: Text,
}

pub fn rows(words: &Words<'_>, attachments: Vec<Attachment>) -> Vec<Row> {
    let (t, language) = (&words.language().texts().attachment, words.language());
    let row = |Attachment { id, description, .. }: Attachment| {
        let Description { name, kind, bytes, sha256, scan, seal, judged } = description;
        Row {
            id: id.to_string(),
            name,
            kind: kind_label(t, kind).clone(),
            size: size(t, language, bytes),
            sha256,
            judged: judged_lines(language, seal.is_some(), judged.as_ref()),
            seal: seal.map(|seal| seal_label(t, &seal)),
            scan: scan_label(t, scan).clone(),
        }
    };
    attachments.into_iter().map(row).collect()
}

/// That there is no seal is worth saying where the authority says that there is one.
fn judged_lines(language: Language, is_stated: bool, judged: Option<&Verdict>) -> Vec<String> {
    match judged {
        Some(verdict) if is_stated || verdict.state().is_some() => seal::lines(language, verdict),
        None if is_stated => vec![language.texts().seal.unchecked.to_string()],
        _ => Vec::new(),
    }
}

fn seal_label(t: &AttachmentTexts, Seal { kind, by }: &Seal) -> String {
    let text = match kind {
        SealKind::Qualified => &t.seal_qualified,
        SealKind::Advanced => &t.seal_advanced,
    };
    text.with("by", by).to_string()
}

/// A file of a notice that has been opened, for whoever may read it. It is compared as a whole before the first byte leaves.
pub async fn show(at: At, request: HttpRequest) -> Answer {
    let id = message_of(&request)?;
    let attachment = request.match_info().get("anlage").and_then(AttachmentId::parse).ok_or(Error::NotFound)?;
    let File { description, bytes } = open::open(&at.caller.visitor.app, &at.reader, (&id, &attachment)).await?;
    Ok(download(&description.name, description.kind, bytes))
}
