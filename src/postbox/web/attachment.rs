//! Files of a notice: as its text lists them, and as people fetch them. Never shown by us: what is in them runs, if it runs, far from here.

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use super::words::Words;
use super::{Answer, At, message_of};
use crate::kernel::error::Error;
use crate::kernel::id::AttachmentId;
use crate::kernel::pdf_seal::Verdict;
use crate::kernel::texts::{AttachmentTexts, Language, Text};
use crate::postbox::attachment::inspect::Type;
use crate::postbox::attachment::name::disposition;
use crate::postbox::attachment::open::{self, File};
use crate::postbox::attachment::{Attachment, Description, Scan, Seal, SealKind};
use crate::web::seal;

/// Should a browser show it all the same, nothing in it loads, runs or knows us.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

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
            scan: if scan == Scan::Clean { t.scan_clean.clone() } else { t.scan_none.clone() },
        }
    };
    attachments.into_iter().map(row).collect()
}

const fn kind_label(t: &AttachmentTexts, kind: Type) -> &Text {
    match kind {
        Type::Pdf => &t.kind_pdf,
        Type::Png => &t.kind_png,
        Type::Jpeg => &t.kind_jpeg,
        Type::Text => &t.kind_text,
        Type::Xml => &t.kind_xml,
    }
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

/// In the units that people know from their devices.
fn size(t: &AttachmentTexts, language: Language, bytes: u64) -> String {
    match bytes {
        ..1000 => t.size_bytes.with("count", bytes).to_string(),
        1000..1_000_000 => t.size_kilobytes.with("count", bytes.div_ceil(1000)).to_string(),
        _ => {
            let tenths = bytes.div_ceil(100_000);
            let point = if language == Language::De { ',' } else { '.' };
            t.size_megabytes.with("count", format!("{}{point}{}", tenths / 10, tenths % 10)).to_string()
        }
    }
}

/// A file of a notice that has been opened, for whoever may read it. It is compared as a whole before the first byte leaves.
pub async fn show(at: At, request: HttpRequest) -> Answer {
    let id = message_of(&request)?;
    let attachment = request.match_info().get("anlage").and_then(AttachmentId::parse).ok_or(Error::NotFound)?;
    let File { description, bytes } = open::open(&at.caller.visitor.app, &at.reader, (&id, &attachment)).await?;
    let length = bytes.length();
    Ok(HttpResponse::Ok()
        .content_type(description.kind.media_type())
        .insert_header((header::CONTENT_DISPOSITION, disposition(&description.name)))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(SizedStream::new(length, Box::pin(bytes.stream()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_at_a_glance() {
        let german = |bytes| size(&Language::De.texts().attachment, Language::De, bytes);
        let english = |bytes| size(&Language::En.texts().attachment, Language::En, bytes);
        assert_eq!([german(1), german(999), german(1000), german(1001)], ["1 Byte", "999 Byte", "1 kB", "2 kB"]);
        assert_eq!([german(999_999), german(1_000_000), german(26_214_400)], ["1000 kB", "1,0 MB", "26,3 MB"]);
        assert_eq!([english(1_450_000), english(12)], ["1.5 MB", "12 bytes"]);
    }
}
